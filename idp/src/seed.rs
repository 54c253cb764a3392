//! Makes the subjects that the configuration brings along, at each start: what is there already stays as it is.
//!
//! For test beds. A configuration with seeds is refused unless the issuer is on this machine.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use totp_rs::Secret;
use wire::SubjectStatus;

use crate::config::Config;
use crate::config::seed::Seed;
use crate::factors::FactorError;
use crate::factors::password::Password;
use crate::factors::totp::Totp;
use crate::pool::{Pool, PoolSize};
use crate::store::{ExternalAccount, NewSubject, Store, StoreError};
use crate::vault::Vault;

/// Why a subject was not seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("{0} does not hold a secret in base32")]
    NotBase32(String),
    #[error("link names the hint issuer {0}, which there is not")]
    UnknownHintIssuer(String),
    #[error("a credential could not be kept")]
    Factor(#[from] FactorError),
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Makes every seeded subject.
///
/// # Errors
/// The first that could not be made.
pub async fn sow(
    config: &Config,
    store: &Store,
    vault: &Arc<Vault>,
    now: OffsetDateTime,
) -> Result<(), SeedError> {
    for seed in &config.seeds {
        sow_one(config, seed, store, vault, now).await?;
    }
    Ok(())
}

async fn sow_one(
    config: &Config,
    seed: &Seed,
    store: &Store,
    vault: &Arc<Vault>,
    now: OffsetDateTime,
) -> Result<(), SeedError> {
    let subject = match store.subject_by_username(&seed.username).await? {
        Some(subject) => subject,
        None => {
            let new = NewSubject {
                username: seed.username.clone(),
                display_name: seed.claims.name.clone().unwrap_or_default(),
                email: seed.claims.email.clone(),
            };
            let subject = store.create_subject(new, now).await?;
            store
                .move_subject_status(subject.id, SubjectStatus::Invited, SubjectStatus::Active)
                .await?;
            subject
        }
    };
    store.describe_subject(subject.id, &seed.claims).await?;
    if let Some(password) = variable(seed.password_from.as_deref()) {
        let one = Pool::new(PoolSize {
            workers: 1,
            queue: 8,
        });
        Password::new(store.clone(), one, config.password.cost())?
            .preset(&subject, password.expose_secret(), now)
            .await?;
    }
    if let Some(name) = seed.totp_from.as_deref()
        && let Some(text) = variable(Some(name))
    {
        let text: String = text
            .expose_secret()
            .chars()
            .filter(|c| !matches!(c, ' ' | '='))
            .collect();
        let secret = Secret::try_from_base32(text.to_ascii_uppercase())
            .map_err(|_| SeedError::NotBase32(name.to_owned()))?;
        Totp::new(store.clone(), vault.clone(), "")
            .preset(&subject, secret.as_ref(), now)
            .await?;
    }
    for link in &seed.links {
        let issuer = config
            .hint_issuers
            .iter()
            .find(|issuer| issuer.name == link.hint_issuer)
            .ok_or_else(|| SeedError::UnknownHintIssuer(link.hint_issuer.clone()))?;
        let tenant = variable(Some(&link.tenant_from));
        if let (Some(tenant), Some(id)) = (tenant, variable(Some(&link.id_from))) {
            let account = ExternalAccount {
                issuer: issuer.issuer.clone(),
                tenant: tenant.expose_secret().to_ascii_lowercase(),
                id: id.expose_secret().to_ascii_lowercase(),
            };
            store.link_account(&account, subject.id, now).await?;
        }
    }
    tracing::info!(subject = %subject.id, "subject_seeded");
    Ok(())
}

/// The value of an environment variable; what is not set is not seeded, and the log says so.
fn variable(name: Option<&str>) -> Option<SecretString> {
    let name = name?;
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Some(value.into()),
        _ => {
            tracing::warn!(variable = name, "seed_variable_missing");
            None
        }
    }
}
