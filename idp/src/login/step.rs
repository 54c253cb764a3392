//! The login state machine: what comes next, as a pure and total function.
//!
//! [`advance`] looks at the attempt, the demand it is held to, and what the subject has enrolled, and names
//! the next step. It decides nothing about proofs: they are `Evidence` by then. Before the first proof the
//! steps are the same for a name that exists and one that does not.

use time::OffsetDateTime;
use wire::FactorKind;

use super::attempt::{Attempt, Consent};
use super::policy::Demand;
use crate::oidc::error::AuthorizationError;
use crate::oidc::prompt::Prompt;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Say how to register, since the client asks for that (`prompt=create`).
    Register,
    /// Ask whether it is the account that is signed in, or another (`prompt=select_account`).
    SelectAccount,
    /// Ask the browser for the key that it keeps, and the person for nothing.
    Recognise,
    /// Ask who it is.
    Identify,
    /// Ask which of these to use.
    Choose(Vec<FactorKind>),
    /// Ask for a proof; `others` are what could be used instead.
    Challenge {
        factor: FactorKind,
        others: Vec<FactorKind>,
    },
    /// Ask whether the client may see what it asks for.
    Consent,
    /// Admit.
    Finish,
    /// Refuse, and tell the client.
    Deny(AuthorizationError),
}

/// What [`advance`] is told besides the attempt.
pub struct Facts<'a> {
    pub demand: &'a Demand,
    /// What this deployment offers.
    pub available: &'a [FactorKind],
    /// What the subject has enrolled; empty where there is no such subject.
    pub enrolled: &'a [FactorKind],
    /// Whether the client has the subject's consent for all that it asks.
    pub has_consent: bool,
    pub now: OffsetDateTime,
}

/// Names the next step of an attempt.
#[must_use]
pub fn advance(attempt: &Attempt, facts: &Facts) -> Step {
    if attempt.consent == Consent::Denied {
        return Step::Deny(AuthorizationError::AccessDenied);
    }
    let step = next(attempt, facts);
    // OIDC Core §3.1.2.1: with prompt=none nothing may be shown, and the error says what would have been.
    if !attempt.request.prompt.contains(Prompt::None) {
        return step;
    }
    match step {
        Step::Identify
        | Step::Choose(_)
        | Step::Challenge { .. }
        | Step::Register
        | Step::SelectAccount
        | Step::Recognise => Step::Deny(AuthorizationError::LoginRequired),
        Step::Consent => Step::Deny(AuthorizationError::ConsentRequired),
        Step::Finish | Step::Deny(_) => step,
    }
}

fn next(attempt: &Attempt, facts: &Facts) -> Step {
    let due = |prompt| attempt.request.prompt.contains(prompt) && !attempt.passed.contains(&prompt);
    // Initiating User Registration §4: registration comes before anything else.
    if due(Prompt::Create) {
        return Step::Register;
    }
    // OIDC Core §3.1.2.1: where nobody is signed in, typing a name is choosing.
    if due(Prompt::SelectAccount) && attempt.session.is_some() {
        return Step::SelectAccount;
    }
    // The policy says no, whatever could be shown.
    if facts.demand.is_denied {
        return Step::Deny(AuthorizationError::AccessDenied);
    }
    let at = attempt.moment(facts.now);
    let missing = facts.demand.missing(&attempt.evidence, at);
    if attempt.identity.is_some() && missing.iter().any(Vec::is_empty) {
        let asked_again = attempt.request.asks_consent_again();
        let consented = attempt.consent == Consent::Allowed
            || (!asked_again && (attempt.trusted || facts.has_consent));
        return if consented {
            Step::Finish
        } else {
            Step::Consent
        };
    }
    if attempt.identity.is_none() {
        return Step::Identify;
    }
    // Before the first proof everybody is offered what policy begins with, whatever they have enrolled.
    // Who was vouched for by another provider is known already.
    let proved = attempt.has_proof() || attempt.external.is_some();
    let mut offers: Vec<FactorKind> = Vec::new();
    for way in &missing {
        let can_finish = way
            .iter()
            .all(|f| facts.available.contains(f) && (!proved || facts.enrolled.contains(f)));
        // A way that the evidence has nothing to do with is not offered once something was proved, unless
        // nothing else is left.
        let Some(first) = way.first().filter(|_| can_finish) else {
            continue;
        };
        if !offers.contains(first) {
            offers.push(*first);
        }
    }
    let mut nearest = offers.clone();
    if proved {
        let shortest = missing.iter().map(Vec::len).min().unwrap_or(0);
        let near = |factor: &FactorKind| {
            missing
                .iter()
                .any(|way| way.len() == shortest && way.first() == Some(factor))
        };
        nearest.retain(near);
        if nearest.is_empty() {
            nearest.clone_from(&offers);
        }
        // Where nothing that was shown counts any more, the longer ways stay open beside the shortest, whose key may be
        // lost.
        if missing != facts.demand.missing(&[], at) {
            offers.clone_from(&nearest);
        }
    }
    // A list of one says that there is no other way: without it, whoever will not be filmed is led back to the camera.
    if attempt.choosing && !offers.is_empty() {
        return Step::Choose(offers);
    }
    let preferred = FactorKind::Password;
    let factor = attempt
        .chosen
        .filter(|factor| offers.contains(factor))
        .or_else(|| Some(preferred).filter(|factor| !proved && offers.contains(factor)))
        .or_else(|| nearest.first().copied());
    match factor {
        Some(factor) => challenge(factor, &offers),
        None => Step::Deny(AuthorizationError::UnmetAuthenticationRequirements),
    }
}

fn challenge(factor: FactorKind, offers: &[FactorKind]) -> Step {
    Step::Challenge {
        factor,
        others: offers.iter().copied().filter(|f| *f != factor).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::CredentialId;

    use super::*;
    use crate::config::Config;
    use crate::factors::{Capture, Evidence};
    use crate::login::attempt::Identity;
    use crate::login::policy::{Circumstances, Moment, Policy, is_biometric};
    use crate::login::tests::attempt;
    use crate::oidc::acr::Acr;
    use crate::store::tests::NOW;

    fn policy() -> Policy {
        Config::from_toml("").expect("defaults").policy
    }

    fn step(attempt: &Attempt, enrolled: &[FactorKind], has_consent: bool) -> Step {
        let policy = policy();
        let demand = policy
            .demand(&attempt.acr, &Circumstances::default())
            .expect("a rule");
        let facts = Facts {
            demand: &demand,
            available: &FactorKind::ALL,
            enrolled,
            has_consent,
            now: NOW,
        };
        advance(attempt, &facts)
    }

    fn matched(factor: FactorKind) -> Evidence {
        let mut evidence = Evidence::matched(factor, [], CredentialId(uuid::Uuid::nil()), NOW);
        evidence.capture = is_biometric(factor).then_some(Capture::LiveBrowser);
        evidence
    }

    fn named(subject: Option<u128>) -> Attempt {
        let mut attempt = attempt("urn:whorl:acr:mfa");
        let subject = subject.map(|n| wire::SubjectId(uuid::Uuid::from_u128(n)));
        attempt.identity = Some(Identity {
            username: "ada".into(),
            subject,
        });
        attempt
    }

    #[test]
    fn a_login_goes_from_name_to_password_to_second_factor_to_consent_to_the_end() {
        use FactorKind::{Password, Totp};
        assert_eq!(
            step(&attempt("urn:whorl:acr:mfa"), &[], false),
            Step::Identify
        );
        let mut attempt = named(Some(1));
        let enrolled = [Password, Totp];
        let others = vec![FactorKind::Passkey];
        assert_eq!(
            step(&attempt, &enrolled, false),
            Step::Challenge {
                factor: Password,
                others
            }
        );
        attempt.evidence.push(matched(Password));
        assert_eq!(
            step(&attempt, &enrolled, false),
            Step::Challenge {
                factor: Totp,
                others: vec![]
            }
        );
        attempt.evidence.push(matched(Totp));
        assert_eq!(step(&attempt, &enrolled, false), Step::Consent);
        assert_eq!(step(&attempt, &enrolled, true), Step::Finish);
        attempt.consent = Consent::Denied;
        assert_eq!(
            step(&attempt, &enrolled, true),
            Step::Deny(AuthorizationError::AccessDenied)
        );
    }

    #[test]
    fn an_unknown_name_is_asked_like_a_known_one() {
        for choosing in [false, true] {
            let (mut nobody, mut somebody) = (named(None), named(Some(1)));
            (nobody.choosing, somebody.choosing) = (choosing, choosing);
            assert_eq!(
                step(&nobody, &[], false),
                step(&somebody, &[FactorKind::Password], false)
            );
            assert_eq!(
                step(&nobody, &[], false),
                step(&somebody, &[FactorKind::Passkey], false)
            );
        }
    }

    #[test]
    fn who_wants_another_way_where_there_is_none_is_told_so() {
        use FactorKind::{Face, Passkey};
        let mut attempt = attempt("urn:whorl:acr:biometric");
        attempt.identity = named(Some(1)).identity;
        attempt.evidence.push(matched(Passkey));
        let asked = step(&attempt, &[Passkey, Face], true);
        let others = vec![];
        let camera = Step::Challenge {
            factor: Face,
            others,
        };
        assert_eq!(asked, camera);
        attempt.choosing = true;
        let told = step(&attempt, &[Passkey, Face], true);
        assert_eq!(told, Step::Choose(vec![Face]));
        attempt.choosing = false;
        attempt.chosen = Some(Face);
        assert_eq!(step(&attempt, &[Passkey, Face], true), camera);
    }

    #[test]
    fn a_password_with_nothing_beside_it_does_not_reach_two_factors() {
        let mut attempt = named(Some(1));
        attempt.evidence.push(matched(FactorKind::Password));
        let end = step(&attempt, &[FactorKind::Password], true);
        assert_eq!(
            end,
            Step::Deny(AuthorizationError::UnmetAuthenticationRequirements)
        );
    }

    #[test]
    fn a_client_can_ask_for_registration_and_for_a_choice_of_account() {
        let mut attempt = named(Some(1));
        attempt.evidence = vec![matched(FactorKind::Password), matched(FactorKind::Totp)];
        attempt.request.prompt =
            crate::oidc::prompt::Prompts::parse("create select_account").expect("prompts");
        attempt.session = Some(wire::SessionId(uuid::Uuid::nil()));
        assert_eq!(step(&attempt, &[], true), Step::Register);
        attempt.passed.insert(Prompt::Create);
        assert_eq!(step(&attempt, &[], true), Step::SelectAccount);
        let nobody = Attempt {
            session: None,
            ..attempt.clone()
        };
        assert_eq!(step(&nobody, &[], true), Step::Finish);
        attempt.passed.insert(Prompt::SelectAccount);
        assert_eq!(step(&attempt, &[], true), Step::Finish);
    }

    #[test]
    fn without_a_page_every_question_is_an_error() {
        let mut attempt = attempt("urn:whorl:acr:mfa");
        attempt.request.prompt = crate::oidc::prompt::Prompts::parse("none").expect("a prompt");
        assert_eq!(
            step(&attempt, &[], true),
            Step::Deny(AuthorizationError::LoginRequired)
        );
        attempt.identity = named(Some(1)).identity;
        attempt.evidence.push(matched(FactorKind::Passkey));
        assert_eq!(
            step(&attempt, &[], false),
            Step::Deny(AuthorizationError::ConsentRequired)
        );
        assert_eq!(step(&attempt, &[], true), Step::Finish);
    }

    proptest! {
        /// Whatever was proved in whatever order: the end is reached exactly when policy says so, and a
        /// factor that the subject lacks is never asked for after the first proof.
        #[test]
        fn the_end_is_reached_exactly_when_policy_is_met(
            passed in prop::collection::vec(prop::sample::select(FactorKind::ALL.to_vec()), 0..5),
            enrolled in prop::collection::vec(prop::sample::select(FactorKind::ALL.to_vec()), 0..5),
            acr in prop::sample::select(vec!["urn:whorl:acr:password", "urn:whorl:acr:mfa", "urn:whorl:acr:biometric"]),
            choosing in any::<bool>(),
            chosen in prop::option::of(prop::sample::select(FactorKind::ALL.to_vec())),
        ) {
            let mut attempt = named(Some(1));
            attempt.acr = Acr::parse(acr).expect("an acr");
            attempt.evidence = passed.iter().map(|f| matched(*f)).collect();
            attempt.choosing = choosing;
            attempt.chosen = chosen;
            let end = step(&attempt, &enrolled, true);
            let reached = policy().rule(&attempt.acr).expect("a rule").is_reached(&attempt.evidence, Moment::at(NOW));
            prop_assert_eq!(end == Step::Finish, reached);
            if let (Step::Challenge { factor, .. }, false) = (end, passed.is_empty()) {
                prop_assert!(enrolled.contains(&factor));
                prop_assert!(!passed.contains(&factor));
            }
        }
    }
}
