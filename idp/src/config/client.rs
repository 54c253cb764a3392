//! A relying party as a table `[[client]]` names it: the fields of its registration, by their registered names.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Config, ConfigError};
use crate::clients::Draft;
use crate::login::policy::Policy;
use crate::oidc::acr::Acr;
use crate::oidc::client::metadata::{By, Fields, Rules};
use crate::oidc::client::{Client, ClientId, JwsAlg, TokenEndpointAuthMethod};
use crate::oidc::scope::Scopes;
use crate::oidc::signing_alg::SigningAlg;

/// A relying party of the configuration.
#[derive(Deserialize)]
pub struct ConfiguredClient {
    pub id: String,
    pub secret: Option<SecretString>,
    /// Every other field, as RFC 7591 §2 and its extensions name it, and the operator's own switches.
    #[serde(flatten)]
    pub fields: Fields,
}

impl ConfiguredClient {
    /// A client with an identifier and where its answers may go.
    #[must_use]
    pub fn new(id: String, redirect_uris: Vec<String>) -> Self {
        Self {
            id,
            secret: None,
            fields: Fields::new(),
        }
        .with("redirect_uris", redirect_uris)
    }

    /// The client with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The registration that the protocol works with, and the secret that is to be put away. `held` are the algorithms
    /// that there are keys for: a client whose tokens nobody could sign is refused here, and not at its first login.
    ///
    /// # Errors
    /// [`ConfigError::Client`] says what does not hold together.
    pub fn draft(&self, held: &[SigningAlg]) -> Result<Draft, ConfigError> {
        let draft = Draft {
            client: self.draft_without_secret(held)?,
            secret: self.secret.clone(),
        };
        draft
            .check()
            .map_err(|error| self.fault(error.description()))?;
        Ok(draft)
    }

    /// The registration alone, which says whether it wants a secret.
    ///
    /// # Errors
    /// [`ConfigError::Client`] says which field is not acceptable.
    pub fn draft_without_secret(&self, held: &[SigningAlg]) -> Result<Client, ConfigError> {
        let fault = |problem: String| self.fault(problem);
        let id =
            ClientId::parse(&self.id).ok_or_else(|| fault("not a client identifier".into()))?;
        let scopes = Scopes::parse(DEFAULT_SCOPES).unwrap_or_default();
        let usual = SigningAlg::default();
        let usual = match held.contains(&usual) {
            true => usual,
            false => held.first().copied().unwrap_or(usual),
        };
        let rules = Rules {
            by: By::Operator,
            scopes: &scopes,
            signing_algs: held,
            id_token_alg: JwsAlg::from(usual),
            loopback_redirects: true,
            pkce_optional: false,
            mtls: None,
        };
        Client::from_metadata(id, &self.registered_fields(), &rules)
            .map_err(|error| fault(error.description()))
    }

    /// Why the secret is none, where that can be told by looking at it: it is what `whorl connect` prints for somebody to
    /// replace, or too short for 128 bits however it was drawn.
    #[must_use]
    pub fn weak_secret(&self) -> Option<&'static str> {
        let secret = self.secret.as_ref()?.expose_secret();
        if secret == PLACEHOLDER_SECRET {
            return Some("the secret is the placeholder that `whorl connect` prints");
        }
        let is_short = secret.chars().count() < SHORTEST_SECRET;
        is_short.then_some("the secret has fewer than 16 characters")
    }

    pub(super) fn fault(&self, problem: String) -> ConfigError {
        ConfigError::Client {
            id: self.id.clone(),
            problem,
        }
    }

    /// The fields by their registered names; the file has shorter ones for some.
    fn registered_fields(&self) -> Fields {
        let mut fields = self.fields.clone();
        if let Some(name) = fields.remove("name") {
            fields.insert("client_name".into(), name);
        }
        if let Some(acr) = fields.remove("default_acr") {
            fields.insert("default_acr_values".into(), Value::Array(vec![acr]));
        }
        if let Some(Value::Array(scopes)) = fields.get("scopes") {
            let scopes: Option<Vec<&str>> = scopes.iter().map(Value::as_str).collect();
            if let Some(scopes) = scopes {
                let scope = Value::String(scopes.join(" "));
                fields.remove("scopes");
                fields.insert("scope".into(), scope);
            }
        }
        let method = match self.secret {
            Some(_) => TokenEndpointAuthMethod::ClientSecretBasic,
            None => TokenEndpointAuthMethod::None,
        };
        fields
            .entry("token_endpoint_auth_method")
            .or_insert_with(|| Value::String(method.as_str().to_owned()));
        fields
    }
}

impl Config {
    /// Whether a client of the configuration, or of the command line, names what is there.
    ///
    /// # Errors
    /// [`ConfigError::Client`] says what it names that is not.
    pub fn check_names(&self, client: &ConfiguredClient) -> Result<(), ConfigError> {
        self.check_acrs(client, &self.policy)?;
        let drafted = client.draft_without_secret(&self.keys.algorithms)?;
        let known = |name: &String| self.hint_issuers.iter().any(|it| it.name == *name);
        match &drafted.profile.external_method {
            Some(name) if !known(name) => {
                Err(client.fault("external_method names no [[hint_issuer]]".to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a policy has a rule for every acr that a client names.
    ///
    /// # Errors
    /// [`ConfigError::Client`] says which it lacks.
    pub fn check_acrs(
        &self,
        client: &ConfiguredClient,
        policy: &Policy,
    ) -> Result<(), ConfigError> {
        let drafted = client.draft_without_secret(&self.keys.algorithms)?;
        let profile = &drafted.profile;
        let lacking = |acr: &&Acr| policy.rule(acr).is_none();
        let without_rule =
            |field: &str, acr: &Acr| format!("{field} names {acr}, for which [policy] has no rule");
        if let Some(acr) = profile.acr_aliases.values().find(lacking) {
            return Err(client.fault(without_rule("acr_aliases", acr)));
        }
        // In the client's own words, as its requests would have them.
        let mut defaults = drafted.default_acr_values.iter();
        match defaults.find(|acr| lacking(&profile.acr_of(acr))) {
            Some(acr) => Err(client.fault(without_rule("default_acr", acr))),
            None => Ok(()),
        }
    }

    /// The clients whose secrets are none, each with why. The configuration is read all the same: `whorl doctor` has to
    /// say so.
    pub fn weak_secrets(&self) -> impl Iterator<Item = ConfigError> {
        self.clients
            .iter()
            .filter_map(|client| Some(client.fault(client.weak_secret()?.to_owned())))
    }

    /// Whether the configuration has a client of this identifier.
    #[must_use]
    pub fn has_client(&self, id: &str) -> bool {
        self.clients.iter().any(|client| client.id == id)
    }
}

/// Stands for a secret in what `whorl connect` prints.
pub const PLACEHOLDER_SECRET: &str = "CHOOSE-A-LONG-RANDOM-SECRET";
/// 128 bits (RFC 6749 §10.10) are 22 characters of base64 or 32 of hexadecimal; with fewer than 16 characters of any
/// alphabet that people type there are fewer than 105.
const SHORTEST_SECRET: usize = 16;
const DEFAULT_SCOPES: &str = "openid profile email offline_access";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<Draft, String> {
        let client: ConfiguredClient = toml::from_str(toml).map_err(|error| error.to_string())?;
        client
            .draft(&[SigningAlg::Es256])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_may_use_short_and_registered_names() {
        let draft = check(
            r#"
            id = "app"
            secret = "s"
            name = "An application"
            scopes = ["openid", "profile"]
            default_acr = "urn:x"
            redirect_uris = ["https://app.example/cb"]
            dpop_bound_access_tokens = true
            access_token_format = "opaque"
            acr_aliases = { "2" = "urn:x" }
            "#,
        );
        let client = draft.unwrap().client;
        assert_eq!(client.name, "An application");
        assert_eq!(client.scopes.to_string(), "openid profile");
        assert_eq!(client.default_acr_values.len(), 1);
        assert!(client.binding.dpop && client.profile.acr_aliases.contains_key("2"));
        assert_eq!(
            client.auth_method,
            TokenEndpointAuthMethod::ClientSecretBasic
        );
    }

    #[test]
    fn a_secret_that_is_none_is_told() {
        for (secret, is_weak) in [
            (None, false),
            (Some(PLACEHOLDER_SECRET), true),
            (Some("s"), true),
            (Some("fifteen letters"), true),
            (Some("sixteen letters."), false),
        ] {
            let mut client = ConfiguredClient::new("c".into(), Vec::new());
            client.secret = secret.map(Into::into);
            assert_eq!(client.weak_secret().is_some(), is_weak, "{secret:?}");
        }
    }

    #[test]
    fn a_default_may_be_a_word_of_the_client_itself() {
        let with = |more: &str| {
            let client = "[[client]]\nid = \"c\"\nredirect_uris = [\"https://x/\"]\n";
            Config::from_toml(&format!("{client}{more}")).map(|_| ())
        };
        assert!(with("default_acr = \"urn:whorl:acr:mfa\"").is_ok());
        assert!(with("default_acr = \"2\"").is_err());
        let alias = "acr_aliases = { \"2\" = \"urn:whorl:acr:mfa\" }";
        assert!(with(&format!("default_acr = \"2\"\n{alias}")).is_ok());
    }

    #[test]
    fn a_table_with_a_mistake_is_refused_by_name() {
        let uris = "redirect_uris = [\"https://app.example/cb\"]";
        for (toml, says) in [
            (
                format!("id = \"a\"\n{uris}\ntrust = true"),
                "trust is not a field",
            ),
            (
                format!("id = \"a\"\n{uris}\ntrusted = 1"),
                "trusted: not of the type",
            ),
            ("id = \"a\"".to_owned(), "redirect URI"),
            (format!("id = \"\"\n{uris}"), "not a client identifier"),
            (
                format!("id = \"a\"\n{uris}\nid_token_signed_response_alg = \"RS256\""),
                "id_token_signed_response_alg: not a value that is served here",
            ),
            (
                format!(
                    "id = \"a\"\n{uris}\ngrant_types = [\"authorization_code\"]\nscopes = [\"offline_access\"]"
                ),
                "offline_access",
            ),
            (
                format!("id = \"a\"\n{uris}\ntoken_endpoint_auth_method = \"client_secret_post\""),
                "needs one",
            ),
        ] {
            let error = check(&toml).err().unwrap_or_default();
            assert!(error.contains(says), "{toml}: {error}");
        }
    }
}
