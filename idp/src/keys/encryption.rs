//! Our own keys to be encrypted to: for request objects (OIDC Core §6.1) and for ID tokens that come back as hints.
//!
//! One of each kind is published at a time; those before it open what was encrypted to them for a while longer.

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
    published: bool,
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

/// A pair of keys, in the form that is sealed.
pub struct Pair<'a> {
    /// What [`generate_rsa`] made.
    pub rsa: &'a [u8],
    /// What [`generate_p256`] made.
    pub p256: &'a [u8],
    /// What tells its `kid` from those of other pairs; nothing for the first.
    pub suffix: &'a str,
    /// Whether others are told to encrypt to it.
    pub published: bool,
}

impl EncryptionKeys {
    /// The keys of these pairs.
    ///
    /// # Errors
    /// When they are not such keys.
    pub fn open(pairs: &[Pair<'_>]) -> Result<Self, JweError> {
        let mut entries = Vec::new();
        for pair in pairs {
            let rsa = PrivateDecryptingKey::from_pkcs8(pair.rsa).map_err(|_| JweError)?;
            let spki: PublicKeyX509Der<'_> = rsa.public_key().as_der().map_err(|_| JweError)?;
            let published = public_jwk_from_spki(SigningAlg::Rs256, spki.as_ref());
            let (_, published) = published.map_err(|_| JweError)?;
            let mut rsa_jwk = serde_json::to_value(published).map_err(|_| JweError)?;
            let p256 = PrivateKey::from_private_key(&ECDH_P256, pair.p256).map_err(|_| JweError)?;
            let mut p256_jwk = jwe::public_jwk(&p256)?;
            // Of no single algorithm: each key is for every one of its kind (RFC 7517 §4.4).
            if let Some(members) = rsa_jwk.as_object_mut() {
                members.remove("alg");
            }
            for (jwk, name) in [(&mut rsa_jwk, "enc-rsa"), (&mut p256_jwk, "enc-p256")] {
                jwk["use"] = "enc".into();
                jwk["kid"] = format!("{name}{}", pair.suffix).into();
            }
            for (jwk, opener) in [(rsa_jwk, Opener::Rsa(rsa)), (p256_jwk, Opener::P256(p256))] {
                entries.push(Entry {
                    jwk,
                    opener,
                    published: pair.published,
                });
            }
        }
        Ok(Self(entries))
    }

    /// What is published.
    pub fn jwks(&self) -> impl Iterator<Item = &Value> {
        let published = self.0.iter().filter(|entry| entry.published);
        published.map(|entry| &entry.jwk)
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
        let (rsa, p256) = (
            generate_rsa().expect("made"),
            generate_p256().expect("made"),
        );
        let (old_rsa, old_p256) = (
            generate_rsa().expect("made"),
            generate_p256().expect("made"),
        );
        let pair = |rsa, p256, suffix, published| Pair {
            rsa,
            p256,
            suffix,
            published,
        };
        let pairs = [
            pair(&old_rsa, &old_p256, "", false),
            pair(&rsa, &p256, "-2", true),
        ];
        let keys = EncryptionKeys::open(&pairs).expect("opens");
        let published: Vec<_> = keys.jwks().cloned().collect();
        assert_eq!(published.len(), 2);
        assert_eq!(published[0]["kid"], "enc-rsa-2");
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
        // What was encrypted before the keys turned opens as well.
        let before = EncryptionKeys::open(&[pair(&old_rsa, &old_p256, "", true)]).expect("opens");
        for jwk in before.jwks() {
            let alg = if jwk["kty"] == "RSA" {
                KeyAlg::RsaOaep
            } else {
                KeyAlg::EcdhEs
            };
            let recipient = Recipient::from_jwk(jwk).expect("a key");
            let algs = (alg, ContentAlg::A128CbcHs256);
            let token = seal(&recipient, algs, Map::new(), b"y").expect("sealed");
            assert_eq!(
                keys.decrypt(&token).expect("opens").plaintext.as_slice(),
                b"y"
            );
        }
    }
}
