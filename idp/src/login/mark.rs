//! A mark by which a browser is known again as one that a person signed in from ("device cookies", OWASP Authentication
//! Cheat Sheet): it gives the browser a counter of its own for wrong guesses at that person's name, and nothing else.
//!
//! It is a random number and when it ends, authenticated for one name by a key of the deployment, so that nothing has to be
//! kept. Whoever copies it may guess a few times more, and no more than a few.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use time::{Duration, OffsetDateTime};

use crate::random;
use crate::store::canonical_username;

/// Makes marks and reads them.
pub struct Marks {
    key: hmac::Key,
    lifetime: Duration,
}

impl Marks {
    /// By a key of the deployment.
    #[must_use]
    pub fn new(key: &[u8], lifetime: Duration) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            lifetime,
        }
    }

    /// How long a mark is good.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A new mark of a browser in which this person signed in.
    #[must_use]
    pub fn make(&self, username: &str, now: OffsetDateTime) -> String {
        let nonce = random::secret();
        let until = (now + self.lifetime).unix_timestamp();
        let head = format!("{}.{until}", nonce.expose_secret());
        let tag = hmac::sign(&self.key, &signed(&head, username));
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The number in a mark that is good for this name.
    #[must_use]
    pub fn read<'a>(&self, mark: &'a str, username: &str, now: OffsetDateTime) -> Option<&'a str> {
        let (head, tag) = mark.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, &signed(head, username), &tag).ok()?;
        let (nonce, until) = head.split_once('.')?;
        let until: i64 = until.parse().ok()?;
        (now.unix_timestamp() < until).then_some(nonce)
    }
}

fn signed(head: &str, username: &str) -> Vec<u8> {
    format!("whorl mark 1\0{head}\0{}", canonical_username(username)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::NOW;

    #[test]
    fn a_mark_is_good_for_one_name_for_its_time_and_whole() {
        let lifetime = Duration::days(90);
        let marks = Marks::new(&[7; 32], lifetime);
        let mark = marks.make("Ada", NOW);
        let nonce = marks.read(&mark, "ada", NOW).expect("good").to_owned();
        assert_ne!(
            marks.read(&marks.make("ada", NOW), "ada", NOW),
            Some(nonce.as_str())
        );
        let last = NOW + lifetime - Duration::SECOND;
        assert!(marks.read(&mark, "ada", last).is_some());
        assert!(
            marks.read(&mark, "ada", NOW + lifetime).is_none(),
            "too old"
        );
        assert!(marks.read(&mark, "bob", NOW).is_none(), "another's");
        let other = Marks::new(&[8; 32], lifetime);
        assert!(other.read(&mark, "ada", NOW).is_none(), "another key's");
        let later = mark.replacen('.', ".9", 1);
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            &mark[1..],
            &mark[..mark.len() - 2],
            &later,
        ] {
            assert!(marks.read(bad, "ada", NOW).is_none(), "{bad}");
        }
    }
}
