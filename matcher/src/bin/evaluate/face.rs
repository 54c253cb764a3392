//! `evaluate face`: every pair of images of a folder of people, its scores and its error rates.
//!
//! The folder is `DIR/<person>/<image>`. Every image is scored, however poor: the largest and most central
//! face counts, and an image without one compares with nothing, which is a non-match (ISO/IEC 19795-1).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use matcher::face::pack::{Manifest, Role};
use matcher::face::{FaceError, FacePipeline, ModelBytes, Template, compare};
use matcher::sample::{Limits, RgbImage};
use rayon::prelude::*;

use crate::rates;

/// Compares every pair of face images of a folder of people
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of people: DIR/<person>/<image>
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Where the scores go, a line a pair: person_a image_a person_b image_b score
    #[arg(long, value_name = "OUT")]
    scores: Option<PathBuf>,
    /// Folder of the model files [default: ./models, else the user's cache]
    #[arg(long, value_name = "DIR", env = "WHORL_MODELS")]
    models: Option<PathBuf>,
}

/// Runs the protocol and prints its table.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let models = models_folder(arguments.models.as_deref())?;
    let pipeline = load(&models)?;
    let images = list(&arguments.images)?;
    let started = Instant::now();
    let samples = extract(&pipeline, images)?;
    let wall = started.elapsed();

    let mut out = arguments
        .scores
        .as_deref()
        .map(Scores::create)
        .transpose()?;
    let mut pairs = Pairs::default();
    for (i, a) in samples.iter().enumerate() {
        for b in &samples[i + 1..] {
            let score = a.score(b);
            pairs.add(a.image.person == b.image.person, score);
            if let Some(out) = &mut out {
                out.write(&a.image, &b.image, score)?;
            }
        }
    }
    if let Some(out) = out {
        out.finish()?;
    }

    println!("model {}", pipeline.model());
    report_samples(&samples, wall);
    pairs.report("single images");
    references_of_three(&samples).report("references of three images");
    Ok(())
}

/// One image of a person; `name` is the file's.
struct Image {
    person: String,
    name: String,
    path: PathBuf,
}

/// An image after extraction.
struct Sample {
    image: Image,
    /// `None` where no face was found, or the file is no image.
    template: Option<Template>,
    /// Decoding, detection, alignment and embedding on one thread.
    time: Duration,
}

impl Sample {
    fn score(&self, other: &Self) -> f64 {
        match (&self.template, &other.template) {
            (Some(a), Some(b)) => compare(a, b),
            (None, _) | (_, None) => f64::NAN,
        }
    }
}

fn models_folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        return Ok(folder.to_owned());
    }
    let cache = dirs::cache_dir().map(|c| c.join("whorl").join("models"));
    let detector = file_of(Role::Detector)?;
    [Some(PathBuf::from("models")), cache]
        .into_iter()
        .flatten()
        .find(|folder| folder.join(&detector).is_file())
        .with_context(|| {
            format!("{detector} is neither in ./models nor in the user's cache: use --models or WHORL_MODELS")
        })
}

fn file_of(role: Role) -> anyhow::Result<String> {
    let manifest = Manifest::builtin();
    Ok(manifest
        .model(role)
        .with_context(|| format!("the pack has no {role:?}"))?
        .file
        .clone())
}

fn load(folder: &Path) -> anyhow::Result<FacePipeline> {
    let read = |role| -> anyhow::Result<Vec<u8>> {
        let path = folder.join(file_of(role)?);
        fs::read(&path).with_context(|| format!("cannot read the model {}", path.display()))
    };
    let embedder_name = Manifest::builtin()
        .model(Role::Embedder)
        .context("the pack has no embedder")?
        .name
        .clone();
    let (detector, embedder) = (read(Role::Detector)?, read(Role::Embedder)?);
    Ok(FacePipeline::load(ModelBytes {
        detector: &detector,
        embedder: &embedder,
        pad: None,
        landmarks: None,
        embedder_name,
    })?)
}

/// The images in the order of person and file name.
fn list(root: &Path) -> anyhow::Result<Vec<Image>> {
    let mut images = Vec::new();
    for person in entries(root)? {
        if !person.is_dir() {
            continue;
        }
        for path in entries(&person)? {
            if path.is_file() {
                images.push(Image {
                    person: name(&person),
                    name: name(&path),
                    path,
                });
            }
        }
    }
    ensure!(
        images.len() > 1,
        "{} does not hold <person>/<image> files",
        root.display()
    );
    Ok(images)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)
        .and_then(|list| {
            list.map(|e| e.map(|e| e.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn extract(pipeline: &FacePipeline, images: Vec<Image>) -> anyhow::Result<Vec<Sample>> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left")?;
    let bar = ProgressBar::new(images.len() as u64).with_style(style);
    let samples = images
        .into_par_iter()
        .map(|image| {
            let bytes = fs::read(&image.path)
                .with_context(|| format!("cannot read {}", image.path.display()))?;
            let started = Instant::now();
            let template = match template(pipeline, &bytes) {
                Ok(template) => template,
                Err(e) if e.is_unusable() => None,
                Err(e) => bail!("{}: {e:#}", image.path.display()),
            };
            bar.inc(1);
            Ok(Sample {
                image,
                template,
                time: started.elapsed(),
            })
        })
        .collect();
    bar.finish_and_clear();
    samples
}

/// The template of the best face, without the refusals of a login: the rates are to be those of the
/// comparison alone.
fn template(pipeline: &FacePipeline, bytes: &[u8]) -> Result<Option<Template>, FaceError> {
    let Ok(image) = RgbImage::decode(bytes, &Limits::default()) else {
        return Ok(None);
    };
    match pipeline.detect(&image)?.first() {
        Some(face) => pipeline.template_of(&image, face).map(Some),
        None => Ok(None),
    }
}

/// The protocol of enrolment with three images: the mean of a person's first three against the rest of
/// that person's images and against everybody else's.
fn references_of_three(samples: &[Sample]) -> Pairs {
    let mut pairs = Pairs::default();
    for images in samples.chunk_by(|a, b| a.image.person == b.image.person) {
        let (first, rest) = images.split_at(images.len().min(REFERENCE_IMAGES));
        let templates: Vec<Template> = first
            .iter()
            .filter_map(|s| s.template.as_ref().map(copy))
            .collect();
        if rest.is_empty() {
            continue;
        }
        let Some(reference) = Template::mean(&templates) else {
            continue;
        };
        let score = |s: &Sample| {
            s.template
                .as_ref()
                .map_or(f64::NAN, |t| compare(&reference, t))
        };
        for sample in rest {
            pairs.add(true, score(sample));
        }
        let person = &first[0].image.person;
        for sample in samples.iter().filter(|s| s.image.person != *person) {
            pairs.add(false, score(sample));
        }
    }
    pairs
}

/// Templates do not clone; here they are development data.
fn copy(template: &Template) -> Template {
    Template::normalised(template.model(), template.values())
        .expect("invariant: a unit vector has a direction")
}

fn report_samples(samples: &[Sample], wall: Duration) {
    let without = samples.iter().filter(|s| s.template.is_none()).count();
    let mut times: Vec<f64> = samples.iter().map(|s| s.time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    println!("{} images, {without} without a face", samples.len());
    for sample in samples.iter().filter(|s| s.template.is_none()) {
        println!("  no face: {}/{}", sample.image.person, sample.image.name);
    }
    println!(
        "{:.1} ms per image (median on one thread), {:.1} s for all on {} threads",
        times[times.len() / 2],
        wall.as_secs_f64(),
        rayon::current_num_threads()
    );
}

/// Scores of mated and non-mated comparisons.
#[derive(Default)]
struct Pairs {
    mated: Vec<f64>,
    non_mated: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, mated: bool, score: f64) {
        if mated {
            self.mated.push(score)
        } else {
            self.non_mated.push(score)
        }
    }

    fn report(&mut self, what: &str) {
        if self.mated.is_empty() || self.non_mated.is_empty() {
            println!("{what}: too few images for an error rate");
            return;
        }
        println!(
            "{what}: {} mated, {} non-mated comparisons",
            self.mated.len(),
            self.non_mated.len()
        );
        println!(
            "  EER {:.2} %",
            100.0 * rates::figures(&self.mated, &self.non_mated).eer
        );
        // A failure is the least score there is.
        for scores in [&mut self.mated, &mut self.non_mated] {
            scores
                .iter_mut()
                .filter(|s| s.is_nan())
                .for_each(|s| *s = f64::NEG_INFINITY);
            scores.sort_unstable_by(f64::total_cmp);
        }
        for fmr in RATES {
            match at_fmr(&self.mated, &self.non_mated, fmr) {
                Some((threshold, fnmr)) => {
                    println!(
                        "  FNMR at FMR {fmr:.0e}: {:.2} % (cosine {threshold:.3})",
                        100.0 * fnmr
                    );
                }
                None => println!("  FNMR at FMR {fmr:.0e}: too few non-mated comparisons"),
            }
        }
    }
}

/// The threshold above which at most `fmr` of the non-mated scores lie, and the share of mated scores not
/// above it. Both ascend. `None` where not even one non-mated score makes that rate.
fn at_fmr(mated: &[f64], non_mated: &[f64], fmr: f64) -> Option<(f64, f64)> {
    let count = non_mated.len() as f64;
    if count * fmr < 1.0 - ROUNDING {
        return None;
    }
    let threshold =
        *non_mated.get(((count * (1.0 - fmr)).ceil() as usize).min(non_mated.len() - 1))?;
    let missed = mated.partition_point(|s| *s <= threshold);
    Some((threshold, missed as f64 / mated.len() as f64))
}

/// The scores file.
struct Scores {
    out: BufWriter<File>,
    path: PathBuf,
}

impl Scores {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            out: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    fn write(&mut self, a: &Image, b: &Image, score: f64) -> anyhow::Result<()> {
        let written = if score.is_nan() {
            writeln!(
                self.out,
                "{} {} {} {} nan",
                a.person, a.name, b.person, b.name
            )
        } else {
            writeln!(
                self.out,
                "{} {} {} {} {score:.6}",
                a.person, a.name, b.person, b.name
            )
        };
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.out
            .flush()
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

const REFERENCE_IMAGES: usize = 3;
const RATES: [f64; 3] = [1e-3, 1e-4, 1e-5];
/// Slack, so that rounding does not cost the last comparison.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_lets_the_stated_share_through() {
        let non_mated: Vec<f64> = (0..1000).map(f64::from).collect();
        let mated = [500.0, 998.0, 999.0, 1500.0];
        // One of a thousand lies above 998.
        assert_eq!(at_fmr(&mated, &non_mated, 1e-3), Some((999.0, 0.75)));
        assert_eq!(at_fmr(&mated, &non_mated, 1e-2), Some((990.0, 0.25)));
        assert_eq!(at_fmr(&mated, &non_mated, 1e-4), None);
    }
}
