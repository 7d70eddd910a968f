//! Expect: a `DataFrame` of Polars, with numbers, texts, booleans and nulls, becomes a table; the delivery whose price
//! does not go with its weight comes first, in the frame's own words; and nulls are imputed as a column of the frame.
//!
//! ```sh
//! cargo run --release --manifest-path examples/data_frame/Cargo.toml
//! ```

use std::error::Error;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::{Cell, Schema};
use autoencoder::{Adam, AutoEncoder, Dense, Then, Trainer};
use polars_core::prelude::{AnyValue, Column, DataFrame, PlSmallStr, df};

/// The cells of a column: numbers as numbers, null as missing, all else as a text; a date is written as in ISO 8601.
fn cells(column: &Column) -> Vec<Cell<'_>> {
    let are_numbers = column.dtype().is_primitive_numeric();
    let cell = |row| match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => Cell::Missing,
        Ok(value) if are_numbers => value.extract::<f64>().into(),
        Ok(AnyValue::String(text)) => text.into(),
        Ok(value) => value.to_string().into(),
    };
    (0..column.len()).map(cell).collect()
}

/// The row with the price of another.
const ODD: usize = 333;

/// Deliveries; every 50th weight is not known, and one of them has the price of another.
fn deliveries() -> Result<DataFrame, Box<dyn Error>> {
    let rows = 0..600_u32;
    let size = |row: u32| row as usize * 7 % 3;
    let weight = |row: u32| [1.0, 4.0, 9.0][size(row)] + (f64::from(row) * 0.7).sin() * 0.4;
    let price =
        |row: u32| 3.0 + 2.0 * if row as usize == ODD { 12.0 - weight(row) } else { weight(row) };
    Ok(df!(
        "number" => rows.clone().collect::<Vec<_>>(),
        "size" => rows.clone().map(|row| ["small", "medium", "large"][size(row)]).collect::<Vec<_>>(),
        "by_bike" => rows.clone().map(|row| size(row) == 0).collect::<Vec<_>>(),
        "weight" => rows.clone().map(|row| (row % 50 != 7).then(|| weight(row))).collect::<Vec<_>>(),
        "price" => rows.map(price).collect::<Vec<_>>(),
    )?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut frame = deliveries()?;
    let columns: Vec<_> =
        frame.columns().iter().map(|of| (of.name().as_str(), cells(of))).collect();
    let columns = || columns.iter().map(|(name, cells)| (*name, cells.into()));
    let schema = Schema::infer_columns(columns())?;
    println!("{schema}");

    let samples = schema.batch_of_columns::<f32>(columns())?;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(schema.features(), 32, Tanh).then(Dense::dynamic(32, 2, Identity)))
        .decoder(Dense::dynamic(2, 32, Tanh).then(Dense::dynamic(32, schema.features(), Identity)))
        .loss(schema.loss()?)
        .normalizer(schema.normalizer(&samples)?)
        .build::<f32>()?;
    println!("{}\n", Trainer::new(Adam::new(5e-3)?).epochs(40).fit(&mut model, &samples)?);

    let detector = AnomalyDetector::fit(model.clone(), ScaledResidual::new(), &samples)?;
    let scores = detector.scores(&samples)?;
    let oddest = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let oddest = oddest.expect("a frame with rows");
    assert_eq!(oddest, ODD, "{scores:?}");
    println!("{}\n{}\n", frame.slice(oddest as i64, 1), detector.explain(samples.sample(oddest))?);

    // What was null, by the model, beside what is there.
    let imputed = schema.rows(&model.impute(&samples)?)?;
    let at = imputed.names().iter().position(|name| name == "weight").expect("a column");
    let weights = imputed.iter().map(|row| match &row[at] {
        Cell::Number(weight) => Some(*weight),
        _ => None,
    });
    let name = PlSmallStr::from("weight without gaps");
    let weights = Column::new(name, weights.collect::<Vec<_>>());
    frame.with_column(weights)?;
    println!("{}", frame.slice(5, 4));
    Ok(())
}
