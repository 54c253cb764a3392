//! Lays one print on the other and counts what fits, against what should have fitted.
//!
//! The best supported pairs each propose a rigid move; the one under which most minutiae meet is refined, first rigidly and then with a
//! smooth local displacement, because skin stretches. Counts are held against the minutiae of both prints that lie in the
//! overlap, so that prints which share little are not punished for what the other never showed.

use super::pair::{Pair, Pairs, agreement};
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
#[derive(Clone, Copy)]
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
}

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

/// Lays `a` on `b` by their pairs.
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
    let mut best: Option<(Move, Meeting)> = None;
    for seed in 0..params.proposals.min(pairs.list().len()) {
        let first = propose(a, b, pairs, seed, params);
        let wide = meet(a, b, &first, None, params.wide);
        let Some(refined) = fit(a, b, &wide) else {
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

/// The move of one pair, its turn and shift averaged over the pairs that agree with it.
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
        let away = (x - b.points.x[l]).hypot(y - b.points.y[l]);
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
fn meet(
    a: &Prepared,
    b: &Prepared,
    by: &Move,
    earlier: Option<(&Meeting, f32)>,
    (place_px, angle): (f32, f32),
) -> Meeting {
    let (n, m) = (
        a.points.len().min(MOST_MINUTIAE),
        b.points.len().min(MOST_MINUTIAE),
    );
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
    let (share_place, share_angle) = (1.0 / (place_px * place_px), 1.0 / (angle * angle));
    let (mut nearest_a, mut nearest_b) = ([NONE; MOST_MINUTIAE], [NONE; MOST_MINUTIAE]);
    let (mut cost_a, mut cost_b) = ([1f32; MOST_MINUTIAE], [1f32; MOST_MINUTIAE]);
    for i in 0..n {
        let (cos, sin) = (
            by.cos * a.points.cos[i] - by.sin * a.points.sin[i],
            by.sin * a.points.cos[i] + by.cos * a.points.sin[i],
        );
        for j in 0..m {
            let (dx, dy) = (out.x[i] - b.points.x[j], out.y[i] - b.points.y[j]);
            let turned = 1.0 - (cos * b.points.cos[j] + sin * b.points.sin[j]);
            // Twice one minus the cosine is the squared angle, nearly.
            let cost = (dx * dx + dy * dy) * share_place + 2.0 * turned * share_angle;
            if cost < cost_a[i] {
                (cost_a[i], nearest_a[i]) = (cost, j as u16);
            }
            if cost < cost_b[j] {
                (cost_b[j], nearest_b[j]) = (cost, i as u16);
            }
        }
    }
    for i in 0..n {
        let j = nearest_a[i];
        if j != NONE && usize::from(nearest_b[usize::from(j)]) == i {
            out.partner[i] = j;
            out.close[i] = 1.0 - cost_a[i];
            out.total +=
                out.close[i] * (a.points.weight[i] * b.points.weight[usize::from(j)]).sqrt();
        }
    }
    out
}

/// Moves each place of `out` by the mean remaining displacement of its neighbours in an earlier meeting.
fn displace(b: &Prepared, met: &Meeting, reach: f32, out: &mut Meeting, n: usize) {
    let share = 0.5 / (reach * reach);
    let mut rest = [(0f32, 0f32, 0f32); MOST_MINUTIAE];
    for (k, rest) in rest.iter_mut().enumerate().take(n) {
        if met.partner[k] != NONE {
            let j = usize::from(met.partner[k]);
            *rest = (
                b.points.x[j] - out.x[k],
                b.points.y[j] - out.y[k],
                met.close[k],
            );
        }
    }
    let places: [(f32, f32); MOST_MINUTIAE] = std::array::from_fn(|k| (out.x[k], out.y[k]));
    for i in 0..n {
        // A prior of no displacement, worth one neighbour.
        let (mut sx, mut sy, mut total) = (0.0, 0.0, 1.0);
        for k in 0..n {
            if k == i || rest[k].2 == 0.0 {
                continue;
            }
            let square = (places[k].0 - places[i].0).powi(2) + (places[k].1 - places[i].1).powi(2);
            let exponent = square * share;
            if exponent > 4.0 {
                continue;
            }
            let weight = (1.0 - exponent / 4.0).powi(2) * rest[k].2;
            sx += weight * rest[k].0;
            sy += weight * rest[k].1;
            total += weight;
        }
        out.x[i] += sx / total;
        out.y[i] += sy / total;
    }
}

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
    let mut sum = 0.0;
    for (index, t) in pairs.iter().enumerate() {
        for k in &pairs[index + 1..] {
            let (i, j) = (usize::from(t.a), usize::from(k.a));
            let apart = (a.points.x[i] - a.points.x[j]).hypot(a.points.y[i] - a.points.y[j]);
            if apart < all.align.edge_px {
                sum += agreement(a, b, t, k, &all.pair);
            }
        }
    }
    // Agreeing edges a meeting: both many meetings and true ones are needed.
    evidence.edges = (2.0 * sum / (len as f32 + all.align.prior_meetings)).ln_1p();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
