//! What must hold of scores, profiles and stored models, whatever comes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::experts::{Expert, Experts};
use super::features::{COUNT, Features, sign};
use super::params::MOST_LEARNED_A_DAY;
use super::profile::MEASURES;
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
    assert!(later.llr > now.llr + 1.0 && later.is_cold && !now.is_cold);
    let little = |score: &Score| score.reasons.iter().any(|r| r.cause == Cause::LittleKnown);
    assert!(little(&later) && !little(&now), "{later:?}");
    // Days before, what is known is still held against what comes.
    let before = service.score(&profile, &abroad(60 + 180));
    let network = Cause::NewNetwork { network: 64_501 };
    assert!(before.reasons.iter().any(|r| r.cause == network));
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
            given: None,
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
    // Since 3 measures and browsers have a time each.
    let end = bytes.len() - 24;
    bytes.drain(end - 8..end);
    let at = profile.last_s().expect("was here").to_le_bytes();
    let twice = [at, at].concat();
    let place = bytes.windows(17).position(|w| w[0] == 1 && w[1..] == twice);
    let place = place.expect("when, and when placed");
    bytes.drain(place + 9..place + 17);
    let measured = place - 8 * MEASURES..place;
    assert!(bytes[measured.clone()].chunks(8).any(|it| it == &at[..]));
    bytes.drain(measured);
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
            let before = profile.logins(event.at_s);
            let weight = service.learn(&mut profile, &event, Accepted::Scored(probability));
            prop_assert!(profile.logins(event.at_s) <= before + weight + 1e-3);
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
                given: None,
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
            said > share / 5.0 && said < 2.0 * share,
            "{said} of {share}"
        );
    }
}

#[test]
fn one_mistyped_password_weighs_little_where_honest_people_mistype() {
    let (mut logins, _) = with_takeovers(0.0);
    for (index, login) in logins.iter_mut().enumerate() {
        login.event.recent.person_failures = u32::from(index % 10 == 0);
    }
    let raise = |logins: &[Login]| {
        let (service, profiles) = train(logins, 1, |_| ());
        let usual = Event {
            at_s: 60 * 86_400 + 8 * 3600 + 60 * 7,
            ..logins.last().expect("logins").event.clone()
        };
        let after_one = |person_failures| Event {
            recent: Recent {
                person_failures,
                ..Recent::default()
            },
            ..usual.clone()
        };
        let llr = |failures| service.score(&profiles[&199], &after_one(failures)).llr;
        llr(1) - llr(0)
    };
    let learned = raise(&logins);
    assert!((0.0..1.0).contains(&learned), "{learned}");
    // Whoever leaves out of the history what happened before its logins takes it for rarer than it is.
    for login in &mut logins {
        login.event.recent = Recent::default();
    }
    let blind = raise(&logins);
    assert!(blind > learned + 0.1, "{blind} {learned}");
}

#[test]
fn a_key_that_a_login_gave_is_known_when_it_comes_and_was_not_there_before() {
    let with_key = |given: bool| {
        let logins: Vec<Login> = (0..3_000)
            .map(|k| {
                let (person, day) = (k % 100, k as i64 / 100);
                let key = match day {
                    0 => DeviceKey::Absent,
                    _ => DeviceKey::Proved(person),
                };
                Login {
                    person,
                    event: Event {
                        at_s: day * 86_400 + 60 * person as i64,
                        device_key: key,
                        ..home(day)
                    },
                    given: (given && day == 0).then_some(person),
                    accepted: Accepted::Confirmed,
                }
            })
            .collect();
        let profile = train(&logins[..100], 1, |_| ())
            .1
            .remove(&7)
            .expect("seven");
        Service::default().score(&profile, &logins[107].event)
    };
    let is_new = |score: &Score| score.reasons.iter().any(|r| r.cause == Cause::NewDeviceKey);
    assert!(!is_new(&with_key(true)), "{:?}", with_key(true));
    assert!(with_key(true).llr < with_key(false).llr);
}

/// As at home, with everything measured.
fn measured(day: i64) -> Event {
    Event {
        page: Page {
            key_hold_ms: Some(95.0),
            key_flight_ms: Some(140.0),
            pointer_px_per_s: Some(900.0),
            filled_in_ms: Some(8_000.0),
        },
        biometric_llr: Some(14.0),
        ..home(day)
    }
}

/// Of somebody who signs in at nine on five days of seven, among others who type, point and come as they do.
fn at_work() -> (Service, Profile) {
    let (mut service, mut profile) = (Service::default(), Profile::default());
    let mut others: Vec<Profile> = vec![Profile::default(); 20];
    // The first of January 1970 was a Thursday: days 2 and 3 are a weekend.
    for day in (0..60).filter(|day| ![2, 3].contains(&(day % 7))) {
        for (k, other) in others.iter_mut().enumerate() {
            let wobble = 1.0 + 0.02 * ((day as usize + 3 * k) % 5) as f64;
            let factor = (0.6 + 0.05 * k as f64) * wobble;
            let mut event = measured(day);
            event.at_s += 3600 * (k as i64 % 12) - 6 * 3600;
            event.page.key_hold_ms = Some(95.0 * factor);
            event.page.key_flight_ms = Some(140.0 * factor);
            event.page.pointer_px_per_s = Some(900.0 * factor);
            event.page.filled_in_ms = Some(8_000.0 * factor);
            event.round_trip_ms = Some(30.0 * factor);
            event.biometric_llr = Some(14.0 * factor);
            event.address = Some(format!("192.0.2.{}", 50 + k));
            event.recent.service_attempts = 200;
            event.recent.service_failures = 6;
            service.learn(other, &event, Accepted::Scored(0.0));
        }
        service.learn(&mut profile, &measured(day), Accepted::Scored(0.0));
    }
    (service, profile)
}

/// A Monday.
const MONDAY: i64 = 60;

#[test]
fn each_thing_that_is_odd_raises_the_score_and_is_said() {
    type Change = fn(&mut Event);
    type Expected = fn(&Cause) -> bool;
    const ELSEWHERE: &str =
        "Mozilla/5.0 (Linux; Android 15; K) Chrome/142.0.0.0 Mobile Safari/537.36";
    const OLDER: &str = "Mozilla/5.0 (Windows NT 10.0; rv:109.0) Gecko/20100101 Firefox/99.0";
    let hint = |text: &str| Some(text.to_owned());
    let table: &[(&str, Change, Expected)] = &[
        (
            "at three at night",
            |e| e.at_s -= 6 * 3600,
            |c| matches!(c, Cause::OddHour { hour: 3, .. }),
        ),
        (
            "on a Sunday",
            |e| e.at_s -= 86_400,
            |c| *c == Cause::OddWeekday { weekday: 6 },
        ),
        (
            "after seventy days more",
            |e| e.at_s += 70 * 86_400,
            |c| *c == Cause::LongAbsence { days: 73 },
        ),
        (
            "in another city within the hour",
            |e| {
                e.at_s = measured(57).at_s + 3600;
                e.place.city = Some("Moss".to_owned());
                e.place.coordinates = None;
            },
            |c| *c == Cause::HastyMove { minutes: 60 },
        ),
        (
            "ten times the round trip",
            |e| e.round_trip_ms = Some(300.0),
            |c| *c == Cause::OddRoundTrip { ms: 300 },
        ),
        (
            "filled in otherwise",
            |e| e.page = robot(),
            |c| *c == Cause::OddTyping,
        ),
        (
            "a poorer match",
            |e| e.biometric_llr = Some(4.0),
            |c| *c == Cause::PoorerBiometric,
        ),
        (
            "a sample of before",
            |e| e.sample_reused = true,
            |c| *c == Cause::SampleReused,
        ),
        (
            "another machine with other hints",
            |e| e.agent = Agent::parse(ELSEWHERE, Some("mobile=?1".to_owned())),
            |c| *c == Cause::NewHints,
        ),
        (
            "an older browser",
            |e| e.agent = Agent::parse(OLDER, Some("mobile=?0".to_owned())),
            |c| matches!(c, Cause::OlderRelease { .. }),
        ),
        (
            "a service under attack",
            |e| (e.recent.service_attempts, e.recent.service_failures) = (200, 150),
            |c| *c == Cause::ServiceFailures,
        ),
        (
            "failures of the person",
            |e| e.recent.person_failures = 4,
            |c| *c == Cause::PersonFailures { count: 4 },
        ),
        (
            "failures of the address",
            |e| e.recent.address_failures = 30,
            |c| *c == Cause::AddressFailures { count: 30 },
        ),
        (
            "strangers of the address",
            |e| e.recent.address_strangers = 30,
            |c| *c == Cause::AddressStrangers { count: 30 },
        ),
        (
            "another address",
            |e| e.address = Some("203.0.113.1".to_owned()),
            |c| *c == Cause::NewAddress,
        ),
        (
            "another network",
            |e| e.network = Some(64_777),
            |c| *c == Cause::NewNetwork { network: 64_777 },
        ),
        (
            "no key",
            |e| e.device_key = DeviceKey::Absent,
            |c| *c == Cause::NoDeviceKey,
        ),
    ];
    let (service, mut profile) = at_work();
    let mut usual = measured(MONDAY);
    usual.agent.hints = hint("mobile=?0");
    let friday = Event {
        at_s: measured(57).at_s,
        ..usual.clone()
    };
    service.teach(&mut profile, &friday, Accepted::Confirmed);
    let before = service.score(&profile, &usual);
    assert!(!before.is_cold, "{before:?}");
    for (what, change, is_expected) in table {
        let mut event = usual.clone();
        change(&mut event);
        let after = service.score(&profile, &event);
        assert!(after.llr > before.llr, "{what}: {after:?} {before:?}");
        let is_said = |score: &Score| {
            let mut reasons = score.reasons.iter();
            reasons.any(|r| is_expected(&r.cause) && r.weight > 0.0)
        };
        assert!(is_said(&after) && !is_said(&before), "{what}: {after:?}");
    }
}

/// How nobody fills in a page.
fn robot() -> Page {
    Page {
        key_hold_ms: Some(9.0),
        key_flight_ms: Some(11.0),
        pointer_px_per_s: Some(40_000.0),
        filled_in_ms: Some(300.0),
    }
}

#[test]
fn each_measure_of_a_page_counts_by_itself() {
    let (service, profile) = at_work();
    let alone: [fn(Page) -> Page; 4] = [
        |p| Page {
            key_hold_ms: p.key_hold_ms,
            ..Page::default()
        },
        |p| Page {
            key_flight_ms: p.key_flight_ms,
            ..Page::default()
        },
        |p| Page {
            pointer_px_per_s: p.pointer_px_per_s,
            ..Page::default()
        },
        |p| Page {
            filled_in_ms: p.filled_in_ms,
            ..Page::default()
        },
    ];
    let own = measured(MONDAY).page;
    let times = |factor: f64| {
        let scale = |it: Option<f64>| it.map(|it| it * factor);
        Page {
            key_hold_ms: scale(own.key_hold_ms),
            key_flight_ms: scale(own.key_flight_ms),
            pointer_px_per_s: scale(own.pointer_px_per_s),
            filled_in_ms: scale(own.filled_in_ms),
        }
    };
    for (index, alone) in alone.into_iter().enumerate() {
        let score = |page: Page| {
            let event = Event {
                page: alone(page),
                ..measured(MONDAY)
            };
            service.score(&profile, &event)
        };
        let none = service.score(
            &profile,
            &Event {
                page: Page::default(),
                ..measured(MONDAY)
            },
        );
        let (usual, odd) = (score(own), score(times(5.0)));
        assert!(usual.llr < none.llr && none.llr < odd.llr, "{index}");
        let said = |score: &Score| score.reasons.iter().any(|r| r.cause == Cause::OddTyping);
        assert!(said(&odd) && !said(&usual), "{index}: {odd:?}");
    }
}

#[test]
fn a_network_of_strangers_is_said() {
    let (mut service, profile) = at_work();
    for person in 0..60u64 {
        let mut stranger = Profile::default();
        service.learn(&mut stranger, &home(55), Accepted::Scored(0.0));
        let event = Event {
            network: Some(64_999),
            address: Some(format!("198.18.0.{person}")),
            ..home(58)
        };
        service.learn(&mut stranger, &event, Accepted::Scored(0.0));
    }
    let weight = |network| {
        let event = Event {
            network: Some(network),
            address: Some("198.18.7.1".to_owned()),
            ..measured(MONDAY)
        };
        let reasons = service.score(&profile, &event).reasons;
        let of_strangers = reasons
            .iter()
            .find(|r| r.cause == Cause::NetworkOfStrangers);
        of_strangers.map_or(0.0, |r| r.weight)
    };
    let (theirs, nobodys) = (weight(64_999), weight(64_888));
    assert!(theirs > nobodys + 0.8, "{theirs} {nobodys}");
}

#[test]
fn after_more_than_a_year_nothing_of_a_person_is_left() {
    let (service, profile) = at_work();
    let later = Event {
        at_s: measured(60 + 400).at_s,
        page: Page {
            key_hold_ms: Some(300.0),
            ..Page::default()
        },
        ..abroad(0)
    };
    let score = service.score(&profile, &later);
    assert!(score.is_cold && !score.is_impossible_travel, "{score:?}");
    let is_body_or_way = |cause: &Cause| {
        matches!(
            cause,
            Cause::OddTyping
                | Cause::PoorerBiometric
                | Cause::OddHour { .. }
                | Cause::LongAbsence { .. }
                | Cause::HastyMove { .. }
                | Cause::ImpossibleTravel { .. }
        )
    };
    assert!(
        !score.reasons.iter().any(|r| is_body_or_way(&r.cause)),
        "{score:?}"
    );
    let left = profile.as_of(later.at_s);
    assert_eq!((left.logins(later.at_s), left.last_s()), (0.0, None));
    assert!(left.habits().page.iter().all(|(_, mean)| mean.is_none()));
    assert!(profile.habits().page.iter().all(|(_, mean)| mean.is_some()));
    // Nor does it come back with the next login.
    let mut learned = profile.clone();
    service.teach(&mut learned, &home(460), Accepted::Confirmed);
    assert!(learned.logins(home(460).at_s) <= 1.0);
    assert!(learned.habits().page.iter().all(|(_, mean)| mean.is_none()));
}

#[test]
fn whoever_comes_without_being_measured_for_six_months_is_not_held_to_old_measures() {
    let (service, mut profile) = at_work();
    let day = 60 + 184;
    for day in (60..day).step_by(5) {
        service.teach(&mut profile, &home(day), Accepted::Confirmed);
    }
    let slow = Event {
        page: Page {
            key_hold_ms: Some(300.0),
            ..Page::default()
        },
        ..home(day)
    };
    let score = service.score(&profile, &slow);
    let typing = |score: &Score| score.reasons.iter().any(|r| r.cause == Cause::OddTyping);
    assert!(!score.is_cold && !typing(&score), "{score:?}");
    let sooner = Event {
        at_s: home(200).at_s,
        ..slow
    };
    assert!(typing(&service.score(&profile, &sooner)));
    let left = profile.as_of(home(day).at_s);
    assert!(left.habits().page.iter().all(|(_, mean)| mean.is_none()));
    // The browser and the round trip were of lately.
    assert_eq!((&left.newest, &left.trip), (&profile.newest, &profile.trip));
}
