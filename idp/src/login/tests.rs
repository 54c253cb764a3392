//! An attempt to begin tests with.

use wire::AttemptId;

use super::attempt::{Attempt, Consent};
use crate::oidc::acr::Acr;
use crate::oidc::client::ClientId;
use crate::oidc::parameters::Parameters;
use crate::oidc::request::AuthorizationRequest;
use crate::store::tests::NOW;

/// An attempt of a plain, valid request, held to this acr.
pub(crate) fn attempt(acr: &str) -> Attempt {
    let client = crate::oidc::fixtures::confidential_client();
    let provider = crate::oidc::fixtures::provider();
    let parameters = Parameters::from_urlencoded(crate::oidc::fixtures::AUTHORIZATION_QUERY.as_bytes()).expect("reads");
    let request = AuthorizationRequest::parse(&parameters, &client, &provider).expect("valid");
    Attempt {
        id: AttemptId(uuid::Uuid::nil()),
        revision: 0,
        browser: "browser".into(),
        client_name: client.name.clone(),
        trusted: false,
        acr: Acr::parse(acr).expect("an acr"),
        identity: None,
        session: None,
        evidence: vec![],
        chosen: None,
        choosing: false,
        pending: None,
        consent: Consent::Unasked,
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
    assert_eq!(after.request.client_id, ClientId::parse(before.request.client_id.as_str()).expect("an id"));
}
