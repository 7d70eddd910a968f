//! Two series of the Numenta Anomaly Benchmark, from their text through schema, windows and detector to scores of steps,
//! against NumPy, pandas and scikit-learn:
//!
//! ```python
//! for name in ["art_daily_nojump.csv", "ec2_cpu_utilization_24ae8d.csv"]:
//!     d = pd.read_csv(name, parse_dates=["timestamp"]); t, v = d.timestamp, d.value.values
//!     odd = np.zeros(len(v), bool)
//!     for a, b in windows[name]: odd |= ((t >= a) & (t <= b)).values
//!     k = len(v) * 15 // 100; turn = ((t.dt.hour * 60 + t.dt.minute) / 1440 * 2 * np.pi).values
//!     x = np.c_[(v - v[:k].mean()) / v[:k].std(), np.sin(turn), np.cos(turn)]
//!     w = np.lib.stride_tricks.sliding_window_view(x, 24, axis=0).reshape(len(x) - 23, -1)
//!     score = np.array([np.sqrt(((w[:k - 23] - one) ** 2).sum(1).min()) for one in w])
//!     held = [score[max(0, s - 23):s + 1] for s in range(len(x))]
//!     for fold in (np.mean, np.max): print(roc_auc_score(odd[k:], [fold(h) for h in held[k:]]))
//! ```

use autoencoder::activation::Identity;
use autoencoder::anomaly::{AnomalyDetector, NearestNeighbours};
use autoencoder::data::{DatePart, InMemory, Schema, Source, Windows};
use autoencoder::metrics::roc_auc;
use autoencoder::size::DynWindow;
use autoencoder::{AutoEncoder, Dense};

#[test]
fn steps_of_a_series_are_ranked_as_by_numpy() {
    for (name, odd, expected) in [
        (
            "art_daily_nojump.csv",
            &[("2014-04-10 16:15:00", "2014-04-12 01:45:00")][..],
            [0.590041, 0.615632],
        ),
        (
            "ec2_cpu_utilization_24ae8d.csv",
            &[
                ("2014-02-26 13:45:00", "2014-02-27 06:25:00"),
                ("2014-02-27 08:55:00", "2014-02-28 01:35:00"),
            ],
            [0.60255, 0.644988],
        ),
    ] {
        let Some(path) = common::shared_data(&format!("series/{name}")) else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let times: Vec<&str> = text.lines().skip(1).map(|line| &line[..19]).collect();
        let train = times.len() * 15 / 100;
        let schema = Schema::infer_bytes(text.clone()).unwrap();
        let schema = schema.date_parts("timestamp", [DatePart::TimeOfDay]).unwrap();
        let steps = schema.from_bytes::<f64>(text.clone()).unwrap().load().unwrap();
        let normal = steps.select(0..train);
        let size = DynWindow { channels: 3, steps: 24 };
        let normalizer = schema.normalizer(&normal).unwrap().per_channel(size).unwrap();
        // The score asks nothing of the model but its normalizer.
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(72, 1, Identity))
            .decoder(Dense::dynamic(1, 72, Identity))
            .normalizer(normalizer)
            .build::<f64>()
            .unwrap();
        let normal = Windows::new(InMemory::from(&normal), size).unwrap().load().unwrap();
        let score = NearestNeighbours::new(1).unwrap();
        let detector = AnomalyDetector::fit(model, score, &normal).unwrap();
        let mut windows = Windows::new(InMemory::from(&steps), size).unwrap();
        let scores = detector.scores(&mut windows).unwrap();
        let of_steps = windows.on_steps(&scores).unwrap();
        let is_odd = |time: &&str| odd.iter().any(|(from, to)| from <= time && time <= to);
        let is_odd: Vec<bool> = times[train..].iter().map(is_odd).collect();
        for (scores, expected) in [&of_steps.mean, &of_steps.max].into_iter().zip(expected) {
            let area = roc_auc(&scores[train..], &is_odd).unwrap();
            // NumPy rounds in another order, by which few steps change places.
            assert!((area - expected).abs() < 1e-5, "{name}: {area} {expected}");
        }
    }
}
