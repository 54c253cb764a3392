//! What was found: a verdict on each part, a line that says how to mend it, and how both are printed.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// Everything that was found.
#[derive(Serialize)]
pub(super) struct Report {
    version: &'static str,
    issuer: String,
    /// The worst of the findings.
    verdict: Verdict,
    findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Serialize)]
pub(super) struct Finding {
    area: Area,
    name: String,
    pub(super) verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
}

/// How a thing is; the worse is the greater.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// Where a thing belongs.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Area {
    Configuration,
    Database,
    Vault,
    Keys,
    Models,
    Machine,
}

/// How lines are printed.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Plain,
    Coloured,
}

impl Report {
    pub(super) fn new(issuer: String, findings: Vec<Finding>) -> Self {
        let verdict = findings
            .iter()
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Ok);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            issuer,
            verdict,
            findings,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.verdict == Verdict::Fail
    }

    /// The report for people, an area after the other.
    pub(super) fn text(&self, style: Style) -> String {
        let mut out = format!("whorl {} at {}\n", self.version, self.issuer);
        let mut area = None;
        for finding in &self.findings {
            if area != Some(finding.area) {
                area = Some(finding.area);
                out.push_str(&format!("\n{}\n", finding.area.title()));
            }
            finding.write(&mut out, style);
        }
        let count = |verdict| {
            self.findings
                .iter()
                .filter(|finding| finding.verdict == verdict)
                .count()
        };
        let (ok, warn, fail) = (
            count(Verdict::Ok),
            count(Verdict::Warn),
            count(Verdict::Fail),
        );
        out.push_str(&format!("\n{ok} ok, {warn} to look at, {fail} failed\n"));
        out
    }
}

impl Finding {
    pub(super) fn ok(area: Area, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            area,
            name: name.into(),
            verdict: Verdict::Ok,
            detail: detail.into(),
            mend: None,
            ms: None,
        }
    }

    pub(super) fn warn(area: Area, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            ..Self::ok(area, name, detail)
        }
    }

    pub(super) fn fail(area: Area, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::ok(area, name, detail)
        }
    }

    /// What to do about it, in one line.
    pub(super) fn mend(self, mend: impl Into<String>) -> Self {
        Self {
            mend: Some(mend.into()),
            ..self
        }
    }

    /// How long it took.
    pub(super) fn took(self, took: Duration) -> Self {
        Self {
            ms: Some((took.as_secs_f64() * 1e4).round() / 10.0),
            ..self
        }
    }

    fn write(&self, out: &mut String, style: Style) {
        let word = self.verdict.word();
        let (begin, end) = match style {
            Style::Plain => ("", ""),
            Style::Coloured => (self.verdict.colour(), "\x1b[0m"),
        };
        // The columns are padded around the colours, which take no room.
        let took = self.ms.map(|ms| format!(" ({ms} ms)")).unwrap_or_default();
        let _in_memory = writeln!(
            out,
            "  {begin}{word:<4}{end}  {:<20} {}{took}",
            self.name, self.detail
        );
        if let Some(mend) = &self.mend {
            let _in_memory = writeln!(out, "        mend: {mend}");
        }
    }

    #[cfg(test)]
    pub(super) fn line(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Style::Plain);
        out
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Fail => "\x1b[1;31m",
        }
    }
}

impl Area {
    fn title(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Database => "Database",
            Self::Vault => "Vault",
            Self::Keys => "Signing keys",
            Self::Models => "Models",
            Self::Machine => "Machine",
        }
    }
}

/// An error and its causes in one line, each said once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let word = error.to_string();
        if !words.contains(&word) {
            words.push_str(": ");
            words.push_str(&word);
        }
        cause = error.source();
    }
    words.replace('\n', " ")
}
