//! Requests without `openid`: applications of plain OAuth 2.0 (RFC 6749) get access and nothing that says who it is.

use anyhow::Context;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    fapi::{CHALLENGE, VERIFIER},
    jose::Jose,
    machine::{Answer, DpopKey, Machine, claims, read},
    need, on_both_backends,
    person::Person,
    relying_party::Ask,
    server::Server,
    subject::{form_to, unix_time},
};
use url::Url;
use uuid::Uuid;

const CONFIG: &str = r#"
[registration]
open = true
[[resource]]
uri = "https://orders.example"
scopes = ["orders:read", "orders:write"]
[[client]]
id = "till"
name = "Till"
secret = "a secret of the till"
scopes = ["orders:read", "orders:write", "offline_access"]
redirect_uris = ["https://till.example/cb"]
"#;
const BACK: &str = "https://till.example/cb";
const SECRET: &str = "a secret of the till";

/// An authorization request of the till without a scope, and with these parameters besides.
fn request(server: &Server, more: &[(&str, &str)]) -> Url {
    let mut url = server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("client_id", "till")
        .append_pair("redirect_uri", BACK)
        .append_pair("response_type", "code")
        .append_pair("state", "af0ifjsldkj")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(more);
    url
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(n, _)| n == name);
    found.map(|(_, value)| value.into_owned())
}

fn code(back: &Url) -> String {
    parameter(back, "code").unwrap_or_else(|| panic!("no code: {back}"))
}

async fn redeem(machine: &Machine, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    machine.token(&form).await.expect("an answer")
}

/// Userinfo wants `openid` of a token that is good otherwise (OIDC Core §5.3.1, RFC 6750 §3.1).
fn lacks_openid(answer: &Answer) {
    let challenge = answer.headers.get("www-authenticate");
    let challenge = challenge.map(|it| it.to_str().expect("text"));
    assert_eq!(answer.refusal(), (403, "insufficient_scope"));
    assert!(challenge.is_some_and(|it| it.contains(r#"error="insufficient_scope""#)));
}

on_both_backends! {
    with CONFIG;

    async fn access_without_openid_comes_without_an_id_token(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let machine = Machine::new(&scene.server, "till", Some(SECRET));
        // Neither of the two means anything without an ID token; the claims are not even JSON.
        let url = request(&scene.server, &[("scope", "orders:read offline_access unheard-of"), ("nonce", "n"), ("claims", "{")]);
        let back = subject.sign_in(&Person::new(), &url).await.expect("signed in");
        assert_eq!(parameter(&back, "state").as_deref(), Some("af0ifjsldkj"));
        assert_eq!(parameter(&back, "iss").as_deref(), Some(scene.server.issuer.as_str()), "RFC 9207");
        let tokens = redeem(&machine, &code(&back)).await;
        assert_eq!((tokens.status, tokens.get("scope")), (StatusCode::OK, "offline_access orders:read"), "{}", tokens.text);
        assert!(tokens.body.get("id_token").is_none(), "{}", tokens.text);
        let token = tokens.get("access_token");
        assert!(claims(token).expect("a JWT").get("nonce").is_none());
        lacks_openid(&machine.userinfo(&format!("Bearer {token}"), None).await.expect("an answer"));
        let said = machine.post("/introspect", &[("token", token)], &[]).await.expect("an answer");
        assert_eq!((&said.body["active"], &said.body["scope"]), (&json!(true), &json!("offline_access orders:read")));

        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
        let again = machine.token(&form).await.expect("an answer");
        assert_eq!(again.status, StatusCode::OK, "{}", again.text);
        assert!(again.body.get("id_token").is_none() && !again.get("access_token").is_empty(), "{}", again.text);
        let more = [("scope", "openid"), form[0], form[1]];
        assert_eq!(machine.token(&more).await.expect("an answer").refusal(), (400, "invalid_scope"), "it was not granted");
        // A replayed code takes both back.
        let replayed = redeem(&machine, &code(&back)).await;
        assert_eq!(replayed.refusal(), (400, "invalid_grant"));
        assert_eq!(machine.token(&form).await.expect("an answer").refusal(), (400, "invalid_grant"));
    }

    async fn a_request_without_a_scope_is_allowed_by_the_person_once(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let machine = Machine::new(&scene.server, "till", Some(SECRET));
        let person = Person::new();
        let first = person.open(request(&scene.server, &[])).await.expect("a page").page().expect("a page");
        let page = subject.give_password(&person, first).await.expect("a page");
        let otp = subject.otp().await.expect("a password");
        let form = page.form_with("otp").expect("a form").fill("otp", &otp);
        let page = person.submit(form).await.expect("an answer").page().expect("a page");
        for scope in ["orders:read", "orders:write"] {
            assert!(page.body.contains(scope), "the default is what is not about the subject (RFC 6749 §3.3): {page}");
        }
        assert!(!page.body.contains("offline_access"), "{page}");
        let form = form_to(&page, "/consent").expect("consent").fill("decision", "allow");
        let back = person.submit(form).await.expect("an answer").elsewhere().expect("sent back");
        assert_eq!(redeem(&machine, &code(&back)).await.get("scope"), "orders:read orders:write");
        let again = person.open(request(&scene.server, &[("prompt", "none")])).await.expect("an answer");
        let tokens = redeem(&machine, &code(&again.elsewhere().expect("sent back"))).await;
        assert_eq!((tokens.status, tokens.body.get("refresh_token")), (StatusCode::OK, None), "{}", tokens.text);
        let narrow = [("prompt", "none"), ("resource", "https://orders.example")];
        let back = person.open(request(&scene.server, &narrow)).await.expect("an answer").elsewhere().expect("sent back");
        let tokens = redeem(&machine, &code(&back)).await;
        assert_eq!(claims(tokens.get("access_token")).expect("a JWT")["aud"], "https://orders.example", "{}", tokens.text);

        // An application whose scopes are all about the subject: no scope at all, and nobody has allowed that yet.
        let begun = scene.app.begin(Ask::default());
        let mut url = begun.url.clone();
        let kept: Vec<(String, String)> = begun.url.query_pairs().into_owned().filter(|(name, _)| name != "scope").collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
        let page = person.open(&url).await.expect("a page").page().expect("a page");
        assert!(page.body.contains("Know that it is you") && !page.body.contains("<code></code>"), "{page}");
        let form = form_to(&page, "/consent").expect("consent").fill("decision", "allow");
        let back = person.submit(form).await.expect("an answer").elsewhere().expect("sent back");
        let code = code(&back);
        let (status, tokens) = scene.app.token(&scene.app.code_grant(&code, &begun.verifier)).await.expect("an answer");
        assert_eq!((status, tokens.get("scope"), tokens.get("id_token")), (StatusCode::OK, None, None), "{tokens}");
        let token = tokens["access_token"].as_str().expect("a token");
        lacks_openid(&machine.userinfo(&format!("Bearer {token}"), None).await.expect("an answer"));
    }

    async fn what_is_asked_of_the_login_holds_without_openid(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let machine = Machine::new(&scene.server, "till", Some(SECRET));
        for (scope, expected) in [("openid", "invalid_scope"), ("unheard-of", "invalid_scope"), ("orders\"", "invalid_scope")] {
            let url = request(&scene.server, &[("scope", scope)]);
            let back = Person::new().open(url).await.expect("an answer").elsewhere().expect("sent back");
            assert_eq!(parameter(&back, "error").as_deref(), Some(expected), "{scope}");
        }
        let url = |more: &[(&str, &str)]| request(&scene.server, &[&[("scope", "orders:read")], more].concat());
        let none = url(&[("prompt", "none")]);
        let back = Person::new().open(&none).await.expect("an answer").elsewhere().expect("sent back");
        assert_eq!(parameter(&back, "error").as_deref(), Some("login_required"));
        let person = Person::new();
        let acr = "urn:whorl:acr:mfa";
        let asked = url(&[("acr_values", acr), ("max_age", "300")]);
        let back = subject.sign_in(&person, &asked).await.expect("signed in");
        let said = claims(redeem(&machine, &code(&back)).await.get("access_token")).expect("a JWT");
        assert_eq!(said["acr"], acr, "RFC 9470: the token says what the login was: {said}");
        assert!(said["auth_time"].is_u64(), "{said}");
        let page = person.open(url(&[("prompt", "login")])).await.expect("a page").page().expect("asked again");
        assert!(page.status.is_success(), "{page}");
        let signed = url(&[("prompt", "none"), ("response_mode", "jwt")]);
        let back = person.open(signed).await.expect("an answer").elsewhere().expect("sent back");
        let answer = claims(&parameter(&back, "response").expect("a signed answer")).expect("a JWT");
        assert_eq!((&answer["aud"], answer["code"].is_string()), (&json!("till"), true), "JARM: {answer}");
    }

    async fn fapi_2_is_kept_by_an_application_of_plain_oauth(scene: Scene) {
        let jose = need!(Jose::here());
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let key = jose.key("P-256", json!({ "kid": "client" })).expect("a key");
        let metadata = json!({
            "redirect_uris": [BACK], "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [jose.public(&key).expect("a key")] }, "require_pushed_authorization_requests": true,
            "dpop_bound_access_tokens": true, "grant_types": ["authorization_code"], "scope": "orders:read",
        });
        let made = read(Client::new().post(scene.server.url("/register")).json(&metadata)).await.expect("an answer");
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let id = made.get("client_id").to_owned();
        let server = &scene.server;
        let dpop = DpopKey::new().expect("a key");
        let post = async |path: &str, form: &[(&str, &str)]| -> anyhow::Result<Answer> {
            let at = unix_time();
            let assertion = json!({ "iss": id, "sub": id, "aud": server.issuer, "iat": at, "exp": at + 60, "jti": Uuid::new_v4().to_string() });
            let assertion = jose.sign(json!({ "alg": "ES256", "kid": "client" }), &assertion, &key)?;
            let proof = dpop.proof("POST", server.url(path).as_str(), None, None)?;
            let mut form = form.to_vec();
            form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            form.push(("client_assertion", &assertion));
            read(Client::new().post(server.url(path)).header("dpop", proof).form(&form)).await
        };
        let asked = [
            ("redirect_uri", BACK), ("response_type", "code"), ("scope", "orders:read"), ("state", "s"),
            ("code_challenge", CHALLENGE), ("code_challenge_method", "S256"),
        ];
        let pushed = post("/par", &asked).await.expect("an answer");
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text);
        let mut url = server.url("/authorize");
        url.query_pairs_mut().append_pair("client_id", &id).append_pair("request_uri", pushed.get("request_uri"));
        let person = Person::new();
        let back = subject.sign_in(&person, &url).await.expect("signed in");
        assert_eq!(parameter(&back, "iss").as_deref(), Some(server.issuer.as_str()), "RFC 9207");
        let code = code(&back);
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", BACK), ("code_verifier", VERIFIER)];
        let tokens = post("/token", &form).await.expect("an answer");
        let kinds = (tokens.get("token_type"), tokens.get("scope"), tokens.body.get("id_token"));
        assert_eq!(kinds, ("DPoP", "orders:read", None), "{}", tokens.text);
        let token = tokens.get("access_token");
        let said: Value = claims(token).context("a JWT").expect("claims");
        assert_eq!(said["cnf"]["jkt"], dpop.jkt());
        let proof = dpop.proof("GET", server.url("/userinfo").as_str(), Some(token), None).expect("a proof");
        let machine = Machine::new(server, &id, None);
        lacks_openid(&machine.userinfo(&format!("DPoP {token}"), Some(&proof)).await.expect("an answer"));
        let refused = post("/par", &[&asked[..2], &[("scope", "unheard-of")], &asked[3..]].concat()).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_scope"), "{}", refused.text);
    }
}
