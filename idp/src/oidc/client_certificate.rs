//! A client's TLS certificate (RFC 8705): what a client is known by, and what its tokens are bound to.
//!
//! That the client holds the certificate's key is shown by the TLS handshake, and that an authority vouches for it is
//! judged by a library; both come here as facts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::client::{Client, KeySet, TlsSubject, TokenEndpointAuthMethod};
use super::client_auth::{ClientAuthRefusal, Presented};
use super::confirmation::Thumbprint;
use super::distinguished_name::DistinguishedName;

/// A certificate, read.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its thumbprint (RFC 8705 §3.1).
    pub thumbprint: Thumbprint,
    der: Vec<u8>,
    subject: DistinguishedName,
    names: Vec<AlternativeName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AlternativeName {
    Dns(String),
    Uri(String),
    Ip(IpAddr),
    Email(String),
}

/// The bytes are no X.509 certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the client certificate cannot be read")]
pub struct UnreadableCertificate;

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// When it is none, or something follows it.
    pub fn parse(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let (rest, read) = X509Certificate::from_der(der).map_err(|_| UnreadableCertificate)?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate);
        }
        let names = read
            .subject_alternative_name()
            .map_err(|_| UnreadableCertificate)?
            .map(|extension| extension.value.general_names.as_slice());
        Ok(Self {
            thumbprint: Thumbprint::of_certificate(der),
            der: der.to_vec(),
            subject: DistinguishedName::of(read.subject()),
            names: names
                .unwrap_or_default()
                .iter()
                .filter_map(alternative)
                .collect(),
        })
    }

    /// Whether the certificate says what was registered (RFC 8705 §2.1.2). A wildcard is a name like any other.
    pub fn says(&self, subject: &TlsSubject) -> bool {
        match subject {
            TlsSubject::Dn(text) => {
                DistinguishedName::parse(text).is_some_and(|name| name.is(&self.subject))
            }
            TlsSubject::SanDns(name) => self.names.iter().any(
                |it| matches!(it, AlternativeName::Dns(own) if own.eq_ignore_ascii_case(name)),
            ),
            TlsSubject::SanUri(uri) => self.names.contains(&AlternativeName::Uri(uri.clone())),
            TlsSubject::SanIp(address) => self.names.contains(&AlternativeName::Ip(*address)),
            TlsSubject::SanEmail(address) => self
                .names
                .contains(&AlternativeName::Email(address.clone())),
        }
    }
}

fn alternative(name: &GeneralName<'_>) -> Option<AlternativeName> {
    match name {
        GeneralName::DNSName(name) => Some(AlternativeName::Dns((*name).to_owned())),
        GeneralName::URI(uri) => Some(AlternativeName::Uri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Some(AlternativeName::Email((*address).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|it| Ipv4Addr::from(it).into());
            let v6 = <[u8; 16]>::try_from(*bytes).map(|it| Ipv6Addr::from(it).into());
            v4.or(v6).ok().map(AlternativeName::Ip)
        }
        _ => None,
    }
}

/// What is known of the certificate that a client authenticates with.
#[derive(Clone, Copy)]
pub struct CertificateProof<'a> {
    /// The certificate of its connection, whose key it proved to hold; none where it showed none.
    pub certificate: Option<&'a Certificate>,
    /// Whether an authority that the operator trusts for this vouches for it now.
    pub is_vouched_for: bool,
    /// The client's registered keys.
    pub keys: &'a KeySet,
}

/// Whether the certificate shows that the request comes from this client (RFC 8705 §2).
///
/// # Errors
/// When it does not.
pub fn authenticate(
    client: &Client,
    presented: &Presented,
    proof: CertificateProof<'_>,
) -> Result<(), ClientAuthRefusal> {
    // RFC 8705 §2: the client names itself by `client_id` and shows nothing else.
    if !matches!(presented, Presented::None { .. }) || *presented.client_id() != client.id {
        return Err(ClientAuthRefusal::MethodMismatch);
    }
    let certificate = proof
        .certificate
        .ok_or(ClientAuthRefusal::CertificateMissing)?;
    match client.auth_method {
        // RFC 8705 §2.1: the chain is validated, and the subject is the one that was registered.
        TokenEndpointAuthMethod::TlsClientAuth => {
            if !proof.is_vouched_for {
                return Err(ClientAuthRefusal::CertificateUntrusted);
            }
            let registered = client.tls_subject.as_ref();
            if registered.is_some_and(|subject| certificate.says(subject)) {
                Ok(())
            } else {
                Err(ClientAuthRefusal::CertificateMismatch)
            }
        }
        // RFC 8705 §2.2: the certificate itself was registered; nobody has to vouch for it.
        TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
            if proof.keys.has_certificate(&certificate.der) {
                Ok(())
            } else {
                Err(ClientAuthRefusal::CertificateMismatch)
            }
        }
        TokenEndpointAuthMethod::None
        | TokenEndpointAuthMethod::ClientSecretBasic
        | TokenEndpointAuthMethod::ClientSecretPost
        | TokenEndpointAuthMethod::ClientSecretJwt
        | TokenEndpointAuthMethod::PrivateKeyJwt => Err(ClientAuthRefusal::MethodMismatch),
    }
}

#[cfg(test)]
mod tests;
