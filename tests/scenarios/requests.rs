//! Authorization requests that an attacker would send: each ends where it must, and never in a redirect to elsewhere.

use reqwest::StatusCode;
use tests::{on_both_backends, person::Person, relying_party::Ask, scene::Scene};
use url::Url;

/// The scene's authorization request with one parameter changed; `None` takes it away.
fn changed(scene: &Scene, name: &str, value: Option<&str>) -> Url {
    let mut url = scene.app.begin(Ask::default()).url;
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(n, _)| n != name)
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(value.map(|value| (name, value)));
    url
}

async fn stays_on_a_page(url: &Url, what: &str) {
    let page = Person::new().open_once(url).await.expect("an answer");
    assert!(page.status.is_client_error(), "{what}: {page}");
    assert_eq!(page.header("location"), "", "{what}: {page}");
}

/// The `error` that the application is told.
async fn told(url: &Url, what: &str) -> String {
    let arrival = Person::new().open(url).await.expect("an answer");
    let back = arrival
        .elsewhere()
        .unwrap_or_else(|e| panic!("{what}: {e}"));
    // A refusal travels as the answer would have: in the fragment where that would have held a token.
    let whole = back.as_str().replacen('#', "?", 1);
    assert!(
        whole.starts_with("http://localhost:1/callback?"),
        "{what}: {back}"
    );
    let whole = Url::parse(&whole).expect("a URL");
    let value = |name: &str| {
        whole
            .query_pairs()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.into_owned())
    };
    assert!(value("iss").is_some(), "{what}: no iss (RFC 9207): {back}");
    assert!(value("code").is_none(), "{what}: {back}");
    value("error").unwrap_or_default()
}

on_both_backends! {
    async fn the_answer_is_about_whom_the_claims_name(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let login = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        let own = login.claims.subject().as_str();
        let ask = async |claims: String| {
            let extra = [("prompt", "none"), ("claims", claims.as_str())];
            let begun = scene.app.begin(Ask { extra: &extra, ..Ask::default() });
            let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("sent back");
            let (_, error) = back.query_pairs().find(|(name, _)| name == "error").unwrap_or_default();
            error.into_owned()
        };
        for (sub, error) in [
            (format!(r#"{{"value": "{own}"}}"#), ""),
            (format!(r#"{{"values": ["another", "{own}"]}}"#), ""),
            (r#"{"values": ["another", "a third"]}"#.to_owned(), "login_required"),
            (format!(r#"{{"values": ["{own}", 7]}}"#), "invalid_request"),
            (r#"{"value": 7}"#.to_owned(), "invalid_request"),
        ] {
            for section in ["id_token", "userinfo"] {
                let claims = format!(r#"{{"{section}": {{"sub": {sub}}}}}"#);
                assert_eq!(ask(claims.clone()).await, error, "{claims}");
            }
        }
        let torn = format!(r#"{{"id_token": {{"sub": {{"value": "{own}"}}}}, "userinfo": {{"sub": {{"value": "another"}}}}}}"#);
        assert_eq!(ask(torn).await, "login_required");
    }

    async fn what_is_posted_is_a_form_by_its_type(scene: Scene) {
        let begun = scene.app.begin(Ask::default());
        let query = begun.url.query().expect("a query").to_owned();
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = builder.build().expect("a client");
        for (path, body) in [("/authorize", query.as_str()), ("/end_session", "state=x")] {
            for (kind, fine) in [("application/x-www-form-urlencoded;charset=UTF-8", true), ("text/plain", false), ("application/json", false), ("", false)] {
                let mut request = http.post(scene.server.url(path)).body(body.to_owned());
                if !kind.is_empty() {
                    request = request.header("content-type", kind);
                }
                let status = request.send().await.expect("an answer").status();
                assert_eq!(status != StatusCode::BAD_REQUEST, fine, "{path} {kind}: {status}");
            }
        }
    }

    async fn a_redirect_uri_is_compared_character_by_character(scene: Scene) {
        for uri in [
            "http://localhost:1/callback/",
            "http://localhost:1/callback?x=1",
            "http://localhost:1/callback#f",
            "http://localhost:1/Callback",
            "http://localhost:1/callback/../callback",
            "http://localhost:1/./callback",
            "http://localhost:1/callback%20",
            "http://localhost:1//callback",
            "http://LOCALHOST:1/callback",
            "http://localhost:2/callback",
            "http://localhost/callback",
            "https://localhost:1/callback",
            "http://localhost:1@evil.example/callback",
            "http://evil.example/?http://localhost:1/callback",
            "http://localhost.evil.example:1/callback",
            "javascript:alert(1)",
            "",
        ] {
            stays_on_a_page(&changed(&scene, "redirect_uri", Some(uri)), uri).await;
        }
        stays_on_a_page(&changed(&scene, "redirect_uri", None), "no redirect_uri").await;
    }

    async fn an_error_is_no_open_redirect(scene: Scene) {
        stays_on_a_page(&changed(&scene, "client_id", Some("nobody")), "an unknown client").await;
        stays_on_a_page(&changed(&scene, "client_id", None), "no client").await;
        for (name, value) in [("response_type", "nonsense"), ("scope", ""), ("prompt", "none login")] {
            let mut url = changed(&scene, "redirect_uri", Some("http://evil.example/"));
            url.query_pairs_mut().append_pair(name, value);
            stays_on_a_page(&url, name).await;
        }
        let mut url = scene.app.begin(Ask::default()).url;
        url.query_pairs_mut().append_pair("redirect_uri", "http://evil.example/");
        stays_on_a_page(&url, "two redirect URIs").await;
    }

    async fn a_malformed_request_is_told_to_the_application(scene: Scene) {
        for (name, value, error) in [
            ("response_type", Some("token"), "unsupported_response_type"),
            ("response_type", None, "invalid_request"),
            ("scope", Some("unheard-of"), "invalid_scope"),
            ("code_challenge", None, "invalid_request"),
            ("code_challenge", Some("short"), "invalid_request"),
            ("code_challenge_method", Some("plain"), "invalid_request"),
            ("code_challenge_method", None, "invalid_request"),
            ("prompt", Some("none login"), "invalid_request"),
            ("max_age", Some("-1"), "invalid_request"),
            ("request", Some("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"), "invalid_request_object"),
            ("request_uri", Some("http://127.0.0.1:9/r"), "invalid_request_uri"),
            ("registration", Some("{}"), "registration_not_supported"),
        ] {
            let url = changed(&scene, name, value);
            let got = told(&url, name).await;
            assert_eq!(got, error, "{name}={value:?}");
        }
        let mut url = scene.app.begin(Ask::default()).url;
        url.query_pairs_mut().append_pair("nonce", "again");
        assert_eq!(told(&url, "a repeated parameter").await, "invalid_request");
    }

    async fn a_forged_hint_signs_nobody_in(scene: Scene) {
        // {"alg":"none"}.{"iss":...}: whatever it says, nobody signed it.
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";
        let hs256 = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
        for hint in [none, hs256, "nonsense"] {
            let error = told(&changed(&scene, "id_token_hint", Some(hint)), hint).await;
            assert_eq!(error, "invalid_request", "{hint}");
        }
    }

    async fn markup_in_a_request_stays_text(scene: Scene) {
        let markup = "\"><script>alert(1)</script>";
        for name in ["state", "login_hint", "scope", "client_id", "redirect_uri", "nonce", "ui_locales", "display"] {
            let url = changed(&scene, name, Some(markup));
            let page = match Person::new().open(&url).await.expect("an answer") {
                tests::person::Arrival::Page(page) => page,
                tests::person::Arrival::Elsewhere(_) => continue,
            };
            assert!(!page.body.contains("<script>alert"), "{name}: {}", page.body);
        }
        // The answer as a form is a page too, and takes the state with it.
        let mut url = changed(&scene, "state", Some(markup));
        url.query_pairs_mut().append_pair("response_mode", "form_post").append_pair("prompt", "none");
        let page = Person::new().open(&url).await.expect("an answer").page().expect("a page");
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        assert_eq!(page.form_with("state").expect("a form").value("state"), Some(markup));
    }

    async fn the_issuer_is_fixed_whatever_host_is_asked(scene: Scene) {
        let http = reqwest::Client::new();
        for path in ["/.well-known/openid-configuration", "/authorize?client_id=x", "/", "/enrol/x"] {
            let request = http.get(scene.server.url(path)).header("host", "evil.example").header("x-forwarded-host", "evil.example");
            let response = request.send().await.expect("an answer");
            let location = format!("{:?}", response.headers().get("location"));
            let body = response.text().await.expect("a body");
            assert!(!body.contains("evil.example") && !location.contains("evil.example"), "{path}: {body}");
        }
    }

    async fn oversized_and_malformed_input_is_refused_and_nothing_breaks(scene: Scene) {
        let http = reqwest::Client::new();
        let long = "x".repeat(2_000_000);
        let bodies: [(&str, &str, Vec<u8>); 6] = [
            ("/token", "application/x-www-form-urlencoded", format!("grant_type={long}").into_bytes()),
            ("/token", "application/x-www-form-urlencoded", b"grant_type=%00&code=%ff".to_vec()),
            ("/token", "application/json", br#"{"grant_type":"authorization_code"}"#.to_vec()),
            ("/revoke", "application/x-www-form-urlencoded", b"token=%zz".to_vec()),
            ("/authorize", "application/x-www-form-urlencoded", vec![0xff; 100_000]),
            ("/enrol/begin", "application/x-www-form-urlencoded", format!("token={long}").into_bytes()),
        ];
        for (path, kind, body) in bodies {
            let request = http.post(scene.server.url(path)).header("content-type", kind).body(body);
            // A server may also close the connection on a body that it will not read.
            let Ok(response) = request.send().await else { continue };
            assert!(response.status().is_client_error(), "{path} {kind}: {}", response.status());
        }
        for path in ["/login/not-an-id", "/login/00000000-0000-0000-0000-000000000000", "/assets/..%2f..%2fCargo.toml", "/nowhere"] {
            let response = http.get(scene.server.url(path)).send().await.expect("an answer");
            assert!(response.status().is_client_error(), "{path}: {}", response.status());
        }
        let mut url = scene.server.url("/authorize");
        url.query_pairs_mut().append_pair("client_id", &long[..60_000]);
        let status = http.get(url).send().await.map_or(StatusCode::URI_TOO_LONG, |r| r.status());
        assert!(status.is_client_error(), "{status}");
        assert_eq!(http.get(scene.server.url("/healthz")).send().await.expect("alive").status(), StatusCode::OK);
    }
}
