use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Collective;
use crate::error::{Error, Result};

/// Processes that are threads of this one: to try out what otherwise needs a cluster.
///
/// A call waits for the others; one that has been dropped, be it that its thread has panicked, ends it with an error.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::collective::Threaded;
/// use autoencoder::{Adam, AutoEncoder, Dense, Result, Trainer, datasets};
///
/// let digits = datasets::digits();
/// let train = |process: Threaded| -> Result<Vec<f32>> {
///     let mut model = AutoEncoder::builder()
///         .encoder(Dense::<64, 8>::new(Tanh))
///         .decoder(Dense::<8, 64>::new(Identity))
///         .build::<f32>()?;
///     Trainer::new(Adam::new(1e-2)?)
///         .epochs(2)
///         .shards(2)
///         .collective(process)
///         .fit(&mut model, &digits.train)?;
///     Ok(model.parameters().to_vec())
/// };
/// let [one, other] = Threaded::team::<2>();
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| train(other));
///     assert_eq!(train(one).unwrap(), other.join().unwrap().unwrap());
/// });
/// ```
#[derive(Debug)]
pub struct Threaded {
    rank: usize,
    team: Arc<Team>,
}

#[derive(Debug)]
struct Team {
    size: usize,
    table: Mutex<Table>,
    has_changed: Condvar,
}

/// Where all lay down what they give, and then take what they get.
#[derive(Debug)]
struct Table {
    given: Vec<Vec<u8>>,
    /// How many bytes of what each gives are for whom.
    lengths: Vec<Vec<usize>>,
    has_given: Vec<bool>,
    /// How many have taken all that they wanted.
    done: usize,
    /// The first that is gone.
    gone: Option<usize>,
}

impl Threaded {
    /// So many of them, one for each thread.
    pub fn team<const N: usize>() -> [Self; N] {
        let team = Self::of(N);
        std::array::from_fn(|rank| Self { rank, team: Arc::clone(&team) })
    }

    /// The same for a number that is known when it runs.
    pub fn team_of(size: usize) -> Vec<Self> {
        let team = Self::of(size);
        (0..size).map(|rank| Self { rank, team: Arc::clone(&team) }).collect()
    }

    fn of(size: usize) -> Arc<Team> {
        let table = Table {
            given: vec![Vec::new(); size],
            lengths: vec![Vec::new(); size],
            has_given: vec![false; size],
            done: 0,
            gone: None,
        };
        Arc::new(Team { size, table: Mutex::new(table), has_changed: Condvar::new() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // What a thread that has panicked has left is not used: it is gone.
        self.team.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the table is as it is to be.
    fn wait(
        &self,
        call: &'static str,
        is_as_wanted: impl Fn(&Table) -> bool,
    ) -> Result<MutexGuard<'_, Table>> {
        let mut table = self.table();
        while !is_as_wanted(&table) {
            if let Some(gone) = table.gone {
                let reason = format!("process {gone} is gone");
                return Err(Error::Collective { call, rank: self.rank, reason });
            }
            table = self.team.has_changed.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(table)
    }

    /// Lays down what this process gives, waits for all others, and lets `take` have what each gives with its lengths.
    fn meet(
        &mut self,
        call: &'static str,
        mine: &[u8],
        lengths: &[usize],
        take: impl FnOnce(&[Vec<u8>], &[Vec<usize>]) -> bool,
    ) -> Result<()> {
        let (rank, size) = (self.rank, self.team.size);
        let mut table = self.wait(call, |table| !table.has_given[rank])?;
        table.given[rank].clear();
        table.given[rank].extend_from_slice(mine);
        table.lengths[rank].clear();
        table.lengths[rank].extend_from_slice(lengths);
        table.has_given[rank] = true;
        drop(table);
        self.team.has_changed.notify_all();
        let mut table = self.wait(call, |table| table.has_given.iter().all(|&given| given))?;
        let fits = take(&table.given, &table.lengths);
        table.done += 1;
        let is_last = table.done == size;
        if is_last {
            table.done = 0;
            table.has_given.fill(false);
        }
        drop(table);
        self.team.has_changed.notify_all();
        // The next call begins when all have taken, so that none is ahead by more than one.
        if !is_last {
            drop(self.wait(call, |table| !table.has_given[rank])?);
        }
        if fits {
            return Ok(());
        }
        let reason = "the processes do not make the same calls, or with other lengths".to_owned();
        Err(Error::Collective { call, rank, reason })
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        let rank = self.rank;
        self.table().gone.get_or_insert(rank);
        self.team.has_changed.notify_all();
    }
}

/// Copies a part to the front of a place, which then is what lies behind; whether it fits.
fn put(part: Option<&[u8]>, length: usize, place: &mut &mut [u8]) -> bool {
    let Some(part) = part.filter(|part| part.len() == length && length <= place.len()) else {
        return false;
    };
    let (front, behind) = std::mem::take(place).split_at_mut(length);
    front.copy_from_slice(part);
    *place = behind;
    true
}

impl Collective for Threaded {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.team.size
    }

    fn exchange(
        &mut self,
        mine: &[u8],
        to: &[usize],
        theirs: &mut [u8],
        from: &[usize],
    ) -> Result<()> {
        let rank = self.rank;
        self.meet("exchange", mine, to, |given, lengths| {
            let mut place = theirs;
            let all = given.iter().zip(lengths).zip(from);
            all.fold(true, |fits, ((given, lengths), &length)| {
                let first: usize = lengths.iter().take(rank).sum();
                let own = lengths.get(rank).copied().unwrap_or_default();
                fits && put(given.get(first..first + own), length, &mut place)
            }) && place.is_empty()
        })
    }

    fn gather(&mut self, mine: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        self.meet("gather", mine, &[], |given, _| {
            let mut place = all;
            let parts = given.iter().zip(lengths);
            parts.fold(true, |fits, (given, &length)| fits && put(Some(given), length, &mut place))
                && place.is_empty()
        })
    }

    fn broadcast(&mut self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let mine: &[u8] = if from == self.rank { bytes } else { &[] };
        // Of this one alone, so that what is given and taken can be one slice.
        let mine = mine.to_vec();
        self.meet("broadcast", &mine, &[], |given, _| {
            let mut place = bytes;
            let length = place.len();
            put(given.get(from).map(Vec::as_slice), length, &mut place)
        })
    }
}
