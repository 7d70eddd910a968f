//! A schema as a text, for model files: lossless, in one way only, so that a text that was changed is refused as far as
//! it can be seen.
//!
//! A line is words with tabs between them. First the version and the options of the reader, then a line for each column, then `end`.

use std::fmt::Write;

use super::column::{Coding, Range, TableColumn};
use super::dates::{DatePart, Dates, Form};
use super::levels::{Category, Levels};
use super::{Kind, Schema, SchemaOptions};
use crate::data::CsvOptions;
use crate::data::csv::{Numbers, RawRows};
use crate::error::{Problem, Result as Checked, require_fit};

/// How a text begins.
const TITLE: &str = "table schema 1";
const END: &str = "end";
/// How many bytes a text may have in the header of a model file, which is in JSON.
pub(crate) const LONGEST: usize = 15 << 20;

impl Schema {
    /// What [`from_text`](Self::from_text) makes the same schema of, but for the table it was inferred from.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\n");
        let csv = self.options.csv.to_words();
        write_line(&mut text, csv.iter().map(String::as_str));
        for column in &self.columns {
            let words = words_of(column);
            write_line(&mut text, words.iter().map(String::as_str));
        }
        text.push_str(END);
        text.push('\n');
        text
    }

    /// The schema of a text that [`to_text`](Self::to_text) has written.
    ///
    /// # Errors
    /// [`Problem::Schema`] with the line that is none of such a text.
    pub(crate) fn from_text(text: &str) -> Result<Self, Problem> {
        let wrong = |line: usize| Problem::Schema { line };
        let mut lines = text.split('\n').enumerate().map(|(at, line)| (at + 1, line));
        // What is cut off is missing in the last line.
        let last = text.split('\n').count();
        let mut next = || lines.next().unwrap_or((last, ""));
        let (_, title) = next();
        if title != TITLE {
            return Err(wrong(1));
        }
        let (at, csv) = next();
        let csv = read_line(csv).and_then(|words| CsvOptions::from_words(&words));
        let csv = csv.ok_or(wrong(at))?;
        let has_names = csv.says_header().unwrap_or(true);
        let numbers = RawRows::numbers_of(&csv);
        let options = SchemaOptions::new().csv(csv);
        let mut schema = Self { columns: Vec::new(), options, has_names, source: None };
        loop {
            let (at, line) = next();
            if line == END {
                break;
            }
            let column = read_line(line).and_then(|words| column_of(&words, &numbers));
            let column = column.ok_or(wrong(at))?;
            schema.columns.push(column);
        }
        schema.check().ok_or(wrong(2))?;
        // Whatever else was written in another way.
        let again = schema.to_text();
        if again != text {
            let same = again.split('\n').zip(text.split('\n')).take_while(|(a, b)| a == b);
            return Err(wrong(same.count() + 1));
        }
        Ok(schema)
    }

    /// Refuses a schema that no model file has room for, before a model is trained with it.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit).
    pub(crate) fn require_room(&self) -> Checked<()> {
        let fault = "is too long for a model file, which has room for 15 MiB of names and levels";
        // Folded levels are written too, so that it is no help to fold more.
        let remedy = "allow fewer levels (`SchemaOptions::most_levels`), or leave columns out (`Schema::leave_out`)";
        require_fit(length_in_json(&self.to_text()) <= LONGEST, "the schema", fault, remedy)
    }

    /// Whether the columns go together.
    fn check(&self) -> Option<()> {
        let mut names: Vec<&str> = self.columns.iter().map(TableColumn::name).collect();
        names.sort_unstable();
        let is_twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        let labels = self.columns.iter().filter(|column| column.kind() == Kind::Label).count();
        let rows: Vec<usize> = self.columns.iter().map(|column| column.rows).collect();
        let are_alike = rows.windows(2).all(|pair| pair[0] == pair[1]);
        (!self.columns.is_empty() && !is_twice && labels <= 1 && are_alike).then_some(())
    }
}

/// The bytes of a text in JSON, without its quotes.
fn length_in_json(text: &str) -> usize {
    let length = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

fn words_of(column: &TableColumn) -> Vec<String> {
    let mut words = vec![
        column.name.clone(),
        column.missing.to_string(),
        column.rows.to_string(),
        column.has_indicator.to_string(),
        column.why.clone(),
        column.kind().to_string(),
    ];
    match &column.coding {
        Coding::Number(Range { least, greatest, decimals }) => {
            words.extend([format!("{least:?}"), format!("{greatest:?}")]);
            words.push(decimals.map_or_else(|| "-".to_owned(), |decimals| decimals.to_string()));
        }
        Coding::Category(Category { levels, folded, .. }) => {
            words.push(levels.len().to_string());
            words.extend(levels.names().iter().chain(folded.names()).cloned());
        }
        Coding::Ordinal(levels) | Coding::Boolean(levels) => {
            words.extend(levels.names().iter().cloned());
        }
        Coding::Date(Dates { form, origin, latest, unit, parts }) => {
            words.extend([form.format.clone(), form.is_iso.to_string(), form.is_zoned.to_string()]);
            words.extend([form.has_day.to_string(), origin.to_string(), latest.to_string()]);
            words.push(unit.to_string());
            words.extend(parts.iter().map(|part| part.name().to_owned()));
        }
        Coding::LeftOut => {}
        Coding::Label { are_numbers } => words.push(are_numbers.to_string()),
    }
    words
}

fn column_of(words: &[String], numbers: &Numbers) -> Option<TableColumn> {
    let [name, missing, rows, has_indicator, why, kind, own @ ..] = words else { return None };
    let coding = match (kind.as_str(), own) {
        ("number", [least, greatest, decimals]) => {
            let (least, greatest): (f64, f64) = (least.parse().ok()?, greatest.parse().ok()?);
            let decimals = match decimals.as_str() {
                "-" => None,
                decimals => Some(decimals.parse().ok()?),
            };
            let is_range = least.is_finite() && greatest.is_finite() && least <= greatest;
            is_range.then_some(Coding::Number(Range { least, greatest, decimals }))?
        }
        ("category", [count, levels @ ..]) => {
            let count: usize = count.parse().ok()?;
            let (own, folded) = levels.split_at_checked(count)?;
            let are_once = Levels::new(levels.to_vec(), numbers).twice().is_none();
            // A single rare level would be no other.
            let is_category = are_once && !own.is_empty() && folded.len() != 1;
            let category = || Category::new(own.to_vec(), folded.to_vec(), numbers);
            is_category.then(|| Coding::Category(category()))?
        }
        ("ordinal", levels) => Coding::Ordinal(at_least_two(levels, numbers)?),
        ("boolean", levels @ [_, _]) => Coding::Boolean(at_least_two(levels, numbers)?),
        ("date", [format, is_iso, is_zoned, has_day, origin, latest, unit, parts @ ..]) => {
            let form = Form {
                format: format.clone(),
                is_iso: is_iso.parse().ok()?,
                is_zoned: is_zoned.parse().ok()?,
                has_day: has_day.parse().ok()?,
            };
            let is = |name: &String| DatePart::ALL.into_iter().find(|part| part.name() == name);
            let parts = parts.iter().map(is).collect::<Option<Vec<DatePart>>>()?;
            let (origin, latest) = (origin.parse().ok()?, latest.parse().ok()?);
            let dates = Dates { form, origin, latest, unit: unit.parse().ok()?, parts };
            dates.is_right().then_some(Coding::Date(dates))?
        }
        ("left out", []) => Coding::LeftOut,
        ("label", [are_numbers]) => Coding::Label { are_numbers: are_numbers.parse().ok()? },
        _ => return None,
    };
    let has_features = !matches!(coding, Coding::LeftOut | Coding::Label { .. });
    let column = TableColumn {
        name: name.clone(),
        coding,
        missing: missing.parse().ok()?,
        rows: rows.parse().ok()?,
        why: why.clone(),
        has_indicator: has_indicator.parse().ok()?,
    };
    let may_indicate = has_features && column.missing > 0;
    let is_right = column.missing <= column.rows
        && !column.name.is_empty()
        && (may_indicate || !column.has_indicator);
    is_right.then_some(column)
}

fn at_least_two(levels: &[String], numbers: &Numbers) -> Option<Levels> {
    let levels = Levels::new(levels.to_vec(), numbers);
    (levels.len() >= 2 && levels.twice().is_none()).then_some(levels)
}

/// Writes a line of words, with a backslash before what would end one.
fn write_line<'a>(to: &mut String, words: impl Iterator<Item = &'a str>) {
    for (at, word) in words.enumerate() {
        if at > 0 {
            to.push('\t');
        }
        for c in word.chars() {
            // A string takes all.
            let _ = match c {
                '\\' => to.write_str("\\\\"),
                '\t' => to.write_str("\\t"),
                '\n' => to.write_str("\\n"),
                '\r' => to.write_str("\\r"),
                c => to.write_char(c),
            };
        }
    }
    to.push('\n');
}

fn read_line(line: &str) -> Option<Vec<String>> {
    let word = |word: &str| {
        let mut text = String::with_capacity(word.len());
        let mut chars = word.chars();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => match chars.next()? {
                    '\\' => '\\',
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    _ => return None,
                },
                c => c,
            });
        }
        Some(text)
    };
    line.split('\t').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let mut text = "id,when,at,size,colour,ripe,weight,code,note\n".to_owned();
        for row in 0..2000 {
            let colour = ["red", "a\tb", "\"x,\\y\n\"", "blue"][row % 4];
            let colour = if row % 700 == 3 { format!("rare {row}") } else { colour.to_owned() };
            let (day, hour) = (1 + row % 28, row % 24);
            let weight = if row % 5 == 0 { "?".to_owned() } else { format!("{row}.25") };
            text += &format!(
                "{row},2024-02-{day:02}T{hour:02}:30:00Z,{hour:02}:15,{},{colour},{},{weight},00{},t{row}\n",
                ["S", "M", "L"][row % 3],
                ["no", "yes"][row % 2],
                row % 7
            );
        }
        let schema = Schema::infer_bytes(text).unwrap();
        let schema = schema.ordinal("size", ["S", "M", "L"]).unwrap().label("code").unwrap();
        schema.date("at", "%H:%M").unwrap().indicate_missing()
    }

    #[test]
    fn a_text_is_the_schema() {
        let schema = schema();
        let kinds: Vec<Kind> = schema.columns().iter().map(TableColumn::kind).collect();
        let expected = [
            Kind::LeftOut,
            Kind::Date,
            Kind::Date,
            Kind::Ordinal,
            Kind::Category,
            Kind::Boolean,
            Kind::Number,
            Kind::Label,
            Kind::LeftOut,
        ];
        assert_eq!(kinds, expected);
        assert_eq!(schema.columns()[4].rare_levels().len(), 3);
        let text = schema.to_text();
        let again = Schema::from_text(&text).unwrap();
        assert_eq!(again, schema);
        assert_eq!(again.to_text(), text);
        assert_eq!(again.to_string(), schema.to_string());
    }

    /// Each byte that JSON escapes, against what writes the header.
    #[test]
    fn lengths_are_those_of_json() {
        let text: String = (0..=255_u8).map(char::from).chain("𝄞\u{7f}".chars()).collect();
        let written = serde_json::to_string(&text).unwrap();
        assert_eq!(length_in_json(&text) + 2, written.len());
    }

    #[test]
    fn a_schema_that_no_file_has_room_for_is_refused_before_training() {
        let table = "a\n1\n2\n5\n";
        let mut schema = Schema::infer_bytes(table).unwrap();
        let samples: crate::batch::Batch<f32, _> = schema.batch([["1"], ["2"]]).unwrap();
        let rest = length_in_json(&schema.to_text());
        schema.columns[0].why += &"\"".repeat((LONGEST - rest) / 2);
        schema.normalizer(&samples).unwrap();
        schema.columns[0].why += "\"";
        assert_eq!(
            schema.normalizer(&samples).unwrap_err().to_string(),
            "the schema is too long for a model file, which has room for 15 MiB of names and levels: allow fewer levels \
             (`SchemaOptions::most_levels`), or leave columns out (`Schema::leave_out`)"
        );
    }

    /// What is advised makes room, and folding levels, which are written all the same, does not.
    #[test]
    fn fewer_levels_or_columns_make_room() {
        // A control character is six bytes in JSON, so these levels are 15 million bytes and more.
        let level = |of: usize| format!("{}{of}\n", "\u{1}".repeat(250));
        let often = "often\n".repeat(20);
        let text =
            format!("a\n{often}{}", (0..22_000).map(|row| level(row / 2)).collect::<String>());
        let infer = |options: SchemaOptions| Schema::infer_bytes_with(&options, &*text).unwrap();
        let options = || SchemaOptions::new().most_levels(20_000).unwrap();
        let (all, folded) = (options().rare(0, 0.0).unwrap(), options().rare(10, 1.0).unwrap());
        let (all, folded) = (infer(all), infer(folded));
        assert_eq!(
            (all.columns()[0].levels().len(), all.columns()[0].rare_levels().len()),
            (11_001, 0)
        );
        assert_eq!(folded.columns()[0].rare_levels().len(), 11_000);
        for schema in [&all, &folded] {
            let refused = schema.require_room().unwrap_err().to_string();
            assert!(
                !refused.contains("rare") && refused.contains("`SchemaOptions::most_levels`"),
                "{refused}"
            );
        }
        all.leave_out("a").unwrap().require_room().unwrap();
        infer(SchemaOptions::new().most_levels(1000).unwrap()).require_room().unwrap();
    }

    #[test]
    fn cut_texts_are_refused() {
        let text = schema().to_text();
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            let refused = Schema::from_text(&text[..end]).unwrap_err();
            // Of a text that lacks the last newline alone it is what should come behind it.
            let is_last = end + 1 == text.len();
            let line = text[..end].matches('\n').count() + 1 + usize::from(is_last);
            assert_eq!(refused, Problem::Schema { line }, "{end}");
        }
        Schema::from_text(&format!("{text}\n")).unwrap_err();
        Schema::from_text(&format!("{text}x")).unwrap_err();
    }

    /// Each byte by some others: refused, or another schema that says what it was read from.
    #[test]
    fn changed_texts_do_no_harm() {
        const ROWS: &str = "id,when,at,size,colour,ripe,weight,code,note\n\
            1,2024-02-03T05:30:00Z,05:15,S,red,no,1.25,003,t1\n";
        let text = schema().to_text();
        let (mut refused, mut read) = (0, 0);
        for at in 0..text.len() {
            for byte in *b"\t\n\\0-9xe. " {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = byte;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                match Schema::from_text(&changed) {
                    Ok(schema) => {
                        assert_eq!(schema.to_text(), changed);
                        schema.to_string();
                        read += usize::from(schema.from_bytes::<f32>(ROWS).is_ok());
                        let zeros = crate::batch::Batch::zeros(nalgebra::Dyn(schema.features()), 1);
                        let _: crate::batch::Batch<f32, _> = zeros.clone();
                        schema.rows(&zeros).unwrap();
                    }
                    Err(Problem::Schema { line }) => {
                        assert!((1..=text.lines().count() + 2).contains(&line), "{line}");
                        refused += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
        assert!(refused > text.len() && read > 100, "{refused} {read}");
    }

    #[test]
    fn a_schema_from_a_file_has_no_table_to_read_again() {
        let schema = Schema::from_text(&schema().to_text()).unwrap();
        let refused = schema.clone().category("weight").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Schema::category needs the table that the schema was inferred from, which a model file does not hold: first \
             call `Schema::infer`"
        );
        assert_eq!(schema.leave_out("weight").unwrap().columns()[6].kind(), Kind::LeftOut);
    }
}
