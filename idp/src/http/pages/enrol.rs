//! The pages of an enrolment, all under `/enrol`: from an opened invitation to the last recovery code.
//!
//! The enrolment session's cookie says whose they are.

use askama::Template;

use super::{Frame, PHRASES, QrCode};

/// An invitation was opened: `POST begin` with `token`, so that a mere look at the link spends nothing.
#[derive(Template)]
#[template(path = "enrol/welcome.html")]
pub struct Welcome {
    pub frame: Frame,
    pub username: String,
    /// The invitation's token, posted back.
    pub token: String,
    /// Until when the invitation is good, as text.
    pub expires: String,
}

/// Where a factor is set up: after an invitation, or by somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Enrolment,
    Portal,
}

impl Place {
    fn action(self, factor: &str) -> String {
        match self {
            Self::Enrolment => format!("/enrol/{factor}"),
            Self::Portal => format!("/me/factors/add?factor={factor}"),
        }
    }

    /// The key of what leads back to it.
    fn back(self) -> &'static str {
        match self {
            Self::Enrolment => "setup-back",
            Self::Portal => "me-back",
        }
    }

    fn overview(self) -> &'static str {
        match self {
            Self::Enrolment => "/enrol",
            Self::Portal => "/me",
        }
    }
}

/// The list of what is and can be set up; `POST finish` once nothing is missing.
#[derive(Template)]
#[template(path = "enrol/overview.html")]
pub struct Overview {
    pub frame: Frame,
    pub username: String,
    pub items: Vec<EnrolItem>,
    /// A sentence that says what is missing; `None` when the requirement is satisfied.
    pub still_needed: Option<String>,
}

/// One line of the list. `kind` is the name of the icon, `href` the page that sets it up.
#[derive(Clone, Debug)]
pub struct EnrolItem {
    pub kind: String,
    pub title: String,
    pub hint: String,
    pub state: EnrolState,
    pub href: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolState {
    Missing,
    Optional,
    Done,
}

impl EnrolState {
    /// The key of the word for it.
    fn key(self) -> &'static str {
        match self {
            Self::Missing => "setup-missing",
            Self::Optional => "setup-optional",
            Self::Done => "setup-done",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Optional => "optional",
            Self::Done => "done",
        }
    }
}

/// The consent to biometrics: `POST consent` with `version` and `decision` = `grant` or `decline`.
#[derive(Template)]
#[template(path = "enrol/biometric_consent.html")]
pub struct BiometricConsent {
    pub frame: Frame,
    /// Where consent can be withdrawn later: an address or a name.
    pub contact: String,
    /// Whether consent stands already: the page then offers its withdrawal.
    pub granted: bool,
}

impl BiometricConsent {
    /// The version of the wording in the template. Change it with the wording: a consent is to a text.
    pub const VERSION: &'static str = "2026-11-21";

    fn version(&self) -> &'static str {
        Self::VERSION
    }
}

/// `POST password` with `password` and `password_again`.
#[derive(Template)]
#[template(path = "enrol/password.html")]
pub struct SetPassword {
    pub frame: Frame,
    pub place: Place,
    pub username: String,
    /// The least number of characters.
    pub minimum: usize,
}

/// `POST totp` with `otp`.
#[derive(Template)]
#[template(path = "enrol/totp.html")]
pub struct Totp {
    pub frame: Frame,
    pub place: Place,
    pub username: String,
    /// The `otpauth:` address as a QR code.
    pub qr: QrCode,
    /// The secret in base32, for typing.
    pub secret: String,
}

impl Totp {
    /// The secret in groups of four, as one reads it aloud.
    fn groups(&self) -> Vec<String> {
        let letters: Vec<char> = self.secret.chars().collect();
        letters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect()
    }
}

/// `POST passkey` with `credential` and `label`.
#[derive(Template)]
#[template(path = "enrol/passkey.html")]
pub struct Passkey {
    pub frame: Frame,
    pub place: Place,
    /// `PublicKeyCredentialCreationOptions` as JSON.
    pub options: String,
    /// A proposed label, such as "Phone".
    pub label: String,
}

/// Live capture: frames to `face/socket` or `POST face/frame`, then `POST face` with `nonce`; in the demonstration also
/// `POST face/upload` with one to five files `sample`.
#[derive(Template)]
#[template(path = "enrol/face.html")]
pub struct Face {
    pub frame: Frame,
    /// The nonce of this capture.
    pub capture: String,
}

impl Face {
    fn base(&self) -> &'static str {
        "/enrol/face"
    }

    fn phrases(&self) -> [&'static str; 28] {
        PHRASES
    }

    fn mode(&self) -> &'static str {
        "enrol"
    }

    /// Where somebody goes who will not be filmed: to the overview of what can be set up.
    fn elsewhere(&self) -> &'static str {
        "/enrol"
    }

    fn elsewhere_method(&self) -> &'static str {
        "get"
    }
}

/// `POST fingerprint` with one to five files `sample`, in the demonstration only.
#[derive(Template)]
#[template(path = "enrol/fingerprint.html")]
pub struct Fingerprint {
    pub frame: Frame,
}

/// The recovery codes, shown once: `POST recovery_code` with `saved` = `yes`.
#[derive(Template)]
#[template(path = "enrol/recovery_codes.html")]
pub struct RecoveryCodes {
    pub frame: Frame,
    pub place: Place,
    pub username: String,
    pub codes: Vec<String>,
}

/// Everything is set up.
#[derive(Template)]
#[template(path = "enrol/done.html")]
pub struct Done {
    pub frame: Frame,
    pub username: String,
    /// Where to go on to, where the invitation says.
    pub continue_to: Option<String>,
}
