//! The provider's metadata, for `/.well-known/openid-configuration` (OIDC Discovery §3) and
//! `/.well-known/oauth-authorization-server` (RFC 8414): one document serves both.

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, AuthenticationContextClass, IssuerUrl, JsonWebKeySetUrl,
    LanguageTag, ProviderMetadata, RegistrationUrl, ResponseTypes, Scope, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};

use super::claims;
use super::client::{GrantType, JweAlg, JweEnc, JwsAlg, TokenEndpointAuthMethod};
use super::client_auth;
use super::mtls::MtlsMetadata;
use super::pkce;
use super::prompt::Prompt;
use super::provider::Provider;
use super::response_type::{ResponseMode, ResponseType};
use super::token_metadata::TokenMetadata;

/// The paths of the endpoints, below the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The authorization endpoint.
    pub authorization: &'static str,
    /// The token endpoint.
    pub token: &'static str,
    /// The userinfo endpoint.
    pub userinfo: &'static str,
    /// The key set.
    pub jwks: &'static str,
    /// The revocation endpoint.
    pub revocation: &'static str,
    /// The registration endpoint.
    pub registration: &'static str,
    /// The logout endpoint.
    pub end_session: &'static str,
    /// Where requests are pushed.
    pub pushed_authorization_request: &'static str,
}

impl Endpoints {
    /// Those at which clients authenticate: an assertion may be for each of them (RFC 7523 §3).
    pub fn taking_assertions(&self) -> impl Iterator<Item = &'static str> {
        use super::token_metadata::{
            BACKCHANNEL_AUTHENTICATION, DEVICE_AUTHORIZATION, INTROSPECTION,
        };
        [
            self.token,
            self.revocation,
            self.pushed_authorization_request,
            INTROSPECTION,
            DEVICE_AUTHORIZATION,
            BACKCHANNEL_AUTHENTICATION,
        ]
        .into_iter()
    }
}

/// What the document has beyond OIDC Discovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extensions {
    /// RFC 9207 §3.
    pub authorization_response_iss_parameter_supported: bool,
    /// RFC 8414 §2.
    pub code_challenge_methods_supported: Vec<String>,
    /// RFC 8414 §2.
    pub revocation_endpoint: String,
    /// RFC 8414 §2: confidential clients alone.
    pub introspection_endpoint_auth_methods_supported: Vec<CoreClientAuthMethod>,
    /// RFC 8414 §2.
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<CoreJwsSigningAlgorithm>,
    /// RFC 8414 §2.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<CoreJwsSigningAlgorithm>,
    /// RFC 8414 §2.
    pub revocation_endpoint_auth_methods_supported: Vec<CoreClientAuthMethod>,
    /// RP-Initiated Logout §2.1.
    pub end_session_endpoint: String,
    /// Initiating User Registration §4.1.
    pub prompt_values_supported: Vec<String>,
    /// What is said about tokens.
    #[serde(flatten)]
    pub tokens: TokenMetadata,
    /// RFC 8705 §3.3, §5.
    #[serde(flatten)]
    pub mtls: MtlsMetadata,
    /// RFC 9126 §5.
    pub pushed_authorization_request_endpoint: String,
    /// JARM §4.
    pub authorization_signing_alg_values_supported: Vec<CoreJwsSigningAlgorithm>,
    /// JARM §4.
    pub authorization_encryption_alg_values_supported: Vec<JweAlg>,
    /// JARM §4.
    pub authorization_encryption_enc_values_supported: Vec<JweEnc>,
    /// RFC 9101 §10.5: of no client by itself.
    pub require_signed_request_object: bool,
    /// Front-Channel Logout §3.
    pub frontchannel_logout_supported: bool,
    /// Front-Channel Logout §3.
    pub frontchannel_logout_session_supported: bool,
    /// Back-Channel Logout §2.1.
    pub backchannel_logout_supported: bool,
    /// Back-Channel Logout §2.1.
    pub backchannel_logout_session_supported: bool,
}

impl AdditionalProviderMetadata for Extensions {}

/// The document.
pub type Metadata = ProviderMetadata<
    Extensions,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The document of this provider. It says what is served and nothing more.
///
/// # Errors
/// When an endpoint's path makes no URL.
pub fn metadata(provider: &Provider, endpoints: &Endpoints) -> Result<Metadata, url::ParseError> {
    let at = |path| provider.issuer.endpoint(path);
    let methods = TokenEndpointAuthMethod::ALL.iter().copied();
    let methods = methods.filter(|method| client_auth::is_served(*method, provider.mtls.as_ref()));
    let auth_methods: Vec<_> = methods.map(auth_method).collect();
    let extensions = Extensions {
        authorization_response_iss_parameter_supported: true,
        code_challenge_methods_supported: vec![pkce::S256.to_owned()],
        introspection_endpoint_auth_methods_supported: auth_methods
            .iter()
            .filter(|method| **method != CoreClientAuthMethod::None)
            .cloned()
            .collect(),
        introspection_endpoint_auth_signing_alg_values_supported: assertion_algs(),
        revocation_endpoint: at(endpoints.revocation),
        revocation_endpoint_auth_methods_supported: auth_methods.clone(),
        revocation_endpoint_auth_signing_alg_values_supported: assertion_algs(),
        end_session_endpoint: at(endpoints.end_session),
        tokens: TokenMetadata::of(provider),
        mtls: MtlsMetadata::of(provider, endpoints),
        prompt_values_supported: Prompt::ALL
            .iter()
            .map(|prompt| prompt.as_str().to_owned())
            .collect(),
        authorization_encryption_alg_values_supported: JweAlg::ALL.to_vec(),
        authorization_encryption_enc_values_supported: JweEnc::ALL.to_vec(),
        require_signed_request_object: false,
        frontchannel_logout_supported: true,
        frontchannel_logout_session_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        pushed_authorization_request_endpoint: at(endpoints.pushed_authorization_request),
        authorization_signing_alg_values_supported: signing_algs(provider),
    };
    let metadata = Metadata::new(
        IssuerUrl::new(provider.issuer.as_str().to_owned())?,
        AuthUrl::new(at(endpoints.authorization))?,
        JsonWebKeySetUrl::new(at(endpoints.jwks))?,
        ResponseType::ALL.into_iter().map(response_type).collect(),
        vec![
            CoreSubjectIdentifierType::Public,
            CoreSubjectIdentifierType::Pairwise,
        ],
        named(provider.id_token_algs()),
        extensions,
    )
    .set_token_endpoint(Some(TokenUrl::new(at(endpoints.token))?))
    .set_userinfo_endpoint(Some(UserInfoUrl::new(at(endpoints.userinfo))?))
    .set_registration_endpoint(Some(RegistrationUrl::new(at(endpoints.registration))?))
    .set_token_endpoint_auth_methods_supported(Some(auth_methods))
    .set_token_endpoint_auth_signing_alg_values_supported(Some(assertion_algs()))
    .set_grant_types_supported(Some(served_grants(provider).map(grant_type).collect()))
    .set_response_modes_supported(Some(
        ResponseMode::ALL
            .into_iter()
            .map(mode)
            // JARM §4: the shortcut is a value of its own.
            .chain([CoreResponseMode::Extension(ResponseMode::JWT.to_owned())])
            .collect(),
    ));
    Ok(with_protection(
        with_subject_matter(metadata, provider),
        provider,
    ))
}

/// How answers and requests are signed and encrypted.
fn with_protection(metadata: Metadata, provider: &Provider) -> Metadata {
    let jwe = || {
        let algs = JweAlg::ALL.iter().map(|alg| match alg {
            JweAlg::RsaOaep => CoreJweKeyManagementAlgorithm::RsaOaep,
            JweAlg::RsaOaep256 => CoreJweKeyManagementAlgorithm::RsaOaepSha256,
            JweAlg::EcdhEs => CoreJweKeyManagementAlgorithm::EcdhEs,
        });
        algs.collect::<Vec<_>>()
    };
    let enc = || {
        let encs = JweEnc::ALL.iter().map(|enc| match enc {
            JweEnc::A128CbcHs256 => CoreJweContentEncryptionAlgorithm::Aes128CbcHmacSha256,
            JweEnc::A256Gcm => CoreJweContentEncryptionAlgorithm::Aes256Gcm,
        });
        encs.collect::<Vec<_>>()
    };
    metadata
        .set_id_token_encryption_alg_values_supported(Some(jwe()))
        .set_id_token_encryption_enc_values_supported(Some(enc()))
        .set_userinfo_signing_alg_values_supported(Some(signing_algs(provider)))
        .set_userinfo_encryption_alg_values_supported(Some(jwe()))
        .set_userinfo_encryption_enc_values_supported(Some(enc()))
        // What a client may sign with that registered nothing about it (OIDC Dynamic Client Registration §2
        // `request_object_signing_alg`). `none` is not among them: only a client that registered it may leave its
        // requests unsigned.
        .set_request_object_signing_alg_values_supported(Some(assertion_algs()))
        .set_request_object_encryption_alg_values_supported(Some(jwe()))
        .set_request_object_encryption_enc_values_supported(Some(enc()))
}

/// What can be asked about the subject and the login.
fn with_subject_matter(metadata: Metadata, provider: &Provider) -> Metadata {
    let scopes = provider.scopes.iter();
    let acrs = provider.acrs.now();
    let locales = provider.ui_locales.iter();
    let of_profile = claims::BY_SCOPE
        .iter()
        .filter(|(scope, _)| provider.scopes.contains(scope))
        .flat_map(|(_, claims)| claims.iter());
    let claim_names = OF_LOGIN.iter().chain(of_profile);
    metadata
        .set_scopes_supported(Some(scopes.map(|it| Scope::new(it.to_owned())).collect()))
        .set_acr_values_supported(Some(
            acrs.iter()
                .map(|acr| AuthenticationContextClass::new(acr.as_str().to_owned()))
                .collect(),
        ))
        .set_ui_locales_supported(Some(locales.cloned().map(LanguageTag::new).collect()))
        .set_claims_supported(Some(
            claim_names
                .map(|name| CoreClaimName::new((*name).to_owned()))
                .collect(),
        ))
        .set_claim_types_supported(Some(vec![CoreClaimType::Normal]))
        .set_display_values_supported(Some(vec![
            CoreAuthDisplay::Page,
            CoreAuthDisplay::Popup,
            CoreAuthDisplay::Touch,
            CoreAuthDisplay::Wap,
        ]))
        .set_claims_parameter_supported(Some(true))
        .set_request_parameter_supported(Some(true))
        .set_request_uri_parameter_supported(Some(true))
        // RFC 9101 §10.4: nothing is fetched that was not registered.
        .set_require_request_uri_registration(Some(true))
}

/// The claims of every ID token.
const OF_LOGIN: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
];

/// What a client may sign with: by a key of its own, or by its secret (RFC 8414 §2).
fn assertion_algs() -> Vec<CoreJwsSigningAlgorithm> {
    named(JwsAlg::ASYMMETRIC.iter().chain(JwsAlg::HMAC).copied())
}

/// What we sign with for a client that registers it: by a key of ours, or by the client's secret (OIDC Core §10.1).
fn signing_algs(provider: &Provider) -> Vec<CoreJwsSigningAlgorithm> {
    named(provider.client_algs())
}

fn named(algs: impl Iterator<Item = JwsAlg>) -> Vec<CoreJwsSigningAlgorithm> {
    algs.filter_map(|alg| serde_json::from_value(alg.as_str().into()).ok())
        .collect()
}

/// The grants that some client can use.
fn served_grants(provider: &Provider) -> impl Iterator<Item = GrantType> {
    let all = GrantType::ALL.iter().copied();
    all.filter(|grant| provider.serves(*grant))
}

fn auth_method(method: TokenEndpointAuthMethod) -> CoreClientAuthMethod {
    match method {
        TokenEndpointAuthMethod::None => CoreClientAuthMethod::None,
        TokenEndpointAuthMethod::ClientSecretBasic => CoreClientAuthMethod::ClientSecretBasic,
        TokenEndpointAuthMethod::ClientSecretPost => CoreClientAuthMethod::ClientSecretPost,
        TokenEndpointAuthMethod::ClientSecretJwt => CoreClientAuthMethod::ClientSecretJwt,
        TokenEndpointAuthMethod::PrivateKeyJwt => CoreClientAuthMethod::PrivateKeyJwt,
        TokenEndpointAuthMethod::TlsClientAuth
        | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
            CoreClientAuthMethod::Extension(method.as_str().to_owned())
        }
    }
}

fn grant_type(grant: GrantType) -> CoreGrantType {
    match grant {
        GrantType::AuthorizationCode => CoreGrantType::AuthorizationCode,
        GrantType::RefreshToken => CoreGrantType::RefreshToken,
        GrantType::Implicit => CoreGrantType::Implicit,
        GrantType::ClientCredentials => CoreGrantType::ClientCredentials,
        GrantType::DeviceCode
        | GrantType::Ciba
        | GrantType::TokenExchange
        | GrantType::JwtBearer => CoreGrantType::Extension(grant.as_str().to_owned()),
    }
}

fn response_type(response_type: ResponseType) -> ResponseTypes<CoreResponseType> {
    let words = response_type.as_str().split(' ').map(|word| match word {
        "code" => CoreResponseType::Code,
        "token" => CoreResponseType::Token,
        _ => CoreResponseType::IdToken,
    });
    ResponseTypes::new(words.collect())
}

fn mode(mode: ResponseMode) -> CoreResponseMode {
    match mode {
        ResponseMode::Query => CoreResponseMode::Query,
        ResponseMode::Fragment => CoreResponseMode::Fragment,
        ResponseMode::FormPost => CoreResponseMode::FormPost,
        ResponseMode::QueryJwt | ResponseMode::FragmentJwt | ResponseMode::FormPostJwt => {
            CoreResponseMode::Extension(mode.as_str().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreProviderMetadata;

    use super::*;
    use crate::oidc::client::ClientId;
    use crate::oidc::fixtures::provider;
    use crate::oidc::grants::token_exchange::{ExchangeRule, ExchangeRules};
    use crate::oidc::scope::Scopes;

    const ENDPOINTS: Endpoints = Endpoints {
        authorization: "/authorize",
        token: "/token",
        userinfo: "/userinfo",
        jwks: "/jwks",
        revocation: "/revoke",
        registration: "/register",
        end_session: "/logout",
        pushed_authorization_request: "/par",
    };

    #[test]
    fn a_relying_party_can_read_it() {
        let json = serde_json::to_string(&metadata(&provider(), &ENDPOINTS).unwrap()).unwrap();
        let read: CoreProviderMetadata = serde_json::from_str(&json).unwrap();
        assert_eq!(read.issuer().as_str(), "https://id.example");
        assert_eq!(
            read.token_endpoint().map(|it| it.as_str()),
            Some("https://id.example/token")
        );
        assert_eq!(read.id_token_signing_alg_values_supported().len(), 6);
    }

    #[test]
    fn a_provider_that_is_an_external_method_announces_its_own_keys_alone() {
        let mut provider = provider();
        provider.signing_algs = vec![crate::oidc::signing_alg::SigningAlg::Rs256];
        provider.is_external_method = true;
        let document = serde_json::to_value(metadata(&provider, &ENDPOINTS).unwrap()).unwrap();
        assert_eq!(
            document["id_token_signing_alg_values_supported"],
            serde_json::json!(["RS256"])
        );
    }

    #[test]
    fn tokens_are_exchanged_where_a_rule_lets_somebody() {
        let mut provider = provider();
        let says = |provider: &Provider| {
            let document = serde_json::to_value(metadata(provider, &ENDPOINTS).unwrap()).unwrap();
            let grants = document["grant_types_supported"].as_array().unwrap();
            grants.contains(&GrantType::TokenExchange.as_str().into())
        };
        assert!(!says(&provider));
        provider.exchange = ExchangeRules(vec![ExchangeRule {
            client: ClientId::parse("gateway").unwrap(),
            from: [].into(),
            resources: [].into(),
            scopes: Scopes::default(),
            impersonate: false,
            delegate: true,
        }]);
        assert!(says(&provider));
    }

    #[test]
    fn the_document_as_it_is_sent() {
        let document = serde_json::to_value(metadata(&provider(), &ENDPOINTS).unwrap()).unwrap();
        for (name, expected) in [
            (
                "response_types_supported",
                serde_json::json!([
                    "code",
                    "id_token",
                    "id_token token",
                    "code id_token",
                    "code token",
                    "code id_token token"
                ]),
            ),
            (
                "subject_types_supported",
                serde_json::json!(["public", "pairwise"]),
            ),
            (
                "response_modes_supported",
                serde_json::json!([
                    "query",
                    "fragment",
                    "form_post",
                    "query.jwt",
                    "fragment.jwt",
                    "form_post.jwt",
                    "jwt"
                ]),
            ),
            (
                "grant_types_supported",
                serde_json::json!([
                    "authorization_code",
                    "refresh_token",
                    "implicit",
                    "client_credentials",
                    "urn:ietf:params:oauth:grant-type:device_code",
                    "urn:openid:params:grant-type:ciba",
                ]),
            ),
            (
                "token_endpoint_auth_methods_supported",
                serde_json::json!([
                    "none",
                    "client_secret_basic",
                    "client_secret_post",
                    "client_secret_jwt",
                    "private_key_jwt"
                ]),
            ),
            (
                "token_endpoint_auth_signing_alg_values_supported",
                serde_json::json!([
                    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                    "EdDSA", "HS256", "HS384", "HS512"
                ]),
            ),
            (
                "registration_endpoint",
                serde_json::json!("https://id.example/register"),
            ),
            (
                "id_token_signing_alg_values_supported",
                serde_json::json!(["ES256", "RS256", "EdDSA", "HS256", "HS384", "HS512"]),
            ),
            (
                "acr_values_supported",
                serde_json::json!(["urn:whorl:acr:two", "urn:whorl:acr:one"]),
            ),
            (
                "prompt_values_supported",
                serde_json::json!(["none", "login", "consent", "select_account", "create"]),
            ),
            (
                "authorization_response_iss_parameter_supported",
                serde_json::json!(true),
            ),
            (
                "code_challenge_methods_supported",
                serde_json::json!(["S256"]),
            ),
            (
                "revocation_endpoint",
                serde_json::json!("https://id.example/revoke"),
            ),
            (
                "end_session_endpoint",
                serde_json::json!("https://id.example/logout"),
            ),
            (
                "pushed_authorization_request_endpoint",
                serde_json::json!("https://id.example/par"),
            ),
            (
                "authorization_signing_alg_values_supported",
                serde_json::json!(["ES256", "RS256", "EdDSA", "HS256", "HS384", "HS512"]),
            ),
            ("request_uri_parameter_supported", serde_json::json!(true)),
            ("backchannel_logout_supported", serde_json::json!(true)),
            (
                "id_token_encryption_alg_values_supported",
                serde_json::json!(["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES"]),
            ),
        ] {
            assert_eq!(document.get(name), Some(&expected), "{name}");
        }
        assert_eq!(document.get("jwks"), None);
    }
}
