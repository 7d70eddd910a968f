//! Texts with delimiters: no panic, and what was accepted once is read again, labels too.
#![no_main]

use autoencoder::data::{Csv, CsvOptions, Missing, Source};
use autoencoder::nalgebra::Dyn;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first bytes choose options.
    let Some((&[choice, more], text)) = bytes.split_first_chunk() else { return };
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
    if more & 1 != 0 {
        options = options.whitespace();
    }
    options = options.trim(more & 2 != 0).skip_blank_lines(more & 4 != 0);
    options = options.skip_lines(u64::from(more >> 7));
    let missing = [Missing::Refuse, Missing::DropRow, Missing::Value(1.0), Missing::Refuse];
    let quote = if more & 32 != 0 { Some(b'\'') } else { Some(b'"') };
    let options = options.missing(missing[usize::from(more >> 3 & 3)]).and_then(|options| {
        let options = options.quote(quote)?.missing_marks(["-9", "x"]);
        if more & 64 != 0 {
            options.comment(b'#')?.decimal(b',')?.thousands(b'.')
        } else {
            Ok(options)
        }
    });
    let Ok(options) = options else { return };
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
