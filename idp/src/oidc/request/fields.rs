//! The fields of an authorization request, one function a parameter, each with its clause.

use super::{Display, Fault, MAX_LIST, MAX_STATE};
use crate::oidc::acr::{Acr, AcrRequest};
use crate::oidc::claims_request::ClaimsRequest;
use crate::oidc::client::{Client, GrantType};
use crate::oidc::error::{AuthorizationError, PageError};
use crate::oidc::parameters::Parameters;
use crate::oidc::pkce::{self, CodeChallenge};
use crate::oidc::prompt::Prompts;
use crate::oidc::provider::Provider;
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::response_type::{ResponseMode, ResponseType};
use crate::oidc::scope::{self, Scopes};

/// OIDC Core §3.1.2.1: required, and one of the client's by exact comparison (RFC 9700 §2.1).
pub(super) fn redirect_uri(
    parameters: &Parameters,
    client: &Client,
) -> Result<RedirectUri, PageError> {
    if parameters.is_repeated("redirect_uri") {
        return Err(PageError::ParameterRepeated);
    }
    let presented = parameters
        .get("redirect_uri")
        .ok_or(PageError::RedirectUriMissing)?;
    client
        .match_redirect_uri(presented)
        .ok_or(PageError::RedirectUriNotRegistered)
}

/// Text that is handed on as it came: within bounds, without control characters.
pub(super) fn text(
    parameters: &Parameters,
    name: &'static str,
    longest: usize,
) -> Result<Option<String>, Fault> {
    let Some(text) = parameters.get(name) else {
        return Ok(None);
    };
    if text.len() > longest || text.chars().any(char::is_control) {
        return Err(Fault::invalid(
            "state, nonce or login_hint is too long or has control characters",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// OIDC Core §3.2.2.1 and §3.3.2.11: required where an ID token comes by way of the browser, as sent. Without an ID
/// token it means nothing (RFC 6749 §3.1: unrecognised parameters are ignored).
pub(super) fn nonce(
    parameters: &Parameters,
    scopes: &Scopes,
    response_type: ResponseType,
    client: &Client,
) -> Result<Option<String>, Fault> {
    if !scopes.contains(scope::OPENID) {
        return Ok(None);
    }
    let nonce = text(parameters, "nonce", MAX_STATE)?;
    // Entra may leave it out; its hint is used once and binds the answer by its subject.
    let required = response_type.has_id_token() && client.external_method().is_none();
    if nonce.is_none() && required {
        return Err(Fault::invalid(
            "nonce is missing; this response_type needs it",
        ));
    }
    Ok(nonce)
}

/// OAuth 2.0 Multiple Response Type Encoding Practices §2.1, JARM §2.3.
pub(super) fn response_mode(
    parameters: &Parameters,
    redirect_uri: &RedirectUri,
) -> Result<ResponseMode, Fault> {
    let response_type = parameters
        .get("response_type")
        .and_then(ResponseType::parse);
    let Some(text) = parameters.get("response_mode") else {
        return Ok(
            response_type.map_or_else(|| mode_of_errors(parameters), ResponseType::default_mode)
        );
    };
    // Where the type is not known its refusal goes back as if it were a code's.
    let response_type = response_type.unwrap_or_default();
    let mode = ResponseMode::parse(text, response_type)
        .ok_or(Fault::invalid("the response_mode is not supported"))?;
    // A form cannot be posted to a private scheme.
    let postable = !mode.is_form() || redirect_uri.is_http();
    if !response_type.allows(mode) || !postable {
        return Err(Fault::invalid(
            "the response_mode does not go with this response_type or redirect_uri",
        ));
    }
    Ok(mode)
}

/// How a refusal goes back where the request's own mode cannot be used: by the default of its response type, and in
/// the fragment where that is unknown and names a token (Encoding Practices §5).
pub(super) fn mode_of_errors(parameters: &Parameters) -> ResponseMode {
    let text = parameters.get("response_type").unwrap_or_default();
    let names_token = text
        .split(' ')
        .any(|word| matches!(word, "token" | "id_token"));
    match ResponseType::parse(text) {
        Some(response_type) => response_type.default_mode(),
        None if names_token => ResponseMode::Fragment,
        None => ResponseMode::Query,
    }
}

/// OIDC Core §3.1.2.1, and what comes before it: the client's grant, and request objects.
pub(super) fn response_type(
    parameters: &Parameters,
    client: &Client,
) -> Result<ResponseType, Fault> {
    // OIDC Core §3.1.2.6: a request object that is not read must be refused, since what it says would
    // supersede the parameters.
    let not_supported = [
        ("request", AuthorizationError::RequestNotSupported),
        ("request_uri", AuthorizationError::RequestUriNotSupported),
        ("registration", AuthorizationError::RegistrationNotSupported),
    ];
    for (name, error) in not_supported {
        if parameters.get(name).is_some() {
            return Err(Fault(error, error.sentence()));
        }
    }
    let text = parameters
        .get("response_type")
        .ok_or(Fault::invalid("response_type is missing"))?;
    let unsupported = AuthorizationError::UnsupportedResponseType;
    let response_type =
        ResponseType::parse(text).ok_or(Fault(unsupported, unsupported.sentence()))?;
    // RFC 6749 §4.1.2.1 `unauthorized_client`; Dynamic Client Registration §2 `response_types`, `grant_types`.
    let code_granted = client.grant_types.contains(&GrantType::AuthorizationCode);
    if !client.response_types.contains(&response_type)
        || (response_type.has_code() && !code_granted)
    {
        return Err(Fault(
            AuthorizationError::UnauthorizedClient,
            "the client may not use this response_type",
        ));
    }
    Ok(response_type)
}

/// RFC 6749 §3.3, and OIDC Core §3.1.2.1 where `openid` is there: values that are not understood are ignored.
///
/// Without `openid` it is a request of plain OAuth 2.0 (OIDC Core §3.1.2.1: no OpenID Connect request then), whose
/// answer has no ID token; a response type that has one needs it.
pub(super) fn scopes(
    parameters: &Parameters,
    response_type: ResponseType,
    client: &Client,
    provider: &Provider,
) -> Result<Scopes, Fault> {
    let invalid = |description| Fault(AuthorizationError::InvalidScope, description);
    let asked = match parameters.get("scope") {
        Some(text) => Scopes::parse(text).ok_or(invalid("scope has a forbidden character"))?,
        // RFC 6749 §3.3: the default is what the client may have that is not about the subject.
        None => client.scopes.all_but(&scope::OF_SUBJECTS),
    };
    // RFC 6749 §3.3: the server may ignore a part of the scope; the token response then names what was granted.
    let granted = asked
        .intersection(&client.scopes)
        .intersection(&provider.scopes);
    if response_type.has_id_token() && !asked.contains(scope::OPENID) {
        return Err(invalid("scope must contain openid for this response_type"));
    }
    if asked.contains(scope::OPENID) && !granted.contains(scope::OPENID) {
        return Err(invalid("the client may not ask for openid"));
    }
    // RFC 6749 §4.1.2.1 `invalid_scope`: nothing of what was asked for is known here or open to the client.
    if granted.is_empty() && !asked.is_empty() {
        return Err(invalid("the scope is not one of the client's"));
    }
    // OIDC Core §11: ignored where no code comes that could be redeemed for a refresh token.
    Ok(if response_type.has_code() {
        granted
    } else {
        granted.without(scope::OFFLINE_ACCESS)
    })
}

/// RFC 7636 §4.3 and §4.4.1, RFC 9700 §2.1.1.
pub(super) fn code_challenge(
    parameters: &Parameters,
    response_type: ResponseType,
    client: &Client,
) -> Result<Option<CodeChallenge>, Fault> {
    let method = parameters.get("code_challenge_method");
    let Some(text) = parameters.get("code_challenge") else {
        if response_type.has_code() && (client.require_pkce || client.is_public()) {
            return Err(Fault::invalid("code_challenge is missing"));
        }
        if method.is_some() {
            return Err(Fault::invalid(
                "code_challenge_method without code_challenge",
            ));
        }
        return Ok(None);
    };
    // RFC 7636 §4.3: without a method it would be `plain`, which shows the verifier to whoever sees the request.
    if method != Some(pkce::S256) {
        return Err(Fault::invalid("code_challenge_method must be S256"));
    }
    CodeChallenge::parse(text)
        .map(Some)
        .ok_or(Fault::invalid("code_challenge is malformed"))
}

/// OIDC Core §3.1.2.1.
pub(super) fn prompt(parameters: &Parameters) -> Result<Prompts, Fault> {
    let Some(text) = parameters.get("prompt") else {
        return Ok(Prompts::default());
    };
    Prompts::parse(text).ok_or(Fault::invalid(
        "prompt has an unknown value, or none with another",
    ))
}

/// OIDC Core §3.1.2.1: seconds.
pub(super) fn max_age(parameters: &Parameters) -> Result<Option<u32>, Fault> {
    let Some(text) = parameters.get("max_age") else {
        return Ok(None);
    };
    // `u32::from_str` would also take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .map(Some)
        .ok_or(Fault::invalid("max_age is not a number of seconds"))
}

/// OIDC Core §5.5. Without `openid` there is neither an ID token nor userinfo that could have a claim.
pub(super) fn claims(
    parameters: &Parameters,
    scopes: &Scopes,
    client: &Client,
    provider: &Provider,
) -> Result<ClaimsRequest, Fault> {
    let text = parameters
        .get("claims")
        .filter(|_| scopes.contains(scope::OPENID));
    let Some(text) = text else {
        return Ok(ClaimsRequest::default());
    };
    let may_ask = client.scopes.intersection(&provider.scopes);
    ClaimsRequest::parse(text)
        .map(|claims| claims.within(&may_ask))
        .ok_or(Fault::invalid("claims is malformed"))
}

/// The assurance asked for: an essential claim before a voluntary one, `acr_values` before the client's default
/// (OIDC Core §3.1.2.1, §5.5.1.1; Dynamic Client Registration §2 `default_acr_values`).
pub(super) fn acr(
    parameters: &Parameters,
    claims: &ClaimsRequest,
    client: &Client,
    provider: &Provider,
) -> Result<AcrRequest, Fault> {
    let acrs = provider.acrs.now();
    let supported = |values: Vec<Acr>| -> Vec<Acr> {
        values
            .into_iter()
            .filter(|acr| client.profile.has_word(acr) || acrs.contains(acr))
            .take(MAX_LIST)
            .collect()
    };
    // Another provider's words for one factor are judged when it is known who is to be asked.
    if client.external_method().is_some() {
        return Ok(AcrRequest::Any);
    }
    let claimed = claims.acr();
    if let Some((true, values)) = &claimed
        && !names_any(claims)
    {
        let values = supported(values.clone());
        if values.is_empty() {
            // `unmet_authentication_requirements` 1.0 §2: nothing that policy could do would reach it.
            let unmet = AuthorizationError::UnmetAuthenticationRequirements;
            return Err(Fault(unmet, unmet.sentence()));
        }
        return Ok(AcrRequest::Essential(values));
    }
    let listed = parameters
        .get("acr_values")
        .map(|text| text.split(' ').filter_map(Acr::parse).collect());
    let voluntary = claimed
        .map(|(_, values)| values)
        .into_iter()
        .chain(listed)
        .chain([client.default_acr_values.clone()])
        .map(supported)
        .find(|values| !values.is_empty());
    Ok(voluntary.map_or(AcrRequest::Any, AcrRequest::Voluntary))
}

/// Whether the `acr` claim is asked for without naming a value.
fn names_any(claims: &ClaimsRequest) -> bool {
    claims
        .id_token
        .get("acr")
        .is_none_or(|request| request.values.is_empty())
}

/// OIDC Core §3.1.2.1 `ui_locales`, §5.2 `claims_locales`: an unsupported language is no error, and neither is a
/// malformed tag.
pub(super) fn locales(parameters: &Parameters, name: &str) -> Vec<String> {
    let tag = |word: &&str| {
        (1..=35).contains(&word.len())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    parameters
        .get(name)
        .unwrap_or_default()
        .split(' ')
        .filter(tag)
        .take(MAX_LIST)
        .map(str::to_owned)
        .collect()
}

/// OIDC Core §3.1.2.1; a value that is not understood leaves the default.
pub(super) fn display(parameters: &Parameters) -> Display {
    match parameters.get("display") {
        Some("popup") => Display::Popup,
        Some("touch") => Display::Touch,
        Some("wap") => Display::Wap,
        Some(_) | None => Display::Page,
    }
}
