//! What a client registered for backchannel authentication (CIBA Core §4).

use super::web_uri::WebUri;
use serde::{Deserialize, Serialize};

use super::algorithms::JwsAlg;
use super::registered::registered;

registered! {
    /// How the client learns that its request is answered; `push` is not served.
    pub enum TokenDelivery {
        /// It asks again and again.
        Poll = "poll",
        /// It is called, and then asks.
        Ping = "ping",
    }
}

/// A client's backchannel authentication settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CibaSettings {
    /// `backchannel_token_delivery_mode`.
    pub delivery: TokenDelivery,
    /// `backchannel_client_notification_endpoint`: there for ping.
    #[serde(default)]
    pub notification_endpoint: Option<WebUri>,
    /// `backchannel_authentication_request_signing_alg`: requests must be signed with it.
    #[serde(default)]
    pub request_alg: Option<JwsAlg>,
    /// `backchannel_user_code_parameter`.
    #[serde(default)]
    pub user_code: bool,
}
