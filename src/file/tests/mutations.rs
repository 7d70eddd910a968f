//! Seeded mutations of model files. Whatever is accepted must be what its content is written as.
//!
//! The suite tries 100,000 inputs; ten million take about two minutes:
//! ```sh
//! AUTOENCODER_MUTATIONS=10000000 cargo test --release --features safetensors --lib mutations
//! ```

use rand::{Rng, RngExt};

use super::*;
use crate::file::header::{DIGITS, PREFIX};
use crate::file::tensors::fuzz_model;
use crate::random::seeded;

const SEED: u64 = 0x5afe;

/// Pieces of headers, so that mutations speak the language.
const PIECES: [&str; 38] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "\n",
    "0",
    "1",
    "4",
    "8",
    "-1",
    "1e3",
    "1.5",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "null",
    "true",
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"F32\"",
    "\"F64\"",
    "\"U8\"",
    "\"U64\"",
    "\"BF16\"",
    "\"__metadata__\"",
    "\"digest\"",
    "\"version\"",
    "sha256:",
    "\\u0000",
    "é",
    "\"w\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
    "\"\":\"\",",
];

fn count() -> u64 {
    let given = std::env::var("AUTOENCODER_MUTATIONS").ok();
    given.map_or(100_000, |count| count.parse().expect("AUTOENCODER_MUTATIONS is a number"))
}

/// Small files of different kinds to begin with.
fn seeds() -> Vec<Vec<u8>> {
    let none = BTreeMap::new();
    let one = [Tensor::new("w", &[2], &[1.0_f32, 2.0])];
    let two = [Tensor::new("a", &[1], &[1_u8]), Tensor::new("b", &[1, 1], &[2_u64])];
    vec![sample(), bytes_of(&none, &[]), bytes_of(&none, &one), bytes_of(&metadata(), &two)]
}

/// Changes a few bytes or pieces within a part of the file.
fn mutate(part: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..=part.len());
        let end = (at + rng.random_range(0..12)).min(part.len());
        match rng.random_range(0..6) {
            0 if at < part.len() => part[at] ^= 1 << rng.random_range(0..8),
            1 if at < part.len() => part[at] = rng.random(),
            2 => drop(part.drain(at..end)),
            3 => {
                let copy = part[at..end].to_vec();
                let to = rng.random_range(0..=part.len());
                part.splice(to..to, copy);
            }
            4 => {
                // Digits are where the arithmetic is.
                let digits: Vec<_> =
                    (0..part.len()).filter(|&k| part[k].is_ascii_digit()).collect();
                if let Some(&at) = digits.get(rng.random_range(0..digits.len().max(1))) {
                    part[at] = b'0' + rng.random_range(0..10);
                }
            }
            _ => {
                let piece = PIECES[rng.random_range(0..PIECES.len())].bytes();
                part.splice(at..if rng.random() { at } else { end }, piece);
            }
        }
    }
}

/// Numbers at which arithmetic goes wrong.
const NUMBERS: [&str; 10] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "8",
    "16",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
];
const TYPES: [&str; 6] = ["\"F32\"", "\"F64\"", "\"U8\"", "\"U64\"", "\"I64\"", "\"F16\""];

/// Changes what a header says, so that it stays a header.
fn lie(header: &mut String, rng: &mut impl Rng) {
    let rest = PREFIX.len() + DIGITS;
    let found = |pieces: &[&str]| -> Vec<(usize, usize)> {
        let of = |piece: &&str| {
            header[rest..].match_indices(*piece).map(|(k, t)| (k, t.len())).collect::<Vec<_>>()
        };
        pieces.iter().flat_map(of).map(|(at, length)| (rest + at, rest + at + length)).collect()
    };
    let types = found(&TYPES);
    let digits = found(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    // An entry lies between the ends of two: `,"name":{"dtype":…,"shape":…,"data_offsets":[…]}`.
    let ends: Vec<_> = found(&["}"]).into_iter().map(|(_, end)| end).collect();
    let mut any = |count: usize| rng.random_range(0..count.max(1));
    let entry = any(ends.len().saturating_sub(2));
    match any(6) {
        0 | 1 if !digits.is_empty() => {
            let (start, end) = digits[any(digits.len())];
            header.replace_range(start..end, NUMBERS[any(NUMBERS.len())]);
        }
        2 if !types.is_empty() => {
            let (start, end) = types[any(types.len())];
            header.replace_range(start..end, TYPES[any(TYPES.len())]);
        }
        3 if ends.len() > 2 => {
            let copy = header[ends[entry]..ends[entry + 1]].to_owned();
            header.insert_str(ends[any(ends.len() - 1)], &copy);
        }
        4 if ends.len() > 2 => header.replace_range(ends[entry]..ends[entry + 1], ""),
        _ => header
            .insert_str(rest + 1, [r#","kind":"x""#, r#","version":"2""#, r#","":"""#][any(3)]),
    }
}

/// One input: of random bytes, of random pieces, or a file with its header or data changed.
fn input(seeds: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
    let seed = &seeds[rng.random_range(0..seeds.len())];
    let length = u64::from_le_bytes(seed[..8].try_into().unwrap()) as usize;
    let (mut header, mut data) = (seed[8..8 + length].to_vec(), seed[8 + length..].to_vec());
    match rng.random_range(0..20) {
        0 => return (0..rng.random_range(0..300)).map(|_| rng.random()).collect(),
        1 => {
            let pieces =
                (0..rng.random_range(0..40)).map(|_| PIECES[rng.random_range(0..PIECES.len())]);
            header = pieces.collect::<String>().into_bytes();
        }
        2 => {
            let mut bytes = seed.clone();
            mutate(&mut bytes, rng);
            return bytes;
        }
        3..6 => mutate(&mut data, rng),
        6..8 => {
            mutate(&mut header, rng);
            mutate(&mut data, rng);
        }
        // The digest is left in its place, so that it can be made right.
        8..11 => {
            let mut rest = header.split_off(PREFIX.len() + DIGITS);
            mutate(&mut rest, rng);
            header.extend(rest);
        }
        11..19 => {
            let mut text = String::from_utf8(header).unwrap();
            (0..rng.random_range(1..3)).for_each(|_| lie(&mut text, rng));
            header = text.into_bytes();
        }
        _ => mutate(&mut header, rng),
    }
    if rng.random_ratio(7, 8) {
        let text = header.trim_ascii_end().len();
        header.truncate(text);
        header.resize(text.next_multiple_of(8), b' ');
    }
    let length = header.len() as u64;
    [&length.to_le_bytes()[..], &header, &data].concat()
}

#[test]
fn nothing_wrong_is_accepted() {
    let (seeds, mut rng) = (seeds(), seeded(SEED));
    let mut accepted = 0;
    let mut refused = BTreeMap::new();
    for case in 0..count() {
        let mut bytes = input(&seeds, &mut rng);
        let redigested = rng.random_ratio(4, 5);
        match fuzz_model(&mut bytes, redigested) {
            Some(again) => {
                assert_eq!(again, bytes, "case {case}");
                safetensors::SafeTensors::deserialize(&bytes).unwrap();
                accepted += 1;
            }
            None => {
                let problem = format!("{:?}", problem(&bytes));
                let kind = problem.split([' ', '{']).next().unwrap_or_default().to_owned();
                *refused.entry(kind).or_insert(0_u64) += 1;
            }
        }
    }
    println!("{accepted} accepted, refused: {refused:?}");
    assert!(accepted > count() / 50, "mutations do not reach the end");
    // All checks of the reader are reached.
    assert!(refused.len() >= 15, "{refused:?}");
}

/// Files that another program made, and whatever fuzzing has found; the package comes without them.
#[test]
fn the_fuzzer_s_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/model");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("SKIPPED: there is no {}", folder.display());
        return;
    };
    let mut accepted = 0;
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for redigested in [false, true] {
            let mut input = bytes.clone();
            if let Some(again) = fuzz_model(&mut input, redigested) {
                assert_eq!(again, input);
                accepted += 1;
            }
        }
    }
    // `empty`, `one` and `four`, whose digests Python's hashlib made, each in both ways.
    assert!(accepted >= 6, "{accepted}");
}
