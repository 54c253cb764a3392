//! What is left of a login: its place in the audit trail, and what another policy would need to judge it anew.

use time::{Duration, OffsetDateTime};
use wire::{AuditOutcome, FactorKind};

use super::LoginError;
use super::attempt::Attempt;
use super::journey::{Journey, trail};
use super::policy::replay::Past;
use super::policy::{Demand, RiskBand};
use super::risk::Judged;
use super::risk::told::RISK_TOLD;
use super::target::circumstances;
use crate::oidc::acr::Acr;
use crate::oidc::error::AuthorizationError;
use crate::store::{Credential, Decision, NewEvent, Store};

impl Journey {
    /// Books an admitted login.
    pub(super) async fn book(
        &self,
        store: &Store,
        attempt: &Attempt,
        demand: &Demand,
        credentials: &[Credential],
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let event = trail(attempt).event("login.finished", AuditOutcome::Success);
        let event = with_risk(with_conditions(event, demand), attempt);
        store.note_event(event, now).await?;
        let enrolled = credentials.iter().map(|c| c.factor).collect();
        self.keep_past(store, attempt, enrolled, Some(attempt.acr.clone()), now)
            .await
    }

    /// Books a login that came to nothing.
    pub(super) async fn refused(
        &self,
        attempt: &Attempt,
        error: AuthorizationError,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let mut event = trail(attempt).event("login.denied", AuditOutcome::Refused);
        event.detail.insert("error".into(), error.code().into());
        if let Ok(demand) = self.demand(attempt) {
            event = with_conditions(event, &demand);
        }
        let event = with_risk(event, attempt);
        self.store.append_event(event, now).await?;
        // Of whom nothing was shown there is nothing to judge.
        let Some(subject) = attempt.subject().filter(|_| !attempt.evidence.is_empty()) else {
            return Ok(());
        };
        let found = self.store.subject_with_credentials(subject).await?;
        let Some((subject, credentials)) = found else {
            return Ok(());
        };
        let mut attempt = attempt.clone();
        attempt.mind_erasure(&subject);
        let enrolled = credentials.iter().map(|c| c.factor).collect();
        self.keep_past(&self.store, &attempt, enrolled, None, now)
            .await
    }

    async fn keep_past(
        &self,
        store: &Store,
        attempt: &Attempt,
        mut enrolled: Vec<FactorKind>,
        reached: Option<Acr>,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let policy = self.policy();
        let history = policy.history();
        let (Some(subject), true) = (attempt.subject(), history > Duration::ZERO) else {
            return Ok(());
        };
        enrolled.sort_unstable();
        enrolled.dedup();
        let past = Past {
            asked: attempt.request.acr.clone(),
            targets: attempt.targets.clone(),
            default_acr: policy.default_acr.clone(),
            circumstances: circumstances(&policy, attempt),
            evidence: attempt.evidence.clone(),
            enrolled,
            seen: attempt.seen.clone(),
            probability: attempt.risk.probability,
            recent: attempt.risk.recent,
            seen_again: attempt.seen_again,
            since: attempt.moment(now).since,
            at: now,
            reached,
        };
        let decision = Decision {
            attempt: attempt.id,
            subject,
            client: wire::ClientId(attempt.request.client_id.to_string()),
            past: serde_json::to_value(&past).expect("invariant: evidence is plain JSON"),
            at: now,
            expires_at: now + history,
        };
        Ok(store.keep_decision(decision).await?)
    }
}

/// Says where it was, how likely it was that somebody else was at work, and why.
fn with_risk(mut event: NewEvent, attempt: &Attempt) -> NewEvent {
    let Judged {
        band,
        reasons,
        told,
        ..
    } = &attempt.risk;
    let place = attempt.seen.place.told();
    event
        .detail
        .extend(place.map(|place| ("place".to_owned(), place)));
    if *band != RiskBand::Unknown {
        event.detail.insert("risk".into(), band.as_str().into());
    }
    if !reasons.is_empty() {
        event
            .detail
            .insert("risk_reasons".into(), reasons.join(", "));
    }
    if !told.is_empty() {
        let told = serde_json::to_string(told).expect("invariant: words are plain JSON");
        event.detail.insert(RISK_TOLD.into(), told);
    }
    event
}

/// Names the conditions that asked for more.
fn with_conditions(mut event: NewEvent, demand: &Demand) -> NewEvent {
    let applied: Vec<String> = demand
        .applied
        .iter()
        .map(|applied| format!("{}: {}", applied.condition, applied.action.as_str()))
        .collect();
    if !applied.is_empty() {
        event.detail.insert("conditions".into(), applied.join("; "));
    }
    event
}
