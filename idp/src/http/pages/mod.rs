//! The pages that a person sees: one view struct a page, rendered from a template of the same name.
//!
//! A view holds plain text only. Every field is escaped where the template writes it (no template
//! uses `safe`), so that a client name or a login hint with markup stays text. Pages carry no inline
//! style or script and work under a strict Content-Security-Policy; see [`content_security_policy`].

use askama::Template;

use super::{assets, speech};
use crate::words::Language;

pub mod demo;
pub mod elsewhere;
pub mod enrol;
pub mod general;
pub mod login;
pub mod me;
pub mod phone;
mod qr;

pub use qr::{QrCode, QrTooLong};

/// What every page shows around its own content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The nonce of this response's Content-Security-Policy; new for every response.
    pub nonce: String,
    /// The name in the header and the window title.
    pub product: &'static str,
    /// The relying party that the person came from, where there is one.
    pub client_name: Option<String>,
    /// What went wrong with the step that was just tried.
    pub problem: Option<Problem>,
    /// Why somebody who is signed in is asked for something.
    pub raise: Option<String>,
    /// What the page speaks.
    pub language: Language,
    /// The page's own address, to which the choice of another language leads back; none where it cannot be shown again.
    pub here: Option<String>,
    /// Whether this is the demonstration: a banner says so, and uploads of samples are offered.
    pub demo: bool,
    /// Where the browser is asked for keys that it was given.
    pub device: Option<DeviceAsk>,
}

/// What a browser's keys are to sign.
#[derive(Clone, Debug)]
pub struct DeviceAsk {
    pub attempt: String,
    /// Empty where it was asked before.
    pub nonce: String,
    /// Whether one may be given to it.
    pub is_offered: bool,
}

impl Frame {
    /// A frame with nothing but its nonce.
    pub fn new(nonce: impl Into<String>) -> Self {
        Self {
            nonce: nonce.into(),
            product: PRODUCT,
            client_name: None,
            problem: None,
            raise: None,
            language: speech::language(),
            here: speech::here(),
            demo: false,
            device: None,
        }
    }

    /// Whether the browser may be given a key.
    fn offers_trust(&self) -> bool {
        self.device.as_ref().is_some_and(|device| device.is_offered)
    }

    /// What the page says for a key.
    fn say(&self, key: &str) -> String {
        self.language.say(key)
    }

    /// The same, with what stands for a name in it.
    fn say_of(&self, key: &str, name: &str, value: &str) -> String {
        self.language.say_of(key, name, value)
    }

    /// What the camera's module says under a name: its own phrases, and the server's guidance after `say-`.
    fn say_phrase(&self, name: &str) -> String {
        match name.starts_with("say-") {
            true => self.say(name),
            false => self.say(&format!("phrase-{name}")),
        }
    }

    /// The languages that there are to choose from.
    fn languages(&self) -> [Language; 7] {
        Language::ALL
    }

    /// What it says before and after what stands for a name.
    fn around(&self, key: &str, name: &str) -> (String, String) {
        self.language.around(key, name)
    }

    /// The address of an asset, which changes whenever its content does, so that it can be cached for good.
    fn asset(&self, name: &str) -> String {
        assets::path(name)
    }
}

/// What went wrong, and what the person can do about it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub title: String,
    pub advice: String,
}

/// Renders a view to HTML.
pub fn page(view: &impl Template) -> String {
    view.render().expect(
        "invariant: a view writes only strings and numbers into a String, which cannot fail",
    )
}

/// The policy that the pages are written for. `form_targets` are the further sources that a form of
/// this response may end up at, where the answer to the form is a redirect to an application.
pub fn content_security_policy(nonce: &str, form_targets: &[&str]) -> String {
    let mut form_action = String::from("'self'");
    for target in form_targets {
        form_action.push(' ');
        form_action.push_str(target);
    }
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// All that the camera's module says.
const PHRASES: [&str; 28] = [
    "opening",
    "ready",
    "paused",
    "covered",
    "busy",
    "network",
    "done",
    "aloud",
    "say-no_face",
    "say-one_person_only",
    "say-come_closer",
    "say-move_back",
    "say-centre",
    "say-turn_to_light",
    "say-too_bright",
    "say-look_straight",
    "say-hold_still",
    "say-show_whole_face",
    "say-ready",
    "say-turn_left",
    "say-turn_right",
    "say-look_up",
    "say-blink",
    "say-follow",
    "say-between",
    "say-again_late",
    "say-again_early",
    "say-again",
];

const PRODUCT: &str = "Whorl";

#[cfg(test)]
mod tests;
