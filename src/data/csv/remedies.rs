//! What belongs where something else was found, with the call that helps: said in one way to those who call
//! [`CsvOptions`](super::CsvOptions) themselves, and in another to those who read by a schema, which takes them by
//! `SchemaOptions::csv` and has calls of its own for columns.

/// A text and that of a schema behind `=>`, or a text in two parts with `+` where a schema's says where the options go.
macro_rules! of_options {
    ($text:literal => $of_schema:literal) => {
        $text
    };
    ($before:literal + $after:literal) => {
        concat!($before, $after)
    };
}

#[cfg(feature = "table")]
macro_rules! of_schema {
    ($text:literal => $of_schema:literal) => {
        $of_schema
    };
    ($before:literal + $after:literal) => {
        concat!($before, " of `SchemaOptions::csv`", $after)
    };
}

macro_rules! remedies {
    ($($name:ident: $text:literal $how:tt $rest:literal;)+) => {
        $(pub(super) const $name: &str = of_options!($text $how $rest);)+

        /// Each text with the one that a schema has in its place.
        #[cfg(feature = "table")]
        const OF_SCHEMA: &[(&str, &str)] = &[$(($name, of_schema!($text $how $rest)),)+];
    };
}

remedies! {
    // Cells that are no numbers.
    TEXT: "a finite number (`CsvOptions::columns` chooses the columns that are features, `label` leaves one out, and \
           `missing_marks` takes a text for a missing value)" =>
          "a finite number (`Schema::leave_out` leaves a column out)";
    MARK: "a finite number (`CsvOptions::missing_marks` counts this mark among the missing values, and `missing` says \
           what becomes of them)" =>
          "a finite number (`CsvOptions::missing_marks` of `SchemaOptions::csv` counts this mark among the missing \
           values)";
    QUOTE: "a finite number (`CsvOptions::quote(b'\\'')` takes single quotes off; a column of texts is no feature: \
            `columns` chooses those that are)" =>
           "a finite number (`CsvOptions::quote(b'\\'')` of `SchemaOptions::csv` takes single quotes off, and \
            `Schema::category` takes a column of texts)";
    UNIT: "a finite number (take the unit out of the file, or leave the column out by `CsvOptions::columns`)" =>
          "a finite number (take the unit out of the file, or leave the column out by `Schema::leave_out`)";
    INFINITE: "a finite number (`CsvOptions::missing_marks`" + " can count this among the missing values)";
    DECIMAL: "a finite number (`CsvOptions::decimal(b',')`" + " reads a decimal comma)";
    THOUSANDS: "a finite number (`CsvOptions::thousands`" + " takes the mark between thousands)";
    COMMA: "a finite number (`CsvOptions::thousands(b',')`" + " if the comma stands between thousands, \
            `decimal(b',')` if before a fraction)";
    BOTH: "a finite number (`CsvOptions::decimal(b',')`" + " with `thousands(b'.')` reads this)";
    GROUPED_DECIMAL: "a finite number (`CsvOptions::decimal(b',')`" + " together with `thousands` for the mark between \
                      thousands reads this)";
    THOUSANDS_SPACE: "a finite number (`CsvOptions::thousands(b' ')`" + " if these are thousands, `whitespace()` if \
                      several numbers)";
    THOUSANDS_NO_BREAK: "a finite number (`CsvOptions::thousands(b' ')`" + " reads this, with a no-break space too)";
    THOUSANDS_QUOTE: "a finite number (`CsvOptions::thousands(b'\\'')`" + " reads this)";
    THOUSANDS_UNDERSCORE: "a finite number (`CsvOptions::thousands(b'_')`" + " reads this)";
    OTHER_MARKS: "a finite number as `CsvOptions::decimal`" + " and `thousands` say";

    // Cells that are not told from each other.
    CLOSED: "a closing quote (`CsvOptions::quote(None)`" + " if quotes mean nothing here)";
    WHOLE: "quotes around the whole cell, and each quote within them twice (`CsvOptions::quote(None)`" +
           " if quotes mean nothing here)";
    TRIM: "quotes around the whole cell (`CsvOptions::trim(true)`" + " passes over spaces around them)";
    SEMICOLON: "cells with the delimiter between them (perhaps `CsvOptions::delimiter(b';')`" + ")";
    TAB: "cells with the delimiter between them (perhaps `CsvOptions::delimiter(b'\\t')`" + ")";
    BAR: "cells with the delimiter between them (perhaps `CsvOptions::delimiter(b'|')`" + ")";
    COMMAS: "cells with the delimiter between them (perhaps `CsvOptions::delimiter(b',')`" + ")";
    WHITESPACE: "cells with the delimiter between them (perhaps `CsvOptions::whitespace()`" + ")";

    // Lines that are no rows.
    ROW: "a row of cells (`CsvOptions::skip_blank_lines(true)`" + " passes over empty lines)";
    EXCEL_SEMICOLON: "a row (`CsvOptions::skip_lines(1)`" + " with `delimiter(b';')` reads the table below)";
    EXCEL_TAB: "a row (`CsvOptions::skip_lines(1)`" + " with `delimiter(b'\\t')` reads the table below)";
    EXCEL_BAR: "a row (`CsvOptions::skip_lines(1)`" + " with `delimiter(b'|')` reads the table below)";
    EXCEL_COMMA: "a row (`CsvOptions::skip_lines(1)`" + " reads the table below)";
    EXCEL_OTHER: "a row (`CsvOptions::skip_lines(1)`" + " with this `delimiter` reads the table below)";
    REMARK_HASH: "a row of the table (`CsvOptions::comment(b'#')`" + " passes over remarks)";
    REMARK_PERCENT: "a row of the table (`CsvOptions::comment(b'%')`" + " passes over remarks)";
    REMARK_EXCLAMATION: "a row of the table (`CsvOptions::comment(b'!')`" + " passes over remarks)";
    TITLE_OR_SPACES: "as many cells as in the rows below (`CsvOptions::skip_lines(1)`" + " if this line is a title, \
                      `whitespace()` if spaces stand between cells)";
    TITLE: "as many cells as in the rows below (`CsvOptions::skip_lines(1)`" + " if this line is a title)";
    MORE_LINES: "as many cells as in the rows below (a greater number of `CsvOptions::skip_lines`" + " if this line is \
                 none of the table)";
}

/// What is said of a schema in place of a text that is said of the options; most texts are said of both.
#[cfg(feature = "table")]
pub(super) fn of_schema(expected: &'static str) -> &'static str {
    let own = OF_SCHEMA.iter().find(|(of_options, _)| *of_options == expected);
    own.map_or(expected, |&(_, of_schema)| of_schema)
}

#[cfg(all(test, feature = "table"))]
mod tests {
    use super::*;

    /// A schema's user calls no `CsvOptions` but through `SchemaOptions`, which is said once.
    #[test]
    fn a_schema_says_where_options_go_once() {
        for (own, of_schema) in OF_SCHEMA {
            assert_eq!(own.matches("SchemaOptions").count(), 0, "{own}");
            let calls = of_schema.matches("`CsvOptions::").count();
            let places = of_schema.matches("` of `SchemaOptions::csv`").count();
            assert_eq!((calls, places), if calls > 0 { (1, 1) } else { (0, 0) }, "{of_schema}");
            assert!(
                !["`columns", "`label`", "`missing`"].iter().any(|call| of_schema.contains(call)),
                "{of_schema}"
            );
            assert_eq!(super::of_schema(own), *of_schema);
        }
    }
}
