//! The four passes of a normalization, compiled once for each number type.

use super::spans::Groups;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::DualViewMut;
use crate::layer::biases::add_bias_gradient;
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::{Float, sum_pairs};
use crate::numbers::vector::vectorize;

once! {
    pub fn forward(groups: Groups, epsilon: T, parameters: &'a [T], x: BatchView<'a, T>, y: BatchViewMut<'a, T>, tape: &'a mut [T])
        = forward_generic;
    pub fn backward(groups: Groups, parameters: &'a [T], tape: &'a [T], dy: BatchViewMut<'a, T>, dx: Option<BatchViewMut<'a, T>>, gradient: Option<&'a mut [T]>)
        = backward_generic;
    pub fn tangent(groups: Groups, parameters: &'a [T], tape: &'a [T], v: BatchView<'a, T>, jv: BatchViewMut<'a, T>, tangent_tape: &'a mut [T])
        = tangent_generic;
    pub fn tangent_backward(groups: Groups, parameters: &'a [T], tapes: (&'a [T], &'a [T]), d: DualViewMut<'a, T>, d_input: Option<DualViewMut<'a, T>>, gradient: Option<&'a mut [T]>)
        = tangent_backward_generic;
}

fn forward_generic<T: Float>(
    groups: Groups,
    epsilon: T,
    parameters: &[T],
    x: BatchView<'_, T>,
    y: BatchViewMut<'_, T>,
    tape: &mut [T],
) {
    let (values, run) = (groups.values(), groups.run());
    let (gains, biases) = parameters.split_at(groups.channels);
    let (normalized, scales) = groups.tape_mut(tape);
    let data = ((x, y), (normalized, scales));
    in_parts(x.samples(), ELEMENT * values, data, |((x, mut y), (mut normalized, mut scales))| {
        let to = normalized.as_mut_slice().chunks_exact_mut(values);
        let to = to.zip(y.as_mut_slice().chunks_exact_mut(values));
        let scales = scales.as_mut_slice().chunks_exact_mut(groups.number);
        for ((x, (to, y)), scales) in x.iter().zip(to).zip(scales) {
            for (scale, spans) in scales.iter_mut().zip(groups.spans()) {
                *scale = spans.normalize(epsilon, x, to);
            }
            y.copy_from_slice(to);
            by_channel(
                gains,
                biases,
                run,
                y,
                #[inline(always)]
                |y, gain, bias| y * gain + bias,
            );
        }
    });
}

fn backward_generic<T: Float>(
    groups: Groups,
    parameters: &[T],
    tape: &[T],
    mut dy: BatchViewMut<'_, T>,
    dx: Option<BatchViewMut<'_, T>>,
    gradient: Option<&mut [T]>,
) {
    let (values, run) = (groups.values(), groups.run());
    let (normalized, scales) = groups.tape(tape);
    if let Some(gradient) = gradient {
        gradient.fill(T::ZERO);
        let (of_gains, of_biases) = gradient.split_at_mut(groups.channels);
        add_products(dy.as_view(), normalized, run, of_gains);
        add_bias_gradient(dy.as_view(), run, of_biases);
    }
    let Some(dx) = dx else { return };
    multiply_by(&parameters[..groups.channels], run, dy.reborrow());
    let data = ((normalized, scales), (dy.as_view(), dx));
    in_parts(dy.samples(), ELEMENT * values, data, |((normalized, scales), (dy, mut dx))| {
        let dx = dx.as_mut_slice().chunks_exact_mut(values);
        for (((x, scales), dy), dx) in normalized.iter().zip(scales.iter()).zip(dy.iter()).zip(dx) {
            for (&scale, spans) in scales.iter().zip(groups.spans()) {
                spans.project(x, scale, dy, dx);
            }
        }
    });
}

fn tangent_generic<T: Float>(
    groups: Groups,
    parameters: &[T],
    tape: &[T],
    v: BatchView<'_, T>,
    mut jv: BatchViewMut<'_, T>,
    tangent_tape: &mut [T],
) {
    let values = groups.values();
    let (u, slopes) = groups.tape_mut(tangent_tape);
    let data = (groups.tape(tape), v, (u, slopes), jv.reborrow());
    in_parts(v.samples(), ELEMENT * values, data, |(tape, v, (mut u, mut slopes), mut jv)| {
        let to = u.as_mut_slice().chunks_exact_mut(values);
        let slopes = slopes.as_mut_slice().chunks_exact_mut(groups.number);
        let samples = tape.0.iter().zip(tape.1.iter()).zip(v.iter());
        for (((x, scales), v), (to, slopes)) in samples.zip(to.zip(slopes)) {
            let of_groups = scales.iter().zip(slopes).zip(groups.spans());
            for ((&scale, slope), spans) in of_groups {
                *slope = scale * spans.project(x, scale, v, to);
            }
        }
        jv.as_mut_slice().copy_from_slice(u.as_slice());
    });
    multiply_by(&parameters[..groups.channels], groups.run(), jv);
}

fn tangent_backward_generic<T: Float>(
    groups: Groups,
    parameters: &[T],
    (tape, tangent_tape): (&[T], &[T]),
    mut d: DualViewMut<'_, T>,
    d_input: Option<DualViewMut<'_, T>>,
    gradient: Option<&mut [T]>,
) {
    let (values, run) = (groups.values(), groups.run());
    let (tape, tangent_tape) = (groups.tape(tape), groups.tape(tangent_tape));
    if let Some(gradient) = gradient {
        let (of_gains, of_biases) = gradient.split_at_mut(groups.channels);
        add_products(d.value.as_view(), tape.0, run, of_gains);
        add_products(d.tangent.as_view(), tangent_tape.0, run, of_gains);
        add_bias_gradient(d.value.as_view(), run, of_biases);
    }
    let Some(d_input) = d_input else { return };
    let gains = &parameters[..groups.channels];
    multiply_by(gains, run, d.value.reborrow());
    multiply_by(gains, run, d.tangent.reborrow());
    let (a, p) = (d.value.as_view(), d.tangent.as_view());
    let data = (tape, tangent_tape, (a, p), (d_input.value, d_input.tangent));
    in_parts(
        a.samples(),
        ELEMENT * values,
        data,
        |(tape, tangent_tape, (a, p), (mut dx, mut dv))| {
            let to = dx.as_mut_slice().chunks_exact_mut(values);
            let to = to.zip(dv.as_mut_slice().chunks_exact_mut(values));
            let tapes = tape.0.iter().zip(tangent_tape.0.iter());
            let numbers = tape.1.iter().zip(tangent_tape.1.iter());
            for ((((x, u), numbers), (a, p)), (dx, dv)) in
                tapes.zip(numbers).zip(a.iter().zip(p.iter())).zip(to)
            {
                let numbers = numbers.0.iter().zip(numbers.1);
                for ((&scale, &slope), spans) in numbers.zip(groups.spans()) {
                    let of_u = scale * spans.project(x, scale, p, dv);
                    let of_x = scale * spans.mean_product(u, p);
                    spans.project(x, scale, a, dx);
                    spans.each(
                        x,
                        u,
                        dx,
                        #[inline(always)]
                        move |dx, x, u| dx - x * of_x - u * of_u,
                    );
                    spans.each(
                        dv,
                        dv,
                        dx,
                        #[inline(always)]
                        move |dx, dv, _| dx - slope * dv,
                    );
                }
            }
        },
    );
}

/// z ← f(z, a, b) with the numbers a and b of each value's channel.
#[inline]
fn by_channel<T: Float>(a: &[T], b: &[T], run: usize, z: &mut [T], f: impl Fn(T, T, T) -> T) {
    vectorize(
        #[inline(always)]
        || {
            if run == 1 {
                for z in z.chunks_exact_mut(a.len()) {
                    z.iter_mut().zip(a.iter().zip(b)).for_each(|(z, (&a, &b))| *z = f(*z, a, b));
                }
                return;
            }
            for (z, (&a, &b)) in z.chunks_exact_mut(run).zip(a.iter().zip(b).cycle()) {
                z.iter_mut().for_each(|z| *z = f(*z, a, b));
            }
        },
    );
}

/// z ← w z.
fn multiply_by<T: Float>(gains: &[T], run: usize, z: BatchViewMut<'_, T>) {
    in_parts(z.samples(), ELEMENT / 4 * z.features(), z, |mut z| {
        by_channel(
            gains,
            gains,
            run,
            z.as_mut_slice(),
            #[inline(always)]
            |z, gain, _| z * gain,
        );
    });
}

/// to ← to + Σ a b, over samples and over the values of each channel. Divided by channels, so that the order of each
/// sum does not depend on the threads.
fn add_products<T: Float>(a: BatchView<'_, T>, b: BatchView<'_, T>, run: usize, to: &mut [T]) {
    let channels = to.len();
    let cost = ELEMENT / 4 * (a.as_slice().len() / channels);
    in_parts(channels, cost, (to, 0), |(to, first)| {
        let places = a.as_slice().chunks_exact(run * channels);
        let places = places.zip(b.as_slice().chunks_exact(run * channels));
        if run > 1 {
            for (a, b) in places {
                let runs =
                    a[first * run..].chunks_exact(run).zip(b[first * run..].chunks_exact(run));
                for (to, (a, b)) in to.iter_mut().zip(runs) {
                    *to += sum_pairs(
                        a,
                        b,
                        #[inline(always)]
                        |a, b| a * b,
                    );
                }
            }
            return;
        }
        vectorize(
            #[inline(always)]
            || {
                for (a, b) in places {
                    let pairs = a[first..].iter().zip(&b[first..]);
                    to.iter_mut().zip(pairs).for_each(|(to, (&a, &b))| *to += a * b);
                }
            },
        );
    });
}
