//! The schema, as ordered changes for SQLite and PostgreSQL, each with a way up and a way down.
//!
//! Times are `BIGINT` milliseconds since the Unix epoch: both databases then compare them alike, and the
//! conditional updates on which single use rests need no date arithmetic of either dialect. Secrets that
//! are only ever compared (codes, refresh tokens, cookies) are kept as lower-case hex SHA-256 digests.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m0001_subjects;
mod m0002_login;
mod m0003_clients_and_grants;
mod m0004_administration;
mod m0005_operator_token_use;
mod m0006_authorization;
mod m0008_client_registration;
mod m0009_single_use;
mod m0010_own_secrets;
mod m0011_pending_authorizations;
mod m0013_account_links;
mod m0014_sample_digests;
mod m0015_packs;
mod m0018_decisions;
mod m0018_duplicates;
mod m0019_risk;
mod m0020_notices;
mod m0021_spoken_languages;
mod m0022_device_keys;
mod m0023_hand_overs;
mod m0024_risk_traffic;
mod m0025_policy_revisions;
mod m0026_erased_biometrics;

/// Every change, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_subjects::Migration),
            Box::new(m0002_login::Migration),
            Box::new(m0003_clients_and_grants::Migration),
            Box::new(m0004_administration::Migration),
            Box::new(m0005_operator_token_use::Migration),
            Box::new(m0006_authorization::Migration),
            Box::new(m0008_client_registration::Migration),
            Box::new(m0009_single_use::Migration),
            Box::new(m0010_own_secrets::Migration),
            Box::new(m0011_pending_authorizations::Migration),
            Box::new(m0013_account_links::Migration),
            Box::new(m0014_sample_digests::Migration),
            Box::new(m0015_packs::Migration),
            Box::new(m0018_duplicates::Migration),
            Box::new(m0018_decisions::Migration),
            Box::new(m0019_risk::Migration),
            Box::new(m0020_notices::Migration),
            Box::new(m0021_spoken_languages::Migration),
            Box::new(m0022_device_keys::Migration),
            Box::new(m0023_hand_overs::Migration),
            Box::new(m0024_risk_traffic::Migration),
            Box::new(m0025_policy_revisions::Migration),
            Box::new(m0026_erased_biometrics::Migration),
        ]
    }
}
