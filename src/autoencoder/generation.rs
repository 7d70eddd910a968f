//! What only a model with a prior can do: bound the evidence, and draw new samples.

use rand::Rng;

use super::AutoEncoder;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Result, require_count};
use crate::loss::Loss;
use crate::pass::BLOCK;
use crate::posterior::{Gaussianlike, Posterior};
use crate::random::Streams;
use crate::regularizer::Regularizer;
use crate::workspace::Workspace;
use crate::{Batch, BatchView, Scalar};

/// The evidence lower bound and its two parts, in nats per sample (mean over samples and draws).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elbo {
    /// The mean loss of the reconstruction from a drawn code: −E ln p(x|z), if the loss is a
    /// likelihood.
    pub reconstruction: f64,
    /// KL(q(z|x) ‖ p(z)).
    pub kl: f64,
}

impl Elbo {
    /// The bound itself: −(reconstruction + KL). Higher is better.
    pub fn value(&self) -> f64 {
        -(self.reconstruction + self.kl)
    }
}

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// The evidence lower bound on these samples with `draws` codes drawn for each, in nats per
    /// sample if the loss is a likelihood. The bound is of the model alone: β and other
    /// regularizers play no part. Validation uses [`loss`](Self::loss), which does not draw.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
    pub fn elbo(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.compared("elbo", x.view(), &mut buffer)?;
        require_count("elbo draws", draws)?;
        let mut workspace = self.workspace();
        let (mut kl, mut reconstruction) = (0.0, 0.0);
        let mut codes = Batch::zeros(self.encoder.code_dim(), 0);
        for block in x.chunks(BLOCK) {
            let samples = block.samples();
            self.infer(&mut workspace, block);
            workspace.values.resize(samples, E::Scalar::ZERO);
            workspace.posterior.kl_to_prior(&mut workspace.values);
            kl += workspace.values.iter().map(|kl| kl.to_double()).sum::<f64>();
            codes.resize(samples);
            workspace.noise.resize(workspace.posterior.noise_len(), E::Scalar::ZERO);
            for _ in 0..draws {
                let streams = Streams::new(rng.next_u64(), 0, &[]);
                let Workspace { posterior, noise, .. } = &mut workspace;
                posterior.draw_code(streams, codes.view_mut(), noise);
                self.generate(&mut workspace, codes.view());
                let y = BatchView::new(&workspace.output, x.dim());
                self.loss.values(block, y, &mut workspace.values);
                reconstruction += workspace.values.iter().map(|v| v.to_double()).sum::<f64>();
            }
        }
        let samples = x.samples() as f64;
        Ok(Elbo { reconstruction: reconstruction / (samples * draws as f64), kl: kl / samples })
    }

    /// Decodes `samples` codes drawn from the prior N(0, I): new data like that it was trained on.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples.
    pub fn sample(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<E::Scalar, E::Input>>
    where
        E::Posterior: Gaussianlike,
    {
        require_count("number of samples to draw", samples)?;
        let mut codes = Batch::zeros(self.encoder.code_dim(), samples);
        E::Posterior::draw_prior(codes.view_mut(), rng);
        self.decode(&codes)
    }
}
