//! What a made-up finger must be, and what the extraction and the comparison make of it, with no person's data.

use std::sync::LazyLock;

use super::agreement::turn_between;
use super::*;
use crate::fingerprint::{Params, Prepared, Template, compare, extract};

fn small() -> FingerParams {
    FingerParams {
        size_px: SIZE,
        ..FingerParams::default()
    }
}

const SIZE: (usize, usize) = (256, 300);

fn framed(condition: Condition) -> Condition {
    Condition {
        frame_px: SIZE,
        ..condition
    }
}

#[test]
fn a_seed_is_a_finger() {
    let (a, again, b) = (
        Finger::grow(5, &small()),
        Finger::grow(5, &small()),
        Finger::grow(6, &small()),
    );
    let touch = |finger: &Finger, number| {
        finger
            .impression(number, &framed(Condition::clear()))
            .image
            .pixels
            .clone()
    };
    assert!(a.minutiae() == again.minutiae() && a.minutiae() != b.minutiae());
    assert!(touch(&a, 1) == touch(&again, 1) && touch(&a, 1) != touch(&a, 2));
}

#[test]
fn every_class_grows_ridges_with_minutiae_of_both_kinds() {
    for class in [
        Class::Arch,
        Class::TentedArch,
        Class::LeftLoop,
        Class::RightLoop,
        Class::Whorl,
    ] {
        let params = FingerParams {
            class: Some(class),
            ..small()
        };
        let finger = Finger::grow(3, &params);
        let count = finger.minutiae().len();
        // People show 0.1 to 0.4 a square millimetre; this is 198 square millimetres.
        assert!((20..=90).contains(&count), "{class:?}: {count}");
        let endings = finger
            .minutiae()
            .iter()
            .filter(|m| m.kind == Kind::Ending)
            .count();
        assert!(
            endings * 5 > count && endings * 5 < count * 4,
            "{class:?}: {endings} of {count}"
        );
    }
}

#[test]
fn what_is_true_moves_with_the_skin() {
    let finger = Finger::grow(8, &small());
    let still = finger.impression(1, &framed(Condition::clear()));
    let moved = Condition {
        turn: 0.5,
        shift_px: (12.0, -9.0),
        ..Condition::clear()
    };
    let moved = finger.impression(1, &framed(moved));
    let (sin, cos) = 0.5f32.sin_cos();
    let mut seen = 0;
    for m in still.minutiae.iter().map(|t| t.minutia) {
        let (x, y) = (m.x - 128.0, m.y - 150.0);
        let (x, y) = (140.0 + cos * x + sin * y, 141.0 + cos * y - sin * x);
        let near = |t: &&Touched| (t.minutia.x - x).hypot(t.minutia.y - y) < 0.5;
        if let Some(found) = moved.minutiae.iter().find(near) {
            assert!(turn_between(found.minutia.angle, m.angle + 0.5) < 0.02);
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

/// The same eight fingers for every condition.
static FINGERS: LazyLock<Vec<Finger>> = LazyLock::new(|| {
    (100..108)
        .map(|seed| Finger::grow(seed, &small()))
        .collect()
});

fn agreement(name: &str, condition: Condition) -> Agreement {
    let params = Params::default();
    let condition = framed(condition);
    let mut sum = Agreement::default();
    for finger in FINGERS.iter() {
        let made = finger.impression(1, &condition);
        let extraction = extract(&made.image, Some(500.0), &params).ok();
        sum += Agreement::new(&made, extraction.as_ref().map(|e| &e.template));
    }
    println!(
        "{name}: recall {:.3}, precision {:.3}, {sum:?}",
        sum.recall(),
        sum.precision()
    );
    sum
}

/// Least recall and precision: what was measured, less some.
fn check(name: &str, condition: Condition, recall: f32, precision: f32) {
    let sum = agreement(name, condition);
    assert!(sum.expected > 30, "{sum:?}");
    assert!(
        sum.recall() > recall && sum.precision() > precision,
        "{sum:?}"
    );
    let (away_px, turned) = sum.error();
    assert!(away_px < 5.0 && turned < 0.15, "{sum:?}");
    assert_eq!(sum.refused, 0);
}

#[test]
fn agreement_counts_what_is_missing_and_what_is_made_up() {
    let made = FINGERS[0].impression(1, &framed(Condition::clear()));
    let nothing = Agreement::new(&made, None);
    assert!(nothing.expected > 5 && nothing.refused == 1 && nothing.recall() == 0.0);
    let true_ones = |skip: usize, turn: f32| {
        let minutiae = made.minutiae.iter().skip(skip).map(|t| {
            let m = t.minutia;
            crate::fingerprint::Minutia::new(m.x, m.y, m.angle + turn, m.kind, 1.0)
        });
        Template {
            quality: 90,
            minutiae: minutiae.collect(),
            map: crate::fingerprint::template::OrientationMap {
                cell_px: 16,
                columns: 1,
                rows: 1,
                cells: vec![0],
            },
        }
    };
    let all = Agreement::new(&made, Some(&true_ones(0, 0.0)));
    assert_eq!(
        (all.recall(), all.precision(), all.same_kind),
        (1.0, 1.0, all.expected)
    );
    let fewer = Agreement::new(&made, Some(&true_ones(made.minutiae.len() / 2, 0.0)));
    assert!(fewer.recall() < 0.8 && fewer.precision() == 1.0);
    let turned = Agreement::new(&made, Some(&true_ones(0, 3.0)));
    assert!(turned.recall() < 0.2 && turned.precision() < 0.2);
}

#[test]
fn extraction_agrees_with_the_truth_on_clear_prints() {
    check("clear", Condition::clear(), 0.9, 0.95);
}

#[test]
fn extraction_agrees_with_the_truth_on_poor_prints() {
    check("dry", Condition::dry(), 0.85, 0.8);
    check("wet", Condition::wet(), 0.85, 0.85);
    check("partial", Condition::partial(), 0.85, 0.85);
    check("distorted", Condition::distorted(), 0.85, 0.9);
}

#[test]
fn a_small_equal_error_rate_with_no_data_beside() {
    let params = Params::default();
    let prints: Vec<(u64, Prepared)> = (0..20u64)
        .flat_map(|seed| {
            let finger = Finger::grow(1_000 + seed, &small());
            let params = &params;
            (0..4u64).filter_map(move |number| {
                let condition = Condition::varied(seed * 4 + number, SIZE, 0.8);
                let made = finger.impression(number, &condition);
                let stored = extract(&made.image, Some(500.0), params).ok()?;
                let stored = Template::from_bytes(&stored.template.to_bytes()).ok()?;
                Some((seed, Prepared::new(&stored, params)))
            })
        })
        .collect();
    assert_eq!(prints.len(), 80, "every touch gives a template");
    let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
    for (index, (finger, a)) in prints.iter().enumerate() {
        for (other, b) in &prints[index + 1..] {
            let score = compare(a, b, &params);
            if finger == other {
                mated.push(score);
            } else {
                non_mated.push(score);
            }
        }
    }
    let missed = |threshold: f64| {
        mated.iter().filter(|s| **s < threshold).count() as f64 / mated.len() as f64
    };
    let accepted = |threshold: f64| {
        non_mated.iter().filter(|s| **s >= threshold).count() as f64 / non_mated.len() as f64
    };
    let eer = mated
        .iter()
        .chain(&non_mated)
        .map(|t| missed(*t).max(accepted(*t)))
        .fold(1.0, f64::min);
    let highest = non_mated.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    println!("EER {eer:.4}, FNMR at FMR 0 {:.4}", missed(highest + 1e-9));
    assert!(eer < 0.02, "{eer}");
}
