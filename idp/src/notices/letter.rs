//! The words of a mail: what was done, when and from where, and what to do if it was somebody else.

use time::macros::format_description;
use wire::FactorKind;

use crate::store::Told;

/// A mail's subject line and text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub subject: String,
    pub text: String,
}

/// Writes it.
pub(super) fn write(told: &Told, username: &str, client: Option<&str>, issuer: &str) -> Letter {
    let what = what(told, client);
    let format =
        format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    let when = told.at.format(format).unwrap_or_default();
    let from = match &told.address {
        Some(address) if !told.by_operator => format!("From: {address}\n"),
        _ => String::new(),
    };
    let by = if told.by_operator {
        ", by an administrator"
    } else {
        ""
    };
    let text = format!(
        "In your account {username} at {issuer}:\n\n{what}{by}.\n\nWhen: {when}\n{from}\n\
         If this was you or you expected it, there is nothing to do.\n\n\
         If not, open {issuer}/me, look at what happened, remove what you do not know, end the other sessions, and tell \
         your administrator. This mail asks for no password and has no other link.\n"
    );
    Letter {
        subject: format!("Your account: {}", lower_first(&what)),
        text,
    }
}

fn what(told: &Told, client: Option<&str>) -> String {
    let factor = told.factor.map_or("factor", called);
    let client = client.unwrap_or("an application");
    match told.kind.as_str() {
        "credential.alarm" => format!(
            "A {factor} of yours behaved as if there were a copy of it; remove it and add it anew"
        ),
        "credential.enrolled" => format!("A {factor} was added"),
        "credential.removed" => format!("A {factor} was removed"),
        "biometrics.erased" => "Your biometrics were erased".to_owned(),
        "biometric_consent.decided" => "You agreed to biometrics".to_owned(),
        "consent.withdrawn" => format!("What {client} was allowed was withdrawn"),
        "session.revoked" => "A session was ended".to_owned(),
        "sessions.revoked" => "Sessions were ended".to_owned(),
        "data.downloaded" => "Your data was downloaded".to_owned(),
        "subject.suspended" => "It was suspended".to_owned(),
        _ => "Something was changed".to_owned(),
    }
}

fn called(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Passkey => "passkey",
        FactorKind::Face => "face",
        FactorKind::Fingerprint => "fingerprint",
        FactorKind::Password => "new password",
        FactorKind::Totp => "new authenticator app",
        FactorKind::RecoveryCode => "new set of recovery codes",
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::NOW;

    fn told(kind: &str, by_operator: bool) -> Told {
        Told {
            kind: kind.into(),
            at: NOW,
            factor: Some(FactorKind::Passkey),
            client: None,
            address: Some("192.0.2.7".into()),
            by_operator,
        }
    }

    #[test]
    fn a_letter_says_what_when_from_where_and_what_to_do() {
        let letter = write(
            &told("credential.enrolled", false),
            "ada",
            None,
            "https://id.example",
        );
        assert_eq!(letter.subject, "Your account: a passkey was added");
        for part in [
            "account ada at https://id.example",
            "A passkey was added.",
            "From: 192.0.2.7",
            "https://id.example/me",
        ] {
            assert!(letter.text.contains(part), "{part} in {}", letter.text);
        }
        let letter = write(
            &told("credential.removed", true),
            "ada",
            None,
            "https://id.example",
        );
        assert!(letter.text.contains("removed, by an administrator."));
        // Where an operator sits is not the person's.
        assert!(!letter.text.contains("192.0.2.7"));
    }
}
