//! `whorl keys`: the signing keys that are published, and a new one at once where it must be.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::keys::KeyState;

#[derive(Subcommand)]
pub enum Command {
    /// List the keys and where they stand.
    List,
    /// Sign with new keys from now on, because an old one may be known to somebody.
    Replace,
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let app = Box::pin(App::assemble(config, Arc::new(SystemClock))).await?;
    if matches!(command, Command::Replace) {
        app.tokens.keyring.replace(app.clock.now()).await?;
    }
    for key in app.tokens.keyring.ring().keys() {
        let state = match key.state {
            KeyState::Next => "next".to_owned(),
            KeyState::Active { since } => format!("active since {since}"),
            KeyState::Retired { until, .. } => format!("retired, published until {until}"),
        };
        println!("{:<44} {:<6} {state}", key.kid.as_str(), key.alg.name());
    }
    Ok(ExitCode::SUCCESS)
}
