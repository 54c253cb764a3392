//! The `claims` parameter: single claims asked for, and whether they are essential (OIDC Core §5.5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::acr::Acr;
use super::claims;
use super::scope::Scopes;

/// The largest `claims` parameter, bytes.
pub const MAX_LENGTH: usize = 8 * 1024;

/// What the parameter asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims asked for from the userinfo endpoint.
    #[serde(default)]
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// Claims asked for in the ID token.
    #[serde(default)]
    pub id_token: BTreeMap<String, ClaimRequest>,
}

/// One claim asked for (OIDC Core §5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// Whether the client cannot do without it.
    #[serde(default)]
    pub essential: bool,
    /// The values that it may have, in order of preference; empty for any.
    #[serde(default)]
    pub values: Vec<Value>,
}

impl ClaimsRequest {
    /// Reads the JSON; members that mean nothing here are passed over (OIDC Core §5.5).
    ///
    /// `None` when it is no such JSON, names a member twice, asks for a `sub` that no subject has, or is too long.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let Object(wire): Object<WireClaims> = serde_json::from_str(text).ok()?;
        let requests = |section: Option<Unique<Option<Object<WireClaim>>>>| {
            section
                .map(|it| it.0)
                .unwrap_or_default()
                .into_iter()
                .map(|(name, claim)| {
                    Some((
                        name,
                        claim.map(|it| it.0).unwrap_or_default().into_request()?,
                    ))
                })
                .collect::<Option<BTreeMap<_, _>>>()
        };
        let read = Self {
            userinfo: requests(wire.userinfo)?,
            id_token: requests(wire.id_token)?,
        };
        // A `sub` is text (OIDC Core §2): passed over, another value would ask for anybody.
        let named = read.subjects().all(Value::is_string);
        named.then_some(read)
    }

    /// The assurance asked for in the ID token: whether it is essential, and the values
    /// (OIDC Core §5.5.1.1). A value that is not text names nothing that could be reached.
    pub fn acr(&self) -> Option<(bool, Vec<Acr>)> {
        let request = self.id_token.get("acr")?;
        let values = request.values.iter().filter_map(Value::as_str);
        Some((request.essential, values.filter_map(Acr::parse).collect()))
    }

    /// Leaves out the claims about the subject that no scope of these releases: the client may not ask for them,
    /// by scope or by name.
    pub fn within(mut self, scopes: &Scopes) -> Self {
        let may =
            |name: &String| !claims::is_about_subject(name) || claims::is_released(name, scopes);
        self.userinfo.retain(|name, _| may(name));
        self.id_token.retain(|name, _| may(name));
        self
    }

    /// The claims about the subject that are asked for by name and not by these scopes: consent has to name them.
    pub fn beyond(&self, scopes: &Scopes) -> BTreeSet<String> {
        self.userinfo
            .keys()
            .chain(self.id_token.keys())
            .filter(|name| claims::is_about_subject(name) && !claims::is_released(name, scopes))
            .cloned()
            .collect()
    }

    /// The methods of which one must have been used (OIDC Core §5.5.1, RFC 8176): those of an essential `amr` claim.
    pub fn essential_amr(&self) -> Option<BTreeSet<&str>> {
        let request = self.id_token.get("amr").filter(|it| it.essential)?;
        let methods: BTreeSet<&str> = request.values.iter().flat_map(methods_of).collect();
        (!request.values.is_empty()).then_some(methods)
    }

    /// Whether the answer may be about this `sub`: it must be among those that each section names, if it names any
    /// (OIDC Core §5.5.1, §3.1.2.2).
    pub fn accepts_subject(&self, sub: &str) -> bool {
        let sections = [&self.id_token, &self.userinfo].into_iter();
        sections
            .filter_map(|section| section.get("sub"))
            .filter(|request| !request.values.is_empty())
            .all(|request| request.values.iter().any(|value| value == sub))
    }

    fn subjects(&self) -> impl Iterator<Item = &Value> {
        let sections = [&self.id_token, &self.userinfo].into_iter();
        let requests = sections.filter_map(|section| section.get("sub"));
        requests.flat_map(|request| &request.values)
    }
}

/// The claim is a list, so that a value may be a method or a list of them.
fn methods_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[derive(Deserialize)]
struct WireClaims {
    #[serde(default)]
    userinfo: Option<Unique<Option<Object<WireClaim>>>>,
    #[serde(default)]
    id_token: Option<Unique<Option<Object<WireClaim>>>>,
}

#[derive(Default, Deserialize)]
struct WireClaim {
    #[serde(default)]
    essential: bool,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}

impl WireClaim {
    fn into_request(self) -> Option<ClaimRequest> {
        let values = match (self.value, self.values) {
            (Some(value), None) => vec![value],
            (None, values) => values.unwrap_or_default(),
            // Two answers to one question.
            (Some(_), Some(_)) => return None,
        };
        Some(ClaimRequest {
            essential: self.essential,
            values,
        })
    }
}

/// A JSON object in which no member may be named twice: two readers could take different ones.
struct Unique<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Members<V> {
            type Value = Unique<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is named twice"));
                    }
                }
                Ok(Unique(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A JSON object and nothing else: by itself a struct would also be read from an array of its fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_read() {
        let request = ClaimsRequest::parse(
            r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "http://example.info/claims/groups": null},
                "id_token": {"auth_time": {"essential": true},
                             "acr": {"values": ["urn:mace:incommon:iap:silver"]}},
                "other": [1]}"#,
        )
        .unwrap();
        assert!(
            request
                .userinfo
                .get("given_name")
                .is_some_and(|it| it.essential)
        );
        assert!(
            request
                .userinfo
                .get("nickname")
                .is_some_and(|it| !it.essential)
        );
        let silver = Acr::parse("urn:mace:incommon:iap:silver").unwrap();
        assert_eq!(request.acr(), Some((false, vec![silver])));
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(
            serde_json::from_str::<ClaimsRequest>(&json).unwrap(),
            request
        );
    }

    #[test]
    fn a_subject_can_be_asked_for() {
        let accepted = |text: &str| {
            let request = ClaimsRequest::parse(text).unwrap();
            ["me", "you"].map(|sub| request.accepts_subject(sub))
        };
        assert_eq!(accepted("{}"), [true, true]);
        assert_eq!(accepted(r#"{"id_token": {"sub": null}}"#), [true, true]);
        for (sub, expected) in [
            (r#"{"value": "me"}"#, [true, false]),
            (r#"{"values": ["them", "you"]}"#, [false, true]),
            (r#"{"values": ["me", "you"]}"#, [true, true]),
            (r#"{"value": "them"}"#, [false, false]),
        ] {
            for section in ["id_token", "userinfo"] {
                let text = format!(r#"{{"{section}": {{"sub": {sub}}}}}"#);
                assert_eq!(accepted(&text), expected, "{text}");
            }
        }
        let both =
            r#"{"id_token": {"sub": {"value": "me"}}, "userinfo": {"sub": {"value": "you"}}}"#;
        assert_eq!(accepted(both), [false, false]);
    }

    #[test]
    fn what_is_not_such_json_is_refused() {
        let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
        let long = format!(r#"{{"x": "{}"}}"#, "x".repeat(MAX_LENGTH));
        for text in [
            "",
            "null x",
            "[]",
            "1",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": {"name": 1}}"#,
            r#"{"userinfo": {"name": [true]}}"#,
            r#"{"userinfo": {"name": {"essential": true, "essential": false}}}"#,
            r#"{"userinfo": {"name": {"essential": "yes"}}}"#,
            r#"{"userinfo": {"name": null, "name": null}}"#,
            r#"{"userinfo": {}, "userinfo": {}}"#,
            r#"{"id_token": {"acr": {"value": "a", "values": ["b"]}}}"#,
            r#"{"id_token": {"acr": {"values": "b"}}}"#,
            r#"{"id_token": {"sub": {"value": 7}}}"#,
            r#"{"userinfo": {"sub": {"values": ["me", null]}}}"#,
            &deep,
            &long,
        ] {
            assert_eq!(ClaimsRequest::parse(text), None, "{text}");
        }
    }
}
