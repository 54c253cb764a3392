//! The words of a mail, in the language of its reader: what was done, when and from where, and what to do if it was
//! somebody else.

use crate::oidc::client::metadata::is_invisible;
use crate::portal::Happened;
use crate::store::Told;
use crate::words::Language;

/// A mail's subject line and text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub subject: String,
    pub text: String,
}

/// Writes it.
pub(super) fn write(
    language: Language,
    told: &Told,
    username: &str,
    client: Option<&str>,
    issuer: &str,
) -> Letter {
    let what = what(language, told, client);
    let account = [("username", username), ("issuer", issuer)];
    let when = language.say_of("letter-when", "when", language.date_time(told.at));
    let mut facts = vec![when];
    // Where an operator sits is not the person's.
    if let Some(address) = told.address.as_deref().filter(|_| !told.by_operator) {
        facts.push(language.say_of("letter-from", "address", address));
    }
    let paragraphs = [
        language.say_all("letter-account", &account),
        what.clone(),
        facts.join("\n"),
        language.say("letter-expected"),
        language.say_of("letter-unexpected", "address", format!("{issuer}/me")),
    ];
    Letter {
        subject: plain(&language.say_of("letter-subject", "what", what)),
        text: plain(&paragraphs.join("\n\n")) + "\n",
    }
}

/// What was done, in a sentence.
pub(super) fn what(language: Language, told: &Told, client: Option<&str>) -> String {
    let unnamed = language.say("happened-an-application");
    let client = client.map(quoted);
    let happened = Happened {
        kind: &told.kind,
        succeeded: true,
        factor: told.factor,
        client: client.as_deref().unwrap_or(&unnamed),
        by_operator: told.by_operator,
    };
    happened.say(language)
}

/// An application's name, which whoever registered it chose, as a name and nothing more: what a mail program would make
/// a link of, or read as a sentence of ours, does not stand in a mail of ours.
fn quoted(name: &str) -> String {
    let letters = name.chars().map(|it| match it {
        it if it.is_control() || is_invisible(it) => ' ',
        // Of these links and addresses are made, and quotations end.
        '.' | '/' | '\\' | ':' | '@' | '"' | '<' | '>' | '\u{201c}' | '\u{201d}' => ' ',
        it => it,
    });
    let text: String = letters.collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let short: String = words.join(" ").chars().take(MOST_NAME).collect();
    format!("\u{201c}{short}\u{201d}")
}

const MOST_NAME: usize = 60;

/// Without the marks that keep Latin names apart on a page (Unicode FSI and PDI): an address with one at its end leads
/// nowhere.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

#[cfg(test)]
mod tests {
    use wire::FactorKind;

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
            Language::English,
            &told("credential.enrolled", false),
            "ada",
            None,
            "https://id.example",
        );
        assert_eq!(
            letter.subject,
            "Your account: A way to sign in was added: Passkey"
        );
        for part in [
            "account ada at https://id.example",
            "A way to sign in was added: Passkey",
            "From: 192.0.2.7",
            "https://id.example/me",
        ] {
            assert!(letter.text.contains(part), "{part} in {}", letter.text);
        }
        let letter = write(
            Language::English,
            &told("credential.removed", true),
            "ada",
            None,
            "https://id.example",
        );
        assert!(
            letter
                .text
                .contains("removed: Passkey, by an administrator")
        );
        // Where an operator sits is not the person's.
        assert!(!letter.text.contains("192.0.2.7"));
    }

    #[test]
    fn every_language_says_the_same_facts() {
        for language in Language::ALL {
            let told = told("credential.enrolled", false);
            let letter = write(language, &told, "ada", None, "https://id.example");
            for part in ["ada", "https://id.example/me ", "192.0.2.7"] {
                let text = letter.text.replace(['\n', ',', '，'], " ");
                assert!(text.contains(part), "{language:?}: {part} in {text}");
            }
            assert!(!letter.subject.contains('\n'), "{}", letter.subject);
            let english = Language::English.say("letter-expected");
            let is_english = language == Language::English;
            assert_eq!(letter.text.contains(&english), is_english, "{language:?}");
        }
    }

    #[test]
    fn the_name_of_an_application_brings_no_link_and_no_sentence_of_ours() {
        let name = format!(
            "Shop. Confirm at https://evil.example/x or mail a@evil.example\u{201d} {}",
            "now ".repeat(50)
        );
        let told = told("consent.withdrawn", false);
        for language in Language::ALL {
            let letter = write(language, &told, "ada", Some(&name), "https://id.example");
            for text in [&letter.subject, &letter.text] {
                assert!(!text.contains("evil.example"), "{text}");
                assert!(!text.contains("now now now now now"), "{text}");
            }
        }
    }
}
