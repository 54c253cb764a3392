//! A client (relying party) as registered, and what a registration must satisfy
//! (RFC 6749 §2, RFC 7591 §2, OIDC Dynamic Client Registration §2).
//!
//! | Concept | File |
//! | --- | --- |
//! | its identifier, its secret, its keys | `id`, `secret`, `keys` |
//! | how it authenticates, which grants and response types it may use | `auth_method`, `grant_type` |
//! | requests, logins, subjects, token binding | `settings` |
//! | how answers are signed and encrypted | `algorithms` |
//! | logout, backchannel requests, what people see | `logout`, `ciba`, `display` |
//! | the operator's own switches | `profile` |
//! | what holds between all of these | `rules` |
//! | metadata as JSON, in and out | [`metadata`] |

mod algorithms;
mod auth_method;
mod ciba;
mod display;
mod grant_type;
mod id;
mod keys;
mod logout;
pub mod metadata;
mod profile;
mod registered;
mod rules;
mod secret;
mod settings;
mod weak_rsa;
mod web_uri;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::acr::Acr;
use super::redirect_uri::RedirectUri;
use super::response_type::ResponseType;
use super::scope::Scopes;

pub use algorithms::{Encryption, JweAlg, JweEnc, JwsAlg, Protection};
pub use auth_method::{TlsSubject, TokenEndpointAuthMethod};
pub use ciba::{CibaSettings, TokenDelivery};
pub use display::{Display, Software};
pub use grant_type::GrantType;
pub use id::ClientId;
pub use keys::{ClientKeys, EcCurve, KeyMaterial, KeySet, KeySetError, PublicKey};
pub use logout::LogoutSettings;
pub use profile::{AccessTokenFormat, AmrFormat, ClientProfile, FapiProfile};
pub use registered::Registered;
pub use rules::ClientError;
pub use secret::{SealedSecret, SecretDigest};
pub use settings::{LoginSettings, RequestSettings, SubjectSettings, SubjectType, TokenBinding};
pub use web_uri::{NotAWebUri, WebUri, has_plain_host};

/// Where the client runs (OIDC Dynamic Client Registration §2 `application_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a web server, or in a page.
    #[default]
    Web,
    /// On the subject's own device: private schemes and any loopback port are open to it (RFC 8252).
    Native,
}

/// A registered client.
///
/// It is kept as JSON in its row; a field that an older row lacks has its default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Its name, as people see it.
    pub name: String,
    /// Where it runs.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The digest of its secret; `None` for a client without one, and where only the sealed secret is kept.
    pub secret_digest: Option<SecretDigest>,
    /// Its secret, sealed, where it keys an HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_secret: Option<SealedSecret>,
    /// How it authenticates.
    pub auth_method: TokenEndpointAuthMethod,
    /// `token_endpoint_auth_signing_alg`: any of its method where absent.
    #[serde(default)]
    pub auth_signing_alg: Option<JwsAlg>,
    /// What the certificate of a `tls_client_auth` client must say.
    #[serde(default)]
    pub tls_subject: Option<TlsSubject>,
    /// Its public keys.
    #[serde(default)]
    pub keys: ClientKeys,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the browser may go after logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The grants that it may use.
    pub grant_types: BTreeSet<GrantType>,
    /// The response types that it may use.
    #[serde(default = "code_alone")]
    pub response_types: BTreeSet<ResponseType>,
    /// The scopes that it may ask for.
    pub scopes: Scopes,
    /// What signs its ID tokens.
    #[serde(default = "es256")]
    pub id_token_alg: JwsAlg,
    /// What encrypts its ID tokens.
    #[serde(default)]
    pub id_token_encryption: Option<Encryption>,
    /// How userinfo is protected; plain JSON where nothing is set.
    #[serde(default)]
    pub userinfo: Protection,
    /// How authorization responses of the mode `jwt` are protected (JARM §3).
    #[serde(default)]
    pub authorization_response: Protection,
    /// How introspection responses are protected (RFC 9701 §6).
    #[serde(default)]
    pub introspection: Protection,
    /// Whether an authorization request must have a code challenge (RFC 9700 §2.1.1).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// The assurance to aim for where a request names none, in order of preference.
    #[serde(
        default,
        alias = "default_acr",
        deserialize_with = "metadata::none_one_or_many"
    )]
    pub default_acr_values: Vec<Acr>,
    /// A client of the operator's own, for which consent is not asked.
    #[serde(default)]
    pub trusted: bool,
    /// How its subjects are named.
    #[serde(default)]
    pub subjects: SubjectSettings,
    /// How its requests come.
    #[serde(default)]
    pub requests: RequestSettings,
    /// What holds for a login where the request does not say.
    #[serde(default)]
    pub login: LoginSettings,
    /// What its access tokens are bound to.
    #[serde(default)]
    pub binding: TokenBinding,
    /// Its logout endpoints.
    #[serde(default)]
    pub logout: LogoutSettings,
    /// Its backchannel authentication settings; `None` where it registered none.
    #[serde(default)]
    pub ciba: Option<CibaSettings>,
    /// What people may see of it beside its name.
    #[serde(default)]
    pub display: Display,
    /// Which software it is.
    #[serde(default)]
    pub software: Software,
    /// The operator's own switches.
    #[serde(default)]
    pub profile: ClientProfile,
}

impl Client {
    /// A public client with nothing but a name: the ground that a registration is written on.
    pub fn new(id: ClientId) -> Self {
        Self {
            name: id.as_str().to_owned(),
            id,
            application_type: ApplicationType::Web,
            secret_digest: None,
            sealed_secret: None,
            auth_method: TokenEndpointAuthMethod::None,
            auth_signing_alg: None,
            tls_subject: None,
            keys: ClientKeys::None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
            response_types: code_alone(),
            scopes: Scopes::default(),
            id_token_alg: es256(),
            id_token_encryption: None,
            userinfo: Protection::default(),
            authorization_response: Protection::default(),
            introspection: Protection::default(),
            require_pkce: true,
            default_acr_values: Vec::new(),
            trusted: false,
            subjects: SubjectSettings::default(),
            requests: RequestSettings::default(),
            login: LoginSettings::default(),
            binding: TokenBinding::default(),
            logout: LogoutSettings::default(),
            ciba: None,
            display: Display::default(),
            software: Software::default(),
            profile: ClientProfile::default(),
        }
    }

    /// Whether the client has no credentials of its own (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.auth_method == TokenEndpointAuthMethod::None
    }

    /// The hint issuer whose people it sends for one factor more, where that is all that it gets.
    pub fn external_method(&self) -> Option<&str> {
        self.profile.external_method.as_deref()
    }

    /// The registered redirect URI that the presented one is, as it was presented.
    pub fn match_redirect_uri(&self, presented: &str) -> Option<RedirectUri> {
        self.redirect_uris
            .iter()
            .any(|registered| registered.matches(presented, self.application_type))
            .then(|| RedirectUri::new(presented))
    }

    /// The sector in which its subjects have names of their own; `None` where they are named as everywhere
    /// (OIDC Core §8.1): the host of the sector's document, or that of its redirect URIs.
    pub fn sector(&self) -> Option<String> {
        if self.subjects.subject_type == SubjectType::Public {
            return None;
        }
        let document = self.subjects.sector_identifier_uri.as_ref();
        let uri = document.map(WebUri::as_str);
        let uri = uri.or_else(|| self.redirect_uris.first().map(RedirectUri::as_str));
        let host = uri
            .and_then(|uri| url::Url::parse(uri).ok())
            .and_then(|url| url.host_str().map(str::to_owned));
        // A scheme of its own has no host; the client is then a sector by itself.
        Some(host.unwrap_or_else(|| self.id.to_string()))
    }

    /// Whether it has a secret, to authenticate with or to key an HMAC.
    pub fn needs_secret(&self) -> bool {
        self.auth_method.uses_secret() || self.needs_sealed_secret()
    }

    /// Whether its secret is presented as it is, and compared by digest.
    pub fn compares_secret(&self) -> bool {
        matches!(
            self.auth_method,
            TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::ClientSecretPost
        )
    }

    /// Whether its secret itself must be at hand, and not a digest alone (OIDC Core §9, §10.1).
    pub fn needs_sealed_secret(&self) -> bool {
        let ciba = self.ciba.as_ref().and_then(|ciba| ciba.request_alg);
        let algs = [
            Some(self.id_token_alg),
            self.userinfo.signed,
            self.authorization_response.signed,
            self.introspection.signed,
            self.requests.object_alg,
            ciba,
        ];
        self.auth_method == TokenEndpointAuthMethod::ClientSecretJwt
            || algs.into_iter().flatten().any(JwsAlg::is_hmac)
    }
}

fn yes() -> bool {
    true
}

/// Dynamic Client Registration §2 `response_types`: the default.
pub fn code_alone() -> BTreeSet<ResponseType> {
    [ResponseType::Code].into()
}

fn es256() -> JwsAlg {
    JwsAlg::Es256
}
