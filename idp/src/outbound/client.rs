//! The guarded client itself: resolve, look at every address, connect to one of them, read within bounds.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::sync::Semaphore;
use url::Host;

use super::address::is_public;
use super::target::Target;
use super::{Answer, Fetch, OutboundError, Send};
use crate::config::OutboundTarget;

/// What the guard is to know.
#[derive(Clone, Debug, Default)]
pub struct OutboundSettings {
    /// Hosts and ports that may be reached although they are not public, by http too.
    pub allow: Vec<OutboundTarget>,
    /// Certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The certificates cannot be read.
    #[error("[outbound] ca_file {0} cannot be read as PEM certificates")]
    CaFile(PathBuf, #[source] rustls::pki_types::pem::Error),
    /// A certificate cannot be trusted.
    #[error("[outbound] ca_file {0} has a certificate that cannot be used")]
    Certificate(PathBuf, #[source] rustls::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The guarded client.
pub struct Outbound {
    allow: Vec<OutboundTarget>,
    tls: ClientConfig,
    /// Fetches at once: whoever is waited for cannot make us hold more than this.
    running: Semaphore,
}

impl Outbound {
    /// A client under these settings.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    pub fn new(settings: OutboundSettings) -> Result<Self, SettingsError> {
        let roots = roots(settings.ca_file.as_deref())?;
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            allow: settings.allow,
            tls,
            running: Semaphore::new(MOST_AT_ONCE),
        })
    }

    /// Every address of the target, each of which may be connected to.
    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let found: Vec<SocketAddr> = match &target.host {
            Host::Ipv4(address) => vec![(IpAddr::V4(*address), target.port).into()],
            Host::Ipv6(address) => vec![(IpAddr::V6(*address), target.port).into()],
            Host::Domain(name) => tokio::net::lookup_host((name.as_str(), target.port))
                .await
                .map_err(|_| OutboundError::Unresolved)?
                .collect(),
        };
        vetted(found, target.is_allowed)
    }

    async fn exchange(&self, request: Send<'_>) -> Result<Answer, OutboundError> {
        let target = Target::parse(request.url, &self.allow)?;
        let addresses = self.resolve(&target).await?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .resolve_to_addrs(&target.host.to_string(), &addresses)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .user_agent("whorl")
            .build()
            .map_err(|_| OutboundError::Unreachable)?;
        let mut sending = match request.body {
            None => http.get(target.url),
            Some((content_type, body)) => http
                .post(target.url)
                .header(CONTENT_TYPE, content_type)
                .body(body.expose_secret().to_owned()),
        };
        sending = sending.header(ACCEPT, request.accept);
        if let Some(token) = request.bearer {
            sending = sending.bearer_auth(token.expose_secret());
        }
        let response = sending.send().await.map_err(|error| {
            // The error's own text can hold the URL, which can hold a secret.
            tracing::debug!(
                connect = error.is_connect(),
                timeout = error.is_timeout(),
                "fetch_failed"
            );
            OutboundError::Unreachable
        })?;
        read(response).await
    }
}

#[async_trait]
impl Fetch for Outbound {
    async fn send(&self, request: Send<'_>) -> Result<Answer, OutboundError> {
        let all = async {
            let _running = self
                .running
                .acquire()
                .await
                .map_err(|_| OutboundError::Unreachable)?;
            self.exchange(request).await
        };
        tokio::time::timeout(LONGEST, all)
            .await
            .unwrap_or(Err(OutboundError::TimedOut))
    }
}

/// One private address among public ones is an attack by name: then none is taken.
fn vetted(found: Vec<SocketAddr>, is_allowed: bool) -> Result<Vec<SocketAddr>, OutboundError> {
    if found.is_empty() {
        return Err(OutboundError::Unresolved);
    }
    if !is_allowed && !found.iter().all(|address| is_public(address.ip())) {
        return Err(OutboundError::NotPublic);
    }
    Ok(found)
}

async fn read(mut response: reqwest::Response) -> Result<Answer, OutboundError> {
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let media_type = header(CONTENT_TYPE);
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_owned();
    let max_age = header(CACHE_CONTROL)
        .split(',')
        .find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
    let status = response.status().as_u16();
    if response
        .content_length()
        .is_some_and(|length| length > MOST_BYTES as u64)
    {
        return Err(OutboundError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| OutboundError::Unreachable)?
    {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        media_type,
        max_age,
        body: body.freeze(),
    })
}

/// The system's certificates, and the operator's. A machine without any can still fetch by the latter.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, SettingsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::debug!(unusable, "system_certificates_skipped");
    }
    let Some(file) = ca_file else {
        return Ok(roots);
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| SettingsError::CaFile(file.to_owned(), error))?;
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| SettingsError::Certificate(file.to_owned(), error))?;
    }
    Ok(roots)
}

/// The bounds on one fetch, name resolution and connection included.
const LONGEST: Duration = Duration::from_millis(2_500);
const MOST_BYTES: usize = 5 << 20;
const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests;
