//! Dynamic registration (RFC 7591 §3, OIDC Dynamic Client Registration §3) and its management (RFC 7592 §2).

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::net::SocketAddr;
use uuid::Uuid;
use wire::AuditOutcome;

use super::client_address::client_address;
use super::client_auth::is_configured_token;
use super::error::Noted;
use crate::app::{App, Shared};
use crate::clients::{Draft, DraftError};
use crate::login::Trail;
use crate::oidc::client::metadata::{Fields, MetadataError};
use crate::oidc::client::{Client, ClientId, GrantType, JwsAlg, SecretDigest};
use crate::oidc::signed::{
    AudienceRule, Expectations, Keys, SignedRefusal, Unverified, check_claims,
};
use crate::oidc::unique::Unique;
use crate::oidc::{fapi, sector};
use crate::random;
use crate::store::{RegisteredClient, StoreError};

/// An error answer (RFC 7591 §3.2.2, RFC 6750 §3.1).
pub struct Refused {
    status: StatusCode,
    /// None where no token came: then there is no error to name (RFC 6750 §3.1).
    code: Option<&'static str>,
    description: String,
}

impl Refused {
    fn metadata(description: impl Into<String>) -> Self {
        Self::bad("invalid_client_metadata", description)
    }

    fn bad(code: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: Some(code),
            description: description.into(),
        }
    }

    /// The same for a token that is wrong and a client that is not there (RFC 7592 §2.1).
    fn token() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::bad("invalid_token", "the token is not valid here")
        }
    }

    /// RFC 6750 §3.1: a request without credentials, or with those of another scheme, is told the scheme and nothing else.
    fn without_token() -> Self {
        Self {
            code: None,
            description: "a token is needed".to_owned(),
            ..Self::token()
        }
    }

    fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            ..Self::bad("temporarily_unavailable", "try again in a moment")
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = match self.code {
            Some(code) => json!({"error": code, "error_description": self.description}),
            None => json!({}),
        };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(Noted {
            code: self.code.unwrap_or("token_missing"),
            reason: self.description,
        });
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = match self.code {
                Some(_) => r#"Bearer error="invalid_token""#,
                None => "Bearer",
            };
            let challenge = HeaderValue::from_static(challenge);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<MetadataError> for Refused {
    fn from(error: MetadataError) -> Self {
        Self::bad(error.code().as_str(), error.description())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "database_unavailable"
        );
        Self::unavailable()
    }
}

impl From<DraftError> for Refused {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Client(error) => MetadataError::from(error).into(),
            DraftError::Vault(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "secret_not_sealed"
                );
                Self::unavailable()
            }
        }
    }
}

/// `POST /register`.
pub async fn register(
    State(app): State<Shared>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    slow(&app, peer.map(|it| it.0.0), &headers)?;
    let now = app.clock.now();
    let fields = fields(&headers, &body)?;
    let admission = admit(&app, &headers).await?;
    if app.store.dynamic_clients().await? >= app.config.registration.most_clients.into() {
        tracing::warn!("registrations_full");
        return Err(Refused::unavailable());
    }
    let id = ClientId::parse(&Uuid::new_v4().to_string())
        .ok_or_else(|| Refused::metadata("no identifier"))?;
    let client = read(&app, id, fields).await?;
    let secret = client.needs_secret().then(|| fresh_secret(&client));
    let draft = Draft {
        client,
        secret: secret.clone(),
    };
    draft.check()?;
    let client = draft.finish(&app.journey.secrets).await?;
    let token = random::secret();
    let digest = random::digest(token.expose_secret());
    let change = app.store.begin().await?;
    // Only now: what is refused above takes nothing off the token. Of two at once the row decides.
    if let Admission::Token(digest) = &admission
        && !change.use_initial_access_token(digest, now).await?
    {
        return Err(Refused::token());
    }
    change
        .register_dynamic_client(&client, &digest, now)
        .await?;
    let event = trail(&client).event("client.registered", AuditOutcome::Success);
    change.append_event(event, now).await?;
    change.commit().await?;
    let registered = RegisteredClient {
        client,
        created_at: now,
        origin: crate::store::ClientOrigin::Dynamic,
    };
    Ok(answer(
        &app,
        StatusCode::CREATED,
        &registered,
        secret.as_ref(),
        &token,
    ))
}

/// `GET /register/{client_id}` (RFC 7592 §2.1).
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (registered, token) = managed(&app, &id, &headers).await?;
    Ok(answer(&app, StatusCode::OK, &registered, None, &token))
}

/// `PUT /register/{client_id}` (RFC 7592 §2.2): the registration is replaced. Its token stays: an answer that is lost
/// on the way must not lock the client out.
pub async fn replace(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let (registered, token) = managed(&app, &id, &headers).await?;
    let mut fields = fields(&headers, &body)?;
    let old = &registered.client;
    // RFC 7592 §2.2: these four "MUST NOT" be there.
    if SERVERS_OWN.iter().any(|name| fields.contains_key(*name)) {
        return Err(Refused::metadata(
            "a field is there that only the server sets",
        ));
    }
    if fields.remove("client_id").as_ref().and_then(Value::as_str) != Some(old.id.as_str()) {
        return Err(Refused::metadata("client_id must be the client's own"));
    }
    // RFC 7592 §2.2: a client cannot choose its secret.
    let shown: Option<SecretString> = match fields.remove("client_secret") {
        None => None,
        Some(secret) => {
            let secret = secret.as_str().unwrap_or_default().into();
            if !is_secret_of(&app, old, &secret).await? {
                return Err(Refused::metadata("client_secret must be the client's own"));
            }
            Some(secret)
        }
    };
    let mut client = read(&app, old.id.clone(), fields).await?;
    let keeps = client.needs_secret()
        && client.needs_sealed_secret() == old.sealed_secret.is_some()
        && client.compares_secret() == old.secret_digest.is_some();
    let mut secret = (client.needs_secret() && !keeps).then(|| fresh_secret(&client));
    if keeps {
        client.secret_digest = old.secret_digest;
        client.sealed_secret = old.sealed_secret.clone();
        client.check().map_err(MetadataError::from)?;
        // Whoever showed it may read it again in the answer, which is the whole registration.
        secret = shown;
    } else {
        let draft = Draft {
            client,
            secret: secret.clone(),
        };
        draft.check()?;
        client = draft.finish(&app.journey.secrets).await?;
    }
    let digest = random::digest(token.expose_secret());
    if !app.store.replace_managed_client(&client, &digest).await? {
        return Err(Refused::token());
    }
    app.clients.invalidate(client.id.as_str()).await;
    let event = trail(&client).event("client.changed", AuditOutcome::Success);
    app.store.append_event(event, app.clock.now()).await?;
    let registered = RegisteredClient {
        client,
        ..registered
    };
    Ok(answer(
        &app,
        StatusCode::OK,
        &registered,
        secret.as_ref(),
        &token,
    ))
}

/// `DELETE /register/{client_id}` (RFC 7592 §2.3).
pub async fn remove(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let (registered, _) = managed(&app, &id, &headers).await?;
    let client = &registered.client;
    app.store.remove_client(client.id.as_str()).await?;
    app.clients.invalidate(client.id.as_str()).await;
    let event = trail(client).event("client.removed", AuditOutcome::Success);
    app.store.append_event(event, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret for this client: where it keys an HMAC, as long as the longest hash (OIDC Core §16.19, RFC 7518 §3.2).
fn fresh_secret(client: &Client) -> SecretString {
    let secret = random::secret();
    match client.needs_sealed_secret() {
        true => format!(
            "{}{}",
            secret.expose_secret(),
            random::secret().expose_secret()
        )
        .into(),
        false => secret,
    }
}

/// Whether this is the client's secret, in constant time over digests.
async fn is_secret_of(app: &App, client: &Client, shown: &SecretString) -> Result<bool, Refused> {
    let known = match (client.secret_digest, &client.sealed_secret) {
        (Some(digest), _) => Some(digest),
        (None, Some(_)) => {
            let secret = app.tokens.secret_of(client).await.map_err(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "secret_not_opened"
                );
                Refused::unavailable()
            })?;
            let secret = secret.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            secret.map(|text| SecretDigest::of(&text.into()))
        }
        (None, None) => None,
    };
    Ok(known.is_some_and(|known| known.ct_eq(&SecretDigest::of(shown))))
}

/// An address may not register without end; on a loopback issuer this machine is no stranger.
fn slow(app: &App, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(peer) = peer else { return Ok(()) };
    let address = client_address(peer.ip(), headers, &app.config.trusted_proxies);
    if address.is_loopback() && app.config.is_loopback() {
        return Ok(());
    }
    app.registrations.check(address).map_err(|_| Refused {
        status: StatusCode::TOO_MANY_REQUESTS,
        ..Refused::bad(
            "temporarily_unavailable",
            "too many registrations; wait a moment",
        )
    })
}

/// What lets a registration in.
enum Admission {
    /// Anybody may, or a token of the configuration says so, which is not used up.
    Unlimited,
    /// The initial access token of this digest, which a registration that is made takes one use off.
    Token(String),
}

/// RFC 7591 §3: with an initial access token, or openly where the operator says so.
async fn admit(app: &App, headers: &HeaderMap) -> Result<Admission, Refused> {
    let Some(token) = bearer(headers)? else {
        return match app.config.registration.open {
            true => Ok(Admission::Unlimited),
            false => Err(Refused::without_token()),
        };
    };
    if is_configured_token(app, &token) {
        return Ok(Admission::Unlimited);
    }
    let digest = random::digest(token.expose_secret());
    // Tried and taken back: what is refused further on takes nothing off it.
    let trial = app.store.begin().await?;
    let now = app.clock.now();
    let is_good = trial.use_initial_access_token(&digest, now).await?;
    trial.take_back().await?;
    match is_good {
        true => Ok(Admission::Token(digest)),
        false => Err(Refused::token()),
    }
}

async fn managed(
    app: &App,
    id: &str,
    headers: &HeaderMap,
) -> Result<(RegisteredClient, SecretString), Refused> {
    let token = bearer(headers)?.ok_or_else(Refused::without_token)?;
    let digest = random::digest(token.expose_secret());
    let registered = app.store.managed_client(id, &digest).await?;
    Ok((registered.ok_or_else(Refused::token)?, token))
}

fn bearer(headers: &HeaderMap) -> Result<Option<SecretString>, Refused> {
    let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = credentials.next() else {
        return Ok(None);
    };
    // RFC 6750 §2: one credential a request; of two, a proxy could have looked at the other one.
    if credentials.next().is_some() {
        return Err(Refused::bad(
            "invalid_request",
            "there is more than one Authorization header",
        ));
    }
    let value = value.to_str().map_err(|_| Refused::token())?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(token.trim().into()))
        }
        Some(_) | None => Err(Refused::without_token()),
    }
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Refused> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refused::metadata("the body must be application/json"));
    }
    if body.len() > LARGEST {
        return Err(Refused::metadata("the metadata is too large"));
    }
    let read = serde_json::from_slice::<Unique>(body);
    read.map(|members| members.0)
        .map_err(|_| Refused::metadata("the body is not a JSON object without repeated members"))
}

/// The registration, its software statement and its sector looked at.
async fn read(app: &App, id: ClientId, mut fields: Fields) -> Result<Client, Refused> {
    stated(app, &mut fields).await?;
    let rules = app.stranger_rules();
    let mut client = Client::from_metadata(id, &fields, &rules)?;
    // What nobody can use here is not registered either, and not announced (RFC 8414 §2); types that are not known here
    // could never be asked for (RFC 9396 §10).
    let provider = &app.provider;
    let mut algs = provider.id_token_algs();
    let types = &client.requests.authorization_details_types;
    let is_known = |name: &String| provider.detail_types.0.iter().any(|it| it.name == *name);
    let served = [
        (
            "grant_types",
            client.grant_types.iter().all(|it| provider.serves(*it)),
        ),
        (
            "id_token_signed_response_alg",
            algs.any(|it| it == client.id_token_alg),
        ),
        ("authorization_details_types", types.iter().all(is_known)),
    ];
    if let Some((field, _)) = served.iter().find(|(_, is_served)| !is_served) {
        return Err(Refused::metadata(format!(
            "{field}: not a value that is served here"
        )));
    }
    let registration = &app.config.registration;
    let asks_people = client.grant_types.contains(&GrantType::Ciba);
    if asks_people && registration.open && !registration.backchannel {
        return Err(Refused::metadata(
            "a client that registers itself may not use the backchannel grant here",
        ));
    }
    fapi::switch_on_where_asked_for(&mut client, &fields, rules.signing_algs);
    sector::check_hosts(&client).map_err(|error| Refused::metadata(error.to_string()))?;
    if let Some(uri) = &client.subjects.sector_identifier_uri {
        let document = app.outbound.get(uri.as_str(), "application/json").await;
        let document = document.map_err(|error| {
            tracing::info!(%error, "sector_not_fetched");
            Refused::metadata("the sector_identifier_uri cannot be fetched")
        })?;
        sector::check_document(&client, &document)
            .map_err(|error| Refused::metadata(error.to_string()))?;
    }
    Ok(client)
}

/// RFC 7591 §2.3 and §3.1.1: what a trusted statement says goes before what the request says.
async fn stated(app: &App, fields: &mut Fields) -> Result<(), Refused> {
    let refused = |refusal: SignedRefusal| {
        tracing::info!(%refusal, "software_statement_refused");
        Refused::bad("invalid_software_statement", refusal.to_string())
    };
    let Some(statement) = fields.get("software_statement").and_then(Value::as_str) else {
        if app.config.registration.software_statement_required {
            return Err(Refused::bad("invalid_software_statement", "one is needed"));
        }
        return Ok(());
    };
    let read = Unverified::parse(statement).map_err(refused)?;
    // RFC 7591 §2.3: it "MUST" be signed or MACed; one that is not is nobody's, whoever it names.
    if !read.alg.is_asymmetric() {
        return Err(refused(SignedRefusal::Algorithm));
    }
    let issuer = read.unverified_text("iss").unwrap_or_default().to_owned();
    let trusted = &app.config.registration.software_statement_issuers;
    let trusted = trusted.iter().find(|known| known.issuer == issuer);
    let trusted = trusted.ok_or_else(|| {
        Refused::bad(
            "unapproved_software_statement",
            "its issuer is not trusted here",
        )
    })?;
    let now = app.clock.now();
    let keys = app.key_sets.at(trusted.jwks_uri.as_str(), now).await;
    let keys = keys.map_err(|_| Refused::unavailable())?;
    let mut claims = read
        .clone()
        .verify(&Keys::Public(&keys), JwsAlg::ASYMMETRIC);
    if claims.is_err()
        && let Some(newer) = app.key_sets.again_at(trusted.jwks_uri.as_str(), now).await
    {
        claims = read.verify(&Keys::Public(&newer), JwsAlg::ASYMMETRIC);
    }
    let claims = claims.map_err(refused)?;
    if claims.get("exp").is_some() {
        let ours = [app.provider.issuer.as_str().to_owned()];
        let mut timed = claims.clone();
        timed.insert("aud".into(), ours[0].clone().into());
        let expected = Expectations {
            issuer: &trusted.issuer,
            subject: None,
            audience: AudienceRule::Within(&ours),
            longest: time::Duration::days(3_660),
            oldest: None,
            needs_jti: false,
        };
        check_claims(&timed, &expected, now).map_err(refused)?;
    }
    for (name, value) in claims {
        if !ABOUT_THE_STATEMENT.contains(&name.as_str()) {
            fields.insert(name, value);
        }
    }
    Ok(())
}

/// RFC 7591 §3.2.1, RFC 7592 §3.
fn answer(
    app: &App,
    status: StatusCode,
    registered: &RegisteredClient,
    secret: Option<&SecretString>,
    token: &SecretString,
) -> Response {
    let client = &registered.client;
    let mut body = client.to_metadata();
    let at = registered.created_at.unix_timestamp();
    let uri = app
        .provider
        .issuer
        .endpoint(&format!("/register/{}", client.id));
    body.insert("client_id".into(), client.id.as_str().into());
    body.insert("client_id_issued_at".into(), at.into());
    body.insert("registration_client_uri".into(), uri.into());
    body.insert(
        "registration_access_token".into(),
        token.expose_secret().into(),
    );
    if let Some(secret) = secret {
        body.insert("client_secret".into(), secret.expose_secret().into());
    }
    if client.needs_secret() {
        // It does not expire.
        body.insert("client_secret_expires_at".into(), 0.into());
    }
    // RFC 7591 §3.2.1: "all registered metadata", also what was registered as not so.
    for flag in FLAGS {
        body.entry(flag).or_insert(false.into());
    }
    let mut response = (status, Json(Value::Object(body))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn trail(client: &Client) -> Trail {
    Trail {
        subject: None,
        client: Some(wire::ClientId(client.id.as_str().to_owned())),
        attempt: None,
        address: None,
    }
}

const FLAGS: [&str; 7] = [
    "require_auth_time",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "frontchannel_logout_session_required",
    "backchannel_logout_session_required",
];
const SERVERS_OWN: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];
const ABOUT_THE_STATEMENT: [&str; 8] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "software_statement",
];
const LARGEST: usize = 64 << 10;
