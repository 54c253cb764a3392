//! What the whole service sees: how common each value is, how often people come with new ones, and who comes from where.
//!
//! A value counts by the logins of its regulars and by its strangers, who came with it for the first time. The ratio of
//! the two tells a company's network from a nest of attackers without anybody saying so: nearly everyone at an office
//! is there every day, nearly everyone at a rented server is there once. Tables are bounded; the stalest rows go first.

use std::collections::HashMap;

use super::codec::{ModelError, Reader, Writer};
use super::event::Event;
use super::gauge::{Gauge, Population, logarithm};
use super::memory::Look;
use super::params::{
    FORGOTTEN_AFTER_S, MOST_TALLIES, RATE_START, STRANGER_PRIOR, TALLY_HALF_LIFE_S,
};
use super::profile::{Profile, TYPING, gauge_numbers, read_gauge};
use super::value::{Attribute, Values};

/// How often a value comes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    /// Logins of people who had used it before.
    regulars: f32,
    /// Logins of people who had not.
    strangers: f32,
    last_s: i64,
}

/// The tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Census {
    tables: [HashMap<u64, Tally>; Attribute::COUNT],
    /// Logins that had the attribute at all, fading.
    totals: [f32; Attribute::COUNT],
    faded_s: i64,
    /// By attribute and by how much is known of the person: logins with something new, and all.
    rates: [[[f32; 2]; BUCKETS]; Attribute::COUNT],
    /// Round trips by network and by country, logarithm.
    trips: HashMap<u64, Gauge>,
    /// Round trips of all.
    trip: Gauge,
    /// Round trips over what is usual for their network.
    pub trip_residual: Population,
    pub typing: [Population; TYPING],
    pub biometric: Population,
    /// Share of attempts that fail, as seen in the ten minutes before logins.
    failures: [f32; 2],
}

/// Attributes with a table: those that several people share.
const TALLIED: [Attribute; 10] = [
    Attribute::Country,
    Attribute::Region,
    Attribute::City,
    Attribute::Network,
    Attribute::Prefix,
    Attribute::System,
    Attribute::Browser,
    Attribute::Release,
    Attribute::AgentText,
    Attribute::Hints,
];

const BUCKETS: usize = 8;

/// How much is known of a person: by doubling.
fn bucket(total: f32) -> usize {
    match total {
        t if t < 0.5 => 0,
        t => ((t + 0.5).log2() as usize + 1).min(BUCKETS - 1),
    }
}

impl Census {
    /// The population's rate of new values for somebody with this many logins.
    pub fn rate(&self, attribute: Attribute, total: f32) -> f32 {
        let [fresh, all] = self.rates[attribute as usize][bucket(total)];
        (fresh + RATE_START[0]) / (all + RATE_START[1])
    }

    /// Natural logarithm of how common a value is.
    pub fn commonness(&self, attribute: Attribute, values: &Values) -> f32 {
        let alone = |attribute: Attribute| {
            let index = attribute as usize;
            let tally = values[index].and_then(|v| self.tables[index].get(&v));
            let count = tally.map_or(0.0, |t| t.regulars + t.strangers);
            let distinct = self.tables[index].len() as f32;
            ((count + 0.5) / (self.totals[index] + 0.5 * (distinct + 1.0))).ln()
        };
        match attribute {
            // One of a few dozen in use behind a prefix.
            Attribute::Address => alone(Attribute::Prefix) - 2.0,
            Attribute::Pair => alone(Attribute::Browser) + alone(Attribute::Network),
            // Nobody else has it; that there is none is common.
            Attribute::DeviceKey => -6.0,
            attribute => alone(attribute),
        }
    }

    /// How much speaks for a place of strangers, natural logarithm: nought where all are regulars.
    pub fn strangeness(&self, attribute: Attribute, value: u64) -> f32 {
        let tally = self.tables[attribute as usize]
            .get(&value)
            .copied()
            .unwrap_or_default();
        let [regulars, strangers] = STRANGER_PRIOR;
        let all = tally.regulars + tally.strangers + regulars + strangers;
        -((tally.regulars + regulars) / all).ln()
    }

    /// How much speaks for a value that nobody uses, natural logarithm; nought at one login in a hundred.
    pub fn rarity(&self, attribute: Attribute, value: u64) -> f32 {
        let index = attribute as usize;
        let tally = self.tables[index].get(&value).copied().unwrap_or_default();
        let share = (tally.regulars + 0.3 * tally.strangers + 0.3) / (self.totals[index] + 30.0);
        -(share * 100.0).ln().min(0.0)
    }

    /// The logarithm of a round trip over what is usual for its network.
    pub fn trip_over_usual(&self, event: &Event, values: &Values) -> Option<f32> {
        let trip = logarithm(event.round_trip_ms)?;
        let known = |attribute: Attribute| {
            values[attribute as usize]
                .and_then(|v| self.trips.get(&v))
                .filter(|g| g.count > 0.0)
        };
        let mut usual = match self.trip.count > 0.0 {
            true => self.trip.mean,
            false => return None,
        };
        for attribute in [Attribute::Country, Attribute::Network] {
            if let Some(gauge) = known(attribute) {
                usual = (gauge.count * gauge.mean + 5.0 * usual) / (gauge.count + 5.0);
            }
        }
        Some(trip - usual)
    }

    /// How unusually many attempts fail at the moment: logarithm of the share over the usual one.
    pub fn failing(&self, event: &Event) -> f32 {
        let recent = &event.recent;
        let usual = (self.failures[0] + 1.0) / (self.failures[1] + 10.0);
        let failed = recent.service_failures.min(recent.service_attempts) as f32;
        let share = (failed + 20.0 * usual) / (recent.service_attempts as f32 + 20.0);
        (share / usual).ln().max(0.0)
    }

    /// Counts an accepted login, before the profile learns it.
    pub fn observe(
        &mut self,
        profile: &Profile,
        event: &Event,
        values: &Values,
        looks: &[Option<Look>; Attribute::COUNT],
    ) {
        let now_s = event.at_s;
        let passed_s = now_s.saturating_sub(self.faded_s);
        if passed_s > 0 {
            let factor = fading(passed_s);
            self.totals.iter_mut().for_each(|t| *t *= factor);
            self.faded_s = now_s;
        }
        for attribute in Attribute::ALL {
            let index = attribute as usize;
            let (Some(value), Some(look)) = (values[index], looks[index]) else {
                continue;
            };
            let rates = &mut self.rates[index][bucket(profile.memories[index].total)];
            if rates[1] > MOST_RATE {
                rates.iter_mut().for_each(|r| *r *= 0.5);
            }
            rates[0] += 1.0 - look.known;
            rates[1] += 1.0;
            if !TALLIED.contains(&attribute) {
                continue;
            }
            self.totals[index] += 1.0;
            let table = &mut self.tables[index];
            if table.len() >= MOST_TALLIES && !table.contains_key(&value) {
                drop_stalest(table);
            }
            let tally = table.entry(value).or_default();
            let factor = fading(now_s.saturating_sub(tally.last_s).max(0));
            tally.regulars = tally.regulars * factor + look.known;
            tally.strangers = tally.strangers * factor + 1.0 - look.known;
            tally.last_s = tally.last_s.max(now_s);
        }
        self.observe_measures(profile, event, values);
    }

    fn observe_measures(&mut self, profile: &Profile, event: &Event, values: &Values) {
        if let Some(trip) = logarithm(event.round_trip_ms) {
            if let Some(residual) = self.trip_over_usual(event, values) {
                self.trip_residual.add(residual, &profile.trip);
            }
            self.trip.add(trip, 1.0);
            for attribute in [Attribute::Country, Attribute::Network] {
                let Some(value) = values[attribute as usize] else {
                    continue;
                };
                if self.trips.len() < MOST_TALLIES || self.trips.contains_key(&value) {
                    self.trips.entry(value).or_default().add(trip, 1.0);
                }
            }
        }
        for (k, measure) in typing(event).into_iter().enumerate() {
            if let Some(measure) = measure {
                self.typing[k].add(measure, &profile.typing[k]);
            }
        }
        if let Some(llr) = event.biometric_llr.filter(|l| l.is_finite()) {
            self.biometric
                .add(llr.clamp(-50.0, 50.0) as f32, &profile.biometric);
        }
        if self.failures[1] > MOST_RATE {
            self.failures.iter_mut().for_each(|f| *f *= 0.5);
        }
        let recent = &event.recent;
        if recent.service_attempts > 0 {
            let failed = recent.service_failures.min(recent.service_attempts);
            self.failures[0] += failed as f32 / recent.service_attempts as f32;
            self.failures[1] += 1.0;
        }
    }

    /// Forgets what nobody came with for six months.
    pub fn forget(&mut self, now_s: i64) {
        for table in &mut self.tables {
            table.retain(|_, t| now_s.saturating_sub(t.last_s) <= FORGOTTEN_AFTER_S);
        }
    }

    pub fn write(&self, w: &mut Writer) {
        for attribute in TALLIED {
            let table = &self.tables[attribute as usize];
            let mut rows: Vec<_> = table.iter().collect();
            rows.sort_unstable_by_key(|(value, _)| **value);
            w.u32(rows.len() as u32);
            for (value, tally) in rows {
                w.u64(*value);
                w.f32s(&[tally.regulars, tally.strangers]);
                w.i64(tally.last_s);
            }
        }
        w.f32s(&self.totals);
        w.i64(self.faded_s);
        self.rates.iter().flatten().for_each(|r| w.f32s(r));
        let mut trips: Vec<_> = self.trips.iter().collect();
        trips.sort_unstable_by_key(|(value, _)| **value);
        w.u32(trips.len() as u32);
        for (value, gauge) in trips {
            w.u64(*value);
            w.f32s(&gauge_numbers(gauge));
        }
        w.f32s(&gauge_numbers(&self.trip));
        for population in self.populations() {
            w.f32s(&gauge_numbers(&population.all));
            w.f32s(&gauge_numbers(&population.within));
        }
        w.f32s(&self.failures);
    }

    fn populations(&self) -> impl Iterator<Item = &Population> {
        [&self.trip_residual, &self.biometric]
            .into_iter()
            .chain(&self.typing)
    }

    pub fn read(r: &mut Reader) -> Result<Self, ModelError> {
        let mut census = Self::default();
        for attribute in TALLIED {
            let count = r.count("values", MOST_TALLIES, 24)?;
            let table = &mut census.tables[attribute as usize];
            for _ in 0..count {
                let value = r.u64()?;
                let tally = Tally {
                    regulars: r.f32("count", 0.0, MOST_COUNT)?,
                    strangers: r.f32("count", 0.0, MOST_COUNT)?,
                    last_s: r.i64()?,
                };
                if table.insert(value, tally).is_some() {
                    return Err(ModelError::Impossible("repetition"));
                }
            }
        }
        census.totals = r.f32s("count", 0.0, MOST_COUNT)?;
        census.faded_s = r.i64()?;
        for rate in census.rates.iter_mut().flatten() {
            *rate = r.f32s("count", 0.0, MOST_COUNT)?;
        }
        for _ in 0..r.count("networks", MOST_TALLIES, 20)? {
            let value = r.u64()?;
            if census.trips.insert(value, read_gauge(r)?).is_some() {
                return Err(ModelError::Impossible("repetition"));
            }
        }
        census.trip = read_gauge(r)?;
        census.trip_residual = read_population(r)?;
        census.biometric = read_population(r)?;
        for population in &mut census.typing {
            *population = read_population(r)?;
        }
        census.failures = r.f32s("count", 0.0, MOST_COUNT)?;
        Ok(census)
    }
}

/// The page's measures, logarithms.
pub(super) fn typing(event: &Event) -> [Option<f32>; TYPING] {
    let page = &event.page;
    [
        page.key_hold_ms,
        page.key_flight_ms,
        page.pointer_px_per_s,
        page.filled_in_ms,
    ]
    .map(logarithm)
}

/// Rates forget by halves beyond so many logins.
const MOST_RATE: f32 = 50_000.0;
const MOST_COUNT: f32 = 1e9;

fn read_population(r: &mut Reader) -> Result<Population, ModelError> {
    Ok(Population {
        all: read_gauge(r)?,
        within: read_gauge(r)?,
    })
}

fn fading(passed_s: i64) -> f32 {
    (-(passed_s as f64) / TALLY_HALF_LIFE_S).exp2() as f32
}

/// Makes room for many at once, so that a full table is not searched at every login.
fn drop_stalest(table: &mut HashMap<u64, Tally>) {
    let mut ages: Vec<(i64, u64)> = table.iter().map(|(v, t)| (t.last_s, *v)).collect();
    ages.sort_unstable();
    for (_, value) in ages.iter().take(table.len() / 8 + 1) {
        table.remove(value);
    }
}
