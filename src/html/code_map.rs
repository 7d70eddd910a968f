//! Where samples lie on the map of the codes.

use nalgebra::{DMatrix, Dim, SymmetricEigen};

use crate::health::{centred, evenly, greatest};
use crate::{Batch, Scalar};

/// The largest matrix whose eigenvectors are computed.
const MOST: usize = 512;

/// Two numbers for each code, and what they are.
pub(super) struct Places {
    pub(super) axes: [String; 2],
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
}

/// A code of two units as it is, of one unit against the loss, of more on its principal components.
pub(super) fn places<T: Scalar, C: Dim>(codes: &Batch<T, C>, scores: &[f64]) -> Places {
    let unit = |unit: usize| codes.iter().map(|code| code[unit].to_double()).collect();
    match codes.features() {
        1 => Places {
            axes: ["code unit 0".into(), "loss of the reconstruction".into()],
            x: unit(0),
            y: scores.to_vec(),
        },
        2 => Places { axes: ["code unit 0".into(), "code unit 1".into()], x: unit(0), y: unit(1) },
        _ => principal(codes),
    }
}

fn principal<T: Scalar, C: Dim>(codes: &Batch<T, C>) -> Places {
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
        (centred.transpose() * direction).iter().copied().collect()
    };
    let name = |axis: usize| {
        let share = if variance > 0.0 { 100.0 * values[axis] / variance } else { 0.0 };
        format!("component {} ({share:.0} % of variance)", axis + 1)
    };
    Places { axes: [name(0), name(1)], x: place(0), y: place(1) }
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
    fn the_map_shows_the_two_directions_that_vary_most() {
        for units in [5, MOST + 40] {
            let mut codes = Batch::<f64, _>::zeros(Dyn(units), 40);
            let along =
                |sample: usize| (3.0 * (sample as f64 * 0.7).sin(), (sample as f64 * 1.3).cos());
            for sample in 0..40 {
                let (a, b) = along(sample);
                codes.as_mut_slice()[sample * units + 1] = a;
                codes.as_mut_slice()[sample * units + 4] = b * 0.5;
            }
            let places = places(&codes, &[]);
            let mean = (0..40).map(|sample| along(sample).0).sum::<f64>() / 40.0;
            // The two are nearly uncorrelated, so that the axes are those of the units but for a little.
            let off =
                (0..40).map(|k| (places.x[k] - (along(k).0 - mean)).abs()).fold(0.0, f64::max);
            assert!(off < 0.2, "{off}");
            // Rotations keep distances: all variance is on the map.
            let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
            let all = centred(&codes, 1.0).norm_squared();
            assert!((square(&places.x) + square(&places.y) - all).abs() < 1e-9 * all);
            assert!(square(&places.x) > square(&places.y));
        }
    }
}
