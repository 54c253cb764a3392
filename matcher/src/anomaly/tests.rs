//! What must hold of scores, profiles and stored models, whatever comes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::experts::{Expert, Experts};
use super::features::{COUNT, Features, sign};
use super::params::MOST_LEARNED_A_DAY;
use super::random::Random;
use super::*;

fn home(day: i64) -> Event {
    Event {
        at_s: day * 86_400 + 9 * 3600,
        address: Some("192.0.2.7".to_owned()),
        network: Some(64_500),
        place: Place {
            country: Some("NO".to_owned()),
            region: Some("Oslo".to_owned()),
            city: Some("Oslo".to_owned()),
            coordinates: Some((59.9, 10.7)),
        },
        agent: Agent::parse(
            "Mozilla/5.0 (Windows NT 10.0; rv:109.0) Gecko/20100101 Firefox/115.0",
            None,
        ),
        device_key: DeviceKey::Proved(7),
        round_trip_ms: Some(30.0),
        ..Event::default()
    }
}

fn abroad(day: i64) -> Event {
    Event {
        at_s: day * 86_400 + 9 * 3600 + 2400,
        address: Some("198.51.100.9".to_owned()),
        network: Some(64_501),
        place: Place {
            country: Some("US".to_owned()),
            region: Some("California".to_owned()),
            city: Some("Los Angeles".to_owned()),
            coordinates: Some((34.1, -118.2)),
        },
        device_key: DeviceKey::Absent,
        ..home(day)
    }
}

fn settled(days: i64) -> (Service, Profile) {
    let (mut service, mut profile) = (Service::default(), Profile::default());
    for day in 0..days {
        service.learn(&mut profile, &home(day), Accepted::Scored(0.0));
    }
    (service, profile)
}

#[test]
fn a_journey_that_nobody_can_make_is_said_in_plain_words() {
    let (service, profile) = settled(40);
    let usual = service.score(&profile, &home(40));
    let (mut service, mut profile) = (service, profile);
    service.learn(&mut profile, &home(40), Accepted::Scored(0.0));
    let odd = service.score(&profile, &abroad(40));
    assert!(
        odd.probability > 0.5 && usual.probability < 0.001,
        "{odd:?} {usual:?}"
    );
    let words: Vec<String> = odd.reasons.iter().map(|r| r.cause.to_string()).collect();
    for expected in [
        "new country US",
        "8,600 km in 40 minutes",
        "first time on this network (AS64501)",
        "the device has no key",
    ] {
        assert!(words.iter().any(|w| w == expected), "{expected}: {words:?}");
    }
    assert!(usual.reasons.is_empty(), "{:?}", usual.reasons);
}

#[test]
fn a_country_is_new_until_somebody_was_admitted_from_it_and_a_tunnel_is_in_none() {
    let (service, mut profile) = settled(40);
    assert!(!service.score(&profile, &home(40)).is_new_country);
    let there = service.score(&profile, &abroad(42));
    assert!(there.is_new_country, "{there:?}");
    let through = Event {
        is_tunnelled: true,
        ..abroad(42)
    };
    assert!(!service.score(&profile, &through).is_new_country);
    let mut nowhere = abroad(42);
    nowhere.place = Place::default();
    assert!(!service.score(&profile, &nowhere).is_new_country);
    service.teach(&mut profile, &abroad(42), Accepted::Confirmed);
    assert!(!service.score(&profile, &abroad(43)).is_new_country);
}

#[test]
fn a_cold_start_asks_for_more() {
    let (service, profile) = settled(40);
    let known = service.score(&profile, &home(40));
    let cold = service.score(&Profile::default(), &home(40));
    assert!(cold.is_cold && !known.is_cold && cold.probability > 10.0 * known.probability);
    assert!(cold.reasons.iter().any(|r| r.cause == Cause::LittleKnown));
}

#[test]
fn an_evening_of_somebody_elses_logins_does_not_make_him_known() {
    let (mut service, mut profile) = settled(60);
    let before = service.score(&profile, &abroad(60));
    let mut learned = 0.0;
    for k in 0..1000 {
        let mut event = abroad(60);
        event.at_s += k;
        learned += service.learn(&mut profile, &event, Accepted::Scored(0.3));
    }
    assert!(learned <= 6.0, "{learned}");
    let after = service.score(&profile, &abroad(61));
    let own = service.score(&profile, &home(61));
    assert!(
        after.llr > own.llr + 2.0,
        "{} {} {}",
        before.llr,
        after.llr,
        own.llr
    );
}

#[test]
fn who_always_had_a_key_and_comes_without_is_asked() {
    let (mut service, mut profile) = settled(40);
    let mut without = home(40);
    without.device_key = DeviceKey::Absent;
    let before = service.score(&profile, &without);
    assert!(before.llr > service.score(&profile, &home(40)).llr + 1.0);
    // To come without one never becomes a habit that an attacker could share.
    for day in 40..70 {
        without.at_s = home(day).at_s;
        service.learn(&mut profile, &without, Accepted::Confirmed);
    }
    let own = service.score(&profile, &home(70));
    without.at_s = home(70).at_s;
    assert!(service.score(&profile, &without).llr > own.llr);
}

#[test]
fn six_months_of_absence_make_a_person_unknown() {
    let (service, profile) = settled(60);
    let now = service.score(&profile, &home(60));
    let later = service.score(&profile, &home(60 + 184));
    assert!(later.llr > now.llr + 1.0);
    let network = Cause::NewNetwork { network: 64_500 };
    assert!(later.reasons.iter().any(|r| r.cause == network));
}

#[test]
fn stored_models_are_read_back_and_nothing_else_is() {
    let history: Vec<Login> = (0..900)
        .map(|k| Login {
            person: k % 30,
            event: Event {
                network: Some(64_500 + (k % 30) as u32),
                ..home(k as i64 / 30)
            },
            accepted: Accepted::Scored(0.0),
        })
        .collect();
    let mut heard = Vec::new();
    let (service, profiles) = train(&history, 1, |part| heard.push(part));
    assert!(heard.windows(2).all(|p| p[0] <= p[1]) && heard.last() == Some(&1.0));
    let bytes = service.to_bytes();
    let read = Service::from_bytes(&bytes).expect("is read back");
    assert!(read == service && read.to_bytes() == bytes);
    let profile = &profiles[&3];
    assert_eq!(
        Profile::from_bytes(&profile.to_bytes()).as_ref(),
        Ok(profile)
    );
    assert!(profile.to_bytes().len() < Profile::MOST_BYTES);
    assert_eq!(Profile::from_bytes(&[]), Err(ModelError::CutShort));
    let small = Service::default().to_bytes();
    assert_eq!(Profile::from_bytes(&small), Err(ModelError::WrongKind));
    let mut other = profile.to_bytes();
    other[4] = 9;
    assert_eq!(
        Profile::from_bytes(&other),
        Err(ModelError::WrongVersion(9))
    );
    other = profile.to_bytes();
    other.push(0);
    assert_eq!(Profile::from_bytes(&other), Err(ModelError::TooLong));
    assert_eq!(
        Service::from_bytes(&vec![0; Service::MOST_BYTES + 1]),
        Err(ModelError::TooLarge(Service::MOST_BYTES))
    );
}

prop_compose! {
    fn any_event()(
        at_s in any::<i64>(),
        address in proptest::option::of(".{0,20}"),
        network in any::<Option<u32>>(),
        texts in proptest::collection::vec(proptest::option::of(".{0,12}"), 7),
        coordinates in any::<Option<(f64, f64)>>(),
        key in any::<Option<Option<u64>>>(),
        numbers in proptest::collection::vec(any::<Option<f64>>(), 7),
        sample_reused in any::<bool>(),
        counts in any::<[u32; 5]>(),
    ) -> Event {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        let mut numbers = numbers.into_iter();
        let mut number = || numbers.next().flatten();
        Event {
            at_s,
            address,
            network,
            is_tunnelled: sample_reused,
            fastest_km_per_h: number(),
            place: Place { country: text(), region: text(), city: text(), coordinates },
            agent: Agent { browser: text(), system: text(), device: text(), hints: text(), text: None },
            device_key: match key {
                None => DeviceKey::NotAsked,
                Some(None) => DeviceKey::Absent,
                Some(Some(key)) => DeviceKey::Proved(key),
            },
            round_trip_ms: number(),
            page: Page {
                key_hold_ms: number(),
                key_flight_ms: number(),
                pointer_px_per_s: number(),
                filled_in_ms: number(),
            },
            biometric_llr: number(),
            sample_reused,
            recent: Recent {
                person_failures: counts[0],
                address_failures: counts[1],
                address_strangers: counts[2],
                service_attempts: counts[3],
                service_failures: counts[4],
            },
        }
    }
}

proptest! {
    #[test]
    fn a_score_is_a_probability_whatever_comes_and_whatever_was_learned(
        events in proptest::collection::vec((any_event(), any::<f64>()), 1..12),
    ) {
        let (mut service, mut profile) = settled(3);
        for (event, sure) in &events {
            let score = service.score(&profile, event);
            prop_assert!((0.0..=1.0).contains(&score.probability) && score.llr.is_finite());
            prop_assert!(score.reasons.iter().all(|r| r.weight.is_finite()));
            service.learn(&mut profile, event, Accepted::Scored(*sure));
            prop_assert_eq!(&Profile::from_bytes(&profile.to_bytes()).expect("is read"), &profile);
            prop_assert_eq!(&Service::from_bytes(&service.to_bytes()).expect("is read"), &service);
        }
    }

    #[test]
    fn what_is_worse_never_lowers_a_score(change in 0usize..9, more in 1u32..2000) {
        let (service, profile) = settled(30);
        let before = home(30);
        let mut after = before.clone();
        match change {
            0 => after.address = Some("203.0.113.1".to_owned()),
            1 => after.network = Some(more),
            2 => after.place = abroad(30).place,
            3 => after.agent = Agent::parse("Mozilla/5.0 (X11; Linux) Chrome/9.0 Safari/1", None),
            4 => after.device_key = DeviceKey::Proved(u64::from(more) + 7),
            5 => after.recent.person_failures = more,
            6 => after.recent.address_failures = more,
            7 => after.recent.address_strangers = more,
            _ => after.sample_reused = true,
        }
        let llr = |event: &Event| service.score(&profile, event).llr;
        prop_assert!(llr(&after) >= llr(&before));
    }

    #[test]
    fn no_fit_lets_a_worse_feature_lower_a_ratio(
        attacks_first in any::<bool>(),
        at in 0usize..COUNT,
        base in proptest::collection::vec(0.0f32..6.0, COUNT),
        more in 0.0f32..5.0,
    ) {
        static FITTED: LazyLock<Experts> = LazyLock::new(|| {
            let mut random = Random::new(3, 3);
            // What is fitted to is noise, and on one side the wrong way round.
            let mut rows = |scale: f64| -> Vec<Features> {
                (0..400).map(|_| std::array::from_fn(|_| (scale * random.unit()) as f32)).collect()
            };
            let (low, high) = (rows(1.0), rows(2.0));
            Experts(Likeness::ALL.map(|likeness| match likeness {
                Likeness::Naive | Likeness::Neighbour => Expert::fit(likeness, &low, &high),
                Likeness::Informed | Likeness::Stuffing => Expert::fit(likeness, &high, &low),
            }))
        });
        let experts = if attacks_first { &*FITTED } else { &Experts::default() };
        let mut features: Features = std::array::from_fn(|k| base[k]);
        let before = experts.llr(&features).0;
        features[at] += more;
        let moved = (experts.llr(&features).0 - before) * sign(at);
        prop_assert!(moved >= -1e-3, "{at}: {moved}");
    }

    #[test]
    fn any_bytes_are_a_model_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..3000, flip in 1u8..) {
        let _ = Profile::from_bytes(&bytes);
        let (service, profile) = settled(20);
        bytes = profile.to_bytes();
        let index = at % bytes.len();
        bytes[index] ^= flip;
        if let Ok(read) = Profile::from_bytes(&bytes) {
            prop_assert!(service.score(&read, &abroad(20)).llr.is_finite());
            prop_assert_eq!(read.to_bytes(), bytes);
        }
        bytes = service.to_bytes();
        let index = at % bytes.len();
        bytes[index] ^= flip;
        if let Ok(read) = Service::from_bytes(&bytes) {
            prop_assert!(read.score(&profile, &abroad(20)).llr.is_finite());
        }
        prop_assert!(Service::from_bytes(&bytes[..index]).is_err());
    }
}

#[test]
fn no_journey_is_read_from_a_tunnel_and_the_limit_of_speed_is_the_operators() {
    let (mut service, mut profile) = settled(40);
    service.learn(&mut profile, &home(40), Accepted::Scored(0.0));
    let odd = service.score(&profile, &abroad(40));
    assert!(odd.is_impossible_travel, "{odd:?}");
    let tunnelled = Event {
        is_tunnelled: true,
        ..abroad(40)
    };
    let through = service.score(&profile, &tunnelled);
    assert!(!through.is_impossible_travel, "{through:?}");
    assert!(through.probability < odd.probability);
    // Nor does it count as where the person was: back home at once is no journey.
    let mut there = profile.clone();
    service.learn(&mut there, &tunnelled, Accepted::Confirmed);
    let mut back = home(40);
    back.at_s = tunnelled.at_s + 60;
    assert!(!service.score(&there, &back).is_impossible_travel);
    // Whoever was abroad without one was there.
    service.learn(&mut profile, &abroad(40), Accepted::Confirmed);
    assert!(service.score(&profile, &back).is_impossible_travel);
    let rocket = Event {
        fastest_km_per_h: Some(1e6),
        ..back
    };
    assert!(!service.score(&profile, &rocket).is_impossible_travel);
}

#[test]
fn a_profile_of_the_version_before_is_read() {
    let (_, profile) = settled(40);
    let mut bytes = profile.to_bytes();
    let at = profile.last_s().expect("was here").to_le_bytes();
    let twice = [at, at].concat();
    let place = bytes.windows(17).position(|w| w[0] == 1 && w[1..] == twice);
    let place = place.expect("when, and when placed");
    bytes.drain(place + 9..place + 17);
    bytes[4] = 1;
    assert_eq!(Profile::from_bytes(&bytes), Ok(profile));
}

proptest! {
    /// However the logins of somebody patient are spread: a day teaches no more than its cap, and what was learned of
    /// the person's own habits stays the greater part for as long as the person comes too.
    #[test]
    fn a_slow_drift_moves_a_profile_by_no_more_than_the_cap_of_each_day(
        logins in proptest::collection::vec((0i64..30, 0i64..86_400, 0.0f64..=1.0), 1..400),
    ) {
        let (mut service, mut profile) = settled(60);
        let mut logins = logins;
        logins.sort_by_key(|(day, second, _)| (*day, *second));
        let mut learned = std::collections::BTreeMap::<i64, f32>::new();
        for (day, second, probability) in logins {
            let event = Event { at_s: (60 + day) * 86_400 + second, ..abroad(60 + day) };
            let before = profile.logins();
            let weight = service.learn(&mut profile, &event, Accepted::Scored(probability));
            prop_assert!(profile.logins() <= before + weight + 1e-3);
            *learned.entry(60 + day).or_default() += weight;
        }
        for (day, weight) in learned {
            prop_assert!(weight <= MOST_LEARNED_A_DAY + 1e-3, "{day}: {weight}");
        }
    }
}

#[test]
fn one_evening_of_somebody_else_makes_no_place_the_persons() {
    let (mut service, mut profile) = settled(60);
    for minute in 0..600 {
        let mut event = abroad(60);
        event.at_s += 60 * minute;
        service.learn(&mut profile, &event, Accepted::Scored(0.01));
    }
    let after = service.score(&profile, &abroad(62));
    let home = service.score(&profile, &home(62));
    assert!(
        home.probability < 0.01 * after.probability,
        "{home:?} {after:?}"
    );
}

#[test]
fn clocks_that_differ_at_midnight_do_not_open_the_day_anew() {
    let (mut service, mut profile) = settled(60);
    let mut learned = 0.0;
    for k in 0..200 {
        let mut event = abroad(60);
        // One server is past midnight, the other not yet.
        event.at_s = 61 * 86_400 + if k % 2 == 0 { 5 } else { -5 };
        learned += service.learn(&mut profile, &event, Accepted::Confirmed);
    }
    assert!(learned <= 2.0 * MOST_LEARNED_A_DAY + 1e-3, "{learned}");
}

/// A service of two hundred people who come each day, and now and then somebody with the password of one of them.
fn with_takeovers(share: f64) -> (Vec<Login>, f64) {
    let mut random = Random::new(5, 3);
    let mut takeovers = 0;
    let mut logins = Vec::new();
    for day in 0..60 {
        for person in 0..200u64 {
            let place = |country: &str, city: u64| Place {
                country: Some(country.to_owned()),
                city: Some(city.to_string()),
                ..Place::default()
            };
            let own = Event {
                at_s: day * 86_400 + 8 * 3600 + 60 * person as i64,
                address: Some(format!("10.0.{}.{}", person % 20, person)),
                network: Some(64_500 + (person % 20) as u32),
                place: place(["NO", "SE", "DE"][person as usize % 3], person % 9),
                ..home(day)
            };
            let is_takeover = random.chance(share);
            takeovers += u32::from(is_takeover);
            let draw = random.below(60_000) as u64;
            let event = match is_takeover {
                true => Event {
                    address: Some(format!("198.18.{}.{}", draw / 250, draw % 250)),
                    network: Some(200_000 + draw as u32),
                    place: place(["NO", "US", "BR"][draw as usize % 3], draw % 50),
                    device_key: DeviceKey::NotAsked,
                    ..own
                },
                false => Event {
                    device_key: DeviceKey::NotAsked,
                    ..own
                },
            };
            logins.push(Login {
                person,
                event,
                accepted: Accepted::Scored(0.0),
            });
        }
    }
    let share = f64::from(takeovers) / logins.len() as f64;
    (logins, share)
}

#[test]
fn the_share_of_attacks_that_traffic_suggests_is_of_the_order_of_what_it_is() {
    for wanted in [0.002, 0.01] {
        let (logins, share) = with_takeovers(wanted);
        let (service, _) = train(&logins, 1, |_| ());
        let said = service.attack_share();
        assert!(
            said > share / 4.0 && said < 2.0 * share,
            "{said} of {share}"
        );
    }
}
