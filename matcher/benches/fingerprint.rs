//! Where a fingerprint's time goes: each stage of an extraction, preparing, 1:1 and 1:N, on one thread.
//!
//! `cargo bench -p matcher --bench fingerprint -- [FOLDER]` reads `<finger>_<impression>.png` files at 500 dpi from the folder; without
//! one it makes prints up. Medians over the images of the least of five runs, so that a busy machine disturbs little. Only ratios to a
//! peer measured beside it mean something: no limit is asserted here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use matcher::fingerprint::synthetic::{Condition, Finger, FingerParams};
use matcher::fingerprint::{
    Params, Prepared, Template, compare, compare_or_dismiss, extract, observe,
};
use matcher::sample::{GreyImage, Limits};

const RUNS: usize = 5;
const MADE_UP_FINGERS: u64 = 6;
const MADE_UP_IMPRESSIONS: u64 = 3;

fn main() {
    // `cargo test --benches` and `cargo bench` pass flags of their own.
    let folder = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with("--"));
    let params = Params::default();
    let (fingers, images): (Vec<String>, Vec<GreyImage>) = match &folder {
        Some(folder) => read(Path::new(folder)),
        None => made_up(),
    }
    .into_iter()
    .unzip();
    assert!(images.len() > 1, "fewer than two images to measure");
    println!(
        "{} images of {}",
        images.len(),
        folder.as_deref().unwrap_or("made-up fingers")
    );
    stages(&images, &params);
    let templates: Vec<Vec<u8>> = images
        .iter()
        .map(|image| {
            let made = extract(image, Some(500.0), &params).expect("a print");
            made.template.to_bytes()
        })
        .collect();
    let read: Vec<Template> = templates
        .iter()
        .map(|bytes| Template::from_bytes(bytes).expect("reads back"))
        .collect();
    let prepare = read
        .iter()
        .map(|template| least(|| Prepared::new(template, &params)).0);
    println!(
        "{:<26} {:>9.1} us",
        "prepare",
        median(prepare.collect()) * 1e6
    );
    let prepared: Vec<Prepared> = read.iter().map(|t| Prepared::new(t, &params)).collect();
    comparisons(&fingers, &prepared, &params);
}

/// The share of each stage, and the whole.
fn stages(images: &[GreyImage], params: &Params) {
    let mut times: BTreeMap<usize, (String, Vec<f64>)> = BTreeMap::new();
    let mut whole = Vec::new();
    for image in images {
        let mut best: Vec<(String, f64)> = Vec::new();
        for _ in 0..RUNS {
            let mut ended = Vec::new();
            let mut last = Instant::now();
            let made = observe(image, Some(500.0), params, |stage| {
                let now = Instant::now();
                ended.push((stage.name().to_owned(), (now - last).as_secs_f64()));
                last = now;
            });
            ended.push(("minutiae, template".into(), last.elapsed().as_secs_f64()));
            assert!(made.is_ok(), "an image gives no template");
            if best.is_empty() {
                best = ended;
            } else {
                for (best, ended) in best.iter_mut().zip(ended) {
                    best.1 = best.1.min(ended.1);
                }
            }
        }
        for (place, (name, time)) in best.into_iter().enumerate() {
            times
                .entry(place)
                .or_insert_with(|| (name, Vec::new()))
                .1
                .push(time);
        }
        whole.push(least(|| extract(image, Some(500.0), params).is_ok()).0);
    }
    for (name, times) in times.into_values() {
        println!("  {name:<24} {:>9.3} ms", median(times) * 1e3);
    }
    println!("{:<26} {:>9.3} ms", "extract", median(whole) * 1e3);
}

fn comparisons(fingers: &[String], prepared: &[Prepared], params: &Params) {
    let (mut mated, mut other, mut dismissed) = (Vec::new(), Vec::new(), Vec::new());
    for (i, probe) in prepared.iter().enumerate() {
        for (j, reference) in prepared.iter().enumerate().skip(i + 1) {
            let (time, _) = least(|| compare(probe, reference, params));
            if fingers[i] == fingers[j] {
                mated.push(time);
            } else {
                other.push(time);
                dismissed.push(least(|| compare_or_dismiss(probe, reference, params)).0);
            }
        }
    }
    let line = |name: &str, times: Vec<f64>| {
        if times.is_empty() {
            return;
        }
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        println!(
            "{name:<26} {:>9.2} us  ({:.0} thousand/s)",
            mean * 1e6,
            1e-3 / mean
        );
    };
    line("compare, same finger", mated);
    line("compare, other finger", other);
    line("1:N, other finger", dismissed);
}

/// The least time of the runs, and what came of the last.
fn least<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let mut run = || {
        let start = Instant::now();
        let made = std::hint::black_box(work());
        (start.elapsed(), made)
    };
    let (mut best, mut made): (Duration, T) = run();
    for _ in 1..RUNS {
        let (time, next) = run();
        best = best.min(time);
        made = next;
    }
    (best.as_secs_f64(), made)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn made_up() -> Vec<(String, GreyImage)> {
    let impression = |seed: u64, number: u64| {
        let finger = Finger::grow(seed, &FingerParams::default());
        (
            seed.to_string(),
            finger.impression(number, &Condition::clear()).image,
        )
    };
    (0..MADE_UP_FINGERS)
        .flat_map(|seed| (0..MADE_UP_IMPRESSIONS).map(move |number| impression(seed, number)))
        .collect()
}

fn read(folder: &Path) -> Vec<(String, GreyImage)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let image = |path: &std::path::PathBuf| {
        let stem = path.file_stem()?.to_str()?;
        let (finger, _) = stem.rsplit_once('_')?;
        let bytes = std::fs::read(path).ok()?;
        let image = GreyImage::decode(&bytes, &Limits::default()).ok()?;
        Some((finger.to_owned(), image))
    };
    paths.iter().filter_map(image).collect()
}
