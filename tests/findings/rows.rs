//! A table from its file to the odd row: scored as it comes, explained in its own words, in another process too.

use std::fmt::Write;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, CellExplanation, ScaledResidual};
use autoencoder::data::{Cell, InMemory, Schema, SchemaOptions, Source, Windows};
use autoencoder::layer::DenseLayer;
use autoencoder::size::DynWindow;
use autoencoder::*;
use common::Folder;
use nalgebra::Dyn;

/// Machines of two kinds: the load and the heat go together, and the kind and the place too.
fn table(rows: usize) -> String {
    let mut text = "when,kind,place,load,heat\n".to_owned();
    for row in 0..rows {
        let (kind, place) = if row % 3 == 0 { ("pump", "cellar") } else { ("fan", "roof") };
        let load = 5.0 + 3.0 * (row as f64 * 0.7).sin();
        let heat = 20.0 + 2.0 * load + (row % 5) as f64 * 0.1;
        let hour = row % 24;
        let day = 1 + row / 24 % 28;
        writeln!(text, "2024-03-{day:02}T{hour:02}:00:00,{kind},{place},{load:.2},{heat:.2}")
            .unwrap();
    }
    text
}

type Layer<A> = DenseLayer<Dyn, Dyn, A>;
type Model = AutoEncoder<Layer<Tanh>, Layer<Identity>, NoRegularizer, Mixed<f64>, f64>;
type Detector =
    AnomalyDetector<Layer<Tanh>, Layer<Identity>, NoRegularizer, Mixed<f64>, ScaledResidual, f64>;

fn model(schema: &Schema, normalizer: Option<Normalizer>) -> Model {
    let width = schema.features();
    let builder = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 8, Tanh))
        .decoder(Dense::dynamic(8, width, Identity))
        .loss(schema.loss().unwrap());
    let builder = match normalizer {
        Some(normalizer) => builder.normalizer(normalizer),
        None => builder,
    };
    builder.build::<f64>().unwrap()
}

fn detector(text: &str) -> (Schema, Detector) {
    let schema = Schema::infer_bytes(text).unwrap();
    let rows = schema.from_bytes::<f64>(text).unwrap().load().unwrap();
    let mut model = model(&schema, Some(schema.normalizer(&rows).unwrap()));
    model.metadata_mut().insert("plant".into(), "north\n\"hall\" 2".into());
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(150).fit(&mut model, &rows).unwrap();
    (schema, AnomalyDetector::fit(model, ScaledResidual::new(), &rows).unwrap())
}

fn cell<'a>(cells: &'a [CellExplanation], column: &str) -> &'a CellExplanation {
    cells.iter().find(|cell| cell.column == column).unwrap()
}

#[test]
fn rows_are_scored_and_explained_in_their_own_words() {
    let folder = Folder::new("rows");
    let (file, saved) = (folder.join("new.csv"), folder.join("detector.safetensors"));
    let (schema, detector) = detector(&table(600));
    detector.save(&saved).unwrap();

    // Elsewhere, from the file alone.
    let described = inspect(&saved).unwrap();
    assert_eq!(described.metadata["plant"], "north\n\"hall\" 2");
    let again = described.schema.unwrap();
    assert_eq!(again, schema);
    let again = AnomalyDetector::load(model(&again, None), ScaledResidual::new(), &saved).unwrap();
    assert_eq!(again.model().metadata()["plant"], "north\n\"hall\" 2");
    assert_eq!(again.model().normalizer().unwrap().schema(), Some(&schema));

    // Columns in another order, one more, a level never seen, cells that are missing, and a breach of the rule.
    let odd = "place,load,heat,kind,when,note\n\
               cellar,5,30,pump,2024-03-04T05:00:00,as ever\n\
               roof,5,45,fan,2024-03-04T05:00:00,hot\n\
               roof,5,30,blower,2024-03-04T05:00:00,new\n\
               roof,5,?,fan,2024-03-04T05:00:00,not measured\n";
    std::fs::write(&file, odd).unwrap();
    let scores = again.score_rows(&file);
    let scores = match scores {
        Ok(scores) => scores,
        // Or by place: then they must come as they did.
        Err(error) => panic!("{error}"),
    };
    let all =
        detector.scores(&schema.from_bytes::<f64>(table(600)).unwrap().load().unwrap()).unwrap();
    let greatest = all.iter().fold(0.0_f64, |a, &b| a.max(b));
    assert!(scores[0] < greatest && scores[3] < greatest, "{scores:?} {greatest}");
    assert!(scores[1] > greatest && scores[2] > greatest, "{scores:?} {greatest}");

    let row = |kind: &'static str, heat: Cell<'static>| {
        [Cell::from("2024-03-04T05:00:00"), kind.into(), "roof".into(), 5.0.into(), heat]
    };
    let hot = again.explain_row(row("fan", 45.0.into())).unwrap();
    assert_eq!(hot.score, scores[1]);
    assert_eq!(hot.cells[0].column, "heat");
    assert_eq!(hot.cells[0].value, Cell::Number(45.0));
    let Cell::Number(expected) = hot.cells[0].expected else { panic!("{hot}") };
    assert!((25.0..40.0).contains(&expected), "{hot}");
    let new = again.explain_row(row("blower", 30.0.into())).unwrap();
    let kind = &new.cells[0];
    assert_eq!(
        (kind.column.as_str(), &kind.value, &kind.expected),
        ("kind", &"unknown".into(), &"fan".into())
    );
    assert!(kind.is_novel && new.to_string().contains("unknown"), "{new}");
    let gap = again.explain_row(row("fan", Cell::Missing)).unwrap();
    let heat = cell(&gap.cells, "heat");
    assert_eq!((&heat.value, heat.contribution), (&Cell::Missing, 0.0));
    // Shares of cells are those of their features.
    let of_cells: f64 = hot.cells.iter().map(|cell| cell.share).sum();
    let of_columns: f64 = hot.columns.iter().map(|column| column.share).sum();
    assert!((of_cells - of_columns).abs() < 1e-12);
    // What is there, to its last digit and minute, also where the table's own cells were never so fine.
    let fine =
        ["2024-03-04T05:07:30".into(), "fan".into(), "roof".into(), 5.0625.into(), 30.0.into()];
    let fine: [Cell<'_>; 5] = fine;
    let fine = again.explain_row(fine).unwrap();
    assert_eq!(cell(&fine.cells, "load").value, Cell::Number(5.0625));
    assert_eq!(cell(&fine.cells, "when").value, "2024-03-04T05:07:30");
}

#[test]
fn a_window_is_explained_by_channel_and_step() {
    let text = table(200);
    let schema = Schema::infer_bytes(text.clone()).unwrap().leave_out("when").unwrap();
    let rows = schema.from_bytes::<f64>(text).unwrap().load().unwrap();
    let size = DynWindow { channels: schema.features(), steps: 4 };
    let mut windows = Windows::new(InMemory::from(&rows), size).unwrap();
    let normalizer = schema.normalizer(&rows).unwrap().per_channel(size).unwrap();
    let width = size.channels * size.steps;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 8, Tanh))
        .decoder(Dense::dynamic(8, width, Identity))
        .normalizer(normalizer)
        .build::<f64>()
        .unwrap();
    let all = windows.load().unwrap();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(30).fit(&mut model, &all).unwrap();
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &all).unwrap();
    let mut odd = all.sample(50).to_vec();
    // The load of the third step.
    let load = schema.feature_names().iter().position(|name| name == "load").unwrap();
    odd[2 * size.channels + load] += 40.0;
    let explanation = detector.explain(&odd).unwrap();
    let first = &explanation.cells[0];
    assert_eq!((first.column.as_str(), first.step), ("load", Some((2, 4))), "{explanation}");
    assert!(explanation.to_string().contains("load, step 3 of 4"), "{explanation}");
}

#[test]
fn a_model_without_a_schema_takes_no_rows() {
    let x = Batch::from_iter((0..20).map(|k| [f64::from(k), f64::from(k % 7)]));
    let model = AutoEncoder::builder()
        .encoder(Dense::<2, 1>::new(Tanh))
        .decoder(Dense::<1, 2>::new(Identity))
        .build::<f64>()
        .unwrap();
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &x).unwrap();
    let refused = detector.score_rows("nowhere.csv").unwrap_err();
    assert!(matches!(refused, Error::NotSet { call: "score_rows", .. }), "{refused}");
    let refused = detector.explain_row([1.0, 2.0]).unwrap_err();
    assert!(matches!(refused, Error::NotSet { call: "explain_row", .. }), "{refused}");
    assert!(detector.explain(&[1.0, 2.0]).unwrap().cells.is_empty());
}

/// Six columns of a thousand levels of 200 bytes each.
#[test]
fn a_schema_of_many_levels_goes_into_a_file() {
    let mut text = "a,b,c,d,e,f\n".to_owned();
    for row in 0..3000 {
        let cells = (0..6).map(|column| format!("{:0>200}x{column}", row % 1000));
        text += &cells.collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    let options = SchemaOptions::new().rare(0, 0.0).unwrap();
    let schema = Schema::infer_bytes_with(&options, text.clone()).unwrap();
    assert_eq!(schema.features(), 6 * 1001);
    let few: String = text.split_inclusive('\n').take(5).collect();
    let rows = schema.from_bytes::<f64>(few).unwrap().load().unwrap();
    let build = |normalizer| {
        let width = schema.features();
        AutoEncoder::builder()
            .encoder(Dense::dynamic(width, 1, Tanh))
            .decoder(Dense::dynamic(1, width, Identity))
            .loss(schema.loss().unwrap())
            .normalizer(normalizer)
            .build::<f64>()
            .unwrap()
    };
    let model = build(schema.normalizer(&rows).unwrap());
    let folder = Folder::new("levels");
    let file = folder.join("levels.safetensors");
    model.save(&file).unwrap();
    let kept = inspect(&file).unwrap().schema.unwrap();
    assert_eq!(kept, schema);
    assert_eq!(kept.rows(&rows).unwrap(), schema.rows(&rows).unwrap());
    let mut again = build(schema.normalizer(&rows).unwrap());
    again.load(&file).unwrap();
    assert_eq!(again.reconstruct(&rows).unwrap(), model.reconstruct(&rows).unwrap());
}

/// The same columns with levels in another order: each feature means something else, and nothing but the schema tells.
#[test]
fn a_table_of_another_schema_is_refused() {
    let of = |first: &str, second: &str| {
        let rows =
            (0..40).map(|row| format!("{},{row}.5\n", if row % 3 == 0 { second } else { first }));
        Schema::infer_bytes("kind,load\n".to_owned() + &rows.collect::<String>())
            .unwrap()
            .category("kind")
            .unwrap()
    };
    let (schema, other) = (of("fan", "pump"), of("pump", "fan"));
    let text = "kind,load\nfan,1.5\npump,2.5\nfan,3.5\n";
    let rows = schema.from_bytes::<f64>(text).unwrap().load().unwrap();
    let mut model = model(&schema, Some(schema.normalizer(&rows).unwrap()));
    let refused = |result: Result<()>| {
        let Err(Error::Unfit { part: "a table", .. }) = result else { panic!("{result:?}") };
    };
    let mut of_other = other.from_bytes::<f64>(text).unwrap();
    refused(Trainer::new(Adam::new(1e-2).unwrap()).fit(&mut model, &mut of_other).map(|_| ()));
    refused(model.encode(&mut of_other).map(|_| ()));
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &rows).unwrap();
    refused(detector.scores(&mut of_other).map(|_| ()));
    assert_eq!(
        detector.scores(&mut schema.from_bytes::<f64>(text).unwrap()),
        detector.scores(&rows)
    );
}
