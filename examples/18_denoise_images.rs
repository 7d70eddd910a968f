//! Expect: cleaned pictures are more than 5 dB nearer to the originals than noisy ones; a picture shows all three.
//!
//! `-- FOLDER` cleans pictures of your own, which become grey and of 32 × 32 pixels. Without, a folder of noisy ones is made.

use std::path::{Path, PathBuf};

use autoencoder::activation::{Identity, Relu};
use autoencoder::corruption::{Corruption, Gaussian};
use autoencoder::data::{ImageFolder, ImageOptions, Source, save_images};
use autoencoder::size::Image;
use autoencoder::{
    Adam, AutoEncoder, Batch, Conv2d, ConvTranspose2d, Denoising, Error, Then, Trainer, datasets,
    plot, random,
};

type Picture = Image<1, 32, 32>;
type Features = Image<16, 32, 32>;
type Code = Image<16, 16, 16>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let noise = Gaussian::new(0.1)?;
    let target = Path::new("target/18_denoise_images");
    std::fs::create_dir_all(target.join("noisy"))?;
    std::fs::create_dir_all(target.join("cleaned"))?;

    // What the pictures to clean were before, if that is known, and the folder they lie in.
    let (originals, folder) = match std::env::args_os().nth(1) {
        Some(folder) => (None, PathBuf::from(folder)),
        None => {
            let originals = leaves(20, 2)?;
            let mut noisy = originals.clone();
            let mut rng = random::seeded(3);
            noisy.as_mut_slice().chunks_mut(1024).for_each(|x| noise.corrupt(x, &mut rng));
            let paths = (0..20).map(|k| target.join(format!("noisy/{k:02}.png")));
            save_images(&noisy, paths)?;
            (Some(originals), target.join("noisy"))
        }
    };

    // Trained on other pictures, to which noise is added anew in each epoch.
    let mut model = AutoEncoder::builder()
        .encoder(
            Conv2d::<Picture, Features, 3>::new(Relu).then(Conv2d::<Features, Code, 3>::new(Relu)),
        )
        .decoder(
            ConvTranspose2d::<Code, Features, 3>::new(Relu)
                .then(Conv2d::<Features, Picture, 3>::new(Identity)),
        )
        .regularizer(Denoising::new(noise))
        .build::<f32>()?;
    let trainer = Trainer::new(Adam::new(3e-3)?).epochs(20).batch_size(16);
    println!("{}\n", { trainer }.fit(&mut model, &leaves(1500, 1)?)?);

    let options = ImageOptions::new().grey().resize(32, 32)?.skip_other_files();
    let mut files: ImageFolder<f32, Picture> = options.open(&folder)?;
    let noisy = files.load()?;
    let cleaned = model.reconstruct(&noisy)?;
    let names = files.files().iter().enumerate().map(|(k, file)| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        target.join(format!("cleaned/{k:02} {name}.png"))
    });
    save_images(&cleaned, names)?;
    println!("{} cleaned pictures are in {}", noisy.samples(), target.join("cleaned").display());

    let shown = match &originals {
        Some(originals) => {
            for (name, batch) in [("noisy", &noisy), ("cleaned", &cleaned)] {
                let error = squared_error(originals, batch);
                println!("{name:8} squared error {error:.5}, PSNR {:.2} dB", -10.0 * error.log10());
            }
            plot::Reconstructions::new(originals, &cleaned).corrupted(&noisy)
        }
        None => plot::Reconstructions::new(&noisy, &cleaned),
    };
    shown.title("Before and after").save(target.join("before_and_after.png"))?;
    println!("{} shows them", target.join("before_and_after.png").display());
    Ok(())
}

/// Pictures of discs that hide each other, which have the statistics of photographs.
fn leaves(count: usize, seed: u64) -> Result<Batch<f32, Picture>, Error> {
    datasets::dead_leaves(count, 32, 3.0..=24.0, seed)?.with_size(Image)
}

/// The mean over all pixels, of which the brightest is 1.
fn squared_error(originals: &Batch<f32, Picture>, found: &Batch<f32, Picture>) -> f32 {
    let pairs = originals.as_slice().iter().zip(found.as_slice());
    pairs.map(|(x, y)| (x - y).powi(2)).sum::<f32>() / originals.as_slice().len() as f32
}
