//! The three kinds of models, so that a test of what all can do is written once: each kind is a module with the
//! same names in it, and [`each_kind!`](crate::each_kind) runs a test over all three.
//!
//! | name | gives |
//! |---|---|
//! | `build(regularizer)` | a model of three features and two code units, with two layers on either side of a code in (0, 1); a classifier has a head of one |
//! | `gaussian(regularizer)` | the same with a Gaussian encoder |
//! | `large()` | a model of digits, large enough for several threads |
//! | `examples(&data)` | what it is trained on: `&x`, `(&x, &conditions)`, `(&x, &labels)` |
//! | `given(&data)`, `one(&data, at)` | what it is used on: the same without labels, and one of them |
//! | `beside(&data, &codes)`, `beside_one(&data, at, code)` | the same with codes in place of samples |
//! | `streams(&mut sources)` | what it is trained on, from streams |
//! | `of_digits(&digits)` | what a large one is trained on |
//! | `reconstructed(&model, &data)` | reconstructions, of a classifier probabilities |
//! | `rebuilt(encoder, decoder)` | a model of trained parts |

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::data::InMemory;
use autoencoder::layer::{Chain, ConditionedPart, DenseLayer, Detach, Part};
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::regularizer::SuitedTo;
use autoencoder::size::Image;
use autoencoder::*;
use nalgebra::Const;

/// Features, numbers of a condition, code units, classes.
pub const X: usize = 3;
pub const K: usize = 2;
pub const Z: usize = 2;
pub const CLASSES: usize = 4;

/// Runs a test over the three kinds of models; the name stands for the module of each.
#[macro_export]
macro_rules! each_kind {
    (|$kind:ident| $test:block) => {{
        {
            use $crate::kinds::plain as $kind;
            $test
        }
        {
            use $crate::kinds::conditional as $kind;
            $test
        }
        {
            use $crate::kinds::classifier as $kind;
            $test
        }
    }};
}

/// Samples, each with all that a kind may want beside it.
pub struct Data {
    pub x: Batch<f64, Const<X>>,
    pub conditions: Batch<f64, Const<K>>,
    pub labels: Vec<u8>,
}

impl Data {
    pub fn new(samples: usize, seed: u64) -> Self {
        let mut rng = seeded(seed);
        let x = (0..samples).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0)));
        let x: Batch<f64, Const<X>> = x.collect();
        let conditions = (0..samples).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0)));
        let conditions = conditions.collect();
        let labels = x.iter().map(|x| u8::from(x[0] > 0.0) + 2 * u8::from(x[1] > x[2])).collect();
        Self { x, conditions, labels }
    }

    pub fn select(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        let indices = Vec::from_iter(indices);
        Self {
            x: self.x.select(indices.iter().copied()),
            conditions: self.conditions.select(indices.iter().copied()),
            labels: indices.iter().map(|&at| self.labels[at]).collect(),
        }
    }

    /// The same as streams.
    pub fn sources(&self) -> Sources<'_> {
        let classes = self.labels.iter().map(|&label| [f64::from(label)]).collect::<Batch<_, _>>();
        Sources {
            x: InMemory::from(&self.x),
            conditions: InMemory::from(&self.conditions),
            classes: InMemory::from(classes),
        }
    }
}

/// Samples, conditions and classes as streams.
pub struct Sources<'a> {
    pub x: InMemory<'a, f64, Const<X>>,
    pub conditions: InMemory<'a, f64, Const<K>>,
    pub classes: InMemory<'a, f64, Const<1>>,
}

/// Digits, each with all that a kind may want beside it.
pub struct Digits {
    pub x: Batch<f32, Image<1, 8, 8>>,
    pub conditions: Batch<f32, Const<10>>,
    pub labels: Vec<u8>,
}

impl Digits {
    pub fn new() -> Self {
        let digits = datasets::digits::<f32>();
        let conditions = Batch::one_hot(&digits.train_labels).unwrap();
        Self { x: digits.train, conditions, labels: digits.train_labels }
    }
}

impl Default for Digits {
    fn default() -> Self {
        Self::new()
    }
}

/// A regularizer for an encoder.
pub trait Keeps<E>: Regularizer<f64> + SuitedTo<E> {}
impl<E, R: Regularizer<f64> + SuitedTo<E>> Keeps<E> for R {}

pub type Dense1<const I: usize, const O: usize, A> = DenseLayer<Const<I>, Const<O>, A>;
pub type Deep<const I: usize> = Chain<Dense1<I, 5, Tanh>, Dense1<5, Z, Sigmoid>>;
pub type Spread<const I: usize> =
    Gaussian<Dense1<I, 5, Tanh>, Dense1<5, Z, Identity>, Dense1<5, Z, Identity>>;
pub type Back<const I: usize> = Chain<Dense1<I, 4, Tanh>, Dense1<4, X, Identity>>;
type TrainedOf<P> = Trained<<P as Detach<f64>>::Detached, f64>;

fn deep<const I: usize>() -> Deep<I> {
    Dense::<I, 5>::new(Tanh).then(Dense::<5, Z>::new(Sigmoid))
}

fn spread<const I: usize>() -> Spread<I> {
    let head = || Dense::<5, Z>::new(Identity);
    Gaussian::new(Dense::<I, 5>::new(Tanh), head(), head())
}

fn back<const I: usize>() -> Back<I> {
    Dense::<I, 4>::new(Tanh).then(Dense::<4, X>::new(Identity))
}

/// What all kinds have under the same names.
macro_rules! kind {
    (
        loss: $loss:ty, finish: $finish:ident, outputs: $outputs:expr,
        encoder: $encoder:ty = $make_encoder:expr, spread: $spread:ty = $make_spread:expr,
        decoder: $decoder:ty = $make_decoder:expr,
        large: $large_encoder:ty = $make_large_encoder:expr, $large_decoder:ty = $make_large_decoder:expr
    ) => {
        pub type Encoder = $encoder;
        pub type GaussianEncoder = $spread;
        pub type Decoder = $decoder;
        pub type Loss = $loss;
        pub type Model<R = NoRegularizer, E = Encoder> = AutoEncoder<E, Decoder, R, Loss, f64>;
        pub type Rebuilt =
            AutoEncoder<TrainedOf<Encoder>, TrainedOf<Decoder>, NoRegularizer, Loss, f64>;
        pub const OUTPUTS: usize = $outputs;

        pub fn build<R: Keeps<Encoder>>(regularizer: R) -> Model<R> {
            let builder = AutoEncoder::builder().encoder($make_encoder).$finish($make_decoder);
            builder.regularizer(regularizer).seed(3).build().unwrap()
        }

        pub fn gaussian<R: Keeps<GaussianEncoder>>(regularizer: R) -> Model<R, GaussianEncoder> {
            let builder = AutoEncoder::builder().encoder($make_spread).$finish($make_decoder);
            builder.regularizer(regularizer).seed(3).build().unwrap()
        }

        pub fn rebuilt(encoder: TrainedOf<Encoder>, decoder: TrainedOf<Decoder>) -> Rebuilt {
            AutoEncoder::builder().encoder(encoder).$finish(decoder).seed(77).build().unwrap()
        }

        pub fn large() -> AutoEncoder<$large_encoder, $large_decoder, NoRegularizer, Loss, f32> {
            let builder = AutoEncoder::builder().encoder($make_large_encoder);
            builder.$finish($make_large_decoder).build().unwrap()
        }
    };
}

pub mod plain {
    use super::*;

    pub const NAME: &str = "plain";
    kind!(
        loss: SquaredError, finish: decoder, outputs: X,
        encoder: Deep<3> = deep(), spread: Spread<3> = spread(), decoder: Back<2> = back(),
        large: Dense1<64, 200, Tanh> = Dense::<64, 200>::new(Tanh),
        Dense1<200, 64, Identity> = Dense::<200, 64>::new(Identity)
    );

    pub fn examples(data: &Data) -> &Batch<f64, Const<X>> {
        &data.x
    }
    pub fn given(data: &Data) -> &Batch<f64, Const<X>> {
        &data.x
    }
    pub fn one(data: &Data, at: usize) -> &[f64] {
        data.x.sample(at)
    }
    pub fn beside<'a>(_: &'a Data, codes: &'a Batch<f64, Const<Z>>) -> &'a Batch<f64, Const<Z>> {
        codes
    }
    pub fn beside_one<'a>(_: &'a Data, _: usize, code: &'a [f64]) -> &'a [f64] {
        code
    }
    pub fn streams<'a, 'b>(sources: &'a mut Sources<'b>) -> &'a mut InMemory<'b, f64, Const<X>> {
        &mut sources.x
    }
    pub fn of_digits(digits: &Digits) -> &Batch<f32, Image<1, 8, 8>> {
        &digits.x
    }
    pub fn reconstructed<E, D, R, L>(
        model: &AutoEncoder<E, D, R, L, f64>,
        data: &Data,
    ) -> Batch<f64, Const<OUTPUTS>>
    where
        E: Part<Input = Const<X>, Condition = layer::Unconditioned>,
        D: Part,
        L: loss::LossFor<D, Target = loss::WithInput>,
    {
        model.reconstruct(&data.x).unwrap()
    }
}

pub mod conditional {
    use super::*;

    pub const NAME: &str = "conditional";
    type Told<P, const N: usize, const K: usize> = ConditionedPart<P, Const<N>, Const<K>>;
    kind!(
        loss: SquaredError, finish: decoder, outputs: X,
        encoder: Told<Deep<5>, X, K> = Conditioned::<X, K, _>::new(deep()),
        spread: Told<Spread<5>, X, K> = Conditioned::<X, K, _>::new(spread()),
        decoder: Told<Back<4>, Z, K> = Conditioned::<Z, K, _>::new(back()),
        large: Told<Dense1<74, 200, Tanh>, 64, 10> =
            Conditioned::<64, 10, _>::new(Dense::<74, 200>::new(Tanh)),
        Told<Dense1<210, 64, Identity>, 200, 10> =
            Conditioned::<200, 10, _>::new(Dense::<210, 64>::new(Identity))
    );
    type Both<'a, const N: usize> = (&'a Batch<f64, Const<N>>, &'a Batch<f64, Const<K>>);

    pub fn examples(data: &Data) -> Both<'_, X> {
        (&data.x, &data.conditions)
    }
    pub fn given(data: &Data) -> Both<'_, X> {
        (&data.x, &data.conditions)
    }
    pub fn one(data: &Data, at: usize) -> (&[f64], &[f64]) {
        (data.x.sample(at), data.conditions.sample(at))
    }
    pub fn beside<'a>(data: &'a Data, codes: &'a Batch<f64, Const<Z>>) -> Both<'a, Z> {
        (codes, &data.conditions)
    }
    pub fn beside_one<'a>(data: &'a Data, at: usize, code: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        (code, data.conditions.sample(at))
    }
    pub fn streams<'a, 'b>(
        sources: &'a mut Sources<'b>,
    ) -> (&'a mut InMemory<'b, f64, Const<X>>, &'a mut InMemory<'b, f64, Const<K>>) {
        (&mut sources.x, &mut sources.conditions)
    }
    pub fn of_digits(digits: &Digits) -> (&Batch<f32, Image<1, 8, 8>>, &Batch<f32, Const<10>>) {
        (&digits.x, &digits.conditions)
    }
    pub fn reconstructed<E, D, R, L>(
        model: &AutoEncoder<E, D, R, L, f64>,
        data: &Data,
    ) -> Batch<f64, Const<OUTPUTS>>
    where
        E: Part<Input = Const<X>, Condition = Const<K>>,
        D: Part,
        L: loss::LossFor<D, Target = loss::WithInput>,
    {
        model.reconstruct((&data.x, &data.conditions)).unwrap()
    }
}

pub mod classifier {
    use super::*;

    pub const NAME: &str = "classifier";
    kind!(
        loss: CrossEntropy, finish: head, outputs: CLASSES,
        encoder: Deep<3> = deep(), spread: Spread<3> = spread(),
        decoder: Dense1<Z, CLASSES, Identity> = Dense::<Z, CLASSES>::new(Identity),
        large: Dense1<64, 200, Tanh> = Dense::<64, 200>::new(Tanh),
        Dense1<200, 10, Identity> = Dense::<200, 10>::new(Identity)
    );

    pub fn examples(data: &Data) -> (&Batch<f64, Const<X>>, &Vec<u8>) {
        (&data.x, &data.labels)
    }
    pub fn given(data: &Data) -> &Batch<f64, Const<X>> {
        &data.x
    }
    pub fn one(data: &Data, at: usize) -> &[f64] {
        data.x.sample(at)
    }
    pub fn beside<'a>(_: &'a Data, codes: &'a Batch<f64, Const<Z>>) -> &'a Batch<f64, Const<Z>> {
        codes
    }
    pub fn beside_one<'a>(_: &'a Data, _: usize, code: &'a [f64]) -> &'a [f64] {
        code
    }
    pub fn streams<'a, 'b>(
        sources: &'a mut Sources<'b>,
    ) -> (&'a mut InMemory<'b, f64, Const<X>>, &'a mut InMemory<'b, f64, Const<1>>) {
        (&mut sources.x, &mut sources.classes)
    }
    pub fn of_digits(digits: &Digits) -> (&Batch<f32, Image<1, 8, 8>>, &Vec<u8>) {
        (&digits.x, &digits.labels)
    }
    pub fn reconstructed<E, D, R>(
        model: &AutoEncoder<E, D, R, CrossEntropy, f64>,
        data: &Data,
    ) -> Batch<f64, D::Output>
    where
        E: Part<Input = Const<X>, Condition = layer::Unconditioned>,
        D: Part,
    {
        model.probabilities(&data.x).unwrap()
    }
}
