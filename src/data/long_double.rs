//! Long doubles as x86 writes them: a sign, 15 bits of an exponent, and 64 of a significand whose first bit is written
//! too (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 4.2.2). What fills the 80 bits up to
//! 12 or 16 bytes is whatever the memory held.

/// The nearest number to one of x86's 80 bits; what x86 never writes is NaN.
pub(crate) fn nearest(bits: u128) -> f64 {
    let (exponent, significand) = parts(bits);
    let magnitude = match exponent {
        _ if is_foreign(bits) => f64::NAN,
        // 0, and what is less than any number that f64 has.
        0 => 0.0,
        0x7fff if significand << 1 == 0 => f64::INFINITY,
        0x7fff => f64::NAN,
        _ => scaled(significand, exponent - 16_383 - 63),
    };
    if bits >> 79 & 1 == 1 { -magnitude } else { magnitude }
}

fn parts(bits: u128) -> (i32, u64) {
    ((bits >> 64 & 0x7fff) as i32, bits as u64)
}

/// Whether x86 never writes this: the first bit of its significand is 0 where the exponent is 0, and 1 elsewhere.
pub(crate) fn is_foreign(bits: u128) -> bool {
    let (exponent, significand) = parts(bits);
    (exponent == 0) == (significand >> 63 == 1)
}

/// Which machine wrote a file's long doubles. One alone may not say it: what x86 leaves beside a 0 may have the bits of
/// another machine's 1, whose sign and exponent lie there.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    is_x86: bool,
    is_doubtful: bool,
}

impl Writer {
    /// Takes one that is not [foreign](is_foreign).
    pub(crate) fn look_at(&mut self, bits: u128) {
        let value = nearest(bits);
        // Of another machine's numbers, those of few digits are 0 here, and others have any exponent.
        if value == 0.0 {
            self.is_doubtful |= bits & !(1 << 79) != 0;
        } else if value.is_finite() {
            self.is_x86 = true;
        } else {
            self.is_doubtful |= parts(bits).0 != 0x7fff;
        }
    }

    /// Whether there is a number that another machine may have written, and none that tells x86's.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_doubtful && !self.is_x86
    }
}

/// The nearest number to `significand · 2^exponent`, whose first bit is set, the even one of two.
fn scaled(significand: u64, exponent: i32) -> f64 {
    // What lies below the last bit of the result, whose least place is 2⁻¹⁰⁷⁴.
    let dropped = (-1074 - exponent).max(11);
    if dropped > 64 {
        return 0.0;
    }
    let kept = if dropped == 64 { 0 } else { significand >> dropped };
    let rest = u128::from(significand) & ((1 << dropped) - 1);
    let half = 1_u128 << (dropped - 1);
    let is_up = rest > half || rest == half && kept & 1 == 1;
    let rounded = (kept + u64::from(is_up)) as f64;
    let exponent = exponent + dropped;
    // In two steps, as 2^exponent alone may be less than any number that is not rounded.
    let first = exponent.clamp(-1000, 1000);
    rounded * 2f64.powi(first) * 2f64.powi((exponent - first).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every double has a long double, and its bits are moved to where that has them; between two of them the nearest
    /// is meant.
    #[test]
    fn doubles_in_eighty_bits() {
        let extend = |x: f64| {
            let bits = x.to_bits();
            let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
            let (exponent, significand) = match (exponent, fraction) {
                (0, 0) => (0, 0),
                (0, _) => {
                    let shift = fraction.leading_zeros();
                    (16_383 - 1011 - u64::from(shift), fraction << shift)
                }
                _ => (exponent + 16_383 - 1023, 1 << 63 | fraction << 11),
            };
            u128::from(bits >> 63) << 79 | u128::from(exponent) << 64 | u128::from(significand)
        };
        let least = f64::from_bits(1);
        for x in
            [0.0, 1.0, -1.5, 0.1, 1e300, f64::MAX, f64::MIN_POSITIVE, least, 3.0 * least, 1e-310]
        {
            for x in [x, -x] {
                assert_eq!(nearest(extend(x)).to_bits(), x.to_bits(), "{x}");
            }
        }
        let one = extend(1.0);
        // The last place of a double is 2¹¹ of a long double's.
        for (more, expected) in [(1, 1.0), (1 << 10, 1.0), (1025, 1.0 + f64::EPSILON)] {
            assert_eq!(nearest(one + more), expected);
        }
        let next = extend(1.0 + f64::EPSILON);
        assert_eq!(nearest(next + (1 << 10)), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(nearest(extend(f64::MAX) + (1 << 10)), f64::INFINITY);
        // Half of the least number is between it and 0, which is even; a little more is not.
        let half = extend(least) - (1 << 64);
        assert_eq!((nearest(half), nearest(half + 1)), (0.0, least));
        assert_eq!(nearest(half - (1 << 64)), 0.0);
        assert_eq!(nearest(0x7fff << 64 | 1 << 63), f64::INFINITY);
        assert!(nearest(0x7fff << 64 | 3 << 62).is_nan());
        // Its first bit is missing, or is one too many.
        assert!(nearest(0x3fff << 64 | 1).is_nan());
        assert!(nearest(1 << 63).is_nan());
    }

    /// 0 among them: the bits beside the 80 are any.
    #[test]
    fn padding_says_nothing() {
        let numbers = [0, 1 << 79, 0x3fff << 64 | 1 << 63, 0x7fff << 64 | 1 << 63, 1];
        for bits in numbers {
            for padding in [1, 0x3fff << 32, 0xffff_ffff_ffff] {
                let padded = nearest(padding << 80 | bits);
                assert_eq!(padded.to_bits(), nearest(bits).to_bits(), "{bits:#x}");
            }
        }
    }

    #[test]
    fn a_file_of_zeros_beside_which_something_lies_is_in_doubt() {
        let one = 0x3fff << 64 | 1 << 63;
        let infinite = 0x7fff << 64 | 1 << 63;
        let quad_of_one = 0x3fff << 112;
        for (numbers, is_in_doubt) in [
            (&[0, 1 << 79, infinite][..], false),
            (&[quad_of_one][..], true),
            (&[quad_of_one, 0, infinite][..], true),
            (&[quad_of_one, one][..], false),
            // Less and more than any number of f64.
            (&[0x1999 << 64 | 1 << 63][..], true),
            (&[0x6999 << 64 | 1 << 63][..], true),
        ] {
            let mut writer = Writer::default();
            numbers.iter().for_each(|&bits| writer.look_at(bits));
            assert_eq!(writer.is_in_doubt(), is_in_doubt, "{numbers:#x?}");
        }
    }
}
