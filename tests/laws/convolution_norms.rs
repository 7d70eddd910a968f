//! ‖∂y/∂x‖² of a convolution in closed form, against the formula's products, against passes and finite differences.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::layer::{Activated, Linear};
use autoencoder::nalgebra::Dyn;
use autoencoder::random::seeded;
use autoencoder::size::{Image, Window};
use autoencoder::{
    AutoEncoder, Batch, Contractive, Conv1d, Conv2d, Dense, Module, contract, gradcheck,
};
use common::passes::Passes;
use rand::{Rng, RngExt};

use super::convolutions::Case;

/// Of an element.
const CLOSED_FORM: f64 = 1e-12;

fn draw(rng: &mut dyn Rng, len: usize) -> Vec<f64> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn assert_near(case: &Case, found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= CLOSED_FORM * expected.abs().max(1.0), "{found} for {expected}: {case:?}");
    }
}

/// One-pixel images, sides of any kind, zeros wider than the kernel, groups, dilations, windows; of all inputs, and of
/// those that come first.
#[test]
fn norms_are_sums_of_squares_over_the_taps_that_meet_an_input() {
    let rng = &mut seeded(31);
    let mut cases = 0;
    while cases < 400 {
        let Some(case) = Case::draw(rng, 7) else { continue };
        cases += 1;
        let map = case.map();
        let (inputs, outputs) = (map.num_inputs(), map.num_outputs());
        let weights = draw(rng, map.num_parameters());
        let scales = draw(rng, outputs);
        let before = draw(rng, weights.len());
        assert!(Linear::<f64>::has_squared_norms(&map));
        for counted in [inputs, rng.random_range(0..=inputs), rng.random_range(0..=inputs)] {
            // A tap meets one input, so an entry of the Jacobian is one weight.
            let (mut norms, mut gradient) = (vec![0.0; outputs], before.clone());
            case.products(|weight, input, output| {
                if input < counted {
                    norms[output] += weights[weight] * weights[weight];
                    gradient[weight] += scales[output] * weights[weight];
                }
            });
            let mut found = vec![f64::NAN; outputs];
            assert!(map.squared_norms(&weights, counted, &mut found));
            assert_near(&case, &found, &norms);
            let mut found = before.clone();
            map.add_squared_norms_gradient(&weights, counted, &scales, &mut found);
            assert_near(&case, &found, &gradient);
        }
    }
}

#[test]
fn the_closed_form_of_a_convolution_equals_passes_and_finite_differences() {
    let rng = &mut seeded(32);
    let mut cases = 0;
    while cases < 60 {
        let Some(case) = Case::draw(rng, 4) else { continue };
        cases += 1;
        let (map, samples) = (case.map(), 1 + cases % 3);
        let (inputs, outputs) = (map.num_inputs(), map.num_outputs());
        let layer = Activated::new(map, Tanh, Dyn(inputs), Dyn(outputs));
        let parameters = draw(rng, layer.num_parameters());
        let x = draw(rng, inputs * samples);
        let run = Passes { layer: &layer, samples, before: 0.0 };
        let (closed, closed_gradient) = run.squared_jacobian(&parameters, &x, false);
        let (passes, of_passes) = run.squared_jacobian(&parameters, &x, true);
        assert!((closed - passes).abs() <= CLOSED_FORM * closed.max(1.0), "{closed} {passes}");
        assert_near(&case, &closed_gradient, &of_passes);
        if cases % 6 == 0 {
            let found = gradcheck::function(&parameters, &closed_gradient, |parameters| {
                0.7 * run.squared_jacobian(parameters, &x, false).0
            });
            assert!(found.passes(), "{case:?}: {found}");
        }
    }
}

/// The penalty in a model, under weights of samples and all else that is asked of a model.
#[test]
fn contractive_convolutions_keep_the_contract() {
    let rng = &mut seeded(33);
    let penalty = || Contractive::new(0.3).unwrap();
    let image = || {
        AutoEncoder::builder()
            .encoder(Conv2d::<Image<2, 7, 6>, Image<3, 4, 3>, 3>::new(Sigmoid))
            .decoder(Dense::between(Image::<3, 4, 3>, Image::<2, 7, 6>, Identity))
            .regularizer(penalty())
            .build::<f64>()
            .unwrap()
    };
    contract::model(image, &Batch::new(Image::<2, 7, 6>, draw(rng, 84 * 5)).unwrap()).assert();
    let window = || {
        AutoEncoder::builder()
            .encoder(Conv1d::<Window<2, 7>, Window<3, 4>, 3>::new(Tanh))
            .decoder(Dense::between(Window::<3, 4>, Window::<2, 7>, Identity))
            .regularizer(penalty())
            .build::<f64>()
            .unwrap()
    };
    contract::model(window, &Batch::new(Window::<2, 7>, draw(rng, 14 * 4)).unwrap()).assert();
}
