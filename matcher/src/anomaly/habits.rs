//! What a profile holds, as the person whom it is about may read it (GDPR article 15).
//!
//! Values that are kept as digests alone are counted. How well a face or a finger matched is left out: whoever reads
//! scores learns what a sample has to be like.

use super::profile::{Profile, TYPING};
use super::value::Attribute;

/// What a profile holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Habits {
    /// Logins' worth that it rests on, fading.
    pub logins: f32,
    /// When the person was last here, seconds since 1970.
    pub last_s: Option<i64>,
    /// Logins' worth at each hour of the day, UTC.
    pub hours: [f32; 24],
    /// Logins' worth on each day of the week, Monday first.
    pub weekdays: [f32; 7],
    /// How many values of each attribute it knows again.
    pub known: [(&'static str, usize); Attribute::COUNT],
    /// Geometric means of what a page counted: milliseconds, and pixels a second for the pointer.
    pub page: [(&'static str, Option<f32>); TYPING],
}

impl Profile {
    /// What it holds.
    #[must_use]
    pub fn habits(&self) -> Habits {
        let mean = |index: usize| {
            let gauge = &self.typing[index];
            (gauge.count > 0.0).then(|| gauge.mean.exp())
        };
        Habits {
            logins: self.remembered(),
            last_s: self.last_s(),
            hours: self.rhythm.hours,
            weekdays: self.rhythm.weekdays,
            known: Attribute::ALL.map(|it| (name(it), self.memories[it as usize].entries.len())),
            page: std::array::from_fn(|index| (PAGE[index], mean(index))),
        }
    }
}

/// In the order of the gauges.
const PAGE: [&str; TYPING] = [
    "key_hold_ms",
    "key_flight_ms",
    "pointer_px_per_s",
    "filled_in_ms",
];

fn name(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Country => "countries",
        Attribute::Region => "regions",
        Attribute::City => "cities",
        Attribute::Network => "networks",
        Attribute::Prefix => "address_blocks",
        Attribute::Address => "addresses",
        Attribute::System => "systems",
        Attribute::Browser => "browsers",
        Attribute::Release => "browser_versions",
        Attribute::AgentText => "user_agents",
        Attribute::Hints => "client_hints",
        Attribute::DeviceKey => "device_keys",
        Attribute::Pair => "browsers_by_network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::{Accepted, Event, Page, Service};

    #[test]
    fn habits_are_what_was_learned() {
        let (service, mut profile) = (Service::default(), Profile::default());
        for day in 0..3 {
            let event = Event {
                at_s: day * 86_400 + 9 * 3600,
                address: Some(format!("192.0.2.{day}")),
                page: Page {
                    key_hold_ms: Some(95.0),
                    ..Page::default()
                },
                biometric_llr: Some(7.0),
                ..Event::default()
            };
            service.teach(&mut profile, &event, Accepted::Confirmed);
        }
        let habits = profile.habits();
        assert!(habits.logins > 2.8 && habits.hours[9] > 2.8 && habits.hours[8] == 0.0);
        assert_eq!(habits.last_s, Some(2 * 86_400 + 9 * 3600));
        // The first of January 1970 was a Thursday.
        assert!(habits.weekdays[3] > 0.0 && habits.weekdays[0] == 0.0);
        let known = |name| habits.known.iter().find(|(it, _)| *it == name);
        assert_eq!(known("addresses"), Some(&("addresses", 3)));
        assert_eq!(known("address_blocks"), Some(&("address_blocks", 1)));
        assert_eq!(known("countries"), Some(&("countries", 0)));
        // What is measured of the body goes by itself.
        assert_ne!(profile.biometric, Default::default());
        let before = profile.habits();
        profile.forget_biometrics();
        assert_eq!(profile.biometric, Default::default());
        let after = profile.habits();
        assert!(before.page.iter().any(|(_, mean)| mean.is_some()));
        assert!(after.page.iter().all(|(_, mean)| mean.is_none()));
        assert_eq!(
            Habits {
                page: before.page,
                ..after
            },
            before
        );
        let [hold, flight, ..] = habits.page;
        assert!(hold.1.is_some_and(|ms| (ms - 95.0).abs() < 0.1), "{hold:?}");
        assert_eq!(flight, ("key_flight_ms", None));
        let text = format!("{habits:?}");
        assert!(!text.contains("biometric"), "{text}");
    }
}
