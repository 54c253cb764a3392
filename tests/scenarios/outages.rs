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
