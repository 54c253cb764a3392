//! `whorl-admin`: parses the command line, and runs the console or one subcommand.

use std::process::ExitCode;

use admin_tui::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match admin_tui::cli::execute(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("whorl-admin: {error:#}");
            ExitCode::FAILURE
        }
    }
}
