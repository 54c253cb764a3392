//! What a client wants to hear of a logout (OpenID Connect Front-Channel Logout §2, Back-Channel Logout §2.2).

use super::web_uri::WebUri;
use serde::{Deserialize, Serialize};

/// A client's logout endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogoutSettings {
    /// Shown in a frame of the logout page.
    pub frontchannel_logout_uri: Option<WebUri>,
    /// Whether that frame's URI carries `iss` and `sid`.
    pub frontchannel_logout_session_required: bool,
    /// Where a logout token is posted.
    pub backchannel_logout_uri: Option<WebUri>,
    /// Whether the logout token must carry `sid`.
    pub backchannel_logout_session_required: bool,
}
