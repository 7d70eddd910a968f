//! Pickles, which are refused by their name: to read one can run any program that its author put into it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::data::signature;
use crate::error::{Error, Result};

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
    if signature::is_pickle(beginning) {
        return Err(Error::Pickle { path: path.to_owned() });
    }
    Ok(())
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
            let path = Path::new("ae.pt");
            assert_eq!(refuse_beginning(path, bytes), Err(Error::Pickle { path: path.to_owned() }));
        }
        // The last is a safetensors file whose header has 640 bytes.
        let header = [&[0x80, 2, 0, 0, 0, 0, 0, 0][..], b"{\"W_enc\":{\"dtype\":\"F32\""].concat();
        for bytes in [b"PK\x03\x04 W_enc.npy".as_slice(), b"{", b"\x80", b"", &header] {
            assert_eq!(refuse_beginning(Path::new("a"), bytes), Ok(()));
        }
    }
}
