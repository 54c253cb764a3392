//! The policy: read, checked, tried on the past, replaced. Of two who change the same revision one is told that the other
//! was faster (RFC 9110 §13.1.1).

use std::sync::Arc;
use std::time::Duration as StdDuration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use time::Duration;
use wire::{
    NewPolicy, Page, PageQuery, PolicyCheck, PolicyFault, PolicyInForce, PolicyOrigin,
    PolicyRevision, PolicyRevisionDetail, PolicySimulation, PolicyText, ProblemCode, TryPolicy,
};

use super::caller::{Caller, Desk};
use super::extract::{Asked, Body, Named, optional_line};
use super::page::Cut;
use super::refusal::Refusal;
use crate::app::{App, Shared};
use crate::login::policy::Policy;
use crate::policies::draft::{self, Fault};
use crate::policies::simulation::{Bounds, replay};
use crate::policies::table;
use crate::store::{self, StoreError};

type Tagged = ([(HeaderName, String); 1], Json<PolicyInForce>);

/// `GET /admin/v1/policy`.
pub async fn show(State(app): State<Shared>) -> Result<Tagged, Refusal> {
    take(&app).await?;
    Ok(in_force(&app))
}

/// `POST /admin/v1/policy/check`.
pub async fn check(State(app): State<Shared>, Body(asked): Body<PolicyText>) -> Json<PolicyCheck> {
    Json(match draft::read(&asked.text, &app.config) {
        Ok(policy) => PolicyCheck {
            faults: Vec::new(),
            table: Some(table::of(&app.config, &policy)),
        },
        Err(faults) => PolicyCheck {
            faults: faults.into_iter().map(told).collect(),
            table: None,
        },
    })
}

/// `POST /admin/v1/policy/simulate`: one at a time in this process.
pub async fn simulate(
    State(app): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    Body(asked): Body<TryPolicy>,
) -> Result<Json<PolicySimulation>, Refusal> {
    let days = asked.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=LONGEST_DAYS).contains(&days) {
        let message = format!("is 1 to {LONGEST_DAYS}");
        return Err(Refusal::field(ProblemCode::InvalidRequest, "days", message));
    }
    let policy = Arc::new(usable(&app, &asked.text)?);
    let Ok(_alone) = desk.simulating.try_acquire() else {
        return Err(Refusal::new(ProblemCode::RateLimited)
            .because("another simulation runs")
            .for_seconds(5));
    };
    let since = app.clock.now() - Duration::days(days.into());
    let outcome = replay(&app.store, &policy, since, BOUNDS).await?;
    Ok(Json(outcome.told(days)))
}

/// `PUT /admin/v1/policy`.
pub async fn replace(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Body(new): Body<NewPolicy>,
) -> Result<Tagged, Refusal> {
    let seen = seen(&headers)?;
    let note = optional_line("note", new.note.as_deref(), LONGEST_NOTE)?;
    usable(&app, &new.text)?;
    change(&app, &caller, seen, (Some(new.text), note)).await
}

/// `DELETE /admin/v1/policy`: the configuration's counts again.
pub async fn reset(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Tagged, Refusal> {
    let seen = seen(&headers)?;
    change(&app, &caller, seen, (None, None)).await
}

/// `GET /admin/v1/policy/revisions`: the newest first.
pub async fn revisions(
    State(app): State<Shared>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<PolicyRevision>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let before = cut.after().map(str::parse).transpose().map_err(|_| {
        let message = "is not what a page before gave as `next`";
        Refusal::field(ProblemCode::InvalidRequest, "after", message)
    })?;
    let found = app.store.policy_revisions(before, cut.rows()).await?;
    let named = found
        .into_iter()
        .map(|(row, is_own)| (row.number.to_string(), row, is_own));
    Ok(Json(cut.page(
        named.collect(),
        |(number, ..)| number.as_str(),
        |(_, row, is_own)| PolicyRevision {
            revision: row.number,
            origin: origin(is_own),
            changed_by: row.changed_by,
            changed_at: row.at,
            note: row.note,
        },
    )))
}

/// `GET /admin/v1/policy/revisions/{revision}`.
pub async fn revision(
    State(app): State<Shared>,
    Named(number): Named<i64>,
) -> Result<Json<PolicyRevisionDetail>, Refusal> {
    let found = app.store.policy_revision(number).await?;
    let row = found.ok_or_else(|| Refusal::no_such("revision of the policy"))?;
    Ok(Json(PolicyRevisionDetail {
        change: PolicyRevision {
            revision: row.number,
            origin: origin(row.text.is_some()),
            changed_by: row.changed_by,
            changed_at: row.at,
            note: row.note,
        },
        text: row.text,
    }))
}

/// Keeps a change of the revision that was seen, and turns to it.
async fn change(
    app: &App,
    caller: &Caller,
    seen: i64,
    (text, note): (Option<String>, Option<String>),
) -> Result<Tagged, Refusal> {
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let newest = change.newest_policy_number().await?;
    if newest != seen {
        return Err(overtaken(newest));
    }
    let revision = store::PolicyRevision {
        number: seen.saturating_add(1),
        text,
        changed_by: caller.name.to_string(),
        note,
        at: now,
    };
    let kept = change.keep_policy_revision(&revision).await;
    kept.map_err(|error| match error {
        StoreError::Exists => overtaken(revision.number),
        StoreError::Unavailable(_) | StoreError::Unreadable(_) => error.into(),
    })?;
    let mut event = caller.did("policy.changed");
    let origin = match revision.text {
        Some(_) => "revision",
        None => "file",
    };
    event.detail.extend([
        ("revision".to_owned(), revision.number.to_string()),
        ("origin".to_owned(), origin.to_owned()),
    ]);
    event
        .detail
        .extend(revision.note.map(|note| ("note".to_owned(), note)));
    change.append_event(event, now).await?;
    change.commit().await?;
    take(app).await?;
    Ok(in_force(app))
}

/// Turns to the newest policy where this replica has not yet.
async fn take(app: &App) -> Result<(), Refusal> {
    match app.take_policy().await {
        Ok(_) => Ok(()),
        Err(crate::policies::PolicyRefused::Store(error)) => Err(error.into()),
        // What counts here is what is told; the log has why it is not the newest.
        Err(error @ crate::policies::PolicyRefused::Faulty { .. }) => {
            tracing::error!(error = &error as &dyn std::error::Error, "policy_refused");
            Ok(())
        }
    }
}

/// The policy of this moment, with its revision as its tag.
fn in_force(app: &App) -> Tagged {
    let now = app.journey.policy();
    let change = now.change.as_ref();
    let told = PolicyInForce {
        revision: now.number(),
        origin: origin(now.text.is_some()),
        changed_by: change.map(|change| change.by.clone()),
        changed_at: change.map(|change| change.at),
        note: change.and_then(|change| change.note.clone()),
        text: now.text.clone().unwrap_or_else(|| draft::written(&now)),
        table: table::of(&app.config, &now),
    };
    (
        [(header::ETAG, format!("\"{}\"", now.number()))],
        Json(told),
    )
}

fn origin(is_own: bool) -> PolicyOrigin {
    match is_own {
        true => PolicyOrigin::Revision,
        false => PolicyOrigin::File,
    }
}

/// The policy of a text that may count.
fn usable(app: &App, text: &str) -> Result<Policy, Refusal> {
    draft::read(text, &app.config).map_err(|faults| {
        let message = draft::in_one_line(&faults);
        Refusal::field(ProblemCode::InvalidRequest, "text", message)
    })
}

fn told(fault: Fault) -> PolicyFault {
    PolicyFault {
        message: fault.message,
        line: fault.line.and_then(|line| u32::try_from(line).ok()),
    }
}

/// The one revision that a change is of (RFC 9110 §13.1.1); without it nothing is changed (RFC 6585 §3).
fn seen(headers: &HeaderMap) -> Result<i64, Refusal> {
    let mut tags = headers.get_all(header::IF_MATCH).iter();
    let (tag, more) = (tags.next(), tags.next());
    let Some(tag) = tag.filter(|_| more.is_none()) else {
        let status = StatusCode::PRECONDITION_REQUIRED;
        return Err(Refusal::invalid("say in If-Match which revision you saw").with_status(status));
    };
    let tag = tag.to_str().ok();
    let tag = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
    let number = tag.and_then(|tag| tag.parse::<u32>().ok());
    number
        .map(i64::from)
        .ok_or_else(|| Refusal::invalid("If-Match is one ETag of this policy, such as \"3\""))
}

fn overtaken(newest: i64) -> Refusal {
    let why = format!("somebody else changed it: the policy is at revision {newest}");
    Refusal::conflict(why).with_status(StatusCode::PRECONDITION_FAILED)
}

const LONGEST_NOTE: usize = 200;
const DEFAULT_DAYS: u32 = 30;
/// As long as logins can be kept.
const LONGEST_DAYS: u32 = 3650;
/// What one answer may cost.
const BOUNDS: Bounds = Bounds {
    logins: 50_000,
    time: StdDuration::from_secs(10),
};
