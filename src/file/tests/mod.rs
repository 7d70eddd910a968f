//! Model files that were damaged, forged, cut off, or left by a process that was killed.

mod atomic;
mod container;
mod crash;
mod failing_disk;
pub(crate) mod folder;
mod hostile;
mod memory;
mod mutations;

use std::collections::BTreeMap;
use std::path::Path;

use super::tensors::{Image, parse};
use crate::data::safetensors::raw::MAX_HEADER;
use crate::error::{Error, Problem};
use crate::numbers::bytes::Tensor;

/// Metadata with all that JSON escapes.
fn metadata() -> BTreeMap<String, String> {
    let texts = [
        ("kind", "plain"),
        ("note", "a \"quoted\"\\ line\nand µ, \u{1f}, \u{2028}, 🦀"),
        ("é", ""),
    ];
    texts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn tensors() -> Vec<Tensor<'static>> {
    vec![
        Tensor::new(
            "encoder.0.weight",
            &[2, 3],
            &[0.5_f32, -1.0, f32::MIN_POSITIVE, -0.0, 1e-45, f32::MAX],
        ),
        Tensor::new("empty", &[0, 7], &[] as &[f32]),
        Tensor::new("state", &[2], &[1.0_f64 / 3.0, f64::MIN]),
        Tensor::new("text \"1\"", &[3], &[0_u8, 255, 7]),
        Tensor::new("counter", &[], &[u64::MAX]),
    ]
}

pub(crate) fn bytes_of(metadata: &BTreeMap<String, String>, tensors: &[Tensor<'_>]) -> Vec<u8> {
    let image = Image::new(metadata, tensors).unwrap();
    let mut bytes = Vec::new();
    image.write(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, image.length());
    bytes
}

fn sample() -> Vec<u8> {
    bytes_of(&metadata(), &tensors())
}

/// What is wrong with these bytes.
fn problem(bytes: &[u8]) -> Problem {
    let path = Path::new("models/sample");
    match parse(bytes, path).unwrap_err() {
        Error::Damaged { path: named, problem } if named == path => problem,
        other => panic!("{other:?}"),
    }
}

/// A file with this header, whatever it is, and this data.
fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), data].concat()
}

/// The name of a test of a module, to start it in a child.
fn test_name(module: &str, test: &str) -> String {
    let (_, path) = module.split_once("::").unwrap();
    format!("{path}::{test}")
}
