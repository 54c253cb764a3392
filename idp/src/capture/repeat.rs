//! Samples that were seen before: a keyed digest of each, so that the very same picture is refused for good while.
//!
//! No camera gives the same picture twice: its noise alone differs. So a picture that was accepted once and comes again, to
//! whichever replica and for whomever, was recorded. The digest is HMAC-SHA-256 (RFC 2104) under a key that the vault seals:
//! who reads the table can neither test whether a picture of his is in it nor say whose it was. One is over the bytes as they
//! came, one over the pixels, which survives a file that is only packed anew. A picture that was changed at all is beyond this.

use aws_lc_rs::hmac;
use matcher::sample::RgbImage;

/// Makes the digests.
pub struct Repeats {
    key: hmac::Key,
}

impl Repeats {
    /// Under the deployment's key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The digests of a picture: of its bytes, and of its pixels.
    pub(super) fn of(&self, encoded: &[u8], image: &RgbImage) -> Digests {
        let sides = [image.width as u64, image.height as u64].map(u64::to_be_bytes);
        Digests {
            bytes: self.one(b"sample bytes\0", &[encoded]),
            pixels: self.one(b"sample pixels\0", &[&sides[0], &sides[1], &image.pixels]),
        }
    }

    fn one(&self, label: &[u8], parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(label);
        for part in parts {
            context.update(part);
        }
        hex::encode(context.sign())
    }
}

/// The digests of one picture, as they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) bytes: String,
    pub(super) pixels: String,
}

impl Digests {
    /// Both, as rows.
    pub(super) fn each(&self) -> [String; 2] {
        [self.bytes.clone(), self.pixels.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize) -> RgbImage {
        RgbImage {
            width,
            height,
            pixels: vec![7; 3 * width * height],
        }
    }

    #[test]
    fn a_picture_packed_anew_has_the_same_pixels() {
        let repeats = Repeats::new(&[1; 32]);
        let (one, anew) = (
            repeats.of(b"a", &image(4, 2)),
            repeats.of(b"b", &image(4, 2)),
        );
        assert_ne!(one.bytes, anew.bytes);
        assert_eq!(one.pixels, anew.pixels);
        assert_ne!(one.pixels, repeats.of(b"a", &image(2, 4)).pixels);
        assert_ne!(one, Repeats::new(&[2; 32]).of(b"a", &image(4, 2)), "keyed");
    }
}
