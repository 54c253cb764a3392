//! What scores were worth: the area under the curve, attacks stopped at a re-ask rate, intervals, calibration.
//!
//! Intervals are of 95 %, from drawing the people again with replacement: logins of one person are not independent.

use std::collections::HashMap;
use std::fmt::Write as _;

use matcher::anomaly::random::Random;

use super::replay::Judged;

/// A figure with its interval, fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub rate: f64,
    pub low: f64,
    pub high: f64,
}

impl Rate {
    /// Where all or none of so many were counted, draws say nothing: the interval of Clopper and Pearson 1934.
    fn exact_at_the_ends(mut self, count: usize) -> Self {
        let reach = 0.025f64.powf(1.0 / count.max(1) as f64);
        if self.rate >= 1.0 {
            self.low = reach;
        } else if self.rate <= 0.0 {
            self.high = 1.0 - reach;
        }
        self
    }
}

/// Attacks of a kind.
#[derive(Debug, Clone)]
pub struct Kind {
    pub name: String,
    pub count: usize,
    pub stopped: Rate,
}

/// One scorer's figures at the re-ask rate.
#[derive(Debug, Clone)]
pub struct Scorer {
    pub auc: Rate,
    pub stopped: Rate,
    pub curve: Vec<(f64, f64)>,
}

/// All that was measured.
#[derive(Debug)]
pub struct Figures {
    pub reask: f64,
    pub honest: usize,
    pub attacks: usize,
    pub auc: Rate,
    /// All attacks together.
    pub stopped: Rate,
    pub kinds: Vec<Kind>,
    pub curve: Vec<(f64, f64)>,
    /// A curve for each kind.
    pub kind_curves: Vec<(String, Vec<(f64, f64)>)>,
    pub baselines: Vec<(&'static str, Scorer)>,
    pub calibration: Vec<Bin>,
}

/// Logins whose probability is in a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub least: f64,
    pub logins: usize,
    pub attacks: usize,
    /// Mean probability.
    pub said: f64,
}

const DRAWS: usize = 300;

impl Figures {
    /// Measures; there is at least one attack and one honest login.
    pub fn new(judged: &[Judged], reask: f64) -> Self {
        let mut kinds: Vec<String> = judged
            .iter()
            .filter(|j| j.is_attack)
            .map(|j| j.kind.clone())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        let ours = Measured::new(judged, 0, reask, &kinds);
        let baseline = |scorer: usize| {
            let m = Measured::new(judged, scorer, reask, &[]);
            Scorer {
                auc: m.auc,
                stopped: m.stopped,
                curve: m.curve,
            }
        };
        let counted = |name: &String| {
            judged
                .iter()
                .filter(|j| j.is_attack && j.kind == *name)
                .count()
        };
        let kind_curves = kinds
            .iter()
            .map(|name| {
                let part: Vec<Judged> = judged
                    .iter()
                    .filter(|j| !j.is_attack || j.kind == *name)
                    .cloned()
                    .collect();
                (name.clone(), curve(&sorted(&part, 0, &[]).0))
            })
            .collect();
        let attacks = judged.iter().filter(|j| j.is_attack).count();
        Self {
            reask,
            honest: judged.len() - attacks,
            attacks,
            auc: ours.auc,
            stopped: ours.stopped.exact_at_the_ends(attacks),
            kinds: kinds
                .iter()
                .zip(ours.kinds)
                .map(|(name, stopped)| Kind {
                    name: name.clone(),
                    count: counted(name),
                    stopped: stopped.exact_at_the_ends(counted(name)),
                })
                .collect(),
            curve: ours.curve,
            kind_curves,
            baselines: vec![("freeman", baseline(1)), ("forest", baseline(2))],
            calibration: calibration(judged),
        }
    }
}

struct Measured {
    auc: Rate,
    stopped: Rate,
    kinds: Vec<Rate>,
    curve: Vec<(f64, f64)>,
}

/// A login as the sweep needs it, from the highest score to the lowest.
#[derive(Clone, Copy)]
struct Point {
    score: f64,
    is_attack: bool,
    person: usize,
    kind: usize,
}

/// Points from the highest score to the lowest, and how many people there are.
fn sorted(judged: &[Judged], scorer: usize, kinds: &[String]) -> (Vec<Point>, usize) {
    let mut people = HashMap::new();
    let mut points: Vec<Point> = judged
        .iter()
        .map(|j| {
            let count = people.len();
            Point {
                score: j.scores[scorer],
                is_attack: j.is_attack,
                person: *people.entry(j.person).or_insert(count),
                kind: kinds.iter().position(|k| *k == j.kind).unwrap_or(0),
            }
        })
        .collect();
    points.sort_by(|a, b| b.score.total_cmp(&a.score));
    (points, people.len())
}

impl Measured {
    fn new(judged: &[Judged], scorer: usize, reask: f64, kinds: &[String]) -> Self {
        let (points, people) = sorted(judged, scorer, kinds);
        let sweep = |weights: &[f64]| sweep(&points, weights, reask, kinds.len().max(1));
        let whole = sweep(&vec![1.0; people]);
        let mut random = Random::new(7, 31);
        let mut draws = Vec::new();
        for _ in 0..DRAWS {
            let mut weights = vec![0.0; people];
            for _ in 0..people {
                weights[random.below(people)] += 1.0;
            }
            draws.push(sweep(&weights));
        }
        let rate = |part: &dyn Fn(&Swept) -> f64| {
            let mut drawn: Vec<f64> = draws.iter().map(part).filter(|v| v.is_finite()).collect();
            drawn.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| {
                let last = drawn.len().saturating_sub(1) as f64;
                drawn.get((share * last).round() as usize).copied()
            };
            let rate = part(&whole);
            Rate {
                rate,
                low: at(0.025).unwrap_or(rate),
                high: at(0.975).unwrap_or(rate),
            }
        };
        Self {
            auc: rate(&|s| s.auc),
            stopped: rate(&|s| s.stopped),
            kinds: (0..kinds.len()).map(|k| rate(&|s| s.kinds[k])).collect(),
            curve: curve(&points),
        }
    }
}

struct Swept {
    auc: f64,
    stopped: f64,
    kinds: Vec<f64>,
}

/// One walk down the scores; equal scores share what they cross (Mann and Whitney's half).
fn sweep(points: &[Point], weights: &[f64], reask: f64, kinds: usize) -> Swept {
    let weight = |p: &Point| weights[p.person];
    let total = |is_attack: bool| -> f64 {
        points
            .iter()
            .filter(|p| p.is_attack == is_attack)
            .map(weight)
            .sum()
    };
    let (attacks, honest) = (total(true), total(false));
    let (mut above, mut area) = (0.0, 0.0);
    let mut asked = 0.0;
    let mut per_kind = vec![[0.0; 2]; kinds];
    let mut stopped = 0.0;
    for tied in points.chunk_by(|a, b| a.score == b.score) {
        let sum = |is_attack: bool| -> f64 {
            tied.iter()
                .filter(|p| p.is_attack == is_attack)
                .map(weight)
                .sum()
        };
        let (bad, good) = (sum(true), sum(false));
        area += good * (above + bad / 2.0);
        above += bad;
        // Of tied scores a service asks a share by lot.
        let room = (reask * honest - asked).max(0.0);
        let part = if good > 0.0 {
            (room / good).min(1.0)
        } else {
            f64::from(u8::from(room > 0.0))
        };
        asked += good;
        stopped += part * bad;
        for p in tied.iter().filter(|p| p.is_attack) {
            per_kind[p.kind][0] += weight(p);
            per_kind[p.kind][1] += part * weight(p);
        }
    }
    Swept {
        auc: area / (attacks * honest),
        stopped: stopped / attacks,
        kinds: per_kind
            .iter()
            .map(|[all, stopped]| stopped / all)
            .collect(),
    }
}

/// Share of honest logins asked again, and of attacks stopped.
fn curve(points: &[Point]) -> Vec<(f64, f64)> {
    let attacks = points.iter().filter(|p| p.is_attack).count().max(1) as f64;
    let honest = points.iter().filter(|p| !p.is_attack).count().max(1) as f64;
    let (mut bad, mut good) = (0.0, 0.0);
    let mut curve = vec![(0.0, 0.0)];
    for tied in points.chunk_by(|a, b| a.score == b.score) {
        for p in tied {
            if p.is_attack {
                bad += 1.0;
            } else {
                good += 1.0;
            }
        }
        curve.push((good / honest, bad / attacks));
    }
    curve
}

fn calibration(judged: &[Judged]) -> Vec<Bin> {
    let edges = [0.0, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9];
    let mut bins: Vec<Bin> = edges
        .iter()
        .map(|least| Bin {
            least: *least,
            logins: 0,
            attacks: 0,
            said: 0.0,
        })
        .collect();
    for j in judged {
        let index = edges.iter().rposition(|e| j.probability >= *e).unwrap_or(0);
        let bin = &mut bins[index];
        bin.logins += 1;
        bin.attacks += usize::from(j.is_attack);
        bin.said += j.probability;
    }
    for bin in &mut bins {
        bin.said /= bin.logins.max(1) as f64;
    }
    bins
}

/// Every judged login, CSV.
pub fn table(judged: &[Judged]) -> String {
    let mut out = String::from("takeover,kind,probability,llr,freeman,forest,reason\n");
    for j in judged {
        let [ours, freeman, forest] = j.scores;
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let _ = writeln!(
            out,
            "{},{},{:.6},{ours:.4},{freeman:.4},{forest:.4},{}",
            u8::from(j.is_attack),
            quoted(&j.kind),
            j.probability,
            quoted(j.first_reason.as_deref().unwrap_or("")),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(person: u64, score: f64, kind: &str) -> Judged {
        Judged {
            person,
            is_attack: !kind.is_empty(),
            kind: kind.to_owned(),
            probability: 0.5,
            scores: [score, -score, 0.0],
            first_reason: None,
        }
    }

    #[test]
    fn the_area_is_that_of_pairs_in_order() {
        // Of 2 x 4 pairs, six are in order and one is even.
        let list = [
            judged(1, 9.0, "a"),
            judged(2, 5.0, "b"),
            judged(3, 7.0, ""),
            judged(4, 5.0, ""),
            judged(5, 2.0, ""),
            judged(6, 1.0, ""),
        ];
        let figures = Figures::new(&list, 0.25);
        assert!((figures.auc.rate - 6.5 / 8.0).abs() < 1e-12);
        assert_eq!((figures.honest, figures.attacks), (4, 2));
        // A quarter of the honest is the one at 7.
        let stopped: Vec<f64> = figures.kinds.iter().map(|k| k.stopped.rate).collect();
        assert_eq!(stopped, [1.0, 0.0]);
        assert!((figures.baselines[0].1.auc.rate - 1.5 / 8.0).abs() < 1e-12);
        assert_eq!(figures.baselines[1].1.auc.rate, 0.5);
        assert_eq!(figures.curve.last(), Some(&(1.0, 1.0)));
        assert!(figures.auc.low <= figures.auc.rate && figures.auc.rate <= figures.auc.high);
        assert_eq!(table(&list).lines().count(), 7);
    }

    #[test]
    fn tied_scores_are_asked_by_lot() {
        let list: Vec<Judged> = (0..100)
            .map(|k| judged(k, 1.0, if k < 10 { "a" } else { "" }))
            .collect();
        let figures = Figures::new(&list, 0.05);
        assert!((figures.auc.rate - 0.5).abs() < 1e-12);
        assert!((figures.stopped.rate - 0.05).abs() < 1e-12);
    }
}
