//! Expect: a training stopped half-way and resumed in a fresh model ends with the bits of one that never stopped.

use std::process::id;

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::train::{Checkpoints, Event};
use autoencoder::{Adam, AutoEncoder, Dense, Result, SparseKl, Trainer, datasets, inspect};

const CODE: usize = 16;

/// The same architecture each time, with other first weights for another seed.
macro_rules! model {
    ($activation:expr, $seed:expr) => {
        AutoEncoder::builder()
            .encoder(Dense::<64, CODE>::new($activation))
            .decoder(Dense::<CODE, 64>::new(Identity))
            .regularizer(SparseKl::new(0.2, 0.1)?)
            .seed($seed)
            .build::<f32>()?
    };
}

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("autoencoder-example-{}", id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let (run, file) = (folder.join("run.safetensors"), folder.join("digits.safetensors"));
    let digits = datasets::digits::<f32>();
    let trainer = || Ok(Trainer::new(Adam::new(3e-3)?).epochs(40).batch_size(32));

    let mut at_once = model!(Sigmoid, 1);
    trainer()?.fit(&mut at_once, &digits.train)?;

    // The same training, which ends in the middle of its 20th epoch, as if the power had failed.
    let mut stopped = model!(Sigmoid, 1);
    let checkpoints = Checkpoints::new(&run).every_steps(10);
    let mut doomed = trainer()?.checkpoints(checkpoints.clone()).observer(|event: &Event<'_>| {
        if let Event::Batch(step) = event
            && (step.epoch, step.batch) == (20, 25)
        {
            std::panic::resume_unwind(Box::new("no power")); // a panic without its message
        }
    });
    let fit = || doomed.fit(&mut stopped, &digits.train);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fit)).is_err());

    // A fresh model takes up the training where it was last saved.
    let mut resumed = model!(Sigmoid, 2);
    let mut goes_on = trainer()?.checkpoints(checkpoints.resume(true));
    println!("{}\n", goes_on.fit(&mut resumed, &digits.train)?);
    let bits = |model: &[f32]| -> Vec<u32> { model.iter().map(|p| p.to_bits()).collect() };
    let is_same = bits(resumed.parameters()) == bits(at_once.parameters());
    println!("{} parameters, the same bits: {is_same}\n", resumed.num_parameters());

    // What is kept: one file, which says what it holds.
    resumed.save(&file)?;
    println!("{}\n", inspect(&file)?);

    // The decoder alone, behind another encoder; and what does not fit is refused by name.
    let mut generator = model!(Tanh, 3);
    generator.load_decoder(&file)?;
    let code = resumed.encode(&digits.test)?;
    println!("same decoder: {}", generator.decode(&code)? == resumed.decode(&code)?);
    let refused = generator.load(&file).unwrap_err().to_string();
    println!("refused: {}", refused.replace(&format!("{}: ", file.display()), ""));
    std::fs::remove_dir_all(&folder).expect("the folder was ours");
    Ok(())
}
