//! Expect: a series with a daily pattern that fails to appear on one day: that day's steps come first, though each of
//! its values is an everyday one; then the same step by step, as it comes. Another file of timestamps and values can be
//! given: `-- series.csv`.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::{DatePart, InMemory, RollingWindow, Schema, Source, Windows};
use autoencoder::size::DynWindow;
use autoencoder::{Adam, AutoEncoder, Dense, Result, Then, Trainer};

/// Four weeks, every quarter of an hour: the load of a machine that rests at night, and on the 24th does not start.
fn generated() -> String {
    let mut text = "time,load\n".to_owned();
    for step in 0..28 * 96 {
        let (day, hour) = (step / 96, (step % 96) as f64 / 4.0);
        let works = (7.0..19.0).contains(&hour) && day != 23;
        let noise = ((step * 7919 % 1009) as f64 / 1009.0 - 0.5) * 4.0;
        let load = if works { 60.0 + 10.0 * (hour - 13.0).cos() } else { 12.0 } + noise;
        let (of_hour, minute) = (step % 96 / 4, step % 4 * 15);
        text += &format!("2024-02-{:02} {of_hour:02}:{minute:02},{load:.2}\n", day + 1);
    }
    text
}

fn main() -> Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => {
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        }
        None => generated(),
    };
    // A step is its value and its time of day.
    let schema = Schema::infer_bytes(text.clone())?.date_parts(0, [DatePart::TimeOfDay])?;
    println!("{schema}");
    let steps = schema.from_bytes::<f32>(text.clone())?.load()?;
    // What is normal is learned from the first half.
    let normal = steps.select(0..steps.samples() / 2);
    let size = DynWindow { channels: steps.features(), steps: 24 };
    let per_step = schema.normalizer(&normal)?;
    let mut windows = Windows::new(InMemory::from(&normal), size)?;
    let width = size.channels * size.steps;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 64, Tanh).then(Dense::dynamic(64, 12, Identity)))
        .decoder(Dense::dynamic(12, 64, Tanh).then(Dense::dynamic(64, width, Identity)))
        .normalizer(per_step.per_channel(size)?)
        .build::<f32>()?;
    println!("{}\n", Trainer::new(Adam::new(2e-3)?).epochs(60).fit(&mut model, &mut windows)?);
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &windows.load()?)?;

    let mut all = Windows::new(InMemory::from(&steps), size)?;
    let of_windows = detector.scores(&mut all)?;
    let of_steps = all.on_steps(&of_windows)?;
    let mut order: Vec<usize> = (0..steps.samples()).collect();
    order.sort_by(|&a, &b| of_steps.mean[b].total_cmp(&of_steps.mean[a]));
    let lines: Vec<&str> = text.lines().skip(1).collect();
    println!("the oddest steps:");
    order[..5].iter().for_each(|&step| println!("  {}  {:.1}", lines[step], of_steps.mean[step]));

    // As it comes: the first window that is odder than all normal ones.
    let most =
        of_windows[..windows.samples()].iter().fold(0.0, |most: f64, &score| most.max(score));
    let (mut last, mut workspace) = (RollingWindow::new(size)?, detector.workspace());
    let mut features = vec![0.0; width];
    for (line, step) in lines.iter().zip(steps.iter()) {
        let Some(window) = last.push(step)? else { continue };
        if detector.score_one_into(window, &mut features, &mut workspace)? > 1.2 * most {
            println!("\nseen live at {line}\n{}", detector.explain(window)?);
            break;
        }
    }
    Ok(())
}
