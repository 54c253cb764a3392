//! How this replica is, part by part.

use axum::Json;
use axum::extract::State;
use wire::{Health, HealthStatus, PartHealth};

use crate::app::{App, Shared};

/// `GET /admin/v1/health`: 200 whatever it says.
pub async fn show(State(app): State<Shared>) -> Json<Health> {
    let mut parts = app.parts().await;
    parts.push(queue(&app));
    let status = parts.iter().map(|part| part.status).max();
    Json(Health {
        status: status.unwrap_or(HealthStatus::Up),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        issuer: app.config.issuer_text(),
        uptime_s: app.began.elapsed().as_secs(),
        parts,
    })
}

/// The work that waits for a processor; beyond the bound it is refused, and logins with a biometric fail.
fn queue(app: &App) -> PartHealth {
    let (depth, size) = app.biometric_queue();
    let (running, waiting) = (
        depth.min(size.workers),
        depth.saturating_sub(size.workers),
    );
    let (workers, places) = (size.workers, size.queue);
    PartHealth {
        name: "queue".to_owned(),
        status: match depth < workers + places {
            true => HealthStatus::Up,
            false => HealthStatus::Degraded,
        },
        detail: Some(format!(
            "{running} of {workers} comparisons run, {waiting} of {places} wait"
        )),
        latency_ms: None,
    }
}
