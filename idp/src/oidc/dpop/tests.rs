//! Every refusal of a proof, over proofs signed here.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;
use crate::oidc::fixtures::now;

const URL: &str = "https://id.example/token";
const TOKEN: &str = "acc3ss";

struct Maker {
    pair: Ed25519KeyPair,
    header: Value,
    claims: Value,
}

fn nonces() -> NonceKey {
    NonceKey::new(&[7; 32])
}

fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

impl Maker {
    fn new() -> Self {
        Self::with_key(1)
    }

    /// With the key of this seed.
    fn with_key(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        Self {
            header: json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}),
            claims: json!({
                "jti": "j1", "htm": "POST", "htu": URL, "iat": now().unix_timestamp(),
                "ath": ath(TOKEN), "nonce": nonces().current(now()),
            }),
            pair,
        }
    }

    fn sign(&self) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
        let signed = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn check(proof: &str) -> Result<Proof, DpopRefusal> {
    let nonces = nonces();
    let expected = Expected {
        method: "POST",
        urls: &[URL.to_owned()],
        access_token: Some(TOKEN),
        nonce: NonceRule::Required(&nonces),
    };
    verify(proof, &expected, now())
}

#[test]
fn a_good_proof_names_its_key_and_itself() {
    let maker = Maker::new();
    let proof = check(&maker.sign()).unwrap();
    let again = check(&maker.sign()).unwrap();
    assert_eq!((&proof.jkt, proof.jti.as_str()), (&again.jkt, "j1"));
    assert_ne!(check(&Maker::with_key(2).sign()).unwrap().jkt, proof.jkt);
    assert!(proof.expires_at > now() + MAX_AGE);
}

#[test]
fn the_example_of_rfc_9449_verifies() {
    // RFC 9449 §4.1, figure 2: a proof for POST https://server.example.com/token.
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let nonces = nonces();
    let expected = Expected {
        method: "POST",
        urls: &["https://server.example.com/token".to_owned()],
        access_token: None,
        nonce: NonceRule::Optional(&nonces),
    };
    let then = OffsetDateTime::from_unix_timestamp(1_562_262_616).unwrap();
    let checked = verify(proof, &expected, then).unwrap();
    // RFC 9449 §6.1: the thumbprint of that key.
    assert_eq!(
        checked.jkt.as_str(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
}

#[test]
fn every_refusal_of_a_proof() {
    use DpopRefusal as R;
    type Mutation = fn(&mut Maker);
    let table: Vec<(&str, Mutation, R)> = vec![
        ("typ", |m| m.header["typ"] = json!("JWT"), R::Type),
        ("no typ", |m| m.header["typ"] = Value::Null, R::Type),
        ("none", |m| m.header["alg"] = json!("none"), R::Algorithm),
        ("HS256", |m| m.header["alg"] = json!("HS256"), R::Algorithm),
        ("RS256", |m| m.header["alg"] = json!("RS256"), R::Algorithm),
        (
            "another's alg",
            |m| m.header["alg"] = json!("ES256"),
            R::Key,
        ),
        ("crit", |m| m.header["crit"] = json!(["exp"]), R::Critical),
        ("no key", |m| m.header["jwk"] = Value::Null, R::Key),
        ("private", |m| m.header["jwk"]["d"] = json!("AA"), R::Key),
        (
            "symmetric",
            |m| m.header["jwk"] = json!({"kty": "oct", "k": "AA"}),
            R::Key,
        ),
        (
            "no point",
            |m| m.header["jwk"]["x"] = json!("AA"),
            R::Signature,
        ),
        (
            "another key",
            |m| m.header["jwk"] = Maker::with_key(2).header["jwk"].clone(),
            R::Signature,
        ),
        ("method", |m| m.claims["htm"] = json!("GET"), R::Method),
        (
            "case of the method",
            |m| m.claims["htm"] = json!("post"),
            R::Method,
        ),
        (
            "host",
            |m| m.claims["htu"] = json!("https://evil.example/token"),
            R::Url,
        ),
        (
            "path",
            |m| m.claims["htu"] = json!("https://id.example/token/"),
            R::Url,
        ),
        (
            "port",
            |m| m.claims["htu"] = json!("https://id.example:444/token"),
            R::Url,
        ),
        (
            "scheme",
            |m| m.claims["htu"] = json!("http://id.example/token"),
            R::Url,
        ),
        (
            "user",
            |m| m.claims["htu"] = json!("https://a@id.example/token"),
            R::Url,
        ),
        ("relative", |m| m.claims["htu"] = json!("/token"), R::Url),
        (
            "old",
            |m| m.claims["iat"] = json!(now().unix_timestamp() - 301),
            R::Time,
        ),
        (
            "ahead",
            |m| m.claims["iat"] = json!(now().unix_timestamp() + 31),
            R::Time,
        ),
        ("far", |m| m.claims["iat"] = json!(i64::MAX), R::Time),
        ("no ath", |m| m.claims["ath"] = Value::Null, R::TokenHash),
        (
            "another's ath",
            |m| m.claims["ath"] = json!(ath("other")),
            R::TokenHash,
        ),
        (
            "no nonce",
            |m| m.claims["nonce"] = Value::Null,
            R::NonceMissing,
        ),
        ("nonce", |m| m.claims["nonce"] = json!("x"), R::NonceInvalid),
        (
            "old nonce",
            |m| m.claims["nonce"] = json!(nonces().current(now() - Duration::minutes(10))),
            R::NonceInvalid,
        ),
        ("no jti", |m| m.claims["jti"] = Value::Null, R::Malformed),
        ("empty jti", |m| m.claims["jti"] = json!(""), R::Malformed),
        (
            "long jti",
            |m| m.claims["jti"] = json!("x".repeat(513)),
            R::Malformed,
        ),
        ("no iat", |m| m.claims["iat"] = Value::Null, R::Malformed),
        (
            "iat in words",
            |m| m.claims["iat"] = json!("now"),
            R::Malformed,
        ),
    ];
    for (what, mutate, expected) in table {
        let mut maker = Maker::new();
        mutate(&mut maker);
        assert_eq!(check(&maker.sign()), Err(expected), "{what}");
    }
    let good = Maker::new().sign();
    for bad in [
        String::new(),
        "a.b".into(),
        format!("{good}.x"),
        good.replace('.', ""),
        "é.é.é".into(),
        "x".repeat(MAX_PROOF + 1),
    ] {
        assert_eq!(check(&bad), Err(R::Malformed));
    }
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    assert_eq!(check(&format!("{unsigned}.")), Err(R::Signature));
}

#[test]
fn a_url_is_normalised_and_its_query_ignored() {
    for htu in [
        "https://ID.example/token",
        "HTTPS://id.example:443/token",
        "https://id.example/token?x=1#y",
        "https://id.example/a/../token",
        "https://id.example/%74oke%6E",
        "https://id.example/a/%2e%2E/token",
    ] {
        let mut maker = Maker::new();
        maker.claims["htu"] = json!(htu);
        assert!(check(&maker.sign()).is_ok(), "{htu}");
    }
}

#[test]
fn what_is_encoded_without_need_is_the_same_and_a_slash_is_not() {
    assert_eq!(normal_escapes("/a%2db%7e%41%c3%a9%2f"), "/a-b~A%C3%A9%2F");
    assert_eq!(normal_escapes("/%zz%4%é%"), "/%zz%4%é%");
    for htu in ["https://id.example/%2574oken", "https://id.example%2Ftoken"] {
        let mut maker = Maker::new();
        maker.claims["htu"] = json!(htu);
        assert_eq!(check(&maker.sign()), Err(DpopRefusal::Url), "{htu}");
    }
}

#[test]
fn a_moment_may_have_fractions() {
    for (ahead, fits) in [(-299.5, true), (29.5, true), (31.5, false), (-301.5, false)] {
        let mut maker = Maker::new();
        maker.claims["iat"] = json!(now().unix_timestamp() as f64 + ahead);
        assert_eq!(check(&maker.sign()).is_ok(), fits, "{ahead}");
    }
}

#[test]
fn a_proof_that_says_a_thing_twice_is_refused() {
    let maker = Maker::new();
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let (header, claims) = (maker.header.to_string(), maker.claims.to_string());
    let again = |text: &str, more: &str| format!("{},{more}}}", &text[..text.len() - 1]);
    let key = header.replace(r#""crv":"#, r#""crv":"P-256","crv":"#);
    for (header, claims) in [
        (header.clone(), again(&claims, r#""nonce":"x""#)),
        (header.clone(), again(&claims, r#""x":{"y":1,"y":2}"#)),
        (again(&header, r#""alg":"ES256""#), claims.clone()),
        (key, claims.clone()),
    ] {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(maker.pair.sign(signed.as_bytes()));
        let refused = check(&format!("{signed}.{signature}"));
        assert_eq!(refused, Err(DpopRefusal::Malformed));
    }
}

#[test]
fn a_nonce_is_good_for_its_step_and_the_next() {
    let (key, other) = (nonces(), NonceKey::new(&[8; 32]));
    let nonce = key.current(now());
    assert!(key.accepts(&nonce, now()) && !other.accepts(&nonce, now()));
    assert!(key.accepts(&nonce, now() + Duration::seconds(NONCE_STEP_S)));
    assert!(!key.accepts(&nonce, now() + Duration::seconds(2 * NONCE_STEP_S)));
    assert_ne!(key.current(now() + Duration::seconds(NONCE_STEP_S)), nonce);
}

#[test]
fn what_a_client_is_told() {
    assert_eq!(
        TokenError::from(DpopRefusal::NonceInvalid).code(),
        "use_dpop_nonce"
    );
    assert_eq!(
        TokenError::from(DpopRefusal::Replayed).code(),
        "invalid_dpop_proof"
    );
}
