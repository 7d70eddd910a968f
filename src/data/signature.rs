//! What a file is, by its first bytes: so that one of another kind is refused by its name.

/// How many bytes tell what a file is.
pub(crate) const LENGTH: usize = 1024;

/// What runs code where it is read.
const PICKLE: &str = "a pickle of Python";

/// How files of a kind begin, and what they are.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip archive (as .zip, .npz, .xlsx and PyTorch's .pt are)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "an NPY file of NumPy"),
    (b"MATLAB 5.0", "a MAT file of MATLAB"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF file"),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "the pointer of a file that Git LFS holds"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<!doctype", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML file"),
];

/// What a file is that begins so, if that is known; the bytes are the first [`LENGTH`] ones, or all.
pub(crate) fn kind_of_file(beginning: &[u8]) -> Option<&'static str> {
    if is_safetensors(beginning) {
        return Some("a safetensors file");
    }
    kind_of_other(beginning)
}

/// What a file is where no text is wanted either.
pub(crate) fn kind_of_binary(beginning: &[u8]) -> Option<&'static str> {
    kind_of_file(beginning).or_else(|| is_text(beginning).then_some("a text"))
}

/// What a file is that is no safetensors file, as far as that is known.
#[cfg(feature = "safetensors")]
pub(crate) fn kind_of_no_model(beginning: &[u8]) -> Option<&'static str> {
    kind_of_other(beginning).or_else(|| is_text(beginning).then_some("a text"))
}

/// Whether a file that begins so is a pickle: alone, or what PyTorch's `torch.save` makes, an archive with one in it.
pub(crate) fn is_pickle(beginning: &[u8]) -> bool {
    let of_python = |&(start, kind): &(&[u8], &str)| kind == PICKLE && beginning.starts_with(start);
    // The length of a header of 640 bytes begins as a pickle does.
    !is_safetensors(beginning)
        && (SIGNATURES.iter().any(of_python) || first_member(beginning).is_some_and(is_of_torch))
}

/// Whether a member of an archive is the pickle that PyTorch puts there.
pub(crate) fn is_of_torch(member: &[u8]) -> bool {
    member.strip_suffix(b"data.pkl").is_some_and(|folder| matches!(folder, [] | [.., b'/']))
}

/// The name of the first member of a zip archive: its length is at byte 26 of the member's header, itself at 30.
fn first_member(beginning: &[u8]) -> Option<&[u8]> {
    let header = beginning.strip_prefix(b"PK\x03\x04")?;
    let length = header.get(22..24)?;
    header.get(26..)?.get(..u16::from_le_bytes([length[0], length[1]]).into())
}

/// Whether a file begins as a safetensors file does: with the length of its header in 64 bits, and the header, which is
/// JSON.
pub(crate) fn is_safetensors(beginning: &[u8]) -> bool {
    matches!(beginning, [_, _, _, _, 0, 0, 0, 0, b'{', ..])
}

fn kind_of_other(beginning: &[u8]) -> Option<&'static str> {
    if beginning.is_empty() {
        return Some("an empty file");
    }
    if first_member(beginning).is_some_and(is_of_torch) {
        return Some("a pickle of PyTorch, in a zip archive");
    }
    if let Some((start, kind)) = SIGNATURES.iter().find(|(start, _)| beginning.starts_with(start)) {
        // A text may begin with letters that a binary file begins with, and then has lines; markup and the like are texts.
        let is_of_texts = start.starts_with(b"<") || start.len() > 8;
        if is_of_texts || !is_text(start) || !has_lines(beginning) {
            return Some(kind);
        }
    }
    // Field 1, the version of the format, and the name of the producer or of the graph.
    if matches!(beginning, [8, 1..=20, 0x12 | 0x1a | 0x3a, ..]) {
        return Some("an ONNX model");
    }
    if is_json(beginning) {
        return Some("a text in JSON");
    }
    is_utf16(beginning).then_some("text in UTF-16")
}

/// Whether a file that begins so is a text of more than one line.
fn has_lines(beginning: &[u8]) -> bool {
    is_text(beginning) && beginning.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Whether a text begins with an object of JSON, or with an array of objects, arrays or strings.
fn is_json(beginning: &[u8]) -> bool {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    match text.split_first() {
        Some((b'{', rest)) => matches!(rest.trim_ascii_start(), [b'"', ..]),
        Some((b'[', rest)) => matches!(rest.trim_ascii_start(), [b'{' | b'[' | b'"', ..]),
        _ => false,
    }
}

/// Whether a text has a byte-order mark of UTF-16, or a zero in every second place as Latin letters have it there.
fn is_utf16(beginning: &[u8]) -> bool {
    if beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff") {
        return true;
    }
    let (units, _) = beginning.as_chunks::<2>();
    // A binary file may begin with a few zeros.
    let are_zero_and_text = |zero: usize, text: usize| {
        let is_text = |byte: u8| byte == b'\t' || byte == b'\n' || byte == b'\r' || byte >= b' ';
        units.iter().all(|unit| unit[zero] == 0 && is_text(unit[text]))
    };
    units.len() >= 2 && (are_zero_and_text(0, 1) || are_zero_and_text(1, 0))
}

/// Whether a file that begins so is a text: UTF-8 without control characters. One that is cut within a character is
/// one too.
pub(crate) fn is_text(beginning: &[u8]) -> bool {
    let text = match str::from_utf8(beginning) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return false,
        Err(error) => str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default(),
    };
    !text.is_empty() && !text.contains(|c: char| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        assert_eq!(kind_of_file(b""), Some("an empty file"));
        assert_eq!(kind_of_file(b"a,b\n1,2\n"), None);
        assert_eq!(kind_of_file("ä,ö\n".as_bytes()), None);
        assert_eq!(kind_of_file(b"\x1f\x8b\x08"), Some("a gzip file"));
        assert_eq!(kind_of_file(b"\x08\0\0\0\0\0\0\0{\"a\":1}"), Some("a safetensors file"));
        assert_eq!(kind_of_file(b"\x08\x07\x12\x07pytorch"), Some("an ONNX model"));
        // An IDX file's first bytes are zeros, then its type.
        assert_eq!(kind_of_file(&[0, 0, 8, 3, 0, 0, 0, 2]), None);
        for (start, kind) in SIGNATURES {
            assert_eq!(kind_of_file(&[start, b"\0\x01\xff".as_slice()].concat()), Some(*kind));
        }
        for text in
            ["{\"a\": 1}", " {\n  \"a\": 1}", "[[1, 2]]", "[\n {\"a\": 1}]", "\u{feff}[\"a\"]"]
        {
            assert_eq!(kind_of_file(text.as_bytes()), Some("a text in JSON"), "{text}");
        }
        assert_eq!(kind_of_file(b"[1],{2}\n3,4\n"), None);
        assert_eq!(kind_of_file(b"PAR1"), Some("a Parquet file"));
        assert_eq!(kind_of_file(b"PAR1 and letters PAR1"), Some("a Parquet file"));
        // The names of columns.
        for text in [b"PAR1,b\n1,2\n".as_slice(), b"BZh,b\n", b"GIF8\n"] {
            assert_eq!(kind_of_file(text), None, "{text:?}");
        }
    }

    /// The beginnings of files that PyTorch wrote are among the fixtures of the tests.
    #[test]
    fn a_pickle_is_one_in_an_archive_too() {
        let archive = |name: &str| {
            let fields = [&[0; 22][..], &(name.len() as u16).to_le_bytes(), &[0; 2]].concat();
            [b"PK\x03\x04", &fields[..], name.as_bytes(), b"\x80\x02"].concat()
        };
        for name in ["archive/data.pkl", "data.pkl", "a/b/data.pkl"] {
            assert!(is_pickle(&archive(name)), "{name}");
            assert!(!is_pickle(&archive(name)[..30 + name.len() - 1]), "{name}, cut");
        }
        for name in ["X.npy", "mydata.pkl", "archive/data.pkl.npy", ""] {
            assert!(!is_pickle(&archive(name)), "{name}");
        }
        assert!(is_pickle(b"\x80\x02}") && is_pickle(b"\x80\x05\x95") && !is_pickle(b"\x80\x01"));
        assert!(!is_pickle(b"") && !is_pickle(b"PK\x03\x04"));
    }

    /// `"1,2\n".encode("utf-16-le")` and its kind, of Python.
    #[test]
    fn sixteen_bits_are_seen() {
        for text in [
            b"\xff\xfe1\0,\x002\0\n\0".as_slice(),
            b"\xfe\xff\x001\0,\x002\0\n",
            b"1\0,\x002\0\n\0",
            b"\x001\0,\x002\0\n",
        ] {
            assert_eq!(kind_of_file(text), Some("text in UTF-16"), "{text:?}");
        }
        assert_eq!(kind_of_file(b"1\0,2"), None);
    }

    #[test]
    fn text_is_text_where_it_is_cut() {
        assert!(is_text("a model? é".as_bytes()));
        assert!(is_text(&"aé".as_bytes()[..2]));
        assert!(!is_text(b"a\0b") && !is_text(b"\xffab") && !is_text(b""));
    }
}
