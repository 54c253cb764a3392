//! The page: who passed, pictures of everybody, and what each cue measured. One file, nothing fetched.

use std::fmt::Write as _;

use matcher::pad::Cue;
use matcher::pad::params::RULES;

use super::figures::{Line, interval};
use super::strip::Sheet;
use super::words;
use crate::report::base64;

/// Writes it.
pub fn page(heading: &str, lines: &[Line], sheet: &Sheet) -> anyhow::Result<String> {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Liveness, simulated</title><style>body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;\
         margin:24px auto;padding:0 16px}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
         td,th{padding:4px 10px;border-bottom:1px solid #8886;text-align:right;vertical-align:top}\
         th:first-child,td.text{text-align:left;font-weight:400}thead th{font-weight:600}\
         small{opacity:.75}svg{display:block;width:100%;background:#8882}.sheet{display:grid;\
         grid-template-columns:130px 1fr}.sheet img{width:100%;display:block}.names{display:flex;\
         flex-direction:column}.names span{flex:1;display:flex;align-items:center;font-size:13px}\
         </style></head><body><h1>Liveness, simulated</h1>",
    );
    let _ = write!(
        page,
        "<p>{heading}.</p><p><b>All of this is a simulation.</b> Subjects and attacks are made up from photographs. The \
         shares are no error rates by ISO/IEC 30107-3, and say nothing of real people before real cameras.</p>\
         <h2>Who passed</h2><p>Wrong are a subject who is refused and an attack that is accepted. The bar is the share \
         that went wrong, the line over it its 95 % interval (Clopper and Pearson, as if no two captures had a person in \
         common), and the dashed line the goal: fewer than {:.0} % of subjects refused, of each kind of attack fewer \
         than {:.0} % accepted. A capture may be refused for several reasons.</p>",
        100.0 * MOST_REFUSED,
        100.0 * MOST_ACCEPTED
    );
    page += "<table><thead><tr><th>who</th><th>wrong</th><th style=\"width:34%\">0 to 100 %</th>\
             <th style=\"text-align:left\">refused for</th></tr></thead><tbody>";
    for line in lines.iter().filter(|line| !line.outcomes.is_empty()) {
        let _ = write!(
            page,
            "<tr><th><b>{}</b><br><small>{}</small></th><td>{} of {}<br>{}</td><td>{}</td><td class=\"text\">{}",
            line.name,
            line.what,
            line.wrong(),
            line.outcomes.len(),
            line.verb(),
            bar(line),
            line.reasons()
        );
        if let Some(median_s) = line.median_s().filter(|_| line.is_subject) {
            let _ = write!(
                page,
                "<br><small>Who passed took {median_s:.1} s (median).</small>"
            );
        }
        page += "</td></tr>";
    }
    let names: String = sheet
        .rows
        .iter()
        .map(|name| format!("<span>{name}</span>"))
        .collect();
    let _ = write!(
        page,
        "</tbody></table><h2>Pictures of the simulation</h2><p>What the camera films, from left to right while it is \
         asked: {}.</p><div class=\"sheet\"><div class=\"names\">{names}</div><img alt=\"A row of pictures of each \
         actor\" src=\"data:image/jpeg;base64,{}\"></div>",
        sheet.asked,
        base64(&sheet.canvas.jpeg()?)
    );
    page += "<h2>What each cue measured</h2><p>Of each actor the captures that have a figure, and what 5, 50 and 95 of a \
             hundred of them stay below. Between refusing and the usual, cues add up.</p>";
    for rule in RULES {
        section(&mut page, rule.cue, lines);
    }
    page += "</body></html>\n";
    Ok(page)
}

/// A cue's table.
fn section(page: &mut String, cue: Cue, lines: &[Line]) {
    let rule = RULES.into_iter().find(|rule| rule.cue == cue);
    let refuses = rule.map_or_else(String::new, |rule| {
        let side = if rule.slope < 0.0 { "above" } else { "below" };
        let must = if rule.must {
            ", and where there is none"
        } else {
            ""
        };
        format!("Refuses by itself {side} {}{must}.", rule.refuse)
    });
    let _ = write!(
        page,
        "<h3>{}</h3><p>{} {refuses}</p><table><thead><tr><th>who</th><th>captures</th><th>5 %</th><th>50 %</th>\
         <th>95 %</th><th>refused by it</th></tr></thead><tbody>",
        cue.name(),
        words::cue(cue)
    );
    for line in lines.iter().filter(|line| !line.outcomes.is_empty()) {
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
    *page += "</tbody></table>";
}

/// A bar of the share, and a line over its interval.
fn bar(line: &Line) -> String {
    let (wrong, all) = (line.wrong(), line.outcomes.len());
    let (low, high) = interval(wrong, all);
    let share = wrong as f64 / all.max(1) as f64;
    let x = |share: f64| share * BAR_WIDTH;
    let hue = if line.is_subject { "#47c" } else { "#c54" };
    let goal = if line.is_subject {
        MOST_REFUSED
    } else {
        MOST_ACCEPTED
    };
    format!(
        "<svg viewBox=\"0 0 360 24\" role=\"img\" aria-label=\"{percent:.1} %, {lowest:.1} to {highest:.1} %\">\
         <rect y=\"6\" width=\"{width:.1}\" height=\"12\" fill=\"{hue}\"/>\
         <path d=\"M{low:.1} 8v8m0-4H{high:.1}m0-4v8\" stroke=\"currentColor\" fill=\"none\"/>\
         <path d=\"M{goal:.1} 0v24\" stroke=\"currentColor\" stroke-dasharray=\"2 3\" fill=\"none\"/></svg>\
         <small>{percent:.1} % ({lowest:.1} to {highest:.1} %)</small>",
        percent = 100.0 * share,
        lowest = 100.0 * low,
        highest = 100.0 * high,
        width = x(share),
        low = x(low),
        high = x(high),
        goal = x(goal),
    )
}

/// What all of a hundred takes.
const BAR_WIDTH: f64 = 360.0;
/// The goals, drawn dashed.
const MOST_REFUSED: f64 = 0.05;
const MOST_ACCEPTED: f64 = 0.07;
