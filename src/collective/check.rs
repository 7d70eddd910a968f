use super::Collective;
use crate::error::{Error, Result};

/// Puts a collective to the test: all its calls, with lengths that differ from process to process and with none at all.
/// To be called in all processes at once, before anything else.
///
/// # Errors
/// [`Error::Collective`] with the call that did not give what it should.
pub fn check(all: &mut (impl Collective + ?Sized)) -> Result<()> {
    let (rank, size) = (all.rank(), all.size());
    let failed = |call, what: &str| {
        let reason = format!("{what} ({size} processes)");
        Err(Error::Collective { call, rank, reason })
    };
    if rank >= size {
        return failed("rank", "is not below the number of processes");
    }
    for most in [0, 1, 3, 70_000] {
        // Another number of bytes for each pair, and bytes that tell the pair and their place.
        let length = |from: usize, to: usize| most * ((from + 2 * to) % 3);
        let byte = |from: usize, to: usize, at: usize| (31 * from + 7 * to + at + most) as u8;
        let bytes =
            |from: usize, to: usize| (0..length(from, to)).map(move |at| byte(from, to, at));
        let mine: Vec<u8> = (0..size).flat_map(|to| bytes(rank, to)).collect();
        let wanted: Vec<u8> = (0..size).flat_map(|from| bytes(from, rank)).collect();
        let to: Vec<usize> = (0..size).map(|to| length(rank, to)).collect();
        let from: Vec<usize> = (0..size).map(|from| length(from, rank)).collect();
        let mut theirs = vec![0; wanted.len()];
        all.exchange(&mine, &to, &mut theirs, &from)?;
        if theirs != wanted {
            return failed("exchange", "does not give what the others send to this process");
        }

        let wanted: Vec<u8> = (0..size).flat_map(|from| bytes(from, 0)).collect();
        let lengths: Vec<usize> = (0..size).map(|from| length(from, 0)).collect();
        let mine: Vec<u8> = bytes(rank, 0).collect();
        let mut found = vec![0; wanted.len()];
        all.gather(&mine, &mut found, &lengths)?;
        if found != wanted {
            return failed("gather", "does not give what each process has, in their order");
        }

        for from in 0..size {
            let wanted: Vec<u8> = bytes(from, 1).collect();
            let mut found = if rank == from { wanted.clone() } else { vec![0; wanted.len()] };
            all.broadcast(from, &mut found)?;
            if found != wanted {
                return failed("broadcast", "does not give what that process has");
            }
        }
    }
    Ok(())
}
