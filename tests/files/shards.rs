//! Sources of several files, and shuffled ones: in a training, too.

use std::fs;
use std::path::{Path, PathBuf};

use autoencoder::data::*;
use autoencoder::*;
use common::{Folder, fixture};
use nalgebra::{Const, Dyn};

/// An NPY file of these samples in half precision, each with its number times a power of two and with 1.
pub fn npy(samples: std::ops::Range<usize>) -> Vec<u8> {
    let shape = format!("({}, 2)", samples.len());
    let header = format!("{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    for sample in samples {
        // Below 1024, the fraction of what has no first bit: sample · 2⁻²⁴.
        file.extend((sample as u16).to_le_bytes());
        file.extend(0x3c00_u16.to_le_bytes());
    }
    file
}

/// What these samples are.
fn values(samples: std::ops::Range<usize>) -> Vec<f32> {
    samples.flat_map(|sample| [sample as f32 / 16_777_216.0, 1.0]).collect()
}

type Files = Shards<Npy<f32, Const<2>>>;

/// Files of so many samples each, whose order by their numbers is not that of their letters.
fn folder(counts: &[usize]) -> (Folder, usize) {
    let folder = Folder::new("shards");
    let mut first = 0;
    for (number, count) in counts.iter().enumerate() {
        let path = folder.join(format!("acts_{}.npy", 8 + number));
        fs::write(path, npy(first..first + count)).unwrap();
        first += count;
    }
    (folder, first)
}

fn open(folder: &Folder) -> Result<Files> {
    Shards::folder(folder.path(), "npy", |path| Npy::open(path))
}

#[test]
fn files_come_one_after_the_other_in_their_natural_order() {
    let (folder, samples) = folder(&[3, 1, 5, 2]);
    for other in ["notes.txt", ".hidden.npy", "acts_1.npyx"] {
        fs::write(folder.join(other), "").unwrap();
    }
    fs::create_dir(folder.join("folder.npy")).unwrap();
    let mut shards = open(&folder).unwrap();
    let names = ["acts_8.npy", "acts_9.npy", "acts_10.npy", "acts_11.npy"];
    let expected: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    assert_eq!(shards.files().collect::<Vec<_>>(), expected);
    assert_eq!((shards.samples(), samples), (11, 11));
    let all = values(0..11);
    assert_eq!(shards.load().unwrap().as_slice(), all);
    // Whatever is skipped and read, over the ends of files too.
    for skipped in 0..=11 {
        for again in 0..=11 - skipped {
            shards.rewind().unwrap();
            shards.skip(skipped).unwrap();
            shards.skip(again).unwrap();
            let mut next = Batch::zeros(Const::<2>, 4);
            let count = shards.read(next.view_mut()).unwrap();
            let from = skipped + again;
            assert_eq!(count, 4.min(11 - from));
            assert_eq!(&next.as_slice()[..2 * count], &all[2 * from..2 * (from + count)]);
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused_with_its_file() {
    let (folder, _) = folder(&[3, 2]);
    let mismatch = |name: &str, unit, expected, found| Error::FileMismatch {
        path: folder.join(name),
        place: Place::File,
        unit,
        expected,
        found,
    };
    let wide = fixture("f8-little.npy");
    let open_all = |path: &Path| Npy::<f32, Dyn>::open(path);
    let refused = Shards::open([&folder.join("acts_8.npy"), &wide], open_all).unwrap_err();
    let (place, unit) = (Place::File, "features, as in the first file");
    let expected = Error::FileMismatch { path: wide.clone(), place, unit, expected: 2, found: 4 };
    assert_eq!(refused, expected);
    // What the file itself is refused for.
    let absent = Shards::open([folder.join("absent")], open_all).unwrap_err();
    assert!(
        matches!(&absent, Error::File { path, .. } if *path == folder.join("absent")),
        "{absent}"
    );
    assert_eq!(
        Shards::open([] as [&Path; 0], open_all).unwrap_err(),
        Error::NoSamples { call: "Shards::open" }
    );
    let none = Shards::folder(folder.path(), "csv", open_all).unwrap_err();
    let found = Found::Thing("no file whose name has this ending");
    let (path, place, expected) = (folder.path().to_owned(), Place::File, "at least one shard");
    assert_eq!(none, Error::Malformed { path, place, found, expected });
    let missing = Shards::folder(folder.join("none"), "npy", open_all).unwrap_err();
    assert!(matches!(missing, Error::File { action: "list", .. }), "{missing}");

    // A file that has changed since it was counted, and a number that is none: until it is rewound.
    let mut shards = open(&folder).unwrap();
    let mut two = Batch::zeros(Const::<2>, 2);
    fs::write(folder.join("acts_9.npy"), npy(3..6)).unwrap();
    assert_eq!(shards.read(two.view_mut()), Ok(2));
    let changed = mismatch("acts_9.npy", "samples, as when it was first opened", 2, 3);
    assert_eq!(shards.read(two.view_mut()), Err(changed.clone()));
    assert_eq!(
        (shards.read(two.view_mut()), shards.skip(1)),
        (Err(changed.clone()), Err(changed.clone()))
    );
    shards.rewind().unwrap();
    assert_eq!(shards.skip(4), Err(changed));
    let mut nan = npy(3..5);
    let end = nan.len();
    nan[end - 2..].copy_from_slice(&0x7e00_u16.to_le_bytes());
    fs::write(folder.join("acts_9.npy"), nan).unwrap();
    let refused = shards.load().unwrap_err();
    let Error::Malformed { path, place, .. } = refused else { panic!("{refused}") };
    assert_eq!((path, place), (folder.join("acts_9.npy"), Place::Value { sample: 1, feature: 1 }));
    fs::write(folder.join("acts_9.npy"), npy(3..5)).unwrap();
    assert_eq!(shards.load().unwrap().as_slice(), values(0..5));
}

#[test]
#[cfg(feature = "table")]
fn tables_that_mean_other_things_are_refused() {
    let folder = Folder::new("shards-of-tables");
    fs::write(folder.join("1.csv"), "colour,x\nred,1\nblue,2\n").unwrap();
    fs::write(folder.join("2.csv"), "colour,x\ngreen,1\nblack,2\n").unwrap();
    let own = |path: &Path| Schema::infer(path)?.open::<f64>(path);
    let refused = Shards::folder(folder.path(), "csv", own).unwrap_err();
    let Error::Malformed { path, expected, .. } = refused else { panic!("{refused}") };
    assert_eq!(path, folder.join("2.csv"));
    assert!(expected.contains("`Schema::open`"), "{expected}");
    fs::write(folder.join("2.csv"), "colour,x\nblue,1\nred,2\n").unwrap();
    let schema = Schema::infer(folder.join("1.csv")).unwrap();
    let shards =
        Shards::folder(folder.path(), "csv", move |path| schema.open::<f64>(path)).unwrap();
    assert!(shards.schema().is_some() && shards.samples() == 4);
}

#[test]
fn shuffled_sources_stay_in_step() {
    let (folder, samples) = folder(&[40, 60]);
    let numbers = |source: &mut dyn Source<Scalar = f32, Features = Const<2>>| -> Vec<f32> {
        let batch = source.load().unwrap();
        batch.iter().map(|sample| sample[0] * 16_777_216.0).collect()
    };
    let mut shuffled = Shuffled::new(open(&folder).unwrap(), 16, 9).unwrap();
    let order = numbers(&mut shuffled);
    let classes: Batch<f32, Const<1>> = (0..samples).map(|sample| [sample as f32]).collect();
    let mut classes = Shuffled::new(InMemory::from(classes), 16, 9).unwrap();
    assert_eq!(classes.load().unwrap().into_vec(), order);
    for (capacity, seed) in [(16, 10), (17, 9)] {
        let mut other = Shuffled::new(open(&folder).unwrap(), capacity, seed).unwrap();
        assert_ne!(numbers(&mut other), order);
    }
    // What the files refuse, it refuses until it is rewound.
    fs::write(folder.join("acts_9.npy"), npy(40..99)).unwrap();
    let mut all = Batch::zeros(Const::<2>, 100);
    shuffled.rewind().unwrap();
    let refused = shuffled.read(all.view_mut()).unwrap_err();
    assert!(matches!(refused, Error::FileMismatch { expected: 60, found: 59, .. }), "{refused}");
    assert_eq!(shuffled.read(all.view_mut()), Err(refused));
    fs::write(folder.join("acts_9.npy"), npy(40..100)).unwrap();
    assert_eq!(numbers(&mut shuffled), order);

    let none = Shuffled::new(open(&folder).unwrap(), 0, 1).unwrap_err();
    assert!(matches!(none, Error::InvalidParameter { name: "capacity of Shuffled", .. }), "{none}");
}

/// Stopped in the middle of an epoch, between two shards and within one, and in each block of the stream.
#[test]
#[cfg(feature = "safetensors")]
fn a_training_on_shards_is_resumed_with_the_same_bits() {
    use autoencoder::activation::{Identity, Tanh};
    use autoencoder::train::{Checkpoints, Control, Event};

    const EPOCHS: usize = 3;
    const BATCH: usize = 8;
    let (folder, samples) = folder(&[30, 7, 50, 13]);
    let model = || {
        AutoEncoder::builder()
            .encoder(Dense::<2, 1>::new(Tanh))
            .decoder(Dense::<1, 2>::new(Identity))
            .regularizer(Denoising::new(corruption::Masking::new(0.2).unwrap()))
            .build::<f32>()
            .unwrap()
    };
    // Blocks of 24 samples of 100.
    let trainer = || {
        Trainer::new(Adam::new(0.01).unwrap()).epochs(EPOCHS).batch_size(BATCH).shuffle_buffer(24)
    };
    type Stream = Box<dyn Source<Scalar = f32, Features = Const<2>>>;
    let plain = || -> Stream { Box::new(open(&folder).unwrap()) };
    let shuffled = || -> Stream { Box::new(Shuffled::new(open(&folder).unwrap(), 40, 3).unwrap()) };
    let ways: [&dyn Fn() -> Stream; 2] = [&plain, &shuffled];
    let bits =
        |model: &dyn Fn() -> Vec<f32>| model().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let mut outcomes = Vec::new();
    for stream in ways {
        let mut at_once = model();
        trainer().fit(&mut at_once, &mut stream()).unwrap();
        let expected = bits(&|| at_once.parameters().to_vec());
        let batches = samples.div_ceil(BATCH);
        for stop in 1..EPOCHS * batches {
            let file = folder.join(format!("run-{}-{stop}.safetensors", outcomes.len()));
            let checkpoints = Checkpoints::new(&file).every_epochs(1000);
            let mut steps = 0;
            let observer = |event: &Event<'_>| {
                steps += usize::from(matches!(event, Event::Batch(_)));
                if steps == stop { Control::Stop } else { Control::Continue }
            };
            let mut stopped = model();
            let mut ended = trainer().checkpoints(checkpoints.clone()).observer(observer);
            ended.fit(&mut stopped, &mut stream()).unwrap();
            drop(ended);
            assert_ne!(bits(&|| stopped.parameters().to_vec()), expected);
            let mut resumed = model();
            let mut goes_on = trainer().checkpoints(checkpoints.resume(true));
            goes_on.fit(&mut resumed, &mut stream()).unwrap();
            assert_eq!(bits(&|| resumed.parameters().to_vec()), expected, "stopped after {stop}");
        }
        outcomes.push(expected);
    }
    assert_ne!(outcomes[0], outcomes[1]);
}
