//! Protected resources: our own userinfo, and those of others that access tokens are made for.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::ConfigError;
use crate::oidc::acr::Acr;
use crate::oidc::client::{AccessTokenFormat, ClientId};
use crate::oidc::resource::{Resource, ResourceUri, Resources};
use crate::oidc::scope::{OF_SUBJECTS, Scopes};

/// What userinfo wants of the authentication behind a token (RFC 9470 §3).
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Userinfo {
    /// Any of these; none is any.
    #[serde(default)]
    pub acr_values: Vec<Acr>,
    /// Not older than so many seconds.
    pub max_age_s: Option<u32>,
}

/// How people answer backchannel requests.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Ciba {
    /// Whether a person types the number that the client shows, or compares it only.
    pub matching_number: bool,
    /// How many requests of one client may wait for one person.
    pub waiting: u16,
    /// How many requests of one client to one person an hour may see: more would be a siege (the person tires and says yes).
    pub per_hour: u32,
}

/// A resource as the file names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredResource {
    /// Its identifier (RFC 8707 §2).
    pub uri: String,
    /// The scopes that mean something there.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What its tokens look like, whatever their client wants.
    #[serde(default)]
    pub access_token_format: Option<AccessTokenFormat>,
    /// The clients that may have tokens for it; all where none is named.
    #[serde(default)]
    pub clients: Option<BTreeSet<ClientId>>,
    /// The clients by which it introspects tokens.
    #[serde(default)]
    pub introspected_by: BTreeSet<ClientId>,
}

/// The resources of the file.
///
/// # Errors
/// [`ConfigError::Resource`] where one does not hold together.
pub fn resources(configured: &[ConfiguredResource]) -> Result<Resources, ConfigError> {
    let read = |resource: &ConfiguredResource| {
        let fault = |problem| ConfigError::Resource {
            uri: resource.uri.clone(),
            problem,
        };
        let uri = ResourceUri::parse(&resource.uri)
            .ok_or_else(|| fault("not an absolute URI without a fragment"))?;
        let scopes = Scopes::parse(&resource.scopes.join(" "))
            .filter(|scopes| scopes.iter().count() == resource.scopes.len())
            .ok_or_else(|| fault("its scopes are not single scope tokens, each once"))?;
        if OF_SUBJECTS.iter().any(|scope| scopes.contains(scope)) {
            return Err(fault("scopes about a subject are userinfo's"));
        }
        Ok(Resource {
            uri,
            scopes,
            format: resource.access_token_format,
            clients: resource.clients.clone(),
            introspectors: resource.introspected_by.clone(),
        })
    };
    let resources: Vec<Resource> = configured.iter().map(read).collect::<Result<_, _>>()?;
    let uris: BTreeSet<&ResourceUri> = resources.iter().map(|resource| &resource.uri).collect();
    if uris.len() != resources.len() {
        return Err(ConfigError::Resource {
            uri: "all".into(),
            problem: "two have the same uri",
        });
    }
    Ok(Resources(resources))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(toml: &str) -> Result<Resources, String> {
        let config = Config::from_toml(toml).map_err(|error| error.to_string())?;
        resources(&config.resources).map_err(|error| error.to_string())
    }

    #[test]
    fn a_resource_is_read_with_its_scopes_and_whom_it_trusts() {
        let read = check(
            r#"
            [[resource]]
            uri = "https://api.example"
            scopes = ["read", "write"]
            access_token_format = "opaque"
            clients = ["app"]
            introspected_by = ["api"]
            [[authorization_detail]]
            type = "payment"
            sentence = "Make a payment"
            required = ["amount"]
            "#,
        )
        .expect("valid");
        let uri = ResourceUri::parse("https://api.example").expect("a URI");
        let resource = read.named(&uri).expect("known");
        assert_eq!(resource.format, Some(AccessTokenFormat::Opaque));
        assert!(resource.scopes.contains("write") && resource.introspectors.len() == 1);
    }

    #[test]
    fn a_resource_with_a_mistake_is_refused_by_name() {
        for (toml, says) in [
            ("[[resource]]\nuri = \"/x\"", "absolute URI"),
            (
                "[[resource]]\nuri = \"urn:x\"\nscopes = [\"a b\"]",
                "single scope",
            ),
            (
                "[[resource]]\nuri = \"urn:x\"\nscopes = [\"openid\"]",
                "userinfo",
            ),
            ("[[resource]]\nuri = \"urn:x\"\nscope = []", "scope"),
            (
                "[[resource]]\nuri = \"urn:x\"\n[[resource]]\nuri = \"urn:x\"",
                "same uri",
            ),
        ] {
            let error = check(toml).err().unwrap_or_default();
            assert!(error.contains(says), "{toml}: {error}");
        }
    }
}
