//! Who waits after failures: whoever guesses, and nobody else.
//!
//! Every try is counted under the name that was typed, and, where it comes from no browser that this person signed in from
//! before, under its address, its network and the whole service. Whoever comes from such a browser has a counter of their
//! own: what somebody elsewhere fails at does not hold them up (OWASP Authentication Cheat Sheet, "device cookies"; Blocki
//! and others on lock-outs). Nothing of it depends on whether there is such a name.
//!
//! A person's tries are reserved before anything is compared, so that of many at once no more are judged than are free.
//! What many share is counted after a failure alone as long as it is far from its bound, so that a login that succeeds
//! writes nothing for it; from there on it is reserved too. The service as a whole refuses nobody: whoever fails often enough
//! everywhere must not keep everybody else out. Beyond its bound operators are told, and each try is answered a moment later.

use std::net::IpAddr;

use aws_lc_rs::digest;
use ipnet::IpNet;
use time::OffsetDateTime;
use wire::{AuditOutcome, FactorKind};

use super::attempt::{Attempt, Notice};
use super::journey::{Journey, trail, who};
use super::{LoginError, seconds_until};
use crate::factors::Outcome;
use crate::store::{Backoff, Reservation, SingleUse};

/// Failures within an hour that are free before the next one waits; 0 is without bound.
#[derive(Clone, Copy, Debug)]
pub struct SharedLimits {
    pub per_address: u32,
    pub per_network: u32,
    pub per_service: u32,
    /// How many bits of an address are its network's.
    pub network_v4: u8,
    pub network_v6: u8,
}

/// What failures are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Person,
    Address,
    Network,
    Service,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Address => "address",
            Self::Network => "network",
            Self::Service => "service",
        }
    }
}

/// Under what a try is counted until it is known how it ended.
pub(super) struct Counted {
    /// The person's own, with the factor.
    pub who: String,
    shared: Vec<Shared>,
}

/// A counter that many share.
struct Shared {
    scope: Scope,
    key: String,
    backoff: Backoff,
    /// Counted already, before it is known how the try ends.
    is_reserved: bool,
}

impl Counted {
    /// A try of what cannot be guessed.
    pub(super) fn alone(who: String) -> Self {
        Self {
            who,
            shared: Vec::new(),
        }
    }
}

/// Whether a try may be made.
pub(super) enum Tried {
    Counted(Counted),
    Blocked(Block),
}

/// Why not, and until when.
pub(super) struct Block {
    scope: Scope,
    key: String,
    until: OffsetDateTime,
}

impl SharedLimits {
    fn network(&self, address: IpAddr) -> Option<IpNet> {
        let bits = match address {
            IpAddr::V4(_) => self.network_v4,
            IpAddr::V6(_) => self.network_v6,
        };
        IpNet::new(address, bits).ok().map(|net| net.trunc())
    }

    /// What a try from an address counts for, by the hour. Of IPv6 an address is what one host has: a network of 64 bits
    /// (RFC 4291, section 2.5.1).
    fn keys(&self, address: Option<IpAddr>, now: OffsetDateTime) -> Vec<(Scope, String, u32)> {
        let hour = now.unix_timestamp().div_euclid(3600);
        let address = address.map(|address| address.to_canonical());
        let network = address.and_then(|address| self.network(address));
        let host = address.and_then(|address| match address {
            IpAddr::V4(_) => IpNet::new(address, 32).ok(),
            IpAddr::V6(_) => IpNet::new(address, 64).ok().map(|net| net.trunc()),
        });
        [
            (
                Scope::Address,
                host.map(|it| it.to_string()),
                self.per_address,
            ),
            (
                Scope::Network,
                network.map(|it| it.to_string()),
                self.per_network,
            ),
            (Scope::Service, Some(String::new()), self.per_service),
        ]
        .into_iter()
        .filter(|(_, _, free)| *free > 0)
        .filter_map(|(scope, of, free)| {
            let key = hashed(&[scope.as_str(), &of?, &hour.to_string()]);
            Some((scope, key, free))
        })
        .collect()
    }
}

impl Journey {
    /// Reserves a try at a factor, wherever it counts.
    pub(super) async fn reserve(
        &self,
        attempt: &Attempt,
        username: &str,
        factor: FactorKind,
        now: OffsetDateTime,
    ) -> Result<Tried, LoginError> {
        // A signature cannot be guessed: counting it would only let anybody lock the holder out.
        if factor == FactorKind::Passkey {
            return Ok(Tried::Counted(Counted::alone(who(username))));
        }
        let known = self.known_browser(attempt, username, factor, now).await?;
        let keys = match &known {
            Some(_) => Vec::new(),
            None => self.shared.keys(attempt.seen.address, now),
        };
        let names: Vec<&str> = keys.iter().map(|(_, key, _)| key.as_str()).collect();
        let seen = self.store.guesses(&names).await?;
        let mut counted = Counted::alone(known.unwrap_or_else(|| who(username)));
        for (scope, key, free) in keys {
            let backoff = self.shared_backoff(scope, free);
            let seen = seen.iter().find(|(of, ..)| *of == key);
            let failures = seen.map_or(0, |(_, failures, _)| *failures);
            let is_near = failures + 1 >= free && scope != Scope::Service;
            if scope == Scope::Service && failures >= free {
                self.alarm(attempt, factor, (scope, &key), now + ALARM, now)
                    .await?;
                tokio::time::sleep(MOMENT).await;
            }
            let mut shared = Shared {
                scope,
                key,
                backoff,
                is_reserved: false,
            };
            if is_near {
                if let Some(until) = self.reserve_shared(&shared, now).await? {
                    self.give_back(&counted).await?;
                    let Shared { scope, key, .. } = shared;
                    return Ok(Tried::Blocked(Block { scope, key, until }));
                }
                shared.is_reserved = true;
            }
            counted.shared.push(shared);
        }
        let reserved = self
            .store
            .reserve_try(&counted.who, factor, &self.backoff, now)
            .await?;
        if let Reservation::BlockedUntil(until) = reserved {
            // Nothing is compared: who is hammered at does not use up everybody else's tries.
            self.give_back(&counted).await?;
            let key = format!("{} {factor}", counted.who);
            let scope = Scope::Person;
            return Ok(Tried::Blocked(Block { scope, key, until }));
        }
        Ok(Tried::Counted(counted))
    }

    /// Counts a try; or says until when there is none.
    async fn reserve_shared(
        &self,
        shared: &Shared,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, LoginError> {
        let what = shared.scope.as_str();
        let reserved = self
            .store
            .reserve_guess(&shared.key, what, &shared.backoff, now)
            .await?;
        Ok(match reserved {
            Reservation::BlockedUntil(until) => Some(until),
            Reservation::Granted => None,
        })
    }

    /// Counts a failure where others count too.
    pub(super) async fn count_failure(
        &self,
        counted: &Counted,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        for shared in counted.shared.iter().filter(|it| !it.is_reserved) {
            self.reserve_shared(shared, now).await?;
        }
        Ok(())
    }

    /// Takes back a try that came to no failure where others count too.
    pub(super) async fn give_back(&self, counted: &Counted) -> Result<(), LoginError> {
        for shared in counted.shared.iter().filter(|it| it.is_reserved) {
            let what = shared.scope.as_str();
            self.store.give_back_guess(&shared.key, what).await?;
        }
        Ok(())
    }

    fn shared_backoff(&self, scope: Scope, free_tries: u32) -> Backoff {
        match scope {
            // Counted, and nothing waits for it.
            Scope::Service => Backoff {
                free_tries: u32::MAX,
                ..self.backoff
            },
            Scope::Person | Scope::Address | Scope::Network => Backoff {
                free_tries,
                ..self.backoff
            },
        }
    }

    /// Takes back a try in which nothing was compared.
    pub(super) async fn not_tried(
        &self,
        counted: &Counted,
        factor: FactorKind,
    ) -> Result<(), LoginError> {
        self.give_back(counted).await?;
        Ok(self.store.return_try(&counted.who, factor).await?)
    }

    /// Books a try that was not granted, and raises an alarm at the first one of each wait; in the attempt, for
    /// [`Journey::settle`] to write.
    pub(super) async fn blocked(
        &self,
        mut attempt: Attempt,
        factor: FactorKind,
        block: Block,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let seconds = seconds_until(block.until, now);
        let place = attempt.seen.place.told();
        let mut event = trail(&attempt).factor("factor.blocked", factor, Outcome::NoMatch);
        let scope = block.scope.as_str();
        event.detail.insert("wait_s".into(), seconds.to_string());
        event.detail.insert("scope".into(), scope.into());
        event.detail.extend(place.map(|it| ("place".into(), it)));
        self.store.append_event(event, now).await?;
        let whose = (block.scope, block.key.as_str());
        self.alarm(&attempt, factor, whose, block.until, now)
            .await?;
        attempt.notice = Some(Notice::Wait { seconds });
        Ok(attempt.unwritten())
    }

    /// Tells operators, once for each wait, that somebody guesses.
    async fn alarm(
        &self,
        attempt: &Attempt,
        factor: FactorKind,
        (scope, key): (Scope, &str),
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        // The service's counter is of one hour, and so is its alarm.
        let wait = match scope {
            Scope::Service => "hour".to_owned(),
            Scope::Person | Scope::Address | Scope::Network => until.unix_timestamp().to_string(),
        };
        let first = self
            .store
            .use_once(SingleUse::GuessingAlarm, key, &wait, until)
            .await?;
        if first {
            // Whoever comes first beyond the service's bound is nobody in particular, and does not wait.
            let is_of_all = scope == Scope::Service;
            let (scope, seconds) = (scope.as_str(), seconds_until(until, now));
            tracing::warn!(scope, "guessing_alarm");
            let mut event = trail(attempt).event("guessing.alarm", AuditOutcome::Refused);
            event.detail.insert("scope".into(), scope.into());
            if is_of_all {
                (event.subject, event.client, event.attempt) = (None, None, None);
                event.detail.remove("address");
            } else {
                event.factor = Some(factor);
                event.detail.insert("wait_s".into(), seconds.to_string());
            }
            self.store.append_event(event, now).await?;
        }
        Ok(())
    }

    /// The counter of a browser in which this person proved this factor before, by a credential that still stands.
    async fn known_browser(
        &self,
        attempt: &Attempt,
        username: &str,
        factor: FactorKind,
        now: OffsetDateTime,
    ) -> Result<Option<String>, LoginError> {
        let mark = attempt.mark.as_deref();
        let marked = mark.and_then(|mark| self.marks.read(mark, username, now));
        let (Some(subject), Some(marked)) = (attempt.subject(), marked) else {
            return Ok(None);
        };
        let credentials = self.store.credentials(subject).await?;
        let proved = credentials
            .iter()
            .any(|it| it.factor == factor && marked.proved.contains(&it.id));
        Ok(proved.then(|| hashed(&["browser", &marked.number, username])))
    }
}

/// How much later a try is answered where many fail everywhere.
const MOMENT: std::time::Duration = std::time::Duration::from_secs(1);
/// How long an alarm of the whole service stands, at least as long as its counter.
const ALARM: time::Duration = time::Duration::hours(2);

fn hashed(parts: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"whorl tries 2\0");
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(b"\0");
    }
    hex::encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::NOW;

    const LIMITS: SharedLimits = SharedLimits {
        per_address: 5,
        per_network: 10,
        per_service: 20,
        network_v4: 24,
        network_v6: 48,
    };

    fn keys(address: &str) -> Vec<String> {
        let address = address.parse().ok();
        let keys = LIMITS.keys(address, NOW).into_iter();
        keys.map(|(_, key, _)| key).collect()
    }

    #[test]
    fn neighbours_share_a_network_and_everybody_the_service() {
        let alike = |one: &str, other: &str| -> Vec<bool> {
            let (one, other) = (keys(one), keys(other));
            one.iter().zip(&other).map(|(a, b)| a == b).collect()
        };
        for (one, other, expected) in [
            ("192.0.2.7", "192.0.2.7", [true, true, true]),
            ("192.0.2.7", "::ffff:192.0.2.7", [true, true, true]),
            ("192.0.2.7", "192.0.2.8", [false, true, true]),
            ("192.0.2.7", "192.0.3.7", [false, false, true]),
            ("2001:db8::1", "2001:db8::2:1", [true, true, true]),
            ("2001:db8::1", "2001:db8:0:1::1", [false, true, true]),
            ("2001:db8::1", "2001:db8:1::1", [false, false, true]),
        ] {
            assert_eq!(alike(one, other), expected, "{one} {other}");
        }
        let later = LIMITS.keys("192.0.2.7".parse().ok(), NOW + time::Duration::HOUR);
        let mut later = later.into_iter().map(|(_, key, _)| key);
        assert!(later.all(|key| !keys("192.0.2.7").contains(&key)));
    }

    #[test]
    fn what_is_without_bound_or_not_known_is_not_counted() {
        let none = SharedLimits {
            per_address: 0,
            per_network: 0,
            per_service: 0,
            ..LIMITS
        };
        assert!(none.keys("192.0.2.7".parse().ok(), NOW).is_empty());
        assert_eq!(LIMITS.keys(None, NOW).len(), 1, "the service");
    }
}
