//! What an operator does to a subject: invite, suspend, activate, take a credential or the sessions away, erase.
//!
//! Each is one transaction that holds the subject's row first, so that of two operators at once one comes
//! after the other, and that ends with the audit event. What lies outside the database goes after it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};
use wire::{
    CredentialId, Invitation, RevokedSessions, SubjectDetail, SubjectId, SubjectStatus, WireSecret,
};

use super::caller::Caller;
use super::extract::Named;
use super::refusal::Refusal;
use super::subject_detail::detail;
use crate::app::{App, Shared};
use crate::random;
use crate::store::{self, Change, NewEvent, Session, Subject};

/// `POST /admin/v1/subjects/{subject}/invitations`.
pub async fn invite(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
) -> Result<(StatusCode, Json<Invitation>), Refusal> {
    let (token, now) = (random::secret(), app.clock.now());
    let expires_at = now + Duration::seconds(app.config.session.invitation_s.into());
    let (change, subject) = hold(&app, id).await?;
    if subject.status == SubjectStatus::Suspended {
        return Err(Refusal::conflict(
            "the subject is suspended: activate it first",
        ));
    }
    change.void_invitations_of(id, now).await?;
    change.forget_device_keys(id).await?;
    let invitation = store::Invitation {
        digest: random::digest(token.expose_secret()),
        subject: id,
        created_by: caller.name.0.clone(),
        expires_at,
    };
    change.create_invitation(&invitation, now).await?;
    commit(change, about(id, caller.did("subject.invited")), now).await?;
    let issuer = app.config.issuer_text();
    let url = WireSecret::from(format!("{issuer}/enrol/{}", token.expose_secret()));
    Ok((StatusCode::CREATED, Json(Invitation { url, expires_at })))
}

/// `POST /admin/v1/subjects/{subject}/suspend`: no login from here on, and nothing of earlier ones.
pub async fn suspend(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
) -> Result<Json<SubjectDetail>, Refusal> {
    let now = app.clock.now();
    let (change, subject) = hold(&app, id).await?;
    change
        .set_subject_status(id, SubjectStatus::Suspended)
        .await?;
    let live = change.sessions_of(id, now).await?;
    change.end_sessions_of(id, now).await?;
    change.revoke_grants_of(id, now).await?;
    // An open invitation would let its holder enrol for the day on which the subject is let in again.
    change.void_invitations_of(id, now).await?;
    commit(change, about(id, caller.did("subject.suspended")), now).await?;
    tell(&app, &live, now).await;
    let suspended = Subject {
        status: SubjectStatus::Suspended,
        ..subject
    };
    Ok(Json(detail(&app, suspended, now).await?))
}

/// `POST /admin/v1/subjects/{subject}/activate`: who could sign in before may again; who had not enrolled
/// yet is to be invited again.
pub async fn activate(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
) -> Result<Json<SubjectDetail>, Refusal> {
    let now = app.clock.now();
    let (change, subject) = hold(&app, id).await?;
    match subject.status {
        SubjectStatus::Active => {}
        SubjectStatus::Invited => {
            return Err(Refusal::conflict(
                "the subject has not enrolled yet: send an invitation",
            ));
        }
        SubjectStatus::Suspended => {
            let status =
                match subject.last_login_at.is_some() || can_sign_in(&app, &change, id).await? {
                    true => SubjectStatus::Active,
                    false => SubjectStatus::Invited,
                };
            change.set_subject_status(id, status).await?;
            commit(change, about(id, caller.did("subject.activated")), now).await?;
            let activated = Subject { status, ..subject };
            return Ok(Json(detail(&app, activated, now).await?));
        }
    }
    drop(change);
    Ok(Json(detail(&app, subject, now).await?))
}

/// `DELETE /admin/v1/subjects/{subject}/credentials/{credential}`.
pub async fn remove_credential(
    State(app): State<Shared>,
    caller: Caller,
    Named((id, credential)): Named<(SubjectId, CredentialId)>,
) -> Result<StatusCode, Refusal> {
    let now = app.clock.now();
    let (change, _) = hold(&app, id).await?;
    let found = change.credential(credential).await?;
    let found = found.filter(|found| found.subject == id);
    let removed = found.ok_or_else(|| Refusal::no_such("credential"))?;
    change.remove_credential(id, credential).await?;
    // Whoever holds what was taken away is out: their sessions and refresh tokens go with it.
    let live = change.sessions_of(id, now).await?;
    change.end_sessions_of(id, now).await?;
    change.revoke_grants_of(id, now).await?;
    let mut event = about(id, caller.did("credential.removed"));
    event.factor = Some(removed.factor);
    let name = ("credential".to_owned(), credential.to_string());
    event.detail.extend([name]);
    commit(change, event, now).await?;
    tell(&app, &live, now).await;
    app.clear_away(&[removed]).await;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/v1/subjects/{subject}/sessions/revoke`: the subject is signed out everywhere, refresh tokens
/// included.
pub async fn revoke_sessions(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
) -> Result<Json<RevokedSessions>, Refusal> {
    let now = app.clock.now();
    let (change, _) = hold(&app, id).await?;
    let live = change.sessions_of(id, now).await?;
    let ended = change.end_sessions_of(id, now).await?;
    change.revoke_grants_of(id, now).await?;
    // Whoever was robbed of a device is trusted on none until they say so again.
    change.forget_device_keys(id).await?;
    let mut event = about(id, caller.did("sessions.revoked"));
    event.detail.insert("revoked".into(), ended.to_string());
    commit(change, event, now).await?;
    tell(&app, &live, now).await;
    let revoked = u32::try_from(ended).unwrap_or(u32::MAX);
    Ok(Json(RevokedSessions { revoked }))
}

/// `DELETE /admin/v1/subjects/{subject}`: see [`App::erase`].
pub async fn erase(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
) -> Result<StatusCode, Refusal> {
    let (change, subject) = hold(&app, id).await?;
    let event = about(id, caller.did("subject.erased"));
    app.erase(change, subject, event, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a change of a subject.
pub(super) async fn hold(app: &App, id: SubjectId) -> Result<(Change, Subject), Refusal> {
    let change = app.store.begin().await?;
    let subject = change.hold_subject(id).await?;
    let subject = subject.ok_or_else(|| Refusal::no_such("subject"))?;
    Ok((change, subject))
}

/// Ends it, with the event that says what was done.
pub(super) async fn commit(
    change: Change,
    event: NewEvent,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    change.append_event(event, now).await?;
    Ok(change.commit().await?)
}

pub(super) fn about(subject: SubjectId, event: NewEvent) -> NewEvent {
    NewEvent {
        subject: Some(subject),
        ..event
    }
}

/// Whether what is enrolled suffices for some acr of the policy.
async fn can_sign_in(app: &App, change: &Change, id: SubjectId) -> Result<bool, Refusal> {
    let enrolled = change.credentials(id).await?;
    let policy = app.journey.policy();
    let mut ways = policy.acr.iter().flat_map(|rule| &rule.any_of);
    Ok(ways.any(|way| {
        way.iter()
            .all(|factor| enrolled.iter().any(|c| c.factor == *factor))
    }))
}

/// The clients of sessions that were ended here hear of it from server to server. What was done is done, whether or
/// not they can be told.
async fn tell(app: &Shared, ended: &[Session], now: OffsetDateTime) {
    for session in ended {
        if let Err(error) = app.announce_end(session.sid, now).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "logout_not_queued");
        }
    }
}
