//! Every rule of a registration, broken once.

use serde_json::{Value, json};

use super::*;
use crate::oidc::client::{ClientKeys, Encryption, JweAlg, JweEnc, KeySet, SealedSecret, WebUri};
use crate::oidc::fixtures::{confidential_client, public_client};
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::response_type::ResponseType;
use crate::oidc::scope::Scopes;

#[test]
fn a_registration_must_hold_together() {
    assert_eq!(confidential_client().check(), Ok(()));
    assert_eq!(public_client().check(), Ok(()));
    type Mutation = fn(&mut Client);
    let table: [(Mutation, ClientError); 29] = [
        (|c| c.response_types.clear(), ClientError::ResponseTypes),
        (
            |c| {
                c.grant_types.insert(GrantType::Implicit);
                c.response_types = [ResponseType::IdToken].into();
            },
            ClientError::ResponseTypes,
        ),
        (
            |c| c.requests.signed_required = true,
            ClientError::KeysMissing,
        ),
        (
            |c| {
                c.requests.signed_required = true;
                c.requests.object_alg = Some(JwsAlg::None);
            },
            ClientError::UnsignedRequests,
        ),
        (
            |c| {
                c.keys = keys(json!({"use": "sig"}));
                c.requests.object_alg = Some(JwsAlg::Rs256);
            },
            ClientError::KeysUnfit,
        ),
        (
            |c| {
                c.binding.dpop = true;
                c.grant_types.insert(GrantType::Implicit);
                c.response_types = [ResponseType::CodeToken].into();
            },
            ClientError::BoundInBrowser,
        ),
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

/// A set with one key on P-256, of which more is said.
fn keys(more: Value) -> ClientKeys {
    let mut key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    for (name, value) in more.as_object().unwrap() {
        key[name] = value.clone();
    }
    ClientKeys::Inline(KeySet::parse(&json!({"keys": [key]})).unwrap())
}

/// For each use of a key: the client that has it, what a key must say to be of use, and what makes it useless.
#[test]
fn a_client_has_a_key_for_everything_that_it_registered() {
    type Mutation = fn(&mut Client);
    let by_key = |c: &mut Client, method| {
        c.auth_method = method;
        c.secret_digest = None;
    };
    let uses: [(Mutation, Value, Value); 7] = [
        (
            |c| c.auth_method = TokenEndpointAuthMethod::PrivateKeyJwt,
            json!({"use": "sig"}),
            json!({"use": "enc"}),
        ),
        (
            |c| {
                c.auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
                c.auth_signing_alg = Some(JwsAlg::Es256);
            },
            json!({}),
            json!({"alg": "ECDH-ES"}),
        ),
        (
            |c| c.auth_method = TokenEndpointAuthMethod::SelfSignedTlsClientAuth,
            json!({"x5c": ["AAAA"]}),
            json!({}),
        ),
        (
            |c| c.requests.signed_required = true,
            json!({"key_ops": ["verify"]}),
            json!({"key_ops": ["deriveKey"]}),
        ),
        (
            |c| c.requests.object_alg = Some(JwsAlg::Es256),
            json!({"alg": "ES256"}),
            json!({"alg": "ES384"}),
        ),
        (
            |c| {
                c.id_token_encryption = Some(Encryption {
                    alg: JweAlg::EcdhEs,
                    enc: JweEnc::A256Gcm,
                })
            },
            json!({"use": "enc"}),
            json!({"use": "sig"}),
        ),
        (
            |c| {
                c.introspection.encrypted = Some(Encryption {
                    alg: JweAlg::EcdhEs,
                    enc: JweEnc::A256Gcm,
                })
            },
            json!({"alg": "ECDH-ES"}),
            json!({"alg": "ECDH-ES+A256KW"}),
        ),
    ];
    for (index, (mutate, fit, unfit)) in uses.into_iter().enumerate() {
        let made = |keys: ClientKeys| {
            let mut client = confidential_client();
            mutate(&mut client);
            let method = client.auth_method;
            if !method.uses_secret() {
                by_key(&mut client, method);
            }
            client.keys = keys;
            client.check()
        };
        assert_eq!(made(keys(fit)), Ok(()), "use {index}");
        assert_eq!(
            made(keys(unfit)),
            Err(ClientError::KeysUnfit),
            "use {index}"
        );
        assert_eq!(made(ClientKeys::None), Err(ClientError::KeysMissing));
        let empty = KeySet::parse(&json!({"keys": []})).unwrap();
        let empty = made(ClientKeys::Inline(empty));
        assert_eq!(empty, Err(ClientError::KeysMissing), "use {index}");
        let elsewhere = WebUri::parse("https://app.example/jwks").unwrap();
        assert_eq!(made(ClientKeys::Uri(elsewhere)), Ok(()), "use {index}");
    }
    // A secret signs requests too, where it is kept.
    let mut by_secret = confidential_client();
    by_secret.requests.signed_required = true;
    by_secret.requests.object_alg = Some(JwsAlg::Hs256);
    by_secret.sealed_secret = Some(SealedSecret::new(Vec::new()));
    assert_eq!(by_secret.check(), Ok(()));
    // An RSA key is not on a curve.
    let mut rsa = confidential_client();
    rsa.keys = keys(json!({}));
    rsa.userinfo.encrypted = Some(Encryption {
        alg: JweAlg::RsaOaep256,
        enc: JweEnc::A256Gcm,
    });
    assert_eq!(rsa.check(), Err(ClientError::KeysUnfit));
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
