//! The codes of a whole batch, whose shards were encoded one by one: for what looks across them.

use super::network::Network;
use super::workspace::{Back, Workspace, fit};
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::Posterior;
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::regularizer::{Across, Encoded, Leaf, PenaltyGradient};
use crate::terms::Terms;

/// What the encoder says of all samples of a batch, and what penalties across codes say of that.
#[derive(Debug, Clone)]
pub(crate) struct Whole<T> {
    samples: usize,
    draws: usize,
    posterior: Posterior<T>,
    /// The drawn codes: all first ones, then all second ones, …
    codes: Vec<T>,
    pairs: SparseBatch<T>,
    d_posterior: Posterior<T>,
    d_codes: Vec<T>,
    /// What each part of the regularizer that looks across codes adds to the objective.
    terms: Vec<Terms>,
    scratch: Vec<T>,
}

/// The place of a shard in its batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InWhole<'a, T> {
    pub(crate) whole: &'a Whole<T>,
    /// The first sample of the shard.
    pub(crate) first: usize,
    /// What the objective of the shard counts in that of the batch.
    pub(crate) share: f64,
}

fn is_across<T: Float>(leaf: &Leaf<T>) -> bool {
    leaf.needs.across == Across::Codes
}

impl<T: Float> Network<T> {
    /// Whether a step on a shard needs the codes of its whole batch: for a penalty, for what is remembered of a batch, or
    /// to say which units tell nothing.
    pub(crate) fn gathers(&self) -> bool {
        let of_leaves = self.leaves.iter().any(|leaf| is_across(leaf) || leaf.needs.state > 0);
        let of_encoder = self.pairs().is_some_and(|(encoder, _)| encoder.settles());
        of_leaves || of_encoder || self.facts.is_gaussian
    }

    /// What looks at a whole batch and is not content with codes.
    pub(crate) fn not_in_shards(&self) -> Option<String> {
        let parameters = &self.parameters[self.places().encoder];
        let of_encoder = self.pairs().and_then(|(encoder, _)| encoder.looks_across(parameters));
        let mut leaves = self.leaves.iter();
        of_encoder.or_else(|| {
            let looks_at_more = |leaf: &&Leaf<T>| match leaf.needs.across {
                Across::Batch => true,
                // Of a batch there are codes alone, and no gradient goes elsewhere.
                Across::Codes => leaf.needs.looks_beyond_codes(),
                Across::Nothing => false,
            };
            // Those that begin anew take samples of a whole batch.
            let leaf = leaves.find(|leaf| looks_at_more(leaf) || leaf.needs.revives)?;
            Some(leaf.part.describe())
        })
    }
}

impl<T: Float> Whole<T> {
    pub(crate) fn new(network: &Network<T>) -> Self {
        let posterior = || Posterior::new(network.facts.units, network.facts.is_gaussian);
        Self {
            samples: 0,
            draws: 0,
            posterior: posterior(),
            codes: Vec::new(),
            pairs: SparseBatch::empty(network.facts.units),
            d_posterior: posterior(),
            d_codes: Vec::new(),
            terms: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn posterior(&self) -> &Posterior<T> {
        &self.posterior
    }

    pub(crate) fn pairs(&self) -> &SparseBatch<T> {
        &self.pairs
    }

    /// Makes room for a batch of so many samples, of which codes are drawn where there is randomness.
    pub(crate) fn begin(&mut self, network: &Network<T>, samples: usize, is_drawn: bool) {
        self.samples = samples;
        let looks = network.leaves.iter().any(|leaf| is_across(leaf));
        self.draws = if is_drawn && looks { network.draws() } else { 0 };
        self.pairs.clear(network.facts.units);
        let has_pairs = network.pairs().is_some();
        let has_zeros = network.leaves.iter().any(|leaf| !leaf.needs.takes_pairs);
        self.posterior.resize(if has_pairs && !has_zeros { 0 } else { samples });
        fit(&mut self.codes, self.draws * samples * network.facts.units);
    }

    /// Appends what the encoder has said of a shard.
    pub(crate) fn write(&self, network: &Network<T>, workspace: &Workspace<T>, to: &mut Vec<u8>) {
        let Workspace { encoding, drawing, pairs, .. } = workspace;
        if self.posterior.samples() > 0 {
            write(encoding.posterior.values().as_slice(), to);
            let len = encoding.posterior.mean().as_slice().len() * self.draws;
            write(&drawing.codes[..len], to);
        }
        if network.pairs().is_some() {
            for code in pairs.codes.iter() {
                to.extend((code.indices().len() as u32).to_ne_bytes());
            }
            pairs.codes.indices().iter().for_each(|unit| to.extend(unit.to_ne_bytes()));
            write(pairs.codes.values(), to);
        }
    }

    /// Takes what was said of a shard that begins at this sample and has so many; `None` if that is of another one.
    /// Shards come in their order.
    pub(crate) fn take(
        &mut self,
        network: &Network<T>,
        (first, count): (usize, usize),
        mut bytes: &[u8],
    ) -> Option<()> {
        let units = network.facts.units;
        if self.posterior.samples() > 0 {
            let place = first * units..(first + count) * units;
            let (means, log_variances) = self.posterior.moments_mut();
            read(&mut bytes, &mut means[place.clone()])?;
            if network.facts.is_gaussian {
                read(&mut bytes, &mut log_variances[place.clone()])?;
            }
            for codes in self.codes.chunks_exact_mut(self.samples * units) {
                read(&mut bytes, &mut codes[place.clone()])?;
            }
        }
        if network.pairs().is_some() {
            let (lengths, rest) = bytes.split_at_checked(4 * count)?;
            let lengths = || lengths.chunks_exact(4).map(number);
            let all: usize = lengths().sum();
            let (indices, values) = rest.split_at_checked(4 * all)?;
            let mut indices = indices.chunks_exact(4).map(number);
            bytes = values;
            for length in lengths() {
                for _ in 0..length {
                    let mut value = [T::ZERO];
                    read(&mut bytes, &mut value)?;
                    self.pairs.push_value(indices.next().filter(|&unit| unit < units)?, value[0]);
                }
                self.pairs.end_sample();
            }
        }
        bytes.is_empty().then_some(())
    }

    /// The penalties across codes and, if wanted, their gradient.
    pub(crate) fn penalise(
        &mut self,
        network: &Network<T>,
        parameters: &[T],
        (shares, streams): (Option<&[T]>, Option<Streams<'_>>),
        wants_gradient: bool,
    ) {
        let Self { samples, draws, posterior, codes, d_posterior, d_codes, terms, .. } = self;
        let units = network.facts.units;
        d_posterior.resize(posterior.samples());
        d_posterior.set_zero();
        d_codes.clear();
        d_codes.resize(codes.len(), T::ZERO);
        terms.resize_with(network.leaves.len(), Terms::new);
        for (leaf, terms) in network.leaves.iter().zip(terms) {
            terms.clear();
            if !is_across(leaf) {
                continue;
            }
            let encoder = &*network.encoder;
            let length = leaf.part.scratch_len(encoder, &network.facts, *samples, *draws);
            let nothing = BatchView::new(&[], 1);
            let at = Encoded {
                facts: &network.facts,
                encoder,
                decoder: &*network.decoder,
                parameters: &parameters[..network.places().decoder.end],
                layout: &network.layout,
                x: nothing,
                posterior,
                output: nothing,
                target: nothing,
                pairs: None,
                auxiliary: None,
                tape: &[],
                own: &[],
                state: &network.state[leaf.state.clone()],
                codes: (*draws > 0).then(|| BatchView::new(codes, units)),
                noise: &[],
                losses: &[],
                pseudo: None,
                shares,
                streams: streams.map(|streams| leaf.streams(streams.at(2))),
            };
            let mut gradient = PenaltyGradient {
                posterior: d_posterior,
                codes: (*draws > 0).then(|| BatchViewMut::new(d_codes, units)),
                pairs: &mut [],
                auxiliary: &mut [],
                parameters: &mut [],
                own: &mut [],
                pseudo: None,
            };
            let scratch = fit(&mut self.scratch, length);
            leaf.part.penalty(&at, wants_gradient.then_some(&mut gradient), scratch, terms);
        }
    }
}

impl<T: Float> InWhole<'_, T> {
    /// Adds the terms of this part of the regularizer, if it looks across codes; whether it does.
    pub(crate) fn add_terms(&self, number: usize, leaf: &Leaf<T>, terms: &mut Terms) -> bool {
        if let (true, Some(of_leaf)) = (is_across(leaf), self.whole.terms.get(number)) {
            terms.append(of_leaf);
        }
        is_across(leaf)
    }

    /// Adds to the gradient of a shard's objective what is the shard's of that of all: it counts once in the batch, so
    /// that it is divided by what the shard counts.
    pub(crate) fn add_gradient(&self, back: &mut Back<T>) {
        let Self { whole, first, share } = *self;
        let (units, scale) = (back.posterior.units(), T::of(1.0 / share));
        let add = |to: &mut [T], from: &[T]| {
            to.iter_mut().zip(from).for_each(|(to, &d)| *to += scale * d);
        };
        let count = back.posterior.samples();
        let is_across = whole.terms.iter().any(|terms| terms.iter().next().is_some());
        if whole.posterior.samples() == 0 || !is_across {
            return;
        }
        let place = first * units..(first + count) * units;
        let (means, log_variances) = back.posterior.moments_mut();
        add(means, &whole.d_posterior.mean().as_slice()[place.clone()]);
        if whole.d_posterior.is_gaussian() {
            add(log_variances, &whole.d_posterior.log_variance().as_slice()[place.clone()]);
        }
        let of_draws = whole.d_codes.chunks_exact(whole.samples * units);
        for (to, from) in back.codes.chunks_exact_mut(count * units).zip(of_draws) {
            add(to, &from[place.clone()]);
        }
    }
}

/// Appends numbers as bytes.
fn write<T: Float>(values: &[T], to: &mut Vec<u8>) {
    let before = to.len();
    to.resize(before + size_of_val(values), 0);
    T::write_scaled(values, T::ONE, &mut to[before..]);
}

/// Reads so many numbers from the front of some bytes.
fn read<T: Float>(bytes: &mut &[u8], to: &mut [T]) -> Option<()> {
    let (front, behind) = bytes.split_at_checked(size_of_val(to))?;
    T::add_read(front, true, to);
    *bytes = behind;
    Some(())
}

/// A number of four bytes.
fn number(bytes: &[u8]) -> usize {
    let mut number = [0; 4];
    number.copy_from_slice(bytes);
    u32::from_ne_bytes(number) as usize
}
