//! What a made-up finger must be, and what the extraction and the comparison make of it, with no person's data.

use std::f32::consts::{PI, TAU};
use std::sync::LazyLock;

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

fn turn_between(a: f32, b: f32) -> f32 {
    ((a - b + 3.0 * PI).rem_euclid(TAU) - PI).abs()
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

/// How an extraction agrees with the truth.
#[derive(Default, Debug)]
struct Agreement {
    true_ones: usize,
    found: usize,
    extracted: usize,
    right: usize,
    refused: usize,
    /// Sums over what was found: distance (px), angle (radians), right kind.
    apart_px: f32,
    apart: f32,
    same_kind: usize,
}

/// Place and direction within which an extracted minutia is the true one.
const NEAR_PX: f32 = 10.0;
const NEAR: f32 = 25.0 * PI / 180.0;
/// True minutiae nearer to the edge than this need not be found: the extraction distrusts a rim of two ridges.
const DEEP_PX: f32 = 20.0;
/// Around a core or a delta no direction is meant.
const SINGULAR_PX: f32 = 14.0;

impl Agreement {
    fn add(&mut self, made: &Impression, params: &Params) {
        let Ok(extraction) = extract(&made.image, Some(500.0), params) else {
            self.refused += 1;
            self.true_ones += made.minutiae.len();
            return;
        };
        let is_plain = |x: f32, y: f32| {
            let near = |s: &Singularity| (s.x - x).hypot(s.y - y) < SINGULAR_PX;
            !made.singularities.iter().any(near)
        };
        let extracted: Vec<_> = extraction
            .template
            .minutiae()
            .iter()
            .filter(|m| is_plain(m.x_px(), m.y_px()))
            .collect();
        let is_same = |t: &Touched, m: &crate::fingerprint::Minutia| {
            (t.minutia.x - m.x_px()).hypot(t.minutia.y - m.y_px()) < NEAR_PX
                && turn_between(t.minutia.angle, m.angle()) < NEAR
        };
        for t in &made.minutiae {
            if t.depth_px < DEEP_PX || !is_plain(t.minutia.x, t.minutia.y) {
                continue;
            }
            self.true_ones += 1;
            let found = extracted.iter().filter(|m| is_same(t, m)).min_by(|a, b| {
                let away = |m: &crate::fingerprint::Minutia| {
                    (t.minutia.x - m.x_px()).hypot(t.minutia.y - m.y_px())
                };
                away(a).total_cmp(&away(b))
            });
            if let Some(m) = found {
                self.found += 1;
                self.apart_px += (t.minutia.x - m.x_px()).hypot(t.minutia.y - m.y_px());
                self.apart += turn_between(t.minutia.angle, m.angle());
                self.same_kind += usize::from(t.minutia.kind == m.kind());
            }
        }
        self.extracted += extracted.len();
        self.right += extracted
            .iter()
            .filter(|m| made.minutiae.iter().any(|t| is_same(t, m)))
            .count();
    }

    fn recall(&self) -> f32 {
        self.found as f32 / self.true_ones.max(1) as f32
    }

    fn precision(&self) -> f32 {
        self.right as f32 / self.extracted.max(1) as f32
    }
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
        sum.add(&finger.impression(1, &condition), &params);
    }
    println!(
        "{name}: recall {:.3}, precision {:.3}, {:.1} px and {:.1} degrees apart, kind right {:.2}; {sum:?}",
        sum.recall(),
        sum.precision(),
        sum.apart_px / sum.found as f32,
        (sum.apart / sum.found as f32).to_degrees(),
        sum.same_kind as f32 / sum.found as f32,
    );
    sum
}

/// Least recall and precision: what was measured, less some.
fn check(name: &str, condition: Condition, recall: f32, precision: f32) {
    let sum = agreement(name, condition);
    assert!(sum.true_ones > 30, "{sum:?}");
    assert!(
        sum.recall() > recall && sum.precision() > precision,
        "{sum:?}"
    );
    assert_eq!(sum.refused, 0);
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
