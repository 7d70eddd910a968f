//! What made a row odd, in the user's words.

#[cfg(feature = "table")]
use std::collections::HashMap;

use super::names::Names;
#[cfg(feature = "table")]
use crate::insight::anomaly::CellExplanation;
use crate::insight::anomaly::{Column, Explanation};
use crate::numbers::significant::short_and_apart;

/// What is told of a row, at most.
const CAUSES: usize = 4;
/// The share of a score that is worth a word, once this much of it has been told.
const LEAST: f64 = 0.05;
const ENOUGH: f64 = 0.5;
/// The part of a run's greatest contribution that its other steps have at least.
const OF_RUN: f64 = 0.1;
/// Missing cells that are named.
const MISSING: usize = 6;
/// Characters of a name and of a cell.
const SHOWN: usize = 60;

/// A cell, or a value of a row, without its text: of many few are told.
struct Item {
    /// Its column, by number, as other columns may have the same name.
    channel: usize,
    /// Of a window, counted from 0; 0 of all others.
    step: usize,
    contribution: f64,
    share: f64,
    is_novel: bool,
    is_missing: bool,
}

/// The name of an item, its value and what was expected.
type Text = [String; 3];

/// The items of a row, the one that contributes most first, and what is told of them so far.
struct Row<'a> {
    items: Vec<Item>,
    text: Box<dyn Fn(usize) -> Text + 'a>,
    channels: usize,
    steps: usize,
    /// Which item lies at each step of each channel; empty unless it is a window.
    places: Vec<Option<usize>>,
    is_told: Vec<bool>,
}

/// What made a row odd, the most important first, such as "proto: udp, expected tcp (62 %)"; of a window steps of a channel
/// that lie side by side are told together. What is missing comes last.
pub(super) fn words(explanation: &Explanation, names: &Names) -> Vec<String> {
    let mut row = Row::new(explanation, names);
    // Of a score that is not positive nothing is divided.
    let has_shares = explanation.score > 0.0;
    let percent = |share: f64| if has_shares { percent(share) } else { String::new() };
    let mut causes = Vec::new();
    let mut told = explanation.code_share;
    for at in 0..row.items.len() {
        if causes.len() == CAUSES {
            break;
        }
        let item = &row.items[at];
        if row.is_told[at] || item.is_missing && item.contribution <= 0.0 {
            continue;
        }
        // What is little beside what has been told is not worth a word, but of a score that is all of little parts the
        // largest are; and what is new is, however far behind it comes.
        let is_little = item.share < LEAST && !item.is_novel;
        if has_shares && is_little && (told > ENOUGH || item.contribution <= 0.0) {
            continue;
        }
        let run = row.run(at);
        let share: f64 = run.iter().map(|&at| row.items[at].share).sum();
        causes.push((share, row.phrase(at, &run, &percent(share))));
        told += share;
    }
    let code = explanation.code_share;
    if code >= LEAST {
        causes.push((code, format!("the code as a whole{}", percent(code))));
    }
    causes.sort_by(|a, b| b.0.total_cmp(&a.0));
    causes.into_iter().map(|(_, cause)| cause).chain(row.missing()).collect()
}

impl<'a> Row<'a> {
    /// By cells where the model knows them, else by features.
    fn new(explanation: &'a Explanation, names: &'a Names) -> Self {
        #[cfg(feature = "table")]
        if !explanation.cells.is_empty() && names.are_of_schema {
            return Self::of_cells(&explanation.cells);
        }
        let columns = &explanation.columns;
        let item = |column: &Column| {
            let (channel, step) = names.place(column.feature);
            Item {
                channel,
                step,
                contribution: column.contribution,
                share: column.share,
                is_novel: column.is_novel,
                is_missing: column.is_missing,
            }
        };
        let text = |at: usize| {
            let column: &Column = &columns[at];
            let (channel, _) = names.place(column.feature);
            let [value, expected] = short_and_apart(column.value, column.reconstruction);
            let value = if column.is_missing { "missing".to_owned() } else { value };
            [clipped(&names.channel(channel)), value, expected]
        };
        Self::of(
            columns.iter().map(item).collect(),
            Box::new(text),
            names.channels(),
            names.steps(),
        )
    }

    #[cfg(feature = "table")]
    fn of_cells(cells: &'a [CellExplanation]) -> Self {
        use crate::data::Cell;
        // Columns of a table have each its own name.
        let mut channels = HashMap::new();
        let item = |cell: &'a CellExplanation| {
            let next = channels.len();
            Item {
                channel: *channels.entry(&*cell.column).or_insert(next),
                step: cell.step.map_or(0, |(step, _)| step),
                contribution: cell.contribution,
                share: cell.share,
                is_novel: cell.is_novel,
                is_missing: cell.value == Cell::Missing,
            }
        };
        let items = cells.iter().map(item).collect();
        let of_cell = |cell: &Cell<'_>| match cell {
            Cell::Missing => "missing".to_owned(),
            cell => clipped(&cell.to_string()),
        };
        let text = move |at: usize| {
            let cell: &CellExplanation = &cells[at];
            [clipped(&cell.column), of_cell(&cell.value), of_cell(&cell.expected)]
        };
        let steps = cells[0].step.map_or(1, |(_, steps)| steps);
        Self::of(items, Box::new(text), channels.len(), steps)
    }

    fn of(
        items: Vec<Item>,
        text: Box<dyn Fn(usize) -> Text + 'a>,
        channels: usize,
        steps: usize,
    ) -> Self {
        let mut places = vec![None; if steps > 1 { channels * steps } else { 0 }];
        for (at, item) in items.iter().enumerate().filter(|_| steps > 1) {
            places[item.channel * steps + item.step] = Some(at);
        }
        let is_told = vec![false; items.len()];
        Self { items, text, channels, steps, places, is_told }
    }

    /// The items of the same channel around one that contribute enough beside it, in the order of their steps; they are
    /// told from then on.
    fn run(&mut self, from: usize) -> Vec<usize> {
        self.is_told[from] = true;
        if self.steps == 1 {
            return vec![from];
        }
        let Item { channel, step, contribution, .. } = self.items[from];
        let of_channel = &self.places[channel * self.steps..][..self.steps];
        let is_of_run = |at: usize| {
            let part = self.items[at].contribution;
            !self.is_told[at] && part >= OF_RUN * contribution && part > 0.0
        };
        let next = |place: &Option<usize>| place.filter(|&at| is_of_run(at));
        let mut run: Vec<usize> = of_channel[..step].iter().rev().map_while(next).collect();
        run.reverse();
        run.push(from);
        run.extend(of_channel[step + 1..].iter().map_while(next));
        run.iter().for_each(|&at| self.is_told[at] = true);
        run
    }

    /// A run in a sentence; its value and what was expected are those of its greatest contribution, which stands at `peak`.
    fn phrase(&self, peak: usize, run: &[usize], percent: &str) -> String {
        let [name, value, expected] = (self.text)(peak);
        let step = |at: Option<&usize>| at.map_or(0, |&at| self.items[at].step) + 1;
        let (first, last, of) = (step(run.first()), step(run.last()), self.steps);
        let (place, at) = match of {
            1 => (String::new(), String::new()),
            _ if first == last => (format!(", step {first} of {of}"), String::new()),
            _ => (
                format!(", steps {first}–{last} of {of}"),
                format!(" at step {}", step(Some(&peak))),
            ),
        };
        let is_novel = run.iter().any(|&at| self.items[at].is_novel);
        let novel = if is_novel { ", never seen in normal samples" } else { "" };
        // Of a level the model may expect the same, and be less sure of it than of other rows.
        let expected = match value == expected {
            true => "nearly as expected".to_owned(),
            false => format!("expected {expected}"),
        };
        format!("{name}{place}: {value}, {expected}{at}{percent}{novel}")
    }

    /// What is missing and not told yet, by channels.
    fn missing(&self) -> Option<String> {
        // Of each channel one such item, and how many there are.
        let mut missing: Vec<Option<(usize, usize)>> = vec![None; self.channels];
        let all = self.items.iter().zip(&self.is_told).enumerate();
        for (at, (item, _)) in all.filter(|(_, (item, is_told))| item.is_missing && !**is_told) {
            missing[item.channel].get_or_insert((at, 0)).1 += 1;
        }
        let missing: Vec<(usize, usize)> = missing.into_iter().flatten().collect();
        let named = missing.iter().take(MISSING).map(|&(at, count)| {
            let [name, ..] = (self.text)(at);
            match (self.steps, count) {
                (1, _) => name,
                (_, 1) => format!("{name} at step {}", self.items[at].step + 1),
                _ => format!("{name} at {count} steps"),
            }
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = missing.len().saturating_sub(MISSING);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!named.is_empty()).then(|| format!("missing: {named}{more}"))
    }
}

fn percent(share: f64) -> String {
    format!(" ({:.0} %)", 100.0 * share)
}

fn clipped(text: &str) -> String {
    let mut characters = text.chars();
    let mut clipped: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Features with their contributions, of a score of 100.
    fn explained(contributions: &[f64], code_share: f64) -> Explanation {
        let column = |(feature, &contribution): (usize, &f64)| Column {
            feature,
            value: if contribution < 0.0 { f64::NAN } else { 8.0 + feature as f64 },
            reconstruction: 8.5,
            contribution: contribution.max(0.0),
            share: contribution.max(0.0) / 100.0,
            is_novel: false,
            is_missing: contribution < 0.0,
        };
        let mut columns: Vec<Column> = contributions.iter().enumerate().map(column).collect();
        columns.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Explanation {
            score: 100.0,
            threshold: None,
            p_value: None,
            columns,
            code_share,
            #[cfg(feature = "table")]
            cells: Vec::new(),
        }
    }

    fn told(contributions: &[f64], code_share: f64, steps: usize) -> Vec<String> {
        let names = Names::numbered(contributions.len(), steps);
        words(&explained(contributions, code_share), &names)
    }

    #[test]
    fn the_largest_parts_are_told_and_what_is_missing() {
        assert_eq!(
            told(&[2.0, 62.0, 1.0, -1.0, 34.0, -1.0], 0.0, 1),
            [
                "feature 1: 9, expected 8.5 (62 %)",
                "feature 4: 12, expected 8.5 (34 %)",
                "missing: feature 3, feature 5"
            ]
        );
        // What is all of little parts: four of them.
        assert_eq!(told(&[4.0; 25], 0.0, 1).len(), CAUSES);
        // What is new is told however little it is, and what is little before it is not.
        let mut new = explained(&[94.0, 4.0, 2.0], 0.0);
        new.columns[2].is_novel = true;
        assert_eq!(
            words(&new, &Names::numbered(3, 1)),
            [
                "feature 0: 8, expected 8.5 (94 %)",
                "feature 2: 10, expected 8.5 (2 %), never seen in normal samples"
            ]
        );
        // The code, where it belongs by its share.
        assert_eq!(told(&[0.0, 0.0], 1.0, 1), ["the code as a whole (100 %)"]);
        let of_both = told(&[70.0, 8.0], 0.22, 1);
        assert_eq!(of_both[1], "the code as a whole (22 %)");
        assert_eq!(of_both.len(), 3);
        // Of a score that is not positive the order alone.
        let mut none = explained(&[0.0, 0.0], 0.0);
        none.score = -1.0;
        assert_eq!(words(&none, &Names::numbered(2, 1))[0], "feature 0: 8, expected 8.5");
    }

    #[test]
    fn steps_side_by_side_are_told_together() {
        // Two channels of four steps: the second is off from the second step to the last, most in the third.
        assert_eq!(
            told(&[1.0, 0.5, 0.0, 20.0, 30.0, 40.0, -1.0, 8.0], 0.0, 4),
            [
                "channel 1, steps 2–4 of 4: 13, expected 8.5 at step 3 (68 %)",
                "channel 0, step 3 of 4: 12, expected 8.5 (30 %)",
                "missing: channel 0 at step 4"
            ]
        );
        assert_eq!(told(&[-1.0, 90.0, -1.0, 0.0], 0.0, 2)[1], "missing: channel 0 at 2 steps");
    }

    /// Names are cut where they are shown, and nowhere else.
    #[test]
    fn columns_with_the_same_beginning_stay_apart() {
        let long = ["a", "b"].map(|end| "x".repeat(SHOWN) + end);
        let names = Names::given(&long, 2);
        let shown = "x".repeat(SHOWN) + "…";
        let missing = words(&explained(&[-1.0, -1.0, -1.0, 0.0], 0.0), &names);
        assert_eq!(missing, [format!("missing: {shown} at 2 steps, {shown} at step 1")]);
        // The second channel is off in its second step, and the first in its first: no run.
        let apart = words(&explained(&[40.0, 0.0, 0.0, 60.0], 0.0), &names);
        assert_eq!(apart.len(), 2);
    }

    /// A look at all pairs of so many would take minutes.
    #[test]
    fn rows_and_windows_may_be_wide() {
        let many = 400_000;
        let half: Vec<f64> = (0..many).map(|k| f64::from(k % 2) - 1.0).collect();
        let named: Vec<String> = (0..MISSING).map(|k| format!("feature {}", 2 * k)).collect();
        let more = half.len() / 2 - MISSING;
        let expected = format!("missing: {} and {more} more", named.join(", "));
        assert_eq!(told(&half, 0.0, 1), [expected]);
        // The greatest in the middle, so that a run goes both ways.
        let window: Vec<f64> =
            (0..many).map(|k| 1e-4 + f64::from(k.min(many - k)) * 1e-10).collect();
        let told = told(&window, 0.0, half.len());
        assert!(told[0].starts_with("channel 0, steps 1–400000 of 400000: "), "{told:?}");
    }
}
