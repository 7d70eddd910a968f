//! The tensors of a file by name, whoever wrote it, in the number type that is wanted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use safetensors::Dtype;

use super::pickle;
use crate::data::safetensors::raw::MAX_HEADER;
use crate::data::signature::{self, kind_of_no_model};
#[cfg(feature = "npz")]
use crate::data::{Npz, Source};
use crate::error::{Error, Found, Number, Place, Problem, Result};
use crate::file::header::Header;
use crate::numbers::bytes::CHUNK;
use crate::numbers::half::{from_bf16, from_f16};
use crate::numbers::scalar::{Float, all_finite};

/// A tensor whose values lie row by row.
#[derive(Debug)]
struct Tensor<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

/// All tensors of a file; those that are known are taken out.
#[derive(Debug)]
pub(super) struct Weights<T> {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor<T>>,
}

impl<T: Float> Weights<T> {
    /// Reads a safetensors file that has no tensors but of these names; of any other no value is read.
    pub(super) fn read(path: &Path, known: &[&str]) -> Result<Self> {
        let failed =
            |reason| Error::File { path: path.to_owned(), action: "read the file", reason };
        let kind = std::fs::metadata(path).map_err(|error| failed(error.kind()))?;
        if !kind.is_file() {
            let is_folder = kind.is_dir();
            return Err(failed(if is_folder {
                ErrorKind::IsADirectory
            } else {
                ErrorKind::Unsupported
            }));
        }
        let file = File::open(path).map_err(|error| failed(error.kind()))?;
        let length = file.metadata().map_err(|error| failed(error.kind()))?.len();
        Self::read_from(path, known, BufReader::with_capacity(CHUNK, file), length)
    }

    fn read_from(path: &Path, known: &[&str], mut from: impl Read, length: u64) -> Result<Self> {
        let failed = |error: std::io::Error| Error::File {
            path: path.to_owned(),
            action: "read the file",
            reason: error.kind(),
        };
        let damaged = |problem| Error::Damaged { path: path.to_owned(), problem };
        let mut start = Vec::new();
        from.by_ref().take(signature::LENGTH as u64).read_to_end(&mut start).map_err(failed)?;
        pickle::refuse_beginning(path, &start)?;
        let another = |found: &'static str| Error::Malformed {
            path: path.to_owned(),
            place: Place::File,
            found: Found::Thing(found),
            expected: "a safetensors file",
        };
        // A header begins so behind its length.
        if start.get(8) != Some(&b'{') {
            return Err(another(kind_of_no_model(&start).unwrap_or("a file of an unknown kind")));
        }
        let mut from = start.as_slice().chain(from);
        let long_enough = |expected| match length < expected {
            true => Err(damaged(Problem::Truncated { expected, found: length })),
            false => Ok(()),
        };
        let mut header_length = [0; 8];
        from.read_exact(&mut header_length).map_err(failed)?;
        let header_length = u64::from_le_bytes(header_length);
        if header_length > MAX_HEADER {
            return Err(another("a header of more than 16 MiB, as no dictionary has"));
        }
        long_enough(8 + header_length)?;
        let mut text = vec![0; header_length as usize];
        from.read_exact(&mut text).map_err(failed)?;
        let entries = Header::parse_any(&text).map_err(damaged)?;
        drop(text);
        let data = entries.last().map_or(0, |(_, info)| info.data_offsets.1 as u64);
        let expected = data.saturating_add(8 + header_length);
        long_enough(expected)?;
        if length > expected {
            return Err(damaged(Problem::TrailingBytes { expected, found: length }));
        }
        let stranger = entries.iter().find(|(name, _)| !known.contains(&name.as_str()));
        if let Some((name, info)) = stranger {
            return Err(not_known(path, name, &info.shape));
        }
        let mut tensors = BTreeMap::new();
        let mut chunk = Vec::new();
        for (name, info) in entries {
            let bytes = info.data_offsets.1 - info.data_offsets.0;
            let size = info.dtype.bitsize() / 8;
            if !matches!(info.dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64) {
                return Err(Error::Malformed {
                    path: path.to_owned(),
                    place: Place::Name(name),
                    found: Found::Text(info.dtype.to_string()),
                    expected: "numbers of the type F16, BF16, F32 or F64",
                });
            }
            let mut values = Vec::new();
            let no_memory = |_| failed(ErrorKind::OutOfMemory.into());
            values.try_reserve_exact(bytes / size).map_err(no_memory)?;
            let mut left = bytes;
            while left > 0 {
                chunk.resize(left.min(CHUNK), 0);
                from.read_exact(&mut chunk).map_err(failed)?;
                convert(info.dtype, &chunk, &mut values);
                left -= chunk.len();
            }
            tensors.insert(name, Tensor { shape: info.shape, values });
        }
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// Reads the arrays of an archive of NumPy that has none but of these names; of any other no value is read.
    #[cfg(feature = "npz")]
    pub(super) fn read_npz(path: &Path, known: &[&str]) -> Result<Self> {
        // Asked before the archive's reader, which says less of a pickle.
        pickle::refuse(path)?;
        let archive = Npz::open(path)?;
        let mut tensors = BTreeMap::new();
        let names = archive.names()?;
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(not_known(path, name, archive.array::<T, nalgebra::Dyn>(name)?.shape()));
        }
        for name in names {
            let mut array = archive.array::<T, nalgebra::Dyn>(&name)?;
            let shape = array.shape().to_vec();
            let values = array.load()?.into_vec();
            tensors.insert(name, Tensor { shape, values });
        }
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The first of these names that there is a tensor of, or the first name.
    pub(super) fn one_of<'n>(&self, names: &[&'n str]) -> &'n str {
        let there = names.iter().find(|name| self.has(name));
        there.or(names.first()).copied().unwrap_or_default()
    }

    /// The two sizes of a matrix, none of which is 0.
    pub(super) fn matrix(&self, name: &str) -> Result<(usize, usize)> {
        match self.tensors.get(name).map(|tensor| tensor.shape.as_slice()) {
            Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok((rows, columns)),
            Some(shape) => Err(self.wrong(
                name,
                "two sizes above 0".to_owned(),
                format!("the shape {shape:?}"),
            )),
            None => Err(self.wrong(name, "a matrix".to_owned(), "none".to_owned())),
        }
    }

    /// Takes out the values of a tensor of this shape.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let Some(tensor) = self.tensors.remove(name) else {
            return Err(self.wrong(name, format!("the shape {shape:?}"), "none".to_owned()));
        };
        if tensor.shape != shape {
            let (expected, found) =
                (format!("the shape {shape:?}"), format!("the shape {:?}", tensor.shape));
            return Err(self.wrong(name, expected, found));
        }
        if all_finite(&tensor.values) {
            return Ok(tensor.values);
        }
        let values = tensor.values.iter().map(|value| value.to_double()).enumerate();
        let (index, value) =
            values.into_iter().find(|(_, value)| !value.is_finite()).unwrap_or_default();
        let problem = Problem::NotFinite { tensor: name.to_owned(), index, value: Number(value) };
        Err(Error::Damaged { path: self.path.clone(), problem })
    }

    /// Takes out a matrix of these sizes, and gives its transpose.
    pub(super) fn take_transposed(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<T>> {
        Ok(transposed(&self.take(name, &[rows, columns])?, columns))
    }

    /// Takes out a factor of each unit that older versions of SAELens wrote beside the weights, if it is 1 of all; any
    /// other would change the numbers, in a way that went with those versions.
    pub(super) fn drop_ones(&mut self) -> Result<()> {
        /// As SAELens compares them.
        const NEAR: f64 = 1e-5;
        let name = "scaling_factor";
        let Some(tensor) = self.tensors.get(name) else { return Ok(()) };
        let is_near = |x: &T| (x.to_double() - 1.0).abs() <= NEAR;
        let far = tensor.values.iter().find(|x| !is_near(x));
        if let Some(far) = far {
            let found = format!("{}", Number(far.to_double()));
            return Err(self.wrong(name, "a 1 for each unit".to_owned(), found));
        }
        self.tensors.remove(name);
        Ok(())
    }

    /// Refuses what is left.
    pub(super) fn finish(self) -> Result<()> {
        match self.tensors.iter().next() {
            None => Ok(()),
            Some((name, tensor)) => Err(not_known(&self.path, name, &tensor.shape)),
        }
    }

    /// A refusal of a tensor.
    pub(super) fn wrong(&self, name: &str, expected: String, found: String) -> Error {
        wrong(&self.path, name, expected, found)
    }
}

/// Appends the numbers that these bytes are.
fn convert<T: Float>(dtype: Dtype, bytes: &[u8], to: &mut Vec<T>) {
    match dtype {
        Dtype::F16 => {
            let numbers = bytes.as_chunks().0.iter();
            to.extend(numbers.map(|&n| T::of(from_f16(u16::from_le_bytes(n)).into())));
        }
        Dtype::BF16 => {
            let numbers = bytes.as_chunks().0.iter();
            to.extend(numbers.map(|&n| T::of(from_bf16(u16::from_le_bytes(n)).into())));
        }
        Dtype::F32 => {
            to.extend(bytes.as_chunks().0.iter().map(|&n| T::of(f32::from_le_bytes(n).into())));
        }
        _ => to.extend(bytes.as_chunks().0.iter().map(|&n| T::of(f64::from_le_bytes(n)))),
    }
}

fn wrong(path: &Path, name: &str, expected: String, found: String) -> Error {
    let what = format!("the tensor `{}`", crate::error::beginning(name.as_bytes()));
    Error::DoesNotFit { path: path.to_owned(), what, expected, found, remedy: None }
}

/// The refusal of a tensor that has no place.
fn not_known(path: &Path, name: &str, shape: &[usize]) -> Error {
    wrong(path, name, "no tensor of that name".to_owned(), format!("one of shape {shape:?}"))
}

/// The transpose of a matrix whose rows have so many values.
pub(super) fn transposed<T: Float>(values: &[T], columns: usize) -> Vec<T> {
    /// Columns that are written together, so that what is read of a row is read once.
    const TOGETHER: usize = 32;
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let mut to = vec![T::ZERO; rows * columns];
    for first in (0..columns).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(columns);
        for (row, from) in values.chunks_exact(columns).enumerate() {
            for (column, &value) in (first..last).zip(&from[first..last]) {
                to[column * rows + row] = value;
            }
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let (rows, columns) = (3, 70);
        let values: Vec<f64> = (0..rows * columns).map(|n| n as f64).collect();
        for (place, value) in transposed(&values, columns).into_iter().enumerate() {
            assert_eq!(value, (place % rows * columns + place / rows) as f64);
        }
        assert!(transposed::<f32>(&[], 0).is_empty());
    }
}
