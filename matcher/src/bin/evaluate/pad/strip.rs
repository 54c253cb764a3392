//! The contact sheet: a row an actor, a column a moment of a script that runs by the clock.

use matcher::pad::challenge::Script;
use matcher::simulation::{Actor, FRAME, Species, Subject, rehearsal};
use rayon::prelude::*;

use super::people::Halves;
use super::words::challenge;
use crate::canvas::Canvas;

/// A picture of every actor.
pub struct Sheet {
    /// Its pixels.
    pub canvas: Canvas,
    /// Who is in each row, from above.
    pub rows: Vec<String>,
    /// What is asked from left to right.
    pub asked: String,
}

/// Draws every actor once.
pub fn draw(halves: &Halves, seed: u64) -> Sheet {
    let script = Script::draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut actors: Vec<(String, Box<dyn Actor>)> = Vec::new();
    for k in 0..SUBJECTS {
        let subject = halves.subject(k);
        let name = format!("simulated subject {}", k + 1);
        actors.push((
            name,
            Box::new(Subject::new(subject.clone(), seed + k as u64)),
        ));
    }
    for (k, species) in Species::ALL.into_iter().enumerate() {
        let actor = species.stage(&halves.cast(k), seed + k as u64);
        actors.push((species.name().to_owned(), actor));
    }
    let rows: Vec<(String, Vec<Canvas>)> = actors
        .into_par_iter()
        .map(|(name, mut actor)| (name, moments(actor.as_mut(), &script)))
        .collect();
    let (width, height) = (FRAME.0 / SHRINK, FRAME.1 / SHRINK);
    let mut canvas = Canvas::new(width * MOMENTS, height * rows.len(), [0; 3]);
    for (row, (_, cells)) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            canvas.paste(cell, column * width, row * height);
        }
    }
    let asked: Vec<String> = script.challenges().iter().map(challenge).collect();
    Sheet {
        canvas,
        rows: rows.into_iter().map(|(name, _)| name).collect(),
        asked: asked.join(", "),
    }
}

fn moments(actor: &mut dyn Actor, script: &Script) -> Vec<Canvas> {
    let length_s = rehearsal::length_s(script);
    let mut cells = Vec::new();
    for step in 0.. {
        let at_s = f64::from(step) * FRAME_S;
        if cells.len() == MOMENTS {
            break;
        }
        let frame = actor.frame(at_s, &rehearsal::shown(script, at_s));
        if at_s >= length_s * (cells.len() as f64 + 0.5) / MOMENTS as f64 {
            cells.push(Canvas::drawn(FRAME.0 / SHRINK, FRAME.1 / SHRINK, |x, y| {
                let at = 3 * SHRINK * (y * FRAME.0 + x);
                [frame.pixels[at], frame.pixels[at + 1], frame.pixels[at + 2]]
            }));
        }
    }
    cells
}

const SUBJECTS: usize = 3;
const MOMENTS: usize = 8;
const SHRINK: usize = 4;
/// Between two frames.
pub const FRAME_S: f64 = 1.0 / 10.0;
