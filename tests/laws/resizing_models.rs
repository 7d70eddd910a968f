//! Models that pool and upsample, and sizes that are refused.

use autoencoder::activation::{Identity, Sigmoid, Softplus, Tanh};
use autoencoder::layer::{Any, AnyPart, Interpolation, Sides};
use autoencoder::random::seeded;
use autoencoder::regularizer::Contractive;
use autoencoder::size::{DynImage, DynWindow, Image, Size, Window};
use autoencoder::*;
use rand::RngExt;

/// Values of samples of this shape, between 0 and 1.
fn batch<S: Size>(size: S, samples: usize) -> Batch<f64, S> {
    let rng = &mut seeded(3);
    let values = (0..size.value() * samples).map(|_| rng.random::<f64>()).collect();
    Batch::new(size, values).unwrap()
}

/// All that is asked of a model: gradients, determinism, files, threads, parts.
#[test]
fn models_that_pool_keep_the_contract() {
    type Whole = Image<1, 6, 5>;
    type Maps = Image<2, 6, 5>;
    type Half = Image<2, 3, 3>;
    let data = batch(Image::<1, 6, 5>, 5);
    let average = || {
        AutoEncoder::builder()
            .encoder(
                Conv2d::<Whole, Maps, 3>::new(Softplus)
                    .then(AveragePool2d::<Maps, Half, 2>::new())
                    .then(Dense::<18, 3>::new(Tanh)),
            )
            .decoder(
                Dense::<3, 15>::new(Tanh)
                    .then(Upsample2d::<Image<1, 3, 5>, Whole>::bilinear())
                    .then(Conv2d::<Whole, Whole, 3>::new(Identity)),
            )
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(average, &data).assert();
    let largest = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Conv2d::<Whole, Maps, 3>::new(Tanh).then(MaxPool2d::<Maps, Half, 2>::new()),
                Dense::<18, 2>::new(Identity),
                Dense::<18, 2>::new(Identity),
            ))
            .decoder(
                Dense::<2, 5>::new(Tanh)
                    .then(Upsample2d::<Image<1, 1, 5>, Whole>::nearest())
                    .then(Conv2d::<Whole, Whole, 3>::new(Sigmoid)),
            )
            .build::<f64>()
            .unwrap()
    };
    contract::model(largest, &data).assert();
    let windows = || {
        AutoEncoder::builder()
            .encoder(MaxPool1d::<Window<2, 8>, Window<2, 7>, 2>::new().then(AveragePool1d::<
                Window<2, 7>,
                Window<2, 4>,
                2,
            >::new()))
            .decoder(Conv1d::<Window<2, 4>, Window<2, 4>, 3>::new(Tanh).then(Upsample1d::<
                Window<2, 4>,
                Window<2, 8>,
            >::linear(
            )))
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(windows, &batch(Window::<2, 8>, 4)).assert();
    let boxed = || {
        let layers: [Any<f64>; 3] = [
            Dense::dynamic(30, 8, Tanh).boxed(),
            MaxPool1d::between(Window::<2, 4>, Window::<2, 2>, 2).boxed(),
            Upsample1d::between(Window::<2, 2>, Window::<2, 4>, Interpolation::Nearest).boxed(),
        ];
        AutoEncoder::builder()
            .encoder(Any::of(layers).unwrap())
            .decoder(Dense::dynamic(8, 30, Identity).boxed::<f64>())
            .build::<f64>()
            .unwrap()
    };
    contract::model(boxed, &data.into_dynamic()).assert();
}

/// A part of a trained model goes on as it was, its layers without weights too.
#[test]
fn trained_parts_pool_alike() {
    let model = AutoEncoder::builder()
        .encoder(
            MaxPool2d::<Image<1, 4, 4>, Image<1, 2, 2>, 2>::new().then(Dense::<4, 2>::new(Tanh)),
        )
        .decoder(
            Dense::<2, 4>::new(Tanh).then(Upsample2d::<Image<1, 2, 2>, Image<1, 4, 4>>::nearest()),
        )
        .build::<f64>()
        .unwrap();
    let again = AutoEncoder::builder()
        .encoder(model.trained_encoder())
        .decoder(model.trained_decoder())
        .build::<f64>()
        .unwrap();
    let data = batch(Image::<1, 4, 4>, 6);
    assert_eq!(model.reconstruct(&data).unwrap(), again.reconstruct(&data).unwrap());
}

/// Divided among threads, the bits are the same.
#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_threads() {
    let model = AutoEncoder::builder()
        .encoder(MaxPool2d::<Image<2, 28, 28>, Image<2, 14, 14>, 2>::new().then(AveragePool2d::<
            Image<2, 14, 14>,
            Image<2, 7, 7>,
            2,
        >::new()))
        .decoder(Upsample2d::<Image<2, 7, 7>, Image<2, 28, 28>>::bilinear())
        .build::<f32>()
        .unwrap();
    let rng = &mut seeded(3);
    let values = (0..2 * 784 * 301).map(|_| rng.random::<f32>()).collect();
    let data = Batch::new(Image::<2, 28, 28>, values).unwrap();
    let alone = model.reconstruct(&data).unwrap();
    let threads = Threads::new(3).unwrap();
    assert_eq!(threads.run(|| model.reconstruct(&data).unwrap()), alone);
    for (x, y) in data.iter().zip(alone.iter()) {
        assert_eq!(model.reconstruct_one(x).unwrap(), y);
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let image = |channels, height, width| DynImage { channels, height, width };
    let average = |from, to, window: Sides| AveragePool2d::between(from, to, window);
    let refused = |layer: &dyn Module| layer.check_sizes().unwrap_err().to_string();
    let two = Sides::from(2);
    assert!(refused(&average(image(2, 8, 8), image(2, 3, 4), two)).contains("stride"));
    assert!(refused(&average(image(2, 3, 8), image(2, 2, 4), two)).contains("stride"));
    assert_eq!(average(image(2, 3, 8), image(2, 2, 4), two).stride((1, 2)).check_sizes(), Ok(()));
    assert_eq!(average(image(2, 3, 8), image(2, 3, 4), (1, 2).into()).check_sizes(), Ok(()));
    assert!(refused(&average(image(2, 8, 8), image(3, 4, 4), two)).contains("channels"));
    assert!(refused(&average(image(0, 8, 8), image(0, 4, 4), two)).contains("channels"));
    assert!(refused(&average(image(2, 8, 0), image(2, 4, 0), two)).contains("columns"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), 0.into())).contains("window"));
    assert!(refused(&average(image(2, 8, 8), image(2, 1, 1), 9.into())).contains("no longer"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), two).stride(0)).contains("stride"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), two).stride(3)).contains("stride"));
    let endless = average(image(2, 8, 8), image(2, 4, 4), two).stride(usize::MAX);
    assert!(refused(&endless).contains("stride"));
    assert!(refused(&average(image(usize::MAX, 8, 8), image(2, 4, 4), two)).contains("2²⁰"));
    let long = |steps| DynWindow { channels: 1, steps };
    let wide = MaxPool1d::between(long(1 << 20), long((1 << 19) + 1), 1 << 19);
    assert!(refused(&wide).contains("2²⁴"));
    let largest = MaxPool2d::between(image(2, 8, 8), image(2, 3, 4), 2);
    assert!(refused(&largest).contains("stride"));
    let upsample = |from, to| Upsample2d::between(from, to, Interpolation::Linear);
    assert!(refused(&upsample(image(2, 4, 4), image(2, 8, 9))).contains("multiple"));
    assert!(refused(&upsample(image(2, 4, 4), image(2, 2, 4))).contains("multiple"));
    assert!(refused(&upsample(image(2, 4, 4), image(1, 8, 8))).contains("channels"));
    assert!(refused(&upsample(image(2, 0, 4), image(2, 0, 8))).contains("rows"));
    assert!(refused(&upsample(image(1 << 20, 1 << 15, 1 << 15), image(1, 1, 1))).contains("2⁴⁸"));
    let built = AutoEncoder::builder()
        .encoder(average(image(2, 8, 8), image(2, 3, 4), two))
        .decoder(upsample(image(2, 3, 4), image(2, 6, 8)))
        .build::<f64>();
    assert!(matches!(built.map(|_| ()), Err(Error::Unfit { .. })));
}

/// What can be set is in the file, which another model refuses.
#[cfg(feature = "safetensors")]
#[test]
fn files_of_other_windows_are_refused() {
    let size = |side| DynImage { channels: 1, height: side, width: side };
    let model = |window: usize, is_largest: bool, interpolation| {
        let (from, to) = (size(7), size(3));
        let pool: Any<f64> = if is_largest {
            MaxPool2d::between(from, to, window).stride(2).boxed()
        } else {
            AveragePool2d::between(from, to, window).stride(2).boxed()
        };
        let decoder = Dense::dynamic(9, 4, Tanh).then(
            Any::of([
                Upsample2d::between(size(2), size(14), interpolation).boxed(),
                Dense::dynamic(196, 49, Identity).boxed(),
            ])
            .unwrap(),
        );
        AutoEncoder::builder().encoder(pool).decoder(decoder.boxed()).build::<f64>().unwrap()
    };
    let file = std::env::temp_dir().join(format!("resizing-{}.safetensors", std::process::id()));
    let saved = model(3, true, Interpolation::Nearest);
    saved.save(&file).unwrap();
    let load = |mut model: AutoEncoder<Any<f64>, Any<f64>, NoRegularizer, SquaredError, f64>| {
        model.load(&file)
    };
    assert_eq!(load(model(3, true, Interpolation::Nearest)), Ok(()));
    for other in [
        model(2, true, Interpolation::Nearest),
        model(3, false, Interpolation::Nearest),
        model(3, true, Interpolation::Linear),
    ] {
        assert!(load(other).is_err());
    }
    std::fs::remove_file(&file).unwrap();
}
