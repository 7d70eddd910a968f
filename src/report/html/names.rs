//! What the user calls the features.

use crate::error::{Result, require_size};
use crate::layer::field::Lies;
use crate::model::network::Network;
use crate::numbers::scalar::Float;

/// The names of features: those given, else those of the model's schema, else their numbers. Of windows a channel has one
/// name at all steps.
pub(super) struct Names {
    /// Of each feature of a step; empty where nothing is known but their numbers.
    names: Vec<String>,
    features: usize,
    /// Steps of a window; 1 of all others.
    steps: usize,
    /// Rows and columns of an image.
    image: Option<(usize, usize)>,
    /// Whether they are those of the schema, as the user gave no others.
    pub(super) are_of_schema: bool,
}

impl Names {
    /// Of the features of a network, whose samples lie so; refuses another number of given names than there are features
    /// or, of windows, channels.
    pub(super) fn new<T: Float>(
        call: &'static str,
        network: &Network<T>,
        lies: Option<Lies>,
        given: Option<&[String]>,
    ) -> Result<Self> {
        let features = network.facts.features;
        #[cfg(feature = "table")]
        let schema = network.normalizer.as_ref().and_then(|normalizer| normalizer.schema());
        #[cfg(feature = "table")]
        let of_schema = schema.map_or_else(Vec::new, |schema| schema.feature_names());
        #[cfg(not(feature = "table"))]
        let of_schema = Vec::new();
        let image = lies.filter(|lies| !lies.is_interleaved).map(|lies| lies.shape);
        // An image lies channel by channel; a window, and rows of a table one after the other, step by step.
        let channels = match lies {
            Some(lies) if lies.is_interleaved => lies.shape.channels,
            None if !of_schema.is_empty() => of_schema.len(),
            _ => features,
        };
        let steps = if features.is_multiple_of(channels) { features / channels } else { 1 };
        let are_of_schema = given.is_none() && !of_schema.is_empty() && of_schema.len() == channels;
        let names = match given {
            Some(given) => {
                if given.len() != features {
                    let unit = match channels == features {
                        true => "names",
                        false => "names, one for each channel, or one for each feature",
                    };
                    require_size(call, unit, channels, given.len())?;
                }
                given.to_vec()
            }
            None if are_of_schema => of_schema,
            None => Vec::new(),
        };
        // Each step of its own name.
        let steps = if names.len() == features { 1 } else { steps };
        let image = image.map(|shape| (shape.height, shape.width));
        Ok(Self { names, features, steps, image, are_of_schema })
    }

    /// Numbers, of so many features in so many steps.
    #[cfg(test)]
    pub(super) fn numbered(features: usize, steps: usize) -> Self {
        let (names, image) = (Vec::new(), None);
        Self { names, features, steps, image, are_of_schema: false }
    }

    /// Those given, of the channels of a window of so many steps.
    #[cfg(test)]
    pub(super) fn given(names: &[String], steps: usize) -> Self {
        Self { names: names.to_vec(), ..Self::numbered(names.len() * steps, steps) }
    }

    /// Features of a step.
    pub(super) fn channels(&self) -> usize {
        self.features / self.steps
    }

    /// Steps of a window; 1 of all others.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// The name of a feature of a step.
    pub(super) fn channel(&self, channel: usize) -> String {
        if let Some(name) = self.names.get(channel) {
            return name.clone();
        }
        match self.image {
            Some((height, width)) => {
                let (plane, place) = (channel / (height * width), channel % (height * width));
                let (row, column) = (place / width, place % width);
                let plane = if self.features > height * width {
                    format!("channel {plane}, ")
                } else {
                    String::new()
                };
                format!("{plane}row {row}, column {column}")
            }
            None if self.steps > 1 => format!("channel {channel}"),
            None => format!("feature {channel}"),
        }
    }

    /// The channel of a feature and its step, counted from 0, which is 0 of all but windows.
    pub(super) fn place(&self, feature: usize) -> (usize, usize) {
        (feature % self.channels(), feature / self.channels())
    }

    /// The name of a feature with its step.
    pub(super) fn whole(&self, feature: usize) -> String {
        let (channel, step) = self.place(feature);
        let name = self.channel(channel);
        match self.steps {
            1 => name,
            steps => format!("{name}, step {} of {steps}", step + 1),
        }
    }
}
