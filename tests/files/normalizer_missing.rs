//! Normalizers of samples with missing values: the numbers of numpy over what is there, and what is refused.

use autoencoder::data::*;
use autoencoder::*;
use common::GOLDEN;
use nalgebra::{Const, Dyn};

const STANDARDIZE: Normalization = Normalization::Standardize;
const UNIT: Normalization = Normalization::MinMax { low: 0.0, high: 1.0 };
const NAN: f64 = f64::NAN;

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let scale = expected.abs().max(1.0);
        assert!((found - expected).abs() <= GOLDEN * scale, "{found}, expected {expected}");
    }
}

const MEAN: [f64; 4] = [-0.1377777777777778, 4.644444444444444, 0.99986, -1740000.0];
const DEVIATION: [f64; 4] =
    [1.2046002359268664, 10.231879496196745, 0.0012089665007765965, 1208966.500776593];
const LEAST: [f64; 4] = [-2.0, -11.399999999999999, 0.99824, -3880000.0];
const GREATEST: [f64; 4] = [1.76, 18.6, 1.002, -120000.0];
const IN_RANGE: [f64; 4] =
    [0.4952718676122932, 0.5348148148148149, 0.4308510638297769, 0.5691489361702128];

/// Every seventh value is missing, in each column one or two.
fn rows() -> Batch<f64, Const<4>> {
    let (factor, shift) = ([1.0, 10.0, 1e-3, 1e6], [0.0, 5.0, 1.0, -2e6]);
    let value = |k: usize| ((k * 37 % 101) as f64 - 50.0) / 25.0;
    let cell = |k: usize| if k % 7 == 3 { NAN } else { value(k) * factor[k % 4] + shift[k % 4] };
    (0..10).map(|row| std::array::from_fn(|column| cell(4 * row + column))).collect()
}

/// ```python
/// k = numpy.arange(40); v = (k * 37 % 101 - 50) / 25
/// x = v.reshape(10, 4) * [1, 10, 1e-3, 1e6] + [0, 5, 1, -2e6]; x[k.reshape(10, 4) % 7 == 3] = numpy.nan
/// numpy.nanmean(x, 0); numpy.nanstd(x, 0); numpy.nanmin(x, 0); numpy.nanmax(x, 0)
/// (numpy.nanmean(x, 0) - numpy.nanmin(x, 0)) / (numpy.nanmax(x, 0) - numpy.nanmin(x, 0))
/// ```
#[test]
fn statistics_are_those_of_numpy_over_what_is_there() {
    let rows = rows();
    let (mean, deviation) = (MEAN, DEVIATION);
    let standardized = Normalizer::fit_with_missing(STANDARDIZE, &rows).unwrap();
    let (first, second) = standardized.parts();
    assert_near(first, &mean);
    assert_near(second, &deviation);
    assert_eq!(standardized.fills(), Some(&[0.0; 4][..]));
    let ranged = Normalizer::fit_with_missing(UNIT, &rows).unwrap();
    let (first, second) = ranged.parts();
    assert_eq!((first, second), (&LEAST[..], &GREATEST[..]));
    assert_near(ranged.fills().unwrap(), &IN_RANGE);
    let none = Normalizer::fit_with_missing(Normalization::None, &rows).unwrap();
    assert_near(none.fills().unwrap(), &mean);
    assert_eq!((none.features(), none.parts()), (Some(4), (&[][..], &[][..])));

    // A column that is left stays as it is, and what stands for it too.
    let left = standardized.clone().leaving(1..3).unwrap();
    assert_near(left.fills().unwrap(), &[0.0, mean[1], mean[2], 0.0]);
    let left = ranged.clone().leaving(0..1).unwrap();
    assert_near(left.fills().unwrap(), &[mean[0], IN_RANGE[1], IN_RANGE[2], IN_RANGE[3]]);

    // From a source as from a batch; and without missing values what `fit` gives.
    for normalization in [Normalization::None, STANDARDIZE, UNIT] {
        let of_source =
            Normalizer::fit_source_with_missing(normalization, &mut InMemory::from(&rows)).unwrap();
        assert_eq!(of_source, Normalizer::fit_with_missing(normalization, &rows).unwrap());
        let complete = rows.select(
            [1, 3, 8].into_iter().filter(|&row| rows.sample(row).iter().all(|x| !x.is_nan())),
        );
        let with = Normalizer::fit_with_missing(normalization, &complete).unwrap();
        let without = Normalizer::fit(normalization, &complete).unwrap();
        assert_eq!(with.parts(), without.parts());
        assert_ne!(with, without);
    }
}

#[test]
fn what_is_missing_stays_so_there_and_back() {
    let rows = rows();
    for normalization in [Normalization::None, STANDARDIZE, UNIT] {
        let normalizer = Normalizer::fit_with_missing(normalization, &rows).unwrap();
        let mut batch = rows.clone();
        normalizer.apply(batch.view_mut()).unwrap();
        let mut streamed = Batch::<f64, _>::zeros(Const::<4>, 10);
        let mut source = Normalized::new(InMemory::from(&rows), normalizer.clone()).unwrap();
        assert_eq!(source.read(streamed.view_mut()).unwrap(), 10);
        for ((x, y), z) in rows.as_slice().iter().zip(batch.as_slice()).zip(streamed.as_slice()) {
            assert!(x.is_nan() == y.is_nan() && y.to_bits() == z.to_bits());
        }
        normalizer.undo(batch.view_mut()).unwrap();
        for (x, y) in rows.as_slice().iter().zip(batch.as_slice()) {
            assert!(x.is_nan() && y.is_nan() || (x - y).abs() <= 1e-12 * x.abs().max(1.0));
        }
        let mut infinite = rows.select([0]);
        infinite.as_mut_slice()[2] = f64::INFINITY;
        let refused = normalizer.apply(infinite.view_mut()).unwrap_err();
        assert!(matches!(refused, Error::NotFinite { feature: 2, sample: 0, .. }), "{refused}");
    }
}

#[test]
fn refusals() {
    let rows = rows();
    let mut empty = rows.clone();
    empty.as_mut_slice().iter_mut().skip(2).step_by(4).for_each(|x| *x = NAN);
    let call = "Normalizer::fit_with_missing";
    for normalization in [Normalization::None, STANDARDIZE, UNIT] {
        let refused = Normalizer::fit_with_missing(normalization, &empty).unwrap_err();
        assert_eq!(refused, Error::EmptyFeature { call, feature: 2 });
        let mut infinite = rows.clone();
        infinite.as_mut_slice()[6] = f64::NEG_INFINITY;
        let refused = Normalizer::fit_with_missing(normalization, &infinite).unwrap_err();
        let value = Number(f64::NEG_INFINITY);
        assert_eq!(refused, Error::NotFinite { call, feature: 2, sample: 1, value });
        let none = Normalizer::fit_with_missing(normalization, &Batch::<f64, _>::zeros(Dyn(4), 0));
        assert_eq!(none.unwrap_err(), Error::NoSamples { call });
    }
    assert_eq!(
        Error::EmptyFeature { call, feature: 2 }.to_string(),
        "Normalizer::fit_with_missing: feature 2 (counted from 0) is missing in every sample, so that nothing is known of \
         it: leave it out, or give samples that have it"
    );
    for centre_samples in [false, true] {
        let cut = Normalization::Truncate { centre_samples };
        assert_eq!(
            Normalizer::fit_with_missing(cut, &rows).unwrap_err().to_string(),
            "Normalizer::fit_with_missing takes features one by one, and `Normalization::Truncate` takes all together: take \
             `Normalization::Standardize` or `MinMax`"
        );
        assert!(Normalizer::from_parts(cut, [0.0], [1.0]).unwrap().with_fills([0.0]).is_err());
    }
    let fitted = || Normalizer::fit(STANDARDIZE, &rows.select([1])).unwrap();
    for wrong in [&[0.0; 3][..], &[0.0; 5], &[], &[0.0, NAN, 0.0, 0.0], &[f64::INFINITY; 4]] {
        assert!(fitted().with_fills(wrong).is_err(), "{wrong:?}");
    }
    assert!(Normalizer::from_parts(Normalization::None, [], []).unwrap().with_fills([]).is_err());
    assert_eq!(fitted().fills(), None);
    let refused = fitted().apply(rows.select([0]).view_mut()).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { feature: 3, sample: 0, .. }), "{refused}");
}

/// With what stands for missing values, or without: they are in the file, and a model that cannot have them refuses it.
#[cfg(feature = "safetensors")]
#[test]
fn files_hold_what_stands_for_missing_values() {
    use autoencoder::activation::{Identity, Tanh};
    use autoencoder::corruption::Absences;
    let (rows, folder) = (rows(), common::Folder::new("normalizer-missing"));
    let file = folder.join("model.safetensors");
    macro_rules! build {
        ($normalizer:expr, $regularizer:expr) => {
            AutoEncoder::builder()
                .encoder(Dense::<4, 2>::new(Tanh))
                .decoder(Dense::<2, 4>::new(Identity))
                .regularizer($regularizer)
                .normalizer($normalizer)
                .build::<f64>()
                .unwrap()
        };
    }
    for (normalization, text) in [
        (Normalization::None, "none, with missing values"),
        (STANDARDIZE, "standardize, with missing values"),
        (UNIT, "least and greatest, with missing values"),
    ] {
        let normalizer =
            Normalizer::fit_with_missing(normalization, &rows).unwrap().leaving(1..2).unwrap();
        let model = build!(normalizer.clone(), NoRegularizer);
        model.save(&file).unwrap();
        assert_eq!(inspect(&file).unwrap().normalizer.as_deref(), Some(text));
        let plain = Normalizer::from_parts(Normalization::None, [], []).unwrap();
        let mut again = build!(plain.clone(), NoRegularizer);
        assert!(again.encode(&rows).is_err());
        again.load(&file).unwrap();
        assert_eq!(again.normalizer(), Some(&normalizer));
        assert_eq!(again.encode(&rows).unwrap(), model.encode(&rows).unwrap());
        let mut again = build!(plain.clone(), NoRegularizer);
        again.load_encoder(&file).unwrap();
        assert_eq!(again.normalizer(), Some(&normalizer));
        // What cannot have missing values, and what must.
        let mut augmented =
            build!(plain.clone(), Augment::new(corruption::Masking::new(0.1).unwrap()));
        let before = augmented.parameters().to_vec();
        build!(normalizer.clone(), NoRegularizer).save(&file).unwrap();
        assert!(augmented.load_encoder(&file).is_err());
        assert!((augmented.parameters(), augmented.normalizer()) == (&before[..], Some(&plain)));
        let mut absent = build!(normalizer.clone(), Denoising::new(Absences::new(0.1).unwrap()));
        build!(plain.clone(), NoRegularizer).save(&file).unwrap();
        let refused = absent.load_encoder(&file).unwrap_err();
        assert!(matches!(refused, Error::Unfit { part: "the corruption", .. }), "{refused}");
        assert_eq!(absent.normalizer(), Some(&normalizer));
    }
}
