//! Folders of pictures. The files and what Pillow reads of them are made by `tests/fixtures/images/make.py`.

use std::fs;
use std::path::{Path, PathBuf};

use allocation_counter::measure;
use autoencoder::activation::{Relu, Sigmoid};
use autoencoder::data::*;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::size::{DynImage, Image};
use autoencoder::*;
use common::{Folder, fixture};
use nalgebra::Dyn;

type Pictures = ImageFolder<f64, DynImage>;

fn picture(name: &str) -> Vec<u8> {
    fs::read(fixture("images").join(name)).unwrap()
}

/// What Pillow reads: one sample of planes.
fn read_by_pillow(name: &str) -> Vec<f64> {
    let file = fixture("images").join(format!("{name}.npy"));
    let values: Batch<f64, Dyn> = Npy::open(file).unwrap().load().unwrap();
    values.into_vec()
}

/// A folder with these files.
fn folder(files: &[(&str, Vec<u8>)]) -> Folder {
    let folder = Folder::new("images");
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A folder with one file of this name.
fn with(name: &str, bytes: Vec<u8>) -> (Folder, PathBuf) {
    let folder = folder(&[(name, bytes)]);
    let path = folder.join(name);
    (folder, path)
}

fn malformed(path: &Path, place: Place, found: &'static str, expected: &'static str) -> Error {
    Error::Malformed { path: path.to_owned(), place, found: Found::Thing(found), expected }
}

fn differ(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).fold(0.0, |most, (x, y)| f64::max(most, (x - y).abs()))
}

fn load(options: &ImageOptions, name: &str) -> Result<Batch<f64, DynImage>> {
    let (folder, _) = with(name, picture(name));
    options.open(folder.path())?.load()
}

/// Three pictures as plain features, for the laws of all sources.
#[derive(Debug)]
pub struct ThreePictures {
    source: Pictures,
    folder: PathBuf,
}

impl ThreePictures {
    pub fn new() -> (Self, Vec<f64>) {
        let files = ["grey.png", "grey_16.png", "one_bit.png"];
        let values = files.iter().flat_map(|name| read_by_pillow(name)).collect();
        let folder = folder(&files.map(|name| (name, picture(name))));
        let source = ImageFolder::open(folder.path()).unwrap();
        // Removed when this is dropped, not before.
        let path = folder.path().to_owned();
        std::mem::forget(folder);
        (Self { source, folder: path }, values)
    }
}

impl Drop for ThreePictures {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Source for ThreePictures {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        Dyn(self.source.size().height * self.source.size().width)
    }
    fn samples(&self) -> usize {
        self.source.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.source.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, f64>) -> Result<usize> {
        self.source.read(to)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.source.skip(samples)
    }
}

#[test]
fn values_are_those_that_pillow_reads() {
    let over_grey = ImageOptions::new().background(0.25).unwrap();
    let plain = ImageOptions::new();
    // A decoder of JPEG may round each of its steps otherwise.
    let (exact, of_jpeg) = (1e-15, 2.0 / 255.0 + 1e-12);
    for (name, options, channels, tolerance) in [
        ("grey.png", &plain, 1, exact),
        ("grey_16.png", &plain, 1, exact),
        ("one_bit.png", &plain, 1, exact),
        ("colour.png", &plain, 3, exact),
        ("colour_16.png", &plain, 3, exact),
        ("palette.png", &plain, 3, exact),
        ("opaque.png", &plain, 3, exact),
        ("transparent.png", &over_grey, 3, exact),
        ("grey_transparent.png", &over_grey, 1, exact),
        ("grey.jpg", &plain, 1, of_jpeg),
        ("colour.jpg", &plain, 3, of_jpeg),
        ("progressive.jpg", &plain, 3, of_jpeg),
        ("subsampled.jpg", &plain, 3, 2.0 * of_jpeg),
    ] {
        let batch = load(options, name).unwrap();
        let (height, width) = if name == "subsampled.jpg" { (17, 20) } else { (5, 4) };
        assert_eq!(batch.size(), DynImage { channels, height, width }, "{name}");
        let differ = differ(batch.as_slice(), &read_by_pillow(name));
        assert!(differ <= tolerance, "{name}: {}", differ * 255.0);
    }
}

#[test]
fn single_precision_is_the_nearest() {
    let (folder, _) = with("a.png", picture("colour_16.png"));
    let batch: Batch<f32, Image<3, 5, 4>> =
        ImageFolder::open(folder.path()).unwrap().load().unwrap();
    let expected = read_by_pillow("colour_16.png");
    assert!(batch.as_slice().iter().zip(expected).all(|(&x, y)| x == y as f32));
}

#[test]
fn grey_of_colour_and_colour_of_grey() {
    // Pillow rounds to whole bytes.
    let grey = load(&ImageOptions::new().grey(), "colour.png").unwrap();
    assert_eq!(grey.size(), DynImage { channels: 1, height: 5, width: 4 });
    let expected = read_by_pillow("colour_as_grey");
    assert!(differ(grey.as_slice(), &expected) <= 0.51 / 255.0);
    // Red, green and blue of the second row and column are 50, 80 and 205.
    let by_hand = (0.299 * 50.0 + 0.587 * 80.0 + 0.114 * 205.0) / 255.0;
    assert!((grey.sample(0)[5] - by_hand).abs() < 1e-15);

    let colour = load(&ImageOptions::new().grey().colour(), "grey.png").unwrap();
    assert_eq!(colour.as_slice(), read_by_pillow("grey.png").repeat(3));
    let (folder, path) = with("grey.png", picture("grey.png"));
    // The type asks for it as well.
    let typed: Batch<f64, Image<3, 5, 4>> =
        ImageFolder::open(folder.path()).unwrap().load().unwrap();
    assert_eq!(typed.as_slice(), colour.as_slice());

    fs::write(&path, picture("colour.png")).unwrap();
    let expected = "a grey one; `ImageOptions::grey` makes grey of colour";
    let error = ImageFolder::<f64, Image<1, 5, 4>>::open(folder.path()).unwrap_err();
    assert_eq!(error, malformed(&path, Place::File, "a picture in colour", expected));
    // Equal channels are exactly their grey.
    let rgb = Batch::new(Image::<3, 1, 2>, [0.2, 0.4].repeat(3)).unwrap();
    save_images(&rgb, [&path]).unwrap();
    let grey: Batch<f64, Image<1, 1, 2>> =
        ImageOptions::new().grey().open(folder.path()).unwrap().load().unwrap();
    assert_eq!(grey.as_slice(), [51.0 / 255.0, 102.0 / 255.0]);
}

#[test]
fn a_folder_is_of_one_kind_like_its_first_file() {
    let grey_first = folder(&[("a.png", picture("grey.png")), ("b.png", picture("colour.png"))]);
    let error = Pictures::open(grey_first.path()).unwrap_err();
    let expected = "a grey one; `ImageOptions::grey` makes grey of colour";
    let path = grey_first.join("b.png");
    assert_eq!(error, malformed(&path, Place::File, "a picture in colour", expected));

    let colour_first = folder(&[("a.png", picture("colour.png")), ("b.png", picture("grey.png"))]);
    let error = Pictures::open(colour_first.path()).unwrap_err();
    let expected = "one in colour like the first of the folder; `ImageOptions::colour` makes three equal channels of grey";
    let path = colour_first.join("b.png");
    assert_eq!(error, malformed(&path, Place::File, "a grey picture", expected));
    for (options, channels) in [(ImageOptions::new().colour(), 3), (ImageOptions::new().grey(), 1)]
    {
        for folder in [&grey_first, &colour_first] {
            let pictures: Pictures = options.open(folder.path()).unwrap();
            assert_eq!((pictures.size().channels, pictures.samples()), (channels, 2));
        }
    }
}

#[test]
fn other_sizes_are_resized_if_asked() {
    for (height, width) in [(2, 3), (9, 7), (3, 8)] {
        let options = ImageOptions::new().resize(height, width).unwrap();
        let batch = load(&options, "colour.png").unwrap();
        assert_eq!(batch.size(), DynImage { channels: 3, height, width });
        // Pillow computes in single precision.
        let expected = read_by_pillow(&format!("colour_{height}x{width}"));
        assert!(differ(batch.as_slice(), &expected) < 1e-6, "{height}×{width}");
    }
    let one = Batch::new(Image::<1, 2, 3>, vec![0.0; 6]).unwrap();
    let folder = folder(&[("a.png", picture("grey.png"))]);
    let path = folder.join("b.png");
    save_images(&one, [&path]).unwrap();
    let error = Pictures::open(folder.path()).unwrap_err();
    assert_eq!(error, Error::ImageSize { path, expected: (5, 4), found: (2, 3) });
    let said = error.to_string();
    let what = "b.png: the picture has 2 rows and 3 columns, and 5 rows and 4 columns are needed: leave it out, or take \
                `ImageOptions::resize(5, 4)`, which brings all pictures to that size";
    assert!(said.ends_with(what), "{said}");
    let error = ImageFolder::<f32, Image<1, 2, 3>>::open(folder.path()).unwrap_err();
    let path = folder.join("a.png");
    assert_eq!(error, Error::ImageSize { path, expected: (2, 3), found: (5, 4) });
    let options = ImageOptions::new().resize(4, 4).unwrap();
    let both: Batch<f32, Image<1, 4, 4>> = options.open(folder.path()).unwrap().load().unwrap();
    assert_eq!(both.samples(), 2);
}

#[test]
fn what_is_seen_through_pictures_is_said() {
    let (folder, path) = with("transparent.png", picture("transparent.png"));
    let mut pictures = Pictures::open(folder.path()).unwrap();
    let expected = "opaque ones; `ImageOptions::background` says what is seen through the others";
    let error = malformed(&path, Place::File, "transparent pixels", expected);
    assert_eq!(pictures.load(), Err(error.clone()));
    // Until it is rewound.
    fs::write(&path, picture("opaque.png")).unwrap();
    assert_eq!(pictures.read(Batch::zeros(pictures.size(), 1).view_mut()), Err(error));
    assert_eq!(pictures.load().unwrap().into_vec(), read_by_pillow("opaque.png"));
    let over = |grey| load(&ImageOptions::new().background(grey).unwrap(), "transparent.png");
    let (black, white) = (over(0.0).unwrap(), over(1.0).unwrap());
    // The first pixel cannot be seen, the last one is opaque.
    assert_eq!((black.sample(0)[0], white.sample(0)[0]), (0.0, 1.0));
    assert_eq!(black.sample(0)[19], white.sample(0)[19]);
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let (grey, jpeg) = (picture("grey.png"), picture("grey.jpg"));
    let folder = folder(&[
        ("dogs/2.PNG", grey.clone()),
        ("dogs/10.png", grey.clone()),
        ("cats/x.JPEG", jpeg.clone()),
        ("Zebras/a.jpg", jpeg),
        ("Zebras/.hidden.txt", Vec::new()),
        (".git/HEAD", Vec::new()),
        ("Thumbs.db", Vec::new()),
    ]);
    let mut pictures = Pictures::open(folder.path()).unwrap();
    assert_eq!(pictures.classes(), ["Zebras", "cats", "dogs"]);
    assert_eq!(pictures.labels(), [0, 1, 2, 2]);
    let files = ["Zebras/a.jpg", "cats/x.JPEG", "dogs/10.png", "dogs/2.PNG"];
    assert_eq!(pictures.files(), files.map(|name| folder.join(name)));
    assert!(pictures.skipped().is_empty());
    let batch = pictures.load().unwrap();
    assert_eq!(batch.sample(2), read_by_pillow("grey.png"));

    // Labels go beside the samples of a classifier.
    let mut classifier = AutoEncoder::builder()
        .encoder(Dense::dynamic(20, 4, Relu))
        .head(Dense::dynamic(4, 3, activation::Identity))
        .loss(CrossEntropy)
        .build::<f64>()
        .unwrap();
    let labels = pictures.labels().to_vec();
    Trainer::new(Adam::new(1e-3).unwrap())
        .epochs(1)
        .fit(&mut classifier, (&batch, &labels))
        .unwrap();
}

/// A folder that lacks a class numbers the others as one that has all.
#[test]
fn classes_have_the_numbers_that_are_given() {
    let grey = || picture("grey.png");
    let train = folder(&[("a/1.png", grey()), ("b/1.png", grey()), ("c/1.png", grey())]);
    let test = folder(&[("c/1.png", grey()), ("b/2.png", grey()), ("b/1.png", grey())]);
    let train = Pictures::open(train.path()).unwrap();
    assert_eq!(
        (train.classes(), train.labels()),
        (&["a", "b", "c"].map(String::from)[..], &[0, 1, 2][..])
    );
    assert_eq!(Pictures::open(test.path()).unwrap().labels(), [0, 0, 1]);
    let options = ImageOptions::new().classes(train.classes()).unwrap();
    let pictures: Pictures = options.open(test.path()).unwrap();
    assert_eq!((pictures.classes(), pictures.labels()), (train.classes(), &[1, 1, 2][..]));
    // An empty folder of a class is as good as none, where the class is known without it; pictures there must be.
    fs::create_dir(test.join("a")).unwrap();
    let emptied: Pictures = options.open(test.path()).unwrap();
    assert_eq!((emptied.classes(), emptied.labels()), (train.classes(), pictures.labels()));
    let pictures = "at least one PNG or JPEG file";
    let error = malformed(&test.join("a"), Place::File, "a class without pictures", pictures);
    assert_eq!(Pictures::open(test.path()).unwrap_err(), error);
    let alone = Folder::new("of no picture");
    fs::create_dir(alone.join("a")).unwrap();
    let error = malformed(alone.path(), Place::File, "a folder without pictures", pictures);
    assert_eq!(options.open::<f64, DynImage>(alone.path()).unwrap_err(), error);
    fs::remove_dir(test.join("a")).unwrap();
    // In the order that is said, and so do the samples come.
    let turned: Pictures =
        ImageOptions::new().classes(["c", "b"]).unwrap().open(test.path()).unwrap();
    assert_eq!(turned.labels(), [0, 1, 1]);
    assert_eq!(turned.files(), ["c/1.png", "b/1.png", "b/2.png"].map(|name| test.join(name)));

    // What is of no such class is refused, by its name and whatever is left out.
    let two = ImageOptions::new().classes(["a", "b"]).unwrap().skip_other_files();
    let error = two.open::<f64, DynImage>(test.path()).unwrap_err();
    let expected = "only folders of the classes that `ImageOptions::classes` names";
    assert_eq!(
        error,
        malformed(&test.join("c"), Place::File, "a folder of another class", expected)
    );
    let flat = folder(&[("a.png", grey())]);
    let error = two.open::<f64, DynImage>(flat.path()).unwrap_err();
    let expected = "pictures in folders of the classes that `ImageOptions::classes` names";
    let found = "a picture in no folder of a class";
    assert_eq!(error, malformed(&flat.join("a.png"), Place::File, found, expected));

    let error = ImageOptions::new().classes(["a", "b", "a"]).unwrap_err();
    let twice = Error::NamedTwice { call: "ImageOptions::classes", name: "a".to_owned() };
    assert_eq!(error, twice);
    assert_eq!(
        error.to_string(),
        "ImageOptions::classes: `a` is named twice, but each name must be given once"
    );
    let none = ImageOptions::new().classes([""; 0]).unwrap_err();
    assert!(matches!(none, Error::InvalidParameter { value: Number(0.0), .. }), "{none}");
}

#[test]
fn other_things_in_a_folder_are_refused_or_named() {
    let expected = "a name that ends in .png, .jpg or .jpeg; `ImageOptions::skip_other_files` leaves out all others";
    let files = [("a.png", picture("grey.png")), ("b.gif", b"GIF89a".to_vec())];
    let flat = folder(&files);
    let refused = |path: PathBuf| malformed(&path, Place::File, "another file or folder", expected);
    assert_eq!(Pictures::open(flat.path()).unwrap_err(), refused(flat.join("b.gif")));
    let options = ImageOptions::new().skip_other_files();
    let pictures: Pictures = options.open(flat.path()).unwrap();
    assert_eq!(pictures.files(), [flat.join("a.png")]);
    assert_eq!(pictures.skipped(), [flat.join("b.gif")]);
    assert!(pictures.labels().is_empty() && pictures.classes().is_empty());

    let deep = folder(&[("c/a.png", picture("grey.png")), ("c/d/b.png", picture("grey.png"))]);
    assert_eq!(Pictures::open(deep.path()).unwrap_err(), refused(deep.join("c/d")));
    let pictures: Pictures = options.open(deep.path()).unwrap();
    assert_eq!(pictures.skipped(), [deep.join("c/d")]);

    let mixed = folder(&[("c/a.png", picture("grey.png")), ("b.png", picture("grey.png"))]);
    let expected =
        "either pictures or folders of classes, so that each picture has a class or none has";
    let error = Pictures::open(mixed.path()).unwrap_err();
    assert_eq!(
        error,
        malformed(&mixed.join("c"), Place::File, "a folder beside pictures", expected)
    );

    let expected = "at least one PNG or JPEG file";
    let empty = Folder::new("empty");
    let error = Pictures::open(empty.path()).unwrap_err();
    assert_eq!(error, malformed(empty.path(), Place::File, "a folder without pictures", expected));
    fs::create_dir(deep.join("e")).unwrap();
    let error = options.open::<f64, DynImage>(deep.path()).unwrap_err();
    assert_eq!(
        error,
        malformed(&deep.join("e"), Place::File, "a class without pictures", expected)
    );
    for no_folder in [deep.join("not there"), flat.join("a.png")] {
        let error = Pictures::open(&no_folder).unwrap_err();
        assert!(matches!(&error, Error::File { path, action: "list", .. } if *path == no_folder));
    }
}

#[test]
fn options_and_types_that_contradict() {
    let folder = folder(&[("a.png", picture("grey.png"))]);
    let size = |place, unit, expected, found| Error::SizeMismatch { place, unit, expected, found };
    let error = ImageOptions::new().grey().open::<f32, Image<3, 5, 4>>(folder.path()).unwrap_err();
    let unit = "channels, which the type of the samples has";
    assert_eq!(error, size("ImageOptions::grey", unit, 3, 1));
    let error =
        ImageOptions::new().colour().open::<f32, Image<1, 5, 4>>(folder.path()).unwrap_err();
    assert_eq!(error, size("ImageOptions::colour", unit, 1, 3));
    let options = ImageOptions::new().resize(5, 5).unwrap();
    let error = options.open::<f32, Image<1, 5, 4>>(folder.path()).unwrap_err();
    let unit = "columns, which the type of the samples has";
    assert_eq!(error, size("ImageOptions::resize", unit, 4, 5));
    let error = ImageFolder::<f32, Image<2, 5, 4>>::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { value: Number(2.0), .. }));
    assert!(ImageFolder::<f32, Image<1, 0, 4>>::open(folder.path()).is_err());
    for (height, width) in [(0, 1), (1, 0), (1 << 14, 1 << 13), (usize::MAX, 2)] {
        assert!(ImageOptions::new().resize(height, width).is_err(), "{height}, {width}");
    }
    for grey in [f64::NAN, -0.1, 1.1] {
        assert!(ImageOptions::new().background(grey).is_err(), "{grey}");
    }
}

/// The bytes of a picture, changed here and there.
fn changed(name: &str, changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = picture(name);
    for &(at, byte) in changes {
        bytes[at] = byte;
    }
    bytes
}

#[test]
fn files_that_are_no_pictures_of_their_name() {
    let refused = |name, bytes, found, expected| {
        let (folder, path) = with(name, bytes);
        let error = Pictures::open(folder.path()).unwrap_err();
        assert_eq!(error, malformed(&path, Place::File, found, expected), "{found}");
    };
    let png = "a PNG picture, as the name of the file says";
    refused("a.png", picture("grey.jpg"), "a JPEG picture", png);
    refused("a.png", Vec::new(), "an empty file", png);
    refused("a.png", b"GIF89a\x01\0".to_vec(), "a GIF picture", png);
    refused("a.png", vec![0; 100], "no picture", png);
    let jpeg = "a JPEG picture, as the name of the file says";
    refused("a.jpg", picture("grey.png"), "a PNG picture", jpeg);

    // Sizes that are not believed: 2³¹ − 1 columns, 8192 × 8192 pixels of a few bytes, and none.
    let wide = changed("grey.png", &[(16, 0x7f), (17, 0xff), (18, 0xff), (19, 0xff)]);
    let expected = "at most 2²⁶ pixels (8192 × 8192): make it smaller first";
    refused("a.png", wide, "a picture that says it has more than 2²⁶ pixels", expected);
    let large = changed("grey.png", &[(18, 0x20), (19, 0), (22, 0x20), (23, 0)]);
    let expected = "a whole picture: this one is cut off or damaged";
    refused("a.png", large, "a size that no file of its length can hold", expected);
    let none = changed("grey.png", &[(19, 0)]);
    refused("a.png", none, "a picture without pixels", "at least one row and one column");
    let jpeg = picture("grey.jpg");
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let large = changed("grey.jpg", &[(frame + 5, 0x1f), (frame + 7, 0x1f)]);
    refused("a.jpg", large, "a size that no file of its length can hold", expected);

    let at = |name: &str, bytes, at: usize, found, expected| {
        let (folder, path) = with(name, bytes);
        let error = Pictures::open(folder.path()).unwrap_err();
        assert_eq!(error, malformed(&path, Place::Byte(at as u64), found, expected));
    };
    let kinds = "0, 2, 3, 4 or 6, for grey, RGB, a palette and both with transparency";
    at("a.png", changed("grey.png", &[(25, 1)]), 25, "another kind of colour", kinds);
    let header = "the header of a PNG picture";
    at("a.png", changed("grey.png", &[(12, b'X')]), 8, "another chunk", header);
    let twelve = changed("grey.jpg", &[(frame + 4, 12)]);
    at(
        "a.jpg",
        twelve,
        frame + 4,
        "a JPEG picture of 12 bits",
        "one of 8 bits: save it again with 8",
    );
    let nine = changed("grey.jpg", &[(frame + 4, 9)]);
    at("a.jpg", nine, frame + 4, "damaged data", "8 bits a value");
    let found = "a JPEG picture without loss or in arithmetic codes";
    let expected = "a baseline or progressive one, as programs save them by default";
    at("a.jpg", changed("grey.jpg", &[(frame + 1, 0xc9)]), frame, found, expected);
    let expected = "the size of the picture before its pixels";
    at(
        "a.jpg",
        changed("grey.jpg", &[(frame + 1, 0xda)]),
        frame,
        "the pixels or the end",
        expected,
    );
    let (folder, _) = with("a.jpg", picture("cmyk.jpg"));
    let error = Pictures::open(folder.path()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("found a JPEG picture in CMYK, expected a grey one or one of three"),
        "{said}"
    );
}

/// Wherever a file is cut, it is refused as one that is cut, and by its name; but where so little is left that nothing tells
/// a picture.
#[test]
fn files_that_are_cut() {
    for name in ["grey.png", "colour_16.png", "grey.jpg", "progressive.jpg", "subsampled.jpg"] {
        let whole = picture(name);
        let (folder, path) = with(name, whole.clone());
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            match Pictures::open(folder.path()).and_then(|mut pictures| pictures.load()) {
                Err(Error::Malformed { path: found, .. }) => {
                    assert!(found == path && length < 8, "{name}: {length}");
                }
                Err(error) => {
                    let cut = Error::DamagedPicture { path: path.clone(), is_cut: true };
                    assert_eq!(error, cut, "{name}: {length}");
                }
                Ok(batch) => {
                    // Nothing but the mark of the end was missing.
                    assert!(length + 12 >= whole.len(), "{name}: {length} of {}", whole.len());
                    fs::write(&path, &whole).unwrap();
                    let all = Pictures::open(folder.path()).unwrap().load().unwrap();
                    assert_eq!(batch, all, "{name}: {length}");
                }
            }
        }
    }
}

/// In a person's words.
#[test]
fn broken_pictures_are_told_what_helps() {
    for name in ["grey.png", "colour.jpg"] {
        let whole = picture(name);
        let (folder, path) = with(name, whole[..whole.len() / 2].to_vec());
        let said = Pictures::open(folder.path()).and_then(|mut pictures| pictures.load());
        let expected = "the picture is cut short: the file ends in the middle of it, as where a copy or download broke off; \
                        fetch it again, or leave it out";
        assert_eq!(said.unwrap_err().to_string(), format!("{}: {expected}", path.display()));
    }
    // A byte of the packed pixels is another.
    let whole = picture("colour.png");
    let at = whole.windows(4).position(|four| four == b"IDAT").unwrap() + 12;
    let (folder, path) = with("a.png", changed("colour.png", &[(at, !whole[at])]));
    let error = Pictures::open(folder.path()).unwrap().load().unwrap_err();
    assert_eq!(error, Error::DamagedPicture { path: path.clone(), is_cut: false });
    let expected = "the picture is damaged: fetch it again, or leave it out";
    assert_eq!(error.to_string(), format!("{}: {expected}", path.display()));
}

/// What lies behind a picture, such as the film that a telephone puts there, is not the picture's.
#[test]
fn what_lies_behind_a_jpeg_is_not_read() {
    for name in ["grey.jpg", "progressive.jpg"] {
        let whole = load(&ImageOptions::new(), name).unwrap();
        for behind in [&[0xff, 0xda, 0][..], &[0xff, 0xd9, 0xff, 0xda], &[7; 5]] {
            let (folder, _) = with(name, [picture(name), behind.to_vec()].concat());
            assert_eq!(ImageOptions::new().open(folder.path()).unwrap().load().unwrap(), whole);
        }
    }
}

/// No panic, and no memory beyond what the size of a file allows, whatever is changed in it.
#[test]
fn files_that_are_damaged() {
    let mut rng = seeded(1);
    let names = [
        "grey.png",
        "colour_16.png",
        "palette.png",
        "transparent.png",
        "one_bit.png",
        "grey.jpg",
        "colour.jpg",
        "progressive.jpg",
        "subsampled.jpg",
    ];
    let options = ImageOptions::new().background(0.5).unwrap();
    for name in names {
        let whole = picture(name);
        let (folder, path) = with(name, whole.clone());
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            fs::write(&path, &bytes).unwrap();
            let mut loaded = None;
            let taken = measure(|| {
                let open = options.open::<f32, DynImage>(folder.path());
                loaded = Some(open.and_then(|mut pictures| pictures.load()));
            });
            // A pixel has at most four values of the file, in coefficients and bytes, and three of ours.
            let most = (4 << 20) + 1032 * 40 * whole.len() as u64;
            assert!(taken.bytes_max <= most, "{name}: {} bytes", taken.bytes_max);
            if let Some(Ok(batch)) = loaded {
                assert!(batch.as_slice().iter().all(|x| (0.0..=1.0).contains(x)), "{name}");
            }
        }
    }
}

#[test]
fn files_that_change_while_the_folder_is_open() {
    let folder = folder(&[("a.png", picture("grey.png")), ("b.png", picture("grey.png"))]);
    let mut pictures = Pictures::open(folder.path()).unwrap();
    let path = folder.join("b.png");
    save_images(&Batch::new(Image::<1, 1, 1>, vec![0.0]).unwrap(), [&path]).unwrap();
    let error = Error::ImageSize { path: path.clone(), expected: (5, 4), found: (1, 1) };
    assert_eq!(pictures.load(), Err(error));
    fs::remove_file(&path).unwrap();
    assert!(matches!(pictures.load(), Err(Error::File { .. })));
}

/// Memory for one file at a time, whatever their number.
#[test]
fn memory_does_not_grow_with_the_folder() {
    let taken = |files: usize| {
        let folder = Folder::new("many");
        let image = Batch::new(Image::<1, 64, 64>, vec![0.5_f32; 4096]).unwrap();
        for k in 0..files {
            save_images(&image, [folder.join(format!("{k:04}.png"))]).unwrap();
        }
        let mut block = Batch::zeros(Image::<1, 64, 64>, 1);
        let taken = measure(|| {
            let mut pictures: ImageFolder<f32, Image<1, 64, 64>> =
                ImageFolder::open(folder.path()).unwrap();
            while pictures.read(block.view_mut()).unwrap() > 0 {}
        });
        taken.bytes_max
    };
    let (few, many) = (taken(4), taken(200));
    // Their names.
    assert!(many < few + 200 * 500, "{few} bytes, then {many}");
}

#[test]
fn what_is_saved_is_what_is_read() {
    let folder = Folder::new("saved");
    let values: Vec<f64> = (0..36).map(|k| f64::from(k * 7) / 255.0).collect();
    let colour = Batch::new(Image::<3, 2, 3>, values.clone()).unwrap();
    let paths = [folder.join("a.png"), folder.join("b.PNG")];
    save_images(&colour, &paths).unwrap();
    let read: Batch<f64, Image<3, 2, 3>> =
        ImageFolder::open(folder.path()).unwrap().load().unwrap();
    assert_eq!(read, colour);
    let grey = Batch::new(DynImage { channels: 1, height: 3, width: 6 }, values).unwrap();
    save_images(&grey, &paths).unwrap();
    let read: Batch<f64, Image<1, 3, 6>> =
        ImageFolder::open(folder.path()).unwrap().load().unwrap();
    assert_eq!(read.as_slice(), grey.as_slice());
    // Beyond the ends, and between two bytes.
    let beyond = Batch::new(Image::<1, 1, 4>, vec![-0.1, 1.1, 0.5, 1e30]).unwrap();
    save_images(&beyond, &paths[..1]).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let read: Batch<f64, Image<1, 1, 4>> =
        ImageFolder::open(folder.path()).unwrap().load().unwrap();
    assert_eq!(read.as_slice(), [0.0, 1.0, 128.0 / 255.0, 1.0]);
    // A link leads to a file that is given already.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&paths[0], &paths[1]).unwrap();
        let two = Batch::new(Image::<1, 1, 1>, vec![0.0; 2]).unwrap();
        let error = Error::SamePath { path: paths[1].clone(), first: 0, second: 1 };
        assert_eq!(save_images(&two, &paths), Err(error));
    }
}

#[test]
fn what_cannot_be_saved() {
    let folder = Folder::new("unsaved");
    let image = Batch::new(Image::<1, 1, 2>, vec![0.0; 2]).unwrap();
    let path = folder.join("a.jpg");
    let error = Error::PictureFormat { path: path.clone(), endings: ".png" };
    assert_eq!(
        error.to_string(),
        format!("{}: the name of a picture must end in .png", path.display())
    );
    assert_eq!(save_images(&image, [path]), Err(error));
    let (place, unit) = ("save_images", "paths, one for each image");
    let none: [PathBuf; 0] = [];
    let error = Error::SizeMismatch { place, unit, expected: 1, found: 0 };
    assert_eq!(save_images(&image, none), Err(error));
    let error = save_images(&image, [folder.join("not there/a.png")]).unwrap_err();
    assert!(matches!(error, Error::File { action: "write", .. }));
    let path = [folder.join("a.png")];
    let broken = Batch::new(Image::<1, 1, 2>, vec![0.0, f64::NAN]).unwrap();
    let error = save_images(&broken, &path).unwrap_err();
    assert!(matches!(error, Error::NotFinite { call: "save_images", feature: 1, sample: 0, .. }));
    let three = Batch::new(Image::<1, 1, 1>, vec![0.0; 3]).unwrap();
    let paths = ["a.png", "b.png", "a.png"].map(|name| folder.join(name));
    let error = save_images(&three, &paths).unwrap_err();
    assert_eq!(error, Error::SamePath { path: folder.join("a.png"), first: 0, second: 2 });
    let expected = "images 0 and 2 (counted from 0) would both be written to this file: give each a path of its own";
    assert_eq!(error.to_string(), format!("{}: {expected}", paths[0].display()));
    // However it is spelled, and whether it is there or not.
    fs::create_dir(folder.join("b")).unwrap();
    let two = Batch::new(Image::<1, 1, 1>, vec![0.0; 2]).unwrap();
    for other in ["./a.png", "b/../a.png"].map(|name| folder.join(name)) {
        let error = save_images(&two, [&paths[0], &other]).unwrap_err();
        assert_eq!(error, Error::SamePath { path: other, first: 0, second: 1 });
    }
    fs::remove_dir(folder.join("b")).unwrap();
    // Beside the running program, where a path has no folder.
    let error = save_images(&two, ["a.png", "./a.png"]).unwrap_err();
    assert_eq!(error, Error::SamePath { path: "./a.png".into(), first: 0, second: 1 });
    let two = Batch::new(Image::<2, 1, 1>, vec![0.0; 2]).unwrap();
    assert!(matches!(save_images(&two, &path), Err(Error::InvalidParameter { .. })));
    let no_pixels = Batch::<f64, _>::new(Image::<1, 0, 2>, Vec::new()).unwrap();
    assert!(matches!(save_images(&no_pixels, &path[..0]), Err(Error::InvalidParameter { .. })));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

/// In files or in memory, the training is the same.
#[test]
fn a_model_is_trained_on_the_folder() {
    let folder = Folder::new("trained");
    let digits = datasets::digits::<f32>().train;
    let digits = Batch::new(digits.size(), digits.as_slice()[..64 * 40].to_vec()).unwrap();
    let paths: Vec<PathBuf> = (0..40).map(|k| folder.join(format!("{k:02}.png"))).collect();
    save_images(&digits, paths).unwrap();
    let mut files: ImageFolder<f32, Image<1, 8, 8>> = ImageFolder::open(folder.path()).unwrap();
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<64, 8>::new(Relu))
            .decoder(Dense::<8, 64>::new(Sigmoid))
            .build::<f32>()
            .unwrap()
    };
    let loaded = files.load().unwrap();
    let mut from_memory = build();
    let trainer = || Trainer::new(Adam::new(1e-2).unwrap()).epochs(2).batch_size(8);
    trainer().fit(&mut from_memory, &loaded).unwrap();
    let mut from_files = build();
    trainer().fit(&mut from_files, &mut files).unwrap();
    assert_eq!(from_files.parameters(), from_memory.parameters());
}
