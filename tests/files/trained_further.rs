//! Dictionaries of other libraries as models: they say the same, and are trained further.

use std::fs;

use autoencoder::activation::Relu;
use autoencoder::dictionary::{InputScale, SparseActivation};
use autoencoder::layer::sparse::{
    AbsTopK, Dictionary, GatedEncoder, JumpRelu, SparseEncoder, TopK,
};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Adam, AutoEncoder, Batch, SparseDictionary, Trainer};
use common::fixture;

use crate::dictionaries::{SAME, array, difference, place};

/// A model of these sizes that takes the dictionary, and what it makes of the samples.
fn taken(dictionary: &SparseDictionary<f32>, x: &Batch<f32, Dyn>) -> Option<[Batch<f32, Dyn>; 2]> {
    let (inputs, units) = (dictionary.inputs(), dictionary.units());
    let free = || Dictionary::free(1.0).unwrap();
    macro_rules! of {
        ($encoder:expr) => {{
            if dictionary.skip().is_some() || inputs != dictionary.outputs() {
                let target = free().to_dynamic(dictionary.outputs());
                let target = if dictionary.skip().is_some() { target.with_skip() } else { target };
                let builder = AutoEncoder::builder().encoder($encoder).target_decoder(target);
                let mut model = builder.build::<f32>().unwrap();
                model.set_sparse_dictionary(dictionary).unwrap();
                let found = [model.encode(x).unwrap(), model.predict(x).unwrap()];
                // Its own predictions would leave nothing to learn.
                let mut targets = found[1].clone();
                targets.as_mut_slice().iter_mut().for_each(|target| *target += 1.0);
                let before = model.parameters().to_vec();
                Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, (x, &targets)).unwrap();
                assert_ne!(model.parameters(), before);
                Some(found)
            } else {
                let builder = AutoEncoder::builder().encoder($encoder).decoder(free());
                let mut model = builder.build::<f32>().unwrap();
                model.set_sparse_dictionary(dictionary).unwrap();
                let found = [model.encode(x).unwrap(), model.reconstruct(x).unwrap()];
                let before = model.parameters().to_vec();
                Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, x).unwrap();
                assert_ne!(model.parameters(), before);
                Some(found)
            }
        }};
    }
    match *dictionary.activation() {
        _ if dictionary.input_scale() != InputScale::Plain => None,
        SparseActivation::ReLU => of!(SparseEncoder::dynamic(inputs, units, Relu)),
        SparseActivation::TopK { k, by_norm } => {
            let selection = TopK::new(k).unwrap();
            let selection = if by_norm { selection.by_norm() } else { selection };
            of!(SparseEncoder::dynamic(inputs, units, selection.clone()))
        }
        SparseActivation::AbsTopK { k, by_norm } => {
            let selection = AbsTopK::new(k).unwrap();
            let selection = if by_norm { selection.by_norm() } else { selection };
            of!(SparseEncoder::dynamic(inputs, units, selection.clone()))
        }
        SparseActivation::JumpReLU { .. } => {
            of!(SparseEncoder::dynamic(inputs, units, JumpRelu::default()))
        }
        SparseActivation::Gated { .. } => of!(GatedEncoder::dynamic(inputs, units)),
        _ => None,
    }
}

#[test]
fn models_take_the_dictionaries_of_other_libraries() {
    let x = array(place("x.npy"));
    let mut names = Vec::new();
    for entry in fs::read_dir(fixture("dictionaries")).unwrap() {
        let path = entry.unwrap().path();
        // What is not read with these features, or not without more being said, is told of elsewhere.
        let Ok(dictionary) = SparseDictionary::<f32>::load(&path) else { continue };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some([codes, outputs]) = taken(&dictionary, &x) else { continue };
        let activation = dictionary.activation();
        let by_norm = matches!(
            activation,
            SparseActivation::TopK { by_norm: true, .. }
                | SparseActivation::AbsTopK { by_norm: true, .. }
        );
        let mut expected = array(path.join("code.npy"));
        if by_norm {
            // There a code is times the length of its atom.
            let lengths = dictionary.decoder().chunks(dictionary.outputs());
            let lengths = lengths.map(|atom| atom.iter().map(|d| d * d).sum::<f32>().sqrt());
            let lengths: Vec<f32> = lengths.collect();
            let values = expected.as_mut_slice().iter_mut().zip(lengths.iter().cycle());
            values.for_each(|(value, length)| *value /= length);
        }
        let found = difference(codes.as_slice(), expected.as_slice());
        assert!(found < SAME, "{name}: codes differ by {found:e}");
        let expected = array(path.join("reconstruction.npy"));
        let found = difference(outputs.as_slice(), expected.as_slice());
        assert!(found < SAME, "{name}: outputs differ by {found:e}");
        names.push(name);
    }
    println!("taken: {names:?}");
    assert!(names.len() >= 30, "{names:?}");
    for name in ["gated", "topk_by_norm", "skip_transcoder", "sparsify_skip", "jumprelu"] {
        assert!(names.iter().any(|found| found == name), "{name} was not taken");
    }
}
