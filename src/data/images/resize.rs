//! Planes of pixels brought to another size.

use crate::numbers::scalar::Float;

/// Which pixels of a line become one of another line, and how much each counts.
struct Weights<T> {
    first: usize,
    shares: Vec<T>,
}

/// The mean under a triangle that reaches as far as the next pixel of the coarser of the two lines.
fn weights<T: Float>(from: usize, to: usize) -> Vec<Weights<T>> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let of = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        // Of a pixel between two, both edges are within the line, and so is one pixel at least.
        let first = (centre - reach).max(0.0).floor() as usize;
        let end = ((centre + reach).ceil() as usize).min(from);
        let height = |k: usize| (1.0 - (k as f64 + 0.5 - centre).abs() / reach).max(0.0);
        let total: f64 = (first..end).map(height).sum();
        let shares = (first..end).map(|k| T::of(height(k) / total)).collect();
        Weights { first, shares }
    };
    (0..to).map(of).collect()
}

/// Each plane of `from` rows and columns as one of `to` rows and columns.
pub(super) fn resize<T: Float>(
    values: &[T],
    from: (usize, usize),
    planes: &mut [T],
    to: (usize, usize),
) {
    let (rows, columns) = (weights::<T>(from.0, to.0), weights::<T>(from.1, to.1));
    // Shares are rounded, and add up to nearly 1: no mean is beyond what it is the mean of.
    let mean = |shares: &[T], values: &mut dyn Iterator<Item = T>| {
        let mut values = shares.iter().zip(values);
        let Some((&share, x)) = values.next() else { return T::ZERO };
        let (mut sum, mut least, mut greatest) = (share * x, x, x);
        for (&share, x) in values {
            sum += share * x;
            (least, greatest) = (least.min(x), greatest.max(x));
        }
        sum.clamp(least, greatest)
    };
    let mut narrow = vec![T::ZERO; from.0 * to.1];
    let plane = (from.0 * from.1, to.0 * to.1);
    for (plane, to_plane) in values.chunks_exact(plane.0).zip(planes.chunks_exact_mut(plane.1)) {
        for (row, to_row) in plane.chunks_exact(from.1).zip(narrow.chunks_exact_mut(to.1)) {
            for (to, Weights { first, shares }) in to_row.iter_mut().zip(&columns) {
                *to = mean(shares, &mut row[*first..].iter().copied());
            }
        }
        for (to_row, Weights { first, shares }) in to_plane.chunks_exact_mut(to.1).zip(&rows) {
            for (column, to) in to_row.iter_mut().enumerate() {
                let below = narrow[*first * columns.len()..].iter().skip(column);
                *to = mean(shares, &mut below.step_by(columns.len()).copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand. Four pixels to two: the triangle reaches two pixels from the centres 1 and 3; its heights at 0.5, 1.5
    /// and 2.5 are 3/4, 3/4 and 1/4, of 7/4. Two to four: between their centres, and beyond them the nearest.
    #[test]
    fn lines_become_shorter_and_longer() {
        let mut two = [0.0_f64; 2];
        resize(&[1.0, 0.0, 0.0, 7.0], (1, 4), &mut two, (1, 2));
        let expected = [3.0 / 7.0, 3.0];
        assert!(two.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-15), "{two:?}");
        let mut four = [0.0_f64; 4];
        resize(&[0.0, 1.0], (2, 1), &mut four, (4, 1));
        assert_eq!(four, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn one_colour_stays_it() {
        for (from, to) in [((3, 5), (7, 2)), ((1, 1), (3, 3)), ((64, 1), (1, 9))] {
            let mut planes = vec![0.0_f64; 2 * to.0 * to.1];
            resize(&vec![0.25; 2 * from.0 * from.1], from, &mut planes, to);
            assert!(planes.iter().all(|x| (x - 0.25).abs() < 1e-15), "{from:?} {to:?}");
        }
    }

    /// Its shares are no binary fractions.
    #[test]
    fn white_is_not_beyond_white() {
        let mut planes = [0.0_f32; 32];
        resize(&[1.0_f32; 48], (1, 48), &mut planes, (1, 32));
        assert_eq!(planes, [1.0; 32]);
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let values: Vec<f64> = (0..24).map(f64::from).collect();
        let mut planes = vec![0.0; 24];
        resize(&values, (3, 4), &mut planes, (3, 4));
        assert_eq!(values, planes);
    }
}
