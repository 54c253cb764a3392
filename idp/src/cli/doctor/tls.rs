//! The certificate and its key, where Whorl ends TLS itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

use super::report::{Area, Finding, chain};
use crate::config::Config;

pub(super) fn examine(config: &Config, now: OffsetDateTime) -> Vec<Finding> {
    let Some((certificate, key)) = config.tls() else {
        return Vec::new();
    };
    let chain = match read_chain(certificate) {
        Ok(chain) => chain,
        Err(why) => {
            return vec![
                fail("certificate", format!("{}: {why}", certificate.display()))
                    .mend("put the certificate and its chain there as PEM, readable by the service's user"),
            ];
        }
    };
    let mut findings = Vec::new();
    if let Some(leaf) = chain.first() {
        findings.push(validity(leaf, now));
        findings.extend(config.issuer.host_str().map(|host| name(leaf, host)));
    }
    findings.push(private_key(key, chain));
    findings
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| chain(&error))?;
    let certificates = certificates
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| chain(&error))?;
    if certificates.is_empty() {
        Err("no certificate in it".to_owned())
    } else {
        Ok(certificates)
    }
}

fn validity(leaf: &CertificateDer<'_>, now: OffsetDateTime) -> Finding {
    let renew = "renew it, and restart the service: the files are read at the start";
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(leaf) else {
        return fail("certificate", "is not an X.509 certificate")
            .mend("put a certificate there, as PEM");
    };
    let (from, until) = (
        parsed.validity().not_before.to_datetime(),
        parsed.validity().not_after.to_datetime(),
    );
    if now < from {
        return fail("certificate", format!("is valid only from {from}"))
            .mend("see whether this machine's clock is right");
    }
    if until <= now {
        return fail("certificate", format!("has expired on {}", until.date())).mend(renew);
    }
    let left = until - now;
    match left < RENEWAL {
        true => warn(
            "certificate",
            format!("expires in {} days, on {}", left.whole_days(), until.date()),
        )
        .mend(renew),
        false => ok("certificate", format!("valid until {}", until.date())),
    }
}

fn name(leaf: &CertificateDer<'_>, host: &str) -> Finding {
    // An IPv6 host stands in brackets in a URL, and without them in a certificate.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let verified = match (
        ParsedCertificate::try_from(leaf),
        ServerName::try_from(host),
    ) {
        (Ok(parsed), Ok(name)) => verify_server_name(&parsed, &name).is_ok(),
        _ => false,
    };
    match verified {
        true => ok("certificate's name", format!("covers {host}")),
        false => fail(
            "certificate's name",
            format!("does not cover {host}, the issuer's host"),
        )
        .mend("use a certificate whose subject alternative names have it"),
    }
}

fn private_key(path: &Path, chain_of: Vec<CertificateDer<'static>>) -> Finding {
    let shown = path.display();
    let key = match PrivateKeyDer::from_pem_file(path) {
        Ok(key) => key,
        Err(error) => {
            return fail("certificate's key", format!("{shown}: {}", chain(&error)))
                .mend("put the private key there as PEM, readable by the service's user alone");
        }
    };
    let key = match any_supported_type(&key) {
        Ok(key) => key,
        Err(error) => {
            return fail("certificate's key", format!("{shown}: {}", chain(&error)))
                .mend("use an RSA, ECDSA or Ed25519 key");
        }
    };
    if CertifiedKey::new(chain_of, key).keys_match().is_err() {
        return fail(
            "certificate's key",
            format!("{shown} belongs to another certificate"),
        )
        .mend("put the key there that the certificate was issued for");
    }
    let mode = std::fs::metadata(path)
        .map(|metadata| metadata.permissions().mode() & 0o777)
        .unwrap_or_default();
    match mode & 0o007 {
        0 => ok("certificate's key", "belongs to the certificate"),
        _ => fail(
            "certificate's key",
            format!("{shown} has mode {mode:03o}: everybody on this machine may use it"),
        )
        .mend(format!(
            "chmod 600 {shown}, and have the certificate reissued if others are on this machine"
        )),
    }
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding::ok(Area::Configuration, name, detail)
}

fn warn(name: &str, detail: impl Into<String>) -> Finding {
    Finding::warn(Area::Configuration, name, detail)
}

fn fail(name: &str, detail: impl Into<String>) -> Finding {
    Finding::fail(Area::Configuration, name, detail)
}

/// Later than this before its end, whatever should have renewed the certificate has not.
const RENEWAL: Duration = Duration::days(21);
