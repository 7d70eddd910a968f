//! Every flipped bit, every length and every lie in the header is refused, each under its name.

use super::*;
use crate::error::Number;
use crate::file::tensors::{fuzz_model, redigest};

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = sample();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        problem(&flipped);
    }
}

#[test]
fn every_other_length_is_refused() {
    let bytes = sample();
    let length = bytes.len() as u64;
    let data = 24 + 16 + 3 + 8;
    for found in 0..length {
        // Until the header is whole, it alone is missed.
        if found == 0 {
            assert_eq!(problem(&[]), Problem::AnotherKind { kind: "an empty file" });
            continue;
        }
        let expected = if found < 8 {
            8
        } else if found < length - data {
            length - data
        } else {
            length
        };
        assert_eq!(problem(&bytes[..found as usize]), Problem::Truncated { expected, found });
    }
    for extra in (1..70).chain([4096, 100_000]) {
        for fill in [0, b' ', 255] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, fill);
            let found = longer.len() as u64;
            assert_eq!(problem(&longer), Problem::TrailingBytes { expected: length, found });
        }
    }
    let twice = [&bytes[..], &bytes[..]].concat();
    assert_eq!(problem(&twice), Problem::TrailingBytes { expected: length, found: 2 * length });
}

#[test]
fn changed_values_do_not_fit_the_digest() {
    let mut bytes = sample();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(problem(&bytes), Problem::Digest);
    redigest(&mut bytes);
    assert!(parse(&bytes, Path::new("forged")).is_ok());
    // The digest in capitals is another text, though the same number.
    let at = bytes.iter().skip(40).position(|b| (b'a'..=b'f').contains(b)).unwrap() + 40;
    bytes[at].make_ascii_uppercase();
    assert_eq!(problem(&bytes), Problem::Digest);
}

#[test]
fn values_that_are_not_finite() {
    for (value, at) in [(f32::NAN, 4), (f32::INFINITY, 5), (f32::NEG_INFINITY, 0)] {
        let mut bytes = sample();
        let data = bytes.len() - (24 + 16 + 3 + 8);
        bytes[data + 4 * at..][..4].copy_from_slice(&value.to_le_bytes());
        redigest(&mut bytes);
        assert_eq!(
            problem(&bytes),
            Problem::NotFinite {
                tensor: "encoder.0.weight".into(),
                index: at,
                value: Number(value.into())
            }
        );
    }
}

#[test]
fn headers_that_are_none() {
    let limit = MAX_HEADER;
    for length in [limit + 1, 100_000_000, u64::MAX - 7, u64::MAX] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        let kind = "a file of an unknown kind";
        assert_eq!(problem(&bytes), Problem::AnotherKind { kind });
    }
    let length = limit + 1;
    let mut long = length.to_le_bytes().to_vec();
    long.resize(8 + length as usize, b' ');
    assert_eq!(problem(&long), Problem::HeaderTooLong { length, limit });
    // The first eight bytes of a picture, a Python pickle and a text are a long length.
    for (bytes, kind) in [
        (b"\x89PNG\r\n\x1a\n and more".as_slice(), "a PNG picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "a JPEG picture"),
        (
            b"PK\x03\x04\x14\0\0\0\x08\0",
            "a zip archive (as .zip, .npz, .xlsx and PyTorch's .pt are)",
        ),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "a gzip file"),
        (b"\x80\x04\x95\x1a\0\0\0\0\0\0\0]", "a pickle of Python"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0", "an HDF5 file"),
        (b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX model"),
        (b"\x93NUMPY\x01\0\x76\0{", "an NPY file of NumPy"),
        (b"x,y,z\n1,2,3\n", "a text"),
        ("größe;breite\n".as_bytes(), "a text"),
    ] {
        assert_eq!(problem(bytes), Problem::AnotherKind { kind });
    }
    for (header, at) in [
        ("", 0),
        ("{", 0),
        ("{\"a\":\n\n x}", 8),
        ("{\"a\": 1}}", 6),
        ("\u{feff}{}", 0),
        ("{\"\\ud800\":{}}", 8),
    ] {
        let found = problem(&with_header(header, &[]));
        assert!(
            matches!(found, Problem::NotJson { .. } | Problem::NotAHeader { .. }),
            "{header} {found:?}"
        );
        let (Problem::NotJson { at: found } | Problem::NotAHeader { at: found }) = found else {
            continue;
        };
        assert_eq!(found, at, "{header}");
    }
    let not_utf8 = [&4_u64.to_le_bytes()[..], b"{\"\xff\"", b"..."].concat();
    assert!(matches!(problem(&not_utf8), Problem::NotJson { .. }));
    for header in ["[]", "1", "null", "\"{}\"", r#"{"a":[]}"#, r#"{"a":{"dtype":"F32"}}"#] {
        assert!(
            matches!(problem(&with_header(header, &[])), Problem::NotAHeader { .. }),
            "{header}"
        );
    }
    // Depth costs no stack.
    let deep = "[".repeat(1_000_000);
    for header in [deep.clone(), format!("{{\"a\":{deep}"), format!("{{\"a\":{{\"b\":{deep}")] {
        let found = problem(&with_header(&header, &[]));
        assert!(matches!(found, Problem::NotJson { .. } | Problem::NotAHeader { .. }), "{found:?}");
    }
}

/// A header with a digest and these texts and entries.
fn header(texts: &str, entries: &str) -> String {
    let digits = "0".repeat(64);
    format!(r#"{{"__metadata__":{{"digest":"sha256:{digits}"{texts}}}{entries}}}"#)
}

const V1: &str = r#","version":"1""#;

fn lie(texts: &str, entries: &str, data: usize) -> Problem {
    let mut text = header(texts, entries);
    text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
    let mut bytes = with_header(&text, &vec![0; data]);
    redigest(&mut bytes);
    problem(&bytes)
}

#[test]
fn files_of_others() {
    let theirs = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    assert_eq!(problem(&with_header(theirs, &[0; 4])), Problem::MissingMetadata { key: "digest" });
    let theirs = theirs.replacen('{', r#"{"__metadata__":{"format":"pt"},"#, 1);
    assert_eq!(problem(&with_header(&theirs, &[0; 4])), Problem::MissingMetadata { key: "digest" });
    assert_eq!(lie("", "", 0), Problem::MissingMetadata { key: "version" });
    for found in ["2", "1.0", "", "01", "one"] {
        let texts = format!(r#","version":"{found}""#);
        let found = found.to_owned();
        assert_eq!(lie(&texts, "", 0), Problem::UnsupportedVersion { found, newest: 1 });
    }
}

#[test]
fn names_given_twice() {
    let tensor = r#","w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    let second = tensor.replace("[0,1]", "[1,2]");
    let name = || "w".to_owned();
    assert_eq!(
        lie(V1, &(tensor.to_owned() + &second), 2),
        Problem::DuplicateTensor { name: name() }
    );
    // The same name, written otherwise.
    let escaped = second.replace("\"w\"", "\"\\u0077\"");
    assert_eq!(
        lie(V1, &(tensor.to_owned() + &escaped), 2),
        Problem::DuplicateTensor { name: name() }
    );
    let duplicate = |key: &str| Problem::DuplicateMetadata { key: key.to_owned() };
    assert_eq!(lie(&format!(r#"{V1},"a":"1","a":"1""#), "", 0), duplicate("a"));
    assert_eq!(lie(&format!("{V1}{V1}"), "", 0), duplicate("version"));
    assert_eq!(lie(V1, r#","__metadata__":{}"#, 0), duplicate("__metadata__"));
}

#[test]
fn places_that_lie() {
    let tensor = |name: &str, shape: &str, start: u64, end: u64| {
        format!(r#","{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{end}]}}"#)
    };
    let two = |first: String, second: String, data| lie(V1, &(first + &second), data);
    let place = || "b".to_owned();
    assert_eq!(
        two(tensor("a", "2", 0, 8), tensor("b", "1", 4, 8), 8),
        Problem::Overlap { tensor: place(), expected: 8, found: 4 }
    );
    assert_eq!(
        two(tensor("a", "2", 0, 8), tensor("b", "2", 0, 8), 8),
        Problem::Overlap { tensor: place(), expected: 8, found: 0 }
    );
    assert_eq!(
        two(tensor("a", "1", 0, 4), tensor("b", "1", 5, 9), 9),
        Problem::Gap { tensor: place(), expected: 4, found: 5 }
    );
    assert_eq!(
        lie(V1, &tensor("b", "1", 4, 8), 8),
        Problem::Gap { tensor: place(), expected: 0, found: 4 }
    );
    let wrong = |expected, found| Problem::WrongLength { tensor: place(), expected, found };
    assert_eq!(lie(V1, &tensor("b", "2", 0, 4), 4), wrong(8, 4));
    assert_eq!(lie(V1, &tensor("b", "", 0, 8), 8), wrong(4, 8));
    assert_eq!(two(tensor("a", "1", 0, 4), tensor("b", "0", 4, 0), 4), wrong(0, 0));
    // Products that overflow, with and without a zero in them.
    let huge = "4294967296,4294967296";
    assert_eq!(lie(V1, &tensor("b", huge, 0, 0), 0), wrong(u64::MAX, 0));
    assert_eq!(lie(V1, &tensor("b", &format!("{huge},0"), 0, 0), 0), wrong(u64::MAX, 0));
    assert_eq!(
        lie(V1, &tensor("b", "4611686018427387903", 0, u64::MAX - 3), 8),
        Problem::Truncated {
            expected: u64::MAX,
            found: 8 + 8 + aligned(&tensor("b", "4611686018427387903", 0, u64::MAX - 3))
        }
    );
    let limit = Problem::TooMany { unit: "dimensions", found: 9, limit: 8 };
    assert_eq!(lie(V1, &tensor("b", "1,1,1,1,1,1,1,1,1", 0, 4), 4), limit);
    let many: String = (0..5000).map(|k| tensor(&k.to_string(), "0", 0, 0)).collect();
    assert_eq!(lie(V1, &many, 0), Problem::TooMany { unit: "tensors", found: 5000, limit: 4096 });
}

/// The length of a header with this entry.
fn aligned(entry: &str) -> u64 {
    header(V1, entry).len().next_multiple_of(8) as u64
}

#[test]
fn types_that_we_do_not_have() {
    for dtype in ["BF16", "F16", "I64", "BOOL", "F8_E4M3", "C64"] {
        let entry = format!(r#","w":{{"dtype":"{dtype}","shape":[0],"data_offsets":[0,0]}}"#);
        let (tensor, found) = ("w".to_owned(), dtype.to_owned());
        assert_eq!(lie(V1, &entry, 0), Problem::UnsupportedType { tensor, found });
    }
    for dtype in ["F33", "f32", "", "F32\\u0000"] {
        let entry = format!(r#","w":{{"dtype":"{dtype}","shape":[0],"data_offsets":[0,0]}}"#);
        assert!(matches!(lie(V1, &entry, 0), Problem::NotAHeader { .. }), "{dtype}");
    }
}

#[test]
fn the_same_content_written_otherwise() {
    let entry = r#","w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    let ours = header(&format!(r#"{V1},"a":"é","b":"""#), entry);
    let pad =
        |text: &str| text.to_owned() + &" ".repeat(text.len().next_multiple_of(8) - text.len());
    let accepted = |text: &str| {
        let mut bytes = with_header(text, &[7]);
        fuzz_model(&mut bytes, true).inspect(|again| assert_eq!(*again, bytes)).is_some()
    };
    assert!(accepted(&pad(&ours)));
    // One that needs no padding, which eight spaces would keep in step.
    let lengths = (0..8).map(|length| ours.replace('é', &"e".repeat(length)));
    let full = lengths.into_iter().find(|text| text.len().is_multiple_of(8)).unwrap();
    assert!(accepted(&full));
    // Without digits there is no digest to make right.
    let none = pad(&ours.replace(&format!("sha256:{}", "0".repeat(64)), "sha256:"));
    assert!(matches!(problem(&with_header(&none, &[7])), Problem::NotCanonical { .. }));
    for other in [
        pad(&ours.replacen(':', ": ", 1)),
        pad(&ours.replace("é", "\\u00e9")),
        pad(&ours.replace(r#""a":"é","b":"""#, r#""b":"","a":"é""#)),
        pad(&ours.replace(r#""dtype":"U8","shape":[1]"#, r#""shape":[1],"dtype":"U8""#)),
        pad(&ours
            .replace(r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#, r#"["U8",[1],[0,1]]"#)),
        pad(&ours.replace("sha256", "sha255")),
        ours.clone(),
        pad(&ours) + "        ",
        full + "        ",
        pad(&ours).replace(' ', "\n"),
        " ".to_owned() + &ours,
    ] {
        let mut bytes = with_header(&other, &[7]);
        redigest(&mut bytes);
        assert!(!accepted(&other), "{other}");
        assert!(matches!(problem(&bytes), Problem::NotCanonical { .. }), "{other}");
    }
}
