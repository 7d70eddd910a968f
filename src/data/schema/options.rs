use crate::data::CsvOptions;
use crate::error::{Result, require, require_count, require_fraction};

/// How a [`Schema`](super::Schema) is inferred.
///
/// | option | default | purpose |
/// |---|---|---|
/// | [`csv`](SchemaOptions::csv) | commas, quotes, a header | how the text is read: delimiter, header, what is missing |
/// | [`rare`](SchemaOptions::rare) | 10 and 0.01 | levels of a category that become "other": seen less often than both |
/// | [`most_levels`](SchemaOptions::most_levels) | 1000 | texts of more different values are no category |
/// | [`date_formats`](SchemaOptions::date_formats) | none | formats of dates to look for besides ISO 8601 |
///
/// # Example
/// ```
/// use autoencoder::data::{CsvOptions, Kind, Schema, SchemaOptions};
/// let text = "24.12.2023;yes\n25.12.2023;no\n27.12.2023;?\n";
/// let options = SchemaOptions::new()
///     .csv(CsvOptions::new().delimiter(b';')?.header(false))
///     .date_formats(["%d.%m.%Y"]);
/// let schema = Schema::infer_bytes_with(&options, text)?;
/// let kinds: Vec<Kind> = schema.columns().iter().map(|column| column.kind()).collect();
/// assert_eq!(kinds, [Kind::Date, Kind::Boolean]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaOptions {
    pub(super) csv: CsvOptions,
    pub(super) rare_count: usize,
    pub(super) rare_share: f64,
    pub(super) most_levels: usize,
    pub(super) formats: Vec<String>,
}

impl Default for SchemaOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SchemaOptions {
    /// Those of the table above.
    pub fn new() -> Self {
        let (csv, formats) = (CsvOptions::new(), Vec::new());
        Self { csv, rare_count: 10, rare_share: 0.01, most_levels: 1000, formats }
    }

    /// How the text is read. Columns and labels are the schema's own matter, and so is what becomes of missing cells,
    /// which stay missing.
    pub fn csv(self, csv: CsvOptions) -> Self {
        Self { csv, ..self }
    }

    /// A level of a category is rare, and becomes one of "other", if it was seen in fewer rows than `count` and in a
    /// smaller share of the rows that have the cell than `share`, by default 10 and 0.01. A single such level stays
    /// what it is. `rare(0, 0.0)` keeps all.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the share is in [0, 1].
    pub fn rare(self, count: usize, share: f64) -> Result<Self> {
        require_fraction("SchemaOptions share of a rare level", share)?;
        Ok(Self { rare_count: count, rare_share: share, ..self })
    }

    /// The greatest number of levels of a category, 1000 by default, at most 100,000: a column of more different
    /// texts is left out, and so is one with a text of more than 256 bytes, whatever is set here.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside 1 to 100,000.
    pub fn most_levels(self, levels: usize) -> Result<Self> {
        require_count("SchemaOptions most levels", levels)?;
        require(levels <= 100_000, "SchemaOptions most levels", levels as f64, "at most 100000")?;
        Ok(Self { most_levels: levels, ..self })
    }

    /// Formats of dates to look for besides ISO 8601, as strptime has them: `"%d.%m.%Y"`. A column whose texts are all
    /// of the first one that fits is a date. Numbers are never taken for dates: [`Schema::date`](super::Schema::date)
    /// takes such a column for one.
    pub fn date_formats<F: Into<String>>(self, formats: impl IntoIterator<Item = F>) -> Self {
        Self { formats: formats.into_iter().map(Into::into).collect(), ..self }
    }
}
