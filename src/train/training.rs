//! The course of one training: epochs of batches, what is kept of them, and when it ends.

use std::ops::Range;
use std::time::Instant;

use rand::seq::SliceRandom;

use super::blocks::{Blocks, PASS};
use super::columns::Columns;
use super::course::{Best, Course, progress};
use super::dealt::Dealt;
use super::examples::Rows;
use super::report::StopReason;
use super::run::{Halt, Run, Stepped};
use super::schedules::{Counts, Schedules};
use super::settings::Settings;
use super::survey::{Survey, Variances};
use super::team::Batch;
use super::trainable::Trainee;
use super::{
    BatchReport, Divergence, DivergenceAction, EpochReport, Event, OnDivergence, Report, Start,
    Warning,
};
use crate::collective::{Collective, part_of};
use crate::error::{Error, Outlier, Result, require_size};
use crate::numbers::scalar::Float;
use crate::optimizer::Kind;
use crate::random::{Streams, keyed};
use crate::terms::Terms;

/// The quantity that diverges where samples held out are the cause.
const OF_VALIDATION: &str = "the validation objective";

/// A training under way.
pub(super) struct Training<'t, 'o, T: Float> {
    pub(super) settings: &'t mut Settings<'o>,
    pub(super) method: &'t Kind<'t, T>,
    pub(super) model: &'t mut dyn Trainee<T>,
    pub(super) validation: Option<Rows<'t, T>>,
    /// How much each sample counts, if not alike; those that are held out come last.
    pub(super) weights: Option<&'t [f64]>,
    /// Samples of an epoch, and of a block of them.
    pub(super) samples: usize,
    pub(super) block: usize,
    /// The samples of this process's shards, where each process reads a part of a block.
    pub(super) dealt: Option<Dealt<T>>,
    /// What tells the samples from others, where checkpoints are written.
    #[cfg(feature = "safetensors")]
    pub(super) fingerprint: Option<u64>,
    /// What a resumed training must have in common with this one.
    #[cfg(feature = "safetensors")]
    pub(super) required: String,
    pub(super) batch_size: usize,
    pub(super) shuffles: bool,
    pub(super) run: Run<T>,
    pub(super) schedules: Schedules,
    pub(super) survey: Survey,
    /// Whether it has looked at all samples that this process reads.
    pub(super) is_surveyed: bool,
    /// Of targets, of which only is asked whether outputs can come near them.
    pub(super) survey_of_targets: Option<Survey>,
    /// The value of the samples held out that is to be looked at where their objective is not finite.
    pub(super) suspect_held_out: Option<Outlier>,
    /// Until an epoch is over in which no batch was left out and nothing restored.
    pub(super) variances: Option<Variances<T>>,
    pub(super) warnings: Vec<Warning>,
    pub(super) course: Course<T>,
    /// When this epoch began, or was resumed.
    pub(super) start: Instant,
    /// The sum of the weights of all samples; without weights, their number.
    pub(super) weight_of_all: f64,
    /// The samples of a batch that have a weight other than 0, where there are weights.
    pub(super) counted: Vec<usize>,
}

impl<T: Float> Training<'_, '_, T> {
    /// The rest of the training, from where the course stands.
    pub(super) fn complete(mut self, blocks: &mut dyn Blocks<T>) -> Result<Report> {
        #[cfg(feature = "safetensors")]
        if self.settings.checkpoints.is_some() {
            self.required = self.required(&blocks.beside());
        }
        (self.settings.is_asked_to_stop, self.settings.stopped_at) = (false, None);
        #[cfg(feature = "safetensors")]
        let recovered = self.resume()?;
        let Course { epoch, batch, epochs, .. } = &self.course;
        let start = Start { epoch: *epoch, batches_done: *batch, epochs };
        self.settings.tell(&Event::Start(start));
        #[cfg(feature = "safetensors")]
        if let Some(recovered) = recovered {
            self.settings.tell(&Event::Recovered(&recovered));
        }
        self.warn(self.model.warning());
        let restores = matches!(self.settings.on_divergence, OnDivergence::RestoreBest { .. });
        if restores && self.course.best.is_none() {
            self.keep_as_best(0, f64::INFINITY);
        }
        if let Some(held_out) = self.validation {
            let mut survey = Survey::new(held_out.x.features(), None);
            survey.look_at(held_out.x);
            self.warn(survey.warning_of_held_out(self.model.normalizer()));
            self.suspect_held_out = survey.suspect(self.model.normalizer());
        }
        self.agree_on_stopping()?;
        let mut stopped = self.has_stopped();
        while stopped.is_none() && self.course.epoch <= self.settings.epochs {
            self.epoch(blocks)?;
            stopped = self.has_stopped();
        }
        let mut kept_epoch = self.course.epochs.len();
        if let Some(best) = self.course.best.take()
            && self.settings.early_stopping.is_some()
            && best.epoch > 0
        {
            kept_epoch = best.epoch;
            *self.model.parameters_mut() = best.parameters;
            self.model.state_mut().copy_from_slice(&best.state);
            if let Some(held_out) = self.validation {
                // What the kept parameters make of them, for what the report says of the code.
                self.validate(held_out)?;
            }
        }
        let report = self.report(stopped.unwrap_or(StopReason::Completed), kept_epoch);
        self.agree_on_stopping()?;
        self.settings.stopped_at = self.settings.is_asked_to_stop.then(|| self.last_batch());
        Ok(report)
    }

    /// The report so far, and its event.
    fn report(&mut self, stopped: StopReason, kept_epoch: usize) -> Report {
        let epochs = std::mem::take(&mut self.course.epochs);
        let divergences = std::mem::take(&mut self.course.divergences);
        let is_over = !matches!(stopped, StopReason::Diverged | StopReason::Asked { .. });
        let batches = self.samples.div_ceil(self.batch_size);
        let last = progress(self.course.steps.saturating_sub(1), batches, self.settings.epochs);
        if is_over && self.course.steps > 0 && self.schedules.rise(&last) {
            self.warn([Warning::UnfinishedWarmUp]);
        }
        let collapsed_units = self.model.collapsed_units();
        let uncounted_epochs = match self.settings.early_stopping {
            Some(_) => self.course.counting.uncounted,
            None => 0,
        };
        let report = Report {
            epochs,
            divergences,
            stopped,
            kept_epoch,
            uncounted_epochs,
            warnings: std::mem::take(&mut self.warnings),
            collapsed_units,
        };
        self.settings.tell(&Event::End(&report));
        report
    }

    /// Why no further step is wanted. What would have ended the training anyway comes before what was asked for.
    fn has_stopped(&self) -> Option<StopReason> {
        let ended = self.course.ended.map(StopReason::from);
        ended.or_else(|| self.has_stopped_early()).or_else(|| self.was_asked())
    }

    fn was_asked(&self) -> Option<StopReason> {
        let is_done = self.course.epoch > self.settings.epochs;
        let asked = self.settings.is_asked_to_stop && !is_done;
        let (epoch, batch) = self.last_batch();
        asked.then_some(StopReason::Asked { epoch, batch })
    }

    /// Lets all processes stop where the observers of one want it.
    fn agree_on_stopping(&mut self) -> Result<()> {
        let Self { settings, run, .. } = self;
        let asked = settings.is_asked_to_stop;
        settings.is_asked_to_stop = run.team.any(&mut *settings.collective, asked)?;
        Ok(())
    }

    /// The objective of samples that are held out.
    fn validate(&mut self, rows: Rows<'_, T>) -> Result<Terms> {
        let Self { settings, model, run, .. } = self;
        let batch = Batch { columns: Columns::InOrder { rows, shares: None }, streams: None };
        run.validate(&mut *settings.collective, *model, &batch)
    }

    /// The epoch of the last step, and how many of its batches are done.
    fn last_batch(&self) -> (usize, usize) {
        match (self.course.epoch, self.course.batch) {
            (epoch, 0) if epoch > 1 => (epoch - 1, self.samples.div_ceil(self.batch_size)),
            place => place,
        }
    }

    fn has_stopped_early(&self) -> Option<StopReason> {
        let stopping = self.settings.early_stopping?;
        let best_epoch = self.course.best.as_ref()?.epoch;
        let has_waited = self.course.counting.without_improvement >= stopping.patience;
        has_waited.then_some(StopReason::NoImprovement { best_epoch })
    }

    fn epoch(&mut self, blocks: &mut dyn Blocks<T>) -> Result<()> {
        self.start = Instant::now();
        let batch_size = self.batch_size;
        let epoch = self.course.epoch;
        let batches = self.samples.div_ceil(batch_size);
        let done_before = self.course.batch;
        let (mut first, mut batch, mut number) = (0, 0, 0);
        let mut order: Vec<usize> = Vec::with_capacity(self.block);
        let is_checked = blocks.is_checked();
        blocks.rewind()?;
        while let Some(block) = blocks.next()? {
            // What this process has read of the block, and all of it.
            let (part, length) = self.read_of(block.x.samples(), first);
            // Of a small block some processes read nothing.
            if !is_checked && !part.is_empty() {
                self.check(block, first + part.start)?;
            }
            self.survey(block, first + part.start);
            let end = first + length;
            if end > self.samples {
                // Not trained on: a source that never ends would train for ever.
                require_size(PASS, "samples", self.samples, end)?;
            }
            let in_block = length.div_ceil(batch_size);
            // What a resumed training has done already is only passed over.
            if batch + in_block > done_before {
                order.clear();
                order.extend(first..end);
                if self.shuffles {
                    // From the same start each time: a function of seed, epoch and block alone.
                    let mut rng = keyed(self.settings.seed, epoch as u64, 0);
                    rng.set_stream(number);
                    order.shuffle(&mut rng);
                }
                let Self { settings, run, dealt, .. } = &mut *self;
                if let Some(dealt) = dealt {
                    let all: &mut dyn Collective = &mut *settings.collective;
                    dealt.deal((all, &run.team), block, first..end, &order, batch_size)?;
                }
                for (index, chosen) in order.chunks(batch_size).enumerate() {
                    if batch + index < done_before {
                        self.pass_over(chosen.len());
                    } else {
                        self.batch(block, first, chosen, batches)?;
                        self.agree_on_stopping()?;
                        // After the last batch, the epoch is ended first.
                        let stops = self.settings.is_asked_to_stop && self.course.batch < batches;
                        #[cfg(feature = "safetensors")]
                        self.save_if_due(false, stops)?;
                        if stops {
                            return Ok(());
                        }
                    }
                }
            }
            (first, batch, number) = (end, batch + in_block, number + 1);
        }
        require_size(PASS, "samples", self.samples, first)?;
        self.end_epoch(batches)
    }

    /// Which of the samples of a block this process has read, of how many: of a block that begins with this sample, and of
    /// which it has so many.
    fn read_of(&self, samples: usize, first: usize) -> (Range<usize>, usize) {
        if self.dealt.is_none() {
            return (0..samples, samples);
        }
        let all = &self.settings.collective;
        let length = self.block.min(self.samples - first);
        (part_of(length, all.size(), all.rank()), length)
    }

    /// Passes over a batch that was trained on before the training was resumed.
    fn pass_over(&mut self, samples: usize) {
        if let Some(dealt) = &mut self.dealt {
            dealt.next_batch(&self.run.team, samples);
        }
    }

    /// Looks at samples that are met for the first time, the first of which has this number; once all were, warns of what
    /// is to be warned of. Each process looks at what it reads.
    fn survey(&mut self, block: Rows<'_, T>, first: usize) {
        if self.is_surveyed {
            return;
        }
        self.survey.look_at_from(first, block.x);
        if let (Some(survey), Some(targets)) = (&mut self.survey_of_targets, block.targets) {
            survey.look_at_from(first, targets);
        }
        let (part, length) = self.read_of(block.x.samples(), first);
        self.is_surveyed = first - part.start + length >= self.samples;
        if self.is_surveyed {
            self.warn(self.survey.warnings(self.model.normalizer()));
            let of_targets = self.survey_of_targets.as_ref().and_then(Survey::outside_range);
            self.warn(of_targets);
        }
    }

    pub(super) fn warn(&mut self, warnings: impl IntoIterator<Item = Warning>) {
        for warning in warnings {
            self.settings.tell(&Event::Warning(&warning));
            self.warnings.push(warning);
        }
    }

    /// Refuses what [`Trainer::fit`](super::Trainer::fit) refuses before it begins. A value that is not finite makes its
    /// batch diverge where that does not end the training.
    fn check(&self, block: Rows<'_, T>, first: usize) -> Result<()> {
        let goes_on = self.settings.on_divergence != OnDivergence::Stop;
        self.model.check("fit", block, goes_on).map_err(|error| error.in_samples_from(first))
    }

    /// One step on the chosen samples of a block whose first sample has this number.
    fn batch(
        &mut self,
        block: Rows<'_, T>,
        first: usize,
        chosen: &[usize],
        batches: usize,
    ) -> Result<()> {
        let Some(weights) = self.weights else {
            return self.step((block, first), chosen, chosen.len() as f64, batches);
        };
        // What a sample of weight 0 would do is nothing.
        let mut counted = std::mem::take(&mut self.counted);
        counted.clear();
        counted.extend(chosen.iter().filter(|&&sample| weights[sample] > 0.0));
        let weight = counted.iter().map(|&sample| weights[sample]).sum();
        let stepped = if counted.is_empty() {
            self.course.batch += 1;
            self.course.skipped.0 += 1;
            Ok(())
        } else {
            self.step((block, first), &counted, weight, batches)
        };
        self.counted = counted;
        stepped
    }

    /// One step on samples that together have this weight.
    fn step(
        &mut self,
        block: (Rows<'_, T>, usize),
        chosen: &[usize],
        weight: f64,
        batches: usize,
    ) -> Result<()> {
        let stepped = self.move_model(block, chosen, batches);
        self.course.batch += 1;
        self.course.evaluations += self.run.evaluations;
        match stepped {
            Ok(stepped) => {
                self.count(&stepped, weight, batches);
                self.tell_of(&stepped, chosen.len(), batches);
                Ok(())
            }
            Err(Halt::Failed(error)) => Err(error),
            Err(Halt::NotFinite(quantity)) => {
                self.course.skipped.0 += 1;
                self.course.skipped.1 += weight;
                self.diverged(quantity, DivergenceAction::SkippedBatch)
            }
        }
    }

    /// The step of the method, at this point of the training, or what stopped being finite.
    fn move_model(
        &mut self,
        block: (Rows<'_, T>, usize),
        chosen: &[usize],
        batches: usize,
    ) -> std::result::Result<Stepped, Halt> {
        let Self { settings, model, run, course, dealt, .. } = self;
        let (block, first) = block;
        let columns = match dealt {
            Some(dealt) => {
                let samples = chosen.len();
                Columns::Dealt { rows: dealt.next_batch(&run.team, samples), samples }
            }
            None => Columns::Chosen { block, first, numbers: chosen, weights: self.weights },
        };
        match self.method {
            Kind::Optimizer(optimizer) => {
                let progress = progress(course.steps, batches, settings.epochs);
                let factor = settings.schedule.as_ref().map_or(1.0, |by| by.factor(&progress));
                course.counting.step(&self.schedules, &progress);
                let step = (course.steps - course.forgotten, optimizer.rate() * factor);
                let streams = Streams::new(settings.seed, course.epoch as u64, chosen)
                    .with_progress(progress);
                let batch = Batch { columns, streams: Some(streams) };
                let (all, how) = (&mut *settings.collective, (step, settings.clip_norm));
                run.step(all, *model, *optimizer, &batch, how)
            }
            Kind::Lbfgs(lbfgs) => {
                // Of the first epoch in all, so that the objective stays the same.
                let streams = Streams::new(settings.seed, 1, chosen);
                let batch = Batch { columns, streams: Some(streams) };
                run.descend(&mut *settings.collective, *model, lbfgs, &batch, batches == 1)
            }
        }
    }

    /// Adds a step, on samples that together have this weight, to the course.
    fn count(&mut self, stepped: &Stepped, weight: f64, batches: usize) {
        let course = &mut self.course;
        course.steps += 1;
        course.rate = stepped.rate;
        course.norms += stepped.norm;
        if let Some(ended) = stepped.ended {
            course.ended_batches += 1;
            let all = batches - course.skipped.0;
            let is_last = course.ended_batches == all && course.skipped.1 == 0.0;
            course.ended = is_last.then_some(ended);
        }
        course.terms.accumulate(self.run.terms(), weight / self.weight_of_all);
    }

    /// Tells the observers of a step on so many samples.
    fn tell_of(&mut self, stepped: &Stepped, samples: usize, batches: usize) {
        let Self { settings, run, course, .. } = self;
        settings.tell(&Event::Batch(BatchReport {
            epoch: course.epoch,
            batch: course.batch,
            batches,
            epochs: settings.epochs,
            samples,
            terms: run.terms(),
            gradient_norm: stepped.norm,
            rate: stepped.rate,
            evaluations: run.evaluations,
        }));
    }

    /// Does what was chosen for this case, where what is `skipped` is known: an error, if the training
    /// is to end.
    fn diverged(&mut self, quantity: String, skipped: DivergenceAction) -> Result<()> {
        let (epoch, batch) = (self.course.epoch, self.course.batch);
        let policy = self.settings.on_divergence;
        let ends = policy.ends_after(self.course.divergences.len() + 1);
        let action = match (&self.course.best, policy) {
            _ if ends => DivergenceAction::Stopped,
            (Some(best), OnDivergence::RestoreBest { .. }) => {
                let epoch = best.epoch;
                self.model.parameters_mut().copy_from_slice(&best.parameters);
                self.model.state_mut().copy_from_slice(&best.state);
                self.forget();
                DivergenceAction::Restored { epoch }
            }
            _ => {
                let Self { settings, run, .. } = &mut *self;
                let is_lost = !run.remembers_finite();
                if run.team.any(&mut *settings.collective, is_lost)? {
                    self.forget();
                }
                skipped
            }
        };
        let divergence = Divergence { epoch, batch, quantity, action };
        self.settings.tell(&Event::Diverged(&divergence));
        let error = ends.then(|| Error::Diverged {
            epoch,
            batch,
            quantity: divergence.quantity.clone(),
            outlier: match divergence.quantity == OF_VALIDATION {
                true => self.suspect_held_out.take(),
                false => self.survey.suspect(self.model.normalizer()),
            },
        });
        self.course.divergences.push(divergence);
        let Some(error) = error else { return Ok(()) };
        let kept_epoch = self.course.epochs.len();
        self.report(StopReason::Diverged, kept_epoch);
        Err(error)
    }

    /// Empties the optimizer's memory; its steps count anew, as its corrections for an empty memory do.
    fn forget(&mut self) {
        self.run.forget();
        self.course.forgotten = self.course.steps;
    }

    fn end_epoch(&mut self, batches: usize) -> Result<()> {
        let samples = self.samples;
        let course = &mut self.course;
        let training_seconds = course.seconds + self.start.elapsed().as_secs_f64();
        let (skipped_batches, skipped_samples) = course.skipped;
        let mut terms = std::mem::take(&mut course.terms);
        let all = self.weight_of_all;
        if 0.0 < skipped_samples && skipped_samples < all {
            terms.scale(all / (all - skipped_samples));
        }
        let validation = self.validation.map(|held_out| self.validate(held_out)).transpose()?;
        let course = &mut self.course;
        let report = EpochReport {
            epoch: course.epoch,
            terms,
            validation,
            gradient_norm: course.norms / (batches - skipped_batches).max(1) as f64,
            rate: course.rate,
            seconds: course.seconds + self.start.elapsed().as_secs_f64(),
            samples_per_second: samples as f64 / training_seconds,
            evaluations: course.evaluations,
        };
        self.settings.tell(&Event::Epoch(&report));
        let (epoch, monitored) = (report.epoch, report.monitored());
        let has_steps = skipped_batches < batches;
        if skipped_batches == 0
            && let Some(variances) = self.variances.take()
            && variances.are_untrained(&*self.model)
        {
            self.warn([Warning::UntrainedVariance]);
        }
        let counts = self.counts(&report, batches);
        self.course.epochs.push(report);
        self.course.counting.without_improvement += usize::from(counts != Counts::Not);
        if !monitored.is_finite() {
            self.diverged(OF_VALIDATION.to_owned(), DivergenceAction::Continued)?;
        } else if has_steps && self.keeps_the_best() {
            let is_best = match counts {
                // The newest, until there is one to compare with.
                Counts::Not => self.improves(f64::MAX),
                Counts::Compared => self.improves(monitored),
                Counts::Anew => true,
            };
            if is_best {
                let is_counted = counts != Counts::Not;
                self.keep_as_best(epoch, if is_counted { monitored } else { f64::INFINITY });
                self.course.counting.without_improvement = 0;
            }
        }
        let course = &mut self.course;
        (course.epoch, course.batch, course.norms, course.seconds) = (epoch + 1, 0, 0.0, 0.0);
        course.skipped = (0, 0.0);
        (course.evaluations, course.ended_batches) = (0, 0);
        self.agree_on_stopping()?;
        #[cfg(feature = "safetensors")]
        self.save_if_due(true, self.settings.is_asked_to_stop)?;
        Ok(())
    }

    /// What the epoch that has ended is to early stopping.
    fn counts(&mut self, report: &EpochReport, batches: usize) -> Counts {
        let Self { settings, schedules, course, .. } = self;
        let from = settings.early_stopping.map_or(1, |stopping| stopping.from_epoch);
        let last = progress(course.steps.saturating_sub(1), batches, settings.epochs);
        let is_validated = report.validation.is_some();
        course.counting.end_epoch((report.epoch, from), (schedules, &last), is_validated)
    }

    fn improves(&self, monitored: f64) -> bool {
        let min_delta = self.settings.early_stopping.map_or(0.0, |stopping| stopping.min_delta);
        let best = self.course.best.as_ref();
        best.is_none_or(|best| monitored < best.monitored - min_delta)
    }

    fn keeps_the_best(&self) -> bool {
        let restores = matches!(self.settings.on_divergence, OnDivergence::RestoreBest { .. });
        restores || self.settings.early_stopping.is_some()
    }

    fn keep_as_best(&mut self, epoch: usize, monitored: f64) {
        let Self { model, course, .. } = self;
        let best = course.best.get_or_insert_with(|| Best {
            epoch,
            monitored,
            parameters: model.parameters().to_vec(),
            state: model.state().to_vec(),
        });
        (best.epoch, best.monitored) = (epoch, monitored);
        best.parameters.copy_from_slice(model.parameters());
        best.state.copy_from_slice(model.state());
    }
}
