//! Signed JWTs of others: every header and every claim that is refused.

use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;
use crate::oidc::fixtures::now;

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

/// The key of RFC 8037 appendix A.1, as PKCS#8, and its public part.
fn ed25519() -> (EncodingKey, KeySet) {
    let mut der = hex::decode("302e020100300506032b657004220420").unwrap();
    let d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    der.extend(URL_SAFE_NO_PAD.decode(d).unwrap());
    let jwk = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    (EncodingKey::from_ed_der(&der), KeySet::parse(&jwk).unwrap())
}

fn token(header: Value, claims: &Value, key: &EncodingKey, alg: Algorithm) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = crypto::sign(signed.as_bytes(), key, alg).unwrap();
    format!("{signed}.{signature}")
}

fn claims() -> Value {
    let at = now().unix_timestamp();
    json!({"iss": "app", "sub": "app", "aud": "https://id.example", "exp": at + 60, "iat": at,
        "jti": "j"})
}

fn verified(header: Value) -> Result<Map<String, Value>, SignedRefusal> {
    let (key, set) = ed25519();
    let token = token(header, &claims(), &key, Algorithm::EdDSA);
    Unverified::parse(&token)?.verify(&Keys::Public(&set), JwsAlg::ASYMMETRIC)
}

#[test]
fn a_signature_of_a_known_key_verifies() {
    for header in [
        json!({"alg": "EdDSA", "kid": "k"}),
        json!({"alg": "EdDSA", "typ": "JWT"}),
        json!({"alg": "EdDSA", "x5c": ["ignored"]}),
    ] {
        assert_eq!(verified(header.clone()).unwrap()["jti"], "j", "{header}");
    }
}

#[test]
fn headers_that_are_refused() {
    use SignedRefusal::{Algorithm, Header, Malformed, Signature, UnknownKey};
    for (header, expected) in [
        (json!({"alg": "none"}), Algorithm),
        (json!({"alg": "HS256"}), Algorithm),
        (json!({"alg": "ES256K"}), Algorithm),
        (json!({"alg": "eddsa"}), Algorithm),
        (json!({"alg": "RS256"}), UnknownKey),
        (json!({"alg": "EdDSA", "kid": "other"}), UnknownKey),
        (json!({"alg": "EdDSA", "crit": ["exp"]}), Header),
        (
            json!({"alg": "EdDSA", "jku": "https://evil.example"}),
            Header,
        ),
        (
            json!({"alg": "EdDSA", "x5u": "https://evil.example"}),
            Header,
        ),
        (json!({"alg": "EdDSA", "jwk": {}}), Header),
        (json!({"alg": "EdDSA", "b64": false}), Header),
        (json!({"alg": "EdDSA", "zip": "DEF"}), Header),
        (json!({"alg": 1}), Malformed),
        (json!({"kid": "k"}), Malformed),
        (json!([]), Malformed),
    ] {
        assert_eq!(verified(header.clone()).err(), Some(expected), "{header}");
    }
    let (key, set) = ed25519();
    let good = token(
        json!({"alg": "EdDSA"}),
        &claims(),
        &key,
        jsonwebtoken::Algorithm::EdDSA,
    );
    let (signed, _) = good.rsplit_once('.').unwrap();
    let verify = |text: &str| {
        Unverified::parse(text)
            .and_then(|it| it.verify(&Keys::Public(&set), JwsAlg::ASYMMETRIC))
            .err()
    };
    assert_eq!(
        verify(&format!("{signed}.{}", "A".repeat(86))),
        Some(Signature)
    );
    assert_eq!(verify(&format!("{signed}.")), Some(Signature));
    assert_eq!(verify("a.b"), Some(Malformed));
    assert_eq!(verify(""), Some(Malformed));
    assert_eq!(verify(&format!("{good}.x")), Some(Malformed));
    let long = "x".repeat(MAX_BYTES + 1);
    assert_eq!(verify(&long), Some(SignedRefusal::TooLong));
}

#[test]
fn a_secret_verifies_hmacs_alone_and_a_public_key_never_one() {
    let hmac = token(
        json!({"alg": "HS256"}),
        &claims(),
        &EncodingKey::from_secret(SECRET),
        Algorithm::HS256,
    );
    let all = JwsAlg::ALL;
    let by = |keys: &Keys<'_>, allowed: &[JwsAlg]| {
        Unverified::parse(&hmac)
            .unwrap()
            .verify(keys, allowed)
            .err()
    };
    assert_eq!(by(&Keys::Secret(SECRET), all), None);
    assert_eq!(
        by(&Keys::Secret(b"another"), all),
        Some(SignedRefusal::Signature)
    );
    assert_eq!(by(&Keys::Secret(b""), all), Some(SignedRefusal::Algorithm));
    assert_eq!(
        by(&Keys::Secret(SECRET), JwsAlg::ASYMMETRIC),
        Some(SignedRefusal::Algorithm)
    );
    let (key, set) = ed25519();
    assert_eq!(by(&Keys::Public(&set), all), Some(SignedRefusal::Algorithm));
    let signed = token(json!({"alg": "EdDSA"}), &claims(), &key, Algorithm::EdDSA);
    let by_secret = Unverified::parse(&signed)
        .unwrap()
        .verify(&Keys::Secret(SECRET), all);
    assert_eq!(by_secret.err(), Some(SignedRefusal::Algorithm));
}

#[test]
fn every_claim_that_is_refused() {
    use SignedRefusal as R;
    let ours = [
        "https://id.example".to_owned(),
        "https://id.example/token".to_owned(),
    ];
    let within = Expectations {
        issuer: "app",
        subject: Some("app"),
        audience: AudienceRule::Within(&ours),
        longest: Duration::hours(1),
        oldest: None,
        needs_jti: true,
    };
    let exactly = Expectations {
        audience: AudienceRule::Exactly("https://id.example"),
        oldest: Some(Duration::minutes(5)),
        ..within
    };
    let at = now().unix_timestamp();
    let check = |expected: &Expectations<'_>, name: &str, value: Value| {
        let mut claims = claims().as_object().unwrap().clone();
        claims.insert(name.into(), value.clone());
        if value.is_null() {
            claims.remove(name);
        }
        check_claims(&claims, expected, now()).map(|once| once.is_some())
    };
    for (name, value, expected) in [
        ("aud", json!("https://id.example/token"), Ok(true)),
        (
            "aud",
            json!(["https://id.example", "https://id.example/token"]),
            Ok(true),
        ),
        (
            "aud",
            json!(["https://id.example", "https://other.example"]),
            Err(R::Audience),
        ),
        ("aud", json!("https://other.example"), Err(R::Audience)),
        ("aud", json!([]), Err(R::Audience)),
        ("aud", json!(7), Err(R::Audience)),
        ("aud", Value::Null, Err(R::Audience)),
        ("iss", json!("other"), Err(R::Issuer)),
        ("iss", Value::Null, Err(R::Issuer)),
        ("sub", json!("other"), Err(R::Subject)),
        ("sub", Value::Null, Err(R::Subject)),
        ("exp", json!(at - 5), Err(R::Expired)),
        ("exp", json!(at - 4), Ok(true)),
        ("exp", Value::Null, Err(R::Expired)),
        ("exp", json!("soon"), Err(R::Malformed)),
        ("exp", json!(1e300), Err(R::Malformed)),
        ("exp", json!(at + 3_601), Err(R::TooLongLived)),
        ("nbf", json!(at + 10), Ok(true)),
        ("nbf", json!(at + 31), Err(R::NotYetValid)),
        ("iat", json!(at + 31), Err(R::NotYetValid)),
        ("iat", Value::Null, Ok(true)),
        ("jti", Value::Null, Err(R::Jti)),
        ("jti", json!(""), Err(R::Jti)),
        ("jti", json!("x".repeat(513)), Err(R::Jti)),
    ] {
        assert_eq!(
            check(&within, name, value.clone()),
            expected,
            "{name} {value}"
        );
    }
    for (name, value, expected) in [
        ("aud", json!("https://id.example"), Ok(true)),
        ("aud", json!(["https://id.example"]), Err(R::Audience)),
        ("aud", json!("https://id.example/token"), Err(R::Audience)),
        ("iat", json!(at - 301), Err(R::TooOld)),
        ("iat", Value::Null, Err(R::TooOld)),
    ] {
        assert_eq!(
            check(&exactly, name, value.clone()),
            expected,
            "{name} {value}"
        );
    }
}
