//! Generic code that is compiled once for each number type, in this crate.
//!
//! A generic function is compiled anew in every crate that reaches it. One that [`once!`] stands before is compiled
//! here, for `f32` and for `f64`, and only called from elsewhere: each of the two is a function without parameters of
//! type, and is never inlined, or the compiler might do the same again in the other crate. Loops over the numbers of a
//! batch belong behind it.

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

/// `once! { fn sum(a: &'a [T], b: T) -> T = sum_generic; }` is a function that calls `sum_generic`, which takes the same
/// for any number type `T`. What is borrowed has the lifetime `'a`, and what that borrows `'b`.
macro_rules! once {
    ($($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? = $generic:expr;)+) => {$(
        $(#[$meta])*
        #[inline(always)]
        $visibility fn $name<'a, 'b: 'a, T: $crate::numbers::scalar::Float>($($argument: $type),*) $(-> $output)? {
            struct Compiled;
            #[allow(unused_parens)]
            impl $crate::numbers::once::Once for Compiled {
                type Arguments<'a, 'b: 'a, T: $crate::numbers::scalar::Float> = ($($type,)*);
                type Output<T: $crate::numbers::scalar::Float> = ($($output)?);
                #[inline(never)]
                fn single<'a, 'b: 'a>(($($argument,)*): Self::Arguments<'a, 'b, f32>) -> Self::Output<f32> {
                    $generic($($argument),*)
                }
                #[inline(never)]
                fn double<'a, 'b: 'a>(($($argument,)*): Self::Arguments<'a, 'b, f64>) -> Self::Output<f64> {
                    $generic($($argument),*)
                }
            }
            T::once::<Compiled>(($($argument,)*))
        }
    )+};
}
pub(crate) use once;
