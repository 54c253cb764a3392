//! A secret in transit: the one type of the API that carries a value which must not be printed or kept.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// A value the server tells once: a client's secret, an operator token, an invitation link.
///
/// Its `Serialize` is written by hand because the answer's body is the only place where the value is meant to appear;
/// `Debug` redacts, there is no `Clone` or `Display`, and the text is wiped when it is dropped.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct WireSecret(SecretString);

impl WireSecret {
    /// The value itself, for the answer's body or the screen that shows it once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for WireSecret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<SecretString> for WireSecret {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for WireSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireSecret([redacted])")
    }
}

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_tell_the_secret() {
        let secret = WireSecret::from("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn it_crosses_the_wire_as_a_plain_string() {
        let json = serde_json::to_string(&WireSecret::from("s3cret".to_owned())).unwrap();
        assert_eq!(json, r#""s3cret""#);
        let back: WireSecret = serde_json::from_str(&json).unwrap();
        assert_eq!(back.expose(), "s3cret");
    }
}
