//! The doctor on healthy parts, broken parts and missing ones.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::{fs, net::TcpListener};

use time::Duration;
use time::macros::datetime;

use super::database::{shown, without_secrets};
use super::policy::Counting;
use super::report::{Area, Finding, Report, Style};
use super::{configuration, examine, tls};
use crate::app::App;
use crate::clock::{Clock, SystemClock, TestClock};
use crate::config::Config;
use crate::store::PolicyRevision;

/// A deployment in a folder of its own, on a port that is free.
fn config(folder: &Path, more: &str) -> Config {
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let state = toml::Value::from(folder.join("state").display().to_string());
    let toml = format!(
        "issuer = \"http://localhost:{port}\"\nlisten = \"127.0.0.1:{port}\"\nstate_dir = {state}\n{more}"
    );
    Config::from_toml(&toml).expect("valid")
}

/// What is said of the first thing of that name, and how to mend it.
fn said(report: &Report, name: &str) -> String {
    let text = report.text(Style::Plain);
    let named = |line: &&str| line.get(8..).is_some_and(|rest| rest.starts_with(name));
    let lines: Vec<_> = text
        .lines()
        .skip_while(|line| !named(line))
        .take(2)
        .collect();
    assert!(!lines.is_empty(), "nothing of {name:?} in\n{text}");
    lines.join("\n")
}

#[tokio::test]
async fn a_machine_before_its_first_start_is_told_so_and_left_as_it_was() {
    let folder = tempfile::tempdir().expect("folder");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    let text = report.text(Style::Plain);
    assert!(!report.has_failed(), "{text}");
    for (area, says) in [
        ("Database", "not made yet"),
        ("Vault", "not made yet"),
        ("Signing keys", "not looked at"),
    ] {
        let at = text.find(area).expect("the area");
        assert!(
            text[at..]
                .lines()
                .nth(1)
                .is_some_and(|line| line.contains(says)),
            "{text}"
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("listed").count(),
        0,
        "nothing is made"
    );
}

#[tokio::test]
async fn a_folder_without_a_database_is_left_without() {
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().join("state");
    fs::create_dir(&state).expect("made");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    assert!(said(&report, "reach").contains("not made yet"));
    assert_eq!(fs::read_dir(&state).expect("listed").count(), 0);
}

#[tokio::test]
async fn what_others_may_read_of_the_database_is_told_and_the_next_start_mends_it() {
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().join("state");
    fs::create_dir(&state).expect("made");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).expect("chmod");
    let config = config(folder.path(), "");
    let mode = |name: &str| {
        let found = fs::metadata(state.join(name)).expect("there");
        found.permissions().mode() & 0o777
    };
    let store = crate::app::open_store(&config).await.expect("opens");
    for name in ["whorl.db", "whorl.db-wal", "whorl.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(state.join("whorl.db"), fs::Permissions::from_mode(0o644)).expect("chmod");
    let report = examine(&config, &SystemClock).await;
    let told = said(&report, "files");
    assert!(report.has_failed() && told.contains("chmod 600"), "{told}");
    let _store = crate::app::open_store(&config).await.expect("opens");
    assert_eq!(mode("whorl.db"), 0o600);
}

#[tokio::test]
async fn another_issuer_on_the_address_is_not_taken_for_this_one() {
    use std::io::{Read as _, Write as _};
    let folder = tempfile::tempdir().expect("folder");
    let config = config(folder.path(), "");
    let listener = TcpListener::bind(config.listen).expect("free");
    let (say, said_next) = std::sync::mpsc::channel::<String>();
    // Every path is answered with a document of whoever speaks now.
    std::thread::spawn(move || {
        let mut issuer = String::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            if let Ok(next) = said_next.try_recv() {
                issuer = next;
            }
            let mut request = [0; 4096];
            let _read = stream.read(&mut request);
            let body = format!("{{\"issuer\":\"{issuer}\"}}");
            let length = body.len();
            let _written = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    say.send("https://other.example".to_owned()).expect("heard");
    let report = examine(&config, &SystemClock).await;
    let told = said(&report, "address");
    assert!(
        report.has_failed() && told.contains("https://other.example"),
        "{told}"
    );
    say.send(config.issuer_text()).expect("heard");
    let report = examine(&config, &SystemClock).await;
    let told = said(&report, "address");
    assert!(
        !report.has_failed() && told.contains("and is ready"),
        "{told}"
    );
}

#[tokio::test]
async fn a_secret_that_is_none_starts_on_this_machine_alone() {
    let client = "[[client]]\nid = \"c\"\nredirect_uris = [\"https://x/\"]\nsecret = \"s\"";
    let folder = tempfile::tempdir().expect("folder");
    let state = toml::Value::from(folder.path().display().to_string());
    let with = |issuer: &str| {
        let toml = format!("issuer = \"{issuer}\"\nstate_dir = {state}\n{client}");
        let config = Config::from_toml(&toml).expect("readable");
        App::assemble(config, Arc::new(SystemClock))
    };
    assert!(Box::pin(with("http://localhost:8080")).await.is_ok());
    let refused = Box::pin(with("https://login.example.org")).await;
    let told = refused.err().expect("refused").to_string();
    assert!(
        told.contains("[[client]] c") && told.contains("16"),
        "{told}"
    );
}

#[tokio::test]
async fn a_deployment_that_works_is_found_to_work() {
    let folder = tempfile::tempdir().expect("folder");
    Box::pin(App::assemble(
        config(folder.path(), ""),
        Arc::new(SystemClock),
    ))
    .await
    .expect("starts");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    let text = report.text(Style::Plain);
    assert!(!report.has_failed(), "{text}");
    for works in [
        "up to date",
        "written and taken back",
        "wraps and unwraps",
        "keeps, returns and removes",
    ] {
        assert!(text.contains(works), "{works} is missing in\n{text}");
    }
    assert!(
        said(&report, "deployment's key").contains(" opens"),
        "{text}"
    );
    for alg in ["ES256", "RS256", "EdDSA"] {
        let line = text
            .lines()
            .find(|line| line.contains(alg))
            .expect("the algorithm");
        assert!(
            line.starts_with("  ok") && line.contains("signs until"),
            "{line}"
        );
    }
    // The trial row and the trial blob are gone.
    let store = crate::app::open_store(&config(folder.path(), ""))
        .await
        .expect("opens");
    assert_eq!(store.signing_keys().await.expect("read").len(), 3);
    assert_eq!(
        fs::read_dir(folder.path().join("state/vault"))
            .expect("listed")
            .count(),
        0
    );
}

#[tokio::test]
async fn each_fault_is_named_beside_what_mends_it() {
    let folder = tempfile::tempdir().expect("folder");
    Box::pin(App::assemble(
        config(folder.path(), ""),
        Arc::new(SystemClock),
    ))
    .await
    .expect("starts");
    let state = folder.path().join("state");
    let (key, kept) = (state.join("vault.key"), folder.path().join("kept.key"));

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("chmod");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    assert!(report.has_failed());
    assert!(
        said(&report, "key service").contains("chmod 600"),
        "{}",
        said(&report, "key service")
    );
    assert!(
        report.text(Style::Plain).contains("up to date"),
        "the other parts are examined all the same"
    );

    fs::rename(&key, &kept).expect("moved");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    assert!(
        said(&report, "key service").contains("restore"),
        "{}",
        said(&report, "key service")
    );
    assert!(
        !key.exists(),
        "a new key would hide that the old one is lost"
    );

    let mut other = [0; 32];
    aws_lc_rs::rand::fill(&mut other).expect("random");
    fs::write(&key, other).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("chmod");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    assert!(said(&report, "deployment's key").contains("does not open"));
    assert!(said(&report, "ES256").contains("does not open"));

    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).expect("chmod");
    fs::rename(&kept, &key).expect("moved back");
    fs::set_permissions(state.join("vault"), fs::Permissions::from_mode(0o755)).expect("chmod");
    let report = examine(&config(folder.path(), ""), &SystemClock).await;
    assert!(
        said(&report, "blobs").contains("chmod 700"),
        "{}",
        said(&report, "blobs")
    );
}

#[tokio::test]
async fn keys_that_nobody_turns_are_seen() {
    let folder = tempfile::tempdir().expect("folder");
    Box::pin(App::assemble(
        config(folder.path(), ""),
        Arc::new(SystemClock),
    ))
    .await
    .expect("starts");
    let late = TestClock::at(SystemClock.now() + Duration::days(100));
    let report = examine(&config(folder.path(), ""), &late).await;
    assert!(
        said(&report, "ES256").contains("should have been replaced"),
        "{}",
        said(&report, "ES256")
    );
    let early = TestClock::at(datetime!(2001-01-01 0:00 UTC));
    let report = examine(&config(folder.path(), ""), &early).await;
    assert!(
        said(&report, "clock").contains("before this program"),
        "{}",
        said(&report, "clock")
    );
}

#[tokio::test]
async fn a_database_that_is_down_hides_nothing_else_and_no_password_is_shown() {
    let folder = tempfile::tempdir().expect("folder");
    // A port that nobody listens on, once the listener is gone.
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let more = format!(
        "[database]\nurl = \"postgres://whorl:s3cret%2Fword@127.0.0.1:{port}/whorl?password=0ther\""
    );
    let report = examine(&config(folder.path(), &more), &SystemClock).await;
    let text = format!(
        "{}{}",
        report.text(Style::Plain),
        serde_json::to_string(&report).expect("JSON")
    );
    assert!(report.has_failed());
    assert!(
        said(&report, "reach").contains(&format!("postgres://whorl@127.0.0.1:{port}/whorl")),
        "{text}"
    );
    assert!(said(&report, "reach").contains("mend:"), "{text}");
    assert!(text.contains("Machine") && text.contains("blobs"), "{text}");
    for secret in ["s3cret", "0ther"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_database_is_shown_without_its_secrets() {
    for (url, as_shown) in [
        (
            "postgres://whorl:pass@db:5433/whorl?sslmode=require",
            "postgres://whorl@db:5433/whorl",
        ),
        ("postgres://db/whorl?password=pass", "postgres://db/whorl"),
        ("sqlite:///var/lib/whorl.db?mode=rwc", "/var/lib/whorl.db"),
        ("no url pass", "the database"),
    ] {
        assert_eq!(shown(url), as_shown);
        let told = without_secrets(&format!("cannot open {url} as pass"), url);
        assert!(
            !told.contains("pass") || url.starts_with("sqlite") || url.starts_with("no url"),
            "{told}"
        );
    }
    let told = without_secrets("role x with a/b c", "postgres://x:a%2Fb%20c@db/w");
    assert_eq!(told, "role x with ***");
}

#[test]
fn a_configuration_that_is_seldom_meant_is_pointed_at() {
    let verdict = |toml: &str, name: &str| {
        let config = Config::from_toml(toml).expect("valid");
        let lines: Vec<_> = configuration::examine(&config, &Counting::of_file(&config))
            .iter()
            .map(Finding::line)
            .collect();
        let line = lines
            .iter()
            .find(|line| line[8..].starts_with(name))
            .expect("looked at")
            .clone();
        line[2..6].trim_end().to_owned()
    };
    let public = "issuer = \"https://login.example.org\"\n";
    let with = |more: &str| format!("{public}{more}");
    for (toml, name, expected) in [
        ("", "issuer", "warn"),
        (public, "issuer", "ok"),
        (public, "trusted proxies", "warn"),
        (
            &with("trusted_proxies = [\"10.0.0.0/24\"]"),
            "trusted proxies",
            "ok",
        ),
        (
            &with("trusted_proxies = [\"10.0.0.0/4\"]"),
            "trusted proxies",
            "warn",
        ),
        (
            &with("trusted_proxies = [\"10.0.0.0/24\", \"::/0\"]"),
            "trusted proxies",
            "FAIL",
        ),
        (&with("listen = \"0.0.0.0:80\""), "listen", "warn"),
        (
            &with("listen = \"0.0.0.0:80\"\ntrusted_proxies = [\"10.0.0.0/24\"]"),
            "listen",
            "ok",
        ),
        (
            &with("[metrics]\nlisten = \"127.0.0.1:9464\"\nallow = [\"0.0.0.0/0\"]"),
            "metrics",
            "warn",
        ),
        (&with("[log]\nlevel = \"debug\""), "log", "warn"),
        ("[demo]\nenabled = true", "demonstration", "warn"),
        ("issuer = \"http://127.0.0.1:8080\"", "policy", "warn"),
        ("[tls]\ncertificate = \"a\"\nkey = \"b\"", "issuer", "FAIL"),
        (
            "[[client]]\nid = \"x\"\nredirect_uris = [\"https://x/#f\"]",
            "clients",
            "FAIL",
        ),
        (
            "[[client]]\nid = \"x\"\nredirect_uris = [\"https://x/\"]\nsecret = \"s\"",
            "clients",
            "FAIL",
        ),
        (
            "[[client]]\nid = \"x\"\nredirect_uris = [\"https://x/\"]\nsecret = \"CHOOSE-A-LONG-RANDOM-SECRET\"",
            "clients",
            "FAIL",
        ),
        (
            "[policy]\ndefault_acr = \"urn:whorl:acr:biometric\"",
            "policy",
            "warn",
        ),
    ] {
        assert_eq!(verdict(toml, name), expected, "{name} of {toml}");
    }
}

#[tokio::test]
async fn the_policy_that_operators_wrote_is_the_one_that_is_looked_at() {
    let folder = tempfile::tempdir().expect("folder");
    let config = config(folder.path(), "");
    fs::create_dir(folder.path().join("state")).expect("made");
    let look = async || said(&examine(&config, &SystemClock).await, "policy");
    let store = crate::app::open_store(&config).await.expect("opens");
    assert!(!look().await.contains("revision"), "{}", look().await);
    let keep = async |number, text: Option<&str>| {
        let revision = PolicyRevision {
            number,
            text: text.map(str::to_owned),
            changed_by: "ada".into(),
            note: None,
            at: datetime!(2026-06-01 0:00 UTC),
        };
        store.keep_policy_revision(&revision).await.expect("kept");
    };
    keep(1, Some("[policy]\ndefault_acr = 'urn:x'\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['passkey', 'face']]")).await;
    let line = look().await;
    assert!(
        line.contains("warn") && line.contains("revision 1, by ada on 2026-06-01: urn:x"),
        "{line}"
    );
    keep(2, Some("[policy]")).await;
    let line = look().await;
    assert!(
        line.contains("FAIL") && line.contains("revision 2") && line.contains("whorl policy reset"),
        "{line}"
    );
    keep(3, None).await;
    let line = look().await;
    assert!(line.contains("ok") && !line.contains("revision"), "{line}");
}

#[test]
fn a_certificate_is_read_before_people_meet_it() {
    let folder = tempfile::tempdir().expect("folder");
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let config = |issuer: &str| {
        let (certificate, key) = (certificate.display(), key.display());
        let tls = format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"");
        Config::from_toml(&format!("issuer = \"{issuer}\"\n{tls}")).expect("valid")
    };
    let lines = |issuer: &str, now| {
        tls::examine(&config(issuer), now)
            .iter()
            .map(Finding::line)
            .collect::<String>()
    };
    let (mine, now) = ("https://login.example.org", datetime!(2026-06-01 0:00 UTC));
    assert!(
        lines(mine, now).contains("FAIL  certificate"),
        "neither file is there"
    );
    fs::write(&certificate, CERTIFICATE).expect("written");
    fs::write(&key, KEY).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("chmod");
    let text = lines(mine, now);
    assert!(!text.contains("FAIL") && !text.contains("warn"), "{text}");
    assert!(lines("https://other.example.org", now).contains("does not cover other.example.org"));
    assert!(lines(mine, datetime!(2035-12-25 0:00 UTC)).contains("expires in"));
    assert!(lines(mine, datetime!(2040-01-01 0:00 UTC)).contains("has expired"));
    assert!(lines(mine, datetime!(2001-01-01 0:00 UTC)).contains("valid only from"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(lines(mine, now).contains("chmod 600"));
    fs::write(&key, OTHER_KEY).expect("written");
    assert!(lines(mine, now).contains("belongs to another certificate"));
    fs::write(&certificate, "nothing").expect("written");
    assert!(lines(mine, now).contains("no certificate in it"));
}

#[test]
fn colours_only_colour() {
    let findings = vec![
        Finding::ok(Area::Machine, "a", "fine"),
        Finding::warn(Area::Machine, "b", "so so").mend("do this"),
        Finding::fail(Area::Vault, "c", "broken").mend("do that"),
    ];
    let report = Report::new("http://localhost".to_owned(), findings);
    let (plain, mut coloured) = (report.text(Style::Plain), report.text(Style::Coloured));
    assert!(plain.ends_with("1 ok, 1 to look at, 1 failed\n"), "{plain}");
    assert!(coloured.contains("\x1b[1;31mFAIL\x1b[0m"), "{coloured}");
    for code in ["\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[0m"] {
        coloured = coloured.replace(code, "");
    }
    assert_eq!(plain, coloured);
    assert!(report.has_failed());
}

/// For login.example.org, from 2026 to 2036; self-signed, and worth nothing anywhere.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBRjCB7aADAgECAgEBMAoGCCqGSM49BAMCMBwxGjAYBgNVBAMMEWxvZ2luLmV4
YW1wbGUub3JnMB4XDTI2MDEwMTAwMDAwMFoXDTM2MDEwMTAwMDAwMFowHDEaMBgG
A1UEAwwRbG9naW4uZXhhbXBsZS5vcmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQlW2IC4UmLbe1vUyyfBarmjZswtuafthQr4H/ccka9XvT44VOOrGuE5iyOkCas
PcdlF+bjAIJ3AGaxIbJ6zoOjoyAwHjAcBgNVHREEFTATghFsb2dpbi5leGFtcGxl
Lm9yZzAKBggqhkjOPQQDAgNIADBFAiEA72EFGplzMcVMMZ6TfiSnMFyLZeY36CLf
q3YG3hWfNm4CID1j5R3ktK94Zk7jJp6DWdhkPygW/bVags945cxZTkpl
-----END CERTIFICATE-----
";

const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAxLDY0hsyaKSjaXx
KwBc8ZazMUp7zHjfcTAu4GIBlzehRANCAAQlW2IC4UmLbe1vUyyfBarmjZswtuaf
thQr4H/ccka9XvT44VOOrGuE5iyOkCasPcdlF+bjAIJ3AGaxIbJ6zoOj
-----END PRIVATE KEY-----
";

const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmpIDJzYtgk6e/bnM
nLbgSYT82MrSVg3pmPvW/3/ndNWhRANCAASYuQ4OwL1fSSOWEs8JQ+CBQ3JNLdZh
WS3Dc/gRBTZTx9LWMXx3iZLsjrAOtvWTEG1XvHiu2DMFuood2gcOB/Y3
-----END PRIVATE KEY-----
";

#[tokio::test]
async fn databases_of_places_are_read_and_one_that_is_broken_is_named() {
    use crate::places::write::{PlaceRow, place_file};
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("places.mmdb");
    let more = format!("[risk]\nplaces = [{:?}]\n", file.display().to_string());
    let config = config(folder.path(), &more);
    let missing = examine(&config, &SystemClock).await;
    assert!(missing.has_failed());
    assert!(said(&missing, "places").contains("cannot be read"));
    let row = PlaceRow {
        address: "192.0.2.0",
        bits: 24,
        country: "NO",
        city: "Oslo",
        at: (59.9, 10.7),
        network: 64_500,
    };
    fs::write(&file, place_file(&[row])).expect("writes");
    let fresh = TestClock::at(datetime!(2026-11-20 12:00 UTC));
    let good = said(&examine(&config, &fresh).await, "places");
    assert!(good.contains("Test-City of 2026-11-01"), "{good}");
    let late = TestClock::at(datetime!(2027-11-20 12:00 UTC));
    let stale = said(&examine(&config, &late).await, "places");
    assert!(stale.contains("fetch a newer one"), "{stale}");
    fs::write(&file, b"broken").expect("writes");
    let broken = examine(&config, &SystemClock).await;
    assert!(broken.has_failed());
    assert!(said(&broken, "places").contains("no database in MaxMind's format"));
}
