//! One side of an image, and what becomes of it.

use crate::layer::told::Told;

/// How the outputs along one side of an image are made of its inputs: each is a weighted sum of inputs that lie one
/// beside the other, if of any.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    pub inputs: usize,
    pub outputs: usize,
    pub pattern: Pattern,
    bands: Vec<Band>,
    weights: Vec<f64>,
}

/// The inputs of an output: from the first on, as many as it has weights, which lie from `weights` to those of the next.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Band {
    first: usize,
    weights: usize,
}

/// Sides that are so regular that nobody has to look at each output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// Outputs are the inputs.
    Whole,
    /// Each output is the sum of so many inputs times a weight, and each input is in one.
    Blocks(usize, f64),
    /// Each input times a weight is so many outputs.
    Copies(usize, f64),
    /// Anything else.
    Bands,
}

impl Side {
    /// Of so many inputs, with the first input and the weights of each output.
    fn new(inputs: usize, outputs: impl Iterator<Item = (usize, Vec<f64>)>) -> Self {
        let (mut bands, mut weights) = (Vec::new(), Vec::new());
        for (first, of_output) in outputs {
            bands.push(Band { first, weights: weights.len() });
            weights.extend(of_output);
        }
        let outputs = bands.len();
        let side = Self { inputs, outputs, pattern: Pattern::Bands, bands, weights };
        Self { pattern: side.recognized(), ..side }
    }

    /// A side that stays as it is.
    pub fn whole(inputs: usize) -> Self {
        Self::new(inputs, (0..inputs).map(|at| (at, vec![1.0])))
    }

    /// The mean of each window.
    pub fn means(windows: Windows) -> Self {
        let of_output = |output: usize| {
            let first = output * windows.stride;
            let count = windows.kernel.min(windows.inputs - first);
            (first, vec![1.0 / count as f64; count])
        };
        Self::new(windows.inputs, (0..windows.outputs).map(of_output))
    }

    /// Each input so many times.
    pub fn nearest(inputs: usize, times: usize) -> Self {
        Self::new(inputs, (0..inputs * times).map(|output| (output / times, vec![1.0])))
    }

    /// Outputs on straight lines from input to input, each of which lies in the middle of so many outputs; before the
    /// first input and behind the last one as these are.
    pub fn linear(inputs: usize, times: usize) -> Self {
        let of_output = |output: usize| {
            // (output + ½) / times − ½ is a whole number of these steps.
            let (place, steps) = (2 * output + 1, 2 * times);
            let place = place.saturating_sub(times).min(steps * (inputs - 1));
            let (first, behind) = (place / steps, (place % steps) as f64 / steps as f64);
            (first, if behind == 0.0 { vec![1.0] } else { vec![1.0 - behind, behind] })
        };
        Self::new(inputs, (0..inputs * times).map(of_output))
    }

    /// The way back: of each input, the outputs that it is in.
    pub fn transposed(&self) -> Self {
        let mut bands: Vec<(usize, Vec<f64>)> = vec![(0, Vec::new()); self.inputs];
        for (output, (first, weights)) in self.bands().enumerate() {
            for (band, &weight) in bands[first..].iter_mut().zip(weights) {
                if band.1.is_empty() {
                    band.0 = output;
                }
                // Outputs between, which it is not in.
                band.1.resize(output - band.0, 0.0);
                band.1.push(weight);
            }
        }
        Self::new(self.outputs, bands.into_iter())
    }

    /// The first input of each output, and its weights.
    pub fn bands(&self) -> impl ExactSizeIterator<Item = (usize, &[f64])> {
        (0..self.bands.len()).map(|output| self.band(output))
    }

    /// The same of one output.
    pub fn band(&self, output: usize) -> (usize, &[f64]) {
        let Band { first, weights } = self.bands[output];
        let end = self.bands.get(output + 1).map_or(self.weights.len(), |next| next.weights);
        (first, &self.weights[weights..end])
    }

    fn recognized(&self) -> Pattern {
        let Some(&weight) = self.weights.first() else { return Pattern::Bands };
        if self.weights.iter().any(|&other| other != weight) {
            return Pattern::Bands;
        }
        let is = |inputs: usize, times: usize| {
            self.bands().enumerate().all(|(output, (first, weights))| {
                (first, weights.len()) == (output / times * inputs, inputs)
            })
        };
        let (inputs, outputs) = (self.inputs, self.outputs);
        if inputs == outputs && weight == 1.0 && is(1, 1) {
            Pattern::Whole
        } else if inputs.is_multiple_of(outputs) && is(inputs / outputs, 1) {
            Pattern::Blocks(inputs / outputs, weight)
        } else if outputs.is_multiple_of(inputs) && is(1, outputs / inputs) {
            Pattern::Copies(outputs / inputs, weight)
        } else {
            Pattern::Bands
        }
    }
}

/// How a window moves along one side of an image: output o looks at the inputs from o · stride on, as many as the window
/// is long or as there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl Windows {
    /// The windows that these sizes have, if they have exactly one stride that is not longer than the window; or with
    /// the stride that is given, if it leads there. A rest that is shorter than a stride is left out, or is a window
    /// that is cut short: the outputs tell which.
    pub const fn find(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: Option<usize>,
    ) -> Option<Self> {
        Self::told(inputs, outputs, kernel, stride).one()
    }

    /// The same, which says why there are none.
    pub const fn told(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: Option<usize>,
    ) -> Told<Self> {
        if outputs == 0 || kernel == 0 || kernel > inputs {
            return Told::Nothing;
        }
        let (mut next, last) = match stride {
            Some(stride) => (stride, stride),
            // A single window goes nowhere.
            None if outputs == 1 => (kernel, kernel),
            None => (1, kernel),
        };
        let mut found = Told::Nothing;
        while next <= last && next > 0 {
            let windows = Self { inputs, outputs, kernel, stride: next };
            if windows.lead_there() {
                if !found.is_nothing() {
                    return Told::Several;
                }
                found = Told::One(windows);
            }
            // After the greatest number there is comes 0, and that is the end.
            next = next.wrapping_add(1);
        }
        found
    }

    /// Whether there are as many whole windows, or with one that is cut short.
    const fn lead_there(&self) -> bool {
        let room = self.inputs - self.kernel;
        let has_last = match (self.outputs - 1).checked_mul(self.stride) {
            Some(last) => last < self.inputs,
            None => false,
        };
        let whole = room / self.stride + 1;
        whole == self.outputs || has_last && room.div_ceil(self.stride) + 1 == self.outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_tell_the_stride_of_windows() {
        let tell = |inputs, outputs, kernel| {
            Windows::find(inputs, outputs, kernel, None).map(|windows| windows.stride)
        };
        assert_eq!(tell(28, 14, 2), Some(2));
        assert_eq!(tell(28, 27, 2), Some(1));
        assert_eq!(tell(7, 4, 2), Some(2)); // the last window has one column
        assert_eq!(tell(7, 3, 2), Some(2)); // the last column is left out
        assert_eq!(tell(7, 1, 7), Some(7));
        assert_eq!(tell(3, 1, 2), Some(2));
        assert_eq!(tell(2, 1, 2), Some(2));
        assert_eq!(tell(28, 14, 3), Some(2)); // cut short
        assert_eq!(tell(28, 13, 3), Some(2));
        assert_eq!(tell(28, 9, 3), Some(3));
        assert_eq!(tell(28, 10, 3), Some(3));
        assert_eq!(tell(5, 5, 1), Some(1));
        assert_eq!(tell(3, 2, 2), None); // stride 1, or 2 and cut short
        assert_eq!(tell(4, 2, 3), None);
        assert_eq!(tell(7, 3, 3), None); // stride 2, or 3 and cut short
        assert_eq!(tell(7, 1, 2), None); // most would be left out
        assert_eq!(tell(28, 7, 2), None);
        assert_eq!(tell(28, 28, 2), None);
        assert_eq!(tell(2, 1, 3), None);
        assert_eq!(tell(2, 0, 2), None);
        assert_eq!(tell(2, 2, 0), None);
    }

    #[test]
    fn a_stride_that_is_given_is_taken() {
        let leads = |inputs, outputs, kernel, stride| {
            Windows::find(inputs, outputs, kernel, Some(stride)).is_some()
        };
        assert!(leads(3, 2, 2, 1) && leads(3, 2, 2, 2) && leads(7, 3, 3, 2) && leads(7, 3, 3, 3));
        assert!(leads(28, 7, 2, 4));
        assert!(!leads(28, 14, 2, 1) && !leads(28, 14, 2, 0) && !leads(28, 2, 2, usize::MAX));
        // The next window would begin behind the inputs.
        assert!(leads(4, 1, 2, 4) && !leads(4, 2, 2, 4) && leads(5, 2, 2, 4));
    }

    #[test]
    fn regular_sides_are_recognized() {
        let means = |inputs, outputs, kernel| {
            Side::means(Windows::find(inputs, outputs, kernel, None).unwrap())
        };
        let patterns = |side: Side| (side.pattern, side.transposed().pattern);
        let blocks = (Pattern::Blocks(2, 0.5), Pattern::Copies(2, 0.5));
        assert_eq!(patterns(means(28, 14, 2)), blocks);
        assert_eq!(patterns(means(7, 1, 7)).0, Pattern::Blocks(7, 1.0 / 7.0));
        let copies = (Pattern::Copies(3, 1.0), Pattern::Blocks(3, 1.0));
        assert_eq!(patterns(Side::nearest(5, 3)), copies);
        assert_eq!(patterns(Side::linear(5, 1)), (Pattern::Whole, Pattern::Whole));
        assert_eq!(patterns(Side::linear(1, 4)).0, Pattern::Copies(4, 1.0));
        for side in [means(7, 3, 2), means(7, 4, 2), means(28, 27, 2), Side::linear(5, 2)] {
            assert_eq!(patterns(side), (Pattern::Bands, Pattern::Bands));
        }
    }

    #[test]
    fn the_way_back_is_the_transpose() {
        let entries = |side: &Side, is_back: bool| {
            let mut all = Vec::new();
            for (output, (first, weights)) in side.bands().enumerate() {
                for (input, &weight) in (first..).zip(weights).filter(|(_, weight)| **weight != 0.0)
                {
                    all.push((
                        if is_back { (output, input) } else { (input, output) },
                        weight.to_bits(),
                    ));
                }
            }
            all.sort_unstable();
            all
        };
        let windows = |stride| Windows::find(11, 3, 3, Some(stride)).unwrap();
        for side in [Side::means(windows(4)), Side::linear(4, 3), Side::linear(3, 2)] {
            assert_eq!(entries(&side, false), entries(&side.transposed(), true));
            assert_eq!(entries(&side, false), entries(&side.transposed().transposed(), false));
        }
    }
}
