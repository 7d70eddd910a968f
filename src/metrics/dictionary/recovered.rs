use crate::error::{Result, require};

/// Which share of a loss a reconstruction keeps: 1 if the network that goes on from it does as well as from the original,
/// 0 if no better than without it, less if worse.
///
/// # Formula
/// (`ablated` − `patched`) / (`ablated` − `original`), of the losses of the network (cross-entropies of a language model, say)
/// as it is, with the reconstruction in the place of an activation, and with zeros or the mean there.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a loss that is not finite, and unless `ablated` is greater than
/// `original`: where leaving out costs nothing there is nothing to keep.
///
/// # Example
/// ```
/// use autoencoder::metrics::dictionary::loss_recovered;
/// assert_eq!(loss_recovered(3.0, 3.5, 11.0)?, 0.9375); // 7.5 of 8 nats
/// assert!(loss_recovered(3.0, 3.5, 3.0).is_err());
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// T. Bricken et al. (2023), Towards monosemanticity: decomposing language models with dictionary learning.
pub fn loss_recovered(original: f64, patched: f64, ablated: f64) -> Result<f64> {
    require(original.is_finite(), "loss_recovered original", original, "finite")?;
    require(patched.is_finite(), "loss_recovered patched", patched, "finite")?;
    let is_worse = ablated.is_finite() && ablated > original;
    require(
        is_worse,
        "loss_recovered ablated",
        ablated,
        "finite and greater than the original loss",
    )?;
    // By halves, so that no difference of finite numbers is infinite.
    let share = (ablated / 2.0 - patched / 2.0) / (ablated / 2.0 - original / 2.0);
    require(share.is_finite(), "loss_recovered", share, "finite")?;
    Ok(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn its_ends_are_0_and_1_and_it_is_linear_between() -> Result<()> {
        assert_eq!(loss_recovered(2.0, 2.0, 5.0)?, 1.0);
        assert_eq!(loss_recovered(2.0, 5.0, 5.0)?, 0.0);
        assert_eq!(loss_recovered(2.0, 8.0, 5.0)?, -1.0);
        assert_eq!(loss_recovered(-1e308, 0.0, 1e308)?, 0.5);
        Ok(())
    }

    #[test]
    fn what_is_undefined_is_refused() {
        let nan = f64::NAN;
        for (original, patched, ablated) in [
            (nan, 1.0, 2.0),
            (1.0, nan, 2.0),
            (1.0, 1.0, nan),
            (1.0, 1.0, f64::INFINITY),
            (1.0, 1.0, 1.0),
            (2.0, 1.0, 1.0),
            (0.0, 1e308, 1e-300),
        ] {
            let refused = loss_recovered(original, patched, ablated);
            let is_refused = matches!(refused, Err(Error::InvalidParameter { .. }));
            assert!(is_refused, "{original} {patched} {ablated}: {refused:?}");
        }
    }
}
