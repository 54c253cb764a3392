//! The likelihood ratio of an attempt against each attacker, and against the mixture of them.
//!
//! One logistic model for each [`Likeness`]: against honest logins it is fitted to attacks that are made of the
//! service's own traffic (see [`super::training`]), never to labels. A sum over the attackers' likelihoods instead of
//! one model for all keeps a browser that an informed attacker would have copied from speaking for him. Every weight
//! keeps the sign of its feature, so more novelty never lowers a ratio.

use super::codec::{ModelError, Reader, Writer};
use super::features::{
    COUNT, FAMILIARITY, FOREST, Features, HOUR_ODD, HOUR_USUAL, NOVELTY, REUSED, TRAVEL, sign,
};
use super::params::{PASSES, RIDGE};
use super::score::Likeness;
use super::value::Attribute;

/// One attacker's model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expert {
    pub bias: f32,
    pub weights: Features,
}

/// All attackers' models.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Experts(pub [Expert; Likeness::ALL.len()]);

impl Expert {
    pub fn llr(&self, features: &Features) -> f32 {
        self.bias
            + self
                .weights
                .iter()
                .zip(features)
                .map(|(w, f)| w * f)
                .sum::<f32>()
    }

    /// What a service without history starts with. Estimates: the attributes of a chain say the same thing several
    /// times over, so each counts for a part.
    fn start(likeness: Likeness) -> Self {
        let mut weights = [0.0; COUNT];
        for (feature, weight) in weights.iter_mut().enumerate() {
            *weight = match feature {
                FOREST => 0.3,
                REUSED => 6.0,
                HOUR_ODD | HOUR_USUAL => 0.7,
                TRAVEL => 1.0,
                f if f < FAMILIARITY => 0.4,
                f if f < HOUR_ODD => 0.12,
                _ => 0.3,
            } * sign(feature);
        }
        let mut silence = |attributes: &[Attribute]| {
            for attribute in attributes {
                weights[NOVELTY + *attribute as usize] = 0.0;
                weights[FAMILIARITY + *attribute as usize] = 0.0;
            }
        };
        match likeness {
            Likeness::Naive | Likeness::Stuffing => {}
            Likeness::Neighbour => silence(&[Attribute::Country]),
            Likeness::Informed => silence(&[
                Attribute::Country,
                Attribute::Region,
                Attribute::City,
                Attribute::System,
                Attribute::Browser,
                Attribute::Release,
                Attribute::AgentText,
                Attribute::Hints,
            ]),
        }
        Self {
            bias: -1.0,
            weights,
        }
    }

    /// Logistic regression by Newton steps on one weight at a time, pulled to the starting weights.
    pub fn fit(likeness: Likeness, honest: &[Features], attacks: &[Features]) -> Self {
        let start = Self::start(likeness);
        let mut fitted = start.clone();
        if honest.is_empty() || attacks.is_empty() {
            return fitted;
        }
        let count = honest.len() + attacks.len();
        // Both sides weigh the same, so that the log-odds are a likelihood ratio.
        let mass = |side: &[Features]| count as f32 / (2.0 * side.len() as f32);
        let (honest_mass, attack_mass) = (mass(honest), mass(attacks));
        let sides: Vec<(f32, f32)> = honest
            .iter()
            .map(|_| (0.0, honest_mass))
            .chain(attacks.iter().map(|_| (1.0, attack_mass)))
            .collect();
        let columns: Vec<Vec<f32>> = (0..COUNT)
            .map(|f| honest.iter().chain(attacks).map(|row| row[f]).collect())
            .collect();
        let mut margins: Vec<f32> = honest
            .iter()
            .chain(attacks)
            .map(|row| fitted.llr(row))
            .collect();
        for _ in 0..PASSES {
            let step = newton_step(None, &sides, &margins, 0.0);
            fitted.bias += step;
            margins.iter_mut().for_each(|m| *m += step);
            for (feature, column) in columns.iter().enumerate() {
                let old = fitted.weights[feature];
                let pull = RIDGE as f32 * (start.weights[feature] - old);
                let step = newton_step(Some(column), &sides, &margins, pull);
                let new = match sign(feature) > 0.0 {
                    true => (old + step).max(0.0),
                    false => (old + step).min(0.0),
                };
                if new != old {
                    fitted.weights[feature] = new;
                    let moved = new - old;
                    for (margin, value) in margins.iter_mut().zip(column) {
                        *margin += moved * value;
                    }
                }
            }
        }
        fitted
    }
}

/// The Newton step of one weight (`None`: the bias), bounded so that it can't overshoot.
fn newton_step(column: Option<&[f32]>, sides: &[(f32, f32)], margins: &[f32], pull: f32) -> f32 {
    let (mut slope, mut bend) = (f64::from(pull), RIDGE);
    for (k, ((label, mass), margin)) in sides.iter().zip(margins).enumerate() {
        let value = column.map_or(1.0, |c| c[k]);
        if value == 0.0 {
            continue;
        }
        let share = 1.0 / (1.0 + (-margin).exp());
        slope += f64::from(mass * (label - share) * value);
        bend += f64::from(mass * (share * (1.0 - share)).max(0.01) * value * value);
    }
    ((slope / bend) as f32).clamp(-1.0, 1.0)
}

impl Default for Experts {
    fn default() -> Self {
        Self(Likeness::ALL.map(Expert::start))
    }
}

impl Experts {
    /// The ratio against the mixture of all attackers, each as likely, and which weighs most.
    pub fn llr(&self, features: &Features) -> (f32, Likeness) {
        let each = self.0.each_ref().map(|expert| expert.llr(features));
        let (mut most, mut likeness) = (f32::MIN, Likeness::Naive);
        for (llr, name) in each.iter().zip(Likeness::ALL) {
            if *llr > most {
                (most, likeness) = (*llr, name);
            }
        }
        let sum: f32 = each.iter().map(|llr| (llr - most).exp()).sum();
        (most + (sum / each.len() as f32).ln(), likeness)
    }

    pub fn write(&self, w: &mut Writer) {
        for expert in &self.0 {
            w.f32(expert.bias);
            w.f32s(&expert.weights);
        }
    }

    pub fn read(r: &mut Reader) -> Result<Self, ModelError> {
        const MOST: f32 = 1e4;
        let mut experts = Self::default();
        for expert in &mut experts.0 {
            expert.bias = r.f32("bias", -MOST, MOST)?;
            for feature in 0..COUNT {
                let (low, high) = match sign(feature) > 0.0 {
                    true => (0.0, MOST),
                    false => (-MOST, 0.0),
                };
                expert.weights[feature] = r.f32("weight", low, high)?;
            }
        }
        Ok(experts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::random::Random;

    #[test]
    fn a_fit_finds_the_ratio_that_made_the_samples_and_keeps_signs() {
        let mut random = Random::new(9, 0);
        let mut draw = |share: f64| {
            let mut features = [0.0; COUNT];
            features[NOVELTY] = f32::from(u8::from(random.chance(share)));
            // Says the opposite of what its sign allows.
            features[HOUR_USUAL] = f32::from(u8::from(random.chance(share)));
            features
        };
        let honest: Vec<Features> = (0..4000).map(|_| draw(0.1)).collect();
        let attacks: Vec<Features> = (0..2000).map(|_| draw(0.8)).collect();
        let expert = Expert::fit(Likeness::Naive, &honest, &attacks);
        assert_eq!(expert.weights[HOUR_USUAL], 0.0);
        let mut new = [0.0; COUNT];
        let (before, _) = (expert.llr(&new), new[NOVELTY] = 1.0);
        let after = expert.llr(&new);
        assert!((after - (0.8f32 / 0.1).ln()).abs() < 0.15, "{after}");
        assert!((before - (0.2f32 / 0.9).ln()).abs() < 0.15, "{before}");
    }
}
