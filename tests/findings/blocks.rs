//! What a calibration promises where samples follow one another, and where cells are missing; simulated with fixed seeds
//! and held against the binomial count.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, Conformal, NearestNeighbours, SquaredResidual};
use autoencoder::data::{InMemory, Source, Windows};
use autoencoder::random::{StreamRng, seeded};
use autoencoder::size::Window;
use autoencoder::*;

const STEPS: usize = 8;
const LENGTH: usize = 24;
/// With 19 held-out scores 0.05 is the least rate there is: all of continuous ones that are exchangeable come to it.
const HELD_OUT: usize = 19;
const ALPHA: f64 = 0.05;
const TRIALS: usize = 2000;

/// Five deviations of the binomial count of so many trials, as a share.
fn margin(trials: usize) -> f64 {
    5.0 * (ALPHA * (1.0 - ALPHA) / trials as f64).sqrt()
}

/// The stationary series xₜ = φ xₜ₋₁ + √(1 − φ²) εₜ.
fn series(steps: usize, phi: f64, rng: &mut StreamRng) -> Batch<f64, nalgebra::Const<1>> {
    let mut x = f64::draw_normal(rng);
    let next = |_| {
        let now = [x];
        x = phi * x + (1.0 - phi * phi).sqrt() * f64::draw_normal(rng);
        now
    };
    (0..steps).map(next).collect()
}

/// The mean square of each window, and the blocks.
fn windows(series: &Batch<f64, nalgebra::Const<1>>) -> (Vec<f64>, Vec<std::ops::Range<usize>>) {
    let mut windows = Windows::new(InMemory::from(series), Window::<1, STEPS>).unwrap();
    let all = windows.load().unwrap();
    let scores = all.iter().map(|x| x.iter().map(|x| x * x).sum::<f64>() / STEPS as f64);
    (scores.collect(), windows.blocks(LENGTH).unwrap())
}

/// The shares of trials in which a new normal block has a false alarm: calibrated by blocks, and by all windows before
/// the new block as if each were a sample of its own.
fn false_alarms(phi: f64, every: usize, seed: u64) -> [f64; 2] {
    let rng = &mut seeded(seed);
    let steps = (HELD_OUT * every + 1) * (LENGTH + STEPS - 1);
    let mut flagged = [0; 2];
    for _ in 0..TRIALS {
        let (scores, blocks) = windows(&series(steps, phi, rng));
        let mut blocks: Vec<_> = blocks.into_iter().step_by(every).collect();
        let new = blocks.pop().unwrap();
        assert_eq!(blocks.len(), HELD_OUT);
        let by_blocks = Conformal::of_blocks(&scores, &blocks).unwrap();
        let by_windows = Conformal::new(scores[..new.start - STEPS].to_vec()).unwrap();
        for (flagged, conformal) in flagged.iter_mut().zip([by_blocks, by_windows]) {
            let threshold = conformal.threshold(ALPHA).unwrap();
            *flagged += usize::from(scores[new.clone()].iter().any(|&score| score > threshold));
        }
    }
    flagged.map(|flagged| flagged as f64 / TRIALS as f64)
}

#[test]
fn a_normal_block_has_a_false_alarm_as_often_as_promised() {
    // Steps that are independent, and so blocks that are: the rate itself, from both sides.
    let [by_blocks, by_windows] = false_alarms(0.0, 1, 1);
    assert!((by_blocks - ALPHA).abs() <= margin(TRIALS), "{by_blocks}");
    assert!(by_windows > 3.0 * ALPHA, "{by_windows}");
    // A series that forgets: 0.7³¹ is 2e-5. Windows that each count promise nothing of the kind.
    let [by_blocks, by_windows] = false_alarms(0.7, 2, 2);
    assert!(by_blocks <= ALPHA + margin(TRIALS), "{by_blocks}");
    assert!(by_windows > 3.0 * ALPHA, "{by_windows}");
}

/// A single new window, long after, held against as many windows that overlap: less is known of it than they are many.
#[test]
fn windows_that_overlap_are_not_as_many_as_they_seem() {
    let (rng, mut flagged) = (&mut seeded(3), 0);
    for _ in 0..TRIALS {
        let (scores, _) = windows(&series(200, 0.7, rng));
        let held_out = Conformal::new(scores[..HELD_OUT].to_vec()).unwrap();
        flagged += usize::from(held_out.p_value(scores[scores.len() - 1]) <= ALPHA);
    }
    let rate = flagged as f64 / TRIALS as f64;
    assert!(rate > 2.0 * ALPHA + margin(TRIALS), "{rate}");
}

#[test]
fn a_detector_is_calibrated_by_blocks() {
    let rng = &mut seeded(4);
    let (first, held_out) = (series(200, 0.7, rng), series(1300, 0.7, rng));
    let model = AutoEncoder::builder()
        .encoder(Dense::<STEPS, 2>::new(Tanh))
        .decoder(Dense::<2, STEPS>::new(Identity))
        .build::<f64>()
        .unwrap();
    let of = |x| Windows::new(InMemory::from(x), Window::<1, STEPS>).unwrap();
    let first = of(&first).load().unwrap();
    let score = NearestNeighbours::new(1).unwrap();
    let mut detector = AnomalyDetector::fit(model, score, &first).unwrap();
    let mut windows = of(&held_out);
    let (blocks, held_out) = (windows.blocks(LENGTH).unwrap(), windows.load().unwrap());
    let scores = detector.scores(&held_out).unwrap();
    let conformal = detector.calibrate_blocks(&held_out, &blocks).unwrap().clone();
    assert_eq!(conformal, Conformal::of_blocks(&scores, &blocks).unwrap());
    assert_eq!((conformal.scores().len(), conformal.block()), (blocks.len(), LENGTH));
    let p_values = detector.p_values(&held_out).unwrap();
    assert_eq!(p_values[3], conformal.p_value(scores[3]));
    let by_blocks = detector.set_false_alarm_rate(0.1).unwrap().value();
    assert_eq!(by_blocks, conformal.threshold(0.1).unwrap());
    let says = format!("calibrated with {} blocks of 24 samples", blocks.len());
    assert!(detector.to_string().contains(&says), "{detector}");
    // Of 41 blocks no rate of 0.01 can be had, of 1,293 windows it can.
    let few = detector.set_false_alarm_rate(0.01).unwrap_err();
    assert_eq!(
        few.to_string(),
        "a false-alarm rate of 0.01 needs 99 held-out blocks of 24 samples, and there are 41 (the least rate with \
         them is 1/42, about 0.0239): calibrate with more, or take a greater rate"
    );
    assert!(matches!(few, Error::TooFewForRate { samples: 41, block: LENGTH, .. }));
    detector.calibrate(&held_out).unwrap();
    assert_eq!(detector.conformal().unwrap().block(), 1);
    assert!(detector.set_false_alarm_rate(0.1).unwrap().value() < by_blocks);
}

/// What lies in no block is neither a sample that the score has seen, nor one that shows what normal samples do.
#[test]
fn samples_in_no_block_count_nothing() {
    let level = |step: usize| (step as f64 * 0.7).sin();
    // The second column changes once, in sample 150.
    let rows = (0..200).map(|step| [level(step), f64::from(u8::from(step == 150))]);
    let rows: Batch<f64, _> = rows.collect();
    let model = AutoEncoder::builder()
        .encoder(Dense::<2, 1>::new(Tanh))
        .decoder(Dense::<1, 2>::new(Identity))
        .build::<f64>()
        .unwrap();
    let fitted = |end| AnomalyDetector::fit(model.clone(), SquaredResidual, &rows.select(0..end));

    // Blocks of samples that the score was fitted to, among many others.
    let mut detector = fitted(40).unwrap();
    let refused = detector.calibrate_blocks(&rows, &[0..10, 20..30]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the number of samples in blocks of `calibrate_blocks` that the score was fitted to is 20, but must be less than \
         half of them: of samples that the score has seen there is no guarantee, so take other normal ones"
    );
    // Blocks of others, among many that it was fitted to.
    let mut detector = fitted(140).unwrap();
    detector.calibrate_blocks(&rows, &[160..170, 180..190]).unwrap();
    assert_eq!(detector.shared_samples(), 0);
    // The change is odder than all that is normal, as it is in no block.
    let scores = detector.scores(&rows).unwrap();
    let greatest = scores[..140].iter().copied().fold(0.0, f64::max);
    assert!(scores[150] > greatest, "{} {greatest}", scores[150]);
    detector.calibrate_blocks(&rows, &[145..155, 180..190]).unwrap();
    let told_of = detector.scores(&rows).unwrap()[150];
    assert!(told_of < scores[150], "{told_of}");
}

#[test]
fn blocks_that_cannot_be_compared_are_refused() {
    let scores = [1.0, 5.0, 2.0, 0.0, 4.0, 3.0];
    let of = |blocks: &[std::ops::Range<usize>]| Conformal::of_blocks(&scores, blocks);
    let [ab, bc] = [of(&[0..2, 2..4, 4..6]), of(&[1..3, 4..6])].map(Result::unwrap);
    assert_eq!((ab.scores(), bc.scores()), (&[2.0, 4.0, 5.0][..], &[4.0, 5.0][..]));
    // Blocks of one are samples.
    let ones: Vec<_> = (0..6).map(|k| k..k + 1).collect();
    assert_eq!(of(&ones).unwrap(), Conformal::new(scores.to_vec()).unwrap());
    let refused = |name, value: f64| {
        move |error| match error {
            Error::InvalidParameter { name: found, value: Number(of), .. } => {
                found == name && of == value
            }
            _ => false,
        }
    };
    let length = "samples of a block";
    for (blocks, is_expected) in [
        (vec![], refused("blocks of Conformal::of_blocks", 0.0)),
        (vec![2..2, 3..3], refused(length, 0.0)),
        (vec![0..2, 2..5], refused(length, 3.0)),
        (vec![0..2, 1..3], refused("beginning of a block", 1.0)),
        (vec![2..4, 0..2], refused("beginning of a block", 0.0)),
        (vec![0..2, 5..7], refused("end of a block", 7.0)),
    ] {
        assert!(is_expected(of(&blocks).unwrap_err()), "{blocks:?}");
    }
    let wrong = Conformal::of_blocks(&[0.0, f64::NAN], &[0..1, 1..2]).unwrap_err();
    assert!(matches!(wrong, Error::EntryNotFinite { index: 1, .. }));
    assert_eq!(
        Conformal::of_blocks(&[], &[]).unwrap_err(),
        Error::NoSamples { call: "Conformal::of_blocks" }
    );
}

/// Rows of a table with cells missing at random, as exchangeable as rows without: each trial calibrates anew, with other
/// rows, and judges one more.
#[cfg(feature = "table")]
#[test]
fn rows_with_missing_cells_have_the_promised_rate() {
    use autoencoder::anomaly::ScaledResidual;
    use autoencoder::data::Schema;

    let rng = &mut seeded(5);
    let mut table = |rows: usize| {
        let mut text = "kind,load,heat,speed\n".to_owned();
        for _ in 0..rows {
            let is_pump = f64::draw_uniform(rng) < 0.4;
            let load = f64::draw_normal(rng) + if is_pump { 3.0 } else { 0.0 };
            let [heat, speed] = [2.0, -1.0].map(|by| by * load + 0.3 * f64::draw_normal(rng));
            let kind = if is_pump { "pump" } else { "fan" }.to_owned();
            let cells = [kind, load.to_string(), heat.to_string(), speed.to_string()];
            // The last cell is there, so that no row is empty.
            let cells = cells.into_iter().enumerate().map(|(at, cell)| {
                if at < 3 && f64::draw_uniform(rng) < 0.2 { String::new() } else { cell }
            });
            text += &(cells.collect::<Vec<_>>().join(",") + "\n");
        }
        text
    };
    const OF_TRIAL: usize = HELD_OUT + 1;
    let train = table(300);
    let schema = Schema::infer_bytes(train.clone()).unwrap();
    let train = schema.from_bytes::<f64>(train).unwrap().load().unwrap();
    let width = schema.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 3, Tanh))
        .decoder(Dense::dynamic(3, width, Identity))
        .loss(schema.loss().unwrap())
        .normalizer(schema.normalizer(&train).unwrap())
        .build::<f64>()
        .unwrap();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(30).fit(&mut model, &train).unwrap();
    let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &train).unwrap();
    let trials = TRIALS / 2;
    let rows = schema.from_bytes::<f64>(table(trials * OF_TRIAL)).unwrap().load().unwrap();
    assert!(rows.as_slice().iter().any(|x| x.is_nan()));
    let flagged = (0..trials).filter(|trial| {
        let first = trial * OF_TRIAL;
        detector.calibrate(&rows.select(first..first + HELD_OUT)).unwrap();
        let new = first + HELD_OUT;
        detector.p_values(&rows.select(new..new + 1)).unwrap()[0] <= ALPHA
    });
    // From both sides, as scores are not the same by chance.
    let rate = flagged.count() as f64 / trials as f64;
    assert!((rate - ALPHA).abs() <= margin(trials), "{rate}");
}
