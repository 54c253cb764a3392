//! Rich authorization requests: what is asked for as typed JSON objects (RFC 9396).
//!
//! Which types there are, and what may stand in each, is configured; whatever is not foreseen is refused, so that
//! nobody consents to what cannot be shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::client::ClientId;
use super::error::{AuthorizationError, TokenError, TokenErrorCode};
use super::unique::Unique;

/// The most objects in one request.
pub const MAX_DETAILS: usize = 16;
/// The longest JSON text of all of them, bytes.
pub const MAX_BYTES: usize = 8 * 1024;
/// How deeply they may nest.
const MAX_DEPTH: usize = 6;

/// One type of authorization details (RFC 9396 §2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailType {
    /// The `type` value.
    #[serde(rename = "type")]
    pub name: String,
    /// What it lets the client do, as a person reads it ("Make a payment").
    pub sentence: String,
    /// The members that must be there.
    #[serde(default)]
    pub required: BTreeSet<String>,
    /// The further members that may be there.
    #[serde(default)]
    pub optional: BTreeSet<String>,
    /// The clients that may use it; all where none is named.
    #[serde(default)]
    pub clients: Option<BTreeSet<ClientId>>,
}

/// All types.
#[derive(Clone, Debug, Default)]
pub struct DetailTypes(pub Vec<DetailType>);

/// What was asked for, or granted: objects whose `type` is one of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Map<String, Value>>);

/// Why authorization details are refused (RFC 9396 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DetailsRefusal {
    /// Not an array of objects with a `type` each, or too large.
    #[error("the authorization details are malformed")]
    Malformed,
    /// A type that is unknown, or not this client's.
    #[error("a type of authorization details is unknown or not for this client")]
    Type,
    /// A member is missing, or one is there that the type does not have.
    #[error("the authorization details do not fit their type")]
    Members,
    /// More than was granted (RFC 9396 §6.1).
    #[error("the authorization details were not granted")]
    NotGranted,
}

impl DetailsRefusal {
    /// What an authorization request is answered with.
    pub fn authorization_error(self) -> AuthorizationError {
        AuthorizationError::InvalidAuthorizationDetails
    }
}

impl From<DetailsRefusal> for TokenError {
    fn from(refusal: DetailsRefusal) -> Self {
        let description = match refusal {
            DetailsRefusal::Malformed => "authorization_details is malformed",
            DetailsRefusal::Type => "a type of authorization_details is not for this client",
            DetailsRefusal::Members => "authorization_details do not fit their type",
            DetailsRefusal::NotGranted => "authorization_details were not granted",
        };
        Self::new(TokenErrorCode::InvalidAuthorizationDetails, description)
    }
}

impl AuthorizationDetails {
    /// Reads the parameter.
    ///
    /// # Errors
    /// When it is not an array of objects with a type each.
    pub fn parse(text: Option<&str>) -> Result<Self, DetailsRefusal> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        if text.len() > MAX_BYTES {
            return Err(DetailsRefusal::Malformed);
        }
        // What is shown to the person and what a resource reads must be one thing: no member comes twice (RFC 8259 §4).
        let details: Vec<Unique> =
            serde_json::from_str(text).map_err(|_| DetailsRefusal::Malformed)?;
        let details: Vec<Map<String, Value>> = details.into_iter().map(|it| it.0).collect();
        let well_formed = (1..=MAX_DETAILS).contains(&details.len())
            && details.iter().all(|it| {
                it.get("type").is_some_and(Value::is_string) && depth_of(it) <= MAX_DEPTH
            });
        if well_formed {
            Ok(Self(details))
        } else {
            Err(DetailsRefusal::Malformed)
        }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The objects.
    pub fn iter(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.iter()
    }

    /// What a token request asks for of what was granted: objects that stand in the grant as they are, or all.
    ///
    /// # Errors
    /// Where one does not.
    pub fn narrowed(&self, asked: &Self) -> Result<Self, DetailsRefusal> {
        if asked.is_empty() {
            return Ok(self.clone());
        }
        if asked.iter().all(|one| self.0.contains(one)) {
            Ok(asked.clone())
        } else {
            Err(DetailsRefusal::NotGranted)
        }
    }
}

impl DetailTypes {
    /// The type of an object.
    pub fn of(&self, detail: &Map<String, Value>) -> Option<&DetailType> {
        let name = detail.get("type")?.as_str()?;
        self.0.iter().find(|known| known.name == name)
    }

    /// Whether the client may ask for these, and each fits its type (RFC 9396 §5).
    ///
    /// # Errors
    /// When it may not, or one does not.
    pub fn check(
        &self,
        details: &AuthorizationDetails,
        client: &ClientId,
    ) -> Result<(), DetailsRefusal> {
        for detail in details.iter() {
            let known = self.of(detail).ok_or(DetailsRefusal::Type)?;
            if known
                .clients
                .as_ref()
                .is_some_and(|it| !it.contains(client))
            {
                return Err(DetailsRefusal::Type);
            }
            let foreseen = |name: &String| {
                name == "type" || known.required.contains(name) || known.optional.contains(name)
            };
            let complete = known.required.iter().all(|name| detail.contains_key(name));
            if !complete || !detail.keys().all(foreseen) {
                return Err(DetailsRefusal::Members);
            }
        }
        Ok(())
    }

    /// What a person is asked to consent to: the sentence of the type, and every member with its value.
    pub fn lines(&self, details: &AuthorizationDetails) -> Vec<DetailLine> {
        let line = |detail: &Map<String, Value>| {
            let sentence = self.of(detail).map(|known| known.sentence.clone());
            let members = detail.iter().filter(|(name, _)| *name != "type");
            DetailLine {
                sentence: sentence.unwrap_or_default(),
                members: members
                    .map(|(name, value)| (name.clone(), in_words(value)))
                    .collect(),
            }
        };
        details.iter().map(line).collect()
    }
}

/// One object as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailLine {
    /// What it lets the client do.
    pub sentence: String,
    /// Its members and their values.
    pub members: Vec<(String, String)>,
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name} {}", in_words(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn depth_of(object: &Map<String, Value>) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(of).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(of).max().unwrap_or(0),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
    1 + object.values().map(of).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> DetailTypes {
        DetailTypes(vec![DetailType {
            name: "payment".into(),
            sentence: "Make a payment".into(),
            required: ["amount".to_owned()].into(),
            optional: ["to".to_owned()].into(),
            clients: Some([ClientId::parse("app").unwrap()].into()),
        }])
    }

    fn check(text: &str, client: &str) -> Result<AuthorizationDetails, DetailsRefusal> {
        let details = AuthorizationDetails::parse(Some(text))?;
        types().check(&details, &ClientId::parse(client).unwrap())?;
        Ok(details)
    }

    #[test]
    fn every_refusal_of_authorization_details() {
        use DetailsRefusal as R;
        assert!(check(r#"[{"type":"payment","amount":"1"}]"#, "app").is_ok());
        let deep = format!(
            r#"[{{"type":"payment","amount":{}1{}}}]"#,
            "[".repeat(9),
            "]".repeat(9)
        );
        let many = format!("[{}]", [r#"{"type":"payment","amount":1}"#; 17].join(","));
        let long = format!(
            r#"[{{"type":"payment","amount":"{}"}}]"#,
            "x".repeat(MAX_BYTES)
        );
        let table = [
            ("{}", R::Malformed),
            ("[]", R::Malformed),
            ("[1]", R::Malformed),
            ("[{}]", R::Malformed),
            (r#"[{"type":1}]"#, R::Malformed),
            (
                r#"[{"type":"payment","amount":1,"amount":9}]"#,
                R::Malformed,
            ),
            ("[[[[", R::Malformed),
            (&deep, R::Malformed),
            (&many, R::Malformed),
            (&long, R::Malformed),
            (r#"[{"type":"other"}]"#, R::Type),
            (r#"[{"type":"payment"}]"#, R::Members),
            (r#"[{"type":"payment","amount":1,"hidden":2}]"#, R::Members),
        ];
        for (text, expected) in table {
            assert_eq!(check(text, "app"), Err(expected), "{text}");
        }
        assert_eq!(
            check(r#"[{"type":"payment","amount":1}]"#, "other"),
            Err(R::Type)
        );
        assert_eq!(
            TokenError::from(R::Type).code(),
            "invalid_authorization_details"
        );
    }

    #[test]
    fn a_token_request_narrows_and_never_widens() {
        let two = check(
            r#"[{"type":"payment","amount":1},{"type":"payment","amount":2}]"#,
            "app",
        )
        .unwrap();
        let one = check(r#"[{"amount":2,"type":"payment"}]"#, "app").unwrap();
        assert_eq!(
            two.narrowed(&AuthorizationDetails::default()),
            Ok(two.clone())
        );
        assert_eq!(two.narrowed(&one), Ok(one.clone()));
        assert_eq!(one.narrowed(&two), Err(DetailsRefusal::NotGranted));
    }

    #[test]
    fn every_member_is_shown() {
        let details = check(
            r#"[{"type":"payment","amount":{"EUR":5},"to":["A","B"]}]"#,
            "app",
        )
        .unwrap();
        let line = DetailLine {
            sentence: "Make a payment".into(),
            members: vec![
                ("amount".into(), "EUR 5".into()),
                ("to".into(), "A, B".into()),
            ],
        };
        assert_eq!(types().lines(&details), [line]);
    }
}
