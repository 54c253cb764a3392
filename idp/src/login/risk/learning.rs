//! The model of a service, fitted anew in the background to the admitted logins that are kept.

use std::fmt;
use std::sync::atomic::Ordering;

use matcher::anomaly::{Login, Service, train};
use time::{Duration, OffsetDateTime};

use super::{Risk, accepted, person};
use crate::login::journey::Journey;
use crate::login::policy::replay::Past;
use crate::store::{RiskModel, Store, StoreError, Training};

impl Journey {
    /// Reads a newer model where there is one, and trains the next where that has come to its age and no other replica does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tend_risk(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let Some(risk) = &self.risk else {
            return Ok(());
        };
        let newest = self.store.risk_model_version().await?;
        let version = newest.map_or(0, |(version, _)| version);
        risk.read_newest(&self.store, version).await?;
        let is_due = newest.is_none_or(|(_, at)| now - at >= risk.bands.retrain);
        if !is_due || risk.is_training.load(Ordering::Acquire) {
            return Ok(());
        }
        let (next, replica) = (version + 1, &risk.replica);
        if !self.store.take_training(replica, next, now).await? {
            return Ok(());
        }
        risk.is_training.store(true, Ordering::Release);
        let (risk, store, since) = (
            risk.clone(),
            self.store.clone(),
            now - self.policy().history(),
        );
        // What recurs besides does not wait for it.
        tokio::spawn(async move {
            let (problem, again_in) = match fit(&risk, &store, next, since, now).await {
                Ok(None) => (None, Duration::ZERO),
                Ok(Some(problem)) => (Some(problem), TRY_AGAIN),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "risk_model_not_trained"
                    );
                    (Some("the database failed".to_owned()), TRY_AGAIN)
                }
            };
            let ended = store.end_training(&risk.replica, problem, now + again_in);
            if let Err(error) = ended.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "risk_training_not_ended"
                );
            }
            risk.is_training.store(false, Ordering::Release);
        });
        Ok(())
    }

    /// How the model stands, for operators; none where logins are not scored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn model_state(&self, now: OffsetDateTime) -> Result<Option<ModelState>, StoreError> {
        let Some(risk) = &self.risk else {
            return Ok(None);
        };
        let unreadable = risk.unreadable.load(Ordering::Acquire);
        let training = self.store.training().await?;
        Ok(Some(ModelState {
            serves: risk.model().0,
            unreadable: (unreadable > risk.model().0).then_some(unreadable),
            fitted: self.store.risk_model_facts(risk.model().0).await?,
            training: training.filter(|it| it.held_until > now && it.problem.is_none()),
        }))
    }
}

impl Risk {
    /// Takes the newest version that can be read. What cannot be was written by a newer release, or is broken: the one
    /// before it serves on, and is read where none was.
    pub(super) async fn read_newest(&self, store: &Store, newest: i64) -> Result<(), StoreError> {
        for version in (newest.saturating_sub(1)..=newest).rev() {
            let held = self.model().0;
            if version <= held || version < 1 {
                return Ok(());
            }
            if self.unreadable.load(Ordering::Acquire) == version {
                continue;
            }
            let Some(row) = store.risk_model(version).await? else {
                continue;
            };
            match Service::from_bytes(&row.bytes) {
                Ok(model) => {
                    self.hold(version, model);
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(version, serves = held, %error, "risk_model_unreadable");
                    self.unreadable.fetch_max(version, Ordering::AcqRel);
                }
            }
        }
        Ok(())
    }
}

/// How the model stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    /// The version that judges here; 0 for the one that nothing was fitted to.
    pub serves: i64,
    /// A newer one that cannot be read here.
    pub unreadable: Option<i64>,
    /// To how many logins that which serves was fitted, and when.
    pub fitted: Option<(u64, OffsetDateTime)>,
    /// The training that is going on, on any replica.
    pub training: Option<Training>,
}

impl fmt::Display for ModelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fitted {
            Some((logins, at)) => {
                let on = at.date();
                write!(
                    f,
                    "version {} of {on}, fitted to {logins} logins",
                    self.serves
                )?;
            }
            None => f.write_str("fitted to no logins yet")?,
        }
        if let Some(version) = self.unreadable {
            write!(f, "; version {version} cannot be read")?;
        }
        if let Some(training) = &self.training {
            let per_cent = 100.0 * training.part;
            write!(
                f,
                "; version {} in training, {per_cent:.0} %",
                training.version
            )?;
        }
        Ok(())
    }
}

/// Fits a model to the admitted logins that are kept since then; answers why not, where it came to nothing.
async fn fit(
    risk: &Risk,
    store: &Store,
    version: i64,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<String>, StoreError> {
    let began = std::time::Instant::now();
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
        return Ok(Some(format!("{count} of {LEAST_LOGINS} logins")));
    }
    tracing::info!(version, logins = count, "risk_training_began");
    let (told, mut heard) = tokio::sync::watch::channel(0.0);
    let mut fitted = tokio::task::spawn_blocking(move || {
        let tell = |part: f64| {
            told.send_replace(part);
        };
        train(&logins, version.unsigned_abs(), tell).0.to_bytes()
    });
    let mut every = tokio::time::interval(TELL_EVERY);
    let bytes = loop {
        tokio::select! {
            fitted = &mut fitted => break fitted,
            _ = every.tick() => {
                let part = *heard.borrow_and_update();
                // Who lost the lease goes on all the same: of two models of one version the first is kept.
                let at = now + began.elapsed();
                store.report_training(&risk.replica, part, at).await?;
            }
        }
    };
    // What cannot be read would take the place of what can.
    let Some(bytes) = bytes
        .ok()
        .filter(|bytes| Service::from_bytes(bytes).is_ok())
    else {
        tracing::error!(version, "risk_training_failed");
        return Ok(Some("the training failed".to_owned()));
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
    Ok(None)
}

/// With fewer logins a fitted model says less than the one that nothing was fitted to.
const LEAST_LOGINS: usize = 500;
/// The most logins that a model is fitted to, the oldest first.
const MOST_LOGINS: usize = 1_000_000;
const AT_ONCE: u64 = 1_000;
/// How long to wait where nothing could be fitted.
const TRY_AGAIN: Duration = Duration::minutes(10);
const TELL_EVERY: std::time::Duration = std::time::Duration::from_secs(2);
