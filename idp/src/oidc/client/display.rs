//! What people may see of a client, and which software it is (RFC 7591 §2, §2.2).

use std::collections::BTreeMap;

use super::web_uri::WebUri;
use serde::{Deserialize, Serialize};

/// What people may see of a client beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Display {
    /// Its home page.
    pub client_uri: Option<WebUri>,
    /// Its logo.
    pub logo_uri: Option<WebUri>,
    /// Its privacy policy.
    pub policy_uri: Option<WebUri>,
    /// Its terms of service.
    pub tos_uri: Option<WebUri>,
    /// Who is responsible for it.
    pub contacts: Vec<String>,
    /// The same fields in other languages, by `field#tag` (RFC 7591 §2.2).
    pub localised: BTreeMap<String, String>,
}

/// Which software a client is (RFC 7591 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Software {
    /// The same for every instance of the software.
    pub software_id: Option<String>,
    /// Its version.
    pub software_version: Option<String>,
    /// The statement that it was registered with, as it came (RFC 7591 §2.3).
    pub software_statement: Option<String>,
}
