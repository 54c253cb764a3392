//! An attempt to begin tests with.

use wire::AttemptId;

use super::attempt::{Attempt, Consent};
use crate::config::ConfiguredClient;
use crate::oidc::acr::Acr;
use crate::oidc::authorization_details::DetailTypes;
use crate::oidc::client::AmrFormat;
use crate::oidc::client::Client;
use crate::oidc::grants::token_exchange::ExchangeRules;
use crate::oidc::parameters::Parameters;
use crate::oidc::provider::{Issuer, Provider};
use crate::oidc::request::AuthorizationRequest;
use crate::oidc::resource::Resources;
use crate::oidc::scope::Scopes;
use crate::store::tests::NOW;

/// A public client that must use PKCE.
pub(crate) fn client() -> Client {
    let client = ConfiguredClient::new("app".into(), vec!["https://app.example/cb".into()]);
    client
        .draft(&crate::oidc::signing_alg::SigningAlg::ALL)
        .expect("a valid registration")
        .client
}

/// An attempt of a plain, valid request, held to this acr.
pub(crate) fn attempt(acr: &str) -> Attempt {
    let client = client();
    let provider = Provider {
        issuer: Issuer::parse("https://id.example").expect("an issuer"),
        acrs: Acr::parse("urn:whorl:acr:mfa").into_iter().collect(),
        scopes: Scopes::parse("openid profile").expect("scopes"),
        ui_locales: vec![],
        signing_algs: vec![],
        resources: Resources::default(),
        is_external_method: false,
        detail_types: DetailTypes::default(),
        exchange: ExchangeRules::default(),
        mtls: None,
    };
    let query = "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&scope=openid\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let parameters = Parameters::from_urlencoded(query.as_bytes()).expect("reads");
    let request = AuthorizationRequest::parse(&parameters, &client, &provider).expect("valid");
    Attempt {
        is_unwritten: false,
        found: None,
        is_looked_up: false,
        id: AttemptId(uuid::Uuid::nil()),
        revision: 0,
        browser: "browser".into(),
        address: None,
        is_told: false,
        mark: None,
        device: Default::default(),
        language: Default::default(),
        client_name: client.name.clone(),
        sector: None,
        trusted: false,
        acr: Acr::parse(acr).expect("an acr"),
        told: None,
        targets: vec![],
        amr: AmrFormat::List,
        external: None,
        identity: None,
        session: None,
        evidence: vec![],
        chosen: None,
        choosing: false,
        pending: None,
        consent: Consent::Unasked,
        passed: Default::default(),
        seen: Default::default(),
        seen_again: false,
        risk: Default::default(),
        notice: None,
        began_at: NOW,
        expires_at: NOW + time::Duration::minutes(10),
        request,
    }
}

#[test]
fn an_attempt_is_read_as_it_was_written() {
    let before = attempt("urn:whorl:acr:mfa");
    let json = serde_json::to_value(&before).expect("writes");
    let after: Attempt = serde_json::from_value(json.clone()).expect("reads");
    assert_eq!(serde_json::to_value(&after).expect("writes"), json);
    assert_eq!(after.request.client_id, before.request.client_id);
}
