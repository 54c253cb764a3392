//! `evaluate pad`: plays captures with simulated subjects and with attacks, and counts who passes.
//!
//! Both are made up from photographs; the people of the attacks are never those of the subjects. The
//! figures are those of a simulation, never an error rate by ISO/IEC 30107-3.

mod figures;
mod page;
mod people;
mod session;
mod strip;
mod words;

use std::path::PathBuf;
use std::time::Instant;
use std::{fs, iter};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use matcher::simulation::{Actor, Species, Subject};
use rayon::prelude::*;

use self::figures::Line;
use self::people::{Halves, Models, Part, people};
use self::session::Outcome;

/// Plays captures with simulated subjects and attacks
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of people: DIR/<person>/<image>; of two with one name the first folder's is used
    #[arg(long, value_name = "DIR", required = true)]
    faces: Vec<PathBuf>,
    /// Folder of the model files
    #[arg(
        long,
        value_name = "DIR",
        env = "WHORL_MODELS",
        default_value = "models"
    )]
    models: PathBuf,
    /// Most people that are used
    #[arg(long, default_value_t = 60)]
    people: usize,
    /// The people who play: those whom thresholds were read from, or those who had no part in it
    #[arg(long, value_enum, default_value_t = Part::Report)]
    part: Part,
    /// Captures that are played of the simulated subject and of every species
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// What is drawn follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Captures of the simulated subject, if not as many
    #[arg(long)]
    subjects: Option<usize>,
    /// No capture is begun after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Every capture's figures, CSV
    #[arg(long, value_name = "OUT")]
    figures: Option<PathBuf>,
    /// Species that are played, by their names, if not all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    species: Vec<String>,
    /// A contact sheet of every actor, PNG
    #[arg(long, value_name = "OUT")]
    strip: Option<PathBuf>,
    /// A page with the figures of every cue, HTML
    #[arg(long, value_name = "OUT")]
    report: Option<PathBuf>,
}

/// Plays, counts and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .context("cannot start the threads")?;
    pool.install(|| play(options))
}

fn play(options: &Options) -> anyhow::Result<()> {
    let models = Models::load(&options.models)?;
    let people = people(&models, &options.faces, options.people)?;
    let halves = Halves::of(people, options.part)?;
    println!("{halves}");
    let sheet = match (&options.strip, &options.report) {
        (None, None) => None,
        _ => Some(strip::draw(&halves, options.seed)),
    };
    if let (Some(path), Some(sheet)) = (&options.strip, &sheet) {
        sheet.canvas.save(path)?;
    }
    let lines = sessions(&models, &halves, options)?;
    for line in &lines {
        println!("{}", line.text());
        println!("    {}", line.reasons());
    }
    if let Some(path) = &options.figures {
        fs::write(path, figures::table(&lines))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let (Some(path), Some(sheet)) = (&options.report, &sheet) {
        let heading = format!("{halves}; seed {}", options.seed);
        fs::write(path, page::page(&heading, &lines, sheet)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every session of the subject and of each species; each has its people, its script and its chance.
fn sessions(models: &Models, halves: &Halves, options: &Options) -> anyhow::Result<Vec<Line>> {
    let species = Species::ALL.into_iter().map(Some);
    let actors: Vec<Option<Species>> = iter::once(None).chain(species).collect();
    let count = |actor: &Option<Species>| match actor {
        None => options.subjects.unwrap_or(options.sessions),
        Some(species)
            if options.species.is_empty()
                || options.species.iter().any(|n| n == species.name()) =>
        {
            options.sessions
        }
        Some(_) => 0,
    };
    let mut plays: Vec<(usize, usize)> = (0..actors.len())
        .flat_map(|actor| (0..count(&actors[actor])).map(move |session| (actor, session)))
        .collect();
    // All actors side by side, so that an early end leaves none out.
    plays
        .sort_by_key(|(actor, session)| (session * PLACES / count(&actors[*actor]).max(1), *actor));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} captures, {eta} left")?;
    let bar = ProgressBar::new(plays.len() as u64).with_style(style);
    let began = Instant::now();
    let mut played: Vec<(usize, usize, Outcome)> = plays
        .into_iter()
        .par_bridge()
        .filter(|_| {
            options
                .seconds
                .is_none_or(|most| began.elapsed().as_secs() < most)
        })
        .map(|(actor, session)| {
            let number = (actor as u64) << 32 | session as u64;
            let random = scattered(options.seed ^ scattered(number));
            let mut player: Box<dyn Actor> = match actors[actor] {
                None => Box::new(Subject::new(halves.subject(session).clone(), random)),
                Some(species) => species.stage(&halves.cast(session), random),
            };
            let outcome = session::play(&models.pipeline, player.as_mut(), scattered(random))?;
            bar.inc(1);
            Ok((actor, session, outcome))
        })
        .collect::<anyhow::Result<_>>()?;
    bar.finish_and_clear();
    played.sort_by_key(|(actor, session, _)| (*actor, *session));
    let mut lines: Vec<Line> = actors
        .iter()
        .map(|actor| Line {
            name: actor.map_or("subject", Species::name),
            what: words::actor(*actor),
            is_subject: actor.is_none(),
            outcomes: Vec::new(),
        })
        .collect();
    for (actor, _, outcome) in played {
        lines[actor].outcomes.push(outcome);
    }
    Ok(lines)
}

/// In how many places of the order the captures of an actor are put.
const PLACES: usize = 1 << 20;

/// A number that shares nothing visible with its origin (the end of SplitMix64).
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
