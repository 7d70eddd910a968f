//! Pickles, which are refused by their name: to read one can run any program that its author put into it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::data::signature;
use crate::error::{Error, Found, Place, Result};

/// What is expected in place of a pickle.
const CONVERTED: &str = "safetensors: a pickle can run any program, and is never read here. These lines of Python convert it:
import torch; from safetensors.torch import save_file
weights = torch.load(\"ae.pt\", map_location=\"cpu\", weights_only=True)
save_file({k: v.contiguous() for k, v in weights.items() if v.is_floating_point()}, \"ae.safetensors\")";

/// Refuses a file that is a pickle of Python, or PyTorch's archive of one.
pub(super) fn refuse(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::File {
        path: path.to_owned(),
        action: "read the file",
        reason: error.kind(),
    };
    // Asked first, because to open a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() {
            std::io::ErrorKind::IsADirectory
        } else {
            std::io::ErrorKind::Unsupported
        };
        return Err(failed(kind.into()));
    }
    let mut beginning = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(signature::LENGTH as u64).read_to_end(&mut beginning).map_err(failed)?;
    refuse_beginning(path, &beginning)
}

/// The same by the first bytes of a file.
pub(super) fn refuse_beginning(path: &Path, beginning: &[u8]) -> Result<()> {
    let Some(kind) = kind(beginning) else { return Ok(()) };
    let (path, place, found) = (path.to_owned(), Place::File, Found::Thing(kind));
    Err(Error::Malformed { path, place, found, expected: CONVERTED })
}

fn kind(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        // The operation that a pickle begins with, and its protocol.
        [0x80, 2..=5, ..] => Some("a pickle of Python"),
        [b'P', b'K', 3, 4, ..] if beginning.windows(8).any(|part| part == b"data.pkl") => {
            Some("a pickle of PyTorch")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_are_refused_with_the_lines_that_convert_them() {
        // torch.save(…) begins so, by its archive and before there was one; the last is pickle.dumps({}, protocol=4).
        for bytes in [
            b"PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\x12\0ae/data.pkl"
                .as_slice(),
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
            b"\x80\x04}\x94.",
        ] {
            let text = refuse_beginning(Path::new("ae.pt"), bytes).unwrap_err().to_string();
            assert!(text.starts_with("ae.pt: found a pickle of Py"), "{text}");
            assert!(text.contains("torch.load(") && text.contains("save_file("), "{text}");
        }
        for bytes in [b"PK\x03\x04 W_enc.npy".as_slice(), b"{", b"\x80", b""] {
            assert_eq!(refuse_beginning(Path::new("a"), bytes), Ok(()));
        }
    }
}
