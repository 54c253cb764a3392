//! What recurs while the provider runs.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use crate::app::App;

impl App {
    /// What recurs while the provider runs: expired rows go, keys turn, quiet addresses are forgotten.
    pub async fn tend(self: Arc<Self>) {
        // Often enough that every replica has read a new key before it signs.
        let notice = u64::from(self.config.keys.publish_before_s) / 3;
        let pause = StdDuration::from_secs(notice.clamp(1, 60));
        let mut every = tokio::time::interval(pause);
        loop {
            every.tick().await;
            let now = self.clock.now();
            self.guesses.sweep();
            self.registrations.sweep();
            self.begun.sweep();
            self.captures.sweep(now);
            if let Err(error) = self.store.sweep(now).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "sweep_failed");
            }
            self.look_for_places().await;
            if let Err(error) = self.free_names(now).await {
                let error = format!("{error:#}");
                tracing::warn!(error, "abandoned_registrations_remain");
            }
            self.send_logouts(now).await;
            if let Err(error) = self.journey.tend_risk(now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "risk_model_not_tended"
                );
            }
            if let Err(error) = self.tokens.keyring.turn(now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "key_rotation_failed"
                );
            }
            if let Err(error) = self.tokens.encryption.turn(now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "encryption_key_rotation_failed"
                );
            }
        }
    }

    /// Reads databases of places that changed.
    async fn look_for_places(&self) {
        let places = self.journey.places.clone();
        if !places.is_empty() {
            let looked = tokio::task::spawn_blocking(move || places.look_again());
            if looked.await.is_err() {
                tracing::error!("places_not_read");
            }
        }
    }
}
