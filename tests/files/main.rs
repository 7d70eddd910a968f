//! Files of data and of models, and trainings that are taken up again.

#[cfg(feature = "safetensors")]
mod activations;
#[cfg(feature = "safetensors")]
mod anomaly_files;
mod csv_options;
mod data;
#[cfg(feature = "safetensors")]
mod dictionaries;
#[cfg(feature = "safetensors")]
mod dictionary_refusals;
#[cfg(feature = "image")]
mod images;
#[cfg(feature = "safetensors")]
mod log;
#[cfg(feature = "safetensors")]
mod model_files;
mod normalizer;
mod normalizer_missing;
#[cfg(feature = "safetensors")]
mod resume;
#[cfg(feature = "safetensors")]
mod resume_schedules;
#[cfg(feature = "table")]
mod schema;
#[cfg(feature = "table")]
mod schema_refusals;
mod shards;
#[cfg(feature = "safetensors")]
mod stop;
mod tables;
#[cfg(feature = "safetensors")]
mod trained_further;
#[cfg(feature = "safetensors")]
mod versions;
mod windows;
