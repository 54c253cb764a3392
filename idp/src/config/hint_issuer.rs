//! Issuers whose hints say who is to be asked for one more factor: Microsoft Entra.

use serde::Deserialize;
use time::Duration;
use url::Url;

use crate::oidc::external_hint::HintIssuer;

/// A trusted issuer of hints, as the file names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredHintIssuer {
    /// What a client's `external_method` calls it.
    pub name: String,
    /// The issuer identifier; `{tid}` stands for the tenant.
    pub issuer: String,
    /// Its discovery document, where it is not below the identifier.
    #[serde(default)]
    pub discovery: Option<String>,
    /// The tenants whose people may come, and the environment variable that names one more.
    #[serde(default)]
    pub tenants: Vec<String>,
    #[serde(default)]
    pub tenants_from: Option<String>,
    /// Whom its hints may be for: the application that was registered for us there.
    pub audiences: Vec<String>,
    /// How old a hint may be, in seconds.
    #[serde(default = "ten_minutes")]
    pub max_age_s: u32,
}

fn ten_minutes() -> u32 {
    600
}

impl ConfiguredHintIssuer {
    /// What is wrong with it, for whoever wrote it.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let is_url = |text: &str| {
            Url::parse(&text.replace("{tid}", "tenant")).is_ok_and(|url| url.scheme() == "https")
        };
        if !is_url(&self.issuer) {
            return Some("issuer must be an https URL");
        }
        if self.discovery.as_deref().is_some_and(|url| !is_url(url)) {
            return Some("discovery must be an https URL");
        }
        if self.audiences.is_empty() {
            return Some("audiences names nobody");
        }
        if self.tenants.is_empty() && self.tenants_from.is_none() {
            return Some("tenants names none");
        }
        (self.max_age_s == 0).then_some("max_age_s must be positive")
    }

    /// The issuer as the protocol knows it.
    #[must_use]
    pub fn hint_issuer(&self) -> HintIssuer {
        let more = self
            .tenants_from
            .as_deref()
            .and_then(|name| std::env::var(name).ok());
        let tenants = self.tenants.iter().cloned().chain(more);
        HintIssuer {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            discovery: self.discovery.clone(),
            tenants: tenants.map(|tenant| tenant.to_ascii_lowercase()).collect(),
            audiences: self.audiences.clone(),
            max_age: Duration::seconds(self.max_age_s.into()),
        }
    }
}
