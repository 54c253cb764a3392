//! Clients that are their own registration: the identifier is the https URL of a metadata document
//! (draft-ietf-oauth-client-id-metadata-document, "CIMD").
//!
//! The caller fetches the document through the outbound guard; here is which identifiers are such URLs, and what such a
//! document may say. Nobody here and there shares a secret, so that no method and no algorithm that needs one is taken.

use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::client::metadata::{Fields, MetadataError, Rules};
use super::client::{Client, ClientError, ClientId, GrantType, TokenEndpointAuthMethod, WebUri};
use super::fapi;

/// The longest document (§6.6 recommends a bound of 5 kB; keys and names in several languages need more).
pub const LONGEST: usize = 32 << 10;

/// Why a document makes no client.
#[derive(Debug, Error)]
pub enum DocumentRefusal {
    /// Longer than the bound, or not a JSON object.
    #[error("the document is not a JSON object within bounds")]
    Malformed,
    /// Its `client_id` is not the URL that it was fetched from (§4.1).
    #[error("the document's client_id is another one")]
    ClientId,
    /// It has a secret, or wants one (§4.1).
    #[error("the document's client would need a secret")]
    Secret,
    /// Nobody signs in to it by code.
    #[error("the document's client does not use the authorization code grant")]
    Grant,
    /// Its metadata is refused.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl From<ClientError> for DocumentRefusal {
    fn from(error: ClientError) -> Self {
        Self::Metadata(error.into())
    }
}

/// The URL that an identifier is; `None` for every other identifier (§3).
pub fn url(id: &ClientId) -> Option<&str> {
    let text = id.as_str();
    let rest = text.strip_prefix("https://")?;
    // §3: a path, no fragment, no user and password; the spelling is the one that every parser gives it, which leaves
    // no dot segments, no port that is the usual one and no capitals in the host.
    let is_plain = rest.contains('/') && !text.contains(['#', '\\', ' ']);
    let parsed = Url::parse(text).ok().filter(|_| is_plain)?;
    let encoded_dots = parsed.path().to_ascii_lowercase().contains("%2e");
    (parsed.as_str() == text && !encoded_dots && WebUri::parse(text).is_ok()).then_some(text)
}

/// The client that a document fetched from its identifier describes.
///
/// # Errors
/// [`DocumentRefusal`].
pub fn read(id: ClientId, document: &[u8], rules: &Rules<'_>) -> Result<Client, DocumentRefusal> {
    if document.len() > LONGEST {
        return Err(DocumentRefusal::Malformed);
    }
    let mut fields: Fields =
        serde_json::from_slice(document).map_err(|_| DocumentRefusal::Malformed)?;
    // §4.1: "MUST match using a simple string comparison".
    if fields.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(DocumentRefusal::ClientId);
    }
    // §4.1: neither of the two may be there.
    let has_secret = ["client_secret", "client_secret_expires_at"]
        .iter()
        .any(|name| fields.contains_key(*name));
    if has_secret {
        return Err(DocumentRefusal::Secret);
    }
    fields
        .entry("token_endpoint_auth_method")
        .or_insert_with(|| TokenEndpointAuthMethod::None.as_str().into());
    let mut client = Client::from_metadata(id, &fields, rules)?;
    fapi::switch_on_where_asked_for(&mut client, &fields, rules.signing_algs);
    if client.needs_secret() {
        return Err(DocumentRefusal::Secret);
    }
    // People sign in to such a client; whatever else it may do has to be registered.
    client.grant_types.retain(|grant| SERVED.contains(grant));
    client
        .response_types
        .retain(|it| !it.has_token() && !it.has_id_token());
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(DocumentRefusal::Grant);
    }
    client.ciba = None;
    client.require_pkce = true;
    // §6.4: a name alone can be anybody's; people see whose document it is.
    let host = Url::parse(client.id.as_str()).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    let name: String = client.name.chars().take(LONGEST_NAME).collect();
    client.name = match name == client.id.as_str() {
        true => host.to_owned(),
        false => format!("{name} ({host})"),
    };
    client.check()?;
    Ok(client)
}

const SERVED: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::client::metadata::By;
    use crate::oidc::client::{FapiProfile, JwsAlg};
    use crate::oidc::scope::Scopes;
    use crate::oidc::signing_alg::SigningAlg;

    const ID: &str = "https://app.example/client.json";

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn document(name: &str, value: Value) -> Value {
        let mut document = json!({"client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"]});
        document[name] = value;
        document
    }

    fn run(document: &Value) -> Result<Client, DocumentRefusal> {
        let scopes = Scopes::parse("openid profile offline_access").unwrap();
        let rules = Rules {
            by: By::Stranger,
            scopes: &scopes,
            signing_algs: &SigningAlg::ALL,
            id_token_alg: JwsAlg::Rs256,
            loopback_redirects: false,
            pkce_optional: true,
            mtls: None,
        };
        read(id(ID), document.to_string().as_bytes(), &rules)
    }

    #[test]
    fn an_identifier_is_a_document_where_it_is_a_plain_https_url_with_a_path() {
        for text in [
            ID,
            "https://app.example/",
            "https://app.example:8443/a/b?v=1",
        ] {
            assert_eq!(url(&id(text)), Some(text));
        }
        for text in [
            "app",
            "http://app.example/client.json",
            "https://app.example",
            "https://APP.example/c",
            "https://app.example:443/c",
            "https://app.example/../c",
            "https://app.example/a/./c",
            "https://app.example/%2e%2e/c",
            "https://app.example/c#f",
            "https://u:p@app.example/c",
            "https://@app.example/c",
            "https:///c",
            "https://app.example/a b",
        ] {
            assert_eq!(url(&id(text)), None, "{text}");
        }
    }

    #[test]
    fn a_document_makes_a_client_that_holds_no_secret() {
        let client = run(&document(
            "grant_types",
            json!([
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code"
            ]),
        ))
        .unwrap();
        assert!(client.is_public() && client.require_pkce && !client.trusted);
        assert_eq!(client.name, "App (app.example)");
        assert_eq!(client.grant_types, SERVED.into());
        let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
        let mut strict = document("jwks", jwks);
        for (name, value) in [
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("dpop_bound_access_tokens", json!(true)),
            ("require_pushed_authorization_requests", json!(true)),
        ] {
            strict[name] = value;
        }
        assert_eq!(run(&strict).unwrap().profile.fapi, FapiProfile::Security);
    }

    #[test]
    fn every_refusal_of_a_document() {
        for (name, value) in [
            ("client_id", json!("https://app.example/other.json")),
            ("client_id", Value::Null),
            ("client_secret", json!("s")),
            ("client_secret_expires_at", json!(0)),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("id_token_signed_response_alg", json!("HS256")),
            ("redirect_uris", json!([])),
            ("redirect_uris", json!(["javascript:alert(1)"])),
            ("grant_types", json!(["client_credentials"])),
            ("padding", json!("x".repeat(LONGEST))),
        ] {
            let document = document(name, value);
            assert!(run(&document).is_err(), "{name}");
        }
    }
}
