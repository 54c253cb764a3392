//! What lies outside the rows of credentials that are gone.

use crate::app::App;
use crate::store::Credential;
use crate::vault::BlobKey;

impl App {
    /// Removes what lies outside the rows that are gone. What cannot be removed now is worth nothing to whoever
    /// finds it: no row names it any more.
    pub async fn clear_away(&self, removed: &[Credential]) {
        for credential in removed {
            let done = match self.journey.factors.factor(credential.factor) {
                Ok(factor) => factor.remove(credential).await.map_err(anyhow::Error::from),
                // The factor is off in this deployment (no models): its blobs are as sealed as any.
                Err(_) => self.remove_blob(credential).await,
            };
            if let Err(error) = done {
                let (credential, error) = (credential.id, format!("{error:#}"));
                tracing::warn!(%credential, error, "credential_remains");
            }
        }
    }

    async fn remove_blob(&self, credential: &Credential) -> anyhow::Result<()> {
        let Some(digest) = credential.blob_digest else {
            return Ok(());
        };
        let key = BlobKey {
            subject: credential.subject.0,
            credential: credential.id.0,
            version: credential.version.into(),
            digest,
        };
        Ok(self.vault.remove_blob(&key).await?)
    }
}
