//! What the configuration says by itself: combinations that are allowed and yet seldom meant.

use ipnet::IpNet;

use super::policy::{self, Counting};
use super::report::{Area, Finding, chain};
use crate::config::{Config, LogFormat};

pub(super) fn examine(config: &Config, counts: &Counting<'_>) -> Vec<Finding> {
    let mut findings = vec![
        issuer(config),
        listen(config),
        proxies(config),
        demo(config),
    ];
    findings.push(metrics(config));
    findings.push(log(config));
    findings.push(clients(config));
    findings.push(policy::examine(config, counts));
    findings
}

fn issuer(config: &Config) -> Finding {
    let issuer = config.issuer_text();
    let https = config.issuer.scheme() == "https";
    match (https, config.is_loopback(), config.tls().is_some()) {
        (false, _, true) => fail("issuer", format!("{issuer} is http, and [tls] is set"))
            .mend("write the issuer with https, or take out [tls]"),
        (_, true, _) => warn("issuer", format!("{issuer} is reached from this machine alone"))
            .mend("set issuer to the https address that relying parties will use; changing it later breaks them"),
        (_, false, _) => ok("issuer", issuer),
    }
}

fn listen(config: &Config) -> Finding {
    let listen = config.listen;
    let open = !listen.ip().is_loopback();
    match (config.tls().is_some(), open) {
        (true, _) => ok("listen", format!("{listen}, TLS")),
        (false, false) => ok("listen", format!("{listen}, plain HTTP on this machine")),
        (false, true) if config.trusted_proxies.is_empty() => warn(
            "listen",
            format!("{listen}, plain HTTP to whoever reaches it, and no proxy is trusted"),
        )
        .mend("set [tls], or name the proxy that ends TLS in trusted_proxies"),
        (false, true) => ok(
            "listen",
            format!("{listen}, plain HTTP for the proxy; let nobody else reach it"),
        ),
    }
}

fn proxies(config: &Config) -> Finding {
    let name = "trusted proxies";
    let proxies = &config.trusted_proxies;
    let all = proxies.iter().find(|network| network.prefix_len() == 0);
    let wide = proxies.iter().find(|network| is_wide(network));
    if let Some(network) = all {
        return fail(
            name,
            format!("{network} is everybody: whoever connects may claim any address"),
        )
        .mend("name only the networks of your own proxies in trusted_proxies");
    }
    if let Some(network) = wide {
        return warn(name, format!("{network} is a large network to be believed"))
            .mend("name only the networks of your own proxies in trusted_proxies");
    }
    if !proxies.is_empty() {
        return ok(name, list(proxies));
    }
    match config.issuer.scheme() == "https" && config.tls().is_none() {
        true => warn(name, "none, though a proxy must end TLS: everybody will share the proxy's address and its limits")
            .mend("name the proxy's network in trusted_proxies"),
        false => ok(name, "none: X-Forwarded-For is not believed"),
    }
}

fn demo(config: &Config) -> Finding {
    match config.demo.enabled {
        true => warn(
            "demonstration",
            "on: uploaded samples are accepted, worth acr=urn:whorl:acr:demo",
        )
        .mend("set [demo] enabled = false wherever it is not a demonstration"),
        false => ok("demonstration", "off: uploaded samples are refused"),
    }
}

fn metrics(config: &Config) -> Finding {
    let Some(at) = config
        .metrics
        .listen()
        .or(config.is_loopback().then_some(config.listen))
    else {
        return ok("metrics", "not served: [metrics] listen names no address");
    };
    match config
        .metrics
        .allow
        .iter()
        .find(|network| network.prefix_len() == 0)
    {
        Some(network) => warn("metrics", format!("{network} may read /metrics: everybody"))
            .mend("name the networks of your monitoring in [metrics] allow"),
        None => ok(
            "metrics",
            format!("at {at}, for {}", list(&config.metrics.allow)),
        ),
    }
}

fn log(config: &Config) -> Finding {
    let level = config.log.level.to_lowercase();
    let form = match config.log.format {
        LogFormat::Json => "JSON",
        LogFormat::Text => "text",
    };
    if !config.is_loopback() && ["debug", "trace"].iter().any(|wordy| level.contains(wordy)) {
        return warn(
            "log",
            format!("{level}, {form}: more is written than a service should keep of people"),
        )
        .mend("set [log] level = \"info\" once the fault is found");
    }
    ok("log", format!("{level}, {form}"))
}

fn clients(config: &Config) -> Finding {
    let weak: Vec<String> = config.weak_secrets().map(|weak| weak.to_string()).collect();
    if !weak.is_empty() {
        return fail("clients", weak.join("; "))
            .mend("write a random secret of 32 characters or more: openssl rand -base64 32");
    }
    match config.configured_clients() {
        Ok(clients) if clients.is_empty() => ok(
            "clients",
            "none in the configuration, those of the database count",
        ),
        Ok(clients) => ok("clients", format!("{} in the configuration", clients.len())),
        Err(error) => fail("clients", chain(&error)).mend("correct the [[client]] that is named"),
    }
}

/// Larger than a proxy's network is likely to be.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 16,
    }
}

fn list(networks: &[IpNet]) -> String {
    match networks {
        [] => "nobody".to_owned(),
        some => some
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding::ok(Area::Configuration, name, detail)
}

fn warn(name: &str, detail: impl Into<String>) -> Finding {
    Finding::warn(Area::Configuration, name, detail)
}

fn fail(name: &str, detail: impl Into<String>) -> Finding {
    Finding::fail(Area::Configuration, name, detail)
}
