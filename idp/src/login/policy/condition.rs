//! What circumstances add to a rule: who, where, for whom, and at what risk.
//!
//! A condition can ask for more or refuse, never for less; of several that apply, all do. What low risk asks for holds at
//! medium and high too, so that more risk never lowers the demand. Where a fact is not known (an address, a group of
//! somebody who has not said who they are) a condition on it applies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Policy, PolicyError};
use crate::oidc::acr::Acr;

/// How likely it is that somebody else is at work.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RiskBand {
    /// Nothing was scored.
    #[default]
    Unknown,
    Low,
    Medium,
    High,
}

impl RiskBand {
    /// Its name in files and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What is to be done.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The rule alone decides.
    #[default]
    Allow,
    /// More is asked for.
    StepUp,
    /// Nothing suffices.
    Deny,
}

impl Action {
    /// Its name in files and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::StepUp => "step up",
            Self::Deny => "deny",
        }
    }
}

/// In what circumstances somebody signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// For which client.
    pub client: String,
    /// Of whom; none where nobody has said who they are.
    pub groups: Option<BTreeSet<String>>,
    /// From where, as far as the proxies vouch for it.
    pub address: Option<IpAddr>,
    pub risk: RiskBand,
    /// Whether the browser has a key of this person.
    pub trusted_device: bool,
}

/// What is added where all of what it names applies; what it does not name applies to all.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// For the audit trail and for tables.
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// The acr that is aimed for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr: Vec<Acr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Applies within these networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// Applies outside of these networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<IpNet>,
    /// Applies where the browser has no key of this person.
    #[serde(default)]
    pub untrusted_device: bool,
    /// What to do at low risk; it holds for medium and high too where they say nothing.
    #[serde(default)]
    pub low: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Action>,
    /// What has to be reached besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up_to: Option<Acr>,
    /// How old any proof may be then, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

impl Condition {
    pub(super) fn faults(&self, policy: &Policy) -> Vec<PolicyError> {
        let name = || self.name.clone();
        let mut faults = Vec::new();
        let acrs = self.acr.iter().chain(&self.step_up_to);
        faults.extend(
            acrs.filter(|acr| policy.rule(acr).is_none())
                .map(|acr| PolicyError::ConditionAcr(name(), acr.clone())),
        );
        let is_known = |group: &&String| policy.groups.iter().any(|known| known.name == **group);
        faults.extend(
            self.groups
                .iter()
                .filter(|group| !is_known(group))
                .map(|group| PolicyError::ConditionGroup(name(), group.clone())),
        );
        let actions = [RiskBand::Low, RiskBand::Medium, RiskBand::High].map(|band| self.said(band));
        if !actions.is_sorted() {
            faults.push(PolicyError::ConditionFalls(name()));
        }
        let steps = actions.contains(&Action::StepUp);
        if steps && self.step_up_to.is_none() && self.max_age_s.is_none() {
            faults.push(PolicyError::ConditionStep(name()));
        }
        if actions.iter().all(|action| *action == Action::Allow) {
            faults.push(PolicyError::ConditionIdle(name()));
        }
        faults
    }

    /// What the file says of a band.
    fn said(&self, band: RiskBand) -> Action {
        let medium = self.medium.unwrap_or(self.low);
        match band {
            RiskBand::Unknown | RiskBand::Low => self.low,
            RiskBand::Medium => medium,
            RiskBand::High => self.high.unwrap_or(medium),
        }
    }

    /// What it does at a risk: never less than at a lower one.
    #[must_use]
    pub fn action(&self, band: RiskBand) -> Action {
        let bands = [RiskBand::Low, RiskBand::Medium, RiskBand::High];
        let up_to = bands.into_iter().filter(|b| *b <= band);
        up_to.map(|b| self.said(b)).max().unwrap_or(self.low)
    }

    /// Whether it speaks of these circumstances.
    #[must_use]
    pub fn applies(&self, acr: &Acr, circumstances: &Circumstances) -> bool {
        let Circumstances {
            client,
            groups,
            address,
            risk: _,
            trusted_device,
        } = circumstances;
        let within = |networks: &[IpNet]| {
            address.map(|address| {
                networks
                    .iter()
                    .any(|net| net.contains(&address.to_canonical()))
            })
        };
        let of_group = || match groups {
            Some(groups) => self.groups.iter().any(|group| groups.contains(group)),
            None => true,
        };
        (self.clients.is_empty() || self.clients.contains(client))
            && (self.acr.is_empty() || self.acr.contains(acr))
            && (self.groups.is_empty() || of_group())
            && (self.networks.is_empty() || within(&self.networks).unwrap_or(true))
            && (!self.untrusted_device || !trusted_device)
            && (self.outside.is_empty() || !within(&self.outside).unwrap_or(false))
    }
}
