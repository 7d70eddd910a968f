//! The page of a training: what can be read without its script.

use std::fmt::Write;

use serde_json::Value;

use super::dictionary::section;
use super::document::{Document, NAME, Section, TEXT, Tile, script};
use super::encode::{count, escape, short};
use super::{HtmlReport, is_classifier, kind};
use crate::insight::health::{Checkup, UnitState, evenly};
use crate::model::Scalar;
use crate::model::network::Network;
use crate::numbers::scalar::Float;

const SCRIPT: &str = script!(
    "elements",
    "samples",
    "pairs",
    "axes",
    "training",
    "reconstructions",
    "map",
    "traversal",
    "activity",
    "features",
    "start"
);
const SCRIPT_OF_DICTIONARY: &str = script!(
    "elements",
    "samples",
    "pairs",
    "axes",
    "training",
    "reconstructions",
    "map",
    "traversal",
    "activity",
    "dictionary",
    "features",
    "start"
);
const SCRIPT_OF_CLASSIFIER: &str = script!(
    "elements", "samples", "alone", "axes", "training", "map", "activity", "features", "start"
);

/// Rows of a table, and items of a list.
const ROWS: usize = 200;
const EVENTS: usize = 20;

/// The sections that the script fills: address, heading, what is to be seen.
const SECTIONS: [(&str, &str, &str); 6] = [
    (
        "training",
        "Training",
        "Each curve by epoch. Hover, or focus a chart and press the arrow keys, to read values.",
    ),
    (
        "reconstructions",
        "Reconstructions",
        "Samples with the lowest, the middle and the highest loss.",
    ),
    (
        "map",
        "Map of the codes",
        "Each point is the code of a sample. Hover, tap, or focus the map and press the arrow keys, to see it.",
    ),
    ("traversal", "Traversal of the code", ""),
    ("activity", "Activity of the units", ""),
    ("features", "Features", ""),
];

impl<T: Scalar> HtmlReport<'_, T> {
    pub(super) fn page(&self, checkup: &Checkup, content: &Value) -> String {
        // What a model has none of is left out.
        let is_there = |id: &str| !content.get(id).is_some_and(Value::is_null);
        let sections = SECTIONS.into_iter().filter(|(id, ..)| is_there(id));
        let sections = sections.map(|(id, heading, lead)| {
            let epochs = if id == "training" { self.epochs() } else { String::new() };
            Section::new(id, heading, lead).html(epochs)
        });
        let mut sections: Vec<Section> = sections.collect();
        if let Some(dictionary) = &checkup.dictionary {
            let after = sections.iter().position(|section| section.id == "activity");
            sections.insert(after.map_or(sections.len(), |at| at + 1), section(dictionary));
        }
        let mut facts = facts(self.network);
        facts.push(("End of training", self.end()));
        let settings = self.network.layout.settings().iter();
        facts.extend(settings.map(|setting| ("Setting", setting.clone())));
        let page = Document {
            kind: kind(self.network),
            title: &self.title,
            subtitle: self.subtitle(checkup.samples),
            tiles: self.tiles(checkup),
            warnings: self.warnings(checkup),
            no_warning: match checkup.dictionary {
                None => {
                    "Nothing: no dead, saturated or collapsed units, no divergence, and gradients reach \
                     every layer."
                }
                Some(_) => {
                    "Nothing: few dead units, none that is active on most samples, reconstructions as long as is best, few \
                     atoms that are nearly the same, no divergence, and gradients reach every layer."
                }
            },
            sections,
            facts,
            configuration: self.parameters(),
            script: match checkup.dictionary {
                Some(_) => SCRIPT_OF_DICTIONARY,
                None if is_classifier(self.network) => SCRIPT_OF_CLASSIFIER,
                None => SCRIPT,
            },
            content,
        };
        page.html()
    }

    fn subtitle(&self, samples: usize) -> String {
        let facts = &self.network.facts;
        let condition = match facts.condition {
            0 => String::new(),
            numbers => format!(" and a condition of {}", count(numbers)),
        };
        let outputs = if is_classifier(self.network) { "classes" } else { "outputs" };
        let seconds: f64 = self.report.epochs.iter().map(|epoch| epoch.seconds).sum();
        let epochs = self.report.epochs.len();
        format!(
            "{inputs} inputs{condition} → code of {code} → {all} {outputs} · {parameters} parameters · trained for \
             {epochs} epoch{s} in {seconds} s · shown on {samples} sample{p}",
            inputs = count(facts.features),
            code = count(facts.units),
            all = count(self.network.outputs()),
            parameters = count(self.network.parameters.len()),
            s = if epochs == 1 { "" } else { "s" },
            seconds = short(seconds),
            samples = count(samples),
            p = if samples == 1 { "" } else { "s" },
        )
    }

    fn tiles(&self, checkup: &Checkup) -> Vec<Tile> {
        let units = checkup.units.len();
        let dead = checkup.units_that_are(UnitState::Dead).len();
        let saturated = checkup.units_that_are(UnitState::Saturated).len();
        let last = self.report.epochs.get(self.report.kept_epoch.saturating_sub(1));
        let objective = last.map_or(f64::NAN, |epoch| epoch.monitored());
        let validated = last.is_some_and(|epoch| epoch.validation.is_some());
        let percent = |share: Option<f64>| match share {
            Some(share) if (0.9995..1.0).contains(&share) => "&gt; 99.9 %".into(),
            Some(share) => format!("{:.1} %", 100.0 * share),
            None => "–".into(),
        };
        let (name, share) = match checkup.accuracy {
            Some(accuracy) => ("Accuracy", Some(accuracy)),
            None => ("Explained variance", checkup.explained_variance),
        };
        let mut tiles = vec![
            (name, percent(share), "of these samples".to_owned()),
            (
                "Objective",
                short(objective),
                format!(
                    "{}, epoch {}",
                    if validated { "validation" } else { "training" },
                    self.report.kept_epoch
                ),
            ),
            (
                "Effective dimension",
                format!("{:.1}", checkup.effective_dimension),
                format!("of a code of {}", count(units)),
            ),
            (
                "Active at once",
                percent(Some(checkup.sparsity.active)),
                format!(
                    "of the units; Hoyer’s sparsity {}",
                    checkup.sparsity.hoyer.map_or("–".into(), |h| format!("{h:.2}"))
                ),
            ),
            (
                "Dead or saturated",
                format!("{dead} / {saturated}"),
                format!("of {} units", count(units)),
            ),
            (
                "Jacobian norm",
                checkup.jacobian.map_or("–".into(), short),
                "how far the code moves as the input moves".to_owned(),
            ),
        ];
        if let Some(kl) = &checkup.kl {
            let nats = format!("{} nats", short(kl.iter().sum()));
            tiles.push(("KL to the prior", nats, "mean over samples".to_owned()));
            let collapsed = checkup.collapsed_units().len();
            tiles.push(("Collapsed units", collapsed.to_string(), format!("of {}", count(units))));
        }
        tiles
    }

    /// What stands out: what training warned of, what diverged, then the advice.
    fn warnings(&self, checkup: &Checkup) -> Vec<(String, String)> {
        let mut items = Vec::new();
        let mut item = |title: &str, text: &str| items.push((title.to_owned(), escape(text, TEXT)));
        let warnings = self.report.warnings.iter();
        warnings.for_each(|warning| item("Warning", &warning.to_string()));
        let divergences = &self.report.divergences;
        divergences.iter().take(EVENTS).for_each(|d| item("Divergence", &d.to_string()));
        if divergences.len() > EVENTS {
            item("Divergence", &format!("{} more", divergences.len() - EVENTS));
        }
        let advice = checkup.advice();
        advice.iter().take(EVENTS).for_each(|advice| item(advice.title(), &advice.to_string()));
        items
    }

    /// Some epochs as a table, for those who would rather read.
    fn epochs(&self) -> String {
        let mut rows = String::new();
        let count = self.report.epochs.len();
        let has_validation = self.report.epochs.iter().any(|epoch| epoch.validation.is_some());
        for index in evenly(count, 24).chain(count.checked_sub(1).filter(|&last| last > 24)) {
            let epoch = &self.report.epochs[index];
            let validation = epoch.validation.as_ref().map(|terms| short(terms.total()));
            let validation = if has_validation {
                format!("<td>{}</td>", validation.unwrap_or_default())
            } else {
                String::new()
            };
            let _ = write!(
                rows,
                "<tr><th scope=\"row\">{}</th><td>{}</td>{validation}<td>{}</td><td>{}</td></tr>",
                epoch.epoch,
                short(epoch.terms.total()),
                short(epoch.gradient_norm),
                short(epoch.rate)
            );
        }
        let validation = if has_validation { "<th scope=\"col\">validation</th>" } else { "" };
        format!(
            "<details><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" \
             aria-label=\"Epochs\"><table><thead><tr>\
             <th scope=\"col\">epoch</th><th scope=\"col\">training</th>{validation}\
             <th scope=\"col\">gradient norm</th><th scope=\"col\">learning rate</th></tr></thead>\
             <tbody>{rows}</tbody></table></div></details>"
        )
    }

    /// Each tensor of the parameters.
    fn parameters(&self) -> String {
        let network = self.network;
        let mut rows = String::new();
        for tensor in network.layout.tensors().iter().take(ROWS) {
            let _ = write!(
                rows,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}{}</td></tr>",
                escape(&tensor.name, NAME).replace('.', ".<wbr>"), // where a narrow line may break
                escape(&tensor.layer, NAME),
                tensor.sides(" × "),
                count(tensor.range.len()),
                if tensor.is_frozen { ", frozen" } else { "" }
            );
        }
        let left_out = network.layout.tensors().len().saturating_sub(ROWS);
        let left_out = if left_out > 0 {
            format!("<p>{left_out} more are not shown.</p>")
        } else {
            String::new()
        };
        format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" \
             aria-label=\"Layers\"><table><thead><tr><th scope=\"col\">parameter</th>\
             <th scope=\"col\">layer</th><th scope=\"col\">shape</th><th scope=\"col\">count</th></tr></thead>\
             <tbody>{rows}</tbody></table></div>{left_out}"
        )
    }

    /// The last line of the report's own table, which says why it ended.
    fn end(&self) -> String {
        self.report.to_string().lines().last().unwrap_or_default().to_owned()
    }
}

/// What a model was built with, and what its user wrote beside it.
pub(super) fn facts<T: Float>(network: &Network<T>) -> Vec<(&str, String)> {
    let normalizer = network.normalizer.as_ref();
    let normalizer = normalizer.map(|normalizer| format!("{:?}", normalizer.normalization()));
    let facts = [
        ("Regularizer", network.regularizer.clone()),
        ("Loss", network.loss.name().to_owned()),
        ("Normalizer", normalizer.unwrap_or_else(|| "none".to_owned())),
    ];
    #[cfg(feature = "safetensors")]
    let metadata = network.metadata.iter().take(ROWS).map(|(key, text)| (&**key, text.clone()));
    #[cfg(not(feature = "safetensors"))]
    let metadata = None;
    facts.into_iter().chain(metadata).collect()
}
