//! Every species of simulated attack on a login by face, over the wire: none is let in, and the simulated subject is.
//!
//! A few captures each: enough to see a gate that is open, too few for a rate. The rates of the simulation are those of
//! `evaluate pad`.

use std::time::Duration;

use matcher::simulation::{Cast, Species};
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    need,
    person::Person,
    relying_party::Ask,
    stand_in::{Camera, StandIn},
};
use tokio::time::timeout;
use wire::{AuditOutcome, FactorKind};

use crate::captures::{DEMONSTRATION, PASSWORD, Street, told};

/// One login; whether it ends with somebody let in.
async fn is_let_in(street: &Street, mut before_the_camera: StandIn, what: &str) -> bool {
    let person = Person::new();
    let capture = street.login_page(&person).await;
    let mut line = street.line(&person, &capture).await;
    match timeout(PATIENCE, line.film(&mut before_the_camera)).await {
        Ok(Ok(played)) => {
            told(what, &played);
            street.ends(&person, &capture).await
        }
        Ok(Err(error)) => {
            println!("{what}: {error}");
            false
        }
        Err(_) => {
            println!("{what}: came to no end");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_subject_is_let_in_and_no_simulated_attack() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let mut is_subject_in = false;
    for seed in 21..=28 {
        is_subject_in = is_let_in(&street, street.sits(seed), "subject").await;
        if is_subject_in {
            break;
        }
    }
    let cast = Cast {
        victim: street.head.clone(),
        attacker: street.somebody_else(),
    };
    let mut let_in = Vec::new();
    for (species, seed) in Species::ALL.into_iter().zip(41..) {
        let attack = StandIn::new(species.stage(&cast, seed));
        if is_let_in(&street, attack, species.name()).await {
            let_in.push(species.name());
        }
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    for event in events.iter().rev() {
        if event.kind == "factor.verified" && event.factor == Some(FactorKind::Face) {
            println!("{:?} {:?}", event.outcome, event.detail);
        }
    }
    assert!(is_subject_in, "of eight captures none was let in");
    assert!(let_in.is_empty(), "let in: {let_in:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_lets_the_simulated_subject_in() {
    let browser = need!(Browser::here());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    // One after the other, so that a person is as fast as a person is.
    let mut seconds = Vec::new();
    for seed in 51..=56 {
        let login = Visit::of(&street, street.sits(seed), None).await;
        let ended = visit(&browser, &login).await;
        println!("subject: {ended}");
        if ended["how"] == "let in" {
            seconds.push(ended["took"].as_f64().expect("a time") / 1000.0);
            if seconds.len() == 2 {
                break;
            }
        }
    }
    assert!(!seconds.is_empty(), "of six captures none was let in");
    println!("from the first prompt to the end: {seconds:.1?} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_lets_no_species_of_simulated_attack_in() {
    let browser = need!(Browser::here());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let cast = Cast {
        victim: street.head.clone(),
        attacker: street.somebody_else(),
    };
    let (mut visits, mut ended) = (Vec::new(), Vec::new());
    for (species, seed) in Species::ALL.into_iter().zip(61..) {
        // Who tampers is on the way from an honest page to the server.
        let on_the_way = match species {
            Species::Reordered => Some("reorder"),
            Species::Repeated => Some("repeat"),
            _ => None,
        };
        let before_the_camera = match on_the_way {
            Some(_) => street.sits(seed),
            None => StandIn::new(species.stage(&cast, seed)),
        };
        let login = Visit::of(&street, before_the_camera, on_the_way).await;
        let end = visit(&browser, &login).await;
        println!("{}: {end}", species.name());
        ended.push(end);
        visits.push(login);
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let mut wrong = Vec::new();
    for ((species, visit), ended) in Species::ALL.into_iter().zip(&visits).zip(&ended) {
        let at = ended["at"].as_str().unwrap_or_default();
        let judged = events.iter().find(|event| {
            let attempt = event.attempt.map(|id| id.to_string());
            event.kind == "factor.verified"
                && event.factor == Some(FactorKind::Face)
                && attempt.is_some_and(|id| at.contains(&id))
        });
        let said = |name: &str| {
            let detail = judged.and_then(|event| event.detail.get(name));
            detail.map_or("", String::as_str)
        };
        let name = species.name();
        println!("{name}: {} for {}", said("gate"), said("cues"));
        assert_eq!(ended["complaints"], json!([]), "{name}");
        let how = ended["how"].as_str().unwrap_or_default();
        let told = ended["said"].as_str().unwrap_or_default();
        let is_refused_for_it = if visit.on_the_way.is_some() {
            // Closed each time that the page tried, until it gave up; nothing came to be judged.
            let closed = ended["closed"].as_array().map_or(&[][..], Vec::as_slice);
            how == "given up"
                && closed.len() > 1
                && closed.iter().all(|code| *code == OUT_OF_ORDER)
                && judged.is_none()
        } else if how == "never asked" {
            gives_away(species).contains(&told) && judged.is_none()
        } else {
            assert!(
                !told.contains(|c: char| c.is_ascii_digit()),
                "no score is told: {name}: {told}"
            );
            how == "refused"
                && judged.is_some_and(|event| event.outcome == AuditOutcome::Refused)
                && said("gate") == "presentation_attack"
                && said("cues")
                    .split(", ")
                    .any(|cue| gives_away(species).contains(&cue))
        };
        assert!(visit.camera.frames() > 3, "{name} was filmed");
        if !is_refused_for_it {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not refused for what they are: {wrong:?}");
}

/// A login with somebody before the camera of its page, or on its line.
struct Visit {
    url: String,
    camera: Camera,
    on_the_way: Option<&'static str>,
}

impl Visit {
    async fn of(street: &Street, stand_in: StandIn, on_the_way: Option<&'static str>) -> Self {
        Self {
            url: street.scene.app.begin(Ask::default()).url.to_string(),
            camera: Camera::of(stand_in).await,
            on_the_way,
        }
    }
}

/// What became of a login in a browser.
async fn visit(browser: &Browser, visit: &Visit) -> Value {
    let arguments = json!({
        "url": visit.url, "username": "ada", "secret": PASSWORD, "actor": visit.camera.url,
        "tamper": visit.on_the_way,
    });
    let ended = browser.run("attacked_face", &arguments).await;
    ended.unwrap_or_else(|error| panic!("{error:#}"))
}

/// What a capture of this species is refused for, one at least of these: a prompt that it cannot answer, or what shows that
/// it is no head, or not of this moment. Nothing that a slow machine does to anybody is among them.
fn gives_away(species: Species) -> &'static [&'static str] {
    match species {
        Species::FlatPrint | Species::BentPrint | Species::WarpedStill | Species::ScreenPhoto => {
            &["answer_too_late", "answer_wrong", "depth", "whole"]
        }
        Species::CutOutEyes => &[
            "answer_too_late",
            "answer_wrong",
            "depth",
            "whole",
            "texture",
        ],
        Species::ReplayOnScreen | Species::ReplayFed => {
            &["answer_too_late", "answer_too_early", "answer_wrong"]
        }
        Species::TwoPeople => &["Only one person, please", "continuity", "answer_too_late"],
        // A picture that does not change is no second one, and nothing is asked of it.
        Species::FrozenFrame => &["answer_too_late", "freshness", ""],
        Species::BlinkingPuppet => &["answer_too_late", "answer_wrong"],
        // The socket's own word.
        Species::Reordered | Species::Repeated => &[],
    }
}

/// The socket's word for frames that do not come in their order.
const OUT_OF_ORDER: u64 = 4402;
/// An attacker who is told for this long to come closer gives up.
const PATIENCE: Duration = Duration::from_secs(25);
