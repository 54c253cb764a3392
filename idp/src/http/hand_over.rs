//! `/login/{attempt}/phone`: the page at the desk while the person's phone does a step, and the question by which it hears
//! how far that is.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use wire::AttemptId;

use super::browser::Browser;
use super::headers::Nonce;
use super::pages::QrCode;
use super::pages::phone::{Desk, Stands};
use super::{HttpError, login, login_pages, speech};
use crate::app::Shared;
use crate::login::LoginError;
use crate::login::hand_over::may_be_handed_over;
use crate::store::{HandOver, HandOverState};

/// `POST /login/{attempt}/phone`: a new link, in the place of the one before.
pub async fn begin(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let attempt = login::load(&app, id, &browser).await?;
    let position = Box::pin(app.journey.position(attempt, now)).await?;
    match app.journey.begin_hand_over(&position, now).await {
        Ok(()) => Ok(Redirect::to(&format!("/login/{id}/phone")).into_response()),
        Err(LoginError::Moved) => Ok(Redirect::to(&format!("/login/{id}")).into_response()),
        Err(LoginError::Gone) => Err(HttpError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_links",
            "Too many codes were made",
            "Go back and use another way, or begin again in the application.",
        )),
        Err(error) => Err(error.into()),
    }
}

/// `GET /login/{attempt}/phone`: goes on by itself where the step is done.
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let mut attempt = login::load(&app, id, &browser).await?;
    attempt.language = speech::language_of(&attempt);
    let position = Box::pin(app.journey.position(attempt, now)).await?;
    let attempt = position.attempt;
    let hand_over = app.journey.hand_over_of(id, now).await?;
    let is_on = may_be_handed_over(&attempt, &position.step);
    let stands = match (hand_over.as_ref(), is_on) {
        (_, false) => return Ok(Redirect::to(&format!("/login/{id}")).into_response()),
        (None, true) => Stands::Ended,
        (Some(hand_over), true) => match hand_over.state {
            HandOverState::Waiting => Stands::Waiting(code(&app, hand_over).await?),
            HandOverState::Opened => Stands::Opened,
            HandOverState::Confirmed => Stands::Confirmed,
            HandOverState::Done | HandOverState::Ended => Stands::Ended,
        },
    };
    let number = hand_over.map(|it| it.number.to_string());
    let nonce = Nonce::new();
    let view = Desk {
        frame: login_pages::frame(&app, &attempt, &nonce),
        attempt: id.to_string(),
        username: login_pages::username(&attempt),
        stands,
        number: number.unwrap_or_default(),
    };
    Ok(login_pages::page(&attempt, &view, &nonce))
}

/// The link as a picture: its secret is in the address, which only the phone opens.
async fn code(app: &Shared, hand_over: &HandOver) -> Result<QrCode, HttpError> {
    let secret = app.journey.link_of(hand_over).await?;
    let path = format!("/phone/{}", secret.expose_secret());
    let link = app.provider.issuer.endpoint(&path);
    QrCode::of(&link).map_err(|error| HttpError::internal(&error))
}

/// What the page has shown last.
#[derive(Deserialize)]
pub struct Since {
    #[serde(default)]
    since: String,
}

/// `GET /login/{attempt}/phone/state?since=waiting`: answers when it stands elsewhere, or after a while.
pub async fn state(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    Query(query): Query<Since>,
    browser: Browser,
) -> Result<Response, HttpError> {
    // A held question looks again and again: beyond so many, each is answered as it stands.
    let room = HOLDS.try_acquire();
    let until = Instant::now() + if room.is_ok() { HELD } else { Duration::ZERO };
    loop {
        let now = app.clock.now();
        // The attempt of this browser, or nothing is told; it ends where the login does.
        login::load(&app, id, &browser).await?;
        let state = stands(&app, id, now).await?;
        if state != query.since || Instant::now() >= until {
            return Ok(Json(json!({ "state": state })).into_response());
        }
        sleep(LOOKED).await;
    }
}

async fn stands(
    app: &Shared,
    id: AttemptId,
    now: OffsetDateTime,
) -> Result<&'static str, HttpError> {
    let hand_over = app.journey.hand_over_of(id, now).await?;
    Ok(hand_over
        .map_or(HandOverState::Ended, |it| it.state)
        .as_str())
}

/// How long a question is held: below what proxies give up at.
const HELD: Duration = Duration::from_secs(20);
/// How often it is looked meanwhile.
const LOOKED: Duration = Duration::from_millis(700);
/// How many are held at once.
static HOLDS: Semaphore = Semaphore::const_new(256);
