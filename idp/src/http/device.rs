//! The device authorization endpoint (RFC 8628 §3.1) and the page where the person answers (§3.3).

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::browser::Browser;
use super::client_address::ClientAddress;
use super::headers::{Nonce, html};
use super::login_pages::scope_line;
use super::pages::QrCode;
use super::pages::elsewhere::{DeviceCode, DeviceConfirm};
use super::pages::{Frame, Problem};
use super::sent::Sent;
use super::token::{ClientFacing, authenticated, read_form};
use super::{HttpError, errand, login, speech};
use crate::app::Shared;
use crate::login::Trail;
use crate::oidc::acr::AcrRequest;
use crate::oidc::device::{self, DeviceRequest, UserCode};
use crate::oidc::error::{PageError, TokenError, TokenErrorCode};
use crate::oidc::parameters::Parameters;
use crate::oidc::request::{AuthorizationRequest, Errand, Question};
use crate::random;
use crate::store::{NewPending, PendingKind, PendingRow, Reservation, StoreError};
use wire::AuditOutcome;

/// `POST /device_authorization`.
pub async fn authorize(
    State(app): State<Shared>,
    ClientAddress(address): ClientAddress,
    sent: Sent,
    body: Bytes,
) -> Result<Json<Value>, ClientFacing> {
    let form = read_form(&sent.headers, &body)?;
    let client = authenticated(&app, &sent, &form).await?;
    let request = DeviceRequest::parse(&form, &client, &app.provider)?;
    let request = DeviceRequest {
        place: address.map(|address| address.to_string()),
        ..request
    };
    let now = app.clock.now();
    let full = TokenError::new(
        TokenErrorCode::TemporarilyUnavailable,
        "too many devices wait",
    );
    let asker = wire::ClientId(client.id.to_string());
    let network = super::client_address::counted_network(address)
        .map(|network| random::digest(&format!("whorl device network 1 {network}")));
    let (of_client, of_network) = app
        .store
        .pending_of(PendingKind::Device, &asker, network.as_deref(), now)
        .await?;
    // So that a guess hits none: RFC 8628 §5.1. And so that none takes the room of all.
    if of_network >= device::MOST_OF_NETWORK
        || of_client >= device::MOST_OF_CLIENT
        || app.store.pending_count(PendingKind::Device, now).await? >= device::MOST_WAITING
    {
        return Err(full.into());
    }
    let record = serde_json::to_value(&request).expect("invariant: a request is plain JSON");
    for _ in 0..TRIES {
        let (device_code, user_code) = (random::secret(), user_code());
        let new = NewPending {
            digest: random::digest(device_code.expose_secret()),
            kind: PendingKind::Device,
            client: asker.clone(),
            user_code: Some(digest_of(&user_code)),
            subject: None,
            who: network.clone(),
            record: record.clone(),
            sealed: None,
            interval: device::INTERVAL,
            created_at: now,
            expires_at: now + device::LIFETIME,
        };
        if app.store.add_pending(&new, 0).await? {
            let issuer = &app.provider.issuer;
            let code = device_code.expose_secret();
            return Ok(Json(device::response(code, &user_code, issuer)));
        }
    }
    Err(full.into())
}

/// `GET /device`: the code may stand in the address (RFC 8628 §3.3.1); it is posted all the same.
pub async fn page(
    State(app): State<Shared>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let query = Parameters::from_urlencoded(query.unwrap_or_default().as_bytes())
        .map_err(PageError::from)?;
    let code = query.get("user_code").and_then(UserCode::parse);
    let mut response = ask(&app, code.as_ref(), None);
    browser.remember(&app, &mut response);
    Ok(response)
}

/// `GET /device/qr`: where a code is answered, as a picture for a phone's camera (RFC 8628 §3.3.1): for devices that can
/// show a picture and not draw one. It knows what every reader of the code knows, and does not look whether one waits.
pub async fn qr(
    RawQuery(query): RawQuery,
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let query = Parameters::from_urlencoded(query.unwrap_or_default().as_bytes());
    let query = query.map_err(PageError::from)?;
    let Some(code) = query.get("user_code").and_then(UserCode::parse) else {
        // There is nothing to draw without one: whoever came here by hand can type it.
        let mut response = ask(&app, None, None);
        browser.remember(&app, &mut response);
        return Ok(response);
    };
    let picture = QrCode::of(&device::complete_uri(&code, &app.provider.issuer));
    let picture = picture.map_err(|error| HttpError::internal(&error))?;
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    Ok((kind, picture.to_svg()).into_response())
}

/// `POST /device`: shows what waits under the code.
pub async fn look(
    State(app): State<Shared>,
    ClientAddress(address): ClientAddress,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = login::form(&body)?;
    let mut response = match found(&app, address, &form).await? {
        Found::Row(code, row) => confirm(&app, &code, &row).await?,
        Found::Nothing => ask(&app, None, Some(&UNKNOWN)),
    };
    browser.remember(&app, &mut response);
    Ok(response)
}

/// `POST /device/answer`: on to the login, or no.
pub async fn answer(
    State(app): State<Shared>,
    ClientAddress(address): ClientAddress,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = login::form(&body)?;
    let Found::Row(_, row) = found(&app, address, &form).await? else {
        return Ok(ask(&app, None, Some(&UNKNOWN)));
    };
    let decision = form.get("decision");
    if !matches!(decision, Some("continue" | "deny")) {
        return Err(HttpError::bad_request(
            "decision_missing",
            "Say yes or no to the device.",
        ));
    }
    if decision == Some("deny") {
        app.store
            .decide_pending(&row.digest, None, app.clock.now())
            .await?;
        note(&app, &row, "device.denied").await?;
        return Ok(errand::ended(
            &app,
            "Not connected",
            "The device was told that you said no. You can close this page.",
        ));
    }
    let request = request_of(&row)?;
    let client = app
        .client(row.client.0.as_str())
        .await?
        .ok_or(PageError::ClientUnknown)?;
    let request = AuthorizationRequest::of_our_own(Question {
        client_id: request.client_id,
        scopes: request.scopes,
        resources: request.resources,
        details: request.details,
        acr: AcrRequest::Any,
        max_age: None,
        subject: None,
        errand: Errand::Device {
            digest: row.digest.clone(),
        },
        page: app.provider.issuer.endpoint(device::VERIFICATION),
    });
    errand::begin(&app, &browser, request, &client).await
}

/// What the person's code leads to.
enum Found {
    Row(UserCode, Box<PendingRow>),
    Nothing,
}

/// Looks a code up, as often as one address may guess: the counter in SQL is the same for every replica.
async fn found(
    app: &Shared,
    address: Option<std::net::IpAddr>,
    form: &Parameters,
) -> Result<Found, HttpError> {
    let now = app.clock.now();
    let from = address.map(super::client_address::network);
    let who = random::digest(&format!("whorl device guesses 1 {from:?}"));
    let backoff = crate::store::Backoff {
        free_tries: FREE_GUESSES,
        ..app.config.backoff()
    };
    let reserved = app
        .store
        .reserve_guess(&who, "user_code", &backoff, now)
        .await?;
    if let Reservation::BlockedUntil(then) = reserved {
        return Err(HttpError {
            retry_after_s: Some(crate::login::seconds_until(then, now)),
            ..HttpError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_guesses",
                "Too many codes were tried",
                "Please wait, and then type the code that your device shows.",
            )
        });
    }
    let Some(code) = form.get("user_code").and_then(UserCode::parse) else {
        return Ok(Found::Nothing);
    };
    let row = app
        .store
        .pending_by_user_code(&digest_of(&code), now)
        .await?;
    Ok(match row {
        Some(row) => Found::Row(code, Box::new(row)),
        None => Found::Nothing,
    })
}

async fn confirm(app: &Shared, code: &UserCode, row: &PendingRow) -> Result<Response, HttpError> {
    let request = request_of(row)?;
    let client = app
        .client(row.client.0.as_str())
        .await?
        .ok_or(PageError::ClientUnknown)?;
    let nonce = Nonce::new();
    let view = DeviceConfirm {
        frame: frame(app, &nonce),
        user_code: code.to_string(),
        client: client.name.clone(),
        place: request
            .place
            .unwrap_or_else(|| speech::language().say("place-unknown")),
        asked: errand::ago(app.clock.now() - row.created_at),
        scopes: request.scopes.iter().map(scope_line).collect(),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

fn ask(app: &Shared, code: Option<&UserCode>, problem: Option<&(&str, &str)>) -> Response {
    let nonce = Nonce::new();
    let status = match problem {
        Some(_) => StatusCode::NOT_FOUND,
        None => StatusCode::OK,
    };
    let view = DeviceCode {
        frame: Frame {
            problem: problem.map(|(title, advice)| Problem {
                title: speech::language().reword(title),
                advice: speech::language().reword(advice),
            }),
            ..frame(app, &nonce)
        },
        user_code: code.map(ToString::to_string).unwrap_or_default(),
    };
    html(status, &view, &nonce, &[]).into_response()
}

fn frame(app: &Shared, nonce: &Nonce) -> Frame {
    Frame {
        demo: app.config.demo.enabled,
        ..Frame::new(nonce.text())
    }
}

fn request_of(row: &PendingRow) -> Result<DeviceRequest, HttpError> {
    let read = serde_json::from_value(row.record.clone());
    Ok(read.map_err(|_| StoreError::Unreadable("device request"))?)
}

async fn note(app: &Shared, row: &PendingRow, kind: &'static str) -> Result<(), HttpError> {
    let trail = Trail {
        subject: None,
        client: Some(row.client.clone()),
        attempt: None,
        address: None,
    };
    let event = trail.event(kind, AuditOutcome::Refused);
    app.store.append_event(event, app.clock.now()).await?;
    Ok(())
}

fn user_code() -> UserCode {
    loop {
        let mut bytes = [0; 32];
        random::fill(&mut bytes);
        if let Some(code) = UserCode::from_random(&bytes) {
            return code;
        }
    }
}

fn digest_of(code: &UserCode) -> String {
    random::digest(&format!("user code {}", code.letters()))
}

/// Codes to make before giving up: two alike are unlikely at the first.
const TRIES: usize = 5;
/// Codes that one address may try before it has to wait.
const FREE_GUESSES: u32 = 20;
const UNKNOWN: (&str, &str) = (
    "This code is not known",
    "Check the letters. A code that is older than ten minutes is not good any more: start again on your device.",
);
