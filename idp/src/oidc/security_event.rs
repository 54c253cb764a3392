//! The security event token (RFC 8417): says that something happened to a subject, and is good for nothing else.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::provider::Issuer;
use super::subject::SubjectId;

/// The header's `typ`, so that it passes for no other token (RFC 8417 §2.3).
pub const TYP: &str = "secevent+jwt";

/// Our event: an account was changed; what it holds is in [`SecurityEvent::new`].
pub const EVENT: &str = "urn:whorl:event:account-changed";

/// The claims (RFC 8417 §2.2). There is no `exp`, and no `sub` beside `sub_id`, which would make it look like an ID token
/// (RFC 8417 §4.5, §4.6).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecurityEvent {
    /// Who says so.
    pub iss: Issuer,
    /// Whom it is for: the address that it is sent to.
    pub aud: String,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub iat: OffsetDateTime,
    /// Names the event: the same at each try, so that who got it twice can tell.
    pub jti: Uuid,
    /// When it happened.
    #[serde(with = "time::serde::timestamp")]
    pub toe: OffsetDateTime,
    /// To whom (RFC 9493 §3.2.4).
    pub sub_id: Value,
    /// What happened.
    pub events: Map<String, Value>,
}

impl SecurityEvent {
    /// The claims about a change; `what` says which.
    #[must_use]
    pub fn new(
        issuer: &Issuer,
        audience: &str,
        subject: SubjectId,
        (jti, what): (Uuid, Value),
        (happened, now): (OffsetDateTime, OffsetDateTime),
    ) -> Self {
        Self {
            iss: issuer.clone(),
            aud: audience.to_owned(),
            iat: now,
            jti,
            toe: happened,
            sub_id: json!({
                "format": "iss_sub",
                "iss": issuer,
                "sub": subject.public(),
            }),
            events: Map::from_iter([(EVENT.to_owned(), what)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{provider, ten_minutes};

    #[test]
    fn the_claims_are_those_of_the_specification() {
        let now = ten_minutes().issued_at;
        let id = Uuid::from_u128(9);
        let subject = SubjectId(Uuid::from_u128(2));
        let issuer = provider().issuer;
        let what = json!({ "kind": "credential.removed" });
        let hook = "https://hooks.example/";
        let event = SecurityEvent::new(&issuer, hook, subject, (id, what.clone()), (now, now));
        let claims = serde_json::to_value(&event).expect("writes");
        assert_eq!(
            claims,
            json!({
                "iss": issuer,
                "aud": "https://hooks.example/",
                "iat": now.unix_timestamp(),
                "toe": now.unix_timestamp(),
                "jti": id,
                "sub_id": { "format": "iss_sub", "iss": issuer, "sub": subject.public() },
                "events": { EVENT: what },
            })
        );
    }
}
