//! `evaluate pad`: plays captures with simulated subjects and with attacks, and counts who passes.
//!
//! Both are made up from photographs; the people of the attacks are never those of the subjects. The
//! figures are those of a simulation, never an error rate by ISO/IEC 30107-3.

mod people;
mod strip;

use std::path::PathBuf;

use anyhow::Context;

use self::people::{Halves, Models, people};

/// Plays captures with simulated subjects and attacks
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of people: DIR/<person>/<image>; more than one may be given
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
    /// What is drawn follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// A contact sheet of every actor, PNG
    #[arg(long, value_name = "OUT")]
    strip: Option<PathBuf>,
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
    let halves = Halves::of(people);
    println!("{halves}");
    if let Some(path) = &options.strip {
        strip::draw(&halves, options.seed, path)?;
    }
    Ok(())
}
