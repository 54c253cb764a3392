//! A URL that somebody named, read strictly: what it says is what is connected to.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

use super::address::is_public;
use crate::config::OutboundTarget;

/// Where a fetch goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL without its fragment.
    pub url: Url,
    /// The host, for the name server, the certificate and the `Host` header.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Whether the operator allows this very host and port, public or not.
    pub is_allowed: bool,
}

/// Why a URL is refused before anything is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Not an absolute URL of a reasonable length.
    #[error("it is not an absolute URL")]
    Malformed,
    /// Neither https, nor http to a host and port that the operator allows.
    #[error("it does not use https")]
    Insecure,
    /// A user or a password.
    #[error("it has a user or a password")]
    Credentials,
    /// An address in another notation than the usual one.
    #[error("its host is an address in an odd notation")]
    OddNotation,
    /// An address that is not public.
    #[error("its host is not a public address")]
    NotPublic,
    /// A port that no web server uses.
    #[error("its port is not open to fetches")]
    Port,
}

impl Target {
    /// Reads a URL under the operator's exceptions.
    ///
    /// # Errors
    /// [`TargetError`] says why it is refused.
    pub fn parse(text: &str, allow: &[OutboundTarget]) -> Result<Self, TargetError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.len() > 2048 || !text.bytes().all(plain) {
            return Err(TargetError::Malformed);
        }
        let mut url = Url::parse(text).map_err(|_| TargetError::Malformed)?;
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::Malformed)?;
        let is_secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(TargetError::Insecure),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let host = url.host().ok_or(TargetError::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(TargetError::Malformed)?;
        check_notation(authority, &host)?;
        let is_allowed = allow
            .iter()
            .any(|exception| exception.host == host.to_string() && exception.port == port);
        if !is_secure && !is_allowed {
            return Err(TargetError::Insecure);
        }
        if !is_allowed {
            check_address(&host)?;
            // Well-known ports of other services speak to no web client; a request to them is an attack.
            if port != 443 && port < 1024 {
                return Err(TargetError::Port);
            }
        }
        url.set_fragment(None);
        Ok(Self {
            url,
            host,
            port,
            is_allowed,
        })
    }
}

/// The parser takes `0x7f.1`, `2130706433` and `127.1` for 127.0.0.1. Whoever writes so has a reason.
fn check_notation(authority: &str, host: &Host) -> Result<(), TargetError> {
    let written = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host {
        Host::Domain(name) => {
            let ends_as_number = name
                .trim_end_matches('.')
                .rsplit('.')
                .next()
                .is_none_or(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
            (!ends_as_number && !written.contains('%'))
                .then_some(())
                .ok_or(TargetError::OddNotation)
        }
        Host::Ipv4(address) => (written == address.to_string())
            .then_some(())
            .ok_or(TargetError::OddNotation),
        Host::Ipv6(address) => (written.parse() == Ok(*address) && !written.contains('.'))
            .then_some(())
            .ok_or(TargetError::OddNotation),
    }
}

fn check_address(host: &Host) -> Result<(), TargetError> {
    let is_fine = match host {
        // RFC 6761 §6.3: it can only be this machine, whatever a name server says.
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Host::Ipv4(address) => is_public(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(*address)),
    };
    is_fine.then_some(()).ok_or(TargetError::NotPublic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use TargetError::{Credentials, Insecure, Malformed, NotPublic, OddNotation, Port};

    fn allow() -> Vec<OutboundTarget> {
        vec![OutboundTarget::try_from("127.0.0.1:9777".to_owned()).unwrap()]
    }

    #[test]
    fn public_https_and_what_the_operator_allows() {
        for url in [
            "https://app.example/jwks?x#y",
            "https://app.example:8443/",
            "https://93.184.215.14/",
            "https://[2606:4700::1111]/",
            "https://127.0.0.1:9777/x",
            "http://127.0.0.1:9777/x",
        ] {
            assert!(Target::parse(url, &allow()).is_ok(), "{url}");
        }
        let target = Target::parse("https://app.example/x#y", &[]).unwrap();
        assert_eq!(
            (target.url.as_str(), target.port),
            ("https://app.example/x", 443)
        );
        assert!(!target.is_allowed);
    }

    #[test]
    fn what_is_refused_before_anything_is_resolved() {
        let long = format!("https://app.example/{}", "x".repeat(2048));
        for (url, expected) in [
            ("http://app.example/", Insecure),
            ("ftp://app.example/", Insecure),
            ("file:///etc/passwd", Insecure),
            ("gopher://app.example/", Insecure),
            ("https:app.example", Malformed),
            ("//app.example/", Malformed),
            ("https://app.example/\\x", Malformed),
            ("https://app.example/ x", Malformed),
            (long.as_str(), Malformed),
            ("https://u@app.example/", Credentials),
            ("https://u:p@app.example/", Credentials),
            ("https://@app.example/", Credentials),
            ("https://93.184.215.14@127.0.0.1:9777/", Credentials),
            ("https://127.1/", OddNotation),
            ("https://0x7f.1/", OddNotation),
            ("https://0177.0.0.1/", OddNotation),
            ("https://2130706433/", OddNotation),
            ("https://0x7f000001:9777/", OddNotation),
            ("https://127.0.0.1.:9777/", OddNotation),
            ("https://%31%32%37.0.0.1/", OddNotation),
            ("https://[::ffff:127.0.0.1]/", OddNotation),
            ("https://127.0.0.1/", NotPublic),
            ("https://127.0.0.1:9778/", NotPublic),
            ("https://10.0.0.1/", NotPublic),
            ("https://169.254.169.254/latest/meta-data/", NotPublic),
            ("https://[::1]/", NotPublic),
            ("https://[::ffff:7f00:1]/", NotPublic),
            ("https://[fe80::1]/", NotPublic),
            ("https://[64:ff9b::7f00:1]/", NotPublic),
            ("https://[2002:7f00:1::]/", NotPublic),
            ("https://localhost:9777/", NotPublic),
            ("https://a.localhost/", NotPublic),
            ("https://localhost./", NotPublic),
            ("https://app.example:22/", Port),
            ("https://app.example:80/", Port),
        ] {
            assert_eq!(Target::parse(url, &allow()).err(), Some(expected), "{url}");
        }
    }
}
