//! `whorl-admin`: parses the command line, and runs the console or one subcommand.

use std::process::ExitCode;

use admin_tui::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match admin_tui::cli::execute(Cli::parse()) {
        Ok(code) => code,
        // Whoever read our output has had enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("whorl-admin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
