//! Pooling and upsampling against their definitions, element by element.

use autoencoder::layer::{
    DualViewMut, FixedMap, Interpolation, Pass, Sides, TangentPass, Upsampling,
};
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, DynWindow, Image, Window};
use autoencoder::*;
use common::passes::Passes;
use rand::{Rng, RngExt};

/// What is done to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Average,
    Largest,
    Nearest,
    Linear,
}
use Kind::{Average, Largest, Linear, Nearest};

/// A layer, as its formula says it.
#[derive(Debug, Clone, Copy)]
struct Case {
    kind: Kind,
    channels: usize,
    inputs: Sides,
    outputs: Sides,
    kernel: Sides,
    stride: Sides,
    is_window: bool,
}

/// How many outputs PyTorch has: rounded down, or up if the last window begins inside.
fn pooled(inputs: usize, kernel: usize, stride: usize, is_rounded_up: bool) -> usize {
    let whole = (inputs - kernel) / stride + 1;
    let is_cut =
        is_rounded_up && !(inputs - kernel).is_multiple_of(stride) && whole * stride < inputs;
    whole + usize::from(is_cut)
}

impl Case {
    /// One by chance.
    fn draw(rng: &mut dyn Rng, kind: Kind) -> Self {
        let is_window = rng.random_range(0..3) == 0;
        let mut sides = |most: usize| Sides {
            rows: rng.random_range(1..=most),
            columns: rng.random_range(1..=most),
        };
        let (mut inputs, mut kernel, mut stride) = (sides(11), sides(4), sides(5));
        let is_rounded_up = rng.random::<bool>();
        kernel.rows = kernel.rows.min(inputs.rows);
        kernel.columns = kernel.columns.min(inputs.columns);
        if is_window {
            [inputs.rows, kernel.rows, stride.rows] = [1, 1, 1];
        }
        let channels = rng.random_range(1..=4);
        let outputs = match kind {
            Average | Largest => Sides {
                rows: pooled(inputs.rows, kernel.rows, stride.rows, is_rounded_up),
                columns: pooled(inputs.columns, kernel.columns, stride.columns, is_rounded_up),
            },
            Nearest | Linear => {
                Sides { rows: inputs.rows * stride.rows, columns: inputs.columns * stride.columns }
            }
        };
        Self { kind, channels, inputs, outputs, kernel, stride, is_window }
    }

    fn layer<T: Float>(&self) -> Box<dyn Layer<T>> {
        let Self { kind, inputs, outputs, kernel, stride, is_window, .. } = *self;
        macro_rules! between {
            ($size:expr, $average:ident, $max:ident, $upsample:ident) => {{
                let (from, to) = ($size(inputs), $size(outputs));
                match kind {
                    Average => Box::new($average::between(from, to, kernel).stride(stride)),
                    Largest => Box::new($max::between(from, to, kernel).stride(stride)),
                    Nearest => Box::new($upsample::between(from, to, Interpolation::Nearest)),
                    Linear => Box::new($upsample::between(from, to, Interpolation::Linear)),
                }
            }};
        }
        let channels = self.channels;
        if is_window {
            let size = |sides: Sides| DynWindow { channels, steps: sides.columns };
            return between!(size, AveragePool1d, MaxPool1d, Upsample1d);
        }
        let size = |sides: Sides| DynImage { channels, height: sides.rows, width: sides.columns };
        between!(size, AveragePool2d, MaxPool2d, Upsample2d)
    }

    /// The place of a value.
    fn at(&self, sides: Sides, channel: usize, row: usize, column: usize) -> usize {
        if self.is_window {
            column * self.channels + channel
        } else {
            (channel * sides.rows + row) * sides.columns + column
        }
    }

    /// For each output the inputs that it is made of, row by row, and their weights.
    fn terms(&self) -> Vec<Vec<(usize, f64)>> {
        let Self { kind, channels, inputs, outputs, kernel, stride, .. } = *self;
        let mut terms = vec![Vec::new(); channels * outputs.rows * outputs.columns];
        for c in 0..channels {
            for (i, j) in (0..outputs.rows).flat_map(|i| (0..outputs.columns).map(move |j| (i, j)))
            {
                let of_output = &mut terms[self.at(outputs, c, i, j)];
                let mut add = |row, column, weight| {
                    of_output.push((self.at(inputs, c, row, column), weight));
                };
                match kind {
                    Average | Largest => {
                        for (a, b) in
                            (0..kernel.rows).flat_map(|a| (0..kernel.columns).map(move |b| (a, b)))
                        {
                            let (row, column) = (i * stride.rows + a, j * stride.columns + b);
                            if row < inputs.rows && column < inputs.columns {
                                add(row, column, 1.0);
                            }
                        }
                        if kind == Average {
                            let count = of_output.len() as f64;
                            of_output.iter_mut().for_each(|(_, weight)| *weight /= count);
                        }
                    }
                    Nearest => add(i / stride.rows, j / stride.columns, 1.0),
                    Linear => {
                        // PyTorch's `area_pixel_compute_source_index`, with a negative one held at 0.
                        let between = |output: usize, times: usize, inputs: usize| {
                            let place = ((output as f64 + 0.5) / times as f64 - 0.5).max(0.0);
                            let (low, behind) = (place.floor() as usize, place.fract());
                            [(low, 1.0 - behind), ((low + 1).min(inputs - 1), behind)]
                        };
                        for (row, of_row) in between(i, stride.rows, inputs.rows) {
                            for (column, of_column) in between(j, stride.columns, inputs.columns) {
                                add(row, column, of_row * of_column);
                            }
                        }
                    }
                }
            }
        }
        terms
    }

    /// The same with what is largest alone, the first of several.
    fn chosen(&self, x: &[f64]) -> Vec<Vec<(usize, f64)>> {
        let mut terms = self.terms();
        if self.kind == Largest {
            for terms in &mut terms {
                let largest = terms.iter().map(|&(input, _)| x[input]).fold(f64::MIN, f64::max);
                terms.retain(|&(input, _)| x[input] == largest);
                terms.truncate(1);
            }
        }
        terms
    }
}

fn draw<T: Float>(rng: &mut dyn Rng, len: usize) -> Vec<T> {
    (0..len).map(|_| T::draw_normal(rng)).collect()
}

/// All four passes of a case in a number type, for so many samples. `is_coarse`: of inputs many are equal.
fn check<T: Float>(
    case: &Case,
    samples: usize,
    rng: &mut dyn Rng,
    is_coarse: bool,
    tolerance: f64,
) {
    let layer = case.layer::<T>();
    layer.check_sizes().unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let (inputs, outputs) = (layer.num_inputs(), layer.num_outputs());
    let mut x: Vec<T> = draw(rng, inputs * samples);
    if is_coarse {
        x.iter_mut().for_each(|x| *x = x.round());
    }
    let v: Vec<T> = draw(rng, x.len());
    let (mut dy, mut d_jv): (Vec<T>, Vec<T>) =
        (draw(rng, outputs * samples), draw(rng, outputs * samples));
    let double = |all: &[T]| -> Vec<f64> { all.iter().map(|x| x.to_double()).collect() };
    let of = [double(&x), double(&v), double(&dy), double(&d_jv)];
    let mut expected =
        [vec![0.0; dy.len()], vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; x.len()]];
    for n in 0..samples {
        let terms = case.chosen(&of[0][n * inputs..][..inputs]);
        for (output, terms) in terms.iter().enumerate() {
            for &(input, weight) in terms {
                let (input, output) = (n * inputs + input, n * outputs + output);
                expected[0][output] += weight * of[0][input];
                expected[1][output] += weight * of[1][input];
                expected[2][input] += weight * of[2][output];
                expected[3][input] += weight * of[3][output];
            }
        }
    }
    let nan = T::of(f64::NAN);
    let mut found = expected.each_ref().map(|all| vec![nan; all.len()]);
    let [y, jv, dx, dv] = &mut found;
    let (x, v) = (BatchView::new(&x, inputs), BatchView::new(&v, inputs));
    layer.forward(&[], x, BatchViewMut::new(y, outputs), &mut [], &mut []);
    let pass = Pass { parameters: &[], x, y: BatchView::new(y, outputs), tape: &[] };
    layer.tangent(pass, v, BatchViewMut::new(jv, outputs), &mut [], &mut []);
    let (mut to_x, mut also_dx) = (BatchViewMut::new(dx, inputs), vec![nan; inputs * samples]);
    layer.backward(
        pass,
        BatchViewMut::new(&mut dy.clone(), outputs),
        Some(to_x.reborrow()),
        None,
        &mut [],
    );
    let tangent = TangentPass { v, tape: &[] };
    let d = DualViewMut {
        value: BatchViewMut::new(&mut dy, outputs),
        tangent: BatchViewMut::new(&mut d_jv, outputs),
    };
    let d_input = DualViewMut {
        value: BatchViewMut::new(&mut also_dx, inputs),
        tangent: BatchViewMut::new(dv, inputs),
    };
    layer.tangent_backward(pass, tangent, d, Some(d_input), &mut [], &mut []);
    assert_eq!(also_dx, found[2], "{case:?}");
    for (what, (found, expected)) in ["y", "jv", "dx", "dv"].iter().zip(found.iter().zip(&expected))
    {
        for (found, &expected) in found.iter().zip(expected) {
            let error = (found.to_double() - expected).abs();
            assert!(error <= tolerance, "{what} of {case:?}: {found} for {expected}");
        }
    }
}

/// Sides of any kind, windows that overlap, leave gaps, leave a rest out, are cut short; equal inputs.
#[test]
fn each_layer_is_its_formula() {
    let rng = &mut seeded(31);
    let (mut windows, mut cut, mut rests, mut overlaps, mut gaps, mut pairs) = (0, 0, 0, 0, 0, 0);
    for number in 0..800 {
        let kind = [Average, Largest, Nearest, Linear][number % 4];
        let case = Case::draw(rng, kind);
        let samples = 1 + number % 7;
        check::<f64>(&case, samples, rng, number % 8 < 4, 1e-12);
        check::<f32>(&case, samples, rng, number % 8 < 4, 1e-5);
        windows += usize::from(case.is_window);
        if number % 4 < 2 {
            let Case { inputs, outputs, kernel, stride, .. } = case;
            let read = (outputs.columns - 1) * stride.columns + kernel.columns;
            cut += usize::from(read > inputs.columns);
            rests += usize::from(read < inputs.columns);
            overlaps += usize::from(stride.columns < kernel.columns && outputs.columns > 1);
            gaps += usize::from(stride.columns > kernel.columns && outputs.columns > 1);
        }
    }
    // Two by two, which has loops of its own, at widths with and without a rest of the vectors.
    for kind in [Average, Largest, Nearest, Linear] {
        for is_window in [false, true] {
            for (number, side) in [1, 2, 3, 5, 8, 14, 17].into_iter().enumerate() {
                let rows = if is_window { 1 } else { 1 + number };
                let small = Sides { rows, columns: side };
                let two = Sides { rows: if is_window { 1 } else { 2 }, columns: 2 };
                let large = Sides { rows: rows * two.rows, columns: 2 * side };
                let (inputs, outputs) =
                    if matches!(kind, Average | Largest) { (large, small) } else { (small, large) };
                for channels in [1, 3, 16] {
                    let case = Case {
                        kind,
                        channels,
                        inputs,
                        outputs,
                        kernel: two,
                        stride: two,
                        is_window,
                    };
                    check::<f64>(&case, 3, rng, channels == 3, 1e-12);
                    check::<f32>(&case, 3, rng, channels == 3, 1e-5);
                    pairs += 1;
                }
            }
        }
    }
    let least = [windows, cut, rests, overlaps, gaps, pairs].into_iter().min();
    assert!(least >= Some(20), "{windows} {cut} {rests} {overlaps} {gaps} {pairs}");
}

/// Without a stride that is said, the sizes tell the same.
#[test]
fn sizes_tell_the_stride() {
    let x: Vec<f64> = draw(&mut seeded(2), 49);
    let forward = |layer: &dyn Layer<f64>| {
        layer.check_sizes().unwrap();
        Passes { layer, samples: 1, before: 0.0 }.forward(&[], &x)
    };
    type Seven = Image<1, 7, 7>;
    let between = |side| DynImage { channels: 1, height: side, width: side };
    let said = |side| AveragePool2d::between(between(7), between(side), 2).stride(2);
    assert_eq!(forward(&AveragePool2d::<Seven, Image<1, 4, 4>, 2>::new()), forward(&said(4)));
    assert_eq!(forward(&AveragePool2d::<Seven, Image<1, 3, 3>, 2>::new()), forward(&said(3)));
    let neighbours = AveragePool2d::between(between(7), between(6), 2).stride(1);
    assert_eq!(forward(&AveragePool2d::<Seven, Image<1, 6, 6>, 2>::new()), forward(&neighbours));
    let said = |stride| MaxPool2d::between(between(7), between(3), 3).stride(stride);
    assert_ne!(forward(&said(2)), forward(&said(3)));
    let mean = forward(&AveragePool2d::<Seven, Image<1, 1, 1>, 7>::new())[0];
    assert!((mean - x.iter().sum::<f64>() / 49.0).abs() < 1e-14);
}

/// PyTorch gives the gradient of equals to the first, too, and NaN where there is one.
#[test]
fn the_first_of_equals_has_the_gradient() {
    let image = MaxPool2d::<Image<1, 4, 2>, Image<1, 2, 1>, 2>::new();
    let gradient = |layer: &dyn Layer<f64>, x: &[f64]| {
        let run = Passes { layer, samples: 1, before: 0.0 };
        run.backward(&[], x, &vec![1.0; layer.num_outputs()])
    };
    let found = gradient(&image, &[2.0, 2.0, 2.0, 2.0, 1.0, 3.0, 3.0, 0.0]);
    assert_eq!(found, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // By rows: the upper right one before the lower left one; −0 is as large as 0.
    let wide = MaxPool2d::<Image<1, 3, 3>, Image<1, 1, 1>, 3>::new();
    let found = gradient(&wide, &[-1.0, -1.0, -0.0, 0.0, -1.0, -1.0, -1.0, -1.0, 0.0]);
    assert_eq!(found, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let steps = MaxPool1d::<Window<2, 2>, Window<2, 1>, 2>::new();
    assert_eq!(gradient(&steps, &[1.0, 1.0, 1.0, 2.0]), [1.0, 0.0, 0.0, 1.0]);
    for at in 0..4 {
        let mut x = [1.0; 8];
        x[at] = f64::NAN;
        let y = Passes { layer: &image, samples: 1, before: 0.0 }.forward(&[], &x);
        assert!(y[0].is_nan() && y[1] == 1.0, "{at}: {y:?}");
        // What comes back is not lost.
        assert_eq!(gradient(&image, &x).iter().sum::<f64>(), 2.0);
    }
}

/// ⟨W x, dy⟩ = ⟨x, Wᵀ dy⟩, by the map itself.
#[test]
fn the_way_back_is_the_adjoint() {
    let rng = &mut seeded(4);
    let layer = Upsample2d::<Image<3, 5, 4>, Image<3, 10, 12>>::bilinear();
    let map: &Upsampling = layer.map();
    let (x, dy): (Vec<f64>, Vec<f64>) = (draw(rng, 60), draw(rng, 360));
    let (mut y, mut dx) = (vec![f64::NAN; 360], vec![f64::NAN; 60]);
    map.apply(BatchView::new(&x, 60), BatchViewMut::new(&mut y, 360));
    map.pull_back(BatchView::new(&dy, 360), BatchViewMut::new(&mut dx, 60));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-12);
}
