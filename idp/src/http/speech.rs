//! What language a request is answered in.
//!
//! What the request itself asks for by `ui_locales` stands first (OIDC Core §3.1.2.1), then what the person chose, then the
//! browser's `Accept-Language` (RFC 9110 §12.5.4). A choice is made by a form on every page. It is kept in a cookie, so that
//! it holds before anybody is signed in, and with the person from the next sign-in on, so that it holds in other browsers
//! and in mails. A cookie that a person's sign-in has left is no choice of the next person's.
//!
//! A layer reads all this once, and whatever is drawn while the request is answered speaks accordingly, errors too.

use axum::extract::{Request, State};
use axum::http::{Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use bytes::Bytes;
use wire::{AttemptId, SubjectId};

use super::HttpError;
use super::browser::{self, Browser};
use super::login::form;
use crate::app::Shared;
use crate::login::attempt::Attempt;
use crate::oidc::parameters::Parameters;
use crate::store::StoreError;
use crate::words::Language;

/// What one request says about languages.
#[derive(Clone, Debug, Default)]
struct Speech {
    /// By its `ui_locales`.
    asked: Option<Language>,
    choice: Option<Choice>,
    /// By its `Accept-Language`.
    accepted: Option<Language>,
    /// Its own address, where that can be shown again.
    here: Option<String>,
}

tokio::task_local! {
    static SPEECH: Speech;
}

/// What a person chose, as the cookie keeps it: `de.kept.` or `de.new.` and the attempt at whose page it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    language: Language,
    /// Whether it is with the person already.
    is_kept: bool,
    /// There it stands before what the client asked for.
    at: Option<AttemptId>,
}

impl Choice {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let language = Language::of_tag(parts.next()?)?;
        let is_kept = match parts.next()? {
            "kept" => true,
            "new" => false,
            _ => return None,
        };
        let at = parts.next().and_then(|id| id.parse().ok());
        Some(Self {
            language,
            is_kept,
            at,
        })
    }

    fn text(self) -> String {
        let kept = if self.is_kept { "kept" } else { "new" };
        let at = self.at.map(|id| id.to_string()).unwrap_or_default();
        format!("{}.{kept}.{at}", self.language.tag())
    }
}

/// Has a request answered in its language.
pub async fn listen(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(&browser::cookie_name(&app, COOKIE));
    let accepted = headers.get(header::ACCEPT_LANGUAGE);
    let speech = Speech {
        asked: asked(request.uri()),
        choice: cookie.and_then(|cookie| Choice::read(cookie.value())),
        accepted: accepted
            .and_then(|value| value.to_str().ok())
            .and_then(Language::accepted),
        here: Some(request.uri().to_string())
            .filter(|here| request.method() == Method::GET && own_path(here).is_some()),
    };
    SPEECH.scope(speech, next.run(request)).await
}

fn asked(uri: &Uri) -> Option<Language> {
    let query = uri.query().filter(|query| query.contains("ui_locales"))?;
    let query = Parameters::from_urlencoded(query.as_bytes()).ok()?;
    of_locales(query.get("ui_locales")?)
}

/// The language of a `ui_locales` parameter.
fn of_locales(text: &str) -> Option<Language> {
    let mut tags = text.split_ascii_whitespace().take(MOST_LOCALES);
    tags.find_map(Language::of_tag)
}

fn speech() -> Speech {
    SPEECH.try_with(Clone::clone).unwrap_or_default()
}

/// What this request is answered in.
pub fn language() -> Language {
    let speech = speech();
    let chosen = speech.choice.map(|choice| choice.language);
    speech
        .asked
        .or(chosen)
        .or(speech.accepted)
        .unwrap_or_default()
}

/// The same, where the request asks for languages elsewhere than in its address.
pub fn language_for(ui_locales: Option<&str>) -> Language {
    ui_locales.and_then(of_locales).unwrap_or_else(language)
}

/// What a login speaks: what its client asked for, but for somebody who chose otherwise on one of its pages.
pub fn language_of(attempt: &Attempt) -> Language {
    let choice = speech().choice;
    let here = choice.filter(|choice| choice.at == Some(attempt.id));
    here.map(|choice| choice.language)
        .or_else(|| Language::asked(&attempt.request.ui_locales))
        .unwrap_or_else(language)
}

/// The address that this request asked for, where it can be shown again in another language.
pub fn here() -> Option<String> {
    speech().here
}

/// `POST /language`: the choice, and back to the page on which it was made.
pub async fn choose(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let language = form.get("language").and_then(Language::of_tag);
    let language = language.ok_or_else(HttpError::not_found)?;
    let back = form.get("back").and_then(own_path).unwrap_or("/");
    let session = browser.session(&app).await?;
    if let Some(session) = &session {
        let subject = session.subject;
        app.store.choose_language(subject, language.tag()).await?;
    }
    let choice = Choice {
        language,
        is_kept: session.is_some(),
        at: attempt_of(back),
    };
    let mut response = Redirect::to(back).into_response();
    keep(&app, &mut response, Some(choice));
    Ok(response)
}

/// What a person of this browser speaks, noted as they come in: a choice made before goes with them, and one that they made
/// elsewhere comes here.
///
/// # Errors
/// When the database fails.
pub async fn adopt(
    app: &Shared,
    response: &mut Response,
    subject: SubjectId,
) -> Result<(), StoreError> {
    let speech = speech();
    match speech.choice {
        Some(choice) if !choice.is_kept => {
            note(app, subject).await?;
            let kept = Choice {
                is_kept: true,
                ..choice
            };
            keep(app, response, Some(kept));
        }
        here => {
            let there = app.store.spoken(subject).await?;
            let chosen = there.filter(|spoken| spoken.is_chosen);
            let chosen = chosen.and_then(|spoken| Language::of_tag(&spoken.language));
            if chosen.is_none() {
                note(app, subject).await?;
            }
            if chosen != here.map(|choice| choice.language) {
                let kept = |language| Choice {
                    language,
                    is_kept: true,
                    at: None,
                };
                keep(app, response, chosen.map(kept));
            }
        }
    }
    Ok(())
}

/// Notes what a person speaks, so that mails speak it too: what was chosen, or else what the browser asks for.
///
/// # Errors
/// When the database fails.
pub async fn note(app: &Shared, subject: SubjectId) -> Result<(), StoreError> {
    let speech = speech();
    let chosen = speech.choice.filter(|choice| !choice.is_kept);
    match (chosen, speech.accepted) {
        (Some(choice), _) => {
            let tag = choice.language.tag();
            app.store.choose_language(subject, tag).await
        }
        (None, Some(language)) => app.store.hear_language(subject, language.tag()).await,
        (None, None) => Ok(()),
    }
}

fn keep(app: &Shared, response: &mut Response, choice: Option<Choice>) {
    let (value, age) = match choice {
        Some(choice) => (choice.text(), time::Duration::days(365)),
        None => (String::new(), time::Duration::ZERO),
    };
    browser::set(app, response, COOKIE, &value, Some(age));
}

/// A path of ours, and of nobody else's: `//host` and `/\\host` would lead away (RFC 3986 §4.2).
fn own_path(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_ours = text.starts_with('/') && !text[1..].starts_with(['/', '\\']);
    (is_plain && is_ours && text.len() <= LONGEST_PATH).then_some(text)
}

fn attempt_of(path: &str) -> Option<AttemptId> {
    let rest = path.strip_prefix("/login/")?;
    rest.split(['/', '?']).next()?.parse().ok()
}

const COOKIE: &str = "whorl_language";
/// As long as an address may be to be carried in a form.
const LONGEST_PATH: usize = 2_000;
const MOST_LOCALES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_was_written() {
        let id: AttemptId = "0198f2c4-7a51-7d11-9c0e-6a1f0c2b7e55"
            .parse()
            .expect("an id");
        for is_kept in [false, true] {
            for at in [None, Some(id)] {
                for language in Language::ALL {
                    let choice = Choice {
                        language,
                        is_kept,
                        at,
                    };
                    assert_eq!(Choice::read(&choice.text()), Some(choice));
                }
            }
        }
        for bad in ["", "de", "xx.kept.", "de.maybe.", ".new."] {
            assert_eq!(Choice::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_form_leads_back_to_pages_of_ours_only() {
        for good in ["/", "/me", "/me/factors/add?factor=totp", "/login/x"] {
            assert_eq!(own_path(good), Some(good));
        }
        let long = format!("/{}", "x".repeat(LONGEST_PATH));
        for bad in [
            "",
            "me",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/a b",
            "/a\nb",
            "/ä",
            &long,
        ] {
            assert_eq!(own_path(bad), None, "{bad}");
        }
    }
}
