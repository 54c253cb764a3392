//! The OpenID Provider.
pub mod store;
pub mod oidc { pub mod client { #[derive(Clone, serde::Serialize, serde::Deserialize)] pub struct Client{pub id: wire::ClientId} 
pub async fn tests_support_register(s:&crate::store::Store, id:&wire::ClientId) { s.register_client(&Client{id:id.clone()}, time::OffsetDateTime::UNIX_EPOCH).await.unwrap(); } } }
