//! Model packs where the parts are joined: which is in use at the start, and how a running replica follows a change.

use std::sync::Arc;
use std::time::Duration;

use super::{App, aws, s3_settings};
use crate::aws::S3Packs;
use crate::config::{BlobsKind, Config};
use crate::factors::face::{Face, FaceSettings};
use crate::factors::{Factor, FactorError};
use crate::models::{DirectoryPacks, Models, ModelsError, PackFiles, Shelf};
use crate::pool::Pool;
use crate::store::Store;
use crate::vault::Vault;

impl App {
    /// Turns to another model pack soon after an operator chose it, on every replica by itself.
    pub async fn follow_packs(self: Arc<Self>) {
        let models = Box::pin(self.models_at_last()).await;
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

impl App {
    /// The models; where there were none at the start, as soon as they come, and the face factor with them.
    async fn models_at_last(&self) -> Arc<Models> {
        loop {
            if let Some(models) = self.models.get() {
                return models.clone();
            }
            tokio::time::sleep(LOOK_FOR_PACK).await;
            let found = match Box::pin(usable(&self.config, &self.store)).await {
                Ok(models) => Arc::new(models),
                // Said at the start, and by `whorl doctor`.
                Err(error) => {
                    let is_absent = matches!(
                        error,
                        ModelsError::NotFound { .. } | ModelsError::Missing { .. }
                    );
                    if !is_absent {
                        tracing::debug!(error = &error as &dyn std::error::Error, "models_refused");
                        // What is there is not taken: to load it again every few seconds changes nothing.
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    continue;
                }
            };
            let of = (&self.store, &self.vault, &self.pool);
            match face(&self.config, of.0, of.1, of.2, &found) {
                Ok(factor) => {
                    self.journey.factors.take_late(factor);
                    self.captures.take_models(found.clone());
                    let models = self.models.get_or_init(|| found);
                    tracing::info!(models = models.describe(), "face_factor_on");
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "models_refused");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }
}

/// The face factor under a pack.
pub(super) fn face(
    config: &Config,
    store: &Store,
    vault: &Arc<Vault>,
    pool: &Pool,
    models: &Arc<Models>,
) -> Result<Arc<dyn Factor>, FactorError> {
    let settings = FaceSettings {
        false_match_rate: config.face.false_match_rate,
        accepts_uploads: config.demo.enabled,
    };
    let face = Face::new(
        settings,
        store.clone(),
        vault.clone(),
        pool.clone(),
        models.clone(),
    )?;
    Ok(Arc::new(face))
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

/// How soon a server that has no pack takes one that comes.
const LOOK_FOR_PACK: Duration = Duration::from_secs(5);
/// How much later it looks again at one that it refused.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How soon a replica turns to another pack.
const FOLLOW_PACKS: Duration = Duration::from_secs(5);
