//! A client fetches what a person allowed elsewhere: for a device (RFC 8628 §3.4) or over the backchannel
//! (CIBA Core §10.1). Of many that ask at once one gets it, and a replay takes it back.

use axum::response::Response;
use secrecy::ExposeSecret;

use super::issue::issue;
use super::{Authenticated, ClientFacing, read, revoke_family};
use crate::app::Shared;
use crate::oidc::client::{ClientId, GrantType};
use crate::oidc::grant::Grant;
use crate::oidc::grants::Issuance;
use crate::oidc::grants::authorization_code::first_refresh;
use crate::oidc::grants::waiting::{self, Answered, Waiting, WaitingRefusal, WaitingRequest};
use crate::oidc::scope;
use crate::random;
use crate::store::{PendingKind, PendingState, Polled, StoreError};

pub(super) async fn fetch(
    app: &Shared,
    by: &Authenticated,
    request: &WaitingRequest,
) -> Result<Response, ClientFacing> {
    let (now, client) = (app.clock.now(), &by.client);
    let kind = if request.grant_type == GrantType::Ciba {
        PendingKind::Backchannel
    } else {
        PendingKind::Device
    };
    let digest = random::digest(request.handle.expose_secret());
    let (row, too_soon) = match app.store.poll(&digest, kind, now).await? {
        Polled::Unknown => return Err(WaitingRefusal::Unknown.into()),
        Polled::TooSoon(row) => (row, true),
        Polled::Row(row) => (row, false),
    };
    let waiting = Waiting {
        client_id: ClientId::parse(&row.client.0).ok_or(StoreError::Unreadable("client"))?,
        answered: match row.state {
            PendingState::Pending => Answered::No,
            PendingState::Allowed(_) => Answered::Allowed,
            PendingState::Denied => Answered::Denied,
            PendingState::Redeemed(_) => Answered::Redeemed,
        },
        expires_at: row.expires_at,
        too_soon,
    };
    let checked = waiting::check(&waiting, request, client, now);
    let (PendingState::Allowed(grant) | PendingState::Redeemed(grant)) = row.state else {
        checked?;
        return Err(WaitingRefusal::Pending.into());
    };
    if checked == Err(WaitingRefusal::Replayed) {
        revoke_family(app, grant, client, "waiting_replayed").await?;
    }
    checked?;
    let known = app.store.grant(grant).await?;
    let known = known.filter(|grant| grant.revoked_at.is_none());
    let authorization = known.ok_or(WaitingRefusal::Unknown)?.authorization;
    let granted: Grant = read(authorization, "grant")?;
    // Narrowed before it is spent: a mistake in the request does not cost it.
    let issuance = Issuance {
        scopes: granted.scopes.clone(),
        id_token: granted.scopes.contains(scope::OPENID),
        resources: granted.resources.clone(),
        details: granted.details.clone(),
        confirmation: by.proved.clone(),
        nonce: None,
        refresh: first_refresh(&granted, client),
        grant: granted,
    }
    .narrowed(&by.asked, &app.provider, by.proved.clone())?;
    if !app.store.redeem_pending(&digest).await? {
        revoke_family(app, grant, client, "waiting_replayed").await?;
        return Err(WaitingRefusal::Replayed.into());
    }
    issue(app, client, issuance, None).await
}
