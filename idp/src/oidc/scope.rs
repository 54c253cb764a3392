//! Scopes: a set of scope tokens, written as a space-separated list (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// `openid`: makes a request an authentication request (OIDC Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// `profile` (OIDC Core §5.4).
pub const PROFILE: &str = "profile";
/// `email` (OIDC Core §5.4).
pub const EMAIL: &str = "email";
/// `address` (OIDC Core §5.4).
pub const ADDRESS: &str = "address";
/// `phone` (OIDC Core §5.4).
pub const PHONE: &str = "phone";
/// `offline_access`: asks for a refresh token (OIDC Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The scopes that are about a subject, and mean nothing to a client that acts for itself.
pub const OF_SUBJECTS: [&str; 6] = [OPENID, PROFILE, EMAIL, ADDRESS, PHONE, OFFLINE_ACCESS];

/// A set of scope tokens; every token in it is well formed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a space-separated list; `None` when a token has a character that RFC 6749 §3.3 forbids.
    pub fn parse(text: &str) -> Option<Self> {
        let tokens: BTreeSet<String> = text
            .split(' ')
            .filter(|token| !token.is_empty())
            .map(str::to_owned)
            .collect();
        tokens
            .iter()
            .all(|token| token.bytes().all(is_scope_byte))
            .then_some(Self(tokens))
    }

    /// Whether the set has this token.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// What both sets have.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What either set has.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The set without one token.
    pub fn without(mut self, token: &str) -> Self {
        self.0.remove(token);
        self
    }

    /// This set all_but these tokens.
    pub fn all_but(&self, tokens: &[&str]) -> Self {
        let kept = self.0.iter().filter(|it| !tokens.contains(&it.as_str()));
        Self(kept.cloned().collect())
    }

    /// Whether every token of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, in alphabetic order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Scopes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a scope token has a forbidden character")
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_set_and_is_written_in_one_order() {
        let scopes = Scopes::parse("profile  openid profile").unwrap();
        assert_eq!(scopes.to_string(), "openid profile");
        assert_eq!(
            serde_json::to_string(&scopes).unwrap(),
            r#""openid profile""#
        );
        assert!(scopes.is_subset(&Scopes::parse("openid profile email").unwrap()));
        assert_eq!(
            scopes.intersection(&Scopes::parse("openid email").unwrap()),
            Scopes::parse("openid").unwrap()
        );
    }

    #[test]
    fn forbidden_characters_are_refused() {
        for text in ["open\"id", "open\\id", "ö", "a\tb", "a\0b", "a\nb"] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
    }
}
