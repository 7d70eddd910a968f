use std::ops::Range;

use rand::{Rng, RngExt};

use crate::error::{Result, require, require_count, require_fraction};

/// Trees of features, of which a child is only on where its parent is. See
/// [`SyntheticFeatures::hierarchy`](super::SyntheticFeatures::hierarchy).
///
/// Features are given places level by level: first the roots, then the children of each root in turn, and so on; so parents
/// are more frequent than their children. Where features run out, the last parents have fewer children or none. Features
/// that are left over stand alone.
///
/// | option | default | meaning |
/// |---|---|---|
/// | [`exclusive`](Self::exclusive) | 0 | the share of parents at most one of whose children is on |
/// | [`compensated`](Self::compensated) | no | children are drawn more often, for what parents and siblings take |
/// | [`scaled_by_parent`](Self::scaled_by_parent) | no | children are as strong as their parent is |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hierarchy {
    roots: usize,
    children: usize,
    depth: usize,
    exclusive: f64,
    pub(super) is_compensated: bool,
    pub(super) is_scaled: bool,
}

impl Hierarchy {
    /// So many trees, in which each feature has so many children, at most `depth` levels below the root.
    ///
    /// At least 1, 2 and 1 of them, and no more roots than features.
    pub fn new(roots: usize, children: usize, depth: usize) -> Self {
        let (is_compensated, is_scaled) = (false, false);
        Self { roots, children, depth, exclusive: 0.0, is_compensated, is_scaled }
    }

    /// The share of parents of two children or more, rounded down to a whole number of them and drawn from all, whose children
    /// exclude each other: where several would be on, one of them, drawn uniformly, is.
    pub fn exclusive(self, share: f64) -> Self {
        Self { exclusive: share, ..self }
    }

    /// Children are drawn with p/p′ instead of p, where p′ is the probability of the parent, and with 1 + Σ pⱼ/p′ over their
    /// siblings j times that where these exclude each other, but with 1 at most.
    ///
    /// So a child without exclusive siblings is on with p where its parent is on with p′, if correlation does not change
    /// that. With them the factor is that of SynthSAEBench, and the rate is near p only where the p of all siblings add up to
    /// far less than p′. Where they add up to more than p′, no factor would do, as at most one of them is on where the parent
    /// is: features then are on about a third as often as p says, and their descendants less again. With the settings of
    /// SynthSAEBench, 16,384 features in 128 trees, 34.5 are on in the mean sample (34 are published) where Σ p is 59.1; of
    /// the 512 features in the example of [`SyntheticFeatures`](super::SyntheticFeatures) 4.7 where it is 9.1.
    pub fn compensated(self) -> Self {
        Self { is_compensated: true, ..self }
    }

    /// The value of a child is multiplied by that of its parent over the parent's mean.
    pub fn scaled_by_parent(self) -> Self {
        Self { is_scaled: true, ..self }
    }

    /// The families of so many features; `rng` draws whose children exclude each other.
    pub(super) fn families(&self, features: usize, rng: &mut dyn Rng) -> Result<Families> {
        require_count("Hierarchy roots", self.roots)?;
        let (roots, children) = (self.roots as f64, self.children as f64);
        require(
            self.roots <= features,
            "Hierarchy roots",
            roots,
            "at most the number of features",
        )?;
        require(self.children >= 2, "Hierarchy children", children, "at least 2")?;
        require_count("Hierarchy depth", self.depth)?;
        require_fraction("Hierarchy exclusive", self.exclusive)?;
        let mut families = Families::none(features);
        let (mut level, mut next) = (0..self.roots, self.roots);
        for _ in 0..self.depth {
            let first = next;
            for parent in level {
                let end = next.saturating_add(self.children).min(features);
                families.parent[next..end].fill(Some(parent));
                families.children[parent] = next..end;
                next = end;
            }
            level = first..next;
            if level.is_empty() {
                break;
            }
        }
        let mut eligible: Vec<usize> =
            (0..features).filter(|&parent| families.children[parent].len() >= 2).collect();
        let chosen = (eligible.len() as f64 * self.exclusive) as usize;
        for place in 0..chosen.min(eligible.len()) {
            let other = rng.random_range(place..eligible.len());
            eligible.swap(place, other);
            families.is_exclusive[eligible[place]] = true;
        }
        Ok(families)
    }
}

/// Who belongs to whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Families {
    pub(super) parent: Vec<Option<usize>>,
    /// The children of each feature, none of most.
    pub(super) children: Vec<Range<usize>>,
    /// Whether its children exclude each other.
    pub(super) is_exclusive: Vec<bool>,
}

impl Families {
    pub(super) fn none(features: usize) -> Self {
        let children = vec![0..0; features];
        Self { parent: vec![None; features], children, is_exclusive: vec![false; features] }
    }

    /// With what probability each feature is drawn for this one: what of it is realized, see [`Hierarchy::compensated`].
    pub(super) fn compensated(&self, wanted: &[f64]) -> Vec<f64> {
        let mut drawn = wanted.to_vec();
        for (parent, children) in self.children.iter().enumerate() {
            let all: f64 = wanted[children.clone()].iter().sum();
            for child in children.clone() {
                let others = (all - wanted[child]).max(0.0) / wanted[parent];
                let rivals = if self.is_exclusive[parent] { others } else { 0.0 };
                drawn[child] = (wanted[child] / wanted[parent] * (1.0 + rivals)).min(1.0);
            }
        }
        drawn
    }
}
