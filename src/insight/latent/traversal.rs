use nalgebra::Dim;

use super::{Code, size_of};
use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, Sample, check_finite};
use crate::error::{Error, Number, Result, require, require_count, require_size};
use crate::numbers::scalar::{Float, quantile_of_sorted};

/// What refusals call the place.
const CALL: &str = "traverse";

/// Copies of a code, each with one unit set to one of the values: decoded, they show what the unit does.
///
/// # Shapes
/// Code × number of values.
///
/// # Errors
/// [`Error::InvalidParameter`] for a unit that is not there, [`Error::NoSamples`] without values,
/// [`Error::NotFinite`] for the code, [`Error::EntryNotFinite`] for a value, [`Error::SizeMismatch`] for a slice of another length
/// than the code has.
///
/// # Example
/// ```
/// use autoencoder::latent::traverse;
/// let codes = traverse(&[0.5, 0.0, 7.0], 1, &[-1.0, 1.0])?;
/// assert_eq!(codes.as_slice(), [0.5, -1.0, 7.0, 0.5, 1.0, 7.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn traverse<T: Float, C: Size + Dim>(
    code: &(impl Code<T, C> + ?Sized),
    unit: usize,
    values: &[T],
) -> Result<Batch<T, C>> {
    let code = code.features();
    copies(size_of(CALL, code)?, code, unit, values)
}

/// As [`traverse`], over the [`unit_quantiles`] of codes: as far as the data go, in steps that are equally
/// likely.
///
/// # Errors
/// As [`traverse`] and [`unit_quantiles`].
///
/// # Example
/// ```
/// use autoencoder::{Batch, latent::traverse_quantiles};
/// let codes = Batch::from_iter([[1.0, 0.0], [5.0, 0.0], [2.0, 0.0], [4.0, 0.0], [3.0, 0.0]]);
/// let along = traverse_quantiles(&[9.0, 9.0], 0, &codes, 2)?; // at 1/4 and 3/4
/// assert_eq!(along.as_slice(), [2.0, 9.0, 4.0, 9.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn traverse_quantiles<T: Float, C: Size>(
    code: &(impl Sample<T, C> + ?Sized),
    unit: usize,
    codes: &Batch<T, C>,
    steps: usize,
) -> Result<Batch<T, C>> {
    let (values, code) = (unit_quantiles(codes, unit, steps)?, code.features());
    require_size(CALL, "code units", codes.features(), code.len())?;
    check_finite(CALL, code.len(), BatchView::new(code, code.len()))?;
    copies(codes.size(), code, unit, &values)
}

/// See [`traverse`]; the code has this size and is finite.
fn copies<T: Float, C: Size>(
    size: C,
    code: &[T],
    unit: usize,
    values: &[T],
) -> Result<Batch<T, C>> {
    require_unit("traverse unit", unit, code.len())?;
    if values.is_empty() {
        return Err(Error::NoSamples { call: CALL });
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let value = Number(values[index].to_double());
        return Err(Error::EntryNotFinite { call: CALL, entry: "value", index, value });
    }
    let mut codes = Batch::zeros(size, values.len());
    for (copy, &value) in codes.as_mut_slice().chunks_exact_mut(code.len()).zip(values) {
        copy.copy_from_slice(code);
        copy[unit] = value;
    }
    Ok(codes)
}

/// The quantiles of one unit over codes, at the middles of `steps` equal shares: (i + ½) / steps for i from
/// 0. Between two codes' values they are linear, as in Hyndman and Fan's type 7, numpy's default.
///
/// # Errors
/// [`Error::InvalidParameter`] for a unit that is not there or no steps, [`Error::NotFinite`] and
/// [`Error::NoSamples`] for the codes.
///
/// # References
/// R. Hyndman, Y. Fan (1996), Sample quantiles in statistical packages.
pub fn unit_quantiles<T: Float, C: Size>(
    codes: &Batch<T, C>,
    unit: usize,
    steps: usize,
) -> Result<Vec<T>> {
    check_finite("unit_quantiles", codes.features(), codes.view())?;
    require_unit("unit_quantiles unit", unit, codes.features())?;
    require_count("unit_quantiles steps", steps)?;
    let mut sorted: Vec<f64> = codes.iter().map(|code| code[unit].to_double()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile =
        |step: usize| T::of(quantile_of_sorted(&sorted, (step as f64 + 0.5) / steps as f64));
    Ok((0..steps).map(quantile).collect())
}

fn require_unit(name: &'static str, unit: usize, units: usize) -> Result<()> {
    require(unit < units, name, unit as f64, "less than the number of code units")
}
