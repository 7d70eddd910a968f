//! The header of a safetensors file as it stands in JSON, in order and with duplicates: the `safetensors` crate keeps
//! tensors and metadata in hash maps, and so does not see a name that is given twice.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longer headers are refused before anything is allocated for them. Nearly all are for the schema of a table with many
/// levels; other readers of safetensors take six times as much.
pub(crate) const MAX_HEADER: u64 = 16 << 20;
/// Limits that keep what a header of that length needs in memory near its length.
pub(crate) const MAX_TENSORS: usize = 4096;
pub(crate) const MAX_TEXTS: usize = 1024;
pub(crate) const MAX_DIMENSIONS: usize = 8;

pub(crate) const METADATA: &str = "__metadata__";
/// The texts of a model's file that are not the caller's.
pub(crate) const OURS: [&str; 2] = ["digest", "version"];

/// A header as it stands in JSON, in order and with duplicates.
#[derive(Default)]
pub(crate) struct Raw {
    pub(crate) metadata: RawMetadata,
    pub(crate) entries: Vec<(String, RawInfo)>,
    /// How many there are; only the allowed number is kept.
    pub(crate) tensors: usize,
    pub(crate) has_metadata: bool,
    pub(crate) two_metadata: bool,
}

#[derive(Default)]
pub(crate) struct RawMetadata {
    pub(crate) texts: BTreeMap<String, String>,
    /// How many there are; only the allowed number is kept.
    pub(crate) found: usize,
    pub(crate) duplicate: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawInfo {
    pub(crate) dtype: safetensors::Dtype,
    pub(crate) shape: RawShape,
    pub(crate) data_offsets: (usize, usize),
}

#[derive(Default)]
pub(crate) struct RawShape {
    pub(crate) sizes: Vec<usize>,
    /// How many there are; only the allowed number is kept.
    pub(crate) found: usize,
}

/// Where the reader of JSON refuses, and whether what stands there is JSON all the same.
pub(crate) struct Unread {
    pub(crate) at: usize,
    pub(crate) is_json: bool,
}

impl Raw {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Unread> {
        serde_json::from_slice(text).map_err(|error| {
            let before = error.line().saturating_sub(1);
            let lines = text.split_inclusive(|&byte| byte == b'\n').take(before);
            let at = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
            Unread { at, is_json: error.is_data() }
        })
    }
}

macro_rules! deserialize {
    ($t:ty, $from:ident, $access:ident, $visit:ident, $expected:literal, $take:expr) => {
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Take;
                impl<'de> Visitor<'de> for Take {
                    type Value = $t;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn $visit<A: $access<'de>>(self, mut from: A) -> Result<$t, A::Error> {
                        let mut all = <$t>::default();
                        let take: fn(&mut $t, &mut A) -> Result<bool, A::Error> = $take;
                        while take(&mut all, &mut from)? {}
                        Ok(all)
                    }
                }
                from.$from(Take)
            }
        }
    };
}
deserialize!(Raw, deserialize_map, MapAccess, visit_map, "a header", |all, from| {
    let Some(name) = from.next_key::<String>()? else { return Ok(false) };
    if name == METADATA {
        all.two_metadata |= all.has_metadata;
        all.has_metadata = true;
        all.metadata = from.next_value()?;
        return Ok(true);
    }
    all.tensors += 1;
    if all.tensors > MAX_TENSORS {
        from.next_value::<IgnoredAny>()?;
    } else {
        all.entries.push((name, from.next_value()?));
    }
    Ok(true)
});
deserialize!(RawMetadata, deserialize_map, MapAccess, visit_map, "metadata", |all, from| {
    let Some((key, value)) = from.next_entry::<String, String>()? else { return Ok(false) };
    all.found += 1;
    if all.texts.contains_key(&key) {
        all.duplicate.get_or_insert(key);
    } else if all.found <= MAX_TEXTS + OURS.len() {
        all.texts.insert(key, value);
    }
    Ok(true)
});
deserialize!(RawShape, deserialize_seq, SeqAccess, visit_seq, "a shape", |all, from| {
    let Some(size) = from.next_element()? else { return Ok(false) };
    all.found += 1;
    if all.found <= MAX_DIMENSIONS {
        all.sizes.push(size);
    }
    Ok(true)
});
