//! Subjects as the API shows them: the summary of a list, and the detail with everything that hangs on one.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use wire::{
    BiometricConsent, ClientId, ConsentSummary, CredentialSummary, FactorKind, SessionSummary,
    SubjectDetail, SubjectSummary,
};

use super::refusal::Refusal;
use crate::app::App;
use crate::login::journey::who;
use crate::login::policy::Moment;
use crate::login::session::LiveSession;
use crate::oidc::{amr, grant::Grant as Granted};
use crate::store::{Credential, Grant, Session, StoreError, Subject};

/// A subject as a list shows it.
pub fn summary(subject: Subject, factors: Vec<FactorKind>) -> SubjectSummary {
    SubjectSummary {
        id: subject.id,
        username: subject.username,
        display_name: subject.display_name,
        email: subject.email,
        status: subject.status,
        factors,
        created_at: subject.created_at,
        last_login_at: subject.last_login_at,
    }
}

/// A subject with everything that hangs on it.
///
/// # Errors
/// When the database fails.
pub async fn detail(
    app: &App,
    subject: Subject,
    now: OffsetDateTime,
) -> Result<SubjectDetail, Refusal> {
    let (id, store) = (subject.id, &app.store);
    let credentials = store.credentials(id).await?;
    let biometric_consent = store.biometric_consent(id).await?;
    let (failures, blocked_until) = store.tries(&who(&subject.username)).await?;
    let mut factors: Vec<FactorKind> = Vec::new();
    for credential in &credentials {
        if !factors.contains(&credential.factor) {
            factors.push(credential.factor);
        }
    }
    Ok(SubjectDetail {
        consents: consents(app, &subject).await?,
        sessions: sessions(app, &subject, now).await?,
        summary: summary(subject, factors),
        credentials: credentials.into_iter().map(credential).collect(),
        biometric_consent: biometric_consent.map(|consent| BiometricConsent {
            version: consent.version,
            given_at: consent.granted_at,
            // A withdrawn consent leaves no row; the trail has both.
            withdrawn_at: None,
        }),
        failures,
        blocked_until: blocked_until.filter(|until| *until > now),
    })
}

fn credential(credential: Credential) -> CredentialSummary {
    CredentialSummary {
        id: credential.id,
        factor: credential.factor,
        label: Some(credential.label).filter(|label| !label.is_empty()),
        model: credential.model,
        version: credential.version,
        created_at: credential.created_at,
        last_used_at: credential.last_used_at,
    }
}

async fn consents(app: &App, subject: &Subject) -> Result<Vec<ConsentSummary>, Refusal> {
    let given = app.store.consents_of(subject.id).await?;
    let ids: Vec<String> = given.iter().map(|(client, _, _)| client.clone()).collect();
    let mut names = app.store.client_names(&ids).await?;
    let summary = |(client, scopes, given_at): (String, String, OffsetDateTime)| ConsentSummary {
        client_name: names.remove(&client).unwrap_or_else(|| client.clone()),
        client: ClientId(client),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        given_at,
    };
    Ok(given.into_iter().map(summary).collect())
}

async fn sessions(
    app: &App,
    subject: &Subject,
    now: OffsetDateTime,
) -> Result<Vec<SessionSummary>, Refusal> {
    let live = app.store.sessions_of(subject.id, now).await?;
    let sids: Vec<_> = live.iter().map(|session| session.sid).collect();
    let grants = app.store.grants_of_sessions(&sids).await?;
    let summary = |session: Session| session_summary(app, session, &grants, now);
    let summaries: Result<Vec<_>, StoreError> = live.into_iter().map(summary).collect();
    Ok(summaries?)
}

fn session_summary(
    app: &App,
    session: Session,
    grants: &[Grant],
    now: OffsetDateTime,
) -> Result<SessionSummary, StoreError> {
    let expires_at = session.expires_at;
    let session = LiveSession::try_from(session)?;
    let own: Vec<&Grant> = grants.iter().filter(|g| g.sid == session.sid).collect();
    let last: Option<Granted> = own
        .last()
        .and_then(|grant| serde_json::from_value(grant.authorization.clone()).ok());
    // What the last grant says was reached; before the first, what the policy makes of the evidence.
    let acr = last.map(|grant| grant.authentication.acr).or_else(|| {
        let policy = app.journey.policy();
        let mut rules = policy.acr.iter().rev();
        rules
            .find(|rule| rule.is_reached(&session.evidence, Moment::at(now)))
            .map(|rule| rule.name.clone())
    });
    let clients: BTreeSet<ClientId> = own.iter().map(|grant| grant.client.clone()).collect();
    let methods = session
        .evidence
        .iter()
        .flat_map(|evidence| evidence.amr.iter().copied());
    Ok(SessionSummary {
        id: session.sid,
        auth_time: session.auth_time,
        expires_at,
        acr: acr.map_or_else(String::new, |acr| acr.as_str().to_owned()),
        amr: amr::combine(methods)
            .into_iter()
            .map(|amr| amr.as_str().to_owned())
            .collect(),
        clients: clients.into_iter().collect(),
    })
}
