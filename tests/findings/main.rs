//! What a trained model tells: anomalies, measures, units, pictures, reports.

mod anomaly;
mod anomaly_models;
mod anomaly_probability;
#[cfg(all(feature = "html", feature = "table"))]
mod anomaly_report;
#[cfg(feature = "npz")]
mod anomaly_sets;
mod blocks;
#[cfg(feature = "plot")]
mod colours;
mod convolutional;
mod densities;
#[cfg(feature = "plot")]
mod density_pictures;
mod dictionaries;
#[cfg(feature = "html")]
mod dictionary_report;
mod drift;
#[cfg(feature = "npz")]
mod explanations;
mod fidelity;
mod geometric_median;
mod health;
#[cfg(feature = "html")]
mod html_browser;
#[cfg(feature = "html")]
mod html_report;
mod metrics;
mod missing;
mod normal_rows;
mod novelties;
#[cfg(feature = "plot")]
mod plots;
mod ranking;
#[cfg(all(feature = "safetensors", feature = "table"))]
mod rows;
#[cfg(feature = "table")]
mod series;
mod units;
