//! `evaluate fingerprint --compare`: what pairs two prints, drawn, and what their score is worth.

use std::path::Path;

use anyhow::anyhow;
use matcher::fingerprint::{CALIBRATION, Explanation, Params, Prepared, Template, explain};

use super::input::Input;
use super::trace::{Seen, ZOOM, mark, minutiae_on};
use crate::canvas::{Canvas, Colour};

/// Draws the pairs of two samples into `picture` and prints the score with its reasons.
pub(super) fn run((a, b): (&Path, &Path), input: Input, picture: &Path) -> anyhow::Result<()> {
    let params = Params::default();
    let compared = Compared::new((a, b), input, &params)?;
    let why = &compared.why;
    compared.side_by_side(ZOOM).save(picture)?;
    let (width, shown) = (9, |name: &str, v: f32| println!("  {name:<12} {v:>9.3}"));
    println!(
        "{}: pairs side by side, then the second print with the first laid on it",
        picture.display()
    );
    println!("score {:>width$.3}   {}", why.score, worth(why.score));
    println!(
        "{} of {} and {} minutiae pair; turned by {:.0} degrees",
        why.pairs.len(),
        compared.templates[0].minutiae().len(),
        compared.templates[1].minutiae().len(),
        why.turn.to_degrees()
    );
    for (name, value) in why.evidence.columns() {
        shown(name, value);
    }
    Ok(())
}

/// What a score is worth, in words.
pub fn worth(score: f64) -> String {
    format!(
        "log-likelihood ratio {:+.1}; as a threshold it has a false match rate of {:.2} % on development data",
        CALIBRATION.llr(score),
        100.0 * CALIBRATION.false_match_rate(score)
    )
}

/// Two samples and what they have in common.
pub struct Compared {
    seen: [Seen; 2],
    templates: [Template; 2],
    /// Score, pairs and move.
    pub why: Explanation,
}

impl Compared {
    /// Extracts and compares two samples, each as it would be stored.
    pub(super) fn new(
        (a, b): (&Path, &Path),
        input: Input,
        params: &Params,
    ) -> anyhow::Result<Self> {
        let read = |path: &Path| -> anyhow::Result<(Seen, Template)> {
            let seen = Seen::new(path, input, params)?;
            let made = seen.extraction.as_ref();
            let made = made.map_err(|error| anyhow!("{}: {error}", path.display()))?;
            let template = Template::from_bytes(&made.template.to_bytes())?;
            Ok((seen, template))
        };
        let ((seen_a, a), (seen_b, b)) = (read(a)?, read(b)?);
        let why = explain(
            &Prepared::new(&a, params),
            &Prepared::new(&b, params),
            params,
        );
        Ok(Self {
            seen: [seen_a, seen_b],
            templates: [a, b],
            why,
        })
    }

    /// Both prints with their pairs joined, and the second with the first laid on it.
    pub fn side_by_side(&self, zoom: usize) -> Canvas {
        let [a, b] = [0, 1].map(|k| minutiae_on(self.seen[k].ground(), &self.templates[k], zoom));
        let overlay = self.overlay().enlarged(zoom);
        let height = a.height.max(b.height);
        let gap = 8 * zoom;
        let mut canvas = Canvas::new(
            a.width + b.width + overlay.width + 2 * gap,
            height,
            [255; 3],
        );
        let left = a.width + gap;
        canvas.paste(&a, 0, 0);
        canvas.paste(&b, left, 0);
        canvas.paste(&overlay, left + b.width + gap, 0);
        let z = zoom as f32;
        for (index, (i, j)) in self.why.pairs.iter().enumerate() {
            let colour = PAIRS[index % PAIRS.len()];
            let (m, n) = (
                self.templates[0].minutiae()[*i],
                self.templates[1].minutiae()[*j],
            );
            let from = (m.x_px() * z, m.y_px() * z);
            let to = (n.x_px() * z + left as f32, n.y_px() * z);
            canvas.line(from, to, 0.5 * z, colour);
            canvas.ring(from, 4.5 * z, 0.8 * z, colour);
            canvas.ring(to, 4.5 * z, 0.8 * z, colour);
        }
        canvas
    }

    /// Ridges of the first red, of the second blue, of both dark; the first is turned and shifted onto the second.
    fn overlay(&self) -> Canvas {
        let [Some(a), Some(b)] = [0, 1].map(|k| self.seen[k].ground()) else {
            return Canvas::new(1, 1, [255; 3]);
        };
        let mut canvas = Canvas::drawn(b.width, b.height, |x, y| {
            let own = b.values[y * b.width + x];
            let (u, v) = self.why.place_back(x as f32, y as f32);
            let (i, j) = (u.round(), v.round());
            let is_inside = i >= 0.0 && j >= 0.0 && i < a.width as f32 && j < a.height as f32;
            let laid = if is_inside {
                a.values[j as usize * a.width + i as usize]
            } else {
                255.0
            };
            // What is dark in one takes away the other's colour.
            [own, 0.5 * (own + laid), laid].map(|v| v as u8)
        });
        for (i, j) in &self.why.pairs {
            let (m, n) = (
                self.templates[0].minutiae()[*i],
                self.templates[1].minutiae()[*j],
            );
            let at = self.why.place(m.x_px(), m.y_px());
            canvas.line(at, (n.x_px(), n.y_px()), 1.2, [0, 110, 0]);
            mark(
                &mut canvas,
                (n.x_px(), n.y_px()),
                n.angle(),
                n.kind(),
                (1.0, [0, 110, 0]),
            );
        }
        canvas
    }
}

/// Colours of pairs in turn, so that neighbouring lines can be told apart.
const PAIRS: [Colour; 6] = [
    [0, 150, 60],
    [220, 120, 0],
    [120, 60, 200],
    [0, 140, 190],
    [200, 40, 120],
    [120, 120, 0],
];
