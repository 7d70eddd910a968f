//! Tables of mixed columns: no panic, and the words of what was read are the same table again.
#![no_main]

use autoencoder::data::{CsvOptions, Schema, SchemaOptions, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses options.
    let Some((&choice, text)) = bytes.split_first() else { return };
    let delimiter = [b',', b';', b'\t', b'|'][usize::from(choice >> 6)];
    let quote = if choice & 1 != 0 { b'\'' } else { b'"' };
    let csv = CsvOptions::new().delimiter(delimiter).and_then(|csv| csv.quote(quote));
    let Ok(mut csv) = csv else { return };
    let has_header = choice & 2 == 0;
    csv = csv.header(has_header).trim(choice & 4 != 0).skip_blank_lines(choice & 8 != 0);
    if choice & 16 != 0 {
        csv = csv.whitespace();
    }
    if choice & 32 != 0 {
        let Ok(comma) = csv.decimal(b',') else { return };
        csv = comma;
    }
    let options = SchemaOptions::new().csv(csv).date_formats(["%d.%m.%Y", "%H:%M"]);
    let Ok(schema) = Schema::infer_bytes_with(&options, text) else { return };
    assert_eq!(schema.feature_names().len(), schema.features());
    assert!(!schema.to_string().is_empty());
    if schema.features() == 0 {
        return;
    }
    let table = schema.from_bytes::<f64>(text);
    let batch = table.and_then(|mut table| table.load()).expect("the table it was inferred from");
    let words = schema.rows(&batch).expect("the rows that were read");
    let again = schema.batch::<f64>(&words).expect("words of its own");
    assert_eq!(words, schema.rows(&again).expect("as before"));
    if has_header {
        let file = schema.from_bytes::<f64>(words.to_csv()).and_then(|mut table| table.load());
        assert_eq!(words, schema.rows(&file.expect("a file of its own")).expect("as before"));
    }
    for column in 0..schema.columns().len() {
        let _ = schema.clone().category(column);
        let _ = schema.clone().number(column);
        let _ = schema.clone().date(column, "%Y%m%d");
    }
});
