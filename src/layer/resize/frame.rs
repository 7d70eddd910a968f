//! The two sizes of a layer that resizes.

use super::passes::Planes;
use super::side::Side;
use crate::batch::size::Shape;
use crate::error::{Result, require, require_count, require_size};

/// Images, or windows, on both sides of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    pub input: Shape,
    pub output: Shape,
    pub is_window: bool,
}

impl Frame {
    /// Refuses sizes that no such layer has, whatever it does.
    pub fn check(&self) -> Result<()> {
        for shape in [self.input, self.output] {
            require_count("the channels of an image to resize", shape.channels)?;
            require_count("the rows of an image to resize", shape.height)?;
            require_count("the columns of an image to resize", shape.width)?;
            let largest = shape.channels.max(shape.height).max(shape.width);
            let name = "a size of an image to resize";
            require(largest <= 1 << 20, name, largest as f64, "at most 2²⁰")?;
            require(shape.values() <= 1 << 48, name, shape.values() as f64, "at most 2⁴⁸ in all")?;
        }
        let place = "the outputs of a layer that resizes";
        require_size(place, "channels", self.input.channels, self.output.channels)
    }

    /// What becomes of its planes.
    pub fn planes(&self, rows: Side, columns: Side) -> Planes {
        let channels = self.input.channels;
        if self.is_window && channels > 1 {
            Planes { count: 1, rows: columns, columns: Side::whole(channels) }
        } else {
            Planes { count: channels, rows, columns }
        }
    }

    /// The numbers of values on both sides.
    pub fn values(&self) -> (usize, usize) {
        (self.input.values(), self.output.values())
    }

    /// For files: `16×28×28 → 16×14×14`.
    pub fn describe(&self) -> String {
        format!("{} → {}", self.input, self.output)
    }
}
