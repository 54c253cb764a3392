//! Policies by chance, each of which may be used.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use wire::FactorKind;

use super::super::{Action, Condition, Group, Policy, RiskBand, Rule, is_biometric};
use super::{AAL2, AAL3, acr};
use crate::factors::Capture;

/// A policy with some rules and conditions that hold together. What makes a fault is left out of it, so that nothing is
/// thrown away.
pub(super) fn any_policy() -> impl Strategy<Value = Policy> {
    let rules = prop::collection::vec((any_rule(), any_word()), 1..6);
    let conditions = prop::collection::vec(any_condition(), 0..5);
    let unknown = prop::sample::select(vec![RiskBand::Low, RiskBand::Medium, RiskBand::High]);
    (rules, conditions, unknown).prop_map(|(rules, conditions, unknown_risk)| {
        let mut policy = Policy {
            default_acr: acr("urn:r:0"),
            unknown_risk,
            history_days: 90,
            acr: Vec::new(),
            conditions: Vec::new(),
            groups: vec![Group {
                name: "admins".into(),
                members: BTreeSet::new(),
            }],
        };
        let mut words = BTreeSet::new();
        for (at, (mut rule, word)) in rules.into_iter().enumerate() {
            rule.name = acr(&format!("urn:r:{at}"));
            if !rule.faults(false).is_empty() {
                rule.any_of = vec![vec![FactorKind::Passkey]];
            }
            if let Some(word) = word.filter(|word| words.insert(*word)) {
                let word = acr(word);
                if rule.false_claims(&word).is_empty() {
                    rule.names.push(word);
                }
            }
            policy.acr.push(rule);
        }
        for (at, (mut condition, aims)) in conditions.into_iter().enumerate() {
            let rule = |at: usize| policy.acr[at % policy.acr.len()].name.clone();
            condition.name = format!("c{at}");
            condition.acr = aims.0.map(rule).into_iter().collect();
            condition.step_up_to = aims.1.map(rule);
            if condition.faults(&policy).is_empty() {
                policy.conditions.push(condition);
            }
        }
        assert_eq!(policy.faults(false), [], "{policy:?}");
        policy
    })
}

fn any_word() -> impl Strategy<Value = Option<&'static str>> {
    let aal1 = "http://idmanagement.gov/ns/assurance/aal/1";
    prop::option::of(prop::sample::select(vec![aal1, AAL2, AAL3, "phr", "phrh"]))
}

fn any_way() -> impl Strategy<Value = Vec<FactorKind>> {
    prop::sample::subsequence(FactorKind::ALL.to_vec(), 1..=3).prop_shuffle()
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let ages = prop::collection::btree_map(
        prop::sample::select(FactorKind::ALL.to_vec()),
        1u32..1200,
        0..4,
    );
    let captures = prop::sample::select(vec![Capture::LiveBrowser, Capture::SignedSensor]);
    let rates = (prop::option::of(-7.0f64..-2.0), -9.0f64..-2.0);
    (
        prop::collection::vec(any_way(), 1..4),
        (any::<bool>(), any::<bool>()),
        captures,
        rates,
        ages,
    )
        .prop_map(|(any_of, flags, least_capture, rates, max_age_s)| Rule {
            name: acr("urn:r"),
            names: Vec::new(),
            any_of,
            least_capture,
            biometric_alone: flags.0,
            false_match_rate: rates.0.map(|power| 10f64.powf(power)),
            fused_false_match_rate: 10f64.powf(rates.1),
            hardware_bound: flags.1,
            max_age_s,
        })
}

/// Which rule a condition speaks of, and which one it steps up to.
type Aims = (Option<usize>, Option<usize>);

fn any_condition() -> impl Strategy<Value = (Condition, Aims)> {
    let action = || prop::sample::select(vec![Action::Allow, Action::StepUp, Action::Deny]);
    let actions = (
        action(),
        prop::option::of(action()),
        prop::option::of(action()),
    );
    let nets = || {
        let some = vec!["10.0.0.0/8", "192.0.2.0/24"];
        prop::option::of(prop::sample::select(some))
    };
    let whom = (any::<bool>(), any::<bool>(), any::<bool>());
    let aims = (prop::option::of(0usize..6), prop::option::of(0usize..6));
    let age = prop::option::of(1u32..1200);
    (whom, (nets(), nets()), actions, aims, age).prop_map(|(whom, nets, actions, aims, age)| {
        let (is_client, is_group, untrusted_device) = whom;
        let net = |net: Option<&str>| -> Vec<ipnet::IpNet> {
            net.into_iter().filter_map(|net| net.parse().ok()).collect()
        };
        let condition = Condition {
            name: String::new(),
            clients: is_client
                .then(|| "payroll".to_owned())
                .into_iter()
                .collect(),
            acr: Vec::new(),
            groups: is_group.then(|| "admins".to_owned()).into_iter().collect(),
            networks: net(nets.0),
            outside: net(nets.1),
            untrusted_device,
            low: actions.0,
            medium: actions.1,
            high: actions.2,
            step_up_to: None,
            max_age_s: age,
        };
        (condition, aims)
    })
}

/// What holds of all of them says something only where they are of every sort.
#[test]
fn policies_by_chance_are_of_every_sort() {
    let mut runner = TestRunner::deterministic();
    let mut all = Vec::new();
    for _ in 0..400 {
        let tree = any_policy().new_tree(&mut runner).expect("a policy");
        all.push(tree.current());
    }
    let rules = || all.iter().flat_map(|policy| &policy.acr);
    let conditions = || all.iter().flat_map(|policy| &policy.conditions);
    let has_body = |rule: &&Rule| rule.any_of.iter().flatten().any(|f| is_biometric(*f));
    let bodies = |word: &str| {
        let called = rules().filter(|rule| rule.names.contains(&acr(word)));
        called.filter(has_body).count()
    };
    let alone = rules().filter(|rule| rule.biometric_alone && has_body(rule));
    let inherited = conditions().filter(|c| c.low == Action::StepUp && c.medium.is_none());
    let skipped = conditions().filter(|c| c.medium.is_none() && c.high == Some(Action::Deny));
    for (what, count) in [
        ("second level with a biometric", bodies(AAL2)),
        ("phishing-resistant with a biometric", bodies("phr")),
        ("a biometric alone", alone.count()),
        ("medium left out", inherited.count()),
        ("high without medium", skipped.count()),
    ] {
        assert!(count > 0, "{what}: none in 400 policies");
    }
}
