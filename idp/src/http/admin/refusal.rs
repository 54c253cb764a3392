//! Every way in which the admin API says no, and the one shape it says it in (RFC 9457).

use std::error::Error;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::{Problem, ProblemCode};

use crate::store::StoreError;

/// A problem on its way to whoever asked.
#[derive(Debug)]
pub struct Refusal {
    problem: Box<Problem>,
    retry_after_s: Option<u64>,
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            problem: Box::new(Problem::new(code)),
            retry_after_s: None,
        }
    }

    /// Says what went wrong this time.
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    /// Says when to come back.
    pub fn for_seconds(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// A body or a query that does not parse.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::InvalidRequest).because(detail)
    }

    /// A field that is not acceptable.
    pub fn field(code: ProblemCode, name: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut refusal = Self::new(code).because(format!("{name}: {message}"));
        refusal.problem.fields.insert(name.to_owned(), message);
        refusal
    }

    /// There is no such thing.
    pub fn no_such(thing: &str) -> Self {
        Self::new(ProblemCode::NotFound).because(format!("there is no such {thing}"))
    }

    /// What was asked does not fit.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::StateConflict).because(detail)
    }

    /// A path that is there, and not for this method (RFC 9110 §15.5.6).
    pub fn method_not_allowed(method: &Method) -> Self {
        let refusal = Self::invalid(format!("this path does not take {method}"));
        refusal.with_status(StatusCode::METHOD_NOT_ALLOWED)
    }

    /// The same under a status that says it better.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.problem.status = status.as_u16();
        self
    }

    /// A fault of ours; what it was is in the log under the request's id.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "admin_request_failed");
        Self::new(ProblemCode::Internal)
    }

    fn unavailable(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "database_unavailable");
        Self::new(ProblemCode::Unavailable)
            .because("the database does not answer; try again in a moment")
            .for_seconds(5)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Exists | StoreError::Unreadable(_) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let body =
            serde_json::to_vec(&self.problem).expect("invariant: a problem is strings and numbers");
        let mut response = (status, kind, body).into_response();
        if let Some(seconds) = self.retry_after_s {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Adds the challenge that a 401 has to carry (RFC 9110 §15.5.2): the same whether the token is unknown, expired or
/// revoked. Where none came it names no error (RFC 6750 §3.1).
pub async fn name_the_realm(request: Request, next: Next) -> Response {
    let credentials = request.headers().get(header::AUTHORIZATION);
    let scheme = credentials.map(|value| value.as_bytes().split(|byte| *byte == b' ').next());
    let came = scheme.is_some_and(|it| it.is_some_and(|it| it.eq_ignore_ascii_case(b"bearer")));
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(if came { CHALLENGE } else { REALM });
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

pub const REALM: &str = r#"Bearer realm="whorl admin""#;
pub const CHALLENGE: &str = r#"Bearer realm="whorl admin", error="invalid_token""#;
