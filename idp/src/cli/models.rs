//! `whorl models`: the model packs of the face factor: bring one, hold it to its digests and its signature, sign
//! one, and choose which is in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use matcher::face::pack::{Manifest, Role};
use wire::AuditOutcome;

use super::at_command_line;
use crate::app::{make_state_directory, open_store, shelf};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::models::{
    FileState, ModelsError, SigningKey, Source, cache_directory, find, is_signed_pack, list, pull,
    verify,
};
use crate::store::{NewEvent, PackUse};

#[derive(Subcommand)]
pub enum Command {
    /// Bring a pack here; only files with the right digests are kept.
    ///
    /// A folder with manifest.toml and manifest.sig is a signed pack: it is put beside the vault, for `use`.
    Pull {
        /// A folder that holds the files, the URL of one, or npm; without it, the addresses that the recommended pack
        /// names, and where it names none npm.
        #[arg(long, value_name = "FOLDER, URL OR npm")]
        from: Option<String>,
        /// Where to put them; without it [models] directory, or the user's cache.
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
    /// List the models of the pack in the folder, and the signed packs.
    List,
    /// Hold every file to its digest; the exit status is 1 where one is missing or another.
    Verify,
    /// Sign the pack in a folder: writes manifest.sig over the exact bytes of manifest.toml.
    Sign {
        folder: PathBuf,
        /// The signing key; it is made where there is no such file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Bring a signed pack into use; running servers turn to it within seconds.
    Use {
        /// The pack, as NAME@VERSION.
        pack: String,
        /// Take an older version than one that was in use; the audit trail says so.
        #[arg(long)]
        allow_older: bool,
    },
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let configured = config.models_directory().map(PathBuf::from);
    match command {
        Command::Pull { from, into } => match Source::parse(from.as_deref()) {
            Source::Folder(folder) if is_signed_pack(&folder) => take(&config, &folder).await,
            source => {
                let into = into.or(configured).or_else(cache_directory);
                let into =
                    into.context("this system has no cache folder: say where with --into")?;
                let pulled = pull(&source, &into).await?;
                println!(
                    "{} files pulled into {}; the pack {} {} is whole.",
                    pulled.files.len(),
                    into.display(),
                    pulled.found.manifest.name,
                    pulled.found.manifest.version
                );
                if pulled.found.manifest.is_demonstration_only() {
                    println!(
                        "It looks for no presentation attacks, and is worth urn:whorl:acr:demo alone."
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
        },
        Command::List => {
            list_folder(configured.as_deref());
            list_signed(&config).await
        }
        Command::Verify => verify_folder(configured.as_deref()),
        Command::Sign { folder, key } => sign(&folder, &key),
        Command::Use { pack, allow_older } => bring_into_use(&config, &pack, allow_older).await,
    }
}

fn list_folder(configured: Option<&Path>) {
    let (folder, manifest) = match find(configured) {
        Ok(found) => (found.directory, found.manifest),
        Err(_) => {
            let folder = configured.map(PathBuf::from).or_else(cache_directory);
            (folder.unwrap_or_default(), Manifest::builtin())
        }
    };
    for listed in list(&folder, manifest) {
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
}

async fn list_signed(config: &Config) -> anyhow::Result<ExitCode> {
    make_state_directory(config)?;
    let store = open_store(config).await?;
    let in_use = store.pack_in_use().await?;
    let shelf = shelf(config, &store).await;
    for (name, version) in shelf.files.packs().await? {
        let is_in_use = in_use
            .as_ref()
            .is_some_and(|used| used.pack == name && used.version == version);
        let state = match shelf.look(&name, version).await {
            Ok(_) if is_in_use => "in use".to_owned(),
            Ok(_) => "signed".to_owned(),
            Err(error) => error.to_string(),
        };
        println!("{:<24} {state}", format!("{name}@{version}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn verify_folder(configured: Option<&Path>) -> anyhow::Result<ExitCode> {
    let found = find(configured)?;
    let mut status = ExitCode::SUCCESS;
    for listed in list(&found.directory, found.manifest) {
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

fn sign(folder: &Path, key: &Path) -> anyhow::Result<ExitCode> {
    let path = folder.join("manifest.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = Manifest::parse(&text)?;
    // Nobody answers for files that are not what the manifest says.
    verify(folder, &manifest)?;
    let key = match key.exists() {
        true => SigningKey::read(key),
        false => SigningKey::create(key),
    }
    .with_context(|| format!("the key {} cannot be used", key.display()))?;
    let path = folder.join("manifest.sig");
    std::fs::write(&path, key.sign(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!(
        "{} {} is signed; [models] trusted_keys must name:",
        manifest.name, manifest.version
    );
    println!("{}", key.public());
    Ok(ExitCode::SUCCESS)
}

async fn take(config: &Config, folder: &Path) -> anyhow::Result<ExitCode> {
    make_state_directory(config)?;
    let store = open_store(config).await?;
    let manifest = shelf(config, &store).await.take(folder).await?;
    println!(
        "{0} {1} is here; `whorl models use {0}@{1}` brings it into use.",
        manifest.name, manifest.version
    );
    Ok(ExitCode::SUCCESS)
}

/// The folder whose pack has this name and version.
fn folder_of(config: &Config, name: &str, version: u64) -> Option<PathBuf> {
    let found = find(config.models_directory()).ok()?;
    let is_it = found.manifest.name == name && found.manifest.number() == version;
    is_it.then_some(found.directory)
}

async fn bring_into_use(
    config: &Config,
    pack: &str,
    allow_older: bool,
) -> anyhow::Result<ExitCode> {
    let (name, version) = pack.split_once('@').context("a pack is NAME@VERSION")?;
    let version: u64 = version.parse().context("a pack's version is a number")?;
    make_state_directory(config)?;
    let store = open_store(config).await?;
    let shelf = shelf(config, &store).await;
    let signed = match shelf.look(name, version).await {
        Err(ModelsError::NoPack(_)) if let Some(folder) = folder_of(config, name, version) => {
            bail!(
                "{pack} is not a signed pack but the one in {}, which serves wherever no signed pack is in use: there \
                 is nothing to do. `use` brings a signed pack into use, which `whorl models pull --from FOLDER` takes",
                folder.display()
            )
        }
        signed => signed?,
    };
    let demonstration = signed.manifest.is_demonstration_only();
    ensure!(
        config.demo.enabled || !demonstration,
        ModelsError::DemonstrationOnly(pack.to_owned())
    );
    let goes_back = match shelf.check_age(&signed.manifest).await {
        Ok(()) => false,
        Err(ModelsError::Older { .. }) if allow_older => true,
        Err(error) => return Err(error.into()),
    };
    let embedder = signed.manifest.model(Role::Embedder);
    let used = PackUse {
        seq: 0,
        pack: name.to_owned(),
        version,
        digest: signed.digest,
        embedder: embedder.map(|m| m.name.clone()).unwrap_or_default(),
        goes_back,
    };
    let now = SystemClock.now();
    store.use_pack(&used, now).await?;
    let mut detail = BTreeMap::from([
        ("pack".to_owned(), pack.to_owned()),
        ("embedder".to_owned(), used.embedder),
    ]);
    if goes_back {
        detail.insert("older".to_owned(), "allowed".to_owned());
    }
    let event = NewEvent {
        kind: "models.used",
        outcome: AuditOutcome::Success,
        subject: None,
        client: None,
        attempt: None,
        operator: None,
        factor: None,
        detail,
    };
    store.append_event(at_command_line(event), now).await?;
    println!("{pack} is in use; running servers turn to it within seconds.");
    Ok(ExitCode::SUCCESS)
}
