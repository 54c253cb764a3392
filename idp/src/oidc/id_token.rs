//! The ID token's claims (OIDC Core §2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::acr::Acr;
use super::amr::Amr;
use super::client::ClientId;
use super::grant::{SessionId, Validity};
use super::grants::Issuance;
use super::provider::Issuer;
use super::signing_alg::HalfHash;
use super::subject::SubjectIdentifier;

/// The claims of an ID token; dates are seconds since 1970 (RFC 7519 §2 NumericDate).
///
/// There is no `azp`: the one audience is the client that asked (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdToken {
    /// Who says so.
    pub iss: Issuer,
    /// Whom it is about.
    pub sub: SubjectIdentifier,
    /// Whom it is for.
    pub aud: ClientId,
    /// Until when it may be accepted.
    #[serde(with = "time::serde::timestamp")]
    pub exp: OffsetDateTime,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub iat: OffsetDateTime,
    /// When the subject authenticated.
    #[serde(with = "time::serde::timestamp")]
    pub auth_time: OffsetDateTime,
    /// The request's nonce, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The assurance that was reached.
    pub acr: Acr,
    /// The methods that were used (RFC 8176).
    pub amr: BTreeSet<Amr>,
    /// When each of them was used, seconds since 1970; a claim of our own, beside `auth_time` for the whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amr_times: BTreeMap<Amr, i64>,
    /// The session (OIDC Back-Channel Logout §2.1).
    pub sid: SessionId,
    /// Binds the access token that came along (OIDC Core §3.1.3.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// Binds the code that came along (OIDC Core §3.3.2.11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// Binds the `state` that came along (FAPI 1.0 part 2 §5.2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s_hash: Option<String>,
    /// Claims about the subject that were asked for here (OIDC Core §5.5).
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

impl IdToken {
    /// The claims of what is issued.
    pub fn new(
        issuer: &Issuer,
        sub: SubjectIdentifier,
        issuance: &Issuance,
        validity: Validity,
    ) -> Self {
        let authentication = &issuance.grant.authentication;
        Self {
            iss: issuer.clone(),
            sub,
            aud: issuance.grant.client_id.clone(),
            exp: validity.expires_at(),
            iat: validity.issued_at,
            // OIDC Core §12.2: in a refreshed ID token too, the time of the original authentication.
            auth_time: authentication.auth_time,
            nonce: issuance.nonce.clone(),
            acr: authentication.acr.clone(),
            amr: authentication.amr.clone(),
            amr_times: authentication.amr_times.clone(),
            sid: authentication.sid,
            at_hash: None,
            c_hash: None,
            s_hash: None,
            claims: Map::new(),
        }
    }

    /// Binds the access token that is issued together with it (OIDC Core §3.1.3.6).
    pub fn with_access_token(self, access_token: &str, hash: HalfHash) -> Self {
        Self {
            at_hash: Some(hash.of(access_token)),
            ..self
        }
    }

    /// Binds the code that is issued together with it (OIDC Core §3.3.2.11).
    pub fn with_code(self, code: &str, hash: HalfHash) -> Self {
        Self {
            c_hash: Some(hash.of(code)),
            ..self
        }
    }

    /// Binds the `state` that goes back together with it: a signed answer then leaves nothing to be swapped.
    pub fn with_state(self, state: &str, hash: HalfHash) -> Self {
        Self {
            s_hash: Some(hash.of(state)),
            ..self
        }
    }

    /// Adds claims about the subject; none of them can take the place of a claim of the protocol.
    pub fn with_claims(self, claims: Map<String, Value>) -> Self {
        let claims = claims
            .into_iter()
            .filter(|(name, _)| !PROTOCOL_CLAIMS.contains(&name.as_str()))
            .collect();
        Self { claims, ..self }
    }
}

const PROTOCOL_CLAIMS: [&str; 17] = [
    "amr_times",
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
];

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreIdTokenClaims;

    use super::*;
    use crate::oidc::fixtures::{confidential_client, grant, issuance, provider, ten_minutes};

    fn id_token() -> IdToken {
        let issuance = Issuance {
            nonce: Some("n-0S6".into()),
            ..issuance(grant(&confidential_client()))
        };
        let sub = issuance.grant.subject.public();
        IdToken::new(&provider().issuer, sub, &issuance, ten_minutes())
    }

    #[test]
    fn a_relying_party_can_read_it() {
        let token = id_token().with_access_token("acc3ss", HalfHash::Sha256);
        let value = serde_json::to_value(&token).unwrap();
        assert_eq!(value.get("exp"), Some(&(1_800_000_600).into()));
        assert_eq!(value.get("auth_time"), Some(&(1_799_999_700).into()));
        assert_eq!(
            value.get("amr_times"),
            Some(&serde_json::json!({"face": 1_799_999_700, "pwd": 1_799_999_000}))
        );
        assert_eq!(
            value.get("amr"),
            Some(&serde_json::json!(["face", "mfa", "pwd"]))
        );
        let read: CoreIdTokenClaims = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(read.issuer().as_str(), "https://id.example");
        assert_eq!(read.audiences().len(), 1);
        assert_eq!(read.nonce().map(|it| it.secret().as_str()), Some("n-0S6"));
        assert_eq!(
            read.auth_context_ref().map(|it| it.as_str()),
            Some("urn:whorl:acr:two")
        );
        assert!(read.access_token_hash().is_some());
        assert_eq!(serde_json::from_value::<IdToken>(value).unwrap(), token);
    }

    #[test]
    fn claims_about_the_subject_cannot_displace_the_protocols() {
        let Value::Object(claims) =
            serde_json::json!({"name": "A", "sub": "mallory", "acr": "x", "nbf": 1})
        else {
            unreachable!("an object")
        };
        let token = id_token().with_claims(claims);
        let names: Vec<_> = token.claims.keys().map(String::as_str).collect();
        assert_eq!(names, ["name"]);
    }
}
