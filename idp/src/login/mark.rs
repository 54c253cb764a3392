//! A mark by which a browser is known again as one that a person signed in from ("device cookies", OWASP Authentication
//! Cheat Sheet): it gives the browser a counter of its own for wrong guesses at that person's name, and nothing else.
//!
//! It is a random number, the credentials that were proved in the browser, and when it ends, authenticated for one name by a
//! key of the deployment, so that nothing has to be kept. It counts for those credentials alone: whoever has somebody's
//! password gets no tries of their own at the one-time password by it, and none at the password that comes after. A browser
//! that signs in again keeps its number, and so what it has failed at.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::CredentialId;

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

    /// The mark of a browser in which this person signed in by these credentials, and before by those of the mark that it
    /// has.
    #[must_use]
    pub fn make(
        &self,
        username: &str,
        proved: &[CredentialId],
        had: Option<&str>,
        now: OffsetDateTime,
    ) -> String {
        let had = had.and_then(|had| self.read(had, username, now));
        let (number, before) = match had {
            Some(had) => (had.number, had.proved),
            None => (random::secret().expose_secret().to_owned(), Vec::new()),
        };
        let mut proved: Vec<CredentialId> = proved.to_vec();
        proved.extend(before);
        let mut seen = BTreeSet::new();
        proved.retain(|id| seen.insert(*id));
        let proved: Vec<String> = proved
            .iter()
            .take(MOST_PROVED)
            .map(|id| id.0.simple().to_string())
            .collect();
        let until = (now + self.lifetime).unix_timestamp();
        let head = format!("{number}.{until}.{}", proved.join("+"));
        let tag = hmac::sign(&self.key, &signed(&head, username));
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// What a mark says that is good for this name.
    #[must_use]
    pub fn read(&self, mark: &str, username: &str, now: OffsetDateTime) -> Option<Marked> {
        let (head, tag) = mark.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, &signed(head, username), &tag).ok()?;
        let mut parts = head.splitn(3, '.');
        let (number, until, proved) = (parts.next()?, parts.next()?, parts.next()?);
        let until: i64 = until.parse().ok()?;
        let proved = proved.split('+').filter(|id| !id.is_empty());
        let proved: Result<Vec<Uuid>, _> = proved.map(Uuid::try_parse).collect();
        (now.unix_timestamp() < until).then_some(Marked {
            number: number.to_owned(),
            proved: proved.ok()?.into_iter().map(CredentialId).collect(),
        })
    }
}

/// What a mark says.
#[derive(Debug, PartialEq, Eq)]
pub struct Marked {
    /// Under which the browser's tries are counted.
    pub number: String,
    /// What was proved there, the last first.
    pub proved: Vec<CredentialId>,
}

/// How many credentials a mark names; a cookie has its bounds.
const MOST_PROVED: usize = 12;

fn signed(head: &str, username: &str) -> Vec<u8> {
    format!("whorl mark 2\0{head}\0{}", canonical_username(username)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::NOW;

    #[test]
    fn a_mark_is_good_for_one_name_for_its_time_and_whole() {
        let lifetime = Duration::days(90);
        let marks = Marks::new(&[7; 32], lifetime);
        let make = |name| marks.make(name, &[], None, NOW);
        let mark = make("Ada");
        let number = marks.read(&mark, "ada", NOW).expect("good").number;
        let another = marks.read(&make("ada"), "ada", NOW).expect("good");
        assert_ne!(another.number, number);
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

    #[test]
    fn a_browser_keeps_its_number_and_what_was_proved_in_it() {
        let marks = Marks::new(&[7; 32], Duration::days(90));
        let [password, totp] = [1, 2].map(|n| CredentialId(Uuid::from_u128(n)));
        let first = marks.make("ada", &[password], None, NOW);
        let second = marks.make("ada", &[totp, password], Some(&first), NOW);
        let (first, second) = (
            marks.read(&first, "ada", NOW).expect("good"),
            marks.read(&second, "ada", NOW).expect("good"),
        );
        assert_eq!(first.number, second.number);
        assert_eq!(first.proved, [password]);
        assert_eq!(second.proved, [totp, password]);
        // Another person's mark begins nothing.
        let hers = marks.make("ada", &[password], None, NOW);
        let his = marks.make("bob", &[], Some(&hers), NOW);
        let his = marks.read(&his, "bob", NOW).expect("good");
        assert!(his.number != first.number && his.proved.is_empty());
        let many: Vec<CredentialId> = (0..40).map(|n| CredentialId(Uuid::from_u128(n))).collect();
        let mark = marks.make("ada", &many, None, NOW);
        assert!(mark.len() < 600, "{}", mark.len());
    }
}
