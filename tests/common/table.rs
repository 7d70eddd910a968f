//! A report of a table, and names that try to run: for the tests of the page and for those of a browser.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::html::HtmlReport;
use autoencoder::nalgebra::Dyn;
use autoencoder::random::seeded;
use autoencoder::*;

pub const HOSTILE: [&str; 4] = [
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "'\"><svg onload=document.title='pwned'>",
    "{{constructor}} javascript:document.title='pwned' \u{2028} <!-- --!>",
];

pub const COLUMNS: [&str; 6] =
    ["temperature", "humidity", "pressure", "wind speed", "rain", "hours of sun"];

/// Forty days of weather, with units of their own.
fn weather(samples: usize) -> Batch<f64, Dyn> {
    let rng = &mut seeded(4);
    let mut values = Vec::new();
    for _ in 0..samples {
        let (a, b) = (f64::draw_normal(rng), f64::draw_normal(rng));
        let mut noise = || 0.2 * f64::draw_normal(rng);
        values.extend([
            15.0 + 6.0 * (a + noise()),
            60.0 - 9.0 * (a - b + noise()),
            1013.0 + 8.0 * (noise() - b),
            12.0 + 4.0 * (b + noise()),
            3.0 + 2.0 * (b - 0.5 * a + noise()),
            6.0 + 2.0 * (a + noise()),
        ]);
    }
    Batch::new(Dyn(6), values).unwrap()
}

pub fn table(columns: [&str; 6], labels: impl Fn(usize) -> String, title: &str) -> String {
    let x = weather(40);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 3, Tanh))
        .decoder(Dense::dynamic(3, 6, Identity))
        .normalizer(Normalizer::fit(data::Normalization::Standardize, &x).unwrap())
        .build::<f64>()
        .unwrap();
    let report = Trainer::new(Adam::new(1e-2).unwrap())
        .epochs(150)
        .batch_size(8)
        .fit(&mut model, &x)
        .unwrap();
    HtmlReport::new(&model, &report, &x)
        .title(title)
        .columns(columns)
        .labels((0..40).map(labels))
        .to_html()
        .unwrap()
}

pub fn season(sample: usize) -> String {
    ["spring", "summer", "autumn", "winter"][sample / 10].into()
}
