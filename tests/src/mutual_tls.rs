//! A provider behind its own TLS that asks clients for certificates, and connections that show some (RFC 8705).

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{bed, keeper::free_port, person::Person, program};

/// Who vouches for certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Identity {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    key: KeyPair,
}

impl Authority {
    /// A fresh one.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let made = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self(made))
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem(
            "CERTIFICATE",
            AsRef::<rcgen::Certificate>::as_ref(&self.0).der(),
        )
    }

    /// A certificate for a name.
    pub fn identity(&self, name: &str) -> anyhow::Result<Identity> {
        let key = KeyPair::generate()?;
        let made = params(name)?.signed_by(&key, &self.0)?;
        Ok(Identity {
            certificate: made.der().to_vec(),
            key,
        })
    }
}

fn params(name: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    Ok(params)
}

impl Identity {
    /// A certificate that nobody but its own key vouches for.
    pub fn self_signed(name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let made = params(name)?.self_signed(&key)?;
        Ok(Self {
            certificate: made.der().to_vec(),
            key,
        })
    }

    /// The key with its certificate, as a client registers it (RFC 8705 §2.2.2).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.key.der_bytes();
        json!({
            "kty": "EC", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
            "x5c": [STANDARD.encode(&self.certificate)],
        })
    }

    /// What tokens are bound to (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate);
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// The value of `Client-Cert` (RFC 9440 §2.2).
    #[must_use]
    pub fn header(&self) -> String {
        format!(":{}:", STANDARD.encode(&self.certificate))
    }

    fn pem(&self) -> String {
        let key = pem("PRIVATE KEY", &self.key.serialize_der());
        format!("{}{key}", pem("CERTIFICATE", &self.certificate))
    }
}

/// A running provider; killed when dropped.
pub struct Provider {
    /// Where people go; no certificate is asked for there.
    pub issuer: String,
    /// Where certificates are asked for.
    pub alias: String,
    authority: Authority,
    folder: TempDir,
    process: Child,
}

impl Provider {
    /// Serves with these clients, of whom `clients` may vouch.
    pub async fn start(clients: &Authority, toml: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, other) = (free_port()?, free_port()?);
        let (issuer, alias) = (
            format!("https://localhost:{port}"),
            format!("https://localhost:{other}"),
        );
        let authority = Authority::new("the servers' authority")?;
        let own = authority.identity("localhost")?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("server.pem", &pem("CERTIFICATE", &own.certificate))?;
        write("server.key", &pem("PRIVATE KEY", &own.key.serialize_der()))?;
        write("clients.pem", &clients.pem())?;
        let config = format!(
            "issuer = {issuer:?}\nlisten = \"127.0.0.1:{port}\"\nstate_dir = \"state\"\n\
             [tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n\
             [mtls]\nrequest_certificates = true\nlisten = \"127.0.0.1:{other}\"\n\
             alias = {alias:?}\nca_file = \"clients.pem\"\n{toml}"
        );
        write("whorl.toml", &config)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let process = program::command("whorl", folder.path())
            .args(["serve", "--config", "whorl.toml"])
            .env("WHORL_MODELS", "no-models")
            .env("WHORL_CONFORMANCE_PASSWORD", bed::PASSWORD)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("whorl")?;
        let mut provider = Self {
            issuer,
            alias,
            authority,
            folder,
            process,
        };
        provider.wait().await?;
        Ok(provider)
    }

    /// Connections that trust the provider, and show this certificate to it where it asks.
    pub fn connections(&self, identity: Option<&Identity>) -> anyhow::Result<reqwest::Client> {
        let mut builder = self.trusting()?;
        if let Some(identity) = identity {
            builder = builder.identity(reqwest::Identity::from_pem(identity.pem().as_bytes())?);
        }
        Ok(builder.build()?)
    }

    /// A browser that trusts the provider.
    pub fn person(&self) -> anyhow::Result<Person> {
        Ok(Person::on(self.trusting()?))
    }

    fn trusting(&self) -> anyhow::Result<reqwest::ClientBuilder> {
        let authority = reqwest::Certificate::from_pem(self.authority.pem().as_bytes())?;
        Ok(reqwest::Client::builder()
            .tls_certs_only([authority])
            .no_proxy())
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_in(self.folder.path())).unwrap_or_default()
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let http = self.connections(None)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let answer = http.get(format!("{}/readyz", self.alias)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(ended) = self.process.try_wait()? {
                bail!("ended with {ended}\n{}", self.log());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("not ready\n{}", self.log());
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the provider's log\n{}", self.log());
        }
    }
}

fn log_in(folder: &Path) -> std::path::PathBuf {
    folder.join("log")
}

/// RFC 7468 §2: 64 characters a line.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
