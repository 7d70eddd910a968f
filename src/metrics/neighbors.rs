use super::accuracy;
use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, check_finite};
use crate::error::{Result, require, require_count, require_size};
use crate::numbers::once::once;
use crate::numbers::parallel;
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// Queries and samples whose products are taken together: their results stay in the cache.
const QUERIES: usize = 256;
const SAMPLES: usize = 512;

/// The nearest samples of each query, nearest first. Made by [`nearest`].
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    k: usize,
    indices: Vec<usize>,
    distances: Vec<f64>,
}

impl Neighbors {
    /// How many there are for each query.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of queries.
    pub fn queries(&self) -> usize {
        self.indices.len() / self.k
    }

    /// Which samples are nearest to this query, nearest first.
    ///
    /// # Panics
    /// If there is no such query, as indexing a slice does.
    pub fn indices(&self, query: usize) -> &[usize] {
        &self.indices[query * self.k..][..self.k]
    }

    /// How far they are.
    ///
    /// # Panics
    /// If there is no such query, as indexing a slice does.
    pub fn distances(&self, query: usize) -> &[f64] {
        &self.distances[query * self.k..][..self.k]
    }
}

/// The k nearest samples of each query by Euclidean distance.
///
/// Of samples at equal distance the one with the lower index comes first. Distances are those of the
/// differences, in double precision, so that a copy has distance 0 and order does not depend on other
/// queries or on the number of threads; products of whole blocks only tell what can be passed over.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless k is from 1 to the number of
/// samples, [`Error::SizeMismatch`](crate::Error::SizeMismatch) if samples and queries differ in their
/// features, [`Error::NoSamples`](crate::Error::NoSamples) and
/// [`Error::NotFinite`](crate::Error::NotFinite) for either.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::nearest};
/// let samples = Batch::from_iter([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]);
/// let found = nearest(&samples, &Batch::from_iter([[0.0, 0.25]]), 2)?;
/// assert_eq!((found.indices(0), found.distances(0)), (&[0, 2][..], &[0.25, 0.75][..]));
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn nearest<T: Float, C: Size>(
    samples: &Batch<T, C>,
    queries: &Batch<T, C>,
    k: usize,
) -> Result<Neighbors> {
    check_finite("nearest", samples.features(), samples.view())?;
    check_finite("nearest", samples.features(), queries.view())?;
    require_count("nearest k", k)?;
    let is_there = k <= samples.samples();
    require(is_there, "nearest k", k as f64, "at most the number of samples")?;
    Ok(search(samples.view(), queries.view(), k))
}

once! {
    fn search(samples: BatchView<'a, T>, queries: BatchView<'a, T>, k: usize) -> Neighbors = search_generic;
}

fn search_generic<T: Float>(
    samples: BatchView<'_, T>,
    queries: BatchView<'_, T>,
    k: usize,
) -> Neighbors {
    let search = Search::new(samples, k);
    let mut found = vec![Vec::new(); queries.samples()];
    let column_cost = samples.as_slice().len();
    let data = (queries, &mut found[..]);
    parallel::in_parts(queries.samples(), column_cost, data, |(queries, found)| {
        let mut products = vec![T::ZERO; QUERIES * SAMPLES.min(samples.samples())];
        for (queries, found) in queries.chunks(QUERIES).zip(found.chunks_mut(QUERIES)) {
            search.run(queries, found, &mut products);
        }
    });
    let (distances, indices) = found.into_iter().flatten().unzip();
    Neighbors { k, indices, distances }
}

/// Classifies each query by a vote of its k [`nearest`] training samples.
///
/// Of classes with equally many votes the one whose nearest voter is nearest wins.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a label for each training sample;
/// otherwise as [`nearest`].
pub fn knn_classify<T: Float, C: Size, L: Copy + Eq>(
    train: &Batch<T, C>,
    train_labels: &[L],
    queries: &Batch<T, C>,
    k: usize,
) -> Result<Vec<L>> {
    require_size("labels for nearest neighbours", "labels", train.samples(), train_labels.len())?;
    let neighbors = nearest(train, queries, k)?;
    let mut votes: Vec<(L, usize)> = Vec::new();
    let classes = (0..neighbors.queries()).map(|query| {
        votes.clear();
        for &index in neighbors.indices(query) {
            let label = train_labels[index];
            match votes.iter_mut().find(|(class, _)| *class == label) {
                Some((_, count)) => *count += 1,
                None => votes.push((label, 1)),
            }
        }
        // In the order of their nearest voters; the first of the most wins.
        let first = votes[0];
        votes.iter().fold(first, |best, &vote| if vote.1 > best.1 { vote } else { best }).0
    });
    Ok(classes.collect())
}

/// The accuracy of [`knn_classify`] on labelled test samples: whether samples of a class lie together.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a label for each sample;
/// otherwise as [`nearest`].
///
/// # Example
/// ```
/// use autoencoder::{datasets, metrics::knn_accuracy};
/// let d = datasets::digits::<f32>();
/// let accuracy = knn_accuracy(&d.train, &d.train_labels, &d.test, &d.test_labels, 5)?;
/// assert_eq!(accuracy, 345.0 / 359.0); // on raw pixels
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn knn_accuracy<T: Float, C: Size, L: Copy + Eq>(
    train: &Batch<T, C>,
    train_labels: &[L],
    test: &Batch<T, C>,
    test_labels: &[L],
    k: usize,
) -> Result<f64> {
    require_size("labels for nearest neighbours", "labels", test.samples(), test_labels.len())?;
    accuracy(&knn_classify(train, train_labels, test, k)?, test_labels)
}

/// Finds nearest samples. With h = ½‖s‖² − q·s, samples are in the order of their distances; as h is
/// rounded, all are kept that may be among the k nearest, and their distances are taken exactly.
struct Search<'a, T> {
    samples: BatchView<'a, T>,
    k: usize,
    /// ½‖s‖² less what h may be too large by, for the sample's part; NaN where h may overflow.
    low: Vec<T>,
    /// ½‖s‖² and as much more.
    high: Vec<T>,
}

/// A sample that may be among the nearest: the bounds of its h, and its index.
struct Candidate<T> {
    low: T,
    high: T,
    index: usize,
}

impl<'a, T: Float> Search<'a, T> {
    fn new(samples: BatchView<'a, T>, k: usize) -> Self {
        let half = |sample: &[T]| 0.5 * squared_norm(sample);
        let halves: Vec<f64> = samples.iter().map(half).collect();
        let (relative, absolute) = Self::rounding(samples.features());
        let bound = |sign: f64| {
            halves.iter().map(move |&half| {
                let bound = half + sign * (half * relative + absolute);
                T::of(if may_overflow::<T>(half) { f64::NAN } else { bound })
            })
        };
        Self { samples, k, low: bound(-1.0).collect(), high: bound(1.0).collect() }
    }

    /// What h may be wrong by, in parts of ½‖s‖² + ½‖q‖², and beyond that.
    ///
    /// A sum of n products is wrong by at most n u Σ|qᵢ sᵢ| ≤ n u (½‖s‖² + ½‖q‖²) whatever its order,
    /// where u is the unit of rounding, and by what products lose as subnormal numbers. As much again
    /// for the norms, and some more for the roundings after them.
    fn rounding(features: usize) -> (f64, f64) {
        let unit = T::default_epsilon().to_double();
        let least = if unit < 1e-10 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
        let terms = features as f64 + 8.0;
        (2.0 * terms * unit, terms * least)
    }

    /// The nearest samples of each of at most [`QUERIES`] queries, with their distances.
    fn run(&self, queries: BatchView<'_, T>, found: &mut [Vec<(f64, usize)>], products: &mut [T]) {
        let features = self.samples.features();
        let (relative, absolute) = Self::rounding(features);
        let q = Matrix::new(queries.as_slice(), features, queries.samples());
        let mut lists: Vec<Candidates<T>> = queries
            .iter()
            .map(|query| {
                let half = 0.5 * squared_norm(query);
                let slack = if may_overflow::<T>(half) {
                    f64::INFINITY
                } else {
                    2.0 * (half * relative + absolute)
                };
                Candidates::new(self.k, T::of(slack))
            })
            .collect();
        for (block, samples) in self.samples.chunks(SAMPLES).enumerate() {
            let count = samples.samples();
            let s = Matrix::new(samples.as_slice(), features, count).transposed();
            let products = &mut products[..count * queries.samples()];
            multiply(s, q, T::ZERO, products);
            let first = block * SAMPLES;
            let range = first..first + count;
            for (products, list) in products.chunks_exact(count).zip(&mut lists) {
                list.add(products, &self.low[range.clone()], &self.high[range.clone()], first);
            }
        }
        for ((list, query), found) in lists.into_iter().zip(queries.iter()).zip(found) {
            let candidates = list.candidates.iter().map(|candidate| candidate.index);
            *found = candidates.map(|index| (self.distance(query, index), index)).collect();
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.truncate(self.k);
        }
    }

    fn distance(&self, query: &[T], index: usize) -> f64 {
        let features = self.samples.features();
        let sample = &self.samples.as_slice()[index * features..][..features];
        let difference = |(q, s): (&T, &T)| q.to_double() - s.to_double();
        let squares = query.iter().zip(sample).map(difference).map(|d| d * d);
        squares.sum::<f64>().sqrt()
    }
}

/// The candidates of one query.
struct Candidates<T> {
    k: usize,
    candidates: Vec<Candidate<T>>,
    /// What the query's part of the rounding is, on both sides together.
    slack: T,
    /// A candidate whose lower bound is above this is not among the k nearest.
    limit: T,
    /// Candidates are sifted when there are so many.
    full: usize,
}

impl<T: Float> Candidates<T> {
    fn new(k: usize, slack: T) -> Self {
        let full = 2 * k + 64;
        Self { k, candidates: Vec::new(), slack, limit: T::of(f64::INFINITY), full }
    }

    fn add(&mut self, products: &[T], low: &[T], high: &[T], first: usize) {
        /// Samples that are passed over together where none of them is a candidate.
        const TOGETHER: usize = 64;
        let bounds = low.chunks(TOGETHER).zip(high.chunks(TOGETHER));
        for (chunk, (products, (low, high))) in products.chunks(TOGETHER).zip(bounds).enumerate() {
            // Counted without a branch; a comparison with NaN is false, which makes a candidate.
            let limit = self.limit;
            let passed_over: u32 = vectorize(
                #[inline(always)]
                || low.iter().zip(products).map(|(&low, &p)| u32::from(low - p > limit)).sum(),
            );
            if passed_over as usize == low.len() {
                continue;
            }
            for (at, ((&low, &high), &product)) in low.iter().zip(high).zip(products).enumerate() {
                let (low, high) = (low - product, high - product);
                if low > self.limit {
                    continue;
                }
                let is_known = low.is_finite() && high.is_finite();
                let high = if is_known { high } else { T::of(f64::INFINITY) };
                let index = first + chunk * TOGETHER + at;
                self.candidates.push(Candidate { low, high, index });
                if self.candidates.len() >= self.full {
                    self.sift();
                }
            }
        }
        if self.candidates.len() > self.k {
            self.sift();
        }
    }

    /// k candidates have an upper bound of at most the k-th least one: what lies above it can go.
    fn sift(&mut self) {
        let by_high =
            |a: &Candidate<T>, b: &Candidate<T>| a.high.to_double().total_cmp(&b.high.to_double());
        let (_, kth, _) = self.candidates.select_nth_unstable_by(self.k - 1, by_high);
        let limit = kth.high + self.slack;
        self.limit = limit;
        self.candidates.retain(|candidate| {
            let is_beyond = candidate.low > limit;
            !is_beyond
        });
        self.full = (2 * self.candidates.len()).max(2 * self.k + 64);
    }
}

/// ‖x‖² in double precision.
fn squared_norm<T: Float>(x: &[T]) -> f64 {
    x.iter().map(|x| x.to_double() * x.to_double()).sum()
}

/// Whether products with such a vector, given ½‖x‖², may overflow.
fn may_overflow<T: Float>(half: f64) -> bool {
    let greatest = T::max_value().map_or(f64::MAX, Float::to_double);
    let is_small = half < greatest / 8.0;
    !is_small
}
