//! Expect: for three tables with 10 and 30 % of their cells removed at random, how far what is imputed is from what was
//! removed, for numbers in deviations of their column and for categories as the share of wrong ones, beside the column's
//! mean or mode.
//!
//! ```sh
//! cargo run --release --example imputation --features npz -- --data DIR [--out DIR]
//! python examples/imputation/peers.py DIR
//! ```
//! The first DIR holds `tables/german.csv`, `tables/auto_imports.csv` and `anomaly/6_cardio.npz`; with the second the same
//! cells are written for `peers.py`, which asks scikit-learn.

mod model;
mod tables;

use std::path::PathBuf;

use tables::{Errors, Holes, Table};

fn main() -> Result<(), String> {
    let (mut data, mut out) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().map(PathBuf::from);
        match name.as_str() {
            "--data" => data = value,
            "--out" => out = value,
            other => return Err(format!("{other} is no option")),
        }
    }
    let data = data.ok_or("say where the tables are, by --data")?;
    println!("{:<14} {:>4} {:>24} {:>24}", "table", "", "mean or mode", "model");
    for name in ["german", "auto_imports", "cardio"] {
        let table = Table::read(name, &data).map_err(|error| error.to_string())?;
        for percent in [10, 30] {
            let share = f64::from(percent) / 100.0;
            let (mut plain, mut imputed) = (Vec::new(), Vec::new());
            for seed in 1..=3 {
                let holes = Holes::draw(&table, share, seed);
                if let Some(out) = &out {
                    let path = out.join(format!("{name}-{percent}-{seed}"));
                    holes.write(&table, &path).map_err(|error| error.to_string())?;
                }
                plain.push(holes.errors(&table, &holes.mean_or_mode(&table)));
                let by_model = model::imputed(&table, &holes, seed);
                let by_model = by_model.map_err(|error| error.to_string())?;
                imputed.push(holes.errors(&table, &by_model));
            }
            let (plain, imputed) = (Errors::mean(&plain), Errors::mean(&imputed));
            println!("{name:<14} {percent:>3}% {plain:>24} {imputed:>24}");
        }
    }
    Ok(())
}
