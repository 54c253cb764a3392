//! Comparing allocates nothing, so that a gallery is searched at the speed of arithmetic.

use matcher::fingerprint::synthetic::{Condition, Finger, FingerParams};
use matcher::fingerprint::{Params, Prepared, compare, compare_or_dismiss, extract};

fn prepared(seed: u64, number: u64, params: &Params) -> Prepared {
    let finger = Finger::grow(seed, &FingerParams::default());
    let image = finger.impression(number, &Condition::clear()).image;
    let made = extract(&image, Some(500.0), params).expect("a clear print");
    Prepared::new(&made.template, params)
}

#[test]
fn a_comparison_allocates_nothing() {
    let params = Params::default();
    let (probe, same, other) = (
        prepared(1, 0, &params),
        prepared(1, 1, &params),
        prepared(2, 0, &params),
    );
    // The counter sees what is allocated at all.
    assert!(
        allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 64]))).count_total > 0
    );
    for reference in [&same, &other] {
        let counted = allocation_counter::measure(|| {
            std::hint::black_box(compare(&probe, reference, &params));
            std::hint::black_box(compare_or_dismiss(&probe, reference, &params));
        });
        assert_eq!(counted.count_total, 0);
    }
}
