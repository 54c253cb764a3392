//! What the sessions came to: a line a species, and a page with the figures of every cue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use matcher::pad::{Refusal, Script};

use super::session::Outcome;
use super::strip::Sheet;
use crate::report::base64;

/// The sessions of one actor.
pub struct Line {
    /// The species' name, or the subject's.
    pub name: &'static str,
    /// Whether passing is right.
    pub is_subject: bool,
    /// Every session.
    pub outcomes: Vec<Outcome>,
}

impl Line {
    /// Sessions that went the wrong way: subjects refused, attacks accepted.
    fn wrong(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|o| o.verdict.live != self.is_subject)
            .count()
    }

    /// One line of text.
    pub fn text(&self) -> String {
        let (wrong, all) = (self.wrong(), self.outcomes.len());
        let (low, high) = interval(wrong, all);
        let verb = if self.is_subject {
            "refused"
        } else {
            "accepted"
        };
        format!(
            "simulation {} {verb} {wrong} of {all} ({:.1} % [{:.1}, {:.1}])",
            self.name,
            100.0 * wrong as f64 / all.max(1) as f64,
            100.0 * low,
            100.0 * high
        )
    }

    /// A bar of the rate, and a line over its interval.
    fn bar(&self) -> String {
        let (wrong, all) = (self.wrong(), self.outcomes.len());
        let (low, high) = interval(wrong, all);
        let share = wrong as f64 / all.max(1) as f64;
        let what = if self.is_subject {
            "refused"
        } else {
            "accepted"
        };
        let x = |share: f64| BAR_LEFT + share * BAR_WIDTH;
        let hue = if self.is_subject { "#47c" } else { "#c54" };
        format!(
            "<svg viewBox=\"0 0 900 24\" role=\"img\" aria-label=\"simulation: {name} {what}, {percent:.1} %\">\
             <text x=\"4\" y=\"17\" font-size=\"13\" fill=\"currentColor\">{name}, simulation: {what}</text>\
             <rect x=\"{BAR_LEFT}\" y=\"6\" width=\"{width:.1}\" height=\"12\" fill=\"{hue}\"/>\
             <path d=\"M{low:.1} 8v8m0-4H{high:.1}m0-4v8\" stroke=\"currentColor\" fill=\"none\"/>\
             <path d=\"M{bound:.1} 0v24\" stroke=\"currentColor\" stroke-dasharray=\"2 3\" fill=\"none\"/>\
             <text x=\"845\" y=\"17\" font-size=\"13\" fill=\"currentColor\">{percent:.1} %</text></svg>",
            name = self.name,
            percent = 100.0 * share,
            width = share * BAR_WIDTH,
            low = x(low),
            high = x(high),
            bound = x(if self.is_subject {
                MOST_REFUSED
            } else {
                MOST_ACCEPTED
            }),
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

/// The page: one file, nothing fetched.
pub fn page(heading: &str, lines: &[Line], sheet: &Sheet) -> anyhow::Result<String> {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" \
         content=\"light dark\"><title>Liveness, simulated</title><style>body{font:15px/1.5 system-ui,sans-serif;\
         max-width:1080px;margin:24px auto;padding:0 16px}table{border-collapse:collapse;font-variant-numeric:\
         tabular-nums}td,th{padding:4px 10px;border-bottom:1px solid #8886;text-align:right}th:first-child,\
         td:last-child{text-align:left}img{width:100%}svg{background:#8882}</style></head><body><h1>Liveness, simulated</h1>",
    );
    let _ = write!(
        page,
        "<p>{heading}. Subjects and attacks are made up from photographs; these are rates of a simulation and \
         not error rates by ISO/IEC 30107-3. Intervals: 95 %, Clopper and Pearson, as if sessions were \
         independent.</p><ul>"
    );
    for line in lines {
        let _ = write!(page, "<li>{}", line.text());
        if let Some(median_s) = line.median_s() {
            let _ = write!(page, "; those that passed took {median_s:.1} s (median)");
        }
        let _ = write!(page, "<br><small>{}</small></li>", line.reasons());
    }
    page += "</ul>";
    for line in lines {
        page += &line.bar();
    }
    let _ = write!(
        page,
        "<h2>Pictures of the simulation</h2><p>{}</p><img alt=\"\" src=\"data:image/jpeg;base64,{}\">",
        sheet.legend,
        base64(&sheet.canvas.jpeg()?)
    );
    page += "<h2>Cues: 5th, 50th and 95th of a hundred sessions</h2>";
    let cues = lines
        .iter()
        .flat_map(|l| &l.outcomes)
        .map(|o| {
            o.verdict
                .cues
                .iter()
                .map(|(cue, _)| *cue)
                .collect::<Vec<_>>()
        })
        .max_by_key(Vec::len)
        .unwrap_or_default();
    for cue in cues {
        let _ = write!(
            page,
            "<h3>{}</h3><table><thead><tr><th>actor</th><th>figures</th><th>5 %</th><th>50 %</th><th>95 %</th>\
             <th>refused by it</th></tr></thead><tbody>",
            cue.name()
        );
        for line in lines {
            let results = || {
                let all = line.outcomes.iter().flat_map(|o| &o.verdict.cues);
                all.filter(|(of, _)| *of == cue).map(|(_, result)| result)
            };
            let mut figures: Vec<f64> = results().filter_map(|r| r.figure).collect();
            figures.sort_by(f64::total_cmp);
            let at = |share: f64| {
                let place = share * (figures.len().max(1) - 1) as f64;
                let figure = figures.get(place.round() as usize);
                figure.map_or_else(|| "–".to_owned(), |f| format!("{f:.3}"))
            };
            let _ = write!(
                page,
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                line.name,
                figures.len(),
                at(0.05),
                at(0.5),
                at(0.95),
                results().filter(|r| r.refuses).count()
            );
        }
        page += "</tbody></table>";
    }
    page += "</body></html>\n";
    Ok(page)
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
            let refusals: Vec<&str> = outcome.verdict.reasons.iter().map(|r| r.name()).collect();
            let figures: Vec<String> = cues
                .iter()
                .map(|(_, r)| r.figure.map_or_else(String::new, |f| format!("{f:.4}")))
                .collect();
            let _ = writeln!(
                table,
                "{},{},{:.1},{},{}",
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

/// A reason, with the challenge that was missed.
fn said(reason: &Refusal, script: &Script) -> String {
    match reason {
        Refusal::NotAnswered(at, miss) => match script.challenges().get(*at) {
            Some(challenge) => format!("{challenge:?} {miss:?}"),
            None => format!("{reason:?}"),
        },
        _ => format!("{reason:?}"),
    }
}

/// The exact 95 % interval of a share (Clopper and Pearson 1934), by bisection.
fn interval(hits: usize, all: usize) -> (f64, f64) {
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
/// Where the bars begin, and what all of a hundred takes.
const BAR_LEFT: f64 = 280.0;
const BAR_WIDTH: f64 = 550.0;
/// The goals, drawn dashed.
const MOST_REFUSED: f64 = 0.05;
const MOST_ACCEPTED: f64 = 0.07;

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
