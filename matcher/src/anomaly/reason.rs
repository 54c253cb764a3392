//! Why a score is what it is, in plain words with figures.
//!
//! A reason names what was seen of this attempt, never what is remembered of the person, so that it can be shown in an
//! audit. `Display` is English; what shows other languages matches on [`Cause`].

use std::fmt;

use super::event::Event;
use super::features::{
    ABSENCE, ADDRESS_FAILURES, ADDRESS_STRANGERS, AGENT_STRANGERS, BIOMETRIC_ODD, COUNT, DOWNGRADE,
    FOREST, Features, HASTE, HOUR_ODD, NETWORK_STRANGERS, Observation, PERSON_FAILURES,
    PREFIX_STRANGERS, RARE_AGENT, RARE_NETWORK, REUSED, SERVICE_FAILURES, TRAVEL, TRIP_ODD,
    TYPING_ODD, WEEKDAY_ODD,
};
use super::geography::Way;
use super::profile::Profile;
use super::rhythm::{hour, weekday};
use super::value::{Attribute, product};

/// One reason and its weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// What was seen.
    pub cause: Cause,
    /// What it adds to the log-likelihood ratio.
    pub weight: f32,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each is said by its own words below")]
pub enum Cause {
    NewCountry { country: String },
    ImpossibleTravel { km: u32, minutes: u32 },
    HastyMove { minutes: u32 },
    NewRegion { region: String },
    NewCity { city: String },
    NewNetwork { network: u32 },
    NewAddress,
    NetworkOfStrangers,
    UnusualNetwork,
    NewSystem { system: String },
    NewBrowser { browser: String },
    NewRelease,
    OlderRelease { browser: String },
    UnusualAgent,
    NewHints,
    NewDeviceKey,
    NoDeviceKey,
    NewPair,
    OddHour { hour: u8, per_cent: u8 },
    OddWeekday { weekday: u8 },
    LongAbsence { days: u32 },
    OddRoundTrip { ms: u32 },
    OddTyping,
    PoorerBiometric,
    SampleReused,
    PersonFailures { count: u32 },
    AddressFailures { count: u32 },
    AddressStrangers { count: u32 },
    ServiceFailures,
    UnlikeAnybody,
    LittleKnown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewCountry { country } => write!(f, "new country {country}"),
            Self::ImpossibleTravel { km, minutes } => {
                write!(f, "{} km in {}", thousands(*km), Duration(*minutes))
            }
            Self::HastyMove { minutes } => {
                write!(
                    f,
                    "another place {} after the last login",
                    Duration(*minutes)
                )
            }
            Self::NewRegion { region } => write!(f, "new region {region}"),
            Self::NewCity { city } => write!(f, "new city {city}"),
            Self::NewNetwork { network } => write!(f, "first time on this network (AS{network})"),
            Self::NewAddress => f.write_str("first time from this address"),
            Self::NetworkOfStrangers => {
                f.write_str("almost everyone who comes by this network comes once")
            }
            Self::UnusualNetwork => f.write_str("hardly anyone here uses this network"),
            Self::NewSystem { system } => write!(f, "first time on {system}"),
            Self::NewBrowser { browser } => write!(f, "first time with {browser}"),
            Self::NewRelease => f.write_str("first time with this version of the browser"),
            Self::OlderRelease { browser } => write!(f, "older {browser} than before"),
            Self::UnusualAgent => f.write_str("hardly anyone here uses this browser"),
            Self::NewHints => f.write_str("new client hints"),
            Self::NewDeviceKey => f.write_str("unknown device"),
            Self::NoDeviceKey => f.write_str("the device has no key"),
            Self::NewPair => f.write_str("first time with this browser on this network"),
            Self::OddHour { hour, per_cent } => {
                write!(f, "at {hour:02} h UTC, {per_cent} % of the person's logins")
            }
            Self::OddWeekday { weekday } => {
                let name = WEEKDAYS.get(usize::from(*weekday)).unwrap_or(&"this day");
                write!(f, "unusual on {name}")
            }
            Self::LongAbsence { days } => write!(f, "not here for {days} days"),
            Self::OddRoundTrip { ms } => {
                write!(f, "round trip of {} ms is unusual here", thousands(*ms))
            }
            Self::OddTyping => f.write_str("fills in the page in another rhythm"),
            Self::PoorerBiometric => f.write_str("matches less well than before"),
            Self::SampleReused => f.write_str("the same sample was presented before"),
            Self::PersonFailures { count } => write!(f, "{} in the last hour", failures(*count)),
            Self::AddressFailures { count } => write!(
                f,
                "{} for other people from this address in the last hour",
                failures(*count)
            ),
            Self::AddressStrangers { count } => {
                write!(
                    f,
                    "this address came for {count} strangers in the last hour"
                )
            }
            Self::ServiceFailures => f.write_str("unusually many failures at the whole service"),
            Self::UnlikeAnybody => f.write_str("unlike anybody's logins here"),
            Self::LittleKnown => f.write_str("little is known of this person yet"),
        }
    }
}

const WEEKDAYS: [&str; 7] = [
    "Mondays",
    "Tuesdays",
    "Wednesdays",
    "Thursdays",
    "Fridays",
    "Saturdays",
    "Sundays",
];

/// What every feature that speaks against the person stands for.
pub(super) fn reasons(
    profile: &Profile,
    event: &Event,
    observation: &Observation,
    contributions: &Features,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for (feature, weight) in contributions.iter().enumerate().take(COUNT) {
        if *weight < LEAST {
            continue;
        }
        let Some(cause) = cause(profile, event, observation, feature) else {
            continue;
        };
        // What two features say in the same words is one reason.
        match reasons.iter_mut().find(|r| r.cause == cause) {
            Some(reason) => reason.weight += weight,
            None => reasons.push(Reason {
                cause,
                weight: *weight,
            }),
        }
    }
    leave_out_implied(&mut reasons);
    reasons.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    reasons.truncate(MOST);
    reasons
}

/// Who is in a new country is in a new city too, and that need not be said: what is implied adds its weight to what
/// implies it.
fn leave_out_implied(reasons: &mut Vec<Reason>) {
    for at in (0..reasons.len()).rev() {
        let implies = |other: &Reason| implied_by(&other.cause, &reasons[at].cause);
        if let Some(by) = reasons.iter().position(implies) {
            let weight = reasons[at].weight;
            reasons[by].weight += weight;
            reasons.remove(at);
        }
    }
}

fn implied_by(cause: &Cause, implied: &Cause) -> bool {
    match implied {
        Cause::NewRegion { .. } => matches!(cause, Cause::NewCountry { .. }),
        Cause::NewCity { .. } => {
            matches!(cause, Cause::NewCountry { .. } | Cause::NewRegion { .. })
        }
        Cause::HastyMove { .. } => matches!(cause, Cause::ImpossibleTravel { .. }),
        Cause::NewAddress => matches!(cause, Cause::NewNetwork { .. }),
        Cause::NewRelease => {
            matches!(cause, Cause::NewBrowser { .. } | Cause::NewSystem { .. })
        }
        Cause::NewPair => matches!(
            cause,
            Cause::NewNetwork { .. } | Cause::NewBrowser { .. } | Cause::NewSystem { .. }
        ),
        _ => false,
    }
}

/// Says that a journey was too fast, also where the models make little of it.
pub(super) fn name_travel(reasons: &mut Vec<Reason>, observation: &Observation) {
    let is_named = |reason: &Reason| matches!(reason.cause, Cause::ImpossibleTravel { .. });
    if let Some(way) = observation.way.filter(|_| !reasons.iter().any(is_named)) {
        reasons.truncate(MOST - 1);
        let cause = impossible(way);
        reasons.push(Reason { cause, weight: 0.0 });
    }
}

/// Says that a country is new, also where the models make little of it.
pub(super) fn name_country(reasons: &mut Vec<Reason>, event: &Event) {
    let is_named = |reason: &Reason| matches!(reason.cause, Cause::NewCountry { .. });
    if reasons.iter().any(is_named) {
        return;
    }
    if let Some(cause) = new(Attribute::Country, event) {
        reasons.push(Reason { cause, weight: 0.0 });
    }
}

fn impossible(way: Way) -> Cause {
    Cause::ImpossibleTravel {
        km: round(way.about_km),
        minutes: way.gap_s as u32 / 60,
    }
}

/// Below this a feature isn't worth a word.
const LEAST: f32 = 0.1;
const MOST: usize = 8;

fn cause(
    profile: &Profile,
    event: &Event,
    observation: &Observation,
    feature: usize,
) -> Option<Cause> {
    if let Some(attribute) = Attribute::ALL.get(feature) {
        return new(*attribute, event);
    }
    let way = observation.way;
    let recent = &event.recent;
    Some(match feature {
        TRAVEL => impossible(way?),
        HASTE => Cause::HastyMove {
            minutes: (event.at_s.saturating_sub(profile.last_s()?).max(0) / 60) as u32,
        },
        ABSENCE => Cause::LongAbsence {
            days: (event.at_s.saturating_sub(profile.last_s()?).max(0) / 86_400) as u32,
        },
        HOUR_ODD => Cause::OddHour {
            hour: hour(event.at_s) as u8,
            per_cent: (100.0 * profile.rhythm.hour_share(event.at_s)) as u8,
        },
        WEEKDAY_ODD => Cause::OddWeekday {
            weekday: weekday(event.at_s) as u8,
        },
        TRIP_ODD => Cause::OddRoundTrip {
            ms: event.round_trip_ms? as u32,
        },
        TYPING_ODD => Cause::OddTyping,
        BIOMETRIC_ODD => Cause::PoorerBiometric,
        PERSON_FAILURES => Cause::PersonFailures {
            count: recent.person_failures,
        },
        ADDRESS_FAILURES => Cause::AddressFailures {
            count: recent.address_failures,
        },
        ADDRESS_STRANGERS => Cause::AddressStrangers {
            count: recent.address_strangers,
        },
        SERVICE_FAILURES => Cause::ServiceFailures,
        NETWORK_STRANGERS | PREFIX_STRANGERS => Cause::NetworkOfStrangers,
        RARE_NETWORK => Cause::UnusualNetwork,
        AGENT_STRANGERS | RARE_AGENT => Cause::UnusualAgent,
        DOWNGRADE => Cause::OlderRelease {
            browser: product(event.agent.browser.as_deref()?).0.to_owned(),
        },
        REUSED => Cause::SampleReused,
        FOREST => Cause::UnlikeAnybody,
        _ => return None,
    })
}

fn new(attribute: Attribute, event: &Event) -> Option<Cause> {
    let name = |text: &Option<String>| text.as_deref().map(short);
    Some(match attribute {
        Attribute::Country => Cause::NewCountry {
            country: name(&event.place.country)?,
        },
        Attribute::Region => Cause::NewRegion {
            region: name(&event.place.region)?,
        },
        Attribute::City => Cause::NewCity {
            city: name(&event.place.city)?,
        },
        Attribute::Network => Cause::NewNetwork {
            network: event.network?,
        },
        Attribute::Prefix | Attribute::Address => Cause::NewAddress,
        Attribute::System => Cause::NewSystem {
            system: name(&event.agent.system)?,
        },
        Attribute::Browser => Cause::NewBrowser {
            browser: name(&event.agent.browser)?,
        },
        Attribute::Release | Attribute::AgentText => Cause::NewRelease,
        Attribute::Hints => Cause::NewHints,
        Attribute::DeviceKey => match event.device_key {
            super::event::DeviceKey::Proved(_) => Cause::NewDeviceKey,
            _ => Cause::NoDeviceKey,
        },
        Attribute::Pair => Cause::NewPair,
    })
}

/// Outside text in a reason is kept short and on one line.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// To the two leading figures: places are not known better.
fn round(km: f64) -> u32 {
    let step = if km >= 1000.0 { 100.0 } else { 10.0 };
    ((km / step).round() * step) as u32
}

fn failures(count: u32) -> String {
    match count {
        1 => "1 failed attempt".to_owned(),
        n => format!("{} failed attempts", thousands(n)),
    }
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Minutes in words.
struct Duration(u32);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => f.write_str("a minute"),
            m @ 2..=119 => write!(f, "{m} minutes"),
            m @ 120..=2879 => write!(f, "{} hours", m / 60),
            m => write!(f, "{} days", m / 1440),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_plain_words_with_figures() {
        let travel = Cause::ImpossibleTravel {
            km: round(7_912.4),
            minutes: 40,
        };
        assert_eq!(travel.to_string(), "7,900 km in 40 minutes");
        let cause = Cause::NewCountry {
            country: short("N\nO"),
        };
        assert_eq!(cause.to_string(), "new country NO");
        assert_eq!(
            Cause::PersonFailures { count: 1 }.to_string(),
            "1 failed attempt in the last hour"
        );
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(Duration(200).to_string(), "3 hours");
    }
}
