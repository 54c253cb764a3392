//! The pages of a hand-over: one at the desk, where the code is shown, and those on the phone.

use askama::Template;

use super::{Frame, PHRASES, QrCode};

/// At the desk: the code for the phone, the number that it asks for, and how far it is. `POST` to the same address makes a
/// new code.
#[derive(Template)]
#[template(path = "phone/desk.html")]
pub struct Desk {
    pub frame: Frame,
    pub attempt: String,
    pub username: String,
    pub stands: Stands,
    /// Two digits.
    pub number: String,
}

/// How far a hand-over is, as the desk shows it.
pub enum Stands {
    /// The link, as a picture.
    Waiting(QrCode),
    Opened,
    Confirmed,
    Ended,
}

impl Desk {
    /// What the page tells its module, which waits for another word.
    fn state(&self) -> &'static str {
        match self.stands {
            Stands::Waiting(_) => "waiting",
            Stands::Opened => "opened",
            Stands::Confirmed => "confirmed",
            Stands::Ended => "ended",
        }
    }
}

/// On the phone: what is asked, from where, and for the number: `POST /phone/number` with `number`, or `POST /phone/stop`.
#[derive(Template)]
#[template(path = "phone/ask.html")]
pub struct Ask {
    pub frame: Frame,
    /// Empty where the page is one of our own.
    pub client: String,
    pub place: String,
    pub device: String,
    /// When it was asked, in words.
    pub asked: String,
}

/// On the phone: the capture, as at the desk.
#[derive(Template)]
#[template(path = "phone/face.html")]
pub struct Face {
    pub frame: Frame,
    pub username: String,
    /// The nonce of this capture.
    pub capture: String,
}

impl Face {
    fn base(&self) -> &'static str {
        "/phone/face"
    }

    fn phrases(&self) -> [&'static str; 28] {
        PHRASES
    }

    fn mode(&self) -> &'static str {
        "login"
    }

    /// Somebody who will not be filmed goes on at the desk.
    fn elsewhere(&self) -> &'static str {
        "/phone/stop"
    }

    fn elsewhere_method(&self) -> &'static str {
        "post"
    }
}

/// On the phone: nothing more to do.
#[derive(Template)]
#[template(path = "phone/end.html")]
pub struct End {
    pub frame: Frame,
    pub title: String,
    pub text: String,
}
