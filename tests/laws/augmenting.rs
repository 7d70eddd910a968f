//! Changes of images: flips, shifts and crops, of the input or of the whole sample.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::corruption::{Corruption, Crop, Flip, Shift};
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, Image};
use autoencoder::*;

/// Two channels of 3 × 4, each value its own.
type Size = Image<2, 3, 4>;
const LEN: usize = 24;

fn clean() -> [f64; LEN] {
    std::array::from_fn(|k| 0.01 + k as f64 / 25.0)
}

fn corrupted(corruption: &dyn Corruption<f64>, seed: u64) -> [f64; LEN] {
    let mut sample = clean();
    corruption.corrupt(&mut sample, &mut seeded(seed));
    sample
}

/// Each value from the place that is said, or what is outside.
fn from(place: impl Fn(isize, isize) -> (isize, isize), outside: Option<f64>) -> [f64; LEN] {
    std::array::from_fn(|k| {
        let (channel, row, column) = (k / 12, (k / 4 % 3) as isize, (k % 4) as isize);
        let (from_row, from_column) = place(row, column);
        let (nearest_row, nearest_column) = (from_row.clamp(0, 2), from_column.clamp(0, 3));
        match outside {
            Some(fill) if (nearest_row, nearest_column) != (from_row, from_column) => fill,
            _ => clean()[channel * 12 + (nearest_row * 4 + nearest_column) as usize],
        }
    })
}

#[test]
fn flips_mirror_as_often_as_they_should() {
    let size = Size::default();
    let mirrored = from(|row, column| (row, 3 - column), None);
    let upside_down = from(|row, column| (2 - row, column), None);
    for (flip, changed) in [(Flip::horizontal(size), mirrored), (Flip::vertical(size), upside_down)]
    {
        for (probability, expected) in [(0.0, 0), (0.2, 80), (0.5, 200), (1.0, 400)] {
            let flip = flip.probability(probability).unwrap();
            let mut flips = 0_usize;
            for seed in 0..400 {
                let found = corrupted(&flip, seed);
                assert!(found == changed || found == clean(), "{flip:?}");
                flips += usize::from(found == changed);
            }
            // By 5 deviations: √(400 · ½ · ½) = 10.
            let most = if expected % 400 == 0 { 0 } else { 50 };
            assert!(flips.abs_diff(expected) <= most, "{flip:?}: {flips}");
        }
        // Half, if nothing is said.
        let half = flip.probability(0.5).unwrap();
        assert_eq!(flip, half);
    }
}

#[test]
fn shifts_move_by_any_of_their_steps() {
    let size = Size::default();
    for (rows, columns) in [(0, 0), (1, 2), (2, 3), (0, 1), (2, 0)] {
        let shift = Shift::new(size, rows, columns).unwrap();
        let fillings = [
            (shift, Some(0.0)),
            (shift.fill(-1.5).unwrap(), Some(-1.5)),
            (shift.edge(), None),
            (shift.edge().fill(7.0).unwrap(), Some(7.0)),
        ];
        for (shift, outside) in fillings {
            let steps = |most: usize| -(most as isize)..=most as isize;
            let moves: Vec<_> =
                steps(rows).flat_map(|a| steps(columns).map(move |b| (a, b))).collect();
            let expected: Vec<_> = moves
                .iter()
                .map(|(a, b)| from(|row, column| (row - a, column - b), outside))
                .collect();
            let mut counts = vec![0_u32; moves.len()];
            let draws = 40 * moves.len() as u64;
            for seed in 0..draws {
                let found = corrupted(&shift, seed);
                let is_found = |expected: &[f64; LEN]| *expected == found;
                let at = expected.iter().position(is_found).expect("a shift");
                counts[at] += 1;
            }
            // By 5 deviations: √40 = 6.3. Shifts that leave the same are counted at the first.
            let distinct = expected.iter().enumerate().all(|(k, x)| !expected[..k].contains(x));
            assert!(distinct, "{shift:?}");
            assert!(counts.iter().all(|&count| count.abs_diff(40) <= 32), "{shift:?}: {counts:?}");
        }
    }
}

#[test]
fn crops_stretch_a_piece() {
    let size = Size::default();
    let lerp = |line: &dyn Fn(usize) -> f64, place: usize, length: usize, count: usize| {
        let at = (place as f64 + 0.5) * length as f64 / count as f64 - 0.5;
        let at = at.clamp(0.0, (length - 1) as f64);
        let below = at as usize;
        (1.0 - at.fract()) * line(below) + at.fract() * line((below + 1).min(length - 1))
    };
    for (height, width) in [(2, 3), (1, 1), (3, 2), (2, 4), (3, 4)] {
        let crop = Crop::new(size, height, width).unwrap();
        let places: Vec<_> =
            (0..=3 - height).flat_map(|top| (0..=4 - width).map(move |left| (top, left))).collect();
        let piece = |(top, left): (usize, usize)| -> [f64; LEN] {
            std::array::from_fn(|k| {
                let (channel, row, column) = (k / 12, k / 4 % 3, k % 4);
                let pixel = |y: usize, x: usize| clean()[channel * 12 + (top + y) * 4 + left + x];
                let line = |y: usize| lerp(&|x| pixel(y, x), column, width, 4);
                lerp(&line, row, height, 3)
            })
        };
        let expected: Vec<_> = places.iter().map(|&place| piece(place)).collect();
        let mut counts = vec![0_u32; places.len()];
        for seed in 0..40 * places.len() as u64 {
            let found = corrupted(&crop, seed);
            let is_near = |expected: &[f64; LEN]| {
                expected.iter().zip(&found).all(|(x, y)| (x - y).abs() < 1e-12)
            };
            counts[expected.iter().position(is_near).expect("a piece")] += 1;
        }
        assert!(counts.iter().all(|&count| count.abs_diff(40) <= 32), "{crop:?}: {counts:?}");
    }
    // The whole has its bits.
    assert_eq!(corrupted(&Crop::new(size, 3, 4).unwrap(), 1), clean());
}

#[test]
fn what_does_not_fit_is_refused() {
    let size = Size::default();
    let said = |result: Result<()>| result.unwrap_err().to_string();
    let shift = |rows, columns| Shift::new(size, rows, columns).map(drop);
    assert_eq!(said(shift(3, 0)), "Shift rows is 3, but must be less than the rows of the image");
    assert!(shift(0, 4).is_err() && shift(2, 3).is_ok());
    assert!(Shift::new(size, 1, 1).unwrap().fill(f64::NAN).is_err());
    let crop = |height, width| Crop::new(size, height, width).map(drop);
    assert_eq!(said(crop(0, 1)), "Crop height is 0, but must be from 1 to the rows of the image");
    assert!(
        crop(1, 0).is_err() && crop(4, 1).is_err() && crop(1, 5).is_err() && crop(3, 4).is_ok()
    );
    for probability in [-0.1, 1.1, f64::NAN] {
        assert!(Flip::vertical(size).probability(probability).is_err());
    }

    // Of another size than the model's samples, wherever in a combination.
    let other = DynImage { channels: 1, height: 3, width: 4 };
    let build = |regularizer: Box<dyn Regularizer<f64>>| {
        AutoEncoder::builder()
            .encoder(Dense::<LEN, 2>::new(Tanh))
            .decoder(Dense::<2, LEN>::new(Identity))
            .regularizer(regularizer)
            .build::<f64>()
    };
    let flip = Flip::horizontal(other);
    let boxed: Vec<Box<dyn Corruption<f64>>> = vec![Box::new(flip)];
    let wrong: [Box<dyn Regularizer<f64>>; 6] = [
        Box::new(Augment::new(flip)),
        Box::new(Denoising::new(flip)),
        Box::new(Denoising::new((Flip::vertical(size), flip))),
        Box::new(Augment::new(boxed)),
        Box::new(Augment::new(Shift::new(other, 1, 1).unwrap())),
        Box::new(Augment::new(Crop::new(other, 1, 1).unwrap())),
    ];
    for (regularizer, place) in
        wrong.into_iter().zip(["Flip", "Flip", "Flip", "Flip", "Shift", "Crop"])
    {
        let unit = "features of a sample, for its images";
        let error = Error::SizeMismatch { place, unit, expected: 12, found: LEN };
        assert_eq!(build(regularizer).unwrap_err(), error);
    }
}

macro_rules! model {
    ($regularizer:expr) => {
        AutoEncoder::builder()
            .encoder(Dense::<LEN, 3>::new(Tanh))
            .decoder(Dense::<3, LEN>::new(Identity))
            .regularizer($regularizer as Box<dyn Regularizer<f64>>)
            .build::<f64>()
            .unwrap()
    };
}

fn changes() -> Vec<(&'static str, Box<dyn Corruption<f64>>)> {
    let size = Size::default();
    let shift = Shift::new(size, 1, 2).unwrap();
    vec![
        ("horizontal", Box::new(Flip::horizontal(size))),
        ("vertical", Box::new(Flip::vertical(size))),
        ("rarely", Box::new(Flip::vertical(size).probability(0.1).unwrap())),
        ("shift", Box::new(shift)),
        ("filled", Box::new(shift.fill(0.5).unwrap())),
        ("edge", Box::new(shift.edge())),
        ("less", Box::new(Shift::new(size, 1, 1).unwrap())),
        ("crop", Box::new(Crop::new(size, 2, 3).unwrap())),
        ("narrow", Box::new(Crop::new(size, 2, 2).unwrap())),
    ]
}

/// The contract of models: gradients, the same bits on any number of threads and in any batch, resumed or not.
#[test]
fn the_contract() {
    let samples: Vec<[f64; LEN]> =
        (1..9).map(|k| std::array::from_fn(|at| (k * (at + 3) % 11) as f64 / 11.0)).collect();
    let x = samples.into_iter().collect::<Batch<f64, _>>();
    for (_, change) in changes().into_iter().step_by(3) {
        for both in [false, true] {
            let build = || {
                let change = change.clone();
                let regularizer: Box<dyn Regularizer<f64>> = if both {
                    Box::new(Augment::new(change))
                } else {
                    Box::new(Denoising::new(change))
                };
                model!(regularizer)
            };
            contract::model(build, &x).assert();
        }
    }
}

/// Every option, and what is compared with, changes what is learned.
#[test]
fn all_options_change_a_training() {
    let x = [clean(), corrupted(&Flip::vertical(Size::default()), 3)]
        .into_iter()
        .collect::<Batch<f64, _>>();
    let mut trained = Vec::new();
    let mut train = |name: &'static str, regularizer: Box<dyn Regularizer<f64>>| {
        let mut model = model!(regularizer);
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(20).fit(&mut model, &x).unwrap();
        let parameters = model.parameters().to_vec();
        assert!(!trained.contains(&parameters), "{name}");
        trained.push(parameters);
    };
    train("none", Box::new(NoRegularizer));
    for (name, change) in changes() {
        train(name, Box::new(Augment::new(change.clone())));
        train(name, Box::new(Denoising::new(change)));
    }
}

/// With a change that always is the same, a training on samples is one on the changed samples; with one of the input
/// alone it is not.
#[test]
fn augmenting_changes_what_is_compared_with() {
    let flip = || Flip::horizontal(Size::default()).probability(1.0).unwrap();
    let x = [clean()].into_iter().collect::<Batch<f64, _>>();
    let flipped = [corrupted(&flip(), 1)].into_iter().collect::<Batch<f64, _>>();
    let trained = |regularizer: Box<dyn Regularizer<f64>>, x: &Batch<f64, nalgebra::Const<LEN>>| {
        let mut model = model!(regularizer);
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(10).fit(&mut model, x).unwrap();
        model.parameters().to_vec()
    };
    let expected = trained(Box::new(NoRegularizer), &flipped);
    assert_eq!(trained(Box::new(Augment::new(flip())), &x), expected);
    assert_ne!(trained(Box::new(Denoising::new(flip())), &x), expected);
}
