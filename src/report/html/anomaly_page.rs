//! The page of a detector: what can be read without its script.

use std::fmt::Write;

use serde_json::Value;

use super::anomalies::Found;
use super::document::{Document, NAME, Section, TEXT, Tile, script};
use super::encode::{count, escape, short};
use super::findings::{Findings, Moved};
use super::page::facts;
use super::reconstructs;
use crate::metrics::ColumnDrift;
use crate::model::Scalar;
use crate::numbers::significant::short_and_apart;

const SCRIPT: &str =
    script!("elements", "samples", "pairs", "axes", "scores", "oddest", "map", "start");
const SCRIPT_OF_CLASSIFIER: &str =
    script!("elements", "samples", "alone", "axes", "scores", "oddest", "map", "start");

/// Columns of the table of drift, and names in a sentence.
const COLUMNS: usize = 40;
const NAMED: usize = 8;
/// From which index on little, and much, has changed, by the rule of thumb of
/// [`population_stability`](crate::metrics::population_stability).
const SOME: f64 = 0.1;
const MUCH: f64 = 0.25;
/// Below it a p-value is said to be so.
const TINY: f64 = 1e-6;
/// The p-value up to which rows are counted.
const RARE: f64 = 0.05;

impl<T: Scalar> Found<'_, T> {
    pub(super) fn document(&self, found: &Findings, content: &Value) -> String {
        let (network, learned) = (self.judge.network, self.learned);
        let mut settings = vec![
            ("Score", self.judge.score.describe()),
            ("Threshold", self.threshold().map_or("none is set".into(), short)),
        ];
        let calibrated = learned.conformal.as_ref().map(|all| {
            let with = all.scores().len();
            match self.block() {
                1 => format!("with {}", rows(with)),
                block => {
                    let blocks = if with == 1 { "block" } else { "blocks" };
                    format!("with {} {blocks} of {}", count(with), rows(block))
                }
            }
        });
        settings.push(("Calibrated", calibrated.unwrap_or_else(|| "no".into())));
        settings.extend(facts(network));
        let page = Document {
            kind: "Anomaly report",
            title: &self.title,
            subtitle: self.subtitle(found),
            tiles: self.tiles(found),
            warnings: self.warnings(found),
            // Without a threshold that is what stands out.
            no_warning: match found.moved {
                Some(_) => {
                    "Nothing: no row is above the threshold, and neither the scores nor a column has moved much since the \
                     reference."
                }
                None => {
                    "Nothing: no row is above the threshold. Whether rows are still like earlier ones is told where a \
                     reference is given."
                }
            },
            sections: self.sections(found),
            facts: settings,
            configuration: String::new(),
            script: if reconstructs(network) { SCRIPT } else { SCRIPT_OF_CLASSIFIER },
            content,
        };
        page.html()
    }

    fn subtitle(&self, found: &Findings) -> String {
        let network = self.judge.network;
        let (features, units) = (count(network.facts.features), count(network.facts.units));
        let windows = match found.names.steps() {
            1 => String::new(),
            steps => format!(" ({} steps of {})", count(steps), count(found.names.channels())),
        };
        let reference = found.moved.as_ref().map(|moved| count(moved.reference));
        let reference =
            reference.map_or(String::new(), |n| format!(" · held against {n} of a reference"));
        format!(
            "{} of {features} features{windows} · {} · model with a code of {units}{reference}",
            rows(found.samples),
            escape(&self.judge.score.describe(), NAME),
        )
    }

    fn tiles(&self, found: &Findings) -> Vec<Tile> {
        let samples = found.samples as f64;
        let percent = |part: f64| format!("{:.1} %", 100.0 * part);
        let beyond = self.threshold().map(|threshold| {
            let above = found.scores.iter().filter(|&&score| self.is_beyond(score)).count();
            let note = format!(
                "{} of all rows; it is {}",
                percent(above as f64 / samples),
                short(threshold)
            );
            (count(above), note)
        });
        let none = || ("–".to_owned(), "no threshold is set".to_owned());
        let (above, of_above) = beyond.unwrap_or_else(none);
        let rare = found.p_values.as_ref().map(|all| all.iter().filter(|&&p| p <= RARE).count());
        let (rare, of_rare) = match rare {
            Some(rare) => {
                // A block is as odd as its oddest row: how many single ones have such a p-value is not promised.
                let of_rare = match self.block() {
                    1 => format!("of all rows; of normal ones about {:.0}", RARE * samples),
                    block => format!("of all rows; p is that of a block of {}", rows(block)),
                };
                (count(rare), of_rare)
            }
            None => ("–".to_owned(), "the detector is not calibrated".to_owned()),
        };
        let oddest = found.order[0];
        let median = found.scores[found.order[found.order.len() / 2]];
        let (share, with) = found.missing;
        let missing = if with == 0 { "0".to_owned() } else { at_least(100.0 * share, 0.1) + " %" };
        let (moved, most) = match &found.moved {
            None => ("–".to_owned(), "no reference is given".to_owned()),
            Some(moved) => {
                let first = by_stability(moved)[0];
                let name = escape(&found.names.channel(first.feature), NAME);
                (format!("{:.2}", first.stability), format!("largest stability index: {name}"))
            }
        };
        vec![
            ("Above the threshold", above, of_above),
            ("p at most 0.05", rare, of_rare),
            ("Highest score", short(found.scores[oddest]), format!("row {}", count(oddest))),
            ("Median score", short(median), "of all rows".to_owned()),
            ("Missing values", missing, format!("in {}", rows(with))),
            ("Drift", moved, most),
        ]
    }

    fn warnings(&self, found: &Findings) -> Vec<(String, String)> {
        let mut items = Vec::new();
        let mut item = |title: &str, text: String| items.push((title.to_owned(), text));
        let odd = found.scores.iter().filter(|&&score| self.is_beyond(score)).count();
        if odd > 0 {
            let are = if odd == 1 { "is" } else { "are" };
            let (all, oddest) = (rows(found.samples), count(found.order[0]));
            let text = format!(
                "{} of {all} {are} above the threshold; the oddest is row {oddest}.",
                count(odd)
            );
            item("Odd rows", text);
        }
        let infinite = found.scores.iter().filter(|score| !score.is_finite()).count();
        if infinite > 0 {
            let have = if infinite == 1 { "has a score" } else { "have scores" };
            let (all, oddest) = (rows(found.samples), count(found.order[0]));
            let text = "beyond all numbers: values are far outside of what the model was trained on; the oddest is row";
            item(
                "Infinite scores",
                format!("{} of {all} {have} {text} {oddest}.", count(infinite)),
            );
        }
        if self.threshold().is_none() {
            let text = match self.learned.conformal {
                Some(_) => {
                    "is set, so no row is flagged: set_false_alarm_rate or set_threshold sets one."
                }
                None => {
                    "is set, so no row is flagged: calibrate and then set_false_alarm_rate, or set_threshold, sets \
                     one."
                }
            };
            item("No threshold", text.to_owned());
        }
        if self.learned.shared > 0 {
            let text = "of the rows of the calibration were also those that the score was fitted to, so p-values are \
                        too small.";
            item("Calibration", format!("{} {text}", count(self.learned.shared)));
        }
        let Some(moved) = &found.moved else { return items };
        let scores = moved.scores.columns()[0];
        if scores.stability >= MUCH {
            let [before, now] = short_and_apart(scores.means.0, scores.means.1);
            item(
                "Scores have moved",
                format!(
                    "since the reference: stability index {:.2}, mean {before} before and {now} now. A threshold \
                     from the reference flags another share of such rows.",
                    scores.stability
                ),
            );
        }
        let columns = by_stability(moved);
        let much = columns.iter().take_while(|column| column.stability >= MUCH);
        let names: Vec<String> =
            much.map(|column| escape(&found.names.channel(column.feature), NAME)).collect();
        if !names.is_empty() {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let title = if names.len() == 1 { "A column has moved" } else { "Columns have moved" };
            item(title, format!("much: {}{more}.", names[..names.len().min(NAMED)].join(", ")));
        }
        items
    }

    fn sections(&self, found: &Findings) -> Vec<Section> {
        let scores = "How many rows have which score. Hover, or press the arrow keys on the chart, to read it.";
        let map = "Each point is the code of a row. Hover, tap, or focus the map and press the arrow keys, to see which \
                   row it is, its score and what made it so.";
        let mut sections = vec![
            Section::new("scores", "Scores", scores),
            Section::new("oddest", "The oddest rows", self.lead_of_oddest(found))
                .html(self.oddest(found)),
            Section::new("map", "Map of the codes", map),
        ];
        if let Some(moved) = &found.moved {
            sections.push(
                Section::new("drift", "Drift since the reference", lead_of_drift(found, moved))
                    .html(drift(found, moved)),
            );
        }
        sections
    }

    fn lead_of_oddest(&self, found: &Findings) -> String {
        let which = if found.oddest.len() == found.samples {
            format!("All {}", rows(found.samples))
        } else {
            format!(
                "The {} with the highest scores, of {}",
                count(found.oddest.len()),
                rows(found.samples)
            )
        };
        let how = if found.are_pictures {
            "with what was given, what the model expected and the difference."
        } else if found.is_by_terms {
            "and what contributes most to each score, by the score’s own terms, with the share of the score in brackets."
        } else {
            "and what made each of them odd: what is there, what the model expected, and the share of the score in \
             brackets."
        };
        format!("{which}, {how} Rows count from 0.")
    }

    /// The table of the oddest rows; the script puts pictures into it.
    fn oddest(&self, found: &Findings) -> String {
        let has_label = self.labels.is_some();
        let head = |name: &str| format!("<th scope=\"col\">{name}</th>");
        let mut heads = head("row");
        if has_label {
            heads += &head("label");
        }
        heads += &head("score");
        if found.p_values.is_some() {
            heads += &head(if self.block() == 1 { "p-value" } else { "p-value of a block" });
        }
        heads += &head(if found.are_pictures {
            "given, expected, difference"
        } else {
            "what made it odd"
        });
        let mut lines = String::new();
        for odd in &found.oddest {
            let class = if odd.is_beyond { " class=\"beyond\"" } else { "" };
            let _ = write!(lines, "<tr{class}><th scope=\"row\">{}</th>", count(odd.row));
            if let Some(label) = &odd.label {
                let _ = write!(lines, "<td class=\"label\">{}</td>", escape(label, NAME));
            }
            let _ = write!(lines, "<td class=\"score\">{}</td>", short(odd.score));
            if let Some(p) = odd.p_value {
                let _ = write!(lines, "<td class=\"p\">{}</td>", short(p));
            }
            let words = odd.words.iter().map(|word| format!("<li>{}</li>", escape(word, TEXT)));
            let words: String = words.collect();
            let _ = match found.are_pictures {
                true => writeln!(lines, "<td class=\"pictures\"></td></tr>"),
                false => writeln!(lines, "<td><ul class=\"why\">{words}</ul></td></tr>"),
            };
        }
        let note = match self.threshold() {
            Some(threshold) => {
                format!(
                    "<p class=\"note\">Marked rows are above the threshold {}.</p>",
                    short(threshold)
                )
            }
            None => String::new(),
        };
        format!("{}{note}", table("Oddest rows", "odd", &heads, &lines))
    }
}

fn rows(number: usize) -> String {
    if number == 1 { "1 row".to_owned() } else { format!("{} rows", count(number)) }
}

/// A number with a decimal, and what is less than the least of these said so.
fn at_least(value: f64, least: f64) -> String {
    if value > 0.0 && value < least { format!("&lt; {least}") } else { format!("{value:.1}") }
}

/// A probability with as many digits as anyone asks for.
fn probability(p: f64) -> String {
    if p < TINY { format!("&lt; {}", short(TINY)) } else { short(p) }
}

fn table(name: &str, class: &str, heads: &str, lines: &str) -> String {
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{name}\"><table class=\"{class}\"><thead>\
         <tr>{heads}</tr></thead><tbody>\n{lines}</tbody></table></div>"
    )
}

/// Columns, the one that has moved most first.
fn by_stability(moved: &Moved) -> Vec<ColumnDrift> {
    let mut columns = moved.columns.columns().to_vec();
    columns.sort_by(|a, b| b.stability.total_cmp(&a.stability));
    columns
}

fn lead_of_drift(found: &Findings, moved: &Moved) -> String {
    let levels = if found.names.are_of_schema { " The mean of a level is its share." } else { "" };
    let by_chance = match found.names.steps() {
        1 => {
            // (groups − 1)(1/n + 1/m), of ten groups.
            let index = 9.0 * (1.0 / moved.reference as f64 + 1.0 / found.samples as f64);
            format!(" With so many rows it is about {} by chance.", short((index * 1000.0).ceil() / 1000.0))
        }
        _ => " Every step of a window counts; of windows that overlap p-values are too small, as their steps count more \
              than once."
            .to_owned(),
    };
    format!(
        "How far the scores and each column have moved, the farthest first. The population stability index is little \
         below {SOME} and much from {MUCH} on, by a rule of thumb.{by_chance} The distance is that of Kolmogorov and \
         Smirnov, with the probability of one as large by chance; of many columns a few have a small one.{levels}"
    )
}

fn drift(found: &Findings, moved: &Moved) -> String {
    let heads =
        ["column", "stability", "", "distance", "p-value", "mean before", "mean now", "missing"];
    let heads: String = heads.map(|head| format!("<th scope=\"col\">{head}</th>")).concat();
    let line = |name: &str, class: &str, column: &ColumnDrift| {
        let [statistic, p] = match column.test {
            Some(test) => [format!("{:.3}", test.statistic), probability(test.p_value)],
            None => ["–", "–"].map(str::to_owned),
        };
        let means = column.means;
        let [before, now] = match means.0.is_finite() && means.1.is_finite() {
            true => short_and_apart(means.0, means.1),
            false => [short(means.0), short(means.1)],
        };
        let (much, word) = match column.stability {
            stability if stability >= MUCH => ("much", "much"),
            stability if stability >= SOME => ("some", "some"),
            _ => ("little", "little"),
        };
        let [were, are] =
            [column.absent.0, column.absent.1].map(|share| at_least(100.0 * share, 0.1));
        let missing = match column.absent {
            (0.0, 0.0) => "none".to_owned(),
            _ => format!("{were} → {are} %"),
        };
        format!(
            "<tr class=\"{class}\"><th scope=\"row\">{name}</th><td>{:.3}</td><td><span class=\"moved {much}\">{word}\
             </span></td><td>{statistic}</td><td>{p}</td><td>{before}</td><td>{now}</td><td>{missing}</td></tr>\n",
            column.stability
        )
    };
    let mut lines = line("the score", "score", &moved.scores.columns()[0]);
    let columns = by_stability(moved);
    for column in columns.iter().take(COLUMNS) {
        lines += &line(&escape(&found.names.channel(column.feature), NAME), "", column);
    }
    let more = columns.len().saturating_sub(COLUMNS);
    let more = if more > 0 {
        format!("<p class=\"note\">{} columns more have moved less.</p>", count(more))
    } else {
        String::new()
    };
    format!("{}{more}", table("Drift", "drift", &heads, &lines))
}
