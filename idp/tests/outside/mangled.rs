//! Requests, JWTs and metadata with something wrong in them, by the hundred thousand: what reads them answers or refuses,
//! and never panics, hangs, or believes a signature that nobody made.
//!
//! A moment of it runs with the other tests; `WHORL_MANGLE_SECONDS=600` goes on for ten minutes a target. The changes
//! are pseudorandom from a fixed seed, which `WHORL_MANGLE_SEED` replaces, so that what is found is found again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use whorl::keys::jwe::Sealed;
use whorl::oidc::authorization_details::AuthorizationDetails;
use whorl::oidc::claims_request::ClaimsRequest;
use whorl::oidc::client::metadata::{By, Fields, Rules};
use whorl::oidc::client::{Client, ClientId, JwsAlg, KeySet};
use whorl::oidc::client_auth::Presented;
use whorl::oidc::dpop::{self, NonceKey, NonceRule};
use whorl::oidc::logout::LogoutRequest;
use whorl::oidc::parameters::Parameters;
use whorl::oidc::provider::{Issuer, Provider};
use whorl::oidc::request::AuthorizationRequest;
use whorl::oidc::scope::Scopes;
use whorl::oidc::signed::{Keys, Unverified};
use whorl::oidc::signing_alg::SigningAlg;
use whorl::oidc::{client_document, sector};

/// Long enough for many thousands of inputs, short enough for every run of the tests.
const MOMENT: Duration = Duration::from_secs(2);
/// No input may take as long, on a busy machine.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest input: longer than any bound in what reads it.
const MOST_BYTES: usize = 300_000;

/// xorshift64*: not for secrets.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % sides.max(1)
    }
}

/// What turns up where parsers are careless.
const PIECES: [&[u8]; 40] = [
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%ff",
    b"%C3%28",
    b"\0",
    b"\xff\xfe",
    b"+",
    b" ",
    b";",
    b"#",
    b"?",
    b"..",
    b"//",
    b"\\",
    b".",
    b"..",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\\u0000",
    b"\\ud800",
    b"eyJhbGciOiJub25lIn0",
    b"eyJhbGciOiJIUzI1NiJ9",
    b"\"alg\":\"none\"",
    b"\"crit\":[\"b64\"]",
    b"\"zip\":\"DEF\"",
    b"openid",
    b"none",
    b"https://",
];

fn mangle(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len() + 1);
        let to = (at + dice.roll(24)).min(bytes.len());
        match dice.roll(9) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let piece = PIECES[dice.roll(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            2 => {
                let piece = PIECES[dice.roll(PIECES.len())];
                bytes.splice(at..to, piece.iter().copied());
            }
            3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.roll(8);
                }
            }
            4 => {
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => bytes.truncate(at),
            6 => {
                let from = dice.roll(other.len() + 1);
                bytes.splice(at..to, other[from..].iter().copied());
            }
            7 => {
                let (byte, times) = (bytes.get(at).copied().unwrap_or(b'['), dice.roll(2000));
                bytes.splice(at..at, std::iter::repeat_n(byte, times));
            }
            _ => {
                if dice.roll(50) == 0 {
                    let times = dice.roll(MOST_BYTES);
                    let byte = [b'[', b'{', b'a', b'&', b'.'][dice.roll(5)];
                    bytes.splice(at..at, std::iter::repeat_n(byte, times));
                }
            }
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

/// Feeds `read` with changed seeds until the time is up.
fn mangled(seeds: &[Vec<u8>], mut read: impl FnMut(&[u8])) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let time = number("WHORL_MANGLE_SECONDS").map_or(MOMENT, Duration::from_secs);
    let mut dice = Dice(number("WHORL_MANGLE_SEED").unwrap_or(0x5EED).max(1));
    for seed in seeds {
        read(seed);
    }
    let (began, mut inputs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    while began.elapsed() < time {
        let seed = &seeds[dice.roll(seeds.len())];
        let other = &seeds[dice.roll(seeds.len())];
        let input = mangle(seed, other, &mut dice);
        let at = Instant::now();
        read(&input);
        let took = at.elapsed();
        assert!(
            took < LONGEST,
            "{took:?} for {}",
            String::from_utf8_lossy(&input)
        );
        slowest = slowest.max(took);
        inputs += 1;
    }
    assert!(inputs > 100, "{inputs} inputs in {time:?}");
    println!("{inputs} inputs in {time:?}, the slowest in {slowest:?}");
}

/// When the example of RFC 9449 §4.1 was made.
fn of_proof() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_562_262_616)
}

fn scopes() -> Scopes {
    Scopes::parse("openid profile email address phone offline_access").expect("scopes")
}

fn client(fields: Value) -> Client {
    let fields: Fields = serde_json::from_value(fields).expect("fields");
    let id = ClientId::parse("app").expect("an identifier");
    Client::from_metadata(id, &fields, &rules(By::Operator, &scopes())).expect("a client")
}

fn rules(by: By, scopes: &Scopes) -> Rules<'_> {
    Rules {
        by,
        scopes,
        signing_algs: &SigningAlg::ALL,
        id_token_alg: JwsAlg::Rs256,
        loopback_redirects: false,
        pkce_optional: true,
        mtls: None,
    }
}

#[test]
fn requests() {
    let provider = Provider {
        issuer: Issuer::parse("https://id.example").expect("an issuer"),
        acrs: Default::default(),
        scopes: scopes(),
        ui_locales: vec!["en".into()],
        signing_algs: SigningAlg::ALL.to_vec(),
        resources: Default::default(),
        detail_types: Default::default(),
        exchange: Default::default(),
        mtls: None,
        is_external_method: false,
    };
    let redirect = "https://app.example/cb";
    let public = client(json!({
        "redirect_uris": [redirect], "token_endpoint_auth_method": "none",
        "response_types": ["code", "id_token", "code id_token token"], "grant_types": ["authorization_code", "implicit"],
    }));
    let seeds: Vec<Vec<u8>> = [
        "client_id=app&response_type=code&scope=openid+email&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=login&max_age=60&ui_locales=de+en&acr_values=a+b",
        "client_id=app&response_type=code+id_token+token&response_mode=form_post&scope=openid&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&nonce=n&claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%22essential%22%3Atrue%2C%22values%22%3A%5B%22a%22%5D%7D%7D%7D&display=page&login_hint=ada",
        "client_id=app&response_type=id_token&scope=openid&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&nonce=n&authorization_details=%5B%7B%22type%22%3A%22payment%22%7D%5D&resource=https%3A%2F%2Fapi.example&id_token_hint=a.b.c",
        "id_token_hint=a.b.c&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=s&client_id=app",
        "grant_type=authorization_code&code=c&client_id=app&client_secret=s&client_assertion=a.b.c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    mangled(&seeds, |input| {
        let Ok(parameters) = Parameters::from_urlencoded(input) else {
            return;
        };
        if let Ok(request) = AuthorizationRequest::parse(&parameters, &public, &provider) {
            assert_eq!(request.redirect_uri.as_str(), redirect, "{parameters:?}");
            assert_eq!(request.client_id, public.id);
            assert!(!parameters.repeated());
        }
        let _ = LogoutRequest::parse(&parameters);
        let _ = Presented::parse(None, &parameters);
        let text = String::from_utf8_lossy(input);
        let _ = Presented::parse(Some(&format!("Basic {text}")), &parameters);
        let _ = ClaimsRequest::parse(parameters.get("claims").unwrap_or(&text));
        let _ =
            AuthorizationDetails::parse(parameters.get("authorization_details").or(Some(&text)));
    });
}

/// RFC 7515 appendix A.3.
const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// And its key.
const KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

#[test]
fn jose() {
    let keys = KeySet::from_slice(KEY.as_bytes()).expect("a key set");
    let nonces = NonceKey::new(&[7; 32]);
    let urls = ["https://server.example.com/token".to_owned()];
    let expected = dpop::Expected {
        method: "POST",
        urls: &urls,
        access_token: None,
        nonce: NonceRule::Optional(&nonces),
    };
    let verified = |text: &str| {
        let read = Unverified::parse(text).ok()?;
        let all: Vec<JwsAlg> = JwsAlg::ASYMMETRIC
            .iter()
            .chain(JwsAlg::HMAC)
            .copied()
            .collect();
        read.verify(&Keys::Public(&keys), &all).ok()
    };
    assert!(verified(SIGNED).is_some(), "the example of the RFC");
    // RFC 9449 §4.1, and RFC 7516 appendix A.1 (its encrypted key cut).
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let holds = dpop::verify(proof, &expected, of_proof());
    assert!(holds.is_ok(), "the example of the RFC: {holds:?}");
    let sealed = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";
    let seeds: Vec<Vec<u8>> = [SIGNED, proof, sealed, KEY]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
    mangled(&seeds, |input| {
        if let Ok(set) = KeySet::from_slice(input) {
            let _ = set.to_json();
            for alg in JwsAlg::ASYMMETRIC {
                let _ = set.verifying(*alg, None).count();
            }
        }
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        assert!(
            text == SIGNED || verified(text).is_none(),
            "believed: {text}"
        );
        if let Ok(read) = Unverified::parse(text) {
            let _ = read.unverified_text("iss");
            assert!(
                read.clone()
                    .verify(&Keys::Secret(b"secret"), JwsAlg::HMAC)
                    .is_err(),
                "believed: {text}"
            );
            let _ = read.unsigned();
        }
        let _ = Sealed::parse(text).map(|sealed| sealed.header.len());
        let holds = dpop::verify(text, &expected, of_proof()).is_ok();
        assert!(!holds || text == proof, "believed: {text}");
    });
}

#[test]
fn metadata() {
    let scopes = scopes();
    let id = "https://app.example/client.json";
    let seeds: Vec<Vec<u8>> = [
        json!({
            "redirect_uris": ["https://app.example/cb", "com.example.app:/cb"], "client_name": "App", "client_name#de": "Anwendung",
            "grant_types": ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"], "response_types": ["code"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": serde_json::from_str::<Value>(KEY).expect("JSON"),
            "backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "https://app.example/ping",
            "subject_type": "pairwise", "sector_identifier_uri": "https://app.example/sector.json",
            "id_token_signed_response_alg": "ES256", "request_object_signing_alg": "none", "default_max_age": 60,
        }),
        json!({
            "client_id": id, "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none", "scope": "openid",
            "logo_uri": "https://app.example/logo.png", "initiate_login_uri": "https://app.example/begin",
            "frontchannel_logout_uri": "https://app.example/out", "post_logout_redirect_uris": ["https://app.example/bye"],
            "id_token_encrypted_response_alg": "RSA-OAEP-256", "dpop_bound_access_tokens": true, "default_acr_values": ["a"],
        }),
        json!(["https://app.example/cb", "https://b.example/cb"]),
    ]
    .map(|value| value.to_string().into_bytes())
    .to_vec();
    let plain = client(
        json!({ "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none" }),
    );
    mangled(&seeds, |input| {
        for by in [By::Stranger, By::Operator] {
            let Ok(fields) = serde_json::from_slice::<Fields>(input) else {
                break;
            };
            let named = ClientId::parse("app").expect("an identifier");
            if let Ok(client) = Client::from_metadata(named, &fields, &rules(by, &scopes)) {
                let _ = sector::check_hosts(&client);
                if by == By::Stranger {
                    let foreign = client
                        .redirect_uris
                        .iter()
                        .any(|uri| uri.as_str().starts_with("javascript:"));
                    assert!(
                        !foreign && !client.trusted,
                        "{}",
                        String::from_utf8_lossy(input)
                    );
                }
            }
        }
        let named = ClientId::parse(id).expect("an identifier");
        if let Ok(client) = client_document::read(named, input, &rules(By::Stranger, &scopes)) {
            assert_eq!(client.id.as_str(), id);
            assert!(client.secret_digest.is_none());
        }
        let _ = sector::check_document(&plain, input);
        let _ = KeySet::from_slice(input);
    });
}
