//! The admin API under `/admin/v1`: who asks, whether the role suffices, one function, JSON; an aggregate a file.
//!
//! [`routes`] is the whole of it in one table, each route beside the [`Action`] it is; what an action takes
//! is [`Action::least_role`], and [`caller::enforce`] is the one place that looks. A change and the audit
//! event that names its operator are kept in one transaction. Every refusal is a [`wire::Problem`], also of
//! a path that does not exist and a body that does not parse; nobody is told anything without a token.

mod audit;
mod caller;
mod clients;
mod duplicates;
mod extract;
mod fingerprint_records;
mod health;
mod operators;
mod page;
mod policy;
mod refusal;
mod subject_changes;
mod subject_detail;
mod subjects;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use wire::{Action, ProblemCode, paths};

use self::caller::{Desk, authenticate, enforce};
use self::refusal::Refusal;
use crate::app::Shared;

/// Every route, relative to [`paths::BASE`].
pub fn routes(app: Shared) -> Router<Shared> {
    let desk = Arc::new(Desk::new(app));
    let may = |action: Action, route: MethodRouter<Shared>| {
        route.route_layer(from_fn_with_state((desk.clone(), action), enforce))
    };
    Router::new()
        .route(at(paths::WHOAMI), may(Action::Read, get(caller::whoami)))
        .route(
            at(paths::SUBJECTS),
            may(Action::Read, get(subjects::list))
                .merge(may(Action::CreateSubject, post(subjects::create))),
        )
        .route(
            at(paths::SUBJECT),
            may(Action::Read, get(subjects::show))
                .merge(may(Action::EraseSubject, delete(subject_changes::erase))),
        )
        .route(
            at(paths::INVITATIONS),
            may(Action::InviteSubject, post(subject_changes::invite)),
        )
        .route(
            at(paths::SUSPEND),
            may(Action::SuspendSubject, post(subject_changes::suspend)),
        )
        .route(
            at(paths::ACTIVATE),
            may(Action::ActivateSubject, post(subject_changes::activate)),
        )
        .route(
            at(paths::CREDENTIAL),
            may(
                Action::RemoveCredential,
                delete(subject_changes::remove_credential),
            ),
        )
        .route(
            at(paths::FINGERPRINT_RECORDS),
            may(Action::ImportFingerprint, post(fingerprint_records::import)),
        )
        .route(
            at(paths::REVOKE_SESSIONS),
            may(
                Action::RevokeSessions,
                post(subject_changes::revoke_sessions),
            ),
        )
        .route(
            at(paths::CLIENTS),
            may(Action::Read, get(clients::list))
                .merge(may(Action::CreateClient, post(clients::create))),
        )
        .route(
            at(paths::CLIENT),
            may(Action::Read, get(clients::show))
                .merge(may(Action::DeleteClient, delete(clients::remove))),
        )
        .route(
            at(paths::DUPLICATE_SEARCHES),
            may(Action::Read, get(duplicates::searches))
                .merge(may(Action::SearchDuplicates, post(duplicates::start))),
        )
        .route(
            at(paths::DUPLICATE_PAIRS),
            may(Action::Read, get(duplicates::pairs)),
        )
        .route(
            at(paths::DUPLICATE_DECISION),
            may(Action::DecideDuplicate, post(duplicates::decide)),
        )
        .route(
            at(paths::POLICY),
            may(Action::Read, get(policy::show)).merge(
                may(
                    Action::ChangePolicy,
                    put(policy::replace).delete(policy::reset),
                )
                .layer(policies()),
            ),
        )
        .route(
            at(paths::POLICY_CHECK),
            may(Action::ChangePolicy, post(policy::check)).layer(policies()),
        )
        .route(
            at(paths::POLICY_SIMULATE),
            may(Action::ChangePolicy, post(policy::simulate)).layer(policies()),
        )
        .route(
            at(paths::POLICY_REVISIONS),
            may(Action::Read, get(policy::revisions)),
        )
        .route(
            at(paths::POLICY_REVISION),
            may(Action::Read, get(policy::revision)),
        )
        .route(at(paths::AUDIT), may(Action::Read, get(audit::list)))
        .route(at(paths::HEALTH), may(Action::Read, get(health::show)))
        .route(
            at(paths::OPERATORS),
            may(
                Action::ManageOperators,
                get(operators::list).post(operators::create),
            ),
        )
        .route(
            at(paths::OPERATOR),
            may(Action::ManageOperators, delete(operators::remove)),
        )
        .route(
            at(paths::OPERATOR_TOKENS),
            may(Action::ManageOperators, post(operators::issue_token)),
        )
        .route(
            at(paths::OPERATOR_TOKEN),
            may(Action::ManageOperators, delete(operators::revoke_token)),
        )
        .method_not_allowed_fallback(other_method)
        .fallback(other_path)
        .layer(Extension(desk.clone()))
        .layer(from_fn_with_state(desk, authenticate))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("admin_request_panicked");
            Refusal::new(ProblemCode::Internal).into_response()
        }))
        .layer(from_fn(refusal::name_the_realm))
}

/// A path of the table without what the whole of it is nested under.
fn at(path: &'static str) -> &'static str {
    path.strip_prefix(paths::BASE)
        .expect("invariant: every path of the admin API lies under its base")
}

async fn other_path() -> Refusal {
    Refusal::new(ProblemCode::NotFound).because("there is nothing at this path")
}

/// `/admin/v1/`, with a slash behind it, which a nested router is never asked for.
pub async fn bare() -> impl IntoResponse {
    other_path().await
}

async fn other_method(request: Request) -> Refusal {
    Refusal::method_not_allowed(request.method())
}

/// A policy in JSON, where each of its line ends and quotes is two characters.
fn policies() -> DefaultBodyLimit {
    DefaultBodyLimit::max(2 * wire::MAX_POLICY_BYTES + BODY_BYTES)
}

const BODY_BYTES: usize = 64 << 10;
