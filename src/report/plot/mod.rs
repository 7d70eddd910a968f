//! Pictures of trainings, codes and features, as SVG and PNG.
//!
//! | picture | shows |
//! |---|---|
//! | [`LossCurves`] | each term of the objective, in training and validation, epoch by epoch |
//! | [`Reconstructions`] | inputs, corrupted inputs and reconstructions beside each other |
//! | [`FeatureGrid`] | learned features: filters, preferred inputs, decoder columns; on a [range](FeatureGrid::range), pictures: patches, means of classes, decoded samples |
//! | [`CodeScatter`] | codes of two units, or the first two principal components of more, by label |
//! | [`Traversal`] | what the decoder makes of a code as one unit changes |
//! | [`CodeGrid`] | what the decoder makes of all codes of two units |
//! | [`ActivationHistogram`] | mean activations of the code units, with the target |
//! | [`DensityHistogram`] | how often the units of a sparse code fire, with the dead ones |
//! | [`ScoreHistogram`] | anomaly scores, with the threshold |
//!
//! Each has `to_svg`, `to_png` and `save`, whose format follows from the file's name. Colours are those of
//! M. Okabe and K. Ito, which people with any form of colour vision can tell apart; shapes and dashes say
//! the same again. The font of PNG files, DejaVu Sans, is embedded. Images are grey or, where negative values matter,
//! blue and orange, as their [`Palette`] says.
//!
//! # Images
//! Samples that are drawn as images are as high and as wide as their [size](crate::size) says; three channels are
//! red, green and blue, of others each is drawn in grey, one below the other; [`Palette`] says so too. Plain features are taken for squares; what is neither is made images
//! by [`with_size`](crate::Batch::with_size), of the batch or, where images come from a model of plain features, of
//! the picture:
//! ```
//! use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, plot, size::Image, units::filters};
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 2>::new(Sigmoid))
//!     .decoder(Dense::<2, 8>::new(Sigmoid))
//!     .build::<f32>()?;
//! let filters = filters(&model).with_size(Image::<1, 2, 4>)?; // two rows of four pixels
//! assert!(plot::FeatureGrid::new(&filters).to_svg().is_ok());
//! let grid = plot::CodeGrid::new(&model, 0.0..=1.0, 0.0..=1.0, 3)?.with_size(Image::<1, 2, 4>)?;
//! assert!(grid.to_svg().is_ok());
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # Errors
//! What cannot be drawn is refused when it is drawn: [`Error::NoSamples`] where there is nothing,
//! [`Error::NotFinite`] for NaN and infinity, [`Error::InvalidParameter`] for values beyond ±10¹⁰⁰,
//! [`Error::SizeMismatch`] where counts do not fit, [`Error::NotAnImage`] for plain features whose number is no square.
//!
//! # Example
//! ```
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets, plot};
//! let digits = datasets::digits::<f32>();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<64, 16>::new(Sigmoid))
//!     .decoder(Dense::<16, 64>::new(Sigmoid))
//!     .build::<f32>()?;
//! let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(3).validation_split(0.2);
//! let report = trainer.fit(&mut model, &digits.train)?;
//! let svg = plot::LossCurves::new(&report).title("Digits").to_svg()?;
//! assert!(svg.contains("Digits") && svg.contains("squared_error, validation"));
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod activations;
mod bitmap;
mod canvas;
mod chart;
mod code_grid;
mod code_scatter;
mod densities;
mod feature_grid;
mod loss_curves;
mod reconstructions;
mod scores;
mod sheet;

pub use activations::ActivationHistogram;
pub use code_grid::{CodeGrid, Traversal};
pub use code_scatter::CodeScatter;
pub use densities::DensityHistogram;
pub use feature_grid::FeatureGrid;
pub use loss_curves::LossCurves;
pub use reconstructions::Reconstructions;
pub use scores::{ScoreHistogram, ThresholdMark};
pub use sheet::Palette;

#[allow(unused_imports)] // For the documentation.
use crate::error::Error;

/// What all pictures can do, given `fn plot(&self) -> Result<impl Plot>` and a field `title`.
macro_rules! picture {
    ($picture:ident) => {
        impl $picture {
            /// Another title.
            pub fn title(self, title: impl Into<String>) -> Self {
                Self { title: title.into(), ..self }
            }

            /// The picture as SVG.
            ///
            /// # Errors
            /// See the [module](crate::plot).
            pub fn to_svg(&self) -> crate::error::Result<String> {
                crate::report::plot::canvas::svg(stringify!($picture), &self.plot()?)
            }

            /// The picture as PNG.
            ///
            /// # Errors
            /// See the [module](crate::plot).
            pub fn to_png(&self) -> crate::error::Result<Vec<u8>> {
                crate::report::plot::canvas::png(stringify!($picture), &self.plot()?)
            }

            /// Writes the picture to a file whose name ends in `.svg` or `.png`.
            ///
            /// # Errors
            /// See the [module](crate::plot); [`Error::PictureFormat`](crate::Error::PictureFormat) for
            /// another name, [`Error::File`](crate::Error::File) if it cannot be written.
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> crate::error::Result<()> {
                crate::report::plot::canvas::save(
                    stringify!($picture),
                    &self.plot()?,
                    path.as_ref(),
                )
            }
        }
    };
}
use picture;
