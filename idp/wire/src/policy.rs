//! The policy: what each acr asks for, the text that says so, and who changed it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::FactorKind;

/// The longest text of a policy, in bytes.
pub const MAX_POLICY_BYTES: usize = 64 << 10;

/// Where a policy was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOrigin {
    /// In the server's configuration.
    File,
    /// By an operator.
    Revision,
}

/// The policy that counts now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyInForce {
    /// The newest change, which `If-Match` names; 0 where the policy was never changed.
    pub revision: i64,
    /// Where it was written.
    pub origin: PolicyOrigin,
    /// Who changed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub changed_at: Option<OffsetDateTime>,
    /// What they said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The policy in TOML, complete.
    pub text: String,
    /// What it asks for.
    pub table: PolicyTable,
}

/// What a policy asks for, as `whorl policy check` has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyTable {
    /// The acr of a request that asks for none.
    pub default_acr: String,
    /// Every acr, the one preferred among equals first.
    pub acr: Vec<PolicyAcr>,
    /// What circumstances add.
    pub conditions: Vec<PolicyCondition>,
    /// What an operator may not have meant.
    pub notes: Vec<String>,
}

/// What one acr asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyAcr {
    /// Its name.
    pub name: String,
    /// Others by which clients may ask for it.
    pub names: Vec<String>,
    /// The factors of each way to it.
    pub ways: Vec<String>,
    /// As far as the kinds of factor go (NIST SP 800-63B-4 §2); 0 where a biometric is taken beside nothing that is held.
    pub aal: u8,
    /// Whether every way resists phishing.
    pub phishing_resistant: bool,
    /// The least assured way in which a biometric sample may have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// That one biometric is held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_match_rate: Option<f64>,
    /// That face and fingerprint together are held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fused_false_match_rate: Option<f64>,
    /// How old a proof may be, by factor, in seconds; what is not named may be as old as the session.
    pub max_age_s: BTreeMap<FactorKind, u32>,
}

/// What circumstances add to an acr.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCondition {
    /// Its name.
    pub name: String,
    /// To what.
    pub applies: String,
    /// What is done at low risk: `allow`, `step up` or `deny`.
    pub low: String,
    /// At medium risk.
    pub medium: String,
    /// At high risk.
    pub high: String,
    /// The acr that has to be reached besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up_to: Option<String>,
    /// How old any proof may be then, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

/// A policy to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    /// In TOML, complete: `[policy]` with everything below it ([`MAX_POLICY_BYTES`] at most).
    pub text: String,
}

/// A policy that is to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPolicy {
    /// As [`PolicyText::text`].
    pub text: String,
    /// What the operator says of it, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFault {
    /// What is wrong.
    pub message: String,
    /// In which line of the text, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What is said of a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyCheck {
    /// What is to be mended; none where it can be used.
    pub faults: Vec<PolicyFault>,
    /// What it asks for, where it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<PolicyTable>,
}

/// A policy to try on the logins of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryPolicy {
    /// As [`PolicyText::text`].
    pub text: String,
    /// How many days back; 30 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// How many logins would have gone how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTally {
    /// In all.
    pub logins: u64,
    /// `same`, `other_acr`, `stepped_up`, `refused` and `admitted`; what is absent is none.
    pub turns: BTreeMap<String, u64>,
}

impl PolicyTally {
    /// How many went so.
    pub fn of(&self, turn: &str) -> u64 {
        self.turns.get(turn).copied().unwrap_or(0)
    }
}

/// What would have become of the logins that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySimulation {
    /// All of them.
    #[serde(flatten)]
    pub all: PolicyTally,
    /// How many people would have been stepped up or refused.
    pub people: u64,
    /// By client.
    pub clients: BTreeMap<String, PolicyTally>,
    /// Kept by a version whose records cannot be read.
    pub unreadable: u64,
    /// How many days back.
    pub days: u32,
    /// Whether all of that time was looked at: there is a bound to the logins of one answer.
    pub is_complete: bool,
}

/// A change of the policy, without the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRevision {
    /// Its number, from 1; the greatest counts.
    pub revision: i64,
    /// Whether it was written by an operator, or went back to the file's.
    pub origin: PolicyOrigin,
    /// By whom.
    pub changed_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
    /// What they said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A change of the policy, with the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRevisionDetail {
    /// The change.
    #[serde(flatten)]
    pub change: PolicyRevision,
    /// The policy in TOML; absent where it went back to the configuration's, of which nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_reads_as_the_command_line_prints_it() {
        let json = r#"{"logins":3,"turns":{"same":1,"stepped_up":2},"people":1,"clients":{},
                       "unreadable":0,"days":30,"is_complete":true}"#;
        let read: PolicySimulation = serde_json::from_str(json).unwrap();
        assert_eq!((read.all.logins, read.all.of("stepped_up")), (3, 2));
        assert_eq!(read.all.of("refused"), 0);
    }

    #[test]
    fn ages_are_named_by_their_factor() {
        let ages = BTreeMap::from([(FactorKind::Totp, 60)]);
        assert_eq!(serde_json::to_string(&ages).unwrap(), r#"{"totp":60}"#);
        assert_eq!(
            serde_json::from_str::<BTreeMap<FactorKind, u32>>(r#"{"totp":60}"#).unwrap(),
            ages
        );
    }
}
