use std::collections::BTreeMap;

use crate::error::{Result, require_size};

/// Lists of numbers by name: what a score has fitted, as a file holds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    lists: BTreeMap<String, Vec<f64>>,
}

impl Numbers {
    /// No lists.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more list.
    pub fn with(mut self, name: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        self.lists.insert(name.into(), values.into());
        self
    }

    /// The same with all lists of another under a name and a dot.
    pub fn with_all(mut self, name: &str, others: Numbers) -> Self {
        let named =
            others.lists.into_iter().map(|(list, values)| (format!("{name}.{list}"), values));
        self.lists.extend(named);
        self
    }

    /// The lists that [`with_all`](Self::with_all) put under this name.
    pub fn under(&self, name: &str) -> Self {
        let named = self.lists.iter().filter_map(|(list, values)| {
            let list = list.strip_prefix(name)?.strip_prefix('.')?;
            Some((list.to_owned(), values.clone()))
        });
        Self { lists: named.collect() }
    }

    /// A list; an empty one if there is none of this name.
    pub fn list(&self, name: &str) -> &[f64] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// A list that must have this length.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if it has another one, or is not there.
    pub fn exactly(&self, name: &str, length: usize) -> Result<&[f64]> {
        let list = self.list(name);
        require_size("the fitted numbers of an anomaly score", "values", length, list.len())?;
        Ok(list)
    }

    /// All lists with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.lists.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}
