//! The database: reached, of the right schema, written to, how fast, and by whose clock.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use url::{Host, Url};

use super::report::{Area, Finding, chain};
use crate::clock::Clock;
use crate::config::Config;
use crate::database_file::{self, files_of};
use crate::store::Store;

pub(super) async fn examine(config: &Config, clock: &dyn Clock) -> (Vec<Finding>, Option<Store>) {
    let url = config.database_url();
    let shown = shown(&url);
    if let Some(path) = database_file::of_url(&url).filter(|path| !path.exists()) {
        let finding = warn("reach", format!("{}: not made yet", path.display()))
            .mend("nothing to do: the first `whorl serve` or `whorl migrate` makes it");
        return (vec![finding], None);
    }
    let begun = Instant::now();
    let store = match Store::open_existing(&url, 1).await {
        Ok(store) => store,
        Err(error) => {
            let finding = fail("reach", format!("{shown}: {}", without_secrets(&chain(&error), &url)))
                .mend("see that the server runs and is reached from here, and that name and password in [database] url are right");
            return (vec![finding], None);
        }
    };
    let version = store
        .version()
        .await
        .unwrap_or_else(|_| store.backend().to_owned());
    let mut findings = vec![ok("reach", format!("{version}, {shown}")).took(begun.elapsed())];
    findings.extend(transport(&url));
    findings.extend(database_file::of_url(&url).map(|file| files(&file)));
    let (schema, current) = schema(config, &store, &url).await;
    findings.push(schema);
    if current {
        findings.push(write(&store, &url).await);
    }
    findings.extend(latency(&store, &url).await);
    findings.extend(time(&store, clock).await);
    (findings, current.then_some(store))
}

/// Whether others on this machine can read the names and password hashes in it.
fn files(file: &Path) -> Finding {
    let is_open = |path: &&std::path::PathBuf| {
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    };
    let files = files_of(file);
    let open: Vec<String> = files
        .iter()
        .filter(is_open)
        .map(|path| path.display().to_string())
        .collect();
    match open.as_slice() {
        [] => ok("files", "nobody but their owner may read them"),
        open => fail("files", format!("others may read {}", open.join(", ")))
            .mend(format!("chmod 600 {}", open.join(" "))),
    }
}

async fn schema(config: &Config, store: &Store, url: &str) -> (Finding, bool) {
    match (store.pending_migrations().await, config.database.migrate) {
        (Ok(0), _) => (ok("schema", "up to date"), true),
        (Ok(outstanding), true) => {
            let finding = warn("schema", format!("{outstanding} changes are outstanding"))
                .mend("nothing to do: the next start applies them; or run `whorl migrate` now");
            (finding, false)
        }
        (Ok(outstanding), false) => {
            let finding = fail(
                "schema",
                format!("{outstanding} changes are outstanding, and [database] migrate is off"),
            )
            .mend("run `whorl migrate`");
            (finding, false)
        }
        (Err(error), _) => {
            let finding = fail("schema", without_secrets(&chain(&error), url))
                .mend("run the version of whorl that last changed this schema, or a later one");
            (finding, false)
        }
    }
}

async fn write(store: &Store, url: &str) -> Finding {
    let begun = Instant::now();
    match store.try_write().await {
        Ok(()) => ok("write", "a row written and taken back").took(begun.elapsed()),
        Err(error) => fail("write", without_secrets(&chain(&error), url))
            .mend("give this role INSERT, UPDATE and DELETE, free disk, or the primary in place of a replica"),
    }
}

/// The median of a few answers: the first one pays for what the others find warm.
async fn latency(store: &Store, url: &str) -> Option<Finding> {
    let mut times = Vec::new();
    for _ in 0..ANSWERS {
        let begun = Instant::now();
        if let Err(error) = store.check().await {
            let finding = fail("latency", without_secrets(&chain(&error), url));
            return Some(finding.mend("see whether the database is overloaded"));
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let median = times.get(times.len() / 2).copied()?;
    Some(match median > SLOW {
        true => warn(
            "latency",
            format!("a login asks some thirty times, and each answer takes {median:.1?}"),
        )
        .mend("bring the database nearer to this machine"),
        false => ok("latency", format!("{median:.1?} an answer")),
    })
}

/// Replicas take the time from their own clocks, and what one writes another judges.
async fn time(store: &Store, clock: &dyn Clock) -> Option<Finding> {
    let before: OffsetDateTime = clock.now();
    let theirs = store.time().await.ok().flatten()?;
    let halfway: time::Duration = (clock.now() - before) / 2;
    let apart: time::Duration = (theirs - (before + halfway)).abs();
    let mend = "let NTP or chrony keep the clocks of both machines";
    let detail = format!(
        "{:.3} s between this machine's clock and the database's",
        apart.as_seconds_f64()
    );
    Some(match apart {
        apart if apart > time::Duration::seconds(30) => fail("clock", detail).mend(mend),
        apart if apart > time::Duration::seconds(1) => warn("clock", detail).mend(mend),
        _ => ok("clock", detail),
    })
}

/// Whether the way to a PostgreSQL elsewhere can be read or taken over on the way.
fn transport(url: &str) -> Option<Finding> {
    let url = Url::parse(url)
        .ok()
        .filter(|url| url.scheme().starts_with("postgres"))?;
    let here = match url.host() {
        None => true,
        // Of a scheme that is not the web's, an address is kept as text.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
    };
    let mode = url
        .query_pairs()
        .find(|(name, _)| name == "sslmode" || name == "ssl-mode")
        .map(|(_, mode)| mode.into_owned());
    match (here, mode.as_deref()) {
        (true, _) => None,
        (false, Some("verify-full" | "verify-ca")) => {
            Some(ok("transport", "TLS, and the server must prove its name"))
        }
        (false, mode) => Some(
            warn(
                "transport",
                format!(
                    "sslmode={} takes anybody for the server",
                    mode.unwrap_or("prefer")
                ),
            )
            .mend("add ?sslmode=verify-full&sslrootcert=FILE to [database] url"),
        ),
    }
}

/// The URL for people: scheme, role, host, port and database; never the password, and no parameters, which can hold one.
pub(super) fn shown(url: &str) -> String {
    if let Some(file) = database_file::of_url(url) {
        return file.display().to_string();
    }
    let Ok(url) = Url::parse(url) else {
        return "the database".to_owned();
    };
    let role = Some(url.username())
        .filter(|role| !role.is_empty())
        .map(|role| format!("{role}@"))
        .unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{role}{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// A text in which neither the URL nor a password of it is left.
pub(super) fn without_secrets(text: &str, url: &str) -> String {
    let mut text = text.replace(url, &shown(url));
    for secret in secrets(url) {
        text = text.replace(&secret, "***");
    }
    text
}

fn secrets(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url) else {
        return Vec::new();
    };
    let written = url.password().map(str::to_owned);
    // As it is written, and as it is meant.
    let meant = written.iter().flat_map(|password| {
        let form = format!("p={}", password.replace('+', "%2B"));
        let decoded: Vec<_> = url::form_urlencoded::parse(form.as_bytes())
            .map(|(_, value)| value.into_owned())
            .collect();
        decoded
    });
    let parameters = url
        .query_pairs()
        .filter(|(name, _)| name == "password")
        .map(|(_, value)| value.into_owned());
    let all = written.iter().cloned().chain(meant).chain(parameters);
    all.filter(|secret| !secret.is_empty()).collect()
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding::ok(Area::Database, name, detail)
}

fn warn(name: &str, detail: impl Into<String>) -> Finding {
    Finding::warn(Area::Database, name, detail)
}

fn fail(name: &str, detail: impl Into<String>) -> Finding {
    Finding::fail(Area::Database, name, detail)
}

const ANSWERS: usize = 5;
/// An answer from a database in the same place takes a fraction of this.
const SLOW: Duration = Duration::from_millis(20);
