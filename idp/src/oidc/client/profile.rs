//! The operator's own switches for a client: no registration by strangers can set them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::registered::registered;
use crate::oidc::acr::Acr;

registered! {
    /// What an access token looks like.
    pub enum AccessTokenFormat {
        /// A JWT that a resource server can read (RFC 9068).
        Jwt = "jwt",
        /// A random string that a resource server has to ask about (RFC 7662).
        Opaque = "opaque",
    }
}

registered! {
    /// Which FAPI 2.0 profile is enforced.
    pub enum FapiProfile {
        /// None.
        Off = "off",
        /// The security profile.
        Security = "security",
        /// The security profile, and message signing on top of it.
        MessageSigning = "message_signing",
    }
}

registered! {
    /// How `amr` is written.
    pub enum AmrFormat {
        /// Every method that counted (RFC 8176 §2).
        List = "list",
        /// Exactly one of the requested methods, still in an array.
        Single = "single",
    }
}

/// The operator's own switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientProfile {
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// The FAPI 2.0 profile that is enforced.
    pub fapi: FapiProfile,
    /// The client's words for our `acr` values: its word, and ours.
    pub acr_aliases: BTreeMap<String, Acr>,
    /// How `amr` is written for it.
    pub amr_format: AmrFormat,
    /// Hint issuers whose `sub` this client gets back in place of ours; empty for every usual client.
    pub external_subjects: Vec<HintIssuer>,
}

impl Default for ClientProfile {
    fn default() -> Self {
        Self {
            access_token_format: AccessTokenFormat::Jwt,
            fapi: FapiProfile::Off,
            acr_aliases: BTreeMap::new(),
            amr_format: AmrFormat::List,
            external_subjects: Vec::new(),
        }
    }
}

/// Somebody whose ID tokens are taken as `id_token_hint`, naming a subject of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HintIssuer {
    /// Their issuer; `{tid}` stands for the tenant.
    pub issuer: String,
    /// The audiences that a hint may name.
    pub audiences: Vec<String>,
    /// The tenants that are accepted, where the issuer has a place for them.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// Their key set; where it is absent, their metadata names it.
    #[serde(default)]
    pub jwks_uri: Option<super::web_uri::WebUri>,
    /// How old a hint may be.
    #[serde(default = "ten_minutes")]
    pub max_age_s: u32,
}

fn ten_minutes() -> u32 {
    600
}
