//! Reading takes at most twice the file and 1 MiB, also when the header was made to need more; of models,
//! `model::file` says so.

use allocation_counter::measure;

use super::*;
use crate::file::tensors::redigest;

fn peak(bytes: &[u8]) -> (u64, bool) {
    let mut accepted = false;
    let info = measure(|| accepted = parse(bytes, Path::new("measured")).is_ok());
    (info.bytes_max, accepted)
}

#[test]
fn peaks() {
    let values: Vec<f32> = (0..1_000_000).map(|k| k as f32).collect();
    let large = bytes_of(&metadata(), &[Tensor::new("w", &[1000, 1000], &values)]);
    let many: Vec<_> = (0..4096)
        .map(|k| Tensor::new(format!("encoder.{k}.weight"), &[1; 8], &[1.0_f32]))
        .collect();
    let many = bytes_of(&metadata(), &many);
    let note = |text: &str| {
        let text = text.repeat(16_777_000 / text.len());
        bytes_of(&BTreeMap::from([("note".to_owned(), text)]), &[])
    };
    let texts = (0..1024).map(|k| (format!("{k:01000}"), "\"".to_owned())).collect();
    let all: Vec<_> = (0..4096)
        .map(|k| Tensor::new(format!("{k:0180}"), &[1; 8], &[] as &[f32]))
        .map(|tensor| Tensor { shape: vec![0; 8], ..tensor })
        .collect();
    let names: Vec<_> =
        (0..4000).map(|k| Tensor::new(format!("{k:0180}"), &[0], &[] as &[f32])).collect();
    for (what, bytes, accept) in [
        ("sample", sample(), true),
        ("one large tensor", large, true),
        ("many tensors", many, true),
        ("a long text", note("x"), true),
        (
            "a long escaped text",
            bytes_of(&BTreeMap::from([("note".to_owned(), "\"".repeat(8_388_000))]), &[]),
            true,
        ),
        ("many texts", bytes_of(&texts, &[]), true),
        ("long names and dimensions", bytes_of(&BTreeMap::new(), &all), true),
        ("long names", bytes_of(&BTreeMap::new(), &names), true),
        (
            "texts",
            with_header(
                &format!(
                    r#"{{"__metadata__":{{{}"#,
                    (0..80_000).map(|k| format!(r#""{k}":"","#)).collect::<String>()
                ),
                &[],
            ),
            false,
        ),
        (
            "dimensions",
            with_header(&format!("{{\"w\":{{\"shape\":[{}1]}}}}", "1,".repeat(500_000)), &[]),
            false,
        ),
        (
            "tensors",
            with_header(
                &format!(
                    "{{{}",
                    r#""":{"dtype":"U8","shape":[],"data_offsets":[0,0]},"#.repeat(20_000)
                ),
                &[],
            ),
            false,
        ),
        ("a length that lies", [&MAX_HEADER.to_le_bytes()[..], b"{}"].concat(), false),
    ] {
        let (peak, accepted) = peak(&bytes);
        let allowed = 2 * bytes.len() as u64 + (1 << 20);
        println!(
            "{what}: {} bytes, peak {peak}, {:.2} of what is allowed",
            bytes.len(),
            peak as f64 / allowed as f64
        );
        assert!(peak <= allowed, "{what}: {peak} of {allowed}");
        assert_eq!(accepted, accept, "{what}");
    }
}

#[test]
fn a_file_that_claims_terabytes_takes_nothing() {
    let entry = r#","w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}"#;
    let digits = "0".repeat(64);
    let mut text =
        format!(r#"{{"__metadata__":{{"digest":"sha256:{digits}","version":"1"}}{entry}}}"#);
    text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
    let mut bytes = with_header(&text, &[0; 64]);
    redigest(&mut bytes);
    assert!(matches!(problem(&bytes), Problem::Truncated { expected: 4398046511104.., .. }));
    assert!(peak(&bytes).0 < 10_000);
}

#[test]
fn writing_takes_the_header_and_a_chunk() {
    let values: Vec<f32> = (0..1_000_000).map(|k| k as f32).collect();
    let tensors = [Tensor::new("w", &[1000, 1000], &values)];
    let metadata = metadata();
    let info = measure(|| {
        let image = Image::new(&metadata, &tensors).unwrap();
        image.write(&mut std::io::sink()).unwrap();
    });
    assert!(info.bytes_max < 200_000, "{}", info.bytes_max);
}
