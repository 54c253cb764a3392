//! Negative controls: each attack's test fails when the guard that it looks at is taken away.
//!
//! `attacks.toml` names for each attack the scenarios that play it and the guards in the source that stop it. On every
//! run it is held against the source: each guard stands exactly once where the table says, each scenario exists, and
//! `docs/attacks.md` is the table as people read it.
//!
//! The controls themselves build the provider once more, so they are run by hand and not with every change:
//!
//! ```sh
//! cargo test --workspace --test controls -- --ignored --nocapture
//! ```
//!
//! That copies the workspace, gives every guard of the copy a switch in the environment, builds it, and plays each
//! scenario twice: with all guards, where it must pass, and without the one, where it must fail. Which guards were
//! missed by a test is kept in `seen.txt` together with a digest of their text; a guard that was changed since has to be
//! controlled again.

mod document;
mod mutant;
mod table;

use std::{fs, path::PathBuf};

use table::{Attack, Table};

fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("invariant: this crate lies in the workspace")
        .to_owned()
}

fn seen() -> String {
    fs::read_to_string(root().join(SEEN)).expect("seen.txt")
}

#[test]
fn each_guard_stands_once_where_the_table_says() {
    for (attack, guard) in Table::read().guards() {
        for (file, find, without) in guard.places() {
            let text = fs::read_to_string(root().join(file))
                .unwrap_or_else(|e| panic!("{}: {file}: {e}", attack.name));
            let found = text.matches(find).count();
            assert_eq!(found, 1, "{}: {find} in {file}", attack.name);
            assert!(
                without.contains("OFF"),
                "{}: its control has no switch",
                attack.name
            );
        }
    }
}

#[test]
fn each_scenario_of_the_table_exists() {
    for attack in Table::read().attacks {
        assert!(
            !attack.tests.is_empty(),
            "{} is played by none",
            attack.name
        );
        for test in &attack.tests {
            let mut parts = test.split("::");
            let (Some(file), Some(name)) = (parts.next(), parts.next()) else {
                panic!("{}: {test} is no scenario", attack.name);
            };
            let path = root().join("tests/scenarios").join(format!("{file}.rs"));
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|e| panic!("{}: {}: {e}", attack.name, path.display()));
            assert!(
                text.contains(&format!("fn {name}(")) || text.contains(&format!("mod {name} ")),
                "{}: there is no {test}",
                attack.name
            );
        }
    }
}

#[test]
fn each_guard_was_missed_by_its_test_as_it_stands_now() {
    let seen = seen();
    let unseen: Vec<String> = Table::read()
        .guards()
        .filter(|(attack, guard)| !seen.lines().any(|line| line == guard.line(attack)))
        .map(|(attack, guard)| guard.line(attack))
        .collect();
    assert!(
        unseen.is_empty(),
        "not controlled as they stand now; run the controls:\n{}",
        unseen.join("\n")
    );
}

#[test]
fn the_document_is_the_table() {
    let path = root().join(DOCUMENT);
    let text = document::render(&Table::read());
    if std::env::var_os("WHORL_DOCUMENT").is_some_and(|v| v == "write") {
        fs::write(&path, &text).expect("the document is written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{DOCUMENT} is not the table; WHORL_DOCUMENT=write writes it"
    );
}

#[test]
#[ignore = "builds the provider again with switches for its guards, and plays every attack twice"]
fn each_test_fails_without_its_guard() {
    let table = Table::read();
    let only = std::env::var("WHORL_CONTROL").ok();
    let wanted = |attack: &Attack| {
        let mut names = only.iter().flat_map(|names| names.split(','));
        only.is_none() || names.any(|name| attack.name.contains(name))
    };
    let outcome = mutant::Mutant::build(&table)
        .expect("the copy builds")
        .control(&table, wanted);
    let mut lines: Vec<String> = seen().lines().map(str::to_owned).collect();
    for line in &outcome.seen {
        if !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    // What the table has no more is forgotten.
    let current: Vec<String> = table
        .guards()
        .map(|(attack, guard)| guard.line(attack))
        .collect();
    lines.retain(|line| current.contains(line));
    lines.sort();
    fs::write(root().join(SEEN), lines.join("\n") + "\n").expect("seen.txt is written");
    assert!(outcome.faults.is_empty(), "{}", outcome.faults.join("\n"));
}

const SEEN: &str = "tests/controls/seen.txt";
const DOCUMENT: &str = "docs/attacks.md";
