//! Model and parameters from outside, and files.

#[cfg(not(feature = "safetensors"))]
use super::super::Verdict;
use super::{Checked, Finding, ensure, same};
use crate::model::Scalar;

impl<T: Scalar> Checked<'_, T> {
    #[cfg(not(feature = "safetensors"))]
    pub(super) fn saved_and_loaded(&self) -> Finding {
        Err(Verdict::not_applicable("needs the feature `safetensors`"))
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn saved_and_loaded(&self) -> Finding {
        let folder = Folder::new()?;
        let file = folder.0.join("model.safetensors");
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        model.save(&file)?;
        let mut loaded = self.build();
        loaded.load(&file)?;
        self.same_model("the loaded model", &loaded, &model)?;
        same("what it gives", &self.used(&loaded)?, &self.used(&model)?)
    }

    pub(super) fn debug_prints(&self) -> Finding {
        let network = self.build().network;
        let described = [
            ("loss's description", network.loss.describe()),
            ("regularizer's description", network.regularizer.clone()),
            ("layout", network.layout.to_string()),
        ];
        for (part, text) in (self.contract.prints)().into_iter().chain(described) {
            ensure(!text.is_empty(), || format!("the {part} prints as nothing"))?;
        }
        Ok(())
    }

    pub(super) fn layout_covers_all(&self) -> Finding {
        let model = self.build();
        let mut end = 0;
        let mut names = std::collections::HashSet::new();
        for tensor in model.layout().tensors() {
            let (name, range) = (&tensor.name, &tensor.range);
            ensure(range.start == end, || format!("{name} begins at {}, not {end}", range.start))?;
            let area = tensor.shape.0 * tensor.shape.1;
            ensure(range.len() == area, || format!("{name} is {} long, not {area}", range.len()))?;
            ensure(names.insert(name), || format!("there are two tensors {name}"))?;
            end = range.end;
        }
        let places = model.network().places();
        ensure(end == places.regularizer.end, || {
            format!(
                "the layout has {end} parameters, encoder, decoder, loss and regularizer \
                 {}, {}, {} and {}",
                places.encoder.len(),
                places.decoder.len(),
                places.loss.len(),
                places.regularizer.len()
            )
        })?;
        let found = model.num_parameters();
        ensure(end == found, || format!("the layout has {end} parameters, the model {found}"))
    }

    pub(super) fn parameters_round_trip(&self) -> Finding {
        let (trained, _) = self.fit(self.data, |trainer| trainer)?;
        let mut model = self.build();
        model.set_parameters(trained.parameters())?;
        same("parameters", model.parameters(), trained.parameters())?;
        let examples = || self.data.examples();
        let (found, expected) = (model.encode(examples())?, trained.encode(examples())?);
        same("codes", found.as_slice(), expected.as_slice())?;
        let mut bad = trained.parameters().to_vec();
        if let Some(last) = bad.last_mut() {
            *last = T::of(f64::NAN);
            ensure(model.set_parameters(&bad).is_err(), || "NaN was taken".to_owned())?;
            let short = &trained.parameters()[1..];
            ensure(model.set_parameters(short).is_err(), || "one too few was taken".to_owned())?;
        }
        same("parameters after refusals", model.parameters(), trained.parameters())
    }
}

/// A folder of its own for temporary files, which goes with it.
#[cfg(feature = "safetensors")]
pub(super) struct Folder(pub(super) std::path::PathBuf);

#[cfg(feature = "safetensors")]
impl Folder {
    pub(super) fn new() -> std::result::Result<Self, super::super::Verdict> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("autoencoder-contract-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| {
            super::super::Verdict::not_applicable(format!("no folder for temporary files: {error}"))
        })?;
        Ok(Self(path))
    }
}

#[cfg(feature = "safetensors")]
impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
