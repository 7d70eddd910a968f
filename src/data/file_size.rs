use nalgebra::{Const, Dyn};

use super::input::Input;
use crate::batch::size::{DynImage, DynWindow, Image, Size, Window};
use crate::error::{Place, Result};

/// A size that samples of a file can have: what the compiler knows of it is compared with the file, and what it
/// does not know is taken from there.
///
/// | size | fits samples of the sizes |
/// |---|---|
/// | `Const<N>`, `Dyn` | any, of so many values together |
/// | [`Image<C, H, W>`](crate::size::Image) | `H × W` if there is one channel, `C × H × W`, or so many values in one row |
/// | [`DynImage`](crate::size::DynImage) | `H × W`, or `C × H × W` |
/// | [`Window<C, T>`](crate::size::Window) | `T × C`, `T` if there is one channel, or so many values in one row |
/// | [`DynWindow`](crate::size::DynWindow) | `T × C`, or `T` of one channel |
///
/// A text has only rows.
pub trait FileSize: Size {
    /// The size of samples that have these sizes in a file, of which the last index moves fastest: `[28, 28]`.
    ///
    /// # Errors
    /// What differs.
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs>;
}

/// Where a file has other sizes than its samples should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs {
    /// What is counted: `features`, `rows`.
    pub unit: &'static str,
    /// How many there should be.
    pub expected: usize,
    /// How many the file has.
    pub found: usize,
}

/// The size that was asked for, of samples that have these sizes in a file.
pub(super) fn of_file<R: FileSize>(input: &Input, sizes: &[usize]) -> Result<R> {
    R::of_file(sizes).map_err(|Differs { unit, expected, found }| {
        input.mismatch(Place::File, unit, expected as u64, found as u64)
    })
}

/// The number of values; one too large for this machine is the largest there is.
fn values(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |all: usize, &size| all.saturating_mul(size))
}

fn same(unit: &'static str, expected: usize, found: usize) -> std::result::Result<(), Differs> {
    if expected == found { Ok(()) } else { Err(Differs { unit, expected, found }) }
}

impl<const N: usize> FileSize for Const<N> {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        same("features", N, values(sizes)).map(|()| Const)
    }
}

impl FileSize for Dyn {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        Ok(Dyn(values(sizes)))
    }
}

impl<const C: usize, const H: usize, const W: usize> FileSize for Image<C, H, W> {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        same("features", Self.value(), values(sizes))?;
        // Where all are as many and rows and columns are alike, so are the channels.
        if let [.., height, width] = *sizes {
            same("rows of an image", H, height)?;
            same("columns of an image", W, width)?;
        }
        Ok(Self)
    }
}

impl FileSize for DynImage {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        let [channels @ .., height, width] = sizes else {
            // With that of the samples.
            let (unit, found) =
                ("dimensions, of which the last are rows and columns", sizes.len() + 1);
            return Err(Differs { unit, expected: 3, found });
        };
        Ok(Self { channels: values(channels), height: *height, width: *width })
    }
}

impl<const C: usize, const T: usize> FileSize for Window<C, T> {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        same("features", Self.value(), values(sizes))?;
        if let [steps, _, ..] = *sizes {
            same("steps of a window", T, steps)?;
        }
        Ok(Self)
    }
}

impl FileSize for DynWindow {
    fn of_file(sizes: &[usize]) -> std::result::Result<Self, Differs> {
        let (steps, channels) =
            sizes.split_first().map_or((1, 1), |(&steps, rest)| (steps, values(rest)));
        Ok(Self { channels, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs<R>(
        unit: &'static str,
        expected: usize,
        found: usize,
    ) -> std::result::Result<R, Differs> {
        Err(Differs { unit, expected, found })
    }

    #[test]
    fn plain_features_are_counted() {
        assert_eq!(Const::<6>::of_file(&[6]), Ok(Const));
        assert_eq!(Const::<6>::of_file(&[2, 3]), Ok(Const));
        assert_eq!(Const::<1>::of_file(&[]), Ok(Const));
        assert_eq!(Const::<6>::of_file(&[2, 2]), differs("features", 6, 4));
        assert_eq!(Dyn::of_file(&[2, 3, 4]), Ok(Dyn(24)));
        assert_eq!(Dyn::of_file(&[usize::MAX, 2]), Ok(Dyn(usize::MAX)));
    }

    #[test]
    fn images_are_compared_by_rows_and_columns() {
        assert_eq!(Image::<1, 2, 3>::of_file(&[2, 3]), Ok(Image));
        assert_eq!(Image::<1, 2, 3>::of_file(&[1, 2, 3]), Ok(Image));
        assert_eq!(Image::<1, 2, 3>::of_file(&[6]), Ok(Image));
        assert_eq!(Image::<4, 2, 3>::of_file(&[4, 2, 3]), Ok(Image));
        assert_eq!(Image::<1, 2, 3>::of_file(&[2, 4]), differs("features", 6, 8));
        assert_eq!(Image::<1, 2, 3>::of_file(&[3, 2]), differs("rows of an image", 2, 3));
        // Channels last.
        assert_eq!(Image::<4, 2, 3>::of_file(&[2, 3, 4]), differs("rows of an image", 2, 3));
        assert_eq!(Image::<2, 1, 3>::of_file(&[1, 3, 2]), differs("rows of an image", 1, 3));
        assert_eq!(Image::<3, 2, 2>::of_file(&[2, 2, 3]), differs("columns of an image", 2, 3));
        let image = |channels, height, width| Ok(DynImage { channels, height, width });
        assert_eq!(DynImage::of_file(&[2, 3]), image(1, 2, 3));
        assert_eq!(DynImage::of_file(&[4, 2, 3]), image(4, 2, 3));
        let unit = "dimensions, of which the last are rows and columns";
        assert_eq!(DynImage::of_file(&[6]), differs(unit, 3, 2));
    }

    #[test]
    fn windows_are_compared_by_steps() {
        assert_eq!(Window::<2, 3>::of_file(&[3, 2]), Ok(Window));
        assert_eq!(Window::<2, 3>::of_file(&[6]), Ok(Window));
        assert_eq!(Window::<1, 3>::of_file(&[3]), Ok(Window));
        assert_eq!(Window::<2, 3>::of_file(&[2, 3]), differs("steps of a window", 3, 2));
        assert_eq!(Window::<2, 3>::of_file(&[3, 3]), differs("features", 6, 9));
        let window = |steps, channels| Ok(DynWindow { channels, steps });
        assert_eq!(DynWindow::of_file(&[3, 2]), window(3, 2));
        assert_eq!(DynWindow::of_file(&[3]), window(3, 1));
        assert_eq!(DynWindow::of_file(&[]), window(1, 1));
    }
}
