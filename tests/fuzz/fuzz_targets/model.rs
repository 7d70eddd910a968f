//! A model file of any bytes: it is refused, or writing its content gives the same bytes.

#![no_main]

use autoencoder::fuzz_model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // With the digest made right, the checks behind it are reached.
    for redigested in [false, true] {
        let mut bytes = input.to_vec();
        if let Some(again) = fuzz_model(&mut bytes, redigested) {
            assert_eq!(again, bytes);
        }
    }
});
