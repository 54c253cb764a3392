//! `whorl policy explain`: a decision with its reasons.

use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use wire::{AttemptId, CredentialId, FactorKind};

use super::print_json;
use crate::app::{make_state_directory, open_store};
use crate::cli::demo;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::demo::settings::CLIENT_ID;
use crate::factors::{Capture, Evidence, Outcome};
use crate::login::policy::replay::Past;
use crate::login::policy::{
    Action, Applied, Circumstances, Demand, Moment, Policy, RiskBand, in_words, is_biometric,
};
use crate::oidc::acr::Acr;
use crate::oidc::amr::Amr;

#[derive(Args)]
pub struct Options {
    /// The acr that is aimed for [default: the policy's].
    pub(super) acr: Option<String>,
    /// What was shown: a factor, how many seconds ago, and for a biometric the false match rate of its comparison:
    /// `passkey`, `face@30`, `fingerprint@30:1e-3`. Several times for several.
    #[arg(long = "shown", value_name = "FACTOR[@SECONDS][:RATE]")]
    pub(super) shown: Vec<Shown>,
    /// For which client.
    #[arg(long, default_value = "")]
    pub(super) client: String,
    /// Of which group; several times for several.
    #[arg(long = "group", value_name = "GROUP")]
    pub(super) groups: Vec<String>,
    /// From which address; unknown where it is left out.
    #[arg(long)]
    pub(super) address: Option<IpAddr>,
    /// At what risk.
    #[arg(long, value_enum, default_value_t = Band::Unknown)]
    pub(super) risk: Band,
    /// From a browser that has a key of the person.
    #[arg(long)]
    pub(super) trusted_device: bool,
    /// A login of the past, by the attempt that the audit trail names, under today's policy.
    #[arg(long, value_name = "ID", conflicts_with_all = ["acr", "shown", "client", "groups", "address", "trusted_device"])]
    attempt: Option<uuid::Uuid>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// [`RiskBand`] as it is typed.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Band {
    Unknown,
    Low,
    Medium,
    High,
}

impl From<Band> for RiskBand {
    fn from(band: Band) -> Self {
        match band {
            Band::Unknown => Self::Unknown,
            Band::Low => Self::Low,
            Band::Medium => Self::Medium,
            Band::High => Self::High,
        }
    }
}

/// A factor as it is typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    factor: FactorKind,
    age: Duration,
    rate: Option<f64>,
}

impl FromStr for Shown {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, rate) = match text.split_once(':') {
            Some((text, rate)) => {
                let rate = rate.parse::<f64>().ok().filter(|r| *r > 0.0 && *r <= 1.0);
                (text, Some(rate.ok_or("RATE is a number up to 1")?))
            }
            None => (text, None),
        };
        let (name, age) = text.split_once('@').unwrap_or((text, "0"));
        let factor: FactorKind = name.parse().map_err(|_| {
            let known: Vec<&str> = FactorKind::ALL.iter().map(|f| f.as_str()).collect();
            format!("a factor is one of {}", known.join(", "))
        })?;
        let seconds: u32 = age.parse().map_err(|_| "SECONDS is a whole number")?;
        if rate.is_some() && !is_biometric(factor) {
            return Err("only a biometric has a RATE".to_owned());
        }
        Ok(Self {
            factor,
            age: Duration::seconds(seconds.into()),
            rate,
        })
    }
}

impl Shown {
    /// As a login would have it: what does not reach its factor's own rate does not match.
    fn evidence(&self, config: &Config, now: OffsetDateTime) -> Evidence {
        let nobody = CredentialId(uuid::Uuid::nil());
        let key = match config.passkey.trusts_any() {
            true => Amr::Hwk,
            false => Amr::Swk,
        };
        let keys = (self.factor == FactorKind::Passkey).then_some(key);
        let mut evidence = Evidence::matched(self.factor, keys, nobody, now - self.age);
        let (calibration, accepted) = match self.factor {
            FactorKind::Face => (matcher::face::CALIBRATION, config.face.false_match_rate),
            FactorKind::Fingerprint => (
                matcher::fingerprint::CALIBRATION,
                config.fingerprint.false_match_rate,
            ),
            FactorKind::Password
            | FactorKind::Totp
            | FactorKind::RecoveryCode
            | FactorKind::Passkey => return evidence,
        };
        evidence.capture = Some(match config.demo.enabled {
            true => Capture::Uploaded,
            false => Capture::LiveBrowser,
        });
        let rate = self.rate.unwrap_or(accepted);
        let knots = &calibration.knots;
        let (mut low, mut high) = (knots[0].score, knots[knots.len() - 1].score);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if calibration.false_match_rate(middle) <= rate {
                high = middle;
            } else {
                low = middle;
            }
        }
        evidence.llr = Some(calibration.llr(high));
        evidence.weight = calibration.weigh(high);
        if rate > accepted * (1.0 + 1e-9) {
            evidence.outcome = Outcome::NoMatch;
        }
        evidence
    }
}

/// A decision with its reasons.
#[derive(Serialize)]
pub(super) struct Explanation {
    acr: String,
    circumstances: Circumstances,
    conditions: Vec<Applied>,
    rules: Vec<RuleReasons>,
    /// `allow`, `step_up` or `deny`.
    pub(super) verdict: &'static str,
    /// What would do, the shortest first.
    pub(super) missing: Vec<Vec<FactorKind>>,
}

#[derive(Serialize)]
struct RuleReasons {
    acr: String,
    evidence: Vec<(FactorKind, &'static str)>,
    ways: Vec<WayReasons>,
}

#[derive(Serialize)]
struct WayReasons {
    way: Vec<FactorKind>,
    missing: Vec<FactorKind>,
}

pub(super) async fn run(config: Config, options: Options) -> anyhow::Result<ExitCode> {
    let explained = match options.attempt {
        None => given(&config, &options, SystemClock.now())?,
        Some(id) => {
            make_state_directory(&config)?;
            let store = open_store(&config).await?;
            let kept = store.decision(AttemptId(id)).await?;
            let kept = kept.context("no login of that attempt is kept")?;
            let names = store.usernames(&[kept.subject]).await?;
            let username = names.get(&kept.subject).map(String::as_str);
            let past: Past = serde_json::from_value(kept.past)?;
            let is_the_demos = store.client(CLIENT_ID).await?.is_some();
            match demonstrated(&config, &past).filter(|_| is_the_demos) {
                Some(policy) => {
                    eprintln!("this state is a demonstration's: explained under its policy");
                    past_one(&policy?, past, username)?
                }
                None => past_one(&config.policy, past, username)?,
            }
        }
    };
    if options.json {
        print_json(&explained)?;
    } else {
        print!("{}", explained.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// The demonstration's policy, where it is the one that has what that login aimed for.
pub(super) fn demonstrated(config: &Config, past: &Past) -> Option<Result<Policy, ConfigError>> {
    let aim = aim(past)?;
    let is_ours = config.policy.rule(&aim).is_some();
    (!is_ours && aim.as_str() == DEMO).then(demo::policy)
}

/// A decision in circumstances that were typed.
pub(super) fn given(
    config: &Config,
    options: &Options,
    now: OffsetDateTime,
) -> anyhow::Result<Explanation> {
    let acr = match &options.acr {
        Some(text) => Acr::parse(text).context("that is not an acr value")?,
        None => config.policy.default_acr.clone(),
    };
    let circumstances = Circumstances {
        client: options.client.clone(),
        groups: Some(options.groups.iter().cloned().collect()),
        address: options.address,
        risk: options.risk.into(),
        trusted_device: options.trusted_device,
    };
    let evidence: Vec<Evidence> = options
        .shown
        .iter()
        .map(|s| s.evidence(config, now))
        .collect();
    explain(
        &config.policy,
        acr,
        circumstances,
        &evidence,
        Moment::at(now),
    )
}

/// A login of the past, as today's policy sees it, and whoever bears this name today.
pub(super) fn past_one(
    policy: &Policy,
    past: Past,
    username: Option<&str>,
) -> anyhow::Result<Explanation> {
    let past = match username {
        Some(name) => past.by(name, policy),
        None => past,
    };
    let aim = aim(&past).context("that login aimed for nothing")?;
    let at = Moment {
        since: past.since,
        now: past.at,
    };
    explain(policy, aim, past.circumstances, &past.evidence, at)
}

fn aim(past: &Past) -> Option<Acr> {
    let first = past.targets.first();
    past.reached
        .clone()
        .or_else(|| first.map(|t| t.acr.clone()))
}

fn explain(
    policy: &Policy,
    acr: Acr,
    circumstances: Circumstances,
    evidence: &[Evidence],
    at: Moment,
) -> anyhow::Result<Explanation> {
    let demand: Demand = policy
        .demand(&acr, &circumstances)
        .with_context(|| format!("there is no acr {acr}"))?;
    let moment = demand.moment(at);
    let rules = demand.rules().map(|rule| {
        let missing = rule.missing(evidence, moment);
        let ways = rule.any_of.iter().zip(missing);
        RuleReasons {
            acr: rule.name.to_string(),
            evidence: evidence
                .iter()
                .map(|e| (e.factor, rule.standing(e, moment).as_str()))
                .collect(),
            ways: ways
                .map(|(way, missing)| WayReasons {
                    way: way.clone(),
                    missing,
                })
                .collect(),
        }
    });
    let rules: Vec<RuleReasons> = rules.collect();
    let mut missing = demand.missing(evidence, at);
    missing.sort_by_key(Vec::len);
    let verdict = match missing.first() {
        None => "deny",
        Some(way) if way.is_empty() => "allow",
        Some(_) => "step_up",
    };
    Ok(Explanation {
        acr: acr.to_string(),
        circumstances,
        conditions: demand.applied,
        rules,
        verdict,
        missing,
    })
}

impl Explanation {
    pub(super) fn text(&self) -> String {
        let Circumstances {
            client,
            groups,
            address,
            risk,
            trusted_device,
        } = &self.circumstances;
        let device = match trusted_device {
            true => ", trusted device",
            false => "",
        };
        let groups: Vec<&str> = groups.iter().flatten().map(String::as_str).collect();
        let or = |text: &str, otherwise: &str| match text.is_empty() {
            true => otherwise.to_owned(),
            false => text.to_owned(),
        };
        let address = address.map_or_else(|| "unknown".to_owned(), |a| a.to_string());
        let mut out = format!(
            "{}: client {}, groups {}, address {address}, risk {}{device}\n",
            self.acr,
            or(client, "any"),
            or(&groups.join(", "), "none"),
            risk.as_str()
        );
        for applied in &self.conditions {
            // Who is refused is not refused "to" something.
            let steps = applied.action == Action::StepUp;
            let to = applied.step_up_to.as_ref().filter(|_| steps);
            let to = to.map_or_else(String::new, |acr| format!(" to {acr}"));
            out += &format!(
                "condition {}: {}{to}\n",
                applied.condition,
                applied.action.as_str()
            );
        }
        for rule in &self.rules {
            out += &format!("\n{}\n", rule.acr);
            for (factor, standing) in &rule.evidence {
                out += &format!("  {:<14} {standing}\n", factor.as_str());
            }
            for way in &rule.ways {
                let state = match way.missing.is_empty() {
                    true => "reached".to_owned(),
                    false => format!("missing {}", in_words(&way.missing)),
                };
                out += &format!("  way {:<32} {state}\n", in_words(&way.way));
            }
        }
        let verdict = match self.missing.first() {
            None => "deny: a condition refuses, whatever is shown".to_owned(),
            Some(way) if way.is_empty() => "allow".to_owned(),
            Some(way) => format!("step up: {}", in_words(way)),
        };
        format!("{out}\n{verdict}\n")
    }
}

/// What uploaded samples are worth.
const DEMO: &str = "urn:whorl:acr:demo";
