//! A training step in Burn, on its own processor backend ("flex").

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

#[path = "../../common.rs"]
mod common;
use common::{BATCHES, LEARNING_RATE, Options};

#[derive(Module, Debug)]
struct Net {
    layers: Vec<Linear>,
}

impl Net {
    fn new(sizes: &[usize], device: &Device) -> Self {
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        Self { layers: sizes.windows(2).map(layer).collect() }
    }

    /// Half the squared error of a reconstruction, summed over features, mean over samples.
    fn loss(&self, x: Tensor<2>) -> Tensor<1> {
        let samples = x.dims()[0] as f64;
        let y = self.layers.iter().fold(x.clone(), |y, layer| sigmoid(layer.forward(y)));
        (y - x).square().sum() * (0.5 / samples)
    }
}

fn main() {
    let options = Options::from_args();
    let (device, batch) = (Device::flex().autodiff(), options.batch);
    let mut net = Some(Net::new(&options.sizes, &device)); // a step takes it and gives it back
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let shape = [BATCHES * batch, options.sizes[0]];
    let data = Tensor::<2>::from_data(TensorData::new(options.data(), shape), &device);
    let minibatch = |at: usize| data.clone().slice([at * batch..(at + 1) * batch]);

    let loss = |net: &Option<Net>, at| net.as_ref().expect("a net").loss(minibatch(at));

    let before = loss(&net, 0).into_scalar();
    let step_us = options.median_us(|at| {
        let gradients = loss(&net, at).backward();
        let owned = net.take().expect("a net");
        let gradients = GradientsParams::from_grads(gradients, &owned);
        net = Some(adam.step(LEARNING_RATE, owned, gradients));
    });
    let after = loss(&net, 0).into_scalar();
    let version = common::version("burn", include_str!("../Cargo.lock"));
    options.report("Burn", version, step_us, before, after);
}
