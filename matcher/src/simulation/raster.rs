//! Draws a grid of quadrilaterals into a frame, far ones first.
//!
//! What is carried from corner to corner (texture, light) is interpolated in the image: the quadrilaterals
//! are small, so perspective within one does not show.

use super::light::Light;

/// A corner of the grid, seen.
#[derive(Clone, Copy)]
pub(super) struct Corner<const N: usize> {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) depth: f32,
    /// A cell of four unseen corners is left out.
    pub(super) seen: bool,
    pub(super) carried: [f32; N],
}

/// Draws rows of `columns` corners; `shade` gives light and cover, 0 to 1.
pub(super) fn draw<const N: usize>(
    frame: &mut Light,
    corners: &[Corner<N>],
    columns: usize,
    shade: impl Fn([f32; N]) -> ([f32; 3], f32),
) {
    let rows = corners.len() / columns.max(1);
    let mut cells: Vec<(f32, usize)> = Vec::with_capacity(corners.len());
    for row in 1..rows {
        for column in 1..columns {
            let last = row * columns + column;
            let four = [last - columns - 1, last - columns, last - 1, last].map(|i| corners[i]);
            if four.iter().any(|c| c.seen) {
                cells.push((four.iter().map(|c| c.depth).sum(), last));
            }
        }
    }
    cells.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, last) in cells {
        let [a, b, c, d] =
            [last - columns - 1, last - columns, last - 1, last].map(|i| &corners[i]);
        triangle(frame, [a, b, c], &shade);
        triangle(frame, [b, d, c], &shade);
    }
}

fn triangle<const N: usize>(
    frame: &mut Light,
    [a, b, c]: [&Corner<N>; 3],
    shade: &impl Fn([f32; N]) -> ([f32; 3], f32),
) {
    let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if area.abs() < 1e-4 || !area.is_finite() {
        return;
    }
    let range = |p: f32, q: f32, r: f32, size: usize| {
        let from = (p.min(q).min(r) - 0.5).ceil().max(0.0) as usize;
        let to = (p.max(q).max(r) - 0.5).floor();
        from..if to < 0.0 {
            0
        } else {
            (to as usize + 1).min(size)
        }
    };
    for y in range(a.y, b.y, c.y, frame.height) {
        for x in range(a.x, b.x, c.x, frame.width) {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let v = ((px - a.x) * (c.y - a.y) - (py - a.y) * (c.x - a.x)) / area;
            let w = ((b.x - a.x) * (py - a.y) - (b.y - a.y) * (px - a.x)) / area;
            let u = 1.0 - v - w;
            if u < 0.0 || v < 0.0 || w < 0.0 {
                continue;
            }
            let (light, cover) = shade(std::array::from_fn(|n| {
                u * a.carried[n] + v * b.carried[n] + w * c.carried[n]
            }));
            if cover > 0.0 {
                let pixel = &mut frame.pixels[y * frame.width + x];
                for n in 0..3 {
                    pixel[n] += (light[n] - pixel[n]) * cover;
                }
            }
        }
    }
}
