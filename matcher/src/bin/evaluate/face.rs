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
use matcher::face::{FaceError, FacePipeline, Observation, Template, compare};
use matcher::sample::{Limits, RgbImage};
use rayon::prelude::*;

use self::aside::Aside;
use self::protocol::{Protocols, SINGLE, THREE};
use self::report::Outcome;
use crate::calibration::{Fit, knots};
use crate::intervals;
use crate::pairs::Pairs;

mod aside;
mod breakdown;
mod held;
mod protocol;
mod report;

/// Compares every pair of face images of a folder of people
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of people: DIR/<person>/<image>
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Where the scores go, a line a pair: person_a image_a person_b image_b score
    #[arg(long, value_name = "OUT")]
    scores: Option<PathBuf>,
    /// Folder of the model files [default: ./models, else the user's cache]
    #[arg(long, value_name = "DIR", env = "WHORL_MODELS")]
    models: Option<PathBuf>,
    /// Print the knots of a calibration fitted to these images, and whether it holds for other people
    #[arg(long)]
    calibration: bool,
    /// Page of histograms, curves, intervals, conditions and the worst pairs as pictures; it shows faces
    #[arg(long, value_name = "OUT")]
    report: Option<PathBuf>,
    /// Images whose label is wrong, a line each: person/image reason. The rates are printed with and without them
    #[arg(long, value_name = "FILE")]
    set_aside: Option<PathBuf>,
}

/// Runs the protocol and prints its table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let (folder, manifest) = pack_at(options.models.as_deref())?;
    let pipeline = load(&folder, manifest)?;
    let images = list(&options.images)?;
    let aside = options.set_aside.as_deref().map(Aside::read).transpose()?;
    let started = Instant::now();
    let samples = extract(&pipeline, images)?;
    let wall = started.elapsed();
    if let Some(path) = &options.scores {
        write_scores(path, &samples)?;
    }

    println!("model {}", pipeline.model());
    report_samples(&samples, wall);
    let all = Protocols::of(&samples, |_| true);
    let mut pairs = tables(&all);
    let kept = aside.as_ref().map(|aside| {
        println!("without the {} images set aside", aside.len());
        Protocols::of(&samples, |image| !aside.holds(&image.person, &image.name))
    });
    if let Some(kept) = &kept {
        pairs = tables(kept);
    }
    if let Some(path) = &options.report {
        let outcome = Outcome {
            model: pipeline.model(),
            samples: &samples,
            all: &all,
            kept: aside.as_ref().zip(kept.as_ref()),
        };
        report::write(path, &outcome)?;
    }
    let kept = kept.as_ref().unwrap_or(&all);
    if let Some(calibration) = pipeline.calibration() {
        println!("by the calibration in use");
        held::print(&held::judged_by(calibration, kept));
    }
    if options.calibration {
        println!("knots = [");
        for knot in knots(&pairs.each_ref(), Fit::FACE) {
            println!(
                "    [{:.3}, {:.2}, {:.2}],",
                knot.score, knot.llr, knot.log10_fmr
            );
        }
        println!("]");
        match held::cross_fitted(kept, kept) {
            Some(lines) => {
                println!("calibrated on other people, {} folds", held::FOLDS);
                held::print(&lines);
            }
            None => println!("too few comparisons to fit a calibration"),
        }
    }
    Ok(())
}

/// The comparisons of both protocols, one image against one and references of three; people are numbered alike in both.
pub struct Compared {
    /// What made the templates.
    pub model: String,
    /// Every pair of images.
    pub single: Vec<intervals::Scored>,
    /// References of three images.
    pub three: Vec<intervals::Scored>,
}

/// Compares the images of a folder of people, without those that a list sets aside.
pub fn compared(
    images: &Path,
    models: Option<&Path>,
    set_aside: Option<&Path>,
) -> anyhow::Result<Compared> {
    let (folder, manifest) = pack_at(models)?;
    let pipeline = load(&folder, manifest)?;
    let aside = set_aside.map(Aside::read).transpose()?;
    let samples = extract(&pipeline, list(images)?)?;
    let is_kept = |image: &Image| {
        aside
            .as_ref()
            .is_none_or(|aside| !aside.holds(&image.person, &image.name))
    };
    let Protocols { single, three, .. } = Protocols::of(&samples, is_kept);
    Ok(Compared {
        model: pipeline.model().to_owned(),
        single,
        three,
    })
}

/// Prints the rates of both protocols; answers their sorted scores.
fn tables(protocols: &Protocols) -> [Pairs; 2] {
    [(SINGLE, &protocols.single), (THREE, &protocols.three)].map(|(name, scored)| {
        let mut pairs = Pairs::of(scored.iter().copied());
        pairs.sort();
        pairs.report(name);
        pairs
    })
}

/// Every pair of images, a line each.
fn write_scores(path: &Path, samples: &[Sample]) -> anyhow::Result<()> {
    let mut out = Scores::create(path)?;
    for (i, a) in samples.iter().enumerate() {
        for b in &samples[i + 1..] {
            out.write(&a.image, &b.image, a.score(b))?;
        }
    }
    out.finish()
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
    /// What the image shows of the face; `None` where no face was found.
    seen: Option<Observation>,
    /// Why a login would not take this image.
    refusal: Option<&'static str>,
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

/// The folder of the models and the pack that it wholly holds: the one that is named, or ./models and the user's cache.
fn pack_at(given: Option<&Path>) -> anyhow::Result<(PathBuf, Manifest)> {
    let cache = dirs::cache_dir().map(|c| c.join("whorl").join("models"));
    let usual = [Some(PathBuf::from("models")), cache];
    let places = match given {
        Some(folder) => vec![folder.to_owned()],
        None => usual.into_iter().flatten().collect(),
    };
    let held = |(manifest, place): &(Manifest, &PathBuf)| {
        let mut models = manifest.models.iter();
        models.all(|m| place.join(&m.file).is_file())
    };
    // The best pack first, wherever it lies.
    let packs = Manifest::builtins().into_iter();
    let mut found = packs.flat_map(|m| places.iter().map(move |place| (m.clone(), place)));
    let (manifest, place) = found.find(held).with_context(|| {
        let places: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
        format!(
            "no whole pack is in {}: use --models or WHORL_MODELS",
            places.join(", ")
        )
    })?;
    Ok((place.clone(), manifest))
}

/// The pack without its attack networks, which take no part in a comparison; the 68 points do, in the alignment.
fn load(folder: &Path, mut manifest: Manifest) -> anyhow::Result<FacePipeline> {
    let attack = [Role::PresentationAttackNear, Role::PresentationAttackFar];
    manifest.models.retain(|m| !attack.contains(&m.role));
    FacePipeline::of_pack(&manifest, |role, model| {
        let model = model.with_context(|| format!("the pack has no {role:?}"))?;
        let path = folder.join(&model.file);
        fs::read(&path).with_context(|| format!("cannot read the model {}", path.display()))
    })
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
            let seen = match Seen::of(pipeline, &bytes) {
                Ok(seen) => seen,
                Err(e) => bail!("{}: {e:#}", image.path.display()),
            };
            bar.inc(1);
            Ok(Sample {
                image,
                template: seen.template,
                seen: seen.observation,
                refusal: seen.refusal,
                time: started.elapsed(),
            })
        })
        .collect();
    bar.finish_and_clear();
    samples
}

/// What is had of an image.
#[derive(Default)]
struct Seen {
    template: Option<Template>,
    observation: Option<Observation>,
    refusal: Option<&'static str>,
}

impl Seen {
    /// As a login reads it. What a login refuses is compared all the same, by its best face: the rates are to be
    /// those of the comparison alone.
    fn of(pipeline: &FacePipeline, bytes: &[u8]) -> Result<Self, FaceError> {
        let Ok(image) = RgbImage::decode(bytes, &Limits::default()) else {
            return Ok(Self {
                refusal: Some("not an image that can be read"),
                ..Self::default()
            });
        };
        let refusal = match pipeline.template(&image) {
            Ok(extraction) => {
                return Ok(Self {
                    template: Some(extraction.template),
                    observation: Some(extraction.observation),
                    refusal: None,
                });
            }
            Err(FaceError::NoPixels | FaceError::NoFace) => "no face",
            Err(FaceError::SeveralFaces { .. }) => "several faces",
            Err(FaceError::TooSmall { .. }) => "too small a face",
            Err(FaceError::NotAlignable) => "points that make no face",
            Err(e @ FaceError::Engine(_)) => return Err(e),
        };
        let Some(face) = pipeline.detect(&image)?.first().copied() else {
            return Ok(Self {
                refusal: Some(refusal),
                ..Self::default()
            });
        };
        Ok(Self {
            template: usable(pipeline.template_of(&image, &face))?,
            observation: usable(pipeline.observe(&image))?,
            refusal: Some(refusal),
        })
    }
}

/// `None` for an image that cannot be used.
fn usable<T>(result: Result<T, FaceError>) -> Result<Option<T>, FaceError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.is_unusable() => Ok(None),
        Err(e) => Err(e),
    }
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
