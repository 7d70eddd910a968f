//! Sparse dictionaries of other libraries: what `fixtures/dictionaries/make.py` had those libraries make, save and encode.

use std::fs;
use std::path::{Path, PathBuf};

use autoencoder::data::{Npy, Source};
use autoencoder::dictionary::{InputScale, SparseActivation};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, Error, SparseDictionary};
use common::{Folder, fixture};

/// Of the largest value: what two programs in single precision may differ by.
pub(crate) const SAME: f64 = 1e-5;

pub(crate) fn place(name: &str) -> PathBuf {
    fixture("dictionaries").join(name)
}

pub(crate) fn array(path: PathBuf) -> Batch<f32, Dyn> {
    Npy::open(path).unwrap().load().unwrap()
}

pub(crate) fn samples() -> Batch<f32, Dyn> {
    array(place("x.npy"))
}

/// How far two batches differ, as a share of the largest value of the second.
pub(crate) fn difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0, |most: f64, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
    };
    let differences = found.iter().zip(expected).map(|(&a, &b)| f64::from(a) - f64::from(b));
    largest(&mut { differences }) / largest(&mut expected.iter().map(|&x| f64::from(x)))
}

fn assert_same(name: &str, what: &str, found: &Batch<f32, Dyn>, expected: &Batch<f32, Dyn>) {
    assert_eq!(
        (found.features(), found.samples()),
        (expected.features(), expected.samples()),
        "{name}"
    );
    let difference = difference(found.as_slice(), expected.as_slice());
    assert!(difference < SAME, "{name}: {what} differs by {difference:e}");
}

/// Which units are active is the same, and so is what they say.
pub(crate) fn assert_says_the_same(name: &str, dictionary: &SparseDictionary<f32>) {
    let x = samples();
    let code = dictionary.encode(x.view()).unwrap();
    let expected = array(place(name).join("code.npy"));
    let is_active =
        |codes: &Batch<f32, Dyn>| codes.as_slice().iter().map(|&f| f != 0.0).collect::<Vec<_>>();
    assert_eq!(is_active(&code.to_dense()), is_active(&expected), "{name}");
    assert_same(name, "the code", &code.to_dense(), &expected);
    let expected = array(place(name).join("reconstruction.npy"));
    assert_same(name, "the reconstruction", &dictionary.reconstruct(x.view()).unwrap(), &expected);
    assert_same(
        name,
        "what is made of its code",
        &dictionary.reconstruct_from(x.view(), &code).unwrap(),
        &expected,
    );
}

/// All folders of a kind that `make.py` makes.
pub(crate) const SAE_LENS: [&str; 25] = [
    "standard",
    "uncentred",
    "layer_norm",
    "constant_norm",
    "topk",
    "topk_by_norm",
    "abstopk",
    "abstopk_by_norm",
    "jumprelu",
    "gated",
    "matching_pursuit",
    "transcoder",
    "transcoder_constant_norm",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
    "topk_trained",
    "batchtopk",
    "matryoshka",
    "bfloat16",
    "float16",
    "float64",
    "old",
    "old_topk",
    "old_jumprelu",
];
pub(crate) const SPARSIFY: [&str; 7] = [
    "sparsify",
    "sparsify_free_norms",
    "sparsify_groupmax",
    "sparsify_transcoder",
    "sparsify_skip_transcoder",
    "sparsify_skip",
    "sparsify_bfloat16",
];
pub(crate) const LEARNING: [&str; 7] = [
    "dl_standard",
    "dl_new",
    "dl_gated",
    "dl_jumprelu",
    "dl_topk",
    "dl_batchtopk",
    "dl_matryoshka",
];
pub(crate) const SCOPE_2: [&str; 2] = ["gemma_scope_2", "gemma_scope_2_transcoder"];
#[cfg(feature = "npz")]
pub(crate) const SCOPE: [&str; 2] = ["gemma_scope", "gemma_scope_transcoder"];

#[test]
fn those_of_sae_lens_say_what_they_say_there() {
    for name in SAE_LENS {
        let dictionary = SparseDictionary::load_sae_lens(place(name)).unwrap();
        assert_says_the_same(name, &dictionary);
        assert_eq!(SparseDictionary::load(place(name)).unwrap(), dictionary);
        assert_eq!(SparseDictionary::load(place(name).join("cfg.json")).unwrap(), dictionary);
    }
}

#[test]
fn those_of_sparsify_say_what_they_say_there() {
    for name in SPARSIFY {
        let dictionary = SparseDictionary::load_sparsify(place(name)).unwrap();
        assert_says_the_same(name, &dictionary);
        assert_eq!(SparseDictionary::load(place(name)).unwrap(), dictionary);
    }
}

#[test]
fn those_of_dictionary_learning_say_what_they_say_there() {
    for name in LEARNING {
        let dictionary = SparseDictionary::load_dictionary_learning(place(name)).unwrap();
        assert_says_the_same(name, &dictionary);
        assert_eq!(SparseDictionary::load(place(name)).unwrap(), dictionary);
        assert_eq!(dictionary.notes()["model_name"], "tiny");
    }
}

#[cfg(feature = "npz")]
#[test]
fn those_of_gemma_scope_say_what_sae_lens_has_them_say() {
    for name in SCOPE.into_iter().chain(SCOPE_2) {
        let dictionary = SparseDictionary::load_gemma_scope(place(name)).unwrap();
        assert_says_the_same(name, &dictionary);
        assert_eq!(SparseDictionary::load(place(name)).unwrap(), dictionary);
    }
    assert_says_the_same(
        "gemma_scope",
        &SparseDictionary::load(place("gemma_scope/params.npz")).unwrap(),
    );
}

#[test]
fn in_double_precision_too() {
    for name in SAE_LENS.into_iter().chain(SPARSIFY).chain(SCOPE_2).chain(LEARNING) {
        let dictionary = SparseDictionary::<f64>::load(place(name)).unwrap();
        let x = samples();
        let x = Batch::new(x.size(), x.as_slice().iter().map(|&x| f64::from(x)).collect()).unwrap();
        let found = dictionary.reconstruct(x.view()).unwrap();
        let found =
            Batch::new(found.size(), found.as_slice().iter().map(|&x| x as f32).collect()).unwrap();
        assert_same(
            name,
            "the reconstruction",
            &found,
            &array(place(name).join("reconstruction.npy")),
        );
    }
}

/// `fold_W_dec_norm` and `fold_activation_norm_scaling_factor(2.5)` of SAELens.
#[test]
fn folding_is_that_of_sae_lens() {
    for name in
        ["standard", "topk_by_norm", "abstopk_by_norm", "jumprelu", "gated", "jumprelu_transcoder"]
    {
        let mut dictionary = SparseDictionary::<f32>::load(place(name)).unwrap();
        dictionary.fold_norms().unwrap();
        let x = samples();
        let code = dictionary.encode(x.view()).unwrap().to_dense();
        assert_same(name, "the code", &code, &array(place(name).join("folded_code.npy")));
        let found = dictionary.reconstruct(x.view()).unwrap();
        assert_same(
            name,
            "the reconstruction",
            &found,
            &array(place(name).join("reconstruction.npy")),
        );
        for direction in dictionary.decoder().chunks_exact(dictionary.outputs()) {
            let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((norm - 1.0).abs() < 1e-6, "{name}: {norm}");
        }
    }
    for name in ["expected_average", "expected_average_topk"] {
        let mut dictionary = SparseDictionary::<f32>::load(place(name)).unwrap();
        assert_eq!(dictionary.input_scale(), InputScale::Factor);
        let refused = dictionary.encode(samples().view()).unwrap_err();
        assert!(
            matches!(refused, Error::NotSet { call: "SparseDictionary::encode", .. }),
            "{refused}"
        );
        dictionary.fold_input_factor(2.5).unwrap();
        assert_says_the_same(name, &dictionary);
    }
}

#[test]
fn what_a_file_says_of_its_place_is_kept() {
    let notes = |name| SparseDictionary::<f32>::load(place(name)).unwrap().notes().clone();
    let new = notes("standard");
    assert_eq!((new["model_name"].as_str(), new["prepend_bos"].as_str()), ("tiny", "true"));
    assert_eq!(notes("old")["hook_name"], "blocks.0.hook_resid_pre");
    assert!(notes("sparsify").is_empty());
}

#[test]
fn what_is_written_is_read_again() {
    let folder = Folder::new("dictionaries");
    for name in SAE_LENS.into_iter().chain(SPARSIFY).chain(SCOPE_2).chain(LEARNING) {
        let dictionary = SparseDictionary::<f32>::load(place(name)).unwrap();
        let to = folder.join(name);
        let is_known =
            !matches!(name, "sparsify_groupmax" | "sparsify_skip_transcoder" | "sparsify_skip");
        match dictionary.save_sae_lens(&to) {
            Ok(()) => assert!(is_known, "{name}"),
            Err(Error::Unfit { part: "save_sae_lens", .. }) => {
                assert!(!is_known && !to.exists(), "{name}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        }
        let again = SparseDictionary::<f32>::load(&to).unwrap();
        assert_says_the_same(name, &again);
        assert_eq!(again, dictionary, "{name}");
        // Written over an old one: both files are new.
        SparseDictionary::<f32>::load(place("topk")).unwrap().save_sae_lens(&to).unwrap();
        assert!(matches!(
            SparseDictionary::<f32>::load(&to).unwrap().activation(),
            SparseActivation::TopK { k: 3, by_norm: false }
        ));
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
    }
}

/// Where the weights cannot be replaced, both files stay as they were.
#[test]
fn what_cannot_be_written_changes_nothing() {
    let folder = Folder::new("dictionaries");
    let dictionary = SparseDictionary::<f32>::load(place("standard")).unwrap();
    let copy = copied(&folder, "topk");
    let (settings, weights) = (copy.join("cfg.json"), copy.join("sae_weights.safetensors"));
    let before = fs::read(&settings).unwrap();
    fs::remove_file(&weights).unwrap();
    fs::create_dir(&weights).unwrap();
    let error = dictionary.save_sae_lens(&copy).unwrap_err();
    assert!(matches!(&error, Error::File { path, .. } if path == &weights), "{error}");
    assert_eq!(fs::read(&settings).unwrap(), before);
    // And where the settings cannot be, the weights do.
    let copy = copied(&folder, "topk");
    let before = fs::read(&weights).unwrap();
    fs::remove_file(&settings).unwrap();
    fs::create_dir(&settings).unwrap();
    let error = dictionary.save_sae_lens(&copy).unwrap_err();
    assert!(matches!(&error, Error::File { path, .. } if path == &settings), "{error}");
    assert_eq!(fs::read(&weights).unwrap(), before);
    let copy = copied(&folder, "topk");
    assert!(copy.is_dir());
    let error = dictionary.save_sae_lens(settings.join("below a file")).unwrap_err();
    assert!(matches!(error, Error::File { action: "make the folder", .. }), "{error}");
}

/// Any pre-bias is that of SAELens, or goes into the encoder's bias: the same numbers.
#[test]
fn another_pre_bias_is_folded_when_it_is_written() {
    let folder = Folder::new("dictionaries");
    for name in ["standard", "gated", "jumprelu", "transcoder"] {
        let mut parts = SparseDictionary::<f32>::load(place(name)).unwrap().into_parts();
        parts.pre_bias = Some(vec![0.5, -1.0, 0.25, 2.0, 0.0, 1.0]);
        let dictionary = SparseDictionary::new(parts).unwrap();
        dictionary.save_sae_lens(folder.path()).unwrap();
        let again = SparseDictionary::<f32>::load(folder.path()).unwrap();
        assert_eq!(again.pre_bias(), None);
        let x = samples();
        let of = |dictionary: &SparseDictionary<f32>| dictionary.reconstruct(x.view()).unwrap();
        assert_same(name, "the reconstruction", &of(&again), &of(&dictionary));
    }
}

/// What is taken off samples would be an infinite bias.
#[test]
fn a_pre_bias_that_no_bias_can_hold_is_refused() {
    let folder = Folder::new("dictionaries");
    for (name, by) in [("jumprelu", f32::MAX), ("gated", 1e20)] {
        let mut parts = SparseDictionary::<f32>::load(place(name)).unwrap().into_parts();
        parts.encoder.iter_mut().for_each(|weight| *weight = 2.0);
        parts.pre_bias = Some(vec![by; 6]);
        if let SparseActivation::Gated { log_scale, .. } = &mut parts.activation {
            log_scale.fill(80.0);
        }
        let to = folder.join(name);
        let error = SparseDictionary::new(parts).unwrap().save_sae_lens(&to).unwrap_err();
        assert!(matches!(error, Error::EntryNotFinite { index: 0, .. }), "{error}");
        assert!(!to.exists());
    }
}

#[test]
fn a_folder_of_gemma_scope_has_one_file_of_weights() {
    let folder = Folder::new("dictionaries");
    // Settings beside the folder are not its own.
    fs::write(folder.join("config.json"), "no JSON").unwrap();
    let copy = copied(&folder, "gemma_scope_2");
    fs::write(copy.join("params.npz"), "").unwrap();
    let error = SparseDictionary::<f32>::load_gemma_scope(&copy).unwrap_err();
    assert!(error.to_string().contains("a folder with both"), "{error}");
    for file in ["params.npz", "params.safetensors"] {
        fs::remove_file(copy.join(file)).unwrap();
    }
    let error = SparseDictionary::<f32>::load_gemma_scope(&copy).unwrap_err();
    assert!(error.to_string().contains("a folder without both"), "{error}");
}

/// `handle_pre_6_0_config` of SAELens, which sets `reshape_activations` where it is missing.
#[test]
fn old_files_are_of_heads_by_the_name_of_their_hook() {
    let folder = Folder::new("dictionaries");
    let copy = copied(&folder, "old");
    let path = copy.join("cfg.json");
    let text = fs::read_to_string(&path).unwrap();
    let heads = |text: String| {
        fs::write(&path, text).unwrap();
        SparseDictionary::<f32>::load(&copy).unwrap().notes().get("reshape_activations").cloned()
    };
    assert!(!text.contains("reshape_activations"));
    assert_eq!(heads(text.clone()), None);
    let of_heads = text.replace("blocks.0.hook_resid_pre", "blocks.0.attn.hook_z");
    assert_eq!(heads(of_heads).as_deref(), Some("hook_z"));
}

/// Writes folders that SAELens itself is then to read, and to say the same by:
/// ```sh
/// AUTOENCODER_DICTIONARIES=target/written cargo test -p autoencoder-tests --features safetensors --test files \
///     written_for_sae_lens -- --ignored
/// python3 tests/fixtures/dictionaries/make.py check target/written/*
/// ```
#[test]
#[ignore = "needs SAELens for what it is for"]
fn written_for_sae_lens() {
    let to = PathBuf::from(std::env::var_os("AUTOENCODER_DICTIONARIES").expect("a folder"));
    let x = samples();
    let write = |name: &str, dictionary: &SparseDictionary<f32>| {
        let to = to.join(name);
        match dictionary.save_sae_lens(&to) {
            Ok(()) => {}
            // What SAELens does not have.
            Err(Error::Unfit { part: "save_sae_lens", .. })
                if ["sparsify_groupmax", "sparsify_skip", "matching_pursuit_pre_bias"]
                    .iter()
                    .any(|unfit| name.starts_with(unfit)) =>
            {
                return;
            }
            Err(error) => panic!("{name}: {error}"),
        }
        write_array(&to.join("x.npy"), &x);
        write_array(&to.join("code.npy"), &dictionary.encode(x.view()).unwrap().to_dense());
        write_array(&to.join("reconstruction.npy"), &dictionary.reconstruct(x.view()).unwrap());
    };
    for name in SAE_LENS.into_iter().chain(SPARSIFY).chain(SCOPE_2).chain(LEARNING) {
        let dictionary = SparseDictionary::<f32>::load(place(name)).unwrap();
        write(name, &dictionary);
        let mut folded = dictionary.clone();
        if folded.fold_norms().is_ok() {
            write(&format!("{name}_folded"), &folded);
        }
        let mut parts = dictionary.into_parts();
        parts.pre_bias = Some(vec![0.5, -1.0, 0.25, 2.0, 0.0, 1.0]);
        write(&format!("{name}_pre_bias"), &SparseDictionary::new(parts).unwrap());
    }
}

/// What numpy.save writes: one sample a row.
fn write_array(path: &Path, batch: &Batch<f32, Dyn>) {
    let shape = (batch.samples(), batch.features());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape:?}, }}");
    let header = format!("{header:<117}\n");
    let values = batch.as_slice().iter().flat_map(|x| x.to_le_bytes());
    let start = b"\x93NUMPY\x01\x00\x76\x00".iter().copied().chain(header.bytes());
    fs::write(path, start.chain(values).collect::<Vec<_>>()).unwrap();
}

/// A copy of a fixture, to be changed.
pub(crate) fn copied(folder: &Folder, name: &str) -> PathBuf {
    let to = folder.join(name);
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(place(name)).unwrap() {
        let file = file.unwrap();
        if file.path().extension().is_none_or(|ending| ending != "npy") {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    to
}
