//! JSON objects in which no member comes twice (RFC 7515 §4, RFC 8259 §4): of two, one reader would believe the first
//! and another the last.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// An object whose own members are unique; those within its members are not looked at.
pub struct Unique(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Unique;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object without repeated members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is repeated"));
            }
        }
        Ok(Unique(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_comes_twice_is_refused() {
        let read = |text: &str| serde_json::from_str::<Unique>(text).map(|it| it.0.len());
        assert_eq!(read(r#"{"a": 1, "b": [2]}"#).unwrap(), 2);
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "\u0061": 2}"#,
            "[]",
            "{",
            "{} {}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
