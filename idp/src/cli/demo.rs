//! `whorl demo`: the provider and an application that delegates login to it, on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::serve::leave_no_core;
use super::{admin, block_on, scripted};
use crate::app::{App, Shared};
use crate::clock::SystemClock;
use crate::config::ConfigError;
use crate::demo::RelyingParty;
use crate::demo::settings::{CLIENT_ID, Settings};
use crate::http::Demonstration;
use crate::http::serve::{Handle, serve, serve_plain};
use crate::login::policy::Policy;
use crate::models::{ModelsError, Source, cache_directory, find, npm, pull};
use crate::telemetry;

#[derive(Args)]
pub struct Options {
    /// A picture to enrol as the face, 1 to 5 times; runs the whole login without a human.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "probe_face")]
    pub face: Vec<PathBuf>,
    /// The picture to sign in with.
    #[arg(long, value_name = "FILE", requires = "face")]
    pub probe_face: Option<PathBuf>,
    /// A fingerprint image to enrol, 1 to 5 times; runs the whole login without a human.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "probe_finger")]
    pub finger: Vec<PathBuf>,
    /// The fingerprint image to sign in with.
    #[arg(long, value_name = "FILE", requires = "finger")]
    pub probe_finger: Option<PathBuf>,
    /// Resolution of the fingerprint images; estimated from the ridges where it is not said.
    #[arg(long, value_name = "DPI", value_parser = dpi)]
    pub dpi: Option<f64>,
    /// Where the provider listens; 0 takes any free port.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Where the demonstration application listens; 0 takes any free port.
    #[arg(long, default_value_t = 8081)]
    pub application_port: u16,
    /// Where the demonstration keeps its state.
    #[arg(long, default_value = ".whorl/demo", value_name = "DIR")]
    pub state_dir: PathBuf,
    /// Do not open the browser.
    #[arg(long)]
    pub no_browser: bool,
}

fn dpi(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(dpi) if (50.0..=4000.0).contains(&dpi) => Ok(dpi),
        _ => Err("a resolution is between 50 and 4000 dots per inch".into()),
    }
}

pub fn run(options: Options) -> anyhow::Result<ExitCode> {
    // People are filmed here, too.
    leave_no_core();
    for (name, files) in [("--face", &options.face), ("--finger", &options.finger)] {
        anyhow::ensure!(files.len() <= 5, "{name} takes at most five files");
    }
    if options.face.is_empty() && options.finger.is_empty() {
        block_on(interactive(options))
    } else {
        block_on(scripted::run(options))
    }
}

/// A provider and its demonstration application, both listening.
pub struct Running {
    pub app: Shared,
    pub issuer: String,
    pub application: String,
    pub handle: Handle,
}

/// Starts both. Port 0 takes any free one.
pub async fn start(state_dir: PathBuf, ports: (u16, u16), ways: &str) -> anyhow::Result<Running> {
    let listen = |port: u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        TcpListener::bind(address).with_context(|| {
            format!("port {port} is taken; choose another with --port or --application-port")
        })
    };
    let (provider, application) = (listen(ports.0)?, listen(ports.1)?);
    let settings = Settings {
        provider: provider.local_addr()?,
        application: application.local_addr()?,
        state_dir: &state_dir,
        ways,
    };
    let config = settings.config()?;
    telemetry::init(&config.log);
    if ways.contains(wire::FactorKind::Face.as_str()) {
        bring_models().await;
    }
    let app = Box::pin(App::assemble(config, Arc::new(SystemClock))).await?;
    let (issuer, address) = (settings.issuer(), settings.application_url());
    app.set_demo_application(address.clone());
    let handle = Handle::new();
    tokio::spawn(serve(app.clone(), provider, handle.clone()));
    let relying_party =
        RelyingParty::discover(&issuer, CLIENT_ID, &format!("{address}/callback")).await?;
    let demonstration = Demonstration::new(app.clone(), relying_party, address.clone());
    tokio::spawn(serve_plain(
        demonstration.routes(),
        application,
        handle.clone(),
    ));
    Ok(Running {
        app,
        issuer,
        application: address,
        handle,
    })
}

/// A demonstration on a machine without models makes the small pack itself, where npm can be asked; without one,
/// faces are off.
async fn bring_models() {
    // A folder that was named and holds no pack is for its owner to mend.
    let Err(ModelsError::NotFound { .. }) = find(None) else {
        return;
    };
    let Some(into) = cache_directory() else {
        return;
    };
    if !npm::is_here().await {
        println!(
            "No face models are here, and npm, which could bring some, is not on the PATH: faces are off."
        );
        return;
    }
    println!(
        "No face models are here. Fetching the npm package @vladmandic/face-api, about 13 MB, and converting its \
         networks into {}. They look for no presentation attacks: good for this demonstration, and nothing else.",
        into.display()
    );
    if let Err(error) = pull(&Source::Npm, &into).await {
        let error = anyhow::Error::from(error);
        println!("That failed, so that faces are off: {error:#}.");
    }
}

const WAYS: &str = r#"[["password", "face"], ["password", "fingerprint"], ["passkey"], ["password", "totp"], ["password", "recovery_code"]]"#;

/// What the demonstration asks for.
pub fn policy() -> Result<Policy, ConfigError> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = Settings {
        provider: anywhere,
        application: anywhere,
        state_dir: Path::new(""),
        ways: WAYS,
    };
    Ok(settings.config()?.policy)
}

async fn interactive(options: Options) -> anyhow::Result<ExitCode> {
    let running = start(
        options.state_dir.clone(),
        (options.port, options.application_port),
        WAYS,
    )
    .await?;
    let (token, _) = admin::token_for(
        &running.app.store,
        "demo",
        wire::Role::Owner,
        admin::DEMO_LIFETIME,
    )
    .await?;
    println!("Whorl is running on this machine.\n");
    println!(
        "  Application  {}   sign in here, or register somebody new",
        running.application
    );
    println!("  Provider     {}", running.issuer);
    println!("  Console      WHORL_ADMIN_TOKEN={token} \\");
    println!(
        "               cargo run --release --bin whorl-admin -- --server {}\n",
        running.issuer
    );
    println!(
        "Embedded here: SQLite, sealed templates in a folder under a local key, both in {}.",
        options.state_dir.display()
    );
    println!(
        "An application of your own: WHORL_STATE_DIR={} whorl client add ID --redirect-uri URI",
        options.state_dir.display()
    );
    println!(
        "Production uses PostgreSQL, S3 and KMS, by configuration alone: see config/production.toml."
    );
    if running.app.has_models() {
        println!("Models: {}.", running.app.models_detail());
    } else {
        println!(
            "No face models were found, so the face factor is off: bring them with `whorl models pull`."
        );
    }
    println!(
        "\nUploaded pictures are accepted here, and worth acr=urn:whorl:acr:demo only. Stop with Ctrl-C."
    );
    if !options.no_browser {
        // No browser on this machine is no fault: the address is printed above.
        let _opened = open::that_detached(&running.application);
    }
    tokio::signal::ctrl_c().await?;
    running.handle.shutdown();
    Ok(ExitCode::SUCCESS)
}
