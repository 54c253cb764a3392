//! All that is kept about a person, as one JSON document (GDPR articles 15 and 20).
//!
//! What would let its holder pass for the person is described and not given: hashes, secrets, sealed templates.

use std::collections::BTreeMap;

use matcher::anomaly::Habits;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::AuditEvent;

use super::{Owner, PortalError};
use crate::app::App;
use crate::factors::Outcome;
use crate::factors::passkey::Backup;
use crate::login::policy::replay::Past;
use crate::login::risk::habits;
use crate::login::risk::told::RISK_TOLD;
use crate::login::session::LiveSession;
use crate::oidc::amr;
use crate::store::{AuditFilter, Credential, Decision, Session, StoreError};

impl App {
    /// Writes it, and notes that it was asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_own_data(
        &self,
        owner: &Owner,
        now: OffsetDateTime,
    ) -> Result<Value, PortalError> {
        let id = owner.subject;
        let subject = self.store.subject(id).await?;
        let subject = subject.ok_or(PortalError::Unknown)?;
        self.store
            .append_event(owner.did("data.downloaded"), now)
            .await?;
        let credentials = self.store.credentials(id).await?;
        let consents = self.store.consents_of(id).await?;
        let granted = self.store.clients_of_subject(id).await?;
        let biometric = self.store.biometric_consent(id).await?;
        let links = self.store.account_links(id).await?;
        let spoken = self.store.spoken(id).await?;
        let sessions = self.store.sessions_of(id, now).await?;
        let sessions: Result<Vec<Value>, StoreError> = sessions.into_iter().map(session).collect();
        let devices = self.store.device_keys_of(id, now).await?;
        let (events, complete) = self.events_of(owner).await?;
        let profile = self.store.risk_profile(id).await?;
        let decisions = self.store.decisions_of(id, MOST_DECISIONS).await?;
        Ok(json!({
            "format": FORMAT,
            "issuer": self.config.issuer_text(),
            "made_at": when(now),
            "account": {
                "id": id,
                "username": subject.username,
                "display_name": subject.display_name,
                "email": subject.email,
                "email_verified": subject.email_verified,
                "status": subject.status,
                "created_at": when(subject.created_at),
                "last_login_at": subject.last_login_at.map(when),
                "claims": subject.claims,
            },
            "language": spoken.map(|spoken| json!({
                "tag": spoken.language,
                "chosen": spoken.is_chosen,
            })),
            "factors": credentials.iter().map(credential).collect::<Vec<_>>(),
            "biometric_consent": biometric.map(|consent| json!({
                "version": consent.version,
                "given_at": when(consent.granted_at),
            })),
            "consents": consents.iter().map(|(client, scopes, at)| json!({
                "client": client,
                "scopes": scopes.split_whitespace().collect::<Vec<_>>(),
                "given_at": when(*at),
            })).collect::<Vec<_>>(),
            "applications": granted.iter().map(|(client, at)| json!({
                "client": client,
                "last_signed_in_at": when(*at),
            })).collect::<Vec<_>>(),
            "accounts_elsewhere": links.iter().map(|link| json!({
                "issuer": link.account.issuer,
                "tenant": link.account.tenant,
                "id": link.account.id,
                "linked_at": when(link.created_at),
            })).collect::<Vec<_>>(),
            "trusted_browsers": devices.iter().map(|key| json!({
                "id": key.id,
                "browser": key.user_agent,
                "since": when(key.created_at),
                "last_used_at": key.last_used_at.map(when),
                "until": when(key.expires_at),
            })).collect::<Vec<_>>(),
            "sessions": sessions?,
            "habits": habits(&profile.bytes).map(|it| habits_told(&it)),
            "logins": decisions.iter().filter_map(login).collect::<Vec<_>>(),
            "events": events,
            "events_complete": complete,
            "not_included": "Hashes of passwords, secrets of authenticator apps and sealed templates of faces and fingers: \
                             whoever had them could pass for you, and a template can be opened by this server alone. \
                             Places, addresses and browsers that you are known by are kept as digests, and only counted \
                             here. How well a face or finger matched, and how likely it was held that somebody else was at \
                             work: whoever reads such scores learns to pass.",
        }))
    }

    /// Everything that happened to the account, the oldest first, and whether that is all of it.
    async fn events_of(&self, owner: &Owner) -> Result<(Vec<Value>, bool), PortalError> {
        let mut events = Vec::new();
        let mut after = Some(0);
        while events.len() < MOST_EVENTS {
            let filter = AuditFilter {
                subject: Some(owner.subject),
                after,
                ..AuditFilter::default()
            };
            let slice = self.store.events(&filter, AT_ONCE).await?;
            let Some(last) = slice.last() else {
                return Ok((events, true));
            };
            after = Some(last.seq);
            events.extend(slice.into_iter().filter_map(event));
        }
        Ok((events, false))
    }
}

/// An event as the person is told it: of what is theirs to know. How a liveness check or a risk was judged would teach
/// whoever tries them, and a search for duplicates is about somebody else too.
fn event(mut event: AuditEvent) -> Option<Value> {
    if WITHHELD.iter().any(|kind| event.kind.starts_with(kind)) {
        return None;
    }
    let odd = event.detail.remove(RISK_TOLD);
    let odd: Option<Value> = odd.and_then(|odd| serde_json::from_str(&odd).ok());
    event
        .detail
        .retain(|name, _| DETAILS.contains(&name.as_str()));
    // Who administers is not the person's, that somebody did is.
    let by_operator = event.operator.take().is_some();
    let mut told = json!(event);
    told["by_administrator"] = by_operator.into();
    told["unusual"] = odd.into();
    Some(told)
}

/// What is remembered to tell others' logins from the person's own.
fn habits_told(habits: &Habits) -> Value {
    let last = habits.last_s;
    let last = last.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let known: BTreeMap<&str, usize> = habits.known.into_iter().collect();
    let page: BTreeMap<&str, Option<f32>> = habits.page.into_iter().collect();
    json!({
        "logins": habits.logins,
        "last_login_at": last.map(when),
        "by_hour_utc": habits.hours,
        "by_weekday_from_monday": habits.weekdays,
        "known": known,
        "page": page,
    })
}

/// A login that is kept so that policies can be tried on it, and the model learns; nothing of how it was judged.
fn login(kept: &Decision) -> Option<Value> {
    let past: Past = serde_json::from_value(kept.past.clone()).ok()?;
    let shown = past
        .evidence
        .iter()
        .filter(|it| it.outcome == Outcome::Match);
    let shown = shown.map(|it| json!({ "factor": it.factor.as_str(), "at": when(it.at) }));
    Some(json!({
        "client": kept.client,
        "at": when(kept.at),
        "kept_until": when(kept.expires_at),
        "acr": past.reached.as_ref().map(ToString::to_string),
        "admitted": past.reached.is_some(),
        "address": past.seen.address,
        "browser": past.seen.user_agent,
        "client_hints": past.seen.hints,
        "country": past.seen.place.country,
        "city": past.seen.place.city,
        "page": past.seen.page,
        "groups": past.circumstances.groups,
        "shown": shown.collect::<Vec<_>>(),
        "could_show": past.enrolled.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
    }))
}

fn credential(held: &Credential) -> Value {
    json!({
        "id": held.id,
        "kind": held.factor.as_str(),
        "label": held.label,
        "model": held.model,
        "version": held.version,
        "backup": Backup::of(held).map(Backup::as_str),
        "added_at": when(held.created_at),
        "last_used_at": held.last_used_at.map(when),
    })
}

fn session(session: Session) -> Result<Value, StoreError> {
    let (agent, since) = (session.user_agent.clone(), session.created_at);
    let (seen, until) = (session.last_seen_at, session.expires_at);
    let live = LiveSession::try_from(session)?;
    let methods = live.evidence.iter().flat_map(|it| it.amr.iter().copied());
    let methods = amr::combine(methods).into_iter();
    Ok(json!({
        "id": live.sid,
        "browser": agent,
        "began_at": when(since),
        "signed_in_at": when(live.auth_time),
        "last_seen_at": when(seen),
        "expires_at": when(until),
        "methods": methods.map(|it| it.as_str().to_owned()).collect::<Vec<_>>(),
    }))
}

fn when(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Of an event's details, what the person gets.
const DETAILS: [&str; 16] = [
    "acr",
    "address",
    "amr",
    "browser",
    "by",
    "capture",
    "credential",
    "error",
    "granted",
    "label",
    "model",
    "place",
    "reason",
    "revoked",
    "scopes",
    "version",
];
/// What begins like this is not the person's alone.
const WITHHELD: [&str; 2] = ["duplicate", "risk"];
/// The layout of the document.
const FORMAT: &str = "whorl-account-1";
/// Events read at once, and the most that one document holds.
const AT_ONCE: u64 = 1_000;
const MOST_EVENTS: usize = 100_000;
const MOST_DECISIONS: u64 = 100_000;
