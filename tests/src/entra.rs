//! Microsoft Entra's side of an external authentication method: it publishes keys by https, signs hints of who was
//! asked for a first factor, and takes the answer as a form.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{
    Json, Router,
    extract::{Form, Path as InPath, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::subject::unix_time;

/// The tenant that may come.
pub const TENANT: &str = "5f0c9a3e-0000-4000-8000-00000000a11c";
/// The object that is linked to alice.
pub const OBJECT: &str = "0b1ec7ed-0000-4000-8000-00000000a11c";
/// What Entra calls her towards us.
pub const SUB: &str = "pairwise-AbC_123";
/// The `claims` parameter, word for word as Entra sends it.
pub const CLAIMS: &str = r#"{"id_token":{"acr":{"essential":true,"values":["possessionorinherence"]},"amr":{"essential":true,"values":["face","fido","fpt","hwk","iris","otp","pop","retina","sc","sms","swk","tel","vbm"]}}}"#;

/// The simulator; its server lives as long as the test's runtime.
pub struct Entra {
    pub port: u16,
    folder: TempDir,
    key: rsa::KeyPair,
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    keys: Mutex<Option<Value>>,
    fetches: AtomicUsize,
    answers: Mutex<Vec<Vec<(String, String)>>>,
}

impl Entra {
    /// Serves on a free port of the loopback address, under a certificate authority of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let tls = certificate(folder.path())?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            origin: format!("https://127.0.0.1:{port}"),
            keys: Mutex::new(None),
            fetches: AtomicUsize::new(0),
            answers: Mutex::default(),
        });
        let routes = Router::new()
            .route(
                "/entra/{tenant}/v2.0/.well-known/openid-configuration",
                get(discovery),
            )
            .route("/entra/keys", get(keys))
            .route("/common/federation/externalauthprovider", post(answer))
            .with_state(Arc::clone(&shared));
        let server = axum_server::from_tcp_rustls(listener, tls)?;
        tokio::spawn(server.serve(routes.into_make_service_with_connect_info::<SocketAddr>()));
        let entra = Self {
            port,
            folder,
            key: rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?,
            shared,
        };
        entra.publish(Some(&entra.key));
        Ok(entra)
    }

    /// The certificate authority, PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where answers go.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        format!(
            "{}/common/federation/externalauthprovider",
            self.shared.origin
        )
    }

    /// Publishes this key alone, or answers 503 from now on.
    pub fn publish(&self, key: Option<&rsa::KeyPair>) {
        let jwk = key.map(|key| {
            let public = key.public_key();
            json!({
                "kty": "RSA", "use": "sig", "kid": kid(key),
                "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            })
        });
        let mut keys = self
            .shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *keys = jwk;
    }

    /// How often anything was fetched so far.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// The forms that arrived at the redirect URI.
    #[must_use]
    pub fn answers(&self) -> Vec<Vec<(String, String)>> {
        self.shared
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A client that trusts this Entra.
    pub fn browser(&self) -> anyhow::Result<reqwest::Client> {
        let ca = reqwest::Certificate::from_pem(&fs::read(self.ca_file())?)?;
        Ok(reqwest::Client::builder()
            .tls_certs_merge([ca])
            .no_proxy()
            .build()?)
    }

    /// The claims of a hint about alice, issued now and, as Entra does it, expired at once.
    #[must_use]
    pub fn claims(&self) -> Value {
        let now = now();
        json!({
            "ver": "2.0", "iss": format!("{}/entra/{TENANT}/v2.0", self.shared.origin), "aud": "entra",
            "exp": now, "iat": now, "nbf": now, "tid": TENANT, "oid": OBJECT, "sub": SUB,
            "preferred_username": "alice@contoso.example", "name": "Alice", "uti": random(),
        })
    }

    /// A hint with some claims changed.
    #[must_use]
    pub fn hint(&self, changes: &Value) -> String {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        self.signed(
            &json!({ "typ": "JWT", "alg": "RS256", "kid": kid(&self.key) }),
            &claims,
            &self.key,
        )
    }

    /// A JWS of that header and those claims by this key, whatever the header says.
    ///
    /// # Panics
    /// When the key does not sign.
    #[must_use]
    pub fn signed(&self, header: &Value, claims: &Value, key: &rsa::KeyPair) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .expect("invariant: a fresh key signs");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The header of a hint by its own key.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": "RS256", "kid": kid(&self.key) })
    }

    /// Its own key.
    #[must_use]
    pub fn key(&self) -> &rsa::KeyPair {
        &self.key
    }

    /// The form that Entra's page posts to the authorization endpoint.
    #[must_use]
    pub fn form(&self, hint: &str) -> Vec<(String, String)> {
        [
            ("scope", "openid"),
            ("response_type", "id_token"),
            ("response_mode", "form_post"),
            ("client_id", "entra"),
            ("redirect_uri", &self.redirect_uri()),
            ("nonce", "AwABAAEAAAACAOz_BAD0"),
            ("state", "opaque<state>&more"),
            ("id_token_hint", hint),
            ("claims", CLAIMS),
            ("client-request-id", "0ddba11e-0000-4000-8000-000000000001"),
            ("something-new", "of which nothing is known"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

/// The identifier of a key: the beginning of its modulus.
#[must_use]
pub fn kid(key: &rsa::KeyPair) -> String {
    let modulus = key.public_key().modulus();
    URL_SAFE_NO_PAD.encode(&modulus.big_endian_without_leading_zero()[..12])
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    unix_time()
}

fn random() -> String {
    uuid::Uuid::new_v4().to_string()
}

async fn discovery(
    State(shared): State<Arc<Shared>>,
    InPath(tenant): InPath<String>,
) -> Result<Json<Value>, StatusCode> {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let origin = &shared.origin;
    // Like the real one, the document of all tenants has a pattern for its issuer.
    let tenant = if tenant == "common" {
        "{tenantid}"
    } else {
        &tenant
    };
    Ok(Json(json!({
        "issuer": format!("{origin}/entra/{tenant}/v2.0"), "jwks_uri": format!("{origin}/entra/keys"),
    })))
}

async fn keys(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, StatusCode> {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let keys = shared.keys.lock().unwrap_or_else(PoisonError::into_inner);
    let key = keys.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "keys": [key] })))
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> StatusCode {
    let mut answers = shared
        .answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    answers.push(fields);
    StatusCode::OK
}

/// A certificate for 127.0.0.1, and the authority that signed it as `ca.pem`.
pub(crate) fn certificate(folder: &Path) -> anyhow::Result<RustlsConfig> {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority_key = rcgen::KeyPair::generate()?;
    let mut authority = rcgen::CertificateParams::new(Vec::new())?;
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Entra's authority in a test");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key)?;
    let key = rcgen::KeyPair::generate()?;
    let own =
        rcgen::CertificateParams::new(vec!["127.0.0.1".into()])?.signed_by(&key, &authority)?;
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        wrapped(&STANDARD.encode(AsRef::<rcgen::Certificate>::as_ref(&authority).der()))
    );
    fs::write(folder.join("ca.pem"), pem)?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .context("the certificate")?;
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// RFC 7468 §2: 64 characters a line.
fn wrapped(text: &str) -> String {
    text.as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect::<Vec<_>>()
        .join("\n")
}
