//! The page of a report: what it holds, that data in it is data, its size, and what a browser makes of it.
//!
//! The browser is Chromium: `AUTOENCODER_CHROMIUM`, or `chromium`, `chromium-browser`, `google-chrome`
//! on the path. Where there is none those tests say so and are passed over. With
//! `AUTOENCODER_SCREENSHOTS=folder` they leave pages and screenshots there.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::html::HtmlReport;
use autoencoder::nalgebra::{Const, Dyn};
use autoencoder::random::seeded;
use autoencoder::*;
use common::Folder;

const HOSTILE: [&str; 4] = [
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "'\"><svg onload=document.title='pwned'>",
    "{{constructor}} javascript:document.title='pwned' \u{2028} <!-- --!>",
];

/// Digits with a sparse code.
fn sparse() -> String {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 100>::new(Sigmoid))
        .decoder(Dense::<100, 64>::new(Sigmoid))
        .regularizer(SparseKl::new(0.05, 0.1).unwrap())
        .seed(7)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(40).validation_split(0.1);
    let report = trainer.fit(&mut model, &digits.train).unwrap();
    HtmlReport::new(&model, &report, &digits.test)
        .title("Handwritten digits in 100 sparse units")
        .image(8, 8)
        .labels(&digits.test_labels)
        .to_html()
        .unwrap()
}

/// Digits on a map of two units, by a Gaussian encoder.
fn plane() -> String {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 64>::new(Relu),
            Dense::<64, 2>::new(Identity),
            Dense::<64, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 64>::new(Relu).then(Dense::<64, 64>::new(Identity)))
        .regularizer(Variational::new(0.3).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(80);
    let report = trainer.fit(&mut model, &digits.train).unwrap();
    HtmlReport::new(&model, &report, &digits.test)
        .title("Digits on a plane")
        .image(8, 8)
        .labels(&digits.test_labels)
        .to_html()
        .unwrap()
}

const COLUMNS: [&str; 6] =
    ["temperature", "humidity", "pressure", "wind speed", "rain", "hours of sun"];

/// Forty days of weather, with units of their own.
fn weather(samples: usize) -> Batch<f64, Dyn> {
    let rng = &mut seeded(4);
    let mut values = Vec::new();
    for _ in 0..samples {
        let (a, b) = (f64::draw_normal(rng), f64::draw_normal(rng));
        let mut noise = || 0.2 * f64::draw_normal(rng);
        values.extend([
            15.0 + 6.0 * (a + noise()),
            60.0 - 9.0 * (a - b + noise()),
            1013.0 + 8.0 * (noise() - b),
            12.0 + 4.0 * (b + noise()),
            3.0 + 2.0 * (b - 0.5 * a + noise()),
            6.0 + 2.0 * (a + noise()),
        ]);
    }
    Batch::new(Dyn(6), values).unwrap()
}

fn table(columns: [&str; 6], labels: impl Fn(usize) -> String, title: &str) -> String {
    let x = weather(40);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 3, Tanh))
        .decoder(Dense::dynamic(3, 6, Identity))
        .normalizer(Normalizer::fit(data::Normalization::Standardize, &x).unwrap())
        .build::<f64>()
        .unwrap();
    let report = Trainer::new(Adam::new(1e-2).unwrap())
        .epochs(150)
        .batch_size(8)
        .fit(&mut model, &x)
        .unwrap();
    HtmlReport::new(&model, &report, &x)
        .title(title)
        .columns(columns)
        .labels((0..40).map(labels))
        .to_html()
        .unwrap()
}

fn season(sample: usize) -> String {
    ["spring", "summer", "autumn", "winter"][sample / 10].into()
}

/// The JSON of a page, read as a browser would: the element ends at the first `</script`.
fn content(page: &str) -> serde_json::Value {
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
        .image(8, 8)
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
    let page = HtmlReport::new(&model, &report, &digits.test).image(8, 8).to_html().unwrap();
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
    let page = HtmlReport::new(&model, &report, &digits.test).image(8, 8).to_html().unwrap();
    assert_eq!(content(&page)["traversal"]["units"], serde_json::json!(seen));
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
fn untrained(x: &Batch<f32, Dyn>, image: Option<(usize, usize)>) -> String {
    let features = x.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, 30, Relu))
        .decoder(Dense::dynamic(30, features, Identity))
        .build::<f32>()
        .unwrap();
    let few = x.select(0..x.samples().min(4));
    let report = Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut model, &few).unwrap();
    let mut html = HtmlReport::new(&model, &report, x);
    if let Some((width, height)) = image {
        html = html.image(width, height);
    } else {
        html = html.columns((0..features).map(|column| format!("{column} {}", "x".repeat(900))));
    }
    html.labels((0..x.samples()).map(|k| format!("{k}{}", "y".repeat(900)))).to_html().unwrap()
}

#[test]
fn a_page_is_small_whatever_the_data() {
    let filled = |features: usize, samples: usize| {
        let values = (0..features * samples).map(|k| (k * 2_654_435_761 % 1009) as f32 / 1009.0);
        Batch::new(Dyn(features), values.collect()).unwrap()
    };
    for (name, page) in [
        ("images of 784 pixels", untrained(&filled(784, 4000), Some((28, 28)))),
        ("large images", untrained(&filled(240 * 200, 60), Some((240, 200)))),
        ("a long line of pixels", untrained(&filled(20_000, 40), Some((20_000, 1)))),
        ("many samples", untrained(&filled(4, 60_000), Some((2, 2)))),
        ("many columns", untrained(&filled(3000, 300), None)),
        ("many rows", untrained(&filled(24, 20_000), None)),
    ] {
        assert!(page.len() < 5_000_000, "{name}: {}", page.len());
        content(&page);
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
    let refused = |html: HtmlReport<'_, _, _, _, _>, expected: usize, found: usize| {
        let error = html.to_html().unwrap_err();
        let Error::SizeMismatch { expected: e, found: f, .. } = error else { panic!("{error}") };
        assert_eq!((e, f), (expected, found));
    };
    refused(html().image(8, 9), 64, 72);
    refused(html().image(usize::MAX, 2), 64, usize::MAX);
    refused(html().columns(["a"]), 64, 1);
    refused(html().labels(["a", "b"]), 359, 2);
    let folder = Folder::new("html-refused");
    let nowhere = folder.join("no/such/folder.html");
    assert!(matches!(html().write_to(nowhere), Err(Error::File { .. })));
    html().write_to(folder.join("a.html")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("a.html")).unwrap(), html().to_html().unwrap());
}

/// Chromium, if there is one.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("AUTOENCODER_CHROMIUM").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    let browser = named.or(found);
    if browser.is_none() {
        // Straight to the stream, because the test harness hides what tests print.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no Chromium to open the report");
    }
    browser
}

/// What Chromium's window of this width makes of a page; a screenshot, too, if it is asked for.
fn open(
    browser: &Path,
    folder: &Folder,
    name: &str,
    page: &str,
    width: usize,
    dark: bool,
) -> String {
    let mut file = folder.join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    if let Some(kept) = std::env::var_os("AUTOENCODER_SCREENSHOTS") {
        std::fs::copy(&file, Path::new(&kept).join(format!("{name}.html"))).unwrap();
    }
    if width < 500 {
        // Chromium's window has at least 500 pixels, a frame in it may have less. Keys are pressed in it,
        // too: on the map, on a chart and on a slider.
        let script = "onload = () => {
            const page = frame.contentDocument, found = document.documentElement.dataset;
            Object.assign(found, page.documentElement.dataset);
            const press = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key }));
            const text = (selector) => page.querySelector(selector).textContent;
            found.before = text('#map .detail h3');
            for (const key of ['ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowLeft'])
                press(page.querySelector('#map .split > div'), key);
            press(page.querySelector('#map .split > div'), 'Home');
            found.after = text('#map .detail h3');
            press(page.querySelector('#training figure > div[tabindex]'), 'Home');
            found.epoch = text('#training .readout');
            const slider = page.querySelector('#traversal input');
            slider.value = 0;
            slider.dispatchEvent(new Event('input'));
            found.moved = text('#traversal figcaption');
            found.unnamed = [...page.querySelectorAll('[tabindex], canvas')]
                .filter((node) => !node.getAttribute('aria-label')).length;
        };";
        let frame = format!(
            "<!doctype html><body style=\"margin:0\"><iframe id=\"frame\" src=\"{name}.html\" width=\"{width}\" \
             height=\"9000\" style=\"border:0\"></iframe><script>{script}</script>"
        );
        file = folder.join(format!("{name}-{width}.html"));
        std::fs::write(&file, frame).unwrap();
    }
    let run = |arguments: &[String]| {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
        command.args(["--disable-dev-shm-usage", "--no-first-run", "--virtual-time-budget=4000"]);
        command.arg("--allow-file-access-from-files"); // for the frame
        command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
        if dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        let output =
            command.args(arguments).arg(format!("file://{}", file.display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    if let Some(kept) = std::env::var_os("AUTOENCODER_SCREENSHOTS").map(PathBuf::from) {
        let kept = kept.join(format!("{name}-{width}{}.png", if dark { "-dark" } else { "" }));
        let size = format!("--window-size={width},{}", if width < 500 { 9000 } else { 4800 });
        run(&[size, format!("--screenshot={}", kept.display())]);
    }
    run(&[format!("--window-size={width},900"), "--dump-dom".into()])
}

/// An attribute that the page's script has set on the document.
fn attribute<'a>(dom: &'a str, name: &str) -> &'a str {
    let start = format!("data-{name}=\"");
    let (_, rest) = dom.split_once(&start).unwrap_or_else(|| panic!("no {name}"));
    rest.split_once('"').unwrap().0
}

#[test]
fn a_browser_draws_everything_and_runs_nothing_else() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-report");
    // Points, charts, sliders.
    for (name, page, points, charts, sliders) in [
        ("sparse", sparse(), "359", "4", "8"),
        ("plane", plane(), "359", "4", "2"),
        ("table", table(COLUMNS, season, "Forty days of weather"), "40", "2", "3"),
    ] {
        for (width, dark) in [(1280, false), (390, false), (1280, true)] {
            let dom = open(&browser, &folder, name, &page, width, dark);
            let is = |what: &str, value: &str| {
                assert_eq!(attribute(&dom, what), value, "{name}: {what}")
            };
            is("ready", "true");
            is("errors", "");
            is("points", points);
            is("charts", charts);
            is("sliders", sliders);
            is("overflow", "false");
            if width == 390 {
                assert_ne!(attribute(&dom, "before"), attribute(&dom, "after"), "{name}");
                assert!(attribute(&dom, "epoch").starts_with("epoch 1: training "), "{name}");
                let moved = attribute(&dom, "moved");
                assert!(moved.starts_with("unit ") && moved.contains(" at "), "{name}: {moved}");
                is("unnamed", "0");
            }
        }
    }
}

#[test]
fn a_browser_runs_no_hostile_name() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-hostile");
    let columns = [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], "a", "b"];
    let page = table(columns, |sample| HOSTILE[sample % 4].into(), "Hostile names");
    let dom = open(&browser, &folder, "hostile", &page, 1280, false);
    assert_eq!(attribute(&dom, "ready"), "true");
    assert_eq!(attribute(&dom, "errors"), "");
    assert!(dom.contains("<title>Hostile names</title>"), "the title was changed");
    assert!(!dom.contains("<img"));
    // The names are there, as text.
    assert!(dom.contains("&lt;img src=x onerror="));

    // That this test can fail: a script that was let in does change the title where no policy forbids it,
    // and with the page's policy it does not run.
    let script = "<script>document.title='pwned'</script></body>";
    let with_policy = page.replacen("</body>", script, 1);
    let dom = open(&browser, &folder, "let-in", &with_policy, 1280, false);
    assert!(dom.contains("<title>Hostile names</title>"), "the policy let a script run");
    let open_page =
        with_policy.replacen("http-equiv=\"Content-Security-Policy\"", "name=\"none\"", 1);
    let dom = open(&browser, &folder, "no-policy", &open_page, 1280, false);
    assert!(dom.contains("<title>pwned</title>"));
}
