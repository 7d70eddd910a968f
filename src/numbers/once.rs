//! Generic code that is compiled once for each number type, in this crate.
//!
//! A generic function is compiled anew in every crate that reaches it. [`once!`] puts a door before one: what
//! goes through it is compiled here, for `f32` and for `f64`, and only called from elsewhere. Loops over the
//! numbers of a batch belong behind it.

use crate::numbers::scalar::Float;

/// A function of number type `T` that is compiled for both; [`once!`] writes it.
pub trait Once {
    /// What it takes.
    type Arguments<'a, 'b: 'a, T: Float>;
    /// What it gives.
    type Output<T: Float>;
    /// In single precision.
    fn single<'a, 'b: 'a>(arguments: Self::Arguments<'a, 'b, f32>) -> Self::Output<f32>;
    /// In double precision.
    fn double<'a, 'b: 'a>(arguments: Self::Arguments<'a, 'b, f64>) -> Self::Output<f64>;
}

/// `once! { fn door(a: &'a [T], b: T) -> T = room; }` is a function that calls the generic `room`, which takes the
/// same. What is borrowed has the lifetime `'a`, what that borrows `'b`, and the number type is `T`.
macro_rules! once {
    ($($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? = $room:expr;)+) => {$(
        $(#[$meta])*
        #[inline(always)]
        $visibility fn $name<'a, 'b: 'a, T: $crate::numbers::scalar::Float>($($argument: $type),*) $(-> $output)? {
            struct Door;
            #[allow(unused_parens)]
            impl $crate::numbers::once::Once for Door {
                type Arguments<'a, 'b: 'a, T: $crate::numbers::scalar::Float> = ($($type,)*);
                type Output<T: $crate::numbers::scalar::Float> = ($($output)?);
                #[inline(never)]
                fn single<'a, 'b: 'a>(($($argument,)*): Self::Arguments<'a, 'b, f32>) -> Self::Output<f32> {
                    $room($($argument),*)
                }
                #[inline(never)]
                fn double<'a, 'b: 'a>(($($argument,)*): Self::Arguments<'a, 'b, f64>) -> Self::Output<f64> {
                    $room($($argument),*)
                }
            }
            T::once::<Door>(($($argument,)*))
        }
    )+};
}
pub(crate) use once;
