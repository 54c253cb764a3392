//! What can be wrong with a policy, what each fault is about, and the bounds that keep the list of them short.

use super::Policy;
use crate::oidc::acr::Acr;

/// Why a policy cannot be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    #[error("default_acr {0} is not among the acr rules")]
    UnknownDefault(Acr),
    #[error("acr {0} is named twice")]
    Twice(Acr),
    #[error("acr {0} has a way without factors")]
    Empty(Acr),
    #[error("acr {0} names a factor twice in one way")]
    Repeated(Acr),
    #[error(
        "acr {0} accepts a biometric beside no possession factor: add a passkey, or say biometric_alone = true"
    )]
    BiometricAlone(Acr),
    #[error(
        "acr {0} accepts uploaded samples, which only urn:whorl:acr:demo may, where [demo] is enabled"
    )]
    Uploaded(Acr),
    #[error("acr {0}: {1} must be above 0 and at most 0.01, the floor of every comparison")]
    Rate(Acr, &'static str),
    #[error("acr {0} calls itself {1}, but its way {2} {3}")]
    Claim(Acr, String, String, &'static str),
    #[error("condition {0} is named twice")]
    ConditionTwice(String),
    #[error("condition {0} speaks of acr {1}, for which there is no rule")]
    ConditionAcr(String, Acr),
    #[error("condition {0} speaks of group {1}, which is not among [[policy.group]]")]
    ConditionGroup(String, String),
    #[error(
        "condition {0} asks for less at a higher risk: what low says holds for medium, and what medium says for high"
    )]
    ConditionFalls(String),
    #[error("condition {0} steps up to nothing: say step_up_to, or max_age_s, or both")]
    ConditionStep(String),
    #[error("condition {0} changes nothing: say what low, medium or high is to do")]
    ConditionIdle(String),
    #[error("group {0} is named twice")]
    GroupTwice(String),
    #[error("unknown_risk is one of low, medium and high")]
    UnknownRisk,
    #[error("history_days is at most {LONGEST_HISTORY_DAYS}")]
    HistoryDays,
    #[error("there are more than {1} {0}")]
    Excess(&'static str, usize),
    #[error("acr {0} has more than {2} {1}")]
    AcrExcess(Acr, &'static str, usize),
    #[error("a {0} is called by 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name(&'static str),
}

/// What of a policy a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    DefaultAcr,
    UnknownRisk,
    HistoryDays,
    Acr(&'a str),
    Condition(&'a str),
    Group(&'a str),
    Whole,
}

impl PolicyError {
    /// What it is about, for whoever looks for the line.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        match self {
            Self::UnknownDefault(_) => About::DefaultAcr,
            Self::UnknownRisk => About::UnknownRisk,
            Self::HistoryDays => About::HistoryDays,
            Self::Twice(acr)
            | Self::Empty(acr)
            | Self::Repeated(acr)
            | Self::BiometricAlone(acr)
            | Self::Uploaded(acr)
            | Self::Rate(acr, _)
            | Self::AcrExcess(acr, _, _)
            | Self::Claim(acr, ..) => About::Acr(acr.as_str()),
            Self::ConditionTwice(name)
            | Self::ConditionAcr(name, _)
            | Self::ConditionGroup(name, _)
            | Self::ConditionFalls(name)
            | Self::ConditionStep(name)
            | Self::ConditionIdle(name) => About::Condition(name),
            Self::GroupTwice(name) => About::Group(name),
            Self::Excess(..) | Self::Name(_) => About::Whole,
        }
    }

    /// Whether it is the second of two, and the first one is right.
    #[must_use]
    pub fn is_of_the_last(&self) -> bool {
        matches!(
            self,
            Self::Twice(_) | Self::ConditionTwice(_) | Self::GroupTwice(_)
        )
    }
}

impl Policy {
    /// What has no bound, or could garble a terminal.
    pub(super) fn excesses(&self) -> Vec<PolicyError> {
        let mut faults = Vec::new();
        for (what, count) in [
            ("acr rules", self.acr.len()),
            ("conditions", self.conditions.len()),
            ("groups", self.groups.len()),
        ] {
            if count > MOST {
                faults.push(PolicyError::Excess(what, MOST));
            }
        }
        if self.history_days > LONGEST_HISTORY_DAYS {
            faults.push(PolicyError::HistoryDays);
        }
        for rule in self.acr.iter().take(MOST) {
            let factors = rule.any_of.iter().map(Vec::len).max().unwrap_or(0);
            for (what, count) in [
                ("other names", rule.names.len()),
                ("ways", rule.any_of.len()),
                ("factors in a way", factors),
            ] {
                if count > MOST_OF_AN_ACR {
                    faults.push(PolicyError::AcrExcess(
                        rule.name.clone(),
                        what,
                        MOST_OF_AN_ACR,
                    ));
                }
            }
        }
        for condition in self.conditions.iter().take(MOST) {
            for (what, count) in [
                ("clients of a condition", condition.clients.len()),
                ("acr of a condition", condition.acr.len()),
                ("groups of a condition", condition.groups.len()),
                ("networks of a condition", condition.networks.len()),
                ("outside of a condition", condition.outside.len()),
            ] {
                if count > MOST {
                    faults.push(PolicyError::Excess(what, MOST));
                }
            }
        }
        let is_odd = |name: &String| !is_name(name);
        let conditions = || self.conditions.iter();
        for (what, has_odd) in [
            ("condition", conditions().any(|c| is_odd(&c.name))),
            ("client", conditions().any(|c| c.clients.iter().any(is_odd))),
            (
                "group",
                self.groups.iter().any(|group| is_odd(&group.name))
                    || conditions().any(|c| c.groups.iter().any(is_odd)),
            ),
        ] {
            if has_odd {
                faults.push(PolicyError::Name(what));
            }
        }
        faults
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Ten years.
const LONGEST_HISTORY_DAYS: u32 = 3650;
/// Rules, conditions and groups; each login looks at all of them.
const MOST: usize = 256;
/// Ways and names of one acr.
const MOST_OF_AN_ACR: usize = 64;
const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn faults(change: impl Fn(&mut Policy)) -> Vec<PolicyError> {
        let mut policy = Config::from_toml("").expect("defaults").policy;
        change(&mut policy);
        policy.faults(false)
    }

    #[test]
    fn what_has_no_bound_is_named_once_and_nothing_else_is() {
        assert_eq!(faults(|_| ()), []);
        let many = faults(|policy| policy.acr = vec![policy.acr[0].clone(); MOST + 1]);
        assert_eq!(many, [PolicyError::Excess("acr rules", MOST)]);
        let ways = faults(|policy| policy.acr[0].any_of = vec![vec![]; MOST_OF_AN_ACR + 1]);
        assert_eq!(ways.len(), 1, "{ways:?}");
        let long = faults(|policy| policy.history_days = u32::MAX);
        assert_eq!(long, [PolicyError::HistoryDays]);
        for name in ["", "a\u{1b}[2J", &"x".repeat(LONGEST_NAME + 1)] {
            let odd = faults(|policy| {
                policy.groups.push(super::super::Group {
                    name: name.to_owned(),
                    members: Default::default(),
                });
            });
            assert_eq!(odd, [PolicyError::Name("group")], "{name:?}");
        }
    }
}
