//! Clients: registered with a secret that is told once, listed, removed.

use axum::http::StatusCode;
use serde_json::json;
use wire::{
    ClientAuthMethod, ClientDetail, ClientId, ClientKind, ClientSummary, CreatedClient, Page,
    ProblemCode, paths,
};

use super::host::Host;
use crate::oidc::client::{ApplicationType, SecretDigest};

#[tokio::test]
async fn a_confidential_clients_secret_is_told_once_and_kept_as_a_digest() {
    let host = Host::new().await;
    let new = json!({
        "name": " An application ", "kind": "confidential",
        "redirect_uris": ["https://app.example.org/callback"],
        "post_logout_redirect_uris": ["https://app.example.org/"],
        "scopes": ["openid", "offline_access"],
    });
    let reply = host.post(paths::CLIENTS, new).await;
    let created: CreatedClient = reply.read(StatusCode::CREATED);
    let id = created.client.summary.id.clone();
    let secret = created.secret.expect("has a secret");
    assert_eq!(secret.expose().len(), 43, "256 bits");
    assert_eq!(created.client.summary.name, "An application");
    assert_eq!(
        created.client.auth_method,
        ClientAuthMethod::ClientSecretBasic
    );
    assert_eq!(
        created.client.grant_types,
        ["authorization_code", "refresh_token"]
    );
    assert_eq!(
        host.audited("client.created").await.client,
        Some(id.clone())
    );

    let reply = host.get(&paths::client(&id)).await;
    assert!(!reply.body.to_string().contains(secret.expose()));
    let detail: ClientDetail = reply.read(StatusCode::OK);
    assert_eq!(detail, created.client);
    let stored = host.app.store.client(id.as_str()).await.expect("asks");
    let kept = stored.expect("is there").client.secret_digest;
    let digest = SecretDigest::of(&secret.expose().to_owned().into());
    assert!(kept.is_some_and(|kept| kept.ct_eq(&digest)));
}

#[tokio::test]
async fn a_public_client_has_no_secret() {
    let host = Host::new().await;
    for (uri, kind) in [
        ("https://app.example.org/callback", ApplicationType::Web),
        ("http://127.0.0.1/callback", ApplicationType::Native),
        ("org.example.app:/callback", ApplicationType::Native),
    ] {
        let new = json!({"name": "App", "kind": "public", "redirect_uris": [uri]});
        let reply = host.post(paths::CLIENTS, new).await;
        let created: CreatedClient = reply.read(StatusCode::CREATED);
        assert!(created.secret.is_none(), "{uri}");
        assert_eq!(created.client.summary.kind, ClientKind::Public, "{uri}");
        assert_eq!(created.client.auth_method, ClientAuthMethod::None, "{uri}");
        assert_eq!(
            created.client.scopes,
            ["email", "openid", "profile"],
            "{uri}"
        );
        let id = created.client.summary.id;
        let stored = host.app.store.client(id.as_str()).await.expect("asks");
        let stored = stored.expect("is there").client;
        assert_eq!(stored.application_type, kind, "{uri}");
        assert!(stored.require_pkce, "{uri}");
    }
}

#[tokio::test]
async fn clients_are_listed_page_after_page() {
    let host = Host::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(host.client().await);
    }
    ids.sort();
    let path = format!("{}?limit=2", paths::CLIENTS);
    let first: Page<ClientSummary> = host.get(&path).await.read(StatusCode::OK);
    let next = first.next.expect("goes on");
    let path = format!("{path}&after={next}");
    let second: Page<ClientSummary> = host.get(&path).await.read(StatusCode::OK);
    let listed = first.items.into_iter().chain(second.items);
    assert_eq!(listed.map(|client| client.id).collect::<Vec<_>>(), ids);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn a_removed_client_is_unknown_at_once() {
    let host = Host::new().await;
    let id = host.client().await;
    let known = host.app.client(id.as_str()).await;
    assert!(known.expect("asks").is_some(), "and is in the cache");
    let removed = host.delete(&paths::client(&id)).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(
        host.audited("client.removed").await.client,
        Some(id.clone())
    );
    assert!(host.app.client(id.as_str()).await.expect("asks").is_none());
    let again = host.delete(&paths::client(&id)).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(host.events("client.removed").await.len(), 1);
}

#[tokio::test]
async fn a_client_of_the_configuration_is_removed_there() {
    let host = Host::with(
        "[[client]]\nid = 'kept'\nredirect_uris = ['https://kept.example.org/callback']\n",
    )
    .await;
    let refused = host.delete(&paths::client(&ClientId::from("kept"))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.problem().code, ProblemCode::StateConflict);
    let kept = host.get(&paths::client(&ClientId::from("kept"))).await;
    assert_eq!(kept.status, StatusCode::OK);
}
