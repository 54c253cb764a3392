//! A refresh token is used (RFC 6749 §6): a reused one takes its family along.

use axum::response::Response;
use secrecy::ExposeSecret;

use super::issue::issue;
use super::{Authenticated, ClientFacing, read, revoke_family};
use crate::app::Shared;
use crate::oidc::grants::refresh_token::{self, RefreshRecord, RefreshRefusal, RefreshRequest};
use crate::random;

pub(super) async fn refresh(
    app: &Shared,
    by: &Authenticated,
    request: &RefreshRequest,
) -> Result<Response, ClientFacing> {
    let (now, client) = (app.clock.now(), &by.client);
    let digest = random::digest(request.refresh_token.expose_secret());
    let (grant, record, rotated) = app
        .store
        .refresh_token(&digest)
        .await?
        .ok_or(RefreshRefusal::Unknown)?;
    if grant.revoked_at.is_some() {
        return Err(RefreshRefusal::Unknown.into());
    }
    let mut record: RefreshRecord = read(record, "refresh token")?;
    record.spent_at = rotated.then_some(now);
    let issuance = match refresh_token::check(&record, request, client, &by.proved, now) {
        Ok(issuance) => issuance,
        Err(refusal) => {
            if refusal.revokes_grant() {
                revoke_family(app, grant.id, client, "refresh_token_reused").await?;
            }
            return Err(refusal.into());
        }
    };
    let issuance = issuance.narrowed(&by.asked, &app.provider, by.proved.clone())?;
    issue(app, client, issuance, Some(&request.refresh_token)).await
}
