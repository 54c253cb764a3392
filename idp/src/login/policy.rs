//! Policy: what reaches which acr, how fresh and how sure it must be, and what circumstances add to that.
//!
//! A pure, total function over the evidence. Each acr has a [`Rule`]; a [`Condition`] adds to it where a client, a group, a
//! network or a risk asks for more, and can never take away: a [`Demand`] is reached where every one of its rules is.
//! Face and fingerprint are both inherence: together they are never two kinds of factor, and
//! NIST SP 800-63B-4 takes a biometric only together with something that the subject holds, so a way with
//! a biometric must hold a possession factor too, unless its rule says `biometric_alone` or it is the
//! demonstration's.

pub mod condition;
pub mod demand;
mod fault;
pub mod replay;
pub mod rule;
pub mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use time::Duration;
use wire::FactorKind;

pub use self::condition::{Action, Circumstances, Condition, RiskBand};
pub use self::demand::{Applied, Demand};
pub use self::fault::{About, PolicyError};
pub use self::rule::{Moment, Rule, Standing};
use self::words::Claim;
use super::attempt::Target;
use crate::factors::Capture;
use crate::oidc::acr::{Acr, AcrRequest};
use crate::oidc::amr::{self, Amr};
use crate::oidc::client::ClientProfile;
use crate::store::canonical_username;

/// Every acr of the deployment.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The acr of a request that asks for none.
    pub default_acr: Acr,
    /// Which band counts where nothing is known of a login's risk: a cold start asks for more, not less.
    #[serde(default = "medium")]
    pub unknown_risk: RiskBand,
    /// How long logins are kept so that another policy can be tried on them; 0 keeps none.
    #[serde(default = "a_quarter")]
    pub history_days: u32,
    /// The rules, the one preferred among equals first.
    pub acr: Vec<Rule>,
    /// What circumstances add.
    #[serde(default, rename = "condition", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Who belongs together.
    #[serde(default, rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// People of whom a condition speaks.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    /// Usernames, in their canonical form.
    #[serde(deserialize_with = "canonical")]
    pub members: BTreeSet<String>,
}

/// A capital letter in the configuration is no way out of a condition.
fn canonical<'de, D: Deserializer<'de>>(names: D) -> Result<BTreeSet<String>, D::Error> {
    let typed = Vec::<String>::deserialize(names)?;
    Ok(typed.iter().map(|name| canonical_username(name)).collect())
}

fn a_quarter() -> u32 {
    90
}

fn medium() -> RiskBand {
    RiskBand::Medium
}

impl Policy {
    /// Whether the rules hold together.
    ///
    /// # Errors
    /// The first rule that does not.
    pub fn check(&self, demo: bool) -> Result<(), PolicyError> {
        match self.faults(demo).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self, demo: bool) -> Vec<PolicyError> {
        // What has no bound makes no list of further faults that has none either.
        let mut faults = self.excesses();
        if !faults.is_empty() {
            return faults;
        }
        if self.rule(&self.default_acr).is_none() {
            faults.push(PolicyError::UnknownDefault(self.default_acr.clone()));
        }
        let mut names = BTreeSet::new();
        for rule in &self.acr {
            let own = std::iter::once(&rule.name).chain(&rule.names);
            faults.extend(
                own.filter(|name| !names.insert((*name).clone()))
                    .map(|name| PolicyError::Twice(name.clone())),
            );
            faults.extend(rule.faults(demo));
        }
        if self.unknown_risk == RiskBand::Unknown {
            faults.push(PolicyError::UnknownRisk);
        }
        let mut seen = BTreeSet::new();
        for group in &self.groups {
            if !seen.insert(&group.name) {
                faults.push(PolicyError::GroupTwice(group.name.clone()));
            }
        }
        let mut seen = BTreeSet::new();
        for condition in &self.conditions {
            if !seen.insert(&condition.name) {
                faults.push(PolicyError::ConditionTwice(condition.name.clone()));
            }
            faults.extend(condition.faults(self));
        }
        faults
    }

    /// How long logins are kept.
    #[must_use]
    pub fn history(&self) -> Duration {
        Duration::days(self.history_days.into())
    }

    /// The rule of an acr, by any of its names.
    #[must_use]
    pub fn rule(&self, acr: &Acr) -> Option<&Rule> {
        self.acr
            .iter()
            .find(|rule| rule.name == *acr || rule.names.contains(acr))
    }

    /// Every name that a client may ask with.
    pub fn names(&self) -> impl Iterator<Item = &Acr> {
        self.acr
            .iter()
            .flat_map(|rule| std::iter::once(&rule.name).chain(&rule.names))
    }

    /// The groups of a username.
    #[must_use]
    pub fn groups_of(&self, username: &str) -> BTreeSet<String> {
        let of = self.groups.iter().filter(|g| g.members.contains(username));
        of.map(|group| group.name.clone()).collect()
    }

    /// Whether some way to sign in takes this factor.
    #[must_use]
    pub fn takes(&self, factor: FactorKind) -> bool {
        let mut ways = self.acr.iter().flat_map(|rule| &rule.any_of);
        ways.any(|way| way.contains(&factor))
    }

    /// Whether some condition wants a key of the browser.
    #[must_use]
    pub fn looks_at_devices(&self) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.any(|condition| condition.untrusted_device)
    }

    /// What a request may end with, the preferred first: what it names that we have; then, where it does not
    /// insist, the client's own, and ours. Empty where it insists on values of which we have none
    /// (OIDC Core §5.5.1.1).
    #[must_use]
    pub fn targets(
        &self,
        asked: &AcrRequest,
        client_defaults: &[Acr],
        profile: &ClientProfile,
    ) -> Vec<Target> {
        let target = |word: &Acr| {
            let rule = self.rule(profile.acr_of(word))?;
            // Who asked with another name than the rule's is told that name.
            let is_other = profile.has_word(word) || *word != rule.name;
            Some(Target {
                acr: rule.name.clone(),
                told: is_other.then(|| word.clone()),
            })
        };
        let (usual, ours): (&[Acr], _) = match asked {
            AcrRequest::Essential(_) => (&[], None),
            AcrRequest::Any | AcrRequest::Voluntary(_) => {
                (client_defaults, Some(&self.default_acr))
            }
        };
        let mut targets: Vec<Target> = Vec::new();
        for word in asked.values().iter().chain(usual).chain(ours) {
            if let Some(target) = target(word)
                && !targets.iter().any(|earlier| earlier.acr == target.acr)
            {
                targets.push(target);
            }
        }
        targets
    }

    /// What a request may end with that insists on one of these methods (OIDC Core §5.5.1): where it does not insist on
    /// an acr too, any whose ways to them hold what the usual one asks for, or who insists on a method would be let in
    /// by less. Empty where nobody could end so here, whoever it is.
    #[must_use]
    pub fn giving(
        &self,
        methods: &BTreeSet<&str>,
        available: &[FactorKind],
        asked: &AcrRequest,
        mut targets: Vec<Target>,
    ) -> Vec<Target> {
        let gives = |way: &&Vec<FactorKind>| {
            may_give(way, methods) && way.iter().all(|factor| available.contains(factor))
        };
        let usual = match asked {
            AcrRequest::Essential(_) => None,
            AcrRequest::Any | AcrRequest::Voluntary(_) => targets.first(),
        };
        if let Some(usual) = usual.and_then(|target| self.rule(&target.acr)) {
            let holds = |way: &Vec<FactorKind>| {
                let mut least = usual.any_of.iter();
                least.any(|of| of.iter().all(|factor| way.contains(factor)))
            };
            for rule in &self.acr {
                let is_there = targets.iter().any(|target| target.acr == rule.name);
                // The demonstration's takes uploads, and is asked for by name alone.
                let is_open = rule.name.as_str() != Acr::DEMO;
                if !is_there && is_open && rule.any_of.iter().filter(gives).all(holds) {
                    targets.push(Target {
                        acr: rule.name.clone(),
                        told: None,
                    });
                }
            }
        }
        targets.retain(|target| {
            let rule = self.rule(&target.acr);
            rule.is_some_and(|rule| rule.any_of.iter().any(|way| gives(&way)))
        });
        targets
    }
}

impl Rule {
    fn faults(&self, demo: bool) -> Vec<PolicyError> {
        let name = || self.name.clone();
        let mut faults = Vec::new();
        let is_demo = demo && self.name.as_str() == Acr::DEMO;
        if self.least_capture == Capture::Uploaded && !is_demo {
            faults.push(PolicyError::Uploaded(name()));
        }
        let rates = [
            ("false_match_rate", self.false_match_rate),
            ("fused_false_match_rate", Some(self.fused_false_match_rate)),
        ];
        for (what, rate) in rates {
            // Written so that what is no number is refused.
            let is_fine = rate.is_none_or(|rate| rate > 0.0 && rate <= matcher::fusion::FLOOR);
            if !is_fine {
                faults.push(PolicyError::Rate(name(), what));
            }
        }
        if self.any_of.is_empty() {
            faults.push(PolicyError::Empty(name()));
        }
        for way in &self.any_of {
            if way.is_empty() {
                faults.push(PolicyError::Empty(name()));
            }
            if way
                .iter()
                .enumerate()
                .any(|(at, factor)| way[..at].contains(factor))
            {
                faults.push(PolicyError::Repeated(name()));
            }
            if !is_bound(way) && !self.biometric_alone && !is_demo {
                faults.push(PolicyError::BiometricAlone(name()));
            }
        }
        for word in std::iter::once(&self.name).chain(&self.names) {
            faults.extend(self.false_claims(word));
        }
        faults
    }

    /// What a name says of this rule that its ways do not keep.
    #[must_use]
    pub fn false_claims(&self, word: &Acr) -> Vec<PolicyError> {
        let mut faults = Vec::new();
        for claim in words::claims(word.as_str()) {
            for way in self.any_of.iter().filter(|way| !self.keeps(way, *claim)) {
                let way = in_words(way);
                let lacks = claim.lacking();
                let (name, word) = (self.name.clone(), word.to_string());
                faults.push(PolicyError::Claim(name, word, way, lacks));
            }
        }
        faults
    }

    /// Whether one of its ways has what a claim says.
    #[must_use]
    pub fn keeps(&self, way: &[FactorKind], claim: Claim) -> bool {
        match claim {
            Claim::BiometricBound => is_bound(way),
            Claim::TwoKinds => kinds(way) >= 2,
            Claim::PhishingResistant => way.contains(&FactorKind::Passkey),
            Claim::HardwareBound => way.contains(&FactorKind::Passkey) && self.hardware_bound,
        }
    }
}

/// How many kinds of factor a way shows (NIST SP 800-63B-4 §2): a passkey is verified with its holder, so it is two by
/// itself; face and fingerprint are one.
#[must_use]
pub fn kinds(way: &[FactorKind]) -> usize {
    if way.contains(&FactorKind::Passkey) {
        return 2;
    }
    let any = |of: fn(FactorKind) -> bool| usize::from(way.iter().any(|factor| of(*factor)));
    any(is_biometric) + any(is_held) + any(|factor| factor == FactorKind::Password)
}

/// Whether a way may end in one of these methods (RFC 8176 §2); whether it did is known at its end.
#[must_use]
pub fn may_give(way: &[FactorKind], methods: &BTreeSet<&str>) -> bool {
    let of = |factor: &FactorKind| -> &'static [Amr] {
        match factor {
            FactorKind::Password => &[Amr::Pwd],
            FactorKind::Totp | FactorKind::RecoveryCode => &[Amr::Otp],
            FactorKind::Passkey => &[Amr::Hwk, Amr::Swk, Amr::User],
            FactorKind::Face => &[Amr::Face],
            FactorKind::Fingerprint => &[Amr::Fpt],
        }
    };
    amr::combine(way.iter().flat_map(of).copied())
        .iter()
        .any(|method| methods.contains(method.as_str()))
}

/// Whether a biometric of this way, if there is one, is beside something that is held (NIST SP 800-63B-4 §3.2.3).
#[must_use]
pub fn is_bound(way: &[FactorKind]) -> bool {
    let any = |of: fn(FactorKind) -> bool| way.iter().any(|factor| of(*factor));
    !any(is_biometric) || any(is_held)
}

/// A way as a person reads it.
#[must_use]
pub fn in_words(way: &[FactorKind]) -> String {
    let names: Vec<&str> = way.iter().map(|factor| factor.as_str()).collect();
    names.join(" + ")
}

/// Something the subject is.
#[must_use]
pub fn is_biometric(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Face | FactorKind::Fingerprint => true,
        FactorKind::Password
        | FactorKind::Totp
        | FactorKind::RecoveryCode
        | FactorKind::Passkey => false,
    }
}

/// Something the subject has.
#[must_use]
pub fn is_held(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey | FactorKind::Totp | FactorKind::RecoveryCode => true,
        FactorKind::Password | FactorKind::Face | FactorKind::Fingerprint => false,
    }
}
