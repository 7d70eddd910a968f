//! Pictures, read back by others: an XML parser and a PNG decoder.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::datasets::{self, bars};
use autoencoder::plot::{
    ActivationHistogram, CodeGrid, CodeScatter, FeatureGrid, LossCurves, Palette, Reconstructions,
    ScoreHistogram, Traversal,
};
use autoencoder::size::{DynImage, Image, Window};
use autoencoder::units::{decoder_columns_under, filters};
use autoencoder::{
    Adam, AutoEncoder, Batch, Conditioned, Dense, Error, Number, Report, SparseKl, Trainer,
    nalgebra::Const, nalgebra::Dyn,
};
use roxmltree::Document;

macro_rules! model {
    ($code:literal) => {
        AutoEncoder::builder()
            .encoder(Dense::<64, $code>::new(Sigmoid))
            .decoder(Dense::<$code, 64>::new(Identity))
            .regularizer(SparseKl::new(0.1, 0.05).unwrap())
            .seed(3)
            .build::<f32>()
            .unwrap()
    };
}

/// Each text of a picture.
pub(crate) fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
}

/// The numbers beside the y axis: texts that end at the left of it.
fn labels(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let is_label = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name("text") && node.attribute("text-anchor") == Some("end")
    };
    let labels = document.descendants().filter(is_label);
    labels.map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
}

/// How many elements have this name and, if given, this attribute.
fn count(svg: &str, name: &str, attribute: Option<(&str, &str)>) -> usize {
    let document = Document::parse(svg).unwrap();
    let is_one = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name(name)
            && attribute.is_none_or(|(key, value)| node.attribute(key) == Some(value))
    };
    document.descendants().filter(is_one).count()
}

/// Frames around images.
fn images(svg: &str) -> usize {
    // One frame is that of the scale.
    count(svg, "rect", Some(("stroke", "#777777"))) - 1
}

/// Size and pixels of a PNG.
pub(crate) fn decoded(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    (info.width, info.height, pixels)
}

/// The PNG has the SVG's size, and something but white on it.
pub(crate) fn check_png(svg: &str, png: &[u8]) {
    let document = Document::parse(svg).unwrap();
    let size =
        |name: &str| document.root_element().attribute(name).unwrap().parse::<u32>().unwrap();
    let (width, height, pixels) = decoded(png);
    assert_eq!((width, height), (size("width"), size("height")));
    let ink = pixels.chunks_exact(3).filter(|pixel| pixel != &[255; 3]).count();
    assert!(ink > 500, "{ink}");
    // Dark pixels in the title's lines: text that has been drawn.
    let title = pixels[..3 * width as usize * 40].chunks_exact(3);
    assert!(title.filter(|pixel| pixel[0] < 100).count() > 50);
    if let Some(folder) = std::env::var_os("AUTOENCODER_PLOTS") {
        let name = texts(svg)[0].replace(|c: char| !c.is_alphanumeric(), "_");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }
}

macro_rules! both {
    ($picture:expr) => {{
        let picture = $picture;
        let svg = picture.to_svg().unwrap();
        check_png(&svg, &picture.to_png().unwrap());
        assert_eq!(svg, picture.to_svg().unwrap());
        svg
    }};
}

fn trained(epochs: usize) -> Report {
    let digits = datasets::digits();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(epochs).validation_split(0.2);
    trainer.fit(&mut model!(16), &digits.train).unwrap()
}

#[test]
fn loss_curves_have_every_term_in_training_and_validation() {
    let report = trained(12);
    let svg = both!(LossCurves::new(&report).title("Digits, 64-16-64"));
    let texts = texts(&svg);
    for text in ["Digits, 64-16-64", "epoch", "total", "squared_error", "sparse_kl"] {
        assert!(texts.iter().any(|found| found == text), "{text} in {texts:?}");
    }
    for name in ["total", "squared_error", "sparse_kl"] {
        assert!(texts.contains(&format!("{name}, validation")));
    }
    assert!(texts.iter().any(|text| text.starts_with("objective (")));
    // A point an epoch and a curve.
    assert_eq!(count(&svg, "circle", None), 12 * 6);
    // On a logarithmic scale labels are the numbers themselves, 1, 2 and 5 times a power of ten.
    let log = both!(LossCurves::new(&report).title("Logarithmic").log_scale());
    assert_ne!(log, svg);
    let least = report.epochs.iter().flat_map(|epoch| epoch.terms.iter().map(|(_, value)| value));
    let least = least.fold(f64::INFINITY, f64::min);
    let found = labels(&log);
    let decades = report.epochs[0].terms.total().log10() - least.log10();
    assert!(found.len() as f64 >= 3.0 * decades - 2.0, "{found:?}");
    for label in &found {
        let digits = label.trim_matches(['0', '.']);
        assert!(["1", "2", "5"].contains(&digits), "{found:?}");
    }
    // Without validation and with one term there is one curve.
    let mut plain = report.clone();
    plain.epochs.iter_mut().for_each(|epoch| epoch.validation = None);
    let svg = LossCurves::new(&plain).to_svg().unwrap();
    assert_eq!(count(&svg, "circle", None), 12 * 3);
    assert!(!svg.contains("validation"));
}

#[test]
fn reconstructions_stand_below_their_inputs() {
    let digits = datasets::digits::<f32>();
    let model = model!(16);
    let seen = digits.test.select(0..8);
    let outputs = model.reconstruct(&seen).unwrap();
    let two = Reconstructions::new(&seen, &outputs);
    let svg = both!(two.clone().title("Two rows"));
    assert_eq!(images(&svg), 2 * 8);
    let mut corrupted = seen.clone();
    corrupted.as_mut_slice().iter_mut().step_by(3).for_each(|x| *x = 0.0);
    let three = Reconstructions::new(&seen, &outputs).corrupted(&corrupted).title("Three rows");
    let svg = both!(three.clone());
    assert_eq!(images(&svg), 3 * 8);
    for label in ["input", "corrupted", "reconstruction"] {
        assert!(texts(&svg).iter().any(|text| text == label));
    }
    assert_eq!(images(&three.clone().most(5).to_svg().unwrap()), 3 * 5);
    // 16×4 in place of 8×8 pixels.
    let flat = seen.clone().with_size(Image::<1, 4, 16>).unwrap();
    let wide = Reconstructions::new(&flat, &outputs.clone().with_size(Image::<1, 4, 16>).unwrap());
    assert_ne!(wide.corrupted(&corrupted).title("Three rows").to_svg().unwrap(), svg);
    assert!(matches!(seen.clone().with_size(Image::<1, 9, 7>), Err(Error::SizeMismatch { .. })));
    // 64 values are a square, 63 are not.
    let plain = seen.clone().with_size(Const::<64>).unwrap();
    let other = outputs.clone().with_size(Const::<64>).unwrap();
    assert_eq!(Reconstructions::new(&plain, &other).to_svg(), two.to_svg());
    let odd = Batch::<f32, Const<63>>::zeros(Const, 8);
    let error = Reconstructions::new(&odd, &odd).to_svg().unwrap_err();
    assert_eq!(error, Error::NotAnImage { picture: "Reconstructions", features: 63 });
    let said = "samples of 63 features are no square images; say how high and wide they are, by with_size of the \
                batch or of the picture, such as with_size(Image::<1, 7, 9>)";
    assert!(error.to_string().contains(said), "{error}");
    assert!(matches!(three.most(0).to_svg(), Err(Error::InvalidParameter { .. })));
    let error = Reconstructions::new(&seen, &outputs.select(0..7)).to_svg().unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { place: "Reconstructions", .. }));
}

#[test]
fn features_are_drawn_with_their_own_colours() {
    let model = model!(16);
    let svg = both!(FeatureGrid::new(&filters(&model)).title("Filters at first"));
    assert_eq!(images(&svg), 16);
    // One pixel each: blue, white, red.
    let one = Batch::new(Const::<4>, vec![-2.0, 0.0, 2.0, 1.0]).unwrap();
    let (width, _, pixels) = decoded(&FeatureGrid::new(&one).to_png().unwrap());
    let at = |x: usize, y: usize| pixels[3 * (y * width as usize + x)..][..3].to_vec();
    // The image begins at (20, 56), 12 screen pixels a pixel.
    assert_eq!((at(26, 62), at(38, 62)), (vec![0, 114, 178], vec![255; 3]));
    assert_eq!((at(26, 74), at(38, 74)), (vec![213, 94, 0], vec![234, 175, 128]));
    let flat = Batch::<f64, _>::zeros(Const::<4>, 3);
    assert_eq!(images(&FeatureGrid::new(&flat).to_svg().unwrap()), 3);
    let line = one.clone().with_size(Image::<1, 1, 4>).unwrap();
    let (width, _, pixels) = decoded(&FeatureGrid::new(&line).to_png().unwrap());
    let at = |x: usize| pixels[3 * (62 * width as usize + x)..][..3].to_vec();
    assert_eq!((at(26), at(38)), (vec![0, 114, 178], vec![255; 3]));
    assert_eq!((at(50), at(62)), (vec![213, 94, 0], vec![234, 175, 128]));
}

#[test]
fn codes_are_points_coloured_by_label() {
    let digits = datasets::digits::<f64>();
    let two = Batch::from_iter([[1.0, 2.0], [3.0, 4.0], [5.0, 6.5], [0.0, 1.0]]);
    let svg = both!(CodeScatter::new(&two).title("Two units"));
    assert_eq!(count(&svg, "circle", None), 4);
    assert!(texts(&svg).iter().any(|text| text == "code unit 1"));
    let labelled =
        CodeScatter::new(&digits.test).labels(&digits.test_labels).title("Digits by PCA");
    let svg = both!(labelled);
    let texts = texts(&svg);
    assert!((0..10).all(|digit| texts.contains(&digit.to_string())));
    // Of ten labels six are circles, and the rest triangles; each has one in the legend.
    let circles = digits.test_labels.iter().filter(|&&label| label < 6).count();
    assert_eq!(count(&svg, "circle", None), circles + 6);
    let triangles = count(&svg, "polygon", None);
    assert_eq!(triangles, digits.test_labels.len() - circles + 4);
    let error = CodeScatter::new(&two).labels(&[1, 2]).to_svg().unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { expected: 4, found: 2, .. }));
    let error = CodeScatter::new(&Batch::from_iter([[1.0]])).to_svg().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("is 1, but must be at least 2; ActivationHistogram draws"), "{text}");
}

#[test]
fn principal_components_are_those_of_a_known_cloud() {
    // Along (3, 4, 0)/5 with ±10, along (0, 0, 1) with ±1: shares 100/101 and 1/101.
    let cloud = [(10.0, 1.0), (10.0, -1.0), (-10.0, 1.0), (-10.0, -1.0)]
        .map(|(a, b)| [0.6 * a + 7.0, 0.8 * a, b]);
    let svg = CodeScatter::new(&Batch::from_iter(cloud)).to_svg().unwrap();
    let texts = texts(&svg);
    assert!(
        texts.contains(&"principal component 1 (99 % of the variance)".to_owned()),
        "{texts:?}"
    );
    assert!(texts.contains(&"principal component 2 (1 % of the variance)".to_owned()));
    // The corners of a rectangle.
    let document = Document::parse(&svg).unwrap();
    let circles = document.descendants().filter(|node| node.has_tag_name("circle"));
    let mut x: Vec<String> = circles.map(|node| node.attribute("cx").unwrap().to_owned()).collect();
    x.sort();
    x.dedup();
    assert_eq!(x.len(), 2);
}

#[test]
fn decoded_codes_are_images_with_their_codes_written_beside_them() {
    let digits = datasets::digits::<f32>();
    let mut model = model!(2);
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(30).fit(&mut model, &digits.train).unwrap();
    let grid = CodeGrid::new(&model, 0.0..=1.0, -1.0..=1.0, 5).unwrap();
    let svg = both!(grid.clone());
    assert_eq!(images(&svg), 25);
    let found = texts(&svg);
    for text in ["0.25", "−0.5", "code unit 0", "code unit 1", "Decoded codes"] {
        assert!(found.iter().any(|found| found == text), "{text} in {found:?}");
    }
    assert_ne!(grid.clone().with_size(Image::<1, 16, 4>).unwrap().to_svg().unwrap(), svg);
    assert_eq!(grid.clone().with_size(Image::<1, 8, 8>).unwrap().to_svg().unwrap(), svg);
    let other = DynImage { channels: 1, height: 16, width: 5 };
    let error = grid.with_size(other).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { expected: 80, found: 64, .. }), "{error}");
    let traversal = Traversal::new(&model, &[0.5, 0.5], 1, 0.0..=1.0, 7).unwrap();
    let svg = both!(traversal);
    assert_eq!(images(&svg), 7);
    assert!(texts(&svg).iter().any(|text| text == "code unit 1"));
    assert!(matches!(
        Traversal::new(&model, &[0.5, 0.5], 2, 0.0..=1.0, 7),
        Err(Error::InvalidParameter { name: "Traversal unit", .. })
    ));
    for (range, steps) in [(0.0..=1.0, 0), (0.0..=1.0, 101), (0.0..=f64::NAN, 3)] {
        assert!(CodeGrid::new(&model, range.clone(), 0.0..=1.0, steps).is_err());
        assert!(Traversal::new(&model, &[0.5, 0.5], 0, range, steps).is_err());
    }
    let wide = model!(16);
    let error = CodeGrid::new(&wide, 0.0..=1.0, 0.0..=1.0, 3).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { place: "CodeGrid", .. }));
}

/// Height of each bar, from the left.
fn bars_of(svg: &str) -> Vec<f64> {
    let document = Document::parse(svg).unwrap();
    let bars = document.descendants().filter(|node| node.attribute("fill") == Some("#56B4E9"));
    bars.map(|node| node.attribute("height").unwrap().parse().unwrap()).collect()
}

#[test]
fn histograms_count_what_they_are_given() {
    // Three units of mean 0 and nine of mean 1.
    let means = (0..12).map(|unit| if unit < 3 { 0.0 } else { 1.0 });
    let codes = Batch::new(Const::<12>, means.cycle().take(24).collect::<Vec<f64>>()).unwrap();
    let plain = ActivationHistogram::new(&codes);
    let heights = bars_of(&both!(plain.clone()));
    assert_eq!(heights.len(), 2);
    assert!((heights[1] / heights[0] - 3.0).abs() < 0.05, "{heights:?}");
    let marked = both!(plain.clone().target(0.05).title("With target"));
    assert!(texts(&marked).iter().any(|text| text == "target p′ = 0.05"));
    assert_eq!(bars_of(&marked).len(), 2);
    assert!(plain.target(f64::NAN).to_svg().is_err());

    let scores: Vec<f64> = (0..200).map(|k| (k as f64 / 20.0).powi(2)).collect();
    let svg = both!(ScoreHistogram::new(&scores).threshold(81.0));
    assert!(
        texts(&svg).iter().any(|text| text == "threshold 81: 19 of 200 above"),
        "{:?}",
        texts(&svg)
    );
    let unit = bars_of(&svg).iter().fold(f64::INFINITY, |least, &bar| least.min(bar));
    assert!(unit > 0.0);
    // No bar begins below 0, where no score is: the mark of 0 is under its left end.
    let document = Document::parse(&svg).unwrap();
    let number =
        |node: &roxmltree::Node<'_, '_>| node.attribute("x").unwrap().parse::<f64>().unwrap();
    let is_zero = |node: &roxmltree::Node<'_, '_>| {
        node.attribute("text-anchor") == Some("middle")
            && node.text().is_some_and(|text| text.trim() == "0")
    };
    let zero = number(&document.descendants().find(is_zero).unwrap());
    let is_bar = |node: &roxmltree::Node<'_, '_>| node.attribute("fill") == Some("#56B4E9");
    let left = number(&document.descendants().find(is_bar).unwrap());
    assert!((0.0..6.0).contains(&(left - zero)), "{left} {zero}");
    // A threshold beyond all scores is in the picture.
    let threshold = autoencoder::anomaly::Threshold::at(500.0).unwrap();
    let far = ScoreHistogram::new(&scores).threshold(threshold).to_svg().unwrap();
    assert!(texts(&far).iter().any(|text| text.contains("0 of 200 above")));
    // As a detector gives it: one that has none leaves the picture as it is.
    let plain = ScoreHistogram::new(&scores);
    assert_eq!(plain.clone().threshold(Some(threshold)).to_svg().unwrap(), far);
    assert_eq!(plain.clone().threshold(None).to_svg().unwrap(), plain.to_svg().unwrap());
    // On a logarithmic scale a few scores far above the others leave room for these.
    let tailed: Vec<f64> = (0..200).map(|k| 10f64.powf(k as f64 / 50.0)).collect();
    let spread = |svg: &str| {
        let bars = bars_of(svg);
        bars.iter().fold(0.0_f64, |a, &b| a.max(b))
            / bars.iter().fold(f64::INFINITY, |a, &b| a.min(b))
    };
    assert!(spread(&ScoreHistogram::new(&tailed).to_svg().unwrap()) > 30.0);
    let log = ScoreHistogram::new(&tailed).threshold(1000.0).log_scale().title("Scores far apart");
    let svg = both!(log.clone());
    assert_eq!(bars_of(&svg).len(), 15);
    assert!(spread(&svg) < 1.5);
    for text in ["1", "10", "100", "1000", "threshold 1000: 49 of 200 above"] {
        assert!(texts(&svg).iter().any(|found| found == text), "{text} in {:?}", texts(&svg));
    }
    assert!(log.threshold(0.0).to_svg().is_err());
    for wrong in [f64::NAN, f64::INFINITY, -1e101] {
        let error = ScoreHistogram::new(&scores).threshold(wrong).to_svg().unwrap_err();
        let (name, requirement) = ("ScoreHistogram threshold", "a number from −1e100 to 1e100");
        assert_eq!(error, Error::InvalidParameter { name, value: Number(wrong), requirement });
    }
    assert!(ScoreHistogram::new(&[0.0, 1.0]).log_scale().to_svg().is_err());
    assert_eq!(bars_of(&ScoreHistogram::new(&[0.0; 9]).to_svg().unwrap()).len(), 1);
}

/// A threshold, or a few scores, far from the rest leave something to see.
#[test]
fn histograms_show_every_bar() {
    let scores: Vec<f64> = (0..6000).map(|k| f64::from(k) / 10.0).collect();
    let plain = bars_of(&ScoreHistogram::new(&scores).to_svg().unwrap());
    assert_eq!(plain.len(), 60);
    for (threshold, shown, above) in [(1e6, "1e6", 0), (-1e9, "−1e9", 6000)] {
        let svg = both!(ScoreHistogram::new(&scores).threshold(threshold));
        // Drawn as without it, and the threshold in words.
        assert_eq!(bars_of(&svg), plain);
        let label = format!("threshold {shown}: {above} of 6000 above (beyond this edge)");
        let document = Document::parse(&svg).unwrap();
        let is_label = |node: &roxmltree::Node<'_, '_>| node.text().map(str::trim) == Some(&label);
        let node = document.descendants().find(is_label).unwrap();
        let x: f64 = node.attribute("x").unwrap().parse().unwrap();
        assert_eq!(x > 200.0, threshold > 0.0, "{x}");
    }
    // One that is near is marked, and the axis reaches to it.
    let svg = ScoreHistogram::new(&scores).threshold(2000.0).to_svg().unwrap();
    assert!(texts(&svg).iter().any(|text| text == "threshold 2000: 0 of 6000 above"));
    // Where one is far from the others, both bars are seen, and of a thousand bins each.
    let far = [&scores[..], &[1e20]].concat();
    let bars = bars_of(&both!(ScoreHistogram::new(&far)));
    assert_eq!(bars.len(), 2);
    assert!(bars.iter().all(|&bar| bar >= 1.0), "{bars:?}");
    let many = both!(ScoreHistogram::new(&far[5000..]).bins(1000).log_scale());
    assert!(bars_of(&many).iter().all(|&bar| bar >= 1.0));
}

#[test]
fn histograms_have_as_many_bins_as_are_wanted() {
    // A hundred scores, evenly: ten in each of ten bins, fifty in each of two.
    let scores: Vec<f64> = (0..100).map(f64::from).collect();
    for bins in [1, 2, 10] {
        let bars = bars_of(&ScoreHistogram::new(&scores).bins(bins).to_svg().unwrap());
        assert_eq!(bars.len(), bins);
        assert!(bars.iter().all(|&bar| (bar - bars[0]).abs() < 2.0), "{bars:?}");
    }
    let log = ScoreHistogram::new(&scores[1..]).log_scale();
    assert_ne!(bars_of(&log.clone().bins(3).to_svg().unwrap()), bars_of(&log.to_svg().unwrap()));
    let codes = Batch::new(Const::<100>, scores.clone()).unwrap();
    assert_eq!(bars_of(&ActivationHistogram::new(&codes).bins(5).to_svg().unwrap()).len(), 5);
    for bins in [0, 1001] {
        let error = ScoreHistogram::new(&scores).bins(bins).to_svg().unwrap_err().to_string();
        assert_eq!(error, format!("ScoreHistogram bins is {bins}, but must be from 1 to 1000"));
        assert!(ActivationHistogram::new(&codes).bins(bins).to_svg().is_err());
    }
}

#[test]
fn hostile_labels_are_only_text() {
    let hostile = "</text><script>alert(\"1\")</script>&amp;'\u{0}\u{7}]]>\u{202e}漢\u{1f600}";
    let codes = Batch::from_iter([[1.0, 2.0], [3.0, 4.0]]);
    let long = "x".repeat(10_000);
    let picture = CodeScatter::new(&codes).labels(&[hostile, &long]).title(hostile);
    let svg = picture.to_svg().unwrap();
    check_png(&svg, &picture.to_png().unwrap());
    assert_eq!(count(&svg, "script", None), 0);
    let shown: String = hostile.chars().filter(|c| !c.is_control()).collect();
    assert_eq!(texts(&svg).iter().filter(|text| **text == shown).count(), 2);
    assert!(texts(&svg).iter().all(|text| text.chars().count() <= 101));
    let empty = CodeScatter::new(&codes).title("").to_svg().unwrap();
    assert_eq!(count(&empty, "circle", None), 2);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let nothing = Batch::<f64, _>::zeros(Const::<4>, 0);
    let one = |x: f64| Batch::new(Const::<4>, vec![0.0, 1.0, x, 3.0]).unwrap();
    let report = trained(2);
    let with = |f: &dyn Fn(&mut Report)| {
        let mut report = report.clone();
        f(&mut report);
        LossCurves::new(&report).to_svg()
    };
    type Result = autoencoder::Result<String>;
    let all = |batch: &Batch<f64, Const<4>>| -> Vec<Result> {
        vec![
            Reconstructions::new(batch, batch).to_svg(),
            FeatureGrid::new(batch).to_svg(),
            CodeScatter::new(batch).to_svg(),
            ActivationHistogram::new(batch).to_svg(),
            ScoreHistogram::new(batch.as_slice()).to_svg(),
        ]
    };
    for refused in all(&nothing).into_iter().chain([with(&|report| report.epochs.clear())]) {
        assert!(matches!(refused, Err(Error::NoSamples { .. })), "{refused:?}");
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for refused in all(&one(value)) {
            assert!(matches!(refused, Err(Error::NotFinite { .. })), "{refused:?}");
        }
    }
    for refused in all(&one(1e200)) {
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    }
    // What is extreme but can be drawn is drawn.
    for value in [1e100, -1e100, 1e-300, 0.0, 1e16] {
        for drawn in all(&one(value)) {
            Document::parse(&drawn.unwrap()).unwrap();
        }
        let alike = Batch::new(Const::<4>, vec![value; 8]).unwrap();
        for drawn in all(&alike) {
            Document::parse(&drawn.unwrap()).unwrap();
        }
    }
    let none = Batch::<f64, _>::zeros(Dyn(0), 0);
    assert!(FeatureGrid::new(&none).to_svg().is_err() && CodeScatter::new(&none).to_svg().is_err());
    assert!(LossCurves::new(&report).log_scale().to_svg().is_ok());
    assert!(with(&|report| report.epochs.truncate(1)).is_ok());
}

#[test]
fn files_have_the_format_of_their_name() {
    let folder = common::Folder::new("plots");
    let picture = ScoreHistogram::new(&[1.0, 2.0, 5.0]);
    picture.save(folder.join("a.svg")).unwrap();
    picture.save(folder.join("a.PNG")).unwrap();
    let svg = std::fs::read_to_string(folder.join("a.svg")).unwrap();
    assert_eq!(svg, picture.to_svg().unwrap());
    check_png(&svg, &std::fs::read(folder.join("a.PNG")).unwrap());
    for name in ["a", "a.jpg", ".svg"] {
        let path = folder.join(name);
        assert_eq!(
            picture.save(&path).unwrap_err(),
            Error::PictureFormat { path: path.clone(), endings: ".svg or .png" }
        );
        assert!(!path.exists());
    }
    let path = folder.join("not/there.svg");
    assert!(matches!(picture.save(&path), Err(Error::File { action: "write", .. })));
}

#[test]
fn bars_look_like_bars() {
    let images_of = bars::<f64, 8, 8>(12, 0.125, 1).unwrap().images;
    let svg = both!(Reconstructions::new(&images_of, &images_of).most(12).title("Bars"));
    assert_eq!(images(&svg), 24);
}

/// Where images begin, from left to right.
fn columns_of(svg: &str) -> Vec<u32> {
    let document = Document::parse(svg).unwrap();
    let is_frame = |node: &roxmltree::Node<'_, '_>| node.attribute("stroke") == Some("#777777");
    let frames = document.descendants().filter(is_frame);
    let mut lefts: Vec<u32> =
        frames.map(|node| node.attribute("x").unwrap().parse().unwrap()).collect();
    lefts.pop(); // of the scale
    lefts.sort_unstable();
    lefts.dedup();
    lefts
}

#[test]
fn features_lie_in_as_many_columns_as_are_wanted() {
    let filters = filters(&model!(16));
    let grid = FeatureGrid::new(&filters);
    assert_eq!(columns_of(&grid.to_svg().unwrap()).len(), 4);
    for columns in [1, 3, 8, 16, 99] {
        let svg = grid.clone().columns(columns).to_svg().unwrap();
        assert_eq!((images(&svg), columns_of(&svg).len()), (16, columns.min(16)));
    }
    let text = grid.columns(0).to_svg().unwrap_err().to_string();
    assert_eq!(text, "FeatureGrid columns is 0, but must be at least 1");
}

#[test]
fn palettes_colour_the_same_numbers_otherwise() {
    let pixels_of = |png: &[u8]| {
        let (width, _, pixels) = decoded(png);
        // The first image begins at (20, 56), 12 screen pixels a pixel.
        let at = move |x: usize, y: usize| {
            pixels[3 * ((62 + 12 * y) * width as usize + 26 + 12 * x)..][..3].to_vec()
        };
        [at(0, 0), at(1, 0), at(0, 1), at(1, 1)]
    };
    // From −2 to 2 over 255 shades: −2, 0, 2 and 1 are 0, 127.5, 255 and 191.25.
    let one = Batch::new(Const::<4>, vec![-2.0, 0.0, 2.0, 1.0]).unwrap();
    let grey = FeatureGrid::new(&one).palette(Palette::Grey);
    let shades = [0, 128, 255, 191].map(|shade| vec![shade; 3]);
    assert_eq!(pixels_of(&grey.to_png().unwrap()), shades);
    assert!(texts(&grey.to_svg().unwrap()).contains(&"max of each".to_owned()));

    // What is shared is from the least to the greatest in grey, and as far below 0 as above in colours.
    let both =
        Reconstructions::new(&one, &Batch::new(Const::<4>, vec![0.0, 0.0, 0.0, 4.0]).unwrap());
    let labels_of = |picture: &Reconstructions| {
        let all = texts(&picture.to_svg().unwrap());
        all.into_iter()
            .filter(|text| text.parse::<f64>().is_ok() || text.starts_with('−'))
            .collect()
    };
    let (grey, colours): (Vec<String>, Vec<String>) =
        (labels_of(&both), labels_of(&both.clone().palette(Palette::Diverging)));
    assert_eq!(
        (grey, colours),
        (vec!["−2".into(), "4".into()], vec!["−4".into(), "0".into(), "4".into()])
    );

    let model = model!(2);
    let grid = CodeGrid::new(&model, 0.0..=1.0, 0.0..=1.0, 3).unwrap();
    let coloured = grid.clone().palette(Palette::Diverging);
    assert_ne!(grid.to_svg().unwrap(), coloured.to_svg().unwrap());
    let traversal = Traversal::new(&model, &[0.5; 2][..], 1, 0.0..=1.0, 3).unwrap();
    let coloured = traversal.clone().palette(Palette::Diverging);
    assert_ne!(traversal.to_svg().unwrap(), coloured.to_svg().unwrap());
    let nothing = DynImage { channels: 1, height: 0, width: 0 };
    assert!(matches!(grid.with_size(nothing), Err(Error::InvalidParameter { .. })));
}

/// Of several channels each is drawn below the one before, as it lies in memory.
#[test]
fn channels_lie_below_one_another() {
    // Two channels of 2 × 3 pixels; the second is the first one's negative.
    let first = [-1.0, 0.0, 1.0, 0.5, -0.5, 0.0];
    let image = Batch::new(Image::<2, 2, 3>, [first, first.map(|x| -x)].concat()).unwrap();
    let (width, _, pixels) = decoded(&FeatureGrid::new(&image).to_png().unwrap());
    let at = |row: usize, column: usize| {
        pixels[3 * ((62 + 12 * row) * width as usize + 26 + 12 * column)..][..3].to_vec()
    };
    let (blue, white, orange) = (vec![0, 114, 178], vec![255; 3], vec![213, 94, 0]);
    assert_eq!([at(0, 0), at(0, 1), at(0, 2)], [blue.clone(), white.clone(), orange.clone()]);
    assert_eq!([at(2, 0), at(2, 1), at(2, 2)], [orange, white, blue]);
    let tall = DynImage { channels: 1, height: 4, width: 3 };
    let same = image.clone().with_size(tall).unwrap();
    assert_eq!(FeatureGrid::new(&same).to_svg(), FeatureGrid::new(&image).to_svg());
    // Steps of several channels lie otherwise, and are no image; those of one are a line.
    let window = image.clone().with_size(Window::<2, 6>).unwrap();
    let error = FeatureGrid::new(&window).to_svg().unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { value, .. } if value.0 == 1.0), "{error}");
    let line = image.with_size(Window::<1, 12>).unwrap();
    assert_eq!(images(&FeatureGrid::new(&line).to_svg().unwrap()), 1);
}

/// Pictures of a conditional model are under a condition.
#[test]
fn traversals_and_columns_are_under_a_condition() {
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<6, 2, _>::new(Dense::<8, 2>::new(Sigmoid)))
        .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 6>::new(Sigmoid)))
        .build::<f64>()
        .unwrap();
    let code = [0.5, 0.5];
    let under = |condition: &[f64; 2]| {
        let traversal = Traversal::new(&model, (&code, condition), 1, 0.0..=1.0, 7).unwrap();
        traversal.with_size(Image::<1, 2, 3>).unwrap()
    };
    let svg = both!(under(&[1.0, 0.0]).title("Under one condition"));
    assert_eq!(images(&svg), 7);
    assert_ne!(under(&[1.0, 0.0]).to_svg().unwrap(), under(&[0.0, 1.0]).to_svg().unwrap());
    // Six plain features are no square, whatever the condition.
    let plain = Traversal::new(&model, (&code, &[1.0, 0.0]), 1, 0.0..=1.0, 7).unwrap();
    let refused = Error::NotAnImage { picture: "Traversal", features: 6 };
    assert_eq!(plain.to_svg(), Err(refused));
    let wrong = Traversal::new(&model, (&code[..], &[1.0][..]), 1, 0.0..=1.0, 7);
    assert!(matches!(wrong, Err(Error::SizeMismatch { .. })));
    let columns = decoder_columns_under(&model, &[1.0, 0.0]).unwrap();
    let columns = columns.with_size(Image::<1, 2, 3>).unwrap();
    assert_eq!(images(&FeatureGrid::new(&columns).to_svg().unwrap()), 2);
}

/// A model of images tells their size; what it is given need not.
#[test]
fn images_of_a_model_of_images_have_its_size() {
    let size = DynImage { channels: 1, height: 2, width: 6 };
    let model = AutoEncoder::builder()
        .encoder(Dense::between(size, Dyn(2), Sigmoid))
        .decoder(Dense::dynamic(2, 12, Sigmoid))
        .build::<f64>()
        .unwrap();
    let grid = CodeGrid::new(&model, 0.0..=1.0, 0.0..=1.0, 3).unwrap();
    assert_eq!(images(&grid.to_svg().unwrap()), 9);
    assert_eq!(grid.clone().with_size(size).unwrap().to_svg(), grid.to_svg());
    assert_eq!(images(&FeatureGrid::new(&filters(&model)).to_svg().unwrap()), 2);
}
