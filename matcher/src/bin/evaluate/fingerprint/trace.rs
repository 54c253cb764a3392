//! `evaluate fingerprint --trace`: every stage of an extraction as a picture.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use matcher::fingerprint::{Extraction, Kind, Params, Stage, Template, Traced, trace};

use super::input::Input;
use crate::canvas::{Canvas, Colour, grey, hue, scale};

/// Writes the stages of the sample at `path` into `folder`, and a page that shows them all.
pub(super) fn run(folder: &Path, path: &Path, input: Input) -> anyhow::Result<()> {
    let params = Params::default();
    let seen = Seen::new(path, input, &params)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut pictures: Vec<(String, &str, Canvas)> = seen
        .stages
        .iter()
        .map(|stage| {
            let name = format!("{:02}-{}", stage.stage as usize + 1, stage.stage.name());
            (name, caption(stage.stage), picture(stage, seen.ground()))
        })
        .collect();
    if let Ok(extraction) = &seen.extraction {
        pictures.push((
            "15-minutiae".to_owned(),
            "minutiae: rings are ridge endings, squares are bifurcations; the paler, the poorer",
            minutiae_on(seen.ground(), &extraction.template, ZOOM),
        ));
    }
    let mut page = String::from(PAGE_HEAD);
    for (name, caption, canvas) in &pictures {
        canvas.save(&folder.join(format!("{name}.png")))?;
        println!("{name}.png  {caption}");
        writeln!(
            page,
            "<figure><img src=\"{name}.png\" alt=\"\"><figcaption><b>{name}</b> {caption}</figcaption></figure>"
        )?;
    }
    fs::write(folder.join("index.html"), page)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    println!("index.html  all of them on one page");
    match &seen.extraction {
        Ok(extraction) => println!(
            "{} minutiae, quality {}",
            extraction.template.minutiae().len(),
            extraction.quality
        ),
        Err(error) => println!("no template: {error}"),
    }
    Ok(())
}

const PAGE_HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stages of a fingerprint</title>\n\
<style>:root{color-scheme:light dark;font:14px/1.4 system-ui,sans-serif}body{display:flex;flex-wrap:wrap;gap:16px;margin:16px}\n\
figure{margin:0;max-width:380px}img{max-width:100%;border:1px solid #8886}</style>\n";

/// Pixels of a picture for one of the sample, where something is drawn over it.
pub const ZOOM: usize = 2;

/// A sample, what its extraction saw, and what came of it.
pub struct Seen {
    stages: Vec<Traced>,
    /// The template and its quality, or why there is none.
    pub extraction: Result<Extraction, String>,
}

impl Seen {
    /// Reads and extracts the sample at `path`.
    pub(super) fn new(path: &Path, input: Input, params: &Params) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let image = input.image(path, &bytes);
        let (image, dpi) = image.map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let (stages, extraction) = trace(&image, dpi, params);
        Ok(Self {
            stages,
            extraction: extraction.map_err(|error| error.to_string()),
        })
    }

    /// The sample at the scale of its minutiae.
    pub fn ground(&self) -> Option<&Traced> {
        self.stages.iter().find(|s| s.stage == Stage::Grey)
    }
}

fn caption(stage: Stage) -> &'static str {
    match stage {
        Stage::Grey => "the sample at 500 dpi",
        Stage::Segmentation => "what is print; the rest is dimmed",
        Stage::Normalised => "even brightness and contrast; ridges light",
        Stage::FirstOrientation => "ridge direction of the normalised image",
        Stage::RidgePeriod => "ridge period, from 4 (dark) to 16 pixels (yellow)",
        Stage::FirstEnhanced => "first pass of the contextual filter",
        Stage::Orientation => "ridge direction of the first pass",
        Stage::Coherence => "how sure that direction is, from 0 (dark) to 1 (yellow)",
        Stage::Enhanced => "second pass of the contextual filter",
        Stage::Quality => "quality, from 0 (dark) to 1 (yellow)",
        Stage::Ridges => "ridges, binary",
        Stage::Valleys => "valleys, binary",
        Stage::RidgeLines => "ridges thinned: a line's end is a ridge ending",
        Stage::ValleyLines => "valleys thinned: a line's end is a bifurcation of ridges",
    }
}

/// A stage to look at.
fn picture(stage: &Traced, ground: Option<&Traced>) -> Canvas {
    let cell = stage.stage.cell_px();
    let (width, height) = ground.map_or((stage.width * cell, stage.height * cell), |g| {
        (g.width, g.height)
    });
    let at = |x: usize, y: usize| stage.values[y / cell * stage.width + x / cell];
    let under = |x: usize, y: usize| ground.map_or(1.0, |g| g.values[y * g.width + x] / 255.0);
    match stage.stage {
        Stage::Grey => Canvas::drawn(width, height, |x, y| grey(at(x, y) / 255.0)),
        Stage::Segmentation => Canvas::drawn(width, height, |x, y| {
            let [v, ..] = grey(under(x, y));
            if at(x, y) > 0.5 {
                [v; 3]
            } else {
                // Towards violet, a colour that no print has.
                [v / 3 + 90, v / 3 + 40, v / 3 + 120]
            }
        }),
        Stage::Normalised => Canvas::drawn(width, height, |x, y| grey(0.5 + at(x, y) / 4.0)),
        Stage::FirstOrientation | Stage::Orientation => strokes(stage, ground),
        Stage::RidgePeriod => Canvas::drawn(width, height, |x, y| scale((at(x, y) - 4.0) / 12.0)),
        Stage::FirstEnhanced | Stage::Enhanced => {
            let largest = stage.values.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
            Canvas::drawn(width, height, |x, y| grey(0.5 + at(x, y) / largest))
        }
        Stage::Coherence | Stage::Quality => Canvas::drawn(width, height, |x, y| scale(at(x, y))),
        Stage::Ridges | Stage::Valleys => Canvas::drawn(width, height, |x, y| grey(1.0 - at(x, y))),
        Stage::RidgeLines | Stage::ValleyLines => {
            let line = if stage.stage == Stage::RidgeLines {
                ENDING
            } else {
                BIFURCATION
            };
            let drawn = Canvas::drawn(width, height, |x, y| {
                if at(x, y) > 0.5 {
                    line
                } else {
                    grey(0.6 + 0.4 * under(x, y))
                }
            });
            drawn.enlarged(ZOOM)
        }
    }
}

/// Short strokes along the ridges, coloured by direction.
fn strokes(stage: &Traced, ground: Option<&Traced>) -> Canvas {
    let cell = stage.stage.cell_px() * ZOOM;
    let mut canvas = faded(ground, stage.width * cell, stage.height * cell);
    for row in (STROKE_STEP / 2..stage.height).step_by(STROKE_STEP) {
        for column in (STROKE_STEP / 2..stage.width).step_by(STROKE_STEP) {
            let angle = stage.values[row * stage.width + column];
            if angle.is_nan() {
                continue;
            }
            let half = 0.45 * (STROKE_STEP * cell) as f32;
            let (x, y) = (
                (column as f32 + 0.5) * cell as f32,
                (row as f32 + 0.5) * cell as f32,
            );
            let (sin, cos) = (half * angle.sin(), half * angle.cos());
            let colour = hue(angle / std::f32::consts::PI);
            canvas.line((x - cos, y + sin), (x + cos, y - sin), 2.0, colour);
        }
    }
    canvas
}

/// Cells from stroke to stroke.
const STROKE_STEP: usize = 2;

/// The sample, pale, as a ground to draw on.
fn faded(ground: Option<&Traced>, width: usize, height: usize) -> Canvas {
    match ground {
        Some(g) => Canvas::drawn(g.width, g.height, |x, y| {
            grey(0.55 + 0.45 * g.values[y * g.width + x] / 255.0)
        })
        .enlarged(ZOOM),
        None => Canvas::new(width, height, [255; 3]),
    }
}

/// Red.
pub const ENDING: Colour = [214, 39, 40];
/// Blue.
pub const BIFURCATION: Colour = [31, 90, 220];

/// The sample with its minutiae, `zoom` times as large.
pub fn minutiae_on(ground: Option<&Traced>, template: &Template, zoom: usize) -> Canvas {
    let mut canvas = match ground {
        Some(g) => Canvas::drawn(g.width, g.height, |x, y| {
            grey(0.25 + 0.75 * g.values[y * g.width + x] / 255.0)
        })
        .enlarged(zoom),
        None => Canvas::new(1, 1, [255; 3]),
    };
    for m in template.minutiae() {
        let colour = match m.kind() {
            Kind::Ending => ENDING,
            Kind::Bifurcation => BIFURCATION,
        };
        let share = 0.3 + 0.7 * f32::from(m.quality()) / 100.0;
        let pale = colour.map(|v| (255.0 - (255.0 - f32::from(v)) * share) as u8);
        mark(
            &mut canvas,
            (m.x_px(), m.y_px()),
            m.angle(),
            m.kind(),
            (zoom as f32, pale),
        );
    }
    canvas
}

/// One minutia: a ring or a square, and a tail along its line.
pub fn mark(
    canvas: &mut Canvas,
    (x, y): (f32, f32),
    angle: f32,
    kind: Kind,
    (zoom, colour): (f32, Colour),
) {
    let middle = ((x + 0.5) * zoom - 0.5, (y + 0.5) * zoom - 0.5);
    let radius = 1.6 + 1.4 * zoom;
    let (sin, cos) = angle.sin_cos();
    let on_line = |t: f32| (middle.0 + t * cos, middle.1 - t * sin);
    canvas.line(
        on_line(radius),
        on_line(radius + 5.5 * zoom),
        1.0 + 0.4 * zoom,
        colour,
    );
    match kind {
        Kind::Ending => canvas.ring(middle, radius, 1.0 + 0.3 * zoom, colour),
        Kind::Bifurcation => canvas.square(middle, radius * 0.9, 1.0 + 0.3 * zoom, colour),
    }
}
