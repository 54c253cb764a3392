//! Every rule of a registration, broken once.

use super::*;
use crate::oidc::client::WebUri;
use crate::oidc::fixtures::{confidential_client, public_client};
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::response_type::ResponseType;
use crate::oidc::scope::Scopes;

#[test]
fn a_registration_must_hold_together() {
    assert_eq!(confidential_client().check(), Ok(()));
    assert_eq!(public_client().check(), Ok(()));
    type Mutation = fn(&mut Client);
    let table: [(Mutation, ClientError); 23] = [
        (|c| c.name.clear(), ClientError::Name),
        (|c| c.name = "a\u{7}b".into(), ClientError::Name),
        (|c| c.name = "x".repeat(201), ClientError::Name),
        (|c| c.redirect_uris.clear(), ClientError::RedirectUriMissing),
        (
            |c| {
                c.redirect_uris
                    .push(RedirectUri::new("http://app.example/"))
            },
            ClientError::RedirectUri {
                index: 1,
                source: RedirectUriError::Insecure,
            },
        ),
        (
            |c| c.post_logout_redirect_uris = vec![RedirectUri::new("/x")],
            ClientError::PostLogoutRedirectUri {
                index: 0,
                source: RedirectUriError::NotAbsolute,
            },
        ),
        (|c| c.secret_digest = None, ClientError::SecretMissing),
        (
            |c| c.auth_method = TokenEndpointAuthMethod::None,
            ClientError::SecretUnexpected,
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::None;
                c.secret_digest = None;
                c.require_pkce = false;
            },
            ClientError::PublicWithoutPkce,
        ),
        (
            |c| {
                c.grant_types.remove(&GrantType::AuthorizationCode);
            },
            ClientError::ResponseTypes,
        ),
        (
            |c| {
                c.grant_types.remove(&GrantType::AuthorizationCode);
                c.response_types.clear();
            },
            ClientError::GrantTypes,
        ),
        (
            |c| {
                c.response_types.insert(ResponseType::IdToken);
            },
            ClientError::ResponseTypes,
        ),
        (
            |c| c.id_token_alg = JwsAlg::Hs256,
            ClientError::SecretMissing,
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::None;
                c.secret_digest = None;
                c.id_token_alg = JwsAlg::Hs256;
            },
            ClientError::HmacWithoutSecret,
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::None;
                c.secret_digest = None;
                c.grant_types.insert(GrantType::ClientCredentials);
            },
            ClientError::PublicGrant,
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
                c.secret_digest = None;
            },
            ClientError::KeysMissing,
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::TlsClientAuth;
                c.secret_digest = None;
            },
            ClientError::TlsSubject,
        ),
        (
            |c| c.auth_signing_alg = Some(JwsAlg::Rs256),
            ClientError::AuthSigningAlg,
        ),
        (
            |c| {
                c.logout.frontchannel_logout_uri = WebUri::parse("https://other.example/").ok();
            },
            ClientError::FrontchannelLogoutUri,
        ),
        (
            |c| {
                c.logout.backchannel_logout_uri = WebUri::parse("https://app.example/#x").ok();
            },
            ClientError::LogoutUriFragment,
        ),
        (
            |c| {
                c.grant_types.insert(GrantType::Ciba);
            },
            ClientError::Ciba,
        ),
        (
            |c| {
                c.scopes = Scopes::parse("profile").unwrap();
                c.grant_types.insert(GrantType::Implicit);
                c.response_types.insert(ResponseType::IdToken);
            },
            ClientError::OpenIdMissing,
        ),
        (
            |c| {
                c.grant_types.remove(&GrantType::RefreshToken);
            },
            ClientError::OfflineAccessWithoutRefresh,
        ),
    ];
    for (mutate, expected) in table {
        let mut client = confidential_client();
        mutate(&mut client);
        assert_eq!(client.check(), Err(expected));
    }
}

#[test]
fn a_client_of_plain_oauth_need_not_have_openid() {
    let mut client = confidential_client();
    client.scopes = Scopes::parse("read offline_access").unwrap();
    assert_eq!(client.check(), Ok(()));
}

#[test]
fn a_client_is_read_as_it_was_written() {
    let json = serde_json::to_string(&confidential_client()).unwrap();
    let client: Client = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&client).unwrap(), json);
}

#[test]
fn a_row_of_the_first_release_is_read() {
    let old = r#"{"id":"app","name":"App","application_type":"web","secret_digest":null,
        "auth_method":"none","redirect_uris":["https://app.example/cb"],
        "post_logout_redirect_uris":[],"grant_types":["authorization_code","refresh_token"],
        "scopes":"openid","id_token_alg":"ES256","require_pkce":true,"default_acr":"urn:x",
        "trusted":false}"#;
    let client: Client = serde_json::from_str(old).unwrap();
    assert_eq!(client.check(), Ok(()));
    assert_eq!(client.default_acr_values[0].as_str(), "urn:x");
    let none = old.replace(r#""urn:x""#, "null");
    let client: Client = serde_json::from_str(&none).unwrap();
    assert!(client.default_acr_values.is_empty());
}
