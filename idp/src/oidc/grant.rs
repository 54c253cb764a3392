//! A grant: that this subject let this client have these scopes, and how the subject had authenticated.
//!
//! Every code, access token and refresh token that follows from one login carries the grant's identifier, so
//! that all of them can be revoked together (RFC 6749 §4.1.2, RFC 9700 §4.14.2).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::acr::Acr;
use super::amr::Amr;
use super::authorization_details::AuthorizationDetails;
use super::claims_request::ClaimsRequest;
use super::client::ClientId;
use super::resource::ResourceUri;
use super::scope::Scopes;
use super::subject::SubjectId;

/// Names a grant, and so the family of tokens that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub Uuid);

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The `sid` claim: names a session to clients (OIDC Back-Channel Logout §2.1). It opens nothing; the cookie's
/// secret is another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// How and when the subject authenticated (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub auth_time: OffsetDateTime,
    /// The assurance that was reached.
    pub acr: Acr,
    /// The methods that were used.
    pub amr: BTreeSet<Amr>,
    /// When each of them was last used, seconds since 1970: what is older than the request came from a session.
    #[serde(default)]
    pub amr_times: BTreeMap<Amr, i64>,
    /// The session that it opened.
    pub sid: SessionId,
}

/// What was granted. It never changes; a refreshed access token may have fewer scopes and never more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Names it.
    pub id: GrantId,
    /// To whom.
    pub client_id: ClientId,
    /// By whom.
    pub subject: SubjectId,
    /// What.
    pub scopes: Scopes,
    /// How the subject had authenticated.
    pub authentication: Authentication,
    /// The single claims asked for.
    #[serde(default)]
    pub claims: ClaimsRequest,
    /// The resources that access tokens may be for; none is this provider alone (RFC 8707 §2.1).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<ResourceUri>,
    /// What, in detail (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub details: AuthorizationDetails,
}

/// When something is issued, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From when.
    pub issued_at: OffsetDateTime,
    /// For how long.
    pub lifetime: Duration,
}

impl Validity {
    /// Until when.
    pub fn expires_at(self) -> OffsetDateTime {
        self.issued_at.saturating_add(self.lifetime)
    }
}

/// How long what we issue is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code (RFC 6749 §4.1.2: at most ten minutes).
    pub code: Duration,
    /// An ID token.
    pub id_token: Duration,
    /// An access token.
    pub access_token: Duration,
    /// A refresh token, from its last use.
    pub refresh_token: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: Duration::minutes(1),
            id_token: Duration::minutes(10),
            access_token: Duration::minutes(10),
            refresh_token: Duration::days(30),
        }
    }
}
