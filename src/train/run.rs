use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::optimizer::Step;
use crate::random::Streams;
use crate::regularizer::Regularizer;
use crate::scalar::sum;
use crate::workspace::Workspace;
use crate::{AutoEncoder, BatchView, Loss, Optimizer, Scalar};

/// The buffers of one training.
pub(super) struct Run<E: Encoder> {
    pub(super) workspace: Workspace<E>,
    batch: Vec<E::Scalar>,
    gradient: Vec<E::Scalar>,
    optimizer_state: Vec<E::Scalar>,
    next: Vec<E::Scalar>,
    pub(super) steps: u64,
}

impl<E: Encoder> Run<E> {
    pub(super) fn new<D, R, L>(model: &AutoEncoder<E, D, R, L>, states: usize) -> Self
    where
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
    {
        let zeros = |len| vec![E::Scalar::ZERO; len];
        let parameters = model.num_parameters();
        Self {
            workspace: model.workspace(),
            batch: Vec::new(),
            gradient: zeros(parameters),
            optimizer_state: zeros(states * parameters),
            next: zeros(parameters),
            steps: 0,
        }
    }

    /// One step on the chosen samples. Returns the gradient's norm, or what stopped being finite;
    /// the model has changed only if all is well.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn step<D, R, L>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        optimizer: &impl Optimizer<E::Scalar>,
        data: BatchView<'_, E::Scalar, E::Input>,
        streams: Streams<'_>,
        chosen: &[usize],
        rate: f64,
        clip_norm: Option<f64>,
    ) -> std::result::Result<f64, String>
    where
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
    {
        let features = data.features();
        self.batch.clear();
        for &index in chosen {
            self.batch.extend_from_slice(&data.as_slice()[index * features..][..features]);
        }
        let x = BatchView::new(&self.batch, data.dim());
        let gradient = Some(&mut self.gradient[..]);
        model.step(&model.parameters, &mut self.workspace, x, Some(streams), gradient);
        for (name, value) in self.workspace.terms.iter() {
            if !value.is_finite() {
                return Err(format!("the term `{name}`"));
            }
        }
        // With a limit the norm is needed before the first parameter moves; without one it is
        // found on the way, while the gradient is in the cache.
        let mut norm = 0.0;
        let mut factor = None;
        if let Some(longest) = clip_norm {
            norm = squares(&self.gradient).sqrt();
            factor = (norm > longest).then(|| E::Scalar::of(longest / norm));
        }
        let mut total = 0.0;
        let states = optimizer.states();
        for tensor in model.layout().tensors() {
            let step = Step::new(self.steps + 1, rate, tensor.role);
            let state = &mut self.optimizer_state[states * tensor.range.start..];
            let mut state = &mut state[..states * tensor.range.len()];
            for start in tensor.range.clone().step_by(CHUNK) {
                let range = start..tensor.range.end.min(start + CHUNK);
                let gradient = &mut self.gradient[range.clone()];
                match factor {
                    Some(factor) => gradient.iter_mut().for_each(|g| *g *= factor),
                    None => total += squares(gradient),
                }
                if !(total.is_finite() && norm.is_finite()) {
                    return Err("the gradient".to_owned());
                }
                let (own, rest) = state.split_at_mut(states * range.len());
                state = rest;
                let next = &mut self.next[range.clone()];
                optimizer.step(&step, &model.parameters[range], gradient, own, next);
                // x · 0 is 0 for every finite x, and NaN otherwise.
                if sum(next, |p| p * E::Scalar::ZERO) != E::Scalar::ZERO {
                    return Err("the parameters after the step".to_owned());
                }
            }
        }
        if clip_norm.is_none() {
            norm = total.sqrt();
        }
        std::mem::swap(&mut model.parameters, &mut self.next);
        let Workspace { posterior, .. } = &self.workspace;
        model.update_state(posterior);
        self.steps += 1;
        Ok(norm)
    }
}

/// Parameters that are stepped at a time: few enough to stay in the nearest cache.
const CHUNK: usize = 2048;

/// Σ g², in double precision: squares overflow f32 long before the gradient does.
fn squares<T: Scalar>(gradient: &[T]) -> f64 {
    let squares = |chunk: &[T]| {
        let fast = sum(chunk, |g| g * g).to_double();
        if fast.is_finite() { fast } else { chunk.iter().map(|g| g.to_double().powi(2)).sum() }
    };
    gradient.chunks(CHUNK).map(squares).sum()
}
