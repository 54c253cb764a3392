//! Every way in which a hint is not believed, beside one that is.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use serde_json::json;

use super::*;
use crate::keys::{LocalSigner, Signer as _, SigningAlg};
use crate::oidc::fixtures::now;

const TENANT: &str = "72F988bf-86f1-41af-91ab-2d7cd011db47";

fn signer() -> &'static LocalSigner {
    static SIGNER: OnceLock<LocalSigner> = OnceLock::new();
    SIGNER.get_or_init(|| LocalSigner::generate(SigningAlg::Rs256).expect("a key").0)
}

fn keys() -> JwkSet {
    JwkSet {
        keys: vec![signer().public_jwk().clone()],
    }
}

fn issuer() -> HintIssuer {
    HintIssuer {
        name: "entra".into(),
        issuer: "https://login.example/{tid}/v2.0".into(),
        discovery: None,
        tenants: vec![TENANT.to_lowercase()],
        audiences: vec!["app".into()],
        max_age: Duration::minutes(10),
    }
}

fn claims() -> Value {
    let at = now().unix_timestamp() - 5;
    json!({
        "ver": "2.0", "iss": format!("https://login.example/{TENANT}/v2.0"), "aud": "app", "iat": at, "nbf": at,
        "exp": at, "tid": TENANT, "oid": "0000-OID", "sub": "Pairwise", "preferred_username": "ada@example.org",
    })
}

fn header() -> Value {
    json!({ "alg": "RS256", "typ": "JWT", "kid": signer().kid().as_str() })
}

fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = signer()
        .sign(text.as_bytes())
        .now_or_never()
        .expect("a key of our own signs at once")
        .expect("a signature");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn verify(token: &str) -> Result<ExternalHint, HintRefusal> {
    read(token, &issuer())?.verify(&keys(), &issuer(), now())
}

fn with(changes: Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    signed(&header(), &claims)
}

#[test]
fn a_hint_that_has_expired_is_believed_while_it_is_fresh() {
    let token = signed(&header(), &claims());
    let hint = verify(&token).expect("believed");
    assert_eq!(
        (hint.tenant, hint.object, hint.sub),
        (TENANT.to_lowercase(), "0000-oid".into(), "Pairwise".into())
    );
    assert!(token.starts_with(&hint.signed) && !hint.signed.is_empty());
    assert!(verify(&with(json!({ "aud": ["other", "app"] }))).is_ok());
}

#[test]
fn a_hint_whose_claims_are_not_right_is_refused() {
    use HintRefusal::{Audience, Issuer, Malformed, Nobody, NotYetValid, Stale, Tenant};
    let at = now().unix_timestamp();
    let foreign = "11111111-86f1-41af-91ab-2d7cd011db47";
    for (changes, refusal) in [
        (
            json!({ "iss": "https://login.example/common/v2.0" }),
            Issuer,
        ),
        (
            json!({ "iss": format!("https://evil.example/{TENANT}/v2.0") }),
            Issuer,
        ),
        // Its own tenant's issuer, and another's claim.
        (json!({ "tid": foreign }), Issuer),
        (
            json!({ "tid": foreign, "iss": format!("https://login.example/{foreign}/v2.0") }),
            Tenant,
        ),
        (json!({ "tid": null }), Tenant),
        (
            json!({ "tid": "a/b", "iss": "https://login.example/a/b/v2.0" }),
            Tenant,
        ),
        (json!({ "aud": "other" }), Audience),
        (json!({ "aud": ["other"] }), Audience),
        (json!({ "aud": 1 }), Audience),
        (json!({ "iat": at - 601 }), Stale),
        (json!({ "iat": i64::MIN }), Malformed),
        (json!({ "iat": at + 61 }), NotYetValid),
        (json!({ "nbf": at + 61 }), NotYetValid),
        (json!({ "iat": null }), Malformed),
        (json!({ "oid": null }), Nobody),
        (json!({ "oid": "" }), Nobody),
        (json!({ "sub": null }), Nobody),
        (json!({ "sub": "x".repeat(256) }), Nobody),
    ] {
        assert_eq!(verify(&with(changes.clone())), Err(refusal), "{changes}");
    }
    assert!(
        verify(&with(json!({ "iat": at - 600 }))).is_ok(),
        "the last second"
    );
    assert!(
        verify(&with(json!({ "iat": at + 60 }))).is_ok(),
        "a clock that is ahead"
    );
}

#[test]
fn a_hint_that_is_not_signed_by_its_issuer_is_refused() {
    use HintRefusal::{Algorithm, Critical, Malformed, Signature, UnknownKey};
    let good = signed(&header(), &claims());
    let (text, signature) = good.rsplit_once('.').expect("three parts");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut other = claims();
    other["oid"] = "somebody else".into();
    let swapped = format!("{}.{}.{signature}", part(&header()), part(&other));
    let head = |changes: Value| {
        let mut header = header();
        for (name, value) in changes.as_object().expect("an object") {
            header[name] = value.clone();
        }
        signed(&header, &claims())
    };
    for (token, refusal) in [
        (swapped, Signature),
        (format!("{text}."), Signature),
        (head(json!({ "alg": "none" })), Algorithm),
        (head(json!({ "alg": "HS256" })), Algorithm),
        (head(json!({ "alg": "PS256" })), Algorithm),
        (head(json!({ "kid": null })), UnknownKey),
        (head(json!({ "kid": "other" })), UnknownKey),
        (head(json!({ "crit": ["x"], "x": 1 })), Critical),
        (String::new(), Malformed),
        ("a.b.c".into(), Malformed),
        ("x".repeat(MAX_HINT + 1), Malformed),
    ] {
        assert_eq!(verify(&token), Err(refusal), "{token}");
    }
}

#[test]
fn a_header_that_brings_a_key_or_changes_what_is_signed_is_refused_whoever_signed_it() {
    let head = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        signed(&header, &claims())
    };
    let url = "https://evil.example/keys";
    for (name, value) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("jwk", json!(signer().public_jwk())),
        ("x5c", json!(["MIIB"])),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("b64", json!(true)),
    ] {
        let refused = verify(&head(name, value));
        assert_eq!(refused, Err(HintRefusal::Malformed), "{name}");
    }
    // Two members of one name: one reader believes the first, and another the last.
    let good = signed(&header(), &claims());
    let (_, rest) = good.split_once('.').expect("three parts");
    let twice = header().to_string().replacen('{', r#"{"alg":"RS256","#, 1);
    let twice = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(twice));
    assert!(verify(&twice).is_err());
    // What Entra's have.
    assert!(verify(&head("x5t", json!("i6lGk3FZzxRcUb2C3nEQ7syHJlY"))).is_ok());
}

#[test]
fn a_key_for_something_else_verifies_nothing() {
    let token = signed(&header(), &claims());
    let unverified = read(&token, &issuer()).expect("read");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut key = serde_json::to_value(signer().public_jwk()).expect("JSON");
        change(&mut key);
        key_set(&json!({ "keys": [key] })).expect("a set")
    };
    assert!(unverified.has_key(&changed(&|_| {})));
    for (what, set) in [
        ("encryption", changed(&|key| key["use"] = "enc".into())),
        (
            "another algorithm",
            changed(&|key| key["alg"] = "PS256".into()),
        ),
        (
            "a short modulus",
            changed(&|key| key["n"] = URL_SAFE_NO_PAD.encode([0xff; 128]).into()),
        ),
        ("another name", changed(&|key| key["kid"] = "other".into())),
    ] {
        assert!(!unverified.has_key(&set), "{what}");
        assert_eq!(
            unverified.verify(&set, &issuer(), now()),
            Err(HintRefusal::UnknownKey),
            "{what}"
        );
    }
}

#[test]
fn one_strange_key_does_not_spoil_the_others() {
    let key = serde_json::to_value(signer().public_jwk()).expect("JSON");
    let set = key_set(&json!({ "keys": [{ "kty": "RSA", "n": 7 }, 7, key] })).expect("a set");
    let token = signed(&header(), &claims());
    assert!(read(&token, &issuer()).expect("read").has_key(&set));
    assert!(key_set(&json!({ "keys": 1 })).is_none());
    assert!(key_set(&json!([])).is_none());
}

#[test]
fn discovery_is_looked_for_where_the_issuer_is() {
    let mut issuer = issuer();
    assert_eq!(
        issuer.discovery_urls("t"),
        [
            "https://login.example/t/v2.0/.well-known/openid-configuration",
            "https://login.example/common/v2.0/.well-known/openid-configuration",
        ]
    );
    for (named, ok) in [
        ("https://login.example/t/v2.0", true),
        ("https://login.example/{tenantid}/v2.0", true),
        ("https://login.example/u/v2.0", false),
    ] {
        assert_eq!(issuer.is_named(named, "t"), ok, "{named}");
    }
    issuer.discovery = Some("https://login.example/doc".into());
    assert_eq!(issuer.discovery_urls("t"), ["https://login.example/doc"]);
}
