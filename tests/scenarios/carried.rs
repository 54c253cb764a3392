//! Attacks that no other scenario plays: on what an attempt and a session carry along, on the database, on parsers.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::{
    on_both_backends,
    operator::Operator,
    person::{Arrival, Form, Page, Person},
    relying_party::Ask,
    scene::Scene,
    subject::{Subject, form_to},
};
use wire::{SubjectId, paths};

/// The identifier of the only subject of this name.
async fn id_of(owner: &Operator, username: &str) -> SubjectId {
    let subjects: Value = owner.get(paths::SUBJECTS).await.expect("a list");
    let all = subjects["items"].as_array().expect("items");
    let found = all.iter().find(|subject| subject["username"] == username);
    let id = found.and_then(|it| it["id"].as_str()).expect("listed");
    id.parse().expect("an identifier")
}

/// Goes on at a step that begins by a password: the page that comes next.
async fn after_password(scene: &Scene, person: &Person, subject: &Subject, ask: Ask<'_>) -> Page {
    let begun = scene.app.begin(ask);
    let page = person.open(&begun.url).await.expect("an answer");
    let page = page.page().expect("a page");
    subject
        .give_password(person, page)
        .await
        .expect("the next step")
}

/// Gives a one-time password, and answers whether that was all that was wanted.
async fn is_let_through(person: &Person, page: &Page, otp: &str) -> bool {
    let form = page.form_with("otp").expect("a form").fill("otp", otp);
    match person.submit(form).await.expect("an answer") {
        Arrival::Elsewhere(url) => url.as_str().contains("code="),
        Arrival::Page(page) => form_to(&page, "/consent").is_ok(),
    }
}

const PASSWORD: Ask<'static> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};
const BOTH: Ask<'static> = Ask {
    acr: &["urn:whorl:acr:mfa"],
    scopes: &[],
    extra: &[],
};

on_both_backends! {
    async fn an_open_attempt_does_not_revive_a_session_that_was_ended(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = after_password(&scene, &person, &subject, PASSWORD).await;
        let allow = form_to(&page, "/consent").expect("consent").fill("decision", "allow");
        person.submit(allow).await.expect("an answer").elsewhere().expect("signed in by a password");

        // The session vouches for the password, so that the one-time password alone is missing.
        let raise = |scene: &Scene| scene.app.begin(Ask { extra: &[("prompt", "consent")], ..BOTH });
        let page = person.open(&raise(&scene).url).await.expect("an answer").page().expect("a page");
        let otp = subject.otp().await.expect("a password");
        page.form_with("otp").expect("the one-time password is asked");
        let id = id_of(&scene.owner, "ada").await;
        let revoked: Value = scene.owner.post(&paths::revoke_sessions(id), None::<&()>).await.expect("revoked");
        assert_eq!(revoked["revoked"], 1);
        assert!(!is_let_through(&person, &page, &otp).await, "the password of an ended session counted");
    }

    async fn what_a_removed_credential_proved_counts_no_more(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = after_password(&scene, &person, &subject, BOTH).await;
        let otp = subject.otp().await.expect("a password");
        let form = page.form_with("otp").expect("a form").fill("otp", &otp);
        let page = person.submit(form).await.expect("an answer").page().expect("consent");
        let allow = form_to(&page, "/consent").expect("a form").fill("decision", "allow");

        let id = id_of(&scene.owner, "ada").await;
        let detail: Value = scene.owner.get(&paths::subject(id)).await.expect("ada");
        let credentials = detail["credentials"].as_array().expect("credentials");
        let totp = credentials.iter().find(|it| it["factor"] == "totp").expect("the authenticator app");
        let totp = totp["id"].as_str().expect("an identifier").parse().expect("an identifier");
        let (status, body) = scene.owner.request(Method::DELETE, &paths::credential(id, totp), None::<&()>).await.expect("an answer");
        assert!(status.is_success(), "{status} {body}");
        if let Arrival::Elsewhere(url) = person.submit(allow).await.expect("an answer") {
            assert!(!url.as_str().contains("code="), "signed in: {url}");
        }
    }

    async fn what_one_person_proved_is_not_anothers(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut eve) = scene.enrol("eve").await.expect("enrolled");
        let person = Person::new();
        let page = after_password(&scene, &person, &eve, BOTH).await;
        page.form_with("otp").expect("the one-time password is asked");
        // Eve has proved her password, and says that she is Ada.
        let base = page.url.clone();
        let step = |name: &str| base.join(&format!("{}/{name}", base.path())).expect("a path");
        let form = Form::forged(step("identify"), &[("username", "ada")]);
        let page = person.submit(form).await.expect("an answer").page().expect("a page");
        assert!(page.form_with("otp").is_err(), "her password counts for Ada: {page}");

        // Ada is signed in by her password; Eve's one-time password does not raise that session.
        let person = Person::new();
        let page = after_password(&scene, &person, &ada, PASSWORD).await;
        let allow = form_to(&page, "/consent").expect("consent").fill("decision", "allow");
        person.submit(allow).await.expect("an answer").elsewhere().expect("signed in");
        let here = scene.server.url("/");
        let before = person.cookies(&here);
        let page = person.open(&scene.app.begin(BOTH).url).await.expect("an answer").page().expect("a page");
        let otp = eve.otp().await.expect("a password");
        assert!(!is_let_through(&person, &page, &otp).await, "another's factor raised the session");
        assert_eq!(person.cookies(&here), before, "the session is another one");
        let otp = ada.otp().await.expect("a password");
        let page = person.open(&page.url).await.expect("an answer").page().expect("a page");
        assert!(is_let_through(&person, &page, &otp).await, "her own does");
    }

    async fn nobody_is_signed_out_by_a_link(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        // A link, and a hint of somebody else's session: both ask first.
        let other = scene.sign_in(&Person::new(), &mut subject, Ask::default()).await.expect("signed in elsewhere");
        let mut foreign = scene.server.url("/end_session");
        foreign.query_pairs_mut().append_pair("id_token_hint", &other.id_token);
        for url in [scene.server.url("/end_session"), foreign] {
            let page = person.open(&url).await.expect("an answer").page().expect("a page");
            let confirm = form_to(&page, "/end_session/confirm").expect("it asks");
            let fields: Vec<_> = confirm.fields().to_vec();
            let request = person.http().post(confirm.action().clone()).header("origin", "https://evil.example").form(&fields);
            assert_eq!(request.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
            let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
            let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
            assert!(back.as_str().contains("code="), "signed out by {url}: {back}");
        }
    }

    async fn nested_and_hostile_json_is_refused_in_bounded_work(scene: Scene) {
        let deep = format!("{}{}", "{\"a\":".repeat(20_000), "1".to_owned() + &"}".repeat(20_000));
        let wide = format!("[{}1]", "1,".repeat(60_000));
        let twice = r#"{"userinfo":{"email":null},"userinfo":{"phone_number":null}}"#;
        for (what, text) in [("deep", deep.as_str()), ("wide", wide.as_str()), ("not JSON", "{"), ("NUL", "{\"a\u{0}\":1}"), ("a name twice", twice)] {
            for name in ["claims", "authorization_details", "request"] {
                let mut form: Vec<(String, String)> = scene.app.begin(Ask::default()).url.query_pairs().into_owned().collect();
                form.push((name.to_owned(), text.to_owned()));
                let request = reqwest::Client::new().post(scene.server.url("/authorize")).form(&form);
                // A server may also close the connection on a body that it will not read.
                let Ok(response) = request.send().await else { continue };
                let status = response.status();
                assert!(!status.is_server_error(), "{what} as {name}: {status}");
            }
            let request = reqwest::Client::new().post(scene.server.url(paths::SUBJECTS)).bearer_auth(scene.owner.token());
            let request = request.header("content-type", "application/json").body(text.to_owned());
            let Ok(response) = request.send().await else { continue };
            assert!(response.status().is_client_error(), "{what} at the admin API: {}", response.status());
        }
        assert_eq!(reqwest::get(scene.server.url("/healthz")).await.expect("alive").status(), StatusCode::OK);
    }
}

/// Whoever copies the database has names and digests, and nothing that opens anything.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_nothing_that_opens_anything() {
    let scene = tests::need!(Scene::plain(tests::server::Backend::Embedded).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let codes = subject.recovery_codes.clone();
    let person = Person::new();
    let begun = scene.app.begin(Ask {
        scopes: &["offline_access"],
        ..Ask::default()
    });
    let back = subject.sign_in(&person, &begun.url).await;
    let code = scene.app.code(&begun, &back.expect("signed in"));
    let code = code.expect("a code");
    let grant = scene.app.code_grant(&code, &begun.verifier);
    let (_, tokens) = scene.app.token(&grant).await.expect("an answer");
    let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let cookies = person.cookies(&scene.server.url("/"));
    let cookies = cookies
        .iter()
        .filter_map(|cookie| cookie.split('=').nth(1).map(str::to_owned));
    let mut secrets = vec![
        code,
        begun.verifier.clone(),
        token("access_token"),
        token("refresh_token"),
        token("id_token"),
        subject.password.clone(),
        subject.totp_secret.clone(),
        scene.app.secret.clone().expect("a secret"),
        scene.owner.token().to_owned(),
    ];
    secrets.extend(codes);
    secrets.extend(cookies);
    let mut state = Vec::new();
    let mut folders = vec![scene.server.folder().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                state.push((path.clone(), std::fs::read(&path).expect("a file")));
            }
        }
    }
    let holds = |text: &str| {
        let found = state.iter().find(|(_, bytes)| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        });
        found.map(|(path, _)| path.clone())
    };
    assert!(holds("ada").is_some(), "the name is in it, so it was read");
    for secret in secrets {
        assert!(secret.len() >= 8, "too short to be looked for");
        assert_eq!(holds(&secret), None, "{secret}");
    }
}
