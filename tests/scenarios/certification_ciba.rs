//! The modules of the FAPI-CIBA-ID1 plan, poll and ping, by their names: for a client with `private_key_jwt` and signed
//! requests whose tokens are bound by DPoP, where the plan has certificates.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    fapi::Fapi,
    jose::Jose,
    machine::{Answer, DpopKey},
    need,
    outside::Host,
    person::Page,
    subject::unix_time,
};
use uuid::Uuid;

use crate::certification::play;

const GRANT: &str = "urn:openid:params:grant-type:ciba";
/// Longer than any client's own, and as long as a bearer token may well be.
const CALL_WITH: &str = "8d67dc78-7faa-4d41-aabd-67707b374255.8d67dc78-7faa-4d41-aabd-67707b374255";

/// A client of the plan; with an endpoint to be called at it is a ping client.
async fn client<'a>(bed: &'a Bed, jose: &Jose, ping: Option<&str>) -> anyhow::Result<Fapi<'a>> {
    let mut metadata = json!({
        "grant_types": [GRANT, "authorization_code", "refresh_token"],
        "backchannel_token_delivery_mode": "poll", "backchannel_authentication_request_signing_alg": "ES256",
        "token_endpoint_auth_signing_alg": "ES256",
    });
    if let Some(uri) = ping {
        metadata["backchannel_token_delivery_mode"] = "ping".into();
        metadata["backchannel_client_notification_endpoint"] = uri.into();
    }
    Fapi::register(bed, jose, metadata).await
}

/// A signed request with some claims changed; null takes one away.
fn object(it: &Fapi<'_>, changes: &Value) -> anyhow::Result<String> {
    object_as(it, json!({ "alg": "ES256", "kid": "client" }), changes)
}

fn object_as(it: &Fapi<'_>, header: Value, changes: &Value) -> anyhow::Result<String> {
    let (id, at) = (it.checker.id(), unix_time());
    let mut claims = json!({
        "iss": id, "aud": it.checker.bed.issuer, "iat": at, "nbf": at, "exp": at + 300, "jti": Uuid::new_v4().to_string(),
        "scope": "openid", "login_hint": "alice", "binding_message": "1234",
    });
    if it.checker.client["backchannel_token_delivery_mode"] == "ping" {
        claims["client_notification_token"] = CALL_WITH.into();
    }
    it.signed(header, claims, changes)
}

async fn send(it: &Fapi<'_>, object: &str) -> anyhow::Result<Answer> {
    it.post("/bc-authorize", &[("request", object)], None).await
}

/// A request that is taken.
async fn asked(it: &Fapi<'_>, changes: &Value) -> anyhow::Result<Answer> {
    let answer = send(it, &object(it, changes)?).await?;
    ensure!(
        answer.status == StatusCode::OK && answer.body["auth_req_id"].is_string(),
        "{}",
        answer.text
    );
    ensure!(
        answer.body["expires_in"].as_u64() > Some(0),
        "{}",
        answer.text
    );
    ensure!(
        answer.headers["cache-control"]
            .to_str()?
            .contains("no-store")
    );
    Ok(answer)
}

async fn refused(it: &Fapi<'_>, object: &str, codes: &[&str]) -> anyhow::Result<()> {
    let answer = send(it, object).await?;
    ensure!(
        answer.status == StatusCode::BAD_REQUEST && codes.contains(&answer.get("error")),
        "{} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn poll(it: &Fapi<'_>, asked: &Answer) -> anyhow::Result<Answer> {
    let proof = it.proof("/token")?;
    it.post(
        "/token",
        &[
            ("grant_type", GRANT),
            ("auth_req_id", asked.get("auth_req_id")),
        ],
        Some(&proof),
    )
    .await
}

/// What waits for alice.
async fn waiting(it: &mut Fapi<'_>) -> anyhow::Result<Page> {
    let url = it.checker.bed.url("/me/requests");
    let arrival = it.checker.person.open(url).await?;
    it.checker.settle(arrival).await
}

/// Alice answers everything that waits for her.
async fn decide(it: &mut Fapi<'_>, decision: &str) -> anyhow::Result<()> {
    let page = waiting(it).await?;
    let forms = page.forms().into_iter();
    let forms: Vec<_> = forms
        .filter(|form| form.action().path().starts_with("/me/requests/"))
        .collect();
    ensure!(!forms.is_empty(), "nothing waits: {page}");
    for form in forms {
        let arrival = it
            .checker
            .person
            .submit(form.fill("decision", decision))
            .await?;
        let page = it.checker.settle(arrival).await?;
        ensure!(page.status == StatusCode::OK, "{page}");
    }
    Ok(())
}

/// A whole round: asked, approved, and the tokens.
async fn approved(it: &mut Fapi<'_>, changes: &Value) -> anyhow::Result<(Answer, Answer)> {
    let asked = asked(it, changes).await?;
    decide(it, "approve").await?;
    let tokens = poll(it, &asked).await?;
    ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
    Ok((asked, tokens))
}

/// Userinfo's status with a token, its key's proof beside it.
async fn userinfo(it: &Fapi<'_>, key: &DpopKey, token: &str) -> anyhow::Result<StatusCode> {
    let url = it.checker.bed.url("/userinfo");
    let proof = key.proof("GET", url.as_str(), Some(token), None)?;
    let request = reqwest::Client::new()
        .get(url)
        .header("authorization", format!("DPoP {token}"));
    Ok(request.header("dpop", proof).send().await?.status())
}

#[tokio::test(flavor = "multi_thread")]
async fn poll_mode() {
    let jose = need!(Jose::here());
    let bed = &Bed::start("conformance.toml", 9777, &[])
        .await
        .expect("a bed");
    let jose = &jose;
    play!(bed,
        "fapi-ciba-id1-discovery-end-point-verification" => async {
            let document: Value = reqwest::get(bed.url("/.well-known/openid-configuration")).await?.json().await?;
            let has = |name: &str, value: &str| document[name].as_array().is_some_and(|all| all.iter().any(|v| v == value));
            ensure!(document["backchannel_authentication_endpoint"] == bed.url("/bc-authorize").as_str(), "{document}");
            for (name, value) in [
                ("backchannel_token_delivery_modes_supported", "poll"),
                ("backchannel_token_delivery_modes_supported", "ping"),
                ("backchannel_authentication_request_signing_alg_values_supported", "ES256"),
                ("backchannel_authentication_request_signing_alg_values_supported", "PS256"),
                ("grant_types_supported", GRANT),
                ("token_endpoint_auth_methods_supported", "private_key_jwt"),
            ] {
                ensure!(has(name, value), "{name} lacks {value}: {document}");
            }
            anyhow::Ok(())
        },
        "fapi-ciba-id1" => async {
            let mut first = client(bed, jose, None).await?;
            let (_, tokens) = approved(&mut first, &json!({})).await?;
            ensure!(tokens.get("token_type").eq_ignore_ascii_case("dpop"), "{}", tokens.text);
            let claims = tests::checker::claims(tokens.get("id_token"))?;
            ensure!(claims["aud"] == first.checker.id() && claims["auth_time"].is_i64() && claims["acr"].is_string(), "{claims}");
            ensure!(userinfo(&first, &first.dpop, tokens.get("access_token")).await? == StatusCode::OK);
            let mut second = client(bed, jose, None).await?;
            let (asked, tokens) = approved(&mut second, &json!({ "requested_expiry": 300, "acr_values": "urn:whorl:acr:mfa" })).await?;
            ensure!(asked.body["expires_in"] == 300, "{}", asked.text);
            let claims = tests::checker::claims(tokens.get("id_token"))?;
            ensure!(claims["acr"] == "urn:whorl:acr:mfa", "{claims}");
            // Another client's key, and none at all.
            ensure!(userinfo(&second, &first.dpop, tokens.get("access_token")).await? == StatusCode::UNAUTHORIZED);
            let again = poll(&second, &asked).await?;
            ensure!(again.refusal() == (400, "invalid_grant"), "{}", again.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-user-rejects-authentication" => async {
            let mut it = client(bed, jose, None).await?;
            let asked = asked(&it, &json!({})).await?;
            decide(&mut it, "deny").await?;
            let told = poll(&it, &asked).await?;
            ensure!(told.refusal() == (400, "access_denied"), "{}", told.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-multiple-call-to-token-endpoint" => async {
            let it = client(bed, jose, None).await?;
            let asked = asked(&it, &json!({})).await?;
            let first = poll(&it, &asked).await?;
            ensure!(first.refusal() == (400, "authorization_pending"), "{}", first.text);
            for _ in 0..3 {
                let next = poll(&it, &asked).await?;
                ensure!(next.refusal() == (400, "slow_down"), "{}", next.text);
            }
            anyhow::Ok(())
        },
        "fapi-ciba-id1-auth-req-id-expired" => async {
            let it = client(bed, jose, None).await?;
            let asked = asked(&it, &json!({ "requested_expiry": 1 })).await?;
            tokio::time::sleep(Duration::from_millis(1500 + asked.body["expires_in"].as_u64().unwrap_or(1) * 1000)).await;
            let told = poll(&it, &asked).await?;
            ensure!(told.refusal() == (400, "expired_token"), "{}", told.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-wrong-authentication-request-id-in-token-endpoint-request and -wrong-client-id-in-token-endpoint-request" => async {
            let mut it = client(bed, jose, None).await?;
            let asked = asked(&it, &json!({})).await?;
            let other = client(bed, jose, None).await?;
            let stolen = poll(&other, &asked).await?;
            ensure!(stolen.refusal() == (400, "invalid_grant"), "{}", stolen.text);
            let form = [("grant_type", GRANT), ("auth_req_id", "8d67dc78-7faa-4d41-aabd-67707b374255")];
            let proof = it.proof("/token")?;
            let unknown = it.post("/token", &form, Some(&proof)).await?;
            ensure!(unknown.refusal() == (400, "invalid_grant"), "{}", unknown.text);
            decide(&mut it, "approve").await?;
            // Nobody took it from whom it is for.
            ensure!(poll(&it, &asked).await?.status == StatusCode::OK);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-refresh-token" => async {
            let mut it = client(bed, jose, None).await?;
            let (_, tokens) = approved(&mut it, &json!({ "scope": "openid offline_access" })).await?;
            let refresh = tokens.get("refresh_token").to_owned();
            let proof = it.proof("/token")?;
            let fresh = it.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], Some(&proof)).await?;
            ensure!(fresh.status == StatusCode::OK, "{}", fresh.text);
            ensure!(userinfo(&it, &it.dpop, fresh.get("access_token")).await? == StatusCode::OK);
            let other = client(bed, jose, None).await?;
            let proof = other.proof("/token")?;
            let stolen = other.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], Some(&proof)).await?;
            ensure!(stolen.refusal() == (400, "invalid_grant"), "{}", stolen.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-holder-of-key-required (by DPoP)" => async {
            let mut it = client(bed, jose, None).await?;
            let asked = asked(&it, &json!({})).await?;
            decide(&mut it, "approve").await?;
            let bare = it.post("/token", &[("grant_type", GRANT), ("auth_req_id", asked.get("auth_req_id"))], None).await?;
            ensure!(bare.status.is_client_error(), "{}", bare.text);
            ensure!(poll(&it, &asked).await?.status == StatusCode::OK);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-authorization-request-with-binding-message-succeeds and -potentially-bad-binding-message" => async {
            let mut it = client(bed, jose, None).await?;
            let waits = asked(&it, &json!({})).await?;
            let page = waiting(&mut it).await?;
            ensure!(page.texts("dd strong").iter().any(|text| text == "1234"), "{page}");
            decide(&mut it, "approve").await?;
            ensure!(poll(&it, &waits).await?.status == StatusCode::OK);
            let long = format!("1234 \u{1f44d}\u{1f3ff} ?? {}", "dolor sit amet ".repeat(30));
            refused(&it, &object(&it, &json!({ "binding_message": long }))?, &["invalid_binding_message"]).await
        },
        "fapi-ciba-id1-ensure-other-scope-order-succeeds and -requested-expiry-as-string-succeeds" => async {
            let mut it = client(bed, jose, None).await?;
            let (_, tokens) = approved(&mut it, &json!({ "scope": "profile openid", "requested_expiry": "30" })).await?;
            ensure!(tokens.body["id_token"].is_string(), "{}", tokens.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-authorization-request-with-multiple-hints-fails" => async {
            let it = client(bed, jose, None).await?;
            for changes in [json!({ "id_token_hint": "a.b.c" }), json!({ "login_hint_token": "a.b.c" }), json!({ "login_hint": null })] {
                refused(&it, &object(&it, &changes)?, &["invalid_request"]).await?;
            }
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-backchannel-authorization-request-without-request-fails" => async {
            let it = client(bed, jose, None).await?;
            let plain = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", "1234")];
            let answer = it.post("/bc-authorize", &plain, None).await?;
            ensure!(answer.refusal() == (400, "invalid_request"), "{}", answer.text);
            // What stands beside a signed request was not signed (CIBA Core §7.1.1).
            let object = object(&it, &json!({}))?;
            let answer = it.post("/bc-authorize", &[("request", &object), ("login_hint", "eve")], None).await?;
            ensure!(answer.refusal() == (400, "invalid_request"), "{}", answer.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-request-object-*-fails" => async {
            let it = client(bed, jose, None).await?;
            let at = unix_time();
            for (module, changes) in [
                ("missing-aud", json!({ "aud": null })),
                ("bad-aud", json!({ "aud": "https://rp.example" })),
                ("missing-iss", json!({ "iss": null })),
                ("bad-iss", json!({ "iss": "https://issuer.example" })),
                ("missing-exp", json!({ "exp": null })),
                ("expired-exp", json!({ "exp": at - 300 })),
                ("exp-is-70-minutes-in-future", json!({ "exp": at + 70 * 60 })),
                ("missing-iat", json!({ "iat": null })),
                ("missing-nbf", json!({ "nbf": null })),
                ("nbf-is-10-minutes-in-future", json!({ "nbf": at + 600, "exp": at + 900 })),
                ("nbf-is-70-minutes-in-past", json!({ "nbf": at - 70 * 60, "iat": at - 70 * 60 })),
                ("missing-jti", json!({ "jti": null })),
            ] {
                refused(&it, &object(&it, &changes)?, &["invalid_request"]).await.context(module)?;
            }
            // -signed-by-other-client
            let other = client(bed, jose, None).await?;
            let foreign = object(&other, &json!({ "iss": it.checker.id() }))?;
            refused(&it, &foreign, &["invalid_request"]).await.context("signed-by-other-client")?;
            // And used twice.
            let once = object(&it, &json!({}))?;
            ensure!(send(&it, &once).await?.status == StatusCode::OK);
            refused(&it, &once, &["invalid_request"]).await.context("replayed")
        },
        "fapi-ciba-id1-ensure-request-object-signature-algorithm-is-none-, -bad- and -RS256-fails" => async {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            let it = client(bed, jose, None).await?;
            let good = object(&it, &json!({}))?;
            let payload = good.split('.').nth(1).context("no payload")?;
            let none = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
            refused(&it, &none, &["invalid_request"]).await.context("none")?;
            let mut bad = good[..good.len() - 8].to_owned();
            bad.push_str("AAAAAAAA");
            refused(&it, &bad, &["invalid_request"]).await.context("bad")?;
            let rsa = jose.key("RSA", json!({ "kid": "rsa" }))?;
            let header = json!({ "alg": "RS256", "kid": "rsa" });
            let foreign = jose.sign(header, &tests::checker::claims(&object(&it, &json!({}))?)?, &rsa)?;
            refused(&it, &foreign, &["invalid_request"]).await.context("RS256")
        },
        "fapi-ciba-id1-ensure-client-assertion-signature-algorithm-in-*-request-is-RS256-fails" => async {
            let it = client(bed, jose, None).await?;
            let rsa = jose.key("RSA", json!({ "kid": "client" }))?;
            let claims = tests::checker::claims(&it.assertion(&json!({}))?)?;
            let assertion = jose.sign(json!({ "alg": "RS256", "kid": "client" }), &claims, &rsa)?;
            let object = object(&it, &json!({}))?;
            let answer = it.post_as(&assertion, "/bc-authorize", &[("request", &object)], None).await?;
            ensure!(answer.refusal() == (401, "invalid_client"), "{}", answer.text);
            let answer = it.post_as(&assertion, "/token", &[("grant_type", GRANT), ("auth_req_id", "x")], None).await?;
            ensure!(answer.refusal() == (401, "invalid_client"), "{}", answer.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-without-client-assertion-in-*-fails" => async {
            let it = client(bed, jose, None).await?;
            let object = object(&it, &json!({}))?;
            let answer = it.post_bare("/bc-authorize", &[("request", &object), ("client_id", it.checker.id())], None).await?;
            ensure!(answer.refusal() == (401, "invalid_client"), "{}", answer.text);
            let form = [("grant_type", GRANT), ("auth_req_id", "x"), ("client_id", it.checker.id())];
            let answer = it.post_bare("/token", &form, None).await?;
            ensure!(answer.refusal() == (401, "invalid_client"), "{}", answer.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds" => async {
            let mut it = client(bed, jose, None).await?;
            approved(&mut it, &json!({})).await.map(|_| ())
        },
        "a signed login_hint_token names the person, by name and by subject" => async {
            let mut it = client(bed, jose, None).await?;
            let at = unix_time();
            let hint = |it: &Fapi<'_>, sub_id: Value, exp: u64| {
                let claims = json!({ "iss": it.checker.id(), "aud": it.checker.bed.issuer, "iat": at - 30, "exp": exp, "sub_id": sub_id });
                it.signed(json!({ "alg": "ES256", "kid": "client" }), claims, &json!({}))
            };
            let by_name = hint(&it, json!({ "format": "opaque", "id": "alice" }), at + 60)?;
            let (_, tokens) = approved(&mut it, &json!({ "login_hint": null, "login_hint_token": by_name })).await?;
            let sub = tests::checker::claims(tokens.get("id_token"))?["sub"].clone();
            let by_sub = hint(&it, json!({ "format": "iss_sub", "iss": bed.issuer, "sub": sub }), at + 60)?;
            let (_, tokens) = approved(&mut it, &json!({ "login_hint": null, "login_hint_token": by_sub })).await?;
            ensure!(tests::checker::claims(tokens.get("id_token"))?["sub"] == sub);
            for (token, code) in [
                (hint(&it, json!({ "format": "opaque", "id": "alice" }), at - 20)?, "expired_login_hint_token"),
                (hint(&it, json!({ "format": "iss_sub", "iss": "https://other.example", "sub": sub }), at + 60)?, "invalid_request"),
                (hint(&it, json!({ "format": "email", "email": "alice@alice.example" }), at + 60)?, "invalid_request"),
                (format!("{by_name}x"), "invalid_request"),
            ] {
                refused(&it, &object(&it, &json!({ "login_hint": null, "login_hint_token": token }))?, &[code]).await.context(code)?;
            }
            anyhow::Ok(())
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_mode() {
    let jose = &need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    play!(bed,
        "fapi-ciba-id1 (ping)" => async {
            let uri = host.status("/ping", 204);
            let mut it = client(bed, jose, Some(&uri)).await?;
            let (asked, _) = called(&host, "/ping", &mut it, "approve").await?;
            let tokens = poll(&it, &asked).await?;
            ensure!(tokens.status == StatusCode::OK && tokens.body["id_token"].is_string(), "{}", tokens.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-user-rejects-authentication (ping)" => async {
            let uri = host.status("/ping-denied", 204);
            let mut it = client(bed, jose, Some(&uri)).await?;
            let (asked, _) = called(&host, "/ping-denied", &mut it, "deny").await?;
            let told = poll(&it, &asked).await?;
            ensure!(told.refusal() == (400, "access_denied"), "{}", told.text);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ping-notification-endpoint-returns-401, -403 and -401-and-require-server-does-not-retry" => async {
            for (path, status) in [("/ping-401", 401), ("/ping-403", 403)] {
                let uri = host.status(path, status);
                let mut it = client(bed, jose, Some(&uri)).await?;
                let (asked, _) = called(&host, path, &mut it, "approve").await?;
                ensure!(poll(&it, &asked).await?.status == StatusCode::OK);
                tokio::time::sleep(Duration::from_secs(2)).await;
                ensure!(host.heard(path).len() == 1, "called again: {:?}", host.heard(path));
            }
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ping-notification-endpoint-returns-a-body" => async {
            let uri = host.serve("/ping-body", "application/json", r#"{"of":"no use"}"#);
            let mut it = client(bed, jose, Some(&uri)).await?;
            let (asked, _) = called(&host, "/ping-body", &mut it, "approve").await?;
            ensure!(poll(&it, &asked).await?.status == StatusCode::OK);
            anyhow::Ok(())
        },
        "fapi-ciba-id1-ping-notification-endpoint-returns-redirect-request" => async {
            let to = host.status("/ping-elsewhere", 204);
            let uri = host.redirect("/ping-moved", &to);
            let mut it = client(bed, jose, Some(&uri)).await?;
            let (asked, _) = called(&host, "/ping-moved", &mut it, "approve").await?;
            ensure!(poll(&it, &asked).await?.status == StatusCode::OK);
            ensure!(host.heard("/ping-elsewhere").is_empty(), "the token went elsewhere");
            anyhow::Ok(())
        },
        "a ping client without a token to call with is refused" => async {
            let uri = host.status("/ping-none", 204);
            let it = client(bed, jose, Some(&uri)).await?;
            for token in [json!(null), json!("short"), json!("with spaces in it, which no bearer token has"), json!("x".repeat(1025))] {
                refused(&it, &object(&it, &json!({ "client_notification_token": token }))?, &["invalid_request"]).await.context(token.to_string())?;
            }
            anyhow::Ok(())
        },
    );
}

/// The client asks, alice answers, and the client is called: with its own token, and the request's name in JSON.
async fn called(
    host: &Host,
    path: &str,
    it: &mut Fapi<'_>,
    decision: &str,
) -> anyhow::Result<(Answer, Value)> {
    let asked = asked(it, &json!({})).await?;
    decide(it, decision).await?;
    let heard = host.wait_for(path, 1).await?;
    ensure!(
        heard[0].method == "POST" && heard[0].authorization == format!("Bearer {CALL_WITH}"),
        "{heard:?}"
    );
    let body: Value = serde_json::from_str(&heard[0].body)?;
    ensure!(
        body == json!({ "auth_req_id": asked.get("auth_req_id") }),
        "{body}"
    );
    Ok((asked, body))
}

/// FAPI-CIBA §7.10: whoever asks people on their devices, binds its tokens and authenticates by a key of its own signs by
/// PS256, ES256 or EdDSA, whether or not it also pushes its requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pushes_nothing_signs_by_the_profile_too() {
    let jose = need!(Jose::here());
    let bed = &Bed::start("conformance.toml", 9777, &[])
        .await
        .expect("a bed");
    let kinds = [
        ("RS256", "RSA"),
        ("PS256", "RSA"),
        ("ES384", "P-384"),
        ("ES256", "P-256"),
        ("EdDSA", "Ed25519"),
    ];
    let keys: Vec<Value> = ["RSA", "P-256", "P-384", "Ed25519"]
        .map(|kind| jose.key(kind, json!({ "kid": kind })).expect("a key"))
        .into();
    let public: Vec<Value> = keys
        .iter()
        .map(|key| jose.public(key).expect("public"))
        .collect();
    let metadata = |more: Value| {
        let mut metadata = json!({
            "grant_types": [GRANT, "authorization_code"], "backchannel_token_delivery_mode": "poll",
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": public },
            "dpop_bound_access_tokens": true, "redirect_uris": [tests::checker::BACK],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        metadata
    };
    let let_in = async |client: &Value, alg: &str, kind: &str| {
        let (id, at) = (
            client["client_id"].as_str().expect("an identifier"),
            unix_time(),
        );
        let claims = json!({
            "iss": id, "sub": id, "aud": bed.issuer, "iat": at, "exp": at + 60, "jti": Uuid::new_v4().to_string(),
        });
        let key = keys.iter().find(|key| key["kid"] == kind).expect("a key");
        let assertion = jose
            .sign(json!({ "alg": alg, "kid": kind }), &claims, key)
            .expect("signed");
        let form = [
            ("scope", "openid"),
            ("login_hint", "alice"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion.as_str()),
        ];
        let request = reqwest::Client::new()
            .post(bed.url("/bc-authorize"))
            .form(&form);
        let answer = tests::machine::read(request).await.expect("an answer");
        match (answer.status.as_u16(), answer.get("error")) {
            (200, _) => true,
            (401, "invalid_client") => false,
            _ => panic!("{alg}: {}", answer.text),
        }
    };
    let (status, strict) = tests::checker::registered(bed, &metadata(json!({})))
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::CREATED, "{strict}");
    assert_eq!(
        (
            &strict["fapi_profile"],
            &strict["id_token_signed_response_alg"]
        ),
        (&json!("ciba"), &json!("ES256"))
    );
    let (_, plain) =
        tests::checker::registered(bed, &metadata(json!({ "dpop_bound_access_tokens": false })))
            .await
            .expect("an answer");
    assert_eq!(plain.get("fapi_profile"), None);
    for (alg, kind) in kinds {
        let is_of_profile = ["PS256", "ES256", "EdDSA"].contains(&alg);
        assert_eq!(let_in(&strict, alg, kind).await, is_of_profile, "{alg}");
        assert!(
            let_in(&plain, alg, kind).await,
            "{alg} of a client that is not of the profile"
        );
    }
    for field in [
        "token_endpoint_auth_signing_alg",
        "id_token_signed_response_alg",
        "backchannel_authentication_request_signing_alg",
        "request_object_signing_alg",
    ] {
        let (status, said) = tests::checker::registered(bed, &metadata(json!({ field: "RS256" })))
            .await
            .expect("an answer");
        assert_eq!(
            (status, &said["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")),
            "{field}: {said}"
        );
    }
}
