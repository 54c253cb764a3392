//! `evaluate`: runs a comparison protocol over a folder of samples, writes the scores, prints the error table.
//!
//! The figures that a calibration or a release note states come from here and can be had again from the same folders.

mod anomaly;
mod calibration;
mod canvas;
mod cost;
mod enrolment;
mod face;
mod fingerprint;
mod fusion;
mod identify;
mod intervals;
mod logins;
mod pad;
mod pairs;
mod plot;
mod rates;
mod reject;
mod report;
mod stopwatch;
mod synthetic;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Measures a comparator on a folder of samples.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares every pair of fingerprint impressions of a folder.
    Fingerprint(fingerprint::Options),
    /// Looks for each fingerprint of a folder among those of another (1:N).
    Identify(identify::Options),
    /// Compares every pair of face images of a folder of people.
    Face(face::Options),
    /// Weighs face and fingerprint together, on people made of one's face and another's finger.
    Fusion(fusion::Options),
    /// Plays captures with simulated subjects and with attacks.
    Pad(pad::Options),
    /// Replays login histories and judges the scores.
    Anomaly(anomaly::Options),
    /// Makes up login histories with attacks among them.
    Logins(logins::Options),
    /// Makes up fingerprints with known minutiae.
    Synthetic(synthetic::Options),
    /// Writes a completion script for a shell.
    Completions {
        /// The shell to complete for.
        shell: Shell,
    },
}

fn main() -> anyhow::Result<()> {
    run(Arguments::parse())
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Fingerprint(options) => fingerprint::run(&options),
        Command::Identify(options) => identify::run(&options),
        Command::Face(options) => face::run(&options),
        Command::Fusion(options) => fusion::run(&options),
        Command::Pad(options) => pad::run(&options),
        Command::Anomaly(options) => anomaly::run(&options),
        Command::Logins(options) => logins::run(&options),
        Command::Synthetic(options) => synthetic::run(&options),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "evaluate",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
