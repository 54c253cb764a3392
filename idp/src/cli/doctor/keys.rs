//! The signing keys: one active for each algorithm, each opened as a signature would, and when the next one comes.

use time::{Duration, OffsetDateTime};

use super::report::{Area, Finding, chain};
use crate::config::Config;
use crate::keys::{KeyHolder, KeyState, SigningAlg, SigningKey};
use crate::store::Store;
use crate::tokens::Keyring;

pub(super) async fn examine(
    config: &Config,
    store: Option<&Store>,
    holder: Option<KeyHolder>,
    now: OffsetDateTime,
) -> (Vec<Finding>, ()) {
    let Some(store) = store else {
        return (
            vec![Finding::warn(
                Area::Keys,
                "keys",
                "not looked at: they are in the database",
            )],
            (),
        );
    };
    let keys = match Keyring::stored(store).await {
        Ok(keys) => keys,
        Err(error) => {
            let finding = Finding::fail(Area::Keys, "keys", chain(&error));
            return (
                vec![finding.mend(
                    "see the database above; restore the signing_key table if it was altered",
                )],
                (),
            );
        }
    };
    if keys.is_empty() {
        let finding = Finding::warn(Area::Keys, "keys", "none yet");
        return (
            vec![finding.mend("nothing to do: the first `whorl serve` makes them")],
            (),
        );
    }
    let mut findings = Vec::new();
    for alg in &config.keys.algorithms {
        findings.push(algorithm(config, (*alg).into(), &keys, holder.as_ref(), now).await);
    }
    (findings, ())
}

async fn algorithm(
    config: &Config,
    alg: SigningAlg,
    keys: &[SigningKey],
    holder: Option<&KeyHolder>,
    now: OffsetDateTime,
) -> Finding {
    let of_alg = || keys.iter().filter(|key| key.alg == alg);
    let active = of_alg().filter_map(|key| match key.state {
        KeyState::Active { since } => Some((since, key)),
        KeyState::Next | KeyState::Retired { .. } => None,
    });
    let Some((since, key)) = active.max_by_key(|(since, _)| *since) else {
        return Finding::fail(
            Area::Keys,
            alg.name(),
            "no key signs with it, though [keys] algorithms names it",
        )
        .mend("start the server, which makes one, or run `whorl keys replace`");
    };
    if let Some(holder) = holder
        && let Err(error) = holder.open(key).await
    {
        return Finding::fail(
            Area::Keys,
            alg.name(),
            format!("{} does not open: {}", key.kid, chain(&error)),
        )
        .mend("see the vault above; if its key is lost for good, run `whorl keys replace`");
    }
    let until = since + Duration::seconds(config.keys.rotate_after_s.into());
    let successor = match of_alg().any(|key| key.state == KeyState::Next) {
        true => ", its successor is published",
        false => "",
    };
    if now > until + OVERDUE {
        return Finding::warn(
            Area::Keys,
            alg.name(),
            format!("{} should have been replaced on {}", key.kid, until.date()),
        )
        .mend("keep `whorl serve` running: it turns the keys; see key_rotation_failed in its log");
    }
    Finding::ok(
        Area::Keys,
        alg.name(),
        format!("{} signs until {}{successor}", key.kid, until.date()),
    )
}

/// A server looks every minute; one that was off for a night is no fault.
const OVERDUE: Duration = Duration::days(1);
