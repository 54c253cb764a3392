//! Made-up attackers who have the password: naive, by a VPN in the victim's country, targeted with the victim's browser
//! and city, and bursts of credential stuffing.

use matcher::anomaly::random::Random;

use super::devices::Device;
use super::people::{DAY_MS, Person, START_MS, place};
use super::world::{City, Use, World};
use super::write::Row;

/// Where attackers who don't hide sit, by their place in the list of countries.
const HOMES: [usize; 8] = [17, 18, 19, 20, 21, 5, 12, 13];

/// Adds the attacks of the whole time.
pub fn attack(
    world: &World,
    people: &[Person],
    days: u32,
    random: &mut Random,
    rows: &mut Vec<Row>,
) {
    let of_each = (people.len() / 6).max(20);
    for _ in 0..of_each {
        for kind in ["naive", "vpn", "targeted"] {
            let victim = &people[random.below(people.len())];
            single(world, victim, kind, days, random, rows);
        }
    }
    let bursts = (days / 8).max(4) as usize;
    for _ in 0..bursts {
        burst(world, people, days, of_each / bursts + 1, random, rows);
    }
}

fn single(
    world: &World,
    victim: &Person,
    kind: &'static str,
    days: u32,
    random: &mut Random,
    rows: &mut Vec<Row>,
) {
    let day = random.unit() * f64::from(days);
    let attacker = HOMES[random.below(HOMES.len())];
    let (network, at) = match kind {
        "naive" => {
            let at = world.city(attacker, random);
            let network = match random.chance(0.5) {
                true => world.home_network(attacker, random),
                false => world.hostings[random.below(world.hostings.len())],
            };
            (network, at)
        }
        "vpn" => {
            let country = victim.home.country;
            let network = match random.unit() {
                u if u < 0.4 => world.vpns[random.below(world.vpns.len())],
                u if u < 0.8 => world.hostings[random.below(world.hostings.len())],
                _ => world.home_network(country, random),
            };
            (network, world.city(country, random))
        }
        _ => {
            // A proxy in somebody's home near the victim, or a server there.
            let network = match random.chance(0.5) {
                true => world.home_network(victim.home.country, random),
                false => world.hostings[random.below(world.hostings.len())],
            };
            (network, victim.home)
        }
    };
    let mut row = place(world, network, at, random.word() >> 8);
    match kind {
        "targeted" => victim.devices[random.below(victim.devices.len())].describe(day, &mut row),
        _ if random.chance(0.2) => Device::phone(random).describe(day, &mut row),
        _ => Device::computer(random).describe(day, &mut row),
    }
    // Whoever comes by a stranger's network pays for the way to it.
    let own = City {
        country: attacker,
        city: 0,
    };
    let detour = match (kind, world.networks[network].role) {
        ("naive", Use::Home) => 0.0,
        _ => 0.6 * world.trip_ms(network, own, random),
    };
    row.trip_ms = random
        .chance(0.5)
        .then(|| (world.trip_ms(network, at, random) + detour) as u32);
    finish(&mut row, victim, day, kind, random);
    row.timing = human(random);
    if random.chance(0.25) {
        let failed = Row {
            at_ms: row.at_ms - 20_000,
            successful: false,
            takeover: false,
            ..row.clone()
        };
        rows.push(failed);
    }
    rows.push(row);
}

fn burst(
    world: &World,
    people: &[Person],
    days: u32,
    successes: usize,
    random: &mut Random,
    rows: &mut Vec<Row>,
) {
    let begins = random.unit() * f64::from(days);
    let sources: Vec<(usize, City, u64)> = (0..1 + random.below(4))
        .map(|_| {
            let network = world.hostings[random.below(world.hostings.len())];
            let at = world.city(random.below(world.countries.len()), random);
            (network, at, random.word() >> 8)
        })
        .collect();
    let device = Device::computer(random);
    let tries = successes * (15 + random.below(30));
    let hours = random.within(0.3, 4.0);
    for k in 0..tries {
        let victim = &people[random.below(people.len())];
        let (network, at, host) = sources[random.below(sources.len())];
        let mut row = place(world, network, at, host);
        device.describe((begins - 60.0).max(0.0), &mut row);
        row.trip_ms = Some(world.trip_ms(network, at, random) as u32);
        let day = begins + hours / 24.0 * k as f64 / tries as f64;
        finish(&mut row, victim, day, "stuffing", random);
        row.successful = random.chance(successes as f64 / tries as f64);
        row.takeover = row.successful;
        // A script types as fast as it likes.
        row.timing = [20.0, 25.0, 5_000.0, 400.0].map(|t: f64| t * (0.05 * random.normal()).exp());
        rows.push(row);
    }
}

fn finish(row: &mut Row, victim: &Person, day: f64, kind: &'static str, random: &mut Random) {
    row.user = victim.user;
    row.at_ms = START_MS + (day * DAY_MS as f64) as i64;
    row.successful = true;
    row.takeover = true;
    row.attack_address = random.chance(0.3);
    row.kind = kind;
}

/// Another person's hands.
fn human(random: &mut Random) -> [f64; 4] {
    [(95.0, 0.22), (140.0, 0.35), (600.0, 0.4), (9_000.0, 0.45)].map(
        |(mean, spread): (f64, f64)| {
            mean * (spread * random.normal() + 0.12 * random.normal()).exp()
        },
    )
}
