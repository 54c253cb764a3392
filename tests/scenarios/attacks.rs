//! Every species of simulated attack on a login by face, over the wire: none is let in, and the simulated subject is.
//!
//! A few captures each: enough to see a gate that is open, too few for a rate. The rates of the simulation are those of
//! `evaluate pad`.

use std::time::Duration;

use matcher::simulation::{Cast, Species};
use serde_json::json;
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
async fn a_browser_with_an_attack_before_its_camera_is_refused() {
    let browser = need!(Browser::here());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let cast = Cast {
        victim: street.head.clone(),
        attacker: street.somebody_else(),
    };
    let attacks = [
        Species::FlatPrint,
        Species::ReplayFed,
        Species::BlinkingPuppet,
    ];
    for (species, seed) in attacks.into_iter().zip(61..) {
        let camera = Camera::of(StandIn::new(species.stage(&cast, seed))).await;
        let begun = street.scene.app.begin(Ask::default());
        let arguments = json!({
            "url": begun.url, "username": "ada", "secret": PASSWORD, "actor": camera.url,
        });
        let refused = browser.run("refused_face", &arguments).await;
        let refused = refused.unwrap_or_else(|error| panic!("{}: {error:#}", species.name()));
        println!("{}: {} frames, {refused}", species.name(), camera.frames());
        assert!(camera.frames() > 3, "{}: was filmed", species.name());
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let refusals = events.iter().filter(|event| {
        event.kind == "factor.verified"
            && event.factor == Some(FactorKind::Face)
            && event.outcome == AuditOutcome::Refused
    });
    assert_eq!(refusals.count(), attacks.len(), "{events:#?}");
}

/// An attacker who is told for this long to come closer gives up.
const PATIENCE: Duration = Duration::from_secs(25);
