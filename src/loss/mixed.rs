use std::fmt;
use std::ops::Range;

use super::{Compared, Loss, LossFor, SameTarget, Target, WithInput};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_count, require_fit, require_size};
use crate::layer::layout::Layout;
use crate::layer::range::Logits;
use crate::layer::{Any, Part};
use crate::numbers::once::once;
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

#[derive(Clone)]
struct Group<T: Float> {
    columns: usize,
    /// The feature after its last one.
    end: usize,
    loss: Box<dyn Loss<T>>,
}

/// Without where it ends, which the columns say.
impl<T: Float> fmt::Debug for Group<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("columns", &self.columns).field("loss", &self.loss).finish()
    }
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
        let end = self.groups.last().map_or(0, |group| group.end).saturating_add(columns);
        self.groups.push(Group { columns, end, loss: loss.boxed() });
        self
    }

    fn places(&self) -> impl Iterator<Item = (&Group<T>, Place)> {
        self.groups.iter().scan((0_usize, 0_usize), |(features, parameters), group| {
            let start = (*features, *parameters);
            *features = group.end;
            let own = group.loss.num_parameters(group.columns);
            *parameters = parameters.saturating_add(own);
            let place = Place { features: start.0..*features, parameters: start.1..*parameters };
            Some((group, place))
        })
    }

    /// The group of a feature, and the feature's number in it: asked for every value of a table, which may have a
    /// group for each column.
    fn group_of(&self, feature: usize) -> Option<(&Group<T>, usize)> {
        let group = self.groups.get(self.groups.partition_point(|group| group.end <= feature))?;
        Some((group, feature - (group.end - group.columns)))
    }

    /// Calls `work` with each group's part of some samples after the other, by their numbers.
    fn each(
        &self,
        Compared { x, y, parameters }: Compared<'_, T>,
        mut work: impl FnMut(Range<usize>, &Group<T>, &Place, Compared<'_, T>),
    ) {
        let (mut x_room, mut y_room) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
        for (group, place) in self.places() {
            let parameters = &parameters[place.parameters.clone()];
            let mut first = 0;
            while first < x.samples() {
                let count = samples_together(group.columns).min(x.samples() - first);
                let samples = first..first + count;
                let x = part(x, &samples, &place.features, &mut x_room);
                let y = part(y, &samples, &place.features, &mut y_room);
                work(samples, group, &place, Compared { x, y, parameters });
                first += count;
            }
        }
    }

    fn values_generic(&self, at: Compared<'_, T>, values: &mut [T]) {
        values.fill(T::ZERO);
        let mut of_group = [T::ZERO; TOGETHER];
        self.each(at, |samples, group, _, at| {
            let of_group = &mut of_group[..samples.len()];
            group.loss.values(at, of_group);
            values[samples].iter_mut().zip(of_group).for_each(|(sum, value)| *sum += *value);
        });
    }

    fn gradient_generic(&self, at: Compared<'_, T>, weights: &[T], mut dy: BatchViewMut<'_, T>) {
        let mut room = [T::ZERO; TOGETHER];
        self.each(at, |samples, group, place, at| {
            let weights = &weights[samples.clone()];
            write(dy.reborrow(), samples, &place.features, &mut room, |dy| {
                group.loss.gradient(at, weights, dy);
            });
        });
    }

    fn values_and_gradient_generic(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        values: &mut [T],
        mut dy: BatchViewMut<'_, T>,
    ) {
        values.fill(T::ZERO);
        let (mut of_group, mut room) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
        self.each(at, |samples, group, place, at| {
            let (weights, of_group) = (&weights[samples.clone()], &mut of_group[..samples.len()]);
            write(dy.reborrow(), samples.clone(), &place.features, &mut room, |dy| {
                group.loss.values_and_gradient(at, weights, of_group, dy);
            });
            values[samples].iter_mut().zip(of_group).for_each(|(sum, value)| *sum += *value);
        });
    }

    fn parameter_gradient_generic(&self, at: Compared<'_, T>, weights: &[T], gradient: &mut [T]) {
        self.each(at, |samples, group, place, at| {
            let gradient = &mut gradient[place.parameters.clone()];
            group.loss.parameter_gradient(at, &weights[samples], gradient);
        });
    }
}

once! {
    fn values(mixed: &'a Mixed<T>, at: Compared<'a, T>, to: &'a mut [T]) = Mixed::values_generic;
    fn gradient(mixed: &'a Mixed<T>, at: Compared<'a, T>, weights: &'a [T], dy: BatchViewMut<'a, T>)
        = Mixed::gradient_generic;
    fn values_and_gradient(
        mixed: &'a Mixed<T>,
        at: Compared<'a, T>,
        weights: &'a [T],
        values: &'a mut [T],
        dy: BatchViewMut<'a, T>,
    ) = Mixed::values_and_gradient_generic;
    fn parameter_gradient(mixed: &'a Mixed<T>, at: Compared<'a, T>, weights: &'a [T], gradient: &'a mut [T])
        = Mixed::parameter_gradient_generic;
}

/// Numbers of a group that are compared together: a call for each sample of a narrow group would take longer than what
/// it computes.
const TOGETHER: usize = 512;

fn samples_together(columns: usize) -> usize {
    (TOGETHER / columns.max(1)).max(1)
}

/// Some features of some samples, gathered unless it is one sample.
fn part<'a, T: Float>(
    all: BatchView<'a, T>,
    samples: &Range<usize>,
    features: &Range<usize>,
    room: &'a mut [T; TOGETHER],
) -> BatchView<'a, T> {
    let columns = features.len();
    let of_sample = |sample: usize| {
        let start = sample * all.features();
        &all.as_slice()[start + features.start..start + features.end]
    };
    if samples.len() == 1 {
        return BatchView::new(of_sample(samples.start), columns);
    }
    let room = &mut room[..columns * samples.len()];
    for (to, sample) in room.chunks_exact_mut(columns).zip(samples.clone()) {
        to.copy_from_slice(of_sample(sample));
    }
    BatchView::new(room, columns)
}

/// Some features of some samples, as `work` writes them, in the room unless it is one sample.
fn write<T: Float>(
    mut all: BatchViewMut<'_, T>,
    samples: Range<usize>,
    features: &Range<usize>,
    room: &mut [T; TOGETHER],
    work: impl FnOnce(BatchViewMut<'_, T>),
) {
    let rows = all.features();
    let all = &mut all.as_mut_slice()[samples.start * rows..samples.end * rows];
    let mut columns = all.chunks_exact_mut(rows).map(|column| &mut column[features.clone()]);
    if samples.len() == 1 {
        let column = columns.next().unwrap_or_default();
        return work(BatchViewMut::new(column, features.len()));
    }
    let room = &mut room[..features.len() * samples.len()];
    work(BatchViewMut::new(room, features.len()));
    columns.zip(room.chunks_exact(features.len())).for_each(|(to, from)| to.copy_from_slice(from));
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
        let group = |Group { columns, loss, .. }: &Group<T>| {
            format!("Group {{ columns: {columns:?}, loss: {} }}", loss.describe())
        };
        let groups: Vec<String> = self.groups.iter().map(group).collect();
        format!("Mixed {{ groups: [{}] }}", groups.join(", "))
    }

    /// Whatever its groups take: some loss of them may.
    fn takes_logits(&self) -> bool {
        true
    }

    /// If all its groups do.
    fn skips_missing(&self) -> bool {
        self.groups.iter().all(|group| group.loss.skips_missing())
    }

    fn values(&self, at: Compared<'_, T>, to: &mut [T]) {
        values(self, at, to);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        gradient(self, at, weights, dy);
    }

    fn values_and_gradient(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        values: &mut [T],
        dy: BatchViewMut<'_, T>,
    ) {
        values_and_gradient(self, at, weights, values, dy);
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
        parameter_gradient(self, at, weights, gradient);
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

    fn nearest_accepted(&self, x: T, feature: usize) -> T {
        let group = self.group_of(feature);
        group.map_or(x, |(group, feature)| group.loss.nearest_accepted(x, feature))
    }

    fn each_whole(&self, visit: &mut dyn FnMut(Range<usize>)) {
        for (group, place) in self.places() {
            let start = place.features.start;
            group.loss.each_whole(&mut |own| visit(start + own.start..start + own.end));
        }
    }

    fn check_size(&self, features: usize) -> Result<()> {
        for group in &self.groups {
            require_count("Mixed columns of a group", group.columns)?;
            // Types do not tell it of a box.
            let is_of_input = group.loss.target() == Target::Input;
            let fault = "has a loss that does not compare with the input";
            let remedy = "take one that does, such as `Categorical`";
            require_fit(is_of_input, "a group of Mixed", fault, remedy)?;
            group.loss.check_size(group.columns)?;
        }
        let found = self.places().last().map_or(0, |(_, place)| place.features.end);
        require_size("the columns of Mixed", "features", features, found)
    }
}
