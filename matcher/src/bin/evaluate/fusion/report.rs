//! `evaluate fusion --report`: one page of tables, trade-off curves and histograms of the ratios.

use std::fmt::Write as _;

use super::Protocol;
use super::chimera::{Measured, RATE_OF_ONE, RATE_OF_TWO, Row};
use super::curves::{Floors, alone, fnmr_at, together};
use super::held::Trait;
use crate::plot::{det_down_to, escaped, histogram};
use crate::report::{HEAD, Table};

/// The page.
pub fn page(models: &str, protocols: &[Protocol]) -> String {
    let mut page = String::from(HEAD);
    let title = "Face and fingerprint together";
    let _ = write!(
        page,
        "<title>{title}</title></head><body><h1>{title}</h1><p>Algorithms <b>{}</b>.</p><p class=\"note\">Chimeras: every \
         face comparison beside every finger comparison of the development people. That strangers' scores of the two are \
         independent is assumed, not shown. Small figures and brackets: 95 % intervals, people and fingers drawn again.</p>",
        escaped(models)
    );
    for protocol in protocols {
        let _ = write!(page, "<h1>{}</h1>", escaped(protocol.name));
        page += &decisions(protocol).html();
        page += &calibration(protocol).html();
        page += "<h2>Detection error trade-off</h2>";
        let (face, finger) = (&protocol.face, &protocol.finger);
        let curves = [
            ("face alone", alone(face)),
            ("finger alone", alone(finger)),
            (
                "sum of both, no floors (not what is done)",
                together(face, finger, Floors::LeftOut),
            ),
            ("pair: floors and sum", together(face, finger, Floors::Held)),
        ];
        page += &det_down_to(LOWEST, &curves);
        let without = fnmr_at(&curves[2].1, RATE_OF_TWO);
        let _ = write!(
            page,
            "<p class=\"note\">By measured rates: at an FMR of {RATE_OF_TWO:.0e} the pair misses {:.2} %; without the floors \
             that every comparison has to pass by itself it would miss {:.2} %.</p>",
            100.0 * fnmr_at(&curves[3].1, RATE_OF_TWO),
            100.0 * without
        );
        for part in [face, finger] {
            let _ = write!(page, "<h2>Log-likelihood ratios: {}</h2>", part.name);
            page += &ratios(part);
        }
    }
    page + "</body></html>\n"
}

fn decisions(protocol: &Protocol) -> Table {
    let cell = |m: &Measured| {
        format!(
            "{:.2} [{:.2}–{:.2}]",
            100.0 * m.value,
            100.0 * m.low,
            100.0 * m.high
        )
    };
    let row = |row: &Row| {
        let fmr = format!(
            "{:.1e} [{:.0e}–{:.0e}]",
            row.fmr.value, row.fmr.low, row.fmr.high
        );
        vec![row.what.clone(), cell(&row.fnmr), fmr]
    };
    let Measured { value, low, high } = protocol.outcome.ratio;
    Table {
        heading: "What is stated, and what came of it".to_owned(),
        columns: ["decision", "FNMR, per cent", "FMR measured"]
            .map(str::to_owned)
            .to_vec(),
        rows: protocol.outcome.rows.iter().map(row).collect(),
        note: format!(
            "The pair at {RATE_OF_TWO:.0e} misses {value:.2} [{low:.2}–{high:.2}] times what the better one alone misses at \
             {RATE_OF_ONE:.0e}. Each comparison is judged by a curve that neither of its people had a part in. The stated rate \
             of a sum is the convolution of the two tails beyond the floors; a tail is a generalised Pareto distribution fitted \
             to the highest hundredth of the non-mated scores by probability-weighted moments."
        ),
    }
}

fn calibration(protocol: &Protocol) -> Table {
    let row = |part: &Trait| {
        vec![
            part.name.to_owned(),
            part.people.to_string(),
            part.count(true).to_string(),
            part.count(false).to_string(),
            format!("{:.4}", part.cllr),
            format!("{:.4}", part.least_cllr),
            format!("{:.4}", part.cllr - part.least_cllr),
            part.tail_in_words(),
        ]
    };
    let mut rows = vec![row(&protocol.face), row(&protocol.finger)];
    let outcome = &protocol.outcome;
    let dash = || "–".to_owned();
    rows.push(vec![
        "sum".to_owned(),
        dash(),
        dash(),
        dash(),
        format!("{:.4}", outcome.cllr),
        format!("{:.4}", outcome.least_cllr),
        format!("{:.4}", outcome.cllr - outcome.least_cllr),
        dash(),
    ]);
    Table {
        heading: "Calibration".to_owned(),
        columns: [
            "trait", "people", "mated", "non-mated", "Cllr", "at its least", "cost of calibration",
            "validated",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: "Cllr in bits: 0 is perfect, 1 says nothing. At its least: the best monotone map of the same ratios.".to_owned(),
    }
}

fn ratios(part: &Trait) -> String {
    let of = |is_mated| -> Vec<f64> {
        let all = part.groups.iter().flat_map(|g| g.kind(is_mated));
        all.map(|j| j.llr).collect()
    };
    histogram(&of(true), &of(false), &[])
}

/// log10 of the lowest false match rate that is drawn.
const LOWEST: i32 = -8;
