//! The demonstration application: a relying party of its own, with a button to sign in and a page of claims.
//!
//! It keeps its own state in memory, as a small application would, and reaches the provider by OpenID
//! Connect alone; only registering somebody new is asked of the provider directly, which in production an
//! administrator does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use time::Duration;
use url::Url;

use super::headers::{Nonce, html};
use super::login::form;
use super::pages::demo::{Claim, DemoClaims, DemoHome};
use super::pages::{Frame, Problem};
use super::{home, speech};
use crate::app::Shared;
use crate::demo::RelyingParty;
use crate::demo::relying_party::{Begun, Verified};
use crate::random;
use crate::store::{Invitation, NewSubject, StoreError};

/// The application's state.
pub struct Demonstration {
    provider: Shared,
    relying_party: RelyingParty,
    /// The application's own address.
    address: String,
    /// By browser and state: two tabs may sign in at once.
    begun: Mutex<BTreeMap<(String, String), Begun>>,
    signed_in: Mutex<BTreeMap<String, Verified>>,
}

type Demo = Arc<Demonstration>;

impl Demonstration {
    /// An application at this address, over a provider that it has discovered.
    #[must_use]
    pub fn new(provider: Shared, relying_party: RelyingParty, address: String) -> Self {
        Self {
            provider,
            relying_party,
            address,
            begun: Mutex::default(),
            signed_in: Mutex::default(),
        }
    }

    /// Its routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/", get(front))
            .route("/sign-in", get(sign_in))
            .route("/register", post(register))
            .route("/callback", get(callback))
            .route("/sign-out", get(sign_out))
            .route("/assets/{name}", get(home::asset))
            .layer(axum::middleware::from_fn_with_state(
                self.provider.clone(),
                speech::listen,
            ))
            .layer(axum::middleware::from_fn_with_state(
                self.provider.clone(),
                super::headers::protect,
            ))
            .with_state(Arc::new(self))
    }
}

async fn front(State(demo): State<Demo>, jar: CookieJar) -> Response {
    let nonce = Nonce::new();
    let signed_in = demo
        .signed_in
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let Some(verified) = jar
        .get(COOKIE)
        .and_then(|cookie| signed_in.get(cookie.value()))
    else {
        return welcome(&demo, None, &nonce);
    };
    let view = DemoClaims {
        frame: Frame {
            demo: true,
            ..Frame::new(nonce.text())
        },
        id_token: claims(&verified.id_token),
        userinfo: claims(&verified.userinfo),
        sign_out: "/sign-out".into(),
    };
    html(StatusCode::OK, &view, &nonce, &[])
}

fn welcome(demo: &Demonstration, problem: Option<Problem>, nonce: &Nonce) -> Response {
    let problem = problem.map(|problem| Problem {
        title: speech::language().reword(&problem.title),
        advice: speech::language().reword(&problem.advice),
    });
    let view = DemoHome {
        frame: Frame {
            demo: true,
            problem,
            ..Frame::new(nonce.text())
        },
        sign_in: "/sign-in".into(),
        register: "/register".into(),
        issuer: demo.provider.config.issuer_text(),
    };
    let provider = demo.provider.config.issuer.origin().ascii_serialization();
    html(StatusCode::OK, &view, nonce, &[&provider])
}

async fn sign_in(State(demo): State<Demo>, jar: CookieJar) -> Response {
    let begun = demo.relying_party.begin();
    let url = begun.url.clone();
    let key = match jar.get(WAITING) {
        Some(cookie) => cookie.value().to_owned(),
        None => random::secret().expose_secret().to_owned(),
    };
    {
        let mut waiting = demo.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            waiting.clear();
        }
        waiting.insert((key.clone(), begun.state.secret().clone()), begun);
    }
    with_cookie(Redirect::to(url.as_str()).into_response(), WAITING, &key)
}

async fn callback(State(demo): State<Demo>, RawQuery(query): RawQuery, jar: CookieJar) -> Response {
    let url = Url::parse(&format!(
        "{}/callback?{}",
        demo.address,
        query.unwrap_or_default()
    ));
    let state = url.as_ref().ok().and_then(|url| {
        let found = url.query_pairs().find(|(name, _)| name == "state");
        found.map(|(_, value)| value.into_owned())
    });
    let begun = jar.get(WAITING).zip(state).and_then(|(cookie, state)| {
        let mut waiting = demo.begun.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&(cookie.value().to_owned(), state))
    });
    let ended = match (begun, url) {
        (Some(begun), Ok(url)) => demo.relying_party.finish(begun, &url).await,
        _ => Err(anyhow::anyhow!(
            "this sign-in was not begun in this browser, or ended already"
        )),
    };
    match ended {
        Ok(verified) => {
            let key = random::secret();
            let mut signed_in = demo
                .signed_in
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if signed_in.len() >= MOST {
                signed_in.clear();
            }
            signed_in.insert(key.expose_secret().to_owned(), verified);
            with_cookie(
                Redirect::to("/").into_response(),
                COOKIE,
                key.expose_secret(),
            )
        }
        Err(error) => {
            let nonce = Nonce::new();
            let problem = Problem {
                title: "You are not signed in".into(),
                advice: error.to_string(),
            };
            welcome(&demo, Some(problem), &nonce)
        }
    }
}

/// Invites somebody new and sends the browser to the invitation.
async fn register(State(demo): State<Demo>, body: Bytes) -> Response {
    let username = form(&body)
        .ok()
        .and_then(|form| form.get("username").map(str::to_owned))
        .unwrap_or_default();
    let invited = invite(&demo.provider, username.trim()).await;
    let advice = match invited {
        Ok(link) => return Redirect::to(&link).into_response(),
        Err(StoreError::Exists) => {
            "Somebody has that name already. Choose another one, or sign in.".to_owned()
        }
        Err(_) if username.trim().is_empty() => "Choose a name first.".to_owned(),
        Err(error) => error.to_string(),
    };
    let nonce = Nonce::new();
    welcome(
        &demo,
        Some(Problem {
            title: "That did not work".into(),
            advice,
        }),
        &nonce,
    )
}

/// Creates a subject and an invitation for it; answers the link.
///
/// # Errors
/// [`StoreError::Exists`] where the name is taken.
pub async fn invite(provider: &Shared, username: &str) -> Result<String, StoreError> {
    let now = provider.clock.now();
    if username.is_empty()
        || username.chars().count() > 64
        || username.chars().any(char::is_control)
    {
        return Err(StoreError::Unreadable("username"));
    }
    let new = NewSubject {
        username: username.to_owned(),
        display_name: username.to_owned(),
        email: None,
    };
    let subject = provider.store.create_subject(new, now).await?;
    let token = random::secret();
    let invitation = Invitation {
        digest: random::digest(token.expose_secret()),
        subject: subject.id,
        created_by: "demonstration".into(),
        expires_at: now + Duration::seconds(provider.config.session.invitation_s.into()),
    };
    provider.store.create_invitation(&invitation, now).await?;
    Ok(format!(
        "{}/enrol/{}",
        provider.config.issuer_text(),
        token.expose_secret()
    ))
}

async fn sign_out(State(demo): State<Demo>, jar: CookieJar) -> Response {
    let signed_in = jar.get(COOKIE).and_then(|cookie| {
        demo.signed_in
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(cookie.value())
    });
    let issuer = demo.provider.config.issuer_text();
    let target = signed_in.and_then(|verified| {
        let after = format!("{}/", demo.address);
        let query = [
            ("id_token_hint", verified.id_token_text.as_str()),
            ("post_logout_redirect_uri", &after),
        ];
        Url::parse_with_params(&format!("{issuer}/end_session"), query).ok()
    });
    match target {
        Some(target) => Redirect::to(target.as_str()).into_response(),
        None => Redirect::to("/").into_response(),
    }
}

fn claims(claims: &Map<String, Value>) -> Vec<Claim> {
    let claim = |(name, value): (&String, &Value)| Claim {
        name: name.clone(),
        value: match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        meaning: meaning(name),
    };
    claims.iter().map(claim).collect()
}

/// What a claim means, where that is known.
fn meaning(claim: &str) -> String {
    let known = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "amr",
        "nonce",
        "sid",
        "at_hash",
        "preferred_username",
        "name",
    ];
    match known.contains(&claim) {
        true => speech::language().say(&format!("claim-{claim}")),
        false => String::new(),
    }
}

fn with_cookie(mut response: Response, name: &'static str, value: &str) -> Response {
    let mut cookie = Cookie::new(name, value.to_owned());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

const COOKIE: &str = "demonstration_session";
const WAITING: &str = "demonstration_waiting";
/// It runs for one person at a time; beyond this, somebody plays.
const MOST: usize = 1_000;
