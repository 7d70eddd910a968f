//! Dates and times as features: cyclic parts, and the time that has gone by.

mod form;

use std::f64::consts::TAU;

use jiff::Timestamp;
use jiff::tz::Offset;

pub(super) use form::Form;

use crate::numbers::scalar::Float;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Units that dates may be whole in, in microseconds, longest first.
const UNITS: [i64; 6] = [DAY, 3_600_000_000, 60_000_000, SECOND, 1_000, 1];

/// A part of a date that becomes features.
///
/// | part | features | way back |
/// |---|---|---|
/// | `TimeOfDay` | sine and cosine, once round in a day | the time |
/// | `DayOfWeek` | sine and cosine, once round in a week, from Monday on | |
/// | `DayOfYear` | sine and cosine, once round in the year, leap or not | |
/// | `Elapsed` | days since the first date of the table, with their fraction | the date |
///
/// # Precision
/// On the way back a moment is rounded to what all dates of the table are whole in: days, hours, minutes, seconds,
/// milliseconds, or microseconds, which are the least that is kept. Single precision (`f32`) tells the time of day to
/// about a millisecond, and elapsed time without it to one part in ten million: of ten years, to some twenty seconds.
/// So it tells seconds in any year where the time of day is a feature; `f64` tells microseconds. This is so of the dates
/// that were read too, which an [`Explanation`](crate::anomaly::Explanation) gives as the features have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DatePart {
    /// Sine and cosine of the time of day.
    TimeOfDay,
    /// Sine and cosine of the day of the week.
    DayOfWeek,
    /// Sine and cosine of the day of the year.
    DayOfYear,
    /// Days since the first date of the table.
    Elapsed,
}

impl DatePart {
    /// All of them, in the order of their features.
    pub const ALL: [Self; 4] = [Self::TimeOfDay, Self::DayOfWeek, Self::DayOfYear, Self::Elapsed];

    pub(super) fn features(self) -> usize {
        if self == Self::Elapsed { 1 } else { 2 }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TimeOfDay => "time of day",
            Self::DayOfWeek => "day of the week",
            Self::DayOfYear => "day of the year",
            Self::Elapsed => "days elapsed",
        }
    }
}

/// What has been seen of a column of dates.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    form: Form,
    first: Option<i64>,
    least: i64,
    greatest: i64,
    unit: usize,
    varies: [bool; 3],
}

impl Seen {
    pub(super) fn new(form: Form) -> Self {
        Self { form, first: None, least: 0, greatest: 0, unit: 0, varies: [false; 3] }
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// Takes one more date; says whether it is one.
    pub(super) fn add(&mut self, text: &[u8]) -> bool {
        let Some(moment) = self.form.moment(text) else { return false };
        if self.form.is_iso && !self.form.format.contains("%.f") {
            self.take_form(text);
        }
        let Some(first) = self.first else {
            (self.first, self.least, self.greatest) = (Some(moment), moment, moment);
            return true;
        };
        (self.least, self.greatest) = (self.least.min(moment), self.greatest.max(moment));
        while (moment - first) % UNITS[self.unit] != 0 {
            self.unit += 1;
        }
        for (varies, part) in self.varies.iter_mut().zip(DatePart::ALL) {
            *varies = *varies || turn(part, moment) != turn(part, first);
        }
        true
    }

    /// Written back as the one that says most.
    fn take_form(&mut self, text: &[u8]) {
        if let Some(form) = Form::of_iso(text)
            && form.format.len() > self.form.format.len()
        {
            self.form.format = form.format;
        }
    }

    pub(super) fn dates(self) -> Dates {
        let has_day = self.form.has_day;
        let varying = self.varies.iter().zip(DatePart::ALL);
        let varying = varying.filter_map(|(&varies, part)| varies.then_some(part));
        let mut parts: Vec<DatePart> = varying.collect();
        if has_day {
            parts.push(DatePart::Elapsed);
        } else if parts.is_empty() {
            parts.push(DatePart::TimeOfDay);
        }
        let (origin, latest) = (self.least, self.greatest);
        Dates { form: self.form, origin, latest, unit: UNITS[self.unit], parts }
    }
}

/// How far round a part is, from 0 to 1; of what is not cyclic, 0.
fn turn(part: DatePart, moment: i64) -> f64 {
    let day = moment.div_euclid(DAY);
    match part {
        DatePart::TimeOfDay => moment.rem_euclid(DAY) as f64 / DAY as f64,
        // The first of January 1970 was a Thursday.
        DatePart::DayOfWeek => (day + 3).rem_euclid(7) as f64 / 7.0,
        DatePart::DayOfYear => {
            let at = Timestamp::from_microsecond(moment).map(|at| Offset::UTC.to_datetime(at));
            at.map_or(0.0, |at| f64::from(at.day_of_year() - 1) / f64::from(at.days_in_year()))
        }
        DatePart::Elapsed => 0.0,
    }
}

/// A column of dates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dates {
    pub(super) form: Form,
    /// The first and the last one of the table.
    pub(super) origin: i64,
    pub(super) latest: i64,
    /// What the time between any two of them is a multiple of.
    pub(super) unit: i64,
    pub(super) parts: Vec<DatePart>,
}

impl Dates {
    pub(super) fn features(&self) -> usize {
        self.parts.iter().map(|part| part.features()).sum()
    }

    /// Whether they can be those of a table, whatever file they come from.
    #[cfg(feature = "safetensors")]
    pub(super) fn is_right(&self) -> bool {
        let Self { form, origin, latest, unit, parts } = self;
        let rise = parts.windows(2).all(|pair| pair[0] < pair[1]);
        let may_have = parts.iter().all(|&part| self.may_have(part));
        let all = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
        let are_dates = all.contains(origin) && all.contains(latest) && origin <= latest;
        form.is_right()
            && are_dates
            && UNITS.contains(unit)
            && !parts.is_empty()
            && rise
            && may_have
    }

    /// What can be chosen of these.
    pub(super) fn may_have(&self, part: DatePart) -> bool {
        self.form.has_day || part == DatePart::TimeOfDay
    }

    pub(super) fn encode<T: Float>(&self, moment: i64, to: &mut [T]) {
        let mut to = to.iter_mut();
        let mut put = |value: f64| {
            if let Some(to) = to.next() {
                *to = T::of(value);
            }
        };
        for &part in &self.parts {
            if part == DatePart::Elapsed {
                put((moment - self.origin) as f64 / DAY as f64);
            } else {
                let (sine, cosine) = (TAU * turn(part, moment)).sin_cos();
                put(sine);
                put(cosine);
            }
        }
    }

    /// The date of these features. The time of day is told by its own features where there are such, and the day by
    /// the time that has gone by, so that single precision tells seconds in any year: days alone, of which there are
    /// some thousands, it tells to some ten seconds.
    pub(super) fn decode<T: Float>(&self, from: &[T], was_read: bool) -> String {
        // Single precision tells seconds, and not what is less.
        let unit = if was_read { self.unit.min(SECOND) } else { self.unit };
        let mut turns = [None; 3];
        let mut elapsed = None;
        let mut rest = from;
        for &part in &self.parts {
            let (own, after) = rest.split_at(part.features().min(rest.len()));
            rest = after;
            match *own {
                [days] => elapsed = Some(days.to_double()),
                [sine, cosine] => {
                    let angle = f64::atan2(sine.to_double(), cosine.to_double());
                    turns[part as usize] = Some((angle / TAU).rem_euclid(1.0));
                }
                _ => {}
            }
        }
        let day = DAY as f64;
        let time = turns[0].map(|turn| turn * day);
        match (elapsed, time) {
            (Some(days), Some(time)) => {
                let about = self.origin as f64 + days * day;
                let start = ((about - time) / day).round();
                // In whole numbers, as a moment in microseconds has more digits than are lost here.
                let moment = (start as i64).saturating_mul(DAY).saturating_add(time.round() as i64);
                self.form.text(self.whole(moment, unit))
            }
            (Some(days), None) => {
                let moment = self.origin.saturating_add((days * day).round() as i64);
                self.form.text(self.whole(moment, unit))
            }
            (None, Some(time)) if !self.form.has_day => {
                self.form.text(self.whole(time.round() as i64, unit).rem_euclid(DAY))
            }
            (None, time) => parts_in_words(time, turns[1], turns[2]),
        }
    }

    /// The moment nearest to this one that is whole in a unit.
    fn whole(&self, moment: i64, unit: i64) -> i64 {
        let since = moment.saturating_sub(self.origin);
        let rest = since.rem_euclid(unit);
        let up = if 2 * rest >= unit { unit } else { 0 };
        moment.saturating_sub(rest).saturating_add(up)
    }
}

/// What is known without the time that has gone by: `about day 64 of the year, Monday, 13:30:00`, as years differ by a day.
fn parts_in_words(time: Option<f64>, week: Option<f64>, year: Option<f64>) -> String {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let year =
        year.map(|turn| format!("about day {} of the year", (turn * 365.25).round() as u32 + 1));
    let week = week.map(|turn| DAYS[(turn * 7.0).round() as usize % 7].to_owned());
    let time = time.map(|micros| {
        let seconds = (micros / 1e6).round() as u32 % 86_400;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    });
    [year, week, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn dates(form: Form, texts: &[&str]) -> Dates {
        let mut seen = Seen::new(form);
        texts.iter().for_each(|text| assert!(seen.add(text.as_bytes()), "{text}"));
        seen.dates()
    }

    fn iso(texts: &[&str]) -> Dates {
        dates(Form::of_iso(texts[0].as_bytes()).unwrap(), texts)
    }

    fn there_and_back(dates: &Dates, text: &str) -> String {
        let mut features = vec![0.0_f32; dates.features()];
        dates.encode(dates.form.moment(text.as_bytes()).unwrap(), &mut features);
        dates.decode(&features, false)
    }

    /// `datetime.date(2024, 2, 29).timetuple().tm_yday` is 60, its `weekday()` 3; 2024 has 366 days. In Python.
    #[test]
    fn parts_go_round() {
        let dates = iso(&["2024-02-28 06:00", "2024-02-29 18:00", "2023-02-28 06:00"]);
        assert_eq!(dates.parts, DatePart::ALL);
        let mut features = [0.0_f64; 7];
        dates.encode(dates.form.moment(b"2024-02-29 18:00").unwrap(), &mut features);
        let turns = [0.75, 3.0 / 7.0, 59.0 / 366.0];
        for (own, turn) in features.chunks(2).zip(turns) {
            let expected = (TAU * turn).sin_cos();
            let error = (own[0] - expected.0).abs().max((own[1] - expected.1).abs());
            assert!(error < 1e-14, "{own:?} and {expected:?}");
        }
        // From 2023-02-28 06:00 on: 365 days, one more, and half a day.
        assert_eq!(features[6], 366.5);
    }

    /// A day's features, in single precision, tell it to the second in any year: half a second is 3.6e-5 of a turn in
    /// radians, and an angle is known to about 1e-7.
    #[test]
    fn single_precision_tells_seconds() {
        let (first, last) = ("1950-01-01T00:00:00", "2150-12-31T23:59:59");
        let dates = iso(&[first, last]);
        let (first, last) = (dates.origin, dates.latest);
        for step in 0..20_000_i64 {
            // Steps that have nothing to do with days.
            let moment = first + (last - first) / 20_000 / 1_000_000 * 1_000_000 * step;
            let text = dates.form.text(moment);
            assert_eq!(there_and_back(&dates, &text), text);
        }
    }

    #[test]
    fn forms_are_written_back() {
        for (texts, parts) in [
            (vec!["2024-05-01", "2024-05-02"], 3),
            (vec!["2024-05-01", "2024-05-08"], 2),
            (vec!["2024-05-01T13:30", "2024-05-01T14:00"], 2),
            (vec!["2024-05-01 13:30:07", "2024-06-01 00:00:00"], 4),
            (vec!["2024-05-01T13:30:00.25", "2024-05-01T13:30:01.5"], 2),
            (vec!["2024-05-01T13:30:00Z", "2024-05-02T13:30:00Z"], 3),
            (vec!["2024-05-01"], 1),
        ] {
            let dates = iso(&texts);
            assert_eq!(dates.parts.len(), parts, "{texts:?}");
            for text in texts {
                assert_eq!(there_and_back(&dates, text), text);
            }
        }
        for (format, text) in [
            ("%d.%m.%Y", "07.03.2021"),
            ("%d/%m/%y %H:%M", "02/01/99 23:59"),
            ("%H:%M", "07:30"),
            ("%s", "1577934245"),
            ("%Y-%m-%d %H:%M:%S %z", "2020-01-02 03:04:05 +0000"),
            ("%b %d %Y %I:%M %p", "Jan 02 2020 07:30 PM"),
        ] {
            let form = Form::of_format(format).unwrap();
            assert_eq!(there_and_back(&dates(form, &[text]), text), text, "{format}");
        }
    }

    /// Without colons, and with a comma before the fraction, as ISO 8601 also has them: they are written back as the
    /// same moments.
    #[test]
    fn all_of_iso_is_written_back() {
        for (texts, written) in [
            (["2024-05-01T13:30:07,123", "2024-05-01T13:30:08"], "2024-05-01T13:30:07.123"),
            (["2024-05-01T133007", "2024-05-01T133008"], "2024-05-01T13:30:07"),
            (["2024-05-01 133007.5Z", "2024-05-02 13:30Z"], "2024-05-01 13:30:07.5Z"),
            (
                ["2024-05-01T13:30:07,000001+02:00", "2024-05-02T13+02:00"],
                "2024-05-01T11:30:07.000001Z",
            ),
            (["2024-05-01T1330", "2024-05-02T1331"], "2024-05-01T13:30"),
            (["2024-05-01", "2024-05-02"], "2024-05-01"),
        ] {
            for texts in [texts, [texts[1], texts[0]]] {
                let dates = iso(&texts);
                for text in texts {
                    let moment = dates.form.moment(text.as_bytes()).unwrap();
                    let mut features = vec![0.0_f64; dates.features()];
                    dates.encode(moment, &mut features);
                    let back = dates.decode(&features, false);
                    assert_eq!(
                        dates.form.moment(back.as_bytes()),
                        Some(moment),
                        "{text} and {back}"
                    );
                }
                let moment = dates.form.moment(written.as_bytes()).unwrap();
                assert_eq!(dates.form.text(moment), written);
                #[cfg(feature = "safetensors")]
                assert!(dates.is_right());
            }
        }
    }

    /// An angle that is known to 6e-8 of its sine or cosine is a time known to 86,400 s / 2π · 6e-8, which is 825 µs.
    #[test]
    fn single_precision_tells_milliseconds_of_a_day() {
        let dates = iso(&["2024-05-01T00:00:00.000001", "2034-05-01T23:59:59"]);
        for step in 0..10_000_i64 {
            let moment = dates.origin + 8_640_123_457 % DAY * step;
            let text = dates.form.text(moment);
            let back = dates.form.moment(there_and_back(&dates, &text).as_bytes()).unwrap();
            assert!((back - moment).abs() <= 825, "{text}: {} µs", back - moment);
        }
    }

    #[test]
    fn zones_are_taken_to_utc() {
        let dates = iso(&["2024-05-01T01:30:00+02:00", "2024-05-01T13:30:00-05:00"]);
        assert_eq!(there_and_back(&dates, "2024-05-01T01:30:00+02:00"), "2024-04-30T23:30:00Z");
        assert_eq!(dates.form.moment(b"2024-05-01T01:30:00"), None);
        let plain = Form::of_iso(b"2024-05-01").unwrap();
        for text in ["2024-05-01T01:30:00Z", "2024-05-01T01:30+02:00", "20240501", "2024-13-01", ""]
        {
            assert_eq!(plain.moment(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn formats_without_a_date_are_refused() {
        for format in ["", "%Y", "%B", "%A", "%k%", "%Y-%m-%d %Q", "%H:%M %z", "%é", "%Y-%m"] {
            let refused = Form::of_format(format).unwrap_err();
            assert!(matches!(refused, Error::DateFormat { .. }), "{format}: {refused}");
        }
    }

    #[test]
    fn without_elapsed_time_the_parts_are_told() {
        let mut dates = iso(&["2024-03-04 13:30", "2023-01-01 12:00"]);
        dates.parts = vec![DatePart::TimeOfDay, DatePart::DayOfWeek, DatePart::DayOfYear];
        let said = there_and_back(&dates, "2024-03-04 13:30");
        assert_eq!(said, "about day 64 of the year, Monday, 13:30:00");
    }

    #[test]
    fn what_a_model_makes_up_is_a_date_too() {
        let dates = iso(&["2024-05-01 10:00", "2024-06-02 11:00"]);
        for value in [0.0, 1e30, -1e30, f64::MAX, 3.7e6, -8e5] {
            let text = dates.decode(&vec![value; dates.features()], false);
            assert!(dates.form.moment(text.as_bytes()).is_some(), "{value}: {text}");
        }
    }
}
