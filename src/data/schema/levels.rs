//! The levels of a category, and which of them a text is.

use std::borrow::Cow;

/// The levels of a column, by their texts, in an order of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Levels {
    names: Vec<String>,
    /// Places in `names`, in the order of their texts, each behind the beginning of its text.
    sorted: Vec<(u64, usize)>,
}

impl Levels {
    /// Levels in this order; each once.
    pub(super) fn new(names: Vec<String>) -> Self {
        let places = names.iter().map(|name| key(name.as_bytes())).zip(0..);
        let mut sorted: Vec<(u64, usize)> = places.collect();
        sorted.sort_unstable_by(|&(_, a), &(_, b)| names[a].cmp(&names[b]));
        Self { names, sorted }
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
    pub(super) fn unknown_name(&self) -> &'static str {
        self.free(&["unknown", "(unknown)", "(never seen)"])
    }

    /// The first name that no level has.
    fn free(&self, names: &[&'static str; 3]) -> &'static str {
        let is_free = |name: &&&str| self.of(name.as_bytes()).is_none();
        names.iter().find(is_free).copied().unwrap_or(names[2])
    }

    /// Which level a text is. Takes no memory.
    #[inline]
    pub(super) fn of(&self, text: &[u8]) -> Option<usize> {
        let key = key(text);
        let start = self.sorted.partition_point(|&(of, _)| of < key);
        let alike = self.sorted[start..].iter().take_while(|&&(of, _)| of == key);
        alike.map(|&(_, at)| at).find(|&at| self.names[at].as_bytes() == text)
    }

    /// Which level a number is, however the level writes it.
    pub(super) fn of_number(&self, number: f64) -> Option<usize> {
        let is = |name: &String| name.parse().is_ok_and(|level: f64| level == number);
        self.of(number.to_string().as_bytes()).or_else(|| self.names.iter().position(is))
    }
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
}

impl Category {
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

    /// What a text is; `None` if it is neither a level nor one of our own words for others.
    #[inline]
    pub(super) fn of(&self, text: &[u8]) -> Option<Place> {
        if let Some(level) = self.levels.of(text) {
            return Some(Place::Level(level));
        }
        let is_other = self.folded.len() > 0
            && (self.folded.of(text).is_some() || text == self.other().as_bytes());
        is_other.then_some(Place::Other)
    }

    pub(super) fn of_number(&self, number: f64) -> Place {
        match (self.levels.of_number(number), self.folded.of_number(number)) {
            (Some(level), _) => Place::Level(level),
            (None, Some(_)) => Place::Other,
            (None, None) => Place::Unknown,
        }
    }

    /// What rare levels are called together.
    pub(super) fn other(&self) -> &'static str {
        self.levels.free(&["other", "(other)", "(any other level)"])
    }

    /// What a feature is called.
    pub(super) fn name(&self, feature: usize) -> Cow<'_, str> {
        match self.levels.names().get(feature) {
            Some(level) => level.into(),
            None if feature < self.unknown() => self.other().into(),
            None => self.levels.unknown_name().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Levels {
        Levels::new(texts.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn levels_are_found_by_text_and_by_number() {
        let levels = texts(&["b", "a", "10", "2.0"]);
        let found = ["a", "b", "10", "c", ""].map(|text| levels.of(text.as_bytes()));
        assert_eq!(found, [Some(1), Some(0), Some(2), None, None]);
        assert_eq!([10.0, 2.0, 3.0].map(|x| levels.of_number(x)), [Some(2), Some(3), None]);
        // Alike in their first eight bytes, and zeros behind them.
        let alike = ["street_b", "street_bc", "street_ba", "a\0", "a", "street_b\0"];
        let levels = texts(&alike);
        assert!((0..6).all(|at| levels.of(alike[at].as_bytes()) == Some(at)));
        assert_eq!(levels.of(b"street_bd").or(levels.of(b"a\0\0")), None);
        assert_eq!(texts(&["a", "b", "a"]).twice(), Some("a"));
        assert_eq!(texts(&alike).twice(), None);
    }

    #[test]
    fn our_words_make_way_for_levels() {
        let category =
            Category { levels: texts(&["other", "a", "unknown"]), folded: texts(&["x", "y"]) };
        assert_eq!(category.features(), 5);
        let names: Vec<_> = (0..5).map(|feature| category.name(feature)).collect();
        assert_eq!(names, ["other", "a", "unknown", "(other)", "(unknown)"]);
        assert_eq!(category.of(b"other"), Some(Place::Level(0)));
        assert_eq!(category.of(b"(other)"), Some(Place::Other));
        assert_eq!(category.of(b"y"), Some(Place::Other));
        assert_eq!(category.of(b"z"), None);
        let whole = Category { folded: Levels::default(), ..category };
        assert_eq!((whole.features(), whole.feature(Place::Unknown)), (4, 3));
    }
}
