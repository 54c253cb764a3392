//! `GET /me/history`: what happened, page by page.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Entry, HttpError, Needs, enter, frame, moment};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::pages::me::{History, HistoryLine};
use crate::http::speech;
use crate::portal::{Line, PER_PAGE};

/// From where on.
#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<i64>,
}

/// `GET /me/history`.
pub(super) async fn show(
    State(app): State<Shared>,
    Query(place): Query<Place>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::Session, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let id = visitor.subject.id;
    let found = app
        .history(id, place.before, PER_PAGE, speech::language())
        .await?;
    let is_full = found.len() as u64 == PER_PAGE;
    let last = found.last().map(|line| line.seq).filter(|_| is_full);
    let nonce = Nonce::new();
    let view = History {
        frame: frame(&app, &nonce),
        username: visitor.subject.username.clone(),
        lines: lines(found),
        older: last.map(|seq| format!("{PAGE}?before={seq}")),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// As a page shows them.
pub(super) fn lines(found: Vec<Line>) -> Vec<HistoryLine> {
    let line = |line: Line| HistoryLine {
        at: moment(line.at),
        text: line.text,
        place: line.place,
        reason: line.reason,
        is_refusal: line.is_refusal,
    };
    found.into_iter().map(line).collect()
}

const PAGE: &str = "/me/history";
