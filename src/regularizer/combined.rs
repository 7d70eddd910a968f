//! Several regularizers as one: boxes, tuples and lists.

use std::ops::Range;

use rand::Rng;

use super::{Encoded, PenaltyGradient, Regularizer};
use crate::batch::BatchViewMut;
use crate::code::encoder::Encoder;
use crate::code::prior::Prior;
use crate::error::{Result, require};
use crate::layer::layout::Layout;
use crate::random::Streams;
use crate::terms::Terms;

impl<E: Encoder, R: Regularizer<E> + ?Sized> Regularizer<E> for Box<R> {
    fn corrupts(&self) -> bool {
        (**self).corrupts()
    }
    fn corrupt(&self, x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
        (**self).corrupt(x, streams);
    }
    fn adds_to_parameters(&self) -> bool {
        (**self).adds_to_parameters()
    }
    fn needs_jacobian(&self) -> bool {
        (**self).needs_jacobian()
    }
    fn corrupts_target(&self) -> bool {
        (**self).corrupts_target()
    }
    fn corrupt_target(&self, x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
        (**self).corrupt_target(x, streams);
    }
    fn draws(&self) -> usize {
        (**self).draws()
    }
    fn weighs_draws(&self) -> bool {
        (**self).weighs_draws()
    }
    fn weigh_draws(
        &self,
        at: &Encoded<'_, E>,
        weights: &mut [E::Scalar],
        scratch: &mut [E::Scalar],
    ) {
        (**self).weigh_draws(at, weights, scratch);
    }
    fn prior(&self, encoder: &E) -> Option<(usize, &dyn Prior<E>)> {
        (**self).prior(encoder)
    }
    fn check(&self, encoder: &E) -> Result<()> {
        (**self).check(encoder)
    }
    fn num_parameters(&self, encoder: &E) -> usize {
        (**self).num_parameters(encoder)
    }
    fn layout(
        &self,
        encoder: &E,
        layout: &mut Layout,
        parameters: &mut [E::Scalar],
        rng: &mut dyn Rng,
    ) {
        (**self).layout(encoder, layout, parameters, rng);
    }
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        (**self).penalty(at, gradient, scratch, terms);
    }
    fn scratch_len(&self, encoder: &E, samples: usize, draws: usize) -> usize {
        (**self).scratch_len(encoder, samples, draws)
    }
    fn collapsed_units(&self, posterior: &E::Posterior) -> Vec<usize> {
        (**self).collapsed_units(posterior)
    }
    fn state_len(&self, encoder: &E) -> usize {
        (**self).state_len(encoder)
    }
    fn update_state(
        &self,
        encoder: &E,
        posterior: &E::Posterior,
        shares: Option<&[E::Scalar]>,
        state: &mut [E::Scalar],
    ) {
        (**self).update_state(encoder, posterior, shares, state);
    }
}

/// The parts of a combination, each with its index.
trait Parts<E: Encoder> {
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(u64, &'a dyn Regularizer<E>));

    /// Each also with the place of its parameters among those of all.
    fn visit_own<'a>(
        &'a self,
        encoder: &E,
        visit: &mut dyn FnMut(u64, Range<usize>, &'a dyn Regularizer<E>),
    ) {
        let mut start = 0;
        self.visit(&mut |index, part| {
            let end = start + part.num_parameters(encoder);
            visit(index, start..end, part);
            start = end;
        });
    }
}

impl<E: Encoder, R: Regularizer<E>> Parts<E> for Vec<R> {
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(u64, &'a dyn Regularizer<E>)) {
        for (index, part) in self.iter().enumerate() {
            visit(index as u64, part);
        }
    }
}

macro_rules! tuple_parts {
    ($($part:ident $index:tt),+) => {
        impl<E: Encoder, $($part: Regularizer<E>),+> Parts<E> for ($($part,)+) {
            fn visit<'a>(&'a self, visit: &mut dyn FnMut(u64, &'a dyn Regularizer<E>)) {
                $(visit($index, &self.$index);)+
            }
        }
    };
}
tuple_parts!(A 0);
tuple_parts!(A 0, B 1);
tuple_parts!(A 0, B 1, C 2);
tuple_parts!(A 0, B 1, C 2, D 3);

/// A combination does what each of its parts does, in order. Each part has its own streams and its
/// own share of the state; scratch is used by one after the other.
macro_rules! combine {
    ($type:ty; $($part:ident),+) => {
        impl<E: Encoder, $($part: Regularizer<E>),+> Regularizer<E> for $type {
            fn corrupts(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.corrupts());
                any
            }

            fn corrupt(&self, mut x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
                self.visit(&mut |index, part: &dyn Regularizer<E>| {
                    part.corrupt(x.reborrow(), streams.at(index));
                });
            }

            fn adds_to_parameters(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.adds_to_parameters());
                any
            }

            fn needs_jacobian(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.needs_jacobian());
                any
            }

            fn corrupts_target(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.corrupts_target());
                any
            }

            fn corrupt_target(
                &self,
                mut x: BatchViewMut<'_, E::Scalar, E::Input>,
                streams: Streams<'_>,
            ) {
                self.visit(&mut |index, part: &dyn Regularizer<E>| {
                    part.corrupt_target(x.reborrow(), streams.at(index));
                });
            }

            fn draws(&self) -> usize {
                let mut most = 0;
                Parts::<E>::visit(self, &mut |_, part| most = most.max(part.draws()));
                most
            }

            fn weighs_draws(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.weighs_draws());
                any
            }

            fn weigh_draws(
                &self,
                at: &Encoded<'_, E>,
                weights: &mut [E::Scalar],
                scratch: &mut [E::Scalar],
            ) {
                self.visit_own(at.encoder, &mut |_, own, part: &dyn Regularizer<E>| {
                    part.weigh_draws(&Encoded { own: &at.own[own], ..*at }, weights, scratch);
                });
            }

            fn prior(&self, encoder: &E) -> Option<(usize, &dyn Prior<E>)> {
                let mut found = None;
                self.visit_own(encoder, &mut |_, own, part: &dyn Regularizer<E>| {
                    let Some((first, prior)) = part.prior(encoder) else { return };
                    // N(0, I) of one part does not hide the prior of another.
                    if found.is_none() || prior.num_components() > 0 {
                        found = Some((own.start + first, prior));
                    }
                });
                found
            }

            fn check(&self, encoder: &E) -> Result<()> {
                let (mut checked, mut priors) = (Ok(()), 0);
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    if checked.is_ok() {
                        checked = part.check(encoder);
                    }
                    let prior = part.prior(encoder);
                    priors += usize::from(prior.is_some_and(|(_, prior)| prior.num_components() > 0));
                });
                checked?;
                let name = "the number of priors other than N(0, I) in a combination";
                require(priors <= 1, name, priors as f64, "at most 1")
            }

            fn num_parameters(&self, encoder: &E) -> usize {
                let mut total = 0;
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    total += part.num_parameters(encoder);
                });
                total
            }

            fn layout(
                &self,
                encoder: &E,
                layout: &mut Layout,
                parameters: &mut [E::Scalar],
                rng: &mut dyn Rng,
            ) {
                self.visit_own(encoder, &mut |index, own, part: &dyn Regularizer<E>| {
                    let own = &mut parameters[own];
                    layout.scope(&index.to_string(), |layout| {
                        part.layout(encoder, layout, own, rng);
                    });
                });
            }

            fn penalty(
                &self,
                at: &Encoded<'_, E>,
                mut gradient: Option<&mut PenaltyGradient<'_, E>>,
                scratch: &mut [E::Scalar],
                terms: &mut Terms,
            ) {
                let mut rest = at.state;
                self.visit_own(at.encoder, &mut |index, own, part: &dyn Regularizer<E>| {
                    let (state, others) = rest.split_at(part.state_len(at.encoder));
                    rest = others;
                    let streams = at.streams.map(|streams| streams.at(index));
                    let at = Encoded { state, streams, own: &at.own[own.clone()], ..*at };
                    let mut gradient = gradient.as_mut().map(|gradient| gradient.part(own));
                    part.penalty(&at, gradient.as_mut(), scratch, terms);
                });
            }

            fn scratch_len(&self, encoder: &E, samples: usize, draws: usize) -> usize {
                let mut longest = 0;
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    longest = longest.max(part.scratch_len(encoder, samples, draws));
                });
                longest
            }

            fn collapsed_units(&self, posterior: &E::Posterior) -> Vec<usize> {
                let mut units = Vec::new();
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    units.extend(part.collapsed_units(posterior));
                });
                units.sort_unstable();
                units.dedup();
                units
            }

            fn state_len(&self, encoder: &E) -> usize {
                let mut total = 0;
                self.visit(&mut |_, part: &dyn Regularizer<E>| total += part.state_len(encoder));
                total
            }

            fn update_state(
                &self,
                encoder: &E,
                posterior: &E::Posterior,
                shares: Option<&[E::Scalar]>,
                state: &mut [E::Scalar],
            ) {
                let mut start = 0;
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    let len = part.state_len(encoder);
                    part.update_state(encoder, posterior, shares, &mut state[start..start + len]);
                    start += len;
                });
            }
        }
    };
}
combine!((A,); A);
combine!((A, B); A, B);
combine!((A, B, C); A, B, C);
combine!((A, B, C, D); A, B, C, D);
combine!(Vec<A>; A);
