//! What no well-meaning client sends, at every endpoint that clients call: each is answered with a registered error code,
//! soon, and the server goes on.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{BACK, Checker},
    fapi::{CHALLENGE, Fapi},
    jose::Jose,
    machine::{Answer, read},
    need,
    outside::Host,
    person::Arrival,
    subject::unix_time,
};
use tokio::time::Instant;
use uuid::Uuid;

/// The codes of RFC 6749 §4.1.2.1 and §5.2, RFC 7009, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707, RFC 9396, RFC 9449,
/// OIDC Core §3.1.2.6 and CIBA Core §13.
const REGISTERED: [&str; 24] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unsupported_token_type",
    "invalid_scope",
    "access_denied",
    "invalid_target",
    "invalid_token",
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_software_statement",
    "invalid_authorization_details",
    "invalid_dpop_proof",
    "invalid_request_object",
    "invalid_request_uri",
    "request_not_supported",
    "registration_not_supported",
    "login_required",
    "invalid_binding_message",
    "expired_login_hint_token",
    "insufficient_scope",
];

/// Longer than any of these may take, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// An answer that refuses, with a registered code in JSON.
fn refused(what: &str, began: Instant, answer: &Answer) {
    assert!(
        answer.status.is_client_error(),
        "{what}: {} {}",
        answer.status,
        answer.text
    );
    assert!(
        REGISTERED.contains(&answer.get("error")),
        "{what}: {} {}",
        answer.status,
        answer.text
    );
    assert!(began.elapsed() < SOON, "{what}: {:?}", began.elapsed());
    assert!(answer.text.len() < 4096, "{what}: it comes back");
}

async fn post(bed: &Bed, path: &str, kind: &str, body: Vec<u8>, it: &Checker<'_>) -> Answer {
    let request = Client::new()
        .post(bed.url(path))
        .basic_auth(it.id(), it.client["client_secret"].as_str())
        .header("content-type", kind)
        .body(body);
    read(request)
        .await
        .unwrap_or_else(|error| panic!("{path}: {error:#}"))
}

/// The endpoints that take forms of clients, each with a form that is good as far as it goes.
const FORMS: [(&str, &str); 6] = [
    (
        "/token",
        "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Flocalhost%3A1%2Fcallback",
    ),
    ("/revoke", "token=t"),
    ("/introspect", "token=t"),
    (
        "/par",
        "response_type=code&scope=openid&redirect_uri=https%3A%2F%2Flocalhost%3A1%2Fcallback",
    ),
    ("/device_authorization", "scope=openid"),
    ("/bc-authorize", "scope=openid&login_hint=alice"),
];

#[tokio::test(flavor = "multi_thread")]
async fn forms() {
    let bed = &Bed::start("conformance.toml", 9777, &[])
        .await
        .expect("a bed");
    let grants = json!([
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:openid:params:grant-type:ciba",
    ]);
    let metadata = json!({ "grant_types": grants, "backchannel_token_delivery_mode": "poll" });
    let it = &Checker::register(bed, metadata).await.expect("registered");
    const FORM: &str = "application/x-www-form-urlencoded";
    let megabyte = "x".repeat(1 << 20);
    let deep = format!("{}{}", "%5B".repeat(20_000), "%5D".repeat(20_000));
    for (path, good) in FORMS {
        let first = good.split('&').next().unwrap_or_default();
        let bodies: Vec<(&str, &str, Vec<u8>)> = vec![
            (
                "a repeated parameter",
                FORM,
                format!("{good}&{first}").into(),
            ),
            (
                "a repeated parameter that nobody knows",
                FORM,
                format!("{good}&state=1&state=2").into(),
            ),
            (
                "a megabyte in a parameter",
                FORM,
                format!("{good}&state={megabyte}").into(),
            ),
            (
                "a megabyte as a name",
                FORM,
                format!("{good}&{megabyte}=1").into(),
            ),
            ("twelve megabytes", FORM, vec![b'a'; 12 << 20]),
            (
                "bytes that are no UTF-8",
                FORM,
                [good.as_bytes(), b"&state=\xff\xfe"].concat(),
            ),
            (
                "escapes that are no UTF-8",
                FORM,
                format!("{good}&state=%ff%fe").into(),
            ),
            ("a NUL", FORM, format!("{good}&state=a%00b").into()),
            (
                "a bare NUL",
                FORM,
                [good.as_bytes(), b"&state=a\0b"].concat(),
            ),
            (
                "JSON",
                "application/json",
                br#"{"grant_type":"authorization_code","token":"t"}"#.to_vec(),
            ),
            ("plain text", "text/plain", good.as_bytes().to_vec()),
            (
                "no form by its type",
                "multipart/form-data; boundary=x",
                b"--x\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\nt\r\n--x--\r\n"
                    .to_vec(),
            ),
            ("no type", "", good.as_bytes().to_vec()),
            (
                "parameters without values",
                FORM,
                b"grant_type=&token=&response_type=&login_hint=&scope=%22%5C".to_vec(),
            ),
            (
                "thousands of parameters",
                FORM,
                (0..20_000)
                    .map(|n| format!("a{n}=1&"))
                    .collect::<String>()
                    .into(),
            ),
        ];
        for (what, kind, body) in bodies {
            let (what, began) = (format!("{path}: {what}"), Instant::now());
            // A server may close the connection on a body that it will not read; then it has answered before.
            let answer = post(bed, path, kind, body, it).await;
            refused(&what, began, &answer);
            assert!(
                answer.headers["content-type"]
                    .to_str()
                    .is_ok_and(|it| it.starts_with("application/json")),
                "{what}"
            );
        }
        // JSON in a parameter: deep, and of another type than it must be.
        for parameter in ["claims", "authorization_details"] {
            for bomb in [
                deep.as_str(),
                "%5B1%5D",
                "%7B%22a%22%3A",
                "null",
                "%22%22",
                "1e999",
            ] {
                if !matches!(path, "/par" | "/token") || (path == "/token" && parameter == "claims")
                {
                    continue;
                }
                let (what, began) = (format!("{path}: {parameter}={bomb:.20}"), Instant::now());
                let body = format!(
                    "{good}&code_challenge={CHALLENGE}&code_challenge_method=S256&{parameter}={bomb}"
                );
                refused(&what, began, &post(bed, path, FORM, body.into(), it).await);
            }
        }
        // The wrong method is no page either.
        let answer = read(Client::new().get(bed.url(path)))
            .await
            .expect("an answer");
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let alive = reqwest::get(bed.url("/healthz")).await.expect("alive");
    assert_eq!(alive.status(), StatusCode::OK);
    assert!(!bed.log().contains("panicked"), "{}", bed.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    let bed = &Bed::start("conformance.toml", 9777, &[])
        .await
        .expect("a bed");
    let good = json!({ "redirect_uris": [BACK] });
    let text = good.to_string();
    let inside =
        |name: &str, value: &str| format!("{},\"{name}\":{value}}}", &text[..text.len() - 1]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many: String = (0..50_000)
        .map(|n| format!("\"https://a.example/{n}\","))
        .collect();
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("a JSON bomb", "application/json", inside("contacts", &deep).into()),
        ("a bare JSON bomb", "application/json", deep.clone().into()),
        ("a list without an end", "application/json", format!("{{\"redirect_uris\":[{many}\"x\"]}}").into()),
        ("a megabyte in a name", "application/json", inside("client_name", &format!("\"{}\"", "x".repeat(1 << 20))).into()),
        ("no UTF-8", "application/json", [&text.as_bytes()[..text.len() - 1], b",\"client_name\":\"\xff\"}"].concat()),
        ("a NUL in the text", "application/json", inside("client_name", "\"a\0b\"").into()),
        ("a repeated member", "application/json", inside("redirect_uris", "[\"https://evil.example/\"]").into()),
        ("cut short", "application/json", text.as_bytes()[..text.len() - 1].to_vec()),
        ("a list", "application/json", b"[]".to_vec()),
        ("nothing", "application/json", Vec::new()),
        ("a number that is none", "application/json", inside("default_max_age", "1e999").into()),
        ("a negative age", "application/json", inside("default_max_age", "-1").into()),
        ("a type that is another", "application/json", inside("redirect_uris", "\"https://a.example/\"").into()),
        ("a form", "application/x-www-form-urlencoded", b"redirect_uris=https://a.example/".to_vec()),
        ("keys and a URL for them", "application/json", inside("jwks_uri", "\"https://a.example/jwks\",\"jwks\":{\"keys\":[]}").into()),
        ("a key set that is none", "application/json", inside("jwks", "{\"keys\":{}}").into()),
        ("a private key", "application/json", inside("jwks", r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}"#).into()),
        ("a symmetric key", "application/json", inside("jwks", r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#).into()),
        ("a statement that is none", "application/json", inside("software_statement", "\"a.b.c\"").into()),
    ];
    for (what, kind, body) in cases {
        let began = Instant::now();
        let request = Client::new()
            .post(bed.url("/register"))
            .header("content-type", kind)
            .body(body);
        let answer = read(request)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error:#}"));
        refused(what, began, &answer);
    }
    assert!(!bed.log().contains("panicked"), "{}", bed.log());
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Headers that no honest JWT of a client has, each over the same claims: signed with the client's own key where that
/// can be done at all, so that the header alone is what is wrong.
fn forged(
    it: &Fapi<'_>,
    host: &Host,
    ours: &Value,
    typ: Option<&str>,
    claims: &Value,
) -> Vec<(String, String)> {
    let base = |more: Value| {
        let mut header = json!({ "alg": "ES256", "kid": "client" });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        header
    };
    let bare =
        |header: Value, signature: &str| format!("{}.{}.{signature}", part(&header), part(claims));
    let mac = |key: &[u8]| {
        let text = format!(
            "{}.{}",
            part(&base(json!({ "alg": "HS256" }))),
            part(claims)
        );
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    };
    let public = it.jose.public(&it.key).unwrap_or_default();
    let stranger = it
        .jose
        .key("P-256", json!({ "kid": "stranger" }))
        .unwrap_or_default();
    let by_stranger = |more: Value| {
        it.jose
            .sign(base(more), claims, &stranger)
            .unwrap_or_default()
    };
    let good = it
        .jose
        .sign(base(json!({})), claims, &it.key)
        .unwrap_or_default();
    let cut = good
        .rsplit_once('.')
        .map_or("", |(text, _)| text)
        .to_owned();
    let jwks = host.url("/attacker.json");
    let mut all = vec![
        ("none".into(), bare(base(json!({ "alg": "none" })), "")),
        ("None".into(), bare(base(json!({ "alg": "None" })), "")),
        (
            "none with a signature".into(),
            bare(base(json!({ "alg": "none" })), "c2ln"),
        ),
        (
            "no algorithm".into(),
            bare(json!({ "kid": "client" }), "c2ln"),
        ),
        (
            "HS256 by our public key".into(),
            mac(ours.to_string().as_bytes()),
        ),
        (
            "HS256 by our modulus".into(),
            mac(ours["n"].as_str().unwrap_or_default().as_bytes()),
        ),
        (
            "HS256 by its own public key".into(),
            mac(public.to_string().as_bytes()),
        ),
        ("HS256 by nothing".into(), mac(b"")),
        (
            "jku".into(),
            by_stranger(json!({ "jku": jwks, "kid": "stranger" })),
        ),
        (
            "x5u".into(),
            by_stranger(json!({ "x5u": jwks, "kid": "stranger" })),
        ),
        (
            "jwk".into(),
            by_stranger(
                json!({ "jwk": it.jose.public(&stranger).unwrap_or_default(), "kid": "stranger" }),
            ),
        ),
        (
            "a kid that is a path".into(),
            by_stranger(json!({ "kid": "../../../../dev/null" })),
        ),
        (
            "crit".into(),
            bare(base(json!({ "crit": ["b64"], "b64": false })), "c2ln"),
        ),
        (
            "crit of nothing".into(),
            bare(base(json!({ "crit": [] })), "c2ln"),
        ),
        ("zip".into(), bare(base(json!({ "zip": "DEF" })), "c2ln")),
        ("no signature".into(), format!("{cut}.")),
        (
            "a signature of zeros".into(),
            format!("{cut}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        ),
        ("two parts".into(), cut.clone()),
        ("four parts".into(), format!("{good}.x")),
        ("five parts of nothing".into(), "a.b.c.d.e".into()),
        (
            "a megabyte".into(),
            format!("{cut}.{}", "A".repeat(200_000)),
        ),
        (
            "a header that is no JSON".into(),
            format!("bm8.{}.c2ln", part(claims)),
        ),
        (
            "claims that are no JSON".into(),
            "eyJhbGciOiJFUzI1NiJ9.bm8.c2ln".into(),
        ),
        (
            "deep claims".into(),
            format!(
                "eyJhbGciOiJFUzI1NiJ9.{}.c2ln",
                URL_SAFE_NO_PAD.encode("[".repeat(50_000))
            ),
        ),
        (
            "a repeated member in the header".into(),
            format!(
                "{}.{}.c2ln",
                URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","alg":"none"}"#),
                part(claims)
            ),
        ),
    ];
    // The client's own signature, and a header that must still be refused (RFC 7515 §4.1.11).
    if let Ok(token) = it.jose.sign(base(json!({ "zip": "DEF" })), claims, &it.key) {
        all.push(("zip, signed".into(), token));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn jose() {
    let jose = need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    let it = Fapi::register(bed, &jose, json!({}))
        .await
        .expect("registered");
    let keys: Value = reqwest::get(bed.url("/jwks"))
        .await
        .expect("keys")
        .json()
        .await
        .expect("JSON");
    let ours = keys["keys"].as_array().and_then(|all| {
        all.iter()
            .find(|key| key["kty"] == "RSA" && key["use"] != "enc")
    });
    let ours = ours.expect("a key").clone();
    let (id, at) = (it.checker.id().to_owned(), unix_time());

    let assertion = json!({ "iss": id, "sub": id, "aud": bed.issuer, "iat": at, "exp": at + 60, "jti": Uuid::new_v4().to_string() });
    for (what, token) in forged(&it, &host, &ours, None, &assertion) {
        let began = Instant::now();
        let answer = it
            .post_as(
                &token,
                "/token",
                &[("grant_type", "refresh_token"), ("refresh_token", "r")],
                None,
            )
            .await
            .expect("an answer");
        refused(&format!("assertion: {what}"), began, &answer);
        assert!(
            matches!(answer.get("error"), "invalid_client" | "invalid_request"),
            "assertion: {what}: {}",
            answer.text
        );
    }
    // The one that nobody forged gets past the client's authentication.
    let answer = it
        .post(
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", "r")],
            None,
        )
        .await
        .expect("an answer");
    assert!(
        !matches!(answer.get("error"), "invalid_client"),
        "{}",
        answer.text
    );

    let mut object = json!({ "iss": id, "aud": bed.issuer, "iat": at, "nbf": at, "exp": at + 60 });
    for (name, value) in it.request(&[]) {
        object[name] = value.into();
    }
    for (what, token) in forged(&it, &host, &ours, Some("oauth-authz-req+jwt"), &object) {
        let began = Instant::now();
        let answer = it
            .post("/par", &[("request", &token), ("client_id", &id)], None)
            .await
            .expect("an answer");
        refused(&format!("request object: {what}"), began, &answer);
        assert!(
            matches!(
                answer.get("error"),
                "invalid_request_object" | "invalid_request"
            ),
            "request object: {what}: {}",
            answer.text
        );
    }
    assert!(it.push_signed(&json!({})).await.expect("an answer").status == StatusCode::CREATED);

    // An ID token of ours is not to be had so: a hint, at the authorization endpoint and at the end of a session.
    let hint = json!({ "iss": bed.issuer, "aud": id, "sub": "alice", "iat": at, "exp": at + 60, "sid": Uuid::new_v4().to_string() });
    let plain = Checker::register(bed, json!({})).await.expect("registered");
    for (what, token) in forged(&it, &host, &ours, None, &hint) {
        if token.len() > 20_000 {
            continue;
        }
        let arrival = plain
            .person
            .open(plain.url(&[("id_token_hint", &token), ("prompt", "none")]))
            .await
            .expect("an answer");
        match arrival {
            Arrival::Elsewhere(back) => assert!(
                back.as_str().starts_with(BACK)
                    && back.as_str().contains("error=")
                    && !back.as_str().contains("code="),
                "hint: {what}: {back}"
            ),
            Arrival::Page(page) => assert!(page.status.is_client_error(), "hint: {what}: {page}"),
        }
        let mut url = bed.url("/end_session");
        url.query_pairs_mut().append_pair("id_token_hint", &token);
        let page = plain
            .person
            .open(url)
            .await
            .expect("an answer")
            .page()
            .expect("a page");
        assert!(page.status.is_client_error(), "logout hint: {what}: {page}");
    }

    // A proof (RFC 9449 §4.3).
    let proof = json!({ "htm": "POST", "htu": bed.url("/token").as_str(), "iat": at, "jti": Uuid::new_v4().to_string() });
    for (what, token) in forged(&it, &host, &ours, Some("dpop+jwt"), &proof) {
        // With its key in the header, as a proof has it, this one is what a proof looks like.
        if what == "jwk" || token.len() > 20_000 {
            continue;
        }
        let began = Instant::now();
        let answer = it
            .post(
                "/token",
                &[("grant_type", "refresh_token"), ("refresh_token", "r")],
                Some(&token),
            )
            .await
            .expect("an answer");
        refused(&format!("proof: {what}"), began, &answer);
        assert!(
            matches!(
                answer.get("error"),
                "invalid_dpop_proof" | "invalid_request"
            ),
            "proof: {what}: {}",
            answer.text
        );
    }
    assert!(
        host.heard("/attacker.json").is_empty(),
        "somebody's key was fetched"
    );
    assert!(!bed.log().contains("panicked"), "{}", bed.log());
}
