//! How far two logins are apart, and whether one person could have travelled it.
//!
//! Places are points with a slack: a city's place in a database is some kilometres wrong, and where only the country
//! is known the slack is the whole country. Only what is surely too fast counts.

use super::countries::country;
use super::event::Place;
use super::params::{LEAST_GAP_S, PLACE_SLACK_KM};

/// A place on earth, and how wrong it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub latitude: f32,
    pub longitude: f32,
    pub slack_km: f32,
}

/// A way between two logins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Way {
    /// Great circle, kilometres, less the slack of both ends.
    pub surely_km: f64,
    /// Great circle, kilometres.
    pub about_km: f64,
    /// Seconds between the two.
    pub gap_s: f64,
}

impl Spot {
    /// Where a place is, if that is known.
    pub fn of(place: &Place) -> Option<Self> {
        let (latitude, longitude, slack_km) = match place.coordinates {
            Some((latitude, longitude)) => (latitude, longitude, PLACE_SLACK_KM),
            None => country(place.country.as_deref()?)?,
        };
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        on_earth.then_some(Self {
            latitude: latitude as f32,
            longitude: longitude as f32,
            slack_km: slack_km as f32,
        })
    }

    /// The way to another place within a time.
    pub fn way(self, to: Self, gap_s: i64) -> Way {
        let about_km = self.distance_km(to);
        Way {
            surely_km: (about_km - f64::from(self.slack_km) - f64::from(to.slack_km)).max(0.0),
            about_km,
            gap_s: (gap_s as f64).abs().max(LEAST_GAP_S),
        }
    }

    /// Great circle by the haversine formula; the earth is a sphere of 6,371 km.
    fn distance_km(self, to: Self) -> f64 {
        let radians = |degrees: f32| f64::from(degrees).to_radians();
        let (a, b) = (radians(self.latitude), radians(to.latitude));
        let half_sine = |x: f64| (x / 2.0).sin().powi(2);
        let h = half_sine(b - a)
            + a.cos() * b.cos() * half_sine(radians(to.longitude) - radians(self.longitude));
        2.0 * 6371.0 * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl Way {
    /// How many times faster than that it was, natural logarithm; nought for what is possible.
    pub fn haste(self, fastest_km_per_h: f64) -> f32 {
        let speed = self.surely_km / (self.gap_s / 3600.0);
        (speed / fastest_km_per_h.max(1.0)).max(1.0).ln().min(5.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::params::FASTEST_KM_PER_H;

    fn at(latitude: f64, longitude: f64) -> Spot {
        Spot::of(&Place {
            coordinates: Some((latitude, longitude)),
            ..Place::default()
        })
        .expect("on earth")
    }

    #[test]
    fn oslo_to_madrid_is_a_flight_and_not_a_minute() {
        let way = at(59.9, 10.7).way(at(40.4, -3.7), 3 * 3600);
        assert!((way.about_km - 2390.0).abs() < 30.0, "{}", way.about_km);
        assert_eq!(way.haste(FASTEST_KM_PER_H), 0.0);
        assert!(
            at(59.9, 10.7)
                .way(at(40.4, -3.7), 600)
                .haste(FASTEST_KM_PER_H)
                > 2.0
        );
        assert!(
            at(59.9, 10.7)
                .way(at(40.4, -3.7), -600)
                .haste(FASTEST_KM_PER_H)
                > 2.0
        );
        assert_eq!(
            at(59.9, 10.7)
                .way(at(60.4, 10.7), 0)
                .haste(FASTEST_KM_PER_H),
            0.0
        );
    }

    #[test]
    fn neighbours_by_country_alone_are_never_too_far() {
        let of = |code: &str| {
            Spot::of(&Place {
                country: Some(code.to_owned()),
                ..Place::default()
            })
        };
        let (norway, sweden, brazil) = (of("NO"), of("SE"), of("BR"));
        let haste = |a: Option<Spot>, b: Option<Spot>| {
            a.expect("known")
                .way(b.expect("known"), 60)
                .haste(FASTEST_KM_PER_H)
        };
        assert_eq!(haste(norway, sweden), 0.0);
        assert!(haste(norway, brazil) > 3.0);
        assert!(of("?").is_none());
        let lost = Place {
            coordinates: Some((f64::NAN, 200.0)),
            ..Place::default()
        };
        assert!(Spot::of(&lost).is_none());
    }
}
