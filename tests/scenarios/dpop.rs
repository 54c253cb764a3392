//! DPoP over the wire: tokens are bound to a key, and nobody without it gets anything (RFC 9449).

use tests::{
    machine::{DpopKey, Machine},
    need, on_both_backends,
    person::Person,
    relying_party::{Ask, Begun},
    scene::Scene,
    server::{Backend, Server, Setup},
    subject::Subject,
};
use wire::ClientKind;

/// A public client's code, and the login it belongs to.
async fn code(
    scene: &Scene,
    app: &tests::relying_party::RelyingParty,
    subject: &mut Subject,
    extra: &[(&str, &str)],
) -> (Begun, String) {
    let begun = app.begin(Ask {
        scopes: &["offline_access"],
        extra,
        ..Ask::default()
    });
    let back = subject
        .sign_in_with_recovery_code(&Person::new(), &begun.url)
        .await
        .expect("signed in");
    assert!(scene.server.issuer.starts_with("http"));
    let code = app.code(&begun, &back).expect("a code");
    (begun, code)
}

on_both_backends! {
    async fn a_bound_token_is_good_with_its_key_alone(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let app = scene.register(ClientKind::Public).await.expect("a client");
        let machine = Machine::new(&scene.server, &app.client_id, None);
        let (key, other) = (DpopKey::new().expect("a key"), DpopKey::new().expect("a key"));
        let jkt = key.jkt();
        let (begun, code) = code(&scene, &app, &mut subject, &[("dpop_jkt", &jkt)]).await;
        let grant = app.code_grant(&code, &begun.verifier);

        // RFC 9449 §10: the code is bound to the key that the request named.
        let refused = machine.token(&grant).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"), "without a proof");
        let refused = machine.token_with(&grant, &other, None).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"), "with another key's");
        let issued = machine.token_with(&grant, &key, None).await.expect("an answer");
        assert_eq!(issued.status, 200, "{}", issued.text);
        assert_eq!(issued.get("token_type"), "DPoP");
        let (access, refresh) = (issued.get("access_token"), issued.get("refresh_token"));

        // RFC 9449 §7: at userinfo the key must be proved, and the token is no bearer token.
        let url = machine.url("/userinfo");
        let proof = key.proof("GET", &url, Some(access), None).expect("signed");
        let scheme = format!("DPoP {access}");
        let known = machine.userinfo(&scheme, Some(&proof)).await.expect("an answer");
        assert_eq!(known.status, 200, "{}", known.text);
        let replayed = machine.userinfo(&scheme, Some(&proof)).await.expect("an answer");
        assert_eq!(replayed.refusal(), (401, "invalid_dpop_proof"), "the same proof again");
        let bearer = machine.userinfo(&format!("Bearer {access}"), None).await.expect("an answer");
        assert_eq!(bearer.refusal(), (401, "invalid_token"), "as a bearer token");
        let bare = machine.userinfo(&scheme, None).await.expect("an answer");
        assert_eq!(bare.refusal(), (401, "invalid_dpop_proof"), "without a proof");
        let challenge = bare.headers["www-authenticate"].to_str().expect("text");
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs="), "{challenge}");
        for (what, proof) in [
            ("another key's", other.proof("GET", &url, Some(access), None)),
            ("another method's", key.proof("POST", &url, Some(access), None)),
            ("another token's", key.proof("GET", &url, Some("x"), None)),
            ("no token's", key.proof("GET", &url, None, None)),
            ("another address's", key.proof("GET", &machine.url("/token"), Some(access), None)),
        ] {
            let proof = proof.expect("signed");
            let refused = machine.userinfo(&scheme, Some(&proof)).await.expect("an answer");
            assert_eq!(refused.status, 401, "{what}: {}", refused.text);
        }

        // A public client's refresh token is bound too, and not rotated.
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let refused = machine.token(&form).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"), "without a proof");
        let refused = machine.token_with(&form, &other, None).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"), "with another key's");
        for _ in 0..2 {
            let again = machine.token_with(&form, &key, None).await.expect("an answer");
            assert_eq!(again.status, 200, "{}", again.text);
            assert_eq!(again.get("token_type"), "DPoP");
            assert!(again.body["refresh_token"].is_null(), "kept, not rotated");
        }
    }

    async fn one_proof_is_good_for_one_token_request(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let app = scene.register(ClientKind::Public).await.expect("a client");
        let machine = Machine::new(&scene.server, &app.client_id, None);
        let key = DpopKey::new().expect("a key");
        let (begun, code) = code(&scene, &app, &mut subject, &[]).await;
        let proof = key.proof("POST", &machine.url("/token"), None, None).expect("signed");
        let grant = app.code_grant(&code, &begun.verifier);
        let headers = [("dpop", proof.as_str())];
        let issued = machine.post("/token", &grant, &headers).await.expect("an answer");
        assert_eq!(issued.status, 200, "{}", issued.text);
        let form = [("grant_type", "refresh_token"), ("refresh_token", issued.get("refresh_token"))];
        let refused = machine.post("/token", &form, &headers).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_dpop_proof"));
    }
}

#[tokio::test]
async fn a_server_that_wants_nonces_gives_them() {
    let setup = Setup {
        toml: "[tokens]\ndpop_nonce = true\n[[client]]\nid = \"job\"\nsecret = \"a secret of the job\"\n\
               grant_types = [\"client_credentials\"]\nscopes = [\"openid\"]\nredirect_uris = [\"https://job.example/cb\"]\n\
               dpop_bound_access_tokens = true",
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let machine = Machine::new(&server, "job", Some("a secret of the job"));
    let key = DpopKey::new().expect("a key");
    let form = [("grant_type", "client_credentials")];
    let refused = machine.token(&form).await.expect("an answer");
    assert_eq!(
        refused.refusal(),
        (400, "invalid_dpop_proof"),
        "no proof at all"
    );
    let refused = machine
        .token_with(&form, &key, None)
        .await
        .expect("an answer");
    assert_eq!(refused.refusal(), (400, "use_dpop_nonce"));
    let nonce = refused.headers["dpop-nonce"]
        .to_str()
        .expect("text")
        .to_owned();
    let issued = machine
        .token_with(&form, &key, Some(&nonce))
        .await
        .expect("an answer");
    assert_eq!(
        (issued.status.as_u16(), issued.get("token_type")),
        (200, "DPoP"),
        "{}",
        issued.text
    );
    assert!(
        issued.headers.contains_key("dpop-nonce"),
        "the next one goes along"
    );
    let refused = machine
        .token_with(&form, &key, Some("made up"))
        .await
        .expect("an answer");
    assert_eq!(refused.refusal(), (400, "use_dpop_nonce"));
    let access = issued.get("access_token");
    let proof = key
        .proof("GET", &machine.url("/userinfo"), Some(access), None)
        .expect("signed");
    let refused = machine
        .userinfo(&format!("DPoP {access}"), Some(&proof))
        .await
        .expect("an answer");
    assert_eq!(refused.refusal(), (401, "use_dpop_nonce"));
    assert!(refused.headers.contains_key("dpop-nonce"));
}
