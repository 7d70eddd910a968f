//! Images of three channels are drawn in colour, in pictures and on the page.
//!
//! With `AUTOENCODER_SCREENSHOTS=folder` the pictures are left there.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::plot::{CodeGrid, FeatureGrid, Palette, Reconstructions, Traversal};
use autoencoder::size::Image;
use autoencoder::units::filters;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Error, Trainer};
use common::photos::{Photo, photos};

use crate::plots::decoded;

/// The pixel of the first image of a picture without labels of rows, at this row and column.
fn pixel(png: &[u8], left: usize, row: usize, column: usize) -> [u8; 3] {
    let (width, _, pixels) = decoded(png);
    let at = 3 * ((62 + 12 * row) * width as usize + left + 6 + 12 * column);
    [pixels[at], pixels[at + 1], pixels[at + 2]]
}

#[test]
fn features_of_three_channels_are_in_colour() {
    // Four pixels: red and not green, grey, all of it, and nothing but blue is missing.
    let planes = [[2.0, 0.0, 2.0, 0.0], [-2.0, 0.0, 2.0, 0.0], [0.0, 0.0, 2.0, -1.0]].concat();
    let feature = Batch::new(Image::<3, 2, 2>, planes).unwrap();
    let picture = FeatureGrid::new(&feature);
    let png = picture.to_png().unwrap();
    let at = |row, column| pixel(&png, 20, row, column);
    assert_eq!(
        [at(0, 0), at(0, 1), at(1, 0), at(1, 1)],
        [[255, 0, 128], [128; 3], [255; 3], [128, 128, 64]]
    );
    assert_eq!(picture.clone().palette(Palette::Colour).to_svg(), picture.to_svg());
    // What was asked for goes first: the channels one below the other.
    let grey = picture.clone().palette(Palette::Grey);
    let tall = feature.clone().with_size(Image::<1, 6, 2>).unwrap();
    assert_eq!(grey.to_svg(), FeatureGrid::new(&tall).palette(Palette::Grey).to_svg());
    let error = FeatureGrid::new(&tall).palette(Palette::Colour).to_svg().unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { value, .. } if value.0 == 1.0), "{error}");
}

/// From 0.25 to 0.75 over 255 shades: 0.25, 0.375, 0.5 and 0.75 are 0, 63.75, 127.5 and 255; what is beyond is the end.
#[test]
fn a_range_draws_features_as_pictures() {
    let values = vec![0.25, 0.375, 0.5, 0.75, 0.0, 1.0, 0.25, 0.25];
    let two = Batch::new(Image::<1, 2, 2>, values).unwrap();
    let (plain, ranged) = (FeatureGrid::new(&two), FeatureGrid::new(&two).range(0.25..=0.75));
    let corners = [(0, 0), (0, 1), (1, 0), (1, 1)];
    // The second image lies beside the first, behind two pixels and a gap of 4.
    let shades = |picture: &FeatureGrid, left: usize| {
        let png = picture.to_png().unwrap();
        corners.map(|(row, column)| pixel(&png, left, row, column))
    };
    assert_eq!(shades(&ranged, 20), [0, 64, 128, 255].map(|shade| [shade; 3]));
    assert_eq!(shades(&ranged, 48), [0, 255, 0, 0].map(|shade| [shade; 3]));
    // Without, each is up to its own largest value, in white and orange: nothing of it is dark.
    assert!(shades(&plain, 20).iter().all(|[red, ..]| *red > 200));
    assert_eq!(ranged.clone().palette(Palette::Grey).to_svg(), ranged.to_svg());
    assert!(ranged.to_svg().unwrap().contains(">\n0.75\n<"));

    // White is the middle of a range in blue and orange, and its number is said.
    let diverging = ranged.palette(Palette::Diverging);
    assert_eq!(shades(&diverging, 20), [[0, 114, 178], [128, 185, 217], [255; 3], [213, 94, 0]]);
    assert!(diverging.to_svg().unwrap().contains(">\n0.5\n<"));

    // Colours are those of the values too: half of 0.5 is half of the light.
    let dark = Batch::new(Image::<3, 2, 1>, vec![0.0, 0.0, 0.25, 0.25, 0.5, 0.5]).unwrap();
    let png = |picture: FeatureGrid| pixel(&picture.to_png().unwrap(), 20, 0, 0);
    assert_eq!(png(FeatureGrid::new(&dark).range(0.0..=0.5)), [0, 128, 255]);
    assert_eq!(png(FeatureGrid::new(&dark).range(0.0..=1.0)), [0, 64, 128]);
}

#[test]
fn a_range_without_two_ends_is_refused() {
    let one = Batch::new(Image::<1, 1, 1>, vec![0.5]).unwrap();
    let text = |range| FeatureGrid::new(&one).range(range).to_svg().unwrap_err().to_string();
    assert_eq!(
        text(1.0..=1.0),
        "the high end of FeatureGrid range is 1, but must be more than the low end"
    );
    let within = "but must be from −1e100 to 1e100";
    let low = "the low end of FeatureGrid range";
    assert_eq!(text(f64::NAN..=1.0), format!("{low} is NaN, {within}"));
    assert_eq!(
        text(0.0..=f64::INFINITY),
        format!("the high end of FeatureGrid range is inf, {within}")
    );
}

#[test]
fn reconstructions_have_their_true_colours() {
    // From 0 to 1, though all of these are between 0.2 and 0.6.
    let planes = [[0.2, 0.4, 0.6, 0.2], [0.4; 4], [0.6, 0.2, 0.4, 0.6]].concat();
    let x = Batch::new(Image::<3, 2, 2>, planes).unwrap();
    let svg = Reconstructions::new(&x, &x).to_svg().unwrap().to_lowercase();
    for colour in ["#336699", "#666633", "#996666"] {
        assert!(svg.contains(colour), "{colour}");
    }
    // What is beyond is the end of all.
    let wide = Batch::new(Image::<3, 2, 2>, [[-1.0, 3.0, 0.0, 1.0]; 3].concat()).unwrap();
    let svg = Reconstructions::new(&wide, &wide).to_svg().unwrap().to_lowercase();
    for colour in ["#000000", "#ffffff", "#404040", "#808080"] {
        assert!(svg.contains(colour), "{colour}");
    }
}

#[test]
fn all_pictures_of_a_model_of_colours() {
    let photos = photos(200);
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<432, 2>::new(Sigmoid))
            .decoder(Dense::<2, 432>::new(Identity))
            .build::<f32>()
            .unwrap()
    };
    let mut model = build();
    Trainer::new(Adam::new(3e-3).unwrap()).epochs(10).fit(&mut model, &photos).unwrap();
    let codes = CodeGrid::new(&model, 0.0..=1.0, 0.0..=1.0, 4).unwrap();
    let codes = codes.with_size(Photo::default()).unwrap();
    let traversal = Traversal::new(&model, &[0.5; 2], 1, 0.0..=1.0, 5).unwrap();
    let traversal = traversal.with_size(Photo::default()).unwrap();
    let features = filters(&model).with_size(Photo::default()).unwrap();
    let outputs = model.reconstruct(&photos).unwrap();
    let pictures = [
        ("codes", codes.to_png().unwrap(), codes.palette(Palette::Grey).to_png().unwrap()),
        (
            "traversal",
            traversal.to_png().unwrap(),
            traversal.palette(Palette::Grey).to_png().unwrap(),
        ),
        (
            "features",
            FeatureGrid::new(&features).to_png().unwrap(),
            FeatureGrid::new(&features).palette(Palette::Diverging).to_png().unwrap(),
        ),
        (
            "reconstructions",
            Reconstructions::new(&photos, &outputs).to_png().unwrap(),
            Reconstructions::new(&photos, &outputs).palette(Palette::Grey).to_png().unwrap(),
        ),
    ];
    for (name, in_colour, otherwise) in pictures {
        assert!(in_colour != otherwise, "{name}");
        // Above the scale.
        let (width, height, pixels) = decoded(&in_colour);
        let images = &pixels[..3 * (width * (height - 80)) as usize];
        let coloured = images.chunks_exact(3).filter(|pixel| pixel[0] != pixel[1]).count();
        assert!(coloured > images.len() / 3 / 10, "{name}: {coloured}");
        if let Some(folder) = std::env::var_os("AUTOENCODER_SCREENSHOTS") {
            let path = std::path::Path::new(&folder).join(format!("colours-{name}.png"));
            std::fs::write(path, &in_colour).unwrap();
        }
    }
}
