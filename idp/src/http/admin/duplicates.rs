//! People who are enrolled twice: a search is started here and carried out in the background, and each pair that it
//! raised waits for an operator's decision. Nothing else comes of it: nobody is refused by a search.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;
use wire::{
    DecideDuplicate, DuplicatePair, DuplicatePairId, DuplicateQuery, DuplicateSearch,
    DuplicateSearchId, FactorKind, NewDuplicateSearch, Page, PageQuery, PairedSubject, ProblemCode,
    SubjectId,
};

use super::caller::Caller;
use super::extract::{Asked, Body, Named};
use super::page::Cut;
use super::refusal::Refusal;
use crate::app::{App, Shared};
use crate::factors::duplicates;
use crate::store::{self, DuplicatePairRow, DuplicateSearchRow, StoreError};

/// `GET /admin/v1/duplicate-searches`: the newest first.
pub async fn searches(
    State(app): State<Shared>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<DuplicateSearch>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let before = cursor(&cut)?.map(DuplicateSearchId);
    let found = app.store.duplicate_searches(before, cut.rows()).await?;
    let named = found.into_iter().map(|row| (row.id.to_string(), row));
    Ok(Json(cut.page(
        named.collect(),
        |(id, _)| id.as_str(),
        |(_, row)| told(row),
    )))
}

/// `POST /admin/v1/duplicate-searches`.
pub async fn start(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewDuplicateSearch>,
) -> Result<(StatusCode, Json<DuplicateSearch>), Refusal> {
    let rate = new.false_positive_identification_rate;
    if !duplicates::is_rate(rate) {
        return Err(Refusal::field(
            ProblemCode::InvalidRequest,
            "false_positive_identification_rate",
            "lies above 0, and is at most 0.5",
        ));
    }
    if !matches!(new.factor, FactorKind::Face | FactorKind::Fingerprint) {
        let message = "is face or fingerprint";
        return Err(Refusal::field(
            ProblemCode::InvalidRequest,
            "factor",
            message,
        ));
    }
    if app.journey.factors.factor(new.factor).is_err() {
        return Err(Refusal::conflict(format!(
            "{} is switched off in this deployment",
            new.factor
        )));
    }
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let search = store::NewDuplicateSearch {
        id: DuplicateSearchId(Uuid::now_v7()),
        factor: new.factor,
        rate,
        started_by: caller.name.clone(),
    };
    let started = change.start_duplicate_search(search, now).await;
    let row = started.map_err(|error| match error {
        StoreError::Exists => Refusal::conflict("a search is running: wait for its end"),
        StoreError::Unavailable(_) | StoreError::Unreadable(_) => error.into(),
    })?;
    let mut event = caller.did("duplicates.search_started");
    event.factor = Some(new.factor);
    event.detail.extend([
        ("search".to_owned(), row.id.to_string()),
        (
            "false_positive_identification_rate".to_owned(),
            rate.to_string(),
        ),
    ]);
    change.append_event(event, now).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(told(row))))
}

/// `GET /admin/v1/duplicate-pairs`.
pub async fn pairs(
    State(app): State<Shared>,
    Asked(query): Asked<DuplicateQuery>,
) -> Result<Json<Page<DuplicatePair>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let after = cursor(&cut)?.map(DuplicatePairId);
    let found = app
        .store
        .duplicate_pairs(query.decided, after, cut.rows())
        .await?;
    let named = found.into_iter().map(|row| (row.id.to_string(), row));
    let (rows, next) = cut.take(named.collect(), |(id, _)| id.as_str());
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    let items = with_names(&app, rows).await?;
    Ok(Json(Page { items, next }))
}

/// `POST /admin/v1/duplicate-pairs/{pair}/decision`: the first one stands.
pub async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<DuplicatePairId>,
    Body(asked): Body<DecideDuplicate>,
) -> Result<Json<DuplicatePair>, Refusal> {
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let known = change.duplicate_pair(id).await?;
    let known = known.ok_or_else(|| Refusal::no_such("pair"))?;
    let decided = change.decide_duplicate(id, asked.decision, &caller.name, now);
    if !decided.await? {
        return Err(Refusal::conflict("the pair is decided already"));
    }
    let mut event = caller.did("duplicate.decided");
    event.subject = Some(known.pair.one.0);
    event.factor = Some(known.factor);
    event.detail.extend([
        ("other".to_owned(), known.pair.other.0.to_string()),
        ("decision".to_owned(), asked.decision.to_string()),
    ]);
    change.append_event(event, now).await?;
    change.commit().await?;
    let row = DuplicatePairRow {
        decision: Some(asked.decision),
        decided_by: Some(caller.name),
        decided_at: Some(now),
        ..known
    };
    let mut named = with_names(&app, vec![row]).await?;
    named
        .pop()
        .map(Json)
        .ok_or_else(|| Refusal::no_such("pair"))
}

/// The identifier that a page begins behind.
fn cursor(cut: &Cut) -> Result<Option<Uuid>, Refusal> {
    let parsed = cut.after().map(Uuid::parse_str).transpose();
    parsed.map_err(|_| {
        let message = "is not what a page before gave as `next`";
        Refusal::field(ProblemCode::InvalidRequest, "after", message)
    })
}

async fn with_names(
    app: &App,
    rows: Vec<DuplicatePairRow>,
) -> Result<Vec<DuplicatePair>, StoreError> {
    let ids = rows
        .iter()
        .flat_map(|row| [row.pair.one.0, row.pair.other.0]);
    let mut ids: Vec<SubjectId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let names = app.store.usernames(&ids).await?;
    let side = |id: SubjectId| PairedSubject {
        id,
        username: names.get(&id).cloned().unwrap_or_default(),
    };
    let item = |row: DuplicatePairRow| DuplicatePair {
        id: row.id,
        search: row.search,
        factor: row.factor,
        one: side(row.pair.one.0),
        other: side(row.pair.other.0),
        found_at: row.found_at,
        decision: row.decision,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
    };
    Ok(rows.into_iter().map(item).collect())
}

fn told(row: DuplicateSearchRow) -> DuplicateSearch {
    DuplicateSearch {
        id: row.id,
        factor: row.factor,
        false_positive_identification_rate: row.rate,
        status: row.status,
        started_by: row.started_by,
        started_at: row.started_at,
        ended_at: row.ended_at,
        people: row.tally.people,
        left_out: row.tally.left_out,
        compared: row.tally.compared,
        comparisons: row.tally.comparisons,
        false_match_rate: row.false_match_rate,
        alike: row.alike,
        raised: row.raised,
        problem: row.problem,
    }
}
