//! One pass forward and one back: what training makes small, and its gradient.
//!
//! ```text
//! x (clean) ──corrupt──▶ x̃ ──infer──▶ posterior ──draw──▶ z ──decode──▶ y ──compare(x, y)
//!                         ▲               │                                     │
//!                         └── back_to_input ◀── penalise ◀──── back_to_code ◀───┘
//! ```
//!
//! A condition goes in beside x̃ and beside z, after the corruption and after the draw, and is cut off on the way
//! back. A classifier's y is compared with the sample's class, that of a model with targets with what is given. A value of
//! x that is missing, NaN, stays so in what y is compared with; after the corruption, the encoder sees what the normalizer
//! puts in its place. Of a sparse code only [pairs](pairs) of a unit and a value go this way.

mod pairs;

use super::network::{Network, Places};
use super::passes::joined;
use super::whole::InWhole;
use super::workspace::{Back, Comparing, Decoding, Drawing, Encoding, Pairs, Workspace, fit};
use crate::batch::{BatchView, BatchViewMut, sample_weights};
use crate::layer::Pass;
use crate::layer::sparse::PairsPass;
use crate::loss::{Compared, Target};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::regularizer::{Auxiliary, Corrupts, Encoded, Leaf, PenaltyGradient};
use crate::train::examples::Rows;

/// The samples of a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a, T> {
    pub(crate) rows: Rows<'a, T>,
    /// How much each counts, together 1, if they do not count alike.
    pub(crate) shares: Option<&'a [T]>,
    /// The randomness of a training step; without it nothing is corrupted or drawn.
    pub(crate) streams: Option<Streams<'a>>,
    /// The batch that they are a shard of, where something looks across its codes.
    pub(crate) within: Option<InWhole<'a, T>>,
}

/// How much of a pass is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// From samples to codes.
    ToCodes,
    /// From the codes that are there on.
    FromCodes,
    All,
}

/// One pass forward and, if a gradient is wanted, back, at these parameters; terms are left in the workspace.
pub(crate) fn step<T: Float>(
    network: &Network<T>,
    parameters: &[T],
    workspace: &mut Workspace<T>,
    seen: Seen<'_, T>,
    gradient: Option<&mut [T]>,
) {
    some_of_step(network, parameters, workspace, seen, gradient, Stretch::All);
}

/// A stretch of such a pass. The codes that one begins with are those of these samples at these parameters.
pub(crate) fn some_of_step<T: Float>(
    network: &Network<T>,
    parameters: &[T],
    workspace: &mut Workspace<T>,
    seen: Seen<'_, T>,
    gradient: Option<&mut [T]>,
    stretch: Stretch,
) {
    let mut clean = std::mem::take(&mut workspace.clean);
    let x = drawn_anew(network, seen, &mut clean);
    let target = match network.loss.target() {
        Target::Input => x,
        Target::Class | Target::Given => seen.rows.targets.unwrap_or(x),
    };
    let rows = Rows { x, ..seen.rows };
    let draws = if seen.streams.is_some() { network.draws() } else { 0 };
    let step = Step { network, parameters, places: network.places(), rows, target, seen, draws };
    if stretch != Stretch::FromCodes {
        step.encode(workspace);
    }
    if stretch != Stretch::ToCodes {
        step.run(workspace, gradient);
    }
    workspace.clean = clean;
}

/// The samples, drawn anew into the buffer where a regularizer does that.
fn drawn_anew<'a, T: Float>(
    network: &Network<T>,
    Seen { rows, streams, .. }: Seen<'a, T>,
    buffer: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let draws = |leaf: &&Leaf<T>| leaf.needs.corrupts == Corrupts::Sample;
    let Some(streams) = streams.filter(|_| network.leaves.iter().any(|leaf| draws(&leaf))) else {
        return rows.x;
    };
    buffer.clear();
    buffer.extend_from_slice(rows.x.as_slice());
    for leaf in network.leaves.iter().filter(draws) {
        let x = BatchViewMut::new(buffer, rows.x.features());
        leaf.part.corrupt(x, leaf.streams(streams.at(3)));
    }
    BatchView::new(buffer, rows.x.features())
}

/// A pass under way: all that does not change in it.
struct Step<'a, T: Float> {
    network: &'a Network<T>,
    parameters: &'a [T],
    places: Places,
    /// The clean samples, and the conditions.
    rows: Rows<'a, T>,
    /// What the outputs are compared with.
    target: BatchView<'a, T>,
    seen: Seen<'a, T>,
    /// Codes drawn of each sample; 0 where the posterior's mean is the code.
    draws: usize,
}

impl<T: Float> Step<'_, T> {
    fn encode(&self, workspace: &mut Workspace<T>) {
        if let Some((encoder, _)) = self.network.pairs() {
            self.prepare_pairs(workspace);
            self.corrupt(&mut workspace.encoding);
            return self.encode_pairs(encoder, workspace);
        }
        self.prepare(workspace);
        self.corrupt(&mut workspace.encoding);
        self.infer(workspace);
        self.draw(&workspace.encoding, &mut workspace.drawing);
    }

    fn run(&self, workspace: &mut Workspace<T>, mut gradient: Option<&mut [T]>) {
        if let Some(gradient) = &mut gradient {
            gradient[self.places.loss.start..].fill(T::ZERO);
        }
        match self.network.pairs() {
            None => self.run_dense(workspace, gradient.as_deref_mut()),
            Some((encoder, decoder)) => {
                self.run_pairs(encoder, decoder, workspace, gradient.as_deref_mut());
            }
        }
        if let Some(gradient) = gradient {
            for frozen in self.network.layout.frozen_ranges() {
                gradient[frozen].fill(T::ZERO);
            }
        }
    }

    fn run_dense(&self, workspace: &mut Workspace<T>, gradient: Option<&mut [T]>) {
        self.decode(workspace);
        let Some(gradient) = gradient else {
            self.compare(workspace, None);
            return self.penalise(workspace, None);
        };
        self.compare(workspace, Some(gradient));
        self.back_to_code(workspace, gradient);
        self.penalise(workspace, Some(gradient));
        self.back_to_input(workspace, gradient);
    }

    fn samples(&self) -> usize {
        self.rows.x.samples()
    }

    /// Outputs: one for each sample, or for each of its draws.
    fn columns(&self) -> usize {
        self.samples() * self.draws.max(1)
    }

    /// Gives every buffer the length that it has in this pass.
    fn prepare(&self, workspace: &mut Workspace<T>) {
        let Self { network, draws, .. } = *self;
        let Workspace { encoding, pseudo, drawing, decoding, comparing, back, .. } = workspace;
        let (encoder, decoder) = (&network.encoder, &network.decoder);
        let (samples, columns, units) = (self.samples(), self.columns(), network.facts.units);
        encoding.posterior.resize(samples);
        back.posterior.resize(samples);
        fit(&mut encoding.tape, encoder.tape_len(samples));
        fit(&mut drawing.codes, units * samples * draws);
        fit(&mut back.codes, units * samples * draws);
        fit(&mut drawing.noise, encoding.posterior.noise_len() * draws);
        fit(&mut decoding.output, network.outputs() * columns);
        fit(&mut back.output, network.outputs() * columns);
        fit(&mut decoding.tape, decoder.tape_len(columns));
        fit(&mut comparing.values, columns);
        let inputs = network.pseudo_inputs().len() / network.facts.features;
        pseudo.posterior.resize(inputs);
        back.pseudo.resize(inputs);
        fit(&mut pseudo.tape, encoder.tape_len(inputs));
        fit(&mut back.of_pseudo, if inputs > 0 { encoder.num_parameters() } else { 0 });
        let of_encoder = encoder.scratch_len(samples).max(encoder.scratch_len(inputs));
        let of_penalties = network
            .leaves
            .iter()
            .map(|leaf| leaf.part.scratch_len(&**encoder, &network.facts, samples, draws));
        let longest = of_encoder.max(decoder.scratch_len(columns));
        fit(&mut workspace.scratch, of_penalties.fold(longest, usize::max));
    }

    /// x → x̃, with its condition under it.
    fn corrupt(&self, encoding: &mut Encoding<T>) {
        let mut x = self.rows.x;
        if self.is_changed() {
            let corrupted = fit(&mut encoding.corrupted, x.as_slice().len());
            let corrupted = BatchViewMut::new(corrupted, x.features());
            let parts = (x, corrupted, self.corruption());
            in_parts(x.samples(), ELEMENT * x.features(), parts, |(x, mut to, streams)| {
                to.as_mut_slice().copy_from_slice(x.as_slice());
                if let Some(streams) = streams {
                    for leaf in self.network.leaves.iter().filter(corrupts_input) {
                        leaf.part.corrupt(to.reborrow(), leaf.streams(streams));
                    }
                }
                if let Some(normalizer) = self.network.fills() {
                    normalizer.fill(to);
                }
            });
            x = BatchView::new(&encoding.corrupted, x.features());
        }
        if let Some(conditions) = self.rows.conditions {
            joined(x, conditions, &mut encoding.joined);
        }
    }

    /// The streams of corruptions, if there are any.
    fn corruption(&self) -> Option<Streams<'_>> {
        let mut leaves = self.network.leaves.iter();
        let any = leaves.any(|leaf| corrupts_input(&leaf));
        self.seen.streams.filter(|_| any).map(|streams| streams.at(0))
    }

    /// Whether the encoder sees something else than the samples: corrupted, or with what is missing filled.
    fn is_changed(&self) -> bool {
        self.corruption().is_some() || self.network.fills().is_some()
    }

    /// What the encoder sees.
    fn input<'a>(&'a self, corrupted: &'a [T], joined: &'a [T]) -> BatchView<'a, T> {
        if self.rows.conditions.is_some() {
            BatchView::new(joined, self.network.encoder.num_inputs())
        } else if self.is_changed() {
            BatchView::new(corrupted, self.rows.x.features())
        } else {
            self.rows.x
        }
    }

    /// The prior's pseudo-inputs, if it has some.
    fn pseudo_inputs(&self) -> Option<BatchView<'_, T>> {
        let place = self.network.pseudo_inputs();
        let own = &self.parameters[self.places.regularizer.clone()];
        (!place.is_empty()).then(|| BatchView::new(&own[place], self.network.facts.features))
    }

    /// x̃ → posterior; of pseudo-inputs too.
    fn infer(&self, workspace: &mut Workspace<T>) {
        let Workspace { encoding, pseudo, scratch, .. } = workspace;
        let encoder = &self.network.encoder;
        let parameters = &self.parameters[self.places.encoder.clone()];
        let Encoding { corrupted, joined, posterior, tape } = encoding;
        let x = self.input(corrupted, joined);
        encoder.forward(parameters, x, posterior.values_mut(), tape, scratch);
        if let Some(inputs) = self.pseudo_inputs() {
            let Encoding { posterior, tape, .. } = pseudo;
            encoder.forward(parameters, inputs, posterior.values_mut(), tape, scratch);
        }
    }

    /// posterior → z, once for each draw.
    fn draw(&self, encoding: &Encoding<T>, drawing: &mut Drawing<T>) {
        let Some(streams) = self.seen.streams else { return };
        let units = self.network.facts.units;
        let (code_len, noise_len) = (units * self.samples(), encoding.posterior.noise_len());
        for draw in 0..self.draws {
            let codes = &mut drawing.codes[draw * code_len..][..code_len];
            let noise = &mut drawing.noise[draw * noise_len..][..noise_len];
            let streams = streams.at(1).draw(draw);
            encoding.posterior.draw_code(streams, BatchViewMut::new(codes, units), noise);
        }
    }

    /// z: what was drawn, or the posterior's mean.
    fn codes<'a>(&self, encoding: &'a Encoding<T>, drawing: &'a Drawing<T>) -> BatchView<'a, T> {
        if self.draws == 0 {
            return encoding.posterior.mean();
        }
        BatchView::new(&drawing.codes, self.network.facts.units)
    }

    /// z → y, with the condition under each z.
    fn decode(&self, workspace: &mut Workspace<T>) {
        let Workspace { encoding, drawing, decoding, scratch, .. } = workspace;
        let Decoding { joined: buffer, output, tape } = decoding;
        let codes = self.codes(encoding, drawing);
        let z = match self.rows.conditions {
            Some(conditions) => joined(codes, conditions, buffer),
            None => codes,
        };
        let y = BatchViewMut::new(output, self.network.outputs());
        let parameters = &self.parameters[self.network.given_to_decoder()];
        self.network.decoder.forward(parameters, z, y, tape, scratch);
    }

    /// loss(target, y) and, if wanted, its gradients: at y, and at its own parameters.
    fn compare(&self, workspace: &mut Workspace<T>, gradient: Option<&mut [T]>) {
        let (samples, columns) = (self.samples(), self.columns());
        let weighs = gradient.is_some()
            && self.draws > 0
            && self.network.leaves.iter().any(|leaf| leaf.needs.weighs_draws);
        let wants = gradient.is_some();
        self.weights(&mut workspace.comparing, weighs);
        let Workspace { decoding, comparing, back, .. } = workspace;
        let Comparing { values, weights } = comparing;
        let mean = T::of(1.0 / columns as f64);
        let given = if weights.is_empty() { self.seen.shares } else { Some(&weights[..]) };
        let dy = (wants && !weighs).then_some(&mut back.output[..]);
        self.compare_all(&decoding.output, values, dy, Weights { mean, shares: given });

        let of_draws =
            values.chunks(samples).map(|values| sample_weights::mean(values, self.seen.shares));
        let sum = of_draws.reduce(|sum, mean| sum + mean).unwrap_or(T::ZERO);
        let loss = if self.draws > 1 { sum / T::of(self.draws as f64) } else { sum };
        workspace.terms.clear();
        workspace.terms.add(self.network.loss.name(), loss);
        if weighs {
            self.weigh_draws(workspace, mean);
        }
        let Some(gradient) = gradient else { return };
        self.add_loss_gradient(workspace, mean, &mut gradient[self.places.loss.clone()]);
    }

    /// What each draw's loss counts, where draws do not count alike.
    fn weights(&self, comparing: &mut Comparing<T>, weighs: bool) {
        let (columns, shares) = (self.columns(), self.seen.shares);
        comparing.weights.clear();
        if !(weighs || self.draws > 1 && shares.is_some()) {
            return;
        }
        comparing.weights.resize(columns, T::of(1.0 / columns as f64));
        if let Some(shares) = shares {
            let of_draw = T::of(1.0 / self.draws as f64);
            let weights = comparing.weights.iter_mut().zip(shares.iter().cycle());
            weights.for_each(|(weight, &share)| *weight = of_draw * share);
        }
    }

    /// Lets penalties say how much each draw's loss counts in the gradient.
    fn weigh_draws(&self, workspace: &mut Workspace<T>, mean: T) {
        let mut weights = std::mem::take(&mut workspace.comparing.weights);
        let mut scratch = std::mem::take(&mut workspace.scratch);
        for leaf in &self.network.leaves {
            leaf.part.weigh_draws(&self.encoded(workspace, leaf), &mut weights, &mut scratch);
        }
        workspace.scratch = scratch;
        let Workspace { decoding, comparing, back, .. } = workspace;
        let given = Weights { mean, shares: Some(&weights) };
        let dy = Some(&mut back.output[..]);
        self.compare_all(&decoding.output, &mut comparing.values, dy, given);
        comparing.weights = weights;
    }

    /// The loss of each output and, if wanted, the gradient of the sum of each times its weight.
    fn compare_all(
        &self,
        outputs: &[T],
        values: &mut [T],
        dy: Option<&mut [T]>,
        weights: Weights<'_, T>,
    ) {
        let (samples, rows) = (self.samples(), self.network.outputs());
        let (mut dy, of_draw) = (dy, samples * rows);
        for (draw, values) in values.chunks_mut(samples).enumerate() {
            let y = BatchView::new(&outputs[draw * of_draw..][..of_draw], rows);
            let dy = dy.as_deref_mut();
            let dy = dy.map(|dy| BatchViewMut::new(&mut dy[draw * of_draw..][..of_draw], rows));
            let shares = weights.shares.map(|shares| &shares[draw * samples..][..samples]);
            let parts = (self.target, (y, shares), values, dy);
            in_parts(samples, ELEMENT * rows, parts, |(x, (y, shares), values, dy)| {
                self.compare_some(x, y, values, dy, Weights { mean: weights.mean, shares });
            });
        }
    }

    /// The same of one part, a few samples at a time while they are in the cache.
    fn compare_some(
        &self,
        x: BatchView<'_, T>,
        y: BatchView<'_, T>,
        values: &mut [T],
        mut dy: Option<BatchViewMut<'_, T>>,
        weights: Weights<'_, T>,
    ) {
        /// Values of x, y and dy that are looked at together: all three stay in the nearest cache.
        const TOGETHER: usize = 2048;
        /// But never more samples than this.
        const MOST: usize = 256;
        let parameters = &self.parameters[self.places.loss.clone()];
        let columns = TOGETHER.div_ceil(y.features()).min(MOST);
        let same = [weights.mean; MOST];
        let mut dy = dy.as_mut().map(|dy| dy.chunks_mut(columns));
        let blocks = x.chunks(columns).zip(y.chunks(columns));
        for (block, ((x, y), values)) in blocks.zip(values.chunks_mut(columns)).enumerate() {
            let at = Compared { x, y, parameters };
            let Some(dy) = dy.as_mut().and_then(Iterator::next) else {
                self.network.loss.values(at, values);
                continue;
            };
            let weights = match weights.shares {
                None => &same[..values.len()],
                Some(shares) => &shares[block * columns..][..values.len()],
            };
            self.network.loss.values_and_gradient(at, weights, values, dy);
        }
    }

    /// Adds the gradient of the loss's own parameters, if it has any.
    fn add_loss_gradient(&self, workspace: &mut Workspace<T>, mean: T, gradient: &mut [T]) {
        if gradient.is_empty() {
            return;
        }
        let (samples, rows) = (self.samples(), self.network.outputs());
        let Comparing { weights, .. } = &mut workspace.comparing;
        if weights.is_empty() {
            let mean = [mean];
            let shares = self.seen.shares.unwrap_or(&mean).iter().cycle();
            weights.extend(shares.take(self.columns()));
        }
        let parameters = &self.parameters[self.places.loss.clone()];
        let y = BatchView::new(&workspace.decoding.output, rows);
        for (y, weights) in y.chunks(samples).zip(weights.chunks(samples)) {
            let at = Compared { x: self.target, y, parameters };
            self.network.loss.parameter_gradient(at, weights, gradient);
        }
    }

    /// What a penalty sees.
    fn encoded<'a>(&'a self, workspace: &'a Workspace<T>, leaf: &Leaf<T>) -> Encoded<'a, T> {
        let Workspace { encoding, pseudo, drawing, decoding, comparing, pairs, .. } = workspace;
        let network = self.network;
        let Pairs { codes, by_unit, auxiliary, auxiliary_by_unit, .. } = pairs;
        let given = &self.parameters[network.given_to_decoder()];
        let pass = |codes, by_unit| PairsPass { parameters: given, codes, by_unit };
        let is_asked = network.pairs().is_some();
        Encoded {
            facts: &network.facts,
            encoder: &*network.encoder,
            decoder: &*network.decoder,
            output: BatchView::new(&decoding.output, network.outputs()),
            target: self.target,
            pairs: is_asked.then(|| pass(codes, by_unit)),
            auxiliary: (is_asked && leaf.needs.auxiliary != Auxiliary::Nothing)
                .then(|| pass(auxiliary, auxiliary_by_unit)),
            parameters: &self.parameters[..self.places.decoder.end],
            layout: &network.layout,
            x: self.input(&encoding.corrupted, &encoding.joined),
            posterior: &encoding.posterior,
            tape: &encoding.tape,
            own: &self.parameters[self.places.regularizer.clone()][leaf.own.clone()],
            state: &network.state[leaf.state.clone()],
            codes: (self.draws > 0).then(|| self.codes(encoding, drawing)),
            noise: &drawing.noise,
            losses: &comparing.values,
            pseudo: self.pseudo_inputs().map(|_| &pseudo.posterior),
            shares: self.seen.shares,
            streams: self.seen.streams.map(|streams| leaf.streams(streams.at(2))),
        }
    }

    fn trains_encoder(&self) -> bool {
        !self.network.layout.is_frozen(self.places.encoder.clone())
    }

    /// y → z.
    fn back_to_code(&self, workspace: &mut Workspace<T>, gradient: &mut [T]) {
        let Workspace { encoding, drawing, decoding, back, scratch, .. } = workspace;
        let (network, units) = (self.network, self.network.facts.units);
        let (own, end) = (self.places.decoder.start, self.places.decoder.end);
        let is_shared = network.decoder.num_shared() > 0;
        let adds = is_shared || network.leaves.iter().any(|leaf| leaf.needs.adds_to_parameters);
        back.parameters.clear();
        back.parameters.resize(if adds { end } else { 0 }, T::ZERO);
        back.posterior.set_zero();

        let z = match self.rows.conditions {
            Some(_) => BatchView::new(&decoding.joined, network.decoder.num_inputs()),
            None => self.codes(encoding, drawing),
        };
        let y = BatchView::new(&decoding.output, network.outputs());
        let parameters = &self.parameters[network.given_to_decoder()];
        let pass = Pass { parameters, x: z, y, tape: &decoding.tape };
        let dz = match (self.rows.conditions, self.draws) {
            _ if !self.trains_encoder() => None,
            (Some(_), _) => {
                let rows = network.decoder.num_inputs();
                Some(BatchViewMut::new(fit(&mut back.joined, rows * self.columns()), rows))
            }
            (None, 0) => Some(back.posterior.mean_mut()),
            (None, _) => Some(BatchViewMut::new(&mut back.codes, units)),
        };
        // The encoder's pass writes over what a decoder says about weights that they share.
        let to = if is_shared { &mut back.parameters[..] } else { &mut gradient[own..end] };
        let to = Some(to).filter(|_| is_shared || !network.layout.is_frozen(own..end));
        let dy = BatchViewMut::new(&mut back.output, network.outputs());
        network.decoder.backward(pass, dy, dz, to, scratch);
        if is_shared {
            gradient[own..end].fill(T::ZERO);
        }
        if !self.trains_encoder() {
            back.codes.fill(T::ZERO);
        } else if self.rows.conditions.is_some() {
            let rows = network.decoder.num_inputs();
            let Back { joined, codes, posterior, .. } = back;
            let mut mean = posterior.mean_mut();
            let to = if self.draws == 0 { mean.as_mut_slice() } else { &mut codes[..] };
            for (to, joined) in to.chunks_exact_mut(units).zip(joined.chunks_exact(rows)) {
                to.copy_from_slice(&joined[..units]);
            }
        }
    }

    /// penalty(posterior, z, encoder), and its gradients.
    fn penalise(&self, workspace: &mut Workspace<T>, mut gradient: Option<&mut [T]>) {
        let units = self.network.facts.units;
        let mut back = std::mem::replace(&mut workspace.back, Back::new(0, false));
        let mut scratch = std::mem::take(&mut workspace.scratch);
        let mut terms = std::mem::take(&mut workspace.terms);
        let has_pseudo = self.pseudo_inputs().is_some();
        if has_pseudo {
            back.pseudo.set_zero();
        }
        let (end, first) = (self.places.decoder.end, self.places.regularizer.start);
        let mut d_codes = std::mem::take(&mut workspace.pairs.d_codes);
        let mut d_auxiliary = std::mem::take(&mut workspace.pairs.d_auxiliary);
        let has_pairs = self.network.pairs().is_some();
        for (number, leaf) in self.network.leaves.iter().enumerate() {
            let within = self.seen.within;
            if within.is_some_and(|within| within.add_terms(number, leaf, &mut terms)) {
                continue;
            }
            let mut to = gradient.as_deref_mut().map(|gradient| {
                let (of_parts, rest) = gradient.split_at_mut(end);
                PenaltyGradient {
                    posterior: &mut back.posterior,
                    codes: (self.draws > 0).then(|| BatchViewMut::new(&mut back.codes, units)),
                    pairs: &mut d_codes,
                    auxiliary: &mut d_auxiliary,
                    // Where the gradient is not written over behind this, it is added to in place.
                    parameters: if has_pairs { of_parts } else { &mut back.parameters },
                    own: &mut rest[first - end..][leaf.own.clone()],
                    pseudo: has_pseudo.then_some(&mut back.pseudo),
                }
            });
            let at = self.encoded(workspace, leaf);
            leaf.part.penalty(&at, to.as_mut(), &mut scratch, &mut terms);
        }
        if let (Some(within), true) = (self.seen.within, gradient.is_some()) {
            within.add_gradient(&mut back);
        }
        (workspace.back, workspace.scratch, workspace.terms) = (back, scratch, terms);
        (workspace.pairs.d_codes, workspace.pairs.d_auxiliary) = (d_codes, d_auxiliary);
    }

    /// z → posterior → x̃; of pseudo-inputs too.
    fn back_to_input(&self, workspace: &mut Workspace<T>, gradient: &mut [T]) {
        let Workspace { encoding, pseudo, drawing, back, scratch, .. } = workspace;
        let (network, encoder) = (self.network, &self.network.encoder);
        let parameters = &self.parameters[self.places.encoder.clone()];
        if self.trains_encoder() {
            let units = network.facts.units;
            let (code_len, noise_len) = (units * self.samples(), encoding.posterior.noise_len());
            for draw in 0..self.draws {
                let dz = BatchView::new(&back.codes[draw * code_len..][..code_len], units);
                let noise = &drawing.noise[draw * noise_len..][..noise_len];
                encoding.posterior.draw_code_backward(dz, noise, &mut back.posterior);
            }
            let x = self.input(&encoding.corrupted, &encoding.joined);
            let y = encoding.posterior.values();
            let pass = Pass { parameters, x, y, tape: &encoding.tape };
            let to = Some(&mut gradient[self.places.encoder.clone()]);
            encoder.backward(pass, back.posterior.values_mut(), None, to, scratch);
        }
        if let Some(x) = self.pseudo_inputs() {
            let pass = Pass { parameters, x, y: pseudo.posterior.values(), tape: &pseudo.tape };
            let place = network.pseudo_inputs();
            let to = &mut gradient[self.places.regularizer.start..][place];
            let dx = Some(BatchViewMut::new(to, network.facts.features));
            let to = Some(&mut back.of_pseudo[..]);
            encoder.backward(pass, back.pseudo.values_mut(), dx, to, scratch);
            gradient.iter_mut().zip(&back.of_pseudo).for_each(|(g, &d)| *g += d);
        }
        gradient.iter_mut().zip(&back.parameters).for_each(|(g, &d)| *g += d);
    }
}

fn corrupts_input<T: Float>(leaf: &&Leaf<T>) -> bool {
    leaf.needs.corrupts == Corrupts::Input
}

/// What the loss of each sample is multiplied by.
#[derive(Debug, Clone, Copy)]
struct Weights<'a, T> {
    /// One over the number of samples.
    mean: T,
    /// One for each sample, in place of that.
    shares: Option<&'a [T]>,
}
