//! What a checkup and the page of a report say of sparse dictionaries: the numbers of `metrics::dictionary`, and advice where an
//! illness is planted, and nowhere else.

use autoencoder::activation::{Identity, Relu, Tanh};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::health::{Advice, Checkup};
use autoencoder::html::HtmlReport;
use autoencoder::layer::sparse::*;
use autoencoder::metrics::dictionary::{Fidelity, coherence};
use autoencoder::nalgebra::Const;
use autoencoder::train::Report;
use autoencoder::*;

use crate::html_report::content;

const N: usize = 16;

/// 16 units, each of which looks for one feature and has it as its atom; then what is planted, by unit, in weights, biases
/// and atoms.
macro_rules! planted {
    ($selection:expr, $plant:expr) => {{
        let mut model = AutoEncoder::builder()
            .encoder(SparseEncoder::<N, N>::new($selection).without_pre_bias())
            .decoder(Dictionary::free(1.0).unwrap())
            .build::<f64>()
            .unwrap();
        let mut parameters = model.parameters().to_vec();
        let place = |name: &str| model.layout().get(name).unwrap().range.clone();
        let of = ["encoder.0.weight", "encoder.0.bias", "decoder.0.weight"].map(place);
        let unit = |at: usize| f64::from(u8::from(at / N == at % N));
        let (mut weights, mut biases) = (Vec::from_iter((0..N * N).map(unit)), vec![0.0; N]);
        let mut atoms = weights.clone();
        let plant: fn(&mut [f64], &mut [f64], &mut [f64]) = $plant;
        plant(&mut weights, &mut biases, &mut atoms);
        for (range, values) in of.into_iter().zip([weights, biases, atoms]) {
            parameters[range].copy_from_slice(&values);
        }
        model.set_parameters(&parameters).unwrap();
        model
    }};
}

/// One feature of each sample is on, with 1, 2 or 3; all equally often.
fn samples(count: usize) -> Batch<f64, Const<N>> {
    let value =
        |sample: usize, k: usize| if sample % N == k { (1 + sample % 3) as f64 } else { 0.0 };
    (0..count).map(|sample| std::array::from_fn(|k| value(sample, k))).collect()
}

/// Of what is said of dictionaries alone.
fn said(checkup: &Checkup) -> Vec<Advice> {
    let is_of_dictionaries = |advice: &Advice| {
        matches!(
            advice,
            Advice::SilentUnits { .. }
                | Advice::DenseUnits { .. }
                | Advice::BiasedReconstruction { .. }
                | Advice::TwinAtoms { .. }
        )
    };
    assert!(!checkup.advice().iter().any(|advice| matches!(advice, Advice::DeadUnits { .. })));
    checkup.advice().into_iter().filter(is_of_dictionaries).collect()
}

/// The page's items of that name.
fn stands_out(page: &str, title: &str) -> bool {
    page.contains(&format!("<li><strong>{title}</strong> "))
}

const TITLES: [&str; 5] = [
    "Dead units",
    "Dense units",
    "Shrunk reconstructions",
    "Long reconstructions",
    "Atoms nearly the same",
];

macro_rules! page {
    ($model:expr, $x:expr) => {{
        let mut other = $model.clone();
        let report: Report =
            Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).fit(&mut other, $x).unwrap();
        HtmlReport::new(&$model, &report, $x).to_html().unwrap()
    }};
}

#[test]
fn nothing_is_said_of_a_healthy_dictionary() {
    let x = samples(320);
    // By unit, a dead one of sixteen is a few; and reconstructions that are a twentieth too short are near enough.
    let well = [
        planted!(TopK::new(1).unwrap(), |_, _, _| {}),
        planted!(TopK::new(1).unwrap(), |_, biases, _| biases[4] = -100.0),
        planted!(TopK::new(1).unwrap(), |weights, _, _| weights
            .iter_mut()
            .for_each(|w| *w *= 0.95)),
        // A feature and its opposite have an atom each: their codes are never negative.
        planted!(TopK::new(1).unwrap(), |_, _, atoms| {
            atoms.copy_within(8 * N..9 * N, 3 * N);
            atoms[3 * N..4 * N].iter_mut().for_each(|atom| *atom = -*atom);
        }),
    ];
    for (at, model) in well.iter().take(3).enumerate() {
        assert_eq!(said(&Checkup::of(model, &x).unwrap()), [], "{at}");
        let page = page!(model, &x);
        assert!(!TITLES.iter().any(|title| stands_out(&page, title)), "{at}");
    }
    let opposite = Checkup::of(&well[3], &x).unwrap().dictionary.unwrap();
    assert_eq!((opposite.twins.len(), opposite.coherence.unwrap().largest), (0, 1.0));
}

#[test]
fn what_is_planted_is_said_with_what_to_do() {
    let x = samples(320);
    // On each case: what stands out, and a word of what to do.
    macro_rules! says {
        ($model:expr, $x:expr, $title:expr, $words:expr, $advice:pat $(if $guard:expr)?) => {{
            let (model, x) = ($model, $x);
            let all = said(&Checkup::of(&model, x).unwrap());
            assert!(matches!(&all[..], [$advice] $(if $guard)?), "{all:?}");
            assert_eq!(all[0].title(), $title);
            assert!(all[0].to_string().contains($words), "{}", all[0]);
            let page = page!(model, x);
            for title in TITLES {
                assert_eq!(stands_out(&page, title), title == $title, "{title}");
            }
        }};
    }
    let dead = |_: &mut [f64], biases: &mut [f64], _: &mut [f64]| {
        biases[4] = -100.0;
        biases[9] = -100.0;
    };
    // The 14 others fire on 20 samples each; of two fifths of the samples, on 8.
    says!(
        planted!(TopK::new(1).unwrap(), dead), &x, "Dead units", "2 of 16 units never fire on 320 samples (4, 9). Try `AuxK`",
        Advice::SilentUnits { units, count: 16, samples: 320, mean_firings: None } if *units == [4, 9]
    );
    says!(
        planted!(TopK::new(1).unwrap(), dead), &samples(128), "Dead units", "look at more samples first",
        Advice::SilentUnits { mean_firings: Some(mean), .. } if *mean == 8.0
    );
    says!(
        planted!(Relu, |_, biases, _| biases[15] = 0.25), &x, "Dense units", "1 of 16 units is active on more than half",
        Advice::DenseUnits { units, count: 16 } if *units == [15]
    );
    // x̂ = x/2 has ‖x̂‖² = x·x̂/2.
    let halved = planted!(Relu, |weights, _, _| weights.iter_mut().for_each(|w| *w *= 0.5));
    let mut penalised = AutoEncoder::builder()
        .encoder(SparseEncoder::<N, N>::new(Relu).without_pre_bias())
        .decoder(Dictionary::free(1.0).unwrap())
        .regularizer(regularizer::DictionaryL1::new(0.1).unwrap())
        .build::<f64>()
        .unwrap();
    penalised.set_parameters(halved.parameters()).unwrap();
    says!(
        halved, &x, "Shrunk reconstructions", "Try more epochs",
        Advice::BiasedReconstruction { bias, is_penalised: false } if (bias - 0.5).abs() < 1e-12
    );
    says!(
        penalised, &x, "Shrunk reconstructions", "`GatedEncoder`",
        Advice::BiasedReconstruction { bias, is_penalised: true } if (bias - 0.5).abs() < 1e-12
    );
    says!(
        planted!(Relu, |weights, _, _| weights.iter_mut().for_each(|w| *w *= 1.5)),
        &x, "Long reconstructions", "150 %",
        Advice::BiasedReconstruction { bias, .. } if (bias - 1.5).abs() < 1e-12
    );
    says!(
        planted!(TopK::new(1).unwrap(), |_, _, atoms| atoms.copy_within(8 * N..9 * N, 3 * N)),
        &x,
        "Atoms nearly the same",
        "`Matryoshka`",
        Advice::TwinAtoms { atoms: 2, count: 16, nearest: (3 | 8, 3 | 8, 1.0) }
    );
    // Where codes have signs, an opposite is a copy.
    let opposite = planted!(AbsTopK::new(1).unwrap(), |_, _, atoms| {
        atoms.copy_within(8 * N..9 * N, 3 * N);
        atoms[3 * N..4 * N].iter_mut().for_each(|atom| *atom = -*atom);
    });
    let twins = Checkup::of(&opposite, &x).unwrap().dictionary.unwrap().twins;
    assert_eq!(twins, [(3, 8, 1.0), (8, 3, 1.0)]);
}

/// More samples than are encoded together; and a normalizer, which measures do not see.
#[test]
fn the_page_has_the_numbers_of_the_metrics() {
    let x = datasets::k_sparse::<f64, 8, 24>(2_500, 2, 1).unwrap().samples;
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<8, 24>::new(TopK::new(3).unwrap()))
        .decoder(Dictionary::new())
        .normalizer(Normalizer::fit(Normalization::Standardize, &x).unwrap())
        .build::<f64>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(2);
    let report = trainer.fit(&mut model, &x).unwrap();

    let codes = model.encode_sparse(&x).unwrap();
    let mut fidelity = Fidelity::new(8, 24).unwrap();
    fidelity.add(x.view(), &codes, model.decode_sparse(&codes).unwrap().view()).unwrap();
    let atoms = model.atoms().unwrap();
    let (densities, alike) = (fidelity.densities().unwrap(), coherence(atoms.view()).unwrap());

    let checkup = Checkup::of(&model, &x).unwrap();
    let dictionary = checkup.dictionary.as_ref().unwrap();
    assert_eq!((&dictionary.fidelity, &dictionary.densities), (&fidelity, &densities));
    assert_eq!(dictionary.coherence, Some(alike));
    let dense = (densities.above(0.1).unwrap() * 24.0).round() as usize;
    assert_eq!(dictionary.dense_units().len(), dense);
    let text = checkup.to_string();
    assert!(text.contains(&format!("L0                       {:.4}", fidelity.l0().unwrap())));

    let page = HtmlReport::new(&model, &report, &x).to_html().unwrap();
    let cell = |name: &str| {
        let start = format!("<th scope=\"row\">{name}</th><td>");
        page.split_once(&start).unwrap().1.split_once("</td>").unwrap().0
    };
    for (name, expected) in [
        ("L0", fidelity.l0().unwrap()),
        ("Explained variance", fidelity.explained_variance().unwrap()),
        ("Relative bias", fidelity.relative_reconstruction_bias().unwrap()),
        ("Shrinkage", fidelity.shrinkage().unwrap()),
        ("Cosine", fidelity.mean_cosine().unwrap()),
        ("Coherence", alike.largest),
        ("Nearest atom", alike.mean),
    ] {
        let found: f64 = cell(name).split(' ').next().unwrap().parse().unwrap();
        // Four digits are shown.
        assert!((found - expected).abs() <= 1e-3 * expected.abs(), "{name}: {found}, {expected}");
    }
    assert_eq!(cell("Dead units"), format!("{} of 24", densities.dead().len()));
    assert_eq!(cell("Units on over 10 %"), format!("{dense} of 24"));

    // Each unit is counted in the bar that its density lies in.
    let histogram = &content(&page)["dictionary"];
    let numbers = |name: &str| -> Vec<f64> {
        histogram[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (edges, counts) = (numbers("edges"), numbers("counts"));
    assert_eq!(histogram["dead"], densities.dead().len());
    let logs = densities.shares().into_iter().filter(|&share| share > 0.0).map(f64::log10);
    let mut expected = vec![0.0; counts.len()];
    for log in logs {
        expected[edges[1..edges.len() - 1].iter().filter(|&&edge| edge <= log).count()] += 1.0;
    }
    assert_eq!(counts, expected);
}

#[test]
fn samples_with_a_missing_value_are_left_out() {
    let x = samples(320);
    let mut holes = x.clone();
    holes.as_mut_slice()[3 * N + 5] = f64::NAN;
    holes.as_mut_slice()[200 * N] = f64::NAN;
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &holes).unwrap();
    let model = AutoEncoder::builder()
        .encoder(SparseEncoder::<N, 24>::new(TopK::new(3).unwrap()))
        .decoder(Dictionary::new())
        .normalizer(normalizer)
        .build::<f64>()
        .unwrap();
    let whole = x.select((0..320).filter(|at| ![3, 200].contains(at)));
    let found = Checkup::of(&model, &holes).unwrap().dictionary.unwrap();
    assert_eq!(found.fidelity.samples(), 318);
    assert_eq!(Some(found), Checkup::of(&model, &whole).unwrap().dictionary);
    // Where there is no other, nothing is measured.
    let none = Checkup::of(&model, &holes.select([3, 200])).unwrap();
    assert_eq!(none.dictionary, None);
}

#[test]
fn other_models_have_no_such_section() {
    let x = samples(320);
    let dense = AutoEncoder::builder()
        .encoder(Dense::<N, 5>::new(Tanh))
        .decoder(Dense::<5, N>::new(Identity))
        .build::<f64>()
        .unwrap();
    assert_eq!(Checkup::of(&dense, &x).unwrap().dictionary, None);
    let page = page!(dense, &x);
    assert!(!page.contains("ictionary") && content(&page).get("dictionary").is_none());
    // A sparse code without a dictionary behind it.
    let classifier = AutoEncoder::builder()
        .encoder(SparseEncoder::<N, 24>::new(TopK::new(3).unwrap()))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    let labels: Vec<usize> = (0..320).map(|at| at % 3).collect();
    assert_eq!(Checkup::of(&classifier, (&x, &labels)).unwrap().dictionary, None);
    // Those with gates have one.
    let gated = AutoEncoder::builder()
        .encoder(GatedEncoder::<N, 24>::new())
        .decoder(Dictionary::new())
        .build::<f64>()
        .unwrap();
    let page = page!(gated, &x);
    assert!(page.contains("<h2 id=\"dictionary-heading\">Sparse dictionary</h2>"));
}

/// Of more than 4,096 atoms so many are compared, spread evenly, and called by their own numbers.
#[test]
fn of_many_atoms_some_are_compared() {
    let (inputs, units) = (64, 5000);
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::dynamic(inputs, units, TopK::new(4).unwrap()))
        .decoder(Dictionary::new())
        .build::<f32>()
        .unwrap();
    let atoms = model.layout().get("decoder.0.weight").unwrap().range.clone();
    let mut parameters = model.parameters().to_vec();
    // The first of all, and the one half way.
    let first = atoms.start;
    parameters.copy_within(first..first + inputs, first + 2500 * inputs);
    model.set_parameters(&parameters).unwrap();
    let x =
        Batch::new(nalgebra::Dyn(inputs), (0..64 * 20).map(|at| (at % 37) as f32 - 18.0).collect());
    let found = Checkup::of(&model, &x.unwrap()).unwrap().dictionary.unwrap();
    assert_eq!(found.compared_atoms(), 4096);
    let coherence = found.coherence.unwrap();
    assert_eq!(
        (coherence.pair.0.min(coherence.pair.1), coherence.pair.0.max(coherence.pair.1)),
        (0, 2500)
    );
    assert!((coherence.largest - 1.0).abs() < 1e-6);
    let mut twins: Vec<_> = found.twins.iter().map(|&(one, other, _)| (one, other)).collect();
    twins.sort_unstable();
    assert_eq!(twins, [(0, 2500), (2500, 0)]);
}
