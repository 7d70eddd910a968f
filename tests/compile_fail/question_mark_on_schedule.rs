//~ ERROR: a `?` is missing: this is a `Result`, which may hold an error instead of the part
//~ ERROR: add `?` (or `.unwrap()`) here
//~ AT: .schedule(Cosine::new(0.1));
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, Trainer};
fn main() {
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).epochs(3)
        .schedule(Cosine::new(0.1));
}
