//! Pairs the minutiae of two prints: alike surroundings first, then pairs that support each other.
//!
//! The most alike pairs of cylinders, one to one, are relaxed: a pair gains from the pairs that lie to it in one print as they do in
//! the other (local similarity assignment with relaxation, Cappelli, Ferrara and Maltoni 2010, section 4.3).

use super::mcc::{LANES, similarities};
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
/// Minutiae of a probe that are glanced at, and how many of them count.
const GLANCED: usize = 12;
const GLANCE_COUNTED: usize = 5;
/// Partners that each minutia proposes.
const PROPOSALS: usize = 3;
const MOST_MINUTIAE: usize = super::template::MOST_MINUTIAE;

/// Pairs two prints. Allocates nothing.
#[inline(always)]
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

/// How alike the surroundings of the probe's best minutiae are to any of the reference's: the mean of the most alike few.
///
/// A tenth of the cost of [`pair`], and enough to tell most other fingers.
#[inline(always)]
pub(crate) fn glance(
    probe: &Prepared,
    reference: &Prepared,
    mcc: &MccParams,
    params: &PairParams,
) -> f32 {
    let columns = reference.points.x.len().min(MOST_MINUTIAE);
    let mut row = [0f32; MOST_MINUTIAE];
    let mut best = [0f32; GLANCED];
    let usable = (0..probe.points.len()).filter(|&i| probe.cylinders.is_usable(i));
    for (place, i) in usable.take(GLANCED).enumerate() {
        let row = &mut row[..columns];
        similarities(&probe.cylinders, i, &reference.cylinders, mcc, row);
        turned_too_far(probe, i, reference, params, row);
        best[place] = most_alike(row)[0].0;
    }
    best.sort_unstable_by(|p, q| q.total_cmp(p));
    best[..GLANCE_COUNTED].iter().sum::<f32>() / GLANCE_COUNTED as f32
}

/// How many of the best pairs make the mean, more for prints with more minutiae (section 4.2 of the paper).
fn counted(minutiae: usize, params: &PairParams) -> usize {
    let (low, high) = params.counted;
    let share =
        1.0 / (1.0 + (-params.counted_slope * (minutiae as f32 - params.counted_middle)).exp());
    (low + (share * (high - low)).round()) as usize
}

/// The most alike pairs, each minutia at most once.
#[inline(always)]
fn assign(
    a: &Prepared,
    b: &Prepared,
    mcc: &MccParams,
    params: &PairParams,
) -> ([Pair; MOST_PAIRS], usize) {
    let mut proposals = [Pair::default(); MOST_MINUTIAE * PROPOSALS];
    let mut count = 0;
    let columns = b.points.x.len().min(MOST_MINUTIAE);
    let mut row = [0f32; MOST_MINUTIAE];
    for i in (0..a.points.len()).filter(|&i| a.cylinders.is_usable(i)) {
        let row = &mut row[..columns];
        similarities(&a.cylinders, i, &b.cylinders, mcc, row);
        turned_too_far(a, i, b, params, row);
        let best = most_alike(row);
        for (similarity, j) in best.into_iter().filter(|(similarity, _)| *similarity > 0.0) {
            if count < proposals.len() {
                proposals[count] = Pair::new(a, b, (i, j), similarity);
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

/// A number that is not negative and a place below 128 in one, in the order of the numbers: a reduction over it vectorises.
///
/// Seven bits of the number's fraction make way for the place, which leaves it good to a share of 2^-16.
#[inline(always)]
pub(crate) fn key(value: f32, place: usize) -> u32 {
    value.to_bits() & !PLACE_BITS | place as u32
}

/// Number and place of a [`key`].
#[inline(always)]
pub(crate) fn of_key(key: u32) -> (f32, usize) {
    (
        f32::from_bits(key & !PLACE_BITS),
        (key & PLACE_BITS) as usize,
    )
}

const PLACE_BITS: u32 = 0x7f;
const _: () = assert!(MOST_MINUTIAE <= 1 << PLACE_BITS.count_ones());

/// The [`PROPOSALS`] greatest similarities of a row and their columns, descending.
#[inline(always)]
fn most_alike(row: &[f32]) -> [(f32, usize); PROPOSALS] {
    let mut best = [(0f32, 0usize); PROPOSALS];
    let mut bound = u32::MAX;
    for found in &mut best {
        let mut most = 0;
        for (place, value) in row.iter().enumerate() {
            let key = key(*value, place);
            most = most.max(if key < bound { key } else { 0 });
        }
        *found = of_key(most);
        bound = most;
    }
    best
}

/// Clears the similarity of minutiae that a move would have to turn by more than is looked for.
#[inline(always)]
fn turned_too_far(a: &Prepared, i: usize, b: &Prepared, params: &PairParams, row: &mut [f32]) {
    let (cos, sin) = (a.points.cos[i], a.points.sin[i]);
    let both = b.points.cos.iter().zip(&b.points.sin);
    for (similarity, (b_cos, b_sin)) in row.iter_mut().zip(both) {
        if cos * b_cos + sin * b_sin < params.least_turn_cosine {
            *similarity = 0.0;
        }
    }
}

#[inline(always)]
fn relax(a: &Prepared, b: &Prepared, pairs: &mut [Pair], params: &PairParams) {
    let n = pairs.len();
    if n < 2 {
        return;
    }
    let edges = Edges::<MOST_PAIRS>::new(a, b, pairs);
    let mut support = [[0f32; MOST_PAIRS]; MOST_PAIRS];
    for (t, row) in support.iter_mut().enumerate().take(n) {
        edges.agreement(t, params, &mut row[..n]);
        row[t] = 0.0;
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
            let gained = dot(&row[..n], &before[..n]);
            pair.relaxed = keep * pair.relaxed + share * gained;
        }
    }
}

/// The sum of the products, in [`LANES`] parts, so that it vectorises.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut parts = [0f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    parts.iter().sum::<f32>() + rest
}

/// The sum, in [`LANES`] parts.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f32 {
    let mut parts = [0f32; LANES];
    let (values, rest) = values.as_chunks::<LANES>();
    for values in values {
        for (part, value) in parts.iter_mut().zip(values) {
            *part += value;
        }
    }
    parts.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Pairs as columns, so that one is held against all others at once.
pub(crate) struct Edges<const N: usize> {
    ax: [f32; N],
    ay: [f32; N],
    bx: [f32; N],
    by: [f32; N],
    cos: [f32; N],
    sin: [f32; N],
}

impl<const N: usize> Edges<N> {
    #[inline(always)]
    pub(crate) fn new(a: &Prepared, b: &Prepared, pairs: &[Pair]) -> Self {
        let mut out = Self {
            ax: [0.0; N],
            ay: [0.0; N],
            bx: [0.0; N],
            by: [0.0; N],
            cos: [0.0; N],
            sin: [0.0; N],
        };
        for (index, pair) in pairs.iter().enumerate().take(N) {
            let (i, j) = (usize::from(pair.a), usize::from(pair.b));
            (out.ax[index], out.ay[index]) = (a.points.x[i], a.points.y[i]);
            (out.bx[index], out.by[index]) = (b.points.x[j], b.points.y[j]);
            (out.cos[index], out.sin[index]) = (pair.cos, pair.sin);
        }
        out
    }

    /// Clears what was said of pairs that lie, in the first print, beyond a distance of pair `t`.
    #[inline(always)]
    pub(crate) fn clear_long(&self, t: usize, most_px: f32, out: &mut [f32]) {
        let places = self.ax.iter().zip(&self.ay);
        for (value, (x, y)) in out.iter_mut().zip(places) {
            let (dx, dy) = (x - self.ax[t], y - self.ay[t]);
            if dx * dx + dy * dy >= most_px * most_px {
                *value = 0.0;
            }
        }
    }

    /// Whether each pair lies to pair `t` in one print as in the other, 0 to 1.
    #[inline(always)]
    pub(crate) fn agreement(&self, t: usize, params: &PairParams, out: &mut [f32]) {
        let n = out.len();
        let (ax, ay) = (&self.ax[..n], &self.ay[..n]);
        let (bx, by) = (&self.bx[..n], &self.by[..n]);
        let (cos, sin) = (&self.cos[..n], &self.sin[..n]);
        for k in 0..n {
            let turn = self.cos[t] * cos[k] + self.sin[t] * sin[k];
            let by_turn = falling(apart(turn), params.turn_range);
            let (dax, day) = (ax[k] - self.ax[t], ay[k] - self.ay[t]);
            let (dbx, dby) = (bx[k] - self.bx[t], by[k] - self.by[t]);
            let (la, lb) = (
                (dax * dax + day * day).sqrt(),
                (dbx * dbx + dby * dby).sqrt(),
            );
            let stretch = params.stretch * 0.5 * (la + lb);
            let by_length = falling((la - lb).abs() - stretch, params.length_range_px);
            // Turned by the mean of the two pairs' turns, one edge lies on the other.
            let (c, s) = (self.cos[t] + cos[k], self.sin[t] + sin[k]);
            let norm = (c * c + s * s).sqrt().max(1e-6) * (la * lb).max(1e-6);
            let along = ((c * dax + s * day) * dbx + (c * day - s * dax) * dby) / norm;
            let by_direction = falling(apart(along), params.turn_range);
            let agreement = by_turn * by_length * by_direction;
            // Two pairs at one place say nothing.
            out[k] = if la < 1.0 || lb < 1.0 { 0.0 } else { agreement };
        }
    }
}

/// The angle whose cosine this is, radians, good to 1 % below one radian, beyond which nothing agrees.
#[inline(always)]
fn apart(cosine: f32) -> f32 {
    let square = (2.0 * (1.0 - cosine)).max(0.0);
    (square * (1.0 + square / 12.0)).sqrt()
}

/// 1 up to the first limit, 0 from the second, smooth between.
#[inline(always)]
fn falling(value: f32, (first, second): (f32, f32)) -> f32 {
    let t = ((second - value) / (second - first)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use std::f32::consts::{PI, TAU};

    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::extract;
    use crate::fingerprint::mcc::Points;
    use crate::fingerprint::params::Params;
    use crate::fingerprint::synthetic::Print;

    /// Minutiae without surroundings.
    fn bare(points: Points) -> Prepared {
        Prepared::bare(points, &Params::default())
    }

    fn prepared(print: &Print, params: &Params) -> Prepared {
        let extraction = extract(&print.draw(), Some(500.0), params).expect("a clear print");
        Prepared::new(&extraction.template, params)
    }

    /// One pair held against one other, an angle at a time (Cappelli, Ferrara and Maltoni 2010, equations 26 to 28).
    fn plain_agreement(a: &Prepared, b: &Prepared, t: &Pair, k: &Pair, params: &PairParams) -> f32 {
        let points = |print: &Prepared, i: u16| {
            let i = usize::from(i);
            (print.points.x[i], print.points.y[i], print.points.angle[i])
        };
        let ((tax, tay, ta), (tbx, tby, tb)) = (points(a, t.a), points(b, t.b));
        let ((kax, kay, ka), (kbx, kby, kb)) = (points(a, k.a), points(b, k.b));
        let wrap = |angle: f32| (angle + PI).rem_euclid(TAU) - PI;
        let (turn_t, turn_k) = (tb - ta, kb - ka);
        let (la, lb) = ((kax - tax).hypot(kay - tay), (kbx - tbx).hypot(kby - tby));
        if la < 1.0 || lb < 1.0 {
            return 0.0;
        }
        let by_turn = falling(wrap(turn_t - turn_k).abs(), params.turn_range);
        let mean = turn_t + 0.5 * wrap(turn_k - turn_t);
        let edge_a = (-(kay - tay)).atan2(kax - tax);
        let edge_b = (-(kby - tby)).atan2(kbx - tbx);
        let by_direction = falling(wrap(edge_b - edge_a - mean).abs(), params.turn_range);
        let stretch = params.stretch * 0.5 * (la + lb);
        by_turn * by_direction * falling((la - lb).abs() - stretch, params.length_range_px)
    }

    proptest! {
        #[test]
        fn agreement_by_columns_is_agreement_by_angles(
            places in prop::collection::vec((0f32..300.0, 0f32..300.0, 0f32..6.2, -15f32..15.0, -15f32..15.0, -0.6f32..0.6), 2..20),
        ) {
            let params = Params::default().pair;
            let still = places.iter().map(|&(x, y, angle, ..)| (x, y, angle, 1.0));
            let moved = places.iter().map(|&(x, y, angle, dx, dy, turn)| (x + dx, y + dy, angle + turn, 1.0));
            let (a, b) = (bare(Points::new(still)), bare(Points::new(moved)));
            let pairs: Vec<Pair> = (0..places.len()).map(|i| Pair::new(&a, &b, (i, i), 1.0)).collect();
            let edges = Edges::<MOST_PAIRS>::new(&a, &b, &pairs);
            for (t, pair) in pairs.iter().enumerate() {
                let mut found = vec![0.0; pairs.len()];
                edges.agreement(t, &params, &mut found);
                for (k, found) in found.into_iter().enumerate().filter(|(k, _)| *k != t) {
                    let plain = plain_agreement(&a, &b, pair, &pairs[k], &params);
                    prop_assert!((plain - found).abs() < 0.03, "{plain} {found}");
                }
            }
        }
    }

    #[test]
    fn the_minutiae_of_a_print_pair_with_themselves() {
        let params = Params::default();
        let print = prepared(&Print::new(2), &params);
        let pairs = pair(&print, &print, &params.mcc, &params.pair);
        assert!(pairs.list().len() > 15);
        assert!(pairs.list().iter().all(|p| p.a == p.b));
        let other = prepared(&Print::new(5), &params);
        assert!(pair(&print, &other, &params.mcc, &params.pair).relaxed < 0.3 * pairs.relaxed);
    }

    proptest! {
        #[test]
        fn the_angle_of_a_cosine_is_right(angle in 0f32..1.0) {
            prop_assert!((apart(angle.cos()) - angle).abs() < 0.01 * angle + 1e-3);
        }
    }

    proptest! {
        #[test]
        fn the_most_alike_are_the_greatest(row in prop::collection::vec(0.001f32..1.0, LANES * 4)) {
            let best = most_alike(&row);
            let mut sorted = row.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            for ((value, at), plain) in best.iter().zip(&sorted) {
                prop_assert!((value - plain).abs() < 1e-4 && (row[*at] - value).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_tolerance_falls_from_one_to_nothing() {
        assert_eq!(
            (
                falling(0.0, (1.0, 2.0)),
                falling(1.5, (1.0, 2.0)),
                falling(3.0, (1.0, 2.0))
            ),
            (1.0, 0.5, 0.0)
        );
    }
}
