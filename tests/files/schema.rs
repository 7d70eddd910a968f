//! Schemas of tables: what is inferred, changed, read, and given back in words.

use autoencoder::data::*;
use autoencoder::{Batch, Error, Found, Place};
use common::shared_data;
use nalgebra::Dyn;

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
    ("auto_imports.csv", false, b'"', "nncbbbccbnnnnncc"),
    ("horse_colic.csv", false, b'"', "bb-nnnccccccccc"),
    ("german.csv", false, b'"', "cnccncc"),
    ("breast_cancer.csv", false, b'\'', "ocoobnbcbb"),
    ("pollution.csv", true, b'"', "-nnnnnnnncnnn"),
];
/// The rest of the lines above.
const RESTS: [&str; 6] = ["", "ncnnnnnnnn", "nccnncncbcccb", "nccncnccncnbbb", "", ""];

/// At most one column in twenty is another than its documentation says.
#[test]
fn published_tables_are_what_their_documentation_says() {
    let (mut all, mut others) = (0, Vec::new());
    for ((name, has_header, quote, first), rest) in TABLES.into_iter().zip(RESTS) {
        let Some(path) = shared_data(&format!("tables/{name}")) else { return };
        let csv = CsvOptions::new().header(has_header).quote(quote).unwrap();
        let schema = Schema::infer_with(&SchemaOptions::new().csv(csv), path).unwrap();
        let expected = format!("{first}{rest}");
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
    println!("{others:#?}");
}
