//! `whorl serve` and `whorl migrate`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::app::{App, make_state_directory, open_store};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::http::serve::{Handle, serve};

/// Serves until told to stop, then finishes what is under way.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    leave_no_core();
    let listen = config.listen;
    let listener = std::net::TcpListener::bind(listen)
        .with_context(|| format!("cannot listen on {listen}"))?;
    let app = Box::pin(App::assemble(config, Arc::new(SystemClock))).await?;
    tracing::info!(issuer = app.config.issuer_text(), %listen, database = app.store.backend(), "serving");
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(handle.clone()));
    serve(app, listener, handle).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// What is in memory, people's pictures and keys among it, is written to no core file, and to no helper of the system that
/// would take one up in its place.
pub fn leave_no_core() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = rustix::process::setrlimit(Resource::Core, none);
    let forbidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    for error in [limited, forbidden].into_iter().filter_map(Result::err) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "core_files_possible"
        );
    }
}

/// Applies outstanding schema changes.
pub async fn migrate(mut config: Config) -> anyhow::Result<ExitCode> {
    config.database.migrate = true;
    make_state_directory(&config)?;
    let store = open_store(&config).await?;
    println!(
        "the schema of the {} database is up to date",
        store.backend()
    );
    Ok(ExitCode::SUCCESS)
}

async fn stop_on_signal(handle: Handle) {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    tracing::info!("stopping");
    handle.graceful_shutdown(Some(Duration::from_secs(20)));
}
