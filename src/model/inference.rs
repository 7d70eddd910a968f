//! The model in use: codes, reconstructions, scores. Nothing here draws or changes anything.

use nalgebra::Dim;

use super::AutoEncoder;
use crate::batch::check_finite;
use crate::batch::{Batch, BatchView, BatchViewMut, Sample};
use crate::code::decoder::Decoder;
use crate::code::encoder::{Encoder, Inference};
use crate::code::posterior::Posterior;
use crate::error::{Result, require_size};
use crate::layer::jacobian::Jacobian;
use crate::loss::{Compared, Loss};
use crate::model::pass::{BLOCK, generate, in_blocks, infer};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::regularizer::Regularizer;

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// The code of each sample: `Code × samples`.
    ///
    /// A sample's code has the same bits in whatever batch and at whatever place it comes.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn encode(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Batch<E::Scalar, E::Code>> {
        let mut codes = Batch::zeros(self.encoder.code_dim(), 0);
        self.encode_into(x, &mut codes, &mut self.workspace())?;
        Ok(codes)
    }

    /// As [`encode`](Self::encode), into a batch of the caller's, which is made to fit; nothing is
    /// allocated once batch and workspace are large enough.
    ///
    /// # Errors
    /// As [`encode`](Self::encode); and [`Error::SizeMismatch`](crate::Error::SizeMismatch) if
    /// `codes` has another number of features.
    pub fn encode_into(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        codes: &mut Batch<E::Scalar, E::Code>,
        workspace: &mut Workspace<E>,
    ) -> Result<()> {
        self.check_workspace(workspace)?;
        let expected = self.encoder.code_dim().value();
        require_size("the codes of encode_into", "features", expected, codes.features())?;
        let mut buffer = std::mem::take(&mut workspace.taken);
        let taken = self.taken("encode", x.view(), &mut buffer).map(|x| {
            codes.resize(x.samples());
            in_blocks(x, codes.view_mut(), workspace, |workspace, x, out| {
                self.infer(workspace, x);
                out.copy_from_slice(&workspace.posterior.mean().as_slice()[..out.len()]);
            });
        });
        workspace.taken = buffer;
        taken
    }

    /// The reconstruction of each code: `Input × samples`, in the domain of the inputs (for a
    /// Bernoulli loss, probabilities).
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn decode(&self, code: &Batch<E::Scalar, E::Code>) -> Result<Batch<E::Scalar, E::Input>> {
        let mut outputs = Batch::zeros(self.encoder.input_dim(), 0);
        self.decode_into(code, &mut outputs, &mut self.workspace())?;
        Ok(outputs)
    }

    /// As [`decode`](Self::decode), into a batch of the caller's, which is made to fit; nothing is
    /// allocated once batch and workspace are large enough.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); and [`Error::SizeMismatch`](crate::Error::SizeMismatch) if
    /// `outputs` has another number of features.
    pub fn decode_into(
        &self,
        code: &Batch<E::Scalar, E::Code>,
        outputs: &mut Batch<E::Scalar, E::Input>,
        workspace: &mut Workspace<E>,
    ) -> Result<()> {
        self.check_workspace(workspace)?;
        check_finite("decode", self.encoder.code_dim(), code.view())?;
        let expected = self.encoder.input_dim().value();
        require_size("the outputs of decode_into", "features", expected, outputs.features())?;
        outputs.resize(code.samples());
        in_blocks(code.view(), outputs.view_mut(), workspace, |workspace, code, out| {
            self.generate(workspace, code);
            out.copy_from_slice(&workspace.output[..out.len()]);
        });
        self.restore(outputs.view_mut())
    }

    /// The reconstruction of each sample: `Input × samples`, in the domain of the inputs.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn reconstruct(
        &self,
        x: &Batch<E::Scalar, E::Input>,
    ) -> Result<Batch<E::Scalar, E::Input>> {
        let mut outputs = Batch::zeros(self.encoder.input_dim(), 0);
        self.reconstruct_into(x, &mut outputs, &mut self.workspace())?;
        Ok(outputs)
    }

    /// As [`reconstruct`](Self::reconstruct), into a batch of the caller's, which is made to fit;
    /// nothing is allocated once batch and workspace are large enough.
    ///
    /// # Errors
    /// As [`reconstruct`](Self::reconstruct); and
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if `outputs` has another number of features.
    pub fn reconstruct_into(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        outputs: &mut Batch<E::Scalar, E::Input>,
        workspace: &mut Workspace<E>,
    ) -> Result<()> {
        self.check_workspace(workspace)?;
        let expected = self.encoder.input_dim().value();
        require_size("the outputs of reconstruct_into", "features", expected, outputs.features())?;
        let mut buffer = std::mem::take(&mut workspace.taken);
        let taken = self.taken("reconstruct", x.view(), &mut buffer).map(|x| {
            outputs.resize(x.samples());
            self.outputs(x, outputs.view_mut(), workspace);
        });
        workspace.taken = buffer;
        taken.and_then(|()| self.restore(outputs.view_mut()))
    }

    /// The loss of each sample's reconstruction: high for samples unlike those it was trained on.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn score(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<E::Scalar>> {
        let mut buffer = Vec::new();
        let x = self.compared("score", x.view(), &mut buffer)?;
        let mut outputs = Batch::zeros(self.encoder.input_dim(), x.samples());
        self.outputs(x, outputs.view_mut(), &mut self.workspace());
        let mut scores = vec![E::Scalar::ZERO; x.samples()];
        self.compare_values(x, outputs.view(), &mut scores);
        Ok(scores)
    }

    /// The mean over these samples of ‖∂ code / ∂x‖²_F, exact: how fast the code moves as the input
    /// moves. It is what [`Contractive`](crate::Contractive) penalises.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn squared_jacobian(&self, x: &Batch<E::Scalar, E::Input>) -> Result<E::Scalar> {
        let mut buffer = Vec::new();
        let x = self.taken("squared_jacobian", x.view(), &mut buffer)?;
        let mut workspace = self.workspace();
        let mut total = E::Scalar::ZERO;
        for block in x.chunks(BLOCK) {
            let samples = block.samples();
            self.infer(&mut workspace, block);
            let scratch = self.encoder.jacobian_scratch_len(samples);
            workspace.scratch.resize(scratch, E::Scalar::ZERO);
            let Workspace { posterior, encoder_tape: tape, scratch, .. } = &mut workspace;
            let parameters = self.encoder_parameters();
            let inference = Inference { parameters, x: block, posterior, tape };
            let exact = Jacobian::Exact;
            let mean = self.encoder.squared_jacobian(inference, None, exact, None, None, scratch);
            total += mean * E::Scalar::of(samples as f64);
        }
        Ok(total / E::Scalar::of(x.samples() as f64))
    }

    /// The code of one sample. As accurate as [`encode`](Self::encode), though not to the last bit.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn encode_one<S>(&self, x: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let mut code = vec![E::Scalar::ZERO; self.encoder.code_dim().value()];
        self.encode_one_into(x, &mut code, &mut self.workspace())?;
        Ok(code)
    }

    /// As [`encode_one`](Self::encode_one), into a slice of the caller's; nothing is allocated once
    /// the workspace is large enough.
    ///
    /// # Errors
    /// As [`encode_one`](Self::encode_one); and [`Error::SizeMismatch`](crate::Error::SizeMismatch)
    /// unless there is one value for each code unit.
    pub fn encode_one_into<S>(
        &self,
        x: &S,
        code: &mut [E::Scalar],
        workspace: &mut Workspace<E>,
    ) -> Result<()>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        self.check_workspace(workspace)?;
        let x = one("encode_one", self.encoder.input_dim(), x.features())?;
        let expected = self.encoder.code_dim().value();
        require_size("the code of encode_one_into", "code units", expected, code.len())?;
        let mut buffer = std::mem::take(&mut workspace.taken);
        let taken = self.taken("encode_one", x, &mut buffer).map(|x| {
            self.infer(workspace, x);
            code.copy_from_slice(workspace.posterior.mean().as_slice());
        });
        workspace.taken = buffer;
        taken
    }

    /// The reconstruction of one code.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn decode_one<S>(&self, code: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Code> + ?Sized,
    {
        let code = one("decode_one", self.encoder.code_dim(), code.features())?;
        check_finite("decode_one", self.encoder.code_dim(), code)?;
        let mut workspace = self.workspace();
        self.generate(&mut workspace, code);
        self.reconstruction_of_one(workspace)
    }

    /// The reconstruction of one sample.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn reconstruct_one<S>(&self, x: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let x = one("reconstruct_one", self.encoder.input_dim(), x.features())?;
        let mut buffer = Vec::new();
        let x = self.taken("reconstruct_one", x, &mut buffer)?;
        let mut workspace = self.workspace();
        self.infer(&mut workspace, x);
        self.generate_from_mean(&mut workspace);
        self.reconstruction_of_one(workspace)
    }

    /// The loss of one sample's reconstruction.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn score_one<S>(&self, x: &S) -> Result<E::Scalar>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let x = one("score_one", self.encoder.input_dim(), x.features())?;
        let mut buffer = Vec::new();
        let x = self.compared("score_one", x, &mut buffer)?;
        let mut workspace = self.workspace();
        self.infer(&mut workspace, x);
        self.generate_from_mean(&mut workspace);
        let y = BatchView::new(&workspace.output, self.encoder.input_dim());
        let mut score = [E::Scalar::ZERO];
        self.compare_values(x, y, &mut score);
        Ok(score[0])
    }

    /// Writes the posterior of these samples into the workspace.
    pub(crate) fn infer(
        &self,
        workspace: &mut Workspace<E>,
        x: BatchView<'_, E::Scalar, E::Input>,
    ) {
        infer(&self.encoder, self.encoder_parameters(), x, workspace);
    }

    /// Writes what the decoder makes of these codes into the workspace.
    pub(crate) fn generate(
        &self,
        workspace: &mut Workspace<E>,
        code: BatchView<'_, E::Scalar, E::Code>,
    ) {
        let Workspace { output, decoder_tape, .. } = workspace;
        generate(&self.decoder, self.decoder_parameters(), code, output, decoder_tape);
    }

    /// The same from the posterior's mean, which is in the workspace already.
    pub(crate) fn generate_from_mean(&self, workspace: &mut Workspace<E>) {
        let Workspace { posterior, output, decoder_tape, .. } = workspace;
        generate(&self.decoder, self.decoder_parameters(), posterior.mean(), output, decoder_tape);
    }

    /// The loss of each output.
    pub(crate) fn compare_values(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        y: BatchView<'_, E::Scalar, E::Input>,
        values: &mut [E::Scalar],
    ) {
        let parameters = &self.parameters[self.loss_parameters()];
        self.loss.values(Compared { x, y, parameters }, values);
    }

    /// The decoder's outputs for each sample, before the loss makes reconstructions of them.
    fn outputs(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        outputs: BatchViewMut<'_, E::Scalar, E::Input>,
        workspace: &mut Workspace<E>,
    ) {
        in_blocks(x, outputs, workspace, |workspace, x, out| {
            self.infer(workspace, x);
            self.generate_from_mean(workspace);
            out.copy_from_slice(&workspace.output[..out.len()]);
        });
    }

    fn reconstruction_of_one(&self, mut workspace: Workspace<E>) -> Result<Vec<E::Scalar>> {
        self.restore(BatchViewMut::new(&mut workspace.output, self.encoder.input_dim()))?;
        Ok(workspace.output)
    }

    /// Refuses a workspace that was made for an encoder of another size.
    pub(crate) fn check_workspace(&self, workspace: &Workspace<E>) -> Result<()> {
        let expected = self.encoder.code_dim().value();
        let found = workspace.posterior.mean().features();
        require_size("the workspace, which another model made", "code units", expected, found)
    }
}

/// One sample as a batch of one; its values are not looked at yet.
pub(crate) fn one<'a, T: Scalar, R: Dim>(
    call: &'static str,
    rows: R,
    x: &'a [T],
) -> Result<BatchView<'a, T, R>> {
    require_size(call, "features", rows.value(), x.len())?;
    Ok(BatchView::new(x, rows))
}
