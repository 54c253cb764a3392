//! Whether the process lives, whether it can serve, and its metrics.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use wire::{HealthStatus, PartHealth};

use super::HttpError;
use super::client_address::client_address;
use crate::app::{App, Shared};

/// `GET /healthz`: the process answers; nothing else is asked.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 503 with the parts that are down, so that no traffic is sent here until they are back.
pub async fn ready(State(app): State<Shared>) -> Response {
    let parts = app.parts().await;
    let down = parts.iter().any(|part| part.status == HealthStatus::Down);
    let status = if down {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    for part in parts
        .iter()
        .filter(|part| part.status == HealthStatus::Down)
    {
        let detail = part.detail.as_deref().unwrap_or_default();
        tracing::warn!(part = part.name, detail, "part_down");
    }
    let lines: serde_json::Map<_, _> = parts
        .iter()
        .map(|part| (part.name.clone(), format!("{}", part.status).into()))
        .collect();
    (status, Json(lines)).into_response()
}

/// `GET /metrics`, for the networks that may.
pub async fn metrics(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let address = client_address(peer.ip(), &headers, &app.config.trusted_proxies);
    if !app
        .config
        .metrics
        .allow
        .iter()
        .any(|net| net.contains(&address))
    {
        return Err(HttpError::not_found());
    }
    app.observe();
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((kind, app.metrics.render()).into_response())
}

impl App {
    /// How each part is, asked of the part itself.
    pub async fn parts(&self) -> Vec<PartHealth> {
        let database = async {
            let begun = Instant::now();
            let answer = self.store.check().await;
            part(
                "database",
                answer
                    .map(|()| self.store.backend().to_owned())
                    .map_err(|e| reason(&e)),
                begun,
            )
        };
        let vault = async {
            let begun = Instant::now();
            let answer = self.vault.check().await;
            part(
                "vault",
                answer
                    .map(|()| self.vault.key_id().to_owned())
                    .map_err(|e| reason(&e)),
                begun,
            )
        };
        let (database, vault) = tokio::join!(database, vault);
        let begun = Instant::now();
        let keys = self.tokens.keyring.ring().algs();
        let keys = match keys.is_empty() {
            false => Ok(keys
                .iter()
                .map(|alg| alg.name())
                .collect::<Vec<_>>()
                .join(" ")),
            true => Err("no active signing key".to_owned()),
        };
        let mut models = part("models", Ok(self.models_detail()), begun);
        if !self.has_models() {
            // Logins without a camera go on: less than it should have, not down.
            models.status = HealthStatus::Degraded;
        }
        vec![database, vault, part("keys", keys, begun), models]
    }
}

/// What an operator is told of a failed part: the error and its causes, which hold no secrets.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn part(name: &str, detail: Result<String, String>, begun: Instant) -> PartHealth {
    let status = if detail.is_ok() {
        HealthStatus::Up
    } else {
        HealthStatus::Down
    };
    PartHealth {
        name: name.to_owned(),
        status,
        detail: Some(detail.unwrap_or_else(|why| why)),
        latency_ms: Some(begun.elapsed().as_secs_f64() * 1e3),
    }
}
