//! Sparse dictionaries of other libraries: what `fixtures/dictionaries/make.py` had those libraries make, save and encode.

use std::fs;
use std::path::{Path, PathBuf};

use autoencoder::data::{Npy, Source};
use autoencoder::dictionary::{InputScale, SparseActivation};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, Error, Found, Place, SparseBatch, SparseDictionary};
use common::{Folder, fixture};

/// Of the largest value: what two programs in single precision may differ by.
pub(crate) const SAME: f64 = 1e-5;

pub(crate) fn place(name: &str) -> PathBuf {
    fixture("dictionaries").join(name)
}

pub(crate) fn array(path: PathBuf) -> Batch<f32, Dyn> {
    Npy::open(path).unwrap().load().unwrap()
}

fn samples() -> Batch<f32, Dyn> {
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
fn assert_says_the_same(name: &str, dictionary: &SparseDictionary<f32>) {
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
const SAE_LENS: [&str; 25] = [
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
const SPARSIFY: [&str; 7] = [
    "sparsify",
    "sparsify_free_norms",
    "sparsify_groupmax",
    "sparsify_transcoder",
    "sparsify_skip_transcoder",
    "sparsify_skip",
    "sparsify_bfloat16",
];
const LEARNING: [&str; 7] = [
    "dl_standard",
    "dl_new",
    "dl_gated",
    "dl_jumprelu",
    "dl_topk",
    "dl_batchtopk",
    "dl_matryoshka",
];
const SCOPE_2: [&str; 2] = ["gemma_scope_2", "gemma_scope_2_transcoder"];
#[cfg(feature = "npz")]
const SCOPE: [&str; 2] = ["gemma_scope", "gemma_scope_transcoder"];

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
fn copied(folder: &Folder, name: &str) -> PathBuf {
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

/// The error of a fixture whose settings are changed.
fn with_settings(name: &str, from: &str, to: &str) -> Error {
    let folder = Folder::new("dictionaries");
    let copy = copied(&folder, name);
    let path = copy.join(if name.starts_with("dl_") { "config.json" } else { "cfg.json" });
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
    SparseDictionary::<f32>::load(copy).unwrap_err()
}

#[test]
fn settings_that_are_not_known_are_refused_by_name() {
    for (name, from, to, key) in [
        ("standard", "\"standard\"", "\"temporal\"", "architecture"),
        ("standard", "\"standard\"", "\"batchtopk\"", "architecture"),
        ("standard", "\"standard\"", "\"crosscoder\"", "architecture"),
        ("standard", "\"standard\"", "7", "architecture"),
        (
            "standard",
            "\"normalize_activations\": \"none\"",
            "\"normalize_activations\": \"covariance_whitening\"",
            "normalize_activations",
        ),
        (
            "standard",
            "\"normalize_activations\": \"none\"",
            "\"normalize_activations\": \"other\"",
            "normalize_activations",
        ),
        (
            "standard",
            "\"reshape_activations\": \"none\"",
            "\"reshape_activations\": \"other\"",
            "reshape_activations",
        ),
        ("standard", "\"d_in\": 6", "\"d_in\": -6", "d_in"),
        ("standard", "\"d_in\": 6", "\"d_in\": 6.5", "d_in"),
        ("standard", "\"d_in\": 6, ", "", "d_in"),
        ("topk", "\"k\": 3", "\"k\": 0", "k"),
        ("topk", "\"k\": 3", "\"k\": 13", "k"),
        ("topk", "\"k\": 3, ", "", "k"),
        (
            "matching_pursuit",
            "\"max_iterations\": null",
            "\"max_iterations\": 65537",
            "max_iterations",
        ),
        (
            "matching_pursuit",
            "\"max_iterations\": null",
            "\"max_iterations\": true",
            "max_iterations",
        ),
        (
            "transcoder",
            "\"apply_b_dec_to_input\": false",
            "\"apply_b_dec_to_input\": true",
            "apply_b_dec_to_input",
        ),
        ("transcoder", ", \"d_out\": 5", "", "d_out"),
        ("old", "\"relu\"", "\"tanh-relu\"", "activation_fn_str"),
        ("old_topk", "\"k\": 3", "\"k\": 99", "k"),
        ("sparsify", "\"activation\": \"topk\"", "\"activation\": \"relu\"", "activation"),
        ("sparsify", "\"activation\": \"topk\"", "\"signed\": true", "signed"),
        ("sparsify_groupmax", "\"k\": 4", "\"k\": 5", "k"),
        ("dl_topk", "\"k\": 3", "\"k\": 0", "k"),
        ("dl_topk", "\"AutoEncoderTopK\"", "\"IdentityDict\"", "dict_class"),
        ("dl_topk", "\"trainer\"", "\"trained\"", "trainer"),
    ] {
        match with_settings(name, from, to) {
            Error::Malformed { path, place: Place::Name(found), .. } => {
                assert_eq!(found, key, "{name} {to}");
                assert_eq!(path.extension().unwrap(), "json");
            }
            other => panic!("{name} {to}: {other:?}"),
        }
    }
    let error = with_settings("standard", "{", "[");
    assert!(matches!(error, Error::Malformed { place: Place::Line(1), .. }), "{error}");
}

#[test]
fn tensors_that_do_not_fit_are_refused_by_name() {
    for (name, from, to, tensor, expected, found) in [
        (
            "standard",
            "\"d_sae\": 12",
            "\"d_sae\": 13",
            "W_dec",
            "the shape [13, 6]",
            "the shape [12, 6]",
        ),
        (
            "standard",
            "\"d_in\": 6",
            "\"d_in\": 12",
            "W_dec",
            "the shape [12, 12]",
            "the shape [12, 6]",
        ),
        ("standard", "\"standard\"", "\"jumprelu\"", "threshold", "the shape [12]", "none"),
        (
            "jumprelu",
            "\"jumprelu\"",
            "\"standard\"",
            "threshold",
            "no tensor of that name",
            "one of shape [12]",
        ),
        ("gated", "\"gated\"", "\"standard\"", "b_enc", "the shape [12]", "none"),
        (
            "skip_transcoder",
            "\"d_out\": 5",
            "\"d_out\": 6",
            "W_dec",
            "the shape [12, 6]",
            "the shape [12, 5]",
        ),
        (
            "sparsify",
            "\"skip_connection\": false",
            "\"skip_connection\": true",
            "W_skip",
            "the shape [6, 6]",
            "none",
        ),
        (
            "sparsify_skip",
            "\"skip_connection\": true",
            "\"skip_connection\": false",
            "W_skip",
            "no tensor of that name",
            "one of shape [6, 6]",
        ),
        (
            "sparsify",
            "\"num_latents\": 16",
            "\"num_latents\": 0",
            "encoder.weight",
            "the shape [12, 6]",
            "the shape [16, 6]",
        ),
    ] {
        match with_settings(name, from, to) {
            Error::DoesNotFit { path, what, expected: e, found: f, .. } => {
                let all = (what, e, f);
                let expected =
                    (format!("the tensor `{tensor}`"), expected.to_owned(), found.to_owned());
                assert_eq!(all, expected, "{name} {to}");
                assert_eq!(path.extension().unwrap(), "safetensors");
            }
            other => panic!("{name} {to}: {other:?}"),
        }
    }
}

/// A safetensors file of one type for all its values.
fn safetensors(dtype: &str, tensors: &[(&str, &[usize], &[u8])]) -> Vec<u8> {
    let (mut header, mut data) = (String::from("{"), Vec::new());
    for (k, (name, shape, bytes)) in tensors.iter().enumerate() {
        let comma = if k == 0 { "" } else { "," };
        let (start, end) = (data.len(), data.len() + bytes.len());
        header += &format!(
            "{comma}\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}"
        );
        data.extend_from_slice(bytes);
    }
    header.push('}');
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

#[test]
fn tensors_of_other_types_or_values_are_refused_by_name() {
    let folder = Folder::new("dictionaries");
    let copy = copied(&folder, "gemma_scope_2");
    let read = |bytes: Vec<u8>| {
        fs::write(copy.join("params.safetensors"), bytes).unwrap();
        SparseDictionary::<f32>::load(&copy).unwrap_err()
    };
    let one = 1.0_f32.to_le_bytes();
    let nan = f32::NAN.to_le_bytes();
    fn whole<'a>(last: &'a str, value: &'a [u8]) -> [(&'a str, &'a [usize], &'a [u8]); 5] {
        let names = ["w_enc", "w_dec", "b_enc", "b_dec", last];
        names.map(move |name| {
            let shape: &[usize] = if name.starts_with('w') { &[1, 1] } else { &[1] };
            (name, shape, value)
        })
    }
    let error = read(safetensors("F32", &whole("threshold", &nan)));
    assert!(
        error.to_string().contains("value 0 (counted from 0) of the tensor `w_enc` is NaN"),
        "{error}"
    );
    let error = read(safetensors("I32", &whole("threshold", &one)));
    assert!(
        matches!(&error, Error::Malformed { place: Place::Name(name), found: Found::Text(kind), .. } if name == "w_enc" && kind == "I32"),
        "{error:?}"
    );
    let error = read(safetensors("F32", &whole("thresholds", &one)));
    assert!(error.to_string().contains("the tensor `thresholds`"), "{error}");
    let mut layers = whole("threshold", &one);
    layers[1].1 = &[1, 1, 1];
    let error = read(safetensors("F32", &layers));
    assert!(
        error.to_string().contains("the tensor `w_dec`: the file has the shape [1, 1, 1]"),
        "{error}"
    );
    // An empty one first, which leaves nothing behind.
    let metadata = r#"{"__metadata__":{},"__metadata__":{"format":"pt"}}"#;
    let length = (metadata.len() as u64).to_le_bytes();
    let error = read([length.as_slice(), metadata.as_bytes()].concat());
    assert!(error.to_string().contains("`__metadata__`"), "{error}");
    // Twice of one name, which a reader that keeps them in a table would not see.
    let twice = [("w_enc", [1, 1].as_slice(), one.as_slice()), ("w_enc", &[1, 1], &one)];
    let error = read(safetensors("F32", &twice));
    assert!(error.to_string().contains("the tensor `w_enc` is there twice"), "{error}");
}

#[test]
fn pickles_and_strangers_are_refused_by_name() {
    let folder = Folder::new("dictionaries");
    let path = folder.join("ae.pt");
    // What torch.save begins with: an archive whose first member is data.pkl, or a pickle alone.
    let archive =
        [b"PK\x03\x04\0\0\x08\x08".as_slice(), &[0; 18], b"\x0b\0\x12\0ae/data.pkl"].concat();
    for bytes in [archive.as_slice(), b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."] {
        fs::write(&path, bytes).unwrap();
        for given in [folder.path(), &path] {
            let error = SparseDictionary::<f32>::load(given).unwrap_err();
            assert!(matches!(&error, Error::Pickle { path: found } if found == &path), "{error}");
            assert!(error.to_string().contains("torch.load("), "{error}");
        }
        // Under another format's name.
        let copy = copied(&folder, "standard");
        fs::write(copy.join("sae_weights.safetensors"), bytes).unwrap();
        assert!(
            SparseDictionary::<f32>::load(copy).unwrap_err().to_string().contains("torch.load(")
        );
    }
    fs::remove_file(&path).unwrap();
    let error = SparseDictionary::<f32>::load(folder.join("nothing")).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    let empty = folder.join("empty");
    fs::create_dir(&empty).unwrap();
    let error = SparseDictionary::<f32>::load(&empty).unwrap_err();
    assert!(error.to_string().contains("a folder without weights that are known"), "{error}");
    fs::copy(place("standard/sae_weights.safetensors"), empty.join("sae_weights.safetensors"))
        .unwrap();
    let error = SparseDictionary::<f32>::load(&empty).unwrap_err();
    assert!(matches!(&error, Error::File { path, .. } if path.ends_with("cfg.json")), "{error}");
}

/// A generator of numbers that are all alike for every run: xorshift (Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// Pieces of settings and headers, so that what is damaged is still nearly a file.
const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "null",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"BF16\"",
    "\"d_in\": 0, ",
    "\"k\": 1e30, ",
    "\"metadata\": 3, ",
    "\\ud800",
    "4294967296",
];

fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + numbers.below(12)).min(bytes.len());
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..end, PIECES[numbers.below(PIECES.len())].bytes())),
            _ => drop(bytes.splice(at..at, [0xff; 3])),
        }
    }
}

/// Whatever is read of damaged files is a dictionary that encodes, and nothing panics.
#[test]
fn damaged_files_are_refused_or_whole() {
    let folder = Folder::new("dictionaries");
    let mut numbers = Numbers(0x5eed);
    #[allow(unused_mut)]
    let mut files: Vec<(&str, &[&str])> = vec![
        ("jumprelu_skip_transcoder", &["cfg.json", "sae_weights.safetensors"]),
        ("topk_by_norm", &["cfg.json", "sae_weights.safetensors"]),
        ("matching_pursuit", &["cfg.json", "sae_weights.safetensors"]),
        ("old_topk", &["cfg.json", "sae_weights.safetensors"]),
        ("sparsify_groupmax", &["cfg.json", "sae.safetensors"]),
        ("gemma_scope_2_transcoder", &["config.json", "params.safetensors"]),
        ("dl_batchtopk", &["config.json", "ae.safetensors"]),
    ];
    #[cfg(feature = "npz")]
    files.push(("gemma_scope", &["params.npz"]));
    let x = Batch::new(Dyn(6), vec![0.5_f32; 12]).unwrap();
    for (name, names) in files {
        let copy = copied(&folder, name);
        for file in names {
            let whole = fs::read(copy.join(file)).unwrap();
            let mut read = 0;
            const TIMES: usize = 3000;
            for _ in 0..TIMES {
                let mut bytes = whole.clone();
                damage(&mut bytes, &mut numbers);
                // Anew, because some file systems bring what is overwritten to the disk at once.
                fs::remove_file(copy.join(file)).unwrap();
                fs::write(copy.join(file), bytes).unwrap();
                let Ok(dictionary) = SparseDictionary::<f32>::load(&copy) else { continue };
                read += 1;
                assert_eq!(dictionary.encoder().len(), dictionary.units() * dictionary.inputs());
                assert!(dictionary.decoder().iter().all(|weight| weight.is_finite()));
                if dictionary.inputs() == 6 {
                    let _: Result<SparseBatch<f32>, Error> = dictionary.encode(x.view());
                }
            }
            // Some damage is to numbers that could be any, and most is not.
            assert!(read < TIMES * 9 / 10, "{name}/{file}: {read} of {TIMES} were read");
            fs::write(copy.join(file), whole).unwrap();
        }
        assert!(SparseDictionary::<f32>::load(&copy).is_ok(), "{name}");
    }
}

/// Sizes that need no values when multiplied by 0, but a bias of each unit.
#[test]
fn no_memory_is_taken_for_sizes_of_nothing() {
    let folder = Folder::new("dictionaries");
    let huge: usize = 1 << 60;
    let copy = copied(&folder, "matching_pursuit");
    let settings = r#"{"architecture": "matching_pursuit", "metadata": {"sae_lens_version": "6.1.0"}, "d_in": 0, "d_sae": 1152921504606846976}"#;
    fs::write(copy.join("cfg.json"), settings).unwrap();
    let weights = safetensors("F32", &[("W_dec", &[huge, 0], &[]), ("b_dec", &[0], &[])]);
    fs::write(copy.join("sae_weights.safetensors"), weights).unwrap();
    let error = SparseDictionary::<f32>::load(&copy).unwrap_err();
    assert!(
        matches!(&error, Error::Malformed { place: Place::Name(key), .. } if key == "d_in"),
        "{error}"
    );
    let copy = copied(&folder, "dl_batchtopk");
    let empty: [(&str, &[usize], &[u8]); 5] = [
        ("encoder.weight", &[huge, 0], &[]),
        ("decoder.weight", &[0, huge], &[]),
        ("b_dec", &[0], &[]),
        ("encoder.bias", &[0], &[]),
        ("threshold", &[], &1.0_f32.to_le_bytes()),
    ];
    fs::write(copy.join("ae.safetensors"), safetensors("F32", &empty)).unwrap();
    let error = SparseDictionary::<f32>::load(&copy).unwrap_err();
    assert!(error.to_string().contains("the tensor `encoder.weight`"), "{error}");
    let copy = copied(&folder, "gemma_scope_2");
    let empty: [(&str, &[usize], &[u8]); 2] =
        [("w_enc", &[0, huge], &[]), ("w_dec", &[huge, 0], &[])];
    fs::write(copy.join("params.safetensors"), safetensors("F32", &empty)).unwrap();
    let error = SparseDictionary::<f32>::load(&copy).unwrap_err();
    assert!(error.to_string().contains("the tensor `w_enc`"), "{error}");
}

/// BatchTopK whose training ended before its threshold was found.
#[test]
fn a_threshold_that_was_never_found_is_refused() {
    let folder = Folder::new("dictionaries");
    let copy = copied(&folder, "dl_batchtopk");
    let path = copy.join("ae.safetensors");
    let bytes = fs::read(&path).unwrap();
    let threshold = 0.4_f32.to_le_bytes();
    let places: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, part)| *part == threshold).collect();
    let [(place, _)] = places.as_slice() else { panic!("{places:?}") };
    let mut changed = bytes.clone();
    changed[*place..place + 4].copy_from_slice(&(-1.0_f32).to_le_bytes());
    fs::write(&path, changed).unwrap();
    let error = SparseDictionary::<f32>::load(&copy).unwrap_err();
    assert!(error.to_string().contains("the tensor `threshold`"), "{error}");
}

/// A header that promises more than the file has is refused before memory is taken for it.
#[test]
fn promises_are_compared_with_the_file() {
    let folder = Folder::new("dictionaries");
    let copy = copied(&folder, "gemma_scope_2");
    let path: &Path = &copy.join("params.safetensors");
    let header =
        r#"{"w_enc":{"dtype":"F32","shape":[1048576,1048576],"data_offsets":[0,4398046511104]}}"#;
    fs::write(path, [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat())
        .unwrap();
    let mut error = None;
    let used = allocation_counter::measure(|| error = SparseDictionary::<f32>::load(&copy).err());
    assert!(error.unwrap().to_string().contains("was cut off"));
    assert!(used.bytes_max < 1 << 20, "{} bytes", used.bytes_max);
    let used = allocation_counter::measure(|| {
        fs::write(path, [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat()).unwrap();
        assert!(SparseDictionary::<f32>::load(&copy).is_err());
    });
    assert!(used.bytes_max < 1 << 20, "{} bytes", used.bytes_max);
}
