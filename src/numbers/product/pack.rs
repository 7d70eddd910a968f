//! A panel of A: some rows and some columns, laid out as the kernel walks through it.
//!
//! Vectors of rows follow one another for each step of k, from the beginning of a line of the cache on, and end in
//! zeros where there are no more rows.

use std::cell::Cell;

use prefetch_index::prefetch_index;
use pulp::Simd;

use super::kernel::{WIDEST, column};
use super::matrix::{Matrix, Stored};
use crate::numbers::lanes::{Lanes, each, lanes};
use crate::numbers::scalar::Float;

/// Memory for a panel of A, and of a narrow B: all that any needs, allocated with the first one of a thread.
#[derive(Debug, Default)]
pub struct Workspace<T> {
    memory: Vec<T>,
}

/// Bytes from one line of the cache to the next. A vector that lies across two costs two loads.
pub const LINE: usize = 64;

impl<T: Lanes> Workspace<T> {
    /// A line's numbers, which are at least a vector's.
    const OF_LINE: usize = LINE / size_of::<T>();
    const LARGEST: usize = (TALLEST * Self::OF_LINE + WIDEST) * DEEPEST;
    /// So many numbers, from the beginning of a line on, and what a narrow B needs.
    pub(super) fn numbers(&mut self, len: usize) -> (&mut [T], &mut [T]) {
        if self.memory.is_empty() {
            self.memory.resize(Self::LARGEST + Self::OF_LINE, T::zeroed());
        }
        let first = self.memory.as_ptr().align_offset(LINE).min(Self::OF_LINE);
        self.memory[first..].split_at_mut(len)
    }
}

/// A panel of A: rows that are so many vectors, and a part of k.
#[derive(Debug, Clone, Copy)]
pub struct Panel {
    pub row: usize,
    pub rows: usize,
    pub vectors: usize,
    pub k: usize,
    pub depth: usize,
}

/// How many steps of k a panel has, at most: the best of 128, 160, 200 and 256 with AVX-512 and 48 KiB of first level.
const DEEPEST: usize = 200;
/// How many vectors of rows a panel has, at most.
pub const fn tall<S: Simd>() -> usize {
    if S::REGISTER_COUNT > 16 { 3 } else { 2 }
}

/// How many it has where there are one, two or three columns to multiply it by.
pub const TALLEST: usize = 8;

/// Panels as equal as can be, or `tallest` ones first, and k in parts as equal as can be; each with the one that follows.
#[inline(always)]
pub fn for_each_panel<S: Simd>(
    rows: usize,
    columns: usize,
    lanes: usize,
    tallest: usize,
    mut work: impl FnMut(Panel, Option<Panel>),
) {
    let depth = columns.div_ceil(columns.div_ceil(DEEPEST));
    let from = |row: usize| {
        let left = (rows - row).div_ceil(lanes);
        let vectors = if tallest > tall::<S>() && left >= tallest {
            tallest
        } else {
            left.div_ceil(left.div_ceil(tall::<S>()))
        };
        let rows = (vectors * lanes).min(rows - row);
        Panel { row, rows, vectors, k: 0, depth }
    };
    let mut next = Some(from(0));
    while let Some(at) = next {
        let (row, k) = (at.row + at.rows, at.k + at.depth);
        next = if k < columns {
            Some(Panel { k, depth: depth.min(columns - k), ..at })
        } else {
            (row < rows).then(|| from(row))
        };
        work(at, next);
    }
}

/// A part of A that is fetched into the cache while another one is multiplied, or it would have to be waited for: a
/// line of the cache of each of its runs of memory, then the next line of each.
#[derive(Debug, Clone, Copy)]
pub struct Ahead<'a, T> {
    stored: Stored<'a, T>,
    runs: usize,
    lines: usize,
    /// Lines that are fetched or being fetched.
    fetched: usize,
}

impl<'a, T: Float> Ahead<'a, T> {
    /// Of A; where there is no panel any more, what is used anyway.
    #[inline(always)]
    pub fn of(a: Matrix<'a, T>, panel: Option<Panel>, used: Matrix<'a, T>) -> Self {
        let Some(Panel { row, rows, k, depth, .. }) = panel else {
            return Self { stored: used.stored, runs: 1, lines: 0, fetched: 0 };
        };
        let stored = a.rows(row, rows).columns(k, depth).stored;
        let (runs, len) = if a.is_transposed { (rows, depth) } else { (depth, rows) };
        Self { stored, runs, lines: runs * (len * size_of::<T>() / LINE + 1), fetched: 0 }
    }

    /// So many lines more; one again and again, where there are no more.
    #[inline(always)]
    pub fn fetch(&mut self, count: usize) -> Fetch<'a, T> {
        let Self { stored: Stored { data, stride, first, .. }, runs, lines, fetched } = *self;
        if fetched >= lines {
            return Fetch { data, index: first, stride: 0, runs: usize::MAX, left: usize::MAX };
        }
        self.fetched += count;
        let (line, run) = (fetched / runs, fetched % runs);
        let index = first + line * (LINE / size_of::<T>()) + run * stride;
        Fetch { data, index, stride, runs, left: runs - run }
    }
}

/// Lines to be fetched one by one: of each run that is left, then the next lines of all of them.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a, T> {
    data: &'a [T],
    index: usize,
    stride: usize,
    runs: usize,
    left: usize,
}

impl<T> Fetch<'_, T> {
    #[inline(always)]
    pub fn next_line(&mut self) {
        prefetch_index(self.data, self.index);
        self.index += self.stride;
        self.left -= 1;
        if self.left == 0 {
            self.index = self.index + LINE / size_of::<T>() - self.runs * self.stride;
            self.left = self.runs;
        }
    }
}

#[inline(always)]
pub fn pack<T: Float, S: Simd>(simd: S, a: Matrix<'_, T>, at: Panel, panel: &mut [T]) {
    let Panel { row, rows, vectors, k, depth } = at;
    let (part, height) = (a.rows(row, rows).columns(k, depth), vectors * lanes::<T, S>());
    if a.is_transposed {
        T::from_rows(simd, part.stored, (rows, depth), height, panel);
    } else {
        from_columns::<T, S>(simd, part.stored, rows, height, panel);
    }
}

/// Copies rows from the columns that they are stored in, `height` numbers for each column; what is beyond `rows` is 0.
#[inline(always)]
pub fn from_columns<T: Lanes, S: Simd>(
    simd: S,
    a: Stored<'_, T>,
    rows: usize,
    height: usize,
    panel: &mut [T],
) {
    match height / lanes::<T, S>() {
        1 if rows == height => return whole_columns::<T, S, 1>(a, panel),
        2 if rows == height => return whole_columns::<T, S, 2>(a, panel),
        3 if rows == height => return whole_columns::<T, S, 3>(a, panel),
        _ => {}
    }
    for (step, panel) in panel.chunks_exact_mut(height).enumerate() {
        let (panel, _) = T::vectors_mut::<S>(panel);
        let (whole, rest) = T::vectors::<S>(&a.column(step)[..rows]);
        let (left, right) = panel.split_at_mut(whole.len());
        left.copy_from_slice(whole);
        if let [last, zeros @ ..] = right {
            *last = T::load_part(simd, rest);
            zeros.fill(T::spread(simd, T::zeroed()));
        }
    }
}

/// The same for V vectors of rows: copying them takes less than calling a function that does.
#[inline(always)]
fn whole_columns<T: Lanes, S: Simd, const V: usize>(a: Stored<'_, T>, panel: &mut [T]) {
    let (panel, _) = T::vectors_mut::<S>(panel);
    for (step, to) in panel.as_chunks_mut().0.iter_mut().enumerate() {
        *to = *column::<T, S, V>(a.column(step));
    }
}

/// A number type whose matrices can be packed.
pub trait Pack: Lanes {
    /// This thread's memory for it, until it is [returned](Pack::return_workspace); new where it is taken twice.
    fn take_workspace() -> Workspace<Self>;
    /// Leaves it to the next product of this thread.
    fn return_workspace(workspace: Workspace<Self>);
    /// Copies so many rows, `height` numbers for each of so many steps of k; what is beyond the rows is 0.
    fn from_rows<S: Simd>(
        simd: S,
        a: Stored<'_, Self>,
        sizes: (usize, usize),
        height: usize,
        panel: &mut [Self],
    );
}

/// Squares of 128 bits a side are transposed in registers, as many side by side as a register holds: that is what
/// `interleave` does, and all machines can.
macro_rules! pack {
    ($t:ident, $side:literal, $interleave:ident, $workspace:ident) => {
        thread_local! {
            static $workspace: Cell<Workspace<$t>> = const { Cell::new(Workspace { memory: Vec::new() }) };
        }

        impl Pack for $t {
            fn take_workspace() -> Workspace<$t> {
                $workspace.take()
            }
            fn return_workspace(workspace: Workspace<$t>) {
                $workspace.set(workspace);
            }
            #[inline(always)]
            fn from_rows<S: Simd>(
                simd: S,
                a: Stored<'_, $t>,
                (rows, depth): (usize, usize),
                height: usize,
                panel: &mut [$t],
            ) {
                const SIDE: usize = $side;
                let squares = const { lanes::<$t, S>() / SIDE };
                let mut row = 0;
                while row + SIDE <= rows {
                    let rows: [&[$t]; SIDE] =
                        std::array::from_fn(|i| &a.column(row + i)[..depth]);
                    let rows = rows.map(<$t as Lanes>::vectors::<S>);
                    let vectors = rows.map(|(vectors, _)| &vectors[..rows[0].0.len()]);
                    let mut columns = panel.chunks_exact_mut(height);
                    for at in 0..vectors[0].len() {
                        let turned = simd.$interleave(vectors.map(|row| row[at]));
                        let turned: &[[$t; SIDE]] = pulp::bytemuck::cast_slice(&turned);
                        let turned = &turned[..SIDE * squares];
                        each!(SQUARE < (lanes::<$t, S>() / SIDE) {
                            each!(STEP < SIDE {
                                if let Some(column) = columns.next() {
                                    column[row..][..SIDE].copy_from_slice(&turned[STEP * squares + SQUARE]);
                                }
                            });
                        });
                    }
                    let rest = rows.map(|(_, rest)| &rest[..rows[0].1.len()]);
                    for (step, column) in columns.enumerate().take(rest[0].len()) {
                        column[row..][..SIDE].copy_from_slice(&rest.map(|rest| rest[step]));
                    }
                    row += SIDE;
                }
                for row in row..rows {
                    let numbers = a.column(row)[..depth].iter();
                    panel.chunks_exact_mut(height).zip(numbers).for_each(|(column, &number)| column[row] = number);
                }
                if rows < height {
                    panel.chunks_exact_mut(height).for_each(|column| column[rows..].fill(<$t>::ZERO));
                }
            }
        }
    };
}
pack!(f32, 4, interleave_shfl_f32s, OF_SINGLE);
pack!(f64, 2, interleave_shfl_f64s, OF_DOUBLE);
