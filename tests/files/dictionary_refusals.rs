//! What is no dictionary, or one that would be read wrongly, is refused by name; damaged files too.

use std::fs;
use std::path::Path;

use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, Error, Found, Place, SparseBatch, SparseDictionary};
use common::Folder;

use crate::dictionaries::*;

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
