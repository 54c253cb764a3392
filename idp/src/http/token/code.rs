//! A code is redeemed (RFC 6749 §4.1.3): once, and a replay takes everything back.

use axum::response::Response;
use secrecy::ExposeSecret;

use super::issue::issue;
use super::{Authenticated, ClientFacing, read, revoke_family};
use crate::app::Shared;
use crate::oidc::grants::authorization_code::{self, CodeRecord, CodeRefusal, CodeRequest};
use crate::random;
use crate::store::{KeptCode, Redemption};

pub(super) async fn redeem(
    app: &Shared,
    by: &Authenticated,
    request: &CodeRequest,
) -> Result<Response, ClientFacing> {
    let (now, client) = (app.clock.now(), &by.client);
    let digest = random::digest(request.code.expose_secret());
    let code = app.store.code(&digest).await?;
    let KeptCode {
        record,
        grant,
        is_redeemed,
    } = code.ok_or(CodeRefusal::Unknown)?;
    let record: CodeRecord = read(record, "code")?;
    // A replay by the rightful client revokes what the first redemption gave, also after the code's end
    // (RFC 6749 §4.1.2, §10.5).
    if is_redeemed && record.grant.client_id == client.id {
        revoke_family(app, grant, client, "code_replayed").await?;
        return Err(CodeRefusal::Replayed.into());
    }
    // The request is checked before the code is spent: another client's mistake does not cost it.
    let issuance = authorization_code::check(&record, request, client, &by.proved, now)?.narrowed(
        &by.asked,
        &app.provider,
        by.proved.clone(),
    )?;
    match app.store.redeem_code(&digest, grant, now).await? {
        Redemption::First => {}
        Redemption::Replayed => {
            revoke_family(app, grant, client, "code_replayed").await?;
            return Err(CodeRefusal::Replayed.into());
        }
        Redemption::Unknown => return Err(CodeRefusal::Unknown.into()),
    }
    issue(app, client, issuance, None).await
}
