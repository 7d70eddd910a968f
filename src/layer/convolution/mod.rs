//! Convolutions of images and windows.

mod axis;
mod layers;
mod norms;
mod passes;
mod plan;
mod side;
mod sizes;
mod table;

use std::sync::Arc;

use rand::Rng;

use super::field::Steps;
use super::init::Initializer;
use super::{Adjoint, Channels, Finish, Linear, Module};
use crate::batch::size::Shape;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count};
use crate::numbers::scalar::Float;
use axis::{Axis, Moves};
pub use layers::{
    Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, ConvolutionLayer, Sides, TransposedLayer,
};
use passes::{Direction, add_gradient, pass};
use plan::{Ends, Ways};

/// The linear map of a convolution: each output is a weighted sum of the inputs around its place, with the same
/// weights everywhere.
///
/// # Formula
/// y(o, i, j) = Σ w(o, c, a, b) x(c, s i + d a − p, s j + d b − p) over the channels c of o's group and the taps a, b of
/// the kernel, with stride s, dilation d and p zeros around the image: PyTorch's convolution, which is the
/// cross-correlation.
///
/// # Shapes
/// x: an image, or a window, whose one row is its steps; y likewise. w: output channels × (input channels / groups ·
/// rows · columns of the kernel), in files PyTorch's `[outputs, inputs / groups, rows, columns]`.
///
/// # Panics
/// Its maps do where [`check_sizes`](Module::check_sizes) refuses its sizes; no model is built with it.
///
/// # References
/// K. Fukushima (1980), Neocognitron; Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied
/// to document recognition.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    input: Shape,
    output: Shape,
    is_window: bool,
    moves: (Moves, Moves),
    groups: usize,
    /// Whether the layer that goes back was asked for, in whose words sizes are refused.
    is_transposed: bool,
    /// What the sizes come to, if they come to anything.
    plan: Option<Arc<Plan>>,
}

/// More than any layer has: what is above is a mistake in the sizes.
const MOST: usize = 1 << 20;
const MOST_TAPS: f64 = (1 << 24) as f64;
const MOST_PHASES: usize = 1 << 16;
const MOST_NUMBERS: f64 = (1_u64 << 28) as f64;

/// Into how many phases the inputs are divided on the way back.
fn phases((rows, columns): &(Axis, Axis)) -> usize {
    rows.stride.min(rows.inputs) * columns.stride.min(columns.inputs)
}

fn require_size_of_side(size: usize) -> Result<()> {
    require(size <= MOST, "a size of a convolution", size as f64, "at most 2²⁰")
}

/// The sums, in both directions.
#[derive(Debug, PartialEq)]
struct Plan {
    axes: (Axis, Axis),
    there: Ways,
    back: Ways,
}

impl Convolution {
    /// Between two images, or windows, with a kernel of so many rows and columns.
    fn new(input: Shape, output: Shape, is_window: bool, kernel: Sides) -> Self {
        let moves = |kernel| Moves { kernel, dilation: 1, stride: None, before: None };
        // The one row of a window is not moved along.
        let rows = moves(if is_window { 1 } else { kernel.rows });
        let moves = (rows, moves(kernel.columns));
        let (groups, is_transposed, plan) = (1, false, None);
        Self { input, output, is_window, moves, groups, is_transposed, plan }.planned()
    }

    /// The map that a transposed layer goes back over.
    fn transposed(self) -> Self {
        Self { is_transposed: true, ..self }
    }

    /// With other settings along rows and columns.
    fn set(mut self, sides: Sides, set: impl Fn(&mut Moves, usize)) -> Self {
        if !self.is_window {
            set(&mut self.moves.0, sides.rows);
        }
        set(&mut self.moves.1, sides.columns);
        self.planned()
    }

    fn grouped(mut self, groups: usize) -> Self {
        self.groups = groups;
        self.planned()
    }

    fn planned(mut self) -> Self {
        let (input, output, groups) = (self.input, self.output, self.groups);
        let axes = self.check().ok().and_then(|()| self.axes());
        self.plan = axes.filter(|axes| phases(axes) <= MOST_PHASES).map(|axes| {
            let ends = Ends { input, output, is_window: self.is_window, groups, axes };
            Arc::new(Plan { axes, there: ends.there(), back: ends.back() })
        });
        self
    }

    /// How the kernel moves along both sides, if the sizes tell it.
    fn axes(&self) -> Option<(Axis, Axis)> {
        let rows = Axis::find(self.input.height, self.output.height, self.moves.0)?;
        Some((rows, Axis::find(self.input.width, self.output.width, self.moves.1)?))
    }

    /// Refuses sizes, groups and settings for which no plan is made.
    fn check(&self) -> Result<()> {
        for shape in [self.input, self.output] {
            let channels = shape.channels;
            require_count("the channels of a convolution", channels)?;
            require_size_of_side(channels)?;
        }
        self.check_groups()?;
        let heights = (self.input.height, self.output.height, self.moves.0);
        let widths = (self.input.width, self.output.width, self.moves.1);
        for (inputs, outputs, Moves { kernel, dilation, stride, before }) in [heights, widths] {
            require_count("the inputs along a side of a convolution", inputs)?;
            require_count("the outputs along a side of a convolution", outputs)?;
            require_count("the kernel of a convolution", kernel)?;
            require_count("the dilation of a convolution", dilation)?;
            require_count("the stride of a convolution", stride.unwrap_or(1))?;
            let sizes =
                [inputs, outputs, kernel, dilation, stride.unwrap_or(1), before.unwrap_or(0)];
            sizes.into_iter().try_for_each(require_size_of_side)?;
        }
        // What is kept of the kernel, and what of an image with its zeros.
        let taps = self.of_unit() as f64;
        require(taps <= MOST_TAPS, "the weights of a convolution's unit", taps, "at most 2²⁴")?;
        let side = |inputs: usize, outputs: usize, moves: Moves| {
            let reach = moves.kernel as f64 * moves.dilation as f64;
            let zeros = 2.0 * (reach + moves.before.unwrap_or(0) as f64);
            (inputs + outputs + moves.stride.unwrap_or(1)) as f64 + zeros
        };
        let rows = side(self.input.height, self.output.height, self.moves.0);
        let columns = side(self.input.width, self.output.width, self.moves.1);
        let channels = self.input.channels.max(self.output.channels) as f64;
        let numbers = channels * rows * columns;
        let name = "the numbers of a convolution's image, zeros included";
        require(numbers <= MOST_NUMBERS, name, numbers, "at most 2²⁸")
    }

    /// The sums of sizes that were checked.
    fn ways(&self, direction: Direction) -> &Ways {
        let plan = self.plan.as_deref().expect("sizes that `check_sizes` takes");
        match direction {
            Direction::There => &plan.there,
            Direction::Back => &plan.back,
        }
    }

    /// Multiply-adds for one sample.
    fn cost(&self) -> usize {
        self.num_parameters().saturating_mul(self.output.height * self.output.width)
    }

    /// Weights of one output channel.
    fn of_unit(&self) -> usize {
        let kernel = self.moves.0.kernel.saturating_mul(self.moves.1.kernel);
        (self.input.channels / self.groups.max(1)).saturating_mul(kernel)
    }

    /// How many weights the sums of a direction take, those included that fill up tiles.
    fn arranged_len(&self, direction: Direction) -> usize {
        let way = &self.ways(direction).one;
        way.sweeps.iter().map(|sweep| sweep.weights(way.units())).sum::<usize>() * self.groups
    }

    /// How many samples have their shares of the weights' gradient added up together, whatever the number of threads, so
    /// that its bits do not depend on it: in as many parts as 2¹⁸ numbers hold, two at least and eight at most, unless
    /// samples that go side by side would be parted.
    fn together(&self, samples: usize) -> usize {
        const MOST: usize = 8;
        let parts = ((1 << 18) / self.num_parameters().max(1)).clamp(2, MOST);
        let together = self.ways(Direction::There).together();
        samples.div_ceil(parts).max(1).next_multiple_of(together)
    }
}

impl Module for Convolution {
    fn num_inputs(&self) -> usize {
        self.input.values()
    }
    fn num_outputs(&self) -> usize {
        self.output.values()
    }
    fn num_parameters(&self) -> usize {
        self.of_unit().saturating_mul(self.output.channels)
    }
    fn check_sizes(&self) -> Result<()> {
        self.check()?;
        let phases = self.axes().map_or(1, |axes| phases(&axes));
        let name = "the stride of a convolution's rows times that of its columns";
        require(phases <= MOST_PHASES, name, phases as f64, "at most 2¹⁶")?;
        self.check_sides()
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        let (rows, columns) = self.plan.as_ref()?.axes;
        Some([rows.steps(), columns.steps()])
    }
}

impl Channels for Convolution {
    fn channels(&self) -> usize {
        self.output.channels
    }
    fn input_channels(&self) -> usize {
        self.input.channels
    }
    fn is_interleaved(&self) -> bool {
        self.is_window
    }
}

impl<T: Float> Linear<T> for Convolution {
    type Own = Self;
    type Transposed = Adjoint<Self>;

    fn kind(&self) -> &'static str {
        if self.is_window { "Conv1d" } else { "Conv2d" }
    }

    fn adjoint_kind(&self) -> &'static str {
        if self.is_window { "ConvTranspose1d" } else { "ConvTranspose2d" }
    }

    fn weight_shape(&self) -> (usize, usize) {
        (self.output.channels, self.of_unit())
    }

    fn weight_columns(&self) -> Vec<usize> {
        let (rows, columns) = (self.moves.0.kernel, self.moves.1.kernel);
        let channels = self.input.channels / self.groups.max(1);
        if self.is_window { vec![channels, columns] } else { vec![channels, rows, columns] }
    }

    fn settings(&self) -> Option<String> {
        let plan = self.plan.as_deref()?;
        let both = |of: fn(&Axis) -> usize| format!("{}×{}", of(&plan.axes.0), of(&plan.axes.1));
        Some(format!(
            "{} → {}, kernel {}, stride {}, padding {}, dilation {}, groups {}",
            self.input,
            self.output,
            both(|axis| axis.kernel),
            both(|axis| axis.stride),
            both(|axis| axis.before),
            both(|axis| axis.dilation),
            self.groups
        ))
    }

    fn draw_weights(&self, initializer: &dyn Initializer, weights: &mut [T], rng: &mut dyn Rng) {
        let (units, kernel) = (self.output.channels, self.moves.0.kernel * self.moves.1.kernel);
        let mut drawn = vec![0.0; self.of_unit()];
        for unit in 0..units {
            // An input reaches so many outputs.
            initializer.draw_unit(&mut drawn, units / self.groups * kernel, rng);
            let places = weights[unit..].iter_mut().step_by(units);
            places.zip(&drawn).for_each(|(weight, &drawn)| *weight = T::of(drawn));
        }
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let shares = samples.div_ceil(self.together(samples)).max(1);
        let there = self.arranged_len(Direction::There) * shares;
        there.max(self.arranged_len(Direction::Back))
    }

    fn apply(&self, weights: &[T], x: BatchView<'_, T>, y: BatchViewMut<'_, T>, scratch: &mut [T]) {
        pass(self, Direction::There, weights, x, y, scratch, None);
    }

    fn apply_then(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        pass(self, Direction::There, weights, x, y, scratch, Some(finish));
    }

    fn pull_back(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
    ) {
        pass(self, Direction::Back, weights, dy, dx, scratch, None);
    }

    fn pull_back_then(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        pass(self, Direction::Back, weights, dy, dx, scratch, Some(finish));
    }

    fn add_weight_gradient(
        &self,
        x: BatchView<'_, T>,
        dy: BatchView<'_, T>,
        beta: T,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        add_gradient(self, x, dy, beta, gradient, scratch);
    }

    fn has_squared_norms(&self) -> bool {
        true
    }

    fn squared_norms(&self, weights: &[T], inputs: usize, norms: &mut [T]) -> bool {
        self.norms(weights, inputs, norms);
        true
    }

    fn add_squared_norms_gradient(
        &self,
        weights: &[T],
        inputs: usize,
        scales: &[T],
        gradient: &mut [T],
    ) {
        self.add_norms_gradient(weights, inputs, scales, gradient);
    }

    fn own(&self, weights: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(weights);
        self.clone()
    }

    fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> Adjoint<Self> {
        to.extend_from_slice(weights);
        Adjoint(self.clone())
    }
}
