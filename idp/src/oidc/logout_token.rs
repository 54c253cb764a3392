//! The logout token: tells a client, from server to server, that a session has ended (OpenID Connect Back-Channel
//! Logout 1.0 §2.4).

use serde::Serialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::client::ClientId;
use super::grant::{SessionId, Validity};
use super::provider::Issuer;
use super::subject::SubjectIdentifier;

/// The header's `typ`, so that no ID token passes for a logout token (Back-Channel Logout §2.4).
pub const TYP: &str = "logout+jwt";

/// How long one is good: it is sent at once, and made anew for every try (Back-Channel Logout §2.4 recommends two
/// minutes at most).
pub const LIFETIME: Duration = Duration::minutes(2);

/// The event that makes it what it is.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token. There is no `nonce`, which would make it look like an ID token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogoutToken {
    /// Who says so.
    pub iss: Issuer,
    /// Whose session it was, as the client knows the subject.
    pub sub: SubjectIdentifier,
    /// Whom it is for.
    pub aud: ClientId,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub iat: OffsetDateTime,
    /// Until when it may be accepted.
    #[serde(with = "time::serde::timestamp")]
    pub exp: OffsetDateTime,
    /// Names this one token.
    pub jti: Uuid,
    /// Which session.
    pub sid: SessionId,
    /// What happened.
    pub events: Map<String, Value>,
}

impl LogoutToken {
    /// The claims about a session that has ended.
    pub fn new(
        issuer: &Issuer,
        aud: ClientId,
        (sub, sid): (SubjectIdentifier, SessionId),
        jti: Uuid,
        validity: Validity,
    ) -> Self {
        Self {
            iss: issuer.clone(),
            sub,
            aud,
            iat: validity.issued_at,
            exp: validity.expires_at(),
            jti,
            sid,
            events: Map::from_iter([(EVENT.to_owned(), Value::Object(Map::new()))]),
        }
    }
}

/// When to try again after so many tries that failed, or never: half a minute, then twice as long each time. After
/// six tries, a quarter of an hour, whoever does not answer will not (Back-Channel Logout §2.5 leaves it open).
pub fn next_try(tries: u32) -> Option<Duration> {
    (tries < MOST_TRIES).then(|| FIRST_WAIT * 2_i32.pow(tries.min(MOST_TRIES)))
}

const MOST_TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::seconds(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{confidential_client, provider, ten_minutes};
    use crate::oidc::subject::SubjectId;

    #[test]
    fn the_claims_are_those_of_the_specification() {
        let token = LogoutToken::new(
            &provider().issuer,
            confidential_client().id,
            (
                SubjectId(Uuid::from_u128(2)).public(),
                SessionId(Uuid::from_u128(3)),
            ),
            Uuid::from_u128(9),
            ten_minutes(),
        );
        assert_eq!(
            serde_json::to_value(token).unwrap(),
            serde_json::json!({
                "iss": "https://id.example",
                "sub": "00000000-0000-0000-0000-000000000002",
                "aud": "app",
                "iat": 1_800_000_000,
                "exp": 1_800_000_600,
                "jti": "00000000-0000-0000-0000-000000000009",
                "sid": "00000000-0000-0000-0000-000000000003",
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            })
        );
    }

    #[test]
    fn tries_become_rarer_and_end() {
        let waits: Vec<_> = (0..10).map_while(next_try).collect();
        assert_eq!(waits.len(), 6);
        assert!(waits.windows(2).all(|pair| pair[0] * 2 == pair[1]));
        assert!(waits.iter().sum::<Duration>() < Duration::hours(1));
    }
}
