use std::ops::Range;

use super::{Compared, Loss, LossFor, SameTarget, Target, WithInput};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, invalid, require_count, require_size};
use crate::layer::layout::Layout;
use crate::layer::range::Logits;
use crate::layer::{Any, Part};
use crate::numbers::scalar::Float;

/// A loss of its own for each group of neighbouring columns, for tables whose columns are of different kinds:
/// measures, yes and no, categories, counts. With likelihoods throughout the sum is one as well.
/// A normalizer has to [leave](crate::Normalizer::leaving) what is no measure.
///
/// # Example
/// ```
/// use autoencoder::loss::{BernoulliCrossEntropy, Categorical, LearnedGaussian, Mixed, PoissonLikelihood};
/// use autoencoder::{AutoEncoder, Dense, activation::{Identity, Tanh}};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<9, 3>::new(Tanh))
///     .decoder(Dense::<3, 9>::new(Identity))
///     .loss(
///         Mixed::new()
///             .columns(3, LearnedGaussian::per_feature())
///             .columns(1, BernoulliCrossEntropy)
///             .columns(4, Categorical::new(&[4])?)
///             .columns(1, PoissonLikelihood),
///     )
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mixed<T: Float> {
    groups: Vec<Group<T>>,
}

#[derive(Debug, Clone)]
struct Group<T: Float> {
    columns: usize,
    loss: Box<dyn Loss<T>>,
}

/// Where a group lies among the features and among the parameters.
struct Place {
    features: Range<usize>,
    parameters: Range<usize>,
}

impl<T: Float> Default for Mixed<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> Mixed<T> {
    /// Of no columns yet.
    pub fn new() -> Self {
        Self { groups: Vec::new() }
    }

    /// Compares the next columns, at least one, by this loss, a plugin or a box of one. That they are as many
    /// as the features, and that the loss has the right size, is checked when the model is built. As for any
    /// loss that takes logits, the decoder's outputs must be able to take any value.
    pub fn columns<L: Loss<T> + LossFor<Any<T>>>(mut self, columns: usize, loss: L) -> Self
    where
        L::Target: SameTarget<WithInput>,
    {
        self.groups.push(Group { columns, loss: loss.boxed() });
        self
    }

    fn places(&self) -> impl Iterator<Item = (&Group<T>, Place)> {
        self.groups.iter().scan((0_usize, 0_usize), |(features, parameters), group| {
            let start = (*features, *parameters);
            *features = features.saturating_add(group.columns);
            let own = group.loss.num_parameters(group.columns);
            *parameters = parameters.saturating_add(own);
            let place = Place { features: start.0..*features, parameters: start.1..*parameters };
            Some((group, place))
        })
    }

    /// The group of a feature, and the feature's number in it.
    fn group_of(&self, feature: usize) -> Option<(&Group<T>, usize)> {
        let mut places = self.places();
        let (group, place) = places.find(|(_, place)| place.features.contains(&feature))?;
        Some((group, feature - place.features.start))
    }

    /// Calls `work` with each group's part of each sample.
    fn each(
        &self,
        Compared { x, y, parameters }: Compared<'_, T>,
        mut work: impl FnMut(usize, &Group<T>, &Place, Compared<'_, T>),
    ) {
        for (group, place) in self.places() {
            let parameters = &parameters[place.parameters.clone()];
            for (sample, (x, y)) in x.iter().zip(y.iter()).enumerate() {
                let (x, y) = (&x[place.features.clone()], &y[place.features.clone()]);
                let x = BatchView::new(x, group.columns);
                let y = BatchView::new(y, group.columns);
                let at = Compared { x, y, parameters };
                work(sample, group, &place, at);
            }
        }
    }
}

impl<T: Float, D: Part> LossFor<D> for Mixed<T>
where
    D::Range: Logits,
{
    type Target = WithInput;
}

impl<T: Float> Loss<T> for Mixed<T> {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn describe(&self) -> String {
        let group = |Group { columns, loss }: &Group<T>| {
            format!("Group {{ columns: {columns:?}, loss: {} }}", loss.describe())
        };
        let groups: Vec<String> = self.groups.iter().map(group).collect();
        format!("Mixed {{ groups: [{}] }}", groups.join(", "))
    }

    /// Whatever its groups take: some loss of them may.
    fn takes_logits(&self) -> bool {
        true
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        values.fill(T::ZERO);
        self.each(at, |sample, group, _, at| {
            let mut value = [T::ZERO];
            group.loss.values(at, &mut value);
            values[sample] += value[0];
        });
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], mut dy: BatchViewMut<'_, T>) {
        let features = at.x.features();
        let dy = dy.as_mut_slice();
        self.each(at, |sample, group, place, at| {
            let start = sample * features;
            let dy = &mut dy[start + place.features.start..start + place.features.end];
            let dy = BatchViewMut::new(dy, group.columns);
            group.loss.gradient(at, &weights[sample..=sample], dy);
        });
    }

    fn num_parameters(&self, _features: usize) -> usize {
        self.places().last().map_or(0, |(_, place)| place.parameters.end)
    }

    fn layout(&self, _features: usize, layout: &mut Layout, parameters: &mut [T]) {
        for (number, (group, place)) in self.places().enumerate() {
            let parameters = &mut parameters[place.parameters];
            layout.scope(&number.to_string(), |layout| {
                group.loss.layout(group.columns, layout, parameters);
            });
        }
    }

    fn parameter_gradient(&self, at: Compared<'_, T>, weights: &[T], gradient: &mut [T]) {
        self.each(at, |sample, group, place, at| {
            let weight = &weights[sample..=sample];
            group.loss.parameter_gradient(at, weight, &mut gradient[place.parameters.clone()]);
        });
    }

    fn reconstruct(&self, mut y: BatchViewMut<'_, T>) {
        let features = y.features();
        for y in y.as_mut_slice().chunks_exact_mut(features) {
            for (group, place) in self.places() {
                let y = BatchViewMut::new(&mut y[place.features], group.columns);
                group.loss.reconstruct(y);
            }
        }
    }

    fn accepts(&self, x: T, feature: usize) -> bool {
        self.group_of(feature).is_none_or(|(group, feature)| group.loss.accepts(x, feature))
    }

    fn domain(&self, feature: usize) -> &'static str {
        let group = self.group_of(feature);
        group.map_or("a finite number", |(group, feature)| group.loss.domain(feature))
    }

    fn check_size(&self, features: usize) -> Result<()> {
        for (number, group) in self.groups.iter().enumerate() {
            require_count("Mixed columns of a group", group.columns)?;
            // Types do not tell it of a box.
            if group.loss.target() != Target::Input {
                let requirement = "one whose loss compares with the input";
                return Err(invalid("Mixed group", number as f64, requirement));
            }
            group.loss.check_size(group.columns)?;
        }
        let found = self.places().last().map_or(0, |(_, place)| place.features.end);
        require_size("the columns of Mixed", "features", features, found)
    }
}
