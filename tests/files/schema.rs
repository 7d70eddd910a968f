//! Schemas of tables: what is inferred, changed, read, and given back in words.

use allocation_counter::measure;
use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::*;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Error, Found, Loss, Place, Trainer};
use common::shared_data;
use nalgebra::Dyn;
use proptest::prelude::*;

fn column<'a>(schema: &'a Schema, name: &str) -> &'a TableColumn {
    schema.columns().iter().find(|column| column.name() == name).unwrap()
}

fn kinds(schema: &Schema) -> Vec<Kind> {
    schema.columns().iter().map(TableColumn::kind).collect()
}

/// The samples of a text by a schema.
fn samples(schema: &Schema, text: &str) -> Batch<f64, Dyn> {
    schema.from_bytes(text).unwrap().load().unwrap()
}

/// Rows of one column.
fn lines(name: &str, cells: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let cells = cells.into_iter().map(|cell| format!("{cell}\n"));
    format!("{name}\n{}", cells.collect::<String>())
}

/// Of a text of one column, its kind and why.
fn of_one(text: &str) -> (Kind, String) {
    let schema = Schema::infer_bytes(text).unwrap();
    (schema.columns()[0].kind(), schema.columns()[0].why().to_owned())
}

#[test]
fn kinds_are_inferred_with_reasons() {
    let many = || 0..40_usize;
    let texts = |of: &dyn Fn(usize) -> String| lines("c", many().map(of));
    for (text, kind, why) in [
        (texts(&|k| format!("{}", k * 7 % 40)), Kind::Number, "whole numbers"),
        (texts(&|k| format!("{}.5", k % 3)), Kind::Number, "numbers"),
        (texts(&|_| "7".into()), Kind::Number, "one number throughout; another one would be odd"),
        (texts(&|_| "x".into()), Kind::Category, "one text throughout; another one would be odd"),
        (texts(&|_| "?".into()), Kind::LeftOut, "no cell has a value"),
        (texts(&|k| format!("{}", k % 2)), Kind::Boolean, "two whole numbers"),
        (texts(&|k| ["on", "off"][k % 2].into()), Kind::Boolean, "two texts"),
        (
            texts(&|k| format!("{}", 100 + 3 * k)),
            Kind::LeftOut,
            "an identifier: whole numbers that rise from row to row",
        ),
        (
            texts(&|k| format!("{}", 1_700_000_000 + 60 * k)),
            Kind::LeftOut,
            "an identifier: it rises from row to row (if it is a Unix time, a date as %s)",
        ),
        (texts(&|k| format!("u{k}")), Kind::LeftOut, "an identifier: no two texts are alike"),
        (texts(&|k| format!("u{}", k % 30)), Kind::LeftOut, "text: 30 different ones or more"),
        (texts(&|k| format!("u{}", k % 5)), Kind::Category, "texts that come again"),
        (
            texts(&|k| format!("{:05}", k % 4)),
            Kind::Category,
            "codes: numbers with zeros before them",
        ),
        (
            texts(&|k| format!("{}", k % 4 + 1)),
            Kind::Category,
            "codes: whole numbers from 1 on without a gap, in a table without texts",
        ),
        // Counts begin at 0, a gap is none of codes, and more than nine are no codes.
        (texts(&|k| format!("{}", k % 4)), Kind::Number, "whole numbers"),
        (texts(&|k| format!("{}", [1, 2, 4][k % 3])), Kind::Number, "whole numbers"),
        (lines("c", (0..200).map(|k| k % 10 + 1)), Kind::Number, "whole numbers"),
        (
            texts(&|k| ["5-9", "10-14", "0-4"][k % 3].into()),
            Kind::Ordinal,
            "ranges of numbers, in their order",
        ),
        (texts(&|k| format!("2024-05-{:02}", k % 28 + 1)), Kind::Date, "dates in ISO 8601"),
        (
            texts(&|k| if k % 10 == 3 { "none given".into() } else { format!("{k}.5") }),
            Kind::LeftOut,
            "90 % numbers, and texts such as \"none given\": missing ones?",
        ),
    ] {
        assert_eq!(of_one(&text), (kind, why.to_owned()), "{text}");
    }
    assert_eq!(
        column(&Schema::infer_bytes("c\n5-9\n10-14\n0-4\n").unwrap(), "c").levels(),
        ["0-4", "5-9", "10-14"]
    );
    // Beside categories in texts, small numbers are numbers.
    let beside = lines("a,b", many().map(|k| format!("{},{}", k % 4 + 1, ["x", "y", "z"][k % 3])));
    assert_eq!(kinds(&Schema::infer_bytes(beside).unwrap()), [Kind::Number, Kind::Category]);
}

/// A long text is no level, however many levels there may be, and the reason says so.
#[test]
fn long_texts_are_told_from_many() {
    let (longest, long) = ("x".repeat(256), "x".repeat(257));
    let text = |long: &str| lines("c", ["a", long, "b"]);
    assert_eq!(of_one(&text(&longest)).0, Kind::Category);
    let why = "text: one is longer than 256 bytes, as no level may be".to_owned();
    assert_eq!(of_one(&text(&long)), (Kind::LeftOut, why));
    let refused = Schema::infer_bytes(text(&long)).unwrap().category("c").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the column `c` has a text of more than 256 bytes, as no level may have: `Schema::leave_out` leaves it out"
    );
    let options = SchemaOptions::new().most_levels(2).unwrap();
    let many = Schema::infer_bytes_with(&options, text(&longest)).unwrap();
    assert_eq!(many.columns()[0].why(), "text: 2 different ones or more");
    let refused = many.category("c").unwrap_err().to_string();
    assert!(refused.contains("`SchemaOptions::most_levels` allows more"), "{refused}");
}

#[test]
fn no_comes_before_yes() {
    for (text, levels) in [
        ("c\nyes\nno\n", ["no", "yes"]),
        ("c\nTrue\nFalse\n", ["False", "True"]),
        ("c\nN\nY\n", ["N", "Y"]),
        ("c\noff\non\n", ["off", "on"]),
        ("c\n10\n9\n", ["9", "10"]),
        ("c\nright\nleft\n", ["left", "right"]),
    ] {
        assert_eq!(Schema::infer_bytes(text).unwrap().columns()[0].levels(), levels);
    }
}

/// What each column is by the documentation of its table: of NSL-KDD the lists of basic, content and traffic features;
/// of the others the attribute lists of the UCI repository. `n` number, `c` category, `b` boolean (also two levels of
/// any other name), `o` ordinal, `-` to be left out. A column that is constant in the file is what its values are.
const TABLES: [(&str, bool, u8, &str); 6] = [
    ("nsl_kdd_train20.txt", false, b'"', "ncccnnbnnnnbnbbnnnnnnbnnnnnnnnnnnnnnnnnnnc-"),
    ("auto_imports.csv", false, b'"', "nncbbbccbnnnnnccncnnnnnnnn"),
    ("horse_colic.csv", false, b'"', "bb-nnncccccccccnccnncncbcccb"),
    ("german.csv", false, b'"', "cnccnccnccncnccncnbbb"),
    ("breast_cancer.csv", false, b'\'', "ocoobnbcbb"),
    ("pollution.csv", true, b'"', "-nnnnnnnncnnn"),
];

/// At most one column in twenty is another than its documentation says.
#[test]
fn published_tables_are_what_their_documentation_says() {
    let (mut all, mut others) = (0, Vec::new());
    for (name, has_header, quote, expected) in TABLES {
        let Some(path) = shared_data(&format!("tables/{name}")) else { return };
        let csv = CsvOptions::new().header(has_header).quote(quote).unwrap();
        let schema = Schema::infer_with(&SchemaOptions::new().csv(csv), path).unwrap();
        assert_eq!(schema.columns().len(), expected.len(), "{name}");
        for (column, expected) in schema.columns().iter().zip(expected.chars()) {
            let found = match column.kind() {
                Kind::Number => 'n',
                Kind::Category => 'c',
                Kind::Boolean => 'b',
                Kind::Ordinal => 'o',
                Kind::LeftOut => '-',
                _ => '?',
            };
            all += 1;
            if found != expected {
                others.push(format!("{name} {}: {found}, not {expected}", column.name()));
            }
        }
    }
    assert_eq!(all, 141);
    assert!(20 * others.len() <= all, "{others:#?}");
}

/// Of the services, its third column, how many there are and how many are rare was counted in Python:
/// `c = collections.Counter(l.split(",")[2] for l in open(name)); len(c), sum(n < 10 for n in c.values())`.
#[test]
fn connections_are_read_and_written_back() {
    let Some(path) = shared_data("tables/nsl_kdd_train20.txt") else { return };
    let options = SchemaOptions::new().csv(CsvOptions::new().header(false));
    let schema = Schema::infer_with(&options, &path).unwrap();
    let schema = schema.label(41).unwrap().leave_out(42).unwrap();
    let mut table = schema.open::<f64>(&path).unwrap();
    let batch = table.load().unwrap();
    assert_eq!((batch.samples(), batch.features()), (25_192, schema.features()));
    let normal = table.labels().unwrap().iter().filter(|label| **label == "normal").count();
    assert_eq!(normal, 13_449);
    // Each cell as the file has it, but for rare services.
    let service = column(&schema, "#2");
    let rare = service.rare_levels().len();
    assert_eq!((service.levels().len(), rare), (66 - 5, 5));
    let rows = schema.rows(&batch).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for (line, row) in text.lines().zip(&rows) {
        for ((cell, own), column) in line.split(',').zip(row).zip(schema.columns()) {
            match own {
                Cell::Number(number) => assert_eq!(cell.parse(), Ok(*number), "{line}"),
                _ if column.rare_levels().iter().any(|level| level == cell) => {
                    // Without brackets it is one of the services.
                    assert_eq!(*own, "(other)");
                }
                own => assert_eq!(*own, cell, "{line}"),
            }
        }
    }
}

#[test]
fn every_kind_goes_there_and_back() {
    let text = "size,colour,weight,count,ripe,when,at\n\
                S,red,1.5,1,no,2024-01-31T07:00,07:30\n\
                L,green,2.25,20,yes,2024-02-29T18:30,18:45\n\
                M,blue,?,3,?,2023-12-31T23:59,00:15\n\
                ?,?,3,4,no,?,?\n";
    let schema = Schema::infer_bytes(text).unwrap();
    let schema = schema.ordinal("size", ["S", "M", "L"]).unwrap().date("at", "%H:%M").unwrap();
    let back = "size,colour,weight,count,ripe,when,at\n\
                S,red,1.5,1,no,2024-01-31T07:00,07:30\n\
                L,green,2.25,20,yes,2024-02-29T18:30,18:45\n\
                M,blue,,3,,2023-12-31T23:59,00:15\n\
                ,,3,4,no,,\n";
    let single: Batch<f32, Dyn> = schema.from_bytes(text).unwrap().load().unwrap();
    assert_eq!(schema.rows(&single).unwrap().to_csv(), back);
    let double = samples(&schema, text);
    let rows = schema.rows(&double).unwrap();
    assert_eq!(rows.to_csv(), back);
    // From memory it is the same, missing cells too.
    let again: Batch<f64, Dyn> = schema.batch(&rows).unwrap();
    let bits = |batch: &Batch<f64, Dyn>| -> Vec<u64> {
        batch.as_slice().iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect()
    };
    assert_eq!(bits(&again), bits(&double));
    // The features of the second row, by hand.
    assert_eq!(double.sample(1)[..2], [1.0, 0.0]);
    assert_eq!(double.sample(1)[2..6], [0.0, 1.0, 0.0, 0.0], "blue, green, red, any other");
    assert_eq!(double.sample(1)[6..10], [2.25, 20.0, 1.0, 0.0]);
    let is_missing = |feature: &usize| double.sample(3)[*feature].is_nan();
    let missing: Vec<usize> = (0..schema.features()).filter(is_missing).collect();
    assert_eq!(missing, [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
}

#[test]
fn features_have_names_and_cells() {
    let text = "size,colour,weight,ripe,when\nS,red,1.5,no,2024-01-31\nL,green,?,yes,2024-02-29\nL,blue,1,no,2024-03-01\n";
    let schema = Schema::infer_bytes(text).unwrap().category("size").unwrap().indicate_missing();
    assert_eq!(
        schema.feature_names(),
        [
            "size=L",
            "size=S",
            "size=unknown",
            "colour=blue",
            "colour=green",
            "colour=red",
            "colour=unknown",
            "weight",
            "weight is missing",
            "ripe=yes",
            "ripe=unknown",
            "when (sine of day of the week)",
            "when (cosine of day of the week)",
            "when (sine of day of the year)",
            "when (cosine of day of the year)",
            "when (days elapsed)",
        ]
    );
    let cells =
        [("size", 0..3), ("colour", 3..7), ("weight", 7..9), ("ripe", 9..11), ("when", 11..16)];
    assert_eq!(schema.cells(), cells);
    let batch = samples(&schema, text);
    assert_eq!(batch.iter().map(|sample| sample[8]).collect::<Vec<_>>(), [0.0, 1.0, 0.0]);
    assert!(batch.sample(1)[7].is_nan());
    let fewer = schema.date_parts("when", [DatePart::Elapsed]).unwrap();
    assert_eq!(samples(&fewer, text).sample(1)[11..], [29.0]);
}

/// A level that was never seen is neither an error nor a row of zeros, and what it costs grows with training, as the
/// model learns that it never is.
#[test]
fn what_was_never_seen_is_unknown() {
    let text = lines(
        "a,b,c",
        (0..60).map(|k| {
            format!(
                "{},{},{}",
                ["x", "y", "z"][k % 3],
                ["no", "yes"][k % 2],
                ["S", "M", "L"][k % 3]
            )
        }),
    );
    let schema = Schema::infer_bytes(text).unwrap().ordinal("c", ["S", "M", "L"]).unwrap();
    let batch = samples(&schema, "a,b,c\nq,maybe,XL\ny,yes,L\n,,\n");
    assert_eq!(batch.sample(0), [0.0, 0.0, 0.0, 1.0, 0.5, 1.0, 0.5, 1.0]);
    assert_eq!(batch.sample(1), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert!(batch.sample(2).iter().all(|x| x.is_nan()));
    let rows = schema.rows(&batch).unwrap();
    assert_eq!(rows.to_csv(), "a,b,c\nunknown,unknown,unknown\ny,yes,L\n,,\n");
}

#[test]
fn rare_levels_are_one() {
    // 988 of one, 8 and 4 of two others: rare are fewer than 10 and less than 1 %.
    let cell = |k: usize| {
        if k < 988 {
            "a"
        } else if k < 996 {
            "b"
        } else {
            "c"
        }
    };
    let text = lines("level", (0..1000).map(cell));
    let infer = |options: SchemaOptions| Schema::infer_bytes_with(&options, text.clone()).unwrap();
    let schema = infer(SchemaOptions::new());
    let own = |schema: &Schema| {
        let column = &schema.columns()[0];
        (column.levels().len(), column.rare_levels().len())
    };
    assert_eq!(own(&schema), (1, 2));
    assert_eq!(
        samples(&schema, "level\nb\nc\nd\nother\n").as_slice(),
        [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    );
    // A single one keeps its name.
    assert_eq!(own(&infer(SchemaOptions::new().rare(5, 0.01).unwrap())), (3, 0));
    assert_eq!(own(&infer(SchemaOptions::new().rare(10, 0.005).unwrap())), (3, 0));
    assert_eq!(own(&infer(SchemaOptions::new().rare(0, 0.0).unwrap())), (3, 0));
    assert_eq!(
        infer(SchemaOptions::new().most_levels(2).unwrap()).columns()[0].kind(),
        Kind::LeftOut
    );
}

#[test]
fn files_have_columns_in_another_order_and_fewer() {
    let schema = Schema::infer_bytes("id,a,b,class\nx,1,2,p\ny,3,5,q\nz,4,7,r\n").unwrap();
    let schema = schema.leave_out("id").unwrap().label("class").unwrap();
    let mut table = schema.from_bytes::<f64>("b,more,a\n20,?,10\n40,!,30\n").unwrap();
    assert_eq!(table.load().unwrap(), Batch::new(Dyn(2), vec![10.0, 20.0, 30.0, 40.0]).unwrap());
    let refused = table.labels().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "<memory>, `class`: found no such column, expected the column of the labels (`Schema::label` takes another one)"
    );
    let refused = schema.from_bytes::<f64>("a,c\n1,2\n").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "<memory>, `b`: found only the columns `a`, `c`, expected a column of the schema"
    );
    // Passed over, read in parts, and again.
    let text = lines("a,b", (0..50).map(|k| format!("{k},{}", 2 * k)));
    let mut table = schema.from_bytes::<f64>(text).unwrap();
    let all = table.load().unwrap();
    table.rewind().unwrap();
    table.skip(7).unwrap();
    let mut some = Batch::zeros(Dyn(2), 3);
    assert_eq!(table.read(some.view_mut()).unwrap(), 3);
    assert_eq!(some, all.select(7..10));
    assert!(table.skip(41).is_err());
    assert_eq!(table.load().unwrap(), all);
}

/// Of rows that are passed over nothing becomes features, which a cell that is no number any more would not let: they
/// were checked when the file was opened. That they are there, each of as many cells, is looked at.
#[test]
fn rows_that_are_passed_over_are_no_features() {
    let path = std::env::temp_dir().join(format!("passed-over-{}.csv", std::process::id()));
    let text = "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n";
    let schema = Schema::infer_bytes(text).unwrap().number("a").unwrap();
    // What the file is opened with, what it becomes, and what is read after two rows that are passed over.
    let with = |changed: &str| {
        std::fs::write(&path, text).unwrap();
        let mut table = schema.open::<f64>(&path).unwrap();
        std::fs::write(&path, changed).unwrap();
        table.rewind()?;
        table.skip(2)?;
        let mut batch = Batch::zeros(table.size(), 3);
        table.read(batch.view_mut()).map(|read| (read, batch.sample(0)[0], batch.sample(2)[0]))
    };
    assert_eq!(with(text), Ok((3, 3.0, 5.0)));
    assert_eq!(with(&text.replace('2', "?").replace('1', "z")), Ok((3, 3.0, 5.0)));
    let read = with(&text.replace('3', "z"));
    assert!(matches!(read, Err(Error::Malformed { .. })), "{read:?}");
    let fewer = with("a,b\n1,x\n2,y,,\n\n3,x\n4,y\n");
    assert!(matches!(fewer, Err(Error::FileMismatch { .. })), "{fewer:?}");
    let ends = with("a,b\n1,x\n");
    assert!(matches!(ends, Err(Error::FileMismatch { unit: "rows", .. })), "{ends:?}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn columns_in_memory_come_by_name() {
    let schema =
        Schema::infer_bytes("a,b,c\n1,x,2024-01-01\n2.5,y,2024-01-03\n3,z,2024-01-09\n").unwrap();
    let rows = schema.batch::<f64>([["2", "y", "2024-01-03"], ["NA", "", "2024-01-01"]]).unwrap();
    let texts = vec!["y".to_owned(), String::new()];
    let (numbers, days) = ([2.0, f64::NAN], [Some("2024-01-03"), Some("2024-01-01")]);
    let columns = [("c", (&days).into()), ("a", (&numbers).into()), ("b", (&texts).into())];
    let batch = schema.batch_of_columns::<f64>(columns).unwrap();
    assert_eq!(format!("{batch:?}"), format!("{rows:?}"));
    let refused = schema.batch_of_columns::<f64>([("a", (&numbers).into())]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the column `b` has features, but is not given: give it, or leave it out of the schema"
    );
    let refused = schema.batch_of_columns::<f64>([("aa", (&numbers).into())]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Schema::batch_of_columns: the table has no column `aa`; it has only the columns `a`, `b`, `c`"
    );
    let short: Values<'_> = (&[1.0]).into();
    let columns = [("c", (&days).into()), ("a", short), ("b", (&texts).into())];
    assert!(matches!(schema.batch_of_columns::<f64>(columns), Err(Error::SizeMismatch { .. })));
    // Levels and dates that are numbers elsewhere.
    let codes = Schema::infer_bytes("k,t\n1,100\n2,200\n1,300\n").unwrap();
    let codes = codes.category("k").unwrap().date("t", "%s").unwrap();
    let batch = codes.batch::<f64>([[Cell::from(2.0), 200.into()]]).unwrap();
    assert_eq!(batch.sample(0)[..3], [0.0, 1.0, 0.0]);
    assert_eq!(codes.rows(&batch).unwrap().row(0)[1], "200");
}

/// A mark that is a number, or a date, means a missing cell wherever it stands and however it is written.
#[test]
fn marks_mean_the_same_everywhere() {
    let csv = CsvOptions::new().missing_marks(["-999", "1900-01-01", ""]);
    let options = SchemaOptions::new().csv(csv);
    let text = "n,k,when,t\n\
                1,x,2024-01-01,10\n-999.0,-999.0,-999.0,-999.0\n2.5,y,1900-01-01,20\n4,z,2024-01-09,40\n";
    let schema = Schema::infer_bytes_with(&options, text).unwrap();
    let missing: Vec<f64> = schema.columns().iter().map(TableColumn::missing).collect();
    assert_eq!(missing, [0.25, 0.25, 0.5, 0.25]);
    let schema = schema.ordinal("k", ["x", "y", "z"]).unwrap().date("when", "%Y-%m-%d").unwrap();
    let schema = schema.date("t", "%s").unwrap();
    let again: Vec<f64> = schema.columns().iter().map(TableColumn::missing).collect();
    assert_eq!(again, missing);
    for schema in [&schema, &Schema::infer_bytes_with(&options, text).unwrap()] {
        let file = samples(schema, text);
        assert!(file.sample(1).iter().all(|x| x.is_nan()), "{file:?}");
        let there =
            schema.batch::<f64>([[Cell::from(1.5), "x".into(), "2024-01-02".into(), 20.into()]]);
        assert!(there.unwrap().sample(0).iter().all(|x| x.is_finite()));
        let number = Cell::from(-999.0);
        let row = [number.clone(), number.clone(), number.clone(), number];
        let memory = schema.batch::<f64>([row]).unwrap();
        assert!(memory.sample(0).iter().all(|x| x.is_nan()), "{memory:?}");
        let numbers = [-999.0];
        let columns = ["n", "k", "when", "t"].map(|name| (name, (&numbers).into()));
        let memory = schema.batch_of_columns::<f64>(columns).unwrap();
        assert!(memory.sample(0).iter().all(|x| x.is_nan()), "{memory:?}");
    }
    // A mark that is named as a level is one.
    let text = "k\n-999\n1\n2\n";
    let named = Schema::infer_bytes_with(&options, text).unwrap();
    let named = named.ordinal("k", ["-999", "1", "2"]).unwrap();
    assert_eq!(samples(&named, text).sample(0), [0.0, 0.0]);
    assert_eq!(named.batch::<f64>([[Cell::from(-999.0)]]).unwrap().sample(0), [0.0, 0.0]);
}

/// Our own words for others are no level, no rare level and no mark of a missing value, so that a file of words is read
/// as what it was.
#[test]
fn our_own_words_are_free() {
    let cell = |k: usize| if k < 990 { ["a", "b"][k % 2] } else { ["unknown", "(unknown)"][k % 2] };
    let text = lines("k,two", (0..1000).map(|k| format!("{},{}", cell(k), ["x", "y"][k % 2])));
    let marks = CsvOptions::new().missing_marks(["other", "UNKNOWN", "((other))", "unknown"]);
    let plain = Schema::infer_bytes(text.clone()).unwrap();
    let names = ["k=other", "k=((unknown))", "two=y", "two=unknown"];
    assert_eq!(plain.feature_names()[2..], names);
    for csv in [CsvOptions::new(), marks.clone()] {
        let options = SchemaOptions::new().csv(csv);
        let schema = Schema::infer_bytes_with(&options, text.clone()).unwrap();
        let batch = samples(&schema, "k,two\na,x\nnew,new\n(unknown),y\n");
        let words = schema.rows(&batch).unwrap().to_csv();
        assert_eq!(samples(&schema, &words).as_slice(), batch.as_slice(), "{words}");
    }
    // A mark is missing where it is inferred and where it is read, beside rare levels too.
    let cell = |k: usize| if k < 990 { ["a", "other"][k % 2] } else { ["r", "s"][k % 2] };
    let text = lines("k", (0..1000).map(cell));
    let schema = Schema::infer_bytes_with(&SchemaOptions::new().csv(marks), text).unwrap();
    assert_eq!(schema.columns()[0].missing(), 0.495);
    let batch = samples(&schema, "k\nother\nr\nunknown\nnew\n");
    assert!([0, 2].iter().all(|&row| batch.sample(row).iter().all(|x| x.is_nan())), "{batch:?}");
    let there = batch.select([1, 3]);
    let words = schema.rows(&there).unwrap();
    assert_eq!(words.to_csv(), "k\n(other)\n(unknown)\n");
    assert_eq!(samples(&schema, &words.to_csv()), there);
}

/// As pandas writes whole numbers once there is a gap among them.
#[test]
fn levels_in_digits_are_found_as_numbers() {
    let text = lines("flag,grade", (0..60).map(|k| format!("{},{}", k % 2, k % 4 + 1)));
    let schema = Schema::infer_bytes(text).unwrap();
    assert_eq!(kinds(&schema), [Kind::Boolean, Kind::Category]);
    let whole = samples(&schema, "flag,grade\n0,1\n1,3\n7,7\n");
    assert_eq!(samples(&schema, "flag,grade\n0.0,1.0\n1.0,3.0\n7.0,7.0\n"), whole);
    let memory = schema.batch::<f64>([[0.0, 1.0], [1.0, 3.0], [7.0, 7.0]]).unwrap();
    assert_eq!(memory, whole);
    let named = lines("k", ["1.0", "2.0", "10.0"]);
    let named = Schema::infer_bytes(named).unwrap().ordinal("k", ["1", "2", "10"]).unwrap();
    assert_eq!(samples(&named, "k\n2\n").sample(0), [0.5, 0.0]);
    // With a comma before the fraction.
    let csv = CsvOptions::new().delimiter(b';').unwrap().decimal(b',').unwrap();
    let options = SchemaOptions::new().csv(csv);
    let schema = Schema::infer_bytes_with(&options, "k\n1,5\n2,5\n4\n").unwrap();
    let schema = schema.ordinal("k", ["1,5", "2,5", "4"]).unwrap();
    assert_eq!(samples(&schema, "k\n2,50\n").sample(0), [0.5, 0.0]);
    assert_eq!(schema.batch::<f64>([[2.5]]).unwrap().sample(0), [0.5, 0.0]);
    let schema = Schema::infer_bytes_with(&options, "k\n10,0\n9,0\n").unwrap();
    assert_eq!(schema.columns()[0].levels(), ["9,0", "10,0"]);
    // 7 is not the code 007.
    let codes = lines("k", (0..60).map(|k| format!("{:03}", 5 + k % 3)));
    let codes = Schema::infer_bytes(codes).unwrap();
    assert_eq!(samples(&codes, "k\n7\n007\n").as_slice(), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn what_does_not_fit_is_named_by_row_column_and_cell() {
    let schema = Schema::infer_bytes("a,b\n1,2024-01-01\n2,2024-01-02\n3,2024-01-05\n").unwrap();
    let refused = schema.from_bytes::<f32>("a,b\n1,2024-01-01\nseven,2024-01-01\n").unwrap_err();
    let expected = match &refused {
        Error::Malformed { place, found, .. } => {
            let name = Some("a".to_owned());
            assert_eq!(*place, Place::Cell { line: 3, column: 0, name });
            assert_eq!(*found, Found::Text("seven".to_owned()));
            refused.to_string()
        }
        other => panic!("{other}"),
    };
    assert!(expected.starts_with("<memory>, line 3, column 1 (`a`; counted from 1): found \"seven\", expected a finite number (`Schema::category`"), "{expected}");
    let refused = schema.from_bytes::<f32>("a,b\n1,01.02.2024\n").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "<memory>, line 2, column 2 (`b`; counted from 1): found \"01.02.2024\", expected a date in ISO 8601 without a \
         zone, as the others of the column are (2024-05-01, 2024-05-01T13:30)"
    );
    let refused = schema.batch::<f32>([["1", "2024-01-01"], ["2", "soon"]]).unwrap_err();
    let place = Place::Row { row: 1, column: "b".to_owned() };
    assert!(matches!(&refused, Error::Malformed { place: own, .. } if *own == place), "{refused}");
    assert!(
        refused
            .to_string()
            .starts_with("<memory>, row 1 (counted from 0), column `b`: found \"soon\"")
    );
    let refused = schema.batch::<f32>([[f64::INFINITY, 0.0]]).unwrap_err();
    assert!(
        refused.to_string().contains("row 0 (counted from 0), column `a`: found inf"),
        "{refused}"
    );
    assert!(matches!(schema.batch::<f32>([["1"]]), Err(Error::SizeMismatch { .. })));
    let none: [[&str; 2]; 0] = [];
    assert!(matches!(schema.batch::<f32>(none), Err(Error::NoSamples { .. })));
    // Changes of columns read the table, and say where it does not fit.
    let refused = schema.clone().date("a", "%d.%m.%Y").unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("<memory>, line 2, column 1 (`a`; counted from 1): found \"1\""),
        "{refused}"
    );
    let refused = schema.clone().ordinal("a", ["1", "2"]).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("<memory>, line 4, column 1 (`a`; counted from 1): found \"3\""),
        "{refused}"
    );
    let refused = schema.clone().number("b").unwrap_err();
    assert!(refused.to_string().starts_with("<memory>, line 2, column 2 (`b`"), "{refused}");
    for (refused, said) in [
        (
            schema.clone().label("d"),
            "Schema::label: the table has no column `d`; it has only the columns `a`, `b`",
        ),
        (
            schema.clone().label(2),
            "Schema::label: the table has no column 2 (counted from 0); it has only the columns `a`, `b`",
        ),
        (
            schema.clone().date("b", "%Y"),
            "the format \"%Y\" of dates has neither a whole date nor a time of day without a zone: write it as strptime does, such as \"%d.%m.%Y %H:%M\"",
        ),
        (
            schema.clone().ordinal("a", ["1"]),
            "the column `a` needs at least two levels: name each of its levels once, from the lowest to the highest",
        ),
        (
            schema.clone().boolean("a", "1", "1"),
            "the column `a` has a level that is named twice: name each of its levels once, from the lowest to the highest",
        ),
        (
            schema.clone().date_parts("a", DatePart::ALL),
            "the column `a` is no date: first call `Schema::date`, with the format of its dates",
        ),
        (
            schema.clone().date_parts("b", []),
            "the column `b` has no part that becomes a feature: name one, or leave the column out",
        ),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), said);
    }
    let empty = schema.clone().leave_out("a").unwrap().leave_out("b").unwrap();
    assert!(matches!(empty.from_bytes::<f32>("a,b\n1,2\n"), Err(Error::Unfit { .. })));
    assert!(matches!(empty.batch::<f32>([["1", "2"]]), Err(Error::Unfit { .. })));
    assert!(matches!(empty.loss::<f32>(), Err(Error::Unfit { .. })));
}

#[test]
fn files_that_are_no_such_table_are_refused() {
    let csv = || CsvOptions::new();
    for (text, csv, said) in [
        (
            "1,2\n3,4\n",
            csv(),
            "<memory>, line 1 (counted from 1): found a number or a missing value for each column",
        ),
        (
            "a,x\nb,y\na,x\n",
            csv(),
            "<memory>, line 1 (counted from 1): found values that the rows below have too",
        ),
        (
            "2024-01-01 00:00,1.5\n2024-01-01 01:00,2.5\n2024-01-01 02:00,4\n",
            csv(),
            "<memory>, line 1 (counted from 1): found values as those of the rows below for each column",
        ),
        (
            "2024-01-01,1.5,\n2024-01-02,2.5,1\n2024-01-03,4,2\n",
            csv(),
            "<memory>, line 1 (counted from 1): found values as those of the rows below for each column",
        ),
        (
            "a,b,a\n1,2,3\n",
            csv(),
            "<memory>, `a`: found several columns, expected one column of that name",
        ),
        (
            "a,b\n'x',1\n'y',2\n",
            csv(),
            "<memory>, line 2, column 1 (`a`; counted from 1): found a text in single quotes (\"'x'\")",
        ),
        (
            "a;b\n1;2\n",
            csv(),
            "<memory>, line 1 (counted from 1): found a single cell (\"a;b\"), expected cells with the delimiter between them (perhaps `CsvOptions::delimiter(b';')` of `SchemaOptions::csv`)",
        ),
        ("a,b\n", csv(), "<memory>: found no rows below the header"),
        ("a,b\n1\n", csv(), "<memory>, line 2 (counted from 1): expected 2 cells, found 1"),
        ("", csv(), "<memory>: found an empty file"),
        (
            "a,b\n1,2\n",
            csv().columns([0]),
            "a schema's CsvOptions say which columns are features or the label: `Schema::leave_out`",
        ),
        (
            "a,b\n1,2\n",
            csv().label("a"),
            "a schema's CsvOptions say which columns are features or the label",
        ),
        (
            "a,b\n1,2\n",
            csv().missing(Missing::DropRow).unwrap(),
            "a schema's CsvOptions say what becomes of missing cells",
        ),
    ] {
        let options = SchemaOptions::new().csv(csv);
        let refused = Schema::infer_bytes_with(&options, text).unwrap_err().to_string();
        assert!(refused.starts_with(said), "{text:?}: {refused}");
    }
    // Single quotes that are meant.
    let kept = SchemaOptions::new().csv(csv().quote(None).unwrap());
    let schema = Schema::infer_bytes_with(&kept, "a\n'x'\n'y'\n").unwrap();
    assert_eq!(schema.columns()[0].levels(), ["'x'", "'y'"]);
    // With a header that is spoken of the first row is one, and a name that no value could be makes it one.
    let series = "2024-01-01 00:00,1.5\n2024-01-01 01:00,2.5\n2024-01-01 02:00,4\n";
    for (has_header, rows) in [(true, 2), (false, 3)] {
        let options = SchemaOptions::new().csv(csv().header(has_header));
        let schema = Schema::infer_bytes_with(&options, series).unwrap();
        assert_eq!(samples(&schema, series).samples(), rows);
    }
    for text in
        ["2024-01-01,flow\n2024-01-02,1\n2024-01-03,2\n", "day,1.5\n2024-01-02,1\n2024-01-03,2\n"]
    {
        assert_eq!(Schema::infer_bytes(text).unwrap().columns()[1].kind(), Kind::Boolean);
    }
    // A name may have any mark in it, as long as the cells do not.
    for name in ["first name", "a;b", "a|b"] {
        let text = format!("{name}\n1\n2\n5\n");
        assert_eq!(Schema::infer_bytes(text).unwrap().columns()[0].name(), name);
    }
    let refused = Schema::infer_bytes(b"a,b\n\xff,1\n".to_vec()).unwrap_err();
    assert!(refused.to_string().contains("line 2, column 1 (`a`"), "{refused}");
    assert!(matches!(SchemaOptions::new().rare(1, 1.5), Err(Error::InvalidParameter { .. })));
    assert!(matches!(SchemaOptions::new().most_levels(0), Err(Error::InvalidParameter { .. })));
    let options = SchemaOptions::new().date_formats(["%Y"]);
    assert!(matches!(Schema::infer_bytes_with(&options, "a\n1\n"), Err(Error::DateFormat { .. })));
}

#[test]
fn labels_are_texts_or_numbers() {
    let text = "a,class\n1,7\n2,?\n3,9.5\n";
    let schema = Schema::infer_bytes(text).unwrap();
    let refused = schema.from_bytes::<f32>(text).unwrap().labels().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Table::labels needs a column that is the label: first call `Schema::label`"
    );
    let schema = schema.label("class").unwrap();
    let labels = schema.from_bytes::<f32>(text).unwrap().labels().unwrap();
    assert_eq!(labels, [Cell::Number(7.0), Cell::Missing, Cell::Number(9.5)]);
    let refused = schema.from_bytes::<f32>("a,class\n1,good\n").unwrap().labels().unwrap_err();
    assert!(refused.to_string().contains("line 2, column 2 (`class`"), "{refused}");
    // Codes are texts, and a label that is chosen again is what it was.
    let codes = Schema::infer_bytes("a,k\n1,007\n2,010\n5,007\n").unwrap();
    let codes = codes.label("k").unwrap().label("k").unwrap();
    let labels = codes.from_bytes::<f32>("a,k\n1,007\n").unwrap().labels().unwrap();
    assert_eq!(labels, ["007"]);
    let schema = schema.label("class").unwrap();
    assert_eq!(schema.from_bytes::<f32>(text).unwrap().labels().unwrap()[0], 7.0);
    // With a decimal comma too; what is infinite is a text.
    let options = |csv: CsvOptions| SchemaOptions::new().csv(csv.delimiter(b';').unwrap());
    let commas = options(CsvOptions::new().decimal(b',').unwrap());
    let text = "a;k\n1;0,5\n2;1,5\n5;0,5\n";
    let commas = Schema::infer_bytes_with(&commas, text).unwrap();
    let commas = commas.ordinal("k", ["0,5", "1,5"]).unwrap().label("k").unwrap();
    let labels = commas.from_bytes::<f32>(text).unwrap().labels().unwrap();
    assert_eq!(labels, [0.5, 1.5, 0.5]);
    let text = "a;k\n1;inf\n2;nan.\n5;inf\n";
    let texts = Schema::infer_bytes_with(&options(CsvOptions::new()), text).unwrap();
    let texts = texts.label("k").unwrap();
    assert_eq!(texts.from_bytes::<f32>(text).unwrap().labels().unwrap(), ["inf", "nan.", "inf"]);
    // Another label takes its place.
    let schema = schema.label("a").unwrap();
    let expected = [Kind::Label, Kind::LeftOut];
    assert_eq!(kinds(&schema), expected);
}

/// A space that does not break is a part of a cell, and so of a level, a name, and a mark of a missing value.
#[test]
fn levels_are_trimmed_as_cells_are() {
    let text = "size,x\u{a0}\nS\u{a0},1\n L ,2\n\u{a0},3\n";
    let csv = CsvOptions::new().missing_marks(["\u{a0}"]);
    let schema = Schema::infer_bytes_with(&SchemaOptions::new().csv(csv), text).unwrap();
    let schema = schema.ordinal("size", [" S\u{a0}", "L\t"]).unwrap().number("x\u{a0} ").unwrap();
    assert_eq!(column(&schema, "size").levels(), ["S\u{a0}", "L"]);
    assert_eq!(samples(&schema, text).as_slice()[..6], [0.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
    assert_eq!(column(&schema, "size").missing(), 1.0 / 3.0);
}

#[test]
fn the_schema_prints_as_a_table() {
    let text = "id,size,colour,weight,when\n".to_owned()
        + &(0..40)
            .map(|k| {
                format!(
                    "n{k},{},{},{},2024-01-{:02}\n",
                    ["S", "M"][k % 2],
                    ["red", "green", "blue"][k % 3],
                    if k % 4 == 0 { "?".to_owned() } else { format!("{k}.5") },
                    k % 28 + 1
                )
            })
            .collect::<String>();
    let schema = Schema::infer_bytes(text).unwrap().label("colour").unwrap();
    let said = "\
column  kind      missing  levels or range          features  why
id      left out                                              an identifier: no two texts are alike
size    boolean            M / S                    2         two texts
colour  label                                                 chosen
weight  number    25 %     1.5 … 39.5               1         numbers
when    date               2024-01-01 … 2024-01-28  5         dates in ISO 8601
";
    assert_eq!(schema.to_string(), said);
}

/// A model by the loss and the normalizer of a schema, whose columns belong together: by its training a row of unknown
/// levels is odder than all that it has seen.
#[test]
fn what_is_unknown_is_scored_as_odd() {
    let row = |k: usize| {
        let colour = ["red", "green", "blue"][k % 3];
        let (weight, ripe) =
            ([1.5, 3.25, 9.0][k % 3] + 0.01 * (k % 7) as f64, ["no", "yes"][k % 2]);
        format!("{colour},{weight:.2},{ripe}")
    };
    let text = lines("colour,weight,ripe", (0..300).map(row));
    let schema = Schema::infer_bytes(text.clone()).unwrap();
    let mut table = schema.from_bytes::<f32>(text).unwrap();
    let rows = table.load().unwrap();
    let features = schema.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, 4, Tanh))
        .decoder(Dense::dynamic(4, features, Identity))
        .loss(schema.loss().unwrap())
        .normalizer(schema.normalizer(&rows).unwrap())
        .seed(1)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(0.02).unwrap()).epochs(60).seed(1);
    // From the file itself, as from memory.
    trainer.fit(&mut model, &mut table).unwrap();
    let words = schema.rows(&model.reconstruct(&rows).unwrap()).unwrap();
    let own = schema.rows(&rows).unwrap();
    let same = words.iter().zip(&own).filter(|(a, b)| a[0] == b[0] && a[2] == b[2]).count();
    assert!(same > 295, "{same} of 300 rows have their colour and ripeness again");
    let reference = model.clone();
    let detector = AnomalyDetector::fit(reference, ScaledResidual::new(), &rows).unwrap();
    let greatest = detector.scores(&rows).unwrap().into_iter().fold(0.0, f64::max);
    let unknown = schema.batch([["violet", "1.50", "no"], ["red", "1.50", "perhaps"]]).unwrap();
    let scores = detector.scores(&unknown).unwrap();
    assert!(scores.iter().all(|&score| score > greatest), "{scores:?} and {greatest}");
}

#[test]
fn the_loss_has_a_likelihood_for_each_kind() {
    let text = "w,v,k,size,colour,hue,ripe,when\n\
                1.5,2,7,S,red,a,no,2024-01-01\n2,3,7,M,blue,b,yes,2024-01-09\n3,4.5,7,S,green,c,no,2024-01-12\n";
    let schema = Schema::infer_bytes(text).unwrap().ordinal("size", ["S", "M"]).unwrap();
    let said = Loss::<f64>::describe(&schema.loss().unwrap());
    let learned = "LearnedGaussian { per_feature: true }";
    let expected = format!(
        "Mixed {{ groups: [Group {{ columns: 2, loss: {learned} }}, \
         Group {{ columns: 1, loss: GaussianLikelihood {{ deviation: 1.0 }} }}, \
         Group {{ columns: 1, loss: {learned} }}, Group {{ columns: 1, loss: BernoulliCrossEntropy }}, \
         Group {{ columns: 8, loss: Categorical {{ groups: [4, 4] }} }}, \
         Group {{ columns: 2, loss: BernoulliCrossEntropy }}, Group {{ columns: 4, loss: {learned} }}, \
         Group {{ columns: 1, loss: {learned} }}] }}"
    );
    assert_eq!(said, expected);
}

/// Of 1, 2, 3 the mean is 2 and the variance 2/3; of 2.5 and 6.5, where one is missing, 4.5 and 4.
#[test]
fn the_normalizer_leaves_what_is_no_measure() {
    let text = "a,b,size,c\n1,2.5,S,x\n2,?,M,y\n3,6.5,L,z\n";
    let schema = Schema::infer_bytes(text).unwrap().ordinal("size", ["S", "M", "L"]).unwrap();
    let rows = samples(&schema, text);
    let normalizer = schema.normalizer(&rows).unwrap();
    let (means, deviations) = normalizer.parts();
    assert_eq!(means, [2.0, 4.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!((deviations[0] - (2.0_f64 / 3.0).sqrt()).abs() < 1e-15, "{deviations:?}");
    assert_eq!(deviations[1..], [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let whole = schema.normalizer(&rows.select([0, 2])).unwrap();
    assert_eq!((whole.parts().0[1], whole.parts().1[1]), (4.5, 2.0));
    let refused = schema.normalizer(&rows.select([1])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the column `b` is missing in all samples: give samples that have it, or leave it out (`Schema::leave_out`)"
    );
    let other = Batch::zeros(Dyn(3), 1);
    assert!(matches!(schema.normalizer::<f64, _>(&other), Err(Error::SizeMismatch { .. })));
    assert!(matches!(schema.rows::<f64, _>(&other), Err(Error::SizeMismatch { .. })));
    let mut infinite = rows.select([0]);
    infinite.as_mut_slice()[0] = f64::INFINITY;
    assert!(matches!(schema.rows(&infinite), Err(Error::NotFinite { .. })));
}

/// What stands between cells, around them and before fractions is that of the table; a level that has our own names for
/// others keeps it.
#[test]
fn words_are_written_as_the_table_is() {
    let csv =
        CsvOptions::new().delimiter(b';').unwrap().decimal(b',').unwrap().quote(b'\'').unwrap();
    let options = SchemaOptions::new().csv(csv.comment(b'#').unwrap());
    let text = "a;b;c\n1,5;x;unknown\n2,25;'y;#''z';known\n3;'';known\n4;w;known\n";
    let schema = Schema::infer_bytes_with(&options, text).unwrap();
    let rows = samples(&schema, text);
    let words = schema.rows(&rows).unwrap();
    assert_eq!(words.to_csv(), "a;b;c\n1,5;x;unknown\n2,25;'y;#''z';known\n3;;known\n4;w;known\n");
    assert!(
        schema.feature_names().contains(&"c=(unknown)".to_owned()),
        "{:?}",
        schema.feature_names()
    );
    let other = schema.rows(&samples(&schema, "a;b;c\n1;x;?\n1;x;new\n")).unwrap();
    assert_eq!(other.to_csv(), "a;b;c\n1;x;\n1;x;(unknown)\n");
    let spaces = SchemaOptions::new().csv(CsvOptions::new().whitespace());
    let text = "a  b\n1  \"x y\"\n2  \"\"\n3  z\n5  w\n";
    let schema = Schema::infer_bytes_with(&spaces, text).unwrap();
    let words = schema.rows(&samples(&schema, text)).unwrap();
    assert_eq!(words.to_csv(), "a b\n1 \"x y\"\n2 \"\"\n3 z\n5 w\n");
}

/// Without quotes they are a part of the text, and without a header the first line is a row.
#[test]
fn words_are_written_without_quotes_and_header() {
    for (csv, text) in [
        (CsvOptions::new().quote(None).unwrap(), "a,b\n1,\"x\"\n2,y\"z\n,'w'\n"),
        (CsvOptions::new().quote(None).unwrap(), "b\n\"x\"\n\"\"\nNA\nz\n"),
        (CsvOptions::new().whitespace().quote(None).unwrap(), "a b\n1 \"x\"\nNA NA\n3 y\n"),
        (CsvOptions::new().header(false), "1,x\n2,y\n3,\"z,\"\n5,x\n"),
        (CsvOptions::new().header(false), "x\n\"\"\ny\nz\n"),
    ] {
        let schema = Schema::infer_bytes_with(&SchemaOptions::new().csv(csv), text).unwrap();
        let batch = samples(&schema, text);
        let words = schema.rows(&batch).unwrap();
        assert_eq!(words.to_csv(), text);
        assert_eq!(format!("{:?}", samples(&schema, &words.to_csv())), format!("{batch:?}"));
    }
}

#[test]
fn each_kind_can_be_chosen() {
    let text = "a,b,c,t\n1,x,3,100\n2,y,4,200\n1,x,3,300\n";
    let schema = Schema::infer_bytes(text).unwrap();
    let inferred = [Kind::Boolean, Kind::Boolean, Kind::Boolean, Kind::Number];
    assert_eq!(kinds(&schema), inferred);
    let chosen = schema.number("a").unwrap().category(1).unwrap().boolean("c", "4", "3").unwrap();
    let chosen = chosen.date("t", "%s").unwrap();
    assert_eq!(kinds(&chosen), [Kind::Number, Kind::Category, Kind::Boolean, Kind::Date]);
    assert!(chosen.columns().iter().all(|column| column.why() == "chosen"));
    // The number, one of two and an unknown one, the other way round, and 100 of 86,400 seconds on.
    let batch = samples(&chosen, text);
    assert_eq!(batch.sample(1)[..6], [2.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(batch.sample(0)[4], 1.0);
    assert_eq!(*batch.sample(1).last().unwrap(), 100.0 / 86_400.0);
    let fewer = chosen.date_parts("t", [DatePart::TimeOfDay, DatePart::TimeOfDay]).unwrap();
    assert_eq!(fewer.cells().last(), Some(&("t", 6..8)));
    let said = fewer.rows(&samples(&fewer, text)).unwrap();
    assert_eq!(said.row(1)[3], "00:03:20");
    // A level that has the name of a missing value is one where it is named.
    let none = Schema::infer_bytes("a,b\nnone,1\nsome,2\nmany,5\n").unwrap();
    assert!((none.columns()[0].missing() - 1.0 / 3.0).abs() < 1e-15);
    let none = none.ordinal("a", ["none", "some", "many"]).unwrap();
    assert_eq!((none.columns()[0].missing(), none.columns()[0].levels().len()), (0.0, 3));
    assert_eq!(samples(&none, "a,b\nsome,1\nnone,1\n").sample(1)[..2], [0.0, 0.0]);
}

#[test]
fn files_are_read_from_disk() {
    let folder = common::Folder::new("schema");
    let path = folder.join("fruit.csv");
    let text = "weight,ripe,class\n1.5,no,a\n2.5,yes,b\n3.25,no,c\n";
    std::fs::write(&path, text).unwrap();
    let schema = Schema::infer(&path).unwrap().label("class").unwrap();
    let mut table = schema.open::<f32>(&path).unwrap();
    let expected = vec![1.5, 0.0, 0.0, 2.5, 1.0, 0.0, 3.25, 0.0, 0.0];
    assert_eq!(table.load().unwrap(), Batch::new(Dyn(3), expected).unwrap());
    assert_eq!(table.labels().unwrap(), ["a", "b", "c"]);
    assert_eq!(table.schema(), &schema);
    // It is shorter than when it was opened.
    std::fs::write(&path, "weight,ripe,class\n1.5,no,a\n").unwrap();
    let mut table = schema.open::<f32>(&path).unwrap();
    std::fs::write(&path, "weight,ripe,class\n").unwrap();
    assert!(table.load().is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Schema::infer(&path), Err(Error::File { .. })));
    assert!(matches!(schema.open::<f32>(folder.path()), Err(Error::File { .. })));
    let refused = schema.from_bytes::<f32>(vec![0x1f, 0x8b, 8, 0]).unwrap_err();
    assert!(refused.to_string().starts_with("<memory>: found a gzip file"), "{refused}");
}

/// Ten times the rows are inferred in the same memory, and are read without taking more, categories and dates too.
#[test]
fn tables_are_read_in_memory_that_does_not_grow() {
    let text = |rows: usize| {
        let row = |k: usize| {
            let (level, day) = (["one", "two", "three", "NA"][k % 4], k % 28 + 1);
            format!("{k},{}.5,{level},2024-02-{day:02}T07:30:00Z,free text {k}", k % 100)
        };
        lines("id,number,level,when,note", (0..rows).map(row)).into_bytes()
    };
    let taken = |rows: usize| {
        let text = text(rows);
        let mut schema = None;
        let own = text.clone();
        let inferred = measure(|| schema = Some(Schema::infer_bytes(own).unwrap()));
        let schema = schema.unwrap();
        assert_eq!(kinds(&schema)[1..4], [Kind::Number, Kind::Category, Kind::Date]);
        let mut table = schema.from_bytes::<f32>(text).unwrap();
        let mut block = Batch::zeros(table.size(), 64);
        assert_eq!(table.read(block.view_mut()).unwrap(), 64);
        let mut read = 64;
        let reading = measure(|| {
            while read + 64 < rows {
                read += table.read(block.view_mut()).unwrap();
            }
        });
        // Room for a cell that is cut by the end of the buffer, once it is needed.
        assert!(reading.count_total <= 4, "{} of {rows} rows", reading.count_total);
        inferred.bytes_max
    };
    let (few, many) = (taken(3_000), taken(30_000));
    assert!(many <= few + few / 10, "{few} and {many}");
}

fn config() -> ProptestConfig {
    // A fixed seed and no file of failures: the same cases everywhere.
    ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    }
}

/// A cell as tables have them.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]",
        4 => "-?[0-9]{1,4}(\\.[0-9]{1,3})?",
        2 => "20[0-9]{2}-0[1-9]-[01][1-8]( [01][0-9]:[0-5][0-9])?",
        1 => "[ \"',;\\\\?é]{0,3}",
        1 => Just("NA".to_owned()),
    ]
}

proptest! {
    #![proptest_config(config())]

    /// Whatever a table of texts is, its rows in words have the same features again, and bits that are alike.
    #[test]
    fn words_are_the_table_again(rows in prop::collection::vec(prop::collection::vec(cell(), 4), 1..60)) {
        let schema = Schema::infer_rows(["a", "b", "c", "d"], rows.iter().map(|row| row.iter()));
        let Ok(schema) = schema else { return Ok(()) }; // texts in single quotes
        if schema.features() == 0 {
            return Ok(());
        }
        let all: Batch<f64, Dyn> = schema.batch(rows.iter().map(|row| row.iter())).unwrap();
        let words = schema.rows(&all).unwrap();
        let again: Batch<f64, Dyn> = schema.batch(&words).unwrap();
        for (a, b) in all.as_slice().iter().zip(again.as_slice()) {
            prop_assert!(a.is_nan() == b.is_nan() && (a.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(1.0)), "{a} {b}");
        }
        // A file of these words, too.
        let file = schema.from_bytes::<f64>(words.to_csv()).unwrap().load().unwrap();
        prop_assert_eq!(format!("{file:?}"), format!("{again:?}"));
        // Each value is one that its loss takes, and groups add up to 1, but for missing ones.
        let loss = schema.loss::<f64>().unwrap();
        loss.check_size(schema.features()).unwrap();
        for sample in all.iter() {
            for (feature, &x) in sample.iter().enumerate() {
                prop_assert!(x.is_nan() || loss.accepts(x, feature));
            }
            let mut is_whole = true;
            loss.each_whole(&mut |group| {
                let sum: f64 = sample[group].iter().sum();
                is_whole &= sum.is_nan() || sum == 1.0;
            });
            prop_assert!(is_whole);
        }
        let cells = schema.cells();
        prop_assert_eq!(cells.last().map(|(_, range)| range.end), Some(schema.features()));
        prop_assert_eq!(schema.feature_names().len(), schema.features());
    }

    /// Bytes of any kind are a table or refused.
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'1'), Just(b'-'), any::<u8>()], 0..200)) {
        for header in [true, false] {
            let options = SchemaOptions::new().csv(CsvOptions::new().header(header));
            if let Ok(schema) = Schema::infer_bytes_with(&options, bytes.clone()) {
                let _ = schema.to_string();
                if let Ok(mut table) = schema.from_bytes::<f32>(bytes.clone()) {
                    let batch = table.load().unwrap();
                    schema.rows(&batch).unwrap();
                }
                for column in 0..schema.columns().len() {
                    let _ = schema.clone().category(column);
                    let _ = schema.clone().number(column);
                    let _ = schema.clone().date(column, "%Y-%m-%d");
                    let _ = schema.clone().ordinal(column, ["1", "2"]);
                }
            }
        }
    }

    /// Whatever a model gives, there are words for it.
    #[test]
    fn all_features_have_words(values in prop::collection::vec(prop_oneof![-3.0..3.0_f32, any::<f32>()], 40)) {
        let text = "size,colour,weight,count,ripe,when,at\n\
                    S,red,1.5,1,no,2024-01-31T07:00,07:30\n\
                    L,green,2.25,20,yes,2024-02-29T18:30,18:45\n\
                    M,blue,?,3,?,2023-12-31T23:59,00:15\n";
        let schema = Schema::infer_bytes(text).unwrap().date("at", "%H:%M").unwrap();
        let values = values[..schema.features()].to_vec();
        let is_infinite = values.iter().any(|x| x.is_infinite());
        let batch = Batch::new(Dyn(schema.features()), values).unwrap();
        match schema.rows(&batch) {
            Ok(words) => {
                let again: Batch<f32, Dyn> = schema.batch(&words).unwrap();
                prop_assert_eq!(schema.rows(&again).unwrap().to_csv(), words.to_csv());
            }
            Err(_) => prop_assert!(is_infinite),
        }
    }
}

/// What the first user of a table came upon: each was taken for something else without a word.
#[test]
fn what_a_table_may_be_taken_for_is_said() {
    let text = |error: Error| error.to_string();
    // A table without a header, two cells of whose first row are alike.
    let without_header =
        lines("4,4,red,1.5", (0..30).map(|k| format!("{},{},red,{}.5", k % 7, k % 5, k)));
    let refused = text(Schema::infer_bytes(without_header.clone()).unwrap_err());
    assert!(refused.contains("header(false)") && !refused.contains("skip_lines"), "{refused}");
    let options = SchemaOptions::new().csv(CsvOptions::new().header(false));
    let schema = Schema::infer_bytes_with(&options, without_header.clone()).unwrap();
    assert_eq!(schema.from_bytes::<f64>(without_header).unwrap().samples(), 31);
    // One whose first row is unlike all others but for a number.
    let people = lines("alice,100.25,berlin", (0..30).map(|k| format!("n{k},{k}.5,city{}", k % 3)));
    let refused = text(Schema::infer_bytes(people).unwrap_err());
    assert!(refused.contains("line 1") && refused.contains("number with a fraction"), "{refused}");
    // A year is a name.
    Schema::infer_bytes(lines("land,2019,2020", (0..30).map(|k| format!("l{k},{k}.5,{k}.25"))))
        .unwrap();

    // Numbers and an infinite one are neither texts nor two levels.
    for cells in ["1\n2\n3\ninf\n", "1\n-inf\n1\n1\n"] {
        let refused = text(Schema::infer_bytes(format!("a\n{cells}")).unwrap_err());
        assert!(refused.contains("not finite") && refused.contains("column 1 (`a`"), "{refused}");
    }
    let numbers = [1.0, f64::INFINITY, 2.0];
    let refused = text(Schema::infer_columns([("a", (&numbers).into())]).unwrap_err());
    assert!(refused.contains("not finite"), "{refused}");
    let words =
        Schema::infer_bytes(lines("a", (0..30).map(|k| ["inf", "sup", "lim"][k % 3]))).unwrap();
    assert_eq!(kinds(&words), [Kind::Category]);

    // Bytes that are no text, and cells in the quotes of the file, are no levels that were never seen.
    let towns = "town,n\nKöln,1\nBonn,2\nKöln,4\nTrier,3\n";
    let schema = Schema::infer_bytes(towns).unwrap().category("town").unwrap();
    let refused = text(schema.from_bytes::<f64>(b"town,n\nZ\xfcrich,1\n".to_vec()).unwrap_err());
    assert!(refused.contains("UTF-8") && refused.contains("line 2"), "{refused}");
    let refused = text(schema.batch::<f64>([["\"Bonn\"", "2"]]).unwrap_err());
    assert!(refused.contains("row 0") && refused.contains("quotes"), "{refused}");

    // What texts may be besides is said with the reason.
    for (cells, hint) in [
        (["12,5", "13,5", "14,5"].map(|cell| format!("\"{cell}\"")), "decimal"),
        (["12 %", "13 %", "99 %"].map(str::to_owned), "numbers such as"),
        (["13/01/2024", "14/01/2024", "15/01/2024"].map(str::to_owned), "dates such as"),
    ] {
        let (_, why) = of_one(&lines("a", (0..60).map(|k| &cells[k % 3])));
        assert!(why.contains(hint), "{why}");
    }
    let (_, why) = of_one(&lines(
        "a",
        (0..60).map(|k| if k == 7 { "n.a.".into() } else { format!("{}", k % 9) }),
    ));
    assert!(why.contains("98 % numbers") && why.contains("n.a."), "{why}");
    let (_, why) = of_one(&lines("a", (0..60).map(|k| ["red", "blue", "2-door"][k % 3])));
    assert_eq!(why, "texts that come again");
}
