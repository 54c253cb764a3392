//! An http or https URI that a client registered for us to show, to send a browser to, or to fetch; kept
//! as it was written, since it is given back so and compared so.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

use crate::oidc::provider::is_loopback;

/// An absolute http or https URI without a user, a password, or characters that parsers disagree on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebUri(String);

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not an absolute http or https URI without user and password")]
pub struct NotAWebUri;

impl WebUri {
    /// Reads one: which keeps out `javascript:`, `data:` and their kind wherever a URI is shown.
    ///
    /// # Errors
    /// [`NotAWebUri`] for everything else.
    pub fn parse(text: &str) -> Result<Self, NotAWebUri> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return Err(NotAWebUri);
        }
        let url = Url::parse(text).map_err(|_| NotAWebUri)?;
        // The parser forgives `https:host`; and `https://@host` has an empty user, which it drops.
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(NotAWebUri)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_named = has_plain_host(&url) && !authority.is_empty() && !authority.contains('@');
        is_named.then(|| Self(text.to_owned())).ok_or(NotAWebUri)
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it uses https.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether it has a fragment.
    pub fn has_fragment(&self) -> bool {
        self.0.contains('#')
    }

    /// Whether its host can only be this machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        Some(url.origin().ascii_serialization())
    }

    /// The host's name or address.
    pub fn host(&self) -> Option<String> {
        Some(Url::parse(&self.0).ok()?.host_str()?.to_owned())
    }
}

/// Whether the host is an address, or a name of letters, digits, hyphens and dots, so that its origin can stand in a
/// Content-Security-Policy as one source and as nothing else (CSP 3 §2.3.1 `host-char`).
pub fn has_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

impl fmt::Display for WebUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for WebUri {
    type Error = NotAWebUri;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<WebUri> for String {
    fn from(uri: WebUri) -> Self {
        uri.0
    }
}

const LONGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_taken_and_they_stay_as_they_are() {
        for text in [
            "https://app.example",
            "http://a.example:8080/x?y#z",
            "https://[::1]/",
        ] {
            assert_eq!(WebUri::parse(text).unwrap().as_str(), text);
        }
        let long = format!("https://a.example/{}", "x".repeat(2048));
        for text in [
            "",
            "app.example",
            "/x",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.example",
            "https:app.example",
            "https:///app.example",
            "https://u@app.example",
            "https://@a.example",
            "https://u:p@a.example",
            "https://a.example/\\x",
            "https://a.example/ x",
            "https://ä.example",
            "HTTPS://a.example",
            &long,
        ] {
            assert_eq!(WebUri::parse(text), Err(NotAWebUri), "{text}");
        }
    }
}
