//! An authenticator in software: makes discoverable P-256 credentials and signs assertions, or gets one
//! thing wrong when asked to (WebAuthn Level 3 §6).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What it does, and what it may do wrong.
#[derive(Clone)]
pub(super) struct Behaviour {
    pub origin: &'static str,
    pub rp_id: &'static str,
    pub verifies_user: bool,
    pub backed_up: bool,
    /// Adds this to the counter each time.
    pub counts: u32,
    /// Signs another challenge than the one it was given.
    pub other_challenge: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            origin: "https://login.example.org",
            rp_id: "login.example.org",
            verifies_user: true,
            backed_up: false,
            counts: 1,
            other_challenge: false,
        }
    }
}

pub(super) struct SoftAuthenticator {
    pub behaviour: Behaviour,
    key: EcdsaKeyPair,
    id: [u8; 32],
    user: String,
    counter: u32,
}

impl SoftAuthenticator {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id).expect("random bytes");
        Self {
            behaviour,
            key,
            id,
            user: String::new(),
            counter: 0,
        }
    }

    /// Answers `navigator.credentials.create`.
    pub(super) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user = options["user"]["id"]
            .as_str()
            .expect("a user handle")
            .to_owned();
        let mut data = self.data(0x40);
        data.extend([0; 16]);
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(self.id);
        let point = self.key.public_key().as_ref();
        // COSE: EC2, ES256, P-256, x, y.
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..65]);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": bytes}.
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        object.extend((data.len() as u16).to_be_bytes());
        object.extend(data);
        let client_data = self.client_data("webauthn.create", options);
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
        let backup = if self.behaviour.backed_up { 0x18 } else { 0 };
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
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.behaviour.origin });
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
