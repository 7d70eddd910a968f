//! Reports as one HTML file each, which opens from disk, asks no network, and stays under 5 MB: [`HtmlReport`] of a training,
//! [`AnomalyReport`] of [a detector on a batch](#a-detector-on-a-batch).
//!
//! On the page of a training: what stands out (from [`health`](crate::health) and from the training's
//! [`Report`]), the curves of the training, the best, median and worst reconstructions, a map of
//! the codes, traversals of the code with a slider each, the activity of the units, the features of the first
//! layer, and the configuration.
//!
//! * Samples whose [size](crate::size) says that they are images, or those of a model whose inputs are images, are
//!   shown as such: of three channels in colour, of others in grey, one below the other. All others, windows and images of one row among
//!   them, are rows of a table.
//! * Of many samples, pictures or columns a fixed number is shown, spread evenly; the page says how many. A picture
//!   of which one side is longer than 96 pixels is shown smaller.
//! * Traversals are a table of decoded codes, and so exact for any decoder: each slider moves one unit, the
//!   others rest at the code of the median sample, and so does its condition, if there is one. A code of two units
//!   gets a grid in which both move.
//! * Of a model whose codes are sparse and decoded by a dictionary, a section has the measures of
//!   [`metrics::dictionary`](crate::metrics::dictionary) on these samples and a histogram of how often units fire.
//! * Of a classifier, which makes no other sample of a sample, the page has no reconstructions and no traversals, but
//!   its accuracy.
//! * All data is text or numbers to the page: labels and names are escaped, the script is fixed and the page
//!   allows no other by its Content-Security-Policy.
//! * What is missing, NaN, is said to be so: a cell in words, a pixel by hatching.
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
//!     .labels(&digits.test_labels)
//!     .to_html()?; // or .write_to("report.html")?
//! assert!(page.starts_with("<!doctype html>") && page.len() < 5_000_000);
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # A detector on a batch
//! What an [`AnomalyDetector`](crate::anomaly::AnomalyDetector) makes of new rows, for people who know the data and not the
//! model:
//!
//! | part | shows |
//! |---|---|
//! | scores | a histogram with the threshold, and how many are above it |
//! | the oddest rows | number, score, p-value if the detector is calibrated (that of a block, if it is [by blocks](crate::anomaly::AnomalyDetector::calibrate_blocks)), and what made each odd |
//! | map | the code of each row; its number, score and words on hover |
//! | drift | how far scores and columns have moved, by [`drift`](crate::metrics::drift); with a [reference](AnomalyReport::reference) |
//!
//! * A model with the normalizer of a `Schema` (feature `table`) speaks of columns and levels: "proto: udp,
//!   expected tcp (62 %)". Any other has the names that it is [given](AnomalyReport::columns), or numbers.
//! * Of windows the channel and the steps are told, those side by side as one: "load, steps 5–8 of 24". Images are shown, each
//!   with what the model expected and the difference.
//! * Words are those of an [`explain`](crate::anomaly::AnomalyDetector::explain); on the map, and of rows of more than 1,024
//!   features, those of the score's own terms.
//!
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
//! use autoencoder::data::{Normalization, Normalizer};
//! use autoencoder::html::AnomalyReport;
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, datasets};
//!
//! let normal = datasets::sensors::<f32>(900, 1)?.normal(); // 8 channels
//! let (train, held_out) = (normal.select(0..400), normal.select(400..600));
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Tanh))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .normalizer(Normalizer::fit(Normalization::Standardize, &train)?)
//!     .build::<f32>()?;
//! Trainer::new(Adam::new(1e-2)?).epochs(20).fit(&mut model, &train)?;
//! let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &train)?;
//! detector.calibrate(&held_out)?;
//! detector.set_false_alarm_rate(0.01)?;
//!
//! let mut batch = normal.select(600..700);
//! batch.as_mut_slice()[8 * 17 + 2] += 40.0; // a fault in row 17
//! let page = AnomalyReport::new(&detector, &batch)
//!     .reference(&held_out)
//!     .columns((1..=8).map(|sensor| format!("sensor {sensor}")))
//!     .to_html()?; // or .write_to("anomalies.html")?
//! assert!(page.contains("<th scope=\"row\">17</th>") && page.contains("<li>sensor 3: "));
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod anomalies;
mod anomaly_page;
mod code_map;
mod content;
mod dictionary;
mod document;
mod encode;
mod findings;
mod histogram;
mod names;
mod page;
mod selected;
mod shown;
mod traversal;
mod words;

pub use anomalies::AnomalyReport;

use std::fmt;
use std::path::Path;

use crate::batch::size::{SameSize, Shape};
use crate::error::{Error, Result, require_fit, require_size};
use crate::insight::health::checkup;
use crate::layer::Part;
use crate::layer::field::Lies;
use crate::loss::Target;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::model::{AutoEncoder, Scalar};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::report::passes::shape_of;
use crate::train::examples::{IntoExamples, Suits};
use crate::train::{Report, Trainable};

/// A page about a model, its training and its doings on some samples. See [`html`](crate::html).
pub struct HtmlReport<'a, T: Float = f32> {
    network: &'a Network<T>,
    report: &'a Report,
    given: Result<InMemory<'a, T>>,
    shape: Shape,
    lies: Option<Lies>,
    title: String,
    columns: Option<Vec<String>>,
    labels: Option<Vec<String>>,
}

impl<'a, T: Scalar> HtmlReport<'a, T> {
    /// About a model, its training's report, and samples, best some it was not trained on, as
    /// [`loss`](AutoEncoder::loss) takes them: `&x`, of a conditional model `(&x, &conditions)`, of a classifier
    /// `(&x, &labels)`. All samples count alike, whatever weights they are given. There is no page of a model with targets,
    /// which [`to_html`](Self::to_html) refuses: take [`Checkup::of`](crate::health::Checkup::of).
    pub fn new<E, D, R, L, X>(
        model: &'a AutoEncoder<E, D, R, L, T>,
        report: &'a Report,
        x: X,
    ) -> Self
    where
        E: Part,
        D: Part,
        AutoEncoder<E, D, R, L, T>: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<AutoEncoder<E, D, R, L, T> as Trainable>::Wanted>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (network, examples) = (model.network(), x.into_examples());
        let shape = shape_of(examples.size, model.encoder().input());
        // Those of an image are pictures, or rows of plain features.
        let lies = Lies::of(examples.size).or(network.facts.lies);
        Self {
            network,
            report,
            given: InMemory::unweighted("HtmlReport", network.inputs(), examples),
            shape,
            lies: lies.filter(|lies| lies.is_interleaved),
            title: kind(network).into(),
            columns: None,
            labels: None,
        }
    }

    /// The heading of the page. Default: "Autoencoder report" or "Classifier report".
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Names of the features or, of windows, of their channels. Default: those of the schema whose normalizer the model has;
    /// without one `feature 0`, `feature 1`, …, of windows `channel 0` and its steps.
    pub fn columns<S: fmt::Display>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(|name| name.to_string()).collect());
        self
    }

    /// What each sample is, which colours the map of the codes; at most 16 different ones are told apart. Default: of
    /// a classifier the classes it was given, of any other nothing.
    pub fn labels<S: fmt::Display>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.labels = Some(labels.into_iter().map(|label| label.to_string()).collect());
        self
    }

    /// The page as text.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::SizeMismatch`] unless there is a name for each feature or channel, and a label for
    /// each sample.
    pub fn to_html(&self) -> Result<String> {
        page_of(self)
    }

    fn whole_page(&self) -> Result<String> {
        let given = self.given.as_ref().map_err(Clone::clone)?;
        if let Some(labels) = &self.labels {
            require_size("HtmlReport::labels", "labels", given.x.samples(), labels.len())?;
        }
        let fault = "compares with targets, and the page shows what becomes of a model's inputs";
        let has_page = self.network.loss.target() != Target::Given;
        require_fit(has_page, "the model", fault, "take `Checkup::of`")?;
        let checkup = checkup::of_network(self.network, again(given))?;
        let content = self.content(given, &checkup)?;
        Ok(self.page(&checkup, &content))
    }

    /// Writes the page into a file, replacing one that is there.
    ///
    /// # Errors
    /// As [`to_html`](Self::to_html), and then no file is touched; [`Error::File`].
    pub fn write_to(&self, path: impl AsRef<Path>) -> Result<()> {
        write_page(&self.to_html()?, path.as_ref())
    }
}

// Samples may be many and wide: the loops over them are compiled here, and not in every crate that makes a page.
once! {
    fn page_of(report: &'a HtmlReport<'b, T>) -> Result<String> = HtmlReport::whole_page;
}

fn write_page(page: &str, path: &Path) -> Result<()> {
    std::fs::write(path, page).map_err(|error| Error::File {
        path: path.to_owned(),
        action: "write the report",
        reason: error.kind(),
    })
}

/// The samples once more.
fn again<'a, T: Float>(given: &InMemory<'a, T>) -> InMemory<'a, T> {
    InMemory { x: given.x, conditions: given.conditions, labels: given.labels.clone() }
}

fn is_classifier<T: Float>(network: &Network<T>) -> bool {
    network.loss.target() == Target::Class
}

/// Whether it makes samples again.
fn reconstructs<T: Float>(network: &Network<T>) -> bool {
    network.loss.target() == Target::Input
}

/// What the page is.
fn kind<T: Float>(network: &Network<T>) -> &'static str {
    if is_classifier(network) { "Classifier report" } else { "Autoencoder report" }
}

/// Its title, the number of samples and what they look like.
impl<T: Float> fmt::Debug for HtmlReport<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtmlReport")
            .field("title", &self.title)
            .field("samples", &self.given.as_ref().map_or(0, |given| given.x.samples()))
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}
