//! What can be the regularizer of a model: a plugin, a box of one, a tuple or a list of several. A combination is a
//! list of its leaves, made when the model is built; a step goes through that list.

use std::fmt::Debug;
use std::ops::Range;

use rand::Rng;

use super::{Auxiliary, Encoded, Needs, PenaltyGradient, Regularizer};
use crate::batch::BatchViewMut;
use crate::batch::sparse::SparseBatch;
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::code::prior::Prior;
use crate::data::Normalizer;
use crate::error::{Error, Forgotten, Result, Unwrapped, require, require_fit};
use crate::layer::Layer;
use crate::layer::layout::Layout;
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::random::schedule::Schedule;
use crate::terms::Terms;

/// A regularizer that is no combination, with its place in the one it is a part of.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Leaf<T: Float> {
    pub(crate) part: Box<dyn Regularizer<T>>,
    /// Its number in the combination, that combination's number in another, and so on from the outermost.
    path: Vec<u64>,
    pub(crate) needs: Needs,
    /// Its parameters among those of all leaves, and its numbers in the state.
    pub(crate) own: Range<usize>,
    pub(crate) state: Range<usize>,
}

impl<T: Float> Leaf<T> {
    fn new(part: Box<dyn Regularizer<T>>, path: &[u64]) -> Self {
        Self { part, path: path.to_vec(), needs: Needs::nothing(), own: 0..0, state: 0..0 }
    }

    /// All leaves of a regularizer; they have no place among the parameters yet.
    pub(crate) fn all(of: &dyn Regularizer<T>) -> Vec<Self> {
        let mut leaves = Vec::new();
        collect(of, &mut Vec::new(), &mut leaves);
        leaves
    }

    /// Asks each what it needs and gives it its place.
    pub(crate) fn place(leaves: &mut [Self], facts: &Facts) {
        let (mut own, mut state) = (0, 0);
        for leaf in leaves {
            leaf.needs = leaf.part.needs(facts);
            leaf.own = own..own.saturating_add(leaf.needs.parameters);
            leaf.state = state..state.saturating_add(leaf.needs.state);
            (own, state) = (leaf.own.end, leaf.state.end);
        }
    }

    /// How many parameters and numbers of the state all of these have.
    pub(crate) fn ends(leaves: &[Self]) -> (usize, usize) {
        leaves.last().map_or((0, 0), |leaf| (leaf.own.end, leaf.state.end))
    }

    /// The path through the combinations around it, for names.
    pub(crate) fn path(&self) -> &[u64] {
        &self.path
    }

    /// Its own streams.
    pub(crate) fn streams<'a>(&self, streams: Streams<'a>) -> Streams<'a> {
        self.path.iter().fold(streams, |streams, &index| streams.at(index))
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        let prior = self.part.prior();
        let has_pseudo_inputs = prior.is_some_and(|prior| !prior.pseudo_inputs(facts).is_empty());
        let is_possible = !has_pseudo_inputs || facts.condition == 0;
        let fault = "has pseudo-inputs, which have no condition, and this model is conditional";
        let remedy = "take another prior";
        require_fit(is_possible, "the prior", fault, remedy)?;
        self.part.check(facts)
    }
}

/// Appends the leaves of a regularizer that lies at this path.
fn collect<T: Float>(of: &dyn Regularizer<T>, path: &mut Vec<u64>, to: &mut Vec<Leaf<T>>) {
    let Some(parts) = of.parts() else {
        return to.push(Leaf::new(of.boxed(), path));
    };
    for (index, part) in parts.iter().enumerate() {
        path.push(index as u64);
        collect(&**part, path, to);
        path.pop();
    }
}

/// Refuses what one of these leaves refuses, and leaves that do not go together.
pub(crate) fn check<T: Float>(leaves: &[Leaf<T>], facts: &Facts) -> Result<()> {
    leaves.iter().try_for_each(|leaf| leaf.check(facts))?;
    let priors = leaves.iter().filter_map(|leaf| leaf.part.prior());
    let priors = priors.filter(|prior| prior.num_components() > 0).count();
    let name = "the number of priors other than N(0, I) in a combination";
    require(priors <= 1, name, priors as f64, "at most 1")?;
    let auxiliary = leaves.iter().filter(|leaf| leaf.needs.auxiliary != Auxiliary::Nothing).count();
    let name = "the number of second codes that a combination wants";
    require(auxiliary <= 1, name, auxiliary as f64, "at most 1")
}

/// Refuses the normalizer of a model, or none, if one of these leaves was not made for it.
pub(crate) fn check_normalizer<T: Float>(
    leaves: &[Leaf<T>],
    normalizer: Option<&Normalizer>,
) -> Result<()> {
    leaves.iter().try_for_each(|leaf| leaf.part.check_normalizer(normalizer))
}

/// The prior of these leaves, if one has some, and the place of its first parameter among those of all.
pub(crate) fn prior<T: Float>(leaves: &[Leaf<T>]) -> Option<(usize, &dyn Prior<T>)> {
    let mut found = None;
    for leaf in leaves {
        let Some(prior) = leaf.part.prior() else { continue };
        // N(0, I) of one part does not hide the prior of another.
        if found.is_none() || prior.num_components() > 0 {
            found = Some((leaf.own.start, prior));
        }
    }
    found
}

/// Which encoders a regularizer is for: one line beside each plugin, with what it asks of the encoder's types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no regularizer for this encoder",
    label = "not a regularizer for this encoder",
    note = "a regularizer has `impl<E: Part> SuitedTo<E> for …` beside `impl<T: Float> Regularizer<T> for …`"
)]
pub trait SuitedTo<E> {}

/// A regularizer in a box that is still only for encoders that it is for: `Box<dyn RegularizerFor<_, f32>>`.
pub trait RegularizerFor<E, T: Float>: Regularizer<T> {
    /// A copy in a box.
    fn boxed_for(&self) -> Box<dyn RegularizerFor<E, T>>;
}
impl<E: 'static, T: Float, R: Regularizer<T> + SuitedTo<E> + Clone + 'static> RegularizerFor<E, T>
    for R
{
    fn boxed_for(&self) -> Box<dyn RegularizerFor<E, T>> {
        Box::new(self.clone())
    }
}
impl<E: 'static, T: Float> Clone for Box<dyn RegularizerFor<E, T>> {
    fn clone(&self) -> Self {
        (**self).boxed_for()
    }
}
impl<E, T: Float> SuitedTo<E> for Box<dyn RegularizerFor<E, T>> {}

/// Chosen at run time: what it is for is asked when the model is built.
impl<E, T: Float> SuitedTo<E> for Box<dyn Regularizer<T>> {}

impl<E, R: SuitedTo<E>> SuitedTo<E> for Vec<R> {}

/// A box is the regularizer inside.
macro_rules! boxed {
    (($($generics:tt)*) $box:ty) => {
        impl<$($generics)*> Regularizer<T> for $box {
            fn describe(&self) -> String {
                (**self).describe()
            }
            fn parts(&self) -> Option<Vec<Box<dyn Regularizer<T>>>> {
                (**self).parts()
            }
            fn needs(&self, facts: &Facts) -> Needs {
                (**self).needs(facts)
            }
            fn schedules(&self) -> Vec<Box<dyn Schedule>> {
                (**self).schedules()
            }
            fn check(&self, facts: &Facts) -> Result<()> {
                (**self).check(facts)
            }
            fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
                (**self).check_normalizer(normalizer)
            }
            fn corrupt(&self, x: BatchViewMut<'_, T>, streams: Streams<'_>) {
                (**self).corrupt(x, streams);
            }
            fn weigh_draws(&self, at: &Encoded<'_, T>, weights: &mut [T], scratch: &mut [T]) {
                (**self).weigh_draws(at, weights, scratch);
            }
            fn prior(&self) -> Option<&dyn Prior<T>> {
                (**self).prior()
            }
            fn layout(
                &self,
                facts: &Facts,
                layout: &mut Layout,
                parameters: &mut [T],
                rng: &mut dyn Rng,
            ) {
                (**self).layout(facts, layout, parameters, rng);
            }
            fn penalty(
                &self,
                at: &Encoded<'_, T>,
                gradient: Option<&mut PenaltyGradient<'_, T>>,
                scratch: &mut [T],
                terms: &mut Terms,
            ) {
                (**self).penalty(at, gradient, scratch, terms);
            }
            fn scratch_len(
                &self,
                encoder: &dyn Layer<T>,
                facts: &Facts,
                samples: usize,
                draws: usize,
            ) -> usize {
                (**self).scratch_len(encoder, facts, samples, draws)
            }
            fn update_state(
                &self,
                facts: &Facts,
                posterior: &Posterior<T>,
                shares: Option<&[T]>,
                state: &mut [T],
            ) {
                (**self).update_state(facts, posterior, shares, state);
            }
            fn update_state_of_pairs(
                &self,
                facts: &Facts,
                codes: &SparseBatch<T>,
                state: &mut [T],
            ) {
                (**self).update_state_of_pairs(facts, codes, state);
            }
            fn revives(&self, facts: &Facts, state: &mut [T], units: &mut Vec<u32>) {
                (**self).revives(facts, state, units);
            }
            fn revived(&self, facts: &Facts, state: &mut [T], unit: usize) {
                (**self).revived(facts, state, unit);
            }
            fn candidates(&self, facts: &Facts, state: &[T], units: &mut Vec<u32>) {
                (**self).candidates(facts, state, units);
            }
        }
    };
}
boxed!((T: Float) Box<dyn Regularizer<T>>);
boxed!((E: 'static, T: Float) Box<dyn RegularizerFor<E, T>>);

/// What a combination says of itself: of the rest only its parts are asked.
macro_rules! combination {
    (($($generics:tt)*) $type:ty, $self:ident => $parts:expr, $open:literal, $close:literal) => {
        impl<$($generics)*> Regularizer<T> for $type {
            fn describe(&self) -> String {
                let $self = self;
                let parts: Vec<Box<dyn Regularizer<T>>> = $parts;
                let parts: Vec<_> = parts.iter().map(|part| part.describe()).collect();
                format!("{}{}{}", $open, parts.join(", "), $close)
            }
            fn parts(&self) -> Option<Vec<Box<dyn Regularizer<T>>>> {
                let $self = self;
                Some($parts)
            }
            fn needs(&self, _facts: &Facts) -> Needs {
                Needs::nothing()
            }
            /// Asked only by a regularizer around it that does not say what its parts are, and would do nothing.
            fn check(&self, _facts: &Facts) -> Result<()> {
                let part = "a regularizer around others that does not say its `parts`";
                let fault = "would hide what they do";
                let remedy = "put what is added beside them, in a tuple";
                Err(Error::Unfit { part, fault, remedy })
            }
        }
    };
}
macro_rules! tuple {
    ($close:literal; $($part:ident $index:tt),+) => {
        combination!(
            (T: Float, $($part: Regularizer<T> + Clone + 'static),+) ($($part,)+),
            this => vec![$(this.$index.boxed()),+], "(", $close
        );
        impl<E, $($part: SuitedTo<E>),+> SuitedTo<E> for ($($part,)+) {}
    };
}
combination!(
    (T: Float, R: Regularizer<T> + Clone + 'static) Vec<R>,
    this => this.iter().map(|part| part.boxed()).collect(), "[", "]"
);
tuple!(",)"; A 0);
tuple!(")"; A 0, B 1);
tuple!(")"; A 0, B 1, C 2);
tuple!(")"; A 0, B 1, C 2, D 3);
tuple!(")"; A 0, B 1, C 2, D 3, F 4);
tuple!(")"; A 0, B 1, C 2, D 3, F 4, G 5);

/// A forgotten `?`, of which enough has been said before a model is built.
impl<T: Float, R, X> Regularizer<T> for std::result::Result<R, X>
where
    Self: Debug + Send + Sync + Clone + 'static,
{
    fn describe(&self) -> String {
        String::new()
    }
    fn needs(&self, _facts: &Facts) -> Needs {
        Needs::nothing()
    }
}

/// Says that a `?` is missing.
impl<E, R, X> SuitedTo<E> for std::result::Result<R, X> where Forgotten<X>: Unwrapped {}
