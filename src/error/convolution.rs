/// A size that fits a convolution along one side, with the stride and the padding that lead there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// The layer's outputs along the side.
    pub outputs: usize,
    /// Inputs from one place of the kernel to the next; of a transposed layer, outputs.
    pub stride: usize,
    /// Zeros before the first row or column.
    pub padding: usize,
}

/// Two sizes of a convolution along one side, between which no stride leads or more than one, with what was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoStride {
    /// The layer's inputs along the side.
    pub inputs: usize,
    /// Its outputs.
    pub outputs: usize,
    /// The taps of the kernel.
    pub kernel: usize,
    /// The dilation, which is 1 unless it was given.
    pub dilation: usize,
    /// The stride, if it was given.
    pub stride: Option<usize>,
    /// The padding, if it was given.
    pub padding: Option<usize>,
    /// What would do: of the same outputs, stride and padding to give; of others, the nearest that there are.
    pub fits: Vec<Fit>,
}

/// That sizes tell no stride, and what would.
pub(super) fn strides(layer: &str, side: &str, found: &NoStride) -> String {
    let NoStride { inputs, outputs, kernel, dilation, stride, padding, fits } = found;
    let (inputs, outputs, dilation) = (*inputs, *outputs, *dilation);
    let (stride_given, padding_given) = (*stride, *padding);
    let mut with = format!("a kernel of {kernel}");
    if dilation > 1 {
        with += &format!(", dilation {dilation}");
    }
    for (name, given) in [("stride", stride_given), ("padding", padding_given)] {
        if let Some(given) = given {
            with += &format!(", {name} {given}");
        }
    }
    let sizes = format!("{inputs} → {outputs} {side} with {with}");
    let to_give: Vec<&Fit> = fits.iter().filter(|fit| fit.outputs == outputs).collect();
    if let Some(Fit { stride, padding, .. }) = to_give.first() {
        let each = |fit: &&Fit| format!("stride {} with padding {}", fit.stride, fit.padding);
        let each: Vec<String> = to_give.iter().map(each).collect();
        let is_given = stride_given.is_some() || padding_given.is_some();
        let fault = if is_given { "do not go together" } else { "do not tell the stride" };
        return format!(
            "{sizes} {fault}: {} would do; give both, as by `.stride({stride}).padding({padding})`, to the \
             layer that `between` makes",
            each.join(", or ")
        );
    }
    let nearest: Vec<String> = fits
        .iter()
        .map(|fit| {
            format!("{inputs} → {} (stride {}, padding {})", fit.outputs, fit.stride, fit.padding)
        })
        .collect();
    let what = match &nearest[..] {
        [] => "take another kernel, or other sizes".to_owned(),
        nearest => format!("the nearest sizes that fit: {}", nearest.join(" and ")),
    };
    let other = other_way(layer, inputs, outputs);
    format!("no stride makes {sizes}: {what}{other}")
}

/// What leads the other way than a layer: to more outputs than inputs, or to fewer.
fn other_way(layer: &str, inputs: usize, outputs: usize) -> &'static str {
    match layer {
        "Conv2d" if outputs > inputs => {
            "; `ConvTranspose2d` or `Upsample2d` leads to a larger image"
        }
        "Conv1d" if outputs > inputs => {
            "; `ConvTranspose1d` or `Upsample1d` leads to a longer window"
        }
        "ConvTranspose2d" if outputs < inputs => {
            "; `Conv2d` or `MaxPool2d` leads to a smaller image"
        }
        "ConvTranspose1d" if outputs < inputs => {
            "; `Conv1d` or `MaxPool1d` leads to a shorter window"
        }
        _ => "",
    }
}

/// That channels cannot be divided into so many groups, and into how many they can.
pub(super) fn cannot_be_divided((inputs, outputs): (usize, usize), groups: usize) -> String {
    let (channels, both) = match inputs == outputs {
        true => (format!("{inputs} channels"), ""),
        false => (format!("{inputs} → {outputs} channels"), " on both sides"),
    };
    // Divisors of both come in pairs, of which one is not above the root; of a layer's channels that is small.
    let (mut common, mut rest) = (inputs, outputs);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    let small = (1..=common.isqrt().min(1 << 20)).filter(|by| common.is_multiple_of(*by));
    let divisors: Vec<usize> = small.flat_map(|by| [by, common / by]).collect();
    let fewer = divisors.iter().filter(|&&by| by < groups).max();
    let more = divisors.iter().filter(|&&by| by > groups).min();
    let nearest = match (fewer, more) {
        (Some(fewer), Some(more)) => format!(", as {fewer} and {more} do"),
        (Some(one), None) | (None, Some(one)) => format!(", as {one} does"),
        (None, None) => String::new(),
    };
    format!(
        "{channels} cannot be divided into {groups} groups: their number must divide the channels{both}{nearest}"
    )
}
