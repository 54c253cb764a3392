//! The `prompt` parameter: what the person must, or must not, be shown (OIDC Core §3.1.2.1;
//! `create`: Initiating User Registration 1.0 §4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One value of the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page at all: answer at once, with an error where a page would be needed.
    None,
    /// Authenticate again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose an account.
    SelectAccount,
    /// Begin with registration.
    Create,
}

impl Prompt {
    /// Every value.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Login,
        Self::Consent,
        Self::SelectAccount,
        Self::Create,
    ];

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
        }
    }
}

/// The values of one request; `none` stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompts(BTreeSet<Prompt>);

impl Prompts {
    /// Reads a space-separated list; `None` for an unknown value, or for `none` with another
    /// (OIDC Core §3.1.2.1).
    pub fn parse(text: &str) -> Option<Self> {
        let mut values = BTreeSet::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            values.insert(
                Prompt::ALL
                    .into_iter()
                    .find(|prompt| prompt.as_str() == word)?,
            );
        }
        let alone = !values.contains(&Prompt::None) || values.len() == 1;
        alone.then_some(Self(values))
    }

    /// Whether the request has this value.
    pub fn contains(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }

    /// Whether no page may be shown (`prompt=none`).
    pub fn is_silent(&self) -> bool {
        self.contains(Prompt::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_stands_alone_and_unknown_values_are_refused() {
        assert!(Prompts::parse("none").is_some_and(|it| it.is_silent()));
        assert!(Prompts::parse("login consent").is_some_and(|it| it.contains(Prompt::Consent)));
        for text in ["none login", "login none", "maybe", "Login"] {
            assert_eq!(Prompts::parse(text), None, "{text}");
        }
    }
}
