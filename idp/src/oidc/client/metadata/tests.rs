//! Metadata in and out, and every refusal of the parser.

use serde_json::{Value, json};

use super::*;
use crate::oidc::client::{AccessTokenFormat, GrantType, JweAlg, JweEnc, SubjectType};
use crate::oidc::response_type::ResponseType;

const MTLS: Mtls = Mtls {
    alias: None,
    has_authorities: true,
};

fn scopes() -> Scopes {
    Scopes::parse("openid profile email offline_access").unwrap()
}

fn read_as(by: By, metadata: Value) -> Result<Client, MetadataError> {
    let scopes = scopes();
    let rules = Rules {
        by,
        scopes: &scopes,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: false,
        pkce_optional: false,
        mtls: Some(&MTLS),
    };
    let fields = metadata.as_object().unwrap();
    Client::from_metadata(ClientId::parse("c").unwrap(), fields, &rules)
}

fn read(metadata: Value) -> Result<Client, MetadataError> {
    read_as(By::Stranger, metadata)
}

fn usual() -> Value {
    json!({"redirect_uris": ["https://app.example/cb"]})
}

fn with(field: &str, value: Value) -> Value {
    let mut metadata = usual();
    metadata[field] = value;
    metadata
}

#[test]
fn what_is_left_out_has_the_default_of_the_registry() {
    let client = read(usual()).unwrap();
    assert_eq!(
        client.auth_method,
        crate::oidc::client::TokenEndpointAuthMethod::ClientSecretBasic
    );
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode].into());
    assert_eq!(client.response_types, [ResponseType::Code].into());
    assert_eq!(client.id_token_alg, JwsAlg::Rs256);
    assert_eq!(client.scopes.to_string(), "email openid profile");
    assert!(client.require_pkce && !client.trusted);
}

#[test]
fn grants_and_response_types_follow_from_each_other() {
    let grants = |metadata: Value| read(metadata).unwrap().grant_types;
    assert_eq!(
        grants(with("response_types", json!(["code id_token"]))),
        [GrantType::AuthorizationCode, GrantType::Implicit].into()
    );
    assert_eq!(
        grants(with("response_types", json!(["id_token"]))),
        [GrantType::Implicit].into()
    );
    let machine = read(with("grant_types", json!(["client_credentials"]))).unwrap();
    assert!(machine.response_types.is_empty());
}

#[test]
fn a_full_registration_is_written_back_as_it_came() {
    let metadata: Value = serde_json::from_str(FULL).unwrap();
    let client = read(metadata.clone()).unwrap();
    assert_eq!(client.check(), Ok(()));
    let mut written = Value::Object(client.to_metadata());
    // Sets are written in the registry's order.
    written["grant_types"]
        .as_array_mut()
        .unwrap()
        .sort_by_key(|it| it.to_string());
    let mut expected = metadata;
    expected["grant_types"]
        .as_array_mut()
        .unwrap()
        .sort_by_key(|it| it.to_string());
    assert_eq!(written, expected);
    assert_eq!(client.subjects.subject_type, SubjectType::Pairwise);
}

#[test]
fn a_stranger_sets_no_switch_of_the_operators() {
    let mut metadata = usual();
    metadata["trusted"] = json!(true);
    metadata["require_pkce"] = json!(false);
    metadata["access_token_format"] = json!("opaque");
    metadata["scope"] = json!("openid admin");
    metadata["no_such_field"] = json!({"deep": [1]});
    let client = read(metadata.clone()).unwrap();
    assert!(!client.trusted && client.require_pkce);
    assert_eq!(client.profile.access_token_format, AccessTokenFormat::Jwt);
    assert_eq!(client.scopes.to_string(), "openid");
    assert_eq!(
        read_as(By::Operator, metadata.clone()).err(),
        Some(MetadataError::Unknown("no_such_field".into()))
    );
    metadata["no_such_field"] = Value::Null;
    metadata.as_object_mut().unwrap().remove("no_such_field");
    let client = read_as(By::Operator, metadata).unwrap();
    assert!(client.trusted && !client.require_pkce);
    assert_eq!(
        client.profile.access_token_format,
        AccessTokenFormat::Opaque
    );
    assert_eq!(client.scopes.to_string(), "admin openid");
}

#[test]
fn null_counts_as_left_out() {
    let client = read(with("grant_types", Value::Null)).unwrap();
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode].into());
}

#[test]
fn content_encryption_has_a_default_and_needs_its_key() {
    let client = read(with("id_token_encrypted_response_alg", json!("RSA-OAEP"))).unwrap();
    let encryption = client.id_token_encryption.unwrap();
    assert_eq!(
        (encryption.alg, encryption.enc),
        (JweAlg::RsaOaep, JweEnc::A128CbcHs256)
    );
}

#[test]
fn every_field_is_held_to_its_type_and_its_values() {
    use Problem::{
        Alone, Character, Conflict, Form, Insecure, Loopback, TooLong, Type, Unsupported, Uri,
    };
    let cases = [
        ("client_name", json!(7), Type),
        ("client_name", json!("x".repeat(2049)), TooLong),
        ("client_name", json!("a\u{0}b"), Character),
        ("application_type", json!("desktop"), Unsupported),
        ("client_uri", json!("javascript:alert(1)"), Uri),
        ("logo_uri", json!("data:image/svg+xml,x"), Uri),
        ("policy_uri", json!("/policy"), Uri),
        ("tos_uri", json!("https://u@app.example/"), Uri),
        ("contacts", json!("ops@app.example"), Type),
        ("contacts", json!(vec!["x"; 65]), TooLong),
        ("grant_types", json!(["password"]), Unsupported),
        ("grant_types", json!("authorization_code"), Type),
        ("response_types", json!(["token"]), Unsupported),
        ("redirect_uris", json!("https://app.example/cb"), Type),
        ("redirect_uris", json!([7]), Type),
        ("redirect_uris", json!(["http://localhost/cb"]), Loopback),
        ("redirect_uris", json!(["http://app.example/cb"]), Insecure),
        ("scope", json!("open\"id"), Character),
        ("token_endpoint_auth_method", json!("password"), Unsupported),
        (
            "token_endpoint_auth_signing_alg",
            json!("ES256K"),
            Unsupported,
        ),
        ("jwks_uri", json!("http://app.example/jwks"), Insecure),
        ("tls_client_auth_subject_dn", json!("garbage"), Form),
        ("tls_client_auth_subject_dn", json!("CN=a;O=b"), Form),
        ("tls_client_auth_san_dns", json!("app example"), Form),
        (
            "tls_client_auth_san_dns",
            json!("https://app.example"),
            Form,
        ),
        ("tls_client_auth_san_dns", json!("-.example"), Form),
        ("tls_client_auth_san_uri", json!("app.example"), Form),
        ("tls_client_auth_san_ip", json!("app.example"), Form),
        ("tls_client_auth_san_email", json!("app.example"), Form),
        (
            "tls_client_auth_san_email",
            json!("App <a@app.example>"),
            Form,
        ),
        ("grant_types", json!([]), Form),
        ("subject_type", json!("secret"), Unsupported),
        (
            "sector_identifier_uri",
            json!("http://app.example/"),
            Insecure,
        ),
        ("id_token_signed_response_alg", json!("none"), Unsupported),
        ("id_token_signed_response_alg", json!("RS512"), Unsupported),
        ("userinfo_signed_response_alg", json!("none"), Unsupported),
        (
            "authorization_signed_response_alg",
            json!("none"),
            Unsupported,
        ),
        (
            "id_token_encrypted_response_alg",
            json!("RSA1_5"),
            Unsupported,
        ),
        ("id_token_encrypted_response_enc", json!("A256GCM"), Alone),
        ("request_object_encryption_enc", json!("A256GCM"), Alone),
        ("request_uris", json!(["file:///etc/passwd"]), Uri),
        ("require_auth_time", json!("true"), Type),
        ("default_max_age", json!(-1), Type),
        ("default_max_age", json!("60"), Type),
        ("default_acr_values", json!(["a b"]), Character),
        ("initiate_login_uri", json!("http://app.example/"), Insecure),
        (
            "backchannel_token_delivery_mode",
            json!("push"),
            Unsupported,
        ),
        (
            "backchannel_authentication_request_signing_alg",
            json!("HS256"),
            Unsupported,
        ),
        (
            "backchannel_client_notification_endpoint",
            json!("http://app.example/"),
            Insecure,
        ),
        ("software_statement", json!("x".repeat(20_000)), TooLong),
        ("software_statement", json!({}), Type),
    ];
    for (field, value, problem) in cases {
        let refused = read(with(field, value.clone())).err();
        assert_eq!(
            refused,
            Some(MetadataError::Field { field, problem }),
            "{value}"
        );
    }
    let mut both = with("jwks_uri", json!("https://app.example/jwks"));
    both["jwks"] = json!({"keys": []});
    let conflict = |field| {
        Some(MetadataError::Field {
            field,
            problem: Conflict,
        })
    };
    assert_eq!(read(both).err(), conflict("jwks_uri"));
    let mut two = with("tls_client_auth_san_dns", json!("app.example"));
    two["tls_client_auth_subject_dn"] = json!("CN=app");
    assert_eq!(read(two).err(), conflict("tls_client_auth_subject_dn"));
    let localised = read(with("logo_uri#de", json!("javascript:x"))).err();
    assert_eq!(
        localised,
        Some(MetadataError::Field {
            field: "logo_uri",
            problem: Uri
        })
    );
    let keys = read(with("jwks", json!({"keys": [{"kty": "oct", "k": "AQAB"}]}))).err();
    assert_eq!(keys, Some(MetadataError::Keys(KeySetError::Symmetric)));
}

/// Every field that the parser asks for, by the parser itself, with values of every JSON type but the field's own.
#[test]
fn no_field_takes_a_value_of_another_type() {
    let scopes = scopes();
    let rules = Rules {
        by: By::Stranger,
        scopes: &scopes,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: false,
        pkce_optional: false,
        mtls: Some(&MTLS),
    };
    let usual = usual();
    let fields = parse::fields_of(usual.as_object().unwrap(), &rules);
    assert!(fields.len() > 55, "{fields:?}");
    for field in fields {
        let is_number = field == "default_max_age";
        let values = [
            json!({"a": [1]}),
            json!(7.5),
            json!([7]),
            json!([[]]),
            json!("\u{7}"),
        ];
        let of_numbers = [json!(7)];
        for value in values
            .iter()
            .chain(of_numbers.iter().filter(|_| !is_number))
        {
            // A statement is a JWT, which is read elsewhere.
            if field == "software_statement" && value.is_string() {
                continue;
            }
            let refused = read(with(field, value.clone())).err();
            let names_it = match &refused {
                Some(MetadataError::Field { field: named, .. }) => *named == field,
                Some(MetadataError::Keys(_)) => field == "jwks",
                _ => false,
            };
            assert!(names_it, "{field} {value}: {refused:?}");
        }
    }
}

#[test]
fn a_name_in_a_certificate_is_one_that_a_certificate_can_have() {
    for (field, value) in [
        (
            "tls_client_auth_subject_dn",
            "CN=app,O=Example\\, Inc.,C=DE",
        ),
        ("tls_client_auth_san_dns", "app-1.example"),
        ("tls_client_auth_san_dns", "*.example"),
        ("tls_client_auth_san_uri", "urn:example:app"),
        ("tls_client_auth_san_ip", "2001:db8::1"),
        ("tls_client_auth_san_email", "app+1@mail.example"),
    ] {
        let mut metadata = with(field, json!(value));
        metadata["token_endpoint_auth_method"] = json!("tls_client_auth");
        let client = read(metadata).unwrap();
        assert_eq!(client.check(), Ok(()), "{value}");
        assert_eq!(client.to_metadata().get(field), Some(&json!(value)));
    }
}

#[test]
fn what_cannot_be_had_here_is_not_registered() {
    let scopes = scopes();
    let rules = Rules {
        by: By::Stranger,
        scopes: &scopes,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: false,
        pkce_optional: false,
        mtls: None,
    };
    let field = "tls_client_certificate_bound_access_tokens";
    let metadata = with(field, json!(true));
    let id = || ClientId::parse("c").unwrap();
    let refused = Client::from_metadata(id(), metadata.as_object().unwrap(), &rules).err();
    let problem = Problem::Unsupported;
    assert_eq!(refused, Some(MetadataError::Field { field, problem }));
    assert!(read(metadata).is_ok(), "where certificates reach us");
    // CIBA Core §4: it says nothing where the provider asks for no code.
    let mut asks = with("grant_types", json!(["urn:openid:params:grant-type:ciba"]));
    asks["backchannel_user_code_parameter"] = json!(true);
    let written = read(asks).unwrap().to_metadata();
    assert_eq!(written.get("backchannel_user_code_parameter"), None);
}

#[test]
fn each_refusal_has_the_registered_code() {
    let code = |metadata: Value| {
        let refused = read(metadata.clone()).and_then(|mut client| {
            client.secret_digest = Some(crate::oidc::client::SecretDigest::from_bytes([0; 32]));
            client.check().map_err(MetadataError::from)
        });
        refused.err().map(|error| error.code().as_str())
    };
    let (uri, other) = (
        Some("invalid_redirect_uri"),
        Some("invalid_client_metadata"),
    );
    assert_eq!(code(json!({})), uri);
    for bad in [
        "https://*.example/cb",
        "javascript:alert(1)",
        "https://app.example/#f",
        "/cb",
        "http://app.example/cb",
        "https://u@app.example/cb",
    ] {
        assert_eq!(code(with("redirect_uris", json!([bad]))), uri, "{bad}");
    }
    assert_eq!(code(with("jwks", json!([]))), other);
    assert_eq!(
        code(with("post_logout_redirect_uris", json!(["javascript:x"]))),
        other
    );
    assert_eq!(
        code(with("token_endpoint_auth_method", json!("none"))),
        other
    );
}

#[test]
fn a_method_that_is_not_served_is_not_registered() {
    let scopes = scopes();
    let check = |by: By, mtls: Option<&Mtls>, method: &str| {
        let rules = Rules {
            by,
            scopes: &scopes,
            signing_algs: &SigningAlg::ALL,
            id_token_alg: JwsAlg::Rs256,
            loopback_redirects: false,
            pkce_optional: false,
            mtls,
        };
        let metadata = with("token_endpoint_auth_method", json!(method));
        let id = ClientId::parse("c").unwrap();
        Client::from_metadata(id, metadata.as_object().unwrap(), &rules).is_ok()
    };
    let without_authorities = Mtls {
        has_authorities: false,
        ..MTLS
    };
    let (by_name, by_key) = ("tls_client_auth", "self_signed_tls_client_auth");
    assert!(!check(By::Stranger, None, by_name) && !check(By::Stranger, None, by_key));
    let some = Some(&without_authorities);
    assert!(!check(By::Stranger, some, by_name) && check(By::Stranger, some, by_key));
    assert!(check(By::Stranger, Some(&MTLS), by_name));
    // An operator may write clients first, and switch certificates on later.
    assert!(check(By::Operator, None, by_name));
}

#[test]
fn loopback_redirects_are_the_operators_choice() {
    let scopes = scopes();
    let mut rules = Rules {
        by: By::Stranger,
        scopes: &scopes,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: true,
        pkce_optional: true,
        mtls: None,
    };
    let check = |rules: &Rules<'_>, metadata: Value| {
        let id = ClientId::parse("c").unwrap();
        Client::from_metadata(id, metadata.as_object().unwrap(), rules).is_ok()
    };
    let web = |uri: &str| json!({"redirect_uris": [uri], "response_types": ["id_token"]});
    for uri in [
        "http://localhost:1/cb",
        "https://localhost:1/cb",
        "http://127.0.0.1:1/cb",
    ] {
        assert!(check(&rules, web(uri)), "{uri}");
    }
    rules.loopback_redirects = false;
    for uri in [
        "http://localhost:1/cb",
        "https://localhost:1/cb",
        "http://127.0.0.1:1/cb",
    ] {
        assert!(!check(&rules, web(uri)), "{uri}");
    }
    let why = |uri: &str| {
        let id = ClientId::parse("c").unwrap();
        let metadata = json!({"redirect_uris": [uri]});
        let error = Client::from_metadata(id, metadata.as_object().unwrap(), &rules).unwrap_err();
        error.description()
    };
    assert!(why("http://localhost:1/cb").contains("[registration] loopback_redirects"));
    assert!(!why("http://app.example/cb").contains("loopback_redirects"));
    assert!(check(
        &rules,
        json!({"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native"})
    ));
}

/// One value for nearly every field.
const FULL: &str = r#"{
    "redirect_uris": ["https://app.example/cb"],
    "post_logout_redirect_uris": ["https://app.example/bye"],
    "client_name": "App",
    "client_name#de": "Anwendung",
    "client_uri": "https://app.example",
    "logo_uri": "https://app.example/logo.png",
    "policy_uri": "https://app.example/policy",
    "tos_uri": "https://app.example/tos",
    "contacts": ["ops@app.example"],
    "application_type": "web",
    "grant_types": ["authorization_code", "refresh_token", "implicit", "urn:openid:params:grant-type:ciba"],
    "response_types": ["code", "code id_token"],
    "scope": "offline_access openid",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "PS256",
    "jwks_uri": "https://app.example/jwks",
    "subject_type": "pairwise",
    "sector_identifier_uri": "https://app.example/sector",
    "id_token_signed_response_alg": "ES256",
    "id_token_encrypted_response_alg": "RSA-OAEP",
    "id_token_encrypted_response_enc": "A256GCM",
    "userinfo_signed_response_alg": "RS256",
    "userinfo_encrypted_response_alg": "ECDH-ES",
    "userinfo_encrypted_response_enc": "A128CBC-HS256",
    "authorization_signed_response_alg": "EdDSA",
    "introspection_signed_response_alg": "ES256",
    "request_object_signing_alg": "ES256",
    "request_uris": ["https://app.example/request#abc"],
    "require_signed_request_object": true,
    "require_pushed_authorization_requests": true,
    "authorization_details_types": ["payment"],
    "default_max_age": 60,
    "require_auth_time": true,
    "initiate_login_uri": "https://app.example/login",
    "default_acr_values": ["urn:whorl:acr:one"],
    "dpop_bound_access_tokens": true,
    "tls_client_certificate_bound_access_tokens": true,
    "frontchannel_logout_uri": "https://app.example/front",
    "frontchannel_logout_session_required": true,
    "backchannel_logout_uri": "https://app.example/back",
    "backchannel_logout_session_required": true,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://app.example/notify",
    "backchannel_authentication_request_signing_alg": "ES256",
    "software_id": "app",
    "software_version": "1"
}"#;
