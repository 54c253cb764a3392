//! What cannot be read or is not there: each refusal says which field, and nothing is done.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{ProblemCode, paths};

use super::access::routes;
use super::host::{Host, Reply};

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_a_problem_too() {
    let host = Host::new().await;
    for path in [
        "/admin/v1",
        "/admin/v1/",
        "/admin/v1/nothing",
        "/admin/v1/subjects/",
    ] {
        let reply = host.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.problem().code, ProblemCode::NotFound, "{path}");
    }
    let reply = host.delete(paths::SUBJECTS).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    let allowed = reply.headers[header::ALLOW]
        .to_str()
        .expect("is text")
        .to_owned();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    assert_eq!(reply.problem().code, ProblemCode::InvalidRequest);
}

#[tokio::test]
async fn what_does_not_parse_is_refused_by_name() {
    let host = Host::new().await;
    let subjects = paths::SUBJECTS;
    let ada = |name: &str, value: Value| {
        let mut body = json!({"username": "ada", "display_name": "Ada"});
        body[name] = value;
        Some(body)
    };
    let client = |name: &str, value: Value| {
        let mut body = json!({
            "name": "App", "kind": "confidential", "redirect_uris": ["https://a.example/cb"],
        });
        body[name] = value;
        Some(body)
    };
    let operators = paths::OPERATORS;
    let tokens = "/admin/v1/operators/root/tokens";
    let table: Vec<(Method, String, Option<Value>, &str)> = vec![
        (Method::GET, format!("{subjects}?limit=many"), None, ""),
        (Method::GET, format!("{subjects}?limit=0"), None, "limit"),
        (Method::GET, format!("{subjects}?limit=-1"), None, ""),
        (Method::GET, format!("{subjects}?after=*"), None, "after"),
        (Method::GET, format!("{subjects}?after=AA"), None, "after"),
        (
            Method::GET,
            format!("{subjects}?search=a%00b"),
            None,
            "search",
        ),
        (Method::GET, format!("{}?after=x", paths::AUDIT), None, ""),
        (
            Method::GET,
            format!("{}?after=1&before=2", paths::AUDIT),
            None,
            "after",
        ),
        (
            Method::GET,
            format!("{}?kind=a%00", paths::AUDIT),
            None,
            "kind",
        ),
        (
            Method::GET,
            format!("{}?subject=ada", paths::AUDIT),
            None,
            "",
        ),
        (
            Method::GET,
            format!("{}?limit=0", paths::AUDIT),
            None,
            "limit",
        ),
        (Method::POST, subjects.into(), None, ""),
        (Method::POST, subjects.into(), Some(json!([])), ""),
        (
            Method::POST,
            subjects.into(),
            Some(json!({"username": "ada"})),
            "",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("username", json!(" ")),
            "username",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("username", json!("a\u{0}")),
            "username",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("username", json!("x".repeat(129))),
            "username",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("display_name", json!("")),
            "display_name",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("email", json!("ada")),
            "email",
        ),
        (
            Method::POST,
            subjects.into(),
            ada("email", json!("a b@c")),
            "email",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("kind", json!("other")),
            "",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("name", json!("")),
            "name",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("redirect_uris", json!([])),
            "redirect_uris",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("redirect_uris", json!(["http://a.example/cb"])),
            "redirect_uris",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("post_logout_redirect_uris", json!(["/x"])),
            "post_logout_redirect_uris",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("scopes", json!(["em\"ail"])),
            "scopes",
        ),
        (
            Method::POST,
            paths::CLIENTS.into(),
            client("scopes", json!(["op\"en"])),
            "scopes",
        ),
        (
            Method::POST,
            operators.into(),
            Some(json!({"name": "a b", "role": "viewer"})),
            "name",
        ),
        (
            Method::POST,
            operators.into(),
            Some(json!({"name": "", "role": "viewer"})),
            "name",
        ),
        (
            Method::POST,
            operators.into(),
            Some(json!({"name": "eve", "role": "god"})),
            "",
        ),
        (
            Method::POST,
            tokens.into(),
            Some(json!({"lifetime_s": 0})),
            "lifetime_s",
        ),
        (
            Method::POST,
            tokens.into(),
            Some(json!({"lifetime_s": -5})),
            "",
        ),
    ];
    for (method, path, body, field) in table {
        let case = format!("{method} {path} {body:?}");
        let reply = host.ask(&host.owner, method, &path, body).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{case}: {}",
            reply.body
        );
        let problem = reply.problem();
        assert_eq!(problem.code, ProblemCode::InvalidRequest, "{case}");
        assert!(problem.detail.is_some(), "{case}");
        let fields: Vec<_> = problem.fields.keys().map(String::as_str).collect();
        let expected: &[&str] = if field.is_empty() { &[] } else { &[field] };
        assert_eq!(fields, expected, "{case}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_long_is_refused() {
    let host = Host::new().await;
    let post = |kind: &'static str, body: String| {
        let request = Request::post(paths::SUBJECTS)
            .header(header::AUTHORIZATION, format!("Bearer {}", host.owner))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body));
        host.send(request.expect("is a request"))
    };
    let check = |reply: Reply| {
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
        assert_eq!(reply.problem().code, ProblemCode::InvalidRequest);
    };
    let good = json!({"username": "ada", "display_name": "Ada"}).to_string();
    check(post("application/json", "{".to_owned()).await);
    check(
        post(
            "application/json",
            good.replace("Ada", &"a".repeat(1 << 17)),
        )
        .await,
    );
    check(post("text/plain", good.clone()).await);
    assert_eq!(
        post("application/json", good).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn what_the_path_names_and_is_not_there_is_not_found() {
    let host = Host::new().await;
    for (method, path, _) in routes() {
        let names_something = path.contains(&Uuid::nil().to_string()) || path.contains("nobody");
        if !names_something {
            continue;
        }
        // What is asked must be readable before it is asked of whom.
        let body = if path.ends_with("fingerprint-records") {
            json!({ "records": ["AA=="] })
        } else if path.ends_with("decision") {
            json!({ "decision": "dismissed" })
        } else {
            json!({})
        };
        let body = (method == Method::POST).then_some(body);
        let reply = host.ask(&host.owner, method.clone(), &path, body).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(reply.problem().code, ProblemCode::NotFound);
    }
    for path in ["subjects/ada", "clients/a%00b", "clients/%FF"] {
        let reply = host.get(&format!("/admin/v1/{path}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(host.events("subject").await.len(), 0, "nothing was done");
}
