//! The picture of how often units fire.

use autoencoder::Error;
use autoencoder::metrics::dictionary::Densities;
use autoencoder::plot::DensityHistogram;
use roxmltree::Document;

use crate::plots::{check_png, texts};

/// Left end and height of each rectangle of this colour, the marks of the legend left out.
fn bars(svg: &str, colour: &str) -> Vec<(f64, f64)> {
    let document = Document::parse(svg).unwrap();
    let number =
        |node: &roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().parse().unwrap();
    let of_colour = document.descendants().filter(|node| node.attribute("fill") == Some(colour));
    let all = of_colour.map(|node| (number(&node, "x"), number(&node, "height")));
    all.filter(|&(left, _): &(f64, f64)| left < 720.0).collect()
}

const FIRING: &str = "#56B4E9";
const DEAD: &str = "#D55E00";

#[test]
fn dead_units_stand_apart_from_those_that_fire() {
    // 60 units at 10⁻⁴, 30 at 10⁻², 30 that always fire, and 15 dead ones.
    let count = |unit: usize| match unit {
        0..60 => 1,
        60..90 => 100,
        90..120 => 10_000,
        _ => 0,
    };
    let densities = Densities::new((0..135).map(count).collect::<Vec<u64>>(), 10_000).unwrap();
    let picture = DensityHistogram::new(&densities).bins(8);
    let svg = picture.to_svg().unwrap();
    check_png(&svg, &picture.to_png().unwrap());
    let (firing, dead) = (bars(&svg, FIRING), bars(&svg, DEAD));
    assert_eq!((firing.len(), dead.len()), (3, 1));
    assert!((firing[0].1 / firing[1].1 - 2.0).abs() < 0.05, "{firing:?}");
    assert!((firing[0].1 / dead[0].1 - 4.0).abs() < 0.1, "{firing:?} {dead:?}");
    assert!(dead[0].0 < firing[0].0 && firing[0].0 < firing[1].0);
    let texts = texts(&svg);
    for text in ["fires: 120 of 135", "never: 15 of 135", "1e−4", "0.01", "1"] {
        assert!(texts.iter().any(|found| found == text), "{text} in {texts:?}");
    }
    // No label under the bar of those that have no logarithm.
    assert!(!texts.iter().any(|text| text == "1e−5"), "{texts:?}");
}

#[test]
fn any_densities_can_be_drawn() {
    let svg = |fired: &[u64], samples| {
        let picture = DensityHistogram::new(&Densities::new(fired, samples).unwrap());
        let svg = picture.to_svg().unwrap();
        check_png(&svg, &picture.to_png().unwrap());
        (bars(&svg, FIRING).len(), bars(&svg, DEAD).len())
    };
    assert_eq!(svg(&[0, 0], 1), (0, 1));
    assert_eq!(svg(&[5], 5), (1, 0));
    assert_eq!(svg(&[1, u64::MAX], u64::MAX), (2, 0));
    assert_eq!(svg(&[1, 10, 100, 1000, 0], 1000), (4, 1));
    let densities = Densities::new([1], 1).unwrap();
    for bins in [0, 1001] {
        let refused = DensityHistogram::new(&densities).bins(bins).to_svg();
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    }
}
