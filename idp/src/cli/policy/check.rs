//! `whorl policy check`.

use std::process::ExitCode;

use serde::Serialize;
use wire::FactorKind;

use super::print_json;
use super::table::columns;
use crate::config::Config;
use crate::factors::Capture;
use crate::login::policy::words::Claim;
use crate::login::policy::{
    Condition, Policy, RiskBand, Rule, in_words, is_biometric, kinds, rule::fuses,
};

/// What is said of a policy.
#[derive(Serialize)]
pub(super) struct Report {
    default_acr: String,
    acr: Vec<Row>,
    conditions: Vec<ConditionRow>,
    /// Why it cannot be used.
    pub(super) faults: Vec<String>,
    /// What an operator may not have meant.
    pub(super) notes: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    names: Vec<String>,
    ways: Vec<String>,
    /// As far as the kinds of factor go (NIST SP 800-63B-4 §2).
    aal: u8,
    phishing_resistant: bool,
    capture: Option<&'static str>,
    false_match_rate: Option<f64>,
    fused_false_match_rate: Option<f64>,
    max_age_s: Vec<(FactorKind, u32)>,
}

#[derive(Serialize)]
struct ConditionRow {
    name: String,
    applies: String,
    low: &'static str,
    medium: &'static str,
    high: &'static str,
    step_up_to: Option<String>,
    max_age_s: Option<u32>,
}

pub(super) fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let report = Report::of(config);
    if json {
        print_json(&report)?;
    } else {
        print!("{}", report.text());
    }
    Ok(match report.faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

impl Report {
    pub(super) fn of(config: &Config) -> Self {
        let policy = &config.policy;
        let faults = policy.faults(config.demo.enabled);
        Self {
            default_acr: policy.default_acr.to_string(),
            acr: policy.acr.iter().map(|rule| row(config, rule)).collect(),
            conditions: policy.conditions.iter().map(condition_row).collect(),
            faults: faults.iter().map(ToString::to_string).collect(),
            notes: notes(config, policy),
        }
    }

    pub(super) fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.acr.iter().map(Row::cells).collect();
        let heads = ["acr", "ways", "AAL", "phishing", "capture", "FMR", "fresh"];
        let mut out = columns(&heads, &rows);
        for row in self.acr.iter().filter(|row| !row.names.is_empty()) {
            out += &format!("{} is also {}\n", row.name, row.names.join(", "));
        }
        out += &format!("default: {}\n", self.default_acr);
        if !self.conditions.is_empty() {
            let rows: Vec<Vec<String>> = self.conditions.iter().map(ConditionRow::cells).collect();
            let heads = [
                "condition",
                "low",
                "medium",
                "high",
                "step up to",
                "applies",
            ];
            out += &format!("\n{}", columns(&heads, &rows));
        }
        out.push('\n');
        for fault in &self.faults {
            out += &format!("fault  {fault}\n");
        }
        for note in &self.notes {
            out += &format!("note   {note}\n");
        }
        let verdict = match self.faults.len() {
            0 => "the policy holds together".to_owned(),
            count => format!("{count} to mend before it can be used"),
        };
        format!("{out}{verdict}\n")
    }
}

fn row(config: &Config, rule: &Rule) -> Row {
    let every = |claim| rule.any_of.iter().all(|way| rule.keeps(way, claim));
    let aal = match rule.any_of.iter().map(|way| kinds(way)).min().unwrap_or(0) {
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
    Row {
        name: rule.name.to_string(),
        names: rule.names.iter().map(ToString::to_string).collect(),
        ways: rule.any_of.iter().map(|way| in_words(way)).collect(),
        aal,
        phishing_resistant: every(Claim::PhishingResistant),
        capture: has_biometric.then_some(match rule.least_capture {
            Capture::Uploaded => "uploaded",
            Capture::LiveBrowser => "live browser",
            Capture::SignedSensor => "signed sensor",
        }),
        false_match_rate: has_biometric.then_some(rate),
        fused_false_match_rate: rule
            .any_of
            .iter()
            .any(|way| fuses(way))
            .then_some(rule.fused_false_match_rate),
        max_age_s: rule.max_age_s.iter().map(|(f, s)| (*f, *s)).collect(),
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let rate = match (self.false_match_rate, self.fused_false_match_rate) {
            (None, _) => dash(),
            (Some(one), None) => format!("{one:.0e}"),
            (Some(one), Some(two)) => format!("{one:.0e}, both {two:.0e}"),
        };
        let ages: Vec<String> = self
            .max_age_s
            .iter()
            .map(|(factor, seconds)| format!("{factor} {seconds} s"))
            .collect();
        vec![
            self.name.clone(),
            self.ways.join(" | "),
            self.aal.to_string(),
            if self.phishing_resistant {
                "resists"
            } else {
                "-"
            }
            .to_owned(),
            self.capture.map_or_else(dash, str::to_owned),
            rate,
            if ages.is_empty() {
                "session".to_owned()
            } else {
                ages.join(", ")
            },
        ]
    }
}

fn condition_row(condition: &Condition) -> ConditionRow {
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
    let action = |band| condition.action(band).as_str();
    ConditionRow {
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

impl ConditionRow {
    fn cells(&self) -> Vec<String> {
        let age = self.max_age_s.map(|s| format!("proofs of the last {s} s"));
        let steps: Vec<String> = self.step_up_to.iter().cloned().chain(age).collect();
        vec![
            self.name.clone(),
            self.low.to_owned(),
            self.medium.to_owned(),
            self.high.to_owned(),
            if steps.is_empty() {
                "-".to_owned()
            } else {
                steps.join(", ")
            },
            self.applies.clone(),
        ]
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
