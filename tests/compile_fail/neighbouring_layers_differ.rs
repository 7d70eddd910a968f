//~ ERROR: sizes differ: one has `
//~ ERROR: Const<17>` where the other has `
//~ ERROR: Const<16>`
//~ AT: .then(Dense::<17, 8>::new(Relu))
use autoencoder::activation::Relu;
use autoencoder::{Dense, Then};
fn main() {
    let _ = Dense::<64, 32>::new(Relu)
        .then(Dense::<32, 16>::new(Relu))
        .then(Dense::<17, 8>::new(Relu))
        .then(Dense::<8, 4>::new(Relu))
        .then(Dense::<4, 2>::new(Relu));
}
