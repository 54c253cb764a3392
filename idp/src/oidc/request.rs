//! The authorization request: its parameters to a typed request, or a refusal (OIDC Core §3.1.2.1,
//! RFC 6749 §4.1.1).
//!
//! Two steps, since what may be asked depends on who asks: [`client_id`] names the client, the caller
//! loads it, and [`AuthorizationRequest::parse`] reads the rest. Until the redirect URI is known to be the
//! client's, every refusal is a page of ours; from then on the client is told (RFC 6749 §4.1.2.1).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::acr::AcrRequest;
use super::authorization_details::AuthorizationDetails;
use super::claims_request::ClaimsRequest;
use super::client::{Client, ClientId};
use super::confirmation::Thumbprint;
use super::error::{AuthorizationError, PageError};
use super::fapi::{self, FapiRefusal};
use super::parameters::Parameters;
use super::pkce::CodeChallenge;
use super::prompt::{Prompt, Prompts};
use super::provider::Provider;
use super::redirect_uri::RedirectUri;
use super::resource::ResourceUri;
use super::response::ReplyTo;
use super::response_type::{ResponseMode, ResponseType};
use super::scope::Scopes;
use super::subject::{SubjectId, SubjectIdentifier};

mod fields;
mod question;
mod target;

pub use question::{Errand, Question};

/// The longest `state` and `nonce`, bytes.
pub const MAX_STATE: usize = 4096;
/// The longest `login_hint`, bytes.
pub const MAX_LOGIN_HINT: usize = 320;
/// The most values read from a list such as `acr_values` or `ui_locales`.
pub const MAX_LIST: usize = 16;

/// How the pages should look (OIDC Core §3.1.2.1 `display`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// A full page.
    #[default]
    Page,
    /// A small window.
    Popup,
    /// A touch screen.
    Touch,
    /// A feature phone.
    Wap,
}

/// An `id_token_hint` as it came: not verified, and not to be printed or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct IdTokenHint(String);

impl IdTokenHint {
    /// Wraps a token as it came.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The compact serialisation, for whoever verifies it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdTokenHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenHint")
    }
}

/// An authorization request that holds together: every field is of its type, within bounds, and allowed to
/// this client. It is kept as JSON in the attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes; one of the client's.
    pub redirect_uri: RedirectUri,
    /// What is wanted.
    pub response_type: ResponseType,
    /// How the answer goes back.
    pub response_mode: ResponseMode,
    /// The scopes asked for that the client may ask for and that mean something here. Without `openid` it is a
    /// request of plain OAuth 2.0, and no ID token follows.
    pub scopes: Scopes,
    /// Returned to the client as it came.
    pub state: Option<String>,
    /// Put into the ID token as it came.
    pub nonce: Option<String>,
    /// The challenge that the code's redeemer must meet.
    pub code_challenge: Option<CodeChallenge>,
    /// What must, or must not, be shown.
    pub prompt: Prompts,
    /// How old an authentication may be, seconds.
    pub max_age: Option<u32>,
    /// What assurance is asked for, from `claims`, `acr_values` and the client's default.
    pub acr: AcrRequest,
    /// Who might sign in.
    pub login_hint: Option<String>,
    /// An ID token of whoever should sign in. It is verified at once by the caller, who puts the subject into
    /// `hinted_subject`; the token itself is not kept.
    #[serde(skip)]
    pub id_token_hint: Option<IdTokenHint>,
    /// The subject of the verified hint: the answer must be about this one (OIDC Core §3.1.2.2).
    #[serde(default)]
    pub hinted_subject: Option<SubjectId>,
    /// The languages wanted, in order of preference (BCP 47).
    pub ui_locales: Vec<String>,
    /// The languages wanted of claims, in order of preference (OIDC Core §5.2).
    #[serde(default)]
    pub claims_locales: Vec<String>,
    /// How the pages should look.
    pub display: Display,
    /// Single claims asked for.
    pub claims: ClaimsRequest,
    /// Where the access token is to be good (RFC 8707 §2.1).
    #[serde(default)]
    pub resources: BTreeSet<ResourceUri>,
    /// What is asked for in detail (RFC 9396).
    #[serde(default)]
    pub details: AuthorizationDetails,
    /// The key whose proof the code's redeemer must bring (RFC 9449 §10).
    #[serde(default)]
    pub dpop_jkt: Option<Thumbprint>,
    /// Where the answer is for no redirect: a device or a client that waits elsewhere.
    #[serde(default)]
    pub errand: Option<Errand>,
    /// The digest of the pushed request that this is, to be spent when the login ends (RFC 9126 §4).
    #[serde(default)]
    pub pushed: Option<String>,
}

/// A refused authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// To be told on a page of ours.
    Page(PageError),
    /// To be told to the client, at a redirect URI that is its own.
    Redirect {
        /// Where, and how.
        to: ReplyTo,
        /// The registered code.
        error: AuthorizationError,
        /// Fixed text for the client's developer.
        description: &'static str,
    },
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

/// Names the client.
///
/// # Errors
/// When there is no well-formed `client_id`, or more than one.
pub fn client_id(parameters: &Parameters) -> Result<ClientId, PageError> {
    if parameters.is_repeated("client_id") {
        return Err(PageError::ParameterRepeated);
    }
    let text = parameters
        .get("client_id")
        .ok_or(PageError::ClientIdMissing)?;
    ClientId::parse(text).ok_or(PageError::ClientUnknown)
}

/// The refusal of a request whose object could not be read: told to the client where what stands beside the object
/// names one of its redirect URIs, and on a page otherwise.
pub fn refuse_unread(
    parameters: &Parameters,
    client: &Client,
    error: AuthorizationError,
) -> Refusal {
    let Ok(redirect_uri) = fields::redirect_uri(parameters, client) else {
        return PageError::RequestObjectInvalid.into();
    };
    let mode = fields::response_mode(parameters, &redirect_uri);
    Refusal::Redirect {
        to: ReplyTo {
            client_id: client.id.clone(),
            mode: mode.unwrap_or_else(|_| fields::mode_of_errors(parameters)),
            redirect_uri,
            state: fields::text(parameters, "state", MAX_STATE).ok().flatten(),
        },
        error,
        description: error.sentence(),
    }
}

impl AuthorizationRequest {
    /// Reads the request of this client.
    ///
    /// # Errors
    /// A page while the redirect URI is not known to be the client's, and a redirect from then on.
    pub fn parse(
        parameters: &Parameters,
        client: &Client,
        provider: &Provider,
    ) -> Result<Self, Refusal> {
        if client_id(parameters)? != client.id {
            return Err(PageError::ClientUnknown.into());
        }
        let redirect_uri = fields::redirect_uri(parameters, client)?;
        let state = fields::text(parameters, "state", MAX_STATE);
        let response_mode = fields::response_mode(parameters, &redirect_uri);
        let refuse = |Fault(error, description)| Refusal::Redirect {
            to: ReplyTo {
                client_id: client.id.clone(),
                redirect_uri: redirect_uri.clone(),
                mode: response_mode.unwrap_or_else(|_| fields::mode_of_errors(parameters)),
                state: state.clone().ok().flatten(),
            },
            error,
            description,
        };
        // RFC 6749 §3.1: parameters must not be included more than once.
        if parameters.repeated() {
            return Err(refuse(Fault::invalid("a parameter is repeated")));
        }
        let response_mode = response_mode.map_err(refuse)?;
        let state = state.clone().map_err(refuse)?;
        let response_type = fields::response_type(parameters, client).map_err(refuse)?;
        target::front_token(response_type, client).map_err(refuse)?;
        let scopes = fields::scopes(parameters, response_type, client, provider).map_err(refuse)?;
        let nonce = fields::nonce(parameters, &scopes, response_type, client).map_err(refuse)?;
        let claims = fields::claims(parameters, &scopes, client, provider).map_err(refuse)?;
        let request = Self {
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.clone(),
            response_type,
            response_mode,
            scopes,
            state,
            nonce,
            code_challenge: fields::code_challenge(parameters, response_type, client)
                .map_err(refuse)?,
            prompt: fields::prompt(parameters).map_err(refuse)?,
            // Dynamic Client Registration §2 `default_max_age`: the request's own goes before it.
            max_age: fields::max_age(parameters)
                .map_err(refuse)?
                .or(client.login.default_max_age),
            acr: AcrRequest::Any,
            login_hint: fields::text(parameters, "login_hint", MAX_LOGIN_HINT).map_err(refuse)?,
            id_token_hint: parameters.get("id_token_hint").map(IdTokenHint::new),
            hinted_subject: None,
            ui_locales: fields::locales(parameters, "ui_locales"),
            claims_locales: fields::locales(parameters, "claims_locales"),
            display: fields::display(parameters),
            claims,
            resources: target::resources(parameters, client, provider).map_err(refuse)?,
            details: target::details(parameters, client, provider).map_err(refuse)?,
            dpop_jkt: target::dpop_jkt(parameters).map_err(refuse)?,
            errand: None,
            pushed: None,
        };
        let acr = fields::acr(parameters, &request.claims, client, provider).map_err(refuse)?;
        let request = Self { acr, ..request };
        let fault = |refusal: FapiRefusal| refuse(Fault::invalid(refusal.sentence()));
        fapi::check_request(client, &request).map_err(fault)?;
        Ok(request)
    }

    /// This request's refusal with an error found later: at login, at consent, by policy.
    pub fn refuse(&self, error: AuthorizationError) -> Refusal {
        Refusal::Redirect {
            to: self.reply_to(),
            error,
            description: error.sentence(),
        }
    }

    /// Where the answer goes, and how.
    pub fn reply_to(&self) -> ReplyTo {
        ReplyTo {
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            mode: self.response_mode,
            state: self.state.clone(),
        }
    }

    /// The moment before which an authentication is too old for this request; `None` where any will do.
    ///
    /// `prompt=login` and `max_age=0` take only what happened since the request (OIDC Core §3.1.2.1). Compare with a
    /// moment of full precision: with whole seconds a login of the same second would pass, or fail for ever.
    pub fn earliest_auth_time(&self, requested_at: OffsetDateTime) -> Option<OffsetDateTime> {
        if self.prompt.contains(Prompt::Login) {
            return Some(requested_at);
        }
        let age = Duration::seconds(i64::from(self.max_age?));
        // A century of seconds fits; the check keeps the arithmetic total all the same.
        Some(
            requested_at
                .checked_sub(age)
                .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        )
    }

    /// Whether the answer may be about this subject, whom this client knows as `sub`: not where the hint or the
    /// `claims` parameter names another (OIDC Core §3.1.2.2, §5.5.1).
    pub fn accepts_subject(&self, subject: SubjectId, sub: &SubjectIdentifier) -> bool {
        self.hinted_subject.is_none_or(|hinted| hinted == subject)
            && self.claims.accepts_subject(sub.as_str())
    }

    /// Whether consent must be asked for again even where it was given (OIDC Core §3.1.2.1 `prompt=consent`).
    pub fn asks_consent_again(&self) -> bool {
        self.prompt.contains(Prompt::Consent)
    }
}

/// An error and its fixed description, before it is known where they go.
#[derive(Clone, Copy)]
struct Fault(AuthorizationError, &'static str);

impl Fault {
    fn invalid(description: &'static str) -> Self {
        Self(AuthorizationError::InvalidRequest, description)
    }
}

#[cfg(test)]
pub(in crate::oidc) mod tests;
