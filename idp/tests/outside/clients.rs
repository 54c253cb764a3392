//! `whorl client` and `whorl connect` as programs: what they make, where, and what they warn of.

use std::path::Path;
use std::process::{Command, Output};

/// The program with nothing of this machine's environment, in a folder of its own.
fn whorl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whorl"))
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("WHORL_STATE_DIR", folder.join("state"))
        .current_dir(folder)
        .output()
        .expect("runs")
}

fn said(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{}{err}", String::from_utf8_lossy(&output.stdout))
}

#[test]
fn looking_at_clients_makes_no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["client", "list"][..], &["client", "remove", "x"]] {
        let output = whorl(folder.path(), arguments);
        assert!(!output.status.success());
        assert!(
            said(&output).contains("there is no database at"),
            "{}",
            said(&output)
        );
    }
    let mut left = std::fs::read_dir(folder.path()).expect("read");
    assert!(left.next().is_none(), "something was made");
}

#[test]
fn a_client_is_added_where_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "client",
        "add",
        "shop",
        "--redirect-uri",
        "https://shop.example/cb",
    ];
    let output = whorl(folder.path(), &arguments);
    assert!(output.status.success(), "{}", said(&output));
    let database = folder.path().join("state/whorl.db");
    assert!(
        said(&output).contains(&database.display().to_string()),
        "{}",
        said(&output)
    );
    assert!(database.exists());
    let listed = whorl(folder.path(), &["client", "list"]);
    assert!(said(&listed).contains("shop"), "{}", said(&listed));
}

#[test]
fn an_issuer_that_a_cloud_cannot_reach_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let guid = "11111111-2222-3333-4444-555555555555";
    let entra = ["connect", "entra", "--app-id", guid, "--tenant", guid];
    let keycloak = [
        "connect",
        "keycloak",
        "--realm",
        "http://localhost:8090/realms/staff",
    ];
    for (arguments, warns) in [(&entra[..], true), (&keycloak[..], false)] {
        let output = whorl(folder.path(), arguments);
        assert!(output.status.success(), "{}", said(&output));
        let warning = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            warning.contains("is this machine alone"),
            warns,
            "{warning}"
        );
    }
}
