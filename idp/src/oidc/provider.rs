//! This provider, as the protocol sees it: its issuer and what it offers.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

use super::acr::Acr;
use super::authorization_details::DetailTypes;
use super::client::{GrantType, JwsAlg};
use super::grants;
use super::grants::token_exchange::ExchangeRules;
use super::mtls::Mtls;
use super::resource::Resources;
use super::scope::Scopes;
use super::signing_alg::SigningAlg;

/// The issuer identifier, compared as it stands (OIDC Discovery §3, RFC 9207 §2.4).
///
/// It comes from configuration and never from a request's `Host`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

/// Why a text is no issuer identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IssuerError {
    /// Not an absolute URL with a host.
    #[error("the issuer is not an absolute URL with a host")]
    NotAnUrl,
    /// Neither https, nor http on a loopback host.
    #[error("the issuer must use https, or http on a loopback host")]
    Insecure,
    /// It has a query, a fragment or credentials.
    #[error("the issuer must have no query, fragment, user or password")]
    Superfluous,
}

impl Issuer {
    /// Reads an issuer: https, or http on a loopback host; no query and no fragment (OIDC Discovery §3).
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError::NotAnUrl)?;
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            return Err(IssuerError::NotAnUrl);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(IssuerError::Insecure);
        }
        // Credentials are looked for in the text too: `https://@host` has an empty user, which the parser drops.
        if url.query().is_some() || url.fragment().is_some() || text.contains('@') {
            return Err(IssuerError::Superfluous);
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of a path below the issuer; the path begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0.strip_suffix('/').unwrap_or(&self.0))
    }

    /// The URL of a well-known document about a path below the issuer (RFC 8615 §3, RFC 9728 §3.1): its name stands
    /// between host and path.
    pub fn well_known(&self, name: &str, path: &str) -> String {
        let base = self.endpoint(path);
        let start = base.find("://").map_or(0, |at| at + 3);
        let (origin, path) = match base.get(start..).and_then(|rest| rest.find('/')) {
            Some(at) => base.split_at(start + at),
            None => (base.as_str(), ""),
        };
        format!("{origin}/.well-known/{name}{path}")
    }

    /// Whether the issuer is on this machine, where demonstrations are allowed.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// Whether the issuer uses https, so that cookies are `Secure` and `__Host-`.
    pub fn is_https(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "https")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Issuer {
    type Error = IssuerError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

/// What this provider is and offers.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Who we are.
    pub issuer: Issuer,
    /// The `acr` values that some policy here can reach.
    pub acrs: Acrs,
    /// The scopes that mean something here.
    pub scopes: Scopes,
    /// The languages of the pages (BCP 47).
    pub ui_locales: Vec<String>,
    /// The algorithms that there is a signing key for.
    pub signing_algs: Vec<SigningAlg>,
    /// The protected resources that access tokens may be for.
    pub resources: Resources,
    /// The types of authorization details that are known here.
    pub detail_types: DetailTypes,
    /// Who may exchange which tokens.
    pub exchange: ExchangeRules,
    /// Whether others delegate one factor to it by hints that they sign. Entra, which does, takes no provider that
    /// announces another algorithm of ID tokens than RS256.
    pub is_external_method: bool,
    /// How clients can show certificates, where they can.
    pub mtls: Option<Mtls>,
}

/// The `acr` values of a policy that may change while requests are read; a clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Acrs(Arc<RwLock<Arc<[Acr]>>>);

impl Acrs {
    /// The values now.
    pub fn now(&self) -> Arc<[Acr]> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    /// Puts others in their place.
    pub fn replace(&self, list: impl IntoIterator<Item = Acr>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = list.into_iter().collect();
    }
}

impl FromIterator<Acr> for Acrs {
    fn from_iter<I: IntoIterator<Item = Acr>>(list: I) -> Self {
        let list: Arc<[Acr]> = list.into_iter().collect();
        Self(Arc::new(RwLock::new(list)))
    }
}

impl Provider {
    /// Whether some client can use the grant: tokens are exchanged by the operator's rules alone, and without a rule
    /// by nobody. Each of the others is open to some client that can be registered.
    pub fn serves(&self, grant: GrantType) -> bool {
        match grant {
            GrantType::TokenExchange => !self.exchange.0.is_empty(),
            other => grants::is_served(other),
        }
    }

    /// What signs ID tokens: as [`Self::client_algs`], but for a provider that is an external method with the keys that
    /// it has alone.
    pub fn id_token_algs(&self) -> impl Iterator<Item = JwsAlg> {
        let algs = self.client_algs();
        algs.filter(|alg| !(self.is_external_method && alg.is_hmac()))
    }

    /// What we sign with for a client that registers it: by a key of ours, or by the client's secret (OIDC Core
    /// §10.1).
    pub fn client_algs(&self) -> impl Iterator<Item = JwsAlg> {
        let own = self.signing_algs.iter().map(|alg| JwsAlg::from(*alg));
        own.chain(JwsAlg::HMAC.iter().copied())
    }

    /// Every URL of ours at which an endpoint is: below the issuer, and where clients with certificates reach it
    /// (RFC 8705 §5). A proof or an assertion for one of them is for that endpoint (RFC 9449 §4.3, RFC 7523 §3).
    pub fn urls(&self, path: &str) -> Vec<String> {
        let alias = self.mtls.as_ref().and_then(|mtls| mtls.alias.as_ref());
        [self.issuer.endpoint(path)]
            .into_iter()
            .chain(alias.map(|base| format!("{base}{path}")))
            .collect()
    }
}

/// Whether the host can only be this machine: `localhost`, 127.0.0.0/8 or `::1`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for text in [
            "https://id.example",
            "https://id.example/tenant",
            "http://localhost:4455",
            "http://127.0.0.1:80/",
            "http://[::1]:9",
        ] {
            assert!(Issuer::parse(text).is_ok(), "{text}");
        }
        for (text, error) in [
            ("id.example", IssuerError::NotAnUrl),
            ("urn:x", IssuerError::NotAnUrl),
            ("ftp://id.example", IssuerError::NotAnUrl),
            ("http://id.example", IssuerError::Insecure),
            ("http://localhost.example", IssuerError::Insecure),
            ("https://id.example?x", IssuerError::Superfluous),
            ("https://id.example#x", IssuerError::Superfluous),
            ("https://a@id.example", IssuerError::Superfluous),
            ("https://@id.example", IssuerError::Superfluous),
        ] {
            assert_eq!(Issuer::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn endpoints_stand_below_the_issuer() {
        let at = |issuer: &str| Issuer::parse(issuer).unwrap().endpoint("/token");
        assert_eq!(at("https://id.example"), "https://id.example/token");
        assert_eq!(at("https://id.example/t/"), "https://id.example/t/token");
        let known = |issuer: &str, path| Issuer::parse(issuer).unwrap().well_known("x", path);
        assert_eq!(
            known("https://id.example", ""),
            "https://id.example/.well-known/x"
        );
        assert_eq!(
            known("https://id.example/t", "/u"),
            "https://id.example/.well-known/x/t/u"
        );
    }
}
