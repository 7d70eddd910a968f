//! The generated data sets, against what mathematics says of them.

use std::f64::consts::{PI, TAU};

use autoencoder::datasets::{bars, curves, dead_leaves, k_sparse, patches, swiss_roll};
use autoencoder::size::{Image, Size};
use autoencoder::{Batch, Error, nalgebra::Const, nalgebra::Dyn};

/// Standard errors that a mean of many draws may be off by.
const SIGMAS: f64 = 5.0;

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        (sum, count) = (sum + value, count + 1.0);
    }
    sum / count
}

#[test]
fn the_same_seed_gives_the_same_samples_and_more_begin_with_the_fewer() {
    fn check<S: Size>(of: impl Fn(usize, u64) -> Batch<f64, S>) {
        let (few, many) = (of(3, 1), of(7, 1));
        assert_eq!(few, many.select(0..3));
        assert_eq!(few, of(3, 1));
        assert_ne!(few, of(3, 2));
        assert_ne!(few.sample(0), few.sample(1));
        assert_eq!(of(0, 1).samples(), 0);
    }
    check(|n, seed| curves(n, seed).images);
    check(|n, seed| bars::<_, 8, 8>(n, 0.5, seed).unwrap().images);
    check(|n, seed| swiss_roll(n, 0.1, seed).unwrap().points);
    check(|n, seed| k_sparse::<_, 8, 20>(n, 3, seed).unwrap().samples);
    check(|n, seed| dead_leaves(n, 8, 1.0..=4.0, seed).unwrap());
    let image = dead_leaves::<f64>(1, 32, 1.0..=8.0, 1).unwrap();
    check(|n, seed| patches::<_, _, 4, 4>(&image, n, seed).unwrap());
    // Single precision is rounded from double.
    let rounded: Vec<f32> =
        curves::<f64>(2, 3).images.as_slice().iter().map(|&x| x as f32).collect();
    assert_eq!(curves::<f32>(2, 3).images.as_slice(), rounded);
}

#[test]
fn a_curve_goes_through_its_three_points_and_stays_in_its_image() {
    let data = curves::<f64>(500, 4);
    for (image, points) in data.images.iter().zip(data.points.iter()) {
        assert!(image.iter().all(|x| (0.0..=1.0).contains(x)));
        for point in points.chunks_exact(2) {
            assert!(point.iter().all(|x| (4.5..=23.5).contains(x)));
            // The centre of the point's pixel is at most √½ away from it.
            let pixel = point[1] as usize * 28 + point[0] as usize;
            assert!(image[pixel] >= (-0.5 / (2.0 * 0.49_f64)).exp(), "{}", image[pixel]);
        }
        // An eighth of 19 pixels beyond its points at most, which leaves two pixels.
        let edge = (0..28).flat_map(|k| [k, 27 * 28 + k, 28 * k, 28 * k + 27]);
        let most = (-(4.5 - 19.0 / 8.0 - 0.5_f64).powi(2) / (2.0 * 0.49)).exp();
        assert!(edge.map(|pixel| image[pixel]).all(|x| x <= most));
    }
}

#[test]
fn a_curve_has_the_ink_of_its_length() {
    // Along a curve that is nowhere sharp a pen of profile e^(−d²/2σ²) leaves σ√(2π) a pixel of length,
    // and the two ends together the whole profile's 2πσ².
    let data = curves::<f64>(2000, 5);
    let (mut checked, sigma) = (0, 0.7_f64);
    for (image, p) in data.images.iter().zip(data.points.iter()) {
        let second = [p[0] - 2.0 * p[2] + p[4], p[1] - 2.0 * p[3] + p[5]];
        let chord = [p[4] - p[0], p[5] - p[1]];
        // Nearly straight, so that no two parts of it come near each other.
        if second[0].hypot(second[1]) > 0.25 * chord[0].hypot(chord[1]) {
            continue;
        }
        checked += 1;
        let at = |t: f64| -> [f64; 2] {
            let w = [(2.0 * t - 1.0) * (t - 1.0), 4.0 * t * (1.0 - t), t * (2.0 * t - 1.0)];
            std::array::from_fn(|k| w[0] * p[k] + w[1] * p[2 + k] + w[2] * p[4 + k])
        };
        let steps = (0..1000).map(|k| (at(f64::from(k) / 1000.0), at(f64::from(k + 1) / 1000.0)));
        let length: f64 = steps.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
        let expected = length * sigma * TAU.sqrt() + TAU * sigma * sigma;
        let ink: f64 = image.iter().sum();
        assert!((ink / expected - 1.0).abs() < 0.02, "{ink} {expected}");
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn bars_are_independent_and_as_frequent_as_asked() {
    let (count, p) = (20_000, 0.125);
    let data = bars::<f64, 8, 8>(count, p, 6).unwrap();
    for (image, active) in data.images.iter().zip(data.active.iter()) {
        for (pixel, &ink) in image.iter().enumerate() {
            let is_bar = active[pixel / 8] + active[8 + pixel % 8] > 0.0;
            assert_eq!(ink, f64::from(u8::from(is_bar)));
        }
    }
    let root = (count as f64).sqrt();
    let rate = 1.0 - (1.0 - p) * (1.0 - p);
    for pixel in 0..64 {
        let found = mean(data.images.iter().map(|image| image[pixel]));
        assert!((found - rate).abs() < SIGMAS * (rate * (1.0 - rate)).sqrt() / root, "{found}");
    }
    for (a, b) in (0..16).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let both = mean(data.active.iter().map(|bars| bars[a] * bars[b]));
        let bound = SIGMAS * (p * p * (1.0 - p * p)).sqrt() / root;
        assert!((both - p * p).abs() < bound, "bars {a} and {b}: {both}");
    }
    // As many rows and columns as are wanted: first the rows from the top, then the columns from the left.
    let oblong = bars::<f64, 3, 5>(200, 0.3, 6).unwrap();
    for (image, active) in oblong.images.iter().zip(oblong.active.iter()) {
        for (pixel, &ink) in image.iter().enumerate() {
            let is_bar = active[pixel / 5] + active[3 + pixel % 5] > 0.0;
            assert_eq!(ink, f64::from(u8::from(is_bar)));
        }
    }
    // The two ends.
    assert!(bars::<f64, 2, 2>(9, 0.0, 1).unwrap().images.as_slice().iter().all(|&x| x == 0.0));
    assert!(bars::<f64, 2, 2>(9, 1.0, 1).unwrap().images.as_slice().iter().all(|&x| x == 1.0));
}

#[test]
fn a_swiss_roll_lies_on_its_surface_and_fills_it() {
    let count = 20_000;
    let roll = swiss_roll::<f64>(count, 0.0, 7).unwrap();
    for (point, sheet) in roll.points.iter().zip(roll.sheet.iter()) {
        let radius = point[0].hypot(point[2]);
        assert!((radius - sheet[0]).abs() < 1e-12);
        let turned = (point[2].atan2(point[0]) - sheet[0]) / TAU;
        assert!((turned - turned.round()).abs() < 1e-12);
        assert_eq!(point[1], sheet[1]);
        assert!((1.5 * PI..4.5 * PI).contains(&sheet[0]) && (0.0..21.0).contains(&sheet[1]));
    }
    for (axis, low, high) in [(0, 1.5 * PI, 4.5 * PI), (1, 0.0, 21.0)] {
        let found = mean(roll.sheet.iter().map(|sheet| sheet[axis]));
        let error = (high - low) / (12.0 * count as f64).sqrt();
        assert!((found - f64::midpoint(low, high)).abs() < SIGMAS * error);
    }
    // Noise of the size that was asked for, and nothing else moves.
    let noisy = swiss_roll::<f64>(count, 0.5, 7).unwrap();
    assert_eq!(noisy.sheet, roll.sheet);
    let pairs = noisy.points.as_slice().iter().zip(roll.points.as_slice());
    let variance = mean(pairs.map(|(a, b)| (a - b).powi(2)));
    // The variance of a squared normal is 2σ⁴.
    let error = 0.25 * (2.0 / (3 * count) as f64).sqrt();
    assert!((variance - 0.25).abs() < SIGMAS * error, "{variance}");
}

#[test]
fn k_sparse_samples_are_mixtures_of_exactly_k_atoms_of_unit_norm() {
    const ATOMS: usize = 256;
    let data = k_sparse::<f64, 64, ATOMS>(5000, 4, 8).unwrap();
    assert_eq!(data.dictionary.samples(), ATOMS);
    for atom in data.dictionary.iter() {
        assert!((atom.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14);
    }
    let mut used = [0.0; ATOMS];
    for (sample, code) in data.samples.iter().zip(data.codes.iter()) {
        assert_eq!(code.iter().filter(|&&c| c != 0.0).count(), 4);
        assert!(code.iter().all(|&c| c == 0.0 || (0.5..1.5).contains(&c)));
        for (feature, &x) in sample.iter().enumerate() {
            let atoms = data.dictionary.iter().zip(code);
            let mixed: f64 = atoms.map(|(atom, c)| c * atom[feature]).sum();
            assert!((x - mixed).abs() < 1e-14);
        }
        used.iter_mut().zip(code).for_each(|(n, &c)| *n += f64::from(u8::from(c != 0.0)));
    }
    // Each atom is as likely as every other: χ² has 255 degrees of freedom, the places of a sample
    // being drawn without replacement makes it smaller still.
    let expected = 5000.0 * 4.0 / ATOMS as f64;
    let chi2: f64 = used.iter().map(|n| (n - expected).powi(2) / expected).sum();
    assert!((chi2 - 255.0).abs() < SIGMAS * (2.0 * 255.0_f64).sqrt(), "{chi2}");
    // Directions without a preference: the mean of 256 unit vectors is about 1/16 long.
    let centre = (0..64).map(|k| mean(data.dictionary.iter().map(|atom| atom[k])).powi(2));
    assert!(centre.sum::<f64>().sqrt() < 2.0 / 16.0);
}

/// The slope of ln(power) against ln(frequency), from 4 to 32 cycles an image of 128, of the mean power
/// along rows and columns of windowed images. In one dimension the power of a 1/f² image falls as
/// 1/f: a line sums over all frequencies across it.
fn slope(images: &Batch<f64, impl Size>, side: usize) -> f64 {
    let at = |image: &[f64], line: usize, k: usize, is_row: bool| {
        image[if is_row { line * side + k } else { k * side + line }]
    };
    let frequencies: Vec<usize> = (4..=32).collect();
    let mut power = vec![0.0; frequencies.len()];
    for image in images.iter() {
        let mean = image.iter().sum::<f64>() / image.len() as f64;
        for (line, is_row) in (0..side).flat_map(|line| [(line, true), (line, false)]) {
            for (power, &f) in power.iter_mut().zip(&frequencies) {
                let (mut re, mut im) = (0.0, 0.0);
                for k in 0..side {
                    let window = (PI * (k as f64 + 0.5) / side as f64).sin().powi(2);
                    let (sin, cos) = (TAU * (f * k) as f64 / side as f64).sin_cos();
                    let value = window * (at(image, line, k, is_row) - mean);
                    (re, im) = (re + value * cos, im + value * sin);
                }
                *power += re * re + im * im;
            }
        }
    }
    let points: Vec<(f64, f64)> =
        frequencies.iter().zip(&power).map(|(&f, p)| ((f as f64).ln(), p.ln())).collect();
    let (x, y) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let top: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    top / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

#[test]
fn dead_leaves_have_edges_and_the_spectrum_of_natural_images() {
    let side = 128;
    let images = dead_leaves::<f64>(8, side, 1.0..=64.0, 9).unwrap();
    assert!(images.as_slice().iter().all(|x| (0.0..1.0).contains(x)));
    // Along a line through objects with sharp edges power falls as 1/f² at most (a step), and as
    // 1/f for a 1/f² image; white noise has slope 0.
    let found = slope(&images, side);
    assert!((-2.0..-1.0).contains(&found), "{found}");
    let noise = patches::<f64, _, 1, 1>(&images, 4 * side * side, 1).unwrap();
    let noise = Batch::new(Dyn(side * side), noise.into_vec()).unwrap();
    let flat = slope(&noise, side);
    assert!(flat.abs() < 0.2, "{flat}");
    // Most neighbours lie on one leaf, and are equal.
    let pairs = images.iter().flat_map(|image| image.windows(2));
    let equal = mean(pairs.map(|pair| f64::from(u8::from(pair[0] == pair[1]))));
    assert!((0.4..0.95).contains(&equal), "{equal}");
    // Larger leaves, fewer edges.
    let large = dead_leaves::<f64>(8, side, 16.0..=64.0, 9).unwrap();
    let pairs = large.iter().flat_map(|image| image.windows(2));
    assert!(mean(pairs.map(|pair| f64::from(u8::from(pair[0] == pair[1])))) > equal);
}

#[test]
fn the_grey_of_leaves_is_uniform() {
    // Points of one leaf share a value, so images count, one pixel of each.
    let images = dead_leaves::<f64>(2000, 3, 1.0..=3.0, 10).unwrap();
    let values = || images.iter().map(|image| image[4]);
    assert!((mean(values()) - 0.5).abs() < SIGMAS / (12.0 * 2000.0_f64).sqrt());
    // A pixel is a mean of four points that may lie on several leaves: at most as varied as one leaf.
    let variance = mean(values().map(|x| (x - 0.5).powi(2)));
    assert!((0.5 / 12.0..1.1 / 12.0).contains(&variance), "{variance}");
}

#[test]
fn patches_are_squares_of_the_images_from_everywhere() {
    // A pixel names its image and its place.
    let images: Vec<f64> = (0..3 * 36).map(f64::from).collect();
    let images = Batch::new(Const::<36>, images).unwrap();
    let cut = patches::<f64, _, 3, 3>(&images, 2000, 11).unwrap();
    let mut corners = std::collections::BTreeSet::new();
    for patch in cut.iter() {
        let corner = patch[0] as usize;
        assert!(corner % 36 / 6 <= 3 && corner % 6 <= 3);
        corners.insert(corner);
        for (at, &pixel) in patch.iter().enumerate() {
            assert_eq!(pixel as usize, corner + at / 3 * 6 + at % 3);
        }
    }
    assert_eq!(corners.len(), 3 * 4 * 4);
    // The same of images that say that they are images; and oblong pieces of oblong ones.
    let typed = images.clone().with_size(Image::<1, 6, 6>).unwrap();
    assert_eq!(patches::<f64, _, 3, 3>(&typed, 2000, 11).unwrap(), cut);
    let wide = images.with_size(Image::<1, 4, 9>).unwrap();
    let mut corners = std::collections::BTreeSet::new();
    for patch in patches::<f64, _, 2, 5>(&wide, 2000, 11).unwrap().iter() {
        let corner = patch[0] as usize;
        assert!(corner % 36 / 9 <= 2 && corner % 9 <= 4);
        corners.insert(corner);
        for (at, &pixel) in patch.iter().enumerate() {
            assert_eq!(pixel as usize, corner + at / 5 * 9 + at % 5);
        }
    }
    assert_eq!(corners.len(), 3 * 3 * 5);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let name = |error: Error| match error {
        Error::InvalidParameter { name, .. } => name,
        Error::SizeMismatch { place, .. } => place,
        Error::NoSamples { call } | Error::NotFinite { call, .. } => call,
        other => panic!("{other}"),
    };
    for p in [-0.1, 1.1, f64::NAN] {
        assert_eq!(name(bars::<f64, 3, 3>(1, p, 1).unwrap_err()), "bars probability");
    }
    for noise in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(name(swiss_roll::<f64>(1, noise, 1).unwrap_err()), "swiss_roll noise");
    }
    for active in [0, 9] {
        assert_eq!(name(k_sparse::<f64, 4, 8>(1, active, 1).unwrap_err()), "k_sparse active");
    }
    let refused = |side, radii| name(dead_leaves::<f64>(1, side, radii, 1).unwrap_err());
    assert_eq!(refused(0, 1.0..=2.0), "dead_leaves side");
    assert_eq!(refused(5000, 1.0..=2.0), "dead_leaves side");
    assert_eq!(refused(8, 0.1..=2.0), "dead_leaves least radius");
    assert_eq!(refused(8, f64::NAN..=2.0), "dead_leaves least radius");
    assert_eq!(refused(8, 3.0..=2.0), "dead_leaves greatest radius");
    assert_eq!(refused(8, 1.0..=9.0), "dead_leaves greatest radius");
    assert_eq!(refused(8, 1.0..=f64::NAN), "dead_leaves greatest radius");
    let image = Batch::<f64, _>::zeros(Const::<16>, 1);
    assert_eq!(name(patches::<f64, _, 5, 5>(&image, 1, 1).unwrap_err()), "patches height");
    assert_eq!(name(patches::<f64, _, 0, 4>(&image, 1, 1).unwrap_err()), "patches height");
    assert_eq!(name(patches::<f64, _, 4, 5>(&image, 1, 1).unwrap_err()), "patches width");
    assert_eq!(name(patches::<f64, _, 4, 0>(&image, 1, 1).unwrap_err()), "patches width");
    let colour = Batch::<f64, _>::zeros(Image::<3, 4, 4>, 1);
    assert_eq!(name(patches::<f64, _, 2, 2>(&colour, 1, 1).unwrap_err()), "images of patches");
    let oblong = Batch::<f64, _>::zeros(Const::<15>, 1);
    assert_eq!(name(patches::<f64, _, 2, 2>(&oblong, 1, 1).unwrap_err()), "images of patches");
    let none = Batch::<f64, _>::zeros(Const::<16>, 0);
    assert_eq!(name(patches::<f64, _, 2, 2>(&none, 1, 1).unwrap_err()), "patches");
    let broken = Batch::new(Const::<4>, vec![0.0, f64::NAN, 0.0, 0.0]).unwrap();
    assert_eq!(name(patches::<f64, _, 1, 1>(&broken, 1, 1).unwrap_err()), "patches");
}
