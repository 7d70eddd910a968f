//~ BUILD
//~ ERROR: `LayerNorm::<N>` needs at least 2 features
use autoencoder::LayerNorm;
fn main() {
    let _ = LayerNorm::<1>::new();
}
