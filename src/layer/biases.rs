//! Numbers that outputs of a layer have in common: one for each channel, in runs of outputs side by side.

use std::ops::Range;

use crate::batch::BatchView;
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::{Float, sum};
use crate::numbers::vector::vectorize;

once! {
    /// Adds the biases of these outputs to z, column after column; each is that of every run of so many outputs whose
    /// turn it is.
    pub fn add_biases(biases: &'a [T], run: usize, rows: Range<usize>, z: &'a mut [T]) = add_biases_generic;
    /// db ← db + Σ dz, over samples and over the runs of each bias.
    pub fn add_bias_gradient(dz: BatchView<'a, T>, run: usize, db: &'a mut [T]) = add_bias_gradient_generic;
}

fn add_biases_generic<T: Float>(biases: &[T], run: usize, rows: Range<usize>, z: &mut [T]) {
    let add = |z: &mut [T], biases: &[T]| z.iter_mut().zip(biases).for_each(|(z, &b)| *z += b);
    vectorize(
        #[inline(always)]
        || {
            for z in z.chunks_exact_mut(rows.len()) {
                if run == 1 {
                    let at = rows.start % biases.len();
                    let (first, rest) = z.split_at_mut((biases.len() - at).min(z.len()));
                    add(first, &biases[at..]);
                    rest.chunks_mut(biases.len()).for_each(|z| add(z, biases));
                    continue;
                }
                let (mut row, mut rest) = (rows.start, z);
                while !rest.is_empty() {
                    let count = (run - row % run).min(rest.len());
                    let (of_bias, others) = rest.split_at_mut(count);
                    let bias = biases[row / run % biases.len()];
                    of_bias.iter_mut().for_each(|z| *z += bias);
                    (row, rest) = (row + count, others);
                }
            }
        },
    );
}

fn add_bias_gradient_generic<T: Float>(dz: BatchView<'_, T>, run: usize, db: &mut [T]) {
    if run == 1 {
        // A place after the other is a column after the other.
        return add_columns(dz.as_slice(), db);
    }
    let channels = db.len();
    let cost = ELEMENT / 4 * (dz.as_slice().len() / channels);
    in_parts(channels, cost, (db, 0), |(db, first)| {
        for places in dz.as_slice().chunks_exact(run * channels) {
            let runs = places[first * run..].chunks_exact(run);
            db.iter_mut().zip(runs).for_each(|(db, dz)| *db += sum(dz, |d| d));
        }
    });
}

/// Rows whose sums stay in registers from column to column.
const BLOCK: usize = 32;

/// Adds the sum of the columns.
fn add_columns<T: Float>(columns: &[T], sum: &mut [T]) {
    let rows = sum.len();
    let cost = ELEMENT / 4 * (columns.len() / rows);
    in_parts(rows, cost, (sum, 0), |(sum, first)| {
        vectorize(
            #[inline(always)]
            || {
                let (blocks, rest) = sum.as_chunks_mut::<BLOCK>();
                let rest_first = first + BLOCK * blocks.len();
                for (block, sum) in blocks.iter_mut().enumerate() {
                    // A copy, which stays in registers.
                    let mut sums = *sum;
                    for column in columns.chunks_exact(rows) {
                        let values = &column[first + BLOCK * block..][..BLOCK];
                        sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
                    }
                    *sum = sums;
                }
                if rest.is_empty() {
                    return;
                }
                for column in columns.chunks_exact(rows) {
                    let values = &column[rest_first..];
                    rest.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each output has its own bias, whichever rows are there.
    #[test]
    fn biases_go_by_runs() {
        let biases = [10.0, 20.0, 30.0];
        for (run, outputs) in [(1, 3), (1, 12), (4, 12)] {
            for first in 0..outputs {
                for end in first + 1..=outputs {
                    let mut z = vec![1.0; 2 * (end - first)];
                    add_biases(&biases, run, first..end, &mut z);
                    let bias = |output: usize| 1.0 + biases[output / run % biases.len()];
                    let expected: Vec<f64> = (first..end).chain(first..end).map(bias).collect();
                    assert_eq!(z, expected, "{run} {first}..{end}");
                }
            }
        }
    }
}
