//! Tables, the cells that are removed from them, and how wrong others in their place are.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::path::Path;

use autoencoder::Batch;
use autoencoder::data::{Npz, Source};
use autoencoder::nalgebra::Dyn;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;

/// From so many different numbers on a column is one of numbers, and else of categories.
const NUMBERS: usize = 11;

/// Rows of numbers, and behind them of categories in one-hot features; NaN is what the file lacks.
pub struct Table {
    pub numbers: usize,
    /// The levels of each category.
    pub levels: Vec<usize>,
    pub rows: Vec<Vec<f64>>,
}

impl Table {
    pub fn read(name: &str, folder: &Path) -> Result<Self> {
        if name == "cardio" {
            return Self::of_numbers(&folder.join("anomaly/6_cardio.npz"));
        }
        let text = std::fs::read_to_string(folder.join(format!("tables/{name}.csv")))?;
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let columns = lines.first().map_or(0, Vec::len);
        let (mut numbers, mut categories) = (Vec::new(), Vec::new());
        for column in 0..columns {
            let cells: Vec<Option<&str>> =
                lines.iter().map(|line| Some(line[column]).filter(|cell| *cell != "?")).collect();
            let mut known: BTreeMap<&str, usize> =
                cells.iter().flatten().map(|&cell| (cell, 0)).collect();
            known.values_mut().enumerate().for_each(|(at, level)| *level = at);
            let as_numbers: Option<Vec<f64>> = cells
                .iter()
                .map(|cell| cell.map_or(Some(f64::NAN), |cell| cell.parse().ok()))
                .collect();
            match as_numbers {
                Some(values) if known.len() >= NUMBERS => numbers.push(values),
                _ if known.len() < 2 => {}
                _ => {
                    let level = |cell: &Option<&str>| cell.map(|cell| known[cell]);
                    categories.push((known.len(), cells.iter().map(level).collect::<Vec<_>>()));
                }
            }
        }
        let row = |at: usize| {
            let of_numbers = numbers.iter().map(|column| column[at]);
            let of_categories = categories.iter().flat_map(|(levels, column)| {
                let one_hot = |level: usize| {
                    column[at].map_or(f64::NAN, |found| f64::from(u8::from(found == level)))
                };
                (0..*levels).map(one_hot)
            });
            of_numbers.chain(of_categories).collect()
        };
        Ok(Self {
            numbers: numbers.len(),
            levels: categories.iter().map(|(levels, _)| *levels).collect(),
            rows: (0..lines.len()).map(row).collect(),
        })
    }

    fn of_numbers(path: &Path) -> Result<Self> {
        let wrong =
            |error: autoencoder::Error| Error::new(ErrorKind::InvalidData, error.to_string());
        let mut array =
            Npz::open(path).and_then(|file| file.array::<f64, Dyn>("X")).map_err(wrong)?;
        let all: Batch<f64, Dyn> = array.load().map_err(wrong)?;
        Ok(Self {
            numbers: all.features(),
            levels: Vec::new(),
            rows: all.iter().map(<[f64]>::to_vec).collect(),
        })
    }

    pub fn features(&self) -> usize {
        self.numbers + self.levels.iter().sum::<usize>()
    }

    /// The features of each category.
    pub fn categories(&self) -> Vec<Range<usize>> {
        let mut end = self.numbers;
        let range = |&levels: &usize| {
            end += levels;
            end - levels..end
        };
        self.levels.iter().map(range).collect()
    }

    /// The features of each cell of a row.
    fn cells(&self) -> Vec<Range<usize>> {
        (0..self.numbers).map(|at| at..at + 1).chain(self.categories()).collect()
    }
}

/// A table without some cells, and which these are.
pub struct Holes {
    pub rows: Vec<Vec<f64>>,
    removed: Vec<(usize, Range<usize>)>,
}

impl Holes {
    /// Removes each cell that is there with this probability.
    pub fn draw(table: &Table, share: f64, seed: u64) -> Self {
        let (mut rows, mut removed, mut rng) = (table.rows.clone(), Vec::new(), seeded(seed));
        for (number, row) in rows.iter_mut().enumerate() {
            for cell in table.cells() {
                if rng.random::<f64>() < share && !row[cell.start].is_nan() {
                    row[cell.clone()].fill(f64::NAN);
                    removed.push((number, cell));
                }
            }
        }
        Self { rows, removed }
    }

    /// Each removed cell as the mean of what is left of its column: of a category the frequencies of its levels, of which
    /// the mode is the greatest.
    pub fn mean_or_mode(&self, table: &Table) -> Vec<Vec<f64>> {
        let mean = |feature: usize| {
            let left: Vec<f64> =
                self.rows.iter().map(|row| row[feature]).filter(|x| !x.is_nan()).collect();
            left.iter().sum::<f64>() / left.len() as f64
        };
        let means: Vec<f64> = (0..table.features()).map(mean).collect();
        vec![means; self.rows.len()]
    }

    /// How wrong these rows are where cells were removed.
    pub fn errors(&self, table: &Table, imputed: &[Vec<f64>]) -> Errors {
        let (mut squares, mut numbers, mut wrong, mut categories) = (0.0, 0, 0, 0);
        let deviations: Vec<f64> =
            (0..table.numbers).map(|feature| deviation(table, feature)).collect();
        let level = |row: &[f64]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        for (row, cell) in &self.removed {
            let (found, right) = (&imputed[*row][cell.clone()], &table.rows[*row][cell.clone()]);
            if cell.start < table.numbers {
                squares += ((found[0] - right[0]) / deviations[cell.start]).powi(2);
                numbers += 1;
            } else {
                wrong += usize::from(level(found) != level(right));
                categories += 1;
            }
        }
        let share = (categories > 0).then(|| wrong as f64 / categories as f64);
        Errors { of_numbers: (squares / f64::from(numbers)).sqrt(), of_categories: share }
    }

    /// Writes the rows with holes, the complete ones and the table's shape, for others to impute.
    pub fn write(&self, table: &Table, path: &Path) -> Result<()> {
        let lines = |rows: &[Vec<f64>]| {
            let line =
                |row: &Vec<f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
            rows.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        let shape = std::iter::once(&table.numbers).chain(&table.levels).map(usize::to_string);
        std::fs::write(path.with_extension("holes.csv"), lines(&self.rows))?;
        std::fs::write(path.with_extension("full.csv"), lines(&table.rows))?;
        std::fs::write(path.with_extension("shape.csv"), shape.collect::<Vec<_>>().join(","))
    }
}

/// Of all values of a column that the file has.
fn deviation(table: &Table, feature: usize) -> f64 {
    let values: Vec<f64> =
        table.rows.iter().map(|row| row[feature]).filter(|x| !x.is_nan()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

/// The root mean square error of numbers, in deviations, and the share of categories that are wrong.
#[derive(Debug, Clone, Copy)]
pub struct Errors {
    of_numbers: f64,
    of_categories: Option<f64>,
}

impl Errors {
    pub fn mean(all: &[Self]) -> Self {
        let mean = |of: &dyn Fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        let categories = mean(&|errors| errors.of_categories.unwrap_or(f64::NAN));
        Self {
            of_numbers: mean(&|errors| errors.of_numbers),
            of_categories: Some(categories).filter(|share| !share.is_nan()),
        }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let categories = self.of_categories.map_or("–".to_owned(), |share| format!("{share:.3}"));
        f.pad(&format!("{:.3} / {categories}", self.of_numbers))
    }
}
