//! Row 20: a sparse dictionary finds the atoms that its samples were mixed from.
//!
//! 64 features, 256 atoms of which each sample mixes 4, 256 units of which 4 are active, 16 at first, and nothing said of the
//! atoms.
//! How alike they are to those that were found is the mean over the true atoms of the largest |cos| with any (MMCS), and
//! the mean over a one-to-one assignment (MCC).
//!
//! L. Gao, T. Dupré la Tour, H. Tillman, G. Goh, R. Troll, A. Radford, I. Sutskever, J. Leike, J. Wu (2024), Scaling and
//! evaluating sparse autoencoders: TopK and AuxK. L. Sharkey, D. Braun, B. Millidge (2022), Taking features out of
//! superposition with sparse autoencoders: MMCS.

use autoencoder::datasets::k_sparse;
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::metrics::dictionary::{Fidelity, Matching};
use autoencoder::regularizer::AuxK;
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, AutoEncoder};

use crate::Settings;
use crate::data::Stop;
use crate::k_sparse::Falling;
use crate::report::{Line, Target};

/// What samples there are, and how long they are learned from.
struct Plan {
    samples: usize,
    active: usize,
    epochs: usize,
}

/// Of each seed.
#[derive(Default)]
struct Found {
    mean_max_cosine: Vec<f64>,
    mean_correlation: Vec<f64>,
    percent_dead: Vec<f64>,
    percent_unexplained: Vec<f64>,
}

/// The oracle: the atoms themselves. Those of a random dictionary of this size are 0.44 alike.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let plan = Plan { samples: 10_000, active: 3, epochs: 20 };
    let found = each_seed::<32, 64>(settings, &plan)?;
    Ok(vec![
        Line::number("mean max cosine", Target::AtLeast(0.9), &found.mean_max_cosine, 4),
        Line::number("% of units that never fire", Target::AtMost(5.0), &found.percent_dead, 2),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let plan = Plan { samples: 50_000, active: 4, epochs: 20 };
    let found = each_seed::<64, 256>(settings, &plan)?;
    Ok(vec![
        Line::number("mean max cosine", Target::AtLeast(0.9), &found.mean_max_cosine, 4),
        Line::number("% of units that never fire", Target::AtMost(5.0), &found.percent_dead, 2),
        Line::note("mean |cos| one to one", &found.mean_correlation, 4),
        Line::note("% of the variance unexplained", &found.percent_unexplained, 2),
    ])
}

/// Samples, first weights and their order are those of the seed.
fn each_seed<const N: usize, const UNITS: usize>(
    settings: &Settings,
    plan: &Plan,
) -> Result<Found, Stop> {
    let mut found = Found::default();
    for seed in settings.seeds() {
        let data = k_sparse::<f32, N, UNITS>(plan.samples, plan.active, seed)?;
        let mut model = AutoEncoder::builder()
            .encoder(SparseEncoder::<N, UNITS>::new(TopK::new(plan.active)?.schedule(Falling(4.0))))
            .decoder(Dictionary::new())
            .regularizer(AuxK::new(N / 2)?.dead_after(2_000)?)
            .seed(seed)
            .build::<f32>()?;
        let trainer = settings.trainer(Adam::new(1e-2)?, seed).schedule(Cosine::new(0.0)?);
        trainer.epochs(plan.epochs).batch_size(100).fit(&mut model, &data.samples)?;

        let atoms = model.atoms()?;
        let matching = Matching::new(data.dictionary.view(), atoms.view())?;
        let codes = model.encode_sparse(&data.samples)?;
        let mut fidelity = Fidelity::new(N, UNITS)?;
        let reconstruction = model.decode_sparse(&codes)?;
        fidelity.add(data.samples.view(), &codes, reconstruction.view())?;
        found.mean_max_cosine.push(matching.mean_max_cosine());
        found.mean_correlation.push(matching.mean_correlation());
        found.percent_dead.push(100.0 * fidelity.densities()?.dead_fraction());
        found.percent_unexplained.push(100.0 * fidelity.unexplained_variance()?);
    }
    Ok(found)
}
