//! Certificates made here, and what they are held to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, SanType};
use serde_json::json;

use super::*;
use crate::oidc::client::ClientId;
use crate::oidc::fixtures::confidential_client;

/// A certificate with every kind of name, and the JWK of its key.
fn made(name: &str) -> (Vec<u8>, serde_json::Value) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Whorl, Inc.");
    params.distinguished_name.push(DnType::CommonName, name);
    let more = [
        SanType::URI(format!("spiffe://{name}.example/job").try_into().unwrap()),
        SanType::Rfc822Name(format!("{name}@mail.example").try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::IpAddress("2001:db8::7".parse().unwrap()),
    ];
    params.subject_alt_names.extend(more);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let point = key.der_bytes();
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": name,
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
        "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        "x5c": [STANDARD.encode(&der)],
    });
    (der, jwk)
}

fn presented(client: &Client) -> Presented {
    Presented::None {
        client_id: client.id.clone(),
    }
}

#[test]
fn a_certificate_says_its_names_and_no_others() {
    let (der, _) = made("a");
    let read = Certificate::parse(&der).unwrap();
    let dn = |text: &str| TlsSubject::Dn(text.into());
    let ip = |text: &str| TlsSubject::SanIp(text.parse().unwrap());
    for (subject, expected) in [
        (dn(r"CN=a,O=Whorl\, Inc."), true),
        (dn(r"CN=b,O=Whorl\, Inc."), false),
        (dn(r"O=Whorl\, Inc.,CN=a"), false),
        (dn("CN=a"), false),
        (dn("not a name"), false),
        (TlsSubject::SanDns("A.Example".into()), true),
        (TlsSubject::SanDns("*.example".into()), false),
        (TlsSubject::SanUri("spiffe://a.example/job".into()), true),
        (TlsSubject::SanUri("spiffe://a.example/jo".into()), false),
        (TlsSubject::SanUri("a.example".into()), false),
        (TlsSubject::SanEmail("a@mail.example".into()), true),
        (TlsSubject::SanEmail("b@mail.example".into()), false),
        (ip("192.0.2.7"), true),
        (ip("2001:db8::7"), true),
        (ip("192.0.2.8"), false),
    ] {
        assert_eq!(read.says(&subject), expected, "{subject:?}");
    }
}

#[test]
fn what_is_no_certificate_is_not_read() {
    let (mut der, _) = made("a");
    der.push(0);
    assert!(Certificate::parse(&der).is_err(), "something follows");
    assert!(Certificate::parse(&der[..40]).is_err());
    assert!(Certificate::parse(b"").is_err());
}

#[test]
fn a_client_is_known_by_a_name_that_an_authority_vouches_for() {
    let (der, _) = made("a");
    let read = Certificate::parse(&der).unwrap();
    let client = Client {
        auth_method: TokenEndpointAuthMethod::TlsClientAuth,
        tls_subject: Some(TlsSubject::SanDns("a.example".into())),
        ..confidential_client()
    };
    let keys = KeySet::default();
    let good = CertificateProof {
        certificate: Some(&read),
        is_vouched_for: true,
        keys: &keys,
    };
    let check = |client: &Client, proof| authenticate(client, &presented(client), proof);
    assert_eq!(check(&client, good), Ok(()));
    let none = CertificateProof {
        certificate: None,
        ..good
    };
    let missing = Err(ClientAuthRefusal::CertificateMissing);
    assert_eq!(check(&client, none), missing);
    let alone = CertificateProof {
        is_vouched_for: false,
        ..good
    };
    let untrusted = Err(ClientAuthRefusal::CertificateUntrusted);
    assert_eq!(check(&client, alone), untrusted);
    let other = Client {
        tls_subject: Some(TlsSubject::SanDns("b.example".into())),
        ..client.clone()
    };
    let mismatch = Err(ClientAuthRefusal::CertificateMismatch);
    assert_eq!(check(&other, good), mismatch);
    let nameless = Client {
        tls_subject: None,
        ..client.clone()
    };
    assert_eq!(check(&nameless, good), mismatch);
    let with_secret = Presented::Post {
        client_id: client.id.clone(),
        secret: "x".to_owned().into(),
    };
    let method = Err(ClientAuthRefusal::MethodMismatch);
    assert_eq!(authenticate(&client, &with_secret, good), method);
    let stranger = Presented::None {
        client_id: ClientId::parse("stranger").unwrap(),
    };
    assert_eq!(authenticate(&client, &stranger, good), method);
    assert_eq!(check(&confidential_client(), good), method);
}

#[test]
fn a_self_signed_certificate_is_the_one_that_was_registered() {
    let ((der, jwk), (foreign, _)) = (made("a"), made("a"));
    let client = Client {
        auth_method: TokenEndpointAuthMethod::SelfSignedTlsClientAuth,
        ..confidential_client()
    };
    let keys = KeySet::parse(&json!({ "keys": [jwk] })).unwrap();
    let check = |der: &[u8], keys: &KeySet| {
        let read = Certificate::parse(der).unwrap();
        let proof = CertificateProof {
            certificate: Some(&read),
            is_vouched_for: false,
            keys,
        };
        authenticate(&client, &presented(&client), proof)
    };
    let mismatch = Err(ClientAuthRefusal::CertificateMismatch);
    assert_eq!(check(&der, &keys), Ok(()));
    assert_eq!(check(&foreign, &keys), mismatch, "of the same name");
    assert_eq!(check(&der, &KeySet::default()), mismatch);
}
