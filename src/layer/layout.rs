//! Where each tensor lies in a model's flat parameter buffer, and what it is called.

use std::fmt;
use std::ops::Range;

/// What a tensor is for; weight decay takes weights only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Multiplies an input; decays.
    Weight,
    /// Is added; does not decay.
    Bias,
    /// Multiplies a value that was normalized; does not decay, as nothing else sets the size of what comes out.
    Gain,
    /// Belongs to a loss or a regularizer; does not decay.
    Own,
    /// What a value has to be above; does not decay.
    Threshold,
    /// The length of what another part multiplies by, copied from there after each step; does not decay.
    Norm,
}

/// One tensor of a model: its path name, shape and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The path name: `encoder.0.weight`.
    pub name: String,
    /// What kind of layer it belongs to, for the summary.
    pub layer: String,
    /// Rows and columns; it is stored column by column. A bias has one column.
    pub shape: (usize, usize),
    /// How the columns are divided in a file: of a convolution's weights `[channels, rows, columns]` of the kernel, of
    /// others just their number.
    pub columns: Vec<usize>,
    /// What it is for.
    pub role: Role,
    /// Whether training leaves it as it is.
    pub is_frozen: bool,
    /// Its place in the flat buffer.
    pub range: Range<usize>,
}

impl Tensor {
    /// Its shape as a text, with this between its sides.
    pub(crate) fn sides(&self, between: &str) -> String {
        let sides = std::iter::once(&self.shape.0).chain(&self.columns);
        sides.map(usize::to_string).collect::<Vec<_>>().join(between)
    }
}

/// The tensors of a model, in the order in which they lie in the flat parameter buffer.
///
/// Parts write themselves into it: a part that owns parameters calls [`tensor`](Layout::tensor)
/// for each, inside [`layer`](Layout::layer) or [`scope`](Layout::scope).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    settings: Vec<String>,
    path: Vec<String>,
    next_layer: usize,
    layer: String,
    is_frozen: bool,
}

impl Layout {
    /// An empty layout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes what `part` writes under the path `name`; numbered layers start again at 0 in it.
    pub fn scope(&mut self, name: &str, part: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned());
        let outer = std::mem::replace(&mut self.next_layer, 0);
        part(self);
        self.next_layer = outer;
        self.path.pop();
    }

    /// Writes one layer, numbered by its place in the chain; `kind` is shown in the summary. Layers inside it are
    /// numbered from 0 again.
    pub fn layer(&mut self, kind: impl Into<String>, part: impl FnOnce(&mut Self)) {
        let number = self.next_layer;
        self.layer = kind.into();
        self.scope(&number.to_string(), part);
        self.next_layer = number + 1;
    }

    /// What the tensors that come next are called in the summary.
    pub(crate) fn kind(&mut self, kind: impl Into<String>) {
        self.layer = kind.into();
    }

    /// Writes what `part` writes, and marks its tensors as frozen if they are.
    pub fn frozen(&mut self, is_frozen: bool, part: impl FnOnce(&mut Self)) {
        let outer = self.is_frozen;
        self.is_frozen = outer || is_frozen;
        part(self);
        self.is_frozen = outer;
    }

    /// Appends one tensor of `rows × columns` to the buffer.
    pub fn tensor(&mut self, name: &str, shape: (usize, usize), role: Role) {
        self.kernels(name, shape.0, &[shape.1], role);
    }

    /// Appends one tensor whose columns are divided: `[rows, columns…]` in a file.
    pub fn kernels(&mut self, name: &str, rows: usize, columns: &[usize], role: Role) {
        let shape = (rows, columns.iter().product());
        let start = self.num_parameters();
        let path = self.path.iter().map(|part| part.as_str()).chain([name]);
        self.tensors.push(Tensor {
            name: path.collect::<Vec<_>>().join("."),
            layer: self.layer.clone(),
            shape,
            columns: columns.to_vec(),
            role,
            is_frozen: self.is_frozen,
            range: start..start + shape.0 * shape.1,
        });
    }

    /// Notes what a part does besides its tensors, if it can be set: a model file is compared with it.
    pub fn setting(&mut self, text: impl fmt::Display) {
        self.settings.push(format!("{}: {text}", self.path.join(".")));
    }

    /// What parts do besides their tensors: `encoder: log-variance held in [-30, 20]`.
    pub fn settings(&self) -> &[String] {
        &self.settings
    }

    /// The tensors, in the order of the buffer.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The length of the buffer.
    pub fn num_parameters(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range.end)
    }

    /// The number of parameters that training changes.
    pub fn num_trained(&self) -> usize {
        let trained = self.tensors.iter().filter(|tensor| !tensor.is_frozen);
        trained.map(|tensor| tensor.range.len()).sum()
    }

    /// Marks the tensors in a part of the buffer.
    pub(crate) fn freeze(&mut self, range: Range<usize>, is_frozen: bool) {
        for tensor in &mut self.tensors {
            if range.contains(&tensor.range.start) {
                tensor.is_frozen = is_frozen;
            }
        }
    }

    /// Whether nothing in a part of the buffer is trained.
    pub(crate) fn is_frozen(&self, range: Range<usize>) -> bool {
        let mut part = self.tensors.iter().filter(|tensor| range.contains(&tensor.range.start));
        part.all(|tensor| tensor.is_frozen)
    }

    /// The places of the tensors that training leaves as they are.
    pub(crate) fn frozen_ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let frozen = self.tensors.iter().filter(|tensor| tensor.is_frozen);
        frozen.map(|tensor| tensor.range.clone())
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// A table of a model's tensors: layer, name, shape, parameters, and their sum; below it what is set besides, such as the
/// stride and the padding of a convolution, given or told by the sizes.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.tensors.iter().map(|t| t.name.len()).max().unwrap_or(0).max(9);
        let layer = self.tensors.iter().map(|t| t.layer.len()).max().unwrap_or(0).max(5);
        let line = "-".repeat(layer + width + 28);
        writeln!(
            f,
            "{:layer$}  {:width$}  {:>12}  {:>10}",
            "layer", "parameter", "shape", "count"
        )?;
        writeln!(f, "{line}")?;
        for tensor in &self.tensors {
            let shape = tensor.sides("×");
            let (kind, count) = (&tensor.layer, tensor.range.len());
            let frozen = if tensor.is_frozen { "  frozen" } else { "" };
            writeln!(f, "{kind:layer$}  {:width$}  {shape:>12}  {count:>10}{frozen}", tensor.name)?;
        }
        writeln!(f, "{line}")?;
        let total = self.num_parameters();
        write!(f, "{:layer$}  {:width$}  {:>12}  {total:>10}", "total", "", "")?;
        let trained = self.num_trained();
        if trained < total {
            write!(f, "  of which {trained} trained")?;
        }
        self.settings.iter().try_for_each(|setting| write!(f, "\n{setting}"))
    }
}
