//! The JOSE algorithms that a registration can name, and how one kind of answer is protected with them
//! (RFC 7518 §3.1, §4.1, §5.1; RFC 8037 §3.1).

use serde::{Deserialize, Serialize};

use super::registered::registered;
use crate::oidc::signing_alg::SigningAlg;

registered! {
    /// A JWS algorithm. ES512 and the curves of RFC 8812 are not served.
    pub enum JwsAlg {
        /// No signature; only where the text beside the field says so.
        None = "none",
        /// HMAC with SHA-256.
        Hs256 = "HS256",
        /// HMAC with SHA-384.
        Hs384 = "HS384",
        /// HMAC with SHA-512.
        Hs512 = "HS512",
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// RSASSA-PKCS1-v1_5 with SHA-384.
        Rs384 = "RS384",
        /// RSASSA-PKCS1-v1_5 with SHA-512.
        Rs512 = "RS512",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// RSASSA-PSS with SHA-384.
        Ps384 = "PS384",
        /// RSASSA-PSS with SHA-512.
        Ps512 = "PS512",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// ECDSA on P-384 with SHA-384.
        Es384 = "ES384",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

impl JwsAlg {
    /// The algorithms that a client's own key may sign with.
    pub const ASYMMETRIC: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The algorithms that are keyed with the client's secret.
    pub const HMAC: &'static [Self] = &[Self::Hs256, Self::Hs384, Self::Hs512];

    /// Whether the key is the client's secret (OIDC Core §10.1).
    pub fn is_hmac(self) -> bool {
        Self::HMAC.contains(&self)
    }

    /// Whether a public key verifies it.
    pub fn is_asymmetric(self) -> bool {
        Self::ASYMMETRIC.contains(&self)
    }

    /// The algorithm of our own keys; `None` where we hold no key for it.
    pub fn signing(self) -> Option<SigningAlg> {
        SigningAlg::parse(self.as_str())
    }
}

impl From<SigningAlg> for JwsAlg {
    fn from(alg: SigningAlg) -> Self {
        match alg {
            SigningAlg::Es256 => Self::Es256,
            SigningAlg::Rs256 => Self::Rs256,
            SigningAlg::EdDsa => Self::EdDsa,
        }
    }
}

registered! {
    /// A JWE key management algorithm; RSA1_5 is not served (RFC 8725 §3.2).
    pub enum JweAlg {
        /// RSAES OAEP with SHA-1 and MGF1.
        RsaOaep = "RSA-OAEP",
        /// RSAES OAEP with SHA-256 and MGF1.
        RsaOaep256 = "RSA-OAEP-256",
        /// Ephemeral-static Diffie-Hellman, the agreed key used directly.
        EcdhEs = "ECDH-ES",
    }
}

registered! {
    /// A JWE content encryption algorithm.
    pub enum JweEnc {
        /// AES-128 in CBC mode with HMAC SHA-256.
        A128CbcHs256 = "A128CBC-HS256",
        /// AES-256 in GCM.
        A256Gcm = "A256GCM",
    }
}

/// How something is encrypted for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// How the key gets across.
    pub alg: JweAlg,
    /// What encrypts the content; A128CBC-HS256 where a registration does not say
    /// (OIDC Dynamic Client Registration §2).
    pub enc: JweEnc,
}

/// How one kind of answer is protected: signed, encrypted, both or, where both are absent, plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// What signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<JwsAlg>,
    /// What encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Encryption>,
}
