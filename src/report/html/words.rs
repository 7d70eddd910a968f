//! What made a row odd, in the user's words.

use super::names::Names;
use crate::insight::anomaly::Explanation;
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

/// A cell, or a value of a row.
struct Item {
    name: String,
    /// Of a window, counted from 0.
    step: Option<usize>,
    value: String,
    expected: String,
    contribution: f64,
    share: f64,
    is_novel: bool,
    is_missing: bool,
}

/// What made a row odd, the most important first, such as "proto: udp, expected tcp (62 %)"; of a window steps of a channel
/// that lie side by side are told together. What is missing comes last.
pub(super) fn words(explanation: &Explanation, names: &Names) -> Vec<String> {
    let (items, steps) = items(explanation, names);
    // Of a score that is not positive nothing is divided.
    let has_shares = explanation.score > 0.0;
    let percent = |share: f64| if has_shares { percent(share) } else { String::new() };
    let (mut is_told, mut causes) = (vec![false; items.len()], Vec::new());
    let mut told = explanation.code_share;
    for at in 0..items.len() {
        if causes.len() == CAUSES {
            break;
        }
        if is_told[at] || items[at].is_missing && items[at].contribution <= 0.0 {
            continue;
        }
        // What is little beside what has been told is not worth a word, but of a score that is all of little parts the
        // largest are.
        let is_little = items[at].share < LEAST && !items[at].is_novel;
        if has_shares && is_little && (told > ENOUGH || items[at].contribution <= 0.0) {
            break;
        }
        let run = run(&items, at, &mut is_told);
        let share: f64 = run.iter().map(|&at| items[at].share).sum();
        causes.push((share, phrase(&items, at, &run, steps, &percent(share))));
        told += share;
    }
    let code = explanation.code_share;
    if code >= LEAST {
        causes.push((code, format!("the code as a whole{}", percent(code))));
    }
    causes.sort_by(|a, b| b.0.total_cmp(&a.0));
    causes.into_iter().map(|(_, cause)| cause).chain(missing(&items, &is_told)).collect()
}

/// The values of a row, by cells where the model knows them, and how many steps it has.
fn items(explanation: &Explanation, names: &Names) -> (Vec<Item>, usize) {
    #[cfg(feature = "table")]
    if !explanation.cells.is_empty() && names.are_of_schema {
        use crate::data::Cell;
        let text = |cell: &Cell<'_>| match cell {
            Cell::Missing => "missing".to_owned(),
            cell => clipped(&cell.to_string()),
        };
        let item = |cell: &crate::insight::anomaly::CellExplanation| Item {
            name: clipped(&cell.column),
            step: cell.step.map(|(step, _)| step),
            value: text(&cell.value),
            expected: text(&cell.expected),
            contribution: cell.contribution,
            share: cell.share,
            is_novel: cell.is_novel,
            is_missing: cell.value == Cell::Missing,
        };
        let steps = explanation.cells[0].step.map_or(1, |(_, steps)| steps);
        return (explanation.cells.iter().map(item).collect(), steps);
    }
    let item = |column: &crate::insight::anomaly::Column| {
        let (name, step) = names.feature(column.feature);
        let [value, expected] = short_and_apart(column.value, column.reconstruction);
        Item {
            name: clipped(&name),
            step,
            value: if column.is_missing { "missing".to_owned() } else { value },
            expected,
            contribution: column.contribution,
            share: column.share,
            is_novel: column.is_novel,
            is_missing: column.is_missing,
        }
    };
    (explanation.columns.iter().map(item).collect(), names.steps())
}

/// The items of the same channel around one that contribute enough beside it, in the order of their steps; they are told
/// from then on.
fn run(items: &[Item], from: usize, is_told: &mut [bool]) -> Vec<usize> {
    is_told[from] = true;
    let mut run = vec![from];
    let Some(step) = items[from].step else { return run };
    let least = OF_RUN * items[from].contribution;
    let next = |step: usize, is_told: &[bool]| {
        let is_next = |(at, item): &(usize, &Item)| {
            item.step == Some(step) && item.name == items[from].name && !is_told[*at]
        };
        let found = items.iter().enumerate().find(is_next).map(|(at, _)| at);
        found.filter(|&at| items[at].contribution >= least && items[at].contribution > 0.0)
    };
    let mut last = step;
    while let Some(at) = next(last + 1, is_told) {
        is_told[at] = true;
        run.push(at);
        last += 1;
    }
    let mut first = step;
    while let Some(at) = first.checked_sub(1).and_then(|before| next(before, is_told)) {
        is_told[at] = true;
        run.insert(0, at);
        first -= 1;
    }
    run
}

/// A run in a sentence; its value and what was expected are those of its greatest contribution, which stands at `peak`.
fn phrase(items: &[Item], peak: usize, run: &[usize], of: usize, percent: &str) -> String {
    let Item { name, step, value, expected, .. } = &items[peak];
    let steps = |at: Option<&usize>| at.and_then(|&at| items[at].step).unwrap_or(0) + 1;
    let (first, last) = (steps(run.first()), steps(run.last()));
    let (place, at) = match step {
        None => (String::new(), String::new()),
        Some(_) if first == last => (format!(", step {first} of {of}"), String::new()),
        Some(step) => (format!(", steps {first}–{last} of {of}"), format!(" at step {}", step + 1)),
    };
    let is_novel = run.iter().any(|&at| items[at].is_novel);
    let novel = if is_novel { ", never seen in normal samples" } else { "" };
    // Of a level the model may expect the same, and be less sure of it than of other rows.
    let expected = match value == expected {
        true => "nearly as expected".to_owned(),
        false => format!("expected {expected}"),
    };
    format!("{name}{place}: {value}, {expected}{at}{percent}{novel}")
}

/// What is missing and not told yet.
fn missing(items: &[Item], is_told: &[bool]) -> Option<String> {
    let mut missing: Vec<(&str, Option<usize>, usize)> = Vec::new();
    let untold = items.iter().zip(is_told).filter(|(item, is_told)| item.is_missing && !**is_told);
    for (item, _) in untold {
        match missing.iter_mut().find(|(name, ..)| *name == item.name) {
            Some((.., count)) => *count += 1,
            None => missing.push((&item.name, item.step, 1)),
        }
    }
    missing.sort_unstable();
    let named = missing.iter().take(MISSING).map(|(name, step, count)| match (step, count) {
        (None, _) => (*name).to_owned(),
        (Some(step), 1) => format!("{name} at step {}", step + 1),
        (_, count) => format!("{name} at {count} steps"),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = missing.len().saturating_sub(MISSING);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("missing: {named}{more}"))
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
    use crate::insight::anomaly::Column;

    /// Features with their contributions, of a score of 100.
    fn explained(contributions: &[f64], code_share: f64) -> Explanation {
        let column = |(feature, &contribution): (usize, &f64)| Column {
            feature,
            value: if contribution < 0.0 { f64::NAN } else { 8.0 + feature as f64 },
            reconstruction: 8.5,
            contribution: contribution.max(0.0),
            share: contribution.max(0.0) / 100.0,
            is_novel: contribution == 7.0,
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
        // What is all of little parts: four of them. What is new is told however little it is, at its place.
        assert_eq!(told(&[4.0; 25], 0.0, 1).len(), CAUSES);
        assert_eq!(
            told(&[93.0, 7.0], 0.0, 1)[1],
            "feature 1: 9, expected 8.5 (7 %), never seen in normal samples"
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
}
