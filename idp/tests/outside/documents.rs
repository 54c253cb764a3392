//! The documents name only what there is: subcommands, options, files and settings.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use whorl::cli::Arguments;
use whorl::config::Config;

/// The commands that a document shows: whole lines of its shell blocks, and what stands between backquotes.
fn commands(text: &str, program: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            in_block = !in_block && language == "sh";
            continue;
        }
        let spans: Vec<&str> = match in_block {
            true => vec![line],
            false => line.split('`').skip(1).step_by(2).collect(),
        };
        for span in spans {
            // Behind cargo, after a comment sign in a configuration, or by its own name.
            let span = span.replace("cargo run --release -- ", "whorl ");
            let span = span.split(" #").next().unwrap_or_default().trim();
            if let Some(rest) = span
                .strip_prefix(program)
                .filter(|rest| rest.starts_with(' '))
            {
                found.push(rest.trim().to_owned());
            }
        }
    }
    found
}

/// What of a shown command clap does not know.
fn unknown(shown: &str, mut command: &Command) -> Option<String> {
    let root = command;
    for word in shown.split_whitespace() {
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split('=').next().unwrap_or_default();
            let known = |command: &Command| {
                command
                    .get_arguments()
                    .any(|argument| argument.get_long() == Some(name))
            };
            if !known(command) && !known(root) && name != "help" {
                return Some(format!("--{name}"));
            }
        } else if let Some(inner) = command.find_subcommand(word) {
            command = inner;
        } else if command.has_subcommands() && word.chars().all(|c| c.is_ascii_lowercase()) {
            return Some(word.to_owned());
        }
    }
    // `whorl admin` alone names a group, which is a word about it and no command.
    None
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_command_that_the_documents_show_exists() {
    let command = Arguments::command();
    let mut seen = 0;
    for name in [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/acr.md",
        "docs/connect/entra.md",
        "docs/connect/keycloak.md",
        "docs/connect/auth0.md",
        "docs/connect/okta.md",
    ] {
        for shown in commands(&read(name), "whorl") {
            assert_eq!(
                unknown(&shown, &command),
                None,
                "{name} shows `whorl {shown}`"
            );
            seen += 1;
        }
    }
    assert!(seen > 10, "the documents were not read: {seen} commands");
    for (shown, lacks) in [
        ("serv --config x", "serv"),
        ("serve --colour", "--colour"),
        ("client ad x", "ad"),
    ] {
        assert_eq!(
            unknown(shown, &command).as_deref(),
            Some(lacks),
            "the test would see nothing"
        );
    }
}

#[test]
fn every_subcommand_is_named_where_changes_are_told() {
    let changes = read("CHANGELOG.md");
    for subcommand in Arguments::command().get_subcommands() {
        assert!(
            changes.contains(&format!("`{}`", subcommand.get_name())),
            "{}",
            subcommand.get_name()
        );
    }
}

/// Of the form `[words](place)` and, in the reading order, `` `idp/…` ``.
#[test]
fn every_file_that_the_documents_point_to_is_there() {
    for name in [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        let text = read(name);
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let links = links
            .filter(|link| !link.contains("://"))
            .map(|link| link.split('#').next().unwrap_or_default());
        let spans = text.split('`').skip(1).step_by(2);
        let folders = [
            "idp/",
            "matcher/",
            "admin-tui/",
            "models/",
            "config/",
            "tests/",
        ];
        let files = spans.filter(|span| {
            folders.iter().any(|folder| span.starts_with(folder)) && !span.contains(' ')
        });
        for place in links.chain(files).filter(|place| !place.is_empty()) {
            assert!(root().join(place).exists(), "{name} points to {place}");
        }
    }
}

#[test]
fn every_example_configuration_is_valid_and_says_what_it_is() {
    let mut seen = Vec::new();
    for entry in fs::read_dir(root().join("config")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("text");
        assert!(
            text.starts_with("# "),
            "{} begins with what it is for",
            path.display()
        );
        Config::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for shown in text
            .lines()
            .filter_map(|line| line.strip_prefix("#   whorl "))
        {
            assert_eq!(
                unknown(shown, &Arguments::command()),
                None,
                "{}: {shown}",
                path.display()
            );
        }
        seen.push(path.file_name().expect("a name").to_owned());
    }
    for name in [
        "whorl.toml",
        "production.toml",
        "single-machine.toml",
        "conformance.toml",
        "entra-check.toml",
    ] {
        assert!(
            seen.iter().any(|there| there == name),
            "{name} is not there"
        );
    }
}

#[test]
fn production_is_what_it_is_called() {
    let config = Config::from_toml(&read("config/production.toml")).expect("valid");
    assert!(!config.demo.enabled && !config.database.migrate && !config.is_loopback());
    assert!(
        config.database_url().starts_with("postgres://")
            && config.database_url().contains("sslmode=verify-full")
    );
    let default = config
        .policy
        .rule(&config.policy.default_acr)
        .expect("the default acr is one");
    assert!(default.any_of.iter().any(|way| {
        !way.iter()
            .any(|factor| whorl::login::policy::is_biometric(*factor))
    }));
    assert!(config.policy.acr.iter().all(|rule| !rule.biometric_alone));
}
