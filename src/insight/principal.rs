//! The two directions in which codes vary most, for maps of them.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::batch::Batch;
use crate::batch::size::Size;
use crate::insight::health::{centred, evenly, greatest};
use crate::numbers::scalar::Float;

/// The largest matrix whose eigenvectors are computed.
const MOST: usize = 512;

/// Where codes lie along their first two principal components, and the share of the variance in each, in
/// per cent.
pub(crate) struct Principal {
    pub(crate) places: [Vec<f64>; 2],
    pub(crate) shares: [f64; 2],
}

/// The first two principal components; of codes of very many units from a part of the samples.
pub(crate) fn principal<T: Float, C: Size>(codes: &Batch<T, C>) -> Principal {
    let scale = greatest(codes);
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let centred = centred(codes, scale);
    let variance = centred.norm_squared();
    let (axes, values) = if centred.nrows() <= MOST {
        let eigen = SymmetricEigen::new(&centred * centred.transpose());
        largest_two(&eigen.eigenvectors, eigen.eigenvalues.as_slice())
    } else {
        // The eigenvectors of XXᵀ are X times those of XᵀX.
        let few: Vec<usize> = evenly(centred.ncols(), MOST).collect();
        let few = centred.select_columns(&few);
        let eigen = SymmetricEigen::new(few.transpose() * &few);
        let (vectors, _) = largest_two(&eigen.eigenvectors, eigen.eigenvalues.as_slice());
        let axes = few * vectors;
        let values = [0, 1].map(|axis| {
            let length = axes.column(axis).norm();
            if length > 0.0 {
                (centred.transpose() * axes.column(axis) / length).norm_squared()
            } else {
                0.0
            }
        });
        (axes, values)
    };
    let place = |axis: usize| {
        let mut direction = axes.column(axis).into_owned();
        let length = direction.norm();
        // Signs of eigenvectors are arbitrary: the largest entry is made positive.
        let sign = direction[direction.icamax()].signum();
        direction *= if length > 0.0 { sign * scale / length } else { 0.0 };
        (centred.transpose() * direction).iter().copied().collect::<Vec<f64>>()
    };
    let share = |axis: usize| {
        let share = if variance > 0.0 { 100.0 * values[axis] / variance } else { 0.0 };
        share.clamp(0.0, 100.0)
    };
    Principal { places: [place(0), place(1)], shares: [share(0), share(1)] }
}

/// The eigenvectors of the two largest eigenvalues; a second one of zeros if there is but one.
fn largest_two(vectors: &DMatrix<f64>, values: &[f64]) -> (DMatrix<f64>, [f64; 2]) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut two = DMatrix::zeros(vectors.nrows(), 2);
    let mut shares = [0.0; 2];
    for (axis, &index) in order.iter().take(2).enumerate() {
        two.set_column(axis, &vectors.column(index));
        shares[axis] = values[index].max(0.0);
    }
    (two, shares)
}

#[cfg(test)]
mod tests {
    use nalgebra::Dyn;

    use super::*;

    /// Codes along two known orthogonal directions, in few units and in more than [`MOST`].
    #[test]
    fn the_two_directions_that_vary_most_are_found() {
        for units in [5, MOST + 40] {
            let mut codes = Batch::<f64, _>::zeros(Dyn(units), 40);
            let along =
                |sample: usize| (3.0 * (sample as f64 * 0.7).sin(), (sample as f64 * 1.3).cos());
            for sample in 0..40 {
                let (a, b) = along(sample);
                codes.as_mut_slice()[sample * units + 1] = a;
                codes.as_mut_slice()[sample * units + 4] = b * 0.5;
            }
            let [x, y] = principal(&codes).places;
            let mean = (0..40).map(|sample| along(sample).0).sum::<f64>() / 40.0;
            // The two are nearly uncorrelated, so that the axes are those of the units but for a little.
            let off = (0..40).map(|k| (x[k] - (along(k).0 - mean)).abs()).fold(0.0, f64::max);
            assert!(off < 0.2, "{off}");
            // Rotations keep distances: all variance is on the map.
            let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
            let all = centred(&codes, 1.0).norm_squared();
            assert!((square(&x) + square(&y) - all).abs() < 1e-9 * all);
            assert!(square(&x) > square(&y));
        }
    }
}
