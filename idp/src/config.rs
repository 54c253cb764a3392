//! The configuration: one commented default file, an operator's own file over it, the environment over both.

pub mod hint_issuer;
pub mod notices;
pub mod seed;
pub mod tries;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config as Layers, Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use self::hint_issuer::ConfiguredHintIssuer;
use self::mtls::Mtls;
use self::notices::Notices;
use self::password::Password;
use self::seed::Seed;
use crate::clients::Draft;
use crate::database_file;
use crate::factors::fingerprint::TemplateUpdate;
use crate::login::policy::Policy;
use crate::models::TrustedKey;
use crate::oidc::authorization_details::DetailType;
use crate::oidc::grants::token_exchange::ExchangeRule;
use crate::oidc::signing_alg::SigningAlg;
use crate::store::Backoff;

mod client;
pub mod devices;
pub mod mtls;
mod outside;
pub mod passkey;
pub mod password;
pub mod protected;
pub mod risk;

pub use client::{ConfiguredClient, PLACEHOLDER_SECRET};
pub use outside::{Outbound, OutboundTarget, Registration, StatementIssuer};

/// The defaults, as the file that an operator reads.
pub const DEFAULTS: &str = include_str!("../../config/whorl.toml");

/// Why a configuration is not usable; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Unreadable(#[from] config::ConfigError),
    #[error("issuer {0}: use https, or http on localhost, 127.0.0.1 or [::1]")]
    InsecureIssuer(Url),
    #[error("issuer {0}: leave out query and fragment (OpenID Connect Discovery, section 3)")]
    IssuerWithQuery(Url),
    #[error(
        "[demo] enabled accepts uploaded samples and starts only on a loopback issuer; the issuer is {0}"
    )]
    DemoOnPublicIssuer(Url),
    #[error("[tls] wants both certificate and key, or neither")]
    HalfTls,
    #[error("[vault] {0}")]
    Vault(&'static str),
    #[error("[policy] {0}")]
    Policy(String),
    #[error("[[resource]] {uri}: {problem}")]
    Resource { uri: String, problem: &'static str },
    #[error(
        "[[seed]] makes people with known passwords and starts only on a loopback issuer; the issuer is {0}"
    )]
    SeedOnPublicIssuer(Url),
    #[error("[[hint_issuer]] {name}: {problem}")]
    HintIssuer { name: String, problem: &'static str },
    #[error("[mtls] {0}")]
    Mtls(&'static str),
    #[error("[metrics] listen is not an address and a port, such as 127.0.0.1:9464")]
    Metrics,
    #[error("[risk] {0}")]
    Risk(&'static str),
    #[error("[passkey] {0}")]
    Passkey(&'static str),
    #[error("[devices] {0}")]
    Devices(&'static str),
    #[error("[tries] {0}")]
    Tries(&'static str),
    #[error("[password] {0}")]
    Password(&'static str),
    #[error("[notices] {0}")]
    Notices(&'static str),
    #[error("[[client]] {id}: {problem}")]
    Client { id: String, problem: String },
}

/// Everything that can be set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub issuer: Url,
    pub listen: SocketAddr,
    pub state_dir: PathBuf,
    pub trusted_proxies: Vec<IpNet>,
    pub database: Database,
    pub vault: Vault,
    pub aws: Aws,
    pub models: Models,
    pub tls: Tls,
    pub mtls: Mtls,
    pub demo: Demo,
    pub session: Session,
    pub people: People,
    pub tokens: Tokens,
    pub keys: Keys,
    pub passkey: passkey::Passkey,
    pub password: Password,
    pub devices: devices::Devices,
    pub tries: tries::Tries,
    pub limits: Limits,
    pub face: Face,
    pub fingerprint: Fingerprint,
    pub metrics: Metrics,
    pub log: Log,
    pub outbound: Outbound,
    pub notices: Notices,
    pub registration: Registration,
    pub policy: Policy,
    pub risk: risk::Risk,
    pub userinfo: protected::Userinfo,
    /// Protected resources that access tokens may be for.
    #[serde(default, rename = "resource")]
    pub resources: Vec<protected::ConfiguredResource>,
    /// Types of authorization details (RFC 9396).
    #[serde(default, rename = "authorization_detail")]
    pub authorization_details: Vec<DetailType>,
    /// Who may exchange which tokens (RFC 8693).
    #[serde(default)]
    pub token_exchange: Vec<ExchangeRule>,
    pub ciba: protected::Ciba,
    /// Relying parties kept in the configuration; others live in the database.
    #[serde(default, rename = "client")]
    pub clients: Vec<ConfiguredClient>,
    /// Other issuers whose hints name people for one factor more.
    #[serde(default, rename = "hint_issuer")]
    pub hint_issuers: Vec<ConfiguredHintIssuer>,
    /// Subjects of a test bed.
    #[serde(default, rename = "seed")]
    pub seeds: Vec<Seed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    url: SecretString,
    pub connections: u32,
    pub migrate: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum BlobsKind {
    Directory,
    S3,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Local,
    Kms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    pub blobs: BlobsKind,
    directory: PathBuf,
    pub bucket: String,
    pub prefix: String,
    pub key: KeyKind,
    local_key_file: PathBuf,
    pub kms_key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    endpoint_url: String,
    pub path_style: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    directory: PathBuf,
    /// Whose signed packs are taken.
    #[serde(default)]
    pub trusted_keys: Vec<TrustedKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    pub enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub lifetime_s: u32,
    pub attempt_s: u32,
    pub capture_s: u32,
    pub invitation_s: u32,
    pub enrolment_s: u32,
    pub check_session: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    registration_url: String,
    /// Whether anybody may make an account for themselves, where an application asks for that.
    pub self_registration: bool,
    help_url: String,
}

impl People {
    /// Where people register themselves, where they may.
    #[must_use]
    pub fn registration(&self) -> Option<&str> {
        Some(self.registration_url.as_str()).filter(|url| !url.is_empty())
    }

    /// Where people turn to who cannot sign in any more.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        Some(self.help_url.as_str()).filter(|url| !url.is_empty())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub code_s: u32,
    pub access_token_s: u32,
    pub id_token_s: u32,
    pub refresh_token_s: u32,
    /// Whether DPoP proofs need a nonce of ours.
    pub dpop_nonce: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub algorithms: Vec<SigningAlg>,
    pub publish_before_s: u32,
    pub rotate_after_s: u32,
    pub keep_after_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub guesses_per_minute: u32,
    /// Logins that one address may begin.
    pub logins_per_minute: u32,
    /// Connections that one address may hold.
    pub connections_per_address: u32,
    pub biometric_workers: usize,
    pub biometric_queue: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    pub false_match_rate: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    pub false_match_rate: f64,
    pub least_quality: u8,
    pub update: TemplateUpdate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    listen: String,
    pub allow: Vec<IpNet>,
}

impl Metrics {
    /// The address of the listener that serves them.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

impl Config {
    /// The defaults, `file` over them, the environment over both.
    ///
    /// # Errors
    /// [`ConfigError`] names the value and what to write instead.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::build(Self::layers(file))
    }

    fn layers(file: Option<&Path>) -> config::ConfigBuilder<config::builder::DefaultState> {
        let mut layers = Layers::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        layers.add_source(environment())
    }

    /// The same without looking at what it says, for whoever says what is wrong with it.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`].
    pub fn load_unchecked(file: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(Self::layers(file).build()?.try_deserialize()?)
    }

    #[cfg(test)]
    pub(crate) fn unchecked_from_toml(text: &str) -> Result<Self, ConfigError> {
        let layers = Layers::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(File::from_str(text, FileFormat::Toml));
        Ok(layers.build()?.try_deserialize()?)
    }

    /// The defaults with a TOML text over them, and nothing from the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::build(
            Layers::builder()
                .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
                .add_source(File::from_str(text, FileFormat::Toml)),
        )
    }

    fn build(
        layers: config::ConfigBuilder<config::builder::DefaultState>,
    ) -> Result<Self, ConfigError> {
        let config: Self = layers.build()?.try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.issuer.query().is_some() || self.issuer.fragment().is_some() {
            return Err(ConfigError::IssuerWithQuery(self.issuer.clone()));
        }
        if self.issuer.scheme() != "https"
            && !(self.issuer.scheme() == "http" && self.is_loopback())
        {
            return Err(ConfigError::InsecureIssuer(self.issuer.clone()));
        }
        if self.demo.enabled && !self.is_loopback() {
            return Err(ConfigError::DemoOnPublicIssuer(self.issuer.clone()));
        }
        if !self.seeds.is_empty() && !self.is_loopback() {
            return Err(ConfigError::SeedOnPublicIssuer(self.issuer.clone()));
        }
        self.check_plug_in()?;
        if self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty() {
            return Err(ConfigError::HalfTls);
        }
        self.mtls
            .check(self.tls().is_some(), !self.trusted_proxies.is_empty())?;
        self.passkey.check()?;
        self.devices.check(self.policy.looks_at_devices())?;
        self.tries.check()?;
        self.password.check(self.is_loopback())?;
        if !self.metrics.listen.is_empty() && self.metrics.listen().is_none() {
            return Err(ConfigError::Metrics);
        }
        self.notices.check()?;
        self.risk.check()?;
        if self.vault.blobs == BlobsKind::S3 && self.vault.bucket.is_empty() {
            return Err(ConfigError::Vault("blobs = \"s3\" wants a bucket"));
        }
        if self.vault.key == KeyKind::Kms && self.vault.kms_key_id.is_empty() {
            return Err(ConfigError::Vault("key = \"kms\" wants kms_key_id"));
        }
        // Each that may wait is asked for in turn.
        if !(1..=100).contains(&self.ciba.waiting) || self.ciba.per_hour == 0 {
            let says = "[ciba] waiting is 1 to 100, and per_hour at least 1";
            return Err(ConfigError::Policy(says.into()));
        }
        if self.keys.algorithms.is_empty() {
            return Err(ConfigError::Policy("[keys] algorithms names none".into()));
        }
        if let Some(address) = self.people.registration()
            && !Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
        {
            return Err(ConfigError::Policy(
                "[people] registration_url is not a web address".into(),
            ));
        }
        let helps = |url: Url| matches!(url.scheme(), "https" | "http" | "mailto" | "tel");
        if let Some(address) = self.people.help()
            && !Url::parse(address).is_ok_and(helps)
        {
            return Err(ConfigError::Policy(
                "[people] help_url is no address of a page, of mail or of a telephone".into(),
            ));
        }
        self.policy
            .check(self.demo.enabled)
            .map_err(|error| ConfigError::Policy(error.to_string()))
    }

    /// Whether what clients name in other sections is there.
    fn check_plug_in(&self) -> Result<(), ConfigError> {
        for issuer in &self.hint_issuers {
            if let Some(problem) = issuer.fault() {
                let name = issuer.name.clone();
                return Err(ConfigError::HintIssuer { name, problem });
            }
        }
        for client in &self.clients {
            self.check_names(client)?;
        }
        Ok(())
    }

    /// Whether the issuer is a loopback host, where http and the demonstration are allowed.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.issuer.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
            None => false,
        }
    }

    /// The issuer as it stands in `iss`: without the slash that a bare origin would end in.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        self.issuer.as_str().trim_end_matches('/').to_owned()
    }

    /// The database's URL; SQLite in the state directory where none is given.
    #[must_use]
    pub fn database_url(&self) -> String {
        match self.embedded_database() {
            Some(file) => format!("sqlite://{}?mode=rwc", file.display()),
            None => self.database.url.expose_secret().to_owned(),
        }
    }

    /// The file of the database, where it is one.
    #[must_use]
    pub fn database_file(&self) -> Option<PathBuf> {
        database_file::of_url(&self.database_url())
    }

    /// The file of the embedded database, where no other is configured.
    #[must_use]
    pub fn embedded_database(&self) -> Option<PathBuf> {
        let is_embedded = self.database.url.expose_secret().is_empty();
        is_embedded.then(|| self.state_dir.join("whorl.db"))
    }

    /// Where the directory vault lies.
    #[must_use]
    pub fn vault_directory(&self) -> PathBuf {
        or(&self.vault.directory, || self.state_dir.join("vault"))
    }

    /// Where the local key lies.
    #[must_use]
    pub fn local_key_file(&self) -> PathBuf {
        or(&self.vault.local_key_file, || {
            self.state_dir.join("vault.key")
        })
    }

    /// The AWS endpoint to use in place of AWS's own.
    #[must_use]
    pub fn aws_endpoint(&self) -> Option<&str> {
        Some(self.aws.endpoint_url.as_str()).filter(|url| !url.is_empty())
    }

    /// Where signed model packs lie, where the vault is a directory.
    #[must_use]
    pub fn packs_directory(&self) -> PathBuf {
        self.state_dir.join("packs")
    }

    /// The model folder that was named.
    #[must_use]
    pub fn models_directory(&self) -> Option<&Path> {
        Some(self.models.directory.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// Certificate and key files.
    #[must_use]
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        Some((self.tls.certificate.as_path(), self.tls.key.as_path()))
            .filter(|(c, _)| !c.as_os_str().is_empty())
    }

    /// How failures are slowed.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        Backoff {
            free_tries: self.tries.free,
            first_wait: Duration::from_secs(self.tries.first_wait_s.into()),
            longest_wait: Duration::from_secs(self.tries.longest_wait_s.into()),
        }
    }

    /// The relying parties of the file, as they are before their secrets are put away.
    ///
    /// # Errors
    /// [`ConfigError::Client`] where one is not a valid registration.
    pub fn configured_clients(&self) -> Result<Vec<Draft>, ConfigError> {
        let held = &self.keys.algorithms;
        self.clients
            .iter()
            .map(|client| client.draft(held))
            .collect()
    }
}

fn or(path: &Path, otherwise: impl FnOnce() -> PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() {
        otherwise()
    } else {
        path.to_owned()
    }
}

/// `WHORL_…`, but for the variables that name things outside the configuration.
fn environment() -> Environment {
    let known_elsewhere = [
        "WHORL_MODELS",
        "WHORL_SHARED",
        "WHORL_CACHE",
        "WHORL_CONFIG",
        "WHORL_TEST_ALL",
        outside::CA_FILE,
    ];
    let variables = std::env::vars()
        .filter(|(name, _)| name.starts_with("WHORL_"))
        .filter(|(name, _)| {
            !known_elsewhere.contains(&name.as_str())
                && !["WHORL_ADMIN_", "WHORL_CONFORMANCE_", "WHORL_ENTRA_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        })
        .collect();
    Environment::with_prefix("WHORL")
        .prefix_separator("_")
        .separator("__")
        .try_parsing(true)
        .source(Some(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> String {
        Config::from_toml(toml).map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(check(""), "fine");
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_way_out() {
        for (toml, says) in [
            ("issuer = \"http://login.example.org\"", "use https"),
            (
                "issuer = \"https://login.example.org\"\n[demo]\nenabled = true",
                "loopback issuer",
            ),
            ("[metrics]\nlisten = \"9464\"", "an address and a port"),
            (
                "issuer = \"https://login.example.org/?a=b\"",
                "leave out query",
            ),
            (
                "issuer = \"https://login.example.org\"\n[[seed]]\nusername = \"alice\"",
                "loopback issuer",
            ),
            (
                "[[hint_issuer]]\nname = \"e\"\nissuer = \"http://x/{tid}\"\naudiences = [\"a\"]\ntenants = [\"t\"]",
                "https",
            ),
            (
                "[[hint_issuer]]\nname = \"e\"\nissuer = \"https://x/{tid}\"\naudiences = [\"a\"]",
                "tenants names none",
            ),
            (
                "[[client]]\nid = \"e\"\nredirect_uris = [\"https://x/\"]\nexternal_method = \"e\"",
                "names no [[hint_issuer]]",
            ),
            (
                "[[client]]\nid = \"e\"\nredirect_uris = [\"https://x/\"]\nacr_aliases = { phr = \"urn:no\" }",
                "urn:no",
            ),
            (
                "[[client]]\nid = \"e\"\nredirect_uris = [\"https://x/\"]\ndefault_acr = \"nope\"",
                "default_acr names nope, for which [policy] has no rule",
            ),
            ("[tls]\ncertificate = \"a.pem\"", "both"),
            ("[vault]\nblobs = \"s3\"", "bucket"),
            ("[vault]\nkey = \"kms\"", "kms_key_id"),
            ("[vaullt]\nkey = \"kms\"", "vaullt"),
            ("[policy]\ndefault_acr = \"urn:other\"", "urn:other"),
        ] {
            let got = check(toml);
            assert!(got.contains(says), "{toml}: {got}");
        }
    }
}
