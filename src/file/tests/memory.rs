//! Reading takes at most twice the file and 1 MiB, also when the header was made to need more, or the
//! model is larger than the file.

use allocation_counter::measure;
use nalgebra::Dyn;

use super::folder::Folder;
use super::*;
use crate::batch::Batch;
use crate::data::Normalization;
use crate::data::Normalizer;
use crate::file::tensors::redigest;
use crate::layer::activation::{Identity, Sigmoid, Tanh};
use crate::layer::{Dense, Then};
use crate::model::AutoEncoder;
use crate::model::file::inspect;
use crate::regularizer::SparseKl;

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
        let text = text.repeat(1_048_000 / text.len());
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
            bytes_of(&BTreeMap::from([("note".to_owned(), "\"".repeat(524_000))]), &[]),
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
        ("a length that lies", [&(1_u64 << 20).to_le_bytes()[..], b"{}"].concat(), false),
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

/// The result of a call with a file, which takes no more than is allowed for it.
fn measured<T>(
    what: &str,
    path: &Path,
    call: impl FnOnce() -> crate::error::Result<T>,
) -> crate::error::Result<T> {
    let length = std::fs::metadata(path).unwrap().len();
    let mut result = None;
    let peak = measure(|| result = Some(call())).bytes_max;
    println!("{what}: {length} bytes, peak {peak}, {:.2} of them", peak as f64 / length as f64);
    let allowed = 2 * length + (1 << 20);
    assert!(peak <= allowed, "{what}: {peak} of {allowed}");
    result.unwrap()
}

#[test]
fn models() {
    let folder = Folder::new("model-memory");
    let samples = Batch::new(Dyn(784), (0..784 * 8).map(|k| (k % 251) as f32).collect()).unwrap();
    let normalizer = Normalizer::fit(Normalization::Standardize, &samples).unwrap();
    // Of 784 features, in hidden layers of these sizes; a thousand are 3 MB.
    let build = |encoder, decoder| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(784, encoder, Tanh).then(Dense::dynamic(encoder, 9, Sigmoid)))
            .decoder(Dense::dynamic(9, decoder, Tanh).then(Dense::dynamic(decoder, 784, Identity)))
            .regularizer(SparseKl::new(0.1, 0.5).unwrap().running(0.9).unwrap())
            .normalizer(normalizer.clone())
            .build::<f32>()
            .unwrap()
    };
    let (whole, small, encoder, decoder) =
        (build(1000, 1000), build(10, 10), build(1000, 10), build(10, 1000));
    let path = |name| folder.join(name);
    for (name, saved) in
        [("whole", &whole), ("small", &small), ("encoder", &encoder), ("decoder", &decoder)]
    {
        saved.save(path(name)).unwrap();
    }
    assert!(std::fs::metadata(path("whole")).unwrap().len() > 6_000_000);
    // Parts of models whose other part is larger or smaller than the file's, too.
    let mut model = build(1000, 1000);
    measured("load", &path("whole"), || model.load(path("whole"))).unwrap();
    for name in ["whole", "encoder"] {
        measured("load_encoder", &path(name), || model.load_encoder(path(name))).unwrap();
    }
    for name in ["whole", "decoder"] {
        measured("load_decoder", &path(name), || model.load_decoder(path(name))).unwrap();
    }
    let mut large = build(10, 4000);
    measured("a small encoder", &path("small"), || large.load_encoder(path("small"))).unwrap();
    let mut large = build(4000, 10);
    measured("a small decoder", &path("small"), || large.load_decoder(path("small"))).unwrap();
    for name in ["whole", "small"] {
        measured("inspect", &path(name), || inspect(path(name))).unwrap();
    }
    // What does not fit is refused in no more, also if it says that it fits, and has no numbers.
    measured("a smaller one", &path("small"), || model.load(path("small"))).unwrap_err();
    std::fs::write(path("empty"), bytes_of(&whole.stored().metadata("model"), &[])).unwrap();
    measured("an empty one", &path("empty"), || model.load(path("empty"))).unwrap_err();
    measured("an empty one", &path("empty"), || model.load_encoder(path("empty"))).unwrap_err();
}
