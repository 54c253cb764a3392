//! `whorl connect`: what to type into the system that is to delegate its logins to us, and what to type here.
//!
//! Each plan is plain data: steps with labels and values, and the client as a table of the configuration, which
//! `--create` registers instead. docs/connect has a page for each.

mod plans;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use super::existing_store;
use crate::app::{make_state_directory, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::login::policy::Policy;
use crate::policies::InForce;
use crate::store::ExternalAccount;

pub use plans::Plan;

#[derive(Subcommand)]
pub enum Command {
    /// Microsoft Entra: an external authentication method, which is one factor beside Entra's own.
    Entra(Entra),
    /// Keycloak: an identity provider that its realm brokers.
    Keycloak(Keycloak),
    /// Auth0: an enterprise connection.
    Auth0(Domain),
    /// Okta: an external identity provider.
    Okta(Domain),
    /// Say which account at a hint issuer a subject has: Entra's people are known by nothing else.
    Link(Link),
    /// Take such a link back.
    Unlink(Account),
    /// List the accounts that a subject is linked to.
    Links { username: String },
}

#[derive(Args)]
pub struct Entra {
    /// The application (client) ID of the app registration in Entra that stands for Whorl.
    #[arg(long, value_name = "GUID")]
    pub app_id: String,
    /// The directory (tenant) ID whose people may come; several times for several.
    #[arg(long = "tenant", required = true, value_name = "GUID")]
    pub tenants: Vec<String>,
    /// Which cloud: global, us or china.
    #[arg(long, default_value = "global", value_parser = ["global", "us", "china"])]
    pub cloud: String,
}

#[derive(Args)]
pub struct Keycloak {
    /// The realm's URL, such as https://sso.example.org/realms/staff.
    #[arg(long, value_name = "URL")]
    pub realm: String,
    /// The alias of the identity provider in the realm.
    #[arg(long, default_value = "whorl")]
    pub alias: String,
    /// The client's identifier here, where keycloak-ALIAS is another realm's.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Register the client here, and print its secret once.
    #[arg(long)]
    pub create: bool,
}

#[derive(Args)]
pub struct Domain {
    /// The tenant's domain, such as example.eu.auth0.com or example.okta.com.
    #[arg(long, value_name = "DOMAIN")]
    pub domain: String,
    /// The client's identifier here, where the usual one is another tenant's.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Register the client here, and print its secret once.
    #[arg(long)]
    pub create: bool,
}

#[derive(Args)]
pub struct Account {
    /// The name of the [[hint_issuer]].
    #[arg(long, default_value = "entra", value_name = "NAME")]
    pub hint_issuer: String,
    /// The directory (tenant) ID.
    #[arg(long, value_name = "GUID")]
    pub tenant: String,
    /// The person's object ID there.
    #[arg(long, value_name = "GUID")]
    pub object: String,
}

#[derive(Args)]
pub struct Link {
    /// The subject here.
    username: String,
    #[command(flatten)]
    account: Account,
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let issuer = config.issuer_text();
    let elsewhere = match command {
        Command::Entra(_) => Some("Entra"),
        Command::Auth0(_) => Some("Auth0"),
        Command::Okta(_) => Some("Okta"),
        Command::Keycloak(_) | Command::Link(_) | Command::Unlink(_) | Command::Links { .. } => {
            None
        }
    };
    if let Some(name) = elsewhere.filter(|_| config.is_loopback()) {
        eprintln!(
            "warning: the issuer {issuer} is this machine alone, and {name} cannot reach it. Set `issuer` to the https \
             address that the world knows, by --config or WHORL_ISSUER, and run this again.\n"
        );
    }
    match command {
        Command::Entra(entra) => {
            let (policy, revision) = counting(&config).await?;
            print!("{}", plans::entra(&issuer, &policy, &entra)?);
            if let Some(number) = revision {
                println!(
                    "The acr rules above are those of policy revision {number}, which counts in place of the \
                     configuration's: put them in by the console, or run `whorl policy reset` once they stand in the file."
                );
            }
        }
        Command::Keycloak(keycloak) => {
            let plan = plans::keycloak(&issuer, &keycloak)?;
            finish(config, plan, keycloak.create).await?;
        }
        Command::Auth0(domain) => {
            let plan = plans::auth0(&issuer, &domain)?;
            finish(config, plan, domain.create).await?;
        }
        Command::Okta(domain) => {
            let plan = plans::okta(&issuer, &domain)?;
            finish(config, plan, domain.create).await?;
        }
        Command::Link(Link { username, account }) => {
            let account = known(&config, account)?;
            make_state_directory(&config)?;
            let store = open_store(&config).await?;
            let subject = store
                .subject_by_username(&username)
                .await?
                .with_context(|| format!("there is no subject {username}"))?;
            store
                .link_account(&account, subject.id, SystemClock.now())
                .await?;
            println!(
                "{username} is {} of tenant {} at {}",
                account.id, account.tenant, account.issuer
            );
        }
        Command::Unlink(account) => {
            let account = known(&config, account)?;
            make_state_directory(&config)?;
            let store = open_store(&config).await?;
            anyhow::ensure!(
                store.unlink_account(&account).await?,
                "there is no such link"
            );
            println!("{} is linked to nobody", account.id);
        }
        Command::Links { username } => {
            let store = existing_store(&config).await?;
            let subject = store
                .subject_by_username(&username)
                .await?
                .with_context(|| format!("there is no subject {username}"))?;
            for link in store.account_links(subject.id).await? {
                let ExternalAccount { issuer, tenant, id } = link.account;
                println!("{issuer}  {tenant}  {id}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The policy that counts, and its revision where operators wrote it: the newest one of the database, or where there is
/// none yet the configuration's.
async fn counting(config: &Config) -> anyhow::Result<(Policy, Option<i64>)> {
    let Ok(store) = existing_store(config).await else {
        return Ok((config.policy.clone(), None));
    };
    let newest = InForce::newest(&store, config).await?;
    let written = newest.change.as_ref().filter(|_| newest.text.is_some());
    let number = written.map(|change| change.number);
    Ok((newest.into_policy(), number))
}

/// The account, at a hint issuer that the configuration has.
fn known(config: &Config, account: Account) -> anyhow::Result<ExternalAccount> {
    let issuer = config
        .hint_issuers
        .iter()
        .find(|issuer| issuer.name == account.hint_issuer)
        .with_context(|| format!("there is no [[hint_issuer]] {}", account.hint_issuer))?;
    Ok(ExternalAccount {
        issuer: issuer.issuer.clone(),
        tenant: account.tenant.to_ascii_lowercase(),
        id: account.object.to_ascii_lowercase(),
    })
}

/// Registers the client where that is wanted, and prints the plan.
async fn finish(config: Config, plan: Plan, create: bool) -> anyhow::Result<()> {
    if !create {
        print!("{plan}");
        println!("With --create the client is registered in the database instead.");
        return Ok(());
    }
    let client = plan.client()?;
    let secret = super::client::register(&config, client).await?;
    let secret = secret
        .as_ref()
        .map_or("(none)", |secret| secret.expose_secret());
    print!("{}", plan.registered(secret));
    Ok(())
}
