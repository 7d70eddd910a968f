use rand::Rng;

use crate::batch::size::SameSize;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_fit, require_size};
use crate::layer::field::{Lies, Link};
use crate::layer::jacobian::{Asked, JacobianGradient};
use crate::layer::layout::Layout;
use crate::layer::part::End;
use crate::layer::{
    Chain, Detach, DiagonalGaussian, DualViewMut, Layer, Module, Part, Pass, Pointlike,
    TangentPass, Unconditioned, require_link,
};
use crate::numbers::scalar::Float;

/// The encoder of a variational autoencoder: a body with two heads of equal size, one
/// for the mean of the code and one for its log-variance.
///
/// The log-variance is clamped once, by default to [−30, 20]; the divergence, the draw and their
/// gradients all use the clamped value.
///
/// # Example
/// ```
/// use autoencoder::{Dense, Gaussian, activation::{Identity, Relu}};
/// let encoder = Gaussian::new(
///     Dense::<784, 400>::new(Relu),
///     Dense::<400, 20>::new(Identity),
///     Dense::<400, 20>::new(Identity),
/// );
/// # let _ = encoder;
/// ```
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
///
/// On the tape: the body's tape, its outputs, the tapes of the two heads.
#[derive(Debug, Clone)]
pub struct Gaussian<B, M, V> {
    /// From the input to the mean.
    path: Chain<B, M>,
    log_variance: V,
    clamp: (f64, f64),
}

impl<B: Part, M: Part, V: Part> Gaussian<B, M, V> {
    /// A body, and on top of it the heads for mean and log-variance.
    pub fn new(body: B, mean: M, log_variance: V) -> Self
    where
        M::Input: SameSize<B::Output>,
        V::Input: SameSize<B::Output>,
        V::Output: SameSize<M::Output>,
        B::Posterior: Pointlike,
        M::Posterior: Pointlike,
        V::Posterior: Pointlike,
    {
        const {
            let () = <M::Input as SameSize<B::Output>>::FITS;
            let () = <V::Input as SameSize<B::Output>>::FITS;
            let () = <V::Output as SameSize<M::Output>>::FITS;
        }
        Self { path: Chain::new(body, mean), log_variance, clamp: (-30.0, 20.0) }
    }
}

impl<B, M, V> Gaussian<B, M, V> {
    /// Clamps the log-variance to [`low`, `high`]. Default: [−30, 20].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless both are finite, at most
    /// 80 in size (beyond it the variance overflows `f32`), and `low < high`.
    pub fn clamp(mut self, low: f64, high: f64) -> Result<Self> {
        require(low.abs() <= 80.0, "Gaussian clamp low", low, "in [-80, 80]")?;
        let valid = high.abs() <= 80.0 && low < high;
        require(valid, "Gaussian clamp high", high, "in [-80, 80] and greater than the low end")?;
        self.clamp = (low, high);
        Ok(self)
    }

    fn ends<T: Float>(&self) -> (T, T) {
        (T::of(self.clamp.0), T::of(self.clamp.1))
    }
}

impl<B: Part, M: Part, V: Part> Gaussian<B, M, V> {
    fn hidden_len(&self, samples: usize) -> usize {
        self.path.first.num_outputs() * samples
    }

    fn mean_len(&self, samples: usize) -> usize {
        self.path.num_outputs() * samples
    }

    /// What the pass was on the way to the means, for the head of the log-variances, and which they are.
    fn passes<'a, T: Float>(&self, pass: Pass<'a, T>) -> (Pass<'a, T>, Pass<'a, T>)
    where
        B: Layer<T> + Clone + 'static,
        M: Layer<T> + Clone + 'static,
    {
        let samples = pass.x.samples();
        let (path, head) = pass.parameters.split_at(self.path.num_parameters());
        let (path_tape, head_tape) = pass.tape.split_at(self.path.tape_len(samples));
        let (mean, lv) = pass.y.as_slice().split_at(self.mean_len(samples));
        let units = self.path.num_outputs();
        let mean = BatchView::new(mean, units);
        let of_path = Pass { parameters: path, x: pass.x, y: mean, tape: path_tape };
        let hidden = self.path.passes(of_path).0.y;
        let y = BatchView::new(lv, units);
        (of_path, Pass { parameters: head, x: hidden, y, tape: head_tape })
    }
}

impl<B: Part, M: Part, V: Part> Module for Gaussian<B, M, V> {
    fn num_inputs(&self) -> usize {
        self.path.num_inputs()
    }

    fn num_outputs(&self) -> usize {
        2 * self.path.num_outputs()
    }

    fn num_parameters(&self) -> usize {
        self.path.num_parameters().saturating_add(self.log_variance.num_parameters())
    }

    fn is_gaussian(&self) -> bool {
        true
    }

    /// Of the means, and of the log-variances.
    fn lies(&self) -> Option<Lies> {
        self.path.lies()
    }

    fn is_frozen(&self) -> bool {
        self.path.is_frozen() && self.log_variance.is_frozen()
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.path.set_frozen(is_frozen);
        self.log_variance.set_frozen(is_frozen);
    }

    fn check_sizes(&self) -> Result<()> {
        let (body, mean) = self.path.layers();
        body.check_sizes()?;
        mean.check_sizes()?;
        self.log_variance.check_sizes()?;
        let part = "a part of a `Gaussian`";
        require_link(part, body)?;
        require_link(part, mean)?;
        require_link(part, &self.log_variance)?;
        let shared = body.num_shared().max(mean.num_shared()).max(self.log_variance.num_shared());
        require_fit(shared == 0, part, "has tied weights", "only a decoder can have them")?;
        let hidden = body.num_outputs();
        let place = "inputs of the Gaussian's mean head";
        require_size(place, "units", hidden, mean.num_inputs())?;
        End::output(body).require(place, End::input(mean))?;
        let (place, head) = ("inputs of the Gaussian's log-variance head", &self.log_variance);
        require_size(place, "units", hidden, head.num_inputs())?;
        End::output(body).require(place, End::input(head))?;
        let place = "outputs of the Gaussian's log-variance head";
        require_size(place, "code units", mean.num_outputs(), head.num_outputs())?;
        End::output(mean).require(place, End::output(head))
    }
}

impl<B: Part, M: Part, V: Part> Part for Gaussian<B, M, V> {
    type Input = B::Input;
    type Output = M::Output;
    type Range = M::Range;
    type Posterior = DiagonalGaussian;
    type Condition = Unconditioned;
    fn input(&self) -> B::Input {
        self.path.input()
    }
    fn output(&self) -> M::Output {
        self.path.output()
    }
    fn inputs_lie(&self) -> Option<Lies> {
        self.path.inputs_lie()
    }
}

impl<T, B, M, V> Layer<T> for Gaussian<B, M, V>
where
    T: Float,
    B: Layer<T> + Part + Clone + 'static,
    M: Layer<T> + Part + Clone + 'static,
    V: Layer<T> + Part + Clone + 'static,
{
    fn layout(&self, layout: &mut Layout) {
        let (body, mean) = self.path.layers();
        layout.scope("body", |layout| body.layout(layout));
        layout.scope("mean", |layout| mean.layout(layout));
        layout.scope("log_variance", |layout| self.log_variance.layout(layout));
        let (low, high) = self.clamp;
        layout.setting(format_args!("log-variance held in [{low}, {high}]"));
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let (path, log_variance) = parameters.split_at_mut(self.path.num_parameters());
        self.path.draw_parameters(path, rng);
        self.log_variance.draw_parameters(log_variance, rng);
    }

    fn range(&self) -> (f64, f64) {
        self.path.range()
    }

    /// On the way to the means.
    fn links(&self, pass: Pass<'_, T>, visit: &mut dyn FnMut(Link<'_, T>)) {
        self.path.links(self.passes(pass).0, visit);
    }

    fn tape_len(&self, samples: usize) -> usize {
        self.path.tape_len(samples) + self.log_variance.tape_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let (body, mean) = self.path.layers();
        let heads = mean.scratch_len(samples).max(self.log_variance.scratch_len(samples));
        let parts = heads.max(body.scratch_len(samples)).max(self.path.scratch_len(samples));
        4 * self.hidden_len(samples) + parts
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (samples, units) = (x.samples(), self.path.num_outputs());
        let (path, head) = parameters.split_at(self.path.num_parameters());
        let (path_tape, head_tape) = tape.split_at_mut(self.path.tape_len(samples));
        let (mean, lv) = y.as_mut_slice().split_at_mut(self.mean_len(samples));
        let mut mean = BatchViewMut::new(mean, units);
        self.path.forward(path, x, mean.reborrow(), path_tape, scratch);
        let pass = Pass { parameters: path, x, y: mean.as_view(), tape: path_tape };
        let hidden = self.path.passes(pass).0.y;
        let mut lv = BatchViewMut::new(lv, units);
        self.log_variance.forward(head, hidden, lv.reborrow(), head_tape, scratch);
        let (low, high) = self.ends();
        for lv in lv.as_mut_slice() {
            // Written so that NaN stays NaN.
            *lv = if *lv < low {
                low
            } else if *lv > high {
                high
            } else {
                *lv
            };
        }
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        mut dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let samples = pass.x.samples();
        let (hidden_len, units) = (self.hidden_len(samples), self.path.num_outputs());
        let (of_path, of_head) = self.passes(pass);
        let (of_body, of_mean) = self.path.passes(of_path);
        let (body, mean) = self.path.layers();
        let (of_first, log_variance_gradient) =
            gradient.map(|gradient| gradient.split_at_mut(self.path.num_parameters())).unzip();
        let (body_gradient, mean_gradient) =
            of_first.map(|gradient| gradient.split_at_mut(body.num_parameters())).unzip();
        let (d_hidden, rest) = scratch.split_at_mut(hidden_len);
        let (d_other, scratch) = rest.split_at_mut(hidden_len);
        let (d_mean, d_lv) = dy.as_mut_slice().split_at_mut(self.mean_len(samples));

        // Where the log-variance is clamped it does not depend on the head.
        let (low, high) = self.ends();
        for (d, &lv) in d_lv.iter_mut().zip(of_head.y.as_slice()) {
            if lv <= low || lv >= high {
                *d = T::ZERO;
            }
        }
        let width = body.num_outputs();
        let other = BatchViewMut::new(&mut *d_other, width);
        let d_lv = BatchViewMut::new(d_lv, units);
        self.log_variance.backward(of_head, d_lv, Some(other), log_variance_gradient, scratch);
        let mut d_hidden = BatchViewMut::new(d_hidden, width);
        let d_mean = BatchViewMut::new(d_mean, units);
        mean.backward(of_mean, d_mean, Some(d_hidden.reborrow()), mean_gradient, scratch);
        for (d, &other) in d_hidden.as_mut_slice().iter_mut().zip(&*d_other) {
            *d += other;
        }
        body.backward(of_body, d_hidden, dx, body_gradient, scratch);
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.path.tangent_tape_len(samples) + self.log_variance.tangent_tape_len(samples)
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (samples, units) = (v.samples(), self.path.num_outputs());
        let (of_path, of_head) = self.passes(pass);
        let (path_tape, head_tape) = tangent_tape.split_at_mut(self.path.tangent_tape_len(samples));
        let (j_mean, j_lv) = jv.as_mut_slice().split_at_mut(self.mean_len(samples));
        let j_mean = BatchViewMut::new(j_mean, units);
        self.path.tangent(of_path, v, j_mean, path_tape, scratch);
        let v_hidden = self.path.tangent_tapes(path_tape, samples).1;
        let j_lv = BatchViewMut::new(j_lv, units);
        self.log_variance.tangent(of_head, v_hidden, j_lv, head_tape, scratch);
        let (low, high) = self.ends();
        let lvs = pass.y.as_slice()[self.mean_len(samples)..].iter();
        for (j, &lv) in jv.as_mut_slice()[self.mean_len(samples)..].iter_mut().zip(lvs) {
            if lv <= low || lv >= high {
                *j = T::ZERO;
            }
        }
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        mut d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let (samples, units) = (pass.x.samples(), self.path.num_outputs());
        let (of_path, of_head) = self.passes(pass);
        let (of_body, of_mean) = self.path.passes(of_path);
        let (body, mean) = self.path.layers();
        let (path_tape, head_tape) = tangent.tape.split_at(self.path.tangent_tape_len(samples));
        let (body_tape, v_hidden, mean_tape) = self.path.tangent_tapes(path_tape, samples);
        let (path_gradient, head_gradient) = gradient.split_at_mut(self.path.num_parameters());
        let (body_gradient, mean_gradient) = path_gradient.split_at_mut(body.num_parameters());
        let (to_heads, scratch) = scratch.split_at_mut(4 * self.hidden_len(samples));
        let (of_lv, of_both) = to_heads.split_at_mut(2 * self.hidden_len(samples));

        let means = self.mean_len(samples);
        let (value_mean, value_lv) = d.value.as_mut_slice().split_at_mut(means);
        let (tangent_mean, tangent_lv) = d.tangent.as_mut_slice().split_at_mut(means);
        let (low, high) = self.ends();
        for (at, &lv) in of_head.y.as_slice().iter().enumerate() {
            if lv <= low || lv >= high {
                (value_lv[at], tangent_lv[at]) = (T::ZERO, T::ZERO);
            }
        }
        let width = body.num_outputs();
        let (value, of_tangent) = of_lv.split_at_mut(self.hidden_len(samples));
        let to = Some(dual(value, of_tangent, width));
        let by = TangentPass { v: v_hidden, tape: head_tape };
        let d_lv = dual(value_lv, tangent_lv, units);
        self.log_variance.tangent_backward(of_head, by, d_lv, to, head_gradient, scratch);
        let (value, of_tangent) = of_both.split_at_mut(self.hidden_len(samples));
        let to = Some(dual(value, of_tangent, width));
        let by = TangentPass { v: v_hidden, tape: mean_tape };
        let d_mean = dual(value_mean, tangent_mean, units);
        mean.tangent_backward(of_mean, by, d_mean, to, mean_gradient, scratch);
        of_both.iter_mut().zip(&*of_lv).for_each(|(both, &lv)| *both += lv);
        let (value, of_tangent) = of_both.split_at_mut(self.hidden_len(samples));
        let by = TangentPass { v: tangent.v, tape: body_tape };
        let d_hidden = dual(value, of_tangent, width);
        body.tangent_backward(of_body, by, d_hidden, d_input, body_gradient, scratch);
    }

    /// Of the mean: the Jacobian of body and mean head, one after the other.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, T>,
        asked: Asked<'_, T>,
        gradient: Option<JacobianGradient<'_, T>>,
        scratch: &mut [T],
    ) -> T {
        let pass = self.passes(pass).0;
        let gradient = gradient.map(|gradient| JacobianGradient {
            parameters: &mut gradient.parameters[..self.path.num_parameters()],
            ..gradient
        });
        self.path.squared_jacobian(pass, asked, gradient, scratch)
    }

    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        self.path.jacobian_scratch_len(samples)
    }
}

/// Gradients at values and at their tangents.
fn dual<'a, T: Float>(value: &'a mut [T], tangent: &'a mut [T], rows: usize) -> DualViewMut<'a, T> {
    DualViewMut { value: BatchViewMut::new(value, rows), tangent: BatchViewMut::new(tangent, rows) }
}

impl<T, B, M, V> Detach<T> for Gaussian<B, M, V>
where
    T: Float,
    B: Detach<T> + Clone + 'static,
    M: Detach<T> + Clone + 'static,
    V: Detach<T> + Clone + 'static,
{
    type Detached = Gaussian<B::Detached, M::Detached, V::Detached>;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        let (path, head) = parameters.split_at(self.path.num_parameters());
        let path = self.path.detach(path, to);
        Gaussian { path, log_variance: self.log_variance.detach(head, to), clamp: self.clamp }
    }
}
