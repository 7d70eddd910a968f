//! Tables and time series as they were published, with all their faults, against pandas 3.1.1:
//!
//! ```python
//! import math, pandas as pd
//! def say(t): t = t.dropna(); print(len(t), [float(t[c].sum()) for c in t.columns])
//! say(pd.read_csv("tables/nsl_kdd_train20.txt", header=None)[[0, 4, 5, 22, 28, 38]])
//! say(pd.read_csv("tables/auto_imports.csv", header=None, na_values="?")[[1, 9, 18, 21, 25]])
//! horse = pd.read_csv("tables/horse_colic.csv", header=None, na_values="?")[[0, 3, 4, 5, 18]]
//! say(horse); say(horse.fillna(0)); print(horse.isna().sum())
//! say(pd.read_csv("tables/german.csv", header=None)[[1, 4, 7, 10, 12, 15, 17, 20]])
//! say(pd.read_csv("tables/breast_cancer.csv", header=None, quotechar="'")[[5]])
//! say(pd.read_csv("tables/pollution.csv")[["pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir"]])
//! for f in sorted(glob.glob("series/*.csv")): t = pd.read_csv(f); print(f, len(t), math.fsum(t["value"]))
//! ```

use autoencoder::Batch;
use autoencoder::data::*;
use common::shared_data;
use nalgebra::Dyn;

/// Sums of some ten thousand numbers, in another order than pandas'.
const SUMS: f64 = 1e-12;

/// A table by chosen columns, and the number of rows and the sums of its columns; nothing where it is not there.
fn check(name: &str, options: &CsvOptions, rows: usize, sums: &[f64]) -> Option<Csv<f64, Dyn>> {
    let mut table: Csv<f64, Dyn> = options.open(shared_data(name)?).unwrap();
    let batch = table.load().unwrap();
    assert_eq!((batch.samples(), batch.features()), (rows, sums.len()), "{name}");
    for (feature, &expected) in sums.iter().enumerate() {
        let sum: f64 = (0..rows).map(|sample| batch.sample(sample)[feature]).sum();
        let error = (sum - expected).abs() / expected.abs();
        assert!(error < SUMS, "{name}, feature {feature}: {sum} and {expected}");
    }
    Some(table)
}

fn bare<const N: usize>(columns: [usize; N]) -> CsvOptions {
    CsvOptions::new().header(false).columns(columns)
}

#[test]
fn connections() {
    let options = bare([0, 4, 5, 22, 28, 38]).label(41);
    let sums = [7_684_923.0, 612_937_186.0, 87_966_614.0, 2_131_021.0, 16_640.8, 7_049.89];
    let Some(mut table) = check("tables/nsl_kdd_train20.txt", &options, 25_192, &sums) else {
        return;
    };
    let labels = table.labels().unwrap();
    assert_eq!(labels.iter().filter(|&label| label == "normal").count(), 13_449);
    assert_eq!(labels[2], "neptune");
}

#[test]
fn cars_with_question_marks() {
    let options = bare([1, 9, 18, 21, 25]).label(2).missing(Missing::DropRow).unwrap();
    let sums = [19_408.0, 15_717.7, 527.75, 15_340.0, 1_828_429.0];
    let Some(mut table) = check("tables/auto_imports.csv", &options, 160, &sums) else { return };
    assert_eq!(table.dropped(), 201 - 160);
    let labels = table.labels().unwrap();
    assert_eq!((labels[0].as_str(), labels[159].as_str()), ("audi", "volvo"));
}

#[test]
fn horses_with_a_fifth_missing() {
    let name = "tables/horse_colic.csv";
    let options = bare([0, 3, 4, 5, 18]);
    let dropping = options.clone().missing(Missing::DropRow).unwrap();
    let sums = [275.0, 7_364.8, 13_572.0, 5_795.0, 8_817.0];
    let Some(table) = check(name, &dropping, 193, &sums) else { return };
    assert_eq!(table.dropped(), 107);
    let filling = options.clone().missing(Missing::Value(0.0)).unwrap();
    check(name, &filling, 300, &[418.0, 9_160.3, 19_848.0, 7_361.0, 12_546.0]);
    let keeping = options.missing(Missing::NotANumber).unwrap();
    let kept: Batch<f64, Dyn> = keeping.open(shared_data(name).unwrap()).unwrap().load().unwrap();
    let missing =
        |feature: usize| (0..300).filter(|&sample| kept.sample(sample)[feature].is_nan()).count();
    assert_eq!(std::array::from_fn(missing), [1, 60, 24, 58, 29]);
}

#[test]
fn credits() {
    let sums = [20_903.0, 3_271_258.0, 2_973.0, 2_845.0, 35_546.0, 1_407.0, 1_155.0, 1_300.0];
    check("tables/german.csv", &bare([1, 4, 7, 10, 12, 15, 17, 20]), 1000, &sums);
}

#[test]
fn cells_in_single_quotes() {
    let options = bare([5]).label(9).quote(b'\'').unwrap();
    let Some(mut table) = check("tables/breast_cancer.csv", &options, 286, &[586.0]) else {
        return;
    };
    let labels = table.labels().unwrap();
    assert_eq!(labels.iter().filter(|&label| label == "recurrence-events").count(), 85);
}

#[test]
fn hours_of_bad_air() {
    let names = ["pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir"];
    let options = CsvOptions::new().columns(names).label("cbwd").missing(Missing::DropRow).unwrap();
    let sums =
        [4_117_792.0, 73_082.0, 517_852.000000003, 42_443_606.0, 996_603.77, 2_311.0, 8_137.0];
    let Some(mut table) = check("tables/pollution.csv", &options, 41_757, &sums) else { return };
    assert_eq!(table.dropped(), 43_824 - 41_757);
    assert_eq!(table.labels().unwrap()[0], "SE");
}

#[test]
fn time_series() {
    let series = [
        ("art_daily_flatmiddle", 4032, 76_531.964_811_956_51),
        ("art_daily_jumpsdown", 4032, 167_367.399_812_202_3),
        ("art_daily_jumpsup", 4032, 179_400.832_755_903),
        ("art_daily_nojump", 4032, 164_579.387_441_616_6),
        ("art_increase_spike_density", 4032, 1_700.0),
        ("art_load_balancer_spikes", 4032, 433.729_039_301_3),
        ("ec2_cpu_utilization_24ae8d", 4032, 509.254),
        ("ec2_cpu_utilization_53ea38", 4032, 7_376.766),
        ("ec2_network_in_257a54", 4032, 2_301_505_330.1),
        ("elb_request_count_8c0756", 4032, 249_327.0),
        ("machine_temperature_system_failure", 22_695, 1_950_101.876_891_387),
        ("rds_cpu_utilization_cc0c53", 4032, 32_708.424_77),
    ];
    for (name, rows, sum) in series {
        let options = CsvOptions::new().columns(["value"]).label("timestamp");
        check(&format!("series/{name}.csv"), &options, rows, &[sum]);
    }
}
