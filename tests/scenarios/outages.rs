//! Parts that go away: answers say so, nothing is lost, and what comes back is taken up again.

use reqwest::StatusCode;
use tests::moto::Moto;
use tests::{
    need, on_both_backends, person::Person, relying_party::Ask, scene::Scene, server::Backend,
    subject::allow,
};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_down_everything_that_needs_it_says_try_again() {
    let mut scene = need!(Scene::plain(Backend::Production).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let begun = scene.app.begin(Ask::default());
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let page = subject
        .identify(&person, page)
        .await
        .expect("the password is asked");

    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .database_plug
        .pull();
    scene
        .server
        .wait_until(StatusCode::SERVICE_UNAVAILABLE)
        .await
        .expect("not ready");
    let alive = reqwest::get(scene.server.url("/healthz"))
        .await
        .expect("an answer");
    assert_eq!(
        alive.status(),
        StatusCode::OK,
        "it lives, and must not be restarted"
    );

    let form = page
        .form_with("password")
        .expect("a form")
        .fill("password", &subject.password);
    let refused = person.submit_once(form.clone()).await.expect("an answer");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    assert!(!refused.header("retry-after").is_empty(), "no Retry-After");
    assert!(
        refused.texts("h1").len() == 1,
        "a page for people: {refused}"
    );
    let (status, body) = scene
        .app
        .token(&scene.app.code_grant("c", &begun.verifier))
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["error"], "temporarily_unavailable");
    let fresh = Person::new()
        .open_once(scene.app.begin(Ask::default()).url)
        .await
        .expect("an answer");
    let told = fresh.header("location").contains("temporarily_unavailable");
    assert!(
        told || fresh.status == StatusCode::SERVICE_UNAVAILABLE,
        "{fresh}"
    );

    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .database_plug
        .put_back();
    scene
        .server
        .wait_until(StatusCode::OK)
        .await
        .expect("ready again");
    // The very login that was interrupted goes on.
    let page = person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("the next step");
    let otp = subject.otp().await.expect("a password");
    let arrival = person
        .submit(page.form_with("otp").expect("a form").fill("otp", &otp))
        .await;
    let back = allow(&person, arrival.expect("an answer"))
        .await
        .expect("admitted");
    scene.app.finish(begun, &back).await.expect("signed in");
    assert!(!scene.server.log().contains("panicked"), "a panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_not_waited_for_without_end() {
    let mut scene = need!(Scene::plain(Backend::Production).await);
    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .database_plug
        .hang();
    scene
        .server
        .wait_until(StatusCode::SERVICE_UNAVAILABLE)
        .await
        .expect("not ready");
    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .database_plug
        .put_back();
    scene
        .server
        .wait_until(StatusCode::OK)
        .await
        .expect("ready again");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_bucket_and_key_service_are_gone_what_needs_them_says_try_again() {
    let mut scene = need!(Scene::plain(Backend::Production).await);
    let moto = need!(Moto::shared());
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    let mut subject = subject;
    let bucket = scene
        .server
        .production
        .as_ref()
        .expect("production")
        .vault
        .bucket
        .clone();
    moto.remove_bucket(&bucket).await.expect("removed");
    scene
        .server
        .wait_until(StatusCode::SERVICE_UNAVAILABLE)
        .await
        .expect("the bucket is missed");
    moto.create_bucket(&bucket).await.expect("made again");
    scene
        .server
        .wait_until(StatusCode::OK)
        .await
        .expect("ready again");

    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .vault_plug
        .pull();
    scene
        .server
        .wait_until(StatusCode::SERVICE_UNAVAILABLE)
        .await
        .expect("the key service is missed");
    // A new subject needs a key of its own: it is told to come back, and can.
    let (_, invitation) = scene.owner.invite("grace").await.expect("an invitation");
    let person = Person::new();
    let failed = tests::subject::Subject::enrol(&person, "grace", &invitation).await;
    let error = format!("{:#}", failed.expect_err("no key"));
    assert!(
        error.contains("503") || error.contains("no secret"),
        "{error}"
    );
    scene
        .server
        .production
        .as_ref()
        .expect("production")
        .vault_plug
        .put_back();
    scene
        .server
        .wait_until(StatusCode::OK)
        .await
        .expect("ready again");
    let begun = scene.app.begin(Ask::default());
    subject
        .sign_in(&Person::new(), &begun.url)
        .await
        .expect("who was enrolled signs in");
    assert!(!scene.server.log().contains("panicked"), "a panic");
}

on_both_backends! {
    async fn after_a_power_cut_logins_codes_and_sessions_go_on(scene: Scene) {
        let mut scene = scene;
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = subject.give_password(&person, page).await.expect("the next step");
        scene.server.kill();
        scene.server.restart().await.expect("started again");

        let otp = subject.otp().await.expect("a password");
        let arrival = person.submit(page.form_with("otp").expect("a form").fill("otp", &otp)).await;
        let back = allow(&person, arrival.expect("an answer")).await.expect("admitted");
        let code = scene.app.code(&begun, &back).expect("a code");
        scene.server.kill();
        scene.server.restart().await.expect("started again");

        let grant = scene.app.code_grant(&code, &begun.verifier);
        let (status, tokens) = scene.app.token(&grant).await.expect("an answer");
        assert_eq!(status, StatusCode::OK, "{tokens}");
        scene.server.kill();
        scene.server.restart().await.expect("started again");

        assert!(scene.is_live(tokens["access_token"].as_str().expect("a token")).await.expect("userinfo"));
        let (status, _) = scene.app.token(&grant).await.expect("an answer");
        assert_eq!(status, StatusCode::BAD_REQUEST, "the code was redeemed before");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("at once");
        scene.app.finish(begun, &back).await.expect("the session lives, the keys are the same");
    }

    async fn a_server_that_is_told_to_stop_stops(scene: Scene) {
        let mut scene = scene;
        let status = scene.server.terminate().await.expect("stopped");
        assert!(status.success(), "{status}");
    }
}

/// The endpoints beside the login: clients read a registered code, people a page, and what waited goes on waiting.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_down_clients_are_told_in_registered_words_and_nothing_is_lost() {
    use crate::{ciba, device};
    let toml = format!(
        "[registration]\nopen = true\n{}{}",
        ciba::CLIENT,
        device::CLIENT
    );
    let mut scene = need!(Scene::with(Backend::Production, &toml).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let (till, tv, person) = (ciba::till(&scene), device::tv(&scene), Person::new());
    let asked = ciba::ask(&till, "ada").await;
    let begun = device::begin(&tv).await;
    let page = ciba::requests(&scene, &person, &mut subject).await;
    let pushed = [
        ("response_type", "code"),
        ("scope", "openid"),
        ("redirect_uri", "https://till.example/cb"),
        ("code_challenge", tests::fapi::CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let reference = till.post("/par", &pushed, &[]).await.expect("an answer");
    assert_eq!(reference.status, StatusCode::CREATED, "{}", reference.text);

    let plug = |scene: &Scene, there: bool| {
        let production = scene.server.production.as_ref().expect("production");
        match there {
            true => production.database_plug.put_back(),
            false => production.database_plug.pull(),
        }
    };
    plug(&scene, false);
    let down = scene.server.wait_until(StatusCode::SERVICE_UNAVAILABLE);
    down.await.expect("not ready");
    let id = asked.get("auth_req_id").to_owned();
    let code = begun.get("device_code").to_owned();
    for (path, form) in [
        ("/par", pushed.to_vec()),
        (
            "/bc-authorize",
            vec![("scope", "openid"), ("login_hint", "ada")],
        ),
        ("/introspect", vec![("token", "t")]),
        ("/revoke", vec![("token", "t")]),
        (
            "/token",
            vec![("grant_type", ciba::GRANT), ("auth_req_id", &id)],
        ),
    ] {
        let answer = till.post(path, &form, &[]).await.expect("an answer");
        assert_eq!(
            answer.refusal(),
            (503, "temporarily_unavailable"),
            "{path}: {}",
            answer.text
        );
        assert!(answer.headers.contains_key("retry-after"), "{path}");
    }
    for (path, form) in [
        ("/device_authorization", vec![("scope", "openid")]),
        (
            "/token",
            vec![("grant_type", device::GRANT), ("device_code", &code)],
        ),
    ] {
        let answer = tv.post(path, &form, &[]).await.expect("an answer");
        assert_eq!(
            answer.refusal(),
            (503, "temporarily_unavailable"),
            "{path}: {}",
            answer.text
        );
        assert!(answer.headers.contains_key("retry-after"), "{path}");
    }
    let metadata = serde_json::json!({ "redirect_uris": ["https://app.example/cb"] });
    let request = reqwest::Client::new()
        .post(scene.server.url("/register"))
        .json(&metadata);
    let answer = tests::machine::read(request).await.expect("an answer");
    assert_eq!(
        answer.refusal(),
        (503, "temporarily_unavailable"),
        "{}",
        answer.text
    );
    assert!(answer.headers.contains_key("retry-after"));
    let requests = person
        .open_once(scene.server.url("/me/requests"))
        .await
        .expect("an answer");
    assert_eq!(
        requests.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{requests}"
    );
    assert!(
        !requests.header("retry-after").is_empty() && requests.texts("h1").len() == 1,
        "{requests}"
    );

    plug(&scene, true);
    scene
        .server
        .wait_until(StatusCode::OK)
        .await
        .expect("ready again");
    let done = ciba::answer(&person, &page, "approve").await;
    assert!(done.body.contains("Approved"), "{done}");
    let issued = ciba::poll(&till, &asked).await;
    assert_eq!(issued.status, StatusCode::OK, "{}", issued.text);
    assert_eq!(
        device::poll(&tv, &begun).await.refusal(),
        (400, "authorization_pending")
    );
    let mut url = scene.server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("client_id", "till")
        .append_pair("request_uri", reference.get("request_uri"));
    let page = Person::new()
        .open(url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert!(page.status.is_success(), "{page}");
    assert!(!scene.server.log().contains("panicked"), "a panic");
}
