//! Using a refresh token (RFC 6749 §6, OIDC Core §12, RFC 9700 §4.14).

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

use super::{Issuance, RefreshIssue, required};
use crate::oidc::client::{Client, GrantType};
use crate::oidc::confirmation::Confirmation;
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::fapi;
use crate::oidc::grant::Grant;
use crate::oidc::parameters::Parameters;
use crate::oidc::scope::{self, Scopes};

/// A refresh token as the store keeps it, under the hash of its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshRecord {
    /// What it stands for; its identifier names the family.
    pub grant: Grant,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When its successor was issued, if one was.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub spent_at: Option<OffsetDateTime>,
    /// The key that its user must prove to hold: a public client's (RFC 9449 §5, RFC 8705 §4).
    #[serde(default, skip_serializing_if = "Confirmation::is_empty")]
    pub bound_to: Confirmation,
}

/// A request to use a refresh token.
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// The scopes that the access token should have: the grant's, or fewer.
    pub scopes: Option<Scopes>,
}

impl RefreshRequest {
    pub(super) fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let refresh_token = required(form, "refresh_token", "refresh_token is missing")?.into();
        let scopes = super::scopes(form)?;
        Ok(Self {
            refresh_token,
            scopes,
        })
    }
}

/// Why a refresh token was not used, for the log and the audit; the client learns less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefreshRefusal {
    /// There is no such refresh token, or it was revoked.
    #[error("the refresh token is unknown")]
    Unknown,
    /// Its successor was issued before: somebody else has it too.
    #[error("the refresh token was used before")]
    Replayed,
    /// It is too old.
    #[error("the refresh token has expired")]
    Expired,
    /// It was issued to another client.
    #[error("the refresh token is another client's")]
    ClientMismatch,
    /// The client may not use refresh tokens.
    #[error("the client may not use the refresh token grant")]
    GrantTypeNotAllowed,
    /// More scopes than were granted.
    #[error("the scope is not within what was granted")]
    ScopeNotGranted,
    /// It is bound to a key, whose proof did not come.
    #[error("the refresh token is bound to another key")]
    KeyMismatch,
}

impl RefreshRefusal {
    /// Whether everything of the grant is to be revoked (RFC 9700 §4.14.2).
    pub fn revokes_grant(self) -> bool {
        match self {
            Self::Replayed => true,
            Self::Unknown
            | Self::Expired
            | Self::ClientMismatch
            | Self::GrantTypeNotAllowed
            | Self::ScopeNotGranted
            | Self::KeyMismatch => false,
        }
    }
}

impl From<RefreshRefusal> for TokenError {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::GrantTypeNotAllowed => Self::new(
                TokenErrorCode::UnauthorizedClient,
                "the client may not use this grant_type",
            ),
            RefreshRefusal::ScopeNotGranted => Self::new(
                TokenErrorCode::InvalidScope,
                "the scope must contain nothing that was not granted",
            ),
            RefreshRefusal::Unknown
            | RefreshRefusal::Replayed
            | RefreshRefusal::Expired
            | RefreshRefusal::ClientMismatch
            | RefreshRefusal::KeyMismatch => Self::new(
                TokenErrorCode::InvalidGrant,
                "the refresh token is invalid, expired, revoked, or not for this client",
            ),
        }
    }
}

/// Whether this authenticated client may use the refresh token, and what it gets.
///
/// Where the answer is [`RefreshIssue::Rotate`] the caller marks the record as spent by a conditional update; where
/// that finds it spent, the refusal is [`RefreshRefusal::Replayed`].
///
/// # Errors
/// When it may not.
pub fn check(
    record: &RefreshRecord,
    request: &RefreshRequest,
    client: &Client,
    proved: &Confirmation,
    now: OffsetDateTime,
) -> Result<Issuance, RefreshRefusal> {
    if !client.grant_types.contains(&GrantType::RefreshToken) {
        return Err(RefreshRefusal::GrantTypeNotAllowed);
    }
    // RFC 6749 §6, §10.4: bound to the client that it was issued to. This comes before the reuse check, so that
    // no client can have another's family revoked.
    if record.grant.client_id != client.id {
        return Err(RefreshRefusal::ClientMismatch);
    }
    // Before the reuse check too: without the key a copy is of no use, and its finder has nobody's family revoked.
    if !record.bound_to.is_met_by(proved) {
        return Err(RefreshRefusal::KeyMismatch);
    }
    // RFC 9700 §4.14.2: reuse shows that a copy was stolen, even where the token has expired since.
    if record.spent_at.is_some() {
        return Err(RefreshRefusal::Replayed);
    }
    if now >= record.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    let granted = &record.grant.scopes;
    let scopes = request.scopes.as_ref().unwrap_or(granted);
    // RFC 6749 §6: no scope that was not granted.
    if !scopes.is_subset(granted) {
        return Err(RefreshRefusal::ScopeNotGranted);
    }
    Ok(Issuance {
        grant: record.grant.clone(),
        scopes: scopes.clone(),
        // OIDC Core §12.2: a refresh need not answer with one.
        id_token: scopes.contains(scope::OPENID),
        resources: record.grant.resources.clone(),
        details: record.grant.details.clone(),
        confirmation: proved.clone(),
        // OIDC Core §12.2: a refreshed ID token should not have a nonce.
        nonce: None,
        refresh: rotation(client, record),
    })
}

/// RFC 9700 §2.2.2 and §4.14.2: a public client's refresh token is a bearer credential and is rotated; that of a
/// client which must prove itself or a key at each use is of no use to a thief, and rotation would only lose
/// sessions when an answer is lost (FAPI 2.0 §5.3.2.1: no rotation).
fn rotation(client: &Client, record: &RefreshRecord) -> RefreshIssue {
    let usual = client.is_public() && record.bound_to.is_empty();
    if fapi::rotates_refresh_tokens(client, usual) {
        RefreshIssue::Rotate
    } else {
        RefreshIssue::Keep
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::oidc::client::ClientId;
    use crate::oidc::confirmation::Thumbprint;
    use crate::oidc::fixtures::{confidential_client, grant, now, public_client};

    struct Case {
        record: RefreshRecord,
        request: RefreshRequest,
        client: Client,
        proved: Confirmation,
        now: OffsetDateTime,
    }

    fn good(client: Client) -> Case {
        Case {
            record: RefreshRecord {
                grant: grant(&client),
                expires_at: now() + Duration::days(1),
                spent_at: None,
                bound_to: Confirmation::default(),
            },
            request: RefreshRequest {
                refresh_token: "r3fresh".into(),
                scopes: None,
            },
            client,
            proved: Confirmation::default(),
            now: now(),
        }
    }

    fn run(case: &Case) -> Result<Issuance, RefreshRefusal> {
        let Case {
            record,
            request,
            client,
            proved,
            now,
        } = case;
        check(record, request, client, proved, *now)
    }

    fn key(of: &[u8]) -> Confirmation {
        Confirmation {
            jkt: Some(Thumbprint::of_certificate(of)),
            certificate: None,
        }
    }

    #[test]
    fn a_bound_refresh_token_wants_its_key_and_stays() {
        let mut case = good(public_client());
        case.record.bound_to = key(b"a");
        assert_eq!(run(&case), Err(RefreshRefusal::KeyMismatch));
        case.proved = key(b"b");
        case.record.spent_at = Some(case.now);
        assert_eq!(
            run(&case),
            Err(RefreshRefusal::KeyMismatch),
            "no word about reuse"
        );
        case.proved = key(b"a");
        assert_eq!(run(&case), Err(RefreshRefusal::Replayed));
        case.record.spent_at = None;
        let issuance = run(&case).unwrap();
        assert_eq!(
            (issuance.refresh, issuance.confirmation),
            (RefreshIssue::Keep, key(b"a"))
        );
    }

    #[test]
    fn public_clients_rotate_and_authenticated_ones_keep() {
        let issuance = run(&good(public_client())).unwrap();
        assert_eq!(issuance.refresh, RefreshIssue::Rotate);
        assert_eq!(issuance.nonce, None);
        let issuance = run(&good(confidential_client())).unwrap();
        assert_eq!(issuance.refresh, RefreshIssue::Keep);
    }

    #[test]
    fn scopes_narrow_and_never_widen() {
        let mut case = good(confidential_client());
        case.request.scopes = Scopes::parse("openid");
        let issuance = run(&case).unwrap();
        assert_eq!(issuance.scopes, Scopes::parse("openid").unwrap());
        assert_eq!(issuance.grant.scopes, case.record.grant.scopes);
        assert!(issuance.id_token);
        // RFC 6749 §6: any of what was granted, `openid` as well as another, may be left out.
        case.request.scopes = Scopes::parse("profile");
        let issuance = run(&case).unwrap();
        assert_eq!(issuance.scopes, Scopes::parse("profile").unwrap());
        assert!(!issuance.id_token);
    }

    #[test]
    fn every_refusal_of_a_refresh_token() {
        type Mutation = fn(&mut Case);
        let table: [(Mutation, RefreshRefusal); 7] = [
            (|c| c.now = c.record.expires_at, RefreshRefusal::Expired),
            (
                |c| c.record.spent_at = Some(c.now - Duration::seconds(1)),
                RefreshRefusal::Replayed,
            ),
            (
                |c| {
                    c.record.spent_at = Some(c.now);
                    c.now = c.record.expires_at;
                },
                RefreshRefusal::Replayed,
            ),
            (
                |c| {
                    c.record.spent_at = Some(c.now);
                    c.client.id = ClientId::parse("thief").unwrap();
                },
                RefreshRefusal::ClientMismatch,
            ),
            (
                |c| c.client.id = ClientId::parse("thief").unwrap(),
                RefreshRefusal::ClientMismatch,
            ),
            (
                |c| {
                    c.client.grant_types.remove(&GrantType::RefreshToken);
                },
                RefreshRefusal::GrantTypeNotAllowed,
            ),
            (
                |c| c.request.scopes = Scopes::parse("openid email"),
                RefreshRefusal::ScopeNotGranted,
            ),
        ];
        for (mutate, expected) in table {
            let mut case = good(public_client());
            mutate(&mut case);
            assert_eq!(run(&case), Err(expected));
            let revokes = expected == RefreshRefusal::Replayed;
            assert_eq!(expected.revokes_grant(), revokes);
        }
        let scope = TokenError::from(RefreshRefusal::ScopeNotGranted);
        assert_eq!(scope.code(), "invalid_scope");
        assert_eq!(
            TokenError::from(RefreshRefusal::Unknown),
            TokenError::from(RefreshRefusal::Replayed)
        );
    }
}
