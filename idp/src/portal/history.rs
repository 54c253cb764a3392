//! What happened to an account, as its person reads it: sign-ins that were made and that failed, and every change.

use std::collections::HashMap;

use time::OffsetDateTime;
use wire::{AuditEvent, AuditOutcome, FactorKind, SubjectId};

use crate::app::App;
use crate::store::StoreError;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place, from in front of which older ones are asked for.
    pub seq: i64,
    pub at: OffsetDateTime,
    pub text: String,
    /// Where it came from: a city and a country, where that is known, and an address.
    pub place: Option<String>,
    /// Why, where that was not plain.
    pub reason: Option<String>,
    /// Whether somebody was refused.
    pub is_refusal: bool,
}

impl App {
    /// The newest lines of a person's history, from in front of `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(
        &self,
        subject: SubjectId,
        before: Option<i64>,
        most: u64,
    ) -> Result<Vec<Line>, StoreError> {
        let events = self.store.history(subject, &TOLD, before, most).await?;
        let ids = events.iter().filter_map(|event| event.client.as_ref());
        let ids: Vec<String> = ids.map(|id| id.0.clone()).collect();
        let names = self.store.client_names(&ids).await?;
        Ok(events.iter().map(|event| line(event, &names)).collect())
    }
}

fn line(event: &AuditEvent, names: &HashMap<String, String>) -> Line {
    let detail = |name: &str| event.detail.get(name).cloned();
    let why = match event.kind.as_str() {
        "login.denied" => detail("error").map(|error| denial(&error).to_owned()),
        _ => None,
    };
    Line {
        seq: event.seq,
        at: event.at,
        text: text(event, names),
        place: match (detail("place"), detail("address")) {
            (Some(place), Some(address)) => Some(format!("{place} ({address})")),
            (place, address) => place.or(address),
        },
        reason: detail("reason").or(why),
        is_refusal: event.outcome != AuditOutcome::Success,
    }
}

fn text(event: &AuditEvent, names: &HashMap<String, String>) -> String {
    let client = match event.client.as_ref().map(|id| id.0.as_str()) {
        None => "an application".to_owned(),
        Some(OURSELVES) => "your account".to_owned(),
        Some(id) => names.get(id).cloned().unwrap_or_else(|| id.to_owned()),
    };
    let factor = event.factor.map_or("factor", called);
    let text = match event.kind.as_str() {
        "login.finished" => format!("Signed in to {client}"),
        "login.denied" => format!("A sign-in to {client} was refused"),
        "factor.verified" => format!("A {factor} was tried and did not match"),
        "factor.blocked" => format!("Too many tries with a {factor}: held off for a while"),
        "credential.alarm" => format!("A {factor} behaved as if there were a copy of it"),
        "credential.enrolled" => format!("A {factor} was added"),
        "credential.removed" => format!("A {factor} was removed"),
        "biometrics.erased" => "Your biometrics were erased".to_owned(),
        "biometric_consent.decided" => match event.outcome {
            AuditOutcome::Success => "You agreed to biometrics".to_owned(),
            _ => "You declined biometrics".to_owned(),
        },
        "consent.decided" => match event.outcome {
            AuditOutcome::Success => format!("You allowed {client} what it asked for"),
            _ => format!("You declined what {client} asked for"),
        },
        "consent.withdrawn" => format!("What {client} was allowed was withdrawn"),
        "session.revoked" => "A session was ended".to_owned(),
        "sessions.revoked" => "Sessions were ended".to_owned(),
        "session.ended" => "Signed out".to_owned(),
        "data.downloaded" => "Your data was downloaded".to_owned(),
        "subject.suspended" => "Your account was suspended".to_owned(),
        "subject.activated" => "Your account was activated".to_owned(),
        other => other.replace(['.', '_'], " "),
    };
    match event.operator {
        Some(_) => format!("{text}, by an administrator"),
        None => text,
    }
}

/// A factor in a sentence, after "a".
pub(super) fn called(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Passkey => "passkey",
        FactorKind::Face => "face",
        FactorKind::Fingerprint => "fingerprint",
        FactorKind::Password => "password",
        FactorKind::Totp => "code of an authenticator app",
        FactorKind::RecoveryCode => "recovery code",
    }
}

fn denial(error: &str) -> &'static str {
    match error {
        "access_denied" => "It was cancelled or declined, or the account is suspended",
        "unmet_authentication_requirements" => "What was asked for could not be proved",
        "login_required" => "The application expected somebody else, or nobody to be asked",
        "consent_required" => "The application may not ask what it would have to ask",
        _ => "A rule said no",
    }
}

/// What is told, and of some only with this outcome: a factor that matched is told by the login that it made.
const TOLD: [(&str, Option<&str>); 17] = [
    ("login.finished", None),
    ("login.denied", None),
    ("factor.verified", Some("refused")),
    ("factor.blocked", None),
    ("credential.alarm", None),
    ("credential.enrolled", Some("success")),
    ("credential.removed", None),
    ("biometrics.erased", None),
    ("biometric_consent.decided", None),
    ("consent.decided", None),
    ("consent.withdrawn", None),
    ("session.revoked", None),
    ("sessions.revoked", None),
    ("session.ended", None),
    ("data.downloaded", None),
    ("subject.suspended", None),
    ("subject.activated", None),
];
/// What our own pages sign people in as.
pub const OURSELVES: &str = "whorl";
/// Lines of one page.
pub const PER_PAGE: u64 = 25;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::tests::NOW;

    fn event(kind: &str, outcome: AuditOutcome) -> AuditEvent {
        AuditEvent {
            seq: 7,
            at: NOW,
            kind: kind.into(),
            outcome,
            subject: None,
            username: None,
            client: Some(wire::ClientId("app".into())),
            attempt: None,
            operator: None,
            factor: Some(FactorKind::Passkey),
            detail: BTreeMap::from([("address".to_owned(), "192.0.2.7".to_owned())]),
        }
    }

    #[test]
    fn everything_that_is_told_has_words_of_its_own() {
        let names = HashMap::from([("app".to_owned(), "Northwind Library".to_owned())]);
        for (kind, _) in TOLD {
            let line = line(&event(kind, AuditOutcome::Success), &names);
            assert_ne!(line.text, kind.replace(['.', '_'], " "), "{kind}");
            assert_eq!(line.place.as_deref(), Some("192.0.2.7"));
        }
        let mut placed = event("login.finished", AuditOutcome::Success);
        placed.detail.insert("place".into(), "Oslo, NO".into());
        let placed = line(&placed, &names).place;
        assert_eq!(placed.as_deref(), Some("Oslo, NO (192.0.2.7)"));
        let refused = line(&event("factor.verified", AuditOutcome::Refused), &names);
        assert_eq!(refused.text, "A passkey was tried and did not match");
        assert!(refused.is_refusal);
    }

    #[test]
    fn who_did_it_and_why_is_said() {
        let names = HashMap::new();
        let mut removed = event("credential.removed", AuditOutcome::Success);
        removed.operator = Some(wire::OperatorName("olivia".into()));
        assert_eq!(
            line(&removed, &names).text,
            "A passkey was removed, by an administrator"
        );
        let mut denied = event("login.denied", AuditOutcome::Refused);
        let error = "unmet_authentication_requirements".to_owned();
        denied.detail.insert("error".into(), error);
        let denied = line(&denied, &names);
        assert_eq!(denied.text, "A sign-in to app was refused");
        assert_eq!(
            denied.reason.as_deref(),
            Some("What was asked for could not be proved")
        );
    }
}
