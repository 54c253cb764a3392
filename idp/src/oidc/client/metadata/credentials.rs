//! How a client shows who it is: its method, its keys, its certificate's subject (RFC 7591 §2, RFC 8705 §2.1.2).

use url::Url;

use super::read::{Problem, Reader, fault};
use super::{By, MetadataError, Rules};
use crate::oidc::client::{Client, ClientKeys, KeySet, TlsSubject, TokenEndpointAuthMethod};
use crate::oidc::client_auth;
use crate::oidc::distinguished_name::DistinguishedName;

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
        .map(|text| text.parse().map_err(|_| fault(SAN_IP, Problem::Form)))
        .transpose()?;
    // A name that no certificate can have would keep the client out for ever.
    let mut text = |field, is_one: fn(&str) -> bool| match read.text(field)? {
        Some(text) if !is_one(text) => Err(fault(field, Problem::Form)),
        found => Ok(found.map(str::to_owned)),
    };
    let found = [
        text("tls_client_auth_subject_dn", |text| {
            DistinguishedName::parse(text).is_some()
        })?
        .map(TlsSubject::Dn),
        text("tls_client_auth_san_dns", is_dns_name)?.map(TlsSubject::SanDns),
        text("tls_client_auth_san_uri", |text| Url::parse(text).is_ok())?.map(TlsSubject::SanUri),
        address.map(TlsSubject::SanIp),
        text("tls_client_auth_san_email", is_mailbox)?.map(TlsSubject::SanEmail),
    ];
    let mut found = found.into_iter().flatten();
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(fault("tls_client_auth_subject_dn", Problem::Conflict)),
    }
}

/// A name as a dNSName has it (RFC 5280 §4.2.1.6, RFC 1123 §2.1), perhaps with an asterisk for its first label.
fn is_dns_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && name.split('.').all(is_label)
}

/// A mailbox as an rfc822Name has it (RFC 5280 §4.2.1.6): no name beside it, no angle brackets.
fn is_mailbox(text: &str) -> bool {
    let is_local = |local: &str| {
        !local.is_empty()
            && local
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"<>()[]:;@\\,\"".contains(&byte))
    };
    text.rsplit_once('@')
        .is_some_and(|(local, host)| is_local(local) && is_dns_name(host))
}
