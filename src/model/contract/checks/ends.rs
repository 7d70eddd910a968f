//! What is left when a training is stopped, taken up or goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::super::Verdict;
use super::super::subject::Subject;
use super::{Checked, Finding, ensure};
use crate::error::Error;
use crate::model::Scalar;
use crate::random::schedule::{Progress, Schedule};
use crate::train::Event;

/// The rate becomes infinite at one step.
#[derive(Debug, Clone)]
struct InfiniteAt(u64);
impl Schedule for InfiniteAt {
    fn describe(&self) -> String {
        format!("InfiniteAt({})", self.0)
    }
    fn factor(&self, progress: &Progress) -> f64 {
        if progress.step == self.0 { f64::INFINITY } else { 1.0 }
    }
}

impl<T: Scalar> Checked<'_, T> {
    #[cfg(not(feature = "safetensors"))]
    pub(super) fn resumed_equals_uninterrupted(&self) -> Finding {
        Err(Verdict::not_applicable("needs the feature `safetensors`"))
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn resumed_equals_uninterrupted(&self) -> Finding {
        use super::parts::Folder;
        use super::{AnyTrainer, EPOCHS, timeless};
        use crate::train::Checkpoints;
        let folder = Folder::new()?;
        let checkpoints = Checkpoints::new(folder.0.join("training.safetensors"));
        let checkpoints = checkpoints.every_epochs(EPOCHS);
        self.fit(self.data, |trainer| trainer.checkpoints(checkpoints.clone()))?;
        let resume = |trainer: AnyTrainer<'static, T>| {
            trainer.epochs(2 * EPOCHS).checkpoints(checkpoints.resume(true))
        };
        let (resumed, resumed_report) = self.fit(self.data, resume)?;
        let (at_once, report) = self.fit(self.data, |trainer| trainer.epochs(2 * EPOCHS))?;
        self.same_model("the resumed training", &resumed, &at_once)?;
        let (found, expected) = (timeless(resumed_report), timeless(report));
        ensure(found == expected, || format!("the reports differ:\n{found}\n{expected}"))
    }

    pub(super) fn panicking_observer(&self) -> Finding {
        let mut model = self.build();
        let panicked = self.panicked_at_step_2(&mut model);
        ensure(panicked, || "the observer's panic did not come through".to_owned())?;
        self.usable("after a panic", &mut model)
    }

    /// Trains on single samples until an observer panics. Says whether that came through.
    fn panicked_at_step_2(&self, model: &mut Subject<T>) -> bool {
        let mut steps = 0;
        let mut trainer =
            self.trainer(self.data.samples()).batch_size(1).observer(|event: &Event<'_>| {
                steps += usize::from(matches!(event, Event::Batch(_)));
                if steps == 2 {
                    // Without a word from the hook that tells of panics.
                    resume_unwind(Box::new("an observer"));
                }
            });
        let examples = self.data.examples();
        catch_unwind(AssertUnwindSafe(|| trainer.fit(model, examples))).is_err()
    }

    pub(super) fn divergence_keeps_the_last_finite_parameters(&self) -> Finding {
        let mut model = self.build();
        let mut trainer = self.trainer(self.data.samples()).batch_size(1).schedule(InfiniteAt(2));
        match trainer.fit(&mut model, self.data.examples()) {
            Err(Error::Diverged { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let why = "an infinite learning rate does not matter to this optimizer";
                return Err(Verdict::not_applicable(why));
            }
        }
        // The same training, ended from outside one step before.
        let mut expected = self.build();
        self.panicked_at_step_2(&mut expected);
        self.same_model("after divergence", &model, &expected)?;
        self.usable("after divergence", &mut model)
    }
}
