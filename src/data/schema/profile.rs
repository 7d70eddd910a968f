//! What is seen of a column when a table is read for the first time, in memory that does not grow with the table.

use std::collections::HashMap;

use super::dates::{Form, Seen};
use super::levels::has_leading_zeros;
use crate::data::csv::{Misfit, Numbers, is_in_single_quotes, no_text, trimmed};

/// Longer texts are no levels.
pub(super) const LONGEST_LEVEL: usize = 256;
/// How many numbers may be counted as levels of a category that is coded in numbers.
pub(super) const CODES: usize = 9;

/// A level and how often it was seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    pub(super) text: String,
    pub(super) count: usize,
}

/// Different texts, as long as they are few.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    places: HashMap<Box<[u8]>, usize>,
    counted: Vec<Counted>,
    latest: usize,
    /// Why they are not counted any more.
    end: Option<End>,
}

/// Why texts are no levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    TooMany,
    TooLong,
}

impl Counter {
    /// Counts one more.
    fn add(&mut self, text: &[u8], most: usize) -> Result<(), Misfit> {
        if self.end.is_some() {
            return Ok(());
        }
        // As often as not it is the one that was before it.
        let is_latest =
            self.counted.get(self.latest).is_some_and(|one| one.text.as_bytes() == text);
        let place = if is_latest { Some(self.latest) } else { self.places.get(text).copied() };
        if let Some(place) = place {
            self.counted[place].count += 1;
            self.latest = place;
            return Ok(());
        }
        let is_too_long = text.len() > LONGEST_LEVEL;
        if is_too_long || self.counted.len() == most {
            let end = Some(if is_too_long { End::TooLong } else { End::TooMany });
            *self = Self { end, ..Self::default() };
            return Ok(());
        }
        let name = str::from_utf8(text).map_err(|_| no_text(text))?;
        self.latest = self.counted.len();
        self.places.insert(text.into(), self.latest);
        self.counted.push(Counted { text: name.to_owned(), count: 1 });
        Ok(())
    }

    /// The different texts, the most frequent first, and those that are alike by their text; `None` if they are too
    /// many, or one is too long.
    pub(super) fn levels(&self) -> Option<Vec<Counted>> {
        let mut levels = self.counted.clone();
        levels.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
        self.end.is_none().then_some(levels)
    }

    /// Why there are no levels, if there are none.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }
}

/// What has been seen of a column.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) rows: usize,
    pub(super) missing: usize,
    /// Cells that are numbers.
    pub(super) numbers: usize,
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) are_whole: bool,
    /// Whether some are written with zeros before them, as codes are.
    pub(super) have_leading_zeros: bool,
    /// Whether each is greater than the one before it.
    pub(super) rise: bool,
    latest: f64,
    pub(super) decimals: Option<usize>,
    /// The first cell that is no number, and its line.
    pub(super) first_text: Option<(String, u64)>,
    pub(super) texts_in_single_quotes: usize,
    /// Texts that are numbers beyond all others, such as `inf`.
    pub(super) infinite: usize,
    pub(super) counter: Counter,
    /// What is left of the forms that all texts may be dates in.
    pub(super) dates: Vec<Seen>,
    knows_form: bool,
}

impl Profile {
    /// Of a column whose texts may be dates in these forms, or in ISO 8601.
    pub(super) fn new(forms: &[Form]) -> Self {
        Self {
            rows: 0,
            missing: 0,
            numbers: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            are_whole: true,
            have_leading_zeros: false,
            rise: true,
            latest: f64::NEG_INFINITY,
            decimals: Some(0),
            first_text: None,
            texts_in_single_quotes: 0,
            infinite: 0,
            counter: Counter::default(),
            dates: forms.iter().cloned().map(Seen::new).collect(),
            knows_form: false,
        }
    }

    /// The cells that are there.
    pub(super) fn present(&self) -> usize {
        self.rows - self.missing
    }

    /// Whether there are cells, and each is a number.
    pub(super) fn are_all_numbers(&self) -> bool {
        self.present() > 0 && self.numbers == self.present()
    }

    /// Takes one more cell.
    pub(super) fn add(
        &mut self,
        cell: &[u8],
        line: u64,
        numbers: &Numbers,
        scratch: &mut Vec<u8>,
        most_levels: usize,
    ) -> Result<(), Misfit> {
        self.rows += 1;
        let text = trimmed(cell);
        match numbers.number::<f64>(text, scratch) {
            Some(number) if number.is_nan() => {
                self.missing += 1;
                return Ok(());
            }
            Some(number) => self.add_number(text, number, numbers),
            None => self.add_text(text, line),
        }
        self.counter.add(text, most_levels)
    }

    fn add_number(&mut self, text: &[u8], number: f64, numbers: &Numbers) {
        self.numbers += 1;
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.are_whole &= number.fract() == 0.0;
        self.rise &= number > self.latest;
        self.latest = number;
        self.have_leading_zeros |= has_leading_zeros(text);
        self.decimals = match (self.decimals, numbers.decimals(text)) {
            (Some(most), Some(decimals)) => Some(most.max(decimals)),
            _ => None,
        };
        self.dates.clear();
        self.knows_form = true;
    }

    fn add_text(&mut self, text: &[u8], line: u64) {
        if self.first_text.is_none() {
            self.first_text = Some((crate::error::beginning(text), line));
        }
        self.texts_in_single_quotes += usize::from(is_in_single_quotes(text));
        let number = str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        self.infinite += usize::from(number.is_some_and(f64::is_infinite));
        if !self.knows_form {
            self.knows_form = true;
            self.dates.extend(Form::of_iso(text).map(Seen::new));
        }
        if !self.dates.is_empty() {
            self.dates.retain_mut(|dates| dates.add(text));
        }
    }
}
