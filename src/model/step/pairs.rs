//! The same pass where codes come as pairs: nothing of it is as large as units × samples, unless a penalty looks at
//! codes with their zeros.

use super::Step;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::sparse::{Moment, PairDecoder, PairEncoder, PairsPass};
use crate::model::workspace::{Pairs, Workspace, fit};
use crate::numbers::scalar::Float;
use crate::regularizer::Auxiliary;

impl<T: Float> Step<'_, T> {
    pub(super) fn run_pairs(
        &self,
        encoder: &dyn PairEncoder<T>,
        decoder: &dyn PairDecoder<T>,
        workspace: &mut Workspace<T>,
        gradient: Option<&mut [T]>,
    ) {
        self.decode_pairs(decoder, workspace);
        let Some(gradient) = gradient else {
            self.compare(workspace, None);
            return self.penalise(workspace, None);
        };
        self.compare(workspace, Some(gradient));
        self.back_to_pairs(decoder, workspace, gradient);
        self.penalise(workspace, Some(gradient));
        self.back_from_pairs(encoder, workspace, gradient);
    }

    /// Whether a penalty looks at codes with their zeros.
    fn has_zeros(&self) -> bool {
        self.network.leaves.iter().any(|leaf| !leaf.needs.takes_pairs)
    }

    pub(super) fn prepare_pairs(&self, workspace: &mut Workspace<T>) {
        let Workspace { encoding, decoding, comparing, back, .. } = workspace;
        let (network, samples) = (self.network, self.samples());
        let with_zeros = if self.has_zeros() { samples } else { 0 };
        encoding.posterior.resize(with_zeros);
        back.posterior.resize(with_zeros);
        back.posterior.set_zero();
        back.parameters.clear();
        fit(&mut decoding.output, network.outputs() * samples);
        fit(&mut back.output, network.outputs() * samples);
        fit(&mut comparing.values, samples);
        let of_penalties = network
            .leaves
            .iter()
            .map(|leaf| leaf.part.scratch_len(&*network.encoder, &network.facts, samples, 0));
        fit(&mut workspace.scratch, of_penalties.max().unwrap_or(0));
    }

    /// x̃ → the active units of each sample and their values.
    pub(super) fn encode_pairs(&self, encoder: &dyn PairEncoder<T>, workspace: &mut Workspace<T>) {
        let Workspace { encoding, pairs, .. } = workspace;
        let Pairs { codes, by_unit, auxiliary, auxiliary_by_unit, candidates, room, .. } = pairs;
        let parameters = &self.parameters[self.places.encoder.clone()];
        let streams = self.seen.streams;
        let progress = streams.and_then(|streams| streams.progress());
        let at = Moment { is_training: streams.is_some(), progress };
        let x = self.input(&encoding.corrupted, &encoding.joined);
        encoder.encode_pairs(parameters, x, at, codes, room);
        by_unit.sort(codes);
        if self.has_zeros() {
            let mut dense = encoding.posterior.mean_mut();
            let columns = dense.as_mut_slice().chunks_exact_mut(self.network.facts.units);
            for (column, code) in columns.zip(codes.iter()) {
                column.fill(T::ZERO);
                code.iter().for_each(|(unit, value)| column[unit] = value);
            }
        }

        candidates.clear();
        for leaf in &self.network.leaves {
            match leaf.needs.auxiliary {
                Auxiliary::Nothing => continue,
                Auxiliary::Gates => encoder.encode_gates(codes, auxiliary, room),
                Auxiliary::Among(count) => {
                    let state = &self.network.state[leaf.state.clone()];
                    leaf.part.candidates(&self.network.facts, state, candidates);
                    let among = (&candidates[..], count);
                    encoder.encode_among(parameters, among, auxiliary, room);
                }
            }
            auxiliary_by_unit.sort(auxiliary);
        }
    }

    fn decode_pairs(&self, decoder: &dyn PairDecoder<T>, workspace: &mut Workspace<T>) {
        let parameters = &self.parameters[self.network.given_to_decoder()];
        let y = BatchViewMut::new(&mut workspace.decoding.output, self.network.outputs());
        let units = self.network.facts.units;
        decoder.decode_pairs(parameters, &workspace.pairs.codes, units, true, y);
        let Workspace { encoding, decoding, .. } = workspace;
        let x = self.input(&encoding.corrupted, &encoding.joined);
        let y = BatchViewMut::new(&mut decoding.output, self.network.outputs());
        decoder.add_skip(parameters, x, y);
    }

    /// y → the value of each pair.
    fn back_to_pairs(
        &self,
        decoder: &dyn PairDecoder<T>,
        workspace: &mut Workspace<T>,
        gradient: &mut [T],
    ) {
        let Workspace { back, pairs, encoding, .. } = workspace;
        gradient[..self.places.decoder.end].fill(T::ZERO);
        let Pairs { codes, d_codes, auxiliary, d_auxiliary, by_unit, .. } = pairs;
        for (d, codes) in [(&mut *d_codes, &*codes), (d_auxiliary, auxiliary)] {
            d.clear();
            d.resize(codes.values().len(), T::ZERO);
        }
        let given = self.network.given_to_decoder();
        let pass = PairsPass { parameters: &self.parameters[given.clone()], codes, by_unit };
        let dy = BatchView::new(&back.output, self.network.outputs());
        let units = self.network.facts.units;
        let to = &mut gradient[given];
        decoder.decode_pairs_backward(pass, units, true, dy, d_codes, Some(to));
        decoder.add_skip_gradient(self.input(&encoding.corrupted, &encoding.joined), dy, to);
    }

    /// The value of each pair → x̃.
    fn back_from_pairs(
        &self,
        encoder: &dyn PairEncoder<T>,
        workspace: &mut Workspace<T>,
        gradient: &mut [T],
    ) {
        let Workspace { back, pairs, .. } = workspace;
        let Pairs {
            codes, by_unit, d_codes, auxiliary, auxiliary_by_unit, d_auxiliary, room, ..
        } = pairs;
        if self.has_zeros() {
            let (starts, d_dense) = (codes.starts(), back.posterior.mean());
            for (ends, d_dense) in starts.windows(2).zip(d_dense.iter()) {
                let place = ends[0]..ends[1];
                let units = &codes.indices()[place.clone()];
                let to = d_codes[place].iter_mut().zip(units);
                to.for_each(|(d, &unit)| *d += d_dense[unit as usize]);
            }
        }
        if self.trains_encoder() {
            let parameters = &self.parameters[self.places.encoder.clone()];
            let to = &mut gradient[self.places.encoder.clone()];
            let pass = PairsPass { parameters, codes, by_unit };
            encoder.encode_pairs_backward(pass, d_codes, to, room);
            if !auxiliary.values().is_empty() {
                let pass = PairsPass { parameters, codes: auxiliary, by_unit: auxiliary_by_unit };
                encoder.second_backward(pass, d_auxiliary, to, room);
            }
        }
    }
}
