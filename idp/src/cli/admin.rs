//! `whorl admin`: the first operator, and tokens when none is left to ask another operator for.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};
use wire::{AuditOutcome, OperatorName, Role};

use super::at_command_line;
use crate::app::{make_state_directory, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::login::Trail;
use crate::random;
use crate::store::{NewEvent, Store};

/// How long the demonstration's token is good.
pub const DEMO_LIFETIME: Duration = Duration::days(1);

#[derive(Subcommand)]
pub enum Command {
    /// Print a new token for an operator, who is created where there is none of that name.
    ///
    /// The token is shown once. The console takes it from WHORL_ADMIN_TOKEN.
    Token {
        /// Whose; every audit event names the operator.
        name: String,
        /// What the operator may do; without it an operator who exists keeps the role, and a new one views.
        #[arg(long, value_enum)]
        role: Option<RoleName>,
        /// For how many hours the token is good.
        #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
    },
    /// List the operators.
    List,
    /// Remove an operator and all tokens of that name.
    Remove { name: String },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Reads everything, changes nothing.
    Viewer,
    /// Invites people, removes credentials, suspends.
    Enroller,
    /// Everything.
    Owner,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Enroller => Self::Enroller,
            RoleName::Owner => Self::Owner,
        }
    }
}

pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    make_state_directory(&config)?;
    let store = open_store(&config).await?;
    match command {
        Command::Token { name, role, hours } => {
            let role = match role {
                Some(role) => role.into(),
                None => match store.operator(&OperatorName(name.clone())).await? {
                    Some(operator) => operator.role,
                    None => Role::Viewer,
                },
            };
            let lifetime = Duration::hours(hours.into());
            let (token, until) = token_for(&store, &name, role, lifetime).await?;
            eprintln!("{name} may act as {role} until {until}. The token is shown this once:");
            println!("{token}");
        }
        Command::List => {
            for operator in store.operators().await? {
                println!("{:<24} {}", operator.name, operator.role);
            }
        }
        Command::Remove { name } => {
            let change = store.begin().await?;
            anyhow::ensure!(
                change.remove_operator(&name.clone().into()).await?,
                "there is no operator {name}"
            );
            let removed = about(&name, "operator.removed");
            change.append_event(removed, SystemClock.now()).await?;
            change.commit().await?;
            println!("{name} is removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a token for an operator, and the operator where there is none of that name. The command line is
/// for whoever can read the database anyway, so it asks for no token of its own.
pub async fn token_for(
    store: &Store,
    name: &str,
    role: Role,
    lifetime: Duration,
) -> anyhow::Result<(String, OffsetDateTime)> {
    anyhow::ensure!(
        !name.is_empty()
            && name.len() <= 64
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "._-@".contains(c)),
        "an operator's name has letters, digits and . _ - @"
    );
    let (name, now) = (OperatorName(name.to_owned()), SystemClock.now());
    match store.operator(&name).await? {
        Some(operator) if operator.role == role => {}
        Some(_) => {
            store.set_operator_role(&name, role).await?;
        }
        None => {
            store.create_operator(&name, role, now).await?;
        }
    }
    let (token, until) = (random::secret(), now + lifetime);
    let digest = random::digest(token.expose_secret());
    let issued = store
        .issue_operator_token(&name, &digest, until, now)
        .await
        .context("the token was not kept")?;
    let mut event = about(name.as_str(), "operator.token_issued");
    event.detail.insert("role".into(), role.to_string());
    event.detail.insert("token".into(), issued.id.to_string());
    store.append_event(event, now).await?;
    Ok((token.expose_secret().to_owned(), until))
}

/// What was done here to an operator, who did not do it.
fn about(operator: &str, kind: &'static str) -> NewEvent {
    let trail = Trail {
        subject: None,
        client: None,
        attempt: None,
        address: None,
    };
    let mut event = trail.event(kind, AuditOutcome::Success);
    event.detail.insert("name".into(), operator.to_owned());
    at_command_line(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AuditFilter;
    use crate::store::tests::store;

    #[tokio::test]
    async fn a_token_made_here_is_about_the_operator_and_by_the_command_line() {
        let (_folder, store) = store().await;
        token_for(&store, "vi", Role::Viewer, DEMO_LIFETIME)
            .await
            .expect("a token");
        let events = store
            .events(&AuditFilter::default(), 9)
            .await
            .expect("read");
        let [event] = events.as_slice() else {
            panic!("one event: {events:?}");
        };
        assert_eq!(event.kind, "operator.token_issued");
        assert_eq!(event.operator, None, "vi did nothing");
        assert_eq!(event.detail["name"], "vi");
        assert_eq!(event.detail["role"], "viewer");
        let by = &event.detail["by"];
        assert!(by.starts_with("command line (unix user "), "{by}");
    }
}
