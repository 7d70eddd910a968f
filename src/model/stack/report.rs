use std::fmt;

use super::levels::in_stage;
use crate::error::{Error, Result};
use crate::train::{Report, StopReason};

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
}

impl StackReport {
    pub(super) fn push(&mut self, name: impl Into<String>, report: Report) {
        self.stages.push(Stage { name: name.into(), report });
    }

    /// Refuses to train a next stage if an observer has stopped the last one.
    pub(super) fn goes_on(&self) -> Result<()> {
        match self.stages.last().map(|stage| (&stage.name, stage.report.stopped)) {
            Some((name, StopReason::Asked { epoch, batch })) => {
                in_stage(name, Err(Error::Stopped { epoch, batch }))
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
