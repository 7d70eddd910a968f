//! What a dictionary does with numbers, compiled once for each number type.

use super::passes::add_scaled;
use crate::batch::by_feature::ByFeature;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::{Float, sum, sum_pairs};

once! {
    /// y ← Σ fᵢ dᵢ + b over the first so many units.
    pub(crate) fn add_atoms(
        atoms: BatchView<'a, T>,
        bias: Option<&'a [T]>,
        codes: (&'a SparseBatch<T>, usize),
        y: BatchViewMut<'a, T>,
    ) = add_atoms_generic;
    /// df ← df + ⟨dᵢ, dy⟩ over the first so many units.
    pub(super) fn add_code_gradient(
        atoms: BatchView<'a, T>,
        codes: (&'a SparseBatch<T>, usize),
        dy: BatchView<'a, T>,
        d_codes: &'a mut [T],
    ) = add_code_gradient_generic;
    /// Adds Σ fᵢ dy over samples to the gradient of each of the first so many atoms.
    pub(super) fn add_atom_gradient(
        codes: (&'a SparseBatch<T>, &'a ByFeature, usize),
        dy: BatchView<'a, T>,
        to: &'a mut [T],
    ) = add_atom_gradient_generic;
    /// Adds the bias to each column.
    pub(super) fn add_to_each(bias: &'a [T], y: &'a mut [T]) = add_to_each_generic;
    /// Adds up the columns.
    pub(super) fn add_columns(columns: BatchView<'a, T>, to: &'a mut [T]) = add_columns_generic;
    /// Takes off each column of the gradient what lies along the atom.
    pub(super) fn project(atoms: BatchView<'a, T>, gradient: BatchViewMut<'a, T>) = project_generic;
    /// Whether all atoms have length 1, but for rounding.
    pub(super) fn are_of_length_one(atoms: BatchView<'a, T>) -> bool = are_of_length_one_generic;
    /// Brings each atom to length 1; one of length 0 stays.
    pub(super) fn normalize(atoms: BatchViewMut<'a, T>) = normalize_generic;
}

fn add_to_each_generic<T: Float>(bias: &[T], y: &mut [T]) {
    y.chunks_exact_mut(bias.len()).for_each(|y| add_scaled(T::ONE, bias, y));
}

fn add_columns_generic<T: Float>(columns: BatchView<'_, T>, to: &mut [T]) {
    columns.iter().for_each(|column| add_scaled(T::ONE, column, to));
}

fn add_atoms_generic<T: Float>(
    atoms: BatchView<'_, T>,
    bias: Option<&[T]>,
    (codes, units): (&SparseBatch<T>, usize),
    y: BatchViewMut<'_, T>,
) {
    let outputs = atoms.features();
    let of_sample = codes.values().len() / codes.samples().max(1) * outputs;
    in_parts(codes.samples(), of_sample, (0, y), |(first, mut y): (usize, _)| {
        for (place, y) in y.as_mut_slice().chunks_exact_mut(outputs).enumerate() {
            match bias {
                Some(bias) => y.copy_from_slice(bias),
                None => y.fill(T::ZERO),
            }
            let code = codes.sample(first + place).iter();
            for (unit, value) in code.take_while(|&(unit, _)| unit < units) {
                add_scaled(value, &atoms.as_slice()[unit * outputs..][..outputs], y);
            }
        }
    });
}

fn add_code_gradient_generic<T: Float>(
    atoms: BatchView<'_, T>,
    (codes, units): (&SparseBatch<T>, usize),
    dy: BatchView<'_, T>,
    d_codes: &mut [T],
) {
    let outputs = atoms.features();
    let of_pair = outputs;
    in_parts(d_codes.len(), of_pair, (0, d_codes), |(first, d_codes): (usize, &mut [T])| {
        // The sample of the first pair of this part.
        let mut sample = codes.starts().partition_point(|&start| start <= first).saturating_sub(1);
        for (place, d) in d_codes.iter_mut().enumerate() {
            let pair = first + place;
            while codes.starts()[sample + 1] <= pair {
                sample += 1;
            }
            let unit = codes.indices()[pair] as usize;
            if unit < units {
                let atom = &atoms.as_slice()[unit * outputs..][..outputs];
                let dy = &dy.as_slice()[sample * outputs..][..outputs];
                *d += sum_pairs(
                    atom,
                    dy,
                    #[inline(always)]
                    |atom, dy| atom * dy,
                );
            }
        }
    });
}

fn add_atom_gradient_generic<T: Float>(
    (codes, by_unit, units): (&SparseBatch<T>, &ByFeature, usize),
    dy: BatchView<'_, T>,
    to: &mut [T],
) {
    let outputs = dy.features();
    let of_unit = codes.values().len() / codes.features().max(1) * outputs + 1;
    let to = BatchViewMut::new(&mut to[..units * outputs], outputs);
    in_parts(
        units,
        ELEMENT / 8 * of_unit,
        (0, to),
        |(first, mut to): (usize, BatchViewMut<'_, T>)| {
            for (place, to) in to.as_mut_slice().chunks_exact_mut(outputs).enumerate() {
                for (sample, pair) in by_unit.of(first + place) {
                    let value = codes.values()[pair];
                    if value != T::ZERO {
                        add_scaled(value, &dy.as_slice()[sample * outputs..][..outputs], to);
                    }
                }
            }
        },
    );
}

fn project_generic<T: Float>(atoms: BatchView<'_, T>, gradient: BatchViewMut<'_, T>) {
    let outputs = atoms.features();
    in_parts(atoms.samples(), ELEMENT / 8 * outputs, (atoms, gradient), |(atoms, mut gradient)| {
        let columns = gradient.as_mut_slice().chunks_exact_mut(outputs);
        for (atom, gradient) in atoms.iter().zip(columns) {
            let along = sum_pairs(
                atom,
                gradient,
                #[inline(always)]
                |atom, d| atom * d,
            );
            let squared = sum(
                atom,
                #[inline(always)]
                |value| value * value,
            );
            if along != T::ZERO && squared > T::ZERO {
                add_scaled(-along / squared, atom, gradient);
            }
        }
    });
}

fn are_of_length_one_generic<T: Float>(atoms: BatchView<'_, T>) -> bool {
    /// As single precision leaves lengths.
    const NEAR: f64 = 1e-5;
    let square = |x: &T| x.to_double() * x.to_double();
    let length = |atom: &[T]| atom.iter().map(square).sum::<f64>().sqrt();
    atoms.iter().all(|atom| (length(atom) - 1.0).abs() <= NEAR)
}

fn normalize_generic<T: Float>(atoms: BatchViewMut<'_, T>) {
    let outputs = atoms.features();
    in_parts(atoms.samples(), ELEMENT / 8 * outputs, atoms, |mut atoms| {
        for atom in atoms.as_mut_slice().chunks_exact_mut(outputs) {
            let norm = sum(
                atom,
                #[inline(always)]
                |value| value * value,
            )
            .sqrt();
            if norm > T::ZERO {
                let scale = T::ONE / norm;
                atom.iter_mut().for_each(|value| *value *= scale);
            }
        }
    });
}
