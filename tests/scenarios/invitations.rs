//! Invitations: each is good once, for a while, in one browser.

use reqwest::StatusCode;
use tests::{
    need, on_both_backends,
    person::Person,
    scene::Scene,
    server::{Backend, Setup},
    subject::Subject,
};
use tokio::time::{Duration, Instant, sleep};

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_invitation_is_refused() {
    let setup = Setup {
        toml: "[session]\ninvitation_s = 1",
        ..Setup::plain(Backend::Embedded)
    };
    let scene = need!(Scene::set(setup).await);
    let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
    let person = Person::new();
    let until = Instant::now() + Duration::from_secs(20);
    let page = loop {
        let page = person
            .open(&invitation)
            .await
            .expect("an answer")
            .page()
            .expect("a page");
        if !page.status.is_success() {
            break page;
        }
        assert!(Instant::now() < until, "still good: {page}");
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(page.status, StatusCode::GONE, "{page}");
    assert!(page.form_with("token").is_err());
    // Nor by posting the token past the page.
    let token = invitation.rsplit('/').next().expect("a token");
    let form = tests::person::Form::forged(scene.server.url("/enrol/begin"), &[("token", token)]);
    let page = person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert_eq!(page.status, StatusCode::GONE, "{page}");
}

on_both_backends! {
    async fn what_was_refused_is_told_once(scene: Scene) {
        let (_, invitation) = scene.owner.invite("ada").await.expect("invited");
        let person = Person::new();
        let welcome = person.open(&invitation).await.expect("an answer").page().expect("a page");
        let form = welcome.form_with("token").expect("a form");
        person.submit(form).await.expect("an answer").page().expect("a page");
        let open = async |path: &str| {
            let arrival = person.open(scene.server.url(path)).await.expect("an answer");
            arrival.page().expect("a page")
        };
        let refuse = async || {
            let form = open("/enrol/totp").await.form_with("otp").expect("a form");
            let arrival = person.submit(form.fill("otp", "not a code")).await.expect("an answer");
            let page = arrival.page().expect("a page");
            assert!(page.body.contains("id=\"problem\""), "{page}");
        };
        for later in ["/enrol/totp", "/enrol", "/enrol/password"] {
            refuse().await;
            let page = open(later).await;
            assert!(!page.body.contains("id=\"problem\""), "{later}: {page}");
        }
    }

    async fn an_invitation_is_used_once(scene: Scene) {
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        Subject::enrol(&Person::new(), "ada", &invitation).await.expect("enrolled");
        let page = Person::new().open(&invitation).await.expect("an answer").page().expect("a page");
        assert_eq!(page.status, StatusCode::GONE, "{page}");
    }

    async fn an_invitation_that_was_begun_belongs_to_its_browser(scene: Scene) {
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let (first, second) = (Person::new(), Person::new());
        let mut welcomes = Vec::new();
        for person in [&first, &second] {
            let page = person.open(&invitation).await.expect("an answer").page().expect("a page");
            welcomes.push(page.form_with("token").expect("a form"));
        }
        let second_welcome = welcomes.pop().expect("two");
        let page = first.submit(welcomes.remove(0)).await.expect("an answer").page().expect("a page");
        assert_eq!(page.url.path(), "/enrol", "{page}");
        let page = second.submit(second_welcome).await.expect("an answer").page().expect("a page");
        assert!(page.status.is_client_error(), "{page}");
        let page = second.open(scene.server.url("/enrol")).await.expect("an answer").page().expect("a page");
        assert!(page.status.is_client_error(), "{page}");
    }

    async fn a_new_invitation_voids_the_old_one(scene: Scene) {
        let (subject, old) = scene.owner.invite("ada").await.expect("an invitation");
        let new = scene.owner.invite_again(subject).await.expect("another");
        let page = Person::new().open(&old).await.expect("an answer").page().expect("a page");
        assert_eq!(page.status, StatusCode::GONE, "{page}");
        let page = Person::new().open(&new).await.expect("an answer").page().expect("a page");
        assert_eq!(page.status, StatusCode::OK, "{page}");
    }

    async fn an_enrolment_cannot_be_finished_with_too_little(scene: Scene) {
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let person = Person::new();
        let welcome = person.open(&invitation).await.expect("an answer").page().expect("a page");
        let form = welcome.form_with("token").expect("a form");
        person.submit(form).await.expect("an answer").page().expect("the overview");
        let form = tests::person::Form::forged(scene.server.url("/enrol/finish"), &[]);
        let page = person.submit(form).await.expect("an answer").page().expect("a page");
        assert!(!page.body.contains("You are all set"), "{page}");
        let subjects: serde_json::Value = scene.owner.get(wire::paths::SUBJECTS).await.expect("a list");
        assert_eq!(subjects["items"][0]["status"], "invited", "{subjects}");
    }
}
