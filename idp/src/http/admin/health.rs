//! How this replica is, part by part.

use axum::Json;
use axum::extract::State;
use wire::{Health, HealthStatus, PartHealth};

use crate::app::{App, Shared};

/// `GET /admin/v1/health`: 200 whatever it says.
pub async fn show(State(app): State<Shared>) -> Json<Health> {
    let mut parts = app.parts().await;
    parts.push(queue(&app));
    parts.extend(anomaly(&app).await);
    let status = parts.iter().map(|part| part.status).max();
    Json(Health {
        status: status.unwrap_or(HealthStatus::Up),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        issuer: app.config.issuer_text(),
        uptime_s: app.began.elapsed().as_secs(),
        parts,
    })
}

/// The model that scores logins, where they are scored.
async fn anomaly(app: &App) -> Option<PartHealth> {
    let state = app.journey.model_state(app.clock.now()).await;
    let (status, detail) = match state {
        Ok(state) => {
            let state = state?;
            let status = match state.unreadable {
                None => HealthStatus::Up,
                Some(_) => HealthStatus::Degraded,
            };
            (status, state.to_string())
        }
        Err(_) => (
            HealthStatus::Down,
            "the database does not answer".to_owned(),
        ),
    };
    Some(PartHealth {
        name: "anomaly".to_owned(),
        status,
        detail: Some(detail),
        latency_ms: None,
    })
}

/// The work that waits for a processor; beyond the bound it is refused, and logins with a biometric fail.
fn queue(app: &App) -> PartHealth {
    let (depth, size) = app.biometric_queue();
    let (running, waiting) = (depth.min(size.workers), depth.saturating_sub(size.workers));
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
