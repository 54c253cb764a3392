//! What a client says under a good signature: a header and claims on two lines, signed here, so that what reads
//! verified claims is reached, which no change to a signed token does.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use idp_fuzz::oidc::backchannel_object;
use idp_fuzz::oidc::client::JwsAlg;
use idp_fuzz::oidc::dpop::{self, Expected, NonceKey, NonceRule};
use idp_fuzz::oidc::parameters::Parameters;
use idp_fuzz::oidc::request_object::merge;
use idp_fuzz::oidc::signed::{AudienceRule, Expectations, Keys, Unverified, check_claims};
use idp_fuzz::{PROVIDER, PUBLIC, at, follow};
use libfuzzer_sys::fuzz_target;
use time::Duration;

const SECRET: &[u8] = b"a secret of the client's";
const NOW: i64 = 1_800_000_000;

static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));
static NONCES: LazyLock<NonceKey> = LazyLock::new(|| NonceKey::new(&[7; 32]));

fuzz_target!(|data: &[u8]| {
    let Some(at_line) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (header, claims) = (&data[..at_line], &data[at_line + 1..]);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // A proof brings its key along: the seeds cannot know it, so that a placeholder stands for it.
    let key = encode(PAIR.public_key().as_ref());
    let header = String::from_utf8_lossy(header).replace("KEY", &key);
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims));
    by_secret(&signed);
    by_key(&signed);
});

fn by_secret(signed: &str) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let tag = hmac::sign(&key, signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
    let Ok(read) = Unverified::parse(&token) else {
        return;
    };
    let (typ, alg) = (read.typ.clone(), read.alg);
    let Ok(claims) = read.verify(&Keys::Secret(SECRET), JwsAlg::HMAC) else {
        assert_ne!(alg, JwsAlg::Hs256);
        return;
    };
    let issuer = &PROVIDER.issuer;
    let expected = Expectations {
        issuer: "app",
        subject: None,
        audience: AudienceRule::Among(issuer.as_str()),
        longest: Duration::hours(1),
        oldest: None,
        needs_jti: true,
    };
    if let Ok(once) = check_claims(&claims, &expected, at(NOW)) {
        assert_eq!(claims["iss"], "app");
        let once = once.expect("has a jti");
        assert!(once.until >= at(NOW) && once.until <= at(NOW + 4000));
    }
    let around = Parameters::parse([("client_id", "app"), ("response_type", "code")]);
    let around = around.expect("parameters");
    if let Ok(merged) = merge(&around, typ.as_deref(), &claims, &PUBLIC, issuer, at(NOW)) {
        assert_eq!(merged.get("client_id"), Some("app"));
        follow(&merged);
    }
    let _ = backchannel_object::parameters(&claims, &PUBLIC, issuer, at(NOW));
    let _ = backchannel_object::named(&claims, &PUBLIC, issuer, at(NOW));
}

fn by_key(signed: &str) {
    let signature = URL_SAFE_NO_PAD.encode(PAIR.sign(signed.as_bytes()).as_ref());
    let urls = ["https://id.example/token".to_owned()];
    let expected = Expected {
        method: "POST",
        urls: &urls,
        access_token: None,
        nonce: NonceRule::Optional(&NONCES),
    };
    if let Ok(proof) = dpop::verify(&format!("{signed}.{signature}"), &expected, at(NOW)) {
        assert!(!proof.jti.is_empty());
        // What was used is remembered for as long as it would be good.
        assert!(proof.expires_at > at(NOW));
    }
}
