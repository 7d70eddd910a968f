//! Activations as other libraries store them: safetensors, in half precision too, and what is refused. The files are made
//! by `tests/fixtures/make_safetensors.py` and `make_pickles.py`.

use std::path::Path;

use autoencoder::data::*;
use autoencoder::size::Image;
use autoencoder::*;
use common::fixture;
use nalgebra::{Const, Dyn};

/// What `types.safetensors` has under each name that is read.
pub fn types() -> Vec<(&'static str, Vec<f64>)> {
    let counted = |less: f64| (0..12).map(|k| f64::from(k) - less).collect::<Vec<_>>();
    let sevenths: Vec<f64> = (0..12).map(|k| f64::from(k) / 7.0).collect();
    let single = sevenths.iter().map(|&x| f64::from(x as f32)).collect();
    // What the script prints.
    let half = [
        0.0,
        0.142822265625,
        0.28564453125,
        0.428466796875,
        0.5712890625,
        0.71435546875,
        0.85693359375,
        1.0,
        1.142578125,
        1.2861328125,
        1.4287109375,
        1.5712890625,
    ];
    let brain = [
        0.0,
        0.142578125,
        0.28515625,
        0.427734375,
        0.5703125,
        0.71484375,
        0.85546875,
        1.0,
        1.140625,
        1.2890625,
        1.4296875,
        1.5703125,
    ];
    let thirds = (0..12).map(|k| f64::from(u8::from(k % 3 == 0))).collect();
    let mut all = vec![
        ("F64", sevenths),
        ("F32", single),
        ("F16", half.to_vec()),
        ("BF16", brain.to_vec()),
        ("BOOL", thirds),
    ];
    all.extend(["U8", "U16", "U32", "U64"].map(|name| (name, counted(0.0))));
    all.extend(["I8", "I16", "I32", "I64"].map(|name| (name, counted(2.0))));
    all
}

#[test]
fn a_tensor_by_its_name_or_the_only_one() {
    let brain = types()[3].1.clone();
    let mut only: Safetensors<f64, Const<4>> =
        Safetensors::open(fixture("one.safetensors")).unwrap();
    assert_eq!((only.name(), only.shape()), ("acts", &[3, 4][..]));
    assert_eq!(only.load().unwrap().as_slice(), brain);
    // In single precision, without loss.
    let single: Batch<f32, Const<4>> =
        Safetensors::open(fixture("one.safetensors")).unwrap().load().unwrap();
    assert!(single.as_slice().iter().zip(&brain).all(|(&x, &y)| f64::from(x) == y));
    let classes = SafetensorsOptions::new().tensor("classes");
    let mut classes = classes.open::<f64, Const<1>>(fixture("one.safetensors")).unwrap();
    assert_eq!(classes.load().unwrap().as_slice(), [2.0, 0.0, 1.0]);
    let shapes = safetensors_shapes(fixture("one.safetensors")).unwrap();
    assert_eq!(shapes, [("classes".to_owned(), vec![3]), ("acts".to_owned(), vec![3, 4])]);
    // A row is an image if it is one that is asked for.
    let images: Batch<f32, Image<1, 2, 2>> =
        Safetensors::open(fixture("one.safetensors")).unwrap().load().unwrap();
    assert_eq!(images.as_slice(), single.as_slice());
}

#[test]
fn rows_of_the_last_dimension() {
    let path = fixture("texts.safetensors");
    let mut rows: Safetensors<f32, Const<4>> =
        SafetensorsOptions::new().flatten(true).open(&path).unwrap();
    assert_eq!(rows.shape(), [6, 4]);
    let values: Vec<f32> = (0..24_u8).map(f32::from).collect();
    assert_eq!(rows.load().unwrap().as_slice(), values);
    let refused = Safetensors::<f32, Const<4>>::open(&path).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "{}, `texts`: found a tensor of more dimensions (\"[3, 2, 4]\"), expected samples × features \
             (`SafetensorsOptions::flatten(true)` takes each row of the last dimension for a sample)",
            path.display()
        )
    );
    let named = SafetensorsOptions::new().tensor("texts").open::<f32, Const<4>>(&path).unwrap_err();
    assert_eq!(named, refused);
}

/// A file with this header, padded or not, and so many bytes of values.
fn file(header: &str, values: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend((0..values).map(|at| at as u8));
    file
}

fn entry(name: &str, dtype: &str, shape: &str, from: usize, to: usize) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
}

#[test]
fn what_cannot_be_chosen_is_refused_with_the_names_there_are() {
    let path = fixture("types.safetensors");
    let refused = |options: SafetensorsOptions| options.open::<f64, Dyn>(&path).unwrap_err();
    let Error::Malformed { place, found: Found::Names(names), expected, .. } =
        refused(SafetensorsOptions::new())
    else {
        panic!()
    };
    assert_eq!((place, names.unit, names.first.len(), names.more), (Place::File, "tensors", 15, 0));
    assert!(expected.contains("`SafetensorsOptions::tensor`"), "{expected}");
    let absent = refused(SafetensorsOptions::new().tensor("BF-16")).to_string();
    assert!(absent.contains("`BF-16`: found only the tensors `U64`"), "{absent}");
    assert!(
        absent.ends_with("(perhaps `BF16` is meant), expected the name of a tensor"),
        "{absent}"
    );
    let eighth = refused(SafetensorsOptions::new().tensor("F8_E4M3")).to_string();
    assert!(
        eighth.contains("numbers of another type (\"F8_E4M3\"), expected F64, F32, F16"),
        "{eighth}"
    );
    let scalar = refused(SafetensorsOptions::new().tensor("scalar"));
    let Error::Malformed { found, .. } = scalar else { panic!() };
    assert_eq!(found, Found::Thing("a single number"));
    // Of a flat view there are two candidates: nothing is guessed.
    let two = format!("{{{},{}}}", entry("a", "U8", "1,2", 0, 2), entry("b", "U8", "1,1,2", 2, 4));
    let open = |options: SafetensorsOptions| options.from_bytes::<f64, Dyn>(file(&two, 4));
    assert_eq!(open(SafetensorsOptions::new()).unwrap().name(), "a");
    assert!(open(SafetensorsOptions::new().flatten(true)).is_err());
    let none = Safetensors::<f64, Dyn>::from_bytes(file("{}", 0)).unwrap_err();
    let Error::Malformed { found, .. } = none else { panic!() };
    assert_eq!(found, Found::Thing("no tensors"));
    // Another width.
    let wide = Safetensors::<f32, Const<5>>::open(fixture("one.safetensors")).unwrap_err();
    let (path, place) = (fixture("one.safetensors").join("acts"), Place::File);
    let mismatch = Error::FileMismatch { path, place, unit: "features", expected: 5, found: 4 };
    assert_eq!(wide, mismatch);
}

#[test]
fn headers_that_lie() {
    let refused =
        |bytes: Vec<u8>| Safetensors::<f32, Dyn>::from_bytes(bytes).unwrap_err().to_string();
    let of =
        |entries: &[String], values| refused(file(&format!("{{{}}}", entries.join(",")), values));
    let a = |shape, from, to| entry("a", "F16", shape, from, to);
    let b = |shape, from, to| entry("b", "F16", shape, from, to);
    for (said, part) in [
        (of(&[a("2,2", 0, 6)], 8), "`a`: expected 8 bytes, found 6"),
        (of(&[a("2,2", 0, 8)], 9), ": expected 72 bytes, found 73"),
        (of(&[a("2,2", 0, 8)], 7), ": expected 72 bytes, found 71"),
        (of(&[a("2,2", 8, 0)], 8), "`a`: found a shape or a place that no file"),
        (of(&[a("4611686018427387904,4", 0, 0)], 8), "`a`: found a shape or a place that no file"),
        (of(&[a("1,1", 0, 2), b("1,1", 0, 2)], 2), "`b`: expected 121 as the first byte"),
        (of(&[a("1,1", 0, 2), b("1,1", 3, 5)], 5), "`b`: expected 121 as the first byte"),
        (of(&[a("1,1", 1, 3)], 3), "`a`: expected 64 as the first byte"),
        (of(&[a("1,1", 0, 2), a("1,1", 2, 4)], 4), "`a`: found two tensors, expected one"),
        (of(&[a("0,4", 0, 0)], 0), "found no samples, expected at least one sample"),
        (of(&[a("4,0", 0, 0)], 0), "found samples without features"),
        (of(&[a("1,1,1,1,1,1,1,1,1", 0, 2)], 2), "`a`: expected 8 dimensions at most, found 9"),
        (of(&[entry("a", "F128", "1,1", 0, 2)], 2), "expected a tensor's `dtype` that is known"),
        (refused(file("{\"a\":", 0)), "byte 12 (counted from 0)"),
        (refused(file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0)), "found two of that name"),
        (refused(file(r#"{"__metadata__":{"a":"1","a":"2"}}"#, 0)), "a text once"),
        (refused(file("[1, 2]", 0)), "found "),
        (refused(vec![1, 0, 0, 0, 0, 0, 0, 0]), "expected 9 bytes at least, found 8"),
        (refused([&[0, 0, 0, 2, 0, 0, 0, 0][..], b"{"].concat()), "a header of at most 16 MiB"),
        (refused(vec![8, 0, 0]), "found the end of the file"),
        (refused(Vec::new()), "found an empty file, expected a safetensors file"),
        (refused(b"a,b\n1,2\n".to_vec()), "found a text, expected a safetensors file"),
        (refused(b"\x93NUMPY\x01\0".to_vec()), "found an NPY file of NumPy"),
    ] {
        assert!(said.contains(part), "{said} and not {part}");
    }
    // In another order than their values, with texts beside them, padded: all that the format allows.
    let header = format!(
        "{{{},\"__metadata__\":{{\"format\":\"pt\"}},{}}}    ",
        b("2,1", 2, 6),
        entry("empty", "F32", "0", 2, 2)
    );
    let header = header.replacen('{', &format!("{{{},", entry("first", "U8", "2", 0, 2)), 1);
    let mut read = Safetensors::<f32, Dyn>::from_bytes(file(&header, 6)).unwrap();
    // The bytes 2, 3 and 4, 5 as half precision: 0x0302 has the exponent 0, so that it is 0x302 · 2⁻²⁴; 0x0504 is
    // (1024 + 0x104) · 2⁻²⁴.
    let values = [770.0, 1284.0].map(|x: f32| x / 16_777_216.0);
    assert_eq!(read.load().unwrap().as_slice(), values);
}

/// An infinity of half precision is none of `f32` either; the largest number is.
#[test]
fn what_is_not_finite_is_refused_with_its_place() {
    for (dtype, least, largest, infinite, nan) in [
        ("F16", 0x0001_u16, 0x7bff_u16, 0xfc00_u16, 0x7e00_u16),
        ("BF16", 0x0001, 0x7f7f, 0xff80, 0x7fc0),
    ] {
        let header = format!("{{{}}}", entry("a/b", dtype, "2,2", 0, 8));
        let with = |last: u16| {
            let mut bytes = file(&header, 0);
            bytes.extend([0x3c00_u16, least, largest, last].iter().flat_map(|x| x.to_le_bytes()));
            Safetensors::<f32, Dyn>::from_bytes(bytes).unwrap().load()
        };
        assert!(with(0x8000).unwrap().as_slice()[3].is_sign_negative());
        for (last, value) in [(infinite, f64::NEG_INFINITY), (nan, f64::NAN)] {
            let path = Path::new("<memory>").join("a/b");
            let place = Place::Value { sample: 1, feature: 1 };
            let (found, expected) = (Found::Number(Number(value)), "a finite number");
            assert_eq!(with(last).unwrap_err(), Error::Malformed { path, place, found, expected });
        }
    }
}

#[test]
fn a_pickle_is_refused_with_the_lines_that_convert_it() {
    for name in ["torch.pt", "torch-legacy.pt"] {
        let path = fixture(name);
        let refusals = [
            Safetensors::<f32, Dyn>::open(&path).map(drop),
            safetensors_shapes(&path).map(drop),
            Npy::<f32, Dyn>::open(&path).map(drop),
            Csv::<f32, Dyn>::open(&path).map(drop),
            Idx::<f32, Dyn>::open(&path).map(drop),
            #[cfg(feature = "npz")]
            Npz::open(&path).map(drop),
        ];
        for refused in refusals {
            let refused = refused.unwrap_err();
            assert_eq!(refused, Error::Pickle { path: path.clone() });
            let (from, to) = (path.clone(), path.with_extension("safetensors"));
            let said = refused.to_string();
            for line in [
                format!(
                    "\n    tensors = torch.load({from:?}, map_location=\"cpu\", weights_only=True)\n"
                ),
                format!(
                    "\n    safetensors.torch.save_file({{k: v.contiguous() for k, v in tensors.items() if \
                     v.is_floating_point()}}, {to:?})\n"
                ),
            ] {
                assert!(said.contains(&line), "{said}");
            }
        }
    }
    // What Python itself writes, and an archive in which the pickle is not the first member.
    for bytes in [&b"\x80\x04\x95\x1a\0\0\0\0"[..], b"\x80\x02}q\0."] {
        let refused = Npy::<f32, Dyn>::from_bytes(bytes).unwrap_err();
        assert_eq!(refused, Error::Pickle { path: "<memory>".into() });
    }
    #[cfg(feature = "npz")]
    {
        let good = std::fs::read(fixture("stored.npz")).unwrap();
        let mut other = good.clone();
        for at in 0..other.len() - 11 {
            if &good[at..at + 11] == b"fortran.npy" {
                other[at..at + 11].copy_from_slice(b"fo/data.pkl");
            }
        }
        let refused = Npz::from_bytes(other).unwrap_err();
        assert_eq!(refused, Error::Pickle { path: "<memory>".into() });
    }
}
