//! The levels of a category, and which of them a text is.

use std::borrow::Cow;

use crate::data::csv::Numbers;

/// The levels of a column, by their texts, in an order of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Levels {
    names: Vec<String>,
    /// Places in `names`, in the order of their texts, each behind the beginning of its text.
    sorted: Vec<(u64, usize)>,
    /// Those of them that are numbers, in the order of these; of equal ones the shortest text first.
    values: Vec<(f64, usize)>,
    /// Whether some are written with zeros before them, so that `7` is not `007`.
    are_codes: bool,
    unknown: String,
}

impl Levels {
    /// Levels in this order, each once, of a table whose numbers and marks of missing values are these.
    pub(super) fn new(names: Vec<String>, numbers: &Numbers) -> Self {
        let places = names.iter().map(|name| key(name.as_bytes())).zip(0..);
        let mut sorted: Vec<(u64, usize)> = places.collect();
        sorted.sort_unstable_by(|&(_, a), &(_, b)| names[a].cmp(&names[b]));
        let mut scratch = Vec::new();
        let mut value = |name: &String| numbers.value(name.as_bytes(), &mut scratch);
        // −0 is 0.
        let values =
            names.iter().enumerate().filter_map(|(at, name)| Some((value(name)? + 0.0, at)));
        let mut values: Vec<(f64, usize)> = values.collect();
        values.sort_by(|&(a, at), &(b, other)| {
            a.total_cmp(&b).then_with(|| names[at].len().cmp(&names[other].len()))
        });
        let are_codes = names.iter().any(|name| has_leading_zeros(name.as_bytes()));
        let mut levels = Self { names, sorted, values, are_codes, unknown: String::new() };
        levels.unknown = free("unknown", |word| levels.takes(word, numbers));
        levels
    }

    /// Whether a word is a level, or means a missing value.
    fn takes(&self, word: &str, numbers: &Numbers) -> bool {
        self.of(word.as_bytes()).is_some()
            || numbers.stands_for_missing(word.as_bytes(), &mut Vec::new())
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// A level that is there twice.
    pub(super) fn twice(&self) -> Option<&str> {
        let pairs = self.sorted.windows(2);
        let mut pairs = pairs.map(|pair| (&self.names[pair[0].1], &self.names[pair[1].1]));
        pairs.find(|(a, b)| a == b).map(|(a, _)| a.as_str())
    }

    /// What a level that was never seen is called.
    pub(super) fn unknown_name(&self) -> &str {
        &self.unknown
    }

    /// What a text without spaces around it is: a level by its text, else by the number it is, as `1.0` is the level
    /// `1`; else missing, or none of the levels.
    #[inline]
    pub(super) fn find(&self, text: &[u8], numbers: &Numbers, scratch: &mut Vec<u8>) -> Sought {
        if let Some(level) = self.of(text) {
            return Sought::Level(level);
        }
        let value = if self.are_codes { None } else { numbers.value(text, scratch) };
        match value.and_then(|value| self.of_number(value)) {
            Some(level) => Sought::Level(level),
            None if numbers.stands_for_missing(text, scratch) => Sought::Missing,
            None => Sought::Nothing,
        }
    }

    /// Which level a text is. Takes no memory.
    #[inline]
    pub(super) fn of(&self, text: &[u8]) -> Option<usize> {
        self.seek(text, |at| self.names[at].as_bytes())
    }

    /// Which level a text is; `name` is asked for the whole text of a level only where the beginnings are alike.
    #[inline]
    fn seek<'a>(&self, text: &[u8], mut name: impl FnMut(usize) -> &'a [u8]) -> Option<usize> {
        let key = key(text);
        // The order of beginnings and then of whole texts is that of whole texts.
        let place = self
            .sorted
            .partition_point(|&(of, at)| of.cmp(&key).then_with(|| name(at).cmp(text)).is_lt());
        let &(of, at) = self.sorted.get(place)?;
        (of == key && name(at) == text).then_some(at)
    }

    /// Which level a number is, however the level writes it. Takes no memory.
    pub(super) fn of_number(&self, number: f64) -> Option<usize> {
        let start = self.values.partition_point(|&(value, _)| value < number);
        self.values.get(start).filter(|&&(value, _)| value == number).map(|&(_, at)| at)
    }
}

/// What a text is where levels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    Level(usize),
    Missing,
    /// None of the levels.
    Nothing,
}

/// Whether a text has zeros before it, as codes have.
pub(super) fn has_leading_zeros(text: &[u8]) -> bool {
    matches!(text, [b'0', b'0'..=b'9', ..])
}

/// A word of ours in as many brackets as it takes to be none of those that mean something else.
fn free(word: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut word = word.to_owned();
    while is_taken(&word) {
        word = format!("({word})");
    }
    word
}

/// The first eight bytes of a text as a number, which has the order of texts and is compared at once.
#[inline]
fn key(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}

/// What a text is among the levels of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A level with a feature of its own.
    Level(usize),
    /// One of the rare ones.
    Other,
    /// None that was ever seen.
    Unknown,
}

/// A category: levels, the rare ones among them as one, and a place for what was never seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Category {
    pub(super) levels: Levels,
    /// The rare levels, which have one feature together.
    pub(super) folded: Levels,
    unknown: String,
    other: String,
}

impl Category {
    /// Levels, and rare ones, of a table whose numbers and marks of missing values are these.
    pub(super) fn new(levels: Vec<String>, folded: Vec<String>, numbers: &Numbers) -> Self {
        let [levels, folded] = [levels, folded].map(|names| Levels::new(names, numbers));
        let is_taken = |word: &str| levels.takes(word, numbers) || folded.takes(word, numbers);
        let [unknown, other] = ["unknown", "other"].map(|word| free(word, is_taken));
        Self { levels, folded, unknown, other }
    }

    /// A feature for each level, one for the rare ones if there are any, and one for what was never seen.
    pub(super) fn features(&self) -> usize {
        self.unknown() + 1
    }

    fn unknown(&self) -> usize {
        self.levels.len() + usize::from(self.folded.len() > 0)
    }

    /// The feature of a place.
    pub(super) fn feature(&self, place: Place) -> usize {
        match place {
            Place::Level(level) => level,
            Place::Other => self.levels.len(),
            Place::Unknown => self.unknown(),
        }
    }

    /// What a text without spaces around it is; `None` if it is missing.
    #[inline]
    pub(super) fn find(
        &self,
        text: &[u8],
        numbers: &Numbers,
        scratch: &mut Vec<u8>,
    ) -> Option<Place> {
        if let Some(level) = self.levels.of(text) {
            return Some(Place::Level(level));
        }
        if self.folded.of(text).is_some() {
            return Some(Place::Other);
        }
        let are_codes = self.levels.are_codes || self.folded.are_codes;
        let value = if are_codes { None } else { numbers.value(text, scratch) };
        match value.map_or(Place::Unknown, |value| self.of_number(value)) {
            Place::Unknown if numbers.stands_for_missing(text, scratch) => None,
            Place::Unknown if self.folded.len() > 0 && text == self.other.as_bytes() => {
                Some(Place::Other)
            }
            place => Some(place),
        }
    }

    pub(super) fn of_number(&self, number: f64) -> Place {
        match (self.levels.of_number(number), self.folded.of_number(number)) {
            (Some(level), _) => Place::Level(level),
            (None, Some(_)) => Place::Other,
            (None, None) => Place::Unknown,
        }
    }

    /// What rare levels are called together.
    pub(super) fn other(&self) -> &str {
        &self.other
    }

    /// What a feature is called.
    pub(super) fn name(&self, feature: usize) -> Cow<'_, str> {
        match self.levels.names().get(feature) {
            Some(level) => level.into(),
            None if feature < self.unknown() => (&self.other).into(),
            None => (&self.unknown).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::CsvOptions;
    use crate::data::csv::RawRows;

    fn numbers(csv: CsvOptions) -> Numbers {
        RawRows::numbers_of(&csv)
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn texts(texts: &[&str]) -> Levels {
        Levels::new(owned(texts), &numbers(CsvOptions::new()))
    }

    #[test]
    fn levels_are_found_by_text_and_by_number() {
        let levels = texts(&["b", "a", "10", "2.0"]);
        let found = ["a", "b", "10", "c", ""].map(|text| levels.of(text.as_bytes()));
        assert_eq!(found, [Some(1), Some(0), Some(2), None, None]);
        assert_eq!([10.0, 2.0, 3.0].map(|x| levels.of_number(x)), [Some(2), Some(3), None]);
        // Of equal ones the plain one, and −0 is 0.
        let levels = texts(&["7.0", "7", "07", "-0", "inf"]);
        let found = [7.0, 0.0, -0.0, f64::INFINITY].map(|x| levels.of_number(x));
        assert_eq!(found, [Some(1), Some(3), Some(3), None]);
        // Alike in their first eight bytes, and zeros behind them.
        let alike = ["street_b", "street_bc", "street_ba", "a\0", "a", "street_b\0"];
        let levels = texts(&alike);
        assert!((0..6).all(|at| levels.of(alike[at].as_bytes()) == Some(at)));
        assert_eq!(levels.of(b"street_bd").or(levels.of(b"a\0\0")), None);
        assert_eq!(texts(&["a", "b", "a"]).twice(), Some("a"));
        assert_eq!(texts(&alike).twice(), None);
    }

    /// However many begin alike, as numbered customers do, as few are looked at as halving takes: 2¹⁷ > 100,000, and
    /// the last one and the one that is found are looked at once more.
    #[test]
    fn levels_that_begin_alike_are_found_by_halving() {
        let name = |of: usize| format!("customer_{of:05}");
        // In another order than that of their texts.
        let names: Vec<String> = (0..100_000).map(|at| name(at * 7 % 100_000)).collect();
        let levels = Levels::new(names.clone(), &numbers(CsvOptions::new()));
        let mut looks = 0;
        let mut most = 0;
        let mut find = |text: &str| {
            looks = 0;
            let found = levels.seek(text.as_bytes(), |at| {
                looks += 1;
                levels.names[at].as_bytes()
            });
            assert_eq!(levels.of(text.as_bytes()), found);
            most = most.max(looks);
            found
        };
        for (at, name) in names.iter().enumerate() {
            assert_eq!(find(name), Some(at));
            let others = [format!("{name}0"), format!("{name}\0"), name[..13].to_owned()];
            assert!(others.iter().all(|other| find(other).is_none()), "{others:?}");
        }
        for unknown in ["", "customer", "customes", "customer_99999a", "zebra", "a"] {
            assert_eq!(find(unknown), None, "{unknown}");
        }
        assert!((1..=17 + 2).contains(&most), "{most}");
    }

    #[test]
    fn our_words_make_way_for_levels_and_marks() {
        let category = |levels: &[&str], folded: &[&str], marks: &[&str]| {
            let numbers = numbers(CsvOptions::new().missing_marks(marks.iter().copied()));
            (Category::new(owned(levels), owned(folded), &numbers), numbers)
        };
        let (own, numbers) =
            category(&["other", "a", "unknown"], &["x", "(unknown)"], &["((other))"]);
        assert_eq!(own.features(), 5);
        let names: Vec<_> = (0..5).map(|feature| own.name(feature)).collect();
        assert_eq!(names, ["other", "a", "unknown", "(other)", "((unknown))"]);
        let find = |text: &str| own.find(text.as_bytes(), &numbers, &mut Vec::new());
        assert_eq!(find("other"), Some(Place::Level(0)));
        assert_eq!(find("(other)"), Some(Place::Other));
        assert_eq!(find("(unknown)"), Some(Place::Other));
        assert_eq!(["z", "((unknown))"].map(find), [Some(Place::Unknown); 2]);
        assert_eq!(find("((other))"), None);
        let (whole, numbers) = category(&["other", "a", "unknown"], &[], &[]);
        assert_eq!((whole.features(), whole.feature(Place::Unknown)), (4, 3));
        let found = whole.find(b"(other)", &numbers, &mut Vec::new());
        assert_eq!(found, Some(Place::Unknown));
        let (own, numbers) = category(&["a", "b"], &["x", "y"], &["other", "unknown", "(unknown)"]);
        assert_eq!([own.name(2), own.name(3)], ["(other)", "((unknown))"]);
        assert_eq!(own.find(b"other", &numbers, &mut Vec::new()), None);
        assert_eq!(own.levels.unknown_name(), "((unknown))");
    }
}
