//! The protocol's refusals: closed enums of registered codes, each with a plain sentence for people.
//!
//! They carry nothing internal. What went wrong in detail is a refusal type of the module that found it
//! (`CodeRefusal`, `RefreshRefusal`, `ClientAuthRefusal`), which goes to the log and the audit and turns
//! into one of these on the way out.

use serde::Serialize;
use thiserror::Error;

/// An error that the client is told of in the authorization response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorizationError {
    /// A parameter is missing, malformed, unsupported or repeated (RFC 6749 §4.1.2.1).
    InvalidRequest,
    /// The client may not ask for this (RFC 6749 §4.1.2.1).
    UnauthorizedClient,
    /// The subject, or the policy, said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// The response type is not served (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is missing or malformed (RFC 6749 §4.1.2.1).
    InvalidScope,
    /// Something broke here (RFC 6749 §4.1.2.1).
    ServerError,
    /// A part of this server is down or overloaded (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// A page would be needed and none may be shown (OIDC Core §3.1.2.6).
    InteractionRequired,
    /// A login would be needed and none may be shown (OIDC Core §3.1.2.6).
    LoginRequired,
    /// The subject would have to choose an account (OIDC Core §3.1.2.6).
    AccountSelectionRequired,
    /// Consent would be needed and none may be asked (OIDC Core §3.1.2.6).
    ConsentRequired,
    /// Request objects by value are not served (OIDC Core §3.1.2.6).
    RequestNotSupported,
    /// Request objects by reference are not served (OIDC Core §3.1.2.6).
    RequestUriNotSupported,
    /// The request object is malformed, not signed as it must be, or says what it may not (OIDC Core §3.1.2.6,
    /// RFC 9101 §10.2).
    InvalidRequestObject,
    /// What the `request_uri` names is no request of this client, expired or used (OIDC Core §3.1.2.6).
    InvalidRequestUri,
    /// The `registration` parameter is not served (OIDC Core §3.1.2.6).
    RegistrationNotSupported,
    /// An essential `acr` cannot be reached (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements` 1.0).
    UnmetAuthenticationRequirements,
    /// The authorization details are malformed, or not for this client (RFC 9396 §5).
    InvalidAuthorizationDetails,
    /// A resource is malformed, unknown, or not for this client (RFC 8707 §2).
    InvalidTarget,
}

impl AuthorizationError {
    /// The registered code.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidTarget => "invalid_target",
        }
    }

    /// A plain sentence; also the `error_description` where the check has no closer one.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The application sent a request that is not valid.",
            Self::UnauthorizedClient => "The application may not ask for this.",
            Self::AccessDenied => "The sign-in was declined.",
            Self::UnsupportedResponseType => "The requested response type is not offered here.",
            Self::InvalidScope => "The requested scope is not valid.",
            Self::ServerError => "Something went wrong here; please try again.",
            Self::TemporarilyUnavailable => "The service is busy; please try again in a moment.",
            Self::InteractionRequired => "The person has to do something on a page first.",
            Self::LoginRequired => "The person has to sign in first.",
            Self::AccountSelectionRequired => "The person has to choose an account first.",
            Self::ConsentRequired => "The person has to agree first.",
            Self::RequestNotSupported => "Request objects are not offered here.",
            Self::RequestUriNotSupported => "Request objects by reference are not offered here.",
            Self::InvalidRequestObject => "The application's signed request is not valid.",
            Self::InvalidRequestUri => "The application's reference to its request is not valid.",
            Self::RegistrationNotSupported => "Registration in the request is not offered here.",
            Self::UnmetAuthenticationRequirements => "The required assurance cannot be reached.",
            Self::InvalidAuthorizationDetails => "The requested details are not valid here.",
            Self::InvalidTarget => "The requested resource is not known here.",
        }
    }
}

/// An error that must stay on a page of ours, since where to redirect is unknown or not to be trusted
/// (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum PageError {
    /// The request names no client.
    #[error("the request names no client")]
    ClientIdMissing,
    /// No such client.
    #[error("the client is unknown")]
    ClientUnknown,
    /// The request names no redirect URI.
    #[error("the request names no redirect URI")]
    RedirectUriMissing,
    /// The redirect URI is not one of the client's.
    #[error("the redirect URI is not registered")]
    RedirectUriNotRegistered,
    /// The post-logout redirect URI is not one of the client's.
    #[error("the post-logout redirect URI is not registered")]
    PostLogoutRedirectUriNotRegistered,
    /// The ID token hint is not one of our ID tokens, or is another client's.
    #[error("the ID token hint is not valid")]
    IdTokenHintInvalid,
    /// A parameter that decides where to answer came more than once.
    #[error("a parameter is repeated")]
    ParameterRepeated,
    /// The request object cannot be used, and nothing beside it says where to tell the client.
    #[error("the request object is not valid")]
    RequestObjectInvalid,
    /// The reference to a pushed request is unknown, another client's, expired or used (RFC 9126 §4).
    #[error("the reference to a pushed request is not valid")]
    RequestUriInvalid,
    /// The request is too large.
    #[error("the request is too large")]
    TooLarge,
    /// The request cannot be read: bad encoding or a NUL.
    #[error("the request is malformed")]
    Malformed,
}

impl PageError {
    /// The registered code that comes nearest.
    pub fn code(self) -> &'static str {
        match self {
            Self::ClientUnknown => "invalid_client",
            Self::RequestUriInvalid => "invalid_request_uri",
            Self::RequestObjectInvalid => "invalid_request_object",
            Self::ClientIdMissing
            | Self::RedirectUriMissing
            | Self::RedirectUriNotRegistered
            | Self::PostLogoutRedirectUriNotRegistered
            | Self::IdTokenHintInvalid
            | Self::ParameterRepeated
            | Self::TooLarge
            | Self::Malformed => "invalid_request",
        }
    }

    /// A plain sentence for the page.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::ClientIdMissing => "The application did not say who it is.",
            Self::ClientUnknown => "This application is not registered here.",
            Self::RedirectUriMissing => "The application did not say where to send you back to.",
            Self::RedirectUriNotRegistered => {
                "The application asked to send you to an address that it has not registered."
            }
            Self::PostLogoutRedirectUriNotRegistered => {
                "After signing out, the application asked to send you to an address that it has not registered."
            }
            Self::IdTokenHintInvalid => "The application's proof of your sign-in is not valid.",
            Self::ParameterRepeated => "The application sent the same parameter twice.",
            Self::RequestObjectInvalid => "The application's signed request cannot be used.",
            Self::RequestUriInvalid => {
                "The application's request was used already, or it took too long to come here."
            }
            Self::TooLarge => "The application sent a request that is too large.",
            Self::Malformed => "The application sent a request that cannot be read.",
        }
    }

    /// The HTTP status of the page.
    pub fn status(self) -> u16 {
        400
    }
}

/// The registered codes of the token and revocation endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenErrorCode {
    /// RFC 6749 §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §5.2.
    InvalidScope,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 9396 §5.
    InvalidAuthorizationDetails,
    /// RFC 9449 §5.
    InvalidDpopProof,
    /// RFC 9449 §8.
    UseDpopNonce,
    /// RFC 8628 §3.5, CIBA Core §11: the person has not answered yet.
    AuthorizationPending,
    /// RFC 8628 §3.5, CIBA Core §11: ask less often.
    SlowDown,
    /// RFC 8628 §3.5, CIBA Core §11: the person did not answer in time.
    ExpiredToken,
    /// RFC 8628 §3.5, CIBA Core §11 and §13: the person, or the provider, said no.
    AccessDenied,
    /// CIBA Core §13: there is nobody whom the hint names.
    UnknownUserId,
    /// CIBA Core §13: the hint's token has expired.
    ExpiredLoginHintToken,
    /// CIBA Core §13: the message cannot be shown.
    InvalidBindingMessage,
    /// Something broke here; sent with status 500.
    ServerError,
    /// A part of this server is down or overloaded; sent with status 503.
    TemporarilyUnavailable,
    /// An error of the authorization endpoint, told to who pushed the request (RFC 9126 §2.3).
    Authorization(AuthorizationError),
}

impl TokenErrorCode {
    /// The registered code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::AccessDenied => "access_denied",
            Self::UnknownUserId => "unknown_user_id",
            Self::ExpiredLoginHintToken => "expired_login_hint_token",
            Self::InvalidBindingMessage => "invalid_binding_message",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::Authorization(error) => error.code(),
        }
    }
}

/// An error answer of the token or revocation endpoint (RFC 6749 §5.2, RFC 7009 §2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}: {description}", .code.as_str())]
pub struct TokenError {
    /// The registered code.
    pub code: TokenErrorCode,
    /// What the client's developer may know: fixed text, never anything from the request.
    pub description: &'static str,
}

impl TokenError {
    /// An error of this code with this fixed description.
    pub const fn new(code: TokenErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// The code as a string.
    pub fn code(self) -> &'static str {
        self.code.as_str()
    }

    /// The description.
    pub fn sentence(self) -> &'static str {
        self.description
    }

    /// The HTTP status: 400, but 401 for a client that could not be authenticated (RFC 6749 §5.2).
    pub fn status(self) -> u16 {
        match self.code {
            TokenErrorCode::InvalidClient => 401,
            TokenErrorCode::InvalidRequest
            | TokenErrorCode::InvalidGrant
            | TokenErrorCode::UnauthorizedClient
            | TokenErrorCode::UnsupportedGrantType
            | TokenErrorCode::InvalidScope
            | TokenErrorCode::InvalidTarget
            | TokenErrorCode::InvalidAuthorizationDetails
            | TokenErrorCode::InvalidDpopProof
            | TokenErrorCode::UseDpopNonce
            | TokenErrorCode::AuthorizationPending
            | TokenErrorCode::SlowDown
            | TokenErrorCode::ExpiredToken
            | TokenErrorCode::AccessDenied
            | TokenErrorCode::UnknownUserId
            | TokenErrorCode::ExpiredLoginHintToken
            | TokenErrorCode::InvalidBindingMessage
            | TokenErrorCode::Authorization(_) => 400,
            TokenErrorCode::ServerError => 500,
            TokenErrorCode::TemporarilyUnavailable => 503,
        }
    }

    /// The `WWW-Authenticate` header that a 401 must carry (RFC 9110 §15.5.2, RFC 6749 §5.2).
    pub fn www_authenticate(self) -> Option<&'static str> {
        (self.status() == 401).then_some(r#"Basic realm="client", charset="UTF-8""#)
    }

    /// The JSON body.
    pub fn body(self) -> TokenErrorBody {
        TokenErrorBody {
            error: self.code(),
            error_description: self.description,
        }
    }
}

/// The JSON body of an error answer (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TokenErrorBody {
    /// The registered code.
    pub error: &'static str,
    /// The fixed description.
    pub error_description: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_not_authenticated_is_told_how() {
        let error = TokenError::new(TokenErrorCode::InvalidClient, "no");
        assert_eq!(error.status(), 401);
        assert!(
            error
                .www_authenticate()
                .is_some_and(|it| it.starts_with("Basic "))
        );
        assert_eq!(
            serde_json::to_value(error.body()).unwrap(),
            serde_json::json!({"error": "invalid_client", "error_description": "no"})
        );
        let error = TokenError::new(TokenErrorCode::InvalidGrant, "no");
        assert_eq!((error.status(), error.www_authenticate()), (400, None));
    }
}
