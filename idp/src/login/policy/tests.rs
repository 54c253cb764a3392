//! What holds of every policy, whatever the evidence and the circumstances; and what single rules do.

mod random;

use std::collections::BTreeSet;

use matcher::fusion;
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use wire::{CredentialId, FactorKind};

use self::random::any_policy;
use super::replay::{Fate, Past, Turn};
use super::*;
use crate::config::Config;
use crate::factors::{Evidence, Gate, Outcome};
use crate::oidc::amr::Amr;
use crate::store::tests::NOW;

const FACE: FactorKind = FactorKind::Face;
const FINGER: FactorKind = FactorKind::Fingerprint;
const PASSKEY: FactorKind = FactorKind::Passkey;

fn policy() -> Policy {
    Config::from_toml("").expect("defaults").policy
}

/// A policy with everything in it.
fn rich() -> Policy {
    parse(
        r#"
        default_acr = "urn:x:one"
        unknown_risk = "medium"
        [[acr]]
        name = "urn:x:one"
        any_of = [["password"], ["passkey"]]
        [[acr]]
        name = "urn:x:two"
        names = ["http://idmanagement.gov/ns/assurance/aal/2"]
        any_of = [["passkey"], ["password", "totp"]]
        max_age_s = { totp = 300 }
        [[acr]]
        name = "urn:x:body"
        any_of = [["passkey", "face", "fingerprint"], ["passkey", "face"]]
        false_match_rate = 5e-5
        max_age_s = { face = 60, fingerprint = 60 }
        [[acr]]
        name = "urn:x:hard"
        names = ["phr", "phrh", "http://idmanagement.gov/ns/assurance/aal/3"]
        any_of = [["passkey"]]
        hardware_bound = true
        [[group]]
        name = "admins"
        members = ["ada"]
        [[condition]]
        name = "admins"
        groups = ["admins"]
        low = "step_up"
        high = "deny"
        step_up_to = "urn:x:two"
        [[condition]]
        name = "away"
        outside = ["10.0.0.0/8"]
        medium = "step_up"
        step_up_to = "urn:x:body"
        [[condition]]
        name = "payroll"
        clients = ["payroll"]
        low = "step_up"
        max_age_s = 120
        high = "deny"
        "#,
    )
}

fn parse(toml: &str) -> Policy {
    let policy: Policy = toml::from_str(toml).expect("a policy");
    assert_eq!(policy.faults(false), [], "{toml}");
    policy
}

fn acr(text: &str) -> Acr {
    Acr::parse(text).expect("an acr")
}

fn matched(factor: FactorKind) -> Evidence {
    let amr = (factor == PASSKEY).then_some(Amr::Hwk);
    let mut evidence = Evidence::matched(factor, amr, CredentialId(uuid::Uuid::nil()), NOW);
    evidence.capture = is_biometric(factor).then_some(Capture::LiveBrowser);
    evidence
}

/// A comparison with a raw score of the comparator in use; the outcome at a false match rate of 1e-4.
fn scored(factor: FactorKind, score: f64) -> Evidence {
    let calibration = match factor {
        FactorKind::Face => matcher::face::CALIBRATION,
        _ => matcher::fingerprint::CALIBRATION,
    };
    let outcome = match calibration.false_match_rate(score) <= 1e-4 {
        true => Outcome::Match,
        false => Outcome::NoMatch,
    };
    Evidence {
        outcome,
        llr: Some(calibration.llr(score)),
        weight: calibration.weigh(score),
        ..matched(factor)
    }
}

fn now() -> Moment {
    Moment::at(NOW)
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
        let targets = policy.targets(&asked, client.map_or(&[], std::slice::from_ref), &profile);
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
fn another_name_of_a_rule_reaches_it_and_is_told() {
    let policy = rich();
    let asked = AcrRequest::Essential(vec![acr("phr")]);
    let targets = policy.targets(&asked, &[], &ClientProfile::default());
    let expected = Target {
        acr: acr("urn:x:hard"),
        told: Some(acr("phr")),
    };
    assert_eq!(targets, [expected]);
}

#[test]
fn an_uploaded_sample_counts_for_the_demonstration_alone() {
    let policy = policy();
    let rule = policy.rule(&acr("urn:whorl:acr:biometric")).expect("there");
    let mut face = matched(FACE);
    assert!(rule.accepts(&face, now()));
    face.capture = Some(Capture::Uploaded);
    assert!(!rule.accepts(&face, now()));
    face.capture = None;
    assert!(
        !rule.accepts(&face, now()),
        "a biometric that came in no known way"
    );
}

#[test]
fn a_pack_without_attack_networks_counts_for_the_demonstration_alone() {
    let mut face = matched(FACE);
    face.demonstration = true;
    for rule in &policy().acr {
        assert!(!rule.accepts(&face, now()), "{}", rule.name);
    }
    let demo = parse_rule(
        "name = \"urn:whorl:acr:demo\"\nany_of = [[\"face\"]]\nleast_capture = \"uploaded\"",
    );
    assert_eq!(demo.faults(true), []);
    assert!(!demo.faults(false).is_empty() && demo.accepts(&face, now()));
}

fn parse_rule(toml: &str) -> Rule {
    toml::from_str(toml).expect("a rule")
}

#[test]
fn stale_evidence_does_not_count() {
    let policy = policy();
    let rule = policy.rule(&acr("urn:whorl:acr:password")).expect("there");
    let evidence = [matched(FactorKind::Password)];
    let since = |since| Moment {
        since: Some(since),
        now: NOW,
    };
    assert!(rule.is_reached(&evidence, since(NOW)));
    assert!(!rule.is_reached(&evidence, since(NOW + Duration::seconds(1))));
}

#[test]
fn a_factor_older_than_its_rule_takes_is_asked_for_again() {
    let policy = rich();
    let rule = policy.rule(&acr("urn:x:two")).expect("there");
    let evidence = [matched(FactorKind::Password), matched(FactorKind::Totp)];
    let later = |s| Moment::at(NOW + Duration::seconds(s));
    assert!(rule.is_reached(&evidence, later(300)));
    assert_eq!(
        rule.missing(&evidence, later(301)),
        [vec![PASSKEY], vec![FactorKind::Totp]]
    );
    assert_eq!(rule.standing(&evidence[1], later(301)), Standing::TooOld);
}

#[test]
fn a_rule_that_would_be_unsafe_is_refused() {
    let faults = |toml: &str| parse_rule(&format!("name = \"urn:x\"\n{toml}")).faults(false);
    assert_eq!(
        faults("any_of = [[\"face\"]]"),
        [PolicyError::BiometricAlone(acr("urn:x"))]
    );
    assert_eq!(
        faults("any_of = [[\"face\", \"fingerprint\"]]"),
        [PolicyError::BiometricAlone(acr("urn:x"))]
    );
    assert_eq!(faults("any_of = [[]]"), [PolicyError::Empty(acr("urn:x"))]);
    assert_eq!(faults("any_of = []"), [PolicyError::Empty(acr("urn:x"))]);
    assert_eq!(
        faults("any_of = [[\"totp\", \"totp\"]]"),
        [PolicyError::Repeated(acr("urn:x"))]
    );
    assert_eq!(faults("any_of = [[\"passkey\", \"face\"]]"), []);
    assert_eq!(
        faults("any_of = [[\"passkey\"]]\nleast_capture = \"uploaded\""),
        [PolicyError::Uploaded(acr("urn:x"))]
    );
    for rate in ["0.0", "0.011", "-1e-4", "nan"] {
        assert_eq!(
            faults(&format!(
                "any_of = [[\"passkey\"]]\nfalse_match_rate = {rate}"
            )),
            [PolicyError::Rate(acr("urn:x"), "false_match_rate")],
            "{rate}"
        );
    }
}

#[test]
fn no_rule_is_called_what_it_is_not() {
    let faults = |name: &str, ways: &str, more: &str| {
        let rule = parse_rule(&format!("name = \"{name}\"\nany_of = {ways}\n{more}"));
        let faults = rule.faults(false);
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let aal = |level: u8| format!("http://idmanagement.gov/ns/assurance/aal/{level}");
    let (password, otp) = ("[[\"password\"]]", "[[\"password\", \"totp\"]]");
    assert_eq!(faults(&aal(1), password, ""), "");
    assert!(faults(&aal(2), password, "").contains("password shows one kind of factor alone"));
    assert_eq!(faults(&aal(2), otp, ""), "");
    // A biometric is worth something beside what is held, and to no level otherwise.
    let alone = "biometric_alone = true";
    for (level, ways) in [
        (1, "[[\"face\"]]"),
        (1, "[[\"password\"], [\"face\", \"fingerprint\"]]"),
        (2, "[[\"password\", \"face\"]]"),
        (2, "[[\"passkey\"], [\"password\", \"fingerprint\"]]"),
    ] {
        let told = faults(&aal(level), ways, alone);
        assert!(
            told.contains("takes a biometric beside nothing that is held"),
            "{ways}: {told}"
        );
        assert_eq!(
            faults("urn:x", ways, alone),
            "",
            "an own name promises nothing"
        );
    }
    for (level, ways) in [
        (1, "[[\"totp\", \"face\"]]"),
        (2, "[[\"totp\", \"fingerprint\"]]"),
    ] {
        assert_eq!(faults(&aal(level), ways, alone), "");
    }
    assert!(faults("phr", otp, "").contains("has no passkey"));
    assert_eq!(faults("phr", "[[\"passkey\"]]", ""), "");
    assert!(faults("phrh", "[[\"passkey\"]]", "").contains("hardware_bound"));
    assert_eq!(
        faults(&aal(3), "[[\"passkey\"]]", "hardware_bound = true"),
        ""
    );
}

#[test]
fn what_a_policy_says_of_circumstances_must_hold_together() {
    let with = |more: &str| {
        let toml = format!(
            "default_acr = \"urn:x\"\n{more}\n[[acr]]\nname = \"urn:x\"\nany_of = [[\"passkey\"]]\n"
        );
        let policy: Policy = toml::from_str(&toml).expect("a policy");
        policy.faults(false)
    };
    let condition = |rest: &str| with(&format!("[[condition]]\nname = \"c\"\n{rest}"));
    let c = || "c".to_owned();
    assert_eq!(condition("high = \"deny\""), []);
    assert_eq!(
        condition("medium = \"deny\"\nhigh = \"allow\""),
        [PolicyError::ConditionFalls(c())]
    );
    assert_eq!(condition(""), [PolicyError::ConditionIdle(c())]);
    assert_eq!(
        condition("low = \"step_up\""),
        [PolicyError::ConditionStep(c())]
    );
    assert_eq!(
        condition("low = \"step_up\"\nstep_up_to = \"urn:y\""),
        [PolicyError::ConditionAcr(c(), acr("urn:y"))]
    );
    assert_eq!(
        condition("high = \"deny\"\ngroups = [\"g\"]"),
        [PolicyError::ConditionGroup(c(), "g".into())]
    );
    assert_eq!(
        with("unknown_risk = \"unknown\""),
        [PolicyError::UnknownRisk]
    );
    let twice = "[[condition]]\nname = \"c\"\nhigh = \"deny\"\n".repeat(2);
    assert_eq!(with(&twice), [PolicyError::ConditionTwice(c())]);
}

#[test]
fn a_face_and_a_finger_that_would_not_do_alone_do_together() {
    let policy = rich();
    let rule = policy.rule(&acr("urn:x:body")).expect("there");
    let (face, finger) = (scored(FACE, 0.40), scored(FINGER, 2.9));
    assert!(face.outcome == Outcome::NoMatch && finger.outcome == Outcome::NoMatch);
    let reached = |evidence: &[Evidence]| rule.is_reached(evidence, now());
    assert!(!reached(&[matched(PASSKEY), face.clone()]));
    let both = [matched(PASSKEY), face.clone(), finger.clone()];
    assert!(reached(&both));
    assert_eq!(rule.counted(&both, now()).len(), 3);
    assert!(
        !reached(&[face.clone(), finger.clone()]),
        "nothing that they hold"
    );
    // Each must pass the floor by itself: a perfect face does not carry a finger that does not.
    let perfect = scored(FACE, 0.9);
    for score in [-2.0, -5.0] {
        let poor = scored(FINGER, score);
        assert_eq!(poor.weight, None);
        let evidence = [matched(PASSKEY), perfect.clone(), poor];
        assert_eq!(rule.missing(&evidence, now())[0], [FINGER]);
    }
    // What attack detection stopped is carried by nothing.
    let mut spoofed = scored(FINGER, 5.0);
    (spoofed.gate, spoofed.outcome) = (Some(Gate::PresentationAttack), Outcome::NoMatch);
    assert_eq!(
        rule.missing(&[matched(PASSKEY), perfect, spoofed], now())[0],
        [FINGER]
    );
    // Too little of both: what is not sure by itself is asked for again.
    let evidence = [matched(PASSKEY), scored(FACE, 0.28), scored(FINGER, 0.0)];
    assert_eq!(rule.missing(&evidence, now())[0], [FACE, FINGER]);
}

#[test]
fn two_that_do_alone_do_together() {
    let sure = |c: &matcher::score::Calibration, from: f64| {
        (0..4000)
            .map(|i| from + f64::from(i) * 0.005)
            .find(|s| c.false_match_rate(*s) <= 1e-4)
            .expect("validated")
    };
    let face = scored(FACE, sure(&matcher::face::CALIBRATION, -1.0));
    let finger = scored(FINGER, sure(&matcher::fingerprint::CALIBRATION, -10.0));
    let (Some(x), Some(y)) = (&face.weight, &finger.weight) else {
        panic!("both pass the floor");
    };
    assert!(fusion::false_match_rate(&[x, y]) <= 1e-6);
}

#[test]
fn a_rule_can_want_a_biometric_to_be_surer_than_its_factor_does() {
    let policy = rich();
    let rule = policy.rule(&acr("urn:x:body")).expect("there");
    let rate = |e: &Evidence| {
        e.weight
            .as_ref()
            .map(|w| w.false_match_rate())
            .expect("a weight")
    };
    let (just, sure) = (scored(FACE, 0.42), scored(FACE, 0.5));
    assert!(rate(&just) <= 1e-4 && rate(&just) > 5e-5 && rate(&sure) <= 5e-5);
    assert_eq!(rule.standing(&just, now()), Standing::Adds);
    assert_eq!(rule.standing(&sure, now()), Standing::Counts);
    let mut unweighed = sure;
    unweighed.weight = None;
    assert_eq!(rule.standing(&unweighed, now()), Standing::Rate);
}

#[test]
fn a_key_that_may_be_copied_is_none_where_hardware_is_asked_for() {
    let policy = rich();
    let rule = policy.rule(&acr("phrh")).expect("there");
    let mut passkey = matched(PASSKEY);
    assert!(rule.accepts(&passkey, now()));
    passkey.amr = [Amr::Swk].into();
    assert_eq!(rule.standing(&passkey, now()), Standing::Copied);
}

#[test]
fn what_is_not_known_of_somebody_applies() {
    let policy = rich();
    let demand = |circumstances: &Circumstances| {
        let demand = policy.demand(&acr("urn:x:one"), circumstances);
        let applied = demand.expect("a rule").applied;
        applied.into_iter().map(|a| a.condition).collect::<Vec<_>>()
    };
    let home = Circumstances {
        client: "app".into(),
        groups: Some(BTreeSet::new()),
        address: "10.1.2.3".parse().ok(),
        risk: RiskBand::Low,
        trusted_device: false,
    };
    assert!(demand(&home).is_empty());
    let nobody = Circumstances {
        groups: None,
        ..home.clone()
    };
    assert_eq!(demand(&nobody), ["admins"]);
    let unscored = Circumstances {
        risk: RiskBand::Unknown,
        address: None,
        ..home.clone()
    };
    assert_eq!(demand(&unscored), ["away"]);
    let mapped = Circumstances {
        address: "::ffff:10.1.2.3".parse().ok(),
        ..unscored
    };
    assert!(demand(&mapped).is_empty());
}

fn past(evidence: Vec<Evidence>, enrolled: &[FactorKind], reached: Option<&str>) -> Past {
    Past {
        asked: AcrRequest::Any,
        targets: vec![Target {
            acr: acr("urn:x:one"),
            told: None,
        }],
        default_acr: acr("urn:x:one"),
        circumstances: Circumstances {
            client: "app".into(),
            groups: Some(BTreeSet::new()),
            address: "10.0.0.1".parse().ok(),
            risk: RiskBand::Low,
            trusted_device: false,
        },
        evidence,
        enrolled: enrolled.to_vec(),
        seen: Default::default(),
        probability: None,
        recent: Default::default(),
        seen_again: false,
        since: None,
        at: NOW,
        reached: reached.map(acr),
    }
}

#[test]
fn the_past_is_judged_by_another_policy() {
    let (today, mut stricter) = (rich(), rich());
    stricter.default_acr = acr("urn:x:two");
    let password = || vec![matched(FactorKind::Password)];
    let has_totp = past(
        password(),
        &[FactorKind::Password, FactorKind::Totp],
        Some("urn:x:one"),
    );
    assert_eq!(today.turn(&has_totp), Turn::Same);
    assert_eq!(stricter.turn(&has_totp), Turn::SteppedUp);
    assert_eq!(
        stricter.fate(&has_totp),
        Fate::SteppedUp {
            acr: acr("urn:x:two"),
            missing: vec![FactorKind::Totp]
        }
    );
    let has_none = past(password(), &[FactorKind::Password], Some("urn:x:one"));
    assert_eq!(stricter.turn(&has_none), Turn::Refused);
    let by_passkey = past(vec![matched(PASSKEY)], &[PASSKEY], Some("urn:x:one"));
    assert_eq!(stricter.turn(&by_passkey), Turn::OtherAcr);
    let refused = past(password(), &[FactorKind::Password], None);
    assert_eq!(today.turn(&refused), Turn::Admitted);
    assert_eq!(stricter.turn(&refused), Turn::Same);
    let mut away = has_totp;
    away.circumstances.risk = RiskBand::High;
    away.circumstances.client = "payroll".into();
    assert_eq!(today.turn(&away), Turn::Refused);
    let kept = serde_json::to_value(&away).expect("writes");
    let read: Past = serde_json::from_value(kept).expect("reads");
    assert_eq!(today.fate(&read), today.fate(&away));
}

#[test]
fn what_wants_a_sensor_that_nobody_has_refuses_and_steps_nobody_up() {
    let sensor = |ways: &str| {
        parse(&format!(
            "default_acr = \"urn:x:one\"\n[[acr]]\nname = \"urn:x:one\"\nany_of = {ways}\nleast_capture = \"signed_sensor\""
        ))
    };
    let enrolled = [PASSKEY, FACE, FactorKind::Totp];
    let live = || {
        past(
            vec![matched(PASSKEY), matched(FACE)],
            &enrolled,
            Some("urn:x:one"),
        )
    };
    let strict = sensor("[[\"passkey\", \"face\"]]");
    let demand = strict.demand(&acr("urn:x:one"), &live().circumstances);
    assert_eq!(
        demand.expect("a rule").missing(&live().evidence, now()),
        [[FACE]]
    );
    assert_eq!(strict.turn(&live()), Turn::Refused);
    // Where another way is left, that one is asked for.
    let with_another = sensor("[[\"passkey\", \"face\"], [\"passkey\", \"totp\"]]");
    assert_eq!(
        with_another.fate(&live()),
        Fate::SteppedUp {
            acr: acr("urn:x:one"),
            missing: vec![FactorKind::Totp]
        }
    );
    let mut signed = live();
    signed.evidence[1].capture = Some(Capture::SignedSensor);
    assert_eq!(strict.turn(&signed), Turn::Same);
}

fn any_factor() -> impl Strategy<Value = FactorKind> {
    prop::sample::select(FactorKind::ALL.to_vec())
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let age = 0i64..1200;
    let biometric = prop_oneof![Just(FACE), Just(FINGER)];
    let compared = (biometric, 0.0f64..1.0, prop::bool::weighted(0.2)).prop_map(
        |(factor, share, is_gated)| {
            let score = if factor == FACE {
                -0.2 + share
            } else {
                -8.0 + 18.0 * share
            };
            let mut evidence = scored(factor, score);
            if is_gated {
                evidence.gate = Some(Gate::PresentationAttack);
                evidence.outcome = Outcome::NoMatch;
            }
            evidence
        },
    );
    let plain = (any_factor(), any::<bool>()).prop_map(|(factor, is_key)| {
        let mut evidence = matched(factor);
        if !is_key {
            evidence.amr.clear();
        }
        evidence
    });
    (prop_oneof![compared, plain], age).prop_map(|(mut evidence, age)| {
        evidence.at = NOW - Duration::seconds(age);
        evidence
    })
}

fn any_circumstances() -> impl Strategy<Value = Circumstances> {
    let client = prop::sample::select(vec!["app", "payroll"]);
    let groups = prop::sample::select(vec![None, Some(vec![]), Some(vec!["admins".to_owned()])]);
    let address = prop::sample::select(vec![None, Some("10.0.0.1"), Some("192.0.2.7")]);
    let places = (address, any::<bool>());
    (client, groups, places, any_band()).prop_map(
        |(client, groups, (address, trusted_device), risk)| Circumstances {
            trusted_device,
            client: client.to_owned(),
            groups: groups.map(|groups| groups.into_iter().collect()),
            address: address.and_then(|text: &str| text.parse().ok()),
            risk,
        },
    )
}

fn any_band() -> impl Strategy<Value = RiskBand> {
    use RiskBand::{High, Low, Medium, Unknown};
    prop::sample::select(vec![Unknown, Low, Medium, High])
}

/// Of every acr of the default policy, of the rich one and of another: whether the evidence reaches it.
fn reached(other: &Policy, evidence: &[Evidence], circumstances: &Circumstances) -> Vec<bool> {
    let of_each = |policy: &Policy| -> Vec<Demand> {
        let of = |rule: &Rule| policy.demand(&rule.name, circumstances).expect("a rule");
        policy.acr.iter().map(of).collect()
    };
    let (usual, rich) = (policy(), rich());
    let all = [&usual, &rich, other].into_iter().flat_map(of_each);
    all.map(|demand| {
        let reached = demand.is_reached(evidence, now());
        let missing = demand.missing(evidence, now());
        assert_eq!(reached, missing.iter().any(Vec::is_empty), "{demand:?}");
        reached
    })
    .collect()
}

fn many() -> impl Strategy<Value = Vec<Evidence>> {
    prop::collection::vec(any_evidence(), 0..6)
}

/// Everything that somebody can show without holding anything, each of it as good as it gets.
fn unheld() -> Vec<Evidence> {
    let live = [
        matched(FactorKind::Password),
        matched(FACE),
        matched(FINGER),
        scored(FACE, 0.9),
        scored(FINGER, 9.0),
    ];
    let signed = live.clone().map(|evidence| Evidence {
        capture: evidence.capture.map(|_| Capture::SignedSensor),
        ..evidence
    });
    live.into_iter().chain(signed).collect()
}

proptest! {
    /// Failed is what does not match and does not pass the floor, or was stopped by attack detection or quality.
    #[test]
    fn a_failed_factor_never_raises_the_result(
        other in any_policy(), shown in many(), failed in any_evidence(), how in 0..3, circumstances in any_circumstances(),
    ) {
        let before = reached(&other, &shown, &circumstances);
        let failed = match how {
            0 => Evidence::no_match(failed.factor, NOW),
            1 => Evidence::unusable(failed.factor, "again", NOW),
            _ => Evidence { gate: Some(Gate::PresentationAttack), outcome: Outcome::NoMatch, ..failed },
        };
        let mut more = shown;
        more.push(failed);
        prop_assert_eq!(before, reached(&other, &more, &circumstances));
    }

    #[test]
    fn more_evidence_never_lowers_the_result(
        other in any_policy(), shown in many(), another in any_evidence(), circumstances in any_circumstances(),
    ) {
        let before = reached(&other, &shown, &circumstances);
        let mut more = shown;
        more.push(another);
        for (before, after) in before.into_iter().zip(reached(&other, &more, &circumstances)) {
            prop_assert!(after || !before);
        }
    }

    #[test]
    fn more_risk_never_lowers_the_demand(
        mut other in any_policy(), shown in many(), circumstances in any_circumstances(), bands in (any_band(), any_band()),
    ) {
        // As in the two others, so that one order of the bands holds for all.
        other.unknown_risk = RiskBand::Medium;
        let with = |risk| reached(&other, &shown, &Circumstances { risk, ..circumstances.clone() });
        let scored = |band: RiskBand| if band == RiskBand::Unknown { RiskBand::Medium } else { band };
        let (less, more) = if scored(bands.0) <= scored(bands.1) { bands } else { (bands.1, bands.0) };
        for (at_less, at_more) in with(less).into_iter().zip(with(more)) {
            prop_assert!(at_less || !at_more, "{:?} {:?}", less, more);
        }
    }

    /// Whatever the circumstances, they never ask for less than the rule does by itself.
    #[test]
    fn circumstances_only_ever_ask_for_more(
        other in any_policy(), shown in many(), circumstances in any_circumstances(),
    ) {
        for policy in [rich(), other] {
            for rule in &policy.acr {
                let demand = policy.demand(&rule.name, &circumstances).expect("a rule");
                prop_assert!(rule.is_reached(&shown, now()) || !demand.is_reached(&shown, now()));
            }
        }
    }

    #[test]
    fn face_and_finger_are_never_two_kinds(
        other in any_policy(), scores in (0.3f64..0.9, 0.0f64..9.0), circumstances in any_circumstances(),
    ) {
        prop_assert_eq!(kinds(&[FACE, FINGER]), 1);
        let body = [scored(FACE, scores.0), scored(FINGER, scores.1), matched(FACE), matched(FINGER)];
        let unheld = unheld();
        for policy in [policy(), rich(), other] {
            for rule in &policy.acr {
                let demand = policy.demand(&rule.name, &circumstances).expect("a rule");
                let names = || std::iter::once(&rule.name).chain(&rule.names).map(Acr::as_str);
                // The second level and what is above it: neither a body, nor a body beside a password.
                if names().any(|name| [AAL2, AAL3, "phr", "phrh"].contains(&name)) {
                    prop_assert!(!demand.is_reached(&body, now()) && !demand.is_reached(&unheld, now()), "{:?}", rule);
                }
                if !rule.biometric_alone {
                    prop_assert!(!demand.is_reached(&body, now()), "{:?}", rule);
                }
            }
        }
        // Beside a password they stay one kind that is not held, whatever a rule with both would say.
        let rule = parse_rule("name = \"urn:x\"\nany_of = [[\"face\", \"fingerprint\"]]");
        prop_assert!(!rule.faults(false).is_empty());
    }

    /// Every acr that is granted has a way all of whose factors were fresh, by the rule's measure and by the condition's,
    /// and were proved, each by itself or as one of two biometrics.
    #[test]
    fn no_acr_is_granted_whose_factors_were_not_fresh(
        other in any_policy(), shown in many(), circumstances in any_circumstances(), since in prop::option::of(0i64..1200),
    ) {
        let at = Moment { since: since.map(|age| NOW - Duration::seconds(age)), now: NOW };
        for policy in [rich(), other] {
            for rule in &policy.acr {
                let demand = policy.demand(&rule.name, &circumstances).expect("a rule");
                if !demand.is_reached(&shown, at) {
                    continue;
                }
                for rule in demand.rules() {
                    let oldest = |factor: FactorKind| -> OffsetDateTime {
                        let own = rule.max_age_s.get(&factor).map(|s| Duration::seconds((*s).into()));
                        let ages = own.into_iter().chain(demand.max_age).map(|age| NOW - age);
                        ages.chain(at.since).max().unwrap_or(OffsetDateTime::UNIX_EPOCH)
                    };
                    let is_proof = |e: &Evidence, of_two: bool| {
                        e.outcome == Outcome::Match || (of_two && e.weight.is_some() && e.gate.is_none())
                    };
                    let is_reached = rule.any_of.iter().any(|way| {
                        let of_two = way.contains(&FACE) && way.contains(&FINGER);
                        way.iter().all(|factor| shown.iter().any(|e| {
                            e.factor == *factor && e.at >= oldest(*factor) && is_proof(e, of_two)
                        }))
                    });
                    prop_assert!(is_reached, "{} {:?}", rule.name, shown);
                }
            }
        }
    }
}

#[test]
fn an_essential_method_opens_the_acrs_that_have_it_and_ask_for_no_less() {
    let rules = r#"
        default_acr = "urn:x:one"
        [[acr]]
        name = "urn:x:one"
        any_of = [["password"], ["passkey"]]
        [[acr]]
        name = "urn:x:token"
        any_of = [["totp"]]
        [[acr]]
        name = "urn:x:two"
        any_of = [["passkey"], ["password", "totp"]]
        [[acr]]
        name = "urn:x:body"
        any_of = [["passkey", "face"]]
    "#;
    let policy = parse(rules);
    let acrs = |names: &[&str]| names.iter().filter_map(|name| Acr::parse(name)).collect();
    let open = |methods: &[&str], asked: AcrRequest, without: Option<FactorKind>| {
        let mut available = FactorKind::ALL.to_vec();
        available.retain(|factor| Some(*factor) != without);
        let methods = methods.iter().copied().collect();
        let targets = policy.targets(&asked, &[], &ClientProfile::default());
        let found = policy.giving(&methods, &available, &asked, targets);
        let found = found.iter().map(|target| target.acr.to_string());
        found.collect::<Vec<_>>().join(" ")
    };
    use AcrRequest::{Any, Essential, Voluntary};
    // The one-time password alone would be less than the usual password.
    assert_eq!(open(&["otp"], Any, None), "urn:x:two");
    assert_eq!(open(&["mfa"], Any, None), "urn:x:two urn:x:body");
    assert_eq!(open(&["face", "otp"], Any, None), "urn:x:two urn:x:body");
    assert_eq!(open(&["face", "otp"], Any, Some(FACE)), "urn:x:two");
    assert_eq!(open(&["pwd"], Any, None), "urn:x:one urn:x:two");
    // Asked for by name it is what was asked for; a voluntary acr that lacks the method gives way.
    let token = Essential(acrs(&["urn:x:token"]));
    assert_eq!(open(&["otp"], token, None), "urn:x:token");
    let one = Voluntary(acrs(&["urn:x:one"]));
    assert_eq!(open(&["otp"], one, None), "urn:x:two");
    // What excludes each other, what no factor gives and what nobody ever heard of.
    let one = Essential(acrs(&["urn:x:one"]));
    assert_eq!(open(&["otp"], one, None), "");
    assert_eq!(open(&["iris"], Any, None), "");
    assert_eq!(open(&["nonsense"], Any, None), "");
}

const AAL2: &str = "http://idmanagement.gov/ns/assurance/aal/2";
const AAL3: &str = "http://idmanagement.gov/ns/assurance/aal/3";
