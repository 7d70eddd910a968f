//! A schema as a table that a person can check.

use std::fmt;

use super::Schema;
use super::column::{Coding, Range, TableColumn};
use super::dates::Dates;
use crate::numbers::significant::short;

/// Characters of what levels a column has.
const WIDEST: usize = 44;

/// A line for each column: what it is called, its kind, the share of its cells that are missing, its levels or range, the
/// number of its features, and why it is of this kind.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["column", "kind", "missing", "levels or range", "features", "why"];
        let mut lines = vec![names.map(str::to_owned).to_vec()];
        lines.extend(self.columns.iter().map(|column| {
            let features = match column.features() {
                0 => String::new(),
                features => features.to_string(),
            };
            let (name, why) = (one_line(&column.name), one_line(&column.why));
            let kind = column.kind().to_string();
            vec![name, kind, missing(column), range(column), features, why]
        }));
        aligned(f, lines)
    }
}

/// The share of cells that are missing, in per cent.
fn missing(column: &TableColumn) -> String {
    match 100.0 * column.missing() {
        0.0 => String::new(),
        share if share < 1.0 => "< 1 %".to_owned(),
        share if share > 99.0 && share < 100.0 => "> 99 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

fn range(column: &TableColumn) -> String {
    match &column.coding {
        Coding::Number(Range { least, greatest, .. }) => {
            if least == greatest {
                short(*least)
            } else {
                format!("{} … {}", short(*least), short(*greatest))
            }
        }
        Coding::Category(category) => {
            let mut names: Vec<&str> = category.levels.names().iter().map(String::as_str).collect();
            let rare = format!("{} ({} rare)", category.other(), category.folded.len());
            if category.folded.len() > 0 {
                names.push(&rare);
            }
            listed(&names, ", ")
        }
        Coding::Ordinal(levels) => {
            listed(&levels.names().iter().map(String::as_str).collect::<Vec<_>>(), " < ")
        }
        Coding::Boolean(levels) => {
            listed(&levels.names().iter().map(String::as_str).collect::<Vec<_>>(), " / ")
        }
        Coding::Date(Dates { form, origin, latest, .. }) => {
            format!("{} … {}", form.text(*origin), form.text(*latest))
        }
        Coding::LeftOut | Coding::Label { .. } => String::new(),
    }
}

/// As many names as have room, and how many more there are.
fn listed(names: &[&str], between: &str) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        let name = one_line(name);
        let before = if at == 0 { "" } else { between };
        let length = text.chars().count() + before.len() + name.chars().count();
        if at > 0 && length > WIDEST {
            text.push_str(&format!("{between}… ({} in all)", names.len()));
            break;
        }
        text.push_str(before);
        text.push_str(&name);
    }
    text
}

/// A text without line ends and the like, which would break a table.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// Lines of cells with the columns under each other, two spaces apart.
pub(super) fn aligned(f: &mut fmt::Formatter<'_>, lines: Vec<Vec<String>>) -> fmt::Result {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
