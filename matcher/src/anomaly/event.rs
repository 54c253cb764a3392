//! What is known of one attempt to sign in, as plain data, the moment it is judged.
//!
//! The caller fills in what it has; `None` is no evidence either way, never suspicion. Texts are compared as they are,
//! so a place must be named by one source alone. Nothing here is kept: a profile remembers fingerprints of the values.

use serde::{Deserialize, Serialize};

/// One attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// When, seconds since 1970 in UTC.
    pub at_s: i64,
    /// The address it came from, as text.
    pub address: Option<String>,
    /// The autonomous system of the address.
    pub network: Option<u32>,
    /// Where the address is.
    pub place: Place,
    /// It comes by a network that is not where the person is, a company's VPN say: no journey is read from it, and it
    /// does not count as where the person was.
    pub is_tunnelled: bool,
    /// Kilometres an hour that a person may travel; none for an airliner's.
    pub fastest_km_per_h: Option<f64>,
    /// The browser and what it runs on.
    pub agent: Agent,
    /// The key that the browser keeps.
    pub device_key: DeviceKey,
    /// A round trip to the browser, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// How the page was filled in.
    pub page: Page,
    /// How near a biometric comparison was: its log-likelihood ratio.
    pub biometric_llr: Option<f64>,
    /// The biometric sample had been seen before, or nearly.
    pub sample_reused: bool,
    /// What happened just before.
    pub recent: Recent,
}

/// Where an address is, by the database that the operator configured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// A part of the country.
    pub region: Option<String>,
    /// A city.
    pub city: Option<String>,
    /// Latitude and longitude, degrees.
    pub coordinates: Option<(f64, f64)>,
}

/// The browser and what it runs on; [`Agent::parse`] reads it from the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// The `User-Agent` header.
    pub text: Option<String>,
    /// `Firefox 128.0`.
    pub browser: Option<String>,
    /// `Windows 10`.
    pub system: Option<String>,
    /// `desktop`, `mobile`, `tablet`.
    pub device: Option<String>,
    /// The client hints that came, joined in one order (`Sec-CH-UA-*`).
    pub hints: Option<String>,
}

/// The key that a browser of this person was given and can't hand on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceKey {
    /// Nobody asked for one.
    #[default]
    NotAsked,
    /// It was asked for, and there was none.
    Absent,
    /// It proved this key: any number that stands for the key alone, never its secret. A key that a login gives to a
    /// browser is learned with that login: set it before [`super::Service::learn`], after the score.
    Proved(u64),
}

/// How the page was filled in; means over the keys or the moves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Page {
    /// How long a key is held, milliseconds.
    pub key_hold_ms: Option<f64>,
    /// From one key to the next, milliseconds.
    pub key_flight_ms: Option<f64>,
    /// Speed of the pointer, pixels a second.
    pub pointer_px_per_s: Option<f64>,
    /// From the page's first sight to its being sent, milliseconds.
    pub filled_in_ms: Option<f64>,
}

/// What happened just before, not counting this attempt. [`super::Traffic`] counts it where nobody else does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recent {
    /// Failed attempts for this person in the last hour.
    pub person_failures: u32,
    /// Failed attempts from this address for other people in the last hour.
    pub address_failures: u32,
    /// Other people whom this address tried in the last hour and had never come for before.
    pub address_strangers: u32,
    /// Attempts at the whole service in the last ten minutes.
    pub service_attempts: u32,
    /// Failures among those.
    pub service_failures: u32,
}
