//! [`App`]: the assembled services. The only place where parts are chosen by configuration and joined.

mod duplicates;
mod packs;
mod policy;

pub use packs::shelf;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration as StdDuration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use moka::future::Cache;
use time::Duration;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::aws::{AwsConnection, AwsSettings, KmsKeyWrap, S3Blobs, S3Settings};
use crate::capture::Captures;
use crate::capture::repeat::Repeats;
use crate::client_certificates::{AuthoritiesError, ClientAuthorities};
use crate::clients::{Documents, DraftError};
use crate::clock::Clock;
use crate::config::{BlobsKind, Config, ConfigError, KeyKind, protected};
use crate::database_file;
use crate::encryption_ring::EncryptionRing;
use crate::factors::breached::{Breached, BreachedError};
use crate::factors::fingerprint::{Fingerprint, FingerprintSettings};
use crate::factors::passkey::Passkeys;
use crate::factors::passkey::attestation::TrustedError;
use crate::factors::password::Password;
use crate::factors::recovery_code::RecoveryCode;
use crate::factors::totp::Totp;
use crate::factors::{Factor, FactorError, Registry};
use crate::hint_keys::HintKeys;
use crate::http::{Guesses, WrittenDocuments};
use crate::keys::KeyHolder;
use crate::keys::rotation::{RotationPolicy, RotationPolicyError};
use crate::login::journey::Journey;
use crate::login::mark::Marks;
use crate::login::risk::Trips;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::notices::{Mailer, MailerError};
use crate::oidc::authorization_details::DetailTypes;
use crate::oidc::client::Client;
use crate::oidc::dpop::NonceKey;
use crate::oidc::grant::Lifetimes;
use crate::oidc::grants::token_exchange::ExchangeRules;
use crate::oidc::mtls::Mtls;
use crate::oidc::provider::{Issuer, IssuerError, Provider};
use crate::oidc::resource::Resources;
use crate::oidc::scope::Scopes;
use crate::oidc::subject::PairwiseKey;
use crate::outbound::{Fetch, KeySets, Outbound, OutboundSettings, SettingsError};
use crate::own_keys::{OwnKeys, OwnKeysError};
use crate::places::Places;
use crate::policies::{InForce, Policies, PolicyRefused};
use crate::pool::{Pool, PoolSize};
use crate::random;
use crate::store::{Deployment, Store, StoreError};
use crate::tokens::{Keyring, OpaqueTokens, Tokens, TokensError};
use crate::vault::{
    Blobs, DirectoryBlobs, KeyWrap, LocalKey, OwnSecrets, Vault, VaultError, VaultLimits,
    VaultParts, WrappedKey,
};
use crate::words::Language;

/// The application, as every handler sees it.
pub type Shared = Arc<App>;

/// The assembled services.
pub struct App {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub vault: Arc<Vault>,
    pub journey: Journey,
    pub tokens: Tokens,
    pub provider: Provider,
    pub captures: Arc<Captures>,
    pub metrics: Arc<Metrics>,
    /// What fetches from addresses that others named.
    pub outbound: Arc<dyn Fetch>,
    /// Mail to people, where it is on.
    pub mailer: Option<Mailer>,
    /// Keys of clients, fetched when they are needed.
    pub key_sets: Arc<KeySets>,
    /// Hints of other issuers, and those issuers' keys.
    pub hints: HintKeys,
    pub guesses: Guesses,
    /// Public documents as they are sent.
    pub written: WrittenDocuments,
    /// Who may vouch for clients by a certificate.
    pub authorities: ClientAuthorities,
    /// The nonces of DPoP proofs.
    pub dpop_nonces: NonceKey,
    /// How often one address may register a client.
    pub registrations: Guesses,
    /// Logins that are begun.
    pub begun: Guesses,
    /// Registrations by identifier, stale for seconds at most.
    pub clients: Cache<String, Arc<Client>>,
    /// Clients whose identifier is the URL of their metadata.
    pub documents: Documents,
    pub began: Instant,
    pool: Pool,
    models: std::sync::OnceLock<Arc<Models>>,
    demo_application: std::sync::OnceLock<String>,
}

/// Why the provider does not start; each says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the issuer cannot be used")]
    Issuer(#[from] IssuerError),
    #[error("the state directory {0} cannot be made")]
    StateDirectory(PathBuf, #[source] std::io::Error),
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    #[error(
        "{0} schema changes are outstanding: run `whorl migrate`, or set [database] migrate = true"
    )]
    NotMigrated(usize),
    #[error("the vault cannot be used")]
    Vault(#[from] VaultError),
    #[error("the local vault key cannot be used")]
    LocalKey(#[from] crate::vault::local_key::LocalKeyError),
    #[error("the vault's directory cannot be used")]
    Directory(#[from] crate::vault::directory::DirectoryError),
    #[error("the signing keys cannot be used")]
    Tokens(#[from] TokensError),
    #[error("[keys] {0}")]
    Rotation(#[from] RotationPolicyError),
    #[error(transparent)]
    Outbound(#[from] SettingsError),
    #[error(transparent)]
    Mailer(#[from] MailerError),
    #[error("a configured client cannot be kept")]
    Client(#[from] DraftError),
    #[error("a subject of [[seed]] cannot be made")]
    Seed(#[from] crate::seed::SeedError),
    #[error("the deployment's own keys cannot be used")]
    OwnKeys(#[from] OwnKeysError),
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    #[error(transparent)]
    Attestation(#[from] TrustedError),
    #[error(transparent)]
    Breached(#[from] BreachedError),
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    #[error("a factor cannot be used")]
    Factor(#[from] FactorError),
}

impl App {
    /// Assembles the parts that the configuration names, and checks that they work together.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub async fn assemble(config: Config, clock: Arc<dyn Clock>) -> Result<Shared, StartError> {
        let (now, metrics) = (clock.now(), Arc::new(Metrics::new()));
        make_state_directory(&config)?;
        let store = open_store(&config).await?;
        let store = store.telling(&config.notices.channels());
        let mailer = Mailer::new(&config.notices, config.outbound.ca_file())?;
        let (vault, deployment) =
            Box::pin(open_vault(&config, &store, metrics.clone(), clock.as_ref())).await?;
        let deployment_id = deployment.id;
        let wrapped = WrappedKey(deployment.wrapped_key.clone());
        let policy = RotationPolicy::new(
            Duration::seconds(config.keys.rotate_after_s.into()),
            Duration::seconds(config.keys.publish_before_s.into()),
            Duration::seconds(config.keys.keep_after_s.into()),
        )?;
        let holder = KeyHolder {
            vault: vault.clone(),
            deployment_key: WrappedKey(deployment.wrapped_key),
            remote: None,
        };
        let algs = config
            .keys
            .algorithms
            .iter()
            .map(|alg| (*alg).into())
            .collect();
        let keyring = Box::pin(Keyring::open(store.clone(), holder, algs, policy, now)).await?;
        let policies = Policies::new(InForce::newest(&store, &config).await?);
        let provider = provider(&config, &policies)?;
        let secrets = Arc::new(OwnSecrets::new(vault.clone(), wrapped));
        let token_secret = token_secret(&store, &secrets).await?;
        let outbound: Arc<dyn Fetch> = Arc::new(Outbound::new(OutboundSettings {
            allow: config.outbound.allow.clone(),
            ca_file: config.outbound.ca_file(),
        })?);
        let key_sets = Arc::new(KeySets::new(outbound.clone()));
        let own = Box::pin(OwnKeys::open(&store, &secrets)).await?;
        let turns = (&config.keys).into();
        let encryption = EncryptionRing::open(store.clone(), secrets.clone(), turns, now);
        let encryption = Box::pin(encryption).await?;
        let tokens = Tokens {
            pairwise: PairwiseKey::new(&own.pairwise),
            encryption: Arc::new(encryption),
            secrets: secrets.clone(),
            key_sets: key_sets.clone(),
            issuer: provider.issuer.clone(),
            keyring: Arc::new(keyring),
            store: store.clone(),
            lifetimes: lifetimes(&config),
            access_token_alg: config.keys.algorithms.first().copied().unwrap_or_default(),
            resources: provider.resources.clone(),
            opaque: OpaqueTokens::new(&token_secret),
        };
        let models = Box::pin(packs::load(&config, &store)).await;
        let size = PoolSize {
            workers: config.limits.biometric_workers,
            queue: config.limits.biometric_queue,
        };
        let timed = metrics.clone();
        let pool = Pool::observed(
            size,
            Arc::new(move |work, took| timed.biometric(work, took)),
        );
        let passkeys = Passkeys::new(store.clone(), &config.issuer, "Whorl")?;
        let passkeys = passkeys.with_rules(config.passkey.rules()?);
        let passkeys = Arc::new(passkeys.with_decoys(decoy_seed(deployment_id)));
        let factors = factors(&config, &store, &vault, &pool, models.as_ref(), &passkeys)?;
        let opened = config.risk.places.clone();
        let opened = tokio::task::spawn_blocking(move || Places::open(&opened));
        let places = Arc::new(opened.await.unwrap_or_else(|_| Places::open(&[])));
        let journey = Journey {
            store: store.clone(),
            factors: Arc::new(Registry::new(factors)),
            passkeys,
            secrets,
            pairwise: PairwiseKey::new(&own.pairwise),
            policies: Arc::new(policies),
            risk: config.risk.scorer(&places, Trips::new(&token_secret)),
            places,
            backoff: config.backoff(),
            shared: config.tries.shared(),
            devices: config.devices.rules(&config.issuer),
            marks: Marks::new(&own.marks, config.tries.known_browser()),
            attempt_lifetime: Duration::seconds(config.session.attempt_s.into()),
            session_lifetime: Duration::seconds(config.session.lifetime_s.into()),
            code_lifetime: Duration::seconds(config.tokens.code_s.into()),
            metrics: metrics.clone(),
        };
        let lifetime = Duration::seconds(config.session.capture_s.into());
        let repeats = Repeats::new(&own.samples);
        let captures = Captures::new(
            store.clone(),
            pool.clone(),
            models.clone(),
            repeats,
            lifetime,
        );
        let captures = Arc::new(captures);
        Box::pin(crate::seed::sow(&config, &store, &vault, now)).await?;
        for weak in config.weak_secrets() {
            if !config.is_loopback() {
                return Err(weak.into());
            }
            tracing::warn!(%weak, "client_secret_weak");
        }
        for draft in config.configured_clients()? {
            let client = draft.finish(&journey.secrets).await?;
            store.put_client(&client, now).await?;
        }
        let issuers = config.hint_issuers.iter().map(|it| it.hint_issuer());
        let hints = HintKeys::new(issuers.collect(), outbound.clone());
        Ok(Arc::new(Self {
            dpop_nonces: NonceKey::new(&token_secret),
            hints,
            written: WrittenDocuments::default(),
            authorities: ClientAuthorities::open(config.mtls.ca_file())?,
            guesses: Guesses::new(config.limits.guesses_per_minute),
            begun: Guesses::new(config.limits.logins_per_minute),
            registrations: Guesses::new(config.registration.per_minute),
            clients: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(StdDuration::from_secs(10))
                .build(),
            documents: Documents::default(),
            began: Instant::now(),
            demo_application: std::sync::OnceLock::new(),
            config,
            clock,
            store,
            vault,
            journey,
            tokens,
            provider,
            captures,
            metrics,
            key_sets,
            outbound,
            mailer,
            pool,
            models: models.map(Into::into).unwrap_or_default(),
        }))
    }

    /// Whether cookies may be Secure, and carry the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.config.issuer.scheme() == "https"
    }

    /// Whether faces can be compared.
    #[must_use]
    pub fn has_models(&self) -> bool {
        self.models.get().is_some()
    }

    /// Which models are loaded, for operators.
    #[must_use]
    pub fn models_detail(&self) -> String {
        match self.models.get() {
            Some(models) => models.describe(),
            None => "no model pack that may serve here: the face factor is off; `whorl doctor` says what to bring"
                .to_owned(),
        }
    }

    /// The demonstration application's address, where this is the demonstration.
    #[must_use]
    pub fn demo_application(&self) -> Option<String> {
        self.demo_application.get().cloned()
    }

    /// Says where the demonstration application is; the first word counts.
    pub fn set_demo_application(&self, address: String) {
        let _first_counts = self.demo_application.set(address);
    }

    /// Pieces of biometric work that run or wait now, and the bounds of both.
    #[must_use]
    pub fn biometric_queue(&self) -> (usize, PoolSize) {
        (self.pool.depth(), self.pool.size())
    }

    /// Writes into the metrics what is asked for only when they are read.
    pub fn observe(&self) {
        let (depth, workers) = (self.pool.depth(), self.pool.size().workers);
        self.metrics
            .biometric_queue(depth.min(workers), depth.saturating_sub(workers));
        self.metrics.cache("clients", self.clients.entry_count());
        self.metrics.cache("key_sets", self.key_sets.entry_count());
        for (cache, entries) in self.vault.cache_entries() {
            self.metrics.cache(cache, entries);
        }
    }
}

/// The secret that opaque access tokens and DPoP nonces hang on, which the first start makes.
async fn token_secret(
    store: &Store,
    secrets: &OwnSecrets,
) -> Result<Zeroizing<[u8; 32]>, StartError> {
    const PURPOSE: &str = "tokens";
    let sealed = match store.own_secret(PURPOSE).await? {
        Some(sealed) => sealed,
        None => {
            let mut new = Zeroizing::new([0; 32]);
            random::fill(&mut new[..]);
            let sealed = secrets.seal("own_secret", PURPOSE, &new[..]).await?;
            store.found_own_secret(PURPOSE, sealed).await?
        }
    };
    let opened = secrets.open("own_secret", PURPOSE, &sealed).await?;
    let mut secret = Zeroizing::new([0; 32]);
    if opened.len() != secret.len() {
        return Err(StoreError::Unreadable("secret").into());
    }
    secret.copy_from_slice(&opened);
    Ok(secret)
}

/// Makes the state directory where it is missing, for its owner alone: it holds names and password hashes.
///
/// # Errors
/// When it cannot be made.
pub fn make_state_directory(config: &Config) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.state_dir)
        .map_err(|error| StartError::StateDirectory(config.state_dir.clone(), error))
}

/// The deployment's identifier is the same on every replica and known to nobody outside.
fn decoy_seed(deployment: Uuid) -> [u8; 32] {
    let mut seed = [0; 32];
    let text = format!("whorl passkey decoys 1 {deployment}");
    seed.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    seed
}

/// Opens the database and brings its schema up to date, where the configuration says so.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    if let Some(file) = config.database_file() {
        database_file::keep_private(&file);
    }
    let store = Store::open(&config.database_url(), config.database.connections).await?;
    match store.pending_migrations().await? {
        0 => {}
        _ if config.database.migrate => store.migrate().await?,
        outstanding => return Err(StartError::NotMigrated(outstanding)),
    }
    Ok(store)
}

/// The deployment's own secrets, for a command that has to put one away.
///
/// # Errors
/// When the vault cannot be used.
pub async fn open_secrets(
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
) -> Result<OwnSecrets, StartError> {
    let observer = Arc::new(Metrics::new());
    let (vault, deployment) = open_vault(config, store, observer, clock).await?;
    Ok(OwnSecrets::new(vault, WrappedKey(deployment.wrapped_key)))
}

/// The vault under the deployment's identity, which the first start makes.
async fn open_vault(
    config: &Config,
    store: &Store,
    metrics: Arc<Metrics>,
    clock: &dyn Clock,
) -> Result<(Arc<Vault>, Deployment), StartError> {
    let (key_wrap, blobs) = vault_sides(config).await?;
    let vault = |deployment: Uuid| {
        Arc::new(Vault::new(VaultParts {
            deployment,
            key_wrap: key_wrap.clone(),
            blobs: blobs.clone(),
            observer: metrics.clone(),
            limits: VaultLimits::default(),
        }))
    };
    if let Some(deployment) = store.deployment().await? {
        return Ok((vault(deployment.id), deployment));
    }
    let id = Uuid::new_v4();
    let WrappedKey(wrapped_key) = vault(id).new_deployment_key().await?;
    let deployment = store
        .found_deployment(Deployment { id, wrapped_key }, clock.now())
        .await?;
    Ok((vault(deployment.id), deployment))
}

async fn vault_sides(config: &Config) -> Result<(Arc<dyn KeyWrap>, Arc<dyn Blobs>), StartError> {
    Ok((key_service(config).await?, blob_store(config).await?))
}

/// What wraps the data keys.
pub async fn key_service(config: &Config) -> Result<Arc<dyn KeyWrap>, StartError> {
    Ok(match config.vault.key {
        KeyKind::Local => Arc::new(LocalKey::load_or_create(&config.local_key_file())?),
        KeyKind::Kms => Arc::new(KmsKeyWrap::new(
            &aws(config).await,
            &config.vault.kms_key_id,
        )),
    })
}

/// Where the sealed templates lie.
pub async fn blob_store(config: &Config) -> Result<Arc<dyn Blobs>, StartError> {
    Ok(match config.vault.blobs {
        BlobsKind::Directory => Arc::new(DirectoryBlobs::open(&config.vault_directory())?),
        BlobsKind::S3 => Arc::new(S3Blobs::new(&aws(config).await, s3_settings(config))),
    })
}

fn s3_settings(config: &Config) -> S3Settings {
    S3Settings {
        bucket: config.vault.bucket.clone(),
        prefix: config.vault.prefix.clone(),
        path_style: config.aws.path_style,
        expected_bucket_owner: None,
    }
}

async fn aws(config: &Config) -> AwsConnection {
    let endpoint_url = config.aws_endpoint().map(str::to_owned);
    AwsConnection::open(&AwsSettings {
        endpoint_url,
        ..AwsSettings::default()
    })
    .await
}

fn factors(
    config: &Config,
    store: &Store,
    vault: &Arc<Vault>,
    pool: &Pool,
    models: Option<&Arc<Models>>,
    passkeys: &Arc<Passkeys>,
) -> Result<Vec<Arc<dyn Factor>>, StartError> {
    // Passwords have a pool of their own, so that waiting for one is no sign of what else is going on.
    let hashing = Pool::new(PoolSize {
        workers: 2,
        queue: 256,
    });
    let issuer = config.issuer.host_str().unwrap_or("whorl");
    let breached = config.password.breached_file().map(Breached::open);
    let password = Password::new(store.clone(), hashing, config.password.cost())?;
    let mut factors: Vec<Arc<dyn Factor>> = vec![
        Arc::new(password.without(breached.transpose()?)),
        Arc::new(Totp::new(store.clone(), vault.clone(), issuer)),
    ];
    // An issuer at an address has no passkeys: WebAuthn wants a name.
    if passkeys.is_available() {
        factors.insert(1, passkeys.clone());
    }
    if let Some(models) = models {
        factors.push(packs::face(config, store, vault, pool, models)?);
    }
    let settings = FingerprintSettings {
        false_match_rate: config.fingerprint.false_match_rate,
        least_quality: config.fingerprint.least_quality,
        update: config.fingerprint.update,
        accepts_uploads: config.demo.enabled,
    };
    // Without a signed sensor the only samples are uploads, and these are the demonstration's.
    if config.demo.enabled {
        factors.push(Arc::new(Fingerprint::new(
            settings,
            store.clone(),
            vault.clone(),
            pool.clone(),
        )?));
    }
    factors.push(Arc::new(RecoveryCode::new(store.clone())));
    Ok(factors)
}

fn provider(config: &Config, policies: &Policies) -> Result<Provider, StartError> {
    let resources = protected::resources(&config.resources)?;
    Ok(Provider {
        issuer: Issuer::parse(&config.issuer_text())?,
        acrs: policies.acrs(),
        scopes: scopes(&resources),
        ui_locales: Language::ALL.map(|it| it.tag().to_owned()).to_vec(),
        signing_algs: config.keys.algorithms.clone(),
        resources,
        detail_types: DetailTypes(config.authorization_details.clone()),
        exchange: ExchangeRules(config.token_exchange.clone()),
        is_external_method: !config.hint_issuers.is_empty(),
        mtls: config.mtls.is_on().then(|| Mtls {
            alias: config.mtls.alias(),
            has_authorities: config.mtls.ca_file().is_some(),
        }),
    })
}

/// What may be asked for: about a subject, and of each resource.
fn scopes(resources: &Resources) -> Scopes {
    let of_resources = resources
        .0
        .iter()
        .flat_map(|resource| resource.scopes.iter());
    let about_subjects = [
        "openid",
        "profile",
        "email",
        "address",
        "phone",
        "offline_access",
    ];
    let all: Vec<&str> = about_subjects.into_iter().chain(of_resources).collect();
    Scopes::parse(&all.join(" ")).unwrap_or_default()
}

fn lifetimes(config: &Config) -> Lifetimes {
    Lifetimes {
        code: Duration::seconds(config.tokens.code_s.into()),
        id_token: Duration::seconds(config.tokens.id_token_s.into()),
        access_token: Duration::seconds(config.tokens.access_token_s.into()),
        refresh_token: Duration::seconds(config.tokens.refresh_token_s.into()),
    }
}
