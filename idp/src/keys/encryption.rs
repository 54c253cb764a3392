//! Our own keys to be encrypted to: for request objects (OIDC Core §6.1) and for ID tokens that come back as hints.
//!
//! One of each kind, made once and kept sealed. They sign nothing and are never the reader of our own tokens, so that
//! they do not turn as the signing keys do.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use serde_json::Value;
use zeroize::Zeroizing;

use super::SigningAlg;
use super::jwe::{self, JweError, Opener, Sealed};
use super::jwk::public_jwk_from_spki;

/// The private keys, with what is published of them.
pub struct EncryptionKeys(Vec<Entry>);

struct Entry {
    jwk: Value,
    opener: Opener,
}

/// A fresh RSA key, in the form that is sealed.
///
/// # Errors
/// When none could be made.
pub fn generate_rsa() -> Result<Zeroizing<Vec<u8>>, JweError> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| JweError)?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| JweError)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

/// A fresh P-256 key, in the form that is sealed.
///
/// # Errors
/// When none could be made.
pub fn generate_p256() -> Result<Zeroizing<Vec<u8>>, JweError> {
    let key = PrivateKey::generate(&ECDH_P256).map_err(|_| JweError)?;
    let raw: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|_| JweError)?;
    Ok(Zeroizing::new(raw.as_ref().to_vec()))
}

impl EncryptionKeys {
    /// The keys of what [`generate_rsa`] and [`generate_p256`] made.
    ///
    /// # Errors
    /// When they are not such keys.
    pub fn open(rsa: &[u8], p256: &[u8]) -> Result<Self, JweError> {
        let rsa = PrivateDecryptingKey::from_pkcs8(rsa).map_err(|_| JweError)?;
        let spki: PublicKeyX509Der<'_> = rsa.public_key().as_der().map_err(|_| JweError)?;
        let published = public_jwk_from_spki(SigningAlg::Rs256, spki.as_ref());
        let (_, published) = published.map_err(|_| JweError)?;
        let mut rsa_jwk = serde_json::to_value(published).map_err(|_| JweError)?;
        let p256 = PrivateKey::from_private_key(&ECDH_P256, p256).map_err(|_| JweError)?;
        let mut p256_jwk = jwe::public_jwk(&p256)?;
        // Of no single algorithm: each key is for every one of its kind (RFC 7517 §4.4).
        if let Some(members) = rsa_jwk.as_object_mut() {
            members.remove("alg");
        }
        rsa_jwk["use"] = "enc".into();
        p256_jwk["use"] = "enc".into();
        p256_jwk["kid"] = "enc-p256".into();
        rsa_jwk["kid"] = "enc-rsa".into();
        Ok(Self(vec![
            Entry {
                jwk: rsa_jwk,
                opener: Opener::Rsa(rsa),
            },
            Entry {
                jwk: p256_jwk,
                opener: Opener::P256(p256),
            },
        ]))
    }

    /// What is published.
    pub fn jwks(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|entry| &entry.jwk)
    }

    /// Opens what was encrypted to one of the keys: the algorithm and the content of an encrypted token.
    ///
    /// # Errors
    /// [`JweError`], whatever was wrong.
    pub fn decrypt(&self, token: &str) -> Result<Opened, JweError> {
        let sealed = Sealed::parse(token)?;
        let plaintext = self
            .0
            .iter()
            .find_map(|entry| sealed.open(&entry.opener).ok())
            .ok_or(JweError)?;
        let name = |name: &str| {
            let value = sealed.header.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Ok(Opened {
            alg: name("alg"),
            enc: name("enc"),
            plaintext,
        })
    }
}

/// What was encrypted to us.
pub struct Opened {
    /// How its key came across.
    pub alg: String,
    /// What its content was encrypted with.
    pub enc: String,
    /// The content.
    pub plaintext: Zeroizing<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::super::jwe::{ContentAlg, KeyAlg, Recipient, seal};
    use super::*;

    #[test]
    fn what_is_encrypted_to_a_published_key_opens() {
        let keys = EncryptionKeys::open(
            &generate_rsa().expect("made"),
            &generate_p256().expect("made"),
        )
        .expect("opens");
        let published: Vec<_> = keys.jwks().cloned().collect();
        assert_eq!(published.len(), 2);
        for (jwk, alg) in published.iter().zip([KeyAlg::RsaOaep256, KeyAlg::EcdhEs]) {
            assert_eq!(jwk["use"], "enc");
            for private in ["d", "p", "q", "alg"] {
                assert_eq!(jwk.get(private), None, "{private}");
            }
            let recipient = Recipient::from_jwk(jwk).expect("a key");
            let algs = (alg, ContentAlg::A256Gcm);
            let token = seal(&recipient, algs, Map::new(), b"x").expect("sealed");
            let opened = keys.decrypt(&token).expect("opens");
            assert_eq!(
                (opened.alg.as_str(), opened.plaintext.as_slice()),
                (alg.as_str(), &b"x"[..])
            );
        }
        assert!(keys.decrypt("a.b.c.d.e").is_err());
    }
}
