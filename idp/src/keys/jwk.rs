//! Public keys as JWKs, named by their RFC 7638 thumbprint.

use aws_lc_rs::rsa;
use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};

use super::{KeyError, Kid, SigningAlg};

/// The JWK of a public key, and its identifier.
///
/// `public` is what aws-lc-rs calls the public key: the uncompressed point for ES256, the RFC 8017
/// structure for RS256, the 32 bytes of RFC 8032 for EdDSA.
///
/// # Errors
/// [`KeyError::PublicKey`] when `public` is not such a key.
pub fn public_jwk(alg: SigningAlg, public: &[u8]) -> Result<(Kid, Jwk), KeyError> {
    let refused = || KeyError::PublicKey(alg);
    let key = match alg {
        SigningAlg::Es256 if public.len() == P256_POINT_BYTES => DecodingKey::from_ec_der(public),
        SigningAlg::EdDsa if public.len() == ED25519_BYTES => DecodingKey::from_ed_der(public),
        SigningAlg::Rs256 => DecodingKey::from_rsa_der(public),
        SigningAlg::Es256 | SigningAlg::EdDsa => return Err(refused()),
    };
    let mut jwk = Jwk::from_decoding_key(&key, Some(alg.jose())).map_err(|_| refused())?;
    let kid = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|_| refused())?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok((Kid(kid), jwk))
}

/// The JWK of a public key in a SubjectPublicKeyInfo structure (RFC 5280), as key services give it.
///
/// # Errors
/// [`KeyError::PublicKey`] when it is not a key for `alg`.
pub fn public_jwk_from_spki(alg: SigningAlg, spki: &[u8]) -> Result<(Kid, Jwk), KeyError> {
    let refused = || KeyError::PublicKey(alg);
    match alg {
        SigningAlg::Es256 => {
            let point = spki.strip_prefix(P256_SPKI_PREFIX).ok_or_else(refused)?;
            public_jwk(alg, point)
        }
        SigningAlg::EdDsa => {
            let bytes = spki.strip_prefix(ED25519_SPKI_PREFIX).ok_or_else(refused)?;
            public_jwk(alg, bytes)
        }
        SigningAlg::Rs256 => {
            let key = rsa::PublicKey::from_der(spki).map_err(|_| refused())?;
            public_jwk(alg, key.as_ref())
        }
    }
}

/// A point on P-256, uncompressed.
const P256_POINT_BYTES: usize = 65;
const ED25519_BYTES: usize = 32;
/// All of a P-256 SubjectPublicKeyInfo before the uncompressed point: DER leaves no choice (RFC 5480 §2).
const P256_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same for Ed25519 (RFC 8410 §4).
const ED25519_SPKI_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, PublicKeyX509Der},
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
    };

    use super::*;

    #[test]
    fn an_ed25519_key_has_the_thumbprint_of_rfc_8037() {
        // RFC 8037 appendix A.2 and A.3.
        let public =
            hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                .expect("hexadecimal");
        let (kid, jwk) = public_jwk(SigningAlg::EdDsa, &public).expect("key");
        assert_eq!(kid.as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let json = serde_json::to_value(&jwk).expect("serialises");
        assert_eq!(
            json,
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            })
        );
    }

    #[test]
    fn both_encodings_of_a_key_are_the_same_key() {
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("made");
        let ed = Ed25519KeyPair::generate().expect("made");
        let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("made");
        let spki =
            |key: Result<PublicKeyX509Der<'static>, _>| key.expect("encodes").as_ref().to_vec();
        for (alg, public, spki) in [
            (
                SigningAlg::Es256,
                p256.public_key().as_ref(),
                spki(p256.public_key().as_der()),
            ),
            (
                SigningAlg::EdDsa,
                ed.public_key().as_ref(),
                spki(ed.public_key().as_der()),
            ),
            (
                SigningAlg::Rs256,
                rsa.public_key().as_ref(),
                spki(rsa.public_key().as_der()),
            ),
        ] {
            assert_eq!(
                public_jwk(alg, public).expect("raw"),
                public_jwk_from_spki(alg, &spki).expect("structured")
            );
            for other in SigningAlg::ALL.into_iter().filter(|other| *other != alg) {
                assert!(
                    public_jwk_from_spki(other, &spki).is_err(),
                    "{alg} as {other}"
                );
            }
            for length in 0..spki.len() {
                assert!(
                    public_jwk_from_spki(alg, &spki[..length]).is_err(),
                    "{alg} cut to {length}"
                );
            }
        }
    }
}
