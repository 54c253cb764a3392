//! `evaluate logins`: makes up login histories in the columns of the RBA data set, with known attacks among them.
//!
//! Two generators that share only the way a row is written. *Habits* draws a world with cities and networks, and people
//! who live in it. *Restaurant* has no world: every value of every person comes from a Chinese restaurant process of
//! his own over common ones. What scores well on one alone has learned the generator.

mod attackers;
mod devices;
mod people;
mod restaurant;
mod world;
mod write;

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use self::write::Sheet;

/// Makes up login histories with attacks among them
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The history, CSV
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// People
    #[arg(long, default_value_t = 3_000)]
    people: usize,
    /// Days
    #[arg(long, default_value_t = 180)]
    days: u32,
    /// What is drawn follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How people and attackers are made up
    #[arg(long, value_enum, default_value_t = Shape::Habits)]
    shape: Shape,
    /// Writes columns for the device's key and for the timing of the page too (habits alone)
    #[arg(long)]
    signals: bool,
}

/// The generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// People with habits in a world of cities and networks.
    Habits,
    /// Chinese restaurant processes.
    Restaurant,
}

/// Writes the history.
pub fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        (10..=200_000).contains(&options.people) && (2..=3_650).contains(&options.days),
        "10 to 200000 people, 2 to 3650 days"
    );
    let mut rows = match options.shape {
        Shape::Habits => people::history(options.people, options.days, options.seed),
        Shape::Restaurant => restaurant::history(options.people, options.days, options.seed),
    };
    rows.sort_by_key(|row| row.at_ms);
    let file = File::create(&options.out)
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    let has_signals = options.signals && options.shape == Shape::Habits;
    let mut sheet = Sheet::new(BufWriter::new(file), has_signals)?;
    for row in &rows {
        sheet.row(row)?;
    }
    sheet.end()?;
    let attacks = rows.iter().filter(|r| r.takeover).count();
    println!("{} rows, {attacks} takeovers", rows.len());
    Ok(())
}
