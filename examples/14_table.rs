//! Expect: a table as people have it, with categories, dates and gaps, from its text to the odd rows, which are explained
//! in the table's own words. Of 25,192 connections, half of them attacks, nearly all attacks come before the others;
//! where that file is absent, a table of deliveries is made up. With the feature `html` a page is written: `-- page.html`.

use autoencoder::activation::{Identity, Relu};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual, Threshold};
use autoencoder::data::{CsvOptions, Schema, SchemaOptions, Source};
use autoencoder::metrics::{average_precision, roc_auc};
use autoencoder::{Adam, AutoEncoder, Dense, Result, Then, Trainer};

/// A header, if there is one, the rows, the column of the label, and what is no anomaly there.
fn table() -> (Option<&'static str>, Vec<String>, usize, &'static str) {
    let folder = std::env::var("AUTOENCODER_DATA").unwrap_or_else(|_| "../shared/data".into());
    if let Ok(text) = std::fs::read_to_string(folder + "/tables/nsl_kdd_train20.txt") {
        return (None, text.lines().map(str::to_owned).collect(), 41, "normal");
    }
    println!("no file of connections there: deliveries are made up\n");
    let row = |k: usize| {
        let is_odd = k % 50 == 49;
        let size = ["small", "medium", "large"][k * 7 % 3];
        let weight = [1.0, 4.0, 9.0][k * 7 % 3] + (k as f64 * 0.7).sin() * 0.4;
        let price = 3.0 + 2.0 * if is_odd { 12.0 - weight } else { weight };
        let by =
            if k.is_multiple_of(97) { "?" } else { ["van", "bike"][usize::from(size == "small")] };
        let (day, hour) = (1 + k / 10 % 28, 8 + k % 10);
        let what = if is_odd { "wrong" } else { "right" };
        format!("{k},2024-05-{day:02} {hour:02}:30,{size},{by},{weight:.2},{price:.2},{what}")
    };
    (Some("number,sent,size,by,weight,price,is"), (0..3000).map(row).collect(), 6, "right")
}

fn main() -> Result<()> {
    let (header, rows, label, normal) = table();
    let is_odd = |row: &&String| row.split(',').nth(label) != Some(normal);
    let text = |rows: &[&String]| {
        let lines = header.into_iter().chain(rows.iter().map(|row| row.as_str()));
        lines.fold(String::new(), |text, line| text + line + "\n")
    };
    // Trained on the normal rows of every second line, tested on all others.
    let in_training = |(line, row): &(usize, &String)| line % 2 == 0 && !is_odd(row);
    let (train, test): (Vec<_>, Vec<_>) = rows.iter().enumerate().partition(in_training);
    let [train, test] =
        [train, test].map(|part| part.into_iter().map(|(_, row)| row).collect::<Vec<_>>());

    let options = SchemaOptions::new().csv(CsvOptions::new().header(header.is_some()));
    let mut schema = Schema::infer_bytes_with(&options, text(&train))?.label(label)?;
    if header.is_none() {
        schema = schema.leave_out(42)?; // how often attacks were found by others
    }
    println!("{schema}");
    // A tenth is held out, for the threshold and to see what has moved.
    let normal = schema.from_bytes::<f32>(text(&train))?.load()?;
    let of =
        |is_held_out: bool| (0..normal.samples()).filter(move |row| (row % 10 == 0) == is_held_out);
    let (samples, held_out) = (normal.select(of(false)), normal.select(of(true)));
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(schema.features(), 64, Relu).then(Dense::dynamic(64, 16, Identity)))
        .decoder(Dense::dynamic(16, 64, Relu).then(Dense::dynamic(64, schema.features(), Identity)))
        .loss(schema.loss()?)
        .normalizer(schema.normalizer(&samples)?)
        .build::<f32>()?;
    println!("{}\n", Trainer::new(Adam::new(2e-3)?).epochs(30).fit(&mut model, &samples)?);

    let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &samples)?;
    detector.set_threshold(Threshold::quantile(&detector.scores(&held_out)?, 0.99)?);
    let scores = detector.scores(&mut schema.from_bytes::<f32>(text(&test))?)?;
    let odd: Vec<bool> = test.iter().map(is_odd).collect();
    let (area, precision) = (roc_auc(&scores, &odd)?, average_precision(&scores, &odd)?);
    println!("of {} rows: ROC-AUC {area:.4}, average precision {precision:.4}\n", test.len());
    let mut order: Vec<usize> = (0..test.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    for row in [order[0], order[test.len() / 50], order[test.len() / 10]] {
        println!("{}\n{}\n", test[row], detector.explain_row(test[row].split(','))?);
    }
    #[cfg(feature = "html")]
    {
        let batch = schema.from_bytes::<f32>(text(&test))?.load()?;
        let labels = test.iter().map(|row| row.split(',').nth(label).unwrap_or_default());
        let page = autoencoder::html::AnomalyReport::new(&detector, &batch).reference(&held_out);
        let path = std::env::args().nth(1).unwrap_or_else(|| "target/table.html".into());
        page.labels(labels).write_to(&path)?;
        println!("as a page, with what has moved beside the rows held out: {path}");
    }
    Ok(())
}
