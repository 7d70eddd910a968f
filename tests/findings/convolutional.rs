//! What convolutional encoders have learned, against definitions that are written out and against perturbed pixels.

use autoencoder::activation::{Identity, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::layer::{AnyPart, Elementwise};
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, Image, Window};
use autoencoder::units::{
    Occlusion, channels, convolution_filters, feature_maps, filters, occluded_error, occluded_unit,
    saliency, saliency_maps, top_patches,
};
use autoencoder::{
    AutoEncoder, AveragePool2d, Batch, BernoulliCrossEntropy, ConditionPlanes, Conditioned, Conv1d,
    Conv2d, ConvTranspose2d, Dense, Error, Float, Gaussian, GroupNorm, LayerNorm, Normalizer,
    Residual, Then, Upsample2d, data::Normalization, nalgebra::Const,
};

type Picture = Image<2, 7, 6>;

fn normals<S: autoencoder::size::Size>(size: S, samples: usize, seed: u64) -> Batch<f64, S> {
    let rng = &mut seeded(seed);
    let values = (0..size.value() * samples).map(|_| f64::draw_normal(rng)).collect();
    Batch::new(size, values).unwrap()
}

/// An encoder of two convolutions and a dense layer.
macro_rules! deep {
    () => {
        AutoEncoder::builder()
            .encoder(
                Conv2d::<Picture, Image<3, 4, 3>, 3>::new(Softplus)
                    .then(Conv2d::<Image<3, 4, 3>, Image<4, 4, 3>, 3>::new(Tanh))
                    .then(Dense::<48, 5>::new(Sigmoid)),
            )
            .decoder(Dense::<5, 84>::new(Identity))
            .seed(3)
            .build::<f64>()
            .unwrap()
    };
}

/// A convolution of a kernel of 3 × 3 as its formula says it; weights are stored column by column.
fn convolved(
    x: &[f64],
    (channels, height, width): (usize, usize, usize),
    (units, rows, columns): (usize, usize, usize),
    stride: usize,
    (weights, biases): (&[f64], &[f64]),
) -> Vec<f64> {
    let mut y = Vec::new();
    for unit in 0..units {
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = biases[unit];
                for c in 0..channels {
                    for (a, b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
                        let at = (
                            (stride * row + a).wrapping_sub(1),
                            (stride * column + b).wrapping_sub(1),
                        );
                        if at.0 < height && at.1 < width {
                            let weight = weights[(c * 9 + a * 3 + b) * units + unit];
                            sum += weight * x[(c * height + at.0) * width + at.1];
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} for {expected}");
    }
}

#[test]
fn feature_maps_are_the_layers_outputs() {
    let model = deep!();
    let x = normals(Image::<2, 7, 6>, 300, 1); // more than are encoded at a time
    let maps: Vec<_> = (0..3).map(|layer| feature_maps(&model, &x, layer).unwrap()).collect();
    let sides = |maps: &Batch<f64, DynImage>| {
        let DynImage { channels, height, width } = maps.size();
        (channels, height, width, maps.samples())
    };
    assert_eq!(
        maps.iter().map(sides).collect::<Vec<_>>(),
        [(3, 4, 3, 300), (4, 4, 3, 300), (5, 1, 1, 300)]
    );
    let of = |name: &str| model.parameter(name).unwrap();
    for sample in [0, 255, 256, 299] {
        let first = (of("encoder.0.weight"), of("encoder.0.bias"));
        let mut expected = convolved(x.sample(sample), (2, 7, 6), (3, 4, 3), 2, first);
        expected.iter_mut().for_each(|z| *z = z.exp().ln_1p());
        assert_near(maps[0].sample(sample), &expected, 1e-12);
        let second = (of("encoder.1.weight"), of("encoder.1.bias"));
        let mut expected = convolved(&expected, (3, 4, 3), (4, 4, 3), 1, second);
        expected.iter_mut().for_each(|z| *z = z.tanh());
        assert_near(maps[1].sample(sample), &expected, 1e-12);
    }
    assert_eq!(maps[2].as_slice(), model.encode(&x).unwrap().as_slice());
    let split = channels(&maps[1]);
    assert_eq!(sides(&split), (1, 4, 3, 1200));
    assert_eq!(split.as_slice(), maps[1].as_slice());
    let error = feature_maps(&model, &x, 3).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "feature_maps layer", .. }));
    let error = feature_maps(&model, &Batch::zeros(Image::<2, 7, 6>, 0), 0).unwrap_err();
    assert!(matches!(error, Error::NoSamples { call: "feature_maps" }));
}

/// Layers without weights count, what is behind an activation of plain features lies as before, boxes are looked into.
#[test]
fn every_kind_of_layer_has_feature_maps() {
    let encoder = || {
        Conv2d::<Picture, Image<4, 7, 6>, 3>::new(Identity)
            .then(GroupNorm::<Image<4, 7, 6>, 2>::new())
            .then(Elementwise::<168>::new(Relu))
            .then(LayerNorm::<168>::new())
            .then(Residual::new(Conv2d::<Image<4, 7, 6>, Image<4, 7, 6>, 3>::new(Tanh)))
            .then(AveragePool2d::<Image<4, 7, 6>, Image<4, 4, 3>, 2>::new())
            .then(Dense::<48, 3>::new(Identity))
    };
    let decoder = || Dense::<3, 84>::new(Identity);
    let model =
        AutoEncoder::builder().encoder(encoder()).decoder(decoder()).build::<f64>().unwrap();
    let x = normals(Image::<2, 7, 6>, 3, 2);
    let sizes: Vec<_> = (0..7)
        .map(|layer| {
            let DynImage { channels, height, width } =
                feature_maps(&model, &x, layer).unwrap().size();
            (channels, height, width)
        })
        .collect();
    let (image, pooled) = ((4, 7, 6), (4, 4, 3));
    assert_eq!(sizes, [image, image, image, image, image, pooled, (3, 1, 1)]);
    let relu = feature_maps(&model, &x, 2).unwrap();
    let before = feature_maps(&model, &x, 1).unwrap();
    let expected: Vec<f64> = before.as_slice().iter().map(|z| z.max(0.0)).collect();
    assert_near(relu.as_slice(), &expected, 0.0);

    let boxed = AutoEncoder::builder()
        .encoder(encoder().boxed::<f64>())
        .decoder(decoder().boxed::<f64>())
        .build::<f64>()
        .unwrap();
    let plain = x.clone().into_dynamic();
    for layer in 0..7 {
        assert_eq!(feature_maps(&boxed, &plain, layer), feature_maps(&model, &x, layer));
    }
    // Of a Gaussian encoder those of its body, then its mean.
    let gaussian = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Conv2d::<Picture, Image<3, 4, 3>, 3>::new(Tanh),
            Dense::<36, 2>::new(Identity),
            Dense::<36, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 84>::new(Identity))
        .build::<f64>()
        .unwrap();
    assert_eq!(feature_maps(&gaussian, &x, 0).unwrap().size().channels, 3);
    let mean = feature_maps(&gaussian, &x, 1).unwrap();
    assert_eq!(mean.as_slice(), gaussian.encode(&x).unwrap().as_slice());
    assert!(feature_maps(&gaussian, &x, 2).is_err());
}

/// A residual layer adds to each value in its place, whatever its body makes of them, and so do those in a chain or a box.
#[test]
fn what_a_dense_residual_makes_of_an_image_is_one() {
    let residual = || Residual::new(Dense::<84, 84>::new(Tanh));
    let encoder = || {
        Conv2d::<Picture, Image<2, 7, 6>, 3>::new(Identity)
            .then(residual())
            .then(Elementwise::<84>::new(Relu))
            .then(residual())
            .then(Dense::<84, 3>::new(Identity))
    };
    let decoder = || Dense::<3, 84>::new(Identity);
    let model =
        AutoEncoder::builder().encoder(encoder()).decoder(decoder()).build::<f64>().unwrap();
    let boxed = AutoEncoder::builder()
        .encoder(encoder().boxed::<f64>())
        .decoder(decoder().boxed::<f64>())
        .build::<f64>()
        .unwrap();
    let x = normals(Image::<2, 7, 6>, 3, 2);
    let plain = x.clone().into_dynamic();
    for layer in 0..5 {
        let maps = feature_maps(&model, &x, layer).unwrap();
        let (channels, height, width) = if layer < 4 { (2, 7, 6) } else { (3, 1, 1) };
        assert_eq!(maps.size(), DynImage { channels, height, width }, "{layer}");
        assert_eq!(feature_maps(&boxed, &plain, layer).unwrap(), maps);
    }
}

/// Step by step in a window, channel by channel in what is shown.
#[test]
fn feature_maps_of_windows_are_turned() {
    let model = AutoEncoder::builder()
        .encoder(
            Conv1d::<Window<2, 5>, Window<3, 5>, 3>::new(Identity).then(Dense::<15, 2>::new(Tanh)),
        )
        .decoder(Dense::<2, 10>::new(Identity))
        .build::<f64>()
        .unwrap();
    let x = normals(Window::<2, 5>, 2, 3);
    let maps = feature_maps(&model, &x, 0).unwrap();
    assert_eq!(maps.size(), DynImage { channels: 3, height: 1, width: 5 });
    let weights = model.parameter("encoder.0.weight").unwrap();
    for (x, y) in x.iter().zip(maps.iter()) {
        for (unit, step) in (0..3).flat_map(|unit| (0..5).map(move |step| (unit, step))) {
            let taps = (0..2).flat_map(|c| (0..3).map(move |a| (c, a)));
            let inside = taps.filter(|(_, a)| (1..6).contains(&(step + a)));
            let expected: f64 = inside
                .map(|(c, a)| weights[(c * 3 + a) * 3 + unit] * x[(step + a - 1) * 2 + c])
                .sum();
            assert!((y[unit * 5 + step] - expected).abs() < 1e-12);
        }
    }
    assert_eq!(channels(&x).sample(1), [0, 1, 2, 3, 4].map(|step| x.sample(0)[step * 2 + 1]));
    let top = top_patches(&model, &x, 0, 1, 9).unwrap();
    assert_eq!(top.patches.size(), DynImage { channels: 2, height: 1, width: 3 });
    for (patch, (&sample, &(row, first))) in
        top.patches.iter().zip(top.samples.iter().zip(&top.corners))
    {
        for (c, a) in (0..2).flat_map(|c| (0..3).map(move |a| (c, a))) {
            let step = first + a as i64;
            let expected =
                if (0..5).contains(&step) { x.sample(sample)[step as usize * 2 + c] } else { 0.0 };
            assert_eq!((patch[c * 3 + a], row), (expected, 0));
        }
    }
}

/// A conditional encoder sees plain features and the condition.
#[test]
fn conditional_models_are_told_their_conditions() {
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<6, 2, _>::new(
            Dense::<8, 5>::new(Tanh).then(Dense::<5, 3>::new(Identity)),
        ))
        .decoder(Conditioned::<3, 2, _>::new(Dense::<5, 6>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let (x, c) = (normals(Const::<6>, 4, 4), normals(Const::<2>, 4, 5));
    let codes = model.encode((&x, &c)).unwrap();
    assert_eq!(feature_maps(&model, (&x, &c), 1).unwrap().as_slice(), codes.as_slice());
    let top = top_patches(&model, (&x, &c), 1, 2, 1).unwrap();
    let best = (0..4).max_by(|&a, &b| codes.sample(a)[2].total_cmp(&codes.sample(b)[2])).unwrap();
    assert_eq!((top.samples[0], top.activations[0]), (best, codes.sample(best)[2]));
    assert_eq!(top.patches.as_slice(), x.sample(best));
    let maps = saliency_maps(&model, (&x, &c), 1).unwrap();
    for (sample, map) in maps.iter().enumerate() {
        assert_eq!(map, saliency(&model, (x.sample(sample), c.sample(sample)), 1).unwrap());
    }
}

/// The receptive field is what changes the activation: every pixel in it, and none around it.
#[test]
fn patches_are_what_the_unit_looks_at() {
    macro_rules! check {
        ($encoder:expr, $layer:expr, $channel:expr) => {{
            let encoder = $encoder;
            let model = AutoEncoder::builder()
                .encoder(encoder.boxed_as::<f64>())
                .decoder(Dense::between(Const::<2>, Image::<1, 12, 11>, Identity))
                .seed(5)
                .build::<f64>()
                .unwrap();
            let mut seen = std::collections::BTreeSet::new();
            let mut smallest = usize::MAX;
            for seed in 0..12 {
                let x = normals(Image::<1, 12, 11>, 1, seed);
                let top = top_patches(&model, &x, $layer, $channel, 1).unwrap();
                let size = top.patches.size();
                smallest = smallest.min(size.height * size.width);
                let (place, corner) = (top.places[0], top.corners[0]);
                seen.insert(place);
                let maps = feature_maps(&model, &x, $layer).unwrap();
                let at = (($channel * maps.size().height) + place.0) * maps.size().width + place.1;
                assert_eq!(maps.as_slice()[at], top.activations[0]);
                let of_channel = channels(&maps);
                let largest = of_channel.sample($channel).iter().copied().fold(f64::MIN, f64::max);
                assert_eq!(largest, top.activations[0]);
                for (row, column) in
                    (0..12).flat_map(|row| (0..11).map(move |column| (row, column)))
                {
                    let mut moved = x.clone();
                    moved.as_mut_slice()[row * 11 + column] += 0.5;
                    let after = feature_maps(&model, &moved, $layer).unwrap().as_slice()[at];
                    let inside = (row as i64 - corner.0, column as i64 - corner.1);
                    let is_inside = (0..size.height as i64).contains(&inside.0)
                        && (0..size.width as i64).contains(&inside.1);
                    let changes = (after - top.activations[0]).abs() > 1e-13;
                    assert_eq!(
                        changes, is_inside,
                        "{row} {column} of {place:?}, {corner:?} {size:?}"
                    );
                    if is_inside {
                        let patch = top.patches.as_slice()
                            [inside.0 as usize * size.width + inside.1 as usize];
                        assert_eq!(patch, x.as_slice()[row * 11 + column]);
                    }
                }
            }
            (smallest, seen.len())
        }};
    }
    let convolutions = || {
        Conv2d::<Image<1, 12, 11>, Image<3, 6, 6>, 3>::new(Softplus)
            .then(Conv2d::<Image<3, 6, 6>, Image<2, 6, 6>, 3>::new(Softplus))
            .then(AveragePool2d::<Image<2, 6, 6>, Image<2, 3, 3>, 2>::new())
            .then(Dense::<18, 2>::new(Identity))
    };
    let (pixels, places) = check!(convolutions(), 0, 2);
    assert!(pixels == 9 && places > 3);
    assert_eq!(check!(convolutions(), 1, 0).0, 49); // 3 + 2 · 2 pixels a side
    assert_eq!(check!(convolutions(), 2, 1).0, 81); // and one more place of each
    assert_eq!(check!(convolutions(), 3, 1).0, 132); // all
    let residual = || {
        let body = Conv2d::<Image<1, 12, 11>, Image<1, 12, 11>, 3>::new(Tanh);
        Residual::new(body.then(Conv2d::<Image<1, 12, 11>, Image<1, 12, 11>, 3>::new(Tanh)))
            .then(Dense::<132, 2>::new(Identity))
    };
    assert_eq!(check!(residual(), 0, 0).0, 25);
    let upsampled = || {
        Conv2d::<Image<1, 12, 11>, Image<2, 12, 11>, 3>::new(Softplus)
            .then(Upsample2d::<Image<2, 12, 11>, Image<2, 24, 22>>::nearest())
            .then(Dense::<1056, 2>::new(Identity))
    };
    assert_eq!(check!(upsampled(), 1, 0).0, 9);
    // Two places a side where outputs are between, which those in the zeros beyond the border do not show.
    let transposed = || {
        ConvTranspose2d::<Image<1, 12, 11>, Image<2, 24, 22>, 4>::new(Softplus)
            .then(Dense::<1056, 2>::new(Identity))
    };
    assert_eq!(check!(transposed(), 0, 1).0, 4);
}

#[test]
fn top_patches_are_the_greatest_of_each_sample_in_order() {
    let model = deep!();
    let x = normals(Image::<2, 7, 6>, 300, 6);
    let maps = feature_maps(&model, &x, 0).unwrap();
    let mut expected: Vec<(f64, usize)> = (0..300)
        .map(|sample| {
            let channel = &maps.sample(sample)[12..24];
            (channel.iter().copied().fold(f64::MIN, f64::max), sample)
        })
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let top = top_patches(&model, &x, 0, 1, 9).unwrap();
    for (number, &(activation, sample)) in expected.iter().take(9).enumerate() {
        assert_eq!((top.activations[number], top.samples[number]), (activation, sample));
        let (row, column) = top.places[number];
        assert_eq!(maps.sample(sample)[12 + row * 3 + column], activation);
        assert_eq!(top.corners[number], (2 * row as i64 - 1, 2 * column as i64 - 1));
    }
    assert_eq!((top.patches.samples(), top.patches.size().channels), (9, 2));
    // Of many only those that there are; of equal ones the first sample and place.
    let same = Batch::zeros(Image::<2, 7, 6>, 4);
    let top = top_patches(&model, &same, 0, 0, 10).unwrap();
    assert_eq!((top.samples, top.places), (vec![0, 1, 2, 3], vec![(0, 0); 4]));

    let refused = |layer, channel, count| match top_patches(&model, &x, layer, channel, count) {
        Err(Error::InvalidParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(3, 0, 1), "top_patches layer");
    assert_eq!(refused(0, 3, 1), "top_patches channel");
    assert_eq!(refused(0, 0, 0), "top_patches count");
    let mut broken = x.clone();
    broken.as_mut_slice()[85] = f64::NAN;
    let error = top_patches(&model, &broken, 0, 0, 1).unwrap_err();
    assert!(matches!(error, Error::NotFinite { call: "top_patches", sample: 1, feature: 1, .. }));
}

#[test]
fn filters_of_a_convolution_are_its_weights() {
    let model = deep!();
    let found = convolution_filters(&model).unwrap();
    assert_eq!((found.size(), found.samples()), (DynImage { channels: 2, height: 3, width: 3 }, 3));
    let weights = model.parameter("encoder.0.weight").unwrap();
    for (unit, filter) in found.iter().enumerate() {
        let own: Vec<f64> = weights[unit..].iter().step_by(3).copied().collect();
        let norm = own.iter().map(|w| w * w).sum::<f64>().sqrt();
        let expected: Vec<f64> = own.iter().map(|w| w / norm).collect();
        assert_near(filter, &expected, 1e-15);
    }
    // Behind a normalization, in groups, of a window, in a box.
    let (wide, narrow) = (Image::<4, 6, 6>, Image::<6, 6, 6>);
    let grouped = AutoEncoder::builder()
        .encoder(
            GroupNorm::<Image<4, 6, 6>, 2>::new()
                .then(Conv2d::between(wide, narrow, (3, 1), Relu).groups(2))
                .then(Dense::<216, 2>::new(Identity))
                .boxed_as::<f64>(),
        )
        .decoder(Dense::<2, 144>::new(Identity))
        .build::<f64>()
        .unwrap();
    let found = convolution_filters(&grouped).unwrap();
    assert_eq!((found.size(), found.samples()), (DynImage { channels: 2, height: 3, width: 1 }, 6));
    let window = AutoEncoder::builder()
        .encoder(
            Conv1d::<Window<2, 5>, Window<3, 5>, 3>::new(Identity).then(Dense::<15, 2>::new(Tanh)),
        )
        .decoder(Dense::<2, 10>::new(Identity))
        .build::<f64>()
        .unwrap();
    let found = convolution_filters(&window).unwrap();
    assert_eq!((found.size(), found.samples()), (DynImage { channels: 2, height: 1, width: 3 }, 3));

    let dense = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Identity))
        .decoder(Dense::<2, 4>::new(Identity))
        .build::<f64>()
        .unwrap();
    let error = convolution_filters(&dense).unwrap_err();
    assert!(matches!(&error, Error::Unfit { part: "the encoder", .. }), "{error}");
    assert!(error.to_string().contains("`filters`"));
    assert_eq!(filters(&dense).samples(), 2);
    let transposed = AutoEncoder::builder()
        .encoder(
            ConvTranspose2d::<Image<1, 3, 3>, Image<2, 6, 6>, 2>::new(Tanh)
                .then(Dense::<72, 2>::new(Identity)),
        )
        .decoder(Dense::<2, 9>::new(Identity))
        .build::<f64>()
        .unwrap();
    assert!(convolution_filters(&transposed).is_err());
}

/// Maps agree with finite differences in every pixel.
#[test]
fn saliency_maps_are_images_of_derivatives() {
    const STEP: f64 = 1e-5;
    let model = deep!();
    let x = normals(Image::<2, 7, 6>, 2, 7);
    for unit in 0..5 {
        let maps: Batch<f64, Picture> = saliency_maps(&model, &x, unit).unwrap();
        for (x, map) in x.iter().zip(maps.iter()) {
            assert_eq!(map, saliency(&model, x, unit).unwrap());
            for (pixel, derivative) in map.iter().enumerate() {
                let moved = |by: f64| {
                    let mut x = x.to_vec();
                    x[pixel] += by;
                    model.encode_one(&x).unwrap()[unit]
                };
                let numeric = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                assert!((derivative - numeric).abs() < 1e-9, "{derivative} {numeric}");
            }
        }
    }
    let many = normals(Image::<2, 7, 6>, 300, 8);
    let maps = saliency_maps(&model, &many, 2).unwrap();
    assert_eq!(maps.sample(299), saliency(&model, many.sample(299), 2).unwrap());
    let error = saliency_maps(&model, &x, 5).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "saliency_maps unit", .. }));
}

/// Every place, hidden by hand.
#[test]
fn occlusion_hides_one_rectangle_at_a_time() {
    let model = deep!();
    let x = normals(Image::<2, 7, 6>, 1, 9);
    let x = x.sample(0);
    let hidden = |row: usize, column: usize, window: (usize, usize), fill: f64| {
        let mut x = x.to_vec();
        for (c, i, j) in
            (0..2).flat_map(|c| (0..7).flat_map(move |i| (0..6).map(move |j| (c, i, j))))
        {
            if (row..row + window.0).contains(&i) && (column..column + window.1).contains(&j) {
                x[(c * 7 + i) * 6 + j] = fill;
            }
        }
        x
    };
    for (window, stride, fill, rows, columns) in [
        ((3, 3), (1, 1), 0.0, 5, 4),
        ((3, 2), (2, 1), 0.5, 3, 5),
        ((1, 1), (1, 1), -1.0, 7, 6),
        ((7, 6), (1, 1), 0.25, 1, 1),
        ((2, 5), (3, 3), 0.0, 3, 2),
        ((1, 1), (9, 4), 0.0, 1, 2), // the second row would be behind the image
    ] {
        let occlusion = Occlusion::new(window).stride(stride).fill(fill);
        let found = occluded_unit(&model, x, 2, occlusion).unwrap();
        let size = DynImage { channels: 1, height: rows, width: columns };
        assert_eq!((found.map.size(), found.map.samples()), (size, 1));
        assert_eq!(found.unhidden, model.encode_one(x).unwrap()[2]);
        let error = occluded_error(&model, x, occlusion).unwrap();
        assert_eq!((error.map.size(), error.unhidden), (size, model.score_one(x).unwrap()));
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let hidden = hidden(row * stride.0, column * stride.1, window, fill);
            let at = row * columns + column;
            let expected = model.encode_one(&hidden).unwrap()[2];
            assert!((found.map.as_slice()[at] - expected).abs() < 1e-14);
            // ½ ‖x − y‖², against the whole image.
            let y = model.reconstruct_one(&hidden).unwrap();
            let loss: f64 = x.iter().zip(&y).map(|(x, y)| (x - y).powi(2)).sum();
            let whole: f64 =
                x.iter().zip(model.reconstruct_one(x).unwrap()).map(|(x, y)| (x - y).powi(2)).sum();
            let scale = model.score_one(x).unwrap() / whole;
            assert!((error.map.as_slice()[at] - scale * loss).abs() < 1e-12);
        }
    }
}

#[test]
fn occlusion_of_windows_conditions_and_normalized_inputs() {
    let window = AutoEncoder::builder()
        .encoder(Conv1d::<Window<2, 9>, Window<3, 9>, 3>::new(Tanh).then(Dense::<27, 2>::new(Tanh)))
        .decoder(Dense::<2, 18>::new(Identity))
        .build::<f64>()
        .unwrap();
    let x = normals(Window::<2, 9>, 1, 10);
    // The one row of a window does not count, whatever is said of it.
    let found =
        occluded_unit(&window, x.sample(0), 1, Occlusion::new((5, 4)).stride((7, 2))).unwrap();
    assert_eq!(found.map.size(), DynImage { channels: 1, height: 1, width: 4 });
    for (place, value) in found.map.as_slice().iter().enumerate() {
        let mut hidden = x.sample(0).to_vec();
        let first = 2 * place;
        hidden[2 * first..2 * (first + 4).min(9)].fill(0.0);
        assert!((value - window.encode_one(&hidden).unwrap()[1]).abs() < 1e-14);
    }
    // Behind a normalizer the fill is normalized: 0 is the mean.
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::between(Image::<1, 2, 2>, Const::<2>, Tanh))
            .decoder(Dense::between(Const::<2>, Image::<1, 2, 2>, Identity))
    };
    let plain = build().build::<f64>().unwrap();
    let found = occluded_unit(&plain, &[1.0, 2.0, 3.0, 4.0], 0, Occlusion::new(1)).unwrap();
    assert_eq!(found.map.as_slice()[3], plain.encode_one(&[1.0, 2.0, 3.0, 0.0]).unwrap()[0]);
    let scales = Normalizer::from_parts(Normalization::Standardize, [3.0; 4], [2.0; 4]).unwrap();
    let normalized = build().normalizer(scales).build::<f64>().unwrap();
    let same = occluded_unit(&normalized, &[5.0, 7.0, 9.0, 11.0], 0, Occlusion::new(1)).unwrap();
    assert_eq!(same, found);
    // A condition is told to every pass.
    let told = AutoEncoder::builder()
        .encoder(ConditionPlanes::<Image<1, 2, 2>, 1, _>::new(Conv2d::<
            Image<2, 2, 2>,
            Image<1, 2, 2>,
            1,
        >::new(Tanh)))
        .decoder(Conditioned::<4, 1, _>::new(Dense::<5, 4>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let (whole, hidden) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 0.0]);
    let maps = [0.5, -2.0].map(|condition| {
        let found = occluded_unit(&told, (&whole, &[condition]), 0, Occlusion::new(1)).unwrap();
        let unit = told.encode_one((&hidden, &[condition])).unwrap()[0];
        assert_eq!(found.map.as_slice()[3], unit);
        found.map
    });
    assert_ne!(maps[0], maps[1]);

    let refused = |occlusion| match occluded_unit(&plain, &[0.0; 4], 0, occlusion) {
        Err(Error::InvalidParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    for window in [(0, 1), (1, 0), (3, 1), (1, 3)] {
        assert_eq!(refused(Occlusion::new(window)), "Occlusion window");
    }
    assert_eq!(refused(Occlusion::new(1).stride((1, 0))), "Occlusion stride");
    assert_eq!(refused(Occlusion::new(1).fill(f64::NAN)), "Occlusion fill");
    let error = occluded_unit(&plain, &[0.0; 4], 2, Occlusion::new(1)).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "occluded_unit unit", .. }));
    let error =
        occluded_unit(&plain, &[0.0, f64::NAN, 0.0, 0.0], 0, Occlusion::new(1)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { call: "occluded_unit", .. }));
    let error = occluded_error(&plain, &vec![0.0; 3], Occlusion::new(1)).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { place: "occluded_error", .. }));
    // Plain features have no places.
    let features = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(Identity))
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    let error = occluded_error(&features, &[0.5; 4], Occlusion::new(1)).unwrap_err();
    assert!(matches!(&error, Error::Unfit { part: "the encoder", .. }), "{error}");
    let error = occluded_error(&features, &[2.0; 4], Occlusion::new(1)).unwrap_err();
    assert!(matches!(&error, Error::OutsideDomain { call: "occluded_error", .. }), "{error}");
}
