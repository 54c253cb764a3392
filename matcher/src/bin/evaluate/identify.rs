//! `evaluate identify`: every probe of a folder against a gallery (1:N), and how often the right finger comes first.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use matcher::fingerprint::{Params, Prepared, Template, extract, identify};
use matcher::sample::{GreyImage, Limits};
use rayon::prelude::*;

use crate::fingerprint::{is_sample, progress};
use crate::stopwatch::Stopwatch;

/// What to look for, and among whom.
#[derive(Args)]
#[command(
    after_help = "References are named <finger>.<extension>, probes <finger>_<impression>.<extension>. A probe is found when its\n\
    finger's reference has the highest score. A probe takes its extraction and all its comparisons.\n\n\
    Example: evaluate identify --gallery socofing/real --probes socofing/altered-easy --dpi 250"
)]
pub struct Options {
    /// Folder of references, one a finger.
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Folder of probes; may be given more than once.
    #[arg(long, required = true, value_name = "DIR")]
    probes: Vec<PathBuf>,
    /// Resolution of the images, dots an inch; estimated from each image's ridges when left out.
    #[arg(long, value_name = "N")]
    dpi: Option<f64>,
    /// Threads; all cores when left out. Times are always of one.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// What came of one probe.
struct Found {
    is_first: bool,
    /// Share of the gallery that was compared in full.
    compared: f64,
    extraction: Duration,
    search: Duration,
}

/// Runs the protocol.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()?;
    pool.install(|| search_all(options))
}

fn search_all(options: &Options) -> anyhow::Result<()> {
    let params = Params::default();
    let paths = samples(&options.gallery)?;
    let bar = progress(paths.len(), "gallery".into())?;
    let prepared: Vec<(String, Option<Prepared>)> = paths
        .par_iter()
        .map(|path| {
            bar.inc(1);
            (
                stem(path),
                prepare(path, options.dpi, &params).map(|(print, _)| print),
            )
        })
        .collect();
    bar.finish_and_clear();
    let mut fingers: HashMap<String, usize> = HashMap::new();
    let mut gallery = Vec::new();
    for (finger, print) in prepared {
        match print {
            Some(print) => {
                fingers.insert(finger, gallery.len());
                gallery.push(print);
            }
            None => eprintln!("no template: {finger}"),
        }
    }
    println!(
        "{:<20} {:>7} {:>8} {:>9} {:>11} {:>11} {:>10} {:>11}",
        "probes",
        "of",
        "gallery",
        "rank-1 %",
        "compared %",
        "extract ms",
        "search ms",
        "us/compare"
    );
    for folder in &options.probes {
        let probes = samples(folder)?;
        let name = stem(folder);
        let bar = progress(probes.len(), name.clone())?;
        let found: Vec<Option<Found>> = probes
            .par_iter()
            .map(|path| {
                bar.inc(1);
                look_for(path, &gallery, &fingers, options.dpi, &params)
            })
            .collect();
        bar.finish_and_clear();
        report(&name, &found, gallery.len());
    }
    Ok(())
}

fn look_for(
    path: &Path,
    gallery: &[Prepared],
    fingers: &HashMap<String, usize>,
    dpi: Option<f64>,
    params: &Params,
) -> Option<Found> {
    let name = stem(path);
    let finger = name
        .rsplit_once('_')
        .map_or(name.as_str(), |(finger, _)| finger);
    let (probe, extraction) = prepare(path, dpi, params)?;
    let start = Stopwatch::start();
    let candidates = identify(&probe, gallery, params);
    let search = start.time();
    let first = candidates.first().map(|candidate| candidate.index);
    Some(Found {
        is_first: first.is_some() && first == fingers.get(finger).copied(),
        compared: candidates.len() as f64 / gallery.len().max(1) as f64,
        extraction,
        search,
    })
}

fn report(name: &str, found: &[Option<Found>], gallery: usize) {
    let probes = found.len().max(1) as f64;
    let made: Vec<&Found> = found.iter().flatten().collect();
    let first = made.iter().filter(|found| found.is_first).count() as f64;
    let mean = |f: &dyn Fn(&Found) -> f64| {
        made.iter().map(|found| f(found)).sum::<f64>() / made.len().max(1) as f64
    };
    let search = mean(&|found| found.search.as_secs_f64() * 1e3);
    println!(
        "{name:<20} {:>7} {gallery:>8} {:>9.2} {:>11.2} {:>11.2} {search:>10.2} {:>11.2}",
        found.len(),
        100.0 * first / probes,
        100.0 * mean(&|found| found.compared),
        mean(&|found| found.extraction.as_secs_f64() * 1e3),
        search * 1e3 / gallery.max(1) as f64,
    );
}

/// A print as it would be stored and read back, and how long template and preparation took.
fn prepare(path: &Path, dpi: Option<f64>, params: &Params) -> Option<(Prepared, Duration)> {
    let bytes = fs::read(path).ok()?;
    let image = GreyImage::decode(&bytes, &Limits::default()).ok()?;
    let start = Stopwatch::start();
    let stored = extract(&image, dpi, params).ok()?.template.to_bytes();
    let print = Prepared::new(&Template::from_bytes(&stored).ok()?, params);
    Some((print, start.time()))
}

fn samples(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_sample(&path) {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!("{} holds no samples", folder.display());
    }
    found.sort();
    Ok(found)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
