//~ BUILD
//~ ERROR: these two windows do not tell the stride of a transposed convolution
use autoencoder::ConvTranspose1d;
use autoencoder::activation::Relu;
use autoencoder::size::Window;
fn main() {
    let _ = ConvTranspose1d::<Window<4, 20>, Window<2, 128>, 3>::new(Relu);
}
