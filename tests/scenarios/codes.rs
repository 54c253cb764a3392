//! Authorization codes: each is good once, for one client, one redirect URI and one verifier.

use reqwest::StatusCode;
use tests::{
    on_both_backends,
    person::Person,
    relying_party::{Ask, Begun},
    scene::Scene,
    subject::Subject,
};
use wire::ClientKind;

/// A code of the scene's application that nobody redeemed.
async fn code(scene: &Scene, subject: &mut Subject) -> (Begun, String) {
    let begun = scene.app.begin(Ask {
        scopes: &["offline_access"],
        ..Ask::default()
    });
    let back = subject
        .sign_in_with_recovery_code(&Person::new(), &begun.url)
        .await
        .expect("signed in");
    let code = scene.app.code(&begun, &back).expect("a code");
    (begun, code)
}

on_both_backends! {
    async fn a_replayed_code_is_refused_and_takes_the_tokens_of_its_first_use_along(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let (begun, code) = code(&scene, &mut subject).await;
        let grant = scene.app.code_grant(&code, &begun.verifier);
        let (status, first) = scene.app.token(&grant).await.expect("an answer");
        assert_eq!(status, StatusCode::OK, "{first}");
        let access = first["access_token"].as_str().expect("an access token");
        assert!(scene.is_live(access).await.expect("userinfo"));

        let (status, second) = scene.app.token(&grant).await.expect("an answer");
        assert_eq!((status, &second["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        assert!(!scene.is_live(access).await.expect("userinfo"), "the first use's token lives on");
        if let Some(refresh) = first["refresh_token"].as_str() {
            let (status, body) = scene
                .app
                .token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
                .await
                .expect("an answer");
            assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        }
    }

    async fn of_twenty_parallel_redemptions_one_succeeds(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let (begun, code) = code(&scene, &mut subject).await;
        let mut race = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (app, code, verifier) = (scene.app.clone(), code.clone(), begun.verifier.clone());
            race.spawn(async move { app.token(&app.code_grant(&code, &verifier)).await });
        }
        let mut issued = 0;
        for outcome in race.join_all().await {
            let (status, body) = outcome.expect("an answer");
            if status == StatusCode::OK {
                issued += 1;
            } else {
                assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
            }
        }
        assert_eq!(issued, 1);
    }

    async fn a_code_is_useless_to_others_and_with_anything_changed(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let thief = scene.register(ClientKind::Confidential).await.expect("another client");
        let public = scene.register(ClientKind::Public).await.expect("a public client");
        type Change = fn(&mut Vec<(&str, &str)>);
        let changes: [(&str, Change); 5] = [
            ("no verifier", |grant| grant.retain(|(name, _)| *name != "code_verifier")),
            ("another verifier", |grant| {
                grant.retain(|(name, _)| *name != "code_verifier");
                grant.push(("code_verifier", "a-verifier-that-was-made-up-by-somebody-else-entirely"));
            }),
            ("another redirect URI", |grant| {
                grant.retain(|(name, _)| *name != "redirect_uri");
                grant.push(("redirect_uri", "http://localhost:1/other"));
            }),
            ("no code", |grant| grant.retain(|(name, _)| *name != "code")),
            ("a doubled parameter", |grant| grant.push(("code_verifier", "x"))),
        ];
        for (what, change) in changes {
            let (begun, code) = code(&scene, &mut subject).await;
            let mut grant = scene.app.code_grant(&code, &begun.verifier);
            change(&mut grant);
            let (status, body) = scene.app.token(&grant).await.expect("an answer");
            assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {body}");
            assert!(body.get("access_token").is_none(), "{what}");
        }
        let (begun, code) = code(&scene, &mut subject).await;
        for other in [&thief, &public] {
            let (status, body) = other.token(&other.code_grant(&code, &begun.verifier)).await.expect("an answer");
            assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
        }
    }
}
