//! The modules of the FAPI 2.0 plans (security profile and message signing) by their names, for a client with
//! `private_key_jwt` and DPoP that registered itself.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{BACK, Back, Checker, claims, registered},
    fapi::{CHALLENGE, Fapi, VERIFIER, of_code},
    jose::Jose,
    machine::{Answer, DpopKey},
    need,
    person::{Arrival, Form},
    subject::unix_time,
};

use crate::certification::play;

async fn bed() -> Bed {
    let bed = Bed::start("conformance.toml", 9777, &[]).await;
    bed.expect("whorl serve --config conformance.toml")
}

/// The error that came back, with the state it came for.
fn told(back: &Back) -> anyhow::Result<&str> {
    ensure!(back.get("iss").is_some(), "RFC 9207: {back:?}");
    back.get("error").with_context(|| format!("{back:?}"))
}

/// A module that saw what it wanted.
fn done() -> anyhow::Result<()> {
    Ok(())
}

fn refused(answer: &Answer, codes: &[&str]) -> anyhow::Result<()> {
    ensure!(
        answer.status.is_client_error() && codes.contains(&answer.get("error")),
        "{} {}, wanted {codes:?}",
        answer.status,
        answer.text
    );
    Ok(())
}

/// A browser that is shown no redirect.
async fn a_page(it: &Fapi<'_>, pairs: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut url = it.checker.bed.url("/authorize");
    url.query_pairs_mut().extend_pairs(pairs);
    match it.checker.person.open(url).await? {
        Arrival::Page(page) => ensure!(page.status.is_client_error(), "{page}"),
        Arrival::Elsewhere(back) => ensure!(
            back.as_str().starts_with(BACK)
                && back.as_str().contains("error=")
                && !back.as_str().contains("code="),
            "{back}"
        ),
    }
    Ok(())
}

async fn refresh(it: &Fapi<'_>, token: &str) -> anyhow::Result<Answer> {
    let proof = it.proof("/token")?;
    it.post(
        "/token",
        &[("grant_type", "refresh_token"), ("refresh_token", token)],
        Some(&proof),
    )
    .await
}

/// What userinfo answers to a token and a proof, the scheme spelt so.
async fn userinfo(
    it: &Fapi<'_>,
    scheme: &str,
    token: &str,
    key: &DpopKey,
) -> anyhow::Result<StatusCode> {
    let url = it.checker.bed.url("/userinfo");
    let proof = key.proof("GET", url.as_str(), Some(token), None)?;
    let request = Client::new()
        .get(url)
        .header("authorization", format!("{scheme} {token}"))
        .header("dpop", proof);
    Ok(request.send().await?.status())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_security_profile() {
    let (bed, jose) = (&bed().await, &need!(Jose::here()));
    let client = async || Fapi::register(bed, jose, json!({})).await;
    play!(bed,
        "discovery-end-point-verification" => async {
            let document: Value = reqwest::get(bed.url("/.well-known/openid-configuration")).await?.json().await?;
            let has = |name: &str, value: &str| document[name].as_array().is_some_and(|all| all.iter().any(|v| v == value));
            for (name, value) in [
                ("token_endpoint_auth_methods_supported", "private_key_jwt"),
                ("token_endpoint_auth_signing_alg_values_supported", "PS256"),
                ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
                ("dpop_signing_alg_values_supported", "ES256"),
                ("code_challenge_methods_supported", "S256"),
                ("response_types_supported", "code"),
                ("grant_types_supported", "authorization_code"),
            ] {
                ensure!(has(name, value), "{name} lacks {value}");
            }
            ensure!(!has("code_challenge_methods_supported", "plain"));
            ensure!(document["authorization_response_iss_parameter_supported"] == true);
            ensure!(document["pushed_authorization_request_endpoint"].is_string());
            done()
        },
        "happy-flow, ensure-other-scope-order-succeeds, access-token-type-header-case-sensitivity" => async {
            let mut it = client().await?;
            let pushed = it.push(&[("scope", "email openid")], None).await?;
            let life = pushed.body["expires_in"].as_u64().context("no lifetime")?;
            ensure!((5..600).contains(&life), "{}", pushed.text);
            let back = it.authorize(&pushed).await?;
            ensure!(back.get("iss") == Some(bed.issuer.as_str()) && back.get("state") == Some("af0ifjsldkj"), "{back:?}");
            let tokens = it.redeem(back.code()?).await?;
            ensure!(tokens.status == StatusCode::OK && tokens.get("token_type") == "DPoP", "{}", tokens.text);
            let keys: Value = reqwest::get(bed.url("/jwks")).await?.json().await?;
            let signing: Vec<&Value> = keys["keys"].as_array().context("no keys")?.iter().filter(|key| key["use"] == "sig").collect();
            let (header, id) = jose.verify(tokens.get("id_token"), &json!({ "keys": signing }))?;
            ensure!(header["alg"] == "ES256" && id["nonce"] == "n-0S6_WzA2Mj" && id["aud"] == it.checker.id(), "{header} {id}");
            let token = tokens.get("access_token");
            ensure!(claims(token)?["cnf"]["jkt"] == it.dpop.jkt(), "not bound");
            for scheme in ["DPoP", "dpop", "DPOP"] {
                ensure!(userinfo(&it, scheme, token, &it.dpop).await? == StatusCode::OK, "{scheme}");
            }
            let bare = Client::new().get(bed.url("/userinfo")).bearer_auth(token).send().await?.status();
            ensure!(bare == StatusCode::UNAUTHORIZED, "{bare}");
            ensure!(userinfo(&it, "DPoP", token, &DpopKey::new()?).await? == StatusCode::UNAUTHORIZED, "a foreign key");
            done()
        },
        "user-rejects-authentication" => async {
            let mut it = client().await?;
            let pushed = it.push(&[], None).await?;
            let page = it.checker.person.open(it.at(pushed.get("request_uri"))).await?.page()?;
            let cancel = page.forms().into_iter().find(|form| form.action().path().ends_with("/cancel")).context("no way to cancel")?;
            let arrival = it.checker.person.submit(cancel).await?;
            let back = it.checker.through(arrival).await?;
            ensure!(told(&back)? == "access_denied", "{back:?}");
            done()
        },
        "ensure-authorization-request-without-state-success, -without-nonce-success, -with-64-char-nonce-success, -with-long-state, -with-long-nonce" => async {
            for (name, value) in [("state", String::new()), ("nonce", String::new()), ("nonce", "n".repeat(64)), ("state", "s".repeat(1000)), ("nonce", "n".repeat(1000))] {
                let mut it = client().await?;
                let code = it.code(&[(name, &value)]).await?;
                let tokens = it.redeem(&code).await?;
                ensure!(tokens.status == StatusCode::OK, "{name} of {}: {}", value.len(), tokens.text);
                if name == "nonce" && !value.is_empty() {
                    ensure!(claims(tokens.get("id_token"))?["nonce"] == value.as_str(), "{}", tokens.text);
                }
            }
            done()
        },
        "test-claims-parameter-identity-claims" => async {
            let mut it = client().await?;
            let wanted = json!({ "id_token": { "given_name": { "essential": true } } }).to_string();
            let code = it.code(&[("claims", &wanted)]).await?;
            let tokens = it.redeem(&code).await?;
            ensure!(claims(tokens.get("id_token"))?["given_name"] == "Alice", "{}", tokens.text);
            done()
        },
        "refresh-token (and no rotation)" => async {
            let mut it = client().await?;
            let code = it.code(&[("scope", "openid offline_access"), ("prompt", "consent")]).await?;
            let first = it.redeem(&code).await?;
            let token = first.get("refresh_token").to_owned();
            ensure!(!token.is_empty(), "{}", first.text);
            for _ in 0..2 {
                let again = refresh(&it, &token).await?;
                ensure!(again.status == StatusCode::OK && ["", token.as_str()].contains(&again.get("refresh_token")), "{}", again.text);
            }
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            refused(&it.post("/token", &form, None).await?, &["invalid_dpop_proof", "invalid_request", "invalid_grant"])?;
            let other = Fapi::register(bed, jose, json!({})).await?;
            refused(&refresh(&other, &token).await?, &["invalid_grant"])?;
            done()
        },
        "attempt-reuse-authorization-code-after-one-second" => async {
            let mut it = client().await?;
            let code = it.code(&[]).await?;
            let tokens = it.redeem(&code).await?;
            ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
            refused(&it.redeem(&code).await?, &["invalid_grant"])?;
            let status = userinfo(&it, "DPoP", tokens.get("access_token"), &it.dpop).await?;
            ensure!(status == StatusCode::UNAUTHORIZED, "the first token is good: {status}");
            done()
        },
        "ensure-authorization-code-is-bound-to-client" => async {
            let mut it = client().await?;
            let code = it.code(&[]).await?;
            refused(&client().await?.redeem(&code).await?, &["invalid_grant"])
        },
        "ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected" => async {
            for verifier in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXkX"] {
                let mut it = client().await?;
                let code = it.code(&[]).await?;
                let proof = it.proof("/token")?;
                let form: Vec<_> = of_code(&code).into_iter()
                    .map(|(name, value)| if name == "code_verifier" { (name, verifier) } else { (name, value) })
                    .filter(|(_, value)| !value.is_empty()).collect();
                refused(&it.post("/token", &form, Some(&proof)).await?, &["invalid_grant", "invalid_request"])?;
            }
            done()
        },
        "ensure-holder-of-key-required" => async {
            let mut it = client().await?;
            let code = it.code(&[]).await?;
            refused(&it.post("/token", &of_code(&code), None).await?, &["invalid_request", "invalid_dpop_proof"])
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_pushed_and_nothing_else() {
    let (bed, jose) = (&bed().await, &need!(Jose::here()));
    let client = async || Fapi::register(bed, jose, json!({})).await;
    play!(bed,
        "ensure-unsigned-authorization-request-without-using-par-fails" => async {
            let it = client().await?;
            let request = it.request(&[]);
            let pairs: Vec<(&str, &str)> = request.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            a_page(&it, &pairs).await
        },
        "ensure-registered-redirect-uri, ensure-redirect-uri-in-authorization-request" => async {
            let it = client().await?;
            for uri in ["https://localhost:1/other", "https://evil.example/", ""] {
                refused(&it.push(&[("redirect_uri", uri)], None).await?, &["invalid_request"])?;
            }
            done()
        },
        "ensure-response-type-code-idtoken-fails, ensure-response-type-token-fails" => async {
            let it = client().await?;
            for kind in ["code id_token", "token", "id_token token"] {
                refused(&it.push(&[("response_type", kind)], None).await?, &["invalid_request", "unsupported_response_type", "unauthorized_client"])?;
            }
            done()
        },
        "par-ensure-pkce-required, par-plain-pkce-rejected" => async {
            let it = client().await?;
            refused(&it.push(&[("code_challenge", ""), ("code_challenge_method", "")], None).await?, &["invalid_request"])?;
            refused(&it.push(&[("code_challenge", VERIFIER), ("code_challenge_method", "plain")], None).await?, &["invalid_request"])
        },
        "par-attempt-reuse-request_uri, par-ensure-reused-request-uri-prior-to-auth-completion-succeeds" => async {
            let mut it = client().await?;
            let pushed = it.push(&[], None).await?;
            let url = it.at(pushed.get("request_uri"));
            let shown = it.checker.person.open(&url).await?.page()?;
            ensure!(shown.status.is_success(), "{shown}");
            it.authorize(&pushed).await?.code()?;
            let again = it.checker.person.open(&url).await?;
            if let Arrival::Page(page) = &again { ensure!(page.status.is_client_error(), "{page}"); }
            else { ensure!(!format!("{again:?}").contains("code="), "{again:?}"); }
            done()
        },
        "par-attempt-to-use-request_uri-for-different-client" => async {
            let (it, other) = (client().await?, client().await?);
            let pushed = it.push(&[], None).await?;
            a_page(&other, &[("client_id", other.checker.id()), ("request_uri", pushed.get("request_uri"))]).await
        },
        "par-authorization-request-containing-request_uri-form-param, -containing-request_uri" => async {
            let it = client().await?;
            let pushed = it.push(&[], None).await?;
            refused(&it.push(&[("request_uri", pushed.get("request_uri"))], None).await?, &["invalid_request"])
        },
        "par-attempt-invalid-http-method" => async {
            for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
                let status = Client::new().request(method.clone(), bed.url("/par")).send().await?.status();
                ensure!(status == StatusCode::METHOD_NOT_ALLOWED, "{method}: {status}");
            }
            done()
        },
        "par-without-duplicate-parameters" => async {
            let mut it = client().await?;
            let mut url = it.at(it.push(&[], None).await?.get("request_uri"));
            url.query_pairs_mut().append_pair("state", "outside").append_pair("scope", "openid nothing");
            let arrival = it.checker.person.open(url).await?;
            let back = it.checker.through(arrival).await?;
            ensure!(back.get("state") == Some("af0ifjsldkj"), "{back:?}");
            done()
        },
        "check-dpop-proof-nbf-exp, ensure-dpopproof-with-iat-10seconds-before-succeeds, -after-succeeds" => async {
            for seconds in [-10_i64, 0, 10] {
                let mut it = client().await?;
                let code = it.code(&[]).await?;
                let at = i64::try_from(unix_time())? + seconds;
                let claims = json!({ "jti": uuid::Uuid::new_v4().to_string(), "htm": "POST", "htu": bed.url("/token").as_str(), "iat": at, "nbf": at, "exp": at + 60 });
                let answer = it.post("/token", &of_code(&code), Some(&it.dpop.sign(&claims)?)).await?;
                ensure!(answer.status == StatusCode::OK, "{seconds}: {}", answer.text);
            }
            done()
        },
        "ensure-dpopproof-at-par-endpoint-binding-success, ensure-dpop-auth-code-binding-success" => async {
            for by_parameter in [false, true] {
                let mut it = client().await?;
                let (jkt, proof) = (it.dpop.jkt(), it.proof("/par")?);
                let pushed = match by_parameter {
                    true => it.push(&[("dpop_jkt", &jkt)], None).await?,
                    false => it.push(&[], Some(&proof)).await?,
                };
                let code = it.authorize(&pushed).await?.code()?.to_owned();
                let tokens = it.redeem(&code).await?;
                ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
            }
            done()
        },
        "ensure-mismatched-dpop-jkt-fails" => async {
            let it = client().await?;
            let (proof, other) = (it.proof("/par")?, DpopKey::new()?.jkt());
            refused(&it.push(&[("dpop_jkt", &other)], Some(&proof)).await?, &["invalid_dpop_proof", "invalid_request"])
        },
        "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt, -with-mismatched-dpop-jkt" => async {
            for by_parameter in [false, true] {
                let mut it = client().await?;
                let (jkt, proof) = (it.dpop.jkt(), it.proof("/par")?);
                let pushed = match by_parameter {
                    true => it.push(&[("dpop_jkt", &jkt)], None).await?,
                    false => it.push(&[], Some(&proof)).await?,
                };
                let code = it.authorize(&pushed).await?.code()?.to_owned();
                it.dpop = DpopKey::new()?;
                refused(&it.redeem(&code).await?, &["invalid_grant", "invalid_dpop_proof"])?;
            }
            done()
        },
        "par-attempt-to-use-expired-request_uri (one that is not there)" => async {
            let it = client().await?;
            a_page(&it, &[("client_id", it.checker.id()), ("request_uri", "urn:ietf:params:oauth:request_uri:gone")]).await
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn assertions_of_clients() {
    let (bed, jose) = (&bed().await, &need!(Jose::here()));
    let it = &Fapi::register(bed, jose, json!({}))
        .await
        .expect("registered");
    let form = of_code("not-a-code");
    let at = unix_time();
    let push = async |assertion: &str| {
        let request = it.request(&[]);
        let form: Vec<(&str, &str)> = request
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        it.post_as(assertion, "/par", &form, None).await
    };
    play!(bed,
        "ensure-client-assertion-with-iss-aud-succeeds" => async {
            let answer = push(&it.assertion(&json!({}))?).await?;
            ensure!(answer.status == StatusCode::CREATED, "{}", answer.text);
            done()
        },
        "ensure-client-assertion-in-token-endpoint, ensure-client-id-in-token-endpoint" => async {
            let proof = it.proof("/token")?;
            refused(&it.post_bare("/token", &form, Some(&proof)).await?, &["invalid_client", "invalid_request"])?;
            let mut named = form.to_vec();
            named.push(("client_id", "somebody-else"));
            let proof = it.proof("/token")?;
            refused(&it.post("/token", &named, Some(&proof)).await?, &["invalid_client", "invalid_request"])
        },
        "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails, -with-wrong-aud-fails, -with-no-sub-fails, ensure-invalid-client-assertions-fail" => async {
            for changes in [
                json!({ "exp": at - 300 }),
                json!({ "aud": "https://other.example" }),
                json!({ "aud": [bed.issuer] }),
                json!({ "aud": bed.url("/token").as_str() }),
                json!({ "aud": bed.url("/par").as_str() }),
                json!({ "aud": null }),
                json!({ "sub": null }),
                json!({ "iss": null }),
                json!({ "iss": "other" }),
                json!({ "jti": null }),
                json!({ "exp": null }),
                json!({ "nbf": at + 120 }),
                json!({ "iat": at + 120 }),
            ] {
                let answer = push(&it.assertion(&changes)?).await?;
                refused(&answer, &["invalid_client"]).with_context(|| changes.to_string())?;
            }
            let assertion = it.assertion(&json!({}))?;
            ensure!(push(&assertion).await?.status == StatusCode::CREATED);
            refused(&push(&assertion).await?, &["invalid_client"]).context("a replay")?;
            let broken = format!("{}x", it.assertion(&json!({}))?);
            refused(&push(&broken).await?, &["invalid_client"]).context("another signature")
        },
        "ensure-signed-client-assertion-with-RS256-fails" => async {
            let key = jose.key("RSA", json!({ "kid": "rsa" }))?;
            let metadata = json!({ "jwks": { "keys": [jose.public(&key)?] } });
            let mut other = Fapi::register(bed, jose, metadata).await?;
            other.key = key;
            for (alg, fine) in [("PS256", true), ("RS256", false)] {
                let (id, at) = (other.checker.id(), unix_time());
                let claims = json!({ "iss": id, "sub": id, "aud": bed.issuer, "iat": at, "exp": at + 60, "jti": uuid::Uuid::new_v4().to_string() });
                let assertion = other.signed(json!({ "alg": alg, "kid": "rsa" }), claims, &json!({}))?;
                let proof = other.proof("/token")?;
                let answer = other.post_as(&assertion, "/token", &form, Some(&proof)).await?;
                ensure!(answer.get("error") == if fine { "invalid_grant" } else { "invalid_client" }, "{alg}: {}", answer.text);
            }
            done()
        },
        "the profile's own limits at registration" => async {
            let key = jose.public(&it.key)?;
            let usual = json!({
                "redirect_uris": [BACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] },
                "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
            });
            for (name, value) in [
                ("id_token_signed_response_alg", json!("RS256")),
                ("token_endpoint_auth_signing_alg", json!("RS256")),
                ("request_object_signing_alg", json!("RS256")),
                ("userinfo_signed_response_alg", json!("RS256")),
                ("response_types", json!(["code id_token"])),
            ] {
                let mut metadata = usual.clone();
                metadata[name] = value;
                metadata["grant_types"] = json!(["authorization_code", "implicit"]);
                let (status, body) = registered(bed, &metadata).await?;
                ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_client_metadata", "{name}: {status} {body}");
            }
            done()
        },
        "a client without the profile may name the endpoint" => async {
            let other = Fapi::register(bed, jose, json!({ "require_pushed_authorization_requests": false })).await?;
            for path in ["/token", "/par"] {
                let assertion = other.assertion(&json!({ "aud": bed.url(path).as_str() }))?;
                let proof = other.proof("/token")?;
                let answer = other.post_as(&assertion, "/token", &form, Some(&proof)).await?;
                ensure!(answer.get("error") == "invalid_grant", "{path}: {}", answer.text);
            }
            done()
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn message_signing() {
    let (bed, jose) = (&bed().await, &need!(Jose::here()));
    let it = &mut Fapi::register(bed, jose, json!({ "require_signed_request_object": true }))
        .await
        .expect("registered");
    let at = unix_time();
    play!(bed,
        "happy-flow, signed requests" => async {
            let pushed = it.push_signed(&json!({})).await?;
            let back = it.authorize(&pushed).await?;
            ensure!(back.get("state") == Some("af0ifjsldkj"), "{back:?}");
            let code = back.code()?.to_owned();
            let tokens = it.redeem(&code).await?;
            ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
            done()
        },
        "ensure-request-object-with-multiple-aud-succeeds, -with-nbf-8-seconds-in-the-future-is-accepted" => async {
            for changes in [json!({ "aud": ["https://other1.example", bed.issuer, "invalid"] }), json!({ "nbf": unix_time() + 8 })] {
                let answer = it.push_signed(&changes).await?;
                ensure!(answer.status == StatusCode::CREATED, "{changes}: {}", answer.text);
            }
            done()
        },
        "ensure-request-object-without-exp-fails, -without-nbf-fails, -with-bad-aud-fails, -with-exp-over-60-fails, -with-nbf-over-60-fails, -without-redirect-uri-fails, ensure-expired-request-object-fails" => async {
            for changes in [
                json!({ "exp": null }), json!({ "nbf": null }), json!({ "aud": "https://other.example" }), json!({ "aud": null }),
                json!({ "exp": at + 4200, "nbf": at }), json!({ "nbf": at - 4200 }), json!({ "redirect_uri": null }), json!({ "exp": at - 300 }),
                json!({ "iss": "other" }), json!({ "client_id": "other" }), json!({ "request_uri": "urn:x" }),
            ] {
                let answer = it.push_signed(&changes).await?;
                refused(&answer, &["invalid_request_object", "invalid_request"]).with_context(|| changes.to_string())?;
            }
            done()
        },
        "ensure-different-nonce-inside-and-outside-request-object, ensure-different-state-..., state-only-outside-request-object-not-used" => async {
            for (changes, wanted) in [(json!({}), Some("af0ifjsldkj")), (json!({ "state": null }), None)] {
                let object = it.object(&changes)?;
                let form = [("client_id", it.checker.id()), ("request", &object), ("state", "outside"), ("nonce", "outside")];
                let pushed = it.post("/par", &form, None).await?;
                let back = it.authorize(&pushed).await?;
                ensure!(back.get("state") == wanted, "{back:?}");
                let code = back.code()?.to_owned();
                let tokens = it.redeem(&code).await?;
                ensure!(claims(tokens.get("id_token"))?["nonce"] == "n-0S6_WzA2Mj", "{}", tokens.text);
            }
            done()
        },
        "ensure-unsigned-request-at-par-endpoint-fails, ensure-request-object-signature-algorithm-is-not-none" => async {
            refused(&it.push(&[], None).await?, &["invalid_request", "invalid_request_object"])?;
            let object = it.object(&json!({}))?;
            let body = object.split('.').nth(1).context("no JWT")?;
            let none = format!("eyJhbGciOiJub25lIn0.{body}.");
            refused(&it.post("/par", &[("client_id", it.checker.id()), ("request", &none)], None).await?, &["invalid_request_object"])
        },
        "ensure-request-object-with-invalid-signature-fails, ensure-matching-key-in-authorization-request" => async {
            let other = jose.key("P-256", json!({ "kid": "client" }))?;
            let own = std::mem::replace(&mut it.key, other);
            let object = it.object(&json!({}))?;
            it.key = own;
            refused(&it.post("/par", &[("client_id", it.checker.id()), ("request", &object)], None).await?, &["invalid_request_object"])
        },
        "ensure-signed-request-object-with-RS256-fails" => async {
            let key = jose.key("RSA", json!({ "kid": "client" }))?;
            let metadata = json!({ "require_signed_request_object": true, "jwks": { "keys": [jose.public(&key)?] } });
            let mut other = Fapi::register(bed, jose, metadata).await?;
            other.key = key;
            for (alg, fine) in [("PS256", true), ("RS256", false)] {
                let (id, at) = (other.checker.id().to_owned(), unix_time());
                let request = json!({
                    "iss": id, "aud": bed.issuer, "nbf": at, "exp": at + 60, "client_id": id, "redirect_uri": BACK, "scope": "openid",
                    "response_type": "code", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
                });
                let object = other.signed(json!({ "alg": alg, "kid": "client" }), request, &json!({}))?;
                let assertion = json!({ "iss": id, "sub": id, "aud": bed.issuer, "iat": at, "exp": at + 60, "jti": uuid::Uuid::new_v4().to_string() });
                let assertion = other.signed(json!({ "alg": "PS256", "kid": "client" }), assertion, &json!({}))?;
                let answer = other.post_as(&assertion, "/par", &[("client_id", &id), ("request", &object)], None).await?;
                if fine { ensure!(answer.status == StatusCode::CREATED, "{}", answer.text); }
                else { refused(&answer, &["invalid_request_object"])?; }
            }
            done()
        },
        "signed answers (JARM), asked for where they are registered" => async {
            let metadata = json!({ "require_signed_request_object": true, "authorization_signed_response_alg": "ES256" });
            let mut other = Fapi::register(bed, jose, metadata).await?;
            refused(&other.push_signed(&json!({})).await?, &["invalid_request"])?;
            let pushed = other.push_signed(&json!({ "response_mode": "jwt" })).await?;
            let back = other.authorize(&pushed).await?;
            let answer = claims(back.get("response").context("no response")?)?;
            ensure!(answer["iss"] == bed.issuer.as_str() && answer["aud"] == other.checker.id() && answer["state"] == "af0ifjsldkj", "{answer}");
            ensure!(back.get("code").is_none(), "{back:?}");
            let tokens = other.redeem(answer["code"].as_str().context("no code")?).await?;
            ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
            done()
        },
        "signed introspection" => async {
            let metadata = json!({ "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "introspection_signed_response_alg": "ES256" });
            let other = Fapi::register(bed, jose, metadata).await?;
            let proof = other.proof("/token")?;
            let tokens = other.post("/token", &[("grant_type", "client_credentials")], Some(&proof)).await?;
            ensure!(tokens.status == StatusCode::OK && tokens.get("token_type") == "DPoP", "{}", tokens.text);
            done()
        },
    );
}

/// Nothing of the profile is taken from a client that did not ask for it: the ground on which the refusals stand.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_the_profile_is_held_to_none_of_it() {
    let bed = bed().await;
    let mut plain = Checker::register(&bed, json!({}))
        .await
        .expect("registered");
    let (tokens, _) = plain.login(&[]).await.expect("a login that nobody pushed");
    assert_eq!(tokens["token_type"], "Bearer");
    let form = Form::forged(bed.url("/par"), &[("client_id", plain.id())]);
    let refused = plain.person.submit_once(form).await.expect("an answer");
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}
