//! How a page was filled in, as the page itself counts it: how many, how long on average, and how wide that spreads.
//! Never which keys, and never where.
//!
//! What comes is anybody's word: bounded, and left out where it says little. A page without scripts says nothing, and
//! that is no reason for anything.

use serde::{Deserialize, Serialize};

/// Means of one page, as far as they are worth something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rhythm {
    /// How long a key is held, milliseconds.
    pub key_hold_ms: Option<u32>,
    /// From one key to the next, milliseconds.
    pub key_flight_ms: Option<u32>,
    /// Speed of the pointer, pixels a second.
    pub pointer_px_per_s: Option<u32>,
    /// From the page's first sight to its being sent, milliseconds.
    pub filled_in_ms: Option<u32>,
    /// A round trip to the browser, as this server measured it, milliseconds.
    pub round_trip_ms: Option<u32>,
}

impl Rhythm {
    /// Reads `hold:12,95,20;flight:11,140,60;pointer:33,512,100;time:1,5320,0`: a count, a mean and a spread each. What
    /// is not so is left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut rhythm = Self::default();
        if text.len() > MOST_BYTES {
            return rhythm;
        }
        for part in text.split(';').take(MOST_PARTS) {
            let Some((name, numbers)) = part.split_once(':') else {
                continue;
            };
            let (slot, least, most) = match name {
                "hold" => (&mut rhythm.key_hold_ms, LEAST_KEYS, 2_000),
                "flight" => (&mut rhythm.key_flight_ms, LEAST_KEYS, 5_000),
                "pointer" => (&mut rhythm.pointer_px_per_s, LEAST_MOVES, 50_000),
                "time" => (&mut rhythm.filled_in_ms, 1, 3_600_000),
                _ => continue,
            };
            *slot = mean(numbers).and_then(|(count, mean, spread)| {
                // Where it scatters widely, a mean of a few is chance.
                let is_steady = spread <= mean.saturating_mul(MOST_SPREAD);
                let is_sane = (1..=most).contains(&mean);
                (count >= least && count <= MOST_COUNT && is_steady && is_sane).then_some(mean)
            });
        }
        rhythm
    }

    /// What of it is measured of the person: the same without that, where there was any.
    #[must_use]
    pub fn without_the_person(self) -> Self {
        Self {
            round_trip_ms: self.round_trip_ms,
            ..Self::default()
        }
    }

    /// What a later page says counts; of what it does not speak, the earlier.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            key_hold_ms: later.key_hold_ms.or(self.key_hold_ms),
            key_flight_ms: later.key_flight_ms.or(self.key_flight_ms),
            pointer_px_per_s: later.pointer_px_per_s.or(self.pointer_px_per_s),
            filled_in_ms: later.filled_in_ms.or(self.filled_in_ms),
            round_trip_ms: later.round_trip_ms.or(self.round_trip_ms),
        }
    }
}

fn mean(numbers: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = numbers.split(',').map(|number| number.parse().ok());
    let three = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(three)
}

const MOST_BYTES: usize = 256;
const MOST_PARTS: usize = 8;
/// Fewer say nothing of a person.
const LEAST_KEYS: u32 = 4;
const LEAST_MOVES: u32 = 5;
const MOST_COUNT: u32 = 100_000;
/// Standard deviations in means.
const MOST_SPREAD: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_read_and_what_says_little_is_left_out() {
        let full = "hold:12,95,20;flight:11,140,60;pointer:33,512,100;time:1,5320,0";
        let rhythm = Rhythm::parse(full);
        let expected = Rhythm {
            key_hold_ms: Some(95),
            key_flight_ms: Some(140),
            pointer_px_per_s: Some(512),
            filled_in_ms: Some(5320),
            round_trip_ms: None,
        };
        assert_eq!(rhythm, expected);
        for nothing in [
            "",
            "hold",
            "hold:3,95,20",
            "hold:12,95",
            "hold:12,95,20,7",
            "hold:12,-95,20",
            "hold:12,0,0",
            "hold:12,95,9999",
            "hold:99999999999,95,20",
            "flight:12,6000,1",
            "keys:12,95,20",
            "time:1,3600001,0",
            &"hold:12,95,20;".repeat(30),
        ] {
            assert_eq!(Rhythm::parse(nothing), Rhythm::default(), "{nothing}");
        }
        let later = Rhythm::parse("hold:12,99,20");
        let both = expected.then(later);
        assert_eq!(
            (both.key_hold_ms, both.key_flight_ms),
            (Some(99), Some(140))
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_bounded(text: String, numbers: [u32; 3]) {
            let [count, mean, spread] = numbers;
            for text in [text, format!("hold:{count},{mean},{spread}")] {
                let rhythm = Rhythm::parse(&text);
                assert!(rhythm.key_hold_ms.is_none_or(|ms| (1..=2_000).contains(&ms)));
                assert_eq!(rhythm.round_trip_ms, None, "only this server measures it");
            }
        }
    }
}
