//! A million rows of 40 numbers, from the file to each row's score, beside the `csv` crate, which reads the same file and
//! parses every cell to `f32`, in turns in the same run.
//!
//! `cargo bench -p autoencoder-benches --bench tables` prints the table. After `--`: `--rows N` takes another number of
//! rows, `--json FILE` writes the table as well, `--quick` makes one round of 10,000 rows. Reading ahead takes a second
//! thread; for the same number of threads as the `csv` crate has, pin the command to one core.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::{Schema, Source};
use autoencoder::{AutoEncoder, Batch, Dense, Result, Then};
use nalgebra::Dyn;

mod common;
use common::{Contestant, Words, in_turns, median, most_memory, noise, write_json};

const COLUMNS: usize = 40;
/// Rows that are written at a time.
const PART: usize = 1000;

/// A file with a header and so many rows of numbers of three decimals.
fn write(path: &Path, rows: usize) {
    use std::io::Write;
    let file = std::fs::File::create(path).expect("a folder for temporary files");
    let mut file = std::io::BufWriter::new(file);
    let names = (0..COLUMNS).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    writeln!(file, "{names}").expect("room on the disk");
    let (values, mut text) = (noise(PART * COLUMNS), String::new());
    for part in 0..rows.div_ceil(PART) {
        text.clear();
        let rows = PART.min(rows - part * PART);
        for row in values.chunks(COLUMNS).take(rows) {
            for (column, value) in row.iter().enumerate() {
                let end = if column + 1 == COLUMNS { '\n' } else { ',' };
                let value = (value - 0.5) * 10.0_f32.powi(column as i32 % 5);
                write!(text, "{value:.3}{end}").expect("a string takes all");
            }
        }
        file.write_all(text.as_bytes()).expect("room on the disk");
    }
}

/// Every cell as the `csv` crate reads it, into one record that is used again.
fn by_csv_crate(path: &Path) -> f64 {
    let mut reader = csv::Reader::from_path(path).expect("the file that was written");
    let (mut record, mut sum) = (csv::ByteRecord::new(), 0.0);
    while reader.read_byte_record(&mut record).expect("the file that was written") {
        for cell in &record {
            let text = std::str::from_utf8(cell).expect("digits");
            sum += f64::from(text.parse::<f32>().expect("a number"));
        }
    }
    sum
}

/// Every row as features.
fn read(schema: &Schema, path: &Path) -> f64 {
    let mut table = schema.open::<f32>(path).expect("the file that was written");
    let (mut rows, mut sum) = (Batch::zeros(Dyn(COLUMNS), PART), 0.0);
    while table.read(rows.view_mut()).expect("the file that was written") > 0 {
        sum += f64::from(rows.as_slice()[0]);
    }
    sum
}

/// Scores every row of the file. What the model's weights are makes no row slower, so they are those before training.
fn scoring(schema: Schema, path: PathBuf) -> Result<impl FnMut() -> f64> {
    let mut first = Batch::zeros(Dyn(COLUMNS), PART);
    schema.open::<f32>(&path)?.read(first.view_mut())?;
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(COLUMNS, 64, Tanh).then(Dense::dynamic(64, 16, Identity)))
        .decoder(Dense::dynamic(16, 64, Tanh).then(Dense::dynamic(64, COLUMNS, Identity)))
        .normalizer(schema.normalizer(&first)?)
        .build::<f32>()?;
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &first)?;
    Ok(move || {
        let mut table = schema.open(&path).expect("the file that was written");
        detector.scores(&mut table).expect("finite").into_iter().sum()
    })
}

fn timed(mut work: impl FnMut() -> f64 + 'static) -> Contestant {
    Box::new(move |times| {
        let start = Instant::now();
        black_box(work());
        times.push(start.elapsed().as_secs_f64());
    })
}

fn main() {
    let mut words = Words::of_command_line();
    let (json, is_quick) = (words.option("--json"), words.flag("--quick"));
    let rows = words.option("--rows").map(|rows| rows.parse().expect("a number of rows"));
    let rows = rows.unwrap_or(if is_quick { 10_000 } else { 1_000_000 });
    let path = std::env::temp_dir().join(format!("autoencoder-tables-{}.csv", std::process::id()));
    write(&path, rows);
    let schema = Schema::infer(&path).expect("the file that was written");
    assert_eq!(schema.features(), COLUMNS, "{schema}");
    let scoring = scoring(schema.clone(), path.clone()).expect("a table of numbers");
    let [first, second] = [(); 2].map(|()| path.clone());
    let contestants = vec![
        timed(move || by_csv_crate(&first)),
        timed(move || read(&schema, &second)),
        timed(scoring),
    ];
    let names = ["csv crate, each cell parsed", "Schema, read", "Schema, read, encoded and scored"];
    let mut times = in_turns(contestants, is_quick);
    std::fs::remove_file(&path).expect("the file that was written");

    println!(
        "{:<36} {:>9} {:>6} {:>12} {:>14}",
        "rows of 40 numbers", "seconds", "±", "rows/s", "of the first"
    );
    let (mut lines, mut first) = (Vec::new(), f64::NAN);
    for (name, times) in names.into_iter().zip(&mut times) {
        let (seconds, spread) = median(times);
        first = if first.is_nan() { seconds } else { first };
        let (speed, share) = (rows as f64 / seconds, first / seconds);
        println!("{name:<36} {seconds:>9.3} {spread:>5.1}% {speed:>12.0} {share:>14.2}");
        lines.push(format!(
            r#"{{"case":"{name}","rows":{rows},"seconds":{seconds},"spread_percent":{spread},"share":{share}}}"#
        ));
    }
    if let Some(most) = most_memory() {
        println!("most memory: {most:.1} MiB, of which 8 bytes a row are the scores");
    }
    write_json(json, &lines);
}
