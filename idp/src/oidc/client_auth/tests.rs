//! Client authentication's tests: one table of every outcome.

use super::*;
use crate::oidc::client::KeySet;
use crate::oidc::fixtures::{SECRET, confidential_client, now, public_client};

fn header(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

fn raw(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn refusal(
    client: &Client,
    authorization: Option<&str>,
    form: &[(&str, &str)],
) -> Option<ClientAuthRefusal> {
    let form = Parameters::parse(form.iter().copied()).unwrap();
    let presented = match Presented::parse(authorization, &form) {
        Ok(presented) => presented,
        Err(refusal) => return Some(refusal),
    };
    let found = (client.id == *presented.client_id()).then_some(client);
    let none = KeySet::default();
    let proof = Proof {
        keys: Keys::Public(&none),
        issuer: "https://id.example",
        audiences: &[],
        now: now(),
    };
    authenticate(found, &presented, &proof).err()
}

#[test]
fn every_outcome_of_client_authentication() {
    use ClientAuthRefusal as R;
    let basic = confidential_client();
    let post = Client {
        auth_method: TokenEndpointAuthMethod::ClientSecretPost,
        ..confidential_client()
    };
    let public = public_client();
    let good = header("app", SECRET);
    let lower = good.replacen("Basic", "basic", 1);
    type Case<'a> = (
        &'a Client,
        Option<&'a str>,
        &'a [(&'a str, &'a str)],
        Option<R>,
    );
    let wrong = header("app", "wrong");
    let other = header("nobody", SECRET);
    let no_colon = raw("app");
    let no_secret = raw("app:");
    let not_text = format!("Basic {}", STANDARD.encode([0xff, b':', b'x']));
    let split = raw("app:a&b");
    let table: Vec<Case<'_>> = vec![
        (&basic, Some(&good), &[], None),
        (&basic, Some(&lower), &[("client_id", "app")], None),
        (
            &post,
            None,
            &[("client_id", "app"), ("client_secret", SECRET)],
            None,
        ),
        (&public, None, &[("client_id", "native")], None),
        (&basic, Some(&wrong), &[], Some(R::SecretMismatch)),
        (&basic, Some(&other), &[], Some(R::ClientUnknown)),
        (&basic, None, &[], Some(R::Missing)),
        (
            &basic,
            None,
            &[("client_id", "app")],
            Some(R::MethodMismatch),
        ),
        (
            &basic,
            None,
            &[("client_id", "app"), ("client_secret", SECRET)],
            Some(R::MethodMismatch),
        ),
        (&post, Some(&good), &[], Some(R::MethodMismatch)),
        (
            &public,
            None,
            &[("client_id", "native"), ("client_secret", "x")],
            Some(R::MethodMismatch),
        ),
        (
            &basic,
            Some(&good),
            &[("client_secret", SECRET)],
            Some(R::SeveralMethods),
        ),
        (
            &basic,
            Some(&good),
            &[("client_assertion", "x")],
            Some(R::SeveralMethods),
        ),
        (
            &basic,
            None,
            &[("client_assertion", "x")],
            Some(R::MethodUnsupported),
        ),
        (
            &basic,
            None,
            &[
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", "x"),
            ],
            Some(R::Assertion(SignedRefusal::Malformed)),
        ),
        (
            &basic,
            Some(&good),
            &[("client_id", "native")],
            Some(R::ClientIdMismatch),
        ),
        (
            &basic,
            Some(&good),
            &[("x", "1"), ("x", "2")],
            Some(R::ParameterRepeated),
        ),
        (&basic, Some("Bearer x"), &[], Some(R::MethodUnsupported)),
        (&basic, Some("Basic"), &[], Some(R::MethodUnsupported)),
        (&basic, Some("Basic !!!"), &[], Some(R::Malformed)),
        (&basic, Some(&no_colon), &[], Some(R::Malformed)),
        (&basic, Some(&no_secret), &[], Some(R::Malformed)),
        (&basic, Some(&not_text), &[], Some(R::Malformed)),
        (&basic, Some(&split), &[], Some(R::Malformed)),
        (&basic, None, &[("client_id", "ä")], Some(R::Malformed)),
    ];
    for (index, (client, authorization, form, expected)) in table.into_iter().enumerate() {
        assert_eq!(
            refusal(client, authorization, form),
            expected,
            "case {index}"
        );
    }
}

#[test]
fn a_client_without_a_digest_is_never_let_in_by_the_placeholder() {
    let broken = Client {
        secret_digest: None,
        ..confidential_client()
    };
    let good = header("app", SECRET);
    assert_eq!(
        refusal(&broken, Some(&good), &[]),
        Some(ClientAuthRefusal::SecretMismatch)
    );
}

#[test]
fn an_unencoded_secret_with_an_equals_sign_still_reads() {
    let client = Client {
        secret_digest: Some(SecretDigest::of(&"a=b".into())),
        ..confidential_client()
    };
    assert_eq!(refusal(&client, Some(&raw("app:a=b")), &[]), None);
}

#[test]
fn what_the_outside_learns() {
    use ClientAuthRefusal as R;
    let unknown = TokenError::from(R::ClientUnknown);
    assert_eq!(unknown, TokenError::from(R::SecretMismatch));
    assert_eq!(unknown, TokenError::from(R::MethodMismatch));
    assert_eq!((unknown.code(), unknown.status()), ("invalid_client", 401));
    let several = TokenError::from(R::SeveralMethods);
    assert_eq!((several.code(), several.status()), ("invalid_request", 400));
}

/// An HMAC assertion with this claim changed.
fn hmac_assertion(name: &str, value: serde_json::Value) -> Option<ClientAuthRefusal> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let client = Client {
        auth_method: TokenEndpointAuthMethod::ClientSecretJwt,
        secret_digest: None,
        ..confidential_client()
    };
    let mut header = serde_json::json!({"alg": "HS256"});
    let mut claims = serde_json::json!({"iss": "app", "sub": "app", "jti": "j",
        "aud": "https://id.example/token", "exp": now().unix_timestamp() + 60});
    match name {
        "alg" | "typ" => header[name] = value,
        name => claims[name] = value,
    }
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let alg = jsonwebtoken::Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, alg).unwrap();
    let jwt = format!("{signed}.{signature}");
    let form = [
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", jwt.as_str()),
    ];
    let form = Parameters::parse(form).unwrap();
    let presented = match Presented::parse(None, &form) {
        Ok(presented) => presented,
        Err(refusal) => return Some(refusal),
    };
    let audiences = [
        "https://id.example".to_owned(),
        "https://id.example/token".to_owned(),
    ];
    let proof = Proof {
        keys: Keys::Secret(SECRET.as_bytes()),
        issuer: "https://id.example",
        audiences: &audiences,
        now: now(),
    };
    let answer = authenticate(Some(&client), &presented, &proof);
    answer
        .map(|known| assert!(known.once.is_some(), "an assertion is used once"))
        .err()
}

#[test]
fn an_assertion_is_the_clients_own_and_for_us() {
    use ClientAuthRefusal::Assertion;
    use SignedRefusal as S;
    use serde_json::json;
    let cases = [
        ("aud", json!("https://id.example"), None),
        ("typ", json!("JWT"), None),
        ("typ", json!("at+jwt"), Some(Assertion(S::Type))),
        ("alg", json!("none"), Some(Assertion(S::Algorithm))),
        ("alg", json!("RS256"), Some(Assertion(S::Algorithm))),
        ("alg", json!("HS512"), Some(Assertion(S::Signature))),
        ("iss", json!("other"), Some(Assertion(S::Issuer))),
        (
            "sub",
            json!("other"),
            Some(ClientAuthRefusal::ClientUnknown),
        ),
        ("sub", json!(7), Some(ClientAuthRefusal::Malformed)),
        (
            "aud",
            json!("https://other.example"),
            Some(Assertion(S::Audience)),
        ),
        ("exp", json!(1), Some(Assertion(S::Expired))),
        ("jti", json!(null), Some(Assertion(S::Jti))),
    ];
    for (name, value, expected) in cases {
        assert_eq!(
            hmac_assertion(name, value.clone()),
            expected,
            "{name} {value}"
        );
    }
}
