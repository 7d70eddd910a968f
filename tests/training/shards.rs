//! Batches in shards, by one process or by several: the same training but for rounding, and the same bits for any number
//! of processes.

use std::thread;

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::collective::{Alone, Collective, Threaded, check};
use autoencoder::layer::sparse::{BatchTopK, Dictionary, JumpRelu, SparseEncoder, TopK};
use autoencoder::loss::Bernoulli;
use autoencoder::prior::GaussianMixture;
use autoencoder::regularizer::{AuxK, DictionaryL1, JumpReluSparsity, Resampling};
use autoencoder::regularizer::corruption::Masking;
use autoencoder::{
    Adam, AutoEncoder, Batch, CodeL1, Contractive, Dense, Denoising, EarlyStopping, Error, Examples,
    Gaussian, Lbfgs, Mmd, Report, Result, Sgd, SparseKl, Tied, TotalCorrelation, Trainer,
    Variational, WeightDecay, datasets,
};
use autoencoder::nalgebra::Const;

type Samples = Batch<f64, Const<6>>;

/// Samples in (0, 1) that no two of are alike.
fn samples(count: usize) -> Samples {
    let value = |sample: usize, feature: usize| {
        0.5 + 0.45 * ((1 + sample * 7 + feature * 13) as f64 * 0.37).sin()
    };
    Batch::from_iter((0..count).map(|sample| std::array::from_fn(|feature| value(sample, feature))))
}

/// What comes of a training in each of so many processes, which are threads; the first error of one.
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

/// The parts of a report that are not of time.
fn without_time(mut report: Report) -> Report {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    report
}

/// Checks a kind of training: of so many shards the bits are the same for any number of processes, and differ from
/// those of one shard by rounding alone.
macro_rules! same_bits {
    ($name:ident, $build:expr, $optimizer:expr) => {
        #[test]
        fn $name() -> Result<()> {
            let (x, held_out) = (samples(50), samples(9));
            let train = |shards: usize, process: &mut dyn Collective| {
                let mut model = $build?;
                let report = Trainer::new($optimizer?)
                    .epochs(3)
                    // The last batch of an epoch has fewer samples than there are shards.
                    .batch_size(23)
                    .seed(5)
                    .early_stopping(EarlyStopping::new(5))
                    .shards(shards)
                    .collective(process)
                    .fit(&mut model, Examples::of(&x).held_out(&held_out))?;
                Ok((model.parameters().to_vec(), without_time(report)))
            };
            let (whole, _) = train(1, &mut Alone)?;
            let (alone, report) = train(12, &mut Alone)?;
            assert_ne!(whole, alone, "shards change nothing");
            for (one, other) in whole.iter().zip(&alone) {
                assert!((one - other).abs() < 1e-9 * (1.0 + one.abs()), "{one} {other}");
            }
            for processes in [2, 3, 4, 5, 12] {
                for found in in_processes(processes, |process| train(12, process)) {
                    let (parameters, of_process) = found?;
                    assert!(parameters == alone, "{processes} processes have other bits");
                    assert_eq!(of_process, report, "{processes} processes report something else");
                }
            }
            Ok(())
        }
    };
}

fn plain() -> autoencoder::builder::Encoded<()> {
    unimplemented!()
}
