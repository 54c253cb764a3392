//! Where the access token is to be good, for what in detail, and under which key (RFC 8707, RFC 9396, RFC 9449 §10).

use std::collections::BTreeSet;

use super::{Fault, ResponseType};
use crate::oidc::authorization_details::AuthorizationDetails;
use crate::oidc::client::Client;
use crate::oidc::confirmation::Thumbprint;
use crate::oidc::error::AuthorizationError;
use crate::oidc::parameters::Parameters;
use crate::oidc::provider::Provider;
use crate::oidc::resource::{self, ResourceUri};

/// RFC 8707 §2.1: each must be known here and open to the client.
pub(super) fn resources(
    parameters: &Parameters,
    client: &Client,
    provider: &Provider,
) -> Result<BTreeSet<ResourceUri>, Fault> {
    let target = AuthorizationError::InvalidTarget;
    let fault = |_| Fault(target, target.sentence());
    let asked = resource::requested(parameters).map_err(fault)?;
    provider
        .resources
        .check(&asked, &client.id, &provider.issuer)
        .map_err(fault)?;
    Ok(asked)
}

/// RFC 9396 §5: each must be of a type that is known here and open to the client.
pub(super) fn details(
    parameters: &Parameters,
    client: &Client,
    provider: &Provider,
) -> Result<AuthorizationDetails, Fault> {
    let invalid = AuthorizationError::InvalidAuthorizationDetails;
    let fault = |_| Fault(invalid, invalid.sentence());
    let asked =
        AuthorizationDetails::parse(parameters.get("authorization_details")).map_err(fault)?;
    provider
        .detail_types
        .check(&asked, &client.id)
        .map_err(fault)?;
    // RFC 9396 §10: where the client registered types, it asks for no others.
    let registered = &client.requests.authorization_details_types;
    let is_registered = |detail: &serde_json::Map<String, serde_json::Value>| {
        let name = detail.get("type").and_then(serde_json::Value::as_str);
        registered.is_empty() || registered.iter().any(|it| Some(it.as_str()) == name)
    };
    if !asked.iter().all(is_registered) {
        return Err(Fault(invalid, invalid.sentence()));
    }
    Ok(asked)
}

/// A client whose access tokens must be bound to a key gets none by way of the browser, where no key is proved
/// (RFC 9449 §5.2, RFC 8705 §3.4).
pub(super) fn front_token(response_type: ResponseType, client: &Client) -> Result<(), Fault> {
    let bound = client.binding.dpop || client.binding.tls_certificate;
    if bound && response_type.has_token() {
        return Err(Fault(
            AuthorizationError::UnauthorizedClient,
            "the client's access tokens are bound, and come from the token endpoint alone",
        ));
    }
    Ok(())
}

/// RFC 9449 §10: the thumbprint of the key whose proof the code's redeemer must bring.
pub(super) fn dpop_jkt(parameters: &Parameters) -> Result<Option<Thumbprint>, Fault> {
    let Some(text) = parameters.get("dpop_jkt") else {
        return Ok(None);
    };
    let malformed = Fault::invalid("dpop_jkt is not a SHA-256 thumbprint");
    Thumbprint::parse(text).map(Some).ok_or(malformed)
}
