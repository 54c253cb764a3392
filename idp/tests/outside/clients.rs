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

#[test]
fn a_client_of_the_configuration_is_not_changed_behind_its_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("my.toml");
    let table = "[[client]]\nid = \"shop\"\nredirect_uris = [\"https://shop.example/cb\"]\n\
                 token_endpoint_auth_method = \"none\"\n";
    std::fs::write(&file, table).expect("written");
    let file = file.display().to_string();
    let uri = "https://shop.example/cb";
    for arguments in [
        &["client", "remove", "shop", "-c", &file][..],
        &["client", "add", "shop", "-c", &file, "--redirect-uri", uri],
    ] {
        let output = whorl(folder.path(), arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            said(&output).contains("stands in the configuration"),
            "{}",
            said(&output)
        );
        assert!(output.stdout.is_empty(), "no secret is handed out");
    }
    assert!(!folder.path().join("state").exists(), "nothing is made");
}

#[test]
fn a_client_that_cannot_work_is_not_added() {
    let folder = tempfile::tempdir().expect("a folder");
    let add = |id: &str, more: &[&str]| {
        let start = ["client", "add", id, "--redirect-uri", "https://x.example/"];
        whorl(folder.path(), &[&start[..], more].concat())
    };
    for (id, more, says) in [
        ("bad id", &[][..], "no spaces"),
        ("a\tb", &[], "no spaces"),
        (
            "web2",
            &["--default-acr", "urn:nonsense"],
            "default_acr names urn:nonsense, for which [policy] has no rule",
        ),
    ] {
        let output = add(id, more);
        assert!(!output.status.success(), "{id}");
        assert!(said(&output).contains(says), "{}", said(&output));
    }
    let fine = add("web2", &["--default-acr", "urn:whorl:acr:mfa"]);
    assert!(fine.status.success(), "{}", said(&fine));
    let again = add("web2", &[]);
    assert!(!again.status.success());
    for says in ["web2 is registered in", "whorl client remove web2"] {
        assert!(said(&again).contains(says), "{}", said(&again));
    }
}

#[test]
fn a_second_tenant_is_connected_under_a_name_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    for system in ["auth0", "okta"] {
        let connect = |domain: &str, more: &[&str]| {
            let start = ["connect", system, "--domain", domain, "--create"];
            whorl(folder.path(), &[&start[..], more].concat())
        };
        let first = connect("one.example.com", &[]);
        assert!(first.status.success(), "{}", said(&first));
        let again = connect("two.example.com", &[]);
        assert!(!again.status.success());
        for says in [system, "already", "--client-id"] {
            assert!(said(&again).contains(says), "{}", said(&again));
        }
        let second = format!("{system}-two");
        let second = connect("two.example.com", &["--client-id", &second]);
        assert!(second.status.success(), "{}", said(&second));
    }
}

#[test]
fn the_pack_of_the_folder_is_not_one_to_be_brought_into_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = matcher::face::pack::Manifest::builtin();
    let models = folder.path().join("models");
    for model in &pack.models {
        let file = models.join(&model.file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, "").expect("written");
    }
    let named = format!("{}@{}", pack.name, pack.number());
    let output = whorl(folder.path(), &["models", "use", &named]);
    assert!(!output.status.success());
    for says in [&named, "there is nothing to do", "signed pack"] {
        assert!(said(&output).contains(says), "{}", said(&output));
    }
    let output = whorl(folder.path(), &["models", "use", "nowhere@1"]);
    assert!(said(&output).contains("is not there"), "{}", said(&output));
}
