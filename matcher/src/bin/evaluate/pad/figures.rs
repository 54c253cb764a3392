//! What the sessions came to: a line a species, and a page with the figures of every cue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::session::Outcome;

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

    /// Why sessions were refused, the most frequent reason first.
    pub fn reasons(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for reason in self.outcomes.iter().flat_map(|o| &o.verdict.reasons) {
            *counts.entry(format!("{reason:?}")).or_default() += 1;
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
pub fn page(heading: &str, lines: &[Line]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" \
         content=\"light dark\"><title>Liveness, simulated</title><style>body{font:15px/1.5 system-ui,sans-serif;\
         max-width:1080px;margin:24px auto;padding:0 16px}table{border-collapse:collapse;font-variant-numeric:\
         tabular-nums}td,th{padding:4px 10px;border-bottom:1px solid #8886;text-align:right}th:first-child,\
         td:last-child{text-align:left}</style></head><body><h1>Liveness, simulated</h1>",
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
    page += "</ul><h2>Cues: 5th, 50th and 95th of a hundred sessions</h2>";
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
    page + "</body></html>\n"
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
