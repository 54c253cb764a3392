//! `whorl policy check`.

use std::process::ExitCode;

use serde::Serialize;
use wire::{PolicyAcr, PolicyCondition, PolicyTable};

use super::print_json;
use super::table::columns;
use crate::config::Config;
use crate::policies::table;

/// What is said of a policy.
#[derive(Serialize)]
pub(super) struct Report {
    /// The newest change of it; absent where that is the configuration's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<i64>,
    #[serde(flatten)]
    pub(super) table: PolicyTable,
    /// Why it cannot be used.
    pub(super) faults: Vec<String>,
}

pub(super) fn run(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        print_json(report)?;
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
            revision: None,
            table: table::of(config, policy),
            faults: faults.iter().map(ToString::to_string).collect(),
        }
    }

    /// Of a stored one that cannot even be read.
    pub(super) fn of_faults(revision: i64, faults: Vec<String>) -> Self {
        Self {
            revision: Some(revision),
            table: PolicyTable::default(),
            faults,
        }
    }

    pub(super) fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.table.acr.iter().map(acr_cells).collect();
        let heads = ["acr", "ways", "AAL", "phishing", "capture", "FMR", "fresh"];
        let mut out = columns(&heads, &rows);
        for row in self.table.acr.iter().filter(|row| !row.names.is_empty()) {
            out += &format!("{} is also {}\n", row.name, row.names.join(", "));
        }
        out += &format!("default: {}\n", self.table.default_acr);
        if !self.table.conditions.is_empty() {
            let rows: Vec<Vec<String>> =
                self.table.conditions.iter().map(condition_cells).collect();
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
        for note in &self.table.notes {
            out += &format!("note   {note}\n");
        }
        let verdict = match self.faults.len() {
            0 => "the policy holds together".to_owned(),
            count => format!("{count} to mend before it can be used"),
        };
        format!("{out}{verdict}\n")
    }
}

fn acr_cells(row: &PolicyAcr) -> Vec<String> {
    let dash = || "-".to_owned();
    let rate = match (row.false_match_rate, row.fused_false_match_rate) {
        (None, _) => dash(),
        (Some(one), None) => format!("{one:.0e}"),
        (Some(one), Some(two)) => format!("{one:.0e}, both {two:.0e}"),
    };
    let ages: Vec<String> = row
        .max_age_s
        .iter()
        .map(|(factor, seconds)| format!("{factor} {seconds} s"))
        .collect();
    vec![
        row.name.clone(),
        row.ways.join(" | "),
        match row.aal {
            0 => "none".to_owned(),
            level => level.to_string(),
        },
        if row.phishing_resistant {
            "resists"
        } else {
            "-"
        }
        .to_owned(),
        row.capture.clone().unwrap_or_else(dash),
        rate,
        if ages.is_empty() {
            "session".to_owned()
        } else {
            ages.join(", ")
        },
    ]
}

fn condition_cells(row: &PolicyCondition) -> Vec<String> {
    let age = row.max_age_s.map(|s| format!("proofs of the last {s} s"));
    let steps: Vec<String> = row.step_up_to.iter().cloned().chain(age).collect();
    vec![
        row.name.clone(),
        row.low.to_owned(),
        row.medium.to_owned(),
        row.high.to_owned(),
        if steps.is_empty() {
            "-".to_owned()
        } else {
            steps.join(", ")
        },
        row.applies.clone(),
    ]
}
