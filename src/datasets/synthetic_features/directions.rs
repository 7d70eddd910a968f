//! Directions that are nearly orthogonal, though there are more of them than dimensions.

use rand::Rng;

use crate::error::{Result, reserved};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Float;

/// Columns whose products with all others are taken together.
const TOGETHER: usize = 256;

/// Unit vectors, one a column, drawn uniformly and then moved apart by steps of Adam on
/// Σᵢ≠ⱼ (dᵢ·dⱼ)² + n Σᵢ (‖dᵢ‖² − 1)².
pub(super) fn directions(
    (dimensions, count): (usize, usize),
    (steps, rate): (usize, f64),
    rng: &mut dyn Rng,
) -> Result<Vec<f64>> {
    const NAME: &str = "the values of the directions of SyntheticFeatures";
    let len = dimensions.saturating_mul(count);
    let mut all: Vec<f64> = reserved(NAME, len)?;
    all.extend((0..len).map(|_| f64::draw_normal(rng)));
    normalize(&mut all, dimensions);
    if steps == 0 {
        return Ok(all);
    }
    let zeros = |len: usize| -> Result<Vec<f64>> {
        let mut zeros = reserved(NAME, len)?;
        zeros.resize(len, 0.0);
        Ok(zeros)
    };
    let (mut gradient, mut first, mut second) = (zeros(len)?, zeros(len)?, zeros(len)?);
    let mut products = zeros(count.saturating_mul(TOGETHER.min(count)))?;
    for step in 1..=steps {
        slope(&all, dimensions, &mut products, &mut gradient);
        adam(step, rate, &gradient, (&mut first, &mut second), &mut all);
    }
    normalize(&mut all, dimensions);
    Ok(all)
}

fn normalize(all: &mut [f64], dimensions: usize) {
    for direction in all.chunks_exact_mut(dimensions) {
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        direction.iter_mut().for_each(|x| *x /= norm);
    }
}

/// The gradient: 4 Σⱼ≠ᵢ (dᵢ·dⱼ) dⱼ + 4 n (‖dᵢ‖² − 1) dᵢ of each direction i.
fn slope(all: &[f64], dimensions: usize, products: &mut [f64], gradient: &mut [f64]) {
    let count = all.len() / dimensions;
    let matrix = Matrix::new(all, dimensions, count);
    for (block, gradient) in gradient.chunks_mut(TOGETHER * dimensions).enumerate() {
        let (start, columns) = (block * TOGETHER, gradient.len() / dimensions);
        let products = &mut products[..count * columns];
        multiply(matrix.transposed(), matrix.columns(start, columns), 0.0, products);
        for (column, products) in products.chunks_exact_mut(count).enumerate() {
            let own = &mut products[start + column];
            *own = count as f64 * (*own - 1.0);
            products.iter_mut().for_each(|product| *product *= 4.0);
        }
        multiply(matrix, Matrix::new(products, count, columns), 0.0, gradient);
    }
}

/// D. Kingma, J. Ba (2015), Adam: a method for stochastic optimization.
fn adam(
    step: usize,
    rate: f64,
    gradient: &[f64],
    (first, second): (&mut [f64], &mut [f64]),
    values: &mut [f64],
) {
    const BETA: [f64; 2] = [0.9, 0.999];
    let [of_first, of_second] = BETA.map(|beta| 1.0 - beta.powf(step as f64));
    let moments = first.iter_mut().zip(second);
    for ((x, g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
        *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
        *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
        *x -= rate * (*m / of_first) / ((*v / of_second).sqrt() + 1e-8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;

    fn energy(all: &[f64], dimensions: usize) -> f64 {
        let (mut sum, count) = (0.0, (all.len() / dimensions) as f64);
        for (i, a) in all.chunks_exact(dimensions).enumerate() {
            for (j, b) in all.chunks_exact(dimensions).enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                sum += if i == j { count * (product - 1.0).powi(2) } else { product.powi(2) };
            }
        }
        sum
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() -> Result<()> {
        let all = directions((3, 5), (0, 1.0), &mut seeded(1))?;
        // Not of unit norm, so that both parts count.
        let all: Vec<f64> =
            all.iter().enumerate().map(|(k, x)| x * (1.0 + 0.1 * k as f64)).collect();
        let (mut products, mut gradient) = (vec![0.0; 25], vec![0.0; 15]);
        slope(&all, 3, &mut products, &mut gradient);
        for k in 0..15 {
            let at = |by: f64| {
                let mut moved = all.clone();
                moved[k] += by;
                energy(&moved, 3)
            };
            let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((gradient[k] - expected).abs() < 1e-6 * expected.abs().max(1.0), "{k}");
        }
        Ok(())
    }

    #[test]
    fn as_many_as_dimensions_become_orthogonal() -> Result<()> {
        // More than are taken together, too.
        for count in [8, 300] {
            let before = directions((count, count), (0, 0.01), &mut seeded(2))?;
            let after = directions((count, count), (400, 0.003), &mut seeded(2))?;
            let (before, after) = (energy(&before, count), energy(&after, count));
            assert!(after < 1e-3 * before, "{count}: {before} to {after}");
        }
        Ok(())
    }
}
