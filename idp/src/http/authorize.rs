//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): a request in, an attempt or a refusal out.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::body::form_only;
use super::browser::Browser;
use super::check_session::browser_state;
use super::error::{Noted, note_client};
use super::external;
use super::headers::{Nonce, beyond, html};
use super::login;
use super::pages::Frame;
use super::pages::general::FormPost;
use super::token::profile;
use super::{HttpError, browser, client_address, request_object, speech};
use crate::app::Shared;
use crate::login::finish::Admitted;
use crate::oidc::client::{Client, ClientId};
use crate::oidc::error::{AuthorizationError, PageError};
use crate::oidc::fapi;
use crate::oidc::parameters::Parameters;
use crate::oidc::pushed;
use crate::oidc::request::{self, AuthorizationRequest, Refusal};
use crate::oidc::response::{self, Answer, AuthorizationResponse, Success};
use crate::oidc::session_state::session_state;
use crate::random;

/// `GET /authorize`.
pub async fn get(
    State(app): State<Shared>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    begin(&app, browser, query.unwrap_or_default().as_bytes()).await
}

/// `POST /authorize`: may come from the client's page, so the browser's cookie need not be there.
pub async fn post(
    State(app): State<Shared>,
    browser: CrossSite,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, HttpError> {
    // OIDC Core §3.1.2.1: a posted request is a serialised form.
    form_only(&headers, &body)?;
    begin(&app, browser.0, &body).await
}

pub use browser::CrossSite;

async fn begin(app: &Shared, browser: Browser, encoded: &[u8]) -> Result<Response, HttpError> {
    client_address::count(app, &app.begun, browser.address)?;
    let now = app.clock.now();
    let parameters = Parameters::from_urlencoded(encoded).map_err(PageError::from)?;
    let id = request::client_id(&parameters)?;
    note_client(&id);
    let client = app
        .client(id.as_str())
        .await?
        .ok_or(PageError::ClientUnknown)?;
    let parameters = match client.external_method() {
        Some(_) => external::known(&parameters)?,
        None => parameters,
    };
    let (parameters, pushed) = pushed(app, parameters, &client).await?;
    // RFC 9126 §6: the client said that it pushes every request.
    if (client.requests.pushed_required || fapi::is_on(&client)) && pushed.is_none() {
        let refusal =
            request::refuse_unread(&parameters, &client, AuthorizationError::InvalidRequest);
        return refuse(app, &refusal).await;
    }
    let parameters = match pushed {
        // It was put together when it was pushed.
        Some(_) => parameters,
        None => match request_object::resolve(app, parameters, &client).await? {
            Ok(parameters) => parameters,
            Err((error, parameters)) => {
                let refusal = request::refuse_unread(&parameters, &client, error);
                return refuse(app, &refusal).await;
            }
        },
    };
    let request = match AuthorizationRequest::parse(&parameters, &client, &app.provider) {
        Ok(request) => AuthorizationRequest { pushed, ..request },
        Err(refusal) => {
            spend(app, pushed.as_deref()).await?;
            return refuse(app, &refusal).await;
        }
    };
    if client.external_method().is_some() {
        let begun = external::begin(app, browser, &parameters, request, &client);
        return Box::pin(begun).await;
    }
    let pushed = request.pushed.clone();
    let request = match hinted(app, request, &client).await? {
        Ok(request) => request,
        Err(refusal) => {
            spend(app, pushed.as_deref()).await?;
            return refuse(app, &refusal).await;
        }
    };
    let session = browser.session(app).await?;
    // A hint names somebody else than the session: prompt=none cannot be answered for them.
    let session = session.filter(|s| {
        request
            .hinted_subject
            .is_none_or(|hinted| hinted.0 == s.subject.0)
    });
    let begun = app
        .journey
        .begin(
            request.clone(),
            &client,
            &browser.digest,
            session.as_ref(),
            now,
        )
        .await;
    let attempt = match begun {
        Ok(Ok(attempt)) => attempt,
        Ok(Err(error)) => {
            spend(app, request.pushed.as_deref()).await?;
            return answer(app, response::error(&request, error, &app.provider.issuer)).await;
        }
        Err(error) => return unavailable(app, &request, error.into()).await,
    };
    let mut response = match login::advance(app, &browser, attempt, login::Shown::Redirect).await {
        Ok(response) => response,
        Err(error) => return unavailable(app, &request, error).await,
    };
    browser.remember(app, &mut response);
    Ok(response)
}

/// The parameters that a reference stands for, and the digest under which they are kept until they are used: when
/// the login ends, so that a page loaded twice is no failed login (FAPI 2.0 §5.3.2.2).
async fn pushed(
    app: &Shared,
    parameters: Parameters,
    client: &Client,
) -> Result<(Parameters, Option<String>), HttpError> {
    let reference = parameters.get("request_uri").and_then(pushed::reference);
    let Some(reference) = reference else {
        return Ok((parameters, None));
    };
    let digest = random::digest(reference);
    let kept = app
        .store
        .pushed_request(&digest, client.id.as_str(), app.clock.now())
        .await?;
    // RFC 9126 §4: what was pushed is the request; nothing in the URL adds to it.
    let kept = kept.ok_or(PageError::RequestUriInvalid)?;
    let parameters = Parameters::parse(kept).map_err(PageError::from)?;
    Ok((parameters, Some(digest)))
}

/// Spends a pushed request with the answer that is given to it, be that an error: a second answer would have to be
/// pushed for again (RFC 9126 §4, FAPI 2.0 §5.3.2.2).
async fn spend(app: &Shared, pushed: Option<&str>) -> Result<(), HttpError> {
    match pushed {
        Some(digest)
            if !app
                .store
                .use_pushed_request(digest, app.clock.now())
                .await? =>
        {
            Err(PageError::RequestUriInvalid.into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Where a part is down the client is told so, in the registered words (RFC 6749 §4.1.2.1).
async fn unavailable(
    app: &Shared,
    request: &AuthorizationRequest,
    error: HttpError,
) -> Result<Response, HttpError> {
    if error.status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(error);
    }
    answer(
        app,
        response::error(
            request,
            AuthorizationError::TemporarilyUnavailable,
            &app.provider.issuer,
        ),
    )
    .await
}

/// Resolves `id_token_hint` to a subject; a hint that is not ours is refused (OIDC Core §3.1.2.1).
async fn hinted(
    app: &Shared,
    mut request: AuthorizationRequest,
    client: &Client,
) -> Result<Result<AuthorizationRequest, Refusal>, HttpError> {
    let Some(hint) = request.id_token_hint.take() else {
        return Ok(Ok(request));
    };
    let token = app
        .tokens
        .id_token_hint(hint.as_str(), app.clock.now())
        .await;
    // Another client's ID token says nothing about who signed in here.
    request.hinted_subject = match token.filter(|token| token.aud == client.id) {
        Some(token) => app.tokens.subject_of(&token, client).await?,
        None => None,
    };
    if request.hinted_subject.is_none() {
        return Ok(Err(request.refuse(AuthorizationError::InvalidRequest)));
    }
    Ok(Ok(request))
}

pub(super) async fn refuse(app: &Shared, refusal: &Refusal) -> Result<Response, HttpError> {
    let mut response = answer(app, response::refusal(refusal, &app.provider.issuer)?).await?;
    if let Refusal::Redirect {
        error, description, ..
    } = refusal
    {
        response.extensions_mut().insert(Noted {
            code: error.code(),
            reason: (*description).to_owned(),
        });
    }
    Ok(response)
}

/// The successful answer, with the session's new cookie.
pub async fn admitted(
    app: &Shared,
    browser: &Browser,
    admitted: Admitted,
) -> Result<Response, HttpError> {
    let Admitted {
        attempt,
        grant,
        subject,
        code,
        cookie,
        replaced,
    } = admitted;
    let subject_id = subject.id;
    if let Some(sid) = replaced {
        app.announce_end(sid, app.clock.now()).await?;
    }
    let client = client_of(app, &attempt.request.client_id).await?;
    let success = app
        .tokens
        .mint_front(
            &attempt.request,
            &grant,
            &client,
            profile(&subject),
            code,
            app.clock.now(),
        )
        .await?;
    let state = app.config.session.check_session.then(|| match &cookie {
        Some(cookie) => Some(random::digest(cookie.expose_secret())),
        None => browser.session_digest().map(str::to_owned),
    });
    let state = state.flatten().map(|digest| browser_state(&digest));
    let success = Success {
        session_state: state.as_deref().and_then(|state| {
            let salt = random::secret();
            let request = &attempt.request;
            session_state(
                &request.client_id,
                &request.redirect_uri,
                state,
                salt.expose_secret(),
            )
        }),
        ..success
    };
    let success = response::success(&attempt.request, success, &app.provider.issuer);
    let mut response = answer(app, success).await?;
    if let Some(state) = &state {
        let age = time::Duration::seconds(app.config.session.lifetime_s.into());
        browser::set_state(app, &mut response, state, age);
    }
    if let Some(cookie) = &cookie {
        browser::set_session(app, &mut response, cookie);
        speech::adopt(app, &mut response, subject_id).await?;
    }
    Ok(response)
}

async fn client_of(app: &Shared, id: &ClientId) -> Result<Arc<Client>, HttpError> {
    let client = app.client(id.as_str()).await?;
    Ok(client.ok_or(PageError::ClientUnknown)?)
}

/// Sends an answer to the client: 303, so that no credential is ever posted on (RFC 9700 §4.12).
pub async fn answer(app: &Shared, answer: Answer) -> Result<Response, HttpError> {
    let jwt = if answer.to.mode.is_signed() {
        let client = client_of(app, &answer.to.client_id).await?;
        let now = app.clock.now();
        Some(app.tokens.sign_answer(&answer, &client, now).await?)
    } else {
        None
    };
    match answer.deliver(jwt) {
        AuthorizationResponse::Redirect(location) => {
            Ok(Redirect::to(location.expose_secret()).into_response())
        }
        AuthorizationResponse::FormPost(form) => Ok(form_post(app, &form)),
    }
}

fn form_post(app: &Shared, form: &response::FormPost) -> Response {
    let nonce = Nonce::new();
    let fields = form
        .fields
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.expose_secret().to_owned()));
    let view = FormPost {
        frame: Frame {
            demo: app.config.demo.enabled,
            // Shown once, and gone by itself.
            here: None,
            ..Frame::new(nonce.text())
        },
        action: form.action.as_str().to_owned(),
        fields: fields.collect(),
    };
    let action = url::Url::parse(form.action.as_str()).ok();
    let targets = action.as_ref().map(beyond).unwrap_or_default();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    html(StatusCode::OK, &view, &nonce, &targets)
}
