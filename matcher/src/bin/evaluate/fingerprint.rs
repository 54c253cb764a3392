//! `evaluate fingerprint`: every pair of impressions of each folder, by the FVC protocol.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use matcher::fingerprint::{Evidence, Params, Prepared, Template, compare, evidence};
use rayon::prelude::*;

use self::export::{ExportFormat, export};
use self::input::{EXTENSIONS, Input, RawSize};
use crate::enrolment::{self, Scored};
use crate::rates::{Figures, figures};
use crate::reject::{self, Mated};
use crate::stopwatch::Stopwatch;

mod compare;
mod export;
mod input;
pub mod pooled;
mod report;
mod trace;

/// What to compare and where to write the scores.
#[derive(Args)]
#[command(
    after_help = "Samples are named <finger>_<impression>.<ending>; all other files are passed over. Endings of images are\n\
    png, bmp, tif, tiff, pgm, jpg, jpeg, wsq and raw; of minutiae records (ISO/IEC 19794-2, ANSI INCITS 378) iso, iso19794,\n\
    fmr, ist, ansi and 378. Images and records of one folder are compared with each other alike.\n\
    Impressions of one folder are compared with each other, never with another folder's; with several\n\
    folders, finger names in the scores begin with the folder's name.\n\n\
    Example: evaluate fingerprint --images fvc2002_db1_b --dpi 500 --scores db1.scores --report db1.html\n\n\
    One sample, every stage as a picture, and two samples with what pairs them:\n\n\
    evaluate fingerprint --trace stages 101_1.png --dpi 500\n\
    evaluate fingerprint --compare 101_1.png 101_2.png --dpi 500 --picture pairs.png"
)]
pub struct Options {
    /// Folder of impressions; may be given more than once.
    #[arg(long, required_unless_present_any = ["trace", "compare"], value_name = "DIR")]
    images: Vec<PathBuf>,
    /// Resolution of the images, dots an inch; estimated from each image's ridges when left out.
    #[arg(long, value_name = "N")]
    dpi: Option<f64>,
    /// Where to write a line a comparison: finger_a imp_a finger_b imp_b score.
    #[arg(long, value_name = "OUT")]
    scores: Option<PathBuf>,
    /// Where to write the evidence of each comparison, for fitting the score.
    #[arg(long, value_name = "OUT")]
    evidence: Option<PathBuf>,
    /// Size of files that end in raw: a byte a pixel, row by row.
    #[arg(long, value_name = "WxH")]
    raw: Option<RawSize>,
    /// Where to write each template as a minutiae record, in a folder for each folder of samples.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Layout of the exported records.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "iso",
        requires = "export"
    )]
    export_format: ExportFormat,
    /// Where to write the error versus reject characteristic of the quality: share rejected, least quality, FNMR.
    #[arg(long, value_name = "OUT")]
    quality: Option<PathBuf>,
    /// Impressions of a finger that make one reference; the others probe it. Adds a table.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    enrol: Option<u8>,
    /// Threads; all cores when left out.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Where to write a page with the table and its intervals, histograms, DET curves and the worst pairs drawn.
    ///
    /// It holds pictures of those samples: keep it as you keep them.
    #[arg(long, requires = "images", value_name = "OUT.html")]
    report: Option<PathBuf>,
    /// Writes what each stage of IMAGE's extraction saw as pictures into DIR, with a page that shows them all.
    #[arg(long, num_args = 2, value_names = ["DIR", "IMAGE"], conflicts_with_all = ["images", "scores"])]
    trace: Option<Vec<PathBuf>>,
    /// Draws the paired minutiae of two samples and says what their score is worth.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["images", "scores", "trace"])]
    compare: Option<Vec<PathBuf>>,
    /// Where the drawing of --compare goes.
    #[arg(long, default_value = "compare.png", value_name = "OUT.png")]
    picture: PathBuf,
}

/// One sample of a folder.
struct Impression {
    finger: String,
    number: String,
    path: PathBuf,
}

/// One comparison of two samples, by their place in the folder.
struct Comparison {
    a: usize,
    b: usize,
    score: f64,
    evidence: Option<Evidence>,
}

/// A folder's samples and what came of comparing them.
struct Outcome {
    name: String,
    impressions: Vec<Impression>,
    comparisons: Vec<Comparison>,
    extraction: Duration,
    comparing: Duration,
    template_bytes: usize,
    templates: usize,
    refusals: Vec<String>,
    /// Quality of each sample; 0 of one without a template.
    qualities: Vec<u8>,
}

/// Runs the protocol, or draws what one sample or two show.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let input = Input {
        dpi: options.dpi,
        raw: options.raw,
    };
    if let Some([folder, image]) = options.trace.as_deref() {
        return trace::run(folder, image, input);
    }
    if let Some([a, b]) = options.compare.as_deref() {
        return compare::run((a, b), input, &options.picture);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()?;
    let params = Params::default();
    let kept = Kept {
        export: options.export.as_deref().zip(Some(options.export_format)),
        evidence: options.evidence.is_some(),
    };
    let outcomes = options
        .images
        .iter()
        .map(|folder| pool.install(|| evaluate(folder, input, &kept, &params)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(path) = &options.scores {
        write_lines(path, &outcomes, |c| format!("{:.6}", c.score))?;
    }
    if let Some(path) = &options.evidence {
        let names: Vec<&str> = Evidence::default()
            .columns()
            .iter()
            .map(|(name, _)| *name)
            .collect();
        let header = format!("# finger_a imp_a finger_b imp_b {}", names.join(" "));
        write_evidence(path, &header, &outcomes)?;
    }
    if let Some(path) = &options.report {
        pool.install(|| report::write(path, &outcomes, input))?;
    }
    report(&outcomes);
    if let Some(count) = options.enrol {
        report_enrolment(&outcomes, count.into());
    }
    if let Some(path) = &options.quality {
        report_quality(&outcomes, path)?;
    }
    Ok(())
}

impl Outcome {
    fn is_mated(&self, comparison: &Comparison) -> bool {
        self.impressions[comparison.a].finger == self.impressions[comparison.b].finger
    }

    /// Of each sample: which of its finger's it is, counted from 0.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.impressions.len()];
        for i in 1..places.len() {
            if self.impressions[i].finger == self.impressions[i - 1].finger {
                places[i] = places[i - 1] + 1;
            }
        }
        places
    }
}

/// What is kept of an evaluation beside its scores.
#[derive(Default)]
struct Kept<'a> {
    export: Option<(&'a Path, ExportFormat)>,
    evidence: bool,
}

/// Error rates with several impressions of a finger as one reference.
fn report_enrolment(outcomes: &[Outcome], count: usize) {
    println!("\n{count} impressions enrolled, the others as probes");
    let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let places = outcome.places();
        let sample = |i: usize| (outcome.impressions[i].finger.as_str(), places[i]);
        let scored = outcome.comparisons.iter().map(|c| Scored {
            a: sample(c.a),
            b: sample(c.b),
            score: c.score,
        });
        let found = enrolment::scores(scored, count);
        println!(
            "{}",
            figures_line(&outcome.name, &figures(&found.mated, &found.non_mated))
        );
        mated.extend(found.mated);
        non_mated.extend(found.non_mated);
    }
    if outcomes.len() > 1 {
        println!("{}", figures_line("pooled", &figures(&mated, &non_mated)));
    }
}

/// Error versus reject over all folders together, at the threshold of an FMR of 0.1 %.
fn report_quality(outcomes: &[Outcome], path: &Path) -> anyhow::Result<()> {
    let (mut qualities, mut mated, mut non_mated) = (Vec::new(), Vec::new(), Vec::new());
    let mut fingers = std::collections::BTreeMap::new();
    for (set, outcome) in outcomes.iter().enumerate() {
        let first = qualities.len();
        qualities.extend(&outcome.qualities);
        for c in &outcome.comparisons {
            if outcome.is_mated(c) {
                let next = fingers.len();
                let key = (set, &outcome.impressions[c.a].finger);
                let finger = *fingers.entry(key).or_insert(next);
                let (a, b, score) = (first + c.a, first + c.b, c.score);
                mated.push(Mated {
                    a,
                    b,
                    finger,
                    score,
                });
            } else {
                non_mated.push(c.score);
            }
        }
    }
    let threshold = reject::threshold_at(&non_mated, 0.001);
    let shares: Vec<f64> = (0..=10).map(|k| f64::from(k) * 0.05).collect();
    let points = reject::characteristic(&qualities, &mated, threshold, &shares);
    let mut out =
        fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(out, "# rejected least_quality fnmr reduction low high")?;
    println!(
        "\nerror versus reject, threshold {threshold:.3} (FMR 0.1 %): FNMR when the worst samples are turned away"
    );
    println!(
        "{:>10} {:>13} {:>7} {:>11} {:>17}",
        "rejected %", "least quality", "FNMR %", "reduction %", "95 %"
    );
    for point in &points {
        let (reduction, [low, high]) = point.reduction;
        writeln!(
            out,
            "{:.2} {} {:.6} {reduction:.4} {low:.4} {high:.4}",
            point.rejected, point.least_quality, point.fnmr
        )?;
        println!(
            "{:>10.0} {:>13} {:>7.2} {:>11.1} {:>8.1} {:>8.1}",
            100.0 * point.rejected,
            point.least_quality,
            100.0 * point.fnmr,
            100.0 * reduction,
            100.0 * low,
            100.0 * high
        );
    }
    Ok(())
}

fn evaluate(folder: &Path, input: Input, kept: &Kept, params: &Params) -> anyhow::Result<Outcome> {
    let impressions = impressions(folder)?;
    let name = folder.file_name().map_or_else(
        || folder.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    let bar = progress(impressions.len(), format!("{name}: templates"))?;
    let extracted: Vec<(Result<Vec<u8>, String>, Duration)> = impressions
        .par_iter()
        .map(|impression| {
            let made = input.template(&impression.path, params);
            bar.inc(1);
            made
        })
        .collect();
    bar.finish_and_clear();
    if let Some((folder, format)) = kept.export {
        for (impression, (made, _)) in impressions.iter().zip(&extracted) {
            if let Ok(stored) = made {
                let sample = format!("{}_{}", impression.finger, impression.number);
                export(&folder.join(&name), &sample, stored, format)?;
            }
        }
    }
    // What is compared is what would be stored: written, and read back.
    let prepared: Vec<Option<Prepared>> = extracted
        .par_iter()
        .map(|(bytes, _)| {
            let bytes = bytes.as_ref().ok()?;
            Template::from_bytes(bytes)
                .ok()
                .map(|template| Prepared::new(&template, params))
        })
        .collect();
    let quality = |(made, _): &(Result<Vec<u8>, String>, Duration)| {
        let template = made.as_ref().ok().map(|bytes| Template::from_bytes(bytes));
        template.and_then(Result::ok).map_or(0, |t| t.quality())
    };
    let qualities = extracted.iter().map(quality).collect();
    let (comparisons, comparing) = compare_all(&prepared, kept.evidence, params, &name)?;
    let refusals = impressions
        .iter()
        .zip(&extracted)
        .filter_map(|(impression, (made, _))| {
            made.as_ref()
                .err()
                .map(|error| format!("{}: {error}", impression.path.display()))
        });
    Ok(Outcome {
        refusals: refusals.collect(),
        templates: prepared.iter().flatten().count(),
        template_bytes: extracted
            .iter()
            .filter_map(|(bytes, _)| bytes.as_ref().ok())
            .map(Vec::len)
            .max()
            .unwrap_or(0),
        extraction: extracted.iter().map(|(_, time)| *time).sum(),
        comparing,
        comparisons,
        impressions,
        name,
        qualities,
    })
}

/// Whether a file is named as a sample is.
pub fn is_sample(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// The samples of a folder, in the order of their names.
fn impressions(folder: &Path) -> anyhow::Result<Vec<Impression>> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if !is_sample(&path) {
            continue;
        }
        let stem = path
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        if let Some((finger, number)) = stem.rsplit_once('_') {
            found.push(Impression {
                finger: finger.to_owned(),
                number: number.to_owned(),
                path,
            });
        }
    }
    if found.len() < 2 {
        bail!(
            "{} holds fewer than two samples named <finger>_<impression>",
            folder.display()
        );
    }
    found.sort_by(|a, b| (&a.finger, &a.number).cmp(&(&b.finger, &b.number)));
    Ok(found)
}

/// All pairs, and the time all comparisons took on their threads together.
fn compare_all(
    prepared: &[Option<Prepared>],
    with_evidence: bool,
    params: &Params,
    name: &str,
) -> anyhow::Result<(Vec<Comparison>, Duration)> {
    let bar = progress(prepared.len(), format!("{name}: comparisons"))?;
    let rows: Vec<(Vec<Comparison>, Duration)> = (0..prepared.len())
        .into_par_iter()
        .map(|a| {
            let start = Stopwatch::start();
            let scores: Vec<f64> = (a + 1..prepared.len())
                .map(|b| match (&prepared[a], &prepared[b]) {
                    (Some(probe), Some(reference)) => compare(probe, reference, params),
                    _ => f64::NAN,
                })
                .collect();
            let time = start.time();
            let of = |b: usize| match (&prepared[a], &prepared[b]) {
                (Some(probe), Some(reference)) if with_evidence => {
                    Some(evidence(probe, reference, params))
                }
                _ => None,
            };
            let row = scores
                .into_iter()
                .zip(a + 1..)
                .map(|(score, b)| Comparison {
                    a,
                    b,
                    score,
                    evidence: of(b),
                });
            let row = row.collect();
            bar.inc(1);
            (row, time)
        })
        .collect();
    bar.finish_and_clear();
    let time = rows.iter().map(|(_, time)| *time).sum();
    Ok((rows.into_iter().flat_map(|(row, _)| row).collect(), time))
}

/// A bar for long work.
pub fn progress(length: usize, message: String) -> anyhow::Result<ProgressBar> {
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}")?.progress_chars("=> ");
    Ok(ProgressBar::new(length as u64)
        .with_style(style)
        .with_message(message))
}

/// The two samples of a comparison as the scores file names them.
fn names(outcome: &Outcome, comparison: &Comparison, many: bool) -> String {
    let name = |i: usize| {
        let Impression { finger, number, .. } = &outcome.impressions[i];
        if many {
            format!("{}/{finger} {number}", outcome.name)
        } else {
            format!("{finger} {number}")
        }
    };
    format!("{} {}", name(comparison.a), name(comparison.b))
}

fn write_lines(
    path: &Path,
    outcomes: &[Outcome],
    value: impl Fn(&Comparison) -> String,
) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(
        fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
    );
    for outcome in outcomes {
        for comparison in &outcome.comparisons {
            let value = if comparison.score.is_nan() {
                "nan".to_owned()
            } else {
                value(comparison)
            };
            writeln!(
                out,
                "{} {value}",
                names(outcome, comparison, outcomes.len() > 1)
            )?;
        }
    }
    Ok(out.flush()?)
}

fn write_evidence(path: &Path, header: &str, outcomes: &[Outcome]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(
        fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
    );
    writeln!(out, "{header}")?;
    for outcome in outcomes {
        for comparison in &outcome.comparisons {
            if let Some(evidence) = &comparison.evidence {
                let values: Vec<String> = evidence
                    .columns()
                    .iter()
                    .map(|(_, v)| format!("{v:.5}"))
                    .collect();
                writeln!(
                    out,
                    "{} {}",
                    names(outcome, comparison, outcomes.len() > 1),
                    values.join(" ")
                )?;
            }
        }
    }
    Ok(out.flush()?)
}

fn report(outcomes: &[Outcome]) {
    for refusal in outcomes.iter().flat_map(|o| &o.refusals) {
        eprintln!("no template: {refusal}");
    }
    println!(
        "{:<20} {:>6} {:>9} {:>5} {:>7} {:>8} {:>9} {:>9} {:>10} {:>12} {:>9}",
        "set",
        "mated",
        "non-mated",
        "fail",
        "EER %",
        "FMR100 %",
        "FMR1000 %",
        "ZeroFMR %",
        "extract ms",
        "compare us",
        "bytes"
    );
    let (mut all_mated, mut all_non_mated) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let (mated, non_mated): (Vec<&Comparison>, Vec<&Comparison>) = outcome
            .comparisons
            .iter()
            .partition(|c| outcome.impressions[c.a].finger == outcome.impressions[c.b].finger);
        let scores = |list: &[&Comparison]| list.iter().map(|c| c.score).collect::<Vec<f64>>();
        let (mated, non_mated) = (scores(&mated), scores(&non_mated));
        let extraction = outcome.extraction.as_secs_f64() * 1e3 / outcome.impressions.len() as f64;
        let compared = outcome
            .comparisons
            .iter()
            .filter(|c| !c.score.is_nan())
            .count()
            .max(1);
        let comparing = outcome.comparing.as_secs_f64() * 1e6 / compared as f64;
        let line = figures_line(&outcome.name, &figures(&mated, &non_mated));
        println!(
            "{line} {extraction:>10.1} {comparing:>12.1} {:>9}",
            outcome.template_bytes
        );
        all_mated.extend(mated);
        all_non_mated.extend(non_mated);
    }
    if outcomes.len() > 1 {
        println!(
            "{}",
            figures_line("pooled", &figures(&all_mated, &all_non_mated))
        );
    }
    let templates: usize = outcomes.iter().map(|o| o.templates).sum();
    let samples: usize = outcomes.iter().map(|o| o.impressions.len()).sum();
    println!(
        "{templates} templates of {samples} samples; FMR100 is the FNMR at an FMR of 1 %, FMR1000 at 0.1 %, ZeroFMR at none; times are of one thread"
    );
}

fn figures_line(name: &str, f: &Figures) -> String {
    let percent = |rate: f64| format!("{:.2}", 100.0 * rate);
    format!(
        "{name:<20} {:>6} {:>9} {:>5} {:>7} {:>8} {:>9} {:>9}",
        f.mated,
        f.non_mated,
        f.failures,
        percent(f.eer),
        percent(f.fmr100),
        percent(f.fmr1000),
        percent(f.zero_fmr),
    )
}
