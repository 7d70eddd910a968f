//! How the numbers of an image lie.

use crate::batch::size::Shape;

/// Numbers from one channel, row and column to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    pub channel: usize,
    pub row: usize,
    pub column: usize,
}

impl Lie {
    /// Channel by channel, as an image; or step by step, as a window.
    pub fn of(shape: Shape, is_window: bool) -> Self {
        let Shape { channels, height, width } = shape;
        if is_window {
            Self { channel: 1, row: 0, column: channels }
        } else {
            Self { channel: height * width, row: width, column: 1 }
        }
    }

    pub fn at(&self, channel: usize, row: usize, column: usize) -> usize {
        channel * self.channel + row * self.row + column * self.column
    }
}
