//! Operators, their tokens, and the health that they read.

use axum::http::{Method, StatusCode};
use serde_json::json;
use time::Duration;
use wire::{
    Health, HealthStatus, IssuedOperatorToken, OperatorDetail, OperatorName, Page, ProblemCode,
    Role, paths,
};

use super::host::{Host, ISSUER, NOW};

#[tokio::test]
async fn an_operator_is_created_and_gets_a_token_that_ends() {
    let host = Host::new().await;
    let new = json!({"name": "vera", "role": "viewer"});
    let reply = host.post(paths::OPERATORS, new.clone()).await;
    let vera: OperatorDetail = reply.read(StatusCode::CREATED);
    assert_eq!((vera.role, vera.tokens.len()), (Role::Viewer, 0));
    let event = host.audited("operator.created").await;
    assert_eq!(event.detail["name"], "vera");
    assert_eq!(event.detail["role"], "viewer");
    let again = host.post(paths::OPERATORS, new).await;
    assert_eq!(again.problem().code, ProblemCode::NameTaken);

    let path = paths::operator_tokens(&vera.name);
    for (asked, lifetime) in [
        (json!({}), Duration::hours(12)),
        (json!({"lifetime_s": 60}), Duration::MINUTE),
        (json!({"lifetime_s": u64::MAX}), Duration::days(30)),
    ] {
        let reply = host.post(&path, asked).await;
        let issued: IssuedOperatorToken = reply.read(StatusCode::CREATED);
        assert_eq!(issued.expires_at, NOW + lifetime);
        let event = host.audited("operator.token_issued").await;
        assert_eq!(event.detail["name"], "vera");
        assert_eq!(event.detail["token"], issued.id.to_string());
        let token = issued.token.expose();
        let who = host.ask(token, Method::GET, paths::WHOAMI, None).await;
        assert_eq!(who.status, StatusCode::OK);
        let trail = host.get(paths::AUDIT).await.body.to_string();
        assert!(!trail.contains(token), "the trail does not hold it");
    }
}

#[tokio::test]
async fn operators_are_listed_with_their_live_tokens() {
    let host = Host::new().await;
    let vera = host.token("vera", Role::Viewer).await;
    host.ask(&vera, Method::GET, paths::WHOAMI, None).await;
    let path = format!("{}?limit=1", paths::OPERATORS);
    let first: Page<OperatorDetail> = host.get(&path).await.read(StatusCode::OK);
    assert_eq!(first.items[0].name, OperatorName::from("root"));
    let path = format!("{path}&after={}", first.next.expect("goes on"));
    let second: Page<OperatorDetail> = host.get(&path).await.read(StatusCode::OK);
    assert_eq!(second.next, None);
    let vera_row = &second.items[0];
    assert_eq!(vera_row.tokens[0].last_used_at, Some(NOW));
    let id = vera_row.tokens[0].id;

    let name = OperatorName::from("vera");
    let revoke = async |name: &OperatorName| host.delete(&paths::operator_token(name, id)).await;
    let other = revoke(&OperatorName::from("root")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "it is not root's");
    assert_eq!(revoke(&name).await.status, StatusCode::NO_CONTENT);
    let event = host.audited("operator.token_revoked").await;
    assert_eq!(event.detail["token"], id.to_string());
    assert_eq!(revoke(&name).await.status, StatusCode::NOT_FOUND);
    let page: Page<OperatorDetail> = host.get(paths::OPERATORS).await.read(StatusCode::OK);
    assert!(page.items[1].tokens.is_empty());
    let who = host.ask(&vera, Method::GET, paths::WHOAMI, None).await;
    assert_eq!(who.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let host = Host::new().await;
    let root = paths::operator(&OperatorName::from("root"));
    let refused = host.delete(&root).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.problem().code, ProblemCode::StateConflict);
    let heir = host.token("heir", Role::Owner).await;
    let removed = host.ask(&heir, Method::DELETE, &root, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let trail = host.ask(
        &heir,
        Method::GET,
        "/admin/v1/audit?kind=operator.removed",
        None,
    );
    let trail: wire::AuditPage = trail.await.read(StatusCode::OK);
    assert_eq!(trail.events[0].operator, Some(OperatorName::from("heir")));
    assert_eq!(trail.events[0].detail["name"], "root");
}

#[tokio::test]
async fn health_tells_of_each_part() {
    let host = Host::new().await;
    let health: Health = host.get(paths::HEALTH).await.read(StatusCode::OK);
    assert_eq!(health.issuer, ISSUER);
    assert_eq!(health.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(health.status, HealthStatus::Degraded, "there are no models");
    for name in ["database", "vault", "keys", "models", "queue"] {
        let part = health.parts.iter().find(|part| part.name == name);
        let part = part.unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(part.status == HealthStatus::Up, name != "models", "{name}");
        assert!(part.detail.is_some(), "{name}");
    }
    // A part that is down is told of, and the answer is 200 all the same.
    let vault = host.folder.path().join("vault");
    let away = host.folder.path().join("away");
    std::fs::rename(&vault, &away).expect("is moved");
    std::fs::write(&vault, "not a directory").expect("is written");
    let health: Health = host.get(paths::HEALTH).await.read(StatusCode::OK);
    let part = health.parts.iter().find(|part| part.name == "vault");
    assert_eq!(part.map(|part| part.status), Some(HealthStatus::Down));
    assert_eq!(health.status, HealthStatus::Down);
}
