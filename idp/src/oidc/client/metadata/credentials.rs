//! How a client shows who it is: its method, its keys, its certificate's subject (RFC 7591 §2, RFC 8705 §2.1.2).

use super::read::{Problem, Reader, fault};
use super::{By, MetadataError, Rules};
use crate::oidc::client::{Client, ClientKeys, KeySet, TlsSubject, TokenEndpointAuthMethod};
use crate::oidc::client_auth;

/// Reads what a client authenticates with.
pub(super) fn credentials(
    read: &mut Reader<'_>,
    client: &mut Client,
    rules: &Rules<'_>,
) -> Result<(), MetadataError> {
    const METHOD: &str = "token_endpoint_auth_method";
    client.auth_method = read
        .registered(METHOD)?
        .unwrap_or(TokenEndpointAuthMethod::ClientSecretBasic);
    if rules.by == By::Stranger && !client_auth::is_served(client.auth_method, rules.mtls) {
        return Err(fault(METHOD, Problem::Unsupported));
    }
    client.auth_signing_alg = read.registered("token_endpoint_auth_signing_alg")?;
    let inline = read.value("jwks").map(KeySet::parse).transpose()?;
    let by_reference = read.uri("jwks_uri")?;
    client.keys = match (inline, by_reference) {
        (None, None) => ClientKeys::None,
        (Some(keys), None) => ClientKeys::Inline(keys),
        (None, Some(uri)) if uri.is_https() || uri.is_loopback() => ClientKeys::Uri(uri),
        (None, Some(_)) => return Err(fault("jwks_uri", Problem::Insecure)),
        // RFC 7591 §2: they "MUST NOT both be present".
        (Some(_), Some(_)) => return Err(fault("jwks_uri", Problem::Conflict)),
    };
    client.tls_subject = tls_subject(read)?;
    Ok(())
}

/// RFC 8705 §2.1.2.
fn tls_subject(read: &mut Reader<'_>) -> Result<Option<TlsSubject>, MetadataError> {
    const SAN_IP: &str = "tls_client_auth_san_ip";
    let address = read
        .text(SAN_IP)?
        .map(|text| {
            text.parse()
                .map_err(|_| fault(SAN_IP, Problem::Unsupported))
        })
        .transpose()?;
    let mut text = |field| Ok::<_, MetadataError>(read.text(field)?.map(str::to_owned));
    let found = [
        text("tls_client_auth_subject_dn")?.map(TlsSubject::Dn),
        text("tls_client_auth_san_dns")?.map(TlsSubject::SanDns),
        text("tls_client_auth_san_uri")?.map(TlsSubject::SanUri),
        address.map(TlsSubject::SanIp),
        text("tls_client_auth_san_email")?.map(TlsSubject::SanEmail),
    ];
    let mut found = found.into_iter().flatten();
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(fault("tls_client_auth_subject_dn", Problem::Conflict)),
    }
}
