//! Which values of a sample are normalized together, and their means.

use std::ops::Range;

use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::{Float, LANES};
use crate::numbers::vector::vectorize;

/// How the values of a sample lie that are normalized together.
#[derive(Debug, Clone, Copy)]
pub struct Groups {
    pub number: usize,
    pub channels: usize,
    pub places: usize,
    pub is_interleaved: bool,
}

impl Groups {
    pub fn values(self) -> usize {
        self.channels * self.places
    }

    /// How many values side by side are of the same channel.
    pub fn run(self) -> usize {
        if self.is_interleaved { 1 } else { self.places }
    }

    /// The values of each group.
    pub fn spans(self) -> impl Iterator<Item = Spans> {
        let (each, values) = (self.channels / self.number, self.values() / self.number);
        (0..self.number).map(move |group| {
            if self.is_interleaved && self.number > 1 {
                Spans { first: group * each, len: each, step: self.channels, count: self.places }
            } else {
                Spans { first: group * values, len: values, step: 0, count: 1 }
            }
        })
    }

    /// A tape of values and then of a number for each group.
    pub fn tape<T: Float>(self, tape: &[T]) -> (BatchView<'_, T>, BatchView<'_, T>) {
        let samples = tape.len() / (self.values() + self.number);
        let (values, numbers) = tape.split_at(self.values() * samples);
        (BatchView::new(values, self.values()), BatchView::new(numbers, self.number))
    }

    /// The same, to write on.
    pub fn tape_mut<T: Float>(self, tape: &mut [T]) -> (BatchViewMut<'_, T>, BatchViewMut<'_, T>) {
        let samples = tape.len() / (self.values() + self.number);
        let (values, numbers) = tape.split_at_mut(self.values() * samples);
        (BatchViewMut::new(values, self.values()), BatchViewMut::new(numbers, self.number))
    }
}

/// So many spans of values, each so many values behind the one before.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    first: usize,
    len: usize,
    step: usize,
    count: usize,
}

impl Spans {
    #[inline(always)]
    fn iter(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count).map(move |number| {
            let first = self.first + number * self.step;
            first..first + self.len
        })
    }

    /// The mean of f(aᵢ, bᵢ), summed in an order that depends on the sizes alone.
    #[inline]
    pub fn mean<T: Float>(self, a: &[T], b: &[T], f: impl Fn(T, T) -> T + Copy) -> T {
        let sum = vectorize(
            #[inline(always)]
            move || {
                let f = f;
                // Short spans are summed by fours; what is left, one by one.
                let (mut lanes, mut fours, mut tail) = ([T::ZERO; LANES], [T::ZERO; 4], T::ZERO);
                for span in self.iter() {
                    let (a, b) = add_chunks(&mut lanes, &a[span.clone()], &b[span], f);
                    let (a, b) = add_chunks(&mut fours, a, b, f);
                    a.iter().zip(b).for_each(|(&a, &b)| tail += f(a, b));
                }
                let lanes = lanes.iter().chain(&fours);
                lanes.fold(tail, |sum, &lane| sum + lane)
            },
        );
        sum / T::of((self.len * self.count) as f64)
    }

    /// toᵢ ← f(toᵢ, aᵢ, bᵢ). What f needs is moved into it, and so lies in registers, which no write can change.
    #[inline]
    pub fn each<T: Float>(self, a: &[T], b: &[T], to: &mut [T], f: impl Fn(T, T, T) -> T + Copy) {
        vectorize(
            #[inline(always)]
            move || {
                let f = f;
                for span in self.iter() {
                    let pairs = a[span.clone()].iter().zip(&b[span.clone()]);
                    for (to, (&a, &b)) in to[span].iter_mut().zip(pairs) {
                        *to = f(*to, a, b);
                    }
                }
            },
        );
    }

    /// x̂ ← (x − μ) r, and gives r = 1 / √(σ² + ε).
    pub fn normalize<T: Float>(self, epsilon: T, x: &[T], to: &mut [T]) -> T {
        // Counted from the first value, so that equal values are their mean exactly.
        let origin = x[self.first];
        let from_origin = self.mean(
            x,
            x,
            #[inline(always)]
            move |x, _| x - origin,
        );
        let mean = origin + from_origin;
        self.each(
            x,
            x,
            to,
            #[inline(always)]
            move |_, x, _| x - mean,
        );
        let variance = self.mean(
            to,
            to,
            #[inline(always)]
            |d, _| d * d,
        );
        let scale = if variance.is_finite() {
            T::ONE / (variance + epsilon).sqrt()
        } else {
            self.scale_of_large(to)
        };
        self.each(
            x,
            x,
            to,
            #[inline(always)]
            move |d, _, _| d * scale,
        );
        scale
    }

    /// 1 / σ of deviations whose squares are too large for the number type, beside which ε is nothing.
    #[cold]
    fn scale_of_large<T: Float>(self, deviations: &[T]) -> T {
        let all = self.iter().flat_map(|span| &deviations[span]);
        let most = all.fold(T::ZERO, |most, d| if d.abs() > most { d.abs() } else { most });
        let square = |d: T, _| d / most * (d / most);
        T::ONE / (most * self.mean(deviations, deviations, square).sqrt())
    }

    /// to ← r (g − mean g − x̂ mean(x̂ g)), which is both ∂x̂/∂x g and its adjoint, and gives mean(x̂ g).
    pub fn project<T: Float>(self, normalized: &[T], scale: T, g: &[T], to: &mut [T]) -> T {
        let mean = self.mean(
            g,
            g,
            #[inline(always)]
            |g, _| g,
        );
        let slope = self.mean_product(normalized, g);
        self.each(
            normalized,
            g,
            to,
            #[inline(always)]
            move |_, x, g| scale * (g - mean - x * slope),
        );
        slope
    }

    pub fn mean_product<T: Float>(self, a: &[T], b: &[T]) -> T {
        self.mean(
            a,
            b,
            #[inline(always)]
            |a, b| a * b,
        )
    }
}

/// Adds f(aᵢ, bᵢ) to the lane whose turn it is, as long as all lanes get one, and gives the rest.
#[inline(always)]
fn add_chunks<'a, T: Float, const N: usize>(
    lanes: &mut [T; N],
    a: &'a [T],
    b: &'a [T],
    f: impl Fn(T, T) -> T,
) -> (&'a [T], &'a [T]) {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(a, b);
        }
    }
    (a_rest, b_rest)
}
