//! The face model pack: found, of the right digests, and loaded as the server loads it.

use std::time::Instant;

use wire::FactorKind;

use super::policy;
use super::report::{Area, Finding, chain};
use crate::app::shelf;
use crate::config::Config;
use crate::login::policy::Policy;
use crate::models::{Models, ModelsError};
use crate::store::Store;

pub(super) async fn examine(config: &Config, policy: &Policy) -> (Vec<Finding>, ()) {
    let begun = Instant::now();
    let finding = match load(config).await {
        Ok(models) => judge(config, policy, &models).took(begun.elapsed()),
        Err(error) => off(config, policy, chain(&error)),
    };
    (vec![finding], ())
}

/// As the server does; a database that cannot be looked into is another finding's, and then the folder counts.
async fn load(config: &Config) -> Result<Models, ModelsError> {
    if let Ok(store) = Store::open_existing(&config.database_url(), 1).await
        && store.pending_migrations().await.is_ok_and(|n| n == 0)
    {
        return Models::in_use(config.models_directory(), shelf(config, &store).await).await;
    }
    let folder = config.models_directory().map(ToOwned::to_owned);
    tokio::task::spawn_blocking(move || Models::find_and_load(folder.as_deref())).await?
}

/// A pack without attack networks serves a demonstration; anywhere else the face is off under it.
fn judge(config: &Config, counts: &Policy, models: &Models) -> Finding {
    let (demo, rate) = (config.demo.enabled, config.face.false_match_rate);
    match models.current().check(demo, rate) {
        Ok(()) if models.current().is_demonstration_only() => {
            Finding::warn(Area::Models, "face", models.describe())
                .mend("for more than a demonstration, bring the recommended pack with `whorl models pull --from FOLDER-OR-URL`")
        }
        Ok(()) => Finding::ok(Area::Models, "face", models.describe()),
        Err(error) => off(config, counts, error.to_string()),
    }
}

/// Without models the provider serves, and the face factor is off: how bad that is, the policy says.
fn off(config: &Config, counts: &Policy, why: String) -> Finding {
    // Without an address to pull from, `pull` brings the small pack, which only a demonstration takes.
    let mend = match config.demo.enabled {
        true => {
            "run `whorl models pull`, then `whorl models verify`; or take the face out of [policy]"
        }
        false => {
            "bring the recommended pack with `whorl models pull --from FOLDER-OR-URL`, or a signed one of your own; \
             or take the face out of [policy]"
        }
    };
    let lost = policy::unreachable_without(counts, FactorKind::Face);
    if !lost.is_empty() {
        return Finding::fail(
            Area::Models,
            "face",
            format!("{why}; nobody can reach {}", lost.join(", ")),
        )
        .mend(mend);
    }
    match policy::uses(counts, FactorKind::Face) {
        true => Finding::warn(
            Area::Models,
            "face",
            format!("{why}; the face factor is off"),
        )
        .mend(mend),
        false => Finding::ok(Area::Models, "face", "off, and no policy asks for it"),
    }
}
