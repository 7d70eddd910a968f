//! Expect: an activation and a regularizer written here pass the gradient check, train, and do what they say
//! (losses are those of test digits).

use autoencoder::activation::{Identity, Ranged, Tanh};
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::{Activation, Adam, AutoEncoder, Dense, Facts, Float, Part, Regularizer, Result};
use autoencoder::{Terms, Trainer, datasets, gradcheck, range};

/// z / √(1 + z²): from −1 to 1 as tanh, but slower to get there.
#[derive(Debug, Clone, Copy)]
struct Isru;

impl Ranged for Isru {
    type Range = range::Symmetric;
}
impl<T: Float> Activation<T> for Isru {
    fn describe(&self) -> String {
        "Isru".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
    fn value(&self, z: T) -> T {
        z / (T::ONE + z * z).sqrt()
    }
    fn derivative(&self, z: T, _h: T) -> T {
        (T::ONE + z * z).powf(T::of(-1.5))
    }
    fn second_derivative(&self, z: T, _h: T) -> T {
        T::of(-3.0) * z * (T::ONE + z * z).powf(T::of(-2.5))
    }
}

/// ¼ λ · mean Σ h⁴: presses the largest code units down.
#[derive(Debug, Clone, Copy)]
struct CodeL4(f64);

impl<E: Part> SuitedTo<E> for CodeL4 {} // any encoder
impl<T: Float> Regularizer<T> for CodeL4 {
    fn describe(&self) -> String {
        format!("CodeL4({:?})", self.0)
    }
    fn needs(&self, _facts: &Facts) -> Needs {
        Needs::nothing() // no draws, no parameters, no state
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let mut total = T::ZERO;
        let mut d_codes = gradient.map(|gradient| gradient.posterior.mean_mut());
        for (column, code) in at.posterior.mean().iter().enumerate() {
            let scale = T::of(self.0) * at.share(column);
            for (unit, &h) in code.iter().enumerate() {
                total += T::of(0.25) * scale * h * h * h * h;
                if let Some(d_codes) = &mut d_codes {
                    d_codes.as_mut_slice()[column * code.len() + unit] += scale * h * h * h;
                }
            }
        }
        terms.add("code_l4", total);
    }
}

fn main() -> Result<()> {
    let digits = datasets::digits::<f64>();
    for lambda in [0.0, 2.0] {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 10>::new(Isru))
            .decoder(Dense::<10, 64>::new(Identity))
            .regularizer(CodeL4(lambda))
            .build::<f64>()?;
        println!("gradient check: {}", gradcheck::model(&model, &digits.train.select(0..5), 1)?);
        Trainer::new(Adam::new(5e-3)?).epochs(60).fit(&mut model, &digits.train)?;
        let largest =
            model.encode(&digits.test)?.as_slice().iter().fold(0.0, |m: f64, h| m.max(h.abs()));
        println!("λ = {lambda}: {}, largest |h| {largest:.3}", model.loss(&digits.test)?);
    }
    let mut built_in = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Tanh))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f64>()?;
    Trainer::new(Adam::new(5e-3)?).epochs(60).fit(&mut built_in, &digits.train)?;
    println!("tanh, no penalty: {}", built_in.loss(&digits.test)?);
    Ok(())
}
