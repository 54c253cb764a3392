//! `whorl models`: the model pack of the face factor: bring it here, list it, hold it to its digests.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::config::Config;
use crate::models::{FileState, Source, cache_directory, find, list, pull};

#[derive(Subcommand)]
pub enum Command {
    /// Bring the pack here; only files with the digests that this version was measured with are kept.
    Pull {
        /// A folder that holds the files, or the URL of one; without it, the addresses that the pack names.
        #[arg(long, value_name = "FOLDER OR URL")]
        from: Option<String>,
        /// Where to put them; without it [models] directory, or the user's cache.
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
    /// List the pack's models: what each is for, its licence, and whether its file is here.
    List,
    /// Hold every file to its digest; the exit status is 1 where one is missing or another.
    Verify,
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let configured = config.models_directory();
    match command {
        Command::Pull { from, into } => {
            let into = into
                .or_else(|| configured.map(PathBuf::from))
                .or_else(cache_directory);
            let into = into.context("this system has no cache folder: say where with --into")?;
            let pulled = pull(&Source::parse(from.as_deref()), &into).await?;
            println!(
                "{} files pulled into {}; the pack is whole.",
                pulled.len(),
                into.display()
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::List => {
            let folder = find(configured);
            let folder = folder
                .ok()
                .or_else(|| configured.map(PathBuf::from))
                .or_else(cache_directory);
            for listed in list(&folder.unwrap_or_default()) {
                let state = match listed.state {
                    FileState::Good => "here",
                    FileState::Missing => "missing",
                    FileState::Bad(_) => "another file",
                };
                let (model, path) = (listed.model, listed.path);
                println!(
                    "{:<24} {:<12} {:<12} {}",
                    model.name,
                    model.licence,
                    state,
                    path.display()
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify => {
            let folder = find(configured)?;
            let mut status = ExitCode::SUCCESS;
            for listed in list(&folder) {
                match listed.state {
                    FileState::Good => println!("good     {}", listed.path.display()),
                    FileState::Missing => {
                        println!("missing  {}", listed.path.display());
                        status = ExitCode::FAILURE;
                    }
                    FileState::Bad(error) => {
                        println!("bad      {error}");
                        status = ExitCode::FAILURE;
                    }
                }
            }
            Ok(status)
        }
    }
}
