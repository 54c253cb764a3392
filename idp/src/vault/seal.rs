//! Sealing and opening bytes with AES-256-GCM, and the layout of what is sealed.
//!
//! ```text
//! "WHRL" | layout version 1 | nonce, 12 bytes | ciphertext | tag, 16 bytes
//! ```
//!
//! The nonce is random (NIST SP 800-38D §8.2.2): one key seals far fewer than the 2^32 messages for
//! which that is safe, since it belongs to one subject or seals only the deployment's own secrets.
//! The header needs no authentication of its own: any other magic or version is refused outright.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest,
};
use zeroize::Zeroizing;

use super::{VaultError, data_key::DataKey};

/// A sealed blob and the digest that the credential's row remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// SHA-256 of `bytes`.
    pub digest: [u8; 32],
    /// What goes to the blob store.
    pub bytes: Vec<u8>,
}

/// The parts of a sealed blob, borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedParts<'a> {
    /// The nonce.
    pub nonce: &'a [u8; NONCE_LEN],
    /// The ciphertext with its tag.
    pub ciphertext: &'a [u8],
}

/// Why bytes are not a sealed blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedFormatError {
    /// Fewer bytes than an empty plaintext takes.
    #[error("{0} bytes are too few")]
    TooShort(usize),
    /// More bytes than the vault ever writes.
    #[error("{0} bytes are too many")]
    TooLong(usize),
    /// They do not begin as a sealed blob does.
    #[error("not a sealed blob")]
    Magic,
    /// A layout that this program does not know.
    #[error("unknown layout version {0}")]
    Version(u8),
}

/// Takes a sealed blob apart without a key. Total over all inputs, and copies nothing.
///
/// # Errors
/// Whatever is not of the layout.
pub fn parse(bytes: &[u8]) -> Result<SealedParts<'_>, SealedFormatError> {
    if bytes.len() > MAX_SEALED_BYTES {
        return Err(SealedFormatError::TooLong(bytes.len()));
    }
    let short = SealedFormatError::TooShort(bytes.len());
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(short)?;
    if magic != MAGIC {
        return Err(SealedFormatError::Magic);
    }
    let (version, rest) = rest.split_first().ok_or(short)?;
    if *version != LAYOUT_VERSION {
        return Err(SealedFormatError::Version(*version));
    }
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(short)?;
    if ciphertext.len() < TAG_BYTES {
        return Err(short);
    }
    Ok(SealedParts { nonce, ciphertext })
}

/// Seals `plaintext` under `key`, bound to `authenticated`.
///
/// # Errors
/// [`VaultError::TooLarge`] beyond [`MAX_PLAINTEXT_BYTES`].
pub fn seal(key: &DataKey, authenticated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        return Err(VaultError::TooLarge {
            bytes: plaintext.len(),
        });
    }
    let cipher = cipher(key)?;
    let mut out = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
    out.extend_from_slice(MAGIC);
    out.push(LAYOUT_VERSION);
    out.extend_from_slice(&[0; NONCE_LEN]);
    out.extend_from_slice(plaintext);
    let (header, body) = out.split_at_mut(HEADER_BYTES);
    let (nonce, tag) = cipher
        .seal_in_place_separate_tag(Aad::from(authenticated), body)
        .map_err(|_| VaultError::Cipher)?;
    header
        .last_chunk_mut::<NONCE_LEN>()
        .ok_or(VaultError::Cipher)?
        .copy_from_slice(nonce.as_ref());
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// Opens what [`seal`] made under the same `key` and `authenticated` bytes.
///
/// # Errors
/// [`VaultError::Malformed`] or [`VaultError::WrongContext`].
pub fn open(
    key: &DataKey,
    authenticated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let parts = parse(sealed)?;
    let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
    let opened = cipher(key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*parts.nonce),
            Aad::from(authenticated),
            &mut plaintext,
        )
        .map_err(|_| VaultError::WrongContext)?
        .len();
    plaintext.truncate(opened);
    Ok(plaintext)
}

/// SHA-256 of `bytes`.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

fn cipher(key: &DataKey) -> Result<RandomizedNonceKey, VaultError> {
    RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).map_err(|_| VaultError::Cipher)
}

/// The largest sealed blob: many times the largest template.
pub const MAX_SEALED_BYTES: usize = 1 << 20;
/// The largest plaintext.
pub const MAX_PLAINTEXT_BYTES: usize = MAX_SEALED_BYTES - OVERHEAD_BYTES;

const MAGIC: &[u8; 4] = b"WHRL";
const LAYOUT_VERSION: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1 + NONCE_LEN;
const TAG_BYTES: usize = 16;
const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> DataKey {
        DataKey::random().expect("random bytes")
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plaintext in prop::collection::vec(any::<u8>(), 0..600),
                                names in prop::collection::vec(any::<u8>(), 0..60)) {
            let key = key();
            let sealed = seal(&key, &names, &plaintext).expect("seals");
            prop_assert_eq!(sealed.len(), plaintext.len() + OVERHEAD_BYTES);
            prop_assert_eq!(&*open(&key, &names, &sealed).expect("opens"), &plaintext);
        }

        #[test]
        fn parsing_never_panics_and_loses_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut named = b"WHRL\x01".to_vec();
            named.extend_from_slice(&bytes);
            prop_assert_eq!(parse(&named).is_ok(), bytes.len() >= NONCE_LEN + TAG_BYTES);
            if let Ok(parts) = parse(&named) {
                prop_assert_eq!([&parts.nonce[..], parts.ciphertext].concat(), bytes.clone());
            }
            prop_assert_eq!(parse(&bytes).is_ok(), bytes.starts_with(b"WHRL\x01") && bytes.len() >= OVERHEAD_BYTES);
        }
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let key = key();
        let sealed = seal(&key, b"names", b"a template").expect("seals");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, b"names", &altered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn any_truncation_is_refused() {
        let key = key();
        let sealed = seal(&key, b"names", b"a template").expect("seals");
        for length in 0..sealed.len() {
            assert!(open(&key, b"names", &sealed[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn another_key_or_other_names_do_not_open() {
        let (mine, other) = (key(), key());
        let sealed = seal(&mine, b"names", b"a template").expect("seals");
        assert!(matches!(
            open(&other, b"names", &sealed),
            Err(VaultError::WrongContext)
        ));
        assert!(matches!(
            open(&mine, b"Names", &sealed),
            Err(VaultError::WrongContext)
        ));
    }

    #[test]
    fn sealing_twice_gives_other_bytes() {
        let key = key();
        assert_ne!(
            seal(&key, b"", b"x").expect("seals"),
            seal(&key, b"", b"x").expect("seals")
        );
    }

    #[test]
    fn sizes_are_bounded_on_both_sides() {
        let key = key();
        let largest = vec![7; MAX_PLAINTEXT_BYTES];
        let sealed = seal(&key, b"", &largest).expect("seals");
        assert_eq!(&*open(&key, b"", &sealed).expect("opens"), &largest);
        assert!(matches!(
            seal(&key, b"", &vec![7; MAX_PLAINTEXT_BYTES + 1]),
            Err(VaultError::TooLarge { bytes }) if bytes == MAX_PLAINTEXT_BYTES + 1
        ));
        assert_eq!(
            parse(&vec![0; MAX_SEALED_BYTES + 1]),
            Err(SealedFormatError::TooLong(MAX_SEALED_BYTES + 1))
        );
        assert_eq!(parse(b"WHRL\x02"), Err(SealedFormatError::Version(2)));
        assert_eq!(parse(b"LRHW\x01"), Err(SealedFormatError::Magic));
        assert_eq!(parse(b"WHR"), Err(SealedFormatError::TooShort(3)));
    }

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-4 example: SHA-256("abc").
        assert_eq!(
            hex::encode(digest_of(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
