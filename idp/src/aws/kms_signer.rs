//! KMS as the holder of signing keys: ES256 and RS256 by Sign, the public part by GetPublicKey.
//!
//! The role needs `kms:GetPublicKey` and `kms:Sign`. EdDSA keys stay local: KMS signs with them only what
//! fits into its request whole. Every signature that comes back is verified before it is used, so that
//! a relying party never sees the mistake of a key service or of its configuration.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, jwk::Jwk};
use tokio::time::Instant;

use super::{AwsConnection, unavailable};
use crate::{
    keys::{
        Adopted, KeyError, Kid, RemoteKeys, Signer, SigningAlg, SigningKey,
        ecdsa_der::p256_fixed_from_der, jwk::public_jwk_from_spki,
    },
    vault::{Observer, Operation, Outcome, Part, VaultError},
};

/// The signing keys in KMS.
pub struct KmsKeys {
    client: Client,
    observer: Arc<dyn Observer>,
    deadline: Duration,
}

impl KmsKeys {
    /// Those that `connection` reaches; each call is told to `observer` and ends within `deadline`.
    pub fn new(
        connection: &AwsConnection,
        observer: Arc<dyn Observer>,
        deadline: Duration,
    ) -> Self {
        Self {
            client: Client::new(&connection.0),
            observer,
            deadline,
        }
    }

    fn signer(&self, name: String, alg: SigningAlg, kid: Kid, jwk: Jwk) -> KmsSigner {
        KmsSigner {
            client: self.client.clone(),
            observer: self.observer.clone(),
            deadline: self.deadline,
            name,
            alg,
            kid,
            jwk,
        }
    }
}

#[async_trait]
impl RemoteKeys for KmsKeys {
    async fn adopt(&self, name: &str) -> Result<Adopted, KeyError> {
        let answer = self
            .client
            .get_public_key()
            .key_id(name)
            .send()
            .await
            .map_err(|error| unavailable(Part::Signer, &error))?;
        let has = |spec| answer.signing_algorithms().contains(&spec);
        let alg = if has(SigningAlgorithmSpec::EcdsaSha256) {
            SigningAlg::Es256
        } else if has(SigningAlgorithmSpec::RsassaPkcs1V15Sha256) {
            SigningAlg::Rs256
        } else {
            return Err(KeyError::Unusable(Kid(name.to_owned())));
        };
        let spki = answer.public_key.ok_or_else(incomplete)?;
        // Another curve for the same algorithm (secp256k1) is refused here.
        let (kid, jwk) = public_jwk_from_spki(alg, spki.as_ref())?;
        // The service's own name, and not an alias, which may come to mean another key.
        let name = answer.key_id.unwrap_or_else(|| name.to_owned());
        let signer = self.signer(name.clone(), alg, kid, jwk);
        signer.sign(b"adopted by whorl").await?;
        Ok(Adopted {
            name,
            signer: Arc::new(signer),
        })
    }

    fn open(&self, name: &str, key: &SigningKey) -> Arc<dyn Signer> {
        Arc::new(self.signer(
            name.to_owned(),
            key.alg,
            key.kid.clone(),
            key.public_jwk.clone(),
        ))
    }
}

/// Signs with one KMS key.
struct KmsSigner {
    client: Client,
    observer: Arc<dyn Observer>,
    deadline: Duration,
    name: String,
    alg: SigningAlg,
    kid: Kid,
    jwk: Jwk,
}

impl KmsSigner {
    async fn call(&self, message: &[u8]) -> Result<Vec<u8>, VaultError> {
        let spec = match self.alg {
            SigningAlg::Es256 => SigningAlgorithmSpec::EcdsaSha256,
            SigningAlg::Rs256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
            SigningAlg::EdDsa => {
                return Err(VaultError::unavailable(
                    Part::Signer,
                    "KMS keys sign with ES256 or RS256 only",
                ));
            }
        };
        // KMS hashes short messages itself; of a longer one it takes the digest only.
        let (kind, message) = if message.len() <= MAX_RAW_BYTES {
            (MessageType::Raw, message.to_vec())
        } else {
            (
                MessageType::Digest,
                digest(&SHA256, message).as_ref().to_vec(),
            )
        };
        let answer = self
            .client
            .sign()
            .key_id(&self.name)
            .message_type(kind)
            .message(Blob::new(message))
            .signing_algorithm(spec)
            .send()
            .await
            .map_err(|error| unavailable(Part::Signer, &error))?;
        Ok(answer.signature.ok_or_else(incomplete)?.into_inner())
    }

    /// The signature as a JWS carries it, or none where it does not verify.
    fn verified(&self, signature: Vec<u8>, message: &[u8]) -> Option<Vec<u8>> {
        let signature = match self.alg {
            SigningAlg::Es256 => p256_fixed_from_der(&signature)?.to_vec(),
            SigningAlg::Rs256 | SigningAlg::EdDsa => signature,
        };
        let key = DecodingKey::from_jwk(&self.jwk).ok()?;
        let encoded = URL_SAFE_NO_PAD.encode(&signature);
        jsonwebtoken::crypto::verify(&encoded, message, &key, self.alg.jose())
            .unwrap_or(false)
            .then_some(signature)
    }
}

#[async_trait]
impl Signer for KmsSigner {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn alg(&self) -> SigningAlg {
        self.alg
    }

    fn public_jwk(&self) -> &Jwk {
        &self.jwk
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let begun = Instant::now();
        let signature = tokio::time::timeout(self.deadline, self.call(message))
            .await
            .unwrap_or_else(|late| Err(VaultError::unavailable(Part::Signer, late)));
        self.observer.on_call(
            Part::Signer,
            Operation::Sign,
            Outcome::of(&signature),
            begun.elapsed(),
        );
        self.verified(signature?, message)
            .ok_or_else(|| KeyError::Mismatch(self.kid.clone()))
    }
}

fn incomplete() -> VaultError {
    VaultError::unavailable(Part::Signer, "the answer of KMS is incomplete")
}

/// The longest message that Sign hashes itself.
const MAX_RAW_BYTES: usize = 4096;
