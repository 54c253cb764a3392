//! The typed client of the admin API: a function a request, one error type.
//!
//! Redirects are not followed and answers are bounded, because both carry the operator token's authority.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;
use wire::{
    AuditPage, AuditQuery, ClientDetail, ClientId, ClientSummary, CreatedClient, CredentialId,
    DecideDuplicate, DuplicatePair, DuplicatePairId, DuplicateQuery, DuplicateSearch, Health,
    Invitation, IssuedOperatorToken, NewClient, NewDuplicateSearch, NewOperator, NewOperatorToken,
    NewPolicy, NewSubject, Operator, OperatorDetail, OperatorName, OperatorTokenId, Page,
    PageQuery, PairDecision, PolicyCheck, PolicyInForce, PolicyRevision, PolicyRevisionDetail,
    PolicySimulation, PolicyText, Problem, ProblemCode, RevokedSessions, SubjectDetail, SubjectId,
    SubjectQuery, SubjectSummary, TryPolicy, paths,
};

/// A client of one server, as one operator. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: String,
}

/// Why a request brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The server is not there, or what stands in front of it says so.
    #[error("the server is away: {0}")]
    Away(String),
    /// The server refused.
    #[error("{}", tell(.0))]
    Refused(Box<Problem>),
    /// The answer is not what this API answers.
    #[error("the answer is not understood ({0}); is this the address of a Whorl server?")]
    Garbled(String),
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The certificate file holds no usable certificate.
    #[error("the file given as --ca holds no certificate in PEM")]
    Certificates,
    /// The token cannot stand in a header.
    #[error("the operator token cannot be sent")]
    Token,
    /// The HTTP client cannot be built.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

type Answer<T> = Result<T, ApiError>;

impl Api {
    /// A client of the server at `base`, which trusts the certificates in `ca` (PEM) alone where they are given.
    ///
    /// # Errors
    /// Where the certificates or the token cannot be used.
    pub fn new(base: &Url, token: &SecretString, ca: Option<&[u8]>) -> Result<Self, SetupError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| SetupError::Token)?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut builder = Client::builder()
            .user_agent(concat!("whorl-admin/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT);
        if let Some(pem) = ca {
            let certificates = Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or(SetupError::Certificates)?;
            builder = builder.tls_certs_only(certificates);
        } else if base.scheme() == "http" {
            // No TLS will be spoken: do not fail on a machine without root certificates.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build().map_err(SetupError::Http)?,
            base: base.as_str().trim_end_matches('/').to_owned(),
        })
    }

    /// Who we are to the server.
    pub async fn whoami(&self) -> Answer<Operator> {
        self.read(paths::WHOAMI, &()).await
    }

    /// A page of the subjects.
    pub async fn subjects(&self, query: &SubjectQuery) -> Answer<Page<SubjectSummary>> {
        self.read(paths::SUBJECTS, query).await
    }

    /// One subject.
    pub async fn subject(&self, id: SubjectId) -> Answer<SubjectDetail> {
        self.read(&paths::subject(id), &()).await
    }

    /// Creates a subject.
    pub async fn create_subject(&self, new: &NewSubject) -> Answer<SubjectDetail> {
        self.send(paths::SUBJECTS, new).await
    }

    /// Makes an invitation.
    pub async fn invite(&self, id: SubjectId) -> Answer<Invitation> {
        self.post(&paths::invitations(id)).await
    }

    /// Bars a subject.
    pub async fn suspend(&self, id: SubjectId) -> Answer<SubjectDetail> {
        self.post(&paths::suspend(id)).await
    }

    /// Lets a subject in again.
    pub async fn activate(&self, id: SubjectId) -> Answer<SubjectDetail> {
        self.post(&paths::activate(id)).await
    }

    /// Removes a credential.
    pub async fn remove_credential(&self, id: SubjectId, credential: CredentialId) -> Answer<()> {
        self.delete(&paths::credential(id, credential)).await
    }

    /// Ends every session of a subject.
    pub async fn revoke_sessions(&self, id: SubjectId) -> Answer<RevokedSessions> {
        self.post(&paths::revoke_sessions(id)).await
    }

    /// Erases a subject.
    pub async fn erase_subject(&self, id: SubjectId) -> Answer<()> {
        self.delete(&paths::subject(id)).await
    }

    /// A page of the clients.
    pub async fn clients(&self, query: &PageQuery) -> Answer<Page<ClientSummary>> {
        self.read(paths::CLIENTS, query).await
    }

    /// One client.
    pub async fn client(&self, id: &ClientId) -> Answer<ClientDetail> {
        self.read(&paths::client(id), &()).await
    }

    /// Registers a client.
    pub async fn create_client(&self, new: &NewClient) -> Answer<CreatedClient> {
        self.send(paths::CLIENTS, new).await
    }

    /// Removes a client.
    pub async fn delete_client(&self, id: &ClientId) -> Answer<()> {
        self.delete(&paths::client(id)).await
    }

    /// Some audit events; waits as long as the query says.
    pub async fn audit(&self, query: &AuditQuery) -> Answer<AuditPage> {
        let wait = Duration::from_secs(query.wait_s.unwrap_or(0).into());
        let request = self
            .request(Method::GET, paths::AUDIT)
            .query(query)
            .timeout(REQUEST_TIMEOUT + wait);
        parse(succeed(request).await?).await
    }

    /// A page of the searches for people who are enrolled twice, the newest first.
    pub async fn duplicate_searches(&self, query: &PageQuery) -> Answer<Page<DuplicateSearch>> {
        self.read(paths::DUPLICATE_SEARCHES, query).await
    }

    /// Starts such a search.
    pub async fn search_duplicates(&self, new: &NewDuplicateSearch) -> Answer<DuplicateSearch> {
        self.send(paths::DUPLICATE_SEARCHES, new).await
    }

    /// A page of the pairs that may be one person.
    pub async fn duplicate_pairs(&self, query: &DuplicateQuery) -> Answer<Page<DuplicatePair>> {
        self.read(paths::DUPLICATE_PAIRS, query).await
    }

    /// Says what a pair is.
    pub async fn decide_duplicate(
        &self,
        id: DuplicatePairId,
        decision: PairDecision,
    ) -> Answer<DuplicatePair> {
        let body = DecideDuplicate { decision };
        self.send(&paths::duplicate_decision(id), &body).await
    }

    /// The policy that counts.
    pub async fn policy(&self) -> Answer<PolicyInForce> {
        self.read(paths::POLICY, &()).await
    }

    /// What a policy asks for, and what is wrong with it.
    pub async fn check_policy(&self, text: &PolicyText) -> Answer<PolicyCheck> {
        self.send(paths::POLICY_CHECK, text).await
    }

    /// What a policy would have made of the logins of the past.
    pub async fn simulate_policy(&self, tried: &TryPolicy) -> Answer<PolicySimulation> {
        let request = self.request(Method::POST, paths::POLICY_SIMULATE);
        let request = request.json(tried).timeout(SIMULATION_TIMEOUT);
        parse(succeed(request).await?).await
    }

    /// Puts a policy in the place of the revision that was seen.
    pub async fn replace_policy(&self, seen: i64, new: &NewPolicy) -> Answer<PolicyInForce> {
        let request = self.request(Method::PUT, paths::POLICY).json(new);
        parse(succeed(matching(request, seen)).await?).await
    }

    /// Goes back to the configuration's policy from the revision that was seen.
    pub async fn reset_policy(&self, seen: i64) -> Answer<PolicyInForce> {
        let request = self.request(Method::DELETE, paths::POLICY);
        parse(succeed(matching(request, seen)).await?).await
    }

    /// One change of the policy.
    pub async fn policy_revision(&self, number: i64) -> Answer<PolicyRevisionDetail> {
        self.read(&paths::policy_revision(number), &()).await
    }

    /// A page of the policy's changes, the newest first.
    pub async fn policy_revisions(&self, query: &PageQuery) -> Answer<Page<PolicyRevision>> {
        self.read(paths::POLICY_REVISIONS, query).await
    }

    /// How the server is.
    pub async fn health(&self) -> Answer<Health> {
        self.read(paths::HEALTH, &()).await
    }

    /// A page of the operators.
    pub async fn operators(&self, query: &PageQuery) -> Answer<Page<OperatorDetail>> {
        self.read(paths::OPERATORS, query).await
    }

    /// Creates an operator.
    pub async fn create_operator(&self, new: &NewOperator) -> Answer<OperatorDetail> {
        self.send(paths::OPERATORS, new).await
    }

    /// Removes an operator, with every token of theirs.
    pub async fn delete_operator(&self, name: &OperatorName) -> Answer<()> {
        self.delete(&paths::operator(name)).await
    }

    /// Issues an operator token.
    pub async fn issue_operator_token(
        &self,
        name: &OperatorName,
        new: &NewOperatorToken,
    ) -> Answer<IssuedOperatorToken> {
        self.send(&paths::operator_tokens(name), new).await
    }

    /// Revokes an operator token.
    pub async fn revoke_operator_token(
        &self,
        name: &OperatorName,
        token: OperatorTokenId,
    ) -> Answer<()> {
        self.delete(&paths::operator_token(name, token)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    async fn read<Q: Serialize, T: DeserializeOwned>(&self, path: &str, query: &Q) -> Answer<T> {
        parse(succeed(self.request(Method::GET, path).query(query)).await?).await
    }

    async fn send<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Answer<T> {
        parse(succeed(self.request(Method::POST, path).json(body)).await?).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        parse(succeed(self.request(Method::POST, path)).await?).await
    }

    async fn delete(&self, path: &str) -> Answer<()> {
        succeed(self.request(Method::DELETE, path)).await.map(drop)
    }
}

/// The request, for one revision alone.
fn matching(request: RequestBuilder, revision: i64) -> RequestBuilder {
    request.header(IF_MATCH, format!("\"{revision}\""))
}

/// Sends, and turns every answer that is not a success into the error it tells of.
async fn succeed(request: RequestBuilder) -> Answer<Response> {
    let response = request.send().await.map_err(|error| away(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = body(response).await?;
    if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
        return Err(ApiError::Refused(Box::new(problem)));
    }
    Err(match status {
        // These come from a proxy in front of a server that is not there; ours has a body.
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ApiError::Away(format!("a proxy answers {status}"))
        }
        StatusCode::UNAUTHORIZED => {
            ApiError::Refused(Box::new(Problem::new(ProblemCode::InvalidToken)))
        }
        _ => ApiError::Garbled(format!("status {status}")),
    })
}

async fn parse<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let body = body(response).await?;
    serde_json::from_slice(&body).map_err(|error| ApiError::Garbled(error.to_string()))
}

async fn body(mut response: Response) -> Answer<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY_BYTES {
            return Err(ApiError::Garbled("it does not end".to_owned()));
        }
    }
    Ok(body)
}

/// The innermost cause, which alone says something: the outer ones say "error sending request for url".
fn away(error: &reqwest::Error) -> ApiError {
    if error.is_timeout() {
        return ApiError::Away("no answer in time".to_owned());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    ApiError::Away(cause.to_string())
}

/// A refusal in one line.
fn tell(problem: &Problem) -> String {
    match (problem.code, &problem.detail) {
        // What the API says of it is for programs: here is who can do something about it.
        (ProblemCode::InvalidToken, _) => TOKEN_REFUSED.to_owned(),
        (ProblemCode::NameTaken, _) if !problem.fields.is_empty() => {
            let fields = problem.fields.iter();
            let said: Vec<String> = fields
                .map(|(name, said)| format!("the {name} {said}"))
                .collect();
            said.join(", ")
        }
        (_, Some(detail)) => format!("{}: {detail}", problem.title),
        (_, None) => problem.title.clone(),
    }
}

const TOKEN_REFUSED: &str = "the operator token is not accepted: it is unknown, expired or revoked; `whorl admin token NAME` \
                             on the server, or an owner, makes a new one";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The server gives up after ten seconds.
const SIMULATION_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_BODY_BYTES: usize = 8 << 20;
