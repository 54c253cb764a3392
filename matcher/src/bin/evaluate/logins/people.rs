//! Made-up people with habits: commuters, travellers, shift workers, people of shared offices, of mobile carriers and
//! behind VPNs, whose browsers are updated and who mistype.

use matcher::anomaly::random::Random;

use super::attackers;
use super::devices::Device;
use super::world::{City, Use, World};
use super::write::Row;

/// The first of March 2020.
pub const START_MS: i64 = 1_583_020_800_000;
pub const DAY_MS: i64 = 86_400_000;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Commuter,
    Traveller,
    Shifts,
    Office,
    Mobile,
    Vpn,
}

/// A person.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: i64,
    habit: Habit,
    pub home: City,
    pub home_network: usize,
    pub mobile_network: usize,
    host: u64,
    /// The office's network, its city, and its one address.
    office: Option<(usize, City, u64)>,
    vpn: usize,
    pub devices: Vec<Device>,
    per_day: f64,
    morning: f64,
    weekend: f64,
    /// Means of the logarithms of hold, flight, pointer, fill.
    pub timing: [f64; 4],
    /// Until when, and where.
    trip: Option<(f64, City, usize, u64)>,
}

/// People's and attackers' rows, not in order.
pub fn history(count: usize, days: u32, seed: u64) -> Vec<Row> {
    let mut random = Random::new(seed, 1);
    let mut world = World::new(&mut random);
    let offices: Vec<(usize, City, u64)> = (0..count.div_ceil(60))
        .map(|_| {
            let at = world.home(&mut random);
            let network = match random.chance(0.4) {
                true => world.network(Use::Office, &mut random),
                false => world.home_network(at.country, &mut random),
            };
            (network, at, random.word())
        })
        .collect();
    let mut people: Vec<Person> = (0..count)
        .map(|k| Person::new(k, &world, &offices, &mut random))
        .collect();
    let mut rows = Vec::new();
    for person in &mut people {
        person.live(&world, days, &mut random, &mut rows);
    }
    attackers::attack(&world, &people, days, &mut random, &mut rows);
    rows
}

impl Person {
    fn new(
        index: usize,
        world: &World,
        offices: &[(usize, City, u64)],
        random: &mut Random,
    ) -> Self {
        let habit = match random.unit() {
            u if u < 0.30 => Habit::Commuter,
            u if u < 0.40 => Habit::Traveller,
            u if u < 0.52 => Habit::Shifts,
            u if u < 0.76 => Habit::Office,
            u if u < 0.90 => Habit::Mobile,
            _ => Habit::Vpn,
        };
        let office = match habit {
            Habit::Office | Habit::Traveller => Some(offices[random.below(offices.len())]),
            Habit::Commuter => random
                .chance(0.6)
                .then(|| offices[random.below(offices.len())]),
            Habit::Shifts | Habit::Mobile | Habit::Vpn => None,
        };
        // Who goes to an office lives near it.
        let home = office.map_or_else(|| world.home(random), |(_, at, _)| at);
        let mut devices = Vec::new();
        if habit != Habit::Mobile {
            devices.push(Device::computer(random));
        }
        if habit == Habit::Mobile || random.chance(0.6) {
            devices.push(Device::phone(random));
        }
        if office.is_some() && random.chance(0.3) {
            devices.push(Device::computer(random));
        }
        let mobiles = &world.countries[home.country].mobiles;
        let mut near = |mean: f64, spread: f64| mean.ln() + spread * random.normal();
        let timing = [
            near(95.0, 0.22),
            near(140.0, 0.35),
            near(600.0, 0.4),
            near(9_000.0, 0.45),
        ];
        Self {
            // As the data set's: large, and some negative.
            user: (index as i64 + 1).wrapping_mul(0x5851_F42D_4C95_7F2D),
            habit,
            home,
            home_network: world.home_network(home.country, random),
            mobile_network: mobiles[random.below(mobiles.len())],
            host: random.word() >> 8,
            office,
            vpn: world.vpns[random.below(world.vpns.len())],
            devices,
            per_day: (0.25 * random.normal() - 0.9).exp(),
            morning: random.within(6.5, 10.0),
            weekend: random.within(0.1, 0.7),
            timing,
            trip: None,
        }
    }

    fn live(&mut self, world: &World, days: u32, random: &mut Random, rows: &mut Vec<Row>) {
        let joins = match random.chance(0.7) {
            true => 0,
            false => random.below(days as usize) as u32,
        };
        for day in joins..days {
            let weekday = (day + 6) % 7;
            let is_weekend = weekday >= 5;
            self.change(world, f64::from(day), random);
            let mut wanted = self.per_day * if is_weekend { self.weekend } else { 1.2 };
            if self.trip.is_some() {
                wanted *= 1.3;
            }
            let mut at = random.exponential(1.0);
            while at < wanted {
                let hour = self.hour(world, day, random);
                self.log_in(world, day, hour, random, rows);
                at += random.exponential(1.0);
            }
        }
    }

    /// What changes from day to day: trips, homes' addresses, devices, keys.
    fn change(&mut self, world: &World, day: f64, random: &mut Random) {
        if self.trip.is_some_and(|(until, ..)| day >= until) {
            self.trip = None;
        }
        let leaves = if self.habit == Habit::Traveller {
            0.05
        } else {
            0.004
        };
        if self.trip.is_none() && random.chance(leaves) {
            let country = match random.chance(0.5) {
                true => self.home.country,
                false => world.home(random).country,
            };
            let at = world.city(country, random);
            let hotels = &world.countries[country].hotels;
            let network = hotels[random.below(hotels.len())];
            self.trip = Some((
                day + 1.0 + random.exponential(4.0),
                at,
                network,
                random.word() >> 8,
            ));
        }
        if random.chance(1.0 / 40.0) {
            self.host = random.word() >> 8;
        }
        if random.chance(1.0 / 500.0) {
            self.home_network = world.home_network(self.home.country, random);
        }
        for device in &mut self.devices {
            if random.chance(1.0 / 400.0) {
                *device = match device.is_phone() {
                    true => Device::phone(random),
                    false => Device::computer(random),
                };
            }
            if random.chance(1.0 / 250.0) {
                device.key = None;
            }
        }
    }

    /// The hour in UTC.
    fn hour(&self, world: &World, day: u32, random: &mut Random) -> f64 {
        let local = match self.habit {
            // Early, late and night, a week each.
            Habit::Shifts => [6.0, 14.0, 22.0][(day as usize / 7) % 3] + random.within(-0.5, 7.5),
            Habit::Mobile => 13.0 + 4.5 * random.normal(),
            _ if random.chance(0.6) => self.morning + 1.2 * random.normal().abs(),
            _ => 17.0 + 3.0 * random.normal(),
        };
        let place = self.trip.map_or(self.home, |(_, at, ..)| at);
        (local - world.countries[place.country].hours).rem_euclid(24.0)
    }

    fn log_in(
        &mut self,
        world: &World,
        day: u32,
        hour: f64,
        random: &mut Random,
        rows: &mut Vec<Row>,
    ) {
        let local = (hour + world.countries[self.home.country].hours).rem_euclid(24.0);
        let is_workday = (day + 6) % 7 < 5 && (8.0..17.0).contains(&local);
        let mut device = random.below(self.devices.len());
        let is_phone = self.devices[device].is_phone();
        let (network, at, host) = match (self.trip, self.office) {
            (Some((_, at, ..)), _) if is_phone && random.chance(0.5) => {
                (self.mobile_network, at, random.word() >> 8)
            }
            (Some((_, at, network, host)), _) => (network, at, host),
            _ if is_phone && random.chance(0.45) => {
                (self.mobile_network, self.home, random.word() >> 8)
            }
            (None, Some(office)) if is_workday && random.chance(0.85) => office,
            _ if self.habit == Habit::Mobile => {
                (self.mobile_network, self.home, random.word() >> 8)
            }
            _ => (self.home_network, self.home, self.host),
        };
        let uses_vpn = match self.habit {
            Habit::Vpn => random.chance(0.55),
            _ => random.chance(0.004),
        };
        let (network, at, host, detour) = match uses_vpn {
            true => {
                let country = [self.home.country, 0, 3, 5][random.below(4)];
                let exit = City { country, city: 0 };
                let detour = world.trip_ms(network, at, random);
                (self.vpn, exit, random.word() % 180, detour)
            }
            false => (network, at, host, 0.0),
        };
        if random.chance(0.006) {
            // Somebody else's computer, once.
            self.devices.push(Device::computer(random));
            device = self.devices.len() - 1;
        }
        let mut row = place(world, network, at, host);
        row.user = self.user;
        row.at_ms = START_MS + i64::from(day) * DAY_MS + (hour * 3_600_000.0) as i64;
        row.trip_ms = random
            .chance(0.5)
            .then(|| (world.trip_ms(network, at, random) + detour) as u32);
        self.devices[device].describe(f64::from(day), &mut row);
        row.timing = self
            .timing
            .map(|mean| (mean + 0.12 * random.normal()).exp());
        row.key = self.devices[device].key;
        let mut at_ms = row.at_ms;
        while random.chance(0.06) {
            let failed = Row {
                at_ms,
                ..row.clone()
            };
            rows.push(failed);
            at_ms += (random.exponential(20_000.0) + 3_000.0) as i64;
        }
        row.at_ms = at_ms;
        row.successful = true;
        // The browser keeps a key from then on, unless it forgets at once.
        if random.chance(0.97) && self.devices[device].key.is_none() {
            self.devices[device].key = Some(random.word());
            (row.key, row.is_key_given) = (self.devices[device].key, true);
        }
        rows.push(row);
        if self.devices.len() > 4 {
            self.devices.pop();
        }
    }
}

/// A row's place.
pub fn place(world: &World, network: usize, at: City, host: u64) -> Row {
    let (region, city) = world.names(at);
    Row {
        address: world.address(network, at, host),
        country: world.countries[at.country].code.to_owned(),
        region,
        city,
        network: world.networks[network].number,
        ..Row::default()
    }
}
