//! The binary `whorl`: arguments in, one subcommand run, its outcome as an exit status.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use whorl::cli::Arguments;

/// Gives memory back: with the system's allocator each thread that had hashed a password kept the 19 MiB of the hash,
/// some twice, and a few logins at once left ten times the idle memory in use for good.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("whorl: {error:#}");
            ExitCode::FAILURE
        }
    }
}
