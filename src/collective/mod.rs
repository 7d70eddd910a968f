//! Processes that train one model together, and what they say to each other.
//!
//! | collective | the processes are | for |
//! |---|---|---|
//! | [`Alone`] | this one | everybody; the default of a [`Trainer`](crate::Trainer::collective) |
//! | [`Threaded`] | threads of this one | tests, and to try things out |
//! | yours | those of MPI, say: the example `mpi` has it in less than a hundred lines | many machines |
//!
//! Each process runs the same program, with the same model, the same settings and the same data, and calls
//! [`fit`](crate::Trainer::fit). A batch is cut into as many [shards](crate::Trainer::shards) as the trainer is told;
//! each process takes some of them, and each then has the model that one process alone would have made of as many
//! shards, to the bit.
//!
//! | in such a training | |
//! |---|---|
//! | parameters, codes in use, validation, early stopping, what is reported | the same in all processes |
//! | the optimizer's update | divided: each process moves its part of the parameters |
//! | a stream | each process reads its part of every block, by [`Source::skip`](crate::Source::skip); warnings are of what it has read |
//! | samples in memory | all of them in each process |
//! | a [`checkpoint`](crate::Trainer::checkpoints) | written by process 0, read by all; the next training may have another number of processes |
//! | [`SparseKl`](crate::SparseKl), [`Mmd`](crate::Mmd), [`TotalCorrelation`](crate::TotalCorrelation), free bits, what regularizers remember | see the codes of the whole batch |
//! | [`BatchTopK`](crate::layer::sparse::BatchTopK), [`Resampling`](crate::regularizer::Resampling), a wanted L0 | refused by name with more than one shard, as what looks at a whole batch in another way |
//! | another version of this crate, setting, model, first parameter, sample or kind of processor in one of them | refused before the first step, with its name |
//! | an error of one process, or one that is gone | ends the others |
//!
//! # What it costs
//! On two cores with MPI and two shards two processes train the net 784-1000-500-250-30 and back, 512 samples a step, 1.79 to
//! 1.83 times as fast as one (five runs, medians of five rounds each), and a dictionary of 16,384 units 1.64 to 1.72 times. In
//! a step each process sends and gets twice the parameters, less its own part. What follows for 8, 64 and 512 processes on a
//! network is extrapolated in `examples/mpi/README.md`: of a batch that grows with them 5.4, 36 and 258 times as fast with
//! 10 Gbit/s, 7.5, 58 and 457 with 100, for that net.
//!
//! # Laws
//! 1. All processes make the same calls in the same order, with lengths that go together. A length may be 0, also that of
//!    all; the address of an empty slice means nothing, and is not to reach a library that looks at it, as MPI does.
//!    Parameters come in pieces of at most 1 MiB for up to 64 processes; codes of a batch, samples of a block and what a
//!    process says of itself come whole, and an implementation that counts in 31 bits has to cut or refuse them.
//! 2. A call returns once this process has what it is to get. No sum is formed on the way: the order in which numbers are
//!    added is that of [`add_up`](Collective#method.add_up), whatever connects the processes.
//! 3. Where a process is gone, a call of the others ends, in an error or with their process, and does not wait for ever.
//!
//! # Write your own
//! Three calls move bytes. [`check`] puts all of them to the test, in all processes at once.
//! ```
//! use autoencoder::collective::{Collective, check};
//! use autoencoder::Result;
//!
//! /// One process, by hand: what it would send to itself it has.
//! struct Mine;
//!
//! impl Collective for Mine {
//!     fn rank(&self) -> usize {
//!         0
//!     }
//!     fn size(&self) -> usize {
//!         1
//!     }
//!     fn exchange(&mut self, mine: &[u8], _to: &[usize], theirs: &mut [u8], _from: &[usize]) -> Result<()> {
//!         theirs.copy_from_slice(mine);
//!         Ok(())
//!     }
//!     fn gather(&mut self, mine: &[u8], all: &mut [u8], _lengths: &[usize]) -> Result<()> {
//!         all.copy_from_slice(mine);
//!         Ok(())
//!     }
//!     fn broadcast(&mut self, _from: usize, _bytes: &mut [u8]) -> Result<()> {
//!         Ok(())
//!     }
//! }
//! check(&mut Mine)?;
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod alone;
mod check;
mod pieces;
mod threaded;

pub use alone::Alone;
pub use check::check;
pub(crate) use pieces::Pieces;
pub use threaded::Threaded;

use crate::error::Result;
use crate::numbers::scalar::Float;

/// What connects the processes of a training. The [module](self) has the laws, and an example.
pub trait Collective: Send {
    /// The number of this process, counted from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// All to all: the first `to[0]` bytes of `mine` go to process 0, the next `to[1]` to process 1, and so on; `theirs`
    /// gets `from[0]` bytes of process 0, then `from[1]` of process 1, and so on. Together they are as long as the slices.
    /// A process may send to itself.
    ///
    /// # Errors
    /// [`Error::Collective`](crate::Error::Collective) if a process does not take part.
    fn exchange(
        &mut self,
        mine: &[u8],
        to: &[usize],
        theirs: &mut [u8],
        from: &[usize],
    ) -> Result<()>;

    /// Gives all processes what each has: `all` gets the bytes of process 0, of which there are `lengths[0]`, then those
    /// of process 1, and so on.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn gather(&mut self, mine: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()>;

    /// Gives all processes what this one of them has. A training has no use for it as yet; programs have.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn broadcast(&mut self, from: usize, bytes: &mut [u8]) -> Result<()>;
}

/// A borrowed one serves too, so that it can be used again.
impl<C: Collective + ?Sized> Collective for &mut C {
    fn rank(&self) -> usize {
        (**self).rank()
    }
    fn size(&self) -> usize {
        (**self).size()
    }
    fn exchange(
        &mut self,
        mine: &[u8],
        to: &[usize],
        theirs: &mut [u8],
        from: &[usize],
    ) -> Result<()> {
        (**self).exchange(mine, to, theirs, from)
    }
    fn gather(&mut self, mine: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        (**self).gather(mine, all, lengths)
    }
    fn broadcast(&mut self, from: usize, bytes: &mut [u8]) -> Result<()> {
        (**self).broadcast(from, bytes)
    }
}

impl dyn Collective + '_ {
    /// Adds up slices across all processes, in the order of their numbers: ((a₀ + a₁) + a₂) + …, so that the bits are
    /// those of one process that adds in this order. All slices have one length, and all processes have the sum.
    ///
    /// # Errors
    /// [`Error::Collective`](crate::Error::Collective) if a process does not take part.
    ///
    /// # Example
    /// ```
    /// use autoencoder::collective::{Collective, Threaded};
    /// let add = |mut process: Threaded| {
    ///     let mut values = [0.5 + process.rank() as f32];
    ///     let all: &mut dyn Collective = &mut process;
    ///     all.add_up(&mut values).map(|()| values)
    /// };
    /// let [one, other] = Threaded::team::<2>();
    /// std::thread::scope(|scope| {
    ///     let other = scope.spawn(|| add(other));
    ///     assert_eq!(add(one).unwrap(), [2.0]);
    ///     assert_eq!(other.join().unwrap().unwrap(), [2.0]);
    /// });
    /// ```
    pub fn add_up<T: Float>(&mut self, values: &mut [T]) -> Result<()> {
        let size = self.size();
        let places: Vec<_> = (0..size).map(|rank| part_of(values.len(), size, rank)).collect();
        let mut pieces = Pieces::new();
        let mut sum = Vec::new();
        let takes_part = vec![true; size];
        pieces.add(self, values, T::ONE, (&places, &takes_part), true, &mut sum)?;
        values[places[self.rank()].clone()].copy_from_slice(&sum);
        pieces.gather(self, values, &places)
    }
}

/// Of so many things in as many parts, as equal as they can be, the place of this one.
pub(crate) fn part_of(len: usize, parts: usize, number: usize) -> std::ops::Range<usize> {
    let end = |number: usize| (number as u128 * len as u128 / parts as u128) as usize;
    end(number)..end(number + 1)
}
