//! Clients: list, read, register with a secret that is told once, remove.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;
use wire::{
    ClientAuthMethod, ClientDetail, ClientId, ClientKind, ClientSummary, CreatedClient, NewClient,
    Page, PageQuery, ProblemCode, WireSecret,
};

use super::caller::Caller;
use super::extract::{Asked, Body, Named};
use super::page::Cut;
use super::refusal::Refusal;
use crate::app::{App, Shared};
use crate::oidc::client::{
    self, ApplicationType, Client, ClientError, GrantType, SecretDigest, TokenEndpointAuthMethod,
};
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::scope::{OFFLINE_ACCESS, Scopes};
use crate::random;
use crate::store::{ClientOrigin, NewEvent, RegisteredClient};

/// `GET /admin/v1/clients`.
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<ClientSummary>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let found = app.store.clients(cut.after(), cut.rows()).await?;
    let page = cut.page(found, |row| row.client.id.as_str(), |row| summary(&row));
    Ok(Json(page))
}

/// `GET /admin/v1/clients/{client}`.
pub async fn show(
    State(app): State<Shared>,
    Named(id): Named<ClientId>,
) -> Result<Json<ClientDetail>, Refusal> {
    let found = match client::ClientId::parse(id.as_str()) {
        Some(id) => app.store.client(id.as_str()).await?,
        None => None,
    };
    let found = found.ok_or_else(|| Refusal::no_such("client"))?;
    Ok(Json(detail(&found)))
}

/// `POST /admin/v1/clients`.
pub async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewClient>,
) -> Result<(StatusCode, Json<CreatedClient>), Refusal> {
    let secret = match new.kind {
        ClientKind::Confidential => Some(random::secret()),
        ClientKind::Public => None,
    };
    let client = registration(&app, new, secret.as_ref().map(SecretDigest::of))?;
    let now = app.clock.now();
    let change = app.store.begin().await?;
    change.register_client(&client, now).await?;
    let id = ClientId::from(client.id.as_str());
    change
        .append_event(about(id, caller.did("client.created")), now)
        .await?;
    change.commit().await?;
    let client = detail(&RegisteredClient {
        client,
        created_at: now,
        origin: ClientOrigin::Operator,
    });
    let secret = secret.map(WireSecret::from);
    Ok((StatusCode::CREATED, Json(CreatedClient { client, secret })))
}

/// `DELETE /admin/v1/clients/{client}`: with every consent and grant to it. Other replicas may know it for
/// as long as their caches hold, seconds at most.
pub async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<ClientId>,
) -> Result<StatusCode, Refusal> {
    if client::ClientId::parse(id.as_str()).is_none() {
        return Err(Refusal::no_such("client"));
    }
    if app.config.clients.iter().any(|kept| kept.id == id.0) {
        return Err(Refusal::conflict(
            "the client is kept in the configuration, which would bring it back: remove it there",
        ));
    }
    let now = app.clock.now();
    let change = app.store.begin().await?;
    if !change.remove_client(id.as_str()).await? {
        return Err(Refusal::no_such("client"));
    }
    change
        .append_event(about(id.clone(), caller.did("client.removed")), now)
        .await?;
    change.commit().await?;
    app.clients.invalidate(id.as_str()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The registration of a new client, which holds together.
fn registration(
    app: &App,
    new: NewClient,
    secret_digest: Option<SecretDigest>,
) -> Result<Client, Refusal> {
    let field = |name, message: String| Refusal::field(ProblemCode::InvalidRequest, name, message);
    let id = client::ClientId::parse(&Uuid::new_v4().to_string())
        .expect("invariant: a UUID is a client identifier");
    let scopes = match new.scopes.is_empty() {
        true => DEFAULT_SCOPES.to_owned(),
        false => new.scopes.join(" "),
    };
    let scopes = Scopes::parse(&scopes)
        .ok_or_else(|| field("scopes", "a scope has a character it may not have".into()))?;
    let mut grant_types = vec![GrantType::AuthorizationCode];
    if scopes.contains(OFFLINE_ACCESS) {
        grant_types.push(GrantType::RefreshToken);
    }
    let uris = |uris: Vec<String>| uris.into_iter().map(RedirectUri::new).collect::<Vec<_>>();
    let redirect_uris = uris(new.redirect_uris);
    let client = Client {
        name: new.name.trim().to_owned(),
        application_type: application_type(new.kind, &redirect_uris),
        auth_method: match secret_digest {
            Some(_) => TokenEndpointAuthMethod::ClientSecretBasic,
            None => TokenEndpointAuthMethod::None,
        },
        secret_digest,
        redirect_uris,
        post_logout_redirect_uris: uris(new.post_logout_redirect_uris),
        grant_types: grant_types.into_iter().collect(),
        scopes,
        id_token_alg: app
            .config
            .keys
            .algorithms
            .first()
            .copied()
            .unwrap_or_default()
            .into(),
        ..Client::new(id)
    };
    client
        .check()
        .map_err(|error| field(field_of(&error), explain(&error)))?;
    Ok(client)
}

/// A public client that comes back to a scheme of its own or to this machine is on its subject's device
/// (RFC 8252 §7).
fn application_type(kind: ClientKind, redirect_uris: &[RedirectUri]) -> ApplicationType {
    let all_https = redirect_uris
        .iter()
        .all(|uri| uri.as_str().starts_with("https://"));
    match kind {
        ClientKind::Public if !all_https => ApplicationType::Native,
        ClientKind::Public | ClientKind::Confidential => ApplicationType::Web,
    }
}

fn field_of(error: &ClientError) -> &'static str {
    match error {
        ClientError::Name => "name",
        ClientError::RedirectUriMissing | ClientError::RedirectUri { .. } => "redirect_uris",
        ClientError::PostLogoutRedirectUri { .. } => "post_logout_redirect_uris",
        ClientError::OpenIdMissing | ClientError::OfflineAccessWithoutRefresh => "scopes",
        ClientError::SecretMissing
        | ClientError::SecretUnexpected
        | ClientError::HmacWithoutSecret
        | ClientError::PublicWithoutPkce
        | ClientError::PublicGrant
        | ClientError::GrantTypes => "kind",
        ClientError::ResponseTypes
        | ClientError::KeysMissing
        | ClientError::KeysUnfit
        | ClientError::UnsignedRequests
        | ClientError::BoundInBrowser
        | ClientError::TlsSubject
        | ClientError::AuthSigningAlg
        | ClientError::FrontchannelLogoutUri
        | ClientError::LogoutUriFragment
        | ClientError::Ciba
        | ClientError::Fapi(_) => "metadata",
    }
}

fn explain(error: &ClientError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn about(client: ClientId, event: NewEvent) -> NewEvent {
    NewEvent {
        client: Some(client),
        ..event
    }
}

fn summary(row: &RegisteredClient) -> ClientSummary {
    ClientSummary {
        id: ClientId::from(row.client.id.as_str()),
        name: row.client.name.clone(),
        kind: match row.client.is_public() {
            true => ClientKind::Public,
            false => ClientKind::Confidential,
        },
        created_at: row.created_at,
    }
}

fn detail(row: &RegisteredClient) -> ClientDetail {
    let client = &row.client;
    let texts = |uris: &[RedirectUri]| uris.iter().map(|uri| uri.as_str().to_owned()).collect();
    ClientDetail {
        summary: summary(row),
        auth_method: match client.auth_method {
            TokenEndpointAuthMethod::None => ClientAuthMethod::None,
            TokenEndpointAuthMethod::ClientSecretBasic => ClientAuthMethod::ClientSecretBasic,
            TokenEndpointAuthMethod::ClientSecretPost => ClientAuthMethod::ClientSecretPost,
            TokenEndpointAuthMethod::ClientSecretJwt => ClientAuthMethod::ClientSecretJwt,
            TokenEndpointAuthMethod::PrivateKeyJwt => ClientAuthMethod::PrivateKeyJwt,
            TokenEndpointAuthMethod::TlsClientAuth => ClientAuthMethod::TlsClientAuth,
            TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
                ClientAuthMethod::SelfSignedTlsClientAuth
            }
        },
        redirect_uris: texts(&client.redirect_uris),
        post_logout_redirect_uris: texts(&client.post_logout_redirect_uris),
        scopes: client.scopes.iter().map(str::to_owned).collect(),
        grant_types: client
            .grant_types
            .iter()
            .map(|grant| grant.as_str().to_owned())
            .collect(),
        metadata: client.to_metadata(),
    }
}

const DEFAULT_SCOPES: &str = "openid profile email";
