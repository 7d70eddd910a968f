//! Files that were changed, cut, extended or made up: no reader panics, takes much memory, or gives
//! numbers that are not in the file. Every case is drawn from a fixed seed.
//!
//! The suite tries 100,000 inputs; ten million take a minute:
//! ```sh
//! AUTOENCODER_MUTATIONS=10000000 cargo test -p autoencoder-tests --release --all-features --test refusals mutated
//! ```

use std::fs;

use allocation_counter::measure;
use autoencoder::data::*;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::*;
use common::fixture;
use nalgebra::Dyn;

/// Mutated files of all formats together; those without a feature leave theirs to the others.
fn count() -> usize {
    let given = std::env::var("AUTOENCODER_MUTATIONS").ok();
    given.map_or(100_000, |count| count.parse().expect("AUTOENCODER_MUTATIONS is a number"))
}

/// What no reader may take beyond twice the file.
const ROOM: u64 = 1 << 20;

type Loaded = Result<Batch<f64, Dyn>>;

struct Format {
    name: &'static str,
    file: Vec<u8>,
    load: fn(Vec<u8>) -> Loaded,
    /// Whether what was loaded is what is in this file, as the test sees it by itself.
    is_right: fn(&[u8], &Loaded) -> bool,
}

fn formats() -> Vec<Format> {
    let file = |name| fs::read(fixture(name)).unwrap();
    let npy = |bytes| Npy::from_bytes(bytes)?.load();
    let csv = |bytes| Csv::from_bytes(bytes)?.load();
    #[cfg_attr(not(any(feature = "gzip", feature = "npz")), allow(unused_mut))]
    let mut formats = vec![
        Format {
            name: "idx",
            file: file("i2.idx"),
            load: |bytes| Idx::from_bytes(bytes)?.load(),
            is_right: |bytes, loaded| values(loaded) == idx_by_hand(bytes),
        },
        Format { name: "npy", file: file("f4-little.npy"), load: npy, is_right: is_npy_right },
        Format { name: "fortran", file: file("fortran.npy"), load: npy, is_right: is_npy_right },
        Format {
            name: "csv",
            file: b"a,b,c\r\n1,-2.5,3e1\r\n4,5,.6\r\n7,8,9\n".to_vec(),
            load: csv,
            is_right: |bytes, loaded| {
                if bytes.contains(&b'"') {
                    return loaded.is_err() || values(loaded) == csv_by_another(bytes);
                }
                values(loaded) == csv_by_hand(bytes)
            },
        },
        Format {
            name: "quoted csv",
            file: b"\"a\",\"b \"\"2\"\"\"\r\n\"1\",\"2\"\n3,\"4\"\r\n".to_vec(),
            load: csv,
            is_right: |bytes, loaded| loaded.is_err() || values(loaded) == csv_by_another(bytes),
        },
    ];
    // These have a checksum: what is loaded must be what was packed.
    #[cfg(feature = "gzip")]
    formats.push(Format {
        name: "gzip",
        file: file("u1-two-members.idx"),
        load: |bytes| Idx::from_bytes(bytes)?.load(),
        is_right: |_, loaded| {
            loaded.as_ref().is_err() || values(loaded) == Some((0..12).map(f64::from).collect())
        },
    });
    #[cfg(feature = "npz")]
    for name in ["stored.npz", "deflated.npz", "zip64.npz", "pipe.npz"] {
        formats.push(Format {
            name,
            file: file(name),
            load: |bytes| Npz::from_bytes(bytes)?.array("fortran")?.load(),
            is_right: |_, loaded| {
                let single = |k: u8| f64::from((f64::from(k) / 7.0) as f32);
                loaded.as_ref().is_err() || values(loaded) == Some((0..12).map(single).collect())
            },
        });
    }
    #[cfg(feature = "safetensors")]
    formats.push(Format {
        name: "safetensors",
        file: file("one.safetensors"),
        load: |bytes| Safetensors::from_bytes(bytes)?.load(),
        is_right: |bytes, loaded| loaded.is_err() || values(loaded) == safetensors_by_hand(bytes),
    });
    formats
}

/// The only tensor of two dimensions, from a file whose header is in order, read in the plainest way.
#[cfg(feature = "safetensors")]
fn safetensors_by_hand(bytes: &[u8]) -> Option<Vec<f64>> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    let header: serde_json::Value = serde_json::from_slice(header).ok()?;
    let tables = header
        .as_object()?
        .values()
        .filter(|info| info["shape"].as_array().is_some_and(|shape| shape.len() == 2));
    let [info] = tables.collect::<Vec<_>>()[..] else { return None };
    let place = |at: usize| info["data_offsets"][at].as_u64().map(|place| place as usize);
    let data = data.get(place(0)?..place(1)?)?;
    // A sign, an exponent and a fraction, of numbers that have a first bit and of others.
    let of_parts = |bits: u16, fraction_bits: u32| {
        let (exponents, bias) = (1 << (15 - fraction_bits), (1 << (14 - fraction_bits)) - 1);
        let exponent = i32::from(bits >> fraction_bits) % exponents;
        let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1 << fraction_bits);
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(1 - bias),
            _ if exponent == exponents - 1 => f64::NAN,
            _ => (1.0 + fraction) * 2f64.powi(exponent - bias),
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    };
    macro_rules! numbers {
        ($t:ty, $value:expr) => {
            data.as_chunks().0.iter().map(|&bytes| $value(<$t>::from_le_bytes(bytes))).collect()
        };
    }
    let values: Vec<f64> = match info["dtype"].as_str()? {
        "BOOL" => data.iter().map(|&byte| f64::from(u8::from(byte != 0))).collect(),
        "U8" => numbers!(u8, f64::from),
        "I8" => numbers!(i8, f64::from),
        "U16" => numbers!(u16, f64::from),
        "I16" => numbers!(i16, f64::from),
        "U32" => numbers!(u32, f64::from),
        "I32" => numbers!(i32, f64::from),
        "U64" => numbers!(u64, |x| x as f64),
        "I64" => numbers!(i64, |x| x as f64),
        "F32" => numbers!(f32, f64::from),
        "F64" => numbers!(f64, |x| x),
        "F16" => numbers!(u16, |bits| of_parts(bits, 10)),
        "BF16" => numbers!(u16, |bits| of_parts(bits, 7)),
        _ => return None,
    };
    values.iter().all(|x| x.is_finite()).then_some(values)
}

fn values(loaded: &Loaded) -> Option<Vec<f64>> {
    loaded.as_ref().ok().map(|batch| batch.as_slice().to_vec())
}

/// An IDX file read in the plainest way.
fn idx_by_hand(bytes: &[u8]) -> Option<Vec<f64>> {
    let (header, rest) = bytes.split_at_checked(4)?;
    let (sizes, data) = rest.split_at_checked(4 * usize::from(header[3]))?;
    let size = |size: &[u8]| u128::from(u32::from_be_bytes(size.try_into().unwrap()));
    let sizes: Vec<u128> = sizes.chunks(4).map(size).collect();
    let (bytes_of_one, read): (u128, fn(&[u8]) -> f64) = match header[..3] {
        [0, 0, 0x08] => (1, |x| x[0].into()),
        [0, 0, 0x09] => (1, |x| i8::from_be_bytes([x[0]]).into()),
        [0, 0, 0x0b] => (2, |x| i16::from_be_bytes(x.try_into().unwrap()).into()),
        [0, 0, 0x0c] => (4, |x| i32::from_be_bytes(x.try_into().unwrap()).into()),
        [0, 0, 0x0d] => (4, |x| f32::from_be_bytes(x.try_into().unwrap()).into()),
        [0, 0, 0x0e] => (8, |x| f64::from_be_bytes(x.try_into().unwrap())),
        _ => return None,
    };
    let product = sizes.iter().try_fold(bytes_of_one, |all, &size| all.checked_mul(size))?;
    if sizes.is_empty() || sizes.contains(&0) || product != data.len() as u128 {
        return None;
    }
    let values: Vec<f64> = data.chunks(bytes_of_one as usize).map(read).collect();
    values.iter().all(|x| x.is_finite()).then_some(values)
}

/// A table without quotes read in the plainest way.
fn csv_by_hand(bytes: &[u8]) -> Option<Vec<f64>> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if text.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut lines = text.split('\n');
    let header = lines.next().filter(|line| !line.trim_matches([' ', '\t']).is_empty())?;
    let width = header.split(',').count();
    // A first row of numbers and missing values is no header, and refused.
    let is_value = |cell: &str| {
        let cell = cell.trim_matches([' ', '\t']);
        cell.is_empty() || cell.parse::<f64>().is_ok()
    };
    if header.split(',').all(is_value) {
        return None;
    }
    let mut values = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() != width {
            return None;
        }
        for cell in cells {
            let cell = cell.trim_matches([' ', '\t']);
            values.push(cell.parse().ok().filter(|x: &f64| x.is_finite())?);
        }
    }
    (!values.is_empty()).then_some(values)
}

/// A table that is in order, as the crate that everyone uses reads it.
fn csv_by_another(bytes: &[u8]) -> Option<Vec<f64>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let mut values = Vec::new();
    for record in reader.byte_records() {
        for cell in &record.ok()? {
            let cell = str::from_utf8(cell).ok()?.trim_matches([' ', '\t']);
            values.push(cell.parse().ok().filter(|x: &f64| x.is_finite())?);
        }
    }
    Some(values)
}

/// What was loaded is what stands in the file, whose header is searched for its three entries.
fn is_npy_right(bytes: &[u8], loaded: &Loaded) -> bool {
    loaded.is_err() || values(loaded) == npy_by_hand(bytes)
}

/// An NPY file with a header that is in order, read in the plainest way.
fn npy_by_hand(bytes: &[u8]) -> Option<Vec<f64>> {
    let start = if bytes.get(6)? == &1 { 10 } else { 12 };
    let length = bytes[8..start].iter().rev().fold(0, |sum, &byte| 256 * sum + usize::from(byte));
    let (header, data) = bytes.get(start..)?.split_at_checked(length)?;
    let header = str::from_utf8(header).ok()?;
    let is_between = |c: char| matches!(c, '\'' | '"' | ':') || c.is_ascii_whitespace();
    let after = |key: &str| Some(header.split_once(key)?.1.trim_start_matches(is_between));
    let is_fortran = after("fortran_order")?.starts_with("True");
    let shape = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes: Vec<usize> =
        sizes.map(|size| size.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?;
    // Without a mark for the order, or with another, it is that of this machine, which is little-endian.
    let descr = after("descr")?;
    let (order, kind) = match descr.starts_with(['<', '>', '|', '=']) {
        true => descr.split_at_checked(1)?,
        false => ("<", descr),
    };
    let size: usize = kind.get(1..2)?.parse().ok()?;
    if sizes.iter().product::<usize>() * size != data.len() {
        return None;
    }
    // From the most significant byte on.
    let number = |k: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&data[k * size..][..size]);
        if order != ">" {
            bytes[..size].reverse();
        }
        let bits = u64::from_be_bytes(bytes);
        match kind.as_bytes()[0] {
            b'f' if size == 8 => f64::from_bits(bits),
            // Half precision of numbers that have a first bit, which is all that few changes lead to.
            b'f' if size == 2 => {
                let half = bits >> 48;
                let sign = 1.0 - 2.0 * (half >> 15) as f64;
                sign * (1.0 + (half & 0x3ff) as f64 / 1024.0)
                    * 2f64.powi((half >> 10 & 0x1f) as i32 - 15)
            }
            b'b' => f64::from(u8::from(bits != 0)),
            b'f' => f32::from_bits((bits >> 32) as u32).into(),
            b'u' => (bits >> (64 - 8 * size)) as f64,
            _ => (bits as i64 >> (64 - 8 * size)) as f64,
        }
    };
    // In the order of C, the last index fastest; FORTRAN's has the first.
    let place = |mut k: usize| {
        let mut index = vec![0; sizes.len()];
        for (index, &size) in index.iter_mut().zip(&sizes).rev() {
            (*index, k) = (k % size, k / size);
        }
        index.iter().zip(&sizes).rev().fold(0, |place, (&index, &size)| place * size + index)
    };
    let count = sizes.iter().product();
    let values: Vec<f64> =
        (0..count).map(|k| number(if is_fortran { place(k) } else { k })).collect();
    values.iter().all(|x| x.is_finite()).then_some(values)
}

/// Loads a file, and says whether that worked.
fn check(format: &Format, bytes: &[u8], what: &str) -> bool {
    let mut loaded = None;
    let copy = bytes.to_vec();
    let memory = measure(|| loaded = Some((format.load)(copy)));
    let loaded = loaded.unwrap();
    let describe = || format!("{}, {what}: {loaded:?} from {bytes:?}", format.name);
    assert!((format.is_right)(bytes, &loaded), "{}", describe());
    let bound = 2 * bytes.len() as u64 + ROOM;
    assert!(memory.bytes_max <= bound, "{} bytes for {}", memory.bytes_max, describe());
    loaded.is_ok()
}

#[test]
fn mutated_files() {
    let formats = formats();
    let mut cases = 0;
    for format in &formats {
        assert!(check(format, &format.file, "untouched"));
        for length in 0..format.file.len() {
            check(format, &format.file[..length], "cut");
            cases += 1;
        }
        for at in 0..8 * format.file.len() {
            let mut file = format.file.clone();
            file[at / 8] ^= 1 << (at % 8);
            check(format, &file, "one bit");
            cases += 1;
        }
        for byte in 0..=255 {
            let file = [&format.file[..], &[byte]].concat();
            check(format, &file, "one byte more");
            cases += 1;
        }
    }
    // And several changes at once, some of which go on with what others have made; now and then the
    // rest of a file is made up, or all of it.
    let mut rng = seeded(20_261_101);
    let mut loaded = 0;
    while cases < count() {
        for format in &formats {
            let mut file = format.file.clone();
            if rng.random_ratio(1, 16) {
                file.truncate(rng.random_range(0..=file.len()));
                file.extend((0..rng.random_range(0..300)).map(|_| rng.random::<u8>()));
            } else {
                for _ in 0..rng.random_range(1..5) {
                    mutate(&mut file, &mut rng);
                }
            }
            loaded += usize::from(check(format, &file, "several changes"));
            cases += 1;
        }
    }
    // The changes are not so wild that they never get past a header.
    println!("{cases} cases, {loaded} of those with several changes loaded");
    assert!(loaded > cases / 1000, "{loaded}");
}

fn mutate(file: &mut Vec<u8>, rng: &mut impl RngExt) {
    if file.is_empty() {
        return file.push(rng.random());
    }
    let at = rng.random_range(0..file.len());
    match rng.random_range(0..6) {
        0 => file[at] = rng.random(),
        1 => file[at] ^= 1 << rng.random_range(0..8),
        2 => {
            file[at] =
                [0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n', b'9', b' '][rng.random_range(0..10)]
        }
        3 => {
            file.remove(at);
        }
        4 => file.insert(at, rng.random()),
        // A piece of the file over another place of it.
        _ => {
            let length = rng.random_range(1..=8.min(file.len()));
            let from = rng.random_range(0..=file.len() - length);
            let to = rng.random_range(0..=file.len() - length);
            file.copy_within(from..from + length, to);
        }
    }
}

/// Peak memory of a call, beyond what it was given.
fn peak(call: impl FnOnce()) -> u64 {
    measure(call).bytes_max
}

#[test]
fn memory_of_honest_files() {
    let folder = std::env::temp_dir().join(format!("autoencoder-memory-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let numbers = 1 << 19;
    let data = |start: &[u8]| {
        let numbers = (0..numbers).flat_map(|k| f64::from(k).to_le_bytes());
        start.iter().copied().chain(numbers).collect::<Vec<u8>>()
    };
    let header = |fortran| {
        let text = format!("{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': (8192, 64), }}");
        [b"\x93NUMPY\x01\x00\x76\x00", format!("{text:117}\n").as_bytes()].concat()
    };
    let idx = data(&[0, 0, 14, 2, 0, 0, 32, 0, 0, 0, 0, 64]);
    let rows = (0..8192).map(|row| (0..64).map(|k| format!("{}.5,", row * k)).collect::<String>());
    let csv = rows.map(|row| format!("{}\n", row.trim_end_matches(','))).collect::<String>();
    #[cfg(feature = "safetensors")]
    let tensor = {
        let text = r#"{"x":{"dtype":"F64","shape":[8192,64],"data_offsets":[0,4194304]}}      "#;
        data(&[&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat())
    };
    let files = [
        #[cfg(feature = "safetensors")]
        ("f8.safetensors", tensor),
        ("c.npy", data(&header("False"))),
        ("fortran.npy", data(&header("True"))),
        ("f8.idx", idx),
        ("t.csv", csv.into_bytes()),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, &bytes).unwrap();
        let open = || -> Box<dyn Source<Scalar = f64, Features = Dyn>> {
            match name {
                "f8.idx" => Box::new(Idx::open(&path).unwrap()),
                "t.csv" => Box::new(CsvOptions::new().header(false).open(&path).unwrap()),
                #[cfg(feature = "safetensors")]
                "f8.safetensors" => Box::new(Safetensors::open(&path).unwrap()),
                _ => Box::new(Npy::open(&path).unwrap()),
            }
        };
        let loading = peak(|| assert_eq!(open().load().unwrap().samples(), 8192));
        let largest = bytes.len().max(8 * 64 * 8192) as u64;
        assert!(loading <= 2 * largest + ROOM, "{name}: {loading} for {largest}");
        // From disk in memory that does not grow with the file.
        let streaming = peak(|| {
            let mut source = open();
            let mut batch = Batch::zeros(Dyn(64), 100);
            while source.read(batch.view_mut()).unwrap() > 0 {}
        });
        assert!(streaming <= ROOM / 2, "{name}: {streaming}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn memory_of_hostile_files() {
    // What these promise is many gigabytes, what they hold one or eight megabytes.
    let mut idx = vec![0, 0, 14, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff];
    idx.resize(1 << 20, 0);
    let mut npy = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': ".to_vec();
    npy.resize(1 << 20, b' ');
    for (name, text) in [
        ("commas", vec![b','; 8 << 20]),
        ("a quote", [b"a\n\"".to_vec(), vec![b'1'; 8 << 20]].concat()),
        ("digits", [b"a\n".to_vec(), vec![b'1'; 8 << 20]].concat()),
        ("line ends", vec![b'\n'; 8 << 20]),
        ("quotes", vec![b'"'; 8 << 20]),
    ] {
        let memory = peak(|| {
            let options = CsvOptions::new().header(false);
            assert!(options.from_bytes::<f64, Dyn>(text).is_err(), "{name}");
        });
        assert!(memory <= ROOM, "{name}: {memory}");
    }
    assert!(peak(|| assert!(Idx::<f64, Dyn>::from_bytes(idx).is_err())) <= ROOM);
    assert!(peak(|| assert!(Npy::<f64, Dyn>::from_bytes(npy).is_err())) <= ROOM);
}

/// Headers that promise much, and such as need much: a long one takes a few times its length, which is limited.
#[test]
#[cfg(feature = "safetensors")]
fn memory_of_hostile_headers() {
    let of_length = |length: u64, text: &str| {
        let mut file = length.to_le_bytes().to_vec();
        file.extend(text.as_bytes());
        file.resize(1 << 20, b' ');
        file
    };
    let terabytes =
        r#"{"x":{"dtype":"BF16","shape":[1099511627776,64],"data_offsets":[0,140737488355328]}}"#;
    for (what, file) in [
        ("a header beyond the file", of_length(16 << 20, "{")),
        ("the longest header", of_length(u64::MAX, "{")),
        ("a tensor beyond the file", of_length(terabytes.len() as u64, terabytes)),
    ] {
        let memory = peak(|| assert!(Safetensors::<f64, Dyn>::from_bytes(file).is_err()));
        assert!(memory <= 1 << 17, "{what}: {memory}");
    }
    let entry = r#""":{"dtype":"U8","shape":[0,0,0,0,0,0,0,0],"data_offsets":[0,0]},"#;
    let numbers = r#"{"x":{"dtype":"U8","data_offsets":[0,0],"shape":["#;
    for (what, text) in [
        ("tensors", format!("{{{}", entry.repeat(100_000))),
        ("named tensors", {
            let names = (0..40_000).map(|name| entry.replacen("\"\"", &format!("\"{name}\""), 1));
            let names = names.collect::<String>();
            format!("{{{}}}", names.trim_end_matches(','))
        }),
        ("dimensions", format!("{numbers}{}", "1,".repeat(1 << 20))),
        ("a name", format!("{{\"{}\":{{", "x".repeat(4 << 20))),
        ("texts", format!("{{\"__metadata__\":{{{}", r#""a":"","#.repeat(400_000))),
        ("brackets", "[".repeat(4 << 20)),
    ] {
        let mut file = (text.len() as u64).to_le_bytes().to_vec();
        file.extend(text.as_bytes());
        let length = file.len() as u64;
        let memory = peak(|| assert!(Safetensors::<f64, Dyn>::from_bytes(file).is_err()));
        assert!(memory <= 3 * length + ROOM, "{what}: {memory} of {length}");
    }
}

/// Any text with any options: no panic, and what was accepted once is read again, labels too.
#[test]
fn texts_with_any_options() {
    let mut rng = seeded(20_261_129);
    let parts = [
        "1", "2.5", "-3", "1.234", "1,5", "?", "NA", "x", "'", "\"", "\"\"", ",", ";", " ", "  ",
        "\t", "#", "# r", "\n", "\r", "\r\n", "\n\n", "\0", "é", "\u{feff}", "a", "b",
    ];
    let mut loaded = 0;
    for case in 0..40_000 {
        let length = rng.random_range(0..40);
        let mut text: String =
            (0..length).map(|_| parts[rng.random_range(0..parts.len())]).collect();
        // Some texts are nearly tables.
        if case % 2 == 0 {
            let rows = rng.random_range(1..5);
            text = (0..rows)
                .map(|row| format!("{row},{},?\r", parts[rng.random_range(0..9)]))
                .collect();
        }
        let mut one_of = |share: u32| rng.random_ratio(1, share);
        let mut options =
            CsvOptions::new().header(one_of(2)).trim(one_of(2)).skip_blank_lines(one_of(2));
        options = options.skip_lines(u64::from(one_of(4)));
        if one_of(3) {
            options = options.whitespace();
        } else if one_of(3) {
            options = options.delimiter(b';').unwrap();
        }
        if one_of(2) {
            options = options.decimal(b',').unwrap().thousands(b'.').unwrap();
        }
        if one_of(3) {
            options = options.quote(None).unwrap();
        } else if one_of(3) {
            options = options.quote(b'\'').unwrap();
        }
        if one_of(2) {
            options = options.comment(b'#').unwrap();
        }
        if one_of(3) {
            options = options.missing(Missing::DropRow).unwrap();
        } else if one_of(2) {
            options = options.missing(Missing::Value(7.0)).unwrap().missing_marks(["x", "1.234"]);
        }
        if one_of(2) {
            options = options.label(0);
        } else if one_of(4) {
            options = options.columns([1, 0, 1]);
        }
        let copy = text.clone();
        let mut opened = None;
        let memory = measure(|| opened = Some(options.from_bytes::<f64, Dyn>(copy)));
        assert!(memory.bytes_max <= ROOM, "{} for {text:?}", memory.bytes_max);
        let Ok(mut table) = opened.unwrap() else { continue };
        loaded += 1;
        let batch = table.load().unwrap();
        assert_eq!(batch.samples(), table.samples());
        assert!(batch.as_slice().iter().all(|x| x.is_finite()), "{text:?}");
        let labels = table.labels().unwrap();
        assert!(labels.is_empty() || labels.len() == table.samples(), "{text:?}");
        assert_eq!(table.load().unwrap(), batch, "{text:?}");
    }
    assert!(loaded > 1000, "{loaded}");
}

/// Says it has more than any memory holds, and has two.
#[derive(Debug)]
struct Boaster(usize);
impl Source for Boaster {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        Dyn(2)
    }
    fn samples(&self) -> usize {
        usize::MAX / 64
    }
    fn rewind(&mut self) -> Result<()> {
        self.0 = 0;
        Ok(())
    }
    fn read(&mut self, to: BatchViewMut<'_, f64>) -> Result<usize> {
        let count = to.samples().min(2 - self.0);
        self.0 += count;
        Ok(count)
    }
}

#[test]
fn a_count_is_not_believed() {
    let (place, unit, expected) = ("Source::load", "samples", usize::MAX / 64);
    let error = Error::SizeMismatch { place, unit, expected, found: 2 };
    assert!(peak(|| assert_eq!(Boaster(0).load(), Err(error))) <= ROOM);
}

/// Cells with quotes, line ends and delimiters, as the crate that everyone uses writes them.
#[test]
fn labels_as_another_writer_writes_them() {
    let mut rng = seeded(7);
    for round in 0..300 {
        let delimiter = [b',', b';', b'\t', b'|'][round % 4];
        let line_end =
            if round % 3 == 0 { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(line_end)
            .quote_style([csv::QuoteStyle::Necessary, csv::QuoteStyle::Always][round % 2])
            .from_writer(Vec::new());
        let mut text = || -> String {
            let length = rng.random_range(0..6);
            let parts = ["a", "\"", "\n", "\r\n", ",", ";", "\t", "|", " ", "é", "\"\""];
            (0..length).map(|_| parts[rng.random_range(0..parts.len())]).collect()
        };
        let names = [text(), text()];
        writer.write_record(&names).unwrap();
        let labels: Vec<String> = (0..5).map(|_| text()).collect();
        for (k, label) in labels.iter().enumerate() {
            writer.write_record([label, &format!("{k}.5")]).unwrap();
        }
        let written = writer.into_inner().unwrap();
        // A header may have a name that is empty, which would be taken for a missing value.
        let options = CsvOptions::new().header(true).delimiter(delimiter).unwrap().label(0);
        let mut table: Csv<f64, Dyn> = options.from_bytes(written.clone()).unwrap();
        let case = String::from_utf8_lossy(&written);
        assert_eq!(table.labels().unwrap(), labels, "{case:?}");
        assert_eq!(table.load().unwrap().into_vec(), [0.5, 1.5, 2.5, 3.5, 4.5], "{case:?}");
        if names[0] != names[1] {
            let by_name =
                CsvOptions::new().delimiter(delimiter).unwrap().columns([names[1].as_str()]);
            assert_eq!(by_name.from_bytes::<f64, Dyn>(written).unwrap().samples(), 5);
        }
    }
}
