use std::ops::Range;

use crate::batch::{BatchView, check_finite};
use crate::error::{Result, require, reserved};
use crate::numbers::once::once;
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Float;

/// Columns whose cosines with all others are taken together.
const TOGETHER: usize = 128;

/// How much the atoms of a dictionary are alike. Made by [`coherence`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coherence {
    /// The mean over atoms of the largest |cos| with another atom.
    pub mean: f64,
    /// The largest |cos| of two atoms: the coherence of the dictionary.
    pub largest: f64,
    /// Two atoms that have it.
    pub pair: (usize, usize),
}

/// How much the atoms of a dictionary are alike: 0 for orthogonal ones, 1 where each has a copy. Of a decoder it says whether
/// units share a feature; of an encoder, whether they look for the same.
///
/// The sign does not count: an atom and its opposite are copies. One of norm 0 has the cosine 0 with any.
///
/// # Formula
/// mean = 1/n Σᵢ maxⱼ≠ᵢ |cos(dᵢ, dⱼ)|, largest = maxᵢ maxⱼ≠ᵢ |cos(dᵢ, dⱼ)|
///
/// # Shapes
/// `atoms`: features × n atoms, one a column.
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples), [`Error::NotFinite`](crate::Error::NotFinite), and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for fewer than two atoms or values beyond ±10¹⁰⁰.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::dictionary::coherence};
/// let atoms = Batch::from_iter([[1.0, 0.0], [0.0, 2.0], [-3.0, -4.0]]);
/// let found = coherence(atoms.view())?;
/// assert!((found.largest - 0.8).abs() < 1e-15); // of (0, 2) and (−3, −4): 8 / (2 · 5)
/// assert_eq!(found.pair, (1, 2));
/// assert!((found.mean - (0.6 + 0.8 + 0.8) / 3.0).abs() < 1e-15);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// D. Donoho, X. Huo (2001), Uncertainty principles and ideal atomic decomposition: the coherence.
pub fn coherence<T: Float>(atoms: BatchView<'_, T>) -> Result<Coherence> {
    let nothing = &mut |_: usize, _: &[f64]| {};
    of_atoms(&Directions::new("coherence", atoms)?, nothing)
}

/// An atom, the nearest other, and their cosine.
pub(crate) type Twin = (usize, usize, f64);

/// The same, with those atoms beside which another lies, at a cosine of at least so much: in order, each with the nearest.
/// Whether an atom's opposite is one of them is asked.
pub(crate) fn coherence_and_twins<T: Float>(
    atoms: BatchView<'_, T>,
    (least, has_opposites): (f64, bool),
) -> Result<(Coherence, Vec<Twin>)> {
    let mut twins = Vec::new();
    let found = of_atoms(&Directions::new("coherence", atoms)?, &mut |column, cosines| {
        let size = |cosine: f64| if has_opposites { cosine.abs() } else { cosine };
        let others = cosines.iter().enumerate().filter(|&(other, _)| other != column);
        let nearest = others.fold((column, f64::NEG_INFINITY), |nearest, (other, &cosine)| {
            if size(cosine) > nearest.1 { (other, size(cosine)) } else { nearest }
        });
        if nearest.1 >= least {
            twins.push((column, nearest.0, nearest.1));
        }
    })?;
    Ok((found, twins))
}

/// Shows each atom's cosines with all, too.
fn of_atoms(atoms: &Directions, each: &mut dyn FnMut(usize, &[f64])) -> Result<Coherence> {
    let count = atoms.count;
    require(count >= 2, "the atoms of coherence", count as f64, "at least 2")?;
    let (mut sum, mut largest, mut pair) = (0.0, -1.0, (0, 1));
    atoms.cosines(atoms, |column, cosines| {
        each(column, cosines);
        let others = cosines.iter().enumerate().filter(|&(other, _)| other != column);
        let (other, most) = greatest(others);
        sum += most;
        if most > largest {
            (largest, pair) = (most, (column, other));
        }
    })?;
    Ok(Coherence { mean: sum / count as f64, largest, pair })
}

/// The first of the largest absolute values, and where it is.
pub(super) fn greatest<'a>(values: impl Iterator<Item = (usize, &'a f64)>) -> (usize, f64) {
    let first = (0, -1.0_f64);
    values.fold(first, |best, (at, x)| if x.abs() > best.1 { (at, x.abs()) } else { best })
}

once! {
    /// Appends atoms as unit vectors.
    fn unit_vectors(atoms: BatchView<'a, T>, to: &'a mut Vec<f64>) = unit_vectors_generic;
}

fn unit_vectors_generic<T: Float>(atoms: BatchView<'_, T>, to: &mut Vec<f64>) {
    for atom in atoms.iter() {
        // By the largest first, so that no square is lost.
        let most = atom.iter().fold(0.0_f64, |most, x| most.max(x.to_double().abs()));
        let scaled = |x: &T| if most > 0.0 { x.to_double() / most } else { 0.0 };
        let norm = atom.iter().map(|x| scaled(x).powi(2)).sum::<f64>().sqrt();
        to.extend(atom.iter().map(|x| if norm > 0.0 { scaled(x) / norm } else { 0.0 }));
    }
}

/// Atoms as unit vectors in double precision; those of norm 0 stay 0.
#[derive(Debug)]
pub(super) struct Directions {
    values: Vec<f64>,
    features: usize,
    pub(super) count: usize,
}

impl Directions {
    pub(super) fn new<T: Float>(call: &'static str, atoms: BatchView<'_, T>) -> Result<Self> {
        check_finite(call, atoms.features(), atoms)?;
        super::require_moderate(call, atoms)?;
        let mut values = reserved("the values of a dictionary", atoms.as_slice().len())?;
        unit_vectors(atoms, &mut values);
        Ok(Self { values, features: atoms.features(), count: atoms.samples() })
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// Calls `each` with the number of each column of `others`, and its cosines with these.
    pub(super) fn cosines(&self, others: &Self, mut each: impl FnMut(usize, &[f64])) -> Result<()> {
        let all = TOGETHER.min(others.count).saturating_mul(self.count);
        let mut block: Vec<f64> = reserved("the cosines of two dictionaries", all)?;
        block.resize(all, 0.0);
        let mut first = 0;
        while first < others.count {
            let columns = first..others.count.min(first + TOGETHER);
            let block = &mut block[..columns.len() * self.count];
            self.block(others, columns, block);
            for cosines in block.chunks_exact(self.count) {
                each(first, cosines);
                first += 1;
            }
        }
        Ok(())
    }

    /// The cosines of all of these with some of others: as many rows as of these, a column for each of the others.
    fn block(&self, others: &Self, columns: Range<usize>, to: &mut [f64]) {
        let these = Matrix::new(&self.values, self.features, self.count).transposed();
        let those = Matrix::new(&others.values, self.features, others.count);
        multiply(these, those.columns(columns.start, columns.len()), 0.0, to);
        // Rounding may lead beyond.
        to.iter_mut().for_each(|cosine| *cosine = cosine.clamp(-1.0, 1.0));
    }
}
