//~ BUILD
//~ ERROR: no stride leads from the second of these two windows back to the first
use autoencoder::ConvTranspose1d;
use autoencoder::activation::Relu;
use autoencoder::size::Window;
fn main() {
    let _ = ConvTranspose1d::<Window<4, 20>, Window<2, 128>, 3>::new(Relu);
}
