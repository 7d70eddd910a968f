//! Dates and times as features: cyclic parts, and the time that has gone by.

mod form;
#[cfg(test)]
mod tests;

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
            (None, time) => {
                let time = time.map(|time| self.whole(time.round() as i64, unit).rem_euclid(DAY));
                parts_in_words(time, turns[1], turns[2])
            }
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
fn parts_in_words(time: Option<i64>, week: Option<f64>, year: Option<f64>) -> String {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let year =
        year.map(|turn| format!("about day {} of the year", (turn * 365.25).round() as u32 + 1));
    let week = week.map(|turn| DAYS[(turn * 7.0).round() as usize % 7].to_owned());
    let time = time.map(|micros| {
        let seconds = (micros + SECOND / 2) / SECOND % 86_400;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    });
    [year, week, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
