//! Row 6: a stacked sparse autoencoder, 784-200-200-softmax, fine-tuned with labels.
//!
//! Each level: sigmoid units, p′ 0.1, λ 3e-3, β 3, 400 iterations of L-BFGS; softmax regression on the
//! second level's codes; then 400 iterations on all of it, with a decay of 3e-3 on the softmax's weights
//! alone, as the exercise has it.
//!
//! A. Ng, J. Ngiam, C. Y. Foo, Y. Mai, C. Suen (2011), UFLDL Tutorial, exercise: stacked autoencoders.

use autoencoder::activation::Sigmoid;
use autoencoder::init::Ufldl;
use autoencoder::nalgebra::Const;
use autoencoder::parameters::Role;
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::{
    AutoEncoder, Batch, Dense, Facts, Float, Lbfgs, Part, Regularizer, SparseKl, Stack, Terms,
    WeightDecay,
};

use crate::Settings;
use crate::data::{Labelled, Stop, mnist};
use crate::report::{Line, Target};
use crate::self_taught::softmax;

/// The oracle: labels make it better, and better than a linear classifier of the pixels.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let linear = softmax::<64, 10>(settings, (&digits.train, &digits.train_labels))?;
    let linear = 100.0 * linear.accuracy(&digits.test, &digits.test_labels)?;
    let data = digits;
    let (before, after) = each_seed::<64, 60, 40>(settings, &data, (1e-4, 0.1), 100)?;
    Ok(vec![
        Line::order("% right", &[("before", before), ("fine-tuned", after.clone())], 2),
        Line::order("% right", &[("linear", vec![linear]), ("fine-tuned", after)], 2),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let (before, after) = each_seed::<784, 200, 200>(settings, &data, (3e-3, 3.0), 400)?;
    Ok(vec![
        Line::note("test % right before fine-tuning (87.7)", &before, 2),
        Line::number("test % right after fine-tuning (97.6)", Target::AtLeast(97.4), &after, 2),
    ])
}

/// Per cent right on test images before and after fine-tuning, for each seed.
fn each_seed<const N: usize, const H: usize, const K: usize>(
    settings: &Settings,
    data: &Labelled<f32, N>,
    (decay, sparsity): (f64, f64),
    iterations: usize,
) -> Result<(Vec<f64>, Vec<f64>), Stop> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let trainer = || settings.trainer(Lbfgs::new(), seed).epochs(iterations);
        let regularizer =
            || Ok::<_, Stop>((SparseKl::new(0.1, sparsity)?, WeightDecay::new(decay)?));
        let first = AutoEncoder::builder()
            .encoder(Dense::<N, H>::new(Sigmoid).init(Ufldl))
            .decoder(Dense::<H, N>::new(Sigmoid).init(Ufldl))
            .regularizer(regularizer()?)
            .seed(seed);
        let second = AutoEncoder::builder()
            .encoder(Dense::<H, K>::new(Sigmoid).init(Ufldl))
            .decoder(Dense::<K, H>::new(Sigmoid).init(Ufldl))
            .regularizer(regularizer()?)
            .seed(seed);
        let stack = Stack::new(first, trainer()).then(second, trainer());
        let model = stack.pretrain(&data.train)?.unroll().build::<f32>()?;
        let codes: Batch<f32, Const<K>> = model.encode(&data.train)?;
        let head = softmax::<K, 10>(settings, (&codes, &data.train_labels))?;

        let mut classifier =
            model.classifier::<10>().regularizer(HeadDecay(3e-3)).build::<f32>()?;
        let encoder = classifier.num_parameters() - head.num_parameters();
        let parameters = [&model.parameters()[..encoder], head.parameters()].concat();
        classifier.set_parameters(&parameters)?;
        before.push(100.0 * classifier.accuracy(&data.test, &data.test_labels)?);
        trainer().fit(&mut classifier, (&data.train, &data.train_labels))?;
        after.push(100.0 * classifier.accuracy(&data.test, &data.test_labels)?);
    }
    Ok((before, after))
}

/// ½ λ Σ W² over the weights of the softmax alone.
#[derive(Debug, Clone)]
struct HeadDecay(f64);

impl<E: Part> SuitedTo<E> for HeadDecay {}
impl<T: Float> Regularizer<T> for HeadDecay {
    fn describe(&self) -> String {
        format!("HeadDecay({:?})", self.0)
    }
    fn needs(&self, _facts: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let lambda = T::of(self.0);
        let is_head = |name: &str| name.starts_with("classifier");
        let mut tensors = at.layout.tensors().iter();
        let Some(head) = tensors.find(|t| t.role == Role::Weight && is_head(&t.name)) else {
            return;
        };
        let weights = &at.parameters[head.range.clone()];
        let squares = weights.iter().fold(T::ZERO, |sum, &w| sum + w * w);
        terms.add("head_decay", T::of(0.5) * lambda * squares);
        if let Some(gradient) = gradient {
            let entries = gradient.parameters[head.range.clone()].iter_mut();
            entries.zip(weights).for_each(|(d, &w)| *d += lambda * w);
        }
    }
}
