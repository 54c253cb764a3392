//! `whorl doctor` as a program: its exit status, its JSON, and its silence about secrets.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program with nothing of this machine's environment but what is given.
fn doctor(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whorl"));
    command
        .arg("doctor")
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder);
    command.envs(environment.iter().copied());
    command.output().expect("runs")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// The verdict and the text of one finding.
fn finding(report: &Value, area: &str, name: &str) -> (String, String) {
    let findings = report["findings"].as_array().expect("a list");
    let found = findings
        .iter()
        .find(|finding| finding["area"] == area && finding["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {area} {name} in {report:#}"));
    (
        found["verdict"].as_str().expect("a word").to_owned(),
        found.to_string(),
    )
}

#[test]
fn production_without_its_parts_fails_in_bounded_time_and_tells_no_secret() {
    let folder = tempfile::tempdir().expect("folder");
    let production = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/production.toml");
    let began = std::time::Instant::now();
    let output = doctor(
        folder.path(),
        &["--json", "--config", production],
        &[
            // Where nothing listens.
            (
                "WHORL_DATABASE__URL",
                "postgres://whorl:correct-horse@127.0.0.1:9/whorl?sslmode=verify-full",
            ),
            ("WHORL_AWS__ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "battery-staple"),
        ],
    );
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!(report["issuer"], "https://login.example.org");
    assert_eq!(report["verdict"], "fail");
    for (area, name) in [
        ("database", "reach"),
        ("vault", "key service"),
        ("vault", "blobs"),
    ] {
        let (verdict, text) = finding(&report, area, name);
        assert_eq!(verdict, "fail", "{text}");
        assert!(text.contains("\"mend\""), "{text}");
    }
    for name in [
        "issuer",
        "listen",
        "trusted proxies",
        "demonstration",
        "policy",
    ] {
        assert_eq!(finding(&report, "configuration", name).0, "ok", "{name}");
    }
    let everything = format!(
        "{:?}{:?}",
        output.stdout.escape_ascii().to_string(),
        output.stderr.escape_ascii().to_string()
    );
    for secret in ["correct-horse", "battery-staple"] {
        assert!(!everything.contains(secret), "{everything}");
    }
    assert!(
        everything.contains("postgres://whorl@127.0.0.1:9/whorl"),
        "{everything}"
    );
}

#[test]
fn embedded_defaults_before_the_first_start_are_fine_and_plain_in_a_pipe() {
    let folder = tempfile::tempdir().expect("folder");
    // Somebody may run a provider on the usual port of this machine.
    let listen = [("WHORL_LISTEN", "127.0.0.1:0")];
    let output = doctor(folder.path(), &[], &listen);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("mend: nothing to do") && text.ends_with("0 failed\n"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "colours are for terminals");
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("listed").count(),
        0,
        "nothing is made"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("folder");
    let output = doctor(
        folder.path(),
        &[],
        &[("WHORL_DATABSE__URL", "postgres://x:correct-horse@y/z")],
    );
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("databse"), "{said}");
    assert!(!said.contains("correct-horse"), "{said}");
}
