//! What the provider fetches from others, and who may register clients.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

/// `[outbound]`: fetches from clients' and others' addresses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    /// Private addresses that may be fetched from all the same, and by http too: exact host and port.
    pub allow: Vec<OutboundTarget>,
    ca_file: PathBuf,
}

impl Outbound {
    /// Certificates that are trusted beside the system's: the environment's file before the configured one.
    #[must_use]
    pub fn ca_file(&self) -> Option<PathBuf> {
        let named = std::env::var_os(CA_FILE).map(PathBuf::from);
        named
            .or_else(|| Some(self.ca_file.clone()))
            .filter(|path| !path.as_os_str().is_empty())
    }
}

/// A host and a port, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OutboundTarget {
    /// The host as a URL writes it: an address in its usual notation, IPv6 in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl TryFrom<String> for OutboundTarget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fault = || format!("{text:?} is not a host and a port, such as 127.0.0.1:9777");
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        let host = Host::parse(host).map_err(|_| fault())?.to_string();
        let port = port.parse().map_err(|_| fault())?;
        Ok(Self { host, port })
    }
}

/// `[registration]`: who may register clients by RFC 7591, and what may be registered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Whether a client may be registered without an initial access token.
    pub open: bool,
    /// Whether loopback redirect URIs, by http and https, are open to web and native clients.
    pub loopback_redirects: bool,
    /// Whether a client that anybody may register may ask people on their devices (CIBA).
    pub backchannel: bool,
    /// Whether a confidential client that registers itself may leave PKCE out.
    pub pkce_optional: bool,
    /// The most clients that registered themselves; then no more are taken.
    pub most_clients: u32,
    /// How many registrations one address may make in a minute.
    pub per_minute: u32,
    /// Initial access tokens beside those that `whorl client token` made.
    pub initial_access_tokens: Vec<SecretString>,
    /// Whether a `client_id` may be the URL of a client's metadata document.
    pub client_id_documents: bool,
    /// Whose software statements are taken.
    #[serde(default)]
    pub software_statement_issuers: Vec<StatementIssuer>,
    /// Whether a registration without a software statement is refused.
    pub software_statement_required: bool,
}

/// Somebody whose software statements are taken (RFC 7591 §2.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementIssuer {
    /// Their `iss`.
    pub issuer: String,
    /// Their keys.
    pub jwks_uri: Url,
}

/// The environment's name for [`Outbound::ca_file`].
pub(super) const CA_FILE: &str = "WHORL_OUTBOUND_CA_FILE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port() {
        let read = |text: &str| OutboundTarget::try_from(text.to_owned());
        for (text, host, port) in [
            ("127.0.0.1:9777", "127.0.0.1", 9777),
            ("localhost:80", "localhost", 80),
            ("[::1]:443", "[::1]", 443),
        ] {
            let target = read(text).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port));
        }
        for text in [
            "127.0.0.1",
            ":80",
            "localhost:",
            "http://a:80",
            "a b:80",
            "a:99999",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
