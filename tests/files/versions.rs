//! Files of every version and kind: half a training that goes on, a model, a detector.
//!
//! They are written as those in `model_files.rs` are. What they must give is what a training at once gives now,
//! but for rounding, as they may come from another processor.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use autoencoder::activation::{Gelu, Identity, Sigmoid, Tanh};
use autoencoder::anomaly::{
    AnomalyDetector, Both, CodeDistance, NearestReconstruction, ScaledResidual,
};
use autoencoder::corruption::Masking;
use autoencoder::data::{InMemory, Normalization};
use autoencoder::loss::LearnedGaussian;
use autoencoder::prior::VampPrior;
use autoencoder::random::schedule::Cyclical;
use autoencoder::train::{Checkpoints, Convergence, Event, StopReason};
use autoencoder::*;
use common::{Folder, fixture};
use nalgebra::Const;

use super::model_files::VERSIONS;

/// Numbers of size 1, from another processor.
const CLOSE: f64 = 1e-6;
const SAMPLES: usize = 22;
/// Steps that a file has done; an epoch has six.
const DONE: usize = 9;

fn data<T: Scalar, const N: usize>(samples: usize, seed: usize) -> Batch<T, Const<N>> {
    let value = |k: usize| ((k * 7919 + seed * 104_729) % 1009) as f64 / 1009.0;
    (0..samples).map(|s| std::array::from_fn(|i| T::of(value(s * N + i)))).collect()
}

fn trainer<'a>() -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(0.02).unwrap()).epochs(4).batch_size(4).seed(5)
}

/// Whether the files are to be written that are not there.
fn is_writing(path: &std::path::Path, version: &str) -> bool {
    let wanted = std::env::var_os("AUTOENCODER_WRITE_GOLDEN").is_some();
    wanted && version == env!("CARGO_PKG_VERSION") && !path.exists()
}

fn assert_close<T: Scalar>(found: &[T], expected: &[T], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let difference = (found.to_double() - expected.to_double()).abs();
        assert!(difference <= CLOSE, "{what}: {found}, expected {expected}");
    }
}

/// Takes up each version's training of this kind, and loads the model that is in its file.
fn goes_on<E, D, R, L, T: Scalar>(
    kind: &str,
    build: impl Fn() -> AutoEncoder<E, D, R, L, T>,
    fit: impl Fn(&mut Trainer<'_, Adam>, &mut AutoEncoder<E, D, R, L, T>) -> Result<Report>,
) {
    let mut at_once = build();
    let expected = fit(&mut trainer(), &mut at_once).unwrap();
    for version in VERSIONS {
        let file = fixture(&format!("{kind}-{version}.safetensors"));
        if is_writing(&file, version) {
            let folder = Folder::new("files-writing");
            let path = folder.join("run.safetensors");
            let mut steps = 0;
            let stop = |event: &Event<'_>| {
                steps += usize::from(matches!(event, Event::Batch(_)));
                if steps > DONE {
                    resume_unwind(Box::new("stop"));
                }
            };
            let checkpoints = Checkpoints::new(&path).every_steps(1);
            let mut trainer = trainer().checkpoints(checkpoints).observer(stop);
            let left = catch_unwind(AssertUnwindSafe(|| fit(&mut trainer, &mut build())));
            assert!(left.is_err());
            fs::copy(path, &file).unwrap();
        }
        let what = format!("{kind} of {version}");
        let folder = Folder::new("files-versions");
        let path = folder.join("run.safetensors");
        fs::copy(&file, &path).unwrap();
        let mut first = None;
        let mut resumed = build();
        let other = vec![T::ZERO; resumed.num_parameters()];
        resumed.set_parameters(&other).unwrap();
        let mut trainer = trainer().checkpoints(Checkpoints::new(path).resume(true)).observer(
            |event: &Event<'_>| {
                if let Event::Batch(batch) = event {
                    first.get_or_insert((batch.epoch, batch.batch));
                }
            },
        );
        let report = fit(&mut trainer, &mut resumed).unwrap_or_else(|e| panic!("{what}: {e}"));
        drop(trainer);
        assert_eq!(first, Some((2, 4)), "{what}: it goes on where it was");
        assert_close(resumed.parameters(), at_once.parameters(), &what);
        assert_eq!((report.epochs.len(), report.kept_epoch), (4, expected.kept_epoch), "{what}");
        for (found, expected) in report.epochs.iter().zip(&expected.epochs) {
            let totals = [found, expected].map(|epoch| epoch.terms.total());
            assert!((totals[0] - totals[1]).abs() <= CLOSE * totals[1].abs(), "{what}: {totals:?}");
        }
        let mut loaded = build();
        loaded.load(&file).unwrap();
        assert_ne!(loaded.parameters(), build().parameters(), "{what}");
        let mut part = build();
        part.load_encoder(&file).unwrap();
        part.load_decoder(&file).unwrap();
        for tensor in loaded.layout().tensors() {
            if ["encoder.", "decoder.", "classifier."].iter().any(|p| tensor.name.starts_with(p)) {
                assert_eq!(part.parameter(&tensor.name), loaded.parameter(&tensor.name), "{what}");
            }
        }
    }
}

/// An encoder with a Gaussian posterior of two units, of so many inputs.
macro_rules! gaussian {
    ($inputs:literal) => {{
        let head = || Dense::<4, 2>::new(Identity);
        Gaussian::new(Dense::<$inputs, 4>::new(Tanh), head(), head())
    }};
}

#[test]
fn checkpoints_of_every_version_and_kind_go_on() {
    let (single, double) = (data::<f32, 3>(SAMPLES, 1), data::<f64, 3>(SAMPLES, 1));
    let held_out = data::<f64, 3>(9, 2);
    let conditions = data::<f64, 2>(SAMPLES, 3);
    let class = |x: &[f64]| u8::from(x[0] > 0.5) + u8::from(x[1] > 0.5);
    let labels: Vec<u8> = double.iter().map(class).collect();

    goes_on(
        "chain",
        || {
            let noise = Denoising::new(Masking::new(0.2).unwrap());
            let sparse = SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap();
            AutoEncoder::builder()
                .encoder(Dense::<3, 4>::new(Gelu).then(Dense::<4, 2>::new(Sigmoid)))
                .decoder(Dense::<2, 3>::new(Identity))
                .regularizer((sparse, WeightDecay::new(0.01).unwrap(), noise))
                .loss(Huber::new(0.4).unwrap())
                .normalizer(Normalizer::fit(Normalization::Standardize, &single).unwrap())
                .build::<f32>()
                .unwrap()
        },
        |trainer, model| trainer.fit(model, Examples::of(&single).weights(&[1.0; SAMPLES])),
    );
    goes_on(
        "variational",
        || {
            let rising = Variational::default().schedule(Cyclical::new(7, 0.5).unwrap());
            AutoEncoder::builder()
                .encoder(gaussian!(3).clamp(-4.0, 2.0).unwrap())
                .decoder(Dense::<2, 3>::new(Identity))
                .regularizer(rising.prior(VampPrior::new(2).unwrap()))
                .loss(LearnedGaussian::per_feature())
                .build::<f64>()
                .unwrap()
        },
        |trainer, model| {
            let mut stream = InMemory::from(&double);
            trainer.fit(model, Examples::of(&mut stream).held_out(&held_out))
        },
    );
    goes_on(
        "tied",
        || {
            AutoEncoder::builder()
                .encoder(Dense::<3, 4>::new(Gelu).then(Dense::<4, 2>::new(Tanh)))
                .decoder(Tied::new(Sigmoid))
                .regularizer(Contractive::new(0.1).unwrap())
                .build::<f32>()
                .unwrap()
        },
        |trainer, model| trainer.fit(model, &single),
    );
    goes_on(
        "classifier",
        || {
            AutoEncoder::builder()
                .encoder(Dense::<3, 4>::new(Tanh))
                .classes::<3>()
                .regularizer(WeightDecay::new(0.01).unwrap())
                .build::<f64>()
                .unwrap()
        },
        |trainer, model| trainer.fit(model, (&double, &labels)),
    );
    goes_on(
        "conditional",
        || {
            let noise = Denoising::new(Masking::new(0.2).unwrap());
            AutoEncoder::builder()
                .encoder(Conditioned::<3, 2, _>::new(gaussian!(5)))
                .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Identity)))
                .regularizer((Variational::default().draws(2).unwrap(), noise))
                .build::<f64>()
                .unwrap()
        },
        |trainer, model| trainer.fit(model, (&double, &conditions)),
    );
}

#[test]
fn detectors_of_every_version_load() {
    let (x, others) = (data::<f64, 3>(SAMPLES, 1), data::<f64, 3>(9, 2));
    let model = |seed| {
        AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Identity))
            .normalizer(Normalizer::fit(Normalization::Standardize, &x).unwrap())
            .seed(seed)
            .build::<f64>()
            .unwrap()
    };
    let score = || {
        let nearest = NearestReconstruction::new(2).unwrap();
        let others = Both::new(CodeDistance::new(), nearest);
        Both::new(ScaledResidual::new().by_deviation(), others)
    };
    let mut fitted = AnomalyDetector::fit(model(1), score(), &x).unwrap();
    fitted.calibrate(&others).unwrap();
    fitted.set_false_alarm_rate(0.2).unwrap();
    for version in VERSIONS {
        let file = fixture(&format!("detector-{version}.safetensors"));
        if is_writing(&file, version) {
            fitted.save(&file).unwrap();
        }
        let mut loaded = AnomalyDetector::load(model(2), score(), &file).unwrap();
        assert_close(&loaded.scores(&x).unwrap(), &fitted.scores(&x).unwrap(), version);
        assert_close(&loaded.p_values(&x).unwrap(), &fitted.p_values(&x).unwrap(), version);
        let thresholds = [&loaded, &fitted].map(|detector| detector.threshold().unwrap().value());
        assert_close(&thresholds[..1], &thresholds[1..], version);
        let mut alone = model(3);
        alone.load(&file).unwrap();
        assert_close(alone.parameters(), fitted.model().parameters(), version);
        // What a file of before has not, is nothing.
        assert_eq!((loaded.constant_columns(), loaded.shared_samples()), (vec![], 0));
        assert!(loaded.calibrate(&others).is_ok());
    }
}

/// It is known by the method's settings, as they are written in the file, that nothing is left to do.
#[test]
fn converged_trainings_of_every_version_are_done() {
    let x = data::<f64, 3>(SAMPLES, 1);
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Sigmoid))
            .decoder(Dense::<2, 3>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    let trainer = |tolerance| {
        let lbfgs = Lbfgs::new().history(2).unwrap().objective_tolerance(tolerance).unwrap();
        Trainer::new(lbfgs).epochs(500)
    };
    for version in VERSIONS {
        let file = fixture(&format!("converged-{version}.safetensors"));
        let folder = Folder::new("files-converged");
        let path = folder.join("run.safetensors");
        if is_writing(&file, version) {
            let checkpoints = Checkpoints::new(&path);
            trainer(1e-3).checkpoints(checkpoints).fit(&mut build(), &x).unwrap();
            fs::copy(&path, &file).unwrap();
        }
        let resumed = |tolerance| {
            fs::copy(&file, &path).unwrap();
            let (mut model, mut steps) = (build(), 0);
            let checkpoints = Checkpoints::new(&path).resume(true);
            let mut trainer =
                trainer(tolerance).checkpoints(checkpoints).observer(|event: &Event<'_>| {
                    steps += usize::from(matches!(event, Event::Batch(_)))
                });
            let report = trainer.fit(&mut model, &x).unwrap();
            drop(trainer);
            (report, steps, model)
        };
        let (report, steps, model) = resumed(1e-3);
        assert_eq!(report.stopped, StopReason::Converged(Convergence::Objective), "{version}");
        assert_eq!((report.epochs.len(), steps), (7, 0), "{version}");
        let mut at_once = build();
        trainer(1e-3).fit(&mut at_once, &x).unwrap();
        assert_close(model.parameters(), at_once.parameters(), version);
        // With other settings it goes on.
        assert!(resumed(1e-5).1 > 0);
    }
}
