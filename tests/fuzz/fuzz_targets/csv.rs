//! Texts with delimiters: no panic, and what was accepted once is read again, labels too.
#![no_main]

use autoencoder::data::{Csv, CsvOptions, Source};
use autoencoder::nalgebra::Dyn;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses options.
    let Some((&choice, text)) = bytes.split_first() else { return };
    let delimiter = [b',', b';', b'\t', b' '][usize::from(choice >> 6)];
    let Ok(options) = CsvOptions::new().delimiter(delimiter) else { return };
    let mut options = options.header(choice & 1 == 0);
    if choice & 2 != 0 {
        options = options.label(usize::from(choice >> 2 & 3));
    }
    if choice & 16 != 0 {
        options = options.columns([1, 0, 1]);
    }
    if choice & 32 != 0 {
        options = options.label("a");
    }
    let table: Result<Csv<f32, Dyn>, _> = options.from_bytes(text);
    let Ok(mut table) = table else { return };
    let batch = table.load().expect("what was read when it was opened");
    assert_eq!(batch.samples(), table.samples());
    assert!(batch.as_slice().iter().all(|x| x.is_finite()));
    if let Ok(labels) = table.labels() {
        assert!(labels.is_empty() || labels.len() == table.samples());
    }
    assert_eq!(table.load().expect("once more"), batch);
});
