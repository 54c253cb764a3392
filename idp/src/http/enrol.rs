//! Enrolment's pages and forms, under `/enrol`: an invitation opened, factors set up one by one, the end.

use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use time::Duration;
use uuid::Uuid;
use wire::{FactorKind, SessionId};
use zeroize::Zeroizing;

use super::browser::Browser;
use super::headers::{Nonce, html};
use super::login::form;
use super::login_pages::problem;
use super::pages::enrol::{
    BiometricConsent, Done, EnrolItem, EnrolState, Face, Fingerprint, Overview, Passkey, Place,
    RecoveryCodes, SetPassword, Totp, Welcome,
};
use super::pages::{Frame, QrCode};
use super::{HttpError, additions, client_address, samples, speech};
use crate::app::Shared;
use crate::capture::Purpose;
use crate::factors::{Answer, Capture, Challenge, Outcome};
use crate::login::LoginError;
use crate::login::enrolment::{EnrolmentPosition, Opened};
use crate::oidc::parameters::Parameters;
use crate::portal::Owner;
use crate::random;

/// `GET /enrol/{token}`: shows whom the invitation is for; a mere look spends nothing.
pub async fn welcome(
    State(app): State<Shared>,
    Path(token): Path<String>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let digest = random::digest(&token);
    let subject = app
        .store
        .invited_subject(&digest, now)
        .await?
        .ok_or(LoginError::Invitation)?;
    let subject = app
        .store
        .subject(subject)
        .await?
        .ok_or(LoginError::Invitation)?;
    let until = app.store.invitation_end(&digest).await?.unwrap_or(now);
    let nonce = Nonce::new();
    let view = Welcome {
        frame: frame(&app, None, &nonce),
        username: subject.username,
        token,
        expires: speech::language().date_time(until),
    };
    let mut response = html(StatusCode::OK, &view, &nonce, &[]);
    browser.remember(&app, &mut response);
    Ok(response)
}

/// `POST /enrol/begin`: binds the invitation to this browser.
pub async fn begin(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let digest = random::digest(form.get("token").unwrap_or_default());
    let lifetime = Duration::seconds(app.config.session.enrolment_s.into());
    let opened = Opened {
        invitation: &digest,
        browser: &browser.digest,
        login: None,
    };
    app.journey
        .open_invitation(opened, lifetime, app.clock.now())
        .await?;
    let mut response = Redirect::to("/enrol").into_response();
    browser.remember(&app, &mut response);
    Ok(response)
}

/// `GET /enrol`: what is and can be set up.
pub async fn overview(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    let position = position(&app, &browser).await?;
    if position.enrolment.addition.is_some() {
        return Ok(to(additions::PAGE));
    }
    let nonce = Nonce::new();
    let view = Overview {
        frame: frame(&app, None, &nonce),
        username: position.subject.username.clone(),
        items: items(&app, &position),
        still_needed: (!position.is_sufficient).then(|| still_needed(&app)),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `GET /enrol/consent`.
pub async fn consent_page(
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let position = position(&app, &browser).await?;
    let held = app.store.biometric_consent(position.subject.id).await?;
    let nonce = Nonce::new();
    let view = BiometricConsent {
        frame: frame(&app, None, &nonce),
        contact: format!("{}/me", app.config.issuer_text()),
        granted: held.is_some_and(|held| held.version == BiometricConsent::VERSION),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `POST /enrol/consent`.
pub async fn consent(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let granted = match form.get("decision") {
        Some("grant") => true,
        Some("decline") => false,
        _ => {
            return Err(HttpError::bad_request(
                "decision_missing",
                "Choose to agree or to decline.",
            ));
        }
    };
    let position = position(&app, &browser).await?;
    let next = match &position.enrolment.addition {
        Some(addition) if granted => format!("/enrol/{}", addition.factor),
        Some(_) | None => "/enrol".to_owned(),
    };
    let version = form.get("version").unwrap_or_default();
    if !granted && version == BiometricConsent::VERSION {
        withdrawn(&app, &position).await?;
    }
    match app
        .journey
        .decide_biometric_consent(position, version, granted, app.clock.now())
        .await
    {
        Ok(()) => Ok(to(&next)),
        // The wording changed while the page was open.
        Err(LoginError::Moved) => Ok(to("/enrol/consent")),
        Err(error) => Err(error.into()),
    }
}

/// What the consent covered goes as it does at `/me`, with its key.
async fn withdrawn(app: &Shared, position: &EnrolmentPosition) -> Result<(), HttpError> {
    let enrolment = &position.enrolment;
    let session = enrolment.addition.as_ref().map(|it| it.session);
    let owner = Owner {
        subject: position.subject.id,
        // Whoever comes by an invitation is in no session.
        sid: session.unwrap_or(SessionId(Uuid::nil())),
        address: enrolment.address,
    };
    let now = app.clock.now();
    let erased = app.erase_enrolled_biometrics(&owner, enrolment.id, now);
    Ok(Box::pin(erased).await?)
}

/// `GET /enrol/{factor}`: the page that sets a factor up.
pub async fn factor_page(
    app: Shared,
    factor: FactorKind,
    browser: Browser,
) -> Result<Response, HttpError> {
    let position = position(&app, &browser).await?;
    let begun = app
        .journey
        .enrol_begin(position, factor, app.clock.now())
        .await;
    let (position, challenge) = match begun {
        Err(LoginError::ConsentMissing) => return Ok(to("/enrol/consent")),
        Err(LoginError::Moved) => return Ok(to(&format!("/enrol/{factor}"))),
        begun => begun?,
    };
    challenge_page(&app, &position, challenge, Place::Enrolment).await
}

/// The page on which a factor is set up, whoever does it.
pub(super) async fn challenge_page(
    app: &Shared,
    position: &EnrolmentPosition,
    challenge: Challenge,
    place: Place,
) -> Result<Response, HttpError> {
    let nonce = Nonce::new();
    let (frame, username) = (
        frame(app, Some(position), &nonce),
        position.subject.username.clone(),
    );
    Ok(match challenge {
        Challenge::Password => html(
            StatusCode::OK,
            &SetPassword {
                frame,
                place,
                username,
                minimum: 8,
            },
            &nonce,
            &[],
        ),
        Challenge::Totp { provisioning } => {
            let uri = provisioning.unwrap_or_default();
            let qr = QrCode::of(&uri).map_err(|error| HttpError::internal(&error))?;
            let secret = url::Url::parse(&uri).ok().and_then(|uri| {
                uri.query_pairs()
                    .find(|(name, _)| name == "secret")
                    .map(|(_, value)| value.into_owned())
            });
            let view = Totp {
                frame,
                place,
                username,
                qr,
                secret: secret.unwrap_or_default(),
            };
            html(StatusCode::OK, &view, &nonce, &[])
        }
        Challenge::RecoveryCode { fresh } => html(
            StatusCode::OK,
            &RecoveryCodes {
                frame,
                place,
                username,
                codes: fresh,
            },
            &nonce,
            &[],
        ),
        Challenge::Passkey { options } => {
            let view = Passkey {
                frame,
                place,
                options: options.to_string(),
                label: speech::language().say("new-passkey-this"),
            };
            html(StatusCode::OK, &view, &nonce, &[])
        }
        Challenge::Face { .. } => {
            let owner = position.enrolment.id.to_string();
            let address = position.enrolment.address;
            client_address::count(app, &app.guesses, address)?;
            let from = client_address::counted_network(address);
            let capture = app
                .captures
                .open(&owner, Purpose::Enrolment, from, app.clock.now())
                .await?;
            html(StatusCode::OK, &Face { frame, capture }, &nonce, &[])
        }
        Challenge::Fingerprint { .. } => html(StatusCode::OK, &Fingerprint { frame }, &nonce, &[]),
    })
}

/// `GET /enrol/{token or factor}`: a factor's name is its page, anything else an invitation.
pub async fn page(
    state: State<Shared>,
    Path(name): Path<String>,
    browser: Browser,
) -> Result<Response, HttpError> {
    match name.parse() {
        Ok(factor) => factor_page(state.0, factor, browser).await,
        Err(_) => welcome(state, Path(name), browser).await,
    }
}

/// `POST /enrol/{factor}`: an answer in a form's field; for the face, the end of its capture.
pub async fn answer(
    State(app): State<Shared>,
    Path(factor): Path<String>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let factor: FactorKind = factor.parse().map_err(|_| HttpError::not_found())?;
    let form = form(&body)?;
    let position = position(&app, &browser).await?;
    let answer = match factor {
        FactorKind::Face => {
            let owner = position.enrolment.id.to_string();
            let nonce = form.get("nonce").unwrap_or_default();
            Answer::Live(app.captures.finish(nonce, &owner, app.clock.now()).await?)
        }
        FactorKind::Fingerprint => return Err(HttpError::not_found()),
        typed => typed_answer(typed, &form)?,
    };
    finish_factor(&app, position, factor, answer).await
}

/// The answer in a form's field, of a factor that has one.
pub(super) fn typed_answer(factor: FactorKind, form: &Parameters) -> Result<Answer, HttpError> {
    let text = |field: &str| Zeroizing::new(form.get(field).unwrap_or_default().to_owned());
    Ok(match factor {
        FactorKind::Password if *text("password") != *text("password_again") => {
            return Err(HttpError::bad_request(
                "passwords_differ",
                "The two passwords differ. Go back and type them again.",
            ));
        }
        FactorKind::Password => Answer::Text(text("password")),
        FactorKind::Totp => Answer::Text(text("otp")),
        FactorKind::RecoveryCode => Answer::Text(text("saved")),
        FactorKind::Passkey => {
            let json = serde_json::from_str(&text("credential")).map_err(|_| {
                HttpError::bad_request(
                    "credential_unreadable",
                    "The passkey's answer cannot be read. Try again.",
                )
            })?;
            Answer::Credential {
                json,
                label: form.get("label").map(str::to_owned),
            }
        }
        FactorKind::Face | FactorKind::Fingerprint => return Err(HttpError::not_found()),
    })
}

/// `POST /enrol/face/upload` and `/enrol/fingerprint`: samples from files, in a demonstration.
pub async fn upload_face(
    State(app): State<Shared>,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    upload(app, FactorKind::Face, browser, multipart).await
}

/// As [`upload_face`].
pub async fn upload_fingerprint(
    State(app): State<Shared>,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    upload(app, FactorKind::Fingerprint, browser, multipart).await
}

async fn upload(
    app: Shared,
    factor: FactorKind,
    browser: Browser,
    multipart: Multipart,
) -> Result<Response, HttpError> {
    if !app.config.demo.enabled {
        return Err(HttpError::not_found());
    }
    let upload = samples::read(multipart).await?;
    let position = position(&app, &browser).await?;
    let answer = Answer::Samples {
        samples: upload.samples,
        capture: Capture::Uploaded,
        dpi: upload.dpi,
    };
    finish_factor(&app, position, factor, answer).await
}

/// `POST /enrol/finish`.
pub async fn finish(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    let position = position(&app, &browser).await?;
    let username = position.subject.username.clone();
    let login = position.enrolment.login;
    match app
        .journey
        .finish_enrolment(position, app.clock.now())
        .await
    {
        Err(LoginError::Moved) => return Ok(to("/enrol")),
        finished => finished?,
    }
    let nonce = Nonce::new();
    let view = Done {
        frame: frame(&app, None, &nonce),
        username,
        continue_to: login
            .map(|id| format!("/login/{id}"))
            .or_else(|| app.demo_application()),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

async fn finish_factor(
    app: &Shared,
    position: EnrolmentPosition,
    factor: FactorKind,
    answer: Answer,
) -> Result<Response, HttpError> {
    // Mails about what is set up here speak as this page does.
    speech::note(app, position.subject.id).await?;
    let done = match &position.enrolment.addition {
        Some(_) => additions::PAGE,
        None => "/enrol",
    };
    match app
        .journey
        .enrol_finish(position, factor, answer, app.clock.now())
        .await
    {
        Ok(Outcome::Match) => Ok(to(done)),
        Ok(Outcome::NoMatch | Outcome::Unusable) | Err(LoginError::Moved) => {
            Ok(to(&format!("/enrol/{factor}")))
        }
        Err(LoginError::ConsentMissing) => Ok(to("/enrol/consent")),
        Err(error) => Err(error.into()),
    }
}

/// The enrolment of this browser.
pub(super) async fn position(
    app: &Shared,
    browser: &Browser,
) -> Result<EnrolmentPosition, HttpError> {
    let enrolment = app.journey.enrolment(&browser.digest, app.clock.now());
    let mut position = enrolment.await?;
    position.enrolment.address = browser.address;
    Ok(position)
}

fn frame(app: &Shared, position: Option<&EnrolmentPosition>, nonce: &Nonce) -> Frame {
    Frame {
        problem: position
            .and_then(|p| p.enrolment.notice.as_ref())
            .map(problem),
        demo: app.config.demo.enabled,
        ..Frame::new(nonce.text())
    }
}

/// What can be set up. Password and passkey come first: one of them begins every login.
fn items(app: &Shared, position: &EnrolmentPosition) -> Vec<EnrolItem> {
    let ways = ways(app);
    let in_every_way =
        |factor: FactorKind| !ways.is_empty() && ways.iter().all(|way| way.contains(&factor));
    let item = |factor: FactorKind| {
        let done = position.credentials.iter().any(|c| c.factor == factor);
        let state = match (done, in_every_way(factor)) {
            (true, _) => EnrolState::Done,
            (false, true) => EnrolState::Missing,
            (false, false) => EnrolState::Optional,
        };
        EnrolItem {
            kind: factor.as_str().into(),
            title: name(factor),
            hint: speech::language().say(&format!("setup-{factor}")),
            state,
            href: format!("/enrol/{factor}"),
        }
    };
    app.journey.factors.kinds().map(item).collect()
}

/// The ways to reach the default acr with what this deployment offers.
fn ways(app: &Shared) -> Vec<Vec<FactorKind>> {
    let policy = app.journey.policy();
    let offered: Vec<FactorKind> = app.journey.factors.kinds().collect();
    let rule = policy.rule(&policy.default_acr);
    let ways = rule.map(|rule| rule.any_of.as_slice()).unwrap_or_default();
    ways.iter()
        .filter(|way| way.iter().all(|factor| offered.contains(factor)))
        .cloned()
        .collect()
}

/// Those ways as a sentence.
fn still_needed(app: &Shared) -> String {
    let ways: Vec<String> = ways(app)
        .into_iter()
        .map(|way| {
            way.iter()
                .map(|factor| name(*factor))
                .collect::<Vec<_>>()
                .join(" + ")
        })
        .collect();
    speech::language().say_of("setup-needed", "ways", ways.join("; "))
}

fn name(factor: FactorKind) -> String {
    match factor {
        FactorKind::RecoveryCode => speech::language().say("me-codes"),
        one => speech::language().say(&format!("choose-{one}")),
    }
}

fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}
