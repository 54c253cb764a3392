//! `GET /me`: everything at a glance.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;
use wire::FactorKind;

use super::history::lines;
use super::{Entry, HOME, HttpError, Needs, Said, Visitor, enter, frame, moment};
use crate::app::Shared;
use crate::factors::Outcome;
use crate::factors::passkey::Backup;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::login_pages::scope_line;
use crate::http::pages::me::{ApplicationLine, Biometrics, FactorLine, Home, SessionLine};
use crate::http::speech;
use crate::login::policy::is_biometric;
use crate::login::risk::has_typing;
use crate::portal::{OURSELVES, device};
use crate::store::{Credential, StoreError};

/// What was just done.
#[derive(Deserialize)]
pub(super) struct Done {
    said: Option<String>,
}

/// `GET /me`.
pub(super) async fn show(
    State(app): State<Shared>,
    Query(done): Query<Done>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::Session, HOME).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let (id, now) = (visitor.subject.id, app.clock.now());
    let said = Said::ALL
        .into_iter()
        .find(|said| Some(said.as_str()) == done.said.as_deref());
    let mut factors = Vec::new();
    for credential in &visitor.credentials {
        factors.push(factor_line(&app, credential).await?);
    }
    let nonce = Nonce::new();
    let view = Home {
        frame: frame(&app, &nonce),
        username: visitor.subject.username.clone(),
        said: said.map(|said| said.sentence()),
        // Once: what was done is answer enough.
        by_code: said.is_none() && by_code(&visitor),
        factors,
        requests: app.store.waiting_for(id, now).await?.len(),
        sessions: sessions(&app, &visitor, now).await?,
        browsers: super::devices::lines(&app, &visitor, now).await?,
        applications: applications(&app, &visitor).await?,
        biometrics: biometrics(&app, &visitor).await?,
        history: lines(app.history(id, None, LATELY, speech::language()).await?),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// Whether it took a recovery code to get here: whatever else there was may be lost.
fn by_code(visitor: &Visitor) -> bool {
    let mut shown = visitor.session.evidence.iter();
    shown.any(|it| it.outcome == Outcome::Match && it.factor == FactorKind::RecoveryCode)
}

/// A credential as its holder knows it.
pub(super) async fn factor_line(
    app: &Shared,
    credential: &Credential,
) -> Result<FactorLine, StoreError> {
    let own = Some(credential.label.clone()).filter(|label| !label.is_empty());
    let label = match credential.factor {
        FactorKind::RecoveryCode => {
            let left = app.store.recovery_codes_left(credential.id).await?;
            Some(speech::language().say_of("me-codes-left", "count", left.to_string()))
        }
        _ => own,
    };
    Ok(FactorLine {
        id: credential.id.to_string(),
        kind: credential.factor.as_str().into(),
        title: title(credential.factor),
        label,
        backup: Backup::of(credential).map(words_of),
        added: moment(credential.created_at),
        used: credential.last_used_at.map(moment),
    })
}

fn words_of(backup: Backup) -> &'static str {
    match backup {
        Backup::Impossible => "backup-impossible",
        Backup::Possible => "backup-possible",
        Backup::Made => "backup-made",
    }
}

/// What a factor is called above a list.
pub(super) fn title(factor: FactorKind) -> String {
    match factor {
        FactorKind::RecoveryCode => speech::language().say("me-codes"),
        one => speech::language().say(&format!("choose-{one}")),
    }
}

pub(super) async fn sessions(
    app: &Shared,
    visitor: &Visitor,
    now: OffsetDateTime,
) -> Result<Vec<SessionLine>, StoreError> {
    let live = app.store.sessions_of(visitor.subject.id, now).await?;
    let mut lines: Vec<SessionLine> = live
        .iter()
        .map(|session| SessionLine {
            sid: session.sid.to_string(),
            device: device(speech::language(), session.user_agent.as_deref()),
            since: moment(session.auth_time),
            is_this: session.sid == visitor.session.sid,
        })
        .collect();
    lines.sort_by_key(|line| !line.is_this);
    Ok(lines)
}

/// What was consented to, and whoever else holds a grant.
async fn applications(app: &Shared, visitor: &Visitor) -> Result<Vec<ApplicationLine>, StoreError> {
    let id = visitor.subject.id;
    let mut found: Vec<(String, String, OffsetDateTime)> = app.store.consents_of(id).await?;
    for (client, at) in app.store.clients_of_subject(id).await? {
        if client != OURSELVES && !found.iter().any(|(known, _, _)| *known == client) {
            found.push((client, String::new(), at));
        }
    }
    let ids: Vec<String> = found.iter().map(|(client, _, _)| client.clone()).collect();
    let names = app.store.client_names(&ids).await?;
    let line = |(client, scopes, at): (String, String, OffsetDateTime)| ApplicationLine {
        name: names
            .get(&client)
            .cloned()
            .unwrap_or_else(|| client.clone()),
        scopes: scopes.split_whitespace().map(scope_line).collect(),
        since: moment(at),
        client,
    };
    Ok(found.into_iter().map(line).collect())
}

/// Where biometrics stand.
pub(super) async fn biometrics(app: &Shared, visitor: &Visitor) -> Result<Biometrics, StoreError> {
    let agreed = app.store.biometric_consent(visitor.subject.id).await?;
    let habits = app.store.risk_profile(visitor.subject.id).await?;
    let held = visitor.credentials.iter();
    Ok(Biometrics {
        typing: has_typing(&habits.bytes),
        agreed: agreed.map(|consent| moment(consent.granted_at)),
        kept: held.filter(|it| is_biometric(it.factor)).count(),
    })
}

/// Lines of the history on the overview.
const LATELY: u64 = 5;
