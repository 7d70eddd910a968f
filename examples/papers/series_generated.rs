//! Series that are known, with one fault each: what row 19 was decided on, and its quick run.

use std::f64::consts::TAU;

use autoencoder::Float;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;

use crate::series::Series;

/// What a series does all the time.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    /// High by day, low by night.
    Works,
    /// A wave a day, and a level that wanders.
    Wanders,
    /// Bursts at any time, more by day.
    Bursts,
    /// A burst every three hours.
    Beats,
}

pub const HABITS: [Habit; 4] = [Habit::Works, Habit::Wanders, Habit::Bursts, Habit::Beats];

/// What a series does once.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// What it does at another time of the day.
    Shifted,
    /// The same value all the time.
    Stuck,
    /// A higher level.
    Raised,
    /// More noise.
    Noisy,
    /// Its pattern is half as high.
    Weak,
}

pub const FAULTS: [Fault; 5] =
    [Fault::Shifted, Fault::Stuck, Fault::Raised, Fault::Noisy, Fault::Weak];

/// Fourteen days, a step every five minutes, with a fault of three to twelve hours after the fourth; the first 15 % are for
/// training.
pub fn generated(habit: Habit, fault: Fault, seed: u64) -> Series {
    const DAY: usize = 288;
    const BEAT: usize = 36;
    let rng = &mut seeded(seed);
    let (steps, long) = (14 * DAY, rng.random_range(36..144));
    let begin = rng.random_range(4 * DAY..steps - long);
    let odd = begin..begin + long;
    let (mut level, mut burst, mut stuck) = (0.0, 0.0, None);
    let lines = (0..steps).map(|step| {
        let fault = Some(fault).filter(|_| odd.contains(&step));
        // By half a day and half a beat, as a beat that is shifted by whole ones is as it was.
        let by = if matches!(fault, Some(Fault::Shifted)) { DAY / 2 + BEAT / 2 } else { 0 };
        let at = step + by;
        let time = (at % DAY) as f64 / DAY as f64;
        let is_day = (0.3..0.75).contains(&time);
        level = 0.995 * level + 0.1 * f64::draw_normal(rng);
        let comes = match habit {
            Habit::Bursts => rng.random_range(0.0..1.0) < if is_day { 0.1 } else { 0.02 },
            Habit::Beats => at % BEAT == 0,
            Habit::Works | Habit::Wanders => false,
        };
        burst = if comes { 1.0 } else { 0.6 * burst };
        let pattern = match habit {
            Habit::Works if is_day => 4.0 + (12.0 * time).sin(),
            Habit::Works => 0.0,
            Habit::Wanders => 2.0 * (TAU * time).sin() + level,
            Habit::Bursts | Habit::Beats => 4.0 * burst,
        };
        let noise = f64::draw_normal(rng);
        let usual = pattern + 0.3 * noise;
        let value = match fault {
            Some(Fault::Stuck) => *stuck.get_or_insert(usual),
            Some(Fault::Raised) => usual + 2.0,
            Some(Fault::Noisy) => pattern + 0.9 * noise,
            Some(Fault::Weak) => usual - pattern / 2.0,
            Some(Fault::Shifted) | None => usual,
        };
        let (day, minute) = (step / DAY + 1, step % DAY * 5);
        format!("2024-04-{day:02} {:02}:{:02}:00,{value:.4}", minute / 60, minute % 60)
    });
    let lines = lines.collect();
    Series { name: format!("{habit:?} {fault:?}"), lines, odd: vec![odd], train: steps * 15 / 100 }
}
