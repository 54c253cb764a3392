//! How answers are to be signed and encrypted: the fields `*_signed_response_alg`,
//! `*_encrypted_response_alg` and `*_encrypted_response_enc` (OIDC Dynamic Client Registration §2,
//! JARM §3, RFC 9701 §6).

use super::read::{Problem, Reader, fault};
use super::{MetadataError, Rules};
use crate::oidc::client::{Client, Encryption, JweAlg, JweEnc, JwsAlg, Protection};

pub(super) fn protections(
    read: &mut Reader<'_>,
    client: &mut Client,
    rules: &Rules<'_>,
) -> Result<(), MetadataError> {
    let of = |read: &mut Reader<'_>, fields: [&'static str; 3]| {
        let [signed, alg, enc] = fields;
        Ok::<_, MetadataError>(Protection {
            signed: signing(read, signed, rules)?,
            encrypted: encryption(read, alg, enc)?,
        })
    };
    let id_token = of(read, ID_TOKEN)?;
    client.id_token_alg = id_token.signed.unwrap_or(rules.id_token_alg);
    client.id_token_encryption = id_token.encrypted;
    client.userinfo = of(read, USERINFO)?;
    client.authorization_response = of(read, AUTHORIZATION)?;
    client.introspection = of(read, INTROSPECTION)?;
    Ok(())
}

/// What we are to sign with: a key that we hold, or the client's secret. Never nothing: `none` would make
/// an ID token worth its channel only, and is not offered (OIDC Dynamic Client Registration §2).
fn signing(
    read: &mut Reader<'_>,
    field: &'static str,
    rules: &Rules<'_>,
) -> Result<Option<JwsAlg>, MetadataError> {
    let alg: Option<JwsAlg> = read.registered(field)?;
    let is_served = |alg: JwsAlg| {
        alg.is_hmac()
            || alg
                .signing()
                .is_some_and(|alg| rules.signing_algs.contains(&alg))
    };
    match alg {
        Some(alg) if !is_served(alg) => Err(fault(field, Problem::Unsupported)),
        alg => Ok(alg),
    }
}

/// OIDC Dynamic Client Registration §2: `enc` needs `alg`, and is A128CBC-HS256 where it is not said.
pub(super) fn encryption(
    read: &mut Reader<'_>,
    alg: &'static str,
    enc: &'static str,
) -> Result<Option<Encryption>, MetadataError> {
    let (key, content): (Option<JweAlg>, Option<JweEnc>) =
        (read.registered(alg)?, read.registered(enc)?);
    match (key, content) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(fault(enc, Problem::Alone)),
        (Some(alg), enc) => Ok(Some(Encryption {
            alg,
            enc: enc.unwrap_or(JweEnc::A128CbcHs256),
        })),
    }
}

pub(super) const ID_TOKEN: [&str; 3] = [
    "id_token_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
];
pub(super) const USERINFO: [&str; 3] = [
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
];
pub(super) const AUTHORIZATION: [&str; 3] = [
    "authorization_signed_response_alg",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
];
pub(super) const INTROSPECTION: [&str; 3] = [
    "introspection_signed_response_alg",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
];
