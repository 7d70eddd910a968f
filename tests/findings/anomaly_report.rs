//! The page of a detector on a batch: the oddest rows in the user's words, the scores, the map, the drift; and that nothing
//! in a cell is markup. What a browser makes of it is in `html_browser.rs`.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Cell, Schema};
use autoencoder::html::{AnomalyReport, HtmlReport};
use autoencoder::nalgebra::Dyn;
use autoencoder::size::DynImage;
use autoencoder::*;
use common::Folder;
use common::machines::{LEVELS, Machines, NAMES, images, machines, windows};
use common::table::HOSTILE;

use super::html_report::content;

/// The rows of a table of the page, each as its cells with tags taken out of them.
fn rows(page: &str, class: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(&format!("<table class=\"{class}\">")).unwrap();
    let (_, rest) = rest.split_once("<tbody>").unwrap();
    let (table, _) = rest.split_once("</tbody>").unwrap();
    let cells =
        |row: &str| row.split("</td>").flat_map(|cell| cell.split("</th>")).map(text).collect();
    table.split("</tr>").filter(|row| row.contains("<th")).map(cells).collect()
}

/// Without tags; items of a list on lines.
fn text(html: &str) -> String {
    let html = html.replace("</li>", "\n");
    let pieces = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<String>().trim().to_owned()
}

fn is_near(found: &serde_json::Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= 6e-5 * expected.abs(), "{found} for {expected}");
}

#[test]
fn a_table_is_told_in_its_own_words() {
    let Machines { schema, mut detector, batch, reference } = machines(NAMES, LEVELS, "hall 2");
    let threshold = detector.threshold().unwrap();
    let scores = detector.scores(&batch).unwrap();
    let mut order: Vec<usize> = (0..200).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let page = AnomalyReport::new(&detector, &batch).to_html().unwrap();

    // The histogram: all scores, with those above the threshold in bars of their own.
    let json = content(&page);
    let found = &json["scores"];
    let above = detector.detect(&batch).unwrap().iter().filter(|&&is| is).count();
    let counts: Vec<u64> =
        found["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    let beyond = found["beyond"].as_u64().unwrap() as usize;
    assert!((3..100).contains(&above));
    assert_eq!(found["above"], above);
    assert_eq!(counts.iter().sum::<u64>(), 200);
    assert_eq!(counts[beyond..].iter().sum::<u64>(), above as u64);
    is_near(&found["edges"][beyond], threshold.value());
    is_near(&found["threshold"], threshold.value());

    // The oddest rows: the numbers of those with the highest scores, and the words of their explanations.
    let table = rows(&page, "odd");
    assert_eq!(table.len(), 20);
    for (line, &row) in table.iter().zip(&order) {
        assert_eq!(line[0], row.to_string());
        let why = detector.explain(batch.sample(row)).unwrap();
        let first = &why.cells[0];
        let percent = (100.0 * first.share).round();
        let expected = match first.value == first.expected {
            true => "nearly as expected".to_owned(),
            false => format!("expected {}", first.expected),
        };
        let told = format!("{}: {}, {expected} ({percent} %)", first.column, first.value);
        let novel = if first.is_novel { ", never seen in normal samples" } else { "" };
        assert_eq!(line[2].lines().next().unwrap(), told + novel, "row {row}");
    }
    let words = |row: usize| &table[order.iter().position(|&other| other == row).unwrap()][2];
    assert!(words(60).starts_with("heat: 90, expected "), "{}", words(60));
    assert!(words(90).contains("kind: unknown, expected "), "{}", words(90));
    assert!(words(30).contains("pump") || words(30).contains("roof"), "{}", words(30));
    assert_eq!(page.matches("<tr class=\"beyond\">").count(), above.min(20));

    // The map: each point with its number, its score and words; those of the table as they are there.
    let map = &json["map"];
    assert_eq!(map["samples"].as_array().unwrap().len(), 200);
    is_near(&map["scores"][60], scores[60]);
    let of_map: Vec<&str> =
        map["words"][60].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(of_map, words(60).lines().collect::<Vec<_>>());
    // Of a row that is not in the table: missing is said to be so. Every 29th has no load.
    let gap = (0..200).find(|&row| batch.sample(row).iter().any(|x| x.is_nan())).unwrap();
    let of_gap = map["words"][gap].as_array().unwrap();
    assert_eq!(of_gap.last().unwrap(), "missing: load");
    assert_eq!(
        map["classes"],
        serde_json::json!(["not above the threshold", "above the threshold"])
    );
    assert_eq!(map["class"][60], 1);
    assert!(json["missing"] == true && !map["said"][7].as_str().unwrap().contains("p = "));
    assert!(page.contains("in 7 rows"), "of 200 rows every 29th");
    assert!(!page.contains("id=\"drift\"") && !page.contains("p-value</th>"));
    assert!(page.contains("<dt>hall 2</dt><dd>hall 2</dd>"));
    assert!(page.contains("no reference is given"));

    // Options: each changes what it says it does.
    let three = AnomalyReport::new(&detector, &batch).rows(3).to_html().unwrap();
    assert_eq!(rows(&three, "odd"), table[..3]);
    let all = AnomalyReport::new(&detector, &batch).rows(1000).to_html().unwrap();
    assert_eq!(rows(&all, "odd").len(), 200);
    let titled = AnomalyReport::new(&detector, &batch).title("Hall 2").to_html().unwrap();
    assert!(page.contains("<h1>Anomaly report</h1>") && titled.contains("<h1>Hall 2</h1>"));
    let labels = (0..200).map(|row| ["day", "night"][row % 2]);
    let labelled = AnomalyReport::new(&detector, &batch).labels(labels).to_html().unwrap();
    let first = &rows(&labelled, "odd")[0];
    assert_eq!(first[1], ["day", "night"][order[0] % 2]);
    assert_eq!(content(&labelled)["map"]["classes"], serde_json::json!(["day", "night"]));
    let names = (0..schema.features()).map(|k| format!("part {k}"));
    let named = AnomalyReport::new(&detector, &batch).columns(names).to_html().unwrap();
    let heat = schema.features() - 1;
    let told = &rows(&named, "odd")[order.iter().position(|&row| row == 60).unwrap()][2];
    assert!(told.starts_with(&format!("part {heat}: 90, expected ")), "{told}");

    // Calibrated, with p-values.
    detector.calibrate(&reference).unwrap();
    let p_values = detector.p_values(&batch).unwrap();
    let page = AnomalyReport::new(&detector, &batch).to_html().unwrap();
    let least = rows(&page, "odd")[0][2].parse::<f64>().unwrap();
    assert!((least - p_values[order[0]]).abs() < 1e-6);
    let said = content(&page)["map"]["said"][60].as_str().unwrap().to_owned();
    let (_, p) = said.split_once(", p = ").unwrap();
    assert!((p.parse::<f64>().unwrap() - p_values[60]).abs() < 1e-6);
    let rare = p_values.iter().filter(|&&p| p <= 0.05).count();
    assert!(page.contains(&format!("<dt>p at most 0.05</dt><dd><strong>{rare}</strong>")));
}

#[test]
fn drift_is_told_by_columns_and_of_the_scores() {
    let Machines { schema, detector, batch, reference } = machines(NAMES, LEVELS, "");
    // All loads of the batch a half higher.
    let mut moved = batch.clone();
    let load = schema.features() - 2;
    moved.as_mut_slice().iter_mut().skip(load).step_by(schema.features()).for_each(|x| *x *= 1.5);
    let page = AnomalyReport::new(&detector, &moved).reference(&reference).to_html().unwrap();
    let table = rows(&page, "drift");
    assert_eq!(table.len(), 1 + schema.features());
    let expected = metrics::drift(&reference, &moved).unwrap();
    let mut order: Vec<_> = expected.columns().iter().collect();
    order.sort_by(|a, b| b.stability.total_cmp(&a.stability));
    for (line, column) in table[1..].iter().zip(order) {
        let test = column.test.unwrap();
        assert_eq!(line[0], schema.feature_names()[column.feature]);
        assert_eq!(line[1], format!("{:.3}", column.stability));
        assert_eq!(line[3], format!("{:.3}", test.statistic));
        match line[4].parse::<f64>() {
            Ok(p) => assert!((p - test.p_value).abs() <= 5e-4 * test.p_value),
            Err(_) => assert!(line[4] == "&lt; 1e-6" && test.p_value < 1e-6, "{}", line[4]),
        }
    }
    assert_eq!(table[1][0], "load");
    assert_eq!(table[1][2], "much");
    // Seven of 200 have no load, and so in the reference.
    assert_eq!(table[1][7], "3.5 → 3.5 %");
    let [before, now] = [&reference, &moved].map(|x| detector.scores(x).unwrap());
    let stability = metrics::population_stability(&before, &now, 10).unwrap();
    let test = metrics::kolmogorov_smirnov(&before, &now).unwrap();
    assert_eq!(table[0][0], "the score");
    assert_eq!(table[0][1], format!("{stability:.3}"));
    assert_eq!(table[0][3], format!("{:.3}", test.statistic));
    assert!(
        page.contains("<strong>A column has moved</strong> much: load.")
            || page.contains("Columns have moved")
    );
    assert!(page.contains("<strong>Scores have moved</strong>"));
    // A batch held against itself has not.
    let page = AnomalyReport::new(&detector, &batch).reference(&batch).to_html().unwrap();
    assert!(rows(&page, "drift").iter().all(|line| line[1] == "0.000" && line[2] == "little"));
    assert!(!page.contains("moved</strong>") && page.contains("<strong>Odd rows</strong>"));
    let mut calm = detector;
    calm.set_threshold(Threshold::at(1e9).unwrap());
    let page = AnomalyReport::new(&calm, &reference).reference(&reference).to_html().unwrap();
    assert!(page.contains("Nothing: no row is above the threshold, and neither the scores nor a"));
}

#[test]
fn a_window_is_told_by_channel_and_steps() {
    let (detector, x) = windows();
    let page = AnomalyReport::new(&detector, &x).columns(["flow", "echo"]).to_html().unwrap();
    let table = rows(&page, "odd");
    let line = table.iter().find(|line| line[0] == "0").unwrap();
    // Nothing but the steps that were touched, of the channel that was.
    let told: Vec<&str> = line[2].lines().collect();
    assert!(told[0].contains(" of 12: 25, expected "), "{told:?}");
    for word in told {
        let (_, steps) = word.split_once("echo, step").expect(word);
        let (steps, _) = steps.trim_start_matches('s').trim().split_once(" of 12").unwrap();
        assert!(steps.split('–').all(|step| ["5", "6", "7", "8"].contains(&step)), "{word}");
    }
    let last = content(&page)["map"]["words"][39].clone();
    assert_eq!(last.as_array().unwrap().last().unwrap(), "missing: flow at step 1");
    // Without names by numbers, and with names of all features by these.
    let page = AnomalyReport::new(&detector, &x).to_html().unwrap();
    assert!(page.contains("<li>channel 1, step"));
    let all = (0..24).map(|k| format!("value {k}"));
    let page = AnomalyReport::new(&detector, &x).columns(all).to_html().unwrap();
    assert!(page.contains("<li>value ") && !page.contains(" of 12: 25"));
    let refused = AnomalyReport::new(&detector, &x).columns(["flow"; 3]).to_html().unwrap_err();
    let unit = "names, one for each channel, or one for each feature";
    let place = "AnomalyReport::columns";
    assert_eq!(refused, Error::SizeMismatch { place, unit, expected: 2, found: 3 });
    // The page of a training takes either, too.
    let mut other = detector.model().clone();
    let report = Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut other, &x).unwrap();
    let page = || HtmlReport::new(detector.model(), &report, &x);
    let columns = |page: HtmlReport<'_, f64>| content(&page.to_html().unwrap())["columns"].clone();
    assert_eq!(columns(page().columns(["flow", "echo"]))[3], "echo, step 2 of 12");
    assert_eq!(columns(page().columns(0..24))[3], "3");
    assert_eq!(columns(page())[3], "channel 1, step 2 of 12");
    let refused = page().columns(["flow"; 3]).to_html().unwrap_err();
    let place = "HtmlReport::columns";
    assert_eq!(refused, Error::SizeMismatch { place, unit, expected: 2, found: 3 });
    // Drift is of channels, over all steps.
    let page = AnomalyReport::new(&detector, &x).reference(&x).columns(["flow", "echo"]);
    let table = rows(&page.to_html().unwrap(), "drift");
    assert_eq!(
        table.iter().map(|line| &*line[0]).collect::<Vec<_>>(),
        ["the score", "flow", "echo"]
    );
}

/// After a calibration by blocks a p-value is that of a block, and nothing is promised of single rows.
#[test]
fn a_calibration_by_blocks_is_told_as_one() {
    let (mut detector, x) = windows();
    let page = |detector: &AnomalyDetector<_, _, _, _, _, f64>| {
        AnomalyReport::new(detector, &x).to_html().unwrap()
    };
    // Others than those that the score was fitted to.
    let mut held_out = x.select(1..31);
    held_out.as_mut_slice().iter_mut().for_each(|value| *value += 0.01);
    detector.calibrate(&held_out).unwrap();
    let by_rows = page(&detector);
    assert!(by_rows.contains("<dt>Calibrated</dt><dd>with 30 rows</dd>"));
    assert!(by_rows.contains("of all rows; of normal ones about 2"));
    assert!(by_rows.contains(">p-value</th>") && !by_rows.contains("of a block"));
    let blocks: Vec<_> = (0..10).map(|block| 3 * block..3 * block + 3).collect();
    detector.calibrate_blocks(&held_out, &blocks).unwrap();
    let by_blocks = page(&detector);
    assert!(by_blocks.contains("<dt>Calibrated</dt><dd>with 10 blocks of 3 rows</dd>"));
    assert!(by_blocks.contains("of all rows; p is that of a block of 3 rows"));
    assert!(!by_blocks.contains("of normal ones"));
    assert!(by_blocks.contains(">p-value of a block</th>") && !by_blocks.contains(">p-value</th>"));
    let said = content(&by_blocks)["map"]["said"][0].as_str().unwrap().to_owned();
    assert!(said.contains(", p of a block = "), "{said}");
}

#[test]
fn images_are_pictures_with_what_is_missing_in_them() {
    let (detector, x) = images();
    let page = AnomalyReport::new(&detector, &x).rows(5).to_html().unwrap();
    let json = content(&page);
    assert_eq!(page.matches("<td class=\"pictures\">").count(), 5);
    assert_eq!(json["picture"], serde_json::json!([6, 6]));
    assert!(json["oddest"]["r"].is_string() || json["oddest"]["r"].is_object());
    assert_eq!(json["oddest"]["samples"][0], 2);
    // Bits 36, 37, 42 and 43 of the map's pixels: the corner of the second.
    let of_map = &json["map"]["x"];
    assert_eq!(json["missing"], true);
    let mut bits = vec![0_u8; 30 * 36 / 8];
    [36, 37, 42, 43].iter().for_each(|bit| bits[bit / 8] |= 1 << (bit % 8));
    assert_eq!(decoded(of_map["missing"].as_str().unwrap()), bits);
    assert!(json["map"]["y"].is_string(), "a reconstruction has no gaps");
    assert!(json["map"]["words"].is_null());

    // The page of a training shows them, too, and of rows says which cells are missing.
    let mut other = detector.model().clone();
    let report = Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut other, &x).unwrap();
    let json = content(&HtmlReport::new(detector.model(), &report, &x).to_html().unwrap());
    assert_eq!(decoded(json["map"]["x"]["missing"].as_str().unwrap()), bits);
    let plain = x.clone().into_dynamic();
    let json = content(&HtmlReport::new(detector.model(), &report, &plain).to_html().unwrap());
    assert!(json["map"]["x"][1][0].is_null() && json["missing"] == true);
    let whole = plain.select([0, 2]);
    let json = content(&HtmlReport::new(detector.model(), &report, &whole).to_html().unwrap());
    assert_eq!(json["missing"], false);
}

/// Base64, by RFC 4648.
fn decoded(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> =
        text.bytes().filter(|&c| c != b'=').map(|c| u32::from(value(c))).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let all = four.iter().fold(0, |all, six| all << 6 | six) << (6 * (4 - four.len()));
        [(all >> 16) as u8, (all >> 8) as u8, all as u8].into_iter().take(four.len() * 6 / 8)
    });
    bytes.collect()
}

/// What tries to be markup, or to end what it stands in.
const MARKUP: [&str; 5] =
    ["<script>alert(1)</script>", "</script>", "\"onmouseover=alert(1) x=\"", "a\u{2028}b", "<!--"];

#[test]
fn nothing_in_a_cell_is_markup() {
    for hostile in [MARKUP, [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], "&lt;b>"]] {
        let name = |k: usize| format!("{} {k}", hostile[k]);
        let names: [String; 4] = std::array::from_fn(name);
        let levels: [String; 5] = std::array::from_fn(|k| format!("{k} {}", hostile[(k + 1) % 5]));
        let Machines { detector, batch, reference, .. } = machines(
            std::array::from_fn(|k| &*names[k]),
            std::array::from_fn(|k| &*levels[k]),
            hostile[0],
        );
        let labels: Vec<&str> = (0..200).map(|row| hostile[row % 5]).collect();
        let report =
            || AnomalyReport::new(&detector, &batch).labels(&labels).title(hostile[0]).rows(200);
        let of_schema = report().reference(&reference).to_html().unwrap();
        let features = detector.model().facts().features;
        let given = report().columns((0..features).map(|k| hostile[k % 5])).to_html().unwrap();
        let mut model = detector.model().clone();
        let training =
            Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut model, &batch).unwrap();
        let of_training = HtmlReport::new(detector.model(), &training, &batch).labels(&labels);
        for page in [of_schema, given, of_training.to_html().unwrap()] {
            // What the page itself has: its data, its script; and no element, attribute or comment of theirs.
            assert_eq!(page.matches("<script").count(), 2);
            assert_eq!(page.matches("</script").count(), 2);
            for markup in ["<img", "<svg", "<!-", "<b>", "\u{2028}", "<script>alert"] {
                assert!(!page.contains(markup), "{markup}");
            }
            // A quotation mark of theirs would end an attribute; in the data it has a backslash before it.
            assert_eq!(
                page.matches("\"onmouseover").count(),
                page.matches("\\\"onmouseover").count()
            );
            // They are there all the same, as text.
            let json = content(&page).to_string();
            let written = serde_json::to_string(hostile[0]).unwrap();
            assert!(json.contains(written.trim_matches('"')), "{hostile:?}");
        }
    }
}

/// What a schema calls the features is what the page of a training calls them, if nothing else is said.
#[test]
fn the_page_of_a_training_has_the_names_of_the_schema() {
    let Machines { schema, detector, batch, .. } = machines(NAMES, LEVELS, "");
    let mut model = detector.model().clone();
    let report = Trainer::new(Adam::new(1e-6).unwrap()).epochs(1).fit(&mut model, &batch).unwrap();
    let page = HtmlReport::new(&model, &report, &batch);
    let json = content(&page.to_html().unwrap());
    assert_eq!(json["columns"], serde_json::json!(schema.feature_names()));
    let json = content(&page.columns(0..schema.features()).to_html().unwrap());
    assert_eq!(json["columns"][1], "1");
}

#[test]
fn other_models_have_a_page() {
    let digits = datasets::digits::<f32>();
    // A classifier, whose code is what is scored.
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 6>::new(Tanh))
        .classes::<10>()
        .build::<f32>()
        .unwrap();
    Trainer::new(Adam::new(1e-2).unwrap())
        .epochs(2)
        .fit(&mut model, (&digits.train, &digits.train_labels))
        .unwrap();
    let detector = AnomalyDetector::fit(model, CodeDistance::new(), &digits.train).unwrap();
    let few = digits.test.select(0..50);
    let json = content(&AnomalyReport::new(&detector, &few).rows(4).to_html().unwrap());
    assert!(json["oddest"]["y"].is_null() && json["oddest"]["r"].is_null());
    assert_eq!(json["oddest"]["samples"].as_array().unwrap().len(), 4);
    assert!(json["scores"]["threshold"].is_null() && json["scores"]["beyond"].is_null());
    // A conditional one, under its conditions; plain rows by the numbers of features.
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<3, 2, _>::new(Dense::<5, 2>::new(Tanh)))
        .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let x: Batch<f64, _> = Batch::from_iter((0..60).map(|k| [k % 7, k % 5, k % 3].map(f64::from)));
    let one: Batch<f64, _> = Batch::from_iter((0..60).map(|k| [f64::from(k % 2), 0.0]));
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(3).fit(&mut model, (&x, &one)).unwrap();
    let detector = AnomalyDetector::fit(model, SquaredResidual, (&x, &one)).unwrap();
    let page = AnomalyReport::new(&detector, (&x, &one)).to_html().unwrap();
    let scores = detector.scores((&x, &one)).unwrap();
    is_near(&content(&page)["map"]["scores"][9], scores[9]);
    assert!(page.contains("<li>feature "));
    let other = Batch::zeros(one.size(), 60);
    let other = AnomalyReport::new(&detector, (&x, &other)).to_html().unwrap();
    assert_ne!(content(&other)["map"]["scores"], content(&page)["map"]["scores"]);
}

#[test]
fn a_page_is_small_whatever_the_data() {
    let page = |size: DynImage, samples: usize| {
        let features = size.channels * size.height * size.width;
        let values = (0..features * samples).map(|k| (k * 2_654_435_761 % 1009) as f32 / 1009.0);
        let x = Batch::<f32, _>::new(size, values.collect()).unwrap();
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(features, 30, Tanh))
            .decoder(Dense::dynamic(30, features, Identity))
            .build::<f32>()
            .unwrap();
        let detector = AnomalyDetector::fit(model, SquaredResidual, &x).unwrap();
        AnomalyReport::new(&detector, &x)
            .reference(&x)
            .rows(1000)
            .columns((0..features).map(|column| format!("{column} {}", "x".repeat(900))))
            .labels((0..samples).map(|k| format!("{k}{}", "y".repeat(900))))
            .to_html()
            .unwrap()
    };
    let image = |channels, height, width| DynImage { channels, height, width };
    for (name, page) in [
        ("many rows", page(image(8, 1, 1), 20_000)),
        ("many columns", page(image(3000, 1, 1), 40)),
        ("images of 784 pixels", page(image(1, 28, 28), 2000)),
        ("large images", page(image(3, 240, 200), 20)),
    ] {
        assert!(page.len() < 5_000_000, "{name}: {}", page.len());
        assert!(page.contains("id=\"drift\""));
    }
}

/// Words are counted as the page has them: characters of several bytes, and those that are escaped.
#[test]
fn a_page_is_small_whatever_the_words() {
    for character in ["字", "<"] {
        let long = |name: String| name + &character.repeat(70);
        let names: Vec<String> = (0..14).map(|column| long(format!("{column} "))).collect();
        let levels: Vec<String> = (0..4).map(|level| long(format!("{level} "))).collect();
        // Six columns of levels, and eight of numbers, which every second row has.
        let row = |row: usize| -> Vec<Cell<'_>> {
            let level = |column: usize| levels[row * (7 + column) % 31 % 4].as_str().into();
            let number = |column: usize| match row % 2 {
                0 => Cell::Missing,
                _ => ((row * (3 + column) % 17) as f64).into(),
            };
            (0..6).map(level).chain((0..8).map(number)).collect()
        };
        let schema = Schema::infer_rows(&names, (0..400).map(row).collect::<Vec<_>>()).unwrap();
        let samples = schema.batch::<f64>((0..400).map(row)).unwrap();
        let width = schema.features();
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(width, 3, Tanh))
            .decoder(Dense::dynamic(3, width, Identity))
            .loss(schema.loss().unwrap())
            .normalizer(schema.normalizer(&samples).unwrap())
            .build::<f64>()
            .unwrap();
        let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &samples).unwrap();
        let x = samples.select((0..3000).map(|row| row * 2 % 400));
        let labels = (0..3000).map(|row| long(format!("{row} ")));
        let page = AnomalyReport::new(&detector, &x).rows(1000).labels(labels).to_html().unwrap();
        assert!(page.len() < 5_000_000, "{character}: {}", page.len());
        // As many as there is room for, and on the map from the first row to the last.
        let told = rows(&page, "odd").len();
        assert!((100..1000).contains(&told), "{character}: {told}");
        assert!(page.contains(&format!("The {told} with the highest scores, of 3,000 rows")));
        let map = &content(&page)["map"];
        let points = map["samples"].as_array().unwrap();
        assert_eq!(map["words"].as_array().unwrap().len(), points.len());
        assert!((told + 50..1600).contains(&points.len()), "{character}: {}", points.len());
        assert!(points[0].as_u64() < Some(60) && points.last().unwrap().as_u64() > Some(2940));
    }
}

/// Without a threshold nothing is said to be well, and what is beyond all numbers stands out with one or without.
#[test]
fn what_no_threshold_tells_is_not_told_to_be_nothing() {
    let x: Batch<f64, _> = Batch::from_iter((0..60).map(|k| [k % 7, k % 5, k % 3].map(f64::from)));
    let model = AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Identity))
        .decoder(Dense::<2, 3>::new(Identity))
        .build::<f64>()
        .unwrap();
    let mut detector = AnomalyDetector::fit(model, CodeDistance::new(), &x).unwrap();
    let page = AnomalyReport::new(&detector, &x).to_html().unwrap();
    assert!(!page.contains("Nothing:") && !page.contains("<strong>Infinite scores</strong>"));
    assert!(page.contains("<strong>No threshold</strong> is set, so no row is flagged: calibrate"));
    let held_out = Batch::from_iter(x.iter().map(|x| [x[0] + 0.1, x[1], x[2]]));
    detector.calibrate(&held_out).unwrap();
    let page = AnomalyReport::new(&detector, &x).to_html().unwrap();
    assert!(page.contains("no row is flagged: set_false_alarm_rate or set_threshold sets one."));

    // The squares of such a code are beyond all numbers, whichever column takes another value: it is the code's, all of it.
    let mut far = x.clone();
    far.as_mut_slice()[3 * 17..][..3].fill(1e200);
    let explanation = detector.explain(far.sample(17)).unwrap();
    assert_eq!((explanation.score, explanation.code_share), (f64::INFINITY, 1.0));
    assert!(explanation.columns.iter().all(|column| column.share == 0.0));
    let infinite = "<strong>Infinite scores</strong> 1 of 60 rows has a score beyond all numbers";
    let page = AnomalyReport::new(&detector, &far).to_html().unwrap();
    assert!(page.contains(infinite) && page.contains("<strong>No threshold</strong>"));
    let first = &rows(&page, "odd")[0];
    assert_eq!([&*first[0], &*first[1], &*first[3]], ["17", "∞", "the code as a whole (100 %)"]);
    assert!(content(&page)["map"]["said"][17].as_str().unwrap().starts_with("score ∞, p = "));
    detector.set_threshold(Threshold::at(1e9).unwrap());
    let page = AnomalyReport::new(&detector, &far).to_html().unwrap();
    assert!(page.contains(infinite) && page.contains("<strong>Odd rows</strong> 1 of 60 rows"));
    assert!(!page.contains("<strong>No threshold</strong>"));
    let page = AnomalyReport::new(&detector, &x).to_html().unwrap();
    assert!(page.contains("Nothing: no row is above the threshold."));
}

#[test]
fn what_does_not_fit_is_refused() {
    let x: Batch<f64, _> = Batch::from_iter((0..40).map(|k| [f64::from(k % 7), f64::from(k % 5)]));
    let x = x.into_dynamic();
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(2, 1, Tanh))
        .decoder(Dense::dynamic(1, 2, Identity))
        .build::<f64>()
        .unwrap();
    let detector = AnomalyDetector::fit(model, SquaredResidual, &x).unwrap();
    let report = || AnomalyReport::new(&detector, &x);
    let refused = |report: AnomalyReport<'_, _, f64>| report.to_html().unwrap_err();
    for rows in [0, 1001] {
        let error = refused(report().rows(rows));
        assert!(matches!(error, Error::InvalidParameter { .. }), "{error}");
    }
    assert!(matches!(
        refused(report().labels(["a"])),
        Error::SizeMismatch { expected: 40, found: 1, .. }
    ));
    assert!(matches!(
        refused(report().columns(["a"])),
        Error::SizeMismatch { expected: 2, found: 1, .. }
    ));
    let wide = Batch::<f64, Dyn>::zeros(Dyn(3), 4);
    assert!(matches!(refused(report().reference(&wide)), Error::SizeMismatch { .. }));
    assert!(matches!(refused(AnomalyReport::new(&detector, &wide)), Error::SizeMismatch { .. }));
    let none = Batch::<f64, Dyn>::zeros(Dyn(2), 0);
    assert!(matches!(refused(AnomalyReport::new(&detector, &none)), Error::NoSamples { .. }));
    let infinite = Batch::new(Dyn(2), vec![f64::INFINITY, 0.0]).unwrap();
    assert!(matches!(refused(AnomalyReport::new(&detector, &infinite)), Error::NotFinite { .. }));
    // One row, and one beyond all numbers, have a page.
    for values in [vec![0.5, 0.25], vec![1e300, -1e300, 0.5, 0.25]] {
        let x = Batch::new(Dyn(2), values).unwrap();
        let page = AnomalyReport::new(&detector, &x).reference(&x).to_html().unwrap();
        assert_eq!(content(&page)["map"]["samples"].as_array().unwrap().len(), x.samples());
    }
    let folder = Folder::new("anomaly-report");
    assert!(matches!(report().write_to(folder.join("no/such/file.html")), Err(Error::File { .. })));
    report().write_to(folder.join("a.html")).unwrap();
    let written = std::fs::read_to_string(folder.join("a.html")).unwrap();
    assert_eq!(written, report().to_html().unwrap());
}

/// A model with targets makes no samples again: its page shows them as they are.
#[test]
fn a_model_with_targets_shows_no_reconstructions() {
    let x: Batch<f64, DynImage> = Batch::new(
        DynImage { channels: 1, height: 4, width: 4 },
        (0..16 * 30).map(|at| ((at * 7919 % 101) as f64) / 101.0).collect(),
    )
    .unwrap();
    // As many targets as pixels, which could be taken for some, and fewer.
    for targets in [16, 3] {
        let model = AutoEncoder::builder()
            .encoder(Dense::between(x.size(), Dyn(5), Tanh))
            .target_decoder(Dense::dynamic(5, targets, Identity))
            .build::<f64>()
            .unwrap();
        let refused = AnomalyDetector::fit(
            model.clone(),
            Box::new(SquaredResidual) as Box<dyn AnomalyScore<f64>>,
            &x,
        );
        let error = refused.err().unwrap().to_string();
        assert!(
            error.starts_with("this score compares a sample with its reconstruction"),
            "{error}"
        );
        let detector = AnomalyDetector::fit(model, CodeDistance::new(), &x).unwrap();
        let page = AnomalyReport::new(&detector, &x).to_html().unwrap();
        let pictures = &content(&page)["oddest"];
        assert!(!pictures["x"].is_null() && pictures["y"].is_null(), "{pictures}");
    }
}
