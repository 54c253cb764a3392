//! Every language says everything, with the same places for names, and none of it in English.

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

/// All that a language says; no key stands in two files.
fn said(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for source in SOURCES[language as usize] {
        for (key, places) in keys(source) {
            let twice = all.insert(key.clone(), places).is_some();
            assert!(!twice, "{language:?}: {key} stands twice");
        }
    }
    all
}

#[test]
fn every_language_says_everything_with_the_same_places() {
    let english = said(Language::English);
    assert!(english.len() > 80, "{}", english.len());
    for language in Language::ALL {
        let own = said(language);
        assert_eq!(own, english, "{language:?}");
        for key in english.keys() {
            let bundle = &BUNDLES[language as usize];
            let message = bundle.get_message(key);
            let read = message.and_then(|message| message.value()).is_some();
            assert!(read, "{language:?}: {key} cannot be read");
            assert!(!language.say(key).trim().is_empty(), "{language:?}: {key}");
        }
        for source in SOURCES[language as usize] {
            let read = FluentResource::try_new(source.to_owned());
            assert!(read.is_ok(), "{language:?} has what cannot be read");
        }
    }
}

#[test]
fn no_language_speaks_english_in_anothers_place() {
    let english = said(Language::English);
    for language in Language::ALL.into_iter().skip(1) {
        let same: Vec<&String> = english
            .keys()
            .filter(|key| language.say(key) == Language::English.say(key))
            .collect();
        let left: Vec<&&String> = same
            .iter()
            .filter(|key| !SAME.contains(&(language.tag(), key.as_str())))
            .collect();
        assert!(left.is_empty(), "{language:?}: {left:?}");
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

/// What is written alike in both: names of months and of things, and the order of a date.
const SAME: [(&str, &str); 14] = [
    ("de", "choose-passkey"),
    ("de", "problem-prefix"),
    ("de", "month-4"),
    ("de", "month-8"),
    ("de", "month-9"),
    ("de", "month-11"),
    ("fr", "me-applications"),
    ("hi", "date-time"),
    ("es", "home-key-set"),
    ("fr", "home-key-set"),
    ("de", "home-key-set"),
    ("ar", "home-key-set"),
    ("hi", "home-key-set"),
    ("zh", "home-key-set"),
];
