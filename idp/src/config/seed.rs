//! Subjects that the configuration itself brings along, with credentials from the environment: for test beds, on a
//! loopback issuer alone.

use serde::Deserialize;

use crate::oidc::claims::Profile;

/// A subject to make at start.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub username: String,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub password_from: Option<String>,
    /// The one that holds the secret of one-time passwords, in base32.
    #[serde(default)]
    pub totp_from: Option<String>,
    /// What relying parties are told, by claim name.
    #[serde(default)]
    pub claims: Profile,
    /// Who the subject is elsewhere.
    #[serde(default, rename = "link")]
    pub links: Vec<SeedLink>,
}

/// Who a seeded subject is at another issuer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLink {
    /// The name of a `[[hint_issuer]]`.
    pub hint_issuer: String,
    /// The environment variables that hold the tenant and the identifier there.
    pub tenant_from: String,
    pub id_from: String,
}
