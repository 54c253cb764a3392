//! People hear of changes to their accounts, by mail and by a webhook; nothing waits for it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::{
    ear::Ear,
    jose::Jose,
    keeper::free_port,
    missing::Missing,
    need,
    person::{Page, Person},
    scene::Scene,
    server::Backend,
    sink::Sink,
    subject::{Subject, form_to},
};

/// A scene whose changes are told to `sink` and `ear`.
async fn told(backend: Backend, sink: &Sink, ear: &Ear) -> Result<Scene, Missing> {
    let (port, hook) = (sink.port(), ear.address());
    let toml = format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {port}\nmail_tls = \"none\"\n\
         mail_from = \"Whorl <no-reply@example.org>\"\nwebhook = \"http://{hook}/hook\"\n\
         [outbound]\nallow = [\"{hook}\"]\n"
    );
    Scene::with(backend, &toml).await
}

async fn account(scene: &Scene, person: &Person, subject: &mut Subject) -> Page {
    let page = person
        .open(scene.server.url("/me"))
        .await
        .expect("an answer");
    let page = page.page().expect("a page");
    match page.form_with("username") {
        Ok(_) => subject.prove(person, page).await.expect("signed in"),
        Err(_) => page,
    }
}

/// A download, which people are told of.
async fn change(scene: &Scene, person: &Person, subject: &mut Subject) -> Page {
    account(scene, person, subject).await;
    let asked = person.open(scene.server.url("/me/data")).await;
    let page = asked.expect("an answer").page().expect("a page");
    let form = form_to(&page, "/me/data").expect("a form");
    person.submit_once(form).await.expect("an answer")
}

async fn changes_are_told(scene: Scene, sink: Sink, ear: Ear) {
    let jose = need!(Jose::here());
    let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
    // The three factors of the enrolment.
    let first = sink.wait_for(3).await.expect("mails");
    assert!(
        first
            .iter()
            .all(|mail| mail.to == ["ada@example.org"] && mail.from == "no-reply@example.org"),
        "{first:?}"
    );
    ear.wait_for(3).await.expect("posts");

    let page = change(&scene, &person, &mut subject).await;
    assert!(page.status.is_success(), "{page}");
    let mails = sink.wait_for(4).await.expect("a mail");
    let mail = &mails[3].text;
    for part in [
        "Subject: Your account: Your data was downloaded",
        "no-reply@example.org",
        "To: ada@example.org",
        "127.0.0.1",
        "/me",
    ] {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    for secret in subject.recovery_codes.iter().chain([&subject.password]) {
        assert!(!mail.contains(secret.as_str()), "{mail}");
    }

    let heard = ear.wait_for(4).await.expect("a post");
    assert_eq!(heard[3].line, "POST /hook HTTP/1.1");
    let keys = reqwest::get(scene.server.url("/jwks")).await.expect("keys");
    let keys: Value = keys.json().await.expect("a key set");
    let (header, claims) = jose.verify(&heard[3].body, &keys).expect("signed by us");
    assert_eq!(header["typ"], "secevent+jwt");
    assert_eq!(claims["iss"], scene.server.issuer.as_str());
    assert_eq!(claims["aud"], format!("http://{}/hook", ear.address()));
    assert!(
        claims["exp"].is_null() && claims["sub"].is_null(),
        "{claims}"
    );
    let event = &claims["events"]["urn:whorl:event:account-changed"];
    assert_eq!(event["kind"], "data.downloaded");
    let first = jose.verify(&heard[0].body, &keys).expect("signed by us").1;
    let factor = &first["events"]["urn:whorl:event:account-changed"]["factor"];
    assert!(factor.is_string(), "{first}");
    assert_eq!(event["by_operator"], false);

    // A mail server that is busy, and a webhook that fails, hold nothing up; both hear of it later, once.
    sink.refuse(Some(451));
    ear.answer(500, "");
    let tries = sink.tries();
    let page = change(&scene, &person, &mut subject).await;
    assert!(page.status.is_success(), "{page}");
    sink.wait_for_tries(tries + 1).await.expect("a try");
    ear.wait_for(5).await.expect("a try");
    assert_eq!(sink.mails().len(), 4);
    sink.refuse(None);
    ear.answer(202, "");
    let mails = sink.wait_for(5).await.expect("the mail after all");
    assert!(mails[4].text.contains("data was downloaded"), "{mails:?}");
    let heard = ear.wait_for(6).await.expect("the post after all");
    let id = |nth: usize| jose.verify(&heard[nth].body, &keys).expect("signed").1["jti"].clone();
    assert_eq!(id(4), id(5), "the same event, tried twice");
    assert_ne!(id(3), id(4));

    // One that refuses for good is not bothered again: the next mail is that of the next change.
    sink.refuse(Some(550));
    let tries = sink.tries();
    change(&scene, &person, &mut subject).await;
    sink.wait_for_tries(tries + 1).await.expect("a try");
    sink.refuse(None);
    let page = change(&scene, &person, &mut subject).await;
    assert!(page.status.is_success());
    sink.wait_for(6).await.expect("the next change's mail");
    assert_eq!(
        sink.tries(),
        tries + 2,
        "what was refused for good was not tried again"
    );
    assert!(
        !scene.server.log().contains("ada@example.org"),
        "an address is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_the_embedded_parts() {
    let (sink, ear) = (
        Sink::open().expect("a sink"),
        Ear::open().await.expect("an ear"),
    );
    let scene = need!(told(Backend::Embedded, &sink, &ear).await);
    changes_are_told(scene, sink, ear).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_the_production_parts() {
    let (sink, ear) = (
        Sink::open().expect("a sink"),
        Ear::open().await.expect("an ear"),
    );
    let scene = need!(told(Backend::Production, &sink, &ear).await);
    changes_are_told(scene, sink, ear).await;
}

/// Two processes on one database: each change is told once.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_tell_a_change_once() {
    let (sink, ear) = (
        Sink::open().expect("a sink"),
        Ear::open().await.expect("an ear"),
    );
    let scene = need!(told(Backend::Production, &sink, &ear).await);
    let _beside = scene.server.replica().await.expect("a replica");
    scene.enrol("ada").await.expect("enrolled");
    sink.wait_for(3).await.expect("mails");
    let heard = ear.wait_for(3).await.expect("posts");
    scene.enrol("bob").await.expect("enrolled");
    sink.wait_for(6).await.expect("mails");
    ear.wait_for(6).await.expect("posts");
    assert_eq!(
        (sink.mails().len(), ear.heard().len(), heard.len()),
        (6, 6, 3)
    );
}

/// Mail goes by TLS, to a server that an authority vouches for, and to no other.
#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_the_server_that_is_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::open_tls(folder.path()).expect("a sink");
    let authority = folder.path().join("ca.pem");
    let settings = |outbound: &str| {
        let port = sink.port();
        format!(
            "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {port}\nmail_tls = \"implicit\"\n\
             mail_from = \"no-reply@example.org\"\n{outbound}"
        )
    };
    let stranger = need!(Scene::with(Backend::Embedded, &settings("")).await);
    stranger.enrol("ada").await.expect("enrolled");
    let known = settings(&format!("[outbound]\nca_file = {authority:?}\n"));
    let scene = need!(Scene::with(Backend::Embedded, &known).await);
    scene.enrol("bob").await.expect("enrolled");
    let mails = sink.wait_for(3).await.expect("mails");
    assert!(
        mails.iter().all(|mail| mail.to == ["bob@example.org"]),
        "{mails:?}"
    );
    assert!(
        stranger.server.log().contains("notice_not_sent"),
        "the other one says so"
    );
}

const SENDER: (&str, &str) = ("whorl", "a password that no log shows");

/// Mail by STARTTLS and with a password, to this port, where these authorities vouch for the server.
fn by_starttls(port: u16, authorities: &Path) -> String {
    let (name, password) = SENDER;
    format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {port}\nmail_tls = \"starttls\"\n\
         mail_from = \"no-reply@example.org\"\nmail_username = \"{name}\"\nmail_password = \"{password}\"\n\
         [outbound]\nca_file = {authorities:?}\n"
    )
}

async fn not_sent(scene: &Scene) {
    let until = Instant::now() + Duration::from_secs(60);
    while !scene.server.log().contains("notice_not_sent") {
        assert!(Instant::now() < until, "nothing was tried");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The three mails of the enrolment, once each, and the password nowhere.
async fn nothing_is_lost(scene: &Scene, sink: &Sink) {
    let mails = sink.wait_for(3).await.expect("mails");
    assert_eq!(mails.len(), 3, "{mails:?}");
    assert!(
        mails.iter().all(|mail| mail.to == ["ada@example.org"]),
        "{mails:?}"
    );
    assert!(
        !scene.server.log().contains(SENDER.1),
        "a password is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_server_that_is_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let authority = folder.path().join("ca.pem");
    // An authority before the server: the provider reads it at its start.
    drop(Sink::open_tls(folder.path()).expect("a sink"));
    let first = std::fs::read(&authority).expect("an authority");
    let scene = need!(Scene::with(Backend::Embedded, &by_starttls(port, &authority)).await);
    scene.enrol("ada").await.expect("enrolled");
    not_sent(&scene).await;
    // It comes up under another authority, and is refused for that; then the provider is told of it.
    let sink = Sink::open_starttls(port, folder.path(), SENDER).expect("a sink");
    assert_ne!(first, std::fs::read(&authority).expect("an authority"));
    let mut scene = scene;
    assert!(sink.mails().is_empty(), "{:?}", sink.mails());
    scene.server.restart().await.expect("restarted");
    nothing_is_lost(&scene, &sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_certificate_that_is_vouched_for() {
    let (folder, elsewhere) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let port = free_port().expect("a port");
    let sink = Sink::open_starttls(port, folder.path(), SENDER).expect("a sink");
    drop(Sink::open_tls(elsewhere.path()).expect("a sink"));
    let known = elsewhere.path().join("ca.pem");
    let mut scene = need!(Scene::with(Backend::Embedded, &by_starttls(port, &known)).await);
    scene.enrol("ada").await.expect("enrolled");
    not_sent(&scene).await;
    assert!(
        sink.mails().is_empty() && sink.tries() == 0,
        "nothing was said to a stranger"
    );
    std::fs::copy(folder.path().join("ca.pem"), &known).expect("copied");
    scene.server.restart().await.expect("restarted");
    nothing_is_lost(&scene, &sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_password_that_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let sink = Sink::open_starttls(port, folder.path(), (SENDER.0, "another")).expect("a sink");
    let settings = by_starttls(port, &folder.path().join("ca.pem"));
    let scene = need!(Scene::with(Backend::Embedded, &settings).await);
    scene.enrol("ada").await.expect("enrolled");
    sink.wait_for_strangers(3).await.expect("tries");
    assert!(sink.mails().is_empty() && sink.tries() == 0);
    sink.expect_of(SENDER.0, SENDER.1);
    nothing_is_lost(&scene, &sink).await;
}
