//! Sparse dictionaries of other libraries: their files read, and written as SAELens reads them.

mod config;
mod dictionary_learning;
mod gemma_scope;
mod pickle;
mod sae_lens;
mod sparsify;
mod weights;
mod write;

use std::path::Path;

use crate::code::dictionary::{DictionaryParts, SparseDictionary};
use crate::error::{Error, Found, Place, Result};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;

/// [Files of other libraries](crate::dictionary#files-of-other-libraries), with the feature `safetensors`.
impl<T: Float> SparseDictionary<T> {
    /// Reads a dictionary in any of these formats: a folder of its files, or the file of the weights.
    ///
    /// # Errors
    /// [`Error::File`] when the system refuses; [`Error::Malformed`], [`Error::DoesNotFit`] or [`Error::Damaged`] with
    /// the file and the tensor or the setting that is wrong; [`Error::MissingFeature`] for `params.npz` without the
    /// feature `npz`; the errors of [`SparseDictionary::new`] for parts that do not go together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        load(path.as_ref())
    }

    /// Reads a folder of SAELens: `cfg.json` and `sae_weights.safetensors`.
    ///
    /// A dictionary that was trained on samples scaled by a factor (`expected_average_only_in`), which is not in the
    /// files, encodes once [`fold_input_factor`](Self::fold_input_factor) has been called.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_sae_lens(folder: impl AsRef<Path>) -> Result<Self> {
        load_sae_lens(folder.as_ref())
    }

    /// Reads the weights of Gemma Scope: `params.npz`, or `params.safetensors` of Gemma Scope 2.
    ///
    /// The samples are what the model has at that place. For the dictionaries of embeddings they are to be divided by √d
    /// first, and reconstructions multiplied by it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_gemma_scope(path: impl AsRef<Path>) -> Result<Self> {
        load_gemma_scope(path.as_ref())
    }

    /// Reads a folder of sparsify: `cfg.json` and `sae.safetensors`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_sparsify(folder: impl AsRef<Path>) -> Result<Self> {
        load_sparsify(folder.as_ref())
    }

    /// Reads a folder of dictionary_learning: `config.json`, and `ae.safetensors`, which
    /// [lines of Python](crate::dictionary#files-of-other-libraries) make of its `ae.pt`.
    ///
    /// A plain `AutoEncoder` gets directions of unit length, as `load_dictionary` there gives it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_dictionary_learning(folder: impl AsRef<Path>) -> Result<Self> {
        load_dictionary_learning(folder.as_ref())
    }

    /// Writes `cfg.json` and `sae_weights.safetensors` into a folder, which is made if need be, as SAELens 6 reads them:
    /// `SAE.load_from_disk(folder)` there gives the same codes and reconstructions. [Notes](Self::notes) become its
    /// metadata; a text that is JSON, such as `true` or `1024`, becomes what it says.
    ///
    /// A pre-bias that is not the decoder's bias is put into the encoder's bias, which gives the same numbers.
    ///
    /// Each of the two files is replaced whole. If the system stops between them, `cfg.json` is one that no reader takes,
    /// so that weights are never read with the settings of others.
    ///
    /// # Errors
    /// [`Error::Unfit`] for what SAELens has no words for: GroupMax, a TopK with a skip or with another number of outputs
    /// than inputs, and the like; [`Error::EntryNotFinite`] where a bias cannot hold the pre-bias. [`Error::File`] when the
    /// system refuses. Until the weights are replaced, the old files are then still there. If it refuses the new `cfg.json`
    /// after that, the weights are the new ones, and `cfg.json` is one that no reader takes, or is missing where there was
    /// none: save again.
    pub fn save_sae_lens(&self, folder: impl AsRef<Path>) -> Result<()> {
        save_sae_lens(self, folder.as_ref())
    }
}

once! {
    fn load(path: &'a Path) -> Result<SparseDictionary<T>> = load_generic;
    fn load_sae_lens(path: &'a Path) -> Result<SparseDictionary<T>> = sae_lens::load;
    fn load_gemma_scope(path: &'a Path) -> Result<SparseDictionary<T>> = gemma_scope::load;
    fn load_dictionary_learning(path: &'a Path) -> Result<SparseDictionary<T>> = dictionary_learning::load;
    fn load_sparsify(path: &'a Path) -> Result<SparseDictionary<T>> = sparsify::load;
    fn save_sae_lens(dictionary: &'a SparseDictionary<T>, path: &'a Path) -> Result<()> = write::save;
}

/// The weights of the formats.
const SAE_LENS: &str = "sae_weights.safetensors";
const SPARSIFY: &str = "sae.safetensors";
const SCOPE: &str = "params.npz";
const SCOPE_2: &str = "params.safetensors";
const LEARNING: &str = "ae.safetensors";
/// What dictionary_learning itself writes.
const PICKLED: &str = "ae.pt";
const CONFIG: &str = "cfg.json";

fn load_generic<T: Float>(path: &Path) -> Result<SparseDictionary<T>> {
    let refuse = |found, expected| {
        let (path, place, found) = (path.to_owned(), Place::File, Found::Thing(found));
        Err(Error::Malformed { path, place, found, expected })
    };
    if path.is_dir() {
        let formats: Vec<_> = [SAE_LENS, SPARSIFY, SCOPE, SCOPE_2, LEARNING]
            .into_iter()
            .filter(|name| path.join(name).exists())
            .collect();
        return match formats.as_slice() {
            [SAE_LENS] => sae_lens::load(path),
            [SPARSIFY] => sparsify::load(path),
            [LEARNING] => dictionary_learning::load(path),
            [name] => gemma_scope::load(&path.join(name)),
            [] => {
                let pickled = path.join(PICKLED);
                if pickled.is_file() {
                    pickle::refuse(&pickled)?;
                }
                let expected = "a folder with sae_weights.safetensors (SAELens), sae.safetensors (sparsify), \
                                ae.safetensors (dictionary_learning), params.npz or params.safetensors (Gemma Scope)";
                refuse("a folder without weights that are known", expected)
            }
            _ => refuse("weights of several formats", "one of them, by its path"),
        };
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    match path.file_name().and_then(|name| name.to_str()) {
        Some(SAE_LENS) => sae_lens::load(folder),
        Some(SPARSIFY) => sparsify::load(folder),
        Some(LEARNING) => dictionary_learning::load(folder),
        Some(CONFIG) if folder.join(SAE_LENS).exists() => sae_lens::load(folder),
        Some(CONFIG) if folder.join(SPARSIFY).exists() => sparsify::load(folder),
        Some(name) if name.ends_with(".npz") || name == SCOPE_2 => gemma_scope::load(path),
        _ => {
            pickle::refuse(path)?;
            let expected = "the folder of a dictionary, or sae_weights.safetensors (SAELens), sae.safetensors (sparsify), \
                            ae.safetensors (dictionary_learning), params.npz or params.safetensors (Gemma Scope)";
            refuse("a file of another name", expected)
        }
    }
}

/// What is read: errors of parts that do not go together name the file.
fn dictionary<T: Float>(path: &Path, parts: DictionaryParts<T>) -> Result<SparseDictionary<T>> {
    SparseDictionary::new(parts).map_err(|error| Error::DoesNotFit {
        path: path.to_owned(),
        what: "the dictionary".to_owned(),
        expected: "a whole one".to_owned(),
        found: error.to_string(),
        remedy: None,
    })
}
