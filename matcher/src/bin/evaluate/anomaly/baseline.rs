//! What ours is held against: the plain model of Freeman et al. 2016, and an isolation forest on novelty features.
//!
//! Both learn from the same accepted logins. The first is the simple model as Wiefling et al. 2022 describe it: two
//! features, address and user agent, each a mixture of its parts with their published weights. The second is what one
//! gets from scikit-learn's `IsolationForest()` with its defaults, on whether each value is new to the person.

use std::collections::{HashMap, HashSet};

use matcher::anomaly::forest::{Forest, Growth};
use matcher::anomaly::history::Row;
use matcher::anomaly::random::Random;
use matcher::anomaly::{Attribute, Values, values};

/// Counts of values.
type Counts = HashMap<(usize, u64), f64>;

/// The plain likelihood-ratio model.
#[derive(Default)]
pub struct Freeman {
    all: Counts,
    distinct: [f64; PARTS.len()],
    logins: f64,
    people: HashMap<u64, (Counts, f64)>,
}

/// Parts of the two features and their weights (Wiefling et al. 2022, section 3.2).
const PARTS: [(Attribute, f64); 7] = [
    (Attribute::Address, 0.6),
    (Attribute::Network, 0.3),
    (Attribute::Country, 0.1),
    (Attribute::AgentText, 0.5386),
    (Attribute::Release, 0.2680),
    (Attribute::Browser, 0.1627),
    (Attribute::System, 0.0307),
];
/// The first parts are of the address, the others of the user agent.
const ADDRESS_PARTS: usize = 3;

impl Freeman {
    /// The logarithm of the risk score; then learns.
    pub fn judge_and_learn(&mut self, row: &Row) -> f64 {
        let values = values(&row.event);
        let score = self.judge(row.person, &values);
        let (counts, logins) = self.people.entry(row.person).or_default();
        *logins += 1.0;
        self.logins += 1.0;
        for (part, (attribute, _)) in PARTS.iter().enumerate() {
            let Some(value) = values[*attribute as usize] else {
                continue;
            };
            *counts.entry((part, value)).or_default() += 1.0;
            let all = self.all.entry((part, value)).or_default();
            self.distinct[part] += f64::from(u8::from(*all == 0.0));
            *all += 1.0;
        }
        score
    }

    fn judge(&self, person: u64, values: &Values) -> f64 {
        let nobody = (Counts::new(), 0.0);
        let (counts, logins) = self.people.get(&person).unwrap_or(&nobody);
        let mut score = 0.0;
        for parts in [0..ADDRESS_PARTS, ADDRESS_PARTS..PARTS.len()] {
            let (mut global, mut own) = (0.0, 0.0);
            for part in parts {
                let (attribute, weight) = PARTS[part];
                let Some(value) = values[attribute as usize] else {
                    continue;
                };
                let key = (part, value);
                let count = self.all.get(&key).copied().unwrap_or(0.0);
                // Linear interpolation keeps what was never seen above nought.
                let everybody = (count + 1.0) / (self.logins + self.distinct[part] + 1.0);
                let mine = counts.get(&key).copied().unwrap_or(0.0);
                global += weight * everybody;
                own += weight * (mine + everybody) / (logins + 1.0);
            }
            if own > 0.0 {
                score += (global / own).ln();
            }
        }
        // Attackers choose anybody; the person comes as often as he does.
        let often = (logins + 1.0) / (self.logins + self.people.len() as f64 + 1.0);
        score - (often * (self.people.len() as f64 + 1.0)).ln()
    }
}

/// The isolation forest on novelty.
pub struct Novelty {
    random: Random,
    people: HashMap<u64, Known>,
    sample: Vec<[f32; FEATURES]>,
    seen: usize,
    forest: Forest,
}

#[derive(Default)]
struct Known {
    values: HashSet<(usize, u64)>,
    hours: [f32; 24],
    logins: f32,
    last_s: i64,
}

/// Whether each is new, then the hour, the day and the time since the last login.
const NEW: [Attribute; 9] = [
    Attribute::Address,
    Attribute::Network,
    Attribute::Country,
    Attribute::Region,
    Attribute::City,
    Attribute::AgentText,
    Attribute::Release,
    Attribute::Browser,
    Attribute::System,
];
const FEATURES: usize = NEW.len() + 3;
const MOST_SAMPLE: usize = 50_000;

impl Novelty {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed, 21),
            people: HashMap::new(),
            sample: Vec::new(),
            seen: 0,
            forest: Forest::default(),
        }
    }

    /// Grows the forest over the first half, by scikit-learn's defaults.
    pub fn fit(&mut self) {
        let points: Vec<&[f32]> = self.sample.iter().map(|p| p.as_slice()).collect();
        let growth = Growth {
            trees: 100,
            samples: 256,
            extension: 0,
        };
        self.forest = Forest::grow(&points, &growth, &mut self.random);
        self.sample = Vec::new();
    }

    /// How alone the login is; then learns.
    pub fn judge_and_learn(&mut self, row: &Row) -> f64 {
        let values = values(&row.event);
        let known = self.people.entry(row.person).or_default();
        let at_s = row.event.at_s;
        let hour = (at_s.rem_euclid(86_400) / 3600) as usize;
        let mut features = [0.0; FEATURES];
        for (slot, attribute) in features.iter_mut().zip(NEW) {
            let index = attribute as usize;
            let is_new = values[index].is_some_and(|v| !known.values.contains(&(index, v)));
            *slot = f32::from(u8::from(is_new && known.logins > 0.0));
        }
        let near: f32 = [23, 0, 1]
            .iter()
            .map(|k| known.hours[(hour + k) % 24])
            .sum();
        features[NEW.len()] = near / known.logins.max(1.0);
        features[NEW.len() + 1] = (at_s.div_euclid(86_400) + 3).rem_euclid(7) as f32;
        features[NEW.len() + 2] = match known.logins > 0.0 {
            true => ((at_s - known.last_s).max(0) as f32 / 3600.0).ln_1p(),
            false => 0.0,
        };
        for attribute in NEW {
            let index = attribute as usize;
            if let Some(value) = values[index] {
                known.values.insert((index, value));
            }
        }
        known.hours[hour] += 1.0;
        known.logins += 1.0;
        known.last_s = at_s;
        if !self.forest.is_empty() {
            return f64::from(self.forest.score(&features));
        }
        self.seen += 1;
        if self.sample.len() < MOST_SAMPLE {
            self.sample.push(features);
        } else {
            let slot = self.random.below(self.seen);
            if let Some(old) = self.sample.get_mut(slot) {
                *old = features;
            }
        }
        0.0
    }
}
