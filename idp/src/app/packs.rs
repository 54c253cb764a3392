//! Model packs where the parts are joined: which is in use at the start, and how a running replica follows a change.

use std::sync::Arc;
use std::time::Duration;

use super::{App, aws, s3_settings};
use crate::aws::S3Packs;
use crate::config::{BlobsKind, Config};
use crate::models::{DirectoryPacks, Models, ModelsError, PackFiles, Shelf};
use crate::store::Store;

impl App {
    /// Turns to another model pack soon after an operator chose it, on every replica by itself.
    pub async fn follow_packs(self: Arc<Self>) {
        let Some(models) = self.models.clone() else {
            return;
        };
        let mut every = tokio::time::interval(FOLLOW_PACKS);
        let mut said = None;
        loop {
            every.tick().await;
            let (demo, rate) = (self.config.demo.enabled, self.config.face.false_match_rate);
            match models.follow(demo, rate).await {
                Ok(false) => {}
                Ok(true) => {
                    said = None;
                    tracing::info!(models = models.describe(), "models_changed");
                }
                Err(error) => {
                    // Once: the same pack is refused again every few seconds.
                    let text = error.to_string();
                    if said.as_ref() != Some(&text) {
                        tracing::error!(error = &error as &dyn std::error::Error, "models_refused");
                        said = Some(text);
                    }
                }
            }
        }
    }
}

/// Where signed model packs lie, and whose are taken.
pub async fn shelf(config: &Config, store: &Store) -> Shelf {
    let files: Arc<dyn PackFiles> = match config.vault.blobs {
        BlobsKind::Directory => Arc::new(DirectoryPacks::new(config.packs_directory())),
        BlobsKind::S3 => Arc::new(S3Packs::new(&aws(config).await, s3_settings(config))),
    };
    Shelf {
        files,
        trusted: config.models.trusted_keys.clone(),
        store: store.clone(),
    }
}

/// Without models the provider starts all the same, and offers every factor but the face.
pub(super) async fn load(config: &Config, store: &Store) -> Option<Arc<Models>> {
    match usable(config, store).await {
        Ok(models) => Some(Arc::new(models)),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "face_factor_off");
            None
        }
    }
}

/// The pack in use, where it may serve here.
async fn usable(config: &Config, store: &Store) -> Result<Models, ModelsError> {
    let shelf = shelf(config, store).await;
    let models = Models::in_use(config.models_directory(), shelf).await?;
    let current = models.current();
    match current.check(config.demo.enabled, config.face.false_match_rate) {
        // A rate that the recommended pack does not reach is a mistake in the configuration, and ends the start.
        Ok(()) | Err(ModelsError::NotValidated { .. }) => Ok(models),
        Err(other) => Err(other),
    }
}

/// How soon a replica turns to another pack.
const FOLLOW_PACKS: Duration = Duration::from_secs(5);
