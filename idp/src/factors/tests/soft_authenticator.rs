//! An authenticator in software: makes discoverable P-256 credentials and signs assertions, or gets one
//! thing wrong when asked to (WebAuthn Level 3 §6).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

/// What it does, and what it may do wrong.
#[derive(Clone)]
pub(super) struct Behaviour {
    pub origin: &'static str,
    pub rp_id: &'static str,
    pub verifies_user: bool,
    /// Says that it can be copied to other devices, and that it was.
    pub eligible: bool,
    pub backed_up: bool,
    /// Adds this to the counter each time.
    pub counts: u32,
    /// Asked by a page that another origin frames.
    pub is_framed: bool,
    /// Signs another challenge than the one it was given.
    pub other_challenge: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            origin: "https://login.example.org",
            rp_id: "login.example.org",
            verifies_user: true,
            eligible: false,
            backed_up: false,
            counts: 1,
            is_framed: false,
            other_challenge: false,
        }
    }
}

/// Whoever makes authenticators of one model, and vouches for them (WebAuthn Level 3 §8.2).
pub(super) struct Maker {
    pub root: CertifiedIssuer<'static, KeyPair>,
    pub model: [u8; 16],
    certificate: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Maker {
    pub(super) fn new(model: [u8; 16]) -> Self {
        Self::naming(model, model)
    }

    /// One whose certificate names another model than its authenticators do.
    pub(super) fn naming(named: [u8; 16], model: [u8; 16]) -> Self {
        let mut root = CertificateParams::new(Vec::new()).expect("parameters");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        root.distinguished_name
            .push(DnType::CommonName, "A maker of keys");
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key"));
        let root = root.expect("a root");
        // §8.2.1: version 3, these names, no authority, and the model where there are several.
        let mut leaf = CertificateParams::new(Vec::new()).expect("parameters");
        leaf.is_ca = IsCa::ExplicitNoCa;
        for (kind, text) in [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "A maker of keys"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Batch 1"),
        ] {
            leaf.distinguished_name.push(kind, text);
        }
        let octets = [&[0x04, 0x10], &named[..]].concat();
        let oid = [1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
        leaf.custom_extensions
            .push(CustomExtension::from_oid_content(&oid, octets));
        let pair = KeyPair::generate().expect("a key");
        let certificate = leaf.signed_by(&pair, &root).expect("a certificate");
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        Self {
            model,
            certificate: certificate.der().to_vec(),
            key: EcdsaKeyPair::from_pkcs8(alg, &pair.serialize_der()).expect("the same key"),
            root,
        }
    }
}

pub(super) struct SoftAuthenticator {
    pub behaviour: Behaviour,
    /// Who vouches for it.
    pub maker: Option<Arc<Maker>>,
    key: EcdsaKeyPair,
    id: [u8; 32],
    user: String,
    pub counter: u32,
}

impl SoftAuthenticator {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id).expect("random bytes");
        Self {
            behaviour,
            maker: None,
            key,
            id,
            user: String::new(),
            counter: 0,
        }
    }

    /// Says that it is another, whose key it lacks.
    pub(super) fn pass_for(&mut self, other: &Self) {
        (self.id, self.user) = (other.id, other.user.clone());
        self.counter = other.counter;
    }

    /// Answers `navigator.credentials.create`.
    pub(super) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user = options["user"]["id"]
            .as_str()
            .expect("a user handle")
            .to_owned();
        let mut data = self.data(0x40);
        data.extend(self.maker.as_ref().map_or([0; 16], |maker| maker.model));
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(self.id);
        let point = self.key.public_key().as_ref();
        // COSE: EC2, ES256, P-256, x, y.
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..65]);
        let client_data = self.client_data("webauthn.create", options);
        let statement = match &self.maker {
            None => b"fmt\x64none\x67attStmt\xa0".to_vec(),
            Some(maker) => {
                let signed = [&data, digest(&SHA256, &client_data).as_ref()].concat();
                let signature = maker.key.sign(&SystemRandom::new(), &signed);
                let signature = signature.expect("signs");
                // {"alg": ES256, "sig": bytes, "x5c": [bytes]}
                let mut statement = b"fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig\x58".to_vec();
                statement.push(u8::try_from(signature.as_ref().len()).expect("short"));
                statement.extend(signature.as_ref());
                statement.extend(b"\x63x5c\x81\x59");
                statement.extend((maker.certificate.len() as u16).to_be_bytes());
                statement.extend(&maker.certificate);
                statement
            }
        };
        // CBOR: {"fmt": text, "attStmt": map, "authData": bytes}.
        let mut object = vec![0xa3, 0x63];
        object.extend(statement);
        object.extend(b"\x68authData\x59");
        object.extend((data.len() as u16).to_be_bytes());
        object.extend(data);
        self.wrap(
            json!({ "attestationObject": text(&object), "clientDataJSON": text(&client_data) }),
        )
    }

    /// Answers `navigator.credentials.get`.
    pub(super) fn get(&mut self, options: &Value) -> Value {
        self.counter += self.behaviour.counts;
        let data = self.data(0);
        let client_data = self.client_data("webauthn.get", &options["publicKey"]);
        let signed = [&data, digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("signs");
        self.wrap(json!({
            "authenticatorData": text(&data),
            "clientDataJSON": text(&client_data),
            "signature": text(signature.as_ref()),
            "userHandle": self.user,
        }))
    }

    fn data(&self, more_flags: u8) -> Vec<u8> {
        let verified = if self.behaviour.verifies_user {
            0x04
        } else {
            0
        };
        let eligible = if self.behaviour.eligible { 0x08 } else { 0 };
        let backup = eligible | if self.behaviour.backed_up { 0x10 } else { 0 };
        let mut data = digest(&SHA256, self.behaviour.rp_id.as_bytes())
            .as_ref()
            .to_vec();
        data.push(0x01 | verified | backup | more_flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let mut challenge = options["challenge"]
            .as_str()
            .expect("a challenge")
            .to_owned();
        if self.behaviour.other_challenge {
            challenge = text(&[7; 32]);
        }
        let mut data = json!({
            "type": kind, "challenge": challenge, "origin": self.behaviour.origin,
            "crossOrigin": self.behaviour.is_framed,
        });
        if self.behaviour.is_framed {
            data["topOrigin"] = "https://evil.test".into();
        }
        data.to_string().into_bytes()
    }

    fn wrap(&self, response: Value) -> Value {
        let id = text(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response })
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
