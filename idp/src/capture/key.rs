//! The page's key: made in the page, not exportable from it, and the one hand that signs a capture.
//!
//! ECDSA on P-256 with SHA-256, which every browser's WebCrypto has (Web Cryptography API §23).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use super::message::{Frame, Hello, KEY, frame_statement, hello_statement};

/// A signature that is not the page's, or not over this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not the page's")]
pub struct SignatureError;

/// The key of one capture, and how far its chain has come.
pub(super) struct PageKey {
    key: UnparsedPublicKey<[u8; KEY]>,
    nonce: String,
    /// Digest of the last statement that was signed.
    last: [u8; 32],
}

impl PageKey {
    /// Takes a page's key, if it signs this capture's nonce.
    pub(super) fn introduce(nonce: &str, hello: &Hello<'_>) -> Result<Self, SignatureError> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, *hello.key);
        let statement = hello_statement(nonce, hello.key);
        key.verify(&statement, hello.signature)
            .map_err(|_| SignatureError)?;
        Ok(Self {
            key,
            nonce: nonce.to_owned(),
            last: sha256(&statement),
        })
    }

    /// Checks a frame against all that came before it, and goes on from it.
    pub(super) fn check(&mut self, frame: &Frame<'_>) -> Result<(), SignatureError> {
        let statement = frame_statement(&self.nonce, &self.last, frame, &sha256(frame.jpeg));
        self.key
            .verify(&statement, frame.signature)
            .map_err(|_| SignatureError)?;
        self.last = sha256(&statement);
        Ok(())
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
