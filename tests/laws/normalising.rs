//! Normalization and residual layers: against PyTorch, at their edges, and as parts of models.

use autoencoder::activation::{Identity, Softplus, Tanh};
use autoencoder::layer::NormalizationLayer;
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, DynWindow, Image, Size, Window};
use autoencoder::*;
use common::GOLDEN;
use common::passes::Passes;
use nalgebra::{Const, Dyn};

/// Numbers from −1.1 to 1.1, as the script has them.
fn numbers(count: usize, start: usize) -> Vec<f64> {
    (0..count).map(|k| ((start + 7 * k) % 23) as f64 / 10.0 - 1.1).collect()
}

/// What PyTorch 2.15 gives for a layer whose parameters are `numbers(…, 3)`, `numbers(…, 4)` and so on: y, then the
/// gradients of ⟨u, y⟩ for parameters and x, then J v, then the gradients of ⟨u, y⟩ + ⟨w, J v⟩.
/// ```python
/// import torch
/// from torch import nn
/// torch.set_default_dtype(torch.float64)
/// def show(layer, x, u, v, w):
///     jv = torch.func.jvp(layer, (x,), (v,))[1]
///     x.requires_grad_()
///     ps = [*layer.parameters(), x]
///     first = torch.autograd.grad((u * layer(x)).sum(), ps)
///     back, = torch.autograd.grad((w * layer(x)).sum(), x, create_graph=True)
///     second = torch.autograd.grad((u * layer(x)).sum() + (back * v).sum(), ps)
///     for value in [[layer(x)], first, [jv], second]:
///         print(torch.cat([t.detach().flatten() for t in value]).tolist())
/// def numbers(count, start):
///     return torch.tensor([((start + 7 * k) % 23) / 10 - 1.1 for k in range(count)])
/// def case(layer, *shape):
///     with torch.no_grad():
///         for at, p in enumerate(layer.parameters()):
///             p.copy_(numbers(p.numel(), 3 + at).reshape(p.shape))
///     show(layer, *(numbers(torch.Size(shape).numel(), s).reshape(shape) for s in (1, 5, 9, 14)))
/// class Residual(nn.Module):
///     def __init__(self):
///         super().__init__()
///         self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
///     def forward(self, x):
///         return x + self.body(x)
/// case(nn.LayerNorm(4, eps=0.01), 2, 4)
/// case(nn.GroupNorm(2, 4, eps=0.01), 1, 4, 1, 2)
/// case(Residual(), 2, 2)
/// ```
struct Expected {
    y: &'static str,
    backward: &'static str,
    jv: &'static str,
    tangent_backward: &'static str,
}

const LAYER: Expected = Expected {
    y: "
        0.36465674088112277 0.04436069753671349 0.9661641852202806 -2.230820926101404 -0.1042650307310883
        -0.035273781075132966 1.5700865998532787 0.15821343225398765
    ",
    backward: "
        0.8729594268194563 0.16728198891408413 -1.0952587527950906 -0.7471927112049266 -0.7000000000000002
        0.6999999999999997 -0.20000000000000018 -1.1 0.32510817575099116 -0.4767693327339376
        -0.03654731019088986 0.18820846717383588 -0.1350024350279538 0.19101664549442177 -0.11005371531889888
        0.05403950485243088
    ",
    jv: "
        0.2278353209114508 -0.08767791337577624 -0.5260674802546569 -0.2847941511393135 0.07224532734282234
        -0.13712163129667665 -0.46381500154091826 0.5078846512200401
    ",
    tangent_backward: "
        0.71527585413484 -0.05291192770156633 -0.4918887722836136 -1.0234440868230192 -0.7000000000000002
        0.6999999999999997 -0.20000000000000018 -1.1 0.438032949419472 -0.4165613893505336 -0.12027176793110592
        0.09880020786216696 -0.018694560465226343 -0.2944635200790239 -0.15694104374031595 0.47009912428456624
    ",
};
const GROUP: Expected = Expected {
    y: "
        0.36465674088112277 -0.3451144197062925 -0.04436069753671349 -0.1330820926101405 0.2531987730483163
        0.9116426864507975 -2.350144333088798 0.15821343225398768
    ",
    backward: "
        0.754131858124129 -0.7097711605874156 0.28610955760941154 -1.1326803034126016 -0.5000000000000002 0.0
        0.4999999999999998 -1.3 0.25715461153812547 -0.30296600314230454 -0.15331545723531959
        0.19912684883949874 -0.3404681459909399 -0.2430332811812541 0.1993007763630652 0.38420065080912846
    ",
    jv: "
        0.2278353209114508 -0.7014233070062094 0.08767791337577624 -0.028479415113931376 -0.05418399550711674
        0.8227297877800589 0.7730250025681973 0.5078846512200401
    ",
    tangent_backward: "
        1.5454727465400966 -0.15522426521882715 -0.8831088201068229 -1.3601085938878057 -0.5000000000000002 0.0
        0.4999999999999998 -1.3 0.1214624348226653 -0.7774325008632075 0.22512527352860104 0.4308447925119411
        -0.13065905926521437 -0.5098305030935103 0.6147604599432569 0.025729102415467442
    ",
};
const RESIDUAL: Expected = Expected {
    y: "
        -1.041559355091006 0.24956478659865333 0.9328790187182608 2.480361098493754
    ",
    backward: "
        -0.2534169513395778 -0.022360637182157722 0.09703400353425921 0.1098975207659461 0.23647568546400183
        0.13480821068718082 0.33008044879631443 0.0183764531881241 -0.1452392496811729 -0.7263789598433801
        -0.38221857067839066 0.192041636488779 0.661742668040351 0.5278748769041862 -0.5452512966873969
        0.19999999999999973 -0.7000000000000002 -0.795569958886391 0.0523642535990076 0.7861032466665655
        -0.8618444515392325
    ",
    jv: "
        -0.21743341647162906 0.5483606869380466 -1.2469230678769456 -0.596953329480034
    ",
    tangent_backward: "
        -0.13630857037428823 -0.3934212202698082 0.1316012740242883 0.09971553674834946 0.5129805750773883
        0.5092739322951795 0.5004896697593093 0.054574301802267695 -0.25504315164816643 -0.8828511976619774
        -0.4720589060750553 0.1895722697802624 0.8013912075427131 -0.05290589601217199 -0.408074449520235
        0.19999999999999973 -0.7000000000000002 -0.757235677571843 -0.035349110061467855 0.6661014683402058
        -0.8712914193759975
    ",
};

fn list(text: &str) -> Vec<f64> {
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[track_caller]
fn compare(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 20.0 * GOLDEN, "{what}: {found} for {expected}");
    }
}

/// All passes of a layer; `lie` says where in memory the values of PyTorch's tensors lie.
fn check(layer: &dyn Layer<f64>, parameters: &[f64], lie: &[usize], expected: &Expected) {
    let samples = lie.len() / layer.num_inputs();
    let placed = |start| {
        let mut placed = vec![f64::NAN; lie.len()];
        lie.iter().zip(numbers(lie.len(), start)).for_each(|(&at, value)| placed[at] = value);
        placed
    };
    let read = |placed: &[f64]| -> Vec<f64> { lie.iter().map(|&at| placed[at]).collect() };
    let (x, u, v, w) = (placed(1), placed(5), placed(9), placed(14));
    let run = Passes { layer, samples, before: 0.0 };
    let (y, jv) = run.along(parameters, &x, &v);
    compare("y", &read(&y), &list(expected.y));
    compare("J v", &read(&jv), &list(expected.jv));
    let own = parameters.len();
    let back = run.backward(parameters, &x, &u);
    compare("backward", &[&back[..own], &read(&back[own..])].concat(), &list(expected.backward));
    let both = run.tangent_backward(parameters, (&x, &v), (&u, &w));
    let to_x = &both[own..own + lie.len()];
    let both = [&both[..own], &read(to_x)].concat();
    compare("tangent_backward", &both, &list(expected.tangent_backward));
}

#[test]
fn normalizations_are_pytorchs() {
    let as_it_is: Vec<usize> = (0..8).collect();
    let parameters = [numbers(4, 3), numbers(4, 4)].concat();
    let layer = LayerNorm::<4>::new().epsilon(0.01).unwrap();
    check(&layer, &parameters, &as_it_is, &LAYER);
    let layer = GroupNorm::<Image<4, 1, 2>, 2>::new().epsilon(0.01).unwrap();
    check(&layer, &parameters, &as_it_is, &GROUP);
    // A window lies step by step.
    let by_steps: Vec<usize> = (0..8).map(|at| at % 2 * 4 + at / 2).collect();
    let layer = GroupNorm::<Window<4, 2>, 2>::new().epsilon(0.01).unwrap();
    check(&layer, &parameters, &by_steps, &GROUP);
}

#[test]
fn a_residual_layer_is_pytorchs() {
    let layer = Residual::new(Dense::<2, 3>::new(Tanh).then(Dense::<3, 2>::new(Identity)));
    // PyTorch's weights lie row by row, ours column by column.
    let weights = [(3, 2, 0), (2, 3, 9)];
    let mut lie: Vec<usize> = (0..17).collect();
    for (rows, columns, first) in weights {
        for at in 0..rows * columns {
            lie[first + at] = first + at % columns * rows + at / columns;
        }
    }
    let theirs = [numbers(6, 3), numbers(3, 4), numbers(6, 5), numbers(2, 6)].concat();
    let mut parameters = vec![f64::NAN; 17];
    lie.iter().zip(&theirs).for_each(|(&at, &value)| parameters[at] = value);
    let ours = |of_parameters: &[f64]| -> Vec<f64> {
        let mut ours = of_parameters.to_vec();
        lie.iter().zip(of_parameters).for_each(|(&at, &value)| ours[at] = value);
        ours
    };
    let (x, u, v, w) = (numbers(4, 1), numbers(4, 5), numbers(4, 9), numbers(4, 14));
    let run = Passes { layer: &layer, samples: 2, before: 0.0 };
    let (y, jv) = run.along(&parameters, &x, &v);
    compare("y", &y, &list(RESIDUAL.y));
    compare("J v", &jv, &list(RESIDUAL.jv));
    compare("backward", &run.backward(&parameters, &x, &u), &ours(&list(RESIDUAL.backward)));
    let both = run.tangent_backward(&parameters, (&x, &v), (&u, &w));
    compare("tangent_backward", &both[..21], &ours(&list(RESIDUAL.tangent_backward)));
}

/// y of a normalization with gains 1 and biases 0.
fn normalized<T: Float, S: Size>(layer: &NormalizationLayer<S>, x: &[T]) -> Vec<T> {
    let rows = layer.num_inputs();
    let samples = x.len() / rows;
    let mut parameters = vec![T::ZERO; layer.num_parameters()];
    layer.draw_parameters(&mut parameters, &mut seeded(1));
    let mut y = vec![T::of(f64::NAN); x.len()];
    let mut tape = vec![T::of(f64::NAN); Layer::<T>::tape_len(layer, samples)];
    let to = BatchViewMut::new(&mut y, rows);
    layer.forward(&parameters, BatchView::new(x, rows), to, &mut tape, &mut []);
    y
}

/// The variance of equal values is 0, whatever they are: they become 0 exactly, and gradients stay finite.
#[test]
fn equal_values_become_the_biases() {
    let layer = LayerNorm::<5>::new();
    for value in [0.0, 0.1, -3.3, 1e7 / 3.0] {
        assert_eq!(normalized(&layer, &[value; 5]), [0.0; 5], "{value}");
        assert_eq!(normalized(&layer, &[value as f32; 5]), [0.0; 5], "{value}");
    }
    let group = GroupNorm::<Window<2, 3>, 2>::new();
    assert_eq!(normalized(&group, &[0.1, -7.0, 0.1, -7.0, 0.1, -7.0]), [0.0; 6]);
    let run = Passes { layer: &layer, samples: 1, before: 0.0 };
    let parameters = [[2.0; 5], [0.3; 5]].concat();
    let (x, u) = ([0.1; 5], [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(run.forward(&parameters, &x), [0.3; 5]);
    // r = 1/√ε, so dx = w r (u − mean u).
    let found = run.backward(&parameters, &x, &u);
    let scale = 2.0 / 1e-5_f64.sqrt();
    let of_x = [0.8 * scale, -0.2 * scale, -0.2 * scale, -0.2 * scale, -0.2 * scale];
    for (found, expected) in found[10..].iter().zip(of_x) {
        assert!((found - expected).abs() <= 1e-10, "{found} {expected}");
    }
}

/// Mean 0 and variance 1, for values far from 0 and for those whose squares no number of the type holds.
#[test]
fn values_of_any_size_are_normalized() {
    let of = |scale: f32, shift: f32| -> Vec<f32> {
        (0..40).map(|k| shift + scale * (((7 * k) % 40) as f32 - 19.5)).collect()
    };
    // The variance of 0, …, n − 1 is (n² − 1) / 12.
    let deviation = ((40.0_f64 * 40.0 - 1.0) / 12.0).sqrt();
    let layer = LayerNorm::<40>::new();
    for (scale, shift) in [(1.0, 0.0), (1.0, 1e4), (1e18, 0.0), (1e25, 3e25), (1e35, 0.0)] {
        let y = normalized(&layer, &of(scale, shift));
        for (k, y) in y.into_iter().enumerate() {
            let expected = (((7 * k) % 40) as f64 - 19.5) / deviation;
            assert!((f64::from(y) - expected).abs() <= 2e-4, "{scale} {shift}: {y} {expected}");
        }
    }
    // What is no number is not made one.
    let spoilt = normalized(&layer, &[&[f32::NAN][..], &of(1.0, 0.0)[1..]].concat());
    assert!(spoilt.iter().all(|y| y.is_nan()));
}

#[test]
fn settings_change_the_result() {
    let x = numbers(8, 2);
    let image = |groups| GroupNorm::dynamic(Image::<4, 1, 2>, groups);
    let of_groups: Vec<Vec<f64>> = [1, 2, 4].map(|groups| normalized(&image(groups), &x)).into();
    assert!(of_groups.windows(2).all(|pair| pair[0] != pair[1]));
    // One group is layer normalization, as long as gains are 1.
    assert_eq!(of_groups[0], normalized(&LayerNorm::<8>::new(), &x));
    assert_eq!(of_groups[1], normalized(&GroupNorm::<Image<4, 1, 2>, 2>::new(), &x));
    // Every channel by itself: two values become ±d / √(d² + ε).
    for (x, y) in x.chunks(2).zip(of_groups[2].chunks(2)) {
        let half = (x[0] - x[1]) / 2.0;
        let expected = half / (half * half + 1e-5).sqrt();
        assert!((y[0] - expected).abs() <= 1e-14 && (y[1] + expected).abs() <= 1e-14);
    }
    // With ε = 3 two values at ±1 become ±1/2.
    let wide = LayerNorm::dynamic(2).epsilon(3.0).unwrap();
    assert_eq!(normalized(&wide, &[-1.0, 1.0]), [-0.5, 0.5]);
    // How values lie counts: the same groups of an image and a window.
    let window = GroupNorm::<Window<4, 2>, 2>::new();
    assert_ne!(normalized(&window, &x), of_groups[1]);
    // Plain features are channels of one value.
    let features = normalized(&GroupNorm::dynamic(Dyn(8), 4), &x);
    assert_eq!(features, of_groups[2]);
    // A file tells them apart.
    let settings = |layer: &dyn Layer<f64>| {
        let mut layout = Layout::new();
        layer.layout(&mut layout);
        layout.settings().to_vec()
    };
    let same = [settings(&image(2)), settings(&image(2).epsilon(1e-5).unwrap())];
    assert_eq!(same[0], same[1]);
    let others = [settings(&image(4)), settings(&image(2).epsilon(1e-3).unwrap())];
    assert!(others.iter().all(|other| *other != same[0]), "{others:?}");
}

#[test]
fn what_cannot_be_normalized_is_refused() {
    let refused = |layer: &dyn Module| match layer.check_sizes() {
        Err(Error::InvalidParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let image = |channels| DynImage { channels, height: 2, width: 3 };
    for groups in [3, 8] {
        let error = Error::Groups { layer: "GroupNorm", channels: (4, 4), groups };
        assert_eq!(GroupNorm::dynamic(image(4), groups).check_sizes(), Err(error));
    }
    assert_eq!(refused(&GroupNorm::dynamic(image(4), 0)), "the groups of a normalization");
    assert_eq!(refused(&GroupNorm::dynamic(image(0), 1)), "the values of a normalization");
    assert_eq!(refused(&GroupNorm::dynamic(image(usize::MAX), 1)), "the values of a normalization");
    let alone = "the values that are normalized together";
    assert_eq!(refused(&GroupNorm::dynamic(Const::<4>, 4)), alone);
    assert_eq!(refused(&LayerNorm::dynamic(1)), alone);
    assert_eq!(refused(&LayerNorm::dynamic(0)), "the values of a normalization");
    for epsilon in [0.0, -1e-5, 1e-31, 1e31, f64::INFINITY, f64::NAN] {
        let refused = LayerNorm::<4>::new().epsilon(epsilon).unwrap_err();
        assert!(refused.to_string().contains("epsilon"), "{refused}");
    }
    let built = AutoEncoder::builder()
        .encoder(Dense::dynamic(5, 4, Tanh).then(GroupNorm::dynamic(Dyn(4), 3)))
        .decoder(Dense::dynamic(4, 5, Identity))
        .build::<f64>();
    assert!(matches!(built.map(|_| ()), Err(Error::Groups { .. })));
}

#[test]
fn a_body_of_other_sizes_is_refused() {
    let other = Residual::new(Dense::dynamic(4, 3, Tanh));
    let place = "the body of a residual layer";
    let expected = Error::SizeMismatch { place, unit: "outputs", expected: 4, found: 3 };
    assert_eq!(other.check_sizes(), Err(expected));
    // As many values, in another shape.
    let (high, wide) = (DynWindow { channels: 2, steps: 3 }, DynWindow { channels: 3, steps: 2 });
    let turned = Residual::new(Dense::between(high, wide, Tanh));
    let expected = Error::SizeMismatch { place, unit: "channels", expected: 2, found: 3 };
    assert_eq!(turned.check_sizes(), Err(expected));
    // A box does not say whether it gives a distribution.
    let head = || Dense::dynamic(4, 4, Identity);
    let spread = Gaussian::new(Dense::dynamic(4, 4, Tanh), head(), head()).boxed::<f64>();
    assert!(
        matches!(Residual::new(spread).check_sizes(), Err(Error::Unfit { part, .. }) if part == place)
    );
    // What is wrong inside is found.
    let inside = Residual::new(GroupNorm::dynamic(Dyn(4), 3));
    assert!(matches!(inside.check_sizes(), Err(Error::Groups { .. })));
}

/// The names and shapes of PyTorch; and a file is not read as another layer.
#[cfg(feature = "safetensors")]
#[test]
fn files_name_what_is_normalized() {
    type Inside = Image<4, 3, 3>;
    let build = |groups, epsilon| {
        let norm = GroupNorm::dynamic(Inside::default(), groups).epsilon(epsilon).unwrap();
        AutoEncoder::builder()
            .encoder(Dense::between(Const::<6>, Inside::default(), Tanh).then(Residual::new(norm)))
            .decoder(LayerNorm::<36>::new().then(Dense::<36, 6>::new(Identity)))
            .build::<f64>()
            .unwrap()
    };
    let folder = common::Folder::new("normalising");
    let path = folder.join("model.safetensors");
    let model = build(2, 1e-5);
    model.save(&path).unwrap();
    let mut same = build(2, 1e-5);
    same.load(&path).unwrap();
    assert_eq!(same.parameters(), model.parameters());
    for mut other in [build(1, 1e-5), build(2, 1e-3)] {
        let refused = other.load(&path).unwrap_err().to_string();
        assert!(
            refused.contains("encoder.1.0: 4×3×3 normalized, groups 2, epsilon 1e-5"),
            "{refused}"
        );
    }
    let file = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    for (name, shape) in
        [("encoder.1.0.weight", 4), ("encoder.1.0.bias", 4), ("decoder.0.weight", 36)]
    {
        assert_eq!(header[name]["shape"], serde_json::json!([shape]), "{name}");
    }
}

/// Gains and biases do not decay.
#[test]
fn weight_decay_is_for_weights() {
    let data = Batch::new(Const::<4>, numbers(20, 1)).unwrap();
    macro_rules! gradient {
        ($regularizer:expr) => {{
            let inside = LayerNorm::<3>::new().then(Dense::<3, 3>::new(Tanh));
            let model = AutoEncoder::builder()
                .encoder(Dense::<4, 3>::new(Tanh).then(Residual::new(inside)))
                .decoder(Dense::<3, 4>::new(Identity))
                .regularizer($regularizer);
            let mut model = model.build::<f64>().unwrap();
            let parameters = numbers(model.num_parameters(), 4);
            model.set_parameters(&parameters).unwrap();
            let mut gradient = vec![0.0; parameters.len()];
            model.objective(&data, None, Some(&mut gradient)).unwrap();
            (gradient, model)
        }};
    }
    let (with, model) = gradient!(WeightDecay::new(0.3).unwrap());
    let (without, _) = gradient!(NoRegularizer);
    let mut names = Vec::new();
    for tensor in model.layout().tensors() {
        let decays = tensor.shape.1 > 1;
        for at in tensor.range.clone() {
            let decay = if decays { 0.3 * model.parameters()[at] } else { 0.0 };
            assert!((with[at] - without[at] - decay).abs() <= 1e-14, "{}", tensor.name);
        }
        names.push(tensor.name.as_str());
    }
    let inside = ["weight", "bias"].map(|name| format!("encoder.1.0.{name}"));
    assert!(inside.iter().all(|name| names.contains(&name.as_str())), "{names:?}");
    assert!(names.contains(&"encoder.1.1.weight") && names.contains(&"encoder.0.weight"));
}

/// Values of samples of this shape, between 0 and 1.
fn batch<T: Float, S: Size>(size: S, samples: usize) -> Batch<T, S> {
    let rng = &mut seeded(3);
    let values = (0..size.value() * samples).map(|_| T::draw_uniform(rng)).collect();
    Batch::new(size, values).unwrap()
}

/// All that is asked of a model: gradients, determinism, files, threads, parts.
#[test]
fn models_keep_the_contract() {
    let plain = || {
        let body = LayerNorm::<5>::new().then(Dense::<5, 7>::new(Softplus));
        let body = body.then(Dense::<7, 5>::new(Identity));
        AutoEncoder::builder()
            .encoder(
                Dense::<6, 5>::new(Tanh).then(Residual::new(body)).then(Dense::<5, 3>::new(Tanh)),
            )
            .decoder(Dense::<3, 6>::new(Tanh).then(LayerNorm::<6>::new()))
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(plain, &batch(Const::<6>, 5)).assert();
    type Inside = Image<4, 3, 3>;
    type Outside = Image<2, 6, 6>;
    let images = || {
        let body = GroupNorm::<Inside, 2>::new().then(Conv2d::<Inside, Inside, 3>::new(Softplus));
        AutoEncoder::builder()
            .encoder(Conv2d::<Outside, Inside, 3>::new(Tanh).then(Residual::new(body)))
            .decoder(GroupNorm::<Inside, 1>::new().frozen().then(ConvTranspose2d::<
                Inside,
                Outside,
                3,
            >::new(Identity)))
            .build::<f64>()
            .unwrap()
    };
    contract::model(images, &batch(Outside::default(), 4)).assert();
    let windows = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Conv1d::<Window<2, 7>, Window<4, 4>, 3>::new(Softplus).then(GroupNorm::<
                    Window<4, 4>,
                    2,
                >::new(
                )),
                Dense::<16, 2>::new(Identity),
                Dense::<16, 2>::new(Identity),
            ))
            .decoder(
                Dense::<2, 14>::new(Tanh).then(Residual::new(GroupNorm::<Window<2, 7>, 2>::new())),
            )
            .regularizer(Variational::new(0.5).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(windows, &batch(Window::<2, 7>, 4)).assert();
}

/// All that the passes of a layer in single precision give.
#[cfg(feature = "parallel")]
fn bits(layer: &dyn Layer<f32>, samples: usize) -> Vec<u32> {
    use autoencoder::layer::{DualViewMut, Pass, TangentPass};

    let rng = &mut seeded(8);
    let (rows, own) = (layer.num_inputs(), layer.num_parameters());
    let mut draw = |len: usize| -> Vec<f32> { (0..len).map(|_| f32::draw_normal(rng)).collect() };
    let (parameters, x, v) = (draw(own), draw(rows * samples), draw(rows * samples));
    let (mut u, mut w) = (draw(rows * samples), draw(rows * samples));
    let (x, v) = (BatchView::new(&x, rows), BatchView::new(&v, rows));
    let nan = |len| vec![f32::NAN; len];
    let (mut y, mut jv, mut dx, mut dv) = (nan(u.len()), nan(u.len()), nan(u.len()), nan(u.len()));
    let mut tape = nan(layer.tape_len(samples));
    let mut tangent_tape = nan(layer.tangent_tape_len(samples));
    let mut scratch = nan(layer.scratch_len(samples));
    layer.forward(&parameters, x, BatchViewMut::new(&mut y, rows), &mut tape, &mut scratch);
    let of = BatchView::new(&y, rows);
    let pass = Pass { parameters: &parameters, x, y: of, tape: &tape };
    let to = BatchViewMut::new(&mut jv, rows);
    layer.tangent(pass, v, to, &mut tangent_tape, &mut scratch);
    let mut gradient = vec![0.0; own];
    let (mut kept, mut to_x) = (u.clone(), nan(u.len()));
    let dy = BatchViewMut::new(&mut kept, rows);
    let to = Some(BatchViewMut::new(&mut to_x, rows));
    layer.backward(pass, dy, to, Some(&mut gradient), &mut scratch);
    let tangent = TangentPass { v, tape: &tangent_tape };
    let dual = |value, tangent| DualViewMut {
        value: BatchViewMut::new(value, rows),
        tangent: BatchViewMut::new(tangent, rows),
    };
    let (d, to) = (dual(&mut u, &mut w), dual(&mut dx, &mut dv));
    layer.tangent_backward(pass, tangent, d, Some(to), &mut gradient, &mut scratch);
    [y, jv, to_x, dx, dv, gradient].concat().iter().map(|value| value.to_bits()).collect()
}

/// Enough numbers for several parts.
#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_threads() {
    type Body = Image<16, 12, 12>;
    let layers: [(&dyn Layer<f32>, usize); 4] = [
        (&LayerNorm::<300>::new(), 401),
        (&GroupNorm::<Body, 4>::new(), 37),
        (&GroupNorm::<Window<16, 100>, 4>::new(), 57),
        (&Residual::new(GroupNorm::<Body, 1>::new().then(LayerNorm::<2304>::new())), 37),
    ];
    for (layer, samples) in layers {
        let expected = bits(layer, samples);
        for threads in [2, 3, 5] {
            let found = Threads::new(threads).unwrap().run(|| bits(layer, samples));
            assert!(found == expected, "{layer:?} on {threads}");
        }
    }
}

/// A code is the same to the bit whatever it is computed beside.
#[test]
fn bits_do_not_depend_on_the_batch() {
    type Inside = Image<8, 7, 7>;
    let model = AutoEncoder::builder()
        .encoder(
            Conv2d::<Image<1, 14, 14>, Inside, 3>::new(Tanh)
                .then(Residual::new(GroupNorm::<Inside, 2>::new()))
                .then(LayerNorm::<392>::new()),
        )
        .decoder(Dense::<392, 196>::new(Identity))
        .build::<f32>()
        .unwrap();
    let data = batch::<f32, _>(Image::<1, 14, 14>, 23);
    let codes = model.encode(&data).unwrap();
    for (x, code) in data.iter().zip(codes.iter()) {
        assert_eq!(model.encode_one(x).unwrap(), code);
    }
}
