//! Pooling and upsampling against the numbers of PyTorch.

use autoencoder::size::{Image, Window};
use autoencoder::*;
use common::passes::Passes;

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
    // What is printed for straight lines in an image, times twelve, are whole numbers.
    let twelfths = |value: f64| value / 12.0;
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
            36., 36., 28., 20., 12., 24., 36., 48., 48., 54., 54., 41., 28., 15., 28., 41., 54.,
            54., 90., 90., 67., 44., 21., 36., 51., 66., 66., 108., 108., 80., 52., 24., 40., 56.,
            72., 72., 72., 72., 56., 40., 24., 40., 56., 72., 72., 63., 63., 56., 49., 42., 49.,
            56., 63., 63., 45., 45., 56., 67., 78., 67., 56., 45., 45., 36., 36., 56., 76., 96.,
            76., 56., 36., 36.,
        ]
        .map(twelfths),
        &[557., 765., 973., 1691., 1899., 2107., 3149., 3357., 3565., 4283., 4491., 4699.]
            .map(twelfths),
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
