//! The parameters of one request: outside text, read once, within bounds (RFC 6749 §3.1, §3.2).
//!
//! A parameter without a value counts as left out, and one that came twice has no value at all, so that
//! nothing can be built on either of its values. Every parser asks [`Parameters::repeated`] first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::form_urlencoded;

use super::error::{PageError, TokenError, TokenErrorCode};

/// The largest query string or form body, bytes.
pub const MAX_TOTAL: usize = 64 * 1024;
/// The largest value, bytes; an ID token hint fits well.
pub const MAX_VALUE: usize = 16 * 1024;
/// The longest name, bytes.
pub const MAX_NAME: usize = 128;
/// The most parameters.
pub const MAX_COUNT: usize = 64;

/// The parameters of one request. Values may be secrets: they are never printed.
pub struct Parameters {
    values: BTreeMap<String, SecretString>,
    /// Every value of those that may come more than once, in their order.
    lists: BTreeMap<String, Vec<SecretString>>,
    repeated: BTreeSet<String>,
}

/// Why a request has no parameters to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// Beyond one of the bounds.
    #[error("too many or too large parameters")]
    TooLarge,
    /// A NUL, or text that is not UTF-8.
    #[error("a parameter is not text")]
    Malformed,
}

impl Parameters {
    /// Takes decoded pairs.
    ///
    /// # Errors
    /// When a bound is passed or a NUL is found.
    pub fn parse<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, ParameterError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let mut parsed = Self {
            values: BTreeMap::new(),
            lists: BTreeMap::new(),
            repeated: BTreeSet::new(),
        };
        let mut seen = BTreeSet::new();
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            let name: String = name.into();
            let value: SecretString = value.into().into();
            let text = value.expose_secret();
            if index >= MAX_COUNT || name.len() > MAX_NAME || text.len() > MAX_VALUE {
                return Err(ParameterError::TooLarge);
            }
            if name.contains('\0') || text.contains('\0') {
                return Err(ParameterError::Malformed);
            }
            // RFC 6749 §3.1: a parameter must not be included more than once, with or without a value;
            // RFC 8707 §2 and RFC 8693 §2.1 make the two exceptions.
            let repeatable = matches!(name.as_str(), "resource" | "audience");
            if !seen.insert(name.clone()) && !repeatable {
                parsed.values.remove(&name);
                parsed.repeated.insert(name);
                continue;
            }
            if repeatable && !text.is_empty() {
                let list = parsed.lists.entry(name.clone()).or_default();
                list.push(value.clone());
            }
            // RFC 6749 §3.1: a parameter sent without a value is treated as omitted.
            if !text.is_empty() && !parsed.repeated.contains(&name) {
                parsed.values.entry(name).or_insert(value);
            }
        }
        Ok(parsed)
    }

    /// Reads a query string or an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// When a bound is passed, or a value is not UTF-8 or has a NUL.
    pub fn from_urlencoded(encoded: &[u8]) -> Result<Self, ParameterError> {
        if encoded.len() > MAX_TOTAL {
            return Err(ParameterError::TooLarge);
        }
        // `form_urlencoded` puts replacement characters where bytes are not UTF-8; a security decision
        // should not be made over text that nobody sent.
        if !decodes_to_utf8(encoded) {
            return Err(ParameterError::Malformed);
        }
        Self::parse(form_urlencoded::parse(encoded))
    }

    /// The value; `None` when it is absent, empty or repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.expose_secret())
    }

    /// Every value of a parameter that may come more than once: `resource` (RFC 8707 §2), `audience`
    /// (RFC 8693 §2.1).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.lists.get(name).into_iter().flatten();
        values.map(|value| value.expose_secret())
    }

    /// The value as a secret.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.values.get(name).cloned()
    }

    /// Names and values: every value of those that may come more than once.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let ones = self.values.iter();
        let ones = ones.filter(|(name, _)| !self.lists.contains_key(*name));
        let many = self.lists.iter();
        let many = many.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        ones.chain(many)
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
    }

    /// The names of what came more than once and must not.
    pub fn repeats(&self) -> impl Iterator<Item = &str> {
        self.repeated.iter().map(String::as_str)
    }

    /// Whether this parameter came more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    /// Whether any parameter came more than once (RFC 6749 §3.1).
    pub fn repeated(&self) -> bool {
        !self.repeated.is_empty()
    }

    /// Refuses repeated parameters where the answer is a token error.
    ///
    /// # Errors
    /// `invalid_request` when any parameter came more than once (RFC 6749 §3.2).
    pub fn once(&self) -> Result<&Self, TokenError> {
        if self.repeated() {
            return Err(TokenError::new(
                TokenErrorCode::InvalidRequest,
                "a parameter is repeated",
            ));
        }
        Ok(self)
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl From<ParameterError> for PageError {
    fn from(error: ParameterError) -> Self {
        match error {
            ParameterError::TooLarge => Self::TooLarge,
            ParameterError::Malformed => Self::Malformed,
        }
    }
}

impl From<ParameterError> for TokenError {
    fn from(error: ParameterError) -> Self {
        let description = match error {
            ParameterError::TooLarge => "the request is too large",
            ParameterError::Malformed => "the request is malformed",
        };
        Self::new(TokenErrorCode::InvalidRequest, description)
    }
}

/// Whether the text is UTF-8 once its percent escapes are undone.
fn decodes_to_utf8(encoded: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let [high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = tail;
            continue;
        }
        bytes.push(byte);
    }
    // A separator cannot complete a multi-byte character, so that checking the whole checks each part.
    std::str::from_utf8(&bytes).is_ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_absent_and_repeated_has_no_value() {
        let parameters = Parameters::from_urlencoded(b"a=1&b=&c=1&c=1&d=&d=2&e=x+y%2Fz").unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), None);
        assert_eq!(parameters.get("d"), None);
        assert_eq!(parameters.get("e"), Some("x y/z"));
        assert!(parameters.repeated() && parameters.is_repeated("d"));
        assert!(!parameters.is_repeated("a") && parameters.once().is_err());
    }

    #[test]
    fn resources_and_audiences_may_repeat() {
        let parameters =
            Parameters::from_urlencoded(b"resource=a&resource=b&audience=c&audience=d").unwrap();
        assert!(!parameters.repeated());
        assert!(parameters.all("resource").eq(["a", "b"]));
        assert!(parameters.all("audience").eq(["c", "d"]));
        assert_eq!(parameters.all("scope").count(), 0);
    }

    #[test]
    fn a_third_copy_does_not_bring_the_value_back() {
        let parameters = Parameters::from_urlencoded(b"a=1&a=2&a=3").unwrap();
        assert_eq!(parameters.get("a"), None);
    }

    #[test]
    fn bounds_and_bad_text_are_refused() {
        let long = |length: usize| format!("a={}", "x".repeat(length));
        let many = |count: usize| -> String { (0..count).map(|n| format!("p{n}=1&")).collect() };
        let check = |encoded: &[u8], expected: Option<ParameterError>| {
            assert_eq!(Parameters::from_urlencoded(encoded).err(), expected);
        };
        check(long(MAX_VALUE).as_bytes(), None);
        check(
            long(MAX_VALUE + 1).as_bytes(),
            Some(ParameterError::TooLarge),
        );
        check(long(1 << 20).as_bytes(), Some(ParameterError::TooLarge));
        check(many(MAX_COUNT).as_bytes(), None);
        check(
            many(MAX_COUNT + 1).as_bytes(),
            Some(ParameterError::TooLarge),
        );
        check(
            "x".repeat(MAX_NAME + 1).as_bytes(),
            Some(ParameterError::TooLarge),
        );
        check(b"a=%00", Some(ParameterError::Malformed));
        check(b"a%00=1", Some(ParameterError::Malformed));
        check(b"a=%ff", Some(ParameterError::Malformed));
        check(b"a=\xff", Some(ParameterError::Malformed));
        check(b"a=%c3%a9", None);
        check(b"a=%c3&b=%a9", Some(ParameterError::Malformed));
        check(b"a=%zz&b=%", None);
    }

    #[test]
    fn debugging_shows_names_alone() {
        let parameters = Parameters::from_urlencoded(b"client_secret=hush").unwrap();
        assert_eq!(format!("{parameters:?}"), r#"{"client_secret"}"#);
    }
}
