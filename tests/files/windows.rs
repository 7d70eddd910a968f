//! Windows of a series, against windows that are cut by hand.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::*;
use autoencoder::size::{DynWindow, Size, Window};
use autoencoder::*;
use nalgebra::Dyn;
use proptest::prelude::*;

type Steps = InMemory<'static, f64, Dyn>;

/// So many steps of two channels, all different.
fn series(steps: usize) -> Batch<f64, Dyn> {
    Batch::new(Dyn(2), (0..2 * steps).map(|k| k as f64 * 0.5 - 3.0).collect()).unwrap()
}

fn windows(steps: usize, long: usize) -> Result<Windows<Steps, DynWindow>> {
    Windows::new(InMemory::from(series(steps)), DynWindow { channels: 2, steps: long })
}

/// The first steps of the windows of a series, by the definition.
fn begins(steps: usize, long: usize, stride: usize, anew: &[usize]) -> Vec<usize> {
    let mut begins = Vec::new();
    let mut part = 0;
    for begin in 0..steps {
        if anew.contains(&begin) {
            part = begin;
        }
        let has_no_gap = !anew.iter().any(|&step| begin < step && step < begin + long);
        if begin + long <= steps && has_no_gap && (begin - part) % stride == 0 {
            begins.push(begin);
        }
    }
    begins
}

/// Windows as plain features, for the laws of all sources.
#[derive(Debug)]
pub struct ThreeWindows(Windows<Steps, DynWindow>);

impl ThreeWindows {
    /// Of two steps, and a part too short for one.
    pub fn new() -> (Self, Vec<f64>) {
        let windows = windows(8, 2).unwrap().stride(2).unwrap().anew_at(&[4, 5]).unwrap();
        let series = series(8);
        let values = [0, 2, 5].map(|begin| &series.as_slice()[2 * begin..2 * begin + 4]);
        (Self(windows), values.concat())
    }
}

impl Source for ThreeWindows {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        Dyn(self.0.size().value())
    }
    fn samples(&self) -> usize {
        self.0.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.0.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, f64>) -> Result<usize> {
        self.0.read(to)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.0.skip(samples)
    }
}

proptest! {
    #[test]
    fn windows_are_those_that_are_cut_by_hand(
        steps in 1_usize..300,
        long in 1_usize..90,
        stride in 1_usize..100,
        mut anew in prop::collection::btree_set(1_usize..300, 0..4),
        reads in 1_usize..7,
    ) {
        anew.retain(|&step| step < steps);
        let anew: Vec<usize> = anew.into_iter().collect();
        let expected = begins(steps, long, stride, &anew);
        let made = windows(steps, long)
            .and_then(|windows| windows.stride(stride))
            .and_then(|windows| windows.anew_at(&anew));
        let mut windows = match made {
            Ok(windows) => windows,
            Err(error) => {
                prop_assert!(expected.is_empty(), "{}", error);
                return Ok(());
            }
        };
        prop_assert_eq!(windows.samples(), expected.len());
        let series = series(steps);
        let mut room = Batch::zeros(windows.size(), reads);
        let mut read = Vec::new();
        loop {
            let count = windows.read(room.view_mut()).unwrap();
            if count == 0 { break; }
            read.extend(room.iter().take(count).map(<[f64]>::to_vec));
        }
        let by_hand: Vec<Vec<f64>> =
            expected.iter().map(|&begin| series.as_slice()[2 * begin..2 * (begin + long)].to_vec()).collect();
        prop_assert_eq!(read, by_hand);
        // Blocks are as many windows of one part in a row as there is room for, without a step in two of them.
        for length in [1, 2, 5] {
            let part = |begin: usize| anew.iter().filter(|&&step| step <= begin).count();
            let mut by_hand: Vec<std::ops::Range<usize>> = Vec::new();
            for first in 0..(expected.len() + 1).saturating_sub(length) {
                let last = first + length - 1;
                let is_one = part(expected[first]) == part(expected[last]);
                let is_free = by_hand.last().is_none_or(|block| expected[block.end - 1] + long <= expected[first]);
                if is_one && is_free {
                    by_hand.push(first..first + length);
                }
            }
            match windows.blocks(length) {
                Ok(blocks) => prop_assert_eq!(blocks, by_hand),
                Err(_) => prop_assert!(by_hand.is_empty()),
            }
        }
        // The steps of each window have its score.
        let scores: Vec<f64> = (0..expected.len()).map(|k| ((k * 37) % 11) as f64).collect();
        let on_steps = windows.on_steps(&scores).unwrap();
        for step in 0..steps {
            let holds = expected.iter().zip(&scores).filter(|(begin, _)| (**begin..**begin + long).contains(&step));
            let of_step: Vec<f64> = holds.map(|(_, &score)| score).collect();
            let (mean, max) = (on_steps.mean[step], on_steps.max[step]);
            if of_step.is_empty() {
                prop_assert!(mean.is_nan() && max.is_nan());
            } else {
                prop_assert!((mean - of_step.iter().sum::<f64>() / of_step.len() as f64).abs() < 1e-12);
                prop_assert_eq!(max, of_step.into_iter().fold(f64::MIN, f64::max));
            }
        }
    }

    #[test]
    fn a_rolling_window_is_the_last_one(steps in 1_usize..60, long in 1_usize..9, gap in 1_usize..60) {
        let series = series(steps);
        let mut rolling = RollingWindow::new(DynWindow { channels: 2, steps: long }).unwrap();
        let mut read = Vec::new();
        for (step, values) in series.iter().enumerate() {
            if step == gap {
                rolling.gap();
            }
            let window = rolling.push(values).unwrap();
            read.extend(window.map(<[f64]>::to_vec));
        }
        let expected = begins(steps, long, 1, &[gap]).into_iter();
        let by_hand: Vec<Vec<f64>> =
            expected.map(|begin| series.as_slice()[2 * begin..2 * (begin + long)].to_vec()).collect();
        prop_assert_eq!(read, by_hand);
    }
}

#[test]
fn a_model_is_trained_on_windows_as_on_a_batch_of_them() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<10, 3>::new(Tanh))
            .decoder(Dense::<3, 10>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    let series = series(90);
    let series = series.with_size(nalgebra::Const::<2>).unwrap();
    let mut windows = Windows::new(InMemory::from(&series), Window::<2, 5>).unwrap();
    let all: Batch<f64, Window<2, 5>> = windows.load().unwrap();
    assert_eq!(all.samples(), 86);
    // In order, as a stream that does not fit into its buffer is not shuffled as a batch is.
    let trainer = || Trainer::new(Adam::new(1e-2).unwrap()).epochs(3).batch_size(20).shuffle(false);
    let (mut of_stream, mut of_memory) = (build(), build());
    trainer().fit(&mut of_stream, &mut windows).unwrap();
    trainer().fit(&mut of_memory, &all).unwrap();
    assert_eq!(of_stream.parameters(), of_memory.parameters());
    assert_ne!(of_memory.parameters(), build().parameters());
}

/// Each channel alike at every place, in windows step by step and in images channel by channel.
#[test]
fn a_normalizer_of_steps_is_one_of_windows() {
    let steps = Batch::from_iter([[1.0, 10.0], [3.0, 20.0], [5.0, 60.0]]);
    for normalization in
        [Normalization::Standardize, Normalization::MinMax { low: -1.0, high: 1.0 }]
    {
        let of_steps = Normalizer::fit(normalization, &steps).unwrap();
        let mut normalized = steps.clone();
        of_steps.apply(normalized.view_mut()).unwrap();
        let by_step = normalized.as_slice();
        let mut window = Batch::new(Dyn(6), steps.as_slice().to_vec()).unwrap();
        of_steps.per_channel(Window::<2, 3>).unwrap().apply(window.view_mut()).unwrap();
        assert_eq!(window.as_slice(), by_step);
        let planes = [1.0, 3.0, 5.0, 10.0, 20.0, 60.0];
        let mut image = Batch::new(Dyn(6), planes.to_vec()).unwrap();
        of_steps.per_channel(size::Image::<2, 1, 3>).unwrap().apply(image.view_mut()).unwrap();
        assert_eq!(image.as_slice(), [0, 2, 4, 1, 3, 5].map(|at| by_step[at]));
        let refused = of_steps.per_channel(Window::<3, 2>).unwrap_err();
        assert!(matches!(refused, Error::SizeMismatch { expected: 2, found: 3, .. }));
    }
    let one_scale =
        Normalizer::fit(Normalization::Truncate { centre_samples: false }, &steps).unwrap();
    assert_eq!(one_scale.per_channel(Window::<2, 3>).unwrap(), one_scale);
    // The deviation of steps less their own means is none of windows less theirs.
    let centred =
        Normalizer::fit(Normalization::Truncate { centre_samples: true }, &steps).unwrap();
    assert!(centred.per_channel(Window::<2, 3>).unwrap_err().to_string().contains("centred"));
    let scaled = Normalizer::fit(Normalization::Standardize, &steps).unwrap();
    for (height, width) in [(0, 3), (1 << 40, 1 << 30)] {
        let size = size::DynImage { channels: 2, height, width };
        assert!(matches!(scaled.per_channel(size), Err(Error::InvalidParameter { .. })));
    }
}

#[test]
fn gaps_are_found_by_the_time() {
    assert_eq!(gaps(&[0.0, 1.0, 2.5, 3.0], 1.0).unwrap(), [2]);
    assert!(gaps(&[], 1.0).unwrap().is_empty());
    let refused = |times: &[f64], longest| gaps(times, longest).unwrap_err().to_string();
    let back = "gaps: step 2 (counted from 0) lies 1 before the one before it: sort the series by time first";
    assert_eq!(refused(&[0.0, 2.0, 1.0], 1.0), back);
    assert!(refused(&[0.0, 1.0], f64::NAN).contains("positive"));
    assert!(refused(&[0.0, f64::NAN], 1.0).contains("time 1"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |made: Result<Windows<Steps, DynWindow>>| made.unwrap_err().to_string();
    let of_three = Windows::new(InMemory::from(series(9)), DynWindow { channels: 3, steps: 2 });
    assert!(matches!(of_three, Err(Error::SizeMismatch { expected: 3, found: 2, .. })));
    assert!(refused(windows(9, 0)).contains("steps of a window"));
    assert!(refused(windows(9, 10)).contains("at least the steps of a window"));
    let nine = || windows(9, 3).unwrap();
    assert!(refused(nine().stride(0)).contains("stride"));
    for anew in [&[0][..], &[9], &[4, 4], &[5, 3], &[12], &[3, 9]] {
        assert!(refused(nine().anew_at(anew)).contains("after the one before"), "{anew:?}");
    }
    assert!(refused(nine().anew_at(&[2, 4, 6, 8])).contains("at least the steps of a window"));
    assert!(matches!(
        nine().on_steps(&[0.0; 6]),
        Err(Error::SizeMismatch { expected: 7, found: 6, .. })
    ));
    assert!(matches!(nine().on_steps(&[f64::NAN; 7]), Err(Error::EntryNotFinite { index: 0, .. })));
    let mut rolling = RollingWindow::new(DynWindow { channels: 2, steps: 2 }).unwrap();
    assert_eq!(rolling.push(&[1.0, 2.0]).unwrap(), None);
    assert!(matches!(rolling.push(&[1.0]), Err(Error::SizeMismatch { expected: 2, found: 1, .. })));
    assert!(matches!(
        rolling.push(&[1.0, f64::INFINITY]),
        Err(Error::EntryNotFinite { index: 1, .. })
    ));
    // What was refused was not taken, and left a gap.
    assert_eq!(rolling.push(&[3.0, 4.0]).unwrap(), None);
    assert_eq!(rolling.push(&[5.0, 6.0]).unwrap(), Some(&[3.0, 4.0, 5.0, 6.0][..]));
    for (channels, steps) in [(0, 2), (2, 0), (1, 1 << 63), (1 << 40, 1 << 40)] {
        assert!(RollingWindow::<f64, _>::new(DynWindow { channels, steps }).is_err());
    }
    let no_channels = Windows::new(
        InMemory::from(Batch::<f64, _>::zeros(Dyn(0), 3)),
        DynWindow { channels: 0, steps: 2 },
    );
    assert!(no_channels.unwrap_err().to_string().contains("channels of a window"));
}

/// A source of one's own that gives more than it is asked for.
#[derive(Debug)]
struct Generous(Steps);
impl Source for Generous {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        self.0.size()
    }
    fn samples(&self) -> usize {
        self.0.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.0.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, f64>) -> Result<usize> {
        let room = to.samples();
        self.0.read(to).map(|count| count.max(room + 1))
    }
}

#[test]
fn a_source_is_not_believed() {
    let source = Generous(InMemory::from(series(9)));
    let mut windows = Windows::new(source, DynWindow { channels: 2, steps: 3 }).unwrap();
    let refused = windows.load().unwrap_err();
    assert!(matches!(refused, Error::SizeMismatch { unit: "samples at most", .. }), "{refused}");
}
