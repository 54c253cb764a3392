//! A policy that somebody typed: read as TOML, with everything that is wrong with it, each fault with its line.
//!
//! It stands by itself: what it leaves out is not taken from the configuration, so that what is shown is what counts.

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::config::Config;
use crate::login::policy::{About, Policy};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    /// From 1.
    pub line: Option<usize>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Faults one after the other.
#[must_use]
pub fn in_one_line(faults: &[Fault]) -> String {
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    said.join("; ")
}

/// The document: the section as it stands in a configuration, and nothing else.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document<P> {
    policy: P,
}

/// Reads a policy that is to count under this configuration.
///
/// # Errors
/// Everything that is wrong with it, up to a bound.
pub fn read(text: &str, config: &Config) -> Result<Policy, Vec<Fault>> {
    if text.len() > wire::MAX_POLICY_BYTES {
        let kib = wire::MAX_POLICY_BYTES >> 10;
        return Err(vec![Fault {
            message: format!("a policy has at most {kib} KiB"),
            line: None,
        }]);
    }
    let Document { policy } = toml::from_str::<Document<Policy>>(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        vec![Fault {
            message: error.message().to_owned(),
            line: line.filter(|_| !text.trim().is_empty()),
        }]
    })?;
    let marks = toml::from_str::<Document<Marks>>(text).ok();
    let found = policy.faults(config.demo.enabled).into_iter();
    let mut faults: Vec<Fault> = found
        .take(MOST_FAULTS)
        .map(|fault| {
            let marks = marks.as_ref().map(|document| &document.policy);
            let at = marks.and_then(|m| m.place(fault.about(), fault.is_of_the_last()));
            Fault {
                message: fault.to_string(),
                line: at.map(|at| line_of(text, at)),
            }
        })
        .collect();
    for client in &config.clients {
        if let Err(error) = config.check_acrs(client, &policy) {
            faults.push(Fault {
                message: error.to_string(),
                line: None,
            });
        }
    }
    if let Err(error) = config.devices.check(policy.looks_at_devices()) {
        faults.push(Fault {
            message: error.to_string(),
            line: None,
        });
    }
    faults.truncate(MOST_FAULTS);
    match faults.is_empty() {
        true => Ok(policy),
        false => Err(faults),
    }
}

/// A policy as somebody could have typed it.
#[must_use]
pub fn written(policy: &Policy) -> String {
    toml::to_string(&Document { policy }).expect("invariant: a policy is plain TOML")
}

/// Where the things lie of which faults speak.
#[derive(Deserialize)]
struct Marks {
    default_acr: Option<Spanned<toml::Value>>,
    unknown_risk: Option<Spanned<toml::Value>>,
    history_days: Option<Spanned<toml::Value>>,
    #[serde(default)]
    acr: Vec<Mark>,
    #[serde(default)]
    condition: Vec<Mark>,
    #[serde(default)]
    group: Vec<Mark>,
}

#[derive(Deserialize)]
struct Mark {
    name: Spanned<String>,
    #[serde(default)]
    names: Vec<Spanned<String>>,
}

impl Marks {
    /// Where something lies, in bytes; of two of a name the first or the last.
    fn place(&self, about: About<'_>, is_last: bool) -> Option<usize> {
        let of = |marks: &[Mark], name: &str| {
            let all = marks
                .iter()
                .flat_map(|mark| std::iter::once(&mark.name).chain(&mark.names));
            let mut places = all
                .filter(|it| it.get_ref() == name)
                .map(|it| it.span().start);
            match is_last {
                true => places.next_back(),
                false => places.next(),
            }
        };
        let at = |value: &Option<Spanned<toml::Value>>| value.as_ref().map(|it| it.span().start);
        match about {
            About::DefaultAcr => at(&self.default_acr),
            About::UnknownRisk => at(&self.unknown_risk),
            About::HistoryDays => at(&self.history_days),
            About::Acr(name) => of(&self.acr, name),
            About::Condition(name) => of(&self.condition, name),
            About::Group(name) => of(&self.group, name),
            About::Whole => None,
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Nobody mends more at once.
const MOST_FAULTS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::from_toml("").expect("defaults")
    }

    fn faults(text: &str) -> Vec<(Option<usize>, String)> {
        let faults = read(text, &config()).expect_err("has faults");
        faults.into_iter().map(|f| (f.line, f.message)).collect()
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let rich = "[policy]\ndefault_acr = 'urn:x'\nhistory_days = 7\n\
                    [[policy.acr]]\nname = 'urn:x'\nnames = ['urn:y']\nany_of = [['passkey', 'face', 'fingerprint']]\n\
                    least_capture = 'signed_sensor'\nfalse_match_rate = 5e-5\nfused_false_match_rate = 1e-7\n\
                    hardware_bound = true\nmax_age_s = { face = 60 }\n\
                    [[policy.acr]]\nname = 'urn:z'\nany_of = [['password']]\n\
                    [[policy.group]]\nname = 'admins'\nmembers = ['Ada']\n\
                    [[policy.condition]]\nname = 'c'\ngroups = ['admins']\nnetworks = ['10.0.0.0/8']\n\
                    low = 'step_up'\nhigh = 'deny'\nstep_up_to = 'urn:x'\nmax_age_s = 60\n";
        for policy in [config().policy, read(rich, &config()).expect("usable")] {
            let text = written(&policy);
            let again = read(&text, &config()).expect("usable");
            assert_eq!(format!("{policy:?}"), format!("{again:?}"), "{text}");
        }
    }

    #[test]
    fn each_fault_has_its_line() {
        assert_eq!(faults("")[0].0, None);
        assert_eq!(faults("[policy]\ndefault_acr = \n")[0].0, Some(2));
        let unknown = faults("[policy]\ndefault_acr = 'a'\nacr = []\ndefault_acrs = 'b'\n");
        assert_eq!(unknown[0].0, Some(4), "{unknown:?}");
        let other = faults("issuer = 'https://x'\n[policy]\ndefault_acr = 'a'\nacr = []\n");
        assert_eq!(other[0].0, Some(1), "{other:?}");
        let text = "[policy]\ndefault_acr = 'urn:none'\n\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['face']]\n\
                    [[policy.acr]]\nname = 'urn:x'\nany_of = [['passkey']]\n\
                    [[policy.condition]]\nname = 'idle'\n";
        let lines: Vec<_> = faults(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(
            lines,
            [Some(2), Some(5), Some(8), Some(11)],
            "{:?}",
            faults(text)
        );
    }

    #[test]
    fn a_text_without_end_is_refused_soon() {
        for text in [
            "x".repeat(wire::MAX_POLICY_BYTES + 1),
            format!("a = {}", "[".repeat(60_000)),
            format!("{}a = 1", "a.".repeat(30_000)),
            format!("[{}a]", "a.".repeat(30_000)),
            format!(
                "[policy]\ndefault_acr = 'a'\n[[policy.acr]]\nname = 'a'\nany_of = [{}]",
                "[],".repeat(20_000)
            ),
        ] {
            let faults = read(&text, &config()).expect_err("refused");
            assert!(faults.len() <= MOST_FAULTS);
            assert!(in_one_line(&faults).len() < 20_000);
        }
    }

    #[test]
    fn a_policy_without_what_a_client_is_held_to_is_refused() {
        let client = "[[client]]\nid = 'entra'\nredirect_uris = ['https://x/']\n\
                      acr_aliases = { phr = 'urn:whorl:acr:biometric' }";
        let config = Config::from_toml(client).expect("usable");
        let text = "[policy]\ndefault_acr = 'urn:x'\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['passkey']]";
        let faults = read(text, &config).expect_err("lacks the client's");
        assert!(faults[0].message.contains("entra"), "{faults:?}");
        assert!(read(text, &self::config()).is_ok());
    }

    #[test]
    fn a_policy_wants_no_keys_of_devices_where_none_are_kept() {
        let text = "[policy]\ndefault_acr = 'urn:x'\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['passkey']]\n\
                    [[policy.condition]]\nname = 'c'\nuntrusted_device = true\nlow = 'deny'\n";
        assert!(read(text, &config()).is_ok());
        let without = Config::from_toml("[devices]\nenabled = false").expect("usable");
        let faults = read(text, &without).expect_err("refused");
        assert!(faults[0].message.contains("untrusted_device"), "{faults:?}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_typed_is_answered(text in "(\\[policy\\]\n)?[a-z_= \\[\\]{}.'\"\n0-9-]{0,200}") {
            if let Err(faults) = read(&text, &config()) {
                assert!(!faults.is_empty());
            }
        }
    }
}
