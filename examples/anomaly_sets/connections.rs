//! Connections of NSL-KDD: 38 numbers and 3 categories, normal ones and attacks.

use std::collections::BTreeSet;
use std::path::Path;

use autoencoder::data::{Normalization, Normalizer};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, Result};

use crate::sets::Rows;

/// Which columns are categories: the protocol, the service and the flag.
const CATEGORIES: [usize; 3] = [1, 2, 3];
/// Before the label and the difficulty, which is left out.
const COLUMNS: usize = 41;

/// Numbers first, then of each category a column for each level of the training rows and one for all others; normal
/// rows of every second line are for training, all other rows for the test. The normalizer leaves categories alone.
pub fn read(path: &Path) -> Result<(Rows, Normalizer)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let lines: Vec<Vec<&str>> = lines.into_iter().filter(|line| line.len() > COLUMNS).collect();
    let is_normal = |line: &[&str]| line[COLUMNS] == "normal";
    let is_train: Vec<bool> =
        lines.iter().enumerate().map(|(row, line)| row % 2 == 0 && is_normal(line)).collect();
    let levels = CATEGORIES.map(|column| {
        let train = lines.iter().zip(&is_train).filter(|&(_, &is_train)| is_train);
        train.map(|(line, _)| line[column]).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    });
    let numbers = COLUMNS - CATEGORIES.len();
    let features = numbers + levels.iter().map(|levels| levels.len() + 1).sum::<usize>();
    let mut values = Vec::with_capacity(lines.len() * features);
    for line in &lines {
        let columns = (0..COLUMNS).filter(|column| !CATEGORIES.contains(column));
        values.extend(columns.map(|column| line[column].parse::<f32>().unwrap_or(f32::NAN)));
        for (column, levels) in CATEGORIES.into_iter().zip(&levels) {
            let level = levels.iter().position(|&level| level == line[column]);
            let level = level.unwrap_or(levels.len());
            values.extend((0..=levels.len()).map(|place| f32::from(u8::from(place == level))));
        }
    }
    let all = Batch::new(Dyn(features), values)?;
    let of = |train: bool| (0..lines.len()).filter(|&row| is_train[row] == train).collect();
    let test: Vec<usize> = of(false);
    let rows = Rows {
        train: all.select(of(true)),
        is_anomaly: test.iter().map(|&row| !is_normal(&lines[row])).collect(),
        test: all.select(test),
    };
    let normalizer = Normalizer::fit(Normalization::Standardize, &rows.train)?;
    let normalizer = normalizer.leaving(numbers..features)?;
    Ok((rows, normalizer))
}
