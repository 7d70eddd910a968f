//! Batches in shards, by one process or by several: the same training but for rounding, and the same bits for any number
//! of processes.

use std::thread;

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::collective::{Alone, Collective, Threaded};
use autoencoder::corruption::Masking;
use autoencoder::data::InMemory;
use autoencoder::layer::sparse::{
    AbsTopK, BatchTopK, Dictionary, GatedEncoder, JumpRelu, SparseEncoder, TopK,
};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::seeded;
use autoencoder::regularizer::{
    AuxK, DictionaryL1, GateSparsity, ImportanceWeighted, JumpReluSparsity, Matryoshka, Resampling,
};
use autoencoder::*;
use common::{each_kind, kinds};
use nalgebra::Const;

const FEATURES: usize = 6;
type Samples = Batch<f64, Const<FEATURES>>;

fn samples(count: usize, seed: u64) -> Samples {
    let rng = &mut seeded(seed);
    (0..count).map(|_| std::array::from_fn(|_| 0.05 + 0.9 * f64::draw_uniform(rng))).collect()
}

/// What comes of a training in each of so many processes, which are threads.
fn in_processes<O: Send>(
    count: usize,
    train: impl Fn(&mut dyn Collective) -> Result<O> + Sync,
) -> Vec<Result<O>> {
    thread::scope(|scope| {
        let train = &train;
        let run = |mut process: Threaded| scope.spawn(move || train(&mut process));
        let running: Vec<_> = Threaded::team_of(count).into_iter().map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Parameters and all of a report but the times.
type Trained = (Vec<f64>, Report);

fn trained<E, D, R, L>(model: &AutoEncoder<E, D, R, L, f64>, mut report: Report) -> Trained {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    (model.parameters().to_vec(), report)
}

const SHARDS: usize = 12;

/// Of so many shards the bits are the same for any number of processes, and differ from those of one shard by rounding
/// alone. `train` is given the number of shards and the process.
fn assert_same_bits(train: impl Fn(usize, &mut dyn Collective) -> Result<Trained> + Sync) {
    let (whole, of_whole) = train(1, &mut Alone).unwrap();
    let (alone, report) = train(SHARDS, &mut Alone).unwrap();
    assert_ne!(whole, alone, "shards change nothing");
    // 3 epochs of 3 steps lie between rounding and this.
    for (one, other) in whole.iter().zip(&alone) {
        assert!((one - other).abs() < 1e-9 * (1.0 + one.abs()), "one shard {one}, several {other}");
    }
    assert_eq!(of_whole.epochs.len(), report.epochs.len());
    for (one, other) in of_whole.epochs.iter().zip(&report.epochs) {
        let (one, other) = (one.terms.total(), other.terms.total());
        assert!((one - other).abs() < 1e-9 * (1.0 + one.abs()), "one shard {one}, several {other}");
    }
    assert_eq!(of_whole.collapsed_units, report.collapsed_units);
    for processes in [2, 3, 5, 12] {
        for found in in_processes(processes, |process| train(SHARDS, process)) {
            let (parameters, of_process) = found.unwrap();
            assert!(parameters == alone, "{processes} processes have other bits");
            assert_eq!(of_process, report, "{processes} processes report something else");
        }
    }
}

/// A trainer whose last batches, of 4 samples, have fewer samples than there are shards.
fn trainer<'a, O: optimizer::Trains>(
    optimizer: O,
    shards: usize,
    process: &'a mut dyn Collective,
) -> Trainer<'a, O> {
    Trainer::new(optimizer).epochs(3).batch_size(23).seed(5).shards(shards).collective(process)
}

fn adam() -> Adam {
    Adam::new(1e-2).unwrap()
}

/// A test of a model with a regularizer.
macro_rules! same_bits {
    ($($name:ident: $encoder:expr, $decoder:expr, $regularizer:expr, $loss:expr;)*) => {$(
        #[test]
        fn $name() {
            let (x, held_out) = (samples(50, 1), samples(9, 2));
            assert_same_bits(|shards, process| {
                let mut model = AutoEncoder::builder()
                    .encoder($encoder)
                    .decoder($decoder)
                    .regularizer($regularizer)
                    .loss($loss)
                    .seed(3)
                    .build::<f64>()?;
                let examples = Examples::of(&x).held_out(&held_out);
                let mut trainer = trainer(adam(), shards, process)
                    .early_stopping(EarlyStopping::new(5)?);
                let report = trainer.fit(&mut model, examples)?;
                Ok(trained(&model, report))
            });
        }
    )*};
}

type Layer<const I: usize, const O: usize, A> = layer::DenseLayer<Const<I>, Const<O>, A>;
type Spread = Gaussian<Layer<6, 5, Tanh>, Layer<5, 3, Identity>, Layer<5, 3, Identity>>;

fn gaussian() -> Spread {
    let head = || Dense::<5, 3>::new(Identity);
    Gaussian::new(Dense::<6, 5>::new(Tanh), head(), head())
}

same_bits! {
    plain: Dense::<6, 4>::new(Tanh), Dense::<4, 6>::new(Identity), NoRegularizer, SquaredError;
    tied: Dense::<6, 4>::new(Tanh), Tied::new(Identity), WeightDecay::new(0.01)?, SquaredError;
    sparse: Dense::<6, 9>::new(Sigmoid), Dense::<9, 6>::new(Identity),
        (SparseKl::new(0.1, 0.5)?, CodeL1::new(0.01)?), SquaredError;
    sparse_running: Dense::<6, 9>::new(Tanh), Dense::<9, 6>::new(Identity),
        SparseKl::new(0.1, 0.5)?.running(0.9)?, SquaredError;
    noisy: Dense::<6, 4>::new(Sigmoid), Dense::<4, 6>::new(Identity),
        (Denoising::new(Masking::new(0.3)?), Contractive::new(0.1)?), BernoulliCrossEntropy;
    by_distance: Dense::<6, 4>::new(Tanh), Dense::<4, 6>::new(Identity), Mmd::new(2.0)?, SquaredError;
    learned: Dense::<6, 4>::new(Tanh), Dense::<4, 6>::new(Identity), NoRegularizer, LearnedGaussian::shared();
    variational: gaussian(), Dense::<3, 6>::new(Identity), Variational::new(1.0)?.draws(2)?, BernoulliCrossEntropy;
    free_bits: gaussian(), Dense::<3, 6>::new(Identity),
        Variational::new(1.0)?.free_bits(0.01)?.draws(2)?, BernoulliCrossEntropy;
    to_capacity: gaussian(), Dense::<3, 6>::new(Identity),
        Variational::new(2.0)?.capacity(0.5, train::schedule::Constant)?, BernoulliCrossEntropy;
    independent: gaussian(), Dense::<3, 6>::new(Identity),
        (Variational::new(1.0)?.draws(2)?, TotalCorrelation::new(2.0, 50)?, Mmd::new(1.0)?), BernoulliCrossEntropy;
    with_prior: gaussian(), Dense::<3, 6>::new(Identity),
        Variational::new(1.0)?.prior(VampPrior::new(3)?), BernoulliCrossEntropy;
    by_importance: gaussian(), Dense::<3, 6>::new(Identity),
        ImportanceWeighted::new(3)?, BernoulliCrossEntropy;
    dictionary: SparseEncoder::<6, 16>::new(TopK::new(3)?), Dictionary::new(),
        AuxK::new(2)?.dead_after(20)?, SquaredError;
    by_size: SparseEncoder::<6, 16>::new(AbsTopK::new(3)?.by_norm()), Dictionary::free(0.5)?,
        (DictionaryL1::new(0.01)?.anneal(0.5, 0.0)?, Matryoshka::new([5])?), SquaredError;
    thresholds: SparseEncoder::<6, 16>::new(JumpRelu::new(0.1, 0.05)?), Dictionary::new(),
        JumpReluSparsity::step(0.01)?, SquaredError;
    zeros_of_pairs: SparseEncoder::<6, 16>::new(TopK::new(3)?), Dictionary::new(), Mmd::new(2.0)?, SquaredError;
    gates: GatedEncoder::<6, 16>::new(), Dictionary::new(), GateSparsity::new(0.05)?, SquaredError;
}

/// Also with weights of the samples, a limit of the gradient's length, and a schedule, of every kind of model, in memory
/// and from streams of which each process reads its part.
#[test]
fn of_every_kind_in_memory_and_as_a_stream() {
    let regularizer = || {
        let noise = Denoising::new(Masking::new(0.2).unwrap());
        (SparseKl::new(0.2, 0.1).unwrap().running(0.9).unwrap(), noise)
    };
    let (data, held_out) = (kinds::Data::new(50, 5), kinds::Data::new(9, 6));
    let weights: Vec<f64> = (0..50).map(|sample| f64::from(sample % 4)).collect();
    each_kind!(|kind| {
        for is_weighted in [true, false] {
            assert_same_bits(|shards, process| {
                let mut model = kind::build(regularizer());
                let mut examples = Examples::of(kind::examples(&data));
                if is_weighted {
                    examples = examples.weights(&weights);
                }
                let mut trainer = trainer(adam(), shards, process)
                    .clip_norm(0.3)
                    .schedule(train::schedule::Cosine::new(0.1)?);
                let report =
                    trainer.fit(&mut model, examples.held_out(kind::examples(&held_out)))?;
                Ok(trained(&model, report))
            });
        }
        for (shuffles, buffer) in [(true, usize::MAX), (true, 23), (false, 23)] {
            let train = |shards: usize, process: &mut dyn Collective| {
                let (mut model, mut sources) = (kind::build(regularizer()), data.sources());
                let mut trainer =
                    trainer(adam(), shards, process).shuffle(shuffles).shuffle_buffer(buffer);
                let report = trainer.fit(&mut model, kind::streams(&mut sources))?;
                Ok(trained(&model, report))
            };
            assert_same_bits(train);
            if !shuffles || buffer > 50 {
                let mut model = kind::build(regularizer());
                let mut alone = Alone;
                let mut trainer = trainer(adam(), SHARDS, &mut alone).shuffle(shuffles);
                let report = trainer.fit(&mut model, kind::examples(&data)).unwrap();
                assert_eq!(train(SHARDS, &mut Alone).unwrap(), trained(&model, report));
            }
        }
    });
}

/// Threads and processes go together: work is large enough to be divided.
#[cfg(feature = "parallel")]
#[test]
fn threads_in_each_process_do_not_matter() {
    let digits = datasets::digits::<f32>();
    let train = |threads: usize, process: &mut dyn Collective| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 200>::new(Sigmoid))
            .decoder(Dense::<200, 64>::new(Sigmoid))
            .regularizer(SparseKl::new(0.1, 0.1)?)
            .build::<f32>()?;
        let trainer = Trainer::new(adam()).epochs(2).batch_size(500).shards(4).threads(threads);
        trainer.collective(process).fit(&mut model, &digits.train)?;
        Ok(model.parameters().to_vec())
    };
    let expected = train(1, &mut Alone).unwrap();
    for (threads, processes) in [(2, 1), (1, 4), (2, 2), (3, 3)] {
        for found in in_processes(processes, |process| train(threads, process)) {
            assert!(found.unwrap() == expected, "{threads} threads, {processes} processes");
        }
    }
}

#[test]
fn lbfgs_searches_with_the_same_bits() {
    let x = samples(50, 1);
    assert_same_bits(|shards, process| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<6, 4>::new(Tanh))
            .decoder(Dense::<4, 6>::new(Identity))
            .regularizer(SparseKl::new(0.2, 0.1)?)
            .build::<f64>()?;
        let mut trainer = Trainer::new(Lbfgs::new()).epochs(3).shards(shards).collective(process);
        let report = trainer.fit(&mut model, &x)?;
        Ok(trained(&model, report))
    });
}

type Small =
    AutoEncoder<Layer<6, 4, Tanh>, Layer<4, 6, Identity>, NoRegularizer, SquaredError, f64>;

fn small() -> Small {
    AutoEncoder::builder()
        .encoder(Dense::<6, 4>::new(Tanh))
        .decoder(Dense::<4, 6>::new(Identity))
        .build()
        .unwrap()
}

/// Level by level, each with a connection of its own, and a trainer that is used again.
#[test]
fn stacks_and_trainers_that_are_used_again() {
    let x = samples(50, 1);
    let train = |level: &mut dyn Collective, next: &mut dyn Collective| {
        let half = || AutoEncoder::builder();
        let stacked = Stack::new(
            half().encoder(Dense::<6, 5>::new(Tanh)).decoder(Dense::<5, 6>::new(Identity)),
            trainer(adam(), SHARDS, level),
        )
        .then(
            half().encoder(Dense::<5, 3>::new(Tanh)).decoder(Dense::<3, 5>::new(Identity)),
            trainer(adam(), SHARDS, next),
        )
        .pretrain::<f64, _>(&x)?;
        let mut model = AutoEncoder::builder()
            .encoder(stacked.encoder)
            .decoder(stacked.decoder)
            .build::<f64>()?;
        let mut trainer = trainer(adam(), SHARDS, level);
        trainer.fit(&mut model, &x)?;
        trainer.fit(&mut model, &mut InMemory::from(&x))?;
        Ok(model.parameters().to_vec())
    };
    let expected = train(&mut Alone, &mut Alone).unwrap();
    for processes in [2, 3] {
        let found: Vec<Result<Vec<f64>>> = thread::scope(|scope| {
            let train = &train;
            let levels = Threaded::team_of(processes).into_iter().zip(Threaded::team_of(processes));
            let run = |(mut level, mut next): (Threaded, Threaded)| {
                scope.spawn(move || train(&mut level, &mut next))
            };
            let running: Vec<_> = levels.map(run).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        found.into_iter().for_each(|found| assert!(found.unwrap() == expected, "{processes}"));
    }
}

#[test]
fn what_looks_at_a_whole_batch_is_refused_by_its_name() {
    fn refused<R>(regularizer: R, name: &str)
    where
        R: Regularizer<f64>
            + regularizer::SuitedTo<layer::sparse::SparseLayer<Const<6>, Const<16>, JumpRelu>>,
    {
        let encoder = SparseEncoder::<6, 16>::new(JumpRelu::new(0.1, 0.05).unwrap());
        let builder = AutoEncoder::builder().encoder(encoder).decoder(Dictionary::new());
        let mut model = builder.regularizer(regularizer).build::<f64>().unwrap();
        let before = model.parameters().to_vec();
        let mut trainer =
            |shards| Trainer::new(adam()).shards(shards).fit(&mut model, &samples(50, 1));
        let error = trainer(2).unwrap_err();
        assert!(matches!(&error, Error::NotInShards { part } if part.starts_with(name)), "{error}");
        assert_eq!(model.parameters(), before);
    }
    refused(Resampling::new(2, 80).unwrap(), "Resampling");
    refused(JumpReluSparsity::quadratic(1.0, 3.0).unwrap(), "JumpReluSparsity");
    refused(Unknown, "Unknown");
    refused((AuxK::new(2).unwrap(), Unknown), "Unknown");
    refused(Claims, "Claims");
    refused(Revives, "Revives");

    let encoder = SparseEncoder::<6, 16>::new(BatchTopK::new(3.0).unwrap());
    let builder = AutoEncoder::builder().encoder(encoder).decoder(Dictionary::new());
    let mut model = builder.build::<f64>().unwrap();
    let error = Trainer::new(adam()).shards(2).fit(&mut model, &samples(50, 1)).unwrap_err();
    assert!(error.to_string().starts_with("BatchTopK"), "{error}");
    let in_one = Trainer::new(adam()).shards(1).fit(&mut model, &samples(50, 1));
    assert!(in_one.is_ok());

    let mixture = Variational::new(1.0).unwrap().prior(GaussianMixture::new(2).unwrap());
    let builder = AutoEncoder::builder().encoder(gaussian()).decoder(Dense::<3, 6>::new(Identity));
    let capacity = mixture.capacity(1.0, train::schedule::Constant).unwrap();
    let mut model = builder.regularizer(capacity).build::<f64>().unwrap();
    let error = Trainer::new(adam()).shards(2).fit(&mut model, &samples(50, 1)).unwrap_err();
    assert!(error.to_string().starts_with("Variational"), "{error}");
}

/// A regularizer that says it is content with codes, and has a parameter.
#[derive(Debug, Clone)]
struct Claims;
impl<E> regularizer::SuitedTo<E> for Claims {}
impl Regularizer<f64> for Claims {
    fn describe(&self) -> String {
        "Claims".to_owned()
    }
    fn needs(&self, _: &Facts) -> regularizer::Needs {
        let across = regularizer::Across::Codes;
        regularizer::Needs { across, parameters: 1, ..regularizer::Needs::nothing() }
    }
    fn layout(&self, _: &Facts, layout: &mut Layout, _: &mut [f64], _: &mut dyn rand::Rng) {
        layout.tensor("claim", (1, 1), parameters::Role::Own);
    }
}

/// A regularizer whose penalty looks at nothing, and that gives units new directions.
#[derive(Debug, Clone)]
struct Revives;
impl<E> regularizer::SuitedTo<E> for Revives {}
impl Regularizer<f64> for Revives {
    fn describe(&self) -> String {
        "Revives".to_owned()
    }
    fn needs(&self, _: &Facts) -> regularizer::Needs {
        let across = regularizer::Across::Nothing;
        regularizer::Needs {
            across,
            revives: true,
            takes_pairs: true,
            ..regularizer::Needs::nothing()
        }
    }
}

/// A regularizer that does not say what it looks at.
#[derive(Debug, Clone)]
struct Unknown;
impl<E> regularizer::SuitedTo<E> for Unknown {}
impl Regularizer<f64> for Unknown {
    fn describe(&self) -> String {
        "Unknown".to_owned()
    }
    fn needs(&self, _: &Facts) -> regularizer::Needs {
        regularizer::Needs::nothing()
    }
}

#[test]
fn fewer_shards_than_processes_are_refused() {
    for found in in_processes(3, |process| {
        Trainer::new(adam()).shards(2).collective(process).fit(&mut small(), &samples(50, 1))
    }) {
        let text = "Trainer shards is 2, but must be at least as many as there are processes, each of which takes one \
                    or more of every batch";
        assert_eq!(found.unwrap_err().to_string(), text);
    }
}

/// Blocks of which a process reads nothing, and one sample is left for the last.
#[test]
fn a_block_of_one_sample() {
    let x = samples(41, 1);
    let train = |batch_size: usize, process: &mut dyn Collective| {
        let mut model = small();
        let trainer = Trainer::new(adam()).epochs(2).shards(4).batch_size(batch_size);
        let mut trainer = trainer.shuffle_buffer(20).collective(process);
        trainer.fit(&mut model, &mut InMemory::from(&x))?;
        Ok(model.parameters().to_vec())
    };
    for batch_size in [10, usize::MAX] {
        let expected = train(batch_size, &mut Alone).unwrap();
        for processes in [2, 3, 4] {
            for found in in_processes(processes, |process| train(batch_size, process)) {
                assert!(
                    found.unwrap() == expected,
                    "{processes} processes, batches of {batch_size}"
                );
            }
        }
    }
}

#[test]
fn more_shards_than_samples_of_a_step_are_refused() {
    let fit = |shards| {
        Trainer::new(adam()).batch_size(9).shards(shards).fit(&mut small(), &samples(50, 1))
    };
    assert!(fit(9).is_ok());
    for shards in [10, usize::MAX] {
        let text = fit(shards).unwrap_err().to_string();
        assert!(
            text.ends_with("must be at most the samples of a step, each of which is in one shard"),
            "{text}"
        );
    }
    assert!(fit(0).unwrap_err().to_string().starts_with("Trainer shards is 0"));
    let of_few = |shards| Trainer::new(adam()).shards(shards).fit(&mut small(), &samples(8, 1));
    assert!(of_few(8).is_ok() && of_few(9).is_err());
    let of_all = |shards| {
        Trainer::new(Lbfgs::new()).epochs(1).shards(shards).fit(&mut small(), &samples(50, 1))
    };
    assert!(of_all(50).is_ok() && of_all(51).is_err());
}

/// The errors of three processes of which the last one trains in another way.
fn errors(train: impl Fn(bool, &mut dyn Collective) -> Result<Report> + Sync) -> Vec<String> {
    let found = in_processes(3, |process| train(process.rank() == 2, process));
    found.into_iter().map(|found| found.unwrap_err().to_string()).collect()
}

/// All are told before the first step which process is not like the others, and in what.
#[test]
fn a_process_that_differs_is_named() {
    let x = samples(50, 1);
    let named = |what: &str, train: &(dyn Fn(bool, Trainer<'_, Adam>) -> Result<Report> + Sync)| {
        let texts = errors(|differs, process| {
            train(differs, Trainer::new(adam()).shards(3).collective(process))
        });
        for text in texts {
            assert!(
                text.starts_with(&format!("process 2 is not like process 0: {what} is ")),
                "{text}"
            );
        }
    };
    named("the seed", &|differs, trainer| trainer.seed(u64::from(differs)).fit(&mut small(), &x));
    named("the batch size", &|differs, trainer| {
        trainer.batch_size(if differs { 8 } else { 9 }).fit(&mut small(), &x)
    });
    named("the number of shards", &|differs, trainer| {
        trainer.shards(if differs { 4 } else { 3 }).fit(&mut small(), &x)
    });
    named("clip_norm", &|differs, trainer| {
        let mut trainer = if differs { trainer.clip_norm(1.0) } else { trainer };
        trainer.fit(&mut small(), &x)
    });
    named("the first parameters", &|differs, mut trainer| {
        let mut model = small();
        let mut parameters = model.parameters().to_vec();
        parameters[7] += if differs { 1e-9 } else { 0.0 };
        model.set_parameters(&parameters)?;
        trainer.fit(&mut model, &x)
    });
    named("the number of samples, or a value in them,", &|differs, mut trainer| {
        let mut x = x.clone();
        x.as_mut_slice()[70] += if differs { 1e-9 } else { 0.0 };
        trainer.fit(&mut small(), &x)
    });
    named("the number of samples held out, or a value in them,", &|differs, mut trainer| {
        let mut held_out = x.clone();
        held_out.as_mut_slice()[70] += if differs { 1e-9 } else { 0.0 };
        trainer.fit(&mut small(), Examples::of(&x).held_out(&held_out))
    });
    named("a weight of a sample", &|differs, mut trainer| {
        let mut weights = [1.0; 50];
        weights[9] += f64::from(u8::from(differs));
        trainer.fit(&mut small(), Examples::of(&x).weights(&weights))
    });
    named("where the samples come from", &|differs, mut trainer| match differs {
        true => trainer.fit(&mut small(), &mut InMemory::from(&x)),
        false => trainer.fit(&mut small(), &x),
    });
    named("the number of samples in the stream", &|differs, mut trainer| {
        let x = samples(if differs { 49 } else { 50 }, 1);
        trainer.fit(&mut small(), &mut InMemory::from(&x))
    });
}

/// A value of a stream that one process alone has is found wherever it lies, if that process reads it.
#[test]
fn a_stream_that_differs_is_found() {
    let x = samples(50, 1);
    let mut found = 0;
    for sample in 0..50 {
        let results = in_processes(3, |process| {
            let mut x = x.clone();
            if process.rank() == 1 {
                x.as_mut_slice()[FEATURES * sample] += 1e-9;
            }
            let trainer =
                Trainer::new(adam()).epochs(1).shards(3).batch_size(10).collective(process);
            let mut model = small();
            trainer.shuffle_buffer(20).fit(&mut model, &mut InMemory::from(&x))?;
            Ok(model.parameters().to_vec())
        });
        // Blocks of 20, 20 and 10, of which process 1 reads the middle third, and process 2, whose share it looks at as
        // well, the last.
        let (block, place) = (sample / 20, sample % 20);
        let length = if block == 2 { 10 } else { 20 };
        let is_read = place >= length / 3;
        for result in results {
            match result {
                Ok(_) => assert!(!is_read, "{sample} was not noticed"),
                Err(error) => {
                    assert!(is_read, "{sample}: {error}");
                    assert!(error.to_string().contains("do not have the same data"), "{error}");
                    found += 1;
                }
            }
        }
    }
    assert_eq!(found, 3 * (14 + 14 + 7));
}

/// One process writes what all read.
#[cfg(feature = "safetensors")]
mod resumed {
    use super::*;
    use autoencoder::train::{Checkpoints, Control, Event};

    /// A file in a folder of its own.
    fn file(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("autoencoder-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder.join("run.safetensors")
    }

    /// A run that is stopped and goes on with another number of processes has the bits of one that was not, also where
    /// what is remembered lies in the optimizer, the regularizer and the best parameters.
    #[test]
    fn with_another_number_of_processes() {
        let (x, held_out) = (samples(50, 1), samples(9, 2));
        let path = file("shards");
        let train = |stop: Option<(usize, usize)>, process: &mut dyn Collective| {
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<6, 9>::new(Sigmoid))
                .decoder(Dense::<9, 6>::new(Identity))
                .regularizer(SparseKl::new(0.1, 0.5)?.running(0.9)?)
                .build::<f64>()?;
            let is_last = process.rank() + 1 == process.size();
            let checkpoints = Checkpoints::new(&path).every_steps(1).resume(true);
            let mut trainer = trainer(adam(), SHARDS, process)
                .early_stopping(EarlyStopping::new(5)?)
                // One process alone is asked to stop.
                .observer(move |event: &Event<'_>| match event {
                    Event::Batch(batch) if is_last && stop == Some((batch.epoch, batch.batch)) => {
                        Control::Stop
                    }
                    _ => Control::Continue,
                });
            if stop.is_some() || path.exists() {
                trainer = trainer.checkpoints(checkpoints);
            }
            let report = trainer.fit(&mut model, Examples::of(&x).held_out(&held_out))?;
            Ok((trained(&model, report.clone()), report.stopped))
        };
        let (expected, _) = train(None, &mut Alone).unwrap();
        for (processes, then) in [(4, 3), (1, 12), (3, 1), (2, 5)] {
            for stop in [(1, 1), (2, 2), (2, 3)] {
                for found in in_processes(processes, |process| train(Some(stop), process)) {
                    let (epoch, batch) = stop;
                    let asked = train::StopReason::Asked { epoch, batch };
                    assert_eq!(found.unwrap().1, asked, "{processes} processes");
                }
                for found in in_processes(then, |process| train(None, process)) {
                    assert_eq!(found.unwrap().0, expected, "{processes}, then {then}, at {stop:?}");
                }
                std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            }
        }
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    /// The number of shards is part of what the bits depend on.
    #[test]
    fn not_with_another_number_of_shards() {
        let (x, path) = (samples(50, 1), file("shards-other"));
        let train = |shards| {
            let checkpoints = Checkpoints::new(&path).resume(true);
            let mut trainer =
                Trainer::new(adam()).epochs(2).shards(shards).checkpoints(checkpoints);
            trainer.fit(&mut small(), &x)
        };
        train(3).unwrap();
        let text = train(4).unwrap_err().to_string();
        assert!(text.contains("3 shards") && text.contains("4 shards"), "{text}");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    /// A file that only some processes reach is not a beginning for some.
    #[test]
    fn a_checkpoint_must_be_the_same_for_all() {
        let (x, path) = (samples(50, 1), file("shards-apart"));
        let elsewhere = file("shards-elsewhere");
        let train = |process: &mut dyn Collective, path: &std::path::Path| {
            let checkpoints = Checkpoints::new(path).resume(true);
            let trainer = Trainer::new(adam()).epochs(1).shards(3).checkpoints(checkpoints);
            trainer.collective(process).fit(&mut small(), &x)
        };
        train(&mut Alone, &path).unwrap();
        for found in in_processes(3, |process| {
            let path = if process.rank() == 1 { &elsewhere } else { &path };
            train(process, path)
        }) {
            let text = found.unwrap_err().to_string();
            let starts =
                "process 1 is not like process 0: the checkpoint is at epoch 1, batch 0, step 0";
            assert!(text.starts_with(starts), "{text}");
        }
        for path in [path, elsewhere] {
            std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        }
    }
}

/// Where one process is gone, in the middle of an epoch, the others end with an error that says so, and keep the model of
/// the last step.
#[test]
fn a_process_that_dies_ends_the_others() {
    let x = samples(50, 1);
    let results = thread::scope(|scope| {
        let x = &x;
        let run = |mut process: Threaded| {
            scope.spawn(move || {
                let mut model = small();
                let is_last = process.rank() == 2;
                let before = model.parameters().to_vec();
                let mut trainer =
                    trainer(adam(), 3, &mut process).observer(move |event: &train::Event<'_>| {
                        if let train::Event::Batch(batch) = event {
                            assert!(!is_last || batch.epoch < 2, "on purpose");
                        }
                        train::Control::Continue
                    });
                let error = trainer.fit(&mut model, x).unwrap_err();
                assert_ne!(model.parameters(), before);
                assert!(model.parameters().iter().all(|value| value.is_finite()));
                (error, model.parameters().to_vec())
            })
        };
        let running: Vec<_> = Threaded::team_of(3).into_iter().map(run).collect();
        running.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let [one, other, dead] = &results[..] else { panic!("not three") };
    assert!(dead.is_err());
    let (one, other) = (one.as_ref().unwrap(), other.as_ref().unwrap());
    assert_eq!(one.1, other.1);
    for (error, _) in [one, other] {
        let text = error.to_string();
        assert!(text.contains("process 2 is gone"), "{text}");
    }
}

/// Data that one process alone refuses, a batch that diverges, and an observer that stops: all processes take one way.
#[test]
fn all_processes_take_one_way() {
    let mut x = samples(50, 1);
    x.as_mut_slice()[FEATURES * 31] = f64::NAN;
    let train = |policy: OnDivergence, process: &mut dyn Collective| {
        let mut model = small();
        let mut trainer = trainer(adam(), SHARDS, process).on_divergence(policy);
        let report = trainer.fit(&mut model, &mut InMemory::from(&x))?;
        let (parameters, mut report) = trained(&model, report);
        // What is said of the samples each process says of those that it reads.
        report.warnings.clear();
        Ok((parameters, report))
    };
    let skips = OnDivergence::SkipBatch { limit: 100 };
    let expected = train(skips, &mut Alone).unwrap();
    assert_eq!(expected.1.divergences.len(), 3);
    for found in in_processes(4, |process| train(skips, process)) {
        assert_eq!(found.unwrap(), expected);
    }
    let stopped = in_processes(4, |process| train(OnDivergence::Stop, process));
    let errors: Vec<_> = stopped.into_iter().map(|found| found.unwrap_err()).collect();
    let of_value = |error: &&Error| matches!(error, Error::NotFinite { sample: 31, .. });
    assert_eq!(errors.iter().filter(of_value).count(), 1, "{errors:?}");
    let is_gone = |error: &&Error| matches!(error, Error::Collective { .. });
    assert_eq!(errors.iter().filter(is_gone).count(), 3, "{errors:?}");
}

/// What adds up slices adds in the order of the processes, whose sum in another order would be another.
#[test]
fn slices_are_added_in_the_order_of_the_processes() {
    let values = [1e16, 1.0, -1e16, 1.0];
    let expected = ((values[0] + values[1]) + values[2]) + values[3];
    assert_ne!(expected, ((values[3] + values[2]) + values[1]) + values[0]);
    for length in [0, 1, 3, 4, 5, 2_000_000] {
        for found in in_processes(4, |process| {
            let mut own = vec![values[process.rank()]; length];
            process.add_up(&mut own)?;
            Ok(own)
        }) {
            assert_eq!(found.unwrap(), vec![expected; length]);
        }
    }
}

#[test]
fn threads_keep_the_laws_of_a_collective() {
    for count in [1, 2, 3, 4, 7] {
        in_processes(count, |process| collective::check(process))
            .into_iter()
            .for_each(|found| found.unwrap());
    }
    // Calls that do not go together are told of.
    let found = in_processes(2, |process| {
        let mut all = [0; 4];
        let lengths = if process.rank() == 0 { [1, 3] } else { [2, 2] };
        process.gather(&[7; 2], &mut all, &lengths)
    });
    assert!(found.iter().any(|found| found.is_err()));
}
