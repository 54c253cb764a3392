//! Clients that show who they are by a signed assertion (RFC 7523), and every assertion that is refused.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    jose::Jose,
    missing::Missing,
    need,
    scene::Scene,
    server::{Backend, Server, Setup},
};

/// A server, and a client that has a key of its own.
pub struct Ground {
    pub scene: Scene,
    jose: Jose,
    key: Value,
    pub id: String,
}

impl Ground {
    /// A server with a client that registered this metadata and a key of its own.
    async fn new(metadata: Value) -> Result<Self, Missing> {
        Self::at(Backend::Embedded, metadata).await
    }

    pub async fn at(backend: Backend, metadata: Value) -> Result<Self, Missing> {
        let scene = Scene::set(Setup {
            toml: "[registration]\nopen = true\n",
            ..Setup::plain(backend)
        })
        .await?;
        let jose = Jose::here()?;
        let key = jose.key("P-256", json!({})).expect("a key");
        let public = jose.public(&key).expect("its public part");
        let mut fields = json!({"redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}});
        for (name, value) in metadata.as_object().expect("an object") {
            fields[name] = value.clone();
        }
        let url = scene.server.url("/register");
        let made = Client::new()
            .post(url)
            .json(&fields)
            .send()
            .await
            .expect("an answer");
        assert_eq!(made.status(), StatusCode::CREATED);
        let made: Value = made.json().await.expect("JSON");
        assert_eq!(
            made.get("client_secret"),
            None,
            "it has no use for a secret"
        );
        let id = made["client_id"]
            .as_str()
            .expect("an identifier")
            .to_owned();
        Ok(Self {
            scene,
            jose,
            key,
            id,
        })
    }

    pub fn claims(&self) -> Value {
        let at = unix_now();
        json!({"iss": self.id, "sub": self.id, "aud": self.scene.server.issuer, "iat": at,
            "exp": at + 60, "jti": uuid::Uuid::new_v4().to_string()})
    }

    pub fn sign(&self, header: Value, claims: &Value) -> String {
        self.jose
            .sign(header, claims, &self.key)
            .expect("a signature")
    }

    /// The error of a code redemption under this assertion; `invalid_grant` says that the client was let in.
    async fn redeem(&self, assertion: &str, more: &[(&str, &str)]) -> (StatusCode, String) {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", "c"),
            ("redirect_uri", "https://app.example/cb"),
            ("code_verifier", "v"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ];
        form.extend_from_slice(more);
        let request = Client::new()
            .post(self.scene.server.url("/token"))
            .form(&form);
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let body: Value = response.json().await.expect("JSON");
        (
            status,
            body["error"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

// What a client signs carries the time of the machine, which is what the server compares it with.
#[allow(clippy::disallowed_methods)]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

pub fn es256() -> Value {
    json!({"alg": "ES256"})
}

#[tokio::test]
async fn an_assertion_lets_its_client_in_once() {
    let ground = need!(Ground::new(json!({})).await);
    let assertion = ground.sign(es256(), &ground.claims());
    assert_eq!(ground.redeem(&assertion, &[]).await.1, "invalid_grant");
    let (status, error) = ground.redeem(&assertion, &[]).await;
    assert_eq!(
        (status.as_u16(), error.as_str()),
        (401, "invalid_client"),
        "a replay"
    );
    let one = ground.sign(es256(), &ground.claims());
    let many: Vec<_> = (0..20).map(|_| ground.redeem(&one, &[])).collect();
    let mut winners = 0;
    for (_, error) in futures(many).await {
        winners += usize::from(error == "invalid_grant");
    }
    assert_eq!(winners, 1, "twenty at once");
}

async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    use std::task::Poll;
    let mut running: Vec<_> = all.into_iter().map(|it| (Box::pin(it), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(it) => *output = Some(it),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[tokio::test]
async fn an_assertion_that_says_anything_else_is_refused() {
    let ground = need!(Ground::new(json!({})).await);
    let at = unix_now();
    let token = ground.scene.server.url("/token").to_string();
    for (name, value, is_fine) in [
        ("aud", json!(token), true),
        ("aud", json!([ground.scene.server.issuer, token]), true),
        ("nbf", json!(at + 8), true),
        ("aud", json!("https://other.example"), false),
        (
            "aud",
            json!([ground.scene.server.issuer, "https://other.example"]),
            false,
        ),
        ("iss", json!("other"), false),
        ("exp", json!(at - 60), false),
        ("exp", json!(at + 90_000), false),
        ("nbf", json!(at + 61), false),
        ("iat", json!(at + 61), false),
        ("jti", Value::Null, false),
    ] {
        let mut claims = ground.claims();
        claims[name] = value.clone();
        let (_, error) = ground.redeem(&ground.sign(es256(), &claims), &[]).await;
        let expected = if is_fine {
            "invalid_grant"
        } else {
            "invalid_client"
        };
        assert_eq!(error, expected, "{name} {value}");
    }
    for header in [
        json!({"alg": "ES256", "typ": "at+jwt"}),
        json!({"alg": "ES256", "jku": "https://evil.example/jwks"}),
        json!({"alg": "ES256", "x5u": "https://evil.example/x5u"}),
        json!({"alg": "ES256", "kid": "unknown"}),
    ] {
        let assertion = ground.sign(header.clone(), &ground.claims());
        // A key without a name answers to every name.
        let expected = match header.get("kid") {
            Some(_) => vec!["invalid_client", "invalid_grant"],
            None => vec!["invalid_client"],
        };
        let (_, error) = ground.redeem(&assertion, &[]).await;
        assert!(expected.contains(&error.as_str()), "{header}: {error}");
    }
    let foreign = ground.jose.key("P-256", json!({})).expect("a key");
    let foreign = ground
        .jose
        .sign(es256(), &ground.claims(), &foreign)
        .expect("a signature");
    assert_eq!(ground.redeem(&foreign, &[]).await.1, "invalid_client");
    let good = || ground.sign(es256(), &ground.claims());
    assert_eq!(
        ground.redeem(&good(), &[("client_id", "other")]).await.1,
        "invalid_request"
    );
    assert_eq!(
        ground.redeem(&good(), &[("client_secret", "x")]).await.1,
        "invalid_request"
    );
    assert_eq!(
        ground.redeem(&good(), &[("client_id", &ground.id)]).await.1,
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_fapi_client_names_the_issuer_alone() {
    let ground = need!(
        Ground::new(
            json!({"require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true})
        )
        .await
    );
    let token = ground.scene.server.url("/token").to_string();
    let issuer = ground.scene.server.issuer.clone();
    for (aud, expected) in [
        (json!(issuer), "invalid_grant"),
        (json!([issuer]), "invalid_client"),
        (json!(token), "invalid_client"),
    ] {
        let mut claims = ground.claims();
        claims["aud"] = aud.clone();
        let (_, error) = ground.redeem(&ground.sign(es256(), &claims), &[]).await;
        assert_eq!(error, expected, "{aud}");
    }
}

#[tokio::test]
async fn a_refusal_stands_in_the_log_with_its_code_its_reason_and_its_client() {
    let setup = Setup {
        toml: "[[client]]\nid = \"shop\"\nsecret = \"a secret of the shop\"\n\
               redirect_uris = [\"https://shop.example/cb\"]\n",
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let http = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let form = [("grant_type", "client_credentials")];
    let token = http.post(server.url("/token")).form(&form);
    let token = token.basic_auth("shop", Some("nearly a secret of the shop"));
    let answer = token.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let asks = "/authorize?client_id=shop&response_type=code&redirect_uri=https://evil.example/cb";
    let answer = http.get(server.url(asks)).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let asks = "/authorize?client_id=shop&response_type=odd&redirect_uri=https://shop.example/cb";
    let answer = http.get(server.url(asks)).send().await.expect("an answer");
    assert!(answer.status().is_redirection(), "{}", answer.status());

    let log = server.log();
    let answered = |route: &str, status: &str| {
        let route = format!("route={route} ");
        let line = log.lines().find(|line| {
            line.contains("request_answered") && line.contains(&route) && line.contains(status)
        });
        line.unwrap_or_else(|| panic!("no {route}{status} in\n{log}"))
    };
    for (line, code, reason) in [
        (answered("/token", "status=401"), "invalid_client", "secret"),
        (
            answered("/authorize", "status=400"),
            "invalid_request",
            "the redirect URI is not registered",
        ),
        (
            answered("/authorize", "status=303"),
            "unsupported_response_type",
            "response",
        ),
    ] {
        assert!(line.contains(&format!("code=\"{code}\"")), "{line}");
        let said = line.split("reason=").nth(1).unwrap_or_default();
        assert!(said.contains(reason), "{line}");
        assert!(line.contains("client=\"shop\""), "{line}");
    }
    assert!(!log.contains("nearly a secret") && !log.contains("evil.example"));
}
