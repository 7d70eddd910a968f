//! What a sparse dictionary makes of the samples: its measures as a table, and how often units fire.

use std::fmt::Write;

use serde_json::{Value, json};

use super::document::Section;
use super::encode::{count, numbers, short};
use crate::error::Result;
use crate::insight::health::DictionaryCheckup;

/// Bars, at least and at most.
const BARS: (usize, usize) = (8, 60);

/// What the script draws.
pub(super) fn histogram(found: &DictionaryCheckup) -> Result<Value> {
    let densities = &found.densities;
    let bars = ((densities.units() as f64).sqrt().ceil() as usize).clamp(BARS.0, BARS.1);
    let edges = densities.log10_edges(bars);
    let counts = densities.log10_histogram(&edges)?;
    Ok(json!({
        "edges": numbers(edges),
        "counts": counts.bins,
        "dead": counts.dead,
        "units": densities.units(),
    }))
}

/// The numbers, which can be read without the script.
pub(super) fn section(found: &DictionaryCheckup) -> Section {
    let (fidelity, densities) = (&found.fidelity, &found.densities);
    let units = densities.units();
    let of_units = |some: usize| format!("{} of {}", count(some), count(units));
    let measure = |value: Result<f64>| short(value.unwrap_or(f64::NAN));
    let compared = match found.compared_atoms() {
        all if all == units => String::new(),
        some => format!("; of {} atoms, spread evenly", count(some)),
    };
    let coherence = found.coherence.map(|found| {
        let (one, other) = found.pair;
        let largest = format!("{} (units {one} and {other})", short(found.largest));
        (largest, short(found.mean))
    });
    let (largest, mean) = coherence.unwrap_or_else(|| (short(f64::NAN), short(f64::NAN)));
    let rows = [
        ("L0", measure(fidelity.l0()), "active units of a sample, in the mean".to_owned()),
        (
            "Explained variance",
            measure(fidelity.explained_variance()),
            "1 − E‖x − x̂‖² / (E‖x‖² − ‖E x‖²)".to_owned(),
        ),
        (
            "Relative bias",
            measure(fidelity.relative_reconstruction_bias()),
            "of reconstructions, E‖x̂‖² / E[x·x̂]: 1 without, less where they are shrunk".to_owned(),
        ),
        ("Shrinkage", measure(fidelity.shrinkage()), "E ‖x̂‖/‖x‖".to_owned()),
        (
            "Cosine",
            measure(fidelity.mean_cosine()),
            "of sample and reconstruction, in the mean".to_owned(),
        ),
        (
            "Dead units",
            of_units(densities.dead().len()),
            "never active on these samples".to_owned(),
        ),
        (
            "Units on over 10 %",
            of_units(found.dense_units().len()),
            "active on more than 10 % of the samples".to_owned(),
        ),
        ("Coherence", largest, format!("the greatest |cos| of two atoms{compared}")),
        (
            "Nearest atom",
            mean,
            format!("|cos| of an atom and the nearest other, in the mean{compared}"),
        ),
        (
            "Atoms nearly the same",
            format!("{} of {}", count(found.twins.len()), count(found.compared_atoms())),
            "cosine with another at least 0.95".to_owned(),
        ),
    ];
    let mut html = String::new();
    for (name, value, meaning) in rows {
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td><td>{meaning}</td></tr>"
        );
    }
    let html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Measures of the dictionary\"><table><thead><tr>\
         <th scope=\"col\">measure</th><th scope=\"col\">value</th><th scope=\"col\">meaning</th></tr></thead>\
         <tbody>{html}</tbody></table></div>"
    );
    let lead = format!(
        "How often each unit is active, and what the dictionary keeps of {} samples.",
        count(fidelity.samples() as usize)
    );
    Section::new("dictionary", "Sparse dictionary", lead).html(html)
}
