//! The binary `whorl`: arguments in, one subcommand run, its outcome as an exit status.

use std::process::ExitCode;

use clap::Parser;
use whorl::cli::Arguments;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("whorl: {error:#}");
            ExitCode::FAILURE
        }
    }
}
