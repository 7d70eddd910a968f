//! A condition as further channels of an image, against plain models of images that have the planes already.

use autoencoder::activation::{Identity, Relu, Tanh};
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, Image};
use autoencoder::units::{feature_maps, saliency_maps, top_patches};
use autoencoder::{
    AutoEncoder, Batch, ConditionPlanes, Conditioned, Contractive, Conv2d, Dense, Error, Gaussian,
    Module, Then, Variational, contract, nalgebra::Const,
};
use rand::RngExt;

type Picture = Image<1, 5, 4>;
type Wide = Image<3, 5, 4>;

fn batch<S: autoencoder::size::Size>(size: S, samples: usize, seed: u64) -> Batch<f64, S> {
    let rng = &mut seeded(seed);
    let values = (0..size.value() * samples).map(|_| rng.random_range(0.0..1.0)).collect();
    Batch::new(size, values).unwrap()
}

fn data(samples: usize) -> (Batch<f64, Picture>, Batch<f64, Const<2>>) {
    (batch(Image::<1, 5, 4>, samples, 1), batch(Const::<2>, samples, 2))
}

macro_rules! convolution {
    () => {
        Conv2d::<Wide, Image<3, 5, 4>, 3>::new(Tanh)
    };
}

#[test]
fn conditional_convolutions_keep_the_contract() {
    let (x, c) = data(6);
    let decoder = || Conditioned::<3, 2, _>::new(Dense::<5, 20>::new(Identity));
    let plain = || {
        let inside = convolution!().then(Dense::<60, 3>::new(Tanh));
        AutoEncoder::builder()
            .encoder(ConditionPlanes::<Picture, 2, _>::new(inside))
            .decoder(decoder())
            .regularizer(Contractive::new(0.2).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(plain, (&x, &c)).assert();
    let variational = || {
        let head = || Dense::<60, 3>::new(Identity);
        let inside = Gaussian::new(convolution!(), head(), head());
        AutoEncoder::builder()
            .encoder(ConditionPlanes::<Picture, 2, _>::new(inside))
            .decoder(decoder())
            .regularizer((Variational::new(0.5).unwrap(), Contractive::new(0.2).unwrap()))
            .build::<f64>()
            .unwrap()
    };
    contract::model(variational, (&x, &c)).assert();
    // Sizes of the running program.
    let image = |channels| DynImage { channels, height: 5, width: 4 };
    let dynamic = || {
        let inside = Conv2d::between(image(3), image(2), 3, Tanh);
        AutoEncoder::builder()
            .encoder(ConditionPlanes::dynamic(2, inside))
            .decoder(Conditioned::dynamic(2, Dense::dynamic(42, 20, Identity)))
            .build::<f64>()
            .unwrap()
    };
    let (x, c) = (x.with_size(image(1)).unwrap(), c.into_dynamic());
    contract::model(dynamic, (&x, &c)).assert();
}

/// The code, its maps, the penalty and saliency are those of a plain encoder of images with the planes.
#[test]
fn a_condition_is_a_plane_of_each_number() {
    let (x, c) = data(7);
    let inside = || convolution!().then(Dense::<60, 2>::new(Tanh));
    let told = AutoEncoder::builder()
        .encoder(ConditionPlanes::<Picture, 2, _>::new(inside()))
        .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 20>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let mut plain = AutoEncoder::builder()
        .encoder(inside())
        .decoder(Dense::<2, 60>::new(Identity))
        .build::<f64>()
        .unwrap();
    let mut parameters = plain.parameters().to_vec();
    let of_encoder = told.encoder().num_parameters();
    parameters[..of_encoder].copy_from_slice(&told.parameters()[..of_encoder]);
    plain.set_parameters(&parameters).unwrap();
    let mut wide = Vec::new();
    for (x, c) in x.iter().zip(c.iter()) {
        wide.extend_from_slice(x);
        c.iter().for_each(|&number| wide.extend([number; 20]));
    }
    let wide = Batch::new(Image::<3, 5, 4>, wide).unwrap();

    assert_eq!(told.encode((&x, &c)).unwrap(), plain.encode(&wide).unwrap());
    for layer in 0..2 {
        let maps = feature_maps(&told, (&x, &c), layer).unwrap();
        assert_eq!(maps, feature_maps(&plain, &wide, layer).unwrap());
    }
    let maps = saliency_maps(&told, (&x, &c), 1).unwrap();
    let of_wide = saliency_maps(&plain, &wide, 1).unwrap();
    for (map, of_wide) in maps.iter().zip(of_wide.iter()) {
        assert_eq!(map, &of_wide[..20]);
    }
    // Over the image alone: the condition is held fixed.
    let jacobian = told.squared_jacobian((&x, &c)).unwrap();
    let squares = (0..2).flat_map(|unit| {
        let map = saliency_maps(&told, (&x, &c), unit).unwrap();
        map.into_vec().into_iter().map(|d| d * d)
    });
    let expected = squares.sum::<f64>() / 7.0;
    assert!((jacobian - expected).abs() < 1e-12 * expected, "{jacobian} {expected}");
    // A patch is of the image.
    let top = top_patches(&told, (&x, &c), 0, 1, 2).unwrap();
    assert_eq!(top.patches.size(), DynImage { channels: 1, height: 3, width: 3 });
    let same = top_patches(&plain, &wide, 0, 1, 2).unwrap();
    assert_eq!((&top.samples, &top.places), (&same.samples, &same.places));
    assert_eq!(top.patches.sample(0), &same.patches.sample(0)[..9]);
    assert!(told.encode((&x, &batch(Const::<2>, 6, 3))).is_err());
}

#[test]
fn channels_that_do_not_add_up_are_refused() {
    let image = |channels| DynImage { channels, height: 4, width: 4 };
    let refused = |condition: usize| {
        let inside = Conv2d::between(image(3), image(2), 3, Relu);
        ConditionPlanes::dynamic(condition, inside).check_sizes()
    };
    assert_eq!(refused(2), Ok(()));
    for condition in [0, 3, 4] {
        assert!(matches!(refused(condition), Err(Error::InvalidParameter { .. })), "{condition}");
    }
}
