//! Where each resource lies: the templates the server routes and the functions that fill them in.

use crate::{ClientId, CredentialId, DuplicatePairId, OperatorName, OperatorTokenId, SubjectId};

/// What every path of this API starts with.
pub const BASE: &str = "/admin/v1";

/// The operator whose token it is.
pub const WHOAMI: &str = "/admin/v1/whoami";
/// Subjects: list, create.
pub const SUBJECTS: &str = "/admin/v1/subjects";
/// One subject: read, erase.
pub const SUBJECT: &str = "/admin/v1/subjects/{subject}";
/// Make an invitation.
pub const INVITATIONS: &str = "/admin/v1/subjects/{subject}/invitations";
/// Bar a subject.
pub const SUSPEND: &str = "/admin/v1/subjects/{subject}/suspend";
/// Let a subject in again.
pub const ACTIVATE: &str = "/admin/v1/subjects/{subject}/activate";
/// One credential of a subject: remove.
pub const CREDENTIAL: &str = "/admin/v1/subjects/{subject}/credentials/{credential}";
/// A subject's fingerprint from minutiae records: enrol.
pub const FINGERPRINT_RECORDS: &str = "/admin/v1/subjects/{subject}/fingerprint-records";
/// End every session of a subject.
pub const REVOKE_SESSIONS: &str = "/admin/v1/subjects/{subject}/sessions/revoke";
/// Clients: list, register.
pub const CLIENTS: &str = "/admin/v1/clients";
/// One client: read, remove.
pub const CLIENT: &str = "/admin/v1/clients/{client}";
/// Searches for people who are enrolled twice: list, start.
pub const DUPLICATE_SEARCHES: &str = "/admin/v1/duplicate-searches";
/// The pairs that they raised: list.
pub const DUPLICATE_PAIRS: &str = "/admin/v1/duplicate-pairs";
/// What one of them is: decide.
pub const DUPLICATE_DECISION: &str = "/admin/v1/duplicate-pairs/{pair}/decision";
/// The policy: read, replace, go back to the file's.
pub const POLICY: &str = "/admin/v1/policy";
/// What a policy asks for, and what is wrong with it.
pub const POLICY_CHECK: &str = "/admin/v1/policy/check";
/// What a policy would have made of the logins of the past.
pub const POLICY_SIMULATE: &str = "/admin/v1/policy/simulate";
/// Who changed the policy, and when: list.
pub const POLICY_REVISIONS: &str = "/admin/v1/policy/revisions";
/// One change of the policy, with its text.
pub const POLICY_REVISION: &str = "/admin/v1/policy/revisions/{revision}";
/// The audit trail.
pub const AUDIT: &str = "/admin/v1/audit";
/// How the server is.
pub const HEALTH: &str = "/admin/v1/health";
/// Operators: list, create.
pub const OPERATORS: &str = "/admin/v1/operators";
/// One operator: remove.
pub const OPERATOR: &str = "/admin/v1/operators/{operator}";
/// An operator's tokens: issue.
pub const OPERATOR_TOKENS: &str = "/admin/v1/operators/{operator}/tokens";
/// One token of an operator: revoke.
pub const OPERATOR_TOKEN: &str = "/admin/v1/operators/{operator}/tokens/{token}";

/// [`SUBJECT`] of this subject.
pub fn subject(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}")
}

/// [`INVITATIONS`] of this subject.
pub fn invitations(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}/invitations")
}

/// [`SUSPEND`] of this subject.
pub fn suspend(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}/suspend")
}

/// [`ACTIVATE`] of this subject.
pub fn activate(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}/activate")
}

/// [`CREDENTIAL`] of this subject and credential.
pub fn credential(id: SubjectId, credential: CredentialId) -> String {
    format!("{SUBJECTS}/{id}/credentials/{credential}")
}

/// [`FINGERPRINT_RECORDS`] of this subject.
pub fn fingerprint_records(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}/fingerprint-records")
}

/// [`REVOKE_SESSIONS`] of this subject.
pub fn revoke_sessions(id: SubjectId) -> String {
    format!("{SUBJECTS}/{id}/sessions/revoke")
}

/// [`CLIENT`] of this client.
pub fn client(id: &ClientId) -> String {
    format!("{CLIENTS}/{}", segment(id.as_str()))
}

/// [`DUPLICATE_DECISION`] of this pair.
pub fn duplicate_decision(id: DuplicatePairId) -> String {
    format!("{DUPLICATE_PAIRS}/{id}/decision")
}

/// [`POLICY_REVISION`] of this number.
pub fn policy_revision(number: i64) -> String {
    format!("{POLICY_REVISIONS}/{number}")
}

/// [`OPERATOR`] of this operator.
pub fn operator(name: &OperatorName) -> String {
    format!("{OPERATORS}/{}", segment(name.as_str()))
}

/// [`OPERATOR_TOKENS`] of this operator.
pub fn operator_tokens(name: &OperatorName) -> String {
    format!("{OPERATORS}/{}/tokens", segment(name.as_str()))
}

/// [`OPERATOR_TOKEN`] of this operator and token.
pub fn operator_token(name: &OperatorName, token: OperatorTokenId) -> String {
    format!("{OPERATORS}/{}/tokens/{token}", segment(name.as_str()))
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3): a name with a slash stays one segment.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_functions_fill_in_the_templates() {
        let id = SubjectId(Uuid::from_u128(1));
        let credential_id = CredentialId(Uuid::from_u128(2));
        let token = OperatorTokenId(Uuid::from_u128(3));
        let pair = DuplicatePairId(Uuid::from_u128(4));
        let (app, ops) = (ClientId::from("app"), OperatorName::from("ada"));
        for (template, path) in [
            (SUBJECT, subject(id)),
            (INVITATIONS, invitations(id)),
            (SUSPEND, suspend(id)),
            (ACTIVATE, activate(id)),
            (CREDENTIAL, credential(id, credential_id)),
            (FINGERPRINT_RECORDS, fingerprint_records(id)),
            (REVOKE_SESSIONS, revoke_sessions(id)),
            (CLIENT, client(&app)),
            (DUPLICATE_DECISION, duplicate_decision(pair)),
            (OPERATOR, operator(&ops)),
            (OPERATOR_TOKENS, operator_tokens(&ops)),
            (OPERATOR_TOKEN, operator_token(&ops, token)),
        ] {
            let filled = template
                .replace("{subject}", &id.to_string())
                .replace("{credential}", &credential_id.to_string())
                .replace("{pair}", &pair.to_string())
                .replace("{client}", "app")
                .replace("{operator}", "ada")
                .replace("{token}", &token.to_string());
            assert_eq!(filled, path);
            assert!(path.starts_with(BASE));
        }
    }

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(
            client(&ClientId::from("a/../b?c ü")),
            "/admin/v1/clients/a%2F..%2Fb%3Fc%20%C3%BC"
        );
        assert_eq!(
            client(&ClientId::from("app.web-1")),
            "/admin/v1/clients/app.web-1"
        );
    }
}
