//! Texts with delimiters as they come: line ends, options, and what a refusal says. Expected numbers are read off the
//! texts.

use autoencoder::data::*;
use autoencoder::*;
use nalgebra::{Const, Dyn};

type Table = Csv<f64, Dyn>;

fn new() -> CsvOptions {
    CsvOptions::new()
}

fn load(text: impl Into<Vec<u8>>, options: &CsvOptions) -> Result<Vec<f64>> {
    options.from_bytes::<f64, Dyn>(text)?.load().map(Batch::into_vec)
}

fn refused(text: impl Into<Vec<u8>>, options: &CsvOptions) -> String {
    options.from_bytes::<f64, Dyn>(text).unwrap_err().to_string()
}

/// What a text is known to be, and the text.
fn known(found: &Found) -> (&str, &str) {
    match found {
        Found::Known(known) => (known.kind, &known.text),
        other => panic!("{other}"),
    }
}

fn line_of(error: Error) -> u64 {
    match error {
        Error::Malformed { place: Place::Cell { line, .. } | Place::Line(line), .. } => line,
        Error::FileMismatch { place: Place::Line(line), .. } => line,
        other => panic!("{other}"),
    }
}

#[test]
fn lines_end_in_cr_lf_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        let lines = |lines: &[&str]| lines.join(end);
        for last in ["", end] {
            let bare = lines(&["1,2", "3,4", "5,6"]) + last;
            let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
            assert_eq!(load(bare.clone(), &new().header(false)).unwrap(), expected, "{bare:?}");
            let named = lines(&["a,b", "1,2", "3,4", "5,6"]) + last;
            assert_eq!(load(named.clone(), &new()).unwrap(), expected, "{named:?}");
            let chosen = load(named.clone(), &new().columns(["b"])).unwrap();
            assert_eq!(chosen, [2.0, 4.0, 6.0], "{named:?}");
            // A line end in quotes is text, and counts as a line.
            let quoted = lines(&["\"a", "x\",b", "\"p", "", "q\",1", "r,2"]) + last;
            let mut table: Table = new().label(0).from_bytes(quoted.clone()).unwrap();
            assert_eq!(table.load().unwrap().into_vec(), [1.0, 2.0], "{quoted:?}");
            assert_eq!(table.labels().unwrap(), [format!("p{end}{end}q"), "r".to_owned()]);
            let wrong = lines(&["\"a", "x\",b", "\"p", "", "q\",1", "r,?"]) + last;
            let error = new().label(0).from_bytes::<f64, Dyn>(wrong).unwrap_err();
            assert_eq!(line_of(error), 6);
            let short = lines(&["a,b", "1,2", "3"]) + last;
            assert_eq!(line_of(new().from_bytes::<f64, Dyn>(short).unwrap_err()), 3);
            let skipped = lines(&["made by", "a machine", "a,b", "1,x"]) + last;
            let error = new().skip_lines(2).from_bytes::<f64, Dyn>(skipped).unwrap_err();
            assert_eq!(line_of(error), 4);
        }
    }
    let mixed = "a,b\r1,2\n3,4\r\n5,6\r7,8";
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    assert_eq!(load(mixed, &new()).unwrap(), expected);
    let error = new().from_bytes::<f64, Dyn>("a\r1\n2\r\n3\rx\n").unwrap_err();
    assert_eq!(line_of(error), 5);
}

/// Line ends of two bytes across what is read in one go, 65,536 bytes.
#[test]
fn line_ends_across_blocks() {
    for shift in 1..5 {
        let rows = 40_000;
        let text = format!("{}\r\n", "a".repeat(shift)) + &"17\r\n".repeat(rows);
        let options = new().header(true);
        assert_eq!(load(text, &options).unwrap(), vec![17.0; rows], "{shift}");
    }
}

#[test]
fn missing_values() {
    let text = "a,b,c\n1,2,x\n?,4,y\n5,,z\n7,8,w\n";
    let options = |missing| new().label("c").missing(missing).unwrap();
    let place = Place::Cell { line: 3, column: 0, name: Some("a".to_owned()) };
    let error = options(Missing::Refuse).from_bytes::<f64, Dyn>(text).unwrap_err();
    let Error::Malformed { place: refused_at, found, .. } = &error else { panic!("{error}") };
    assert_eq!((refused_at, known(found)), (&place, ("a missing value", "?")));
    assert_eq!(
        error.to_string(),
        "<memory>, line 3, column 1 (`a`; counted from 1): found a missing value (\"?\"), expected a \
         finite number (`CsvOptions::missing` says what becomes of missing values: `Missing::DropRow`, \
         `Missing::Value` or `Missing::NotANumber`)"
    );

    let mut dropped: Table = options(Missing::DropRow).from_bytes(text).unwrap();
    assert_eq!((dropped.samples(), dropped.dropped()), (2, 2));
    assert_eq!(dropped.load().unwrap().into_vec(), [1.0, 2.0, 7.0, 8.0]);
    assert_eq!(dropped.labels().unwrap(), ["x", "w"]);
    dropped.skip(1).unwrap();
    let mut one = Batch::zeros(Dyn(2), 5);
    assert_eq!(dropped.read(one.view_mut()), Ok(1));
    assert_eq!(one.sample(0), [7.0, 8.0]);
    assert_eq!(dropped.load().unwrap().into_vec(), [1.0, 2.0, 7.0, 8.0]);

    let mut filled: Table = options(Missing::Value(-1.5)).from_bytes(text).unwrap();
    assert_eq!(filled.load().unwrap().into_vec(), [1.0, 2.0, -1.5, 4.0, 5.0, -1.5, 7.0, 8.0]);
    assert_eq!((filled.dropped(), filled.labels().unwrap().len()), (0, 4));
    let kept = load(text, &options(Missing::NotANumber)).unwrap();
    assert!(kept[2].is_nan() && kept[5].is_nan());
    assert_eq!(kept.iter().filter(|x| x.is_nan()).count(), 2);

    // A label is a text, and only features are missing; of those that are not read nothing is asked.
    let labelled = "a,b\n1,\n2,NA\n";
    let mut table: Table = options(Missing::DropRow).label("b").from_bytes(labelled).unwrap();
    assert_eq!(table.labels().unwrap(), ["", "NA"]);
    assert_eq!(load(text, &options(Missing::DropRow).columns(["b"])).unwrap(), [2.0, 4.0, 8.0]);
    let none = refused("a\n?\n", &new().missing(Missing::DropRow).unwrap());
    assert_eq!(
        none,
        "<memory>: found a missing value in every row, which was dropped for it, expected at least one \
         sample"
    );
    // What is no number is refused even in a row that is dropped.
    let both = new().missing(Missing::DropRow).unwrap();
    assert!(refused("a,b\n1,2\n?,x\n", &both).contains("found \"x\""));
    for value in [f64::NAN, f64::INFINITY] {
        let requirement = "finite (`Missing::NotANumber` keeps NaN)";
        let name = "CsvOptions missing";
        let error = Error::InvalidParameter { name, value: Number(value), requirement };
        assert_eq!(new().missing(Missing::Value(value)), Err(error));
    }
}

/// The marks of pandas 3.1.1, of which `python3 -c "import pandas; print(sorted(pandas._libs.parsers.STR_NA_VALUES))"`
/// gives the list, and `?`.
#[test]
fn marks_of_missing_values() {
    let pandas = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    let options = new().missing(Missing::Value(9.0)).unwrap();
    for mark in pandas.iter().chain(&["?", "none", "NAN", " NA ", "\"NA\""]) {
        let text = format!("a,b\n1,2\n3,{mark}\n");
        assert_eq!(load(text.clone(), &options).unwrap(), [1.0, 2.0, 3.0, 9.0], "{mark}");
        assert!(refused(text, &new()).contains("a missing value"), "{mark}");
    }
    for text in ["a,b\n1,unknown\n", "a,b\n1,-999\n", "a,b\n1,-999.0\n", "a,b\n1,-9.99e2\n"] {
        let own = options.clone().missing_marks(["unknown", "-999"]);
        assert_eq!(load(text, &own).unwrap(), [1.0, 9.0], "{text}");
        assert_ne!(load(text, &options).ok(), Some(vec![1.0, 9.0]), "{text}");
        let missing = refused(text, &new().missing_marks(["unknown", "-999"]));
        assert!(missing.contains("a missing value"), "{missing}");
    }
}

#[test]
fn numbers_with_marks() {
    let text = "a;b\n1.234,5;-2\n,5;1.000.000\n";
    let options = new().delimiter(b';').unwrap().decimal(b',').unwrap();
    assert!(options.from_bytes::<f64, Dyn>(text).is_err());
    let options = options.thousands(b'.').unwrap();
    assert_eq!(load(text, &options).unwrap(), [1234.5, -2.0, 0.5, 1e6]);
    let quoted = new().thousands(b',').unwrap();
    assert_eq!(load("a,b\n\"1,234\",2\n", &quoted).unwrap(), [1234.0, 2.0]);
    // What others take for 15.
    assert!(refused("a,b\n\"1,5\",2\n", &quoted).contains("a decimal comma"));
    assert_eq!(load("a,b\n1 234,2\n", &new().thousands(b' ').unwrap()).unwrap(), [1234.0, 2.0]);
    // As the French write it, with spaces at which no line breaks.
    let french = new().delimiter(b';').unwrap().decimal(b',').unwrap().thousands(b' ').unwrap();
    let text = "a;b\n1\u{a0}234,5;-1\u{202f}000\u{a0}000\n";
    assert_eq!(load(text, &french).unwrap(), [1234.5, -1e6]);
    assert_eq!(load("a\n1'234.5\n", &new().thousands(b'\'').unwrap()).unwrap(), [1234.5]);
}

#[test]
fn runs_of_spaces() {
    let text = "  a \t b\n 1   2\t\n3\t4\n\t5 6  ";
    let options = new().whitespace();
    assert_eq!(load(text, &options).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(load(text, &options.clone().columns(["b"])).unwrap(), [2.0, 4.0, 6.0]);
    let mut quoted: Table = options.label(0).from_bytes("n x\n \"p q\"  1 \nr 2").unwrap();
    assert_eq!(quoted.labels().unwrap(), ["p q", "r"]);
    assert_eq!(quoted.load().unwrap().into_vec(), [1.0, 2.0]);
    assert!(load(text, &new()).is_err());
    // The later of two delimiters holds.
    assert_eq!(new().whitespace().delimiter(b',').unwrap(), new());
}

#[test]
fn spaces_around_cells() {
    let text = "a, \"b\" ,c\n1, \"2\" , x y \n";
    let options = new().label("c");
    assert!(refused(text, &options).contains("spaces before a quote"));
    assert!(refused("a,b\n\"1\" ,2\n", &new()).contains("spaces after a closing quote"));
    assert!(refused(" \"a\",b\n1,2\n", &new()).contains("`CsvOptions::trim(true)`"));
    let mut table: Table = options.trim(true).from_bytes(text).unwrap();
    assert_eq!(table.load().unwrap().into_vec(), [1.0, 2.0]);
    assert_eq!(table.labels().unwrap(), ["x y"]);
    assert_eq!(load("a, b\n1,2\n", &new().trim(true).columns(["b"])).unwrap(), [2.0]);
    // Without it spaces are a part of names and labels.
    let mut table: Table = new().label(1).from_bytes("a, b\n1, x \n").unwrap();
    assert_eq!(table.labels().unwrap(), [" x "]);
    let mut first: Table = new().label(0).from_bytes("b,a\n \t x ,1\n").unwrap();
    assert_eq!(first.labels().unwrap(), [" \t x "]);
}

#[test]
fn quotes_of_another_kind() {
    let text = "a,b\n'1','x, \"y\"'\n'2','it''s'\n";
    let mut table: Table = new().quote(b'\'').unwrap().label(1).from_bytes(text).unwrap();
    assert_eq!(table.load().unwrap().into_vec(), [1.0, 2.0]);
    assert_eq!(table.labels().unwrap(), ["x, \"y\"", "it's"]);
    let inches = "size,a\n5\",1\n\"3,2\n";
    assert!(refused(inches, &new().label(0)).contains("`CsvOptions::quote(None)`"));
    let mut table: Table = new().quote(None).unwrap().label(0).from_bytes(inches).unwrap();
    assert_eq!(table.labels().unwrap(), ["5\"", "\"3"]);
}

#[test]
fn lines_that_do_not_count() {
    let text = "made by a \"machine\n\n# its table\na,b # two columns\n1,2#\n   # no row\n3,\"4\"# \"four\"\n#\n";
    let options = new().skip_lines(2).comment(b'#').unwrap();
    assert_eq!(load(text, &options).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    // The name of `b` has a space behind it.
    assert_eq!(
        load(text, &options.clone().columns(["b"])).unwrap_err().to_string(),
        "<memory>, `b`: found only the columns `a`, `b ` (perhaps `b ` is meant), expected a name in the header"
    );
    assert_eq!(load(text, &options.trim(true).columns(["b"])).unwrap(), [2.0, 4.0]);
    let mut quoted: Table =
        new().comment(b'#').unwrap().label(0).from_bytes("a,b\n\"#1\",2\n").unwrap();
    assert_eq!(quoted.labels().unwrap(), ["#1"]);

    let blank = "\n \t\na,b\n\n1,2\n  \n3,4\n\n";
    let empty_line = |line| {
        format!(
            "<memory>, line {line} (counted from 1): found an empty line, expected a row of cells \
             (`CsvOptions::skip_blank_lines(true)` passes over empty lines)"
        )
    };
    assert_eq!(refused(blank, &new()), empty_line(1));
    assert_eq!(refused("a,b\n1,2\n\n", &new()), empty_line(3));
    assert_eq!(refused("a\n1\n \n", &new()), empty_line(3));
    assert_eq!(load(blank, &new().skip_blank_lines(true)).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    let line = new().skip_blank_lines(true).from_bytes::<f64, Dyn>("\n\na,b\n\n1,x\n");
    assert_eq!(line_of(line.unwrap_err()), 5);
    // In a table of one column an empty line is a missing value.
    let filled = new().missing(Missing::Value(7.0)).unwrap();
    assert_eq!(load("a\n1\n\n2\n", &filled).unwrap(), [1.0, 7.0, 2.0]);
    assert_eq!(load("a\n1\n\n2\n", &filled.skip_blank_lines(true)).unwrap(), [1.0, 2.0]);
    // Cells between tabs are cells, though nothing is in them.
    let tabs = new().delimiter(b'\t').unwrap().skip_blank_lines(true).missing(Missing::Value(0.0));
    assert_eq!(load("a\tb\n\t\n1\t2\n", &tabs.unwrap()).unwrap(), [0.0, 0.0, 1.0, 2.0]);
    // A header that is none stands behind the lines that are skipped.
    assert_eq!(line_of(new().skip_lines(2).from_bytes::<f64, Dyn>("x\ny\n1,2\n").unwrap_err()), 3);
    let none = refused("a\n1\n", &new().skip_lines(7));
    assert_eq!(none, "<memory>: found no line after those that are skipped, expected a row");
}

#[test]
fn options_that_contradict_each_other() {
    let invalid =
        |result: Result<CsvOptions>| match result.map(|options| load("a,b\n1,2\n", &options)) {
            Err(Error::InvalidMark { name, .. }) | Ok(Err(Error::InvalidMark { name, .. })) => name,
            other => panic!("{other:?}"),
        };
    for wrong in [b'\n', b'\r', b'a', b'5', b'-', b'.', b' ', 0, 0xff] {
        assert_eq!(invalid(new().comment(wrong)), "CsvOptions comment");
    }
    for wrong in [b'\n', b'a', b'5', b' ', 0, 0xff] {
        assert_eq!(invalid(new().quote(wrong)), "CsvOptions quote");
    }
    for wrong in [b'\n', b'a', b'5', b'-', b'+', 0, 0xff] {
        assert_eq!(invalid(new().thousands(wrong)), "CsvOptions thousands");
    }
    for wrong in [b';', b' ', b'1', 0] {
        assert_eq!(invalid(new().decimal(wrong)), "CsvOptions decimal");
    }
    for (wrong, said) in [(b'a', "a"), (b'\n', "\\n"), (b'\'', "\\'"), (0xff, "\\xff")] {
        let name = "CsvOptions comment";
        let requirement = "a mark";
        let error = Error::InvalidMark { name, mark: wrong, requirement };
        let said = format!("CsvOptions comment is `b'{said}'`, but must be a mark");
        assert_eq!(error.to_string(), said);
    }
    assert!(
        new().comment(b'a').unwrap_err().to_string().starts_with("CsvOptions comment is `b'a'`")
    );
    assert_eq!(invalid(new().comment(b',')), "CsvOptions comment");
    assert_eq!(invalid(new().comment(b'"')), "CsvOptions comment");
    assert_eq!(invalid(new().comment(b'\'').unwrap().thousands(b'\'')), "CsvOptions comment");
    assert_eq!(invalid(new().quote(b',')), "CsvOptions quote");
    assert_eq!(invalid(new().quote(b'.')), "CsvOptions quote");
    assert_eq!(invalid(new().thousands(b'.')), "CsvOptions thousands");
    assert_eq!(invalid(new().thousands(b'\'').unwrap().quote(b'\'')), "CsvOptions thousands");
}

/// What is wrong, in the words of whoever has the file before them, and which option reads it.
#[test]
fn refusals_name_what_was_seen() {
    for (cell, seen, advice) in [
        ("1,5", "a decimal comma", "`CsvOptions::decimal(b',')`"),
        ("1,234", "a comma", "`CsvOptions::thousands(b',')`"),
        ("1,234,567", "a thousands mark", "`CsvOptions::thousands`"),
        ("1,234.5", "a thousands mark", "`CsvOptions::thousands`"),
        ("1.234,5", "a decimal comma and a thousands mark", "`thousands(b'.')`"),
        ("1.234.567", "a thousands mark", "`CsvOptions::thousands`"),
        ("1'234", "a thousands mark", "thousands(b'\\'')"),
        ("1_000", "a thousands mark", "thousands(b'_')"),
        ("1 234", "a thousands mark", "thousands(b' ')"),
        ("1  2", "several numbers with spaces between", "`CsvOptions::whitespace()`"),
        ("1;2", "several cells", "`CsvOptions::delimiter(b';')`"),
        ("1,5;2", "several cells", "`CsvOptions::delimiter(b';')`"),
        ("1\t2", "several cells", "`CsvOptions::delimiter(b'\\t')`"),
        ("1|2", "several cells", "`CsvOptions::delimiter(b'|')`"),
        ("inf", "an infinite number", "`CsvOptions::missing_marks`"),
        ("-Infinity", "an infinite number", "`CsvOptions::missing_marks`"),
        ("1e400", "a number that is too large", "`f64`"),
        ("1\0", "a NUL byte", "UTF-8"),
        ("'3'", "a text in single quotes", "`CsvOptions::quote(b'\\'')`"),
        ("'40-49'", "a text in single quotes", "`CsvOptions::quote(b'\\'')`"),
        ("-", "a mark and no number", "`CsvOptions::missing_marks`"),
        (".", "a mark and no number", "`CsvOptions::missing_marks`"),
        ("--", "a mark and no number", "`CsvOptions::missing_marks`"),
        ("–", "a mark and no number", "`CsvOptions::missing_marks`"),
        ("\u{2212}3.5", "a minus sign that is no hyphen", "a hyphen"),
        ("\u{2013}3", "a minus sign that is no hyphen", "a hyphen"),
        ("1\u{a0}234", "a no-break space between thousands", "thousands(b' ')"),
        ("1\u{202f}234.5", "a no-break space between thousands", "thousands(b' ')"),
        ("1\u{a0}234,5", "a decimal comma and a thousands mark", "`CsvOptions::decimal(b',')`"),
        ("1 234,5", "a decimal comma and a thousands mark", "`CsvOptions::decimal(b',')`"),
        ("1'234,5", "a decimal comma and a thousands mark", "`CsvOptions::decimal(b',')`"),
        ("12\u{a0}34", "a no-break space", "U+00A0"),
        ("7\u{a0}", "a no-break space", "U+00A0"),
        ("$3", "a number with a unit", "take the unit out"),
        ("-€1,234.5", "a number with a unit", "take the unit out"),
        ("5%", "a number with a unit", "take the unit out"),
        ("3 km", "a number with a unit", "take the unit out"),
        ("-4.5 °C", "a number with a unit", "take the unit out"),
        ("9.81m/s²", "a number with a unit", "take the unit out"),
        ("b", "the name of its column, as if the header came again", "take the line out"),
    ] {
        let error = new().from_bytes::<f64, Dyn>(format!("a,b\n1,\"{cell}\"\n")).unwrap_err();
        let Error::Malformed { found, expected, .. } = &error else { panic!("{error}") };
        assert_eq!(known(found), (seen, cell), "{cell}");
        assert!(expected.contains(advice), "{cell}: {expected}");
    }
    let error = new().from_bytes::<f32, Dyn>("a\n1e39\n").unwrap_err().to_string();
    assert!(error.contains("a number within the range of `f32`"), "{error}");
    for text in ["2014-04-01", "tcp", "40-49", "1st", "A5", "12:30", "0x10", "1e5x", "١"] {
        let error = refused(format!("a,b\n1,{text}\n"), &new());
        let found =
            format!("found {text:?}, expected a finite number (`CsvOptions::columns` chooses");
        assert!(error.contains(&found), "{error}");
    }
    // Where the column has no name, it is a text like any other.
    let bare = refused("1,b\n1,b\n", &new().header(false));
    assert!(bare.contains("found \"b\"") && bare.contains("`missing_marks`"), "{bare}");
    let decimal = new().decimal(b',').unwrap();
    assert!(refused("a\n1.5\n", &decimal).contains("a number with other marks (\"1.5\")"));
}

#[test]
fn another_delimiter() {
    let single = |text: &str, options: &CsvOptions| {
        let error = options.from_bytes::<f64, Const<2>>(text).unwrap_err();
        let Error::Malformed { place: Place::Line(1), found, expected, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(known(found), ("a single cell", text.lines().next().unwrap()));
        expected.to_string()
    };
    for (text, advice) in [
        ("a;b\n1;2\n", "delimiter(b';')"),
        ("a;b\n1,5;2,5\n", "delimiter(b';')"),
        ("a\tb\nx\ty\n", "delimiter(b'\\t')"),
        ("a|b\n1|2\n", "delimiter(b'|')"),
        ("a  b\n1  2\n", "whitespace()"),
    ] {
        assert!(single(text, &new()).contains(advice), "{text}");
        assert!(single(text, &new().columns(["a", "b"])).contains(advice), "{text}");
        assert!(single(text, &new().columns([0, 1])).contains(advice), "{text}");
    }
    assert!(single("a,b\n1,2\n", &new().delimiter(b';').unwrap()).contains("delimiter(b',')"));
    // One column may be all there is, and a name may have spaces in it.
    assert_eq!(load("a b\n1\n", &new()).unwrap(), [1.0]);
    assert!(refused("a b\n?\n", &new()).contains("a missing value"));
}

/// What stands before a header: a remark, a title, and Excel's line.
#[test]
fn lines_before_the_header() {
    let first = |text: &str, options: &CsvOptions| {
        let error = options.from_bytes::<f64, Dyn>(text).unwrap_err();
        let Error::Malformed {
            place: Place::Line(1), found: Found::Known(known), expected, ..
        } = error
        else {
            panic!("{text}: {error}")
        };
        (known.kind, expected)
    };
    let remark = |text| first(text, &new()) == ("a remark", REMARK);
    const REMARK: &str = "a row of the table (`CsvOptions::comment(b'#')` passes over remarks)";
    assert!(remark("# made by x\na,b\n1,2\n"));
    assert!(remark("# made by x\n# and y\na,b\n1,2\n"));
    assert!(remark("# by x, y, and z\na,b\n1,2\n"));
    assert!(remark("#x\na\n1\n"));
    assert_eq!(first("# by x\na,b\n1,2\n", &new().columns(["b"])), ("a remark", REMARK));
    let percent = first("% by x\na,b\n1,2\n", &new());
    assert!(percent.1.contains("`CsvOptions::comment(b'%')`"), "{percent:?}");
    // What is wrong elsewhere is said of that place.
    assert!(refused("#id,b\n1,2\n3\n", &new()).contains("line 3"));
    assert!(refused("#id,b\n1,2\n3,x\n", &new()).contains("line 3"));
    assert!(refused("#id\n1\nx\n", &new()).contains("line 3"));
    assert!(refused("#id,width\n1,2\n", &new().columns(["with"])).contains("perhaps `width`"));

    for options in [new(), new().columns(["a", "b"])] {
        let title = first("My title\na,b\n1,2\n", &options);
        assert_eq!(title.0, "a single cell");
        assert!(title.1.contains("`CsvOptions::skip_lines(1)` if this line is a title"));
        assert_eq!(load("My title\na,b\n1,2\n", &options.skip_lines(1)).unwrap(), [1.0, 2.0]);
    }
    assert!(first("Title\na,b\n1,2\n", &new()).1.contains("`CsvOptions::skip_lines(1)`"));
    let more = refused("One\nTwo\na,b\n1,2\n", &new().skip_lines(1));
    assert!(more.contains("line 2") && more.contains("a greater number of"), "{more}");

    for (line, delimiter, advice) in [
        ("sep=;", b';', "`delimiter(b';')`"),
        ("SEP=\t", b'\t', "`delimiter(b'\\t')`"),
        ("\u{feff}sep=|", b'|', "`delimiter(b'|')`"),
        ("sep=,", b',', "`CsvOptions::skip_lines(1)` reads"),
        ("sep=:", b':', "with this `delimiter`"),
    ] {
        let d = char::from(delimiter);
        let text = format!("{line}\r\na{d}b\r\n1{d}2\r\n");
        for options in [new(), new().delimiter(delimiter).unwrap()] {
            let (kind, expected) = first(&text, &options);
            assert_eq!(kind, "Excel's line that names the delimiter");
            assert!(expected.contains("`CsvOptions::skip_lines(1)`"), "{expected}");
            assert!(expected.contains(advice), "{expected}");
        }
        let read = new().skip_lines(1).delimiter(delimiter).unwrap();
        assert_eq!(load(text, &read).unwrap(), [1.0, 2.0]);
    }
    assert_eq!(load("sep=;x\n1\n", &new()).unwrap(), [1.0]);
}

/// One column may be two features.
#[test]
fn a_column_that_is_named_twice() {
    let twice = new().columns(["b", "a", "b"]);
    assert_eq!(load("a,b\n1,2\n", &twice).unwrap(), [2.0, 1.0, 2.0]);
}

#[test]
fn files_of_another_kind() {
    for (beginning, kind) in [
        (b"\xff\xfea\0,\0b\0\n\0".as_slice(), "text in UTF-16"),
        (b"\xfe\xff\0a\0,\0b\0\n", "text in UTF-16"),
        (b"a\0,\0b\0\n\x001\0,\x002\0\n\0", "text in UTF-16"),
        (b"\x1f\x8b\x08\0\0\0", "a gzip file"),
        (b"PK\x03\x04\x14\0", "a zip archive (as .zip, .npz, .xlsx and PyTorch's .pt are)"),
        (b"PAR1\x15\x04\x15", "a Parquet file"),
        (b"PAR1", "a Parquet file"),
        (b"PAR1 with a column PAR1", "a Parquet file"),
        (b"{\"a\": [1, 2]}", "a text in JSON"),
        (b"[\n  {\"a\": 1, \"b\": 2}\n]", "a text in JSON"),
        (b"{\"a\": 1}\n{\"a\": 2}\n", "a text in JSON"),
        (b"\x89PNG\r\n\x1a\n\0", "a PNG picture"),
        (b"", "an empty file"),
    ] {
        let error = new().from_bytes::<f64, Dyn>(beginning).unwrap_err();
        let (path, place, found) = ("<memory>".into(), Place::File, Found::Thing(kind));
        let expected = "a table in text in UTF-8 (unpack, export or convert the file first)";
        assert_eq!(error, Error::Malformed { path, place, found, expected });
    }
    // Names that begin as such files do.
    assert_eq!(load("PAR1,BZh\n1,2\n", &new()).unwrap(), [1.0, 2.0]);
}

#[test]
fn labels_in_another_encoding() {
    let latin = b"a,b\n1,caf\xe9\n";
    let error = new().label("b").from_bytes::<f64, Dyn>(latin).unwrap().labels().unwrap_err();
    let Error::Malformed { found, expected, .. } = error else { panic!("{error}") };
    assert_eq!(found, Found::Text("caf\u{fffd}".to_owned()));
    assert!(expected.contains("Latin-1"), "{expected}");
}

/// A value that was kept as NaN is trained on by a model that takes it for a missing one, streamed too, and by no other.
#[test]
fn what_is_kept_as_nan_is_for_models_that_take_it() {
    use autoencoder::activation::Identity;
    let options = new().missing(Missing::NotANumber).unwrap();
    let mut table: Csv<f64, Const<2>> = options.from_bytes("a,b\n1,2\n3,?\n").unwrap();
    let builder = || {
        AutoEncoder::builder()
            .encoder(Dense::<2, 1>::new(Identity))
            .decoder(Dense::<1, 2>::new(Identity))
    };
    let mut model = builder().build::<f64>().unwrap();
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(1);
    let value = Number(f64::NAN);
    let refused = Error::NotFinite { call: "fit", feature: 1, sample: 1, value };
    assert_eq!(trainer.fit(&mut model, &table.load().unwrap()).unwrap_err(), refused);
    assert_eq!(trainer.fit(&mut model, &mut table).unwrap_err(), refused);
    let standardize = Normalization::Standardize;
    let normalizer = Normalizer::fit_source_with_missing(standardize, &mut table).unwrap();
    assert_eq!(normalizer.parts().0, [2.0, 2.0]);
    let build = || builder().normalizer(normalizer.clone()).build::<f64>().unwrap();
    let (mut loaded, mut streamed) = (build(), build());
    trainer.fit(&mut loaded, &table.load().unwrap()).unwrap();
    trainer.fit(&mut streamed, &mut table).unwrap();
    assert_eq!(loaded.parameters(), streamed.parameters());
    assert_ne!(loaded.parameters(), build().parameters());
}

#[test]
fn columns_that_are_not_there() {
    let names: Vec<String> = (0..25).map(|k| format!("c{k}")).collect();
    let text = format!("{}\n{}1\n", names.join(","), "1,".repeat(24));
    let error = new().columns(["width"]).from_bytes::<f64, Dyn>(text).unwrap_err();
    let Error::Malformed { found: Found::Names(listed), .. } = &error else { panic!("{error}") };
    assert_eq!((&listed.first[..], listed.more, &listed.nearest), (&names[..20], 5, &None));
    let error = refused("Length,width\n1,2\n", &new().columns(["lenght"]));
    assert_eq!(
        error,
        "<memory>, `lenght`: found only the columns `Length`, `width` (perhaps `Length` is meant), \
         expected a name in the header"
    );
}

/// A mark that is a number is written as the numbers of the file, or as in Rust, whatever is said first.
#[test]
fn marks_are_numbers_as_the_file_writes_them() {
    let new = || CsvOptions::new().delimiter(b';').unwrap().missing(Missing::Value(7.0)).unwrap();
    let comma = |options: CsvOptions| options.decimal(b',').unwrap();
    let point = |options: CsvOptions| options.thousands(b'.').unwrap();
    let marked = |options: CsvOptions, mark: &str| options.missing_marks([mark]);
    for (options, cells) in [
        (marked(comma(new()), "-999,0"), ["-999", "-999,00", "-9,99e2"]),
        (comma(marked(new(), "-999,0")), ["-999", "-999,00", "-9,99e2"]),
        (marked(comma(new()), "-999.0"), ["-999", "-999,00", "-999,0"]),
        (point(comma(marked(new(), "-1.234"))), ["-1234", "-1.234,0", "-1234,000"]),
    ] {
        // What is refused is called what it is, each of them, with the remedy for it.
        let refusing = options.clone().missing(Missing::Refuse).unwrap();
        for cell in cells {
            let said = refused(format!("a\n1,5\n{cell}\n"), &refusing);
            let missing = format!("found a missing value ({cell:?})");
            assert!(
                said.contains(&missing) && said.contains("`CsvOptions::missing` says"),
                "{said}"
            );
        }
        let text = format!("a\n1,5\n{}\n", cells.join("\n"));
        let read: Csv<f64, Dyn> = options.from_bytes(text).unwrap();
        assert_eq!({ read }.load().unwrap().as_slice(), [1.5, 7.0, 7.0, 7.0]);
    }
}
