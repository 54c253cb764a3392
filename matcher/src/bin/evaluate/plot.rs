//! Figures of a report as SVG text: score histograms and DET curves. Colours are CSS variables of the page, light and dark.

use std::fmt::Write as _;

use crate::intervals::Point;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;
const BINS: usize = 64;
/// Room for the name of a mark.
const NAME_WIDTH: f64 = 100.0;

/// log10 of the lowest false non-match rate that is drawn.
const LOWEST_FNMR: i32 = -4;
/// How many line colours the page defines: `--c0` and on.
pub const COLOURS: usize = 8;

/// Shares of mated and non-mated scores, over each other; marks are thresholds with their names.
pub fn histogram(mated: &[f64], non_mated: &[f64], marks: &[(f64, &str)]) -> String {
    let finite = || {
        mated
            .iter()
            .chain(non_mated)
            .copied()
            .filter(|s| s.is_finite())
    };
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return "<p>No comparison has a score.</p>".to_owned();
    }
    let span = (high - low).max(1e-9);
    let shares = |scores: &[f64]| {
        let mut bins = [0.0; BINS];
        for score in scores.iter().filter(|s| s.is_finite()) {
            bins[(((score - low) / span * BINS as f64) as usize).min(BINS - 1)] += 1.0;
        }
        let count = scores.len().max(1) as f64;
        bins.map(|v| v / count)
    };
    let (genuine, impostor) = (shares(mated), shares(non_mated));
    let top = genuine
        .iter()
        .chain(&impostor)
        .copied()
        .fold(1e-9, f64::max);
    let x = |score: f64| LEFT + (score - low) / span * (WIDTH - LEFT - RIGHT);
    let y = |share: f64| HEIGHT - BOTTOM - share / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = open("histogram of mated and non-mated scores");
    for (bins, class) in [(impostor, "non-mated"), (genuine, "mated")] {
        let mut path = format!("M{:.1} {:.1}", x(low), y(0.0));
        for (index, share) in bins.iter().enumerate() {
            let edge = |k: usize| x(low + span * k as f64 / BINS as f64);
            let _ = write!(path, "V{:.1}H{:.1}", y(*share), edge(index + 1));
        }
        let _ = write!(path, "V{:.1}Z", y(0.0));
        let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    for tick in ticks(low, high) {
        grid_x(&mut svg, x(tick), &number(tick));
    }
    for part in [0.25, 0.5, 0.75, 1.0] {
        grid_y(
            &mut svg,
            y(top * part),
            &format!("{:.1}", 100.0 * top * part),
        );
    }
    for (row, (score, name)) in marks
        .iter()
        .filter(|(s, _)| *s >= low && *s <= high)
        .enumerate()
    {
        let (at, height) = (x(*score), TOP + 12.0 + 14.0 * row as f64);
        // Near the right edge the name stands before its line.
        let (anchor, aside) = if at > WIDTH - NAME_WIDTH {
            ("end", -4.0)
        } else {
            ("start", 4.0)
        };
        let _ = write!(
            svg,
            "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <text class=\"mark\" x=\"{:.1}\" y=\"{height:.1}\" text-anchor=\"{anchor}\">{name}</text>",
            HEIGHT - BOTTOM,
            at + aside
        );
    }
    axes(&mut svg, "score", "% of comparisons");
    svg + "</svg>"
}

/// DET curves by name, both axes logarithmic down to 1e-4; the last is drawn bold.
pub fn det(curves: &[(&str, Vec<Point>)]) -> String {
    det_down_to(LOWEST_FNMR, curves)
}

/// The same with false match rates down to ten to the power of `low`.
pub fn det_down_to(low: i32, curves: &[(&str, Vec<Point>)]) -> String {
    let scale = |rate: f64, low: i32| {
        let low = f64::from(low);
        (rate.max(1e-12).log10().max(low) - low) / -low
    };
    let x = |rate: f64| LEFT + scale(rate, low) * (WIDTH - LEFT - RIGHT);
    let y = |rate: f64| HEIGHT - BOTTOM - scale(rate, LOWEST_FNMR) * (HEIGHT - TOP - BOTTOM);
    let mut svg = open("DET curves: false non-match rate over false match rate");
    let percent = |decade: i32| {
        let digits = usize::try_from(-decade - 2).unwrap_or(0);
        format!("{:.digits$} %", 10f64.powi(decade + 2))
    };
    for decade in low..=0 {
        grid_x(&mut svg, x(10f64.powi(decade)), &percent(decade));
    }
    for decade in LOWEST_FNMR..=0 {
        grid_y(&mut svg, y(10f64.powi(decade)), &percent(decade));
    }
    let equal = 10f64.powi(low.max(LOWEST_FNMR));
    let _ = write!(
        svg,
        "<line class=\"equal\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        x(equal),
        y(equal),
        x(1.0),
        y(1.0)
    );
    for (index, (_, points)) in curves.iter().enumerate() {
        let mut path = String::new();
        let mut last = (f64::NAN, f64::NAN);
        // Of the points without a false match, the lowest stands for all: the axis has no zero.
        let first = points.iter().rposition(|p| p.fmr == 0.0).unwrap_or(0);
        for point in points.iter().skip(first) {
            let here = (x(point.fmr), y(point.fnmr));
            // Finer than the eye sees, thousands of points would be lost weight.
            if (here.0 - last.0).abs() + (here.1 - last.1).abs() < 0.4 {
                continue;
            }
            let step = if path.is_empty() {
                format!("M{:.1} {:.1}", here.0, here.1)
            } else {
                format!("H{:.1}V{:.1}", here.0, here.1)
            };
            path += &step;
            last = here;
        }
        let bold = if index + 1 == curves.len() {
            " bold"
        } else {
            ""
        };
        let _ = write!(
            svg,
            "<path class=\"curve{bold}\" style=\"stroke:var(--c{})\" d=\"{path}\"/>",
            index % COLOURS
        );
    }
    axes(&mut svg, "false match rate", "false non-match rate");
    let names: Vec<&str> = curves.iter().map(|(name, _)| *name).collect();
    format!("{svg}</svg>{}", legend(&names))
}

/// Attacks stopped over honest logins asked again, by name; the last is drawn bold, and `reask` is marked.
pub fn tradeoff(curves: &[(&str, &[(f64, f64)])], reask: f64) -> String {
    const LOW: f64 = -3.0;
    let scale = |rate: f64| (rate.max(1e-9).log10().max(LOW) - LOW) / -LOW;
    let x = |rate: f64| LEFT + scale(rate) * (WIDTH - LEFT - RIGHT);
    let y = |share: f64| HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    let mut svg = open("attacks stopped over honest logins asked again");
    for decade in [1e-3, 1e-2, 1e-1, 1.0] {
        grid_x(&mut svg, x(decade), &format!("{} %", 100.0 * decade));
    }
    for share in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        grid_y(&mut svg, y(share), &format!("{:.0} %", 100.0 * share));
    }
    let _ = write!(
        svg,
        "<line class=\"mark\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{1:.1}\"/>",
        x(reask),
        HEIGHT - BOTTOM
    );
    for (index, (_, points)) in curves.iter().enumerate() {
        let mut path = String::new();
        let mut last = (f64::NAN, f64::NAN);
        for (asked, stopped) in points.iter() {
            let here = (x(*asked), y(*stopped));
            if (here.0 - last.0).abs() + (here.1 - last.1).abs() < 0.6 {
                continue;
            }
            let step = if path.is_empty() { "M" } else { "L" };
            let _ = write!(path, "{step}{:.1} {:.1}", here.0, here.1);
            last = here;
        }
        let bold = if index + 1 == curves.len() {
            " bold"
        } else {
            ""
        };
        let _ = write!(
            svg,
            "<path class=\"curve{bold}\" style=\"stroke:var(--c{})\" d=\"{path}\"/>",
            index % COLOURS
        );
    }
    axes(&mut svg, "honest logins asked again", "attacks stopped");
    let names: Vec<&str> = curves.iter().map(|(name, _)| *name).collect();
    format!("{svg}</svg>{}", legend(&names))
}

fn legend(names: &[&str]) -> String {
    let names = names.iter().enumerate().map(|(index, name)| {
        format!(
            "<span><i style=\"background:var(--c{})\"></i>{}</span>",
            index % COLOURS,
            escaped(name)
        )
    });
    format!("<p class=\"legend\">{}</p>", names.collect::<String>())
}

/// Text that is safe between tags and in attributes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn open(label: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">")
}

fn grid_x(svg: &mut String, at: f64, name: &str) {
    let bottom = HEIGHT - BOTTOM;
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
         <text class=\"tick\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
        bottom + 15.0
    );
}

fn grid_y(svg: &mut String, at: f64, name: &str) {
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
         <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        at + 4.0
    );
}

fn axes(svg: &mut String, x: &str, y: &str) {
    let (bottom, middle) = (HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2.0);
    let _ = write!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{}\"/>\
         <text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{x}</text>\
         <text class=\"name\" transform=\"translate(12 {middle}) rotate(-90)\" text-anchor=\"middle\">{y}</text>",
        WIDTH - RIGHT,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 8.0
    );
}

/// Round numbers, about six of them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low).max(1e-9) / 6.0;
    let magnitude = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * magnitude)
        .into_iter()
        .find(|s| *s >= raw)
        .unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    (first..)
        .map(|k| k as f64 * step)
        .take_while(|t| *t <= high + 1e-6 * step)
        .collect()
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_drawn_whatever_the_scores() {
        for (mated, non_mated) in [
            (vec![1.0, 2.0, f64::NAN], vec![-3.0, 0.5]),
            (vec![], vec![4.0]),
            (vec![4.0], vec![4.0]),
        ] {
            let svg = histogram(&mated, &non_mated, &[(1.5, "EER")]);
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
        }
        assert!(histogram(&[f64::NAN], &[], &[]).starts_with("<p>"));
        let points = vec![
            Point {
                fmr: 0.0,
                fnmr: 1.0,
            },
            Point {
                fmr: 0.5,
                fnmr: 0.0,
            },
        ];
        let svg = det(&[("a <b>", points), ("empty", vec![])]);
        assert!(
            svg.contains("a &lt;b&gt;")
                && !svg.contains("NaN")
                && svg.matches("class=\"curve").count() == 2
        );
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(-10.3, 21.0), [-10.0, 0.0, 10.0, 20.0]);
        assert!(ticks(0.0, 0.0).len() < 3);
    }
}
