//! Whether every acr can be reached with the factors that are on, under the policy that counts.

use std::borrow::Cow;

use url::Host;
use wire::FactorKind;

use super::report::{Area, Finding};
use crate::config::Config;
use crate::login::policy::{Policy, Rule, is_biometric};
use crate::policies::{InForce, PolicyRefused};
use crate::store::Store;

/// The policy that counts, as far as the database says which that is.
pub(super) struct Counting<'a> {
    pub(super) policy: Cow<'a, Policy>,
    /// Its number and whose it is, where an operator wrote it.
    written: Option<String>,
    /// Why the newest cannot be used.
    refused: Option<String>,
}

impl<'a> Counting<'a> {
    /// The configuration's.
    pub(super) fn of_file(config: &'a Config) -> Self {
        Self {
            policy: Cow::Borrowed(&config.policy),
            written: None,
            refused: None,
        }
    }
}

/// Asks the database for it. One that does not answer is told of elsewhere, and the configuration's is looked at then.
pub(super) async fn counting<'a>(config: &'a Config, store: Option<&Store>) -> Counting<'a> {
    let of_file = Counting::of_file(config);
    let Some(store) = store else {
        return of_file;
    };
    match InForce::newest(store, config).await {
        Ok(newest) => {
            let change = newest.change.as_ref().filter(|_| newest.text.is_some());
            Counting {
                written: change.map(|change| {
                    let (number, by) = (change.number, &change.by);
                    format!("revision {number}, by {by} on {}", change.at.date())
                }),
                policy: Cow::Owned(newest.into_policy()),
                refused: None,
            }
        }
        Err(PolicyRefused::Store(_)) => of_file,
        Err(error @ PolicyRefused::Faulty { .. }) => Counting {
            refused: Some(error.to_string()),
            ..of_file
        },
    }
}

/// Of the policy by itself.
pub(super) fn examine(config: &Config, counts: &Counting<'_>) -> Finding {
    let policy = counts.policy.as_ref();
    if let Some(why) = &counts.refused {
        return Finding::fail(Area::Configuration, "policy", why.clone())
            .mend("run `whorl policy reset`, or make the configuration fit it; the server does not start until then");
    }
    let written = counts.written.as_ref();
    let of = written.map_or_else(String::new, |written| format!("{written}: "));
    let finding = |detail| Finding::warn(Area::Configuration, "policy", format!("{of}{detail}"));
    // WebAuthn binds a passkey to a domain; an address is none.
    if !matches!(config.issuer.host(), Some(Host::Domain(_))) && uses(policy, FactorKind::Passkey) {
        return finding("passkeys are off: the issuer is an address and not a name".to_owned())
            .mend("give the issuer a host name, such as localhost");
    }
    if let Some(rule) = policy.acr.iter().find(|rule| rule.biometric_alone) {
        return finding(format!(
            "{} accepts a biometric alone, which is one factor",
            rule.name
        ))
        .mend("put a passkey into each of its ways, and take out biometric_alone");
    }
    let all_biometric = |rule: &&Rule| {
        rule.any_of
            .iter()
            .all(|way| way.iter().any(|factor| is_biometric(*factor)))
    };
    let default = policy
        .acr
        .iter()
        .find(|rule| rule.name == policy.default_acr);
    if let Some(rule) = default
        .filter(all_biometric)
        .filter(|_| !config.demo.enabled)
    {
        return finding(format!(
            "{}, the default, has no way without a biometric",
            rule.name
        ))
        .mend(
            "add a way for those who do not consent to biometrics, such as [\"passkey\", \"totp\"]",
        );
    }
    let acrs = policy
        .acr
        .iter()
        .map(|rule| rule.name.to_string())
        .collect::<Vec<_>>();
    Finding::ok(
        Area::Configuration,
        "policy",
        format!("{of}{} (default {})", acrs.join(", "), policy.default_acr),
    )
}

/// The acrs that nobody can reach while a factor is off.
pub(super) fn unreachable_without(policy: &Policy, off: FactorKind) -> Vec<String> {
    let needs = |rule: &&Rule| rule.any_of.iter().all(|way| way.contains(&off));
    policy
        .acr
        .iter()
        .filter(needs)
        .map(|rule| rule.name.to_string())
        .collect()
}

/// Whether any way has the factor.
pub(super) fn uses(policy: &Policy, factor: FactorKind) -> bool {
    policy
        .acr
        .iter()
        .any(|rule| rule.any_of.iter().any(|way| way.contains(&factor)))
}
