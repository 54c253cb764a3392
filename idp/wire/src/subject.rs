//! Subjects: the people who sign in, their state, sessions and consents.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ClientId, CredentialSummary, FactorKind, SessionId, SubjectId, WireSecret};

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectStatus {
    /// Created, and has not enrolled yet.
    Invited,
    /// May sign in.
    Active,
    /// Barred by an operator.
    Suspended,
}

impl SubjectStatus {
    /// The state's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl fmt::Display for SubjectStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A subject as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectSummary {
    /// What to name it by in a path.
    pub id: SubjectId,
    /// What the subject types to identify.
    pub username: String,
    /// What the subject is called.
    pub display_name: String,
    /// Where the subject is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the subject stands.
    pub status: SubjectStatus,
    /// The factors the subject has enrolled, each once.
    pub factors: Vec<FactorKind>,
    /// When the subject was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When a login last finished.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_login_at: Option<OffsetDateTime>,
}

/// A subject with everything that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectDetail {
    /// What a list shows; its fields stand beside the others on the wire.
    #[serde(flatten)]
    pub summary: SubjectSummary,
    /// The enrolled credentials, the oldest first.
    pub credentials: Vec<CredentialSummary>,
    /// What the subject has allowed relying parties.
    pub consents: Vec<ConsentSummary>,
    /// The consent to biometric processing; absent where it was never given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biometric_consent: Option<BiometricConsent>,
    /// The live sessions, the newest first.
    pub sessions: Vec<SessionSummary>,
    /// Failed tries in a row since the last success.
    pub failures: u32,
    /// Until when tries are refused.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub blocked_until: Option<OffsetDateTime>,
}

/// What a subject has allowed one relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentSummary {
    /// To whom.
    pub client: ClientId,
    /// What the relying party is called.
    pub client_name: String,
    /// Which scopes.
    pub scopes: Vec<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub given_at: OffsetDateTime,
}

/// The subject's consent to biometric processing, which names the text that was agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BiometricConsent {
    /// Which version of the text.
    pub version: String,
    /// When it was given.
    #[serde(with = "time::serde::rfc3339")]
    pub given_at: OffsetDateTime,
    /// When it was withdrawn.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub withdrawn_at: Option<OffsetDateTime>,
}

/// One live single sign-on session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The `sid`.
    pub id: SessionId,
    /// When the subject authenticated.
    #[serde(with = "time::serde::rfc3339")]
    pub auth_time: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// The assurance that was reached.
    pub acr: String,
    /// The methods that were used (RFC 8176).
    pub amr: Vec<String>,
    /// The relying parties that were signed in to.
    pub clients: Vec<ClientId>,
}

/// The query of the subjects list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectQuery {
    /// Part of a username, display name or e-mail address, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// The `next` of the page before; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many items at most ([`crate::DEFAULT_LIMIT`], [`crate::MAX_LIMIT`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A subject to create; it starts as [`SubjectStatus::Invited`], without an invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSubject {
    /// What the subject types to identify; unique.
    pub username: String,
    /// What the subject is called.
    pub display_name: String,
    /// Where the subject is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// An invitation link, told once; making another one voids those before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// The link; whoever opens it enrols.
    pub url: WireSecret,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// How many sessions ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedSessions {
    /// The number that were live.
    pub revoked: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_details_summary_is_flat_and_absent_fields_may_be_missing() {
        let json = serde_json::json!({
            "id": "018f2f5e-0000-7000-8000-000000000001", "username": "ada", "display_name": "Ada",
            "status": "active", "factors": ["password", "face"], "created_at": "2026-01-02T03:04:05Z",
            "credentials": [], "consents": [], "sessions": [], "failures": 0, "a_newer_field": true,
        });
        let detail: SubjectDetail = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(detail.summary.username, "ada");
        assert_eq!(detail.summary.last_login_at, None);
        assert_eq!(detail.biometric_consent, None);
        let mut expected = json;
        expected.as_object_mut().unwrap().remove("a_newer_field");
        assert_eq!(serde_json::to_value(&detail).unwrap(), expected);
    }
}
