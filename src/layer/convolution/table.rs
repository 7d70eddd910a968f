//! Where the numbers of images lie that are side by side.

use std::ops::Range;

use crate::numbers::correlation::ABREAST;
use crate::numbers::scalar::Float;

/// Where numbers lie, those of the first of some images side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub places: Vec<u32>,
    /// What is between them, of all images.
    gaps: Vec<Range<usize>>,
}

impl Table {
    /// Of so many numbers, among so many of all images, as `for_each` gives them with their places.
    pub fn new(
        numbers: usize,
        len: usize,
        for_each: impl Fn(&mut dyn FnMut(usize, usize)),
    ) -> Self {
        let mut places = vec![0; numbers];
        let mut is_gap = vec![true; len / ABREAST];
        for_each(&mut |number, place| {
            places[number] = place as u32;
            is_gap[place / ABREAST] = false;
        });
        let mut gaps: Vec<Range<usize>> = Vec::new();
        for at in (0..is_gap.len()).filter(|&at| is_gap[at]) {
            let gap = at * ABREAST..(at + 1) * ABREAST;
            match gaps.last_mut() {
                Some(last) if last.end == gap.start => last.end = gap.end,
                _ => gaps.push(gap),
            }
        }
        Self { places, gaps }
    }

    /// Makes all zeros that are between.
    pub fn clear_gaps<T: Float>(&self, of: &mut [T]) {
        self.gaps.iter().for_each(|gap| of[gap.clone()].fill(T::ZERO));
    }
}
