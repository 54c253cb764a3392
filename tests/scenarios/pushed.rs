//! Pushed authorization requests (RFC 9126): taken from an authenticated client, good once, and for it alone.

use reqwest::StatusCode;
use serde_json::Value;
use tests::{
    on_both_backends,
    person::{Arrival, Person},
    relying_party::{Ask, Begun, RelyingParty},
    scene::Scene,
    subject::form_to,
};
use url::Url;
use wire::ClientKind;

/// Pushes the request that the application would have made, with one parameter changed.
async fn push(
    scene: &Scene,
    app: &RelyingParty,
    begun: &Begun,
    change: Option<(&str, &str)>,
) -> (StatusCode, Value) {
    let pairs: Vec<(String, String)> = begun.url.query_pairs().into_owned().collect();
    let changed = change.into_iter();
    let form: Vec<(&str, &str)> = pairs
        .iter()
        .filter(|(name, _)| name != "client_id" && change.is_none_or(|(other, _)| other != name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(changed)
        .collect();
    app.post(scene.server.url("/par"), &form)
        .await
        .expect("an answer")
}

fn authorize(scene: &Scene, app: &RelyingParty, request_uri: &str) -> Url {
    let mut url = scene.server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("client_id", &app.client_id)
        .append_pair("request_uri", request_uri);
    url
}

pub async fn pushed(scene: &Scene, app: &RelyingParty, begun: &Begun) -> Url {
    let (status, body) = push(scene, app, begun, None).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let lifetime = body["expires_in"].as_u64().expect("a lifetime");
    assert!((1..600).contains(&lifetime), "{body}");
    let request_uri = body["request_uri"].as_str().expect("a reference");
    assert!(
        request_uri.starts_with("urn:ietf:params:oauth:request_uri:"),
        "{body}"
    );
    authorize(scene, app, request_uri)
}

async fn refused(person: &Person, url: &Url) {
    let page = person
        .open(url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page}");
    assert!(page.body.contains("invalid_request_uri"), "{page}");
}

on_both_backends! {
    async fn a_pushed_request_leads_to_one_login(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let begun = scene.app.begin(Ask::default());
        let url = pushed(&scene, &scene.app, &begun).await;
        // The page may be loaded twice before the login ends, and what the URL says besides counts for nothing.
        let page = Person::new().open(&url).await.expect("an answer").page().expect("a page");
        assert!(page.form_with("username").is_ok(), "{page}");
        let mut padded = url.clone();
        padded.query_pairs_mut().append_pair("state", "another").append_pair("scope", "x");
        let person = Person::new();
        let back = subject.sign_in(&person, &padded).await.expect("signed in");
        scene.app.finish(begun, &back).await.expect("the pushed state and nonce");
        refused(&person, &url).await;
        refused(&Person::new(), &url).await;
    }

    async fn a_refusal_is_the_answer_that_a_pushed_request_is_good_for(scene: Scene) {
        let silent = Ask { extra: &[("prompt", "none")], ..Ask::default() };
        let url = pushed(&scene, &scene.app, &scene.app.begin(silent)).await;
        let back = Person::new().open(&url).await.expect("an answer").elsewhere().expect("sent back");
        assert!(back.as_str().contains("error=login_required"), "{back}");
        refused(&Person::new(), &url).await;

        let url = pushed(&scene, &scene.app, &scene.app.begin(Ask::default())).await;
        let person = Person::new();
        let page = person.open(&url).await.expect("an answer").page().expect("a page");
        let cancel = form_to(&page, "/cancel").expect("a way out");
        let back = person.submit(cancel).await.expect("an answer").elsewhere().expect("sent back");
        assert!(back.as_str().contains("error=access_denied"), "{back}");
        refused(&person, &url).await;
    }

    async fn of_many_answers_to_one_pushed_request_one_is_given(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        let begun = scene.app.begin(Ask::default());
        let url = pushed(&scene, &scene.app, &begun).await;
        let tries = (0..20).map(|_| {
            let (person, url) = (person.clone(), url.clone());
            tokio::spawn(async move { person.open(&url).await })
        });
        let tries: Vec<_> = tries.collect();
        let mut codes = 0;
        for one in tries {
            if let Arrival::Elsewhere(back) = one.await.expect("no panic").expect("an answer") {
                codes += usize::from(scene.app.code(&begun, &back).is_ok());
            }
        }
        assert_eq!(codes, 1);
    }

    async fn a_reference_is_its_clients_own(scene: Scene) {
        let begun = scene.app.begin(Ask::default());
        let url = pushed(&scene, &scene.app, &begun).await;
        let request_uri = url.query_pairs().find(|(name, _)| name == "request_uri").expect("it").1.into_owned();
        let other = scene.register(ClientKind::Confidential).await.expect("registered");
        refused(&Person::new(), &authorize(&scene, &other, &request_uri)).await;
        refused(&Person::new(), &authorize(&scene, &scene.app, "urn:ietf:params:oauth:request_uri:guess")).await;
    }

    async fn what_the_authorization_endpoint_refuses_is_refused_when_it_is_pushed(scene: Scene) {
        let begun = scene.app.begin(Ask::default());
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "id_token", "unauthorized_client"),
            ("scope", "unheard-of", "invalid_scope"),
            ("redirect_uri", "http://evil.example/", "invalid_request"),
            ("request_uri", "urn:x", "invalid_request"),
            ("client_id", "another", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
        ] {
            let (status, body) = push(&scene, &scene.app, &begun, Some((name, value))).await;
            let status_fits = status == StatusCode::BAD_REQUEST || (name == "client_id" && status == StatusCode::UNAUTHORIZED);
            assert!(status_fits, "{name}: {status} {body}");
            let code = body["error"].as_str().unwrap_or_default();
            assert!(code == error || name == "client_id", "{name}: {body}");
        }
        let mut nobody = scene.app.clone();
        nobody.secret = Some("wrong".to_owned());
        let (status, body) = push(&scene, &nobody, &begun, None).await;
        assert_eq!((status, &body["error"]), (StatusCode::UNAUTHORIZED, &Value::from("invalid_client")));
    }
}
