//! The pages of a person's own account, all under `/me`.

use askama::Template;

use super::Frame;
use super::login::ScopeLine;
use crate::words::Language;

/// Everything at a glance, each part with what can be done about it.
#[derive(Template)]
#[template(path = "me/home.html")]
pub struct Home {
    pub frame: Frame,
    pub username: String,
    /// What was just done.
    pub said: Option<String>,
    /// Whether the person got here with a recovery code.
    pub by_code: bool,
    pub factors: Vec<FactorLine>,
    /// How many requests of clients wait.
    pub requests: usize,
    pub sessions: Vec<SessionLine>,
    pub browsers: Vec<BrowserLine>,
    pub applications: Vec<ApplicationLine>,
    pub biometrics: Biometrics,
    pub history: Vec<HistoryLine>,
}

impl Home {
    fn kept(&self) -> String {
        self.biometrics.kept_in(self.frame.language)
    }

    fn has_other_sessions(&self) -> bool {
        self.sessions.iter().any(|session| !session.is_this)
    }
}

/// Something to sign in with: `GET /me/factors/{id}/remove` asks whether it is to go.
#[derive(Clone, Debug)]
pub struct FactorLine {
    pub id: String,
    /// The name of the icon.
    pub kind: String,
    pub title: String,
    /// What its holder calls it, or what else tells it from others.
    pub label: Option<String>,
    /// Of a passkey, the words for where copies of it may be.
    pub backup: Option<&'static str>,
    pub added: Moment,
    pub used: Option<Moment>,
}

/// A point in time, for machines and for people.
#[derive(Clone, Debug)]
pub struct Moment {
    pub machine: String,
    pub text: String,
}

/// A browser that is signed in: `POST /me/sessions/end` with `sid`.
#[derive(Clone, Debug)]
pub struct SessionLine {
    pub sid: String,
    pub device: String,
    pub since: Moment,
    pub is_this: bool,
}

/// A browser that is known again: `POST /me/devices/forget` with `id`.
#[derive(Clone, Debug)]
pub struct BrowserLine {
    pub id: String,
    pub device: String,
    pub since: Moment,
    pub used: Option<Moment>,
    pub until: Moment,
}

/// A client that was signed in to: `POST /me/applications/withdraw` with `client`.
#[derive(Clone, Debug)]
pub struct ApplicationLine {
    pub client: String,
    pub name: String,
    pub scopes: Vec<ScopeLine>,
    pub since: Moment,
}

/// Where biometrics stand.
#[derive(Clone, Debug)]
pub struct Biometrics {
    /// When they were agreed to.
    pub agreed: Option<Moment>,
    /// How many faces and fingers are kept.
    pub kept: usize,
    /// Whether it is remembered how the person types.
    pub typing: bool,
}

impl Biometrics {
    /// Whether there is a face, a finger or the consent to them.
    fn is_any(&self) -> bool {
        self.agreed.is_some() || self.kept > 0
    }

    fn kept_in(&self, language: Language) -> String {
        match self.kept {
            0 => language.say("me-kept-none"),
            1 => language.say("me-kept-one"),
            more => language.say_of("me-kept-more", "count", more.to_string()),
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    pub at: Moment,
    pub text: String,
    pub place: Option<String>,
    pub reason: Option<String>,
    pub is_refusal: bool,
}

/// What happened, from the newest on.
#[derive(Template)]
#[template(path = "me/history.html")]
pub struct History {
    pub frame: Frame,
    pub username: String,
    pub lines: Vec<HistoryLine>,
    /// The address of the lines before these.
    pub older: Option<String>,
}

/// What can be added, each by its page `/me/factors/add?factor=…`.
#[derive(Template)]
#[template(path = "me/add.html")]
pub struct Add {
    pub frame: Frame,
    pub username: String,
    pub choices: Vec<AddLine>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct AddLine {
    /// The name of the icon.
    pub kind: String,
    pub title: String,
    pub hint: String,
    pub href: String,
}

/// Whether a factor is really to go: `POST /me/factors/{id}/remove`.
#[derive(Template)]
#[template(path = "me/remove.html")]
pub struct Remove {
    pub frame: Frame,
    pub username: String,
    pub factor: FactorLine,
    /// Whether nothing would be left to sign in with, so that it has to stay.
    pub is_last_way: bool,
}

/// What a lost device could have: `POST /me/lost` with a field for each that is ticked.
#[derive(Template)]
#[template(path = "me/lost.html")]
pub struct Lost {
    pub frame: Frame,
    pub username: String,
    pub factors: Vec<FactorLine>,
    pub browsers: Vec<BrowserLine>,
    /// But this one.
    pub sessions: Vec<SessionLine>,
    /// Whether there are applications that may be signed in.
    pub applications: bool,
}

impl Lost {
    fn is_empty(&self) -> bool {
        self.factors.is_empty() && self.browsers.is_empty() && self.sessions.is_empty()
    }
}

/// Whether biometrics are really to be erased: `POST /me/biometrics/erase`.
#[derive(Template)]
#[template(path = "me/erase.html")]
pub struct Erase {
    pub frame: Frame,
    pub username: String,
    pub biometrics: Biometrics,
    /// Whether nothing would be left to sign in with.
    pub is_last_way: bool,
}

impl Erase {
    fn kept(&self) -> String {
        self.biometrics.kept_in(self.frame.language)
    }
}

/// What the file holds, and the button that makes it: `POST /me/data`.
#[derive(Template)]
#[template(path = "me/data.html")]
pub struct Download {
    pub frame: Frame,
    pub username: String,
}
