//! The source text: which folder may name which library, what a pure module may not say, how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::root;

/// Longest file that is still taken for one idea; tests are not counted.
const LONGEST_FILE: usize = 600;

/// A Rust source file, its path relative to the workspace.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The text up to the file's own tests, which stand last.
    fn without_tests(&self) -> &str {
        let end = self
            .text
            .find("#[cfg(test)]\nmod tests")
            .unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// Lines of code, numbered from one: what is only comment is blank.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.without_tests()
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .enumerate()
            .map(|(n, line)| (n + 1, line))
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("/regressions.rs")
    }
}

/// The Rust files under a folder of the workspace.
fn sources(folder: &str) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path: PathBuf = entry.expect("a folder's entry").path();
            if path.is_dir() {
                // What a fuzz crate built is nobody's source.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let path = relative(&path, &root);
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn relative(path: &Path, root: &Path) -> String {
    let path = path
        .strip_prefix(root)
        .expect("invariant: found under the root");
    path.to_string_lossy().replace('\\', "/")
}

/// Whether `line` has `word` with no letter, digit or underscore before it.
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The lines outside `rooms` that say one of `words`, as `path:line: text`.
fn said_outside(folder: &str, words: &[&str], rooms: &[&str]) -> Vec<String> {
    let files = sources(folder);
    assert!(!files.is_empty(), "there is no Rust in {folder}");
    let mut found = Vec::new();
    // The protocol's own check of its purity names what it forbids.
    let own_check = "idp/src/oidc/invariants.rs";
    for file in files.iter().filter(|f| !f.is_test() && f.path != own_check) {
        if rooms.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for (n, line) in file.code() {
            if words.iter().any(|word| says(line, word)) {
                found.push(format!("{}:{n}: {}", file.path, line.trim()));
            }
        }
    }
    found
}

fn check(folder: &str, words: &[&str], rooms: &[&str]) {
    let found = said_outside(folder, words, rooms);
    assert!(
        found.is_empty(),
        "{words:?} only in {rooms:?}, but:\n{}",
        found.join("\n")
    );
}

#[test]
fn only_the_store_names_the_database() {
    check(
        "idp/src",
        &["sea_orm", "sqlx", "migrations::"],
        &["idp/src/store/"],
    );
}

#[test]
fn only_one_folder_names_aws() {
    check(
        "idp/src",
        &["aws_sdk_", "aws_config", "aws_smithy"],
        &["idp/src/aws/"],
    );
}

#[test]
fn only_http_names_axum() {
    check(
        "idp/src",
        &["axum::", "axum_extra", "axum_server", "tower_http"],
        &["idp/src/http/"],
    );
}

#[test]
fn the_protocol_is_pure() {
    if sources("idp/src/oidc").is_empty() {
        panic!("idp/src/oidc has no Rust");
    }
    let banned = [
        "async fn",
        "async move",
        ".await",
        "tokio::",
        "reqwest::",
        "now_utc",
        "SystemTime",
        "Instant::now",
        "rand::",
        "SystemRandom",
        "OsRng",
        "crate::store",
        "crate::http",
        "crate::login",
        "crate::vault",
        "crate::tokens",
        "crate::clock",
    ];
    check("idp/src/oidc", &banned, &[]);
}

#[test]
fn the_matcher_is_pure() {
    let banned = ["async fn", ".await", "SystemTime", "std::net", "std::env"];
    check("matcher/src", &banned, &["matcher/src/bin/"]);
}

#[test]
fn only_the_clock_reads_the_clock() {
    check(
        "idp/src",
        &["now_utc()", "SystemTime::now"],
        &["idp/src/clock.rs"],
    );
}

#[test]
fn a_file_is_one_idea() {
    let mut long = Vec::new();
    for folder in ["idp", "matcher", "admin-tui", "migrations"] {
        for file in sources(folder).iter().filter(|f| !f.is_test()) {
            let lines = file.without_tests().lines().count();
            if lines > LONGEST_FILE {
                long.push(format!("{}: {lines} lines", file.path));
            }
        }
    }
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn every_module_says_what_it_is() {
    let mut silent = Vec::new();
    for folder in ["idp", "matcher", "admin-tui", "migrations", "tests"] {
        for file in sources(folder) {
            if !file.text.starts_with("//!") {
                silent.push(file.path);
            }
        }
    }
    assert!(
        silent.is_empty(),
        "no //! sentence first in:\n{}",
        silent.join("\n")
    );
}

#[test]
fn a_comment_is_not_code_and_a_word_is_whole() {
    let file = Source {
        path: "x.rs".into(),
        text: "use axum::Router; // sqlx\n// sea_orm\nlet my_axum::x;\n#[cfg(test)]\nmod tests {}"
            .into(),
    };
    let lines: Vec<_> = file.code().map(|(_, l)| l.trim().to_owned()).collect();
    assert_eq!(lines, ["use axum::Router;", "", "let my_axum::x;"]);
    assert!(says(&lines[0], "axum::") && !says(&lines[2], "axum::"));
}
