//! A client's public keys: a JSON Web Key set, read strictly and within bounds (RFC 7517 §4, §5).
//!
//! A set with a private or symmetric key, with a weak one or with two keys of one name is refused whole:
//! who publishes such a key has published more than a mistake of format. Kinds of key that are not served
//! are passed over, as RFC 7517 §5 wants.

use super::web_uri::WebUri;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithms::JwsAlg;
use super::weak_rsa;

/// Where a client's keys are (RFC 7591 §2: `jwks` and `jwks_uri` exclude each other).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// It registered none.
    #[default]
    None,
    /// `jwks`: with the registration.
    Inline(KeySet),
    /// `jwks_uri`: fetched when they are needed.
    Uri(WebUri),
}

impl ClientKeys {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// A set of public keys.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

/// One public key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// Its name in the set.
    pub kid: Option<String>,
    /// Whether it may verify (RFC 7517 §4.2, §4.3).
    pub verifies: bool,
    /// Whether it may encrypt.
    pub encrypts: bool,
    /// The one algorithm that it is for, where it says (RFC 7517 §4.4).
    pub alg: Option<String>,
    /// The key itself.
    pub material: KeyMaterial,
    /// Its certificates, base64 of DER, the key's own first (RFC 7517 §4.7).
    pub x5c: Vec<String>,
    /// The key as it was written, for the registration's answer.
    json: Map<String, Value>,
}

/// The numbers of a key, base64url as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMaterial {
    /// RSA, of 2048 to 8192 bits.
    Rsa {
        /// Modulus.
        n: String,
        /// Exponent.
        e: String,
    },
    /// NIST P-256 or P-384.
    Ec {
        /// Which of the two.
        curve: EcCurve,
        /// The point.
        x: String,
        /// The point.
        y: String,
    },
    /// Edwards curve 25519, which signs.
    Ed25519 {
        /// The point.
        x: String,
    },
    /// Montgomery curve 25519, which agrees on keys.
    X25519 {
        /// The point.
        x: String,
    },
}

/// A NIST curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcCurve {
    /// `P-256`.
    P256,
    /// `P-384`.
    P384,
}

/// Why a key set is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeySetError {
    /// Not an object with a list `keys` of objects.
    #[error("it is not a JSON Web Key set")]
    Malformed,
    /// Too many keys.
    #[error("it has more than {} keys", KeySet::MOST)]
    TooMany,
    /// A private part (RFC 7591 §2: the server MUST NOT be told of it).
    #[error("it has a private key: make new keys, and publish their public parts only")]
    Private,
    /// A symmetric key.
    #[error("it has a symmetric key")]
    Symmetric,
    /// RSA below 2048 or above 8192 bits, a small or even exponent, or a modulus with a known weakness.
    #[error("it has a weak RSA key")]
    WeakRsa,
    /// Two keys of one name and kind (RFC 7517 §4.5).
    #[error("two of its keys have the same kid")]
    Repeated,
    /// A key that lacks a part, or has one of the wrong length.
    #[error("one of its keys cannot be read")]
    Key,
}

impl KeySet {
    /// The most keys of a set.
    pub const MOST: usize = 32;

    /// Reads a key set.
    ///
    /// # Errors
    /// [`KeySetError`] says what is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, KeySetError> {
        let keys = value.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(KeySetError::Malformed)?;
        if keys.len() > Self::MOST {
            return Err(KeySetError::TooMany);
        }
        let mut set: Vec<PublicKey> = Vec::new();
        for key in keys {
            let key = key.as_object().ok_or(KeySetError::Malformed)?;
            let Some(key) = PublicKey::parse(key)? else {
                continue;
            };
            let repeated = set.iter().any(|other| {
                other.material == key.material
                    || (other.kid.is_some() && other.kid == key.kid && other.kind() == key.kind())
            });
            if repeated {
                return Err(KeySetError::Repeated);
            }
            set.push(key);
        }
        Ok(Self(set))
    }

    /// Reads a key set out of a fetched document.
    ///
    /// # Errors
    /// [`KeySetError`] says what is wrong with it.
    pub fn from_slice(document: &[u8]) -> Result<Self, KeySetError> {
        let value: Value = serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        Self::parse(&value)
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that could have made a signature: of this algorithm and, where the header names one, this name.
    pub fn verifying<'a>(
        &'a self,
        alg: JwsAlg,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a PublicKey> {
        self.iter().filter(move |key| {
            key.verifies
                && key.suits(alg)
                && kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid))
        })
    }

    /// Whether this certificate is the first one of a key (RFC 8705 §2.2.2, RFC 7517 §4.7).
    pub fn has_certificate(&self, der: &[u8]) -> bool {
        let encoded = STANDARD.encode(der);
        self.iter()
            .any(|key| key.x5c.first().is_some_and(|own| *own == encoded))
    }

    /// The set as it was written.
    pub fn to_json(&self) -> Value {
        let keys: Vec<Value> = self
            .iter()
            .map(|key| Value::Object(key.json.clone()))
            .collect();
        serde_json::json!({ "keys": keys })
    }
}

impl PublicKey {
    /// The key as it was written.
    pub fn json(&self) -> &Map<String, Value> {
        &self.json
    }

    /// Whether the key can verify this algorithm, and is not set apart for another (RFC 7517 §4.4).
    pub fn suits(&self, alg: JwsAlg) -> bool {
        use JwsAlg::{
            EdDsa, Es256, Es384, Hs256, Hs384, Hs512, None, Ps256, Ps384, Ps512, Rs256, Rs384,
            Rs512,
        };
        let fits = match (alg, &self.material) {
            (Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512, KeyMaterial::Rsa { .. }) => true,
            (Es256, KeyMaterial::Ec { curve, .. }) => *curve == EcCurve::P256,
            (Es384, KeyMaterial::Ec { curve, .. }) => *curve == EcCurve::P384,
            (EdDsa, KeyMaterial::Ed25519 { .. }) => true,
            (
                None | Hs256 | Hs384 | Hs512 | Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512
                | Es256 | Es384 | EdDsa,
                _,
            ) => false,
        };
        fits && self.alg.as_deref().is_none_or(|own| own == alg.as_str())
    }

    fn kind(&self) -> u8 {
        match self.material {
            KeyMaterial::Rsa { .. } => 0,
            KeyMaterial::Ec { .. } => 1,
            KeyMaterial::Ed25519 { .. } | KeyMaterial::X25519 { .. } => 2,
        }
    }

    /// Reads one key; `None` for a kind that is not served.
    fn parse(json: &Map<String, Value>) -> Result<Option<Self>, KeySetError> {
        if PRIVATE.iter().any(|name| json.contains_key(*name)) {
            return Err(match text(json, "kty")? {
                Some("oct") => KeySetError::Symmetric,
                _ => KeySetError::Private,
            });
        }
        let Some(material) = KeyMaterial::parse(json)? else {
            return Ok(None);
        };
        let operations = strings(json, "key_ops")?;
        let may = |purpose: &str, operation: &[&str]| {
            let by_use = text(json, "use")
                .map(|it| it.is_none_or(|it| it == purpose))
                .unwrap_or(false);
            let by_operation = operations
                .as_ref()
                .is_none_or(|all| all.iter().any(|it| operation.contains(&it.as_str())));
            by_use && by_operation
        };
        let signs = !matches!(material, KeyMaterial::X25519 { .. });
        let encrypts = !matches!(material, KeyMaterial::Ed25519 { .. });
        text(json, "use")?;
        Ok(Some(Self {
            kid: text(json, "kid")?.map(str::to_owned),
            verifies: signs && may("sig", &["verify"]),
            encrypts: encrypts && may("enc", &["encrypt", "wrapKey", "deriveKey", "deriveBits"]),
            alg: text(json, "alg")?.map(str::to_owned),
            x5c: strings(json, "x5c")?.unwrap_or_default(),
            material,
            json: json.clone(),
        }))
    }
}

impl KeyMaterial {
    fn parse(json: &Map<String, Value>) -> Result<Option<Self>, KeySetError> {
        let kind = text(json, "kty")?.ok_or(KeySetError::Key)?;
        let part = |name: &str| Ok(text(json, name)?.ok_or(KeySetError::Key)?.to_owned());
        let sized = |name: &str, length: usize| {
            let part = part(name)?;
            (bytes(&part)?.len() == length)
                .then_some(part)
                .ok_or(KeySetError::Key)
        };
        let curve = text(json, "crv")?;
        Ok(match (kind, curve) {
            ("oct", _) => return Err(KeySetError::Symmetric),
            ("RSA", _) => {
                let (n, e) = (part("n")?, part("e")?);
                weak_rsa::check(&bytes(&n)?, &bytes(&e)?).map_err(|_| KeySetError::WeakRsa)?;
                Some(Self::Rsa { n, e })
            }
            ("EC", Some("P-256")) => Some(Self::Ec {
                curve: EcCurve::P256,
                x: sized("x", 32)?,
                y: sized("y", 32)?,
            }),
            ("EC", Some("P-384")) => Some(Self::Ec {
                curve: EcCurve::P384,
                x: sized("x", 48)?,
                y: sized("y", 48)?,
            }),
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519 { x: sized("x", 32)? }),
            ("OKP", Some("X25519")) => Some(Self::X25519 { x: sized("x", 32)? }),
            (_, _) => None,
        })
    }
}

impl Serialize for KeySet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::parse(&value).map_err(serde::de::Error::custom)
    }
}

/// A member that is absent, or text within bounds.
fn text<'a>(json: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, KeySetError> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_MEMBER => Ok(Some(text)),
        Some(_) => Err(KeySetError::Key),
    }
}

fn strings(json: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, KeySetError> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) if items.len() <= 16 => items
            .iter()
            .map(|it| match it {
                Value::String(text) if text.len() <= LONGEST_CERTIFICATE => Ok(text.clone()),
                _ => Err(KeySetError::Key),
            })
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(KeySetError::Key),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, KeySetError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeySetError::Key)
}

/// The private members of every kind of key (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// An 8192-bit modulus fits.
const LONGEST_MEMBER: usize = 2048;
const LONGEST_CERTIFICATE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The public keys of RFC 7515 appendices A.2 and A.3 and of RFC 8037 appendix A.2.
    fn rsa() -> Value {
        json!({"kty": "RSA", "kid": "r", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})
    }

    fn ec() -> Value {
        json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn okp() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(&json!({ "keys": keys }))
    }

    #[test]
    fn public_keys_are_read_and_unknown_kinds_passed_over() {
        let unknown = json!({"kty": "AKP", "pub": "x"});
        let other_curve = json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"});
        let keys = set(&[rsa(), ec(), okp(), unknown, other_curve]).unwrap();
        assert_eq!(keys.iter().count(), 3);
        let find = |alg, kid| keys.verifying(alg, kid).count();
        assert_eq!(find(JwsAlg::Ps256, Some("r")), 1);
        assert_eq!(find(JwsAlg::Es256, Some("r")), 0);
        assert_eq!(find(JwsAlg::Es256, None), 1);
        assert_eq!(find(JwsAlg::Es384, None), 0);
        assert_eq!(find(JwsAlg::Hs256, None), 0);
        assert_eq!(find(JwsAlg::None, None), 0);
        assert_eq!(keys.to_json()["keys"][1], ec());
    }

    #[test]
    fn a_key_is_used_as_it_says() {
        let signing = |key: Value| set(&[key]).unwrap().verifying(JwsAlg::Es256, None).count();
        assert_eq!(signing(with(ec(), "use", json!("sig"))), 1);
        assert_eq!(signing(with(ec(), "use", json!("enc"))), 0);
        assert_eq!(signing(with(ec(), "key_ops", json!(["verify"]))), 1);
        assert_eq!(signing(with(ec(), "key_ops", json!(["deriveKey"]))), 0);
        assert_eq!(signing(with(ec(), "alg", json!("ES256"))), 1);
        assert_eq!(signing(with(ec(), "alg", json!("ECDH-ES"))), 0);
    }

    #[test]
    fn what_makes_a_key_set_unusable() {
        let cases = [
            (vec![with(rsa(), "d", json!("AQAB"))], KeySetError::Private),
            (vec![with(ec(), "d", json!("AQAB"))], KeySetError::Private),
            (
                vec![json!({"kty": "oct", "k": "AQAB"})],
                KeySetError::Symmetric,
            ),
            (vec![json!({"kty": "oct"})], KeySetError::Symmetric),
            (vec![with(rsa(), "e", json!("AQ"))], KeySetError::WeakRsa),
            (vec![with(rsa(), "e", json!("Ag"))], KeySetError::WeakRsa),
            (
                vec![with(rsa(), "n", json!("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk"))],
                KeySetError::WeakRsa,
            ),
            (
                vec![with(rsa(), "n", json!("not base64!"))],
                KeySetError::Key,
            ),
            (vec![with(ec(), "x", json!("AQAB"))], KeySetError::Key),
            (vec![with(ec(), "kid", json!(7))], KeySetError::Key),
            (vec![json!({"kid": "x"})], KeySetError::Key),
            (vec![json!("x")], KeySetError::Malformed),
            (vec![ec(), ec()], KeySetError::Repeated),
            (vec![okp(); 33], KeySetError::TooMany),
        ];
        for (keys, expected) in cases {
            assert_eq!(set(&keys).err(), Some(expected), "{keys:?}");
        }
        assert_eq!(
            KeySet::parse(&json!([])).err(),
            Some(KeySetError::Malformed)
        );
        assert_eq!(KeySet::from_slice(b"{").err(), Some(KeySetError::Malformed));
    }

    #[test]
    fn a_set_is_read_as_it_was_written() {
        let keys = ClientKeys::Inline(set(&[rsa(), okp()]).unwrap());
        let json = serde_json::to_string(&keys).unwrap();
        let read: ClientKeys = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
