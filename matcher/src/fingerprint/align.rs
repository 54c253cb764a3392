//! Lays one print on the other and counts what fits, against what should have fitted.
//!
//! The best supported pairs each propose a rigid move; the one under which most minutiae meet is refined, first rigidly and then with a
//! smooth local displacement, because skin stretches. Counts are held against the minutiae of both prints that lie in the
//! overlap, so that prints which share little are not punished for what the other never showed.

use super::mcc::LANES;
use super::pair::{Edges, Pair, Pairs, key, of_key, sum};
use super::params::{AlignParams, Params};
use super::prepared::Prepared;
use super::trace::TraceMeeting;

/// What two prints have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// The same after relaxation.
    pub relaxed: f32,
    /// Minutiae that meet, weighted by quality.
    pub matched: f32,
    /// Minutiae of the first and of the second print in the overlap, weighted: their geometric mean.
    pub expected: f32,
    /// Mean closeness of what meets, 0 to 1, in place and direction.
    pub closeness: f32,
    /// Logarithm of one plus the agreeing edges of a meeting: edges to near meetings, alike in length, direction and turn.
    pub edges: f32,
    /// Mean cosine of twice the angle between the orientation fields in the overlap.
    pub orientation: f32,
}

impl Evidence {
    /// The numbers by name, for fitting.
    #[must_use]
    pub fn columns(&self) -> [(&'static str, f32); 6] {
        [
            ("relaxed", self.relaxed),
            ("matched", self.matched),
            ("expected", self.expected),
            ("closeness", self.closeness),
            ("edges", self.edges),
            ("orientation", self.orientation),
        ]
    }
}

/// A turn (counter-clockwise, y down) and a shift that take the first print onto the second.
#[derive(Clone, Copy, Default)]
struct Move {
    cos: f32,
    sin: f32,
    x: f32,
    y: f32,
}

impl Move {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (
            self.cos * x + self.sin * y + self.x,
            self.cos * y - self.sin * x + self.y,
        )
    }

    /// How far apart, at most, two moves take the corners of the first print's best minutiae, px.
    fn distance(&self, other: &Self, a: &Prepared) -> f32 {
        let places = a
            .points
            .x
            .iter()
            .zip(&a.points.y)
            .take(a.points.len().min(4));
        places
            .map(|(&x, &y)| {
                let ((x1, y1), (x2, y2)) = (self.place(x, y), other.place(x, y));
                (x1 - x2).abs().max((y1 - y2).abs())
            })
            .fold(0.0, f32::max)
    }
}

/// Moves that are refined.
const LEADERS: usize = 3;
/// Most pairs that propose a move.
const MOST_PROPOSALS: usize = 16;
const MOST_MINUTIAE: usize = super::template::MOST_MINUTIAE;
const NONE: u16 = u16::MAX;

/// The minutiae of the first print: where they come to lie, and with what they meet.
struct Meeting {
    x: [f32; MOST_MINUTIAE],
    y: [f32; MOST_MINUTIAE],
    partner: [u16; MOST_MINUTIAE],
    /// Closeness of each meeting, 0 to 1.
    close: [f32; MOST_MINUTIAE],
    total: f32,
}

impl Meeting {
    fn pairs(&self, len: usize) -> impl Iterator<Item = (usize, usize)> {
        let partners = self.partner.iter().take(len).enumerate();
        partners.filter_map(|(i, &j)| (j != NONE).then_some((i, usize::from(j))))
    }
}

/// Lays `a` on `b` by their pairs. Allocates nothing.
#[inline(always)]
pub(crate) fn align(
    a: &Prepared,
    b: &Prepared,
    pairs: &Pairs,
    all: &Params,
    trace: &mut impl TraceMeeting,
) -> Evidence {
    let params = &all.align;
    let mut evidence = Evidence {
        relaxed: pairs.relaxed,
        ..Evidence::default()
    };
    let mut tried = [Move::default(); MOST_PROPOSALS];
    let mut leaders: [Option<Meeting>; LEADERS] = [const { None }; LEADERS];
    for seed in 0..params.proposals.min(MOST_PROPOSALS).min(pairs.list().len()) {
        let first = propose(a, b, pairs, seed, params);
        // Of moves that are nearly the same, the first leads where the others would.
        let is_near = |other: &Move| first.distance(other, a) < params.same_move_px;
        let is_known = tried[..seed].iter().any(is_near);
        tried[seed] = first;
        if is_known {
            continue;
        }
        let mut met = Some(meet(a, b, &first, None, params.wide));
        for leader in &mut leaders {
            if total(&met) > total(leader) {
                std::mem::swap(&mut met, leader);
            }
        }
    }
    let mut best: Option<(Move, Meeting)> = None;
    for wide in leaders.iter().flatten() {
        let Some(refined) = fit(a, b, wide) else {
            continue;
        };
        let met = meet(a, b, &refined, None, params.wide);
        if best.as_ref().is_none_or(|(_, old)| met.total > old.total) {
            best = Some((refined, met));
        }
    }
    let Some((rigid, met)) = best else {
        return evidence;
    };
    let refined = fit(a, b, &met).unwrap_or(rigid);
    let met = meet(
        a,
        b,
        &refined,
        Some((&met, params.stretch_px)),
        params.narrow,
    );
    trace.met(
        (refined.cos, refined.sin),
        (refined.x, refined.y),
        met.pairs(a.points.len()),
    );
    count(a, b, &refined, &met, &mut evidence);
    edges(a, b, &met, all, &mut evidence);
    evidence
}

/// How much meets; less than nothing when there is no meeting.
#[inline(always)]
fn total(met: &Option<Meeting>) -> f32 {
    met.as_ref().map_or(-1.0, |met| met.total)
}

/// The move of one pair, its turn and shift averaged over the pairs that agree with it.
#[inline(always)]
fn propose(a: &Prepared, b: &Prepared, pairs: &Pairs, seed: usize, params: &AlignParams) -> Move {
    let pair = pairs.list()[seed];
    let (i, j) = (usize::from(pair.a), usize::from(pair.b));
    let cos = a.points.cos[i] * b.points.cos[j] + a.points.sin[i] * b.points.sin[j];
    let sin = b.points.sin[j] * a.points.cos[i] - b.points.cos[j] * a.points.sin[i];
    let mut own = Move {
        cos,
        sin,
        x: 0.0,
        y: 0.0,
    };
    let (x, y) = own.place(a.points.x[i], a.points.y[i]);
    (own.x, own.y) = (b.points.x[j] - x, b.points.y[j] - y);
    let mut sums = Sums::default();
    for other in pairs.list() {
        let (k, l) = (usize::from(other.a), usize::from(other.b));
        let (x, y) = own.place(a.points.x[k], a.points.y[k]);
        let (dx, dy) = (x - b.points.x[l], y - b.points.y[l]);
        let away = (dx * dx + dy * dy).sqrt();
        let turn = (a.points.cos[k] * b.points.cos[l] + a.points.sin[k] * b.points.sin[l]) * cos
            + (b.points.sin[l] * a.points.cos[k] - b.points.cos[l] * a.points.sin[k]) * sin;
        if away < params.support_px && turn > params.support_cosine {
            sums.add(
                (a.points.x[k], a.points.y[k]),
                (b.points.x[l], b.points.y[l]),
                other.relaxed.max(1e-3),
            );
        }
    }
    sums.best_move().unwrap_or(own)
}

/// Weighted sums for the least-squares rigid move.
#[derive(Default)]
struct Sums {
    weight: f32,
    count: usize,
    a: (f32, f32),
    b: (f32, f32),
    dot: f32,
    cross: f32,
}

impl Sums {
    fn add(&mut self, a: (f32, f32), b: (f32, f32), weight: f32) {
        self.count += 1;
        self.weight += weight;
        self.a = (self.a.0 + weight * a.0, self.a.1 + weight * a.1);
        self.b = (self.b.0 + weight * b.0, self.b.1 + weight * b.1);
        self.dot += weight * (a.0 * b.0 + a.1 * b.1);
        self.cross += weight * (a.1 * b.0 - a.0 * b.1);
    }

    fn best_move(&self) -> Option<Move> {
        if self.count < 2 {
            return None;
        }
        let dot = self.dot - (self.a.0 * self.b.0 + self.a.1 * self.b.1) / self.weight;
        let cross = self.cross - (self.a.1 * self.b.0 - self.a.0 * self.b.1) / self.weight;
        let norm = dot.hypot(cross);
        if norm < 1.0 * self.weight {
            return None;
        }
        let mut best = Move {
            cos: dot / norm,
            sin: cross / norm,
            x: 0.0,
            y: 0.0,
        };
        let (x, y) = best.place(self.a.0 / self.weight, self.a.1 / self.weight);
        (best.x, best.y) = (self.b.0 / self.weight - x, self.b.1 / self.weight - y);
        Some(best)
    }
}

fn fit(a: &Prepared, b: &Prepared, met: &Meeting) -> Option<Move> {
    let mut sums = Sums::default();
    for (i, &partner) in met.partner[..a.points.len()].iter().enumerate() {
        if partner != NONE {
            let j = usize::from(partner);
            sums.add(
                (a.points.x[i], a.points.y[i]),
                (b.points.x[j], b.points.y[j]),
                met.close[i].max(1e-3),
            );
        }
    }
    sums.best_move()
}

/// Pairs minutiae that are each other's nearest under a move, within tolerances of place (px) and direction (radians).
///
/// With an earlier meeting, each minutia is first displaced as its neighbours of that meeting were (a Gaussian mean over
/// the given distance).
#[inline(always)]
fn meet(
    a: &Prepared,
    b: &Prepared,
    by: &Move,
    earlier: Option<(&Meeting, f32)>,
    (place_px, angle): (f32, f32),
) -> Meeting {
    let n = a.points.len().min(MOST_MINUTIAE);
    let m = b.points.x.len().min(MOST_MINUTIAE);
    let mut out = Meeting {
        x: [0.0; MOST_MINUTIAE],
        y: [0.0; MOST_MINUTIAE],
        partner: [NONE; MOST_MINUTIAE],
        close: [0.0; MOST_MINUTIAE],
        total: 0.0,
    };
    for i in 0..n {
        (out.x[i], out.y[i]) = by.place(a.points.x[i], a.points.y[i]);
    }
    if let Some((met, reach)) = earlier {
        displace(b, met, reach, &mut out, n);
    }
    let limits = Limits {
        place: 1.0 / (place_px * place_px),
        angle: 1.0 / (angle * angle),
    };
    let mut cos = [0f32; MOST_MINUTIAE];
    let mut sin = [0f32; MOST_MINUTIAE];
    for i in 0..n {
        cos[i] = by.cos * a.points.cos[i] - by.sin * a.points.sin[i];
        sin[i] = by.sin * a.points.cos[i] + by.cos * a.points.sin[i];
    }
    let theirs = Placed {
        x: &b.points.x[..m],
        y: &b.points.y[..m],
        cos: &b.points.cos[..m],
        sin: &b.points.sin[..m],
    };
    let whole = n.next_multiple_of(LANES).min(MOST_MINUTIAE);
    out.x[n..whole].fill(FAR_PX);
    let (x, y) = (out.x, out.y);
    let ours = Placed {
        x: &x[..whole],
        y: &y[..whole],
        cos: &cos[..whole],
        sin: &sin[..whole],
    };
    for i in 0..n {
        let Some((j, cost)) = nearest(&theirs, ours.one(i), &limits) else {
            continue;
        };
        let back = nearest(&ours, theirs.one(j), &limits);
        if back.is_some_and(|(k, _)| k == i) {
            out.partner[i] = j as u16;
            out.close[i] = 1.0 - cost;
            out.total += out.close[i] * (a.points.weight[i] * b.points.weight[j]).sqrt();
        }
    }
    out
}

/// Where minutiae lie that only fill a vector up, px.
const FAR_PX: f32 = 1e6;

/// One over the squares of the tolerances.
struct Limits {
    place: f32,
    angle: f32,
}

/// Minutiae of one print, laid on the other.
struct Placed<'a> {
    x: &'a [f32],
    y: &'a [f32],
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Placed<'_> {
    /// Place and direction of one.
    #[inline(always)]
    fn one(&self, index: usize) -> [f32; 4] {
        [
            self.x[index],
            self.y[index],
            self.cos[index],
            self.sin[index],
        ]
    }
}

/// Which of `others` is nearest in place and direction, and at what cost (to a share of 2^-16), when that is less than one.
#[inline(always)]
fn nearest(
    others: &Placed<'_>,
    [x, y, cos, sin]: [f32; 4],
    limits: &Limits,
) -> Option<(usize, f32)> {
    let m = others.x.len();
    let (xs, ys) = (others.x, &others.y[..m]);
    let (coss, sins) = (&others.cos[..m], &others.sin[..m]);
    let mut least = u32::MAX;
    for j in 0..m {
        let (dx, dy) = (x - xs[j], y - ys[j]);
        let turned = 1.0 - (cos * coss[j] + sin * sins[j]);
        // Twice one minus the cosine is the squared angle, nearly.
        let cost = (dx * dx + dy * dy) * limits.place + 2.0 * turned * limits.angle;
        least = least.min(key(cost.max(0.0), j));
    }
    let (cost, index) = of_key(least);
    (cost < 1.0).then_some((index, cost))
}

/// Moves each place of `out` by the mean remaining displacement of its neighbours in an earlier meeting.
#[inline(always)]
fn displace(b: &Prepared, met: &Meeting, reach: f32, out: &mut Meeting, n: usize) {
    let share = 0.125 / (reach * reach);
    // What met, as columns: place, remaining displacement, closeness.
    let mut x = [0f32; MOST_MINUTIAE];
    let mut y = [0f32; MOST_MINUTIAE];
    let mut dx = [0f32; MOST_MINUTIAE];
    let mut dy = [0f32; MOST_MINUTIAE];
    let mut close = [0f32; MOST_MINUTIAE];
    let mut of = [usize::MAX; MOST_MINUTIAE];
    let mut count = 0;
    for i in (0..n).filter(|&i| met.partner[i] != NONE) {
        let j = usize::from(met.partner[i]);
        (x[count], y[count]) = (out.x[i], out.y[i]);
        (dx[count], dy[count]) = (b.points.x[j] - out.x[i], b.points.y[j] - out.y[i]);
        close[count] = met.close[i];
        of[count] = i;
        count += 1;
    }
    let whole = count.next_multiple_of(LANES).min(MOST_MINUTIAE);
    let mut own = 0;
    for i in 0..n {
        let (x0, y0) = (out.x[i], out.y[i]);
        let mut sums = [[0f32; LANES]; 3];
        for start in (0..whole).step_by(LANES) {
            let lane = |values: &[f32; MOST_MINUTIAE]| -> [f32; LANES] {
                std::array::from_fn(|k| values[start + k])
            };
            let (x, y, close) = (lane(&x), lane(&y), lane(&close));
            let (dx, dy) = (lane(&dx), lane(&dy));
            for k in 0..LANES {
                let square = (x[k] - x0) * (x[k] - x0) + (y[k] - y0) * (y[k] - y0);
                // A bell of finite width: 1 at the place itself, 0 from `reach * sqrt(8)` on.
                let near = (1.0 - square * share).max(0.0);
                let weight = near * near * close[k];
                sums[0][k] += weight * dx[k];
                sums[1][k] += weight * dy[k];
                sums[2][k] += weight;
            }
        }
        let [mut sx, mut sy, mut total] = sums.map(|parts| parts.iter().sum::<f32>());
        // Its own displacement is not its neighbours'.
        if own < count && of[own] == i {
            sx -= close[own] * dx[own];
            sy -= close[own] * dy[own];
            total -= close[own];
            own += 1;
        }
        // A prior of no displacement, worth one neighbour.
        out.x[i] += sx / (total + 1.0);
        out.y[i] += sy / (total + 1.0);
    }
}

#[inline(always)]
fn count(a: &Prepared, b: &Prepared, by: &Move, met: &Meeting, evidence: &mut Evidence) {
    let (n, m) = (a.points.len(), b.points.len());
    let (mut matched, mut close, mut met_count) = (0.0, 0.0, 0.0);
    let (mut expected_a, mut expected_b) = (0.0, 0.0);
    let mut has_partner = [false; MOST_MINUTIAE];
    for i in 0..n {
        let partner = met.partner[i];
        if partner != NONE {
            let j = usize::from(partner);
            has_partner[j] = true;
            matched += (a.points.weight[i] * b.points.weight[j]).sqrt();
            close += met.close[i];
            met_count += 1.0;
            expected_a += a.points.weight[i];
            expected_b += b.points.weight[j];
        } else if b.map.cell(met.x[i], met.y[i]).is_some() {
            expected_a += a.points.weight[i];
        }
    }
    let back = Move {
        cos: by.cos,
        sin: -by.sin,
        x: 0.0,
        y: 0.0,
    };
    for j in (0..m).filter(|&j| !has_partner[j]) {
        let (x, y) = back.place(b.points.x[j] - by.x, b.points.y[j] - by.y);
        if a.map.cell(x, y).is_some() {
            expected_b += b.points.weight[j];
        }
    }
    evidence.matched = matched;
    evidence.expected = f32::sqrt(expected_a * expected_b);
    evidence.closeness = if met_count > 0.0 {
        close / met_count
    } else {
        0.0
    };
    let (cos2, sin2) = (by.cos * by.cos - by.sin * by.sin, 2.0 * by.cos * by.sin);
    let (mut sum, mut cells) = (0.0, 0.0);
    for row in 0..a.map.rows {
        for column in 0..a.map.columns {
            let index = row * a.map.columns + column;
            let (c, s) = (a.map.cos2[index], a.map.sin2[index]);
            if c == 0.0 && s == 0.0 {
                continue;
            }
            let (x, y) = by.place(
                (column as f32 + 0.5) * a.map.cell_px,
                (row as f32 + 0.5) * a.map.cell_px,
            );
            if let Some(other) = b.map.cell(x, y) {
                sum += (c * cos2 - s * sin2) * b.map.cos2[other]
                    + (s * cos2 + c * sin2) * b.map.sin2[other];
                cells += 1.0;
            }
        }
    }
    evidence.orientation = if cells > 0.0 { sum / cells } else { 0.0 };
}

/// Whether what meets lies to its neighbours in one print as in the other.
///
/// Counting knows only one move for all; this judges each meeting by those near it, so that chance meetings weigh little.
#[inline(always)]
fn edges(a: &Prepared, b: &Prepared, met: &Meeting, all: &Params, evidence: &mut Evidence) {
    let mut pairs = [Pair::default(); MOST_MINUTIAE];
    let mut len = 0;
    for i in 0..a.points.len().min(MOST_MINUTIAE) {
        if met.partner[i] != NONE {
            let j = usize::from(met.partner[i]);
            pairs[len] = Pair::new(a, b, (i, j), 0.0);
            len += 1;
        }
    }
    let pairs = &pairs[..len];
    let edges = Edges::<MOST_MINUTIAE>::new(a, b, pairs);
    let mut agreeing = 0.0;
    let mut row = [0f32; MOST_MINUTIAE];
    for t in 0..len {
        edges.agreement(t, &all.pair, &mut row[..len]);
        edges.clear_long(t, all.align.edge_px, &mut row[..len]);
        row[t] = 0.0;
        agreeing += sum(&row[..len]);
    }
    // Agreeing edges a meeting: both many meetings and true ones are needed.
    evidence.edges = (agreeing / (len as f32 + all.align.prior_meetings)).ln_1p();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Limits {
        fn cost(&self, a: &[f32; 4], b: &[f32; 4]) -> f32 {
            let place = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
            let turned = 1.0 - (a[2] * b[2] + a[3] * b[3]);
            place * self.place + 2.0 * turned * self.angle
        }
    }

    /// Minutiae that are each other's nearest, looked for one by one.
    fn plainly_nearest(
        others: &[[f32; 4]],
        one: [f32; 4],
        limits: &Limits,
    ) -> Option<(usize, f32)> {
        let costs = others
            .iter()
            .map(|other| limits.cost(other, &one))
            .enumerate();
        let best = costs.min_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 < 1.0).then_some(best)
    }

    proptest! {
        #[test]
        fn the_nearest_by_lanes_is_the_nearest(
            others in prop::collection::vec((0f32..200.0, 0f32..200.0, 0f32..6.2), LANES * 3),
            (x, y, angle) in (0f32..200.0, 0f32..200.0, 0f32..6.2),
        ) {
            let others: Vec<[f32; 4]> = others.iter().map(|(x, y, a)| [*x, *y, a.cos(), a.sin()]).collect();
            let column = |k: usize| others.iter().map(|other| other[k]).collect::<Vec<f32>>();
            let (xs, ys, coss, sins) = (column(0), column(1), column(2), column(3));
            let placed = Placed { x: &xs, y: &ys, cos: &coss, sin: &sins };
            let limits = Limits { place: 1.0 / 3_600.0, angle: 1.0 };
            let one = [x, y, angle.cos(), angle.sin()];
            let (fast, plain) = (nearest(&placed, one, &limits), plainly_nearest(&others, one, &limits));
            let near = |cost: f32| move |other: f32| (cost - other).abs() < 1e-4;
            match (fast, plain) {
                (Some((i, cost)), Some((j, least))) => prop_assert!(near(cost)(least) && (i == j || near(least)(limits.cost(&others[i], &one)))),
                (None, None) => {}
                (one, other) => prop_assert!(one.or(other).is_some_and(|(_, cost)| near(cost)(1.0))),
            }
        }

        #[test]
        fn the_best_move_of_a_moved_figure_is_that_move(turn in -3f32..3.0, x in -80f32..80.0, y in -80f32..80.0) {
            let moved = Move { cos: turn.cos(), sin: turn.sin(), x, y };
            let mut sums = Sums::default();
            for (px, py) in [(10.0, 20.0), (90.0, 35.0), (40.0, 120.0), (75.0, 80.0)] {
                sums.add((px, py), moved.place(px, py), 0.7);
            }
            let found = sums.best_move().expect("four places");
            let ((ax, ay), (bx, by)) = (found.place(60.0, 60.0), moved.place(60.0, 60.0));
            prop_assert!((ax - bx).hypot(ay - by) < 0.1);
        }
    }

    #[test]
    fn one_place_fixes_no_move() {
        let mut sums = Sums::default();
        assert!(sums.best_move().is_none());
        for _ in 0..3 {
            sums.add((5.0, 5.0), (9.0, 9.0), 1.0);
        }
        assert!(sums.best_move().is_none());
    }
}
