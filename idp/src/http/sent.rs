//! What a client's request brings beside its body: its headers, and the certificate of its TLS connection.
//!
//! The certificate comes from our own listener, or from a proxy that ends TLS and tells it in `Client-Cert`
//! (RFC 9440). That header is believed only where the operator said that the trusted proxies write it, which means
//! that they remove what others wrote (RFC 9440 §3), and only from them; from everybody else it is ignored. What the
//! connection of such a proxy itself was made with is the proxy's, and no client's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::CertificateDer;

use super::HttpError;
use super::client_address::is_trusted;
use crate::app::{App, Shared};
use crate::client_certificates::CertificateChain;
use crate::oidc::confirmation::Thumbprint;

/// The certificates of the connection that a request came by, the client's own first; put there by the listener.
#[derive(Clone)]
pub struct PeerCertificates(pub Arc<[CertificateDer<'static>]>);

/// What came with a request.
pub struct Sent {
    pub headers: HeaderMap,
    /// The client's certificate, whose key it proved to hold.
    pub certificate: Option<CertificateChain>,
}

impl Sent {
    /// What the certificate is known by.
    #[must_use]
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        self.certificate.as_ref().map(CertificateChain::thumbprint)
    }
}

impl FromRequestParts<Shared> for Sent {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, HttpError> {
        let unreadable = || {
            HttpError::new(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "Bad request",
                "The client certificate cannot be read.",
            )
        };
        let chain = chain(app, parts).ok_or_else(unreadable)?;
        Ok(Self {
            certificate: CertificateChain::read(chain).map_err(|_| unreadable())?,
            headers: parts.headers.clone(),
        })
    }
}

/// The chain, empty where no certificate was shown; `None` where it cannot be read.
fn chain(app: &App, parts: &Parts) -> Option<Vec<CertificateDer<'static>>> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_proxy = peer.is_some_and(|peer| is_trusted(peer.0.ip(), &app.config.trusted_proxies));
    if is_proxy && app.config.mtls.client_cert_header {
        return told(&parts.headers);
    }
    let own = parts.extensions.get::<PeerCertificates>();
    Some(own.map(|own| own.0.to_vec()).unwrap_or_default())
}

/// `Client-Cert` and `Client-Cert-Chain` (RFC 9440 §2.2, §2.3).
fn told(headers: &HeaderMap) -> Option<Vec<CertificateDer<'static>>> {
    let mut own = headers.get_all("client-cert").iter();
    let Some(first) = own.next() else {
        return Some(Vec::new());
    };
    // RFC 9440 §2.2: one byte sequence.
    if own.next().is_some() {
        return None;
    }
    let mut chain = vec![byte_sequence(first.to_str().ok()?)?];
    // RFC 9440 §2.3: a list of byte sequences, which may be spread over several lines.
    for line in headers.get_all("client-cert-chain") {
        for item in line.to_str().ok()?.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    (chain.len() <= LONGEST_CHAIN).then_some(chain)
}

/// RFC 9651 §4.2.7: base64 between colons.
fn byte_sequence(item: &str) -> Option<CertificateDer<'static>> {
    let inside = item
        .trim_matches([' ', '\t'])
        .strip_prefix(':')?
        .strip_suffix(':')?;
    let bytes = BASE64.decode(inside).ok()?;
    (!bytes.is_empty()).then(|| bytes.into())
}

/// RFC 9651 §4.2.7: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// More than any chain has.
const LONGEST_CHAIN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &str)]) -> Option<Vec<Vec<u8>>> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a header"));
        }
        told(&headers).map(|chain| chain.iter().map(|it| it.to_vec()).collect())
    }

    #[test]
    fn the_headers_are_byte_sequences() {
        let (a, b) = (b"a".to_vec(), b"bb".to_vec());
        assert_eq!(read(&[]), Some(vec![]));
        assert_eq!(read(&[("client-cert", ":YQ==:")]), Some(vec![a.clone()]));
        assert_eq!(read(&[("client-cert", " :YQ: ")]), Some(vec![a.clone()]));
        let chain = [
            ("client-cert", ":YQ==:"),
            ("client-cert-chain", ":YmI=:, :YQ==:"),
            ("client-cert-chain", ":YmI=:"),
        ];
        assert_eq!(read(&chain), Some(vec![a.clone(), b.clone(), a, b]));
        assert_eq!(read(&chain[1..]), Some(vec![]), "a chain of nothing");
    }

    #[test]
    fn what_is_no_byte_sequence_is_refused() {
        for bad in [
            "",
            "YQ==",
            ":YQ==",
            ":_w==:",
            "::",
            ":YQ==:;a=1",
            ":YQ==:, :YQ==:",
        ] {
            assert_eq!(read(&[("client-cert", bad)]), None, "{bad}");
        }
        let twice = [("client-cert", ":YQ==:"), ("client-cert", ":YQ==:")];
        assert_eq!(read(&twice), None);
        let empty = [("client-cert", ":YQ==:"), ("client-cert-chain", "")];
        assert_eq!(read(&empty), None);
        let long = [":YQ==:"; 8].join(",");
        let long = [("client-cert", ":YQ==:"), ("client-cert-chain", &long)];
        assert_eq!(read(&long), None);
    }
}
