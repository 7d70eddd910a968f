//! Whether a file's lines are those of a log, so that no other file is cut.

use super::row::{EVENTS, NUMBERS, header};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// One that a log writes, with its end.
    Whole,
    /// The beginning of one, which a crash may have left.
    Begun,
    /// None of a log.
    Foreign,
}

/// Whether all of it is a log's: a header if it is CSV, then rows, the last of which may have no end.
pub(super) fn is_log(bytes: &[u8], is_csv: bool) -> bool {
    let mut rest = bytes;
    let mut columns = None;
    while !rest.is_empty() {
        let end = end_of_line(rest, is_csv);
        let (line, others) = rest.split_at(end.unwrap_or(rest.len()));
        let expected = if end.is_some() { Line::Whole } else { Line::Begun };
        let fits = match (is_csv, columns) {
            (false, _) => json_row(line) == expected,
            (true, None) => is_csv_header(line, expected),
            (true, Some(columns)) => is_csv_row(line, columns, expected),
        };
        if !fits {
            return false;
        }
        if is_csv {
            columns.get_or_insert_with(|| cells(line).len());
        }
        rest = others;
    }
    true
}

/// Whole lines, each with its end.
pub(super) fn lines(bytes: &[u8], is_csv: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (line, others) = rest.split_at(end_of_line(rest, is_csv)?);
        rest = others;
        Some(line)
    })
}

/// Where the next line begins; the end of a line that is quoted is none.
fn end_of_line(bytes: &[u8], is_csv: bool) -> Option<usize> {
    let mut is_quoted = false;
    let end = bytes.iter().position(|&byte| {
        is_quoted ^= is_csv && byte == b'"';
        byte == b'\n' && !is_quoted
    });
    end.map(|end| end + 1)
}

/// The names of the terms: between the first columns and `validation_total`, and as often after it.
pub(super) fn names_of(header: &[u8]) -> Vec<String> {
    let cells = cells(header);
    // Eleven columns are no term's.
    let count = cells.len().saturating_sub(11) / 2;
    cells.into_iter().skip(4).take(count).collect()
}

/// The cells of a line of CSV.
fn cells(line: &[u8]) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let line = String::from_utf8_lossy(line);
    let mut characters = line.strip_suffix('\n').unwrap_or(&line).chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => push(&mut cells, '"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

fn is_csv_header(line: &[u8], expected: Line) -> bool {
    // Which names were to follow, one that has no end does not say.
    let begins = "event,epoch,batch,total,".as_bytes();
    match expected {
        Line::Begun => begins.starts_with(line) || line.starts_with(begins),
        _ => header(&names_of(line)).as_bytes() == line,
    }
}

fn is_csv_row(line: &[u8], columns: usize, expected: Line) -> bool {
    let cells = cells(line);
    let is_whole = expected == Line::Whole;
    let is_event = |word: &str| match cells.len() {
        1 => EVENTS.iter().any(|event| event.starts_with(word)),
        _ => EVENTS.contains(&word),
    };
    let is_count = |cell: &str| cell.is_empty() || cell.parse::<usize>().is_ok();
    let is_number = |cell: &str| cell.is_empty() || cell.parse::<f64>().is_ok();
    let fits = |(column, cell): (usize, &String)| match column {
        0 => is_event(cell),
        // The rest of it may be missing, and a note may be anything.
        _ if column + 1 == cells.len() => true,
        1 | 2 => is_count(cell),
        _ if column + 2 == columns => is_count(cell),
        _ => is_number(cell),
    };
    let has_columns = cells.len() == columns || !is_whole && cells.len() < columns;
    has_columns && cells.iter().enumerate().all(fits)
}

/// What follows in a line, or whether the line ends before it differs from a log's.
type Rest<'a> = Result<&'a str, Line>;

fn json_row(line: &[u8]) -> Line {
    let text = match str::from_utf8(line) {
        Ok(text) => text,
        // Its end is within a character.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&line[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Line::Foreign,
    };
    match after_json_row(text) {
        Ok("") => Line::Whole,
        Ok(_) => Line::Foreign,
        Err(line) => line,
    }
}

fn after_json_row(text: &str) -> Rest<'_> {
    let of_event = after("{\"event\":\"", text)?;
    let mut rest = None;
    for event in EVENTS {
        match after(event, of_event) {
            Ok(others) => rest = Some(after("\"", others)?),
            Err(Line::Begun) => return Err(Line::Begun),
            Err(_) => {}
        }
    }
    let mut rest = rest.ok_or(Line::Foreign)?;
    let first: [(&str, Value); 6] = [
        ("epoch", after_count),
        ("batch", after_count),
        ("total", after_number),
        ("terms", after_terms),
        ("validation_total", after_number),
        ("validation_terms", after_terms),
    ];
    let numbers = NUMBERS.map(|name| (name, after_number as Value));
    let last: [(&str, Value); 2] = [("evaluations", after_count), ("note", after_string)];
    for (name, after_value) in first.into_iter().chain(numbers).chain(last) {
        match after(&format!(",\"{name}\":"), rest) {
            Ok(value) => rest = after_value(value)?,
            Err(Line::Begun) => return Err(Line::Begun),
            // What does not apply is not written.
            Err(_) => {}
        }
    }
    after("}\n", rest)
}

/// Takes a value from the beginning of a text.
type Value = fn(&str) -> Rest<'_>;

fn after<'a>(expected: &str, text: &'a str) -> Rest<'a> {
    let begun = if expected.starts_with(text) { Line::Begun } else { Line::Foreign };
    text.strip_prefix(expected).ok_or(begun)
}

/// After the characters that a number has, which must be one.
fn after_digits<'a, T: std::str::FromStr>(of_number: &[char], text: &'a str) -> Rest<'a> {
    let rest = text.trim_start_matches(of_number);
    if rest.is_empty() {
        return Err(Line::Begun);
    }
    let number = &text[..text.len() - rest.len()];
    number.parse::<T>().map_or(Err(Line::Foreign), |_| Ok(rest))
}

fn after_count(text: &str) -> Rest<'_> {
    after_digits::<usize>(&DIGITS, text)
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

fn after_number(text: &str) -> Rest<'_> {
    if text.starts_with('n') {
        return after("null", text);
    }
    let of_number = [&DIGITS[..], &['.', '-', 'e']].concat();
    after_digits::<f64>(&of_number, text)
}

fn after_string(text: &str) -> Rest<'_> {
    let inside = after("\"", text)?;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if c < ' ' => return Err(Line::Foreign),
            '"' if !is_escaped => return Ok(&inside[at + 1..]),
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    Err(Line::Begun)
}

fn after_terms(text: &str) -> Rest<'_> {
    let mut rest = after("{", text)?;
    let mut is_first = true;
    loop {
        if let Some(others) = rest.strip_prefix('}') {
            return Ok(others);
        }
        if !is_first {
            rest = after(",", rest)?;
        }
        is_first = false;
        rest = after_number(after(":", after_string(rest)?)?)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Row, csv, json};
    use super::*;
    use crate::terms::Terms;

    /// Every row, and all that a crash leaves of it; nothing with a letter more or another one.
    #[test]
    fn rows_are_known_however_much_there_is_of_them() {
        let mut terms = Terms::new();
        terms.add("mine, \"new\" \\ ü", f64::NAN);
        terms.add("other", -1e-300);
        for event in EVENTS {
            for is_full in [false, true] {
                let mut row = Row { event, ..Row::default() };
                if is_full {
                    (row.epoch, row.batch, row.evaluations) = (Some(12), Some(3), Some(45));
                    (row.terms, row.validation) = (Some(terms.clone()), Some(Terms::new()));
                    row.numbers = [Some(0.1), None, Some(1e16), Some(f64::INFINITY)];
                    row.note = Some("two\nlines, \"quoted\" \\".to_owned());
                }
                let line = json(&row);
                assert_eq!(json_row(line.as_bytes()), Line::Whole, "{line}");
                for end in 0..line.len() {
                    assert_eq!(json_row(&line.as_bytes()[..end]), Line::Begun, "{end} of {line}");
                }
                assert_eq!(json_row((line.clone() + " ").as_bytes()), Line::Foreign);
                let other = line.replace(event, "logout");
                assert_eq!(json_row(other.as_bytes()), Line::Foreign);
                let more = line.replace("}\n", ",\"user\":\"me\"}\n");
                assert_eq!(json_row(more.as_bytes()), Line::Foreign);
            }
        }
    }

    #[test]
    fn tables_are_known_however_much_there_is_of_them() {
        let names = ["mine, \"new\"\nü".to_owned(), "other".to_owned()];
        let columns = 11 + 2 * names.len();
        let mut cells = vec![String::new(); columns];
        for (column, cell) in [(0, "epoch"), (1, "12"), (3, "-1e-7"), (6, "NaN"), (8, "inf")] {
            cells[column] = cell.to_owned();
        }
        cells[columns - 1] = "two\nlines, \"quoted\"".to_owned();
        let text = header(&names) + &csv(&cells);
        for end in 0..=text.len() {
            assert!(is_log(&text.as_bytes()[..end], true), "{}", &text[..end.min(9)]);
        }
        assert_eq!(names_of(header(&names).as_bytes()), names);
        for (of_log, of_another) in [
            ("validation_total", "validation"),
            ("validation_other", "validation_another"),
            ("note\n", "note,more\n"),
            ("note\n", "note\r\n"),
            ("\nepoch,12,", "\nlogin,12,"),
            ("\nepoch,12,", "\nepoch,twelve,"),
            ("\nepoch,12,", "\nepoch,12,,"),
            ("-1e-7", "minus"),
        ] {
            let other = text.replacen(of_log, of_another, 1);
            assert!(other != text && !is_log(other.as_bytes(), true), "{other}");
        }
    }
}
