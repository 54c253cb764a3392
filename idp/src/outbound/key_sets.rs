//! Key sets by URL, cached: a client that signs a hundred assertions is asked for its keys once.
//!
//! A key that is not in the cached set may be a new one (OIDC Core §10.1.1), so that the set is fetched
//! again; how often is bounded for each URL, since anybody can send a token that names an unknown key.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use moka::future::Cache;
use time::{Duration, OffsetDateTime};

use super::{Fetch, OutboundError};
use crate::oidc::client::{ClientKeys, KeySet};

/// The cache.
pub struct KeySets {
    fetch: Arc<dyn Fetch>,
    fetched: Cache<String, Arc<Fetched>>,
    /// URLs that could not be fetched a moment ago.
    failed: Cache<String, OutboundError>,
}

struct Fetched {
    keys: Arc<KeySet>,
    at: OffsetDateTime,
    /// How often it was fetched again since `window`.
    again: u32,
    window: OffsetDateTime,
}

impl KeySets {
    /// An empty cache over a client.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            fetch,
            fetched: Cache::builder()
                .max_capacity(MOST_URLS)
                .time_to_live(KEPT)
                .build(),
            failed: Cache::builder()
                .max_capacity(MOST_URLS)
                .time_to_live(FAILURE_KEPT)
                .build(),
        }
    }

    /// The keys that a client registered, fetched where they are elsewhere; minutes old at most.
    ///
    /// # Errors
    /// When they cannot be fetched or read.
    pub async fn of(
        &self,
        keys: &ClientKeys,
        now: OffsetDateTime,
    ) -> Result<Arc<KeySet>, OutboundError> {
        match keys {
            ClientKeys::None => Ok(Arc::default()),
            ClientKeys::Inline(keys) => Ok(Arc::new(keys.clone())),
            ClientKeys::Uri(uri) => self.at(uri.as_str(), now).await,
        }
    }

    /// The keys at a URL; minutes old at most.
    ///
    /// # Errors
    /// When they cannot be fetched or read.
    pub async fn at(&self, url: &str, now: OffsetDateTime) -> Result<Arc<KeySet>, OutboundError> {
        let url = url.to_owned();
        if let Some(error) = self.failed.get(&url).await {
            return Err(error);
        }
        let fetched = self
            .fetched
            .try_get_with_by_ref(&url, self.fetched_now(&url, 0, now, now))
            .await;
        match fetched {
            Ok(fetched) => Ok(fetched.keys.clone()),
            Err(error) => {
                let error = (*error).clone();
                self.failed.insert(url, error.clone()).await;
                Err(error)
            }
        }
    }

    /// The keys that a client registered, fetched again because the ones at hand did not do; `None` where
    /// there is nothing newer to be had now.
    pub async fn again(&self, keys: &ClientKeys, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        match keys {
            ClientKeys::None | ClientKeys::Inline(_) => None,
            ClientKeys::Uri(uri) => self.again_at(uri.as_str(), now).await,
        }
    }

    /// The keys at a URL, fetched again; `None` where there is nothing newer to be had now.
    pub async fn again_at(&self, url: &str, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        let known = self.fetched.get(url).await?;
        let (again, window) = match now - known.window < WINDOW {
            true => (known.again + 1, known.window),
            false => (1, now),
        };
        if again > AGAIN_PER_WINDOW || now < known.at {
            return None;
        }
        // Counted before it is fetched, so that many at once do not all ask.
        let counted = Fetched {
            keys: known.keys.clone(),
            at: known.at,
            again,
            window,
        };
        self.fetched.insert(url.to_owned(), Arc::new(counted)).await;
        let fresh = self.fetched_now(url, again, window, now).await.ok()?;
        self.fetched.insert(url.to_owned(), fresh.clone()).await;
        Some(fresh.keys.clone())
    }

    /// How many sets are held.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.fetched.entry_count()
    }

    async fn fetched_now(
        &self,
        url: &str,
        again: u32,
        window: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Arc<Fetched>, OutboundError> {
        let document = self.fetch.get(url, ACCEPTED).await?;
        let keys = KeySet::from_slice(&document).map_err(|error| {
            tracing::info!(%error, "key_set_refused");
            OutboundError::Document
        })?;
        Ok(Arc::new(Fetched {
            keys: Arc::new(keys),
            at: now,
            again,
            window,
        }))
    }
}

const ACCEPTED: &str = "application/jwk-set+json, application/json";
const MOST_URLS: u64 = 1_000;
const KEPT: StdDuration = StdDuration::from_secs(600);
const FAILURE_KEPT: StdDuration = StdDuration::from_secs(3);
/// A client may turn its keys a few times in a row; nobody turns them faster than this for long.
const AGAIN_PER_WINDOW: u32 = 4;
const WINDOW: Duration = Duration::minutes(1);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::outbound::{Answer, Send};

    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        fails: bool,
    }

    #[async_trait]
    impl Fetch for Counting {
        async fn send(&self, _: Send<'_>) -> Result<Answer, OutboundError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.fails {
                return Err(OutboundError::Unreachable);
            }
            Ok(Answer {
                status: 200,
                media_type: "application/json".into(),
                max_age: None,
                body: br#"{"keys":[]}"#.to_vec().into(),
            })
        }
    }

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[tokio::test]
    async fn a_set_is_fetched_once_and_again_a_bounded_number_of_times() {
        let fetch = Arc::new(Counting::default());
        let sets = KeySets::new(fetch.clone());
        let asked = || fetch.asked.load(Ordering::SeqCst);
        for _ in 0..5 {
            sets.at("https://a.example", at(0)).await.unwrap();
        }
        assert_eq!(asked(), 1);
        let mut fresh = 0;
        for _ in 0..20 {
            fresh += usize::from(sets.again_at("https://a.example", at(1)).await.is_some());
        }
        assert_eq!((fresh, asked()), (4, 5));
        assert!(sets.again_at("https://a.example", at(62)).await.is_some());
        assert!(
            sets.again_at("https://unknown.example", at(62))
                .await
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_moment() {
        let fetch = Arc::new(Counting {
            fails: true,
            ..Counting::default()
        });
        let sets = KeySets::new(fetch.clone());
        for _ in 0..5 {
            assert!(sets.at("https://a.example", at(0)).await.is_err());
        }
        assert_eq!(fetch.asked.load(Ordering::SeqCst), 1);
    }
}
