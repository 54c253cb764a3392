//! Outside text into types, once: bodies, queries, path segments and single fields, each refused as a problem.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use wire::ProblemCode;

use super::refusal::Refusal;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Json::<T>::from_request(request, state).await;
        body.map(|Json(body)| Self(body))
            .map_err(|rejection| Refusal::invalid(rejection.body_text()))
    }
}

/// The query.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Refusal::invalid(rejection.body_text()))
    }
}

/// What the path names. What cannot be a name is the name of nothing.
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named))
            .map_err(|_| Refusal::no_such("thing"))
    }
}

/// One line of text, trimmed, of a bounded length and without control characters, some of which
/// (U+0000) a database would refuse and others would garble a terminal.
pub fn line(field: &str, text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let problem = match text.chars().count() {
        0 => "must not be empty".to_owned(),
        length if length > longest => format!("has more than {longest} characters"),
        _ if text.chars().any(char::is_control) => "has a control character".to_owned(),
        _ => return Ok(text.to_owned()),
    };
    Err(Refusal::field(ProblemCode::InvalidRequest, field, problem))
}

/// As [`line()`], where the text may be left out.
pub fn optional_line(
    field: &str,
    text: Option<&str>,
    longest: usize,
) -> Result<Option<String>, Refusal> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| line(field, text, longest)).transpose()
}
