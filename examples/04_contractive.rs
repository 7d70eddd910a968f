//! Expect: the contractive code moves at least 5 times less (‖J‖²) as the digit moves, at 1.5 times the error or less.

use autoencoder::activation::Sigmoid;
use autoencoder::{Adam, AutoEncoder, Contractive, Dense, Result, Trainer, WeightDecay, datasets};

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    println!("on test digits: ‖∂h/∂x‖² per digit, squared error, Frobenius norm of the weights");
    println!("{:<14} {:>10} {:>10} {:>10} {:>10}", "", "‖J‖²", "error", "encoder", "decoder");

    let mut rows = Vec::new();
    // The decay keeps the decoder from undoing the contraction with larger weights.
    for (name, lambda, decay) in [("plain", 0.0, 0.0), ("contractive", 2e-3, 5e-5)] {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 64>::new(Sigmoid))
            .decoder(Dense::<64, 64>::new(Sigmoid))
            .regularizer((Contractive::new(lambda)?, WeightDecay::new(decay)?))
            .seed(3)
            .build::<f32>()?;
        Trainer::new(Adam::new(3e-3)?).epochs(400).batch_size(64).fit(&mut model, &digits.train)?;

        // The squared-error loss is half the squared error.
        let error = 2.0 * model.loss(&digits.test)?.reconstruction();
        let jacobian = f64::from(model.squared_jacobian(&digits.test)?);
        let norm = |name| {
            let weights = model.parameter(name).unwrap_or_default();
            weights.iter().map(|w| f64::from(w * w)).sum::<f64>().sqrt()
        };
        let (encoder, decoder) = (norm("encoder.0.weight"), norm("decoder.0.weight"));
        println!("{name:<14} {jacobian:>10.4} {error:>10.4} {encoder:>10.2} {decoder:>10.2}");
        rows.push((jacobian, error, decoder));
    }
    let (plain, contractive) = (rows[0], rows[1]);
    println!(
        "‖J‖² is {:.1} times smaller at {:.2} times the error; the decoder's weights are {:.2} times as large",
        plain.0 / contractive.0,
        contractive.1 / plain.1,
        contractive.2 / plain.2
    );
    Ok(())
}
