//! Where samples lie on the map of the codes.

use nalgebra::Dim;

use crate::batch::Batch;
use crate::insight::principal::principal;
use crate::numbers::scalar::Scalar;

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
