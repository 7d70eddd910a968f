//! The encoder's tangents and its Jacobian, against differences of its map: what no objective shows, because only
//! a penalty on the Jacobian looks at them, and one of zeros looks like a penalty that is already small.

use std::ops::Range;

use super::super::Verdict;
use super::derivatives::{Claim, Point, derivative, some_of};
use super::{Checked, Finding, doubles};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::jacobian::{Asked, Jacobian, JacobianGradient};
use crate::layer::{DualViewMut, Layer, Pass, TangentPass};
use crate::model::Scalar;
use crate::model::gradcheck;
use crate::model::passes::joined;
use crate::numbers::scalar::Float;
use crate::random::Streams;

/// What lies in memory before a pass writes or adds to it.
const BEFORE: f64 = 0.25;
/// What the squared Jacobian is multiplied by.
const WEIGHT: f64 = 0.7;

/// So many numbers between −1 and 1 without a pattern that a layer could have too.
fn numbers(count: usize, salt: f64) -> Vec<f64> {
    (0..count).map(|at| (salt + 1.7 * at as f64 + 0.3 * (at * at % 11) as f64).sin()).collect()
}

fn of_doubles<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::of(value)).collect()
}

/// An encoder as a map of numbers, at the samples of a point.
struct Map<T: Float> {
    layer: Box<dyn Layer<T>>,
    samples: usize,
    /// Values of a sample that count, without a condition.
    features: usize,
    /// Code units, of which a Gaussian encoder gives twice as many numbers.
    units: usize,
    parameters: Vec<f64>,
    /// What it sees, with conditions.
    x: Vec<f64>,
    /// The parameters that are looked at.
    picked: Vec<usize>,
}

/// A forward pass: what it was given and has left behind.
struct Passed<T> {
    parameters: Vec<T>,
    x: Vec<T>,
    y: Vec<T>,
    tape: Vec<T>,
}

/// Gradients at parameters, inputs and directions.
struct Gradients {
    parameters: Vec<f64>,
    x: Vec<f64>,
    v: Vec<f64>,
}

impl<T: Float> Map<T> {
    fn new(Point { model, data, .. }: Point<T>) -> Result<Self> {
        let network = model.network;
        let (mut buffer, mut both) = (Vec::new(), Vec::new());
        let rows = data.in_memory().taken(&network, "contract", &mut buffer)?;
        let x = match rows.conditions {
            Some(conditions) => joined(rows.x, conditions, &mut both),
            None => rows.x,
        };
        let place = network.places().encoder;
        let mut is_trained = vec![true; place.len()];
        let frozen = network.layout.frozen_ranges();
        let within = |range: Range<usize>| range.start.min(place.end)..range.end.min(place.end);
        frozen.for_each(|frozen| is_trained[within(frozen)].fill(false));
        Ok(Self {
            samples: x.samples(),
            features: network.facts.features,
            units: network.facts.units,
            parameters: doubles(&network.parameters[place]),
            x: doubles(x.as_slice()),
            picked: some_of((0..is_trained.len()).filter(|&k| is_trained[k]).collect()),
            layer: network.encoder,
        })
    }

    fn inputs(&self) -> usize {
        self.layer.num_inputs()
    }

    fn outputs(&self) -> usize {
        self.layer.num_outputs()
    }

    fn memory(len: usize) -> Vec<T> {
        vec![T::of(BEFORE); len]
    }

    fn scratch(&self) -> Vec<T> {
        Self::memory(self.layer.scratch_len(self.samples))
    }

    /// The parameters, with others in the places that are looked at.
    fn with(&self, picked: &[f64]) -> Vec<f64> {
        let mut parameters = self.parameters.clone();
        self.picked.iter().zip(picked).for_each(|(&k, &value)| parameters[k] = value);
        parameters
    }

    fn pick(&self, all: &[f64]) -> Vec<f64> {
        self.picked.iter().map(|&k| all[k]).collect()
    }

    fn forward(&self, parameters: &[f64], x: &[f64]) -> Passed<T> {
        let mut passed = Passed {
            parameters: of_doubles(parameters),
            x: of_doubles(x),
            y: Self::memory(self.outputs() * self.samples),
            tape: Self::memory(self.layer.tape_len(self.samples)),
        };
        let x = BatchView::new(&passed.x, self.inputs());
        let y = BatchViewMut::new(&mut passed.y, self.outputs());
        self.layer.forward(&passed.parameters, x, y, &mut passed.tape, &mut self.scratch());
        passed
    }

    fn pass<'a>(&self, passed: &'a Passed<T>) -> Pass<'a, T> {
        let Passed { parameters, x, y, tape } = passed;
        let (x, y) = (BatchView::new(x, self.inputs()), BatchView::new(y, self.outputs()));
        Pass { parameters, x, y, tape }
    }

    /// J v, and the tape of it.
    fn tangent(&self, passed: &Passed<T>, v: &[T]) -> (Vec<T>, Vec<T>) {
        let mut jv = Self::memory(self.outputs() * self.samples);
        let mut tape = Self::memory(self.layer.tangent_tape_len(self.samples));
        let (v, to) =
            (BatchView::new(v, self.inputs()), BatchViewMut::new(&mut jv, self.outputs()));
        self.layer.tangent(self.pass(passed), v, to, &mut tape, &mut self.scratch());
        (jv, tape)
    }

    /// The change of the outputs as the inputs move along `v`.
    fn along(&self, step: f64, v: &[f64]) -> Vec<f64> {
        derivative(step, |by| {
            let x: Vec<f64> = self.x.iter().zip(v).map(|(x, v)| x + by * v).collect();
            doubles(&self.forward(&self.parameters, &x).y)
        })
    }

    /// The direction along one input, in all samples.
    fn unit(&self, input: usize) -> Vec<f64> {
        let all = 0..self.x.len();
        all.map(|at| if at % self.inputs() == input { 1.0 } else { 0.0 }).collect()
    }

    /// ⟨dy, y⟩ + ⟨d, J v⟩.
    fn both(&self, parameters: &[f64], x: &[f64], v: &[f64], (dy, d): (&[f64], &[f64])) -> f64 {
        let passed = self.forward(parameters, x);
        let (jv, _) = self.tangent(&passed, &of_doubles::<T>(v));
        let sum = |d: &[f64], values: &[T]| -> f64 {
            d.iter().zip(values).map(|(d, value)| d * value.to_double()).sum()
        };
        sum(dy, &passed.y) + sum(d, &jv)
    }

    /// Its gradients, as the encoder claims.
    fn both_backward(&self, v: &[f64], (dy, d): (&[f64], &[f64])) -> Gradients {
        let passed = self.forward(&self.parameters, &self.x);
        let v: Vec<T> = of_doubles(v);
        let (_, tape) = self.tangent(&passed, &v);
        let (mut dy, mut d): (Vec<T>, Vec<T>) = (of_doubles(dy), of_doubles(d));
        let (mut dx, mut dv) = (Self::memory(v.len()), Self::memory(v.len()));
        let mut gradient = Self::memory(self.parameters.len());
        let dual = |value, tangent, rows| DualViewMut {
            value: BatchViewMut::new(value, rows),
            tangent: BatchViewMut::new(tangent, rows),
        };
        self.layer.tangent_backward(
            self.pass(&passed),
            TangentPass { v: BatchView::new(&v, self.inputs()), tape: &tape },
            dual(&mut dy, &mut d, self.outputs()),
            Some(dual(&mut dx, &mut dv, self.inputs())),
            &mut gradient,
            &mut self.scratch(),
        );
        Gradients { parameters: added(&gradient), x: doubles(&dx), v: doubles(&dv) }
    }

    /// The squared Jacobian at these parameters and, if wanted, its weighted gradient, as the encoder claims.
    fn squared_jacobian(
        &self,
        parameters: &[f64],
        asked: Asked<'_, T>,
        wants: bool,
    ) -> (f64, Vec<f64>) {
        let passed = self.forward(parameters, &self.x);
        let pass = self.pass(&passed);
        let mut scratch = Self::memory(self.layer.jacobian_scratch_len(self.samples));
        if !wants {
            let value = self.layer.squared_jacobian(pass, asked, None, &mut scratch);
            return (value.to_double(), Vec::new());
        }
        let mut direct = Self::memory(parameters.len());
        let mut d_output = Self::memory(self.units * self.samples);
        let to = JacobianGradient {
            weight: T::of(WEIGHT),
            d_output: BatchViewMut::new(&mut d_output, self.units),
            parameters: &mut direct,
        };
        let value = self.layer.squared_jacobian(pass, asked, Some(to), &mut scratch);
        // What is said of the outputs goes back to the parameters; of log-variances nothing is said.
        let mut dy: Vec<T> = of_doubles(&added(&d_output));
        dy.resize(self.outputs() * self.samples, T::ZERO);
        let mut gradient = vec![T::ZERO; parameters.len()];
        let dy = BatchViewMut::new(&mut dy, self.outputs());
        self.layer.backward(pass, dy, None, Some(&mut gradient), &mut self.scratch());
        let sum = added(&direct).iter().zip(&gradient).map(|(a, b)| a + b.to_double()).collect();
        (value.to_double(), sum)
    }

    /// The sum over samples, each by its share, of the squared Jacobian by differences of the map.
    fn squared_differences(&self, step: f64, shares: &[f64]) -> f64 {
        let of_input = |input| {
            let moved = self.along(step, &self.unit(input));
            let samples = moved[..self.units * self.samples].chunks_exact(self.units).zip(shares);
            samples.map(|(j, share)| share * j.iter().map(|j| j * j).sum::<f64>()).sum::<f64>()
        };
        (0..self.features).map(of_input).sum()
    }
}

/// What was added to memory.
fn added<T: Float>(memory: &[T]) -> Vec<f64> {
    memory.iter().map(|value| value.to_double() - BEFORE).collect()
}

impl<T: Scalar> Checked<'_, T> {
    /// Every element of the Jacobian, by tangents along each input, and a tangent along all at once.
    pub(super) fn tangent(&self) -> Finding {
        self.against_differences("the encoder", |point| {
            let map = Map::new(point)?;
            let mut directions = vec![numbers(map.x.len(), 0.5)];
            directions.extend(some_of((0..map.inputs()).collect()).iter().map(|&i| map.unit(i)));
            let passed = map.forward(&map.parameters, &map.x);
            let claimed = |v: &Vec<f64>| doubles(&map.tangent(&passed, &of_doubles::<T>(v)).0);
            let claimed = directions.iter().flat_map(claimed).collect();
            let differences =
                move |step| directions.iter().flat_map(|v| map.along(step, v)).collect();
            Ok(Claim { claimed, differences: Box::new(differences) })
        })
    }

    /// Each of the gradients of ⟨dy, y⟩ + ⟨d, J v⟩, against differences of forward and tangent passes.
    pub(super) fn tangent_backward(&self) -> Finding {
        if let Err(Verdict::Failed { .. }) = self.tangent() {
            let why = "it is compared with differences of `tangent`, which has failed";
            return Err(Verdict::not_applicable(why));
        }
        self.against_differences("the encoder", |point| {
            let map = Map::new(point)?;
            let v = numbers(map.x.len(), 0.5);
            let outputs = map.outputs() * map.samples;
            let (dy, d) = (numbers(outputs, 1.5), numbers(outputs, 2.5));
            let Gradients { parameters, x, v: of_v } = map.both_backward(&v, (&dy, &d));
            let inputs = some_of((0..v.len()).collect());
            let of_inputs =
                |all: &[f64]| -> Vec<f64> { inputs.iter().map(|&at| all[at]).collect() };
            let claimed = [map.pick(&parameters), of_inputs(&x), of_inputs(&of_v)].concat();
            let at = [map.pick(&map.parameters), of_inputs(&map.x), of_inputs(&v)].concat();
            let differences = move |step| {
                gradcheck::differences(&at, step, |at| {
                    let (parameters, rest) = at.split_at(map.picked.len());
                    let (moved_x, moved_v) = rest.split_at(inputs.len());
                    let (mut x, mut v) = (map.x.clone(), v.clone());
                    for ((&at, &to_x), &to_v) in inputs.iter().zip(moved_x).zip(moved_v) {
                        (x[at], v[at]) = (to_x, to_v);
                    }
                    map.both(&map.with(parameters), &x, &v, (&dy, &d))
                })
            };
            Ok(Claim { claimed, differences: Box::new(differences) })
        })
    }

    /// The value against differences of the map, and the gradient against those of the value; with samples that
    /// count alike and not, and along random directions.
    pub(super) fn squared_jacobian(&self) -> Finding {
        self.against_differences("the encoder", |point| {
            let number = point.number;
            let map = Map::new(point)?;
            let samples = map.samples as f64;
            let sum: f64 = (1..=map.samples).map(|sample| sample as f64).sum();
            let rising: Vec<f64> = (1..=map.samples).map(|sample| sample as f64 / sum).collect();
            let (alike, typed) = (vec![1.0 / samples; map.samples], of_doubles::<T>(&rising));
            let features = map.features;
            let ways = move |way: usize, typed: &[T], ask: &mut dyn FnMut(Asked<'_, T>)| {
                let (how, inputs) = (Jacobian::Exact, features);
                let exact = Asked { how, inputs, shares: None, streams: None };
                let random = Jacobian::Hutchinson { directions: 2 };
                let streams = Some(Streams::new(number, 1, &[]));
                ask(match way {
                    0 => exact,
                    1 => Asked { shares: Some(typed), ..exact },
                    _ => Asked { how: random, inputs, shares: None, streams },
                });
            };
            let mut claimed = Vec::new();
            for way in 0..3 {
                ways(way, &typed, &mut |asked| {
                    let (value, gradient) = map.squared_jacobian(&map.parameters, asked, true);
                    // What is drawn is right only in the mean.
                    claimed.extend((way < 2).then_some(value));
                    claimed.extend(map.pick(&gradient));
                });
            }
            let at = map.pick(&map.parameters);
            let differences = move |step| {
                let mut all = Vec::new();
                for way in 0..3 {
                    let shares = [&alike, &rising].get(way).copied();
                    all.extend(shares.map(|shares| map.squared_differences(step, shares)));
                    all.extend(gradcheck::differences(&at, step, |at| {
                        let mut value = 0.0;
                        ways(way, &typed, &mut |asked| {
                            value = map.squared_jacobian(&map.with(at), asked, false).0;
                        });
                        WEIGHT * value
                    }));
                }
                all
            };
            Ok(Claim { claimed, differences: Box::new(differences) })
        })
    }
}
