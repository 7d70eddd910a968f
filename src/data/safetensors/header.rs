//! What a safetensors file says of its tensors, checked against its length.

use safetensors::Dtype;

use super::raw::{MAX_DIMENSIONS, MAX_HEADER, MAX_TENSORS, METADATA, Raw, RawInfo, Unread};
use crate::data::element::{Element, Kind};
use crate::data::input::{Input, Packing, Stream};
use crate::data::signature::{self, is_safetensors};
use crate::error::{Found, Number, Place, Result};

/// A tensor of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    /// Its first byte in the file.
    pub(super) start: u64,
    /// Its bytes.
    pub(super) length: u64,
}

impl Tensor {
    /// The type of its numbers, if it is one that is read.
    pub(super) fn element(&self) -> Option<Element> {
        let kind = match self.dtype {
            Dtype::BOOL => Kind::Bool,
            Dtype::U8 => Kind::U8,
            Dtype::I8 => Kind::I8,
            Dtype::U16 => Kind::U16,
            Dtype::I16 => Kind::I16,
            Dtype::U32 => Kind::U32,
            Dtype::I32 => Kind::I32,
            Dtype::U64 => Kind::U64,
            Dtype::I64 => Kind::I64,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            Dtype::F32 => Kind::F32,
            Dtype::F64 => Kind::F64,
            _ => return None,
        };
        Some(Element { kind, is_big_endian: false })
    }
}

/// The tensors of a file, in the order of their values: each has a name of its own, they lie without gap and overlap,
/// are as long as their shapes say, and end where the file ends.
pub(super) fn read(input: &Input) -> Result<Vec<Tensor>> {
    let beginning = input.beginning(signature::LENGTH)?;
    if !is_safetensors(&beginning) {
        input.refuse_another_kind("a safetensors file")?;
    }
    let mut stream = Stream::new(input.clone(), Packing::Plain);
    let mut length = [0; 8];
    stream.fill(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        let found = Found::Number(Number(length as f64));
        return Err(input.malformed(Place::Byte(0), found, "a header of at most 16 MiB"));
    }
    let data = 8 + length;
    if data > input.len() {
        return Err(input.mismatch(Place::File, "bytes at least", data, input.len()));
    }
    let mut text = vec![0; length as usize];
    stream.fill(&mut text)?;
    let raw = Raw::parse(&text).map_err(|Unread { at, is_json }| {
        let rest = text.get(at..).unwrap_or_default();
        let found = match rest {
            [] => Found::Thing("the end of the header"),
            rest => Found::text(&rest[..rest.len().min(16)]),
        };
        let expected = match is_json {
            true => "a tensor's `dtype` that is known, its `shape` and its `data_offsets`",
            false => "a header in JSON",
        };
        input.malformed(Place::Byte(8 + at as u64), found, expected)
    })?;
    drop(text);
    if raw.two_metadata {
        let place = Place::Name(METADATA.to_owned());
        return Err(input.malformed(place, Found::Thing("two of that name"), "one"));
    }
    if let Some(key) = raw.metadata.duplicate {
        let place = Place::Name(METADATA.to_owned());
        return Err(input.malformed(place, Found::text(key.as_bytes()), "a text once"));
    }
    if raw.tensors > MAX_TENSORS {
        return Err(input.mismatch(
            Place::File,
            "tensors at most",
            MAX_TENSORS as u64,
            raw.tensors as u64,
        ));
    }
    let tensors = raw.entries.into_iter().map(|(name, info)| tensor(input, name, info, data));
    let mut tensors = tensors.collect::<Result<Vec<_>>>()?;
    check_names(input, &tensors)?;
    // Those without a value before the one that begins where they lie.
    tensors.sort_by_key(|tensor| (tensor.start, tensor.length));
    let mut next = data;
    for tensor in &tensors {
        if tensor.start != next {
            let place = Place::Name(tensor.name.clone());
            let unit = "as the first byte, where the tensor before ends";
            return Err(input.mismatch(place, unit, next, tensor.start));
        }
        next += tensor.length;
    }
    if next != input.len() {
        return Err(input.mismatch(Place::File, "bytes", next, input.len()));
    }
    Ok(tensors)
}

/// A tensor as the header has it, whose values begin after so many bytes; refused unless its place is as long as its
/// shape says, and lies in the file.
fn tensor(input: &Input, name: String, info: RawInfo, data: u64) -> Result<Tensor> {
    let RawInfo { dtype, shape, data_offsets: (start, end) } = info;
    let place = || Place::Name(name.clone());
    if shape.found > MAX_DIMENSIONS {
        let found = shape.found as u64;
        return Err(input.mismatch(place(), "dimensions at most", MAX_DIMENSIONS as u64, found));
    }
    let shape: Vec<u64> = shape.sizes.iter().map(|&size| size as u64).collect();
    let bits = shape.iter().try_fold(dtype.bitsize() as u64, |bits, &size| bits.checked_mul(size));
    let needed = bits.filter(|bits| bits.is_multiple_of(8)).map(|bits| bits / 8);
    let (start, end) = (start as u64, end as u64);
    let (Some(needed), true) = (needed, start <= end && end <= input.len()) else {
        let found = Found::Thing("a shape or a place that no file of this length can hold");
        return Err(input.malformed(place(), found, "a tensor that fits the file"));
    };
    if end - start != needed {
        return Err(input.mismatch(place(), "bytes", needed, end - start));
    }
    Ok(Tensor { name, dtype, shape, start: data + start, length: needed })
}

fn check_names(input: &Input, tensors: &[Tensor]) -> Result<()> {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let place = Place::Name(pair[0].to_owned());
            Err(input.malformed(place, Found::Thing("two tensors"), "one tensor of that name"))
        }
    }
}
