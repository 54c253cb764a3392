//! Logs for operators: structured events on standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

/// Begins logging; a second call changes nothing.
pub fn init(log: &Log) {
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(&log.level))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // What the SDKs and the HTTP stack say below warnings can hold whole requests, and that of a WebSocket people's pictures.
    let others = [
        "hyper",
        "h2",
        "rustls",
        "reqwest",
        "tract",
        "tungstenite",
        "tokio_tungstenite",
    ];
    let quiet = [crate::aws::LOG_TARGETS, crate::store::LOG_TARGETS, &others].concat();
    let filter = quiet.iter().fold(filter, |filter, target| {
        match format!("{target}=warn").parse() {
            Ok(directive) => filter.add_directive(directive),
            Err(_) => filter,
        }
    });
    let out = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    let begun = match log.format {
        LogFormat::Json => registry.with(out.json().flatten_event(true)).try_init(),
        LogFormat::Text => registry
            .with(out.with_ansi(std::io::stderr().is_terminal()))
            .try_init(),
    };
    if begun.is_err() {
        tracing::debug!("logging_began_already");
    }
}
