//! Encoders whose derivatives are wrong where no objective shows it, and models of every kind that are right.

use nalgebra::Const;
use rand::Rng;

use super::{Contract, Outcome, Verdict, model};
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::code::Gaussian;
use crate::layer::activation::{Identity, Relu, Tanh};
use crate::layer::jacobian::{Asked, JacobianGradient, by_passes};
use crate::layer::layout::Layout;
use crate::layer::range::Symmetric;
use crate::layer::{
    Conditioned, Dense, DenseLayer, DualViewMut, Layer, Module, Part, Pass, Point, TangentPass,
    Then, Unconditioned,
};
use crate::model::AutoEncoder;
use crate::numbers::scalar::Float;
use crate::random::seeded;
use crate::regularizer::{Contractive, Variational};

fn data<T: Float, const N: usize>(salt: u64) -> Batch<T, Const<N>> {
    let rng = &mut seeded(salt);
    (0..9).map(|_| std::array::from_fn(|_| T::of(0.05 + 0.9 * f64::draw_uniform(rng)))).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// J v is 0.
    BlindTangent,
    /// J v lacks what the last unit does.
    TangentOfAllButOne,
    /// The second derivative is left out.
    TangentBackward,
    /// What goes back to the direction is too much.
    Direction,
    /// Gradients are written, not added.
    Overwrites,
    /// The value does not see how much samples count.
    Shares,
    /// The gradient is that of half the weight.
    JacobianGradient,
}

/// A dense layer without a closed form, and with a mistake.
#[derive(Debug, Clone)]
struct Planted<const I: usize, const O: usize> {
    layer: DenseLayer<Const<I>, Const<O>, Tanh>,
    mistake: Mistake,
}

impl<const I: usize, const O: usize> Module for Planted<I, O> {
    fn num_inputs(&self) -> usize {
        I
    }
    fn num_outputs(&self) -> usize {
        O
    }
    fn num_parameters(&self) -> usize {
        self.layer.num_parameters()
    }
}

impl<const I: usize, const O: usize> Part for Planted<I, O> {
    type Input = Const<I>;
    type Output = Const<O>;
    type Range = Symmetric;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> Const<I> {
        Const
    }
    fn output(&self) -> Const<O> {
        Const
    }
}

impl<const I: usize, const O: usize> Layer<f64> for Planted<I, O> {
    fn layout(&self, layout: &mut Layout) {
        Layer::<f64>::layout(&self.layer, layout);
    }
    fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        self.layer.draw_parameters(parameters, rng);
    }
    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
    fn tape_len(&self, samples: usize) -> usize {
        Layer::<f64>::tape_len(&self.layer, samples)
    }
    fn forward(
        &self,
        parameters: &[f64],
        x: BatchView<'_, f64>,
        y: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.forward(parameters, x, y, tape, scratch);
    }
    fn backward(
        &self,
        pass: Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        self.layer.backward(pass, dy, dx, gradient, scratch);
    }
    fn tangent_tape_len(&self, samples: usize) -> usize {
        Layer::<f64>::tangent_tape_len(&self.layer, samples)
    }
    fn tangent(
        &self,
        pass: Pass<'_, f64>,
        v: BatchView<'_, f64>,
        mut jv: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.tangent(pass, v, jv.reborrow(), tape, scratch);
        match self.mistake {
            Mistake::BlindTangent => jv.as_mut_slice().fill(0.0),
            Mistake::TangentOfAllButOne => {
                jv.as_mut_slice().iter_mut().skip(O - 1).step_by(O).for_each(|j| *j = 0.0);
            }
            _ => {}
        }
    }
    fn tangent_backward(
        &self,
        pass: Pass<'_, f64>,
        tangent: TangentPass<'_, f64>,
        d: DualViewMut<'_, f64>,
        mut d_input: Option<DualViewMut<'_, f64>>,
        gradient: &mut [f64],
        scratch: &mut [f64],
    ) {
        let to = d_input.as_mut().map(DualViewMut::reborrow);
        if self.mistake == Mistake::TangentBackward {
            // Without a tangent on the tape the term of the second derivative is 0.
            let tape = vec![0.0; tangent.tape.len()];
            let tangent = TangentPass { tape: &tape, ..tangent };
            return self.layer.tangent_backward(pass, tangent, d, to, gradient, scratch);
        }
        if self.mistake == Mistake::Overwrites {
            gradient.fill(0.0);
        }
        self.layer.tangent_backward(pass, tangent, d, to, gradient, scratch);
        if self.mistake == Mistake::Direction
            && let Some(d_input) = &mut d_input
        {
            d_input.tangent.as_mut_slice().iter_mut().for_each(|d| *d *= 1.01);
        }
    }
    fn squared_jacobian(
        &self,
        pass: Pass<'_, f64>,
        mut asked: Asked<'_, f64>,
        mut gradient: Option<JacobianGradient<'_, f64>>,
        scratch: &mut [f64],
    ) -> f64 {
        if self.mistake == Mistake::Shares {
            asked.shares = None;
        }
        if self.mistake == Mistake::JacobianGradient
            && let Some(gradient) = &mut gradient
        {
            gradient.weight *= 0.5;
        }
        by_passes(self, pass, asked, gradient, scratch)
    }
}

/// With as many code units as inputs the Jacobian goes by tangents, with fewer by cotangents.
fn planted<const O: usize>(mistake: Mistake) -> Outcome {
    let build = || {
        AutoEncoder::builder()
            .encoder(Planted::<3, O> { layer: Dense::<3, O>::new(Tanh), mistake })
            .decoder(Dense::<O, 3>::new(Identity))
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    model(build, &data::<f64, 3>(1))
}

#[track_caller]
fn assert_caught(outcome: &Outcome, expected: &[&str]) {
    let found: Vec<_> = outcome.failures().map(|check| check.name).collect();
    assert_eq!(found, expected, "\n{outcome}");
}

#[track_caller]
fn assert_passes(outcome: &Outcome, names: &[&str]) {
    outcome.assert();
    for name in names {
        assert_eq!(outcome.verdict(name), Some(&Verdict::Passed), "{name}\n{outcome}");
    }
}

const DERIVATIVES: [&str; 5] =
    ["gradient", "weighted_gradient", "tangent", "tangent_backward", "squared_jacobian"];

#[test]
fn a_layer_without_mistakes_passes() {
    assert_passes(&planted::<2>(Mistake::None), &DERIVATIVES);
    assert_passes(&planted::<3>(Mistake::None), &DERIVATIVES);
}

/// What silences a penalty on the Jacobian: its term is 0, and so is its gradient.
#[test]
fn a_tangent_that_is_wrong_is_caught() {
    let outcome = planted::<3>(Mistake::BlindTangent);
    assert_caught(&outcome, &["tangent", "squared_jacobian"]);
    assert_eq!(outcome.verdict("gradient"), Some(&Verdict::Passed));
    let why = "it is compared with differences of `tangent`, which has failed".to_owned();
    assert_eq!(outcome.verdict("tangent_backward"), Some(&Verdict::NotApplicable { why }));
    assert_caught(&planted::<2>(Mistake::BlindTangent), &["tangent"]);
    assert_caught(&planted::<2>(Mistake::TangentOfAllButOne), &["tangent"]);
}

#[test]
fn a_tangent_backward_that_is_wrong_is_caught() {
    let with_penalty = ["gradient", "weighted_gradient", "tangent_backward", "squared_jacobian"];
    assert_caught(&planted::<2>(Mistake::TangentBackward), &with_penalty);
    assert_caught(&planted::<3>(Mistake::TangentBackward), &with_penalty);
    // Nothing looks at the direction's gradient but chains.
    assert_caught(&planted::<3>(Mistake::Direction), &["tangent_backward"]);
    let outcome = planted::<3>(Mistake::Overwrites);
    assert!(matches!(outcome.verdict("tangent_backward"), Some(Verdict::Failed { .. })));
}

#[test]
fn a_squared_jacobian_that_is_wrong_is_caught() {
    let outcome = planted::<3>(Mistake::Shares);
    assert_caught(&outcome, &["squared_jacobian", "sample_weights_equal_repetition"]);
    let outcome = planted::<2>(Mistake::JacobianGradient);
    assert_caught(&outcome, &["gradient", "weighted_gradient", "squared_jacobian"]);
}

#[test]
fn conditional_models_and_classifiers_pass() {
    let applicable = [
        &DERIVATIVES[..],
        &["another_width_is_refused", "stream_equals_memory", "clones_are_independent"],
    ]
    .concat();
    let (x, conditions) = (data::<f64, 3>(1), data::<f64, 2>(2));
    let labels = [0_u8, 1, 2, 0, 1, 2, 2, 1, 0];
    let conditional = || {
        let body = Dense::<5, 4>::new(Tanh);
        let (mean, lv) = (Dense::<4, 2>::new(Identity), Dense::<4, 2>::new(Identity));
        AutoEncoder::builder()
            .encoder(Conditioned::<3, 2, _>::new(Gaussian::new(body, mean, lv)))
            .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Identity)))
            .regularizer((Variational::new(0.1).unwrap(), Contractive::new(0.1).unwrap()))
            .build::<f64>()
            .unwrap()
    };
    assert_passes(&model(conditional, (&x, &conditions)), &applicable);

    let classifier = || {
        AutoEncoder::builder()
            .encoder(Dense::<3, 4>::new(Tanh).then(Dense::<4, 3>::new(Tanh)))
            .classes::<3>()
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    assert_passes(&model(classifier, (&x, &labels)), &applicable);

    let both = || {
        AutoEncoder::builder()
            .encoder(Conditioned::<3, 2, _>::new(Dense::<5, 4>::new(Tanh)))
            .head(Conditioned::<4, 2, _>::new(Dense::<6, 3>::new(Identity)))
            .build::<f64>()
            .unwrap()
    };
    assert_passes(&model(both, (&x, &conditions, &labels)), &DERIVATIVES);

    let single = || {
        AutoEncoder::builder()
            .encoder(Dense::<3, 4>::new(Tanh))
            .classes::<3>()
            .build::<f32>()
            .unwrap()
    };
    let outcome = Contract::new(single, (&data::<f32, 3>(1), &labels)).check();
    assert_passes(&outcome, &["fit_reduces_the_objective", "one_agrees_with_many"]);
}

/// Rectifiers have kinks, and a frozen encoder is not trained: what is left of it is checked.
#[test]
fn rectifiers_and_frozen_encoders_pass() {
    let x = data::<f64, 3>(1);
    for is_frozen in [false, true] {
        let build = || {
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<3, 4>::new(Relu).then(Dense::<4, 2>::new(Relu)))
                .decoder(Dense::<2, 3>::new(Identity))
                .regularizer(Contractive::new(0.1).unwrap())
                .build::<f64>()
                .unwrap();
            model.set_encoder_frozen(is_frozen);
            model
        };
        assert_passes(&model(build, &x), &["tangent", "tangent_backward", "squared_jacobian"]);
    }
}

/// What cannot be used is a verdict of all checks, and no panic.
#[test]
fn a_stream_is_refused() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    let x = data::<f64, 3>(1);
    let outcome = model(build, &mut crate::data::InMemory::from(&x));
    assert_eq!(outcome.failures().count(), outcome.checks.len());
    assert!(outcome.to_string().contains("this call takes samples in memory, and no stream"));
}
