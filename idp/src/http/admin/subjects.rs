//! Subjects: list, read, create. What changes one that is there lies in [`super::subject_changes`].

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use wire::{
    NewSubject, Page, ProblemCode, SubjectDetail, SubjectId, SubjectQuery, SubjectSummary,
};

use super::caller::Caller;
use super::extract::{Asked, Body, Named, line, optional_line};
use super::page::Cut;
use super::refusal::Refusal;
use super::subject_detail::{detail, summary};
use crate::app::Shared;
use crate::store::{self, NewEvent, StoreError};

/// `GET /admin/v1/subjects`.
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<SubjectQuery>,
) -> Result<Json<Page<SubjectSummary>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let search = optional_line("search", query.search.as_deref(), LONGEST_SEARCH)?;
    let found = app
        .store
        .subjects(search.as_deref(), cut.after(), cut.rows())
        .await?;
    let (subjects, next) = cut.take(found, |subject| &subject.username);
    let ids: Vec<SubjectId> = subjects.iter().map(|subject| subject.id).collect();
    let mut factors = app.store.enrolled_factors(&ids).await?;
    let summarise = |subject: store::Subject| {
        let factors = factors.remove(&subject.id).unwrap_or_default();
        summary(subject, factors)
    };
    let items = subjects.into_iter().map(summarise).collect();
    Ok(Json(Page { items, next }))
}

/// `GET /admin/v1/subjects/{subject}`.
pub async fn show(
    State(app): State<Shared>,
    Named(id): Named<SubjectId>,
) -> Result<Json<SubjectDetail>, Refusal> {
    let subject = app.store.subject(id).await?;
    let subject = subject.ok_or_else(|| Refusal::no_such("subject"))?;
    Ok(Json(detail(&app, subject, app.clock.now()).await?))
}

/// `POST /admin/v1/subjects`.
pub async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewSubject>,
) -> Result<(StatusCode, Json<SubjectDetail>), Refusal> {
    let new = store::NewSubject {
        username: line("username", &new.username, LONGEST_USERNAME)?,
        display_name: line("display_name", &new.display_name, LONGEST_NAME)?,
        email: email(new.email.as_deref())?,
    };
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let created = change.create_subject(new, now).await;
    let subject = created.map_err(|error| match error {
        StoreError::Exists => Refusal::field(ProblemCode::NameTaken, "username", "is taken"),
        StoreError::Unavailable(_) | StoreError::Unreadable(_) => error.into(),
    })?;
    let event = NewEvent {
        subject: Some(subject.id),
        ..caller.did("subject.created")
    };
    change.append_event(event, now).await?;
    change.commit().await?;
    Ok((
        StatusCode::CREATED,
        Json(detail(&app, subject, now).await?),
    ))
}

/// An address by the little that every address has; whether it works is found out by writing to it.
fn email(text: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(text) = optional_line("email", text, LONGEST_EMAIL)? else {
        return Ok(None);
    };
    let parts = text.rsplit_once('@');
    let is_address = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(char::is_whitespace);
    if is_address {
        return Ok(Some(text));
    }
    let message = "is not an e-mail address";
    Err(Refusal::field(
        ProblemCode::InvalidRequest,
        "email",
        message,
    ))
}

const LONGEST_SEARCH: usize = 256;
const LONGEST_USERNAME: usize = 128;
const LONGEST_NAME: usize = 200;
/// RFC 5321 §4.5.3.1.3, less the brackets of a path.
const LONGEST_EMAIL: usize = 254;
