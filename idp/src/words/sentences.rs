//! Sentences that the parts below the pages write in English, for logs and for programs too, in the language of a person:
//! a refusal, or what to do about a sample.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Language, SOURCES};

impl Language {
    /// What an English sentence, or several, is in this language. What is not known stays as it is; of several sentences
    /// those that are known are said.
    #[must_use]
    pub fn reword(self, english: &str) -> String {
        if self == Self::English {
            return english.to_owned();
        }
        if let Some(key) = KEYS.get(english) {
            return self.say(key);
        }
        let sentences = english.trim_end_matches('.').split(". ");
        let known: Vec<String> = sentences
            .filter_map(|sentence| {
                let sentence = capitalised(sentence);
                let whole = KEYS.get(format!("{sentence}.").as_str());
                let bare = || Some(self.say(KEYS.get(sentence.as_str())?) + self.full_stop());
                whole.map(|key| self.say(key)).or_else(bare)
            })
            .collect();
        match known.is_empty() {
            true => english.to_owned(),
            false => known.join(" "),
        }
    }

    fn full_stop(self) -> &'static str {
        match self {
            Self::Hindi => "।",
            Self::Chinese => "。",
            Self::English | Self::Spanish | Self::French | Self::German | Self::Arabic => ".",
        }
    }
}

/// Errors begin with a small letter, sentences do not.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The key of each English sentence that names nothing.
static KEYS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = SOURCES[Language::English as usize]
        .into_iter()
        .flat_map(str::lines);
    let said = lines.filter_map(|line| line.split_once(" = "));
    let plain = said.filter(|(_, text)| !text.contains('{'));
    plain.map(|(key, text)| (text, key)).collect()
});

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn known_sentences_are_said_in_every_language() {
        let german = |english| Language::German.reword(english);
        assert_eq!(german("Check the address."), "Prüfen Sie die Adresse.");
        assert_eq!(
            german("No face was found. Look into the oval."),
            "Es wurde kein Gesicht gefunden. Schauen Sie in das Oval."
        );
        assert_eq!(
            Language::Chinese.reword("2 faces compete. Only one person, please."),
            "请只留一个人。"
        );
        assert_eq!(
            german("the image is damaged or cut short"),
            "Das Bild ist beschädigt oder abgeschnitten."
        );
        for unknown in ["", "Nobody wrote this.", "an error of some kind"] {
            assert_eq!(german(unknown), unknown);
        }
        assert_eq!(Language::English.reword("Check it."), "Check it.");
    }

    /// The string literals of a source file without its tests.
    fn literals(source: &str) -> Vec<String> {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = source.lines().filter(|line| !line.trim().starts_with("//"));
        let source = lines.collect::<Vec<_>>().join("\n");
        // Quotes that begin and end nothing.
        let source = source.replace("\\\\", "").replace("\\\"", "");
        let mut source = source.replace("'\"'", "");
        // A literal that goes on in the next line.
        while let Some(at) = source.find("\\\n") {
            let rest = source[at + 2..].trim_start().to_owned();
            source.truncate(at);
            source.push_str(&rest);
        }
        let mut found = Vec::new();
        let mut parts = source.split('"').skip(1);
        while let (Some(literal), _) = (parts.next(), parts.next()) {
            found.push(literal.to_owned());
        }
        found
    }

    fn is_sentence(text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.trim_end_matches('.').contains(' ')
            && !text.contains('{')
    }

    #[test]
    fn what_pages_and_factors_tell_people_can_be_said_in_every_language() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        for folder in ["http", "http/me", "factors"] {
            let entries = std::fs::read_dir(root.join(folder)).expect("a folder");
            files.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        files.push(root.join("oidc/error.rs"));
        files.retain(|path| path.extension().is_some_and(|it| it == "rs"));
        let mut unsaid = Vec::new();
        let mut known = 0;
        for path in files {
            let source = std::fs::read_to_string(&path).expect("a source");
            for literal in literals(&source) {
                match KEYS.contains_key(literal.as_str()) {
                    true => known += 1,
                    false if is_sentence(&literal) && !NOT_TOLD.contains(&literal.as_str()) => {
                        unsaid.push((path.clone(), literal));
                    }
                    false => {}
                }
            }
        }
        assert!(unsaid.is_empty(), "{unsaid:#?}");
        assert!(known > 80, "{known}");
    }

    /// What only programs and operators read.
    const NOT_TOLD: [&str; 7] = [
        "Authorization, Content-Type, DPoP",
        "DPoP-Nonce, WWW-Authenticate, Retry-After",
        "GET, POST",
        "Bearer error=",
        "Basic realm=",
        "Bad request",
        "The client certificate cannot be read.",
    ];
}
