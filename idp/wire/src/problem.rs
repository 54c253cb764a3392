//! A refusal as the API tells it: problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI for the kind of problem: `about:blank`, because [`Problem::code`] names it.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The kind of problem in a few words, the same for every occurrence.
    pub title: String,
    /// The HTTP status, repeated (RFC 9457 §3.1.2).
    pub status: u16,
    /// What went wrong this time and what to do, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The kind of problem, for a program.
    pub code: ProblemCode,
    /// What is wrong with single fields of the body, by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

impl Problem {
    /// A problem of this kind, with the kind's own status and title.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            kind: about_blank(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: None,
            code,
            fields: BTreeMap::new(),
        }
    }

    /// Says what went wrong this time.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says what is wrong with one field of the body.
    #[must_use]
    pub fn with_field(mut self, field: &str, message: impl Into<String>) -> Self {
        self.fields.insert(field.to_owned(), message.into());
        self
    }
}

/// Every kind of refusal of the admin API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The body or the query does not parse, or a field is not acceptable (see [`Problem::fields`]).
    InvalidRequest,
    /// No operator token, or one that is unknown, revoked or expired.
    InvalidToken,
    /// The operator's role does not allow this.
    RoleInsufficient,
    /// No such subject, credential, client, operator or token.
    NotFound,
    /// The username or the operator's name is in use.
    NameTaken,
    /// What was asked does not fit the state the thing is in (an invitation for a suspended subject).
    StateConflict,
    /// Too many requests; `Retry-After` says how long to wait.
    RateLimited,
    /// A part that is needed is down; `Retry-After` may say when to try again.
    Unavailable,
    /// The server failed; its log has the cause under the request id.
    Internal,
    /// A kind this reader is too old to know.
    #[serde(other)]
    Unknown,
}

impl ProblemCode {
    /// The HTTP status that goes with this kind.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::InvalidToken => 401,
            Self::RoleInsufficient => 403,
            Self::NotFound => 404,
            Self::NameTaken | Self::StateConflict => 409,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal | Self::Unknown => 500,
        }
    }

    /// The kind in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "the request is not valid",
            Self::InvalidToken => "the operator token is not valid",
            Self::RoleInsufficient => "the operator's role does not allow this",
            Self::NotFound => "not found",
            Self::NameTaken => "the name is taken",
            Self::StateConflict => "not possible in the present state",
            Self::RateLimited => "too many requests",
            Self::Unavailable => "a part that is needed is down",
            Self::Internal => "the server failed",
            Self::Unknown => "a problem of an unknown kind",
        }
    }
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_rfc_9457_says() {
        let problem = Problem::new(ProblemCode::NameTaken)
            .with_detail("ada exists")
            .with_field("username", "taken");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "about:blank", "title": "the name is taken", "status": 409,
                "detail": "ada exists", "code": "name_taken", "fields": {"username": "taken"},
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn a_newer_servers_code_is_read_as_unknown() {
        let json = r#"{"title":"t","status":418,"code":"teapot"}"#;
        let problem: Problem = serde_json::from_str(json).unwrap();
        assert_eq!((problem.code, problem.status), (ProblemCode::Unknown, 418));
    }
}
