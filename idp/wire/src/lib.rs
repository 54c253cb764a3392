//! The admin HTTP API as types: what the server answers and the console reads, in one place so that they cannot differ.
//!
//! Everything lies under `/admin/v1` ([`paths`]), takes and gives JSON, and wants `Authorization: Bearer <operator token>`.
//! A refusal is a [`Problem`] (RFC 9457). What each [`Role`] may do is [`Action::least_role`]: the server enforces it,
//! the console dims what would be refused.
//!
//! | Request | Body | Answer | Least role |
//! | --- | --- | --- | --- |
//! | `GET whoami` | | [`Operator`] | viewer |
//! | `GET subjects` ([`SubjectQuery`]) | | [`Page`] of [`SubjectSummary`] | viewer |
//! | `POST subjects` | [`NewSubject`] | 201 [`SubjectDetail`] | enroller |
//! | `GET subjects/{subject}` | | [`SubjectDetail`] | viewer |
//! | `DELETE subjects/{subject}` | | 204 | owner |
//! | `POST subjects/{subject}/invitations` | | 201 [`Invitation`] | enroller |
//! | `POST subjects/{subject}/suspend` | | [`SubjectDetail`] | enroller |
//! | `POST subjects/{subject}/activate` | | [`SubjectDetail`] | enroller |
//! | `DELETE subjects/{subject}/credentials/{credential}` | | 204 | enroller |
//! | `POST subjects/{subject}/sessions/revoke` | | [`RevokedSessions`] | enroller |
//! | `GET clients` ([`PageQuery`]) | | [`Page`] of [`ClientSummary`] | viewer |
//! | `POST clients` | [`NewClient`] | 201 [`CreatedClient`] | owner |
//! | `GET clients/{client}` | | [`ClientDetail`] | viewer |
//! | `DELETE clients/{client}` | | 204 | owner |
//! | `GET duplicate-searches` ([`PageQuery`]) | | [`Page`] of [`DuplicateSearch`] | viewer |
//! | `POST duplicate-searches` | [`NewDuplicateSearch`] | 201 [`DuplicateSearch`] | owner |
//! | `GET duplicate-pairs` ([`DuplicateQuery`]) | | [`Page`] of [`DuplicatePair`] | viewer |
//! | `POST duplicate-pairs/{pair}/decision` | [`DecideDuplicate`] | [`DuplicatePair`] | enroller |
//! | `GET policy` | | [`PolicyInForce`], `ETag` | viewer |
//! | `PUT policy` with `If-Match` | [`NewPolicy`] | [`PolicyInForce`], `ETag` | owner |
//! | `DELETE policy` with `If-Match` | | [`PolicyInForce`], `ETag` | owner |
//! | `POST policy/check` | [`PolicyText`] | [`PolicyCheck`] | owner |
//! | `POST policy/simulate` | [`TryPolicy`] | [`PolicySimulation`] | owner |
//! | `GET policy/revisions` ([`PageQuery`]) | | [`Page`] of [`PolicyRevision`] | viewer |
//! | `GET policy/revisions/{revision}` | | [`PolicyRevisionDetail`] | viewer |
//! | `GET audit` ([`AuditQuery`]) | | [`AuditPage`] | viewer |
//! | `GET health` | | [`Health`] | viewer |
//! | `GET operators` ([`PageQuery`]) | | [`Page`] of [`OperatorDetail`] | owner |
//! | `POST operators` | [`NewOperator`] | 201 [`OperatorDetail`] | owner |
//! | `DELETE operators/{operator}` | | 204 | owner |
//! | `POST operators/{operator}/tokens` | [`NewOperatorToken`] | 201 [`IssuedOperatorToken`] | owner |
//! | `DELETE operators/{operator}/tokens/{token}` | | 204 | owner |
//!
//! Times are RFC 3339 strings, durations are whole seconds in a field named `…_s`, an absent value is an absent field.
//! Readers ignore fields they do not know, so that a newer server can serve an older console.
#![warn(missing_docs)]

mod action;
mod audit;
mod client;
mod credential;
mod duplicate;
mod health;
mod id;
mod operator;
mod page;
pub mod paths;
mod policy;
mod problem;
mod secret;
mod subject;

pub use action::Action;
pub use audit::{AUDIT_KINDS, AuditEvent, AuditOutcome, AuditPage, AuditQuery, MAX_AUDIT_WAIT_S};
pub use client::{
    ClientAuthMethod, ClientDetail, ClientKind, ClientSummary, CreatedClient, NewClient,
};
pub use credential::{CredentialSummary, FactorKind, FingerprintRecords};
pub use duplicate::{
    DecideDuplicate, DuplicatePair, DuplicateQuery, DuplicateSearch, DuplicateSearchStatus,
    NewDuplicateSearch, PairDecision, PairedSubject, UnknownWord,
};
pub use health::{Health, HealthStatus, PartHealth};
pub use id::{
    AttemptId, ClientId, CredentialId, DuplicatePairId, DuplicateSearchId, OperatorName,
    OperatorTokenId, SessionId, SubjectId,
};
pub use operator::{
    IssuedOperatorToken, NewOperator, NewOperatorToken, Operator, OperatorDetail,
    OperatorTokenSummary, Role,
};
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageQuery};
pub use policy::{
    MAX_POLICY_BYTES, NewPolicy, PolicyAcr, PolicyCheck, PolicyCondition, PolicyFault,
    PolicyInForce, PolicyOrigin, PolicyRevision, PolicyRevisionDetail, PolicySimulation,
    PolicyTable, PolicyTally, PolicyText, TryPolicy,
};
pub use problem::{Problem, ProblemCode};
pub use secret::WireSecret;
pub use subject::{
    BiometricConsent, ConsentSummary, Invitation, NewSubject, RevokedSessions, SessionSummary,
    SubjectDetail, SubjectQuery, SubjectStatus, SubjectSummary,
};
