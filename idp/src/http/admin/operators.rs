//! Operators and their tokens: a token is told once and ends by itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::ExposeSecret;
use time::Duration;
use wire::{
    IssuedOperatorToken, NewOperator, NewOperatorToken, OperatorDetail, OperatorName,
    OperatorTokenId, OperatorTokenSummary, Page, PageQuery, ProblemCode, Role, WireSecret,
};

use super::caller::Caller;
use super::extract::{Asked, Body, Named};
use super::page::Cut;
use super::refusal::Refusal;
use crate::app::Shared;
use crate::random;
use crate::store::{OperatorRow, OperatorTokenRow, StoreError};

/// `GET /admin/v1/operators`.
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<OperatorDetail>>, Refusal> {
    let cut = Cut::parse(query.after.as_deref(), query.limit)?;
    let found = app.store.operators_after(cut.after(), cut.rows()).await?;
    let (rows, next) = cut.take(found, |row| row.name.as_str());
    let names: Vec<OperatorName> = rows.iter().map(|row| row.name.clone()).collect();
    let mut tokens = app.store.live_tokens(&names, app.clock.now()).await?;
    let item = |row: OperatorRow| {
        let tokens = tokens.remove(&row.name).unwrap_or_default();
        detail(row, tokens)
    };
    let items = rows.into_iter().map(item).collect();
    Ok(Json(Page { items, next }))
}

/// `POST /admin/v1/operators`.
pub async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewOperator>,
) -> Result<(StatusCode, Json<OperatorDetail>), Refusal> {
    if !is_name(&new.name) {
        let message = "has letters, digits and . _ - @, 64 at most";
        return Err(Refusal::field(ProblemCode::InvalidRequest, "name", message));
    }
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let created = change.create_operator(&new.name, new.role, now).await;
    let row = created.map_err(|error| match error {
        StoreError::Exists => Refusal::field(ProblemCode::NameTaken, "name", "is taken"),
        StoreError::Unavailable(_) | StoreError::Unreadable(_) => error.into(),
    })?;
    let mut event = caller.did("operator.created");
    event.detail.insert("name".to_owned(), new.name.0);
    event.detail.insert("role".to_owned(), new.role.to_string());
    change.append_event(event, now).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(detail(row, Vec::new()))))
}

/// `DELETE /admin/v1/operators/{operator}`: with every token. The last owner stays, because nobody else
/// could make another.
pub async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    Named(name): Named<OperatorName>,
) -> Result<StatusCode, Refusal> {
    let now = app.clock.now();
    let change = app.store.begin().await?;
    let operator = match is_name(&name) {
        true => change.operator(&name).await?,
        false => None,
    };
    let operator = operator.ok_or_else(|| Refusal::no_such("operator"))?;
    if operator.role == Role::Owner && !change.has_other_owner(&name).await? {
        return Err(Refusal::conflict(
            "this is the last owner: make another one first",
        ));
    }
    change.remove_operator(&name).await?;
    let mut event = caller.did("operator.removed");
    event.detail.insert("name".to_owned(), name.0);
    change.append_event(event, now).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/v1/operators/{operator}/tokens`.
pub async fn issue_token(
    State(app): State<Shared>,
    caller: Caller,
    Named(name): Named<OperatorName>,
    Body(new): Body<NewOperatorToken>,
) -> Result<(StatusCode, Json<IssuedOperatorToken>), Refusal> {
    let lifetime = lifetime(new.lifetime_s)?;
    let (token, now) = (random::secret(), app.clock.now());
    let change = app.store.begin().await?;
    let known = is_name(&name) && change.operator(&name).await?.is_some();
    if !known {
        return Err(Refusal::no_such("operator"));
    }
    let digest = random::digest(token.expose_secret());
    let issued = change
        .issue_operator_token(&name, &digest, now + lifetime, now)
        .await?;
    let mut event = caller.did("operator.token_issued");
    event.detail.insert("name".to_owned(), name.0);
    event.detail.insert("token".to_owned(), issued.id.to_string());
    change.append_event(event, now).await?;
    change.commit().await?;
    let told = IssuedOperatorToken {
        id: issued.id,
        token: WireSecret::from(token),
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(told)))
}

/// `DELETE /admin/v1/operators/{operator}/tokens/{token}`.
pub async fn revoke_token(
    State(app): State<Shared>,
    caller: Caller,
    Named((name, token)): Named<(OperatorName, OperatorTokenId)>,
) -> Result<StatusCode, Refusal> {
    let now = app.clock.now();
    let change = app.store.begin().await?;
    if !is_name(&name) || !change.revoke_operator_token(&name, token, now).await? {
        return Err(Refusal::no_such("token"));
    }
    let mut event = caller.did("operator.token_revoked");
    event.detail.insert("name".to_owned(), name.0);
    event.detail.insert("token".to_owned(), token.to_string());
    change.append_event(event, now).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn lifetime(asked_s: Option<u64>) -> Result<Duration, Refusal> {
    match asked_s {
        None => Ok(DEFAULT_LIFETIME),
        Some(0) => {
            let message = "a token lives for a second at least";
            Err(Refusal::field(
                ProblemCode::InvalidRequest,
                "lifetime_s",
                message,
            ))
        }
        Some(asked) => {
            let asked = i64::try_from(asked).map_or(Duration::MAX, Duration::seconds);
            Ok(asked.min(LONGEST_LIFETIME))
        }
    }
}

/// The names that the command line makes too.
fn is_name(name: &OperatorName) -> bool {
    let text = name.as_str();
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "._-@".contains(c))
}

fn detail(row: OperatorRow, tokens: Vec<OperatorTokenRow>) -> OperatorDetail {
    let summary = |token: OperatorTokenRow| OperatorTokenSummary {
        id: token.id,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    };
    OperatorDetail {
        name: row.name,
        role: row.role,
        created_at: row.created_at,
        tokens: tokens.into_iter().map(summary).collect(),
    }
}

/// A working day, as `whorl admin token` has it.
const DEFAULT_LIFETIME: Duration = Duration::hours(12);
const LONGEST_LIFETIME: Duration = Duration::days(30);
