//! `whorl client`: relying parties, where no console is at hand.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use wire::AuditOutcome;

use super::{at_command_line, existing_store};
use crate::app::{make_state_directory, open_secrets, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfiguredClient};
use crate::login::Trail;
use crate::oidc::client::metadata::Fields;
use crate::oidc::client::{Client, TokenEndpointAuthMethod};
use crate::random;
use crate::store::{NewEvent, Store, StoreError};

#[derive(Subcommand)]
pub enum Command {
    /// Register a relying party, and print its secret once.
    Add(Add),
    /// List the relying parties.
    List,
    /// Make an initial access token, which allows registrations (RFC 7591 §3), and print it once.
    Token {
        /// Who it is for.
        label: String,
        /// How many registrations it allows.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how many hours it is good.
        #[arg(long, default_value_t = 24)]
        hours: u32,
    },
    /// Remove a relying party and every grant to it.
    Remove { id: String },
}

#[derive(Args)]
pub struct Add {
    /// The client identifier.
    id: String,
    /// What people see on the consent page.
    #[arg(long)]
    name: Option<String>,
    /// Where the answer may go, compared character by character; several times for several.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// A browser or native application, which can keep no secret.
    #[arg(long)]
    public: bool,
    /// One of ours: nobody is asked for consent.
    #[arg(long)]
    trusted: bool,
    /// The acr of its requests that ask for none.
    #[arg(long, value_name = "ACR")]
    default_acr: Option<String>,
    /// Any other field of its registration (RFC 7591), as JSON or text; several times for several.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    settings: Vec<String>,
    /// A JSON file with such fields.
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

impl Add {
    /// The client as a table of the configuration would have it, with a secret where it needs one.
    fn configured(self, config: &Config) -> anyhow::Result<ConfiguredClient> {
        // RFC 6749 appendix A.1 allows spaces; logs, tables and shells are better off without.
        anyhow::ensure!(
            !self.id.is_empty() && self.id.bytes().all(|byte| byte.is_ascii_graphic()),
            "a client's identifier has visible characters of ASCII only, and no spaces"
        );
        let mut client = ConfiguredClient::new(self.id, self.redirect_uris);
        if let Some(file) = &self.metadata {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            client.fields.extend(serde_json::from_str::<Fields>(&text)?);
        }
        for setting in &self.settings {
            let (field, value) = setting.split_once('=').context("--set wants FIELD=VALUE")?;
            // What is no JSON is text: `--set scope="openid email"`.
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            client.fields.insert(field.to_owned(), value);
        }
        for (field, value) in [("name", self.name), ("default_acr", self.default_acr)] {
            if let Some(value) = value {
                client.fields.insert(field.to_owned(), value.into());
            }
        }
        if !self.post_logout_redirect_uris.is_empty() {
            client = client.with("post_logout_redirect_uris", self.post_logout_redirect_uris);
        }
        if self.trusted {
            client = client.with("trusted", true);
        }
        const METHOD: &str = "token_endpoint_auth_method";
        let usual = match self.public {
            true => TokenEndpointAuthMethod::None,
            false => TokenEndpointAuthMethod::ClientSecretBasic,
        };
        if !client.fields.contains_key(METHOD) {
            client = client.with(METHOD, usual.as_str());
        }
        if client
            .draft_without_secret(&config.keys.algorithms)?
            .needs_secret()
        {
            client.secret = Some(random::secret());
        }
        Ok(client)
    }
}

/// Registers a client of that table under a fresh secret where it needs one; answers the secret.
pub async fn register(
    config: &Config,
    mut client: ConfiguredClient,
) -> anyhow::Result<Option<SecretString>> {
    refuse_configured(config, &client.id)?;
    make_state_directory(config)?;
    let store = open_store(config).await?;
    client.secret = client.secret.map(|_| random::secret());
    keep(config, &store, client).await
}

async fn keep(
    config: &Config,
    store: &Store,
    client: ConfiguredClient,
) -> anyhow::Result<Option<SecretString>> {
    config.check_names(&client)?;
    let draft = client.draft(&config.keys.algorithms)?;
    let secrets = open_secrets(config, store, &SystemClock).await?;
    let secret = draft.secret.clone();
    let client = draft.finish(&secrets).await?;
    let (now, id) = (SystemClock.now(), client.id.to_string());
    let change = store.begin().await?;
    change
        .register_client(&client, now)
        .await
        .map_err(|error| match error {
            StoreError::Exists => exists_already(config, &id),
            StoreError::Unavailable(_) | StoreError::Unreadable(_) => error.into(),
        })?;
    change
        .append_event(event("client.created", id), now)
        .await?;
    change.commit().await?;
    Ok(secret)
}

fn exists_already(config: &Config, id: &str) -> anyhow::Error {
    let place = place(config);
    anyhow::anyhow!(
        "a client {id} is registered {place} already: choose another identifier (`connect` takes --client-id), or \
         remove that one first with `whorl client remove {id}`"
    )
}

/// The running server has the client from there, and so does every start to come.
fn refuse_configured(config: &Config, id: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !config.has_client(id),
        "the client {id} stands in the configuration, as [[client]]: change it or remove it there, and start the \
         server again"
    );
    Ok(())
}

/// What was done at the server's own command line, by whoever may do so.
fn event(kind: &'static str, client: String) -> NewEvent {
    let trail = Trail {
        subject: None,
        client: Some(wire::ClientId(client)),
        attempt: None,
        address: None,
    };
    at_command_line(trail.event(kind, AuditOutcome::Success))
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match &command {
        Command::Add(Add { id, .. }) | Command::Remove { id } => refuse_configured(&config, id)?,
        Command::List | Command::Token { .. } => {}
    }
    // What only looks, or takes away, makes no database to look into.
    let store = match command {
        Command::List | Command::Remove { .. } => existing_store(&config).await?,
        Command::Add(_) | Command::Token { .. } => {
            make_state_directory(&config)?;
            open_store(&config).await?
        }
    };
    match command {
        Command::Add(add) => {
            let client = add.configured(&config)?;
            let id = client.id.clone();
            let secret = keep(&config, &store, client).await?;
            eprintln!("{id} is registered {}", place(&config));
            if let Some(secret) = secret {
                eprintln!("its secret, shown this once:");
                println!("{}", secret.expose_secret());
            }
        }
        Command::List => {
            let rows: Vec<[String; 3]> = store
                .clients(None, 1_000)
                .await?
                .into_iter()
                .map(|registered| {
                    let Client {
                        id,
                        name,
                        auth_method,
                        ..
                    } = registered.client;
                    [id.to_string(), name, auth_method.as_str().to_owned()]
                })
                .collect();
            print!("{}", aligned(&rows));
        }
        Command::Token { label, uses, hours } => {
            let (token, now) = (random::secret(), SystemClock.now());
            let digest = random::digest(token.expose_secret());
            let until = now + time::Duration::hours(hours.into());
            store
                .add_initial_access_token(&digest, (&label, uses), until, now)
                .await?;
            eprintln!("an initial access token, shown this once:");
            println!("{}", token.expose_secret());
        }
        Command::Remove { id } => {
            let change = store.begin().await?;
            anyhow::ensure!(change.remove_client(&id).await?, "there is no client {id}");
            let removed = event("client.removed", id.clone());
            change.append_event(removed, SystemClock.now()).await?;
            change.commit().await?;
            println!("{id} is removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a client is kept: the demonstration, and each configuration, have a database of their own.
fn place(config: &Config) -> String {
    match config.embedded_database() {
        Some(file) => format!("in {}", file.display()),
        None => "in the database".to_owned(),
    }
}

/// Rows in columns as wide as what stands in them.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        out += line.join("  ").trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let row = |texts: [&str; 3]| texts.map(str::to_owned);
        let long = "3f0c9e8e-5c52-4c8e-a3c5-0d6f7a1b2c3d";
        let text = aligned(&[row(["shop", "The shop", "none"]), row([long, "Ä", "basic"])]);
        let at = |line: &str, word: &str| {
            let before = line.split(word).next().expect("a part");
            before.chars().count()
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(at(lines[0], "The shop"), at(lines[1], "Ä"), "{text}");
        assert_eq!(at(lines[0], "none"), at(lines[1], "basic"), "{text}");
        assert_eq!(aligned::<3>(&[]), "");
    }
}
