//! The modules of the certification plans in which the client has a host of its own: request objects by reference, sector
//! documents, key sets that turn, and logins that a third party begins.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    checker::{BACK, Back, Checker, claims, registered},
    jose::Jose,
    machine::{Answer, read},
    need,
    outside::Host,
    person::{Arrival, Person},
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    subject::unix_time,
};
use uuid::Uuid;

use crate::certification::play;

const JWT: &str = "application/oauth-authz-req+jwt";
const JSON: &str = "application/json";

/// A request as the claims of an object.
fn object(it: &Checker<'_>, changes: &[(&str, &str)]) -> Value {
    let at = unix_time();
    let mut claims = json!({ "iss": it.id(), "aud": it.bed.issuer, "iat": at, "exp": at + 60 });
    for (name, value) in it.request(changes) {
        claims[name] = value.into();
    }
    claims
}

/// A JWT that nobody signed (RFC 7515 appendix A.5).
fn unsigned(claims: &Value) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

/// What OIDC Core §6.1 wants beside the object, and nothing else; state and nonce are in the object alone.
fn beside<'a>(parameter: &'a str, value: &'a str) -> [(&'a str, &'a str); 4] {
    [
        (parameter, value),
        ("state", ""),
        ("nonce", ""),
        ("redirect_uri", ""),
    ]
}

/// A login whose answer has what only the object said.
async fn goes_well(it: &mut Checker<'_>, parameter: &str, value: &str) -> anyhow::Result<()> {
    let back = it.authorize(&beside(parameter, value)).await?;
    ensure!(back.get("state") == Some("of the object"), "{back:?}");
    let (status, tokens) = it.redeem(back.code()?).await?;
    ensure!(status == StatusCode::OK, "{tokens}");
    let claims = claims(tokens["id_token"].as_str().context("no ID token")?)?;
    ensure!(claims["nonce"] == "nonce of the object", "{claims}");
    Ok(())
}

/// The error with which a request comes back; the redirect URI stands beside the object.
async fn told(it: &mut Checker<'_>, parameter: &str, value: &str) -> anyhow::Result<String> {
    let back: Back = it.authorize(&[(parameter, value)]).await?;
    ensure!(
        back.get("code").is_none() && back.get("iss").is_some(),
        "{back:?}"
    );
    Ok(back.get("error").unwrap_or_default().to_owned())
}

const INSIDE: [(&str, &str); 2] = [("state", "of the object"), ("nonce", "nonce of the object")];

#[tokio::test(flavor = "multi_thread")]
async fn request_objects() {
    let jose = need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    let key = jose
        .key("RSA", json!({ "kid": "of-requests" }))
        .expect("a key");
    let jwks = json!({ "keys": [jose.public(&key).expect("public")] });
    let header = json!({ "alg": "RS256", "kid": "of-requests" });
    play!(bed,
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported" => async {
            let mut it = Checker::register(bed, json!({ "request_object_signing_alg": "none" })).await?;
            let token = unsigned(&object(&it, &INSIDE));
            goes_well(&mut it, "request", &token).await?;
            // A signature under alg none is nonsense, and a signed one is not what was registered.
            let error = told(&mut it, "request", &format!("{token}c2ln")).await?;
            ensure!(error == "invalid_request_object", "{error}");
            let signed = jose.sign(header.clone(), &object(&it, &[]), &key)?;
            let error = told(&mut it, "request", &signed).await?;
            ensure!(error == "invalid_request_object", "{error}");
            anyhow::Ok(())
        },
        "whoever did not register alg none is refused it, by value and by reference" => async {
            let uri = host.url("/none.jwt");
            for metadata in [json!({}), json!({ "request_object_signing_alg": "RS256" }), json!({ "require_signed_request_object": true, "request_object_signing_alg": "RS256" })] {
                let mut metadata = metadata;
                metadata["jwks"] = jwks.clone();
                metadata["request_uris"] = json!([uri]);
                let mut it = Checker::register(bed, metadata.clone()).await?;
                let token = unsigned(&object(&it, &[]));
                host.serve("/none.jwt", JWT, token.clone());
                for (parameter, value) in [("request", &token), ("request_uri", &uri)] {
                    let error = told(&mut it, parameter, value).await?;
                    ensure!(error == "invalid_request_object", "{metadata} {parameter}: {error}");
                }
            }
            anyhow::Ok(())
        },
        "oidcc-ensure-request-object-with-redirect-uri" => async {
            for metadata in [json!({ "request_object_signing_alg": "none" }), json!({ "jwks": jwks })] {
                let mut it = Checker::register(bed, metadata.clone()).await?;
                let claims = object(&it, &INSIDE);
                let token = match metadata["jwks"].is_null() {
                    true => unsigned(&claims),
                    false => jose.sign(header.clone(), &claims, &key)?,
                };
                let wrong = [("request", token.as_str()), ("redirect_uri", "https://localhost:1/not-registered")];
                let back = it.authorize(&wrong).await?;
                ensure!(back.get("state") == Some("of the object") && back.code().is_ok(), "{back:?}");
                // And the other way about: what the object says counts, and is not registered.
                let claims = object(&it, &[("redirect_uri", "https://localhost:1/not-registered")]);
                let token = match metadata["jwks"].is_null() {
                    true => unsigned(&claims),
                    false => jose.sign(header.clone(), &claims, &key)?,
                };
                let page = it.person.open(it.url(&[("request", &token)])).await?.page()?;
                ensure!(page.status.is_client_error(), "{page}");
            }
            anyhow::Ok(())
        },
        "what stands beside a pushed request object counts for nothing (RFC 9126 section 3)" => async {
            let mut it = Checker::register(bed, json!({ "request_object_signing_alg": "none" })).await?;
            let token = unsigned(&object(&it, &INSIDE));
            let form = [("request", token.as_str()), ("prompt", "none"), ("state", "another"), ("scope", "openid email")];
            let secret = it.client["client_secret"].as_str();
            let pushed = read(Client::new().post(bed.url("/par")).basic_auth(it.id(), secret).form(&form)).await?;
            ensure!(pushed.status == StatusCode::CREATED, "{}", pushed.text);
            let mut url = bed.url("/authorize");
            url.query_pairs_mut().append_pair("client_id", it.id()).append_pair("request_uri", pushed.get("request_uri"));
            let arrival = it.person.open(url).await?;
            let back = it.through(arrival).await?;
            ensure!(back.get("state") == Some("of the object"), "{back:?}");
            let (_, tokens) = it.redeem(back.code()?).await?;
            ensure!(tokens["scope"].as_str().is_none_or(|scope| !scope.contains("email")), "{tokens}");
            anyhow::Ok(())
        },
        "oidcc-request-uri-signed-rs256" => async {
            let uri = host.url("/signed.jwt");
            let registered = format!("{uri}#hash-of-what-is-there");
            let metadata = json!({ "jwks": jwks, "request_uris": [registered], "request_object_signing_alg": "RS256" });
            let mut it = Checker::register(bed, metadata).await?;
            host.serve("/signed.jwt", JWT, jose.sign(header.clone(), &object(&it, &INSIDE), &key)?);
            goes_well(&mut it, "request_uri", &uri).await?;
            goes_well(&mut it, "request_uri", &registered).await?;
            ensure!(!host.heard("/signed.jwt").is_empty());
            // Another key's signature.
            let other = jose.key("RSA", json!({ "kid": "of-requests" }))?;
            host.serve("/signed.jwt", JWT, jose.sign(header.clone(), &object(&it, &[]), &other)?);
            let error = told(&mut it, "request_uri", &uri).await?;
            ensure!(error == "invalid_request_object", "{error}");
            anyhow::Ok(())
        },
        "oidcc-request-uri-unsigned" => async {
            let uri = host.url("/unsigned.jwt");
            let mut it = Checker::register(bed, json!({ "request_uris": [uri], "request_object_signing_alg": "none" })).await?;
            host.serve("/unsigned.jwt", "text/plain", unsigned(&object(&it, &INSIDE)));
            goes_well(&mut it, "request_uri", &uri).await
        },
        "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported" => async {
            // A reference that is not registered is never fetched (RFC 9101 §10.4).
            let mut it = Checker::register(bed, json!({ "request_object_signing_alg": "none" })).await?;
            let uri = host.serve("/foreign.jwt", JWT, unsigned(&object(&it, &INSIDE)));
            let error = told(&mut it, "request_uri", &uri).await?;
            ensure!(error == "invalid_request_uri" && host.heard("/foreign.jwt").is_empty(), "{error}");
            anyhow::Ok(())
        },
        "what a reference leads to is bounded" => async {
            let places = [
                host.redirect("/moved.jwt", &host.url("/unsigned.jwt")),
                host.status("/gone.jwt", 404),
                host.serve("/huge.jwt", JWT, "x".repeat(6 << 20)),
                // Nobody may be sent to another port of this machine.
                "https://127.0.0.1:1/inner.jwt".to_owned(),
                "https://[::ffff:127.0.0.1]:1/inner.jwt".to_owned(),
            ];
            let mut it = Checker::register(bed, json!({ "request_uris": places, "request_object_signing_alg": "none" })).await?;
            host.serve("/unsigned.jwt", JWT, unsigned(&object(&it, &INSIDE)));
            let before = host.heard("/unsigned.jwt").len();
            for place in &places {
                let error = told(&mut it, "request_uri", place).await?;
                ensure!(error == "invalid_request_uri", "{place}: {error}");
            }
            ensure!(host.heard("/unsigned.jwt").len() == before, "a redirect was followed");
            let nonsense = host.serve("/moved.jwt", "text/html", "<html>");
            let error = told(&mut it, "request_uri", &nonsense).await?;
            ensure!(error == "invalid_request_object", "{error}");
            anyhow::Ok(())
        },
        "encrypted to a key of ours, by value and by reference" => async {
            let keys: Value = reqwest::get(bed.url("/jwks")).await?.json().await?;
            let ours = keys["keys"].as_array().context("no keys")?.iter().filter(|key| key["use"] == "enc");
            let uri = host.url("/sealed.jwt");
            let mut it = Checker::register(bed, json!({ "jwks": jwks, "request_uris": [uri], "request_object_signing_alg": "RS256" })).await?;
            let mut tried = 0;
            for ours in ours {
                let alg = if ours["kty"] == "RSA" { "RSA-OAEP-256" } else { "ECDH-ES" };
                let signed = jose.sign(header.clone(), &object(&it, &INSIDE), &key)?;
                let seal = json!({ "alg": alg, "enc": "A256GCM", "kid": ours["kid"], "cty": "JWT" });
                let sealed = jose.encrypt(seal, &signed, ours)?;
                goes_well(&mut it, "request", &sealed).await?;
                host.serve("/sealed.jwt", JWT, sealed);
                goes_well(&mut it, "request_uri", &uri).await?;
                // Encryption is no signature.
                let seal = json!({ "alg": alg, "enc": "A256GCM", "kid": ours["kid"] });
                let bare = jose.encrypt(seal, &object(&it, &[]).to_string(), ours)?;
                let error = told(&mut it, "request", &bare).await?;
                ensure!(error == "invalid_request_object", "{alg}: {error}");
                tried += 1;
            }
            ensure!(tried == 2, "{keys}");
            anyhow::Ok(())
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sectors() {
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    let (elsewhere, other) = ("https://app.example/cb", "https://other.example/cb");
    play!(bed,
        "oidcc-registration-sector-uri" => async {
            let sector = host.serve("/sector.json", JSON, json!([BACK, elsewhere, other]).to_string());
            let pairwise = json!({ "subject_type": "pairwise", "sector_identifier_uri": sector });
            let mut first = Checker::register(bed, pairwise.clone()).await?;
            let mut all = pairwise.clone();
            all["redirect_uris"] = json!([BACK, elsewhere]);
            let mut second = Checker::register(bed, all).await?;
            ensure!(second.client["sector_identifier_uri"] == sector.as_str() && second.client["subject_type"] == "pairwise", "{}", second.client);
            // OIDC Core §8.1: one name in the sector, another outside it, and another where names are public.
            let (tokens, one) = first.login(&[]).await?;
            ensure!(first.userinfo(&tokens).await?["sub"] == one["sub"]);
            let (_, two) = second.login(&[]).await?;
            let mut alone = Checker::register(bed, json!({ "subject_type": "pairwise" })).await?;
            let (_, three) = alone.login(&[]).await?;
            let mut public = Checker::register(bed, json!({})).await?;
            let (_, four) = public.login(&[]).await?;
            ensure!(one["sub"] == two["sub"], "{one} {two}");
            ensure!(one["sub"] != three["sub"] && one["sub"] != four["sub"] && three["sub"] != four["sub"], "{one} {three} {four}");
            anyhow::Ok(())
        },
        "oidcc-registration-sector-bad" => async {
            let public = json!([elsewhere]).to_string();
            let many = json!([BACK, elsewhere]);
            for (what, sector, uris) in [
                ("a document that lists others", host.serve("/others.json", JSON, public), json!([BACK])),
                ("not all of them", host.serve("/one.json", JSON, json!([BACK]).to_string()), many.clone()),
                ("an object", host.serve("/object.json", JSON, json!({ "uris": [BACK] }).to_string()), json!([BACK])),
                ("no JSON", host.serve("/page.json", "text/html", "<html>"), json!([BACK])),
                ("not there", host.url("/missing.json"), json!([BACK])),
                ("moved", host.redirect("/moved.json", &host.url("/sector.json")), json!([BACK])),
                ("too much", host.serve("/huge.json", JSON, format!("[\"{}\"]", "x".repeat(6 << 20))), json!([BACK])),
                ("by http", host.url("/sector.json").replace("https:", "http:"), json!([BACK])),
                ("a private address", "https://10.0.0.1/sector.json".into(), json!([BACK])),
                ("another port of this machine", "https://127.0.0.1:1/sector.json".into(), json!([BACK])),
            ] {
                let metadata = json!({ "redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": sector });
                let (status, body) = registered(bed, &metadata).await?;
                ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_client_metadata", "{what}: {status} {body}");
            }
            // Two hosts without a document that joins them (OIDC Dynamic Client Registration §5).
            let (status, body) = registered(bed, &json!({ "redirect_uris": many, "subject_type": "pairwise" })).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_client_metadata", "{status} {body}");
            anyhow::Ok(())
        },
    );
}

/// A client's assertion by this key.
fn assertion(jose: &Jose, key: &Value, it: &Checker<'_>) -> anyhow::Result<String> {
    let at = unix_time();
    let claims = json!({
        "iss": it.id(), "sub": it.id(), "aud": it.bed.issuer, "iat": at, "exp": at + 60, "jti": Uuid::new_v4().to_string(),
    });
    jose.sign(json!({ "alg": "RS256", "kid": key["kid"] }), &claims, key)
}

async fn token(it: &Checker<'_>, assertion: &str, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let mut form = form.to_vec();
    form.push((
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    ));
    form.push(("client_assertion", assertion));
    read(Client::new().post(it.bed.url("/token")).form(&form)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_clients_turn() {
    let jose = need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    let publish = |path: &str, key: &Value| -> anyhow::Result<String> {
        let set = json!({ "keys": [jose.public(key)?] });
        Ok(host.serve(path, "application/jwk-set+json", set.to_string()))
    };
    play!(bed,
        "oidcc-registration-jwks-uri" => async {
            let key = jose.key("RSA", json!({ "kid": "one", "use": "sig" }))?;
            let uri = publish("/jwks", &key)?;
            let mut it = Checker::register(bed, json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri })).await?;
            let back = it.authorize(&[]).await?;
            let form = [("grant_type", "authorization_code"), ("code", back.code()?), ("redirect_uri", BACK)];
            let answer = token(&it, &assertion(&jose, &key, &it)?, &form).await?;
            ensure!(answer.status == StatusCode::OK && answer.body["id_token"].is_string(), "{}", answer.text);
            anyhow::Ok(())
        },
        "oidcc-refresh-token-rp-key-rotation" => async {
            let old = jose.key("RSA", json!({ "kid": "old", "use": "sig" }))?;
            let uri = publish("/turning", &old)?;
            let mut it = Checker::register(bed, json!({
                "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri,
                "grant_types": ["authorization_code", "refresh_token"],
            })).await?;
            let back = it.authorize(&[("scope", "openid offline_access"), ("prompt", "consent")]).await?;
            let form = [("grant_type", "authorization_code"), ("code", back.code()?), ("redirect_uri", BACK)];
            let first = token(&it, &assertion(&jose, &old, &it)?, &form).await?;
            ensure!(first.status == StatusCode::OK, "{}", first.text);
            // The new key is used the moment it is published: nobody waits for a cache.
            let new = jose.key("RSA", json!({ "kid": "new", "use": "sig" }))?;
            publish("/turning", &new)?;
            let form = [("grant_type", "refresh_token"), ("refresh_token", first.get("refresh_token"))];
            let fresh = token(&it, &assertion(&jose, &new, &it)?, &form).await?;
            ensure!(fresh.status == StatusCode::OK, "{}", fresh.text);
            ensure!(claims(fresh.get("id_token"))?["sub"] == claims(first.get("id_token"))?["sub"]);
            // And the one that was taken away is of no more use.
            let form = [("grant_type", "refresh_token"), ("refresh_token", fresh.get("refresh_token"))];
            let stale = token(&it, &assertion(&jose, &old, &it)?, &form).await?;
            ensure!(stale.refusal() == (401, "invalid_client"), "{}", stale.text);
            anyhow::Ok(())
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_a_third_party_begins() {
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    play!(bed,
        "oidcc-3rd_party-init-login" => async {
            let uri = host.url("/begin");
            let it = Checker::register(bed, json!({ "initiate_login_uri": uri })).await?;
            ensure!(it.client["initiate_login_uri"] == uri.as_str(), "{}", it.client);
            let at = it.client["registration_client_uri"].as_str().context("no registration_client_uri")?;
            let token = it.client["registration_access_token"].as_str().context("no registration_access_token")?;
            let read = Client::new().get(at).bearer_auth(token).send().await?.error_for_status()?;
            ensure!(read.headers()["content-type"].to_str()?.starts_with(JSON));
            let read: Value = read.json().await?;
            ensure!(read["initiate_login_uri"] == uri.as_str(), "{read}");
            anyhow::Ok(())
        },
        "oidcc-3rd_party-init-login-nohttps" => async {
            let uri = "http://app.example/begin";
            let (status, body) = registered(bed, &json!({ "redirect_uris": [BACK], "initiate_login_uri": uri })).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_client_metadata", "{status} {body}");
            anyhow::Ok(())
        },
    );
}

/// `oidcc-server-rotate-keys`, and what it is for: whoever keeps a key set for as long as a new key is published before
/// it signs never meets a signature that it cannot verify.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_keys_turn_and_no_login_fails() {
    let jose = need!(Jose::here());
    let toml = "[keys]\nalgorithms = [\"ES256\"]\nrotate_after_s = 20\npublish_before_s = 15\nkeep_after_s = 20\n[tokens]\nid_token_s = 20\naccess_token_s = 20\n";
    let setup = Setup {
        toml,
        ..Setup::plain(Backend::Embedded)
    };
    let scene = need!(Scene::set(setup).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    scene
        .sign_in(&person, &mut subject, Ask::default())
        .await
        .expect("signed in");
    let fetch = async || -> Value {
        let answer = reqwest::get(scene.server.url("/jwks")).await.expect("keys");
        answer.json().await.expect("JSON")
    };
    let kids = |set: &Value| -> Vec<String> {
        let keys = set["keys"].as_array().into_iter().flatten();
        let signing = keys.filter(|key| key["use"] != "enc");
        signing
            .map(|key| key["kid"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let at_first = fetch().await;
    let (mut cached, mut read_at) = (at_first.clone(), tokio::time::Instant::now());
    let mut signed_by = Vec::new();
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(240);
    while signed_by.len() < 3 && tokio::time::Instant::now() < until {
        // A relying party that reads the set every other second, and never for an unknown key.
        if read_at.elapsed().as_secs_f32() > 2.0 {
            (cached, read_at) = (fetch().await, tokio::time::Instant::now());
        }
        let begun = scene.app.begin(Ask {
            extra: &[("prompt", "none")],
            ..Ask::default()
        });
        let back = match person.open(&begun.url).await.expect("an answer") {
            Arrival::Elsewhere(back) => back,
            Arrival::Page(page) => panic!("{page}"),
        };
        let code = scene.app.code(&begun, &back).expect("a code");
        let (status, tokens) = scene
            .app
            .token(&scene.app.code_grant(&code, &begun.verifier))
            .await
            .expect("an answer");
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let token = tokens["id_token"].as_str().expect("an ID token");
        let (header, _) = jose
            .verify(token, &cached)
            .unwrap_or_else(|error| panic!("{error:#}\n{cached}"));
        let kid = header["kid"].as_str().unwrap_or_default().to_owned();
        if !signed_by.contains(&kid) {
            signed_by.push(kid);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(signed_by.len() >= 3, "keys did not turn: {signed_by:?}");
    // The set had the old key beside the new one, and has lost the first by now or soon.
    let last = kids(&fetch().await);
    assert!(
        last.iter().any(|kid| !kids(&at_first).contains(kid)),
        "{last:?}"
    );
    assert!(last.len() >= 2, "the one before, and the one now: {last:?}");
}

/// Whoever read the key set before the keys turned is still understood, and after a while no more.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_others_encrypt_to_turn() {
    let jose = need!(Jose::here());
    let toml = r#"
[keys]
rotate_after_s = 30
publish_before_s = 20
keep_after_s = 25
[tokens]
id_token_s = 25
access_token_s = 25
[[client]]
id = "sealing"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false
request_object_signing_alg = "none"
request_object_encryption_alg = "RSA-OAEP-256"
"#;
    let setup = Setup {
        toml,
        ..Setup::plain(Backend::Embedded)
    };
    let scene = need!(Scene::set(setup).await);
    let key = async || -> Value {
        let answer = reqwest::get(scene.server.url("/jwks")).await.expect("keys");
        let set: Value = answer.json().await.expect("JSON");
        let keys: Vec<Value> = set["keys"].as_array().cloned().unwrap_or_default();
        let mut ours = keys
            .into_iter()
            .filter(|key| key["use"] == "enc" && key["kty"] == "RSA");
        let key = ours.next().expect("a key to encrypt to");
        assert!(ours.next().is_none(), "one at a time: {set}");
        key
    };
    let at = unix_time();
    let claims = json!({
        "iss": "sealing", "aud": scene.server.issuer, "iat": at, "exp": at + 300, "client_id": "sealing",
        "response_type": "code", "scope": "openid", "redirect_uri": BACK, "prompt": "none", "state": "sealed",
    });
    let seal = |key: &Value| {
        let header = json!({ "alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "kid": key["kid"], "cty": "JWT" });
        jose.encrypt(header, &unsigned(&claims), key)
            .expect("sealed")
    };
    // Understood, it says that nobody is signed in; not understood, that the object is wrong.
    let told = async |object: &str| -> String {
        let mut url = scene.server.url("/authorize");
        url.query_pairs_mut().extend_pairs([
            ("client_id", "sealing"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", BACK),
            ("request", object),
        ]);
        let arrival = Person::new().open(url).await.expect("an answer");
        let back = arrival.elsewhere().expect("told");
        let error = back.query_pairs().find(|(name, _)| name == "error");
        error.unwrap_or_else(|| panic!("{back}")).1.into_owned()
    };
    let first = key().await;
    let object = seal(&first);
    assert_eq!(told(&object).await, "login_required");
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(240);
    let second = loop {
        let now = key().await;
        if now["kid"] != first["kid"] {
            break now;
        }
        assert!(tokio::time::Instant::now() < until, "the keys do not turn");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(
        told(&object).await,
        "login_required",
        "the old key is gone at once"
    );
    assert_eq!(told(&seal(&second)).await, "login_required");
    while told(&object).await == "login_required" {
        assert!(
            tokio::time::Instant::now() < until,
            "the old key stays for ever"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(told(&object).await, "invalid_request_object");
}

/// A client that is a document at the URL that its identifier is, by the wire from end to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_the_document_that_its_identifier_names() {
    let jose = need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    let key = jose
        .key("RSA", json!({ "kid": "own", "use": "sig" }))
        .expect("a key");
    let document = |id: &str, more: Value| {
        let mut document = json!({
            "client_id": id, "client_name": "A document", "redirect_uris": [BACK],
            "token_endpoint_auth_method": "none",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        document.to_string()
    };
    let it = |id: &str| Checker {
        bed,
        client: json!({ "client_id": id }),
        person: Person::new(),
        asked: Vec::new(),
    };
    let pkce = [
        ("code_challenge", tests::fapi::CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let redeem = |code: &str| {
        [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", BACK.to_owned()),
            ("code_verifier", tests::fapi::VERIFIER.to_owned()),
        ]
    };
    play!(bed,
        "a public one signs people in" => async {
            let id = host.url("/client.json");
            host.serve("/client.json", JSON, document(&id, json!({})));
            let mut it = it(&id);
            let back = it.authorize(&pkce).await?;
            ensure!(it.asked.contains(&"consent"), "{:?}", it.asked);
            let mut form = redeem(back.code()?).to_vec();
            form.push(("client_id", id.clone()));
            let answer = read(Client::new().post(bed.url("/token")).form(&form)).await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.text);
            let claims = claims(answer.get("id_token"))?;
            ensure!(claims["aud"] == id.as_str(), "{claims}");
            // A public client has to use PKCE.
            let refused = it.authorize(&[]).await?;
            ensure!(refused.get("error") == Some("invalid_request"), "{refused:?}");
            ensure!(host.heard("/client.json").len() == 1, "it is kept for a while: {:?}", host.heard("/client.json"));
            anyhow::Ok(())
        },
        "one with keys shows who it is" => async {
            let id = host.url("/keyed.json");
            let set = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jose.public(&key)?] } });
            host.serve("/keyed.json", JSON, document(&id, set));
            let mut it = it(&id);
            let back = it.authorize(&pkce).await?;
            let form = redeem(back.code()?);
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut bare = form.clone();
            bare.push(("client_id", &id));
            let refused = read(Client::new().post(bed.url("/token")).form(&bare)).await?;
            ensure!(refused.refusal() == (401, "invalid_client"), "{}", refused.text);
            let answer = token(&it, &assertion(&jose, &key, &it)?, &form).await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.text);
            anyhow::Ok(())
        },
        "one that is not what it must be is nobody" => async {
            let right = |path: &str| host.url(path);
            let cases = [
                ("/other-id.json", JSON, document(&right("/client.json"), json!({}))),
                ("/html.json", "text/html", document(&right("/html.json"), json!({}))),
                ("/secret.json", JSON, document(&right("/secret.json"), json!({ "client_secret": "s" }))),
                ("/basic.json", JSON, document(&right("/basic.json"), json!({ "token_endpoint_auth_method": "client_secret_basic" }))),
                ("/long.json", JSON, document(&right("/long.json"), json!({ "client_name": "x".repeat(40_000) }))),
                ("/none.json", JSON, "{".to_owned()),
            ];
            for (path, kind, body) in cases {
                let id = host.serve(path, kind, body);
                let it = it(&id);
                let page = it.person.open(it.url(&pkce)).await?.page()?;
                ensure!(page.status.is_client_error(), "{path}: {page}");
                ensure!(host.heard(path).len() == 1, "{path} is asked for again and again, or never");
                it.person.open(it.url(&pkce)).await?.page()?;
                ensure!(host.heard(path).len() == 1, "{path} is asked for again at once");
            }
            // Not fetched at all: what is no such URL, and what is at a private address.
            for id in [host.url("/a.json#f"), host.url("/x/../a.json"), host.url("/a.json").replace("https", "http"), "https://10.0.0.1/a.json".into(), "https://127.0.0.1:1/a.json".into()] {
                let it = it(&id);
                let page = it.person.open(it.url(&pkce)).await?.page()?;
                ensure!(page.status.is_client_error(), "{id}: {page}");
            }
            ensure!(host.heard("/a.json").is_empty());
            // The redirect URI is one of the document's.
            let it = it(&host.url("/client.json"));
            let page = it.person.open(it.url(&[("redirect_uri", "https://localhost:1/other")])).await?.page()?;
            ensure!(page.status.is_client_error(), "{page}");
            anyhow::Ok(())
        },
    );
}

/// A configured client whose tokens nobody could sign stops the server at its start, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_configured_client_whose_algorithm_has_no_key_is_refused() {
    let toml = |alg: &str| {
        format!(
            "[keys]\nalgorithms = [\"ES256\"]\n[[client]]\nid = \"strange\"\nsecret = \"s\"\n\
             redirect_uris = [\"https://localhost:1/callback\"]\nid_token_signed_response_alg = \"{alg}\"\n"
        )
    };
    let held = toml("ES256");
    let setup = Setup {
        toml: &held,
        ..Setup::plain(Backend::Embedded)
    };
    let mut server = need!(tests::server::Server::start(setup).await);
    server.kill();
    let path = server.folder().join("whorl.toml");
    let text = std::fs::read_to_string(&path).expect("its configuration");
    let text = text.replace(
        "id_token_signed_response_alg = \"ES256\"",
        "id_token_signed_response_alg = \"RS256\"",
    );
    std::fs::write(&path, text).expect("written");
    let ended = server.whorl(&["serve"]).expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned()
        + &String::from_utf8_lossy(&ended.stdout);
    assert!(!ended.status.success(), "{said}");
    assert!(
        said.contains("strange") && said.contains("id_token_signed_response_alg"),
        "{said}"
    );
}
