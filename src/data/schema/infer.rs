//! What a table seems to be: the kinds of its columns, each with the reason.

use super::Schema;
use super::column::{Coding, Range, TableColumn};
use super::dates::Form;
use super::levels::{Category, Levels};
use super::options::SchemaOptions;
use super::profile::{CODES, Counted, End, LONGEST_LEVEL, Profile};
use crate::data::csv::{Missing, Numbers, RawRows, in_view_of_first_line, trimmed};
use crate::data::input::Input;
use crate::error::{Found, Place, Result};

/// With fewer rows it cannot be told whether texts come again.
const FEW: usize = 20;
/// Rows that each code of a category in numbers must have on average.
const OF_EACH_CODE: usize = 10;

/// Texts that mean no and yes.
const NO_AND_YES: [(&str, &str); 8] = [
    ("no", "yes"),
    ("false", "true"),
    ("n", "y"),
    ("f", "t"),
    ("off", "on"),
    ("absent", "present"),
    ("negative", "positive"),
    ("normal", "abnormal"),
];

impl Schema {
    pub(super) fn of_input(input: &Input, options: &SchemaOptions) -> Result<Self> {
        options.csv.require_no_columns()?;
        let forms: Result<Vec<Form>> =
            options.formats.iter().map(|format| Form::of_format(format)).collect();
        let forms = forms?;
        let inferred = Self::of_rows(input, options, &forms);
        inferred.map_err(|error| in_view_of_first_line(error, input, &options.csv))
    }

    fn of_rows(input: &Input, options: &SchemaOptions, forms: &[Form]) -> Result<Self> {
        let mut rows = RawRows::new(input, &options.csv)?;
        let numbers = rows.numbers().clone();
        let mut profiles = vec![Profile::new(forms); rows.width()];
        let mut scratch = Vec::new();
        let mut count = 0;
        while rows.next(
            |_| true,
            |column, cell, line| {
                let profile = &mut profiles[column];
                profile.add(cell, line, &numbers, &mut scratch, options.most_levels)
            },
        )? {
            count += 1;
        }
        if count == 0 {
            let found = Found::Thing("no rows below the header");
            return Err(input.malformed(Place::File, found, "at least one row"));
        }
        let first_text = profiles[0].first_text.as_ref().map_or("", |(text, _)| text);
        rows.another_delimiter(first_text).map_or(Ok(()), Err)?;
        if options.csv.says_header().is_none() {
            require_header(&rows, &profiles)?;
        }
        let names = names_of(&rows)?;
        require_finite(input, &names, &profiles)?;
        if options.csv.has_quotes() {
            require_right_quotes(input, &names, &profiles)?;
        }
        let have_texts = profiles.iter().any(is_category_of_texts);
        let columns = names.into_iter().zip(profiles).map(|(name, profile)| {
            let (missing, rows) = (profile.missing, profile.rows);
            let (coding, why) = propose(profile, have_texts, options);
            TableColumn { name, coding, missing, rows, why, has_indicator: false }
        });
        let (columns, has_names) = (columns.collect(), rows.names().is_some());
        // From here on it is known.
        let csv = options.csv.clone().header(has_names).missing(Missing::Refuse)?;
        let options = options.clone().csv(csv);
        Ok(Self { columns, options, has_names, source: Some(input.clone()) })
    }
}

/// What the columns are called, each by another name.
fn names_of(rows: &RawRows) -> Result<Vec<String>> {
    let place = |column: usize| format!("#{column}");
    let Some(names) = rows.names() else { return Ok((0..rows.width()).map(place).collect()) };
    let mut all: Vec<String> = Vec::with_capacity(names.len());
    for (column, name) in names.iter().enumerate() {
        let name = if name.is_empty() { place(column) } else { name.clone() };
        if all.contains(&name) {
            let found = Found::Thing("several columns");
            let expected = "one column of that name (give each a name of its own, or take \
                            `CsvOptions::skip_lines(1)` of `SchemaOptions::csv` with `header(false)`, which goes by \
                            places)";
            return Err(rows.input().malformed(Place::Name(name), found, expected));
        }
        all.push(name);
    }
    Ok(all)
}

/// Refuses a first row that is a row like the others, where it was not said that it is a header.
fn require_header(rows: &RawRows, profiles: &[Profile]) -> Result<()> {
    let names = rows.names().unwrap_or_default();
    let is_number = |name: &String| {
        let number = rows.numbers().number::<f64>(name.as_bytes(), &mut Vec::new());
        number.is_some()
    };
    let expected = "the names of columns (`CsvOptions::header(false)` of `SchemaOptions::csv` if these are values, \
                    `header(true)` if they are names)";
    // Of the columns of few texts, those whose name is one of them. One may be called so by chance.
    let (mut texts, mut levels) = (0, 0);
    for (name, profile) in names.iter().zip(profiles) {
        let own = profile.counter.levels().filter(|_| profile.numbers < profile.present());
        if let Some(own) = own {
            texts += 1;
            levels += usize::from(own.iter().any(|level| level.text == *name));
        }
    }
    let read = |(name, profile): (&String, &Profile)| would_read(profile, name, rows.numbers());
    let mut all_read = names.iter().zip(profiles).map(read);
    // A year may be a name, and 100.25 is none.
    let has_fraction = |(name, profile): (&String, &Profile)| {
        let value = rows.numbers().value(name.as_bytes(), &mut Vec::new());
        profile.are_all_numbers() && value.is_some_and(|value| value.fract() != 0.0)
    };
    let is_no_value = |(name, profile): (&String, &Profile)| {
        let are_alike = profile.are_all_numbers() || !profile.dates.is_empty();
        are_alike && !would_read(profile, name, rows.numbers())
    };
    let found = if names.iter().all(is_number) {
        "a number or a missing value for each column"
    } else if levels > 0 && 2 * levels >= texts {
        "values that the rows below have too"
    } else if all_read.all(|is_read| is_read) {
        "values as those of the rows below for each column"
    } else if !names.iter().zip(profiles).any(is_no_value)
        && names.iter().zip(profiles).any(has_fraction)
    {
        "a number with a fraction above a column of numbers"
    } else {
        return Ok(());
    };
    Err(rows.input().malformed(Place::Line(rows.header_line()), Found::Thing(found), expected))
}

/// Whether a column would read the name it has as one of its values: a number among numbers, a date among dates in their
/// format, a text that comes again, or nothing.
fn would_read(profile: &Profile, name: &str, numbers: &Numbers) -> bool {
    let text = name.as_bytes();
    if numbers.stands_for_missing(text, &mut Vec::new()) {
        return true;
    }
    if profile.are_all_numbers() {
        return numbers.value(text, &mut Vec::new()).is_some();
    }
    let is_date = profile.dates.iter().any(|dates| dates.form().moment(text).is_some());
    let levels = profile.counter.levels().unwrap_or_default();
    is_date || levels.iter().any(|level| level.text == name)
}

/// Refuses a column of numbers that has infinite ones, which would make texts of all of them.
fn require_finite(input: &Input, names: &[String], profiles: &[Profile]) -> Result<()> {
    for (column, (name, profile)) in names.iter().zip(profiles).enumerate() {
        let are_numbers =
            profile.numbers > 0 && profile.numbers + profile.infinite == profile.present();
        if let (true, Some((text, line))) = (are_numbers, &profile.first_text) {
            let place = Place::Cell { line: *line, column, name: Some(name.clone()) };
            let found = Found::known("a number that is not finite", text.as_bytes());
            let expected = "a finite number, as the others are (`CsvOptions::missing_marks` of `SchemaOptions::csv` can \
                            count this among the missing values)";
            return Err(input.malformed(place, found, expected));
        }
    }
    Ok(())
}

/// Refuses a column whose texts are all in single quotes, which then would be a part of them.
fn require_right_quotes(input: &Input, names: &[String], profiles: &[Profile]) -> Result<()> {
    for (column, (name, profile)) in names.iter().zip(profiles).enumerate() {
        let are_quoted = profile.texts_in_single_quotes == profile.present() - profile.numbers;
        if let (true, Some((text, line))) = (are_quoted, &profile.first_text) {
            let place = Place::Cell { line: *line, column, name: Some(name.clone()) };
            let found = Found::known("a text in single quotes", text.as_bytes());
            let expected = "a text (`CsvOptions::quote(b'\\'')` of `SchemaOptions::csv` takes single quotes off, `quote(None)` \
                            keeps all quotes)";
            return Err(input.malformed(place, found, expected));
        }
    }
    Ok(())
}

/// Whether a column has few texts, none of which is a number.
fn is_category_of_texts(profile: &Profile) -> bool {
    let levels = profile.counter.levels();
    let are_few = levels.is_some_and(|levels| levels.len() <= profile.present() / 2);
    profile.present() > 0 && profile.numbers == 0 && profile.dates.is_empty() && are_few
}

/// What a column seems to be, and why.
fn propose(profile: Profile, have_texts: bool, options: &SchemaOptions) -> (Coding, String) {
    let said = |coding, why: &str| (coding, why.to_owned());
    if profile.present() == 0 {
        return said(Coding::LeftOut, "no cell has a value");
    }
    let levels = profile.counter.levels();
    if profile.numbers == profile.present() {
        return of_numbers(profile, levels, have_texts, options);
    }
    if let Some(dates) = profile.dates.first() {
        let why = match dates.form().is_iso {
            true => "dates in ISO 8601".to_owned(),
            false => format!("dates as {}", dates.form().format),
        };
        return (Coding::Date(dates.clone().dates()), why);
    }
    let Some(levels) = levels else {
        return (Coding::LeftOut, of_many_texts(&profile, options.most_levels));
    };
    let (different, present) = (levels.len(), profile.present());
    let numbers = RawRows::numbers_of(&options.csv);
    match different {
        1 => {
            let category = category(levels, present, options);
            said(Coding::Category(category), "one text throughout; another one would be odd")
        }
        2 => {
            let why = "two texts".to_owned() + &perhaps(&profile);
            (Coding::Boolean(no_and_yes(levels, &numbers)), why)
        }
        _ if present >= FEW && different == present => {
            let why = "an identifier: no two texts are alike".to_owned() + &perhaps(&profile);
            (Coding::LeftOut, why)
        }
        _ if present >= FEW && different > present / 2 => {
            (Coding::LeftOut, of_many_texts(&profile, different))
        }
        _ => match in_order_of_ranges(&levels, &numbers) {
            Some(levels) => said(Coding::Ordinal(levels), "ranges of numbers, in their order"),
            None => {
                let category = category(levels, present, options);
                let rare = category.folded.len();
                let why = match rare {
                    0 => "texts that come again".to_owned(),
                    rare => format!("texts that come again, {rare} of them rare"),
                };
                (Coding::Category(category), why + &perhaps(&profile))
            }
        },
    }
}

/// What a column of numbers with a few texts among them may be.
fn nearly_numbers(profile: &Profile) -> Option<String> {
    let (text, _) = profile.first_text.as_ref()?;
    let share = profile.numbers as f64 / profile.present() as f64;
    let short: String = text.chars().take(20).collect();
    let said =
        || format!("{:.0} % numbers, and texts such as {short:?}: missing ones?", 100.0 * share);
    (share > 0.5).then(said)
}

/// What texts may be besides, to be said behind the reason: numbers with a few others among them, numbers that are written
/// in another way, or dates in a form that was not given.
fn perhaps(profile: &Profile) -> String {
    let Some((text, _)) = &profile.first_text else { return String::new() };
    if let Some(numbers) = nearly_numbers(profile) {
        return format!("; {numbers}");
    }
    let short: String = text.chars().take(20).collect();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-$€£".contains(c));
    let has = |marks: &str| text.contains(|c: char| marks.contains(c));
    if begins && digits >= 3 && (has("/:") || text.matches(['-', '.', ' ']).count() >= 2) {
        return format!(
            "; dates such as {short:?}? (`Schema::date`, `SchemaOptions::date_formats`)"
        );
    }
    if begins && digits > 0 && has(",%$€£ ") {
        return format!(
            "; numbers such as {short:?}? (`CsvOptions::decimal` and `thousands` read marks, not units)"
        );
    }
    String::new()
}

/// Why many texts are left out.
fn of_many_texts(profile: &Profile, different: usize) -> String {
    match nearly_numbers(profile) {
        Some(numbers) => numbers,
        None if profile.counter.end() == Some(End::TooLong) => {
            format!("text: one is longer than {LONGEST_LEVEL} bytes, as no level may be")
        }
        None => format!("text: {different} different ones or more") + &perhaps(profile),
    }
}

/// What a column of numbers seems to be.
fn of_numbers(
    profile: Profile,
    levels: Option<Vec<Counted>>,
    have_texts: bool,
    options: &SchemaOptions,
) -> (Coding, String) {
    let said = |coding, why: &str| (coding, why.to_owned());
    let present = profile.present();
    let Profile { least, greatest, decimals, .. } = profile;
    let number = Coding::Number(Range { least, greatest, decimals });
    if profile.have_leading_zeros && profile.are_whole {
        return match levels {
            Some(levels) if levels.len() <= present / 2 || present < FEW => {
                let category = category(levels, present, options);
                said(Coding::Category(category), "codes: numbers with zeros before them")
            }
            _ => said(Coding::LeftOut, "an identifier: many codes with zeros before them"),
        };
    }
    if least == greatest {
        return said(number, "one number throughout; another one would be odd");
    }
    if profile.rise && profile.are_whole && profile.missing == 0 && present >= FEW {
        let why = match (1e9..1e10).contains(&least) {
            true => "an identifier: it rises from row to row (if it is a Unix time, a date as %s)",
            false => "an identifier: whole numbers that rise from row to row",
        };
        return said(Coding::LeftOut, why);
    }
    let different = levels.as_ref().map_or(usize::MAX, Vec::len);
    if let (2, true, Some(levels)) = (different, profile.are_whole, levels) {
        let numbers = RawRows::numbers_of(&options.csv);
        return said(Coding::Boolean(no_and_yes(levels, &numbers)), "two whole numbers");
    }
    // A table that has categories as texts would have had this one so, too.
    let from_one = profile.are_whole && least == 1.0 && greatest == different as f64;
    let levels = profile.counter.levels().unwrap_or_default();
    // Not 1.0, which is no code.
    let are_digits = levels.iter().all(|level| level.text.len() == 1);
    let may_be_codes = from_one && are_digits && different <= CODES && !have_texts;
    if may_be_codes && present >= OF_EACH_CODE * different {
        let category = category(levels, present, options);
        let why = "codes: whole numbers from 1 on without a gap, in a table without texts";
        return said(Coding::Category(category), why);
    }
    said(number, if profile.are_whole { "whole numbers" } else { "numbers" })
}

/// Two levels, of which the first one means no as far as can be told.
fn no_and_yes(levels: Vec<Counted>, numbers: &Numbers) -> Levels {
    let mut names: Vec<String> = levels.into_iter().map(|level| level.text).collect();
    let value = |name: &str| numbers.value(name.as_bytes(), &mut Vec::new());
    names.sort_by(|a, b| match (value(a), value(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let [first, second] = names.as_slice() else { return Levels::new(names, numbers) };
    if NO_AND_YES.iter().any(|(no, yes)| is(first, yes) && is(second, no)) {
        names.reverse();
    }
    Levels::new(names, numbers)
}

/// Levels that are all ranges of numbers, such as `40-49`, in the order of these.
fn in_order_of_ranges(levels: &[Counted], numbers: &Numbers) -> Option<Levels> {
    let range = |level: &Counted| {
        let (from, to) = level.text.split_once('-')?;
        let value = |text: &str| numbers.value(trimmed(text.as_bytes()), &mut Vec::new());
        let (from, to) = (value(from)?, value(to)?);
        (from < to).then(|| (from, level.text.clone()))
    };
    let mut ranges: Vec<(f64, String)> = levels.iter().map(range).collect::<Option<_>>()?;
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let differ = ranges.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let names = ranges.into_iter().map(|(_, text)| text).collect();
    differ.then(|| Levels::new(names, numbers))
}

/// Levels, the rare ones folded together.
pub(super) fn category(levels: Vec<Counted>, present: usize, options: &SchemaOptions) -> Category {
    let is_rare = |level: &Counted| {
        let share = level.count as f64 / present.max(1) as f64;
        level.count < options.rare_count && share < options.rare_share
    };
    let numbers = RawRows::numbers_of(&options.csv);
    let (rare, kept): (Vec<Counted>, Vec<Counted>) = levels.into_iter().partition(is_rare);
    let names = |levels: Vec<Counted>| levels.into_iter().map(|level| level.text).collect();
    // What is one level needs no name of several.
    if rare.len() == 1 || kept.is_empty() {
        let all = names(kept.into_iter().chain(rare).collect());
        return Category::new(all, Vec::new(), &numbers);
    }
    Category::new(names(kept), names(rare), &numbers)
}
