//! The second generator, of another kind: no world and no habits, only draws that come back.
//!
//! Each person has contexts, a pair of a browser and a network, which follow each other in a Markov chain. A new context
//! comes by a Chinese restaurant process: its parts are old ones of the person or new ones from common lists whose
//! popularity falls by Zipf's law. Gaps are gamma, hours a mixture of two normals. Most round trips are missing.

use matcher::anomaly::random::Random;

use super::people::{DAY_MS, START_MS};
use super::write::Row;

const COUNTRIES: [&str; 30] = [
    "US", "NO", "DE", "BR", "IN", "GB", "FR", "ID", "MX", "RU", "JP", "IT", "ES", "PL", "TR", "CA",
    "UA", "AR", "NL", "AU", "VN", "PH", "CO", "SE", "ZA", "RO", "BE", "CZ", "TH", "CN",
];
const BROWSERS: [&str; 9] = [
    "Chrome",
    "Chrome Mobile",
    "Safari",
    "Firefox",
    "Edge",
    "Chrome Mobile WebView",
    "Opera",
    "ZipppBot",
    "Android",
];
const SYSTEMS: [&str; 7] = [
    "Windows 10",
    "Android 9",
    "iOS 13.4",
    "Mac OS X 10.14.6",
    "Windows 7",
    "Linux",
    "Android 5.1",
];

#[derive(Debug, Clone, Copy)]
struct Context {
    country: usize,
    city: usize,
    network: usize,
    host: u32,
    browser: usize,
    system: usize,
    device: u32,
}

struct Person {
    user: i64,
    contexts: Vec<Context>,
    now: usize,
    concentration: f64,
    sticky: f64,
    gap_days: f64,
    hours: [(f64, f64); 2],
    churn: f64,
}

/// People's and attackers' rows, not in order.
pub fn history(count: usize, days: u32, seed: u64) -> Vec<Row> {
    let mut random = Random::new(seed, 2);
    let mut rows = Vec::new();
    let mut people: Vec<Person> = (0..count).map(|k| Person::new(k, &mut random)).collect();
    for person in &mut people {
        let mut day = random.unit() * f64::from(days) * 0.5;
        while day < f64::from(days) {
            person.move_on(&mut random);
            let context = person.contexts[person.now];
            let (mean, spread) = person.hours[random.below(2)];
            let hour = (mean + spread * random.normal()).rem_euclid(24.0);
            let at = day.floor() + hour / 24.0;
            let mut row = context.row(at, &mut random);
            row.user = person.user;
            while random.chance(0.1) {
                rows.push(row.clone());
                row.at_ms += 1000 * (2 + random.below(60) as i64);
            }
            row.successful = true;
            rows.push(row);
            // A gamma of shape two.
            day += (random.exponential(0.5) + random.exponential(0.5)) * person.gap_days;
        }
    }
    for _ in 0..(count / 8).max(20) {
        for kind in ["naive", "vpn", "targeted"] {
            attack(&people, kind, days, &mut random, &mut rows);
        }
    }
    for _ in 0..12 {
        stuffing(&people, days, (count / 80).max(3), &mut random, &mut rows);
    }
    rows
}

impl Person {
    fn new(index: usize, random: &mut Random) -> Self {
        let country = zipf(COUNTRIES.len(), random);
        let first = Context::new(country, zipf(15, random), random);
        Self {
            user: (index as i64).wrapping_mul(-7_046_029_254_386_353_131),
            contexts: vec![first],
            now: 0,
            concentration: random.exponential(0.8) + 0.1,
            sticky: random.within(0.3, 0.95),
            gap_days: (0.7 * random.normal() + 1.0).exp(),
            hours: [
                (random.within(0.0, 24.0), 1.5),
                (random.within(0.0, 24.0), 3.0),
            ],
            churn: random.unit().powi(3),
        }
    }

    fn move_on(&mut self, random: &mut Random) {
        if random.chance(self.churn) {
            self.contexts[self.now].host = random.word() as u32;
        }
        if random.chance(0.03) {
            self.contexts[self.now].device += 1;
        }
        if random.chance(self.sticky) {
            return;
        }
        let known = self.contexts.len() as f64;
        if !random.chance(0.4 * self.concentration / (self.concentration + known)) || known >= 12.0
        {
            self.now = random.below(self.contexts.len());
            return;
        }
        let mut fresh = self.contexts[random.below(self.contexts.len())];
        match random.below(10) {
            0 => fresh = Context::new(zipf(COUNTRIES.len(), random), zipf(15, random), random),
            1 | 2 => fresh.city = zipf(15, random),
            3..=5 => fresh.network = zipf(12, random),
            _ => {
                let other = Context::new(fresh.country, fresh.city, random);
                (fresh.browser, fresh.system, fresh.device) =
                    (other.browser, other.system, other.device);
            }
        }
        fresh.host = random.word() as u32;
        self.contexts.push(fresh);
        self.now = self.contexts.len() - 1;
    }
}

impl Context {
    fn new(country: usize, city: usize, random: &mut Random) -> Self {
        Self {
            country,
            city,
            network: zipf(12, random),
            host: random.word() as u32,
            browser: zipf(BROWSERS.len(), random),
            system: zipf(SYSTEMS.len(), random),
            device: zipf(12, random) as u32,
        }
    }

    fn row(&self, day: f64, random: &mut Random) -> Row {
        let (browser, system) = (BROWSERS[self.browser], SYSTEMS[self.system]);
        let number = 20_000 + self.country * 40 + self.network;
        let version = format!("{}.0.{}", 70 + self.device, 3000 + self.device * 13);
        let is_mobile = browser.contains("Mobile")
            || system.starts_with("Android")
            || system.starts_with("iOS");
        Row {
            at_ms: START_MS + (day * DAY_MS as f64) as i64,
            trip_ms: random
                .chance(0.06)
                .then(|| 20 + random.exponential(200.0) as u32),
            address: format!(
                "10.{}.{}.{}",
                number % 256,
                self.host >> 8 & 0xff,
                self.host & 0xff
            ),
            country: COUNTRIES[self.country].to_owned(),
            region: if self.city.is_multiple_of(3) {
                "-".to_owned()
            } else {
                format!("R{}", self.city / 3)
            },
            city: if self.city % 5 == 4 {
                "-".to_owned()
            } else {
                format!("C{}", self.city)
            },
            network: number as u32,
            agent: format!("Mozilla/5.0 ({system}, like Gecko) {browser}/{version}"),
            browser: format!("{browser} {version}"),
            system: system.to_owned(),
            device: if is_mobile { "mobile" } else { "desktop" }.to_owned(),
            ..Row::default()
        }
    }
}

fn attack(
    people: &[Person],
    kind: &'static str,
    days: u32,
    random: &mut Random,
    rows: &mut Vec<Row>,
) {
    let victim = &people[random.below(people.len())];
    let own = victim.contexts[random.below(victim.contexts.len())];
    let mut context = Context::new(random.below(COUNTRIES.len()), zipf(15, random), random);
    if kind != "naive" {
        context.country = own.country;
    }
    if kind == "targeted" {
        context.city = own.city;
        (context.browser, context.system, context.device) = (own.browser, own.system, own.device);
    }
    // Half come by networks that hardly anyone has.
    if random.chance(0.5) {
        context.network = 12 + random.below(28);
    }
    let mut row = context.row(random.unit() * f64::from(days), random);
    row.user = victim.user;
    row.kind = kind;
    (row.successful, row.takeover) = (true, true);
    rows.push(row);
}

fn stuffing(
    people: &[Person],
    days: u32,
    successes: usize,
    random: &mut Random,
    rows: &mut Vec<Row>,
) {
    let begins = random.unit() * f64::from(days);
    let sources: Vec<Context> = (0..3)
        .map(|_| Context::new(random.below(COUNTRIES.len()), 0, random))
        .collect();
    let tries = successes * 25;
    for k in 0..tries {
        let day = begins + 0.1 * k as f64 / tries as f64;
        let mut row = sources[random.below(3)].row(day, random);
        row.user = people[random.below(people.len())].user;
        row.kind = "stuffing";
        row.successful = k % 25 == 0;
        row.takeover = row.successful;
        rows.push(row);
    }
}

/// A place in a list whose popularity falls as one over the place.
fn zipf(count: usize, random: &mut Random) -> usize {
    let harmonic = (count as f64).ln() + 0.5772;
    let mut left = random.unit() * harmonic;
    for k in 0..count {
        left -= 1.0 / (k + 1) as f64;
        if left < 0.0 {
            return k;
        }
    }
    count - 1
}
