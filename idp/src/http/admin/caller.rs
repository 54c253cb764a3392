//! Who asks: the operator of a bearer token (RFC 6750 §2.1), and whether the role suffices.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use secrecy::ExposeSecret;
use std::num::NonZeroU32;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use wire::{Action, AuditOutcome, Operator, OperatorName, ProblemCode, Role};

use super::refusal::Refusal;
use crate::app::Shared;
use crate::login::Trail;
use crate::oidc::bearer;
use crate::oidc::parameters::Parameters;
use crate::random;
use crate::store::{NewEvent, Presented};

/// What all requests to this API share in this process.
pub struct Desk {
    app: Shared,
    /// How often the refusals of one operator, or of nobody known, are written into the trail. The
    /// refusals themselves are not bounded: 256 random bits are not guessed.
    refusals: DefaultKeyedRateLimiter<String>,
    /// Places for requests that wait for an event.
    pub waiting: Arc<Semaphore>,
    /// The place for a policy that is tried on the past, which reads thousands of logins.
    pub simulating: Semaphore,
}

impl Desk {
    pub fn new(app: Shared) -> Self {
        Self {
            app,
            refusals: RateLimiter::keyed(Quota::per_minute(REFUSALS_PER_MINUTE)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            simulating: Semaphore::new(1),
        }
    }

    /// Notes a refusal in the trail, where there were not many just before.
    async fn note_refusal(&self, operator: Option<OperatorName>, why: &str, what: &str) {
        let key = operator.as_ref().map_or("", OperatorName::as_str);
        if self.refusals.check_key(&key.to_owned()).is_err() {
            return;
        }
        let trail = Trail {
            subject: None,
            client: None,
            attempt: None,
            address: None,
        };
        let mut event = trail.event("operator.refused", AuditOutcome::Refused);
        event.operator = operator;
        event.detail.insert("reason".to_owned(), why.to_owned());
        event.detail.insert("request".to_owned(), what.to_owned());
        let now = self.app.clock.now();
        if let Err(error) = self.app.store.append_event(event, now).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "refusal_not_audited");
        }
    }

    /// The operator of the request's token. Whatever is wrong with the token, the same is answered after
    /// the same work; the trail says which.
    async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let (store, now) = (&self.app.store, self.app.clock.now());
        // RFC 6750 §2: one credential a request; of two neither counts.
        let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
        let header = credentials.next().filter(|_| credentials.next().is_none());
        let header = header.and_then(|value| value.to_str().ok());
        let nothing =
            Parameters::from_urlencoded(b"").map_err(|error| Refusal::internal(&error))?;
        let presented = bearer::extract(header, &nothing, None);
        let Some(token) = presented
            .ok()
            .filter(|it| it.scheme == bearer::Scheme::Bearer)
        else {
            return Err(Refusal::new(ProblemCode::InvalidToken).because(TOKEN_WANTED));
        };
        let digest = random::digest(token.token.expose_secret());
        let (operator, why) = match store.operator_by_token(&digest, now).await? {
            Presented::Live { operator, token } => {
                store.note_token_use(&token, now).await?;
                return Ok(Caller {
                    name: operator.name,
                    role: operator.role,
                    expires_at: token.expires_at,
                });
            }
            Presented::Expired(name) => (Some(name), "token expired"),
            Presented::Revoked(name) => (Some(name), "token revoked"),
            Presented::Unknown => (None, "token unknown"),
        };
        self.note_refusal(operator, why, "any").await;
        Err(Refusal::new(ProblemCode::InvalidToken).because(TOKEN_WANTED))
    }
}

/// The operator who asks; a handler that changes something takes it to name it in the trail.
#[derive(Clone, Debug)]
pub struct Caller {
    pub name: OperatorName,
    pub role: Role,
    /// When the token in use ends.
    expires_at: OffsetDateTime,
}

impl Caller {
    /// An event that this operator made happen.
    pub fn did(&self, kind: &'static str) -> NewEvent {
        let trail = Trail {
            subject: None,
            client: None,
            attempt: None,
            address: None,
        };
        NewEvent {
            operator: Some(self.name.clone()),
            ..trail.event(kind, AuditOutcome::Success)
        }
    }
}

/// The caller, as [`enforce`] let it through: a route without it has none, and fails closed.
#[derive(Clone)]
struct Allowed(Caller);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let allowed = parts.extensions.get::<Allowed>();
        allowed
            .map(|allowed| allowed.0.clone())
            .ok_or_else(|| Refusal::new(ProblemCode::RoleInsufficient))
    }
}

/// Lets through who has a live token, whatever is asked.
pub async fn authenticate(
    State(desk): State<Arc<Desk>>,
    mut request: Request,
    next: Next,
) -> Response {
    match desk.identify(request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets through whose role suffices for the action, before anything of the request is read.
pub async fn enforce(
    State((desk, action)): State<(Arc<Desk>, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(caller) = request.extensions_mut().remove::<Caller>() else {
        return Refusal::new(ProblemCode::InvalidToken).into_response();
    };
    if caller.role.may(action) {
        request.extensions_mut().insert(Allowed(caller));
        return next.run(request).await;
    }
    let least = action.least_role();
    let why = format!("role {}", caller.role);
    desk.note_refusal(Some(caller.name), &why, &format!("{action:?}"))
        .await;
    Refusal::new(ProblemCode::RoleInsufficient)
        .because(format!("this takes the role {least}"))
        .into_response()
}

/// `GET /admin/v1/whoami`.
pub async fn whoami(caller: Caller) -> Json<Operator> {
    Json(Operator {
        name: caller.name,
        role: caller.role,
        expires_at: caller.expires_at,
    })
}

const TOKEN_WANTED: &str =
    "send a live operator token as `Authorization: Bearer`; `whorl admin token` makes one";
const REFUSALS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("invariant: ten is not zero");
/// How many requests may wait for an event at once.
const MOST_WAITING: usize = 64;
