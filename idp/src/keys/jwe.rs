//! JSON Web Encryption in its compact form (RFC 7516), as far as OpenID Connect uses it, over aws-lc-rs.
//!
//! No kept crate does this over the one cryptographic library that this program has. Keys get across by RSA-OAEP,
//! RSA-OAEP-256, ECDH-ES or ECDH-ES+A256KW (RFC 7518 §4.3, §4.6); content is encrypted by A128CBC-HS256, A128GCM or
//! A256GCM (§5.2, §5.3). RSA1_5 is not there, since its padding has been an oracle for decades (RFC 8725 §3.2), nor
//! is compression (`zip`), which lets a small token become a large one. What cannot be opened is refused with one
//! error, whatever was wrong, and after the same steps (RFC 7516 §11.5).

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use aws_lc_rs::{aead, digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::oidc::unique::Unique;

/// How the content key gets across (RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlg {
    /// RSAES OAEP with SHA-1.
    RsaOaep,
    /// RSAES OAEP with SHA-256.
    RsaOaep256,
    /// Diffie-Hellman with a key of the moment, the agreed key used directly.
    EcdhEs,
    /// The same, and the agreed key wraps the content key.
    EcdhEsA256Kw,
}

impl KeyAlg {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::EcdhEs,
        Self::EcdhEsA256Kw,
    ];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    fn oaep(self) -> Option<&'static OaepAlgorithm> {
        match self {
            Self::RsaOaep => Some(&OAEP_SHA1_MGF1SHA1),
            Self::RsaOaep256 => Some(&OAEP_SHA256_MGF1SHA256),
            Self::EcdhEs | Self::EcdhEsA256Kw => None,
        }
    }
}

/// What encrypts the content (RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentAlg {
    /// AES-128 in CBC mode with HMAC SHA-256.
    A128CbcHs256,
    /// AES-128 in GCM.
    A128Gcm,
    /// AES-256 in GCM.
    A256Gcm,
}

impl ContentAlg {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::A128CbcHs256, Self::A128Gcm, Self::A256Gcm];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A128Gcm => 16,
        }
    }

    fn iv_bytes(self) -> usize {
        match self {
            Self::A128CbcHs256 => 16,
            Self::A128Gcm | Self::A256Gcm => aead::NONCE_LEN,
        }
    }

    fn gcm(self) -> Option<&'static aead::Algorithm> {
        match self {
            Self::A128CbcHs256 => None,
            Self::A128Gcm => Some(&aead::AES_128_GCM),
            Self::A256Gcm => Some(&aead::AES_256_GCM),
        }
    }
}

/// Why something was not encrypted or not opened. One word for all of it: a finer one would be an oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encrypted token cannot be used")]
pub struct JweError;

/// A reader's public key.
pub enum Recipient {
    /// For RSA-OAEP.
    Rsa(PublicEncryptingKey),
    /// For ECDH-ES: a point on P-256, uncompressed.
    P256(Vec<u8>),
}

impl Recipient {
    /// Reads the public part of a JWK (RFC 7518 §6.2.1, §6.3.1).
    ///
    /// # Errors
    /// When it is another kind of key, or malformed.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JweError> {
        match jwk.get("kty").and_then(Value::as_str) {
            Some("RSA") => {
                let components = PublicKeyComponents {
                    n: member(jwk, "n")?,
                    e: member(jwk, "e")?,
                };
                components.try_into().map(Self::Rsa).map_err(|_| JweError)
            }
            Some("EC") => Ok(Self::P256(point(jwk)?)),
            _ => Err(JweError),
        }
    }
}

/// Our own private key, to open what was encrypted for us.
pub enum Opener {
    /// For RSA-OAEP.
    Rsa(PrivateDecryptingKey),
    /// For ECDH-ES.
    P256(PrivateKey),
}

/// A compact JWE's parts, its header read; nothing of it is verified.
pub struct Sealed<'a> {
    protected: &'a str,
    key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
    /// The protected header.
    pub header: Map<String, Value>,
    alg: KeyAlg,
    enc: ContentAlg,
}

/// Encrypts `plaintext` for one reader. `header` may have `typ`, `cty` and `kid`.
///
/// # Errors
/// When the key does not fit the algorithm.
pub fn seal(
    recipient: &Recipient,
    (alg, enc): (KeyAlg, ContentAlg),
    mut header: Map<String, Value>,
    plaintext: &[u8],
) -> Result<String, JweError> {
    header.insert("alg".into(), alg.as_str().into());
    header.insert("enc".into(), enc.as_str().into());
    let mut content_key = random(enc.key_bytes())?;
    let wrapped = match (recipient, alg.oaep()) {
        (Recipient::Rsa(key), Some(oaep)) => rsa_wrap(key, oaep, &content_key)?,
        (Recipient::P256(peer), None) => {
            let ours = PrivateKey::generate(&ECDH_P256).map_err(|_| JweError)?;
            header.insert("epk".into(), public_jwk(&ours)?);
            let agreed = agree(&ours, peer, alg, enc, &Map::new())?;
            match alg {
                KeyAlg::EcdhEsA256Kw => {
                    let mut wrapped = vec![0; content_key.len() + 8];
                    AesKek::new(&AES_256, &agreed)
                        .and_then(|kek| kek.wrap(&content_key, &mut wrapped).map(|_| ()))
                        .map_err(|_| JweError)?;
                    wrapped
                }
                KeyAlg::EcdhEs | KeyAlg::RsaOaep | KeyAlg::RsaOaep256 => {
                    content_key = agreed;
                    Vec::new()
                }
            }
        }
        (Recipient::Rsa(_), None) | (Recipient::P256(_), Some(_)) => return Err(JweError),
    };
    let protected = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
    let iv = random(enc.iv_bytes())?;
    let (ciphertext, tag) = encrypt(enc, &content_key, &iv, protected.as_bytes(), plaintext)?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(format!(
        "{protected}.{}.{}.{}.{}",
        encode(&wrapped),
        encode(&iv),
        encode(&ciphertext),
        encode(&tag)
    ))
}

impl<'a> Sealed<'a> {
    /// Takes a compact JWE apart (RFC 7516 §5.2, steps 1 to 5).
    ///
    /// # Errors
    /// When it is too long, malformed, or names an algorithm or an extension that is not served.
    pub fn parse(token: &'a str) -> Result<Self, JweError> {
        if token.len() > MAX_BYTES {
            return Err(JweError);
        }
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(JweError);
        let (protected, key, iv, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(JweError);
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError);
        // RFC 7516 §4: the names of its members are unique.
        let Unique(header) = serde_json::from_slice(&decode(protected)?).map_err(|_| JweError)?;
        // RFC 7516 §4.1.13: an extension that must be understood is not; §4.1.3: nothing is decompressed.
        if header.contains_key("crit") || header.contains_key("zip") {
            return Err(JweError);
        }
        let name = |name| header.get(name).and_then(Value::as_str).ok_or(JweError);
        let alg = KeyAlg::parse(name("alg")?).ok_or(JweError)?;
        let enc = ContentAlg::parse(name("enc")?).ok_or(JweError)?;
        Ok(Self {
            protected,
            key: decode(key)?,
            iv: decode(iv)?,
            ciphertext: decode(ciphertext)?,
            tag: decode(tag)?,
            header,
            alg,
            enc,
        })
    }

    /// Opens it (RFC 7516 §5.2).
    ///
    /// # Errors
    /// When the key does not fit, or anything was changed.
    pub fn open(&self, opener: &Opener) -> Result<Zeroizing<Vec<u8>>, JweError> {
        let key = match (opener, self.alg.oaep()) {
            // RFC 7516 §11.5: a key that does not come out is replaced by a random one, so that the content's check
            // fails as it would for any other key.
            (Opener::Rsa(key), Some(oaep)) => match rsa_unwrap(key, oaep, &self.key) {
                Ok(key) if key.len() == self.enc.key_bytes() => key,
                Ok(_) | Err(JweError) => random(self.enc.key_bytes())?,
            },
            (Opener::P256(ours), None) => {
                let peer = point(self.header.get("epk").ok_or(JweError)?)?;
                let agreed = agree(ours, &peer, self.alg, self.enc, &self.header)?;
                self.agreed_key(agreed)?
            }
            (Opener::Rsa(_), None) | (Opener::P256(_), Some(_)) => return Err(JweError),
        };
        decrypt(
            self.enc,
            &key,
            &self.iv,
            self.protected.as_bytes(),
            (&self.ciphertext, &self.tag),
        )
    }

    fn agreed_key(&self, agreed: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, JweError> {
        match self.alg {
            KeyAlg::EcdhEsA256Kw => {
                let mut key = Zeroizing::new(vec![0; self.enc.key_bytes()]);
                if self.key.len() != key.len() + 8 {
                    return Err(JweError);
                }
                AesKek::new(&AES_256, &agreed)
                    .and_then(|kek| kek.unwrap(&self.key, &mut key).map(|_| ()))
                    .map_err(|_| JweError)?;
                Ok(key)
            }
            // RFC 7518 §4.6: then the encrypted key is empty.
            KeyAlg::EcdhEs | KeyAlg::RsaOaep | KeyAlg::RsaOaep256 => {
                self.key.is_empty().then_some(agreed).ok_or(JweError)
            }
        }
    }
}

/// RFC 7518 §4.6.2: Concat KDF with SHA-256; every key here is one round of it or less.
fn agree(
    ours: &PrivateKey,
    peer: &[u8],
    alg: KeyAlg,
    enc: ContentAlg,
    header: &Map<String, Value>,
) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let (id, length) = match alg {
        KeyAlg::EcdhEsA256Kw => (alg.as_str(), 32),
        KeyAlg::EcdhEs | KeyAlg::RsaOaep | KeyAlg::RsaOaep256 => (enc.as_str(), enc.key_bytes()),
    };
    let party = |name: &str| match header.get(name) {
        None => Ok(Vec::new()),
        Some(value) => {
            let text = value.as_str().filter(|text| text.len() <= MAX_PARTY);
            URL_SAFE_NO_PAD
                .decode(text.ok_or(JweError)?)
                .map_err(|_| JweError)
        }
    };
    let (producer, consumer) = (party("apu")?, party("apv")?);
    let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
    agreement::agree(ours, peer, JweError, |secret| {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&1u32.to_be_bytes());
        hash.update(secret);
        for part in [id.as_bytes(), &producer, &consumer] {
            hash.update(
                &u32::try_from(part.len())
                    .map_err(|_| JweError)?
                    .to_be_bytes(),
            );
            hash.update(part);
        }
        hash.update(&(length as u32 * 8).to_be_bytes());
        let mut key = Zeroizing::new(hash.finish().as_ref().to_vec());
        key.truncate(length);
        Ok(key)
    })
}

fn rsa_wrap(
    key: &PublicEncryptingKey,
    oaep: &'static OaepAlgorithm,
    content_key: &[u8],
) -> Result<Vec<u8>, JweError> {
    let key = OaepPublicEncryptingKey::new(key.clone()).map_err(|_| JweError)?;
    let mut wrapped = vec![0; key.ciphertext_size()];
    key.encrypt(oaep, content_key, &mut wrapped, None)
        .map_err(|_| JweError)?;
    Ok(wrapped)
}

fn rsa_unwrap(
    key: &PrivateDecryptingKey,
    oaep: &'static OaepAlgorithm,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let key = OaepPrivateDecryptingKey::new(key.clone()).map_err(|_| JweError)?;
    let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
    let length = key
        .decrypt(oaep, wrapped, &mut plain, None)
        .map_err(|_| JweError)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

fn encrypt(
    enc: ContentAlg,
    key: &[u8],
    iv: &[u8],
    authenticated: &[u8],
    plaintext: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), JweError> {
    let mut text = plaintext.to_vec();
    if let Some(gcm) = enc.gcm() {
        let key = aead::UnboundKey::new(gcm, key).map_err(|_| JweError)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(iv).map_err(|_| JweError)?;
        let tag = aead::LessSafeKey::new(key)
            .seal_in_place_separate_tag(nonce, aead::Aad::from(authenticated), &mut text)
            .map_err(|_| JweError)?;
        return Ok((text, tag.as_ref().to_vec()));
    }
    // RFC 7518 §5.2.3: the first half of the key is the HMAC's, the second the cipher's.
    let (mac_key, cipher_key) = key.split_at_checked(16).ok_or(JweError)?;
    let cipher = UnboundCipherKey::new(&AES_128, cipher_key)
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .map_err(|_| JweError)?;
    let fixed = <[u8; 16]>::try_from(iv).map_err(|_| JweError)?;
    cipher
        .less_safe_encrypt(
            &mut text,
            EncryptionContext::Iv128(FixedLength::from(fixed)),
        )
        .map_err(|_| JweError)?;
    let tag = cbc_tag(mac_key, authenticated, iv, &text);
    Ok((text, tag))
}

fn decrypt(
    enc: ContentAlg,
    key: &[u8],
    iv: &[u8],
    authenticated: &[u8],
    (ciphertext, tag): (&[u8], &[u8]),
) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let mut text = Zeroizing::new(ciphertext.to_vec());
    if let Some(gcm) = enc.gcm() {
        let key = aead::UnboundKey::new(gcm, key).map_err(|_| JweError)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(iv).map_err(|_| JweError)?;
        if tag.len() != gcm.tag_len() {
            return Err(JweError);
        }
        text.extend_from_slice(tag);
        let length = aead::LessSafeKey::new(key)
            .open_in_place(nonce, aead::Aad::from(authenticated), &mut text)
            .map_err(|_| JweError)?
            .len();
        text.truncate(length);
        return Ok(text);
    }
    let (mac_key, cipher_key) = key.split_at_checked(16).ok_or(JweError)?;
    // RFC 7518 §5.2.2.2: the tag before anything is decrypted.
    let expected = cbc_tag(mac_key, authenticated, iv, ciphertext);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return Err(JweError);
    }
    let cipher = UnboundCipherKey::new(&AES_128, cipher_key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| JweError)?;
    let fixed = <[u8; 16]>::try_from(iv).map_err(|_| JweError)?;
    let length = cipher
        .decrypt(
            &mut text,
            DecryptionContext::Iv128(FixedLength::from(fixed)),
        )
        .map_err(|_| JweError)?
        .len();
    text.truncate(length);
    Ok(text)
}

/// RFC 7518 §5.2.2.1: HMAC SHA-256 over header, IV, ciphertext and the header's length in bits; its first half.
fn cbc_tag(key: &[u8], authenticated: &[u8], iv: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [authenticated, iv, ciphertext] {
        mac.update(part);
    }
    mac.update(&(authenticated.len() as u64 * 8).to_be_bytes());
    let whole = mac.sign();
    let (tag, _) = whole.as_ref().split_at(16);
    tag.to_vec()
}

fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    rand::fill(&mut bytes).map_err(|_| JweError)?;
    Ok(bytes)
}

/// The public part of a P-256 key as JWK.
pub(super) fn public_jwk(key: &PrivateKey) -> Result<Value, JweError> {
    let public = key.compute_public_key().map_err(|_| JweError)?;
    let [4, point @ ..] = public.as_ref() else {
        return Err(JweError);
    };
    let (x, y) = point.split_at_checked(32).ok_or(JweError)?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }))
}

/// The point of a P-256 JWK, uncompressed; that it is on the curve is checked where it is used.
fn point(jwk: &Value) -> Result<Vec<u8>, JweError> {
    let is = |name: &str, value: &str| jwk.get(name).and_then(Value::as_str) == Some(value);
    let (x, y) = (member(jwk, "x")?, member(jwk, "y")?);
    if !is("kty", "EC") || !is("crv", "P-256") || x.len() != 32 || y.len() != 32 {
        return Err(JweError);
    }
    Ok([&[4][..], &x, &y].concat())
}

fn member(jwk: &Value, name: &str) -> Result<Vec<u8>, JweError> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(JweError)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JweError)
}

/// Several times the longest token that is of use here.
const MAX_BYTES: usize = 64 << 10;
/// The longest `apu` and `apv`, characters.
const MAX_PARTY: usize = 512;

#[cfg(test)]
mod tests;
