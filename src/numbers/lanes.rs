//! The number types as vectors: registers that hold several numbers, one in each lane.

use pulp::Simd;

/// A loop of at most eight turns, written out, its index a constant: the compiler would unroll it too late, or not at
/// all, and keep the sums in memory.
macro_rules! each {
    ($index:ident < $count:tt $body:block) => {
        const { assert!($count <= 8) }
        each!($index $count $body 0 1 2 3 4 5 6 7)
    };
    ($index:ident $count:tt $body:block $($turn:literal)+) => {$(
        if const { $turn < $count } {
            const $index: usize = $turn;
            $body
        }
    )+};
}
pub(crate) use each;

/// A number type, and its vectors as `S` has them.
pub trait Lanes: pulp::bytemuck::Pod + std::fmt::Debug {
    /// As many numbers as a register holds.
    type Vector<S: Simd>: pulp::bytemuck::Pod;
    /// A vector of equal numbers.
    fn spread<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// a b + c, rounded once where the machine can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// The whole vectors of a slice, and the rest.
    fn vectors<S: Simd>(slice: &[Self]) -> (&[Self::Vector<S>], &[Self]);
    /// The same, to write into.
    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);
    /// A vector that begins with the numbers of a slice.
    fn load_part<S: Simd>(simd: S, slice: &[Self]) -> Self::Vector<S>;
    /// Writes as much of a vector as the slice has room for.
    fn store_part<S: Simd>(simd: S, slice: &mut [Self], value: Self::Vector<S>);
    /// The sum of a vector's numbers.
    fn sum<S: Simd>(simd: S, value: Self::Vector<S>) -> Self;
    /// The columns of a square as its rows.
    ///
    /// Squares of 128 bits a side are transposed in registers, as many side by side as a register holds: that is what
    /// `interleave` does, and all machines can.
    fn turn<S: Simd>(
        simd: S,
        rows: [&[Self; SQUARE]; SQUARE],
        columns: &mut [[Self; SQUARE]; SQUARE],
    );
}

macro_rules! number {
    ($t:ident, $splat:ident, $mul_add:ident, $mul:ident, $add:ident, $vectors:ident, $vectors_mut:ident, $load:ident, $store:ident, $sum:ident, $side:literal, $interleave:ident, $vector:ident) => {
        impl Lanes for $t {
            type Vector<S: Simd> = S::$vector;
            #[inline(always)]
            fn spread<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                // Without the instruction a fused multiply-add is a call of a function, far slower than both.
                if is_emulated::<S>() {
                    simd.$add(simd.$mul(a, b), c)
                } else {
                    simd.$mul_add(a, b, c)
                }
            }
            #[inline(always)]
            fn vectors<S: Simd>(slice: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$vectors(slice)
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$vectors_mut(slice)
            }
            #[inline(always)]
            fn load_part<S: Simd>(simd: S, slice: &[Self]) -> S::$vector {
                simd.$load(slice)
            }
            #[inline(always)]
            fn store_part<S: Simd>(simd: S, slice: &mut [Self], value: S::$vector) {
                simd.$store(slice, value);
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, value: S::$vector) -> Self {
                simd.$sum(value)
            }
            #[inline(always)]
            fn turn<S: Simd>(
                simd: S,
                rows: [&[Self; SQUARE]; SQUARE],
                columns: &mut [[Self; SQUARE]; SQUARE],
            ) {
                const SIDE: usize = $side;
                for part in 0..const { SQUARE / lanes::<$t, S>() } {
                    each!(GROUP < (SQUARE / SIDE) {
                        let vectors = std::array::from_fn::<S::$vector, SIDE, _>(
                            #[inline(always)]
                            |row| S::$vectors(rows[GROUP * SIDE + row]).0[part],
                        );
                        let turned = simd.$interleave(vectors);
                        let turned: &[[$t; SIDE]] = pulp::bytemuck::cast_slice(&turned);
                        let turned = &turned[..lanes::<$t, S>()];
                        each!(AT < (lanes::<$t, S>() / SIDE) {
                            each!(STEP < SIDE {
                                let column = part * lanes::<$t, S>() + AT * SIDE + STEP;
                                let turned = &turned[STEP * (lanes::<$t, S>() / SIDE) + AT];
                                columns[column].as_chunks_mut().0[GROUP] = *turned;
                            });
                        });
                    });
                }
            }
        }
    };
}
number!(
    f32,
    splat_f32s,
    mul_add_f32s,
    mul_f32s,
    add_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    partial_store_f32s,
    reduce_sum_f32s,
    4,
    interleave_shfl_f32s,
    f32s
);
number!(
    f64,
    splat_f64s,
    mul_add_f64s,
    mul_f64s,
    add_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    partial_store_f64s,
    reduce_sum_f64s,
    2,
    interleave_shfl_f64s,
    f64s
);

/// Whether `S` has no fused multiply-add: arrays of numbers, and WebAssembly.
#[inline(always)]
fn is_emulated<S: Simd>() -> bool {
    use std::any::TypeId;
    let is_array = TypeId::of::<S>() == TypeId::of::<pulp::Scalar128b>() || S::IS_SCALAR;
    is_array || cfg!(target_arch = "wasm32")
}

/// The side of a square that is transposed: as many numbers as the longest vectors have.
pub const SQUARE: usize = 16;

/// How many numbers a vector has.
pub const fn lanes<T: Lanes, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}
