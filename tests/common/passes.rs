//! Runs the passes of a layer with memory of its own: for the tests of layers.

use autoencoder::layer::jacobian::{self, Asked, Jacobian, JacobianGradient};
use autoencoder::layer::{DualViewMut, Pass, TangentPass};
use autoencoder::{BatchView, BatchViewMut, Layer, Layout};

/// A layer that is given so many samples.
pub struct Passes<'a> {
    pub layer: &'a dyn Layer<f64>,
    pub samples: usize,
    /// What lies in the gradient of the parameters before a backward pass.
    pub before: f64,
}

impl Passes<'_> {
    /// The numbers that the layer is given: what it shares with an encoder, then its own.
    pub fn num_parameters(&self) -> usize {
        self.layer.num_shared() + self.layer.num_parameters()
    }

    /// Which of its own parameters are trained.
    pub fn is_trained(&self) -> Vec<bool> {
        let mut layout = Layout::new();
        self.layer.layout(&mut layout);
        let mut is_trained = vec![true; self.layer.num_parameters()];
        for tensor in layout.tensors() {
            is_trained[tensor.range.clone()].fill(!tensor.is_frozen);
        }
        is_trained
    }

    fn scratch(&self) -> Vec<f64> {
        vec![f64::NAN; self.layer.scratch_len(self.samples)]
    }

    /// y, and the tape.
    fn run(&self, parameters: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let mut y = vec![f64::NAN; outputs * self.samples];
        let mut tape = vec![f64::NAN; self.layer.tape_len(self.samples)];
        let (x, to) = (BatchView::new(x, inputs), BatchViewMut::new(&mut y, outputs));
        self.layer.forward(parameters, x, to, &mut tape, &mut self.scratch());
        (y, tape)
    }

    /// J v, and the tangent tape.
    fn tangent(&self, pass: Pass<'_, f64>, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let mut jv = vec![f64::NAN; outputs * self.samples];
        let mut tape = vec![f64::NAN; self.layer.tangent_tape_len(self.samples)];
        let (v, to) = (BatchView::new(v, inputs), BatchViewMut::new(&mut jv, outputs));
        self.layer.tangent(pass, v, to, &mut tape, &mut self.scratch());
        (jv, tape)
    }

    /// y.
    pub fn forward(&self, parameters: &[f64], x: &[f64]) -> Vec<f64> {
        self.run(parameters, x).0
    }

    /// y and J v.
    pub fn along(&self, parameters: &[f64], x: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let (y, tape) = self.run(parameters, x);
        let (x, of) = (BatchView::new(x, inputs), BatchView::new(&y, outputs));
        let jv = self.tangent(Pass { parameters, x, y: of, tape: &tape }, v).0;
        (y, jv)
    }

    /// Gradients for θ and x, one after the other, of ⟨u, y⟩.
    pub fn backward(&self, parameters: &[f64], x: &[f64], u: &[f64]) -> Vec<f64> {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let (y, tape) = self.run(parameters, x);
        let mut gradient = vec![self.before; parameters.len()];
        let (mut dx, mut dy) = (vec![f64::NAN; x.len()], u.to_vec());
        let (x, y) = (BatchView::new(x, inputs), BatchView::new(&y, outputs));
        let pass = Pass { parameters, x, y, tape: &tape };
        let (dy, to_x) = (BatchViewMut::new(&mut dy, outputs), BatchViewMut::new(&mut dx, inputs));
        self.layer.backward(pass, dy, Some(to_x), Some(&mut gradient), &mut self.scratch());
        [gradient, dx].concat()
    }

    /// Gradients for θ, x and v, one after the other, of ⟨u, y⟩ + ⟨w, J v⟩.
    pub fn tangent_backward(
        &self,
        parameters: &[f64],
        (x, v): (&[f64], &[f64]),
        (u, w): (&[f64], &[f64]),
    ) -> Vec<f64> {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let (y, tape) = self.run(parameters, x);
        let mut gradient = vec![self.before; parameters.len()];
        let (mut dx, mut dv) = (vec![f64::NAN; x.len()], vec![f64::NAN; v.len()]);
        let (mut dy, mut d_jv) = (u.to_vec(), w.to_vec());
        let (x, y) = (BatchView::new(x, inputs), BatchView::new(&y, outputs));
        let pass = Pass { parameters, x, y, tape: &tape };
        let tangent_tape = self.tangent(pass, v).1;
        let tangent = TangentPass { v: BatchView::new(v, inputs), tape: &tangent_tape };
        let d = DualViewMut {
            value: BatchViewMut::new(&mut dy, outputs),
            tangent: BatchViewMut::new(&mut d_jv, outputs),
        };
        let d_input = Some(DualViewMut {
            value: BatchViewMut::new(&mut dx, inputs),
            tangent: BatchViewMut::new(&mut dv, inputs),
        });
        let mut scratch = self.scratch();
        self.layer.tangent_backward(pass, tangent, d, d_input, &mut gradient, &mut scratch);
        [gradient, dx, dv].concat()
    }

    /// The squared Jacobian and 0.7 times its gradient for θ, as the layer finds it or by passes.
    pub fn squared_jacobian(
        &self,
        parameters: &[f64],
        x: &[f64],
        by_passes: bool,
    ) -> (f64, Vec<f64>) {
        let (layer, samples) = (self.layer, self.samples);
        let (inputs, outputs) = (layer.num_inputs(), layer.num_outputs());
        let (y, tape) = self.run(parameters, x);
        let (x, y) = (BatchView::new(x, inputs), BatchView::new(&y, outputs));
        let pass = Pass { parameters, x, y, tape: &tape };
        let mut gradient = vec![0.0; parameters.len()];
        // Of a Gaussian encoder it is that of the means.
        let units = layer.num_units();
        let mut d_output = vec![0.0; units * samples];
        let len = jacobian::scratch_len(layer, samples).max(layer.jacobian_scratch_len(samples));
        let mut scratch = vec![f64::NAN; len];
        let to = JacobianGradient {
            weight: 0.7,
            d_output: BatchViewMut::new(&mut d_output, units),
            parameters: &mut gradient,
        };
        let asked = Asked { how: Jacobian::Exact, inputs, shares: None, streams: None };
        let value = if by_passes {
            jacobian::by_passes(layer, pass, asked, Some(to), &mut scratch)
        } else {
            layer.squared_jacobian(pass, asked, Some(to), &mut scratch)
        };
        // What was left at the outputs goes on through the layer, as a model's step does it. Its
        // gradients are written over what was there, but for those that are shared, and frozen ones.
        let written = self.is_trained().into_iter().map(|is_it| if is_it { f64::NAN } else { 0.0 });
        let mut rest = vec![0.0; layer.num_shared()];
        rest.extend(written);
        d_output.resize(outputs * samples, 0.0);
        let dy = BatchViewMut::new(&mut d_output, outputs);
        layer.backward(pass, dy, None, Some(&mut rest), &mut self.scratch());
        gradient.iter_mut().zip(rest).for_each(|(g, rest)| *g += rest);
        (value, gradient)
    }
}
