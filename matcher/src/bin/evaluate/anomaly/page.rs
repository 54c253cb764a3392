//! The page of a replay: trade-off, table, calibration, examples with their reasons.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::plot::{COLOURS, escaped, tradeoff};
use crate::report::{HEAD, Table};

use super::figures::{Figures, Rate};
use super::replay::Replayed;

/// What the page shows.
pub struct Page<'a> {
    pub history: Cow<'a, str>,
    pub rows: usize,
    pub skipped: usize,
    pub replayed: &'a Replayed,
    pub figures: &'a Figures,
}

impl Page<'_> {
    /// The whole page: one file, nothing fetched.
    pub fn html(&self) -> String {
        let (figures, replayed) = (self.figures, self.replayed);
        let mut page = String::from(HEAD);
        let title = format!("Anomaly scores of {}", self.history);
        let _ = write!(
            page,
            "<title>{0}</title></head><body><h1>{0}</h1>",
            escaped(&title)
        );
        let _ = write!(
            page,
            "<p>{} attempts of {} people ({} rows could not be read), replayed in the order of time. Judged: the second \
             half, {} honest logins and {} takeovers. Labels only judge.</p>",
            self.rows, replayed.people, self.skipped, figures.honest, figures.attacks
        );
        page += &self.table().html();
        page += "<h2>Attacks stopped over honest logins asked again</h2>";
        let mut curves: Vec<(&str, &[(f64, f64)])> = figures
            .baselines
            .iter()
            .map(|(name, scorer)| (baseline_name(name), scorer.curve.as_slice()))
            .collect();
        curves.push(("ours", &figures.curve));
        page += &tradeoff(&curves, figures.reask);
        if figures.kinds.len() > 1 && figures.kinds.len() < COLOURS {
            page += "<h2>The same for each kind of attack</h2>";
            let mut curves: Vec<(&str, &[(f64, f64)])> = figures
                .kind_curves
                .iter()
                .map(|(name, curve)| (name.as_str(), curve.as_slice()))
                .collect();
            curves.push(("all", &figures.curve));
            page += &tradeoff(&curves, figures.reask);
        }
        page += &self.calibration().html();
        page += &self.examples();
        page += &self.costs().html();
        page + "</body></html>\n"
    }

    fn table(&self) -> Table {
        let figures = self.figures;
        let mut rows = vec![vec![
            "ours, all attacks".to_owned(),
            figures.attacks.to_string(),
            text(figures.stopped),
            number(figures.auc),
        ]];
        for kind in &figures.kinds {
            rows.push(vec![
                format!("ours, {}", kind.name),
                kind.count.to_string(),
                text(kind.stopped),
                String::new(),
            ]);
        }
        for (name, scorer) in &figures.baselines {
            rows.push(vec![
                format!("{}, all attacks", baseline_name(name)),
                figures.attacks.to_string(),
                text(scorer.stopped),
                number(scorer.auc),
            ]);
        }
        Table {
            heading: format!(
                "Attacks stopped when {:.1} % of honest logins are asked again",
                100.0 * figures.reask
            ),
            columns: ["score", "takeovers", "stopped, %", "AUC"].map(str::to_owned).to_vec(),
            rows,
            note: "In brackets: 95 % intervals from 300 draws of the people with replacement; where all or none were stopped, Clopper and \
                   Pearson's. Freeman: the plain model on \
                   address and user agent. Forest: an isolation forest with scikit-learn's defaults on what is new to the \
                   person, trained on the first half."
                .to_owned(),
        }
    }

    fn calibration(&self) -> Table {
        let bins = &self.figures.calibration;
        let rows = bins.iter().enumerate().map(|(k, bin)| {
            let most = bins.get(k + 1).map_or(1.0, |b| b.least);
            let share = bin.attacks as f64 / bin.logins.max(1) as f64;
            vec![
                format!("{} to {most}", bin.least),
                bin.logins.to_string(),
                bin.attacks.to_string(),
                format!("{:.5}", bin.said),
                format!("{share:.5}"),
            ]
        });
        Table {
            heading: "What the probability was worth".to_owned(),
            columns: [
                "probability",
                "logins",
                "takeovers",
                "said, mean",
                "were takeovers",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: rows.collect(),
            note: format!(
                "Calibrated without labels, to a share of attacks of {:.4} among right passwords, which the traffic itself \
                 suggested. Here it was {:.4}.",
                self.replayed.attack_share,
                self.figures.attacks as f64 / (self.figures.honest + self.figures.attacks) as f64
            ),
        }
    }

    fn examples(&self) -> String {
        let mut examples: Vec<_> = self.replayed.examples.iter().collect();
        examples.sort_by(|a, b| a.what.cmp(&b.what).then(b.llr.total_cmp(&a.llr)));
        let mut out = String::from(
            "<h2>Reasons</h2><p class=\"note\">The attack of each kind, and the three honest logins, that scored \
             highest.</p><ul>",
        );
        for example in examples {
            let _ = write!(
                out,
                "<li><b>{}</b>, probability {:.4}, log-likelihood ratio {:.1}: {}</li>",
                escaped(&example.what),
                example.probability,
                example.llr,
                escaped(&example.reasons.join("; "))
            );
        }
        out + "</ul>"
    }

    fn costs(&self) -> Table {
        let replayed = self.replayed;
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        Table {
            heading: "Cost".to_owned(),
            columns: ["what", "value"].map(str::to_owned).to_vec(),
            rows: vec![
                row("a score, µs", format!("{:.1}", replayed.us_per_login)),
                row(
                    &format!("training on all {} logins, s", replayed.training.0),
                    format!("{:.1}", replayed.training.1.as_secs_f64()),
                ),
                row("fits of the models", replayed.fits.to_string()),
                row(
                    "all fits, s",
                    format!("{:.1}", replayed.fit_time.as_secs_f64()),
                ),
                row("stored model, bytes", replayed.model_bytes.to_string()),
                row(
                    "stored profile, bytes, mean",
                    format!("{:.0}", replayed.mean_profile_bytes),
                ),
            ],
            note:
                "Processor time of one core, but for the fits, on this machine as busy as it was."
                    .to_owned(),
        }
    }
}

fn baseline_name(name: &str) -> &'static str {
    match name {
        "freeman" => "plain Freeman",
        _ => "forest on novelty",
    }
}

fn text(rate: Rate) -> String {
    format!(
        "{:.1} ({:.1} to {:.1})",
        100.0 * rate.rate,
        100.0 * rate.low,
        100.0 * rate.high
    )
}

fn number(rate: Rate) -> String {
    format!("{:.4} ({:.4} to {:.4})", rate.rate, rate.low, rate.high)
}
