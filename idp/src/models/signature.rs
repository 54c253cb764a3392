//! Who answers for a pack: an Ed25519 signature (RFC 8032) over the exact bytes of its manifest.
//!
//! The manifest holds the digest of every file, so that the one signature covers them all. It lies beside the
//! manifest as base64 in `manifest.sig`.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A public key whose signatures are taken: 32 bytes, written as base64.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedKey([u8; 32]);

impl TryFrom<String> for TrustedKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or("a trusted key is an Ed25519 public key: 32 bytes in base64, as `whorl models sign` prints it")
    }
}

impl fmt::Display for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

/// Whether one of the keys signed these bytes; otherwise why not.
pub(super) fn check(
    manifest: &[u8],
    signature: &[u8],
    trusted: &[TrustedKey],
) -> Result<(), &'static str> {
    if trusted.is_empty() {
        return Err("[models] trusted_keys names no key");
    }
    let text = std::str::from_utf8(signature).map_err(|_| "it is not base64")?;
    let signature = STANDARD
        .decode(text.trim_ascii())
        .map_err(|_| "it is not base64")?;
    let is_good = |TrustedKey(key): &TrustedKey| {
        UnparsedPublicKey::new(&ED25519, key)
            .verify(manifest, &signature)
            .is_ok()
    };
    match trusted.iter().any(is_good) {
        true => Ok(()),
        false => Err("no trusted key made it over this manifest"),
    }
}

/// A key that signs packs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key and keeps it in a new file that only its owner reads, as PKCS #8 in base64.
    ///
    /// # Errors
    /// Where the file is there already or cannot be written.
    pub fn create(file: &Path) -> std::io::Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(std::io::Error::other)?;
        let document = pair.to_pkcs8().map_err(std::io::Error::other)?;
        let text = Zeroizing::new(STANDARD.encode(document.as_ref()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(file)?.write_all(text.as_bytes())?;
        Ok(Self(pair))
    }

    /// Reads a key that [`Self::create`] wrote.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no such key.
    pub fn read(file: &Path) -> std::io::Result<Self> {
        let text = Zeroizing::new(std::fs::read_to_string(file)?);
        let wrong =
            || std::io::Error::other("this file holds no signing key of `whorl models sign`");
        let document = STANDARD.decode(text.trim_ascii()).map_err(|_| wrong())?;
        let document = Zeroizing::new(document);
        Ed25519KeyPair::from_pkcs8(&document)
            .map(Self)
            .map_err(|_| wrong())
    }

    /// What `[models] trusted_keys` must name for this key's packs to be taken.
    #[must_use]
    pub fn public(&self) -> TrustedKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        TrustedKey(key)
    }

    /// The content of `manifest.sig`.
    #[must_use]
    pub fn sign(&self, manifest: &[u8]) -> String {
        format!("{}\n", STANDARD.encode(self.0.sign(manifest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_under_its_key_over_its_bytes_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let key = SigningKey::create(&file).expect("a key");
        assert!(
            SigningKey::create(&file).is_err(),
            "a key is not written over"
        );
        let again = SigningKey::read(&file).expect("the same key");
        let other = SigningKey::create(&folder.path().join("other")).expect("a key");
        let signature = again.sign(b"manifest");
        let trusted = [other.public(), key.public()];
        assert_eq!(check(b"manifest", signature.as_bytes(), &trusted), Ok(()));
        assert!(check(b"Manifest", signature.as_bytes(), &trusted).is_err());
        assert!(check(b"manifest", signature.as_bytes(), &trusted[..1]).is_err());
        assert!(check(b"manifest", signature.as_bytes(), &[]).is_err());
        assert!(check(b"manifest", b"", &trusted).is_err());
        assert!(check(b"manifest", &[0xff; 88], &trusted).is_err());
        let text = key.public().to_string();
        assert_eq!(TrustedKey::try_from(text), Ok(key.public()));
        assert!(TrustedKey::try_from("AAAA".to_owned()).is_err());
    }

    #[test]
    fn the_vector_of_rfc_8032_is_taken() {
        // RFC 8032 section 7.1, test 3.
        let bytes = |text: &str| hex::decode(text).expect("hexadecimal");
        let key = bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
        let signature = bytes(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        let trusted = TrustedKey(key.try_into().expect("32 bytes"));
        let signature = STANDARD.encode(signature);
        assert_eq!(
            check(&[0xaf, 0x82], signature.as_bytes(), &[trusted]),
            Ok(())
        );
    }
}
