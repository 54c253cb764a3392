//! One acr: the ways to it, and what counts as proof on them.

use std::collections::BTreeMap;

use matcher::fusion;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use time::{Duration, OffsetDateTime};
use wire::FactorKind;

use super::is_biometric;
use crate::factors::{Capture, Evidence, Outcome};
use crate::oidc::acr::Acr;
use crate::oidc::amr::Amr;

/// One acr and the ways to reach it.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: Acr,
    /// Other names by which clients may ask for it, and are told it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Acr>,
    /// Any one row, its factors in this order.
    pub any_of: Vec<Vec<FactorKind>>,
    /// The least assured way in which a biometric sample may have come.
    #[serde(default = "live", skip_serializing_if = "is_live")]
    pub least_capture: Capture,
    /// Accepts a biometric beside no possession factor.
    #[serde(default, skip_serializing_if = "is_false")]
    pub biometric_alone: bool,
    /// Accepted false match rate of one biometric, where it is to be lower than the factor's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_match_rate: Option<f64>,
    /// Accepted false match rate of face and fingerprint together, where one way has both.
    #[serde(default = "one_in_a_million")]
    pub fused_false_match_rate: f64,
    /// Takes passkeys only whose key is known not to leave its device.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hardware_bound: bool,
    /// How old a proof may be, by factor, in seconds; what is not named may be as old as the session.
    #[serde(
        default,
        deserialize_with = "by_factor",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub max_age_s: BTreeMap<FactorKind, u32>,
}

/// The configuration's keys are text whatever they stand for.
fn by_factor<'de, D: Deserializer<'de>>(table: D) -> Result<BTreeMap<FactorKind, u32>, D::Error> {
    let named = BTreeMap::<String, u32>::deserialize(table)?;
    let known = |(name, seconds): (String, u32)| {
        let factor = name.parse::<FactorKind>();
        factor
            .map(|factor| (factor, seconds))
            .map_err(|_| D::Error::custom(format!("max_age_s: {name} is no factor")))
    };
    named.into_iter().map(known).collect()
}

fn live() -> Capture {
    Capture::LiveBrowser
}

fn is_live(capture: &Capture) -> bool {
    *capture == live()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn one_in_a_million() -> f64 {
    1e-6
}

/// When evidence is looked at, and since when a request wants it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub since: Option<OffsetDateTime>,
    pub now: OffsetDateTime,
}

impl Moment {
    /// Whatever its age, but for what a rule says.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self { since: None, now }
    }

    /// The same, and not older than this.
    #[must_use]
    pub fn within(self, age: Duration) -> Self {
        let least = self.now - age;
        Self {
            since: Some(self.since.map_or(least, |since| since.max(least))),
            ..self
        }
    }
}

/// What one piece of evidence is worth to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts by itself.
    Counts,
    /// It passes the floor, and may count together with the other biometric.
    Adds,
    /// It does not match, or could not be used.
    NoMatch,
    /// It was shown too long ago.
    TooOld,
    /// Its sample came in too weak a way.
    Capture,
    /// Its false match rate is above what the rule accepts.
    Rate,
    /// Its key may be copied.
    Copied,
}

impl Standing {
    /// For an operator.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Adds => "adds to the other biometric alone",
            Self::NoMatch => "did not match",
            Self::TooOld => "is too old",
            Self::Capture => "was captured in too weak a way",
            Self::Rate => "is not sure enough",
            Self::Copied => "has a key that may be copied",
        }
    }
}

impl Rule {
    /// What a piece of evidence is worth.
    #[must_use]
    pub fn standing(&self, evidence: &Evidence, at: Moment) -> Standing {
        let biometric = is_biometric(evidence.factor);
        let captured = match evidence.capture {
            Some(capture) => capture >= self.least_capture,
            None => !biometric,
        };
        // Uploads are taken by the demonstration's rule alone, which `check` holds.
        let is_worth_it = !evidence.demonstration || self.least_capture == Capture::Uploaded;
        if !captured || !is_worth_it {
            return Standing::Capture;
        }
        let age = self.max_age_s.get(&evidence.factor);
        let at = age.map_or(at, |age| at.within(Duration::seconds((*age).into())));
        if at.since.is_some_and(|since| evidence.at < since) {
            return Standing::TooOld;
        }
        let is_key = evidence.factor == FactorKind::Passkey;
        if is_key && self.hardware_bound && !evidence.amr.contains(&Amr::Hwk) {
            return Standing::Copied;
        }
        let adds = biometric && evidence.weight.is_some() && evidence.gate.is_none();
        let rate = evidence.weight.as_ref().map(|w| w.false_match_rate());
        let is_sure = match self.false_match_rate.filter(|_| biometric) {
            Some(accepted) => rate.is_some_and(|rate| rate <= accepted * (1.0 + ROUNDING)),
            None => true,
        };
        match evidence.outcome {
            Outcome::Match if is_sure => Standing::Counts,
            Outcome::Match | Outcome::NoMatch if adds => Standing::Adds,
            Outcome::Match => Standing::Rate,
            Outcome::NoMatch | Outcome::Unusable => Standing::NoMatch,
        }
    }

    /// Whether this evidence counts by itself.
    #[must_use]
    pub fn accepts(&self, evidence: &Evidence, at: Moment) -> bool {
        self.standing(evidence, at) == Standing::Counts
    }

    /// What counts of the evidence: by itself, or as one of two biometrics that are accepted together.
    #[must_use]
    pub fn counted<'a>(&self, evidence: &'a [Evidence], at: Moment) -> Vec<&'a Evidence> {
        let pair = self
            .any_of
            .iter()
            .any(|way| fuses(way))
            .then(|| self.pair(evidence, at))
            .flatten();
        let is_of_pair =
            |e: &Evidence| pair.is_some_and(|(a, b)| std::ptr::eq(a, e) || std::ptr::eq(b, e));
        evidence
            .iter()
            .filter(|e| self.accepts(e, at) || is_of_pair(e))
            .collect()
    }

    /// For each way that the evidence is consistent with, what is still missing of it, in order. An empty
    /// row means: reached.
    #[must_use]
    pub fn missing(&self, evidence: &[Evidence], at: Moment) -> Vec<Vec<FactorKind>> {
        let has = |factor: FactorKind, least: &[Standing]| {
            evidence
                .iter()
                .any(|e| e.factor == factor && least.contains(&self.standing(e, at)))
        };
        let alone = |factor| has(factor, &[Standing::Counts]);
        // Who fails the floor of one biometric is asked for the other all the same: whether one is asked would tell.
        let shown = |factor| {
            let compared = |e: &Evidence| {
                let is_plain = e.gate.is_none() && e.outcome == Outcome::NoMatch;
                is_plain && e.factor == factor && self.standing(e, at) == Standing::NoMatch
            };
            has(factor, &[Standing::Counts, Standing::Adds]) || evidence.iter().any(compared)
        };
        let lacks = |way: &[FactorKind], factor: FactorKind| {
            if !(is_biometric(factor) && fuses(way)) {
                return !alone(factor);
            }
            if self.pair(evidence, at).is_some() {
                return false;
            }
            match BIOMETRICS.map(shown) {
                // Both are there and not enough: what is not sure by itself is to be shown again, or else both.
                [true, true] => !alone(factor) || BIOMETRICS.into_iter().all(alone),
                [true, false] | [false, true] | [false, false] => !shown(factor),
            }
        };
        self.any_of
            .iter()
            .map(|way| way.iter().copied().filter(|f| lacks(way, *f)).collect())
            .collect()
    }

    /// Whether the evidence reaches the acr.
    #[must_use]
    pub fn is_reached(&self, evidence: &[Evidence], at: Moment) -> bool {
        self.missing(evidence, at).iter().any(Vec::is_empty)
    }

    /// Whether a biometric that does not match by itself could still count with the other one.
    #[must_use]
    pub fn could_add(&self, factor: FactorKind) -> Option<FactorKind> {
        let other = match factor {
            FactorKind::Face => FactorKind::Fingerprint,
            FactorKind::Fingerprint => FactorKind::Face,
            FactorKind::Password
            | FactorKind::Totp
            | FactorKind::RecoveryCode
            | FactorKind::Passkey => return None,
        };
        self.any_of.iter().any(|way| fuses(way)).then_some(other)
    }

    /// A face and a fingerprint that are accepted together: each passes the floor, and their ratios sum to a false match
    /// rate that the rule accepts. What attack detection or quality stopped has no part in it.
    fn pair<'a>(
        &self,
        evidence: &'a [Evidence],
        at: Moment,
    ) -> Option<(&'a Evidence, &'a Evidence)> {
        let of = |factor: FactorKind| {
            evidence.iter().filter(move |e| {
                let standing = self.standing(e, at);
                e.factor == factor && matches!(standing, Standing::Counts | Standing::Adds)
            })
        };
        let [face, finger] = BIOMETRICS;
        let accepted = |a: &Evidence, b: &Evidence| match (&a.weight, &b.weight) {
            (Some(x), Some(y)) => {
                fusion::false_match_rate(&[x, y]) <= self.fused_false_match_rate * (1.0 + ROUNDING)
            }
            // Compared before weights were kept: each has to do by itself.
            (None, _) | (_, None) => [a, b].into_iter().all(|e| self.accepts(e, at)),
        };
        of(face)
            .flat_map(|a| of(finger).map(move |b| (a, b)))
            .find(|(a, b)| accepted(a, b))
    }

    /// The rule with only those of its ways that somebody can go: no factor of this version takes samples of a signed
    /// sensor.
    #[must_use]
    pub fn within_reach(&self) -> Self {
        let has_sensor = self.least_capture == Capture::SignedSensor;
        self.narrowed(|way| !has_sensor || !way.iter().any(|factor| is_biometric(*factor)))
    }

    /// The rule with only those of its ways that `keeps` keeps.
    #[must_use]
    pub fn narrowed(&self, keeps: impl Fn(&[FactorKind]) -> bool) -> Self {
        let mut rule = self.clone();
        rule.any_of.retain(|way| keeps(way));
        rule
    }
}

/// Whether a way has both biometrics, which are then weighed together.
#[must_use]
pub fn fuses(way: &[FactorKind]) -> bool {
    BIOMETRICS.iter().all(|factor| way.contains(factor))
}

const BIOMETRICS: [FactorKind; 2] = [FactorKind::Face, FactorKind::Fingerprint];
/// The rates are powers of ten, computed.
const ROUNDING: f64 = 1e-9;
