//! The words of the pages, in seven languages: Fluent files, one a language, compiled in.
//!
//! A language is chosen by what the client asked for (`ui_locales`, OIDC Core §3.1.2.1), then by what the browser asks for
//! (`Accept-Language`, RFC 9110 §12.5.4); what a person chose stands before the browser's.

mod dates;
mod sentences;

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// A language that people are spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Spanish,
    French,
    German,
    Arabic,
    Hindi,
    Chinese,
}

impl Language {
    /// All of them, the fallback first.
    pub const ALL: [Self; 7] = [
        Self::English,
        Self::Spanish,
        Self::French,
        Self::German,
        Self::Arabic,
        Self::Hindi,
        Self::Chinese,
    ];

    /// Its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::German => "de",
            Self::Arabic => "ar",
            Self::Hindi => "hi",
            Self::Chinese => "zh",
        }
    }

    /// What its speakers call it.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
            Self::French => "Français",
            Self::German => "Deutsch",
            Self::Arabic => "العربية",
            Self::Hindi => "हिन्दी",
            Self::Chinese => "中文",
        }
    }

    /// Whether it is written from right to left.
    #[must_use]
    pub fn is_right_to_left(self) -> bool {
        self == Self::Arabic
    }

    /// The first of these tags that there is a language for, else the best of an `Accept-Language`, else English.
    #[must_use]
    pub fn wanted(locales: &[String], accepted: &str) -> Self {
        Self::asked(locales)
            .or_else(|| Self::accepted(accepted))
            .unwrap_or_default()
    }

    /// The first of these tags that there is a language for.
    #[must_use]
    pub fn asked(locales: &[String]) -> Option<Self> {
        locales.iter().find_map(|tag| Self::of_tag(tag))
    }

    /// By the primary subtag: whoever asks for Austrian German is better served by German than by English (RFC 4647 §3.4).
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The best of an `Accept-Language`.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for part in header.split(',').take(MOST_TAGS) {
            let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight = weight.trim().strip_prefix("q=");
            let weight: f32 = weight.and_then(|q| q.parse().ok()).unwrap_or(0.0);
            let Some(language) = Self::of_tag(tag.trim()) else {
                continue;
            };
            // Among equals the first; 0 is "not this one" (RFC 9110 §12.4.2).
            if weight > 0.0 && best.is_none_or(|(_, least)| weight > least) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// What it says for a key.
    #[must_use]
    pub fn say(self, key: &str) -> String {
        self.say_with(key, &FluentArgs::new())
    }

    /// The same, with what stands for a name in it.
    #[must_use]
    pub fn say_of<'a>(self, key: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut values = FluentArgs::new();
        values.set(name, value);
        self.say_with(key, &values)
    }

    /// The same, with several names in it.
    #[must_use]
    pub fn say_all(self, key: &str, named: &[(&str, &str)]) -> String {
        let mut values = FluentArgs::new();
        for (name, value) in named {
            values.set(*name, *value);
        }
        self.say_with(key, &values)
    }

    /// What it says before and after what stands for a name, so that a page can set that off.
    #[must_use]
    pub fn around(self, key: &str, name: &str) -> (String, String) {
        let said = self.say_of(key, name, MARK);
        let (before, after) = said.split_once(MARK).unwrap_or((&said, ""));
        (before.to_owned(), after.to_owned())
    }

    fn say_with(self, key: &str, values: &FluentArgs<'_>) -> String {
        // What a language lacks is said in English; a test holds that none lacks anything.
        for language in [self, Self::English] {
            let bundle = &BUNDLES[language as usize];
            if let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) {
                let mut errors = Vec::new();
                return bundle
                    .format_pattern(pattern, Some(values), &mut errors)
                    .into_owned();
            }
        }
        key.to_owned()
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let tag = language.tag().parse();
    let tag = tag.expect("invariant: a plain language is a tag");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // A name in Latin letters would turn the words around it about.
    bundle.set_use_isolating(language.is_right_to_left());
    for source in SOURCES[language as usize] {
        // What cannot be read is left out, and a test holds that nothing is.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(read, _)| read);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

static BUNDLES: LazyLock<Vec<FluentBundle<FluentResource>>> =
    LazyLock::new(|| Language::ALL.into_iter().map(bundle).collect());

/// What one language says: at a login, in a person's own account, as something is set up, elsewhere, and of refusals.
macro_rules! sources {
    ($tag:literal) => {
        [
            include_str!(concat!("words/", $tag, ".ftl")),
            include_str!(concat!("words/", $tag, ".account.ftl")),
            include_str!(concat!("words/", $tag, ".setup.ftl")),
            include_str!(concat!("words/", $tag, ".rest.ftl")),
            include_str!(concat!("words/", $tag, ".sentences.ftl")),
        ]
    };
}

/// In the order of [`Language::ALL`].
const SOURCES: [[&str; 5]; 7] = [
    sources!("en"),
    sources!("es"),
    sources!("fr"),
    sources!("de"),
    sources!("ar"),
    sources!("hi"),
    sources!("zh"),
];

/// Stands for a name while what is around it is asked for: a character of no script.
const MARK: &str = "\u{e000}";
/// More languages than anybody reads.
const MOST_TAGS: usize = 32;

#[cfg(test)]
mod tests;
