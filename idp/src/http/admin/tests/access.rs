//! Who gets in, what each role may, and that every refusal is a problem.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;
use time::Duration;
use uuid::Uuid;
use wire::{Action, Operator, OperatorName, ProblemCode, Role, paths};

use super::host::{Host, NOW};
use crate::http::admin::refusal::{CHALLENGE, REALM};
use crate::random;

/// Every route with the action it is; the things they name do not exist.
pub fn routes() -> Vec<(Method, String, Action)> {
    let filled = |path: &str| {
        path.replace("{subject}", &Uuid::nil().to_string())
            .replace("{credential}", &Uuid::nil().to_string())
            .replace("{pair}", &Uuid::nil().to_string())
            .replace("{client}", "nobody")
            .replace("{operator}", "nobody")
            .replace("{token}", &Uuid::nil().to_string())
    };
    [
        (Method::GET, paths::WHOAMI, Action::Read),
        (Method::GET, paths::SUBJECTS, Action::Read),
        (Method::POST, paths::SUBJECTS, Action::CreateSubject),
        (Method::GET, paths::SUBJECT, Action::Read),
        (Method::DELETE, paths::SUBJECT, Action::EraseSubject),
        (Method::POST, paths::INVITATIONS, Action::InviteSubject),
        (Method::POST, paths::SUSPEND, Action::SuspendSubject),
        (Method::POST, paths::ACTIVATE, Action::ActivateSubject),
        (Method::DELETE, paths::CREDENTIAL, Action::RemoveCredential),
        (
            Method::POST,
            paths::FINGERPRINT_RECORDS,
            Action::ImportFingerprint,
        ),
        (Method::POST, paths::REVOKE_SESSIONS, Action::RevokeSessions),
        (Method::GET, paths::CLIENTS, Action::Read),
        (Method::POST, paths::CLIENTS, Action::CreateClient),
        (Method::GET, paths::CLIENT, Action::Read),
        (Method::DELETE, paths::CLIENT, Action::DeleteClient),
        (Method::GET, paths::DUPLICATE_SEARCHES, Action::Read),
        (
            Method::POST,
            paths::DUPLICATE_SEARCHES,
            Action::SearchDuplicates,
        ),
        (Method::GET, paths::DUPLICATE_PAIRS, Action::Read),
        (
            Method::POST,
            paths::DUPLICATE_DECISION,
            Action::DecideDuplicate,
        ),
        (Method::GET, paths::POLICY, Action::Read),
        (Method::PUT, paths::POLICY, Action::ChangePolicy),
        (Method::DELETE, paths::POLICY, Action::ChangePolicy),
        (Method::POST, paths::POLICY_CHECK, Action::ChangePolicy),
        (Method::POST, paths::POLICY_SIMULATE, Action::ChangePolicy),
        (Method::GET, paths::POLICY_REVISIONS, Action::Read),
        (Method::GET, paths::AUDIT, Action::Read),
        (Method::GET, paths::HEALTH, Action::Read),
        (Method::GET, paths::OPERATORS, Action::ManageOperators),
        (Method::POST, paths::OPERATORS, Action::ManageOperators),
        (Method::DELETE, paths::OPERATOR, Action::ManageOperators),
        (
            Method::POST,
            paths::OPERATOR_TOKENS,
            Action::ManageOperators,
        ),
        (
            Method::DELETE,
            paths::OPERATOR_TOKEN,
            Action::ManageOperators,
        ),
    ]
    .map(|(method, path, action)| (method, filled(path), action))
    .into()
}

#[tokio::test]
async fn every_route_takes_the_role_that_its_action_says() {
    let host = Host::new().await;
    for role in Role::ALL {
        let token = host.token(role.as_str(), role).await;
        for (method, path, action) in routes() {
            let body = (method == Method::POST).then(|| json!({}));
            let reply = host.ask(&token, method.clone(), &path, body).await;
            let case = format!("{role} {method} {path}");
            assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{case}");
            if role.may(action) {
                assert_ne!(reply.status, StatusCode::FORBIDDEN, "{case}");
                continue;
            }
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{case}");
            let problem = reply.problem();
            assert_eq!(problem.code, ProblemCode::RoleInsufficient, "{case}");
            let least = action.least_role().as_str();
            assert!(problem.detail.is_some_and(|d| d.contains(least)), "{case}");
        }
    }
}

#[tokio::test]
async fn whoami_tells_the_operator_of_the_token() {
    let host = Host::new().await;
    let token = host.token("vera", Role::Viewer).await;
    let reply = host.ask(&token, Method::GET, paths::WHOAMI, None).await;
    let operator: Operator = reply.read(StatusCode::OK);
    assert_eq!(operator.name, OperatorName::from("vera"));
    assert_eq!(operator.role, Role::Viewer);
    assert_eq!(operator.expires_at, NOW + Duration::hours(12));
}

#[tokio::test]
async fn nobody_is_told_anything_without_a_live_token() {
    let host = Host::new().await;
    let name = OperatorName::from("root");
    let store = &host.app.store;
    let revoked = host.token("root", Role::Owner).await;
    let digest = random::digest(&revoked);
    let id = match store.operator_by_token(&digest, NOW).await.expect("asks") {
        crate::store::Presented::Live { token, .. } => token.id,
        _ => panic!("the token is live"),
    };
    assert!(
        store
            .revoke_operator_token(&name, id, NOW)
            .await
            .expect("revokes")
    );
    let expired = random::secret();
    let expired = secrecy::ExposeSecret::expose_secret(&expired).to_owned();
    let digest = random::digest(&expired);
    let issued = store.issue_operator_token(&name, &digest, NOW, NOW - Duration::HOUR);
    issued.await.expect("is issued");

    let mut answers = Vec::new();
    for authorization in [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer a b".to_owned()),
        Some("Basic cm9vdDpyb290".to_owned()),
        Some(format!("Bearer {}", random::digest("unknown"))),
        Some(format!("Bearer {revoked}")),
        Some(format!("Bearer {expired}")),
    ] {
        for path in [paths::WHOAMI, "/admin/v1/no/such/path", paths::BASE] {
            let mut request = Request::get(path);
            if let Some(value) = &authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let request = request.body(Body::empty()).expect("is a request");
            let reply = host.send(request).await;
            assert_eq!(
                reply.status,
                StatusCode::UNAUTHORIZED,
                "{authorization:?} {path}"
            );
            // RFC 6750 §3.1: without a token there is no error to name.
            let came = authorization
                .as_ref()
                .is_some_and(|it| it.starts_with("Bearer"));
            let challenge = if came { CHALLENGE } else { REALM };
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], challenge);
            answers.push(reply.problem());
        }
    }
    assert_eq!(answers[0].code, ProblemCode::InvalidToken);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "all alike"
    );

    let refused = host.events("operator.refused").await;
    let reasons: Vec<_> = refused
        .iter()
        .map(|event| (event.operator.is_some(), event.detail["reason"].as_str()))
        .collect();
    for reason in [
        (false, "token unknown"),
        (true, "token revoked"),
        (true, "token expired"),
    ] {
        assert!(reasons.contains(&reason), "{reason:?} in {reasons:?}");
    }
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over_or_its_operator_is_removed() {
    let host = Host::new().await;
    let status = async |token: &str| {
        host.ask(token, Method::GET, paths::WHOAMI, None)
            .await
            .status
    };
    let vera = host.token("vera", Role::Viewer).await;
    assert_eq!(status(&vera).await, StatusCode::OK);
    let removed = host.delete("/admin/v1/operators/vera").await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(status(&vera).await, StatusCode::UNAUTHORIZED);
    host.clock.advance(Duration::hours(12) - Duration::SECOND);
    assert_eq!(status(&host.owner).await, StatusCode::OK);
    host.clock.advance(Duration::SECOND);
    assert_eq!(status(&host.owner).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refusals_are_audited_by_name_and_not_without_end() {
    let host = Host::new().await;
    let vera = host.token("vera", Role::Viewer).await;
    for _ in 0..40 {
        let reply = host
            .ask(&vera, Method::POST, paths::CLIENTS, Some(json!({})))
            .await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    let refused = host.events("operator.refused").await;
    assert!((10..20).contains(&refused.len()), "{}", refused.len());
    for event in refused {
        assert_eq!(event.operator, Some(OperatorName::from("vera")));
        assert_eq!(event.outcome, wire::AuditOutcome::Refused);
        assert_eq!(event.detail["request"], "CreateClient");
    }
    let before = host.events("operator").await.len();
    host.get(paths::SUBJECTS).await;
    assert_eq!(
        host.events("operator").await.len(),
        before,
        "reads leave no event"
    );
}
