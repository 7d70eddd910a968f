//! A column of a schema: what it is, and how a cell of it becomes features and comes back.

use std::borrow::Cow;

use super::cell::Cell;
use super::dates::Dates;
use super::levels::{Category, Levels, Place, Sought};
use crate::data::csv::{Misfit, Numbers, no_text, trimmed};
use crate::error::{Found, Number};
use crate::numbers::scalar::Float;

/// What a column of a table is.
///
/// | kind | features | loss of [`Schema::loss`](super::Schema::loss) | way back |
/// |---|---|---|---|
/// | `Number` | 1 | [`LearnedGaussian`](crate::LearnedGaussian) | as many decimals as the table had |
/// | `Category` | one a level, one for all rare ones, one for what was never seen | [`Categorical`](crate::Categorical) | the likeliest level |
/// | `Ordinal` | two, however many levels: the rank, from 0 to 1, and whether the level was never seen | `LearnedGaussian`, [`BernoulliCrossEntropy`](crate::BernoulliCrossEntropy) | the nearest level |
/// | `Boolean` | two: 0 or 1, and whether the level was never seen | `BernoulliCrossEntropy` | the likelier of the two |
/// | `Date` | those of each [`DatePart`](super::DatePart) | `LearnedGaussian` | the date, in its format |
/// | `LeftOut` | none | | |
/// | `Label` | none | | |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A measure or a count.
    Number,
    /// Levels without an order.
    Category,
    /// Levels in an order.
    Ordinal,
    /// One of two levels.
    Boolean,
    /// A date, a time, or both.
    Date,
    /// No feature: an identifier, free text, or what the user has left out.
    LeftOut,
    /// No feature, but what [`Table::labels`](super::Table::labels) gives.
    Label,
}

/// As the table of a schema has it.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::Ordinal => "ordinal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::LeftOut => "left out",
            Self::Label => "label",
        })
    }
}

/// What a feature is, as far as losses and normalizers ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A number in units of its own.
    Measure,
    /// A number that never changed in the table.
    Constant,
    /// A number from −1 or 0 to 1.
    Bounded,
    /// 0 or 1.
    YesNo,
    /// So many features of which one is 1.
    OneOf(usize),
}

impl Part {
    pub(crate) fn features(self) -> usize {
        if let Self::OneOf(levels) = self { levels } else { 1 }
    }
}

/// A cell before it is known what it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Text(&'a [u8]),
    Number(f64),
    Missing,
}

/// A column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// Digits behind the point, if that could be told.
    pub(super) decimals: Option<usize>,
}

/// A column, with what it takes to make features of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Coding {
    Number(Range),
    Category(Category),
    Ordinal(Levels),
    Boolean(Levels),
    Date(Dates),
    LeftOut,
    Label { are_numbers: bool },
}

const UNIT: &str = "a finite number (`Schema::category` if these are levels, `leave_out` if the column is not wanted, \
                    `CsvOptions::missing_marks` of `SchemaOptions::csv` if this text means that the value is missing)";
const FINITE: &str = "a finite number";
const A_DATE: &str = "a date as a text in the format of its column";

/// A column of a [`Schema`](super::Schema).
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    pub(super) name: String,
    pub(super) coding: Coding,
    /// Cells that are missing in the table, and all there are.
    pub(super) missing: usize,
    pub(super) rows: usize,
    /// Why it is what it is.
    pub(super) why: String,
    /// Whether it has one more feature that says whether the cell is missing.
    pub(super) has_indicator: bool,
}

impl TableColumn {
    /// What the header calls it; `#3` in a table without a header, counted from 0 as in
    /// [`Column::Index`](crate::data::Column::Index).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.coding {
            Coding::Number(_) => Kind::Number,
            Coding::Category(_) => Kind::Category,
            Coding::Ordinal(_) => Kind::Ordinal,
            Coding::Boolean(_) => Kind::Boolean,
            Coding::Date(_) => Kind::Date,
            Coding::LeftOut => Kind::LeftOut,
            Coding::Label { .. } => Kind::Label,
        }
    }

    /// Its levels: of a category the most frequent first, of an ordinal column from the lowest to the highest, of a
    /// boolean one that of 0 and that of 1. None for other kinds; without the rare ones of a category.
    pub fn levels(&self) -> &[String] {
        match &self.coding {
            Coding::Category(category) => category.levels.names(),
            Coding::Ordinal(levels) | Coding::Boolean(levels) => levels.names(),
            _ => &[],
        }
    }

    /// The levels of a category that have one feature together, because they are rare.
    pub fn rare_levels(&self) -> &[String] {
        match &self.coding {
            Coding::Category(category) => category.folded.names(),
            _ => &[],
        }
    }

    /// The share of its cells that were missing, from 0 to 1.
    pub fn missing(&self) -> f64 {
        self.missing as f64 / self.rows.max(1) as f64
    }

    /// Why it is of its kind, in a few words.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What its features are, without the indicator.
    pub(super) fn parts(&self) -> Vec<Part> {
        match &self.coding {
            Coding::Number(range) if range.least == range.greatest => vec![Part::Constant],
            Coding::Number(_) => vec![Part::Measure],
            Coding::Category(category) => vec![Part::OneOf(category.features())],
            Coding::Ordinal(_) => vec![Part::Bounded, Part::YesNo],
            Coding::Boolean(_) => vec![Part::YesNo, Part::YesNo],
            Coding::Date(dates) => {
                let parts = dates.parts.iter();
                let of = |part: &super::DatePart| match part.features() {
                    // Days that have gone by.
                    1 if dates.origin == dates.latest => vec![Part::Constant],
                    1 => vec![Part::Measure],
                    count => vec![Part::Bounded; count],
                };
                parts.flat_map(of).collect()
            }
            Coding::LeftOut | Coding::Label { .. } => Vec::new(),
        }
    }

    pub(super) fn features(&self) -> usize {
        self.own_features() + usize::from(self.has_indicator)
    }

    fn own_features(&self) -> usize {
        match &self.coding {
            Coding::Number(_) => 1,
            Coding::Category(category) => category.features(),
            Coding::Ordinal(_) | Coding::Boolean(_) => 2,
            Coding::Date(dates) => dates.features(),
            Coding::LeftOut | Coding::Label { .. } => 0,
        }
    }

    /// What its features are called.
    pub(super) fn feature_names(&self, names: &mut Vec<String>) {
        let name = &self.name;
        match &self.coding {
            Coding::Number(_) => names.push(name.clone()),
            Coding::Category(category) => {
                let features = 0..category.features();
                names.extend(features.map(|feature| format!("{name}={}", category.name(feature))));
            }
            Coding::Ordinal(levels) => {
                names.extend([name.clone(), format!("{name}={}", levels.unknown_name())]);
            }
            Coding::Boolean(levels) => {
                let yes = levels.names().get(1).map_or("", String::as_str);
                let unknown = levels.unknown_name();
                names.extend([format!("{name}={yes}"), format!("{name}={unknown}")]);
            }
            Coding::Date(dates) => {
                for part in &dates.parts {
                    match part.features() {
                        1 => names.push(format!("{name} ({})", part.name())),
                        _ => names.extend(
                            ["sine", "cosine"]
                                .map(|of| format!("{name} ({of} of {})", part.name())),
                        ),
                    }
                }
            }
            Coding::LeftOut | Coding::Label { .. } => {}
        }
        if self.has_indicator {
            names.push(format!("{name} is missing"));
        }
    }

    /// Writes the features of a cell.
    #[inline]
    pub(super) fn encode<T: Float>(
        &self,
        cell: Raw<'_>,
        numbers: &Numbers,
        scratch: &mut Vec<u8>,
        to: &mut [T],
    ) -> Result<(), Misfit> {
        let own = to.len() - usize::from(self.has_indicator);
        let (to, indicator) = to.split_at_mut(own);
        let is_there = self.encode_own(cell, numbers, scratch, to)?;
        if !is_there {
            to.fill(T::of(f64::NAN));
        }
        indicator.fill(if is_there { T::ZERO } else { T::ONE });
        Ok(())
    }

    /// Writes the features that are not the indicator, and says whether the cell is there.
    #[inline]
    fn encode_own<T: Float>(
        &self,
        cell: Raw<'_>,
        numbers: &Numbers,
        scratch: &mut Vec<u8>,
        to: &mut [T],
    ) -> Result<bool, Misfit> {
        match (&self.coding, cell) {
            (Coding::LeftOut | Coding::Label { .. }, _) => Ok(true),
            (_, Raw::Missing) => Ok(false),
            (Coding::Number(_), Raw::Text(text)) => match numbers.number::<T>(text, scratch) {
                Some(number) => {
                    to[0] = number;
                    Ok(!number.to_double().is_nan())
                }
                None => Err(numbers.misfit(text, UNIT)),
            },
            (_, Raw::Number(number)) if self.is_missing(number, numbers) => Ok(false),
            (Coding::Number(_), Raw::Number(number)) => {
                let value = T::of(number);
                if !value.is_finite() {
                    let found = Found::Number(Number(number));
                    return Err(Misfit { found, expected: FINITE });
                }
                to[0] = value;
                Ok(true)
            }
            (Coding::Category(category), cell) => {
                let place = match cell {
                    Raw::Text(text) => category.find(trimmed(text), numbers, scratch),
                    Raw::Number(number) => Some(category.of_number(number)),
                    Raw::Missing => None,
                };
                let Some(place) = place else { return Ok(false) };
                if place == Place::Unknown {
                    require_text(cell)?;
                }
                to.fill(T::ZERO);
                to[category.feature(place)] = T::ONE;
                Ok(true)
            }
            (Coding::Ordinal(levels) | Coding::Boolean(levels), cell) => {
                let level = match cell {
                    Raw::Text(text) => match levels.find(trimmed(text), numbers, scratch) {
                        Sought::Level(level) => Some(level),
                        Sought::Nothing => {
                            require_text(cell)?;
                            None
                        }
                        Sought::Missing => return Ok(false),
                    },
                    Raw::Number(number) => levels.of_number(number),
                    Raw::Missing => return Ok(false),
                };
                let last = levels.len().saturating_sub(1).max(1) as f64;
                // Halfway between all levels, of which it is none.
                to[0] = level.map_or(T::of(0.5), |level| T::of(level as f64 / last));
                to[1] = if level.is_some() { T::ZERO } else { T::ONE };
                Ok(true)
            }
            (Coding::Date(dates), Raw::Text(text)) => {
                let text = trimmed(text);
                // A mark may be a date too, such as 1900-01-01.
                if numbers.stands_for_missing(text, scratch) {
                    return Ok(false);
                }
                match dates.form.moment(text) {
                    Some(moment) => {
                        dates.encode(moment, to);
                        Ok(true)
                    }
                    None => {
                        Err(Misfit { found: Found::text(text), expected: dates.form.expected() })
                    }
                }
            }
            (Coding::Date(dates), Raw::Number(number)) => {
                // Seconds since 1970 or a day in eight digits, say.
                match dates.form.moment(number.to_string().as_bytes()) {
                    Some(moment) => {
                        dates.encode(moment, to);
                        Ok(true)
                    }
                    None => {
                        let found = Found::Number(Number(number));
                        Err(Misfit { found, expected: A_DATE })
                    }
                }
            }
        }
    }

    /// Whether a number stands for a missing value, which one that is a level does not.
    fn is_missing(&self, number: f64, numbers: &Numbers) -> bool {
        let is_level = match &self.coding {
            Coding::Category(category) => category.of_number(number) != Place::Unknown,
            Coding::Ordinal(levels) | Coding::Boolean(levels) => levels.of_number(number).is_some(),
            _ => false,
        };
        !is_level && numbers.number_stands_for_missing(number)
    }

    /// The cell of these features, in the user's words; of features that were read, as it was, and not rounded to what
    /// the cells of the table are.
    pub(super) fn decode<T: Float>(&self, from: &[T], were_read: bool) -> Cell<'static> {
        let from = &from[..self.own_features()];
        if from.iter().any(|x| x.to_double().is_nan()) {
            return Cell::Missing;
        }
        let text = |text: &str| Cell::Text(Cow::Owned(text.to_owned()));
        match &self.coding {
            Coding::Number(_) if were_read => Cell::Number(shortest(from[0])),
            Coding::Number(range) => Cell::Number(range.rounded(from[0])),
            Coding::Category(category) => {
                let likeliest = (1..from.len())
                    .fold(0, |best, at| if from[at] > from[best] { at } else { best });
                text(&category.name(likeliest))
            }
            Coding::Ordinal(levels) | Coding::Boolean(levels) if from[1] > T::of(0.5) => {
                text(levels.unknown_name())
            }
            Coding::Ordinal(levels) | Coding::Boolean(levels) => {
                let last = levels.len().saturating_sub(1);
                let level = (from[0].to_double().clamp(0.0, 1.0) * last as f64).round() as usize;
                text(levels.names().get(level).map_or("", String::as_str))
            }
            Coding::Date(dates) => Cell::Text(Cow::Owned(dates.decode(from, were_read))),
            Coding::LeftOut | Coding::Label { .. } => Cell::Missing,
        }
    }
}

/// The number of fewest digits that is this one in its type: 0.1 in single precision too.
fn shortest<T: Float>(value: T) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.to_double())
}

impl Range {
    /// A number with as many decimals as the table has, which single precision may have lost.
    fn rounded<T: Float>(&self, of_type: T) -> f64 {
        let value = of_type.to_double();
        // Beyond, rounding would do nothing, or less.
        let decimals = self.decimals.filter(|&decimals| decimals <= 12 && value.abs() < 1e15);
        let text = decimals.map(|decimals| format!("{value:.decimals$}"));
        text.and_then(|text| text.parse().ok()).unwrap_or_else(|| shortest(of_type))
    }
}
/// Refuses bytes that are no text: they are no level that was never seen.
fn require_text(cell: Raw<'_>) -> Result<(), Misfit> {
    match cell {
        Raw::Text(text) => str::from_utf8(text).map(|_| ()).map_err(|_| no_text(text)),
        Raw::Number(_) | Raw::Missing => Ok(()),
    }
}
