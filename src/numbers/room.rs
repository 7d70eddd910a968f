//! Memory that a thread keeps as long as it lives: what is needed again and again is allocated once, as large as the
//! largest need so far.

use std::cell::Cell;

use crate::numbers::scalar::Float;

/// A number type for which each thread keeps memory.
pub trait Room: Sized {
    /// This thread's memory, until it is returned; new where it is taken twice.
    fn take_room() -> Vec<Self>;
    /// Leaves it to the next.
    fn return_room(room: Vec<Self>);
}

macro_rules! room {
    ($t:ident, $room:ident) => {
        thread_local! {
            static $room: Cell<Vec<$t>> = const { Cell::new(Vec::new()) };
        }

        impl Room for $t {
            fn take_room() -> Vec<$t> {
                $room.take()
            }
            fn return_room(room: Vec<$t>) {
                $room.set(room);
            }
        }
    };
}
room!(f32, OF_SINGLE);
room!(f64, OF_DOUBLE);

/// Works with memory for so many numbers, whatever they are, from the beginning of a line of the cache on.
pub(crate) fn with_room<T: Float>(len: usize, work: impl FnOnce(&mut [T])) {
    const LINE: usize = 64;
    let spare = LINE / size_of::<T>();
    let mut room = T::take_room();
    if room.len() < len + spare {
        room.resize(len + spare, T::ZERO);
    }
    let first = room.as_ptr().align_offset(LINE).min(spare);
    work(&mut room[first..][..len]);
    T::return_room(room);
}
