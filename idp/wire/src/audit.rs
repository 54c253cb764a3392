//! The audit trail: what happened, to whom, by whom, and how to wait for more.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{AttemptId, ClientId, FactorKind, OperatorName, SubjectId};

/// The longest a request may wait for an event; a larger `wait_s` is lowered to it.
///
/// Below the minute at which common proxies cut a silent connection.
pub const MAX_AUDIT_WAIT_S: u32 = 25;

/// Every kind of event that this version writes; a newer server may write more.
pub const AUDIT_KINDS: [&str; 59] = [
    "backchannel.asked",
    "backchannel.denied",
    "biometric_consent.decided",
    "biometrics.erased",
    "client.changed",
    "client.created",
    "client.refused",
    "client.registered",
    "client.removed",
    "consent.decided",
    "consent.withdrawn",
    "credential.alarm",
    "credential.enrolled",
    "credential.imported",
    "credential.removed",
    "credential.renewed",
    "data.downloaded",
    "device.denied",
    "device.forgotten",
    "device.trusted",
    "duplicate.decided",
    "duplicate.raised",
    "duplicates.search_started",
    "duplicates.searched",
    "enrolment.began",
    "enrolment.finished",
    "factor.blocked",
    "factor.verified",
    "grant.revoked",
    "grants.revoked",
    "guessing.alarm",
    "hand_over.began",
    "hand_over.confirmed",
    "hand_over.done",
    "hand_over.opened",
    "hand_over.stopped",
    "login.began",
    "login.denied",
    "login.finished",
    "models.used",
    "operator.created",
    "operator.refused",
    "operator.removed",
    "operator.token_issued",
    "operator.token_revoked",
    "policy.changed",
    "session.ended",
    "session.revoked",
    "sessions.revoked",
    "subject.activated",
    "subject.created",
    "subject.erased",
    "subject.expired",
    "subject.invited",
    "subject.registered",
    "subject.suspended",
    "token.exchanged",
    "token.issued",
    "waiting.approved",
];

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done, or the proof was good.
    Success,
    /// It was refused: the proof was wrong, or a rule said no.
    Refused,
    /// The sample was too poor to judge: neither for nor against.
    Unusable,
    /// A part failed.
    Fault,
    /// A kind of ending this reader is too old to know.
    #[serde(other)]
    Unknown,
}

impl AuditOutcome {
    /// The outcome's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Unusable => "unusable",
            Self::Fault => "fault",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One event. Events are appended and never changed, so a reader may keep them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its place in the trail: grows, may skip.
    pub seq: i64,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened, as `noun.verb` (`login.finished`, `factor.verified`, `subject.suspended`); the set grows.
    pub kind: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The subject it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// The username, as it was then or as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The relying party it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The login attempt it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    /// The operator who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorName>,
    /// The factor it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<FactorKind>,
    /// What else is worth knowing; never a secret, a score or a sample.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// The query of the audit trail.
///
/// Without `after` and `before` the answer is the newest `limit` events. With `after` it is the oldest `limit` events
/// behind that place; where there are none and `wait_s` is given, the server holds the request until there is one or
/// the time is over, and then answers an empty page. With `before` it is the newest `limit` events in front of that place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only events with a greater `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Only events with a smaller `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// How many events at most ([`crate::DEFAULT_LIMIT`], [`crate::MAX_LIMIT`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How long to wait for an event, with `after` ([`MAX_AUDIT_WAIT_S`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
    /// Only events of this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// Only events of this kind, or whose kind starts with this and a full stop (`login` for `login.finished`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Some events, always in the order of `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The events, the oldest first.
    pub events: Vec<AuditEvent>,
    /// What to send as `after` to go on: the greatest `seq` that was looked at, also where the filters left it out.
    pub last_seq: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_needs_little_and_a_newer_outcome_is_read_as_unknown() {
        let json =
            r#"{"seq":7,"at":"2026-01-02T03:04:05Z","kind":"login.finished","outcome":"deferred"}"#;
        let event: AuditEvent = serde_json::from_str(json).unwrap();
        assert_eq!(event.seq, 7);
        assert_eq!(event.outcome, AuditOutcome::Unknown);
        assert!(event.detail.is_empty());
    }
}
