//! The bits of a training, of codes and of all that is said of many samples do not depend on the number of threads.

use autoencoder::activation::{Gelu, Identity, Relu, Sigmoid, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ReconstructionProbability, ScaledResidual};
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking};
use autoencoder::data::Normalization;
use autoencoder::layer::Unconditioned;
use autoencoder::layer::sparse::{BatchTopK, Dictionary, JumpRelu, SparseEncoder, TopK};
use autoencoder::loss::{LearnedGaussian, LossFor, WithInput};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::seeded;
use autoencoder::regularizer::{AuxK, JumpReluSparsity, Matryoshka};
use autoencoder::*;
use nalgebra::Dyn;

const COUNTS: [usize; 4] = [2, 3, 4, 8];

fn data(features: usize, samples: usize) -> Batch<f32, Dyn> {
    let mut state = 1_u32;
    let draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    let values = std::iter::repeat_with(draw).take(features * samples).collect();
    Batch::new(Dyn(features), values).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Trains on one thread and on several, and compares parameters, reports, codes and reconstructions.
fn same_for_all<E, D, R, L>(name: &str, build: impl Fn() -> AutoEncoder<E, D, R, L>, batch: usize)
where
    E: Part<Input = Dyn, Condition = Unconditioned>,
    D: Part<Output = Dyn>,
    R: Sync,
    L: LossFor<D, Target = WithInput> + Sync,
{
    let x = data(build().encoder().num_inputs(), 2 * batch + 37);
    let run = |threads: usize| {
        let mut model = build();
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(2).batch_size(batch);
        trainer = trainer.clip_norm(5.0).threads(threads).validation_split(0.1);
        let mut report = trainer.fit(&mut model, &x).unwrap();
        for epoch in &mut report.epochs {
            (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
        }
        let (codes, outputs) = Threads::new(threads)
            .unwrap()
            .run(|| (model.encode(&x).unwrap(), model.reconstruct(&x).unwrap()));
        (bits(model.parameters()), report, bits(codes.as_slice()), bits(outputs.as_slice()))
    };
    let one = run(1);
    for count in COUNTS {
        let many = run(count);
        assert_eq!(one.0, many.0, "{name}: parameters on {count} threads");
        assert_eq!(one.1, many.1, "{name}: report on {count} threads");
        assert_eq!(one.2, many.2, "{name}: codes on {count} threads");
        assert_eq!(one.3, many.3, "{name}: reconstructions on {count} threads");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let plain = || {
        let encoder = Dense::dynamic(301, 203, Sigmoid).then(Dense::dynamic(203, 33, Tanh));
        let decoder = Dense::dynamic(33, 203, Gelu).then(Dense::dynamic(203, 301, Identity));
        AutoEncoder::builder().encoder(encoder).decoder(decoder)
    };
    same_for_all("plain", || plain().build().unwrap(), 131);
    let masked = || {
        let noise = (Masking::new(0.3).unwrap(), GaussianNoise::new(0.1).unwrap());
        let sparse = SparseKl::new(0.1, 0.5).unwrap();
        plain().regularizer((Denoising::new(noise), sparse, WeightDecay::new(1e-3).unwrap()))
    };
    same_for_all("denoising, sparse, decay", || masked().build().unwrap(), 131);
    let contractive = || plain().regularizer(Contractive::new(0.1).unwrap().hutchinson(2).unwrap());
    same_for_all("contractive", || contractive().build().unwrap(), 64);
    let tied = || {
        let encoder = Dense::dynamic(301, 203, Sigmoid).then(Dense::dynamic(203, 33, Tanh));
        AutoEncoder::builder().encoder(encoder).decoder(Tied::new(Identity))
    };
    same_for_all("tied", || tied().build().unwrap(), 131);
    let variational = || {
        let body = Dense::dynamic(301, 257, Relu);
        let head = || Dense::dynamic(257, 65, Identity);
        AutoEncoder::builder()
            .encoder(Gaussian::new(body, head(), head()))
            .decoder(Dense::dynamic(65, 301, Identity))
    };
    let plain = Variational::default;
    let bernoulli = || variational().loss(BernoulliCrossEntropy);
    same_for_all("variational", || bernoulli().regularizer(plain()).build().unwrap(), 131);
    let iw = || ImportanceWeighted::new(3).unwrap().prior(VampPrior::new(70).unwrap());
    let learned = || variational().loss(LearnedGaussian::per_feature());
    same_for_all("importance-weighted", || learned().regularizer(iw()).build().unwrap(), 64);
    let all = || {
        let mixture = plain().prior(GaussianMixture::new(5).unwrap()).draws(2).unwrap();
        let correlation = TotalCorrelation::new(0.5, 1000).unwrap();
        bernoulli().regularizer((mixture, Mmd::new(1.0).unwrap(), correlation, Binarize))
    };
    let moved = || {
        let size = size::Image::<1, 7, 43>;
        let (crop, flip) =
            (corruption::Crop::new(size, 6, 40).unwrap(), corruption::Flip::vertical(size));
        let shift = corruption::Shift::new(size, 2, 3).unwrap();
        bernoulli().regularizer((plain(), Augment::new((crop, flip)), Denoising::new(shift)))
    };
    let sparse = |units| SparseEncoder::dynamic(301, units, TopK::new(13).unwrap());
    let dead = AuxK::new(7).unwrap().dead_after(100).unwrap();
    let levels = || (dead, Matryoshka::new([100, 500]).unwrap());
    let top = || AutoEncoder::builder().encoder(sparse(1203)).decoder(Dictionary::new());
    same_for_all("top k, dead units, levels", || top().regularizer(levels()).build().unwrap(), 131);
    let batch = || SparseEncoder::dynamic(301, 1203, BatchTopK::new(13.0).unwrap());
    let batch = || AutoEncoder::builder().encoder(batch()).decoder(Dictionary::new());
    same_for_all("top k of a batch", || batch().build().unwrap(), 131);
    let few = || JumpReluSparsity::tanh(0.01, 4.0).unwrap();
    let jump = || SparseEncoder::dynamic(301, 1203, JumpRelu::default());
    let free = || Dictionary::free(0.1).unwrap();
    let jump = || AutoEncoder::builder().encoder(jump()).decoder(free()).regularizer(few());
    same_for_all("thresholds", || jump().build().unwrap(), 131);
    same_for_all("augmented", || moved().build().unwrap(), 64);
    same_for_all("draws, discrepancy, correlation, binarised", || all().build().unwrap(), 64);
}

/// Values from 0 to 1, as a Bernoulli loss takes them, stay so.
fn unit() -> Normalization {
    Normalization::MinMax { low: 0.0, high: 1.0 }
}

#[test]
fn what_is_said_of_many_samples_has_the_same_bits() {
    // The last block is not full, and there are other numbers of blocks than of threads.
    let x = data(31, 5 * 256 + 77);
    let build = || {
        let head = || Dense::dynamic(65, 7, Identity);
        AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::dynamic(31, 65, Relu), head(), head()))
            .decoder(Dense::dynamic(7, 31, Identity))
            .regularizer(Variational::default().prior(GaussianMixture::new(3).unwrap()))
            .loss(BernoulliCrossEntropy)
            .normalizer(Normalizer::fit(unit(), &x).unwrap())
            .build::<f32>()
            .unwrap()
    };
    let model = build();
    let residuals = AnomalyDetector::fit(build(), ScaledResidual::new(), &x).unwrap();
    let draws = ReconstructionProbability::new(3, 1).unwrap();
    let drawn = AnomalyDetector::fit(build(), draws, &x).unwrap();
    let run = || {
        let codes = model.encode(&x).unwrap();
        let of_codes = (model.decode(&codes).unwrap(), model.score(&x).unwrap());
        let few = x.select(0..20);
        let of_draws = (
            model.sample(1000, &mut seeded(1)).unwrap(),
            model.elbo(&x, 3, &mut seeded(2)).unwrap(),
            model.negative_log_likelihood(&few, 100, &mut seeded(3)).unwrap(),
        );
        let of_detectors = (
            residuals.scores(&x).unwrap(),
            residuals.feature_scores(&x).unwrap(),
            drawn.scores(&x).unwrap(),
            drawn.feature_scores(&x).unwrap(),
        );
        (codes, model.reconstruct(&x).unwrap(), of_codes, of_draws, of_detectors)
    };
    let one = run();
    for count in COUNTS {
        assert_eq!(Threads::new(count).unwrap().run(run), one, "{count} threads");
    }
}

#[test]
fn the_first_sample_that_is_refused_is_named() {
    let samples = 5 * 256 + 77;
    let x = data(5, samples);
    let standardize = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    let build = |normalizer: &Normalizer| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(5, 3, Tanh))
            .decoder(Dense::dynamic(3, 5, Identity))
            .normalizer(normalizer.clone())
            .build::<f32>()
            .unwrap()
    };
    let detector = AnomalyDetector::fit(build(&standardize), ScaledResidual::new(), &x).unwrap();
    // Reconstructions of large codes are beyond the greatest number once they are taken back.
    let far = Normalizer::from_parts(Normalization::Standardize, [0.0; 5], [1e30; 5]).unwrap();
    let model = build(&far);
    for refused in [vec![700, 900], vec![1100, 300, 299], vec![samples - 1]] {
        let (mut faulty, mut codes) = (x.clone(), data(3, samples));
        for &sample in &refused {
            faulty.as_mut_slice()[5 * sample + 2] = f32::NAN;
            codes.as_mut_slice()[3 * sample..3 * (sample + 1)].fill(1e12);
        }
        let first = refused.iter().min().copied();
        let found = |result: Result<()>| match result {
            Err(Error::NotFinite { sample, .. }) => Some(sample),
            _ => None,
        };
        let run = || {
            [
                found(detector.scores(&faulty).map(drop)),
                found(detector.feature_scores(&faulty).map(drop)),
                found(model.encode(&faulty).map(drop)),
                found(model.decode(&codes).map(drop)),
            ]
        };
        assert_eq!(run(), [first; 4]);
        for count in COUNTS {
            assert_eq!(Threads::new(count).unwrap().run(run), [first; 4], "{count} threads");
        }
    }
}

#[test]
fn no_threads_are_refused_and_a_panic_comes_through() {
    let refused = Threads::new(0).unwrap_err();
    assert_eq!(refused.to_string(), "Threads count is 0, but must be at least 1");
    let threads = Threads::new(2).unwrap();
    assert_eq!(format!("{threads:?}"), "Threads { count: 2 }");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        threads.run(|| panic!("of the caller"));
    }));
    assert!(panicked.is_err());
    assert_eq!(threads.run(|| 7), 7);
    assert_eq!(threads.count(), 2);
}
