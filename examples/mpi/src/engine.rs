//! What connects the processes: the three calls of [`Collective`], by MPI.

use std::time::Duration;

use autoencoder::collective::Collective;
use autoencoder::{Error, Result};
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use crate::watchdog::Watchdog;

/// All processes that `mpirun` has started. One that waits too long in a call ends, and with it all. A communicator stays
/// on its thread, so each call takes that of all processes anew.
pub struct Mpi {
    rank: usize,
    size: usize,
    watchdog: Watchdog,
}

impl Mpi {
    /// Once MPI has been initialised, for one thread at a time at least.
    pub fn new(timeout: Duration) -> Self {
        let world = SimpleCommunicator::world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Self { rank, size, watchdog: Watchdog::new(rank, timeout) }
    }

    fn watched(&self, call: &'static str, make: impl FnOnce(&SimpleCommunicator)) {
        self.watchdog.watched(call, || make(&SimpleCommunicator::world()));
    }

    /// The lengths and places of the parts of a buffer, as MPI counts them: in 31 bits.
    fn parts(&self, call: &'static str, len: usize, lengths: &[usize]) -> Result<[Vec<i32>; 2]> {
        let all: usize = lengths.iter().sum();
        if all == len && lengths.len() == self.size && i32::try_from(len).is_ok() {
            let counts = lengths.iter().map(|&length| length as i32);
            let places =
                counts.clone().scan(0, |end, count| Some(std::mem::replace(end, *end + count)));
            return Ok([counts.clone().collect(), places.collect()]);
        }
        let reason = format!("{len} bytes are too many, or not those of the processes");
        Err(Error::Collective { call, rank: self.rank, reason })
    }
}

/// These bytes or, if there are none, one: MPI takes the address of an empty slice for a sign.
fn with_address(bytes: &[u8]) -> &[u8] {
    if bytes.is_empty() { &[0] } else { bytes }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }
    fn size(&self) -> usize {
        self.size
    }
    fn exchange(
        &mut self,
        mine: &[u8],
        to: &[usize],
        theirs: &mut [u8],
        from: &[usize],
    ) -> Result<()> {
        let [to, to_places] = self.parts("exchange", mine.len(), to)?;
        let [from, from_places] = self.parts("exchange", theirs.len(), from)?;
        let theirs = if theirs.is_empty() { &mut [0][..] } else { theirs };
        let mine = Partition::new(with_address(mine), to, to_places);
        let mut theirs = PartitionMut::new(theirs, from, from_places);
        self.watched("exchange", |all| all.all_to_all_varcount_into(&mine, &mut theirs));
        Ok(())
    }
    fn gather(&mut self, mine: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        let [lengths, places] = self.parts("gather", all.len(), lengths)?;
        let all = if all.is_empty() { &mut [0][..] } else { all };
        let (mine, mut all) =
            (&with_address(mine)[..mine.len()], PartitionMut::new(all, lengths, places));
        self.watched("gather", |world| world.all_gather_varcount_into(mine, &mut all));
        Ok(())
    }
    fn broadcast(&mut self, from: usize, bytes: &mut [u8]) -> Result<()> {
        // 1 GiB at a time, which MPI can count; of nothing there is nothing to say.
        for bytes in bytes.chunks_mut(1 << 30) {
            self.watched("broadcast", |all| all.process_at_rank(from as i32).broadcast_into(bytes));
        }
        Ok(())
    }
}
