//! Redeeming an authorization code (RFC 6749 §4.1.3, OIDC Core §3.1.3, RFC 7636 §4.6).

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

use super::{Issuance, RefreshIssue, required};
use crate::oidc::client::{Client, GrantType};
use crate::oidc::confirmation::{Confirmation, Thumbprint};
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::fapi;
use crate::oidc::grant::Grant;
use crate::oidc::parameters::Parameters;
use crate::oidc::pkce::{CodeChallenge, CodeVerifier};
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::scope;

/// A code as the store keeps it, under the hash of its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRecord {
    /// What it stands for.
    pub grant: Grant,
    /// Where it was sent.
    pub redirect_uri: RedirectUri,
    /// What its redeemer must meet.
    pub code_challenge: Option<CodeChallenge>,
    /// The key whose proof its redeemer must bring (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<Thumbprint>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// When it was made; older records do not say.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub issued_at: Option<OffsetDateTime>,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A request to redeem a code.
pub struct CodeRequest {
    /// The code.
    pub code: SecretString,
    /// Where the client says it was sent.
    pub redirect_uri: Option<String>,
    /// The proof that the client began the login.
    pub code_verifier: Option<CodeVerifier>,
}

impl CodeRequest {
    pub(super) fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let code = required(form, "code", "code is missing")?.into();
        let code_verifier = match form.get("code_verifier") {
            // RFC 7636 §4.6: what cannot match is `invalid_grant`, like what does not.
            Some(text) => {
                Some(CodeVerifier::parse(text).ok_or(TokenError::from(CodeRefusal::PkceMismatch))?)
            }
            None => None,
        };
        Ok(Self {
            code,
            redirect_uri: form.get("redirect_uri").map(str::to_owned),
            code_verifier,
        })
    }
}

/// Why a code was not redeemed, for the log and the audit; the client learns less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodeRefusal {
    /// There is no such code.
    #[error("the code is unknown")]
    Unknown,
    /// It was redeemed before; the store found so, and its grant is to be revoked (RFC 6749 §4.1.2).
    #[error("the code was redeemed before")]
    Replayed,
    /// It is too old.
    #[error("the code has expired")]
    Expired,
    /// It was issued to another client.
    #[error("the code is another client's")]
    ClientMismatch,
    /// The client may not use codes.
    #[error("the client may not use the authorization code grant")]
    GrantTypeNotAllowed,
    /// The redirect URI is missing, or not the one of the authorization request.
    #[error("the redirect URI is not that of the authorization request")]
    RedirectUriMismatch,
    /// The code was challenged, and no verifier came.
    #[error("the code verifier is missing")]
    VerifierMissing,
    /// The code was not challenged, and a verifier came.
    #[error("a code verifier came for a code without a challenge")]
    VerifierUnexpected,
    /// The verifier is not the one that was challenged.
    #[error("the code verifier does not match")]
    PkceMismatch,
    /// The authorization request named a key, and its proof did not come (RFC 9449 §10).
    #[error("the code is bound to another DPoP key")]
    KeyMismatch,
}

impl From<CodeRefusal> for TokenError {
    fn from(refusal: CodeRefusal) -> Self {
        match refusal {
            CodeRefusal::GrantTypeNotAllowed => Self::new(
                TokenErrorCode::UnauthorizedClient,
                "the client may not use this grant_type",
            ),
            // One answer for all: a stolen code's holder learns nothing about why it did not work.
            CodeRefusal::Unknown
            | CodeRefusal::Replayed
            | CodeRefusal::Expired
            | CodeRefusal::ClientMismatch
            | CodeRefusal::RedirectUriMismatch
            | CodeRefusal::VerifierMissing
            | CodeRefusal::VerifierUnexpected
            | CodeRefusal::PkceMismatch
            | CodeRefusal::KeyMismatch => Self::new(
                TokenErrorCode::InvalidGrant,
                "the code is invalid, expired, redeemed, or not for this request",
            ),
        }
    }
}

/// Whether this authenticated client may redeem the code, and what it gets.
///
/// The caller redeems the record afterwards by a conditional update; where that finds it redeemed, the refusal is
/// [`CodeRefusal::Replayed`] and everything of the grant is revoked.
///
/// # Errors
/// When it may not.
pub fn check(
    record: &CodeRecord,
    request: &CodeRequest,
    client: &Client,
    proved: &Confirmation,
    now: OffsetDateTime,
) -> Result<Issuance, CodeRefusal> {
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(CodeRefusal::GrantTypeNotAllowed);
    }
    // RFC 6749 §4.1.3: the code was issued to this client.
    if record.grant.client_id != client.id {
        return Err(CodeRefusal::ClientMismatch);
    }
    // RFC 6749 §4.1.2: short-lived.
    if now >= fapi::code_end(client, record.issued_at, record.expires_at) {
        return Err(CodeRefusal::Expired);
    }
    // RFC 6749 §4.1.3: present where the authorization request had one, which it always has here, and identical.
    if request.redirect_uri.as_deref() != Some(record.redirect_uri.as_str()) {
        return Err(CodeRefusal::RedirectUriMismatch);
    }
    match (&record.code_challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
        (Some(_), Some(_)) => return Err(CodeRefusal::PkceMismatch),
        (Some(_), None) => return Err(CodeRefusal::VerifierMissing),
        // RFC 9700 §4.8.2: the sign of an attacker who took the challenge out of the request.
        (None, Some(_)) => return Err(CodeRefusal::VerifierUnexpected),
        (None, None) => {}
    }
    let bound = Confirmation {
        jkt: record.dpop_jkt.clone(),
        certificate: None,
    };
    if !bound.is_met_by(proved) {
        return Err(CodeRefusal::KeyMismatch);
    }
    Ok(Issuance {
        grant: record.grant.clone(),
        scopes: record.grant.scopes.clone(),
        id_token: record.grant.scopes.contains(scope::OPENID),
        resources: record.grant.resources.clone(),
        details: record.grant.details.clone(),
        confirmation: proved.clone(),
        nonce: record.nonce.clone(),
        refresh: first_refresh(&record.grant, client),
    })
}

/// OIDC Core §11: a refresh token is for whoever asked for offline access, and was granted it.
pub fn first_refresh(grant: &Grant, client: &Client) -> RefreshIssue {
    let offline = grant.scopes.contains(scope::OFFLINE_ACCESS);
    if offline && client.grant_types.contains(&GrantType::RefreshToken) {
        RefreshIssue::First
    } else {
        RefreshIssue::None
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::oidc::client::ClientId;
    use crate::oidc::fixtures::{
        CHALLENGE, REDIRECT_URI, VERIFIER, confidential_client, grant, now,
    };
    use crate::oidc::scope::Scopes;

    struct Case {
        record: CodeRecord,
        request: CodeRequest,
        client: Client,
        proved: Confirmation,
        now: OffsetDateTime,
    }

    fn good() -> Case {
        let client = confidential_client();
        Case {
            record: CodeRecord {
                grant: grant(&client),
                redirect_uri: RedirectUri::new(REDIRECT_URI),
                code_challenge: CodeChallenge::parse(CHALLENGE),
                dpop_jkt: None,
                nonce: Some("n".into()),
                issued_at: None,
                expires_at: now() + Duration::seconds(60),
            },
            request: CodeRequest {
                code: "c0de".into(),
                redirect_uri: Some(REDIRECT_URI.into()),
                code_verifier: CodeVerifier::parse(VERIFIER),
            },
            client,
            proved: Confirmation::default(),
            now: now(),
        }
    }

    fn run(case: &Case) -> Result<Issuance, CodeRefusal> {
        let Case {
            record,
            request,
            client,
            proved,
            now,
        } = case;
        check(record, request, client, proved, *now)
    }

    #[test]
    fn a_good_request_gets_what_was_granted() {
        let case = good();
        let issuance = run(&case).unwrap();
        assert_eq!(issuance.grant, case.record.grant);
        assert_eq!(issuance.scopes, case.record.grant.scopes);
        assert_eq!(issuance.nonce.as_deref(), Some("n"));
        assert_eq!(issuance.refresh, RefreshIssue::First);
        let json = serde_json::to_string(&case.record).unwrap();
        assert_eq!(
            serde_json::from_str::<CodeRecord>(&json).unwrap(),
            case.record
        );
    }

    #[test]
    fn a_refresh_token_is_for_offline_access_alone() {
        let mut case = good();
        case.record.grant.scopes = Scopes::parse("openid").unwrap();
        assert_eq!(run(&case).unwrap().refresh, RefreshIssue::None);
        let mut case = good();
        case.client.grant_types.remove(&GrantType::RefreshToken);
        assert_eq!(run(&case).unwrap().refresh, RefreshIssue::None);
    }

    #[test]
    fn every_refusal_of_a_code() {
        type Mutation = fn(&mut Case);
        let table: [(Mutation, CodeRefusal); 11] = [
            (|c| c.now = c.record.expires_at, CodeRefusal::Expired),
            (
                |c| c.client.id = ClientId::parse("thief").unwrap(),
                CodeRefusal::ClientMismatch,
            ),
            (
                |c| c.client.grant_types.clear(),
                CodeRefusal::GrantTypeNotAllowed,
            ),
            (
                |c| c.request.redirect_uri = None,
                CodeRefusal::RedirectUriMismatch,
            ),
            (
                |c| c.request.redirect_uri = Some(format!("{REDIRECT_URI}&x")),
                CodeRefusal::RedirectUriMismatch,
            ),
            (
                |c| c.request.code_verifier = None,
                CodeRefusal::VerifierMissing,
            ),
            (
                |c| c.record.code_challenge = None,
                CodeRefusal::VerifierUnexpected,
            ),
            (
                |c| c.request.code_verifier = CodeVerifier::parse(&"x".repeat(43)),
                CodeRefusal::PkceMismatch,
            ),
            (
                |c| c.record.code_challenge = CodeChallenge::parse(&"A".repeat(43)),
                CodeRefusal::PkceMismatch,
            ),
            (
                |c| c.record.dpop_jkt = Some(Thumbprint::of_certificate(b"a")),
                CodeRefusal::KeyMismatch,
            ),
            (
                |c| {
                    c.record.dpop_jkt = Some(Thumbprint::of_certificate(b"a"));
                    c.proved.jkt = Some(Thumbprint::of_certificate(b"b"));
                },
                CodeRefusal::KeyMismatch,
            ),
        ];
        for (mutate, expected) in table {
            let mut case = good();
            mutate(&mut case);
            assert_eq!(run(&case), Err(expected));
        }
    }

    #[test]
    fn all_refusals_of_a_code_look_alike() {
        let unknown = TokenError::from(CodeRefusal::Unknown);
        assert_eq!(unknown.code(), "invalid_grant");
        assert_eq!(unknown, TokenError::from(CodeRefusal::Replayed));
        assert_eq!(unknown, TokenError::from(CodeRefusal::PkceMismatch));
    }
}
