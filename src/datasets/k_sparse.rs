use nalgebra::Const;
use rand::RngExt;

use super::Generator;
use crate::batch::Batch;
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

/// Mixtures of a few atoms. See [`k_sparse`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KSparse<T, const D: usize, const ATOMS: usize> {
    /// `D` features × samples.
    pub samples: Batch<T, Const<D>>,
    /// The atoms, one a column, each of unit norm: `D` × `ATOMS`.
    pub dictionary: Batch<T, Const<D>>,
    /// How much of each atom is in each sample, mostly 0: `ATOMS` × samples.
    pub codes: Batch<T, Const<ATOMS>>,
}

/// Samples that are each a mixture of a few atoms out of a dictionary with more atoms than features:
/// what a sparse code should find again.
///
/// # Formula
/// x = D c. The columns of D are uniform on the unit sphere. c has `active` entries that are not 0, at
/// places drawn without replacement, each uniform in [0.5, 1.5).
///
/// # Shapes
/// x: `D` × samples; the dictionary: `D × ATOMS`; c: `ATOMS` × samples.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless `active` is from 1 to `ATOMS`.
///
/// # Example
/// ```
/// let data = autoencoder::datasets::k_sparse::<f64, 64, 256>(10, 4, 1)?;
/// let active = data.codes.sample(0).iter().filter(|&&c| c != 0.0).count();
/// assert_eq!((active, data.dictionary.samples()), (4, 256));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// B. Olshausen, D. Field (1997), Sparse coding with an overcomplete basis set: a strategy employed by
/// V1? The model, without its noise and with coefficients of one sign.
pub fn k_sparse<T: Float, const D: usize, const ATOMS: usize>(
    samples: usize,
    active: usize,
    seed: u64,
) -> Result<KSparse<T, D, ATOMS>> {
    let valid = (1..=ATOMS).contains(&active);
    require(valid, "k_sparse active", active as f64, "from 1 to the number of atoms")?;
    let mut rng = Generator::KSparse.shared(seed);
    let atoms: Vec<[f64; D]> = (0..ATOMS)
        .map(|_| {
            let direction: [f64; D] = std::array::from_fn(|_| f64::draw_normal(&mut rng));
            let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            direction.map(|x| x / norm)
        })
        .collect();
    let mut codes = Batch::zeros(Const, samples);
    let mixed = codes.as_mut_slice().chunks_exact_mut(ATOMS).enumerate().map(|(index, code)| {
        let mut rng = Generator::KSparse.sample(seed, index);
        let mut order: Vec<usize> = (0..ATOMS).collect();
        let mut sample = [0.0; D];
        for place in 0..active {
            order.swap(place, rng.random_range(place..ATOMS));
            let share = 0.5 + rng.random::<f64>();
            code[order[place]] = T::of(share);
            sample.iter_mut().zip(&atoms[order[place]]).for_each(|(x, a)| *x += share * a);
        }
        sample.map(T::of)
    });
    let samples = mixed.collect();
    Ok(KSparse { samples, dictionary: atoms.iter().map(|atom| atom.map(T::of)).collect(), codes })
}
