//! Every species of simulated attack on a login by face, over the wire: none is let in but, now and then, the print with holes
//! for the eyes; the simulated subject is.
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
        let mut times = 0;
        for round in 0..=u64::from(may_be_let_in(species)) {
            let attack = StandIn::new(species.stage(&cast, seed + 100 * round));
            if !is_let_in(&street, attack, species.name()).await {
                break;
            }
            times += 1;
        }
        if times > may_be_let_in(species) {
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
async fn chromium_lets_the_simulated_subject_in_and_the_same_pictures_only_once() {
    let browser = need!(Browser::here());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let mut admitted = None;
    for seed in 51..=56 {
        let visit = Visit::of(&street, street.sits(seed)).await;
        let ended = visit.made(&browser, None).await;
        println!("subject: {ended} {:?}", judgement(&street, &ended).await);
        if ended["how"] == "let in" {
            // How fast a person is says something on a quiet machine only: it is told, and nothing hangs on it.
            println!("{} ms from the first prompt to the end", ended["took"]);
            admitted = Some(visit);
            break;
        }
    }
    let admitted = admitted.expect("of six captures none was let in");

    // A virtual camera that plays the accepted pictures, pixel for pixel.
    let again = StandIn::recording(admitted.camera.pictures());
    let again = Visit::of(&street, again).await;
    let ended = again.made(&browser, None).await;
    let judged = judgement(&street, &ended).await.expect("was judged");
    println!("the same pictures: {ended} {judged:?}");
    assert_eq!(ended["how"], "refused");
    assert_eq!(judged.outcome, AuditOutcome::Refused);
    assert!(
        judged.gate == "repeated" || judged.cues.contains(&"repeated".to_owned()),
        "{judged:?}"
    );
}

/// A capture each, through the whole page: that each path from a camera to a refusal is there. How often a species is
/// refused is the evaluation's to say (`docs/liveness.md`).
#[tokio::test(flavor = "multi_thread")]
async fn chromium_lets_no_species_of_simulated_attack_in() {
    let browser = need!(Browser::here());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let cast = Cast {
        victim: street.head.clone(),
        attacker: street.somebody_else(),
    };
    let mut wrong = Vec::new();
    for (species, seed) in Species::ALL.into_iter().zip(61..) {
        let name = species.name();
        // Who tampers is on the way from an honest page to the server.
        let on_the_way = match species {
            Species::Reordered => Some("reorder"),
            Species::Repeated => Some("repeat"),
            _ => None,
        };
        let (mut is_known, mut let_in) = (false, 0);
        for round in 0..CAPTURES {
            let seed = seed + 100 * round;
            let before_the_camera = match on_the_way {
                Some(_) => street.sits(seed),
                None => StandIn::new(species.stage(&cast, seed)),
            };
            let visit = Visit::of(&street, before_the_camera).await;
            let ended = visit.made(&browser, on_the_way).await;
            let judged = judgement(&street, &ended).await;
            println!("{name}: {ended} {judged:?}");
            if ended["how"] == "let in" {
                let_in += 1;
                assert!(let_in <= may_be_let_in(species), "{name} is let in");
                continue;
            }
            assert_eq!(ended["complaints"], json!([]), "{name}");
            assert!(visit.camera.frames() > 3, "{name} was filmed");
            is_known = is_refused_for_it(species, &ended, judged.as_ref());
            // Else the machine was too slow for anybody: of such a face nothing is known, as that it was out of sight.
            if is_known {
                break;
            }
        }
        if !is_known {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not refused for what they are: {wrong:?}");
}

fn is_refused_for_it(species: Species, ended: &Value, judged: Option<&Judgement>) -> bool {
    let told = ended["said"].as_str().unwrap_or_default();
    match ended["how"].as_str().unwrap_or_default() {
        // Closed each time that the page tried, until it gave up; nothing came to be judged.
        "given up" => {
            let closed = ended["closed"].as_array().map_or(&[][..], Vec::as_slice);
            gives_away(species) == [OUT_OF_ORDER]
                && closed.len() > 1
                && closed
                    .iter()
                    .all(|code| code.as_u64() == OUT_OF_ORDER.parse().ok())
                && judged.is_none()
        }
        "never asked" => gives_away(species).contains(&told) && judged.is_none(),
        "refused" => {
            assert!(
                !told.contains(|c: char| c.is_ascii_digit()),
                "no score is told: {told}"
            );
            judged.is_some_and(|judged| {
                let cues = judged.cues.iter();
                judged.outcome == AuditOutcome::Refused
                    && judged.gate == "presentation_attack"
                    && cues
                        .map(String::as_str)
                        .any(|cue| gives_away(species).contains(&cue))
            })
        }
        _ => false,
    }
}

/// A login with somebody before the camera of its page.
struct Visit {
    url: String,
    camera: Camera,
}

impl Visit {
    async fn of(street: &Street, stand_in: StandIn) -> Self {
        Self {
            url: street.scene.app.begin(Ask::default()).url.to_string(),
            camera: Camera::of(stand_in).await,
        }
    }

    /// What became of it in a browser, with somebody on the line between page and server or not.
    async fn made(&self, browser: &Browser, on_the_way: Option<&str>) -> Value {
        let arguments = json!({
            "url": self.url, "username": "ada", "secret": PASSWORD, "actor": self.camera.url, "tamper": on_the_way,
        });
        let ended = browser.run("attacked_face", &arguments).await;
        ended.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// What the trail says of a capture.
#[derive(Debug)]
struct Judgement {
    outcome: AuditOutcome,
    gate: String,
    cues: Vec<String>,
}

/// Of the login that ended like this; nothing where no capture came to its end.
async fn judgement(street: &Street, ended: &Value) -> Option<Judgement> {
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let at = ended["at"].as_str().unwrap_or_default();
    let event = events.into_iter().find(|event| {
        let attempt = event.attempt.map(|id| id.to_string());
        event.kind == "factor.verified"
            && event.factor == Some(FactorKind::Face)
            && attempt.is_some_and(|id| at.contains(&id))
    })?;
    let said = |name: &str| event.detail.get(name).cloned().unwrap_or_default();
    Some(Judgement {
        outcome: event.outcome,
        gate: said("gate"),
        cues: said("cues").split(", ").map(str::to_owned).collect(),
    })
}

/// What a capture of this species is refused for, one at least of these: a prompt that it cannot answer, or what shows that
/// it is no head, or not of this moment; or what somebody is told to whom nothing was asked yet.
fn gives_away(species: Species) -> &'static [&'static str] {
    match species {
        Species::FlatPrint | Species::BentPrint | Species::ScreenPhoto | Species::WarpedStill => {
            &["answer_too_late", "answer_wrong", "depth"]
        }
        Species::CutOutEyes => &[
            "answer_too_late",
            "answer_wrong",
            "depth",
            "whole",
            "texture",
        ],
        Species::ReplayOnScreen | Species::ReplayFed => &[
            "answer_too_late",
            "answer_too_early",
            "answer_wrong",
            "colours",
        ],
        Species::TwoPeople => &["Only one person, please", "continuity", "answer_too_late"],
        // A picture that does not change is no second one, and nothing is asked of it.
        Species::FrozenFrame => &["Good, hold still", "freshness"],
        Species::BlinkingPuppet => &["answer_too_late", "answer_wrong"],
        Species::Reordered | Species::Repeated => &[OUT_OF_ORDER],
    }
}

/// How many captures of a species may be let in before one that is refused: the print with holes for the eyes is let in now
/// and then (1 of 30 in the simulation with these two people), which is not mended and not hidden, and no other.
fn may_be_let_in(species: Species) -> u32 {
    u32::from(species == Species::CutOutEyes)
}

/// Captures of a species until one is refused for what it is.
const CAPTURES: u64 = 3;
/// The socket's word for frames that do not come in their order.
const OUT_OF_ORDER: &str = "4402";
/// An attacker who is told for this long to come closer gives up.
const PATIENCE: Duration = Duration::from_secs(25);
