//! Whose word is taken that a passkey's key lies in hardware of a certain model (WebAuthn Level 3 §6.5, §7.1 24).
//!
//! An authority's certificate vouches for the models that are named beside it, and for no other. It is asked at each login
//! and not at the registration alone: a model that is taken off the list is worth no more than software from then on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AttestationCaList, AttestationCaListBuilder, AttestationMetadata, Credential,
};

/// Authorities, and the models that they may vouch for.
pub struct Trusted(AttestationCaList);

/// Why the authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    #[error("[passkey] attestation_roots {0} cannot be read as certificates")]
    File(PathBuf, #[source] rustls::pki_types::pem::Error),
    #[error("[passkey] attestation_roots {0} has no certificate, or one that is none")]
    Unusable(PathBuf),
}

impl Trusted {
    /// The authorities of a PEM file, for these models.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(file: &Path, models: &[Uuid]) -> Result<Self, TrustedError> {
        let unreadable = |error| TrustedError::File(file.to_owned(), error);
        let unusable = || TrustedError::Unusable(file.to_owned());
        let mut list = AttestationCaListBuilder::new();
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            for model in models {
                list.insert_device_der(&certificate, *model, String::new(), BTreeMap::new())
                    .map_err(|_| unusable())?;
            }
        }
        let list = list.build();
        match list.is_empty() {
            true => Err(unusable()),
            false => Ok(Self(list)),
        }
    }

    pub(super) fn list(&self) -> &AttestationCaList {
        &self.0
    }

    /// Whether an authority vouches for a passkey's model. Its statement was checked against the passkey's own key and model
    /// when it was registered.
    pub(super) fn vouches_for(&self, known: &Credential) -> bool {
        let Ok(Some(authority)) = known.verify_attestation(&self.0) else {
            return false;
        };
        match &known.attestation.metadata {
            AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. } => {
                authority.aaguids().contains_key(aaguid)
            }
            AttestationMetadata::None
            | AttestationMetadata::AndroidKey { .. }
            | AttestationMetadata::AndroidSafetyNet { .. } => false,
        }
    }
}
