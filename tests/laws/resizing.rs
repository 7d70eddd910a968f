//! Pooling and upsampling against their definitions, element by element, and as parts of models.

use autoencoder::activation::{Identity, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::layer::{Any, AnyPart, FixedMap, Interpolation, Pass, Sides, TangentPass};
use autoencoder::layer::{DualViewMut, Upsampling};
use autoencoder::random::seeded;
use autoencoder::regularizer::Contractive;
use autoencoder::size::{DynImage, DynWindow, Image, Size, Window};
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

/// y, and dx of dy = 1, 2, 3, … by PyTorch 2.15:
///
/// ```text
/// import torch, torch.nn.functional as F
/// torch.set_default_dtype(torch.float64)
/// x = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4,
///                   6, 2, 6, 4, 3, 3, 8, 3, 2, 7, 9, 5, 0, 2, 8, 8, 4, 1, 9, 7.]).reshape(2, 4, 5)
/// def show(f, x):
///     x = x.clone().requires_grad_()
///     y = f(x)
///     y.backward(torch.arange(1., y.numel() + 1).reshape(y.shape))
///     print(y.flatten().tolist(), x.grad.flatten().tolist())
/// show(lambda x: F.avg_pool2d(x, 2, ceil_mode=True), x)
/// show(lambda x: F.avg_pool2d(x, 2), x)
/// show(lambda x: F.max_pool2d(x, 2, ceil_mode=True), x)
/// show(lambda x: F.max_pool2d(x, 2, 1), x)
/// show(lambda x: F.interpolate(x[None], (4, 6), mode='nearest')[0], x[:, :2, :3])
/// show(lambda x: F.interpolate(x[None], (4, 9), mode='bilinear', align_corners=False)[0], x[:, :2, :3])
/// steps = x.flatten()[:10].reshape(5, 2)  # of 2 channels
/// show(lambda x: F.avg_pool1d(x.T, 2, ceil_mode=True).T, steps)
/// show(lambda x: F.max_pool1d(x.T, 2, ceil_mode=True).T, steps)
/// show(lambda x: F.interpolate(x.T[None], 10, mode='nearest')[0].T, steps)
/// show(lambda x: F.interpolate(x.T[None], 10, mode='linear', align_corners=False)[0].T, steps)
/// ```
#[test]
fn numbers_are_those_of_pytorch() {
    type Large = Image<2, 4, 5>;
    type Small = Image<2, 2, 3>;
    type Steps = Window<2, 5>;
    const X: [f64; 40] = [
        3., 1., 4., 1., 5., 9., 2., 6., 5., 3., 5., 8., 9., 7., 9., 3., 2., 3., 8., 4., //
        6., 2., 6., 4., 3., 3., 8., 3., 2., 7., 9., 5., 0., 2., 8., 8., 4., 1., 9., 7.,
    ];
    let small: Vec<f64> = [0, 1, 2, 5, 6, 7, 20, 21, 22, 25, 26, 27].map(|at| X[at]).to_vec();
    fn compare(layer: &dyn Layer<f64>, x: &[f64], y: &[f64], dx: &[f64]) {
        layer.check_sizes().unwrap();
        let run = Passes { layer, samples: 1, before: 0.0 };
        let dy: Vec<f64> = (1..=y.len()).map(|n| n as f64).collect();
        for (found, expected) in [(run.forward(&[], x), y), (run.backward(&[], x, &dy), dx)] {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} for {expected}: {layer:?}");
            }
        }
    }
    compare(
        &AveragePool2d::<Large, Small, 2>::new(),
        &X,
        &[3.75, 4., 4., 4.5, 6.75, 6.5, 4.75, 3.75, 5., 6.5, 3., 7.5],
        &[
            0.25, 0.25, 0.5, 0.5, 1.5, 0.25, 0.25, 0.5, 0.5, 1.5, 1., 1., 1.25, 1.25, 3., 1., 1.,
            1.25, 1.25, 3., 1.75, 1.75, 2., 2., 4.5, 1.75, 1.75, 2., 2., 4.5, 2.5, 2.5, 2.75, 2.75,
            6., 2.5, 2.5, 2.75, 2.75, 6.,
        ],
    );
    compare(
        &AveragePool2d::<Large, Image<2, 2, 2>, 2>::new(),
        &X,
        &[3.75, 4., 4.5, 6.75, 4.75, 3.75, 6.5, 3.],
        &[
            0.25, 0.25, 0.5, 0.5, 0., 0.25, 0.25, 0.5, 0.5, 0., 0.75, 0.75, 1., 1., 0., 0.75, 0.75,
            1., 1., 0., 1.25, 1.25, 1.5, 1.5, 0., 1.25, 1.25, 1.5, 1.5, 0., 1.75, 1.75, 2., 2., 0.,
            1.75, 1.75, 2., 2., 0.,
        ],
    );
    compare(
        &MaxPool2d::<Large, Small, 2>::new(),
        &X,
        &[9., 6., 5., 8., 9., 9., 8., 6., 7., 9., 9., 8.],
        &[
            0., 0., 0., 0., 3., 1., 0., 2., 0., 0., 0., 4., 5., 0., 6., 0., 0., 0., 0., 0., 0., 0.,
            8., 0., 0., 0., 7., 0., 0., 9., 10., 0., 0., 0., 12., 0., 0., 0., 11., 0.,
        ],
    );
    compare(
        &MaxPool2d::<Large, Image<2, 3, 4>, 2>::new(),
        &X,
        &[
            9., 6., 6., 5., 9., 9., 9., 9., 8., 9., 9., 9., 8., 8., 6., 7., 9., 8., 3., 8., 9., 5.,
            9., 9.,
        ],
        &[
            0., 0., 0., 0., 4., 6., 0., 5., 0., 0., 0., 9., 34., 0., 20., 0., 0., 0., 0., 0., 0.,
            0., 15., 0., 0., 0., 45., 19., 0., 16., 38., 22., 0., 0., 20., 0., 0., 0., 47., 0.,
        ],
    );
    compare(
        &Upsample2d::<Small, Image<2, 4, 6>>::nearest(),
        &small,
        &[
            3., 3., 1., 1., 4., 4., 3., 3., 1., 1., 4., 4., 9., 9., 2., 2., 6., 6., 9., 9., 2., 2.,
            6., 6., 6., 6., 2., 2., 6., 6., 6., 6., 2., 2., 6., 6., 3., 3., 8., 8., 3., 3., 3., 3.,
            8., 8., 3., 3.,
        ],
        &[18., 26., 34., 66., 74., 82., 114., 122., 130., 162., 170., 178.],
    );
    compare(
        &Upsample2d::<Small, Image<2, 4, 9>>::bilinear(),
        &small,
        &[
            3.,
            3.,
            2.3333333333333335,
            1.6666666666666667,
            1.,
            1.9999999999999998,
            2.9999999999999996,
            4.,
            4.,
            4.5,
            4.5,
            3.4166666666666665,
            2.3333333333333335,
            1.25,
            2.333333333333333,
            3.416666666666666,
            4.5,
            4.5,
            7.5,
            7.5,
            5.583333333333333,
            3.6666666666666665,
            1.75,
            2.9999999999999996,
            4.249999999999999,
            5.5,
            5.5,
            9.,
            9.,
            6.666666666666667,
            4.333333333333333,
            2.,
            3.333333333333333,
            4.666666666666666,
            6.,
            6.,
            6.,
            6.,
            4.666666666666667,
            3.3333333333333335,
            2.,
            3.333333333333333,
            4.666666666666666,
            6.,
            6.,
            5.25,
            5.25,
            4.666666666666666,
            4.083333333333333,
            3.5,
            4.083333333333333,
            4.666666666666666,
            5.25,
            5.25,
            3.75,
            3.75,
            4.666666666666666,
            5.583333333333334,
            6.5,
            5.583333333333333,
            4.666666666666667,
            3.75,
            3.75,
            3.,
            3.,
            4.666666666666666,
            6.333333333333333,
            8.,
            6.333333333333334,
            4.666666666666668,
            3.,
            3.,
        ],
        &[
            46.41666666666667,
            63.75,
            81.08333333333333,
            140.91666666666669,
            158.25000000000003,
            175.58333333333331,
            262.41666666666663,
            279.74999999999994,
            297.0833333333333,
            356.9166666666667,
            374.24999999999994,
            391.5833333333333,
        ],
    );
    compare(
        &AveragePool1d::<Steps, Window<2, 3>, 2>::new(),
        &X[..10],
        &[3.5, 1., 3.5, 7.5, 5., 3.],
        &[0.5, 1., 0.5, 1., 1.5, 2., 1.5, 2., 5., 6.],
    );
    compare(
        &MaxPool1d::<Steps, Window<2, 3>, 2>::new(),
        &X[..10],
        &[4., 1., 5., 9., 5., 3.],
        &[0., 2., 1., 0., 3., 4., 0., 0., 5., 6.],
    );
    compare(
        &Upsample1d::<Steps, Window<2, 10>>::nearest(),
        &X[..10],
        &[3., 1., 3., 1., 4., 1., 4., 1., 5., 9., 5., 9., 2., 6., 2., 6., 5., 3., 5., 3.],
        &[4., 6., 12., 14., 20., 22., 28., 30., 36., 38.],
    );
    compare(
        &Upsample1d::<Steps, Window<2, 10>>::linear(),
        &X[..10],
        &[
            3., 1., 3.25, 1., 3.75, 1., 4.25, 3., 4.75, 7., 4.25, 8.25, 2.75, 6.75, 2.75, 5.25,
            4.25, 3.75, 5., 3.,
        ],
        &[4.5, 6.5, 12., 14., 20., 22., 28., 30., 35.5, 37.5],
    );
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

/// Values of samples of this shape, between 0 and 1.
fn batch<S: Size>(size: S, samples: usize) -> Batch<f64, S> {
    let rng = &mut seeded(3);
    let values = (0..size.value() * samples).map(|_| rng.random::<f64>()).collect();
    Batch::new(size, values).unwrap()
}

/// All that is asked of a model: gradients, determinism, files, threads, parts.
#[test]
fn models_that_pool_keep_the_contract() {
    type Whole = Image<1, 6, 5>;
    type Maps = Image<2, 6, 5>;
    type Half = Image<2, 3, 3>;
    let data = batch(Image::<1, 6, 5>, 5);
    let average = || {
        AutoEncoder::builder()
            .encoder(
                Conv2d::<Whole, Maps, 3>::new(Softplus)
                    .then(AveragePool2d::<Maps, Half, 2>::new())
                    .then(Dense::<18, 3>::new(Tanh)),
            )
            .decoder(
                Dense::<3, 15>::new(Tanh)
                    .then(Upsample2d::<Image<1, 3, 5>, Whole>::bilinear())
                    .then(Conv2d::<Whole, Whole, 3>::new(Identity)),
            )
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(average, &data).assert();
    let largest = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Conv2d::<Whole, Maps, 3>::new(Tanh).then(MaxPool2d::<Maps, Half, 2>::new()),
                Dense::<18, 2>::new(Identity),
                Dense::<18, 2>::new(Identity),
            ))
            .decoder(
                Dense::<2, 5>::new(Tanh)
                    .then(Upsample2d::<Image<1, 1, 5>, Whole>::nearest())
                    .then(Conv2d::<Whole, Whole, 3>::new(Sigmoid)),
            )
            .build::<f64>()
            .unwrap()
    };
    contract::model(largest, &data).assert();
    let windows = || {
        AutoEncoder::builder()
            .encoder(MaxPool1d::<Window<2, 8>, Window<2, 7>, 2>::new().then(AveragePool1d::<
                Window<2, 7>,
                Window<2, 4>,
                2,
            >::new()))
            .decoder(Conv1d::<Window<2, 4>, Window<2, 4>, 3>::new(Tanh).then(Upsample1d::<
                Window<2, 4>,
                Window<2, 8>,
            >::linear(
            )))
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(windows, &batch(Window::<2, 8>, 4)).assert();
    let boxed = || {
        let layers: [Any<f64>; 3] = [
            Dense::dynamic(30, 8, Tanh).boxed(),
            MaxPool1d::between(Window::<2, 4>, Window::<2, 2>, 2).boxed(),
            Upsample1d::between(Window::<2, 2>, Window::<2, 4>, Interpolation::Nearest).boxed(),
        ];
        AutoEncoder::builder()
            .encoder(Any::of(layers).unwrap())
            .decoder(Dense::dynamic(8, 30, Identity).boxed::<f64>())
            .build::<f64>()
            .unwrap()
    };
    contract::model(boxed, &data.into_dynamic()).assert();
}

/// A part of a trained model goes on as it was, its layers without weights too.
#[test]
fn trained_parts_pool_alike() {
    let model = AutoEncoder::builder()
        .encoder(
            MaxPool2d::<Image<1, 4, 4>, Image<1, 2, 2>, 2>::new().then(Dense::<4, 2>::new(Tanh)),
        )
        .decoder(
            Dense::<2, 4>::new(Tanh).then(Upsample2d::<Image<1, 2, 2>, Image<1, 4, 4>>::nearest()),
        )
        .build::<f64>()
        .unwrap();
    let again = AutoEncoder::builder()
        .encoder(model.trained_encoder())
        .decoder(model.trained_decoder())
        .build::<f64>()
        .unwrap();
    let data = batch(Image::<1, 4, 4>, 6);
    assert_eq!(model.reconstruct(&data).unwrap(), again.reconstruct(&data).unwrap());
}

/// Divided among threads, the bits are the same.
#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_threads() {
    let model = AutoEncoder::builder()
        .encoder(MaxPool2d::<Image<2, 28, 28>, Image<2, 14, 14>, 2>::new().then(AveragePool2d::<
            Image<2, 14, 14>,
            Image<2, 7, 7>,
            2,
        >::new()))
        .decoder(Upsample2d::<Image<2, 7, 7>, Image<2, 28, 28>>::bilinear())
        .build::<f32>()
        .unwrap();
    let rng = &mut seeded(3);
    let values = (0..2 * 784 * 301).map(|_| rng.random::<f32>()).collect();
    let data = Batch::new(Image::<2, 28, 28>, values).unwrap();
    let alone = model.reconstruct(&data).unwrap();
    let threads = Threads::new(3).unwrap();
    assert_eq!(threads.run(|| model.reconstruct(&data).unwrap()), alone);
    for (x, y) in data.iter().zip(alone.iter()) {
        assert_eq!(model.reconstruct_one(x).unwrap(), y);
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let image = |channels, height, width| DynImage { channels, height, width };
    let average = |from, to, window: Sides| AveragePool2d::between(from, to, window);
    let refused = |layer: &dyn Module| layer.check_sizes().unwrap_err().to_string();
    let two = Sides::from(2);
    assert!(refused(&average(image(2, 8, 8), image(2, 3, 4), two)).contains("stride"));
    assert!(refused(&average(image(2, 3, 8), image(2, 2, 4), two)).contains("stride"));
    assert_eq!(average(image(2, 3, 8), image(2, 2, 4), two).stride((1, 2)).check_sizes(), Ok(()));
    assert_eq!(average(image(2, 3, 8), image(2, 3, 4), (1, 2).into()).check_sizes(), Ok(()));
    assert!(refused(&average(image(2, 8, 8), image(3, 4, 4), two)).contains("channels"));
    assert!(refused(&average(image(0, 8, 8), image(0, 4, 4), two)).contains("channels"));
    assert!(refused(&average(image(2, 8, 0), image(2, 4, 0), two)).contains("columns"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), 0.into())).contains("window"));
    assert!(refused(&average(image(2, 8, 8), image(2, 1, 1), 9.into())).contains("no longer"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), two).stride(0)).contains("stride"));
    assert!(refused(&average(image(2, 8, 8), image(2, 4, 4), two).stride(3)).contains("stride"));
    let endless = average(image(2, 8, 8), image(2, 4, 4), two).stride(usize::MAX);
    assert!(refused(&endless).contains("stride"));
    assert!(refused(&average(image(usize::MAX, 8, 8), image(2, 4, 4), two)).contains("2²⁰"));
    let long = |steps| DynWindow { channels: 1, steps };
    let wide = MaxPool1d::between(long(1 << 20), long((1 << 19) + 1), 1 << 19);
    assert!(refused(&wide).contains("2²⁴"));
    let largest = MaxPool2d::between(image(2, 8, 8), image(2, 3, 4), 2);
    assert!(refused(&largest).contains("stride"));
    let upsample = |from, to| Upsample2d::between(from, to, Interpolation::Linear);
    assert!(refused(&upsample(image(2, 4, 4), image(2, 8, 9))).contains("multiple"));
    assert!(refused(&upsample(image(2, 4, 4), image(2, 2, 4))).contains("multiple"));
    assert!(refused(&upsample(image(2, 4, 4), image(1, 8, 8))).contains("channels"));
    assert!(refused(&upsample(image(2, 0, 4), image(2, 0, 8))).contains("rows"));
    assert!(refused(&upsample(image(1 << 20, 1 << 15, 1 << 15), image(1, 1, 1))).contains("2⁴⁸"));
    let built = AutoEncoder::builder()
        .encoder(average(image(2, 8, 8), image(2, 3, 4), two))
        .decoder(upsample(image(2, 3, 4), image(2, 6, 8)))
        .build::<f64>();
    assert!(matches!(built.map(|_| ()), Err(Error::Unfit { .. })));
}

/// What can be set is in the file, which another model refuses.
#[cfg(feature = "safetensors")]
#[test]
fn files_of_other_windows_are_refused() {
    let size = |side| DynImage { channels: 1, height: side, width: side };
    let model = |window: usize, is_largest: bool, interpolation| {
        let (from, to) = (size(7), size(3));
        let pool: Any<f64> = if is_largest {
            MaxPool2d::between(from, to, window).stride(2).boxed()
        } else {
            AveragePool2d::between(from, to, window).stride(2).boxed()
        };
        let decoder = Dense::dynamic(9, 4, Relu).then(
            Any::of([
                Upsample2d::between(size(2), size(14), interpolation).boxed(),
                Dense::dynamic(196, 49, Identity).boxed(),
            ])
            .unwrap(),
        );
        AutoEncoder::builder().encoder(pool).decoder(decoder.boxed()).build::<f64>().unwrap()
    };
    let file = std::env::temp_dir().join(format!("resizing-{}.safetensors", std::process::id()));
    let saved = model(3, true, Interpolation::Nearest);
    saved.save(&file).unwrap();
    let load = |mut model: AutoEncoder<Any<f64>, Any<f64>, NoRegularizer, SquaredError, f64>| {
        model.load(&file)
    };
    assert_eq!(load(model(3, true, Interpolation::Nearest)), Ok(()));
    for other in [
        model(2, true, Interpolation::Nearest),
        model(3, false, Interpolation::Nearest),
        model(3, true, Interpolation::Linear),
    ] {
        assert!(load(other).is_err());
    }
    std::fs::remove_file(&file).unwrap();
}
