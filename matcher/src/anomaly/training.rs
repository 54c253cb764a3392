//! Fits a service's models to its own logins, without labels.
//!
//! Nobody says which logins were attacks, and none is needed: an attack on a person is somebody else's login with that
//! person's password. So a sample of accepted logins is set against the same profiles at the same moments, but with the
//! place, network and browser of a *donor*, another login of the same service, as far as the attackers of the
//! literature would have them: anybody's (naive), one's from the same country, one's from the same city with the
//! victim's browser (informed), anybody's amid a burst (stuffing). A part of them comes by networks that the service has
//! never seen, as rented servers and proxies are. The few true attacks among the sample are too few to matter.

use std::collections::{HashMap, VecDeque};

use super::event::{DeviceKey, Event};
use super::experts::{Expert, Experts};
use super::features::{COUNT, FOREST, Features};
use super::forest::{Forest, Growth};
use super::params::{
    ATTACK_SHARE, ATTACK_SHARE_PRIOR, ATTACK_TAIL, DAY_S, EXTENSION, LEAST_SAMPLES, MOST_DONORS,
    MOST_SAMPLES, TREE_SAMPLES, TREES,
};
use super::profile::Profile;
use super::random::Random;
use super::score::Likeness;
use super::service::{Accepted, KNOTS, Service, forest_inputs};

/// An accepted login of a stored history.
#[derive(Debug, Clone)]
pub struct Login {
    /// Any number that stands for the person.
    pub person: u64,
    /// What was known of it when it was judged, with what happened just before it.
    pub event: Event,
    /// The key that the login gave to the browser; learned with it.
    pub given: Option<u64>,
    /// How sure it was.
    pub accepted: Accepted,
}

/// Gathers what a fit needs while logins come.
#[derive(Debug, Clone)]
pub struct Trainer {
    random: Random,
    donors: VecDeque<Event>,
    by_country: HashMap<String, VecDeque<Event>>,
    honest: Vec<Features>,
    attacks: [Vec<Features>; Likeness::ALL.len()],
    seen: u64,
}

impl Trainer {
    /// All that is drawn follows from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed, 11),
            donors: VecDeque::new(),
            by_country: HashMap::new(),
            honest: Vec::new(),
            attacks: Default::default(),
            seen: 0,
        }
    }

    /// Looks at an accepted login before its profile learns it. One in `every` is taken into the sample.
    pub fn see(&mut self, service: &Service, profile: &Profile, event: &Event, every: u32) {
        self.seen += 1;
        let is_taken = self.random.chance(1.0 / f64::from(every.max(1)));
        if is_taken && profile.logins(event.at_s) >= 1.0 && !self.donors.is_empty() {
            self.sample(service, profile, event);
        }
        if is_taken || self.donors.len() < MOST_DONORS / 8 {
            self.give(event);
        }
    }

    fn give(&mut self, event: &Event) {
        if self.donors.len() >= MOST_DONORS {
            self.donors.pop_front();
        }
        self.donors.push_back(event.clone());
        let Some(country) = &event.place.country else {
            return;
        };
        if self.by_country.len() >= MOST_COUNTRIES && !self.by_country.contains_key(country) {
            return;
        }
        let neighbours = self.by_country.entry(country.clone()).or_default();
        if neighbours.len() >= MOST_NEIGHBOURS {
            neighbours.pop_front();
        }
        neighbours.push_back(event.clone());
    }

    fn sample(&mut self, service: &Service, profile: &Profile, event: &Event) {
        let honest = service.observe(profile, event).features;
        let slot = match self.honest.len() < MOST_SAMPLES {
            true => None,
            false => Some(self.random.below(MOST_SAMPLES)),
        };
        keep(&mut self.honest, slot, honest);
        for likeness in Likeness::ALL {
            let attack = self.attack(likeness, event);
            let features = service.observe(profile, &attack).features;
            keep(&mut self.attacks[likeness as usize], slot, features);
        }
    }

    /// A made-up attack on who just signed in.
    fn attack(&mut self, likeness: Likeness, victim: &Event) -> Event {
        let donor = match likeness {
            Likeness::Naive | Likeness::Stuffing => self.anybody(),
            Likeness::Neighbour | Likeness::Informed => self.neighbour(victim),
        };
        let mut attack = donor;
        attack.at_s = at_hour_of(victim.at_s, attack.at_s);
        attack.biometric_llr = None;
        attack.sample_reused = false;
        // A key can't be copied out of a browser.
        attack.device_key = match (victim.device_key, self.random.chance(0.5)) {
            (DeviceKey::NotAsked, _) => DeviceKey::NotAsked,
            (_, true) => DeviceKey::Proved(self.random.word()),
            (_, false) => DeviceKey::Absent,
        };
        attack.recent = super::event::Recent {
            service_attempts: victim.recent.service_attempts,
            service_failures: victim.recent.service_failures,
            ..Default::default()
        };
        if self.random.chance(0.3) {
            attack.recent.person_failures = 1 + self.random.exponential(2.0) as u32;
        }
        if likeness != Likeness::Naive && likeness != Likeness::Stuffing {
            attack.place.country.clone_from(&victim.place.country);
        }
        if likeness == Likeness::Informed {
            attack.agent.clone_from(&victim.agent);
            attack.place.clone_from(&victim.place);
        }
        if likeness == Likeness::Stuffing {
            let tried = (self.random.exponential(1.5) + 1.0).exp().min(5000.0);
            attack.recent.address_strangers = tried as u32;
            attack.recent.address_failures = (tried * self.random.within(0.8, 1.0)) as u32;
        }
        if self.random.chance(0.5) {
            self.rent(&mut attack, likeness);
        }
        attack
    }

    /// A rented server, or a proxy that nobody here ever used, and what its detour costs.
    fn rent(&mut self, attack: &mut Event, likeness: Likeness) {
        let draw = self.random.word();
        attack.network = attack
            .network
            .map(|_| 4_200_000_000 + (draw % 90_000_000) as u32);
        attack.address = attack.address.as_ref().map(|_| {
            let [a, b, c, d, ..] = draw.to_be_bytes();
            format!("{}.{b}.{c}.{d}", 240 + a % 15)
        });
        if likeness != Likeness::Naive
            && let Some(trip) = &mut attack.round_trip_ms
        {
            *trip += self.random.exponential(60.0);
        }
    }

    fn anybody(&mut self) -> Event {
        let index = self.random.below(self.donors.len());
        self.donors.get(index).cloned().unwrap_or_default()
    }

    fn neighbour(&mut self, victim: &Event) -> Event {
        let neighbours = victim
            .place
            .country
            .as_ref()
            .and_then(|c| self.by_country.get(c))
            .filter(|n| n.len() >= 5);
        let Some(neighbours) = neighbours else {
            return self.anybody();
        };
        let same_city: Vec<&Event> = neighbours
            .iter()
            .filter(|n| n.place.city == victim.place.city && n.address != victim.address)
            .collect();
        match same_city.is_empty() {
            true => neighbours[self.random.below(neighbours.len())].clone(),
            false => same_city[self.random.below(same_city.len())].clone(),
        }
    }

    /// Fits the models anew; `progress` hears how much is done, from nought to one. With too few samples the models
    /// stay as they are, and the answer is false.
    pub fn fit(&mut self, service: &mut Service, mut progress: impl FnMut(f64)) -> bool {
        if self.honest.len() < LEAST_SAMPLES {
            return false;
        }
        let points: Vec<_> = self.honest.iter().map(forest_inputs).collect();
        let slices: Vec<&[f32]> = points.iter().map(|p| p.as_slice()).collect();
        let growth = Growth {
            trees: TREES,
            samples: TREE_SAMPLES,
            extension: EXTENSION,
        };
        service.forest = Forest::grow(&slices, &growth, &mut self.random);
        progress(0.1);
        let mut scores: Vec<f32> = slices.iter().map(|p| service.forest.score(p)).collect();
        scores.sort_unstable_by(f32::total_cmp);
        for (knot, quantile) in service.quantiles.iter_mut().enumerate() {
            *quantile = scores[(scores.len() - 1) * (knot + 1) / KNOTS];
        }
        let mut all = std::iter::once(&mut self.honest).chain(&mut self.attacks);
        all.by_ref().flatten().for_each(|row| {
            row[FOREST] = 0.0;
            row[FOREST] = service.unlike_anybody(row);
        });
        progress(0.3);
        for likeness in Likeness::ALL {
            let index = likeness as usize;
            service.experts.0[index] = Expert::fit(likeness, &self.honest, &self.attacks[index]);
            progress(0.3 + 0.17 * (index + 1) as f64);
        }
        service.attack_share = attack_share(&self.honest, &self.attacks);
        service
            .census
            .forget(self.donors.back().map_or(0, |e| e.at_s));
        progress(1.0);
        true
    }
}

/// The share of attacks that ordinary traffic suggests: how much of it lies beyond where most of the made-up attacks begin,
/// over the part of them that does (the proportion of a mixture by the tail of one part: Blanchard, Lee and Scott 2010, section
/// 3), drawn to the starting share and bounded. What is honest and lies there counts too, so that it is rather too much.
///
/// The mean ratio of the traffic (Saerens, Latinne and Decaestecker 2002) would not do: attacks are in the traffic that the
/// ratios were fitted to as honest, and by those it has none. Each half is judged by a model of the other, so that nothing
/// is judged by what was fitted to it.
fn attack_share(honest: &[Features], attacks: &[Vec<Features>; Likeness::ALL.len()]) -> f32 {
    let mut beyond = 0;
    for held in 0..2 {
        let half = |rows: &[Features], from: usize| -> Vec<Features> {
            rows.iter().skip(from).step_by(2).copied().collect()
        };
        let own = half(honest, 1 - held);
        let fitted = |it: Likeness| Expert::fit(it, &own, &half(&attacks[it as usize], 1 - held));
        let experts = Experts(Likeness::ALL.map(fitted));
        let ratios = |rows: &[Features]| -> Vec<f32> {
            let held = rows.iter().skip(held).step_by(2);
            held.map(|row| experts.llr(row).0).collect()
        };
        let mut made_up: Vec<f32> = attacks.iter().flat_map(|rows| ratios(rows)).collect();
        made_up.sort_unstable_by(f32::total_cmp);
        let begin = (1.0 - ATTACK_TAIL) * made_up.len() as f64;
        let Some(begin) = made_up.get(begin as usize) else {
            continue;
        };
        beyond += ratios(honest).iter().filter(|it| *it >= begin).count();
    }
    let (least, start, most) = ATTACK_SHARE;
    let suggested = beyond as f64 / ATTACK_TAIL + ATTACK_SHARE_PRIOR * start;
    let share = suggested / (honest.len() as f64 + ATTACK_SHARE_PRIOR);
    share.clamp(least, most) as f32
}

/// Fits a model to a history of accepted logins in the order of time, as a background task does; answers the model and
/// every person's profile. `progress` hears how much is done, from nought to one.
pub fn train(
    history: &[Login],
    seed: u64,
    mut progress: impl FnMut(f64),
) -> (Service, HashMap<u64, Profile>) {
    let mut service = Service::default();
    let mut trainer = Trainer::new(seed);
    let mut profiles: HashMap<u64, Profile> = HashMap::new();
    let every = (history.len() / (2 * MOST_SAMPLES)).max(1) as u32;
    for (index, login) in history.iter().enumerate() {
        let profile = profiles.entry(login.person).or_default();
        trainer.see(&service, profile, &login.event, every);
        match login.given {
            Some(key) => {
                let mut event = login.event.clone();
                event.device_key = DeviceKey::Proved(key);
                service.learn(profile, &event, login.accepted)
            }
            None => service.learn(profile, &login.event, login.accepted),
        };
        if index % 4096 == 0 {
            progress(0.8 * index as f64 / history.len() as f64);
        }
    }
    trainer.fit(&mut service, |part| progress(0.8 + 0.2 * part));
    (service, profiles)
}

const MOST_COUNTRIES: usize = 300;
const MOST_NEIGHBOURS: usize = 512;

fn keep(rows: &mut Vec<[f32; COUNT]>, slot: Option<usize>, row: Features) {
    match slot.and_then(|s| rows.get_mut(s)) {
        Some(old) => *old = row,
        None => rows.push(row),
    }
}

/// The moment nearest to `near` at the hour of the day of `like`.
fn at_hour_of(near: i64, like: i64) -> i64 {
    let off = (like.rem_euclid(DAY_S) - near.rem_euclid(DAY_S)).rem_euclid(DAY_S);
    near.saturating_add(if off > DAY_S / 2 { off - DAY_S } else { off })
}
