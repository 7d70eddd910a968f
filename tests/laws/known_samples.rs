//! Samples of known features: their directions, their numbers, their source, and what is refused.

use autoencoder::data::Source;
use autoencoder::datasets::{Hierarchy, KnownFeatures, SyntheticFeatures};
use autoencoder::metrics::dictionary::coherence;
use autoencoder::nalgebra::{Const, Dyn};
use autoencoder::{Batch, Error};

type Known<const D: usize> = KnownFeatures<f64, Const<D>>;

#[test]
fn directions_are_unit_vectors_and_move_apart() {
    let of = |steps, rate| -> Known<16> {
        SyntheticFeatures::new(64, Const).orthogonalize(steps, rate).seed(3).build().unwrap()
    };
    let mean_square = |known: &Known<16>| {
        let atoms = known.dictionary();
        let mut sum = 0.0;
        for (i, a) in atoms.iter().enumerate() {
            let norm: f64 = a.iter().map(|x| x * x).sum();
            assert!((norm - 1.0).abs() < 1e-12);
            for b in atoms.iter().take(i) {
                sum += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().powi(2);
            }
        }
        sum / (64.0 * 63.0 / 2.0)
    };
    // No 64 unit vectors of 16 dimensions have less (L. Welch 1974); uniform ones have 1/16.
    let welch = (64.0 - 16.0) / (16.0 * 63.0);
    let (uniform, few, many) = (of(0, 1.0), of(100, 3e-4), of(1000, 1e-2));
    let [uniform, few, many] = [uniform, few, many].map(|known| mean_square(&known));
    assert!((uniform - 1.0 / 16.0).abs() < 0.005, "{uniform}");
    assert!(few < 0.99 * uniform, "{few}, {uniform}");
    assert!(many >= welch - 1e-9 && many < 1.01 * welch, "{many}, {welch}");
    // Where there is room they become orthogonal.
    let room: Known<64> =
        SyntheticFeatures::new(32, Const).orthogonalize(1000, 1e-2).build().unwrap();
    let largest = coherence(room.dictionary().view()).unwrap().largest;
    assert!(largest < 0.02, "{largest}");
}

#[test]
fn samples_are_mixtures_of_the_directions() {
    let known: Known<5> =
        SyntheticFeatures::new(30, Const).correlation(3, 0.2).bias(2.0).build().unwrap();
    let norm = known.bias().iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((norm - 2.0).abs() < 1e-12);
    let (samples, codes) = known.draw(10..60).unwrap();
    assert_eq!((samples.samples(), codes.samples(), codes.features()), (50, 50, 30));
    for (sample, code) in samples.iter().zip(codes.iter()) {
        for (dimension, x) in sample.iter().enumerate() {
            let parts =
                code.iter().map(|(feature, c)| c * known.dictionary().sample(feature)[dimension]);
            let expected = known.bias()[dimension] + parts.sum::<f64>();
            assert!((x - expected).abs() < 1e-12 * (1.0 + expected.abs()));
        }
    }
    // Single precision is rounded from double.
    let rounded: KnownFeatures<f32, _> =
        SyntheticFeatures::new(30, Const::<5>).correlation(3, 0.2).bias(2.0).build().unwrap();
    let round = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
    assert_eq!(rounded.samples(10..60).unwrap().as_slice(), round(samples.as_slice()));
    assert_eq!(rounded.dictionary().as_slice(), round(known.dictionary().as_slice()));
    for (rounded, code) in rounded.codes(10..60).unwrap().iter().zip(codes.iter()) {
        assert_eq!(
            (rounded.indices(), rounded.values()),
            (code.indices(), &round(code.values())[..])
        );
    }
}

#[test]
fn a_sample_is_the_same_in_any_batch() {
    let hierarchy = Hierarchy::new(2, 3, 2).exclusive(0.5).compensated().scaled_by_parent();
    let options =
        SyntheticFeatures::new(40, Dyn(6)).hierarchy(hierarchy).correlation(3, 0.3).seed(5);
    let known = options.build::<f64>().unwrap();
    let (all, codes) = known.draw(3..103).unwrap();
    for (start, end) in [(3, 4), (50, 57), (3, 103), (102, 103), (60, 60)] {
        let (some, some_codes) = known.draw(start..end).unwrap();
        assert_eq!(some, all.select(start - 3..end - 3));
        let same = some_codes.iter().eq((start - 3..end - 3).map(|at| codes.sample(at)));
        assert!(same && some_codes.samples() == end - start);
    }
    let mut source = known.source(3..103).unwrap();
    assert_eq!((source.samples(), source.size()), (100, Dyn(6)));
    for size in [1, 7, 64, 1000] {
        source.rewind().unwrap();
        let (mut read, mut batch) = (Vec::new(), Batch::zeros(Dyn(6), size));
        loop {
            let count = source.read(batch.view_mut()).unwrap();
            read.extend_from_slice(&batch.as_slice()[..6 * count]);
            if count == 0 {
                break;
            }
        }
        assert_eq!(read, all.as_slice());
    }
    assert_eq!(source.load().unwrap(), all);
    source.rewind().unwrap();
    source.skip(99).unwrap();
    let mut last = Batch::zeros(Dyn(6), 2);
    assert_eq!(source.read(last.view_mut()).unwrap(), 1);
    assert_eq!(last.sample(0), all.sample(99));
    assert!(matches!(source.skip(1), Err(Error::SizeMismatch { .. })));
    let mut narrow = Batch::zeros(Dyn(5), 2);
    assert!(matches!(source.read(narrow.view_mut()), Err(Error::SizeMismatch { .. })));
    // However far the numbers go; another seed is another set of features and samples.
    let far = known.samples(usize::MAX - 2..usize::MAX).unwrap();
    assert_ne!(far.sample(0), far.sample(1));
    let other = options.clone().seed(6).build::<f64>().unwrap();
    assert_ne!(other.dictionary(), known.dictionary());
    assert_ne!(other.bias(), known.bias());
    assert_ne!(other.codes(3..103).unwrap(), codes);
    assert_eq!(options.build::<f64>().unwrap().samples(3..103).unwrap(), all);
    // An option changes what it is of and nothing else.
    let more = options.clone().bias(1.0).correlation(4, 0.1).build::<f64>().unwrap();
    assert_eq!((more.dictionary(), more.deviations()), (known.dictionary(), known.deviations()));
}

#[cfg(feature = "parallel")]
#[test]
fn threads_change_no_bit() {
    let known =
        SyntheticFeatures::new(300, Const::<8>).correlation(25, 0.1).build::<f32>().unwrap();
    let (alone, many) = (known.draw(0..3000).unwrap(), autoencoder::Threads::new(3).unwrap());
    assert!(many.run(|| known.draw(0..3000).unwrap()) == alone);
}

#[test]
fn wrong_options_are_refused() {
    let base = || SyntheticFeatures::new(10, Const::<3>);
    let family = |hierarchy| base().hierarchy(hierarchy);
    let nan = f64::NAN;
    let all = [
        SyntheticFeatures::new(0, Const),
        base().zipf(0.0, 0.1..=0.2),
        base().zipf(nan, 0.1..=0.2),
        base().zipf(1.0, 0.0..=0.2),
        base().zipf(1.0, 0.3..=0.2),
        base().zipf(1.0, 0.3..=1.1),
        base().zipf(1.0, nan..=0.2),
        base().zipf(1.0, 0.1..=nan),
        base().magnitudes(0.0, 1.0),
        base().magnitudes(1.0, nan),
        base().magnitudes(9e-7, 1.0),
        base().orthogonalize(1, 1.5),
        base().magnitudes(1.0, 1e7),
        base().deviations(-1.0, 0.0),
        base().deviations(0.0, nan),
        base().bias(-1.0),
        base().bias(f64::INFINITY),
        base().orthogonalize(1, 0.0),
        base().orthogonalize(1, nan),
        base().correlation(0, 0.1),
        base().correlation(1, -0.1),
        base().correlation(1, nan),
        base().correlation(usize::MAX, 0.1),
        SyntheticFeatures::new(usize::MAX, Const),
        family(Hierarchy::new(0, 2, 1)),
        family(Hierarchy::new(11, 2, 1)),
        family(Hierarchy::new(1, 1, 1)),
        family(Hierarchy::new(1, 2, 0)),
        family(Hierarchy::new(1, 2, 1).exclusive(1.1)),
        family(Hierarchy::new(1, 2, 1).exclusive(nan)),
    ];
    for options in all {
        let refused = options.build::<f32>().map(drop);
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{options:?}: {refused:?}");
    }
    // What is as large as can be is no fault.
    family(Hierarchy::new(10, usize::MAX, usize::MAX)).build::<f32>().unwrap();
    let known = base().build::<f32>().unwrap();
    #[allow(clippy::reversed_empty_ranges)]
    let range = 2..1;
    assert!(matches!(known.samples(range.clone()), Err(Error::InvalidParameter { .. })));
    assert!(matches!(known.codes(range.clone()), Err(Error::InvalidParameter { .. })));
    assert!(matches!(known.source(range), Err(Error::InvalidParameter { .. })));
    assert!(matches!(known.samples(0..usize::MAX), Err(Error::InvalidParameter { .. })));
    assert!(matches!(known.codes(0..usize::MAX), Err(Error::InvalidParameter { .. })));
}

/// Each child of 1 + 10⁶ z is multiplied by what its parent has: (10⁷)⁶ at the sixth level is beyond single precision.
#[test]
fn values_that_parents_might_lift_beyond_the_number_type_are_refused() {
    let hierarchy = |depth| Hierarchy::new(1, 2, depth).scaled_by_parent();
    let options = |depth| {
        let base = SyntheticFeatures::new(127, Const::<3>).orthogonalize(0, 1.0);
        base.magnitudes(1.0, 1.0).deviations(1e6, 0.0).hierarchy(hierarchy(depth))
    };
    assert!(matches!(options(6).build::<f32>(), Err(Error::InvalidParameter { .. })));
    assert!(options(6).build::<f64>().is_ok());
    assert!(options(2).build::<f32>().is_ok());
}
