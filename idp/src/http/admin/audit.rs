//! The audit trail: the newest events, older ones, and those to come.
//!
//! A request that waits holds no connection of the database while it does. It is woken by what this process
//! appends, and asks again each second for what other replicas did.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use wire::{AuditPage, AuditQuery, MAX_AUDIT_WAIT_S, ProblemCode, SubjectId};

use super::caller::Desk;
use super::extract::{Asked, optional_line};
use super::page::at_most;
use super::refusal::Refusal;
use crate::app::{App, Shared};
use crate::store::{AuditFilter, AuditSlice};

/// `GET /admin/v1/audit`.
pub async fn list(
    State(app): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Json<AuditPage>, Refusal> {
    let kind = optional_line("kind", query.kind.as_deref(), LONGEST_KIND)?;
    let wanted = Wanted {
        subject: query.subject,
        kind,
        limit: at_most(query.limit)?,
    };
    let now = app.clock.now();
    let slice = match (query.after, query.before) {
        (Some(_), Some(_)) => {
            let message = "goes with `before` in no request";
            return Err(Refusal::field(
                ProblemCode::InvalidRequest,
                "after",
                message,
            ));
        }
        (None, None) => {
            let newest = app.store.newest_events(wanted.filter(), wanted.limit, now);
            newest.await?
        }
        (None, Some(before)) => older(&app, &wanted, before).await?,
        (Some(after), None) => {
            let wait = query.wait_s.unwrap_or(0).min(MAX_AUDIT_WAIT_S);
            let until = Instant::now() + Duration::from_secs(wait.into());
            follow(&app, &desk, &wanted, (after.max(0), until)).await?
        }
    };
    Ok(Json(named(&app, slice).await?))
}

/// What a request asks of each event.
struct Wanted {
    subject: Option<SubjectId>,
    kind: Option<String>,
    limit: u64,
}

impl Wanted {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            subject: self.subject,
            kind: self.kind.clone(),
            ..AuditFilter::default()
        }
    }
}

async fn older(app: &App, wanted: &Wanted, before: i64) -> Result<AuditSlice, Refusal> {
    let filter = AuditFilter {
        before: Some(before),
        ..wanted.filter()
    };
    let last_seq = before
        .saturating_sub(1)
        .clamp(0, app.store.last_event().await?);
    let events = app.store.events(&filter, wanted.limit).await?;
    Ok(AuditSlice { events, last_seq })
}

/// The events behind a place; where there are none, those that come before the time is over.
async fn follow(
    app: &App,
    desk: &Desk,
    wanted: &Wanted,
    (mut after, until): (i64, Instant),
) -> Result<AuditSlice, Refusal> {
    // Before the first look, so that what is appended after it wakes us.
    let mut appended = app.store.appended();
    let mut place = None;
    loop {
        let now: OffsetDateTime = app.clock.now();
        let store = &app.store;
        let slice = store
            .events_after(wanted.filter(), after, wanted.limit, now)
            .await?;
        let moved = slice.last_seq > after;
        after = slice.last_seq;
        if !slice.events.is_empty() || Instant::now() >= until {
            return Ok(slice);
        }
        if moved {
            // The filter left out all of a long stretch: there may be more behind it already.
            continue;
        }
        if place.is_none() {
            let free = desk.waiting.clone().try_acquire_owned();
            place = Some(free.map_err(|_| {
                Refusal::new(ProblemCode::RateLimited)
                    .because("too many requests wait for events; ask without `wait_s`")
                    .for_seconds(5)
            })?);
        }
        let next_look = until.min(Instant::now() + LOOK_EVERY);
        // Woken or not: what counts is what the next look finds.
        let _woken = timeout_at(next_look, appended.changed()).await;
    }
}

/// Names the subjects that there still are. Events hold identifiers only, so that an erased name is gone
/// from the trail too.
async fn named(app: &App, slice: AuditSlice) -> Result<AuditPage, Refusal> {
    let AuditSlice {
        mut events,
        last_seq,
    } = slice;
    let mut ids: Vec<SubjectId> = events.iter().filter_map(|event| event.subject).collect();
    ids.sort_unstable();
    ids.dedup();
    if !ids.is_empty() {
        let names = app.store.usernames(&ids).await?;
        for event in events.iter_mut().filter(|event| event.username.is_none()) {
            let name = event.subject.and_then(|id| names.get(&id));
            event.username = name.cloned();
        }
    }
    Ok(AuditPage { events, last_seq })
}

/// How often a request that waits looks for what other replicas appended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LONGEST_KIND: usize = 64;
