//! Certificates that clients show (RFC 8705 §2.1): the authorities that may vouch for them, and the chains that come.
//!
//! Chains are validated by rustls and webpki, as those of servers are; nothing of X.509's rules is decided here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;

use crate::oidc::client_certificate::{Certificate, UnreadableCertificate};
use crate::oidc::confirmation::Thumbprint;

/// A client's certificate, and what came with it.
pub struct CertificateChain {
    /// The client's own.
    pub certificate: Certificate,
    end_entity: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl CertificateChain {
    /// Reads a chain, the client's own certificate first; `None` where there is none.
    ///
    /// # Errors
    /// When the client's own cannot be read.
    pub fn read(
        chain: Vec<CertificateDer<'static>>,
    ) -> Result<Option<Self>, UnreadableCertificate> {
        let mut chain = chain.into_iter();
        let Some(end_entity) = chain.next() else {
            return Ok(None);
        };
        Ok(Some(Self {
            certificate: Certificate::parse(&end_entity)?,
            end_entity,
            intermediates: chain.collect(),
        }))
    }

    /// What a token is bound to.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.certificate.thumbprint.clone()
    }
}

/// Who may vouch for clients.
pub struct ClientAuthorities(Option<Arc<dyn ClientCertVerifier>>);

/// Why the authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    #[error("[mtls] ca_file {0} cannot be read as certificates")]
    File(PathBuf, #[source] rustls::pki_types::pem::Error),
    #[error("[mtls] ca_file {0} has no certificate, or one that is no authority's")]
    Unusable(PathBuf),
}

impl ClientAuthorities {
    /// The authorities of a PEM file; none without a file.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(file: Option<&Path>) -> Result<Self, AuthoritiesError> {
        let Some(file) = file else {
            return Ok(Self(None));
        };
        let unreadable = |error| AuthoritiesError::File(file.to_owned(), error);
        let unusable = || AuthoritiesError::Unusable(file.to_owned());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            roots
                .add(certificate.map_err(unreadable)?)
                .map_err(|_| unusable())?;
        }
        let provider = Arc::new(default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| unusable())?;
        Ok(Self(Some(verifier)))
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether one of them vouches for a certificate now, as one that a client may use.
    #[must_use]
    pub fn vouch_for(&self, chain: &CertificateChain, now: OffsetDateTime) -> bool {
        let since = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(since));
        self.0.as_ref().is_some_and(|verifier| {
            let judged = verifier.verify_client_cert(&chain.end_entity, &chain.intermediates, now);
            if let Err(error) = &judged {
                tracing::info!(%error, "client_certificate_not_vouched_for");
            }
            judged.is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    };

    use super::*;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        der: CertificateDer<'static>,
    }

    fn authority(above: Option<&Authority>) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = match above {
            None => params.self_signed(&key),
            Some(above) => params.signed_by(&key, &above.issuer),
        };
        let der = made.expect("a certificate").der().clone();
        let issuer = Issuer::new(params, key);
        Authority { issuer, der }
    }

    fn leaf(by: &Authority, purpose: ExtendedKeyUsagePurpose) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["app.example".into()]).expect("a name");
        params.extended_key_usages = vec![purpose];
        params.not_before = at(0);
        params.not_after = at(100);
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &by.issuer).expect("a certificate");
        made.der().clone()
    }

    fn at(days: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000 + days * 86_400).expect("a time")
    }

    #[test]
    fn who_is_not_vouched_for_is_not_believed() {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        let (root, foreign) = (authority(None), authority(None));
        let between = authority(Some(&root));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &root.der)
        );
        std::fs::write(&file, pem).expect("written");
        let known = ClientAuthorities::open(Some(&file)).expect("opens");
        let nobody = ClientAuthorities::open(None).expect("opens");
        assert!(nobody.is_empty() && !known.is_empty());
        let check = |chain: Vec<CertificateDer<'static>>, days: i64| {
            let chain = CertificateChain::read(chain).expect("reads").expect("one");
            assert!(!nobody.vouch_for(&chain, at(days)));
            known.vouch_for(&chain, at(days))
        };
        assert!(check(vec![leaf(&root, ClientAuth)], 1));
        let below = leaf(&between, ClientAuth);
        assert!(check(vec![below.clone(), between.der.clone()], 1));
        assert!(!check(vec![below], 1), "a link is missing");
        assert!(!check(vec![leaf(&root, ClientAuth)], -1), "not yet");
        assert!(!check(vec![leaf(&root, ClientAuth)], 101), "no longer");
        assert!(!check(vec![leaf(&root, ServerAuth)], 1), "a server's");
        assert!(!check(vec![leaf(&foreign, ClientAuth)], 1), "a stranger's");
        assert!(CertificateChain::read(Vec::new()).expect("reads").is_none());
        assert!(CertificateChain::read(vec![b"x".to_vec().into()]).is_err());
    }

    #[test]
    fn a_file_that_is_no_authority_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let open = || {
            ClientAuthorities::open(Some(&file))
                .err()
                .map(|it| it.to_string())
        };
        assert!(open().is_some_and(|it| it.contains("cannot be read")));
        std::fs::write(&file, "nothing").expect("written");
        assert!(open().is_some_and(|it| it.contains("has no certificate")));
    }
}
