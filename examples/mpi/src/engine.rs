//! What connects the processes: the three calls of [`Collective`], by MPI.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autoencoder::collective::Collective;
use autoencoder::{Error, Result};
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

/// All processes that `mpirun` has started. A process that waits too long in one call ends, and the launcher then ends
/// all others. A communicator stays on its thread, so each call takes that of all processes anew.
pub struct Mpi {
    rank: usize,
    size: usize,
    /// The call that this process is in, and since when.
    waits: Arc<Mutex<Option<(&'static str, Instant)>>>,
}

impl Mpi {
    /// Once MPI has been initialised, for one thread at a time at least.
    pub fn new(timeout: Duration) -> Self {
        let world = SimpleCommunicator::world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let waits = Arc::new(Mutex::new(None::<(&str, Instant)>));
        let watched = Arc::downgrade(&waits);
        std::thread::spawn(move || {
            while let Some(waits) = watched.upgrade() {
                let now = *waits.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((call, _)) = now.filter(|(_, since)| since.elapsed() > timeout) {
                    eprintln!("process {rank} has waited for more than {timeout:?} in `{call}`");
                    std::process::abort();
                }
                drop(waits);
                std::thread::sleep(Duration::from_millis(100).min(timeout / 4));
            }
        });
        Self { rank, size, waits }
    }

    /// Makes a call, and is watched meanwhile.
    fn watched(&self, call: &'static str, make: impl FnOnce(&SimpleCommunicator)) {
        let is_in = |state| *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = state;
        is_in(Some((call, Instant::now())));
        make(&SimpleCommunicator::world());
        is_in(None);
    }

    /// The lengths and places of the parts of a buffer, as MPI counts them: in 31 bits.
    fn parts(&self, call: &'static str, len: usize, lengths: &[usize]) -> Result<[Vec<i32>; 2]> {
        let fits = lengths.len() == self.size && lengths.iter().sum::<usize>() == len;
        if !fits || i32::try_from(len).is_err() {
            let reason = format!("{len} bytes are too many, or not those of the processes");
            return Err(Error::Collective { call, rank: self.rank, reason });
        }
        let counts: Vec<i32> = lengths.iter().map(|&length| length as i32).collect();
        let mut places = vec![0; self.size];
        (1..self.size).for_each(|at| places[at] = places[at - 1] + counts[at - 1]);
        Ok([counts, places])
    }
}

/// The same bytes, or if there are none others with an address of their own: that of an empty slice is one that MPI takes
/// for a sign.
fn placed(bytes: &[u8]) -> &[u8] {
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
        let mine = Partition::new(placed(mine), to, to_places);
        let mut theirs = PartitionMut::new(theirs, from, from_places);
        self.watched("exchange", |all| all.all_to_all_varcount_into(&mine, &mut theirs));
        Ok(())
    }

    fn gather(&mut self, mine: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        let [lengths, places] = self.parts("gather", all.len(), lengths)?;
        let all = if all.is_empty() { &mut [0][..] } else { all };
        let mut parts = PartitionMut::new(all, lengths, places);
        let mine = &placed(mine)[..mine.len()];
        self.watched("gather", |all| all.all_gather_varcount_into(mine, &mut parts));
        Ok(())
    }

    fn broadcast(&mut self, from: usize, bytes: &mut [u8]) -> Result<()> {
        // 1 GiB at a time, which MPI can count.
        for bytes in bytes.chunks_mut(1 << 30) {
            self.watched("broadcast", |all| all.process_at_rank(from as i32).broadcast_into(bytes));
        }
        Ok(())
    }
}
