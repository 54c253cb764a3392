//! Policy: which factors reach which acr, how their samples must have come, and how fresh they must be.
//!
//! A pure, total function over the evidence. Each acr lists its ways; a way is a row of factors, done in
//! that order. Face and fingerprint are both inherence: together they are never two kinds of factor, and
//! NIST SP 800-63B-4 takes a biometric only together with something that the subject holds, so a way with
//! a biometric must hold a possession factor too, unless its rule says `biometric_alone` or it is the
//! demonstration's.

use serde::Deserialize;
use time::OffsetDateTime;
use wire::FactorKind;

use super::attempt::Target;
use crate::factors::{Capture, Evidence, Outcome};
use crate::oidc::acr::{Acr, AcrRequest};
use crate::oidc::client::ClientProfile;

/// Every acr of the deployment.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The acr of a request that asks for none.
    pub default_acr: Acr,
    /// The rules, the one preferred among equals first.
    pub acr: Vec<Rule>,
}

/// One acr and the ways to reach it.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: Acr,
    /// Any one row, its factors in this order.
    pub any_of: Vec<Vec<FactorKind>>,
    /// The least assured way in which a biometric sample may have come.
    #[serde(default = "live")]
    pub least_capture: Capture,
    /// Accepts a biometric beside no possession factor.
    #[serde(default)]
    pub biometric_alone: bool,
}

fn live() -> Capture {
    Capture::LiveBrowser
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    #[error("default_acr {0} is not among the acr rules")]
    UnknownDefault(Acr),
    #[error("acr {0} is named twice")]
    Twice(Acr),
    #[error("acr {0} has a way without factors")]
    Empty(Acr),
    #[error("acr {0} names a factor twice in one way")]
    Repeated(Acr),
    #[error(
        "acr {0} accepts a biometric beside no possession factor: add a passkey, or say biometric_alone = true"
    )]
    BiometricAlone(Acr),
    #[error(
        "acr {0} accepts uploaded samples, which only urn:whorl:acr:demo may, where [demo] is enabled"
    )]
    Uploaded(Acr),
}

impl Policy {
    /// Whether the rules hold together.
    ///
    /// # Errors
    /// The first rule that does not.
    pub fn check(&self, demo: bool) -> Result<(), PolicyError> {
        if self.rule(&self.default_acr).is_none() {
            return Err(PolicyError::UnknownDefault(self.default_acr.clone()));
        }
        for (at, rule) in self.acr.iter().enumerate() {
            if self.acr[..at]
                .iter()
                .any(|earlier| earlier.name == rule.name)
            {
                return Err(PolicyError::Twice(rule.name.clone()));
            }
            rule.check(demo)?;
        }
        Ok(())
    }

    /// The rule of an acr.
    #[must_use]
    pub fn rule(&self, acr: &Acr) -> Option<&Rule> {
        self.acr.iter().find(|rule| rule.name == *acr)
    }

    /// What a request may end with, the preferred first: what it names that we have; then, where it does not
    /// insist, the client's own, and ours. Empty where it insists on values of which we have none
    /// (OIDC Core §5.5.1.1).
    #[must_use]
    pub fn targets(
        &self,
        asked: &AcrRequest,
        client_defaults: &[Acr],
        profile: &ClientProfile,
    ) -> Vec<Target> {
        let target = |word: &Acr| {
            let rule = self.rule(profile.acr_of(word))?;
            Some(Target {
                acr: rule.name.clone(),
                told: profile.has_word(word).then(|| word.clone()),
            })
        };
        let (usual, ours): (&[Acr], _) = match asked {
            AcrRequest::Essential(_) => (&[], None),
            AcrRequest::Any | AcrRequest::Voluntary(_) => {
                (client_defaults, Some(&self.default_acr))
            }
        };
        let mut targets: Vec<Target> = Vec::new();
        for word in asked.values().iter().chain(usual).chain(ours) {
            if let Some(target) = target(word)
                && !targets.iter().any(|earlier| earlier.acr == target.acr)
            {
                targets.push(target);
            }
        }
        targets
    }
}

impl Rule {
    fn check(&self, demo: bool) -> Result<(), PolicyError> {
        let is_demo = demo && self.name.as_str() == Acr::DEMO;
        if self.least_capture == Capture::Uploaded && !is_demo {
            return Err(PolicyError::Uploaded(self.name.clone()));
        }
        for way in &self.any_of {
            if way.is_empty() {
                return Err(PolicyError::Empty(self.name.clone()));
            }
            if way
                .iter()
                .enumerate()
                .any(|(at, factor)| way[..at].contains(factor))
            {
                return Err(PolicyError::Repeated(self.name.clone()));
            }
            let biometric = way.iter().any(|factor| is_biometric(*factor));
            let held = way.iter().any(|factor| is_held(*factor));
            if biometric && !held && !self.biometric_alone && !is_demo {
                return Err(PolicyError::BiometricAlone(self.name.clone()));
            }
        }
        Ok(())
    }

    /// Whether this evidence counts for this rule: a match, captured well enough, not older than `since`.
    #[must_use]
    pub fn accepts(&self, evidence: &Evidence, since: Option<OffsetDateTime>) -> bool {
        let captured = match evidence.capture {
            Some(capture) => capture >= self.least_capture,
            None => !is_biometric(evidence.factor),
        };
        // Uploads are taken by the demonstration's rule alone, which `check` holds.
        let is_worth_it = !evidence.demonstration || self.least_capture == Capture::Uploaded;
        evidence.outcome == Outcome::Match
            && captured
            && is_worth_it
            && since.is_none_or(|since| evidence.at >= since)
    }

    /// For each way that the evidence is consistent with, what is still missing of it, in order. An empty
    /// row means: reached.
    #[must_use]
    pub fn missing(
        &self,
        evidence: &[Evidence],
        since: Option<OffsetDateTime>,
    ) -> Vec<Vec<FactorKind>> {
        let have = |factor: FactorKind| {
            evidence
                .iter()
                .any(|e| e.factor == factor && self.accepts(e, since))
        };
        self.any_of
            .iter()
            .map(|way| way.iter().copied().filter(|f| !have(*f)).collect())
            .collect()
    }

    /// The rule with only those of its ways that `keeps` keeps.
    #[must_use]
    pub fn narrowed(&self, keeps: impl Fn(&[FactorKind]) -> bool) -> Self {
        let mut rule = self.clone();
        rule.any_of.retain(|way| keeps(way));
        rule
    }

    /// Whether the evidence reaches the acr.
    #[must_use]
    pub fn is_reached(&self, evidence: &[Evidence], since: Option<OffsetDateTime>) -> bool {
        self.missing(evidence, since).iter().any(Vec::is_empty)
    }
}

/// Something the subject is.
#[must_use]
pub fn is_biometric(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Face | FactorKind::Fingerprint => true,
        FactorKind::Password
        | FactorKind::Totp
        | FactorKind::RecoveryCode
        | FactorKind::Passkey => false,
    }
}

/// Something the subject has.
#[must_use]
pub fn is_held(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey | FactorKind::Totp | FactorKind::RecoveryCode => true,
        FactorKind::Password | FactorKind::Face | FactorKind::Fingerprint => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use wire::CredentialId;

    use super::*;
    use crate::config::Config;
    use crate::store::tests::NOW;

    fn policy() -> Policy {
        Config::from_toml("").expect("defaults").policy
    }

    fn acr(text: &str) -> Acr {
        Acr::parse(text).expect("an acr")
    }

    fn matched(factor: FactorKind) -> Evidence {
        let mut evidence = Evidence::matched(factor, [], CredentialId(uuid::Uuid::nil()), NOW);
        evidence.capture = is_biometric(factor).then_some(Capture::LiveBrowser);
        evidence
    }

    #[test]
    fn a_request_is_held_to_what_it_names_and_falls_back_where_it_does_not_insist() {
        let policy = policy();
        let (password, other, two) = (acr("urn:whorl:acr:password"), acr("urn:other"), acr("2"));
        let profile = ClientProfile {
            acr_aliases: [("2".to_owned(), acr("urn:whorl:acr:biometric"))].into(),
            ..ClientProfile::default()
        };
        let targets = |asked, client: Option<&Acr>| -> Vec<String> {
            let targets =
                policy.targets(&asked, client.map_or(&[], std::slice::from_ref), &profile);
            let told = |t: &Target| t.told.as_ref().unwrap_or(&t.acr).to_string();
            targets.iter().map(told).collect()
        };
        let (any, essential) = (AcrRequest::Voluntary, AcrRequest::Essential);
        for (asked, client, expected) in [
            (AcrRequest::Any, None, &["urn:whorl:acr:mfa"][..]),
            (
                AcrRequest::Any,
                Some(&password),
                &["urn:whorl:acr:password", "urn:whorl:acr:mfa"],
            ),
            (
                any(vec![other.clone(), password.clone()]),
                None,
                &["urn:whorl:acr:password", "urn:whorl:acr:mfa"],
            ),
            (any(vec![two.clone()]), None, &["2", "urn:whorl:acr:mfa"]),
            (any(vec![other.clone()]), None, &["urn:whorl:acr:mfa"]),
            (essential(vec![other.clone()]), Some(&password), &[]),
            (
                essential(vec![other, two, password.clone()]),
                None,
                &["2", "urn:whorl:acr:password"],
            ),
        ] {
            assert_eq!(targets(asked.clone(), client), expected, "{asked:?}");
        }
    }

    #[test]
    fn an_uploaded_sample_counts_for_the_demonstration_alone() {
        let policy = policy();
        let rule = policy.rule(&acr("urn:whorl:acr:biometric")).expect("there");
        let mut face = matched(FactorKind::Face);
        assert!(rule.accepts(&face, None));
        face.capture = Some(Capture::Uploaded);
        assert!(!rule.accepts(&face, None));
        face.capture = None;
        assert!(
            !rule.accepts(&face, None),
            "a biometric that came in no known way"
        );
    }

    #[test]
    fn a_pack_without_attack_networks_counts_for_the_demonstration_alone() {
        let mut face = matched(FactorKind::Face);
        face.demonstration = true;
        for rule in &policy().acr {
            assert!(!rule.accepts(&face, None), "{}", rule.name);
        }
        let demo = Rule {
            name: acr(Acr::DEMO),
            any_of: vec![vec![FactorKind::Face]],
            least_capture: Capture::Uploaded,
            biometric_alone: false,
        };
        assert_eq!(demo.check(true), Ok(()));
        assert!(demo.check(false).is_err() && demo.accepts(&face, None));
    }

    #[test]
    fn stale_evidence_does_not_count() {
        let policy = policy();
        let rule = policy.rule(&acr("urn:whorl:acr:password")).expect("there");
        let evidence = [matched(FactorKind::Password)];
        assert!(rule.is_reached(&evidence, Some(NOW)));
        assert!(!rule.is_reached(&evidence, Some(NOW + Duration::seconds(1))));
    }

    #[test]
    fn a_rule_that_would_be_unsafe_is_refused() {
        let rule = |any_of: Vec<Vec<FactorKind>>| Rule {
            name: acr("urn:x"),
            any_of,
            least_capture: Capture::LiveBrowser,
            biometric_alone: false,
        };
        let face = FactorKind::Face;
        assert_eq!(
            rule(vec![vec![face]]).check(false),
            Err(PolicyError::BiometricAlone(acr("urn:x")))
        );
        let both = vec![vec![face, FactorKind::Fingerprint]];
        assert_eq!(
            rule(both).check(false),
            Err(PolicyError::BiometricAlone(acr("urn:x")))
        );
        assert_eq!(
            rule(vec![vec![]]).check(false),
            Err(PolicyError::Empty(acr("urn:x")))
        );
        assert_eq!(
            rule(vec![vec![FactorKind::Passkey, face]]).check(false),
            Ok(())
        );
        let uploads = Rule {
            least_capture: Capture::Uploaded,
            ..rule(vec![vec![FactorKind::Passkey]])
        };
        assert_eq!(
            uploads.check(true),
            Err(PolicyError::Uploaded(acr("urn:x")))
        );
    }

    fn any_factor() -> impl Strategy<Value = FactorKind> {
        prop::sample::select(FactorKind::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_failed_factor_never_raises_the_result(passed in prop::collection::vec(any_factor(), 0..4), failed in any_factor()) {
            for rule in &policy().acr {
                let mut evidence: Vec<_> = passed.iter().map(|f| matched(*f)).collect();
                let before = rule.is_reached(&evidence, None);
                evidence.push(Evidence::no_match(failed, NOW));
                prop_assert_eq!(before, rule.is_reached(&evidence, None));
            }
        }

        #[test]
        fn face_and_finger_alone_reach_nothing(order in any::<bool>()) {
            let mut evidence = vec![matched(FactorKind::Face), matched(FactorKind::Fingerprint)];
            if order { evidence.reverse(); }
            for rule in &policy().acr {
                prop_assert!(!rule.is_reached(&evidence, None));
            }
        }
    }
}
