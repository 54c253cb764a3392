//! Grant types that a client may use (RFC 7591 §2), and response types as registered values beside them.

use super::registered::{Registered, registered};
use crate::oidc::response_type::ResponseType;

registered! {
    /// A grant that a client may use (RFC 7591 §2).
    pub enum GrantType {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
        /// Tokens from the authorization endpoint (OIDC Core §3.2, §3.3).
        Implicit = "implicit",
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
        /// RFC 8628.
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// CIBA Core §4.
        Ciba = "urn:openid:params:grant-type:ciba",
        /// RFC 8693.
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
        /// RFC 7523 §2.1.
        JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer",
    }
}

impl Registered for ResponseType {
    const KNOWN: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }

    fn named(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}
