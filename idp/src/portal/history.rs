//! What happened to an account, as its person reads it: sign-ins that were made and that failed, and every change.

use std::collections::HashMap;

use time::OffsetDateTime;
use wire::{AuditEvent, AuditOutcome, FactorKind, SubjectId};

use crate::app::App;
use crate::login::risk::told::{RISK_TOLD, said};
use crate::store::StoreError;
use crate::words::Language;

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
        language: Language,
    ) -> Result<Vec<Line>, StoreError> {
        let events = self.store.history(subject, &TOLD, before, most).await?;
        let ids = events.iter().filter_map(|event| event.client.as_ref());
        let ids: Vec<String> = ids.map(|id| id.0.clone()).collect();
        let names = self.store.client_names(&ids).await?;
        Ok(events
            .iter()
            .map(|event| line(event, &names, language))
            .collect())
    }
}

fn line(event: &AuditEvent, names: &HashMap<String, String>, language: Language) -> Line {
    let detail = |name: &str| event.detail.get(name).cloned();
    let why = match event.kind.as_str() {
        "login.denied" => detail("error").map(|error| language.say(denial(&error))),
        _ => None,
    };
    // Where all was as ever there is nothing to say.
    let is_odd = matches!(
        event.detail.get("risk").map(String::as_str),
        Some("medium" | "high")
    );
    let kept = event.detail.get(RISK_TOLD).filter(|_| is_odd);
    let odd = kept.and_then(|kept| said(kept, language));
    Line {
        seq: event.seq,
        at: event.at,
        text: text(event, names, language),
        place: match (detail("place"), detail("address")) {
            (Some(place), Some(address)) => Some(format!("{place} ({address})")),
            (place, address) => place.or(address),
        },
        reason: match (detail("reason").or(why), odd) {
            (Some(why), Some(odd)) => Some(format!("{why} · {odd}")),
            (why, odd) => why.or(odd),
        },
        is_refusal: event.outcome != AuditOutcome::Success,
    }
}

fn text(event: &AuditEvent, names: &HashMap<String, String>, language: Language) -> String {
    let client = match event.client.as_ref().map(|id| id.0.as_str()) {
        None => language.say("happened-an-application"),
        Some(OURSELVES) => language.say("happened-your-account"),
        Some(id) => names.get(id).cloned().unwrap_or_else(|| id.to_owned()),
    };
    let happened = Happened {
        kind: &event.kind,
        succeeded: event.outcome == AuditOutcome::Success,
        factor: event.factor,
        client: &client,
        by_operator: event.operator.is_some(),
    };
    happened.say(language)
}

/// What is said of an event, on a page and in a mail alike.
pub struct Happened<'a> {
    pub kind: &'a str,
    pub succeeded: bool,
    pub factor: Option<FactorKind>,
    pub client: &'a str,
    pub by_operator: bool,
}

impl Happened<'_> {
    /// In a sentence.
    #[must_use]
    pub fn say(&self, language: Language) -> String {
        let factor = self.factor.map(|factor| called(language, factor));
        let factor = factor.unwrap_or_default();
        let named = [("client", self.client), ("factor", &factor)];
        let said = language.say_all(self.key(), &named);
        match self.by_operator {
            true => language.say_of("happened-by-administrator", "what", said),
            false => said,
        }
    }

    fn key(&self) -> &'static str {
        match (self.kind, self.succeeded) {
            ("login.finished", _) => "happened-signed-in",
            ("login.denied", _) => "happened-denied",
            ("factor.verified", _) => "happened-failed",
            ("factor.blocked", _) => "happened-held-off",
            ("credential.alarm", _) => "happened-alarm",
            ("credential.enrolled" | "credential.imported", _) => "happened-added",
            ("credential.removed", _) => "happened-removed",
            ("biometrics.erased", _) => "happened-erased",
            ("biometric_consent.decided", true) => "happened-agreed",
            ("biometric_consent.decided", false) => "happened-declined",
            ("consent.decided", true) => "happened-allowed",
            ("consent.decided", false) => "happened-not-allowed",
            ("consent.withdrawn", _) => "happened-withdrawn",
            ("session.revoked", _) => "happened-session-ended",
            ("sessions.revoked", _) => "happened-sessions-ended",
            ("grants.revoked", _) => "happened-applications-ended",
            ("session.ended", _) => "happened-signed-out",
            ("device.trusted", _) => "happened-trusted",
            ("device.forgotten", _) => "happened-forgotten",
            ("data.downloaded", _) => "happened-downloaded",
            ("subject.suspended", _) => "happened-suspended",
            ("subject.activated", _) => "happened-activated",
            _ => "happened-other",
        }
    }
}

/// A factor by its name.
fn called(language: Language, factor: FactorKind) -> String {
    match factor {
        FactorKind::RecoveryCode => language.say("me-codes"),
        one => language.say(&format!("choose-{one}")),
    }
}

fn denial(error: &str) -> &'static str {
    match error {
        "access_denied" => "denied-cancelled",
        "unmet_authentication_requirements" => "denied-unproved",
        "login_required" => "denied-expected",
        "consent_required" => "denied-may-not-ask",
        _ => "denied-rule",
    }
}

/// What is told, and of some only with this outcome: a factor that matched is told by the login that it made.
const TOLD: [(&str, Option<&str>); 21] = [
    ("login.finished", None),
    ("login.denied", None),
    ("factor.verified", Some("refused")),
    ("factor.blocked", None),
    ("credential.alarm", None),
    ("credential.enrolled", Some("success")),
    ("credential.imported", Some("success")),
    ("credential.removed", None),
    ("biometrics.erased", None),
    ("biometric_consent.decided", None),
    ("consent.decided", None),
    ("consent.withdrawn", None),
    ("session.revoked", None),
    ("sessions.revoked", None),
    ("grants.revoked", None),
    ("session.ended", None),
    ("device.trusted", None),
    ("device.forgotten", None),
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
            for language in Language::ALL {
                let line = line(&event(kind, AuditOutcome::Success), &names, language);
                assert_ne!(line.text, language.say("happened-other"), "{kind}");
                assert!(!line.text.starts_with("happened-"), "{}", line.text);
                assert_eq!(line.place.as_deref(), Some("192.0.2.7"));
            }
        }
        let mut placed = event("login.finished", AuditOutcome::Success);
        placed.detail.insert("place".into(), "Oslo, NO".into());
        let placed = line(&placed, &names, Language::English).place;
        assert_eq!(placed.as_deref(), Some("Oslo, NO (192.0.2.7)"));
        let refused = event("factor.verified", AuditOutcome::Refused);
        let refused = line(&refused, &names, Language::English);
        assert_eq!(refused.text, "A try that did not match: Passkey");
        assert!(refused.is_refusal);
    }

    #[test]
    fn what_was_odd_of_a_login_is_said_in_the_persons_language_and_nothing_of_one_as_ever() {
        let mut odd = event("login.finished", AuditOutcome::Success);
        odd.detail.insert("risk".into(), "medium".into());
        odd.detail
            .insert(RISK_TOLD.into(), r#"[["country","US"],["network"]]"#.into());
        let reason = |event: &AuditEvent, language| line(event, &HashMap::new(), language).reason;
        assert_eq!(
            reason(&odd, Language::English).as_deref(),
            Some("New country: US · Network that was not used before")
        );
        assert_eq!(
            reason(&odd, Language::German).as_deref(),
            Some("Neues Land: US · Netz, das noch nicht benutzt wurde")
        );
        odd.detail.insert("risk".into(), "low".into());
        assert_eq!(reason(&odd, Language::English), None);
    }

    #[test]
    fn who_did_it_and_why_is_said() {
        let names = HashMap::new();
        let mut removed = event("credential.removed", AuditOutcome::Success);
        removed.operator = Some(wire::OperatorName("olivia".into()));
        assert_eq!(
            line(&removed, &names, Language::English).text,
            "A way to sign in was removed: Passkey, by an administrator"
        );
        let mut denied = event("login.denied", AuditOutcome::Refused);
        let error = "unmet_authentication_requirements".to_owned();
        denied.detail.insert("error".into(), error);
        let denied = line(&denied, &names, Language::English);
        assert_eq!(denied.text, "A sign-in to app was refused");
        assert_eq!(
            denied.reason.as_deref(),
            Some("What was asked for could not be proved")
        );
    }
}
