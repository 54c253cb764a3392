//! `/phone`: what a phone sees to which a step of a login was handed over. Its cookie is good for that step alone.

use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use std::net::IpAddr;

use super::browser::{self, Browser};
use super::client_address;
use super::headers::{Nonce, html};
use super::pages::phone::{Ask, End, Face};
use super::pages::{Frame, Problem};
use super::{HttpError, login, login_pages, samples, speech};
use crate::app::Shared;
use crate::capture::Purpose;
use crate::factors::{Answer, Capture};
use crate::login::LoginError;
use crate::login::attempt::{Attempt, Seen};
use crate::login::hand_over::{HandedOver, Numbered};
use crate::portal::device;
use crate::store::HandOverState;
use crate::words::Language;

/// `GET /phone/{link}`: opens the link, once, and goes on without it in the address.
pub async fn open(
    State(app): State<Shared>,
    Path(link): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    // What is fetched before anybody wants to see it does not use the link up, nor who only looks whether it is there.
    let purpose = headers.get("sec-purpose").and_then(|it| it.to_str().ok());
    if method != Method::GET || purpose.is_some_and(|purpose| purpose.contains("prefetch")) {
        return Err(over());
    }
    let phone = match app.journey.open_link(&link, app.clock.now()).await {
        Err(LoginError::Gone) => return Err(over()),
        opened => opened?,
    };
    let mut response = Redirect::to(PAGE).into_response();
    browser::set_phone(&app, &mut response, &phone);
    Ok(response)
}

/// `GET /phone`.
pub async fn show(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    // On the heap: the handlers here end with it, and would be as large.
    Box::pin(page(&app, &browser, None)).await
}

async fn page(
    app: &Shared,
    browser: &Browser,
    wrong: Option<&'static str>,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let phone = browser.phone_digest().ok_or_else(over)?;
    if app.journey.hand_over_at(phone, now).await? == Some(HandOverState::Done) {
        return Ok(end(app, "phone-done"));
    }
    let handed = handed(app, browser).await?;
    let nonce = Nonce::new();
    if handed.hand_over.state == HandOverState::Confirmed {
        let owner = handed.hand_over.link.clone();
        let from = client_address::counted_network(browser.address);
        let position = match app.journey.ask_phone(handed, now).await {
            // The desk asked for the same at the same moment.
            Err(LoginError::Moved) => return Ok(Redirect::to(PAGE).into_response()),
            asked => asked.map_err(ended)?,
        };
        let capture = app
            .captures
            .open(&owner, Purpose::Verification, from, now)
            .await?;
        let view = Face {
            frame: login_pages::frame(app, &position.attempt, &nonce),
            username: login_pages::username(&position.attempt),
            capture,
        };
        return Ok(html(StatusCode::OK, &view, &nonce, &[]));
    }
    let attempt = &handed.attempt;
    let language = attempt.language;
    let frame = Frame {
        problem: wrong.map(|key| Problem {
            title: language.say(&format!("{key}-title")),
            advice: language.say(key),
        }),
        ..login_pages::frame(app, attempt, &nonce)
    };
    let minutes = (now - attempt.began_at).whole_minutes();
    let view = Ask {
        client: frame.client_name.clone().unwrap_or_default(),
        frame,
        place: place(language, &attempt.seen),
        device: device(language, attempt.seen.user_agent.as_deref()),
        asked: match minutes {
            ..=0 => language.say("phone-now"),
            minutes => language.say_of("phone-ago", "count", minutes.to_string()),
        },
    };
    let status = match wrong {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    Ok(html(status, &view, &nonce, &[]))
}

/// `POST /phone/number`.
pub async fn number(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = login::form(&body)?;
    let handed = handed(&app, &browser).await?;
    let typed = form.get("number").unwrap_or_default();
    match app
        .journey
        .take_number(&handed, typed, app.clock.now())
        .await
    {
        // It was said already, or by another tab.
        Ok(Numbered::Right) | Err(LoginError::Moved) => Ok(Redirect::to(PAGE).into_response()),
        Ok(Numbered::Wrong) => Box::pin(page(&app, &browser, Some("phone-wrong"))).await,
        Ok(Numbered::Ended) => Ok(end(&app, "phone-stopped")),
        Err(error) => Err(ended(error)),
    }
}

/// `POST /phone/stop`: it is not them, or they will not be filmed.
pub async fn stop(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    let handed = handed(&app, &browser).await?;
    app.journey.stop_hand_over(&handed, app.clock.now()).await?;
    Ok(end(&app, "phone-stopped"))
}

/// `POST /phone/face`: the capture is done, and its best frames are compared.
pub async fn captured(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = login::form(&body)?;
    let handed = handed(&app, &browser).await?;
    let nonce = form.get("nonce").unwrap_or_default();
    let owner = handed.hand_over.link.clone();
    let captured = app.captures.finish(nonce, &owner, app.clock.now()).await?;
    answered(&app, handed, Answer::Live(captured)).await
}

/// `POST /phone/face/upload`: a picture from a file, in a demonstration.
pub async fn upload(
    State(app): State<Shared>,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    if !app.config.demo.enabled {
        return Err(HttpError::not_found());
    }
    let upload = samples::read(multipart).await?;
    let handed = handed(&app, &browser).await?;
    let answer = Answer::Samples {
        samples: upload.samples,
        capture: Capture::Uploaded,
        dpi: upload.dpi,
    };
    answered(&app, handed, answer).await
}

async fn answered(app: &Shared, handed: HandedOver, answer: Answer) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let answered = Box::pin(app.journey.answer_from_phone(handed, answer, now)).await;
    match answered {
        Ok(true) => Ok(end(app, "phone-done")),
        Ok(false) | Err(LoginError::Moved) => Ok(Redirect::to(PAGE).into_response()),
        Err(error) => Err(ended(error)),
    }
}

/// Whose frames a phone sends: those of the step that was handed over to it, once it has said the number.
pub(super) async fn owner(app: &Shared, browser: &Browser) -> Result<String, HttpError> {
    let handed = handed(app, browser).await?;
    match handed.hand_over.state {
        HandOverState::Confirmed => Ok(handed.hand_over.link),
        HandOverState::Waiting
        | HandOverState::Opened
        | HandOverState::Done
        | HandOverState::Ended => Err(over()),
    }
}

/// What was handed over to this phone. Where the attempt is looked at from stays where it began: at the desk.
async fn handed(app: &Shared, browser: &Browser) -> Result<HandedOver, HttpError> {
    let phone = browser.phone_digest().ok_or_else(over)?;
    let handed = app.journey.handed_over(phone, app.clock.now()).await;
    let HandedOver { hand_over, attempt } = handed.map_err(ended)?;
    let language = speech::language_of(&attempt);
    let attempt = Attempt {
        address: browser.address,
        language,
        ..attempt
    };
    Ok(HandedOver { hand_over, attempt })
}

fn ended(error: LoginError) -> HttpError {
    match error {
        LoginError::Gone | LoginError::Moved => over(),
        error => error.into(),
    }
}

fn over() -> HttpError {
    HttpError::new(
        StatusCode::GONE,
        "hand_over_gone",
        "This link has ended",
        "It was opened before, it took too long, or the other device went on by itself. Go back to the other device: it can show a new code.",
    )
}

fn end(app: &Shared, key: &str) -> Response {
    let nonce = Nonce::new();
    let language = speech::language();
    let view = End {
        frame: Frame {
            demo: app.config.demo.enabled,
            language,
            ..Frame::new(nonce.text())
        },
        title: language.say(&format!("{key}-title")),
        text: language.say(key),
    };
    html(StatusCode::OK, &view, &nonce, &[])
}

/// From where it was asked, as a person can compare it: town and country where they are known, and the network. Not the very
/// address, for whoever holds a phone need not be who sits at the desk.
fn place(language: Language, seen: &Seen) -> String {
    let network = network(language, seen.address);
    match seen.place.told() {
        Some(place) => format!("{place} ({network})"),
        None => network,
    }
}

fn network(language: Language, address: Option<IpAddr>) -> String {
    match address.map(|it| it.to_canonical()) {
        Some(it) if it.is_loopback() => language.say("phone-here"),
        Some(IpAddr::V4(it)) => {
            let [a, b, c, _] = it.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(it)) => {
            let [a, b, c, ..] = it.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
        None => language.say("phone-unknown"),
    }
}

const PAGE: &str = "/phone";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::attempt::Place;

    #[test]
    fn a_place_is_a_network_and_no_address() {
        let seen = |text: &str, country: &str| Seen {
            address: text.parse().ok(),
            place: Place {
                country: Some(country.to_owned()).filter(|it| !it.is_empty()),
                city: None,
            },
            ..Seen::default()
        };
        let place = |text: &str| place(Language::English, &seen(text, ""));
        assert_eq!(place("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(place("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(place("2001:db8:7:8::9"), "2001:db8:7::/48");
        assert_eq!(place("127.0.0.1"), "This computer");
        assert_eq!(place("no address"), "Unknown");
        let known = super::place(Language::English, &seen("192.0.2.77", "NO"));
        assert_eq!(known, "NO (192.0.2.0/24)");
    }
}
