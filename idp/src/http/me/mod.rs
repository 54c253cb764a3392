//! `/me`: a person's own account. Looking takes a session; a change of a factor, the erasure and the download take a
//! factor that was proved within the last minutes, or the person is asked for one on the way.
//!
//! Every change is a POST from a page of ours ([`Browser`] checks the origin), and works without scripts.

mod biometrics;
mod data;
mod devices;
mod factors;
mod history;
mod home;
mod lost;
mod sessions;

use std::collections::BTreeSet;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::SubjectStatus;

use super::browser::Browser;
use super::headers::Nonce;
use super::pages::Frame;
use super::pages::me::Moment;
use super::{HttpError, errand, speech};
use crate::app::{App, Shared};
use crate::login::policy;
use crate::login::session::LiveSession;
use crate::oidc::acr::AcrRequest;
use crate::oidc::authorization_details::AuthorizationDetails;
use crate::oidc::client::{Client, ClientId};
use crate::oidc::request::{AuthorizationRequest, Errand, Question};
use crate::oidc::scope::{self, Scopes};
use crate::oidc::subject::SubjectId;
use crate::portal::{FRESH, OURSELVES, Owner, PortalError, is_fresh, may_bind, standing};
use crate::store::{Credential, Subject};

/// The routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/me", get(home::show))
        .route("/me/history", get(history::show))
        .route("/me/factors/add", get(factors::add).post(factors::added))
        .route(
            "/me/factors/{id}/remove",
            get(factors::remove).post(factors::removed),
        )
        .route("/me/lost", get(lost::ask).post(lost::lost))
        .route("/me/devices/forget", post(devices::forget))
        .route("/me/sessions/end", post(sessions::end))
        .route("/me/applications/withdraw", post(sessions::withdraw))
        .route(
            "/me/biometrics/erase",
            get(biometrics::erase).post(biometrics::erased),
        )
        .route("/me/data", get(data::show).post(data::download))
}

/// Whoever is signed in.
struct Visitor {
    session: LiveSession,
    subject: Subject,
    credentials: Vec<Credential>,
    owner: Owner,
}

/// What a page or a change takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Session,
    /// A proof of the last minutes.
    FreshProof,
    /// The same, with more than a password in it: another way to sign in is bound.
    Binding,
}

/// What a request came to.
enum Entry {
    In(Box<Visitor>),
    /// First to the login.
    Out(Response),
}

/// Lets in whoever has what it takes; everybody else is asked for it, and comes to `page` then.
async fn enter(
    app: &Shared,
    browser: &Browser,
    needs: Needs,
    page: &str,
) -> Result<Entry, HttpError> {
    // On the heap: every handler here begins with it, and would be as large.
    Box::pin(async move {
        let Some(session) = browser.session(app).await? else {
            return ask(app, browser, None, page).await.map(Entry::Out);
        };
        let subject = app.store.subject(session.subject).await?;
        let active = |it: &Subject| it.status == SubjectStatus::Active;
        let Some(subject) = subject.filter(active) else {
            return ask(app, browser, None, page).await.map(Entry::Out);
        };
        let credentials = app.store.credentials(subject.id).await?;
        let now = app.clock.now();
        let seen = browser.seen(&app.journey.places);
        let whose = (&session, &subject);
        let demand = app.journey.own_demand(OURSELVES, whose, &seen, now).await?;
        let standing = standing(&session.evidence, &credentials);
        let is_enough = match needs {
            // A factor that was replaced meanwhile was shown all the same.
            Needs::Session => demand.is_reached(&session.evidence, policy::Moment::at(now)),
            Needs::FreshProof => is_fresh(&demand, &standing, now),
            Needs::Binding => {
                is_fresh(&demand, &standing, now) && may_bind(&standing, &credentials, now)
            }
        };
        if !is_enough {
            let asked = ask(app, browser, Some((&session, needs)), page);
            return asked.await.map(Entry::Out);
        }
        let owner = Owner {
            subject: subject.id,
            sid: session.sid,
            address: browser.address,
        };
        Ok(Entry::In(Box::new(Visitor {
            session,
            subject,
            credentials,
            owner,
        })))
    })
    .await
}

/// Begins a login of our own: of whoever it is, or of the person of this session anew.
async fn ask(
    app: &Shared,
    browser: &Browser,
    session: Option<(&LiveSession, Needs)>,
    page: &str,
) -> Result<Response, HttpError> {
    let id = ClientId::parse(OURSELVES).expect("invariant: plain letters are an identifier");
    let mut ourselves = Client::new(id.clone());
    ourselves.name = speech::language().say("me-title");
    ourselves.trusted = true;
    let fresh = u32::try_from(FRESH.whole_seconds()).unwrap_or_default();
    let request = AuthorizationRequest::of_our_own(Question {
        client_id: id,
        scopes: Scopes::parse(scope::OPENID).unwrap_or_default(),
        resources: BTreeSet::new(),
        details: AuthorizationDetails::default(),
        acr: AcrRequest::Any,
        max_age: session.and_then(|(_, needs)| (needs != Needs::Session).then_some(fresh)),
        subject: session.map(|(session, _)| SubjectId(session.subject.0)),
        errand: Errand::Portal {
            page: page.to_owned(),
            binds: session.is_some_and(|(_, needs)| needs == Needs::Binding),
        },
        page: app.provider.issuer.endpoint(HOME),
    });
    errand::begin(app, browser, request, &ourselves).await
}

/// Back to the overview, which says what was done.
fn done(said: Said) -> Response {
    Redirect::to(&format!("{HOME}?said={}", said.as_str())).into_response()
}

/// What the overview says was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Added,
    Removed,
    Ended,
    Withdrawn,
    Erased,
    Forgotten,
    Lost,
    Nothing,
}

impl Said {
    const ALL: [Self; 8] = [
        Self::Added,
        Self::Removed,
        Self::Ended,
        Self::Withdrawn,
        Self::Erased,
        Self::Forgotten,
        Self::Lost,
        Self::Nothing,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Ended => "ended",
            Self::Withdrawn => "withdrawn",
            Self::Erased => "erased",
            Self::Forgotten => "forgotten",
            Self::Lost => "lost",
            Self::Nothing => "nothing",
        }
    }

    fn sentence(self) -> String {
        speech::language().say(&format!("said-{}", self.as_str()))
    }
}

impl From<PortalError> for HttpError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Unknown => Self::not_found(),
            PortalError::Moved => Self::new(
                StatusCode::CONFLICT,
                "moved",
                "Something changed at the same moment",
                "Nothing was lost. Go back and try again.",
            ),
            PortalError::LastWay => Self::new(
                StatusCode::CONFLICT,
                "last_way",
                "This one has to stay",
                "Without it you could not sign in any more. Add another way first.",
            ),
            PortalError::Factor(error) => crate::login::LoginError::from(error).into(),
            PortalError::Store(error) => error.into(),
        }
    }
}

fn frame(app: &App, nonce: &Nonce) -> Frame {
    Frame {
        demo: app.config.demo.enabled,
        ..Frame::new(nonce.text())
    }
}

fn moment(at: OffsetDateTime) -> Moment {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    Moment {
        machine: at.format(&Rfc3339).unwrap_or_default(),
        text: speech::language().date_time(at),
    }
}

const HOME: &str = "/me";
