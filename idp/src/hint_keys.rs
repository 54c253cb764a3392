//! Verifies hints of other issuers: their keys are fetched when the first hint comes, kept for a day, and read again
//! when a hint names a key that is not among them.
//!
//! Where keys are fetched from is decided by the configuration alone: of the hint only an allowed tenant counts.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use url::Url;

use crate::oidc::external_hint::{self, ExternalHint, HintIssuer, HintRefusal};
use crate::outbound::Fetch;

/// The issuers whose hints are believed, and their keys.
pub struct HintKeys {
    issuers: Vec<HintIssuer>,
    fetch: Arc<dyn Fetch>,
    /// By issuer and tenant, both of which the configuration bounds.
    known: Mutex<HashMap<Name, Arc<Mutex<Known>>>>,
}

/// An issuer's name, and a tenant of it.
type Name = (String, String);

/// The keys of one issuer's tenant, as far as they are known.
#[derive(Default)]
struct Known {
    keys: Option<(Arc<JwkSet>, OffsetDateTime)>,
    failed_at: Option<OffsetDateTime>,
    /// When they were read again for a key that was not among them, within the last minute.
    searched_at: Vec<OffsetDateTime>,
}

/// Why a hint was not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// It is not to be believed.
    #[error(transparent)]
    Refused(#[from] HintRefusal),
    /// Its issuer's keys cannot be had now.
    #[error("the keys of the hint's issuer are not available")]
    Unavailable,
}

impl HintKeys {
    /// For these issuers.
    #[must_use]
    pub fn new(issuers: Vec<HintIssuer>, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            issuers,
            fetch,
            known: Mutex::default(),
        }
    }

    /// The issuer of that name.
    #[must_use]
    pub fn issuer(&self, name: &str) -> Option<&HintIssuer> {
        self.issuers.iter().find(|issuer| issuer.name == name)
    }

    /// Verifies a hint. Whether it was used before is not known here.
    ///
    /// # Errors
    /// What is wrong with it, or that nobody can tell now.
    pub async fn verify(
        &self,
        issuer: &HintIssuer,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<ExternalHint, HintError> {
        let unverified = external_hint::read(token, issuer)?;
        let keys = self.keys(issuer, &unverified.tenant, now, None).await?;
        let keys = if unverified.has_key(&keys) {
            keys
        } else {
            // It may be new; but whoever sends unknown keys does not decide how often we ask.
            let lacking = Some(&keys);
            self.keys(issuer, &unverified.tenant, now, lacking).await?
        };
        Ok(unverified.verify(&keys, issuer, now)?)
    }

    /// The keys, not older than a day; others than those that are `lacking` one, as far as these may be read again. Of
    /// many hints at once one fetches.
    async fn keys(
        &self,
        issuer: &HintIssuer,
        tenant: &str,
        now: OffsetDateTime,
        lacking: Option<&Arc<JwkSet>>,
    ) -> Result<Arc<JwkSet>, HintError> {
        let name = (issuer.name.clone(), tenant.to_owned());
        let known = self.known.lock().await.entry(name).or_default().clone();
        let mut known = known.lock().await;
        known.searched_at.retain(|at| now - *at < MINUTE);
        let is_recent = |at: &OffsetDateTime| now - *at < MOMENT;
        let is_spent = known.searched_at.len() >= MOST_SEARCHES
            && known.searched_at.last().is_some_and(is_recent);
        if let Some((keys, read_at)) = &known.keys {
            let age = now - *read_at;
            let suffice = match lacking {
                None => age < DAY,
                Some(lacking) => !Arc::ptr_eq(keys, lacking) || is_spent,
            };
            if suffice {
                return Ok(keys.clone());
            }
        }
        if known.failed_at.is_some_and(|at| now - at < AFTER_FAILURE) {
            return Err(HintError::Unavailable);
        }
        if lacking.is_some() {
            known.searched_at.push(now);
        }
        match self.fetched(issuer, tenant).await {
            Some(keys) => {
                let keys = Arc::new(keys);
                known.keys = Some((keys.clone(), now));
                known.failed_at = None;
                Ok(keys)
            }
            None => {
                known.failed_at = Some(now);
                tracing::warn!(issuer = issuer.name, tenant, "hint_keys_not_read");
                Err(HintError::Unavailable)
            }
        }
    }

    /// OIDC Discovery §4.3: the document must be of the issuer that was asked for.
    async fn fetched(&self, issuer: &HintIssuer, tenant: &str) -> Option<JwkSet> {
        for url in issuer.discovery_urls(tenant) {
            let Some(document) = self.json(&url).await else {
                continue;
            };
            let named = document.get("issuer").and_then(Value::as_str);
            if !named.is_some_and(|named| issuer.is_named(named, tenant)) {
                tracing::warn!(url, "hint_discovery_of_another_issuer");
                continue;
            }
            let Some(keys) = document.get("jwks_uri").and_then(Value::as_str) else {
                continue;
            };
            let Some(set) = self.json(keys).await else {
                continue;
            };
            if let Some(keys) = external_hint::key_set(&set) {
                return Some(keys);
            }
        }
        None
    }

    async fn json(&self, url: &str) -> Option<Value> {
        let is_https = Url::parse(url).is_ok_and(|url| url.scheme() == "https");
        if !is_https {
            return None;
        }
        match self.fetch.get(url, "application/json").await {
            Ok(body) => serde_json::from_slice(&body).ok(),
            Err(error) => {
                tracing::warn!(
                    url,
                    error = &error as &dyn std::error::Error,
                    "hint_issuer_not_reached"
                );
                None
            }
        }
    }
}

/// How long keys are good without being looked at again; Microsoft asks to follow within a day.
const DAY: Duration = Duration::days(1);
/// How often an unknown key is looked for within a minute, however soon after another.
const MOST_SEARCHES: usize = 5;
const MINUTE: Duration = Duration::minutes(1);
/// How long it is not looked for again beyond that: strangers with made-up keys hold up a new one no longer.
const MOMENT: Duration = Duration::seconds(10);
/// How long a failed fetch stands for those who waited for it.
const AFTER_FAILURE: Duration = Duration::seconds(1);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::keys::jws::sign_claims;
    use crate::keys::{LocalSigner, Signer as _, SigningAlg};
    use crate::outbound::{self, Answer, OutboundError};
    use crate::store::tests::NOW;

    struct Elsewhere {
        key: std::sync::Mutex<Option<Value>>,
        fetches: AtomicUsize,
    }

    #[async_trait]
    impl Fetch for Elsewhere {
        async fn send(&self, request: outbound::Send<'_>) -> Result<Answer, OutboundError> {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            let key = self.key.lock().expect("nobody panics").clone();
            let key = key.ok_or(OutboundError::Unreachable)?;
            let document = match request.url {
                "https://hints.example/t/.well-known/openid-configuration" => {
                    json!({ "issuer": "https://hints.example/t", "jwks_uri": "https://hints.example/keys" })
                }
                "https://hints.example/keys" => json!({ "keys": [key] }),
                _ => return Err(OutboundError::Status(404)),
            };
            Ok(Answer {
                status: 200,
                media_type: "application/json".into(),
                max_age: None,
                body: document.to_string().into(),
            })
        }
    }

    fn issuer() -> HintIssuer {
        HintIssuer {
            name: "hints".into(),
            issuer: "https://hints.example/{tid}".into(),
            discovery: None,
            tenants: vec!["t".into()],
            audiences: vec!["us".into()],
            max_age: Duration::days(30),
        }
    }

    async fn hint(signer: &LocalSigner, tenant: &str) -> String {
        let claims = json!({
            "iss": format!("https://hints.example/{tenant}"), "aud": "us", "tid": tenant, "oid": "o", "sub": "s",
            "iat": NOW.unix_timestamp(),
        });
        sign_claims(signer, "JWT", &claims).await.expect("signed")
    }

    fn published(signer: &LocalSigner) -> Option<Value> {
        Some(serde_json::to_value(signer.public_jwk()).expect("JSON"))
    }

    #[tokio::test]
    async fn keys_are_fetched_once_a_day_and_when_a_new_one_signs() {
        let signer = |()| LocalSigner::generate(SigningAlg::Rs256).expect("a key").0;
        let (first, second) = (signer(()), signer(()));
        let elsewhere = Arc::new(Elsewhere {
            key: std::sync::Mutex::new(None),
            fetches: AtomicUsize::new(0),
        });
        let hints = HintKeys::new(vec![issuer()], elsewhere.clone());
        let issuer = hints.issuer("hints").expect("configured").clone();
        let count = || elsewhere.fetches.swap(0, Ordering::SeqCst);
        let token = hint(&first, "t").await;

        let down = hints.verify(&issuer, &token, NOW).await;
        assert_eq!(down, Err(HintError::Unavailable));
        assert_eq!(count(), 2, "the tenant's document, and that of all tenants");
        hints
            .verify(&issuer, &token, NOW)
            .await
            .expect_err("waits a moment");
        assert_eq!(count(), 0);

        let later = NOW + AFTER_FAILURE;
        *elsewhere.key.lock().expect("nobody panics") = published(&first);
        assert!(hints.verify(&issuer, &token, later).await.is_ok());
        assert_eq!(count(), 2);
        assert!(
            hints
                .verify(&issuer, &token, later + Duration::hours(23))
                .await
                .is_ok()
        );
        assert_eq!(count(), 0, "kept");

        // A foreign tenant makes us fetch nothing.
        let foreign = hints.verify(&issuer, &hint(&first, "u").await, later).await;
        assert_eq!(foreign, Err(HintRefusal::Tenant.into()));
        assert_eq!(count(), 0);

        *elsewhere.key.lock().expect("nobody panics") = published(&second);
        let token = hint(&second, "t").await;
        assert!(hints.verify(&issuer, &token, later).await.is_ok());
        assert_eq!(count(), 2, "a key that is new the moment after");
        let renewed = later + DAY;
        assert!(hints.verify(&issuer, &token, renewed).await.is_ok());
        assert_eq!(count(), 2, "a day is over");
    }

    #[tokio::test]
    async fn made_up_keys_are_looked_for_a_few_times_a_minute() {
        let signer = |()| LocalSigner::generate(SigningAlg::Rs256).expect("a key").0;
        let (first, second, made_up) = (signer(()), signer(()), signer(()));
        let elsewhere = Arc::new(Elsewhere {
            key: std::sync::Mutex::new(published(&first)),
            fetches: AtomicUsize::new(0),
        });
        let hints = HintKeys::new(vec![issuer()], elsewhere.clone());
        let issuer = hints.issuer("hints").expect("configured").clone();
        let count = || elsewhere.fetches.swap(0, Ordering::SeqCst);
        let good = hint(&first, "t").await;
        assert!(hints.verify(&issuer, &good, NOW).await.is_ok());
        assert_eq!(count(), 2);

        let forged = hint(&made_up, "t").await;
        for searches in [1, 2, 3, 4, 5, 5, 5] {
            let refused = hints.verify(&issuer, &forged, NOW).await;
            assert_eq!(refused, Err(HintRefusal::UnknownKey.into()));
            let fetched = elsewhere.fetches.load(Ordering::SeqCst);
            assert_eq!(fetched, 2 * searches, "two documents each");
        }
        count();
        assert!(hints.verify(&issuer, &good, NOW).await.is_ok());
        assert_eq!(count(), 0, "known keys are not held up");

        *elsewhere.key.lock().expect("nobody panics") = published(&second);
        let token = hint(&second, "t").await;
        let early = NOW + MOMENT - Duration::SECOND;
        let early = hints.verify(&issuer, &token, early).await;
        assert_eq!(early, Err(HintRefusal::UnknownKey.into()));
        assert_eq!(count(), 0);
        assert!(hints.verify(&issuer, &token, NOW + MOMENT).await.is_ok());
        assert_eq!(count(), 2);
        let after = NOW + MOMENT + MINUTE;
        for _ in 0..MOST_SEARCHES {
            hints
                .verify(&issuer, &forged, after)
                .await
                .expect_err("unknown");
        }
        assert_eq!(count(), 2 * MOST_SEARCHES, "another minute");
    }
}
