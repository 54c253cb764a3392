//! Bodies of forms, read whole before anything looks at them.
//!
//! A handler that refuses a request early would leave the body unread, and the connection would end under
//! the client's hands instead of with an answer. So a form is read first, up to its bound; what is beyond
//! it is read and thrown away up to a second bound, and answered 413.
//!
//! A body that does not come, or too slowly, is the sender's fault and not ours: it is answered 408, and the connection
//! ends, since the rest of the body could still come on it (RFC 9110 §15.5.9).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;

use super::HttpError;
use crate::oidc::error::PageError;

/// Reads the body of a form; uploads and frames have bounds of their own and pass by.
pub async fn read_whole(request: Request, next: Next) -> Response {
    within(Patience::default(), request, next).await
}

/// How long a body may take to come.
#[derive(Clone, Copy)]
struct Patience {
    form: Duration,
    upload: Duration,
}

impl Default for Patience {
    /// A form of the largest size comes in time by a line of 70 kbit/s. Uploads get nearly what a request may take at
    /// all, since they are judged while they come.
    fn default() -> Self {
        Self {
            form: Duration::from_secs(30),
            upload: Duration::from_secs(50),
        }
    }
}

async fn within(patience: Patience, request: Request, next: Next) -> Response {
    let version = request.version();
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let streamed = kind.starts_with("multipart/") || kind == "application/vnd.whorl.capture";
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    if streamed {
        return streaming(patience.upload, request, next).await;
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(patience.form, gathered(body)).await {
        Ok(Ok(form)) => next.run(Request::from_parts(parts, Body::from(form))).await,
        Ok(Err(error)) => error.into_response(),
        Err(_elapsed) => late(version),
    }
}

/// The whole body.
async fn gathered(body: Body) -> Result<Bytes, HttpError> {
    let mut stream = body.into_data_stream();
    let (mut form, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk
            .map_err(|_| HttpError::bad_request("body_broken", "The request was cut short."))?;
        seen = seen.saturating_add(chunk.len());
        if seen > DRAINED_BYTES {
            break;
        }
        if seen <= FORM_BYTES {
            form.extend_from_slice(&chunk);
        }
    }
    if seen > FORM_BYTES {
        return Err(HttpError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "This request is too large",
            "Send less at once.",
        ));
    }
    Ok(form.into())
}

/// A body that its handler reads. What is done with it once it is there takes as long as it takes.
async fn streaming(patience: Duration, request: Request, next: Next) -> Response {
    let version = request.version();
    let has_come = Arc::new(AtomicBool::new(false));
    let mark = has_come.clone();
    let request = request.map(|body| {
        let end = poll_fn(move |_| {
            mark.store(true, Ordering::Relaxed);
            Poll::Ready(None)
        });
        Body::from_stream(body.into_data_stream().chain(end))
    });
    let mut answer = pin!(next.run(request));
    match tokio::time::timeout(patience, &mut answer).await {
        Ok(response) => response,
        Err(_elapsed) if has_come.load(Ordering::Relaxed) => answer.await,
        Err(_elapsed) => late(version),
    }
}

fn late(version: Version) -> Response {
    let error = HttpError {
        status: StatusCode::REQUEST_TIMEOUT,
        ..HttpError::bad_request("body_late", "The request was cut short.")
    };
    let mut response = error.into_response();
    // RFC 9110 §15.5.9: "SHOULD send the close connection option"; HTTP/2 has none (RFC 9113 §8.2.2).
    if version < Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether a body says that it is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether a posted body may be read as a form: it says that it is one, or there is nothing in it.
///
/// # Errors
/// Where it says something else, or nothing: what is sent as a form all the same was not meant as one.
pub fn form_only(headers: &HeaderMap, body: &[u8]) -> Result<(), PageError> {
    match body.is_empty() || is_form(headers) {
        true => Ok(()),
        false => Err(PageError::Malformed),
    }
}

/// The largest form.
pub const FORM_BYTES: usize = 256 * 1024;
/// How much is read only to be thrown away.
const DRAINED_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::{sleep, timeout};

    use super::*;

    const SHORT: Patience = Patience {
        form: Duration::from_millis(300),
        upload: Duration::from_millis(300),
    };

    async fn server() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("is set");
        let judged = |body: Bytes| async move {
            sleep(SHORT.upload * 2).await;
            body.len().to_string()
        };
        let routes = Router::new().route("/", post(judged)).layer(from_fn(
            |request: Request, next: Next| within(SHORT, request, next),
        ));
        let server = axum_server::from_tcp(listener).expect("a server");
        tokio::spawn(server.serve(routes.into_make_service()));
        address
    }

    /// A request whose body comes in these parts, with a pause after each; the answer until the connection ends.
    async fn answer(kind: &str, parts: &[&str], pause: Duration) -> String {
        let mut stream = TcpStream::connect(server().await).await.expect("connects");
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 6\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("is sent");
        for part in parts {
            // The other side may have had enough.
            if stream.write_all(part.as_bytes()).await.is_err() {
                break;
            }
            sleep(pause).await;
        }
        let (mut came, mut part) = (Vec::new(), [0; 1024]);
        let read = async {
            while let Ok(length @ 1..) = stream.read(&mut part).await {
                came.extend_from_slice(&part[..length]);
                if came.ends_with(b"\r\n6") {
                    break;
                }
            }
        };
        let ended = timeout(SHORT.form * 20, read).await;
        assert!(ended.is_ok(), "{kind} {parts:?}: still open");
        String::from_utf8(came).expect("text").to_lowercase()
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_late_and_ends_its_connection() {
        let none = Duration::ZERO;
        let slow = SHORT.form / 2;
        for kind in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
        ] {
            for (parts, pause) in [
                (&[][..], none),
                (&["a=1"][..], none),
                (&["a", "=", "1", "&", "b"][..], slow),
            ] {
                let told = answer(kind, parts, pause).await;
                assert!(
                    told.starts_with("http/1.1 408 "),
                    "{kind} {parts:?}: {told}"
                );
                assert!(told.contains("connection: close\r\n"), "{told}");
            }
            // What is there in time is answered, however long that takes.
            let told = answer(kind, &["a=1", "&b="], none).await;
            assert!(told.starts_with("http/1.1 200 "), "{kind}: {told}");
        }
    }
}
