//! The page itself: what can be read without its script, and the script's data.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::encode::{base64, count, escape, json, short};
use super::{HtmlReport, is_classifier, kind};
use crate::insight::health::{Checkup, UnitState, evenly};
use crate::model::Scalar;

const STYLE: &str = include_str!("page/style.css");
/// One function, so that its names meet no others; a file may use what those before it define.
macro_rules! script {
    ($($file:literal),+) => {
        concat!("\"use strict\";\n(() => {\n", $(include_str!(concat!("page/", $file, ".js"))),+, "})();\n")
    };
}
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
const SCRIPT_OF_CLASSIFIER: &str = script!(
    "elements", "samples", "alone", "axes", "training", "map", "activity", "features", "start"
);

/// Characters of a name, of a description and of a heading that are shown.
const NAME: usize = 120;
const TEXT: usize = 600;
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
        let hash = |text: &str| base64(&Sha256::digest(text.as_bytes()));
        let title = escape(&self.title, NAME);
        let script = if is_classifier(self.network) { SCRIPT_OF_CLASSIFIER } else { SCRIPT };
        let mut nav = String::new();
        let mut sections = String::new();
        for (id, heading, explanation) in SECTIONS {
            // What a model has none of.
            if content.get(id).is_some_and(Value::is_null) {
                continue;
            }
            let _ = write!(nav, "<li><a href=\"#{id}\">{heading}</a></li>");
            let _ = writeln!(
                sections,
                "<section id=\"{id}\" aria-labelledby=\"{id}-heading\">\
                 <h2 id=\"{id}-heading\">{heading}</h2><p class=\"lead\">{explanation}</p>\
                 <div class=\"body\" id=\"{id}-body\"></div>{}</section>",
                if id == "training" { self.epochs() } else { String::new() }
            );
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; base-uri 'none'; \
             form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
             <header><p class=\"eyebrow\">{eyebrow}</p><h1>{title}</h1>\
             <p class=\"subtitle\">{subtitle}</p></header>\n\
             <main id=\"main\">\n{tiles}\n{warnings}\n\
             <nav aria-label=\"Sections\"><ul>{nav}<li><a href=\"#configuration\">Configuration</a></li>\
             </ul></nav>\n\
             <noscript><p class=\"notice\">The pictures are drawn by the script in this file, and scripts \
             are switched off.</p></noscript>\n\
             {sections}{configuration}</main>\n\
             <footer><p>Written by the Rust crate <code>autoencoder</code> {version}. This page is one file: \
             it loads nothing and sends nothing.</p></footer>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>{script}</script>\n</body>\n</html>\n",
            eyebrow = kind(self.network),
            script_hash = hash(script),
            style_hash = hash(STYLE),
            subtitle = self.subtitle(checkup.samples),
            tiles = self.tiles(checkup),
            warnings = self.warnings(checkup),
            configuration = self.configuration(),
            version = env!("CARGO_PKG_VERSION"),
            data = json(content),
        )
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

    fn tiles(&self, checkup: &Checkup) -> String {
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
        let tile = |(name, value, note): (&str, String, String)| {
            format!(
                "<div class=\"tile\"><dt>{name}</dt><dd><strong>{value}</strong><span>{note}</span></dd></div>"
            )
        };
        let class = if tiles.len() == 6 { "six" } else { "eight" };
        format!(
            "<dl class=\"tiles {class}\">{}</dl>",
            tiles.into_iter().map(tile).collect::<String>()
        )
    }

    /// What stands out: what training warned of, what diverged, then the advice.
    fn warnings(&self, checkup: &Checkup) -> String {
        let mut items = String::new();
        let mut item = |title: &str, text: &str| {
            let _ = write!(items, "<li><strong>{title}</strong> {}</li>", escape(text, TEXT));
        };
        let warnings = self.report.warnings.iter();
        warnings.for_each(|warning| item("Warning", &warning.to_string()));
        let divergences = &self.report.divergences;
        divergences.iter().take(EVENTS).for_each(|d| item("Divergence", &d.to_string()));
        if divergences.len() > EVENTS {
            item("Divergence", &format!("{} more", divergences.len() - EVENTS));
        }
        let advice = checkup.advice();
        advice.iter().take(EVENTS).for_each(|advice| item(advice.title(), &advice.to_string()));
        let (class, list) = if items.is_empty() {
            let text = "Nothing: no dead, saturated or collapsed units, no divergence, and gradients reach \
                        every layer.";
            ("good", format!("<p>{text}</p>"))
        } else {
            ("warn", format!("<ul>{items}</ul>"))
        };
        format!(
            "<section id=\"warnings\" class=\"{class}\" aria-labelledby=\"warnings-heading\">\
             <h2 id=\"warnings-heading\">What stands out</h2>{list}</section>"
        )
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

    fn configuration(&self) -> String {
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
        let mut entries = vec![
            ("Regularizer", network.regularizer.clone()),
            ("Loss", network.loss.name().to_owned()),
            (
                "Normalizer",
                network
                    .normalizer
                    .as_ref()
                    .map_or("none".into(), |n| format!("{:?}", n.normalization())),
            ),
            ("End of training", self.end()),
        ];
        entries
            .extend(network.layout.settings().iter().map(|setting| ("Setting", setting.clone())));
        let entry = |(name, text): (&str, String)| {
            format!("<dt>{name}</dt><dd>{}</dd>", escape(&text, TEXT))
        };
        format!(
            "<section id=\"configuration\" aria-labelledby=\"configuration-heading\">\
             <h2 id=\"configuration-heading\">Configuration</h2>\
             <dl class=\"facts\">{}</dl><div class=\"scroll\" tabindex=\"0\" role=\"group\" \
             aria-label=\"Layers\"><table><thead><tr><th scope=\"col\">parameter</th>\
             <th scope=\"col\">layer</th><th scope=\"col\">shape</th><th scope=\"col\">count</th></tr></thead>\
             <tbody>{rows}</tbody></table></div>{left_out}</section>\n",
            entries.into_iter().map(entry).collect::<String>()
        )
    }

    /// The last line of the report's own table, which says why it ended.
    fn end(&self) -> String {
        self.report.to_string().lines().last().unwrap_or_default().to_owned()
    }
}
