//! The OpenAPI document has every path of the admin API, and no other.

use std::collections::BTreeSet;

use serde_json::Value;
use wire::paths;

fn document() -> Value {
    let text = include_str!("../../../docs/openapi.json");
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn every_path_is_described_with_its_methods_and_no_other() {
    let document = document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    let served: BTreeSet<(String, String)> = [
        (paths::WHOAMI, "get"),
        (paths::SUBJECTS, "get post"),
        (paths::SUBJECT, "get delete"),
        (paths::INVITATIONS, "post"),
        (paths::FINGERPRINT_RECORDS, "post"),
        (paths::SUSPEND, "post"),
        (paths::ACTIVATE, "post"),
        (paths::CREDENTIAL, "delete"),
        (paths::REVOKE_SESSIONS, "post"),
        (paths::CLIENTS, "get post"),
        (paths::CLIENT, "get delete"),
        (paths::DUPLICATE_SEARCHES, "get post"),
        (paths::DUPLICATE_PAIRS, "get"),
        (paths::DUPLICATE_DECISION, "post"),
        (paths::POLICY, "get put delete"),
        (paths::POLICY_CHECK, "post"),
        (paths::POLICY_SIMULATE, "post"),
        (paths::POLICY_REVISIONS, "get"),
        (paths::POLICY_REVISION, "get"),
        (paths::AUDIT, "get"),
        (paths::HEALTH, "get"),
        (paths::OPERATORS, "get post"),
        (paths::OPERATOR, "delete"),
        (paths::OPERATOR_TOKENS, "post"),
        (paths::OPERATOR_TOKEN, "delete"),
    ]
    .into_iter()
    .flat_map(|(path, methods)| {
        methods
            .split(' ')
            .map(move |m| (path.to_owned(), m.to_owned()))
    })
    .collect();
    assert_eq!(described, served);
    // A constant that is added to `paths` is added here too.
    let constants = include_str!("../../wire/src/paths.rs")
        .lines()
        .filter(|line| line.starts_with("pub const ") && line.contains("/admin/v1/"))
        .count();
    assert_eq!(
        constants,
        document["paths"].as_object().map_or(0, |p| p.len())
    );
}

#[test]
fn closed_sets_are_the_ones_that_are_served() {
    let document = document();
    let listed = |name: &str| -> Vec<String> {
        let values = document["components"]["schemas"][name]["enum"].as_array();
        let values = values.unwrap_or_else(|| panic!("{name}")).iter();
        values
            .map(|v| v.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let roles: Vec<_> = wire::Role::ALL
        .iter()
        .map(|r| r.as_str().to_owned())
        .collect();
    assert_eq!(listed("Role"), roles);
    let mut factors: Vec<_> = wire::FactorKind::ALL
        .iter()
        .map(|f| f.as_str().to_owned())
        .collect();
    let mut described = listed("FactorKind");
    factors.sort();
    described.sort();
    assert_eq!(described, factors);
    for code in listed("ProblemCode") {
        let read: wire::ProblemCode = serde_json::from_value(code.clone().into()).expect("a code");
        assert_ne!(read, wire::ProblemCode::Unknown, "{code}");
    }
}
