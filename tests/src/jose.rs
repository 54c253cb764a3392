//! JOSE by an independent implementation: `joserfc`, in the Python environment of the tests.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::missing::{Missing, python_program};

/// The other implementation, in a process of its own that answers line by line.
#[derive(Debug, Clone)]
pub struct Jose(Arc<Mutex<Process>>);

#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Jose {
    /// Finds it.
    pub fn here() -> Result<Self, Missing> {
        // The interpreter stands beside the programs of its environment.
        let python = python_program("kubernetes-validate")?.with_file_name("python");
        let mut child = Command::new(python)
            .args(["-W", "ignore", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Missing::new(format!("python: {error}"), "run tests/setup"))?;
        let input = child.stdin.take().expect("invariant: piped");
        let output = BufReader::new(child.stdout.take().expect("invariant: piped"));
        let process = Process {
            child,
            input,
            output,
        };
        Ok(Self(Arc::new(Mutex::new(process))))
    }

    /// A fresh private key as JWK: `RSA`, `P-256`, `P-384`, or `Ed25519`.
    pub fn key(&self, kind: &str, parameters: Value) -> anyhow::Result<Value> {
        self.ask(json!({ "do": "key", "kind": kind, "parameters": parameters }))
    }

    /// The public part of a key.
    pub fn public(&self, key: &Value) -> anyhow::Result<Value> {
        self.ask(json!({ "do": "public", "key": key }))
    }

    /// A compact JWS with this header over these claims.
    pub fn sign(&self, header: Value, claims: &Value, key: &Value) -> anyhow::Result<String> {
        let signed = self.ask(
            json!({ "do": "sign", "header": header, "payload": claims.to_string(), "key": key }),
        )?;
        Ok(signed.as_str().context("no text")?.to_owned())
    }

    /// Header and claims of a compact JWS, verified with one of these keys.
    pub fn verify(&self, token: &str, keys: &Value) -> anyhow::Result<(Value, Value)> {
        let verified = self.ask(json!({ "do": "verify", "token": token, "keys": keys }))?;
        let claims = verified["payload"].as_str().context("no payload")?;
        Ok((verified["header"].clone(), serde_json::from_str(claims)?))
    }

    /// A compact JWE with this header over a text.
    pub fn encrypt(&self, header: Value, text: &str, key: &Value) -> anyhow::Result<String> {
        let sealed =
            self.ask(json!({ "do": "encrypt", "header": header, "payload": text, "key": key }))?;
        Ok(sealed.as_str().context("no text")?.to_owned())
    }

    /// Header and text of a compact JWE.
    pub fn decrypt(&self, token: &str, key: &Value) -> anyhow::Result<(Value, String)> {
        let opened = self.ask(json!({ "do": "decrypt", "token": token, "key": key }))?;
        let text = opened["payload"].as_str().context("no payload")?;
        Ok((opened["header"].clone(), text.to_owned()))
    }

    /// `at_hash` and its relatives (OIDC Core §3.1.3.6), by `sha256`, `sha384` or `sha512`.
    pub fn half_hash(&self, by: &str, text: &str) -> anyhow::Result<String> {
        let hash = self.ask(json!({ "do": "half_hash", "by": by, "text": text }))?;
        Ok(hash.as_str().context("no text")?.to_owned())
    }

    fn ask(&self, question: Value) -> anyhow::Result<Value> {
        let mut process = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(process.input, "{question}")?;
        process.input.flush()?;
        let mut line = String::new();
        process.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("no answer")?;
        ensure!(answer["error"].is_null(), "{}", answer["error"]);
        Ok(answer["answer"].clone())
    }
}

const SCRIPT: &str = r#"
import base64, hashlib, json, sys
from joserfc import jwe, jws
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey, import_key
SIGN = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519",
        "HS256", "HS384", "HS512"]
SEAL = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW",
        "A128CBC-HS256", "A128GCM", "A256GCM", "A256CBC-HS512"]
def answer(q):
    match q["do"]:
        case "key":
            p = q["parameters"]
            match q["kind"]:
                case "RSA": key = RSAKey.generate_key(2048, p, private=True)
                case "P-256" | "P-384": key = ECKey.generate_key(q["kind"], p, private=True)
                case "Ed25519": key = OKPKey.generate_key("Ed25519", p, private=True)
            return key.as_dict(private=True)
        case "public":
            return import_key(q["key"]).as_dict(private=False)
        case "sign":
            return jws.serialize_compact(q["header"], q["payload"], import_key(q["key"]), algorithms=SIGN)
        case "verify":
            o = jws.deserialize_compact(q["token"], KeySet.import_key_set(q["keys"]), algorithms=SIGN)
            return {"header": o.headers(), "payload": o.payload.decode()}
        case "encrypt":
            return jwe.encrypt_compact(q["header"], q["payload"], import_key(q["key"]), algorithms=SEAL)
        case "decrypt":
            o = jwe.decrypt_compact(q["token"], import_key(q["key"]), algorithms=SEAL)
            return {"header": o.headers(), "payload": o.plaintext.decode()}
        case "half_hash":
            h = hashlib.new(q["by"], q["text"].encode()).digest()
            return base64.urlsafe_b64encode(h[:len(h) // 2]).decode().rstrip("=")
for line in sys.stdin:
    try: out = {"answer": answer(json.loads(line))}
    except Exception as e: out = {"error": repr(e)}
    print(json.dumps(out), flush=True)
"#;
