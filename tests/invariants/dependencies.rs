//! The crate graph: the pure crates stay pure, and versions stand in one place.

use std::{collections::BTreeSet, fs, process::Command};

use crate::root;

/// Everything that `package` is built with, itself left out: normal dependencies, followed to the end, for this platform.
fn closure(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--package", package])
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree -p {package}: {said}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// `aws-*` bans every crate whose name starts so.
fn check(package: &str, banned: &[&str]) {
    let names = closure(package);
    assert!(
        !names.is_empty(),
        "{package} has no dependency: is it read?"
    );
    let found: Vec<_> = names
        .iter()
        .filter(|name| {
            banned.iter().any(|ban| match ban.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name.as_str() == *ban,
            })
        })
        .collect();
    assert!(found.is_empty(), "{package} depends on {found:?}");
}

const SERVERS: [&str; 9] = [
    "tokio",
    "axum",
    "hyper",
    "reqwest",
    "sea-orm",
    "sqlx",
    "aws-sdk-*",
    "aws-config",
    "rustls",
];

#[test]
fn the_matcher_knows_no_network_and_no_database() {
    check("matcher", &SERVERS);
    check("matcher", &["aws-*", "async-trait", "whorl", "wire"]);
}

#[test]
fn the_admin_types_are_plain_data() {
    check("wire", &SERVERS);
    check("wire", &["matcher", "whorl", "migrations"]);
}

#[test]
fn the_console_is_a_client_and_never_sees_the_database() {
    check(
        "admin-tui",
        &[
            "sea-orm",
            "sqlx",
            "migrations",
            "whorl",
            "matcher",
            "axum",
            "aws-sdk-*",
        ],
    );
}

#[test]
fn openssl_and_ring_are_in_nothing_that_is_built() {
    for package in ["whorl", "admin-tui", "matcher", "migrations"] {
        check(package, &["openssl", "openssl-sys", "native-tls", "ring"]);
    }
}

#[test]
fn every_version_and_every_lint_stands_in_the_workspace() {
    let read = |path: std::path::PathBuf| -> toml::Table {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        text.parse()
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let workspace = read(root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"]
        .as_array()
        .expect("members");
    assert!(members.len() >= 6);
    for member in members {
        let member = member.as_str().expect("a member is a path");
        let manifest = read(root().join(member).join("Cargo.toml"));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, how) in manifest
                .get(section)
                .and_then(|s| s.as_table())
                .into_iter()
                .flatten()
            {
                let inherited = how.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(
                    inherited,
                    Some(true),
                    "{member}: {section}.{name} pins its own version"
                );
            }
        }
        let lints = manifest.get("lints").and_then(|l| l.get("workspace"));
        assert_eq!(
            lints.and_then(toml::Value::as_bool),
            Some(true),
            "{member}: no lints"
        );
    }
}
