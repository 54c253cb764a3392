//! Device authorization: a device without a browser waits while a person answers on another one (RFC 8628).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::Duration;

use super::authorization_details::AuthorizationDetails;
use super::client::{Client, ClientId, GrantType};
use super::error::{TokenError, TokenErrorCode};
use super::parameters::Parameters;
use super::provider::{Issuer, Provider};
use super::resource::{self, ResourceUri};
use super::scope::{self, Scopes};

/// How many letters a user code has.
pub const USER_CODE_LENGTH: usize = 8;
/// The most codes that may wait at once: of 20^8 possible ones a guess then hits none in 2^20 tries
/// (RFC 8628 §5.1).
pub const MOST_WAITING: u64 = 20_000;
/// How many of them one client may have, so that one cannot lock out the others.
pub const MOST_OF_CLIENT: u64 = 5_000;
/// How many of them one client may have from one network, so that a stranger cannot lock out a client whose identifier
/// is public.
pub const MOST_OF_NETWORK: u64 = 100;
/// The page on which the person answers, below the issuer.
pub const VERIFICATION: &str = "/device";
/// How long the person has.
pub const LIFETIME: Duration = Duration::minutes(10);
/// How long the device waits between two polls (RFC 8628 §3.2).
pub const INTERVAL: Duration = Duration::seconds(5);

/// What the person types: consonants alone, so that it is read without doubt and spells no word (RFC 8628 §6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A code from random bytes; `None` where too many of them fall outside the fair range.
    pub fn from_random(bytes: &[u8]) -> Option<Self> {
        // 240 is the largest multiple of 20 in a byte: what is beyond would favour the first letters.
        let letters = bytes.iter().filter(|byte| **byte < 240);
        let text: String = letters
            .filter_map(|byte| {
                ALPHABET
                    .get(usize::from(byte % 20))
                    .copied()
                    .map(char::from)
            })
            .take(USER_CODE_LENGTH)
            .collect();
        (text.len() == USER_CODE_LENGTH).then_some(Self(text))
    }

    /// Reads what was typed: case and everything between the letters do not matter (RFC 8628 §6.1).
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 64 {
            return None;
        }
        let text: String = typed
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let well_formed =
            text.len() == USER_CODE_LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte));
        well_formed.then_some(Self(text))
    }

    /// The letters alone, under whose digest the store finds it.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// As it is shown: two groups of four.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(USER_CODE_LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

/// A device's request, as it is kept until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// For what.
    pub scopes: Scopes,
    /// Where it is to be good.
    #[serde(default)]
    pub resources: BTreeSet<ResourceUri>,
    /// In detail.
    #[serde(default)]
    pub details: AuthorizationDetails,
    /// The address that the device asked from, shown to the person.
    #[serde(default)]
    pub place: Option<String>,
}

impl DeviceRequest {
    /// Reads the request of this authenticated client (RFC 8628 §3.1).
    ///
    /// # Errors
    /// `invalid_request`, `unauthorized_client`, `invalid_scope`, `invalid_target` or
    /// `invalid_authorization_details`.
    pub fn parse(
        form: &Parameters,
        client: &Client,
        provider: &Provider,
    ) -> Result<Self, TokenError> {
        form.once()?;
        if !client.grant_types.contains(&GrantType::DeviceCode) {
            return Err(TokenError::new(
                TokenErrorCode::UnauthorizedClient,
                "the client may not use the device grant",
            ));
        }
        let invalid = |says| TokenError::new(TokenErrorCode::InvalidScope, says);
        let asked = match form.get("scope") {
            Some(text) => Scopes::parse(text).ok_or(invalid("scope has a forbidden character"))?,
            None => Scopes::default(),
        };
        let scopes = asked
            .intersection(&client.scopes)
            .intersection(&provider.scopes);
        // Whatever is about a subject comes with an ID token.
        if scopes.is_empty() && !asked.is_empty() {
            return Err(invalid("the scope is not one of the client's"));
        }
        let resources = resource::requested(form)?;
        provider
            .resources
            .check(&resources, &client.id, &provider.issuer)?;
        let details = AuthorizationDetails::parse(form.get("authorization_details"))?;
        provider.detail_types.check(&details, &client.id)?;
        Ok(Self {
            client_id: client.id.clone(),
            scopes,
            resources,
            details,
            place: None,
        })
    }

    /// Whether an ID token follows.
    pub fn has_openid(&self) -> bool {
        self.scopes.contains(scope::OPENID)
    }
}

/// The answer to the device (RFC 8628 §3.2).
pub fn response(device_code: &str, user_code: &UserCode, issuer: &Issuer) -> Value {
    let page = issuer.endpoint(VERIFICATION);
    json!({
        "device_code": device_code,
        "user_code": user_code.to_string(),
        "verification_uri": page,
        "verification_uri_complete": complete_uri(user_code, issuer),
        "expires_in": LIFETIME.whole_seconds(),
        "interval": INTERVAL.whole_seconds(),
    })
}

/// Where a person answers who need not type the code (RFC 8628 §3.3.1).
pub fn complete_uri(user_code: &UserCode, issuer: &Issuer) -> String {
    format!("{}?user_code={user_code}", issuer.endpoint(VERIFICATION))
}

/// RFC 8628 §6.1.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{changed, confidential_client, provider};

    #[test]
    fn a_user_code_is_fair_and_read_however_it_is_typed() {
        let code = UserCode::from_random(&[255, 0, 1, 19, 20, 39, 240, 239, 2, 3, 7]).unwrap();
        assert_eq!(code.to_string(), "BCZB-ZZDF");
        for typed in ["BCZB-ZZDF", "bczbzzdf", " bczb zzdf ", "b c z b.z z d f"] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for typed in [
            "",
            "BCZB-ZZD",
            "BCZB-ZZDFF",
            "ACZB-ZZDF",
            "BCZB-ZZD1",
            &"B".repeat(65),
        ] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
        assert_eq!(UserCode::from_random(&[255; 64]), None);
        assert_eq!(format!("{code:?}"), "UserCode");
        // RFC 8628 §5.1 and the attack list: twenty bits stay unknown however many codes are alive.
        let space = 20_f64.powi(8).log2();
        assert!(space - (MOST_WAITING as f64).log2() >= 20.0);
    }

    #[test]
    fn every_refusal_of_a_device() {
        let good = [("scope", "openid profile")];
        let client = Client {
            grant_types: GrantType::ALL.iter().copied().collect(),
            ..confidential_client()
        };
        let parse = |form: &Parameters| {
            DeviceRequest::parse(form, &client, &provider()).map_err(|it| it.code())
        };
        let request = parse(&changed(&good, "", None)).unwrap();
        assert!(request.has_openid() && request.scopes.contains("profile"));
        assert!(
            parse(&changed(&good, "scope", None))
                .unwrap()
                .scopes
                .is_empty()
        );
        let table = [
            ("scope", "a\"b", "invalid_scope"),
            ("scope", "unheard-of", "invalid_scope"),
            ("resource", "urn:x", "invalid_target"),
            (
                "authorization_details",
                "{}",
                "invalid_authorization_details",
            ),
        ];
        for (name, value, expected) in table {
            let error = parse(&changed(&good, name, Some(value))).unwrap_err();
            assert_eq!(error, expected, "{name}={value}");
        }
        let twice = Parameters::from_urlencoded(b"scope=openid&scope=openid").unwrap();
        assert_eq!(parse(&twice), Err("invalid_request"));
        let client = Client {
            grant_types: [GrantType::AuthorizationCode].into(),
            ..confidential_client()
        };
        let form = changed(&good, "", None);
        let error = DeviceRequest::parse(&form, &client, &provider()).unwrap_err();
        assert_eq!(error.code(), "unauthorized_client");
    }

    #[test]
    fn the_answer_is_that_of_rfc_8628() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        assert_eq!(
            response("d", &code, &provider().issuer),
            json!({
                "device_code": "d",
                "user_code": "WDJB-MJHT",
                "verification_uri": "https://id.example/device",
                "verification_uri_complete": "https://id.example/device?user_code=WDJB-MJHT",
                "expires_in": 600,
                "interval": 5,
            })
        );
    }
}
