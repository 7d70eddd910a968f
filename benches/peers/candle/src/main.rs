//! A training step in candle, on its own processor backend.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, ops};

#[path = "../../common.rs"]
mod common;
use common::{BATCHES, LEARNING_RATE, Options};

/// Half the squared error of a reconstruction, summed over features, mean over samples.
fn loss(layers: &[Linear], x: &Tensor) -> Result<Tensor> {
    let mut y = x.clone();
    for layer in layers {
        y = ops::sigmoid(&layer.forward(&y)?)?;
    }
    (y - x)?.sqr()?.sum_all()? * (0.5 / x.dim(0)? as f64)
}

fn main() -> Result<()> {
    let options = Options::from_args();
    let (device, batch) = (Device::Cpu, options.batch);
    let parameters = VarMap::new();
    let builder = VarBuilder::from_varmap(&parameters, DType::F32, &device);
    let mut layers = Vec::new();
    for (at, pair) in options.sizes.windows(2).enumerate() {
        layers.push(linear(pair[0], pair[1], builder.pp(at))?);
    }
    // Without decay, AdamW is Adam.
    let adam = ParamsAdamW { lr: LEARNING_RATE, weight_decay: 0.0, ..Default::default() };
    let mut adam = AdamW::new(parameters.all_vars(), adam)?;
    let shape = (BATCHES * batch, options.sizes[0]);
    let data = Tensor::from_vec(options.data(), shape, &device)?;
    let first = data.narrow(0, 0, batch)?;

    let before = loss(&layers, &first)?.to_scalar()?;
    let step_us = options.median_us(|at| {
        let x = data.narrow(0, at * batch, batch).expect("a minibatch");
        let loss = loss(&layers, &x).expect("a loss");
        adam.backward_step(&loss).expect("a step");
    });
    let after = loss(&layers, &first)?.to_scalar()?;
    let version = common::version("candle-core", include_str!("../Cargo.lock"));
    options.report("candle", version, step_us, before, after);
    Ok(())
}
