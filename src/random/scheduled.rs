use std::fmt;
use std::sync::Arc;

use crate::random::schedule::{Progress, Schedule};

/// A number, and the schedule of the factor it has in the course of a training, if there is one.
#[derive(Clone)]
pub(crate) struct Scheduled {
    pub(crate) value: f64,
    pub(crate) by: Option<Arc<dyn Schedule>>,
}

/// `0.1`, or `0.1 × Warmup { … }`.
impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)?;
        self.by.as_ref().map_or(Ok(()), |by| write!(f, " × {by:?}"))
    }
}

impl Scheduled {
    /// The same throughout.
    pub(crate) fn constant(value: f64) -> Self {
        Self { value, by: None }
    }

    pub(crate) fn follow(&mut self, schedule: impl Schedule + 'static) {
        self.by = Some(Arc::new(schedule));
    }

    /// At this point of a training; outside one, the number itself.
    pub(crate) fn at(&self, progress: Option<Progress>) -> f64 {
        let factor = |(by, at): (&Arc<dyn Schedule>, Progress)| by.factor(&at);
        self.value * self.by.as_ref().zip(progress).map_or(1.0, factor)
    }

    /// The schedule, as [`Regularizer::schedules`](crate::Regularizer::schedules) gives it.
    pub(crate) fn schedule(&self) -> Option<Box<dyn Schedule>> {
        self.by.as_ref().map(|by| (**by).boxed())
    }

    /// `, schedule: …` for a description, if there is one.
    pub(crate) fn describe(&self) -> String {
        let text = |by: &Arc<dyn Schedule>| format!(", schedule: {}", by.describe());
        self.by.as_ref().map_or(String::new(), text)
    }
}
