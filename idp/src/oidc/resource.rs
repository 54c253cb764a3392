//! Resource indicators: which protected resource an access token is to be for (RFC 8707).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::client::AccessTokenFormat;
use super::client::ClientId;
use super::error::{TokenError, TokenErrorCode};
use super::parameters::Parameters;
use super::provider::Issuer;
use super::scope::Scopes;

/// The most resources that one request may name.
pub const MAX_RESOURCES: usize = 8;

/// A resource's identifier: an absolute URI without a fragment, compared as it stands (RFC 8707 §2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceUri(String);

impl ResourceUri {
    /// Reads an identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let well_formed = url.fragment().is_none() && !text.contains('#') && text.len() <= 2048;
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResourceUri {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an absolute URI without a fragment")
    }
}

impl From<ResourceUri> for String {
    fn from(uri: ResourceUri) -> Self {
        uri.0
    }
}

/// A protected resource that access tokens of ours are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its identifier, the token's `aud`.
    pub uri: ResourceUri,
    /// The scopes that mean something there.
    pub scopes: Scopes,
    /// What its tokens look like, where the resource and not the client decides.
    pub format: Option<AccessTokenFormat>,
    /// The clients that may have tokens for it; `None` is every client.
    pub clients: Option<BTreeSet<ClientId>>,
    /// The clients by which it authenticates when it introspects tokens (RFC 7662 §2.1).
    pub introspectors: BTreeSet<ClientId>,
}

/// All protected resources. Our own userinfo endpoint is one, under the issuer and under its URL.
#[derive(Clone, Debug, Default)]
pub struct Resources(pub Vec<Resource>);

/// Why a resource is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResourceRefusal {
    /// Not an absolute URI, or with a fragment (RFC 8707 §2).
    #[error("a resource is not an absolute URI without a fragment")]
    Malformed,
    /// More than [`MAX_RESOURCES`].
    #[error("too many resources")]
    TooMany,
    /// There is no such resource.
    #[error("a resource is unknown")]
    Unknown,
    /// The client may not have tokens for it.
    #[error("the client may not use a resource")]
    NotAllowed,
    /// The authorization request did not name it (RFC 8707 §2.2).
    #[error("a resource was not granted")]
    NotGranted,
}

impl From<ResourceRefusal> for TokenError {
    fn from(refusal: ResourceRefusal) -> Self {
        let description = match refusal {
            ResourceRefusal::Malformed => "a resource is not an absolute URI without a fragment",
            ResourceRefusal::TooMany => "too many resources",
            // RFC 8707 §2: "invalid, missing, unknown, or malformed".
            ResourceRefusal::Unknown | ResourceRefusal::NotAllowed => {
                "a resource is unknown or not for this client"
            }
            ResourceRefusal::NotGranted => "a resource was not granted",
        };
        Self::new(TokenErrorCode::InvalidTarget, description)
    }
}

/// The resources that a request names, each once.
///
/// # Errors
/// When one is malformed, or there are too many.
pub fn requested(parameters: &Parameters) -> Result<BTreeSet<ResourceUri>, ResourceRefusal> {
    let mut uris = BTreeSet::new();
    for text in parameters.all("resource") {
        uris.insert(ResourceUri::parse(text).ok_or(ResourceRefusal::Malformed)?);
        if uris.len() > MAX_RESOURCES {
            return Err(ResourceRefusal::TooMany);
        }
    }
    Ok(uris)
}

impl Resources {
    /// The resource of this identifier.
    pub fn named(&self, uri: &ResourceUri) -> Option<&Resource> {
        self.0.iter().find(|resource| resource.uri == *uri)
    }

    /// Whether this client may ask for tokens for these.
    ///
    /// # Errors
    /// When one is unknown, or not for this client.
    pub fn check(
        &self,
        asked: &BTreeSet<ResourceUri>,
        client: &ClientId,
        issuer: &Issuer,
    ) -> Result<(), ResourceRefusal> {
        for uri in asked.iter().filter(|uri| !is_own(uri, issuer)) {
            let resource = self.named(uri).ok_or(ResourceRefusal::Unknown)?;
            if resource
                .clients
                .as_ref()
                .is_some_and(|it| !it.contains(client))
            {
                return Err(ResourceRefusal::NotAllowed);
            }
        }
        Ok(())
    }

    /// What an access token for these is good for: the scopes that mean something there (RFC 8707 §2.2). Without
    /// resources everything, since the token is for us.
    pub fn scopes(
        &self,
        audience: &BTreeSet<ResourceUri>,
        scopes: &Scopes,
        issuer: &Issuer,
    ) -> Scopes {
        if audience.is_empty() {
            return scopes.clone();
        }
        let kept = scopes.iter().filter(|scope| {
            audience.iter().any(|uri| match self.named(uri) {
                Some(resource) => resource.scopes.contains(scope),
                // Our own: what is of no configured resource.
                None => is_own(uri, issuer) && !self.has_scope(scope),
            })
        });
        Scopes::parse(&kept.collect::<Vec<_>>().join(" ")).unwrap_or_default()
    }

    /// The form of a token for these, where a resource decides.
    pub fn format(&self, audience: &BTreeSet<ResourceUri>) -> Option<AccessTokenFormat> {
        audience
            .iter()
            .find_map(|uri| self.named(uri).and_then(|resource| resource.format))
    }

    /// Whether some resource knows this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0
            .iter()
            .any(|resource| resource.scopes.contains(scope))
    }

    /// Whether this client introspects for one of these audiences.
    pub fn is_introspector<'a>(
        &self,
        client: &ClientId,
        audience: impl Iterator<Item = &'a str>,
    ) -> bool {
        let audience: Vec<&str> = audience.collect();
        self.0.iter().any(|resource| {
            audience.contains(&resource.uri.as_str()) && resource.introspectors.contains(client)
        })
    }
}

/// The resources of one access token: those that the token request names, each of them granted; all that were
/// granted where it names none (RFC 8707 §2.2).
///
/// # Errors
/// When one was not granted.
pub fn narrowed(
    granted: &BTreeSet<ResourceUri>,
    asked: &BTreeSet<ResourceUri>,
    issuer: &Issuer,
) -> Result<BTreeSet<ResourceUri>, ResourceRefusal> {
    if asked.is_empty() {
        return Ok(granted.clone());
    }
    // Userinfo is always within what was granted: `openid` asked for it.
    if asked
        .iter()
        .any(|uri| !granted.contains(uri) && !is_own(uri, issuer))
    {
        return Err(ResourceRefusal::NotGranted);
    }
    Ok(asked.clone())
}

/// Whether it names our own userinfo endpoint.
fn is_own(uri: &ResourceUri, issuer: &Issuer) -> bool {
    uri.as_str() == issuer.as_str() || uri.as_str() == issuer.endpoint(USERINFO)
}

/// Where userinfo is, below the issuer.
pub const USERINFO: &str = "/userinfo";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::provider;

    fn uri(text: &str) -> ResourceUri {
        ResourceUri::parse(text).unwrap()
    }

    fn set(texts: &[&str]) -> BTreeSet<ResourceUri> {
        texts.iter().map(|text| uri(text)).collect()
    }

    fn resources() -> Resources {
        let resource = |text: &str, scopes: &str, clients: Option<&str>| Resource {
            uri: uri(text),
            scopes: Scopes::parse(scopes).unwrap(),
            format: None,
            clients: clients.map(|id| [ClientId::parse(id).unwrap()].into()),
            introspectors: [ClientId::parse("api").unwrap()].into(),
        };
        Resources(vec![
            resource("https://api.example/a", "read write", None),
            resource("https://api.example/b", "read", Some("app")),
        ])
    }

    #[test]
    fn which_resources_a_request_names() {
        let parse = |text: &str| requested(&Parameters::from_urlencoded(text.as_bytes()).unwrap());
        assert_eq!(parse(""), Ok(BTreeSet::new()));
        assert_eq!(
            parse("resource=urn:a&resource=https://b.example&resource=urn:a"),
            Ok(set(&["urn:a", "https://b.example"]))
        );
        for bad in [
            "/relative",
            "x",
            "https://a.example/%23y%20#z",
            "https://a.example%23",
        ] {
            let found = parse(&format!("resource={}", bad.replace('#', "%23")));
            assert_eq!(found, Err(ResourceRefusal::Malformed), "{bad}");
        }
        let many: String = (0..9).map(|n| format!("resource=urn:{n}&")).collect();
        assert_eq!(parse(&many), Err(ResourceRefusal::TooMany));
    }

    #[test]
    fn a_resource_must_be_known_and_open_to_the_client() {
        let issuer = provider().issuer;
        let check = |texts: &[&str], client: &str| {
            resources().check(&set(texts), &ClientId::parse(client).unwrap(), &issuer)
        };
        assert_eq!(check(&["https://api.example/a"], "anyone"), Ok(()));
        assert_eq!(
            check(&["https://id.example", "https://id.example/userinfo"], "x"),
            Ok(())
        );
        assert_eq!(check(&["https://api.example/b"], "app"), Ok(()));
        let refused = Err(ResourceRefusal::NotAllowed);
        assert_eq!(check(&["https://api.example/b"], "other"), refused);
        let refused = Err(ResourceRefusal::Unknown);
        assert_eq!(check(&["https://api.example/a/"], "app"), refused);
        assert_eq!(
            TokenError::from(ResourceRefusal::Unknown).code(),
            "invalid_target"
        );
    }

    #[test]
    fn a_token_is_for_what_was_granted_and_its_scopes_are_those_of_the_resource() {
        let issuer = provider().issuer;
        let granted = set(&["https://api.example/a", "https://api.example/b"]);
        assert_eq!(narrowed(&granted, &set(&[]), &issuer), Ok(granted.clone()));
        let one = set(&["https://api.example/b"]);
        assert_eq!(narrowed(&granted, &one, &issuer), Ok(one.clone()));
        assert_eq!(
            narrowed(&one, &granted, &issuer),
            Err(ResourceRefusal::NotGranted)
        );
        let all = Scopes::parse("openid read write").unwrap();
        let scopes = |audience: &[&str]| {
            resources()
                .scopes(&set(audience), &all, &issuer)
                .to_string()
        };
        assert_eq!(scopes(&[]), "openid read write");
        assert_eq!(scopes(&["https://api.example/b"]), "read");
        assert_eq!(scopes(&["https://id.example"]), "openid");
        assert_eq!(
            scopes(&["https://api.example/a", "https://id.example"]),
            "openid read write"
        );
        let api = ClientId::parse("api").unwrap();
        assert!(resources().is_introspector(&api, ["https://api.example/b"].into_iter()));
        assert!(!resources().is_introspector(&api, ["https://id.example"].into_iter()));
    }
}
