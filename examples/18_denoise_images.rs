//! Expect: cleaned pictures are more than 5 dB nearer to the originals than noisy ones; a picture shows all three.
//!
//! `-- FOLDER` cleans pictures of your own, which become grey and of 32 × 32 pixels. Without, a folder of noisy ones is made.

use std::{env, fs, path::Path};

use autoencoder::activation::{Identity, Relu};
use autoencoder::corruption::{Corruption, Gaussian};
use autoencoder::data::{ImageFolder, ImageOptions, Source, save_images};
use autoencoder::{Adam, AutoEncoder, Batch, Conv2d, ConvTranspose2d, Denoising, Error, Then};
use autoencoder::{Trainer, datasets, plot, random, size::Image};

type Picture = Image<1, 32, 32>;
type Features = Image<16, 32, 32>;
type Code = Image<16, 16, 16>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let noise = Gaussian::new(0.1)?;
    let target = Path::new("target/18_denoise_images");
    let made = target.join("noisy");
    fs::create_dir_all(&made)?;

    // What the pictures to clean were before, if that is known, and the folder they lie in.
    let (originals, folder) = match env::args_os().nth(1) {
        Some(folder) => (None, folder.into()),
        None => {
            let originals = leaves(20, 2)?;
            let (mut noisy, mut rng) = (originals.clone(), random::seeded(3));
            noisy.as_mut_slice().chunks_mut(1024).for_each(|x| noise.corrupt(x, &mut rng));
            save_images(&noisy, (0..20).map(|k| made.join(format!("{k:02}.png"))))?;
            (Some(originals), made)
        }
    };

    // Trained on other pictures, to which noise is added anew in each epoch.
    let encoder =
        Conv2d::<Picture, Features, 3>::new(Relu).then(Conv2d::<Features, Code, 3>::new(Relu));
    let decoder = ConvTranspose2d::<Code, Features, 3>::new(Relu);
    let decoder = decoder.then(Conv2d::<Features, Picture, 3>::new(Identity));
    let builder = AutoEncoder::builder().encoder(encoder).decoder(decoder);
    let mut model = builder.regularizer(Denoising::new(noise)).build::<f32>()?;
    let mut trainer = Trainer::new(Adam::new(3e-3)?).epochs(20).batch_size(16);
    println!("{}\n", trainer.fit(&mut model, &leaves(1500, 1)?)?);

    let options = ImageOptions::new().grey().resize(32, 32)?.skip_other_files();
    let mut files: ImageFolder<f32, Picture> = options.open(&folder)?;
    let noisy = files.load()?;
    let cleaned = model.reconstruct(&noisy)?;
    // A new folder for each run, so that nothing of another lies among them, and nothing has to be removed.
    let mut folders = (1..1000).map(|run| target.join(format!("cleaned {run}")));
    let cleaned_to = folders.find(|folder| fs::create_dir(folder).is_ok());
    let cleaned_to = cleaned_to.ok_or("no new folder can be made; remove old ones")?;
    let names = files.files().iter().enumerate().map(|(k, file)| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        cleaned_to.join(format!("{k:02} {name}.png"))
    });
    save_images(&cleaned, names)?;
    println!("{} cleaned pictures are in {}", noisy.samples(), cleaned_to.display());

    let picture = target.join("before_and_after.png");
    let mut shown = plot::Reconstructions::new(originals.as_ref().unwrap_or(&noisy), &cleaned);
    if let Some(originals) = &originals {
        for (name, batch) in [("noisy", &noisy), ("cleaned", &cleaned)] {
            let pairs = originals.as_slice().iter().zip(batch.as_slice());
            let squares = pairs.map(|(x, y)| (x - y).powi(2)).sum::<f32>();
            let error = squares / batch.as_slice().len() as f32;
            println!("{name:8} squared error {error:.5}, PSNR {:.2} dB", -10.0 * error.log10());
        }
        shown = shown.corrupted(&noisy);
    }
    println!("{} shows them", picture.display());
    Ok(shown.title("Before and after").save(picture)?)
}

/// Pictures of discs that hide each other, which have the statistics of photographs.
fn leaves(count: usize, seed: u64) -> Result<Batch<f32, Picture>, Error> {
    datasets::dead_leaves(count, 32, 3.0..=24.0, seed)?.with_size(Image)
}
