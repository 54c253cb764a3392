//! Tokens and keys as they come: whatever is changed in one that was signed, nothing else is believed.
#![no_main]

use std::sync::LazyLock;

use idp_fuzz::at;
use idp_fuzz::jwe::{Recipient, Sealed};
use idp_fuzz::oidc::client::{JwsAlg, KeySet};
use idp_fuzz::oidc::client_certificate::Certificate;
use idp_fuzz::oidc::dpop::{self, Expected, NonceKey, NonceRule};
use idp_fuzz::oidc::external_hint::key_set;
use idp_fuzz::oidc::signed::{Keys, Unverified};
use libfuzzer_sys::fuzz_target;

/// The key of RFC 7515 appendix A.3.
const KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
/// What that example signs, and the proof of RFC 9449 §4.1: the same words under another signature would be news.
const SIGNED: &str = include_str!("../seeds/jose/rfc7515-a3");
const PROOF: &str = include_str!("../seeds/jose/rfc9449-4-1");

static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_slice(KEY.as_bytes()).expect("keys"));
static NONCES: LazyLock<NonceKey> = LazyLock::new(|| NonceKey::new(&[7; 32]));

fuzz_target!(|data: &[u8]| {
    if let Ok(set) = KeySet::from_slice(data) {
        let json = set.to_json();
        let again = KeySet::from_slice(json.to_string().as_bytes()).expect("is read again");
        assert_eq!(again.to_json(), json);
        for alg in JwsAlg::ASYMMETRIC {
            let _ = set.verifying(*alg, None).count();
        }
    }
    if let Ok(json) = serde_json::from_slice(data) {
        let _ = Recipient::from_jwk(&json);
        let _ = key_set(&json);
    }
    let _ = Certificate::parse(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(read) = Unverified::parse(text) {
        let all: Vec<JwsAlg> = JwsAlg::ASYMMETRIC
            .iter()
            .chain(JwsAlg::HMAC)
            .copied()
            .collect();
        let _ = read.unverified_text("iss");
        let believed = read.clone().verify(&Keys::Public(&KEYS), &all).is_ok();
        assert!(!believed || text == SIGNED, "believed: {text}");
        let believed = read.clone().verify(&Keys::Secret(b"secret"), &all).is_ok();
        assert!(!believed, "believed: {text}");
        if read.unsigned().is_ok() {
            assert!(text.ends_with('.'));
        }
    }
    if let Ok(sealed) = Sealed::parse(text) {
        assert_eq!(text.split('.').count(), 5);
        let _ = sealed.header.len();
    }
    let urls = ["https://server.example.com/token".to_owned()];
    let expected = Expected {
        method: "POST",
        urls: &urls,
        access_token: None,
        nonce: NonceRule::Optional(&NONCES),
    };
    let believed = dpop::verify(text, &expected, at(1_562_262_616)).is_ok();
    assert!(!believed || text == PROOF, "believed: {text}");
});
