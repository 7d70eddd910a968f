//! What a training step does beside its gradient: parameters are brought back to where they may be, units begin anew, and
//! regularizers remember the batch. Most of it is of models whose codes come as pairs of a unit and a value.

use std::ops::Range;

use rand::Rng;

use super::network::Network;
use super::workspace::Workspace;
use crate::batch::BatchView;
use crate::batch::sparse::SparseBatch;
use crate::code::posterior::Posterior;
use crate::layer::Layer;
use crate::layer::sparse::{PairDecoder, PairEncoder};
use crate::loss::Target;
use crate::numbers::scalar::{Float, sum};
use crate::random::Streams;
use crate::random::schedule::Schedule;

impl<T: Float> Network<T> {
    /// Encoder and decoder, where codes come as pairs in training.
    pub(crate) fn pairs(&self) -> Option<(&dyn PairEncoder<T>, &dyn PairDecoder<T>)> {
        let both = self.encoder.pair_encoder().zip(self.decoder.pair_decoder());
        both.filter(|_| self.facts.has_pairs)
    }

    /// Takes off a gradient what would only take parameters from where they may be.
    pub(crate) fn project(&self, parameters: &[T], gradient: &mut [T]) {
        if let Some(decoder) = self.decoder.pair_decoder() {
            let given = self.given_to_decoder();
            decoder.project(&parameters[given.clone()], &mut gradient[given]);
        }
    }

    /// Gives an encoder that ranks units by them the norms of the atoms as they are: whatever has changed these calls it.
    pub(crate) fn take_norms(&mut self) {
        let (of_encoder, given) = (self.places().encoder, self.given_to_decoder());
        let outputs = self.outputs();
        let Self { encoder, decoder, parameters, facts, .. } = self;
        let both = encoder.pair_encoder().zip(decoder.pair_decoder());
        let Some((encoder, decoder)) = both.filter(|_| facts.has_pairs) else { return };
        if !encoder.is_by_norm() {
            return;
        }
        let place = decoder.place_of_atoms();
        let (own, behind) = parameters.split_at_mut(of_encoder.end);
        // A dictionary's atoms are its own.
        let start = (given.start + place.start).checked_sub(of_encoder.end);
        let Some(atoms) = start.and_then(|start| behind.get(start..start + place.len())) else {
            return;
        };
        encoder.take_norms(own, BatchView::new(atoms, outputs));
    }

    /// After a training step: brings parameters back to where they may be, and takes the batch, with what the encoder has
    /// said of it, into the regularizer's state.
    pub(crate) fn settle(
        &mut self,
        posterior: &Posterior<T>,
        codes: &SparseBatch<T>,
        shares: Option<&[T]>,
    ) {
        let given = self.given_to_decoder();
        let codes = self.pairs().map(|_| codes);
        let Self { encoder, decoder, parameters, .. } = self;
        if let (Some(encoder), Some(codes)) = (encoder.pair_encoder(), codes) {
            encoder.settle(parameters, codes);
        }
        if let Some(decoder) = decoder.pair_decoder() {
            decoder.settle(&mut parameters[given]);
        }
        self.take_norms();
        self.update_state(posterior, codes, shares);
    }

    /// Gives units new directions that a regularizer wants revived after a step, and appends the places of their
    /// parameters.
    pub(crate) fn revive(
        &mut self,
        workspace: &mut Workspace<T>,
        streams: Streams<'_>,
        places: &mut Vec<Range<usize>>,
    ) {
        let (given, ends) = (self.given_to_decoder(), self.places());
        let Self { encoder, decoder, parameters, leaves, state, facts, .. } = self;
        let both = encoder.pair_encoder().zip(decoder.pair_decoder());
        let Some((encoder, decoder)) = both.filter(|_| facts.has_pairs) else { return };
        for leaf in leaves.iter().filter(|leaf| leaf.needs.revives) {
            let units = &mut workspace.pairs.candidates;
            units.clear();
            let state = &mut state[leaf.state.clone()];
            leaf.part.revives(facts, state, units);
            if units.is_empty() {
                continue;
            }
            let mut rng = leaf.streams(streams.at(4)).whole();
            let x = BatchView::new(workspace.pairs.room.samples(), facts.features);
            let mut squares = squares_of_losses(&workspace.comparing.values, x);
            let scale = encoder.revived_norm(&parameters[ends.encoder.clone()], units);
            for &unit in &*units {
                // No sample twice, or two units would be one for good.
                let Some(sample) = take_one(&mut squares, &mut rng) else { break };
                leaf.part.revived(facts, state, unit as usize);
                let direction = &x.as_slice()[sample * x.features()..][..x.features()];
                let own = &mut parameters[ends.encoder.clone()];
                encoder.revive(own, unit as usize, direction, scale, places);
                let first = places.len();
                let own = &mut parameters[given.clone()];
                decoder.revive(own, unit as usize, direction, places);
                for place in &mut places[first..] {
                    *place = place.start + given.start..place.end + given.start;
                }
            }
        }
        self.take_norms();
    }

    /// Whether a step may end where [`settle`](Self::settle) does not leave it.
    pub(crate) fn settles(&self) -> bool {
        let is_trained = |layer: &dyn Layer<T>| !layer.is_frozen();
        let of_decoder = self.decoder.pair_decoder().is_some_and(|decoder| decoder.settles());
        let of_encoder = self.pairs().is_some_and(|(encoder, _)| encoder.settles());
        // Norms follow the atoms, also those of an encoder that is frozen.
        let by_norm = self.pairs().is_some_and(|(encoder, _)| encoder.is_by_norm());
        (of_decoder || by_norm) && is_trained(&*self.decoder)
            || of_encoder && is_trained(&*self.encoder)
    }

    /// Whether a regularizer gives units new parameters.
    pub(crate) fn revives(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.needs.revives)
    }

    /// The schedules that parts follow.
    pub(crate) fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        let of_encoder = self.pairs().map(|(encoder, _)| encoder.schedules()).unwrap_or_default();
        let of_leaves = self.leaves.iter().flat_map(|leaf| leaf.part.schedules());
        of_leaves.chain(of_encoder).collect()
    }

    /// Takes a training step's batch into the regularizer's state.
    fn update_state(
        &mut self,
        posterior: &Posterior<T>,
        codes: Option<&SparseBatch<T>>,
        shares: Option<&[T]>,
    ) {
        for leaf in &self.leaves {
            let state = &mut self.state[leaf.state.clone()];
            match codes.filter(|_| leaf.needs.takes_pairs) {
                Some(codes) => leaf.part.update_state_of_pairs(&self.facts, codes, state),
                None => leaf.part.update_state(&self.facts, posterior, shares, state),
            }
        }
    }
}

/// Whether codes come as pairs in training: of a model that is told no condition and makes no classes.
pub(super) fn are_pairs<T: Float>(
    encoder: &dyn Layer<T>,
    decoder: &dyn Layer<T>,
    (condition, target): (usize, Target),
) -> bool {
    let both = encoder.pair_encoder().is_some() && decoder.pair_decoder().is_some();
    both && condition == 0 && target != Target::Class
}

/// The squares of losses, 0 of samples that have no direction.
fn squares_of_losses<T: Float>(losses: &[T], x: BatchView<'_, T>) -> Vec<f64> {
    let has_direction = |x: &[T]| {
        let norm = sum(x, |x| x * x).sqrt();
        norm > T::ZERO && (T::ONE / norm).is_finite()
    };
    let squares = losses.iter().zip(x.iter());
    let squares =
        squares.map(|(loss, x)| if has_direction(x) { loss.to_double().powi(2) } else { 0.0 });
    squares.collect()
}

/// One of these, with a probability that is as its number, which then is 0; none where all are 0.
fn take_one(numbers: &mut [f64], rng: &mut dyn Rng) -> Option<usize> {
    let mut left = f64::draw_uniform(rng) * numbers.iter().sum::<f64>();
    let possible = || (0..numbers.len()).filter(|&at| numbers[at] > 0.0);
    let found = possible().find(|&at| {
        left -= numbers[at];
        left < 0.0
    });
    let found = found.or_else(|| possible().next_back())?;
    numbers[found] = 0.0;
    Some(found)
}
