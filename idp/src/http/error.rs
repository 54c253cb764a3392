//! Every error that a handler can end in, and the one page that shows it.

use std::error::Error;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::headers::{Nonce, html};
use super::pages::Frame;
use super::pages::general::ErrorPage;
use crate::app::Shared;
use crate::capture::CaptureError;
use crate::factors::FactorError;
use crate::login::LoginError;
use crate::oidc::client::ClientId;
use crate::oidc::error::PageError;
use crate::store::StoreError;
use crate::tokens::TokensError;
use wire::FactorKind;

/// An error as a person is told of it.
#[derive(Clone, Debug)]
pub struct HttpError {
    pub status: StatusCode,
    /// A short name for logs, tests and support.
    pub code: &'static str,
    pub title: &'static str,
    pub advice: String,
    pub retry_after_s: Option<u64>,
    /// What the log says of it, where that is more than the title; never anything secret of the request.
    pub reason: Option<String>,
}

/// What the log is to say of a refusal whose answer is no page: its code, and why. Nothing secret of the request.
#[derive(Clone, Debug)]
pub struct Noted {
    pub code: &'static str,
    pub reason: String,
}

impl Noted {
    /// What an answer was refused for, where it was.
    pub fn of(response: &Response) -> Option<Self> {
        let extensions = response.extensions();
        let noted = extensions.get::<Self>().cloned();
        noted.or_else(|| {
            let error = extensions.get::<HttpError>()?;
            let reason = error.reason.as_deref().unwrap_or(error.title);
            Some(Self {
                code: error.code,
                reason: reason.to_owned(),
            })
        })
    }
}

/// Says in every line that is logged of this request which client it is of, or claims to be.
pub fn note_client(id: &ClientId) {
    tracing::Span::current().record("client", id.as_str());
}

impl HttpError {
    /// An error with a status, its name, what happened, and what to do.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            advice: advice.into(),
            retry_after_s: None,
            reason: None,
        }
    }

    /// A part that the request needs is down, or too much is asked at once.
    pub fn unavailable(code: &'static str, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                code,
                "This is not working right now",
                "Nothing was lost. Please try again in a moment.",
            )
        }
    }

    /// A fault of ours; what it was is in the log under the request's id.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "request_failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Something went wrong on our side",
            "Please try again. If it happens again, tell your administrator the request number below.",
        )
    }

    /// A page that was left open too long, or an attempt that ended.
    pub fn gone() -> Self {
        Self::new(
            StatusCode::GONE,
            "attempt_gone",
            "This page has ended",
            "It took too long, or it was finished already. To sign in, go back to the application and begin again.",
        )
    }

    /// A form that came from elsewhere.
    pub fn forbidden(code: &'static str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            code,
            "This page belongs to another browser",
            "Go back to the application and sign in again in this browser. Cookies must be allowed.",
        )
    }

    /// There is nothing at this address.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such page",
            "Check the address.",
        )
    }

    /// A request that cannot be read.
    pub fn bad_request(code: &'static str, advice: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            code,
            "This request cannot be used",
            advice,
        )
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::error!(error = &error as &dyn Error, "database_unavailable");
                Self::unavailable("database_unavailable", 5)
            }
            StoreError::Exists | StoreError::Unreadable(_) => Self::internal(&error),
        }
    }
}

impl From<FactorError> for HttpError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Busy => Self::unavailable("busy", 2),
            FactorError::Vault(_) => {
                tracing::error!(error = &error as &dyn Error, "vault_unavailable");
                Self::unavailable("vault_unavailable", 5)
            }
            FactorError::Store(error) => error.into(),
            FactorError::NotAvailable(_) => Self::new(
                StatusCode::NOT_FOUND,
                "factor_not_available",
                "This way is not available here",
                "Go back and choose another way.",
            ),
            FactorError::Malformed(_)
            | FactorError::Unusable(_)
            | FactorError::Refused(_)
            | FactorError::NotLive(..) => Self::bad_request("answer_unusable", error.to_string()),
            FactorError::Reference(..) | FactorError::Internal(..) => Self::internal(&error),
        }
    }
}

impl From<LoginError> for HttpError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Gone => Self::gone(),
            LoginError::OtherBrowser => Self::forbidden("other_browser"),
            LoginError::Moved => Self::new(
                StatusCode::CONFLICT,
                "attempt_moved",
                "This page was used already",
                "Go back to the application and sign in again.",
            ),
            LoginError::Invitation => Self::new(
                StatusCode::GONE,
                "invitation_unusable",
                "This invitation cannot be used",
                "It has expired, was used already, or was opened in another browser. Ask your administrator for a new one.",
            ),
            LoginError::ConsentMissing => Self::forbidden("consent_missing"),
            LoginError::Factor(error) => error.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<CaptureError> for HttpError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Moved => Self::new(
                StatusCode::CONFLICT,
                "capture_moved",
                "The camera has to start again",
                "Load this page again.",
            ),
            CaptureError::Gone => Self::new(
                StatusCode::GONE,
                "capture_gone",
                "The camera took too long",
                "Go back and start the camera again.",
            ),
            CaptureError::Held => Self::new(
                StatusCode::CONFLICT,
                "capture_held",
                "The camera is on in another window",
                "Go on there, or load this page again.",
            ),
            CaptureError::Exhausted => Self {
                retry_after_s: Some(120),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "captures_exhausted",
                    "The camera was started too often",
                    "Wait two minutes, or go back and choose another way.",
                )
            },
            CaptureError::Busy => Self::unavailable("busy", 1),
            CaptureError::OutOfOrder
            | CaptureError::Incomplete
            | CaptureError::Message(_)
            | CaptureError::Signature(_)
            | CaptureError::Frame(_) => Self::bad_request("frame_unusable", error.to_string()),
            CaptureError::NotAvailable => FactorError::NotAvailable(FactorKind::Face).into(),
            CaptureError::Store(error) => error.into(),
            CaptureError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<TokensError> for HttpError {
    fn from(error: TokensError) -> Self {
        if error.is_unavailable() {
            tracing::error!(error = &error as &dyn Error, "keys_unavailable");
            return Self::unavailable("keys_unavailable", 5);
        }
        Self::internal(&error)
    }
}

impl From<PageError> for HttpError {
    fn from(error: PageError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            reason: Some(error.to_string()),
            ..Self::new(
                status,
                error.code(),
                "The application's request cannot be used",
                error.sentence(),
            )
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Draws the page of an error that a handler ended in.
pub async fn draw(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let id = super::headers::request_id(request.headers());
    let for_programs = OF_PROGRAMS
        .iter()
        .any(|path| request.uri().path().starts_with(path));
    let response = next.run(request).await;
    let error = response.extensions().get::<HttpError>().cloned();
    let Some(error) = error.or_else(|| rejected(&response)) else {
        return response;
    };
    let close = response.headers().get(header::CONNECTION).cloned();
    if for_programs {
        let mut told = told(&error);
        if let Some(close) = close {
            told.headers_mut().insert(header::CONNECTION, close);
        }
        return told;
    }
    let nonce = Nonce::new();
    let language = super::speech::language();
    let view = ErrorPage {
        frame: Frame {
            demo: app.config.demo.enabled,
            ..Frame::new(nonce.text())
        },
        status: error.status.as_u16(),
        title: language.reword(error.title),
        advice: language.reword(&error.advice),
        code: error.code.to_owned(),
        request_id: id,
        retry_after: error.retry_after_s,
    };
    let mut page = html(error.status, &view, &nonce, &[]);
    if let Some(close) = close {
        page.headers_mut().insert(header::CONNECTION, close);
    }
    for (name, value) in response.headers() {
        if name == header::RETRY_AFTER || name == header::SET_COOKIE {
            page.headers_mut().append(name, value.clone());
        }
    }
    // For the log, which says more than the page.
    page.extensions_mut().insert(error);
    page
}

/// The error as a program reads it (RFC 6749 §5.2): no page, and a registered code.
fn told(error: &HttpError) -> Response {
    let code = match error.status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            "temporarily_unavailable"
        }
        StatusCode::INTERNAL_SERVER_ERROR => "server_error",
        _ => "invalid_request",
    };
    // RFC 6749 §5.2 leaves some characters out of a description.
    let says = error.title.replace(['"', '\\'], "");
    let body = serde_json::json!({ "error": code, "error_description": says });
    let mut response = (error.status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(error.clone());
    response
}

/// Where no person looks.
const OF_PROGRAMS: [&str; 8] = [
    "/token",
    "/revoke",
    "/introspect",
    "/par",
    "/register",
    "/userinfo",
    "/device_authorization",
    "/bc-authorize",
];

/// What the router itself refused, such as an address that is no attempt's: a page like any other refusal.
fn rejected(response: &Response) -> Option<HttpError> {
    let kind = response.headers().get(header::CONTENT_TYPE)?;
    let is_plain = kind.as_bytes().starts_with(b"text/plain");
    (response.status().is_client_error() && is_plain).then(|| HttpError {
        status: response.status(),
        ..HttpError::bad_request("malformed", "Check the address, or go back and try again.")
    })
}
