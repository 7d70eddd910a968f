use crate::batch::size::Shape;

/// What two sizes tell of how a layer leads from the one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<W> {
    /// No way leads there.
    Nothing,
    /// Exactly one does.
    One(W),
    /// More than one does.
    Several,
}

impl<W: Copy> Told<W> {
    /// The only way there is.
    pub const fn one(self) -> Option<W> {
        match self {
            Self::One(way) => Some(way),
            Self::Nothing | Self::Several => None,
        }
    }

    /// Whether no way leads there.
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether more than one does.
    pub const fn is_several(self) -> bool {
        matches!(self, Self::Several)
    }
}

/// Why two sizes known to the compiler tell no way along rows or columns, if they do not.
pub struct Untold {
    /// There is none, and one side of the second is longer.
    pub is_larger: bool,
    /// There is none.
    pub is_nothing: bool,
    /// There is more than one.
    pub is_several: bool,
}

impl Untold {
    pub const fn of<W: Copy>(from: Shape, to: Shape, rows: Told<W>, columns: Told<W>) -> Self {
        Self {
            is_larger: rows.is_nothing() && to.height > from.height
                || columns.is_nothing() && to.width > from.width,
            is_nothing: rows.is_nothing() || columns.is_nothing(),
            is_several: rows.is_several() || columns.is_several(),
        }
    }
}
