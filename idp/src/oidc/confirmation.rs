//! Sender constraint: the key that whoever uses a token must prove to hold (RFC 7800 §3.1, RFC 9449 §6.1,
//! RFC 8705 §3.1).

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// A SHA-256 thumbprint in base64url: of a JWK (RFC 7638) or of a certificate (RFC 8705 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint(String);

impl Thumbprint {
    /// Reads a thumbprint: 32 bytes, base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == digest::SHA256_OUTPUT_LEN).then(|| Self(text.to_owned()))
    }

    /// The thumbprint of a certificate in DER (RFC 8705 §3.1 `x5t#S256`).
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a SHA-256 thumbprint")
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.0
    }
}

/// The `cnf` claim: what a token is bound to; or, of a request, what it proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The key of the DPoP proofs (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The certificate of the TLS connection (RFC 8705 §3.1).
    #[serde(default, rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Thumbprint>,
}

impl Confirmation {
    /// Whether nothing is bound, or nothing was proved.
    pub fn is_empty(&self) -> bool {
        self.jkt.is_none() && self.certificate.is_none()
    }

    /// `None` where nothing is bound.
    pub fn or_none(self) -> Option<Self> {
        (!self.is_empty()).then_some(self)
    }

    /// Whether a request that proved this much may use what is bound so.
    pub fn is_met_by(&self, proved: &Self) -> bool {
        let meets = |bound: &Option<Thumbprint>, shown: &Option<Thumbprint>| match (bound, shown) {
            (None, _) => true,
            (Some(bound), Some(shown)) => bound.is(shown),
            (Some(_), None) => false,
        };
        meets(&self.jkt, &proved.jkt) && meets(&self.certificate, &proved.certificate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(of: &[u8]) -> Thumbprint {
        Thumbprint::of_certificate(of)
    }

    #[test]
    fn what_is_bound_must_be_proved_and_nothing_else() {
        let (a, b) = (print(b"a"), print(b"b"));
        let bound = |jkt: Option<&Thumbprint>, certificate: Option<&Thumbprint>| Confirmation {
            jkt: jkt.cloned(),
            certificate: certificate.cloned(),
        };
        let none = Confirmation::default();
        assert!(none.is_met_by(&bound(Some(&a), Some(&b))) && none.is_empty());
        assert!(bound(Some(&a), None).is_met_by(&bound(Some(&a), Some(&b))));
        assert!(!bound(Some(&a), None).is_met_by(&bound(Some(&b), None)));
        assert!(!bound(Some(&a), None).is_met_by(&bound(None, Some(&a))));
        assert!(!bound(Some(&a), Some(&b)).is_met_by(&bound(Some(&a), None)));
        assert!(!bound(None, Some(&b)).is_met_by(&none));
    }

    #[test]
    fn the_claim_is_written_with_its_registered_names() {
        let both = Confirmation {
            jkt: Some(print(b"a")),
            certificate: Some(print(b"b")),
        };
        let json = serde_json::to_value(&both).unwrap();
        assert_eq!(
            json.get("jkt").and_then(|v| v.as_str()).map(str::len),
            Some(43)
        );
        assert!(json.get("x5t#S256").is_some());
        assert_eq!(serde_json::from_value::<Confirmation>(json).unwrap(), both);
        for bad in [
            "",
            "short",
            &"=".repeat(43),
            &"A".repeat(44),
            &"A".repeat(42),
        ] {
            assert_eq!(Thumbprint::parse(bad), None, "{bad}");
        }
    }
}
