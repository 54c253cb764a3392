//! This machine: its clock, its disk, its processors, and the address to listen on.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration as StdDuration;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::report::{Area, Finding};
use crate::config::{BlobsKind, Config};

pub(super) async fn examine(config: &Config, now: OffsetDateTime) -> (Vec<Finding>, ()) {
    (
        vec![
            clock(config, now),
            disk(config),
            processors(config),
            address(config).await,
        ],
        (),
    )
}

/// A clock that is wrong by years is told by what it cannot be before; one that went back, by files of the future.
fn clock(config: &Config, now: OffsetDateTime) -> Finding {
    let mend = "set the clock, and let NTP or chrony keep it";
    if now < BUILT_AFTER {
        return fail(
            "clock",
            format!("{}: before this program was written", now.date()),
        )
        .mend(mend);
    }
    let database = config.database_file();
    let written = database.and_then(|file| std::fs::metadata(file).ok()?.modified().ok());
    match written
        .map(OffsetDateTime::from)
        .filter(|written| *written > now + Duration::minutes(1))
    {
        Some(written) => warn(
            "clock",
            format!("it is behind: the database was last written at {written}"),
        )
        .mend(mend),
        None => ok(
            "clock",
            format!("{} {:02}:{:02} UTC", now.date(), now.hour(), now.minute()),
        ),
    }
}

fn disk(config: &Config) -> Finding {
    let uses = config.vault.blobs == BlobsKind::Directory || config.database_file().is_some();
    let absolute =
        std::path::absolute(&config.state_dir).unwrap_or_else(|_| config.state_dir.clone());
    // What is not made yet will be on the volume of what is.
    let Some(place) = absolute.ancestors().find(|path| path.exists()) else {
        return fail(
            "disk",
            format!("{} cannot be looked at", absolute.display()),
        )
        .mend("see state_dir");
    };
    match rustix::fs::statvfs(place) {
        Ok(volume) => free(
            &absolute,
            volume.f_bavail.saturating_mul(volume.f_frsize) >> 20,
            uses,
        ),
        Err(error) => warn("disk", format!("{}: {error}", place.display())).mend("see state_dir"),
    }
}

fn free(place: &Path, mebibytes: u64, uses: bool) -> Finding {
    let detail = format!("{mebibytes} MiB free for {}", place.display());
    let mend = "make room, or move state_dir";
    match mebibytes {
        0..100 if uses => fail("disk", detail).mend(mend),
        0..1024 if uses => warn("disk", detail).mend(mend),
        _ => ok("disk", detail),
    }
}

fn processors(config: &Config) -> Finding {
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.limits.biometric_workers;
    match workers > there {
        true => warn(
            "processors",
            format!("{there}, and {workers} comparisons at once would slow each other"),
        )
        .mend(format!(
            "set [limits] biometric_workers to {there} or fewer"
        )),
        false => ok(
            "processors",
            format!("{there}, of which {workers} may compare at once"),
        ),
    }
}

async fn address(config: &Config) -> Finding {
    let listen = config.listen;
    match TcpListener::bind(listen) {
        Ok(_) => ok("address", format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => in_use(config).await,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            fail("address", format!("{listen}: {error}"))
                .mend("listen on a port from 1024 up, or give the service CAP_NET_BIND_SERVICE")
        }
        Err(error) => fail("address", format!("{listen}: {error}"))
            .mend("set listen to an address of this machine"),
    }
}

/// Somebody listens already, most likely the very provider that is examined.
async fn in_use(config: &Config) -> Finding {
    let listen = config.listen;
    let taken = || {
        warn("address", format!("{listen} is in use"))
            .mend("fine if it is the provider that runs; else stop the other program, or set another listen")
    };
    if config.tls().is_some() {
        return taken();
    }
    let client = reqwest::Client::builder()
        .timeout(StdDuration::from_secs(5))
        .no_proxy()
        .build();
    let Ok(client) = client else { return taken() };
    let (base, ours) = (
        format!("http://{}", reachable(listen)),
        config.issuer_text(),
    );
    match issuer_at(&client, &base).await {
        Some(issuer) if issuer == ours => {}
        Some(issuer) => {
            return fail(
                "address",
                format!("another provider serves on {listen}: its issuer is {issuer}"),
            )
            .mend("stop it, or set another listen");
        }
        None => return taken(),
    }
    let answer = client.get(format!("{base}/readyz")).send().await;
    match answer.map(|answer| answer.status().as_u16()) {
        Ok(200) => ok(
            "address",
            format!("{ours} serves on {listen}, and is ready"),
        ),
        Ok(503) => fail(
            "address",
            format!("{ours} serves on {listen}, and is not ready"),
        )
        .mend(format!("see what is down: {base}/readyz")),
        Ok(_) | Err(_) => taken(),
    }
}

/// The issuer that the discovery document there names (OpenID Connect Discovery §3).
async fn issuer_at(client: &reqwest::Client, base: &str) -> Option<String> {
    let url = format!("{base}/.well-known/openid-configuration");
    let mut answer = client.get(url).send().await.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_DOCUMENT {
            return None;
        }
    }
    let document: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let issuer = document.get("issuer")?.as_str()?;
    // It goes to a terminal, and came from whoever listens there.
    let is_plain = issuer.len() <= 200 && issuer.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| issuer.trim_end_matches('/').to_owned())
}

/// Every interface is no address to connect to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding::ok(Area::Machine, name, detail)
}

fn warn(name: &str, detail: impl Into<String>) -> Finding {
    Finding::warn(Area::Machine, name, detail)
}

fn fail(name: &str, detail: impl Into<String>) -> Finding {
    Finding::fail(Area::Machine, name, detail)
}

const LARGEST_DOCUMENT: usize = 256 << 10;
const BUILT_AFTER: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);
