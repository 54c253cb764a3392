//! A token is exchanged for another one (RFC 8693), where the operator wrote a rule for it.

use axum::response::Response;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::issue::send;
use super::{Authenticated, ClientFacing, read, trail};
use crate::app::Shared;
use crate::oidc::access_token::{AccessToken, AccessTokenId};
use crate::oidc::confirmation::Confirmation;
use crate::oidc::error::TokenError;
use crate::oidc::grant::Grant;
use crate::oidc::grants::Issuance;
use crate::oidc::grants::RefreshIssue;
use crate::oidc::grants::token_exchange::{
    ACCESS_TOKEN, Brought, BroughtType, ExchangeRefusal, ExchangeRequest, Known,
};
use crate::oidc::id_token::IdToken;
use crate::oidc::subject::SubjectId;
use crate::oidc::token_response::TokenResponse;
use crate::tokens::access::token_type;
use crate::tokens::verify::Standing;
use wire::AuditOutcome;

pub(super) async fn exchange(
    app: &Shared,
    by: &Authenticated,
    request: &ExchangeRequest,
) -> Result<Response, ClientFacing> {
    let (now, client) = (app.clock.now(), &by.client);
    // Before anything is looked up: a client without a rule learns nothing of any token.
    app.provider.exchange.is_open_to(client)?;
    let subject = known(app, &request.subject).await?;
    let actor = match &request.actor {
        Some(actor) => Some(known(app, actor).await?),
        None => None,
    };
    let provider = &app.provider;
    let exchanged = provider.exchange.check(
        client,
        &subject,
        actor.as_ref(),
        (&request.scopes, &by.asked.resources),
        &by.shown,
    )?;
    provider
        .resources
        .check(&exchanged.resources, &client.id, &provider.issuer)
        .map_err(TokenError::from)?;
    let grant = subject.grant.ok_or(ExchangeRefusal::From)?;
    let details = grant
        .details
        .narrowed(&by.asked.details)
        .map_err(TokenError::from)?;
    let person = app.store.subject(wire::SubjectId(grant.subject.0)).await?;
    let person = person
        .filter(|person| person.status == wire::SubjectStatus::Active)
        .ok_or(ExchangeRefusal::Token)?;
    let issuer = &provider.issuer;
    let scopes = provider
        .resources
        .scopes(&exchanged.resources, &exchanged.scopes, issuer);
    let issuance = Issuance {
        scopes: scopes.clone(),
        id_token: false,
        resources: exchanged.resources.clone(),
        details: details.clone(),
        confirmation: by.proved.clone(),
        nonce: None,
        refresh: RefreshIssue::None,
        // Of the same family: what takes back the subject's token takes back this one.
        grant: Grant {
            client_id: client.id.clone(),
            ..grant
        },
    };
    let validity = app.tokens.access_validity(now);
    let id = AccessTokenId(Uuid::new_v4());
    let claims = AccessToken {
        act: exchanged.act,
        // The one name that this client has for the subject, whatever the other client calls it (OIDC Core §8.1).
        ..AccessToken::new(
            issuer,
            app.tokens.sub_of(issuance.grant.subject, client),
            &issuance,
            id,
            validity,
        )
    };
    let access_token = app
        .tokens
        .access(&claims, client, &exchanged.resources)
        .await?;
    let mut event =
        trail(Some(person.id), client.id.as_str()).event("token.exchanged", AuditOutcome::Success);
    event
        .detail
        .insert("from".into(), subject.client_id.to_string());
    app.store.append_event(event, now).await?;
    Ok(send(&TokenResponse {
        access_token,
        token_type: token_type(&by.proved),
        expires_in: app.tokens.lifetimes.access_token,
        id_token: None,
        refresh_token: None,
        scopes,
        details,
        issued_token_type: Some(ACCESS_TOKEN),
    }))
}

/// The grant of the login that an ID token tells of, where nobody has taken it back.
async fn login(app: &Shared, token: &IdToken) -> Result<Option<Grant>, ClientFacing> {
    let Some(client) = app.client(token.aud.as_str()).await? else {
        return Ok(None);
    };
    let sid = app.tokens.session_of(token.sid, &client);
    let rows = app.store.grants_of_sessions(&[sid]).await?;
    let mut rows = rows.into_iter().rev();
    let row = rows.find(|row| {
        let subject = SubjectId(row.subject.0);
        row.client.0 == client.id.as_str()
            && row.revoked_at.is_none()
            && app.tokens.sub_of(subject, &client) == token.sub
    });
    let Some(row) = row else {
        return Ok(None);
    };
    let now = app.clock.now();
    if !app.store.is_session_live(sid, row.subject, now).await? {
        return Ok(None);
    }
    Ok(Some(read(row.authorization, "grant")?))
}

/// What a brought token says, if it is ours, current and not revoked.
async fn known(app: &Shared, brought: &Brought) -> Result<Known, ClientFacing> {
    let now = app.clock.now();
    let token = brought.token.expose_secret();
    match brought.kind {
        BroughtType::AccessToken => {
            let claims = app.tokens.own_access_token(token, now).await;
            let claims = claims.ok_or(ExchangeRefusal::Token)?;
            let grant = match app.tokens.standing(&claims).await? {
                Standing::Good(grant) => grant,
                Standing::Revoked => return Err(ExchangeRefusal::Token.into()),
            };
            let grant: Option<Grant> = match grant {
                Some(grant) => Some(read(grant.authorization, "grant")?),
                None => None,
            };
            Ok(Known::of(&claims, grant))
        }
        BroughtType::IdToken => {
            // Under a key of ours alone: a client could write itself one under its secret.
            let claims = app.tokens.own_id_token(token, now).await;
            let claims = claims
                .filter(|claims| now < claims.exp)
                .ok_or(ExchangeRefusal::Token)?;
            // An ID token says that somebody signed in to a client, and opens nothing by itself: what it may become
            // is what that login was for, as long as it stands, and what the operator's rule has.
            let grant = login(app, &claims).await?.ok_or(ExchangeRefusal::Token)?;
            Ok(Known {
                sub: claims.sub,
                client_id: claims.aud,
                scopes: grant.scopes.clone(),
                cnf: Confirmation::default(),
                act: None,
                grant: Some(grant),
            })
        }
    }
}
