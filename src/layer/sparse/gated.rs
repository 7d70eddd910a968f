use std::ops::Range;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::encoder::{Reached, SparseEncoder, SparseLayer};
use super::select::Room;
use super::selection::Moment;
use super::{InCommon, PairEncoder, Pairs, PairsPass, PlainEncoder};
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Error, Result};
use crate::layer::activation::Relu;
use crate::layer::layout::{Layout, Role};
use crate::layer::tied::Detach;
use crate::layer::{DualViewMut, Layer, Module, Part, Pass, TangentPass, Unconditioned, range};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;

/// An encoder that says by one number whether a unit is active and by another how much, so that a penalty on the first
/// does not shrink the second.
///
/// # Formula
/// p = W (x − b_d); fᵢ = 1(pᵢ + b_gateᵢ > 0) · relu(e^rᵢ pᵢ + b_magᵢ). Nothing of the loss reaches the gate through f:
/// penalise it with [`GateSparsity`](crate::regularizer::GateSparsity), which also lets it reconstruct.
///
/// # Shapes
/// As [`SparseEncoder`], whose parameters come first, with b_gate as biases; then r and b_mag (`O` each), 0 at first.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{Dictionary, GatedEncoder};
/// use autoencoder::regularizer::GateSparsity;
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(GatedEncoder::<64, 256>::new())
///     .decoder(Dictionary::new())
///     .regularizer(GateSparsity::new(0.05)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// S. Rajamanoharan and others (2024), Improving dictionary learning with gated sparse autoencoders.
#[derive(Debug)]
pub struct GatedEncoder<const I: usize, const O: usize>;

impl<const I: usize, const O: usize> GatedEncoder<I, O> {
    /// With sizes as types.
    #[allow(clippy::new_ret_no_self)] // it names the sizes
    pub fn new() -> GatedLayer<Const<I>, Const<O>> {
        GatedLayer { gate: SparseEncoder::<I, O>::new(Relu) }
    }
}

impl GatedEncoder<0, 0> {
    /// With sizes known at run time only.
    pub fn dynamic(inputs: usize, units: usize) -> GatedLayer<Dyn, Dyn> {
        GatedLayer { gate: SparseEncoder::dynamic(inputs, units, Relu) }
    }
}

/// What [`GatedEncoder`] makes.
#[derive(Debug, Clone)]
pub struct GatedLayer<I, O> {
    /// All but the magnitudes: of its pre-activations those above 0 are active.
    gate: SparseLayer<I, O, Relu>,
}

impl<I: Size, O: Size> GatedLayer<I, O> {
    /// As [`SparseLayer::pre_bias`].
    pub fn pre_bias<T: Float>(self, first: impl AsRef<[T]>) -> Self {
        Self { gate: self.gate.pre_bias(first) }
    }

    /// As [`SparseLayer::first_norm`].
    pub fn first_norm(self, first_norm: f64) -> Self {
        Self { gate: self.gate.first_norm(first_norm) }
    }

    /// As [`SparseLayer::without_pre_bias`].
    pub fn without_pre_bias(self) -> Self {
        Self { gate: self.gate.without_pre_bias() }
    }

    /// As [`SparseLayer::frozen`].
    pub fn frozen(self) -> Self {
        Self { gate: self.gate.frozen() }
    }

    /// The places of r and b_mag.
    fn places(&self) -> [Range<usize>; 2] {
        let (first, units) = (self.gate.num_parameters(), self.gate.num_outputs());
        [first..first + units, first + units..first + 2 * units]
    }

    fn magnitudes<'a, T: Float>(&self, parameters: &'a [T]) -> Magnitudes<'a, T> {
        let [logs, biases] = self.places();
        let gates = &parameters[self.gate.place_of_biases()];
        Magnitudes { gates, logs: &parameters[logs], biases: &parameters[biases] }
    }
}

/// How much a unit is active whose gate is open.
#[derive(Debug, Clone, Copy)]
struct Magnitudes<'a, T> {
    /// b_gate, r and b_mag.
    gates: &'a [T],
    logs: &'a [T],
    biases: &'a [T],
}

impl<T: Float> Magnitudes<'_, T> {
    /// f, from the gate's pre-activation, which is above 0.
    fn of(&self, unit: usize, gate: T) -> T {
        let p = gate - self.gates[unit];
        let value = self.logs[unit].exp() * p + self.biases[unit];
        if value > T::ZERO { value } else { T::ZERO }
    }

    /// The gradients of r and b_mag, from that at f, which then is that at p.
    fn back(&self, (unit, f): (usize, T), d: &mut T, [d_log, d_bias]: [&mut T; 2]) {
        let at_f = if f == T::ZERO { T::ZERO } else { *d };
        *d_bias += at_f;
        *d_log += at_f * (f - self.biases[unit]);
        self.back_to_p((unit, f), d);
    }

    /// The gradient at p, from that at f.
    fn back_to_p(&self, (unit, f): (usize, T), d: &mut T) {
        *d = if f == T::ZERO { T::ZERO } else { *d * self.logs[unit].exp() };
    }
}

impl<I: Size, O: Size> Module for GatedLayer<I, O> {
    fn num_inputs(&self) -> usize {
        self.gate.num_inputs()
    }
    fn num_outputs(&self) -> usize {
        self.gate.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        let units = self.gate.num_outputs();
        self.gate.num_parameters().saturating_add(units).saturating_add(units)
    }
    fn is_frozen(&self) -> bool {
        self.gate.is_frozen()
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.gate.set_frozen(is_frozen);
    }
    fn in_common(&self) -> Option<InCommon> {
        let all = self.num_parameters();
        self.gate.in_common().map(|common| InCommon { all, ..common })
    }
    fn check_sizes(&self) -> Result<()> {
        self.gate.check_sizes()
    }
}

impl<I: Size, O: Size> Part for GatedLayer<I, O> {
    type Input = I;
    type Output = O;
    type Range = range::NonNegative;
    type Posterior = Pairs;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.gate.input()
    }
    fn output(&self) -> O {
        self.gate.output()
    }
}

once! {
    /// Writes over the gate's pre-activations, 0 where it is closed, the values of codes.
    fn open(magnitudes: Magnitudes<'a, T>, y: &'a mut [T]) = open_generic;
    /// Adds the gradients of r and b_mag, and writes over the gradients at the values those at p.
    fn back(magnitudes: Magnitudes<'a, T>, y: &'a [T], d: &'a mut [T], to: [&'a mut [T]; 2]) = back_generic;
    /// The same without these gradients.
    fn back_to_p(magnitudes: Magnitudes<'a, T>, y: &'a [T], d: &'a mut [T]) = back_to_p_generic;
    /// J v from W v, with what is before the magnitudes on the tape.
    fn scale(logs: &'a [T], jv: &'a mut [T], tape: &'a mut [T]) = scale_generic;
    /// Adds the gradient of r through J v, and writes over the gradients at J v those at W v.
    fn scale_back(logs: &'a [T], tape: &'a [T], d: &'a mut [T], d_logs: &'a mut [T]) = scale_back_generic;
    /// The same as `open` of pairs, which are kept.
    fn open_pairs(magnitudes: Magnitudes<'a, T>, codes: &'a mut SparseBatch<T>, kept: &'a mut Vec<T>)
        = open_pairs_generic;
    /// The same as `back` of pairs; the gradients at p are written.
    fn back_pairs(
        magnitudes: Magnitudes<'a, T>,
        codes: &'a SparseBatch<T>,
        d: (&'a [T], &'a mut Vec<T>),
        to: [&'a mut [T]; 2],
    ) = back_pairs_generic;
}

fn open_generic<T: Float>(magnitudes: Magnitudes<'_, T>, y: &mut [T]) {
    for y in y.chunks_exact_mut(magnitudes.logs.len()) {
        for (unit, y) in y.iter_mut().enumerate().filter(|(_, y)| **y > T::ZERO) {
            *y = magnitudes.of(unit, *y);
        }
    }
}

fn back_generic<T: Float>(
    magnitudes: Magnitudes<'_, T>,
    y: &[T],
    d: &mut [T],
    [d_logs, d_biases]: [&mut [T]; 2],
) {
    let units = magnitudes.logs.len();
    for (d, y) in d.chunks_exact_mut(units).zip(y.chunks_exact(units)) {
        for (unit, (d, &f)) in d.iter_mut().zip(y).enumerate() {
            magnitudes.back((unit, f), d, [&mut d_logs[unit], &mut d_biases[unit]]);
        }
    }
}

fn back_to_p_generic<T: Float>(magnitudes: Magnitudes<'_, T>, y: &[T], d: &mut [T]) {
    let units = magnitudes.logs.len();
    for (d, y) in d.chunks_exact_mut(units).zip(y.chunks_exact(units)) {
        for (unit, (d, &f)) in d.iter_mut().zip(y).enumerate() {
            magnitudes.back_to_p((unit, f), d);
        }
    }
}

fn scale_generic<T: Float>(logs: &[T], jv: &mut [T], tape: &mut [T]) {
    tape.copy_from_slice(jv);
    for jv in jv.chunks_exact_mut(logs.len()) {
        jv.iter_mut().zip(logs).for_each(|(jv, log)| *jv *= log.exp());
    }
}

fn scale_back_generic<T: Float>(logs: &[T], tape: &[T], d: &mut [T], d_logs: &mut [T]) {
    let units = logs.len();
    for (d, a) in d.chunks_exact_mut(units).zip(tape.chunks_exact(units)) {
        for (((d, &a), d_log), log) in d.iter_mut().zip(a).zip(&mut *d_logs).zip(logs) {
            *d *= log.exp();
            *d_log += *d * a;
        }
    }
}

fn open_pairs_generic<T: Float>(
    magnitudes: Magnitudes<'_, T>,
    codes: &mut SparseBatch<T>,
    kept: &mut Vec<T>,
) {
    kept.clear();
    kept.extend_from_slice(codes.values());
    codes.change_values(|unit, gate| magnitudes.of(unit, gate));
}

fn back_pairs_generic<T: Float>(
    magnitudes: Magnitudes<'_, T>,
    codes: &SparseBatch<T>,
    (d, to_p): (&[T], &mut Vec<T>),
    [d_logs, d_biases]: [&mut [T]; 2],
) {
    to_p.clear();
    to_p.extend_from_slice(d);
    let pairs = codes.indices().iter().zip(codes.values());
    for (d, (&unit, &f)) in to_p.iter_mut().zip(pairs) {
        let unit = unit as usize;
        magnitudes.back((unit, f), d, [&mut d_logs[unit], &mut d_biases[unit]]);
    }
}

impl<T: Float, I: Size, O: Size> Layer<T> for GatedLayer<I, O> {
    fn layout(&self, layout: &mut Layout) {
        let units = self.gate.num_outputs();
        layout.layer("GatedEncoder", |layer| {
            layer.frozen(self.gate.is_frozen(), |layer| {
                self.gate.tensors_of::<T>(layer);
                layer.tensor("magnitude_log_scale", (units, 1), Role::Gain);
                layer.tensor("magnitude_bias", (units, 1), Role::Bias);
            });
        });
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let (of_gate, magnitudes) = parameters.split_at_mut(self.gate.num_parameters());
        self.gate.draw_parameters(of_gate, rng);
        magnitudes.fill(T::ZERO);
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        Layer::<T>::scratch_len(&self.gate, samples) + self.gate.num_outputs()
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let of_gate = &parameters[..self.gate.num_parameters()];
        self.gate.forward(of_gate, x, y.reborrow(), tape, scratch);
        open(self.magnitudes(parameters), y.as_mut_slice());
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        mut dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let magnitudes = self.magnitudes(pass.parameters);
        let units = self.gate.num_outputs();
        let pass = Pass { parameters: &pass.parameters[..self.gate.num_parameters()], ..pass };
        let (y, d) = (pass.y.as_slice(), dy.as_mut_slice());
        let Some(gradient) = gradient else {
            back_to_p(magnitudes, y, d);
            return self.gate.backward(pass, dy, dx, None, scratch);
        };
        let (of_gate, own) = gradient.split_at_mut(self.gate.num_parameters());
        own.fill(T::ZERO);
        back(magnitudes, y, d, own.split_at_mut(units).into());
        self.gate.backward(pass, dy, dx, Some(&mut *of_gate), scratch);
        of_gate[self.gate.place_of_biases()].fill(T::ZERO);
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.gate.num_outputs() * samples
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    ) {
        let logs = self.magnitudes(pass.parameters).logs;
        let pass = Pass { parameters: &pass.parameters[..self.gate.num_parameters()], ..pass };
        self.gate.tangent(pass, v, jv.reborrow(), &mut [], scratch);
        scale(logs, jv.as_mut_slice(), tangent_tape);
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        mut d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let magnitudes = self.magnitudes(pass.parameters);
        let units = self.gate.num_outputs();
        let (scratch, kept) = scratch.split_at_mut(scratch.len() - units);
        let (of_gate, own) = gradient.split_at_mut(self.gate.num_parameters());
        let (d_logs, d_biases) = own.split_at_mut(units);
        scale_back(magnitudes.logs, tangent.tape, d.tangent.as_mut_slice(), d_logs);
        let (y, values) = (pass.y.as_slice(), d.value.as_mut_slice());
        back(magnitudes, y, values, [d_logs, d_biases]);
        // Nothing of this reaches the gate's biases.
        let biases = self.gate.place_of_biases();
        kept.copy_from_slice(&of_gate[biases.clone()]);
        let pass = Pass { parameters: &pass.parameters[..self.gate.num_parameters()], ..pass };
        self.gate.tangent_backward(pass, tangent, d, d_input, of_gate, scratch);
        of_gate[biases].copy_from_slice(kept);
    }

    fn pair_encoder(&self) -> Option<&dyn PairEncoder<T>> {
        Some(self)
    }
}

impl<T: Float, I: Size, O: Size> PairEncoder<T> for GatedLayer<I, O> {
    fn plain<'a>(&self, parameters: &'a [T]) -> PlainEncoder<'a, T> {
        let [logs, biases] = self.places();
        let magnitudes = Some([&parameters[logs], &parameters[biases]]);
        let of_gate = self.gate.plain(&parameters[..self.gate.num_parameters()]);
        PlainEncoder { magnitudes, ..of_gate }
    }

    fn take_plain(&self, parameters: &mut [T], plain: PlainEncoder<'_, T>) -> Result<()> {
        let Some([logs, biases]) = plain.magnitudes else {
            let (part, fault) =
                ("the encoder", "has gates, and the weights that are taken have none");
            return Err(Error::Unfit { part, fault, remedy: "take a `SparseEncoder`" });
        };
        let [of_logs, of_biases] = self.places();
        parameters[of_logs].copy_from_slice(logs);
        parameters[of_biases].copy_from_slice(biases);
        let of_gate = PlainEncoder { magnitudes: None, ..plain };
        self.gate.take_plain(&mut parameters[..self.gate.num_parameters()], of_gate)
    }

    fn encode_pairs(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        at: Moment,
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    ) {
        let of_gate = &parameters[..self.gate.num_parameters()];
        self.gate.encode_pairs(of_gate, x, at, codes, room);
        open_pairs(self.magnitudes(parameters), codes, &mut room.gates);
    }

    fn encode_among(
        &self,
        parameters: &[T],
        among: (&[u32], usize),
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    ) {
        let of_gate = &parameters[..self.gate.num_parameters()];
        self.gate.encode_among(of_gate, among, codes, room);
    }

    fn encode_gates(&self, codes: &SparseBatch<T>, gates: &mut SparseBatch<T>, room: &Room<T>) {
        gates.copy_places(codes, &room.gates);
    }

    fn encode_pairs_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    ) {
        let (of_gate, own) = gradient.split_at_mut(self.gate.num_parameters());
        let units = self.gate.num_outputs();
        let magnitudes = self.magnitudes(pass.parameters);
        let mut d_p = std::mem::take(&mut room.gradient);
        let to = own.split_at_mut(units).into();
        back_pairs(magnitudes, pass.codes, (d_codes, &mut d_p), to);
        let pass = PairsPass { parameters: &pass.parameters[..of_gate.len()], ..pass };
        let reached = Reached { biases: false, thresholds: false };
        self.gate.add_gradient(pass, &d_p, of_gate, room, reached);
        room.gradient = d_p;
    }

    fn second_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    ) {
        let of_gate = &mut gradient[..self.gate.num_parameters()];
        let pass = PairsPass { parameters: &pass.parameters[..of_gate.len()], ..pass };
        self.gate.second_backward(pass, d_codes, of_gate, room);
    }

    fn revived_norm(&self, parameters: &[T], units: &[u32]) -> T {
        self.gate.revived_norm(&parameters[..self.gate.num_parameters()], units)
    }

    fn revive(
        &self,
        parameters: &mut [T],
        unit: usize,
        direction: &[T],
        norm: T,
        places: &mut Vec<Range<usize>>,
    ) {
        let of_gate = &mut parameters[..self.gate.num_parameters()];
        self.gate.revive(of_gate, unit, direction, norm, places);
        for own in self.places().map(|own| own.start + unit) {
            parameters[own] = T::ZERO;
            places.push(own..own + 1);
        }
    }

    fn settle(&self, _parameters: &mut [T], _codes: &SparseBatch<T>) {}

    fn settles(&self) -> bool {
        false
    }

    fn has_gates(&self) -> bool {
        true
    }

    fn looks_across(&self, _parameters: &[T]) -> Option<String> {
        None
    }

    fn trained_thresholds(&self) -> Option<(Range<usize>, f64)> {
        None
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        Vec::new()
    }
}

impl<T: Float, I: Size, O: Size> Detach<T> for GatedLayer<I, O> {
    type Detached = Self;

    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(parameters);
        self.clone()
    }
}
