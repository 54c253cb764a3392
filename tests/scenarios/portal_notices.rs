//! People hear of changes to their accounts, by mail and by a webhook; nothing waits for it.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    ear::Ear,
    jose::Jose,
    keeper::free_port,
    missing::Missing,
    need,
    person::{Form, Page, Person},
    scene::Scene,
    server::Backend,
    sink::Sink,
    subject::{Subject, form_to},
};
use wire::{FactorKind, SubjectDetail, paths};

use crate::{
    devices::{Key, UNKNOWN, admitted, with_password},
    portal::{DEMO, invited, open, submit},
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

/// Every change that people hear of.
const CHANGES: [&str; 13] = [
    "biometric_consent.decided",
    "biometrics.erased",
    "consent.withdrawn",
    "credential.enrolled",
    "credential.imported",
    "credential.removed",
    "data.downloaded",
    "device.forgotten",
    "device.trusted",
    "session.revoked",
    "sessions.revoked",
    "subject.activated",
    "subject.suspended",
];

/// Those of them that an operator makes here.
const BY_OPERATORS: [&str; 4] = [
    "credential.imported",
    "credential.removed",
    "subject.activated",
    "subject.suspended",
];

/// ISO/IEC 19794-2:2005: one view of a finger of 16 minutiae.
fn record() -> String {
    let mut out = b"FMR\0 20\0".to_vec();
    out.extend((30_u32 + 6 * 16).to_be_bytes());
    out.extend(b"\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x01\0");
    out.extend([2, 0, 60, 16]);
    for i in 0..16_u8 {
        let (x, y) = (40 + i * 11, 30 + i.wrapping_mul(53) % 220);
        out.extend([0x40, x, 0, y, i * 9, 70]);
    }
    out.extend([0, 0]);
    STANDARD.encode(out)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_and_nothing_else_is() {
    let jose = need!(Jose::here());
    let ear = Ear::open().await.expect("an ear");
    let hook = ear.address();
    let toml = format!(
        "{DEMO}{UNKNOWN}[notices]\nwebhook = \"http://{hook}/hook\"\n[outbound]\nallow = [\"{hook}\"]\n"
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (person, mut ada) = scene.enrol("ada").await.expect("enrolled");
    let id = {
        let path = format!("{}?search=ada", paths::SUBJECTS);
        let found: wire::Page<wire::SubjectSummary> = scene.owner.get(&path).await.expect("a list");
        found.items.first().expect("the subject").id
    };

    // A login in a browser that is trusted from then on, which allows an application, and in one that is not.
    let phone = Person::new();
    let page = with_password(&scene, &phone, &ada, |_| None).await;
    let page = page.expect("more is asked");
    let offer = Key::new().offer(&page);
    admitted(&phone, &mut ada, page, offer).await;
    let laptop = Person::new();
    account(&scene, &laptop, &mut ada).await;

    // At the account: the browser, a session, all others, the application, the data.
    account(&scene, &person, &mut ada).await;
    for (action, sid) in [
        ("/me/devices/forget", None),
        ("/me/sessions/end", None),
        ("/me/sessions/end", Some("others")),
        ("/me/applications/withdraw", None),
    ] {
        let page = open(&scene, &person, "/me").await;
        let form = match (action, sid) {
            ("/me/sessions/end", None) => page.form_with("sid").expect("a session"),
            (_, None) => form_to(&page, action).expect("a form"),
            (_, Some(sid)) => form_to(&page, action).expect("a form").fill("sid", sid),
        };
        let page = submit(&person, form).await;
        assert_eq!(page.texts("[role=status]").len(), 1, "{action}: {page}");
    }
    change(&scene, &person, &mut ada).await;

    // A finger from another system's records, which only who agreed has taken; and away with it.
    let guest = invited(&scene, &ada).await;
    let page = open(&scene, &guest, "/enrol/consent").await;
    let form = page.form_with("version").expect("a form");
    submit(&guest, form.fill("decision", "grant")).await;
    let path = paths::fingerprint_records(id);
    let body = json!({ "records": [record()] });
    let detail: SubjectDetail = scene
        .owner
        .post(&path, Some(&body))
        .await
        .expect("imported");
    let shown = open(&scene, &person, "/me/history")
        .await
        .texts(".rows .what");
    let imported = "A way to sign in was added: Fingerprint, by an administrator";
    assert!(shown.iter().any(|line| line == imported), "{shown:?}");
    let page = open(&scene, &person, "/me/biometrics/erase").await;
    submit(&person, form_to(&page, "/erase").expect("a form")).await;

    // By an operator: a factor, and the account.
    let mut credentials = detail.credentials.iter();
    let codes = credentials.find(|it| it.factor == FactorKind::RecoveryCode);
    let path = paths::credential(id, codes.expect("codes").id);
    let (status, _) = scene
        .owner
        .request(Method::DELETE, &path, None::<&()>)
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::NO_CONTENT);
    for path in [paths::suspend(id), paths::activate(id)] {
        let _: Value = scene.owner.post(&path, None::<&()>).await.expect("done");
    }

    // What is changed by nobody, or does not come about, is nobody's news: a wrong password, a language.
    let stranger = Person::new();
    let page = open(&scene, &stranger, "/me").await;
    let page = ada
        .identify(&stranger, page)
        .await
        .expect("the password is asked");
    let wrong = page.form_with("password").expect("a form");
    let page = submit(&stranger, wrong.fill("password", "not the password")).await;
    submit(
        &stranger,
        form_to(&page, "/language")
            .expect("a form")
            .fill("language", "de"),
    )
    .await;

    let keys = reqwest::get(scene.server.url("/jwks")).await.expect("keys");
    let keys: Value = keys.json().await.expect("a key set");
    let expected: BTreeSet<String> = CHANGES.map(str::to_owned).into();
    let until = Instant::now() + Duration::from_secs(30);
    let mut heard: BTreeSet<String> = BTreeSet::new();
    let mut read = 0;
    while Instant::now() < until && heard != expected {
        for post in &ear.heard()[read..] {
            let claims = jose.verify(&post.body, &keys).expect("signed by us").1;
            let event = &claims["events"]["urn:whorl:event:account-changed"];
            let kind = event["kind"].as_str().expect("a kind").to_owned();
            let is_operators = BY_OPERATORS.contains(&kind.as_str());
            assert_eq!(event["by_operator"], is_operators, "{event}");
            heard.insert(kind);
            read += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(heard, expected);
}

/// The words of a Fluent file.
fn words(tag: &str, key: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../idp/src/words/{tag}.account.ftl"));
    let text = fs::read_to_string(&path).expect("a Fluent file");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {key} in {tag}"))
        .trim()
        .to_owned()
}

/// A mail's subject line: unfolded (RFC 5322 §2.2.3), its encoded words decoded (RFC 2047 §6.2).
fn subject_line(mail: &str) -> String {
    let header = mail.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = unfolded
        .lines()
        .find_map(|line| line.strip_prefix("Subject: "));
    let (mut out, mut was_encoded) = (Vec::new(), false);
    for word in line
        .expect("a subject")
        .split(' ')
        .filter(|word| !word.is_empty())
    {
        let encoded = word
            .strip_prefix("=?utf-8?b?")
            .and_then(|rest| rest.strip_suffix("?="));
        // Between two encoded words there is nothing.
        let is_between = was_encoded && encoded.is_some();
        if !out.is_empty() && !is_between {
            out.push(b' ');
        }
        match encoded {
            Some(text) => out.extend(STANDARD.decode(text).expect("base64")),
            None => out.extend(word.as_bytes()),
        }
        was_encoded = encoded.is_some();
    }
    String::from_utf8(out).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_written_to_in_the_language_that_they_chose() {
    let sink = Sink::open().expect("a sink");
    let toml = format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {}\nmail_tls = \"none\"\n\
         mail_from = \"Whorl <no-reply@example.org>\"\n",
        sink.port()
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (person, mut ada) = scene.enrol("ada").await.expect("enrolled");
    let mut mails = sink.wait_for(3).await.expect("mails").len();
    account(&scene, &person, &mut ada).await;
    for tag in ["es", "fr", "de", "ar", "hi", "zh", "en"] {
        let page = open(&scene, &person, "/me").await;
        let form: Form = form_to(&page, "/language").expect("a form");
        submit(&person, form.fill("language", tag)).await;
        change(&scene, &person, &mut ada).await;
        mails += 1;
        let all = sink.wait_for(mails).await.expect("a mail");
        let what = words(tag, "happened-downloaded");
        let expected = words(tag, "letter-subject").replace("{ $what }", &what);
        assert_eq!(subject_line(&all[mails - 1].text), expected, "{tag}");
    }
}
