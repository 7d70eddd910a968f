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
        // In double precision: squares overflow f32 long before the gradient does.
        let squares = self.gradient.chunks(1024).map(|chunk| sum(chunk, |g| g * g).to_double());
        let mut norm = squares.sum::<f64>().sqrt();
        if !norm.is_finite() {
            let squares = self.gradient.iter().map(|g| g.to_double() * g.to_double());
            norm = squares.sum::<f64>().sqrt();
        }
        if !norm.is_finite() {
            return Err("the gradient".to_owned());
        }
        if let Some(longest) = clip_norm.filter(|&longest| norm > longest) {
            let factor = E::Scalar::of(longest / norm);
            self.gradient.iter_mut().for_each(|g| *g *= factor);
        }

        let states = optimizer.states();
        for tensor in model.layout().tensors() {
            let range = tensor.range.clone();
            let step = Step::new(self.steps + 1, rate, tensor.role);
            optimizer.step(
                &step,
                &model.parameters[range.clone()],
                &self.gradient[range.clone()],
                &mut self.optimizer_state[states * range.start..states * range.end],
                &mut self.next[range],
            );
        }
        // x · 0 is 0 for every finite x, and NaN otherwise.
        if sum(&self.next, |p| p * E::Scalar::ZERO) != E::Scalar::ZERO {
            return Err("the parameters after the step".to_owned());
        }
        std::mem::swap(&mut model.parameters, &mut self.next);
        let Workspace { posterior, .. } = &self.workspace;
        model.update_state(posterior);
        self.steps += 1;
        Ok(norm)
    }
}
