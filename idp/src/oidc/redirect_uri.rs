//! Redirect URIs: which ones may be registered, and which presented one matches
//! (RFC 6749 §3.1.2, RFC 9700 §2.1, RFC 8252 §7).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::client::{ApplicationType, has_plain_host};
use super::provider::is_loopback;

/// A redirect URI: the very string that was registered, or one that matched it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a URI may not be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RedirectUriError {
    /// Not an absolute URI.
    #[error("not an absolute URI")]
    NotAbsolute,
    /// It has a fragment.
    #[error("it has a fragment")]
    Fragment,
    /// It has a wildcard, white space or another character that has no place in a URI.
    #[error("it has a wildcard or a character that has no place in a URI")]
    Wildcard,
    /// It has a user or a password.
    #[error("it has a user or a password")]
    Credentials,
    /// It uses http beyond this machine.
    #[error("it uses http, and its host is not a loopback address")]
    Insecure,
    /// Its scheme is not one that this kind of client may use.
    #[error("its scheme is neither https nor a native client's own scheme with a dot in it")]
    Scheme,
    /// It is too long.
    #[error("it is longer than 2048 characters")]
    TooLong,
}

impl RedirectUri {
    /// Wraps a URI as it stands; [`RedirectUri::check`] says whether it may be registered.
    pub fn new(uri: impl Into<String>) -> Self {
        Self(uri.into())
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a client of this kind may register the URI.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, application_type: ApplicationType) -> Result<(), RedirectUriError> {
        if self.0.len() > 2048 {
            return Err(RedirectUriError::TooLong);
        }
        // RFC 9700 §4.1.3: no patterns. Backslashes and quotes are read differently by different parsers.
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"*\\\"<>^`{|}".contains(&byte);
        if !self.0.bytes().all(plain) {
            return Err(RedirectUriError::Wildcard);
        }
        let url = Url::parse(&self.0).map_err(|_| RedirectUriError::NotAbsolute)?;
        // RFC 6749 §3.1.2: the endpoint URI must not include a fragment component.
        if self.0.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        match url.scheme() {
            "https" => check_authority(&url, &self.0),
            "http" if is_loopback(&url) => check_authority(&url, &self.0),
            "http" => Err(RedirectUriError::Insecure),
            // RFC 8252 §7.1: a private-use scheme is a domain name in reverse, which keeps out
            // `javascript:`, `data:` and every other scheme that the browser itself acts on.
            scheme => match application_type {
                ApplicationType::Native if scheme.contains('.') => Ok(()),
                ApplicationType::Native | ApplicationType::Web => Err(RedirectUriError::Scheme),
            },
        }
    }

    /// Whether the presented URI is this registered one.
    ///
    /// Exact string comparison (RFC 9700 §2.1); a native client's loopback address may come with any port
    /// (RFC 8252 §7.3), which holds for the literal addresses alone and not for `localhost` (§8.3).
    pub fn matches(&self, presented: &str, application_type: ApplicationType) -> bool {
        if self.0 == presented {
            return true;
        }
        match application_type {
            ApplicationType::Web => false,
            ApplicationType::Native => LOOPBACK.iter().any(|address| {
                let ours = self.0.strip_prefix(address).and_then(without_port);
                let theirs = presented.strip_prefix(address).and_then(without_port);
                ours.is_some() && ours == theirs
            }),
        }
    }

    /// Whether a form can be posted to it (OAuth 2.0 Form Post Response Mode §2).
    pub fn is_http(&self) -> bool {
        self.0.starts_with("https://") || self.0.starts_with("http://")
    }

    /// Whether it goes to this machine.
    pub fn is_loopback(&self) -> bool {
        self.is_http() && Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// Its origin (RFC 6454 §4); `None` for a private scheme.
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        self.is_http().then(|| url.origin().ascii_serialization())
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// What follows a host and its optional port, if a path, a query or nothing does.
fn without_port(after_host: &str) -> Option<&str> {
    let rest = match after_host.strip_prefix(':') {
        None => after_host,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = port.split_at(digits);
            number.parse::<u16>().ok().filter(|port| *port > 0)?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

fn check_authority(url: &Url, text: &str) -> Result<(), RedirectUriError> {
    // The parser forgives `https:host` and `https:///host`; a browser's reading of them is not ours to guess.
    let authority = text
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default())
        .filter(|authority| !authority.is_empty())
        .ok_or(RedirectUriError::NotAbsolute)?;
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(RedirectUriError::Credentials);
    }
    if !has_plain_host(url) {
        return Err(RedirectUriError::Wildcard);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationType::{Native, Web};

    #[test]
    fn what_may_be_registered() {
        let check = |uri: &str, kind, expected: Result<(), RedirectUriError>| {
            assert_eq!(RedirectUri::new(uri).check(kind), expected, "{uri}");
        };
        check("https://app.example/cb?x=1", Web, Ok(()));
        check("http://localhost:8080/cb", Web, Ok(()));
        check("http://127.0.0.1/cb", Native, Ok(()));
        check("http://[::1]:8080/cb", Native, Ok(()));
        check("com.example.app:/cb", Native, Ok(()));
        check("com.example.app:/cb", Web, Err(RedirectUriError::Scheme));
        check("app:/cb", Native, Err(RedirectUriError::Scheme));
        for host in [
            "aaa;x", "a,b", "a'b", "a!b", "a$b", "a&b", "a(b)", "a~b", "a=b",
        ] {
            let uri = format!("https://{host}/cb");
            check(&uri, Web, Err(RedirectUriError::Wildcard));
            assert!(super::super::client::WebUri::parse(&uri).is_err(), "{uri}");
        }
        check("javascript:alert(1)", Native, Err(RedirectUriError::Scheme));
        check("data:text/html,x", Native, Err(RedirectUriError::Scheme));
        check(
            "http://app.example/cb",
            Web,
            Err(RedirectUriError::Insecure),
        );
        check(
            "http://127.0.0.1.example/",
            Web,
            Err(RedirectUriError::Insecure),
        );
        check(
            "https://app.example/#f",
            Web,
            Err(RedirectUriError::Fragment),
        );
        check("https://*.example/cb", Web, Err(RedirectUriError::Wildcard));
        check(
            "https://app.example/ cb",
            Web,
            Err(RedirectUriError::Wildcard),
        );
        check(
            "https://app.example\\@evil.example/",
            Web,
            Err(RedirectUriError::Wildcard),
        );
        check(
            "https://a@app.example/cb",
            Web,
            Err(RedirectUriError::Credentials),
        );
        check(
            "https://@app.example/cb",
            Web,
            Err(RedirectUriError::Credentials),
        );
        check("/cb", Web, Err(RedirectUriError::NotAbsolute));
        check(
            "https:app.example/cb",
            Web,
            Err(RedirectUriError::NotAbsolute),
        );
        check(
            "https:///app.example/cb",
            Web,
            Err(RedirectUriError::NotAbsolute),
        );
        let long = format!("https://app.example/{}", "x".repeat(2048));
        check(&long, Web, Err(RedirectUriError::TooLong));
    }

    #[test]
    fn only_the_registered_string_matches() {
        let registered = RedirectUri::new("https://app.example/cb");
        assert!(registered.matches("https://app.example/cb", Web));
        for presented in [
            "https://app.example/cb/",
            "https://app.example/cb?",
            "https://app.example/cb?x=1",
            "https://app.example/cb#",
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/x/../cb",
            "https://app.example/%63b",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "http://app.example/cb",
            " https://app.example/cb",
            "https://app.example/cb ",
            "https://app.example/c",
            "",
        ] {
            assert!(!registered.matches(presented, Web), "{presented}");
            assert!(!registered.matches(presented, Native), "{presented}");
        }
    }

    #[test]
    fn a_native_client_may_use_any_loopback_port() {
        let registered = RedirectUri::new("http://127.0.0.1/cb");
        assert!(registered.matches("http://127.0.0.1:51004/cb", Native));
        assert!(!registered.matches("http://127.0.0.1:51004/cb", Web));
        assert!(RedirectUri::new("http://[::1]:1/cb").matches("http://[::1]:2/cb", Native));
        for presented in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:51004@evil.example/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.2:1/cb",
            "http://[::1]:1/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!registered.matches(presented, Native), "{presented}");
        }
        let named = RedirectUri::new("http://localhost/cb");
        assert!(!named.matches("http://localhost:1/cb", Native));
        assert!(!RedirectUri::new("http://127.0.0.1x").matches("http://127.0.0.1:5x", Native));
    }
}
