//! Each step of a login as its page.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use wire::FactorKind;

use super::headers::{Nonce, beyond, html};
use super::pages::elsewhere::DetailBlock;
use super::pages::login::{
    Choose, Consent, Face, FactorChoice, Fingerprint, Identify, Passkey, Password, Recognise,
    RecoveryCode, Register, ScopeLine, SelectAccount, Totp,
};
use super::pages::{DeviceAsk, Frame, Problem};
use super::{HttpError, client_address, speech};
use crate::app::Shared;
use crate::capture::Purpose;
use crate::factors::Challenge;
use crate::login::LoginError;
use crate::login::attempt::{Attempt, Notice};
use crate::login::journey::Position;
use crate::login::raise::Raise;
use crate::login::risk::DeviceKey;
use crate::login::step::Step;
use crate::oidc::authorization_details::DetailLine;
use crate::oidc::request::Errand;
use crate::oidc::scope;
use crate::words::Language;

/// The page of the step that an attempt stands at.
pub async fn render(app: &Shared, position: Position) -> Result<Response, HttpError> {
    let Position { attempt, step, .. } = position;
    match step {
        Step::Register => Ok(register(app, &attempt)),
        Step::SelectAccount => Ok(select_account(app, &attempt)),
        Step::Recognise => Ok(recognise(app, &attempt)),
        Step::Identify => identify(app, attempt).await,
        Step::Choose(offers) => choose(app, &attempt, &offers),
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

fn recognise(app: &Shared, attempt: &Attempt) -> Response {
    let nonce = Nonce::new();
    let view = Recognise {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: username(attempt),
    };
    page(attempt, &view, &nonce)
}

async fn identify(app: &Shared, attempt: Attempt) -> Result<Response, HttpError> {
    let attempt = if app.journey.offers_passkeys() {
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

fn choose(app: &Shared, attempt: &Attempt, offers: &[FactorKind]) -> Result<Response, HttpError> {
    let nonce = Nonce::new();
    let view = Choose {
        frame: raised(app, attempt, &nonce)?,
        attempt: attempt.id.to_string(),
        username: username(attempt),
        choices: offers
            .iter()
            .map(|factor| choice(attempt.language, *factor))
            .collect(),
        // They go after a password, which neither another provider's login nor a factor to be added asks for.
        codes: attempt.external.is_none()
            && !matches!(attempt.request.errand, Some(Errand::AddFactor { .. }))
            && app.journey.policy().takes(FactorKind::RecoveryCode),
        help: app.config.people.help().map(str::to_owned),
    };
    Ok(page(attempt, &view, &nonce))
}

async fn challenge(
    app: &Shared,
    attempt: &Attempt,
    factor: FactorKind,
    other_ways: bool,
) -> Result<Response, HttpError> {
    let nonce = Nonce::new();
    let frame = raised(app, attempt, &nonce)?;
    let (id, username) = (attempt.id.to_string(), username(attempt));
    let pending = attempt.pending.as_ref().map(|pending| &pending.challenge);
    Ok(match factor {
        FactorKind::Password => page(
            attempt,
            &Password {
                // Who is to be raised is asked so at every step; whom another provider named stays.
                not_you: frame.raise.is_none() && attempt.external.is_none(),
                frame,
                attempt: id,
                username,
                other_ways,
                rhythm: app.journey.risk.is_some(),
            },
            &nonce,
        ),
        FactorKind::Totp => page(
            attempt,
            &Totp {
                frame,
                attempt: id,
                username,
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
                },
                &nonce,
            )
        }
        FactorKind::Face => {
            let from = client_address::counted_network(attempt.address);
            let capture = app
                .captures
                .open(&id, Purpose::Verification, from, app.clock.now())
                .await?;
            page(
                attempt,
                &Face {
                    frame,
                    attempt: id,
                    username,
                    capture,
                    phone: attempt.has_proof(),
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
    let claims = beyond
        .iter()
        .map(|claim| claim_line(attempt.language, claim));
    let mut scopes: Vec<ScopeLine> = attempt
        .request
        .scopes
        .iter()
        .map(|scope| scope_line_in(attempt.language, scope))
        .chain(claims)
        .collect();
    if scopes.is_empty() {
        // RFC 6749 §3.3: no scope, and the token names the person all the same.
        scopes.push(ScopeLine {
            name: String::new(),
            ..scope_line_in(attempt.language, scope::OPENID)
        });
    }
    let view = Consent {
        frame: frame(app, attempt, &nonce),
        attempt: attempt.id.to_string(),
        username: username(attempt),
        scopes,
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

/// Every form of these pages may end at the client, and wherever that sends the person on.
pub(super) fn page(attempt: &Attempt, view: &impl askama::Template, nonce: &Nonce) -> Response {
    // An errand ends at a page of ours.
    let goes_on = url::Url::parse(attempt.request.redirect_uri.as_str())
        .ok()
        .filter(|_| attempt.request.errand.is_none());
    let targets = goes_on.as_ref().map(beyond).unwrap_or_default();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let Some(Notice::Wait { seconds }) = &attempt.notice else {
        return html(StatusCode::OK, view, nonce, &targets);
    };
    // RFC 6585 §4.
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, view, nonce, &targets);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    response
}

pub(super) fn frame(app: &Shared, attempt: &Attempt, nonce: &Nonce) -> Frame {
    Frame {
        // Our own page is no application to go on to, or back to.
        client_name: Some(attempt.client_name.clone())
            .filter(|_| !is_our_own(attempt.request.errand.as_ref())),
        problem: attempt
            .notice
            .as_ref()
            .map(|notice| problem_in(attempt.language, notice)),
        language: attempt.language,
        demo: app.config.demo.enabled,
        device: app.journey.devices.as_ref().map(|_| DeviceAsk {
            attempt: attempt.id.to_string(),
            nonce: attempt.device.nonce.clone().unwrap_or_default(),
            // Another provider's login opens no session here.
            is_offered: attempt.external.is_none()
                && !matches!(attempt.device_key(), DeviceKey::Known(_)),
        }),
        ..Frame::new(nonce.text())
    }
}

/// The frame of a step that asks for a proof: whoever is signed in already is told why.
fn raised(app: &Shared, attempt: &Attempt, nonce: &Nonce) -> Result<Frame, HttpError> {
    let frame = frame(app, attempt, nonce);
    let raise = app.journey.raise(attempt, app.clock.now())?;
    let key = raise.map(|raise| match raise {
        Raise::OneMore => "raise-one-more",
        Raise::Again => "raise-again",
    });
    let client = frame.client_name.as_deref();
    let why = key.map(|key| match client {
        Some(client) => attempt.language.say_of(key, "client", client),
        None => attempt.language.say(&format!("{key}-here")),
    });
    Ok(Frame {
        raise: why,
        ..frame
    })
}

fn is_our_own(errand: Option<&Errand>) -> bool {
    matches!(errand, Some(Errand::Requests | Errand::Portal { .. }))
}

pub(super) fn username(attempt: &Attempt) -> String {
    attempt
        .identity
        .as_ref()
        .map(|identity| identity.username.clone())
        .unwrap_or_default()
}

/// What a notice says to a person; nothing in it tells a known name from an unknown one.
pub fn problem(notice: &Notice) -> Problem {
    problem_in(speech::language(), notice)
}

fn problem_in(language: Language, notice: &Notice) -> Problem {
    let (title, advice) = match notice {
        Notice::NoMatch { factor } => (
            language.say(&format!("wrong-title-{factor}")),
            language.say(&format!("wrong-{factor}")),
        ),
        Notice::Unusable { advice } => (language.say("unusable-title"), language.reword(advice)),
        Notice::Wait { seconds } => {
            let (key, count) = match seconds {
                0..=90 => ("wait-seconds", *seconds),
                _ => ("wait-minutes", seconds.div_ceil(60)),
            };
            let advice = language.say_of(key, "count", count.to_string());
            (language.say("wait-title"), advice)
        }
        Notice::TryAgain => (language.say("again-title"), language.say("again")),
        Notice::NameTaken => (language.say("taken-title"), language.say("taken")),
        Notice::NameUnfit => (language.say("unfit-name-title"), language.say("unfit-name")),
    };
    Problem { title, advice }
}

fn choice(language: Language, factor: FactorKind) -> FactorChoice {
    FactorChoice {
        kind: factor.as_str().into(),
        title: language.say(&format!("choose-{factor}")),
        hint: language.say(&format!("choose-{factor}-hint")),
    }
}

/// A claim that was asked for by name.
fn claim_line(language: Language, claim: &str) -> ScopeLine {
    let words = claim.replace('_', " ");
    ScopeLine {
        name: claim.to_owned(),
        sentence: language.say_of("claim", "claim", words),
    }
}

pub fn detail_block(line: DetailLine) -> DetailBlock {
    DetailBlock {
        sentence: line.sentence,
        members: line.members,
    }
}

pub fn scope_line(scope: &str) -> ScopeLine {
    scope_line_in(speech::language(), scope)
}

fn scope_line_in(language: Language, scope: &str) -> ScopeLine {
    let known = [
        "openid",
        "profile",
        "email",
        "address",
        "phone",
        "offline_access",
    ];
    let key = match known.contains(&scope) {
        true => format!("scope-{scope}"),
        false => "scope-other".to_owned(),
    };
    ScopeLine {
        name: scope.into(),
        sentence: language.say(&key),
    }
}
