//! How likely it is that somebody else signs in: scored while a login is proved, learned from when it is admitted.
//!
//! The score can make the policy ask for more and never for less; what it says besides goes into the audit trail in words.
//! Profiles and models lie in the database, so that replicas judge alike; each replica counts the failures that it sees
//! itself, and reads a newer model within a minute.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use matcher::anomaly::{
    Accepted, Agent, Event, Login, Outcome as Ended, Profile, Service, Traffic, train,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use wire::SubjectId;

use super::LoginError;
use super::attempt::{Attempt, Seen};
use super::journey::Journey;
use super::policy::replay::Past;
use super::policy::{RiskBand, is_biometric, is_held};
use crate::factors::{Evidence, Outcome};
use crate::store::{RiskModel, Store, StoreError};

/// How scores become bands, and how often the model is fitted anew.
#[derive(Clone, Copy, Debug)]
pub struct Bands {
    /// From this probability on that it is somebody else, the risk is medium.
    pub medium: f64,
    /// From this one on it is high.
    pub high: f64,
    /// How old a model may be.
    pub retrain: Duration,
}

/// What was made of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Judged {
    pub band: RiskBand,
    /// That it is somebody else; for learning alone.
    pub probability: Option<f64>,
    /// What speaks against the person, the weightiest first.
    pub reasons: Vec<String>,
    /// Where the attempt was when it was judged.
    pub seen: Seen,
}

/// Scores attempts.
pub struct Risk {
    bands: Bands,
    /// The version that is held, 0 for the one that nothing was fitted to.
    model: RwLock<(i64, Arc<Service>)>,
    traffic: Mutex<Traffic>,
    /// Whether a model is being fitted.
    is_training: AtomicBool,
}

impl Risk {
    /// Begins with what is known without any history.
    #[must_use]
    pub fn new(bands: Bands) -> Self {
        Self {
            bands,
            model: RwLock::new((0, Arc::new(Service::default()))),
            traffic: Mutex::new(Traffic::default()),
            is_training: AtomicBool::new(false),
        }
    }

    fn model(&self) -> (i64, Arc<Service>) {
        let held = self.model.read().unwrap_or_else(PoisonError::into_inner);
        (held.0, held.1.clone())
    }

    fn hold(&self, version: i64, model: Service) {
        let mut held = self.model.write().unwrap_or_else(PoisonError::into_inner);
        if held.0 < version {
            *held = (version, Arc::new(model));
        }
    }

    /// Judges an event. Whoever too little is known of is at medium risk at least.
    #[must_use]
    pub fn judge(&self, profile: &Profile, event: &Event, seen: &Seen) -> Judged {
        let score = self.model().1.score(profile, event);
        let Bands { medium, high, .. } = self.bands;
        let band = if score.probability < medium && !score.is_cold {
            RiskBand::Low
        } else if score.probability < high {
            RiskBand::Medium
        } else {
            RiskBand::High
        };
        let reasons = score.reasons.iter().take(MOST_REASONS);
        Judged {
            band,
            probability: Some(score.probability),
            reasons: reasons.map(|reason| reason.cause.to_string()).collect(),
            seen: seen.clone(),
        }
    }

    /// Counts how an attempt ended.
    fn count(&self, subject: SubjectId, seen: &Seen, outcome: Ended, now: OffsetDateTime) {
        let address = seen.address.map(|a| a.to_string());
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let at_s = now.unix_timestamp();
        traffic.count(at_s, person(subject), address.as_deref(), outcome);
    }

    fn event(
        &self,
        subject: SubjectId,
        seen: &Seen,
        evidence: &[Evidence],
        now: OffsetDateTime,
    ) -> Event {
        let event = event_of(seen, evidence, now);
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let address = event.address.as_deref();
        let recent = traffic.before(event.at_s, person(subject), address);
        Event { recent, ..event }
    }
}

impl Journey {
    /// Judges an attempt of which something was proved, once for each place that it is seen at.
    pub(super) async fn assess(
        &self,
        attempt: &mut Attempt,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let (Some(risk), Some(subject)) = (&self.risk, attempt.subject()) else {
            return Ok(());
        };
        let is_judged = attempt.risk.band != RiskBand::Unknown && attempt.risk.seen == attempt.seen;
        if attempt.evidence.is_empty() || is_judged {
            return Ok(());
        }
        let kept = self.store.risk_profile(subject).await?;
        let profile = read_profile(&kept.bytes);
        let event = risk.event(subject, &attempt.seen, &attempt.evidence, now);
        attempt.risk = risk.judge(&profile, &event, &attempt.seen);
        Ok(())
    }

    /// Counts how a factor ended, for what later attempts are held against.
    pub(super) fn count_outcome(&self, attempt: &Attempt, outcome: Outcome, now: OffsetDateTime) {
        let (Some(risk), Some(subject)) = (&self.risk, attempt.subject()) else {
            return;
        };
        if outcome == Outcome::NoMatch {
            risk.count(subject, &attempt.seen, Ended::Failed, now);
        }
    }

    /// Lets the person's profile learn from an admitted login in which something was proved. Where another login of the
    /// same person was faster, this one is let go.
    pub(super) async fn learn(
        &self,
        attempt: &Attempt,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let (Some(risk), Some(subject)) = (&self.risk, attempt.subject()) else {
            return Ok(());
        };
        let fresh = attempt.evidence.iter().filter(|e| e.at >= attempt.began_at);
        let fresh: Vec<Evidence> = fresh.cloned().collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let kept = self.store.risk_profile(subject).await?;
        let mut profile = read_profile(&kept.bytes);
        let event = risk.event(subject, &attempt.seen, &fresh, now);
        let outcome = match profile.knows_address(&event) {
            true => Ended::Regular,
            false => Ended::Stranger,
        };
        risk.count(subject, &attempt.seen, outcome, now);
        let accepted = accepted(&fresh, attempt.risk.probability);
        let weight = risk.model().1.teach(&mut profile, &event, accepted);
        if weight > 0.0 {
            let bytes = profile.to_bytes();
            self.store
                .put_risk_profile(subject, &kept, bytes, now)
                .await?;
        }
        Ok(())
    }

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
                if let Err(error) = fit(&store, version + 1, now - history, now).await {
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
                event: event_of(&past.seen, &past.evidence, past.at),
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

/// How sure it is that it was the person: what an attacker hardly has was shown, or the score says.
fn accepted(evidence: &[Evidence], probability: Option<f64>) -> Accepted {
    let is_further =
        |e: &Evidence| e.outcome == Outcome::Match && (is_held(e.factor) || is_biometric(e.factor));
    if evidence.iter().any(is_further) {
        return Accepted::Confirmed;
    }
    Accepted::Scored(probability.unwrap_or(0.5))
}

/// What is known of an attempt, but for what happened just before it.
fn event_of(seen: &Seen, evidence: &[Evidence], now: OffsetDateTime) -> Event {
    let agent = seen.user_agent.as_deref();
    Event {
        at_s: now.unix_timestamp(),
        address: seen.address.map(|address| address.to_string()),
        agent: agent.map_or_else(Agent::default, |agent| Agent::parse(agent, None)),
        biometric_llr: evidence.iter().filter_map(|e| e.llr).next_back(),
        ..Event::default()
    }
}

/// A profile that cannot be read is that of somebody of whom nothing is known.
fn read_profile(bytes: &[u8]) -> Profile {
    if bytes.is_empty() {
        return Profile::default();
    }
    Profile::from_bytes(bytes).unwrap_or_default()
}

/// A number that stands for a person.
fn person(subject: SubjectId) -> u64 {
    let (high, low) = subject.0.as_u64_pair();
    high ^ low
}

/// Reasons that are told.
const MOST_REASONS: usize = 5;
/// With fewer logins a fitted model says less than the one that nothing was fitted to.
const LEAST_LOGINS: usize = 500;
/// The most logins that a model is fitted to, the oldest first.
const MOST_LOGINS: usize = 1_000_000;
const AT_ONCE: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::NOW;

    const BANDS: Bands = Bands {
        medium: 0.02,
        high: 0.5,
        retrain: Duration::days(1),
    };

    fn seen(address: &str, agent: &str) -> Seen {
        Seen {
            address: address.parse().ok(),
            user_agent: Some(agent.to_owned()),
        }
    }

    const HOME: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const OTHER: &str = "curl/8.5.0";

    #[test]
    fn somebody_of_whom_nothing_is_known_is_at_medium_risk_at_least() {
        let risk = Risk::new(BANDS);
        let home = seen("192.0.2.7", HOME);
        let judged = risk.judge(&Profile::default(), &event_of(&home, &[], NOW), &home);
        assert!(judged.band >= RiskBand::Medium, "{judged:?}");
    }

    #[test]
    fn a_habit_lowers_the_risk_and_what_is_new_raises_it_with_reasons() {
        let risk = Risk::new(BANDS);
        let home = seen("192.0.2.7", HOME);
        let mut profile = Profile::default();
        let (_, model) = risk.model();
        for day in 0..40 {
            let event = event_of(&home, &[], NOW + Duration::days(day));
            model.teach(&mut profile, &event, Accepted::Confirmed);
        }
        let now = NOW + Duration::days(40);
        let same = risk.judge(&profile, &event_of(&home, &[], now), &home);
        let away = seen("198.51.100.9", OTHER);
        let other = risk.judge(&profile, &event_of(&away, &[], now), &away);
        assert!(same.probability < other.probability, "{same:?} {other:?}");
        assert!(
            same.band <= other.band && !other.reasons.is_empty(),
            "{other:?}"
        );
        let read = read_profile(&profile.to_bytes());
        assert_eq!(risk.judge(&read, &event_of(&home, &[], now), &home), same);
    }

    #[test]
    fn only_a_newer_model_takes_the_place_of_the_one_that_is_held() {
        let risk = Risk::new(BANDS);
        risk.hold(2, Service::default());
        risk.hold(1, Service::default());
        assert_eq!(risk.model().0, 2);
    }

    #[test]
    fn what_an_attacker_hardly_has_confirms_and_a_password_does_not() {
        let nobody = wire::CredentialId(uuid::Uuid::nil());
        let shown = |factor| [Evidence::matched(factor, [], nobody, NOW)];
        let password = accepted(&shown(wire::FactorKind::Password), Some(0.1));
        assert_eq!(password, Accepted::Scored(0.1));
        assert_eq!(
            accepted(&shown(wire::FactorKind::Totp), Some(0.9)),
            Accepted::Confirmed
        );
    }

    #[tokio::test]
    async fn of_two_that_learn_at_once_one_is_kept() {
        let (_folder, store) = crate::store::tests::store().await;
        let ada = crate::store::tests::subject(&store, "ada").await;
        let none = store.risk_profile(ada.id).await.expect("asks");
        for (bytes, is_kept) in [(vec![1], true), (vec![2], false)] {
            let kept = store.put_risk_profile(ada.id, &none, bytes, NOW).await;
            assert_eq!(kept.expect("asks"), is_kept);
        }
        let one = store.risk_profile(ada.id).await.expect("asks");
        assert_eq!((one.revision, &one.bytes[..]), (1, &[1][..]));
        for (bytes, is_kept) in [(vec![3], true), (vec![4], false)] {
            let kept = store.put_risk_profile(ada.id, &one, bytes, NOW).await;
            assert_eq!(kept.expect("asks"), is_kept);
        }
        let model = |version| RiskModel {
            version,
            bytes: Service::default().to_bytes(),
            logins: 1,
            trained_at: NOW,
        };
        for (version, is_added) in [(1, true), (1, false), (2, true), (3, true)] {
            let added = store.add_risk_model(model(version)).await;
            assert_eq!(added.expect("asks"), is_added, "{version}");
        }
        assert!(store.risk_model(1).await.expect("asks").is_none());
        assert_eq!(
            store.risk_model_version().await.expect("asks"),
            Some((3, NOW))
        );
    }
}
