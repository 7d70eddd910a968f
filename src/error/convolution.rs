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
pub(super) fn strides(side: &str, found: &NoStride) -> String {
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
    format!("no stride makes {sizes}: {what}")
}
