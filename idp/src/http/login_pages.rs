//! Each step of a login as its page.

use axum::http::StatusCode;
use axum::response::Response;
use wire::FactorKind;

use super::HttpError;
use super::headers::{Nonce, html};
use super::pages::elsewhere::DetailBlock;
use super::pages::login::{
    Choose, Consent, Face, FactorChoice, Fingerprint, Identify, Passkey, Password, RecoveryCode,
    Register, ScopeLine, SelectAccount, Totp,
};
use super::pages::{Frame, Problem};
use crate::app::Shared;
use crate::factors::Challenge;
use crate::login::LoginError;
use crate::login::attempt::{Attempt, Notice};
use crate::login::journey::Position;
use crate::login::step::Step;
use crate::oidc::authorization_details::DetailLine;
use crate::oidc::request::Errand;

/// The page of the step that an attempt stands at.
pub async fn render(app: &Shared, position: Position) -> Result<Response, HttpError> {
    let Position { attempt, step, .. } = position;
    match step {
        Step::Register => Ok(register(app, &attempt)),
        Step::SelectAccount => Ok(select_account(app, &attempt)),
        Step::Identify => identify(app, attempt).await,
        Step::Choose(offers) => Ok(choose(app, &attempt, &offers)),
        Step::Challenge { factor, others } => {
            challenge(app, &attempt, factor, !others.is_empty()).await
        }
        Step::Consent => Ok(consent(app, &attempt)),
        Step::Finish | Step::Deny(_) => Err(LoginError::Moved.into()),
    }
}

fn register(app: &Shared, attempt: &Attempt) -> Response {
    let nonce = Nonce::new();
    let view = Register {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        address: app.config.people.registration().map(str::to_owned),
        open: app.config.people.self_registration,
    };
    page(attempt, &view, &nonce)
}

fn select_account(app: &Shared, attempt: &Attempt) -> Response {
    let nonce = Nonce::new();
    let view = SelectAccount {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: username(attempt),
    };
    page(attempt, &view, &nonce)
}

async fn identify(app: &Shared, attempt: Attempt) -> Result<Response, HttpError> {
    let passkeys = app
        .journey
        .factors
        .kinds()
        .any(|kind| kind == FactorKind::Passkey);
    let attempt = if passkeys {
        app.journey.ask_discoverable(attempt).await?
    } else {
        attempt
    };
    let passkey = match attempt.pending.as_ref().map(|pending| &pending.challenge) {
        Some(Challenge::Passkey { options }) => Some(options.to_string()),
        _ => None,
    };
    let nonce = Nonce::new();
    let view = Identify {
        frame: frame(app, &attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: attempt.request.login_hint.clone().unwrap_or_default(),
        passkey,
    };
    Ok(page(&attempt, &view, &nonce))
}

fn choose(app: &Shared, attempt: &Attempt, offers: &[FactorKind]) -> Response {
    let nonce = Nonce::new();
    let view = Choose {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: username(attempt),
        choices: offers.iter().map(|factor| choice(*factor)).collect(),
    };
    page(attempt, &view, &nonce)
}

async fn challenge(
    app: &Shared,
    attempt: &Attempt,
    factor: FactorKind,
    other_ways: bool,
) -> Result<Response, HttpError> {
    let nonce = Nonce::new();
    let frame = frame(app, attempt, &nonce);
    let (id, username) = (attempt.id.to_string(), username(attempt));
    let pending = attempt.pending.as_ref().map(|pending| &pending.challenge);
    Ok(match factor {
        FactorKind::Password => page(
            attempt,
            &Password {
                frame,
                attempt: id,
                username,
                other_ways,
            },
            &nonce,
        ),
        FactorKind::Totp => page(
            attempt,
            &Totp {
                frame,
                attempt: id,
                username,
                other_ways,
            },
            &nonce,
        ),
        FactorKind::RecoveryCode => page(
            attempt,
            &RecoveryCode {
                frame,
                attempt: id,
                username,
                other_ways,
            },
            &nonce,
        ),
        FactorKind::Passkey => {
            let Some(Challenge::Passkey { options }) = pending else {
                return Err(LoginError::Moved.into());
            };
            let options = options.to_string();
            page(
                attempt,
                &Passkey {
                    frame,
                    attempt: id,
                    username,
                    options,
                    other_ways,
                },
                &nonce,
            )
        }
        FactorKind::Face => {
            let capture = app
                .captures
                .open(&id, crate::capture::Purpose::Verification, app.clock.now())
                .await?;
            page(
                attempt,
                &Face {
                    frame,
                    attempt: id,
                    username,
                    capture,
                },
                &nonce,
            )
        }
        FactorKind::Fingerprint => page(
            attempt,
            &Fingerprint {
                frame,
                attempt: id,
                username,
            },
            &nonce,
        ),
    })
}

fn consent(app: &Shared, attempt: &Attempt) -> Response {
    let nonce = Nonce::new();
    let beyond = attempt.request.claims.beyond(&attempt.request.scopes);
    let view = Consent {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: username(attempt),
        scopes: attempt
            .request
            .scopes
            .iter()
            .map(scope_line)
            .chain(beyond.iter().map(|claim| claim_line(claim)))
            .collect(),
        details: app
            .provider
            .detail_types
            .lines(&attempt.request.details)
            .into_iter()
            .map(detail_block)
            .collect(),
    };
    page(attempt, &view, &nonce)
}

/// Every form of these pages may end at the client, by the redirects that follow it.
fn page(attempt: &Attempt, view: &impl askama::Template, nonce: &Nonce) -> Response {
    let target = attempt.request.redirect_uri.origin();
    let targets: Vec<&str> = target.as_deref().into_iter().collect();
    html(StatusCode::OK, view, nonce, &targets)
}

fn frame(app: &Shared, attempt: &Attempt, nonce: &Nonce) -> Frame {
    Frame {
        // Our own page is no application to go on to, or back to.
        client_name: Some(attempt.client_name.clone())
            .filter(|_| attempt.request.errand != Some(Errand::Requests)),
        problem: attempt.notice.as_ref().map(problem),
        demo: app.config.demo.enabled,
        ..Frame::new(nonce.text())
    }
}

fn username(attempt: &Attempt) -> String {
    attempt
        .identity
        .as_ref()
        .map(|identity| identity.username.clone())
        .unwrap_or_default()
}

/// What a notice says to a person; nothing in it tells a known name from an unknown one.
pub fn problem(notice: &Notice) -> Problem {
    let (title, advice) = match notice {
        Notice::NoMatch { factor } => match factor {
            FactorKind::Password => (
                "That did not work",
                "Check the name and the password, and try again.",
            ),
            FactorKind::Totp => (
                "That code did not work",
                "Enter the code that your app shows now.",
            ),
            FactorKind::RecoveryCode => (
                "That code did not work",
                "Each recovery code works once. Try another one.",
            ),
            FactorKind::Passkey => (
                "That passkey did not work",
                "Try again, or choose another way.",
            ),
            FactorKind::Face => (
                "We could not recognise you",
                "Try again in good light, or choose another way.",
            ),
            FactorKind::Fingerprint => (
                "We could not recognise this finger",
                "Use a finger that you enrolled, or choose another way.",
            ),
        },
        Notice::Unusable { advice } => ("That could not be used", advice.as_str()),
        Notice::Wait { seconds } => {
            let advice = match seconds {
                0..=90 => format!(
                    "Wait {seconds} seconds before you try this way again, or choose another way."
                ),
                _ => {
                    let minutes = seconds.div_ceil(60);
                    format!(
                        "Wait {minutes} minutes before you try this way again, or choose another way."
                    )
                }
            };
            return Problem {
                title: "Too many tries".into(),
                advice,
            };
        }
        Notice::TryAgain => ("That could not be read", "Please try again."),
        Notice::NameTaken => (
            "Somebody has that name already",
            "Choose another one, or go on with the account that you have.",
        ),
    };
    Problem {
        title: title.into(),
        advice: advice.into(),
    }
}

fn choice(factor: FactorKind) -> FactorChoice {
    let (title, hint) = match factor {
        FactorKind::Password => ("Password", "Type your password"),
        FactorKind::Totp => (
            "Authenticator app",
            "Type the six digits that your app shows",
        ),
        FactorKind::RecoveryCode => ("Recovery code", "Use one of the codes that you kept"),
        FactorKind::Passkey => ("Passkey", "Use this device, a phone or a security key"),
        FactorKind::Face => ("Face", "Look into the camera"),
        FactorKind::Fingerprint => ("Fingerprint", "Use a finger that you enrolled"),
    };
    FactorChoice {
        kind: factor.as_str().into(),
        title: title.into(),
        hint: hint.into(),
    }
}

/// A claim that was asked for by name.
fn claim_line(claim: &str) -> ScopeLine {
    let words = claim.replace('_', " ");
    ScopeLine {
        name: claim.to_owned(),
        sentence: format!("See your {words}"),
    }
}

pub fn detail_block(line: DetailLine) -> DetailBlock {
    DetailBlock {
        sentence: line.sentence,
        members: line.members,
    }
}

pub fn scope_line(scope: &str) -> ScopeLine {
    let sentence = match scope {
        "openid" => "Know that it is you",
        "profile" => "See your name and username",
        "email" => "See your e-mail address",
        "address" => "See your postal address",
        "phone" => "See your telephone number",
        "offline_access" => "Keep access while you are away, until you withdraw it",
        _ => "Use this permission of the application",
    };
    ScopeLine {
        name: scope.into(),
        sentence: sentence.into(),
    }
}
