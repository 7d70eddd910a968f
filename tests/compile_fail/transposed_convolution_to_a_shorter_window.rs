//~ BUILD
//~ ERROR: the second of these two windows is shorter than a transposed convolution makes the first: `Conv1d` or `MaxPool1d` leads to a shorter one
use autoencoder::ConvTranspose1d;
use autoencoder::activation::Relu;
use autoencoder::size::Window;
fn main() {
    let _ = ConvTranspose1d::<Window<1, 128>, Window<8, 64>, 3>::new(Relu);
}
