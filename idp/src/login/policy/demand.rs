//! What a login is held to: the rule of its acr, and whatever conditions add.

use std::collections::BTreeSet;

use serde::Serialize;
use time::Duration;
use wire::FactorKind;

use super::Policy;
use super::condition::{Action, Circumstances, RiskBand};
use super::rule::{Moment, Rule};
use crate::factors::Evidence;
use crate::oidc::acr::Acr;

/// A condition that applies, and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    pub condition: String,
    pub action: Action,
    /// What has to be reached besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up_to: Option<Acr>,
}

/// What a login is held to. It is reached where every rule is.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The rule of the acr that is told.
    pub rule: Rule,
    /// What conditions want besides.
    pub besides: Vec<Rule>,
    /// The conditions that ask for more.
    pub applied: Vec<Applied>,
    /// How old any proof may be.
    pub max_age: Option<Duration>,
    /// Whether nothing suffices.
    pub is_denied: bool,
}

impl Policy {
    /// What an acr asks for in these circumstances; `None` where there is no such acr.
    #[must_use]
    pub fn demand(&self, acr: &Acr, circumstances: &Circumstances) -> Option<Demand> {
        let rule = self.rule(acr)?.clone();
        let band = match circumstances.risk {
            RiskBand::Unknown => self.unknown_risk,
            known => known,
        };
        let mut demand = Demand {
            besides: Vec::new(),
            applied: Vec::new(),
            max_age: None,
            is_denied: false,
            rule,
        };
        for condition in &self.conditions {
            let speaks = |name: &Acr| condition.applies(name, circumstances);
            // By whichever name of the rule the condition knows it.
            let rule = &demand.rule;
            if !speaks(&rule.name) && !rule.names.iter().any(speaks) {
                continue;
            }
            let action = condition.action(band);
            if action == Action::Allow {
                continue;
            }
            demand.applied.push(Applied {
                condition: condition.name.clone(),
                action,
                step_up_to: condition.step_up_to.clone(),
            });
            if action == Action::Deny {
                demand.is_denied = true;
                continue;
            }
            if let Some(acr) = &condition.step_up_to {
                match self.rule(acr) {
                    Some(rule) => demand.besides.push(rule.clone()),
                    // `check` refuses such a policy.
                    None => demand.is_denied = true,
                }
            }
            if let Some(seconds) = condition.max_age_s {
                let age = Duration::seconds(seconds.into());
                demand.max_age = Some(demand.max_age.map_or(age, |least| least.min(age)));
            }
        }
        Some(demand)
    }
}

impl Demand {
    /// A rule with nothing besides.
    #[must_use]
    pub fn of(rule: Rule) -> Self {
        Self {
            rule,
            besides: Vec::new(),
            applied: Vec::new(),
            max_age: None,
            is_denied: false,
        }
    }

    /// Every rule, the one that is told first.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        std::iter::once(&self.rule).chain(&self.besides)
    }

    /// The moment at which evidence is looked at, with the age that conditions ask for.
    #[must_use]
    pub fn moment(&self, at: Moment) -> Moment {
        self.max_age.map_or(at, |age| at.within(age))
    }

    /// What counts for the acr that is told.
    #[must_use]
    pub fn counted<'a>(&self, evidence: &'a [Evidence], at: Moment) -> Vec<&'a Evidence> {
        self.rule.counted(evidence, self.moment(at))
    }

    /// For each way through all rules at once, what is still missing of it, in order. An empty row means: reached.
    /// No row at all where nothing suffices.
    #[must_use]
    pub fn missing(&self, evidence: &[Evidence], at: Moment) -> Vec<Vec<FactorKind>> {
        if self.is_denied {
            return Vec::new();
        }
        let at = self.moment(at);
        let mut ways: Vec<Vec<FactorKind>> = vec![Vec::new()];
        for rule in self.rules() {
            let more = rule.missing(evidence, at);
            let mut seen = BTreeSet::new();
            ways = ways
                .iter()
                .flat_map(|way| {
                    more.iter().map(|more| {
                        let mut both = way.clone();
                        both.extend(more.iter().filter(|factor| !way.contains(factor)));
                        both
                    })
                })
                .filter(|way| seen.insert(way.clone()))
                .collect();
        }
        ways
    }

    /// Whether the evidence reaches it.
    #[must_use]
    pub fn is_reached(&self, evidence: &[Evidence], at: Moment) -> bool {
        let at = self.moment(at);
        !self.is_denied && self.rules().all(|rule| rule.is_reached(evidence, at))
    }

    /// The same with only those ways to the acr that `keeps` keeps.
    #[must_use]
    pub fn narrowed(self, keeps: impl Fn(&[FactorKind]) -> bool) -> Self {
        Self {
            rule: self.rule.narrowed(keeps),
            ..self
        }
    }

    /// The same with only those ways that somebody can go.
    #[must_use]
    pub fn within_reach(mut self) -> Self {
        self.rule = self.rule.within_reach();
        for rule in &mut self.besides {
            *rule = rule.within_reach();
        }
        self
    }

    /// The other biometric, where one that does not match by itself may still count with it.
    #[must_use]
    pub fn could_add(&self, factor: FactorKind) -> Option<FactorKind> {
        self.rules().find_map(|rule| rule.could_add(factor))
    }
}
