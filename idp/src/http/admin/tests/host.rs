//! A provider to ask, and what tests put into it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tower::ServiceExt;
use uuid::Uuid;
use wire::{
    AuditEvent, AuditPage, ClientId, CredentialId, FactorKind, OperatorName, Problem, Role,
    SessionId, SubjectId,
};

use crate::app::{App, Shared};
use crate::clock::TestClock;
use crate::config::Config;
use crate::factors::Evidence;
use crate::http::router::router;
use crate::oidc::amr::Amr;
use crate::random;
use crate::store::{Grant, NewCredential, Replace, Session, Subject};

pub const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
pub const ISSUER: &str = "http://localhost:8080";

/// The provider, with an owner whose token is at hand.
pub struct Host {
    pub folder: TempDir,
    pub app: Shared,
    pub clock: Arc<TestClock>,
    pub owner: String,
    router: Router,
}

/// An answer, read to its end.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The body as the type of the API, where the status is as expected.
    #[track_caller]
    pub fn read<T: serde::de::DeserializeOwned>(self, status: StatusCode) -> T {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_value(self.body).expect("is of the API's type")
    }

    /// The body as a problem, with all that a problem has to have.
    #[track_caller]
    pub fn problem(self) -> Problem {
        let kind = self.headers.get(header::CONTENT_TYPE).expect("has a type");
        assert_eq!(kind, "application/problem+json", "{}", self.body);
        let problem: Problem = serde_json::from_value(self.body).expect("is a problem");
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }
}

impl Host {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With more configuration, whose sections are not `database`, `keys` or `models`.
    pub async fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let state = folder.path().display();
        let config = format!(
            "issuer = '{ISSUER}'\nstate_dir = '{state}'\n\
             [database]\nconnections = 3\n\
             [keys]\nalgorithms = ['ES256']\n\
             [models]\ndirectory = '{state}/no-models'\n{more}"
        );
        let config = Config::from_toml(&config).expect("is valid");
        let clock = Arc::new(TestClock::at(NOW));
        let app = Box::pin(App::assemble(config, clock.clone())).await;
        let app = app.expect("starts");
        let mut host = Self {
            folder,
            router: router(app.clone()),
            app,
            clock,
            owner: String::new(),
        };
        host.owner = host.token("root", Role::Owner).await;
        host
    }

    /// A fresh token of an operator, who is made where there is none of that name.
    pub async fn token(&self, name: &str, role: Role) -> String {
        let (name, store) = (OperatorName::from(name), &self.app.store);
        if store.operator(&name).await.expect("asks").is_none() {
            let created = store.create_operator(&name, role, NOW).await;
            created.expect("is created");
        }
        let token = random::secret().expose_secret().to_owned();
        let (digest, end) = (random::digest(&token), NOW + Duration::hours(12));
        let issued = store.issue_operator_token(&name, &digest, end, NOW).await;
        issued.expect("is issued");
        token
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("is read");
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                panic!("not JSON: {}", String::from_utf8_lossy(&bytes));
            }),
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn ask(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
        };
        self.send(request.expect("is a request")).await
    }

    /// Asks as the owner.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(&self.owner, Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        let body = (!body.is_null()).then_some(body);
        self.ask(&self.owner, Method::POST, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.ask(&self.owner, Method::DELETE, path, None).await
    }

    /// The events of a kind, the newest of which is the last.
    pub async fn events(&self, kind: &str) -> Vec<AuditEvent> {
        let reply = self.get(&format!("/admin/v1/audit?kind={kind}")).await;
        reply.read::<AuditPage>(StatusCode::OK).events
    }

    /// The newest event of a kind, which names the operator of [`Host::owner`].
    #[track_caller]
    pub fn audited(&self, kind: &'static str) -> impl Future<Output = AuditEvent> + use<'_> {
        let at = std::panic::Location::caller();
        async move {
            let event = self.events(kind).await.pop();
            let event = event.unwrap_or_else(|| panic!("no {kind} in the trail, {at}"));
            assert_eq!(event.kind, kind, "{at}");
            assert_eq!(event.operator, Some(OperatorName::from("root")), "{at}");
            event
        }
    }

    pub async fn subject(&self, username: &str) -> Subject {
        let new = crate::store::NewSubject {
            username: username.to_owned(),
            display_name: format!("{username} by name"),
            email: None,
        };
        let created = self.app.store.create_subject(new, NOW).await;
        created.expect("is created")
    }

    pub async fn credential(&self, subject: SubjectId, factor: FactorKind) -> CredentialId {
        let id = CredentialId(Uuid::now_v7());
        let new = NewCredential {
            id,
            factor,
            label: String::new(),
            model: None,
            blob_digest: None,
            sealed: None,
            public: Some(json!({})),
            counter: 0,
            recovery: Vec::new(),
        };
        let store = &self.app.store;
        let added = store
            .add_credential(subject, new, Replace::Nothing, NOW)
            .await;
        added.expect("is added");
        id
    }

    /// A client that was registered through the API.
    pub async fn client(&self) -> ClientId {
        let new = json!({
            "name": "An application", "kind": "confidential",
            "redirect_uris": ["https://app.example.org/callback"],
        });
        let reply = self.post(wire::paths::CLIENTS, new).await;
        let created: wire::CreatedClient = reply.read(StatusCode::CREATED);
        created.client.summary.id
    }

    /// A live session of a subject, in which a client was given a grant; answers both.
    pub async fn session(&self, subject: SubjectId, client: &ClientId) -> (SessionId, Uuid) {
        let (sid, grant) = (SessionId(Uuid::now_v7()), Uuid::now_v7());
        let credential = CredentialId(Uuid::nil());
        let evidence = [Evidence::matched(
            FactorKind::Password,
            [Amr::Pwd],
            credential,
            NOW,
        )];
        let session = Session {
            sid,
            cookie: sid.to_string(),
            subject,
            evidence: serde_json::to_value(evidence).expect("is JSON"),
            user_agent: None,
            created_at: NOW,
            auth_time: NOW,
            last_seen_at: NOW,
            expires_at: NOW + Duration::hours(8),
        };
        let store = &self.app.store;
        store.open_session(&session).await.expect("opens");
        let row = Grant {
            id: grant,
            client: client.clone(),
            subject,
            sid,
            authorization: json!({
                "id": grant, "client_id": client, "subject": subject, "scopes": "openid",
                "authentication": {
                    "auth_time": "2026-01-02T03:04:05Z", "acr": "urn:whorl:acr:password",
                    "amr": ["pwd"], "sid": sid,
                },
            }),
            revoked_at: None,
        };
        let (code, end) = (grant.to_string(), NOW + Duration::minutes(1));
        let kept = store
            .create_grant(&row, Some((&code, json!({}))), end, NOW)
            .await;
        kept.expect("is kept");
        (sid, grant)
    }
}
