//! A report of a training as one HTML file that opens from disk, asks no network, and stays under 5 MB.
//!
//! On one page: what stands out (from [`health`](crate::health) and from the training's
//! [`Report`]), the curves of the training, the best, median and worst reconstructions, a map of
//! the codes, traversals of the code with a slider each, the activity of the units, the features of the first
//! layer, and the configuration.
//!
//! * Of many samples, pictures or columns a fixed number is shown, spread evenly; the page says how many.
//! * Traversals are a table of decoded codes, and so exact for any decoder: each slider moves one unit, the
//!   others rest at the code of the median sample. A code of two units gets a grid in which both move.
//! * All data is text or numbers to the page: labels and names are escaped, the script is fixed and the page
//!   allows no other by its Content-Security-Policy.
//! * It works by keyboard, on a phone, in light and dark, and without colour.
//!
//! # Example
//! ```
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
//! use autoencoder::html::HtmlReport;
//!
//! let digits = datasets::digits();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<64, 16>::new(Sigmoid))
//!     .decoder(Dense::<16, 64>::new(Sigmoid))
//!     .build::<f32>()?;
//! let report = Trainer::new(Adam::new(1e-2)?).epochs(5).fit(&mut model, &digits.train)?;
//! let page = HtmlReport::new(&model, &report, &digits.test)
//!     .title("Digits in 16 units")
//!     .image(8, 8)
//!     .labels(&digits.test_labels)
//!     .to_html()?; // or .write_to("report.html")?
//! assert!(page.starts_with("<!doctype html>") && page.len() < 5_000_000);
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod code_map;
mod content;
mod encode;
mod page;
mod traversal;

use std::fmt;
use std::path::Path;

use crate::batch::Batch;
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::require_size;
use crate::error::{Error, Result};
use crate::insight::health::Checkup;
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::regularizer::Regularizer;
use crate::train::Report;

/// A page about a model, its training and its doings on some samples. See [`html`](crate::html).
pub struct HtmlReport<'a, E: Encoder, D, R, L> {
    model: &'a AutoEncoder<E, D, R, L>,
    report: &'a Report,
    data: &'a Batch<E::Scalar, E::Input>,
    title: String,
    image: Option<(usize, usize)>,
    columns: Option<Vec<String>>,
    labels: Option<Vec<String>>,
}

impl<'a, E, D, R, L> HtmlReport<'a, E, D, R, L>
where
    E: Encoder,
    E::Range: 'static,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// About a model, its training's report, and samples, best some it was not trained on. Without
    /// [`image`](Self::image) a sample is shown as a row of a table.
    pub fn new(
        model: &'a AutoEncoder<E, D, R, L>,
        report: &'a Report,
        data: &'a Batch<E::Scalar, E::Input>,
    ) -> Self {
        let title = "Autoencoder report".into();
        Self { model, report, data, title, image: None, columns: None, labels: None }
    }

    /// The heading of the page. Default: "Autoencoder report".
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Shows samples as images of so many pixels, stored row by row, one feature a pixel: grey only, there
    /// are no images of several channels. One side longer than 96 pixels is shown smaller.
    pub fn image(mut self, width: usize, height: usize) -> Self {
        self.image = Some((width, height));
        self
    }

    /// Names of the features. Default: `feature 0`, `feature 1`, …
    pub fn columns<S: fmt::Display>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(|name| name.to_string()).collect());
        self
    }

    /// What each sample is, which colours the map of the codes; at most 16 different ones are told apart.
    pub fn labels<S: fmt::Display>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.labels = Some(labels.into_iter().map(|label| label.to_string()).collect());
        self
    }

    /// The page as text.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::SizeMismatch`] unless the image has as many pixels as there are
    /// features, and there is a name for each feature and a label for each sample.
    pub fn to_html(&self) -> Result<String> {
        let features = self.data.features();
        if let Some((width, height)) = self.image {
            let pixels = width.saturating_mul(height);
            require_size("HtmlReport::image", "pixels", features, pixels)?;
        }
        if let Some(columns) = &self.columns {
            require_size("HtmlReport::columns", "names", features, columns.len())?;
        }
        if let Some(labels) = &self.labels {
            require_size("HtmlReport::labels", "labels", self.data.samples(), labels.len())?;
        }
        let checkup = Checkup::of(self.model, self.data)?;
        let content = self.content(&checkup)?;
        Ok(self.page(&checkup, &content))
    }

    /// Writes the page into a file, replacing one that is there.
    ///
    /// # Errors
    /// As [`to_html`](Self::to_html), and then no file is touched; [`Error::File`].
    pub fn write_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let (page, path) = (self.to_html()?, path.as_ref());
        std::fs::write(path, page).map_err(|error| Error::File {
            path: path.to_owned(),
            action: "write the report",
            reason: error.kind(),
        })
    }
}

/// Its title and the number of samples.
impl<E: Encoder, D, R, L> fmt::Debug for HtmlReport<'_, E, D, R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtmlReport")
            .field("title", &self.title)
            .field("samples", &self.data.samples())
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}
