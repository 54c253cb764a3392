//! Reasons as the person reads them later, in the language of the page: of each a word that is kept in the audit trail, and
//! what is filled in.
//!
//! What tells of other people, and how well a face or a finger matched, is not for the person: the first is not theirs, and
//! the second would teach whoever tries what a sample has to be like.

use matcher::anomaly::{Cause, Reason};

use crate::words::Language;

/// What is kept of the reasons, the weightiest first; of two with the same words the first.
#[must_use]
pub fn kept<'a>(reasons: impl Iterator<Item = &'a Reason>) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for reason in reasons {
        let Some((word, figures)) = word(&reason.cause) else {
            continue;
        };
        let one: Vec<String> = std::iter::once(word.to_owned()).chain(figures).collect();
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// What was kept, in sentences; what is not known any more is left out.
#[must_use]
pub fn said(kept: &str, language: Language) -> Option<String> {
    let kept: Vec<Vec<String>> = serde_json::from_str(kept).ok()?;
    let said = kept.iter().filter_map(|one| {
        let (word, figures) = one.split_first()?;
        let (_, names) = WORDS.iter().find(|(known, _)| known == word)?;
        let named = names
            .iter()
            .copied()
            .zip(figures.iter().map(String::as_str));
        let named: Vec<(&str, &str)> = named.collect();
        (named.len() == names.len()).then(|| language.say_all(&format!("risk-{word}"), &named))
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join(BETWEEN))
}

fn word(cause: &Cause) -> Option<(&'static str, Vec<String>)> {
    let plain = |word| Some((word, Vec::new()));
    match cause {
        Cause::NewCountry { country } => Some(("country", vec![country.clone()])),
        Cause::ImpossibleTravel { km, minutes } => {
            Some(("journey", vec![km.to_string(), minutes.max(&1).to_string()]))
        }
        // Within nothing at all is nothing that anybody says.
        Cause::HastyMove { minutes } => Some(("hasty", vec![minutes.max(&1).to_string()])),
        Cause::NewRegion { region: place } | Cause::NewCity { city: place } => {
            Some(("place", vec![place.clone()]))
        }
        Cause::NewNetwork { .. } | Cause::NewAddress => plain("network"),
        Cause::NewSystem { .. }
        | Cause::NewBrowser { .. }
        | Cause::NewRelease
        | Cause::NewHints
        | Cause::NewPair => plain("browser"),
        Cause::OlderRelease { .. } => plain("older"),
        Cause::NewDeviceKey | Cause::NoDeviceKey => plain("device"),
        Cause::OddHour { .. } => plain("hour"),
        Cause::OddWeekday { .. } => plain("weekday"),
        Cause::LongAbsence { days } => Some(("absence", vec![days.to_string()])),
        Cause::OddRoundTrip { .. } => plain("distance"),
        Cause::OddTyping => plain("rhythm"),
        Cause::PersonFailures { count } => Some(("failures", vec![count.to_string()])),
        Cause::LittleKnown => plain("little-known"),
        Cause::NetworkOfStrangers
        | Cause::UnusualNetwork
        | Cause::UnusualAgent
        | Cause::AddressFailures { .. }
        | Cause::AddressStrangers { .. }
        | Cause::ServiceFailures
        | Cause::UnlikeAnybody
        | Cause::PoorerBiometric
        | Cause::SampleReused => None,
    }
}

/// What each word has places for.
const WORDS: [(&str, &[&str]); 15] = [
    ("country", &["country"]),
    ("journey", &["km", "minutes"]),
    ("hasty", &["minutes"]),
    ("place", &["place"]),
    ("network", &[]),
    ("browser", &[]),
    ("older", &[]),
    ("device", &[]),
    ("hour", &[]),
    ("weekday", &[]),
    ("absence", &["days"]),
    ("distance", &[]),
    ("rhythm", &[]),
    ("failures", &["count"]),
    ("little-known", &[]),
];
/// Where an event keeps what the person may read.
pub const RISK_TOLD: &str = "risk_told";
const BETWEEN: &str = " · ";

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(causes: Vec<Cause>) -> String {
        let reasons: Vec<Reason> = causes
            .into_iter()
            .map(|cause| Reason { cause, weight: 1.0 })
            .collect();
        serde_json::to_string(&kept(reasons.iter())).expect("JSON")
    }

    #[test]
    fn reasons_are_said_in_every_language() {
        let kept = reasons(vec![
            Cause::NewCountry {
                country: "US".into(),
            },
            Cause::ImpossibleTravel {
                km: 8600,
                minutes: 40,
            },
            Cause::NewNetwork { network: 64_502 },
            Cause::NewAddress,
        ]);
        assert_eq!(
            said(&kept, Language::English).as_deref(),
            Some("New country: US · 8600 km within 40 min · Network that was not used before")
        );
        for language in Language::ALL {
            let text = said(&kept, language).expect("said");
            assert!(text.contains("US") && text.contains("8600"), "{text}");
            assert!(!text.contains("risk-"), "{text}");
            for (word, names) in WORDS {
                let filled = vec!["7".to_owned(); names.len()];
                let one = vec![[vec![word.to_owned()], filled].concat()];
                let one = serde_json::to_string(&one).expect("JSON");
                let text = said(&one, language).expect(word);
                assert!(!text.starts_with("risk-"), "{language:?}: {text}");
            }
        }
    }

    #[test]
    fn what_took_no_time_is_said_to_have_taken_a_minute() {
        let at_once = reasons(vec![
            Cause::HastyMove { minutes: 0 },
            Cause::ImpossibleTravel { km: 60, minutes: 0 },
        ]);
        let english = said(&at_once, Language::English);
        let expected = "Another place within 1 min · 60 km within 1 min";
        assert_eq!(english.as_deref(), Some(expected));
    }

    #[test]
    fn what_is_others_or_of_a_sample_is_not_told_and_what_is_broken_is_left_out() {
        let none = reasons(vec![
            Cause::AddressStrangers { count: 12 },
            Cause::PoorerBiometric,
            Cause::SampleReused,
            Cause::UnlikeAnybody,
        ]);
        assert_eq!(none, "[]");
        for broken in [
            "",
            "[]",
            "[[]]",
            "{}",
            r#"[["country"]]"#,
            r#"[["other","7"]]"#,
            "[[7]]",
        ] {
            assert_eq!(said(broken, Language::English), None, "{broken}");
        }
    }
}
