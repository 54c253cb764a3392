//! How applications authenticate, and where tokens may and may not travel.

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tests::{on_both_backends, person::Person, relying_party::Ask};
use wire::ClientKind;

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value, String) {
    let response = request.send().await.expect("an answer");
    let challenge = response
        .headers()
        .get("www-authenticate")
        .map(|v| format!("{v:?}"))
        .unwrap_or_default();
    let (status, text) = (response.status(), response.text().await.expect("a body"));
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
        challenge,
    )
}

on_both_backends! {
    async fn a_wrong_missing_or_doubled_authentication_is_refused(scene: Scene) {
        let public = scene.register(ClientKind::Public).await.expect("a public client");
        let (http, url) = (Client::new(), scene.server.url("/token"));
        let (id, secret) = (scene.app.client_id.as_str(), scene.app.secret.clone().expect("a secret"));
        let grant = [("grant_type", "authorization_code"), ("code", "c"), ("redirect_uri", "http://localhost:1/callback"), ("code_verifier", "v")];
        let with = |more: &[(&'static str, String)]| {
            let mut form: Vec<(&str, String)> = grant.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            form.extend_from_slice(more);
            form
        };
        let own = |name: &'static str, value: &str| (name, value.to_owned());
        let requests = [
            ("a wrong secret", http.post(url.clone()).basic_auth(id, Some("wrong")).form(&with(&[]))),
            ("no authentication", http.post(url.clone()).form(&with(&[]))),
            ("downgraded to none", http.post(url.clone()).form(&with(&[own("client_id", id)]))),
            ("an unknown client", http.post(url.clone()).basic_auth("nobody", Some("x")).form(&with(&[]))),
            ("a public client with a secret", http.post(url.clone()).basic_auth(&public.client_id, Some("x")).form(&with(&[]))),
            ("two credentials", http.post(url.clone()).basic_auth(id, Some(&secret)).header("authorization", "Basic eDp4").form(&with(&[]))),
            ("two ways at once", http.post(url.clone()).basic_auth(id, Some(&secret)).form(&with(&[own("client_id", id), own("client_secret", &secret)]))),
        ];
        for (what, request) in requests {
            let (status, body, challenge) = answer(request).await;
            let code = body["error"].as_str().unwrap_or_default();
            match what {
                "two credentials" => assert_eq!(code, "invalid_request", "{what}: {status} {body}"),
                "two ways at once" => assert!(matches!(code, "invalid_request" | "invalid_client"), "{what}: {status} {body}"),
                "no authentication" => assert!(matches!(code, "invalid_request" | "invalid_client"), "{what}: {status} {body}"),
                _ => assert_eq!(code, "invalid_client", "{what}: {status} {body}"),
            }
            assert!(matches!(status.as_u16(), 400 | 401), "{what}: {status}");
            if what == "a wrong secret" {
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}");
                assert!(challenge.contains("Basic"), "{what}: {challenge}");
            }
        }
        // The right secret gets as far as the code.
        let (_, body, _) = answer(http.post(url).basic_auth(id, Some(&secret)).form(&with(&[]))).await;
        assert_eq!(body["error"], "invalid_grant");
    }

    async fn the_token_endpoint_takes_posted_forms_only(scene: Scene) {
        let url = scene.server.url("/token");
        let (status, _, _) = answer(Client::new().get(url.clone())).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        let mut with_query = url;
        with_query.query_pairs_mut().append_pair("grant_type", "authorization_code");
        let request = Client::new().post(with_query).basic_auth(&scene.app.client_id, scene.app.secret.as_ref());
        let (status, body, _) = answer(request).await;
        assert!(status.is_client_error(), "{status} {body}");
    }

    async fn an_access_token_in_the_query_is_refused(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let login = scene.sign_in(&Person::new(), &mut subject, Ask::default()).await.expect("signed in");
        let mut url = scene.server.url("/userinfo");
        url.query_pairs_mut().append_pair("access_token", &login.access_token);
        let (status, body, _) = answer(Client::new().get(url)).await;
        assert!(status.is_client_error() && body.get("sub").is_none(), "{status} {body}");

        for token in ["", "nonsense", "eyJhbGciOiJub25lIn0.e30."] {
            let request = Client::new().get(scene.server.url("/userinfo")).bearer_auth(token);
            let (status, _, challenge) = answer(request).await;
            assert!(matches!(status.as_u16(), 400 | 401), "{token}: {status}");
            assert!(challenge.contains("Bearer"), "{token}: {challenge}");
        }
        let userinfo = || Client::new().post(scene.server.url("/userinfo"));
        let body = format!("access_token={}", login.access_token);
        let form = userinfo().header("content-type", "application/x-www-form-urlencoded").body(body.clone());
        assert_eq!(answer(form).await.0, StatusCode::OK, "RFC 6750 §2.2");
        let no_form = userinfo().header("content-type", "text/plain").body(body);
        let doubled = userinfo().bearer_auth(&login.access_token).bearer_auth("x");
        for (what, request) in [("no form", no_form), ("two credentials", doubled)] {
            let (status, body, _) = answer(request).await;
            assert_eq!((status, body.get("sub")), (StatusCode::BAD_REQUEST, None), "{what}");
        }
        // An ID token is no access token.
        let request = Client::new().get(scene.server.url("/userinfo")).bearer_auth(&login.id_token);
        assert_eq!(answer(request).await.0, StatusCode::UNAUTHORIZED);
    }

    async fn other_origins_read_what_is_public_and_nothing_else(scene: Scene) {
        for (path, public) in [
            ("/.well-known/openid-configuration", true),
            ("/jwks", true),
            ("/", false),
            ("/enrol", false),
            ("/admin/v1/whoami", false),
        ] {
            let request = Client::new().get(scene.server.url(path)).header("origin", "https://evil.example");
            let response = request.send().await.expect("an answer");
            let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap_or_default().to_owned());
            assert_eq!(header("access-control-allow-credentials"), None, "{path}");
            let allowed = header("access-control-allow-origin");
            assert_eq!(allowed.as_deref(), public.then_some("*"), "{path}");
        }
    }

    async fn the_origin_of_a_public_client_reads_what_it_is_answered(scene: Scene) {
        let public = scene.register(ClientKind::Public).await.expect("a public client");
        let (own, evil) = ("http://localhost:1", "https://evil.example");
        let (public, confidential) = (public.client_id.as_str(), scene.app.client_id.as_str());
        for path in ["/token", "/revoke", "/par"] {
            for (client, origin, may_read) in [
                (public, own, true),
                (public, evil, false),
                (public, "null", false),
                (confidential, own, false),
                ("nobody", own, false),
            ] {
                let form = [("client_id", client), ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
                let request = Client::new().post(scene.server.url(path)).header("origin", origin).form(&form);
                let response = request.send().await.expect("an answer");
                let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap_or_default());
                assert_eq!(header("access-control-allow-origin"), may_read.then_some(own), "{path} {client} {origin}");
                assert_eq!(header("access-control-allow-credentials"), None, "{path}");
                assert_eq!(header("vary"), Some("Origin"), "{path}");
                assert_eq!(header("access-control-expose-headers").is_some_and(|it| it.contains("DPoP-Nonce")), may_read);
            }
        }
        for (path, asked) in [("/token", true), ("/revoke", true), ("/par", true), ("/userinfo", true), ("/jwks", true), ("/introspect", false), ("/authorize", false), ("/register", false)] {
            let request = Client::new().request(reqwest::Method::OPTIONS, scene.server.url(path)).header("origin", own);
            let request = request.header("access-control-request-method", "POST").header("access-control-request-headers", "dpop");
            let response = request.send().await.expect("an answer");
            let headers = response.headers();
            assert_eq!(response.status() == StatusCode::NO_CONTENT, asked, "{path}");
            assert_eq!(headers.contains_key("access-control-allow-origin"), asked, "{path}");
            assert!(!headers.contains_key("access-control-allow-credentials"), "{path}");
        }
        // A script that has a token may use it, wherever it comes from; and read why not.
        let response = Client::new().get(scene.server.url("/userinfo")).bearer_auth("x").header("origin", evil).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }

    async fn discovery_says_what_is_true(scene: Scene) {
        let (status, document, _) = answer(Client::new().get(scene.server.url("/.well-known/openid-configuration"))).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(document["issuer"], Value::from(scene.server.issuer.as_str()));
        assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        let algorithms = document["id_token_signing_alg_values_supported"].as_array().expect("algorithms");
        assert!(algorithms.contains(&"RS256".into()) && !algorithms.contains(&"none".into()), "{algorithms:?}");
        let (_, keys, _) = answer(Client::new().get(scene.server.url("/jwks"))).await;
        let keys = keys["keys"].as_array().expect("keys");
        // An HMAC's key is the client's secret (OIDC Core §10.1), which is published nowhere.
        for algorithm in algorithms.iter().filter(|it| !it.as_str().is_some_and(|it| it.starts_with("HS"))) {
            assert!(keys.iter().any(|key| key["alg"] == *algorithm), "no key for {algorithm}: {keys:?}");
        }
        for key in keys {
            assert!(key.get("d").is_none() && key.get("k").is_none(), "a private key is published");
            assert!(key["kid"].is_string() && (key["use"] == "sig" || key["use"] == "enc"), "{key}");
        }
    }
}
