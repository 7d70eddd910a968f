//! Expect: a page to open in a browser, and what stands out in words: of units asked to be active 1 % of the time, some die.

use autoencoder::activation::Sigmoid;
use autoencoder::health::Checkup;
use autoencoder::html::HtmlReport;
use autoencoder::{Adam, AutoEncoder, Dense, Examples, Result, SparseKl, Trainer, datasets};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/report.html".into());
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 100>::new(Sigmoid))
        .decoder(Dense::<100, 64>::new(Sigmoid))
        .regularizer(SparseKl::new(0.01, 0.3)?)
        .seed(7)
        .build::<f32>()?;
    let examples = Examples::of(&digits.train).held_out(&digits.test);
    let report =
        Trainer::new(Adam::new(3e-3)?).epochs(60).batch_size(64).fit(&mut model, examples)?;

    let checkup = Checkup::of(&model, &digits.test)?;
    println!("{checkup}");
    for advice in checkup.advice() {
        println!("{}: {advice}", advice.title());
    }

    HtmlReport::new(&model, &report, &digits.test)
        .title("Handwritten digits in 100 sparse units")
        .labels(&digits.test_labels)
        .write_to(&path)?;
    println!("\nthe report is in {path}: open it in a browser");
    Ok(())
}
