//! What a policy asks for, as operators read it: a row an acr, a row a condition, and what may not have been meant.

use wire::{FactorKind, PolicyAcr, PolicyCondition, PolicyTable};

use crate::config::Config;
use crate::factors::Capture;
use crate::login::policy::words::Claim;
use crate::login::policy::{
    Condition, Policy, RiskBand, Rule, in_words, is_biometric, kinds, rule::fuses,
};

/// The table of a policy under a configuration, whose factors have rates of their own.
#[must_use]
pub fn of(config: &Config, policy: &Policy) -> PolicyTable {
    PolicyTable {
        default_acr: policy.default_acr.to_string(),
        acr: policy.acr.iter().map(|rule| row(config, rule)).collect(),
        conditions: policy.conditions.iter().map(condition_row).collect(),
        notes: notes(config, policy),
    }
}

fn row(config: &Config, rule: &Rule) -> PolicyAcr {
    let every = |claim| rule.any_of.iter().all(|way| rule.keeps(way, claim));
    let aal = match rule.any_of.iter().map(|way| kinds(way)).min().unwrap_or(0) {
        _ if !every(Claim::BiometricBound) => 0,
        0 | 1 => 1,
        _ if every(Claim::PhishingResistant) && every(Claim::HardwareBound) => 3,
        _ => 2,
    };
    let uses = |factor: FactorKind| rule.any_of.iter().any(|way| way.contains(&factor));
    let biometric = [FactorKind::Face, FactorKind::Fingerprint];
    let has_biometric = biometric.into_iter().any(uses);
    let own = |factor| match factor {
        FactorKind::Fingerprint => config.fingerprint.false_match_rate,
        _ => config.face.false_match_rate,
    };
    let laxest = biometric
        .into_iter()
        .filter(|f| uses(*f))
        .map(own)
        .fold(0.0, f64::max);
    let rate = rule
        .false_match_rate
        .map_or(laxest, |rate| rate.min(laxest));
    PolicyAcr {
        name: rule.name.to_string(),
        names: rule.names.iter().map(ToString::to_string).collect(),
        ways: rule.any_of.iter().map(|way| in_words(way)).collect(),
        aal,
        phishing_resistant: every(Claim::PhishingResistant),
        capture: has_biometric.then(|| {
            match rule.least_capture {
                Capture::Uploaded => "uploaded",
                Capture::LiveBrowser => "live browser",
                Capture::SignedSensor => "signed sensor",
            }
            .to_owned()
        }),
        false_match_rate: has_biometric.then_some(rate),
        fused_false_match_rate: rule
            .any_of
            .iter()
            .any(|way| fuses(way))
            .then_some(rule.fused_false_match_rate),
        max_age_s: rule.max_age_s.clone(),
    }
}

fn condition_row(condition: &Condition) -> PolicyCondition {
    let list = |what: &str, values: Vec<String>| {
        (!values.is_empty()).then(|| format!("{what} {}", values.join(", ")))
    };
    let texts = |values: &[ipnet::IpNet]| values.iter().map(ToString::to_string).collect();
    let acrs = condition.acr.iter().map(ToString::to_string).collect();
    let said: Vec<String> = [
        list("clients", condition.clients.clone()),
        list("acr", acrs),
        list("groups", condition.groups.clone()),
        list("within", texts(&condition.networks)),
        list("outside", texts(&condition.outside)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let action = |band| condition.action(band).as_str().to_owned();
    PolicyCondition {
        name: condition.name.clone(),
        applies: match said.is_empty() {
            true => "always".to_owned(),
            false => said.join("; "),
        },
        low: action(RiskBand::Low),
        medium: action(RiskBand::Medium),
        high: action(RiskBand::High),
        step_up_to: condition.step_up_to.as_ref().map(ToString::to_string),
        max_age_s: condition.max_age_s,
    }
}

fn notes(config: &Config, policy: &Policy) -> Vec<String> {
    let mut notes = Vec::new();
    for rule in &policy.acr {
        let own = config
            .face
            .false_match_rate
            .min(config.fingerprint.false_match_rate);
        if rule.false_match_rate.is_some_and(|rate| rate > own) {
            notes.push(format!(
                "acr {}: its false_match_rate is above {own:e}, which a factor holds already",
                rule.name
            ));
        }
        let beyond = !rule.within_reach().any_of.iter().eq(&rule.any_of);
        if beyond {
            notes.push(format!(
                "acr {}: no signed sensor is known to this version, so nobody can go its ways with a biometric",
                rule.name
            ));
        }
        let all_biometric = rule
            .any_of
            .iter()
            .all(|way| way.iter().any(|factor| is_biometric(*factor)));
        if all_biometric && rule.name == policy.default_acr && !config.demo.enabled {
            notes.push(format!(
                "acr {}, the default, has no way for those who do not consent to biometrics",
                rule.name
            ));
        }
    }
    for client in &config.clients {
        let Ok(draft) = client.draft_without_secret(&config.keys.algorithms) else {
            continue;
        };
        for (word, acr) in &draft.profile.acr_aliases {
            let Some(rule) = policy.rule(acr) else {
                notes.push(format!(
                    "client {}: {word} stands for {acr}, which is no acr here",
                    client.id
                ));
                continue;
            };
            let word = crate::oidc::acr::Acr::parse(word);
            let claims = word
                .map(|word| rule.false_claims(&word))
                .unwrap_or_default();
            notes.extend(
                claims
                    .iter()
                    .map(|claim| format!("client {}: {claim}", client.id)),
            );
        }
    }
    if !policy.conditions.is_empty() {
        notes.push(format!(
            "a login of which no risk is known counts as {} risk",
            policy.unknown_risk.as_str()
        ));
    }
    notes
}
