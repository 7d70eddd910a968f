//! What is said of sizes that tell no stride.

use super::Convolution;
use super::axis::{Axis, Moves};
use crate::error::{Error, Fit, NoStride, Result, require_count};

/// How far from a size others are looked for.
const FAR: usize = 512;

impl Convolution {
    /// The layer that was asked for.
    fn layer(&self) -> &'static str {
        match (self.is_transposed, self.is_window) {
            (false, false) => "Conv2d",
            (false, true) => "Conv1d",
            (true, false) => "ConvTranspose2d",
            (true, true) => "ConvTranspose1d",
        }
    }

    /// Refuses groups that do not divide the channels on both sides.
    pub(super) fn check_groups(&self) -> Result<()> {
        require_count("the groups of a convolution", self.groups)?;
        let (groups, channels) = (self.groups, (self.input.channels, self.output.channels));
        if channels.0.is_multiple_of(groups) && channels.1.is_multiple_of(groups) {
            return Ok(());
        }
        let channels = if self.is_transposed { (channels.1, channels.0) } else { channels };
        Err(Error::Groups { layer: self.layer(), channels, groups })
    }

    /// Refuses the first side that has no stride, or more than one, in the words of the layer that was asked for.
    pub(super) fn check_sides(&self) -> Result<()> {
        let (input, output) = (self.input, self.output);
        let columns = if self.is_window { "steps" } else { "columns" };
        for (side, inputs, outputs, moves) in [
            ("rows", input.height, output.height, self.moves.0),
            (columns, input.width, output.width, self.moves.1),
        ] {
            if Axis::find(inputs, outputs, moves).is_some() {
                continue;
            }
            let asked = Asked { inputs, outputs, moves, is_transposed: self.is_transposed };
            let (from, to) = if self.is_transposed { (outputs, inputs) } else { (inputs, outputs) };
            return Err(Error::ConvolutionSizes {
                layer: self.layer(),
                side,
                found: Box::new(NoStride {
                    inputs: from,
                    outputs: to,
                    kernel: moves.kernel,
                    dilation: moves.dilation,
                    stride: moves.stride,
                    padding: moves.before,
                    fits: asked.fits(),
                }),
            });
        }
        Ok(())
    }
}

/// A side whose sizes tell no stride.
struct Asked {
    inputs: usize,
    outputs: usize,
    moves: Moves,
    is_transposed: bool,
}

impl Asked {
    /// What would do: strides and padding to give or, where there are none, the nearest sizes.
    fn fits(&self) -> Vec<Fit> {
        let as_they_are = self.to_give();
        if as_they_are.is_empty() { self.nearest() } else { as_they_are }
    }

    /// The smallest strides that lead from one size to the other, each with its padding; at most three.
    fn to_give(&self) -> Vec<Fit> {
        let Self { inputs, outputs, moves, .. } = *self;
        let made = if self.is_transposed { inputs } else { outputs };
        let reach = (moves.kernel - 1).saturating_mul(moves.dilation).saturating_add(1);
        let fit = |stride: usize| {
            let read = (outputs - 1).saturating_mul(stride).saturating_add(reach);
            // Zeros that are wider than the kernel are nothing to advise.
            let padding = read.saturating_sub(inputs).div_ceil(2);
            let given = Moves { stride: Some(stride), before: Some(padding), ..moves };
            let is_there = padding < reach && Axis::find(inputs, outputs, given).is_some();
            is_there.then_some(Fit { outputs: made, stride, padding })
        };
        let strides = 1..=inputs.min(FAR);
        strides.filter_map(fit).take(3).collect()
    }

    /// The next smaller and the next larger size of the layer's outputs that fit with what is said.
    fn nearest(&self) -> Vec<Fit> {
        let Self { inputs, outputs, moves, is_transposed } = *self;
        let asked = if is_transposed { inputs } else { outputs };
        let fit = |size: usize| {
            let (inputs, outputs) = if is_transposed { (size, outputs) } else { (inputs, size) };
            let Axis { stride, before, .. } = Axis::find(inputs, outputs, moves)?;
            Some(Fit { outputs: size, stride, padding: before })
        };
        let smaller = (asked.saturating_sub(FAR).max(1)..asked).rev().find_map(fit);
        let larger = (asked + 1..=asked + FAR).find_map(fit);
        smaller.into_iter().chain(larger).collect()
    }
}
