//! What can be wrong with a model file, as data.

use crate::error::Number;

/// What is wrong with a model file, or stands against writing one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file ends too early.
    #[error(
        "the file has {found} bytes and should have {expected}: it was cut off, by a broken copy or \
         download; fetch it again"
    )]
    Truncated {
        /// Bytes it should have, as far as it says.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// The file goes on after its end.
    #[error(
        "the file has {found} bytes and should end after {expected}: something was appended; \
         fetch it again"
    )]
    TrailingBytes {
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// The file is no model, but of another kind.
    #[error("this is {kind} and no model file: give the path of one that `save` has written")]
    AnotherKind {
        /// What it is, by its first bytes: `a PNG picture`, `an empty file`.
        kind: &'static str,
    },
    /// The header is longer than any of ours.
    #[error(
        "a header of {length} bytes, but at most {limit} are allowed: a model of this library has \
         fewer texts and tensors, and shorter names"
    )]
    HeaderTooLong {
        /// Its length.
        length: u64,
        /// The greatest allowed length.
        limit: u64,
    },
    /// The header is not JSON.
    #[error("byte {at} of the header is not JSON: the file is damaged or no safetensors file")]
    NotJson {
        /// Where, in bytes from the header's start.
        at: usize,
    },
    /// The header is JSON, but not that of a safetensors file.
    #[error(
        "byte {at} of the header is not what a safetensors header has there: the file is damaged, \
         or another program's"
    )]
    NotAHeader {
        /// Where, in bytes from the header's start.
        at: usize,
    },
    /// The header says what it should say, but not in the one way that this library writes it.
    #[error(
        "the header differs at byte {at} from what this library writes: the file was changed, \
         perhaps saved again by another program; use the original"
    )]
    NotCanonical {
        /// Where, in bytes from the header's start.
        at: usize,
    },
    /// More tensors, dimensions or texts than any model has.
    #[error("{found} {unit}, but at most {limit} are allowed")]
    TooMany {
        /// What is counted: `tensors`, `dimensions`, `texts`.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A piece of information is not there.
    #[error(
        "the metadata has no `{key}`: this file was not written by this library (a safetensors file \
         of another program has weights, but not what a model needs besides)"
    )]
    MissingMetadata {
        /// Its name.
        key: &'static str,
    },
    /// A piece of information is there twice, or under a name that the format itself uses.
    #[error("the metadata `{key}` is given twice; every key must be given once")]
    DuplicateMetadata {
        /// Its name.
        key: String,
    },
    /// A newer version of this library wrote the file.
    #[error("a file of version {found}, but this library reads up to {newest}; update it")]
    UnsupportedVersion {
        /// What the file says.
        found: String,
        /// The newest version that is understood.
        newest: u32,
    },
    /// Two tensors have one name.
    #[error("the tensor `{name}` is there twice; every name must be given once")]
    DuplicateTensor {
        /// Their name.
        name: String,
    },
    /// A tensor of a type that no model of ours has.
    #[error("the tensor `{tensor}` has the type {found}; F32, F64, U8 and U64 are understood")]
    UnsupportedType {
        /// Its name.
        tensor: String,
        /// What the file says.
        found: String,
    },
    /// A tensor's shape does not fit its values.
    #[error("the tensor `{tensor}` has {found} bytes of values, but its shape needs {expected}")]
    WrongLength {
        /// Its name.
        tensor: String,
        /// Bytes that its shape and type need; `u64::MAX` if more than that.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// A tensor begins within the one before.
    #[error(
        "the tensor `{tensor}` begins at byte {found} of the data, where the one before it still is \
         (it ends at {expected})"
    )]
    Overlap {
        /// Its name.
        tensor: String,
        /// Where it should begin.
        expected: u64,
        /// Where it begins.
        found: u64,
    },
    /// Bytes that belong to no tensor.
    #[error(
        "the tensor `{tensor}` begins at byte {found} of the data, but should at {expected}: the \
         bytes between belong to none"
    )]
    Gap {
        /// The tensor after them.
        tensor: String,
        /// Where it should begin.
        expected: u64,
        /// Where it begins.
        found: u64,
    },
    /// The schema of a table is not as this library writes it.
    #[cfg(feature = "table")]
    #[error(
        "line {line} of the schema is not what this library writes: the file was changed; use the original"
    )]
    Schema {
        /// The line, counted from 1.
        line: usize,
    },
    /// The content is not what the digest was made of.
    #[error("the content does not fit its digest: the file was changed or damaged; fetch it again")]
    Digest,
    /// A value is NaN or infinite.
    #[error(
        "value {index} (counted from 0) of the tensor `{tensor}` is {value}, but all must be finite"
    )]
    NotFinite {
        /// The tensor's name.
        tensor: String,
        /// The value's index, in the order of the file.
        index: usize,
        /// What was found.
        value: Number,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn texts_say_what_is_wrong_and_what_to_do() {
        let path = || "models/a.safetensors".into();
        let truncated = Problem::Truncated { expected: 600, found: 599 };
        assert_eq!(
            Error::Damaged { path: path(), problem: truncated }.to_string(),
            "models/a.safetensors: the file has 599 bytes and should have 600: it was cut off, by a \
             broken copy or download; fetch it again"
        );
        let value = Number(f64::NAN);
        let problem = Problem::NotFinite { tensor: "encoder.0.bias".into(), index: 3, value };
        assert_eq!(
            Error::NotSaved { path: path(), problem }.to_string(),
            "models/a.safetensors: not saved: value 3 (counted from 0) of the tensor `encoder.0.bias` \
             is NaN, but all must be finite"
        );
        let problem = Problem::AnotherKind { kind: "a PNG picture" };
        assert_eq!(
            Error::Damaged { path: path(), problem }.to_string(),
            "models/a.safetensors: this is a PNG picture and no model file: give the path of one that \
             `save` has written"
        );
        let newer = Problem::UnsupportedVersion { found: "2".into(), newest: 1 };
        assert_eq!(
            newer.to_string(),
            "a file of version 2, but this library reads up to 1; update it"
        );
    }
}
