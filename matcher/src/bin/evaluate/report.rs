//! The HTML page of an evaluation: one file, nothing fetched, for any comparator.
//!
//! Table with intervals, score histogram, DET curves, and the pairs that went worst. Terms are those of ISO/IEC 19795-1.

use std::fmt::Write as _;

use crate::intervals::{Rates, Scored, Sweep};
use crate::plot::{det, escaped, histogram};
use crate::rates::{Figures, figures};

/// Comparisons within one set.
pub struct Set {
    /// What the set is called.
    pub name: String,
    /// Samples, and how many gave no template.
    pub samples: usize,
    /// Samples without a template.
    pub refused: usize,
    /// Its comparisons; owners are numbered within the set.
    pub scored: Vec<Scored>,
}

/// A comparison that went wrong, or nearly so.
pub struct Worst {
    /// Which samples, and what their score is worth.
    pub caption: String,
    /// JPEG, where there is something to show.
    pub picture: Option<Vec<u8>>,
}

/// A table of the page beside the error rates.
pub struct Table {
    /// Its heading.
    pub heading: String,
    /// The heads of its columns; the first column is text.
    pub columns: Vec<String>,
    /// As many cells as columns.
    pub rows: Vec<Vec<String>>,
    /// What one must know to read it.
    pub note: String,
}

/// What several sets are to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Different owners: taken together they are one more line, and its scores are drawn.
    Together,
    /// The same owners seen in several ways; the last one's scores are drawn.
    Apart,
}

/// What the page says.
pub struct Report<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Which algorithm, by name and version.
    pub model: &'a str,
    /// At least one.
    pub sets: Vec<Set>,
    /// What the sets are to each other.
    pub pooling: Pooling,
    /// What else there is to say, in the order of the page.
    pub tables: Vec<Table>,
    /// The mated pairs with the lowest scores.
    pub worst_mated: Vec<Worst>,
    /// The non-mated pairs with the highest scores.
    pub worst_non_mated: Vec<Worst>,
}

/// Draws of the bootstrap, and the most comparisons that are walked for it in all.
const DRAWS: usize = 2_000;
const MOST_WALKED: usize = 1_000_000_000;

/// One line of the table, and its curve.
struct Line {
    name: String,
    samples: usize,
    refused: usize,
    owners: usize,
    figures: Figures,
    sweep: Sweep,
    low: Rates,
    high: Rates,
}

impl Line {
    fn new(set: Set) -> (Self, usize) {
        let (mated, non_mated) = split(&set.scored);
        let owners = set
            .scored
            .iter()
            .map(|s| s.a.max(s.b) + 1)
            .max()
            .unwrap_or(0) as usize;
        let draws = DRAWS.min(MOST_WALKED / set.scored.len().max(1)).max(100);
        let sweep = Sweep::new(set.scored);
        let (low, high) = sweep.intervals(draws);
        let line = Self {
            name: set.name,
            samples: set.samples,
            refused: set.refused,
            owners,
            figures: figures(&mated, &non_mated),
            sweep,
            low,
            high,
        };
        (line, draws)
    }

    fn row(&self) -> String {
        let f = &self.figures;
        let rate = |rate: f64, low: f64, high: f64| {
            format!(
                "<td>{:.2} <small>{:.2}–{:.2}</small></td>",
                100.0 * rate,
                100.0 * low,
                100.0 * high
            )
        };
        let (low, high) = (&self.low, &self.high);
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>{}{}{}{}{}</tr>",
            escaped(&self.name),
            self.owners,
            self.samples,
            self.refused,
            f.mated,
            f.non_mated,
            rate(f.eer, low.eer, high.eer),
            rate(f.fmr100, low.fmr100, high.fmr100),
            rate(f.fmr1000, low.fmr1000, high.fmr1000),
            rate(f.fmr10000, low.fmr10000, high.fmr10000),
            rate(f.zero_fmr, low.zero_fmr, high.zero_fmr),
        )
    }
}

fn split(scored: &[Scored]) -> (Vec<f64>, Vec<f64>) {
    let (mated, non_mated): (Vec<&Scored>, Vec<&Scored>) = scored.iter().partition(|s| s.a == s.b);
    let scores = |list: Vec<&Scored>| list.into_iter().map(|s| s.score).collect();
    (scores(mated), scores(non_mated))
}

/// All sets as one, owners kept apart; comparisons stay within their set.
fn pooled(sets: &[Set]) -> Set {
    let mut scored = Vec::new();
    let mut first = 0;
    for set in sets {
        let owner = |s: &Scored| Scored {
            a: s.a + first,
            b: s.b + first,
            score: s.score,
        };
        scored.extend(set.scored.iter().map(owner));
        first += set
            .scored
            .iter()
            .map(|s| s.a.max(s.b) + 1)
            .max()
            .unwrap_or(0);
    }
    Set {
        name: "pooled".to_owned(),
        samples: sets.iter().map(|s| s.samples).sum(),
        refused: sets.iter().map(|s| s.refused).sum(),
        scored,
    }
}

impl Report<'_> {
    /// The whole page.
    pub fn page(self) -> String {
        let mut sets = self.sets;
        if sets.len() > 1 && self.pooling == Pooling::Together {
            sets.push(pooled(&sets));
        }
        let drawn = sets.last().map(|set| set.scored.as_slice());
        let (mated, non_mated) = split(drawn.unwrap_or_default());
        let (lines, draws): (Vec<Line>, Vec<usize>) = sets.into_iter().map(Line::new).unzip();
        let mut page = String::from(HEAD);
        let title = escaped(self.title);
        let _ = write!(page, "<title>{title}</title></head><body><h1>{title}</h1>");
        let _ = write!(page, "<p>Algorithm <b>{}</b>.</p>", escaped(self.model));
        page += "<h2>Error rates, per cent</h2><div class=\"wide\"><table><thead><tr><th>set</th><th>owners</th>\
            <th>samples</th><th>refused</th><th>mated</th><th>non-mated</th><th>EER</th><th>FNMR at FMR 1&nbsp;%</th>\
            <th>FNMR at FMR 0.1&nbsp;%</th><th>FNMR at FMR 0.01&nbsp;%</th><th>FNMR at FMR 0</th></tr></thead><tbody>";
        lines.iter().for_each(|line| page += &line.row());
        let _ = write!(
            page,
            "</tbody></table></div><p class=\"note\">Small figures: 95 % intervals from {} draws of the owners (fingers or people) \
             with replacement. Rates are of the algorithm, over all comparisons within a set at one threshold; a sample \
             without a template matches nothing. FMR: false match rate. FNMR: false non-match rate. EER: where both are \
             equal. Below about {} non-mated comparisons for each false match allowed, a rate is luck.</p>",
            draws.iter().min().copied().unwrap_or(0),
            30
        );
        if let Some(last) = lines.last() {
            let marks = [
                (last.figures.eer_threshold, "EER"),
                (last.figures.zero_threshold, "no false match"),
            ];
            page += "<h2>Scores</h2>";
            page += &histogram(&mated, &non_mated, &marks);
            page += "<p class=\"legend\"><span><i class=\"mated\"></i>mated</span><span><i class=\"non-mated\"></i>non-mated</span></p>";
        }
        page += "<h2>Detection error trade-off</h2>";
        let curves: Vec<_> = lines
            .iter()
            .map(|l| (l.name.as_str(), l.sweep.points()))
            .collect();
        page += &det(&curves);
        self.tables.iter().for_each(|t| page += &t.html());
        section(
            &mut page,
            "Mated pairs with the lowest scores",
            &self.worst_mated,
        );
        section(
            &mut page,
            "Non-mated pairs with the highest scores",
            &self.worst_non_mated,
        );
        page + "</body></html>\n"
    }
}

impl Table {
    /// A heading, the table, and its note.
    pub(crate) fn html(&self) -> String {
        let cells = |row: &[String]| {
            let mut out = String::new();
            for (k, cell) in row.iter().enumerate() {
                let _ = match k {
                    0 => write!(out, "<th scope=\"row\">{}</th>", escaped(cell)),
                    _ => write!(out, "<td>{}</td>", escaped(cell)),
                };
            }
            out
        };
        let heads: String = self
            .columns
            .iter()
            .map(|c| format!("<th>{}</th>", escaped(c)))
            .collect();
        let rows: String = self
            .rows
            .iter()
            .map(|row| format!("<tr>{}</tr>", cells(row)))
            .collect();
        format!(
            "<h2>{}</h2><div class=\"wide\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\
             <p class=\"note\">{}</p>",
            escaped(&self.heading),
            escaped(&self.note)
        )
    }
}

fn section(page: &mut String, heading: &str, worst: &[Worst]) {
    let _ = write!(page, "<h2>{heading}</h2>");
    for pair in worst {
        page.push_str("<figure>");
        if let Some(picture) = &pair.picture {
            let _ = write!(
                page,
                "<img alt=\"\" src=\"data:image/jpeg;base64,{}\">",
                base64(picture)
            );
        }
        let _ = write!(
            page,
            "<figcaption>{}</figcaption></figure>",
            escaped(&pair.caption)
        );
    }
    if worst.is_empty() {
        page.push_str("<p>There are none.</p>");
    }
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |k: usize| u32::from(chunk.get(k).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for k in 0..4 {
            let sign = if k <= chunk.len() {
                char::from(SIGNS[(word >> (18 - 6 * k) & 63) as usize])
            } else {
                '='
            };
            out.push(sign);
        }
    }
    out
}

/// The head of every page, up to its title: colours for light and dark.
pub(crate) const HEAD: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<style>
:root{--ground:#fff;--ink:#1c1c1e;--faint:#6b6b70;--line:#d8d8dc;--mated:#1a7f37;--non:#c4320a;
--c0:#1f77b4;--c1:#d9730d;--c2:#2a8f2a;--c3:#c02f2f;--c4:#7d55b5;--c5:#8a5a44;--c6:#c0509f;--c7:#3d3d40}
@media(prefers-color-scheme:dark){:root{--ground:#161618;--ink:#ececef;--faint:#a0a0a8;--line:#3a3a40;--mated:#4ac26b;--non:#ff8a5c;
--c0:#6cb6ff;--c1:#ffb074;--c2:#7ee07e;--c3:#ff8f8f;--c4:#c3a1f2;--c5:#d0a48f;--c6:#f29bd8;--c7:#d5d5da}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:1240px;margin:24px auto;padding:0 16px}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:5px 8px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{white-space:normal;vertical-align:bottom;color:var(--faint);font-weight:600;font-size:.85rem}
th:first-child{text-align:left}td small{color:var(--faint);display:block}
.note,figcaption{color:var(--faint);font-size:.88rem}svg{width:100%;max-width:820px;height:auto;display:block}
svg text{fill:var(--faint);font-size:11px}svg .name{fill:var(--ink);font-size:12px}svg .mark{fill:var(--ink)}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--faint);fill:none}line.mark{stroke:var(--ink);stroke-dasharray:4 3}
.equal{stroke:var(--faint);stroke-dasharray:2 4}.curve{fill:none;stroke-width:1.4}.bold{stroke-width:2.8}
path.mated{fill:var(--mated);fill-opacity:.45;stroke:var(--mated)}path.non-mated{fill:var(--non);fill-opacity:.45;stroke:var(--non)}
.legend span{margin-right:18px;white-space:nowrap}.legend i{display:inline-block;width:14px;height:10px;margin-right:6px;border-radius:2px}
i.mated{background:var(--mated)}i.non-mated{background:var(--non)}
figure{margin:0 0 20px}img{max-width:100%;height:auto;background:#fff;border-radius:4px}
</style>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str) -> Set {
        let scored = (0..36u32).map(|i| Scored {
            a: i / 6,
            b: i % 6,
            score: f64::from(i % 7) + if i / 6 == i % 6 { 4.0 } else { 0.0 },
        });
        Set {
            name: name.to_owned(),
            samples: 12,
            refused: 1,
            scored: scored.collect(),
        }
    }

    #[test]
    fn the_page_is_whole_and_fetches_nothing() {
        let worst = |picture| Worst {
            caption: "a 1 & b 2".to_owned(),
            picture,
        };
        let report = Report {
            title: "a <set>",
            model: "model-1",
            sets: vec![set("one"), set("two")],
            pooling: Pooling::Together,
            tables: vec![Table {
                heading: "More & more".to_owned(),
                columns: vec!["what".to_owned(), "count".to_owned()],
                rows: vec![vec!["<b>".to_owned(), "7".to_owned()]],
                note: "a note".to_owned(),
            }],
            worst_mated: vec![worst(Some(vec![1, 2, 3, 4])), worst(None)],
            worst_non_mated: vec![],
        };
        let page = report.page();
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(
            page.contains("a &lt;set&gt;")
                && page.contains("a 1 &amp; b 2")
                && page.contains(">pooled<")
        );
        assert!(page.contains("<h2>More &amp; more</h2>"));
        assert!(page.contains("<th scope=\"row\">&lt;b&gt;</th><td>7</td>"));
        assert!(page.contains("data:image/jpeg;base64,AQIDBA=="));
        assert!(!page.contains("http") && !page.contains("<script") && !page.contains("NaN"));
    }

    #[test]
    fn sets_of_the_same_owners_are_not_pooled() {
        let report = Report {
            title: "t",
            model: "m",
            sets: vec![set("one"), set("two")],
            pooling: Pooling::Apart,
            tables: vec![],
            worst_mated: vec![],
            worst_non_mated: vec![],
        };
        let page = report.page();
        assert!(page.contains(">two<") && !page.contains(">pooled<"));
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
