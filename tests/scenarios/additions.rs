//! A face added to an account by who is signed in: on a passkey or an authenticator app proved just before, and not else.

use tests::{
    capture_line::CapturePage,
    missing::shared_folder,
    need,
    person::{Form, Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    stand_in::{StandIn, Studio, jpeg},
    subject::form_to,
};
use wire::{AuditEvent, AuditOutcome, FactorKind, SubjectId, paths};

use super::captures::told;

const ADA: &str = "Colin_Powell/Colin_Powell_0008.jpg";
const ADD: &str = "/me/face";

async fn open(scene: &Scene, person: &Person, path: &str) -> Page {
    let arrival = person.open(scene.server.url(path)).await;
    arrival.expect("an answer").page().expect("a page")
}

async fn faces(scene: &Scene) -> Vec<AuditEvent> {
    let mut events = scene.owner.audit().await.expect("the audit feed");
    events.retain(|e| e.kind == "credential.enrolled" && e.factor == Some(FactorKind::Face));
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_is_added_on_a_fresh_possession_factor_alone() {
    let people = need!(shared_folder()).join("data/faces/lfw_color");
    let studio = need!(Studio::here());
    let head = studio.person(&people.join(ADA)).expect("a head");
    let setup = Setup {
        backend: Backend::Embedded,
        toml: "",
        faces: true,
    };
    let scene = need!(Scene::set(setup).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");

    // Who is not signed in signs in first.
    let page = open(&scene, &Person::new(), ADD).await;
    assert!(page.url.path().starts_with("/login/"), "{page}");

    // A password and a code on paper sign in, and add nothing.
    let person = Person::new();
    let begun = scene.app.begin(Ask::default());
    let back = subject.sign_in_with_recovery_code(&person, &begun.url);
    back.await.expect("signed in");
    let forged = Form::forged(scene.server.url(ADD), &[]);
    let page = person.submit(forged).await.expect("an answer").page();
    let page = page.expect("a page");
    assert!(page.url.path().starts_with("/login/"), "{page}");
    let nothing = open(&scene, &person, "/enrol/face").await;
    assert!(nothing.status.is_client_error(), "{nothing}");
    let page = open(&scene, &person, ADD).await;
    assert!(
        page.form_with("otp").is_ok(),
        "the authenticator app: {page}"
    );
    assert!(!page.body.contains("recovery_code"), "{page}");
    // Whoever lost it is told what to do, and offered nothing else.
    let lost = form_to(&page, "/choose").expect("lost it");
    let page = person.submit(lost).await.expect("an answer").page();
    let page = page.expect("a page");
    assert!(
        page.body.contains("\"totp\"") && !page.body.contains("recovery_code"),
        "{page}"
    );
    let page = open(&scene, &person, ADD).await;
    let asked = page.form_with("otp").expect("the authenticator app");

    // The authenticator app does.
    let otp = subject.otp().await.expect("a password");
    let page = person.submit(asked.fill("otp", &otp)).await;
    let page = page.expect("an answer").page().expect("a page");
    assert_eq!(page.url.path(), ADD, "{page}");
    assert!(page.body.contains("No face is registered"), "{page}");
    let begin = form_to(&page, ADD).expect("a form");
    let consent = person
        .submit(begin.clone())
        .await
        .expect("an answer")
        .page();
    let consent = consent.expect("a page");
    assert_eq!(consent.url.path(), "/enrol/consent", "{consent}");
    let grant = consent.form_with("version").expect("a form");
    let page = person.submit(grant.fill("decision", "grant")).await;
    let page = page.expect("an answer").page().expect("a page");
    assert_eq!(page.url.path(), "/enrol/face", "{page}");
    // It is of this factor, and the overview is this factor's page.
    let other = open(&scene, &person, "/enrol/password").await;
    assert!(other.status.is_client_error(), "{other}");
    let overview = open(&scene, &person, "/enrol").await;
    assert_eq!(overview.url.path(), ADD, "{overview}");

    // In the dark nothing is registered.
    let dark = matcher::sample::RgbImage {
        width: 640,
        height: 480,
        pixels: vec![9; 3 * 640 * 480],
    };
    let dark = jpeg(&dark).expect("a picture");
    let capture = CapturePage::of(&open(&scene, &person, "/enrol/face").await).expect("a capture");
    let origin = &scene.server.issuer;
    let mut line = capture.socket(&person, origin).await.expect("a socket");
    let played = line.play(|_| Ok(dark.clone())).await.expect("an end");
    told("in the dark", &played);
    let page = person.submit(capture.form()).await.expect("an answer");
    let page = page.page().expect("a page");
    assert_eq!(page.url.path(), "/enrol/face", "{page}");
    assert!(!page.texts(".problem, .note.bad").is_empty(), "{page}");
    let tried = faces(&scene).await;
    let is_refused = |e: &AuditEvent| e.outcome != AuditOutcome::Success;
    assert!(
        !tried.is_empty() && tried.iter().all(is_refused),
        "{tried:?}"
    );

    // In the light it is.
    let mut registered = None;
    for seed in 1..=8 {
        let page = open(&scene, &person, "/enrol/face").await;
        let capture = CapturePage::of(&page).expect("a capture");
        let mut line = capture.socket(&person, origin).await.expect("a socket");
        let actor = matcher::simulation::Subject::new(head.clone(), seed);
        let mut sits = StandIn::new(Box::new(actor));
        let played = line.film(&mut sits).await.expect("an end");
        told("addition", &played);
        let page = person.submit(capture.form()).await.expect("an answer");
        let page = page.page().expect("a page");
        if page.url.path() == ADD {
            registered = Some(page);
            break;
        }
    }
    let tried = faces(&scene).await;
    let page = registered.unwrap_or_else(|| panic!("of eight none was taken: {tried:?}"));
    assert!(page.body.contains("Your face is registered"), "{page}");
    let is_done = |e: &&AuditEvent| e.outcome == AuditOutcome::Success;
    assert_eq!(tried.iter().filter(is_done).count(), 1, "{tried:?}");
    let over = open(&scene, &person, "/enrol/face").await;
    assert!(over.status.is_client_error(), "{over}");

    // An addition ends with the session in which the factor was proved.
    let page = person.submit(begin).await.expect("an answer").page();
    let page = page.expect("a page");
    assert_eq!(page.url.path(), "/enrol/face", "{page}");
    let ada: SubjectId = tried[0].subject.expect("whose it is");
    let revoke = paths::revoke_sessions(ada);
    let ended = scene
        .owner
        .post::<wire::RevokedSessions>(&revoke, None::<&()>);
    assert!(ended.await.expect("ended").revoked > 0);
    let over = open(&scene, &person, "/enrol/face").await;
    assert!(over.status.is_client_error(), "{over}");
}
