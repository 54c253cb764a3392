//! The model of a service, fitted anew in the background to the admitted logins that are kept.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use matcher::anomaly::{DeviceKey as ProvedKey, Event, Login, Service, train};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinHandle;
use wire::SubjectId;

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
        // What recurs besides does not wait for it.
        let history = self.policy().history();
        risk.tend(&self.store, history, now).await.map(drop)
    }

    /// How the model stands, for operators; none where logins are not scored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn model_state(&self, now: OffsetDateTime) -> Result<Option<ModelState>, StoreError> {
        match &self.risk {
            Some(risk) => Ok(Some(risk.state(&self.store, now).await?)),
            None => Ok(None),
        }
    }
}

impl Risk {
    /// As [`Journey::tend_risk`]; answers the training that it began.
    pub(super) async fn tend(
        self: &Arc<Self>,
        store: &Store,
        history: Duration,
        now: OffsetDateTime,
    ) -> Result<Option<JoinHandle<()>>, StoreError> {
        let newest = store.risk_model_version().await?;
        let version = newest.map_or(0, |(version, _)| version);
        self.read_newest(store, version).await?;
        let is_due = newest.is_none_or(|(_, at)| now - at >= self.bands.retrain);
        if !is_due || self.is_training.load(Ordering::Acquire) {
            return Ok(None);
        }
        let next = version + 1;
        if !store.take_training(&self.replica, next, now).await? {
            return Ok(None);
        }
        self.is_training.store(true, Ordering::Release);
        let (risk, store, since) = (self.clone(), store.clone(), now - history);
        Ok(Some(tokio::spawn(async move {
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
        })))
    }

    async fn state(&self, store: &Store, now: OffsetDateTime) -> Result<ModelState, StoreError> {
        let unreadable = self.unreadable.load(Ordering::Acquire);
        let serves = self.model().0;
        let training = store.training().await?;
        Ok(ModelState {
            serves,
            unreadable: (unreadable > serves).then_some(unreadable),
            fitted: store.risk_model_facts(serves).await?,
            training: training.filter(|it| it.held_until > now && it.problem.is_none()),
        })
    }

    /// A login as it was judged.
    fn login_of(&self, subject: SubjectId, past: &Past) -> Login {
        Login {
            person: person(subject),
            event: Event {
                recent: past.recent,
                sample_reused: past.seen_again,
                ..self.event_of(&past.seen, &past.evidence, past.at)
            },
            given: None,
            accepted: accepted(&past.evidence, past.probability),
        }
    }

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
    let logins = kept(risk, store, since, MOST_LOGINS).await?;
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

/// The newest admitted logins that are kept since then, in the order of time.
async fn kept(
    risk: &Risk,
    store: &Store,
    since: OffsetDateTime,
    most: usize,
) -> Result<Vec<Login>, StoreError> {
    let mut logins: VecDeque<Login> = VecDeque::new();
    let mut behind = None;
    loop {
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
            if logins.len() >= most {
                logins.pop_front();
            }
            logins.push_back(risk.login_of(decision.subject, &past));
        }
    }
    let mut logins = Vec::from(logins);
    give_keys(&mut logins);
    Ok(logins)
}

/// A key that is a person's when it first comes was given to the browser by an earlier login, which was without one: the
/// last of those, as far as it is kept. The profile learned it then, and what is fitted to must have it too.
fn give_keys(logins: &mut [Login]) {
    let mut without: HashMap<u64, usize> = HashMap::new();
    let mut seen: HashSet<(u64, u64)> = HashSet::new();
    for index in 0..logins.len() {
        let Login { person, event, .. } = &logins[index];
        let person = *person;
        match event.device_key {
            ProvedKey::Absent => {
                without.insert(person, index);
            }
            ProvedKey::Proved(key) if seen.insert((person, key)) => {
                if let Some(giver) = without.remove(&person) {
                    logins[giver].given = Some(key);
                }
            }
            ProvedKey::Proved(_) | ProvedKey::NotAsked => {}
        }
    }
}

/// With fewer logins a fitted model says less than the one that nothing was fitted to.
const LEAST_LOGINS: usize = 500;
/// The most logins that a model is fitted to: the newest.
const MOST_LOGINS: usize = 1_000_000;
const AT_ONCE: u64 = 1_000;
/// How long to wait where nothing could be fitted.
const TRY_AGAIN: Duration = Duration::minutes(10);
const TELL_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::{AttemptId, ClientId, CredentialId, FactorKind};

    use super::super::tests::risk;
    use super::*;
    use crate::factors::Evidence;
    use crate::login::attempt::Seen;
    use crate::login::policy::Circumstances;
    use crate::login::risk::DeviceKey;
    use crate::oidc::acr::{Acr, AcrRequest};
    use crate::store::Decision;
    use crate::store::tests::{NOW, store, subject};
    use matcher::anomaly::Recent;

    const MONTHS: Duration = Duration::days(90);

    fn past(at: OffsetDateTime, reached: bool) -> Past {
        let acr = Acr::parse("urn:whorl:acr:password").expect("an acr");
        Past {
            asked: AcrRequest::Any,
            targets: Vec::new(),
            default_acr: acr.clone(),
            circumstances: Circumstances::default(),
            evidence: vec![Evidence::matched(
                FactorKind::Password,
                [],
                CredentialId(Uuid::nil()),
                at,
            )],
            enrolled: vec![FactorKind::Password],
            seen: Seen {
                address: "203.0.113.7".parse().ok(),
                ..Seen::default()
            },
            probability: Some(0.01),
            recent: Recent {
                person_failures: 1,
                service_attempts: 20,
                ..Recent::default()
            },
            seen_again: true,
            since: None,
            at,
            reached: reached.then_some(acr),
        }
    }

    async fn keep(store: &Store, subject: SubjectId, past: &Past) {
        let decision = Decision {
            attempt: AttemptId(Uuid::now_v7()),
            subject,
            client: ClientId("app".into()),
            past: serde_json::to_value(past).expect("JSON"),
            at: past.at,
            expires_at: past.at + MONTHS,
        };
        store.keep_decision(decision).await.expect("kept");
    }

    #[tokio::test]
    async fn a_model_is_fitted_in_the_background_and_every_replica_reads_it() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada").await.id;
        for n in 0..499 {
            keep(&store, ada, &past(NOW - Duration::hours(3 * n), true)).await;
        }
        let (one, other) = (Arc::new(risk()), Arc::new(risk()));
        let begun = one.tend(&store, MONTHS, NOW).await.expect("asks");
        begun.expect("begins").await.expect("ends");
        let state = one.state(&store, NOW).await.expect("asks");
        assert_eq!(state.to_string(), "fitted to no logins yet");
        let training = store.training().await.expect("asks").expect("one");
        assert_eq!(training.problem.as_deref(), Some("499 of 500 logins"));
        // What was refused is not counted; the next is tried once the lease is over.
        keep(&store, ada, &past(NOW, false)).await;
        keep(&store, ada, &past(NOW, true)).await;
        let soon = NOW + Duration::minutes(1);
        assert!(
            one.tend(&store, MONTHS, soon)
                .await
                .expect("asks")
                .is_none()
        );
        let now = NOW + TRY_AGAIN + Duration::seconds(1);
        let begun = one.tend(&store, MONTHS, now).await.expect("asks");
        let begun = begun.expect("begins");
        // Meanwhile operators see it, it is not begun twice, and no other replica begins.
        let state = one.state(&store, now).await.expect("asks");
        let training = state.training.expect("goes on");
        assert!(
            training.version == 1 && (0.0..1.0).contains(&training.part),
            "{training:?}"
        );
        assert!(one.tend(&store, MONTHS, now).await.expect("asks").is_none());
        assert!(
            other
                .tend(&store, MONTHS, now)
                .await
                .expect("asks")
                .is_none()
        );
        begun.await.expect("ends");
        for replica in [&one, &other] {
            let again = replica.tend(&store, MONTHS, now).await.expect("asks");
            assert!(again.is_none(), "it is of today");
            let state = replica.state(&store, now).await.expect("asks");
            assert_eq!((state.serves, state.fitted), (1, Some((500, now))));
            let told = format!("version 1 of {}, fitted to 500 logins", now.date());
            assert_eq!(state.to_string(), told);
        }
        assert_ne!(*one.model().1, Service::default());
        assert_eq!(one.model().1, other.model().1);
        // A day later the next version is due.
        let tomorrow = now + Duration::days(1);
        let next = other.tend(&store, MONTHS, tomorrow).await.expect("asks");
        next.expect("begins").await.expect("ends");
        one.tend(&store, MONTHS, tomorrow).await.expect("reads");
        assert_eq!(one.model().0, 2);
    }

    #[tokio::test]
    async fn what_is_fitted_to_are_the_newest_logins_as_they_were_judged() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada").await.id;
        for n in 0..6 {
            keep(&store, ada, &past(NOW + Duration::minutes(n), n != 5)).await;
        }
        let logins = kept(&risk(), &store, NOW, 3).await.expect("reads");
        let at: Vec<i64> = logins.iter().map(|it| it.event.at_s).collect();
        let minute = |n| (NOW + Duration::minutes(n)).unix_timestamp();
        assert_eq!(at, [minute(2), minute(3), minute(4)]);
        let event = &logins[0].event;
        assert_eq!(event.recent, past(NOW, true).recent);
        assert!(
            event.sample_reused && event.network == Some(64_500),
            "{event:?}"
        );
        // A login of the version before says nothing of that.
        let mut old = serde_json::to_value(past(NOW, true)).expect("JSON");
        let fields = old.as_object_mut().expect("an object");
        assert!(fields.remove("recent").is_some() && fields.remove("seen_again").is_some());
        let old: Past = serde_json::from_value(old).expect("reads");
        assert_eq!((old.recent, old.seen_again), (Recent::default(), false));
    }

    #[test]
    fn a_key_is_of_the_login_that_gave_it() {
        let risk = risk();
        let login = |who: u128, key| {
            let mut past = past(NOW, true);
            past.seen.device_key = key;
            risk.login_of(SubjectId(Uuid::from_u128(who)), &past)
        };
        let (unknown, known) = (DeviceKey::Unknown, DeviceKey::Known);
        let mut logins = vec![
            login(1, unknown),
            login(2, unknown),
            login(1, known(7)),
            login(1, known(7)),
            login(1, known(8)),
            login(1, unknown),
            login(2, known(9)),
            login(1, known(8)),
        ];
        give_keys(&mut logins);
        let given: Vec<Option<u64>> = logins.iter().map(|it| it.given).collect();
        assert_eq!(
            given,
            [Some(7), Some(9), None, None, None, None, None, None]
        );
    }
}
