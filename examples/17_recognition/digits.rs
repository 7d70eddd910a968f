//! Handwritten digits: where they come from, what is measured of them, and how they are shown.

use autoencoder::data::{Idx, Source, idx_labels};
use autoencoder::{Batch, Error, Result, datasets, size::DynImage};

type Images = Batch<f32, DynImage>;
type Labelled = (Images, Vec<u8>);

/// The squared error of a digit, summed over pixels.
pub fn error<'a>(digits: &Images, back: impl Fn(usize) -> &'a [f32]) -> f32 {
    let squares = |(x, y): (&f32, &f32)| (x - y) * (x - y);
    let of = |(at, digit): (usize, &[f32])| digit.iter().zip(back(at)).map(squares).sum::<f32>();
    digits.iter().enumerate().map(of).sum::<f32>() / digits.samples() as f32
}

/// The mean of the digits that are chosen.
pub fn mean(digits: &Images, is_chosen: impl Fn(usize) -> bool) -> Vec<f32> {
    let chosen = digits.select((0..digits.samples()).filter(|&at| is_chosen(at)));
    let sum = |pixel: usize| chosen.iter().map(|digit| digit[pixel]).sum::<f32>();
    (0..digits.features()).map(|pixel| sum(pixel) / chosen.samples() as f32).collect()
}

/// Digits to train on and to test with, and with how many epochs of batches of how many.
pub fn read() -> Result<(Labelled, Labelled, usize, usize)> {
    let Some(folder) = option("--data") else {
        let digits = datasets::digits();
        let size = DynImage { channels: 1, height: 8, width: 8 };
        let train = (digits.train.with_size(size)?, digits.train_labels);
        return Ok((train, (digits.test.with_size(size)?, digits.test_labels), 40, 32));
    };
    let read = |part: &str| {
        let path = |what| format!("{folder}/mnist/{part}-{what}-ubyte.gz");
        let images = Idx::open(path("images-idx3"))?.scale(1.0 / 255.0)?.load()?;
        Ok::<_, Error>((images, idx_labels(path("labels-idx1"))?))
    };
    Ok((read("train")?, read("t10k")?, 3, 128))
}

/// Ten images, side by side; large ones in a picture alone.
pub fn show(what: &str, images: &Images) -> Result<()> {
    let width = images.size().width;
    if width < 10 {
        println!("\n{what}:");
        let shade = |&x: &f32| [' ', '·', '+', '#', '@'][(x * 4.0).round() as usize];
        for row in 0..images.size().height {
            let rows = images.iter().map(|image| image[row * width..][..width].iter());
            let rows = rows.map(|row| row.map(shade).collect()).collect::<Vec<String>>();
            println!("{}", rows.join("  "));
        }
    }
    #[cfg(feature = "plot")]
    {
        let folder = option("--out").unwrap_or_else(|| "target".into());
        let words: Vec<_> = what.split(|c: char| !c.is_alphanumeric()).collect();
        let file = format!("{folder}/recognition-{}.png", words.join("-"));
        let grid = autoencoder::plot::FeatureGrid::new(images).range(0.0..=1.0);
        grid.columns(10).title(what).save(file)?;
    }
    Ok(())
}

/// What follows this word on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}
