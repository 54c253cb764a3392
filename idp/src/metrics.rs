//! What is counted and timed, for Prometheus. Labels come from closed enums only, so that no request can
//! make a series.

use std::time::Duration;

use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};
use wire::FactorKind;

use crate::factors::Outcome;
use crate::vault;

/// Every series of the process, under one registry of its own.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    login_steps: IntCounterVec,
    comparison_seconds: HistogramVec,
    vault_calls: IntCounterVec,
    vault_seconds: HistogramVec,
    queue: IntGaugeVec,
    cache_entries: GaugeVec,
    tokens: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with every series in it.
    ///
    /// # Panics
    /// Never: the names are constants, each registered once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("idp_http_requests_total", "Requests by route, method and status class."),
            &["route", "method", "status"],
        );
        let request_seconds = HistogramVec::new(
            HistogramOpts::new("idp_http_request_seconds", "Time to answer, by route.").buckets(SECONDS.to_vec()),
            &["route"],
        );
        let login_steps = IntCounterVec::new(
            Opts::new("idp_login_steps_total", "Judged proofs by factor and outcome."),
            &["factor", "outcome"],
        );
        let comparison_seconds = HistogramVec::new(
            HistogramOpts::new("idp_biometric_seconds", "Biometric work by kind, waiting excluded.")
                .buckets(SECONDS.to_vec()),
            &["work"],
        );
        let vault_calls = IntCounterVec::new(
            Opts::new("idp_vault_calls_total", "Calls on key service and blob store."),
            &["part", "operation", "outcome"],
        );
        let vault_seconds = HistogramVec::new(
            HistogramOpts::new("idp_vault_call_seconds", "Time of those calls.").buckets(SECONDS.to_vec()),
            &["part", "operation"],
        );
        let queue = IntGaugeVec::new(Opts::new("idp_biometric_queue_total", "Biometric work by state."), &["state"]);
        let cache_entries = GaugeVec::new(Opts::new("idp_cache_entries_total", "Entries by cache."), &["cache"]);
        let tokens = IntCounterVec::new(
            Opts::new("idp_token_requests_total", "Token requests by grant and outcome."),
            &["grant", "outcome"],
        );
        let make = || -> prometheus::Result<Self> {
            let made = Self {
                requests: requests?,
                request_seconds: request_seconds?,
                login_steps: login_steps?,
                comparison_seconds: comparison_seconds?,
                vault_calls: vault_calls?,
                vault_seconds: vault_seconds?,
                queue: queue?,
                cache_entries: cache_entries?,
                tokens: tokens?,
                registry,
            };
            made.registry.register(Box::new(made.requests.clone()))?;
            made.registry.register(Box::new(made.request_seconds.clone()))?;
            made.registry.register(Box::new(made.login_steps.clone()))?;
            made.registry.register(Box::new(made.comparison_seconds.clone()))?;
            made.registry.register(Box::new(made.vault_calls.clone()))?;
            made.registry.register(Box::new(made.vault_seconds.clone()))?;
            made.registry.register(Box::new(made.queue.clone()))?;
            made.registry.register(Box::new(made.cache_entries.clone()))?;
            made.registry.register(Box::new(made.tokens.clone()))?;
            Ok(made)
        };
        make().expect("invariant: constant names, each registered once")
    }

    /// A request was answered. `route` is the pattern of the router, never the path that was asked for.
    pub fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        let class = match status {
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.requests.with_label_values(&[route, method, class]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// A proof was judged.
    pub fn login_step(&self, factor: FactorKind, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Match => "match",
            Outcome::NoMatch => "no_match",
            Outcome::Unusable => "unusable",
        };
        self.login_steps.with_label_values(&[factor.as_str(), outcome]).inc();
    }

    /// A token request ended.
    pub fn token_request(&self, grant: &'static str, outcome: &'static str) {
        self.tokens.with_label_values(&[grant, outcome]).inc();
    }

    /// Biometric work was done.
    pub fn biometric(&self, work: &'static str, took: Duration) {
        self.comparison_seconds.with_label_values(&[work]).observe(took.as_secs_f64());
    }

    /// How much biometric work runs and waits.
    pub fn biometric_queue(&self, running: usize, waiting: usize) {
        self.queue.with_label_values(&["running"]).set(running as i64);
        self.queue.with_label_values(&["waiting"]).set(waiting as i64);
    }

    /// How many entries a cache holds.
    pub fn cache(&self, cache: &'static str, entries: u64) {
        self.cache_entries.with_label_values(&[cache]).set(entries as f64);
    }

    /// All series in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned(),
            Err(error) => {
                tracing::error!(%error, "metrics_not_encoded");
                String::new()
            }
        }
    }
}

impl vault::Observer for Metrics {
    fn on_call(&self, part: vault::Part, operation: vault::Operation, outcome: vault::Outcome, took: Duration) {
        self.vault_calls.with_label_values(&[part.name(), operation.name(), outcome.name()]).inc();
        self.vault_seconds.with_label_values(&[part.name(), operation.name()]).observe(took.as_secs_f64());
    }
}

/// From a cached page to a cold key service, in seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        let metrics = Metrics::new();
        metrics.login_step(FactorKind::Face, Outcome::NoMatch);
        metrics.request("/token", "POST", 200, Duration::from_millis(3));
        let text = metrics.render();
        assert!(text.contains(r#"idp_login_steps_total{factor="face",outcome="no_match"} 1"#), "{text}");
        assert!(text.contains(r#"idp_http_requests_total{method="POST",route="/token",status="2xx"} 1"#), "{text}");
    }
}
