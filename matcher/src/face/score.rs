//! The comparison score of two face templates, and what it is worth.

use std::borrow::Cow;

use super::template::{Measure, Template};
use crate::score::{Calibration, Knot};

/// The cosine between two templates, -1 to 1, or for a model whose distance counts the distance with its sign
/// changed, so that more is more alike. NaN when different models made them, which every calibration and every
/// threshold takes for the least.
#[must_use]
pub fn compare(a: &Template, b: &Template) -> f64 {
    if !a.is_of_the_kind_of(b) {
        return f64::NAN;
    }
    let pairs = a.values().iter().zip(b.values());
    let pairs = pairs.map(|(x, y)| (f64::from(*x), f64::from(*y)));
    match a.measure() {
        Measure::Cosine => pairs.map(|(x, y)| x * y).sum(),
        Measure::Euclidean => -pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
    }
}

/// What the scores of an embedder are worth, by the name that it has in a pack; `None` where this version has not
/// measured it.
#[must_use]
pub fn calibration(model: &str) -> Option<Calibration> {
    match model {
        "mobilefacenet-foamliu-1" => Some(CALIBRATION),
        _ => None,
    }
}

/// The pack's embedder on the development data: 3,051 mated and 1.84 million non-mated pairs of 885 people of LFW, and
/// references of three images of 142 of them, whichever has the higher false match rate; images with wrong labels are
/// left out (`set_aside.txt`). Printed by `evaluate face --calibration`; what it states holds on people not used in
/// fitting (`measured.md`). It ends at a false match rate of 2.7e-5: a policy that asks for less asks for what was
/// not shown, and is never met.
pub const CALIBRATION: Calibration = Calibration {
    knots: Cow::Borrowed(&[
        knot(-0.450, -6.03, 0.00),
        knot(-0.400, -6.03, 0.0),
        knot(-0.350, -6.03, 0.0),
        knot(-0.300, -6.03, 0.0),
        knot(-0.250, -6.03, 0.0),
        knot(-0.200, -6.03, -0.01),
        knot(-0.150, -6.03, -0.02),
        knot(-0.100, -6.03, -0.06),
        knot(-0.050, -6.03, -0.14),
        knot(0.000, -5.98, -0.26),
        knot(0.050, -5.50, -0.44),
        knot(0.100, -4.81, -0.69),
        knot(0.150, -3.90, -1.02),
        knot(0.200, -2.79, -1.41),
        knot(0.250, -1.47, -1.87),
        knot(0.300, 0.06, -2.40),
        knot(0.350, 1.80, -3.01),
        knot(0.400, 3.75, -3.71),
        knot(0.450, 5.91, -4.55),
        knot(0.451, 5.98, -4.58),
    ]),
};

const fn knot(score: f64, llr: f64, log10_fmr: f64) -> Knot {
    Knot {
        score,
        llr,
        log10_fmr,
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::EMBEDDING_LENGTH;
    use super::*;

    fn along(model: &str, axis: usize) -> Template {
        let mut values = [0.0; EMBEDDING_LENGTH];
        values[axis] = 2.0;
        Template::normalised(model, &values).expect("has a direction")
    }

    #[test]
    fn the_score_is_the_cosine() {
        assert_eq!(compare(&along("a", 3), &along("a", 3)), 1.0);
        assert_eq!(compare(&along("a", 3), &along("a", 4)), 0.0);
    }

    #[test]
    fn templates_of_different_models_are_worth_the_least() {
        let score = compare(&along("a", 3), &along("b", 3));
        assert!(score.is_nan());
        assert_eq!(CALIBRATION.false_match_rate(score), 1.0);
        assert_eq!(CALIBRATION.llr(score), CALIBRATION.knots[0].llr);
    }

    #[test]
    fn the_calibration_is_monotone_and_states_the_measured_rates() {
        for pair in CALIBRATION.knots.windows(2) {
            assert!(pair[0].score < pair[1].score && pair[0].llr <= pair[1].llr);
            assert!(pair[0].log10_fmr >= pair[1].log10_fmr);
        }
        // The thresholds that the evaluation prints for single images and for references of three.
        for (score, rate) in [(0.341, 1e-3), (0.350, 1e-3), (0.410, 1e-4), (0.419, 1e-4)] {
            let stated = CALIBRATION.false_match_rate(score) / rate;
            assert!(
                (0.8..1.5).contains(&stated),
                "{stated} times {rate} at {score}"
            );
        }
    }
}
