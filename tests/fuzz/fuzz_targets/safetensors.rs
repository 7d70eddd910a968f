//! Tensors of safetensors files, in two and in more dimensions: no panic, and the same numbers in one go and one by one.
#![no_main]

use autoencoder::data::{Safetensors, SafetensorsOptions, Source};
use autoencoder::{Batch, Result, nalgebra::Dyn};
use libfuzzer_sys::fuzz_target;

fn check(source: Result<Safetensors<f64, Dyn>>) {
    let Ok(mut source) = source else { return };
    let loaded = source.load();
    assert!(source.rewind().is_ok());
    let mut one = Batch::zeros(source.size(), 1);
    let mut read = Vec::new();
    let ended = loop {
        match source.read(one.view_mut()) {
            Ok(0) => break Ok(()),
            Ok(_) => read.extend_from_slice(one.as_slice()),
            Err(error) => break Err(error),
        }
    };
    match loaded {
        Ok(batch) => assert_eq!((ended, read), (Ok(()), batch.into_vec())),
        Err(_) => assert!(ended.is_err()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(Safetensors::from_bytes(bytes));
    check(SafetensorsOptions::new().flatten(true).from_bytes(bytes));
});
