use std::fmt;

use super::levels::in_stage;
use crate::error::{Error, Result};
use crate::train::Report;

/// One stage of a stack's training.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stage {
    /// What was trained: `level 1: 784 → 200`, `fine-tuning`, `classifier`.
    pub name: String,
    /// How.
    pub report: Report,
}

/// The course of a stack's training, stage by stage.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct StackReport {
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// The epoch and the batch after which the last stage ended, if an observer asked for it.
    stopped_at: Option<(usize, usize)>,
}

impl StackReport {
    /// Adds a stage, and where an observer has stopped it.
    pub(super) fn push(
        &mut self,
        name: impl Into<String>,
        report: Report,
        stopped_at: Option<(usize, usize)>,
    ) {
        self.stages.push(Stage { name: name.into(), report });
        self.stopped_at = stopped_at;
    }

    /// Refuses to train a next stage if an observer has stopped the last one.
    pub(super) fn goes_on(&self) -> Result<()> {
        match (self.stages.last(), self.stopped_at) {
            (Some(stage), Some((epoch, batch))) => {
                in_stage(&stage.name, Err(Error::Stopped { epoch, batch }))
            }
            _ => Ok(()),
        }
    }
}

/// The table of each stage under its name.
impl fmt::Display for StackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Stage { name, report }) in self.stages.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{name}\n{report}")?;
        }
        Ok(())
    }
}
