//! A login attempt's pages and forms: `/login/{attempt}` shows the step, each form posts one answer to it.

use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use serde::Deserialize;
use wire::{AttemptId, FactorKind};
use zeroize::Zeroizing;

use super::browser::{self, ACCEPT_HINTS, Browser};
use super::{HttpError, authorize, errand, external, login_pages, samples, speech};
use crate::app::Shared;
use crate::factors::{Answer, Capture, Outcome};
use crate::login::LoginError;
use crate::login::attempt::{Attempt, Consent, Seen};
use crate::login::journey::Account;
use crate::login::risk::Rhythm;
use crate::login::self_registration::Registered;
use crate::login::step::Step;
use crate::oidc::error::{AuthorizationError, PageError};
use crate::oidc::parameters::Parameters;
use crate::oidc::prompt::Prompt;
use crate::oidc::response;

/// How a step that needs the person is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As this answer's page.
    Page,
    /// By sending the browser to the page, after a form or from the client.
    Redirect,
}

/// `GET /login/{attempt}`.
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let attempt = app.journey.load_to_show(id, &browser.digest, now);
    let attempt = attempt.await?;
    let mut response = advance(&app, &browser, attempt, Shown::Page).await?;
    browser.remember(&app, &mut response);
    Ok(response)
}

/// Takes an attempt to its next step, and ends it where that is the end.
pub async fn advance(
    app: &Shared,
    browser: &Browser,
    attempt: Attempt,
    shown: Shown,
) -> Result<Response, HttpError> {
    // On the heap: every handler of this file ends here, and would be as large.
    Box::pin(step(app, browser, attempt, shown)).await
}

async fn step(
    app: &Shared,
    browser: &Browser,
    mut attempt: Attempt,
    shown: Shown,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let id = attempt.id;
    attempt.address = browser.address;
    attempt.language = speech::language_of(&attempt);
    // From another place than before: what holds there holds now.
    attempt.seen = Seen {
        page: attempt.seen.page,
        device_key: attempt.seen.device_key,
        ..browser.seen(&app.journey.places)
    };
    let mut position = app.journey.ask(attempt, now).await?;
    // The end of an attempt holds for the revision that was read, so that what ends now need not be written before. Where
    // a session vouches for a part it may not end after all: then the rest stays.
    let ends = match position.step {
        Step::Finish => position.attempt.session.is_none(),
        Step::Deny(_) => true,
        _ => false,
    };
    // Who it was is told first, where that came with the last answer.
    if !ends || !position.attempt.is_told {
        position = match app.journey.settle(position).await {
            // Two pages of one attempt at once: the other one's challenge is as good.
            Err(LoginError::Moved) if shown == Shown::Page => {
                let again = load(app, id, browser).await?;
                let again = app.journey.ask(again, now).await?;
                app.journey.settle(again).await?
            }
            Err(LoginError::Moved) => return Ok(to_its_page(id)),
            settled => settled?,
        };
    }
    match position.step {
        Step::Finish if position.attempt.external.is_some() => {
            Box::pin(external::finish(app, browser, position)).await
        }
        Step::Finish => {
            app.keep_documented(&position.attempt.request.client_id)
                .await?;
            let session = browser.session(app).await?;
            let admitted = app
                .journey
                .finish(position, session, browser.user_agent.clone(), now)
                .await?;
            let proved = admitted.attempt.evidence.iter();
            let proved: Vec<_> = proved
                .filter(|it| it.outcome == Outcome::Match)
                .filter_map(|it| it.credential)
                .collect();
            let username = admitted.subject.username.clone();
            let mut response = match admitted.attempt.request.errand.clone() {
                Some(errand) => errand::admitted(app, &errand, &admitted).await?,
                None => authorize::admitted(app, browser, admitted).await?,
            };
            browser::mark(app, browser, &mut response, &username, &proved);
            Ok(response)
        }
        Step::Deny(error) => deny(app, &position.attempt, error).await,
        Step::Register
        | Step::SelectAccount
        | Step::Recognise
        | Step::Identify
        | Step::Choose(_)
        | Step::Challenge { .. }
        | Step::Consent => match shown {
            Shown::Redirect => Ok(to_its_page(id)),
            Shown::Page => {
                let mut page = Box::pin(login_pages::render(app, position)).await?;
                if app.journey.risk.is_some() {
                    let wanted = HeaderValue::from_static(ACCEPT_HINTS);
                    page.headers_mut().insert("accept-ch", wanted);
                }
                Ok(page)
            }
        },
    }
}

async fn deny(
    app: &Shared,
    attempt: &Attempt,
    error: AuthorizationError,
) -> Result<Response, HttpError> {
    if let Some(errand) = &attempt.request.errand {
        return errand::denied(app, errand, attempt, error).await;
    }
    app.journey.deny(attempt, error, app.clock.now()).await?;
    authorize::answer(
        app,
        response::error(&attempt.request, error, &app.provider.issuer),
    )
    .await
}

/// `POST /login/{attempt}/identify`.
pub async fn identify(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let mut attempt = load(&app, id, &browser).await?;
    look_at_device(&app, &mut attempt, &form).await?;
    let attempt = app
        .journey
        .identify(attempt, form.get("username").unwrap_or_default())
        .await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/device`: what a browser keeps, of a person who is signed in.
pub async fn device(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let attempt = load(&app, id, &browser).await?;
    let now = app.clock.now();
    let attempt = app
        .journey
        .recognise(attempt, form.get("device"), now)
        .await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/choose`: a factor, or nothing for the list.
pub async fn choose(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let factor = match form.get("factor") {
        Some(text) => Some(text.parse().map_err(|_| unknown_factor())?),
        None => None,
    };
    let attempt = load(&app, id, &browser).await?;
    let attempt = app.journey.choose(attempt, factor).await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/account`: the account that is signed in, or another.
pub async fn account(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let account = match form.get("account") {
        Some("same") => Account::Same,
        Some("another") => Account::Another,
        _ => {
            return Err(HttpError::bad_request(
                "account_missing",
                "Choose an account.",
            ));
        }
    };
    let attempt = load(&app, id, &browser).await?;
    let attempt = app
        .journey
        .pass(attempt, Prompt::SelectAccount, account)
        .await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/register`: a name for somebody new, and on to what they will sign in with.
pub async fn register(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    if !app.config.people.self_registration {
        return Err(HttpError::not_found());
    }
    let form = form(&body)?;
    let attempt = load(&app, id, &browser).await?;
    let lifetime = time::Duration::seconds(app.config.session.enrolment_s.into());
    let name = form.get("username").unwrap_or_default();
    let now = app.clock.now();
    match Box::pin(app.journey.register(attempt, name, lifetime, now)).await {
        Ok(Registered::Enrolling) => Ok(Redirect::to("/enrol").into_response()),
        Ok(Registered::Refused(attempt)) => after(&app, &browser, id, Ok(*attempt)).await,
        Err(error) => after(&app, &browser, id, Err(error)).await,
    }
}

/// `POST /login/{attempt}/registered`: from the page about registration on to signing in.
pub async fn registered(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let attempt = load(&app, id, &browser).await?;
    let attempt = app
        .journey
        .pass(attempt, Prompt::Create, Account::Another)
        .await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/cancel`: the client is told `access_denied`.
pub async fn cancel(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let attempt = load(&app, id, &browser).await?;
    deny(&app, &attempt, AuthorizationError::AccessDenied).await
}

/// `POST /login/{attempt}/consent`.
pub async fn consent(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let decision = match form.get("decision") {
        Some("allow") => Consent::Allowed,
        Some("deny") => Consent::Denied,
        _ => {
            return Err(HttpError::bad_request(
                "decision_missing",
                "Choose to allow or to decline.",
            ));
        }
    };
    let attempt = load(&app, id, &browser).await?;
    app.keep_documented(&attempt.request.client_id).await?;
    let attempt = Box::pin(app.journey.consent(attempt, decision, app.clock.now())).await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/password`, `/totp`, `/recovery_code`, `/passkey`: one answer, in a form's field.
pub async fn answer(
    State(app): State<Shared>,
    Path((id, factor)): Path<(AttemptId, String)>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let factor: FactorKind = factor.parse().map_err(|_| HttpError::not_found())?;
    let form = form(&body)?;
    let field = match factor {
        FactorKind::Password => "password",
        FactorKind::Totp => "otp",
        FactorKind::RecoveryCode => "recovery_code",
        FactorKind::Passkey => "credential",
        FactorKind::Face | FactorKind::Fingerprint => return Err(HttpError::not_found()),
    };
    let text = Zeroizing::new(form.get(field).unwrap_or_default().to_owned());
    let mut attempt = load(&app, id, &browser).await?;
    attempt.seen.page = attempt.seen.page.then(rhythm(&app, id, &form));
    look_at_device(&app, &mut attempt, &form).await?;
    let now = app.clock.now();
    let attempt = match factor {
        FactorKind::Passkey => match serde_json::from_str(&text) {
            Ok(json) if attempt.identity.is_none() => {
                app.journey.answer_discoverable(attempt, json, now).await
            }
            Ok(json) => {
                app.journey
                    .answer(
                        attempt,
                        factor,
                        Answer::Credential { json, label: None },
                        now,
                    )
                    .await
            }
            Err(_) => Err(LoginError::Moved),
        },
        _ => {
            app.journey
                .answer(attempt, factor, Answer::Text(text), now)
                .await
        }
    };
    after(&app, &browser, id, attempt).await
}

/// What a page counted, and what this server measured, where logins are scored.
fn rhythm(app: &Shared, id: AttemptId, form: &Parameters) -> Rhythm {
    let Some(risk) = &app.journey.risk else {
        return Rhythm::default();
    };
    let measured = |trip| risk.trips.measured(id, trip);
    Rhythm {
        round_trip_ms: form.get("trip").and_then(measured),
        ..Rhythm::parse(form.get("rhythm").unwrap_or_default())
    }
}

/// What a page sends back at once.
#[derive(Deserialize)]
pub struct Begun {
    of: Option<String>,
}

/// `GET /login/{attempt}/ping`: the time; with `of`, how long ago that was. Nothing is read and nothing kept.
pub async fn ping(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    Query(begun): Query<Begun>,
) -> Result<String, HttpError> {
    let risk = app.journey.risk.as_ref().ok_or_else(HttpError::not_found)?;
    let now = app.clock.now();
    match begun.of {
        None => Ok(risk.trips.begin(id, now)),
        Some(begun) => risk
            .trips
            .end(id, &begun, now)
            .ok_or_else(HttpError::not_found),
    }
}

/// `POST /login/{attempt}/fingerprint` and `/face/upload`: samples from files, in a demonstration.
pub async fn upload(
    app: Shared,
    id: AttemptId,
    factor: FactorKind,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    if !app.config.demo.enabled {
        return Err(HttpError::not_found());
    }
    let upload = samples::read(multipart).await?;
    let attempt = load(&app, id, &browser).await?;
    let answer = Answer::Samples {
        samples: upload.samples,
        capture: Capture::Uploaded,
        dpi: upload.dpi,
    };
    let attempt = app
        .journey
        .answer(attempt, factor, answer, app.clock.now())
        .await;
    after(&app, &browser, id, attempt).await
}

/// `POST /login/{attempt}/fingerprint`.
pub async fn upload_fingerprint(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    upload(app, id, FactorKind::Fingerprint, browser, multipart).await
}

/// `POST /login/{attempt}/face/upload`.
pub async fn upload_face(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    upload(app, id, FactorKind::Face, browser, multipart).await
}

/// `POST /login/{attempt}/face`: the capture is done, and its best frames are compared.
pub async fn captured(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let attempt = load(&app, id, &browser).await?;
    let now = app.clock.now();
    let captured = app
        .captures
        .finish(form.get("nonce").unwrap_or_default(), &id.to_string(), now)
        .await?;
    let attempt = app
        .journey
        .answer(attempt, FactorKind::Face, Answer::Live(captured), now)
        .await;
    after(&app, &browser, id, attempt).await
}

/// After a form: on to what comes next. A form that came too late shows the step that the attempt is at.
async fn after(
    app: &Shared,
    browser: &Browser,
    id: AttemptId,
    attempt: Result<Attempt, LoginError>,
) -> Result<Response, HttpError> {
    match attempt {
        Ok(attempt) => advance(app, browser, attempt, Shown::Redirect).await,
        Err(LoginError::Moved) => Ok(to_its_page(id)),
        Err(error) => Err(error.into()),
    }
}

/// To where an attempt stands, whoever moved it there.
fn to_its_page(id: AttemptId) -> Response {
    Redirect::to(&format!("/login/{id}")).into_response()
}

/// Takes what a form carries of the browser's keys beside its answer.
async fn look_at_device(
    app: &Shared,
    attempt: &mut Attempt,
    form: &Parameters,
) -> Result<(), HttpError> {
    let (signed, offer) = (form.get("device"), form.get("offer"));
    let now = app.clock.now();
    Ok(app
        .journey
        .look_at_device(attempt, signed, offer, now)
        .await?)
}

/// The attempt of this browser.
pub(super) async fn load(
    app: &Shared,
    id: AttemptId,
    browser: &Browser,
) -> Result<Attempt, HttpError> {
    let loaded = app.journey.load(id, &browser.digest, app.clock.now());
    let loaded = loaded.await?;
    Ok(Attempt {
        address: browser.address,
        mark: browser.mark.clone(),
        seen: Seen {
            page: loaded.seen.page,
            device_key: loaded.seen.device_key,
            ..browser.seen(&app.journey.places)
        },
        ..loaded
    })
}

/// Reads a form's body.
pub fn form(body: &[u8]) -> Result<Parameters, HttpError> {
    Ok(Parameters::from_urlencoded(body).map_err(PageError::from)?)
}

fn unknown_factor() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        "factor_unknown",
        "There is no such way to sign in",
        "Go back and choose one of the ways that are listed.",
    )
}
