//! The protocol, included by its path as the crate has it, and the provider and the client that the targets share.
#![allow(dead_code, missing_docs)]

#[path = "../../src/keys/jwe.rs"]
pub mod jwe;
#[path = "../../src/oidc/mod.rs"]
pub mod oidc;

use std::sync::LazyLock;

use oidc::client::metadata::{By, Fields, Rules};
use oidc::client::{Client, ClientId, JwsAlg};
use oidc::parameters::Parameters;
use oidc::provider::{Issuer, Provider};
use oidc::request::AuthorizationRequest;
use oidc::scope::Scopes;
use oidc::signing_alg::SigningAlg;
use time::OffsetDateTime;

/// The one address that a request may be answered at.
pub const REDIRECT: &str = "https://app.example/cb";

pub static SCOPES: LazyLock<Scopes> = LazyLock::new(|| {
    Scopes::parse("openid profile email address phone offline_access").expect("scopes")
});

pub static PROVIDER: LazyLock<Provider> = LazyLock::new(|| Provider {
    issuer: Issuer::parse("https://id.example").expect("an issuer"),
    acrs: Default::default(),
    scopes: SCOPES.clone(),
    ui_locales: vec!["en".into()],
    signing_algs: SigningAlg::ALL.to_vec(),
    resources: Default::default(),
    detail_types: Default::default(),
    exchange: Default::default(),
    mtls: None,
    is_external_method: false,
});

/// A client that may use every response type, and brings no secret.
pub static PUBLIC: LazyLock<Client> = LazyLock::new(|| {
    client(serde_json::json!({
        "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
        "response_types": ["code", "id_token", "code id_token", "code id_token token"],
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
    }))
});

pub fn client(fields: serde_json::Value) -> Client {
    let fields: Fields = serde_json::from_value(fields).expect("fields");
    let id = ClientId::parse("app").expect("an identifier");
    Client::from_metadata(id, &fields, &rules(By::Operator)).expect("a client")
}

pub fn rules(by: By) -> Rules<'static> {
    Rules {
        by,
        scopes: &SCOPES,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: false,
        pkce_optional: true,
        mtls: None,
    }
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a moment")
}

/// Reads an authorization request: whatever it says, only this client is answered, at its own address.
pub fn follow(parameters: &Parameters) {
    if let Ok(request) = AuthorizationRequest::parse(parameters, &PUBLIC, &PROVIDER) {
        assert_eq!(request.redirect_uri.as_str(), REDIRECT);
        assert_eq!(request.client_id, PUBLIC.id);
        assert!(!parameters.repeated());
        // What is kept of a request between two pages is what was asked.
        let kept = serde_json::to_string(&request).expect("is kept");
        let again: AuthorizationRequest = serde_json::from_str(&kept).expect("is read again");
        assert_eq!(serde_json::to_string(&again).expect("is kept"), kept);
    }
}
