//! What every answer carries: a policy for its scripts, no framing, no sniffing, no referrer, no caching.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use super::pages::{content_security_policy, page};
use crate::app::Shared;
use crate::random;

/// The nonce of one answer's Content-Security-Policy.
pub struct Nonce(secrecy::SecretString);

impl Nonce {
    pub fn new() -> Self {
        Self(random::secret())
    }

    pub fn text(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }
}

/// A page, with the policy that it is written for. Its forms may end up at `form_targets` besides us.
pub fn html(
    status: StatusCode,
    view: &impl Template,
    nonce: &Nonce,
    form_targets: &[&str],
) -> Response {
    let mut response = (status, page(view)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = content_security_policy(nonce.text(), form_targets);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Where a form may end whose answer sends the browser on to an application: a browser may hold `form-action` against each
/// redirect that follows (CSP Level 3 §6.4.1), and the application sends the person on to wherever it wants, in a scheme of its
/// own too. Chromium stops a login that ends at an address that is not named.
pub fn beyond(redirect_uri: &Url) -> Vec<String> {
    let mut targets = vec!["https:".to_owned(), "http:".to_owned()];
    let scheme = format!("{}:", redirect_uri.scheme());
    if !targets.contains(&scheme) {
        targets.push(scheme);
    }
    targets
}

/// A page that shows frames of exactly these origins.
pub fn html_with_frames(view: &impl Template, nonce: &Nonce, origins: &[String]) -> Response {
    let mut response = html(StatusCode::OK, view, nonce, &[]);
    let mut origins = origins.to_vec();
    origins.sort();
    origins.dedup();
    let policy = format!(
        "{}; frame-src {}",
        content_security_policy(nonce.text(), &[]),
        origins.join(" ")
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Marks an answer that other sites may frame: the session frame alone.
#[derive(Clone, Copy)]
pub struct Framable;

/// Adds what every answer carries, and keeps what a handler set itself.
pub async fn protect(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let framable = response.extensions().get::<Framable>().is_some();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        if framable && name == header::X_FRAME_OPTIONS {
            continue;
        }
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if app.is_https() {
        // RFC 6797: once reached by https, never again without.
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// The id of a request, as it stands in the log and on an error page.
pub fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or("unknown")
        .to_owned()
}

const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=()",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_end_wherever_the_application_sends_the_person_on() {
        let targets = |uri: &str| beyond(&Url::parse(uri).expect("a URL"));
        assert_eq!(targets("https://shop.example/cb"), ["https:", "http:"]);
        assert_eq!(
            targets("com.example.app:/cb"),
            ["https:", "http:", "com.example.app:"]
        );
    }
}
