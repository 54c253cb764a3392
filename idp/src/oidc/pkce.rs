//! Proof key for code exchange (RFC 7636), S256 alone.
//!
//! `plain` is refused: it protects nothing once the request is seen (RFC 9700 §2.1.1).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// The `code_challenge_method` that is served.
pub const S256: &str = "S256";

/// A code challenge: SHA-256 of the verifier (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads the base64url form, which has exactly 43 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Whether the verifier is the one that was challenged, in constant time (RFC 7636 §4.6).
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        self.0.ct_eq(&verifier.challenge().0).into()
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an S256 code challenge")
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        URL_SAFE_NO_PAD.encode(challenge.0)
    }
}

/// A code verifier (RFC 7636 §4.1).
pub struct CodeVerifier(SecretString);

impl CodeVerifier {
    /// Reads a verifier: 43 to 128 unreserved characters.
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let well_formed = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        well_formed.then(|| Self(text.into()))
    }

    /// The challenge that belongs to it.
    pub fn challenge(&self) -> CodeChallenge {
        let mut bytes = [0; 32];
        let digest = digest::digest(&digest::SHA256, self.0.expose_secret().as_bytes());
        bytes.copy_from_slice(digest.as_ref());
        CodeChallenge(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by(&verifier));
        assert_eq!(verifier.challenge(), challenge);
        let other = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl").unwrap();
        assert!(!challenge.is_met_by(&other));
    }

    #[test]
    fn verifiers_and_challenges_of_the_wrong_shape_are_refused() {
        assert!(CodeVerifier::parse(&"a".repeat(43)).is_some());
        assert!(CodeVerifier::parse(&"~".repeat(128)).is_some());
        for text in [
            "a".repeat(42),
            "a".repeat(129),
            "ä".repeat(43),
            format!("{}+", "a".repeat(43)),
            format!("{} ", "a".repeat(43)),
            String::new(),
        ] {
            assert!(CodeVerifier::parse(&text).is_none(), "{text}");
        }
        for text in [
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cMAA",
            "",
        ] {
            assert_eq!(CodeChallenge::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_challenge_is_kept_in_its_own_form() {
        let text = r#""E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM""#;
        let challenge: CodeChallenge = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&challenge).unwrap(), text);
    }
}
