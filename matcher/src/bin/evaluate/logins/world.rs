//! The made-up world: countries with cities and networks, and networks that belong to nobody's home.

use matcher::anomaly::random::Random;

/// Where something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct City {
    pub country: usize,
    pub city: usize,
}

/// What a network is to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Home,
    Mobile,
    Office,
    Hotel,
    Vpn,
    Hosting,
}

/// A network.
#[derive(Debug, Clone)]
pub struct Network {
    pub number: u32,
    pub role: Use,
    /// Its own round trip, milliseconds.
    pub trip_ms: f64,
}

/// A country.
#[derive(Debug, Clone)]
pub struct Country {
    pub code: &'static str,
    pub cities: usize,
    /// From the server, milliseconds.
    pub trip_ms: f64,
    /// From UTC.
    pub hours: f64,
    pub homes: Vec<usize>,
    pub mobiles: Vec<usize>,
    pub hotels: Vec<usize>,
}

/// All of it.
#[derive(Debug)]
pub struct World {
    pub countries: Vec<Country>,
    pub networks: Vec<Network>,
    pub vpns: Vec<usize>,
    pub hostings: Vec<usize>,
}

/// Code, share of people, cities, round trip, hours from UTC.
const COUNTRIES: [(&str, f64, usize, f64, f64); 22] = [
    ("NO", 40.0, 12, 12.0, 1.0),
    ("SE", 10.0, 9, 20.0, 1.0),
    ("DK", 7.0, 6, 22.0, 1.0),
    ("DE", 8.0, 14, 30.0, 1.0),
    ("GB", 6.0, 12, 35.0, 0.0),
    ("US", 6.0, 20, 110.0, -6.0),
    ("FR", 3.0, 10, 38.0, 1.0),
    ("NL", 3.0, 6, 28.0, 1.0),
    ("ES", 2.5, 9, 50.0, 1.0),
    ("PL", 2.5, 8, 35.0, 1.0),
    ("IT", 2.0, 9, 45.0, 1.0),
    ("FI", 2.0, 6, 25.0, 2.0),
    ("IN", 1.5, 12, 160.0, 5.0),
    ("BR", 1.5, 12, 210.0, -3.0),
    ("JP", 1.0, 10, 250.0, 9.0),
    ("CA", 1.0, 9, 105.0, -5.0),
    ("AU", 1.0, 7, 290.0, 10.0),
    ("RU", 0.4, 10, 60.0, 3.0),
    ("CN", 0.3, 14, 230.0, 8.0),
    ("VN", 0.2, 6, 240.0, 7.0),
    ("NG", 0.2, 6, 140.0, 1.0),
    ("UA", 0.4, 7, 50.0, 2.0),
];

impl World {
    pub fn new(random: &mut Random) -> Self {
        let mut world = Self {
            countries: Vec::new(),
            networks: Vec::new(),
            vpns: Vec::new(),
            hostings: Vec::new(),
        };
        for (code, _, cities, trip_ms, hours) in COUNTRIES {
            let mut some = |count: usize, role: Use| {
                (0..count)
                    .map(|_| world.network(role, random))
                    .collect::<Vec<usize>>()
            };
            let country = Country {
                code,
                cities,
                trip_ms,
                hours,
                homes: some(3 + cities / 4, Use::Home),
                mobiles: some(3, Use::Mobile),
                hotels: some(4, Use::Hotel),
            };
            world.countries.push(country);
        }
        world.vpns = (0..8).map(|_| world.network(Use::Vpn, random)).collect();
        world.hostings = (0..60)
            .map(|_| world.network(Use::Hosting, random))
            .collect();
        world
    }

    /// Adds a network.
    pub fn network(&mut self, role: Use, random: &mut Random) -> usize {
        let trip_ms = match role {
            Use::Home | Use::Office => random.within(4.0, 14.0),
            Use::Mobile => random.within(25.0, 55.0),
            Use::Hotel => random.within(8.0, 30.0),
            Use::Vpn | Use::Hosting => random.within(1.0, 4.0),
        };
        self.networks.push(Network {
            number: 1_000 + self.networks.len() as u32 * 37 + random.below(30) as u32,
            role,
            trip_ms,
        });
        self.networks.len() - 1
    }

    /// Where a person lives.
    pub fn home(&self, random: &mut Random) -> City {
        let total: f64 = COUNTRIES.iter().map(|c| c.1).sum();
        let mut left = random.unit() * total;
        let country = COUNTRIES
            .iter()
            .position(|c| {
                left -= c.1;
                left < 0.0
            })
            .unwrap_or(0);
        self.city(country, random)
    }

    /// Somewhere in a country; large cities more often.
    pub fn city(&self, country: usize, random: &mut Random) -> City {
        let cities = self.countries[country].cities as f64;
        City {
            country,
            city: (random.unit().powi(2) * cities) as usize,
        }
    }

    /// A provider of homes in a country; the large ones more often.
    pub fn home_network(&self, country: usize, random: &mut Random) -> usize {
        let homes = &self.countries[country].homes;
        homes[(random.unit().powi(2) * homes.len() as f64) as usize]
    }

    /// An address of a network in a city; `host` tells addresses apart.
    pub fn address(&self, network: usize, at: City, host: u64) -> String {
        let pool = match self.networks[network].role {
            Use::Home => 24,
            Use::Mobile => 40,
            Use::Hotel | Use::Office => 2,
            Use::Vpn => 6,
            Use::Hosting => 64,
        };
        let number = self.networks[network].number as u64;
        // Mobile carriers have one pool for the whole country.
        let place = match self.networks[network].role {
            Use::Mobile => at.country as u64 * 97,
            _ => (at.country * 97 + at.city) as u64,
        };
        let block = (number * 6_151 + place * 389 + host % pool) % 50_000;
        format!(
            "{}.{}.{}.{}",
            11 + block / 256 % 180,
            (number + block / 7) % 256,
            block % 256,
            1 + (host / pool) % 254
        )
    }

    /// Name of a city and of its region.
    pub fn names(&self, at: City) -> (String, String) {
        let code = self.countries[at.country].code;
        (
            format!("{code} region {}", at.city / 3),
            format!("{code} city {}", at.city),
        )
    }

    /// A round trip from there, milliseconds.
    pub fn trip_ms(&self, network: usize, at: City, random: &mut Random) -> f64 {
        let base = self.countries[at.country].trip_ms + at.city as f64 * 0.7;
        (base + self.networks[network].trip_ms) * (0.12 * random.normal()).exp()
            + random.exponential(4.0)
    }
}
