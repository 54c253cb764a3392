//! What a person used before, of one attribute: a bounded list of values with weights that fade.
//!
//! Two things are kept of a value. Its weight, which halves every two months, is how often it is used. Its trust, from
//! nought to one, is whether it is known at all: it grows by the day, so that one evening of somebody else's logins
//! does not make a place known. How often the person comes with something new is counted beside, because for people
//! on mobile networks a new address means nothing (the smoothing of Freeman et al. 2016, section IV, with the mass of
//! unseen values measured for each person instead of assumed).

use super::params::{
    DAY_S, FORGOTTEN_AFTER_S, HALF_LIFE_S, MOST_VALUES, RATE_BOUNDS, RATE_PRIOR, TRUST_A_DAY,
};

/// One remembered value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub value: u64,
    pub weight: f32,
    pub trust: f32,
    pub last_s: i64,
}

/// The remembered values of one attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Memory {
    pub entries: Vec<Entry>,
    /// Logins' worth that came with something new.
    pub fresh: f32,
    /// Logins' worth in all.
    pub total: f32,
    /// When the weights were last brought up to date.
    pub faded_s: i64,
}

/// What a memory says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    /// 0: never seen; 1: known.
    pub known: f32,
    /// Share of the person's logins that came with it.
    pub share: f32,
    /// How often this person comes with something new.
    pub fresh_rate: f32,
}

impl Memory {
    /// `rate` is the population's rate of new values for somebody of as many logins.
    pub fn look(&self, value: u64, now_s: i64, rate: f32) -> Look {
        let mut look = Look {
            known: 0.0,
            share: 0.0,
            fresh_rate: self.fresh_rate(rate),
        };
        let mut sum = 0.0;
        for entry in &self.entries {
            if now_s.saturating_sub(entry.last_s) > FORGOTTEN_AFTER_S {
                continue;
            }
            sum += entry.weight;
            if entry.value == value {
                look.known = entry.trust;
                look.share = entry.weight;
            }
        }
        look.share = if sum > 0.0 { look.share / sum } else { 0.0 };
        look
    }

    fn fresh_rate(&self, rate: f32) -> f32 {
        let rate = (self.fresh + RATE_PRIOR * rate) / (self.total + RATE_PRIOR);
        rate.clamp(RATE_BOUNDS.0, RATE_BOUNDS.1)
    }

    /// Adds a login's worth; `is_confirmed` makes the value known at once.
    pub fn learn(&mut self, value: u64, now_s: i64, weight: f32, is_confirmed: bool) {
        self.fade(now_s);
        let index = match self.entries.iter().position(|e| e.value == value) {
            Some(index) => index,
            None => {
                self.make_room();
                self.entries.push(Entry {
                    value,
                    weight: 0.0,
                    trust: 0.0,
                    last_s: now_s.saturating_sub(DAY_S),
                });
                self.entries.len() - 1
            }
        };
        let entry = &mut self.entries[index];
        self.fresh += weight * (1.0 - entry.trust);
        self.total += weight;
        if is_confirmed {
            entry.trust = 1.0;
        } else if day(entry.last_s) != day(now_s) {
            entry.trust = (entry.trust + weight * TRUST_A_DAY).min(1.0);
        }
        entry.weight += weight;
        entry.last_s = entry.last_s.max(now_s);
    }

    /// Counts a login's worth that came with something that can't become known.
    pub fn pass(&mut self, now_s: i64, weight: f32) {
        self.fade(now_s);
        self.fresh += weight;
        self.total += weight;
    }

    /// Brings the weights up to date and drops what is forgotten.
    pub fn fade(&mut self, now_s: i64) {
        let passed_s = now_s.saturating_sub(self.faded_s);
        if passed_s <= 0 {
            return;
        }
        let factor = fading(passed_s);
        self.faded_s = now_s;
        self.fresh *= factor;
        self.total *= factor;
        self.entries.iter_mut().for_each(|e| e.weight *= factor);
        self.entries
            .retain(|e| now_s.saturating_sub(e.last_s) <= FORGOTTEN_AFTER_S);
    }

    fn make_room(&mut self) {
        if self.entries.len() < MOST_VALUES {
            return;
        }
        // What is least used goes; addresses of mobile networks must not push out the one at home.
        let least = self
            .entries
            .iter()
            .enumerate()
            .min_by(|(_, a), (_, b)| a.weight.total_cmp(&b.weight));
        if let Some((index, _)) = least {
            self.entries.swap_remove(index);
        }
    }
}

/// The number of a day.
pub(super) fn day(at_s: i64) -> i64 {
    at_s.div_euclid(DAY_S)
}

/// What is left of a weight after so long.
pub(super) fn fading(passed_s: i64) -> f32 {
    (-(passed_s as f64) / HALF_LIFE_S).exp2() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_known_over_days_and_is_forgotten_after_six_months() {
        let mut memory = Memory::default();
        for _ in 0..50 {
            memory.learn(7, 1000, 1.0, false);
        }
        assert!(memory.look(7, 1000, 0.5).known <= TRUST_A_DAY);
        memory.learn(7, 1000 + DAY_S, 1.0, false);
        assert_eq!(memory.look(7, 1000 + DAY_S, 0.5).known, 1.0);
        let later = 1000 + DAY_S + FORGOTTEN_AFTER_S;
        assert_eq!(memory.look(7, later, 0.5).known, 1.0);
        assert_eq!(memory.look(7, later + 1, 0.5).known, 0.0);
        memory.learn(8, later + 1, 1.0, true);
        assert_eq!(memory.entries.len(), 1);
        assert_eq!(memory.look(8, later + 1, 0.5).known, 1.0);
    }

    #[test]
    fn who_always_comes_with_something_new_has_a_high_rate_of_it() {
        let (mut mobile, mut fixed) = (Memory::default(), Memory::default());
        for login in 0..60 {
            mobile.learn(login, login as i64 * DAY_S, 1.0, false);
            fixed.learn(1, login as i64 * DAY_S, 1.0, false);
        }
        let rate = |memory: &Memory| memory.look(999, 60 * DAY_S, 0.1).fresh_rate;
        assert!(rate(&mobile) > 0.85 && rate(&fixed) < 0.1);
        assert_eq!(mobile.entries.len(), MOST_VALUES);
    }
}
