//! Convolutions between sizes that lead nowhere are refused, and the refusal says what would do.

use autoencoder::activation::Identity;
use autoencoder::layer::ConvolutionLayer;
use autoencoder::size::{DynImage, DynWindow};
use autoencoder::{
    AutoEncoder, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Error, Fit, GroupNorm, Module,
    NoStride,
};

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let image = |channels, height, width| DynImage { channels, height, width };
    let refused = |layer: ConvolutionLayer<DynImage, DynImage, Identity>| {
        layer.check_sizes().unwrap_err().to_string()
    };
    let both = |to: DynImage| Conv2d::between(image(2, 8, 8), to, 3, Identity);
    assert!(refused(both(image(2, 3, 3))).contains("stride"));
    assert!(refused(both(image(0, 8, 8))).contains("channels"));
    assert!(refused(both(image(2, 8, 8)).groups(0)).contains("groups"));
    assert!(refused(both(image(2, 8, 8)).stride(0)).contains("stride"));
    assert!(refused(both(image(2, 8, 8)).dilation(0)).contains("dilation"));
    assert!(refused(both(image(2, 8, 8)).padding(usize::MAX)).contains("2²⁰"));
    assert!(refused(both(image(2, 8, 8)).stride(usize::MAX)).contains("2²⁰"));
    assert!(refused(both(image(2, 8, 8)).dilation(usize::MAX)).contains("2²⁰"));
    assert!(refused(both(image(usize::MAX, 8, 8))).contains("2²⁰"));
    // What no memory holds is refused before any is taken.
    let wide = Conv2d::between(image(1, 28, 28), image(1, 28, 28), 28_000, Identity);
    assert!(refused(wide).contains("2²⁴"));
    let to = image(2, 8, 8);
    let wide = Conv2d::between(
        DynImage { channels: 1, height: 8000, width: 8000 },
        DynImage { channels: 1, height: 1, width: 1 },
        3,
        Identity,
    );
    assert!(refused(wide.stride(8000)).contains("2¹⁶"));
    assert!(refused(Conv2d::between(to, to, 2, Identity).dilation(1 << 20)).contains("2²⁸"));
    let one = Conv2d::between(to, image(2, 1, 1), 3, Identity).stride(65_536);
    assert!(refused(one).contains("2²⁸"));
    let large = image(128, 512, 512);
    assert_eq!(Conv2d::between(large, large, 3, Identity).check_sizes(), Ok(()));
    // The other way was meant.
    assert!(refused(both(image(2, 16, 16)).stride(2)).contains("stride"));
    let fits = Conv2d::between(image(2, 8, 8), image(4, 8, 8), (3, 1), Identity).groups(2);
    assert_eq!(fits.check_sizes(), Ok(()));
    let built = AutoEncoder::builder()
        .encoder(both(image(2, 3, 3)))
        .decoder(ConvTranspose2d::between(image(2, 3, 3), image(2, 8, 8), 3, Identity))
        .build::<f64>();
    assert!(matches!(built.map(|_| ()), Err(Error::ConvolutionSizes { layer: "Conv2d", .. })));
}

/// Which side refuses, with its numbers in the layer's own direction, and what would do.
#[test]
fn sizes_that_tell_no_stride_are_told_with_what_would_do() {
    let image = |height, width| DynImage { channels: 1, height, width };
    let window = |steps| DynWindow { channels: 1, steps };
    let there = |from, to| Conv2d::between(from, to, 3, Identity);
    let back = |from, to| ConvTranspose2d::between(from, to, 3, Identity);
    let fit = |outputs, stride, padding| Fit { outputs, stride, padding };

    let error = there(image(28, 28), image(14, 12)).check_sizes().unwrap_err();
    let fits = vec![fit(10, 3, 1), fit(13, 2, 0)];
    let expected = Error::ConvolutionSizes {
        layer: "Conv2d",
        side: "columns",
        found: Box::new(NoStride {
            inputs: 28,
            outputs: 12,
            kernel: 3,
            dilation: 1,
            stride: None,
            padding: None,
            fits,
        }),
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "Conv2d: no stride makes 28 → 12 columns with a kernel of 3: the nearest sizes that fit: 28 → 10 (stride 3, \
         padding 1) and 28 → 13 (stride 2, padding 0)"
    );
    let error = there(image(4, 4), image(2, 4)).check_sizes().unwrap_err().to_string();
    assert_eq!(
        error,
        "Conv2d: 4 → 2 rows with a kernel of 3 do not tell the stride: stride 1 with padding 0, or stride 2 with padding 1, \
         or stride 3 with padding 1 would do; give both, as by `.stride(1).padding(0)`, to the layer that `between` makes"
    );
    // The other way round.
    let error = back(image(2, 4), image(4, 4)).check_sizes().unwrap_err().to_string();
    assert!(
        error.starts_with("ConvTranspose2d: 2 → 4 rows with a kernel of 3 do not tell"),
        "{error}"
    );
    let error = back(image(12, 14), image(28, 28)).check_sizes().unwrap_err();
    let Error::ConvolutionSizes { side: "rows", found, .. } = &error else { panic!("{error:?}") };
    assert_eq!((found.inputs, found.outputs), (12, 28));
    assert_eq!(found.fits, [fit(26, 2, 0), fit(34, 3, 1)], "{error}");
    // What is said is told, and what would do is what is left.
    let error = there(image(28, 28), image(14, 14)).stride(3).check_sizes().unwrap_err();
    let expected = "28 → 14 rows with a kernel of 3, stride 3 do not go together: stride 2 with padding 1 would do";
    assert!(error.to_string().contains(expected), "{error}");
    let error = there(image(28, 28), image(12, 14)).stride(2).check_sizes().unwrap_err();
    let expected = "no stride makes 28 → 12 rows with a kernel of 3, stride 2: the nearest sizes that fit: 28 → 13 (stride 2";
    assert!(error.to_string().contains(expected), "{error}");
    let error = there(image(28, 28), image(3, 28)).check_sizes().unwrap_err();
    assert!(
        error.to_string().contains("do not tell the stride: stride 9 with padding 0"),
        "{error}"
    );
    let layer = Conv1d::between(window(28), window(11), 3, Identity).dilation(2);
    let error = layer.check_sizes().unwrap_err().to_string();
    assert!(error.starts_with(
        "Conv1d: 28 → 11 steps with a kernel of 3, dilation 2 do not tell the stride: stride 3 "
    ));
    let layer = ConvTranspose1d::between(window(12), window(28), 3, Identity);
    assert!(
        layer
            .check_sizes()
            .unwrap_err()
            .to_string()
            .starts_with("ConvTranspose1d: no stride makes")
    );

    // Whatever is advised does.
    let (mut asked, mut advised) = (0, 0);
    for (from, to, kernel) in
        (1..18).flat_map(|a| (1..18).flat_map(move |b| (1..6).map(move |k| (a, b, k))))
    {
        for is_back in [false, true] {
            let checked = |to: usize, fit: Option<Fit>| {
                if is_back {
                    let layer =
                        ConvTranspose1d::between(window(from), window(to), kernel, Identity);
                    match fit {
                        Some(fit) => layer.stride(fit.stride).padding(fit.padding).check_sizes(),
                        None => layer.check_sizes(),
                    }
                } else {
                    let layer = Conv1d::between(window(from), window(to), kernel, Identity);
                    match fit {
                        Some(fit) => layer.stride(fit.stride).padding(fit.padding).check_sizes(),
                        None => layer.check_sizes(),
                    }
                }
            };
            let Err(error) = checked(to, None) else { continue };
            let Error::ConvolutionSizes { found, .. } = &error else { panic!("{error}") };
            assert_eq!((found.inputs, found.outputs), (from, to));
            asked += 1;
            for fit in &found.fits {
                assert_eq!(checked(fit.outputs, Some(*fit)), Ok(()), "{error}");
                if fit.outputs != to {
                    assert_eq!(checked(fit.outputs, None), Ok(()), "{error}");
                }
                advised += 1;
            }
        }
    }
    assert!(asked > 500 && advised > asked, "{asked} {advised}");
}

/// Which layers lead the other way: to more outputs than inputs, or to fewer.
#[test]
fn the_layer_that_leads_the_other_way_is_named() {
    let image = |side| DynImage { channels: 1, height: side, width: side };
    let window = |steps| DynWindow { channels: 1, steps };
    let text = |result: autoencoder::Result<()>| result.unwrap_err().to_string();
    assert_eq!(
        text(Conv2d::between(image(14), image(28), 3, Identity).check_sizes()),
        "Conv2d: no stride makes 14 → 28 rows with a kernel of 3: the nearest sizes that fit: 14 → 16 (stride 1, padding 2); \
         `ConvTranspose2d` or `Upsample2d` leads to a larger image"
    );
    let there = text(Conv1d::between(window(14), window(28), 3, Identity).check_sizes());
    assert!(
        there.ends_with("; `ConvTranspose1d` or `Upsample1d` leads to a longer window"),
        "{there}"
    );
    let back = text(ConvTranspose2d::between(image(28), image(14), 3, Identity).check_sizes());
    assert!(back.ends_with("; `Conv2d` or `MaxPool2d` leads to a smaller image"), "{back}");
    let back = text(ConvTranspose1d::between(window(28), window(14), 3, Identity).check_sizes());
    assert!(back.ends_with("; `Conv1d` or `MaxPool1d` leads to a shorter window"), "{back}");
}

#[test]
fn groups_are_told_with_the_channels() {
    let image = |channels| DynImage { channels, height: 8, width: 8 };
    let there = |from, to, groups| {
        Conv2d::between(image(from), image(to), 3, Identity).groups(groups).check_sizes()
    };
    let error = |layer, channels, groups| Err(Error::Groups { layer, channels, groups });
    assert_eq!(there(2, 3, 2), error("Conv2d", (2, 3), 2));
    // In the layer's own direction.
    let back = ConvTranspose2d::between(image(2), image(3), 3, Identity).groups(2);
    assert_eq!(back.check_sizes(), error("ConvTranspose2d", (2, 3), 2));
    let norm = GroupNorm::dynamic(image(6), 4);
    assert_eq!(norm.check_sizes(), error("GroupNorm", (6, 6), 4));
    for (result, expected) in [
        (
            there(2, 3, 2),
            "Conv2d: 2 → 3 channels cannot be divided into 2 groups: their number must divide the channels on both sides, as 1 \
             does",
        ),
        (
            there(12, 24, 5),
            "Conv2d: 12 → 24 channels cannot be divided into 5 groups: their number must divide the channels on both sides, as \
             4 and 6 do",
        ),
        (
            norm.check_sizes(),
            "GroupNorm: 6 channels cannot be divided into 4 groups: their number must divide the channels, as 3 and 6 do",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    let most = Error::Groups { layer: "Conv2d", channels: (usize::MAX, 7), groups: usize::MAX };
    assert!(most.to_string().ends_with("as 1 does"), "{most}");
}
