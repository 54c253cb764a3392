//! Certificates of clients (RFC 8705): whether they are asked for, how they arrive, and who may vouch for them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// `[mtls]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// Whether our own TLS asks clients for a certificate.
    pub request_certificates: bool,
    listen: String,
    alias: String,
    /// Whether the trusted proxies tell the certificate in `Client-Cert` (RFC 9440).
    pub client_cert_header: bool,
    ca_file: PathBuf,
}

impl Mtls {
    /// Whether certificates can reach us at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.request_certificates || self.client_cert_header
    }

    /// The address of the listener that asks, where it is one of its own.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }

    /// Where clients with certificates reach us, where that is not the issuer's address.
    #[must_use]
    pub fn alias(&self) -> Option<String> {
        let alias = self.alias.trim_end_matches('/');
        (!alias.is_empty()).then(|| alias.to_owned())
    }

    /// The certificates of the authorities that may vouch for clients.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        Some(self.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// Whether the settings can work together.
    ///
    /// # Errors
    /// [`ConfigError::Mtls`] says what to write instead.
    pub fn check(&self, has_tls: bool, has_proxies: bool) -> Result<(), ConfigError> {
        let alias = self.alias().map(|alias| Url::parse(&alias));
        let problem = if self.request_certificates && !has_tls {
            "request_certificates needs [tls] certificate and key"
        } else if self.client_cert_header && !has_proxies {
            "client_cert_header needs trusted_proxies, which write the header"
        } else if !self.listen.is_empty() && self.listen().is_none() {
            "listen is not an address and a port, such as 127.0.0.1:8443"
        } else if self.listen().is_some() && !self.request_certificates {
            "listen needs request_certificates"
        } else if alias.is_some_and(|url| !url.is_ok_and(|url| url.scheme() == "https")) {
            "alias is not an https URL"
        } else {
            return Ok(());
        };
        Err(ConfigError::Mtls(problem))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_cannot_work_is_refused_with_the_way_out() {
        let tls = "[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"\n";
        for (toml, says) in [
            ("[mtls]\nrequest_certificates = true", "needs [tls]"),
            ("[mtls]\nclient_cert_header = true", "trusted_proxies"),
            ("[mtls]\nlisten = \"127.0.0.1:1\"", "request_certificates"),
            ("[mtls]\nlisten = \"here\"", "an address and a port"),
            ("[mtls]\nalias = \"http://x.example\"", "https URL"),
            ("[mtls]\nalias = \"x\"", "https URL"),
        ] {
            let error = Config::from_toml(toml).err().map(|it| it.to_string());
            assert!(error.is_some_and(|it| it.contains(says)), "{toml}");
        }
        let good = format!("{tls}[mtls]\nrequest_certificates = true\nlisten = \"127.0.0.1:1\"");
        let config = Config::from_toml(&good).expect("valid");
        assert!(config.mtls.is_on() && config.mtls.listen().is_some());
        assert!(!Config::from_toml("").expect("valid").mtls.is_on());
    }
}
