//! What a detector finds in a batch: what can be read of its page, and what the page's script draws.

use serde_json::{Value, json};

use super::again;
use super::anomalies::{Found, MOST_ROWS};
use super::code_map::places;
use super::content::{classes, pairs};
use super::encode::{bytes, coordinates, numbers, short};
use super::histogram::histogram;
use super::names::Names;
use super::selected::Selected;
use super::shown::Shown;
use super::words::words;
use crate::batch::BatchView;
use crate::error::{Result, require, require_size};
use crate::insight::health::evenly;
use crate::layer::field::Lies;
use crate::metrics::Drift;
use crate::model::Scalar;
use crate::model::inference::InMemory;
use crate::numbers::scalar::{Float, is_nan};
use crate::report::passes;

/// Rows of more features than these are told by the score's own terms: exchanging columns one by one takes too long.
const EXCHANGED: usize = 1024;
/// Points of the map: at most so many, and at most so many pixels, or values that words are found for.
const POINTS: usize = 1500;
const MAP_PIXELS: usize = 900_000;
const MAP_VALUES: usize = 1_500_000;
/// Bytes of all words of the table, which are on the map once more, and as many of its other points; and what stands around
/// each.
const WORDS: usize = 1_000_000;
const WORD: usize = 9;
/// Pixels of the pictures of the oddest.
const ROW_PIXELS: usize = 300_000;

/// A row of the table.
pub(super) struct Odd {
    pub(super) row: usize,
    pub(super) score: f64,
    pub(super) p_value: Option<f64>,
    pub(super) is_beyond: bool,
    pub(super) label: Option<String>,
    /// None where it is shown as a picture.
    pub(super) words: Vec<String>,
}

/// What a page says, as far as it can be read without its script.
pub(super) struct Findings {
    pub(super) samples: usize,
    pub(super) scores: Vec<f64>,
    /// From the oddest to the least odd.
    pub(super) order: Vec<usize>,
    pub(super) oddest: Vec<Odd>,
    pub(super) are_pictures: bool,
    pub(super) is_by_terms: bool,
    pub(super) p_values: Option<Vec<f64>>,
    /// The share of values that are missing, and rows that have some.
    pub(super) missing: (f64, usize),
    pub(super) moved: Option<Moved>,
    pub(super) names: Names,
}

/// How far columns and scores have moved.
pub(super) struct Moved {
    pub(super) columns: Drift,
    pub(super) scores: Drift,
    pub(super) reference: usize,
}

impl<T: Scalar> Found<'_, T> {
    pub(super) fn html(&self) -> Result<String> {
        let given = self.given.as_ref().map_err(Clone::clone)?;
        let requirement = "at least 1 and at most 1,000";
        let valid = (1..=MOST_ROWS).contains(&self.rows);
        require(valid, "rows of AnomalyReport", self.rows as f64, requirement)?;
        if let Some(labels) = &self.labels {
            require_size("AnomalyReport::labels", "labels", given.x.samples(), labels.len())?;
        }
        let shape = self.lies.unwrap_or_else(|| Lies::plain(given.x.features())).shape;
        let shown = Shown::new(given.x, shape);
        let found = self.findings(&shown, given)?;
        let content = json!({
            "picture": shown.picture(),
            "colour": shown.is_colour(),
            "span": shown.span(),
            "missing": found.missing.1 > 0,
            "scores": histogram(&found.scores, self.learned.threshold),
            "oddest": self.pictures(&shown, given, &found)?,
            "map": self.map(&shown, given, &found)?,
        });
        Ok(self.document(&found, &content))
    }

    fn findings(&self, shown: &Shown, given: &InMemory<'_, T>) -> Result<Findings> {
        let (network, x) = (self.judge.network, given.x);
        let columns = self.columns.as_deref();
        let names = Names::new("AnomalyReport::columns", network, self.lies, columns)?;
        let scores = self.judge.scores("AnomalyReport", again(given).into())?;
        let conformal = self.learned.conformal.as_ref();
        let p_values = conformal.map(|conformal| {
            scores.iter().map(|&score| conformal.p_value(score)).collect::<Vec<_>>()
        });
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let are_pictures = shown.is_picture();
        let most = if are_pictures { shown.fit(ROW_PIXELS, 1) } else { MOST_ROWS };
        let oddest = &order[..self.rows.min(most).min(order.len())];
        let is_by_terms = x.features() > EXCHANGED;
        let told = match are_pictures {
            true => vec![Vec::new(); oddest.len()],
            false => self.told(given, oddest, is_by_terms, &names)?,
        };
        let odd = oddest.iter().zip(told).map(|(&row, words)| Odd {
            row,
            score: scores[row],
            p_value: p_values.as_ref().map(|all| all[row]),
            is_beyond: self.is_beyond(scores[row]),
            label: self.labels.as_ref().map(|labels| labels[row].clone()),
            words,
        });
        let absent = |row: &[T]| row.iter().filter(|x| is_nan(**x)).count();
        let missing = x.iter().map(absent).sum::<usize>() as f64 / x.as_slice().len() as f64;
        Ok(Findings {
            samples: x.samples(),
            oddest: odd.collect(),
            are_pictures,
            is_by_terms,
            missing: (missing, x.iter().filter(|row| absent(row) > 0).count()),
            moved: self.moved(&names, x, &scores)?,
            p_values,
            names,
            scores,
            order,
        })
    }

    pub(super) fn threshold(&self) -> Option<f64> {
        self.learned.threshold.map(|threshold| threshold.value())
    }

    pub(super) fn is_beyond(&self, score: f64) -> bool {
        self.learned.threshold.is_some_and(|threshold| threshold.is_exceeded_by(score))
    }

    /// How many rows in a row a p-value is for.
    pub(super) fn block(&self) -> usize {
        self.learned.conformal.as_ref().map_or(1, |conformal| conformal.block())
    }

    /// Why each of some rows has its score, in words, one row after the other until the room for words is taken; of at
    /// least one.
    fn told(
        &self,
        given: &InMemory<'_, T>,
        rows: &[usize],
        is_by_terms: bool,
        names: &Names,
    ) -> Result<Vec<Vec<String>>> {
        let (mut told, mut room) = (Vec::new(), WORDS);
        // One after the other, as an explanation has all columns.
        for &row in rows {
            let one = Selected::new(given, &[row])?;
            let explanation = match is_by_terms {
                true => self.judge.explain_by_terms(self.learned, one.given())?,
                false => self.judge.explain(self.learned, one.given())?,
            };
            let words = words(&explanation, names);
            let bytes: usize = words.iter().map(|word| WORD + bytes(word)).sum();
            if bytes > room && !told.is_empty() {
                break;
            }
            room = room.saturating_sub(bytes);
            told.push(words);
        }
        Ok(told)
    }

    /// The oddest as pictures: what was given, what was expected, and the difference.
    fn pictures(&self, shown: &Shown, given: &InMemory<'_, T>, found: &Findings) -> Result<Value> {
        if !shown.is_picture() {
            return Ok(Value::Null);
        }
        let rows: Vec<usize> = found.oddest.iter().map(|odd| odd.row).collect();
        let selected = Selected::new(given, &rows)?;
        let [as_they_are, expected] = pairs(self.judge.network, shown, &selected)?;
        let mut content = json!({ "samples": rows, "x": as_they_are, "y": expected });
        if !expected.is_null() {
            let given = selected.given();
            let y = passes::reconstruct(self.judge.network, again(&given))?;
            content["r"] = shown.residuals(given.x.iter().zip(y.iter()));
        }
        Ok(content)
    }

    /// The points of the map, in order, with their words, if they are no pictures: the oddest, which are told already, and
    /// some spread evenly over all rows, which are told by terms.
    fn points(
        &self,
        shown: &Shown,
        given: &InMemory<'_, T>,
        found: &Findings,
    ) -> Result<Vec<(usize, Vec<String>)>> {
        let most = match shown.is_picture() {
            true => shown.fit(MAP_PIXELS, 1) / 2,
            false => MAP_VALUES / given.x.features(),
        };
        let mut points: Vec<(usize, Vec<String>)> =
            found.oddest.iter().map(|odd| (odd.row, odd.words.clone())).collect();
        points.sort_by_key(|&(row, _)| row);
        let is_other = |row: &usize| points.binary_search_by_key(row, |&(row, _)| row).is_err();
        let others = evenly(found.samples, most.clamp(1, POINTS)).filter(is_other);
        let others = spread(others.collect());
        let told = match shown.is_picture() {
            true => vec![Vec::new(); others.len()],
            false => self.told(given, &others, true, &found.names)?,
        };
        points.extend(others.into_iter().zip(told));
        points.sort_by_key(|&(row, _)| row);
        Ok(points)
    }

    /// Codes as points.
    fn map(&self, shown: &Shown, given: &InMemory<'_, T>, found: &Findings) -> Result<Value> {
        let network = self.judge.network;
        let (taken, words): (Vec<usize>, Vec<Vec<String>>) =
            self.points(shown, given, found)?.into_iter().unzip();
        let selected = Selected::new(given, &taken)?;
        let codes = passes::encode(network, selected.given())?;
        let scores: Vec<f64> = taken.iter().map(|&row| found.scores[row]).collect();
        let places = places(&codes, &scores, "score");
        let classes = match (&self.labels, self.threshold()) {
            (Some(labels), _) => classes(labels, &taken),
            (None, Some(_)) => {
                let beyond = scores.iter().map(|&score| usize::from(self.is_beyond(score)));
                (
                    vec!["not above the threshold".into(), "above the threshold".into()],
                    beyond.collect(),
                )
            }
            (None, None) => (Vec::new(), Vec::new()),
        };
        let said = taken.iter().map(|&row| {
            let of = if self.block() == 1 { "" } else { " of a block" };
            let p = found.p_values.as_ref().map(|all| format!(", p{of} = {}", short(all[row])));
            format!("score {}{}", short(found.scores[row]), p.unwrap_or_default())
        });
        let mut content = json!({
            "thing": "row",
            "kind": if self.labels.is_some() { "label " } else { "" },
            "said": said.collect::<Vec<_>>(),
            "first": taken.binary_search(&found.order[0]).unwrap_or(0),
            "axes": places.axes,
            "principal": codes.features() > 2,
            "px": coordinates(&places.x),
            "py": coordinates(&places.y),
            "samples": taken,
            "scores": numbers(scores),
            "classes": classes.0,
            "class": classes.1,
            "words": Value::Null,
        });
        if shown.is_picture() {
            let [x, y] = pairs(network, shown, &selected)?;
            (content["x"], content["y"]) = (x, y);
        } else {
            content["words"] = words.into();
        }
        Ok(content)
    }

    /// What has moved since the reference; of windows every step is a row.
    fn moved(&self, names: &Names, x: BatchView<'_, T>, scores: &[f64]) -> Result<Option<Moved>> {
        let Some(reference) = &self.reference else { return Ok(None) };
        let reference = reference.as_ref().map_err(Clone::clone)?;
        let of_reference =
            self.judge.scores("AnomalyReport::reference", again(reference).into())?;
        fn rows<T: Float>(view: BatchView<'_, T>, features: usize) -> BatchView<'_, T> {
            BatchView::new(view.as_slice(), features)
        }
        let channels = names.channels();
        let columns = Drift::between(rows(reference.x, channels), rows(x, channels))?;
        // What is beyond all numbers is the greatest of them.
        let finite = |scores: &[f64]| {
            scores.iter().map(|score| score.clamp(-f64::MAX, f64::MAX)).collect::<Vec<_>>()
        };
        let (before, now) = (finite(&of_reference), finite(scores));
        let scores = Drift::between(BatchView::new(&before, 1), BatchView::new(&now, 1))?;
        Ok(Some(Moved { columns, scores, reference: reference.x.samples() }))
    }
}

/// The same in an order of which every beginning is spread over all, as far as it can be: that of their places with bits in
/// reverse.
fn spread(rows: Vec<usize>) -> Vec<usize> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(|place| place.reverse_bits());
    places.into_iter().map(|place| rows[place]).collect()
}
