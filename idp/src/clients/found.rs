//! Finding a client by its identifier: in the cache, in the database, or at the URL that the identifier is.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::app::App;
use crate::oidc::client::metadata::{By, Rules};
use crate::oidc::client::{Client, ClientId, GrantType, JwsAlg};
use crate::oidc::client_document;
use crate::oidc::signing_alg::SigningAlg;
use crate::outbound::{OutboundError, Send};
use crate::store::{ClientOrigin, StoreError};

/// Clients whose metadata documents were read, and URLs that had none a moment ago.
pub struct Documents {
    read: Cache<String, Arc<Client>>,
    refused: Cache<String, ()>,
}

impl Default for Documents {
    fn default() -> Self {
        let cache = |kept| Cache::builder().max_capacity(MOST).time_to_live(kept);
        Self {
            read: cache(KEPT).build(),
            refused: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(REFUSAL_KEPT)
                .build(),
        }
    }
}

impl App {
    /// A client; a registration may be stale for the few seconds that the cache holds it, and a metadata document for
    /// the minutes that it is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.clients.get(id).await {
            return Ok(Some(client));
        }
        let registered = self.store.client(id).await?;
        // A document's row is there for what refers to it; what it says is asked of its owner.
        let registered = registered.filter(|it| it.origin != ClientOrigin::Document);
        let Some(registered) = registered else {
            return Ok(self.documented(id).await);
        };
        let client = Arc::new(registered.client);
        self.clients.insert(id.to_owned(), client.clone()).await;
        Ok(Some(client))
    }

    /// Keeps a row for a client that is a document, now that somebody signs in to it: grants refer to it. Before that
    /// nothing is kept, so that a stranger with many URLs fills nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_documented(&self, id: &ClientId) -> Result<(), StoreError> {
        if self.config.registration.client_id_documents
            && client_document::url(id).is_some()
            && let Some(client) = self.documented(id.as_str()).await
        {
            self.store
                .keep_document_client(&client, self.clock.now())
                .await?;
        }
        Ok(())
    }

    /// What a stranger's metadata is held to.
    #[must_use]
    pub fn stranger_rules(&self) -> Rules<'_> {
        let settings = &self.config.registration;
        let held = &self.provider.signing_algs;
        Rules {
            by: By::Stranger,
            scopes: &self.provider.scopes,
            signing_algs: held,
            id_token_alg: match held.contains(&SigningAlg::Rs256) {
                // OIDC Dynamic Client Registration §2: the default.
                true => JwsAlg::Rs256,
                false => held.first().copied().unwrap_or_default().into(),
            },
            loopback_redirects: settings.loopback_redirects,
            pkce_optional: settings.pkce_optional,
            mtls: self.provider.mtls.as_ref(),
        }
    }

    async fn documented(&self, id: &str) -> Option<Arc<Client>> {
        let id = ClientId::parse(id)?;
        let url = client_document::url(&id)?;
        if !self.config.registration.client_id_documents {
            return None;
        }
        if self.documents.refused.get(url).await.is_some() {
            return None;
        }
        let found = self
            .documents
            .read
            .try_get_with_by_ref(url, self.fetched(&id, url));
        match found.await {
            Ok(client) => Some(client),
            Err(why) => {
                tracing::info!(%why, "client_document_refused");
                self.documents.refused.insert(url.to_owned(), ()).await;
                None
            }
        }
    }

    async fn fetched(&self, id: &ClientId, url: &str) -> Result<Arc<Client>, String> {
        let answer = self.outbound.send(Send::get(url, "application/json")).await;
        let answer = answer.map_err(|error| error.to_string())?;
        // §4: a 200 of JSON, and nothing else.
        let is_json =
            answer.media_type == "application/json" || answer.media_type.ends_with("+json");
        if !is_json {
            return Err(OutboundError::Document.to_string());
        }
        let body = answer.ok().map_err(|error| error.to_string())?;
        let client = client_document::read(id.clone(), &body, &self.stranger_rules());
        let client = client.map_err(|refusal| refusal.to_string())?;
        let asks_people = client.grant_types.contains(&GrantType::Ciba);
        if asks_people && !self.config.registration.backchannel {
            return Err("the backchannel grant is not for clients of documents".into());
        }
        Ok(Arc::new(client))
    }
}

/// The most documents that are held.
const MOST: u64 = 1_000;
/// How long a document is good: an owner who changes it waits no longer.
const KEPT: Duration = Duration::from_secs(300);
/// How long a URL without one is left alone: nobody makes this server ask there again and again.
const REFUSAL_KEPT: Duration = Duration::from_secs(30);
