use nalgebra::Const;
use rand::{Rng, RngExt};

use crate::batch::Batch;
use crate::error::{Result, require_count};
use crate::numbers::scalar::Float;
use crate::random::seeded;

/// The channels of [`sensors`], with their units.
pub const SENSOR_CHANNELS: [&str; 8] = [
    "motor current (A)",
    "motor temperature (°C)",
    "bearing temperature (°C)",
    "speed (1/min)",
    "inlet pressure (bar)",
    "outlet pressure (bar)",
    "flow (m³/h)",
    "vibration (mm/s)",
];

/// What can be wrong with a sensor row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The channel keeps the first value it ever had.
    Stuck,
    /// One reading far off.
    Spike,
    /// The channel has moved by a few of its noise's deviations.
    Drift,
    /// The channel has a normal value, but that of another moment.
    Broken,
}

/// Rows of a pump's sensors, some with a fault. Made by [`sensors`].
#[derive(Debug, Clone, PartialEq)]
pub struct Sensors<T> {
    /// 8 channels × samples; [`SENSOR_CHANNELS`] names them.
    pub rows: Batch<T, Const<8>>,
    /// The faulty channel of each row and what is wrong with it, or none.
    pub faults: Vec<Option<(usize, Fault)>>,
}

impl<T: Float> Sensors<T> {
    /// The rows without a fault, in their order.
    pub fn normal(&self) -> Batch<T, Const<8>> {
        self.rows.select((0..self.faults.len()).filter(|&row| self.faults[row].is_none()))
    }

    /// Whether each row has a fault.
    pub fn is_faulty(&self) -> Vec<bool> {
        self.faults.iter().map(Option::is_some).collect()
    }
}

/// The noise of each channel, in its units.
const NOISE: [f64; 8] = [0.3, 0.8, 0.7, 12.0, 0.05, 0.1, 0.8, 0.08];

/// All channels follow the pump's load and speed, and the weather.
fn row(rng: &mut dyn Rng) -> [f64; 8] {
    let (load, pace) = (f64::draw_uniform(rng), f64::draw_uniform(rng));
    let outside = 15.0 + 5.0 * f64::draw_normal(rng);
    let speed = 1400.0 + 1500.0 * pace;
    let flow = 20.0 + 60.0 * pace * (1.0 - 0.4 * load);
    let current = 8.0 + 18.0 * load * (0.4 + 0.6 * pace);
    let inlet = 2.0 - 0.5 * pace;
    let clean = [
        current,
        outside + 20.0 + 1.6 * current,
        outside + 10.0 + 0.6 * current + 0.01 * speed,
        speed,
        inlet,
        inlet + 3.0 * pace * pace + 2.5 * load,
        flow,
        0.8 + 1.2 * pace * pace + 0.6 * load,
    ];
    std::array::from_fn(|channel| clean[channel] + NOISE[channel] * f64::draw_normal(rng))
}

/// So many rows of the eight correlated sensors of a pump, in their units, each a moment of its own. About
/// one row in twenty has a fault in one channel: stuck, a spike, a drift, or a reading that does not fit
/// the others. The pump is made up; each channel is a smooth function of load, speed and weather, with noise.
///
/// # Shapes
/// 8 channels × samples, in the units that [`SENSOR_CHANNELS`] has.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples.
///
/// # Example
/// ```
/// let sensors = autoencoder::datasets::sensors::<f64>(1000, 7)?;
/// let faulty = sensors.is_faulty().iter().filter(|&&is| is).count();
/// assert!((25..75).contains(&faulty)); // 50 on average
/// assert_eq!(sensors.normal().samples() + faulty, 1000);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn sensors<T: Float>(samples: usize, seed: u64) -> Result<Sensors<T>> {
    require_count("sensors samples", samples)?;
    let rng = &mut seeded(seed);
    let first = row(rng);
    let mut faults = Vec::with_capacity(samples);
    let mut rows = Vec::with_capacity(samples.saturating_mul(8));
    for _ in 0..samples {
        let mut values = row(rng);
        // Drawn for every row, so that a row does not depend on the faults before it.
        let other = row(rng);
        let [which, kind, channel, sign] = std::array::from_fn(|_| rng.random::<f64>());
        let is_faulty = which < 0.05;
        if is_faulty {
            let channel = (8.0 * channel) as usize;
            let sign = if sign < 0.5 { -1.0 } else { 1.0 };
            let (fault, value) = match (4.0 * kind) as usize {
                0 => (Fault::Stuck, first[channel]),
                1 => (Fault::Spike, values[channel] + sign * 40.0 * NOISE[channel]),
                2 => (Fault::Drift, values[channel] + sign * 10.0 * NOISE[channel]),
                _ => (Fault::Broken, other[channel]),
            };
            values[channel] = value;
            faults.push(Some((channel, fault)));
        } else {
            faults.push(None);
        }
        rows.extend(values.map(T::of));
    }
    Ok(Sensors { rows: Batch::new(Const, rows)?, faults })
}
