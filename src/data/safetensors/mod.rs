mod header;
mod options;
pub(crate) mod raw;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::Source;
use super::csv::listed;
use super::file_size::{FileSize, of_file};
use super::input::{Input, Packing, Stream};
use super::table::{Order, Table};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Error, Found, Names, Place, Result, beginning};
use crate::numbers::scalar::Float;

use header::Tensor;

pub use options::SafetensorsOptions;

/// A tensor of samples × features in a safetensors file, as PyTorch's activations are kept; a row is a sample (feature
/// `safetensors`).
///
/// Half precision is read as well, and widened without loss:
///
/// | type | the format calls it | value |
/// |---|---|---|
/// | double, single and half precision, `bfloat16` | `F64`, `F32`, `F16`, `BF16` | as it is |
/// | truth values, whole numbers of 8 to 64 bits | `BOOL`, `U8` … `I64` | beyond 2⁵³ the nearest number |
///
/// All other types are refused by name. The name of the tensor may be left out where the file has one of two
/// dimensions only; [`SafetensorsOptions`] has it, and takes tensors of more dimensions. Rows are read from disk when they
/// are asked for. The header may have 16 MiB and 4,096 tensors, and is checked as a whole: names, places without gap and
/// overlap, and the file's length. What PyTorch itself saves (`.pt`, `.pth`, `.bin`) is a pickle, which runs code where it
/// is read: it is refused with the two lines of Python that convert it.
///
/// # Example
/// ```no_run
/// use autoencoder::data::{Safetensors, SafetensorsOptions, Source};
/// use autoencoder::{Batch, nalgebra::{Const, Dyn}};
///
/// // safetensors.torch.save_file({"x": torch.zeros(100, 768, dtype=torch.bfloat16)}, "x.safetensors")
/// let x: Batch<f32, Const<768>> = Safetensors::open("x.safetensors")?.load()?;
/// assert_eq!(x.samples(), 100);
///
/// // {"layer 3": torch.zeros(20, 128, 768), "layer 4": …}: 20 texts of 128 tokens
/// let options = SafetensorsOptions::new().tensor("layer 3").flatten(true);
/// let tokens: Safetensors<f32, Dyn> = options.open("layers.safetensors")?;
/// assert_eq!(tokens.samples(), 20 * 128);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// N. Patry and others (2022), Safetensors: the file format.
#[derive(Debug)]
pub struct Safetensors<T, R> {
    table: Table,
    size: R,
    name: String,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float, R: FileSize> Safetensors<T, R> {
    /// Opens the only tensor of two dimensions in a file.
    ///
    /// # Errors
    /// As [`SafetensorsOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        SafetensorsOptions::new().open(path)
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Safetensors::open).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        SafetensorsOptions::new().from_bytes(bytes)
    }

    fn new(input: &Input, options: &SafetensorsOptions) -> Result<Self> {
        let tensors = header::read(input)?;
        let tensor = choose(input, &tensors, options)?;
        let place = || Place::Name(tensor.name.clone());
        let Some(element) = tensor.element() else {
            let name = tensor.dtype.to_string();
            let found = Found::known("numbers of another type", name.as_bytes());
            let expected =
                "F64, F32, F16, BF16 or whole numbers (`tensor.float()` makes F32 of any other)";
            return Err(input.malformed(place(), found, expected));
        };
        let shape = match tensor.shape.as_slice() {
            [] => {
                let found = Found::Thing("a single number");
                return Err(input.malformed(place(), found, "a tensor of samples × features"));
            }
            // The last row and all before it, whose number the file's length bears out.
            [leading @ .., last] if leading.len() > 1 && options.flatten => {
                vec![leading.iter().product(), *last]
            }
            [_, _, _, ..] => {
                let found = Found::known(MORE, format!("{:?}", tensor.shape).as_bytes());
                let expected = "samples × features (`SafetensorsOptions::flatten(true)` takes each row of the last \
                                dimension for a sample)";
                return Err(input.malformed(place(), found, expected));
            }
            shape => shape.to_vec(),
        };
        let part = input.range(&inside(input.path(), &tensor.name), tensor.start, tensor.length);
        let table = Table::new(Stream::new(part, Packing::Plain), element, Order::Samples, &shape)?;
        let size = of_file(table.stream().input(), &table.shape()[1..])?;
        Ok(Self { table, size, name: tensor.name.clone(), scalar: PhantomData })
    }
}

/// What a tensor is that has to be flattened.
const MORE: &str = "a tensor of more dimensions";

impl<T: Float, R: Size> Safetensors<T, R> {
    /// The name of the tensor.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sizes that it is read with, the number of samples first.
    pub fn shape(&self) -> &[usize] {
        self.table.shape()
    }
}

impl<T: Float, R: Size> Source for Safetensors<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.table.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.table.rewind()
    }
    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        self.table.read(to.features(), to.as_mut_slice())
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.table.skip(samples)
    }
}

/// The names of a safetensors file's tensors and their sizes, in the order of their values, none of which is read
/// (feature `safetensors`).
///
/// # Errors
/// As [`SafetensorsOptions::open`], but for what is asked of the tensor.
///
/// # Example
/// ```no_run
/// for (name, sizes) in autoencoder::data::safetensors_shapes("layers.safetensors")? {
///     println!("{name} {sizes:?}");
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn safetensors_shapes(path: impl AsRef<Path>) -> Result<Vec<(String, Vec<usize>)>> {
    let tensors = header::read(&Input::open(path.as_ref())?)?;
    let sizes = |shape: Vec<u64>| shape.into_iter().map(|size| size as usize).collect();
    Ok(tensors.into_iter().map(|tensor| (tensor.name, sizes(tensor.shape))).collect())
}

/// The tensor that is asked for, or the only one that can be meant.
fn choose<'a>(
    input: &Input,
    tensors: &'a [Tensor],
    options: &SafetensorsOptions,
) -> Result<&'a Tensor> {
    let refuse = |place, wanted: &str, expected| -> Error {
        let names = tensors.iter().map(|tensor| beginning(tensor.name.as_bytes())).collect();
        let found = match tensors.len() {
            0 => Found::Thing("no tensors"),
            all => {
                let names = Names { unit: "tensors", ..listed(names, all, wanted) };
                Found::Names(Box::new(names))
            }
        };
        input.malformed(place, found, expected)
    };
    if let Some(name) = &options.tensor {
        let found = tensors.iter().find(|tensor| tensor.name == *name);
        return found
            .ok_or_else(|| refuse(Place::Name(name.clone()), name, "the name of a tensor"));
    }
    let of_dimensions = |fits: fn(usize) -> bool| {
        let mut found = tensors.iter().filter(move |tensor| fits(tensor.shape.len()));
        (found.next(), found.next())
    };
    let mut candidates = of_dimensions(|dimensions| dimensions == 2);
    // One of more dimensions is what is meant, and its refusal says how it is taken.
    if options.flatten || candidates.0.is_none() {
        candidates = of_dimensions(|dimensions| dimensions >= 2);
    }
    match candidates {
        (Some(tensor), None) => Ok(tensor),
        _ => Err(refuse(
            Place::File,
            "",
            "the name of the one that is meant (`SafetensorsOptions::tensor`), as not one alone has two dimensions",
        )),
    }
}

/// What errors call a tensor of a file: as if the file were a folder. A name is not a path, so one that begins with a
/// slash leads nowhere else.
fn inside(file: &Path, tensor: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push("/");
    path.push(tensor);
    path.into()
}
