//! Several regularizers as one: boxes, tuples and lists.

use super::{Encoded, PenaltyGradient, Regularizer};
use crate::encoder::Encoder;
use crate::{BatchViewMut, Terms, random::Streams};

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
    fn draws_code(&self) -> bool {
        (**self).draws_code()
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
    fn scratch_len(&self, encoder: &E, samples: usize) -> usize {
        (**self).scratch_len(encoder, samples)
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

            fn draws_code(&self) -> bool {
                let mut any = false;
                Parts::<E>::visit(self, &mut |_, part| any |= part.draws_code());
                any
            }

            fn penalty(
                &self,
                at: &Encoded<'_, E>,
                mut gradient: Option<&mut PenaltyGradient<'_, E>>,
                scratch: &mut [E::Scalar],
                terms: &mut Terms,
            ) {
                let mut rest = at.state;
                self.visit(&mut |index, part: &dyn Regularizer<E>| {
                    let (state, others) = rest.split_at(part.state_len(at.encoder));
                    rest = others;
                    let streams = at.streams.map(|streams| streams.at(index));
                    let at = Encoded { state, streams, ..*at };
                    part.penalty(&at, gradient.as_deref_mut(), scratch, terms);
                });
            }

            fn scratch_len(&self, encoder: &E, samples: usize) -> usize {
                let mut longest = 0;
                self.visit(&mut |_, part: &dyn Regularizer<E>| {
                    longest = longest.max(part.scratch_len(encoder, samples));
                });
                longest
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
