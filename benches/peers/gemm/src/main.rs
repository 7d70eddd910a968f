//! The bare products of a training step: what is left of it if all else took no time.

// The functions of `gemm` take pointers; `multiply` is the only caller, and says why its own are right.
#![allow(unsafe_code)]

use std::hint::black_box;

use gemm::Parallelism;

#[path = "../../common.rs"]
#[allow(dead_code)] // nothing is learned here
mod common;
use common::Options;

/// A matrix over a slice, stored column by column, or the transpose of one.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns);
        Self { data, rows, columns, row_stride: 1, column_stride: rows }
    }

    fn transposed(self) -> Self {
        let Self { data, rows, columns, row_stride, column_stride } = self;
        let (row_stride, column_stride) = (column_stride, row_stride);
        Self { data, rows: columns, columns: rows, row_stride, column_stride }
    }
}

/// C ← A B, stored column by column.
fn multiply(a: Matrix, b: Matrix, c: &mut [f32], parallelism: Parallelism) {
    let (rows, inner, columns) = (a.rows, a.columns, b.columns);
    assert_eq!((inner, c.len()), (b.rows, rows * columns), "sizes of a product");
    // SAFETY: `Matrix::new` and the line above have made sure that all elements lie within their slices, and `c` is
    // borrowed alone. The old values of C are not read.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            c.as_mut_ptr(),
            rows as isize,
            1,
            false,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

fn main() {
    let options = Options::from_args();
    let (sizes, batch) = (&options.sizes, options.batch);
    let parallelism = match options.threads {
        1 => Parallelism::None,
        threads => Parallelism::Rayon(threads),
    };
    // Rows of weights that add up to about 1, so that values stay as they are from layer to layer.
    let noise = options.data();
    let mut noise = noise.iter().cycle();
    let weights: Vec<Vec<f32>> = sizes
        .windows(2)
        .map(|pair| {
            noise.by_ref().take(pair[0] * pair[1]).map(|w| 2.0 * w / pair[0] as f32).collect()
        })
        .collect();
    let mut gradients = weights.clone();
    let mut values: Vec<Vec<f32>> =
        sizes.iter().map(|&size| noise.by_ref().take(size * batch).copied().collect()).collect();

    let step_us = options.median_us(|_| {
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = values.split_at_mut(layer + 1);
            let weights = Matrix::new(&weights[layer], pair[1], pair[0]);
            let inputs = Matrix::new(&inputs[layer], pair[0], batch);
            multiply(weights, inputs, &mut outputs[0], parallelism);
        }
        // The values themselves stand for the gradients that come back.
        for (layer, pair) in sizes.windows(2).enumerate().rev() {
            let (inputs, outputs) = values.split_at_mut(layer + 1);
            let back = Matrix::new(&outputs[0], pair[1], batch);
            let seen = Matrix::new(&inputs[layer], pair[0], batch).transposed();
            multiply(back, seen, &mut gradients[layer], parallelism);
            if layer > 0 {
                let weights = Matrix::new(&weights[layer], pair[1], pair[0]).transposed();
                multiply(weights, back, &mut inputs[layer], parallelism);
            }
        }
        black_box(&gradients);
    });
    // The last element of the first gradient, which is the last product of a step, by its definition.
    let columns = values[0].chunks_exact(sizes[0]).zip(values[1].chunks_exact(sizes[1]));
    let expected: f32 = columns.map(|(x, back)| x[sizes[0] - 1] * back[sizes[1] - 1]).sum();
    let found = *gradients[0].last().expect("weights");
    let is_right = (found - expected).abs() <= 1e-4 * expected.abs();
    assert!(is_right, "{found} in place of {expected}");
    options.print("gemm", common::version("gemm", include_str!("../Cargo.lock")), step_us);
}
