//! What an application may ask to be shown or not shown, which claims it gets, and what the person agrees to.

use serde_json::Value;
use tests::{
    need, on_both_backends,
    person::{Form, Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    subject::{Subject, allow, form_to},
};
use url::Url;

fn error(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "error");
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn userinfo(scene: &Scene, access_token: &str) -> Value {
    let request = reqwest::Client::new().get(scene.server.url("/userinfo"));
    let answer = request.bearer_auth(access_token).send().await;
    answer.expect("an answer").json().await.expect("JSON")
}

async fn step(person: &Person, scene: &Scene, extra: &[(&str, &str)]) -> Page {
    let begun = scene.app.begin(Ask {
        extra,
        ..Ask::default()
    });
    person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page")
}

#[tokio::test]
async fn who_is_new_makes_an_account_where_everybody_may() {
    let toml = "[people]\nself_registration = true\n";
    let scene = need!(Scene::with(Backend::Embedded, toml).await);
    let (person, begun) = (
        Person::new(),
        scene.app.begin(Ask {
            extra: &[("prompt", "create")],
            ..Ask::default()
        }),
    );
    let open = async |person: &Person| {
        let arrival = person.open(&begun.url).await.expect("an answer");
        arrival.page().expect("a page")
    };
    let register = async |person: &Person, page: &Page, name: &str| {
        let form = form_to(page, "/register").expect("a form");
        let arrival = person.submit(form.fill("username", name)).await;
        arrival.expect("an answer").page().expect("a page")
    };
    let page = open(&person).await;
    let refused = register(&person, &page, " ").await;
    assert!(refused.body.contains("could not be read"), "{refused}");
    let overview = register(&person, &page, "Grace").await;
    let (mut grace, done) = Subject::set_up(&person, "grace", &overview)
        .await
        .expect("set up");
    // On with the login that waited, which knows the name.
    let on = done.attribute("a.primary", "href").expect("a way on");
    assert!(on.starts_with("/login/"), "{on}");
    let page = person.open(done.url.join(&on).expect("a URL")).await;
    let page = page.expect("an answer").page().expect("a page");
    let name = page.form_with("username").expect("a form");
    assert_eq!(name.value("username"), Some("grace"));
    let page = grace.give_password(&person, page).await.expect("asked on");
    let otp = grace.otp().await.expect("a code");
    let form = page.form_with("otp").expect("a form").fill("otp", &otp);
    let arrival = person.submit(form).await.expect("an answer");
    let back = allow(&person, arrival).await.expect("sent back");
    let login = scene.app.finish(begun, &back).await.expect("an ID token");
    assert!(!login.claims.subject().is_empty());

    // The name is taken now; and nothing is made where nobody asked for it.
    let begun = scene.app.begin(Ask {
        extra: &[("prompt", "create")],
        ..Ask::default()
    });
    let stranger = Person::new();
    let page = stranger.open(&begun.url).await.expect("an answer");
    let page = page.page().expect("a page");
    let refused = register(&stranger, &page, "GRACE").await;
    assert!(refused.body.contains("Somebody has that name"), "{refused}");
    let plain = scene.app.begin(Ask::default());
    let stranger = Person::new();
    let page = stranger.open(&plain.url).await.expect("an answer");
    let page = page.page().expect("a page");
    let url = page.url.join(&format!("{}/register", page.url.path()));
    let forged = Form::forged(url.expect("a URL"), &[("username", "mallory")]);
    stranger.submit_once(forged).await.expect("an answer");
    let subjects: serde_json::Value = scene
        .owner
        .get(wire::paths::SUBJECTS)
        .await
        .expect("a list");
    assert!(!subjects.to_string().contains("mallory"), "{subjects}");
}

on_both_backends! {
    async fn more_than_was_allowed_is_asked_for_again(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        for (asked, name) in [
            (Ask { scopes: &["email"], ..Ask::default() }, "email"),
            (Ask { extra: &[("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)], ..Ask::default() }, "name"),
        ] {
            let silent = [("prompt", "none")].into_iter().chain(asked.extra.iter().copied());
            let silent: Vec<_> = silent.collect();
            let begun = scene.app.begin(Ask { extra: &silent, ..asked });
            let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
            assert_eq!(error(&back), "consent_required", "{name}");

            let begun = scene.app.begin(asked);
            let page = person.open(&begun.url).await.expect("an answer").page().expect("asked");
            assert!(page.texts(".scopes code").iter().any(|it| it == name), "{page}");
            let arrival = person.open(&begun.url).await.expect("an answer");
            let back = allow(&person, arrival).await.expect("allowed");
            scene.app.finish(begun, &back).await.expect("signed in");
            // Remembered, for what was allowed before too.
            let begun = scene.app.begin(Ask { extra: &silent, ..asked });
            let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("back");
            assert_eq!(error(&back), "", "{name}: {back}");
        }
        let both = Ask { scopes: &["email"], extra: &[("prompt", "none")], ..Ask::default() };
        let begun = scene.app.begin(both);
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("back");
        assert_eq!(error(&back), "", "{back}");
        // And asked again where the application wants that.
        let page = step(&person, &scene, &[("prompt", "consent")]).await;
        assert!(form_to(&page, "/consent").is_ok(), "{page}");
    }

    async fn claims_asked_for_by_name_come_where_they_were_asked_for(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let claims = r#"{"userinfo":{"email_verified":null,"preferred_username":{"essential":true}},"id_token":{"preferred_username":null,"auth_time":{"essential":true},"phone_number":null}}"#;
        let ask = Ask { extra: &[("claims", claims), ("claims_locales", "de en"), ("ui_locales", "x"), ("display", "popup")], ..Ask::default() };
        let login = scene.sign_in(&Person::new(), &mut subject, ask).await.expect("signed in");
        let name = login.claims.preferred_username().map(|it| it.as_str().to_owned());
        assert_eq!(name.as_deref(), Some("ada"));
        let found = userinfo(&scene, &login.access_token).await;
        assert_eq!(found["preferred_username"], "ada", "{found}");
        // Neither asked for nor granted.
        assert_eq!(found.get("name"), None, "{found}");
        let plain = scene.sign_in(&Person::new(), &mut subject, Ask::default()).await.expect("signed in");
        assert_eq!(plain.claims.preferred_username(), None);
        let found = userinfo(&scene, &plain.access_token).await;
        assert_eq!(found.as_object().expect("an object").len(), 1, "{found}");
    }

    async fn an_account_can_be_chosen_and_another_one_taken(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut eve) = scene.enrol("eve").await.expect("enrolled");
        let person = Person::new();
        let first = scene.sign_in(&person, &mut ada, Ask::default()).await.expect("signed in");
        let select = Ask { extra: &[("prompt", "select_account")], ..Ask::default() };
        let begun = scene.app.begin(select);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a choice");
        assert!(page.body.contains("ada"), "{page}");
        let same = page.form_with("account").expect("a form").fill("account", "same");
        let back = person.submit(same).await.expect("an answer").elsewhere().expect("back");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.claims.subject(), first.claims.subject());

        let begun = scene.app.begin(select);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a choice");
        let other = page.form_with("account").expect("a form").fill("account", "another");
        let page = person.submit(other).await.expect("an answer").page().expect("who is it");
        let page = eve.give_password(&person, page).await.expect("a second factor");
        let otp = eve.otp().await.expect("a password");
        let arrival = person.submit(page.form_with("otp").expect("a form").fill("otp", &otp)).await;
        let back = allow(&person, arrival.expect("an answer")).await.expect("back");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_ne!(login.claims.subject(), first.claims.subject());

        // Where nobody is signed in, the name is asked at once.
        let page = step(&Person::new(), &scene, &[("prompt", "select_account")]).await;
        assert!(page.form_with("username").is_ok(), "{page}");
    }

    async fn registration_is_answered_by_a_page(scene: Scene) {
        let person = Person::new();
        let page = step(&person, &scene, &[("prompt", "create")]).await;
        assert!(page.body.contains("invitation"), "{page}");
        let on = form_to(&page, "/registered").expect("a form");
        let page = person.submit(on).await.expect("an answer").page().expect("who is it");
        assert!(page.form_with("username").is_ok(), "{page}");
    }

    async fn an_essential_method_that_was_not_used_is_an_error(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let claims = r#"{"id_token":{"amr":{"essential":true,"values":["face","otp"]}}}"#;
        let begun = scene.app.begin(Ask { extra: &[("claims", claims)], ..Ask::default() });
        let back = subject.sign_in(&Person::new(), &begun.url).await.expect("signed in");
        assert_eq!(error(&back), "", "{back}");
        // Nobody can answer so here: refused before anybody is named.
        let claims = r#"{"id_token":{"amr":{"essential":true,"values":["face","fpt"]}}}"#;
        let begun = scene.app.begin(Ask { extra: &[("claims", claims)], ..Ask::default() });
        let back = Person::new().open(&begun.url).await.expect("an answer").elsewhere().expect("no page");
        assert_eq!(error(&back), "unmet_authentication_requirements", "{back}");
    }
}

/// A provider whose usual acr is the password alone.
const USUALLY_A_PASSWORD: &str = r#"
[policy]
default_acr = "urn:whorl:acr:password"
[[policy.acr]]
name = "urn:whorl:acr:password"
any_of = [["password"], ["passkey"]]
[[policy.acr]]
name = "urn:whorl:acr:mfa"
any_of = [["passkey"], ["password", "totp"], ["password", "recovery_code"]]
"#;
const PASSWORD: &str = "urn:whorl:acr:password";
const ONE_TIME: &str = r#"{"id_token":{"amr":{"essential":true,"values":["otp"]}}}"#;

on_both_backends! {
    with USUALLY_A_PASSWORD;

    async fn an_essential_method_is_asked_for_where_the_usual_login_lacks_it(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page().expect("who is it");
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let back = allow(&person, person.submit(form).await.expect("an answer")).await.expect("back");
        let usual = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!((usual.acr(), usual.amr()), (PASSWORD, vec!["pwd".to_owned()]), "the password alone");
        let insisting = r#"{"id_token":{"amr":{"essential":true,"values":["otp"]},"acr":{"essential":true,"values":["urn:whorl:acr:password"]}}}"#;
        let begun = scene.app.begin(Ask { extra: &[("claims", insisting)], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("no page");
        assert_eq!(error(&back), "unmet_authentication_requirements", "the two exclude each other: {back}");
        let silently = Ask { extra: &[("claims", ONE_TIME), ("prompt", "none")], ..Ask::default() };
        let begun = scene.app.begin(silently);
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("no page");
        assert_eq!(error(&back), "login_required", "somebody could be asked: {back}");
        // With the session that has the password, and anew; a voluntary acr gives way to what is essential.
        for (person, acr) in [(person, &[][..]), (Person::new(), &[PASSWORD][..])] {
            let begun = scene.app.begin(Ask { extra: &[("claims", ONE_TIME)], acr, ..Ask::default() });
            let mut page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
            if page.form_with("username").is_ok() {
                page = subject.give_password(&person, page).await.expect("one factor more");
            }
            let otp = subject.otp().await.expect("a password");
            let form = page.form_with("otp").expect("the one-time password is asked for").fill("otp", &otp);
            let back = allow(&person, person.submit(form).await.expect("an answer")).await.expect("back");
            let login = scene.app.finish(begun, &back).await.expect("an ID token");
            assert!(login.amr().contains(&"otp".to_owned()), "{:?}", login.amr());
            assert_eq!(login.acr(), "urn:whorl:acr:mfa");
        }
    }

    async fn who_cannot_answer_an_essential_method_is_told_apart_from_nobody_by_nothing(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let claims = r#"{"id_token":{"amr":{"essential":true,"values":["swk"]}}}"#;
        let mut shown = Vec::new();
        for name in ["ada", "nobody"] {
            let person = Person::new();
            let begun = scene.app.begin(Ask { extra: &[("claims", claims)], ..Ask::default() });
            let page = person.open(&begun.url).await.expect("an answer").page().expect("who is it");
            let form = page.form_with("username").expect("a form").fill("username", name);
            let page = person.submit(form).await.expect("an answer").page().expect("a page");
            let fields: Vec<String> = page.forms().iter().flat_map(|form| form.fields().iter().map(|(field, _)| field.clone()).collect::<Vec<_>>()).collect();
            shown.push((page.status, page.texts("h1"), fields));
        }
        assert_eq!(shown[0], shown[1], "{}", subject.username);
        assert!(shown[0].0.is_success());
    }
}
