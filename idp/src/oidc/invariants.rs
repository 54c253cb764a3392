//! What holds for every file of the protocol: it is sans-I/O, and no file outgrows one concept.

use std::fs;
use std::path::{Path, PathBuf};

/// What would let the protocol wait, read a clock, draw a random number, or name a server or a database.
const FORBIDDEN: [&str; 16] = [
    "async fn",
    ".await",
    "now_utc",
    "now_local",
    "SystemTime",
    "Instant",
    "rand::",
    "OsRng",
    "SystemRandom",
    "new_v4",
    "now_v7",
    "tokio",
    "axum",
    "sea_orm",
    "reqwest",
    "aws_sdk",
];

const LONGEST: usize = 400;

#[test]
fn the_protocol_is_sans_io() {
    // A test may sign, which draws a random number.
    let is_code = |path: &Path| !path.ends_with("tests.rs");
    for (path, text) in sources().into_iter().filter(|(path, _)| is_code(path)) {
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn no_file_outgrows_one_concept() {
    let is_code = |path: &Path| !path.ends_with("tests.rs");
    for (path, text) in sources().into_iter().filter(|(path, _)| is_code(path)) {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = code.lines().count();
        assert!(lines <= LONGEST, "{}: {lines} lines", path.display());
    }
}

/// Every file of the protocol but this one, which has to name what it forbids.
fn sources() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/oidc");
    let mut waiting = vec![folder];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if !path.ends_with("oidc/invariants.rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}
