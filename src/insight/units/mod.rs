//! What the units of a code have learned: the inputs that excite them, what each of them draws, and which part
//! of an input one looks at.
//!
//! | call | gives |
//! |---|---|
//! | [`filters`] | the input of unit norm that most excites each unit of one [`Dense`](crate::Dense) layer, in closed form |
//! | [`convolution_filters`] | the same of the first convolution of an encoder: a small image for each channel |
//! | [`preferred_inputs`] | the same for any encoder, by gradient ascent |
//! | [`decoder_columns`] | what the decoder adds for one unit of each code unit; of a classifier, what its head adds |
//! | [`feature_maps`] | the outputs of any layer of an encoder for given images, channel by channel |
//! | [`top_patches`] | the patches of given images that excite a channel of any layer most |
//! | [`saliency`], [`saliency_maps`] | ∂h/∂x of one code unit at one sample, or as an image for each of many |
//! | [`occluded_unit`], [`occluded_error`] | where it matters that a part of an image is hidden: to a code unit, or to the reconstruction |
//!
//! Of a conditional model all of this is under a condition, which is held fixed: see [`preferred_inputs_under`] and
//! [`decoder_columns_under`]; the calls that take samples take `(&x, &conditions)`.
//!
//! # Pictures
//! What is an image a `FeatureGrid` of `plot` draws; [`channels`] makes images of their own of the channels of each. What
//! has both signs, as filters, decoder columns and saliency maps have, it draws as it is, with 0 in the middle of the colours.
//! Patches, samples and other pictures it draws as such by `.range(0.0..=1.0)`, with the ends that their values have; so
//! feature maps of a [`Relu`](crate::activation::Relu), from 0 to the largest value of all.
//!
//! # Units of measure
//! All inputs and outputs here are as encoder and decoder have them: of a model with a
//! [normalizer](crate::Builder::normalizer), *normalized*. A norm of 1 is a norm of 1 there, and derivatives
//! are those by normalized inputs, as in [`squared_jacobian`](crate::AutoEncoder::squared_jacobian).
//! [`Normalizer::undo`](crate::Normalizer::undo) takes an input to the user's units.

mod ascent;
mod columns;
mod filters;
mod maps;
mod occlusion;
mod patches;
mod saliency;

pub use ascent::{Ascent, Preferred, preferred_inputs, preferred_inputs_under};
pub use columns::{decoder_columns, decoder_columns_under};
#[cfg(feature = "html")]
pub(crate) use filters::first_kernels;
pub use filters::{OneDense, convolution_filters, filters};
pub use maps::{channels, feature_maps};
pub use occlusion::{Occluded, Occlusion, occluded_error, occluded_unit};
pub use patches::{Patches, top_patches};
pub use saliency::{saliency, saliency_maps};

use crate::batch::BatchView;
use crate::error::{Result, require_size};
use crate::layer::Pass;
use crate::model::blocks::blocks;
use crate::model::network::Network;
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

/// Goes through the encoder with all samples, some at a time, and shows each pass and the number of its first sample.
fn each_pass<T: Float>(
    network: &Network<T>,
    rows: Rows<'_, T>,
    mut each: impl FnMut(usize, Pass<'_, T>) -> Result<()>,
) -> Result<()> {
    let (mut workspace, mut first) = (network.workspace(), 0);
    for block in blocks(rows) {
        network.infer(&mut workspace, block);
        let encoding = &workspace.encoding;
        let x = match block.conditions {
            Some(_) => BatchView::new(&encoding.joined, network.encoder.num_inputs()),
            None => block.x,
        };
        let parameters = &network.parameters[network.places().encoder];
        let (y, tape) = (encoding.posterior.values(), &encoding.tape[..]);
        each(first, Pass { parameters, x, y, tape })?;
        first += block.x.samples();
    }
    Ok(())
}

/// A condition as a batch of one, which goes with every column.
fn checked<'a, T: Float>(
    call: &'static str,
    network: &Network<T>,
    condition: Option<&'a [T]>,
) -> Result<Option<BatchView<'a, T>>> {
    let wanted = network.facts.condition;
    require_size(call, "numbers of the condition", wanted, condition.map_or(0, <[T]>::len))?;
    let condition = condition.filter(|_| wanted > 0).map(|numbers| BatchView::new(numbers, wanted));
    network.check_conditions(call, condition, 1)?;
    Ok(condition)
}

fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}

/// To a norm of 1; what is 0 stays 0.
fn normalize<T: Float>(x: &mut [T]) {
    // By the largest value first, so that no square leaves the range.
    let largest = x.iter().fold(T::ZERO, |largest, x| largest.max(x.abs()));
    if largest > T::ZERO {
        x.iter_mut().for_each(|x| *x /= largest);
        let norm = dot(x, x).sqrt();
        x.iter_mut().for_each(|x| *x /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Gaussian;
    use crate::code::prior::{GaussianMixture, VampPrior};
    use crate::layer::activation::{Identity, Tanh};
    use crate::layer::{Conditioned, Dense, Tied};
    use crate::loss::LearnedGaussian;
    use crate::model::AutoEncoder;
    use crate::regularizer::Variational;

    /// What a decoder adds is that of its own parameters, whatever parameters lie behind them: those of a loss and
    /// those of a prior.
    #[test]
    fn decoder_columns_do_not_depend_on_parameters_of_losses_and_priors() {
        macro_rules! begun {
            () => {
                AutoEncoder::builder()
                    .encoder(Gaussian::new(
                        Dense::<6, 5>::new(Tanh),
                        Dense::<5, 3>::new(Identity),
                        Dense::<5, 3>::new(Identity),
                    ))
                    .decoder(Dense::<3, 6>::new(Tanh))
                    .seed(7)
            };
        }
        let plain = begun!().build::<f64>().unwrap();
        let expected = decoder_columns(&plain);
        // By hand: the decoder's biases are 0 at first, so that g(0) = tanh 0.
        let weights = plain.parameter("decoder.0.weight").unwrap();
        for (found, w) in expected.as_slice().iter().zip(weights) {
            assert!((found - w.tanh()).abs() < 1e-15);
        }
        macro_rules! assert_same {
            ($model:expr) => {
                let model = $model.build::<f64>().unwrap();
                let (all, shared) = (model.num_parameters(), plain.num_parameters());
                assert!(all > shared);
                assert_eq!(model.parameters()[..shared], *plain.parameters());
                assert_eq!(decoder_columns(&model), expected);
            };
        }
        let mixture = || Variational::default().prior(GaussianMixture::new(4).unwrap());
        let vamp = || Variational::default().prior(VampPrior::new(3).unwrap());
        assert_same!(begun!().loss(LearnedGaussian::shared()));
        assert_same!(begun!().loss(LearnedGaussian::per_feature()));
        assert_same!(begun!().regularizer(mixture()));
        assert_same!(begun!().regularizer(vamp()));
        assert_same!(begun!().loss(LearnedGaussian::per_feature()).regularizer(vamp()));
    }

    /// A decoder that reads the encoder's weights is given both, and no more.
    #[test]
    fn decoder_columns_of_tied_weights_are_rows_of_the_encoders() {
        let model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Tied::new(Identity))
            .loss(LearnedGaussian::per_feature())
            .build::<f64>()
            .unwrap();
        let weights = model.parameter("encoder.0.weight").unwrap();
        for (unit, column) in decoder_columns(&model).iter().enumerate() {
            for (input, found) in column.iter().enumerate() {
                assert!((found - weights[3 * input + unit]).abs() < 1e-15);
            }
        }
    }

    /// Under a condition c, one dense layer of the weights (W, V) is one of the weights W and the biases b + V c.
    #[test]
    fn a_condition_is_held_fixed() {
        let mut conditional = AutoEncoder::builder()
            .encoder(Conditioned::<3, 2, _>::new(Dense::<5, 2>::new(Tanh)))
            .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Tanh)))
            .build::<f64>()
            .unwrap();
        let parameters: Vec<f64> = (0..27).map(|k| (1.7 * f64::from(k)).sin()).collect();
        conditional.set_parameters(&parameters).unwrap();
        let mut plain = AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Tanh))
            .build::<f64>()
            .unwrap();
        let c = [0.5, -2.0];
        let moved = |weights: &[f64], outputs: usize, inputs: usize| -> Vec<f64> {
            let (w, rest) = weights.split_at(outputs * inputs);
            let (v, b) = rest.split_at(2 * outputs);
            let biases = (0..outputs).map(|k| b[k] + v[k] * c[0] + v[outputs + k] * c[1]);
            w.iter().copied().chain(biases).collect()
        };
        let (encoder, decoder) = parameters.split_at(12);
        plain.set_parameters(&[moved(encoder, 2, 3), moved(decoder, 3, 2)].concat()).unwrap();

        let near = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        };
        let found = decoder_columns_under(&conditional, &c).unwrap();
        near(found.as_slice(), decoder_columns(&plain).as_slice());
        let x = [0.3, -0.4, 0.9];
        let found = saliency(&conditional, (&x, &c), 1).unwrap();
        near(&found, &saliency(&plain, &x, 1).unwrap());
        near(filters(&conditional).as_slice(), filters(&plain).as_slice());
        let found = preferred_inputs_under(&conditional, &c, Ascent::default()).unwrap();
        let expected = preferred_inputs(&plain, Ascent::default()).unwrap();
        near(&found.activations, &expected.activations);
        let code = conditional.encode_one((found.inputs.sample(0), &c)).unwrap();
        near(&code[..1], &found.activations[..1]);

        assert!(decoder_columns_under(&conditional, &[f64::NAN, 0.0]).is_err());
        assert!(preferred_inputs_under(&conditional, &vec![0.0; 3], Ascent::default()).is_err());
    }
}
