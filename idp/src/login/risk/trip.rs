//! A round trip to a browser, measured by this server and kept by the page: nothing is stored on the way.
//!
//! The page asks for the time and gets it signed; it sends that back at once, and gets the difference signed, which it
//! puts into its form. Both are bound to the attempt. A browser can dawdle and can leave it out; it cannot be faster than
//! it is.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use wire::AttemptId;

/// Signs times and trips.
pub struct Trips(hmac::Key);

impl Trips {
    /// From a secret that all replicas have.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let own = hmac::sign(&root, b"whorl round trip 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// The time, for the page to send back.
    #[must_use]
    pub fn begin(&self, attempt: AttemptId, now: OffsetDateTime) -> String {
        self.signed("time", attempt, millis(now))
    }

    /// What came of it; none where this is no time of ours, or of long ago.
    #[must_use]
    pub fn end(&self, attempt: AttemptId, begun: &str, now: OffsetDateTime) -> Option<String> {
        let trip = millis(now).checked_sub(self.read("time", attempt, begun)?)?;
        (0..=LONGEST_MS)
            .contains(&trip)
            .then(|| self.signed("trip", attempt, trip))
    }

    /// The round trip in milliseconds, where it is one of ours.
    #[must_use]
    pub fn measured(&self, attempt: AttemptId, trip: &str) -> Option<u32> {
        u32::try_from(self.read("trip", attempt, trip)?).ok()
    }

    fn signed(&self, what: &str, attempt: AttemptId, number: i64) -> String {
        let text = format!("{what} {} {number}", attempt.0);
        let tag = hmac::sign(&self.0, text.as_bytes());
        format!("{number}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    fn read(&self, what: &str, attempt: AttemptId, text: &str) -> Option<i64> {
        let (number, tag) = text.split_once('.').filter(|_| text.len() <= MOST_BYTES)?;
        let number: i64 = number.parse().ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let text = format!("{what} {} {number}", attempt.0);
        hmac::verify(&self.0, text.as_bytes(), &tag).ok()?;
        Some(number)
    }
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// What takes longer is no round trip but somebody who waits.
const LONGEST_MS: i64 = 10_000;
const MOST_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use time::Duration;
    use uuid::Uuid;

    use super::*;
    use crate::store::tests::NOW;

    #[test]
    fn a_trip_is_what_this_server_measured_on_this_attempt() {
        let trips = Trips::new(&[7; 32]);
        let (one, other) = (AttemptId(Uuid::from_u128(1)), AttemptId(Uuid::from_u128(2)));
        let begun = trips.begin(one, NOW);
        let after = NOW + Duration::milliseconds(37);
        let trip = trips.end(one, &begun, after).expect("one of ours");
        assert_eq!(trips.measured(one, &trip), Some(37));
        assert_eq!(trips.measured(other, &trip), None);
        assert_eq!(trips.end(other, &begun, after), None);
        assert_eq!(trips.measured(one, &begun), None, "a time is no trip");
        assert_eq!(trips.end(one, &trip, after), None, "nor a trip a time");
        assert_eq!(trips.end(one, &begun, NOW + Duration::minutes(1)), None);
        assert_eq!(trips.end(one, &begun, NOW - Duration::seconds(1)), None);
        let forged = trip.replacen("37", "12", 1);
        for nothing in ["", ".", "37", "x.y", &forged, &"9".repeat(200)] {
            assert_eq!(trips.measured(one, nothing), None, "{nothing}");
        }
        assert_eq!(Trips::new(&[8; 32]).measured(one, &trip), None);
    }
}
