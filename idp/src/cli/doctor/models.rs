//! The face model pack: found, of the right digests, and loaded as the server loads it.

use std::time::Instant;

use wire::FactorKind;

use super::policy;
use super::report::{Area, Finding, chain};
use crate::config::Config;
use crate::models::Models;

pub(super) async fn examine(config: &Config) -> (Vec<Finding>, ()) {
    let folder = config.models_directory().map(ToOwned::to_owned);
    let begun = Instant::now();
    let loaded = tokio::task::spawn_blocking(move || {
        Models::find_and_load(folder.as_deref()).map(|m| m.describe())
    })
    .await;
    let finding = match loaded {
        Ok(Ok(models)) => Finding::ok(Area::Models, "face", models).took(begun.elapsed()),
        Ok(Err(error)) => off(config, chain(&error)),
        Err(error) => off(config, chain(&error)),
    };
    (vec![finding], ())
}

/// Without models the provider serves, and the face factor is off: how bad that is, the policy says.
fn off(config: &Config, why: String) -> Finding {
    let mend =
        "run `whorl models pull`, then `whorl models verify`; or take the face out of [policy]";
    let lost = policy::unreachable_without(config, FactorKind::Face);
    if !lost.is_empty() {
        return Finding::fail(
            Area::Models,
            "face",
            format!("{why}; nobody can reach {}", lost.join(", ")),
        )
        .mend(mend);
    }
    match policy::uses(config, FactorKind::Face) {
        true => Finding::warn(
            Area::Models,
            "face",
            format!("{why}; the face factor is off"),
        )
        .mend(mend),
        false => Finding::ok(Area::Models, "face", "off, and no policy asks for it"),
    }
}
