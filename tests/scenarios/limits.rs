//! A client may ask for as many tokens as it needs, and guess a few times only; who may read the metrics.

use reqwest::StatusCode;
use tests::{
    keeper::free_port,
    machine::Machine,
    need,
    server::{Backend, Server, Setup},
};

const CONFIG: &str = r#"
trusted_proxies = ["127.0.0.1/32"]
[limits]
guesses_per_minute = 5
[[client]]
id = "job"
secret = "a secret of job"
grant_types = ["client_credentials"]
scopes = ["openid"]
redirect_uris = ["https://job.example/cb"]
"#;

#[tokio::test]
async fn right_calls_are_not_limited_and_wrong_ones_are() {
    let setup = Setup {
        toml: CONFIG,
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let right = Machine::new(&server, "job", Some("a secret of job"));
    let wrong = Machine::new(&server, "job", Some("another secret"));
    let ask = async |machine: &Machine, from: &str| {
        let form = [("grant_type", "client_credentials")];
        let headers = [("x-forwarded-for", from)];
        let answer = machine.post("/token", &form, &headers).await;
        answer.expect("an answer")
    };
    for _ in 0..30 {
        assert_eq!(ask(&right, "203.0.113.7").await.status, 200);
    }
    // One more than are allowed: it is the one that tells that they were too many.
    for _ in 0..6 {
        assert_eq!(ask(&wrong, "203.0.113.7").await.status, 401);
    }
    let refused = ask(&wrong, "203.0.113.7").await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(
        ask(&right, "203.0.113.7").await.status,
        429,
        "the same address"
    );
    assert_eq!(ask(&right, "203.0.113.8").await.status, 200, "another one");
}

#[tokio::test]
async fn logins_are_not_begun_without_end_from_one_address() {
    let setup = Setup {
        toml: "trusted_proxies = [\"127.0.0.1/32\"]\n[limits]\nlogins_per_minute = 5\n\
               [[client]]\nid = \"app\"\nredirect_uris = [\"https://app.example/cb\"]\n",
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let begin = async |from: &str| {
        let query = "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&scope=openid\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
        let request = http.get(server.url(&format!("/authorize?{query}")));
        let answer = request.header("x-forwarded-for", from).send().await;
        answer.expect("an answer").status()
    };
    for _ in 0..5 {
        assert_eq!(begin("203.0.113.7").await, StatusCode::SEE_OTHER);
    }
    assert_eq!(begin("203.0.113.7:9").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(begin("203.0.113.8").await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let port = free_port().expect("a port");
    for (allow, status) in [
        ("127.0.0.0/8", StatusCode::OK),
        ("192.0.2.0/24", StatusCode::NOT_FOUND),
    ] {
        let toml = format!("[metrics]\nlisten = \"127.0.0.1:{port}\"\nallow = [\"{allow}\"]\n");
        let setup = Setup {
            toml: &toml,
            ..Setup::plain(Backend::Embedded)
        };
        let server = need!(Server::start(setup).await);
        let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let metrics = reqwest::get(at("/metrics")).await.expect("an answer");
        assert_eq!(metrics.status(), status);
        let text = metrics.text().await.expect("text");
        assert_eq!(text.contains("idp_"), status == StatusCode::OK, "{text}");
        for elsewhere in [
            server.url("/metrics").to_string(),
            at("/healthz"),
            at("/jwks"),
        ] {
            let answer = reqwest::get(&elsewhere).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{elsewhere}");
        }
    }
}
