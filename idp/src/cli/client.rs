//! `whorl client`: relying parties, where no console is at hand.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use crate::app::{make_state_directory, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfiguredClient};
use crate::random;

#[derive(Subcommand)]
pub enum Command {
    /// Register a relying party, and print its secret once.
    Add(Add),
    /// List the relying parties.
    List,
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
    #[arg(long = "redirect-uri", required = true, value_name = "URI")]
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
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    make_state_directory(&config)?;
    let store = open_store(&config).await?;
    match command {
        Command::Add(add) => {
            let secret = (!add.public).then(random::secret);
            let client = ConfiguredClient {
                name: add.name,
                secret: secret.clone(),
                post_logout_redirect_uris: add.post_logout_redirect_uris,
                trusted: add.trusted,
                default_acr: add.default_acr,
                ..ConfiguredClient::new(add.id, add.redirect_uris)
            };
            let client = client.to_client()?;
            store.register_client(&client, SystemClock.now()).await?;
            eprintln!("{} is registered", client.id);
            if let Some(secret) = secret {
                eprintln!("its secret, shown this once:");
                println!("{}", secret.expose_secret());
            }
        }
        Command::List => {
            for registered in store.clients(None, 1_000).await? {
                let client = registered.client;
                println!(
                    "{:<24} {:<28} {}",
                    client.id,
                    client.name,
                    client.auth_method.as_str()
                );
            }
        }
        Command::Remove { id } => {
            anyhow::ensure!(store.remove_client(&id).await?, "there is no client {id}");
            println!("{id} is removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}
