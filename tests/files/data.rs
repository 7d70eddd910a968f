//! Laws of the sources, and what they refuse. The files are made by `tests/fixtures/make.py` and `make_safetensors.py`.

use std::io::ErrorKind;
use std::path::Path;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::*;
use autoencoder::*;
use common::fixture;
#[cfg(any(feature = "gzip", feature = "npz"))]
use common::shared_data;
use nalgebra::{Const, Dyn};

type Dynamic = Box<dyn Source<Scalar = f64, Features = Dyn>>;

/// `values` of the script, as samples.
fn counted(samples: usize, features: usize, less: f64, by: f64) -> Vec<f64> {
    (0..samples * features).map(|k| (k as f64 - less) / by).collect()
}

/// Every source of three samples, with what it must give.
fn sources() -> Vec<(String, Dynamic, Vec<f64>)> {
    let mut all: Vec<(String, Dynamic, Vec<f64>)> = Vec::new();
    let (natural, whole) = (counted(3, 4, 0.0, 1.0), counted(3, 4, 2.0, 1.0));
    let sevenths = counted(3, 4, 0.0, 7.0);
    // As f32 has them.
    let single: Vec<f64> = sevenths.iter().map(|&x| f64::from(x as f32)).collect();
    let of_kind = |kind: &str| match kind {
        "f8" => sevenths.clone(),
        "f4" => single.clone(),
        _ if kind.starts_with('i') => whole.clone(),
        _ => natural.clone(),
    };

    for kind in ["u1", "i1", "i2", "i4", "f4", "f8"] {
        let name = format!("{kind}.idx");
        all.push((name.clone(), Box::new(Idx::open(fixture(&name)).unwrap()), of_kind(kind)));
    }
    for kind in ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"] {
        for order in ["little", "big"] {
            let name = format!("{kind}-{order}.npy");
            if !kind.ends_with('1') || order == "little" {
                let source = Npy::open(fixture(&name)).unwrap();
                all.push((name, Box::new(source), of_kind(kind)));
            }
        }
    }
    // numpy.load("f2-little.npy").astype("f8")
    let half = vec![
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
    let thirds = (0..12).map(|k| f64::from(u8::from(k % 3 == 0))).collect();
    let more = [
        ("b1.npy", thirds),
        ("f2-little.npy", half.clone()),
        ("f2-big.npy", half),
        ("f16-little.npy", sevenths.clone()),
        ("f16-big.npy", sevenths.clone()),
        ("python-2.npy", sevenths.clone()),
        ("fortran.npy", sevenths.clone()),
        ("fortran-3d.npy", counted(3, 8, 2.0, 1.0)),
        ("cube.npy", single.clone()),
        ("version-2.npy", sevenths.clone()),
        ("version-3.npy", sevenths.clone()),
    ];
    for (name, values) in more {
        all.push((name.into(), Box::new(Npy::open(fixture(name)).unwrap()), values));
    }
    let csv: Csv<f64, Dyn> = Csv::open(fixture("plain.csv")).unwrap();
    all.push(("plain.csv".into(), Box::new(csv), sevenths.clone()));

    let batch = Batch::new(Dyn(4), sevenths.clone()).unwrap();
    all.push(("memory".into(), Box::new(InMemory::from(batch.clone())), sevenths.clone()));
    let normalizer =
        Normalizer::from_parts(Normalization::Standardize, [1.0; 4], [2.0; 4]).unwrap();
    let normalized = Normalized::new(InMemory::from(batch), normalizer).unwrap();
    let values = sevenths.iter().map(|x| (x - 1.0) / 2.0).collect();
    all.push(("normalized".into(), Box::new(normalized), values));
    let (windows, of_windows) = crate::windows::ThreeWindows::new();
    all.push(("windows".into(), Box::new(windows), of_windows));
    let in_memory = |values: &[f64]| InMemory::from(Batch::new(Dyn(4), values.to_vec()).unwrap());
    let two = [in_memory(&sevenths[..8]), in_memory(&sevenths[8..])];
    let open = move |path: &Path| Ok(two[usize::from(path == Path::new("1"))].clone());
    let shards = Shards::open(["0", "1"], open).unwrap();
    all.push(("shards".into(), Box::new(shards), sevenths.clone()));
    // In which order is told by the tests of the source.
    let mut shuffled = Shuffled::new(in_memory(&sevenths), 2, 5).unwrap();
    let values = shuffled.load().unwrap().into_vec();
    all.push(("shuffled".into(), Box::new(shuffled), values));
    #[cfg(feature = "safetensors")]
    {
        let file = fixture("types.safetensors");
        for (name, values) in crate::activations::types() {
            let source = SafetensorsOptions::new().tensor(name).open(&file).unwrap();
            all.push((format!("types.safetensors/{name}"), Box::new(source), values));
        }
    }
    all.push(("default methods".into(), Box::new(Plain { next: 0 }), whole));

    #[cfg(feature = "image")]
    {
        let (source, values) = crate::images::ThreePictures::new();
        all.push(("pictures".into(), Box::new(source), values));
    }
    #[cfg(feature = "gzip")]
    for name in ["u1.idx.gz", "u1-two-members.idx"] {
        all.push((name.into(), Box::new(Idx::open(fixture(name)).unwrap()), natural.clone()));
    }
    #[cfg(feature = "npz")]
    for file in ["stored.npz", "deflated.npz", "zip64.npz", "pipe.npz"] {
        let archive = Npz::open(fixture(file)).unwrap();
        assert_eq!(archive.names().unwrap(), ["X", "fortran", "y"]);
        let arrays = [("X", &sevenths), ("fortran", &single), ("y", &counted(3, 1, 2.0, 1.0))];
        for (array, values) in arrays {
            let source = archive.array(array).unwrap();
            all.push((format!("{file}/{array}"), Box::new(source), values.clone()));
        }
    }
    all
}

/// A source with the required methods alone.
#[derive(Debug)]
struct Plain {
    next: usize,
}
impl Source for Plain {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        Dyn(4)
    }
    fn samples(&self) -> usize {
        3
    }
    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }
    fn read(&mut self, mut to: BatchViewMut<'_, f64>) -> Result<usize> {
        if to.features() != 4 {
            let (place, unit, expected, found) = ("Source::read", "features", 4, to.features());
            return Err(Error::SizeMismatch { place, unit, expected, found });
        }
        let count = to.samples().min(3 - self.next);
        for (k, to) in to.as_mut_slice()[..4 * count].iter_mut().enumerate() {
            *to = (4 * self.next + k) as f64 - 2.0;
        }
        self.next += count;
        Ok(count)
    }
}

#[test]
fn a_pass_gives_the_same_samples_in_any_sizes() {
    for (name, mut source, expected) in sources() {
        let features = source.size().0;
        assert_eq!(expected.len(), features * source.samples(), "{name}");
        for size in [1, 2, 3, 7] {
            source.rewind().unwrap();
            let mut block = Batch::zeros(source.size(), size);
            let mut read = Vec::new();
            loop {
                assert_eq!(source.read(Batch::zeros(Dyn(features), 0).view_mut()), Ok(0));
                match source.read(block.view_mut()).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&block.as_slice()[..count * features]),
                }
            }
            assert_eq!(read, expected, "{name} in blocks of {size}");
            assert_eq!(source.read(block.view_mut()), Ok(0), "{name}");
        }
        // From wherever it stands.
        source.rewind().unwrap();
        source.skip(1).unwrap();
        assert_eq!(source.load().unwrap().into_vec(), expected, "{name}");
        let mut lent: &mut dyn Source<Scalar = f64, Features = Dyn> = &mut source;
        assert_eq!((&mut lent).load().unwrap().into_vec(), expected, "{name}");
    }
}

#[test]
fn skipping_is_reading_and_dropping() {
    for (name, mut source, expected) in sources() {
        let features = source.size().0;
        for (skipped, again) in [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)] {
            source.rewind().unwrap();
            source.skip(skipped).unwrap();
            source.skip(again).unwrap();
            let mut next = Batch::zeros(source.size(), 3);
            let count = source.read(next.view_mut()).unwrap();
            let left = &expected[(skipped + again) * features..];
            assert_eq!(&next.as_slice()[..count * features], left, "{name} after {skipped}");
        }
        for (skipped, more) in [(0, 4), (1, 3), (3, 1)] {
            source.rewind().unwrap();
            source.skip(skipped).unwrap();
            let (place, unit) = ("Source::skip", "samples left");
            let error = Error::SizeMismatch { place, unit, expected: more, found: 3 - skipped };
            assert_eq!(source.skip(more), Err(error), "{name} after {skipped}");
        }
        source.rewind().unwrap();
        assert_eq!(source.load().unwrap().into_vec(), expected, "{name}");
    }
}

#[test]
fn another_width_is_refused() {
    for (name, mut source, _) in sources() {
        let features = source.size().0;
        let error = Error::SizeMismatch {
            place: "Source::read",
            unit: "features",
            expected: features,
            found: features + 1,
        };
        let mut wide = Batch::zeros(Dyn(features + 1), 2);
        assert_eq!(source.read(wide.view_mut()), Err(error), "{name}");
    }
    let mismatch = |name: &str, found| Error::FileMismatch {
        path: fixture(name),
        place: Place::File,
        unit: "features",
        expected: 5,
        found,
    };
    let idx = Idx::<f32, Const<5>>::open(fixture("u1.idx")).unwrap_err();
    assert_eq!(idx, mismatch("u1.idx", 4));
    let npy = Npy::<f32, Const<5>>::open(fixture("fortran-3d.npy")).unwrap_err();
    assert_eq!(npy, mismatch("fortran-3d.npy", 8));
    let csv = Csv::<f32, Const<5>>::open(fixture("plain.csv")).unwrap_err();
    assert_eq!(csv, mismatch("plain.csv", 4));
}

#[test]
fn types_decide_between_sizes_and_numbers() {
    let images: Batch<f32, Const<4>> =
        Idx::open(fixture("u1.idx")).unwrap().scale(1.0 / 255.0).unwrap().load().unwrap();
    assert_eq!(images.sample(1), [4.0 / 255.0, 5.0 / 255.0, 6.0 / 255.0, 7.0 / 255.0]);
    assert_eq!(idx_labels(fixture("labels.idx")).unwrap(), [3, 1, 4, 1, 5]);
    let line = Npy::<f64, Const<1>>::open(fixture("line.npy")).unwrap();
    assert_eq!((line.samples(), line.shape()), (5, [5].as_slice()));
    // Each type by itself, without a detour over the other.
    let text = "x\n0.1\n16777217\n1.00000017881393432617187499\n";
    let single: Batch<f32, Const<1>> = Csv::from_bytes(text).unwrap().load().unwrap();
    assert_eq!(single.as_slice(), [0.1_f32, 16_777_216.0, 1.000_000_1]);
    let scale = Idx::<f32, Dyn>::open(fixture("u1.idx")).unwrap().scale(f64::NAN).unwrap_err();
    let (name, requirement) = ("Idx scale", "finite and not 0");
    assert_eq!(scale, Error::InvalidParameter { name, value: Number(f64::NAN), requirement });
}

#[test]
fn images_and_windows_keep_their_sizes() {
    use autoencoder::size::{DynImage, DynWindow, Image, Window};
    let values = |scale: f64| counted(3, 4, 0.0, scale);
    let images: Batch<f64, Image<1, 2, 2>> = Idx::open(fixture("u1.idx")).unwrap().load().unwrap();
    assert_eq!(images.as_slice(), values(1.0));
    let mut unknown: Idx<f64, DynImage> = Idx::open(fixture("u1.idx")).unwrap();
    assert_eq!(unknown.size(), DynImage { channels: 1, height: 2, width: 2 });
    assert_eq!(unknown.load().unwrap().into_vec(), images.as_slice());
    // Three samples of 2 × 4, in memory column by column.
    let (whole, file) = (counted(3, 8, 2.0, 1.0), fixture("fortran-3d.npy"));
    let images: Batch<f64, Image<1, 2, 4>> = Npy::open(&file).unwrap().load().unwrap();
    let steps: Batch<f64, Window<4, 2>> = Npy::open(&file).unwrap().load().unwrap();
    assert_eq!((images.as_slice(), steps.as_slice()), (&whole[..], &whole[..]));
    let unknown: Npy<f64, DynWindow> = Npy::open(&file).unwrap();
    assert_eq!(unknown.size(), DynWindow { channels: 4, steps: 2 });
    // A row is as many values as are asked for.
    let rows: Batch<f64, Image<1, 2, 2>> = Csv::open(fixture("plain.csv")).unwrap().load().unwrap();
    assert_eq!(rows.as_slice(), values(7.0));
    #[cfg(feature = "npz")]
    {
        let archive = Npz::open(fixture("stored.npz")).unwrap();
        let rows: Batch<f64, Window<2, 2>> = archive.array("X").unwrap().load().unwrap();
        assert_eq!(rows.as_slice(), values(7.0));
    }

    let differs = |refused: Error, name: &str, unit, expected, found| {
        let (path, place) = (fixture(name), Place::File);
        assert_eq!(refused, Error::FileMismatch { path, place, unit, expected, found });
    };
    let refused = Idx::<f64, Image<2, 2, 1>>::open(fixture("u1.idx")).unwrap_err();
    differs(refused, "u1.idx", "columns of an image", 1, 2);
    let refused = Idx::<f64, Image<1, 4, 1>>::open(fixture("u1.idx")).unwrap_err();
    differs(refused, "u1.idx", "rows of an image", 4, 2);
    let refused = Npy::<f64, Image<1, 3, 3>>::open(fixture("cube.npy")).unwrap_err();
    differs(refused, "cube.npy", "features", 9, 4);
    let refused = Npy::<f64, Window<2, 4>>::open(&file).unwrap_err();
    differs(refused, "fortran-3d.npy", "steps of a window", 4, 2);
    let refused = Csv::<f64, DynImage>::open(fixture("plain.csv")).unwrap_err();
    let unit = "dimensions, of which the last are rows and columns";
    differs(refused, "plain.csv", unit, 3, 2);

    // A model of so many features takes them, from memory and as a stream, and gives their size back.
    let build = || {
        let builder = AutoEncoder::builder().encoder(Dense::<4, 2>::new(Tanh));
        builder.decoder(Dense::<2, 4>::new(Identity)).build::<f64>().unwrap()
    };
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(2).shuffle(false);
    let mut stream: Idx<f64, Image<1, 2, 2>> = Idx::open(fixture("f8.idx")).unwrap();
    let (mut one, mut other) = (build(), build());
    trainer.fit(&mut one, &mut stream).unwrap();
    trainer.fit(&mut other, &Batch::new(Const::<4>, values(7.0)).unwrap()).unwrap();
    assert_eq!(one.parameters(), other.parameters());
    let images: Batch<f64, Image<1, 2, 2>> = one.reconstruct(&stream.load().unwrap()).unwrap();
    let plain = other.reconstruct(&Batch::new(Const::<4>, values(7.0)).unwrap()).unwrap();
    assert_eq!(images.as_slice(), plain.as_slice());
}

#[test]
fn columns_and_labels() {
    let options = CsvOptions::new().delimiter(b';').unwrap().label("the class");
    let mut table: Csv<f64, Dyn> = options.open(fixture("quoted.csv")).unwrap();
    assert_eq!(table.load().unwrap().into_vec(), [1.5, 2.0, -300.0, 0.25]);
    assert_eq!(table.labels().unwrap(), ["rose; or\niris", "a \"tulip\""]);
    assert_eq!(table.load().unwrap().samples(), 2);
    let chosen = options.clone().columns(["b \"and\" c;\nd", "a"]);
    let mut table: Csv<f64, Const<2>> = chosen.open(fixture("quoted.csv")).unwrap();
    assert_eq!(table.load().unwrap().into_vec(), [2.0, 1.5, 0.25, -300.0]);
    let mut twice =
        CsvOptions::new().columns([3, 0, 3]).from_bytes::<f64, Dyn>("a,b,c,d\n1,,x,4\n");
    assert_eq!(twice.as_mut().unwrap().load().unwrap().into_vec(), [4.0, 1.0, 4.0]);
    assert_eq!(twice.unwrap().labels().unwrap(), [""; 0]);
    // A byte-order mark, no header, no last line end, and spaces.
    let mut bare =
        CsvOptions::new().header(false).from_bytes::<f64, Dyn>("\u{feff}1,\t2\n +3 ,4.e1");
    assert_eq!(bare.as_mut().unwrap().load().unwrap().into_vec(), [1.0, 2.0, 3.0, 40.0]);
}

fn malformed(path: &Path, place: Place, found: Found, expected: &'static str) -> Error {
    Error::Malformed { path: path.to_path_buf(), place, found, expected }
}

#[test]
fn cells_that_are_no_numbers() {
    let refused = |text: &str| Csv::<f32, Dyn>::from_bytes(text).unwrap_err();
    let at = |line, column, name: &str, error| {
        let place = Place::Cell { line, column, name: Some(name.to_owned()) };
        let Error::Malformed { path, place: refused_at, found, .. } = error else {
            panic!("{error}")
        };
        assert_eq!((path.to_str(), refused_at), (Some("<memory>"), place));
        found
    };
    for text in ["NaN", "nan", "inf", "-Infinity", "1e39", "1,5", "1_000", "0x10", "١", "1 2", "-"]
    {
        let found = at(3, 1, "b", refused(&format!("a,b\n1,2\n3,\"{text}\"\n")));
        // What it is recognised as: `csv_options`.
        let said = match found {
            Found::Text(said) => said,
            Found::Known(known) => known.text,
            other => panic!("{other}"),
        };
        assert_eq!(said, text);
    }
    let empty = Found::Thing("an empty cell, a missing value");
    assert_eq!(at(3, 1, "b,\nc", refused("a,\"b,\nc\"\n1,\n")), empty);
    assert_eq!(at(2, 0, "a", refused("a,b\n  ,1\n")), empty);
    for (text, column, found) in [
        ("a,b\n1,2\"3\n", 1, "a quote inside a cell"),
        ("a,b\n\"1\"2,3\n", 0, "text after a closing quote"),
        ("a,b\n1,\"2\n3,4\n", 1, "the end of the file"),
        (&format!("a,b\n{}1,1\n", "0".repeat(1 << 16)), 0, "a longer cell"),
    ] {
        let name = ["a", "b"][column];
        assert_eq!(at(2, column, name, refused(text)), Found::Thing(found));
    }
    let bare = CsvOptions::new().header(false).from_bytes::<f32, Dyn>("1\nx\n").unwrap_err();
    assert_eq!(
        bare.to_string(),
        "<memory>, line 2, column 1 (counted from 1): found \"x\", expected a finite number \
         (`CsvOptions::columns` chooses the columns that are features, `label` leaves one out, and \
         `missing_marks` takes a text for a missing value)"
    );
}

/// A file without a header, opened with the defaults, would lose its first row: this has to be said.
#[test]
fn a_header_of_numbers_is_none() {
    let samples = |text: &str, options: CsvOptions| {
        options.from_bytes::<f64, Dyn>(text).map(|table| table.samples())
    };
    let (bare, labelled) = ("1,2.5\n3,4\n5,6\n", "1,2.5,iris\n3,4,rose\n");
    let new = CsvOptions::new;
    let expected = "<memory>, line 1 (counted from 1): found a number for each feature, expected the names of columns \
                    (`CsvOptions::header(false)` if these are values, `header(true)` if they are names)";
    let defaults = || new().label(2);
    for refused in [samples(bare, new()), samples(labelled, defaults()), samples("-.5\n", new())] {
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
    // One of the two, or the name of a column, says what the first row is.
    assert_eq!(samples(bare, new().header(false)), Ok(3));
    assert_eq!(samples(bare, new().header(true)), Ok(2));
    assert_eq!(samples(labelled, defaults().header(false)), Ok(2));
    assert_eq!(samples(bare, new().columns(["2.5"])), Ok(2));
    // Only what is a feature counts, and one name is enough.
    assert_eq!(samples("x,2\n3,4\n", new()), Ok(1));
    assert_eq!(samples("x,2\n3,4\n", new().columns([0])), Ok(1));
    assert!(samples("x,2\n3,4\n", new().columns([1])).is_err());
}

/// So it is with a first row in which values are missing, whatever becomes of them: no row may be lost.
#[test]
fn a_header_of_missing_values_is_none() {
    let new = || CsvOptions::new().missing_marks(["-999", "unknown"]);
    let treatments = [Missing::Refuse, Missing::DropRow, Missing::Value(0.0), Missing::NotANumber];
    for (text, seen) in [
        ("1,?,3\n4,5,6\n", "a number or a missing value for each feature"),
        ("1,,3\n4,5,6\n", "a number or a missing value for each feature"),
        ("NaN,unknown, 3\n4,5,6\n", "a number or a missing value for each feature"),
        ("1,\"NA\",inf\n4,5,6\n", "a number or a missing value for each feature"),
        ("1,2,-999\n4,5,6\n", "a number or a missing value for each feature"),
        ("1,inf,1e400\n4,5,6\n", "a number for each feature"),
        ("?,NA,\n4,5,6\n", "a missing value for each feature"),
        (",,\n4,5,6\n", "a missing value for each feature"),
    ] {
        for missing in treatments {
            let options = new().missing(missing).unwrap();
            let refused = options.from_bytes::<f64, Dyn>(text).unwrap_err();
            let expected = "the names of columns (`CsvOptions::header(false)` if these are values, `header(true)` if \
                            they are names)";
            let memory = Path::new("<memory>");
            assert_eq!(refused, malformed(memory, Place::Line(1), Found::Thing(seen), expected));
            let named: Csv<f64, Dyn> = options.header(true).from_bytes(text).unwrap();
            assert_eq!(named.samples(), 1, "{text}");
        }
    }
    // Both rows, and one name makes a header.
    let kept = new().missing(Missing::Value(0.0)).unwrap();
    let mut both: Csv<f64, Dyn> = kept.clone().header(false).from_bytes("1,?,3\n4,5,6\n").unwrap();
    assert_eq!(both.load().unwrap().into_vec(), [1.0, 0.0, 3.0, 4.0, 5.0, 6.0]);
    let one: Csv<f64, Dyn> = kept.from_bytes(",a,1\n4,5,6\n").unwrap();
    assert_eq!(one.samples(), 1);
    // Of a table of one column, too.
    assert!(Csv::<f64, Dyn>::from_bytes("?\n1\n").is_err());
}

#[test]
fn tables_of_another_form() {
    let refused = |text: &str| Csv::<f32, Dyn>::from_bytes(text).unwrap_err();
    let memory = Path::new("<memory>");
    let cells = |line, expected, found| Error::FileMismatch {
        path: memory.to_path_buf(),
        place: Place::Line(line),
        unit: "cells",
        expected,
        found,
    };
    assert_eq!(refused("a,b\n1,2\n3\n"), cells(3, 2, 1));
    assert_eq!(refused("a,b\n1,2,3,4\n"), cells(2, 2, 4));
    assert_eq!(refused("a,b\n1,\"2\",\n"), cells(2, 2, 3));
    assert_eq!(
        cells(3, 2, 1).to_string(),
        "<memory>, line 3 (counted from 1): expected 2 cells, found 1"
    );
    let none = Found::Thing("no line that counts");
    assert_eq!(refused("\u{feff}"), malformed(memory, Place::File, none, "a row"));
    let named = |found, expected| malformed(memory, Place::Name("c".into()), found, expected);
    let columns = |text: &str, options: CsvOptions| {
        options.from_bytes::<f32, Dyn>(text).map(|table| table.size().0)
    };
    let chosen = |header| CsvOptions::new().header(header).columns(["c"]);
    let unnamed = columns("a,b\n1,2\n", chosen(true)).unwrap_err();
    let Error::Malformed { found: Found::Names(names), .. } = &unnamed else { panic!("{unnamed}") };
    assert_eq!((&names.first[..], names.more), (&["a".to_owned(), "b".to_owned()][..], 0));
    assert_eq!(names.nearest, None);
    assert_eq!(unnamed, named(Found::Names(names.clone()), "a name in the header"));
    let several = Found::Thing("several columns");
    let several = named(several, "one column of that name (or its place, counted from 0)");
    assert_eq!(columns("c,b,c\n", chosen(true)), Err(several));
    let bare = "a header with that name (or the column's place, counted from 0)";
    let bare = named(Found::Thing("no header"), bare);
    assert_eq!(columns("1,2\n", chosen(false)), Err(bare));
    let index = Error::FileMismatch {
        path: memory.to_path_buf(),
        place: Place::File,
        unit: "columns or more (`Column::Index` counts from 0)",
        expected: 8,
        found: 2,
    };
    assert_eq!(columns("a,b\n", CsvOptions::new().label(7)), Err(index));
    let none =
        malformed(memory, Place::File, Found::Thing("no column that is a feature"), "at least one");
    assert_eq!(columns("a\n", CsvOptions::new().label(0)), Err(none));
    for delimiter in [b'"', b'\n', b'\r', 0xff] {
        let error = Error::InvalidMark {
            name: "CsvOptions delimiter",
            mark: delimiter,
            requirement: "ASCII, and neither a quote nor a line end",
        };
        assert_eq!(CsvOptions::new().delimiter(delimiter), Err(error));
    }
}

#[test]
fn binary_files_that_are_none() {
    let memory = Path::new("<memory>");
    let at = |byte, found, expected| malformed(memory, Place::Byte(byte), found, expected);
    let number = |value| Found::Number(Number(value));
    let end = || Found::Thing("the end of the file");
    let idx = |bytes: &[u8]| Idx::<f32, Dyn>::from_bytes(bytes).map(|_| ()).unwrap_err();
    let of_kind = |kind, expected| malformed(memory, Place::File, Found::Thing(kind), expected);
    let an_idx = "an IDX file, as MNIST is published in";
    assert_eq!(idx(&[]), of_kind("an empty file", an_idx));
    assert_eq!(idx(b"\x89PNG\r\n\x1a\n\0\0"), of_kind("a PNG picture", an_idx));
    assert_eq!(idx(b"a,b\n1,2\n"), of_kind("a text", an_idx));
    assert_eq!(idx(&[0, 0, 8]), at(3, end(), "more bytes"));
    assert_eq!(idx(&[0, 7, 8, 1]), at(1, number(7.0), "0, with which an IDX file begins"));
    let kinds = "a number type of IDX: 8 or 9 (bytes), 11 (16 bits), 12 (32 bits), 13 (single \
                 precision) or 14 (double)";
    assert_eq!(idx(&[0, 0, 10, 1]), at(2, number(10.0), kinds));
    assert_eq!(idx(&[0, 0, 8, 0]), at(3, number(0.0), "at least one dimension"));
    let none = Found::Thing("samples without features");
    let empty = [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 0];
    assert_eq!(idx(&empty), at(12, none, "at least one feature"));
    let bytes = |expected, found| Error::FileMismatch {
        path: memory.to_path_buf(),
        place: Place::File,
        unit: "bytes",
        expected,
        found,
    };
    assert_eq!(idx(&[0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), bytes(11, 10));
    assert_eq!(idx(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), bytes(9, 10));
    assert_eq!(idx(&[0, 0, 12, 1, 255, 255, 255, 255]), bytes(8 + 4 * 0xffff_ffff, 8));
    let huge = [&[0, 0, 14, 3][..], &[255; 12]].concat();
    let too_large = Found::Thing("a shape that no file can hold");
    assert_eq!(idx(&huge), at(16, too_large, "a shape that fits the file"));
    assert_eq!(bytes(11, 10).to_string(), "<memory>: expected 11 bytes, found 10");

    let npy = |bytes: &[u8]| Npy::<f32, Dyn>::from_bytes(bytes).map(|_| ()).unwrap_err();
    let start = "the first bytes of an NPY file";
    assert_eq!(npy(b"\x93NUMPX\x01\0"), at(0, Found::Text("\u{fffd}NUMPX".into()), start));
    let an_npy = "an NPY file (`Npz` opens archives of arrays, `Csv` texts)";
    for (bytes, kind) in [
        (b"NUMPY, or not".as_slice(), "a text"),
        (b"", "an empty file"),
        (b"PK\x03\x04\x14\0", "a zip archive (as .zip, .npz, .xlsx and PyTorch's .pt are)"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ] {
        let is_archive_read = cfg!(feature = "npz") || !kind.starts_with("a zip");
        if is_archive_read {
            assert_eq!(npy(bytes), of_kind(kind, an_npy));
        }
    }
    let version = "version 1.0, 2.0 or 3.0 of the format";
    assert_eq!(npy(b"\x93NUMPY\x09\x00"), at(6, Found::Text("\t\0".into()), version));
    let shape =
        b"\x93NUMPY\x01\x00\x3b\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2, -1)} \n";
    assert_eq!(npy(shape), at(64, Found::Text("-1)} ".into()), "a size"));
    // Though it is there.
    let mut long = b"\x93NUMPY\x02\x00\x00\x00\x01\x00{".to_vec();
    long.resize(1 << 17, b' ');
    assert_eq!(npy(&long), at(12, number(65_536.0), "a header of at most 65535 bytes"));
    long[8..10].copy_from_slice(&[255, 255]);
    long[10] = 0;
    long.truncate(100);
    assert_eq!(npy(&long), at(100, end(), "more bytes"));
    let mut zero = shape.to_vec();
    zero[64..66].copy_from_slice(b"0 ");
    assert_eq!(
        npy(&zero),
        at(69, Found::Thing("samples without features"), "at least one feature")
    );
    let text = at(3, Found::Thing("the end of the file"), "more bytes").to_string();
    assert_eq!(
        text,
        "<memory>, byte 3 (counted from 0): found the end of the file, expected more bytes"
    );

    for (name, kind, advice) in [
        ("complex", "complex numbers", "`array.real`"),
        ("dates", "dates", "`array.astype(\"i8\")`"),
        ("text", "text", "`array.astype(\"f8\")`"),
        ("bytes", "bytes of text", "`array.astype(\"f8\")`"),
        ("object", "objects of Python", "`array.astype(\"f8\")`"),
        ("structured", "a structured type", "`array[\"field\"]`"),
    ] {
        let refused = Npy::<f64, Dyn>::open(fixture(&format!("refused-{name}.npy"))).unwrap_err();
        let Error::Malformed { found, expected, .. } = &refused else { panic!("{refused}") };
        assert!(matches!(found, Found::Known(known) if known.kind == kind), "{refused}");
        assert!(expected.contains(advice), "{refused}");
    }

    let labels = idx_labels(fixture("u1.idx")).unwrap_err();
    let found = Found::Thing("more than one dimension");
    assert_eq!(labels, malformed(&fixture("u1.idx"), Place::Byte(3), found, "one dimension"));
    let labels = idx_labels(fixture("i1.idx")).unwrap_err();
    let (found, expected) = (Found::Thing("another number type"), "bytes without sign (8)");
    assert_eq!(labels, malformed(&fixture("i1.idx"), Place::Byte(2), found, expected));
}

/// An NPY file with a sample of one feature for each of these numbers of 12 or 16 bytes.
fn long_doubles(numbers: &[u128], is_big_endian: bool, size: usize) -> Vec<u8> {
    let (order, samples) = (if is_big_endian { '>' } else { '<' }, numbers.len());
    let header =
        format!("{{'descr': '{order}f{size}', 'fortran_order': False, 'shape': ({samples},), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    for number in numbers {
        let mut bytes = number.to_le_bytes()[..size].to_vec();
        if is_big_endian {
            bytes.reverse();
        }
        file.extend(bytes);
    }
    file
}

/// x86 stores ten bytes of a long double; those after them keep what the memory held.
#[test]
fn long_doubles_of_x86_whatever_lies_beside_them() {
    // Intel's manual, volume 1, 4.2.2: sign and exponent, of which 0x3fff is that of 1, before the significand.
    let numbers = [0, 0x3fff_8000_0000_0000_0000, 1 << 79, 0xc000_c000_0000_0000_0000];
    let values = [0.0_f64, 1.0, -0.0, -3.0].map(f64::to_bits);
    // Among them what other machines begin a 1 with: in 128 bits, and in two doubles.
    for padding in [0, 1, 0x3fff << 32, 0x3ff0 << 32, 0xffff_ffff_ffff] {
        for (is_big_endian, size) in [(false, 12), (false, 16), (true, 16)] {
            let padded = numbers.map(|number| padding << 80 | number);
            let file = long_doubles(&padded, is_big_endian, size);
            let read = Npy::<f64, Dyn>::from_bytes(file).unwrap().load().unwrap();
            assert_eq!(read.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), values);
        }
    }
}

#[test]
fn long_doubles_of_other_machines() {
    // A double in the 128 bits of IEEE 754-2019, 3.4: a larger exponent, and its fraction first.
    let quad = |x: f64| {
        let (bits, fraction) = (u128::from(x.to_bits()), u128::from(x.to_bits() & ((1 << 52) - 1)));
        (bits >> 63) << 127 | ((bits >> 52 & 0x7ff) + 16_383 - 1023) << 112 | fraction << 60
    };
    // POWER's two doubles, the larger first; the m68k's 96 bits, with two bytes between exponent and significand.
    let two = |x: f64, rest: f64| u128::from(rest.to_bits()) << 64 | u128::from(x.to_bits());
    let m68k = |exponent: u128| exponent << 80 | 1 << 63;
    let refused = |numbers: &[u128], is_big_endian, size| {
        let file = long_doubles(numbers, is_big_endian, size);
        let error = Npy::<f64, Dyn>::from_bytes(file).unwrap_err().to_string();
        assert!(
            error.contains("expected long doubles of x86: save `array.astype(\"f8\")`"),
            "{error}"
        );
    };
    for is_big_endian in [false, true] {
        refused(&[1.0, 2.0, -3.5].map(quad), is_big_endian, 16);
        refused(&[0.1, 0.2, 0.7].map(quad), is_big_endian, 16);
        refused(&[quad(0.1)], is_big_endian, 16);
    }
    refused(&[two(1.0, 0.0), two(2.5, 0.0)], false, 16);
    refused(&[two(-1.0, 0.0)], false, 16);
    refused(&[two(0.1, -5e-18)], false, 16);
    refused(&[m68k(0x3fff), m68k(0x4000)], true, 12);
}

#[test]
fn files_without_a_sample() {
    let none = |place| {
        let memory = Path::new("<memory>");
        Some(malformed(memory, place, Found::Thing("no samples"), "at least one sample"))
    };
    assert_eq!(Csv::<f64, Dyn>::from_bytes("a,b\n").err(), none(Place::File));
    // Found by fuzzing: no samples of 2⁴⁴ features each fit any file.
    let idx = [0, 0, 8, 3, 0, 0, 0, 0, 0, 2, 0, 255, 254, 250, 5, 11];
    assert_eq!(Idx::<f64, Dyn>::from_bytes(idx).err(), none(Place::Byte(16)));
    let npy = b"\x93NUMPY\x01\x00\x44\x00{'descr': '<f8', 'fortran_order': False, 'shape': (0, 999999999)}  \n";
    assert_eq!(Npy::<f64, Dyn>::from_bytes(npy).err(), none(Place::Byte(78)));
}

#[test]
fn numbers_that_are_not_finite() {
    let mut file = [0, 0, 14, 2, 0, 0, 0, 3, 0, 0, 0, 2].to_vec();
    for value in [1.0_f64, 2.0, 3.0, 1e300, 5.0, f64::NAN] {
        file.extend(value.to_be_bytes());
    }
    let refused = |sample, feature, value| {
        let found = Found::Number(Number(value));
        let place = Place::Value { sample, feature };
        malformed(Path::new("<memory>"), place, found, "a finite number")
    };
    let mut double: Idx<f64, Dyn> = Idx::from_bytes(file.clone()).unwrap();
    let nan = refused(2, 1, f64::NAN);
    let mut two = Batch::zeros(Dyn(2), 2);
    assert_eq!(double.read(two.view_mut()), Ok(2));
    // Refused until it is rewound.
    assert_eq!(double.read(two.view_mut()), Err(nan.clone()));
    assert_eq!(double.read(two.view_mut()), Err(nan.clone()));
    assert_eq!(double.skip(1), Err(nan.clone()));
    double.rewind().unwrap();
    assert_eq!(double.read(two.view_mut()), Ok(2));
    assert_eq!(double.load(), Err(nan));
    let mut single: Idx<f32, Dyn> = Idx::from_bytes(file).unwrap();
    assert_eq!(
        single.load().unwrap_err().to_string(),
        "<memory>, sample 1, feature 1 (counted from 0): found 1e300, expected a number within the range of `f32` \
         (`f64` has a wider one)"
    );
}

/// A file says what it holds: a number may be finite there and not in the type it is read as, or times a scale.
#[test]
fn numbers_that_are_too_large() {
    let npy = |values: &[f64], fortran: &str| {
        let shape = format!("({}, 2)", values.len() / 2);
        let header =
            format!("{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file
    };
    let refused = |sample, feature, value, expected| {
        let (place, found) = (Place::Value { sample, feature }, Found::Number(Number(value)));
        Some(malformed(Path::new("<memory>"), place, found, expected))
    };
    let single = "a number within the range of `f32` (`f64` has a wider one)";
    // Fortran has the first feature of all samples, then the second one.
    let values = [1.0, 2.0, 3.0, 4.0, -1e300, 6.0];
    for (fortran, sample, feature) in [("False", 2, 0), ("True", 1, 1)] {
        let mut file: Npy<f32, Dyn> = Npy::from_bytes(npy(&values, fortran)).unwrap();
        let expected = refused(sample, feature, -1e300, single);
        assert_eq!(file.load().err(), expected, "{fortran}");
        // Samples after the first too.
        file.rewind().unwrap();
        file.skip(1).unwrap();
        assert_eq!(file.read(Batch::zeros(Dyn(2), 2).view_mut()).err(), expected, "{fortran}");
        let mut double: Npy<f64, Dyn> = Npy::from_bytes(npy(&values, fortran)).unwrap();
        assert_eq!(double.load().unwrap().samples(), 3);
        let mut scaled = Npy::<f64, Dyn>::from_bytes(npy(&values, fortran)).unwrap().scale(1e10);
        let expected = "a number that times the scale is within the range of `f64`";
        let found = scaled.as_mut().unwrap().load().err();
        assert_eq!(found, refused(sample, feature, -1e300, expected));
    }
    // More than is read in one go, and what is infinite in the file.
    let mut many = vec![1.0; 40_000];
    many[30_001] = 1e39;
    let mut file: Npy<f32, Dyn> = Npy::from_bytes(npy(&many, "False")).unwrap();
    assert_eq!(file.load().err(), refused(15_000, 1, 1e39, single));
    let infinite = [1.0, f64::INFINITY];
    let mut file: Npy<f32, Dyn> = Npy::from_bytes(npy(&infinite, "False")).unwrap();
    assert_eq!(file.load().err(), refused(0, 1, f64::INFINITY, "a finite number"));
    // A tenth of it is within the range.
    let mut file = Npy::<f32, Dyn>::from_bytes(npy(&[1e39, 1.0], "False")).unwrap().scale(0.1);
    assert_eq!(file.as_mut().unwrap().load().unwrap().sample(0)[0], 1e38);
    // A long double that `f64` has no room for.
    let mut long = std::fs::read(fixture("f16-little.npy")).unwrap();
    long[128..144].copy_from_slice(&(0x7ffe_u128 << 64 | 1 << 63).to_le_bytes());
    let refused = Npy::<f64, Dyn>::from_bytes(long).unwrap().load().unwrap_err().to_string();
    assert!(refused.contains("less than that of a long double"), "{refused}");
}

/// In an archive the stream is packed, and is unpacked once more up to that place.
#[test]
#[cfg(feature = "npz")]
fn numbers_that_are_too_large_in_an_archive() {
    let archive = Npz::open(fixture("deflated.npz")).unwrap();
    let name = "X";
    let values = archive.array::<f64, Dyn>(name).unwrap().load().unwrap();
    let features = values.features();
    let at = values.as_slice().iter().position(|&x| x != 0.0).unwrap();
    let place = Place::Value { sample: (at / features) as u64, feature: (at % features) as u64 };
    let error = archive.array::<f32, Dyn>(name).unwrap().scale(1e300).unwrap().load().unwrap_err();
    let Error::Malformed { place: refused_at, found, expected, .. } = error else {
        panic!("{error}")
    };
    let stored = Found::Number(Number(values.as_slice()[at]));
    assert_eq!((refused_at, found), (place, stored));
    assert_eq!(
        expected,
        "a number that times the scale is within the range of `f32` (`f64` has a wider one)"
    );
}

#[test]
fn files_that_change_while_they_are_open() {
    let name = format!("autoencoder-change-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let rows = |expected, found| {
        let (path, place, unit) = (path.clone(), Place::File, "rows");
        Err(Error::FileMismatch { path, place, unit, expected, found })
    };
    for (before, after, expected, found) in
        [("a\n111\n", "a\n1\n1\n", 1, 2), ("a\n1\n1\n", "a\n111\n", 2, 1)]
    {
        std::fs::write(&path, before).unwrap();
        let mut table: Csv<f64, Dyn> = Csv::open(&path).unwrap();
        std::fs::write(&path, after).unwrap();
        assert_eq!(table.load(), rows(expected, found));
    }
    // Labels are as many as samples, and the next pass begins at the first one, whatever became of them.
    for after in ["a,b\n1,\n2,\n3,z\n", "a,b\n11,xyz\n", "a,b\n1,x\n2,\"y\n"] {
        std::fs::write(&path, "a,b\n11,x\n22,y\n").unwrap();
        let mut table: Csv<f64, Dyn> = CsvOptions::new().label("b").open(&path).unwrap();
        std::fs::write(&path, after).unwrap();
        let refused = table.labels().unwrap_err();
        match after.matches('\n').count() - 1 {
            2 => assert!(matches!(refused, Error::Malformed { .. }), "{refused}"),
            found => assert_eq!(Err(refused), rows(2, found as u64)),
        }
        let mut first = Batch::zeros(Dyn(1), 1);
        assert_eq!(table.read(first.view_mut()), Ok(1));
        assert_eq!(first.as_slice(), if after.contains("11") { [11.0] } else { [1.0] });
    }
    let npy = std::fs::read(fixture("f8-little.npy")).unwrap();
    std::fs::write(&path, &npy).unwrap();
    let mut table: Npy<f64, Dyn> = Npy::open(&path).unwrap();
    std::fs::write(&path, &npy[..200]).unwrap();
    let end = Found::Thing("the end of the file");
    assert_eq!(table.load(), Err(malformed(&path, Place::Byte(200), end, "more bytes")));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn files_that_cannot_be_read() {
    let error = |name: &str, reason| Error::File { path: fixture(name), action: "open", reason };
    let absent = error("absent", ErrorKind::NotFound);
    assert_eq!(Idx::<f32, Dyn>::open(fixture("absent")).unwrap_err(), absent);
    assert_eq!(Npy::<f32, Dyn>::open(fixture("absent")).unwrap_err(), absent);
    assert_eq!(Csv::<f32, Dyn>::open(fixture("absent")).unwrap_err(), absent);
    assert_eq!(idx_labels(fixture("absent")).unwrap_err(), absent);
    let folder = Npy::<f32, Dyn>::open(fixture("")).unwrap_err();
    assert_eq!(folder, error("", ErrorKind::IsADirectory));
    assert!(absent.to_string().ends_with("absent: cannot open: there is no such file or folder"));
    let of_folder = "cannot open: it is a folder, and a file is needed";
    let folder = fixture("");
    let openers = |path: &Path| {
        [
            Csv::<f32, Dyn>::open(path).map(drop),
            Npy::<f32, Dyn>::open(path).map(drop),
            Idx::<f32, Dyn>::open(path).map(drop),
            idx_labels(path).map(drop),
            #[cfg(feature = "safetensors")]
            Safetensors::<f32, Dyn>::open(path).map(drop),
            #[cfg(feature = "npz")]
            Npz::open(path).map(drop),
        ]
    };
    for refused in openers(&folder) {
        let text = refused.unwrap_err().to_string();
        assert!(text.ends_with(of_folder), "{text}");
    }
    #[cfg(unix)]
    for refused in openers(Path::new("/dev/null")) {
        let expected = "/dev/null: cannot open: it is a device or a pipe, or the system cannot do this; a \
                        plain file is needed";
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
    for refused in openers(&fixture("make.py")) {
        let text = refused.unwrap_err().to_string();
        let is_named = text.contains("found a text,") || text.contains("line 1 (counted from 1)");
        assert!(is_named || text.contains("single cell"), "{text}");
    }
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_gzip_file_without_the_feature() {
    let path = fixture("u1.idx.gz");
    let error = Idx::<f32, Dyn>::open(&path).unwrap_err();
    assert_eq!(error, Error::MissingFeature { path, kind: "a gzip file", feature: "gzip" });
}

#[cfg(not(feature = "npz"))]
#[test]
fn an_archive_without_the_feature() {
    let path = fixture("stored.npz");
    let error = Npy::<f32, Dyn>::open(&path).unwrap_err();
    assert_eq!(error, Error::MissingFeature { path, kind: "an archive of arrays", feature: "npz" });
}

#[cfg(feature = "gzip")]
#[test]
fn packed_streams_of_another_length() {
    let good = std::fs::read(fixture("u1.idx.gz")).unwrap();
    let load = |bytes: Vec<u8>| Idx::<f64, Dyn>::from_bytes(bytes)?.load();
    assert!(load(good.clone()).is_ok());
    let memory = Path::new("<memory>");
    let at =
        |byte, found, expected| malformed(memory, Place::Byte(byte), Found::Thing(found), expected);
    let packed = "more bytes, packed with gzip";
    // Something after it, and a checksum that is not its own.
    let trailing = load([good.clone(), vec![0]].concat()).unwrap_err();
    assert_eq!(trailing, at(28, "the end of the file", packed));
    let mut damaged = good.clone();
    let checksum = good.len() - 8;
    damaged[checksum] ^= 1;
    assert_eq!(load(damaged).unwrap_err(), at(28, "damaged data", packed));
    assert_eq!(
        load(good[..good.len() - 1].to_vec()).unwrap_err(),
        at(28, "the end of the file", packed)
    );
    // The file twice: more than its header says, whether it is read or skipped.
    let twice = [good.clone(), good.clone()].concat();
    let more = at(28, "more bytes", "the end of the file");
    assert_eq!(load(twice.clone()), Err(more.clone()));
    assert_eq!(Idx::<f64, Dyn>::from_bytes(twice).unwrap().skip(3), Err(more));
}

#[cfg(feature = "npz")]
#[test]
fn archives_that_are_none() {
    let refused = |bytes: &[u8]| Npz::from_bytes(bytes).map(|_| ()).unwrap_err();
    let memory = Path::new("<memory>");
    let no_record = Found::Thing("no end of an archive, as if it were cut off or continued");
    let none = malformed(memory, Place::File, no_record, "an archive of arrays (NPZ)");
    let of_kind =
        |kind| malformed(memory, Place::File, Found::Thing(kind), "an archive of arrays (NPZ)");
    assert_eq!(refused(b""), of_kind("an empty file"));
    assert_eq!(refused(b"\x93NUMPY\x01\0"), of_kind("an NPY file of NumPy"));
    assert_eq!(refused(&[0; 100]), none);
    let good = std::fs::read(fixture("deflated.npz")).unwrap();
    assert_eq!(refused(&[&good[..], b"!"].concat()), none);
    assert_eq!(refused(&good[1..]).to_string().split(" (").next().unwrap(), "<memory>, byte 638");
    let archive = Npz::from_bytes(good.clone()).unwrap();
    let absent = archive.array::<f64, Dyn>("Z").unwrap_err();
    let (place, found) = (Place::Name("Z.npy".into()), Found::Thing("no such member"));
    assert_eq!(absent, malformed(memory, place, found, "the name of a member"));
    // A comment on X, which others write: the next entry of the directory is found behind it.
    let mut commented = good.clone();
    let entry = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let end = good.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    let length = |at: usize| usize::from(u16::from_le_bytes([good[at], good[at + 1]]));
    commented[entry + 32] = 7;
    commented[end + 12] += 7; // bytes of the directory
    let behind = entry + 46 + length(entry + 28) + length(entry + 30);
    commented.splice(behind..behind, *b"samples");
    let commented = Npz::from_bytes(commented).unwrap();
    assert_eq!(commented.names(), archive.names());
    for name in ["X", "fortran", "y"] {
        let load = |archive: &Npz| archive.array::<f64, Dyn>(name)?.load();
        assert_eq!(load(&commented).unwrap(), load(&archive).unwrap(), "{name}");
    }
    // What the directory says of X, changed: encrypted, of another method, of another name.
    let x = memory.join("X.npy");
    let changed = |at: usize, by: u8, name: &str| {
        let mut bytes = good.clone();
        bytes[entry + at] ^= by;
        Npz::from_bytes(bytes).unwrap().array::<f64, Dyn>(name).map(|_| ()).unwrap_err()
    };
    let refusal = |found, expected| malformed(&x, Place::File, found, expected);
    let encrypted = Found::Thing("encrypted data");
    assert_eq!(changed(8, 1, "X"), refusal(encrypted, "a member that is not encrypted"));
    let method = "a method that NumPy uses: 0 (stored) or 8 (deflated)";
    assert_eq!(changed(10, 4, "X"), refusal(Found::Number(Number(12.0)), method));
    let header = Found::Thing("another header");
    let renamed = malformed(
        &memory.join("Z.npy"),
        Place::File,
        header.clone(),
        "the header that the directory names",
    );
    assert_eq!(changed(46, b'X' ^ b'Z', "Z"), renamed);
    assert_eq!(changed(16, 1, "X"), refusal(header, "the header that the directory names"));
    let fits = Found::Thing("a size that does not fit");
    assert_eq!(changed(23, 1, "X"), refusal(fits, "a member that fits the archive"));
    // A member that takes in a byte of the next one: its directory entry is not believed.
    let load_x = |bytes: Vec<u8>| Npz::from_bytes(bytes)?.array::<f64, Dyn>("X")?.load();
    let mut longer = good.clone();
    longer[entry + 20] += 1;
    let (found, expected) =
        (Found::Thing("damaged data"), "more bytes, packed and with their checksum");
    assert_eq!(load_x(longer), Err(malformed(&x, Place::Byte(224), found, expected)));
    // A member whose own header promises more than its bytes can unpack to, though not more than the
    // bytes before it and its own.
    let stored = std::fs::read(fixture("stored.npz")).unwrap();
    let text = |bytes: &[u8]| stored.windows(bytes.len()).rposition(|found| found == bytes);
    let shape = text(b"(3,), }    ").unwrap();
    let mut promising = stored.clone();
    promising[shape..shape + 11].copy_from_slice(b"(99999,), }");
    let found = Found::Thing("a shape that no file of its length can hold");
    let expected_shape = "a shape that fits the file";
    let Err(Error::Malformed { found: shape, expected: fits, .. }) =
        Npz::from_bytes(promising).unwrap().array::<f64, Dyn>("y")
    else {
        panic!()
    };
    assert_eq!((shape, fits), (found, expected_shape));
    // Members that hold a byte less than the directory says: no checksum is of that byte.
    for entry in (0..good.len()).filter(|&at| good[at..].starts_with(b"PK\x01\x02")) {
        let mut longer = good.clone();
        longer[entry + 24] += 1;
        let name = &good[entry + 46..][..usize::from(good[entry + 28])];
        let name = str::from_utf8(name).unwrap().trim_end_matches(".npy");
        let array = Npz::from_bytes(longer).unwrap().array::<f64, Dyn>(name);
        let Err(Error::Malformed { expected: missing, .. }) =
            array.and_then(|mut array| array.load())
        else {
            panic!("{name}")
        };
        assert_eq!(missing, expected, "{name}");
    }
    // A bit of the packed data of X, before the next member: noticed with its last sample.
    let mut damaged = good;
    let next = damaged.windows(4).rposition(|bytes| bytes == b"PK\x03\x04").unwrap();
    let next = damaged[..next].windows(4).rposition(|bytes| bytes == b"PK\x03\x04").unwrap();
    damaged[next - 5] ^= 4;
    let Err(Error::Malformed { path, expected: missing, .. }) = load_x(damaged) else { panic!() };
    assert_eq!((path, missing), (x, expected));
}

#[cfg(feature = "gzip")]
#[test]
fn mnist_as_published() {
    // numpy.frombuffer(gzip.open(…).read()[16:], "u1").astype("i8").sum(), and numpy.bincount.
    let parts = [
        (
            "train",
            60_000,
            1_567_298_545.0,
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        ),
        ("t10k", 10_000, 264_923_200.0, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ];
    for (part, samples, sum, digits) in parts {
        let images = shared_data(&format!("mnist/{part}-images-idx3-ubyte.gz"));
        let labels = shared_data(&format!("mnist/{part}-labels-idx1-ubyte.gz"));
        let (Some(images), Some(labels)) = (images, labels) else { return };
        let images: Batch<f32, Const<784>> = Idx::open(images).unwrap().load().unwrap();
        assert_eq!(images.samples(), samples);
        assert_eq!(images.as_slice().iter().map(|&x| f64::from(x)).sum::<f64>(), sum);
        let labels = idx_labels(labels).unwrap();
        let count = |digit| labels.iter().filter(|&&label| usize::from(label) == digit).count();
        assert_eq!(std::array::from_fn(count), digits);
    }
}

#[cfg(feature = "npz")]
#[test]
fn published_archives() {
    // numpy.load(…): X.shape, y.sum(), and X.sum() where it is whole.
    let sets = [
        ("26_optdigits", 5216, 64, 150.0, Some(1_637_992.0)),
        ("30_satellite", 6435, 36, 2036.0, Some(19_337_086.0)),
        ("32_shuttle", 49_097, 9, 3511.0, Some(13_157_400.0)),
        ("43_WDBC", 367, 30, 10.0, None),
        ("6_cardio", 1831, 21, 176.0, None),
    ];
    for (name, samples, features, anomalies, sum) in sets {
        let Some(path) = shared_data(&format!("anomaly/{name}.npz")) else { return };
        let archive = Npz::open(path).unwrap();
        let x: Batch<f64, Dyn> = archive.array("X").unwrap().load().unwrap();
        let y: Batch<f64, Const<1>> = archive.array("y").unwrap().load().unwrap();
        assert_eq!(
            (x.samples(), x.features(), y.samples()),
            (samples, features, samples),
            "{name}"
        );
        assert_eq!(y.as_slice().iter().sum::<f64>(), anomalies, "{name}");
        if let Some(sum) = sum {
            assert_eq!(x.as_slice().iter().sum::<f64>(), sum, "{name}");
        }
    }
}
