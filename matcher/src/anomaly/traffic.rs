//! Counts what happened in the last minutes, for [`Recent`], where no store does.
//!
//! Bounded: the stalest addresses and people go first. Who runs several servers counts in the store instead, so that
//! an attack that is spread over them is seen as one.

use std::collections::{HashMap, VecDeque};

use super::event::Recent;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The password or the factor was wrong.
    Failed,
    /// The person came from here before.
    Regular,
    /// Accepted, and the person had never come from this address.
    Stranger,
}

/// The last hour's attempts.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    people: HashMap<u64, VecDeque<i64>>,
    addresses: HashMap<String, VecDeque<Attempt>>,
    service: VecDeque<(i64, bool)>,
    service_failures: u32,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    at_s: i64,
    person: u64,
    outcome: Outcome,
}

const HOUR_S: i64 = 3600;
const TEN_MINUTES_S: i64 = 600;
/// People and addresses that are watched.
const MOST_WATCHED: usize = 20_000;
/// Attempts that are remembered of one of them.
const MOST_ATTEMPTS: usize = 256;
/// Attempts of the whole service.
const MOST_OF_SERVICE: usize = 100_000;

impl Traffic {
    /// What happened before an attempt. Attempts come in the order of time.
    pub fn before(&mut self, at_s: i64, person: u64, address: Option<&str>) -> Recent {
        while let Some((then, failed)) = self.service.front().copied() {
            if at_s.saturating_sub(then) <= TEN_MINUTES_S {
                break;
            }
            self.service.pop_front();
            self.service_failures -= u32::from(failed);
        }
        let is_recent = |then: i64| at_s.saturating_sub(then) <= HOUR_S;
        let failures = self.people.get(&person);
        let mut recent = Recent {
            person_failures: failures
                .map_or(0, |f| f.iter().filter(|t| is_recent(**t)).count() as u32),
            service_attempts: self.service.len() as u32,
            service_failures: self.service_failures,
            ..Recent::default()
        };
        let attempts = address.and_then(|a| self.addresses.get(a));
        let mut strangers: Vec<u64> = Vec::new();
        for attempt in attempts.into_iter().flatten() {
            if !is_recent(attempt.at_s) || attempt.person == person {
                continue;
            }
            recent.address_failures += u32::from(attempt.outcome == Outcome::Failed);
            if attempt.outcome != Outcome::Regular {
                strangers.push(attempt.person);
            }
        }
        strangers.sort_unstable();
        strangers.dedup();
        recent.address_strangers = strangers.len() as u32;
        recent
    }

    /// Counts an attempt once its end is known.
    pub fn count(&mut self, at_s: i64, person: u64, address: Option<&str>, outcome: Outcome) {
        let failed = outcome == Outcome::Failed;
        self.service.push_back((at_s, failed));
        self.service_failures += u32::from(failed);
        if self.service.len() > MOST_OF_SERVICE
            && let Some((_, failed)) = self.service.pop_front()
        {
            self.service_failures -= u32::from(failed);
        }
        if failed {
            if self.people.len() >= MOST_WATCHED && !self.people.contains_key(&person) {
                self.people
                    .retain(|_, f| f.back().is_some_and(|t| at_s.saturating_sub(*t) <= HOUR_S));
                drop_some(&mut self.people);
            }
            push(self.people.entry(person).or_default(), at_s);
        }
        let Some(address) = address else { return };
        if self.addresses.len() >= MOST_WATCHED && !self.addresses.contains_key(address) {
            self.addresses.retain(|_, a| {
                a.back()
                    .is_some_and(|a| at_s.saturating_sub(a.at_s) <= HOUR_S)
            });
            drop_some(&mut self.addresses);
        }
        let attempt = Attempt {
            at_s,
            person,
            outcome,
        };
        push(
            self.addresses.entry(address.to_owned()).or_default(),
            attempt,
        );
    }
}

/// A flood of fresh addresses must not cost memory; what it pushes out is any of them.
fn drop_some<K: Clone + Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>) {
    if map.len() < MOST_WATCHED {
        return;
    }
    let keys: Vec<K> = map.keys().take(MOST_WATCHED / 8).cloned().collect();
    keys.iter().for_each(|k| drop(map.remove(k)));
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= MOST_ATTEMPTS {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_counted_for_its_address_and_people_and_passes() {
        let mut traffic = Traffic::default();
        for person in 0..40 {
            traffic.count(100, person, Some("a"), Outcome::Failed);
        }
        traffic.count(100, 90, Some("a"), Outcome::Regular);
        traffic.count(100, 91, Some("a"), Outcome::Stranger);
        let recent = traffic.before(200, 5, Some("a"));
        assert_eq!(recent.person_failures, 1);
        assert_eq!(
            (recent.address_failures, recent.address_strangers),
            (39, 40)
        );
        assert_eq!((recent.service_attempts, recent.service_failures), (42, 40));
        assert_eq!(traffic.before(200, 5, Some("b")).address_failures, 0);
        assert_eq!(traffic.before(200, 77, None).person_failures, 0);
        assert_eq!(
            traffic.before(100 + HOUR_S + 1, 5, Some("a")),
            Recent::default()
        );
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut traffic = Traffic::default();
        for k in 0..(3 * MOST_WATCHED as u64) {
            traffic.count(100, k, Some(&k.to_string()), Outcome::Failed);
            traffic.count(100, 1, Some("a"), Outcome::Failed);
        }
        assert!(traffic.people.len() <= MOST_WATCHED && traffic.addresses.len() <= MOST_WATCHED);
        assert!(traffic.service.len() <= MOST_OF_SERVICE);
        assert!(traffic.before(100, 1, None).person_failures <= MOST_ATTEMPTS as u32);
    }
}
