//! What the sessions came to: a line a species, and a table of all captures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::session::Outcome;
use super::words::said;

/// The sessions of one actor.
pub struct Line {
    /// The species' name, or the subject's.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Whether passing is right.
    pub is_subject: bool,
    /// Every session.
    pub outcomes: Vec<Outcome>,
}

impl Line {
    /// Sessions that went the wrong way: subjects refused, attacks accepted.
    pub fn wrong(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|o| o.verdict.live != self.is_subject)
            .count()
    }

    /// What goes wrong with it.
    pub fn verb(&self) -> &'static str {
        if self.is_subject {
            "refused"
        } else {
            "accepted"
        }
    }

    /// One line of text.
    pub fn text(&self) -> String {
        let (wrong, all) = (self.wrong(), self.outcomes.len());
        let (low, high) = interval(wrong, all);
        let verb = self.verb();
        format!(
            "simulation {} {verb} {wrong} of {all} ({:.1} % [{:.1}, {:.1}])",
            self.name,
            100.0 * wrong as f64 / all.max(1) as f64,
            100.0 * low,
            100.0 * high
        )
    }

    /// Why sessions were refused, the most frequent reason first.
    pub fn reasons(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in &self.outcomes {
            for reason in &outcome.verdict.reasons {
                *counts.entry(said(reason, &outcome.script)).or_default() += 1;
            }
        }
        let mut sorted: Vec<(String, usize)> = counts.into_iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let parts: Vec<String> = sorted.iter().map(|(r, n)| format!("{r} {n}")).collect();
        parts.join(", ")
    }

    /// The median length of the sessions that passed, seconds.
    pub fn median_s(&self) -> Option<f64> {
        let mut times: Vec<f64> = self
            .outcomes
            .iter()
            .filter(|o| o.verdict.live)
            .map(|o| o.lasted_s)
            .collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }
}

/// Every capture in a line: who, whether it passed, how long it took, why not, and each cue's figure.
pub fn table(lines: &[Line]) -> String {
    let mut table = String::new();
    let mut is_headed = false;
    for line in lines {
        for outcome in &line.outcomes {
            let cues = &outcome.verdict.cues;
            if !is_headed {
                let names: Vec<&str> = cues.iter().map(|(cue, _)| cue.name()).collect();
                let _ = writeln!(table, "actor,live,seconds,refusals,{}", names.join(","));
                is_headed = true;
            }
            let reasons = outcome.verdict.reasons.iter();
            let refusals: Vec<String> = reasons.map(|r| said(r, &outcome.script)).collect();
            let figures: Vec<String> = cues
                .iter()
                .map(|(_, r)| r.figure.map_or_else(String::new, |f| format!("{f:.4}")))
                .collect();
            let _ = writeln!(
                table,
                "{},{},{:.1},\"{}\",{}",
                line.name,
                outcome.verdict.live,
                outcome.lasted_s,
                refusals.join("+"),
                figures.join(",")
            );
        }
    }
    table
}

/// The exact 95 % interval of a share (Clopper and Pearson 1934), by bisection.
pub fn interval(hits: usize, all: usize) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    // Chance of at most `most` hits.
    let at_most = |most: usize, share: f64| -> f64 {
        let (mut term, mut sum) = ((1.0 - share).powi(all as i32), 0.0);
        for k in 0..=most {
            sum += term;
            term *= (all - k) as f64 / (k + 1) as f64 * share / (1.0 - share);
        }
        sum
    };
    let bisect = |is_low: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if is_low(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    };
    let low = if hits == 0 {
        0.0
    } else {
        bisect(&|p| 1.0 - at_most(hits - 1, p) < TAIL)
    };
    let high = if hits == all {
        1.0
    } else {
        bisect(&|p| at_most(hits, p) > TAIL)
    };
    (low, high)
}

const TAIL: f64 = 0.025;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_tables() {
        for ((hits, all), (low, high)) in [
            ((0, 10), (0.0, 0.3085)),
            ((1, 20), (0.0013, 0.2487)),
            ((5, 10), (0.1871, 0.8129)),
            ((10, 10), (0.6915, 1.0)),
            ((0, 0), (0.0, 1.0)),
        ] {
            let found = interval(hits, all);
            assert!(
                (found.0 - low).abs() < 1e-3 && (found.1 - high).abs() < 1e-3,
                "{found:?}"
            );
        }
    }
}
