//! The model of a service: judges attempts, lets profiles learn, and is stored with a version.
//!
//! Three things in one: the tables of what everybody does, the attackers' likelihood models, and the isolation forest
//! with its quantiles. Tables follow the logins as they come; the models are fitted anew by [`super::Trainer`].

use std::borrow::Cow;

use super::census::{Census, typing};
use super::codec::{ModelError, Reader, Writer};
use super::event::{DeviceKey, Event};
use super::experts::Experts;
use super::features::{
    COUNT, FOREST, FOREST_INPUTS, Features, Observation, TRAVEL, browser_version, finest_place,
};
use super::forest::Forest;
use super::geography::Spot;
use super::params::{
    ATTACK_SHARE, COLD_LOGINS, COLD_PENALTY, LEAST_WEIGHT, LEAST_WEIGHT_OF_PLACE, MOST_FOREST,
};
use super::profile::{BIOMETRIC, Last, PAGE, Profile, TRIP};
use super::reason::{Cause, Reason, name_country, name_travel, reasons};
use super::score::{Likeness, Score};
use super::value::{Attribute, values};

/// The model of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub(super) census: Census,
    pub(super) experts: Experts,
    pub(super) forest: Forest,
    /// Scores that so many of [`KNOTS`] parts of the ordinary logins stay below.
    pub(super) quantiles: [f32; KNOTS],
    /// Share of attacks among accepted passwords.
    pub(super) attack_share: f32,
}

pub(super) const KNOTS: usize = 64;

/// How sure it is that an accepted login was the person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accepted {
    /// The password, or whatever the policy asked for without regard to risk, sufficed; this was its score.
    Scored(f64),
    /// A fresh further factor that an attacker hardly has was passed.
    Confirmed,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            census: Census::default(),
            experts: Experts::default(),
            forest: Forest::default(),
            quantiles: [0.0; KNOTS],
            attack_share: ATTACK_SHARE.1 as f32,
        }
    }
}

impl Service {
    /// Judges an attempt. Learns nothing.
    #[must_use]
    pub fn score(&self, profile: &Profile, event: &Event) -> Score {
        let profile = &*profile.as_of(event.at_s);
        let observation = self.observe(profile, event);
        let features = &observation.features;
        let (llr, likeness) = self.experts.llr(features);
        let cold = COLD_PENALTY * (1.0 - profile.logins(event.at_s) / COLD_LOGINS).clamp(0.0, 1.0);
        let llr = f64::from(llr + cold);
        let share = f64::from(self.attack_share);
        let odds = (llr + (share / (1.0 - share)).ln()).clamp(-60.0, 60.0);
        let expert = &self.experts.0[likeness as usize];
        let mut contributions = [0.0; COUNT];
        for ((slot, weight), value) in contributions.iter_mut().zip(&expert.weights).zip(features) {
            *slot = weight * value;
        }
        let mut reasons = reasons(profile, event, &observation, &contributions);
        let is_impossible_travel = features[TRAVEL] > 0.0;
        if is_impossible_travel {
            name_travel(&mut reasons, &observation);
        }
        let country = observation.looks[Attribute::Country as usize];
        let is_new_country = !event.is_tunnelled && country.is_some_and(|look| look.known <= 0.0);
        if is_new_country {
            name_country(&mut reasons, event);
        }
        if cold > 0.1 {
            reasons.push(Reason {
                cause: Cause::LittleKnown,
                weight: cold,
            });
        }
        Score {
            probability: 1.0 / (1.0 + (-odds).exp()),
            llr,
            likeness,
            is_cold: profile.is_cold(event.at_s),
            is_impossible_travel,
            is_new_country,
            reasons,
        }
    }

    /// Lets a profile and the tables learn from an accepted login; answers the weight that it had. Never call it for
    /// one that was refused or given up.
    pub fn learn(&mut self, profile: &mut Profile, event: &Event, accepted: Accepted) -> f32 {
        let values = values(event);
        let observation = Observation::new(&self.census, profile, event, values);
        self.census
            .observe(profile, event, &values, &observation.looks);
        self.teach(profile, event, accepted)
    }

    /// As [`Service::learn`], for the profile alone: where many servers share one model.
    pub fn teach(&self, profile: &mut Profile, event: &Event, accepted: Accepted) -> f32 {
        let wanted = match accepted {
            Accepted::Confirmed => 1.0,
            Accepted::Scored(probability) if probability.is_finite() => {
                (1.0 - probability as f32).clamp(LEAST_WEIGHT, 1.0)
            }
            Accepted::Scored(_) => LEAST_WEIGHT,
        };
        let left = match profile.as_of(event.at_s) {
            Cow::Owned(left) => Some(left),
            Cow::Borrowed(_) => None,
        };
        if let Some(left) = left {
            *profile = left;
        }
        let weight = profile.take_share(event.at_s, wanted);
        if weight <= 0.0 {
            return 0.0;
        }
        let now_s = event.at_s;
        let values = values(event);
        let is_confirmed = accepted == Accepted::Confirmed;
        let no_key = (Attribute::DeviceKey, DeviceKey::Absent);
        for (attribute, value) in Attribute::ALL.into_iter().zip(values) {
            let memory = &mut profile.memories[attribute as usize];
            match value {
                // Anybody can come without a key: how often the person does is all that is learned.
                Some(_) if (attribute, event.device_key) == no_key => memory.pass(now_s, weight),
                Some(value) => memory.learn(value, now_s, weight, is_confirmed),
                None => {}
            }
        }
        profile.rhythm.learn(now_s, weight);
        if let Some(residual) = self.census.trip_over_usual(event, &values) {
            profile.trip.add(residual, weight);
            profile.measured_s[TRIP] = now_s;
        }
        for (index, measure) in typing(event).into_iter().enumerate() {
            if let Some(measure) = measure {
                profile.typing[index].add(measure, weight);
                profile.measured_s[PAGE + index] = now_s;
            }
        }
        if let Some(llr) = event.biometric_llr.filter(|l| l.is_finite()) {
            profile.biometric.add(llr.clamp(-50.0, 50.0) as f32, weight);
            profile.measured_s[BIOMETRIC] = now_s;
        }
        if weight >= LEAST_WEIGHT_OF_PLACE {
            if let (Some(browser), Some(version)) =
                (values[Attribute::Browser as usize], browser_version(event))
            {
                profile.note_version(browser, version, now_s);
            }
            profile.last = match profile.last {
                Some(last) if last.at_s > now_s => Some(last),
                Some(last) if event.is_tunnelled => Some(Last {
                    at_s: now_s,
                    ..last
                }),
                None if event.is_tunnelled => None,
                _ => Some(Last {
                    at_s: now_s,
                    placed_s: now_s,
                    place: finest_place(&values).unwrap_or_default(),
                    spot: Spot::of(&event.place),
                }),
            };
        }
        weight
    }

    /// The share of attacks among accepted passwords that probabilities are calibrated to.
    #[must_use]
    pub fn attack_share(&self) -> f64 {
        f64::from(self.attack_share)
    }

    pub(super) fn observe(&self, profile: &Profile, event: &Event) -> Observation {
        let mut observation = Observation::new(&self.census, profile, event, values(event));
        observation.features[FOREST] = self.unlike_anybody(&observation.features);
        observation
    }

    /// What the forest says: logarithm of how rarely an ordinary login is as alone, less its mean.
    pub(super) fn unlike_anybody(&self, features: &Features) -> f32 {
        if self.forest.is_empty() {
            return 0.0;
        }
        let score = self.forest.score(&forest_inputs(features));
        let below = self.quantiles.partition_point(|q| *q < score);
        let exceeded = (KNOTS - below) as f32 + 0.5;
        let beyond = match self.quantiles.last() {
            // Past the last quantile the score goes on to count by its own measure.
            Some(last) if below == KNOTS => 20.0 * (score - last),
            _ => 0.0,
        };
        (-(exceeded / (KNOTS as f32 + 1.0)).ln() + beyond - 1.0).clamp(0.0, MOST_FOREST)
    }

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new(MARK, VERSION);
        self.census.write(&mut w);
        self.experts.write(&mut w);
        self.forest.write(&mut w);
        w.f32s(&self.quantiles);
        w.f32(self.attack_share);
        w.0
    }

    /// Reads what [`Service::to_bytes`] wrote.
    ///
    /// # Errors
    /// Whatever is not exactly such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut r = Reader::new(bytes, MARK, VERSION, Self::MOST_BYTES)?;
        let service = Self {
            census: Census::read(&mut r)?,
            experts: Experts::read(&mut r)?,
            forest: Forest::read(&mut r)?,
            quantiles: r.f32s("quantile", 0.0, 1.0)?,
            attack_share: r.f32("share", ATTACK_SHARE.0 as f32, ATTACK_SHARE.2 as f32)?,
        };
        if service.quantiles.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(ModelError::Impossible("order"));
        }
        r.end()?;
        Ok(service)
    }

    /// No model has more bytes than this.
    pub const MOST_BYTES: usize = 32 * 1024 * 1024;
}

const MARK: [u8; 4] = *b"WASM";
const VERSION: u16 = 1;

/// What the forest looks at.
pub(super) fn forest_inputs(features: &Features) -> [f32; FOREST_INPUTS.len()] {
    FOREST_INPUTS.map(|f| features[f])
}

/// The order of a mixture's parts is that of its names.
const _: () = assert!(Likeness::Stuffing as usize + 1 == Likeness::ALL.len());
