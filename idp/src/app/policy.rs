//! How a running replica follows a change of the policy.

use std::time::Duration;

use super::App;
use crate::policies::PolicyRefused;

impl App {
    /// Turns to the newest policy at once; whether it did.
    ///
    /// # Errors
    /// [`PolicyRefused`]: then the one before goes on.
    pub async fn take_policy(&self) -> Result<bool, PolicyRefused> {
        let policies = &self.journey.policies;
        let turned = policies.follow(&self.store, &self.config).await?;
        if turned {
            let now = policies.in_force();
            let is_own = now.text.is_some();
            tracing::info!(revision = now.number(), is_own, "policy_changed");
        }
        Ok(turned)
    }

    /// Turns to another policy soon after an operator wrote it, on every replica by itself.
    pub async fn follow_policy(self: std::sync::Arc<Self>) {
        let mut every = tokio::time::interval(FOLLOW_POLICY);
        let mut said = None;
        loop {
            every.tick().await;
            match self.take_policy().await {
                Ok(_) => said = None,
                Err(error) => {
                    // Once: the same one is refused again every few seconds.
                    let text = error.to_string();
                    if said.as_ref() != Some(&text) {
                        tracing::error!(error = &error as &dyn std::error::Error, "policy_refused");
                        said = Some(text);
                    }
                }
            }
        }
    }
}

/// How soon a replica turns to another policy.
const FOLLOW_POLICY: Duration = Duration::from_secs(3);
