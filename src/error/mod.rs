//! Everything that can be refused, as data: the place, what was found, what is required.

mod convolution;
mod number;
mod outlier;
mod place;
#[cfg(feature = "safetensors")]
mod problem;
mod require;
mod unwrapped;
mod words;

use std::io::ErrorKind;
use std::path::PathBuf;

pub use convolution::{Fit, NoStride};
pub use number::Number;
pub use outlier::Outlier;
pub(crate) use place::beginning;
pub use place::{Found, Known, Names, Place};
#[cfg(feature = "safetensors")]
pub use problem::Problem;
pub(crate) use require::{
    invalid, require, require_count, require_decay_rate, require_fit, require_fraction,
    require_mark, require_positive, require_size, require_weight, reserved,
};
pub use unwrapped::{Forgotten, Unwrapped};

use convolution::{cannot_be_divided, strides};
#[cfg(feature = "image")]
use words::broken;
#[cfg(feature = "plot")]
use words::sides;
use words::{
    are, in_quotes, in_words, into_the_domain, listed, or_missing, or_smaller_rate, rounded_up,
    samples_or_blocks,
};

/// The result of every call that can be refused.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call was refused. Nothing has changed when a call returns one, except where
/// [`Error::Diverged`] says so.
///
/// What a person wants to read is its text, by `{error}`. A `main` that returns it prints the data instead, as `{error:?}`
/// does; `fn main() -> Result<(), String>` with `.map_err(|error| error.to_string())?` prints the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter of a plugin, trainer or optimizer is out of its range.
    #[error("{name} is {value}, but must be {requirement}")]
    InvalidParameter {
        /// The parameter, with the type it belongs to: `SparseKl target`.
        name: &'static str,
        /// What was given.
        value: Number,
        /// The range it must lie in.
        requirement: &'static str,
    },
    /// A mark by which a text is read is none that can be one, or means something else already.
    #[error("{name} is {}, but must be {requirement}", in_quotes(*mark))]
    InvalidMark {
        /// The option, with the type it belongs to: `CsvOptions comment`.
        name: &'static str,
        /// The byte that was given.
        mark: u8,
        /// What it must be.
        requirement: &'static str,
    },
    /// Parts that do not go together, though each is in order; where types could not tell.
    #[error("{part} {fault}: {remedy}")]
    Unfit {
        /// The part that refuses: `SparseKl`, `the encoder`, a call.
        part: &'static str,
        /// What it cannot be with: `needs a code in a bounded range`.
        fault: &'static str,
        /// What helps.
        remedy: &'static str,
    },
    /// A value in the data is NaN or infinite.
    #[error(
        "{call}: feature {feature} of sample {sample} is {value}, but must be finite (features and \
         samples are counted from 0){}", or_missing(call, *value)
    )]
    NotFinite {
        /// The call the data was given to.
        call: &'static str,
        /// Index of the feature, counted from 0.
        feature: usize,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What was found.
        value: Number,
    },
    /// A feature is missing in every sample, so that there is nothing to put in its place.
    #[error(
        "{call}: feature {feature} (counted from 0) is missing in every sample, so that nothing is known of it: leave it \
         out, or give samples that have it"
    )]
    EmptyFeature {
        /// The call the data was given to.
        call: &'static str,
        /// Index of the feature, counted from 0.
        feature: usize,
    },
    /// All features of a sample are missing.
    #[error(
        "{call}: all features of sample {sample} (counted from 0) are missing, so that there is nothing to judge it by: \
         leave it out"
    )]
    EmptySample {
        /// The call the data was given to.
        call: &'static str,
        /// Index of the sample, counted from 0.
        sample: usize,
    },
    /// All features of a sample are 0, where it is to be brought to a norm.
    #[error(
        "{call}: all features of sample {sample} (counted from 0) are 0, so that it cannot be brought to a norm: leave it \
         out"
    )]
    ZeroSample {
        /// The call the data was given to.
        call: &'static str,
        /// Index of the sample, counted from 0.
        sample: usize,
    },
    /// Features that are one category, of which a part is missing.
    #[error(
        "{call}: features {first} to {last} of sample {sample} are one category to the loss {loss}, and some of them are \
         NaN: give all of them where it is known, and NaN in each where it is missing (features and samples are counted \
         from 0)"
    )]
    PartlyMissing {
        /// The call the data was given to.
        call: &'static str,
        /// The name of the loss.
        loss: &'static str,
        /// Index of the first feature of the group, counted from 0.
        first: usize,
        /// Index of its last feature.
        last: usize,
        /// Index of the sample, counted from 0.
        sample: usize,
    },
    /// A number of a list is NaN or infinite: a parameter, a score.
    #[error("{call}: {entry} {index} (counted from 0) is {value}, but must be finite")]
    EntryNotFinite {
        /// The call the list was given to.
        call: &'static str,
        /// What the list is of: `parameter`, `score`.
        entry: &'static str,
        /// Where in the list, counted from 0.
        index: usize,
        /// What was found.
        value: Number,
    },
    /// The steps of a series are not in the order of their time.
    #[error(
        "{call}: step {step} (counted from 0) lies {by} before the one before it: sort the series by time first"
    )]
    TimeGoesBack {
        /// The call the times were given to.
        call: &'static str,
        /// The step, counted from 0.
        step: usize,
        /// How far it goes back, in the unit of the times.
        by: Number,
    },
    /// A value in the data lies outside what the loss is defined on.
    #[error(
        "{call}: feature {feature} of sample {sample} is {value}{}, but {loss} needs {requirement}: {} (features and \
         samples are counted from 0)",
        if *is_normalized { " behind the model's normalizer" } else { "" },
        into_the_domain(*is_normalized)
    )]
    OutsideDomain {
        /// The call the data was given to.
        call: &'static str,
        /// The name of the loss.
        loss: &'static str,
        /// Index of the feature, counted from 0.
        feature: usize,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What was found.
        value: Number,
        /// Whether a normalizer of the model made it of what was given.
        is_normalized: bool,
        /// The domain of the loss.
        requirement: &'static str,
    },
    /// A number that stands for a class is none: it is not whole.
    #[error(
        "{call}: the class of sample {sample} (counted from 0) is {value}, but a class must be a whole \
         number from 0 to {}", classes.saturating_sub(1)
    )]
    NoClass {
        /// The call the classes were given to.
        call: &'static str,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What was found.
        value: Number,
        /// How many classes there are.
        classes: usize,
    },
    /// There is not a single sample of a kind that the call needs.
    #[error("{call}: there are no {kind} samples, but at least one is needed")]
    NoSamplesOfKind {
        /// The call the data was given to.
        call: &'static str,
        /// The kind: `positive`, `negative`.
        kind: &'static str,
    },
    /// A stream was given to a call that takes samples in memory.
    #[error(
        "{call}: this call takes samples in memory, and no stream (`Source::load` reads a stream into \
         memory)"
    )]
    Stream {
        /// The call it was given to.
        call: &'static str,
    },
    /// A value in samples that must be normal is a million times as large as the others of its feature.
    #[error(
        "{call}: {outlier}: by such a sample, which cannot be normal, all others are alike, so leave it out or mend it"
    )]
    Outlier {
        /// The call the data was given to.
        call: &'static str,
        /// Which.
        outlier: Outlier,
    },
    /// Features of a sample that are the shares of a whole, one-hot ones among them, do not add up to 1.
    #[error(
        "{call}: features {first} to {last} of sample {sample} add up to {total}, but the loss {loss} needs shares that \
         add up to 1: divide them by their sum, or give a level that is not known a feature of its own (features and \
         samples are counted from 0)"
    )]
    NotShares {
        /// The call the data was given to.
        call: &'static str,
        /// The name of the loss.
        loss: &'static str,
        /// Index of the first feature of the group, counted from 0.
        first: usize,
        /// Index of its last feature.
        last: usize,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What they add up to.
        total: Number,
    },
    /// A call needs something that another call has to set first.
    #[error("{call} needs {missing}: first call {remedy}")]
    NotSet {
        /// The call.
        call: &'static str,
        /// What it needs.
        missing: &'static str,
        /// The calls that set it.
        remedy: &'static str,
    },
    /// So few false alarms cannot be promised with so few held-out samples, or blocks of them.
    #[error(
        "a false-alarm rate of {rate} needs {needed} held-out {}, and there {} (the least rate with them is 1/{}, \
         about {}): calibrate with more, or take a greater rate",
        samples_or_blocks(*block),
        are(*samples),
        samples.saturating_add(1),
        rounded_up(least.0)
    )]
    TooFewForRate {
        /// The share of false alarms that was asked for.
        rate: Number,
        /// How many held-out samples or blocks that takes, a whole number.
        needed: Number,
        /// How many there are.
        samples: usize,
        /// How many samples in a row a block has; 1 where each counts for itself.
        block: usize,
        /// The least rate that there is with these.
        least: Number,
    },
    /// There is not a single sample.
    #[error("{call}: there are no samples, but at least one is needed")]
    NoSamples {
        /// The call the data was given to.
        call: &'static str,
    },
    /// A sample's weight is negative, NaN or infinite.
    #[error(
        "{place}: the weight of sample {sample} (counted from 0) is {value}, but must be finite and \
         not negative"
    )]
    SampleWeight {
        /// The call or the setting the weights were given to.
        place: &'static str,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What was found.
        value: Number,
    },
    /// A stage of a stack was refused or diverged.
    #[error("{stage}: {source}")]
    Stage {
        /// The stage: `level 2: 100 → 50`, `fine-tuning`, `classifier`.
        stage: String,
        /// What went wrong in it.
        source: Box<Error>,
    },
    /// An observer stopped a stage of a stack that others come after. A single training returns its report instead.
    #[error(
        "an observer stopped the training in epoch {epoch}, after batch {batch}, so that later stages are not trained; \
         where every trainer has checkpoints that resume (Checkpoints::resume), the same call goes on from there"
    )]
    Stopped {
        /// The epoch of the last step, counted from 1.
        epoch: usize,
        /// How many of its batches were done.
        batch: usize,
    },
    /// A label is no class.
    #[error(
        "{call}: the label of sample {sample} (counted from 0) is {label}, but must be one of {classes} \
         classes, a whole number from 0 to {}", classes.saturating_sub(1)
    )]
    Label {
        /// The call the labels were given to.
        call: &'static str,
        /// Index of the sample, counted from 0.
        sample: usize,
        /// What was found.
        label: i128,
        /// How many classes there are.
        classes: usize,
    },
    /// A count does not fit: features of a sample, length of a buffer, sizes of neighbours.
    #[error("{place}: expected {expected} {unit}, found {found}")]
    SizeMismatch {
        /// The call or the joint between two parts.
        place: &'static str,
        /// What is counted: `features`, `values`, `code units`.
        unit: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Two sizes of a convolution between which no stride leads, or more than one.
    #[error("{layer}: {}", strides(layer, side, found))]
    ConvolutionSizes {
        /// The layer, in whose direction sizes are told: `Conv2d`, `ConvTranspose2d`.
        layer: &'static str,
        /// The side that refuses: `rows`, `columns` or, of windows, `steps`.
        side: &'static str,
        /// The sizes along that side, and what would do.
        found: Box<NoStride>,
    },
    /// The channels of a layer cannot be divided into so many groups.
    #[error("{layer}: {}", cannot_be_divided(*channels, *groups))]
    Groups {
        /// The layer: `Conv2d`, `GroupNorm`.
        layer: &'static str,
        /// Its channels, those of its inputs and those of its outputs.
        channels: (usize, usize),
        /// The groups that were asked for.
        groups: usize,
    },
    /// The system does not let a file be read or written.
    #[error("{}: cannot {action}: {}", path.display(), in_words(*reason))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `read`, `sync the folder`.
        action: &'static str,
        /// What the system says.
        reason: ErrorKind,
    },
    /// A [`Log`](crate::train::Log) could not be written.
    #[error("the log of a training cannot be written: {}", in_words(*reason))]
    Log {
        /// What the system says.
        reason: ErrorKind,
    },
    /// A file that a [`Log`](crate::train::Log) is to go on with holds something else.
    #[error(
        "{}: the file is no log in this format, and is left as it is; give the log another name, or delete the file",
        path.display()
    )]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// A [`Log`](crate::train::Log) was given a training whose terms are not those of its header.
    #[error(
        "the header of the log names the terms {}, but the training has {}; give each training a log of its own",
        listed(header),
        listed(found)
    )]
    LogColumns {
        /// The names in the header.
        header: Vec<String>,
        /// Those of the training.
        found: Vec<String>,
    },
    /// A picture's file has a name that says none of the formats there are.
    #[cfg(any(feature = "image", feature = "plot"))]
    #[error("{}: the name of a picture must end in {endings}", path.display())]
    PictureFormat {
        /// The file.
        path: PathBuf,
        /// The endings of the formats: `.svg or .png`.
        endings: &'static str,
    },
    /// A picture of a folder has another size than the others, or than the samples should have.
    #[cfg(feature = "image")]
    #[error(
        "{}: the picture has {} rows and {} columns, and {} rows and {} columns are needed: leave it out, or take \
         `ImageOptions::resize({}, {})`, which brings all pictures to that size",
        path.display(), found.0, found.1, expected.0, expected.1, expected.0, expected.1
    )]
    ImageSize {
        /// The file.
        path: PathBuf,
        /// Rows and columns that the samples have.
        expected: (usize, usize),
        /// Rows and columns of the picture.
        found: (usize, usize),
    },
    /// A picture of a folder is cut short or damaged.
    #[cfg(feature = "image")]
    #[error("{}: the picture {}, or leave it out", path.display(), broken(*is_cut))]
    DamagedPicture {
        /// The file.
        path: PathBuf,
        /// Whether the file ends before the picture does.
        is_cut: bool,
    },
    /// Two pictures would be written to one file, however its path is spelled.
    #[cfg(feature = "image")]
    #[error(
        "{}: images {first} and {second} (counted from 0) would both be written to this file: give each a path of its own",
        path.display()
    )]
    SamePath {
        /// The file, as its path is spelled when it is given again.
        path: PathBuf,
        /// Which image it is given for first, counted from 0.
        first: usize,
        /// Which it is given for again.
        second: usize,
    },
    /// A name is given twice where each must be another.
    #[cfg(feature = "image")]
    #[error("{call}: `{name}` is named twice, but each name must be given once")]
    NamedTwice {
        /// The call the names were given to.
        call: &'static str,
        /// The name.
        name: String,
    },
    /// A schema has no column of this name or place.
    #[cfg(feature = "table")]
    #[error("{call}: the table has no column {column}; it has {names}")]
    NoColumn {
        /// The call.
        call: &'static str,
        /// What was asked for: `` `age` `` or `30 (counted from 0)`.
        column: String,
        /// The names there are.
        names: Box<Names>,
    },
    /// A column of a schema is not what was asked for.
    #[cfg(feature = "table")]
    #[error("the column `{column}` {fault}: {remedy}")]
    TableColumn {
        /// Its name.
        column: String,
        /// What is wrong: `has a single value`.
        fault: &'static str,
        /// What helps.
        remedy: &'static str,
    },
    /// A format of dates that no date can be read by.
    #[cfg(feature = "table")]
    #[error(
        "the format {format:?} of dates {fault}: write it as strptime does, such as \"%d.%m.%Y %H:%M\""
    )]
    DateFormat {
        /// The format.
        format: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A picture could not be drawn.
    #[cfg(feature = "plot")]
    #[error("{picture} cannot be drawn: {reason}")]
    Picture {
        /// The kind of picture.
        picture: &'static str,
        /// What the drawing library says.
        reason: String,
    },
    /// Plain features are drawn as a square of pixels, and these are none.
    #[cfg(feature = "plot")]
    #[error(
        "{picture}: samples of {features} features are no square images; say how high and wide they are, by with_size \
         of the batch or of the picture, such as with_size(Image::<1, {}, {}>)",
        sides(*features).0,
        sides(*features).1
    )]
    NotAnImage {
        /// The kind of picture.
        picture: &'static str,
        /// Features of a sample.
        features: usize,
    },
    /// A model file is not what was written.
    #[cfg(feature = "safetensors")]
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: crate::error::Problem,
    },
    /// A file holds a model of another kind, or a training with other settings.
    #[cfg(feature = "safetensors")]
    #[error(
        "{}: {what}: the file has {found}, but {expected} is needed{}",
        path.display(),
        remedy.map_or(String::new(), |remedy| format!("; {remedy}"))
    )]
    DoesNotFit {
        /// The file.
        path: PathBuf,
        /// What differs: `tensor 2`, `the loss`.
        what: String,
        /// What the model or the training has.
        expected: String,
        /// What the file has.
        found: String,
        /// What can be read of the file all the same, if anything.
        remedy: Option<&'static str>,
    },
    /// Something cannot be put into a model file; no file has been touched.
    #[cfg(feature = "safetensors")]
    #[error("{}: not saved: {problem}", path.display())]
    NotSaved {
        /// The file that was to be written.
        path: PathBuf,
        /// What stands against it.
        problem: crate::error::Problem,
    },
    /// A part looks at whole batches, which were to be cut into shards.
    #[error(
        "{part} looks at all samples of a batch together, which cannot be cut into shards: take 1 for \
         `Trainer::shards`, or another part; a regularizer of your own that does not look across samples says so by \
         `Needs::across`"
    )]
    NotInShards {
        /// The part, with its settings.
        part: String,
    },
    /// A process cannot give the others what it has, or does not get what they have.
    #[error(
        "`{call}` of process {rank}, by which it trains together with others, has failed: {reason}"
    )]
    Collective {
        /// The call of a [`Collective`](crate::collective::Collective) that has failed.
        call: &'static str,
        /// The process that says so, counted from 0.
        rank: usize,
        /// What it knows of it.
        reason: String,
    },
    /// A process of a training is not as the others are: it has other data, settings or another version. Nothing has been
    /// trained.
    #[error("process {rank} is not like process 0: {what} is {found} there and {expected} here")]
    Process {
        /// The first process that differs, counted from 0.
        rank: usize,
        /// In what it differs.
        what: String,
        /// What process 0 has.
        expected: String,
        /// What that process has.
        found: String,
    },
    /// Two processes of a training do not find the same where both have looked; which of them is right cannot be told.
    /// Nothing has been trained.
    #[error("process {} and process {} do not have the same data: {what} is {} and {}", ranks.0, ranks.1, found.0, found.1)]
    Apart {
        /// The two processes, counted from 0.
        ranks: (usize, usize),
        /// What both have looked at.
        what: String,
        /// What each has found.
        found: (String, String),
    },
    /// The system does not start the threads that were asked for.
    #[cfg(feature = "parallel")]
    #[error("cannot start {count} threads: {reason}")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// What the system says.
        reason: String,
    },
    /// All parameters of the model are frozen.
    #[error(
        "there is nothing to train: all parameters are frozen; give `false` to `set_encoder_frozen` or \
         `set_decoder_frozen`, or leave a layer without `frozen()`"
    )]
    NothingToTrain,
    /// Training produced a number that is not finite and has stopped in that step.
    /// The model holds the last finite parameters.
    #[error(
        "training diverged in epoch {epoch}, batch {batch}: {quantity} is not finite; the model holds \
         the last finite parameters ({})", or_smaller_rate(outlier.as_ref())
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The batch within the epoch, counted from 1.
        batch: usize,
        /// What stopped being finite: a term of the loss, the gradient, the parameters.
        quantity: String,
        /// The largest value of the samples, if it is a thousand times as large as others.
        outlier: Option<Outlier>,
    },
    /// A file holds something else than its format has at that place.
    #[error("{}{place}: found {found}, expected {expected}", path.display())]
    Malformed {
        /// The file; a member of an archive as if the archive were a folder.
        path: PathBuf,
        /// Where in the file.
        place: Place,
        /// What is there.
        found: Found,
        /// What belongs there.
        expected: &'static str,
    },
    /// A count in a file does not fit: bytes of a file, cells of a row, features of a sample.
    #[error("{}{place}: expected {expected} {unit}, found {found}", path.display())]
    FileMismatch {
        /// The file; a member of an archive as if the archive were a folder.
        path: PathBuf,
        /// Where in the file.
        place: Place,
        /// What is counted: `bytes`, `cells`, `features`.
        unit: &'static str,
        /// How many there must be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A file is a pickle of Python, alone or in the archive that `torch.save` makes: to read one is to run what it says.
    #[error(
        "{}: a pickle of Python, which runs any code that somebody put there where it is read, and is not read here; if you \
         trust it, convert it in Python:\n    tensors = torch.load({:?}, map_location=\"cpu\", weights_only=True)\n    \
         safetensors.torch.save_file({{k: v.contiguous() for k, v in tensors.items() if v.is_floating_point()}}, {:?})\n\
         (a tensor without a name as {{\"x\": tensors}}; whole numbers, such as labels, without the `if`)",
        path.display(), path, path.with_extension("safetensors")
    )]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// A file is of a kind that is read only with a feature of this crate.
    #[error("{} is {kind}, which is read with the crate's feature `{feature}`", path.display())]
    MissingFeature {
        /// The file.
        path: PathBuf,
        /// What it is: `a gzip file`.
        kind: &'static str,
        /// The feature, as it is called in `Cargo.toml`.
        feature: &'static str,
    },
}

impl Error {
    /// The same of samples whose first one has this number.
    pub(crate) fn in_samples_from(mut self, first: usize) -> Self {
        if let Self::NotFinite { sample, .. }
        | Self::OutsideDomain { sample, .. }
        | Self::NoClass { sample, .. }
        | Self::Outlier { outlier: Outlier { sample, .. }, .. }
        | Self::NotShares { sample, .. }
        | Self::EmptySample { sample, .. }
        | Self::ZeroSample { sample, .. }
        | Self::PartlyMissing { sample, .. }
        | Self::Label { sample, .. } = &mut self
        {
            *sample += first;
        }
        self
    }
}
