//! From the columns of a table to the features of a sample.

/// Which columns are features.
#[derive(Debug)]
pub(super) enum Features {
    /// All, except perhaps one.
    All { except: Option<usize> },
    /// For each of these columns the feature it is, in the order of the file.
    Chosen(Vec<(usize, usize)>),
}

impl Features {
    /// The features that a column is.
    pub(super) fn of(&self, column: usize) -> impl Iterator<Item = usize> {
        let (one, chosen) = match self {
            Self::All { except: Some(label) } if column == *label => (None, [].as_slice()),
            Self::All { except: Some(label) } => {
                (Some(column - usize::from(column > *label)), [].as_slice())
            }
            Self::All { except: None } => (Some(column), [].as_slice()),
            Self::Chosen(chosen) => {
                let start = chosen.partition_point(|&(from, _)| from < column);
                (None, &chosen[start..])
            }
        };
        let chosen = chosen.iter().take_while(move |&&(from, _)| from == column);
        one.into_iter().chain(chosen.map(|&(_, to)| to))
    }
}
