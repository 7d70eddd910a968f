//! How a training is shared out: shards of a batch, each with a pass of its own, among the processes that train together.

use std::ops::Range;

use super::columns::{Columns, Gathered};
use super::moved::{CHUNK, Chunk};
use super::trainable::{Chosen, Shard, Trainee};
use crate::collective::{Collective, Pieces, part_of};
use crate::error::{Error, Result};
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::terms::Terms;

/// The shards of a batch and the processes that take them: process r takes the shards r, r + size, r + 2 size, …, one in
/// each round, so that those of a round, in the order of the processes, are in the order of the shards.
pub(super) struct Team<T> {
    shards: usize,
    rank: usize,
    size: usize,
    pieces: Pieces,
    /// Where the parameters lie that each process moves, in whole chunks.
    places: Vec<Range<usize>>,
    /// Which chunks these are.
    chunks: Vec<Range<usize>>,
    /// The objective of the last batch.
    pub(super) terms: Terms,
    /// The gradient of the last batch, of the parameters that this process moves.
    sum: Vec<T>,
    shares: Vec<T>,
    said: Said,
    takes_part: Vec<bool>,
}

impl<T: Float> Team<T> {
    /// For a model whose parameters are moved in so many chunks that begin there.
    pub(super) fn new(shards: usize, all: &dyn Collective, model: &dyn Trainee<T>) -> Self {
        let (rank, size) = (all.rank(), all.size());
        let mut starts = Vec::new();
        for tensor in model.layout().tensors() {
            starts.extend(tensor.range.clone().step_by(CHUNK));
        }
        let chunks: Vec<_> = (0..size).map(|rank| part_of(starts.len(), size, rank)).collect();
        let end = model.parameters().len();
        let start_of = |chunk: usize| starts.get(chunk).copied().unwrap_or(end);
        let place = |chunks: &Range<usize>| start_of(chunks.start)..start_of(chunks.end);
        let places = chunks.iter().map(place).collect();
        Self {
            shards,
            rank,
            size,
            pieces: Pieces::new(),
            places,
            chunks,
            terms: Terms::new(),
            sum: Vec::new(),
            shares: Vec::new(),
            said: Said::default(),
            takes_part: Vec::new(),
        }
    }

    /// Whether this process is all there is.
    pub(super) fn is_alone(&self) -> bool {
        self.size == 1
    }

    /// Whether a batch is one shard.
    pub(super) fn is_whole(&self) -> bool {
        self.shards == 1
    }

    /// The chunks that this process moves.
    pub(super) fn chunks(&self) -> Range<usize> {
        self.chunks[self.rank].clone()
    }

    /// Where the parameters of these chunks lie.
    pub(super) fn place(&self) -> Range<usize> {
        self.places[self.rank].clone()
    }

    /// The objective of a batch and, if wanted, its gradient, of which this process then has what it
    /// [moves](Self::place). The randomness is that of the whole batch.
    pub(super) fn evaluate(
        &mut self,
        all: &mut dyn Collective,
        model: &mut dyn Trainee<T>,
        at: Option<&[T]>,
        batch: &Batch<'_, T>,
        gathered: &mut Gathered<T>,
        mut gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let samples = batch.columns.samples();
        if self.is_whole() {
            let (rows, shares) = gathered.take(&batch.columns, 0..samples, 0);
            let chosen = Chosen { rows, shares, streams: batch.streams, shard: None };
            model.pass(at, &chosen, gradient);
            self.terms.copy_from(model.terms());
            return Ok(());
        }
        let gathers = model.gathers();
        if gathers {
            self.gather_codes(all, model, at, batch, gathered, gradient.is_some())?;
        }
        // A batch that is smaller than the number of shards leaves some without samples.
        let rounds = self.shards.div_ceil(self.size);
        let is_encoded = gathers && rounds == 1;
        self.terms.clear();
        let (mut before, mut is_first) = (0, true);
        for round in 0..rounds {
            let own = self.shard(samples, round, self.rank);
            let share = own.as_ref().map_or(0.0, |own| batch.columns.share(own));
            if let Some(own) = own {
                let length = own.len();
                let shard = Shard { first: own.start, share, is_encoded };
                let streams = batch.streams.map(|streams| streams.starting_at(own.start));
                let (rows, shares) = gathered.take(&batch.columns, own, before);
                let shard = gathers.then_some(shard);
                let chosen = Chosen { rows, shares, streams, shard };
                model.pass(at, &chosen, gradient.as_deref_mut());
                before += length;
            }
            self.add_terms(all, model.terms(), share)?;
            let Some(gradient) = gradient.as_deref_mut() else { continue };
            let mut takes_part = std::mem::take(&mut self.takes_part);
            takes_part.clear();
            let takes = |rank| self.shard(samples, round, rank).is_some();
            takes_part.extend((0..self.size).map(takes));
            self.takes_part = takes_part;
            if self.takes_part.contains(&true) {
                let Self { pieces, places, takes_part, sum, .. } = self;
                let share = T::of(share);
                let who = (&places[..], &takes_part[..]);
                pieces.add(all, gradient, share, who, is_first, sum)?;
                is_first = false;
            }
        }
        if let Some(gradient) = gradient {
            gradient[self.place()].copy_from_slice(&self.sum);
        }
        Ok(())
    }

    /// The places, in a batch of so many samples, of the shards that a process takes.
    pub(super) fn shards_of(
        &self,
        rank: usize,
        samples: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<T> {
        let shards = self.shards;
        let numbers = (rank..shards).step_by(self.size);
        numbers.map(move |number| part_of(samples, shards, number))
    }

    /// How many of so many samples are in the shards that this process takes.
    pub(super) fn own_samples(&self, samples: usize) -> usize {
        self.shards_of(self.rank, samples).map(|shard| shard.len()).sum()
    }

    /// The shard of this process in this round, if it has samples.
    fn shard(&self, samples: usize, round: usize, rank: usize) -> Option<Range<usize>> {
        let number = round * self.size + rank;
        let shard = (number < self.shards).then(|| part_of(samples, self.shards, number));
        shard.filter(|shard| !shard.is_empty())
    }

    /// Lets the model know the codes of all shards.
    fn gather_codes(
        &mut self,
        all: &mut dyn Collective,
        model: &mut dyn Trainee<T>,
        at: Option<&[T]>,
        batch: &Batch<'_, T>,
        gathered: &mut Gathered<T>,
        wants_gradient: bool,
    ) -> Result<()> {
        let samples = batch.columns.samples();
        model.begin_batch(samples, batch.streams.is_some());
        let mut before = 0;
        for round in 0..self.shards.div_ceil(self.size) {
            let mut mine = std::mem::take(&mut self.said.mine);
            mine.clear();
            if let Some(own) = self.shard(samples, round, self.rank) {
                let length = own.len();
                let streams = batch.streams.map(|streams| streams.starting_at(own.start));
                let (rows, shares) = gathered.take(&batch.columns, own, before);
                let chosen = Chosen { rows, shares, streams, shard: None };
                model.encode(at, &chosen, &mut mine);
                before += length;
            }
            self.said.mine = mine;
            self.said.gather(all)?;
            for (rank, codes) in self.said.of_each().enumerate() {
                let Some(shard) = self.shard(samples, round, rank) else { continue };
                let place = (shard.start, shard.len());
                model.take_codes(place, codes).ok_or_else(|| other_numbers(self.rank))?;
            }
        }
        let shares = batch.columns.shares(&mut self.shares);
        model.end_batch(at, (shares, batch.streams), wants_gradient);
        Ok(())
    }

    /// Adds the terms of the shards of a round, each with what it counts.
    fn add_terms(&mut self, all: &mut dyn Collective, terms: &Terms, share: f64) -> Result<()> {
        if self.is_alone() {
            if share > 0.0 {
                self.terms.accumulate(terms, share);
            }
            return Ok(());
        }
        let mine = &mut self.said.mine;
        mine.clear();
        mine.extend(share.to_ne_bytes());
        if share > 0.0 {
            terms.write(mine);
        }
        self.said.gather(all)?;
        for said in self.said.of_each() {
            let Some((share, said)) = said.split_first_chunk() else { continue };
            let share = f64::from_ne_bytes(*share);
            if share > 0.0 {
                let taken = self.terms.accumulate_written(said, share, terms);
                taken.ok_or_else(|| other_numbers(self.rank))?;
            }
        }
        Ok(())
    }

    /// Gives all processes the gradient that each has a part of, or the parameters.
    pub(super) fn complete(&mut self, all: &mut dyn Collective, values: &mut [T]) -> Result<()> {
        self.pieces.gather(all, values, &self.places)
    }

    /// The same of numbers of which there are so many for each parameter.
    #[cfg(feature = "safetensors")]
    pub(super) fn complete_states(
        &mut self,
        all: &mut dyn Collective,
        states: usize,
        values: &mut [T],
    ) -> Result<()> {
        let of_states = |place: &Range<usize>| states * place.start..states * place.end;
        let places: Vec<_> = self.places.iter().map(of_states).collect();
        self.pieces.gather(all, values, &places)
    }

    /// Gives all processes what each has found of its chunks.
    pub(super) fn share_chunks(
        &mut self,
        all: &mut dyn Collective,
        chunks: &mut [Chunk],
    ) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let own = &chunks[self.chunks()];
        let mine = &mut self.said.mine;
        mine.clear();
        for chunk in own {
            mine.extend(chunk.squares.to_ne_bytes());
            mine.push(u8::from(chunk.is_finite));
        }
        self.said.gather(all)?;
        for (chunk, bytes) in chunks.iter_mut().zip(self.said.all.chunks_exact(9)) {
            let Some((squares, is_finite)) = bytes.split_first_chunk() else { continue };
            let squares = f64::from_ne_bytes(*squares);
            *chunk = Chunk { squares, is_finite: is_finite == [1] };
        }
        Ok(())
    }

    /// Whether one of the processes says so.
    pub(super) fn any(&mut self, all: &mut dyn Collective, says: bool) -> Result<bool> {
        if self.is_alone() {
            return Ok(says);
        }
        self.said.mine.clear();
        self.said.mine.push(u8::from(says));
        self.said.gather(all)?;
        Ok(self.said.all.contains(&1))
    }
}

/// The samples of a step or of a validation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a, T> {
    pub(super) columns: Columns<'a, T>,
    pub(super) streams: Option<Streams<'a>>,
}

/// What all processes say, each as many bytes as it likes.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What this process says.
    pub(super) mine: Vec<u8>,
    all: Vec<u8>,
    lengths: Vec<usize>,
    counts: Vec<u8>,
}

impl Said {
    /// Lets all hear what each says.
    pub(super) fn gather(&mut self, all: &mut dyn Collective) -> Result<()> {
        let (size, own) = (all.size(), (self.mine.len() as u64).to_ne_bytes());
        self.lengths.clear();
        self.lengths.resize(size, own.len());
        self.counts.clear();
        self.counts.resize(size * own.len(), 0);
        all.gather(&own, &mut self.counts, &self.lengths)?;
        let counts = self.counts.as_chunks().0.iter();
        self.lengths.clear();
        self.lengths.extend(counts.map(|&count| u64::from_ne_bytes(count) as usize));
        self.all.resize(self.lengths.iter().sum(), 0);
        all.gather(&self.mine, &mut self.all, &self.lengths)
    }

    /// What each has said, in the order of the processes.
    pub(super) fn of_each(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.all[..];
        self.lengths.iter().map(move |&length| {
            let (said, behind) = rest.split_at(length);
            rest = behind;
            said
        })
    }
}

/// What a process says whose numbers are not those of the others.
fn other_numbers(rank: usize) -> Error {
    let reason = "another process sends other numbers than this one expects".to_owned();
    Error::Collective { call: "gather", rank, reason }
}
