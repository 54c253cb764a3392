//! Bucket and key service go away while somebody is before the camera: a clear answer, nothing lost, and it works again.

use reqwest::StatusCode;
use tests::{
    need,
    person::{Page, Person},
    server::Backend,
    subject::form_to,
};
use wire::{AuditOutcome, FactorKind};

use super::captures::{DEMONSTRATION, Street, told};

/// A page for people, which says that it is not their fault and when to come back.
fn says_try_again(page: &Page) {
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page}");
    assert!(!page.header("retry-after").is_empty(), "no Retry-After");
    assert_eq!(page.texts("h1").len(), 1, "a page for people: {page}");
}

impl Street {
    fn unplug(&self) {
        let production = self.scene.server.production.as_ref();
        production.expect("production").vault_plug.pull();
    }

    async fn plug_in(&mut self) {
        let production = self.scene.server.production.as_ref();
        production.expect("production").vault_plug.put_back();
        let ready = self.scene.server.wait_until(StatusCode::OK).await;
        ready.expect("ready again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_while_somebody_is_filmed_loses_nothing() {
    let mut street = need!(Street::lay_on(Backend::Production, DEMONSTRATION).await);
    // Registration: what was filmed cannot be sealed; filmed again, it is.
    let (mut interrupted, mut enrolled) = (false, false);
    for seed in 1..=10 {
        let capture = street.enrol_page().await;
        let mut line = street.line(&street.person, &capture).await;
        let played = line.film(&mut street.sits(seed)).await.expect("an end");
        told("enrolment", &played);
        if !interrupted {
            street.unplug();
            let page = street.person.submit_once(capture.form()).await;
            let page = page.expect("an answer");
            street.plug_in().await;
            // Of a capture that is not taken for a person's nothing is to be sealed.
            if page.status != StatusCode::SEE_OTHER {
                says_try_again(&page);
                interrupted = true;
            }
            continue;
        }
        let page = street.person.submit(capture.form()).await;
        let page = page.expect("an answer").page().expect("a page");
        if page.url.path() == "/enrol" {
            enrolled = true;
            break;
        }
    }
    assert!(interrupted && enrolled, "{interrupted} {enrolled}");
    street.finish_enrolment().await;

    // A login, by a server that has nothing in its caches.
    street.scene.server.restart().await.expect("anew");
    let person = Person::new();
    let mut capture = street.login_page(&person).await;
    let page = capture.base.join(".").expect("the attempt's page");
    let page = page.as_str().trim_end_matches('/').to_owned();
    let (mut interrupted, mut admitted) = (false, false);
    for seed in 21..=32 {
        let mut line = street.line(&person, &capture).await;
        let played = line.film(&mut street.sits(seed)).await.expect("an end");
        told("login", &played);
        if interrupted {
            if street.ends(&person, &capture).await {
                admitted = true;
                break;
            }
        } else {
            street.unplug();
            let refused = person.submit_once(capture.form()).await;
            let refused = refused.expect("an answer");
            street.plug_in().await;
            if refused.status != StatusCode::SEE_OTHER {
                says_try_again(&refused);
                interrupted = true;
            }
        }
        // The attempt is where it was: the password stands, and the camera is asked for anew.
        let again = person.open(&page).await.expect("an answer").page();
        let again = again.expect("the attempt");
        assert!(form_to(&again, "/cancel").is_ok(), "{again}");
        capture = tests::capture_line::CapturePage::of(&again).expect("the camera");
    }
    assert!(interrupted && admitted, "{interrupted} {admitted}");
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let faces = |outcome| {
        let of = |e: &&wire::AuditEvent| {
            e.kind == "credential.enrolled"
                && e.factor == Some(FactorKind::Face)
                && e.outcome == outcome
        };
        events.iter().filter(of).count()
    };
    assert_eq!(faces(AuditOutcome::Success), 1, "enrolled once");
    let log = street.scene.server.log();
    assert!(!log.contains("panicked"), "a panic");
}
