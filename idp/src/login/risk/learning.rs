//! The model of a service, fitted anew in the background to the admitted logins that are kept.

use std::sync::atomic::Ordering;

use matcher::anomaly::{Login, Service, train};
use time::OffsetDateTime;

use super::{Risk, accepted, person};
use crate::login::journey::Journey;
use crate::login::policy::replay::Past;
use crate::store::{RiskModel, Store, StoreError};

impl Journey {
    /// Reads a newer model where there is one, and trains the next where that has come to its age.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tend_risk(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let Some(risk) = &self.risk else {
            return Ok(());
        };
        let newest = self.store.risk_model_version().await?;
        let version = newest.map_or(0, |(version, _)| version);
        if version > risk.model().0
            && let Some(row) = self.store.risk_model(version).await?
        {
            match Service::from_bytes(&row.bytes) {
                Ok(model) => risk.hold(version, model),
                Err(error) => tracing::warn!(version, %error, "risk_model_unreadable"),
            }
        }
        if newest.is_none_or(|(_, at)| now - at >= risk.bands.retrain) {
            let (risk, store, history) = (risk.clone(), self.store.clone(), self.history);
            // What recurs besides does not wait for it.
            tokio::spawn(async move {
                if risk.is_training.swap(true, Ordering::AcqRel) {
                    return;
                }
                if let Err(error) = fit(&risk, &store, version + 1, now - history, now).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "risk_model_not_trained");
                }
                risk.is_training.store(false, Ordering::Release);
            });
        }
        Ok(())
    }
}

/// Fits a model to the admitted logins that are kept since then.
async fn fit(
    risk: &Risk,
    store: &Store,
    version: i64,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut logins: Vec<Login> = Vec::new();
    let mut behind = None;
    while logins.len() < MOST_LOGINS {
        let some = store.decisions(since, behind, AT_ONCE).await?;
        let Some(last) = some.last() else {
            break;
        };
        behind = Some(last.place());
        for decision in some {
            // What was refused teaches nothing, nor does what cannot be read.
            let past = serde_json::from_value::<Past>(decision.past).ok();
            let Some(past) = past.filter(|past| past.reached.is_some()) else {
                continue;
            };
            logins.push(Login {
                person: person(decision.subject),
                event: risk.event_of(&past.seen, &past.evidence, past.at),
                accepted: accepted(&past.evidence, past.probability),
            });
        }
    }
    let count = logins.len();
    if count < LEAST_LOGINS {
        return Ok(());
    }
    tracing::info!(version, logins = count, "risk_training_began");
    let fitted = tokio::task::spawn_blocking(move || {
        let tell = |part: f64| tracing::debug!(version, part, "risk_training");
        train(&logins, version.unsigned_abs(), tell).0.to_bytes()
    });
    let Ok(bytes) = fitted.await else {
        tracing::error!(version, "risk_training_failed");
        return Ok(());
    };
    let model = RiskModel {
        version,
        bytes,
        logins: count as u64,
        trained_at: now,
    };
    if store.add_risk_model(model).await? {
        tracing::info!(version, "risk_model_trained");
    }
    Ok(())
}

/// With fewer logins a fitted model says less than the one that nothing was fitted to.
const LEAST_LOGINS: usize = 500;
/// The most logins that a model is fitted to, the oldest first.
const MOST_LOGINS: usize = 1_000_000;
const AT_ONCE: u64 = 1_000;
