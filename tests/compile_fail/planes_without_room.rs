//~ BUILD
//~ ERROR: the part in `ConditionPlanes::<I, K, _>` must take the channels of `I` and then K more
//~ AT: let encoder = ConditionPlanes::<Image<1, 8, 8>, 10, _>::new(inside);
use autoencoder::{ConditionPlanes, Conv2d, activation::Tanh, size::Image};
fn main() {
    let inside = Conv2d::<Image<10, 8, 8>, Image<6, 4, 4>, 3>::new(Tanh);
    let encoder = ConditionPlanes::<Image<1, 8, 8>, 10, _>::new(inside);
    drop(encoder);
}
