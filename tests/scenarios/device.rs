//! A device without a browser: the person answers on another one (RFC 8628).

use tests::{
    machine::{Answer, Machine},
    need, on_both_backends,
    person::{Page, Person},
    scene::Scene,
    server::Backend,
    subject::{Subject, consent, form_to},
};

/// A television that anybody may have.
pub const CLIENT: &str = r#"
[[client]]
id = "tv"
name = "Living room"
grant_types = ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token", "authorization_code"]
scopes = ["openid", "profile", "offline_access"]
redirect_uris = ["https://tv.example/cb"]
"#;

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub fn tv(scene: &Scene) -> Machine {
    Machine::new(&scene.server, "tv", None)
}

/// Asks for codes.
pub async fn begin(tv: &Machine) -> Answer {
    let form = [("scope", "openid profile offline_access")];
    let begun = tv
        .post("/device_authorization", &form, &[])
        .await
        .expect("an answer");
    assert_eq!(begun.status, 200, "{}", begun.text);
    begun
}

pub async fn poll(tv: &Machine, begun: &Answer) -> Answer {
    let form = [
        ("grant_type", GRANT),
        ("device_code", begun.get("device_code")),
    ];
    tv.token(&form).await.expect("an answer")
}

/// The person types the code: the page that says what waits.
pub async fn look(scene: &Scene, person: &Person, code: &str) -> Page {
    let page = person
        .open(scene.server.url("/device"))
        .await
        .expect("a page");
    let form = page
        .page()
        .expect("a page")
        .form_with("user_code")
        .expect("a form");
    let arrival = person
        .submit(form.fill("user_code", code))
        .await
        .expect("an answer");
    arrival.page().expect("a page")
}

/// The person goes on, signs in where that is asked, and allows.
pub async fn allow(person: &Person, subject: &mut Subject, page: &Page) -> Page {
    let form = form_to(page, "/device/answer")
        .expect("a form")
        .fill("decision", "continue");
    let next = person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    if next.form_with("username").is_ok() {
        subject.prove(person, next).await.expect("signed in")
    } else {
        consent(person, next).await.expect("allowed")
    }
}

on_both_backends! {
    with CLIENT;

    async fn a_person_connects_a_device(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let (tv, person) = (tv(&scene), Person::new());
        let begun = begin(&tv).await;
        let complete = begun.get("verification_uri_complete");
        assert_eq!(complete, format!("{}/device?user_code={}", scene.server.issuer, begun.get("user_code")));
        // For a device that can show a picture and not draw one.
        let picture = format!("/device/qr?user_code={}", begun.get("user_code"));
        let picture = reqwest::get(scene.server.url(&picture)).await.expect("a picture");
        assert_eq!(picture.headers()["content-type"], "image/svg+xml");
        let svg = picture.text().await.expect("text");
        assert!(svg.starts_with("<svg xmlns=") && svg.contains("M4 4h7v1h-7z"), "{svg}");
        let other = reqwest::get(scene.server.url("/device/qr?user_code=%3Csvg%3E")).await.expect("an answer");
        assert_eq!(other.status().as_u16(), 200);
        let form = other.text().await.expect("a page");
        assert!(form.contains("name=\"user_code\"") && !form.contains("<svg>"), "a code is asked for: {form}");
        assert_eq!(poll(&tv, &begun).await.refusal(), (400, "authorization_pending"));
        assert_eq!(poll(&tv, &begun).await.refusal(), (400, "slow_down"), "at once again");

        // The complete address fills the code in and does no more.
        let filled = person.open(complete).await.expect("a page").page().expect("a page");
        assert!(filled.body.contains(begun.get("user_code")), "{filled}");
        assert!(!filled.body.contains("Living room"), "nothing is shown before the code is sent: {filled}");
        let page = look(&scene, &person, &begun.get("user_code").to_lowercase()).await;
        for shown in ["Living room", begun.get("user_code"), "127.0.0.1"] {
            assert!(page.body.contains(shown), "{shown}: {page}");
        }
        let done = allow(&person, &mut subject, &page).await;
        assert!(done.body.contains("Your device is connected"), "{done}");

        let issued = poll(&tv, &begun).await;
        assert_eq!(issued.status, 200, "{}", issued.text);
        let access = issued.get("access_token").to_owned();
        assert!(scene.is_live(&access).await.expect("userinfo"));
        assert!(issued.body["id_token"].is_string() && issued.body["refresh_token"].is_string());

        // Once: a second fetch takes everything back.
        assert_eq!(poll(&tv, &begun).await.refusal(), (400, "invalid_grant"));
        assert!(!scene.is_live(&access).await.expect("userinfo"), "the first fetch's token lives on");
        let page = look(&scene, &person, begun.get("user_code")).await;
        assert_eq!(page.status, 404, "the code is used: {page}");
    }

    async fn a_person_says_no_to_a_device(scene: Scene) {
        let (tv, person) = (tv(&scene), Person::new());
        let begun = begin(&tv).await;
        let page = look(&scene, &person, begun.get("user_code")).await;
        // An answer that is neither yes nor no decides nothing.
        let nothing = form_to(&page, "/device/answer").expect("a form");
        let said = person.submit(nothing).await.expect("an answer").page().expect("a page");
        assert_eq!(said.status, 400, "{said}");
        let page = look(&scene, &person, begun.get("user_code")).await;
        let form = form_to(&page, "/device/answer").expect("still asked").fill("decision", "deny");
        person.submit(form).await.expect("an answer");
        assert_eq!(poll(&tv, &begun).await.refusal(), (400, "access_denied"));
    }

    async fn nobody_else_gets_what_a_device_waits_for_and_codes_are_not_guessed(scene: Scene) {
        let (tv, person) = (tv(&scene), Person::new());
        let begun = begin(&tv).await;
        let other = scene.register(wire::ClientKind::Public).await.expect("a client");
        let thief = Machine::new(&scene.server, &other.client_id, None);
        let refused = poll(&thief, &begun).await;
        assert_eq!(refused.refusal().0, 400);
        assert!(["invalid_grant", "unauthorized_client"].contains(&refused.get("error")), "{}", refused.text);
        let refused = thief.post("/device_authorization", &[], &[]).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "unauthorized_client"));
        let unknown = tv.token(&[("grant_type", GRANT), ("device_code", "x")]).await.expect("an answer");
        assert_eq!(unknown.refusal(), (400, "invalid_grant"));

        let mut blocked = false;
        for _ in 0..40 {
            let page = look(&scene, &person, "BBBB-BBBB").await;
            blocked |= page.status == 429;
        }
        assert!(blocked, "forty wrong codes from one address, and none was refused");
        let page = look(&scene, &person, begun.get("user_code")).await;
        assert_eq!(page.status, 429, "the right one is no exception");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_takes_a_share_of_the_codes_and_no_more() {
    let toml = format!("trusted_proxies = [\"127.0.0.1/32\"]\n{CLIENT}");
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let tv = tv(&scene);
    let ask = async |from: &str| {
        let form = [("scope", "openid")];
        let headers = [("x-forwarded-for", from)];
        let answer = tv.post("/device_authorization", &form, &headers).await;
        answer.expect("an answer")
    };
    for _ in 0..100 {
        assert_eq!(ask("203.0.113.7").await.status, 200);
    }
    let refused = ask("203.0.113.7:4711").await;
    assert_eq!(refused.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(ask("203.0.113.8").await.status, 200, "another network");
}
