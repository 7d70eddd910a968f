//! The page of a detector on a batch.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use super::write_page;
use crate::batch::size::SameSize;
use crate::error::Result;
use crate::insight::anomaly::judge::{Judge, Learned};
use crate::insight::anomaly::{AnomalyDetector, AnomalyScore};
use crate::layer::Part;
use crate::layer::field::Lies;
use crate::model::inference::InMemory;
use crate::model::{Scalar, Unlabelled};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::train::examples::IntoExamples;

/// Rows of the table, if nothing else is said, and at most.
const ROWS: usize = 20;
pub(super) const MOST_ROWS: usize = 1000;

/// A page about what an [`AnomalyDetector`] makes of a batch. See [`html`](crate::html#a-detector-on-a-batch).
///
/// | method | default | what it does |
/// |---|---|---|
/// | [`title`](Self::title) | "Anomaly report" | the heading |
/// | [`rows`](Self::rows) | 20 | how many of the oddest rows are told of, 1 to 1,000 |
/// | [`reference`](Self::reference) | none | the rows that this batch is held against, for drift |
/// | [`columns`](Self::columns) | those of the schema, else numbers | what the features are called |
/// | [`labels`](Self::labels) | none | what is known of each row |
pub struct AnomalyReport<'a, E, T: Float = f32> {
    page: Found<'a, T>,
    encoder: PhantomData<fn() -> E>,
}

/// The same, of which no type says more than its numbers.
pub(super) struct Found<'a, T: Float> {
    pub(super) judge: Judge<'a, T>,
    pub(super) learned: &'a Learned,
    pub(super) given: Result<InMemory<'a, T>>,
    pub(super) lies: Option<Lies>,
    pub(super) reference: Option<Result<InMemory<'a, T>>>,
    pub(super) title: String,
    pub(super) rows: usize,
    pub(super) columns: Option<Vec<String>>,
    pub(super) labels: Option<Vec<String>>,
}

impl<'a, E: Part, T: Scalar> AnomalyReport<'a, E, T> {
    /// About a detector and the rows that it is to judge, as [`scores`](AnomalyDetector::scores) takes them: `&x` or, of a
    /// conditional model, `(&x, &conditions)`.
    pub fn new<D, R, L, S, X>(detector: &'a AnomalyDetector<E, D, R, L, S, T>, x: X) -> Self
    where
        S: AnomalyScore<T>,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (judge, examples) = (detector.judge(), x.into_examples());
        let lies = Lies::of(examples.size).or(judge.network.facts.lies);
        let given = InMemory::unweighted("AnomalyReport", judge.network.inputs(), examples);
        let page = Found {
            judge,
            learned: detector.learned(),
            given,
            lies,
            reference: None,
            title: "Anomaly report".into(),
            rows: ROWS,
            columns: None,
            labels: None,
        };
        Self { page, encoder: PhantomData }
    }

    /// The rows that these are held against, such as those of last month: the page then has a table of how far each column
    /// and the scores have moved, by [`drift`](crate::metrics::drift). Best normal rows that the model was not trained on
    /// and the score not fitted to, as the scores of those are lower. Default: none.
    pub fn reference<X>(mut self, x: X) -> Self
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, expected) = ("AnomalyReport::reference", self.page.judge.network.inputs());
        self.page.reference = Some(InMemory::unweighted(call, expected, x.into_examples()));
        self
    }

    /// The heading of the page. Default: "Anomaly report".
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.page.title = title.into();
        self
    }

    /// How many of the oddest rows are told of, 1 to 1,000. Default: 20, or all of fewer. Each takes the time of an
    /// [`explain`](AnomalyDetector::explain), which grows with the square of the features; those of more than 1,024
    /// features are told by the score's own terms instead. Of large images, and of rows that take very many words, fewer are
    /// shown: the page says how many.
    pub fn rows(mut self, rows: usize) -> Self {
        self.page.rows = rows;
        self
    }

    /// Names of the features or, of windows, of their channels. Default: those of the schema whose normalizer the model
    /// has, cell by cell; without one `feature 0`, `feature 1`, …, of windows `channel 0` and its steps.
    pub fn columns<N: fmt::Display>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.page.columns = Some(names.into_iter().map(|name| name.to_string()).collect());
        self
    }

    /// What is known of each row, which stands beside it and colours the map; at most 16 different ones are told apart
    /// there. Default: nothing; the map is coloured by the threshold, if there is one.
    pub fn labels<N: fmt::Display>(mut self, labels: impl IntoIterator<Item = N>) -> Self {
        self.page.labels = Some(labels.into_iter().map(|label| label.to_string()).collect());
        self
    }

    /// The page as text.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for another number of rows,
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a name for each feature or channel, and a label
    /// for each row.
    pub fn to_html(&self) -> Result<String> {
        page_of(&self.page)
    }

    /// Writes the page into a file, replacing one that is there.
    ///
    /// # Errors
    /// As [`to_html`](Self::to_html), and then no file is touched; [`Error::File`](crate::Error::File).
    pub fn write_to(&self, path: impl AsRef<Path>) -> Result<()> {
        write_page(&self.to_html()?, path.as_ref())
    }
}

// The loops over samples are compiled here.
once! {
    fn page_of(report: &'a Found<'b, T>) -> Result<String> = Found::html;
}

/// Its title, and how many rows.
impl<E, T: Float> fmt::Debug for AnomalyReport<'_, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnomalyReport")
            .field("title", &self.page.title)
            .field("samples", &self.page.given.as_ref().map_or(0, |given| given.x.samples()))
            .field("rows", &self.page.rows)
            .finish_non_exhaustive()
    }
}
