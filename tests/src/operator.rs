//! An operator: a client of the admin API, by its own types.

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wire::{
    AuditEvent, AuditPage, ClientKind, CreatedClient, Invitation, NewClient, NewSubject, Role,
    SubjectDetail, SubjectId, paths,
};

use crate::server::Server;

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Operator {
    base: String,
    token: String,
    http: Client,
}

impl Operator {
    /// An operator with a token made on the command line.
    pub fn of(server: &Server, name: &str, role: Role) -> anyhow::Result<Self> {
        let output = server.whorl(&["admin", "token", name, "--role", &role.to_string()])?;
        ensure!(
            output.status.success(),
            "whorl admin token: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self {
            base: server.issuer.clone(),
            token,
            http: Client::new(),
        })
    }

    /// The token itself, for the console and for searching logs.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same operator with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// A request of the API: its status, and its body where it is JSON.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((
            status,
            serde_json::from_str(&response.text().await?).unwrap_or(Value::Null),
        ))
    }

    /// Reads a resource.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.typed(Method::GET, path, None::<&()>).await
    }

    /// Makes a resource, or does what the path says.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        self.typed(Method::POST, path, body).await
    }

    /// Creates a subject and invites it: its identifier, and the link.
    pub async fn invite(&self, username: &str) -> anyhow::Result<(SubjectId, String)> {
        let new = NewSubject {
            username: username.to_owned(),
            display_name: format!("{username} of the tests"),
            email: Some(format!("{username}@example.org")),
        };
        let subject: SubjectDetail = self.post(paths::SUBJECTS, Some(&new)).await?;
        let id = subject.summary.id;
        Ok((id, self.invite_again(id).await?))
    }

    /// A new invitation, which voids those before.
    pub async fn invite_again(&self, subject: SubjectId) -> anyhow::Result<String> {
        let path = paths::invitations(subject);
        let invitation: Invitation = self.post(&path, None::<&()>).await?;
        Ok(invitation.url.expose().to_owned())
    }

    /// Registers a client: its identifier and, where it can keep one, its secret.
    pub async fn register(
        &self,
        kind: ClientKind,
        redirect_uri: &str,
        scopes: &[&str],
    ) -> anyhow::Result<(String, Option<String>)> {
        let new = NewClient {
            name: "Tests' application".to_owned(),
            kind,
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: vec![format!("{redirect_uri}/bye")],
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        };
        let created: CreatedClient = self.post(paths::CLIENTS, Some(&new)).await?;
        let secret = created
            .secret
            .as_ref()
            .map(|secret| secret.expose().to_owned());
        Ok((created.client.summary.id.as_str().to_owned(), secret))
    }

    /// Every audit event, the oldest first.
    pub async fn audit(&self) -> anyhow::Result<Vec<AuditEvent>> {
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("{}?after={after}&limit=100", paths::AUDIT);
            let page: AuditPage = self.get(&path).await?;
            if page.events.is_empty() {
                return Ok(events);
            }
            after = page.last_seq;
            events.extend(page.events);
        }
    }

    async fn typed<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let (status, json) = self.request(method.clone(), path, body).await?;
        if !status.is_success() {
            bail!("{method} {path}: {status} {json}");
        }
        serde_json::from_value(json).with_context(|| format!("{method} {path}"))
    }
}
