//! How likely it is that somebody else signs in: scored while a login is proved, learned from when it is admitted.
//!
//! The score can make the policy ask for more and never for less; what it says besides goes into the audit trail in words.
//! Profiles, models and what happened within the last hour lie in the database, so that replicas judge alike; each reads a
//! newer model within a minute.

mod learning;
mod rhythm;
pub mod told;
mod trip;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ipnet::IpNet;
use matcher::anomaly::{
    Accepted, Agent, Cause, DeviceKey as ProvedKey, Event, Habits, Outcome as Ended, Page, Place,
    Profile, Reason, Recent, Service,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use wire::SubjectId;

pub use self::learning::ModelState;
pub use self::rhythm::Rhythm;
pub use self::trip::Trips;
use super::LoginError;
use super::attempt::{Attempt, Seen};
use super::journey::{Journey, who};
use super::policy::{RiskBand, is_biometric, is_held};
use crate::factors::{Evidence, Outcome};
use crate::places::{Located, Places};
use crate::store::{RiskProfile, Store, StoreError};

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

/// Which journeys are too fast and which countries too new, and what that comes to.
#[derive(Clone, Debug)]
pub struct Travel {
    /// Between two logins, in kilometres an hour.
    pub fastest_km_per_h: f64,
    /// The risk of what is faster, at least.
    pub impossible: RiskBand,
    /// The risk of a country that nobody was admitted from as this person, at least, while little is known of them.
    pub new_country: RiskBand,
    /// With so many logins' worth in the profile that is over; logins fade, by half in two months.
    pub settled_logins: f32,
    /// Networks that people come by from anywhere, such as the house's VPN; no journey is read from them.
    pub tunnel_networks: Vec<IpNet>,
    /// And autonomous systems.
    pub tunnel_systems: Vec<u32>,
}

impl Travel {
    fn is_tunnel(&self, address: Option<IpAddr>, system: Option<u32>) -> bool {
        let address = address.map(|address| address.to_canonical());
        let within = |address| self.tunnel_networks.iter().any(|it| it.contains(&address));
        address.is_some_and(within) || system.is_some_and(|it| self.tunnel_systems.contains(&it))
    }
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
    /// Of those, what the person may read later.
    pub told: Vec<Vec<String>>,
    /// Where the attempt was when it was judged; on the heap, for attempts are moved about.
    pub seen: Box<Seen>,
    /// Who was judged.
    pub subject: Option<SubjectId>,
    /// How much was proved of it then.
    pub proofs: usize,
    /// And whether a sample was one of before.
    pub seen_again: bool,
    /// What had happened just before.
    pub recent: Recent,
}

/// What is known of the key that a browser of the person keeps and cannot hand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKey {
    /// Nobody asked for one.
    #[default]
    None,
    /// It was asked for, and there was none that is the person's.
    Unknown,
    /// It proved this one: a number that stands for the key alone.
    Known(u64),
}

/// What is held against a person's habits.
pub(super) struct Shown<'a> {
    pub subject: SubjectId,
    /// The digest of the name that was typed.
    pub who: &'a str,
    pub seen: &'a Seen,
    pub evidence: &'a [Evidence],
    /// Whether a sample was one that was accepted before.
    pub seen_again: bool,
}

impl From<DeviceKey> for ProvedKey {
    fn from(key: DeviceKey) -> Self {
        match key {
            DeviceKey::None => Self::NotAsked,
            DeviceKey::Unknown => Self::Absent,
            DeviceKey::Known(key) => Self::Proved(key),
        }
    }
}

/// Scores attempts.
pub struct Risk {
    bands: Bands,
    travel: Travel,
    places: Arc<Places>,
    /// The version that is held, 0 for the one that nothing was fitted to.
    model: RwLock<(i64, Arc<Service>)>,
    /// A newer version that could not be read; an older one serves.
    unreadable: AtomicI64,
    /// What happened to the whole service, as it was read lately.
    service: Mutex<Option<(OffsetDateTime, (u32, u32))>>,
    /// Measures round trips.
    pub trips: Trips,
    /// Whether this replica fits a model.
    is_training: AtomicBool,
    /// How it is called among the replicas, while it runs.
    replica: String,
}

impl Risk {
    /// Begins with what is known without any history.
    #[must_use]
    pub fn new(bands: Bands, travel: Travel, places: Arc<Places>, trips: Trips) -> Self {
        Self {
            bands,
            travel,
            places,
            model: RwLock::new((0, Arc::new(Service::default()))),
            unreadable: AtomicI64::new(0),
            service: Mutex::new(None),
            trips,
            is_training: AtomicBool::new(false),
            replica: uuid::Uuid::new_v4().to_string(),
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

    /// Judges an event. Whoever too little is known of is at medium risk at least; who came faster than anybody travels,
    /// or from a new country before much was known of them, at what the configuration says.
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
        let band = match score.is_impossible_travel {
            true => band.max(self.travel.impossible),
            false => band,
        };
        let is_settled = profile.logins(event.at_s) >= self.travel.settled_logins;
        let band = match score.is_new_country && !is_settled {
            true => band.max(self.travel.new_country),
            false => band,
        };
        // What raises the risk by itself is told in any case.
        let is_told = |(at, reason): &(usize, &Reason)| {
            let cause = &reason.cause;
            *at < MOST_REASONS
                || matches!(
                    cause,
                    Cause::ImpossibleTravel { .. } | Cause::NewCountry { .. }
                )
        };
        let reasons = score.reasons.iter().enumerate().filter(is_told);
        let reasons: Vec<&Reason> = reasons.map(|(_, reason)| reason).collect();
        Judged {
            band,
            probability: Some(score.probability),
            reasons: reasons.iter().map(|it| it.cause.to_string()).collect(),
            told: told::kept(reasons.into_iter()),
            seen: Box::new(seen.clone()),
            subject: None,
            proofs: 0,
            seen_again: false,
            recent: event.recent,
        }
    }

    /// What happened just before, at this name, this address and the whole service.
    async fn recent(
        &self,
        store: &Store,
        who: &str,
        seen: &Seen,
        now: OffsetDateTime,
    ) -> Result<Recent, StoreError> {
        let address = seen.address.map(|address| address.to_string());
        let recent = store.recent_attempts(who, address.as_deref(), now).await?;
        let (service_attempts, service_failures) = match self.service_lately(now) {
            Some(counted) => counted,
            None => {
                let counted = store.service_attempts(now).await?;
                let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
                *service = Some((now, counted));
                counted
            }
        };
        Ok(Recent {
            service_attempts,
            service_failures,
            ..recent
        })
    }

    fn service_lately(&self, now: OffsetDateTime) -> Option<(u32, u32)> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, counted) = (*service)?;
        ((now - at).abs() < SERVICE_FRESH).then_some(counted)
    }

    /// What is known of an attempt, but for what happened just before it.
    fn event_of(&self, seen: &Seen, evidence: &[Evidence], now: OffsetDateTime) -> Event {
        let agent = seen.user_agent.as_deref();
        let located = seen.address.map(|address| self.places.locate(address));
        // What was known of the place then, where it is not known now.
        let Located {
            country,
            region,
            city,
            coordinates,
            network,
        } = located.unwrap_or_default();
        let (country, city) = match country {
            Some(country) => (Some(country), city),
            None => (seen.place.country.clone(), seen.place.city.clone()),
        };
        Event {
            at_s: now.unix_timestamp(),
            address: seen.address.map(|address| address.to_string()),
            network,
            place: Place {
                country,
                region,
                city,
                coordinates,
            },
            is_tunnelled: self.travel.is_tunnel(seen.address, network),
            fastest_km_per_h: Some(self.travel.fastest_km_per_h),
            agent: agent.map_or_else(Agent::default, |it| Agent::parse(it, seen.hints.clone())),
            device_key: seen.device_key.into(),
            round_trip_ms: seen.page.round_trip_ms.map(f64::from),
            page: Page {
                key_hold_ms: seen.page.key_hold_ms.map(f64::from),
                key_flight_ms: seen.page.key_flight_ms.map(f64::from),
                pointer_px_per_s: seen.page.pointer_px_per_s.map(f64::from),
                filled_in_ms: seen.page.filled_in_ms.map(f64::from),
            },
            biometric_llr: evidence.iter().filter_map(|e| e.llr).next_back(),
            ..Event::default()
        }
    }
}

impl Journey {
    /// Judges an attempt of which something was proved, once for each place that it is seen at.
    pub(super) async fn assess(
        &self,
        attempt: &mut Attempt,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let Some(subject) = attempt.subject() else {
            return Ok(());
        };
        let judged = &attempt.risk;
        let is_judged = judged.band != RiskBand::Unknown
            && *judged.seen == attempt.seen
            && judged.subject == Some(subject)
            && judged.proofs == attempt.evidence.len()
            && judged.seen_again == attempt.seen_again;
        if attempt.evidence.is_empty() || is_judged {
            return Ok(());
        }
        let shown = Shown {
            subject,
            who: &name_of(attempt),
            seen: &attempt.seen,
            evidence: &attempt.evidence,
            seen_again: attempt.seen_again,
        };
        if let Some(judged) = self.judged(&shown, now).await? {
            attempt.risk = judged;
        }
        Ok(())
    }

    /// How likely it is that somebody else is at work; nothing where nobody is judged.
    pub(super) async fn judged(
        &self,
        shown: &Shown<'_>,
        now: OffsetDateTime,
    ) -> Result<Option<Judged>, LoginError> {
        let Some(risk) = &self.risk else {
            return Ok(None);
        };
        let kept = self.store.risk_profile(shown.subject).await?;
        let profile = read_profile(&kept.bytes);
        let event = Event {
            recent: risk.recent(&self.store, shown.who, shown.seen, now).await?,
            sample_reused: shown.seen_again,
            ..risk.event_of(shown.seen, shown.evidence, now)
        };
        Ok(Some(Judged {
            subject: Some(shown.subject),
            proofs: shown.evidence.len(),
            seen_again: shown.seen_again,
            ..risk.judge(&profile, &event, shown.seen)
        }))
    }

    /// Counts how a factor ended, for what later attempts are held against.
    pub(super) async fn count_outcome(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        if self.risk.is_none() || outcome != Outcome::NoMatch {
            return Ok(());
        }
        let who = name_of(attempt);
        let address = attempt.seen.address.map(|address| address.to_string());
        let counted = self
            .store
            .count_attempt(&who, address.as_deref(), Ended::Failed, now);
        Ok(counted.await?)
    }

    /// The profile that is to learn from an admitted login; none where nothing was proved in it. It is read while the
    /// subject is held, so that what is erased of it afterwards is not written anew.
    pub(super) async fn to_teach(
        &self,
        store: &Store,
        attempt: &Attempt,
    ) -> Result<Option<RiskProfile>, LoginError> {
        let (Some(_), Some(subject)) = (&self.risk, attempt.subject()) else {
            return Ok(None);
        };
        if fresh(attempt).next().is_none() {
            return Ok(None);
        }
        Ok(Some(store.risk_profile(subject).await?))
    }

    /// Lets the profile learn. Where another login of the same person was faster, this one is let go.
    pub(super) async fn learn(
        &self,
        attempt: &Attempt,
        kept: Option<RiskProfile>,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let (Some(risk), Some(subject), Some(kept)) = (&self.risk, attempt.subject(), kept) else {
            return Ok(());
        };
        let fresh: Vec<Evidence> = fresh(attempt).cloned().collect();
        let mut profile = read_profile(&kept.bytes);
        let event = risk.event_of(&attempt.seen, &fresh, now);
        let outcome = match profile.knows_address(&event) {
            true => Ended::Regular,
            false => Ended::Stranger,
        };
        let (who, address) = (name_of(attempt), event.address.as_deref());
        self.store
            .count_attempt(&who, address, outcome, now)
            .await?;
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
}

/// What was proved in the attempt itself.
fn fresh(attempt: &Attempt) -> impl Iterator<Item = &Evidence> {
    let began_at = attempt.began_at;
    attempt.evidence.iter().filter(move |e| e.at >= began_at)
}

/// The digest of the name that was typed.
fn name_of(attempt: &Attempt) -> String {
    let typed = attempt.identity.as_ref().map(|it| it.username.as_str());
    who(typed.unwrap_or_default())
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

/// A profile that cannot be read is that of somebody of whom nothing is known.
fn read_profile(bytes: &[u8]) -> Profile {
    if bytes.is_empty() {
        return Profile::default();
    }
    Profile::from_bytes(bytes).unwrap_or_default()
}

/// A profile as it is kept without what was measured of the body. One that cannot be read is let go.
pub(crate) fn without_biometrics(bytes: &[u8]) -> Vec<u8> {
    let profile = (!bytes.is_empty()).then(|| Profile::from_bytes(bytes).ok());
    let profile = profile.flatten().map(|mut profile| {
        profile.forget_biometrics();
        profile.to_bytes()
    });
    profile.unwrap_or_default()
}

/// Whether it is remembered of a person how they type.
pub(crate) fn has_typing(bytes: &[u8]) -> bool {
    let means = habits(bytes).map(|habits| habits.page);
    means.is_some_and(|means| means.iter().any(|(_, mean)| mean.is_some()))
}

/// What is remembered of a person; none where that is nothing.
pub(crate) fn habits(bytes: &[u8]) -> Option<Habits> {
    let profile = (!bytes.is_empty()).then(|| Profile::from_bytes(bytes));
    Some(profile?.ok()?.habits())
}

/// A number that stands for a person.
fn person(subject: SubjectId) -> u64 {
    let (high, low) = subject.0.as_u64_pair();
    high ^ low
}

/// Reasons that are told.
const MOST_REASONS: usize = 5;
/// How old what is known of the whole service may be.
const SERVICE_FRESH: time::Duration = time::Duration::seconds(5);

#[cfg(test)]
mod tests;
