//! What the discovery document says about tokens beyond OIDC Discovery, and the metadata of our own protected
//! resource (RFC 9728).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{JweAlg, JweEnc, JwsAlg};
use super::dpop;
use super::provider::{Issuer, Provider};
use super::resource::USERINFO;

/// The introspection endpoint, below the issuer.
pub const INTROSPECTION: &str = "/introspect";
/// The device authorization endpoint, below the issuer.
pub const DEVICE_AUTHORIZATION: &str = "/device_authorization";
/// The backchannel authentication endpoint, below the issuer.
pub const BACKCHANNEL_AUTHENTICATION: &str = "/bc-authorize";

/// What the discovery document has about tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMetadata {
    /// RFC 8414 §2.
    pub introspection_endpoint: String,
    /// RFC 9701 §7.
    pub introspection_signing_alg_values_supported: Vec<JwsAlg>,
    /// RFC 9701 §7.
    pub introspection_encryption_alg_values_supported: Vec<JweAlg>,
    /// RFC 9701 §7.
    pub introspection_encryption_enc_values_supported: Vec<JweEnc>,
    /// RFC 9449 §5.1.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// RFC 8628 §4.
    pub device_authorization_endpoint: String,
    /// CIBA Core §4.
    pub backchannel_authentication_endpoint: String,
    /// CIBA Core §4.
    pub backchannel_token_delivery_modes_supported: Vec<String>,
    /// CIBA Core §4.
    pub backchannel_user_code_parameter_supported: bool,
    /// CIBA Core §4.
    pub backchannel_authentication_request_signing_alg_values_supported: Vec<JwsAlg>,
    /// RFC 9396 §10; left out where there are none (RFC 8414 §3.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// RFC 9728 §4.
    pub protected_resources: Vec<String>,
}

impl TokenMetadata {
    /// What this provider says.
    pub fn of(provider: &Provider) -> Self {
        let issuer = &provider.issuer;
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let types = provider.detail_types.0.iter();
        let resources = provider.resources.0.iter();
        Self {
            introspection_endpoint: issuer.endpoint(INTROSPECTION),
            introspection_signing_alg_values_supported: provider.client_algs().collect(),
            introspection_encryption_alg_values_supported: JweAlg::ALL.to_vec(),
            introspection_encryption_enc_values_supported: JweEnc::ALL.to_vec(),
            dpop_signing_alg_values_supported: owned(&dpop::ALGS),
            device_authorization_endpoint: issuer.endpoint(DEVICE_AUTHORIZATION),
            backchannel_authentication_endpoint: issuer.endpoint(BACKCHANNEL_AUTHENTICATION),
            backchannel_token_delivery_modes_supported: owned(&["poll", "ping"]),
            backchannel_user_code_parameter_supported: false,
            backchannel_authentication_request_signing_alg_values_supported: JwsAlg::ASYMMETRIC
                .to_vec(),
            authorization_details_types_supported: types.map(|it| it.name.clone()).collect(),
            protected_resources: std::iter::once(issuer.endpoint(USERINFO))
                .chain(resources.map(|it| it.uri.as_str().to_owned()))
                .collect(),
        }
    }
}

/// The metadata of our own protected resource, asked for under this identifier: the issuer's, or userinfo's
/// (RFC 9728 §2, §3.3).
pub fn protected_resource(issuer: &Issuer, path: &str) -> Value {
    json!({
        "resource": issuer.endpoint(path),
        "authorization_servers": [issuer],
        "jwks_uri": issuer.endpoint("/jwks"),
        "scopes_supported": ["openid", "profile", "email"],
        "bearer_methods_supported": ["header", "body"],
        "resource_name": "Userinfo",
        "dpop_signing_alg_values_supported": dpop::ALGS,
        "dpop_bound_access_tokens_required": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::provider;

    #[test]
    fn what_is_said_about_tokens() {
        let said = serde_json::to_value(TokenMetadata::of(&provider())).unwrap();
        for (name, expected) in [
            (
                "introspection_endpoint",
                json!("https://id.example/introspect"),
            ),
            (
                "device_authorization_endpoint",
                json!("https://id.example/device_authorization"),
            ),
            (
                "backchannel_authentication_endpoint",
                json!("https://id.example/bc-authorize"),
            ),
            (
                "dpop_signing_alg_values_supported",
                json!(["ES256", "EdDSA", "PS256"]),
            ),
            (
                "backchannel_token_delivery_modes_supported",
                json!(["poll", "ping"]),
            ),
            (
                "protected_resources",
                json!(["https://id.example/userinfo"]),
            ),
        ] {
            assert_eq!(said.get(name), Some(&expected), "{name}");
        }
    }

    #[test]
    fn the_resource_is_the_one_that_was_asked_for() {
        let issuer = provider().issuer;
        let said = protected_resource(&issuer, "/userinfo");
        assert_eq!(said["resource"], "https://id.example/userinfo");
        assert_eq!(
            protected_resource(&issuer, "")["resource"],
            "https://id.example"
        );
    }
}
