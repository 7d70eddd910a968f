//! What a schema's refusals advise: calls of a schema, and where the options of the text go.

use autoencoder::Error;
use autoencoder::data::*;

/// One place where the options go for the one call of theirs that is named.
fn says_where_options_go(refused: &Error) -> bool {
    let refused = refused.to_string();
    let count = |text: &str| refused.matches(text).count();
    count("`CsvOptions::") == 1 && count("` of `SchemaOptions::csv`") == 1
}

/// What is to be done about a cell is a call of the schema, and none that a schema refuses.
#[test]
fn refusals_of_cells_name_the_calls_of_a_schema() {
    let schema = Schema::infer_bytes("a\n1\n2\n5\n").unwrap();
    for (cell, remedy) in [
        ("5 kg", "take the unit out of the file, or leave the column out by `Schema::leave_out`"),
        (
            "--",
            "`CsvOptions::missing_marks` of `SchemaOptions::csv` counts this mark among the missing values",
        ),
        ("'a'", "`Schema::category` takes a column of texts"),
        ("red", "`Schema::category` if these are levels, `leave_out` if the column is not wanted"),
    ] {
        for refused in [
            schema.from_bytes::<f32>(format!("a\n1\n{cell}\n")).unwrap_err(),
            schema.batch::<f32>([[cell]]).unwrap_err(),
        ] {
            let refused = refused.to_string();
            assert!(refused.contains(remedy), "{refused}");
            assert!(
                !refused.contains("columns` chooses") && !refused.contains("`missing`"),
                "{refused}"
            );
        }
    }
}

#[test]
fn refusals_of_numbers_say_where_the_options_go() {
    let schema = Schema::infer_bytes("a\n1\n2\n5\n").unwrap();
    for (cell, remedy) in [
        ("inf", "`CsvOptions::missing_marks` of `SchemaOptions::csv` can count this"),
        ("1,5", "`CsvOptions::decimal(b',')` of `SchemaOptions::csv` reads a decimal comma"),
        ("1,234", "`CsvOptions::thousands(b',')` of `SchemaOptions::csv` if the comma"),
        ("1,234,567", "`CsvOptions::thousands` of `SchemaOptions::csv` takes the mark"),
        ("1.234,5", "`CsvOptions::decimal(b',')` of `SchemaOptions::csv` with `thousands(b'.')`"),
        (
            "1 234,5",
            "`CsvOptions::decimal(b',')` of `SchemaOptions::csv` together with `thousands`",
        ),
        ("1 234", "`CsvOptions::thousands(b' ')` of `SchemaOptions::csv` if these are thousands"),
        ("1'234", "`CsvOptions::thousands(b'\\'')` of `SchemaOptions::csv` reads this"),
        ("1_234", "`CsvOptions::thousands(b'_')` of `SchemaOptions::csv` reads this"),
        ("1\u{a0}234", "`CsvOptions::thousands(b' ')` of `SchemaOptions::csv` reads this"),
        ("1;2", "`CsvOptions::delimiter(b';')` of `SchemaOptions::csv`)"),
        ("1 2", "`CsvOptions::whitespace()` of `SchemaOptions::csv`)"),
        ("red", "`CsvOptions::missing_marks` of `SchemaOptions::csv` if this text"),
    ] {
        for refused in [
            schema.from_bytes::<f32>(format!("a\n1\n\"{cell}\"\n")).unwrap_err(),
            schema.batch::<f32>([[cell]]).unwrap_err(),
        ] {
            assert!(refused.to_string().contains(remedy), "{refused}");
            assert!(says_where_options_go(&refused), "{refused}");
        }
    }
    let decimal = SchemaOptions::new().csv(CsvOptions::new().decimal(b',').unwrap());
    let schema = Schema::infer_bytes_with(&decimal, "a\n1\n2\n5\n").unwrap();
    let refused = schema.batch::<f32>([["1.5"]]).unwrap_err();
    assert!(says_where_options_go(&refused), "{refused}");
    // Changes of columns.
    let schema = Schema::infer_bytes("a,b\n1,x\n2,y\n5,x\n").unwrap();
    for refused in [schema.clone().number("b"), schema.ordinal("b", ["x", "z"])] {
        let refused = refused.unwrap_err();
        assert!(says_where_options_go(&refused), "{refused}");
    }
}

/// What is said of whole lines, wherever they are read: when a schema is inferred, and when a table is opened.
#[test]
fn refusals_of_lines_say_where_the_options_go() {
    let schema = Schema::infer_bytes("a,b\n1,2\n2,3\n5,4\n").unwrap();
    for (text, call) in [
        ("a,b\n1,\"2\n", "quote(None)"),
        ("a,b\n1,\"2\"x\n", "quote(None)"),
        ("a,b\n1, \"2\"\n", "trim(true)"),
        ("a,b\n1,2\n\n3,4\n", "skip_blank_lines(true)"),
        ("\na,b\n1,2\n", "skip_blank_lines(true)"),
        ("a;b\n1;2\n", "delimiter(b';')"),
        ("sep=;\na;b\n1;2\n", "skip_lines(1)"),
        ("# of\na,b\n1,2\n", "comment(b'#')"),
        ("Title\na,b\n1,2\n", "skip_lines(1)"),
    ] {
        for refused in
            [Schema::infer_bytes(text).map(|_| ()), schema.from_bytes::<f32>(text).map(|_| ())]
        {
            let Err(refused) = refused else { panic!("{text:?}") };
            let said = format!("`CsvOptions::{call}` of `SchemaOptions::csv`");
            assert!(refused.to_string().contains(&said), "{text:?}: {refused}");
            assert!(says_where_options_go(&refused), "{text:?}: {refused}");
        }
    }
    for refused in [
        Schema::infer_bytes("a,a\n1,2\n").unwrap_err(),
        schema.from_bytes::<f32>("a b\n1 2\n").unwrap_err(),
    ] {
        assert!(says_where_options_go(&refused), "{refused}");
    }
}

/// Where files were joined the header comes again in the middle. It is no level, and no column is to blame for it.
#[test]
fn a_header_that_comes_again_is_called_one() {
    let table = "day,size,weight,class\n2024-05-01,S,1.5,1\n2024-05-02,M,2.5,2\n2024-05-04,S,4,1\n";
    let joined = table.repeat(2);
    let schema = Schema::infer_bytes(table).unwrap().label("class").unwrap();
    let found = |name: &str| {
        format!(
            "found the name of its column, as if the header came again ({name:?}), expected a value (if the header \
             comes again in this row, as where files were joined, take the row out)"
        )
    };
    let place = |column: usize, name: &str| {
        format!("<memory>, line 5, column {column} (`{name}`; counted from 1): {}", found(name))
    };
    let without = |names: &[&str]| {
        names.iter().fold(schema.clone(), |schema, &name| schema.leave_out(name).unwrap())
    };
    let open = |schema: Schema| schema.from_bytes::<f32>(&*joined).unwrap_err().to_string();
    assert_eq!(open(schema.clone()), place(1, "day"));
    assert_eq!(open(without(&["day"])), place(3, "weight"));
    let mut labels = without(&["day", "weight"]).from_bytes::<f32>(&*joined).unwrap();
    assert_eq!(labels.labels().unwrap_err().to_string(), place(4, "class"));
    // Where a column is changed the table is read again.
    let has_header = SchemaOptions::new().csv(CsvOptions::new().header(true));
    let whole = Schema::infer_bytes_with(&has_header, &*joined).unwrap();
    for (refused, column, name) in [
        (whole.clone().date("day", "%Y-%m-%d"), 1, "day"),
        (whole.clone().ordinal("size", ["S", "M"]), 2, "size"),
        (whole.clone().number("weight"), 3, "weight"),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), place(column, name));
    }
    let refused = without(&["day"]).batch::<f32>([["S", "1"], ["size", "weight"]]).unwrap_err();
    let said = format!("<memory>, row 1 (counted from 0), column `weight`: {}", found("weight"));
    assert_eq!(refused.to_string(), said);
    // Another text is no header, whatever other columns are called.
    let refused = without(&["day"]).batch::<f32>([["S", "size"]]).unwrap_err().to_string();
    assert!(
        refused.contains("found \"size\", expected a finite number (`Schema::category`"),
        "{refused}"
    );
}
