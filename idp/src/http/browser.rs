//! The browser behind a request: a random cookie of ours that binds attempts to it, and its session.
//!
//! Cookies are HttpOnly and SameSite=Lax; on https they are Secure and carry the `__Host-` prefix
//! (RFC 6265bis §4.1.3.2). A POST that changes anything must also come from our own origin.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use secrecy::{ExposeSecret, SecretString};
use time::Duration;
use wire::CredentialId;

use super::HttpError;
use super::client_address::ClientAddress;
use crate::app::Shared;
use crate::login::attempt::Seen;
use crate::login::hand_over::LIFETIME;
use crate::login::session::{self, LiveSession};
use crate::places::Places;
use crate::random;
use crate::store::AttemptRow;

/// The browser of a request.
pub struct Browser {
    /// Digest of its cookie; what attempts are bound to.
    pub digest: String,
    /// Digest of its session cookie.
    session: Option<String>,
    /// Digest of the cookie of a phone to which a step was handed over.
    phone: Option<String>,
    pub user_agent: Option<String>,
    /// By which it may be known again.
    pub mark: Option<String>,
    /// What it says of itself besides, in one order (User-Agent Client Hints §3).
    pub hints: Option<String>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    fresh: Option<SecretString>,
}

impl FromRequestParts<Shared> for Browser {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, HttpError> {
        if parts.method != Method::GET && !is_own_origin(&parts.headers, app) {
            return Err(HttpError::forbidden("other_origin"));
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let read = |name: &str| {
            let cookie = jar.get(&cookie_name(app, name))?;
            Some(random::digest(cookie.value())).filter(|_| cookie.value().len() == COOKIE_CHARS)
        };
        let (digest, fresh) = match read(BROWSER) {
            Some(digest) => (digest, None),
            None => {
                let secret = random::secret();
                (random::digest(secret.expose_secret()), Some(secret))
            }
        };
        let user_agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let hints = client_hints(&parts.headers);
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        Ok(Self {
            digest,
            session: read(SESSION),
            mark: jar
                .get(&cookie_name(app, MARK))
                .map(|cookie| cookie.value().to_owned())
                .filter(|mark| mark.len() <= MARK_CHARS),
            phone: read(PHONE),
            user_agent,
            hints,
            address,
            fresh,
        })
    }
}

impl Browser {
    /// Its live session.
    pub async fn session(&self, app: &Shared) -> Result<Option<LiveSession>, HttpError> {
        match &self.session {
            Some(digest) => Ok(session::of_cookie(&app.store, digest, app.clock.now()).await?),
            None => Ok(None),
        }
    }

    /// Where an attempt is moved from.
    pub fn seen(&self, places: &Places) -> Seen {
        let user_agent = self.user_agent.as_ref();
        let located = self.address.map(|address| places.locate(address));
        Seen {
            place: located.unwrap_or_default().into(),
            hints: self.hints.clone(),
            address: self.address,
            user_agent: user_agent.map(|agent| agent.chars().take(256).collect()),
            ..Seen::default()
        }
    }

    /// Digest of its session cookie, whatever that is worth.
    pub fn session_digest(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Digest of the cookie of a phone to which a step was handed over, whatever that is worth.
    pub fn phone_digest(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// Sends the cookie that binds attempts, where the browser had none.
    pub fn remember(&self, app: &Shared, response: &mut Response) {
        if let Some(secret) = &self.fresh {
            // It outlives an attempt and an enrolment, and gives no access by itself.
            set(
                app,
                response,
                BROWSER,
                secret.expose_secret(),
                Some(Duration::days(1)),
            );
        }
    }
}

/// Sends the session cookie.
pub fn set_session(app: &Shared, response: &mut Response, secret: &SecretString) {
    let lifetime = Duration::seconds(app.config.session.lifetime_s.into());
    set(
        app,
        response,
        SESSION,
        secret.expose_secret(),
        Some(lifetime),
    );
}

/// Marks a browser as one that this person signed in from by these credentials.
pub fn mark(
    app: &Shared,
    browser: &Browser,
    response: &mut Response,
    username: &str,
    proved: &[CredentialId],
) {
    let marks = &app.journey.marks;
    let mark = marks.make(username, proved, browser.mark.as_deref(), app.clock.now());
    set(app, response, MARK, &mark, Some(marks.lifetime()));
}

/// Sends the cookie by which a phone is known that opened a link: good for one step of one attempt, and for no session.
pub fn set_phone(app: &Shared, response: &mut Response, secret: &SecretString) {
    let secret = secret.expose_secret();
    set(app, response, PHONE, secret, Some(LIFETIME));
}

/// Takes the session cookie back.
pub fn clear_session(app: &Shared, response: &mut Response) {
    set(app, response, SESSION, "", Some(Duration::ZERO));
    if app.config.session.check_session {
        set_state(app, response, "", Duration::ZERO);
    }
}

/// Sends the cookie that the session frame reads, and which opens nothing: scripts and other sites' frames may see it.
pub fn set_state(app: &Shared, response: &mut Response, value: &str, age: Duration) {
    let mut cookie = Cookie::new(state_cookie_name(app), value.to_owned());
    cookie.set_secure(app.is_https());
    cookie.set_same_site(if app.is_https() {
        SameSite::None
    } else {
        // Browsers take None only with Secure.
        SameSite::Lax
    });
    cookie.set_path("/");
    cookie.set_max_age(age);
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// What the cookie of the session frame is called.
pub fn state_cookie_name(app: &Shared) -> String {
    cookie_name(app, "whorl_state")
}

/// Sends a cookie of ours that scripts do not see.
pub fn set(app: &Shared, response: &mut Response, name: &str, value: &str, age: Option<Duration>) {
    let mut cookie = Cookie::new(cookie_name(app, name), value.to_owned());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.is_https());
    cookie.set_path("/");
    cookie.set_max_age(age);
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// What a browser says of its machine. Brands and their versions are left out: the `User-Agent` has them, and they are
/// shuffled on purpose (User-Agent Client Hints §6.2).
fn client_hints(headers: &HeaderMap) -> Option<String> {
    let told = HINTS.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        let value: String = value
            .chars()
            .filter(|c| *c != ';')
            .take(MOST_OF_HINT)
            .collect();
        (!value.is_empty()).then(|| format!("{}={value}", &name[HINT_PREFIX..]))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(";"))
}

/// What is asked for beside what comes unasked.
pub const ACCEPT_HINTS: &str =
    "sec-ch-ua-arch, sec-ch-ua-bitness, sec-ch-ua-model, sec-ch-ua-platform-version";
const HINTS: [&str; 6] = [
    "sec-ch-ua-arch",
    "sec-ch-ua-bitness",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
];
const HINT_PREFIX: usize = "sec-ch-ua-".len();
const MOST_OF_HINT: usize = 64;

/// What a cookie of ours is called here.
pub fn cookie_name(app: &Shared, name: &str) -> String {
    if app.is_https() {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

/// A browser says where a POST comes from (Fetch §3.1); what says nothing is no browser's cross-site form,
/// since Lax cookies do not travel with those.
fn is_own_origin(headers: &HeaderMap, app: &Shared) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()) {
        None => true,
        // Our own pages send `null` where the referrer policy hides the origin from same-origin forms.
        Some("null") => site.is_some(),
        Some(origin) => origin == app.config.issuer.origin().ascii_serialization(),
    }
}

const BROWSER: &str = "whorl_browser";
const SESSION: &str = "whorl_session";
const MARK: &str = "whorl_known";
/// More than a mark has.
const MARK_CHARS: usize = 640;
const PHONE: &str = "whorl_phone";
/// 32 bytes in base64url.
const COOKIE_CHARS: usize = 43;

/// The browser of a POST that a client's page may send (OIDC Core §3.1.2.1): it begins an attempt and does
/// nothing else, so its origin does not matter.
///
/// Lax cookies do not travel with it. A new one in the answer would replace the one that the logins of other tabs hang
/// on; so none is sent, and the attempt belongs to whoever first shows its page, a GET, with which cookies travel. That
/// page is as good as the request: whoever could send somebody else there could have sent them the request itself.
pub struct CrossSite(pub Browser);

impl FromRequestParts<Shared> for CrossSite {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, HttpError> {
        let method = std::mem::replace(&mut parts.method, Method::GET);
        let browser = Browser::from_request_parts(parts, app).await;
        parts.method = method;
        let browser = browser?;
        Ok(Self(match browser.fresh {
            Some(_) => Browser {
                digest: AttemptRow::NO_BROWSER.to_owned(),
                fresh: None,
                ..browser
            },
            None => browser,
        }))
    }
}

/// The browser of a WebSocket's handshake, which is a GET and reaches across origins (RFC 6455 §10.2): only from a page of
/// ours.
pub struct OwnPage(pub Browser);

impl FromRequestParts<Shared> for OwnPage {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, HttpError> {
        let origin = parts.headers.get(header::ORIGIN);
        let own = app.config.issuer.origin().ascii_serialization();
        if origin.and_then(|v| v.to_str().ok()) != Some(own.as_str()) {
            return Err(HttpError::forbidden("other_origin"));
        }
        Browser::from_request_parts(parts, app).await.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_in_one_order_and_are_bounded() {
        let mut headers = HeaderMap::new();
        assert_eq!(client_hints(&headers), None);
        for (name, value) in [
            ("sec-ch-ua-platform", "\"Windows\""),
            (
                "sec-ch-ua",
                "\"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"",
            ),
            ("sec-ch-ua-mobile", "?0"),
        ] {
            headers.insert(name, value.parse().expect("a header"));
        }
        let hints = client_hints(&headers);
        assert_eq!(hints.as_deref(), Some("mobile=?0;platform=\"Windows\""));
        let long = "x".repeat(5_000).parse().expect("a header");
        headers.insert("sec-ch-ua-model", long);
        assert!(client_hints(&headers).is_some_and(|hints| hints.len() < 120));
        headers.insert(
            "sec-ch-ua-model",
            HeaderValue::from_bytes(b"\xff").expect("opaque"),
        );
        assert_eq!(client_hints(&headers), hints, "what is no text is left out");
    }
}
