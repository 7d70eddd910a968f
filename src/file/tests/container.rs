//! What is written is read again, is what others read, and is the same bytes each time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;

use super::*;
use crate::error::Number;
use crate::file::tensors::{Contents, read};
use crate::numbers::bytes::{Element, Values};

#[test]
fn what_is_written_is_read() {
    let bytes = sample();
    let contents = parse(&bytes, Path::new("sample")).unwrap();
    assert_eq!(contents.metadata, metadata());
    assert_eq!(contents.tensors, tensors());
    // −0.0 equals 0.0, so the bits are compared too.
    assert_eq!(bytes_of(&contents.metadata, &contents.tensors), bytes);
    assert_eq!(sample(), bytes);
}

#[test]
fn the_bytes_do_not_change_between_versions() {
    let (metadata, weight) = (BTreeMap::new(), [1.0_f32, 2.0]);
    let bytes = bytes_of(&metadata, &[Tensor::new("w", &[1, 2], &weight)]);
    // The digest was computed by Python's hashlib over the same bytes with zeros in its place.
    let header = concat!(
        r#"{"__metadata__":{"digest":"sha256:"#,
        "5817b4460b4dc3f57c750e77538cad629b3cfddc8da498846149c1087d366ff2",
        r#"","version":"1"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#,
    );
    let padding = " ".repeat(header.len().next_multiple_of(8) - header.len());
    let expected = with_header(&(header.to_owned() + &padding), &[0, 0, 128, 63, 0, 0, 0, 64]);
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected));
}

#[test]
fn the_reference_reads_the_same() {
    let (bytes, tensors) = (sample(), tensors());
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(reference.len(), tensors.len());
    for tensor in &tensors {
        let view = reference.tensor(&tensor.name).unwrap();
        let mut data = Vec::new();
        let Ok(()) = tensor.values.try_each_chunk(|bytes| {
            data.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
        assert_eq!((view.dtype(), view.shape()), (tensor.values.dtype(), &tensor.shape[..]));
        assert_eq!(view.data(), data);
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let texts = header.metadata().as_ref().unwrap();
    assert_eq!(texts.len(), metadata().len() + 2);
    for (key, value) in metadata() {
        assert_eq!(texts[&key], value);
    }
}

#[test]
fn nothing_at_all_is_a_file_too() {
    let contents = Contents { metadata: BTreeMap::new(), tensors: Vec::new() };
    let bytes = bytes_of(&contents.metadata, &contents.tensors);
    assert_eq!(parse(&bytes, Path::new("empty")).unwrap(), contents);
}

#[test]
fn values_longer_than_a_chunk() {
    let many: Vec<f64> = (0..50_000).map(|k| f64::from(k).sqrt()).collect();
    let tensors = [Tensor::new("many", &[50_000], &many), Tensor::new("one", &[1], &[7_u8])];
    let read = parse(&bytes_of(&metadata(), &tensors), Path::new("many")).unwrap();
    assert_eq!(read.tensors, tensors);
    let values = f64::unwrap(read.tensors[0].values.clone());
    assert_eq!(values, Some(Cow::Borrowed(&many[..])));
    assert_eq!(f32::unwrap(read.tensors[0].values.clone()), None);
}

#[test]
fn what_cannot_be_read_again_is_not_written() {
    let refused = |metadata: &BTreeMap<String, String>, tensors: &[Tensor<'_>]| {
        Image::new(metadata, tensors).unwrap_err()
    };
    let text = |key: &str, value: String| BTreeMap::from([(key.to_owned(), value)]);
    let none = BTreeMap::new();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let values = [0.0, 1.0, value];
        assert_eq!(
            refused(&none, &[Tensor::new("w", &[3], &values)]),
            Problem::NotFinite { tensor: "w".into(), index: 2, value: Number(value.into()) }
        );
    }
    for key in ["digest", "version"] {
        let metadata = text(key, "mine".to_owned());
        assert_eq!(refused(&metadata, &[]), Problem::DuplicateMetadata { key: key.to_owned() });
    }
    let one = |name: &'static str| Tensor::new(name, &[1], &[1.0_f32]);
    assert_eq!(
        refused(&none, &[one("__metadata__")]),
        Problem::DuplicateMetadata { key: "__metadata__".into() }
    );
    assert_eq!(
        refused(&none, &[one("a"), one("b"), one("a")]),
        Problem::DuplicateTensor { name: "a".into() }
    );
    assert_eq!(
        refused(&none, &[Tensor::new("w", &[2, 2], &[1.0_f32, 2.0])]),
        Problem::WrongLength { tensor: "w".into(), expected: 16, found: 8 }
    );
    assert_eq!(
        refused(&none, &[Tensor::new("w", &[1 << 40, 1 << 40, 0], &[] as &[f32])]),
        Problem::WrongLength { tensor: "w".into(), expected: u64::MAX, found: 0 }
    );
    assert_eq!(
        refused(&none, &[Tensor::new("w", &[1; 9], &[1.0_f32])]),
        Problem::TooMany { unit: "dimensions", found: 9, limit: 8 }
    );
    let many: Vec<_> = (0..4097).map(|k| Tensor::new(k.to_string(), &[0], &[] as &[u8])).collect();
    assert_eq!(
        refused(&none, &many),
        Problem::TooMany { unit: "tensors", found: 4097, limit: 4096 }
    );
    let long = refused(&text("note", "\n".repeat(9_000_000)), &[]);
    assert!(matches!(long, Problem::HeaderTooLong { length: 18_000_000.., limit: MAX_HEADER }));
}

#[test]
fn a_header_of_the_greatest_length() {
    let with = |length| {
        let note = BTreeMap::from([("note".to_owned(), "x".repeat(length))]);
        let bytes = Image::new(&note, &[]).map(|_| bytes_of(&note, &[]));
        bytes.map(|bytes| parse(&bytes, Path::new("long")).unwrap().metadata == note)
    };
    let rest = bytes_of(&BTreeMap::from([("note".to_owned(), String::new())]), &[]);
    let used = rest.trim_ascii_end().len() - 8;
    let limit = MAX_HEADER as usize;
    assert_eq!(with(limit - used), Ok(true));
    let too_long = Problem::HeaderTooLong { length: MAX_HEADER + 8, limit: MAX_HEADER };
    assert_eq!(with(limit - used + 1), Err(too_long));
}

#[test]
fn the_system_refuses() {
    let refused = |path: &Path| match read(path) {
        Err(Error::File { path: named, action: "read the file", reason }) if named == path => {
            reason
        }
        other => panic!("{other:?}"),
    };
    let folder = std::env::temp_dir();
    assert_eq!(refused(&folder.join("there/is/no/such.file")), std::io::ErrorKind::NotFound);
    assert_eq!(refused(&folder), std::io::ErrorKind::IsADirectory);
    #[cfg(unix)]
    assert_eq!(refused(Path::new("/dev/zero")), std::io::ErrorKind::Unsupported);
}

#[test]
fn types_of_values() {
    for (values, size) in [
        (Values::F32(Cow::Borrowed(&[1.0])), 4),
        (Values::F64(Cow::Borrowed(&[1.0])), 8),
        (Values::U8(Cow::Borrowed(&[1])), 1),
        (Values::U64(Cow::Borrowed(&[1])), 8),
    ] {
        let (empty, found) = Values::empty(values.dtype()).unwrap();
        assert_eq!((empty.len(), empty.dtype(), found), (0, values.dtype(), size));
    }
    assert_eq!(Values::empty(safetensors::Dtype::BF16), None);
}
