//! How dates are written: in ISO 8601, or in a format as strptime has them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{Offset, TimeZone};

use crate::error::{Error, Result};

/// The beginning of the year 1, in microseconds since 1970.
const YEAR_1: i64 = -719_162 * super::DAY;

/// How dates are written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data::schema) struct Form {
    /// As strptime has it; what is written back, where ISO 8601 is read.
    pub(in crate::data::schema) format: String,
    pub(in crate::data::schema) is_iso: bool,
    /// Whether each has a zone or an offset from UTC. Such are told in UTC.
    pub(in crate::data::schema) is_zoned: bool,
    /// Whether each has a day, and not only a time.
    pub(in crate::data::schema) has_day: bool,
}

impl Form {
    /// That of dates in ISO 8601 such as this one, if it is one.
    pub(in crate::data::schema) fn of_iso(text: &[u8]) -> Option<Self> {
        let is_zoned = has_zone(text)?;
        let mut format = "%Y-%m-%d".to_owned();
        if let Some(&separator) = text.get(10) {
            let is_lower = separator == b't';
            format.push(if is_lower { 'T' } else { char::from(separator) });
            let colons = text[11..].iter().take(6).filter(|&&byte| byte == b':').count();
            format.push_str(if colons == 2 { "%H:%M:%S" } else { "%H:%M" });
            if text[11..].contains(&b'.') {
                format.push_str("%.f");
            }
        }
        if is_zoned {
            format.push('Z');
        }
        let mut form = Self { format, is_iso: true, is_zoned, has_day: true };
        let moment = form.moment(text)?;
        // Without colons, or with a comma before the fraction.
        if text.len() > 10 && !form.tells(moment) {
            let zone = if is_zoned { "Z" } else { "" };
            let format = format!("{}%H:%M:%S%.f{zone}", &form.format[..9]);
            let finer = Self { format, ..form.clone() };
            if finer.tells(moment) {
                form = finer;
            }
        }
        Some(form)
    }

    /// Whether what is written back is the same moment.
    fn tells(&self, moment: i64) -> bool {
        self.moment(self.text(moment).as_bytes()) == Some(moment)
    }

    /// That of a format as strptime has it.
    pub(in crate::data::schema) fn of_format(format: &str) -> Result<Self> {
        let refuse = |fault| Err(Error::DateFormat { format: format.to_owned(), fault });
        if format.contains("%Q") || format.contains("%:Q") {
            return refuse("names a zone by its city, which takes a table of zones");
        }
        // Any moment does, as long as its parts differ.
        let sample = Timestamp::new(1_700_140_455, 0).map(|at| at.to_zoned_datetime(TimeZone::UTC));
        let text = sample.and_then(|sample| strtime::format(format, &sample));
        let parsed = text.and_then(|text| strtime::parse(format, text));
        let Ok(parsed) = parsed else { return refuse("cannot be read by") };
        let is_zoned = parsed.to_timestamp().is_ok();
        let has_day = is_zoned || parsed.to_date().is_ok();
        if !has_day && (parsed.hour().is_none() || parsed.offset().is_some()) {
            return refuse("has neither a whole date nor a time of day without a zone");
        }
        if has_day && !is_zoned && parsed.offset().is_some() {
            return refuse("has an offset from UTC, but no time to take it from");
        }
        Ok(Self { format: format.to_owned(), is_iso: false, is_zoned, has_day })
    }

    /// The moment of a text, in microseconds since 1970 or since midnight.
    pub(in crate::data::schema) fn moment(&self, text: &[u8]) -> Option<i64> {
        static ISO: DateTimeParser = DateTimeParser::new();
        let of_day = |at: DateTime| Offset::UTC.to_timestamp(at).ok();
        let at = if self.is_iso {
            if has_zone(text)? != self.is_zoned {
                return None;
            }
            match self.is_zoned {
                true => ISO.parse_timestamp(text).ok()?,
                false => of_day(ISO.parse_datetime(text).ok()?)?,
            }
        } else {
            let parsed = strtime::parse(&self.format, text).ok()?;
            match (self.is_zoned, self.has_day) {
                (true, _) => parsed.to_timestamp().ok()?,
                (false, true) => of_day(parsed.to_datetime().ok()?)?,
                (false, false) => {
                    let day = jiff::civil::date(1970, 1, 1);
                    of_day(day.to_datetime(parsed.to_time().ok()?))?
                }
            }
        };
        Some(at.as_microsecond())
    }

    /// The text of a moment; one beyond the years of four digits is the first or the last of them.
    pub(in crate::data::schema) fn text(&self, moment: i64) -> String {
        let moment = moment.clamp(YEAR_1, Timestamp::MAX.as_microsecond());
        let at = Timestamp::from_microsecond(moment).unwrap_or(Timestamp::UNIX_EPOCH);
        let text = match (self.is_zoned, self.has_day) {
            (true, _) => strtime::format(&self.format, &at.to_zoned_datetime(TimeZone::UTC)),
            (false, true) => strtime::format(&self.format, Offset::UTC.to_datetime(at)),
            (false, false) => strtime::format(&self.format, Offset::UTC.to_datetime(at).time()),
        };
        // The format was tried when it was given.
        text.unwrap_or_default()
    }

    /// Whether it is one of those that are made here, whatever file it comes from.
    #[cfg(feature = "safetensors")]
    pub(super) fn is_right(&self) -> bool {
        if self.is_iso {
            self.has_day && is_iso_format(&self.format, self.is_zoned)
        } else {
            Self::of_format(&self.format).is_ok_and(|right| right == *self)
        }
    }

    /// Of what a cell should be.
    pub(in crate::data::schema) fn expected(&self) -> &'static str {
        match (self.is_iso, self.is_zoned) {
            (true, true) => {
                "a date in ISO 8601 with its zone, as the others of the column have (2024-05-01T13:30:00Z)"
            }
            (true, false) => {
                "a date in ISO 8601 without a zone, as the others of the column are (2024-05-01, 2024-05-01T13:30)"
            }
            _ => "a date in the format of the column (`Schema::date` takes another)",
        }
    }
}

/// Whether a text that begins as a date in ISO 8601 has a zone; `None` of one that does not begin so.
fn has_zone(text: &[u8]) -> Option<bool> {
    let is_date = text.len() >= 10 && text[4] == b'-' && text[7] == b'-';
    let digits = [0, 1, 2, 3, 5, 6, 8, 9];
    if !is_date || !digits.iter().all(|&at| text[at].is_ascii_digit()) {
        return None;
    }
    match text.get(10) {
        None => Some(false),
        Some(b'T' | b't' | b' ') => {
            Some(text[10..].iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-')))
        }
        Some(_) => None,
    }
}

/// Whether this is how dates in ISO 8601 are written back.
#[cfg(feature = "safetensors")]
fn is_iso_format(format: &str, is_zoned: bool) -> bool {
    let format = if is_zoned { format.strip_suffix('Z') } else { Some(format) };
    let time = format.and_then(|format| format.strip_prefix("%Y-%m-%d"));
    let times = ["%H:%M", "%H:%M:%S", "%H:%M%.f", "%H:%M:%S%.f"];
    time.is_some_and(|time| {
        time.is_empty()
            || times.iter().any(|of| time.get(1..) == Some(of) && time.starts_with(['T', ' ']))
    })
}
