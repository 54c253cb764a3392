//! The table as a page: `docs/attacks.md`.

use std::fmt::Write as _;

use crate::table::Table;

/// The page.
pub fn render(table: &Table) -> String {
    let mut page = String::from(HEAD);
    for attack in &table.attacks {
        let tests: Vec<String> = attack
            .tests
            .iter()
            .map(|test| format!("`{}`", test.trim_end_matches("::embedded")))
            .collect();
        let control = match (&attack.guards[..], &attack.uncontrolled) {
            ([], Some(reason)) => format!("none: {reason}"),
            ([], None) => "none yet".to_owned(),
            (guards, _) => {
                let mut files: Vec<String> = guards
                    .iter()
                    .map(|guard| format!("`{}`", guard.file))
                    .collect();
                files.dedup();
                format!("{} in {}", guards.len(), files.join(", "))
            }
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {control} |",
            attack.name,
            attack.about,
            tests.join(", "),
        );
    }
    page
}

const HEAD: &str = "# Attacks

What is tried against Whorl from outside, over the wire, and the scenario that tries it. A scenario that cannot fail shows
nothing, so each has negative controls: the guards that it looks at are taken out of a copy of the source one after the
other, and the scenario must fail each time (`tests/controls`). A row without a control says why.

`cargo test --workspace --test scenarios` plays them all; `cargo test --workspace --test controls -- --ignored --nocapture`
runs the controls. This page is written from `tests/controls/attacks.toml`.

| attack | what must come of it | played by | guards that were taken away |
|-|-|-|-|
";
