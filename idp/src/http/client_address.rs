//! Whose address a request comes from, and how much it may guess.
//!
//! X-Forwarded-For is read from the right, and only as far as the configured proxies vouch for it. The
//! limit per address is a shield in this process; the rule is the try counter in SQL. Where people sign in every POST
//! counts. Where clients call only what was refused as a wrong guess does: a backend may have as many tokens as it needs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use super::HttpError;
use crate::app::{App, Shared};

/// Whether this is one of the operator's own proxies.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted
        .iter()
        .any(|net| net.contains(&address.to_canonical()))
}

/// The address that a request comes from.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    let hops = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    for hop in hops.collect::<Vec<_>>().into_iter().rev() {
        if !is_trusted(address, trusted) {
            break;
        }
        match hop_address(hop.trim()) {
            Some(hop) => address = hop.to_canonical(),
            None => break,
        }
    }
    address
}

/// The address of one entry: bare, in brackets, or with the port that some proxies add (RFC 7239 §6 has both forms).
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = |hop: &str| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = |hop: &str| hop.parse::<SocketAddr>().ok().map(|it| it.ip());
    let plain = hop.parse().ok();
    plain.or_else(|| with_port(hop)).or_else(|| bare(hop))
}

/// Where a request comes from, for a handler; none where the connection does not say.
pub struct ClientAddress(pub Option<IpAddr>);

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let trusted = &app.config.trusted_proxies;
        Ok(Self(peer.map(|peer| {
            client_address(peer.0.ip(), &parts.headers, trusted)
        })))
    }
}

/// Whose address it is as far as guesses are counted: a whole /64 is one customer, or an IPv6 guesser would have
/// 2^64 addresses.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes()),
    }
}

/// The network under which something is counted; this machine itself is no stranger.
pub fn counted_network(address: Option<IpAddr>) -> Option<IpAddr> {
    address.filter(|it| !it.is_loopback()).map(network)
}

/// How often one address may send what could be a guess.
pub struct Guesses {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    /// What counts wrong guesses alone, and until when an address that made too many is not listened to.
    wrong: DefaultKeyedRateLimiter<IpAddr>,
    waiting: Mutex<HashMap<IpAddr, Instant>>,
}

/// Marks an answer that tells that a guess was wrong: a secret, a code, a token that is not known.
#[derive(Clone, Copy)]
pub struct WrongGuess;

impl Guesses {
    pub fn new(per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            wrong: RateLimiter::keyed(Quota::per_minute(per_minute)),
            waiting: Mutex::default(),
        }
    }

    /// Forgets addresses that have been quiet.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.wrong.retain_recent();
        self.wrong.shrink_to_fit();
        let now = Instant::now();
        self.waiting().retain(|_, until| now < *until);
    }

    pub(super) fn check(&self, address: IpAddr) -> Result<(), u64> {
        wait(&self.limiter, network(address)).map_or(Ok(()), |wait| Err(wait.as_secs() + 1))
    }

    /// Whether an address that calls as a client is listened to.
    fn listens_to(&self, address: IpAddr) -> Result<(), u64> {
        let now = Instant::now();
        match self.waiting().get(&network(address)) {
            Some(until) if now < *until => Err((*until - now).as_secs() + 1),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a wrong guess; after too many, the address waits.
    fn guessed_wrong(&self, address: IpAddr) {
        let key = network(address);
        if let Some(wait) = wait(&self.wrong, key) {
            self.waiting().insert(key, Instant::now() + wait);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one, and answers how long to wait where it is one too many.
fn wait(limiter: &DefaultKeyedRateLimiter<IpAddr>, key: IpAddr) -> Option<Duration> {
    let refused = limiter.check_key(&key).err()?;
    Some(refused.wait_time_from(DefaultClock::default().now()))
}

/// Slows an address that posts too much. On a loopback issuer this machine itself is no stranger.
pub async fn limit(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match stranger(&app, &request).map(|address| app.guesses.check(address)) {
        Some(Err(seconds)) => too_many(seconds),
        Some(Ok(())) | None => next.run(request).await,
    }
}

/// Slows an address whose calls are wrong too often, and no other.
pub async fn limit_wrong(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let Some(address) = stranger(&app, &request) else {
        return next.run(request).await;
    };
    if let Err(seconds) = app.guesses.listens_to(address) {
        return too_many(seconds);
    }
    let response = next.run(request).await;
    if response.extensions().get::<WrongGuess>().is_some() {
        app.guesses.guessed_wrong(address);
    }
    response
}

/// The address whose guesses are counted; none for this machine itself.
fn stranger(app: &Shared, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let trusted = &app.config.trusted_proxies;
    let address = client_address(peer.0.ip(), request.headers(), trusted);
    (!address.is_loopback() || !app.config.is_loopback()).then_some(address)
}

/// Counts what a request does beside a POST: a login begun, a capture opened.
///
/// # Errors
/// 429 where the address does it too often.
pub fn count(app: &App, counted: &Guesses, address: Option<IpAddr>) -> Result<(), HttpError> {
    match address.filter(|it| !it.is_loopback() || !app.config.is_loopback()) {
        Some(address) => counted.check(address).map_err(too_often),
        None => Ok(()),
    }
}

fn too_many(seconds: u64) -> Response {
    too_often(seconds).into_response()
}

fn too_often(seconds: u64) -> HttpError {
    HttpError {
        retry_after_s: Some(seconds),
        ..HttpError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests",
            "Please wait a moment and try again.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        let check = |peer: &str, forwarded: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
            let address = client_address(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(address.to_string(), expected, "{peer} {forwarded}");
        };
        check("192.0.2.9", "198.51.100.1", "192.0.2.9");
        check("10.1.1.1", "198.51.100.1", "198.51.100.1");
        check("10.1.1.1", "203.0.113.7, 198.51.100.1", "198.51.100.1");
        check("10.1.1.1", "198.51.100.1, 10.2.2.2", "198.51.100.1");
        check("10.1.1.1", "garbage", "10.1.1.1");
        check("10.1.1.1", "198.51.100.1:4711", "198.51.100.1");
        check("10.1.1.1", "[2001:db8::1]:80", "2001:db8::1");
        check("10.1.1.1", "[2001:db8::1]", "2001:db8::1");
        check("10.1.1.1", "203.0.113.7, 10.2.2.2:443", "203.0.113.7");
        check("10.1.1.1", "198.51.100.1:x", "10.1.1.1");
        check("::ffff:10.1.1.1", "198.51.100.1", "198.51.100.1");
    }

    #[test]
    fn an_address_is_slowed_and_a_neighbour_is_not() {
        let guesses = Guesses::new(2);
        let ip = |text: &str| text.parse().expect("an address");
        assert!(guesses.check(ip("2001:db8::1")).is_ok());
        assert!(guesses.check(ip("2001:db8::2")).is_ok());
        assert!(guesses.check(ip("2001:db8::3")).is_err(), "the same /64");
        assert!(guesses.check(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn an_address_that_guesses_wrong_waits_and_one_that_is_right_does_not() {
        let guesses = Guesses::new(2);
        let ip = |text: &str| text.parse().expect("an address");
        let (wrong, right) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for _ in 0..1000 {
            assert!(guesses.listens_to(right).is_ok());
        }
        for _ in 0..3 {
            assert!(guesses.listens_to(wrong).is_ok());
            guesses.guessed_wrong(wrong);
        }
        assert!(guesses.listens_to(wrong).is_err_and(|wait| wait <= 61));
        assert!(guesses.listens_to(right).is_ok());
        guesses.sweep();
        assert!(guesses.listens_to(wrong).is_err(), "it still waits");
    }
}
