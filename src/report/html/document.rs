//! The shell of a page: what all of them have around what they say.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::encode::{base64, escape, json};

const STYLE: &str = include_str!("page/style.css");

/// One function, so that its names meet no others; a file may use what those before it define.
macro_rules! script {
    ($($file:literal),+) => {
        concat!("\"use strict\";\n(() => {\n", $(include_str!(concat!("page/", $file, ".js"))),+, "})();\n")
    };
}
pub(super) use script;

/// Characters of a name, of a description and of a heading that are shown.
pub(super) const NAME: usize = 120;
pub(super) const TEXT: usize = 600;

/// A part of a page with a heading, to which the navigation leads. Texts are as HTML has them, already escaped.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    /// What is to be seen.
    pub(super) lead: String,
    /// What can be read without the script, which draws above it.
    pub(super) html: String,
}

impl Section {
    pub(super) fn new(id: &'static str, heading: &'static str, lead: impl Into<String>) -> Self {
        Self { id, heading, lead: lead.into(), html: String::new() }
    }

    pub(super) fn html(self, html: String) -> Self {
        Self { html, ..self }
    }
}

/// A number that is seen first: its name, itself and a remark, all escaped.
pub(super) type Tile = (&'static str, String, String);

/// A page.
pub(super) struct Document<'a> {
    pub(super) kind: &'a str,
    /// As the user has it.
    pub(super) title: &'a str,
    pub(super) subtitle: String,
    pub(super) tiles: Vec<Tile>,
    /// What stands out, each with a heading, as HTML has them; and what is said if nothing does.
    pub(super) warnings: Vec<(String, String)>,
    pub(super) no_warning: &'static str,
    pub(super) sections: Vec<Section>,
    /// What was set, each with its name.
    pub(super) facts: Vec<(&'a str, String)>,
    /// What follows these.
    pub(super) configuration: String,
    pub(super) script: &'static str,
    pub(super) content: &'a Value,
}

impl Document<'_> {
    /// As text.
    pub(super) fn html(&self) -> String {
        let hash = |text: &str| base64(&Sha256::digest(text.as_bytes()));
        let (mut nav, mut sections) = (String::new(), String::new());
        for Section { id, heading, lead, html } in &self.sections {
            let _ = write!(nav, "<li><a href=\"#{id}\">{heading}</a></li>");
            let _ = writeln!(
                sections,
                "<section id=\"{id}\" aria-labelledby=\"{id}-heading\">\
                 <h2 id=\"{id}-heading\">{heading}</h2><p class=\"lead\">{lead}</p>\
                 <div class=\"body\" id=\"{id}-body\"></div>{html}</section>",
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
            eyebrow = self.kind,
            title = escape(self.title, NAME),
            script = self.script,
            script_hash = hash(self.script),
            style_hash = hash(STYLE),
            subtitle = self.subtitle,
            tiles = self.tiles(),
            warnings = self.warnings(),
            configuration = self.configuration(),
            version = env!("CARGO_PKG_VERSION"),
            data = json(self.content),
        )
    }

    fn tiles(&self) -> String {
        let tile = |(name, value, note): &Tile| {
            format!(
                "<div class=\"tile\"><dt>{name}</dt><dd><strong>{value}</strong><span>{note}</span></dd></div>"
            )
        };
        let class = if self.tiles.len() == 6 { "six" } else { "eight" };
        format!(
            "<dl class=\"tiles {class}\">{}</dl>",
            self.tiles.iter().map(tile).collect::<String>()
        )
    }

    fn warnings(&self) -> String {
        let item =
            |(title, text): &(String, String)| format!("<li><strong>{title}</strong> {text}</li>");
        let (class, list) = if self.warnings.is_empty() {
            ("good", format!("<p>{}</p>", self.no_warning))
        } else {
            let items: String = self.warnings.iter().map(item).collect();
            ("warn", format!("<ul>{items}</ul>"))
        };
        format!(
            "<section id=\"warnings\" class=\"{class}\" aria-labelledby=\"warnings-heading\">\
             <h2 id=\"warnings-heading\">What stands out</h2>{list}</section>"
        )
    }

    fn configuration(&self) -> String {
        let entry = |(name, text): &(&str, String)| {
            format!("<dt>{}</dt><dd>{}</dd>", escape(name, NAME), escape(text, TEXT))
        };
        format!(
            "<section id=\"configuration\" aria-labelledby=\"configuration-heading\">\
             <h2 id=\"configuration-heading\">Configuration</h2>\
             <dl class=\"facts\">{}</dl>{}</section>\n",
            self.facts.iter().map(entry).collect::<String>(),
            self.configuration
        )
    }
}
