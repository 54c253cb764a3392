//! The line to a capture's page: a WebSocket (RFC 6455), or the same messages by POST where that does not open.
//!
//! A message goes in, its answer comes out, and only then the next one: what a page sends beyond that ends its capture. The
//! codes with which a socket is closed are [`Closed`]; after any of them the page is loaded again, under a new nonce, and
//! nothing of the attempt is lost.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wire::AttemptId;

use super::browser::{Browser, OwnPage};
use super::{HttpError, enrol, login, phone};
use crate::app::Shared;
use crate::capture::{Attached, CaptureError, Reply, message};

/// Which capture a line is of.
#[derive(Deserialize)]
pub struct CaptureQuery {
    nonce: String,
}

/// Why a socket was closed (RFC 6455 §7.4: 4000 and up are ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Closed {
    /// Text where binary messages are expected.
    Text = 1003,
    /// A message larger than the largest.
    TooLarge = 1009,
    /// No message of ours.
    Malformed = 4400,
    /// Not signed by the page's key over this capture.
    Signature = 4401,
    /// A frame again, too late, or of what was never shown.
    OutOfOrder = 4402,
    /// Nothing came, or it did not come to its end in time.
    TooSlow = 4408,
    /// Another socket, or another replica, has the capture.
    Held = 4409,
    /// It expired, was finished or replaced.
    Gone = 4410,
    /// The picture cannot be read.
    Picture = 4422,
    /// A message came before the last one was answered.
    TooFast = 4429,
    /// A fault of ours.
    Fault = 4500,
}

impl Closed {
    fn reason(self) -> &'static str {
        match self {
            Self::Text => "messages are binary",
            Self::TooLarge => "the message is too large",
            Self::Malformed => "no message of a capture",
            Self::Signature => "the signature is not the page's",
            Self::OutOfOrder => "frames come in their order",
            Self::TooSlow => "nothing came in time",
            Self::Held => "the capture is held elsewhere",
            Self::Gone => "the capture is over",
            Self::Picture => "the picture cannot be read",
            Self::TooFast => "one message at a time",
            Self::Fault => "a fault of the server",
        }
    }
}

impl From<&CaptureError> for Closed {
    fn from(error: &CaptureError) -> Self {
        match error {
            CaptureError::Moved | CaptureError::Held => Self::Held,
            CaptureError::Gone | CaptureError::Exhausted | CaptureError::Incomplete => Self::Gone,
            CaptureError::OutOfOrder => Self::OutOfOrder,
            CaptureError::Message(message::MessageError::TooLarge) => Self::TooLarge,
            CaptureError::Message(message::MessageError::Picture) | CaptureError::Frame(_) => {
                Self::Picture
            }
            CaptureError::Message(_) => Self::Malformed,
            CaptureError::Signature(_) => Self::Signature,
            CaptureError::NotAvailable
            | CaptureError::Store(_)
            | CaptureError::Internal(_)
            // Overload is answered, and closes nothing.
            | CaptureError::Busy => Self::Fault,
        }
    }
}

/// What the page hears.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Step(Box<Reply>),
    /// The frame was not looked at.
    Busy {
        next_ms: u32,
    },
}

/// `GET /login/{attempt}/face/socket`.
pub async fn login_socket(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    Query(query): Query<CaptureQuery>,
    OwnPage(browser): OwnPage,
    upgrade: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    login::load(&app, id, &browser).await?;
    Ok(open(app, upgrade, query.nonce, id.to_string()))
}

/// `GET /enrol/face/socket`.
pub async fn enrol_socket(
    State(app): State<Shared>,
    Query(query): Query<CaptureQuery>,
    OwnPage(browser): OwnPage,
    upgrade: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    let owner = enrol::position(&app, &browser).await?.enrolment.id;
    Ok(open(app, upgrade, query.nonce, owner.to_string()))
}

/// `POST /login/{attempt}/face/frame`: one message in, its answer out.
pub async fn login_frame(
    State(app): State<Shared>,
    Path(id): Path<AttemptId>,
    Query(query): Query<CaptureQuery>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    login::load(&app, id, &browser).await?;
    posted(&app, &query.nonce, &id.to_string(), &body).await
}

/// `POST /enrol/face/frame`: one message in, its answer out.
pub async fn enrol_frame(
    State(app): State<Shared>,
    Query(query): Query<CaptureQuery>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let owner = enrol::position(&app, &browser).await?.enrolment.id;
    posted(&app, &query.nonce, &owner.to_string(), &body).await
}

/// `GET /phone/face/socket`.
pub async fn phone_socket(
    State(app): State<Shared>,
    Query(query): Query<CaptureQuery>,
    OwnPage(browser): OwnPage,
    upgrade: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    let owner = phone::owner(&app, &browser).await?;
    Ok(open(app, upgrade, query.nonce, owner))
}

/// `POST /phone/face/frame`: one message in, its answer out.
pub async fn phone_frame(
    State(app): State<Shared>,
    Query(query): Query<CaptureQuery>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let owner = phone::owner(&app, &browser).await?;
    posted(&app, &query.nonce, &owner, &body).await
}

async fn posted(
    app: &Shared,
    nonce: &str,
    owner: &str,
    body: &[u8],
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let said = match app.captures.message(nonce, owner, body, now).await {
        Ok(reply) => Said::Step(Box::new(reply)),
        Err(CaptureError::Busy) => BUSY,
        Err(error) => return Err(error.into()),
    };
    Ok(Json(said).into_response())
}

fn open(app: Shared, upgrade: WebSocketUpgrade, nonce: String, owner: String) -> Response {
    upgrade
        .max_message_size(message::LARGEST)
        .max_frame_size(message::LARGEST)
        .on_upgrade(async move |mut socket| {
            let attached = app.captures.attach(&nonce, &owner, app.clock.now()).await;
            let closed = match attached {
                Ok(attached) => Box::pin(serve(&app, &mut socket, attached)).await,
                Err(error) => Some(Closed::from(&error)),
            };
            if let Some(closed) = closed {
                close(&mut socket, closed).await;
            }
        })
}

/// Serves a capture until it ends; answers how to close the socket, where it still is there.
async fn serve(app: &Shared, socket: &mut WebSocket, attached: Attached) -> Option<Closed> {
    loop {
        let message = match timeout(SILENCE, next(socket)).await {
            Ok(Heard::Message(bytes)) => bytes,
            Ok(Heard::Nothing) => return None,
            Ok(Heard::Wrong(closed)) => return Some(closed),
            Err(_) => return Some(Closed::TooSlow),
        };
        let taken = {
            let mut taking = pin!(attached.message(&message, app.clock.now()));
            tokio::select! {
                taken = &mut taking => taken,
                // One message at a time: whoever sends more gets nothing for it but the end.
                heard = next(socket) => return match heard {
                    Heard::Message(_) => Some(Closed::TooFast),
                    Heard::Nothing => None,
                    Heard::Wrong(closed) => Some(closed),
                },
            }
        };
        let said = match taken {
            Ok(reply) => Said::Step(Box::new(reply)),
            Err(CaptureError::Busy) => BUSY,
            Err(error) => {
                if let CaptureError::Store(_) | CaptureError::Internal(_) = &error {
                    tracing::error!(error = &error as &dyn std::error::Error, "capture_failed");
                }
                return Some(Closed::from(&error));
            }
        };
        let text = serde_json::to_string(&said).unwrap_or_default();
        match timeout(SILENCE, socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            // It reads nothing.
            Err(_) => return Some(Closed::TooSlow),
        }
    }
}

enum Heard {
    Message(Bytes),
    /// The other side went.
    Nothing,
    Wrong(Closed),
}

/// The next message; pings are answered by the library, and are no message.
async fn next(socket: &mut WebSocket) -> Heard {
    for _ in 0..MOST_PINGS {
        match socket.recv().await {
            Some(Ok(Message::Binary(bytes))) => return Heard::Message(bytes),
            Some(Ok(Message::Text(_))) => return Heard::Wrong(Closed::Text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Heard::Nothing,
            Some(Err(error)) => return Heard::Wrong(broken(&error)),
        }
    }
    Heard::Wrong(Closed::TooFast)
}

/// What the library refuses: a message above the bound, or bytes that are no WebSocket's.
fn broken(error: &axum::Error) -> Closed {
    let is_large = error.to_string().to_lowercase().contains("too long")
        || error.to_string().to_lowercase().contains("too large");
    if is_large {
        Closed::TooLarge
    } else {
        Closed::Malformed
    }
}

async fn close(socket: &mut WebSocket, closed: Closed) {
    let frame = CloseFrame {
        code: closed as u16,
        reason: closed.reason().into(),
    };
    // Who does not take the word for it finds the connection gone.
    let _gone = timeout(FAREWELL, socket.send(Message::Close(Some(frame)))).await;
    // What is still on its way would make the connection end with a reset, and the word be lost.
    let _drained = timeout(FAREWELL, async {
        for _ in 0..MOST_DRAINED {
            if !matches!(socket.recv().await, Some(Ok(_))) {
                break;
            }
        }
    })
    .await;
}

const BUSY: Said = Said::Busy { next_ms: 500 };
/// A whole message comes within this time, and its answer is taken within it.
const SILENCE: Duration = Duration::from_secs(10);
/// For the closing handshake.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pings before a message; a browser sends none.
const MOST_PINGS: usize = 8;
/// Messages that are read only to be thrown away.
const MOST_DRAINED: usize = 64;
