//! Refresh tokens: rotated for public clients, and a reused one ends its family.

use reqwest::StatusCode;
use serde_json::Value;
use tests::{
    on_both_backends,
    person::Person,
    relying_party::{Ask, RelyingParty},
    scene::Scene,
    subject::Subject,
};
use wire::ClientKind;

/// The tokens of a login that was granted offline access.
async fn tokens(app: &RelyingParty, subject: &mut Subject) -> Value {
    let begun = app.begin(Ask {
        scopes: &["email", "offline_access"],
        extra: &[("prompt", "consent")],
        ..Ask::default()
    });
    let back = subject
        .sign_in_with_recovery_code(&Person::new(), &begun.url)
        .await
        .expect("signed in");
    let code = app.code(&begun, &back).expect("a code");
    let (status, body) = app
        .token(&app.code_grant(&code, &begun.verifier))
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body["refresh_token"].is_string(), "{body}");
    body
}

async fn refresh(app: &RelyingParty, token: &Value, scope: Option<&str>) -> (StatusCode, Value) {
    let token = token.as_str().expect("a refresh token");
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    form.extend(scope.map(|scope| ("scope", scope)));
    app.token(&form).await.expect("an answer")
}

async fn set(scene: &Scene) -> (RelyingParty, Subject) {
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    (
        scene
            .register(ClientKind::Public)
            .await
            .expect("a public client"),
        subject,
    )
}

on_both_backends! {
    async fn a_reused_refresh_token_ends_its_family(scene: Scene) {
        let (app, mut subject) = set(&scene).await;
        let first = tokens(&app, &mut subject).await;
        let (status, second) = refresh(&app, &first["refresh_token"], None).await;
        assert_eq!(status, StatusCode::OK, "{second}");
        assert_ne!(first["refresh_token"], second["refresh_token"], "rotated");
        let access = second["access_token"].as_str().expect("an access token");
        assert!(scene.is_live(access).await.expect("userinfo"));

        let (status, third) = refresh(&app, &second["refresh_token"], None).await;
        assert_eq!(status, StatusCode::OK, "{third}");
        let (status, body) = refresh(&app, &first["refresh_token"], None).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        let (status, body) = refresh(&app, &third["refresh_token"], None).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()), "the newest lives on");
        assert!(!scene.is_live(access).await.expect("userinfo"), "an access token of the family lives on");
    }

    async fn a_refresh_does_not_widen_its_scope(scene: Scene) {
        let (app, mut subject) = set(&scene).await;
        let first = tokens(&app, &mut subject).await;
        let (status, body) = refresh(&app, &first["refresh_token"], Some("openid email profile")).await;
        if status == StatusCode::OK {
            assert!(!body["scope"].as_str().unwrap_or_default().contains("profile"), "{body}");
        } else {
            assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_scope".into()));
        }
    }

    async fn a_refresh_may_leave_any_scope_out(scene: Scene) {
        let (app, mut subject) = set(&scene).await;
        let first = tokens(&app, &mut subject).await;
        let (status, less) = refresh(&app, &first["refresh_token"], Some("email")).await;
        assert_eq!((status, &less["scope"]), (StatusCode::OK, &"email".into()), "{less}");
        assert!(less.get("id_token").is_none(), "openid was not asked for: {less}");
        let access = less["access_token"].as_str().expect("an access token");
        assert!(!scene.is_live(access).await.expect("userinfo"), "userinfo wants openid");
        // RFC 6749 §6: the next one has what was granted, not what the last was narrowed to.
        let (status, all) = refresh(&app, &less["refresh_token"], None).await;
        assert_eq!(status, StatusCode::OK, "{all}");
        assert!(all["id_token"].is_string() && all["scope"].as_str().is_some_and(|it| it.contains("openid")), "{all}");
    }

    async fn a_refresh_token_is_useless_to_another_client(scene: Scene) {
        let (app, mut subject) = set(&scene).await;
        let first = tokens(&app, &mut subject).await;
        for other in [scene.app.clone(), scene.register(ClientKind::Public).await.expect("another")] {
            let (status, body) = refresh(&other, &first["refresh_token"], None).await;
            assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        }
    }

    async fn without_offline_access_there_is_no_refresh_token(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let login = scene.sign_in(&Person::new(), &mut subject, Ask::default()).await.expect("signed in");
        assert!(login.refresh_token.is_none());
    }

    async fn a_revoked_token_is_dead_and_revocation_tells_strangers_nothing(scene: Scene) {
        let (app, mut subject) = set(&scene).await;
        let first = tokens(&app, &mut subject).await;
        let (access, token) = (&first["access_token"], first["refresh_token"].as_str().expect("a token"));
        let endpoint = scene.server.url("/revoke");
        let stranger = scene.app.post(endpoint.clone(), &[("token", token)]).await.expect("an answer");
        assert!(stranger.0 == StatusCode::OK || stranger.0 == StatusCode::BAD_REQUEST, "{stranger:?}");
        let unknown = app.post(endpoint.clone(), &[("token", "no-such-token")]).await.expect("an answer");
        assert_eq!(unknown.0, StatusCode::OK);
        assert!(scene.is_live(access.as_str().expect("a token")).await.expect("userinfo"), "revoked by a stranger");

        let own = app.post(endpoint, &[("token", token)]).await.expect("an answer");
        assert_eq!(own.0, StatusCode::OK);
        let (status, body) = refresh(&app, &first["refresh_token"], None).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        assert!(!scene.is_live(access.as_str().expect("a token")).await.expect("userinfo"));
    }
}
