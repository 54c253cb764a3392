//! The backchannel authentication endpoint (CIBA Core §7), and the call to a client whose request is answered
//! (§10.2).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Duration;
use wire::AuditOutcome;
use zeroize::Zeroizing;

use super::client_address::ClientAddress;
use super::client_auth::{self, Claims};
use super::sent::Sent;
use super::token::{ClientFacing, authenticated, read_form};
use crate::app::Shared;
use crate::keys::KeyError;
use crate::login::Trail;
use crate::oidc::backchannel::{
    self, Asked, BackchannelRefusal, BackchannelRequest, Hint, OF_ALL, Ping,
};
use crate::oidc::backchannel_object::{self, Named};
use crate::oidc::client::Client;
use crate::oidc::error::TokenError;
use crate::oidc::fapi;
use crate::oidc::parameters::Parameters;
use crate::oidc::signed::{SignedRefusal, Unverified};
use crate::outbound;
use crate::random;
use crate::store::{NewPending, PendingKind, SingleUse, Subject, canonical_username};
use crate::tokens::TokensError;

/// `POST /bc-authorize`.
pub async fn post(
    State(app): State<Shared>,
    ClientAddress(address): ClientAddress,
    sent: Sent,
    body: Bytes,
) -> Result<Json<Value>, ClientFacing> {
    let form = read_form(&sent.headers, &body)?;
    let client = authenticated(&app, &sent, &form).await?;
    let mut number = [0_u8];
    random::fill(&mut number);
    let [number] = number;
    let parameters = match signed(&app, &client, &form).await? {
        Some(signed) => signed,
        None => form,
    };
    let request = BackchannelRequest::parse(&parameters, &client, &app.provider, number)?;
    let (who, subject) = person(&app, &client, &request.hint).await?;
    let asked = Asked {
        place: address.map(|address| address.to_string()),
        ..request.asked
    };
    let now = app.clock.now();
    let auth_req_id = random::secret();
    let digest = random::digest(auth_req_id.expose_secret());
    let call = Call {
        auth_req_id: auth_req_id.expose_secret().to_owned(),
        token: request.notification_token.map(SealedToken),
    };
    let new = NewPending {
        kind: PendingKind::Backchannel,
        client: wire::ClientId(client.id.to_string()),
        user_code: None,
        subject: subject.map(|subject| subject.id),
        who: Some(who.clone()),
        record: serde_json::to_value(&asked).expect("invariant: a request is plain JSON"),
        sealed: call.sealed(&app, &digest).await?,
        interval: backchannel::INTERVAL,
        created_at: now,
        expires_at: now + request.lifetime,
        digest,
    };
    // Whoever is asked again and again says yes in the end: so many at once, and so many an hour, of each client
    // and of all, also of names that nobody has.
    let (lately, of_all) = app
        .store
        .pending_since(&who, &new.client, now - Duration::hours(1))
        .await?;
    let rules = &app.config.ciba;
    let (an_hour, waiting) = (u64::from(rules.per_hour), u64::from(rules.waiting));
    let too_many = lately >= an_hour || of_all >= OF_ALL * an_hour;
    if too_many || !app.store.add_pending(&new, waiting).await? {
        note(&app, &client, &new, AuditOutcome::Refused).await?;
        let refusal = TokenError::from(BackchannelRefusal::TooMany);
        // CIBA Core §13: this endpoint's access_denied is a 403.
        return Err(ClientFacing::from(refusal).with_status(StatusCode::FORBIDDEN));
    }
    note(&app, &client, &new, AuditOutcome::Success).await?;
    let id = auth_req_id.expose_secret();
    Ok(Json(backchannel::response(id, request.lifetime, &asked)))
}

/// The parameters of a signed request (CIBA Core §7.1.1); none where the request is a plain one, which it must not be
/// where the client registered an algorithm.
async fn signed(
    app: &Shared,
    client: &Client,
    form: &Parameters,
) -> Result<Option<Parameters>, ClientFacing> {
    let wanted = backchannel::settings(client)
        .map_err(TokenError::from)?
        .request_alg;
    let Some(token) = form.secret("request") else {
        // FAPI CIBA §5.2.2: whoever signs its messages signs these.
        if wanted.is_some() || fapi::signs_messages(client) {
            return Err(TokenError::from(BackchannelRefusal::Signature).into());
        }
        return Ok(None);
    };
    if !backchannel_object::stands_alone(form) {
        return Err(TokenError::from(BackchannelRefusal::Signature).into());
    }
    let refused = |refusal: BackchannelRefusal| {
        tracing::info!(client = %client.id, %refusal, "backchannel_request_refused");
        TokenError::from(refusal)
    };
    let claims = verified(app, client, token.expose_secret()).await?;
    let claims = claims.map_err(|it| refused(BackchannelRefusal::Object(it)))?;
    let now = app.clock.now();
    let read = backchannel_object::parameters(&claims, client, &app.provider.issuer, now);
    let (parameters, once) = read.map_err(refused)?;
    let (kind, owner) = (SingleUse::RequestObject, client.id.as_str());
    if !app
        .store
        .use_once(kind, owner, &once.jti, once.until)
        .await?
    {
        return Err(refused(BackchannelRefusal::Replayed).into());
    }
    Ok(Some(parameters))
}

/// The claims of a JWT that this client signed for the backchannel.
async fn verified(
    app: &Shared,
    client: &Client,
    token: &str,
) -> Result<Result<Claims, SignedRefusal>, ClientFacing> {
    let read = match Unverified::parse(token) {
        Ok(read) => read,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let algs = backchannel_object::algs(client);
    Ok(client_auth::said_by(app, client, read, &algs).await?)
}

/// Whom the hint names: under which name requests are counted, and the subject where there is one. A name that nobody
/// has gets the same answer, and nobody ever says yes.
async fn person(
    app: &Shared,
    client: &Client,
    hint: &Hint,
) -> Result<(String, Option<Subject>), ClientFacing> {
    let refused = || TokenError::from(BackchannelRefusal::Hint);
    let mut known = None;
    let named = match hint {
        Hint::Login(name) => Named::Login(name.clone()),
        Hint::IdToken(token) => {
            let token = app
                .tokens
                .id_token_hint(token.as_str(), app.clock.now())
                .await
                // CIBA Core §7.1: "previously issued to the Client".
                .filter(|token| token.aud == client.id)
                .ok_or_else(refused)?;
            known = app.tokens.subject_of(&token, client).await?;
            Named::Subject(token.sub)
        }
        Hint::LoginToken(token) => {
            let claims = verified(app, client, token.expose_secret()).await?;
            let claims = claims.map_err(|_| refused())?;
            let (issuer, now) = (&app.provider.issuer, app.clock.now());
            backchannel_object::named(&claims, client, issuer, now).map_err(TokenError::from)?
        }
    };
    let subject = match named {
        Named::Login(name) => {
            let name = canonical_username(&name);
            let who = random::digest(&format!("whorl backchannel name 1 {name}"));
            let subject = app.store.subject_by_username(&name).await?;
            match active(subject) {
                Some(subject) => subject,
                None => return Ok((who, None)),
            }
        }
        Named::Subject(sub) => {
            let id = match known {
                Some(id) => Some(id),
                None => app.tokens.subject_called(&sub, client).await?,
            };
            let id = id.ok_or_else(refused)?;
            let subject = app.store.subject(wire::SubjectId(id.0)).await?;
            active(subject).ok_or_else(refused)?
        }
    };
    let who = format!("whorl backchannel subject 1 {}", subject.id.0);
    Ok((random::digest(&who), Some(subject)))
}

fn active(subject: Option<Subject>) -> Option<Subject> {
    subject.filter(|subject| subject.status == wire::SubjectStatus::Active)
}

/// What it takes to call the client, sealed until then.
#[derive(Serialize, Deserialize)]
struct Call {
    auth_req_id: String,
    token: Option<SealedToken>,
}

/// The token that the client gave us to call with; it is written into what is sealed, and nowhere else.
struct SealedToken(SecretString);

impl Serialize for SealedToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for SealedToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl Call {
    async fn sealed(&self, app: &Shared, digest: &str) -> Result<Option<Vec<u8>>, ClientFacing> {
        if self.token.is_none() {
            return Ok(None);
        }
        let plain = Zeroizing::new(
            serde_json::to_vec(self).expect("invariant: two strings are plain JSON"),
        );
        let sealed = app.journey.secrets.seal(PURPOSE, digest, &plain).await;
        Ok(Some(
            sealed.map_err(KeyError::from).map_err(TokensError::from)?,
        ))
    }
}

/// Calls a ping client whose request is answered (CIBA Core §10.2): once, and in the background. A client that does
/// not hear asks by itself in the end.
pub async fn notify(app: &Shared, digest: &str) {
    let app = app.clone();
    let digest = digest.to_owned();
    tokio::spawn(async move {
        if let Err(why) = call(&app, &digest).await {
            tracing::info!(why, "ping_failed");
        }
    });
}

async fn call(app: &Shared, digest: &str) -> Result<(), &'static str> {
    let row = app.store.pending(digest).await.map_err(|_| "database")?;
    let row = row.ok_or("gone")?;
    let Some(sealed) = &row.sealed else {
        return Ok(());
    };
    let client = app.client(row.client.0.as_str()).await.ok().flatten();
    let client = client.ok_or("client")?;
    let settings = backchannel::settings(&client).map_err(|_| "registration")?;
    let endpoint = settings.notification_endpoint.as_ref().ok_or("endpoint")?;
    let opened = app.journey.secrets.open(PURPOSE, digest, sealed).await;
    let opened = opened.map_err(|_| "vault")?;
    let call: Call = serde_json::from_slice(&opened).map_err(|_| "sealed")?;
    let token = call.token.ok_or("token")?;
    let body = serde_json::to_string(&Ping {
        auth_req_id: &call.auth_req_id,
    });
    let body = body.map_err(|_| "body")?;
    let request = outbound::Send {
        bearer: Some(&token.0),
        ..outbound::Send::post(endpoint.as_str(), "application/json", body.into())
    };
    // CIBA Core §10.2: 204 or 200; whatever else comes, the client may still ask by itself.
    app.outbound.send(request).await.map_err(|_| "fetch")?;
    Ok(())
}

async fn note(
    app: &Shared,
    client: &Client,
    new: &NewPending,
    outcome: AuditOutcome,
) -> Result<(), ClientFacing> {
    let trail = Trail {
        subject: new.subject,
        client: Some(wire::ClientId(client.id.to_string())),
        attempt: None,
        address: None,
    };
    let event = trail.event("backchannel.asked", outcome);
    app.store.append_event(event, app.clock.now()).await?;
    Ok(())
}

const PURPOSE: &str = "backchannel call";
