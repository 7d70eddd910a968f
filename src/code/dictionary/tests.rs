//! Codes that can be worked out by hand, what folding leaves as it is, and what is refused. What other libraries make of
//! the same weights is compared in `tests/files/dictionaries.rs`.

use nalgebra::Const;

use super::*;
use crate::batch::Batch;
use crate::batch::sparse::SparseBatch;

/// Four units that look at two inputs: (1, 0), (0, 1), (1, 1) and (−1, 0).
fn parts(activation: SparseActivation<f64>) -> DictionaryParts<f64> {
    let encoder = vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 0.0];
    DictionaryParts {
        inputs: 2,
        outputs: 2,
        units: 4,
        decoder: encoder.clone(),
        encoder,
        encoder_bias: vec![0.0; 4],
        decoder_bias: vec![0.0; 2],
        pre_bias: None,
        skip: None,
        activation,
        input_scale: InputScale::Plain,
    }
}

fn code(parts: DictionaryParts<f64>, x: [f64; 2]) -> Vec<(usize, f64)> {
    let codes = SparseDictionary::new(parts).unwrap().encode(Batch::from_iter([x]).view()).unwrap();
    codes.sample(0).iter().collect()
}

#[test]
fn each_rule_by_hand() {
    use SparseActivation::*;
    let of = |activation, x| code(parts(activation), x);
    // π of (2, 1) is (2, 1, 3, −2).
    assert_eq!(of(ReLU, [2.0, 1.0]), [(0, 2.0), (1, 1.0), (2, 3.0)]);
    assert_eq!(of(TopK { k: 2, by_norm: false }, [2.0, 1.0]), [(0, 2.0), (2, 3.0)]);
    assert_eq!(of(AbsTopK { k: 1, by_norm: false }, [2.0, 1.0]), [(2, 3.0)]);
    let thresholds = vec![2.0, 0.5, 3.5, -9.0];
    assert_eq!(of(JumpReLU { thresholds }, [2.0, 1.0]), [(1, 1.0)]);
    assert_eq!(of(GroupMax { groups: 2 }, [2.0, 1.0]), [(0, 2.0), (2, 3.0)]);
    // A gate is open above 0; then exp(ln 2) π + bias, if that is above 0.
    let gated = Gated {
        magnitude_bias: vec![1.0, -9.0, 0.0, 9.0],
        log_scale: vec![2f64.ln(), 0.0, 0.0, 0.0],
    };
    assert_eq!(of(gated, [2.0, 1.0]), [(0, 5.0), (2, 3.0)]);
    // π of (−1, 0) is (−1, 0, −1, 1): fewer than k are above 0, but all have a size.
    assert_eq!(of(TopK { k: 3, by_norm: false }, [-1.0, 0.0]), [(3, 1.0)]);
    assert_eq!(of(AbsTopK { k: 3, by_norm: false }, [-1.0, 0.0]), [(0, -1.0), (2, -1.0), (3, 1.0)]);
    // Of those that rank the same the first: 0 before 2, as with (1, 0), and before 3.
    assert_eq!(of(TopK { k: 1, by_norm: false }, [1.0, 0.0]), [(0, 1.0)]);
    assert_eq!(of(AbsTopK { k: 2, by_norm: false }, [1.0, 0.0]), [(0, 1.0), (2, 1.0)]);
    assert_eq!(of(GroupMax { groups: 1 }, [1.0, 0.0]), [(0, 1.0)]);
}

#[test]
fn ranked_by_norm_a_long_direction_comes_first() {
    // With norms 1, 1, √2 and 1 the third is 1.2 √2 ≥ 1.5 of the second.
    let x = [-0.3, 1.5];
    assert_eq!(code(parts(SparseActivation::TopK { k: 1, by_norm: false }), x), [(1, 1.5)]);
    let by_norm = parts(SparseActivation::TopK { k: 1, by_norm: true });
    let found = code(by_norm.clone(), x);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, 2);
    assert!((found[0].1 - 1.2 * 2f64.sqrt()).abs() < 1e-15);
    // And the direction has unit length: 1.2 √2 (1, 1)/√2.
    let x = Batch::from_iter([x]);
    let output = SparseDictionary::new(by_norm).unwrap().reconstruct(x.view()).unwrap();
    assert!(output.as_slice().iter().all(|y| (y - 1.2).abs() < 1e-15), "{output:?}");
}

/// Of orthogonal directions of unit length it finds the coordinates, the largest first.
#[test]
fn matching_pursuit_of_an_orthonormal_basis() {
    let rule = |residual, most, ends_on_repetition| {
        let mut parts =
            parts(SparseActivation::MatchingPursuit { residual, most, ends_on_repetition });
        for weights in [&mut parts.encoder, &mut parts.decoder] {
            *weights = vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0];
        }
        parts
    };
    assert_eq!(code(rule(1e-2, None, true), [-3.0, 2.0]), [(1, 2.0), (2, 3.0)]);
    assert_eq!(code(rule(1e-2, Some(1), true), [-3.0, 2.0]), [(2, 3.0)]);
    assert_eq!(code(rule(2.5, None, true), [-3.0, 2.0]), [(2, 3.0)]);
    assert_eq!(code(rule(0.0, Some(9), false), [0.0, 0.0]), []);
    // Directions of norm ½ take a quarter of what is left each time: 1 + ¾ + … of r·d = ½.
    let mut short = rule(0.0, Some(3), false);
    for weights in [&mut short.encoder, &mut short.decoder] {
        weights.iter_mut().for_each(|weight| *weight /= 2.0);
    }
    assert_eq!(code(short.clone(), [1.0, 0.0]), [(0, 0.5 * (1.0 + 0.75 + 0.5625))]);
    short.activation = SparseActivation::MatchingPursuit {
        residual: 0.0,
        most: Some(3),
        ends_on_repetition: true,
    };
    assert_eq!(code(short, [1.0, 0.0]), [(0, 0.5 * 1.75)]);
}

#[test]
fn samples_are_scaled_and_brought_back() {
    let scaled = |input_scale| DictionaryParts { input_scale, ..parts(SparseActivation::ReLU) };
    // (3, 4) has the norm 5, and gets √2.
    let norm = scaled(InputScale::Norm { is_undone: true });
    let root = 2f64.sqrt() / 5.0;
    let found = code(norm.clone(), [3.0, 4.0]);
    for ((unit, value), (expected_unit, expected)) in
        found.into_iter().zip([(0, 3.0), (1, 4.0), (2, 7.0)])
    {
        assert_eq!(unit, expected_unit);
        assert!((value - expected * root).abs() < 1e-15);
    }
    // Its output is (3 + 7, 4 + 7) of what was scaled.
    let x = Batch::from_iter([[3.0, 4.0]]);
    let of = |parts| SparseDictionary::new(parts).unwrap().reconstruct(x.view()).unwrap();
    let near = |found: &Batch<f64, nalgebra::Dyn>, expected: [f64; 2]| {
        let near = found.as_slice().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near, "{found:?} {expected:?}");
    };
    near(&of(norm), [10.0, 11.0]);
    near(&of(scaled(InputScale::Norm { is_undone: false })), [10.0 * root, 11.0 * root]);
    // μ = 3.5, σ = √½ (over d − 1): x̄ = ∓½/(√½ + 1e-5), of which units 1 and 3 say the size; the sum is 0.
    let size = 0.5 / (0.5f64.sqrt() + 1e-5);
    let back = size * 0.5f64.sqrt();
    near(&of(scaled(InputScale::LayerNorm { is_undone: true })), [3.5 - back, 3.5 + back]);
}

#[test]
fn a_skip_sees_the_sample_itself() {
    let mut parts = parts(SparseActivation::TopK { k: 1, by_norm: false });
    parts.pre_bias = Some(vec![1.0, 1.0]);
    parts.outputs = 1;
    parts.decoder = vec![0.0, 0.0, 10.0, 0.0];
    parts.decoder_bias = vec![0.5];
    parts.skip = Some(vec![3.0, -1.0]);
    let x = Batch::from_iter([[2.0, 3.0], [0.0, 1.0]]);
    let dictionary = SparseDictionary::new(parts).unwrap();
    // π of (1, 2) is led by 3, of (−1, 0) by 1 of the last unit; then 3 x₁ − x₂ and the bias.
    let outputs = dictionary.reconstruct(x.view()).unwrap();
    assert_eq!(outputs.as_slice(), [30.0 + 6.0 - 3.0 + 0.5, 0.0 - 1.0 + 0.5]);
    // Without a code the bias and the skip are left; decode knows no sample.
    let silent = SparseBatch::from_dense(&Batch::zeros(Const::<4>, 2)).unwrap();
    assert_eq!(dictionary.reconstruct_from(x.view(), &silent).unwrap().as_slice(), [3.5, -0.5]);
    assert_eq!(dictionary.decode(&silent).unwrap().as_slice(), [0.5, 0.5]);
}

#[test]
fn many_samples_are_coded_as_each_alone() {
    let dictionary =
        SparseDictionary::new(parts(SparseActivation::TopK { k: 2, by_norm: true })).unwrap();
    let samples: Vec<[f64; 2]> =
        (0..200).map(|k| [(f64::from(k) * 0.7).sin(), (f64::from(k) * 1.3).cos()]).collect();
    let all = Batch::from_iter(samples.iter().copied());
    let codes = dictionary.encode(all.view()).unwrap();
    assert_eq!(codes.samples(), 200);
    for (k, sample) in samples.into_iter().enumerate() {
        let alone = dictionary.encode(Batch::from_iter([sample]).view()).unwrap();
        assert_eq!(alone.sample(0), codes.sample(k));
    }
}

#[test]
fn folding_norms_leaves_reconstructions() {
    let x = Batch::from_iter([[2.0, 1.0], [-0.5, 0.25], [0.1, -3.0]]);
    for activation in [
        SparseActivation::ReLU,
        SparseActivation::TopK { k: 2, by_norm: true },
        SparseActivation::AbsTopK { k: 2, by_norm: true },
        SparseActivation::JumpReLU { thresholds: vec![0.5, 0.2, 0.1, 0.05] },
        SparseActivation::Gated {
            magnitude_bias: vec![0.3; 4],
            log_scale: vec![0.1, -0.2, 0.3, 0.0],
        },
    ] {
        let mut parts = parts(activation);
        parts.encoder_bias = vec![0.1, 0.2, -0.1, 30.0];
        // The last direction has no length, and stays; its bias would make it the first by value.
        parts.decoder = vec![3.0, 4.0, 0.1, 0.0, 5.0, -12.0, 0.0, 0.0];
        let mut dictionary = SparseDictionary::new(parts).unwrap();
        let (code, output) =
            (dictionary.encode(x.view()).unwrap(), dictionary.reconstruct(x.view()).unwrap());
        let is_by_norm = dictionary.activation().is_by_norm();
        dictionary.fold_norms().unwrap();
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let folded = dictionary.reconstruct(x.view()).unwrap();
        assert!(near(folded.as_slice(), output.as_slice()), "{:?}", dictionary.activation());
        // A code ranked by norm is one in that length already.
        let norms = if is_by_norm { [1.0; 4] } else { [5.0, 0.1, 13.0, 1.0] };
        let (code, folded) = (code.to_dense(), dictionary.encode(x.view()).unwrap().to_dense());
        for (code, folded) in code.iter().zip(folded.iter()) {
            let scaled: Vec<f64> = code.iter().zip(norms).map(|(f, norm)| f * norm).collect();
            assert!(near(&scaled, folded), "{:?}", dictionary.activation());
        }
        let row = &dictionary.decoder()[..2];
        assert!(near(row, &[0.6, 0.8]) && dictionary.decoder()[6..] == [0.0, 0.0]);
    }
}

#[test]
fn what_folding_would_change_is_refused() {
    for activation in [
        SparseActivation::TopK { k: 2, by_norm: false },
        SparseActivation::AbsTopK { k: 2, by_norm: false },
        SparseActivation::GroupMax { groups: 2 },
        SparseActivation::MatchingPursuit { residual: 0.1, most: None, ends_on_repetition: true },
    ] {
        let mut dictionary = SparseDictionary::new(parts(activation)).unwrap();
        let before = dictionary.clone();
        assert!(matches!(dictionary.fold_norms(), Err(Error::Unfit { .. })));
        assert_eq!(dictionary, before);
    }
    let mut dictionary = SparseDictionary::new(parts(SparseActivation::ReLU)).unwrap();
    let before = dictionary.clone();
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            dictionary.fold_input_factor(factor),
            Err(Error::InvalidParameter { .. })
        ));
    }
    // A weight would be infinite.
    assert!(matches!(dictionary.fold_input_factor(1e-309), Err(Error::EntryNotFinite { .. })));
    assert_eq!(dictionary, before);
}

#[test]
fn a_folded_factor_scales_the_sample() {
    let x = Batch::from_iter([[2.0, 1.0], [-0.5, 0.25]]);
    let larger = Batch::from_iter([[8.0, 4.0], [-2.0, 1.0]]);
    for by_norm in [false, true] {
        let mut parts = parts(SparseActivation::TopK { k: 2, by_norm });
        parts.pre_bias = Some(vec![0.5, 0.5]);
        parts.decoder_bias = vec![1.0, 2.0];
        let plain = SparseDictionary::new(parts.clone()).unwrap();
        parts.input_scale = InputScale::Factor;
        let mut folded = SparseDictionary::new(parts).unwrap();
        assert!(matches!(folded.encode(x.view()), Err(Error::NotSet { .. })));
        assert!(matches!(folded.reconstruct(x.view()), Err(Error::NotSet { .. })));
        folded.fold_input_factor(4.0).unwrap();
        // Powers of 2 are exact.
        let (codes, expected) =
            (folded.encode(x.view()).unwrap(), plain.encode(larger.view()).unwrap());
        let by = if by_norm { 4.0 } else { 1.0 };
        let scaled: Vec<f64> = codes.values().iter().map(|f| f * by).collect();
        assert_eq!((scaled.as_slice(), codes.indices()), (expected.values(), expected.indices()));
        let outputs: Vec<f64> =
            folded.reconstruct(x.view()).unwrap().iter().flatten().map(|y| y * 4.0).collect();
        assert_eq!(outputs, plain.reconstruct(larger.view()).unwrap().as_slice());
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let refused = |change: fn(&mut DictionaryParts<f64>)| {
        let mut parts = parts(SparseActivation::ReLU);
        change(&mut parts);
        SparseDictionary::new(parts).unwrap_err()
    };
    for change in [
        (|parts| parts.encoder.truncate(7)) as fn(&mut DictionaryParts<f64>),
        |parts| parts.encoder_bias.truncate(3),
        |parts| parts.decoder.push(0.0),
        |parts| parts.decoder_bias.push(0.0),
        |parts| parts.pre_bias = Some(vec![0.0; 3]),
        |parts| parts.skip = Some(vec![0.0; 5]),
        |parts| parts.activation = SparseActivation::JumpReLU { thresholds: vec![0.0; 3] },
        |parts| {
            parts.activation =
                SparseActivation::Gated { magnitude_bias: vec![0.0; 4], log_scale: vec![0.0; 5] };
        },
        |parts| parts.units = usize::MAX >> 33,
    ] {
        assert!(matches!(refused(change), Error::SizeMismatch { place: "SparseDictionary", .. }));
    }
    for change in [
        (|parts| parts.units = 0) as fn(&mut DictionaryParts<f64>),
        |parts| parts.units = usize::MAX,
        |parts| parts.inputs = 0,
        |parts| parts.activation = SparseActivation::TopK { k: 0, by_norm: false },
        |parts| parts.activation = SparseActivation::AbsTopK { k: 5, by_norm: true },
        |parts| parts.activation = SparseActivation::GroupMax { groups: 3 },
        |parts| parts.activation = SparseActivation::GroupMax { groups: 0 },
        |parts| {
            let most = Some(1 << 40);
            parts.activation =
                SparseActivation::MatchingPursuit { residual: 0.0, most, ends_on_repetition: true };
        },
        |parts| {
            let residual = f64::NAN;
            parts.activation = SparseActivation::MatchingPursuit {
                residual,
                most: None,
                ends_on_repetition: true,
            };
        },
    ] {
        assert!(matches!(refused(change), Error::InvalidParameter { .. }));
    }
    let tied = |parts: &mut DictionaryParts<f64>| {
        parts.encoder[0] = 2.0;
        parts.activation = SparseActivation::MatchingPursuit {
            residual: 0.1,
            most: None,
            ends_on_repetition: true,
        };
    };
    assert!(matches!(refused(tied), Error::Unfit { part: "MatchingPursuit", .. }));
    let narrow = |parts: &mut DictionaryParts<f64>| {
        (parts.outputs, parts.decoder, parts.decoder_bias) = (1, vec![0.0; 4], vec![0.0]);
        parts.input_scale = InputScale::Norm { is_undone: true };
    };
    assert!(matches!(refused(narrow), Error::Unfit { .. }));
    let error = refused(|parts| parts.decoder[5] = f64::INFINITY);
    assert!(matches!(error, Error::EntryNotFinite { index: 5, .. }), "{error}");
}

#[test]
fn samples_that_cannot_be_coded_are_refused() {
    let dictionary = SparseDictionary::new(parts(SparseActivation::ReLU)).unwrap();
    let wide = Batch::from_iter([[1.0, 2.0, 3.0]]);
    assert!(matches!(dictionary.encode(wide.view()), Err(Error::SizeMismatch { .. })));
    let bad = Batch::from_iter([[1.0, 2.0], [1.0, f64::NAN]]);
    let error = dictionary.reconstruct(bad.view()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { sample: 1, feature: 1, .. }), "{error}");
    let codes = SparseBatch::new(5, [([0], [1.0])]).unwrap();
    assert!(matches!(dictionary.decode(&codes), Err(Error::SizeMismatch { .. })));
    let codes = SparseBatch::new(4, [([0], [1.0])]).unwrap();
    let two = Batch::from_iter([[1.0, 2.0], [1.0, 1.0]]);
    assert!(matches!(
        dictionary.reconstruct_from(two.view(), &codes),
        Err(Error::SizeMismatch { .. })
    ));
    let input_scale = InputScale::Norm { is_undone: true };
    let scaled =
        SparseDictionary::new(DictionaryParts { input_scale, ..parts(SparseActivation::ReLU) })
            .unwrap();
    let zero = Batch::from_iter([[1.0, 2.0], [0.0, 0.0]]);
    assert_eq!(
        scaled.encode(zero.view()),
        Err(Error::ZeroSample { call: "SparseDictionary::encode", sample: 1 })
    );
    // √d of a norm of 3e38 √d: the norm itself is beyond single precision, and so is the sum.
    for (input_scale, expected) in [
        (InputScale::Norm { is_undone: true }, [1.0; 4]),
        // About its mean of 3e38 / 2, over a spread of √(4/3) of that.
        (InputScale::LayerNorm { is_undone: true }, [0.75f32.sqrt(); 4]),
    ] {
        let signs = match input_scale {
            InputScale::Norm { .. } => [1.0, -1.0, 1.0, 1.0],
            _ => [1.0, 0.0, 1.0, 0.0],
        };
        let x = Batch::from_iter([signs.map(|sign| 3e38f32 * sign)]);
        let identity: Vec<f32> = (0..16).map(|at| if at % 5 == 0 { 1.0 } else { 0.0 }).collect();
        let large = SparseDictionary::new(DictionaryParts {
            inputs: 4,
            outputs: 4,
            units: 4,
            encoder: identity.clone(),
            encoder_bias: vec![0.0; 4],
            decoder: identity,
            decoder_bias: vec![0.0; 4],
            pre_bias: None,
            skip: None,
            activation: SparseActivation::AbsTopK { k: 4, by_norm: false },
            input_scale,
        })
        .unwrap();
        let codes = large.encode(x.view()).unwrap().to_dense();
        for (found, expected) in codes.as_slice().iter().zip(expected) {
            assert!((found.abs() - expected).abs() < 1e-6, "{input_scale:?} {found}");
        }
        let output = large.reconstruct(x.view()).unwrap();
        for (found, x) in output.as_slice().iter().zip(x.as_slice()) {
            assert!((found - x).abs() < 1e-6 * 3e38, "{input_scale:?} {found}");
        }
    }
    // Squares of these are 0, or infinite.
    for size in [1e-200, 1e200] {
        let codes = scaled.encode(Batch::from_iter([[3.0 * size, 4.0 * size]]).view()).unwrap();
        assert!((codes.sample(0).values()[0] - 0.6 * 2f64.sqrt()).abs() < 1e-15);
    }
}

/// ∞ − ∞ is no number, and no number is above no threshold.
#[test]
fn what_is_beyond_the_number_type_is_refused() {
    for activation in [
        SparseActivation::ReLU,
        SparseActivation::TopK { k: 1, by_norm: false },
        SparseActivation::GroupMax { groups: 2 },
        SparseActivation::JumpReLU { thresholds: vec![0.5; 4] },
    ] {
        let mut parts = parts(activation);
        parts.encoder[4..6].copy_from_slice(&[f64::MAX, f64::MAX]);
        let dictionary = SparseDictionary::new(parts).unwrap();
        for x in [[4.0, -4.0], [4.0, 4.0]] {
            let error = dictionary.encode(Batch::from_iter([x]).view()).unwrap_err();
            assert!(matches!(error, Error::EntryNotFinite { index: 2, .. }), "{error}");
        }
    }
    // A magnitude alone is infinite, and exp(710) is.
    let gated = SparseActivation::Gated { magnitude_bias: vec![0.0; 4], log_scale: vec![710.0; 4] };
    let x = Batch::from_iter([[-1.0, 1.0]]);
    let error = SparseDictionary::new(parts(gated)).unwrap().encode(x.view()).unwrap_err();
    assert!(matches!(error, Error::EntryNotFinite { index: 1, .. }), "{error}");
    // An output of 2 · 1e308.
    let mut parts = parts(SparseActivation::ReLU);
    parts.decoder[3] = 1e308;
    let dictionary = SparseDictionary::new(parts).unwrap();
    let x = Batch::from_iter([[0.0, 2.0]]);
    let error = dictionary.reconstruct(x.view()).unwrap_err();
    assert!(matches!(error, Error::EntryNotFinite { index: 1, .. }), "{error}");
}
