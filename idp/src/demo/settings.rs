//! The configuration of a demonstration.

use std::net::SocketAddr;
use std::path::Path;

use crate::config::{Config, ConfigError};

/// Where the demonstration runs and what it asks for.
pub struct Settings<'a> {
    pub provider: SocketAddr,
    pub application: SocketAddr,
    pub state_dir: &'a Path,
    /// The ways to sign in, as TOML rows of factors.
    pub ways: &'a str,
}

/// The client identifier of the demonstration application.
pub const CLIENT_ID: &str = "demonstration";

impl Settings<'_> {
    /// The provider's issuer. Passkeys want a name, not an address.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.provider.port())
    }

    /// The application's address.
    #[must_use]
    pub fn application_url(&self) -> String {
        format!("http://localhost:{}", self.application.port())
    }

    /// The whole configuration.
    ///
    /// # Errors
    /// [`ConfigError`], where the ways are no policy.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let (issuer, application) = (self.issuer(), self.application_url());
        let (listen, ways, state) = (self.provider, self.ways, toml::Value::from(self.state_dir.display().to_string()));
        Config::from_toml(&format!(
            r#"
            issuer = "{issuer}"
            listen = "{listen}"
            state_dir = {state}
            [demo]
            enabled = true
            [log]
            level = "warn"
            [policy]
            default_acr = "urn:whorl:acr:demo"
            [[policy.acr]]
            name = "urn:whorl:acr:demo"
            any_of = {ways}
            least_capture = "uploaded"
            [[client]]
            id = "{CLIENT_ID}"
            name = "Demonstration application"
            redirect_uris = ["{application}/callback"]
            post_logout_redirect_uris = ["{application}/"]
            scopes = ["openid", "profile", "email"]
            token_endpoint_auth_method = "none"
            "#
        ))
    }
}
