//! The connection to the server: whether it stands, and when a server that was away is tried again.

use time::{Duration, OffsetDateTime};

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The first request is under way.
    Connecting,
    /// The last request was answered.
    Up,
    /// The server does not answer.
    Away {
        /// What the last try said.
        reason: String,
        /// How many tries have failed in a row.
        tries: u32,
        /// When to try again; absent while a try is under way.
        retry_at: Option<OffsetDateTime>,
    },
    /// The operator token is not accepted: trying again would not help.
    SignedOut {
        /// What the server said.
        reason: String,
    },
}

impl Link {
    /// Whether requests make sense now.
    pub fn is_up(&self) -> bool {
        match self {
            Self::Up => true,
            Self::Connecting | Self::Away { .. } | Self::SignedOut { .. } => false,
        }
    }

    /// Notes that a try failed. Failures while the next try is already set do not put it off.
    pub fn fail(&mut self, now: OffsetDateTime, reason: String) {
        let (tries, waiting) = match self {
            Self::Connecting | Self::Up => (1, None),
            Self::Away {
                tries, retry_at, ..
            } => match retry_at {
                Some(at) => (*tries, Some(*at)),
                None => (*tries + 1, None),
            },
            Self::SignedOut { .. } => return,
        };
        *self = Self::Away {
            reason,
            tries,
            retry_at: Some(waiting.unwrap_or(now + back_off(tries))),
        };
    }

    /// Whether it is time for another try; if so it counts as begun.
    pub fn try_again(&mut self, now: OffsetDateTime) -> bool {
        match self {
            Self::Away { retry_at, .. } if retry_at.is_some_and(|at| at <= now) => {
                *retry_at = None;
                true
            }
            Self::Connecting | Self::Up | Self::Away { .. } | Self::SignedOut { .. } => false,
        }
    }

    /// Makes the next try due at once.
    pub fn hurry(&mut self, now: OffsetDateTime) {
        if let Self::Away {
            retry_at: Some(at), ..
        } = self
        {
            *at = now;
        }
    }
}

/// One second, doubling, to half a minute.
fn back_off(tries: u32) -> Duration {
    let seconds = 1_i64 << (tries.saturating_sub(1)).min(5);
    Duration::seconds(seconds.min(LONGEST_S))
}

const LONGEST_S: i64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_further_apart_up_to_half_a_minute() {
        let mut now = OffsetDateTime::UNIX_EPOCH;
        let mut link = Link::Connecting;
        let mut waits = Vec::new();
        for _ in 0..8 {
            link.fail(now, "refused".to_owned());
            let began = now;
            while !link.try_again(now) {
                now += Duration::seconds(1);
            }
            waits.push((now - began).whole_seconds());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn further_failures_do_not_put_the_next_try_off() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut link = Link::Up;
        link.fail(now, "a".to_owned());
        link.fail(now + Duration::milliseconds(900), "b".to_owned());
        assert!(link.try_again(now + Duration::seconds(1)));
        assert!(
            !link.try_again(now + Duration::seconds(9)),
            "one try at a time"
        );
    }

    #[test]
    fn a_refused_token_is_not_tried_again() {
        let mut link = Link::SignedOut {
            reason: "expired".to_owned(),
        };
        link.fail(OffsetDateTime::UNIX_EPOCH, "away".to_owned());
        assert!(!link.try_again(OffsetDateTime::UNIX_EPOCH + Duration::days(1)));
        assert!(matches!(link, Link::SignedOut { .. }));
    }
}
