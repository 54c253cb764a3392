//! Every stage of three small made-up prints, held against pictures that were looked at: a faster stage must see the same.
//!
//! The pictures lie in `matcher/tests/golden/<print>/`. They are compared with tolerance, so that the order of a sum may change but
//! not what comes of it. After a change that is meant to change stages: `WHORL_GOLDEN=write cargo test -p matcher golden`, then
//! look at the difference before it is committed. The prints' own pictures are kept unless their files are removed.

use std::f32::consts::{PI, TAU};
use std::fs;
use std::path::{Path, PathBuf};

use crate::fingerprint::plane::CELL_PX;
use crate::fingerprint::synthetic::{Class, Condition, Finger, FingerParams};
use crate::fingerprint::{Params, Stage, Traced, trace};
use crate::sample::{GreyImage, Limits};

const SIZE: (usize, usize) = (150, 150);

fn folder(print: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(print)
}

fn is_writing() -> bool {
    std::env::var("WHORL_GOLDEN").is_ok_and(|v| v == "write")
}

/// A stage as bytes, and how they differ.
struct Form {
    levels: fn(f32) -> u8,
    /// Difference of two bytes.
    apart: fn(u8, u8) -> f32,
    /// Most mean difference.
    mean: f32,
    /// A difference above the first is large; at most the second share may be.
    large: (f32, f32),
}

fn level_difference(a: u8, b: u8) -> f32 {
    f32::from(a.abs_diff(b))
}

fn form(stage: Stage) -> Form {
    let grey = |levels: fn(f32) -> u8| Form {
        levels,
        apart: level_difference,
        mean: 1.0,
        large: (12.0, 0.01),
    };
    match stage {
        Stage::Grey => grey(|v| v.round() as u8),
        Stage::Normalised => grey(|v| (128.0 + 60.0 * v).round() as u8),
        Stage::FirstEnhanced | Stage::Enhanced => grey(|v| (128.0 + 100.0 * v).round() as u8),
        Stage::RidgePeriod => grey(|v| (12.0 * v).round() as u8),
        Stage::Coherence | Stage::Quality => grey(|v| (255.0 * v).round() as u8),
        Stage::FirstOrientation | Stage::Orientation => Form {
            levels: |v| {
                if v.is_nan() {
                    255
                } else {
                    ((v / PI * 255.0).round() as u16 % 255) as u8
                }
            },
            // 255ths of half a turn, round the circle; in and out of the print is as far as can be.
            apart: |a, b| match (a, b) {
                (255, 255) => 0.0,
                (255, _) | (_, 255) => 127.0,
                _ => {
                    let apart = a.abs_diff(b);
                    f32::from(apart.min(255 - apart))
                }
            },
            mean: 1.5,
            large: (10.0, 0.02),
        },
        Stage::Segmentation
        | Stage::Ridges
        | Stage::Valleys
        | Stage::RidgeLines
        | Stage::ValleyLines => Form {
            levels: |v| if v > 0.5 { 255 } else { 0 },
            apart: level_difference,
            mean: 0.01 * 255.0,
            large: (128.0, 0.01),
        },
    }
}

fn read(path: &Path) -> GreyImage {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    GreyImage::decode(&bytes, &Limits::default()).expect("a picture")
}

fn write(path: &Path, width: usize, height: usize, bytes: &[u8]) {
    use image::ImageEncoder;
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Best, FilterType::Adaptive)
        .write_image(
            bytes,
            width as u32,
            height as u32,
            image::ExtendedColorType::L8,
        )
        .expect("encodes");
    assert!(out.len() < 30_000, "{} is too large", path.display());
    fs::write(path, out).expect("writes");
}

/// Runs the print through the stages and holds each against its picture.
fn check(print: &str, class: Class, condition: Condition) {
    let folder = folder(print);
    let input = folder.join("input.png");
    if is_writing() && !input.exists() {
        fs::create_dir_all(&folder).expect("a folder");
        let params = FingerParams {
            size_px: SIZE,
            class: Some(class),
            ..FingerParams::default()
        };
        let condition = Condition {
            frame_px: SIZE,
            ..condition
        };
        let made = Finger::grow(11, &params).impression(1, &condition).image;
        write(&input, made.width, made.height, &made.pixels);
    }
    let (stages, extraction) = trace(&read(&input), Some(500.0), &Params::default());
    let extraction = extraction.unwrap_or_else(|e| panic!("{print}: {e}"));
    let minutiae = extraction.template.minutiae().iter().map(|m| {
        format!(
            "{:.1} {:.1} {:.2} {:?}",
            m.x_px(),
            m.y_px(),
            m.angle(),
            m.kind()
        )
    });
    let minutiae: Vec<String> = minutiae.collect();
    let list = folder.join("minutiae.txt");
    if is_writing() {
        for stage in &stages {
            let levels: Vec<u8> = stage
                .values
                .iter()
                .map(|&v| (form(stage.stage).levels)(v))
                .collect();
            let path = folder.join(format!("{}.png", stage.stage.name()));
            write(&path, stage.width, stage.height, &levels);
        }
        fs::write(&list, minutiae.join("\n") + "\n").expect("writes");
        return;
    }
    let mut faults: Vec<String> = stages
        .iter()
        .filter_map(|stage| fault(&folder, stage))
        .collect();
    let golden = fs::read_to_string(&list).unwrap_or_else(|e| panic!("{}: {e}", list.display()));
    let golden: Vec<&str> = golden.lines().collect();
    for (some, others) in [
        (
            minutiae.iter().map(String::as_str).collect::<Vec<_>>(),
            &golden,
        ),
        (
            golden.clone(),
            &minutiae.iter().map(String::as_str).collect(),
        ),
    ] {
        let lost = some
            .iter()
            .filter(|m| !others.iter().any(|o| is_same(m, o)))
            .count();
        // One in ten may come or go: those of the least quality hang on a rounding.
        if lost > (some.len() / 10).max(1) {
            faults.push(format!(
                "{lost} of {} minutiae without their like",
                some.len()
            ));
        }
    }
    assert!(faults.is_empty(), "{print}: {}", faults.join("; "));
}

fn is_same(a: &str, b: &str) -> bool {
    let numbers = |line: &str| -> Vec<f32> {
        line.split(' ')
            .take(3)
            .map(|v| v.parse().expect("a number"))
            .collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    let turn = ((a[2] - b[2] + 3.0 * PI).rem_euclid(TAU) - PI).abs();
    (a[0] - b[0]).hypot(a[1] - b[1]) < 4.0 && turn < 0.25
}

/// What is wrong with a stage, if anything.
fn fault(folder: &Path, stage: &Traced) -> Option<String> {
    let golden = read(&folder.join(format!("{}.png", stage.stage.name())));
    let name = stage.stage.name();
    if (golden.width, golden.height) != (stage.width, stage.height) {
        return Some(format!("{name} is {} x {}", stage.width, stage.height));
    }
    let form = form(stage.stage);
    let levels: Vec<u8> = stage.values.iter().map(|&v| (form.levels)(v)).collect();
    let is_line = matches!(stage.stage, Stage::RidgeLines | Stage::ValleyLines);
    // What a stage makes of the ground beside the print is its own affair.
    let print = read(&folder.join("segmentation.png"));
    let is_print = |index: usize| {
        let cells = CELL_PX / stage.stage.cell_px();
        let (x, y) = (index % stage.width / cells, index / stage.width / cells);
        stage.stage == Stage::Segmentation || print.pixels[y * print.width + x] > 0
    };
    let (mean, large) = if is_line {
        // A line may lie one pixel aside, so only what is farther counts.
        let lost = strays(&levels, &golden.pixels, stage.width)
            + strays(&golden.pixels, &levels, stage.width);
        let on = levels
            .iter()
            .chain(&golden.pixels)
            .filter(|v| **v > 0)
            .count();
        (0.0, lost as f32 / on.max(1) as f32 / 4.0)
    } else {
        let (mut sum, mut large, mut count) = (0.0, 0.0, 0.0);
        for index in (0..levels.len()).filter(|&index| is_print(index)) {
            let value = (form.apart)(levels[index], golden.pixels[index]);
            sum += value;
            large += f32::from(u8::from(value > form.large.0));
            count += 1.0;
        }
        (sum / count, large / count)
    };
    (mean > form.mean || large > form.large.1).then(|| {
        format!(
            "{name} differs by {mean:.2} levels, {:.2} % of it much",
            100.0 * large
        )
    })
}

/// Pixels of a line that have no pixel of the other within one step.
fn strays(line: &[u8], other: &[u8], width: usize) -> usize {
    let height = line.len() / width;
    let is_near = |index: usize| {
        let (x, y) = (index % width, index / width);
        (y.saturating_sub(1)..(y + 2).min(height))
            .any(|j| (x.saturating_sub(1)..(x + 2).min(width)).any(|i| other[j * width + i] > 0))
    };
    (0..line.len())
        .filter(|&index| line[index] > 0 && !is_near(index))
        .count()
}

#[test]
fn golden_stages_of_a_clear_loop() {
    check("clear-loop", Class::LeftLoop, Condition::clear());
}

#[test]
fn golden_stages_of_a_wet_whorl() {
    let condition = Condition {
        turn: 0.3,
        ..Condition::wet()
    };
    check("wet-whorl", Class::Whorl, condition);
}

#[test]
fn golden_stages_of_a_dry_arch() {
    let condition = Condition {
        shift_px: (12.0, 8.0),
        scratches: 2,
        ..Condition::dry()
    };
    check("dry-arch", Class::Arch, condition);
}

#[test]
fn a_stage_that_sees_something_else_is_told() {
    if is_writing() {
        return;
    }
    let folder = folder("clear-loop");
    let (stages, _) = trace(
        &read(&folder.join("input.png")),
        Some(500.0),
        &Params::default(),
    );
    for mut stage in stages {
        // One part in eight of each stage is blotted out.
        let count = stage.values.len();
        let high = if stage.stage == Stage::Grey {
            255.0
        } else {
            0.0
        };
        let blot = if stage.stage.name().contains("orientation") {
            1.2
        } else {
            high
        };
        let blotted = stage.values[count / 2..count / 2 + count / 8].iter_mut();
        let mut changed = false;
        for value in blotted {
            changed |= *value != blot;
            *value = blot;
        }
        assert!(
            changed && fault(&folder, &stage).is_some(),
            "{:?}",
            stage.stage
        );
    }
}
