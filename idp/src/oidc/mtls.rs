//! What this provider says about TLS client certificates (RFC 8705 §3.3, §5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::discovery::Endpoints;
use super::provider::Provider;
use super::token_metadata::{BACKCHANNEL_AUTHENTICATION, DEVICE_AUTHORIZATION, INTROSPECTION};

/// How clients can show certificates here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mtls {
    /// Where they reach us with one, where that is not the issuer's own address; without a slash at its end.
    pub alias: Option<String>,
    /// Whether there are authorities that may vouch for a client.
    pub has_authorities: bool,
}

/// What the discovery document has about it; nothing where certificates are not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtlsMetadata {
    /// RFC 8705 §3.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// RFC 8705 §5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls_endpoint_aliases: Option<Map<String, Value>>,
}

impl MtlsMetadata {
    /// What this provider says.
    pub fn of(provider: &Provider, endpoints: &Endpoints) -> Self {
        let Some(mtls) = &provider.mtls else {
            return Self::default();
        };
        let aliases = mtls.alias.as_ref().map(|base| {
            let served = [
                ("token_endpoint", endpoints.token),
                ("userinfo_endpoint", endpoints.userinfo),
                ("revocation_endpoint", endpoints.revocation),
                ("introspection_endpoint", INTROSPECTION),
                (
                    "pushed_authorization_request_endpoint",
                    endpoints.pushed_authorization_request,
                ),
                ("device_authorization_endpoint", DEVICE_AUTHORIZATION),
                (
                    "backchannel_authentication_endpoint",
                    BACKCHANNEL_AUTHENTICATION,
                ),
            ];
            let at = |(name, path): (&str, &str)| (name.to_owned(), format!("{base}{path}").into());
            served.into_iter().map(at).collect()
        });
        Self {
            tls_client_certificate_bound_access_tokens: Some(true),
            mtls_endpoint_aliases: aliases,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::client::TokenEndpointAuthMethod;
    use crate::oidc::client_auth::is_served;
    use crate::oidc::fixtures::provider;

    const ENDPOINTS: Endpoints = Endpoints {
        authorization: "/authorize",
        token: "/token",
        userinfo: "/userinfo",
        jwks: "/jwks",
        revocation: "/revoke",
        registration: "/register",
        end_session: "/end_session",
        pushed_authorization_request: "/par",
    };

    #[test]
    fn only_what_is_served_is_said() {
        let said = |mtls: Option<Mtls>| {
            let provider = Provider { mtls, ..provider() };
            serde_json::to_value(MtlsMetadata::of(&provider, &ENDPOINTS)).unwrap()
        };
        assert_eq!(said(None), serde_json::json!({}));
        assert_eq!(
            said(Some(Mtls::default())),
            serde_json::json!({ "tls_client_certificate_bound_access_tokens": true })
        );
        let mtls = Mtls {
            alias: Some("https://mtls.id.example".into()),
            has_authorities: true,
        };
        let elsewhere = said(Some(mtls.clone()));
        let elsewhere_provider = Provider {
            mtls: Some(mtls),
            ..provider()
        };
        let aliases = &elsewhere["mtls_endpoint_aliases"];
        assert_eq!(aliases["token_endpoint"], "https://mtls.id.example/token");
        assert_eq!(
            elsewhere_provider.urls("/token"),
            ["https://id.example/token", "https://mtls.id.example/token"]
        );
        assert_eq!(
            aliases["introspection_endpoint"],
            "https://mtls.id.example/introspect"
        );
        assert_eq!(
            aliases.get("authorization_endpoint"),
            None,
            "people go there"
        );
    }

    #[test]
    fn without_authorities_only_registered_certificates_authenticate() {
        use TokenEndpointAuthMethod::{PrivateKeyJwt, SelfSignedTlsClientAuth, TlsClientAuth};
        let served = |mtls: Option<Mtls>| {
            [TlsClientAuth, SelfSignedTlsClientAuth, PrivateKeyJwt]
                .map(|method| is_served(method, mtls.as_ref()))
        };
        let mtls = |has_authorities| Mtls {
            alias: None,
            has_authorities,
        };
        assert_eq!(served(None), [false, false, true]);
        assert_eq!(served(Some(mtls(false))), [false, true, true]);
        assert_eq!(served(Some(mtls(true))), [true, true, true]);
    }
}
