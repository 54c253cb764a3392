//! Whether every acr can be reached with the factors that are on.

use url::Host;
use wire::FactorKind;

use super::report::{Area, Finding};
use crate::config::Config;
use crate::login::policy::{Rule, is_biometric};

/// Of the policy by itself.
pub(super) fn examine(config: &Config) -> Finding {
    let policy = &config.policy;
    let finding = |detail| Finding::warn(Area::Configuration, "policy", detail);
    // WebAuthn binds a passkey to a domain; an address is none.
    if !matches!(config.issuer.host(), Some(Host::Domain(_))) && uses(config, FactorKind::Passkey) {
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
        format!("{} (default {})", acrs.join(", "), policy.default_acr),
    )
}

/// The acrs that nobody can reach while a factor is off.
pub(super) fn unreachable_without(config: &Config, off: FactorKind) -> Vec<String> {
    let needs = |rule: &&Rule| rule.any_of.iter().all(|way| way.contains(&off));
    config
        .policy
        .acr
        .iter()
        .filter(needs)
        .map(|rule| rule.name.to_string())
        .collect()
}

/// Whether any way has the factor.
pub(super) fn uses(config: &Config, factor: FactorKind) -> bool {
    config
        .policy
        .acr
        .iter()
        .any(|rule| rule.any_of.iter().any(|way| way.contains(&factor)))
}
