//! Our own TLS, by rustls; where clients are asked for a certificate (RFC 8705), what they showed goes along with
//! each request of the connection.
//!
//! Whoever shows a certificate must prove to hold its key, and that is all that the handshake asks: a certificate
//! may be self-signed (RFC 8705 §2.2), or only bind a token (§3). Who vouches for it is asked at the endpoint.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tower::Layer as _;

use super::sent::PeerCertificates;

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// They may show one.
    ForCertificates,
    /// They are not asked.
    Nothing,
}

/// The TLS of a listener, from PEM files.
///
/// # Errors
/// When the files cannot be used.
pub fn config(certificate: &Path, key: &Path, asking: Asking) -> anyhow::Result<RustlsConfig> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .context("[tls] certificate cannot be read")?
        .collect::<Result<Vec<_>, _>>()
        .context("[tls] certificate cannot be read")?;
    let key = PrivateKeyDer::from_pem_file(key).context("[tls] key cannot be read")?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let builder = match asking {
        Asking::ForCertificates => builder.with_client_cert_verifier(Arc::new(Holders(provider))),
        Asking::Nothing => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .context("[tls] certificate and key cannot be used")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Takes TLS connections, and tells each request what certificate its connection was made with.
#[derive(Clone)]
pub struct TlsAcceptor(RustlsAcceptor);

impl TlsAcceptor {
    /// An acceptor of this configuration.
    #[must_use]
    pub fn new(config: RustlsConfig) -> Self {
        Self(RustlsAcceptor::new(config))
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for TlsAcceptor {
    type Stream = <RustlsAcceptor as Accept<TcpStream, S>>::Stream;
    type Service = AddExtension<S, PeerCertificates>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let shown = shown.iter().map(|it| it.clone().into_owned()).collect();
            let service = Extension(PeerCertificates(shown)).layer(service);
            Ok((stream, service))
        })
    }
}

/// Believes that whoever signs with a certificate's key holds the certificate, and nothing more.
#[derive(Debug)]
struct Holders(Arc<CryptoProvider>);

impl ClientCertVerifier for Holders {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: a self-signed certificate may be shown too (RFC 8705 §6.2).
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
