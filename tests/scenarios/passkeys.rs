//! Passkeys in a real browser with an authenticator in software: suggestions of the username field, several of a person,
//! where copies of them are, and copies that should not be.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{browser::Browser, need, scene::Scene, server::Backend, sink::Sink};

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_suggested_told_apart_and_their_copies_noticed() {
    let browser = need!(Browser::here());
    let sink = Sink::open().expect("a mail server");
    let toml = format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {}\nmail_tls = \"none\"\n\
         mail_from = \"Whorl <no-reply@example.org>\"\n",
        sink.port()
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    let shots = std::env::var_os("WHORL_SHOTS").map(PathBuf::from);
    let arguments = json!({
        "base": scene.server.issuer, "username": "ada", "secret": subject.password,
        "codes": subject.recovery_codes, "screenshots": shots,
    });
    let seen = browser.run("passkeys", &arguments).await.expect("used");

    let texts = |name: &str| -> Vec<String> {
        let list = seen[name].as_array().expect("a list");
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let alone = texts("alone");
    assert_eq!(alone.len(), 1, "{alone:?}");
    assert!(alone[0].contains("On one device only"), "{alone:?}");
    let both = texts("both");
    assert_eq!(both.len(), 2, "{both:?}");
    let synced = both.iter().find(|line| line.contains("The phone"));
    assert!(
        synced.is_some_and(|line| line.contains("Synced")),
        "{both:?}"
    );
    for refusal in ["copied", "changed"] {
        let said = seen[refusal].as_str().unwrap_or_default();
        assert!(
            said.contains("That passkey did not work"),
            "{refusal}: {said}"
        );
    }
    let history = texts("history");
    let told = history
        .iter()
        .filter(|line| line.contains("as if there were a copy"));
    assert_eq!(told.count(), 2, "{history:?}");

    let audit = scene.owner.audit().await.expect("the trail");
    let alarms = audit
        .iter()
        .filter(|event| event.kind == "credential.alarm");
    let mut alarms: Vec<&str> = alarms.map(|event| event.detail["alarm"].as_str()).collect();
    alarms.sort_unstable();
    assert_eq!(alarms, ["backup_eligibility", "sign_count"]);
    // Three factors of the enrolment, two passkeys, two alarms.
    let mails = sink.wait_for(7).await.expect("mails");
    let told = mails
        .iter()
        .filter(|mail| mail.text.contains("as if there were a copy"));
    assert_eq!(told.count(), 2);
}
