//! Where samples lie on the map of the codes.

use crate::batch::Batch;
use crate::batch::size::Size;
use crate::insight::principal::principal;
use crate::numbers::scalar::Float;

/// Two numbers for each code, and what they are.
pub(super) struct Places {
    pub(super) axes: [String; 2],
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
}

/// A code of two units as it is, of one unit against the loss, which goes by this name, of more on its principal
/// components.
pub(super) fn places<T: Float, C: Size>(codes: &Batch<T, C>, scores: &[f64], loss: &str) -> Places {
    let unit = |unit: usize| codes.iter().map(|code| code[unit].to_double()).collect();
    match codes.features() {
        1 => Places { axes: ["code unit 0".into(), loss.into()], x: unit(0), y: scores.to_vec() },
        2 => Places { axes: ["code unit 0".into(), "code unit 1".into()], x: unit(0), y: unit(1) },
        _ => {
            let found = principal(codes);
            let [x, y] = found.places;
            let name = |axis: usize| {
                format!("component {} ({:.0} % of variance)", axis + 1, found.shares[axis])
            };
            Places { axes: [name(0), name(1)], x, y }
        }
    }
}
