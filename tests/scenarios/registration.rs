//! Clients that register themselves and manage their registration (RFC 7591, RFC 7592), and what is refused.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    missing::Missing,
    need,
    scene::Scene,
    server::{Backend, Setup},
};

const OPEN: &str = "[registration]\nopen = true\n";

async fn scene(toml: &str) -> Result<Scene, Missing> {
    Scene::set(Setup {
        toml,
        ..Setup::plain(Backend::Embedded)
    })
    .await
}

async fn send(
    (method, url): (Method, &str),
    token: Option<&str>,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let mut request = Client::new().request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn usual() -> Value {
    json!({"redirect_uris": ["https://app.example/cb"], "client_name": "App"})
}

fn with(field: &str, value: Value) -> Value {
    let mut metadata = usual();
    metadata[field] = value;
    metadata
}

#[tokio::test]
async fn a_stranger_s_client_asks_nobody_on_their_devices_unless_that_is_allowed() {
    let metadata = with(
        "grant_types",
        json!(["urn:openid:params:grant-type:ciba", "authorization_code"]),
    );
    for (more, expected) in [
        ("", StatusCode::BAD_REQUEST),
        ("backchannel = true\n", StatusCode::CREATED),
    ] {
        let scene = need!(scene(&format!("{OPEN}{more}")).await);
        let endpoint = scene.server.url("/register");
        let (status, said) = send((Method::POST, endpoint.as_str()), None, Some(&metadata)).await;
        assert_eq!(status, expected, "{said}");
    }
}

#[tokio::test]
async fn a_client_registers_reads_changes_and_removes_itself() {
    let scene = need!(scene(OPEN).await);
    let discovery = scene.server.url("/.well-known/openid-configuration");
    let (_, discovery) = send((Method::GET, discovery.as_str()), None, None).await;
    let endpoint = discovery["registration_endpoint"]
        .as_str()
        .expect("an endpoint");
    let (status, made) = send((Method::POST, endpoint), None, Some(&usual())).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
    assert_eq!(made["client_secret_expires_at"], 0);
    assert_eq!(made["require_auth_time"], false);
    assert_eq!(made["grant_types"], json!(["authorization_code"]));
    assert!(made["client_id_issued_at"].is_i64() && secret.len() >= 43);

    // The secret authenticates: the token endpoint gets as far as the code.
    let token = scene.server.url("/token");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", "v"),
    ];
    let redeem = Client::new()
        .post(token)
        .basic_auth(&id, Some(&secret))
        .form(&form);
    let body: Value = redeem
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(body["error"], "invalid_grant");

    let (uri, first) = (
        text(&made, "registration_client_uri"),
        text(&made, "registration_access_token"),
    );
    let (status, read) = send((Method::GET, &uri), Some(&first), None).await;
    assert_eq!(
        (status, &read["client_name"]),
        (StatusCode::OK, &json!("App"))
    );
    for wrong in [None, Some("wrong"), Some(secret.as_str())] {
        let (status, _) = send((Method::GET, &uri), wrong, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    let (status, _) = send((Method::GET, &format!("{uri}x")), Some(&first), None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "another client's address");

    let mut change = with("client_name", json!("Renamed"));
    let (status, _) = send((Method::PUT, &uri), Some(&first), Some(&change)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "client_id is missing");
    change["client_id"] = json!(id);
    change["registration_access_token"] = json!(first);
    let (status, _) = send((Method::PUT, &uri), Some(&first), Some(&change)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the server's own field");
    change
        .as_object_mut()
        .expect("an object")
        .remove("registration_access_token");
    change["client_secret"] = json!("chosen");
    let (status, _) = send((Method::PUT, &uri), Some(&first), Some(&change)).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "a secret of its own choice"
    );
    change["client_secret"] = json!(secret);
    let (status, changed) = send((Method::PUT, &uri), Some(&first), Some(&change)).await;
    assert_eq!(
        (status, &changed["client_name"]),
        (StatusCode::OK, &json!("Renamed"))
    );
    let second = text(&changed, "registration_access_token");
    assert_eq!(first, second, "a lost answer locks nobody out");
    assert_eq!(
        text(&changed, "client_secret"),
        secret,
        "who shows it reads it"
    );

    let (status, _) = send((Method::DELETE, &uri), Some(&second), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = send((Method::GET, &uri), Some(&second), None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is gone");
    let log = scene.server.log();
    assert!(
        ![&secret, &first, &second]
            .into_iter()
            .any(|it| log.contains(it.as_str()))
    );
}

#[tokio::test]
async fn metadata_that_is_refused_has_the_registered_code() {
    let scene = need!(scene(OPEN).await);
    let url = scene.server.url("/register");
    let weak = json!({"keys": [{"kty": "RSA", "n": "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri", "e": "AQAB"}]});
    let (uri, other) = ("invalid_redirect_uri", "invalid_client_metadata");
    for (metadata, expected) in [
        (json!({}), uri),
        (json!({"redirect_uris": []}), uri),
        (json!({"redirect_uris": ["https://*.example/cb"]}), uri),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), uri),
        (json!({"redirect_uris": ["https://app.example/cb#f"]}), uri),
        (json!({"redirect_uris": ["http://app.example/cb"]}), uri),
        (json!({"redirect_uris": ["http://localhost/cb"]}), uri),
        (with("logo_uri", json!("javascript:alert(1)")), other),
        (
            with("post_logout_redirect_uris", json!(["data:text/html,x"])),
            other,
        ),
        (with("jwks", weak), other),
        (
            with("jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]})),
            other,
        ),
        (with("response_types", json!(["token"])), other),
        (with("grant_types", json!(["implicit"])), "fine"),
        (
            with("token_endpoint_auth_method", json!("private_key_jwt")),
            other,
        ),
        (with("id_token_signed_response_alg", json!("none")), other),
        (
            with("sector_identifier_uri", json!("https://127.0.0.1/sector")),
            other,
        ),
        (
            with("sector_identifier_uri", json!("https://169.254.169.254/")),
            other,
        ),
        (
            with(
                "software_statement",
                json!("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."),
            ),
            "invalid_software_statement",
        ),
    ] {
        let (status, body) = send((Method::POST, url.as_str()), None, Some(&metadata)).await;
        if expected == "fine" {
            assert_eq!(status, StatusCode::CREATED, "{metadata}: {body}");
            continue;
        }
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::BAD_REQUEST, &json!(expected)),
            "{metadata}: {body}"
        );
    }
    for (kind, body) in [
        ("text/plain", "{}".to_owned()),
        ("application/json", "[]".to_owned()),
        ("application/json", "{".to_owned()),
        (
            "application/json",
            format!("{}{}", "[".repeat(100_000), "]"),
        ),
        (
            "application/json",
            json!({"x": "y".repeat(100_000)}).to_string(),
        ),
        (
            "application/json",
            "{\"client_name\": \"\u{0}\"}".to_owned(),
        ),
    ] {
        let request = Client::new()
            .post(url.clone())
            .header("content-type", kind)
            .body(body);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["error"], other);
    }
}

/// Registrations that could never come to anything: each is refused, and beside each stands the one that is made.
#[tokio::test]
async fn a_client_that_could_never_work_is_not_registered() {
    let scene = need!(scene(OPEN).await);
    let url = scene.server.url("/register");
    let key = |more: Value| {
        let mut key = json!({
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            key[name] = value.clone();
        }
        json!({"keys": [key]})
    };
    let all = |fields: Value| {
        let mut metadata = usual();
        for (name, value) in fields.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        metadata
    };
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    for (never, mended) in [
        (
            json!({"require_signed_request_object": true}),
            json!({"jwks": key(json!({}))}),
        ),
        (
            json!({"require_signed_request_object": true, "request_object_signing_alg": "none"}),
            json!({"request_object_signing_alg": "HS256"}),
        ),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key(json!({"use": "enc"}))}),
            json!({"jwks": key(json!({"use": "sig"}))}),
        ),
        (
            json!({"request_object_signing_alg": "PS256", "jwks": key(json!({}))}),
            json!({"request_object_signing_alg": "ES256"}),
        ),
        (
            json!({"id_token_encrypted_response_alg": "RSA-OAEP", "jwks": key(json!({}))}),
            json!({"id_token_encrypted_response_alg": "ECDH-ES"}),
        ),
        (
            json!({"grant_types": []}),
            json!({"grant_types": ["client_credentials"]}),
        ),
        (
            json!({"response_types": [], "grant_types": ["authorization_code"]}),
            json!({"response_types": ["code"]}),
        ),
        (
            json!({"response_types": ["code token"], "grant_types": ["authorization_code", "implicit"], "dpop_bound_access_tokens": true}),
            json!({"response_types": ["code token", "code"]}),
        ),
        (
            json!({"grant_types": [exchange]}),
            json!({"grant_types": ["client_credentials"]}),
        ),
        (
            json!({"tls_client_certificate_bound_access_tokens": true}),
            json!({"tls_client_certificate_bound_access_tokens": false}),
        ),
        (
            json!({"tls_client_auth_subject_dn": "garbage"}),
            json!({"tls_client_auth_subject_dn": null}),
        ),
        (
            json!({"authorization_details_types": ["nonsense"]}),
            json!({"authorization_details_types": []}),
        ),
    ] {
        let (status, said) = send(
            (Method::POST, url.as_str()),
            None,
            Some(&all(never.clone())),
        )
        .await;
        let refused = (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata"));
        assert_eq!((status, &said["error"]), refused, "{never}: {said}");
        let mut metadata = all(never);
        for (name, value) in mended.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        let (status, said) = send((Method::POST, url.as_str()), None, Some(&metadata)).await;
        assert_eq!(status, StatusCode::CREATED, "{metadata}: {said}");
    }
}

#[tokio::test]
async fn a_closed_provider_takes_an_initial_access_token_as_often_as_it_allows() {
    let scene =
        need!(scene("[registration]\ninitial_access_tokens = [\"configured-token\"]\n").await);
    let url = scene.server.url("/register");
    let register = async |token: Option<&str>| {
        send((Method::POST, url.as_str()), token, Some(&usual()))
            .await
            .0
    };
    assert_eq!(register(None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(register(Some("wrong")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        register(Some("configured-token")).await,
        StatusCode::CREATED
    );
    for (first, second) in [("configured-token", "x"), ("x", "configured-token")] {
        let request = Client::new().post(url.clone()).json(&usual());
        let request = request.bearer_auth(first).bearer_auth(second);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["error"], "invalid_request", "two credentials");
    }
    let made = scene
        .server
        .whorl(&["client", "token", "partner", "--uses", "2"])
        .expect("runs");
    let token = String::from_utf8(made.stdout)
        .expect("text")
        .trim()
        .to_owned();
    // What is refused takes nothing off it.
    let bad = json!({"redirect_uris": ["https://app.example/cb#f"]});
    for _ in 0..3 {
        let (status, _) = send((Method::POST, url.as_str()), Some(&token), Some(&bad)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(register(Some(&token)).await, StatusCode::CREATED);
    // Of several at once, one takes the last use.
    let token = Some(token.as_str());
    let at_once = tokio::join!(
        register(token),
        register(token),
        register(token),
        register(token)
    );
    let at_once = [at_once.0, at_once.1, at_once.2, at_once.3];
    let made = at_once.iter().filter(|it| **it == StatusCode::CREATED);
    assert_eq!(made.count(), 1, "{at_once:?}");
    assert_eq!(
        register(token).await,
        StatusCode::UNAUTHORIZED,
        "it is used up"
    );
}
