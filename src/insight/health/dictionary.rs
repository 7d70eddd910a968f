use nalgebra::Dyn;

use super::checkup::evenly;
use super::{Advice, CodeRange};
use crate::batch::sparse::SparseBatch;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::error::{Error, Result};
use crate::metrics::dictionary::{Coherence, Densities, Fidelity, Twin, coherence_and_twins};
use crate::model::network::Network;
use crate::model::{Scalar, scalar};
use crate::numbers::scalar::{Float, is_nan};
use crate::regularizer::Leaf;

/// Samples that are encoded together, of which there are at most so many values of features too.
const TOGETHER: usize = 1024;
const VALUES: usize = 1 << 20;
/// Atoms whose cosines with each other are taken.
const ATOMS: usize = 4096;
/// A unit that is active on a greater share of the samples is dense: this crate's mark, as those below are.
const DENSE: f64 = 0.1;
/// A unit that is active on a greater share of the samples is worth a look.
const MOST: f64 = 0.5;
/// Units of which a greater share never fires are many.
const MANY_DEAD: f64 = 0.1;
/// Samples on which a unit of mean density fires less often say little of dead units.
const FEW_FIRINGS: f64 = 10.0;
/// A relative reconstruction bias that is farther from 1 is far.
const BIASED: f64 = 0.1;
/// Atoms with at least this cosine are nearly the same, and worth a word from this share of all on; where only a part of all is
/// looked at, of two that are the same both must be in it.
const ALIKE: f64 = 0.95;
const MANY_ALIKE: f64 = 0.01;

/// What a sparse dictionary makes of samples: [`Checkup::dictionary`](super::Checkup::dictionary) of a model whose codes come as
/// pairs, such as a `SparseEncoder` and a `Dictionary`. The numbers are those of [`metrics::dictionary`](crate::metrics::dictionary)
/// on the same samples.
///
/// Samples with a missing value are left out, as it has no square. Memory is taken for the pairs of 1,024 samples at a time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DictionaryCheckup {
    /// How sparse codes are, and what reconstructions keep.
    pub fidelity: Fidelity,
    /// How often each unit fires.
    pub densities: Densities,
    /// How much atoms are alike: of 4,096, spread evenly, where there are more. None of a single one.
    pub coherence: Option<Coherence>,
    /// Atoms, of those that coherence is of, that are nearly the same as another: each with the nearest, and their cosine, which is
    /// at least 0.95. Where codes are never negative, an atom and its opposite are not the same.
    pub twins: Vec<(usize, usize, f64)>,
    /// Whether a penalty takes off all activations alike.
    is_penalised: bool,
}

impl DictionaryCheckup {
    /// The units that are active on more than a tenth of the samples, by their numbers.
    pub fn dense_units(&self) -> Vec<usize> {
        self.denser_than(DENSE)
    }

    /// The number of atoms whose cosines were taken.
    pub fn compared_atoms(&self) -> usize {
        self.densities.units().min(ATOMS)
    }

    fn denser_than(&self, share: f64) -> Vec<usize> {
        let shares = self.densities.shares().into_iter().enumerate();
        shares.filter(|&(_, density)| density > share).map(|(unit, _)| unit).collect()
    }

    /// What is worth a look, the gravest first.
    pub(super) fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        let (units, count) = (self.densities.dead(), self.densities.units());
        if units.len() as f64 > MANY_DEAD * count as f64 {
            let samples = self.densities.samples();
            let alive = (count - units.len()).max(1);
            let fired = self.densities.counts().iter().sum::<u64>() as f64 / alive as f64;
            let mean_firings = Some(fired).filter(|&fired| fired < FEW_FIRINGS);
            advice.push(Advice::SilentUnits { units, count, samples, mean_firings });
        }
        let units = self.denser_than(MOST);
        if !units.is_empty() {
            advice.push(Advice::DenseUnits { units, count });
        }
        let bias = self.fidelity.relative_reconstruction_bias().ok();
        if let Some(bias) = bias.filter(|bias| (bias - 1.0).abs() > BIASED) {
            advice.push(Advice::BiasedReconstruction { bias, is_penalised: self.is_penalised });
        }
        let compared = self.compared_atoms();
        let nearest = self.twins.iter().max_by(|a, b| a.2.total_cmp(&b.2));
        if let Some(&nearest) = nearest
            && self.twins.len() as f64
                >= MANY_ALIKE * compared as f64 * compared as f64 / count as f64
        {
            advice.push(Advice::TwinAtoms { atoms: self.twins.len(), count: compared, nearest });
        }
        advice
    }
}

/// None of a model whose codes are not sparse, and where no sample is without a missing value; and where values are beyond what
/// can be squared.
pub(super) fn of_network<T: Scalar>(
    network: &Network<T>,
    x: BatchView<'_, T>,
    targets: Option<BatchView<'_, T>>,
) -> Result<Option<DictionaryCheckup>> {
    let Some((_, decoder)) = network.pairs() else { return Ok(None) };
    let atoms = decoder.atoms(&network.parameters[network.given_to_decoder()]);
    let measured = || {
        let Some(fidelity) = measured(network, x, targets)? else { return Ok(None) };
        let is_signed = CodeRange::of(network.facts.range) != CodeRange::FromZero;
        let (coherence, twins) = alike(atoms, is_signed)?;
        let densities = fidelity.densities()?;
        let is_l1 =
            |leaf: &Leaf<T>| ["DictionaryL1", "CodeL1"].contains(&kind(&leaf.part.describe()));
        let is_penalised = network.leaves.iter().any(is_l1);
        Ok(Some(DictionaryCheckup { fidelity, densities, coherence, twins, is_penalised }))
    };
    match measured() {
        Err(Error::InvalidParameter { .. } | Error::NotFinite { .. }) => Ok(None),
        found => found,
    }
}

fn measured<T: Scalar>(
    network: &Network<T>,
    x: BatchView<'_, T>,
    targets: Option<BatchView<'_, T>>,
) -> Result<Option<Fidelity>> {
    let (features, units) = (x.features(), network.facts.units);
    let mut fidelity = Fidelity::new(network.outputs(), units)?;
    let together = (VALUES / features.max(network.outputs()).max(1)).clamp(1, TOGETHER);
    let (mut whole, mut wanted, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    let mut codes = SparseBatch::empty(units);
    let mut outputs = Batch::zeros(Dyn(network.outputs()), together.min(x.samples()));
    let compared = targets.unwrap_or(x);
    for (lot, of_lot) in x.chunks(together).zip(compared.chunks(together)) {
        whole.clear();
        wanted.clear();
        let is_whole = |row: &[T]| !row.iter().any(|&x| is_nan(x));
        for (row, of_row) in lot.iter().zip(of_lot.iter()).filter(|(row, _)| is_whole(row)) {
            whole.extend_from_slice(row);
            wanted.extend_from_slice(of_row);
        }
        if whole.is_empty() {
            continue;
        }
        let lot = BatchView::new(&whole, features);
        let taken = network.taken("Checkup::of", lot, &mut buffer)?;
        codes.clear(units);
        scalar::encode_pairs(network, taken, &mut codes)?;
        let made = lot.samples() * network.outputs();
        let outputs = &mut outputs.as_mut_slice()[..made];
        let to = BatchViewMut::new(outputs, network.outputs());
        scalar::decode_pairs(network, &codes, Some(taken), to)?;
        let wanted = BatchView::new(&wanted, network.outputs());
        fidelity.add(wanted, &codes, BatchView::new(outputs, network.outputs()))?;
    }
    Ok(Some(fidelity).filter(|fidelity| fidelity.samples() > 0))
}

/// The name in a description.
fn kind(described: &str) -> &str {
    described.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

/// Of all atoms, or of some of them, spread evenly.
fn alike<T: Float>(
    atoms: BatchView<'_, T>,
    has_opposites: bool,
) -> Result<(Option<Coherence>, Vec<Twin>)> {
    if atoms.samples() < 2 {
        return Ok((None, Vec::new()));
    }
    let asked = (ALIKE, has_opposites);
    if atoms.samples() <= ATOMS {
        let (coherence, twins) = coherence_and_twins(atoms, asked)?;
        return Ok((Some(coherence), twins));
    }
    let taken: Vec<usize> = evenly(atoms.samples(), ATOMS).collect();
    let atom = |&at: &usize| &atoms.as_slice()[at * atoms.features()..][..atoms.features()];
    let some = Batch::from_samples(Dyn(atoms.features()), taken.iter().map(atom))?;
    let (mut coherence, mut twins) = coherence_and_twins(some.view(), asked)?;
    coherence.pair = (taken[coherence.pair.0], taken[coherence.pair.1]);
    twins.iter_mut().for_each(|(one, other, _)| (*one, *other) = (taken[*one], taken[*other]));
    Ok((Some(coherence), twins))
}
