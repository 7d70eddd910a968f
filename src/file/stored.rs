//! The container of stored models: what of a model goes into a file, and how a file is compared with a model.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::atomic::replace;
use super::tensors::{Contents, Image, read};
#[cfg(feature = "table")]
use crate::data::Schema;
use crate::data::{Normalization, Normalizer};
use crate::error::{Error, Problem, Result};
use crate::layer::layout;
use crate::layer::layout::{Layout, Role};
use crate::numbers::bytes::{Element, Tensor};
use crate::numbers::scalar::Float;

/// The contents of a file, by name, as they are asked for.
pub(crate) struct Parts<'a> {
    path: &'a Path,
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor<'static>>,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(path: &'a Path, contents: Contents) -> Self {
        let tensors = contents.tensors.into_iter();
        let tensors = tensors.map(|tensor| (tensor.name.to_string(), tensor)).collect();
        Self { path, metadata: contents.metadata, tensors }
    }

    pub(crate) fn text(&self, key: &'static str) -> Result<&str> {
        let missing = || self.damaged(Problem::MissingMetadata { key });
        self.metadata.get(key).map(String::as_str).ok_or_else(missing)
    }

    /// What the user has written beside the model.
    pub(crate) fn own_metadata(&self) -> BTreeMap<String, String> {
        let own = self.metadata.iter();
        let own = own.filter_map(|(key, text)| Some((key.strip_prefix(OWN)?, text)));
        own.map(|(key, text)| (key.to_owned(), text.clone())).collect()
    }

    /// The schema of the model's table, if there is one.
    #[cfg(feature = "table")]
    pub(crate) fn schema(&self) -> Result<Option<Schema>> {
        let Some(text) = self.metadata.get(SCHEMA) else { return Ok(None) };
        Schema::from_text(text).map(Some).map_err(|problem| self.damaged(problem))
    }

    /// Refuses a schema, which would be lost.
    #[cfg(not(feature = "table"))]
    fn refuse_schema(&self) -> Result<()> {
        let (part, remedy) =
            ("the table of its samples", "build with the feature `table` to load it");
        match self.metadata.get(SCHEMA) {
            None => Ok(()),
            Some(_) => self.require_or(part, "no schema", "a schema", Some(remedy)),
        }
    }

    pub(crate) fn damaged(&self, problem: Problem) -> Error {
        Error::Damaged { path: self.path.to_owned(), problem }
    }

    /// Refuses unless the two are equal.
    pub(crate) fn require(&self, what: &str, expected: &str, found: &str) -> Result<()> {
        self.require_or(what, expected, found, None)
    }

    /// The same, with what can be read where they differ.
    fn require_or(
        &self,
        what: &str,
        expected: &str,
        found: &str,
        remedy: Option<&'static str>,
    ) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        Err(Error::DoesNotFit {
            path: self.path.to_owned(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            remedy,
        })
    }

    /// Takes out the values of a tensor of this shape.
    pub(crate) fn take<T: Element>(&mut self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let what = format!("the tensor `{name}`");
        let Some(tensor) = self.tensors.remove(name) else {
            let expected = format!("one of shape {shape:?}");
            self.require_or(&what, &expected, "none", remedy(name, name))?;
            return Ok(Vec::new());
        };
        let text = |shape: &[usize]| format!("the shape {shape:?}");
        self.require_or(&what, &text(shape), &text(&tensor.shape), remedy(name, name))?;
        let dtype = format!("{:?}", tensor.values.dtype());
        match T::unwrap(tensor.values) {
            Some(values) => Ok(values.into_owned()),
            None => self.require(&what, &T::name(), &dtype).map(|()| Vec::new()),
        }
    }

    /// The names of the tensors still here that begin so.
    pub(crate) fn names_from(&self, prefix: &str) -> Vec<String> {
        self.tensors.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// Takes out a list of any length.
    pub(crate) fn take_list<T: Element>(&mut self, name: &str) -> Result<Vec<T>> {
        let length = self.tensors.get(name).map_or(0, |tensor| tensor.values.len());
        if length == 0 { Ok(Vec::new()) } else { self.take(name, &[length]) }
    }
}

/// What is read of a file whose loss is another.
const OTHER_LOSS: Option<&str> = Some("`load_encoder` takes the encoder alone, whatever the loss");

/// What is read of a file whose regularizer is another.
const OTHER_REGULARIZER: Option<&str> =
    Some("`load_encoder` and `load_decoder` take one part each, whatever the regularizer");

/// What is read of a file of which these two lines of the architecture, or tensors of these names, differ.
fn remedy(expected: &str, found: &str) -> Option<&'static str> {
    let one_is_of = |part: &str| expected.starts_with(part) || found.starts_with(part);
    if ["encoder.", "decoder.", "classifier."].into_iter().any(one_is_of) {
        None
    } else if one_is_of("loss.") {
        OTHER_LOSS
    } else if one_is_of("regularizer.") {
        OTHER_REGULARIZER
    } else {
        None
    }
}

/// What of a model is in a file.
pub(crate) struct Saved<T> {
    pub(crate) parameters: Vec<T>,
    pub(crate) state: Vec<T>,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) own_metadata: BTreeMap<String, String>,
}

/// The shape of a tensor in a file, PyTorch's: outputs × inputs, row by row; inputs of a kernel have several sides.
fn shape(tensor: &layout::Tensor) -> Vec<usize> {
    match tensor.role {
        Role::Weight | Role::Own => [&[tensor.shape.0], &tensor.columns[..]].concat(),
        Role::Bias | Role::Gain | Role::Threshold | Role::Norm => vec![tensor.shape.0],
    }
}

/// Writes a matrix stored column by column row by row; with rows and columns exchanged, back again.
fn transpose<T: Copy>(values: &[T], rows: usize, to: &mut [T]) {
    let columns = values.len() / rows.max(1);
    for (row, to) in to.chunks_exact_mut(columns.max(1)).enumerate() {
        for (to, &value) in to.iter_mut().zip(values[row..].iter().step_by(rows)) {
            *to = value;
        }
    }
}

/// The parameters of a model as tensors of a file, each name with this in front.
pub(crate) fn parameter_tensors<'a, T: Float>(
    layout: &Layout,
    parameters: &[T],
    prefix: &str,
) -> Vec<Tensor<'a>> {
    let tensors = layout.tensors().iter().map(|tensor| {
        let mut values = vec![T::ZERO; tensor.range.len()];
        transpose(&parameters[tensor.range.clone()], tensor.shape.0, &mut values);
        Tensor {
            name: format!("{prefix}{}", tensor.name).into(),
            shape: shape(tensor),
            values: T::wrap(Cow::Owned(values)),
        }
    });
    tensors.collect()
}

/// Takes out the tensors that [`parameter_tensors`] wrote, of those whose name begins with `part`,
/// each with its place among the parameters.
fn take_tensors<'a, T: Float>(
    layout: &'a Layout,
    file: &mut Parts<'_>,
    prefix: &str,
    part: &str,
) -> Result<Vec<(&'a layout::Tensor, Vec<T>)>> {
    let tensors = layout.tensors().iter().filter(|tensor| tensor.name.starts_with(part));
    let take = |tensor: &'a layout::Tensor| {
        let values = file.take(&format!("{prefix}{}", tensor.name), &shape(tensor))?;
        Ok((tensor, values))
    };
    tensors.map(take).collect()
}

/// All parameters that [`parameter_tensors`] wrote. Memory is taken for them once the file is known to
/// have them.
pub(crate) fn take_parameters<T: Float>(
    layout: &Layout,
    file: &mut Parts<'_>,
    prefix: &str,
) -> Result<Vec<T>> {
    let tensors = take_tensors(layout, file, prefix, "")?;
    let mut parameters = vec![T::ZERO; layout.num_parameters()];
    for (tensor, values) in tensors {
        transpose(&values, tensor.shape.1, &mut parameters[tensor.range.clone()]);
    }
    Ok(parameters)
}

/// Between what is said of a tensor; no setting has it.
const COLUMNS: &str = "  ";

/// A line for each tensor and each setting of a part of the model.
fn architecture(layout: &Layout, part: &str) -> Vec<String> {
    let tensors = layout.tensors().iter().map(|tensor| {
        format!("{}{COLUMNS}{}{COLUMNS}{}", tensor.name, tensor.layer, tensor.sides("×"))
    });
    let lines = tensors.chain(layout.settings().iter().cloned());
    lines.filter(|line| line.starts_with(part)).collect()
}

/// A text without its numbers: what kind of a thing it describes.
fn without_numbers(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_of_number = |c: char| is_digit(c) || matches!(c, '.' | '-' | 'e');
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let words = text.split_inclusive(|c| !is_of_word(c)).map(|word| {
        let (word, end) = word.split_at(word.trim_end_matches(|c| !is_of_word(c)).len());
        let is_number = word.contains(is_digit) && word.chars().all(is_of_number);
        [if is_number { "…" } else { word }, end]
    });
    words.flatten().collect()
}

/// What of a model goes into its file.
pub(crate) struct Stored<'a, T> {
    pub(crate) layout: &'a Layout,
    pub(crate) parameters: &'a [T],
    /// The regularizer's.
    pub(crate) state: &'a [T],
    pub(crate) normalizer: Option<&'a Normalizer>,
    /// The user's.
    pub(crate) own_metadata: &'a BTreeMap<String, String>,
    /// With its settings, as it describes itself; so does the regularizer.
    pub(crate) loss: String,
    pub(crate) regularizer: String,
}

impl<T: Float> Stored<'_, T> {
    /// Writes a file of this kind.
    pub(crate) fn save(&self, path: &Path, kind: &str) -> Result<()> {
        save(path, false, &self.metadata(kind), &self.tensors())
    }

    /// Reads a file that fits.
    pub(crate) fn load(&self, path: &Path) -> Result<Saved<T>> {
        self.fitting(&mut Parts::new(path, read(path)?))
    }

    /// What [`load`](Self::load) takes from a file.
    pub(crate) fn fitting(&self, file: &mut Parts<'_>) -> Result<Saved<T>> {
        self.require_part(file, "")?;
        file.require_or("the loss", &self.loss, file.text("loss")?, OTHER_LOSS)?;
        let (expected, found) = (without_numbers(&self.regularizer), file.text("regularizer")?);
        let found = without_numbers(found);
        file.require_or("the kind of regularizer", &expected, &found, OTHER_REGULARIZER)?;
        let parameters = take_parameters(self.layout, file, "")?;
        let state = match self.state.len() {
            0 => Vec::new(),
            length => file.take("regularizer.state", &[length])?,
        };
        let normalizer = take_normalizer(file)?;
        Ok(Saved { parameters, state, normalizer, own_metadata: file.own_metadata() })
    }

    /// Reads the tensors of one part of a file in which that part fits, and the normalizer; of any part
    /// but the encoder the loss must fit as well.
    pub(crate) fn load_part(&self, path: &Path, part: &str) -> Result<SavedPart<T>> {
        let mut file = Parts::new(path, read(path)?);
        self.require_part(&file, part)?;
        if part != "encoder" {
            file.require_or("the loss", &self.loss, file.text("loss")?, OTHER_LOSS)?;
        }
        let tensors = take_tensors(self.layout, &mut file, "", part)?;
        let owned = tensors
            .into_iter()
            .map(|(tensor, values)| (tensor.range.clone(), tensor.shape.1, values));
        Ok(SavedPart { tensors: owned.collect(), normalizer: take_normalizer(&mut file)? })
    }

    /// Refuses a file in which this part (or, for an empty name, any) has another architecture.
    fn require_part(&self, file: &Parts<'_>, part: &str) -> Result<()> {
        file.require("the number type", &T::name(), file.text("scalar")?)?;
        let (ours, theirs) = (architecture(self.layout, part), file.text("architecture")?);
        let theirs: Vec<&str> = theirs.lines().filter(|line| line.starts_with(part)).collect();
        // Tensors first, so that one too many is not compared with a setting.
        for of_tensors in [true, false] {
            let is_asked = |line: &str| line.contains(COLUMNS) == of_tensors;
            let mut ours = ours.iter().map(String::as_str).filter(|line| is_asked(line));
            let mut theirs = theirs.iter().copied().filter(|line| is_asked(line));
            loop {
                let (expected, found) = (ours.next(), theirs.next());
                if expected.is_none() && found.is_none() {
                    break;
                }
                let (expected, found) =
                    (expected.unwrap_or("nothing more"), found.unwrap_or("nothing more"));
                let remedy = remedy(expected, found);
                file.require_or("the architecture", expected, found, remedy)?;
            }
        }
        Ok(())
    }

    pub(crate) fn metadata(&self, kind: &str) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        let mut add = |key: &str, text: String| texts.insert(key.to_owned(), text);
        add("library", concat!("autoencoder ", env!("CARGO_PKG_VERSION")).to_owned());
        add("kind", kind.to_owned());
        add("scalar", T::name());
        add("architecture", architecture(self.layout, "").join("\n"));
        add("loss", self.loss.clone());
        add("regularizer", self.regularizer.clone());
        if let Some(normalizer) = self.normalizer {
            add("normalizer", normalizer_text(normalizer));
            #[cfg(feature = "table")]
            if let Some(schema) = normalizer.schema() {
                add(SCHEMA, schema.to_text());
            }
        }
        let own = self.own_metadata.iter();
        texts.extend(own.map(|(key, text)| (format!("{OWN}{key}"), text.clone())));
        texts
    }

    pub(crate) fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = parameter_tensors(self.layout, self.parameters, "");
        if !self.state.is_empty() {
            tensors.push(Tensor::new("regularizer.state", &[self.state.len()], self.state));
        }
        if let Some(normalizer) = self.normalizer {
            let (first, second) = normalizer.parts();
            if !first.is_empty() {
                tensors.push(Tensor::new("normalizer.first", &[first.len()], first));
                tensors.push(Tensor::new("normalizer.second", &[second.len()], second));
            }
            if let Some(fills) = normalizer.fills() {
                tensors.push(Tensor::new("normalizer.fills", &[fills.len()], fills));
            }
            if let Normalization::MinMax { low, high } = normalizer.normalization() {
                let range = f64::wrap(Cow::Owned(vec![low, high]));
                tensors.push(Tensor {
                    name: "normalizer.range".into(),
                    shape: vec![2],
                    values: range,
                });
            }
        }
        tensors
    }
}

/// The tensors of one part of a model: the place of each, its columns, and its values row by row.
pub(crate) struct SavedPart<T> {
    tensors: Vec<(Range<usize>, usize, Vec<T>)>,
    pub(crate) normalizer: Option<Normalizer>,
}

impl<T: Float> SavedPart<T> {
    /// Writes them to their places.
    pub(crate) fn write(&self, parameters: &mut [T]) {
        for (range, columns, values) in &self.tensors {
            transpose(values, *columns, &mut parameters[range.clone()]);
        }
    }
}

/// Writes a file, or says why not.
pub(crate) fn save(
    path: &Path,
    keep_previous: bool,
    metadata: &BTreeMap<String, String>,
    tensors: &[Tensor<'_>],
) -> Result<()> {
    let not_saved = |problem| Error::NotSaved { path: path.to_owned(), problem };
    let image = Image::new(metadata, tensors).map_err(not_saved)?;
    replace(path, keep_previous, |to| image.write(to))
}

/// The key of a schema among the texts of a file.
const SCHEMA: &str = "schema";
/// What the keys of the user's own texts begin with.
const OWN: &str = "own.";

/// What ends the text of a normalizer that takes missing values: a version that knows of none refuses it.
const WITH_MISSING: &str = ", with missing values";

fn normalizer_text(normalizer: &Normalizer) -> String {
    let text = match normalizer.normalization() {
        Normalization::None => "none",
        Normalization::Standardize => "standardize",
        Normalization::MinMax { .. } => "least and greatest",
        Normalization::Truncate { centre_samples: false } => "truncate",
        Normalization::Truncate { centre_samples: true } => "truncate, samples centred",
    };
    let missing = if normalizer.fills().is_some() { WITH_MISSING } else { "" };
    format!("{text}{missing}")
}

/// Refuses a file with another normalizer.
pub(crate) fn require_normalizer(
    file: &Parts<'_>,
    ours: Option<&Normalizer>,
    theirs: Option<&Normalizer>,
) -> Result<()> {
    if ours == theirs {
        return Ok(());
    }
    let text = |normalizer: Option<&Normalizer>| {
        normalizer.map_or("no normalizer".to_owned(), normalizer_text)
    };
    let (expected, mut found) = (text(ours), text(theirs));
    if expected == found {
        found.push_str(", fitted to other samples");
    }
    file.require("the normalizer", &expected, &found)
}

fn take_normalizer(file: &mut Parts<'_>) -> Result<Option<Normalizer>> {
    let Ok(text) = file.text("normalizer").map(str::to_owned) else { return Ok(None) };
    let (first, second) =
        (file.take_list("normalizer.first")?, file.take_list("normalizer.second")?);
    let (kind, takes_missing) = match text.strip_suffix(WITH_MISSING) {
        Some(kind) => (kind, true),
        None => (text.as_str(), false),
    };
    let normalization = match kind {
        "none" => Normalization::None,
        "standardize" => Normalization::Standardize,
        "least and greatest" => {
            let range = file.take::<f64>("normalizer.range", &[2])?;
            Normalization::MinMax { low: range[0], high: range[1] }
        }
        "truncate" => Normalization::Truncate { centre_samples: false },
        "truncate, samples centred" => Normalization::Truncate { centre_samples: true },
        _ => {
            file.require("the normalizer", "one that this version knows", &text)?;
            return Ok(None);
        }
    };
    let mut normalizer = Normalizer::from_parts(normalization, first, second)?;
    if takes_missing {
        normalizer = normalizer.with_fills(file.take_list::<f64>("normalizer.fills")?)?;
    }
    #[cfg(feature = "table")]
    if let Some(schema) = file.schema()? {
        normalizer = normalizer.with_schema(schema)?;
    }
    #[cfg(not(feature = "table"))]
    file.refuse_schema()?;
    Ok(Some(normalizer))
}
