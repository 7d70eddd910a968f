use rand::Rng;

use super::draw_index;
use crate::batch::BatchView;
use crate::numbers::scalar::{Float, sum_pairs};

/// Iterations of k-means at most: only a start is wanted.
const ITERATIONS: usize = 100;

/// Centres by k-means++ and k-means, and which of them is nearest to each code.
pub(super) fn k_means(
    codes: BatchView<'_, f64>,
    count: usize,
    rng: &mut dyn Rng,
) -> (Vec<Vec<f64>>, Vec<usize>) {
    let mut centres = draw_centres(codes, count, rng);
    let mut nearest = assign(codes, &centres);
    for _ in 0..ITERATIONS {
        move_centres(codes, &nearest, &mut centres);
        let next = assign(codes, &centres);
        if next == nearest {
            break;
        }
        nearest = next;
    }
    (centres, nearest)
}

/// k-means++: each centre is a code, drawn with a chance in proportion to its squared distance from the
/// nearest centre so far.
fn draw_centres(codes: BatchView<'_, f64>, count: usize, rng: &mut dyn Rng) -> Vec<Vec<f64>> {
    let mut centres: Vec<Vec<f64>> = Vec::with_capacity(count);
    let mut distances = vec![1.0; codes.samples()];
    for _ in 0..count {
        let all: f64 = distances.iter().sum();
        let chosen = if all > 0.0 {
            draw_index(&distances, all, rng)
        } else {
            // Every code is a centre already.
            let index = f64::draw_uniform(rng) * codes.samples() as f64;
            (index as usize).min(codes.samples() - 1)
        };
        let centre = codes.as_slice()[chosen * codes.features()..][..codes.features()].to_vec();
        let is_first = centres.is_empty();
        for (distance, code) in distances.iter_mut().zip(codes.iter()) {
            let found = squared_distance(code, &centre);
            *distance = if is_first { found } else { distance.min(found) };
        }
        centres.push(centre);
    }
    centres
}

/// Of equally near centres the first.
fn assign(codes: BatchView<'_, f64>, centres: &[Vec<f64>]) -> Vec<usize> {
    let nearest = |code: &[f64]| {
        let mut best = (f64::INFINITY, 0);
        for (index, centre) in centres.iter().enumerate() {
            let distance = squared_distance(code, centre);
            if distance < best.0 {
                best = (distance, index);
            }
        }
        best.1
    };
    codes.iter().map(nearest).collect()
}

/// To the means of their codes; a centre without codes stays.
fn move_centres(codes: BatchView<'_, f64>, nearest: &[usize], centres: &mut [Vec<f64>]) {
    let mut counts = vec![0.0; centres.len()];
    nearest.iter().for_each(|&index| counts[index] += 1.0);
    let moved = || counts.iter().zip(0..).filter(|&(&count, _)| count > 0.0);
    moved().for_each(|(_, index): (_, usize)| centres[index].fill(0.0));
    for (code, &index) in codes.iter().zip(nearest) {
        for (centre, x) in centres[index].iter_mut().zip(code) {
            *centre += x;
        }
    }
    for (count, index) in moved() {
        centres[index].iter_mut().for_each(|centre| *centre /= count);
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    sum_pairs(
        a,
        b,
        #[inline(always)]
        |a, b| (a - b) * (a - b),
    )
}
