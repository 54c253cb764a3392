//! `evaluate synthetic`: made-up fingerprints with their true minutiae, for measuring with no person's data.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use matcher::fingerprint::synthetic::{Agreement, Condition, Finger, FingerParams, Impression};
use matcher::fingerprint::{Kind, Params, extract};
use rayon::prelude::*;
use serde_json::{Value, json};

/// What to make up and where to write it.
#[derive(Args)]
#[command(
    after_help = "Writes <finger>_<impression>.png at 500 dpi, and beside each a .json with the truth: class, condition,\n\
    minutiae (x right, y down, px; angle in degrees counter-clockwise from +x, from the end into its line; kind;\n\
    distance to the edge of the contact), cores and deltas. The same seed gives the same fingers.\n\n\
    Example: evaluate synthetic --out made-up --fingers 100 --impressions 8 --seed 1\n\
             evaluate fingerprint --images made-up --dpi 500 --scores made-up.scores"
)]
pub struct Options {
    /// Folder to write into; made when it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many fingers.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    fingers: u32,
    /// How many impressions of each.
    #[arg(long, default_value_t = 4, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    impressions: u32,
    /// What the fingers are drawn from.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// How the fingers are touched down.
    #[arg(long, value_enum, default_value_t = Touch::Varied)]
    touch: Touch,
    /// How hard varied touches are: 0 easy, 1 as hard as FVC2004.
    #[arg(long, default_value_t = 0.6, value_name = "H")]
    hardness: f32,
    /// Width and height of the pictures, px.
    #[arg(long, default_value = "360x460", value_name = "WxH", value_parser = size)]
    size: (usize, usize),
    /// Also extracts from each and prints how that agrees with the truth.
    #[arg(long)]
    measure: bool,
}

/// What came of the fingers so far.
#[derive(Default)]
struct Sum {
    minutiae: usize,
    agreement: Agreement,
}

/// Conditions by name.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Touch {
    /// All conditions, as they happen to come.
    Varied,
    /// Careful.
    Clear,
    /// Narrow, broken ridges.
    Dry,
    /// Broad ridges, filled valleys.
    Wet,
    /// Half of the print.
    Partial,
    /// A careless slip of the skin.
    Distorted,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let parsed = text
        .split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parsed
        .filter(|(w, h)| (100..=1_000).contains(w) && (100..=1_000).contains(h))
        .ok_or_else(|| "two numbers from 100 to 1000, as in 360x460".to_owned())
}

/// Writes the prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        (0.0..=1.0).contains(&options.hardness),
        "--hardness goes from 0 to 1"
    );
    fs::create_dir_all(&options.out)
        .with_context(|| format!("cannot make {}", options.out.display()))?;
    let count = u64::from(options.fingers) * u64::from(options.impressions);
    let style = ProgressStyle::with_template("made-up fingers [{bar:40}] {pos}/{len} {eta}")?
        .progress_chars("=> ");
    let bar = ProgressBar::new(u64::from(options.fingers)).with_style(style);
    let sum = (1..=options.fingers)
        .into_par_iter()
        .map(|number| {
            let written = write_finger(options, number);
            bar.inc(1);
            written
        })
        .try_reduce(Sum::default, |mut sum, other| {
            sum.minutiae += other.minutiae;
            sum.agreement += other.agreement;
            Ok(sum)
        })?;
    bar.finish_and_clear();
    println!(
        "{count} impressions of {} fingers in {}; {:.1} minutiae an impression",
        options.fingers,
        options.out.display(),
        sum.minutiae as f64 / count as f64
    );
    if options.measure {
        report(&sum.agreement);
    }
    Ok(())
}

/// All impressions of one finger.
fn write_finger(options: &Options, number: u32) -> anyhow::Result<Sum> {
    // Seeds of neighbouring runs must not share fingers.
    let seed = options.seed.wrapping_mul(1_000_003) + u64::from(number);
    let params = FingerParams {
        size_px: options.size,
        ..FingerParams::default()
    };
    let finger = Finger::grow(seed, &params);
    let mut sum = Sum::default();
    for impression in 1..=options.impressions {
        let condition = condition(options, seed ^ (u64::from(impression) << 32));
        let made = finger.impression(u64::from(impression), &condition);
        sum.minutiae += made.minutiae.len();
        if options.measure {
            let extraction = extract(&made.image, Some(DPI), &Params::default()).ok();
            sum.agreement += Agreement::new(&made, extraction.as_ref().map(|e| &e.template));
        }
        let path = options.out.join(format!("{number}_{impression}"));
        write(&path, &finger, &condition, &made)?;
    }
    Ok(sum)
}

/// The resolution of all made-up prints.
const DPI: f64 = 500.0;

fn report(agreement: &Agreement) {
    let (away_px, turned) = agreement.error();
    println!(
        "extraction found {} of {} true minutiae (recall {:.1} %), and {} of its {} are true (precision {:.1} %)",
        agreement.found,
        agreement.expected,
        100.0 * agreement.recall(),
        agreement.right,
        agreement.extracted,
        100.0 * agreement.precision()
    );
    println!(
        "found ones are {away_px:.1} px and {:.1} degrees off, {:.0} % are of the right kind; {} impressions gave no template",
        turned.to_degrees(),
        100.0 * agreement.same_kind as f32 / agreement.found.max(1) as f32,
        agreement.refused
    );
}

fn condition(options: &Options, seed: u64) -> Condition {
    let named = match options.touch {
        Touch::Varied => return Condition::varied(seed, options.size, options.hardness),
        Touch::Clear => Condition::clear(),
        Touch::Dry => Condition::dry(),
        Touch::Wet => Condition::wet(),
        Touch::Partial => Condition::partial(),
        Touch::Distorted => Condition::distorted(),
    };
    Condition {
        frame_px: options.size,
        ..named
    }
}

fn write(
    path: &Path,
    finger: &Finger,
    condition: &Condition,
    made: &Impression,
) -> anyhow::Result<()> {
    let picture = path.with_extension("png");
    let image = &made.image;
    image::save_buffer(
        &picture,
        &image.pixels,
        image.width as u32,
        image.height as u32,
        image::ExtendedColorType::L8,
    )
    .with_context(|| format!("cannot write {}", picture.display()))?;
    let truth = path.with_extension("json");
    let text = serde_json::to_string_pretty(&truth_of(finger, condition, made))?;
    fs::write(&truth, text).with_context(|| format!("cannot write {}", truth.display()))
}

fn truth_of(finger: &Finger, condition: &Condition, made: &Impression) -> Value {
    let round = |v: f32| (f64::from(v) * 100.0).round() / 100.0;
    let minutiae: Vec<Value> = made
        .minutiae
        .iter()
        .map(|touched| {
            let m = touched.minutia;
            let kind = match m.kind {
                Kind::Ending => "ending",
                Kind::Bifurcation => "bifurcation",
            };
            json!({
                "x": round(m.x), "y": round(m.y), "angle": round(m.angle.to_degrees()), "kind": kind,
                "depth": round(touched.depth_px),
            })
        })
        .collect();
    let points: Vec<Value> = made
        .singularities
        .iter()
        .map(|p| json!({ "x": round(p.x), "y": round(p.y), "is": if p.is_core { "core" } else { "delta" } }))
        .collect();
    json!({
        "dpi": DPI,
        "class": finger.class().name(),
        "condition": {
            "turn": round(condition.turn.to_degrees()), "contact": round(condition.contact),
            "distortion": round(condition.distortion), "moisture": round(condition.moisture),
            "noise": round(condition.noise), "contrast": round(condition.contrast), "scratches": condition.scratches,
        },
        "minutiae": minutiae,
        "singularities": points,
    })
}
