//! The words of the pages, in seven languages: Fluent files, one a language, compiled in.
//!
//! A language is chosen by what the client asked for (`ui_locales`, OIDC Core §3.1.2.1), then by what the browser asks for
//! (`Accept-Language`, RFC 9110 §12.5.4). Pages that are not translated yet are English, and say so in `lang`.

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

    /// Whether it is written from right to left.
    #[must_use]
    pub fn is_right_to_left(self) -> bool {
        self == Self::Arabic
    }

    /// The first of these tags that there is a language for, else the best of an `Accept-Language`, else English.
    #[must_use]
    pub fn wanted(locales: &[String], accepted: &str) -> Self {
        let asked = locales.iter().find_map(|tag| Self::of_tag(tag));
        asked
            .or_else(|| Self::accepted(accepted))
            .unwrap_or_default()
    }

    /// By the primary subtag: whoever asks for Austrian German is better served by German than by English (RFC 4647 §3.4).
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    fn accepted(header: &str) -> Option<Self> {
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
    let source = SOURCES[language as usize].to_owned();
    // What cannot be read is left out, and a test holds that nothing is.
    let resource = FluentResource::try_new(source).unwrap_or_else(|(read, _)| read);
    bundle.add_resource_overriding(resource);
    bundle
}

static BUNDLES: LazyLock<Vec<FluentBundle<FluentResource>>> =
    LazyLock::new(|| Language::ALL.into_iter().map(bundle).collect());

/// In the order of [`Language::ALL`].
const SOURCES: [&str; 7] = [
    include_str!("words/en.ftl"),
    include_str!("words/es.ftl"),
    include_str!("words/fr.ftl"),
    include_str!("words/de.ftl"),
    include_str!("words/ar.ftl"),
    include_str!("words/hi.ftl"),
    include_str!("words/zh.ftl"),
];

/// Stands for a name while what is around it is asked for: a character of no script.
const MARK: &str = "\u{e000}";
/// More languages than anybody reads.
const MOST_TAGS: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The keys of a file, each with the names that it has places for; by lines, and not by the parser that reads it.
    fn keys(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let lines = source.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (key, text) = line.split_once(" = ").expect("a key and a text");
                let places = text.split("{ $").skip(1);
                let names = places.filter_map(|rest| rest.split_once(" }"));
                let names = names.map(|(name, _)| name.to_owned());
                (key.to_owned(), names.collect())
            })
            .collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_places() {
        let english = keys(SOURCES[0]);
        assert!(english.len() > 80, "{}", english.len());
        for language in Language::ALL {
            let own = keys(SOURCES[language as usize]);
            assert_eq!(own, english, "{language:?}");
            for key in english.keys() {
                let bundle = &BUNDLES[language as usize];
                let message = bundle.get_message(key);
                let read = message.and_then(|message| message.value()).is_some();
                assert!(read, "{language:?}: {key} cannot be read");
                assert!(!language.say(key).trim().is_empty(), "{language:?}: {key}");
            }
            let read = FluentResource::try_new(SOURCES[language as usize].to_owned());
            assert!(read.is_ok(), "{language:?} has what cannot be read");
        }
    }

    #[test]
    fn no_language_speaks_english_in_anothers_place() {
        let english = keys(SOURCES[0]);
        for language in Language::ALL.into_iter().skip(1) {
            let same: Vec<&String> = english
                .keys()
                .filter(|key| language.say(key) == Language::English.say(key))
                .collect();
            // "Passkey" is the German word for it too.
            let allowed = ["choose-passkey", "problem-prefix"];
            let left = same.iter().filter(|key| !allowed.contains(&key.as_str()));
            assert_eq!(left.count(), 0, "{language:?}: {same:?}");
        }
    }

    #[test]
    fn the_client_is_asked_first_and_the_browser_then() {
        for (locales, header, expected) in [
            (vec![], "", Language::English),
            (vec![], "de", Language::German),
            (vec![], "de-AT,de;q=0.9,en;q=0.8", Language::German),
            (vec![], "it, fr;q=0.5, es;q=0.7", Language::Spanish),
            (vec![], "en;q=0.1, zh-Hant-TW", Language::Chinese),
            (vec![], "ar;q=0", Language::English),
            (vec![], "de;q=many", Language::English),
            (vec![], "it", Language::English),
            (vec!["it", "HI"], "de", Language::Hindi),
            (vec!["it"], "de", Language::German),
            (vec!["ar-EG"], "de", Language::Arabic),
        ] {
            let locales: Vec<String> = locales.into_iter().map(str::to_owned).collect();
            assert_eq!(
                Language::wanted(&locales, header),
                expected,
                "{locales:?} {header}"
            );
        }
        let long = "it,".repeat(10_000) + "de";
        assert_eq!(Language::wanted(&[], &long), Language::English);
    }

    #[test]
    fn names_stand_where_the_language_has_them() {
        let english = Language::English.around("signing-in-as", "username");
        assert_eq!(english, ("Signing in as ".into(), String::new()));
        let hindi = Language::Hindi.around("signing-in-as", "username");
        assert!(hindi.0.is_empty() && !hindi.1.is_empty(), "{hindi:?}");
        let wait = Language::German.say_of("wait-seconds", "count", 30);
        assert!(wait.contains("30 Sekunden"), "{wait}");
    }
}
