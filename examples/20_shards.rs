//! Expect: 17 MB of half precision in eight files, in which the tokens of a text lie together, trained on out of order with
//! 7 MB of samples in memory; a training that stops in the middle of an epoch and goes on with the same bits.

use std::fs;
use std::path::Path;

use autoencoder::activation::{Identity, Relu};
use autoencoder::data::{Safetensors, SafetensorsOptions, Shards, Shuffled};
use autoencoder::nalgebra::Const;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::train::{Checkpoints, Control, Event};
use autoencoder::{Adam, AutoEncoder, CodeL1, Dense, Result, Source, Trainer};

const D: usize = 64;
/// In a file, and each of so many tokens.
const TEXTS: usize = 128;
const TOKENS: usize = 128;
/// In memory are three blocks of the trainer of so many samples, and a buffer of four to mix in.
const BLOCK: usize = 4096;

/// Writes texts as `BF16`, each about three of 96 features, which its tokens have more or less of.
fn write_shard(path: &Path, number: u64) -> std::io::Result<()> {
    let length = TEXTS * TOKENS * D * 2;
    let header = format!(
        r#"{{"acts":{{"dtype":"BF16","shape":[{TEXTS},{TOKENS},{D}],"data_offsets":[0,{length}]}}}}"#
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    let (of_features, draws) = (&mut seeded(0), &mut seeded(1 + number));
    let mut direction = || std::array::from_fn(|_| of_features.random_range(-0.4_f32..0.4));
    let features: [[f32; D]; 96] = std::array::from_fn(|_| direction());
    for _ in 0..TEXTS {
        let of_text: [_; 3] = std::array::from_fn(|_| features[draws.random_range(0..96)]);
        for _ in 0..TOKENS {
            let on: [f32; 3] = std::array::from_fn(|_| draws.random_range(-1.0_f32..1.0).max(0.0));
            for i in 0..D {
                let x: f32 = of_text.iter().zip(on).map(|(feature, on)| on * feature[i]).sum();
                file.extend(&x.to_le_bytes()[2..]); // the upper half of single precision
            }
        }
    }
    fs::write(path, file)
}

/// Trains a new model, up to this step at most; its parameters, and the loss of the last epoch that is over.
fn train<S>(from: &mut S, file: &Path, stop: usize) -> Result<(Vec<f32>, f64)>
where
    S: Source<Scalar = f32, Features = Const<D>>,
{
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<D, 128>::new(Relu))
        .decoder(Dense::<128, D>::new(Identity))
        .regularizer(CodeL1::new(1e-3)?)
        .build::<f32>()?;
    let mut steps = 0;
    let mut trainer = Trainer::new(Adam::new(2e-3)?)
        .epochs(2)
        .batch_size(256)
        .shuffle_buffer(BLOCK)
        .checkpoints(Checkpoints::new(file).resume(true))
        .observer(move |event: &Event<'_>| {
            steps += usize::from(matches!(event, Event::Batch(_)));
            if steps == stop { Control::Stop } else { Control::Continue }
        });
    let report = trainer.fit(&mut model, from)?;
    let loss = report.epochs.last().map_or(f64::NAN, |epoch| epoch.terms.total());
    Ok((model.parameters().to_vec(), loss))
}

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("autoencoder-shards-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    for number in 0..8 {
        let path = folder.join(format!("acts_{number}.safetensors"));
        write_shard(&path, number).expect("room for 17 MB");
    }
    // The samples are the rows of three dimensions.
    let tokens = SafetensorsOptions::new().flatten(true);
    let mut shards: Shards<Safetensors<f32, Const<D>>> =
        Shards::folder(&folder, "safetensors", move |path| tokens.open(path))?;
    println!("{} files, {} samples of {D} features", shards.files().len(), shards.samples());
    let (_, loss) = train(&mut shards, &folder.join("as they lie"), usize::MAX)?;
    println!("loss of the second epoch, in the order of the files: {loss:.4}");
    let mut mixed = Shuffled::new(shards, 4 * BLOCK, 1)?;
    let (at_once, loss) = train(&mut mixed, &folder.join("at once"), usize::MAX)?;
    println!("loss of the second epoch, mixed before: {loss:.4}");
    train(&mut mixed, &folder.join("stopped"), 700)?;
    let (resumed, _) = train(&mut mixed, &folder.join("stopped"), usize::MAX)?;
    println!("stopped after 700 steps and resumed, the same bits: {}", resumed == at_once);
    fs::remove_dir_all(&folder).expect("the folder was ours");
    Ok(())
}
