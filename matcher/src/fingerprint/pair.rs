//! Pairs the minutiae of two prints: alike surroundings first, then pairs that support each other.
//!
//! The most alike pairs of cylinders, one to one, are relaxed: a pair gains from the pairs that lie to it in one print as they do in
//! the other (local similarity assignment with relaxation, Cappelli, Ferrara and Maltoni 2010, section 4.3).

use super::mcc::similarity;
use super::params::{MccParams, PairParams};
use super::prepared::Prepared;

/// A minutia of each print, and how well they belong together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pair {
    pub(crate) a: u16,
    pub(crate) b: u16,
    /// Similarity of the surroundings, 0 to 1.
    pub(crate) similarity: f32,
    /// Similarity after relaxation.
    pub(crate) relaxed: f32,
    /// Turn from `a` to `b`, as a unit vector.
    cos: f32,
    sin: f32,
}

impl Pair {
    /// Two minutiae that belong together, whatever surrounds them.
    pub(crate) fn new(a: &Prepared, b: &Prepared, (i, j): (usize, usize), similarity: f32) -> Self {
        Self {
            a: i as u16,
            b: j as u16,
            similarity,
            relaxed: similarity,
            cos: a.points.cos[i] * b.points.cos[j] + a.points.sin[i] * b.points.sin[j],
            sin: b.points.sin[j] * a.points.cos[i] - b.points.cos[j] * a.points.sin[i],
        }
    }
}

/// The pairs of two prints, the best supported first, and the comparison's figures so far.
pub(crate) struct Pairs {
    list: [Pair; MOST_PAIRS],
    len: usize,
    /// Mean similarity of the best pairs after relaxation.
    pub(crate) relaxed: f32,
}

impl Pairs {
    pub(crate) fn list(&self) -> &[Pair] {
        &self.list[..self.len]
    }
}

/// Pairs that are relaxed.
pub(crate) const MOST_PAIRS: usize = 64;
/// Partners that each minutia proposes.
const PROPOSALS: usize = 3;
const MOST_MINUTIAE: usize = super::template::MOST_MINUTIAE;

/// Pairs two prints. Allocates nothing.
pub(crate) fn pair(a: &Prepared, b: &Prepared, mcc: &MccParams, params: &PairParams) -> Pairs {
    let (list, len) = assign(a, b, mcc, params);
    let mut pairs = Pairs {
        list,
        len,
        relaxed: 0.0,
    };
    let counted = counted(a.points.len().min(b.points.len()), params);
    relax(a, b, &mut pairs.list[..len], params);
    pairs.list[..len].sort_unstable_by(|p, q| q.relaxed.total_cmp(&p.relaxed));
    pairs.relaxed = pairs
        .list()
        .iter()
        .take(counted)
        .map(|p| p.relaxed)
        .sum::<f32>()
        / counted as f32;
    pairs
}

/// How many of the best pairs make the mean, more for prints with more minutiae (section 4.2 of the paper).
fn counted(minutiae: usize, params: &PairParams) -> usize {
    let (low, high) = params.counted;
    let share =
        1.0 / (1.0 + (-params.counted_slope * (minutiae as f32 - params.counted_middle)).exp());
    (low + (share * (high - low)).round()) as usize
}

/// The most alike pairs, each minutia at most once.
fn assign(
    a: &Prepared,
    b: &Prepared,
    mcc: &MccParams,
    params: &PairParams,
) -> ([Pair; MOST_PAIRS], usize) {
    let mut proposals = [Pair::default(); MOST_MINUTIAE * PROPOSALS];
    let mut count = 0;
    for (i, x) in a.cylinders.iter().enumerate().filter(|(_, c)| c.is_usable) {
        let mut best = [Pair::default(); PROPOSALS];
        for (j, y) in b.cylinders.iter().enumerate().filter(|(_, c)| c.is_usable) {
            let cos = a.points.cos[i] * b.points.cos[j] + a.points.sin[i] * b.points.sin[j];
            if cos < params.least_turn_cosine {
                continue;
            }
            let similarity = similarity(x, y, mcc);
            if similarity > best[PROPOSALS - 1].similarity {
                best[PROPOSALS - 1] = Pair::new(a, b, (i, j), similarity);
                best.sort_unstable_by(|p, q| q.similarity.total_cmp(&p.similarity));
            }
        }
        for found in best.into_iter().filter(|p| p.similarity > 0.0) {
            if count < proposals.len() {
                proposals[count] = found;
                count += 1;
            }
        }
    }
    let proposals = &mut proposals[..count];
    proposals.sort_unstable_by(|p, q| {
        q.similarity
            .total_cmp(&p.similarity)
            .then((p.a, p.b).cmp(&(q.a, q.b)))
    });
    let (mut taken_a, mut taken_b) = ([false; MOST_MINUTIAE], [false; MOST_MINUTIAE]);
    let mut list = [Pair::default(); MOST_PAIRS];
    let mut len = 0;
    for proposal in proposals.iter() {
        let (i, j) = (usize::from(proposal.a), usize::from(proposal.b));
        if len == MOST_PAIRS {
            break;
        }
        if !taken_a[i] && !taken_b[j] {
            (taken_a[i], taken_b[j]) = (true, true);
            list[len] = *proposal;
            len += 1;
        }
    }
    (list, len)
}

fn relax(a: &Prepared, b: &Prepared, pairs: &mut [Pair], params: &PairParams) {
    let n = pairs.len();
    if n < 2 {
        return;
    }
    let mut support = [[0f32; MOST_PAIRS]; MOST_PAIRS];
    for t in 0..n {
        for k in t + 1..n {
            let agreement = agreement(a, b, &pairs[t], &pairs[k], params);
            support[t][k] = agreement;
            support[k][t] = agreement;
        }
    }
    let keep = params.relax_keep;
    let share = (1.0 - keep) / (n - 1) as f32;
    for _ in 0..params.relax_rounds {
        let mut before = [0f32; MOST_PAIRS];
        before
            .iter_mut()
            .zip(pairs.iter())
            .for_each(|(value, pair)| *value = pair.relaxed);
        for (pair, row) in pairs.iter_mut().zip(&support) {
            let gained: f32 = row.iter().zip(&before).map(|(s, v)| s * v).sum();
            pair.relaxed = keep * pair.relaxed + share * gained;
        }
    }
}

/// Whether two pairs lie to each other in one print as in the other, 0 to 1.
pub(crate) fn agreement(
    a: &Prepared,
    b: &Prepared,
    t: &Pair,
    k: &Pair,
    params: &PairParams,
) -> f32 {
    let turn_cos = t.cos * k.cos + t.sin * k.sin;
    let by_turn = falling(apart(turn_cos), params.turn_range);
    if by_turn == 0.0 {
        return 0.0;
    }
    let (ta, tb, ka, kb) = (
        usize::from(t.a),
        usize::from(t.b),
        usize::from(k.a),
        usize::from(k.b),
    );
    let (ax, ay) = (
        a.points.x[ka] - a.points.x[ta],
        a.points.y[ka] - a.points.y[ta],
    );
    let (bx, by) = (
        b.points.x[kb] - b.points.x[tb],
        b.points.y[kb] - b.points.y[tb],
    );
    let (la, lb) = (ax.hypot(ay), bx.hypot(by));
    let stretch = params.stretch * 0.5 * (la + lb);
    let by_length = falling((la - lb).abs() - stretch, params.length_range_px);
    if by_length == 0.0 || la < 1.0 || lb < 1.0 {
        return 0.0;
    }
    // Turned by the mean of the two pairs' turns, one edge lies on the other.
    let (c, s) = (t.cos + k.cos, t.sin + k.sin);
    let norm = c.hypot(s).max(1e-6);
    let (c, s) = (c / norm, s / norm);
    let cos = ((c * ax + s * ay) * bx + (c * ay - s * ax) * by) / (la * lb);
    by_turn * by_length * falling(apart(cos), params.turn_range)
}

/// The angle whose cosine this is, radians, good to 1 % below a right angle.
fn apart(cosine: f32) -> f32 {
    let square = (2.0 * (1.0 - cosine)).max(0.0);
    (square * (1.0 + square / 12.0)).sqrt()
}

/// 1 up to the first limit, 0 from the second, smooth between.
fn falling(value: f32, (first, second): (f32, f32)) -> f32 {
    let t = ((second - value) / (second - first)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
