//! The authorization endpoint for clients that want one factor for another provider: a hint in, one fresh proof asked
//! for, one method answered (Microsoft Entra's external authentication methods).
//!
//! The request comes as a form of another site; the browser is sent on to a page of ours with a cookie of its own, and
//! a session that it has is not looked at.

use axum::http::StatusCode;
use axum::response::Response;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::authorize::{answer, refuse};
use super::browser::{self, Browser};
use super::{HttpError, login};
use crate::app::Shared;
use crate::factors::Outcome;
use crate::hint_keys::HintError;
use crate::login::external::NotBegun;
use crate::login::journey::Position;
use crate::oidc::client::Client;
use crate::oidc::error::{AuthorizationError, PageError};
use crate::oidc::external_hint::{ExternalHint, HintIssuer, HintRefusal};
use crate::oidc::parameters::Parameters;
use crate::oidc::request::AuthorizationRequest;
use crate::oidc::response;
use crate::oidc::response_type::{ResponseMode, ResponseType};
use crate::store::{ExternalAccount, SingleUse};

/// What Entra sends; an external method is to ignore whatever Entra may add.
const KNOWN: [&str; 10] = [
    "scope",
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "nonce",
    "state",
    "id_token_hint",
    "claims",
    "client-request-id",
];

/// The parameters that such a client is known to send: whatever else came, however often, is as if it were not there.
/// One of these that came twice stays so, and is refused (RFC 6749 §3.1).
pub(super) fn known(parameters: &Parameters) -> Result<Parameters, PageError> {
    let once = parameters.iter().filter(|(name, _)| KNOWN.contains(name));
    let twice = parameters.repeats().filter(|name| KNOWN.contains(name));
    let twice = twice.flat_map(|name| [(name, ""), (name, "")]);
    Ok(Parameters::parse(once.chain(twice))?)
}

/// Begins a login for whom the hint names.
pub(super) async fn begin(
    app: &Shared,
    browser: Browser,
    parameters: &Parameters,
    mut request: AuthorizationRequest,
    client: &Client,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    // Theirs, for whoever compares two logs: text of a stranger, so it is logged as the identifier that it must be.
    let theirs = parameters
        .get("client-request-id")
        .and_then(|text| Uuid::try_parse(text).ok());
    tracing::info!(client = %client.id, client_request_id = ?theirs, "external_login_asked");
    if request.response_type != ResponseType::IdToken
        || request.response_mode != ResponseMode::FormPost
    {
        return refuse(app, &request.refuse(AuthorizationError::InvalidRequest)).await;
    }
    let token = request.id_token_hint.take();
    let hint = match token {
        Some(token) => hint(app, client, token.as_str(), now).await,
        None => Err(HintRefusal::Missing.into()),
    };
    let hint = match hint {
        Ok(hint) => hint,
        Err(error) => return refuse_hint(app, &request, error).await,
    };
    let begun = app
        .journey
        .begin_external(request.clone(), client, &browser.digest, hint, now)
        .await;
    let attempt = match begun {
        Ok(Ok(attempt)) => attempt,
        Ok(Err(NotBegun::Hint(refusal))) => {
            return refuse_hint(app, &request, refusal.into()).await;
        }
        Ok(Err(NotBegun::Refused(error))) => return refuse(app, &request.refuse(error)).await,
        Err(error) => return unavailable(app, &request, error.into()).await,
    };
    let mut response = match login::advance(app, &browser, attempt, login::Shown::Redirect).await {
        Ok(response) => response,
        Err(error) => return unavailable(app, &request, error).await,
    };
    browser.remember(app, &mut response);
    Ok(response)
}

/// The answer to a login that has got where it was to get. It opens no session; the browser is marked as the person's
/// all the same, so that they have tries of their own where a stranger uses up those of their name.
pub(super) async fn finish(
    app: &Shared,
    browser: &Browser,
    position: Position,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let subject = position.subject.as_ref();
    let username = subject.map(|subject| subject.username.clone());
    let (attempt, told) = app.journey.finish_external(position, now).await?;
    let proved = attempt.evidence.iter();
    let proved: Vec<_> = proved
        .filter(|it| it.outcome == Outcome::Match)
        .filter_map(|it| it.credential)
        .collect();
    let id_token = app.tokens.mint_external(&told, now).await?;
    let success = response::Success {
        id_token: Some(id_token),
        ..response::Success::default()
    };
    let success = response::success(&attempt.request, success, &app.provider.issuer);
    let mut response = answer(app, success).await?;
    if let Some(username) = &username {
        browser::mark(app, browser, &mut response, username, &proved);
    }
    Ok(response)
}

/// Verifies the hint and spends it.
async fn hint(
    app: &Shared,
    client: &Client,
    token: &str,
    now: OffsetDateTime,
) -> Result<(ExternalAccount, String), HintError> {
    let name = client.external_method().unwrap_or_default();
    let issuer = app.hints.issuer(name).ok_or(HintRefusal::Issuer)?;
    let hint = app.hints.verify(issuer, token, now).await?;
    spend(app, issuer, &hint).await?;
    let account = ExternalAccount {
        issuer: issuer.issuer.clone(),
        tenant: hint.tenant,
        id: hint.object,
    };
    Ok((account, hint.sub))
}

/// A hint begins one login: whoever saw it cannot begin another with it.
async fn spend(app: &Shared, issuer: &HintIssuer, hint: &ExternalHint) -> Result<(), HintError> {
    let until = hint.issued_at + issuer.max_age + Duration::minutes(2);
    let spent = app
        .store
        .use_once(SingleUse::IssuerHint, &issuer.issuer, &hint.signed, until);
    match spent.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(HintRefusal::Replayed.into()),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "hint_not_spent");
            Err(HintError::Unavailable)
        }
    }
}

/// The client is told that it is refused; why, is for the log: it would only help whoever forges hints.
async fn refuse_hint(
    app: &Shared,
    request: &AuthorizationRequest,
    error: HintError,
) -> Result<Response, HttpError> {
    tracing::info!(client = %request.client_id, reason = %error, "hint_refused");
    let told = match error {
        HintError::Refused(HintRefusal::Missing) => AuthorizationError::InvalidRequest,
        HintError::Refused(_) => AuthorizationError::AccessDenied,
        HintError::Unavailable => AuthorizationError::TemporarilyUnavailable,
    };
    refuse(app, &request.refuse(told)).await
}

async fn unavailable(
    app: &Shared,
    request: &AuthorizationRequest,
    error: HttpError,
) -> Result<Response, HttpError> {
    if error.status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(error);
    }
    refuse(
        app,
        &request.refuse(AuthorizationError::TemporarilyUnavailable),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_there_and_what_is_known_comes_once() {
        let read = |text: &str| Parameters::from_urlencoded(text.as_bytes()).expect("read");
        let kept = known(&read(
            "scope=openid&state=s&prompt=none&request=x&request_uri=urn:x&resource=a&resource=b&new=1&new=2",
        ));
        let kept = kept.expect("within the bounds");
        assert!(kept.iter().eq([("scope", "openid"), ("state", "s")]));
        assert!(!kept.repeated());
        let kept = known(&read("state=s&scope=openid&scope=openid&new=1&new=2"));
        let kept = kept.expect("within the bounds");
        assert!(kept.repeats().eq(["scope"]) && kept.get("scope").is_none());
        assert_eq!(kept.get("state"), Some("s"));
    }
}
