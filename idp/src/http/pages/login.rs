//! The pages of a login attempt, all under `/login/{attempt}`: who, which factor, the factor, consent.
//!
//! `username` is what the person typed, shown back; `other_ways` says whether another factor can be chosen.

use askama::Template;

use super::elsewhere::DetailBlock;
use super::{Frame, PHRASES};

/// Asks who signs in: `POST identify` with `username`, or `POST passkey` with `credential`.
#[derive(Template)]
#[template(path = "login/identify.html")]
pub struct Identify {
    pub frame: Frame,
    pub attempt: String,
    /// Filled in already: the login hint, or what was typed before.
    pub username: String,
    /// `PublicKeyCredentialRequestOptions` as JSON for a discoverable passkey, where passkeys are on.
    pub passkey: Option<String>,
}

/// Says where to register, which the client asked for, or that this takes an invitation: `POST registered` goes on.
#[derive(Template)]
#[template(path = "login/register.html")]
pub struct Register {
    pub frame: Frame,
    pub attempt: String,
    /// Where people register themselves, where they may.
    pub address: Option<String>,
    /// Whether they do so here: `POST register` with `username`.
    pub open: bool,
}

/// Asks which account: `POST account` with `account` = `same` or `another`.
#[derive(Template)]
#[template(path = "login/select_account.html")]
pub struct SelectAccount {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
}

/// Offers the factors: `POST choose` with `factor`.
#[derive(Template)]
#[template(path = "login/choose.html")]
pub struct Choose {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    pub choices: Vec<FactorChoice>,
    /// Whether a recovery code can stand for a device that is lost.
    pub codes: bool,
    /// Where whoever has none can turn to.
    pub help: Option<String>,
}

/// One factor that can be chosen. `kind` is the value posted and the name of the icon.
#[derive(Clone, Debug)]
pub struct FactorChoice {
    pub kind: String,
    pub title: String,
    pub hint: String,
}

/// `POST password` with `password`, and where logins are scored `rhythm` and `trip`.
#[derive(Template)]
#[template(path = "login/password.html")]
pub struct Password {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    pub other_ways: bool,
    /// Whether the name can be given anew: it may have been mistyped.
    pub not_you: bool,
    /// Whether the page counts how it is filled in.
    pub rhythm: bool,
}

/// `POST device`, which the page does by itself.
#[derive(Template)]
#[template(path = "login/recognise.html")]
pub struct Recognise {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
}

/// `POST totp` with `otp`. Another way is always offered, for an app may be lost.
#[derive(Template)]
#[template(path = "login/totp.html")]
pub struct Totp {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
}

/// `POST recovery_code` with `recovery_code`.
#[derive(Template)]
#[template(path = "login/recovery_code.html")]
pub struct RecoveryCode {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    pub other_ways: bool,
}

/// `POST passkey` with `credential`. Another way is always offered, for a device may be lost.
#[derive(Template)]
#[template(path = "login/passkey.html")]
pub struct Passkey {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    /// `PublicKeyCredentialRequestOptions` as JSON.
    pub options: String,
}

/// Live capture: frames to `face/socket` or `POST face/frame`, then `POST face` with `nonce`; in the demonstration also
/// `POST face/upload` with the file `sample`. Another way is always offered.
#[derive(Template)]
#[template(path = "login/face.html")]
pub struct Face {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    /// The nonce of this capture.
    pub capture: String,
    /// Whether a phone may do it: `POST phone`.
    pub phone: bool,
}

impl Face {
    fn base(&self) -> String {
        format!("/login/{}/face", self.attempt)
    }

    fn phrases(&self) -> [&'static str; 28] {
        PHRASES
    }

    fn mode(&self) -> &'static str {
        "login"
    }

    /// Where somebody goes who will not be filmed: to the list of ways.
    fn elsewhere(&self) -> String {
        format!("/login/{}/choose", self.attempt)
    }

    fn elsewhere_method(&self) -> &'static str {
        "post"
    }
}

/// `POST fingerprint` with the file `sample`, in the demonstration only.
#[derive(Template)]
#[template(path = "login/fingerprint.html")]
pub struct Fingerprint {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
}

/// Asks whether the client may have what it asked for: `POST consent` with `decision` = `allow` or `deny`.
#[derive(Template)]
#[template(path = "login/consent.html")]
pub struct Consent {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    pub scopes: Vec<ScopeLine>,
    pub details: Vec<DetailBlock>,
}

impl Consent {
    fn question(&self) -> String {
        let name = self.frame.client_name.clone();
        let name = name.unwrap_or_else(|| self.frame.say("consent-application"));
        self.frame.say_of("consent-heading", "client", &name)
    }
}

/// One scope that the client asks for, and what it means in a sentence ("See your name and picture").
#[derive(Clone, Debug)]
pub struct ScopeLine {
    pub name: String,
    pub sentence: String,
}
