//! `whorl demo --face … --finger …`: the whole login without a human, over HTTP as a browser would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use wire::{AuditOutcome, FactorKind};

use super::demo::{Options, Running, start};
use super::scripted_browser::{Browser, Page};
use crate::demo::RelyingParty;
use crate::demo::settings::CLIENT_ID;
use crate::http::demonstration_invite;
use crate::store::AuditFilter;

/// How the run ended, and its exit status.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Admitted,
    RefusedByFace,
    RefusedByFinger,
    UnusableSample,
}

impl Outcome {
    /// What it means, for people; who is admitted is shown the claims.
    fn sentence(self) -> Option<&'static str> {
        match self {
            Self::Admitted => None,
            Self::RefusedByFace => {
                Some("Not admitted: the face that signed in is not the one that was enrolled.")
            }
            Self::RefusedByFinger => {
                Some("Not admitted: the finger that signed in is not the one that was enrolled.")
            }
            Self::UnusableSample => {
                Some("Not admitted: a sample cannot be used; the last step says which and why.")
            }
        }
    }

    fn exit_status(self) -> u8 {
        match self {
            Self::Admitted => 0,
            Self::RefusedByFace => 10,
            Self::RefusedByFinger => 11,
            Self::UnusableSample => 12,
        }
    }
}

/// One step of the run.
#[derive(Serialize)]
struct Step {
    step: &'static str,
    ms: f64,
    /// Why it ended the run, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The last line that is printed.
#[derive(Serialize)]
struct Report<'a> {
    outcome: Outcome,
    exit_status: u8,
    steps: &'a [Step],
    total_ms: f64,
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
}

/// The files of one factor, read before anything starts.
struct Samples {
    factor: FactorKind,
    references: Vec<Vec<u8>>,
    probe: Vec<u8>,
    /// What they are called, to name those that cannot be used.
    reference_names: String,
    probe_name: String,
    dpi: Option<f64>,
}

/// Runs it and reports.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let samples = samples(&options)?;
    // Its state lives as long as the run, so that the same files can be tried again.
    let state = tempfile::tempdir().context("no temporary directory")?;
    let factors: Vec<String> = samples
        .iter()
        .map(|s| format!(", \"{}\"", s.factor))
        .collect();
    let ways = format!("[[\"password\"{}]]", factors.concat());
    let mut run = Run {
        steps: Vec::new(),
        since: Instant::now(),
    };
    let running = start(state.path().to_owned(), (0, 0), &ways).await?;
    run.done("start", None);
    println!(
        "provider {}, application {}",
        running.issuer, running.application
    );
    if samples.iter().any(|s| s.factor == FactorKind::Face) && !running.app.has_models() {
        bail!("{}", running.app.models_detail());
    }
    let (outcome, claims) = run.login(&running, &samples).await?;
    running.handle.shutdown();
    let report = Report {
        outcome,
        exit_status: outcome.exit_status(),
        steps: &run.steps,
        total_ms: millis(began),
        claims,
    };
    if let Some(sentence) = outcome.sentence() {
        println!("\n{sentence}\n");
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::from(outcome.exit_status()))
}

struct Run {
    steps: Vec<Step>,
    since: Instant,
}

impl Run {
    async fn login(
        &mut self,
        running: &Running,
        samples: &[Samples],
    ) -> anyhow::Result<(Outcome, Map<String, Value>)> {
        let password = uuid::Uuid::new_v4().to_string();
        let browser = Browser::new()?;
        let username = "ada";
        let link = demonstration_invite(&running.app, username).await?;
        self.done("invite", None);
        if let Some(outcome) = self
            .enrol(running, &browser, &link, &password, samples)
            .await?
        {
            return Ok((outcome, Map::new()));
        }
        let callback = format!("{}/callback", running.application);
        let relying_party = RelyingParty::discover(&running.issuer, CLIENT_ID, &callback).await?;
        let begun = relying_party.begin();
        let mut page = browser.get(begun.url.clone(), &callback).await?;
        self.done("authorize", None);
        page = browser
            .submit(&page, "/identify", &[("username", username)], &callback)
            .await?;
        page = browser
            .submit(&page, "/password", &[("password", &password)], &callback)
            .await?;
        self.done("password", None);
        let mut refused = None;
        for sample in samples {
            let action = action(sample.factor);
            // After one that did not match the other may still be asked for: both are weighed together.
            if refused.is_some() && !page.has_form(action) {
                break;
            }
            page = browser
                .upload(
                    &page,
                    action,
                    std::slice::from_ref(&sample.probe),
                    sample.dpi,
                    &callback,
                )
                .await?;
            let (verdict, detail) = self
                .verdict(running, "factor.verified", sample.factor)
                .await?;
            let detail = page
                .problem()
                .filter(|_| verdict == AuditOutcome::Unusable)
                .map(|advice| format!("{}: {advice}", sample.probe_name))
                .or(detail);
            self.done(sample.factor.as_str(), detail);
            match (verdict, sample.factor) {
                (AuditOutcome::Success, _) => {}
                (AuditOutcome::Unusable, _) => return Ok((Outcome::UnusableSample, Map::new())),
                (_, FactorKind::Face) => refused = refused.or(Some(Outcome::RefusedByFace)),
                (_, _) => refused = refused.or(Some(Outcome::RefusedByFinger)),
            }
        }
        let is_let_in = page.url.as_str().starts_with(&callback) || page.has_form("/consent");
        if let Some(outcome) = refused.filter(|_| !is_let_in) {
            return Ok((outcome, Map::new()));
        }
        if !page.url.as_str().starts_with(&callback) {
            page = browser
                .submit(&page, "/consent", &[("decision", "allow")], &callback)
                .await?;
            self.done("consent", None);
        }
        anyhow::ensure!(
            page.url.as_str().starts_with(&callback),
            "the login ended at '{}'",
            page.heading()
        );
        let verified = relying_party.finish(begun, &page.url).await?;
        self.done("token", None);
        println!("\nThe ID token verifies. Its claims:");
        for (name, value) in &verified.id_token {
            println!("  {name:<20} {value}");
        }
        println!();
        Ok((Outcome::Admitted, verified.id_token))
    }

    async fn enrol(
        &mut self,
        running: &Running,
        browser: &Browser,
        link: &str,
        password: &str,
        samples: &[Samples],
    ) -> anyhow::Result<Option<Outcome>> {
        let nowhere = "about:";
        let at = |path: &str| Url::parse(&format!("{}{path}", running.issuer));
        let page = browser.get(Url::parse(link)?, nowhere).await?;
        browser.submit(&page, "/enrol/begin", &[], nowhere).await?;
        let page = browser.get(at("/enrol/consent")?, nowhere).await?;
        browser
            .submit(&page, "/enrol/consent", &[("decision", "grant")], nowhere)
            .await?;
        let page = browser.get(at("/enrol/password")?, nowhere).await?;
        let fields = [("password", password), ("password_again", password)];
        browser
            .submit(&page, "/enrol/password", &fields, nowhere)
            .await?;
        self.done("enrol password", None);
        for sample in samples {
            let page: Page = browser
                .get(at(&format!("/enrol/{}", sample.factor))?, nowhere)
                .await?;
            let page = browser
                .upload(
                    &page,
                    action(sample.factor),
                    &sample.references,
                    sample.dpi,
                    nowhere,
                )
                .await?;
            let (verdict, detail) = self
                .verdict(running, "credential.enrolled", sample.factor)
                .await?;
            let name = if sample.factor == FactorKind::Face {
                "enrol face"
            } else {
                "enrol fingerprint"
            };
            // One that can be used is enough, so that all of them are named.
            let detail = page
                .problem()
                .filter(|_| verdict == AuditOutcome::Unusable)
                .map(|advice| format!("{}: {advice}", sample.reference_names))
                .or(detail);
            self.done(name, detail);
            if verdict != AuditOutcome::Success {
                return Ok(Some(Outcome::UnusableSample));
            }
        }
        let page = browser.get(at("/enrol")?, nowhere).await?;
        let page = browser.submit(&page, "/enrol/finish", &[], nowhere).await?;
        anyhow::ensure!(
            page.status == 200,
            "the enrolment ended at '{}'",
            page.heading()
        );
        Ok(None)
    }

    /// What the audit trail says of the sample that was just given: a page does not tell a poor sample
    /// from another person to whoever presents it, and an administrator may know.
    async fn verdict(
        &self,
        running: &Running,
        kind: &str,
        factor: FactorKind,
    ) -> anyhow::Result<(AuditOutcome, Option<String>)> {
        let filter = AuditFilter {
            kind: Some(kind.to_owned()),
            ..AuditFilter::default()
        };
        let events = running.app.store.events(&filter, 5).await?;
        let event = events
            .into_iter()
            .rev()
            .find(|event| event.factor == Some(factor));
        let event = event.with_context(|| format!("the {factor} sample was not judged"))?;
        let detail: BTreeMap<String, String> = event.detail;
        let detail = detail
            .into_iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect::<Vec<_>>();
        Ok((
            event.outcome,
            Some(detail.join(", ")).filter(|text| !text.is_empty()),
        ))
    }

    fn done(&mut self, step: &'static str, detail: Option<String>) {
        let ms = millis(self.since);
        self.since = Instant::now();
        println!(
            "  {step:<20} {ms:>8.1} ms   {}",
            detail.as_deref().unwrap_or_default()
        );
        self.steps.push(Step { step, ms, detail });
    }
}

fn samples(options: &Options) -> anyhow::Result<Vec<Samples>> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let of = |factor,
              files: &[PathBuf],
              probe: Option<&PathBuf>,
              dpi|
     -> anyhow::Result<Option<Samples>> {
        let Some(probe) = probe else { return Ok(None) };
        let references = files
            .iter()
            .map(|file| read(file))
            .collect::<Result<_, _>>()?;
        let names: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
        Ok(Some(Samples {
            factor,
            references,
            probe: read(probe)?,
            reference_names: names.join(", "),
            probe_name: probe.display().to_string(),
            dpi,
        }))
    };
    let face = of(
        FactorKind::Face,
        &options.face,
        options.probe_face.as_ref(),
        None,
    )?;
    let finger = of(
        FactorKind::Fingerprint,
        &options.finger,
        options.probe_finger.as_ref(),
        options.dpi,
    )?;
    Ok(face.into_iter().chain(finger).collect())
}

fn action(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Face => "/face/upload",
        _ => "/fingerprint",
    }
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e4).round() / 10.0
}
