//! The two half precisions: what each number of them is, exactly.

/// The value of a number in half precision, of a sign, 5 bits of an exponent and 10 of a fraction (IEEE 754-2019, 3.4).
#[inline(always)]
pub(crate) fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // So many of the smallest number, 2⁻²⁴.
        0 => (fraction as f32 * (1.0 / 16_777_216.0)).to_bits(),
        0x1f => 0xff << 23 | fraction << 13,
        // The exponent is counted from −15 there, and from −127 here.
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The value of a number of 8 bits of an exponent and 7 of a fraction: single precision without its last half.
#[inline(always)]
pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sign, an exponent and a fraction mean, by powers of 2 in double precision: IEEE 754-2019, 3.4.
    fn meant(bits: u16, of_exponent: u32, of_fraction: u32) -> f64 {
        let (exponent, fraction) = (
            i32::from(bits >> of_fraction & ((1 << of_exponent) - 1)),
            bits & ((1 << of_fraction) - 1),
        );
        let bias = (1 << (of_exponent - 1)) - 1;
        let part = f64::from(fraction) / 2f64.powi(of_fraction as i32);
        let magnitude = match exponent {
            0 => part * 2f64.powi(1 - bias),
            _ if exponent == (1 << of_exponent) - 1 && fraction == 0 => f64::INFINITY,
            _ if exponent == (1 << of_exponent) - 1 => f64::NAN,
            _ => (1.0 + part) * 2f64.powi(exponent - bias),
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    }

    #[test]
    fn every_number_of_both() {
        for bits in 0..=u16::MAX {
            for (found, expected) in
                [(from_f16(bits), meant(bits, 5, 10)), (from_bf16(bits), meant(bits, 8, 7))]
            {
                let is_same = f64::from(found).to_bits() == expected.to_bits();
                assert!(
                    is_same || found.is_nan() && expected.is_nan(),
                    "{bits:#x}: {found} {expected}"
                );
            }
        }
    }

    /// `numpy.array([...], "f2")` and `torch.tensor([...], dtype=torch.bfloat16)`, their bits by `.view("u2")`.
    #[test]
    fn known_numbers() {
        assert_eq!(
            [0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555].map(from_f16),
            [1.0, -2.0, 65504.0, 2f32.powi(-24), 0.333_251_95]
        );
        assert_eq!(
            [0x3f80, 0xc000, 0x0001, 0x3eab].map(from_bf16),
            [1.0, -2.0, 2f32.powi(-133), 0.333_984_38]
        );
    }
}
