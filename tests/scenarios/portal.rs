//! A person looks after the own account at `/me`: what is there, what can be changed, and what that takes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use reqwest::{StatusCode, multipart};
use serde_json::{Value, json};
use tests::{
    browser::{Browser, axe},
    missing::shared_folder,
    need, on_both_backends,
    person::{Form, Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    subject::{Subject, form_to},
};
use wire::AuditOutcome;

use crate::ciba;

pub(crate) async fn open(scene: &Scene, person: &Person, path: &str) -> Page {
    let arrival = person.open(scene.server.url(path)).await;
    arrival.expect("an answer").page().expect("a page")
}

/// The overview, after a login on the way.
async fn home(scene: &Scene, person: &Person, subject: &mut Subject) -> Page {
    let page = open(scene, person, "/me").await;
    let page = match page.form_with("username") {
        Ok(_) => subject.prove(person, page).await.expect("signed in"),
        Err(_) => page,
    };
    assert_eq!(page.url.path(), "/me", "{page}");
    page
}

pub(crate) async fn submit(person: &Person, form: Form) -> Page {
    let arrival = person.submit(form).await.expect("an answer");
    arrival.page().expect("a page")
}

/// Where the line of this factor leads.
fn removal(page: &Page, title: &str) -> String {
    let names = page.texts("#factors ~ .rows .what");
    let nth = names
        .iter()
        .position(|name| name.starts_with(title))
        .unwrap_or_else(|| panic!("no {title} among {names:?}"));
    let css = format!("#factors ~ .rows li:nth-child({}) a", nth + 1);
    page.attribute(&css, "href").expect("a link")
}

fn history(page: &Page) -> Vec<String> {
    page.texts("#history ~ .rows .what")
}

/// Kinds of the audit trail that went well.
async fn trail(scene: &Scene, kind: &str) -> usize {
    let events = scene.owner.audit().await.expect("the trail");
    let good = |it: &&wire::AuditEvent| it.kind == kind && it.outcome == AuditOutcome::Success;
    events.iter().filter(good).count()
}

on_both_backends! {
    with ciba::CLIENT;

    async fn the_account_shows_what_there_is(scene: Scene) {
        let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let page = home(&scene, &person, &mut subject).await;
        let factors = page.texts("#factors ~ .rows .what");
        assert_eq!(factors.len(), 3, "{factors:?}");
        assert!(factors.iter().any(|it| it.starts_with("Recovery codes 9 left")), "{factors:?}");
        assert_eq!(page.texts("#sessions ~ .rows .state"), ["This browser"]);
        let lately = history(&page);
        assert_eq!(lately.first().map(String::as_str), Some("Signed in to your account"), "{lately:?}");
        let places = page.texts("#history ~ .rows .hint");
        assert!(places[0].contains("from 127.0.0.1") || places[0].contains("from ::1"), "{places:?}");

        // An application, another browser, a wrong password, a request that waits.
        let other = Person::new();
        scene.sign_in(&other, &mut subject, Ask::default()).await.expect("signed in");
        let stranger = Person::new();
        let first = open(&scene, &stranger, "/me").await;
        let page = subject.identify(&stranger, first).await.expect("the password is asked");
        let wrong = page.form_with("password").expect("a form").fill("password", "not the password");
        submit(&stranger, wrong).await;
        let till = ciba::till(&scene);
        assert_eq!(ciba::ask(&till, "ada").await.status, StatusCode::OK);

        let page = home(&scene, &person, &mut subject).await;
        assert!(page.body.contains("Applications that wait for your answer: 1"), "{page}");
        assert_eq!(page.texts("#applications ~ .rows li").len(), 1, "{page}");
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 2, "{page}");
        let all = open(&scene, &person, "/me/history").await;
        let told: Vec<String> = all.texts(".rows .what");
        assert!(told.iter().any(|it| it == "Refused: A try that did not match: Password"), "{told:?}");
        assert!(told.iter().any(|it| it.starts_with("Signed in to ") && !it.ends_with("your account")), "{told:?}");

        // Nobody else's account says anything of it.
        let (bob_sits, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let page = home(&scene, &bob_sits, &mut bob).await;
        assert!(!page.body.contains("did not match"), "{page}");
        assert_eq!(page.texts("#applications ~ .rows li").len(), 0, "{page}");
    }

    async fn a_factor_is_added_and_taken_away(scene: Scene) {
        let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let first = home(&scene, &person, &mut subject).await;
        let other = Person::new();
        home(&scene, &other, &mut subject).await;

        // New recovery codes: the old ones are void, and whoever signed in with them is out.
        let page = open(&scene, &person, "/me/factors/add?factor=recovery_code").await;
        let codes = page.texts("#codes code");
        assert_eq!(codes.len(), 10, "{page}");
        let unsaved = form_to(&page, "/me/factors/add").expect("a form");
        let page = submit(&person, unsaved.fill("saved", "yes")).await;
        assert!(page.texts("[role=status]").concat().contains("set up"), "{page}");
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 1, "the other browser's has ended: {page}");
        let shown = open(&scene, &other, "/me").await;
        assert!(shown.form_with("username").is_ok(), "{shown}");
        let old = subject.recovery_codes.clone();
        subject.recovery_codes = codes;

        // The very same factor is asked for anew, since it was replaced: then the password changes.
        let asked = open(&scene, &person, "/me/factors/add?factor=password").await;
        assert!(asked.form_with("password_again").is_err(), "a fresh proof is asked: {asked}");
        // Who goes away there is signed in as before.
        let gone = submit(&person, form_to(&asked, "/cancel").expect("a way out")).await;
        assert!(gone.body.contains("You are signed in as before") && !gone.body.contains("You are not signed in"), "{gone}");
        assert!(gone.body.contains("Nothing was changed"), "{gone}");
        assert_eq!(open(&scene, &person, "/me").await.url.path(), "/me");
        let asked = open(&scene, &person, "/me/factors/add?factor=password").await;
        let with_old = match asked.form_with("recovery_code") {
            Ok(form) => form,
            Err(_) => {
                let choose = form_to(&asked, "/choose").expect("other ways").fill("factor", "recovery_code");
                submit(&person, choose).await.form_with("recovery_code").expect("codes are asked")
            }
        };
        let refused = submit(&person, with_old.fill("recovery_code", &old[0])).await;
        assert!(refused.texts("#problem").len() == 1, "an old code is void: {refused}");
        let code = subject.recovery_codes.pop().expect("a code");
        let form = refused.form_with("recovery_code").expect("again").fill("recovery_code", &code);
        let page = submit(&person, form).await;
        let form = page.form_with("password_again").expect("the password's page");
        let short = form.clone().fill("password", "short").fill("password_again", "short");
        let page = submit(&person, short).await;
        assert_eq!(page.texts("#problem").len(), 1, "{page}");
        let new = "a much longer and better passphrase";
        let form = page.form_with("password_again").expect("again");
        let page = submit(&person, form.fill("password", new).fill("password_again", new)).await;
        assert!(page.texts("[role=status]").concat().contains("set up"), "{page}");
        let subject_before = subject.clone();
        subject.password = new.to_owned();

        // The old one opens nothing any more.
        let stranger = Person::new();
        let ask = open(&scene, &stranger, "/me").await;
        let page = subject_before.give_password(&stranger, ask).await.expect("an answer");
        assert_eq!(page.texts("#problem").len(), 1, "{page}");

        // An authenticator app is taken away; what is left still suffices.
        let person = Person::new();
        let page = home(&scene, &person, &mut subject).await;
        let link = removal(&page, "Authenticator app");
        let page = open(&scene, &person, &link).await;
        let page = submit(&person, form_to(&page, "/remove").expect("a form")).await;
        assert!(page.texts("[role=status]").concat().contains("removed"), "{page}");
        assert_eq!(page.texts("#factors ~ .rows .what").len(), 2, "{page}");
        // The rest is the last way, and stays: asked or forced.
        for title in ["Password", "Recovery codes"] {
            let link = removal(&page, title);
            let asked = open(&scene, &person, &link).await;
            assert!(asked.body.contains("This one has to stay"), "{asked}");
            let forced = submit(&person, Form::forged(scene.server.url(&link), &[])).await;
            assert!(forced.body.contains("This one has to stay"), "{forced}");
        }
        // Somebody else's, or one that is gone, is none.
        let gone = removal(&first, "Authenticator app");
        let gone = person.open_once(scene.server.url(&gone)).await.expect("an answer");
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{gone}");
        let (bob_sits, mut bob) = scene.enrol("bob").await.expect("enrolled");
        home(&scene, &bob_sits, &mut bob).await;
        let link = removal(&page, "Password");
        let theirs = bob_sits.submit_once(Form::forged(scene.server.url(&link), &[])).await.expect("an answer");
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{theirs}");
        for bad in ["/me/factors/add?factor=face", "/me/factors/add?factor=fingerprint", "/me/factors/add?factor=luck"] {
            let page = person.open_once(scene.server.url(bad)).await.expect("an answer");
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{bad}: {page}");
        }
        assert_eq!(trail(&scene, "credential.removed").await, 1);
    }

    async fn sessions_and_consents_are_taken_back(scene: Scene) {
        let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let page = home(&scene, &person, &mut subject).await;
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 1);
        let (phone, laptop) = (Person::new(), Person::new());
        let ask = Ask { scopes: &["profile", "offline_access"], ..Ask::default() };
        let login = scene.sign_in(&phone, &mut subject, ask).await.expect("signed in");
        home(&scene, &laptop, &mut subject).await;
        assert!(scene.is_live(&login.access_token).await.expect("userinfo"));

        // One, then all others.
        let page = home(&scene, &person, &mut subject).await;
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 3, "{page}");
        let ends: BTreeSet<String> = page.forms().iter().filter_map(|form| form.value("sid").map(str::to_owned)).collect();
        assert_eq!(ends.len(), 2, "{ends:?}");
        // Not by somebody else.
        let (bob_sits, mut bob) = scene.enrol("bob").await.expect("enrolled");
        home(&scene, &bob_sits, &mut bob).await;
        for sid in &ends {
            let forged = Form::forged(scene.server.url("/me/sessions/end"), &[("sid", sid)]);
            let page = submit(&bob_sits, forged).await;
            assert!(page.body.contains("That was done already"), "{page}");
        }
        let page = home(&scene, &person, &mut subject).await;
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 3, "{page}");
        let one = page.form_with("sid").expect("another session");
        let page = submit(&person, one).await;
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 2, "{page}");
        let all = form_to(&page, "/me/sessions/end").expect("a form").fill("sid", "others");
        let page = submit(&person, all).await;
        assert_eq!(page.texts("#sessions ~ .rows li").len(), 1, "{page}");
        assert!(!scene.is_live(&login.access_token).await.expect("userinfo"), "what the phone had is revoked");
        for browser in [&phone, &laptop] {
            let page = open(&scene, browser, "/me").await;
            assert!(page.form_with("username").is_ok(), "{page}");
        }

        // What an application was allowed.
        let again = scene.sign_in(&phone, &mut subject, Ask { scopes: &["profile", "offline_access"], ..Ask::default() });
        let again = again.await.expect("signed in");
        let page = home(&scene, &person, &mut subject).await;
        let withdraw = form_to(&page, "/me/applications/withdraw").expect("an application");
        let page = submit(&person, withdraw.clone()).await;
        assert!(page.texts("[role=status]").concat().contains("withdrawn"), "{page}");
        assert_eq!(page.texts("#applications ~ .rows li").len(), 0, "{page}");
        assert!(!scene.is_live(&again.access_token).await.expect("userinfo"));
        let page = submit(&person, withdraw).await;
        assert!(page.body.contains("That was done already"), "{page}");
        assert_eq!(trail(&scene, "consent.withdrawn").await, 1);
        assert_eq!(trail(&scene, "session.revoked").await, 1);
    }

    async fn the_data_is_one_file(scene: Scene) {
        let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
        home(&scene, &person, &mut subject).await;
        let page = open(&scene, &person, "/me/data").await;
        let form = form_to(&page, "/me/data").expect("a form");
        let file = person.submit_once(form.clone()).await.expect("an answer");
        assert_eq!(file.status, StatusCode::OK, "{file}");
        assert!(file.header("content-disposition").starts_with("attachment"), "{file}");
        assert_eq!(file.header("content-type"), "application/json");
        let data: Value = serde_json::from_str(&file.body).expect("JSON");
        assert_eq!(data["account"]["username"], "ada");
        assert_eq!(data["factors"].as_array().map(Vec::len), Some(3), "{data}");
        assert_eq!(data["sessions"].as_array().map(Vec::len), Some(1), "{data}");
        assert_eq!(data["events_complete"], true);
        let events = data["events"].as_array().expect("events");
        let kinds: BTreeSet<&str> = events.iter().filter_map(|it| it["kind"].as_str()).collect();
        for kind in ["credential.enrolled", "login.finished", "data.downloaded"] {
            assert!(kinds.contains(kind), "{kind} in {kinds:?}");
        }
        assert!(!file.body.contains("olivia"), "who administers is not the person's");
        for secret in ["$argon2", subject.totp_secret.as_str(), "phc", "sealed\""] {
            assert!(!file.body.contains(secret), "{secret}");
        }
        // Not without being signed in, and not from another site.
        let stranger = Person::new();
        let nothing = stranger.submit_once(form.clone()).await.expect("an answer");
        assert!(nothing.status.is_redirection(), "{nothing}");
        let forged = person.http().post(form.action().clone()).header("origin", "https://evil.example");
        assert_eq!(forged.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
    }

    async fn erasing_what_is_sealed_leaves_the_rest_usable(scene: Scene) {
        let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
        home(&scene, &person, &mut subject).await;
        let page = open(&scene, &person, "/me/biometrics/erase").await;
        let page = submit(&person, form_to(&page, "/erase").expect("a form")).await;
        assert!(page.texts("[role=status]").concat().contains("erased"), "{page}");
        assert_eq!(trail(&scene, "biometrics.erased").await, 1);
        // The key is another one now; the authenticator app goes on.
        let anew = Person::new();
        let login = scene.sign_in(&anew, &mut subject, Ask::default()).await.expect("signed in with the app");
        assert!(login.amr().contains(&"otp".to_owned()), "{:?}", login.amr());
    }
}

/// Somebody who has opened another invitation for who is known already.
pub(crate) async fn invited(scene: &Scene, subject: &Subject) -> Person {
    let path = format!("{}?search={}", wire::paths::SUBJECTS, subject.username);
    let found: wire::Page<wire::SubjectSummary> = scene.owner.get(&path).await.expect("a list");
    let id = found.items.first().expect("the subject").id;
    let invitation = scene.owner.invite_again(id).await.expect("an invitation");
    let person = Person::new();
    let page = person
        .open(&invitation)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    submit(&person, page.form_with("token").expect("a form")).await;
    person
}

/// Consent and a finger, by a second invitation.
pub(crate) async fn add_a_finger(scene: &Scene, subject: &Subject, pictures: &Path) {
    let person = invited(scene, subject).await;
    let page = open(scene, &person, "/enrol/consent").await;
    submit(
        &person,
        page.form_with("version")
            .expect("a form")
            .fill("decision", "grant"),
    )
    .await;
    open(scene, &person, "/enrol/fingerprint").await;
    let picture = std::fs::read(pictures.join("fvc2002_db1_b/101_1.png")).expect("a print");
    let form = multipart::Form::new().part(
        "sample",
        multipart::Part::bytes(picture).file_name("101_1.png"),
    );
    let to = person.http().post(scene.server.url("/enrol/fingerprint"));
    let sent = to
        .header("origin", &scene.server.issuer)
        .multipart(form)
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let page = open(scene, &person, "/enrol").await;
    submit(&person, form_to(&page, "/enrol/finish").expect("a form")).await;
}

async fn a_finger_is_erased(scene: Scene, pictures: PathBuf) {
    let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
    add_a_finger(&scene, &subject, &pictures).await;
    let page = home(&scene, &person, &mut subject).await;
    assert!(
        page.body
            .contains("One record of your face or finger is kept"),
        "{page}"
    );
    assert!(
        page.texts("#factors ~ .rows .what")
            .iter()
            .any(|it| it.starts_with("Fingerprint")),
        "{page}"
    );
    let page = open(&scene, &person, "/me/biometrics/erase").await;
    let erase = form_to(&page, "/erase").expect("a form");
    let page = submit(&person, erase.clone()).await;
    assert!(
        page.texts("[role=status]").concat().contains("erased"),
        "{page}"
    );
    assert!(
        page.body
            .contains("You have not agreed to biometrics. No face and no finger of yours is kept"),
        "{page}"
    );
    assert!(
        !page
            .texts("#factors ~ .rows .what")
            .iter()
            .any(|it| it.starts_with("Fingerprint")),
        "{page}"
    );
    assert_eq!(history(&page)[0], "Your biometrics were erased");
    // Nothing is left where templates lie.
    let vault = scene.server.folder().join("state/vault");
    let left = files(&vault);
    assert!(left.is_empty(), "{left:?}");
    // Again: there is nothing to erase, and nothing is broken by it.
    let page = submit(&person, erase).await;
    assert!(
        page.texts("[role=status]").concat().contains("erased"),
        "{page}"
    );
    let login = scene
        .sign_in(&Person::new(), &mut subject, Ask::default())
        .await;
    login.expect("signed in with the app");
}

async fn a_finger_goes_with_the_consent(scene: Scene, pictures: PathBuf, backend: Backend) {
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    add_a_finger(&scene, &subject, &pictures).await;
    let vault = scene.server.folder().join("state/vault");
    let kept = files(&vault).len();
    assert_eq!(kept > 0, backend == Backend::Embedded, "{kept} files");
    let half = invited(&scene, &subject).await;
    let person = invited(&scene, &subject).await;
    let page = open(&scene, &person, "/enrol/consent").await;
    let decline = page.form_with("version").expect("a form");
    let decline = decline.fill("decision", "decline");
    let page = submit(&person, decline.clone()).await;
    assert_eq!(page.url.path(), "/enrol", "the enrolment goes on: {page}");
    assert!(files(&vault).is_empty());
    // As at the own account: with the key, and with what else was being enrolled under it.
    assert_eq!(trail(&scene, "biometrics.erased").await, 1);
    let over = half.open_once(scene.server.url("/enrol")).await;
    assert!(over.expect("an answer").status.is_client_error());
    // Again there is nothing that could be erased.
    submit(&person, decline).await;
    assert_eq!(trail(&scene, "biometrics.erased").await, 1);
    let (page, otp) = (
        open(&scene, &person, "/enrol/fingerprint").await,
        Person::new(),
    );
    assert_eq!(page.url.path(), "/enrol/consent", "{page}");
    let login = scene.sign_in(&otp, &mut subject, Ask::default()).await;
    login.expect("signed in with the app, which is sealed under another key now");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => found.push(entry),
        }
    }
    found
}

/// Fingerprints come as files, which only a demonstration takes.
pub(crate) const DEMO: &str = "[demo]\nenabled = true\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_goes_with_the_consent_from_the_embedded_parts() {
    let pictures = need!(shared_folder()).join("data/fingerprints");
    let scene = need!(Scene::with(Backend::Embedded, DEMO).await);
    a_finger_goes_with_the_consent(scene, pictures, Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_goes_with_the_consent_from_the_production_parts() {
    let pictures = need!(shared_folder()).join("data/fingerprints");
    let scene = need!(Scene::with(Backend::Production, DEMO).await);
    a_finger_goes_with_the_consent(scene, pictures, Backend::Production).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_is_erased_from_the_embedded_parts() {
    let pictures = need!(shared_folder()).join("data/fingerprints");
    let scene = need!(Scene::with(Backend::Embedded, DEMO).await);
    a_finger_is_erased(scene, pictures).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_is_erased_from_the_production_parts() {
    let pictures = need!(shared_folder()).join("data/fingerprints");
    let scene = need!(Scene::with(Backend::Production, DEMO).await);
    a_finger_is_erased(scene, pictures).await;
}

/// Every page of it in a real browser: judged by axe, at 320 pixels, at 200 % zoom, in light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn the_account_can_be_used_by_everybody() {
    let browser = need!(Browser::here());
    let axe = need!(axe());
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    let shots = std::env::var_os("WHORL_SHOTS").map(PathBuf::from);
    let arguments = json!({
        "base": scene.server.issuer, "username": "ada", "secret": subject.password,
        "codes": subject.recovery_codes, "axe": axe, "screenshots": shots,
    });
    let seen = browser.run("portal", &arguments).await.expect("used");
    let wrong = seen["wrong"].as_array().expect("a list");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
