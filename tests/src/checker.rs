//! An outside checker's side of a test bed: registers clients by itself, logs people in by the names of fields alone,
//! and looks at what comes back.

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use url::Url;

use crate::{
    bed::{Bed, PASSWORD, TOTP},
    entra,
    person::{Arrival, Form, Page, Person},
};

/// Where every registered client's answers go; nobody listens there.
pub const BACK: &str = "https://localhost:1/callback";

/// A client that registered itself.
pub struct Checker<'a> {
    pub bed: &'a Bed,
    /// The client's registration, as it was answered.
    pub client: Value,
    /// The browser, with its session.
    pub person: Person,
    /// What the last login asked for, in order.
    pub asked: Vec<&'static str>,
}

/// What came back to the redirect URI.
#[derive(Debug, Clone)]
pub struct Back(pub Vec<(String, String)>);

impl Back {
    /// A parameter of the answer.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The code of a success.
    pub fn code(&self) -> anyhow::Result<&str> {
        self.get("code")
            .with_context(|| format!("no code: {self:?}"))
    }
}

impl<'a> Checker<'a> {
    /// Registers a client by RFC 7591.
    pub async fn register(bed: &'a Bed, metadata: Value) -> anyhow::Result<Self> {
        let mut whole = json!({
            "redirect_uris": [BACK], "scope": "openid profile email address phone offline_access",
        });
        for (name, value) in metadata.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        let (status, client) = registered(bed, &whole).await?;
        ensure!(status == StatusCode::CREATED, "{whole}: {status} {client}");
        Ok(Self {
            bed,
            client,
            person: Person::new(),
            asked: Vec::new(),
        })
    }

    /// The identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        self.client["client_id"].as_str().unwrap_or_default()
    }

    fn secret(&self) -> &str {
        self.client["client_secret"].as_str().unwrap_or_default()
    }

    /// An authorization request; a value of "" leaves the parameter out.
    #[must_use]
    pub fn request(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut parameters: Vec<(String, String)> = [
            ("client_id", self.id()),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
        ]
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
        for (name, value) in more {
            parameters.retain(|(n, _)| n != name);
            if !value.is_empty() {
                parameters.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        parameters
    }

    /// The request as a URL.
    #[must_use]
    pub fn url(&self, more: &[(&str, &str)]) -> Url {
        let mut url = self.bed.url("/authorize");
        url.query_pairs_mut().extend_pairs(self.request(more));
        url
    }

    /// Sends the browser with a request, fills in whatever is asked, and arrives back.
    pub async fn authorize(&mut self, more: &[(&str, &str)]) -> anyhow::Result<Back> {
        let arrival = self.person.open(self.url(more)).await?;
        self.through(arrival).await
    }

    /// From a page on, until the browser is sent back.
    pub async fn through(&mut self, arrival: Arrival) -> anyhow::Result<Back> {
        self.asked.clear();
        through(&self.person, arrival, &mut self.asked).await
    }

    /// From a page on, for as long as something is asked that the person knows; the page where nothing more is.
    pub async fn settle(&mut self, mut arrival: Arrival) -> anyhow::Result<Page> {
        self.asked.clear();
        for _ in 0..8 {
            let page = arrival.page()?;
            let Some((what, form)) = next(&page) else {
                return Ok(page);
            };
            self.asked.push(what);
            arrival = self.person.submit(form).await?;
        }
        bail!("it goes on and on")
    }

    /// Redeems a code; answers the status and the body.
    pub async fn redeem(&self, code: &str) -> anyhow::Result<(StatusCode, Value)> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
        ])
        .await
    }

    /// Asks the token endpoint, authenticated as the client registered.
    pub async fn token(&self, form: &[(&str, &str)]) -> anyhow::Result<(StatusCode, Value)> {
        let request = Client::new().post(self.bed.url("/token"));
        let posted = self.client["token_endpoint_auth_method"] == "client_secret_post";
        let request = if posted {
            let mut form = form.to_vec();
            form.extend([("client_id", self.id()), ("client_secret", self.secret())]);
            request.form(&form)
        } else {
            request
                .basic_auth(self.id(), Some(self.secret()))
                .form(form)
        };
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// A whole login: the token response, and the claims of its ID token.
    pub async fn login(&mut self, more: &[(&str, &str)]) -> anyhow::Result<(Value, Value)> {
        let back = self.authorize(more).await?;
        let (status, tokens) = self.redeem(back.code()?).await?;
        ensure!(status == StatusCode::OK, "{status} {tokens}");
        let claims = claims(tokens["id_token"].as_str().context("no ID token")?)?;
        Ok((tokens, claims))
    }

    /// Userinfo, the token in the header.
    pub async fn userinfo(&self, tokens: &Value) -> anyhow::Result<Value> {
        let token = tokens["access_token"].as_str().context("no access token")?;
        let request = Client::new()
            .get(self.bed.url("/userinfo"))
            .bearer_auth(token);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

/// From a page on, until the browser is sent back; notes what was asked for.
pub async fn through(
    person: &Person,
    mut arrival: Arrival,
    asked: &mut Vec<&'static str>,
) -> anyhow::Result<Back> {
    for _ in 0..8 {
        let page = match arrival {
            Arrival::Elsewhere(url) => return back(&url),
            Arrival::Page(page) => page,
        };
        if let Some(form) = page
            .forms()
            .into_iter()
            .find(|form| form.action().as_str().starts_with(BACK))
        {
            return Ok(Back(form.fields().to_vec()));
        }
        let (what, form) = next(&page).with_context(|| format!("nothing to do: {page}"))?;
        asked.push(what);
        arrival = person.submit(form).await?;
    }
    bail!("it goes on and on")
}

/// Registers; answers the status and the body.
pub async fn registered(bed: &Bed, metadata: &Value) -> anyhow::Result<(StatusCode, Value)> {
    let request = Client::new().post(bed.url("/register")).json(metadata);
    let answer = request.send().await?;
    Ok((answer.status(), answer.json().await?))
}

/// The claims of a JWT, not verified.
pub fn claims(token: &str) -> anyhow::Result<Value> {
    let part = token.split('.').nth(1).context("no JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// What is asked next, and the form that answers it: by the names of the fields alone.
fn next(page: &Page) -> Option<(&'static str, Form)> {
    for (name, value) in [
        ("password", PASSWORD.to_owned()),
        ("otp", otp()),
        ("username", "alice".to_owned()),
    ] {
        if let Ok(form) = page.form_with(name) {
            return Some((name, form.fill(name, &value)));
        }
    }
    let consent = page
        .forms()
        .into_iter()
        .find(|form| form.action().path().ends_with("/consent"))?;
    Some(("consent", consent.fill("decision", "allow")))
}

/// The one-time password of the moment.
fn otp() -> String {
    let secret = Secret::try_from_base32(TOTP).expect("invariant: it is base32");
    let generator = Builder::new().with_secret(secret).build_noncompliant();
    generator.generate(entra::now()).to_string()
}

fn back(url: &Url) -> anyhow::Result<Back> {
    ensure!(url.as_str().starts_with(BACK), "sent elsewhere: {url}");
    let fragment = url.fragment().unwrap_or_default();
    let pairs = url
        .query_pairs()
        .chain(url::form_urlencoded::parse(fragment.as_bytes()));
    Ok(Back(
        pairs
            .map(|(n, v)| (n.into_owned(), v.into_owned()))
            .collect(),
    ))
}
