//! What a token is for: resources and details that were asked for, granted, and stand in the tokens (RFC 8707,
//! RFC 9396), a better login asked for (RFC 9470), and the documents that say so (RFC 9728, RFC 8414).

use serde_json::{Value, json};
use tests::{
    machine::{Machine, claims},
    need, on_both_backends,
    person::Person,
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Server, Setup},
};

const CONFIG: &str = r#"
[[resource]]
uri = "https://orders.example"
scopes = ["orders:read"]
[[resource]]
uri = "https://stock.example"
scopes = ["stock:read"]
access_token_format = "opaque"
[[authorization_detail]]
type = "payment_initiation"
sentence = "Make a payment"
required = ["instructedAmount"]
[[client]]
id = "shop"
name = "Shop"
secret = "a secret of the shop"
scopes = ["openid", "profile", "offline_access", "orders:read", "stock:read"]
redirect_uris = ["https://shop.example/cb"]
"#;

on_both_backends! {
    with CONFIG;

    async fn a_token_is_for_what_was_granted_and_for_no_more(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let secret = Some("a secret of the shop");
        let issuer = &scene.server.issuer;
        let app = tests::relying_party::RelyingParty::discover(issuer, "shop", secret, "https://shop.example/cb").await;
        let app = app.expect("discovery");
        let machine = Machine::new(&scene.server, "shop", secret);
        let details = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"123.50"}}]"#;
        let begun = app.begin(Ask {
            scopes: &["offline_access", "orders:read", "stock:read"],
            extra: &[
                ("resource", "https://orders.example"),
                ("resource", "https://stock.example"),
                ("authorization_details", details),
            ],
            ..Ask::default()
        });
        let person = Person::new();
        let back = subject.sign_in_with_recovery_code(&person, &begun.url).await.expect("signed in");
        let code = app.code(&begun, &back).expect("a code");
        let mut form = app.code_grant(&code, &begun.verifier);
        form.push(("resource", "https://other.example"));
        let refused = machine.token(&form).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_target"), "not granted");
        form.pop();
        form.push(("resource", "https://orders.example"));
        let issued = machine.token(&form).await.expect("an answer");
        assert_eq!(issued.status, 200, "a refused target does not cost the code: {}", issued.text);
        assert_eq!(issued.get("scope"), "orders:read");
        let granted: Value = serde_json::from_str(details).expect("JSON");
        assert_eq!(issued.body["authorization_details"], granted);
        let said = claims(issued.get("access_token")).expect("a JWT");
        assert_eq!((&said["aud"], &said["authorization_details"]), (&"https://orders.example".into(), &granted));
        assert!(!scene.is_live(issued.get("access_token")).await.expect("userinfo"), "not for userinfo");

        // Another token of the same grant for the other resource, which wants opaque ones; and one for userinfo.
        let refresh = issued.get("refresh_token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", "https://stock.example")];
        let other = machine.token(&form).await.expect("an answer");
        assert_eq!((other.status.as_u16(), other.get("scope")), (200, "stock:read"), "{}", other.text);
        assert!(!other.get("access_token").contains('.'), "opaque");
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", issuer.as_str())];
        let own = machine.token(&form).await.expect("an answer");
        assert!(scene.is_live(own.get("access_token")).await.expect("userinfo"), "{}", own.text);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("authorization_details", "[{\"type\":\"payment_initiation\",\"instructedAmount\":1}]")];
        let refused = machine.token(&form).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_authorization_details"), "not granted");
    }

    async fn what_is_unknown_is_told_to_the_client_and_details_are_shown(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let issuer = &scene.server.issuer;
        let secret = Some("a secret of the shop");
        let app = tests::relying_party::RelyingParty::discover(issuer, "shop", secret, "https://shop.example/cb").await;
        let app = app.expect("discovery");
        for (name, value, error) in [
            ("resource", "https://other.example", "invalid_target"),
            ("resource", "orders", "invalid_target"),
            ("authorization_details", "[{\"type\":\"other\"}]", "invalid_authorization_details"),
            ("authorization_details", "{", "invalid_authorization_details"),
            ("authorization_details", "[{\"type\":\"payment_initiation\"}]", "invalid_authorization_details"),
            ("dpop_jkt", "short", "invalid_request"),
        ] {
            let begun = app.begin(Ask { extra: &[(name, value)], ..Ask::default() });
            let back = Person::new().open(&begun.url).await.expect("an answer").elsewhere().expect("a redirect");
            assert!(back.query().unwrap_or_default().contains(&format!("error={error}")), "{name}={value}: {back}");
        }
        let details = r#"[{"type":"payment_initiation","instructedAmount":"EUR 123.50"}]"#;
        let begun = app.begin(Ask { extra: &[("authorization_details", details)], ..Ask::default() });
        let (person, mut subject) = (Person::new(), subject);
        let first = person.open(&begun.url).await.expect("a page").page().expect("a page");
        let mut page = subject.give_password(&person, first).await.expect("a page");
        if page.form_with("recovery_code").is_err() {
            let other = tests::subject::form_to(&page, "/choose").expect("a form").fill("factor", "recovery_code");
            page = person.submit(other).await.expect("an answer").page().expect("a page");
        }
        let code = subject.recovery_codes.pop().expect("a code");
        let form = page.form_with("recovery_code").expect("a form").fill("recovery_code", &code);
        let consent = person.submit(form).await.expect("an answer").page().expect("a page");
        assert!(consent.body.contains("Make a payment") && consent.body.contains("EUR 123.50"), "{consent}");
    }
}

#[tokio::test]
async fn the_documents_name_what_there_is() {
    let setup = Setup {
        toml: CONFIG,
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let read = |path: &'static str| {
        let url = server.url(path);
        async move {
            let document = reqwest::get(url).await.expect("an answer");
            document.json::<Value>().await.expect("JSON")
        }
    };
    let issuer = &server.issuer;
    let metadata = read("/.well-known/openid-configuration").await;
    assert_eq!(
        metadata,
        read("/.well-known/oauth-authorization-server").await
    );
    assert_eq!(
        metadata["authorization_details_types_supported"],
        json!(["payment_initiation"])
    );
    assert_eq!(
        metadata["introspection_endpoint"],
        format!("{issuer}/introspect")
    );
    assert_eq!(
        metadata["device_authorization_endpoint"],
        format!("{issuer}/device_authorization")
    );
    let resource = read("/.well-known/oauth-protected-resource/userinfo").await;
    assert_eq!(resource["resource"], format!("{issuer}/userinfo"));
    assert_eq!(resource["authorization_servers"], json!([issuer]));
    assert_eq!(
        read("/.well-known/oauth-protected-resource").await["resource"],
        *issuer
    );
    let challenge = reqwest::get(server.url("/userinfo"))
        .await
        .expect("an answer");
    let challenge = challenge.headers()["www-authenticate"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        challenge.contains("/.well-known/oauth-protected-resource/userinfo"),
        "{challenge}"
    );
}

#[tokio::test]
async fn userinfo_may_ask_for_a_better_login() {
    let toml = "[userinfo]\nacr_values = [\"urn:whorl:acr:biometric\"]\nmax_age_s = 60";
    let scene = need!(Scene::with(Backend::Embedded, toml).await);
    let (person, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let login = scene
        .sign_in(&person, &mut subject, Ask::default())
        .await
        .expect("signed in");
    let machine = Machine::new(&scene.server, "x", None);
    let scheme = format!("Bearer {}", login.access_token);
    let refused = machine.userinfo(&scheme, None).await.expect("an answer");
    assert_eq!(refused.refusal(), (401, "insufficient_user_authentication"));
    let challenge = refused.headers["www-authenticate"].to_str().expect("text");
    assert!(
        challenge.contains(r#"acr_values="urn:whorl:acr:biometric", max_age="60""#),
        "{challenge}"
    );
}
