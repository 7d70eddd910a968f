//! Convolutions against their definition, element by element, and as parts of models.

use autoencoder::activation::{Identity, Sigmoid, Softplus, Tanh};
use autoencoder::layer::{Convolution, Linear, Sides};
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, DynWindow, Image, Window};
use autoencoder::{
    AutoEncoder, Batch, BatchView, BatchViewMut, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d,
    Dense, Float, Gaussian, Module, Then, Tied, contract,
};
use rand::{Rng, RngExt};

/// A convolution, as its formula says it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    channels: (usize, usize),
    inputs: Sides,
    outputs: Sides,
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    dilation: Sides,
    groups: usize,
    is_window: bool,
}

/// How many outputs PyTorch's formula gives.
fn outputs(inputs: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> usize {
    let room = (inputs + 2 * padding).checked_sub(dilation * (kernel - 1) + 1);
    room.map_or(0, |room| room / stride + 1)
}

impl Case {
    /// One by chance, with sides up to so many; none where nothing would come out.
    pub fn draw(rng: &mut dyn Rng, most: usize) -> Option<Self> {
        let is_window = rng.random_range(0..3) == 0;
        let mut sides = |most: usize| Sides {
            rows: rng.random_range(1..=most),
            columns: rng.random_range(1..=most),
        };
        let (mut inputs, mut kernel, mut stride, mut dilation) =
            (sides(most), sides(4), sides(3), sides(3));
        let padding = sides(6);
        let mut padding = Sides { rows: padding.rows - 1, columns: padding.columns - 1 };
        let groups = rng.random_range(1..=3);
        let (from, to) = (rng.random_range(1..=3), rng.random_range(1..=1 + most));
        let channels = (groups * from, groups * to);
        if is_window {
            [inputs.rows, kernel.rows, stride.rows, dilation.rows, padding.rows] = [1, 1, 1, 1, 0];
        }
        let outputs = Sides {
            rows: outputs(inputs.rows, kernel.rows, stride.rows, padding.rows, dilation.rows),
            columns: outputs(
                inputs.columns,
                kernel.columns,
                stride.columns,
                padding.columns,
                dilation.columns,
            ),
        };
        let case = Self {
            channels,
            inputs,
            outputs,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            is_window,
        };
        (outputs.rows * outputs.columns > 0).then_some(case)
    }

    pub fn map(&self) -> Convolution {
        let Self { channels, inputs, outputs, kernel, stride, padding, dilation, groups, .. } =
            *self;
        macro_rules! map {
            ($layer:expr) => {
                $layer
                    .stride(stride)
                    .padding(padding)
                    .dilation(dilation)
                    .groups(groups)
                    .map()
                    .clone()
            };
        }
        if self.is_window {
            let size = |channels, sides: Sides| DynWindow { channels, steps: sides.columns };
            let (from, to) = (size(channels.0, inputs), size(channels.1, outputs));
            return map!(Conv1d::between(from, to, kernel, Identity));
        }
        let size = |channels, sides: Sides| DynImage {
            channels,
            height: sides.rows,
            width: sides.columns,
        };
        map!(Conv2d::between(size(channels.0, inputs), size(channels.1, outputs), kernel, Identity))
    }

    /// The place of a value.
    fn at(
        &self,
        channels: usize,
        sides: Sides,
        (channel, row, column): (usize, usize, usize),
    ) -> usize {
        if self.is_window {
            column * channels + channel
        } else {
            (channel * sides.rows + row) * sides.columns + column
        }
    }

    /// Runs over all products: the places of weight, input and output.
    pub fn products(&self, mut each: impl FnMut(usize, usize, usize)) {
        let Self { channels, inputs, outputs, kernel, stride, padding, dilation, groups, .. } =
            *self;
        let (from, to) = (channels.0 / groups, channels.1 / groups);
        for o in 0..channels.1 {
            for c in 0..from {
                for (a, b) in
                    (0..kernel.rows).flat_map(|a| (0..kernel.columns).map(move |b| (a, b)))
                {
                    let weight = o + channels.1 * ((c * kernel.rows + a) * kernel.columns + b);
                    for (i, j) in
                        (0..outputs.rows).flat_map(|i| (0..outputs.columns).map(move |j| (i, j)))
                    {
                        let row = (i * stride.rows + a * dilation.rows).checked_sub(padding.rows);
                        let column = (j * stride.columns + b * dilation.columns)
                            .checked_sub(padding.columns);
                        let (Some(row), Some(column)) = (row, column) else { continue };
                        if row < inputs.rows && column < inputs.columns {
                            let input =
                                self.at(channels.0, inputs, (o / to * from + c, row, column));
                            each(weight, input, self.at(channels.1, outputs, (o, i, j)));
                        }
                    }
                }
            }
        }
    }
}

fn draw<T: Float>(rng: &mut dyn Rng, len: usize) -> Vec<T> {
    (0..len).map(|_| T::draw_normal(rng)).collect()
}

/// All three passes of a case in a number type, for so many samples.
fn check<T: Float>(case: &Case, samples: usize, rng: &mut dyn Rng, tolerance: f64) {
    let map = case.map();
    map.check_sizes().unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let (inputs, outputs) = (map.num_inputs(), map.num_outputs());
    let weights: Vec<T> = draw(rng, map.num_parameters());
    let (x, dy): (Vec<T>, Vec<T>) = (draw(rng, inputs * samples), draw(rng, outputs * samples));
    let before: Vec<T> = draw(rng, weights.len());
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    let mut dw: Vec<f64> = before.iter().map(|w| w.to_double()).collect();
    case.products(|weight, input, output| {
        for n in 0..samples {
            let (input, output) = (n * inputs + input, n * outputs + output);
            y[output] += weights[weight].to_double() * x[input].to_double();
            dx[input] += weights[weight].to_double() * dy[output].to_double();
            dw[weight] += x[input].to_double() * dy[output].to_double();
        }
    });
    let nan = T::of(f64::NAN);
    let scratch = &mut vec![nan; Linear::<T>::scratch_len(&map, samples)];
    let (x, dy) = (BatchView::new(&x, inputs), BatchView::new(&dy, outputs));
    let mut found = vec![nan; y.len()];
    map.apply(&weights, x, BatchViewMut::new(&mut found, outputs), scratch);
    let compare = |what: &str, found: &[T], expected: &[f64]| {
        for (found, &expected) in found.iter().zip(expected) {
            let error = (found.to_double() - expected).abs();
            assert!(error <= tolerance, "{what} of {case:?}: {found} for {expected}");
        }
    };
    compare("y", &found, &y);
    let mut found = vec![nan; dx.len()];
    map.pull_back(&weights, dy, BatchViewMut::new(&mut found, inputs), scratch);
    compare("dx", &found, &dx);
    let mut found = before.clone();
    map.add_weight_gradient(x, dy, T::ONE, &mut found, scratch);
    compare("dw", &found, &dw);
    let mut found = vec![nan; dw.len()];
    map.add_weight_gradient(x, dy, T::ZERO, &mut found, scratch);
    let alone: Vec<f64> = dw.iter().zip(&before).map(|(dw, w)| dw - w.to_double()).collect();
    compare("dw alone", &found, &alone);
}

/// One-pixel images, sides of any kind, strides that leave a rest, zeros wider than the kernel, groups, dilations.
#[test]
fn a_convolution_is_its_formula() {
    let rng = &mut seeded(19);
    let (mut cases, mut windows, mut rests, mut wide, mut pixels) = (0, 0, 0, 0, 0);
    while cases < 500 {
        let Some(case) = Case::draw(rng, 9) else { continue };
        // Sixteen go together, and eight or more that are left; others one by one.
        let samples = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 37][cases % 13];
        check::<f64>(&case, samples, rng, 1e-11);
        cases += 1;
        windows += usize::from(case.is_window);
        let Case { inputs, outputs, kernel, stride, padding, dilation, .. } = case;
        let read =
            (outputs.columns - 1) * stride.columns + dilation.columns * (kernel.columns - 1) + 1;
        rests += usize::from(read < inputs.columns + 2 * padding.columns);
        wide += usize::from(padding.columns > dilation.columns * (kernel.columns - 1));
        pixels += usize::from((inputs.rows, inputs.columns) == (1, 1));
    }
    let least = [windows, rests, wide, pixels].into_iter().min();
    assert!(least >= Some(5), "{windows} {rests} {wide} {pixels}");
}

/// Rows of every length, many channels, several images and shares together, in single precision too.
#[test]
fn a_large_convolution_is_its_formula() {
    let rng = &mut seeded(20);
    let mut cases = 0;
    while cases < 60 {
        let Some(case) = Case::draw(rng, 40) else { continue };
        check::<f64>(&case, 1 + cases % 19, rng, 1e-10);
        check::<f32>(&case, 1 + cases % 23, rng, 2e-3);
        cases += 1;
    }
}

/// What goes through beside others is the same to the bit as alone, in both directions.
#[test]
fn bits_do_not_depend_on_what_goes_beside() {
    let rng = &mut seeded(21);
    let mut cases = 0;
    while cases < 60 {
        let Some(case) = Case::draw(rng, 9) else { continue };
        bits_are_those_alone::<f64>(&case, [16, 24, 37][cases % 3], rng);
        bits_are_those_alone::<f32>(&case, [16, 24, 37][cases % 3], rng);
        cases += 1;
    }
}

fn bits_are_those_alone<T: Float>(case: &Case, samples: usize, rng: &mut dyn Rng) {
    let map = case.map();
    let (inputs, outputs) = (map.num_inputs(), map.num_outputs());
    let weights: Vec<T> = draw(rng, map.num_parameters());
    let (x, dy): (Vec<T>, Vec<T>) = (draw(rng, inputs * samples), draw(rng, outputs * samples));
    let scratch = &mut vec![T::ZERO; Linear::<T>::scratch_len(&map, samples)];
    let mut y = vec![T::ZERO; dy.len()];
    map.apply(&weights, BatchView::new(&x, inputs), BatchViewMut::new(&mut y, outputs), scratch);
    let mut dx = vec![T::ZERO; x.len()];
    let target = BatchViewMut::new(&mut dx, inputs);
    map.pull_back(&weights, BatchView::new(&dy, outputs), target, scratch);
    for sample in 0..samples {
        let (x, dx) = (&x[sample * inputs..][..inputs], &dx[sample * inputs..][..inputs]);
        let (y, dy) = (&y[sample * outputs..][..outputs], &dy[sample * outputs..][..outputs]);
        let mut alone = vec![T::ZERO; outputs];
        let target = BatchViewMut::new(&mut alone, outputs);
        map.apply(&weights, BatchView::new(x, inputs), target, scratch);
        assert_eq!(y, alone, "y of {case:?}");
        let mut alone = vec![T::ZERO; inputs];
        let target = BatchViewMut::new(&mut alone, inputs);
        map.pull_back(&weights, BatchView::new(dy, outputs), target, scratch);
        assert_eq!(dx, alone, "dx of {case:?}");
    }
}

/// Values of samples of this shape, between 0 and 1.
fn batch<S: autoencoder::size::Size>(size: S, samples: usize) -> Batch<f64, S> {
    let rng = &mut seeded(3);
    let values = (0..size.value() * samples).map(|_| rng.random::<f64>()).collect();
    Batch::new(size, values).unwrap()
}

/// All that is asked of a model: gradients, determinism, files, threads, parts.
#[test]
fn convolutional_models_keep_the_contract() {
    type Whole = Image<2, 7, 5>;
    type Half = Image<3, 4, 5>;
    let data = batch(Image::<2, 7, 5>, 5);
    let plain = || {
        AutoEncoder::builder()
            .encoder(Conv2d::<Whole, Half, 3>::new(Softplus).then(Dense::<60, 3>::new(Tanh)))
            .decoder(
                Dense::<3, 60>::new(Tanh).then(ConvTranspose2d::<Half, Whole, 3>::new(Identity)),
            )
            .build::<f64>()
            .unwrap()
    };
    contract::model(plain, &data).assert();
    let tied = || {
        let narrow = Conv2d::between(Image::<3, 4, 5>, Image::<2, 2, 3>, 3, Tanh).stride(2);
        AutoEncoder::builder()
            .encoder(Conv2d::<Whole, Half, 3>::new(Softplus).then(narrow))
            .decoder(Tied::new(Sigmoid))
            .build::<f64>()
            .unwrap()
    };
    contract::model(tied, &data).assert();
    let windows = || {
        AutoEncoder::builder()
            .encoder(Conv1d::<Window<2, 7>, Window<3, 4>, 3>::new(Tanh))
            .decoder(ConvTranspose1d::<Window<3, 4>, Window<2, 7>, 3>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    contract::model(windows, &batch(Window::<2, 7>, 4)).assert();
    let spread = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Conv2d::<Whole, Half, 3>::new(Softplus),
                Dense::<60, 2>::new(Identity),
                Dense::<60, 2>::new(Identity),
            ))
            .decoder(
                Dense::<2, 60>::new(Tanh).then(ConvTranspose2d::<Half, Whole, 3>::new(Identity)),
            )
            .build::<f64>()
            .unwrap()
    };
    contract::model(spread, &data).assert();
}

/// A code is the same to the bit whatever it is computed beside.
#[test]
fn bits_do_not_depend_on_the_batch() {
    let model = AutoEncoder::builder()
        .encoder(Conv2d::<Image<1, 28, 28>, Image<8, 14, 14>, 3>::new(Sigmoid))
        .decoder(ConvTranspose2d::<Image<8, 14, 14>, Image<1, 28, 28>, 3>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let rng = &mut seeded(3);
    let data = Batch::new(Image::<1, 28, 28>, (0..784 * 37).map(|_| rng.random::<f32>()).collect())
        .unwrap();
    let codes = model.encode(&data).unwrap();
    for (x, code) in data.iter().zip(codes.iter()) {
        assert_eq!(model.encode_one(x).unwrap(), code);
    }
}

/// What the sizes tell shows in the summary.
#[test]
fn a_summary_shows_stride_and_padding() {
    let (whole, half) = (Image::<1, 28, 28>, Image::<8, 14, 14>);
    let model = AutoEncoder::builder()
        .encoder(Conv2d::between(whole, half, 3, Tanh))
        .decoder(ConvTranspose2d::between(half, whole, 3, Identity))
        .build::<f64>()
        .unwrap();
    let summary = model.layout().to_string();
    let lines: Vec<&str> = summary.lines().rev().take(2).collect();
    let settings = "1×28×28 → 8×14×14, kernel 3×3, stride 2×2, padding 1×1, dilation 1×1, groups 1";
    assert_eq!(lines[1], format!("encoder.0: {settings}"));
    assert_eq!(lines[0], format!("decoder.0: back over {settings}"));
}

/// A net of PyTorch's with its weights: the fixture's script made it. Outputs, the loss and all gradients are the same.
#[test]
fn weights_of_pytorch_give_its_outputs_and_gradients() {
    let fixture = include_str!("../fixtures/torch_convolutions.json");
    let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let values = fixture[name].as_array().unwrap_or_else(|| panic!("{name}"));
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let across = Conv2d::between(Image::<3, 8, 6>, Image::<3, 8, 6>, 3, Tanh).dilation(2).groups(3);
    let mut model = AutoEncoder::builder()
        .encoder(
            Conv2d::<Image<1, 8, 6>, Image<3, 4, 3>, 3>::new(Tanh)
                .then(Conv2d::<Image<3, 4, 3>, Image<4, 4, 3>, 3>::new(Sigmoid))
                .then(Dense::<48, 5>::new(Identity)),
        )
        .decoder(
            Dense::<5, 48>::new(Tanh)
                .then(ConvTranspose2d::<Image<4, 4, 3>, Image<3, 8, 6>, 3>::new(Softplus))
                .then(across)
                .then(Conv2d::<Image<3, 8, 6>, Image<1, 8, 6>, 3>::new(Sigmoid)),
        )
        .build::<f64>()
        .unwrap();
    // Row by row there, column by column here.
    let turned = |prefix: &str| {
        let mut flat = Vec::new();
        for tensor in model.layout().tensors() {
            let values = numbers(&format!("{prefix}{}", tensor.name));
            let (rows, columns) = tensor.shape;
            assert_eq!(values.len(), rows * columns, "{}", tensor.name);
            flat.extend((0..rows * columns).map(|at| values[at % rows * columns + at / rows]));
        }
        flat
    };
    let (parameters, gradient) = (turned(""), turned("gradient."));
    model.set_parameters(&parameters).unwrap();
    let x = Batch::new(Image::<1, 8, 6>, numbers("x")).unwrap();
    let y = model.reconstruct(&x).unwrap();
    for (found, expected) in y.as_slice().iter().zip(numbers("y")) {
        assert!((found - expected).abs() <= 1e-12, "{found} for {expected}");
    }
    let mut found = vec![f64::NAN; gradient.len()];
    let loss = model.objective(&x, None, Some(&mut found)).unwrap().total();
    assert!((loss - fixture["loss"].as_f64().unwrap()).abs() <= 1e-12);
    for (found, expected) in found.iter().zip(&gradient) {
        assert!((found - expected).abs() <= 1e-12, "{found} for {expected}");
    }
}

/// A training has the same bits on any number of threads: all three maps are large enough to be divided.
#[cfg(feature = "parallel")]
#[test]
fn a_training_does_not_depend_on_the_threads() {
    use autoencoder::{Adam, Trainer};

    let (whole, half) = (Image::<1, 28, 28>, Image::<16, 14, 14>);
    let rng = &mut seeded(4);
    let data = (0..784 * 96).map(|_| rng.random::<f32>()).collect();
    let data = Batch::new(whole, data).unwrap();
    let trained = |threads: usize| {
        let mut model = AutoEncoder::builder()
            .encoder(Conv2d::between(whole, half, 3, Tanh))
            .decoder(ConvTranspose2d::between(half, whole, 3, Sigmoid))
            .build::<f32>()
            .unwrap();
        let trainer = Trainer::new(Adam::new(1e-2).unwrap()).batch_size(48).epochs(2);
        trainer.threads(threads).fit(&mut model, &data).unwrap();
        model.parameters().to_vec()
    };
    let alone = trained(1);
    for threads in [2, 3, 5] {
        assert_eq!(trained(threads), alone, "{threads} threads");
    }
}

/// A file has PyTorch's shapes; what does not show in them is compared too.
#[cfg(feature = "safetensors")]
#[test]
fn files_have_the_shapes_of_pytorch_and_the_settings() {
    let (wide, narrow) = (Image::<4, 8, 8>, Image::<6, 8, 8>);
    let build = |dilation: usize| {
        AutoEncoder::builder()
            .encoder(Conv2d::between(wide, narrow, 3, Tanh).groups(2).dilation(dilation))
            .decoder(ConvTranspose2d::between(narrow, wide, 3, Identity))
            .build::<f64>()
            .unwrap()
    };
    let folder = std::env::temp_dir().join(format!("convolutions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("model.safetensors");
    let (model, mut other) = (build(1), build(2));
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header["encoder.0.weight"]["shape"], serde_json::json!([6, 2, 3, 3]));
    assert_eq!(header["encoder.0.bias"]["shape"], serde_json::json!([6]));
    assert_eq!(header["decoder.0.weight"]["shape"], serde_json::json!([6, 4, 3, 3]));
    assert_eq!(header["decoder.0.bias"]["shape"], serde_json::json!([4]));
    // Row by row there, column by column here.
    let first = header["encoder.0.weight"]["data_offsets"][0].as_u64().unwrap() as usize;
    let numbers = bytes[8 + length + first..].chunks_exact(8);
    let weights = model.parameter("encoder.0.weight").unwrap();
    for (at, bytes) in numbers.take(weights.len()).enumerate() {
        let expected = weights[at % 18 * 6 + at / 18];
        assert_eq!(f64::from_le_bytes(bytes.try_into().unwrap()), expected);
    }
    let refused = other.load(&path).unwrap_err();
    assert!(matches!(&refused, autoencoder::Error::DoesNotFit { .. }), "{refused}");
    assert!(refused.to_string().contains("dilation"), "{refused}");
    let mut same = build(1);
    same.load(&path).unwrap();
    assert_eq!(same.parameters(), model.parameters());
    std::fs::remove_dir_all(folder).unwrap();
}
