//! What a grant gives goes out: minted, booked, and sent.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use wire::AuditOutcome;

use super::{ClientFacing, profile, revoke_family, trail};
use crate::app::Shared;
use crate::oidc::client::Client;
use crate::oidc::grants::Issuance;
use crate::oidc::grants::authorization_code::CodeRefusal;
use crate::oidc::grants::refresh_token::RefreshRefusal;
use crate::oidc::token_response::TokenResponse;
use crate::tokens::mint::Minted;

pub(super) async fn issue(
    app: &Shared,
    client: &Client,
    issuance: Issuance,
    presented: Option<&SecretString>,
) -> Result<Response, ClientFacing> {
    let now = app.clock.now();
    let subject = app
        .store
        .subject(wire::SubjectId(issuance.grant.subject.0))
        .await?;
    // Suspended or erased since: nothing more is given.
    let subject = subject
        .filter(|s| s.status == wire::SubjectStatus::Active)
        .ok_or(CodeRefusal::Unknown)?;
    let grant = issuance.grant.id.0;
    let response = match app
        .tokens
        .mint(&issuance, client, profile(&subject), presented, now)
        .await?
    {
        Minted::Response(response) => response,
        Minted::RefreshReused => {
            revoke_family(app, grant, client, "refresh_token_reused").await?;
            return Err(RefreshRefusal::Replayed.into());
        }
    };
    let issued =
        trail(Some(subject.id), client.id.as_str()).event("token.issued", AuditOutcome::Success);
    app.store.note_event(issued, now).await?;
    Ok(send(&response))
}

/// The answer of the token endpoint (RFC 6749 §5.1).
pub(super) fn send(response: &TokenResponse) -> Response {
    let body = response.body().expose_secret().to_owned();
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::PRAGMA, "no-cache"),
    ];
    (headers, body).into_response()
}
