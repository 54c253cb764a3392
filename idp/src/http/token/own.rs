//! A client gets a token for itself (RFC 6749 §4.4). Nothing is written: such tokens are as many as requests.

use axum::response::Response;

use super::issue::send;
use super::{Authenticated, ClientFacing};
use crate::app::Shared;
use crate::oidc::access_token::OwnAccess;
use crate::oidc::grants::client_credentials::{self, OwnRequest};

pub(super) async fn issue(
    app: &Shared,
    by: Authenticated,
    request: &OwnRequest,
) -> Result<Response, ClientFacing> {
    let scopes = client_credentials::check(request, &by.client)?;
    let (provider, asked) = (&app.provider, by.asked);
    provider
        .resources
        .check(&asked.resources, &by.client.id, &provider.issuer)
        .map_err(crate::oidc::error::TokenError::from)?;
    provider
        .detail_types
        .check(&asked.details, &by.client.id)
        .map_err(crate::oidc::error::TokenError::from)?;
    let left = provider
        .resources
        .scopes(&asked.resources, &scopes, &provider.issuer);
    let own = OwnAccess {
        client_id: by.client.id.clone(),
        scopes: client_credentials::granted(request, left)?,
        resources: asked.resources,
        confirmation: by.proved,
        details: asked.details,
    };
    let response = app
        .tokens
        .mint_own(own, &by.client, app.clock.now())
        .await?;
    Ok(send(&response))
}
