//! A subject: a person with a password, an authenticator app and recovery codes, who can enrol and sign in by forms.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use tokio::time::sleep;
use totp_rs::{Builder, Secret};
use url::Url;

use crate::person::{Arrival, Page, Person};

/// What a person knows and has.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// What it types to identify.
    pub username: String,
    /// What it knows.
    pub password: String,
    /// What its authenticator app was given, in base32.
    pub totp_secret: String,
    /// What it keeps with its papers.
    pub recovery_codes: Vec<String>,
    last_step: u64,
}

impl Subject {
    /// Enrols from an invitation, by forms alone: password, authenticator app, recovery codes.
    pub async fn enrol(person: &Person, username: &str, invitation: &str) -> anyhow::Result<Self> {
        let welcome = person.open(invitation).await?.page()?;
        let overview = person.submit(welcome.form_with("token")?).await?.page()?;
        let (subject, done) = Self::set_up(person, username, &overview).await?;
        ensure!(done.status.is_success(), "{done}");
        Ok(subject)
    }

    /// Sets up what to sign in with, from the page that says what is needed; answers the last page as well.
    pub async fn set_up(
        person: &Person,
        username: &str,
        overview: &Page,
    ) -> anyhow::Result<(Self, Page)> {
        let mut subject = Self {
            username: username.to_owned(),
            password: format!("correct horse battery {username}"),
            ..Self::default()
        };
        ensure!(overview.url.path() == "/enrol", "{overview}");

        let page = person
            .open(overview.url.join("/enrol/password")?)
            .await?
            .page()?;
        let form = page.form_with("password_again")?;
        let form = form
            .fill("password", &subject.password)
            .fill("password_again", &subject.password);
        back_at_overview(person.submit(form).await?)?;

        let page = person
            .open(overview.url.join("/enrol/totp")?)
            .await?
            .page()?;
        subject.totp_secret = page
            .attribute("#secret", "data-plain")
            .context("no secret")?;
        let otp = subject.otp().await?;
        back_at_overview(
            person
                .submit(page.form_with("otp")?.fill("otp", &otp))
                .await?,
        )?;

        let page = person
            .open(overview.url.join("/enrol/recovery_code")?)
            .await?
            .page()?;
        subject.recovery_codes = page.texts("#codes code");
        ensure!(!subject.recovery_codes.is_empty(), "no codes: {page}");
        let saved = form_to(&page, "/enrol/recovery_code")?.fill("saved", "yes");
        let overview = back_at_overview(person.submit(saved).await?)?;

        let done = person
            .submit(form_to(&overview, "/enrol/finish")?)
            .await?
            .page()?;
        Ok((subject, done))
    }

    /// Somebody who has a password and recovery codes, set up elsewhere.
    #[must_use]
    pub fn with_codes(username: &str, password: &str, recovery_codes: Vec<String>) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            recovery_codes,
            ..Self::default()
        }
    }

    /// The same knowledge under another name.
    #[must_use]
    pub fn called(&self, username: &str) -> Self {
        Self {
            username: username.to_owned(),
            ..self.clone()
        }
    }

    /// Signs in by forms with password and one-time password, allows what is asked, and arrives at the application.
    pub async fn sign_in(&mut self, person: &Person, authorize: &Url) -> anyhow::Result<Url> {
        let page = person.open(authorize).await?.page()?;
        let page = self.give_password(person, page).await?;
        let otp = self.otp().await?;
        let arrival = person
            .submit(page.form_with("otp")?.fill("otp", &otp))
            .await?;
        allow(person, arrival).await
    }

    /// Signs in with password and a recovery code: as often as there are codes, without waiting for the clock.
    pub async fn sign_in_with_recovery_code(
        &mut self,
        person: &Person,
        authorize: &Url,
    ) -> anyhow::Result<Url> {
        let page = person.open(authorize).await?.page()?;
        let mut page = self.give_password(person, page).await?;
        if page.form_with("recovery_code").is_err() {
            let other = form_to(&page, "/choose")?.fill("factor", "recovery_code");
            page = person.submit(other).await?.page()?;
        }
        let code = self
            .recovery_codes
            .pop()
            .context("no recovery code is left")?;
        let form = page
            .form_with("recovery_code")?
            .fill("recovery_code", &code);
        let arrival = person.submit(form).await?;
        allow(person, arrival).await
    }

    /// Proves who it is on a login's first page, with password and a recovery code, and allows what is asked: the page
    /// at the end, where no application waits for the browser.
    pub async fn prove(&mut self, person: &Person, first: Page) -> anyhow::Result<Page> {
        let mut page = self.give_password(person, first).await?;
        if page.form_with("recovery_code").is_err() {
            let other = form_to(&page, "/choose")?.fill("factor", "recovery_code");
            page = person.submit(other).await?.page()?;
        }
        let code = self.recovery_codes.pop();
        let code = code.context("no recovery code is left")?;
        let form = page
            .form_with("recovery_code")?
            .fill("recovery_code", &code);
        let page = person.submit(form).await?.page()?;
        consent(person, page).await
    }

    /// Identifies, and gives the password: the page that comes next.
    pub async fn give_password(&self, person: &Person, page: Page) -> anyhow::Result<Page> {
        let page = self.identify(person, page).await?;
        let form = page.form_with("password")?.fill("password", &self.password);
        person.submit(form).await?.page()
    }

    /// Identifies: the page that asks for the password.
    pub async fn identify(&self, person: &Person, page: Page) -> anyhow::Result<Page> {
        let form = page.form_with("username")?.fill("username", &self.username);
        let mut page = person.submit(form).await?.page()?;
        if page.form_with("password").is_err() {
            page = person
                .submit(form_to(&page, "/choose")?.fill("factor", "password"))
                .await?
                .page()?;
        }
        Ok(page)
    }

    /// The one-time password of a step that was not used yet; waits for the clock where each of the window was.
    pub async fn otp(&mut self) -> anyhow::Result<String> {
        let secret = Secret::try_from_base32(&self.totp_secret)
            .map_err(|e| anyhow::anyhow!("the secret: {e:?}"))?;
        let generator = Builder::new().with_secret(secret).build_noncompliant();
        loop {
            let now = unix_time();
            // The server takes one step either way. Near the end of a step its clock may be in the next already.
            let (step, is_late) = (now / STEP, now % STEP >= STEP - MARGIN);
            let next = (step - 1).max(self.last_step + 1);
            if next <= step + 1 && !is_late {
                self.last_step = next;
                return Ok(generator.generate(next * STEP).to_string());
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Allows what a consent page asks, where this is one: the page after it.
pub async fn consent(person: &Person, page: Page) -> anyhow::Result<Page> {
    match form_to(&page, "/consent") {
        Ok(form) => person.submit(form.fill("decision", "allow")).await?.page(),
        Err(_) => Ok(page),
    }
}

/// Allows what a consent page asks, where there is one, and arrives at the application.
pub async fn allow(person: &Person, arrival: Arrival) -> anyhow::Result<Url> {
    match arrival {
        Arrival::Elsewhere(url) => Ok(url),
        Arrival::Page(page) => {
            let form = form_to(&page, "/consent")?.fill("decision", "allow");
            person.submit(form).await?.elsewhere()
        }
    }
}

/// The form of a page whose address ends so.
pub fn form_to(page: &Page, action: &str) -> anyhow::Result<crate::person::Form> {
    let forms = page.forms();
    let found = forms
        .into_iter()
        .find(|form| form.action().path().ends_with(action));
    found.with_context(|| format!("no form to {action} in {page}"))
}

fn back_at_overview(arrival: Arrival) -> anyhow::Result<Page> {
    let page = arrival.page()?;
    ensure!(
        page.url.path() == "/enrol" && page.status.is_success(),
        "not accepted: {page}"
    );
    Ok(page)
}

/// Seconds since 1970: an authenticator app goes by the clock of its device.
#[allow(clippy::disallowed_methods)]
pub fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Seconds of a step (RFC 6238 §4.1).
const STEP: u64 = 30;

/// Seconds before the end of a step in which no password is made.
const MARGIN: u64 = 4;
