//! A certificate around a public key, for relying parties that read keys from X.509 (RFC 7517 §4.7 `x5c`,
//! §4.8 `x5t`): Microsoft Entra takes no key without one.
//!
//! It is signed by the key itself and says nothing that the JWK does not say; nobody has to trust it further.
//! PKCS #1 v1.5 signatures have no randomness and every field comes from the key's row, so that two replicas
//! that make it at once make the same one.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    SerialNumber,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use time::{Duration, OffsetDateTime};

use super::{KeyError, Kid, SigningAlg};

/// Whether keys of the algorithm get a certificate.
#[must_use]
pub fn is_wanted(alg: SigningAlg) -> bool {
    match alg {
        SigningAlg::Rs256 => true,
        SigningAlg::Es256 | SigningAlg::EdDsa => false,
    }
}

/// The certificate of an RSA key in PKCS#8 form, DER.
///
/// # Errors
/// [`KeyError::Unusable`] where it is no such key.
pub fn self_signed(
    kid: &Kid,
    pkcs8: &[u8],
    created_at: OffsetDateTime,
) -> Result<Vec<u8>, KeyError> {
    let unusable = |_| KeyError::Unusable(kid.clone());
    let key = PrivatePkcs8KeyDer::from(pkcs8);
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256).map_err(unusable)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("Whorl signing key {kid}"));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // RFC 5280 §4.1.2.2: a positive number of at most 20 bytes.
    let mut serial = digest(&SHA256, kid.as_str().as_bytes()).as_ref()[..SERIAL_BYTES].to_vec();
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from(serial));
    // Whole seconds, or the row read back would make another certificate.
    params.not_before = created_at.replace_nanosecond(0).unwrap_or(created_at) - EARLIER;
    params.not_after = params.not_before + LIFETIME;
    let certificate = params.self_signed(&pair).map_err(unusable)?;
    Ok(certificate.der().to_vec())
}

/// Puts a certificate into a JWK.
pub fn attach(jwk: &mut Jwk, certificate: &[u8]) {
    jwk.common.x509_chain = Some(vec![STANDARD.encode(certificate)]);
    jwk.common.x509_sha1_fingerprint =
        Some(URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate)));
    jwk.common.x509_sha256_fingerprint = Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate)));
}

/// The JWK without its certificate: what identifies the key.
#[must_use]
pub fn without(jwk: &Jwk) -> Jwk {
    let mut bare = jwk.clone();
    bare.common.x509_chain = None;
    bare.common.x509_sha1_fingerprint = None;
    bare.common.x509_sha256_fingerprint = None;
    bare
}

const SERIAL_BYTES: usize = 16;
/// A relying party's clock may be behind ours.
const EARLIER: Duration = Duration::hours(1);
/// Longer than any key signs; that a key is retired is said by the key set, not by its certificate.
const LIFETIME: Duration = Duration::days(3650);

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;
    use crate::keys::jwk::public_jwk_from_spki;
    use crate::keys::{LocalSigner, Signer as _};

    #[test]
    fn a_certificate_holds_the_key_and_is_signed_by_it() {
        let (signer, pkcs8) = LocalSigner::generate(SigningAlg::Rs256).expect("a key");
        let made = OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time");
        let der = self_signed(signer.kid(), &pkcs8, made).expect("a certificate");
        assert_eq!(
            der,
            self_signed(signer.kid(), &pkcs8, made + Duration::milliseconds(7)).expect("again"),
            "two replicas would publish two certificates"
        );
        let (rest, read) = X509Certificate::from_der(&der).expect("X.509");
        assert!(rest.is_empty());
        let (inside, _) =
            public_jwk_from_spki(SigningAlg::Rs256, read.public_key().raw).expect("its key");
        assert_eq!(inside, *signer.kid());
        let verified = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            read.public_key().subject_public_key.data.as_ref(),
        )
        .verify(
            read.tbs_certificate.as_ref(),
            read.signature_value.data.as_ref(),
        );
        assert_eq!(verified, Ok(()));

        let mut jwk = signer.public_jwk().clone();
        attach(&mut jwk, &der);
        let json = serde_json::to_value(&jwk).expect("JSON");
        let chain = json["x5c"][0].as_str().expect("x5c");
        assert_eq!(STANDARD.decode(chain).expect("base64, not base64url"), der);
        assert_eq!(json["x5t"].as_str().map(str::len), Some(27), "{json}");
        assert_eq!(without(&jwk), *signer.public_jwk());
    }

    #[test]
    fn what_is_no_rsa_key_gets_no_certificate() {
        let (signer, pkcs8) = LocalSigner::generate(SigningAlg::Es256).expect("a key");
        let refused = self_signed(signer.kid(), &pkcs8, OffsetDateTime::UNIX_EPOCH);
        assert!(matches!(refused, Err(KeyError::Unusable(_))));
    }
}
