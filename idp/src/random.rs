//! Random secrets, and the digests under which they are kept.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// 256 random bits as 43 base64url characters: codes, tokens, cookies, nonces.
///
/// # Panics
/// When the operating system has no randomness, where going on would be worse.
#[must_use]
pub fn secret() -> SecretString {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("invariant: the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// Fills with random bytes.
///
/// # Panics
/// As [`secret`].
pub fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("invariant: the operating system gives random bytes");
}

/// The lower-case hex SHA-256 digest under which a random secret is stored. Its 256 random bits need no
/// slow hash (NIST SP 800-63B §5.1.2).
#[must_use]
pub fn digest(secret: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}
