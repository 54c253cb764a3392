//! What holds between the parts of a registration, whoever made it.

mod key_use;

use thiserror::Error;

use super::{Client, GrantType, JwsAlg, TokenEndpointAuthMethod};
use crate::oidc::fapi::{self, FapiRefusal};
use crate::oidc::redirect_uri::RedirectUriError;
use crate::oidc::scope;

/// Why a client may not be registered like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The name is empty, longer than 200 characters, or has control characters.
    #[error("the name must have 1 to 200 printable characters")]
    Name,
    /// A client whose answers come through the browser has nowhere to get them.
    #[error("at least one redirect URI is needed")]
    RedirectUriMissing,
    /// A redirect URI cannot be registered.
    #[error("redirect URI {index} cannot be registered")]
    RedirectUri {
        /// Which one, from 0.
        index: usize,
        /// Why.
        #[source]
        source: RedirectUriError,
    },
    /// A post-logout redirect URI cannot be registered.
    #[error("post-logout redirect URI {index} cannot be registered")]
    PostLogoutRedirectUri {
        /// Which one, from 0.
        index: usize,
        /// Why.
        #[source]
        source: RedirectUriError,
    },
    /// A secret method without a secret.
    #[error("a client that authenticates with a secret needs one")]
    SecretMissing,
    /// A client that has no use for a secret.
    #[error("a client that authenticates otherwise has no secret")]
    SecretUnexpected,
    /// An algorithm keyed with a secret, for a client that cannot keep one (OIDC Core §10.1).
    #[error("a public client has no secret to key an HMAC with")]
    HmacWithoutSecret,
    /// A public client that could leave PKCE out.
    #[error("a public client must use PKCE")]
    PublicWithoutPkce,
    /// A client that is to act on its own, and cannot show who it is (RFC 6749 §4.4).
    #[error("the client credentials and CIBA grants are for confidential clients")]
    PublicGrant,
    /// Refresh tokens come from another grant.
    #[error("the refresh token grant needs another one beside it")]
    GrantTypes,
    /// A response type whose grant is not among the grants (OIDC Dynamic Client Registration §2).
    #[error("the response types and the grant types do not fit each other")]
    ResponseTypes,
    /// A client whose response types have an ID token asks for `openid` (OIDC Core §3.2.2.1, §3.3.2.1).
    #[error("the scopes must include openid, since a response type has an ID token")]
    OpenIdMissing,
    /// `offline_access` asks for refresh tokens, which the client may not use.
    #[error("offline_access needs the refresh token grant")]
    OfflineAccessWithoutRefresh,
    /// It is to sign, or to be encrypted to, with keys that it has not registered.
    #[error("jwks or jwks_uri is needed")]
    KeysMissing,
    /// None of the keys in `jwks` can do what the registration wants of them.
    #[error(
        "no key in jwks fits what the registration says is to be signed by, or encrypted to, the client's keys"
    )]
    KeysUnfit,
    /// RFC 9101 §10.5: it is to sign its requests, and has said that it does not.
    #[error("require_signed_request_object excludes request_object_signing_alg none")]
    UnsignedRequests,
    /// Its tokens are to be bound, and every one of its response types hands a token to a browser, which proves no key.
    #[error(
        "bound access tokens come from the token endpoint, and no response type of this client leads there"
    )]
    BoundInBrowser,
    /// RFC 8705 §2.1.2: exactly one of the five.
    #[error("tls_client_auth needs exactly one of its subject fields, and only it has one")]
    TlsSubject,
    /// The signing algorithm is none of the client's authentication method.
    #[error("token_endpoint_auth_signing_alg does not fit the authentication method")]
    AuthSigningAlg,
    /// A frame or a logout endpoint that is not the client's (Front-Channel Logout §2).
    #[error("frontchannel_logout_uri must have the origin of a redirect URI")]
    FrontchannelLogoutUri,
    /// Fragments are not sent to servers.
    #[error("a logout URI must have no fragment")]
    LogoutUriFragment,
    /// CIBA Core §4: ping needs somewhere to call, and the grant its settings.
    #[error("the CIBA grant and its settings do not fit each other")]
    Ciba,
    /// A rule of FAPI 2.0, for a client that is to keep them.
    #[error("by FAPI 2.0, {0}")]
    Fapi(FapiRefusal),
}

impl Client {
    /// Whether the registration holds together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), ClientError> {
        let name_length = self.name.chars().count();
        if !(1..=200).contains(&name_length) || self.name.chars().any(char::is_control) {
            return Err(ClientError::Name);
        }
        self.check_redirect_uris()?;
        self.check_grants()?;
        self.check_credentials()?;
        self.check_logout()?;
        // RFC 9700 §2.1.1: public clients must use PKCE.
        if self.is_public() && !self.require_pkce {
            return Err(ClientError::PublicWithoutPkce);
        }
        let identifies = self.response_types.iter().any(|it| it.has_id_token());
        if identifies && !self.scopes.contains(scope::OPENID) {
            return Err(ClientError::OpenIdMissing);
        }
        let refreshes = self.grant_types.contains(&GrantType::RefreshToken);
        if self.scopes.contains(scope::OFFLINE_ACCESS) && !refreshes {
            return Err(ClientError::OfflineAccessWithoutRefresh);
        }
        fapi::check_registration(self).map_err(ClientError::Fapi)
    }

    /// Whether subjects come through the authorization endpoint.
    pub(in crate::oidc::client) fn uses_browser(&self) -> bool {
        self.grant_types.contains(&GrantType::AuthorizationCode)
            || self.grant_types.contains(&GrantType::Implicit)
    }

    fn check_redirect_uris(&self) -> Result<(), ClientError> {
        if self.uses_browser() && self.redirect_uris.is_empty() {
            return Err(ClientError::RedirectUriMissing);
        }
        for (index, uri) in self.redirect_uris.iter().enumerate() {
            uri.check(self.application_type)
                .map_err(|source| ClientError::RedirectUri { index, source })?;
        }
        for (index, uri) in self.post_logout_redirect_uris.iter().enumerate() {
            uri.check(self.application_type)
                .map_err(|source| ClientError::PostLogoutRedirectUri { index, source })?;
        }
        Ok(())
    }

    /// OIDC Dynamic Client Registration §2, the table under `grant_types`.
    fn check_grants(&self) -> Result<(), ClientError> {
        let has = |grant: GrantType| self.grant_types.contains(&grant);
        let codes = self.response_types.iter().any(|it| it.has_code());
        let tokens = self
            .response_types
            .iter()
            .any(|it| it.has_token() || it.has_id_token());
        if codes && !has(GrantType::AuthorizationCode) || tokens && !has(GrantType::Implicit) {
            return Err(ClientError::ResponseTypes);
        }
        // RFC 7591 §2.1: no registration into an inconsistent state; a grant that no response type leads to is one.
        if has(GrantType::AuthorizationCode) && !codes
            || self.uses_browser() && self.response_types.is_empty()
        {
            return Err(ClientError::ResponseTypes);
        }
        let is_bound = self.binding.dpop || self.binding.tls_certificate;
        let mut of_browsers = self.response_types.iter();
        if is_bound && self.uses_browser() && of_browsers.all(|it| it.has_token()) {
            return Err(ClientError::BoundInBrowser);
        }
        let refreshable = [
            GrantType::AuthorizationCode,
            GrantType::DeviceCode,
            GrantType::Ciba,
            GrantType::TokenExchange,
        ];
        if has(GrantType::RefreshToken) && !refreshable.into_iter().any(has) {
            return Err(ClientError::GrantTypes);
        }
        // RFC 6749 §4.4: the client credentials grant "MUST only be used by confidential clients".
        if self.is_public() && (has(GrantType::ClientCredentials) || has(GrantType::Ciba)) {
            return Err(ClientError::PublicGrant);
        }
        let pings_nowhere = self.ciba.as_ref().is_some_and(|ciba| {
            ciba.delivery == super::TokenDelivery::Ping && ciba.notification_endpoint.is_none()
        });
        if pings_nowhere || has(GrantType::Ciba) != self.ciba.is_some() {
            return Err(ClientError::Ciba);
        }
        Ok(())
    }

    fn check_credentials(&self) -> Result<(), ClientError> {
        let has_secret = self.secret_digest.is_some() || self.sealed_secret.is_some();
        if self.is_public() && self.needs_sealed_secret() {
            return Err(ClientError::HmacWithoutSecret);
        }
        if self.needs_secret() && !has_secret
            || self.needs_sealed_secret() && self.sealed_secret.is_none()
        {
            return Err(ClientError::SecretMissing);
        }
        if !self.needs_secret() && has_secret {
            return Err(ClientError::SecretUnexpected);
        }
        let algs = match self.auth_method {
            TokenEndpointAuthMethod::PrivateKeyJwt => JwsAlg::ASYMMETRIC,
            TokenEndpointAuthMethod::ClientSecretJwt => JwsAlg::HMAC,
            TokenEndpointAuthMethod::SelfSignedTlsClientAuth
            | TokenEndpointAuthMethod::None
            | TokenEndpointAuthMethod::ClientSecretBasic
            | TokenEndpointAuthMethod::ClientSecretPost
            | TokenEndpointAuthMethod::TlsClientAuth => &[],
        };
        if self
            .auth_signing_alg
            .is_some_and(|alg| !algs.contains(&alg))
        {
            return Err(ClientError::AuthSigningAlg);
        }
        let is_ca = self.auth_method == TokenEndpointAuthMethod::TlsClientAuth;
        if is_ca != self.tls_subject.is_some() {
            return Err(ClientError::TlsSubject);
        }
        if self.requests.signed_required && self.requests.object_alg == Some(JwsAlg::None) {
            return Err(ClientError::UnsignedRequests);
        }
        key_use::check(self)
    }

    fn check_logout(&self) -> Result<(), ClientError> {
        let (front, back) = (
            &self.logout.frontchannel_logout_uri,
            &self.logout.backchannel_logout_uri,
        );
        // Back-Channel Logout §2.2, Front-Channel Logout §2.
        if [front, back]
            .into_iter()
            .flatten()
            .any(|uri| uri.has_fragment())
        {
            return Err(ClientError::LogoutUriFragment);
        }
        // Front-Channel Logout §2: domain, port and scheme are those of a registered redirect URI.
        let is_ours = front.as_ref().is_none_or(|front| {
            let origin = front.origin();
            self.redirect_uris.iter().any(|uri| uri.origin() == origin)
        });
        is_ours
            .then_some(())
            .ok_or(ClientError::FrontchannelLogoutUri)
    }
}

#[cfg(test)]
mod tests;
