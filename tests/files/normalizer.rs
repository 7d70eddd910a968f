//! Normalizers: the numbers of other programs, the way there and back, and values near the end of
//! their type's range.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::*;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::*;
use common::GOLDEN;
use nalgebra::{Const, Dyn};

const STANDARDIZE: Normalization = Normalization::Standardize;
const UNIT: Normalization = Normalization::MinMax { low: 0.0, high: 1.0 };
const SIGMOID: Normalization = Normalization::MinMax { low: 0.1, high: 0.9 };
const UFLDL: Normalization = Normalization::Truncate { centre_samples: true };
const CUT: Normalization = Normalization::Truncate { centre_samples: false };
const ALL: [Normalization; 6] = [Normalization::None, STANDARDIZE, UNIT, SIGMOID, UFLDL, CUT];

fn assert_near(found: f64, expected: f64, what: &str) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= GOLDEN * scale, "{what}: {found}, expected {expected}");
}

/// v = (37 k mod 101 − 50) / 25
fn spread(k: usize) -> f64 {
    ((k * 37 % 101) as f64 - 50.0) / 25.0
}

#[test]
fn a_sample_has_the_same_bits_alone_and_in_any_batch() {
    for features in [1, 3, 30, 256, 511, 512, 513] {
        let samples = 2 * 512 / features + 3;
        let values = (0..features * samples).map(|k| (0.1 + spread(k)) as f32).collect();
        let batch = Batch::new(Dyn(features), values).unwrap();
        for normalization in ALL {
            let normalizer = Normalizer::fit(normalization, &batch).unwrap();
            let (mut all, mut alone) = (batch.clone(), batch.clone());
            normalizer.apply(all.view_mut()).unwrap();
            for x in alone.as_mut_slice().chunks_exact_mut(features) {
                normalizer.apply(BatchViewMut::new(x, features)).unwrap();
            }
            assert_eq!(all, alone, "{normalization:?} of {features}");
        }
    }
}

#[test]
fn standardized_as_numpy_does() {
    // k = numpy.arange(40); v = (k * 37 % 101 - 50) / 25
    // x = v.reshape(10, 4) * [1, 10, 1e-3, 1e6] + [0, 5, 1, -2e6]; x.mean(0); x.std(0)
    let (factor, shift) = ([1.0, 10.0, 1e-3, 1e6], [0.0, 5.0, 1.0, -2e6]);
    let samples =
        (0..10).map(|i| std::array::from_fn(|j| spread(4 * i + j) * factor[j] + shift[j]));
    let mut batch: Batch<f64, Const<4>> = samples.collect();
    let normalizer = Normalizer::fit(STANDARDIZE, &batch).unwrap();
    let mean = [-0.004000000000000026, 3.6, 1.0001280000000001, -2008000.0];
    let deviation =
        [1.211207661798752, 10.200000000000001, 0.0012290874663749513, 1229087.4663749526];
    let (means, deviations) = normalizer.parts();
    for k in 0..4 {
        assert_near(means[k] / factor[k], mean[k] / factor[k], "mean");
        assert_near(deviations[k] / factor[k], deviation[k] / factor[k], "deviation");
    }
    let x = batch.sample(3).to_vec();
    normalizer.apply(batch.view_mut()).unwrap();
    for (k, &y) in batch.sample(3).iter().enumerate() {
        assert_near((y * deviation[k] + mean[k]) / factor[k], x[k] / factor[k], "value");
    }
}

#[test]
fn truncated_as_in_the_tutorial() {
    // normalizeData of the exercise, in NumPy: v as above for 200 numbers, w = (v * v * v) ** 3 in
    // columns of 4; p = w - w.mean(0), or w - w.mean(); s = 3 * p.std(ddof=1)
    // q = (numpy.maximum(numpy.minimum(p, s), -s) / s + 1) * 0.4 + 0.1; q[:, 7]; q.sum()
    let value = |k| {
        let v: f64 = spread(k);
        (v * v * v).powi(3)
    };
    let samples = (0..50).map(|i| std::array::from_fn(|j| value(4 * i + j)));
    let batch: Batch<f64, Const<4>> = samples.collect();
    let cases = [
        (
            UFLDL,
            0.0,
            113.06619469398366,
            [0.3484442477508375, 0.34926419681234666, 0.9, 0.349254531588827],
            100.0,
            6,
        ),
        (
            CUT,
            0.00233372596919196,
            129.0689242389106,
            [0.4992821740002963, 0.5000004609216014, 0.9, 0.49999199404972916],
            100.00001928665414,
            8,
        ),
    ];
    for (normalization, centre, deviation, seventh, sum, cut) in cases {
        let normalizer = Normalizer::fit(normalization, &batch).unwrap();
        assert_near(normalizer.parts().0[0], centre, "centre");
        assert_near(normalizer.parts().1[0], deviation, "deviation");
        let mut truncated = batch.clone();
        normalizer.apply(truncated.view_mut()).unwrap();
        for (&y, expected) in truncated.sample(7).iter().zip(seventh) {
            assert_near(y, expected, "value");
        }
        assert_near(truncated.as_slice().iter().sum(), sum, "sum");
        let is_cut = |y: &&f64| (*y - 0.5).abs() >= 0.4 - 1e-12;
        assert_eq!(truncated.as_slice().iter().filter(is_cut).count(), cut);
        assert!(truncated.as_slice().iter().all(|y| (0.1..=0.9).contains(y)));
    }
}

#[test]
fn there_and_back() {
    let mut rng = seeded(11);
    for round in 0..50 {
        let (features, samples) = (rng.random_range(1..7), rng.random_range(1..90));
        let scale: Vec<f64> =
            (0..features).map(|_| 10_f64.powi(rng.random_range(-30..30))).collect();
        let values = (0..features * samples).map(|k| {
            let value = scale[k % features] * (rng.random::<f64>() - 0.3);
            // The first feature is constant.
            if k % features == 0 { scale[0] } else { value }
        });
        let batch = Batch::new(Dyn(features), values.collect()).unwrap();
        for normalization in ALL {
            let normalizer = Normalizer::fit(normalization, &batch).unwrap();
            let mut there = batch.clone();
            normalizer.apply(there.view_mut()).unwrap();
            let mut back = there.clone();
            normalizer.undo(back.view_mut()).unwrap();
            if let Normalization::Truncate { .. } = normalization {
                // Only what the mean and the bounds have left.
                normalizer.apply(back.view_mut()).unwrap();
                if normalization == CUT {
                    for (x, y) in back.as_slice().iter().zip(there.as_slice()) {
                        assert_near(*x, *y, "cut again");
                    }
                }
                continue;
            }
            for (k, (x, y)) in batch.as_slice().iter().zip(back.as_slice()).enumerate() {
                let scale = scale[k % features];
                assert_near(y / scale, x / scale, &format!("{normalization:?}, round {round}"));
            }
            for (x, (y, z)) in batch.iter().zip(there.iter().zip(back.iter())) {
                let constant = match normalization {
                    Normalization::MinMax { low, .. } => low,
                    Normalization::Standardize => 0.0,
                    _ => x[0],
                };
                assert_eq!((y[0], z[0]), (constant, x[0]), "{normalization:?}, round {round}");
            }
            if let Normalization::MinMax { low, high } = normalization {
                assert!(there.as_slice().iter().all(|y| (low..=high).contains(y)));
                let greatest = there.iter().map(|y| y[features - 1]).fold(low, f64::max);
                assert!(features == 1 || samples == 1 || greatest == high);
            }
            let (first, second) = normalizer.parts();
            let again = Normalizer::from_parts(normalizer.normalization(), first, second).unwrap();
            assert_eq!(again, normalizer);
        }
    }
}

#[test]
fn near_the_end_of_the_range() {
    fn run<T: Scalar>(huge: f64) {
        let huge = T::of(huge);
        let (zero, tiny) = (T::ZERO, T::of(5e-324));
        let mut batch = Batch::from_iter([
            [huge, huge, huge, tiny],
            [-huge, huge, zero, tiny],
            [huge, huge, zero, tiny],
            [-huge, huge, zero, tiny],
        ]);
        let clean = batch.clone();
        for normalization in ALL {
            let normalizer = Normalizer::fit(normalization, &batch).unwrap();
            normalizer.apply(batch.view_mut()).unwrap();
            let first = batch.sample(0).to_vec();
            match normalization {
                STANDARDIZE => {
                    assert_eq!(first[..2], [T::ONE, zero]);
                    // One of four: (1 − 1/4) / √(3/16) = √3
                    assert_near(first[2].to_double() as f32 as f64, f64::from(3_f32.sqrt()), "√3");
                    assert_eq!(first[3], zero);
                }
                UNIT => {
                    assert_eq!(first, [T::ONE, zero, T::ONE, zero]);
                    assert_eq!(batch.sample(1)[0], zero);
                }
                _ => assert!(batch.as_slice().iter().all(|y| y.to_double().is_finite())),
            }
            if !matches!(normalization, Normalization::Truncate { .. }) {
                normalizer.undo(batch.view_mut()).unwrap();
                for (x, y) in clean.as_slice().iter().zip(batch.as_slice()) {
                    let scale = x.to_double().abs().max(f64::MIN_POSITIVE);
                    let error = (x.to_double() / scale - y.to_double() / scale).abs();
                    let is_zero = x.to_double() == 0.0;
                    let bound = if is_zero { huge.to_double() / scale } else { 1.0 };
                    assert!(
                        error <= 4.0 * f64::from(f32::EPSILON) * bound,
                        "{normalization:?}: {x} came back as {y}"
                    );
                }
            }
            batch = clean.clone();
        }
    }
    run::<f64>(1e300);
    run::<f64>(f64::MAX / 1.001);
    run::<f32>(1e38);
}

#[test]
fn differences_beyond_the_range() {
    // The mean is −MAX / 2, so the first value is 1.5 MAX from it.
    let huge = f64::MAX / 1.001;
    let mut batch = Batch::from_iter([[huge], [-huge], [-huge], [-huge]]);
    let normalizer = Normalizer::fit(STANDARDIZE, &batch).unwrap();
    normalizer.apply(batch.view_mut()).unwrap();
    // (1 − ¼) / √(¼ · ¾) = √3
    assert_near(batch.sample(0)[0], 3_f64.sqrt(), "√3");
    assert_near(batch.sample(1)[0], -1.0 / 3_f64.sqrt(), "−1/√3");
}

/// What is not refused is finite, wherever in their type's range values and fitted numbers lie.
#[test]
fn what_is_accepted_stays_finite() {
    fn run<T: Scalar>(greatest: f64, least: f64) {
        let mut rng = seeded(11);
        let (mut accepted, mut refused) = (0, 0);
        for round in 0..40_000 {
            // Of any size up to so much of the greatest.
            let mut any = |most: f64| {
                let size = (greatest.ln() + 2.0 * least.ln() * rng.random::<f64>()).exp() * most;
                if rng.random() { size } else { -size }
            };
            let (a, b, low, high) = (any(0.9), any(0.9), any(1e-2), any(1e-2));
            // Where the result is about the greatest there is, and anywhere.
            let (result, anywhere) = (any(1.0).signum() * greatest, any(1.0));
            let factor = 2_f64.powf(rng.random_range(-4.0..3.0));
            let undone = round % 2 == 0;
            let range = Normalization::MinMax { low: low.min(high), high: low.max(high) };
            let normalization = [STANDARDIZE, range, CUT, UFLDL][rng.random_range(0..4)];
            let (first, second) = match normalization {
                Normalization::MinMax { .. } => (a.min(b), a.max(b)),
                _ => (a, b.abs()),
            };
            let slope = match normalization {
                Normalization::MinMax { low, high } => {
                    (second / 2.0 - first / 2.0) / (high / 2.0 - low / 2.0)
                }
                Normalization::Standardize => second,
                _ => second * 7.5,
            };
            let reached = factor * if undone { result / slope } else { result * slope };
            for x in [reached, reached + first, reached - first, anywhere, first, -first] {
                let x = T::of(x);
                if !x.to_double().is_finite() {
                    continue;
                }
                let normalizer = Normalizer::from_parts(normalization, [first], [second]).unwrap();
                let mut batch = Batch::from_iter([[x]]);
                let done = match undone {
                    true => normalizer.undo(batch.view_mut()),
                    false => normalizer.apply(batch.view_mut()),
                };
                let y = batch.as_slice()[0];
                assert!(y.to_double().is_finite(), "{normalizer:?}, {undone}: {x} became {y}");
                *(if done.is_ok() { &mut accepted } else { &mut refused }) += 1;
            }
        }
        assert!(accepted > 10_000 && refused > 1000, "{accepted}, {refused}");
    }
    run::<f64>(f64::MAX, f64::MIN_POSITIVE);
    run::<f32>(f32::MAX.into(), f32::MIN_POSITIVE.into());
}

#[test]
fn nothing_leaves_a_narrow_range() {
    let (least, greatest) = (0.1_f64, 0.1_f64.next_up());
    let normalizer = Normalizer::from_parts(UNIT, [least], [greatest]).unwrap();
    let mut batch: Batch<f64, Const<1>> = (0..=1000).map(|k| [f64::from(k) / 1000.0]).collect();
    normalizer.undo(batch.view_mut()).unwrap();
    assert!(batch.as_slice().iter().all(|x| (least..=greatest).contains(x)));
}

#[test]
fn many_values_far_from_zero() {
    // Squares of these, less the square of their mean, leave nothing of the deviation √22.5.
    let values = [4.0, 7.0, 13.0, 16.0].map(|x| [x + 1e9]);
    let batch: Batch<f64, Const<1>> = values.into_iter().cycle().take(100_000).collect();
    let normalizer = Normalizer::fit(STANDARDIZE, &batch).unwrap();
    assert_near(normalizer.parts().0[0] - 1e9, 10.0, "mean");
    assert_near(normalizer.parts().1[0], 22.5_f64.sqrt(), "deviation");
}

#[test]
fn a_source_is_fitted_as_a_batch_is() {
    let mut rng = seeded(3);
    let values: Vec<f32> = (0..5 * 201).map(|_| rng.random()).collect();
    let batch = Batch::new(Dyn(5), values).unwrap();
    let text: String = batch.iter().map(|x| x.map_text()).collect();
    let mut table: Csv<f32, Dyn> = CsvOptions::new().header(false).from_bytes(text).unwrap();
    for normalization in ALL {
        let normalizer = Normalizer::fit(normalization, &batch).unwrap();
        assert_eq!(Normalizer::fit_source(normalization, &mut table).unwrap(), normalizer);
        let mut applied = batch.clone();
        normalizer.apply(applied.view_mut()).unwrap();
        let mut normalized = Normalized::new(&mut table, normalizer).unwrap();
        assert_eq!(normalized.load().unwrap(), applied);
    }
}

trait MapText {
    fn map_text(&self) -> String;
}
impl MapText for [f32] {
    fn map_text(&self) -> String {
        let cells: Vec<String> = self.iter().map(|x| format!("{x:?}")).collect();
        cells.join(",") + "\n"
    }
}

#[test]
fn refusals() {
    let invalid = |name, value, requirement| {
        Err(Error::InvalidParameter { name, value: Number(value), requirement })
    };
    let batch = Batch::from_iter([[1.0_f64, 2.0], [3.0, 4.0]]);
    let none: Batch<f64, Const<2>> = Batch::zeros(Const, 0);
    for normalization in &ALL[1..] {
        let refused = Normalizer::fit(*normalization, &none);
        assert_eq!(refused, Err(Error::NoSamples { call: "Normalizer::fit" }));
        for value in [f64::NAN, f64::INFINITY] {
            let bad = Batch::from_iter([[1.0, 2.0], [3.0, value]]);
            let value = Number(value);
            let place = |call| Err(Error::NotFinite { call, feature: 1, sample: 1, value });
            let refused = Normalizer::fit(*normalization, &bad).map(|_| ());
            assert_eq!(refused, place("Normalizer::fit"));
            let normalizer = Normalizer::fit(*normalization, &batch).unwrap();
            let mut changed = bad.clone();
            assert_eq!(normalizer.apply(changed.view_mut()), place("Normalizer::apply"));
            assert_eq!(normalizer.undo(changed.view_mut()), place("Normalizer::undo"));
            assert_eq!(changed.as_slice()[..3], bad.as_slice()[..3]);
        }
    }
    let range =
        |low, high| Normalizer::fit(Normalization::MinMax { low, high }, &batch).map(|_| ());
    let greater = "finite and greater than low";
    assert_eq!(range(f64::NAN, 1.0), invalid("MinMax low", f64::NAN, "finite"));
    assert_eq!(range(0.0, 0.0), invalid("MinMax high", 0.0, greater));
    assert_eq!(range(0.0, f64::INFINITY), invalid("MinMax high", f64::INFINITY, greater));

    let parts = |normalization, first: &[f64], second: &[f64]| {
        Normalizer::from_parts(normalization, first, second).map(|_| ())
    };
    let deviation =
        |value| invalid("Normalizer standard deviation", value, "finite and greater than 0");
    assert_eq!(parts(STANDARDIZE, &[1.0, 2.0], &[1.0, 0.0]), deviation(0.0));
    assert_eq!(parts(CUT, &[1.0], &[f64::NAN]), deviation(f64::NAN));
    let mean = invalid("Normalizer mean or least value", f64::INFINITY, "finite");
    assert_eq!(parts(STANDARDIZE, &[f64::INFINITY], &[1.0]), mean);
    let requirement = "finite and not less than the least value";
    assert_eq!(parts(UNIT, &[1.0], &[0.5]), invalid("Normalizer greatest value", 0.5, requirement));
    let size =
        |place, unit, expected, found| Err(Error::SizeMismatch { place, unit, expected, found });
    let call = "Normalizer::from_parts";
    let second = size(call, "values in the second part", 2, 1);
    assert_eq!(parts(STANDARDIZE, &[1.0, 2.0], &[1.0]), second);
    assert_eq!(parts(UFLDL, &[0.0; 2], &[1.0; 2]), size(call, "values", 1, 2));
    assert_eq!(parts(Normalization::None, &[0.0], &[1.0]), size(call, "values", 0, 1));

    let normalizer = Normalizer::fit(STANDARDIZE, &batch).unwrap();
    let mut wide = Batch::from_iter([[1.0, 2.0, 3.0]]);
    assert_eq!(normalizer.apply(wide.view_mut()), size("Normalizer::apply", "features", 2, 3));
    let source = Normalized::new(InMemory::from(&wide), normalizer).map(|_| ());
    assert_eq!(source, size("Normalized::new", "features", 2, 3));
    // Far beyond what was fitted, and beyond the type.
    let narrow = Normalizer::from_parts(STANDARDIZE, [0.0], [1e-3]).unwrap();
    let mut far = Batch::from_iter([[1.0_f32], [1e38]]);
    let (call, value) = ("Normalizer::apply", Number(f64::INFINITY));
    let error = Error::NotFinite { call, feature: 0, sample: 1, value };
    assert_eq!(narrow.apply(far.view_mut()), Err(error));
    assert_eq!(far.as_slice(), [1.0, 1e38]);
}

/// Columns that are left keep their bits, there and back; the others are as without.
#[test]
fn columns_that_are_left() {
    let x =
        Batch::from_iter([[20.0_f64, 0.0, 3.0, 7.0], [26.0, 1.0, 0.0, 9.0], [23.0, 0.0, 1.0, 2.0]]);
    for normalization in [
        Normalization::Standardize,
        Normalization::MinMax { low: 0.0, high: 1.0 },
        Normalization::None,
    ] {
        let of_all = Normalizer::fit(normalization, &x).unwrap();
        let (mut whole, mut part) = (x.clone(), x.clone());
        of_all.apply(whole.view_mut()).unwrap();
        let leaving = of_all.clone().leaving(1..3).unwrap();
        leaving.apply(part.view_mut()).unwrap();
        for ((part, whole), x) in part.iter().zip(whole.iter()).zip(x.iter()) {
            assert_eq!(part, [whole[0], x[1], x[2], whole[3]], "{normalization:?}");
        }
        assert_eq!(leaving == of_all, normalization == Normalization::None);
        assert_eq!(of_all.clone().leaving(2..2).unwrap(), of_all);
    }
    let fitted = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    assert!(matches!(
        fitted.clone().leaving(3..5),
        Err(Error::SizeMismatch { expected: 4, found: 5, .. })
    ));
    #[allow(clippy::reversed_empty_ranges)]
    for backwards in [3..1, 5..4] {
        let refused = fitted.clone().leaving(backwards);
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    }
    let truncated = Normalizer::fit(Normalization::Truncate { centre_samples: false }, &x).unwrap();
    assert!(matches!(truncated.leaving(0..1), Err(Error::InvalidParameter { .. })));
}

/// A table of measures, a category and a count trains behind a normalizer that leaves what is no measure.
#[test]
fn a_mixed_table_is_normalized_in_its_measures() {
    let x =
        Batch::from_iter([[200.0, 1.0, 0.0, 3.0], [260.0, 0.0, 1.0, 0.0], [230.0, 1.0, 0.0, 1.0]]);
    let build = |normalizer| {
        AutoEncoder::builder()
            .encoder(Dense::<4, 2>::new(Tanh))
            .decoder(Dense::<2, 4>::new(Identity))
            .loss(
                Mixed::new()
                    .columns(1, LearnedGaussian::shared())
                    .columns(2, Categorical::new(&[2]).unwrap())
                    .columns(1, PoissonLikelihood),
            )
            .normalizer(normalizer)
            .build::<f64>()
            .unwrap()
    };
    let fitted = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    let error = build(fitted.clone()).loss(&x).unwrap_err();
    assert!(matches!(error, Error::OutsideDomain { is_normalized: true, .. }));
    let text = error.to_string();
    assert!(
        text.contains("behind the model's normalizer") && text.contains("Normalizer::leaving"),
        "{text}"
    );
    let mut model = build(fitted.leaving(1..4).unwrap());
    let before = model.loss(&x).unwrap().total();
    Trainer::new(Adam::new(0.05).unwrap()).epochs(100).fit(&mut model, &x).unwrap();
    let after = model.loss(&x).unwrap().total();
    assert!(after < before, "{before}, {after}");
    let reconstructed = model.reconstruct(&x).unwrap();
    for (sample, x) in reconstructed.iter().zip(x.iter()) {
        assert!(
            (sample[0] - x[0]).abs() < 60.0 && (sample[1] + sample[2] - 1.0).abs() < 1e-12,
            "{sample:?}"
        );
    }
}
