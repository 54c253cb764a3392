//! Signing keys that this program holds: made here, kept as PKCS#8 sealed by the vault, used by aws-lc-rs.

use async_trait::async_trait;
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    },
};
use jsonwebtoken::jwk::Jwk;
use zeroize::Zeroizing;

use super::{KeyError, Kid, Signer, SigningAlg, jwk::public_jwk};
use crate::vault::VaultError;

/// A key pair in memory.
pub struct LocalSigner {
    kid: Kid,
    jwk: Jwk,
    pair: Pair,
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(Box<rsa::KeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl LocalSigner {
    /// A fresh key: the signer, and its PKCS#8 form to be sealed. An RSA key takes a good part of a second.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate(alg: SigningAlg) -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let pkcs8 = generate_pkcs8(alg).ok_or(KeyError::Generate(alg))?;
        let signer = Self::from_pkcs8(alg, &pkcs8)?.ok_or(KeyError::Generate(alg))?;
        Ok((signer, pkcs8))
    }

    /// The signer of a key in PKCS#8 form, or none where it is not one for `alg`.
    ///
    /// # Errors
    /// [`KeyError::PublicKey`] when the public part has no JWK.
    pub fn from_pkcs8(alg: SigningAlg, pkcs8: &[u8]) -> Result<Option<Self>, KeyError> {
        let pair = match alg {
            SigningAlg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Pair::P256)
            }
            SigningAlg::Rs256 => rsa::KeyPair::from_pkcs8(pkcs8).map(Box::new).map(Pair::Rsa),
            SigningAlg::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::Ed25519),
        };
        let Ok(pair) = pair else {
            return Ok(None);
        };
        let (kid, jwk) = match &pair {
            Pair::P256(pair) => public_jwk(alg, pair.public_key().as_ref()),
            Pair::Rsa(pair) => public_jwk(alg, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => public_jwk(alg, pair.public_key().as_ref()),
        }?;
        Ok(Some(Self { kid, jwk, pair }))
    }
}

#[async_trait]
impl Signer for LocalSigner {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn alg(&self) -> SigningAlg {
        match self.pair {
            Pair::P256(_) => SigningAlg::Es256,
            Pair::Rsa(_) => SigningAlg::Rs256,
            Pair::Ed25519(_) => SigningAlg::EdDsa,
        }
    }

    fn public_jwk(&self) -> &Jwk {
        &self.jwk
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::P256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Pair::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
        };
        signature.map_err(|_| KeyError::Vault(VaultError::Cipher))
    }
}

fn generate_pkcs8(alg: SigningAlg) -> Option<Zeroizing<Vec<u8>>> {
    let pkcs8 = match alg {
        SigningAlg::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .ok()?
            .to_pkcs8v1()
            .ok()?
            .as_ref()
            .to_vec(),
        SigningAlg::Rs256 => rsa::KeyPair::generate(rsa::KeySize::Rsa3072)
            .ok()?
            .as_der()
            .ok()?
            .as_ref()
            .to_vec(),
        SigningAlg::EdDsa => Ed25519KeyPair::generate()
            .ok()?
            .to_pkcs8()
            .ok()?
            .as_ref()
            .to_vec(),
    };
    Some(Zeroizing::new(pkcs8))
}
