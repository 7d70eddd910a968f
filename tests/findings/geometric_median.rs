//! Geometric medians, against scipy 1 and by what is true of them.
//!
//! With the numbers of the script in `dictionaries.rs`:
//! ```python
//! from scipy.optimize import minimize
//! for s in values(1, 3, 15), np.concatenate([values(1, 3, 15), np.full((3, 4), 1e3)], 1):
//!     sum_of = lambda m: np.linalg.norm(s - m[:, None], axis=0).sum()
//!     grad = lambda m: ((m[:, None] - s) / np.linalg.norm(s - m[:, None], axis=0)).sum(1)
//!     print(minimize(sum_of, s.mean(1), jac=grad, method="BFGS", options=dict(gtol=1e-13, maxiter=1000)).x)
//! ```

use autoencoder::metrics::geometric_median;
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, BatchView};
use proptest::prelude::*;

use crate::dictionaries::values;

/// ‖Σ (x − y)/‖x − y‖‖ over the samples elsewhere, and how many are at y: the first is at most the second at the median, and
/// only there (Vardi & Zhang 2000, theorem 1).
fn pull(samples: &Batch<f64, Dyn>, y: &[f64]) -> (f64, f64) {
    let (mut sum, mut here) = (vec![0.0; y.len()], 0.0);
    for x in samples.iter() {
        let off: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        let distance = off.iter().map(|off| off * off).sum::<f64>().sqrt();
        match distance > 0.0 {
            true => sum.iter_mut().zip(&off).for_each(|(sum, off)| *sum += off / distance),
            false => here += 1.0,
        }
    }
    (sum.iter().map(|sum| sum * sum).sum::<f64>().sqrt(), here)
}

#[test]
fn geometric_medians_are_those_of_scipy() {
    let plain = values(1, 3, 15);
    let mut far = plain.as_slice().to_vec();
    far.extend([1e3; 12]);
    let cases = [
        (plain, [-0.10720103991914179, -0.19368094711044784, -0.07348308514873676]),
        (
            Batch::new(Dyn(3), far).unwrap(),
            [0.017107838633762033, -0.09826593192981821, 0.08609492359193502],
        ),
    ];
    for (samples, expected) in cases {
        let found = geometric_median(samples.view()).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-8, "{found}, not {expected}");
        }
    }
}

proptest! {
    #[test]
    fn a_geometric_median_is_where_nothing_pulls(seed in 0..1000_u64, dimensions in 2..6_usize, samples in 1..30_usize, copies in 0..20_usize) {
        let all = values(seed, dimensions, samples);
        let all = all.select((0..samples).chain(std::iter::repeat_n(0, copies)));
        let median = geometric_median(all.view()).unwrap();
        let (norm, here) = pull(&all, &median);
        prop_assert!(norm <= here + 1e-6, "{norm} beside {here}");
        // More copies than others: theirs, to the bit.
        if copies + 1 > samples {
            prop_assert_eq!(&median[..], all.sample(0));
        }
    }

    #[test]
    fn on_a_line_it_is_a_median(values in prop::collection::vec(-1e3..1e3_f64, 1..40), copies in 0..3_usize) {
        let values: Vec<f64> = values.iter().copied().chain(values.iter().copied().take(copies)).collect();
        let found = geometric_median(BatchView::new(&values, 1)).unwrap()[0];
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = [sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]];
        prop_assert!(middle[0] <= found && found <= middle[1], "{found} of {sorted:?}");
    }
}

#[test]
fn a_median_beside_many_copies_is_reached() {
    // 19 copies of one sample are nearly the median, but not quite: steps of the plain iteration shrink slowly.
    let all = values(543, 3, 27);
    let all = all.select((0..27).chain(std::iter::repeat_n(0, 18)));
    let (at_copies, copies) = pull(&all, all.sample(0));
    assert!(at_copies > copies && at_copies < copies + 1.0, "{at_copies}");
    let (norm, here) = pull(&all, &geometric_median(all.view()).unwrap());
    assert!(norm < 1e-7 && here == 0.0, "{norm} beside {here}");
}

#[test]
fn the_iteration_goes_on_from_a_sample_that_is_not_the_median() {
    // The mean of these, where it begins, is the sample (0, 0), and the median is elsewhere: for Weiszfeld's own step there
    // is none from here. One coordinate of the pull on the rest decides, by symmetry.
    let samples = Batch::from_iter([
        [0.0, 0.0],
        [4.0, 0.0],
        [-1.0, 0.5],
        [-1.0, -0.5],
        [-1.0, 0.25],
        [-1.0, -0.25],
    ]);
    let samples = samples.into_dynamic();
    assert!(pull(&samples, &[0.0, 0.0]).0 > 1.0);
    let found = geometric_median(samples.view()).unwrap();
    let (norm, here) = pull(&samples, &found);
    assert!(norm <= here + 1e-8, "{norm} at {found:?}");
    assert!(found[0] < -0.5 && found[1].abs() < 1e-12);
    // In single precision, and of samples that are all the same.
    assert_eq!(geometric_median(BatchView::new(&[0.1_f32; 6], 2)).unwrap(), [0.1, 0.1]);
}
