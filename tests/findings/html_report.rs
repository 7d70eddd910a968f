//! The page of a report: what it holds, that data in it is data, and its size. What a browser makes of it
//! is in `html_browser.rs`.

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::html::HtmlReport;
use autoencoder::nalgebra::{Const, Dyn};
use autoencoder::size::{DynImage, Image, SameSize, Size};
use autoencoder::*;
use common::Folder;
use common::table::{COLUMNS, HOSTILE, season, table};

/// The JSON of a page, read as a browser would: the element ends at the first `</script`.
pub fn content(page: &str) -> serde_json::Value {
    let start = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(start).unwrap();
    let (json, _) = rest.split_once("</script").unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_page_holds_what_was_computed() {
    let digits = datasets::digits::<f64>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 3>::new(Tanh))
        .decoder(Dense::<3, 64>::new(Sigmoid))
        .build::<f64>()
        .unwrap();
    let report =
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(7).fit(&mut model, &digits.train).unwrap();
    let page = HtmlReport::new(&model, &report, &digits.test)
        .labels(&digits.test_labels)
        .to_html()
        .unwrap();
    let json = content(&page);
    // Numbers are written with five digits.
    let is = |json: &serde_json::Value, value: f64| {
        let found = json.as_f64().unwrap();
        assert!((found - value).abs() <= 6e-5 * value.abs(), "{found} for {value}");
    };
    let curve = &json["curves"]["panels"][0]["series"][0]["values"];
    assert_eq!(curve.as_array().unwrap().len(), 7);
    is(&curve[6], report.epochs[6].terms.total());

    // Best, median and worst are those by the loss.
    let scores = model.score(&digits.test).unwrap();
    let mut sorted = scores.clone();
    sorted.sort_by(f64::total_cmp);
    for (group, first) in [(0, sorted[0]), (2, sorted[358])] {
        let group = &json["reconstructions"][group];
        is(&group["scores"][0], first);
        let sample = group["samples"][0].as_u64().unwrap() as usize;
        is(&group["scores"][0], scores[sample]);
        let label = digits.test_labels[sample].to_string();
        assert_eq!(group["labels"][0].as_str(), Some(label.as_str()));
    }
    assert!(json["reconstructions"][1]["samples"].as_array().unwrap().len() == 6);
    is(&json["reconstructions"][1]["scores"][3], sorted[179]);

    // Every picture is there, and the traversal's middle moves between its ends.
    let bytes = |text: &serde_json::Value| text.as_str().unwrap().len() / 4 * 3;
    assert_eq!(json["map"]["samples"].as_array().unwrap().len(), 359);
    assert!(bytes(&json["map"]["x"]).abs_diff(359 * 64) < 3);
    assert!(bytes(&json["traversal"]["y"]).abs_diff((1 + 3 * 11) * 64) < 3);
    assert_eq!(json["units"]["mean"].as_array().unwrap().len(), 3);
    assert_eq!(json["map"]["classes"].as_array().unwrap().len(), 10);
    // A picture's pixel: black is the least value of all samples and white the greatest.
    let first = json["reconstructions"][0]["samples"][0].as_u64().unwrap() as usize;
    let text = json["reconstructions"][0]["x"].as_str().unwrap();
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u32> = text.bytes().take(88).map(|c| u32::from(value(c))).collect();
    let decoded: Vec<u8> = bits
        .chunks(4)
        .flat_map(|four| {
            let all = four.iter().fold(0, |all, six| all << 6 | six);
            [(all >> 16) as u8, (all >> 8) as u8, all as u8]
        })
        .collect();
    for (byte, x) in decoded.iter().zip(digits.test.sample(first)) {
        assert_eq!(f64::from(*byte), (255.0 * x).round());
    }
}

#[test]
fn the_page_warns_first_of_what_stands_out() {
    let digits = datasets::digits::<f64>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Relu))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f64>()
        .unwrap();
    let mut parameters = model.parameters().to_vec();
    let weights = model.layout().get("encoder.0.weight").unwrap().range.clone();
    let biases = model.layout().get("encoder.0.bias").unwrap().range.clone();
    parameters[weights].iter_mut().skip(4).step_by(10).for_each(|w| *w = 0.0);
    parameters[biases.start + 4] = -1.0;
    model.set_parameters(&parameters).unwrap();
    // Too large a rate, so that numbers stop being finite.
    let policy = OnDivergence::RestoreBest { limit: 1000 };
    let mut trainer = Trainer::new(Sgd::new(1e4).unwrap()).epochs(2).on_divergence(policy);
    let report = trainer.fit(&mut model, &digits.train).unwrap();
    assert!(!report.divergences.is_empty());
    let page = HtmlReport::new(&model, &report, &digits.test).to_html().unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let first = format!("<strong>Divergence</strong> {}", report.divergences[0]);
    assert!(at(&first) < at("<strong>Dead units</strong>"));
    assert!(at("<strong>Dead units</strong>") < at("<h2 id=\"training-heading\">"));
    let events = content(&page)["curves"]["diverged"].as_array().unwrap().len();
    assert_eq!(events, report.divergences.len().min(100));
}

#[test]
fn sliders_go_to_the_units_that_change_the_result_most() {
    let digits = datasets::digits::<f64>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Sigmoid))
        .decoder(Dense::<20, 64>::new(Identity))
        .build::<f64>()
        .unwrap();
    // Of the decoder, eight units alone have weights.
    let seen = [1, 2, 5, 7, 11, 12, 13, 19];
    let mut parameters = model.parameters().to_vec();
    let weights = model.layout().get("decoder.0.weight").unwrap().range.clone();
    for (unit, weights) in parameters[weights].chunks_mut(64).enumerate() {
        weights.fill(if seen.contains(&unit) { 0.5 } else { 0.0 });
    }
    model.set_parameters(&parameters).unwrap();
    let mut other = model.clone();
    let report =
        Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut other, &digits.train).unwrap();
    let page = HtmlReport::new(&model, &report, &digits.test).to_html().unwrap();
    assert_eq!(content(&page)["traversal"]["units"], serde_json::json!(seen));
}

/// All its samples count alike, and it shows them all: what says otherwise is not left out.
#[test]
fn weights_and_held_out_samples_are_refused() {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 4>::new(Tanh))
        .decoder(Dense::<4, 64>::new(Identity))
        .build()
        .unwrap();
    let report =
        Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut model, &digits.test).unwrap();
    let refused = |examples| {
        let page = HtmlReport::new(&model, &report, examples).to_html();
        page.unwrap_err().to_string()
    };
    let ones = vec![1.0; digits.test.samples()];
    assert_eq!(
        refused(Examples::of(&digits.test).weights(&ones)),
        "Examples::weights are not for this call, in which all samples count alike: leave them out"
    );
    assert_eq!(
        refused(Examples::of(&digits.test).held_out(&digits.test)),
        "Examples::held_out is not for this call, which does not validate: leave it out"
    );
}

#[test]
fn hostile_names_stay_text() {
    let columns = [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], "a", "b"];
    let page = table(columns, |sample| HOSTILE[sample % 4].into(), HOSTILE[0]);
    // What the page itself has: its data, its script.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<img").count() + page.matches("<svg").count(), 0);
    assert!(!page.contains("<!-") && !page.contains('\u{2028}'));
    let json = content(&page);
    let short = |text: &str| text.chars().take(120).collect::<String>();
    assert_eq!(json["columns"][0].as_str(), Some(short(HOSTILE[0]).as_str()));
    assert!(json["map"]["classes"].as_array().unwrap().iter().any(|class| *class == HOSTILE[3]));
    assert!(page.contains("<title>&lt;/script&gt;&lt;script&gt;"));
}

#[test]
fn the_page_loads_nothing() {
    let page = table(COLUMNS, season, "Weather");
    assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    assert!(!page.contains("unsafe-inline"));
    // The only address is the name of SVG's elements, which is no request.
    let addresses = page.matches("://").count();
    assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count());
    for loads in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "<link", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }
    for needed in ["lang=\"en\"", "name=\"viewport\"", "prefers-color-scheme: dark", "<noscript>"] {
        assert!(page.contains(needed), "{needed}");
    }
}

/// A model as it was built, and the report of an epoch, for samples of any size.
fn untrained<S: Size + SameSize<Dyn>>(x: &Batch<f32, S>) -> String {
    let features = x.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, 30, Relu))
        .decoder(Dense::dynamic(30, features, Identity))
        .build::<f32>()
        .unwrap();
    let few = x.select(0..x.samples().min(4)).into_dynamic();
    let report = Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut model, &few).unwrap();
    HtmlReport::new(&model, &report, x)
        .columns((0..features).map(|column| format!("{column} {}", "x".repeat(900))))
        .labels((0..x.samples()).map(|k| format!("{k}{}", "y".repeat(900))))
        .to_html()
        .unwrap()
}

#[test]
fn a_page_is_small_whatever_the_data() {
    let filled = |features: usize, samples: usize| {
        let values = (0..features * samples).map(|k| (k * 2_654_435_761 % 1009) as f32 / 1009.0);
        Batch::new(Dyn(features), values.collect()).unwrap()
    };
    let image = |width: usize, height: usize, samples: usize| {
        let size = DynImage { channels: 1, height, width };
        untrained(&filled(width * height, samples).with_size(size).unwrap())
    };
    // With the width and the height of a picture, where there is one.
    for (name, page, picture) in [
        ("images of 784 pixels", image(28, 28, 4000), Some([28, 28])),
        ("large images", image(240, 200, 60), Some([96, 96])),
        ("a long line of pixels", image(20_000, 1, 40), None),
        ("a tall line of pixels", image(1, 20_000, 40), Some([1, 96])),
        ("many samples", image(2, 2, 60_000), Some([2, 2])),
        ("many columns", untrained(&filled(3000, 300)), None),
        ("many rows", untrained(&filled(24, 20_000)), None),
    ] {
        assert!(page.len() < 5_000_000, "{name}: {}", page.len());
        assert_eq!(content(&page)["picture"], serde_json::json!(picture), "{name}");
    }
}

#[test]
fn least_and_extreme_data_give_a_page() {
    for values in [vec![0.5, 0.25], vec![3e38, -3e38, -3e38, 3e38], vec![0.0; 4]] {
        let x = Batch::new(Dyn(2), values).unwrap();
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(2, 1, Identity))
            .decoder(Dense::dynamic(1, 2, Identity))
            .build::<f32>()
            .unwrap();
        let mut other = model.clone();
        let one = Batch::from_iter([[0.5, 0.25]]);
        let one: Batch<f32, Dyn> = Batch::<f32, Const<2>>::into_dynamic(one);
        let report =
            Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut other, &one).unwrap();
        match HtmlReport::new(&model, &report, &x).to_html() {
            Ok(page) => assert!(content(&page)["map"]["px"].as_array().is_some()),
            // Codes beyond the number type cannot be decoded, and are named.
            Err(error) => assert!(matches!(error, Error::NotFinite { .. }), "{error}"),
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 4>::new(Tanh))
        .decoder(Dense::<4, 64>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let report =
        Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut model, &digits.train).unwrap();
    let html = || HtmlReport::new(&model, &report, &digits.test);
    let sizes = |result: Result<String>| match result {
        Err(Error::SizeMismatch { expected, found, .. }) => (expected, found),
        other => panic!("{other:?}"),
    };
    // Images of another size are no batch, so that none comes here.
    let image = |height, width| {
        let size = DynImage { channels: 1, height, width };
        digits.test.clone().with_size(size).map(|_| String::new())
    };
    assert_eq!(sizes(image(8, 9)), (72, 64));
    assert_eq!(sizes(image(usize::MAX, 2)), (usize::MAX, 64));
    assert_eq!(sizes(html().columns(["a"]).to_html()), (64, 1));
    assert_eq!(sizes(html().labels(["a", "b"]).to_html()), (359, 2));
    // Samples of another number of features than the model's, and none.
    let size = DynImage { channels: 1, height: 8, width: 9 };
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(64, 4, Tanh))
        .decoder(Dense::dynamic(4, 64, Sigmoid))
        .build::<f32>()
        .unwrap();
    let wide = Batch::<f32, _>::zeros(size, 3);
    assert_eq!(sizes(HtmlReport::new(&model, &report, &wide).to_html()), (64, 72));
    let none = Batch::<f32, _>::zeros(Dyn(64), 0);
    let refused = HtmlReport::new(&model, &report, &none).to_html();
    assert!(matches!(refused, Err(Error::NoSamples { .. })), "{refused:?}");
    let folder = Folder::new("html-refused");
    let nowhere = folder.join("no/such/folder.html");
    assert!(matches!(html().write_to(nowhere), Err(Error::File { .. })));
    html().write_to(folder.join("a.html")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("a.html")).unwrap(), html().to_html().unwrap());
}

/// Digits in a model of plain features, seen as plain features and as images.
#[test]
fn samples_are_pictures_if_their_size_says_so() {
    let digits = datasets::digits::<f32>();
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 4>::new(Tanh))
        .decoder(Dense::<4, 64>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let mut other = model.clone();
    let report =
        Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut other, &digits.train).unwrap();
    let plain = digits.test.clone().with_size(Const::<64>).unwrap();
    let colours = digits.test.clone().with_size(Image::<4, 4, 4>).unwrap();
    let pages = [
        HtmlReport::new(&model, &report, &digits.test).to_html().unwrap(),
        HtmlReport::new(&model, &report, &colours).to_html().unwrap(),
        HtmlReport::new(&model, &report, &plain).to_html().unwrap(),
    ];
    let [image, colours, plain] = pages.map(|page| content(&page));
    assert_eq!(image["picture"], serde_json::json!([8, 8]));
    // Four channels, one below the other.
    assert_eq!(colours["picture"], serde_json::json!([4, 16]));
    assert_eq!(colours["reconstructions"], image["reconstructions"]);
    assert!(plain["picture"].is_null());
    assert_eq!(plain["columns"].as_array().unwrap().len(), 24);
    for json in [&image, &colours, &plain] {
        assert_eq!(json["map"]["px"], image["map"]["px"]);
        assert_eq!(json["units"], image["units"]);
    }
    // Three channels are red, green and blue: planes of one picture.
    let values = vec![0.2_f32, 0.4, 0.6, 0.2, 0.4, 0.4, 0.4, 0.4, 0.6, 0.2, 0.4, 0.6];
    let photo = Batch::new(Image::<3, 2, 2>, values).unwrap();
    let three = AutoEncoder::builder()
        .encoder(Dense::<12, 2>::new(Tanh))
        .decoder(Dense::<2, 12>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let page = content(&HtmlReport::new(&three, &report, &photo).to_html().unwrap());
    assert_eq!((&page["picture"], &page["colour"]), (&serde_json::json!([2, 2]), &true.into()));
    assert_eq!([0, 1].map(|end| page["span"][end].as_f64()), [Some(0.0), Some(1.0)]);
    // base64.b64encode(bytes([51, 102, 153, 51, 102, 102, 102, 102, 153, 51, 102, 153])), of Python
    assert_eq!(page["map"]["x"], "M2aZM2ZmZmaZM2aZ");
    assert_eq!(image["colour"], false);
    // A model of images shows plain samples as images.
    let model = AutoEncoder::builder()
        .encoder(Dense::between(Image::<1, 8, 8>, Const::<4>, Tanh))
        .decoder(Dense::between(Const::<4>, Image::<1, 8, 8>, Sigmoid))
        .build::<f32>()
        .unwrap();
    let plain = digits.test.clone().with_size(Const::<64>).unwrap();
    let [of_plain, of_images] = [
        HtmlReport::new(&model, &report, &plain).to_html().unwrap(),
        HtmlReport::new(&model, &report, &digits.test).to_html().unwrap(),
    ];
    assert_eq!(of_plain, of_images);
}

#[test]
fn a_classifier_has_a_page_without_reconstructions() {
    let digits = datasets::digits::<f64>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 6>::new(Tanh))
        .classes::<10>()
        .build::<f64>()
        .unwrap();
    let report = Trainer::new(Adam::new(1e-2).unwrap())
        .epochs(3)
        .fit(&mut model, (&digits.train, &digits.train_labels))
        .unwrap();
    let test = (&digits.test, &digits.test_labels);
    let page = HtmlReport::new(&model, &report, test).to_html().unwrap();
    assert!(page.contains("<title>Classifier report</title>"));
    let accuracy = model.accuracy(&digits.test, &digits.test_labels).unwrap();
    assert!(page.contains(&format!("<dt>Accuracy</dt><dd><strong>{:.1} %", 100.0 * accuracy)));
    assert!(page.contains("64 inputs → code of 6 → 10 classes"));
    for none in ["id=\"reconstructions\"", "id=\"traversal\"", "Explained variance"] {
        assert!(!page.contains(none), "{none}");
    }
    let json = content(&page);
    assert!(json["reconstructions"].is_null() && json["traversal"].is_null());
    assert!(json["map"]["y"].is_null() && json["map"]["x"].is_string());
    // Its classes colour the map, unless something else is said of the samples.
    let classes: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    assert_eq!(json["map"]["classes"], serde_json::json!(classes));
    let scores = model.score(test).unwrap();
    let found = json["map"]["scores"][7].as_f64().unwrap();
    assert!((found - scores[7]).abs() <= 6e-5 * scores[7]);
    let page = HtmlReport::new(&model, &report, test).labels(vec!["all"; 359]).to_html().unwrap();
    assert_eq!(content(&page)["map"]["classes"], serde_json::json!(["all"]));
    // A code of one unit stands against the loss, which is of no reconstruction.
    let line = AutoEncoder::builder()
        .encoder(Dense::<64, 1>::new(Tanh))
        .classes::<10>()
        .build::<f64>()
        .unwrap();
    let json = content(&HtmlReport::new(&line, &report, test).to_html().unwrap());
    assert_eq!(json["map"]["axes"], serde_json::json!(["code unit 0", "loss"]));
    let short = HtmlReport::new(&model, &report, (&digits.test, &digits.test_labels[1..]));
    assert!(matches!(short.to_html(), Err(Error::SizeMismatch { .. })));
}

#[test]
fn a_conditional_model_has_a_page_under_its_conditions() {
    let digits = datasets::digits::<f64>();
    let hot = |labels: &[u8]| -> Batch<f64, Const<10>> {
        let row = |&label: &u8| std::array::from_fn(|k| f64::from(k == usize::from(label)));
        labels.iter().map(row).collect()
    };
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 2>::new(Tanh)))
        .decoder(Conditioned::<2, 10, _>::new(Dense::<12, 64>::new(Sigmoid)))
        .build::<f64>()
        .unwrap();
    let (of_train, of_test) = (hot(&digits.train_labels), hot(&digits.test_labels));
    let report = Trainer::new(Adam::new(1e-2).unwrap())
        .epochs(3)
        .fit(&mut model, (&digits.train, &of_train))
        .unwrap();
    let test = (&digits.test, &of_test);
    let page = HtmlReport::new(&model, &report, test).to_html().unwrap();
    assert!(page.contains("64 inputs and a condition of 10 → code of 2 → 64 outputs"));
    let json = content(&page);
    let scores = model.score(test).unwrap();
    let best = &json["reconstructions"][0];
    let sample = best["samples"][0].as_u64().unwrap() as usize;
    let found = best["scores"][0].as_f64().unwrap();
    assert!((found - scores[sample]).abs() <= 6e-5 * scores[sample]);
    assert!(scores.iter().all(|&score| score >= scores[sample]));
    let codes = model.encode(test).unwrap();
    let px = json["map"]["px"][5].as_f64().unwrap();
    assert!((px - codes.sample(5)[0]).abs() <= 6e-5 * px.abs());
    // Two units: a grid, and the features of the first layer without the condition's weights.
    assert_eq!(json["traversal"]["grid"], true);
    let bytes = json["features"]["weights"].as_str().unwrap().len() / 4 * 3;
    assert!(bytes.abs_diff(2 * 64) < 3, "{bytes}");
    // Other conditions, another page.
    let wrong = hot(&vec![3; 359]);
    let other = HtmlReport::new(&model, &report, (&digits.test, &wrong)).to_html().unwrap();
    assert_ne!(content(&other)["reconstructions"], json["reconstructions"]);
}

/// Of a convolution the filters are shown, and what is normalized first does not hide the weights behind it.
#[test]
fn the_first_weights_are_shown_whatever_stands_before_them() {
    let digits = datasets::digits::<f32>();
    macro_rules! features {
        ($encoder:expr) => {{
            let mut model = AutoEncoder::builder()
                .encoder($encoder)
                .decoder(Dense::between(Const::<5>, Image::<1, 8, 8>, Sigmoid))
                .build::<f32>()
                .unwrap();
            let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1);
            let report = trainer.fit(&mut model, &digits.train).unwrap();
            let page = HtmlReport::new(&model, &report, &digits.test).to_html().unwrap();
            (content(&page)["features"].clone(), model)
        }};
    }
    let size = |features: &serde_json::Value| features["weights"].as_str().unwrap().len() / 4 * 3;
    let (convolution, model) = features!(
        GroupNorm::<Image<1, 8, 8>, 1>::new()
            .then(Conv2d::<Image<1, 8, 8>, Image<6, 8, 8>, 3>::new(Tanh))
            .then(Dense::<384, 5>::new(Tanh))
    );
    assert_eq!(convolution["tensor"], "encoder.1.weight");
    assert_eq!(convolution["sides"], serde_json::json!([3, 3]));
    assert_eq!(convolution["of"], 6);
    assert!(size(&convolution).abs_diff(6 * 9) < 3);
    assert_eq!(autoencoder::units::convolution_filters(&model).unwrap().samples(), 6);
    let (dense, _) = features!(GroupNorm::<Image<1, 8, 8>, 1>::new().then(Dense::between(
        Image::<1, 8, 8>,
        Const::<5>,
        Tanh
    )));
    assert_eq!(dense["tensor"], "encoder.1.weight");
    assert!(dense["sides"].is_null());
    assert!(size(&dense).abs_diff(5 * 64) < 3);
}
