//! What a judged attempt comes to, and what a model learns from.

use super::*;
use crate::places::write::{PlaceRow, place_file};
use crate::store::RiskModel;
use crate::store::tests::NOW;

const BANDS: Bands = Bands {
    medium: 0.02,
    high: 0.5,
    retrain: Duration::days(1),
};

fn seen(address: &str, agent: &str) -> Seen {
    Seen {
        address: address.parse().ok(),
        user_agent: Some(agent.to_owned()),
        ..Seen::default()
    }
}

pub(super) fn risk() -> Risk {
    travelling(|_| {})
}

/// With a database of three places; what the closure changes is the operator's.
fn travelling(change: impl FnOnce(&mut Travel)) -> Risk {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places");
    std::fs::write(&path, place_file(&PLACES)).expect("writes");
    let mut travel = Travel {
        fastest_km_per_h: 900.0,
        impossible: RiskBand::High,
        new_country: RiskBand::Medium,
        settled_logins: 20.0,
        tunnel_networks: Vec::new(),
        tunnel_systems: Vec::new(),
    };
    change(&mut travel);
    Risk::new(
        BANDS,
        travel,
        Arc::new(Places::open(&[path])),
        Trips::new(&[7; 32]),
    )
}

/// Of somebody who signed in from Oslo on these days.
fn at_home(risk: &Risk, days: i64) -> Profile {
    let mut profile = Profile::default();
    let home = seen("203.0.113.7", HOME);
    for day in 0..days {
        let event = risk.event_of(&home, &[], NOW + Duration::days(day));
        let (_, model) = risk.model();
        model.teach(&mut profile, &event, Accepted::Confirmed);
    }
    profile
}

const PLACES: [PlaceRow; 3] = [
    PlaceRow {
        address: "203.0.113.0",
        bits: 25,
        country: "NO",
        city: "Oslo",
        at: (59.9, 10.7),
        network: 64_500,
    },
    PlaceRow {
        address: "203.0.113.128",
        bits: 26,
        country: "NO",
        city: "Bergen",
        at: (60.4, 5.3),
        network: 64_501,
    },
    PlaceRow {
        address: "2001:db8:1::",
        bits: 48,
        country: "US",
        city: "Los Angeles",
        at: (34.1, -118.2),
        network: 64_502,
    },
];

#[test]
fn a_journey_that_nobody_makes_is_at_the_risk_that_the_operator_says_and_is_told_in_words() {
    let risk = risk();
    let profile = at_home(&risk, 40);
    let soon = NOW + Duration::days(39) + Duration::minutes(40);
    let away = seen("2001:db8:1::7", HOME);
    let judged = risk.judge(&profile, &risk.event_of(&away, &[], soon), &away);
    assert_eq!(judged.band, RiskBand::High, "{judged:?}");
    let told = judged.reasons.join(", ");
    for reason in [
        "new country US",
        "8,600 km in 40 minutes",
        "first time on this network (AS64502)",
    ] {
        assert!(told.contains(reason), "{told}");
    }
    // The same at leisure is new, and no impossible journey.
    let later = NOW + Duration::days(41);
    let judged = risk.judge(&profile, &risk.event_of(&away, &[], later), &away);
    assert!(judged.band >= RiskBand::Medium, "{judged:?}");
    let told = judged.reasons.join(", ");
    assert!(
        told.contains("new country US") && !told.contains("km"),
        "{told}"
    );
    // From Oslo to Bergen one flies.
    let near = seen("203.0.113.130", HOME);
    let judged = risk.judge(&profile, &risk.event_of(&near, &[], soon), &near);
    assert!(!judged.reasons.join(", ").contains("km in"), "{judged:?}");
}

#[test]
fn by_a_tunnel_nobody_travels() {
    let soon = NOW + Duration::days(39) + Duration::minutes(40);
    let away = seen("2001:db8:1::7", HOME);
    let mapped = seen("::ffff:203.0.113.7", HOME);
    for (of, is_tunnel) in [
        (travelling(|t| t.tunnel_systems = vec![64_502]), true),
        (travelling(|t| t.tunnel_systems = vec![64_503]), false),
        (
            travelling(|t| t.tunnel_networks = vec!["2001:db8::/32".parse().expect("a network")]),
            true,
        ),
        (travelling(|t| t.fastest_km_per_h = 20_000.0), true),
    ] {
        let profile = at_home(&of, 40);
        let judged = of.judge(&profile, &of.event_of(&away, &[], soon), &away);
        let is_told = judged.reasons.join(", ").contains("km in");
        assert_eq!(is_told, !is_tunnel, "{judged:?}");
    }
    let here = travelling(|t| t.tunnel_networks = vec!["203.0.113.0/25".parse().expect("one")]);
    assert!(here.event_of(&mapped, &[], NOW).is_tunnelled);
}

#[test]
fn what_is_kept_of_a_place_is_country_and_city() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places");
    std::fs::write(&path, place_file(&PLACES)).expect("writes");
    let places = Places::open(&[path]);
    let located = places.locate("203.0.113.7".parse().expect("an address"));
    let seen = Seen {
        place: located.into(),
        ..seen("203.0.113.7", HOME)
    };
    let kept = serde_json::to_value(&seen).expect("JSON");
    let place = serde_json::json!({"country": "NO", "city": "Oslo"});
    assert_eq!(kept["place"], place, "{kept}");
    assert_eq!(seen.place.told().as_deref(), Some("Oslo, NO"));
    // An attempt of the version before knows no place.
    let old = serde_json::json!({"address": "203.0.113.7", "user_agent": null});
    let old: Seen = serde_json::from_value(old).expect("reads");
    assert_eq!(old.place.told(), None);
    // And a place that no database knows any more is what it was then.
    let none = Risk::new(
        BANDS,
        risk().travel,
        Arc::new(Places::open(&[])),
        Trips::new(&[7; 32]),
    );
    let event = none.event_of(&seen, &[], NOW);
    assert_eq!(event.place.country.as_deref(), Some("NO"));
}

const HOME: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const OTHER: &str = "curl/8.5.0";

#[test]
fn somebody_of_whom_nothing_is_known_is_at_medium_risk_at_least() {
    let risk = risk();
    let home = seen("192.0.2.7", HOME);
    let judged = risk.judge(&Profile::default(), &risk.event_of(&home, &[], NOW), &home);
    assert!(judged.band >= RiskBand::Medium, "{judged:?}");
}

#[test]
fn a_habit_lowers_the_risk_and_what_is_new_raises_it_with_reasons() {
    let risk = risk();
    let home = seen("192.0.2.7", HOME);
    let mut profile = Profile::default();
    let (_, model) = risk.model();
    for day in 0..40 {
        let event = risk.event_of(&home, &[], NOW + Duration::days(day));
        model.teach(&mut profile, &event, Accepted::Confirmed);
    }
    let now = NOW + Duration::days(40);
    let same = risk.judge(&profile, &risk.event_of(&home, &[], now), &home);
    let away = seen("198.51.100.9", OTHER);
    let other = risk.judge(&profile, &risk.event_of(&away, &[], now), &away);
    assert!(same.probability < other.probability, "{same:?} {other:?}");
    assert!(
        same.band <= other.band && !other.reasons.is_empty(),
        "{other:?}"
    );
    let read = read_profile(&profile.to_bytes());
    assert_eq!(
        risk.judge(&read, &risk.event_of(&home, &[], now), &home),
        same
    );
}

#[test]
fn only_a_newer_model_takes_the_place_of_the_one_that_is_held() {
    let risk = risk();
    risk.hold(2, Service::default());
    risk.hold(1, Service::default());
    assert_eq!(risk.model().0, 2);
}

#[test]
fn what_an_attacker_hardly_has_confirms_and_a_password_does_not() {
    let nobody = wire::CredentialId(uuid::Uuid::nil());
    let shown = |factor| [Evidence::matched(factor, [], nobody, NOW)];
    let password = accepted(&shown(wire::FactorKind::Password), Some(0.1));
    assert_eq!(password, Accepted::Scored(0.1));
    assert_eq!(
        accepted(&shown(wire::FactorKind::Totp), Some(0.9)),
        Accepted::Confirmed
    );
}

#[tokio::test]
async fn of_two_that_learn_at_once_one_is_kept() {
    let (_folder, store) = crate::store::tests::store().await;
    let ada = crate::store::tests::subject(&store, "ada").await;
    let none = store.risk_profile(ada.id).await.expect("asks");
    for (bytes, is_kept) in [(vec![1], true), (vec![2], false)] {
        let kept = store.put_risk_profile(ada.id, &none, bytes, NOW).await;
        assert_eq!(kept.expect("asks"), is_kept);
    }
    let one = store.risk_profile(ada.id).await.expect("asks");
    assert_eq!((one.revision, &one.bytes[..]), (1, &[1][..]));
    for (bytes, is_kept) in [(vec![3], true), (vec![4], false)] {
        let kept = store.put_risk_profile(ada.id, &one, bytes, NOW).await;
        assert_eq!(kept.expect("asks"), is_kept);
    }
    // It goes after six months without a login.
    for (days, is_there) in [(182, true), (184, false)] {
        store
            .sweep(NOW + Duration::days(days))
            .await
            .expect("sweeps");
        let kept = store.risk_profile(ada.id).await.expect("asks");
        assert_eq!(kept.revision != 0, is_there, "{days}");
    }
    let model = |version| RiskModel {
        version,
        bytes: Service::default().to_bytes(),
        logins: 1,
        trained_at: NOW,
    };
    for (version, is_added) in [(1, true), (1, false), (2, true), (3, true)] {
        let added = store.add_risk_model(model(version)).await;
        assert_eq!(added.expect("asks"), is_added, "{version}");
    }
    assert!(store.risk_model(1).await.expect("asks").is_none());
    assert_eq!(
        store.risk_model_version().await.expect("asks"),
        Some((3, NOW))
    );
}

#[tokio::test]
async fn where_the_newest_model_cannot_be_read_the_one_before_serves() {
    let (_folder, store) = crate::store::tests::store().await;
    let model = |version, bytes| RiskModel {
        version,
        bytes,
        logins: 700,
        trained_at: NOW,
    };
    let good = Service::default().to_bytes();
    for (version, bytes) in [(1, good.clone()), (2, b"of a newer release".to_vec())] {
        store
            .add_risk_model(model(version, bytes))
            .await
            .expect("asks");
    }
    // Just started, and while it runs.
    let fresh = risk();
    for _ in 0..2 {
        fresh.read_newest(&store, 2).await.expect("asks");
        assert_eq!(fresh.model().0, 1);
        assert_eq!(
            fresh.unreadable.load(std::sync::atomic::Ordering::Acquire),
            2
        );
    }
    store.add_risk_model(model(3, good)).await.expect("asks");
    fresh.read_newest(&store, 3).await.expect("asks");
    assert_eq!(fresh.model().0, 3);
}

#[test]
fn what_a_page_counts_and_a_browser_tells_is_in_the_event_and_nothing_is_made_of_what_is_not_there()
{
    let risk = risk();
    let silent = risk.event_of(&seen("192.0.2.7", HOME), &[], NOW);
    assert_eq!((silent.page, silent.round_trip_ms), (Page::default(), None));
    assert_eq!(
        (silent.device_key, silent.agent.hints),
        (ProvedKey::NotAsked, None)
    );
    let told = Seen {
        page: Rhythm {
            key_hold_ms: Some(95),
            round_trip_ms: Some(31),
            ..Rhythm::default()
        },
        hints: Some("mobile=?0".to_owned()),
        device_key: DeviceKey::Known(7),
        ..seen("192.0.2.7", HOME)
    };
    let event = risk.event_of(&told, &[], NOW);
    assert_eq!(
        (event.page.key_hold_ms, event.round_trip_ms),
        (Some(95.0), Some(31.0))
    );
    assert_eq!(event.agent.hints.as_deref(), Some("mobile=?0"));
    assert_eq!(event.device_key, ProvedKey::Proved(7));
    let none = Seen {
        device_key: DeviceKey::Unknown,
        ..told
    };
    assert_eq!(risk.event_of(&none, &[], NOW).device_key, ProvedKey::Absent);
}

#[test]
fn a_model_tells_operators_how_it_stands() {
    let state = ModelState {
        serves: 3,
        unreadable: Some(4),
        fitted: Some((700, NOW)),
        training: Some(crate::store::Training {
            holder: "a".into(),
            version: 5,
            part: 0.42,
            problem: None,
            began_at: NOW,
            held_until: NOW,
        }),
    };
    let on = NOW.date();
    assert_eq!(
        state.to_string(),
        format!(
            "version 3 of {on}, fitted to 700 logins; version 4 cannot be read; version 5 in training, 42 %"
        )
    );
}
