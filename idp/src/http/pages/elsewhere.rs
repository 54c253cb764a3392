//! Pages where a person answers for a device or a client that waits elsewhere.

use askama::Template;

use super::Frame;
use super::login::ScopeLine;

/// Asks for the code that a device shows: `POST /device` with `user_code`.
#[derive(Template)]
#[template(path = "elsewhere/device_code.html")]
pub struct DeviceCode {
    pub frame: Frame,
    /// Filled in already, where the address had it.
    pub user_code: String,
}

/// Shows what waits under a code: `POST /device/answer` with `user_code` and `decision` = `continue` or `deny`.
#[derive(Template)]
#[template(path = "elsewhere/device_confirm.html")]
pub struct DeviceConfirm {
    pub frame: Frame,
    pub user_code: String,
    pub client: String,
    /// The address that the device asked from.
    pub place: String,
    /// When, in words.
    pub asked: String,
    pub scopes: Vec<ScopeLine>,
}

/// What waits for the signed-in person: `POST /me/requests/{id}` with `decision` = `approve` or `deny`.
#[derive(Template)]
#[template(path = "elsewhere/requests.html")]
pub struct Requests {
    pub frame: Frame,
    pub username: String,
    pub requests: Vec<Request>,
    /// Whether the number has to be typed, and not only compared.
    pub number_typed: bool,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: String,
    pub client: String,
    pub message: Option<String>,
    pub number: String,
    pub place: String,
    pub asked: String,
    /// How long it can be answered, in words.
    pub remaining: String,
    pub scopes: Vec<ScopeLine>,
    pub details: Vec<DetailBlock>,
}

/// What is asked for in detail: a sentence, and names with values.
#[derive(Clone, Debug)]
pub struct DetailBlock {
    pub sentence: String,
    pub members: Vec<(String, String)>,
}

/// Lets a signed-in person add a face: `POST /me/face`.
#[derive(Template)]
#[template(path = "elsewhere/add_factor.html")]
pub struct AddFactor {
    pub frame: Frame,
    pub username: String,
    /// Since when there is one, which the new one replaces.
    pub since: Option<String>,
}

/// The end: nothing more to do here.
#[derive(Template)]
#[template(path = "elsewhere/answered.html")]
pub struct Answered {
    pub frame: Frame,
    pub title: String,
    pub text: String,
}
