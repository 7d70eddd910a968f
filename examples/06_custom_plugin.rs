//! Expect: an activation and a regularizer written here pass the gradient check, train, and do what they say.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::posterior::Posterior;
use autoencoder::regularizer::{Encoded, PenaltyGradient};
use autoencoder::{
    Activation, Adam, AutoEncoder, Dense, Encoder, Regularizer, Result, Scalar, Terms, Trainer,
    datasets, gradcheck, range,
};

/// z / √(1 + z²): from −1 to 1 as tanh, but slower to get there.
#[derive(Debug, Clone, Copy)]
struct Isru;

impl<T: Scalar> Activation<T> for Isru {
    type Range = range::Symmetric;
    fn name(&self) -> &'static str {
        "isru"
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

impl<E: Encoder> Regularizer<E> for CodeL4 {
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        _scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let lambda = E::Scalar::of(self.0);
        let size = |h: &[E::Scalar]| h.iter().fold(E::Scalar::ZERO, |sum, &h| sum + h * h * h * h);
        let sizes: Vec<_> = code.iter().map(size).collect();
        terms.add("code_l4", E::Scalar::of(0.25) * lambda * at.mean(&sizes));
        let Some(gradient) = gradient else { return };
        let (units, mut d_code) = (code.features(), gradient.posterior.mean_mut());
        let columns = d_code.as_mut_slice().chunks_exact_mut(units).zip(code.iter());
        for (column, (d_code, code)) in columns.enumerate() {
            let scale = lambda * at.share(column);
            d_code.iter_mut().zip(code).for_each(|(d, &h)| *d += scale * h * h * h);
        }
    }
}

fn main() -> Result<()> {
    let digits = datasets::digits::<f64>();
    let few = digits.train.select(0..5);
    for lambda in [0.0, 2.0] {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 10>::new(Isru))
            .decoder(Dense::<10, 64>::new(Identity))
            .regularizer(CodeL4(lambda))
            .build::<f64>()?;
        println!("gradient check: {}", gradcheck::model(&model, &few, 1)?);
        Trainer::new(Adam::new(5e-3)?).epochs(60).fit(&mut model, &digits.train)?;
        let largest =
            model.encode(&digits.test)?.as_slice().iter().fold(0.0, |m: f64, h| m.max(h.abs()));
        println!(
            "λ = {lambda}: on test digits {}, largest |h| {largest:.3}",
            model.loss(&digits.test)?
        );
    }
    let mut built_in = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Tanh))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f64>()?;
    Trainer::new(Adam::new(5e-3)?).epochs(60).fit(&mut built_in, &digits.train)?;
    println!("tanh, no penalty: on test digits {}", built_in.loss(&digits.test)?);
    Ok(())
}
